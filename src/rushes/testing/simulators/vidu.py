"""Vidu's own platform, simulated, with faults by script.

It takes POST of the four ways to make a film, GET /tasks/{id}/creations, GET /tasks and
POST /tasks/{id}/cancel below /ent/v2, by `Authorization: Token`. Tasks are made by the clock, and
listed for 7 days; films are on a host of their own (`localhost`), behind links that take no key
and end 24 h after the film was made. A create with a callback_url is called back when the task is
processing and when it is over, signed with the key that made it.

Vidu has no SDK for Python; this is held to its maker's server for agents, which makes films by the
same four ways. Not known, and guessed here: that the list is newest first, tells created_at and
keeps silent about payloads (`lists_payload` says that it tells them); that a task which was
canceled fails by UserCancelled; that any task can be canceled while it waits, and none twice; that
a look never signs a fresh link (`refreshes` says that it does).

Verbs of a script: connect (a create whose body is not read yet), create, retrieve, list, cancel,
content, callback. Faults for every verb and the fates of a task: see `upstream`; the value of fail
is the err_code. For create also echo. For retrieve: regress, unknown_word (value: the word),
job_error (value: an HTTP status), no_film (success, without a link), mute (no payload). For list:
lag (value: seconds), silent (no ids, no payloads), undated, unsorted. For content: empty,
html_as_video, elsewhere (value: an address), short. For callback: lost, duplicate, forged.

    rushes simulate vidu --port 0 --render-s 3 --key vda_1
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from typing import Final

from starlette.requests import Request

from rushes.clock import Clock
from rushes.testing.simulators.command import Command, serve
from rushes.testing.simulators.films import tiny_film
from rushes.testing.simulators.host import Exchange, Reply
from rushes.testing.simulators.jobs import Fields, Job, Pace, Phase, said
from rushes.testing.simulators.script import RequestLog, Rule, Script
from rushes.testing.simulators.upstream import SimulatedUpstream, film_reply, json_fields
from rushes.testing.simulators.vidu_bells import Bells
from rushes.testing.simulators.vidu_errors import REPLIES, error
from rushes.testing.simulators.vidu_wishes import IMAGES, objection

HELD_TO: Final = "vidu-mcp 0.1.2"
"""The maker's own program that is satisfied with this, and its version."""

STATES: Final[Mapping[Phase, str]] = {
    Phase.WAITING: "queueing",
    Phase.RENDERING: "processing",
    Phase.DONE: "success",
    Phase.BROKEN: "failed",
}
HEARD: Final = frozenset({"processing", "success", "failed"})
"""The states that are called back."""

BROKE: Final = "InternalServiceFailure"
LINK_S: Final = 24 * 3600
LISTED_S: Final = 7 * 24 * 3600
LIST_DEFAULT: Final = 10
LIST_MAX: Final = 100
CREDITS: Final = 60
RING_LAG_S: Final = 0.05
BENT_LOOKS: Final = frozenset({"regress", "unknown_word", "job_error", "no_film", "mute"})
BENT_LISTS: Final = frozenset({"lag", "silent", "undated", "unsorted"})
BENT: Final = (
    BENT_LOOKS
    | BENT_LISTS
    | {"empty", "html_as_video", "elsewhere", "short", "echo", "lost", "duplicate", "forged"}
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What tells one simulated Vidu from another. `gone` are models that it has no more."""

    pace: Pace = field(default_factory=Pace)
    key: str | None = None
    gone: frozenset[str] = frozenset()
    film_host: str = "localhost"
    lists_payload: bool = False
    refreshes: bool = False


class ViduServer(SimulatedUpstream):
    """The ASGI application."""

    verbs = frozenset({"connect", "create", "retrieve", "list", "cancel", "content", "callback"})
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
        self.bells = Bells()
        self._canceled: set[str] = set()
        self._heard: dict[str, str] = {}
        self._rings: set[asyncio.Task[None]] = set()
        self._port = 0

    async def route(self, parts: Sequence[str], request: Request, exchange: Exchange) -> None:
        """Answer a request by the parts of its path."""
        self._port = request.scope["server"][1]
        if parts[0] == "films":
            await self._content(parts[-1], request, exchange)
            return
        if not self.opens(request):
            await exchange.answer(REPLIES["unauthorized"])
            return
        match request.method, parts:
            case "POST", ["ent", "v2", kind] if kind in IMAGES:
                request.scope["kind"] = kind
                await self.create(request, exchange)
            case "GET", ["ent", "v2", "tasks"]:
                await self._list(request, exchange)
            case "GET", ["ent", "v2", "tasks", task_id, "creations"]:
                await self._look(task_id, exchange)
            case "POST", ["ent", "v2", "tasks", task_id, "cancel"]:
                await self._cancel(task_id, exchange)
            case _:
                await exchange.answer(REPLIES["no_such_path"])

    def opens(self, request: Request) -> bool:
        """Say whether a request has the key."""
        given = _key_in(request)
        return bool(given) and self.settings.key in {None, given}

    # -- create ------------------------------------------------------------------------

    async def fields_of(self, request: Request) -> Fields:
        """Read a JSON object, and put beside it what else a task goes by."""
        more = {"_kind": request.scope["kind"], "_key": _key_in(request)}
        return {**await json_fields(request), **more}

    def prompt_of(self, fields: Fields) -> str:
        """Return the prompt of a create."""
        return said(fields, "prompt")

    def objection(self, fields: Fields) -> Reply | None:
        """Check a create as the protocol asks."""
        wrong = objection(fields, said(fields, "_kind"), self.settings.gone)
        return error(*wrong) if wrong else None

    def new_id(self, fields: Fields) -> str:
        """Name a task, in digits."""
        return f"9{int(self.prefix, 16) % 10**9:09d}{self.count:06d}"

    def created(self, job: Job) -> Reply:
        """Answer a create, and see to it that its changes are called back."""
        if job.said("callback_url"):
            for delay_s in (self.pace.queue_s + RING_LAG_S, self.pace.total_s + RING_LAG_S):
                asyncio.get_running_loop().call_later(delay_s, self._ring_soon)
        echoed = {name: told for name, told in job.fields.items() if not name.startswith("_")}
        more = {"task_id": job.id, "state": "created", "credits": CREDITS, "created_at": _at(job)}
        return Reply.of(200, {**echoed, **more})

    def echo(self, fields: Fields, request: Request) -> Reply:
        """Refuse with a sentence that quotes whatever it should not."""
        quotes = (self.prompt_of(fields), request.headers["authorization"], request.url)
        return error("FieldInvalid", "We do not like {!r} of {!r}, {}.".format(*quotes))

    # -- look, list, cancel ------------------------------------------------------------

    async def _look(self, task_id: str, exchange: Exchange) -> None:
        job = self.jobs.get(task_id)
        rule = self.script.strike("retrieve", job.prompt if job else "")
        if job is None:
            await self.spoil(rule, REPLIES["not_found"], exchange)
        elif rule is not None and rule.fault in BENT_LOOKS:
            await exchange.answer(_bent(rule, self.told(job)))
        else:
            await self.spoil(rule, Reply.of(200, self.told(job)), exchange)

    def _state(self, job: Job) -> str:
        return "failed" if job.id in self._canceled else STATES[self.stand(job)[0]]

    def told(self, job: Job) -> dict[str, object]:
        """Describe a task as a look does."""
        state, trouble = self._state(job), ""
        if job.id in self._canceled:
            trouble = "UserCancelled"
        elif state == "failed":
            trouble = str((job.fate.value if job.fate else None) or BROKE)
        return {
            "id": job.id,
            "state": state,
            "err_code": trouble,
            "credits": 0 if state == "failed" else CREDITS,
            "payload": job.said("payload"),
            "bgm": False,
            "off_peak": job.fields.get("off_peak", False),
            "creations": [self._creation(job)] if state == "success" else [],
        }

    def _creation(self, job: Job) -> dict[str, object]:
        done_at = job.created_at + timedelta(seconds=self.pace.total_s)
        signed_at = self.clock.now() if self.settings.refreshes else done_at
        link, query = f"http://{self.settings.film_host}:{self._port}/films/{job.id}", "Signature=1"
        query = f"{query}&Expires={int(signed_at.timestamp()) + LINK_S}"
        urls = {"url": f"{link}.mp4?{query}", "cover_url": f"{link}.jpeg?{query}"}
        if job.fields.get("watermark"):
            urls["watermarked_url"] = f"{link}.marked.mp4?{query}"
        return {"id": f"{job.id}1", **urls}

    async def _list(self, request: Request, exchange: Exchange) -> None:
        rule, now = self.script.strike("list"), self.clock.now()
        fault, query = rule.fault if rule else "", request.query_params
        size, start = query.get("pager.pagesz", str(LIST_DEFAULT)), query.get("pager.page_token")
        if not size.isdecimal() or not 1 <= int(size) <= LIST_MAX or not (start or "0").isdecimal():
            await exchange.answer(REPLIES["invalid"])
            return
        lag_s = float(rule.value) if rule is not None and fault == "lag" else 0.0
        jobs = [job for job in self.jobs.values() if lag_s <= job.age_s(now) < LISTED_S]
        if fault != "unsorted":
            jobs.reverse()
        end = int(start or 0) + int(size)
        items = [self._item(job, fault) for job in jobs[int(start or 0) : end]]
        told = {"tasks": items, "next_page_token": str(end) if end < len(jobs) else ""}
        await self.spoil(None if fault in BENT_LISTS else rule, Reply.of(200, told), exchange)

    def _item(self, job: Job, fault: str) -> dict[str, object]:
        """Describe a task as the list does."""
        echoed = ("model", "prompt", "images", "duration", "resolution", "aspect_ratio")
        item: dict[str, object] = {name: job.fields.get(name) for name in echoed}
        item |= {"id": job.id, "key_id": "1", "type": job.said("_kind"), "state": self._state(job)}
        item |= {"created_at": _at(job), "payload": job.said("payload")}
        leaves_out = {"silent": {"id"}, "undated": {"created_at"}}.get(fault, set())
        if not self.settings.lists_payload or fault == "silent":
            leaves_out = leaves_out | {"payload"}
        return {name: told for name, told in item.items() if name not in leaves_out}

    async def _cancel(self, task_id: str, exchange: Exchange) -> None:
        job = self.jobs.get(task_id)
        rule = self.script.strike("cancel", job.prompt if job else "")
        if job is None:
            good = REPLIES["not_found"]
        elif self._state(job) != "queueing":
            good = REPLIES["too_late"]
        else:
            good = Reply.of(200, {})
            if rule is None or rule.spares:
                self._canceled.add(job.id)
        await self.spoil(rule, good, exchange)

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
            return REPLIES["unauthorized"]
        if job is None or job.has_fate("no_content") or self.stand(job)[0] is not Phase.DONE:
            return Reply(404, b"Not Found", {"content-type": "text/plain"})
        expires = request.query_params.get("Expires", "0")
        if self.clock.now().timestamp() >= float(expires):
            return REPLIES["expired_link"]
        return Reply(200, tiny_film(), {"content-type": "video/mp4"})

    # -- callbacks ---------------------------------------------------------------------

    def _ring_soon(self) -> None:
        ringing = asyncio.get_running_loop().create_task(self.ring())
        self._rings.add(ringing)
        ringing.add_done_callback(self._rings.discard)

    async def ring(self) -> None:
        """Call back about everything that changed since the last time."""
        date = format_datetime(self.clock.now(), usegmt=True)
        for job in list(self.jobs.values()):
            address, now = job.said("callback_url"), self._state(job)
            if not address or now not in HEARD or self._heard.get(job.id) == now:
                continue
            self._heard[job.id] = now
            rule = self.script.strike("callback", job.prompt)
            await self.bells.ring(address, job.said("_key"), self.told(job), rule, date=date)


def _key_in(request: Request) -> str:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return given if scheme == "Token" else ""


def _at(job: Job) -> str:
    return job.created_at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _bent(rule: Rule, told: dict[str, object]) -> Reply:
    match rule.fault:
        case "regress":
            return Reply.of(200, told | {"state": "created", "creations": []})
        case "unknown_word":
            return Reply.of(200, told | {"state": str(rule.value or "pondering")})
        case "no_film":
            return Reply.of(200, told | {"state": "success", "creations": []})
        case "mute":
            return Reply.of(200, told | {"payload": ""})
        case _:  # job_error: the task in the body, a failure in the status line
            return Reply.of(int(rule.value or 500), told)


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--film-host", default=Settings().film_host, help="where films are")


def _made(command: Command) -> ViduServer:
    told = command.told
    settings = Settings(pace=command.pace, key=told.key, film_host=told.film_host)
    return ViduServer(
        clock=command.clock, script=command.script, log=command.log, settings=settings
    )


def main(words: Sequence[str] | None = None) -> None:
    """Serve until told to stop; the port is the first line on standard output."""
    serve("A simulated Vidu.", _made, more=_more, base_path="/ent/v2", words=words)


if __name__ == "__main__":
    main()
