"""DashScope, as its pages and its SDK describe it, with faults by script: Wan's tasks and films.

It takes what dashscope 2.0.2 sends: creates with `extend_prompt` and `function` in the input and
nulls, looks, cancels, lists. Tasks are made by the clock: PENDING, RUNNING, then SUCCEEDED or
FAILED; after 24 h, or where there never was one, UNKNOWN. Only what is PENDING can be canceled.
Times are naive and Beijing's. Films are on the same host under /film/, open without a key until
`Expires`, and refuse one: a signed link knows one way in.

Verbs of a script: connect (a create whose body is not read yet), create, retrieve, cancel, list,
content. Faults for every verb: the names in REPLIES (value: more headers), answer (value: status,
body, headers), drop, hang, half (breaks off), slow (value: seconds). For create also echo (a
refusal that quotes prompt and key) and the fates of a task: fail (value: code and message),
never_ends, skip_states, no_content (a link to nothing). For retrieve: regress, suspended,
unknown_word (value: the word), unknown (once), no_url (a success with no video_url), job_error
(value: an HTTP status), forget, restart. For list: lag (value: seconds), silent. For content:
short, empty, html_as_video, elsewhere (value: an address).

    rushes simulate dashscope --port 0 --log creates.jsonl \
        --script '{"rules": [{"on": "create", "fault": "drop", "accepted": true}]}'
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Final
from uuid import UUID, uuid4

from starlette.requests import Request

from rushes.clock import Clock
from rushes.testing.simulators.command import Command, serve
from rushes.testing.simulators.dashscope_errors import (
    REPLIES,
    answered,
    error,
    storage_error,
)
from rushes.testing.simulators.dashscope_wishes import objection, short_px_of
from rushes.testing.simulators.films import tiny_film
from rushes.testing.simulators.host import Exchange, Reply
from rushes.testing.simulators.jobs import Fields, Job, Pace, Phase
from rushes.testing.simulators.script import RequestLog, Rule, Script
from rushes.testing.simulators.upstream import (
    SimulatedUpstream,
    film_reply,
    has_bearer,
    json_fields,
)

HELD_TO: Final = "dashscope 2.0.2"
BEIJING: Final = timezone(timedelta(hours=8))
LIFE_S: Final = 24 * 3600.0
LIST_DEFAULT: Final = 10
LIST_MAX: Final = 100
STATUS: Final[Mapping[Phase, str]] = {
    Phase.WAITING: "PENDING",
    Phase.RENDERING: "RUNNING",
    Phase.DONE: "SUCCEEDED",
    Phase.BROKEN: "FAILED",
}
BROKE: Final = {"code": "InternalError", "message": "The video could not be made."}

BENT_LOOKS: Final = frozenset(
    {"regress", "suspended", "unknown_word", "unknown", "no_url", "job_error"}
)
BENT_LISTS: Final = frozenset({"lag", "silent"})
BENT_CONTENT: Final = frozenset({"short", "empty", "html_as_video", "elsewhere"})
LOSSES: Final = frozenset({"forget", "restart"})


@dataclass(frozen=True, slots=True)
class Settings:
    """How the simulator behaves while nothing goes wrong.

    `key` is the one that opens, None for any; `models` empty means any. `list_echoes` says
    whether items of the list repeat the prompt; what the real one repeats is unknown.
    """

    pace: Pace = field(default_factory=Pace)
    key: str | None = None
    models: frozenset[str] = frozenset()
    list_echoes: bool = False


class DashScopeServer(SimulatedUpstream):
    """The ASGI application."""

    verbs = frozenset({"connect", "create", "retrieve", "cancel", "list", "content"})
    bent = BENT_LOOKS | BENT_LISTS | BENT_CONTENT | LOSSES | {"echo"}
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
        self.canceled: dict[str, datetime] = {}
        super().__init__(pace=self.settings.pace, clock=clock, script=script, log=log)

    def restart(self) -> None:
        """Forget every task."""
        super().restart()
        self.canceled.clear()

    async def route(self, parts: Sequence[str], request: Request, exchange: Exchange) -> None:
        """Answer a request by the parts of its path; the SDK's async half ends it with a slash."""
        match request.method, [part for part in parts if part]:
            case "GET", ["film", name]:
                await self._content(name.removesuffix(".mp4"), request, exchange)
            case _ if not self.opens(request):
                await exchange.answer(REPLIES["unauthorized"])
            case "POST", ["api", "v1", "services", "aigc", _, "video-synthesis"]:
                await self._take(request, exchange)
            case "GET", ["api", "v1", "tasks"]:
                await self._list(request, exchange)
            case "GET", ["api", "v1", "tasks", task_id]:
                await self._retrieve(task_id, request, exchange)
            case "POST", ["api", "v1", "tasks", task_id, "cancel"]:
                await self._cancel(task_id, exchange)
            case _:
                await exchange.answer(REPLIES["not_found"])

    def opens(self, request: Request) -> bool:
        """Say whether a request has the key."""
        return has_bearer(request, self.settings.key)

    # -- create --------------------------------------------------------------------------

    async def _take(self, request: Request, exchange: Exchange) -> None:
        if request.headers.get("x-dashscope-async") == "enable":
            await self.create(request, exchange)
        else:
            self._note({}, None, None)
            message = "current user api does not support synchronous calls."
            await exchange.answer(error(403, "AccessDenied", message))

    async def fields_of(self, request: Request) -> Fields:
        """Read the JSON body, and beside it which service was asked and how."""
        service = request.url.path.split("/")[-2]
        resolves = request.headers.get("x-dashscope-ossresourceresolve") == "enable"
        body = await json_fields(request)
        return {"service": service, "resolves_oss": resolves, "body": body}

    def prompt_of(self, fields: Fields) -> str:
        """Return the prompt of a create."""
        prompt = _part(fields, "input").get("prompt")
        return prompt if isinstance(prompt, str) else ""

    def new_id(self, fields: Fields) -> str:
        """Name a task."""
        return str(UUID(hex=f"{self.prefix}{self.count:012x}"))

    def created(self, job: Job) -> Reply:
        """Answer a create."""
        return answered({"task_id": job.id, "task_status": "PENDING"})

    def echo(self, fields: Fields, request: Request) -> Reply:
        """Refuse with a sentence that quotes whatever it should not."""
        quotes = (self.prompt_of(fields), request.headers["authorization"], request.url)
        message = "We do not like {!r}, asked for with {!r} at {}.".format(*quotes)
        return error(400, "InvalidParameter", message)

    def objection(self, fields: Fields) -> Reply | None:
        """Check a create as the protocol asks."""
        return objection(fields, self.settings.models)

    # -- look, cancel --------------------------------------------------------------------

    async def _retrieve(self, task_id: str, request: Request, exchange: Exchange) -> None:
        job = self._kept(task_id)
        rule = self.script.strike("retrieve", job.prompt if job else "")
        fault = rule.fault if rule else ""
        if fault == "restart":
            self.restart()
        if fault in LOSSES:
            job, rule = self.jobs.pop(task_id, None) and None, None
        good = self._look(job, request) if job else _unknown(task_id)
        if rule is not None and job is not None and fault in BENT_LOOKS:
            good, rule = self._bent_look(job, request, rule), None
        await self.spoil(rule, good, exchange)

    def _kept(self, task_id: str) -> Job | None:
        job = self.jobs.get(task_id)
        return job if job is not None and job.age_s(self.clock.now()) < LIFE_S else None

    def _look(self, job: Job, request: Request, **bent: object) -> Reply:
        output = self._told(job)
        phase, _ = self.stand(job)
        if output["task_status"] != "SUCCEEDED":
            broke = (job.fate.value if job.fate else None) or BROKE
            return answered(output | (broke if phase is Phase.BROKEN else {}) | bent)
        link = {"video_url": self._link(job, request), "actual_prompt": job.prompt}
        parameters = _part(job.fields, "parameters")
        usage = {
            "video_duration": parameters.get("duration", 5),
            "video_count": 1,
            "video_ratio": parameters.get("ratio", "16:9"),
            "SR": short_px_of(parameters),
        }
        return answered(output | {"orig_prompt": job.prompt} | link | bent, usage=usage)

    def _bent_look(self, job: Job, request: Request, rule: Rule) -> Reply:
        match rule.fault:
            case "regress":
                return self._look(job, request, task_status="PENDING")
            case "suspended":
                return self._look(job, request, task_status="SUSPENDED")
            case "unknown_word":
                return self._look(job, request, task_status=rule.value or "THINKING")
            case "unknown":
                return _unknown(job.id)
            case "no_url":
                return self._look(job, request, video_url=None)
            case _:  # job_error: the task in the body, a failure in the status line
                good = self._look(job, request)
                return Reply(int(rule.value or 500), good.body, good.headers)

    def _told(self, job: Job) -> dict[str, object]:
        """Describe a task by what every state has."""
        phase, _ = self.stand(job)
        canceled_at = self.canceled.get(job.id)
        begun_at = job.created_at + timedelta(seconds=self.pace.queue_s)
        over_at = canceled_at or (self._done_at(job) if phase.is_over else None)
        times: dict[str, object] = {"submit_time": _local(job.created_at)}
        if canceled_at is None and phase is not Phase.WAITING:
            times["scheduled_time"] = _local(begun_at)
        if over_at is not None:
            times["end_time"] = _local(over_at)
        status = "CANCELED" if canceled_at else STATUS[phase]
        return {"task_id": job.id, "task_status": status, **times}

    def _done_at(self, job: Job) -> datetime:
        return job.created_at + timedelta(seconds=self.pace.total_s)

    async def _cancel(self, task_id: str, exchange: Exchange) -> None:
        job = self._kept(task_id)
        rule = self.script.strike("cancel", job.prompt if job else "")
        good = REPLIES["too_late"]
        if job is not None and self._told(job)["task_status"] == "PENDING":
            good = Reply.of(200, {"request_id": str(uuid4())})
            if rule is None or rule.spares:
                self.canceled[task_id] = self.clock.now()
        await self.spoil(rule, good, exchange)

    # -- list ----------------------------------------------------------------------------

    async def _list(self, request: Request, exchange: Exchange) -> None:
        query = request.query_params
        rule = self.script.strike("list")
        fault = rule.fault if rule else ""
        page_no, page_size = query.get("page_no", "1"), query.get("page_size", str(LIST_DEFAULT))
        times = [query[name] for name in ("start_time", "end_time") if name in query]
        is_page = page_no.isdecimal() and page_size.isdecimal()
        if not is_page or not 0 < int(page_size) <= LIST_MAX or int(page_no) < 1:
            await exchange.answer(error(400, "InvalidParameter", "No such page."))
            return
        if not all(re.fullmatch(r"\d{14}", time) for time in times):
            await exchange.answer(error(400, "InvalidParameter", "Times are YYYYMMDDhhmmss."))
            return
        lag_s = float(rule.value) if rule is not None and fault == "lag" else 0.0
        items = [
            self._item(job, is_silent=fault == "silent")
            for job in reversed(self.jobs.values())
            if self._is_listed(job, query) and job.age_s(self.clock.now()) >= lag_s
        ]
        start = (int(page_no) - 1) * int(page_size)
        body = {
            "request_id": str(uuid4()),
            "total": len(items),
            "page_no": int(page_no),
            "page_size": int(page_size),
            "tasks": items[start : start + int(page_size)],
        }
        await self.spoil(None if fault in BENT_LISTS else rule, Reply.of(200, body), exchange)

    def _is_listed(self, job: Job, query: Mapping[str, str]) -> bool:
        at = f"{job.created_at.astimezone(BEIJING):%Y%m%d%H%M%S}"
        model = query.get("model_name", _body(job.fields).get("model"))
        status = query.get("status", self._told(job)["task_status"])
        return (
            job.age_s(self.clock.now()) < LIFE_S
            and query.get("start_time", at) <= at <= query.get("end_time", at)
            and (model, status) == (_body(job.fields)["model"], self._told(job)["task_status"])
        )

    def _item(self, job: Job, *, is_silent: bool) -> dict[str, object]:
        item = self._told(job) | {"model_name": _body(job.fields)["model"]}
        if self.settings.list_echoes and not is_silent:
            item["orig_prompt"] = job.prompt
        return item

    # -- films ---------------------------------------------------------------------------

    def _link(self, job: Job, request: Request) -> str:
        expires = int(self._done_at(job).timestamp() + LIFE_S)
        address = request.url.replace(path=f"/film/{job.id}.mp4", query="")
        return f"{address}?Expires={expires}&OSSAccessKeyId=simulated&Signature={self.prefix}"

    async def _content(self, task_id: str, request: Request, exchange: Exchange) -> None:
        job = self.jobs.get(task_id)
        rule = self.script.strike("content", job.prompt if job else "")
        good = self._film(job, request)
        bent = film_reply(rule, good)
        if bent is not None:
            await exchange.answer(bent)
        elif rule is not None and rule.fault == "short":
            await exchange.answer_short(good)
        else:
            await self.spoil(rule, good, exchange)

    def _film(self, job: Job | None, request: Request) -> Reply:
        expires = request.query_params.get("Expires", "")
        if "authorization" in request.headers:
            return storage_error(400, "InvalidArgument")
        if not expires.isdecimal() or request.query_params.get("Signature") != self.prefix:
            return storage_error(403, "SignatureDoesNotMatch")
        if self.clock.now().timestamp() >= int(expires):
            return storage_error(403, "AccessDenied")
        if job is None or job.has_fate("no_content") or self.stand(job)[0] is not Phase.DONE:
            return storage_error(404, "NoSuchKey")
        return Reply(200, tiny_film(), {"content-type": "video/mp4"})


def _unknown(task_id: str) -> Reply:
    return answered({"task_id": task_id, "task_status": "UNKNOWN"})


def _body(fields: Fields) -> Mapping[str, Any]:
    body = fields.get("body")
    return body if isinstance(body, Mapping) else {}


def _part(fields: Fields, name: str) -> Mapping[str, Any]:
    part = _body(fields).get(name)
    return part if isinstance(part, Mapping) else {}


def _local(at: datetime) -> str:
    """Tell an instant as the protocol does: local, naive, in milliseconds."""
    return at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _told(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--list-echoes", action="store_true", help="lists repeat the prompt")


def _made(command: Command) -> DashScopeServer:
    told = command.told
    settings = Settings(pace=command.pace, key=told.key, list_echoes=told.list_echoes)
    return DashScopeServer(
        clock=command.clock, script=command.script, log=command.log, settings=settings
    )


def main(words: Sequence[str] | None = None) -> None:
    """Serve until told to stop; the port is the first line on standard output."""
    serve("A simulated DashScope.", _made, more=_told, base_path="/api/v1", words=words)


if __name__ == "__main__":
    main()
