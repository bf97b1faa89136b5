"""MiniMax's Hailuo models, by the first version of its video API.

Wire facts (DOC: MiniMax's reference, copies read 2026-11; SDK: its own programs minimax-mcp
0.0.19 and mmx-cli 1.0; 3P: what other clients recorded, and an account of MiniMax's pages by
others, 2026-10; MEM: background, not verified; nothing was tried live):
- create: POST /v1/video_generation, JSON, Bearer; the answer is {task_id, base_resp}; what is
  wrong stands inside HTTP 200, see `_minimax_answers.py`; the body, `_minimax_orders.py`. DOC, SDK
- look: GET /v1/query/video_generation?task_id=; {task_id, status, file_id, video_width,
  video_height, base_resp}; the words are in `_outcome`; ids are digits, as text.      DOC, 3P
- file: GET /v1/files/retrieve?file_id=; {file: {file_id, bytes, download_url, ...}}; there the
  id is a number.                                                                      DOC, 3P
- film: GET of that link on another host, without the key; it ends after an hour, by older pages
  after nine. That asking again gives a new one, and how long a file is kept, is not known.  3P
- of a task that failed: `Fail`, and 1026 or 1027 in base_resp where content is the reason; what
  else is told then, and how long tasks are kept, is not known.                     DOC, UNKNOWN
- callback_url: the address has to answer a challenge within 3 s before a create is taken, else
  2013; then POST of each change, unsigned. Nothing can be verified, so none is given.       3P
- there is no cancel, no list, no reference of ours and no idempotency key.             DOC, SDK
- 20 creates a minute for an account; no limit of looks or of tasks at once is told.         3P
- what is billed is told nowhere: a price goes by model, size and length.                   3P

The second version (MiniMax-H3, /v2/video_generation) has other words, and is not spoken here.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

from rushes.domain.errors import Blame, Failure, Reason
from rushes.domain.spec import Spec
from rushes.domain.submit import Ticket
from rushes.providers import _minimax_orders
from rushes.providers._minimax_answers import (
    CONTENT,
    WORDS,
    as_look,
    as_submit,
    complaint_in,
    failure_of,
)
from rushes.providers._minimax_orders import objection, told
from rushes.providers.answers import Answer, Complaint, fits, ignorance, judge_submit, plain
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
from rushes.providers.fields import link_in
from rushes.providers.links import data_uris
from rushes.providers.options import Options
from rushes.providers.rest import Credential, Rest

REGIONS: Final[Mapping[str, str]] = {
    "intl": "https://api.minimax.io",
    "cn": "https://api.minimaxi.com",
}
"""A key is of one of them. DOC"""

SETUP: Final = Setup(
    base_url=REGIONS["intl"],
    api_key="env:MINIMAX_API_KEY",
    upstream_models=("MiniMax-Hailuo-2.3", "MiniMax-Hailuo-2.3-Fast", "MiniMax-Hailuo-02"),
)
MODES: Final = _minimax_orders.MODES

CREATE: Final = "/v1/video_generation"
LOOK: Final = "/v1/query/video_generation"
RETRIEVE: Final = "/v1/files/retrieve"

LOOK_AGAIN_S: Final = 10.0
"""MiniMax's examples ask every ten seconds; a film takes minutes. 3P"""

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")

Said = Mapping[str, object]
"""What MiniMax tells; nothing in it is trusted to be there."""


def build(
    *,
    name: str,
    base_url: str | None,
    credential: Credential | None,
    profile: str | None,
    options: Mapping[str, object],
) -> MiniMax:
    """Build a provider as an operator configured it; see `registry.build`.

    Options: `region` (intl, cn) in place of a base_url, without both it is intl; `look_again_s`
    paces looks (10); `submit_timeout_s` bounds a whole submit (60), `ask_timeout_s` any other
    call (30).

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    if profile is not None:
        raise ValueError(f"minimax has no profile {profile!r}; it has none at all")
    if credential is None:
        raise ValueError("minimax needs an api_key, such as env:MINIMAX_API_KEY")
    said = Options("minimax", options)
    look_again_s, timeouts = said.seconds("look_again_s", LOOK_AGAIN_S), said.timeouts()
    region = said.one_of("region", REGIONS)
    said.check_all_known()
    if base_url is not None and region is not None:
        raise ValueError("minimax takes a base_url or a region, and not both")
    address = base_url or REGIONS[region or "intl"]
    return MiniMax(name, Rest(address, credential, timeouts=timeouts), look_again_s)


class MiniMax(Quiet):
    """An account at MiniMax."""

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
        callback_url: str | None = None,  # noqa: ARG002 -- who rings there cannot be verified
    ) -> Ticket:
        """Create a task, once."""
        sentence = objection(spec, upstream_model)
        if sentence:
            failure = Failure.of(Reason.PARAMETERS_REFUSED, sentence)
            raise Refused(failure, Blame.PROVIDER, note=f"minimax: {spec.mode}")
        media = await data_uris(spec.assets, assets)
        answer = await self._rest.submit(CREATE, body=told(spec, upstream_model, media))
        task_id = _id_in(answer.json_object() or {}, "task_id")
        if answer.is_success and task_id is not None:
            return {"id": task_id}
        judged = as_submit(answer)
        if not judged.is_success:
            raise judge_submit(judged, WORDS, hide=self._rest.hidden)
        code = complaint_in(answer).code or "no code"
        raise InDoubt(f"HTTP {answer.status}, {code}, and no task_id")

    async def check(self, ticket: Ticket) -> Outcome:
        """Look at a task; whatever the HTTP status is, one of ours in the answer is believed."""
        task_id = _id_in(ticket, "id")
        if task_id is None:
            raise NotUnderstood("a ticket that is not ours")
        answer = await self._rest.ask("GET", LOOK, params={"task_id": task_id})
        job, complaint = answer.json_object() or {}, complaint_in(answer)
        whose = _id_in(job, "task_id")
        if whose == task_id and isinstance(job.get("status"), str) and job["status"]:
            return self._outcome(job, complaint)
        if answer.is_success and whose in {None, task_id} and fits(complaint, CONTENT):
            return Lost(failure_of(complaint, ""))  # only a task can be that
        raise _ignorance(answer, "no task")

    async def cancel(self, ticket: Ticket) -> CancelOutcome:  # noqa: ARG002
        """Stop nothing: MiniMax has no way to."""
        return CancelOutcome.UNSUPPORTED

    async def find(
        self,
        token: str,  # noqa: ARG002
        spec: Spec,  # noqa: ARG002
        *,
        upstream_model: str,  # noqa: ARG002
        since: datetime,  # noqa: ARG002
    ) -> Search:
        """Find nothing: this version has no list of tasks."""
        return Unknown()

    @asynccontextmanager
    async def open(self, film: Film) -> AsyncIterator[Stream]:
        """Ask for a link to a file, each time anew, and open it; no host there is told the key."""
        file_id = _id_in(film, "file_id")
        if file_id is None:
            raise NotUnderstood("a film that is not ours")
        link = await self._link(file_id)
        async with self._rest.film(link, is_signed=True) as stream:
            yield stream

    async def close(self) -> None:
        """Let go of connections."""
        await self._rest.close()

    def _outcome(self, job: Said, complaint: Complaint) -> Outcome:
        match job["status"]:
            case "Preparing" | "Queueing" | "Processing":
                return Working(look_again_s=self._look_again_s)
            case "Success":
                file_id = _id_in(job, "file_id")
                if file_id is None:  # no film is no success; only that it stays so is a verdict
                    raise NotThere("a finished task without a file_id")
                return Ready({"file_id": file_id}, _usage_in(job))
            case "Fail" | "Failed":  # the latter by mmx-cli alone
                return Lost(failure_of(complaint, plain(complaint.message, self._rest.hidden)))
            case state:
                raise NotUnderstood(f"unknown state {str(state)[:40]!r}")

    async def _link(self, file_id: str) -> str:
        answer = await self._rest.ask("GET", RETRIEVE, params={"file_id": file_id})
        file = (answer.json_object() or {}).get("file")
        if not answer.is_success or not isinstance(file, dict) or not file:
            raise _ignorance(answer, "no file")
        if _id_in(file, "file_id") != file_id:
            raise NotUnderstood("another file")
        if not file.get("download_url"):
            raise NotThere("a file without a download_url")
        link = link_in(file["download_url"])
        if link is None:
            raise NotUnderstood("a file at no address")
        return link


def _ignorance(answer: Answer, what: str) -> Exception:
    """Say why an answer teaches nothing."""
    judged = as_look(answer)
    if not judged.is_success:
        return ignorance(judged)
    return NotUnderstood(" ".join(filter(None, [what, complaint_in(answer).code])))


def _id_in(said: Said, name: str) -> str | None:
    """Return an id, which is text in some answers and a number in others."""
    value = said.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if value > 0 else ""
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def _usage_in(job: Said) -> dict[str, object]:
    """Return what a price goes by, as far as it is told: the film's size, and no money."""
    names = ("video_width", "video_height")
    return {name: job[name] for name in names if isinstance(job.get(name), int) and job[name]}
