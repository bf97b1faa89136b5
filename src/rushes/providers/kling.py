"""Kling by Kuaishou, by the design that names a model in the body (`model_name`).

Wire facts (DOC: Kling's pages, copies of 2026 in public repositories, read 2026-11; SEEN: answers
of the service that strangers published; 3P: third parties; MEM: background, not verified):
- create: POST /v1/videos/text2video or .../image2video, JSON; the answer is {code: 0, message,
  request_id, data{task_id, task_status, task_info{external_task_id}, created_at}}.   DOC, SEEN
- look: GET of the same path with the task_id behind it; the words are in `_outcome`, a failure has
  a sentence (task_status_msg) and no code; times are in ms; no progress.                   DOC
- external_task_id is ours, one of a kind in an account, and stands in place of the task_id. DOC
  How it is answered where there is no such task is read nowhere.                           MEM
- list: GET of the path alone, ?pageNum&pageSize (up to 500); data is a list of tasks, with no
  number of them all; the order is read nowhere.                                       DOC, MEM
- film: data.task_result.videos[0].url, a link on another host; it goes after 30 days.      DOC
- usage: final_unit_deduction, where a balance pays final_balance_deduction{quota}.         DOC
- errors: {code, message}; the table is WORDS. 1103 is 403 to some copies, 429 to others.  3P
- a task holds one of the account's slots from create to end; looks are free.               DOC
- keys: `_kling_keys.py`. No page has a call that stops a task.                             DOC
- calls to us are signed as Standard Webhooks have it (`signed_calls.py`) once a webhook secret was
  made in the console.                                                                       DOC
- kling-v3-omni and O1 are asked by other paths, and a newer design has the model in the path
  and all looks at /tasks: neither is spoken here.                                          DOC
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final
from urllib.parse import quote

from rushes.domain.errors import Blame, Failure, Reason
from rushes.domain.spec import Spec
from rushes.domain.submit import Ticket
from rushes.providers._kling_keys import UNTIMELY, Key, key_of
from rushes.providers._kling_orders import KINDS, Order, objection, told
from rushes.providers.answers import Answer, Words, complaint_of, ignorance, judge_submit, plain
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
    Unknown,
    Unreachable,
    Working,
)
from rushes.providers.fields import link_in, text_in
from rushes.providers.links import inline
from rushes.providers.lists import ListSearch
from rushes.providers.options import Options
from rushes.providers.rest import Credential, Rest
from rushes.providers.signed_calls import Ear

REGIONS: Final[Mapping[str, str]] = {
    "cn": "https://api-beijing.klingai.com",
    "intl": "https://api-singapore.klingai.com",
}
"""DOC; accounts of one are unknown to the other (MEM)."""

SETUP: Final = Setup(
    base_url=REGIONS["intl"],
    api_key="env:KLING_API_KEY",
    upstream_models=("kling-v2-6", "kling-v3"),
)
MODES: Final = frozenset(KINDS)
HINT_WANTS: Final = "webhook_secret"
VIDEOS: Final = "/v1/videos"
LOOK_AGAIN_S: Final = 8.0
"""A clip takes a minute or more, and no answer says when to look again."""

PAGE_ITEMS: Final = 100
PAGES_MAX: Final = 10
MS: Final = 1000

Job = Mapping[str, object]
"""A task as Kling tells it; nothing in it is trusted to be there."""

WORDS: Final = Words(
    content=frozenset({"1300", "1301"}),
    # An account that is blocked, in arrears, or out of its pack, though all of them are 429; and
    # an address of ours that the account's list of addresses does not know.
    money=frozenset({"1100", "1101", "1102", "1304"}),
    # No right to a model, and nothing of that name.
    model=frozenset({"1103", "1203"}),
    # Tokens for their times (the next one has others), too fast, too many at once.
    later=UNTIMELY | {"1302", "1303"},
)
"""DOC. Of 5xx (5000, 5001, 5002) no page says that nothing was accepted."""

_UNFIT: Final = re.compile(
    r"(?i)\b(?:risk control|content (?:moderation|policy|security)|community guidelines"
    r"|sensitive (?:content|information|words?))\b|风控|敏感|违规"
)
"""A film that is not fit is told by its sentence alone. That it may be so is DOC, its words MEM."""


def build(
    *,
    name: str,
    base_url: str | None,
    credential: Credential | None,
    profile: str | None,
    options: Mapping[str, object],
) -> Kling:
    """Build a provider as an operator configured it; see `registry.build`.

    The credential is an access key and a secret key (`ACCESS_KEY:SECRET_KEY`), or an API key.
    Options: `region` (cn, intl) in place of a base_url; `access_key` is a reference, where the
    credential is the secret key alone; `webhook_secret` is a reference to what Kling signs its
    calls with, and without it is not asked to call; `look_again_s` paces looks (8);
    `submit_timeout_s` bounds a whole submit (60), `ask_timeout_s` any other call (30).

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    if profile is not None:
        raise ValueError(f"kling has no profile {profile!r}; it has none at all")
    if credential is None:
        raise ValueError("kling needs an api_key: ACCESS_KEY:SECRET_KEY, or an API key")
    said = Options("kling", options)
    region, access_key = said.one_of("region", REGIONS), said.secret("access_key")
    webhook_secret, timeouts = said.secret("webhook_secret"), said.timeouts()
    look_again_s = said.seconds("look_again_s", LOOK_AGAIN_S)
    said.check_all_known()
    if (region is None) == (base_url is None):
        raise ValueError("kling needs either region = cn or intl in its options, or a base_url")
    key = key_of(credential.secret, access_key)
    ear = None if webhook_secret is None else Ear(webhook_secret, whose="Kling")
    address = base_url or REGIONS[region or ""]
    return Kling(name, Rest(address, timeouts=timeouts), key, ear, look_again_s)


class Kling:
    """An account at Kling, in one region."""

    looks_per_s_max: float | None = None

    def __init__(
        self,
        name: str,
        rest: Rest,
        key: Key,
        ear: Ear | None = None,
        look_again_s: float = LOOK_AGAIN_S,
    ) -> None:
        self.name = name
        self.takes_hints = ear is not None
        self._rest = rest
        self._key = key
        self._ear = ear
        self._look_again_s = look_again_s

    async def submit(
        self,
        spec: Spec,
        *,
        upstream_model: str,
        token: str,
        assets: Assets,
        callback_url: str | None = None,
    ) -> Ticket:
        """Create a task, once. The token is its external_task_id, by which it can be found."""
        sentence = objection(spec, upstream_model)
        if sentence:
            failure = Failure.of(Reason.PARAMETERS_REFUSED, sentence)
            raise Refused(failure, Blame.PROVIDER, note=f"kling: {spec.mode}")
        # In base64, without the prefix, which Kling does not take.
        pictures = [(await inline(asset, assets))[1] for asset in spec.assets]
        kind, bell = KINDS[spec.mode], callback_url if self.takes_hints else None
        body, bearer = told(spec, Order(upstream_model, token, pictures, bell)), self._key.bearer()
        answer = await self._rest.submit(f"{VIDEOS}/{kind}", body=body, headers=_bearing(bearer))
        self._key.hear(answer)
        if not answer.is_success:
            hide = (bearer, *self._key.hidden, *self._rest.hidden)
            raise judge_submit(answer, WORDS, hide=hide)
        task_id = text_in(_data_in(answer).get("task_id"))
        if task_id is None:  # a complaint inside HTTP 200 is no proof that nothing was made
            raise InDoubt(f"HTTP {answer.status} without a task_id{_code_in(answer)}")
        return _ticket(kind, task_id, spec)

    async def check(self, ticket: Ticket) -> Outcome:
        """Look at a task."""
        kind, task_id = _place_of(ticket)
        answer = await self._ask(f"{kind}/{quote(task_id, safe='')}")
        job = _data_in(answer)
        is_told = text_in(job.get("task_id")) == task_id and isinstance(job.get("task_status"), str)
        if not is_told or _code_in(answer):
            if answer.is_success:
                raise NotUnderstood(f"no task{_code_in(answer)}")
            raise ignorance(answer)
        return self._outcome(job, has_watermark=ticket.get("watermark") is True)

    async def cancel(self, ticket: Ticket) -> CancelOutcome:  # noqa: ARG002
        """Stop nothing: Kling has no call for it."""
        return CancelOutcome.UNSUPPORTED

    async def find(
        self,
        token: str,
        spec: Spec,
        *,
        upstream_model: str,  # noqa: ARG002 -- the token tells ours
        since: datetime,
    ) -> Search:
        """Look a submit up by its token, and where that finds nothing, search the list for it.

        Only a task that carries the token is ours. What is answered where nobody has it is read
        nowhere, so that alone proves nothing; a list that was read to the end does.
        """
        kind = KINDS.get(spec.mode)
        if kind is None:
            return Unknown()
        answer = await self._ask(f"{kind}/{quote(token, safe='')}")
        trouble = None if answer.is_success else ignorance(answer)
        if isinstance(trouble, Unreachable):
            raise trouble
        found = _ours(_data_in(answer), token)
        if found is not None:
            return Found(_ticket(kind, found, spec))
        search = ListSearch({"external_task_id": token}, since=since, tells_all=True)
        for number in range(1, PAGES_MAX + 1):
            params = {"pageNum": str(number), "pageSize": str(PAGE_ITEMS)}
            jobs = _page_in(await self._ask(kind, params))
            for job in jobs:
                found = _ours(job, token)
                if found is not None:
                    return Found(_ticket(kind, found, spec))
                search.read(_reference_in(job), ref=text_in(job.get("task_id")), at=_unix_time(job))
            if search.is_over or len(jobs) < PAGE_ITEMS:
                return search.result(is_whole=True)
        return search.result(is_whole=False)

    def open(self, film: Film) -> AbstractAsyncContextManager[Stream]:
        """Open a film by its link, which opens by itself."""
        link = link_in(film.get("url"))
        if link is None:
            raise NotUnderstood("a film that is not ours")
        return self._rest.film(link, is_signed=True)

    def hint(self, headers: Mapping[str, str], body: bytes) -> bytes | None:
        """Make sure that a call is Kling's; it is only a bell."""
        if self._ear is not None:
            self._ear.check(headers, body)
        return None

    async def close(self) -> None:
        """Let go of connections."""
        await self._rest.close()

    async def _ask(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        headers = _bearing(self._key.bearer())
        answer = await self._rest.ask("GET", f"{VIDEOS}/{path}", params=params, headers=headers)
        self._key.hear(answer)
        return answer

    def _outcome(self, job: Job, *, has_watermark: bool) -> Outcome:
        match job["task_status"]:
            case "submitted" | "processing":
                return Working(look_again_s=self._look_again_s)
            case "succeed":
                video = _video_in(job)
                link = link_in(video.get("watermark_url" if has_watermark else "url"))
                if link is None:  # no film is no success; only that it stays so is a verdict
                    raise NotThere("succeed without a film")
                return Ready({"url": link}, _usage_in(job, video))
            case "failed":
                return Lost(self._failure(job.get("task_status_msg")))
            case state:
                raise NotUnderstood(f"unknown state {str(state)[:40]!r}")

    def _failure(self, said: object) -> Failure:
        sentence = said if isinstance(said, str) else ""
        reason = Reason.CONTENT_REFUSED if _UNFIT.search(sentence) else Reason.PROVIDER_FAILED
        return Failure.of(reason, plain(sentence, (*self._key.hidden, *self._rest.hidden)))


def _bearing(bearer: str) -> dict[str, str]:
    return {"authorization": f"Bearer {bearer}"}


def _ticket(kind: str, task_id: str, spec: Spec) -> Ticket:
    ticket: dict[str, object] = {"kind": kind, "id": task_id}
    return ticket | {"watermark": True} if spec.with_watermark else ticket


def _place_of(ticket: Ticket) -> tuple[str, str]:
    kind, task_id = ticket.get("kind"), text_in(ticket.get("id"))
    if kind not in KINDS.values() or task_id is None:
        raise NotUnderstood("a ticket that is not ours")
    return str(kind), task_id


def _data_in(answer: Answer) -> Job:
    data = (answer.json_object() or {}).get("data")
    return data if isinstance(data, dict) else {}


def _code_in(answer: Answer) -> str:
    """Return the code of a complaint as a note ends with it, empty where there is none."""
    code = (answer.json_object() or {}).get("code", 0)
    if code == 0:
        return ""
    complaint = complaint_of({"message": "", "code": code})
    return f": {complaint.code if complaint and complaint.code else 'a code of no form'}"


def _page_in(answer: Answer) -> Sequence[Job]:
    """Read a page of the list.

    Raises:
        NotUnderstood, Unreachable: it is none.
    """
    if not answer.is_success:
        raise ignorance(answer)
    jobs = (answer.json_object() or {}).get("data")
    if not isinstance(jobs, list) or _code_in(answer):
        raise NotUnderstood(f"no list{_code_in(answer)}")
    return [job if isinstance(job, dict) else {} for job in jobs]


def _reference_in(job: Job) -> Mapping[str, object]:
    """Return what a task repeats of its create: the reference, where it has one."""
    said = job.get("task_info")
    return said if isinstance(said, dict) else {}


def _ours(job: Job, token: str) -> str | None:
    """Return the task_id of a task that carries the token."""
    is_ours = _reference_in(job).get("external_task_id") == token
    return text_in(job.get("task_id")) if is_ours else None


def _unix_time(job: Job) -> float | None:
    at_ms = job.get("created_at")
    is_time = isinstance(at_ms, int | float) and not isinstance(at_ms, bool)
    return float(str(at_ms)) / MS if is_time else None


def _video_in(job: Job) -> Mapping[str, object]:
    result = job.get("task_result")
    videos = result.get("videos") if isinstance(result, dict) else None
    first = videos[0] if isinstance(videos, list) and videos else None
    return first if isinstance(first, dict) else {}


def _usage_in(job: Job, video: Mapping[str, object]) -> dict[str, object]:
    """Return what a task cost: units of a pack, or money of a balance; and how long the film is."""
    paid = job.get("final_balance_deduction")
    paid = paid if isinstance(paid, dict) else {}
    usage = {
        "final_unit_deduction": job.get("final_unit_deduction"),
        "final_balance_deduction": paid.get("quota"),
        "duration": video.get("duration"),
    }
    return {name: said for name, said in usage.items() if isinstance(said, int | float | str)}
