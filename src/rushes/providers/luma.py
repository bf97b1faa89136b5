"""Luma's Dream Machine: the ray models, at api.lumalabs.ai/dream-machine/v1.

Wire facts (SDK: lumaai 1.21.0; SPEC: Luma's OpenAPI, github.com/lumalabs/lumaai-api; DOC: Luma's
pages on video generation, errors, limits and questions, copies read 2026-11; SEEN: answers that
strangers published; MEM: background, not verified; nothing was tried live):
- create: POST /generations/video, JSON; 201 with the generation: {id, state, ...}.       SDK
- look: GET /generations/{id}: the words are in `_outcome`; a failure has a sentence
  (failure_reason) and no code, inside HTTP 200; there is no progress.              SDK, SPEC
- list: GET /generations?limit&offset: {generations, has_more}, each with its whole `request`; its
  order and the most of `limit` (100 in the example) are told nowhere.              SDK, SPEC
- DELETE /generations/{id} removes one. That it stops what was begun, or that such a one costs
  nothing, is told nowhere.                                                         SDK, DOC
- film: assets.video, a public link on another host; how long it lives is not known.       SDK
- errors: {"detail": a sentence}, no code; the sentences are in `_MEANINGS`. That moderation may
  also refuse a create is MEM: the page tells it of failures.                       SPEC, DOC
- 10 at once, 20 creates a minute; a failure is paid back.                                  DOC
- callback_url: POST of the generation when it is dreaming, completed, failed; unsigned. DOC
- what a generation cost is told nowhere, only the account's balance (GET /credits).        SDK
- ray-3 and later are asked for at another API of Luma's (agents.lumalabs.ai), with other keys:
  it is not spoken here.                                                                    DOC
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import msgspec

from rushes.domain.errors import Blame, Failure, Reason
from rushes.domain.spec import Spec
from rushes.domain.submit import Ticket
from rushes.providers._luma_orders import FRAMES, Order, likeness, objection, told
from rushes.providers.answers import (
    Answer,
    Complaint,
    Words,
    complaint_of,
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
    Unknown,
    Working,
)
from rushes.providers.fields import instant_in, link_in, text_in
from rushes.providers.links import public_link
from rushes.providers.lists import ListSearch
from rushes.providers.options import Options
from rushes.providers.rest import Credential, Rest

API: Final = "https://api.lumalabs.ai/dream-machine/v1"
SETUP: Final = Setup(
    base_url=API,
    api_key="env:LUMAAI_API_KEY",
    upstream_models=("ray-2", "ray-flash-2"),
)
MODES: Final = frozenset(FRAMES)
HINT_WANTS: Final = "callbacks = true"
GENERATIONS: Final = "/generations"
LOOK_AGAIN_S: Final = 5.0
"""A clip takes half a minute or more, and no answer says when to look again."""

PAGE_ITEMS: Final = 100
PAGES_MAX: Final = 10

MODERATED: Final = "MODERATED"
NO_CREDITS: Final = "NO_CREDITS"
NO_MODEL: Final = "NO_MODEL"
UNREAD_FRAMES: Final = "UNREAD_FRAMES"
"""Words of ours: Luma has a sentence for each, and no code for any."""

WORDS: Final = Words(
    content=frozenset({MODERATED}),
    money=frozenset({NO_CREDITS}),
    model=frozenset({NO_MODEL}),
)

_MEANINGS: Final = (
    # A frame that could not be read, which some answers call "failed to moderate image".
    # DOC, SEEN
    (UNREAD_FRAMES, r"\bfailed to (?:read user input frames|moderate image)\b"),
    # "Frame moderation failed", "Advanced prompt moderation failed", "Contains blacklisted
    # words"; "400: prompt not allowed because advanced moderation failed". DOC, SEEN
    (MODERATED, r"\bmoderation failed\b|\bblacklisted words\b"),
    # The account's credits, and its limit for a month, which no waiting lifts. MEM
    (NO_CREDITS, r"\b(?:insufficient|not enough) (?:credits?|funds|balance)\b|\busage limit\b"),
    (  # MEM
        NO_MODEL,
        r"\bmodel\b.{0,40}\b(?:not (?:found|supported|available)|no longer|invalid|unknown)\b",
    ),
    (NO_MODEL, r"\b(?:unknown|invalid|unsupported) model\b"),
)

_STOPS: Final[Mapping[int, CancelOutcome]] = {
    HTTPStatus.BAD_REQUEST: CancelOutcome.TOO_LATE,
    HTTPStatus.NOT_FOUND: CancelOutcome.TOO_LATE,
    HTTPStatus.CONFLICT: CancelOutcome.TOO_LATE,
    HTTPStatus.METHOD_NOT_ALLOWED: CancelOutcome.UNSUPPORTED,
    HTTPStatus.NOT_IMPLEMENTED: CancelOutcome.UNSUPPORTED,
}

Job = Mapping[str, object]
"""A generation as Luma tells it; nothing in it is trusted to be there."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What an operator sets; see `build`."""

    look_again_s: float = LOOK_AGAIN_S
    deletes: bool = False
    is_called: bool = False


def build(
    *,
    name: str,
    base_url: str | None,
    credential: Credential | None,
    profile: str | None,
    options: Mapping[str, object],
) -> Luma:
    """Build a provider as an operator configured it; see `registry.build`.

    Without a base_url it is Luma's own address. Options: `cancel = "delete"` has what is still
    queued deleted, and without it nothing is stopped; `callbacks = true` has Luma call back, which
    it does unsigned; `look_again_s` paces looks (5); `submit_timeout_s` bounds a whole submit (60),
    `ask_timeout_s` any other call (30).

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    if profile is not None:
        raise ValueError(f"luma has no profile {profile!r}; it has none at all")
    if credential is None:
        raise ValueError("luma needs an api_key, such as env:LUMAAI_API_KEY")
    said = Options("luma", options)
    terms = Terms(
        look_again_s=said.seconds("look_again_s", LOOK_AGAIN_S),
        deletes=said.one_of("cancel", ["delete"]) == "delete",
        is_called=said.flag("callbacks"),
    )
    timeouts = said.timeouts()
    said.check_all_known()
    return Luma(name, Rest(base_url or API, credential, timeouts=timeouts), terms)


class Luma(Quiet):
    """An account at Luma. Its calls to us are unsigned: a bell, where the operator wants one."""

    def __init__(self, name: str, rest: Rest, terms: Terms | None = None) -> None:
        self.name = name
        self._rest = rest
        self._terms = terms or Terms()
        self.takes_hints = self._terms.is_called

    async def submit(
        self,
        spec: Spec,
        *,
        upstream_model: str,
        token: str,  # noqa: ARG002 -- the protocol has no place for it but the callback
        assets: Assets,  # noqa: ARG002 -- pictures are told by their public addresses
        callback_url: str | None = None,
    ) -> Ticket:
        """Create a generation, once."""
        sentence = objection(spec)
        if sentence:
            failure = Failure.of(Reason.PARAMETERS_REFUSED, sentence)
            raise Refused(failure, Blame.PROVIDER, note=f"luma: {spec.mode}")
        links = [public_link(asset) for asset in spec.assets]
        bell = callback_url if self.takes_hints else None
        body = told(spec, Order(upstream_model, links, bell))
        answer = await self._rest.submit(f"{GENERATIONS}/video", body=body)
        if not answer.is_success:
            raise judge_submit(_with_word(answer), WORDS, hide=self._rest.hidden)
        job_id = text_in((answer.json_object() or {}).get("id"))
        if job_id is None:
            raise InDoubt(f"HTTP {answer.status} without an id")
        return {"id": job_id}

    async def check(self, ticket: Ticket) -> Outcome:
        """Look at a generation."""
        return self._outcome(await self._look(_id_of(ticket)))

    async def cancel(self, ticket: Ticket) -> CancelOutcome:
        """Delete a generation that is still queued, where the operator wants that.

        What is begun may be made all the same, and its film would be gone.
        """
        job_id = _id_of(ticket)
        if not self._terms.deletes:
            return CancelOutcome.UNSUPPORTED
        try:
            job = await self._look(job_id)
        except NotThere:
            return CancelOutcome.TOO_LATE
        if job["state"] != "queued":
            self._outcome(job)  # a word that is not understood is no reason to give up
            return CancelOutcome.TOO_LATE
        answer = await self._rest.ask("DELETE", _path(job_id))
        if answer.is_success:
            return CancelOutcome.CANCELED
        stopped = _STOPS.get(answer.status)
        if stopped is None:
            raise ignorance(answer)
        return stopped

    async def find(self, token: str, spec: Spec, *, upstream_model: str, since: datetime) -> Search:
        """Search the list, which repeats what was asked for.

        One that would call back at our token is ours. One that would call back elsewhere is not.
        Any other is told by its likeness.
        """
        if objection(spec) or any(asset.url is None for asset in spec.assets):
            return Unknown()  # it was never sent
        links = [asset.url or "" for asset in spec.assets]
        wanted = likeness(told(spec, Order(upstream_model, links)))
        search = ListSearch(wanted, since=since, tells_all=True)
        offset = 0
        for _ in range(PAGES_MAX):
            params = {"limit": str(PAGE_ITEMS), "offset": str(offset)}
            page = _page_in(await self._rest.ask("GET", GENERATIONS, params=params))
            for job in page.jobs:
                said, job_id = _request_in(job), text_in(job.get("id"))
                whose = _token_in(said)
                if whose == token and job_id is not None:
                    return Found({"id": job_id})
                if whose is None:
                    at = instant_in(job.get("created_at"), is_utc=True)
                    search.read(likeness(said) if said else {}, ref=job_id, at=at)
            offset += len(page.jobs)
            if search.is_over or not page.has_more:
                return search.result(is_whole=True)
        return search.result(is_whole=False)

    def open(self, film: Film) -> AbstractAsyncContextManager[Stream]:
        """Open a film by its public link; no host is told the key."""
        link = link_in(film.get("url"))
        if link is None:
            raise NotUnderstood("a film that is not ours")
        return self._rest.film(link, is_signed=True)

    async def close(self) -> None:
        """Let go of connections."""
        await self._rest.close()

    async def _look(self, job_id: str) -> Job:
        answer = await self._rest.ask("GET", _path(job_id))
        job = answer.json_object() or {}
        if job.get("id") == job_id and isinstance(job.get("state"), str):
            return job
        raise NotUnderstood("no generation") if answer.is_success else ignorance(answer)

    def _outcome(self, job: Job) -> Outcome:
        match job["state"]:
            case "queued" | "dreaming":
                return Working(look_again_s=self._terms.look_again_s)
            case "completed":
                assets = job.get("assets")
                link = link_in(assets.get("video")) if isinstance(assets, dict) else None
                if link is None:  # no film is no success; only that it stays so is a verdict
                    raise NotThere("completed without a film")
                return Ready({"url": link}, _usage_in(job))
            case "failed":
                return Lost(self._failure(job.get("failure_reason")))
            case state:
                raise NotUnderstood(f"unknown state {str(state)[:40]!r}")

    def _failure(self, said: object) -> Failure:
        sentence = said if isinstance(said, str) else ""
        match _meaning_of(sentence):
            case "MODERATED":
                reason = Reason.CONTENT_REFUSED
            case "UNREAD_FRAMES":
                reason = Reason.PARAMETERS_REFUSED
            case "NO_CREDITS" | "NO_MODEL":  # an account's troubles are no caller's
                return Failure.of(Reason.PROVIDER_UNUSABLE)
            case _:
                reason = Reason.PROVIDER_FAILED
        return Failure.of(reason, plain(sentence, self._rest.hidden))


def _meaning_of(sentence: str) -> str:
    """Return our word for what a sentence of Luma's says; empty where it is none of these."""
    found = (word for word, said in _MEANINGS if re.search(said, sentence, re.IGNORECASE))
    return next(found, "")


def _with_word(answer: Answer) -> Answer:
    """Give a refusal the code that it lacks, by its sentence."""
    complaint = complaint_of(answer.json_object()) or Complaint()
    word = _meaning_of(complaint.message)
    if not word:
        return answer
    error = {"message": complaint.message, "code": word, "param": complaint.param}
    return Answer(answer.status, answer.headers, msgspec.json.encode({"error": error}))


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of the list."""

    jobs: tuple[Job, ...]
    has_more: bool


def _page_in(answer: Answer) -> _Page:
    """Read a page of the list.

    A page that does not say whether more follow is the last only if it is empty.

    Raises:
        NotUnderstood, Unreachable: it is none.
    """
    if not answer.is_success:
        raise ignorance(answer)
    body = answer.json_object() or {}
    jobs = body.get("generations")
    if not isinstance(jobs, list):
        raise NotUnderstood("a list without generations")
    has_more = bool(jobs) and body.get("has_more") is not False
    return _Page(tuple(job if isinstance(job, dict) else {} for job in jobs), has_more)


def _request_in(job: Job) -> Mapping[str, object]:
    said = job.get("request")
    return said if isinstance(said, dict) else {}


def _token_in(said: Mapping[str, object]) -> str | None:
    """Return the end of the address that a generation would call; None where it calls nobody."""
    address = said.get("callback_url")
    return address.rpartition("/")[2] if isinstance(address, str) and address else None


def _usage_in(job: Job) -> dict[str, object]:
    """Return what a price follows from, as far as Luma repeats it; it tells no price."""
    said: Sequence[tuple[str, object]] = [
        ("model", job.get("model")),
        *((name, _request_in(job).get(name)) for name in ("duration", "resolution")),
    ]
    return {name: value for name, value in said if isinstance(value, str) and value}


def _id_of(ticket: Ticket) -> str:
    job_id = text_in(ticket.get("id"))
    if job_id is None:
        raise NotUnderstood("a ticket that is not ours")
    return job_id


def _path(job_id: str) -> str:
    return f"{GENERATIONS}/{quote(job_id, safe='')}"
