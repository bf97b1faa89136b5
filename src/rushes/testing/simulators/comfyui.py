"""A ComfyUI server, as its protocol describes it, with faults by script.

It queues graphs and runs them one after another by the clock: pending, running, then in the
history, where SaveVideo and its like have files that /view gives away. It keeps a prompt_id that
it is given, and queues it again when it is given again. Uploads and films are files: a restart
forgets the queue and the history, and leaves them. Whatever is asked, /api in front of it is
the same. It has no key, unless told: the proxy in front of it then has one.

Verbs of a script: connect (a POST /prompt whose body is not read yet), create (POST /prompt),
upload (POST /upload/image), queue (GET /queue), history (GET /history/ID), delete (POST /queue),
interrupt (POST /interrupt), view (GET /view). Faults for every verb: the names in REPLIES
(value: more headers), answer (value: status, body, headers), drop, hang, half (breaks off), slow
(value: seconds). For create also echo (a refusal that quotes prompt and key) and the fates of a
job: fail (value: exception_type and exception_message), never_ends, skip_states (never seen
running), no_content (its film is no file). For queue: hide (tells no job), regress (what runs is
told as pending), unknown_word (value: what runs or waits is told as queue_VALUE), restart. For
history: hide, unknown_word (value: the word), forget (for good), restart. For delete and
interrupt: overtaken (the job is done before it can be stopped). For view: short, empty,
html_as_video, elsewhere (value: an address).

    rushes simulate comfyui --port 8188 --render-s 3 \
        --script '{"seed": 7, "rules": [{"on": "history", "fault": "restart", "chance": 0.1}]}'
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from rushes.clock import Clock
from rushes.testing.simulators.comfyui_graphs import (
    REPLIES,
    Graph,
    objection,
    outputs_of,
    refused,
    saved_by,
    text_of,
    where,
)
from rushes.testing.simulators.command import Command, serve
from rushes.testing.simulators.films import tiny_film
from rushes.testing.simulators.host import Exchange, Reply
from rushes.testing.simulators.jobs import Fields, Job, Pace, Phase
from rushes.testing.simulators.script import RequestLog, Script
from rushes.testing.simulators.upstream import (
    SimulatedUpstream,
    film_reply,
    has_bearer,
    json_fields,
)

BROKE: Final = {
    "exception_type": "torch.OutOfMemoryError",
    "exception_message": "Allocation on device 0 would exceed allowed memory.",
}
BENT_QUEUES: Final = frozenset({"hide", "regress", "unknown_word"})
BENT_VIEWS: Final = frozenset({"short", "empty", "html_as_video", "elsewhere"})
LOSSES: Final = frozenset({"forget", "restart"})
BENT: Final = BENT_QUEUES | BENT_VIEWS | LOSSES | {"echo", "overtaken"}

NEVER: Final = datetime.max.replace(tzinfo=UTC)

File = tuple[str, str, str]
"""A file by its folder (`output`), subfolder and name."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a simulated server behaves while nothing goes wrong.

    `key` is the one that opens, None for no key at all. `models` are the model files it has;
    empty means any. `at_once` is how many jobs run at a time, None for all: more than one is no
    ComfyUI, but saves arithmetic where a test is about something else. `stop_s` is how long a
    running job takes to notice that it was interrupted.
    """

    pace: Pace = field(default_factory=Pace)
    key: str | None = None
    models: frozenset[str] = frozenset()
    at_once: int | None = 1
    stop_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """When a job runs; `is_stopped` if it was interrupted before its end."""

    begins_at: datetime
    ends_at: datetime
    is_stopped: bool = False


class ComfyUIServer(SimulatedUpstream):
    """The ASGI application."""

    verbs = frozenset(
        {"connect", "create", "upload", "queue", "history", "delete", "interrupt", "view"}
    )
    bent = BENT
    replies = REPLIES

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        script: Script | None = None,
        log: RequestLog | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.images: dict[str, bytes] = {}
        self.kept: set[File] = set()
        self.numbers: dict[str, int] = {}
        self.forgotten: set[str] = set()
        self.ends: dict[str, tuple[datetime, bool]] = {}
        super().__init__(pace=self.settings.pace, clock=clock, script=script, log=log)

    async def route(self, parts: Sequence[str], request: Request, exchange: Exchange) -> None:
        """Answer a request by the parts of its path."""
        if not self.opens(request):
            await exchange.answer(REPLIES["unauthorized"])
            return
        parts = parts[1:] if parts[0] == "api" else parts
        if request.method == "POST":
            await self._post(parts, request, exchange)
        else:
            await self._get(parts, request.query_params, exchange)

    async def _post(self, parts: Sequence[str], request: Request, exchange: Exchange) -> None:
        match parts:
            case ["prompt"]:
                await self.create(request, exchange)
            case ["upload", "image"]:
                await self._upload(request, exchange)
            case ["queue"]:
                await self._delete(await json_fields(request), exchange)
            case ["interrupt"]:
                await self._interrupt(await json_fields(request), exchange)
            case _:
                await exchange.answer(REPLIES["unsupported"])

    async def _get(
        self, parts: Sequence[str], query: Mapping[str, str], exchange: Exchange
    ) -> None:
        match parts:
            case ["prompt"]:
                left = len(self._in(Phase.WAITING, Phase.RENDERING))
                await exchange.answer(Reply.of(200, {"exec_info": {"queue_remaining": left}}))
            case ["queue"]:
                await self._queue(exchange)
            case ["history"]:
                await self._history(None, exchange)
            case ["history", prompt_id]:
                await self._history(prompt_id, exchange)
            case ["view"]:
                await self._view(query, exchange)
            case _:
                await exchange.answer(REPLIES["not_found"])

    def opens(self, request: Request) -> bool:
        """Say whether a request has the key, where there is one."""
        return self.settings.key is None or has_bearer(request, self.settings.key)

    def restart(self) -> None:
        """Forget queue and history; what lies on the disk stays."""
        self.kept = self.files()
        self.ends.clear()
        super().restart()

    # -- create ------------------------------------------------------------------------

    async def fields_of(self, request: Request) -> Fields:
        """Read a JSON object."""
        return await json_fields(request)

    def prompt_of(self, fields: Fields) -> str:
        """Return the text that a graph encodes."""
        return text_of(fields.get("prompt"))

    def objection(self, fields: Fields) -> Reply | None:
        """Check a graph."""
        return objection(fields, images=self.images, models=self.settings.models)

    def new_id(self, fields: Fields) -> str:
        """Name a job by its prompt_id; one that is queued again is another job."""
        prompt_id = str(fields.get("prompt_id") or uuid4())
        job_id = f"{prompt_id}#{self.count}" if prompt_id in self.jobs else prompt_id
        self.numbers[job_id] = self.count
        return job_id

    def created(self, job: Job) -> Reply:
        """Answer with the id under which it is queued, and its number."""
        told = {"prompt_id": _prompt_id(job), "number": self.count, "node_errors": {}}
        return Reply.of(200, told)

    def echo(self, fields: Fields, request: Request) -> Reply:
        """Refuse with a sentence that quotes whatever it should not."""
        quotes = (text_of(fields.get("prompt")), request.headers.get("authorization"), request.url)
        message = "We do not like {!r}, asked for with {!r} at {}.".format(*quotes)
        return refused("prompt_outputs_failed_validation", message, details=message)

    # -- jobs by the clock -------------------------------------------------------------

    def runs(self) -> dict[str, Run]:
        """Say when each job runs: in order, and no more at once than there is room for."""
        runs: dict[str, Run] = {}
        pace, room = self.settings.pace, self.settings.at_once
        for job in self.jobs.values():
            begins_at = job.created_at + timedelta(seconds=pace.queue_s)
            before = sorted(run.ends_at for run in runs.values())
            if room is not None and len(before) >= room:
                begins_at = max(begins_at, before[-room])
            ends_at = NEVER
            if begins_at < NEVER and not job.has_fate("never_ends"):
                ends_at = begins_at + timedelta(seconds=pace.render_s)
            early_at, is_stopped = self.ends.get(job.id, (ends_at, False))
            is_early = early_at < ends_at
            runs[job.id] = Run(begins_at, min(ends_at, early_at), is_stopped and is_early)
        return runs

    def stand(self, job: Job) -> tuple[Phase, int]:
        """Return where a job stands now; how far it is, nobody is told."""
        run, now = self.runs()[job.id], self.clock.now()
        if now >= run.ends_at:
            return (Phase.BROKEN if run.is_stopped or job.has_fate("fail") else Phase.DONE), 100
        is_seen = now >= run.begins_at and not job.has_fate("skip_states")
        return (Phase.RENDERING if is_seen else Phase.WAITING), 0

    def files(self) -> set[File]:
        """Return what lies on the disk: all that finished jobs have saved."""
        files = set(self.kept)
        for job in self.jobs.values():
            if self.stand(job)[0] is Phase.DONE and not job.has_fate("no_content"):
                files.update(
                    (file["type"], file["subfolder"], file["filename"])
                    for told in saved_by(_graph(job), self.numbers[job.id]).values()
                    for items in told.values()
                    for file in items
                    if isinstance(file, dict)
                )
        return files

    def _in(self, *phases: Phase) -> list[Job]:
        known = (job for job in self.jobs.values() if job.id not in self.forgotten)
        return [job for job in known if self.stand(job)[0] in phases]

    # -- look --------------------------------------------------------------------------

    async def _queue(self, exchange: Exchange) -> None:
        rule = self.script.strike("queue")
        fault = rule.fault if rule else ""
        if fault == "restart":
            self.restart()
        running, pending = self._in(Phase.RENDERING), self._in(Phase.WAITING)
        queue = {"queue_running": running, "queue_pending": pending}
        match fault:
            case "hide":
                queue = {"queue_running": [], "queue_pending": []}
            case "regress":
                queue = {"queue_running": [], "queue_pending": [*running, *pending]}
            case "unknown_word":
                word = str((rule.value if rule else None) or "paused")
                told = [*running, *pending]
                queue = {"queue_running": [], "queue_pending": [], f"queue_{word}": told}
        body = {name: [self._item(job) for job in jobs] for name, jobs in queue.items()}
        is_told = fault in BENT_QUEUES | LOSSES
        await self.spoil(None if is_told else rule, Reply.of(200, body), exchange)

    def _item(self, job: Job) -> list[object]:
        """Describe a job as the queue has it: number, id, graph, more, and what it will save."""
        more = {key: job.fields[key] for key in ("client_id",) if key in job.fields}
        graph = _graph(job)
        return [self.numbers[job.id], _prompt_id(job), graph, more, outputs_of(graph)]

    async def _history(self, prompt_id: str | None, exchange: Exchange) -> None:
        over = self._in(Phase.DONE, Phase.BROKEN)
        chosen = [job for job in over if prompt_id in {None, _prompt_id(job)}]
        rule = self.script.strike("history", chosen[-1].prompt if chosen else "")
        fault = rule.fault if rule else ""
        if fault == "restart":
            self.restart()
        if fault == "forget":
            self.forgotten.update(job.id for job in chosen)
        body = {_prompt_id(job): self._entry(job) for job in chosen}
        if fault in LOSSES | {"hide"}:
            body, rule = {}, None
        if rule is not None and fault == "unknown_word":
            status = {"status_str": rule.value or "pondering"}
            body = {told: entry | {"status": status} for told, entry in body.items()}
            rule = None
        await self.spoil(rule, Reply.of(200, body), exchange)

    def _entry(self, job: Job) -> dict[str, Any]:
        """Describe a job as the history has it."""
        is_done = self.stand(job)[0] is Phase.DONE
        messages: dict[str, dict[str, object]] = {"execution_start": {}}
        if is_done:
            messages["execution_success"] = {}
        elif self.runs()[job.id].is_stopped:
            messages["execution_interrupted"] = where(_graph(job))
        else:
            broke = (job.fate.value if job.fate else None) or BROKE
            messages["execution_error"] = where(_graph(job)) | broke
        told = [[name, {"prompt_id": _prompt_id(job), **more}] for name, more in messages.items()]
        word = "success" if is_done else "error"
        return {
            "prompt": self._item(job),
            "outputs": saved_by(_graph(job), self.numbers[job.id]) if is_done else {},
            "status": {"status_str": word, "completed": is_done, "messages": told},
        }

    # -- stop --------------------------------------------------------------------------

    async def _delete(self, wish: Mapping[str, object], exchange: Exchange) -> None:
        """Take out of the queue what has not begun: all of it, or one for each id."""
        rule = self.script.strike("delete")
        pending = self._in(Phase.WAITING)
        listed = wish.get("delete")
        chosen = pending if wish.get("clear") else []
        for prompt_id in listed if isinstance(listed, list) else []:
            chosen += [job for job in pending if _prompt_id(job) == prompt_id][:1]
        if rule is not None and rule.fault == "overtaken":
            self._finish(chosen)
            rule = None
        elif rule is None or rule.spares:
            for job in chosen:
                self.jobs.pop(job.id, None)
        await self.spoil(rule, Reply(200), exchange)

    async def _interrupt(self, wish: Mapping[str, object], exchange: Exchange) -> None:
        """Interrupt what runs: the prompt that is named, or any."""
        rule = self.script.strike("interrupt")
        running = self._in(Phase.RENDERING)
        chosen = [job for job in running if wish.get("prompt_id") in {None, _prompt_id(job)}]
        if rule is not None and rule.fault == "overtaken":
            self._finish(chosen)
            rule = None
        elif rule is None or rule.spares:
            at = self.clock.now() + timedelta(seconds=self.settings.stop_s)
            for job in chosen:
                self.ends.setdefault(job.id, (at, True))
        await self.spoil(rule, Reply(200), exchange)

    def _finish(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            self.ends[job.id] = (self.clock.now(), False)

    # -- files -------------------------------------------------------------------------

    async def _upload(self, request: Request, exchange: Exchange) -> None:
        """Keep an image among the inputs, under another name where that is taken by another."""
        rule = self.script.strike("upload")
        try:
            async with request.form() as form:
                image = form.get("image")
                content = await image.read() if isinstance(image, UploadFile) else b""
                name = (image.filename if isinstance(image, UploadFile) else None) or ""
                told = {key: value for key, value in form.items() if isinstance(value, str)}
        except MultiPartException:
            name, content, told = "", b"", {}
        if not name:
            await self.spoil(rule, Reply(400), exchange)
            return
        folder, stem = told.get("subfolder", ""), name
        number = 0
        while self.images.get(path := f"{folder}/{name}".lstrip("/"), content) != content:
            if told.get("overwrite") in {"true", "1"}:
                break
            number += 1
            head, dot, tail = stem.rpartition(".")
            name = f"{head} ({number}){dot}{tail}"
        if rule is None or rule.spares:
            self.images[path] = content
        body = {"name": name, "subfolder": folder, "type": told.get("type", "input")}
        await self.spoil(rule, Reply.of(200, body), exchange)

    async def _view(self, query: Mapping[str, str], exchange: Exchange) -> None:
        rule = self.script.strike("view")
        name = query.get("filename", "")
        file = (query.get("type", "output"), query.get("subfolder", ""), name)
        good = REPLIES["not_found"]
        if ".." in "".join(file) or name.startswith("/"):
            good = Reply(400)
        elif file in self.files():
            good = Reply(200, tiny_film(), {"content-type": "video/mp4"})
        bent = film_reply(rule, good)
        if bent is not None:
            await exchange.answer(bent)
        elif rule is not None and rule.fault == "short":
            await exchange.answer_short(good)
        else:
            await self.spoil(rule, good, exchange)


def _graph(job: Job) -> Graph:
    graph = job.fields["prompt"]
    return graph if isinstance(graph, dict) else {}


def _prompt_id(job: Job) -> str:
    return job.id.partition("#")[0]


def _told(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stop-s", type=float, default=Settings().stop_s)


def _made(command: Command) -> ComfyUIServer:
    settings = Settings(pace=command.pace, key=command.told.key, stop_s=command.told.stop_s)
    return ComfyUIServer(
        clock=command.clock, script=command.script, log=command.log, settings=settings
    )


def main(words: Sequence[str] | None = None) -> None:
    """Serve until told to stop; the port is the first line on standard output."""
    serve("A simulated ComfyUI server.", _made, more=_told, words=words)


if __name__ == "__main__":
    main()
