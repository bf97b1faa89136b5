"""Kling, simulated: the design that names a model in the body, with faults by script.

It takes POST, GET and GET .../{id} below /v1/videos/text2video and /v1/videos/image2video; an id is
a task_id, or an external_task_id, which is one of a kind. Tasks are made by the clock, and gone
after 30 days. Films are on a host of their own (`localhost`), behind links that take no key. A
create with a callback_url is called back at each change, signed where there is a webhook secret.

There is no SDK of Kling's for it. Not known, and guessed here: how a look at an unknown task is
answered (404, 1203), that the list is newest first, what is said of an external_task_id that was
there before, and the sentences of failures.

Verbs of a script: connect (a create whose body is not read yet), create, retrieve, list, content,
callback. A look by an external_task_id counts as list: `lag` and `silent` bend it and the list
that is read next. Faults for every verb and the fates of a task: see `upstream`; the value of fail
is the sentence. For create also echo. For retrieve: regress, unknown_word (value: the word),
job_error (value: an HTTP status), no_film (succeed, without a link). For list: lag (value:
seconds), silent (no references), unsorted. For content: empty, html_as_video, elsewhere (value: an
address), short. For callback: lost, duplicate, forged.

    rushes simulate kling --port 0 --render-s 3 --key ACCESS:SECRET
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Final

from starlette.requests import Request

from rushes.clock import Clock, SystemClock
from rushes.testing.simulators.command import Command, serve
from rushes.testing.simulators.films import tiny_film
from rushes.testing.simulators.host import Exchange, Reply
from rushes.testing.simulators.jobs import Fields, Job, Pace, Phase, said
from rushes.testing.simulators.kling_doors import Bells, trouble_with
from rushes.testing.simulators.kling_errors import REPLIES, error, good
from rushes.testing.simulators.kling_wishes import KINDS, objection
from rushes.testing.simulators.script import RequestLog, Rule, Script
from rushes.testing.simulators.upstream import SimulatedUpstream, film_reply, json_fields

STATES: Final[Mapping[Phase, str]] = {
    Phase.WAITING: "submitted",
    Phase.RENDERING: "processing",
    Phase.DONE: "succeed",
    Phase.BROKEN: "failed",
}
BROKE: Final = "The model could not make the film."
RECORD_S: Final = 30 * 24 * 3600
LIST_DEFAULT: Final = 30
LIST_MAX: Final = 500
PAGES_MAX: Final = 1000
RING_LAG_S: Final = 0.05
BENT_LOOKS: Final = frozenset({"regress", "unknown_word", "job_error", "no_film"})
BENT_LISTS: Final = frozenset({"lag", "silent", "unsorted"})
BENT: Final = (
    BENT_LOOKS
    | BENT_LISTS
    | {"empty", "html_as_video", "elsewhere", "short", "echo", "lost", "duplicate", "forged"}
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What tells one simulated Kling from another.

    `models` are those it has, empty for any. `doors` is the clock that tokens are held to, and
    that calls are dated by: the machine's own, also where tasks go by one that is set by hand.
    """

    pace: Pace = field(default_factory=Pace)
    key: str | None = None
    models: frozenset[str] = frozenset()
    film_host: str = "localhost"
    webhook_secret: str | None = None
    doors: Clock = field(default_factory=SystemClock)


class KlingServer(SimulatedUpstream):
    """The ASGI application."""

    verbs = frozenset({"connect", "create", "retrieve", "list", "content", "callback"})
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
        self.bells = Bells(self.settings.webhook_secret)
        self._heard: dict[str, str] = {}
        self._rings: set[asyncio.Task[None]] = set()
        self._bent_next: Rule | None = None
        self._port = 0

    async def route(self, parts: Sequence[str], request: Request, exchange: Exchange) -> None:
        """Answer a request by the parts of its path."""
        self._port = request.scope["server"][1]
        if parts[0] == "films":
            await self._content(parts[-1], request, exchange)
            return
        trouble = self._trouble_with(request)
        if trouble:
            reply = REPLIES[trouble]
            date = {"date": format_datetime(self.settings.doors.now(), usegmt=True)}
            await exchange.answer(Reply(reply.status, reply.body, {**reply.headers, **date}))
            return
        match request.method, parts:
            case "POST", ["v1", "videos", kind] if kind in KINDS:
                request.scope["kind"] = kind
                await self.create(request, exchange)
            case "GET", ["v1", "videos", kind] if kind in KINDS:
                await self._list(kind, request, exchange)
            case "GET", ["v1", "videos", kind, name] if kind in KINDS:
                await self._look(kind, name, exchange)
            case _:
                await exchange.answer(REPLIES["bad_method"])

    def opens(self, request: Request) -> bool:
        """Say whether a request has the key, or a token that it signed."""
        return not self._trouble_with(request)

    def _trouble_with(self, request: Request) -> str:
        at_s = self.settings.doors.now().timestamp()
        return trouble_with(request.headers.get("authorization", ""), self.settings.key, at_s)

    # -- create ------------------------------------------------------------------------

    async def fields_of(self, request: Request) -> Fields:
        """Read a JSON object, and put the kind of the path beside it."""
        return {**await json_fields(request), "_kind": request.scope["kind"]}

    def prompt_of(self, fields: Fields) -> str:
        """Return the prompt of a create."""
        return said(fields, "prompt")

    def objection(self, fields: Fields) -> Reply | None:
        """Check a create as the protocol asks; a reference is one of a kind in an account."""
        reference = said(fields, "external_task_id")
        if reference and any(
            job.said("external_task_id") == reference for job in self.jobs.values()
        ):
            return error(1201, "external_task_id already exists")
        wrong = objection(fields, said(fields, "_kind"), self.settings.models)
        return error(*wrong) if wrong else None

    def new_id(self, fields: Fields) -> str:
        """Name a task, in digits."""
        return f"8{int(self.prefix, 16) % 10**11:011d}{self.count:06d}"

    def created(self, job: Job) -> Reply:
        """Answer a create, and see to it that its changes are called back."""
        if job.said("callback_url"):
            for delay_s in (0.0, self.pace.queue_s + RING_LAG_S, self.pace.total_s + RING_LAG_S):
                asyncio.get_running_loop().call_later(delay_s, self._ring_soon)
        told = self.told(job, STATES[Phase.WAITING])
        return good({name: told[name] for name in told if name != "task_status_msg"})

    def echo(self, fields: Fields, request: Request) -> Reply:
        """Refuse with a sentence that quotes whatever it should not."""
        pair = self.settings.key or ""
        quotes = (self.prompt_of(fields), request.headers["authorization"], pair, request.url)
        return error(1201, "We do not like {!r}, {!r} of {!r}, {}.".format(*quotes))

    # -- look, list --------------------------------------------------------------------

    def _on_record(self, kind: str) -> list[Job]:
        now = self.clock.now()
        return [
            job
            for job in self.jobs.values()
            if job.said("_kind") == kind and job.age_s(now) < RECORD_S
        ]

    async def _look(self, kind: str, name: str, exchange: Exchange) -> None:
        job = next((job for job in self._on_record(kind) if job.id == name), None)
        if job is None:
            await self._look_by_reference(kind, name, exchange)
            return
        rule = self.script.strike("retrieve", job.prompt)
        if rule is not None and rule.fault in BENT_LOOKS:
            await exchange.answer(_bent(rule, self.told(job)))
        else:
            await self.spoil(rule, good(self.told(job)), exchange)

    async def _look_by_reference(self, kind: str, name: str, exchange: Exchange) -> None:
        """Look by a reference of the account's own: what bends the list bends this."""
        rule = self.script.strike("list")
        job = next(
            (job for job in self._on_record(kind) if job.said("external_task_id") == name), None
        )
        if rule is not None and rule.fault in BENT_LISTS:
            self._bent_next = rule
            if rule.fault == "lag" and job is not None and not self._is_listed(job, rule):
                job = None
            rule = None
        answer = REPLIES["not_found"] if job is None else good(self.told(job))
        await self.spoil(rule, answer, exchange)

    def _is_listed(self, job: Job, rule: Rule | None) -> bool:
        lag_s = float(rule.value) if rule is not None and rule.fault == "lag" else 0.0
        return job.age_s(self.clock.now()) >= lag_s

    async def _list(self, kind: str, request: Request, exchange: Exchange) -> None:
        rule = self._bent_next or self.script.strike("list")
        self._bent_next = None
        query = request.query_params
        number, size = query.get("pageNum", "1"), query.get("pageSize", str(LIST_DEFAULT))
        for text, most in ((number, PAGES_MAX), (size, LIST_MAX)):
            if not text.isdecimal() or not 1 <= int(text) <= most:
                await exchange.answer(REPLIES["invalid"])
                return
        fault = rule.fault if rule else ""
        jobs = [job for job in self._on_record(kind) if self._is_listed(job, rule)]
        if fault != "unsorted":
            jobs.reverse()
        start = (int(number) - 1) * int(size)
        items = [self.told(job) for job in jobs[start : start + int(size)]]
        if fault == "silent":
            items = [item | {"task_info": {}} for item in items]
        await self.spoil(None if fault in BENT_LISTS else rule, good(items), exchange)

    def told(self, job: Job, word: str | None = None) -> dict[str, object]:
        """Describe a task as it stands now, or as if it stood where `word` says."""
        word = word or STATES[self.stand(job)[0]]
        created_ms = int(job.created_at.timestamp() * 1000)
        lasted_s = {"submitted": 0.0, "processing": self.pace.queue_s}.get(word, self.pace.total_s)
        told: dict[str, object] = {
            "task_id": job.id,
            "task_status": word,
            "task_status_msg": "",
            "task_info": {"external_task_id": job.said("external_task_id")},
            "created_at": created_ms,
            "updated_at": created_ms + int(lasted_s * 1000),
        }
        if word == "failed":
            told["task_status_msg"] = (job.fate.value if job.fate else None) or BROKE
        if word == "succeed":
            link = f"http://{self.settings.film_host}:{self._port}/films/{job.id}"
            video = {
                "id": job.id,
                "url": f"{link}.mp4?sig=1",
                "duration": job.said("duration", "5"),
            }
            wish = job.fields.get("watermark_info")
            if isinstance(wish, dict) and wish.get("enabled"):
                video["watermark_url"] = f"{link}.marked.mp4?sig=1"
            told |= {"task_result": {"videos": [video]}, "final_unit_deduction": "2.5"}
        return told

    # -- films -------------------------------------------------------------------------

    async def _content(self, name: str, request: Request, exchange: Exchange) -> None:
        job = self.jobs.get(name.partition(".")[0])
        rule = self.script.strike("content", job.prompt if job else "")
        answer = self._film(job, request)
        bent = film_reply(rule, answer)
        if bent is not None:
            await exchange.answer(bent)
        elif rule is not None and rule.fault == "short":
            await exchange.answer_short(answer)
        else:
            await self.spoil(rule, answer, exchange)

    def _film(self, job: Job | None, request: Request) -> Reply:
        if "authorization" in request.headers:  # nobody there has any business with a key
            return REPLIES["bad_authorization"]
        if job is None or job.has_fate("no_content") or self.stand(job)[0] is not Phase.DONE:
            return Reply(404, b"Not Found", {"content-type": "text/plain"})
        if job.age_s(self.clock.now()) >= RECORD_S:
            return REPLIES["expired_link"]
        return Reply(200, tiny_film(), {"content-type": "video/mp4"})

    # -- callbacks ---------------------------------------------------------------------

    def _ring_soon(self) -> None:
        ringing = asyncio.get_running_loop().create_task(self.ring())
        self._rings.add(ringing)
        ringing.add_done_callback(self._rings.discard)

    async def ring(self) -> None:
        """Call back about everything that changed since the last time."""
        for job in list(self.jobs.values()):
            address, now = job.said("callback_url"), STATES[self.stand(job)[0]]
            if not address or self._heard.get(job.id) == now:
                continue
            self._heard[job.id] = now
            rule = self.script.strike("callback", job.prompt)
            at_s = int(self.settings.doors.now().timestamp())
            await self.bells.ring(address, self.told(job), rule, at_s=at_s)


def _bent(rule: Rule, told: dict[str, object]) -> Reply:
    match rule.fault:
        case "regress":
            return good(told | {"task_status": "submitted"})
        case "unknown_word":
            return good(told | {"task_status": str(rule.value or "pondering")})
        case "no_film":
            return good(told | {"task_status": "succeed", "task_result": {"videos": []}})
        case _:  # job_error: the task in the body, a failure in the status line
            return Reply(int(rule.value or 500), good(told).body, good(told).headers)


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--film-host", default=Settings().film_host, help="where films are")
    parser.add_argument("--webhook-secret", help="whsec_…: sign what is called back")


def _made(command: Command) -> KlingServer:
    told = command.told
    settings = Settings(
        pace=command.pace,
        key=told.key,
        film_host=told.film_host,
        webhook_secret=told.webhook_secret,
    )
    return KlingServer(
        clock=command.clock, script=command.script, log=command.log, settings=settings
    )


def main(words: Sequence[str] | None = None) -> None:
    """Serve until told to stop; the port is the first line on standard output."""
    serve("A simulated Kling.", _made, more=_more, words=words)


if __name__ == "__main__":
    main()
