"""One film on its way: submit once, look, open, decode; and all that was said about it."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from rushes.cli.paper import say, talk
from rushes.cli.transcript import Footage, Step, Transcript
from rushes.cli.trial import Terms, Trial, where
from rushes.clock import Clock, SystemClock
from rushes.domain.ids import new_token
from rushes.domain.submit import Ticket
from rushes.media.inspector import FilmInspector
from rushes.ports import NotAFilm
from rushes.providers.answers import plain
from rushes.providers.base import (
    Busy,
    Film,
    FilmLost,
    Found,
    InDoubt,
    Lost,
    NotUnderstood,
    Outcome,
    Provider,
    Ready,
    Unreachable,
    Working,
)
from rushes.providers.base import (
    Refused as NotTaken,
)
from rushes.providers.rest import EAR, Call
from rushes.settings import Settings
from rushes.testing.live import DELIVERED

FIND_TRIES: Final = 6
FIND_PAUSE_S: Final = 10.0
OPEN_TRIES: Final = 3
TROUBLES_MAX: Final = 20
"""How many looks in a row may teach nothing."""

PAUSE_S_MIN: Final = 0.5

Pause = Callable[[float], Awaitable[None]]


class _NoAssets:
    """Files of a wish that has none."""

    async def path_of(self, blob: str) -> Path:
        """Find nothing."""
        raise FileNotFoundError(blob)


class Ended(Exception):
    """There will be no film; the message says why."""


@dataclass
class Attempt:
    """A trial under way, and its notes.

    `clock` and `pause` are time, which a test brings along.
    """

    trial: Trial
    provider: Provider
    settings: Settings
    terms: Terms
    is_price_shown: bool
    pause: Pause = asyncio.sleep
    clock: Clock = field(default_factory=SystemClock)
    ticket: Ticket | None = None
    usage: dict[str, object] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    begun_s: float = 0.0
    _verb: str = ""
    _since_s: float = 0.0

    async def run(self, film: Path | None = None) -> Transcript:
        """Have the film made, bring it home, and look at it; `film` is where it is left."""
        self.begun_s = self._now_s()
        footage: Footage | None = None
        ear = EAR.set(self._hear)
        try:
            await self._submit()
            ready = await self._follow()
            self.usage = dict(ready.usage)
            footage = await self._bring(ready.film, film)
            outcome = DELIVERED
        except Ended as ended:
            outcome = str(ended)
        finally:
            EAR.reset(ear)
            await self.provider.close()
        return Transcript(
            kind=self.trial.provider.kind,
            profile=self.trial.provider.profile,
            upstream_model=self.trial.route.upstream_model,
            wished=self.trial.wished,
            where=where(self.trial.provider),
            on=self.clock.now().date(),
            cost_max_microusd=self.terms.max_microusd,
            is_price_shown=self.is_price_shown,
            outcome=outcome,
            steps=tuple(self.steps),
            ticket=self.ticket,
            film=footage,
            usage=self.usage or None,
        )

    def _now_s(self) -> float:
        return self.clock.now().timestamp()

    def tell_ticket(self) -> None:
        """Tell the operator, and no page, under which handle the upstream knows the film."""
        if self.ticket is not None:
            shown = json.dumps(dict(self.ticket))
            say(talk(), f"The upstream may still make it, and bill it; its ticket is {shown}")

    async def _submit(self) -> None:
        """Submit, once.

        Raises:
            Ended: it was not taken, or nobody knows.
        """
        token, since = new_token(), self.clock.now()
        trial = self.trial
        try:
            async with self._doing("submit"):
                self.ticket = await self.provider.submit(
                    trial.spec,
                    upstream_model=trial.route.upstream_model,
                    token=token,
                    assets=_NoAssets(),
                )
        except NotTaken as refused:
            reason = refused.failure.reason.value
            raise Ended(f"refused, and not made: {reason} ({_plain(refused.note)})") from None
        except Busy as busy:
            raise Ended(f"too busy, and not made: {_plain(busy.note)}") from None
        except (InDoubt, NotUnderstood, Unreachable) as doubt:
            await self._find(token, since, _plain(str(doubt)))
        self._understood("accepted")

    async def _find(self, token: str, since: datetime, doubt: str) -> None:
        """Look for a submit that got no answer. It is never sent again."""
        for _ in range(FIND_TRIES):
            await self.pause(FIND_PAUSE_S)
            try:
                async with self._doing("find"):
                    found = await self.provider.find(
                        token,
                        self.trial.spec,
                        upstream_model=self.trial.route.upstream_model,
                        since=since,
                    )
            except (NotUnderstood, Unreachable):
                continue
            self._understood(type(found).__name__.lower())
            if isinstance(found, Found):
                self.ticket = found.ticket
                return
        raise Ended(
            f"in doubt: the submit got no answer ({doubt}) and was not found; it was "
            "not sent again, and may be billed: look at the provider's own list"
        )

    async def _follow(self) -> Ready:
        """Look until there is a verdict.

        Raises:
            Ended: there is no film, or not in time.
        """
        ticket, troubles = self.ticket or {}, 0
        until_s = self._now_s() + self.settings.times.render_s
        while self._now_s() < until_s:
            try:
                async with self._doing("check"):
                    outcome: Outcome = await self.provider.check(ticket)
            except (NotUnderstood, Unreachable) as trouble:
                troubles += 1
                if troubles >= TROUBLES_MAX:
                    why = _plain(str(trouble))
                    raise Ended(f"{troubles} looks taught nothing: {why}") from None
                await self.pause(PAUSE_S_MIN * min(troubles, FIND_PAUSE_S))
                continue
            troubles = 0
            match outcome:
                case Working():
                    said = "" if outcome.progress is None else f", {outcome.progress} %"
                    self._understood(f"working{said}")
                    await self.pause(max(PAUSE_S_MIN, outcome.look_again_s))
                case Ready():
                    self._understood("ready")
                    return outcome
                case Lost():
                    why = _plain(outcome.failure.message)
                    raise Ended(f"lost: {outcome.failure.reason.value} ({why})")
        raise Ended(f"not finished within {self.settings.times.render_s:g} s")

    async def _bring(self, film: Film, place: Path | None) -> Footage:
        """Bring the film home, and decode it to its end.

        Raises:
            Ended: it cannot be had, or is none.
        """
        with TemporaryDirectory(prefix="rushes-verify-") as folder:
            home = Path(folder) / "film"
            asked_s = self._now_s()
            size_bytes = await self._download(film, home)
            self._understood(f"{size_bytes} bytes in {self._now_s() - asked_s:.2f} s")
            try:
                probe = await FilmInspector().inspect(home, Path(folder))
            except (NotAFilm, OSError) as error:
                raise Ended(f"what came is no film: {error}") from None
            if place is not None:
                shutil.move(home, place)
            return Footage(probe, size_bytes)

    async def _download(self, film: Film, home: Path) -> int:
        for attempt in range(1, OPEN_TRIES + 1):
            try:
                async with self._doing("open"), self.provider.open(film) as stream:
                    size_bytes = 0
                    with home.open("wb") as file:
                        async for part in stream.chunks:
                            size_bytes += len(part)
                            if size_bytes > self.settings.limits.film_bytes_max:
                                raise Ended(f"the film is larger than {size_bytes} bytes")
                            file.write(part)
            except FilmLost as error:
                raise Ended(f"made, and gone again: {_plain(str(error))}") from None
            except (NotUnderstood, Unreachable) as trouble:
                if attempt == OPEN_TRIES:
                    raise Ended(f"made, and not to be had: {_plain(str(trouble))}") from None
                await self.pause(PAUSE_S_MIN)
            else:
                return size_bytes
        raise AssertionError("a loop that is left by its last try")

    # -- what is written down ------------------------------------------------------------

    @asynccontextmanager
    async def _doing(self, verb: str) -> AsyncIterator[None]:
        """Write down what a verb says; what it raises is what it came to."""
        self._verb, self._since_s = verb, self._now_s()
        count = len(self.steps)
        try:
            yield
        except Exception as error:
            self._finish(count)
            self._understood(f"{_verdict(error)}: {_plain(str(error))}")
            raise
        self._finish(count)

    def _finish(self, count: int) -> None:
        if len(self.steps) == count:  # the verb knew without asking
            self._hear(None)

    def _hear(self, call: Call | None) -> None:
        now_s = self._now_s()
        at_s = self._since_s - self.begun_s
        self.steps.append(Step(at_s, now_s - self._since_s, self._verb, call))
        self._since_s = now_s

    def _understood(self, came_to: str) -> None:
        self.steps[-1] = replace(self.steps[-1], came_to=came_to)
        say(talk(), f"{self.steps[-1].verb}: {came_to}")


def _verdict(error: Exception) -> str:
    words = {
        "Refused": "refused",
        "Busy": "busy",
        "InDoubt": "in doubt",
        "NotThere": "not there",
        "NotUnderstood": "not understood",
        "Unreachable": "unreachable",
        "FilmLost": "lost",
    }
    return words.get(type(error).__name__, type(error).__name__)


def _plain(text: str) -> str:
    return plain(text) or "nothing more was said"
