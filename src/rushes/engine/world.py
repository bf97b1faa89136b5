"""Everything a step of the story may touch, in one value."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from rushes.clock import Clock
from rushes.domain.catalog import Catalog
from rushes.domain.errors import Failure
from rushes.domain.retention import Retention
from rushes.domain.submit import Submit, Verdict
from rushes.domain.task import Task
from rushes.engine.charging import Charged
from rushes.engine.moderation import Admitted, Judgements, Moderation
from rushes.engine.reading import Rows, rows_of
from rushes.observe import Metrics, unheard
from rushes.ports import Blobs, Budgets, Darkroom, Dispatcher, Examiner, Fetcher, Store
from rushes.providers.base import Assets, Provider
from rushes.traces import SILENT, Traces

RECOVERIES_PER_S: Final = 500.0
"""How many tasks of workers that died one process begins to watch in a second."""

PACE_AHEAD_MAX: Final = timedelta(minutes=15)

LINE_SHARE: Final = 0.98
"""How much of what an account allows goes to looks that nobody rang for."""

NEWS_LIFE: Final = timedelta(seconds=5)
"""How long a free look is kept for one that was woken by news, and does not come back for it."""

TURNS_KEPT: Final = 1_000
TURN_LIFE: Final = timedelta(minutes=10)
"""How long a turn is kept that nobody comes for: its task has ended, or is carried elsewhere."""

CLOCK_PLAY: Final = timedelta(milliseconds=1)


@dataclass(slots=True)
class Looks:
    """How many looks, searches and cancels an account still allows at this moment.

    No second sees more than `per_s`; below one a second, each has its share of time. It is told
    the time, and lets a worker wait instead of holding it. Where `crowd` processes look, each
    has an equal share.

    Whoever says its name stands in a line: it is told once when its turn is, so that of ten
    thousand only those wake who may look. Who comes before its turn was woken by news, and need
    not wait for it: a fiftieth of the looks is kept for those (`LINE_SHARE`). It is what those
    catch up with who are overdue, because the process stood still: with less they never do. The
    looks that are free next are for those who were woken by news and found none left.
    """

    per_s: float | None = None
    crowd: int = 1
    _taken: deque[datetime] = field(default_factory=deque, init=False)
    _turns: dict[str, datetime] = field(default_factory=dict, init=False)
    _told: deque[datetime] = field(default_factory=deque, init=False)
    _news: dict[str, datetime] = field(default_factory=dict, init=False)
    _line_ends_at: datetime | None = field(default=None, init=False)
    _told_at: datetime | None = field(default=None, init=False)
    _turns_max: int = field(default=TURNS_KEPT, init=False)

    def wait_s(self, at: datetime, who: str = "") -> float:
        """Take one look and return 0, or return how long to wait before asking again."""
        if self.per_s is None:
            return 0.0
        self._hear(at)
        if who and who not in self._turns:
            turn = self._end_of_line(at)
            if turn > at:
                self._turns[who] = turn
                return (turn - at).total_seconds()
        turn = self._turns.pop(who, at)
        is_news = turn > at
        self._news.pop(who, None)
        per_s = self.per_s / self.crowd
        count_max = max(1, int(per_s))
        kept = 0 if is_news else self._kept_for_news(at)
        span = timedelta(seconds=max(1.0, 1.0 / per_s))
        while self._taken and self._taken[0] + span <= at:
            self._taken.popleft()
        if len(self._taken) >= count_max - kept:
            free_at = self._free_at(at, span, is_first=is_news or not who)
            if who:
                self._turns[who] = turn
            if is_news:
                self._news[who] = free_at + NEWS_LIFE
            return (free_at - at).total_seconds()
        self._taken.append(at)
        return 0.0

    def again_s(self, at: datetime, who: str, pause_s: float) -> float:
        """Take the next turn after a pause; return how long it is until then."""
        if self.per_s is None:
            return pause_s
        self._hear(at)
        turn = max(at + timedelta(seconds=pause_s), self._end_of_line(at))
        self._turns[who] = turn
        return (turn - at).total_seconds()

    def _free_at(self, at: datetime, span: timedelta, *, is_first: bool) -> datetime:
        """Return when a look is free: the next, or the one after those that others were told of.

        Told the same moment, thousands who are overdue would read their rows for each look, and
        it would never end.
        """
        while self._told and self._told[0] <= at:
            self._told.popleft()
        if not self._taken:
            return at + span
        if is_first:
            return self._taken[0] + span
        rounds, place = divmod(len(self._told), len(self._taken))
        free_at = self._taken[place] + (1 + rounds) * span
        self._told.append(free_at)
        return free_at

    def _kept_for_news(self, at: datetime) -> int:
        """Count those who came before their turn and found no look left: the next are theirs."""
        if self._news:
            self._news = {who: until for who, until in self._news.items() if until > at}
        return len(self._news)

    def _end_of_line(self, at: datetime) -> datetime:
        """Return when the turn of the next one is, and let the line end after it."""
        turn = max(at, self._line_ends_at or at)
        per_s = LINE_SHARE * (self.per_s or 1.0) / self.crowd
        self._line_ends_at = turn + timedelta(seconds=1.0 / per_s)
        return turn

    def _hear(self, at: datetime) -> None:
        """Forget everything if the clock was set back, and turns that nobody came for."""
        if self._told_at is not None and at < self._told_at - CLOCK_PLAY:
            self._taken.clear()
            self._turns.clear()
            self._told.clear()
            self._news.clear()
            self._line_ends_at = None
        self._told_at = at
        if len(self._turns) >= self._turns_max:
            since = at - TURN_LIFE
            self._turns = {who: turn for who, turn in self._turns.items() if turn > since}
            self._turns_max = max(TURNS_KEPT, 2 * len(self._turns))


@dataclass(slots=True)
class Pace:
    """Lets whoever comes go on one after the other, `per_s` of them in a second.

    Each is told once how long to wait, so that nobody has to ask again.
    """

    per_s: float
    _free_at: datetime | None = field(default=None, init=False)

    def wait_s(self, at: datetime) -> float:
        """Return how long the next has to wait."""
        free_at = self._free_at
        if free_at is None or not at < free_at < at + PACE_AHEAD_MAX:  # a clock may be set
            free_at = at
        self._free_at = free_at + timedelta(seconds=1.0 / self.per_s)
        return (free_at - at).total_seconds()


@dataclass(frozen=True, slots=True)
class Upstream:
    """A provider and the reference of the credential it speaks with (never the secret).

    With `tells_trace` its requests say which span they belong to.
    """

    provider: Provider
    credential: str
    looks: Looks = field(default_factory=Looks)
    tells_trace: bool = False


@dataclass(frozen=True, slots=True)
class Again:
    """The task wants another step, no later than that.

    With `is_put_off` this one did not do what it was for: if somebody rang, that stands.
    """

    after_s: float
    is_put_off: bool = False


@dataclass(frozen=True, slots=True)
class Over:
    """This work has nothing more to do for the task."""


Next = Again | Over
NOW = Again(0.0)
OVER = Over()

Patience = Callable[[float], AbstractAsyncContextManager[object]]
"""Bounds a wait: `async with patience(60.0): ...` raises TimeoutError when time is up."""


def _one_life() -> int | None:
    return 1


async def _at_once(*, is_rung: bool) -> None:
    """Let everybody pass."""
    del is_rung


class Gate(Protocol):
    """Lets those who want to look pass, those first who were rung for."""

    async def __call__(self, *, is_rung: bool) -> None:
        """Return when it is the caller's turn."""
        ...


@dataclass(frozen=True, slots=True)
class Unwritten:
    """What was learned of a submit, and how its task stood then, while the store was away."""

    task: Task
    submit: Submit
    expected: frozenset[Verdict]
    failure: Failure | None


@dataclass(slots=True)
class World:
    """The ports of the story. `jitter` draws from [0, 1); `note_progress` is saved in groups.

    `catalog` and `upstreams` are exchanged whole when the configuration is read anew. `former`
    are upstreams that left it, or speak with another credential now: what was submitted there
    is still looked after there. `hooks` is where upstreams can ring, None where they cannot.
    `submitting` is held from an intent to its answer; `life` says in which
    life this process is, None while others may take it for dead: what was begun in one life must
    not be sent in another. `recoveries` keeps those who take over many watched tasks at once
    from asking about all of them at once, and `turnstile` those whose looks are due together from
    taking the loop from all others. `read_rows` reads what a step begins with, for many at once.
    `unwritten` is what was learned of submits while the
    store was away, by task and number. `moderation` is exchanged whole, as the catalog is;
    `admitted` is what it let go on, `judgements` are its numbers. `charged` counts what films came
    to here. `metrics` and `traces` are for operators only.
    """

    store: Store
    clock: Clock
    catalog: Catalog
    upstreams: Mapping[str, Upstream]
    blobs: Blobs
    assets: Assets
    fetcher: Fetcher
    examiner: Examiner
    darkroom: Darkroom
    dispatcher: Dispatcher
    budgets: Budgets
    patience: Patience
    jitter: Callable[[], float]
    note_progress: Callable[[str, int, int], None]
    scratch: Path
    submitting: Callable[[], AbstractContextManager[None]] = nullcontext
    life: Callable[[], int | None] = _one_life
    former: Mapping[tuple[str, str], Upstream] = field(default_factory=dict)
    hooks: str | None = None
    recoveries: Pace = field(default_factory=lambda: Pace(RECOVERIES_PER_S))
    turnstile: Gate = _at_once
    read_rows: Callable[[str], Awaitable[Rows]] | None = None
    retention: Retention = field(default_factory=Retention)
    unwritten: dict[tuple[str, int], Unwritten] = field(default_factory=dict)
    moderation: Moderation = field(default_factory=Moderation)
    admitted: Admitted = field(default_factory=Admitted)
    judgements: Judgements = field(default_factory=Judgements)
    charged: Charged = field(default_factory=Charged)
    metrics: Metrics = field(default_factory=unheard)
    traces: Traces = SILENT

    async def rows_of(self, task_id: str) -> Rows:
        """Read a task and its submits as they stand."""
        if self.read_rows is not None:
            return await self.read_rows(task_id)
        return await rows_of(task_id, self.store)

    def upstream_of(self, submit: Submit) -> Upstream | None:
        """Return the upstream that has a submit, with the credential that submitted it."""
        present = self.upstreams.get(submit.provider)
        if present is not None and present.credential == submit.credential:
            return present
        return self.former.get((submit.provider, submit.credential), present)

    def look_wait_s(self, submit: Submit) -> float:
        """Return how long to wait before its upstream may be asked about a submit."""
        upstream = self.upstream_of(submit)
        return 0.0 if upstream is None else upstream.looks.wait_s(self.clock.now())

    def callback_url(self, upstream: Upstream, token: str) -> str | None:
        """Return where an upstream may ring for one submit; None if it cannot or would not."""
        if self.hooks is None or not upstream.provider.takes_hints:
            return None
        return f"{self.hooks}/{upstream.provider.name}/{token}"

    def share_looks(self, crowd: int) -> None:
        """Share what each account allows a second with as many processes."""
        for upstream in (*self.upstreams.values(), *self.former.values()):
            upstream.looks.crowd = crowd

    def pause_s(self, count: int) -> float:
        """Return how long to wait after the `count`-th trouble in a row, jittered."""
        pauses = self.budgets.pauses_s
        pause_s = pauses[min(max(count, 1), len(pauses)) - 1]
        return pause_s * (0.75 + 0.5 * self.jitter())
