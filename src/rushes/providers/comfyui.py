"""ComfyUI, on one or more GPUs of our own: the operator's workflows, with slots for a task.

Wire facts (CODE: Comfy-Org/ComfyUI, server.py, execution.py, comfy_execution/jobs.py, nodes_video
.py, read 2026-11; DOC: docs.comfy.org, "Routes"; MEM: known, but not read):
- submit: POST /prompt {prompt: graph, prompt_id, client_id} -> {prompt_id, number, node_errors}.
  An id of ours is kept; today it must be a UUID in lowercase with hyphens. Servers of before it
  was taken name their own (MEM). The same id twice is queued twice.                      CODE
- A graph without one valid output is a 400: {error: {type, message, details, extra_info},
  node_errors: {NODE: {errors: [{type, message, details, extra_info}], class_type}}}. With one
  it is a 200, and what is not valid is left out.                                         CODE
- GET /queue -> {queue_running, queue_pending}, each [[number, prompt_id, graph, ...], ...]. CODE
- GET /history/ID -> {}, or {ID: {outputs: {NODE: {images: [{filename, subfolder, type}]}},
  status: {status_str: success | error, completed, messages: [[name, {...}], ...]}}}. SaveVideo
  tells its film under images (CODE), VideoHelperSuite under gifs (MEM).
- GET /view?filename&subfolder&type -> the bytes, 404 once the file is gone.              CODE
- POST /upload/image, multipart: image, type, subfolder -> {name, subfolder, type}; without
  `overwrite` equal bytes under an equal name stay as they are.                           CODE
- stop: POST /queue {delete: [ID]} what waits, POST /interrupt {prompt_id} what runs; both answer
  200 and nothing (CODE). Servers of before mid-2025 interrupt whatever runs (MEM).
- No key, no money, no moderation. A key is for whatever stands in front.                 DOC

A prompt moves from pending to running to history under one lock, and never back (CODE). So a look
reads the queue, then the history: in that order nothing slips through between the two. The
websocket would tell a percentage besides; a look, unlike it, loses nothing with its connection.

A restart forgets queue and history, but no files. "Not there" is then the truth: on a route with
`billable = false` the story has the film rendered again.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Final, TypeVar
from urllib.parse import quote, urlencode
from uuid import UUID, uuid5

from rushes.domain.errors import Blame, Failure, Reason
from rushes.domain.spec import Asset, Spec
from rushes.domain.submit import Ticket
from rushes.providers._comfyui_answers import (
    Place,
    Standing,
    history_in,
    interrupted,
    length_in,
    outcome_of,
    place_in,
    verdict,
)
from rushes.providers._comfyui_workflows import Workflows, setting_in
from rushes.providers.answers import ignorance
from rushes.providers.base import (
    Absent,
    Assets,
    Busy,
    CancelOutcome,
    Film,
    FilmLost,
    Found,
    InDoubt,
    NotThere,
    NotUnderstood,
    Outcome,
    Quiet,
    Refused,
    Search,
    Setup,
    Stream,
    Unreachable,
    Working,
)
from rushes.providers.rest import Credential, Part, Rest

CLIENT_ID: Final = "rushes"
FOLDER: Final = "rushes"
"""Where the callers' images lie among an instance's inputs."""

LOOK_AGAIN_S: Final = 2.0
SURVEY_S: Final = 5.0
"""How long an instance may take to tell its queue before another one is asked to render."""

_TOKENS: Final = UUID("a2c7e51e-6c0b-5d0e-9c53-4d6d6f766965")
"""The name space in which a submit's token becomes a prompt_id; never to be changed."""

_PROMPT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_NO_VERB: Final = frozenset({404, 405, 501})
_STOPS_MAX: Final = 2

T = TypeVar("T")


SETUP: Final = Setup(
    base_url="http://127.0.0.1:8188", upstream_models=("workflow",), is_billable=False
)


def build(
    *,
    name: str,
    base_url: str | None,
    credential: Credential | None,
    profile: str | None,
    options: Mapping[str, object],
) -> ComfyUI:
    """Build a provider as an operator configured it; see `registry.build`.

    Options: `workflows` (paths of graphs by MODE or VARIANT.MODE), `instances` (addresses, in
    place of a base_url), `output_node` (whose film it is, where several save one), `fps` (16) and
    `frames_plus_one` (false) for the slots that count frames, `submit_timeout_s` (60) and
    `ask_timeout_s` (30). Files are read once, here.

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    if profile is not None:
        raise ValueError(f"comfyui has no profiles; got {profile!r}")
    asked = setting_in(base_url, options)
    instances = {
        address: Rest(address, credential, timeouts=asked.timeouts) for address in asked.instances
    }
    return ComfyUI(name, instances, asked.workflows, output_node=asked.output_node)


def prompt_id_of(token: str) -> str:
    """Name a prompt after the token of its submit, so that it can be looked for without an answer.

    >>> prompt_id_of("f" * 32) == prompt_id_of("f" * 32)
    True
    """
    return str(uuid5(_TOKENS, token))


class ComfyUI(Quiet):
    """ComfyUI servers that are alike: a submit goes to the one with the shortest queue."""

    def __init__(
        self,
        name: str,
        instances: Mapping[str, Rest],
        workflows: Workflows,
        *,
        output_node: str | None = None,
    ) -> None:
        self.name = name
        self._instances = dict(instances)
        self._workflows = workflows
        self._output_node = output_node
        self._under_way: Counter[str] = Counter()
        """Submits on their way: no queue tells them yet, and a burst would go to one instance."""

    async def submit(
        self,
        spec: Spec,
        *,
        upstream_model: str,
        token: str,
        assets: Assets,
        callback_url: str | None = None,  # noqa: ARG002 -- it calls nobody
    ) -> Ticket:
        """Queue a workflow, once; what comes before that queues nothing, whatever becomes of it."""
        prompt_id = prompt_id_of(token)
        told = self._workflows.told(spec, upstream_model, submit=prompt_id)
        parts = {slot: await _part(asset, assets) for slot, asset in told.files.items()}
        instance = await self._choose()
        self._under_way[instance] += 1
        try:
            rest = self._instances[instance]
            names = {slot: await self._upload(rest, part) for slot, part in parts.items()}
            graph = told.workflow.filled({**told.values, **names})
            body = {"prompt": graph, "prompt_id": prompt_id, "client_id": CLIENT_ID}
            answer = await rest.submit("/prompt", body=body)
        finally:
            self._under_way[instance] -= 1
        if not answer.is_success:
            raise verdict(answer, told.workflow, self._hidden)
        queued = (answer.json_object() or {}).get("prompt_id")
        if not isinstance(queued, str) or not _PROMPT_ID.fullmatch(queued):
            raise InDoubt(f"HTTP {answer.status} without a prompt_id")
        return {"instance": instance, "prompt_id": queued}

    async def check(self, ticket: Ticket) -> Outcome:
        """Look for a prompt in the queue of its instance, then in its history."""
        instance, prompt_id = self._at(ticket)
        match await _look(self._instances[instance], prompt_id):
            case None:
                raise NotThere("neither in the queue nor in the history")
            case Place.PENDING:
                return Working(0, LOOK_AGAIN_S)
            case Place.RUNNING:
                return Working(None, LOOK_AGAIN_S)
            case history:
                return outcome_of(
                    history, instance, output_node=self._output_node, hide=self._hidden
                )

    async def cancel(self, ticket: Ticket) -> CancelOutcome:
        """Take a prompt out of the queue, or interrupt it, and look whether it has stopped.

        A server that renders notices an interrupt only between two steps.
        """
        instance, prompt_id = self._at(ticket)
        rest = self._instances[instance]
        told: Place | None = None
        for _ in range(_STOPS_MAX + 1):  # what waits may begin to run between look and act
            standing = await _look(rest, prompt_id)
            if standing is None:
                return CancelOutcome.TOO_LATE if told is None else CancelOutcome.CANCELED
            if not isinstance(standing, Place):
                was_stopped = interrupted(standing)
                return CancelOutcome.CANCELED if was_stopped else CancelOutcome.TOO_LATE
            if standing is told:
                break
            path, body = _stop(standing, prompt_id)
            answer = await rest.ask("POST", path, body=body)
            if answer.status in _NO_VERB:
                return CancelOutcome.UNSUPPORTED
            if not answer.is_success:
                raise ignorance(answer)
            told = standing
        raise Unreachable("told to stop, and has not stopped yet")

    async def find(
        self,
        token: str,
        spec: Spec,  # noqa: ARG002 -- the id says all
        *,
        upstream_model: str,  # noqa: ARG002 -- it is known by no model
        since: datetime,  # noqa: ARG002 -- an id is of no age
    ) -> Search:
        """Look for the prompt at every instance; one that does not answer may be the one."""
        prompt_id = prompt_id_of(token)
        looks = await asyncio.gather(
            *(_try(_look(rest, prompt_id)) for rest in self._instances.values())
        )
        for instance, seen in zip(self._instances, looks, strict=True):
            if seen is not None and not isinstance(seen, Exception):
                return Found({"instance": instance, "prompt_id": prompt_id})
        for seen in looks:
            if isinstance(seen, Exception):
                raise seen
        return Absent()

    def open(self, film: Film) -> AbstractAsyncContextManager[Stream]:
        """Open a file among the outputs of an instance."""
        instance = self._instance_in(film)
        words = {key: film.get(key) for key in ("filename", "subfolder", "type")}
        if not all(isinstance(word, str) for word in words.values()):
            raise NotUnderstood("a film that is not ours")
        return _film(self._instances[instance], f"/view?{urlencode(words)}")

    async def close(self) -> None:
        """Let go of connections."""
        for rest in self._instances.values():
            await rest.close()

    @property
    def _hidden(self) -> tuple[str, ...]:
        return tuple({each for rest in self._instances.values() for each in rest.hidden})

    def _instance_in(self, handle: Mapping[str, object]) -> str:
        instance = handle.get("instance")
        if not isinstance(instance, str):
            raise NotUnderstood("a ticket that is not ours")
        if instance not in self._instances:
            raise NotThere("its instance is not configured any more")
        return instance

    def _at(self, ticket: Ticket) -> tuple[str, str]:
        instance, prompt_id = self._instance_in(ticket), ticket.get("prompt_id")
        if not isinstance(prompt_id, str) or not _PROMPT_ID.fullmatch(prompt_id):
            raise NotUnderstood("a ticket that is not ours")
        return instance, prompt_id

    async def _choose(self) -> str:
        """Return the instance with the least to do.

        Raises:
            Busy: none tells its queue.
        """
        lengths = await asyncio.gather(*(_try(_length(rest)) for rest in self._instances.values()))
        loads = {
            instance: length + self._under_way[instance]
            for instance, length in zip(self._instances, lengths, strict=True)
            if isinstance(length, int)
        }
        if not loads:
            raise Busy(f"not sent: no instance tells its queue: {lengths[0]}")
        return min(loads, key=lambda instance: loads[instance])

    async def _upload(self, rest: Rest, image: Part) -> str:
        """Put an image among an instance's inputs; return the name by which a node loads it.

        Raises:
            Busy, Refused: nothing is queued yet, so that is all an upload can come to.
        """
        words = [("type", (None, b"input", None)), ("subfolder", (None, FOLDER.encode(), None))]
        try:
            answer = await rest.submit("/upload/image", form=[image, *words])
        except InDoubt as doubt:
            raise Busy(f"not sent: no answer to an upload: {doubt.note}") from doubt
        if not answer.is_success:
            trouble = verdict(answer, None, self._hidden)
            if isinstance(trouble, InDoubt):
                raise Busy(f"not sent: an upload came to {trouble.note}")
            raise trouble
        body = answer.json_object() or {}
        name, folder = body.get("name"), body.get("subfolder") or ""
        if not isinstance(name, str) or not name or not isinstance(folder, str):
            raise Busy(f"not sent: HTTP {answer.status} without the name of an upload")
        return f"{folder}/{name}" if folder else name


async def _part(asset: Asset, assets: Assets) -> Part:
    """Read a caller's image before anything is sent; its name is that of its bytes."""
    if asset.blob is None:
        internal = Failure.of(Reason.INTERNAL)
        raise Refused(internal, Blame.HOUSE, note=f"the {asset.role} was not fetched")
    try:
        path = await assets.path_of(asset.blob)
        content = await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        note = f"not sent: the {asset.role} cannot be read: {type(error).__name__}"
        raise Busy(note) from error
    content_type = asset.content_type or "image/png"
    return "image", (f"{asset.blob}.{content_type.rpartition('/')[2]}", content, content_type)


# -- looking ------------------------------------------------------------------------------------


async def _try(act: Awaitable[T]) -> T | NotUnderstood | Unreachable:
    """Return what an instance says, or why it teaches nothing; others may be asked besides."""
    try:
        return await act
    except (NotUnderstood, Unreachable) as trouble:
        return trouble


async def _look(rest: Rest, prompt_id: str) -> Standing:
    """Look for a prompt in the queue of an instance, then in its history."""
    place = place_in(await rest.ask("GET", "/queue"), prompt_id)
    if place is not None:
        return place
    return history_in(await rest.ask("GET", f"/history/{quote(prompt_id, safe='')}"), prompt_id)


async def _length(rest: Rest) -> int:
    try:
        async with asyncio.timeout(SURVEY_S):
            return length_in(await rest.ask("GET", "/queue"))
    except TimeoutError as error:
        raise Unreachable("no answer in time") from error


def _stop(place: Place, prompt_id: str) -> tuple[str, Mapping[str, object]]:
    if place is Place.PENDING:
        return "/queue", {"delete": [prompt_id]}
    return "/interrupt", {"prompt_id": prompt_id}


@asynccontextmanager
async def _film(rest: Rest, path: str) -> AsyncIterator[Stream]:
    """Open a file; one that is not on its disk now was removed, and does not come back."""
    try:
        async with rest.film(path) as stream:
            yield stream
    except NotThere as error:
        raise FilmLost(str(error)) from error
