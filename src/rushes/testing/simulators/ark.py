"""Volcengine Ark's tasks for Seedance, as the protocol describes them, with faults by script.

It takes what volcengine-ark-runtime 5.0.54 sends: explicit nulls, unknown keys, repeated
filters. Tasks are made by the clock: queued for a while, running for a while, then succeeded or
failed; expired, if not done within execution_expires_after. Records last 7 days, canceled ones
24 h. DELETE cancels what is queued, refuses what is running or canceled, and removes the record
of what is over. Films are on a host of their own (`localhost`), behind signed links that end
after 24 h and take no key. A create with a callback_url is called back at each change of state,
unsigned; the last call is tried four times.

Not known, and guessed here: what a task that is not done tells beside its state; that the list
is newest first; that a look never signs a fresh link (`refreshes` says that it does); that a
canceled task cannot be deleted twice is known, its code is not.

Verbs of a script: connect (a create whose body is not read yet), create, retrieve, list,
delete, content, callback. Faults for every verb but callback: the names in REPLIES (value: more
headers), answer (value: status, body, headers), drop, hang, half (breaks off), slow (value:
seconds). For create also echo (a refusal that quotes prompt and key) and the fates of a task:
fail (value: code and message), never_ends, skip_states, no_content (a link to nothing). For
retrieve: regress, unknown_word (value: the word), job_error (value: an HTTP status), no_film
(succeeded, without a link), forget, restart. For list: lag (value: seconds), silent (echoes
nothing), unsorted. For content: expired_link, short, empty, html_as_video, elsewhere (value: an
address). For callback: lost, duplicate, held.

    rushes simulate ark --port 0 --log creates.jsonl \
        --script '{"seed": 7, "rules": [{"on": "create", "fault": "drop", "chance": 0.1}]}'
"""

from __future__ import annotations

import argparse
import asyncio
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from starlette.requests import Request

from rushes.clock import Clock
from rushes.testing.simulators import callbacks
from rushes.testing.simulators.ark_errors import EXPIRED_LINK, REPLIES, error
from rushes.testing.simulators.ark_wishes import (
    EXPIRES_AFTER_S,
    PIXELS,
    SECONDS,
    objection,
    text_of,
    whole,
)
from rushes.testing.simulators.callbacks import Call, Callbacks
from rushes.testing.simulators.command import Command, serve
from rushes.testing.simulators.films import tiny_film, tiny_still
from rushes.testing.simulators.host import Exchange, Reply
from rushes.testing.simulators.jobs import Fields, Job, Pace, Phase
from rushes.testing.simulators.script import RequestLog, Rule, Script
from rushes.testing.simulators.upstream import (
    SimulatedUpstream,
    film_reply,
    has_bearer,
    json_fields,
)

HELD_TO: Final = "volcengine-ark-runtime 5.0.54"
STATES: Final[Mapping[Phase, str]] = {
    Phase.WAITING: "queued",
    Phase.RENDERING: "running",
    Phase.DONE: "succeeded",
    Phase.BROKEN: "failed",
}
BROKE: Final = {"code": "InternalServiceError", "message": "An unexpected internal error."}
TASKS: Final = ["api", "v3", "contents", "generations", "tasks"]
FPS: Final = 24
LINK_S: Final = 24 * 3600
RECORD_S: Final = 7 * 24 * 3600
CANCELED_RECORD_S: Final = 24 * 3600
LIST_DEFAULT: Final = 10
LIST_MAX: Final = 500
LAST_CALL_TRIES: Final = 4
RING_LAG_S: Final = 0.02
"""How much later than a change it is called back, so that no clock is still before it."""

BENT_LOOKS: Final = frozenset({"regress", "unknown_word", "job_error", "no_film"})
BENT_LISTS: Final = frozenset({"lag", "silent", "unsorted"})
BENT_CONTENT: Final = frozenset({"short", "empty", "html_as_video", "elsewhere"})
LOSSES: Final = frozenset({"forget", "restart"})
BENT: Final = BENT_LOOKS | BENT_LISTS | BENT_CONTENT | LOSSES | callbacks.FAULTS | {"echo"}


@dataclass(frozen=True, slots=True)
class Settings:
    """How a simulated Ark behaves while nothing goes wrong.

    `key` is the one that opens, None for any. `models` empty means any. `film_host` is where
    films are said to be: a name of this machine that is not the one the API is called by.
    `refreshes` says whether a look signs a fresh link. `tells_token` says whether a task comes
    back with its safety_identifier.
    """

    pace: Pace = field(default_factory=Pace)
    key: str | None = None
    models: frozenset[str] = frozenset()
    film_host: str = "localhost"
    refreshes: bool = False
    tells_token: bool = True


class ArkServer(SimulatedUpstream):
    """The ASGI application."""

    verbs = frozenset({"connect", "create", "retrieve", "list", "delete", "content", "callback"})
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
        self.callbacks = Callbacks()
        self._canceled: dict[str, datetime] = {}
        self._told: dict[str, str] = {}
        self._port = 0
        self._rings: set[asyncio.Task[None]] = set()

    async def route(self, parts: Sequence[str], request: Request, exchange: Exchange) -> None:
        """Answer a request by the parts of its path."""
        self._port = request.scope["server"][1]
        if parts[0] == "films":
            await self._content(parts[-1], request, exchange)
        elif not self.opens(request):
            await exchange.answer(REPLIES["unauthorized"])
        else:
            match request.method, parts[: len(TASKS)] == TASKS, parts[len(TASKS) :]:
                case "POST", True, []:
                    await self.create(request, exchange)
                case "GET", True, []:
                    await self._list(request, exchange)
                case "GET", True, [task_id]:
                    await self._retrieve(task_id, exchange)
                case "DELETE", True, [task_id]:
                    await self._delete(task_id, exchange)
                case _:
                    await exchange.answer(error(404, "NotFound", "No such path."))

    def opens(self, request: Request) -> bool:
        """Say whether a request has the key."""
        return has_bearer(request, self.settings.key)

    # -- create ------------------------------------------------------------------------

    async def fields_of(self, request: Request) -> Fields:
        """Read a JSON object."""
        return await json_fields(request)

    def prompt_of(self, fields: Fields) -> str:
        """Return the prompt of a create."""
        return text_of(fields)

    def objection(self, fields: Fields) -> Reply | None:
        """Check a create as the protocol asks."""
        return objection(fields, self.settings.models)

    def new_id(self, fields: Fields) -> str:
        """Name a task."""
        return f"cgt-{self.clock.now():%Y%m%d%H%M%S}-{self.prefix[:4]}{self.count}"

    def created(self, job: Job) -> Reply:
        """Answer a create with an id, and see to it that its changes are called back."""
        if job.said("callback_url"):
            for delay_s in (0.0, self.pace.queue_s + RING_LAG_S, self.pace.total_s + RING_LAG_S):
                asyncio.get_running_loop().call_later(delay_s, self._ring_soon)
        told = {"id": job.id}
        if self.settings.tells_token and job.said("safety_identifier"):
            told["safety_identifier"] = job.said("safety_identifier")
        return Reply.of(200, told)

    def echo(self, fields: Fields, request: Request) -> Reply:
        """Refuse with a sentence that quotes whatever it should not."""
        quotes = (self.prompt_of(fields), request.headers["authorization"], request.url)
        message = "We do not like {!r}, asked for with {!r} at {}.".format(*quotes)
        return error(400, "InvalidParameter", message, param="content")

    # -- look, list, delete ------------------------------------------------------------

    def state(self, job: Job) -> str:
        """Return the word for where a task stands now."""
        if job.id in self._canceled:
            return "cancelled"
        phase = self.stand(job)[0]
        limit_s = whole(job.fields, "execution_expires_after", EXPIRES_AFTER_S)
        if not phase.is_over and job.age_s(self.clock.now()) >= limit_s:
            return "expired"
        return STATES[phase]

    def _on_record(self, task_id: str) -> Job | None:
        job, now = self.jobs.get(task_id), self.clock.now()
        if job is None or job.age_s(now) >= RECORD_S:
            return None
        canceled_at = self._canceled.get(task_id, now)
        return job if (now - canceled_at).total_seconds() < CANCELED_RECORD_S else None

    async def _retrieve(self, task_id: str, exchange: Exchange) -> None:
        job = self._on_record(task_id)
        rule = self.script.strike("retrieve", job.prompt if job else "")
        fault = rule.fault if rule else ""
        if fault == "restart":
            self.restart()
        if fault in LOSSES:
            job, rule = self.jobs.pop(task_id, None) and None, None
        good = Reply.of(200, self.task(job)) if job else REPLIES["not_found"]
        if rule is not None and job is not None and fault in BENT_LOOKS:
            good, rule = self._bent_look(job, rule), None
        await self.spoil(rule, good, exchange)

    def _bent_look(self, job: Job, rule: Rule) -> Reply:
        match rule.fault:
            case "regress":
                return Reply.of(200, self.task(job, "queued"))
            case "unknown_word":
                return Reply.of(200, self.task(job, str(rule.value or "thinking")))
            case "no_film":
                return Reply.of(200, self.task(job, "succeeded") | {"content": None})
            case _:  # job_error: the task in the body, a failure in the status line
                return Reply.of(int(rule.value or 500), self.task(job))

    def task(self, job: Job, word: str | None = None) -> dict[str, object]:
        """Describe a task as it stands now, or as if it stood where `word` says."""
        word = word or self.state(job)
        created_at = int(job.created_at.timestamp())
        lasted_s = {"queued": 0.0, "running": self.pace.queue_s}.get(word, self.pace.total_s)
        said: dict[str, object] = {
            "id": job.id,
            "model": job.said("model"),
            "status": word,
            "created_at": created_at,
            "updated_at": created_at + int(lasted_s),
            "service_tier": job.said("service_tier", "default"),
            "execution_expires_after": whole(
                job.fields, "execution_expires_after", EXPIRES_AFTER_S
            ),
        }
        if self.settings.tells_token and job.said("safety_identifier"):
            said["safety_identifier"] = job.said("safety_identifier")
        if word == "failed":
            said["error"] = (job.fate.value if job.fate else None) or BROKE
        if word == "succeeded":
            said |= self._result(job)
        return said

    def _result(self, job: Job) -> dict[str, object]:
        seed, seconds = whole(job.fields, "seed", -1), whole(job.fields, "duration", SECONDS)
        seconds = SECONDS if seconds == -1 else seconds
        resolution, ratio = job.said("resolution", "720p"), job.said("ratio", "16:9")
        tokens = PIXELS[resolution] * FPS * seconds // 1024
        content = {"video_url": self._link(job, "mp4")}
        if job.fields.get("return_last_frame"):
            content["last_frame_url"] = self._link(job, "png")
        return {
            "error": None,
            "content": content,
            "usage": {"completion_tokens": tokens, "total_tokens": tokens},
            "seed": zlib.crc32(job.id.encode()) if seed == -1 else seed,
            "resolution": resolution,
            "ratio": "16:9" if ratio == "adaptive" else ratio,
            "duration": seconds,
            "framespersecond": FPS,
            "generate_audio": job.fields.get("generate_audio") is not False,
            "draft": False,
            "priority": 0,
        }

    def _link(self, job: Job, extension: str) -> str:
        done_at = job.created_at + timedelta(seconds=self.pace.total_s)
        signed_at = self.clock.now() if self.settings.refreshes else done_at
        query = f"X-Tos-Date={int(signed_at.timestamp())}&X-Tos-Expires={LINK_S}&X-Tos-Signature=1"
        return f"http://{self.settings.film_host}:{self._port}/films/{job.id}.{extension}?{query}"

    async def _list(self, request: Request, exchange: Exchange) -> None:
        query, now = request.query_params, self.clock.now()
        rule = self.script.strike("list")
        fault = rule.fault if rule else ""
        page_num, page_size = query.get("page_num", "1"), query.get("page_size", str(LIST_DEFAULT))
        for name, value in (("page_num", page_num), ("page_size", page_size)):
            if not value.isdecimal() or not 1 <= int(value) <= LIST_MAX:
                await exchange.answer(error(400, "InvalidParameter", "No.", param=name))
                return
        jobs = [job for job in self.jobs.values() if self._on_record(job.id)]
        jobs = [job for job in jobs if self._passes(job, request)]
        if rule is not None and fault == "lag":
            jobs = [job for job in jobs if job.age_s(now) >= float(rule.value)]
        if fault != "unsorted":
            jobs.reverse()
        start = (int(page_num) - 1) * int(page_size)
        items = [self.task(job) for job in jobs[start : start + int(page_size)]]
        if fault == "silent":
            kept = ("id", "status", "created_at", "updated_at")
            items = [{name: item[name] for name in kept} for item in items]
        good = Reply.of(200, {"total": len(jobs), "items": items})
        await self.spoil(None if fault in BENT_LISTS else rule, good, exchange)

    def _passes(self, job: Job, request: Request) -> bool:
        """Say whether a task passes the filters of a list."""
        query = request.query_params
        told = {
            "filter.status": self.state(job),
            "filter.model": job.said("model"),
            "filter.service_tier": job.said("service_tier", "default"),
        }
        if any(query.get(name, value) != value for name, value in told.items()):
            return False
        ids = query.getlist("filter.task_ids")
        return not ids or job.id in ids

    async def _delete(self, task_id: str, exchange: Exchange) -> None:
        job = self._on_record(task_id)
        rule = self.script.strike("delete", job.prompt if job else "")
        word = self.state(job) if job else ""
        if job is None:
            good = REPLIES["not_found"]
        elif word in {"running", "cancelled"}:
            good = REPLIES["too_late"]
        else:
            good = Reply.of(200, {})
            if rule is None or rule.spares:
                self._remove(job, word)
        await self.spoil(rule, good, exchange)

    def _remove(self, job: Job, word: str) -> None:
        if word == "queued":
            self._canceled[job.id] = self.clock.now()
        else:
            del self.jobs[job.id]

    # -- films -------------------------------------------------------------------------

    async def _content(self, name: str, request: Request, exchange: Exchange) -> None:
        task_id, _, extension = name.rpartition(".")
        job = self.jobs.get(task_id)
        rule = self.script.strike("content", job.prompt if job else "")
        good = self._film(job, extension, request)
        bent = film_reply(rule, good)
        if bent is not None:
            await exchange.answer(bent)
        elif rule is not None and rule.fault == "short":
            await exchange.answer_short(good)
        else:
            await self.spoil(rule, good, exchange)

    def _film(self, job: Job | None, extension: str, request: Request) -> Reply:
        signed_at, life_s = (
            float(request.query_params.get(name, 0)) for name in ("X-Tos-Date", "X-Tos-Expires")
        )
        if "authorization" in request.headers:  # a signed link and a key are one too many
            return error(400, "InvalidArgument", "Only one auth mechanism is allowed.")
        if self.clock.now().timestamp() >= signed_at + life_s:
            return EXPIRED_LINK
        if job is None or job.has_fate("no_content") or self.state(job) != "succeeded":
            return REPLIES["not_found"]
        if extension == "png":
            return Reply(200, tiny_still("PNG"), {"content-type": "image/png"})
        return Reply(200, tiny_film(), {"content-type": "video/mp4"})

    # -- callbacks ---------------------------------------------------------------------

    def _ring_soon(self) -> None:
        ringing = asyncio.get_running_loop().create_task(self.ring())
        self._rings.add(ringing)
        ringing.add_done_callback(self._rings.discard)

    async def ring(self) -> None:
        """Call back about everything that changed since the last time."""
        for job in list(self.jobs.values()):
            address, now = job.said("callback_url"), self.state(job)
            if not address or self._told.get(job.id) == now:
                continue
            before, self._told[job.id] = self._told.get(job.id), now
            is_skipped = job.has_fate("skip_states") or now not in {"succeeded", "failed"}
            missed = [] if is_skipped or before == "running" else ["running"]
            for word in ([] if before else ["queued"][: now != "queued"]) + missed + [now]:
                tries = LAST_CALL_TRIES if word in {"succeeded", "failed"} else 1
                call = Call(job.id, address, self.task(job, word), tries)
                await self.callbacks.make(call, self.script.strike("callback", job.prompt))

    async def _control(self, verb: Sequence[str], request: Request) -> Reply:
        """Steer it from outside; time that moves by hand rings by hand."""
        reply = await super()._control(verb, request)
        await self.ring()
        return reply


def _told(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--film-host", default=Settings().film_host, help="where films are")
    parser.add_argument("--refreshes", action="store_true", help="a look signs a fresh link")
    parser.add_argument("--no-token", action="store_true", help="no safety_identifier comes back")


def _made(command: Command) -> ArkServer:
    told = command.told
    settings = Settings(
        pace=command.pace,
        key=told.key,
        film_host=told.film_host,
        refreshes=told.refreshes,
        tells_token=not told.no_token,
    )
    return ArkServer(clock=command.clock, script=command.script, log=command.log, settings=settings)


def main(words: Sequence[str] | None = None) -> None:
    """Serve until told to stop; the port is the first line on standard output."""
    serve("A simulated Volcengine Ark.", _made, more=_told, base_path="/api/v3", words=words)


if __name__ == "__main__":
    main()
