"""Signed links: `/files/…`, which need no key (CONTRACT §8)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from rushes.domain.errors import ArtifactExpired, TaskNotFound
from rushes.domain.ids import is_task_id
from rushes.gateway.door import Gateway
from rushes.http.links import Links
from rushes.http.routes import Call, Route, Streaming
from rushes.http.videos import send_artifact
from rushes.ports import ArtifactKind


@dataclass(frozen=True, slots=True)
class Files:
    """The handler of signed links."""

    gateway: Gateway
    links: Links

    def routes(self) -> list[Route]:
        """Return the table's rows."""
        return [
            Route(
                "GET",
                "/files/{task_id}/video.mp4",
                self.film,
                "Download a film by its signed link",
                "files",
                answers={200: "bytes", 206: "bytes", 304: ""},
                query=("expires", "signature"),
                needs_key=False,
            )
        ]

    async def film(self, call: Call) -> Streaming:
        """Send a film to whoever holds its link."""
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
        disposition = f'inline; filename="{task_id}.mp4"'
        return Streaming(partial(send_artifact, self.gateway, film, disposition=disposition))
