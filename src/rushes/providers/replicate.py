"""Replicate: predictions by models of many makers, behind one API.

Wire facts (SDK: replicate 1.0.7; WIRE: what it really sends; SPEC: Replicate's OpenAPI page,
a copy of 2026-04; DOC: other pages of replicate.com, copies of 2026; MEM: not verified):
- create: POST /models/OWNER/NAME/predictions {input, webhook, webhook_events_filter}, or
  /predictions with a `version` as well, or /deployments/OWNER/NAME/predictions; 201, or 202, with
  the prediction. What stands in `input` is the model's: `_replicate_orders.py`.     WIRE, SPEC
- nothing in a create is a reference of ours, and no answer repeats the webhook.            SPEC
- look: GET /predictions/ID; the words are in `_outcome`; `aborted` is a deadline that came
  before the start, and a canceled one is paid for.                                    SPEC, DOC
- progress: only as a line of the model's own in `logs`, "45%|####  | 9/20".                 SDK
- input, output and logs are removed an hour later: `data_removed`, `output` null.          SPEC
- cancel: POST /predictions/ID/cancel, answered with the prediction. That a finished one is left
  alone is read nowhere, so it is looked at first.                                    WIRE, MEM
- list: GET /predictions, 100 a page, the newest first, `next` is a whole address with a cursor;
  items repeat input and model.                                                       WIRE, SPEC
- `output` is whatever the model makes: a link, a list of links, an object.                 SPEC
- film: a link at replicate.delivery or below; SPEC wants the key there, browsers have none (MEM),
  and the SDK sends it. Those hosts are told it, by TLS, and no others.                 SDK, SPEC
- Cancel-After, a header of the create: seconds after which it is canceled, 5 at least.     SPEC
- metrics: predict_time and total_time in seconds, and more by some models.            SPEC, MEM
- 600 creates a minute, 3000 other calls.                                                    DOC
- errors: `_replicate_answers.py`.
- calls to us want TLS, and are signed as Standard Webhooks have it (`signed_calls.py`), by a secret
  that is one for an account: GET /v1/webhooks/default/secret.                         SDK, DOC
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, urlsplit

from rushes.domain.errors import Blame, Failure, Reason
from rushes.domain.spec import Asset, Spec
from rushes.domain.submit import Ticket
from rushes.providers import _replicate_orders, links
from rushes.providers._replicate_answers import WORDS, read, reason_of
from rushes.providers._replicate_jobs import (
    Job,
    cursor_in,
    film_in,
    flat,
    progress_in,
    usage_in,
)
from rushes.providers._replicate_orders import (
    Inputs,
    Order,
    inputs_of,
    likeness,
    objection,
    place,
    read_inputs,
    told,
)
from rushes.providers.answers import Answer, ignorance, judge_submit, plain
from rushes.providers.base import (
    Assets,
    CancelOutcome,
    Film,
    FilmLost,
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
    Unknown,
    Unreachable,
    Working,
)
from rushes.providers.fields import instant_in, link_in, text_in
from rushes.providers.lists import ListSearch
from rushes.providers.options import Options
from rushes.providers.rest import Credential, Rest, Timeouts
from rushes.providers.signed_calls import Ear

BASE_URL: Final = "https://api.replicate.com/v1"
DELIVERY: Final = "replicate.delivery"
SETUP: Final = Setup(
    base_url=BASE_URL,
    api_key="env:REPLICATE_API_TOKEN",
    upstream_models=("bytedance/seedance-2.0-fast", "bytedance/seedance-1-pro"),
)
MODES: Final = _replicate_orders.MODES
HINT_WANTS: Final = "webhook_secret"

DATA_URIS_BYTES_MAX: Final = 10_000_000
LOOK_AGAIN_S: Final = 3.0
LOOKS_PER_S_MAX: Final = 50.0
CANCEL_AFTER_S_MIN: Final = 5
PAGES_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Terms:
    """What an operator sets for all predictions; see `build`.

    `rings` is how an address begins that can be called: one in the open would have the create
    refused. A Replicate that is itself reached in the open is a simulated one.
    """

    inputs: Mapping[str, Inputs] = field(default_factory=dict)
    cancel_after_s: int | None = None
    look_again_s: float = LOOK_AGAIN_S
    webhook_secret: str | None = None
    rings: tuple[str, ...] = ("https://",)
    timeouts: Timeouts = Timeouts()  # noqa: RUF009 -- a frozen value


def build(
    *,
    name: str,
    base_url: str | None,
    credential: Credential | None,
    profile: str | None,
    options: Mapping[str, object],
) -> Replicate:
    """Build a provider as an operator configured it; see `registry.build`.

    Options: `inputs` has a table of words for each model that is not known here (see
    `_replicate_orders.Inputs`); `webhook_secret` is a reference to what Replicate signs its calls
    with, and without it is not asked to call; `cancel_after_s` is when Replicate itself cancels;
    `look_again_s` paces looks (3); `submit_timeout_s` bounds a whole submit (60),
    `ask_timeout_s` any other call (30).

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    if profile is not None:
        raise ValueError(f"replicate has no profile {profile!r}; it has none at all")
    if credential is None:
        raise ValueError("replicate needs an api_key, such as env:REPLICATE_API_TOKEN")
    terms, address = terms_of(options), base_url or BASE_URL
    if address.startswith("http://"):
        terms = replace(terms, rings=("https://", "http://"))
    ear: Ear | None = None
    if terms.webhook_secret is not None:
        ear = Ear(terms.webhook_secret, whose="Replicate")
    rest = Rest(address, credential, timeouts=terms.timeouts)
    return Replicate(name, rest, credential, terms, ear)


def terms_of(options: Mapping[str, object]) -> Terms:
    """Read the options that an operator wrote.

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    said = Options("replicate", options)
    inputs = said.any("inputs")
    terms = Terms(
        inputs=read_inputs({} if inputs is None else inputs),
        webhook_secret=said.secret("webhook_secret"),
        cancel_after_s=said.whole("cancel_after_s", CANCEL_AFTER_S_MIN),
        look_again_s=said.seconds("look_again_s", LOOK_AGAIN_S),
        timeouts=said.timeouts(),
    )
    said.check_all_known()
    return terms


def is_delivery(link: str) -> bool:
    """Say whether a link is one of Replicate's own, which may be told the key.

    >>> is_delivery("https://pbxt.replicate.delivery/a/film.mp4")
    True
    >>> is_delivery("https://replicate.delivery.example/a/film.mp4")
    False
    """
    url = urlsplit(link)
    host = url.hostname or ""
    return url.scheme == "https" and f".{host}".endswith(f".{DELIVERY}")


class Replicate:
    """An account at Replicate."""

    looks_per_s_max: float | None = LOOKS_PER_S_MAX

    def __init__(
        self,
        name: str,
        rest: Rest,
        credential: Credential,
        terms: Terms | None = None,
        ear: Ear | None = None,
        *,
        delivers: Callable[[str], bool] = is_delivery,
    ) -> None:
        self.name = name
        self.takes_hints = ear is not None
        self._rest = rest
        self._credential = credential
        self._terms = terms or Terms()
        self._ear = ear
        self._delivers = delivers

    async def submit(
        self,
        spec: Spec,
        *,
        upstream_model: str,
        token: str,  # noqa: ARG002 -- a create has no place for it; the callback's address holds it
        assets: Assets,
        callback_url: str | None = None,
    ) -> Ticket:
        """Create a prediction, once."""
        order = self._order(spec, upstream_model)
        sentence = objection(spec, order.inputs)
        if sentence:
            failure = Failure.of(Reason.PARAMETERS_REFUSED, sentence)
            raise Refused(failure, Blame.PROVIDER, note=f"replicate: {spec.mode}")
        media = await _media(spec, assets)
        is_heard = self.takes_hints and (callback_url or "").startswith(self._terms.rings)
        bell = callback_url if is_heard else None
        after_s = self._terms.cancel_after_s
        answer = await self._rest.submit(
            order.place.path,
            body=told(spec, Order(order.place, order.inputs, media, bell)),
            headers={} if after_s is None else {"cancel-after": f"{after_s}s"},
        )
        if not answer.is_success:
            raise judge_submit(read(answer), WORDS, hide=self._rest.hidden)
        job_id = text_in((answer.json_object() or {}).get("id"))
        if job_id is None:
            raise InDoubt(f"HTTP {answer.status} without an id")
        return {"id": job_id}

    async def check(self, ticket: Ticket) -> Outcome:
        """Look at a prediction."""
        return self._outcome(await self._look(ticket))

    async def cancel(self, ticket: Ticket) -> CancelOutcome:
        """Stop a prediction; one that is over is seen to be, and left alone."""
        try:
            job = await self._look(ticket)
            if job["status"] in {"starting", "processing"}:
                answer = await self._rest.ask("POST", f"{_path(ticket)}/cancel")
                if answer.status in {HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}:
                    return CancelOutcome.UNSUPPORTED
                job = _job_in(answer, ticket)
        except NotThere:
            return CancelOutcome.TOO_LATE
        match job["status"]:
            case "canceled" | "aborted":
                return CancelOutcome.CANCELED
            case "succeeded" | "failed":
                return CancelOutcome.TOO_LATE
            case "starting" | "processing":
                raise Unreachable("asked to stop, and it has not yet")
            case word:
                raise NotUnderstood(f"unknown state {str(word)[:40]!r}")

    async def find(self, token: str, spec: Spec, *, upstream_model: str, since: datetime) -> Search:
        """Search the list for a prediction like ours: it keeps no reference of ours.

        Prompt and seed are among what it repeats, and nobody draws the same seed twice; but an
        hour later it repeats nothing, and then proves nothing.
        """
        del token
        try:
            order = self._order(spec, upstream_model)
        except Refused:  # its words were taken out of the configuration meanwhile
            return Unknown()
        search = ListSearch(likeness(spec, order), since=since)
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            params = None if cursor is None else {"cursor": cursor}
            answer = await self._rest.ask("GET", "/predictions", params=params)
            if not answer.is_success:
                raise ignorance(read(answer))
            page = answer.json_object() or {}
            jobs = page.get("results")
            if not isinstance(jobs, list) or "next" not in page:
                raise NotUnderstood("a list without results")
            for job in jobs:
                if isinstance(job, dict):
                    ref = text_in(job.get("id"))
                    search.read(flat(job), ref=ref, at=instant_in(job.get("created_at")))
            cursor = cursor_in(page["next"])
            if search.is_over or cursor is None:
                return search.result(is_whole=search.is_over or page["next"] is None)
        return search.result(is_whole=False)

    def open(self, film: Film) -> AbstractAsyncContextManager[Stream]:
        """Open a film by its link; the key goes to Replicate's own hosts alone."""
        link = link_in(film.get("url"))
        if link is None:
            raise NotUnderstood("a film that is not ours")
        return self._delivered(link) if self._delivers(link) else self._rest.film(link)

    def hint(self, headers: Mapping[str, str], body: bytes) -> bytes | None:
        """Hear who calls; what is said is not believed, whoever says it."""
        if self._ear is not None:
            self._ear.check(headers, body)
        return None

    async def close(self) -> None:
        """Let go of connections."""
        await self._rest.close()

    def _order(self, spec: Spec, upstream_model: str) -> Order:
        """Return where a model is and which words it has.

        Raises:
            Refused: nobody wrote that down; the operator can.
        """
        try:
            there = place(upstream_model)
        except ValueError:
            there = None
        inputs = inputs_of(upstream_model, self._terms.inputs)
        if there is None or inputs is None:
            note = "no such name for a model" if there is None else "no words: see option 'inputs'"
            unusable = Failure.of(Reason.PROVIDER_UNUSABLE)
            raise Refused(unusable, Blame.PROVIDER, note=f"replicate: {note}: {spec.model}")
        return Order(there, inputs)

    async def _look(self, ticket: Ticket) -> Job:
        return _job_in(await self._rest.ask("GET", _path(ticket)), ticket)

    def _outcome(self, job: Job) -> Outcome:
        match job["status"]:
            case "starting" | "processing":
                return Working(progress_in(job.get("logs")), self._terms.look_again_s)
            case "succeeded":
                return Ready({"url": film_in(job)}, usage_in(job))
            case "failed":
                error = job.get("error")
                sentence = error if isinstance(error, str) else ""
                return Lost(Failure.of(reason_of(sentence), plain(sentence, self._rest.hidden)))
            case "aborted":  # a deadline that came before the start
                return Lost(Failure.of(Reason.TIMED_OUT))
            case "canceled" if job.get("deadline"):
                return Lost(Failure.of(Reason.TIMED_OUT))
            case "canceled":
                canceled = "The provider canceled the prediction."
                return Lost(Failure.of(Reason.PROVIDER_FAILED, canceled))
            case state:
                raise NotUnderstood(f"unknown state {str(state)[:40]!r}")

    @asynccontextmanager
    async def _delivered(self, link: str) -> AsyncIterator[Stream]:
        """Open a link on a host of Replicate's, which is told the key; whom it sends us to is not.

        Raises:
            FilmLost: an hour is over.
        """
        url = urlsplit(link)
        there = f"{url.scheme}://{url.netloc}"
        rest = Rest(there, self._credential, timeouts=self._terms.timeouts)
        try:
            async with rest.film(link) as stream:
                yield stream
        except NotThere as error:
            raise FilmLost(f"no film any more: {error}") from error
        finally:
            await rest.close()


async def _media(spec: Spec, assets: Assets) -> list[str]:
    """Turn files into links before anything is sent, so that a missing one proves no harm."""
    media: list[str] = []
    size_bytes = 0
    for asset in spec.assets:
        link = await _link_of(asset, assets, left_bytes=DATA_URIS_BYTES_MAX - size_bytes)
        size_bytes += len(link) if link.startswith("data:") else 0
        media.append(link)
    return media


async def _link_of(asset: Asset, assets: Assets, *, left_bytes: int) -> str:
    """Return an asset's bytes as a data URI; its public address where it is too large for one."""
    link = await links.data_uri(asset, assets)
    return link if len(link) <= left_bytes else links.public_link(asset)


def _job_in(answer: Answer, ticket: Ticket) -> Job:
    """Return our prediction, whatever the status of the answer is.

    Raises:
        NotThere, NotUnderstood, Unreachable: it is not in there.
    """
    body = answer.json_object() or {}
    if body.get("id") == ticket["id"] and isinstance(body.get("status"), str):
        return body
    raise NotUnderstood("no prediction") if answer.is_success else ignorance(read(answer))


def _path(ticket: Ticket) -> str:
    job_id = text_in(ticket.get("id"))
    if job_id is None:
        raise NotUnderstood("a ticket that is not ours")
    return f"/predictions/{quote(job_id, safe='')}"
