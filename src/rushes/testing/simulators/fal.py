"""The queue of fal.ai, simulated: written from its protocol, with faults by script.

It takes any app of the shape OWNER/NAME/PATH, and holds the input to what an app that takes
lengths as text would: the words of the video apps that were read. A request waits and runs by the
clock, and is then COMPLETED, also where it failed. Films are on a host of their own
(`localhost`), by links that take no key. Who gave a fal_webhook is rung once it is over.

Not known, and guessed here: what a status tells once a request was taken out of the queue (404);
whether the status of a request with a model's complaint says so (it does not, which is the
harder case); the key of a call's `payload` where it failed.

Verbs of a script: connect (a create whose body is not read yet), create, status, result, cancel,
film, callback. Faults for every verb but callback, and the fates of a job: see `upstream`; the
value of fail is {status, body} of the result. For create also echo. For status: regress,
unknown_word (value: the word), job_error (value: an HTTP status). For result: no_video. For film:
empty, html_as_video, elsewhere (value: an address). For callback: see `fal_bells`.

    rushes simulate fal --port 0 --render-s 3
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import NAMESPACE_URL, uuid5

import msgspec
from starlette.requests import Request

from rushes.clock import Clock
from rushes.testing.simulators import fal_bells
from rushes.testing.simulators.command import Command, serve
from rushes.testing.simulators.fal_bells import Bells
from rushes.testing.simulators.fal_errors import REPLIES, error, unfit
from rushes.testing.simulators.films import tiny_film
from rushes.testing.simulators.host import Exchange, Reply
from rushes.testing.simulators.jobs import Fields, Job, Pace, Phase, said
from rushes.testing.simulators.script import RequestLog, Rule, Script
from rushes.testing.simulators.upstream import SimulatedUpstream, film_reply, json_fields

HELD_TO: Final = "fal-client 1.0.3"
STATES: Final[Mapping[Phase, str]] = {
    Phase.WAITING: "IN_QUEUE",
    Phase.RENDERING: "IN_PROGRESS",
    Phase.DONE: "COMPLETED",
    Phase.BROKEN: "COMPLETED",
}
BROKE: Final = {
    "status": 500,
    "body": {"detail": "The runner broke.", "error_type": "runner_server_error"},
}
RING_LAG_S: Final = 0.02
"""How much later than the end it is rung, so that no clock is still before it."""

BENT_CREATES: Final = frozenset({"echo"})
BENT_LOOKS: Final = frozenset({"regress", "unknown_word", "job_error"})
BENT_FILMS: Final = frozenset({"empty", "html_as_video", "elsewhere"})


class FalServer(SimulatedUpstream):
    """The ASGI application."""

    verbs = frozenset({"connect", "create", "status", "result", "cancel", "film", "callback"})
    bent = BENT_CREATES | BENT_LOOKS | BENT_FILMS | {"no_video"} | fal_bells.FAULTS
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
        self.bells = Bells()
        self._told: set[str] = set()
        self._rings: set[asyncio.Task[None]] = set()

    async def route(self, parts: Sequence[str], request: Request, exchange: Exchange) -> None:
        """Answer a request by the parts of its path."""
        request.scope["port"] = request.scope["server"][1]
        match request.method, parts:
            case "GET", ["files", name]:
                await self._film(name.removesuffix(".mp4"), exchange)
            case "GET", [".well-known", "jwks.json"]:
                await exchange.answer(Reply.of(200, self.bells.jwks))
            case _ if not self.opens(request):
                await exchange.answer(REPLIES["unauthorized"])
            case "GET", [_, _, "requests", job_id, "status"]:
                await self._status(job_id, request, exchange)
            case "GET", [_, _, "requests", job_id]:
                await self._result(job_id, request, exchange)
            case "PUT", [_, _, "requests", job_id, "cancel"]:
                await self._cancel(job_id, exchange)
            case "POST", [_, _, *_] if "requests" not in parts:
                request.scope["app"] = "/".join(parts)
                await self.create(request, exchange)
            case _:
                await exchange.answer(error(404, "Path not found"))

    def opens(self, request: Request) -> bool:
        """Say whether a request has the key, in fal's own scheme."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        return scheme == "Key" and bool(given) and self.key in {None, given}

    # -- create ------------------------------------------------------------------------

    async def fields_of(self, request: Request) -> Fields:
        """Read a JSON object, and put beside it what the address says."""
        return {
            **await json_fields(request),
            "_app": request.scope["app"],
            "_host": request.headers["host"],
            "_webhook": request.query_params.get("fal_webhook", ""),
        }

    def prompt_of(self, fields: Fields) -> str:
        """Return the prompt of a create."""
        return said(fields, "prompt")

    def objection(self, fields: Fields) -> Reply | None:
        """Check a create as a model would."""
        if not said(fields, "prompt"):
            return unfit("missing", "Field required", "prompt")
        if not isinstance(fields.get("duration", ""), str):
            return unfit("string_type", "Input should be a valid string", "duration")
        return None

    def new_id(self, fields: Fields) -> str:
        """Name a request."""
        return str(uuid5(NAMESPACE_URL, f"{self.prefix} {self.count}"))

    def created(self, job: Job) -> Reply:
        """Answer a create that was accepted, with where to ask; see to it that the end is told."""
        if job.said("_webhook"):
            delay_s = self.pace.total_s + RING_LAG_S
            asyncio.get_running_loop().call_later(delay_s, self._ring_soon)
        return Reply.of(200, {**self._known(job), "status": "IN_QUEUE", "queue_position": 0})

    def _known(self, job: Job) -> dict[str, object]:
        """Say what every answer about a request repeats; the path of the endpoint is dropped."""
        whole = f"http://{job.said('_host')}/{_app(job)}/requests/{job.id}"
        return {
            "request_id": job.id,
            "response_url": whole,
            "status_url": f"{whole}/status",
            "cancel_url": f"{whole}/cancel",
        }

    def echo(self, fields: Fields, request: Request) -> Reply:
        """Refuse with a sentence that quotes whatever it should not."""
        quotes = (said(fields, "prompt"), request.headers["authorization"], request.url)
        return unfit("value_error", "We do not like {!r}, {!r}, {}.".format(*quotes), "prompt")

    # -- look, result, cancel ------------------------------------------------------------

    async def _status(self, job_id: str, request: Request, exchange: Exchange) -> None:
        job = self.jobs.get(job_id)
        rule = self.script.strike("status", job.prompt if job else "")
        if job is None:
            await self.spoil(rule, REPLIES["not_found"], exchange)
            return
        told = self._standing(job, has_logs=request.query_params.get("logs") in {"1", "true"})
        if rule is not None and rule.fault in BENT_LOOKS:
            await exchange.answer(_bent(rule, told))
            return
        await self.spoil(rule, _with_status(told), exchange)

    def _standing(self, job: Job, *, has_logs: bool) -> dict[str, object]:
        phase = self.stand(job)[0]
        told = {**self._known(job), "status": STATES[phase], "logs": [] if has_logs else None}
        if phase is Phase.WAITING:
            told["queue_position"] = 0
        if phase.is_over:
            told["metrics"] = {"inference_time": self.pace.render_s}
        if phase is Phase.BROKEN:
            body = self._broken(job).get("body")
            word = body.get("error_type") if isinstance(body, dict) else None
            if isinstance(body, dict) and word is not None:
                told |= {"error": str(body["detail"]), "error_type": word}
        return told

    def _broken(self, job: Job) -> Mapping[str, object]:
        value = job.fate.value if job.fate else None
        return value if isinstance(value, dict) else BROKE

    async def _result(self, job_id: str, request: Request, exchange: Exchange) -> None:
        job = self.jobs.get(job_id)
        rule = self.script.strike("result", job.prompt if job else "")
        good = REPLIES["not_found"] if job is None else self._output(job, request.scope["port"])
        if rule is not None and rule.fault == "no_video":
            good, rule = Reply.of(200, {"seed": 7}), None
        await self.spoil(rule, good, exchange)

    def _output(self, job: Job, port: int) -> Reply:
        phase = self.stand(job)[0]
        if not phase.is_over:
            return error(400, "Request is still in progress")
        if phase is Phase.BROKEN:
            broken = self._broken(job)
            return Reply.of(int(str(broken["status"])), broken["body"])
        link = f"http://{self.film_host}:{port}/files/{job.id}.mp4"
        video = {
            "url": link,
            "content_type": "video/mp4",
            "file_name": "output.mp4",
            "file_size": len(tiny_film()),
        }
        return Reply.of(200, {"video": video, "seed": 7}, {"x-fal-billable-units": "8"})

    async def _cancel(self, job_id: str, exchange: Exchange) -> None:
        job, rule = self.jobs.get(job_id), self.script.strike("cancel")
        if rule is not None and not rule.spares:
            await self.spoil(rule, REPLIES["server_error"], exchange)
        elif job is None:
            await exchange.answer(Reply.of(404, {"status": "NOT_FOUND"}))
        elif self.stand(job)[0].is_over:
            await exchange.answer(REPLIES["too_late"])
        else:
            if self.stand(job)[0] is Phase.WAITING:  # one that runs need not listen
                del self.jobs[job_id]
            await self.spoil(rule, Reply.of(202, {"status": "CANCELLATION_REQUESTED"}), exchange)

    async def _film(self, job_id: str, exchange: Exchange) -> None:
        job, rule = self.jobs.get(job_id), self.script.strike("film")
        is_there = job is not None and not job.has_fate("no_content")
        film = Reply(200, tiny_film(), {"content-type": "video/mp4"})
        good = film if is_there else Reply(404, b"Not found", {"content-type": "text/plain"})
        bent = film_reply(rule, good)
        if bent is not None:
            await exchange.answer(bent)
        else:
            await self.spoil(rule, good, exchange)

    # -- callbacks ---------------------------------------------------------------------

    def _ring_soon(self) -> None:
        ringing = asyncio.get_running_loop().create_task(self.ring())
        self._rings.add(ringing)
        ringing.add_done_callback(self._rings.discard)

    async def ring(self) -> None:
        """Ring for every request that is over, once."""
        for job in list(self.jobs.values()):
            address, phase = job.said("_webhook"), self.stand(job)[0]
            if not address or not phase.is_over or job.id in self._told:
                continue
            self._told.add(job.id)
            port = int(job.said("_host").rpartition(":")[2])
            rule = self.script.strike("callback", job.prompt)
            told = self._news(job, self._output(job, port))
            fault = rule.fault if rule else ""
            bell = self.bells.bell(address, job.id, told, self.clock.now(), fault)
            await self.bells.ring(bell, rule)

    def _news(self, job: Job, output: Reply) -> dict[str, object]:
        is_good = output.status < 300
        told: dict[str, object] = {
            "request_id": job.id,
            "gateway_request_id": job.id,
            "status": "OK" if is_good else "ERROR",
            "payload": msgspec.json.decode(output.body),
        }
        return told if is_good else told | {"error": f"Unexpected status code: {output.status}"}

    async def _control(self, verb: Sequence[str], request: Request) -> Reply:
        """Steer it from outside; time that moves by hand rings by hand."""
        reply = await super()._control(verb, request)
        await self.ring()
        return reply


def _app(job: Job) -> str:
    """Return owner and name of an app, which is all of it that a request is asked for by."""
    return "/".join(job.said("_app").split("/")[:2])


def _with_status(told: Mapping[str, object]) -> Reply:
    return Reply.of(200 if told["status"] == "COMPLETED" else 202, told)


def _bent(rule: Rule, told: dict[str, object]) -> Reply:
    match rule.fault:
        case "regress":
            return _with_status(told | {"status": "IN_QUEUE", "queue_position": 1})
        case "unknown_word":
            return _with_status(told | {"status": rule.value or "PONDERING"})
        case _:  # job_error: the request in the body, a failure in the status line
            return Reply.of(int(rule.value or 500), told)


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--film-host", default="localhost", help="where films are")


def _made(command: Command) -> FalServer:
    return FalServer(
        clock=command.clock,
        script=command.script,
        log=command.log,
        pace=command.pace,
        key=command.told.key,
        film_host=command.told.film_host,
    )


def main(words: Sequence[str] | None = None) -> None:
    """Serve until told to stop; the port is the first line on standard output."""
    serve("A simulated fal.ai.", _made, more=_more, words=words)


if __name__ == "__main__":
    main()
