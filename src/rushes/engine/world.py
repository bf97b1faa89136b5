"""Everything a step of the story may touch, in one value."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from rushes.clock import Clock
from rushes.domain.catalog import Catalog
from rushes.domain.errors import Failure
from rushes.domain.retention import Retention
from rushes.domain.submit import Submit, Verdict
from rushes.domain.task import Task
from rushes.engine.charging import Charged
from rushes.engine.looks import Looks, Pace
from rushes.engine.moderation import Admitted, Judgements, Moderation
from rushes.engine.reading import Rows, rows_of
from rushes.engine.routing import Way
from rushes.observe import Metrics, unheard
from rushes.ports import Blobs, Budgets, Darkroom, Dispatcher, Examiner, Fetcher, Store
from rushes.providers.base import Assets, Provider
from rushes.traces import SILENT, Traces

RECOVERIES_PER_S: Final = 500.0
"""How many tasks of workers that died one process begins to watch in a second."""


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


class Gate(Protocol):
    """Lets those who want to look pass, as their accounts allow, those first who were rung for."""

    async def __call__(self, allowance: Looks, *, is_rung: bool) -> None:
        """Return when it is the caller's turn, with a look taken."""
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
    `waiting` are the tasks here that wait for routes that are left alone, and which: the keeper
    wakes them once one works again. `unwritten` is what was learned of submits while the store
    was away, by task and number. `moderation` is exchanged whole, as the catalog is;
    `admitted` is what it let go on, `judgements` are its numbers. `charged` counts what films came
    to here; `wall` is the clock of strangers, where that is another than ours. `carrying` is
    the work under way in this process. `metrics` and `traces` are for operators only.
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
    turnstile: Gate | None = None
    read_rows: Callable[[str], Awaitable[Rows]] | None = None
    retention: Retention = field(default_factory=Retention)
    waiting: dict[str, frozenset[Way]] = field(default_factory=dict)
    unwritten: dict[tuple[str, int], Unwritten] = field(default_factory=dict)
    moderation: Moderation = field(default_factory=Moderation)
    admitted: Admitted = field(default_factory=Admitted)
    judgements: Judgements = field(default_factory=Judgements)
    charged: Charged = field(default_factory=Charged)
    wall: Clock | None = None
    carrying: set[str] = field(default_factory=set)
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

    async def pass_s(self, looks: Looks, *, is_rung: bool) -> float:
        """Wait for a look and take it; without a turnstile return how long to wait for one."""
        if self.turnstile is None:
            return looks.wait_s(self.clock.now())
        await self.turnstile(looks, is_rung=is_rung)
        return 0.0

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

    def told_at(self, at: datetime) -> datetime:
        """Return what clocks of strangers said at an instant of ours: lists, files, buckets."""
        return at if self.wall is None else at + (self.wall.now() - self.clock.now())

    def pause_s(self, count: int) -> float:
        """Return how long to wait after the `count`-th trouble in a row, jittered."""
        pauses = self.budgets.pauses_s
        pause_s = pauses[min(max(count, 1), len(pauses)) - 1]
        return pause_s * (0.75 + 0.5 * self.jitter())
