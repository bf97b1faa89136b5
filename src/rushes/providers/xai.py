"""Grok Imagine by xAI: films from words, a first frame, a first and a last, or references.

Wire facts (DOC: docs.x.ai's guide on video, read 2026-11; SDK: xai-sdk 1.21.0, which speaks gRPC;
CODE: clients of the REST API, above all @ai-sdk/xai 5.0.12; SEEN: answers of the service that
strangers published; 3P: third parties; MEM: background, not verified):
- create: POST /videos/generations, JSON; the answer is {request_id}.                  DOC, CODE
- look: GET /videos/{request_id}: {status, model, progress 0..100}; status is pending, done, failed
  or expired. Nothing in it says whose job it is. An answer that is done came without a status,
  too; while it is pending it may come with 202.                             DOC, SEEN, CODE; MEM
- done: video{url, duration, respect_moderation}; where that is false there is no url.  DOC, SDK
- failed: error{code, message}, inside HTTP 200.                                       DOC, SDK
- a film that is not fit may also be told as an HTTP error to a look, by its sentence; other errors
  400 of young jobs go away by themselves, so no other one is a verdict.         CODE, SEEN, 3P
- film: a link on another host that needs no key, good for 24 hours.                        SDK
- usage: usage.cost_in_usd_ticks, 10^10 to the dollar; what is blocked is billed, too.  SDK; 3P
- errors: `_xai_answers.py`.
- No call that stops, none that lists, nobody is called back, no reference of ours.         SDK
- 60 requests a minute and 15 jobs at once for an account; SDKs look every 1 to 5 s.  3P; SDK, CODE
- /videos/edits and /videos/extensions make films from films: not spoken here.         SDK, CODE
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final
from urllib.parse import quote

from rushes.domain.errors import Blame, Failure, Reason
from rushes.domain.spec import Spec
from rushes.domain.submit import Ticket
from rushes.providers import _xai_orders
from rushes.providers._xai_answers import WORDS, failure_of, read, unfit_in
from rushes.providers._xai_orders import objection, told
from rushes.providers.answers import ignorance, judge_submit, percent
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
from rushes.providers.links import data_uris
from rushes.providers.options import Options
from rushes.providers.rest import Credential, Rest

ADDRESS: Final = "https://api.x.ai/v1"
SETUP: Final = Setup(
    base_url=ADDRESS,
    api_key="env:XAI_API_KEY",
    upstream_models=("grok-imagine-video", "grok-imagine-video-1.5"),
)
MODES: Final = _xai_orders.MODES

LOOK_AGAIN_S: Final = 5.0
"""No answer says when to look again."""

Job = Mapping[str, object]
"""A job as xAI tells it; nothing in it is trusted to be there."""


def build(
    *,
    name: str,
    base_url: str | None,
    credential: Credential | None,
    profile: str | None,
    options: Mapping[str, object],
) -> Xai:
    """Build a provider as an operator configured it; see `registry.build`.

    Without a base_url it is xAI's own. Options: `look_again_s` paces looks (5);
    `submit_timeout_s` bounds a whole submit (60), `ask_timeout_s` any other call (30).

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    if profile is not None:
        raise ValueError(f"xai has no profile {profile!r}; it has none at all")
    if credential is None:
        raise ValueError("xai needs an api_key, such as env:XAI_API_KEY")
    said = Options("xai", options)
    look_again_s, timeouts = said.seconds("look_again_s", LOOK_AGAIN_S), said.timeouts()
    said.check_all_known()
    return Xai(name, Rest(base_url or ADDRESS, credential, timeouts=timeouts), look_again_s)


class Xai(Quiet):
    """An account at xAI."""

    def __init__(self, name: str, rest: Rest, look_again_s: float = LOOK_AGAIN_S) -> None:
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
        callback_url: str | None = None,  # noqa: ARG002 -- it calls nobody
    ) -> Ticket:
        """Create a job, once."""
        sentence = objection(spec)
        if sentence:
            failure = Failure.of(Reason.PARAMETERS_REFUSED, sentence)
            raise Refused(failure, Blame.PROVIDER, note=f"xai: {spec.mode}")
        body = told(spec, upstream_model, await data_uris(spec.assets, assets))
        answer = await self._rest.submit("/videos/generations", body=body)
        if not answer.is_success:
            raise judge_submit(read(answer), WORDS, hide=self._rest.hidden)
        request_id = text_in((answer.json_object() or {}).get("request_id"))
        if request_id is None:
            raise InDoubt(f"HTTP {answer.status} without a request_id")
        return {"id": request_id}

    async def check(self, ticket: Ticket) -> Outcome:
        """Look at a job."""
        request_id = text_in(ticket.get("id"))
        if request_id is None:
            raise NotUnderstood("a ticket that is not ours")
        answer = await self._rest.ask("GET", f"/videos/{quote(request_id, safe='')}")
        if not answer.is_success:
            sentence = unfit_in(answer)
            if sentence is not None:
                return Lost(failure_of(sentence, self._rest.hidden))
            raise ignorance(read(answer))
        job = answer.json_object()
        if job is None:
            raise NotUnderstood("no job")
        return self._outcome(job)

    async def cancel(self, ticket: Ticket) -> CancelOutcome:  # noqa: ARG002
        """Stop nothing: xAI has no call for it."""
        return CancelOutcome.UNSUPPORTED

    async def find(
        self,
        token: str,  # noqa: ARG002
        spec: Spec,  # noqa: ARG002
        *,
        upstream_model: str,  # noqa: ARG002
        since: datetime,  # noqa: ARG002
    ) -> Search:
        """Find nothing: no list of jobs is known."""
        return Unknown()

    def open(self, film: Film) -> AbstractAsyncContextManager[Stream]:
        """Open a film by its link, which opens by itself."""
        link = link_in(film.get("url"))
        if link is None:
            raise NotUnderstood("a film that is not ours")
        return self._rest.film(link, is_signed=True)

    async def close(self) -> None:
        """Let go of connections."""
        await self._rest.close()

    def _outcome(self, job: Job) -> Outcome:
        video = job.get("video")
        video = video if isinstance(video, dict) else {}
        match job.get("status"):
            case "pending":
                return Working(percent(job.get("progress")), self._look_again_s)
            case "done":
                return self._made(job, video)
            case None if video:
                return self._made(job, video)
            case "failed":
                return Lost(failure_of(job.get("error"), self._rest.hidden))
            case "expired":
                return Lost(Failure.of(Reason.TIMED_OUT))
            case state:
                raise NotUnderstood(f"unknown state {str(state)[:40]!r}")

    def _made(self, job: Job, video: Mapping[str, object]) -> Outcome:
        if video.get("respect_moderation") is False:
            return Lost(Failure.of(Reason.CONTENT_REFUSED))
        link = link_in(video.get("url"))
        if link is None:  # no film is no success; only that it stays so is a verdict
            raise NotThere("done without a film")
        return Ready({"url": link}, _usage_in(job, video))


def _usage_in(job: Job, video: Mapping[str, object]) -> dict[str, object]:
    """Return what a film cost, in ticks of 10^-10 dollars, and how long it is."""
    usage = job.get("usage")
    ticks = usage.get("cost_in_usd_ticks") if isinstance(usage, dict) else None
    said = {"cost_in_usd_ticks": ticks, "duration": video.get("duration")}
    return {
        name: number
        for name, number in said.items()
        if isinstance(number, int | float) and not isinstance(number, bool)
    }
