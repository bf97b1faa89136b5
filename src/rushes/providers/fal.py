"""The queue of fal.ai, in front of many models.

Wire facts (SDK: fal-client 1.0.3; DOC: fal's pages on queue, retries and retention, copies read
2026-11; MEM: background, not verified; nothing was tried live):
- submit: POST {queue}/APP/ENDPOINT?fal_webhook=URL, the model's input as JSON, `Authorization: Key
  ...`; the answer is {request_id, status_url, response_url, cancel_url}.              SDK, DOC
- those addresses are without the ENDPOINT and should be used as told; of a request whose id alone
  is known they are {queue}/OWNER/NAME/requests/ID, with /status and /cancel.              SDK
- look: GET status_url: 202 while IN_QUEUE or IN_PROGRESS, 200 when COMPLETED, which may be a
  failure: then `error` and `error_type` may be there; metrics{inference_time}.        SDK, DOC
- result: GET response_url: the model's output, {video: {url, ...}}, or an error's status and
  body, see `_fal_answers.py`; X-Fal-Billable-Units.                                DOC, MEM
- stop: PUT cancel_url, 202; 400 ALREADY_COMPLETED, 404. One that waits is taken out of the queue,
  one that runs is only asked to stop, if its app listens.                           DOC, 3P
- film: GET of a public link on another host (v3.fal.media); how long it stays is the account's
  setting, and its default was not found.                                               DOC
- up to 40 run at once, others wait; fal itself runs what broke up to ten times, within one
  request. 5xx is not billed.                                                            DOC
- whether requests can be listed, with our input in it: not found.                  UNKNOWN
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from rushes.domain.errors import Blame, Failure, Reason
from rushes.domain.spec import Spec
from rushes.domain.submit import Ticket
from rushes.providers import _fal_answers, _fal_hints, _fal_orders, links
from rushes.providers._fal_answers import CANCELLED, WORDS, failure_of, is_verdict
from rushes.providers._fal_orders import objection, path_of, told
from rushes.providers.answers import Answer, ignorance, judge_submit, number
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
    Refused,
    Search,
    Setup,
    Stream,
    Unknown,
    Unreachable,
    Working,
)
from rushes.providers.fields import link_in, text_in
from rushes.providers.options import Options
from rushes.providers.rest import Credential, Rest, Timeouts

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

QUEUE: Final = "https://queue.fal.run"
SETUP: Final = Setup(
    base_url=QUEUE,
    api_key="env:FAL_KEY",
    upstream_models=("fal-ai/veo3.1", "fal-ai/bytedance/seedance/v1.5/pro", "wan/v2.6"),
)
MODES: Final = _fal_orders.MODES
HINT_WANTS: Final = _fal_hints.OPTION

LOOK_AGAIN_S: Final = 5.0
"""A clip takes half a minute or more, and no answer says when to look again."""

CALLS: Final = ("status", "response", "cancel")
"""The addresses that come with an answer; kept as paths, so that no key can go elsewhere."""

_STOPS: Final[Mapping[int, CancelOutcome]] = {
    HTTPStatus.BAD_REQUEST: CancelOutcome.TOO_LATE,
    HTTPStatus.NOT_FOUND: CancelOutcome.TOO_LATE,
    HTTPStatus.METHOD_NOT_ALLOWED: CancelOutcome.UNSUPPORTED,
    HTTPStatus.NOT_IMPLEMENTED: CancelOutcome.UNSUPPORTED,
}
_ASKING: Final = frozenset({401, 403, 408, 425, 429})
"""What an answer says of our asking, whatever became of the request."""

Said = Mapping[str, object]
"""What fal tells; nothing in it is trusted to be there."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What an operator sets for all requests of a provider; see `build`."""

    look_again_s: float = LOOK_AGAIN_S
    headers: Mapping[str, str] | None = None
    keys: tuple[Ed25519PublicKey, ...] = ()


def build(
    *,
    name: str,
    base_url: str | None,
    credential: Credential | None,
    profile: str | None,
    options: Mapping[str, object],
) -> Fal:
    """Build a provider as an operator configured it; see `registry.build`.

    Without a base_url it is fal's own queue. Options: `priority` (normal, low); `start_timeout_s`,
    after which fal gives up a request that has not begun; `webhook_keys`, the public keys of
    fal's JWKS, without which fal is not asked to ring; `look_again_s` paces looks (5);
    `submit_timeout_s` bounds a whole submit (60), `ask_timeout_s` any other call (30).

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    if profile is not None:
        raise ValueError(f"fal has no profile {profile!r}; it has none at all")
    if credential is None:
        raise ValueError("fal needs an api_key, such as env:FAL_KEY")
    said = Options("fal", options)
    look_again_s, timeouts = said.seconds("look_again_s", LOOK_AGAIN_S), said.timeouts()
    headers, given = _wishes(said), said.any(_fal_hints.OPTION)
    said.check_all_known()
    terms = Terms(look_again_s, headers, () if given is None else _fal_hints.keys_of(given))
    return Fal(name, base_url or QUEUE, credential, terms=terms, timeouts=timeouts)


def _wishes(said: Options) -> dict[str, str]:
    """Return the headers by which fal is told how an operator wants requests to be run."""
    headers: dict[str, str] = {}  # their names: SDK, and DOC for the second
    priority = said.one_of("priority", ["normal", "low"])
    if priority is not None:
        headers["x-fal-queue-priority"] = priority
    start_s = said.seconds("start_timeout_s", 0)
    if start_s:
        headers["x-fal-request-start-timeout"] = f"{start_s:g}"
    return headers


class Fal(Quiet):
    """An account at fal.ai."""

    def __init__(
        self,
        name: str,
        base_url: str,
        credential: Credential,
        *,
        terms: Terms | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.name = name
        self._rest = Rest(base_url, credential, timeouts=timeouts, key_scheme="Key ")
        self._base = base_url.rstrip("/")
        self._terms = terms or Terms()
        self.takes_hints = bool(self._terms.keys)

    async def submit(
        self,
        spec: Spec,
        *,
        upstream_model: str,
        token: str,  # noqa: ARG002 -- the protocol has no place for it but the callback
        assets: Assets,
        callback_url: str | None = None,
    ) -> Ticket:
        """Put a request into the queue, once."""
        sentence = objection(spec, upstream_model)
        if sentence:
            failure = Failure.of(Reason.PARAMETERS_REFUSED, sentence)
            raise Refused(failure, Blame.PROVIDER, note=f"fal: {spec.mode}")
        media = await links.data_uris(spec.assets, assets)
        path = path_of(spec, upstream_model)
        if callback_url is not None:
            path += f"?fal_webhook={quote(callback_url, safe='')}"
        body = told(spec, upstream_model, media)
        answer = await self._rest.submit(path, body=body, headers=self._terms.headers)
        if not answer.is_success:
            raise judge_submit(_fal_answers.read(answer), WORDS, hide=self._rest.hidden)
        ticket = self._ticket(answer.json_object() or {}, upstream_model)
        if ticket is None:
            raise InDoubt(f"HTTP {answer.status} without a request id")
        return ticket

    async def check(self, ticket: Ticket) -> Outcome:
        """Look at a request, and at its result where it is over."""
        status = await self._look(ticket)
        match status["status"]:
            case "IN_QUEUE" | "IN_PROGRESS":
                return Working(look_again_s=self._terms.look_again_s)
            case "COMPLETED":
                return await self._end(ticket, status)
            case word:
                raise NotUnderstood(f"unknown status {str(word)[:40]!r}")

    async def cancel(self, ticket: Ticket) -> CancelOutcome:
        """Take a request out of the queue; one that runs is left alone.

        An app need not listen when it is asked to stop, and then makes a film that is billed and
        that nobody takes.
        """
        try:
            status = await self._look(ticket)
        except NotThere:
            return CancelOutcome.TOO_LATE
        if status.get("error_type") == CANCELLED:  # an earlier one got through without an answer
            return CancelOutcome.CANCELED
        match status["status"]:
            case "IN_QUEUE":
                pass
            case "IN_PROGRESS" | "COMPLETED":
                return CancelOutcome.TOO_LATE
            case word:
                raise NotUnderstood(f"unknown status {str(word)[:40]!r}")
        answer = await self._ask("PUT", ticket, "cancel")
        if answer.is_success:
            return CancelOutcome.CANCELED
        stopped = _STOPS.get(answer.status)
        if stopped is None:
            raise ignorance(answer)
        return stopped

    async def find(
        self,
        token: str,  # noqa: ARG002
        spec: Spec,  # noqa: ARG002
        *,
        upstream_model: str,  # noqa: ARG002
        since: datetime,  # noqa: ARG002
    ) -> Search:
        """Find nothing: no list of requests is known."""
        return Unknown()

    def open(self, film: Film) -> AbstractAsyncContextManager[Stream]:
        """Open a film by its public link; no host is told the key."""
        link = link_in(film.get("url"))
        if link is None:
            raise NotUnderstood("a film that is not ours")
        return self._rest.film(link, is_signed=True)

    def hint(self, headers: Mapping[str, str], body: bytes) -> bytes | None:
        """Verify fal's signature, where the operator told its keys."""
        if self._terms.keys:
            _fal_hints.verify(self._terms.keys, headers, body)
        return None

    async def close(self) -> None:
        """Let go of connections."""
        await self._rest.close()

    # -- asking --------------------------------------------------------------------------

    def _ticket(self, said: Said, upstream_model: str) -> Ticket | None:
        """Return a ticket; None where there is no request in the answer.

        It holds the paths that fal told where they are not those that follow from app and id.
        """
        request_id = text_in(said.get("request_id"))
        if request_id is None:
            return None
        ticket = {"id": request_id, "app": upstream_model}
        paths = {call: self._path_in(said.get(f"{call}_url")) for call in CALLS}
        strange = {call: path for call, path in paths.items() if path != _usual(ticket, call)}
        return {**ticket, **{call: path for call, path in strange.items() if path is not None}}

    def _path_in(self, address: object) -> str | None:
        """Return an address as a path below ours; None where it is none of ours."""
        text = text_in(address)
        if text is None or not text.startswith(f"{self._base}/"):
            return None
        path = text.removeprefix(self._base)
        return path if _is_path(path) else None

    async def _ask(self, method: str, ticket: Ticket, call: str) -> Answer:
        path = ticket.get(call, _usual(ticket, call))
        if text_in(ticket.get("id")) is None or not isinstance(path, str) or not _is_path(path):
            raise NotUnderstood("a ticket that is not ours")
        return await self._rest.ask(method, path)

    async def _look(self, ticket: Ticket) -> Said:
        """Return the status of a request; whatever the HTTP status is, one of ours is believed."""
        answer = await self._ask("GET", ticket, "status")
        said = answer.json_object() or {}
        whose = said.get("request_id", ticket["id"] if answer.is_success else None)
        if whose == ticket["id"] and isinstance(said.get("status"), str):
            return said
        raise NotUnderstood("no status") if answer.is_success else ignorance(answer)

    # -- results -------------------------------------------------------------------------

    async def _end(self, ticket: Ticket, status: Said) -> Outcome:
        answer = await self._ask("GET", ticket, "response")
        has_failed = bool(status.get("error") or status.get("error_type"))
        if answer.is_success:
            if answer.body is None:
                raise Unreachable("the result broke off, or has no end")
            result = answer.json_object()
            if result is None:
                raise NotUnderstood("a result that is no object")
            link = _film_in(result)
            if link is not None:
                return Ready({"url": link}, _usage_in(answer, status))
            if not has_failed:
                raise NotThere("completed without a film")
        elif not is_verdict(answer) and (not has_failed or answer.status in _ASKING):
            raise ignorance(answer)
        return Lost(failure_of(answer, status, self._rest.hidden))


def _film_in(result: Said) -> str | None:
    """Return where the film is: `video`, or the first of `videos`."""
    videos = result.get("videos")
    first = videos[0] if isinstance(videos, list) and videos else None
    for video in (result.get("video"), first):
        link = link_in(video.get("url") if isinstance(video, dict) else None)
        if link is not None:
            return link
    return None


def _usage_in(answer: Answer, status: Said) -> dict[str, object]:
    """Return what money follows from, as far as fal tells it."""
    usage: dict[str, object] = {}
    metrics = status.get("metrics")
    inference_s = metrics.get("inference_time") if isinstance(metrics, dict) else None
    if isinstance(inference_s, int | float) and not isinstance(inference_s, bool):
        usage["inference_time"] = inference_s
    units = number(answer.headers.get("x-fal-billable-units", ""))  # MEM
    if units is not None:
        usage["billable_units"] = units
    return usage


def _usual(ticket: Ticket, call: str) -> str:
    """Return where a call goes by app and id: owner and name of the app, without its endpoint."""
    app = "/".join(str(ticket.get("app")).split("/")[:2])
    path = f"/{app}/requests/{quote(str(ticket.get('id')), safe='')}"
    return path if call == "response" else f"{path}/{call}"


def _is_path(text: str) -> bool:
    is_plain = re.fullmatch(r"(?:/[A-Za-z0-9._~%-]+){2,16}", text) is not None
    return is_plain and not {".", ".."} & set(text.split("/"))
