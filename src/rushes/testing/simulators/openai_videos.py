"""A `/v1/videos` server, as the protocol describes it, with faults by script.

It takes what openai-python 3.54 sends: a multipart create, even without a file; look, list,
delete, and content with `Accept: application/binary`. Jobs are made by the clock: queued for
a while, in progress for a while, then completed or failed.

Verbs of a script: connect (a create whose body is not read yet), create, retrieve, list,
delete, content. Faults for every verb: the names in REPLIES (value: more headers), answer
(value: status, body, headers), drop, hang, half (breaks off), slow (value: seconds). For
create also echo (a refusal that quotes prompt and key) and the fates of a job: fail (value:
code and message), never_ends, skip_states, no_content. For retrieve: regress, unknown_word
(value: the word), job_error (value: an HTTP status), forget, restart. For list: lag (value:
seconds), silent, unsorted. For content: short, empty, html_as_video, elsewhere (value: an
address).

    rushes simulate openai_videos --port 0 --log creates.jsonl \
        --script '{"seed": 7, "rules": [{"on": "create", "fault": "drop", "chance": 0.1}]}'
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

import msgspec
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from rushes.clock import Clock
from rushes.testing.simulators.command import Command, serve
from rushes.testing.simulators.films import signed_film, tiny_film, tiny_still
from rushes.testing.simulators.host import Exchange, Reply
from rushes.testing.simulators.jobs import Fields, Job, Pace, Phase, said
from rushes.testing.simulators.openai_errors import REPLIES, error
from rushes.testing.simulators.script import RequestLog, Rule, Script
from rushes.testing.simulators.upstream import SimulatedUpstream, film_reply, has_bearer

HELD_TO: Final = "openai-python 3.54"
"""The SDK whose own client is satisfied with it, in tests; docs/providers.md tells it."""

PROMPT_CHARACTERS_MAX: Final = 32_000
MODEL_DEFAULT: Final = "sora-2"
SECONDS_DEFAULT: Final = "4"
SIZE_DEFAULT: Final = "720x1280"
STATUS: Final[Mapping[Phase, str]] = {
    Phase.WAITING: "queued",
    Phase.RENDERING: "in_progress",
    Phase.DONE: "completed",
    Phase.BROKEN: "failed",
}
BROKE: Final = {"code": "server_error", "message": "The video could not be made."}
IMAGES: Final = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF")
LIST_DEFAULT: Final = 20
LIST_MAX: Final = 100

BENT_LOOKS: Final = frozenset({"regress", "unknown_word", "job_error"})
BENT_LISTS: Final = frozenset({"lag", "silent", "unsorted"})
BENT_CREATES: Final = frozenset({"echo"})
BENT_CONTENT: Final = frozenset({"short", "empty", "html_as_video", "elsewhere"})
LOSSES: Final = frozenset({"forget", "restart"})
BENT: Final = BENT_CREATES | BENT_LOOKS | BENT_LISTS | BENT_CONTENT | LOSSES


@dataclass(frozen=True, slots=True)
class Settings:
    """How a simulated server behaves while nothing goes wrong.

    `key` is the one that opens, None for any. `models` empty means any. `stops` says whether
    DELETE ends an unfinished job; else it is refused. With `signs_films` no two jobs have the
    same film, and the log tells the digest of each.
    """

    pace: Pace = field(default_factory=Pace)
    key: str | None = None
    models: frozenset[str] = frozenset()
    poll_after_ms: int | None = 1000
    stops: bool = True
    signs_films: bool = False


class OpenAIVideosServer(SimulatedUpstream):
    """The ASGI application."""

    verbs = frozenset({"connect", "create", "retrieve", "list", "delete", "content"})
    bent = BENT
    replies = REPLIES

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        script: Script | None = None,
        log: RequestLog | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.settings = settings or Settings()
        super().__init__(pace=self.settings.pace, clock=clock, script=script, log=log)

    async def route(self, parts: Sequence[str], request: Request, exchange: Exchange) -> None:
        """Answer a request by the parts of its path."""
        if not self.opens(request):
            await exchange.answer(self.replies["unauthorized"])
        else:
            match request.method, parts:
                case "POST", ["v1", "videos"]:
                    await self.create(request, exchange)
                case "GET", ["v1", "videos"]:
                    await self._list(request, exchange)
                case "GET", ["v1", "videos", video_id]:
                    await self._retrieve(video_id, exchange)
                case "DELETE", ["v1", "videos", video_id]:
                    await self.delete(video_id, exchange)
                case "GET", ["v1", "videos", video_id, "content"]:
                    variant = request.query_params.get("variant", "video")
                    await self._content(video_id, variant, exchange)
                case _:
                    await exchange.answer(error(404, None, "Unknown request URL."))

    def opens(self, request: Request) -> bool:
        """Say whether a request has the key."""
        return has_bearer(request, self.settings.key)

    # -- create ------------------------------------------------------------------------

    async def fields_of(self, request: Request) -> Fields:
        """Read a form or a JSON object."""
        return await _fields(request)

    def prompt_of(self, fields: Fields) -> str:
        """Return the prompt of a create."""
        return said(fields, "prompt")

    def new_id(self, fields: Fields) -> str:
        """Name a job."""
        return f"video_{self.prefix}{self.count:012x}"

    def created(self, job: Job) -> Reply:
        """Answer a create as a look is answered."""
        return self._look(job)

    def echo(self, fields: Fields, request: Request) -> Reply:
        """Refuse with a sentence that quotes whatever it should not."""
        return error(400, "invalid_value", indiscretion(fields, request), param="prompt")

    def objection(self, fields: Fields) -> Reply | None:
        """Check a create as the protocol asks."""
        prompt, model = said(fields, "prompt"), said(fields, "model", MODEL_DEFAULT)
        reference = fields.get("input_reference")
        if not prompt:
            return error(400, "missing_parameter", "Missing 'prompt'.", param="prompt")
        if len(prompt) > PROMPT_CHARACTERS_MAX:
            return error(400, "string_above_max_length", "Too long.", param="prompt")
        if self.settings.models and model not in self.settings.models:
            return error(404, "model_not_found", "No such model.", param="model")
        if not re.fullmatch(r"[1-9]\d*", said(fields, "seconds", SECONDS_DEFAULT)):
            return error(400, "invalid_value", "'seconds' is not allowed.", param="seconds")
        if not re.fullmatch(r"[1-9]\d*x[1-9]\d*", said(fields, "size", SIZE_DEFAULT)):
            return error(400, "invalid_value", "'size' is not allowed.", param="size")
        if isinstance(reference, bytes) and not reference.startswith(IMAGES):
            return error(400, "invalid_image", "No image.", param="input_reference")
        return None

    # -- look, list, delete ------------------------------------------------------------

    async def _retrieve(self, video_id: str, exchange: Exchange) -> None:
        job = self.jobs.get(video_id)
        rule = self.script.strike("retrieve", job.prompt if job else "")
        fault = rule.fault if rule else ""
        if fault == "restart":
            self.restart()
        if fault in LOSSES:
            job, rule = self.jobs.pop(video_id, None) and None, None
        good = self._look(job) if job else self.replies["not_found"]
        if rule is not None and job is not None and fault in BENT_LOOKS:
            good, rule = self._bent_look(job, rule), None
        await self.spoil(rule, good, exchange)

    def _look(self, job: Job) -> Reply:
        after_ms = None if self.stand(job)[0].is_over else self.settings.poll_after_ms
        headers = {} if after_ms is None else {"openai-poll-after-ms": str(after_ms)}
        return Reply.of(200, self._video(job), headers)

    def _bent_look(self, job: Job, rule: Rule) -> Reply:
        video = self._video(job)
        match rule.fault:
            case "regress":
                return Reply.of(200, video | {"status": "queued", "progress": 0})
            case "unknown_word":
                return Reply.of(200, video | {"status": rule.value or "thinking"})
            case _:  # job_error: the job in the body, a failure in the status line
                return Reply.of(int(rule.value or 500), video)

    def _video(self, job: Job) -> dict[str, object]:
        """Describe a job as it stands now, by all the keys of the protocol."""
        phase, progress = self.stand(job)
        created_at = int(job.created_at.timestamp())
        done_at = created_at + int(self.settings.pace.total_s)
        broke = (job.fate.value if job.fate else None) or BROKE
        return {
            "id": job.id,
            "object": "video",
            "model": job.said("model", MODEL_DEFAULT),
            "status": STATUS[phase],
            "progress": progress,
            "created_at": created_at,
            "completed_at": done_at if phase is Phase.DONE else None,
            "expires_at": None,
            "error": broke if phase is Phase.BROKEN else None,
            "prompt": job.prompt,
            "remixed_from_video_id": None,
            "seconds": job.said("seconds", SECONDS_DEFAULT),
            "size": job.said("size", SIZE_DEFAULT),
        }

    async def _list(self, request: Request, exchange: Exchange) -> None:
        query = request.query_params
        rule = self.script.strike("list")
        fault = rule.fault if rule else ""
        jobs = sorted(self.jobs.values(), key=lambda job: job.id)
        if rule is not None and fault == "lag":
            now = self.clock.now()
            jobs = [job for job in jobs if job.age_s(now) >= float(rule.value)]
        if query.get("order", "desc") == "desc" and fault != "unsorted":
            jobs.reverse()
        ids = [job.id for job in jobs]
        start = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
        limit = query.get("limit", str(LIST_DEFAULT))
        if not limit.isdecimal() or int(limit) > LIST_MAX:
            await exchange.answer(error(400, "invalid_value", "No such limit.", param="limit"))
            return
        page = [self._video(job) for job in jobs[start : start + int(limit)]]
        if fault == "silent":
            page = [video | {"prompt": None} for video in page]
        body = self._page(page, has_more=start + int(limit) < len(jobs))
        await self.spoil(None if fault in BENT_LISTS else rule, Reply.of(200, body), exchange)

    def _page(self, page: list[dict[str, object]], *, has_more: bool) -> dict[str, object]:
        return {
            "object": "list",
            "data": page,
            "first_id": page[0]["id"] if page else None,
            "last_id": page[-1]["id"] if page else None,
            "has_more": has_more,
        }

    async def delete(self, video_id: str, exchange: Exchange) -> None:
        """Delete a job, or refuse to."""
        job = self.jobs.get(video_id)
        rule = self.script.strike("delete", job.prompt if job else "")
        if job is None:
            good = self.replies["not_found"]
        elif self.stand(job)[0].is_over or self.settings.stops:
            good = Reply.of(200, {"id": video_id, "object": "video.deleted", "deleted": True})
            if rule is None or rule.spares:
                del self.jobs[video_id]
        else:
            good = self.unstopped()
        await self.spoil(rule, good, exchange)

    def unstopped(self) -> Reply:
        """Refuse to end an unfinished job."""
        return error(400, "task_not_finished", "The video is not finished.", param="video_id")

    # -- content -----------------------------------------------------------------------

    async def _content(self, video_id: str, variant: str, exchange: Exchange) -> None:
        job = self.jobs.get(video_id)
        rule = self.script.strike("content", job.prompt if job else "")
        good = self._film(job, variant)
        bent = film_reply(rule, good)
        if bent is not None:
            await exchange.answer(bent)
        elif rule is not None and rule.fault == "short":
            await exchange.answer_short(good)
        else:
            await self.spoil(rule, good, exchange)

    def _film(self, job: Job | None, variant: str) -> Reply:
        if job is None or job.has_fate("no_content"):
            return self.replies["not_found"]
        phase = self.stand(job)[0]
        if phase is not Phase.DONE:
            return self.filmless(phase)
        match variant:
            case "video":
                return Reply(200, self._film_of(job), {"content-type": "video/mp4"})
            case "thumbnail":
                return Reply(200, tiny_still("WEBP"), {"content-type": "image/webp"})
            case "spritesheet":
                return Reply(200, tiny_still("JPEG"), {"content-type": "image/jpeg"})
            case _:
                return error(400, "invalid_value", "No such variant.", param="variant")

    def _film_of(self, job: Job) -> bytes:
        return signed_film(job.id) if self.settings.signs_films else tiny_film()

    def film_sha256(self, job: Job) -> str | None:
        """Return the digest of a job's film, where every job has its own."""
        return sha256(self._film_of(job)).hexdigest() if self.settings.signs_films else None

    def filmless(self, phase: Phase) -> Reply:
        """Refuse the film of a job that is not, or never, done."""
        del phase
        return error(400, "task_not_finished", "The video is not finished.", param="video_id")


def indiscretion(fields: Fields, request: Request) -> str:
    """Quote whatever should not be quoted."""
    quotes = (said(fields, "prompt"), request.headers["authorization"], request.url)
    return "We do not like {!r}, asked for with {!r} at {}.".format(*quotes)


async def _fields(request: Request) -> Fields:
    """Read a form or a JSON object; what is neither has no fields."""
    content_type = request.headers.get("content-type", "")
    if content_type.startswith("multipart/form-data"):
        try:
            async with request.form() as form:
                return {
                    name: await value.read() if isinstance(value, UploadFile) else value
                    for name, value in form.items()
                }
        except MultiPartException:
            return {}
    body = await request.body()
    try:
        given = msgspec.json.decode(body, type=dict[str, object])
    except msgspec.DecodeError:
        return {}
    return {name: value for name, value in given.items() if isinstance(value, str)}


def _told(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--poll-after-ms", type=int, default=Settings().poll_after_ms)
    parser.add_argument("--never-stops", action="store_true", help="DELETE ends no running job")
    parser.add_argument("--sign-films", action="store_true", help="no two films are the same")


def _made(command: Command) -> OpenAIVideosServer:
    told = command.told
    settings = Settings(
        pace=command.pace,
        key=told.key,
        poll_after_ms=told.poll_after_ms,
        stops=not told.never_stops,
        signs_films=told.sign_films,
    )
    return OpenAIVideosServer(
        clock=command.clock, script=command.script, log=command.log, settings=settings
    )


def main(words: Sequence[str] | None = None) -> None:
    """Serve until told to stop; the port is the first line on standard output."""
    serve("A simulated /v1/videos server.", _made, more=_told, base_path="/v1", words=words)


if __name__ == "__main__":
    main()
