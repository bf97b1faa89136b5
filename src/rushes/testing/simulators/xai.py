"""Grok Imagine of xAI, simulated: written from its protocol, with faults by script.

It takes POST .../videos/generations and GET .../videos/{request_id} under any prefix, as `/v1`.
Jobs are made by the clock. Films are on a host of their own (`localhost`), by links that take no
key and are good for 24 hours; a look after that tells of an expired job.

Not known, and guessed here: how a look at an unknown job is answered (404), that a pending one is
answered with 202, the codes of failed jobs but `internal_error`, and when a job is told as
expired.

Verbs of a script: connect (a create whose body is not read yet), create, look, film. Faults for
every verb and the fates of a job: see `upstream`; the value of fail is the error, {code, message}.
For create also echo. For look: regress, unknown_word (value: the word), job_error (value: an HTTP
status; the sentence says that the film is not fit), blocked (done, but not fit), no_video, bare
(done, without a status). For film: empty, html_as_video, elsewhere (value: an address).

    rushes simulate xai --port 0 --render-s 3
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from starlette.requests import Request

from rushes.clock import Clock
from rushes.testing.simulators.command import Command, serve
from rushes.testing.simulators.films import tiny_film
from rushes.testing.simulators.host import Exchange, Reply
from rushes.testing.simulators.jobs import Fields, Job, Pace, Phase, said
from rushes.testing.simulators.script import RequestLog, Rule, Script
from rushes.testing.simulators.upstream import (
    SimulatedUpstream,
    film_reply,
    has_bearer,
    json_fields,
)
from rushes.testing.simulators.xai_errors import REPLIES, UNFIT, error
from rushes.testing.simulators.xai_wishes import objection

STATES: Final[Mapping[Phase, str]] = {
    Phase.WAITING: "pending",
    Phase.RENDERING: "pending",
    Phase.DONE: "done",
    Phase.BROKEN: "failed",
}
BROKE: Final = {"code": "internal_error", "message": "The video could not be generated."}
LINK_S: Final = 24 * 3600
SECONDS_DEFAULT: Final = 8
TICKS_A_SECOND: Final = 500_000_000
BENT_LOOKS: Final = frozenset(
    {"regress", "unknown_word", "job_error", "blocked", "no_video", "bare"}
)
BENT_FILMS: Final = frozenset({"empty", "html_as_video", "elsewhere"})


@dataclass(frozen=True, slots=True)
class Settings:
    """What tells one simulated xAI from another. `models` are those it has, empty for any."""

    pace: Pace = field(default_factory=Pace)
    key: str | None = None
    models: frozenset[str] = frozenset()
    film_host: str = "localhost"


class XaiServer(SimulatedUpstream):
    """The ASGI application."""

    verbs = frozenset({"connect", "create", "look", "film"})
    bent = BENT_LOOKS | BENT_FILMS | {"echo"}
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
        super().__init__(pace=self.settings.pace, clock=clock, script=script, log=log)
        self._port = 0

    async def route(self, parts: Sequence[str], request: Request, exchange: Exchange) -> None:
        """Answer a request by the parts of its path."""
        self._port = request.scope["server"][1]
        match request.method, parts:
            case "GET", ["films", name]:
                await self._film(name, request, exchange)
            case _ if not self.opens(request):
                await exchange.answer(REPLIES["unauthorized"])
            case "POST", [*_, "videos", "generations"]:
                await self.create(request, exchange)
            case "GET", [*_, "videos", job_id]:
                await self._look(job_id, exchange)
            case _:
                await exchange.answer(REPLIES["bad_method"])

    def opens(self, request: Request) -> bool:
        """Say whether a request has the key."""
        return has_bearer(request, self.settings.key)

    # -- create ------------------------------------------------------------------------

    async def fields_of(self, request: Request) -> Fields:
        """Read a JSON object."""
        return await json_fields(request)

    def prompt_of(self, fields: Fields) -> str:
        """Return the prompt of a create."""
        return said(fields, "prompt")

    def objection(self, fields: Fields) -> Reply | None:
        """Check a create as the protocol asks."""
        sentence = objection(fields, self.settings.models)
        if not sentence:
            return None
        is_model = "does not exist" in sentence
        return error(*((404, "not-found") if is_model else (400, "invalid-argument")), sentence)

    def new_id(self, fields: Fields) -> str:
        """Name a job."""
        return str(uuid5(NAMESPACE_URL, f"{self.prefix}/{self.count}"))

    def created(self, job: Job) -> Reply:
        """Answer a create that was accepted."""
        return Reply.of(200, {"request_id": job.id})

    def echo(self, fields: Fields, request: Request) -> Reply:
        """Refuse with a sentence that quotes whatever it should not."""
        quotes = (self.prompt_of(fields), request.headers["authorization"], request.url)
        return error(400, "invalid-argument", "We do not like {!r}, {!r}, {}.".format(*quotes))

    # -- look --------------------------------------------------------------------------

    async def _look(self, job_id: str, exchange: Exchange) -> None:
        job = self.jobs.get(job_id)
        rule = self.script.strike("look", job.prompt if job else "")
        if job is None:
            await self.spoil(rule, REPLIES["not_found"], exchange)
            return
        told = self.told(job)
        if rule is not None and rule.fault in BENT_LOOKS:
            await exchange.answer(_bent(rule, told))
        else:
            await self.spoil(rule, _answer(told), exchange)

    def told(self, job: Job) -> dict[str, object]:
        """Describe a job as it stands now."""
        phase, progress = self.stand(job)
        told: dict[str, object] = {"status": STATES[phase], "model": job.said("model")}
        if phase is Phase.BROKEN:
            return told | {"error": (job.fate.value if job.fate else None) or BROKE}
        if phase is not Phase.DONE:
            return told | {"progress": progress}
        if job.age_s(self.clock.now()) >= LINK_S:
            return told | {"status": "expired"}
        seconds = job.fields.get("duration", SECONDS_DEFAULT)
        seconds = seconds if isinstance(seconds, int) else SECONDS_DEFAULT
        link = f"http://{self.settings.film_host}:{self._port}/films/{job.id}?sig=1"
        return told | {
            "video": {"url": link, "duration": seconds, "respect_moderation": True},
            "usage": {"cost_in_usd_ticks": TICKS_A_SECOND * seconds},
            "progress": 100,
        }

    # -- films -------------------------------------------------------------------------

    async def _film(self, name: str, request: Request, exchange: Exchange) -> None:
        job = self.jobs.get(name)
        rule = self.script.strike("film", job.prompt if job else "")
        good = self._film_of(job, request)
        bent = film_reply(rule, good)
        if bent is not None:
            await exchange.answer(bent)
        else:
            await self.spoil(rule, good, exchange)

    def _film_of(self, job: Job | None, request: Request) -> Reply:
        if "authorization" in request.headers:  # nobody there has any business with a key
            return REPLIES["unauthorized"]
        if job is None or job.has_fate("no_content") or self.stand(job)[0] is not Phase.DONE:
            return Reply(404, b"Not Found", {"content-type": "text/plain"})
        if job.age_s(self.clock.now()) >= LINK_S:
            return REPLIES["expired_link"]
        return Reply(200, tiny_film(), {"content-type": "video/mp4"})


def _answer(told: Mapping[str, object]) -> Reply:
    return Reply.of(202 if told.get("status") == "pending" else 200, told)


def _bent(rule: Rule, told: dict[str, object]) -> Reply:
    match rule.fault:
        case "regress":
            return _answer({"status": "pending", "model": told["model"], "progress": 0})
        case "unknown_word":
            return Reply.of(200, told | {"status": rule.value or "pondering"})
        case "blocked":
            unfit = {"url": "", "respect_moderation": False}
            return Reply.of(200, told | {"status": "done", "video": unfit})
        case "no_video":
            return Reply.of(200, told | {"status": "done", "video": None})
        case "bare":
            return Reply.of(200, {name: told[name] for name in told if name != "status"})
        case _:  # job_error: a job whose film is not fit, by the status line
            return error(int(rule.value or 400), "Client specified an invalid argument", UNFIT)


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--film-host", default=Settings().film_host, help="where films are")


def _made(command: Command) -> XaiServer:
    told = command.told
    settings = Settings(pace=command.pace, key=told.key, film_host=told.film_host)
    return XaiServer(clock=command.clock, script=command.script, log=command.log, settings=settings)


def main(words: Sequence[str] | None = None) -> None:
    """Serve until told to stop; the port is the first line on standard output."""
    serve("A simulated xAI.", _made, more=_more, base_path="/v1", words=words)


if __name__ == "__main__":
    main()
