"""Seedance by its maker: Volcengine Ark (cn) and BytePlus ModelArk (intl), one protocol.

Wire facts (SDK: volcengine-ark-runtime 5.0.54; WIRE: what it really sends; DOC: the error table,
volcengine.com/docs/82379/1299023; 3P: mirrors of the maker's pages and live answers quoted in
public repositories, read 2026-11; MEM: not verified):
- create: POST /contents/generations/tasks, JSON; the answer is {"id"}.                  WIRE
- media: images as a link or data URI, videos as a link only, audio as either; frames and
  references exclude each other; a request has at most 64 MB.                            3P
- a data URI of MP3 says audio/mp3.                                                      MEM
- duration -1 lets the model choose; ratio adaptive follows the first frame.             3P
- look: GET .../{id}; the state words are in `_outcome`; a failed task has
  error{code,message} inside HTTP 200; there is no progress.                             SDK, 3P
- records go after 7 days, those of canceled tasks after 24 h.                           3P
- list: GET ...?page_num&page_size; it echoes settings, never the prompt.                WIRE, 3P
- safety_identifier comes back in task and list: in the SDK's types, not seen live.      SDK
- DELETE stops a queued task, is refused for a running one (409 InvalidAction.*), and
  removes the record of a finished one.                                                  3P
- film: GET of a signed link on another host, without the key; it ends after 24 h, and no
  page says that a new look signs a new one.                                             3P
- callback_url: POST of the task at each change, unsigned: a bell and no more.           3P
- `--dur 5` and its like inside a prompt are the old form of parameters; which of the two
  counts is not known, so such a prompt is refused.                                      3P
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from rushes.domain.errors import Blame, Failure, Reason
from rushes.domain.spec import Asset, Medium, Spec
from rushes.domain.submit import Ticket
from rushes.providers import _ark_orders, links
from rushes.providers._ark_orders import Order, family_of, likeness, objection, told
from rushes.providers._ark_terms import REGIONS, Terms, read
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
    Found,
    InDoubt,
    Lost,
    NotThere,
    NotUnderstood,
    Outcome,
    Quiet,
    Ready,
    Refused,
    Search,
    Setup,
    Stream,
    Working,
)
from rushes.providers.fields import LINK_CHARACTERS_MAX, link_in, text_in
from rushes.providers.lists import ListSearch
from rushes.providers.rest import Credential, Rest

TASKS: Final = "/contents/generations/tasks"
BODY_BYTES_MAX: Final = 64_000_000

PAGE_ITEMS: Final = 100
PAGES_MAX: Final = 10
WORDS: Final = Words(
    # DOC; output words are met inside a failed task as well.
    content=frozenset({"*SensitiveContent*", "*RiskDetection"}),
    # DOC. SetLimitExceeded is the operator's own limit on spending: it says 429, but no waiting
    # lifts it.
    money=frozenset({"AccountOverdueError", "OperationDenied.ServiceOverdue", "SetLimitExceeded"}),
    # DOC; InvalidEndpoint.NotFound stands in older copies of the page.
    model=frozenset(
        {
            "ModelNotOpen",
            "InvalidEndpoint.*",
            "InvalidEndpointOrModel.*",
            "UnsupportedModel",
            "OperationDenied.ServiceNotOpen",
        }
    ),
    # DOC. QuotaExceeded has three meanings by its message alone: too many tasks in the queue, a
    # plan that resets, and a free trial that is over; so it is asked again within the task's
    # time. ModelLoadingError: 3P. ContentSecurityDetectionError is a 400 by which Ark's own
    # check of content failed.
    later=frozenset(
        {
            "*RateLimitExceeded*",
            "*QuotaExceeded",
            "ServerOverloaded",
            "RequestBurstTooFast",
            "InflightBatchsizeExceeded",
            "ModelLoadingError",
            "ContentSecurityDetectionError",
        }
    ),
    # DOC has it as a 429; where a 503 carries the same word, the word is the proof.
    overload=frozenset({"ServerOverloaded"}),
)
PARAMETERS: Final = frozenset({"InvalidParameter*", "MissingParameter*", "InvalidImageURL*"})
"""Words of a failed task that blame what was asked. DOC"""

_STOPS: Final[Mapping[int, CancelOutcome]] = {
    HTTPStatus.CONFLICT: CancelOutcome.TOO_LATE,
    HTTPStatus.NOT_FOUND: CancelOutcome.TOO_LATE,
    HTTPStatus.METHOD_NOT_ALLOWED: CancelOutcome.UNSUPPORTED,
    HTTPStatus.NOT_IMPLEMENTED: CancelOutcome.UNSUPPORTED,
}

Job = Mapping[str, object]
"""A task as Ark tells it; nothing in it is trusted to be there."""


SETUP: Final = Setup(
    base_url=REGIONS["intl"],
    api_key="env:ARK_API_KEY",
    upstream_models=("seedance-1-5-pro-251215", "doubao-seedance-1-5-pro-251215"),
)
MODES: Final = _ark_orders.MODES
FIND_WANTS: Final = 'find = "token"'
"""That a list gives our token back is inferred from SDK types, and has to be tried."""


def build(
    *,
    name: str,
    base_url: str | None,
    credential: Credential | None,
    profile: str | None,
    options: Mapping[str, object],
) -> Ark:
    """Build a provider as an operator configured it; see `registry.build`.

    Options: `region` (cn, intl) in place of a base_url; `service_tier` (default, flex);
    `execution_expires_after` (seconds, 3600-259200); `return_last_frame`; `find` (list, token);
    `look_again_s` paces looks (7); `submit_timeout_s` bounds a whole submit (60), `ask_timeout_s`
    any other call (30).

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    if profile is not None:
        raise ValueError(f"ark has no profile {profile!r}; it has none at all")
    if credential is None:
        raise ValueError("ark needs an api_key, such as env:ARK_API_KEY")
    said = read(options)
    if (said.region is None) == (base_url is None):
        raise ValueError("ark needs either region = cn or intl in its options, or a base_url")
    address = base_url or REGIONS[said.region or ""]
    return Ark(name, Rest(address, credential, timeouts=said.timeouts), said.terms)


class Ark(Quiet):
    """Seedance on Ark. Its calls to us are unsigned, so a hint is only a bell."""

    takes_hints = True

    def __init__(self, name: str, rest: Rest, terms: Terms | None = None) -> None:
        self.name = name
        self._rest = rest
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
        """Create a task, once. The token is also a trace id, which Ark's support can look up."""
        sentence = objection(spec, upstream_model, self._terms)
        if sentence:
            failure = Failure.of(Reason.PARAMETERS_REFUSED, sentence)
            raise Refused(failure, Blame.PROVIDER, note=f"ark: {spec.mode}")
        media = await _media(spec.assets, assets)
        order = Order(upstream_model, token, media, callback_url, self._terms)
        answer = await self._rest.submit(
            TASKS, body=told(spec, order), headers={"x-client-request-id": token}
        )
        if not answer.is_success:
            raise judge_submit(answer, WORDS, hide=self._rest.hidden)
        task_id = text_in((answer.json_object() or {}).get("id"))
        if task_id is None:
            raise InDoubt(f"HTTP {answer.status} without an id")
        return {"id": task_id}

    async def check(self, ticket: Ticket) -> Outcome:
        """Look at a task."""
        return self._outcome(await self._look(_id_of(ticket)))

    async def cancel(self, ticket: Ticket) -> CancelOutcome:
        """Stop a task that is still queued; any other is left alone.

        DELETE of a finished one would take its record away, and the way to its film with it.
        """
        task_id = _id_of(ticket)
        try:
            job = await self._look(task_id)
        except NotThere:
            return CancelOutcome.TOO_LATE
        if job["status"] == "cancelled":  # an earlier DELETE got through, and its answer did not
            return CancelOutcome.CANCELED
        if job["status"] != "queued":
            self._outcome(job)  # a word that is not understood is no reason to give up
            return CancelOutcome.TOO_LATE
        answer = await self._rest.ask("DELETE", _path(task_id))
        if answer.is_success:
            return CancelOutcome.CANCELED
        complaint = complaint_of(answer.json_object()) or Complaint()
        if fits(complaint, frozenset({"InvalidAction.*"})):
            return CancelOutcome.TOO_LATE
        stopped = _STOPS.get(answer.status)
        if stopped is None:
            raise ignorance(answer)
        return stopped

    async def find(self, token: str, spec: Spec, *, upstream_model: str, since: datetime) -> Search:
        """Search the list: for the token where tasks carry it, else only for what is not there.

        The list keeps silent about prompts. So without a token nothing in it is surely ours, and
        the most that it can prove is that nothing in it could be.
        """
        has_token = self._terms.finds_by_token and family_of(upstream_model, spec.model).takes_token
        mark = {"safety_identifier": token} if has_token else {"prompt": spec.prompt}
        search = ListSearch(likeness(spec, upstream_model) | mark, since=since)
        read_count = 0
        for number in range(1, PAGES_MAX + 1):
            params = {"page_num": str(number), "page_size": str(PAGE_ITEMS)}
            page = _page_in(await self._rest.ask("GET", TASKS, params=params))
            for job in page.jobs:
                task_id = text_in(job.get("id"))
                if has_token and task_id is not None and job.get("safety_identifier") == token:
                    return Found({"id": task_id})
                search.read(job, ref=task_id, at=job.get("created_at"))
            read_count += len(page.jobs)
            is_last = read_count >= page.total
            if search.is_over or is_last or not page.jobs:
                return search.result(is_whole=search.is_over or is_last)
        return search.result(is_whole=False)

    def open(self, film: Film) -> AbstractAsyncContextManager[Stream]:
        """Open a film by its signed link; the key stays at home."""
        link = link_in(film.get("url"))
        if link is None:
            raise NotUnderstood("a film that is not ours")
        return self._rest.film(link)

    async def close(self) -> None:
        """Let go of connections."""
        await self._rest.close()

    async def _look(self, task_id: str) -> Job:
        answer = await self._rest.ask("GET", _path(task_id))
        body = answer.json_object() or {}
        if body.get("id") == task_id and isinstance(body.get("status"), str):
            return body
        raise NotUnderstood("no task") if answer.is_success else ignorance(answer)

    def _outcome(self, job: Job) -> Outcome:
        match job["status"]:
            case "queued" | "running":
                return Working(look_again_s=self._terms.look_again_s)
            case "succeeded":
                return Ready(_film_in(job), _usage_in(job))
            case "failed":
                return Lost(self._failure(job))
            case "expired":  # not done within execution_expires_after
                return Lost(Failure.of(Reason.TIMED_OUT))
            case "cancelled":
                canceled = "The provider canceled the task."
                return Lost(Failure.of(Reason.PROVIDER_FAILED, canceled))
            case state:
                raise NotUnderstood(f"unknown state {str(state)[:40]!r}")

    def _failure(self, job: Job) -> Failure:
        complaint = complaint_of(job) or Complaint()
        if fits(complaint, WORDS.money | WORDS.model):  # an account's troubles are no caller's
            return Failure.of(Reason.PROVIDER_UNUSABLE)
        reason = Reason.PROVIDER_FAILED
        if fits(complaint, WORDS.content):
            reason = Reason.CONTENT_REFUSED
        elif fits(complaint, WORDS.later):
            reason = Reason.PROVIDER_RATE_LIMITED
        elif fits(complaint, PARAMETERS):
            reason = Reason.PARAMETERS_REFUSED
        return Failure.of(reason, plain(complaint.message, self._rest.hidden))


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of the list, and how many tasks all pages have."""

    jobs: tuple[Job, ...]
    total: int


def _page_in(answer: Answer) -> _Page:
    """Read a page of the list.

    Raises:
        NotUnderstood, Unreachable: it is none.
    """
    if not answer.is_success:
        raise ignorance(answer)
    body = answer.json_object() or {}
    items, total = body.get("items"), body.get("total")
    if isinstance(total, bool) or not isinstance(total, int):
        raise NotUnderstood("a list without a total")
    if items is None and total == 0:
        items = []
    if not isinstance(items, list):
        raise NotUnderstood("a list without items")
    return _Page(tuple(item if isinstance(item, dict) else {} for item in items), total)


def _film_in(job: Job) -> Film:
    content = job.get("content")
    content = content if isinstance(content, dict) else {}
    link, last_frame = (link_in(content.get(f"{name}_url")) for name in ("video", "last_frame"))
    if link is None:
        raise NotThere("succeeded without a film")
    if last_frame is None or len(link) + len(last_frame) > LINK_CHARACTERS_MAX:
        return {"url": link}
    return {"url": link, "last_frame_url": last_frame}


def _usage_in(job: Job) -> dict[str, object]:
    """Return tokens, which are what is billed, and what their number follows from."""
    tokens = job.get("usage")
    usage = dict(tokens) if isinstance(tokens, dict) else {}
    for name in ("duration", "resolution", "ratio", "framespersecond", "service_tier"):
        if job.get(name):
            usage[name] = job[name]
    return usage


async def _media(given: Sequence[Asset], assets: Assets) -> list[str]:
    """Turn files into links: videos into their own."""
    media, size_bytes = [], 0
    for asset in given:
        if asset.role.medium is Medium.VIDEO:
            media.append(links.public_link(asset))
            continue
        media.append(await links.data_uri(_spelled(asset), assets))
        size_bytes += len(media[-1])
        if size_bytes > BODY_BYTES_MAX:
            raise links.refused(asset, "the files of one request are too large together")
    return media


def _spelled(asset: Asset) -> Asset:
    """Name MP3 as Ark does."""
    is_mp3 = asset.content_type == "audio/mpeg"
    return replace(asset, content_type="audio/mp3") if is_mp3 else asset


def _id_of(ticket: Mapping[str, object]) -> str:
    task_id = text_in(ticket.get("id"))
    if task_id is None:
        raise NotUnderstood("a ticket that is not ours")
    return task_id


def _path(task_id: str) -> str:
    return f"{TASKS}/{quote(task_id, safe='')}"
