"""The videos dialect: `/v1/videos`, as OpenAI clients speak it (CONTRACT §7)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec
from starlette.types import Send

from rushes.domain.errors import InvalidValue, Unsupported
from rushes.domain.spec import SECONDS_BY_PROVIDER, Mode
from rushes.domain.task import Status, Task
from rushes.gateway.creates import header_text
from rushes.gateway.door import Gateway
from rushes.gateway.forecast import Forecast
from rushes.http.body import Body
from rushes.http.conditions import Representation
from rushes.http.creating import Creating, creation_headers
from rushes.http.errors import VIDEOS_CODES
from rushes.http.films import send_file, send_stream
from rushes.http.hardening import FILM_HEADERS
from rushes.http.pages import as_list, read_page
from rushes.http.routes import Call, Reply, Route, Streaming
from rushes.observe import log
from rushes.ports import Artifact, ArtifactKind

ROOT: Final = "/v1/videos"
DEFAULT_MODEL: Final = "sora-2"
POLL_AFTER_MS: Final = 2000
WORDS: Final[Mapping[Status, str]] = {
    Status.QUEUED: "queued",
    Status.SUBMITTING: "queued",
    Status.IN_DOUBT: "queued",
    Status.RUNNING: "in_progress",
    Status.STORING: "in_progress",
    Status.SUCCEEDED: "completed",
    Status.FAILED: "failed",
    Status.CANCELED: "failed",
    Status.EXPIRED: "failed",
}
VARIANTS: Final = {
    "video": ArtifactKind.FILM,
    "thumbnail": ArtifactKind.POSTER,
    "last_frame": ArtifactKind.LAST_FRAME,
    "spritesheet": ArtifactKind.SPRITESHEET,
}
_ENCODER: Final = msgspec.json.Encoder()
_JSON: Final = {"Content-Type": "application/json", "Cache-Control": "private, no-cache"}


@dataclass(frozen=True, slots=True)
class Videos:
    """The handlers of one dialect; everything behind them is the gateway's."""

    gateway: Gateway
    creating: Creating
    forecast: Forecast

    def routes(self) -> list[Route]:
        """Return the table's rows."""
        one = f"{ROOT}/{{video_id}}"
        tag = "videos"
        return [
            Route(
                "POST",
                ROOT,
                self.create,
                "Create a video",
                tag,
                request="Create",
                answers={200: "Video"},
                submits=True,
            ),
            Route(
                "GET",
                ROOT,
                self.list,
                "List the caller's videos",
                tag,
                answers={200: "VideoList"},
                query=("limit", "after", "order"),
            ),
            Route(
                "POST",
                f"{ROOT}/edits",
                self.edit,
                "Edit a finished video, or one that comes along",
                tag,
                request="Edit",
                answers={200: "Video"},
                submits=True,
            ),
            Route(
                "POST",
                f"{ROOT}/extensions",
                self.extend,
                "Extend a finished video, or one that comes along",
                tag,
                request="Extension",
                answers={200: "Video"},
                submits=True,
            ),
            Route(
                "POST",
                f"{ROOT}/characters",
                self.no_characters,
                "Characters are not offered",
                tag,
            ),
            Route(
                "GET",
                f"{ROOT}/characters/{{character_id}}",
                self.no_characters,
                "Characters are not offered",
                tag,
            ),
            Route("GET", one, self.retrieve, "Retrieve a video", tag, answers={200: "Video"}),
            Route(
                "DELETE",
                one,
                self.delete,
                "Delete a finished video",
                tag,
                answers={200: "VideoDeleted"},
            ),
            Route(
                "GET",
                f"{one}/content",
                self.content,
                "Download a film or a still of it",
                tag,
                answers={200: "bytes", 206: "bytes", 304: ""},
                query=("variant",),
            ),
            Route(
                "POST",
                f"{one}/remix",
                self.remix,
                "Remix a finished video",
                tag,
                request="Remix",
                answers={200: "Video"},
                submits=True,
            ),
        ]

    async def create(self, call: Call) -> Reply:
        """Accept a task."""
        async with self.creating.body(call) as body:
            return await self._created(call, body)

    async def remix(self, call: Call) -> Reply:
        """Accept a remix of a finished video."""
        return await self._derived(call, Mode.REMIX)

    async def edit(self, call: Call) -> Reply:
        """Accept an edit of a film, in its length and size."""
        return await self._derived(call, Mode.EDIT)

    async def extend(self, call: Call) -> Reply:
        """Accept a film that goes on where another one ends."""
        return await self._derived(call, Mode.EXTEND)

    async def _derived(self, call: Call, mode: Mode) -> Reply:
        async with self.creating.body(call) as body:
            return await self._created(call, body, derives=mode)

    async def _created(self, call: Call, body: Body, *, derives: Mode | None = None) -> Reply:
        created = await self.creating.create(
            call,
            body,
            render,
            default_model=DEFAULT_MODEL,
            derives=derives,
            source_id=call.path.get("video_id"),
        )
        headers = creation_headers(created)
        headers["openai-poll-after-ms"] = str(POLL_AFTER_MS)
        return Reply(created.body, headers=headers)

    async def retrieve(self, call: Call) -> Reply:
        """Tell how a video stands."""
        task = await self.gateway.task(call.caller, call.path["video_id"], param="video_id")
        expected = self.forecast.headers(task.id, task.status, self.gateway.clock.now())
        return Reply(render(task), headers={**_JSON, **_look_headers(task), **expected})

    async def list(self, call: Call) -> Reply:
        """List videos, newest first unless told otherwise."""
        tasks, has_more = await self.gateway.page(read_page(call, limit_min=0))
        data = [video(task) for task in tasks]
        return Reply(_ENCODER.encode(as_list(data, has_more=has_more)), headers=_JSON)

    async def delete(self, call: Call) -> Reply:
        """Remove a finished video."""
        video_id = call.path["video_id"]
        await self.gateway.delete(call.caller, video_id, param="video_id")
        body = {"id": video_id, "object": "video.deleted", "deleted": True}
        return Reply(_ENCODER.encode(body), headers=_JSON)

    async def content(self, call: Call) -> Streaming:
        """Send a film or one of its stills."""
        kind = _variant(call.query().get("variant"))
        task = await self.gateway.task(call.caller, call.path["video_id"], param="video_id")
        artifact = await self.gateway.film(task, kind, param="video_id")
        return Streaming(partial(send_artifact, self.gateway, artifact, disposition=None))

    async def no_characters(self, call: Call) -> Reply:
        """Say that characters are not offered."""
        del call
        raise Unsupported("Characters are not supported by this server.")


async def send_artifact(
    gateway: Gateway,
    artifact: Artifact,
    call: Call,
    shared: Mapping[str, str],
    send: Send,
    *,
    disposition: str | None,
) -> None:
    """Send stored bytes with ranges and conditions, from this machine or through it."""
    shown = Representation(
        size_bytes=artifact.size_bytes,
        etag=f'"{artifact.sha256[:32]}"',
        modified_at=artifact.created_at,
        content_type=artifact.content_type,
        cache_control="private, no-cache",
        disposition=disposition,
        headers={**shared, **FILM_HEADERS, "Repr-Digest": digest_field(artifact.sha256)},
    )
    path = gateway.blobs.local_path(artifact.blob)
    if path is not None:
        sent = await send_file(call.scope, call.receive, send, path, shown)
    else:
        opener = partial(gateway.blobs.open, artifact.blob)
        sent = await send_stream(call.scope, call.receive, send, opener, shown)
    gateway.metrics.downloads.labels(sent.ending.value).inc()
    if sent.cause is not None:
        log.error("a download was cut short", blob=artifact.blob, note=str(sent.cause))


def digest_field(sha256: str) -> str:
    """Return what says which bytes these are, whatever part of them is sent (RFC 9530).

    >>> digest_field("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:'
    """
    return f"sha-256=:{b64encode(bytes.fromhex(sha256)).decode()}:"


def _variant(name: str | None) -> ArtifactKind:
    kind = VARIANTS.get(name or "video")
    if kind is None:
        raise InvalidValue(
            f"'variant' must be one of {', '.join(VARIANTS)}; got {name}.", param="variant"
        )
    return kind


def _look_headers(task: Task) -> dict[str, str]:
    headers = {}
    if task.is_final:
        headers["Rushes-Cost-Microusd"] = str(task.charged_microusd or 0)
    else:
        headers["openai-poll-after-ms"] = str(POLL_AFTER_MS)
    if task.is_rehearsal:
        headers["Rushes-Rehearsal"] = "true"
    if task.served_by is not None:
        headers["Rushes-Model"] = header_text(task.served_by)
    return headers


def render(task: Task) -> bytes:
    """Render the Video object."""
    return _ENCODER.encode(video(task))


def video(task: Task) -> dict[str, object]:
    """Return the Video object: always all thirteen keys, in this order."""
    is_done = task.status is Status.SUCCEEDED
    completed_at = int(task.finished_at.timestamp()) if is_done and task.finished_at else None
    expires_at = int(task.expires_at.timestamp()) if is_done and task.expires_at else None
    spec, measures, failure = task.spec, task.measures, task.failure
    seconds = spec.seconds
    if seconds == SECONDS_BY_PROVIDER and measures is not None:
        seconds = round(measures.seconds)
    error = None
    if failure is not None:
        error = {"code": VIDEOS_CODES[failure.reason], "message": failure.message}
    return {
        "id": task.id,
        "object": "video",
        "model": task.model,
        "status": WORDS[task.status],
        "progress": task.progress,
        "created_at": int(task.created_at.timestamp()),
        "completed_at": completed_at,
        "expires_at": expires_at,
        "error": error,
        "prompt": spec.prompt or None,
        "remixed_from_video_id": spec.source_id if spec.mode is Mode.REMIX else None,
        "seconds": str(seconds),
        "size": str(measures.size if measures else spec.size),
    }
