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

    python -m rushes.testing.simulators.openai_videos --port 0 --log creates.jsonl \
        --script '{"seed": 7, "rules": [{"on": "create", "fault": "drop", "chance": 0.1}]}'
"""

from __future__ import annotations

import argparse
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

import msgspec
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from rushes.clock import Clock, SystemClock
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.command import Command, serve
from rushes.testing.simulators.films import tiny_film, tiny_still
from rushes.testing.simulators.host import Exchange, Reply
from rushes.testing.simulators.jobs import FATES, Job, Pace, Phase, said
from rushes.testing.simulators.openai_errors import PAGE, REPLIES, error
from rushes.testing.simulators.script import RequestLog, Rule, Script

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

Fields = dict[str, str | bytes]


WIRE: Final = frozenset({"answer", "drop", "hang", "half", "slow"})
BENT_LOOKS: Final = frozenset({"regress", "unknown_word", "job_error"})
BENT_LISTS: Final = frozenset({"lag", "silent", "unsorted"})
BENT_CREATES: Final = frozenset({"echo"})
BENT_CONTENT: Final = frozenset({"short", "empty", "html_as_video", "elsewhere"})
LOSSES: Final = frozenset({"forget", "restart"})
BENT: Final = BENT_CREATES | BENT_LOOKS | BENT_LISTS | BENT_CONTENT | LOSSES
FAULTS: Final = frozenset(REPLIES) | WIRE | FATES | BENT
VERBS: Final = frozenset({"connect", "create", "retrieve", "list", "delete", "content"})


@dataclass(frozen=True, slots=True)
class Settings:
    """How a simulated server behaves while nothing goes wrong.

    `key` is the one that opens, None for any. `models` empty means any. `stops` says whether
    DELETE ends an unfinished job; else it is refused.
    """

    pace: Pace = field(default_factory=Pace)
    key: str | None = None
    models: frozenset[str] = frozenset()
    poll_after_ms: int | None = 1000
    stops: bool = True


@dataclass(frozen=True, slots=True)
class Told:
    """The value of the fault `answer`: what to say, word for word."""

    status: int
    body: object
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came in: its path as written, its headers by lowercase names."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


class OpenAIVideosServer:
    """The ASGI application."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        script: Script | None = None,
        log: RequestLog | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.clock = clock or SystemClock()
        self.script = script or Script()
        self.script.check(VERBS, FAULTS)
        self.log = log or RequestLog()
        self.settings = settings or Settings()
        self.seen: list[Seen] = []
        self.jobs: dict[str, Job] = {}
        self._prefix = secrets.token_hex(10)
        self._count = 0

    def restart(self) -> None:
        """Forget every job, as a server that keeps them in memory does."""
        self.jobs.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        headers = {name.lower(): value for name, value in request.headers.items()}
        path = scope["raw_path"].decode("ascii")
        self.seen.append(Seen(request.method, path, request.url.query, headers))
        exchange = Exchange(scope, receive, send, at=self.clock.now())
        try:
            await self._route([unquote(part) for part in path[1:].split("/")], request, exchange)
        except ClientDisconnect:
            await exchange.hang()

    async def _route(self, parts: Sequence[str], request: Request, exchange: Exchange) -> None:
        if parts[0] == "_simulator":
            await exchange.answer(await self._control(parts[1:], request))
        elif not self._opens(request):
            await exchange.answer(REPLIES["unauthorized"])
        else:
            match request.method, parts:
                case "POST", ["v1", "videos"]:
                    await self._create(request, exchange)
                case "GET", ["v1", "videos"]:
                    await self._list(request, exchange)
                case "GET", ["v1", "videos", video_id]:
                    await self._retrieve(video_id, exchange)
                case "DELETE", ["v1", "videos", video_id]:
                    await self._delete(video_id, exchange)
                case "GET", ["v1", "videos", video_id, "content"]:
                    variant = request.query_params.get("variant", "video")
                    await self._content(video_id, variant, exchange)
                case _:
                    await exchange.answer(error(404, None, "Unknown request URL."))

    def _opens(self, request: Request) -> bool:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        return scheme == "Bearer" and bool(key) and self.settings.key in {None, key}

    # -- create ------------------------------------------------------------------------

    async def _create(self, request: Request, exchange: Exchange) -> None:
        """Make a job, or spoil it; every attempt is on record before it is answered."""
        early = self.script.strike("connect")
        if early is not None:
            self._note({}, early, None)
            await self._spoil(early, REPLIES["server_error"], exchange)
            return
        fields = await _fields(request)
        rule = self.script.strike("create", said(fields, "prompt"))
        fate = rule if rule is not None and rule.fault in FATES else None
        refusal = self._objection(fields)
        accepts = refusal is None and (rule is None or fate is not None or rule.spares)
        job = self._accept(fields, fate) if accepts else None
        self._note(fields, rule, job)
        good = refusal or (self._look(job) if job else REPLIES["server_error"])
        if rule is not None and rule.fault == "echo":
            good, rule = _echo(fields, request), None
        await self._spoil(None if fate else rule, good, exchange)

    def _objection(self, fields: Fields) -> Reply | None:
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

    def _accept(self, fields: Fields, fate: Rule | None) -> Job:
        self._count += 1
        job = Job(
            id=f"video_{self._prefix}{self._count:012x}",
            prompt=said(fields, "prompt"),
            created_at=self.clock.now(),
            fate=fate,
            fields=fields,
        )
        self.jobs[job.id] = job
        return job

    def _note(self, fields: Fields, rule: Rule | None, job: Job | None) -> None:
        self.log.note(
            at=self.clock.now().isoformat(),
            prompt=said(fields, "prompt") or None,
            accepted=job is not None,
            job_id=job.id if job else None,
            fault=rule.fault if rule else None,
        )

    # -- look, list, delete ------------------------------------------------------------

    async def _retrieve(self, video_id: str, exchange: Exchange) -> None:
        job = self.jobs.get(video_id)
        rule = self.script.strike("retrieve", job.prompt if job else "")
        fault = rule.fault if rule else ""
        if fault == "restart":
            self.restart()
        if fault in LOSSES:
            job, rule = self.jobs.pop(video_id, None) and None, None
        good = self._look(job) if job else REPLIES["not_found"]
        if rule is not None and job is not None and fault in BENT_LOOKS:
            good, rule = self._bent_look(job, rule), None
        await self._spoil(rule, good, exchange)

    def _look(self, job: Job) -> Reply:
        after_ms = None if self._stand(job)[0].is_over else self.settings.poll_after_ms
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
        phase, progress = self._stand(job)
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

    def _stand(self, job: Job) -> tuple[Phase, int]:
        return job.stand(self.settings.pace, self.clock.now())

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
        body = {
            "object": "list",
            "data": page,
            "first_id": page[0]["id"] if page else None,
            "last_id": page[-1]["id"] if page else None,
            "has_more": start + int(limit) < len(jobs),
        }
        await self._spoil(None if fault in BENT_LISTS else rule, Reply.of(200, body), exchange)

    async def _delete(self, video_id: str, exchange: Exchange) -> None:
        job = self.jobs.get(video_id)
        rule = self.script.strike("delete", job.prompt if job else "")
        if job is None:
            good = REPLIES["not_found"]
        elif self._stand(job)[0].is_over or self.settings.stops:
            good = Reply.of(200, {"id": video_id, "object": "video.deleted", "deleted": True})
            if rule is None or rule.spares:
                del self.jobs[video_id]
        else:
            good = error(400, "task_not_finished", "The video is not finished.", param="video_id")
        await self._spoil(rule, good, exchange)

    # -- content -----------------------------------------------------------------------

    async def _content(self, video_id: str, variant: str, exchange: Exchange) -> None:
        job = self.jobs.get(video_id)
        rule = self.script.strike("content", job.prompt if job else "")
        good = self._film(job, variant)
        match rule.fault if rule else "":
            case "short":
                await exchange.answer_short(good)
            case "empty":
                await exchange.answer(Reply(200, b"", good.headers))
            case "html_as_video":
                await exchange.answer(Reply(200, PAGE, good.headers))
            case "elsewhere":
                target = str(rule.value) if rule else ""
                await exchange.answer(Reply(307, b"", {"location": target}))
            case _:
                await self._spoil(rule, good, exchange)

    def _film(self, job: Job | None, variant: str) -> Reply:
        if job is None or job.has_fate("no_content"):
            return REPLIES["not_found"]
        if self._stand(job)[0] is not Phase.DONE:
            return error(400, "task_not_finished", "The video is not finished.", param="video_id")
        match variant:
            case "video":
                return Reply(200, tiny_film(), {"content-type": "video/mp4"})
            case "thumbnail":
                return Reply(200, tiny_still("WEBP"), {"content-type": "image/webp"})
            case "spritesheet":
                return Reply(200, tiny_still("JPEG"), {"content-type": "image/jpeg"})
            case _:
                return error(400, "invalid_value", "No such variant.", param="variant")

    # -- faults and control ------------------------------------------------------------

    async def _spoil(self, rule: Rule | None, good: Reply, exchange: Exchange) -> None:
        """Answer well, or as badly as a rule wants it."""
        match rule.fault if rule else "":
            case "":
                await exchange.answer(good)
            case "drop":
                await exchange.drop()
            case "hang":
                await exchange.hang()
            case "half":
                await exchange.answer_half(good)
            case "slow":
                await exchange.pause(float(rule.value) if rule else 0.0)
                await exchange.answer(good)
            case "answer":
                told = msgspec.convert(rule.value if rule else None, Told)
                await exchange.answer(Reply.of(told.status, told.body, told.headers))
            case fault:
                bad = REPLIES[fault]
                more = rule.value if rule is not None and isinstance(rule.value, dict) else {}
                await exchange.answer(Reply(bad.status, bad.body, {**bad.headers, **more}))

    async def _control(self, verb: Sequence[str], request: Request) -> Reply:
        """Steer a simulator that runs as its own process."""
        match request.method, verb:
            case "POST", ["advance"] if isinstance(self.clock, ManualClock):
                self.clock.advance(float((await request.json())["seconds"]))
            case "POST", ["rules"]:
                script = Script.read((await request.body()).decode())
                script.check(VERBS, FAULTS)
                self.script.clear()
                self.script.add(*script.rules)
            case "POST", ["restart"]:
                self.restart()
            case "GET", ["log"]:
                return Reply.of(200, self.log.entries)
            case _:
                return REPLIES["not_found"]
        return Reply.of(200, {})


def _echo(fields: Fields, request: Request) -> Reply:
    """Refuse with a sentence that quotes whatever it should not."""
    quotes = (said(fields, "prompt"), request.headers["authorization"], request.url)
    message = "We do not like {!r}, asked for with {!r} at {}.".format(*quotes)
    return error(400, "invalid_value", message, param="prompt")


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


def _made(command: Command) -> OpenAIVideosServer:
    told = command.told
    settings = Settings(
        pace=command.pace,
        key=told.key,
        poll_after_ms=told.poll_after_ms,
        stops=not told.never_stops,
    )
    return OpenAIVideosServer(
        clock=command.clock, script=command.script, log=command.log, settings=settings
    )


def main(words: Sequence[str] | None = None) -> None:
    """Serve until told to stop; the port is the first line on standard output."""
    serve("A simulated /v1/videos server.", _made, more=_told, words=words)


if __name__ == "__main__":
    main()
