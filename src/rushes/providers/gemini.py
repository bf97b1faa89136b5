"""Gemini's omni models by Google, on the Gemini API: a film is an interaction in the background.

Wire facts (SDK: google-genai 3.6.1; WIRE: what 3.4.0 really sends; 3P: third parties, 2026;
MEM: background, not verified). The adapter has made no film live yet.
- create: POST {root}/interactions {model, background, input, generation_config, response_format};
  the answer is the interaction, {id, status}.                                     SDK, WIRE
- look: GET .../interactions/ID?stream=false.                                      SDK, WIRE
- stop: POST .../interactions/ID/cancel, answered by the interaction. Whether one that is done
  is refused, and how, was read nowhere: so we look before and after.              SDK, MEM
- states: queued, in_progress; completed, failed, cancelled, incomplete, budget_exceeded,
  requires_action, requires_continuation; and idle, which no film should be.             SDK
- film: {uri | data} in the steps (`_gemini_answers.py`); a uri names a file, read as
  GET {root}/VERSION/files/NAME:download?alt=media with the key. The version is the uri's own;
  where it has none, v1beta, as 3.4.0 asked; 3.6.1 asks v1.                         SDK, WIRE
- a file is not open before it is ACTIVE; how it is refused until then, and how long it is kept
  (two days?), was read nowhere.                                                    3P, MEM
- the key goes in `x-goog-api-key`.                                                WIRE
- DELETE .../interactions/ID removes one. Nothing of ours asks for it: no step of a task's way
  is after the film is safe.                                                             SDK
- nothing lists interactions, and none carries a reference of ours that could be searched. SDK
- webhooks: of a request's own address nothing was read about a signature: no hints.     MEM
- sound: that a film always has it is memory; no field asks for it.                 SDK, MEM
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from rushes.domain.errors import Blame, Failure, Reason
from rushes.domain.spec import Spec
from rushes.domain.submit import Ticket
from rushes.providers import _gemini_answers, _gemini_orders
from rushes.providers._gemini_answers import (
    WORDS,
    Job,
    failure_of,
    refuses_content,
    usage_in,
    video_in,
)
from rushes.providers._gemini_orders import objection, told
from rushes.providers.answers import Complaint, complaint_of, fits, ignorance, judge_submit
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
from rushes.providers.fields import LINK_CHARACTERS_MAX, link_in, text_in
from rushes.providers.links import inline
from rushes.providers.options import Options
from rushes.providers.rest import Credential, Rest

BASE_URL: Final = "https://generativelanguage.googleapis.com"
VERSION: Final = "v1"
FILES_VERSION: Final = "v1beta"
SETUP: Final = Setup(
    base_url=BASE_URL, api_key="env:GEMINI_API_KEY", upstream_models=("gemini-omni-1.1-flash",)
)
MODES: Final = _gemini_orders.MODES

KEY_HEADER: Final = "x-goog-api-key"
LOOK_AGAIN_S: Final = 8.0
"""No answer says when to look again; third parties look every five to ten seconds."""

INLINE_BYTES_MAX: Final = 192 * 2**20
"""The longest answer that is read, where a film comes inside though a file was asked for."""

CHUNK_BYTES: Final = 2**20
WORK: Final = frozenset({"queued", "in_progress"})
ENDS: Final[Mapping[str, str]] = {
    "failed": "",
    "cancelled": "The provider stopped the task.",
    "incomplete": "The provider ended the task before the film was whole.",
    "budget_exceeded": "",
    "requires_action": "",
    "requires_continuation": "",
}
"""States that have no film, and what may be said of one where Google names no error."""

_FILE: Final = re.compile(
    r"(?:^|/)(?:(v1(?:beta|alpha)?)/)?files/([A-Za-z0-9_-]{1,128})(?::download)?(?:\?[^#]*)?$"
)
_OURS: Final = re.compile(r"v1(?:beta|alpha)?/files/[A-Za-z0-9_-]{1,128}")
_STOPS: Final[Mapping[int, CancelOutcome]] = {
    HTTPStatus.CONFLICT: CancelOutcome.TOO_LATE,
    HTTPStatus.NOT_FOUND: CancelOutcome.TOO_LATE,
    HTTPStatus.METHOD_NOT_ALLOWED: CancelOutcome.UNSUPPORTED,
    HTTPStatus.NOT_IMPLEMENTED: CancelOutcome.UNSUPPORTED,
}
_TOO_LATE: Final = frozenset({"FAILED_PRECONDITION"})
"""MEM: an interaction that was at work a moment ago, and is not to be stopped now."""


def build(
    *,
    name: str,
    base_url: str | None,
    credential: Credential | None,
    profile: str | None,
    options: Mapping[str, object],
) -> Gemini:
    """Build a provider as an operator configured it; see `registry.build`.

    The credential is a key of the Gemini API. Options: `look_again_s` paces looks (8);
    `submit_timeout_s` bounds a whole submit (60), `ask_timeout_s` any other call (30).

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    if profile is not None:
        raise ValueError(f"gemini has no profile {profile!r}; it has none at all")
    if credential is None:
        raise ValueError("gemini needs an api_key, such as env:GEMINI_API_KEY")
    said = Options("gemini", options)
    look_again_s, timeouts = said.seconds("look_again_s", LOOK_AGAIN_S), said.timeouts()
    said.check_all_known()
    root = (base_url or BASE_URL).rstrip("/")
    for version in (VERSION, FILES_VERSION):  # as the SDK's users write it
        root = root.removesuffix(f"/{version}")
    rest = Rest(root, credential, timeouts=timeouts, key_header=KEY_HEADER, key_scheme="")
    return Gemini(name, rest, look_again_s)


class Gemini(Quiet):
    """Omni models under one key."""

    def __init__(self, name: str, rest: Rest, look_again_s: float) -> None:
        self.name = name
        self._rest = rest
        self._look_again_s = look_again_s

    async def submit(
        self,
        spec: Spec,
        *,
        upstream_model: str,
        token: str,  # noqa: ARG002 -- no field of it could be searched for
        assets: Assets,
        callback_url: str | None = None,  # noqa: ARG002 -- a call of theirs cannot be verified
    ) -> Ticket:
        """Begin an interaction in the background, once."""
        sentence = objection(spec)
        if sentence:
            failure = Failure.of(Reason.PARAMETERS_REFUSED, sentence)
            raise Refused(failure, Blame.PROVIDER, note=f"gemini: {spec.mode}")
        pictures = [await inline(asset, assets) for asset in spec.assets]
        body = told(spec, pictures, upstream_model)
        answer = await self._rest.submit(f"/{VERSION}/interactions", body=body)
        if not answer.is_success:
            raise judge_submit(_gemini_answers.read(answer), WORDS, hide=self._rest.hidden)
        interaction = text_in((answer.json_object() or {}).get("id"))
        if interaction is None:
            raise InDoubt(f"HTTP {answer.status} without an interaction")
        return {"id": interaction}

    async def check(self, ticket: Ticket) -> Outcome:
        """Look at an interaction."""
        return self._outcome(await self._look(ticket))

    async def cancel(self, ticket: Ticket) -> CancelOutcome:
        """Stop an interaction that waits or works."""
        try:
            job = await self._look(ticket)
        except NotThere:
            return CancelOutcome.TOO_LATE
        if job["status"] not in WORK:
            return self._stopped(job)
        answer = await self._rest.ask("POST", f"{_path(ticket)}/cancel")
        said = answer.json_object() or {}
        if answer.is_success and _is_of(said, ticket):
            if said["status"] in WORK:
                raise Unreachable("told to stop, and still at work")
            return self._stopped(said)
        if answer.is_success:
            raise NotUnderstood("no interaction")
        answer = _gemini_answers.read(answer)
        if fits(complaint_of(answer.json_object()) or Complaint(), _TOO_LATE):
            return CancelOutcome.TOO_LATE
        if answer.status in _STOPS:
            return _STOPS[answer.status]
        raise ignorance(answer)

    async def find(
        self,
        token: str,  # noqa: ARG002
        spec: Spec,  # noqa: ARG002
        *,
        upstream_model: str,  # noqa: ARG002
        since: datetime,  # noqa: ARG002
    ) -> Search:
        """Find nothing: nothing lists interactions."""
        return Unknown()

    def open(self, film: Film) -> AbstractAsyncContextManager[Stream]:
        """Open a film: a file of Google's with the key, or what stands inside the interaction."""
        file, link = text_in(film.get("file")), link_in(film.get("link"))
        if file is not None:
            if not _OURS.fullmatch(file):
                raise NotUnderstood("a film that is not ours")
            return self._rest.film(f"/{file}:download?alt=media")
        if link is not None:
            return self._rest.film(link)
        return self._inline(film)

    async def close(self) -> None:
        """Let go of connections."""
        await self._rest.close()

    # -- looks ---------------------------------------------------------------------------

    async def _look(self, ticket: Ticket | Film) -> Job:
        answer = await self._rest.ask(
            "GET", _path(ticket), params={"stream": "false"}, bytes_max=INLINE_BYTES_MAX
        )
        if answer.is_success and answer.body is None:
            raise Unreachable("the answer broke off, or has no end")
        job = await asyncio.to_thread(answer.json_object)  # a film may be inside
        if job is not None and _is_of(job, ticket):
            return job
        if answer.is_success:
            raise NotUnderstood("no interaction")
        raise ignorance(_gemini_answers.read(answer))

    def _outcome(self, job: Job) -> Outcome:
        status = str(job["status"])
        if status in WORK:
            return Working(look_again_s=self._look_again_s)
        if status in ENDS:
            return Lost(failure_of(job, self._rest.hidden, unnamed=ENDS[status]))
        if status != "completed":
            raise NotUnderstood(f"unknown status: {status[:40]!r}")
        video = video_in(job)
        if video is not None:
            return Ready(_film_in(job, video), usage_in(job))
        if refuses_content(job):
            return Lost(failure_of(job, self._rest.hidden))
        raise NotThere("completed without a film")

    def _stopped(self, job: Job) -> CancelOutcome:
        """Say what came of an interaction that is over; an unknown word is no end."""
        if job["status"] == "cancelled":
            return CancelOutcome.CANCELED
        if job["status"] != "completed" and job["status"] not in ENDS:
            self._outcome(job)
        return CancelOutcome.TOO_LATE

    # -- films ---------------------------------------------------------------------------

    @asynccontextmanager
    async def _inline(self, film: Film) -> AsyncIterator[Stream]:
        data = (video_in(await self._look(film)) or {}).get("data")
        if not isinstance(data, str):
            raise NotThere("the interaction has no film any more")
        try:
            content = await asyncio.to_thread(base64.b64decode, data, validate=True)
        except (binascii.Error, ValueError) as error:
            raise NotUnderstood("a film that is no base64") from error
        async with aclosing(_pieces(content)) as chunks:
            yield Stream(chunks, len(content))


def _is_of(job: Job, ticket: Ticket | Film) -> bool:
    """Say whether it is the interaction that was asked for, in whatever state."""
    return job.get("id") == ticket["id"] and isinstance(job.get("status"), str)


def _path(ticket: Ticket | Film) -> str:
    interaction = text_in(ticket.get("id"))
    if interaction is None:
        raise NotUnderstood("a ticket that is not ours")
    return f"/{VERSION}/interactions/{quote(interaction, safe='')}"


def _film_in(job: Job, video: Mapping[str, object]) -> Film:
    """Name a film: by its file where it is one, by its link, or by where it stands."""
    uri = video.get("uri")
    if not uri:
        return {"id": job["id"]}
    text = text_in(uri, LINK_CHARACTERS_MAX)
    found = _FILE.search(text or "")
    if found is not None:
        return {"file": f"{found[1] or FILES_VERSION}/files/{found[2]}"}
    link = link_in(uri)
    if link is None:
        raise NotUnderstood("a film at no address")
    return {"link": link}


async def _pieces(content: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(content), CHUNK_BYTES):
        yield content[start : start + CHUNK_BYTES]
