"""Veo on Vertex AI, simulated: written from its protocol, with faults by script.

It answers predictLongRunning and fetchPredictOperation, under /v1 and /v1beta1; as Cloud Storage
it tells the names and bytes of films that a create sent into a bucket; and as Google's token
server it gives `--key` to whoever signs (POST /token).

Verbs of a script: connect (a create whose body is not read yet), create, fetch, list (of a bucket),
object, token.
Faults for every verb and the fates of a job: see `upstream`; the value of fail is the Status of
the operation, or a list of reasons for which all was filtered. For create also echo. For fetch:
regress, unknown_word (value: what `done` is), job_error (value: an HTTP status), empty_handed,
bad_base64. For object: empty, html_as_video, elsewhere (value: an address).

    rushes simulate vertex --port 0 --render-s 3
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
from rushes.testing.simulators.google_errors import error
from rushes.testing.simulators.host import Exchange, Reply
from rushes.testing.simulators.jobs import Fields, Job, Pace, Phase
from rushes.testing.simulators.script import RequestLog, Rule, Script
from rushes.testing.simulators.upstream import (
    SimulatedUpstream,
    film_reply,
    has_bearer,
    json_fields,
)
from rushes.testing.simulators.vertex_errors import REPLIES
from rushes.testing.simulators.vertex_wishes import instance_of, objection, parameters_of

HELD_TO: Final = "google-genai 3.6.1"
BROKE: Final = {"code": 13, "message": "Internal error while the film was made."}
BENT_LOOKS: Final = frozenset(
    {"regress", "unknown_word", "job_error", "empty_handed", "bad_base64"}
)
BENT_FILMS: Final = frozenset({"empty", "html_as_video", "elsewhere"})
TOKEN_S: Final = 3599


class VertexServer(SimulatedUpstream):
    """The ASGI application."""

    verbs = frozenset({"connect", "create", "fetch", "list", "object", "token"})
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
        self.signed: list[str] = []

    async def route(self, parts: Sequence[str], request: Request, exchange: Exchange) -> None:
        """Answer a request by the parts of its path."""
        if parts == ["token"]:
            await self._token(request, exchange)
            return
        if not self.opens(request):
            await exchange.answer(REPLIES["unauthorized"])
            return
        match request.method, parts:
            case "GET", ["storage", "v1", "b", bucket, "o"]:
                await self._list(bucket, request, exchange)
            case "GET", ["storage", "v1", "b", bucket, "o", name]:
                await self._object(bucket, name, exchange)
            case "POST", ["v1" | "v1beta1", *parent, last] if _is_model([*parent, last]):
                model, _, verb = last.rpartition(":")
                if verb == "predictLongRunning":
                    request.scope["model"] = "/".join([*parent, model])
                    await self.create(request, exchange)
                elif verb == "fetchPredictOperation":
                    await self._fetch("/".join([*parent, model]), request, exchange)
                else:
                    await exchange.answer(error("UNIMPLEMENTED", "No such method."))
            case _:
                await exchange.answer(error("NOT_FOUND", "No such path."))

    def opens(self, request: Request) -> bool:
        """Say whether a request has the token."""
        return has_bearer(request, self.key)

    # -- create ------------------------------------------------------------------------

    async def fields_of(self, request: Request) -> Fields:
        """Read a JSON object, and put the model of the path beside it."""
        return {**await json_fields(request), "_model": request.scope["model"]}

    def prompt_of(self, fields: Fields) -> str:
        """Return the prompt of a create."""
        return str(instance_of(fields).get("prompt", ""))

    def objection(self, fields: Fields) -> Reply | None:
        """Check a create as the protocol asks."""
        sentence = objection(fields)
        return error("INVALID_ARGUMENT", sentence) if sentence else None

    def new_id(self, fields: Fields) -> str:
        """Name an operation."""
        number = uuid5(NAMESPACE_URL, f"{self.prefix} {self.count}")
        return f"{fields['_model']}/operations/{number}"

    def created(self, job: Job) -> Reply:
        """Answer a create that was accepted."""
        return Reply.of(200, {"name": job.id})

    def echo(self, fields: Fields, request: Request) -> Reply:
        """Refuse with a sentence that quotes whatever it should not."""
        quotes = (self.prompt_of(fields), request.headers["authorization"], request.url)
        return error("INVALID_ARGUMENT", "We do not like {!r}, {!r}, {}.".format(*quotes))

    # -- look --------------------------------------------------------------------------

    async def _fetch(self, model: str, request: Request, exchange: Exchange) -> None:
        name = (await json_fields(request)).get("operationName")
        job = self.jobs.get(name) if isinstance(name, str) else None
        rule = self.script.strike("fetch", job.prompt if job else "")
        if not isinstance(name, str) or not name.startswith(f"{model}/operations/"):
            await exchange.answer(error("INVALID_ARGUMENT", "The operation is of another model."))
        elif job is None:
            await self.spoil(rule, REPLIES["not_found"], exchange)
        elif rule is not None and rule.fault in BENT_LOOKS:
            await exchange.answer(_bent(rule, self.told(job)))
        else:
            await self.spoil(rule, Reply.of(200, self.told(job)), exchange)

    def told(self, job: Job) -> dict[str, object]:
        """Describe an operation: while it works, by its name alone."""
        phase = self.stand(job)[0]
        told: dict[str, object] = {"name": job.id}
        fate = job.fate.value if job.fate else None
        if phase is Phase.BROKEN and isinstance(fate, list):
            told |= _done({"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": fate})
        elif phase is Phase.BROKEN:
            told |= {"done": True, "error": fate or BROKE}
        elif phase is Phase.DONE:
            told |= _done({"raiMediaFilteredCount": 0, "videos": self._videos(job)})
        return told

    def _videos(self, job: Job) -> list[dict[str, object]]:
        place = self._place(job)
        if place is None:
            if job.has_fate("no_content"):
                return []
            content = base64.b64encode(tiny_film()).decode("ascii")
            return [{"bytesBase64Encoded": content, "mimeType": "video/mp4"}]
        return [{"gcsUri": "gs://{}/{}".format(*place), "mimeType": "video/mp4"}]

    def _place(self, job: Job) -> tuple[str, str] | None:
        """Return bucket and name of a job's film, None where it goes into no bucket."""
        folder = parameters_of(job.fields).get("storageUri")
        if folder is None:
            return None
        bucket, _, prefix = str(folder).removeprefix("gs://").partition("/")
        number = int(job.id.rpartition("-")[2], 16)
        return bucket, f"{prefix.rstrip('/')}/{number}/sample_0.mp4".lstrip("/")

    def _objects(self) -> dict[tuple[str, str], Job]:
        """Return what lies in buckets: the films that are done."""
        done = (
            job
            for job in self.jobs.values()
            if self.stand(job)[0] is Phase.DONE and not job.has_fate("no_content")
        )
        placed = ((self._place(job), job) for job in done)
        return {place: job for place, job in placed if place is not None}

    # -- films and tokens ----------------------------------------------------------------

    async def _list(self, bucket: str, request: Request, exchange: Exchange) -> None:
        prefix = request.query_params.get("prefix", "")
        names = sorted(name for where, name in self._objects() if where == bucket)
        items = [{"name": name, "bucket": bucket} for name in names if name.startswith(prefix)]
        listed = {"kind": "storage#objects", **({"items": items} if items else {})}
        await self.spoil(self.script.strike("list"), Reply.of(200, listed), exchange)

    async def _object(self, bucket: str, name: str, exchange: Exchange) -> None:
        job = self._objects().get((bucket, name))
        rule = self.script.strike("object", job.prompt if job else "")
        film = Reply(200, tiny_film(), {"content-type": "video/mp4"})
        good = film if job is not None else error("NOT_FOUND", "No such object.")
        bent = film_reply(rule, good)
        if bent is not None:
            await exchange.answer(bent)
        else:
            await self.spoil(rule, good, exchange)

    async def _token(self, request: Request, exchange: Exchange) -> None:
        """Give the key to whoever asks with a signed assertion, as an OAuth token server does."""
        rule = self.script.strike("token")
        self.signed.append((await request.body()).decode("ascii"))
        answer = {"access_token": self.key or "any", "expires_in": TOKEN_S, "token_type": "Bearer"}
        await self.spoil(rule, Reply.of(200, answer), exchange)


def _is_model(parts: Sequence[str]) -> bool:
    match parts:
        case ["projects", _, "locations", _, "publishers", "google", "models", last]:
            return ":" in last
    return False


def _done(response: Mapping[str, object]) -> dict[str, object]:
    kind = "type.googleapis.com/cloud.ai.large_models.vision.GenerateVideoResponse"
    return {"done": True, "response": {"@type": kind, **response}}


def _bent(rule: Rule, told: dict[str, object]) -> Reply:
    name = {"name": told["name"]}
    match rule.fault:
        case "regress":
            return Reply.of(200, name | {"done": False})
        case "unknown_word":
            return Reply.of(200, name | {"done": rule.value or "soon"})
        case "empty_handed":
            return Reply.of(200, name | _done({}))
        case "bad_base64":
            video = {"bytesBase64Encoded": "%%%", "mimeType": "video/mp4"}
            return Reply.of(200, name | _done({"videos": [video]}))
        case _:  # job_error: the operation in the body, a failure in the status line
            return Reply.of(int(rule.value or 500), told)


def _more(parser: argparse.ArgumentParser) -> None:
    """Take no words of its own."""


def _made(command: Command) -> VertexServer:
    return VertexServer(
        clock=command.clock,
        script=command.script,
        log=command.log,
        pace=command.pace,
        key=command.told.key,
    )


def main(words: Sequence[str] | None = None) -> None:
    """Serve until told to stop; the port is the first line on standard output."""
    serve("A simulated Veo on Vertex AI.", _made, more=_more, words=words)


if __name__ == "__main__":
    main()
