"""Vidu by Shengshu, on its own platform (`/ent/v2`).

Wire facts (DOC: platform.vidu.com/docs, pages of 2025 and 2026, and copies of them; SDK: vidu-mcp
0.1.2, the maker's own server for agents; 3P: public programs that call it; MEM: background; read
2026-11, nothing was seen live):
- every request has `Authorization: Token KEY`.                                        DOC, SDK
- create: POST /text2video, /img2video, /start-end2video or /reference2video, JSON (SDK); the
  answer is {task_id, state: "created", credits, payload, created_at, and what was asked}.   DOC
- look: GET /tasks/{id}/creations; {id, state, err_code, credits, payload, off_peak, creations:
  [{id, url, cover_url, watermarked_url}]}; the words are in `_outcome`; no progress. An older
  page has no id in it.                                                                      DOC
- payload is ours, up to 1 MiB, and comes back with a look and with a call to us.            DOC
- list: GET /tasks, of the last 7 days, {tasks: [{id, model, prompt, …}], next_page_token};
  pager.pagesz is up to 100 (the page spells it paper.pagesz too), pager.page_token goes on.
  Whether a task in it has its payload or created_at is not told, and neither is the order.
                                                                                        DOC, 3P
- cancel: POST /tasks/{id}/cancel {id}; {} or 400 BadRequest "task state is scheduled, can not
  cancel". The pages of creates speak of it for off-peak tasks.                              DOC
  That a canceled task is told as failed, by UserCancelled, is MEM (the word is DOC).
- film: creations[0].url, a link on another host that goes after 24 h (DOC; 1 h once). Whether a
  new look signs a new one is not known.                                                     MEM
- errors: {code: the HTTP status, reason: the word, message, metadata{trace_id}}; the words are
  in WORDS, err_code has the same. A task that fails costs nothing, refused content included. DOC
- off_peak: half the price, made within 48 h or canceled by Vidu.                            DOC
- at most 5 tasks at once, unless an account has more; more than that is 429 QuotaExceeded.  DOC
- calls to us: `_vidu_hints.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import msgspec

from rushes.domain.errors import Blame, Failure, Reason
from rushes.domain.spec import Spec
from rushes.domain.submit import Ticket
from rushes.providers import _vidu_hints
from rushes.providers._vidu_hints import token_in
from rushes.providers._vidu_orders import KINDS, Order, objection, told
from rushes.providers.answers import (
    Answer,
    Complaint,
    Words,
    complaint_of,
    fits,
    ignorance,
    judge_submit,
)
from rushes.providers.base import (
    Assets,
    CancelOutcome,
    Film,
    Found,
    InDoubt,
    Lost,
    NotThere,
    NotUnderstood,
    Outcome,
    Ready,
    Refused,
    Search,
    Setup,
    Stream,
    Working,
)
from rushes.providers.fields import instant_in, link_in, text_in
from rushes.providers.links import data_uris
from rushes.providers.lists import CLOCK_SLACK_S, ListSearch
from rushes.providers.options import Options
from rushes.providers.rest import Credential, Rest

REGIONS: Final[Mapping[str, str]] = {
    "cn": "https://api.vidu.cn/ent/v2",
    "intl": "https://api.vidu.com/ent/v2",
}
"""DOC; accounts of one are unknown to the other (MEM)."""

SETUP: Final = Setup(
    base_url=REGIONS["intl"],
    api_key="env:VIDU_API_KEY",
    upstream_models=("viduq3-turbo", "viduq3-pro", "viduq3"),
)
MODES: Final = frozenset(KINDS)
TASKS: Final = "/tasks"
LOOK_AGAIN_S: Final = 6.0
"""A clip takes a minute or more, and no answer says when to look again."""

BODY_CHARACTERS_MAX: Final = 19_000_000
"""A create may have 20 MB (DOC), words and all."""

PAGE_ITEMS: Final = 100
PAGES_MAX: Final = 10
LOOKS_MAX: Final = 50
"""How many tasks of the list are looked at for their payload in one search."""

Job = Mapping[str, object]
"""A task as Vidu tells it; nothing in it is trusted to be there."""

WORDS: Final = Words(
    content=frozenset(
        {"AuditSubmitIllegal", "TaskPromptPolicyViolation", "CreationPolicyViolation"}
    ),
    money=frozenset({"CreditInsufficient"}),
    model=frozenset({"ModelUnavailable"}),
    later=frozenset({"QuotaExceeded", "TooManyRequests", "SystemThrottling"}),
)
"""DOC. Of 500 InternalServiceFailure no page says that nothing was accepted."""

UNCLEAR: Final = frozenset({"OperationInProcess"})
"""400 to a create whose like is being processed, says the page: so one may have been made."""

PARAMETERS: Final = frozenset({"BadRequest", "Field*", "Image*", "PageSizeOutOfRange"})
STOPPED: Final = frozenset({"UserCancelled", "Canceled"})

_STOPS: Final[Mapping[int, CancelOutcome]] = {
    HTTPStatus.NOT_FOUND: CancelOutcome.TOO_LATE,
    HTTPStatus.METHOD_NOT_ALLOWED: CancelOutcome.UNSUPPORTED,
    HTTPStatus.NOT_IMPLEMENTED: CancelOutcome.UNSUPPORTED,
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What an operator sets; see `build`."""

    is_off_peak: bool = False
    look_again_s: float = LOOK_AGAIN_S


def build(
    *,
    name: str,
    base_url: str | None,
    credential: Credential | None,
    profile: str | None,
    options: Mapping[str, object],
) -> Vidu:
    """Build a provider as an operator configured it; see `registry.build`.

    Options: `region` (cn, intl) in place of a base_url; `off_peak` has films made when Vidu has
    the time, within 48 h and for half the price; `look_again_s` paces looks (6);
    `submit_timeout_s` bounds a whole submit (60), `ask_timeout_s` any other call (30).

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    if profile is not None:
        raise ValueError(f"vidu has no profile {profile!r}; it has none at all")
    if credential is None:
        raise ValueError("vidu needs an api_key, such as env:VIDU_API_KEY")
    said = Options("vidu", options)
    region, timeouts = said.one_of("region", REGIONS), said.timeouts()
    terms = Terms(said.flag("off_peak"), said.seconds("look_again_s", LOOK_AGAIN_S))
    said.check_all_known()
    if (region is None) == (base_url is None):
        raise ValueError("vidu needs either region = cn or intl in its options, or a base_url")
    address = base_url or REGIONS[region or ""]
    rest = Rest(address, credential, timeouts=timeouts, key_scheme="Token ")
    return Vidu(name, rest, credential.secret, terms)


class Vidu:
    """An account at Vidu, in one region. Its calls to us are signed with the key itself."""

    takes_hints = True
    looks_per_s_max: float | None = None

    def __init__(self, name: str, rest: Rest, key: str, terms: Terms | None = None) -> None:
        self.name = name
        self._rest = rest
        self._key = key
        self._terms = terms or Terms()

    async def submit(
        self,
        spec: Spec,
        *,
        upstream_model: str,
        token: str,
        assets: Assets,
        callback_url: str | None = None,
    ) -> Ticket:
        """Create a task, once. The token is in its payload, by which it can be found."""
        sentence = objection(spec, upstream_model)
        if sentence:
            failure = Failure.of(Reason.PARAMETERS_REFUSED, sentence)
            raise Refused(failure, Blame.PROVIDER, note=f"vidu: {spec.mode}")
        pictures = await data_uris(spec.assets, assets, characters_max=BODY_CHARACTERS_MAX)
        order = Order(upstream_model, token, pictures, callback_url, self._terms.is_off_peak)
        body, path = told(spec, order), f"/{KINDS[spec.mode]}"
        answer = await self._rest.submit(path, body=body)
        if not answer.is_success:
            answer = _in_house_words(answer)
            if fits(_complaint(answer), UNCLEAR):
                raise InDoubt(f"HTTP {answer.status} {_complaint(answer).code}")
            raise judge_submit(answer, WORDS, hide=self._rest.hidden)
        task_id = text_in((answer.json_object() or {}).get("task_id"))
        if task_id is None:
            raise InDoubt(f"HTTP {answer.status} without a task_id")
        return _ticket(task_id, spec)

    async def check(self, ticket: Ticket) -> Outcome:
        """Look at a task."""
        job = await self._look(_id_of(ticket))
        return self._outcome(job, has_watermark=ticket.get("watermark") is True)

    async def cancel(self, ticket: Ticket) -> CancelOutcome:
        """Stop a task that Vidu has not given to a machine yet; it says itself when it cannot.

        A refusal may also mean that an earlier cancel got through, and its answer did not.
        """
        task_id = _id_of(ticket)
        answer = await self._rest.ask("POST", f"{_path(task_id)}/cancel", body={"id": task_id})
        if answer.is_success:
            return CancelOutcome.CANCELED
        answer = _in_house_words(answer)
        if answer.status == HTTPStatus.BAD_REQUEST and _complaint(answer).code == "BadRequest":
            return await self._why_not(task_id)
        stopped = _STOPS.get(answer.status)
        if stopped is None:
            raise ignorance(answer)
        return stopped

    async def find(
        self,
        token: str,
        spec: Spec,
        *,
        upstream_model: str,  # noqa: ARG002 -- the token tells ours
        since: datetime,
    ) -> Search:
        """Search the list for the token; where that does not tell payloads, look at each task.

        Only a task that carries the token is ours. A list that is longer than what is read, or
        has more tasks without a payload than are looked at, proves nothing.
        """
        search, looks_left = ListSearch({"token": token}, since=since, tells_all=True), LOOKS_MAX
        page_token: str | None = None
        for _ in range(PAGES_MAX):
            jobs, page_token = await self._page(page_token)
            for job in jobs:
                task_id, at = text_in(job.get("id")), instant_in(job.get("created_at"))
                mark = token_in(job.get("payload"))
                is_new = at is None or at >= since.timestamp() - CLOCK_SLACK_S
                if mark is None and task_id is not None and is_new and looks_left:
                    looks_left -= 1
                    mark = await self._mark_of(task_id)
                if mark == token and task_id is not None:
                    return Found(_ticket(task_id, spec))
                search.read({"token": mark}, ref=task_id, at=at)
            if search.is_over or page_token is None:
                return search.result(is_whole=True)
        return search.result(is_whole=False)

    def open(self, film: Film) -> AbstractAsyncContextManager[Stream]:
        """Open a film by its link, which opens by itself."""
        link = link_in(film.get("url"))
        if link is None:
            raise NotUnderstood("a film that is not ours")
        return self._rest.film(link, is_signed=True)

    def hint(self, headers: Mapping[str, str], body: bytes) -> bytes | None:
        """Make sure that a call is Vidu's; it is only a bell."""
        _vidu_hints.verify(self._key, headers, body)
        return None

    async def close(self) -> None:
        """Let go of connections."""
        await self._rest.close()

    async def _look(self, task_id: str) -> Job:
        answer = await self._rest.ask("GET", f"{_path(task_id)}/creations")
        job = answer.json_object() or {}
        is_of_another = "id" in job and text_in(job.get("id")) != task_id
        if isinstance(job.get("state"), str) and not is_of_another:
            return job
        raise NotUnderstood("no task") if answer.is_success else ignorance(_in_house_words(answer))

    async def _page(self, page_token: str | None) -> tuple[Sequence[Job], str | None]:
        """Return a page of the list, and where the next one is, None where there is none.

        Raises:
            NotUnderstood, Unreachable: it is none.
        """
        params = {"pager.pagesz": str(PAGE_ITEMS)}
        if page_token is not None:
            params["pager.page_token"] = page_token
        answer = await self._rest.ask("GET", TASKS, params=params)
        if not answer.is_success:
            raise ignorance(_in_house_words(answer))
        body = answer.json_object() or {}
        jobs, further = body.get("tasks"), body.get("next_page_token")
        if not isinstance(jobs, list) or not isinstance(further, str | None):
            raise NotUnderstood("no list")
        return [job if isinstance(job, dict) else {} for job in jobs], further or None

    async def _mark_of(self, task_id: str) -> str | None:
        """Return the token in the payload that a look tells; None where there is none."""
        try:
            return token_in((await self._look(task_id)).get("payload"))
        except NotThere:
            return None

    async def _why_not(self, task_id: str) -> CancelOutcome:
        """Say why a cancel was refused: because it was too late, or had got through before."""
        try:
            job = await self._look(task_id)
        except NotThere:
            return CancelOutcome.TOO_LATE
        is_stopped = job["state"] == "failed" and fits(_trouble_in(job), STOPPED)
        return CancelOutcome.CANCELED if is_stopped else CancelOutcome.TOO_LATE

    def _outcome(self, job: Job, *, has_watermark: bool) -> Outcome:
        match job["state"]:
            case "created" | "queueing" | "processing":
                return Working(look_again_s=self._terms.look_again_s)
            case "success":
                link = link_in(_creation_in(job).get("watermarked_url" if has_watermark else "url"))
                if link is None:  # no film is no success; only that it stays so is a verdict
                    raise NotThere("success without a film")
                return Ready({"url": link}, _usage_in(job))
            case "failed":
                return Lost(_failure(_trouble_in(job)))
            case state:
                raise NotUnderstood(f"unknown state {str(state)[:40]!r}")


def _failure(trouble: Complaint) -> Failure:
    """Say why a task failed: a task tells a word, and no sentence."""
    if fits(trouble, WORDS.content):
        return Failure.of(Reason.CONTENT_REFUSED)
    if fits(trouble, WORDS.money | WORDS.model):  # an account's troubles are no caller's
        return Failure.of(Reason.PROVIDER_UNUSABLE)
    if fits(trouble, WORDS.later):
        return Failure.of(Reason.PROVIDER_RATE_LIMITED)
    if fits(trouble, PARAMETERS):
        said = f"The provider could not make a film of what it was given: {trouble.code}."
        return Failure.of(Reason.PARAMETERS_REFUSED, said)
    if fits(trouble, STOPPED):
        return Failure.of(Reason.PROVIDER_FAILED, "The provider canceled the task.")
    return Failure.of(Reason.PROVIDER_FAILED)


def _trouble_in(job: Job) -> Complaint:
    return complaint_of({"message": "", "code": job.get("err_code")}) or Complaint()


def _complaint(answer: Answer) -> Complaint:
    return complaint_of(answer.json_object()) or Complaint()


def _in_house_words(answer: Answer) -> Answer:
    """Put the word of a complaint where the house reads it; Vidu's `code` is only the status."""
    body = answer.json_object() or {}
    reason = body.get("reason")
    if not isinstance(reason, str):
        return answer
    said = {"message": body.get("message", ""), "code": reason}
    return replace(answer, body=msgspec.json.encode(said))


def _ticket(task_id: str, spec: Spec) -> Ticket:
    ticket: dict[str, object] = {"id": task_id}
    return ticket | {"watermark": True} if spec.with_watermark else ticket


def _id_of(ticket: Ticket) -> str:
    task_id = text_in(ticket.get("id"))
    if task_id is None:
        raise NotUnderstood("a ticket that is not ours")
    return task_id


def _path(task_id: str) -> str:
    return f"{TASKS}/{quote(task_id, safe='')}"


def _creation_in(job: Job) -> Mapping[str, object]:
    creations = job.get("creations")
    first = creations[0] if isinstance(creations, list) and creations else None
    return first if isinstance(first, dict) else {}


def _usage_in(job: Job) -> dict[str, object]:
    """Return the credits, which are what is billed, and what halves their number."""
    usage = {"credits": job.get("credits"), "off_peak": job.get("off_peak")}
    return {name: said for name, said in usage.items() if isinstance(said, int | float)}
