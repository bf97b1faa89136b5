"""Luma's Dream Machine, as its OpenAPI describes it, with faults by script.

It takes what lumaai 1.21.0 sends below /dream-machine/v1: POST /generations/video (and the older
POST /generations), GET and DELETE /generations/{id}, GET /generations?limit&offset, GET /credits,
GET /ping. Generations are made by the clock. Films are on a host of their own (`localhost`),
behind links that take no key. A create with a callback_url is called back when it is dreaming,
completed, failed; unsigned, and tried four times.

Not known, and guessed here: most statuses and some sentences of errors (`luma_errors`), what is
told of a request that left things out, that the list is newest first, the most of `limit`, that
DELETE takes anything at any time and that what was begun is made all the same, and how long films
stay (for ever).

Verbs of a script: connect (a create whose body is not read yet), create, retrieve, list, delete,
content, callback. Faults for every verb but callback and the fates of a task: see `upstream`; the
value of fail is the sentence. For create also echo. For retrieve: regress, unknown_word (value:
the word), job_error (value: an HTTP status), no_film (completed, without a link). For list: lag
(value: seconds), silent (no requests), unsorted. For content: empty, html_as_video, elsewhere
(value: an address), short. For callback: lost, duplicate, held.

    rushes simulate luma --port 0 --render-s 3 --key luma-...
"""

from __future__ import annotations

import argparse
import asyncio
import uuid
from collections.abc import Mapping, Sequence
from typing import Final

from starlette.requests import Request

from rushes.clock import Clock
from rushes.testing.simulators import callbacks
from rushes.testing.simulators.callbacks import Call, Callbacks
from rushes.testing.simulators.command import Command, serve
from rushes.testing.simulators.films import tiny_film
from rushes.testing.simulators.host import Exchange, Reply
from rushes.testing.simulators.jobs import Fields, Job, Pace, Phase
from rushes.testing.simulators.luma_errors import REPLIES, error
from rushes.testing.simulators.luma_wishes import objection
from rushes.testing.simulators.script import RequestLog, Rule, Script
from rushes.testing.simulators.upstream import (
    SimulatedUpstream,
    film_reply,
    has_bearer,
    json_fields,
)

HELD_TO: Final = "lumaai 1.21.0"
STATES: Final[Mapping[Phase, str]] = {
    Phase.WAITING: "queued",
    Phase.RENDERING: "dreaming",
    Phase.DONE: "completed",
    Phase.BROKEN: "failed",
}
BROKE: Final = "Error processing request"
DEFAULTS: Final[Mapping[str, object]] = {
    "generation_type": "video",
    "aspect_ratio": "16:9",
    "loop": False,
    "resolution": "720p",
    "duration": "5s",
}
LIST_DEFAULT: Final = 100
LIST_MAX: Final = 100
OFFSET_MAX: Final = 10**6
RING_LAG_S: Final = 0.05
CALL_TRIES: Final = 4
BENT_LOOKS: Final = frozenset({"regress", "unknown_word", "job_error", "no_film"})
BENT_LISTS: Final = frozenset({"lag", "silent", "unsorted"})
BENT_CONTENT: Final = frozenset({"empty", "html_as_video", "elsewhere", "short"})


class LumaServer(SimulatedUpstream):
    """The ASGI application. `film_host` is where films are said to be."""

    verbs = frozenset({"connect", "create", "retrieve", "list", "delete", "content", "callback"})
    bent = BENT_LOOKS | BENT_LISTS | BENT_CONTENT | callbacks.FAULTS | {"echo"}
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
        self.callbacks = Callbacks()
        self._heard: dict[str, str] = {}
        self._rings: set[asyncio.Task[None]] = set()
        self._port = 0

    async def route(self, parts: Sequence[str], request: Request, exchange: Exchange) -> None:
        """Answer a request by the parts of its path."""
        self._port = request.scope["server"][1]
        if parts[0] == "films":
            await self._content(parts[-1], request, exchange)
            return
        if not self.opens(request):
            await exchange.answer(REPLIES["unauthorized"])
            return
        match request.method, parts:
            case "POST", ["dream-machine", "v1", "generations"]:
                await self.create(request, exchange)
            case "POST", ["dream-machine", "v1", "generations", "video"]:
                await self.create(request, exchange)
            case "GET", ["dream-machine", "v1", "generations"]:
                await self._list(request, exchange)
            case "GET", ["dream-machine", "v1", "generations", name]:
                await self._look(name, exchange)
            case "DELETE", ["dream-machine", "v1", "generations", name]:
                await self._delete(name, exchange)
            case "GET", ["dream-machine", "v1", "credits"]:
                await exchange.answer(Reply.of(200, {"credit_balance": 4200.0}))
            case "GET", ["dream-machine", "v1", "ping"]:
                await exchange.answer(Reply.of(200, {"message": "pong"}))
            case _:
                await exchange.answer(error(404, "Not Found"))

    def opens(self, request: Request) -> bool:
        """Say whether a request has the key."""
        return has_bearer(request, self.key)

    # -- create ------------------------------------------------------------------------

    async def fields_of(self, request: Request) -> Fields:
        """Read a JSON object."""
        return await json_fields(request)

    def prompt_of(self, fields: Fields) -> str:
        """Return the prompt of a create."""
        prompt = fields.get("prompt")
        return prompt if isinstance(prompt, str) else ""

    def objection(self, fields: Fields) -> Reply | None:
        """Check a create as the protocol asks."""
        done = [job.id for job in self.jobs.values() if self.stand(job)[0] is Phase.DONE]
        wrong = objection(fields, done)
        return error(400, wrong) if wrong else None

    def new_id(self, fields: Fields) -> str:
        """Name a generation."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.prefix}{self.count}"))

    def created(self, job: Job) -> Reply:
        """Answer a create, and see to it that its changes are called back."""
        if job.said("callback_url"):
            for delay_s in (self.pace.queue_s + RING_LAG_S, self.pace.total_s + RING_LAG_S):
                asyncio.get_running_loop().call_later(delay_s, self._ring_soon)
        return Reply.of(201, self.told(job, STATES[Phase.WAITING]))

    def echo(self, fields: Fields, request: Request) -> Reply:
        """Refuse with a sentence that quotes whatever it should not."""
        quotes = (self.prompt_of(fields), request.headers["authorization"], request.url)
        return error(400, "We do not like {!r}, asked for with {!r} at {}.".format(*quotes))

    # -- look, list, delete ------------------------------------------------------------

    async def _look(self, name: str, exchange: Exchange) -> None:
        job = self.jobs.get(name)
        rule = self.script.strike("retrieve", job.prompt if job else "")
        good = Reply.of(200, self.told(job)) if job else REPLIES["not_found"]
        if rule is not None and job is not None and rule.fault in BENT_LOOKS:
            good, rule = self._bent_look(job, rule), None
        await self.spoil(rule, good, exchange)

    def _bent_look(self, job: Job, rule: Rule) -> Reply:
        match rule.fault:
            case "regress":
                return Reply.of(200, self.told(job, "queued"))
            case "unknown_word":
                return Reply.of(200, self.told(job, str(rule.value or "pondering")))
            case "no_film":
                return Reply.of(200, self.told(job, "completed") | {"assets": None})
            case _:  # job_error: the generation in the body, a failure in the status line
                return Reply.of(int(rule.value or 500), self.told(job))

    def told(self, job: Job, word: str | None = None) -> dict[str, object]:
        """Describe a generation as it stands now, or as if it stood where `word` says."""
        word = word or STATES[self.stand(job)[0]]
        told: dict[str, object] = {
            "id": job.id,
            "generation_type": "video",
            "state": word,
            "failure_reason": None,
            "created_at": job.created_at.isoformat().replace("+00:00", "Z"),
            "assets": None,
            "model": job.said("model"),
            "request": {**DEFAULTS, **job.fields},
        }
        if word == "failed":
            told["failure_reason"] = (job.fate.value if job.fate else None) or BROKE
        if word == "completed":
            told["assets"] = {
                "video": f"http://{self.film_host}:{self._port}/films/{job.id}.mp4",
                "image": None,
                "progress_video": None,
            }
        return told

    async def _list(self, request: Request, exchange: Exchange) -> None:
        rule = self.script.strike("list")
        fault = rule.fault if rule else ""
        query = request.query_params
        limit, offset = query.get("limit", str(LIST_DEFAULT)), query.get("offset", "0")
        for text, least, most in ((limit, 1, LIST_MAX), (offset, 0, OFFSET_MAX)):
            if not text.isdecimal() or not least <= int(text) <= most:
                await exchange.answer(error(400, "Invalid limit or offset"))
                return
        jobs = list(self.jobs.values())
        if rule is not None and fault == "lag":
            jobs = [job for job in jobs if job.age_s(self.clock.now()) >= float(rule.value)]
        if fault != "unsorted":
            jobs.reverse()
        start, stop = int(offset), int(offset) + int(limit)
        items = [self.told(job) for job in jobs[start:stop]]
        if fault == "silent":
            items = [item | {"request": None} for item in items]
        page = {
            "generations": items,
            "count": len(items),
            "limit": int(limit),
            "offset": start,
            "has_more": stop < len(jobs),
        }
        await self.spoil(None if fault in BENT_LISTS else rule, Reply.of(200, page), exchange)

    async def _delete(self, name: str, exchange: Exchange) -> None:
        job = self.jobs.get(name)
        rule = self.script.strike("delete", job.prompt if job else "")
        good = Reply(204) if job else REPLIES["not_found"]
        if rule is None or rule.spares:
            self.jobs.pop(name, None)
        await self.spoil(rule, good, exchange)

    # -- films -------------------------------------------------------------------------

    async def _content(self, name: str, request: Request, exchange: Exchange) -> None:
        job = self.jobs.get(name.partition(".")[0])
        rule = self.script.strike("content", job.prompt if job else "")
        good = self._film(job, request)
        bent = film_reply(rule, good)
        if bent is not None:
            await exchange.answer(bent)
        elif rule is not None and rule.fault == "short":
            await exchange.answer_short(good)
        else:
            await self.spoil(rule, good, exchange)

    def _film(self, job: Job | None, request: Request) -> Reply:
        if "authorization" in request.headers:  # nobody there has any business with a key
            return error(400, "Only one auth mechanism is allowed")
        if job is None or job.has_fate("no_content") or self.stand(job)[0] is not Phase.DONE:
            return Reply(404, b"Not Found", {"content-type": "text/plain"})
        return Reply(200, tiny_film(), {"content-type": "video/mp4"})

    # -- callbacks ---------------------------------------------------------------------

    def _ring_soon(self) -> None:
        ringing = asyncio.get_running_loop().create_task(self.ring())
        self._rings.add(ringing)
        ringing.add_done_callback(self._rings.discard)

    async def ring(self) -> None:
        """Call back about everything that changed since the last time."""
        for job in list(self.jobs.values()):
            address, now = job.said("callback_url"), STATES[self.stand(job)[0]]
            if not address or now == "queued" or self._heard.get(job.id) == now:
                continue
            self._heard[job.id] = now
            call = Call(job.id, address, self.told(job), CALL_TRIES)
            await self.callbacks.make(call, self.script.strike("callback", job.prompt))

    async def _control(self, verb: Sequence[str], request: Request) -> Reply:
        """Steer it from outside; time that moves by hand rings by hand."""
        reply = await super()._control(verb, request)
        await self.ring()
        return reply


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--film-host", default="localhost", help="where films are")


def _made(command: Command) -> LumaServer:
    return LumaServer(
        clock=command.clock,
        script=command.script,
        log=command.log,
        pace=command.pace,
        key=command.told.key,
        film_host=command.told.film_host,
    )


def main(words: Sequence[str] | None = None) -> None:
    """Serve until told to stop; the port is the first line on standard output."""
    serve("A simulated Luma.", _made, more=_more, base_path="/dream-machine/v1", words=words)


if __name__ == "__main__":
    main()
