"""What all simulated upstreams have in common: a script, a log, jobs, and ways to misbehave.

An upstream of its own is a subclass: its routes, what it objects to, and how it describes a
job. Everything that goes wrong below and around that is here, so that each fault means the
same everywhere.

Faults for every verb: the names of the upstream's own `replies` (value: more headers), answer
(value: status, body, headers), drop, hang, half (breaks off), slow (value: seconds). For create
also the fates of a job: fail (value: what the upstream says of it), never_ends, skip_states,
no_content. The verb connect is a create whose body is not read yet.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final
from urllib.parse import unquote

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from rushes.clock import Clock, SystemClock
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.host import PAGE, Exchange, Reply
from rushes.testing.simulators.jobs import FATES, Fields, Job, Pace, Phase
from rushes.testing.simulators.script import RequestLog, Rule, Script

WIRE: Final = frozenset({"answer", "drop", "hang", "half", "slow"})
"""Faults below HTTP, or instead of it."""


@dataclass(frozen=True, slots=True)
class Told:
    """The value of the fault `answer`: what to say, word for word."""

    status: int
    body: object
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came in: its path as written, its headers by lowercase names."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


class SimulatedUpstream:
    """An ASGI application that behaves like an upstream, and misbehaves as it is told.

    `replies` are answers that are wrong by themselves: at least `unauthorized`, `not_found` and
    `server_error`. `verbs` and `bent` are the verbs of the upstream's script, and the faults
    that only it knows.
    """

    verbs: ClassVar[frozenset[str]]
    bent: ClassVar[frozenset[str]] = frozenset()
    replies: ClassVar[Mapping[str, Reply]]

    def __init__(
        self,
        *,
        pace: Pace,
        clock: Clock | None = None,
        script: Script | None = None,
        log: RequestLog | None = None,
    ) -> None:
        self.pace = pace
        self.clock = clock or SystemClock()
        self.script = script or Script()
        self.check(self.script)
        self.log = log or RequestLog()
        self.seen: list[Seen] = []
        self.jobs: dict[str, Job] = {}
        self.prefix = secrets.token_hex(10)
        self.count = 0

    def check(self, script: Script) -> None:
        """Make sure that a script speaks of what is known here.

        Raises:
            ValueError: a rule would never strike.
        """
        script.check(self.verbs, frozenset(self.replies) | WIRE | FATES | self.bent)

    def restart(self) -> None:
        """Forget every job, as a server that keeps them in memory does."""
        self.jobs.clear()

    # -- what an upstream of its own says ------------------------------------------------

    async def route(self, parts: Sequence[str], request: Request, exchange: Exchange) -> None:
        """Answer a request by the parts of its path."""
        raise NotImplementedError

    def opens(self, request: Request) -> bool:
        """Say whether a request has the key."""
        raise NotImplementedError

    async def fields_of(self, request: Request) -> Fields:
        """Read the body of a create."""
        raise NotImplementedError

    def prompt_of(self, fields: Fields) -> str:
        """Return the prompt of a create."""
        raise NotImplementedError

    def objection(self, fields: Fields) -> Reply | None:
        """Check a create as the protocol asks; return the refusal, if it is one."""
        raise NotImplementedError

    def new_id(self, fields: Fields) -> str:
        """Name a job; `count` has just risen."""
        raise NotImplementedError

    def created(self, job: Job) -> Reply:
        """Answer a create that was accepted."""
        raise NotImplementedError

    def film_sha256(self, job: Job) -> str | None:
        """Return the digest of the film it will serve for a job, if the log shall tell it."""
        return None

    def echo(self, fields: Fields, request: Request) -> Reply:
        """Refuse with a sentence that quotes whatever it should not: the fault `echo`."""
        raise NotImplementedError

    # -- what is the same for all --------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        headers = {name.lower(): value for name, value in request.headers.items()}
        path = scope["raw_path"].decode("ascii")
        self.seen.append(Seen(request.method, path, request.url.query, headers))
        exchange = Exchange(scope, receive, send, at=self.clock.now())
        parts = [unquote(part) for part in path[1:].split("/")]
        try:
            if parts[0] == "_simulator":
                await exchange.answer(await self._control(parts[1:], request))
            else:
                await self.route(parts, request, exchange)
        except ClientDisconnect:
            await exchange.hang()

    async def create(self, request: Request, exchange: Exchange) -> None:
        """Make a job, or spoil it; every attempt is on record before it is answered."""
        early = self.script.strike("connect")
        if early is not None:
            self._note({}, early, None)
            await self.spoil(early, self.replies["server_error"], exchange)
            return
        fields = await self.fields_of(request)
        rule = self.script.strike("create", self.prompt_of(fields))
        fate = rule if rule is not None and rule.fault in FATES else None
        refusal = self.objection(fields)
        accepts = refusal is None and (rule is None or fate is not None or rule.spares)
        job = self._accept(fields, fate) if accepts else None
        self._note(fields, rule, job)
        good = refusal or (self.created(job) if job else self.replies["server_error"])
        if rule is not None and rule.fault == "echo":
            good, rule = self.echo(fields, request), None
        await self.spoil(None if fate else rule, good, exchange)

    def _accept(self, fields: Fields, fate: Rule | None) -> Job:
        self.count += 1
        job = Job(
            id=self.new_id(fields),
            prompt=self.prompt_of(fields),
            created_at=self.clock.now(),
            fate=fate,
            fields=fields,
        )
        self.jobs[job.id] = job
        return job

    def _note(self, fields: Fields, rule: Rule | None, job: Job | None) -> None:
        digest = self.film_sha256(job) if job else None
        self.log.note(
            at=self.clock.now().isoformat(),
            prompt=self.prompt_of(fields) or None,
            accepted=job is not None,
            job_id=job.id if job else None,
            fault=rule.fault if rule else None,
            **({} if digest is None else {"film_sha256": digest}),
        )

    def stand(self, job: Job) -> tuple[Phase, int]:
        """Return where a job stands now, and its progress in percent."""
        return job.stand(self.pace, self.clock.now())

    async def spoil(self, rule: Rule | None, good: Reply, exchange: Exchange) -> None:
        """Answer well, or as badly as a rule wants it."""
        await spoil(rule, good, exchange, self.replies)

    async def _control(self, verb: Sequence[str], request: Request) -> Reply:
        """Steer a simulator that runs as its own process."""
        match request.method, verb:
            case "POST", ["advance"] if isinstance(self.clock, ManualClock):
                self.clock.advance(float((await request.json())["seconds"]))
            case "POST", ["rules"]:
                script = Script.read((await request.body()).decode())
                self.check(script)
                self.script.clear()
                self.script.add(*script.rules)
            case "POST", ["restart"]:
                self.restart()
            case "GET", ["log"]:
                return Reply.of(200, self.log.entries)
            case "GET", ["seen"]:
                asked = [one for one in self.seen if not one.path.startswith("/_simulator/")]
                return Reply.of(200, [{"method": one.method, "path": one.path} for one in asked])
            case _:
                return self.replies["not_found"]
        return Reply.of(200, {})


async def spoil(
    rule: Rule | None, good: Reply, exchange: Exchange, bad: Mapping[str, Reply]
) -> None:
    """Answer well, or as badly as a rule wants it; `bad` are the answers of faults, by name."""
    match rule.fault if rule else "":
        case "":
            await exchange.answer(good)
        case "drop":
            await exchange.drop()
        case "hang":
            await exchange.hang()
        case "half":
            await exchange.answer_half(good)
        case "slow":
            await exchange.pause(float(rule.value) if rule else 0.0)
            await exchange.answer(good)
        case "answer":
            told = msgspec.convert(rule.value if rule else None, Told)
            await exchange.answer(Reply.of(told.status, told.body, told.headers))
        case fault:
            more = rule.value if rule is not None and isinstance(rule.value, dict) else {}
            reply = bad[fault]
            await exchange.answer(Reply(reply.status, reply.body, {**reply.headers, **more}))


def has_bearer(request: Request, key: str | None) -> bool:
    """Say whether a request carries this Bearer key; None stands for any."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return scheme == "Bearer" and bool(given) and key in {None, given}


async def json_fields(request: Request) -> dict[str, object]:
    """Read a JSON object; whatever else came has no fields."""
    try:
        return msgspec.json.decode(await request.body(), type=dict[str, object])
    except msgspec.DecodeError:
        return {}


def film_reply(rule: Rule | None, good: Reply) -> Reply | None:
    """Return a bent answer in place of a film's bytes; None where the rule bends nothing.

    The faults `empty`, `html_as_video` and `elsewhere` (value: an address).
    """
    match rule.fault if rule else "":
        case "empty":
            return Reply(200, b"", good.headers)
        case "html_as_video":
            return Reply(200, PAGE, good.headers)
        case "elsewhere":
            return Reply(307, b"", {"location": str(rule.value) if rule else ""})
        case _:
            return None
