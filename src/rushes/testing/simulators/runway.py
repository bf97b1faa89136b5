"""Runway's developer API, simulated: written from its protocol, with faults by script.

A task waits and runs by the clock. Where more than `concurrency` are not over, a later one that
waits says THROTTLED. Films are on a host of their own (`localhost`), by signed links that take
no key and end a day after the look that told them. A task that was stopped or deleted is not
there any more, and neither is its film.

Not known, and guessed here: that a request without a version is refused (400); the words of a
link that has ended (403, as of CloudFront); how long a task is kept (for ever).

Verbs of a script: connect (a create whose body is not read yet), create, look, stop, film.
Faults for every verb, and the fates of a job: see `upstream`; the value of fail is {failure,
failureCode}. For create also echo. For look: regress, unknown_word (value: the word), cancelled,
job_error (value: an HTTP status). For film: empty, html_as_video, elsewhere (value: an address).

    rushes simulate runway --port 0 --render-s 3
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from starlette.requests import Request

from rushes.clock import Clock
from rushes.testing.simulators.command import Command, serve
from rushes.testing.simulators.films import tiny_film
from rushes.testing.simulators.host import Exchange, Reply
from rushes.testing.simulators.jobs import Fields, Job, Pace, Phase, said
from rushes.testing.simulators.runway_bodies import WANTS, issues_with
from rushes.testing.simulators.runway_errors import REPLIES, error, unfit
from rushes.testing.simulators.script import RequestLog, Rule, Script
from rushes.testing.simulators.upstream import (
    SimulatedUpstream,
    film_reply,
    has_bearer,
    json_fields,
)

HELD_TO: Final = "runwayml 5.24.0"
VERSION: Final = "2024-11-06"
STATES: Final[Mapping[Phase, str]] = {
    Phase.WAITING: "PENDING",
    Phase.RENDERING: "RUNNING",
    Phase.DONE: "SUCCEEDED",
    Phase.BROKEN: "FAILED",
}
BROKE: Final = {"failure": "An unexpected error occurred.", "failureCode": "INTERNAL"}
CREDITS_A_SECOND: Final[Mapping[str, int]] = {"gen4_turbo": 5, "veo3.1": 40, "veo3.1_fast": 15}
CREDITS_A_SECOND_ELSE: Final = 12
LINK_S: Final = 24 * 3600.0
BENT_LOOKS: Final = frozenset({"regress", "unknown_word", "cancelled", "job_error"})
BENT_FILMS: Final = frozenset({"empty", "html_as_video", "elsewhere"})


class RunwayServer(SimulatedUpstream):
    """The ASGI application."""

    verbs = frozenset({"connect", "create", "look", "stop", "film"})
    bent = BENT_LOOKS | BENT_FILMS | {"echo"}
    replies = REPLIES

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        script: Script | None = None,
        log: RequestLog | None = None,
        pace: Pace | None = None,
        key: str | None = None,
        film_host: str = "localhost",
        concurrency: int = 20,
    ) -> None:
        super().__init__(pace=pace or Pace(), clock=clock, script=script, log=log)
        self.key = key
        self.film_host = film_host
        self.concurrency = concurrency

    async def route(self, parts: Sequence[str], request: Request, exchange: Exchange) -> None:
        """Answer a request by the parts of its path."""
        match request.method, parts:
            case "GET", ["files", name]:
                await self._film(name.removesuffix(".mp4"), request, exchange)
            case _ if not self.opens(request):
                await exchange.answer(REPLIES["unauthorized"])
            case _ if request.headers.get("x-runway-version") != VERSION:
                await exchange.answer(error(400, "The X-Runway-Version header is not valid."))
            case "POST", ["v1", endpoint] if endpoint in WANTS:
                request.scope["endpoint"] = endpoint
                await self.create(request, exchange)
            case "GET", ["v1", "tasks", job_id]:
                await self._look(job_id, request, exchange)
            case "DELETE", ["v1", "tasks", job_id]:
                await self._stop(job_id, exchange)
            case _:
                await exchange.answer(error(404, f"Cannot {request.method} {request.url.path}"))

    def opens(self, request: Request) -> bool:
        """Say whether a request has the key."""
        return has_bearer(request, self.key)

    # -- create ------------------------------------------------------------------------

    async def fields_of(self, request: Request) -> Fields:
        """Read a JSON object, and put beside it which endpoint was asked."""
        return {**await json_fields(request), "_endpoint": request.scope["endpoint"]}

    def prompt_of(self, fields: Fields) -> str:
        """Return the prompt of a create."""
        return said(fields, "promptText")

    def objection(self, fields: Fields) -> Reply | None:
        """Check a create as the API does."""
        body = {name: value for name, value in fields.items() if not name.startswith("_")}
        issues = issues_with(said(fields, "_endpoint"), body)
        return unfit(issues) if issues else None

    def new_id(self, fields: Fields) -> str:
        """Name a task."""
        return str(uuid5(NAMESPACE_URL, f"{self.prefix} {self.count}"))

    def created(self, job: Job) -> Reply:
        """Answer a create that was accepted."""
        return Reply.of(200, {"id": job.id, "estimatedCost": {"credits": _credits(job)}})

    def echo(self, fields: Fields, request: Request) -> Reply:
        """Refuse with a sentence that quotes whatever it should not."""
        quotes = (said(fields, "promptText"), request.headers["authorization"], request.url)
        message = "We do not like {!r}, {!r}, {}.".format(*quotes)
        return unfit([{"code": "custom", "path": ["promptText"], "message": message}])

    # -- look, stop, film ----------------------------------------------------------------

    async def _look(self, job_id: str, request: Request, exchange: Exchange) -> None:
        job = self.jobs.get(job_id)
        rule = self.script.strike("look", job.prompt if job else "")
        if job is None:
            await self.spoil(rule, REPLIES["not_found"], exchange)
            return
        task = self.task(job, request.scope["server"][1])
        if rule is not None and rule.fault in BENT_LOOKS:
            await exchange.answer(_bent(rule, task))
            return
        await self.spoil(rule, Reply.of(200, task), exchange)

    def task(self, job: Job, port: int) -> dict[str, object]:
        """Describe a task as a look does."""
        phase, percent = self.stand(job)
        created_at = job.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        task: dict[str, object] = {
            "id": job.id,
            "createdAt": created_at,
            "status": STATES[phase],
            "cost" if phase.is_over else "estimatedCost": {"credits": _credits(job)},
        }
        match phase:
            case Phase.WAITING if self._is_throttled(job):
                task["status"] = "THROTTLED"
            case Phase.RENDERING:
                task["progress"] = percent / 100
            case Phase.DONE:
                signed = f"{self.clock.now().timestamp():.0f}"
                place = f"http://{self.film_host}:{port}/files/{job.id}.mp4"
                task["output"] = [f"{place}?_jwt={signed}"]
            case Phase.BROKEN:
                value = job.fate.value if job.fate else None
                task |= {**(value if isinstance(value, dict) else BROKE), "cost": {"credits": 0}}
        return task

    def _is_throttled(self, job: Job) -> bool:
        busy = [one.id for one in self.jobs.values() if not self.stand(one)[0].is_over]
        return job.id in busy[self.concurrency :]

    async def _stop(self, job_id: str, exchange: Exchange) -> None:
        job, rule = self.jobs.get(job_id), self.script.strike("stop")
        if rule is not None and not rule.spares:
            await self.spoil(rule, REPLIES["server_error"], exchange)
        elif job is None:
            await exchange.answer(REPLIES["not_found"])
        else:
            del self.jobs[job_id]  # also one that is over: it is deleted with its film
            await self.spoil(rule, Reply(204), exchange)

    async def _film(self, job_id: str, request: Request, exchange: Exchange) -> None:
        job, rule = self.jobs.get(job_id), self.script.strike("film")
        signed = request.query_params.get("_jwt", "")
        is_open = signed.isdigit() and self.clock.now().timestamp() - int(signed) < LINK_S
        film = Reply(200, tiny_film(), {"content-type": "video/mp4"})
        if not is_open:
            good = Reply(403, b"<Error><Code>AccessDenied</Code></Error>", _AS_XML)
        elif job is None or job.has_fate("no_content"):
            good = Reply(404, b"Not found", {"content-type": "text/plain"})
        else:
            good = film
        bent = film_reply(rule, good)
        if bent is not None:
            await exchange.answer(bent)
        else:
            await self.spoil(rule, good, exchange)


_AS_XML: Final = {"content-type": "application/xml"}


def _credits(job: Job) -> int:
    """Return what a task costs; one whose length Runway chooses, at most."""
    seconds = job.fields.get("duration")
    model = job.said("model")
    rate = CREDITS_A_SECOND.get(model, CREDITS_A_SECOND_ELSE)
    return rate * (seconds if isinstance(seconds, int) else 15)


def _bent(rule: Rule, task: dict[str, object]) -> Reply:
    match rule.fault:
        case "regress":
            return Reply.of(200, task | {"status": "PENDING"})
        case "cancelled":
            return Reply.of(200, task | {"status": "CANCELLED"})
        case "unknown_word":
            return Reply.of(200, task | {"status": rule.value or "PONDERING"})
        case _:  # job_error: the task in the body, a failure in the status line
            return Reply.of(int(rule.value or 500), task)


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--film-host", default="localhost", help="where films are")
    parser.add_argument("--concurrency", type=int, default=20, help="how many tasks run at once")


def _made(command: Command) -> RunwayServer:
    return RunwayServer(
        clock=command.clock,
        script=command.script,
        log=command.log,
        pace=command.pace,
        key=command.told.key,
        film_host=command.told.film_host,
        concurrency=command.told.concurrency,
    )


def main(words: Sequence[str] | None = None) -> None:
    """Serve until told to stop; the port is the first line on standard output."""
    serve("A simulated Runway.", _made, more=_more, words=words)


if __name__ == "__main__":
    main()
