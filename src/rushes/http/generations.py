"""The generations dialect: `/v1/video/generations` (CONTRACT §4-§6)."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import msgspec
from starlette.types import Send

from rushes.domain.errors import (
    ArtifactTooLarge,
    InvalidValue,
    MissingParameter,
    UpstreamError,
)
from rushes.domain.task import Status, Task
from rushes.gateway.door import Gateway
from rushes.http.creating import Creating, creation_headers
from rushes.http.envelope import Enveloping
from rushes.http.live import Live
from rushes.http.looking import WORDS, Looking, look_of
from rushes.http.pages import as_list, read_page
from rushes.http.routes import Call, Reply, Route, Streaming
from rushes.observe import log
from rushes.ports import Artifact, ArtifactKind

ROOT: Final = "/v1/video/generations"
CHUNK_BYTES: Final = 3 * 64 * 1024
_ENCODER: Final = msgspec.json.Encoder()
_JSON: Final = {"Content-Type": "application/json", "Cache-Control": "private, no-cache"}


@dataclass(frozen=True, slots=True)
class Generations:
    """The handlers of one dialect; everything behind them is the gateway's."""

    gateway: Gateway
    creating: Creating
    looking: Looking
    live: Live
    enveloping: Enveloping
    download_bytes_max: int

    def routes(self) -> list[Route]:
        """Return the table's rows."""
        one = f"{ROOT}/{{task_id}}"
        tag = "generations"
        wrapped = self.enveloping.refusals
        return [
            Route(
                "POST",
                ROOT,
                wrapped(self.submit),
                "Submit a video task",
                tag,
                request="Create",
                answers={200: "Submitted"},
                submits=True,
            ),
            Route(
                "GET",
                ROOT,
                self.list,
                "List the caller's tasks",
                tag,
                answers={200: "GenerationList"},
                query=("limit", "after", "order", "status", "model"),
            ),
            Route(
                "GET",
                f"{ROOT}/download",
                self.download,
                "Download a film as base64 in JSON",
                tag,
                answers={200: "Download"},
                query=("id",),
            ),
            Route(
                "GET",
                one,
                wrapped(self.live.query),
                "Query a task; long-poll with `wait` or `Prefer: wait=N`",
                tag,
                answers={200: "Generation", 304: ""},
                query=("wait",),
            ),
            Route(
                "DELETE",
                one,
                self.delete,
                "Delete a finished task",
                tag,
                answers={200: "GenerationDeleted"},
            ),
            Route(
                "GET",
                f"{one}/events",
                self.live.events,
                "Follow a task as server-sent events",
                tag,
                answers={200: "text/event-stream", 204: ""},
                has_head=False,
            ),
            Route(
                "POST",
                f"{one}/cancel",
                wrapped(self.cancel),
                "Cancel a task",
                tag,
                answers={200: "Generation"},
            ),
        ]

    async def submit(self, call: Call) -> Reply:
        """Accept a task."""
        is_wrapped = self.enveloping.styles.wraps(call.caller)
        render = self.enveloping.submitted if is_wrapped else submitted
        async with self.creating.body(call) as body:
            created = await self.creating.create(call, body, render)
        return Reply(created.body, headers=creation_headers(created))

    async def list(self, call: Call) -> Reply:
        """List tasks, newest first unless told otherwise."""
        query = call.query()
        page = replace(
            read_page(call, limit_min=1),
            statuses=_statuses(query.get("status")),
            model=query.get("model") or None,
        )
        tasks, has_more = await self.gateway.page(page)
        at = self.gateway.clock.now()
        data = [
            {
                **self.looking.flat(task.id, look_of(task), at),
                "created_at": int(task.created_at.timestamp()),
                "model": task.model,
            }
            for task in tasks
        ]
        return Reply(_ENCODER.encode(as_list(data, has_more=has_more)), headers=_JSON)

    async def cancel(self, call: Call) -> Reply:
        """Cancel a task: the answer is its final state already."""
        task = await self.gateway.cancel(call.caller, call.path["task_id"])
        look, at = look_of(task), self.gateway.clock.now()
        headers = self.looking.headers(task.id, look, self.looking.etag(look, at), at)
        if self.enveloping.styles.wraps(call.caller):
            return Reply(self.enveloping.body(task, at), headers=headers)
        return Reply(self.looking.body(task.id, look, at), headers=headers)

    async def delete(self, call: Call) -> Reply:
        """Remove a finished task."""
        task_id = call.path["task_id"]
        await self.gateway.delete(call.caller, task_id, param="task_id")
        return Reply(_ENCODER.encode({"task_id": task_id, "deleted": True}), headers=_JSON)

    async def download(self, call: Call) -> Streaming:
        """Send a film as base64 in JSON, in constant memory: twice, as the page has it."""
        task_id = call.query().get("id", "")
        if not task_id:
            raise MissingParameter("'id' is required.", param="id")
        task = await self.gateway.task(call.caller, task_id, param="id")
        film = await self.gateway.film(task, ArtifactKind.FILM, param="id")
        if film.size_bytes > self.download_bytes_max:
            address = self.looking.links.content(task_id)
            raise ArtifactTooLarge(
                f"The film has {film.size_bytes} bytes; this route answers at most "
                f"{self.download_bytes_max}. Use {address}.",
                param="id",
            )
        return Streaming(_Download(self.gateway, task_id, film).send)


@dataclass(frozen=True, slots=True)
class _Download:
    """One JSON download under way."""

    gateway: Gateway
    task_id: str
    film: Artifact

    async def send(self, call: Call, shared: Mapping[str, str], send: Send) -> None:
        """Send the head, the film, and the film again."""
        await self._check_it_is_there()
        head, middle, tail = self._frame()
        encoded = 4 * ((self.film.size_bytes + 2) // 3)
        length = len(head) + len(middle) + len(tail) + 2 * encoded
        headers = {**shared, **_JSON, "Content-Length": str(length)}
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        if call.method == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        for opening in (head, middle):
            await send({"type": "http.response.body", "body": opening, "more_body": True})
            async for piece in self._base64():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": tail})

    async def _check_it_is_there(self) -> None:
        try:
            found = await self.gateway.blobs.stat(self.film.blob)
        except OSError as error:
            log.error("a film could not be read", blob=self.film.blob, note=str(error))
            found = None
        if found is None:
            raise UpstreamError("The film could not be read from storage. Try again.")

    def _frame(self) -> tuple[bytes, bytes, bytes]:
        facts = {
            "success": True,
            "generation_id": self.task_id,
            "task_id": self.task_id,
            "format": "mp4",
            "size": self.film.size_bytes,
            "base64": "",
        }
        head = _ENCODER.encode(facts).removesuffix(b'"}')
        return head, b'","data_url":"data:video/mp4;base64,', b'"}'

    async def _base64(self) -> AsyncIterator[bytes]:
        """Encode in whole groups of three bytes, whatever size the chunks come in."""
        rest = b""
        async for chunk in self.gateway.blobs.open(self.film.blob):
            rest += chunk
            whole = len(rest) - len(rest) % 3
            if whole >= CHUNK_BYTES:
                yield base64.b64encode(rest[:whole])
                rest = rest[whole:]
        yield base64.b64encode(rest)


def submitted(task: Task) -> bytes:
    """Render the answer to a submit (CONTRACT §4), keys in their order."""
    return _ENCODER.encode(
        {
            "id": task.id,
            "task_id": task.id,
            "object": "video",
            "model": task.model,
            "status": WORDS[task.status],
            "progress": 0,
            "created_at": int(task.created_at.timestamp()),
            "format": "mp4",
        }
    )


def _statuses(word: str | None) -> frozenset[Status]:
    if not word:
        return frozenset()
    found = frozenset(status for status, known in WORDS.items() if known == word)
    if not found:
        words = ", ".join(dict.fromkeys(WORDS.values()))
        raise InvalidValue(f"'status' must be one of {words}; got {word}.", param="status")
    return found
