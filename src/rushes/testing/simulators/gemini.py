"""Omni models on the Gemini API, simulated: written from its protocol, with faults by script.

It answers creates, looks, cancels and deletes of interactions under /v1 and /v1beta, and has the
films as files that open with the key. Only interactions in the background are made; one that is
asked to bring its film inside does so in the answer to a look.

Not known, and guessed here: that a cancel of what is over is refused as FAILED_PRECONDITION;
that a file is there as soon as the interaction is completed; that a filtered film ends as
`failed` with the word in `errors`; the shape of ids and file addresses.

Verbs of a script: connect (a create whose body is not read yet), create, look, cancel, delete,
file. Faults for every verb and the fates of a job: see `upstream`; the value of fail is the list
of errors. For create also echo. For look: regress, unknown_word (value: the word), job_error
(value: an HTTP status), empty_handed, bad_base64. For file: empty, html_as_video, elsewhere
(value: an address).

    rushes simulate gemini --port 0 --render-s 3
"""

from __future__ import annotations

import argparse
import base64
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from starlette.requests import Request

from rushes.clock import Clock
from rushes.testing.simulators.command import Command, serve
from rushes.testing.simulators.films import tiny_film
from rushes.testing.simulators.gemini_errors import REPLIES, small
from rushes.testing.simulators.gemini_wishes import format_of, objection, prompt_of
from rushes.testing.simulators.google_errors import error
from rushes.testing.simulators.host import Exchange, Reply
from rushes.testing.simulators.jobs import Fields, Job, Pace, Phase
from rushes.testing.simulators.script import RequestLog, Rule, Script
from rushes.testing.simulators.upstream import SimulatedUpstream, film_reply, json_fields

HELD_TO: Final = "google-genai 3.6.1"
STATES: Final[Mapping[Phase, str]] = {
    Phase.WAITING: "queued",
    Phase.RENDERING: "in_progress",
    Phase.DONE: "completed",
    Phase.BROKEN: "failed",
}
BROKE: Final = [{"code": "internal", "message": "Internal error while the film was made."}]
USAGE: Final = {
    "total_input_tokens": 12,
    "total_output_tokens": 23040,
    "total_tokens": 23052,
    "output_tokens_by_modality": [{"modality": "video", "tokens": 23040}],
}
BENT_LOOKS: Final = frozenset(
    {"regress", "unknown_word", "job_error", "empty_handed", "bad_base64"}
)
BENT_FILMS: Final = frozenset({"empty", "html_as_video", "elsewhere"})


class GeminiServer(SimulatedUpstream):
    """The ASGI application."""

    verbs = frozenset({"connect", "create", "look", "cancel", "delete", "file"})
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
    ) -> None:
        super().__init__(pace=pace or Pace(), clock=clock, script=script, log=log)
        self.key = key
        self.stopped: set[str] = set()

    async def route(self, parts: Sequence[str], request: Request, exchange: Exchange) -> None:
        """Answer a request by the parts of its path."""
        if not self.opens(request):
            await exchange.answer(REPLIES["unauthorized"])
            return
        match request.method, parts:
            case "POST", ["v1" | "v1beta", "interactions"]:
                await self.create(request, exchange)
            case "GET", ["v1" | "v1beta", "interactions", job_id]:
                await self._look(job_id, request, exchange)
            case "POST", ["v1" | "v1beta", "interactions", job_id, "cancel"]:
                await self._cancel(job_id, request, exchange)
            case "DELETE", ["v1" | "v1beta", "interactions", job_id]:
                await self._delete(job_id, exchange)
            case "GET", ["v1" | "v1beta", "files", name] if name.endswith(":download"):
                await self._file(name.removesuffix(":download"), exchange)
            case _:
                await exchange.answer(error("NOT_FOUND", "No such path."))

    def opens(self, request: Request) -> bool:
        """Say whether a request has the key, in Google's own header."""
        given = request.headers.get("x-goog-api-key", "")
        return bool(given) and self.key in {None, given}

    # -- create ------------------------------------------------------------------------

    async def fields_of(self, request: Request) -> Fields:
        """Read a JSON object."""
        return await json_fields(request)

    def prompt_of(self, fields: Fields) -> str:
        """Return the prompt of a create."""
        return prompt_of(fields)

    def objection(self, fields: Fields) -> Reply | None:
        """Check a create as the protocol asks."""
        sentence = objection(fields)
        if not sentence and fields.get("background") is not True:
            sentence = "Only interactions in the background are simulated."
        return small(400, "invalid_argument", sentence) if sentence else None

    def new_id(self, fields: Fields) -> str:
        """Name an interaction."""
        return f"v1_{uuid5(NAMESPACE_URL, f'{self.prefix} {self.count}').hex}"

    def created(self, job: Job) -> Reply:
        """Answer a create that was accepted."""
        return Reply.of(200, self._known(job) | {"status": "queued"})

    def _known(self, job: Job) -> dict[str, object]:
        at = job.created_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "id": job.id,
            "object": "interaction",
            "model": job.said("model"),
            "created": at,
            "updated": at,
        }

    def echo(self, fields: Fields, request: Request) -> Reply:
        """Refuse with a sentence that quotes whatever it should not."""
        quotes = (prompt_of(fields), request.headers["x-goog-api-key"], request.url)
        return error("INVALID_ARGUMENT", "We do not like {!r}, {!r}, {}.".format(*quotes))

    # -- look, cancel, delete ------------------------------------------------------------

    async def _look(self, job_id: str, request: Request, exchange: Exchange) -> None:
        job = self.jobs.get(job_id)
        rule = self.script.strike("look", job.prompt if job else "")
        if job is None:
            await self.spoil(rule, REPLIES["not_found"], exchange)
            return
        told = self.told(job, str(request.base_url))
        if rule is not None and rule.fault in BENT_LOOKS:
            await exchange.answer(_bent(rule, told))
        else:
            await self.spoil(rule, Reply.of(200, told), exchange)

    def told(self, job: Job, root: str) -> dict[str, object]:
        """Describe an interaction."""
        if job.id in self.stopped:
            return self._known(job) | {"status": "cancelled"}
        phase = self.stand(job)[0]
        told = self._known(job) | {"status": STATES[phase]}
        if phase is Phase.BROKEN:
            told["errors"] = job.fate.value if job.fate and job.fate.value else BROKE
        elif phase is Phase.DONE:
            told |= {"steps": _steps(self._videos(job, root)), "usage": USAGE}
        return told

    def _videos(self, job: Job, root: str) -> list[dict[str, object]]:
        said: dict[str, object] = {"type": "video", "mime_type": "video/mp4"}
        if format_of(job.fields).get("delivery") == "uri":
            return [said | {"uri": f"{root}v1beta/files/{_file_of(job.id)}:download?alt=media"}]
        if job.has_fate("no_content"):
            return []
        return [said | {"data": base64.b64encode(tiny_film()).decode("ascii")}]

    async def _cancel(self, job_id: str, request: Request, exchange: Exchange) -> None:
        job = self.jobs.get(job_id)
        rule = self.script.strike("cancel", job.prompt if job else "")
        if job is None:
            good = REPLIES["not_found"]
        elif self.stand(job)[0].is_over and job_id not in self.stopped:
            good = REPLIES["too_late"]
        elif rule is not None and not rule.spares:
            good = REPLIES["server_error"]
        else:
            self.stopped.add(job_id)
            good = Reply.of(200, self.told(job, str(request.base_url)))
        await self.spoil(rule, good, exchange)

    async def _delete(self, job_id: str, exchange: Exchange) -> None:
        job, rule = self.jobs.get(job_id), self.script.strike("delete")
        if rule is None or rule.spares:
            self.jobs.pop(job_id, None)
        good = REPLIES["not_found"] if job is None else Reply.of(200, {})
        await self.spoil(rule, good, exchange)

    # -- films -------------------------------------------------------------------------

    async def _file(self, name: str, exchange: Exchange) -> None:
        jobs = (job for job in self.jobs.values() if _file_of(job.id) == name)
        job = next(jobs, None)
        rule = self.script.strike("file", job.prompt if job else "")
        is_done = job is not None and self.stand(job)[0] is Phase.DONE
        is_there = is_done and not (job and job.has_fate("no_content"))
        film = Reply(200, tiny_film(), {"content-type": "video/mp4"})
        good = film if is_there else error("NOT_FOUND", "No such file.")
        bent = film_reply(rule, good)
        if bent is not None:
            await exchange.answer(bent)
        else:
            await self.spoil(rule, good, exchange)


def _file_of(job_id: str) -> str:
    """Name the file of a film."""
    return job_id.removeprefix("v1_")[:12]


def _steps(content: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    said = [{"type": "text", "text": "Here is your video."}]
    return [
        {"type": "thought", "signature": "c2ln"},
        {"type": "model_output", "content": [*said, *content]},
    ]


def _bent(rule: Rule, told: dict[str, object]) -> Reply:
    known = {name: told[name] for name in ("id", "object", "model")}
    match rule.fault:
        case "regress":
            return Reply.of(200, known | {"status": "queued"})
        case "unknown_word":
            return Reply.of(200, known | {"status": rule.value or "pondering"})
        case "empty_handed":
            return Reply.of(200, known | {"status": "completed", "steps": _steps([])})
        case "bad_base64":
            steps = _steps([{"type": "video", "data": "%%%", "mime_type": "video/mp4"}])
            return Reply.of(200, known | {"status": "completed", "steps": steps})
        case _:  # job_error: the interaction in the body, a failure in the status line
            return Reply.of(int(rule.value or 500), told)


def _more(parser: argparse.ArgumentParser) -> None:
    """Take no words of its own."""


def _made(command: Command) -> GeminiServer:
    return GeminiServer(
        clock=command.clock,
        script=command.script,
        log=command.log,
        pace=command.pace,
        key=command.told.key,
    )


def main(words: Sequence[str] | None = None) -> None:
    """Serve until told to stop; the port is the first line on standard output."""
    serve("A simulated Gemini API with omni models.", _made, more=_more, words=words)


if __name__ == "__main__":
    main()
