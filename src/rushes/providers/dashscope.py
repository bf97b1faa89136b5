"""Alibaba's Wan models, by DashScope (Model Studio).

Wire facts (SDK: dashscope 2.0.2; WIRE: what it really sends; DOC: Alibaba's pages on image to
video, error codes and asynchronous tasks, read 2026-11; MEM: background, not checked live):
- create: POST /services/aigc/video-generation/video-synthesis, models of first and last frame
  (`kf2v`) /services/aigc/image2video/video-synthesis; X-DashScope-Async: enable is a must; the
  body is {model, input, parameters}, the answer output{task_id,task_status}.         SDK, WIRE
- which input a model takes goes by its name: `_dashscope.py`.                             SDK
- look: GET /tasks/{id}; 20 a second for an account; the words are in _STATES; a failure stands
  inside HTTP 200, as output.code and output.message; a task that is not known, or more than 24 h
  old, is UNKNOWN inside HTTP 200.                                                    DOC, SDK
- cancel: POST /tasks/{id}/cancel, only while PENDING.                     SDK, WIRE, DOC
- list: GET /tasks?page_no&page_size&start_time&end_time&model_name, times YYYYMMDDhhmmss, answers
  {total,tasks:[…]}; what an item echoes is unknown.                                  SDK, WIRE
- film: output.video_url, a signed link, for 24 h; a plain GET without the key.             DOC
- times are naive and local; that they are Beijing's is MEM.
- there is no reference of ours, no idempotency key and no webhook.                    SDK, WIRE

What is not known is an option, see `build`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from rushes.domain.errors import Failure, Reason
from rushes.domain.spec import Asset, Medium, Spec
from rushes.domain.submit import Ticket
from rushes.providers._dashscope import FORMS, Book, encodable, told
from rushes.providers.answers import (
    Answer,
    Complaint,
    Words,
    complaint_of,
    fits,
    ignorance,
    judge_submit,
    plain,
)
from rushes.providers.base import (
    Assets,
    CancelOutcome,
    Film,
    InDoubt,
    Lost,
    NotThere,
    NotUnderstood,
    Outcome,
    Quiet,
    Ready,
    Search,
    Setup,
    Stream,
    Unknown,
    Working,
)
from rushes.providers.fields import link_in, text_in
from rushes.providers.links import data_uri, public_link
from rushes.providers.lists import CLOCK_SLACK_S, ListSearch
from rushes.providers.options import Options
from rushes.providers.rest import Credential, Rest

REGIONS: Final[Mapping[str, str]] = {
    "cn": "https://dashscope.aliyuncs.com/api/v1",
    "intl": "https://dashscope-intl.aliyuncs.com/api/v1",
}
"""Key, model and address must be of one region. DOC. A workspace has an address of its own."""

SETUP: Final = Setup(
    base_url=REGIONS["intl"],
    api_key="env:DASHSCOPE_API_KEY",
    upstream_models=("wan2.7-t2v", "wan2.5-t2v-preview"),
)
MODES: Final = frozenset(mode for form in FORMS.values() for mode in form.modes)
FIND_WANTS: Final = 'find = "list"'
"""What a list repeats of a task is not known from any page."""

LOOKS_PER_S_MAX: Final = 20.0
LOOK_AGAIN_S: Final = 15.0
PAGE_ITEMS: Final = 50
PAGES_MAX: Final = 10
WEST_H: Final = 12
EAST_H: Final = 14
BEIJING_H: Final = 8.0
WINDOW: Final = timedelta(hours=23)

Job = Mapping[str, object]
"""The `output` of an answer, or an item of the list; nothing in it is trusted to be there."""

WORDS: Final = Words(
    content=frozenset({"DataInspectionFailed", "DataInspectionFailed.*"}),  # DOC error codes
    money=frozenset({"Arrearage"}),  # DOC error codes
    model=frozenset({"Model.*", "AccessDenied.Unpurchased"}),  # SDK, v2/errors.py
    later=frozenset({"Throttling", "Throttling.*"}),  # SDK, v2/errors.py
)
"""No 5xx of DashScope is documented to prove that nothing was accepted."""

_UNUSABLE: Final = frozenset({"Arrearage", "InvalidApiKey", "AccessDenied*", "Model.*"})
_PARAMETERS: Final = frozenset({"InvalidParameter*", "InvalidURL*"})  # DOC error codes

REASONS: Final = (
    (WORDS.content, Reason.CONTENT_REFUSED),
    (_UNUSABLE, Reason.PROVIDER_UNUSABLE),
    (WORDS.later, Reason.PROVIDER_RATE_LIMITED),
    (_PARAMETERS, Reason.PARAMETERS_REFUSED),
)
"""The code of a failed task; what fits none of them is the provider's own failure."""

_STATES: Final[Mapping[str, str]] = {
    "PENDING": "working",
    "RUNNING": "working",
    "SUSPENDED": "working",
    "SUCCEEDED": "ready",
    "FAILED": "lost",
    "CANCELED": "canceled",
    "UNKNOWN": "not there",
}
"""SDK (TaskStatus)."""

_STOPS: Final[Mapping[int, CancelOutcome]] = {
    HTTPStatus.BAD_REQUEST: CancelOutcome.TOO_LATE,  # UnsupportedOperation; that code here is MEM
    HTTPStatus.NOT_FOUND: CancelOutcome.TOO_LATE,
    HTTPStatus.CONFLICT: CancelOutcome.TOO_LATE,
    HTTPStatus.METHOD_NOT_ALLOWED: CancelOutcome.UNSUPPORTED,
    HTTPStatus.NOT_IMPLEMENTED: CancelOutcome.UNSUPPORTED,
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may say of an account; see `build`."""

    book: Book = field(default_factory=Book)
    searches: bool = False
    look_again_s: float = LOOK_AGAIN_S
    utc_offset_h: float = BEIJING_H

    @property
    def zone(self) -> timezone:
        """The zone in which the upstream's naive times are told."""
        return timezone(timedelta(hours=self.utc_offset_h))


def build(
    *,
    name: str,
    base_url: str | None,
    credential: Credential | None,
    profile: str | None,
    options: Mapping[str, object],
) -> DashScope:
    """Build a provider as an operator configured it; see `registry.build`.

    Options: `region` (`cn`, `intl`) in place of a base_url; `forms` maps models (or patterns) to
    the form they take, before the table above is asked; `sizes` maps our sizes to theirs; `find`
    is `off`, or `list` for an account whose list was seen to echo `model_name` and `orig_prompt`;
    `utc_offset_h` is the zone of the list's times (8); `look_again_s` paces looks (15);
    `submit_timeout_s` bounds a whole submit (60), `ask_timeout_s` any other call (30).

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    if profile is not None:
        raise ValueError("dashscope has no profiles; which form a model takes is option 'forms'")
    if credential is None:
        raise ValueError("dashscope needs an api_key")
    said = Options("dashscope", options)
    region, timeouts = said.one_of("region", REGIONS), said.timeouts()
    settings = Settings(
        book=Book(_forms(said), _texts(said, "sizes")),
        searches=said.one_of("find", ["off", "list"]) == "list",
        look_again_s=said.seconds("look_again_s", LOOK_AGAIN_S),
        utc_offset_h=_utc_offset_h(said),
    )
    said.check_all_known()
    if (base_url is None) == (region is None):
        raise ValueError(
            "dashscope needs a region (cn, intl) or a base_url, such as "
            "https://WORKSPACE.ap-southeast-1.maas.aliyuncs.com/api/v1, and not both"
        )
    rest = Rest(base_url or REGIONS[region or ""], credential, timeouts=timeouts)
    return DashScope(name, rest, settings)


def _utc_offset_h(said: Options) -> float:
    value = said.any("utc_offset_h")
    if value is None:
        return BEIJING_H
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not isinstance(value, int | float) or not is_number or not -WEST_H <= value <= EAST_H:
        raise ValueError(
            f"option 'utc_offset_h' is a number from -{WEST_H} to {EAST_H}; got {value!r}"
        )
    return float(value)


def _texts(said: Options, option: str) -> dict[str, str]:
    value = said.any(option)
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value.values()):
        raise ValueError(f"option {option!r} is a table of texts; got {value!r}")
    return {str(key): text for key, text in value.items()}


def _forms(said: Options) -> tuple[tuple[str, str], ...]:
    forms = _texts(said, "forms")
    for model, form in forms.items():
        if form not in FORMS:
            raise ValueError(f"option 'forms': {model!r} takes one of {', '.join(FORMS)}")
    return tuple(forms.items())


class DashScope(Quiet):
    """An account at DashScope, in one region."""

    looks_per_s_max: float | None = LOOKS_PER_S_MAX

    def __init__(self, name: str, rest: Rest, settings: Settings | None = None) -> None:
        self.name = name
        self._rest = rest
        self._settings = settings or Settings()

    async def submit(
        self,
        spec: Spec,
        *,
        upstream_model: str,
        token: str,  # noqa: ARG002 -- there is no place for one
        assets: Assets,
        callback_url: str | None = None,  # noqa: ARG002 -- it rings nowhere
    ) -> Ticket:
        """Create a task, once."""
        told(spec, upstream_model, self._settings.book)  # before any file is read
        addresses = [await _address_of(asset, assets) for asset in spec.assets]
        wish = told(spec, upstream_model, self._settings.book, addresses)
        answer = await self._rest.submit(
            wish.path, body=wish.body, headers={"x-dashscope-async": "enable"}
        )
        if not answer.is_success:
            raise judge_submit(answer, WORDS, hide=self._rest.hidden)
        task_id = text_in((_output(answer) or {}).get("task_id"))
        if task_id is None:  # a complaint inside HTTP 200 is no proof that nothing was made
            raise InDoubt(f"HTTP {answer.status} without a task_id")
        return {"id": task_id}

    async def check(self, ticket: Ticket) -> Outcome:
        """Look at a task."""
        task_id = _id_of(ticket)
        answer = await self._rest.ask("GET", f"/tasks/{quote(task_id, safe='')}")
        job = _job_in(answer, task_id)
        if job is None:
            raise NotUnderstood("no task") if answer.is_success else ignorance(answer)
        return self._outcome(job, answer)

    async def cancel(self, ticket: Ticket) -> CancelOutcome:
        """Stop a task that is still waiting; nothing else can be stopped."""
        path = f"/tasks/{quote(_id_of(ticket), safe='')}/cancel"
        answer = await self._rest.ask("POST", path)
        if answer.is_success:
            return CancelOutcome.CANCELED
        stopped = _STOPS.get(answer.status)
        if stopped is None or fits(_complaint(answer.json_object()), WORDS.later):
            raise ignorance(answer)
        return stopped

    async def find(
        self,
        token: str,  # noqa: ARG002 -- the list echoes no token
        spec: Spec,
        *,
        upstream_model: str,
        since: datetime,
    ) -> Search:
        """Search the list for a task like ours, where the operator says that it can tell.

        What an item echoes is unknown. Model and hour alone would give one caller another's film,
        so that without the prompt in it a list proves nothing.
        """
        if not self._settings.searches:
            return Unknown()
        prompt = str(encodable(spec.prompt))
        search = ListSearch({"model_name": upstream_model, "orig_prompt": prompt}, since=since)
        begin = since.astimezone(self._settings.zone) - timedelta(seconds=CLOCK_SLACK_S)
        window = {
            "start_time": f"{begin:%Y%m%d%H%M%S}",
            "end_time": f"{begin + WINDOW:%Y%m%d%H%M%S}",
            "model_name": upstream_model,
            "page_size": str(PAGE_ITEMS),
        }
        read_count = 0
        for page_no in range(1, 1 + PAGES_MAX):
            params = {"page_no": str(page_no), **window}
            answer = await self._rest.ask("GET", "/tasks", params=params)
            items, total = _page_in(answer)
            for item in items:
                search.read(
                    item,
                    ref=text_in(item.get("task_id")),
                    at=self._unix_time(item.get("submit_time")),
                )
            read_count += len(items)
            if read_count >= total:
                return search.result(is_whole=True)
            if not items:
                break
        return search.result(is_whole=False)

    def open(self, film: Film) -> AbstractAsyncContextManager[Stream]:
        """Open the film behind a signed link."""
        link = link_in(film.get("url"))
        if link is None:
            raise NotUnderstood("a film that is not ours")
        return self._rest.film(link, is_signed=True)

    async def close(self) -> None:
        """Let go of connections."""
        await self._rest.close()

    def _outcome(self, job: Job, answer: Answer) -> Outcome:
        state = str(job["task_status"])
        match _STATES.get(state):
            case "working":
                return Working(look_again_s=self._settings.look_again_s)
            case "ready":
                link = link_in(job.get("video_url"))
                if link is None:  # no film is no success; only that it stays so is a verdict
                    raise NotThere("a finished task without a video_url")
                return Ready({"url": link}, _usage(answer.json_object()))
            case "lost":
                return Lost(self._failure(_complaint(job)))
            case "canceled":
                canceled = "The task was canceled at the provider."
                return Lost(Failure.of(Reason.PROVIDER_FAILED, canceled))
            case "not there":
                raise NotThere(f"HTTP {answer.status} {state}")
            case _:
                raise NotUnderstood(f"unknown state {state[:40]!r}")

    def _failure(self, complaint: Complaint) -> Failure:
        known = (reason for words, reason in REASONS if fits(complaint, words))
        reason = next(known, Reason.PROVIDER_FAILED)
        if reason is Reason.PROVIDER_UNUSABLE:  # an account's troubles are no caller's business
            return Failure.of(reason)
        return Failure.of(reason, plain(complaint.message, self._rest.hidden))

    def _unix_time(self, text: object) -> float | None:
        """Read `2025-07-27 21:05:15.212`, which names no zone."""
        try:
            at = datetime.fromisoformat(str(text))
        except ValueError:
            return None
        return (at if at.tzinfo else at.replace(tzinfo=self._settings.zone)).timestamp()


async def _address_of(asset: Asset, assets: Assets) -> str:
    """Return where DashScope reads a file: an image in the body, all else by the caller's link."""
    if asset.role.medium is Medium.IMAGE:
        return await data_uri(asset, assets)
    return public_link(asset)


def _output(answer: Answer) -> Job | None:
    output = (answer.json_object() or {}).get("output")
    return output if isinstance(output, dict) else None


def _job_in(answer: Answer, task_id: str) -> Job | None:
    """Return the task in an answer, whatever the status: a task that is told is told."""
    job = _output(answer)
    if job is None or not isinstance(job.get("task_status"), str):
        return None
    return job if job.get("task_id", task_id) == task_id else None


def _complaint(said: Mapping[str, object] | None) -> Complaint:
    """Read what is wrong: `code` and `message`, flat, in a body as in an output."""
    return complaint_of({"code": None, "message": "", **(said or {})}) or Complaint()


def _usage(body: Mapping[str, object] | None) -> dict[str, object]:
    usage = (body or {}).get("usage")
    if not isinstance(usage, dict):
        return {}
    return {key: value for key, value in usage.items() if isinstance(value, int | float | str)}


def _page_in(answer: Answer) -> tuple[Sequence[Job], int]:
    """Read a page of the list, and how many tasks there are in all.

    Raises:
        NotUnderstood, Unreachable: it is none.
    """
    if not answer.is_success:
        raise ignorance(answer)
    body = answer.json_object() or {}
    items, total = body.get("tasks"), body.get("total")
    if not isinstance(items, list) or isinstance(total, bool) or not isinstance(total, int):
        raise NotUnderstood("a list without tasks and total")
    return [item for item in items if isinstance(item, dict)], total


def _id_of(ticket: Ticket) -> str:
    task_id = text_in(ticket.get("id"))
    if task_id is None:
        raise NotUnderstood("a ticket that is not ours")
    return task_id
