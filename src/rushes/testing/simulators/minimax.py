"""MiniMax's video API, its first version, simulated: written from its protocol, faults by script.

Errors stand inside HTTP 200. A task that is done has a file; a file is asked for its link, which
is at a host of its own (`localhost`), takes no key, and ends after an hour. Each time a file is
asked for it has a new link; that this is so, and that a file stays, is guessed.

Not known, and guessed here: what is said of a task that is not known (2013); what stands beside
`Fail` (the code in base_resp, 0 for a plain break).

Verbs of a script: connect (a create whose body is not read yet), create, look, retrieve, film.
Faults for every verb and the fates of a job: see `upstream`; the value of fail is a code. For
create also echo. For look: regress, unknown_word (value: the word), job_error (value: an HTTP
status), bare (what failed is told without its status). For retrieve: no_link, other_file. For
film: empty, html_as_video, elsewhere (value: an address).

    rushes simulate minimax --port 0 --render-s 3
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Final

from starlette.requests import Request

from rushes.clock import Clock
from rushes.testing.simulators.command import Command, serve
from rushes.testing.simulators.films import tiny_film
from rushes.testing.simulators.host import Exchange, Reply
from rushes.testing.simulators.jobs import Fields, Job, Pace, Phase, said
from rushes.testing.simulators.minimax_errors import REPLIES, base_resp, error, refusal
from rushes.testing.simulators.minimax_wishes import objection
from rushes.testing.simulators.script import RequestLog, Rule, Script
from rushes.testing.simulators.upstream import (
    SimulatedUpstream,
    film_reply,
    has_bearer,
    json_fields,
)

HELD_TO: Final = "minimax-mcp 0.0.19"
STATES: Final[Mapping[Phase, str]] = {
    Phase.WAITING: "Queueing",
    Phase.RENDERING: "Processing",
    Phase.DONE: "Success",
    Phase.BROKEN: "Fail",
}
LINK_S: Final = 3600.0
FILES_FROM: Final = 10**9
"""How far the number of a file is from that of its task."""

BENT_LOOKS: Final = frozenset({"regress", "unknown_word", "job_error", "bare"})
BENT_FILES: Final = frozenset({"no_link", "other_file"})
BENT_FILMS: Final = frozenset({"empty", "html_as_video", "elsewhere"})


class MiniMaxServer(SimulatedUpstream):
    """The ASGI application."""

    verbs = frozenset({"connect", "create", "look", "retrieve", "film"})
    bent = BENT_LOOKS | BENT_FILES | BENT_FILMS | {"echo"}
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
    ) -> None:
        super().__init__(pace=pace or Pace(), clock=clock, script=script, log=log)
        self.key = key
        self.film_host = film_host

    async def route(self, parts: Sequence[str], request: Request, exchange: Exchange) -> None:
        """Answer a request by the parts of its path; a film needs its link and no key."""
        match request.method, parts:
            case "GET", ["films", job_id, "output.mp4"]:
                await self._film(job_id, request, exchange)
            case _ if not self.opens(request):
                await exchange.answer(REPLIES["unauthorized"])
            case "POST", ["v1", "video_generation"]:
                await self.create(request, exchange)
            case "GET", ["v1", "query", "video_generation"]:
                await self._look(request.query_params.get("task_id", ""), exchange)
            case "GET", ["v1", "files", "retrieve"]:
                await self._retrieve(request, exchange)
            case _:
                await exchange.answer(Reply(404, b"404 page not found"))

    def opens(self, request: Request) -> bool:
        """Say whether a request has the key."""
        return has_bearer(request, self.key)

    # -- create ------------------------------------------------------------------------

    async def fields_of(self, request: Request) -> Fields:
        """Read a JSON object."""
        return await json_fields(request)

    def prompt_of(self, fields: Fields) -> str:
        """Return the prompt of a create."""
        return said(fields, "prompt")

    def objection(self, fields: Fields) -> Reply | None:
        """Check a create as the protocol asks."""
        return objection(fields)

    def new_id(self, fields: Fields) -> str:
        """Name a task by fifteen digits or so, as text."""
        return str(10**14 + int(self.prefix[:8], 16) * 10**4 + self.count)

    def created(self, job: Job) -> Reply:
        """Answer a create that was accepted."""
        return error(0, task_id=job.id)

    def echo(self, fields: Fields, request: Request) -> Reply:
        """Refuse with a sentence that quotes whatever it should not."""
        quotes = (said(fields, "prompt"), request.headers["authorization"], request.url)
        return refusal(2013, "invalid params: {!r}, {!r}, {}.".format(*quotes))

    # -- look, file, film --------------------------------------------------------------

    async def _look(self, job_id: str, exchange: Exchange) -> None:
        job = self.jobs.get(job_id)
        rule = self.script.strike("look", job.prompt if job else "")
        if job is None:
            await self.spoil(rule, REPLIES["not_found"], exchange)
            return
        told = self._told(job)
        if rule is None or rule.fault not in BENT_LOOKS:
            await self.spoil(rule, Reply.of(200, told), exchange)
            return
        await exchange.answer(_bent(rule, told))

    def _told(self, job: Job) -> dict[str, object]:
        phase = self.stand(job)[0]
        is_done, is_broken = phase is Phase.DONE, phase is Phase.BROKEN
        code = job.fate.value if is_broken and job.fate else None
        return {
            "task_id": job.id,
            "status": STATES[phase],
            "file_id": _file_of(job) if is_done else "",
            "video_width": 1366 if is_done else 0,
            "video_height": 768 if is_done else 0,
            "base_resp": base_resp(code if isinstance(code, int) else 0),
        }

    async def _retrieve(self, request: Request, exchange: Exchange) -> None:
        file_id = request.query_params.get("file_id", "")
        job = next((job for job in self.jobs.values() if _file_of(job) == file_id), None)
        rule = self.script.strike("retrieve", job.prompt if job else "")
        if job is None or self.stand(job)[0] is not Phase.DONE:
            await self.spoil(rule, REPLIES["not_found"], exchange)
            return
        file = self._file(job, request.scope["server"][1])
        if rule is not None and rule.fault in BENT_FILES:
            other = {"download_url": ""} if rule.fault == "no_link" else {"file_id": 7}
            file, rule = file | other, None
        await self.spoil(rule, error(0, file=file), exchange)

    def _file(self, job: Job, port: int) -> dict[str, object]:
        """Describe a file; here its id is a number."""
        ends = int(self.clock.now().timestamp() + LINK_S)
        link = (
            f"http://{self.film_host}:{port}/films/{job.id}/output.mp4?Expires={ends}&Signature=s"
        )
        return {
            "file_id": int(_file_of(job)),
            "bytes": 0,  # as was recorded
            "created_at": int(job.created_at.timestamp()),
            "filename": "output.mp4",
            "purpose": "video_generation",
            "download_url": link,
        }

    async def _film(self, job_id: str, request: Request, exchange: Exchange) -> None:
        job, rule = self.jobs.get(job_id), self.script.strike("film")
        is_there = job is not None and not job.has_fate("no_content")
        ends = float(request.query_params.get("Expires", "0"))
        film = Reply(200, tiny_film(), {"content-type": "video/mp4"})
        good = film if is_there else Reply(404, b"NoSuchKey", {"content-type": "application/xml"})
        if ends <= self.clock.now().timestamp():
            good = REPLIES["forbidden"]
        if rule is not None and rule.fault == "not_found":  # this host knows of no base_resp
            good, rule = Reply(404, b"NoSuchKey", {"content-type": "application/xml"}), None
        bent = film_reply(rule, good)
        if bent is not None:
            await exchange.answer(bent)
        else:
            await self.spoil(rule, good, exchange)


def _file_of(job: Job) -> str:
    return str(int(job.id) + FILES_FROM)


def _bent(rule: Rule, told: dict[str, object]) -> Reply:
    match rule.fault:
        case "regress":
            return Reply.of(200, told | {"status": "Preparing"})
        case "unknown_word":
            return Reply.of(200, told | {"status": rule.value or "Pondering"})
        case "bare":
            return Reply.of(200, {"task_id": "", "base_resp": told["base_resp"]})
        case _:  # job_error: the task in the body, a failure in the status line
            return Reply.of(int(rule.value or 500), told)


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--film-host", default="localhost", help="where films are")


def _made(command: Command) -> MiniMaxServer:
    return MiniMaxServer(
        clock=command.clock,
        script=command.script,
        log=command.log,
        pace=command.pace,
        key=command.told.key,
        film_host=command.told.film_host,
    )


def main(words: Sequence[str] | None = None) -> None:
    """Serve until told to stop; the port is the first line on standard output."""
    serve("A simulated MiniMax.", _made, more=_more, words=words)


if __name__ == "__main__":
    main()
