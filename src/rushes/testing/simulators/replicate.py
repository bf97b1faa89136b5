"""Replicate's predictions, as its OpenAPI page describes them, with faults by script.

It takes what the SDK replicate 1.0.7 sends. Predictions are made by the clock: starting for a
while, processing for a while, then succeeded or failed; canceled or aborted, if a Cancel-After
comes first. An hour after its end a prediction has lost its input, its output and its logs, and
the film is gone. Films are on a host of their own (`localhost`), behind links that want no key
and may be told it. A create with a webhook is called back at the events it asked for, signed.

Not known, and guessed here: that a cancel of what is over is answered with it and changes
nothing; that a cancel is done when it is answered (`stops_late` says that it is not); that the
films' hosts open without a key; what a list's items repeat beside input and model.

Verbs of a script: connect (a create whose body is not read yet), create, get, cancel, list, film,
callback. Faults for every verb but callback, and the fates of a prediction: see `upstream`; fail
has the sentence as its value. For create also echo. For get: regress, unknown_word (value: the
word), job_error (value: an HTTP status), no_film (succeeded, without an output), several (an
output of many files), forget. For list: lag (value: seconds), silent, unsorted. For cancel:
stops_late. For film: empty, html_as_video, elsewhere (value: an address), short. For callback:
lost, duplicate, forged, late.

    rushes simulate replicate --port 0 --render-s 3
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from starlette.requests import Request

from rushes.clock import Clock
from rushes.testing.simulators import replicate_bells
from rushes.testing.simulators.command import Command, serve
from rushes.testing.simulators.films import tiny_film
from rushes.testing.simulators.host import Exchange, Reply
from rushes.testing.simulators.jobs import Fields, Job, Pace, Phase
from rushes.testing.simulators.replicate_bells import Bells
from rushes.testing.simulators.replicate_errors import REPLIES, problem
from rushes.testing.simulators.replicate_wishes import input_of, objection, prompt_in
from rushes.testing.simulators.script import RequestLog, Rule, Script
from rushes.testing.simulators.upstream import (
    SimulatedUpstream,
    film_reply,
    has_bearer,
    json_fields,
)

HELD_TO: Final = "replicate 1.0.7"
STATES: Final[Mapping[Phase, str]] = {
    Phase.WAITING: "starting",
    Phase.RENDERING: "processing",
    Phase.DONE: "succeeded",
    Phase.BROKEN: "failed",
}
BROKE: Final = "Prediction failed for an unknown reason. It may have run out of memory. (E1001)"
DATA_S: Final = 3600
PAGE_ITEMS: Final = 100
RING_LAG_S: Final = 0.02
"""How much later than a change it is called back, so that no clock is still before it."""

BENT_LOOKS: Final = frozenset(
    {"regress", "unknown_word", "job_error", "no_film", "several", "forget"}
)
BENT_LISTS: Final = frozenset({"lag", "silent", "unsorted"})
BENT_FILMS: Final = frozenset({"empty", "html_as_video", "elsewhere", "short"})
BENT: Final = BENT_LOOKS | BENT_LISTS | BENT_FILMS | replicate_bells.FAULTS | {"echo", "stops_late"}


@dataclass(frozen=True, slots=True)
class Settings:
    """How a simulated Replicate behaves while nothing goes wrong.

    `key` is the one that opens, None for any. `models` empty means any. `film_host` is where
    films are said to be: a name of this machine that is not the one the API is called by.
    """

    pace: Pace = field(default_factory=Pace)
    key: str | None = None
    models: frozenset[str] = frozenset()
    film_host: str = "localhost"
    webhook_secret: str = replicate_bells.SECRET


class ReplicateServer(SimulatedUpstream):
    """The ASGI application."""

    verbs = frozenset({"connect", "create", "get", "cancel", "list", "film", "callback"})
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
        super().__init__(pace=self.settings.pace, clock=clock, script=script, log=log)
        self.bells = Bells(self.settings.webhook_secret)
        self._canceled: dict[str, datetime] = {}
        self._heard: dict[str, str] = {}
        self._port = 0
        self._rings: set[asyncio.Task[None]] = set()

    async def route(self, parts: Sequence[str], request: Request, exchange: Exchange) -> None:
        """Answer a request by the parts of its path."""
        self._port = request.scope["server"][1]
        match request.method, parts:
            case "GET", ["films", name]:
                await self._film(name, exchange)
            case _ if not self.opens(request):
                await exchange.answer(REPLIES["unauthorized"])
            case (
                "POST",
                ["v1", "predictions"]
                | ["v1", "models", _, _, "predictions"]
                | ["v1", "deployments", _, _, "predictions"],
            ):
                await self.create(request, exchange)
            case "GET", ["v1", "predictions"]:
                await self._list(request, exchange)
            case "GET", ["v1", "predictions", job_id]:
                await self._get(job_id, exchange)
            case "POST", ["v1", "predictions", job_id, "cancel"]:
                await self._cancel(job_id, exchange)
            case "GET", ["v1", "webhooks", "default", "secret"]:
                await exchange.answer(Reply.of(200, {"key": self.bells.secret}))
            case _:
                await exchange.answer(REPLIES["not_found"])

    def opens(self, request: Request) -> bool:
        """Say whether a request has the key."""
        return has_bearer(request, self.settings.key)

    # -- create ------------------------------------------------------------------------

    async def fields_of(self, request: Request) -> Fields:
        """Read a JSON object; whose model it is stands in the path."""
        fields = await json_fields(request)
        parts = request.url.path.strip("/").split("/")
        model = "/".join(parts[2:4]) if parts[1] in {"models", "deployments"} else None
        after = request.headers.get("cancel-after", "")
        return {**fields, "_model": model, "_after_s": float(after.rstrip("s") or "inf")}

    def prompt_of(self, fields: Fields) -> str:
        """Return the prompt of a create."""
        return prompt_in(fields)

    def objection(self, fields: Fields) -> Reply | None:
        """Check a create as the pages ask."""
        model = fields["_model"]
        said = {name: value for name, value in fields.items() if not name.startswith("_")}
        return objection(said, model if isinstance(model, str) else None, self.settings.models)

    def new_id(self, fields: Fields) -> str:
        """Name a prediction."""
        return f"{self.prefix[:16]}{self.count:010d}"

    def created(self, job: Job) -> Reply:
        """Answer a create with the prediction, and see to it that its end is called back."""
        if job.said("webhook"):
            for delay_s in (0.0, self.pace.queue_s + RING_LAG_S, self.pace.total_s + RING_LAG_S):
                asyncio.get_running_loop().call_later(delay_s, self._ring_soon)
        return Reply.of(201, self.told(job, "starting"))

    def echo(self, fields: Fields, request: Request) -> Reply:
        """Refuse with a sentence that quotes whatever it should not."""
        quotes = (self.prompt_of(fields), request.headers["authorization"], request.url)
        message = "- input.prompt {!r} is not liked, by {!r} at {}.".format(*quotes)
        return problem(422, message, title="Input validation failed")

    # -- look, cancel, list ------------------------------------------------------------

    def state(self, job: Job) -> str:
        """Return the word for where a prediction stands now."""
        if job.id in self._canceled:
            return "canceled"
        phase, after_s = self.stand(job)[0], self._deadline_s(job)
        lasts_s = float("inf") if job.has_fate("never_ends") else self.pace.total_s
        if after_s < lasts_s and after_s <= job.age_s(self.clock.now()):
            return "aborted" if after_s < self.pace.queue_s else "canceled"
        return STATES[phase]

    def _deadline_s(self, job: Job) -> float:
        after_s = job.fields["_after_s"]
        return after_s if isinstance(after_s, float) else float("inf")

    def told(self, job: Job, word: str | None = None) -> dict[str, object]:
        """Describe a prediction as it stands now, or as if it stood where `word` says."""
        word = word or self.state(job)
        is_over = word not in {"starting", "processing"}
        progress = self.stand(job)[1]
        ends_at = job.created_at + timedelta(seconds=self.pace.total_s)
        is_removed = is_over and (self.clock.now() - ends_at).total_seconds() >= DATA_S
        path = f"http://127.0.0.1:{self._port}/v1/predictions/{job.id}"
        said: dict[str, object] = {
            "id": job.id,
            "model": job.fields["_model"] or job.said("version").partition(":")[0],
            "version": job.said("version", "hidden").rpartition(":")[2],
            "input": {} if is_removed else input_of(job.fields),
            "logs": "" if word == "starting" or is_removed else _logs(progress),
            "output": None,
            "data_removed": is_removed,
            "error": None,
            "status": word,
            "source": "api",
            "created_at": f"{job.created_at.isoformat().removesuffix('+00:00')}Z",
            "urls": {"get": path, "cancel": f"{path}/cancel", "web": f"https://r/p/{job.id}"},
        }
        after_s = self._deadline_s(job)
        if after_s != float("inf"):
            said["deadline"] = (job.created_at + timedelta(seconds=after_s)).isoformat()
        if is_over:
            said["completed_at"] = ends_at.isoformat()
            said["metrics"] = {"predict_time": self.pace.render_s, "total_time": self.pace.total_s}
        if word == "failed":
            said["error"] = (job.fate.value if job.fate else None) or BROKE
        if word == "succeeded" and not is_removed:
            said["output"] = self._link(job)
        return said

    def _link(self, job: Job) -> str:
        return f"http://{self.settings.film_host}:{self._port}/films/{job.id}.mp4"

    async def _get(self, job_id: str, exchange: Exchange) -> None:
        job = self.jobs.get(job_id)
        rule = self.script.strike("get", job.prompt if job else "")
        if rule is not None and rule.fault == "forget":
            job, rule = self.jobs.pop(job_id, None) and None, None
        good = Reply.of(200, self.told(job)) if job else REPLIES["not_found"]
        if rule is not None and job is not None and rule.fault in BENT_LOOKS:
            good, rule = self._bent_look(job, rule), None
        await self.spoil(rule, good, exchange)

    def _bent_look(self, job: Job, rule: Rule) -> Reply:
        match rule.fault:
            case "regress":
                return Reply.of(200, self.told(job, "starting"))
            case "unknown_word":
                return Reply.of(200, self.told(job, str(rule.value or "thinking")))
            case "no_film":
                return Reply.of(200, self.told(job, "succeeded") | {"output": None})
            case "several":
                preview = self._link(job).replace(".mp4", ".png")
                files = [preview, self._link(job)]
                return Reply.of(200, self.told(job, "succeeded") | {"output": files})
            case _:  # job_error: the prediction in the body, a failure in the status line
                return Reply.of(int(rule.value or 500), self.told(job))

    async def _cancel(self, job_id: str, exchange: Exchange) -> None:
        job = self.jobs.get(job_id)
        rule = self.script.strike("cancel", job.prompt if job else "")
        is_late = rule is not None and rule.fault == "stops_late"
        if job is None:
            await self.spoil(rule, REPLIES["not_found"], exchange)
            return
        before = self.state(job)
        if before in {"starting", "processing"} and (rule is None or is_late or rule.spares):
            self._canceled[job.id] = self.clock.now()
        good = Reply.of(200, self.told(job, before if is_late else None))
        await self.spoil(None if is_late else rule, good, exchange)

    async def _list(self, request: Request, exchange: Exchange) -> None:
        rule, now = self.script.strike("list"), self.clock.now()
        fault = rule.fault if rule else ""
        jobs = list(self.jobs.values())
        if rule is not None and fault == "lag":
            jobs = [job for job in jobs if job.age_s(now) >= float(rule.value)]
        if fault != "unsorted":
            jobs.reverse()
        cursor = request.query_params.get("cursor", "0")
        if not cursor.isdecimal():
            await exchange.answer(problem(400, "Invalid cursor."))
            return
        start, end = int(cursor), int(cursor) + PAGE_ITEMS
        results = [self.told(job) for job in jobs[start:end]]
        if fault == "silent":
            results = [result | {"input": {}, "output": None} for result in results]
        base = f"http://127.0.0.1:{self._port}/v1/predictions?cursor="
        page = {
            "previous": f"{base}{max(0, start - PAGE_ITEMS)}" if start else None,
            "next": f"{base}{end}" if end < len(jobs) else None,
            "results": results,
        }
        await self.spoil(None if fault in BENT_LISTS else rule, Reply.of(200, page), exchange)

    # -- films -------------------------------------------------------------------------

    async def _film(self, name: str, exchange: Exchange) -> None:
        job = self.jobs.get(name.partition(".")[0])
        rule = self.script.strike("film", job.prompt if job else "")
        good = self._content(job)
        bent = film_reply(rule, good)
        if bent is not None:
            await exchange.answer(bent)
        elif rule is not None and rule.fault == "short":
            await exchange.answer_short(good)
        else:
            await self.spoil(rule, good, exchange)

    def _content(self, job: Job | None) -> Reply:
        if job is None or job.has_fate("no_content") or self.stand(job)[0] is not Phase.DONE:
            return REPLIES["expired_link"]
        if job.age_s(self.clock.now()) >= self.pace.total_s + DATA_S:
            return REPLIES["expired_link"]
        return Reply(200, tiny_film(), {"content-type": "video/mp4"})

    # -- callbacks ---------------------------------------------------------------------

    def _ring_soon(self) -> None:
        ringing = asyncio.get_running_loop().create_task(self.ring())
        self._rings.add(ringing)
        ringing.add_done_callback(self._rings.discard)

    async def ring(self) -> None:
        """Call back about everything that changed since the last time, where it was asked for."""
        for job in list(self.jobs.values()):
            address, now = job.said("webhook"), self.state(job)
            if not address or self._heard.get(job.id) == now:
                continue
            self._heard[job.id] = now
            event = {"starting": "", "processing": "start"}.get(now, "completed")
            asked = job.fields.get("webhook_events_filter") or ["start", "completed"]
            if not isinstance(asked, list) or event not in asked:
                continue
            rule = self.script.strike("callback", job.prompt)
            at_s = int(self.clock.now().timestamp())
            await self.bells.ring(address, self.told(job), rule, at_s=at_s)

    async def _control(self, verb: Sequence[str], request: Request) -> Reply:
        """Steer it from outside; time that moves by hand rings by hand."""
        reply = await super()._control(verb, request)
        await self.ring()
        return reply


def _logs(progress: int) -> str:
    """Write what a model would: a bar of progress, as tqdm draws it."""
    bar = "#" * (progress // 10)
    return f"Using seed: 7\nGenerating video...\n{progress:3}%|{bar:10}| {progress}/100"


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--film-host", default=Settings().film_host, help="where films are")
    parser.add_argument(
        "--webhook-secret", default=Settings().webhook_secret, help="whsec_…: what signs calls"
    )


def _made(command: Command) -> ReplicateServer:
    told = command.told
    settings = Settings(
        pace=command.pace,
        key=told.key,
        film_host=told.film_host,
        webhook_secret=told.webhook_secret,
    )
    return ReplicateServer(
        clock=command.clock, script=command.script, log=command.log, settings=settings
    )


def main(words: Sequence[str] | None = None) -> None:
    """Serve until told to stop; the port is the first line on standard output."""
    serve("A simulated Replicate.", _made, more=_more, base_path="/v1", words=words)


if __name__ == "__main__":
    main()
