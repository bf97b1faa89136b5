"""Runway's developer API, in front of its own models and of others'.

Wire facts (SDK: runwayml 5.24.0; DOC: Runway's own pages, copies read 2026-11-27; 3P: answers
that others captured live in 2026; MEM: background, not verified; we tried nothing live):
- every request: `Authorization: Bearer key_...` and `X-Runway-Version: 2024-11-06`.        SDK
- submit: POST /v1/text_to_video or /v1/image_to_video, JSON, see `_runway_orders.py`; the answer
  is 200 {id, estimatedCost{credits}}.                                                 SDK, 3P
- look: GET /v1/tasks/{id}: {id, createdAt, status}; PENDING, THROTTLED and RUNNING (progress
  0..1) have estimatedCost; SUCCEEDED (output: [link]), FAILED (failure, failureCode?) and
  CANCELLED have cost{credits}. Nothing new more often than every five seconds.            SDK
- stop: DELETE /v1/tasks/{id}, 204: whatever waits or runs is stopped, anything else is deleted
  with its film. What ran is not refunded, and that it stops is no promise. After it the task is
  404 {"error": "Could not find Task"}.                                                SDK, 3P
- film: GET of a signed link on another host; ends after 24 to 48 hours, a new look has a new
  link.                                                                               SDK, 3P
- files: as https address without redirects, or data URI up to 5 MB for an image, whether that
  counts the bytes or their base64 is not said: the latter is kept to.                     DOC
- errors: see `_runway_answers.py`.
- how many run at once is the account's tier; one too many is taken, and waits as THROTTLED. DOC
- no list, no reference of ours, no call back: none is in the SDK.                         SDK
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from rushes.domain.errors import Blame, Failure, Reason
from rushes.domain.spec import Asset, Spec
from rushes.domain.submit import Ticket
from rushes.providers import _runway_orders, links
from rushes.providers._runway_answers import WORDS, failure_of, read
from rushes.providers._runway_orders import objection, path_of, told
from rushes.providers.answers import Answer, ignorance, judge_submit, percent
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
    Working,
)
from rushes.providers.fields import link_in, text_in
from rushes.providers.options import Options
from rushes.providers.rest import Credential, Rest

API: Final = "https://api.dev.runwayml.com"
VERSION: Final = {"x-runway-version": "2024-11-06"}
SETUP: Final = Setup(
    base_url=API,
    api_key="env:RUNWAYML_API_SECRET",
    upstream_models=("gen4.5", "gen4_turbo", "veo3.1", "veo3.1_fast", "seedance2"),
)
MODES: Final = _runway_orders.MODES

LOOK_AGAIN_S: Final = 5.0
"""More often there is nothing new. SDK"""

DATA_URI_CHARACTERS_MAX: Final = 5 * 1024 * 1024
ADDRESS_CHARACTERS_MAX: Final = 2048
"""Of a file and of an address that are sent. DOC"""

_STOPS: Final[Mapping[int, CancelOutcome]] = {
    HTTPStatus.NOT_FOUND: CancelOutcome.TOO_LATE,
    HTTPStatus.METHOD_NOT_ALLOWED: CancelOutcome.UNSUPPORTED,
}
"""What the status of a refused DELETE means; 404 DOC, the other one MEM."""

Said = Mapping[str, object]
"""What Runway tells; nothing in it is trusted to be there."""


def build(
    *,
    name: str,
    base_url: str | None,
    credential: Credential | None,
    profile: str | None,
    options: Mapping[str, object],
) -> Runway:
    """Build a provider as an operator configured it; see `registry.build`.

    Without a base_url it is Runway's own. Options: `look_again_s` paces looks (5);
    `submit_timeout_s` bounds a whole submit (60), `ask_timeout_s` any other call (30).

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    if profile is not None:
        raise ValueError(f"runway has no profile {profile!r}; it has none at all")
    if credential is None:
        raise ValueError("runway needs an api_key, such as env:RUNWAYML_API_SECRET")
    said = Options("runway", options)
    look_again_s, timeouts = said.seconds("look_again_s", LOOK_AGAIN_S), said.timeouts()
    said.check_all_known()
    rest = Rest(base_url or API, credential, timeouts=timeouts)
    return Runway(name, rest, look_again_s=look_again_s)


class Runway(Quiet):
    """An organisation at Runway."""

    def __init__(self, name: str, rest: Rest, *, look_again_s: float = LOOK_AGAIN_S) -> None:
        self.name = name
        self._rest = rest
        self._look_again_s = look_again_s

    async def submit(
        self,
        spec: Spec,
        *,
        upstream_model: str,
        token: str,  # noqa: ARG002 -- the protocol has no place for it
        assets: Assets,
        callback_url: str | None = None,  # noqa: ARG002 -- nor does Runway call back
    ) -> Ticket:
        """Hand a task over, once."""
        sentence = objection(spec, upstream_model)
        if sentence:
            failure = Failure.of(Reason.PARAMETERS_REFUSED, sentence)
            raise Refused(failure, Blame.PROVIDER, note=f"runway: {spec.mode}")
        images = [await _address_of(asset, assets) for asset in spec.assets]
        body = told(spec, upstream_model, images)
        answer = await self._rest.submit(path_of(spec), body=body, headers=VERSION)
        if not answer.is_success:
            raise judge_submit(read(answer), WORDS, hide=self._rest.hidden)
        task_id = text_in((answer.json_object() or {}).get("id"))
        if task_id is None:
            raise InDoubt(f"HTTP {answer.status} without a task id")
        return {"id": task_id}

    async def check(self, ticket: Ticket) -> Outcome:
        """Look at a task."""
        task = await self._look(ticket)
        match task["status"]:
            case "PENDING" | "THROTTLED":
                return Working(look_again_s=self._look_again_s)
            case "RUNNING":
                return Working(_progress(task), look_again_s=self._look_again_s)
            case "SUCCEEDED":
                link = _film_in(task)
                if link is None:
                    raise NotThere("succeeded without a film")
                return Ready({"url": link}, _usage_in(task))
            case "FAILED":
                return Lost(failure_of(task, self._rest.hidden))
            case "CANCELLED":
                return Lost(Failure.of(Reason.PROVIDER_FAILED, "The provider stopped the task."))
            case word:
                raise NotUnderstood(f"unknown status {str(word)[:40]!r}")

    async def cancel(self, ticket: Ticket) -> CancelOutcome:
        """Stop a task that waits; one that runs is left alone.

        What runs is paid for, stopped or not. And the one call that stops also deletes: a film
        that was finished in between would be lost.
        """
        try:
            task = await self._look(ticket)
        except NotThere:
            return CancelOutcome.TOO_LATE
        match task["status"]:
            case "PENDING" | "THROTTLED":
                pass
            case "RUNNING" | "SUCCEEDED" | "FAILED":
                return CancelOutcome.TOO_LATE
            case "CANCELLED":
                return CancelOutcome.CANCELED
            case word:
                raise NotUnderstood(f"unknown status {str(word)[:40]!r}")
        answer = await self._ask("DELETE", ticket)
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
        """Find nothing: there is no list of tasks."""
        return Unknown()

    def open(self, film: Film) -> AbstractAsyncContextManager[Stream]:
        """Open a film by its signed link; no host is told the key."""
        link = link_in(film.get("url"))
        if link is None:
            raise NotUnderstood("a film that is not ours")
        return self._rest.film(link, is_signed=True)

    async def close(self) -> None:
        """Let go of connections."""
        await self._rest.close()

    async def _ask(self, method: str, ticket: Ticket) -> Answer:
        task_id = text_in(ticket.get("id"))
        if task_id is None or task_id in {".", ".."}:
            raise NotUnderstood("a ticket that is not ours")
        path = f"/v1/tasks/{quote(task_id, safe='')}"
        return await self._rest.ask(method, path, headers=VERSION)

    async def _look(self, ticket: Ticket) -> Said:
        """Return a task; whatever the HTTP status is, one of ours is believed."""
        answer = await self._ask("GET", ticket)
        task = answer.json_object() or {}
        if task.get("id") == ticket["id"] and isinstance(task.get("status"), str):
            return task
        raise NotUnderstood("no task") if answer.is_success else ignorance(answer)


async def _address_of(asset: Asset, assets: Assets) -> str:
    """Return where Runway reads an image: in the body, or by the caller's link if too large."""
    inside = await links.data_uri(asset, assets)
    if len(inside) <= DATA_URI_CHARACTERS_MAX:
        return inside
    link = asset.url or ""
    if link.startswith("https://") and len(link) <= ADDRESS_CHARACTERS_MAX:
        return link
    raise links.refused(asset, "it is too large for the provider without a public https URL")


def _progress(task: Said) -> int | None:
    share = task.get("progress")
    if isinstance(share, bool) or not isinstance(share, int | float):
        return None
    return percent(share * 100)


def _film_in(task: Said) -> str | None:
    """Return where the film is: the first output, for of an mp4 there is one."""
    output = task.get("output")
    return link_in(output[0]) if isinstance(output, list) and output else None


def _usage_in(task: Said) -> dict[str, object]:
    """Return what money follows from: credits; one is a cent (DOC, prices for developers)."""
    cost = task.get("cost")
    credit = cost.get("credits") if isinstance(cost, dict) else None
    is_number = isinstance(credit, int | float) and not isinstance(credit, bool)
    return {"credits": credit} if is_number else {}
