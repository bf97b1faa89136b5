"""The OpenAI Videos protocol, `/v1/videos`, by whoever speaks it.

Wire facts (SDK: openai-python 3.54, `resources/videos.py` and `types/video.py`; CONTRACT §7):
- create: POST /videos, always multipart: prompt, model, seconds ("8"), size ("1280x720"), and
  the file input_reference; the answer is a Video with its id.                            SDK
- look: GET /videos/{id}; the state words are in _STATES; a failed one has error{code,message};
  the header openai-poll-after-ms says when to look again.                                SDK
- list: GET /videos?limit&after&order, items echo prompt, model, seconds, size.           SDK
- DELETE /videos/{id} removes a finished video, film and all; some servers stop an unfinished
  one by it. There is no other cancel.                                                    SDK
- film: GET /videos/{id}/content, with the key; or a redirect to a link.                  SDK, §7
- OpenAI switched its own API off on 2026-09-24; the protocol lives on.

What differs from one server to the next is a Profile, in `profiles`; `openai` is the protocol as
it stands, and what is not said there of a server is as it stands here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote

from rushes.domain.errors import Blame, Failure, Reason
from rushes.domain.spec import SECONDS_BY_PROVIDER, Asset, Mode, Role, Spec
from rushes.domain.submit import Ticket
from rushes.providers.answers import (
    Answer,
    Complaint,
    complaint_of,
    ignorance,
    judge_submit,
    number,
    percent,
    plain,
)
from rushes.providers.base import (
    Assets,
    Busy,
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
from rushes.providers.fields import text_in
from rushes.providers.links import data_uri
from rushes.providers.lists import ListSearch
from rushes.providers.options import Options
from rushes.providers.orders import sendable, wrong_mode
from rushes.providers.profiles import (
    OPENAI,
    PROFILES,
    Field,
    Profile,
    State,
    Stop,
    form_text,
)
from rushes.providers.rest import Credential, Part, Rest

LOOK_AGAIN_S_MIN: Final = 0.5
LOOK_AGAIN_S_MAX: Final = 60.0
PAGE_ITEMS: Final = 100
PAGES_MAX: Final = 10

Job = Mapping[str, object]
"""A Video as a server tells it; nothing in it is trusted to be there."""


SETUP: Final = Setup(needs_base_url=True)


def build(
    *,
    name: str,
    base_url: str | None,
    credential: Credential | None,
    profile: str | None,
    options: Mapping[str, object],
) -> OpenAIVideos:
    """Build a provider as an operator configured it; see `registry.build`.

    Options: `submit_timeout_s` bounds a whole submit (60), `ask_timeout_s` any other call (30).

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    if not base_url:
        raise ValueError("openai_videos needs a base_url, such as https://gpu.example.org/v1")
    found = PROFILES.get(profile or OPENAI.name)
    if found is None:
        known = ", ".join(sorted(PROFILES))
        raise ValueError(f"openai_videos has no profile {profile!r}; it has {known}")
    said = Options("openai_videos", options)
    timeouts = said.timeouts()
    said.check_all_known()
    rest = Rest(base_url, credential, timeouts=timeouts)
    return OpenAIVideos(name, rest, found)


@dataclass(frozen=True, slots=True)
class Told:
    """What a server is told of a spec: fields of the form, its files by part, and references."""

    fields: tuple[Field, ...]
    files: tuple[tuple[str, Asset], ...] = ()
    references: tuple[Asset, ...] = ()


def told(spec: Spec, upstream_model: str, profile: Profile) -> Told:
    """Put a spec into the words of a profile.

    Raises:
        Refused: this sort of server cannot make it; another route may, so no caller is blamed.
    """
    sentence = _objection(spec, profile)
    if sentence:
        failure = Failure.of(Reason.PARAMETERS_REFUSED, sentence)
        raise Refused(failure, Blame.PROVIDER, note=f"profile {profile.name}: {spec.mode}")
    files = [(profile.files[a.role], a) for a in spec.assets if not a.role.is_reference]
    references = tuple(asset for asset in spec.assets if asset.role.is_reference)
    return Told(_fields(spec, upstream_model, profile), tuple(files), references)


_FRAMES: Final[Mapping[Mode, tuple[Role, ...]]] = {
    Mode.IMAGE_TO_VIDEO: (Role.FIRST_FRAME,),
    Mode.FIRST_LAST_FRAME: (Role.FIRST_FRAME, Role.LAST_FRAME),
}


def _objection(spec: Spec, profile: Profile) -> str:
    if sentence := wrong_mode(spec, profile.modes):
        return sentence
    roles = [asset.role for asset in spec.assets]
    others = [
        r for r in roles if r not in profile.files and not (r.is_reference and profile.has_content)
    ]
    if others:
        return f"The provider takes no {others[0].replace('_', ' ')}."
    frames = [role for role in roles if not role.is_reference]
    has_references = len(frames) < len(roles)
    if sorted(frames) == sorted(_FRAMES.get(spec.mode, ())) and has_references == (
        spec.mode is Mode.REFERENCE_TO_VIDEO
    ):
        return ""
    if profile.files.keys() == {Role.FIRST_FRAME}:
        return "The provider takes one first frame, and only to make a film from it."
    return f"The provider cannot make the mode {spec.mode} from the files given."


def _fields(spec: Spec, upstream_model: str, profile: Profile) -> tuple[Field, ...]:
    fields = {"prompt": sendable(spec.prompt), "model": upstream_model}
    is_open = spec.seconds == SECONDS_BY_PROVIDER
    seconds = profile.open_length if is_open else str(spec.seconds)
    if seconds is not None:
        fields["seconds"] = seconds
    fields["size"] = str(spec.size)
    for option, key in profile.options.items():
        if option in spec.options:
            fields[key] = form_text(spec.options[option])
    for key, text in profile.more(spec):  # what was named weighs more than what was let through
        fields.setdefault(key, text)
    return tuple(fields.items())


def echo(spec: Spec, upstream_model: str, profile: Profile) -> dict[str, str]:
    """Return what an item of the list must hold to be ours."""
    asked = dict(_fields(spec, upstream_model, profile))
    if spec.seconds == SECONDS_BY_PROVIDER:
        asked.pop("seconds", None)
    return {name: text for name, text in asked.items() if name in profile.echoes}


class OpenAIVideos(Quiet):
    """A server that speaks `/v1/videos`."""

    def __init__(self, name: str, rest: Rest, profile: Profile = OPENAI) -> None:
        self.name = name
        self._rest = rest
        self._profile = profile

    async def submit(
        self,
        spec: Spec,
        *,
        upstream_model: str,
        token: str,
        assets: Assets,
        callback_url: str | None = None,  # noqa: ARG002 -- its webhooks are set up by hand
    ) -> Ticket:
        """Create a video, once.

        The protocol has no place for a token; OpenAI's own log takes it as a request id, by
        which its support can be asked about a submit that got no answer.
        """
        profile = self._profile
        wish = told(spec, upstream_model, profile)
        form: list[Part] = [(key, (None, text.encode(), None)) for key, text in wish.fields]
        form += [await _file(name, asset, assets) for name, asset in wish.files]
        if wish.references:
            form.append(("content", (None, await _content(wish.references, assets), None)))
        headers = {profile.reference_header: token, **profile.headers}
        answer = await self._rest.submit("/videos", form=form, headers=headers)
        if not answer.is_success:
            raise judge_submit(answer, self._profile.words, hide=self._rest.hidden)
        video_id = text_in((answer.json_object() or {}).get("id"))
        if video_id is None:
            raise InDoubt(f"HTTP {answer.status} without an id")
        return {"id": video_id}

    async def check(self, ticket: Ticket) -> Outcome:
        """Look at a video."""
        video_id = _id_of(ticket)
        answer = await self._rest.ask("GET", _path(video_id))
        job = _job_in(answer, video_id if self._profile.keeps_id else None)
        if job is None:
            raise NotUnderstood("no video") if answer.is_success else ignorance(answer)
        return self._outcome(job, answer, video_id)

    async def cancel(self, ticket: Ticket) -> CancelOutcome:
        """Stop a video that is not finished; a finished one is left alone.

        DELETE would take the film of a finished one away, which was paid and may be salvaged;
        and where it does not stop the work, also what is left to find the film by.
        """
        try:
            outcome = await self.check(ticket)
        except NotThere:
            return CancelOutcome.TOO_LATE
        if not isinstance(outcome, Working):
            return CancelOutcome.TOO_LATE
        video_id = _id_of(ticket)
        match self._profile.stop:
            case Stop.NEVER:
                return CancelOutcome.UNSUPPORTED
            case Stop.DELETE:
                answer = await self._rest.ask("DELETE", _path(video_id))
            case Stop.CANCEL:
                path = f"/video/generations/{quote(video_id, safe='')}/cancel"
                answer = await self._rest.ask("POST", path)
        if answer.is_success:
            return CancelOutcome.CANCELED
        stopped = self._profile.stops.get(answer.status)
        if stopped is None:
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
        """Search the list for a video like ours."""
        search = ListSearch(echo(spec, upstream_model, self._profile), since=since)
        after: dict[str, str] = {}
        for _ in range(PAGES_MAX):
            params = {"limit": str(PAGE_ITEMS), "order": "desc", **after}
            answer = await self._rest.ask("GET", "/videos", params=params)
            if answer.status in self._profile.no_list:
                return Unknown()
            page = _page_in(answer)
            for job in page.jobs:
                search.read(job, ref=text_in(job.get("id")), at=job.get("created_at"))
            if search.is_over or page.is_last or page.cursor is None:
                return search.result(is_whole=search.is_over or page.is_last)
            after = {"after": page.cursor}
        return search.result(is_whole=False)

    def open(self, film: Film) -> AbstractAsyncContextManager[Stream]:
        """Open the film of a finished video: by its own link, else its bytes, with the key."""
        video_id, link = _id_of(film), film.get("link")
        return self._rest.film(link if isinstance(link, str) else _path(video_id) + "/content")

    async def close(self) -> None:
        """Let go of connections."""
        await self._rest.close()

    def _outcome(self, job: Job, answer: Answer, video_id: str) -> Outcome:
        match self._profile.states.get(str(job["status"])):
            case State.WORKING:
                return Working(percent(job.get("progress")), self._look_again_s(answer))
            case State.READY:
                usage = {key: job[key] for key in ("seconds", "size", "usage") if job.get(key)}
                return Ready({"id": video_id, **self._link(job)}, usage)
            case State.LOST:
                return Lost(self._failure(job))
            case None:
                raise NotUnderstood(f"unknown state {str(job['status'])[:40]!r}")

    def _link(self, job: Job) -> dict[str, str]:
        link = job.get(self._profile.link) if self._profile.link else None
        is_address = isinstance(link, str) and link.startswith(("https://", "http://"))
        return {"link": str(link)} if is_address else {}

    def _look_again_s(self, answer: Answer) -> float:
        millis = number(answer.headers.get("openai-poll-after-ms", ""))
        if millis is None:
            return self._profile.look_again_s
        return min(LOOK_AGAIN_S_MAX, max(LOOK_AGAIN_S_MIN, millis / 1000))

    def _failure(self, job: Job) -> Failure:
        complaint = complaint_of(job) or Complaint()
        code = complaint.code or complaint.kind
        fits = (reason for pattern, reason in self._profile.reasons if pattern.search(code))
        reason = next(fits, Reason.PROVIDER_FAILED)
        if reason is Reason.PROVIDER_UNUSABLE:  # an account's troubles are no caller's business
            return Failure.of(reason)
        return Failure.of(reason, plain(complaint.message, self._rest.hidden))


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of the list; `cursor` is None where it does not say how to go on."""

    jobs: tuple[Job, ...]
    cursor: str | None
    is_last: bool


def _page_in(answer: Answer) -> _Page:
    """Read a page of the list.

    Raises:
        NotUnderstood, Unreachable: it is none.
    """
    if not answer.is_success:
        raise ignorance(answer)
    body = answer.json_object() or {}
    items = body.get("data")
    if not isinstance(items, list):
        raise NotUnderstood("a list without data")
    jobs = tuple(item for item in items if isinstance(item, dict))
    has_more = body.get("has_more")
    if not isinstance(has_more, bool):
        has_more = len(items) >= PAGE_ITEMS
    last = body.get("last_id") or (jobs[-1].get("id") if jobs else None)
    return _Page(jobs, last if isinstance(last, str) else None, not has_more)


def _job_in(answer: Answer, video_id: str | None) -> Job | None:
    """Return the video in an answer, whatever the status; without an id, under whatever id.

    vLLM-Omni answers a look at a failed job with the failure's own HTTP status: read as
    trouble of the transport, it would be looked at for ever.
    """
    body = answer.json_object()
    if body is None or not isinstance(body.get("status"), str):
        return None
    is_ours = (
        text_in(body.get("id")) is not None if video_id is None else body.get("id") == video_id
    )
    return body if is_ours else None


def _id_of(ticket: Mapping[str, object]) -> str:
    video_id = text_in(ticket.get("id"))
    if video_id is None:
        raise NotUnderstood("a ticket that is not ours")
    return video_id


def _path(video_id: str) -> str:
    return f"/videos/{quote(video_id, safe='')}"


async def _file(name: str, asset: Asset, assets: Assets) -> Part:
    """Read a caller's file before anything is sent, so that a missing one proves no harm."""
    if asset.blob is None:
        internal = Failure.of(Reason.INTERNAL)
        raise Refused(internal, Blame.HOUSE, note=f"the {asset.role} was not fetched")
    try:
        path = await assets.path_of(asset.blob)
        content = await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        note = f"not sent: the {asset.role} cannot be read: {type(error).__name__}"
        raise Busy(note) from error
    content_type = asset.content_type or "application/octet-stream"
    extension = content_type.rpartition("/")[2]
    return name, (f"{asset.role}.{extension}", content, content_type)


async def _content(references: Sequence[Asset], assets: Assets) -> bytes:
    """Put references into one field, as CONTRACT §4 has them: with their roles, in order."""
    items = []
    for asset in references:
        kind = f"{asset.role.medium}_url"
        address = await data_uri(asset, assets)
        items.append({"type": kind, kind: {"url": address}, "role": asset.role.value})
    return json.dumps(items).encode()
