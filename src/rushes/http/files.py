"""Signed links: `/files/…`, which need no key (CONTRACT §8).

Bytes go out from here, or from the bucket itself: then the answer is a redirect to an address that
the bucket's credentials signed a moment ago. The link that callers hold is ours either way, so that
it answers 410 after retention and dies with its task.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from rushes.domain.errors import ArtifactExpired, TaskNotFound, UpstreamError
from rushes.domain.ids import is_task_id
from rushes.gateway.door import Gateway
from rushes.http.links import Links
from rushes.http.routes import Call, Reply, Route, Streaming
from rushes.http.videos import send_artifact
from rushes.observe import log
from rushes.ports import Artifact, ArtifactKind

Sign = Callable[[str, str], Awaitable[str]]
"""Returns an address of the bucket's own for (blob, method)."""

SIGNED_TO_ASK: Final = "probe/console"
"""A name that no film has: signed only to see where the bucket's addresses lead."""


@dataclass(frozen=True, slots=True)
class Files:
    """The handler of signed links. `sign` is None where films go out through us."""

    gateway: Gateway
    links: Links
    sign: Sign | None = None

    def routes(self) -> list[Route]:
        """Return the table's rows."""
        return [
            Route(
                "GET",
                "/files/{task_id}/video.mp4",
                self.film,
                "Download a film by its signed link",
                "files",
                answers={200: "video/mp4", 206: "video/mp4", 304: "", 307: ""},
                query=("expires", "signature"),
                needs_key=False,
            )
        ]

    async def film(self, call: Call) -> Streaming | Reply:
        """Send a film to whoever holds its link, or send them to where it is."""
        task_id, query = call.path["task_id"], call.query()
        at = self.gateway.clock.now()
        self.links.check(task_id, query.get("expires", ""), query.get("signature", ""), at)
        task = None
        if is_task_id(task_id):
            task = await self.gateway.store.read(lambda tx: tx.task(task_id))
        if task is None:
            raise TaskNotFound(f"There is no task {task_id}.", param="task_id")
        film = await self.gateway.kept(task_id, ArtifactKind.FILM)
        if task.is_film_gone or film is None:
            raise ArtifactExpired("This film has expired and was removed.")
        if self.sign is not None:
            return await self._elsewhere(film, call.method)
        disposition = f'inline; filename="{task_id}.mp4"'
        return Streaming(partial(send_artifact, self.gateway, film, disposition=disposition))

    async def _elsewhere(self, film: Artifact, method: str) -> Reply:
        if self.sign is None:
            raise RuntimeError("there is nothing to sign with")
        try:
            address = await self.sign(film.blob, method)
        except OSError as error:
            log.error("an address of the bucket could not be signed", note=str(error))
            raise UpstreamError("The film could not be read from storage. Try again.") from error
        return Reply(status=307, headers={"Location": address, "Cache-Control": "no-store"})


class FilmOrigins:
    """Where films come from, for the policies of our pages; `sign` as above.

    A bucket's address depends on its maker and its region; the one who signs knows it, and is
    asked once.
    """

    def __init__(self, public_url: str, sign: Sign | None) -> None:
        self._own = origin_of(public_url)
        self._sign = sign
        self._elsewhere: str | None = None

    async def told(self) -> tuple[str, ...]:
        """Return our own public address, and the bucket's if it sends them."""
        if self._sign is None:
            return (self._own,)
        if self._elsewhere is None:
            try:
                self._elsewhere = origin_of(await self._sign(SIGNED_TO_ASK, "GET"))
            except OSError as error:
                log.warning("a page cannot tell where films come from", note=str(error))
                return (self._own,)
        return (self._own, self._elsewhere)


def origin_of(address: str) -> str:
    """Return scheme, host and port of an address, as a policy names them.

    >>> origin_of("https://films.s3.example.com:9000/a/b?signature=c")
    'https://films.s3.example.com:9000'
    """
    split = urlsplit(address)
    return f"{split.scheme}://{split.netloc.rpartition('@')[2]}"
