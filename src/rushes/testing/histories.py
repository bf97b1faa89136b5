"""Histories: tasks, callers, workers and a keeper in a world that kills, pauses and lies.

A history is decided by a `Fate`: a seed for a random one, or a plan for an enumerated one
(kill or pause at exactly the n-th boundary). The same fate gives the same trace. The code
that runs is the real story, keeper and carrying; only the ports are fakes.
"""

from __future__ import annotations

import logging
import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import Final, cast

import structlog

from rushes.deeds.salvage import MADE, NotAdoptable, adopt
from rushes.domain.access import DEFAULT_ACCOUNT_ID, CancelRule, canceled, hold
from rushes.domain.catalog import Catalog, Listing, ModelCard, Route
from rushes.domain.errors import LeaseLost, StoreBusy
from rushes.domain.ids import new_task_id
from rushes.domain.spec import Mode, Size, Spec
from rushes.domain.submit import Submit
from rushes.domain.task import Event, Task
from rushes.engine.carry import carry
from rushes.engine.keeper import Keeper
from rushes.engine.world import Upstream, World
from rushes.ports import (
    Budgets,
    Dispatcher,
    Examiner,
    Fetcher,
    Transaction,
    Work,
    work_id_of,
)
from rushes.providers.base import Assets
from rushes.testing.auditor import Auditor
from rushes.testing.fakes import ManualClock
from rushes.testing.memory_store import MemoryStore
from rushes.testing.scheduler import Actor, Stage
from rushes.testing.world import (
    ANSWERS,
    CANCELS,
    FATES,
    FILMS,
    FINDS,
    NoFetcher,
    NoPatience,
    Script,
    SimBell,
    SimBlobs,
    SimDarkroom,
    SimDispatcher,
    SimRecords,
    SimStore,
    SimUpstream,
)

NOON: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
REAP_AFTER_S: Final = 6.0
DOWN_FOR_S: Final = 5400.0
"""Longer than a render, and shorter than the time to bring a film home."""

LOST_FOR_S: Final = 400.0
"""Longer than a submit and its quarantine: only the keeper moves the task meanwhile."""

STEPS_MAX: Final = 20_000
PRICE_MICROUSD: Final = 700_000
SIM_BUDGETS: Final = Budgets(
    pauses_s=(5.0, 60.0, 300.0, 900.0), aftercare=timedelta(hours=3), collect=timedelta(hours=2)
)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one task of a history is, and what happens to it from outside.

    `cancel_after` is a number of boundaries; so is `delete_after`, but for a task that goes on
    longer, the end of which is waited for. Where an operator `adopts`, every late film is given to
    a task of its own, whenever it comes; and a second operator at the same moment has to be told
    that it is taken.
    """

    script: Script = field(default_factory=Script)
    fallback: Script | None = None
    is_billable: bool = True
    attempts_max: int = 3
    cancel_after: int | None = None
    start_within_s: int | None = None
    cancel_rule: CancelRule = CancelRule.RELEASE
    delete_after: int | None = None
    adopts: bool = False


@dataclass(frozen=True, slots=True)
class Fate:
    """What befalls a history: at most one planned blow, or random ones by a seed.

    `blow` is "kill" (the worker), "lose" (the worker, and nobody takes over for long), "kill all"
    (the process), "down" (the process, and none is started for longer than a render may take) or
    "pause" (the worker, past its takeover, then awake again); it strikes at the boundary numbered
    `at`.
    """

    wishes: tuple[Wishes, ...]
    seed: int = 0
    blow: str = ""
    at: int = -1
    is_random: bool = False


class Stop(Enum):
    """Who stood at a boundary; it decides which blows can make a difference there."""

    WORK = auto()
    KEEPER = auto()
    KEEPER_ALONE = auto()
    END = auto()


FELT: Final[Mapping[Stop, frozenset[str]]] = {
    Stop.WORK: frozenset({"kill", "lose", "kill all", "down", "pause"}),
    Stop.KEEPER: frozenset({"kill", "kill all", "down"}),
    Stop.KEEPER_ALONE: frozenset({"kill", "down"}),
    Stop.END: frozenset(),
}
"""Which blows tell a new story: the keeper has no work that is taken over, so that to lose it is
to kill it, and no pause; where it stands alone, it is all there is to kill; and nothing strikes
an actor that is over. The blows left out tell a story, to the letter, that is told anyway."""


class History:
    """One run of the world from the first wish to the last verdict."""

    def __init__(self, fate: Fate) -> None:
        self.fate = fate
        self.random = random.Random(fate.seed)
        self.clock = ManualClock(NOON)
        self.stage = Stage(self.clock)
        self.blobs = SimBlobs(self.clock)
        self.upstreams = {
            "paid": SimUpstream("paid", self.clock, is_billable=True),
            "other": SimUpstream("other", self.clock, is_billable=True),
            "own": SimUpstream("own", self.clock, is_billable=False),
        }
        self.store = MemoryStore()
        self.auditor = Auditor(self.store, self.blobs, self.upstreams.values())
        self.store.on_change = self.auditor.watch
        self.records = SimRecords(self.store)
        self.world = self._world()
        self.boundaries = 0
        self.stops: list[Stop] = []
        self._due_cancels: dict[str, int] = {}
        self._due_deletes: dict[str, int] = {}
        self._is_over = False
        self._reap_at: dict[str, datetime] = {}
        self._owners: dict[str, Actor] = {}
        self._wake_paused_at: dict[Actor, datetime] = {}
        self._keeper_at = NOON
        self._is_struck = False
        self._down_until = NOON
        self._broken: list[Exception] = []

    def _world(self) -> World:
        store = SimStore(self.store, self._is_store_busy)
        return World(
            store=store,
            clock=self.clock,
            catalog=_catalog(self.fate.wishes),
            upstreams={
                name: Upstream(upstream, f"test:{name}")
                for name, upstream in self.upstreams.items()
            },
            blobs=self.blobs,
            assets=cast("Assets", None),
            fetcher=cast("Fetcher", NoFetcher()),
            examiner=cast("Examiner", None),
            darkroom=SimDarkroom(self.blobs),
            dispatcher=cast("Dispatcher", SimDispatcher()),
            budgets=SIM_BUDGETS,
            patience=NoPatience,
            jitter=self.random.random if self.fate.is_random else lambda: 0.5,
            note_progress=self._note_progress,
            scratch=Path("nowhere"),
        )

    def _is_store_busy(self) -> bool:
        return self.fate.is_random and not self._is_over and self.random.random() < 0.01

    def _note_progress(self, task_id: str, epoch: int, percent: int) -> None:
        self.store.write_now(lambda tx: tx.set_progress([(task_id, epoch, percent)]))

    # -- the run -----------------------------------------------------------------------

    def run(self) -> History:
        """Live the history through, and have its books closed."""
        for number, wishes in enumerate(self.fate.wishes):
            self._wish(number, wishes)
        for _ in range(STEPS_MAX):
            self._hire()
            self._adopt_what_is_late()
            if not self._take_a_turn() and not self._let_time_pass():
                break
        else:
            raise AssertionError(f"history {self.fate} does not end:\n{self.told()}")
        self.auditor.close_books(self.clock.now(), SIM_BUDGETS)
        self._sweep_once_more()
        self.auditor.judge_leftovers()
        self.stage.clear()
        if self._broken:
            raise self._broken[0]
        return self

    def _sweep_once_more(self) -> None:
        """A day later, when the dead are past writing."""
        self._is_over = True
        self.clock.advance(timedelta(days=1).total_seconds())
        keeper = Keeper(self.world, self.records, tell=self._hear)
        sweep = Actor("keeper", keeper.sweep(self.clock.now()), self.clock.now())
        while not sweep.is_over:
            sweep.advance(self.clock.now())

    def told(self) -> str:
        """Return the trace as text."""
        return self.stage.told()

    def _wish(self, number: int, wishes: Wishes) -> None:
        """Accept a task as the gateway does, in one transaction."""
        prompt = f"film {number}"
        if wishes.is_billable:
            self.upstreams["paid"].scripts[prompt] = wishes.script
            if wishes.fallback is not None:
                self.upstreams["other"].scripts[prompt] = wishes.fallback
        else:
            self.upstreams["own"].scripts[prompt] = wishes.script
        task = _task(number, prompt, wishes, self.clock.now())

        def accept(tx: Transaction) -> None:
            tx.add_task(task, hold(task.id, task.account_id, task.hold_microusd))
            self.world.dispatcher.enqueue(tx, task, Work.FILM, queue=task.queue or "")

        self.store.write_now(accept)
        self.auditor.accepted[task.id] = prompt
        if wishes.cancel_after is not None:
            self._due_cancels[task.id] = wishes.cancel_after
        if wishes.delete_after is not None:
            self._due_deletes[task.id] = wishes.delete_after

    def _take_a_turn(self) -> bool:
        awake = self.stage.awake()
        if not awake:
            return False
        actor = self.random.choice(awake) if self.fate.is_random else awake[0]
        stop = self.stage.run(actor)
        self.boundaries += 1
        self._cancel_what_is_due()
        self._delete_what_is_due()
        if stop is None:
            self.stops.append(Stop.END)
            self._part_with(actor)
        else:
            self.stops.append(self._stop_of(actor))
            self._strike(actor)
        self.auditor.judge_durability()
        return True

    def _stop_of(self, actor: Actor) -> Stop:
        if actor.work_id is not None:
            return Stop.WORK
        return Stop.KEEPER_ALONE if len(self.stage.actors) == 1 else Stop.KEEPER

    def _part_with(self, actor: Actor) -> None:
        """An actor is done: mark its work, or carry again what its store was too busy for."""
        if actor.fault is not None and not isinstance(actor.fault, LeaseLost | StoreBusy):
            raise actor.fault
        if actor.work_id is None or self._owners.get(actor.work_id) is not actor:
            return
        if isinstance(actor.fault, StoreBusy):
            self._reap_at[actor.work_id] = self.clock.now()
        elif self.fate.is_random and self.random.random() < 0.02:
            self._reap_at[actor.work_id] = self.clock.now()  # died before it could say "done"
        else:
            self._reap_at.pop(actor.work_id, None)
            self.records.change(actor.work_id, "done")

    # -- workers, the keeper, callers -----------------------------------------------------

    def _hire(self) -> None:
        now = self.clock.now()
        if now < self._down_until:
            return
        for work_id, row in self.records.to_do():
            if row.state == "queued" or work_id in self._reap_at:
                if self._reap_at.get(work_id, now) > now:
                    continue
                self._reap_at.pop(work_id, None)
                self.records.change(work_id, "pending")
                script = carry(row.task_id, row.work, work_id, self.world, SimBell())
                name = f"{row.work}#{self._number(row.task_id)}"
                self._owners[work_id] = Actor(name, script, now, work_id)
                self.stage.enter(self._owners[work_id])
        for actor, wake_at in list(self._wake_paused_at.items()):
            if wake_at <= now:
                del self._wake_paused_at[actor]
                actor.is_paused = False
                self.stage.note(f"{actor.name}: wakes from its pause")
        if self._keeper_at <= now and self._has_duties(now):
            self._keeper_at = now + timedelta(seconds=1)
            keeper = Keeper(self.world, self.records, tell=self._hear)
            self.stage.enter(Actor("keeper", keeper.tend(), now))
            self.stage.enter(Actor("keeper's looks", keeper.look_after_submits(), now))

    def _hear(self, about: str, fault: Exception) -> None:
        """The keeper spares other rows an act that broke; no act may break here."""
        if not isinstance(fault, LeaseLost):
            self._broken.append(fault)
        self.stage.note(f"keeper: {about} broke ({type(fault).__name__})")

    def _number(self, task_id: str) -> int:
        return list(self.auditor.accepted).index(task_id)

    def _has_duties(self, now: datetime) -> bool:
        tables = self.store.tables
        alive = self.records.alive()
        return (
            any(t.deadline_at is not None and t.deadline_at <= now for t in tables.tasks.values())
            or any(s.look_at is not None and s.look_at <= now for s in tables.submits.values())
            or any(not t.is_final and t.work_id not in alive for t in tables.tasks.values())
        )

    def _cancel_what_is_due(self) -> None:
        for task_id, number in list(self._due_cancels.items()):
            if self.boundaries < number:
                continue
            del self._due_cancels[task_id]
            rule = self.fate.wishes[self._number(task_id)].cancel_rule

            def cancel(tx: Transaction, task_id: str = task_id, rule: CancelRule = rule) -> None:
                task = tx.task(task_id)
                if task is None or task.is_final:
                    return
                at = self.clock.now()
                tx.move(task, canceled(task, at=at, rule=rule), Event.CANCELED, at=at)

            self.store.write_now(cancel)
            self.stage.note(f"caller: cancels #{self._number(task_id)}")

    def _delete_what_is_due(self) -> None:
        for task_id, number in list(self._due_deletes.items()):
            task = self.store.tables.tasks[task_id]
            if self.boundaries < number or not task.is_final:
                continue
            del self._due_deletes[task_id]
            self.auditor.deleted[task_id] = task

            def delete(tx: Transaction, task_id: str = task_id) -> None:
                tx.remove_task(task_id)

            self.store.write_now(delete)
            self.stage.note(f"caller: deletes #{self._number(task_id)}")

    def _adopt_what_is_late(self) -> None:
        if not any(wishes.adopts for wishes in self.fate.wishes):
            return
        for submit in self.store.read_now(lambda tx: tx.salvage(100)):
            task = self.store.tables.tasks.get(submit.task_id)
            number = self._number(submit.task_id)
            wanted = number < len(self.fate.wishes) and self.fate.wishes[number].adopts
            if task is None or submit.verdict not in MADE or not wanted:
                continue
            adopted = self.store.write_now(partial(self._adopt, submit=submit))
            self.auditor.accepted[adopted.id] = self.auditor.accepted[submit.task_id]
            self.stage.note(f"operator: adopts the film of #{number}")
            try:
                self.store.write_now(partial(self._adopt, submit=submit))
            except NotAdoptable:
                continue
            raise AssertionError(f"P11: the film of #{number} was adopted twice")

    def _adopt(self, tx: Transaction, *, submit: Submit) -> Task:
        return adopt(
            tx,
            submit.task_id,
            submit.n,
            dispatcher=self.world.dispatcher,
            budgets=SIM_BUDGETS,
            at=self.clock.now(),
        )

    # -- blows ---------------------------------------------------------------------------

    def _strike(self, actor: Actor) -> None:
        blow = self._blow()
        if blow in {"kill all", "down"}:
            if blow == "down":
                self._down_until = self.clock.now() + timedelta(seconds=DOWN_FOR_S)
            for victim in list(self.stage.actors):
                self._kill(victim, after_s=0.5)
            self._wake_paused_at.clear()
        elif blow in {"kill", "lose"}:
            self._kill(actor, after_s=REAP_AFTER_S if blow == "kill" else LOST_FOR_S)
        elif blow == "pause" and actor.work_id is not None:
            actor.is_paused = True
            self.stage.note(f"{actor.name}: is paused")
            if self._owners.get(actor.work_id) is actor:
                self._reap_at[actor.work_id] = self.clock.now() + timedelta(seconds=REAP_AFTER_S)
            nap_s = self.random.choice((10.0, 100.0, 1000.0)) if self.fate.is_random else 200.0
            self._wake_paused_at[actor] = self.clock.now() + timedelta(seconds=nap_s)

    def _blow(self) -> str:
        if not self.fate.is_random:
            is_now = self.boundaries - 1 == self.fate.at and not self._is_struck
            self._is_struck = self._is_struck or is_now
            return self.fate.blow if is_now else ""
        drawn = self.random.random()
        if drawn < 0.001:
            return "down"
        if drawn < 0.006:
            return "kill all"
        if drawn < 0.016:
            return "kill" if drawn < 0.013 else "lose"
        return "pause" if drawn < 0.024 else ""

    def _kill(self, actor: Actor, *, after_s: float) -> None:
        self.stage.kill(actor)
        if actor.work_id is not None and self._owners.get(actor.work_id) is actor:
            self._reap_at[actor.work_id] = self.clock.now() + timedelta(seconds=after_s)

    # -- time ----------------------------------------------------------------------------

    def _let_time_pass(self) -> bool:
        """Jump to the next instant at which anything can happen; False if nothing can."""
        tables = self.store.tables
        instants = [
            *(actor.wake_at for actor in self.stage.actors if not actor.is_paused),
            *self._reap_at.values(),
            *self._wake_paused_at.values(),
            *(t.deadline_at for t in tables.tasks.values() if t.deadline_at is not None),
            *(s.look_at for s in tables.submits.values() if s.look_at is not None),
        ]
        now = self.clock.now()
        if not instants and now >= self._down_until:
            return False
        self.clock.set(max(min(instants, default=now), now, self._soon(now), self._down_until))
        return True

    def _soon(self, now: datetime) -> datetime:
        return max(now, self._keeper_at) if self._has_duties(now) else now


def _task(number: int, prompt: str, wishes: Wishes, at: datetime) -> Task:
    spec = Spec("sim", Mode.TEXT_TO_VIDEO, prompt, seconds=5, size=Size(1280, 720), seed=number)
    queue_deadline_at = at + SIM_BUDGETS.queue
    deadline_at = queue_deadline_at
    if wishes.start_within_s is not None:
        deadline_at = at + timedelta(seconds=wishes.start_within_s)
    task = Task(
        id=new_task_id(at + timedelta(milliseconds=number)),
        account_id=DEFAULT_ACCOUNT_ID,
        key_id="key_sim",
        model=_model(number),
        spec=spec,
        created_at=at,
        queue_deadline_at=queue_deadline_at,
        deadline_at=min(deadline_at, queue_deadline_at),
        hold_microusd=PRICE_MICROUSD,
        start_within_s=wishes.start_within_s,
        queue="paid" if wishes.is_billable else "own",
    )
    return replace(task, work_id=work_id_of(task, Work.FILM))


def _model(number: int) -> str:
    return f"sim-{number}"


def _catalog(wishes: tuple[Wishes, ...]) -> Catalog:
    listings: dict[str, Listing] = {}
    for number, wish in enumerate(wishes):
        if wish.is_billable:
            routes = [Route("paid", "sim", attempts_max=wish.attempts_max)]
            if wish.fallback is not None:
                routes.append(Route("other", "sim", priority=1, attempts_max=wish.attempts_max))
        else:
            routes = [Route("own", "sim", is_billable=False, attempts_max=wish.attempts_max)]
        card = cast("ModelCard", None)
        listings[_model(number)] = Listing(_model(number), card, tuple(routes), is_rehearsal=False)
    cards: Mapping[str, ModelCard] = {}
    return Catalog(listings, cards)


def random_fate(seed: int) -> Fate:
    """Draw everything from a seed."""
    draw = random.Random(seed)

    def script() -> Script:
        answers = tuple(
            "accept" if draw.random() < 0.45 else draw.choice(ANSWERS)
            for _ in range(draw.randint(1, 3))
        )
        return Script(
            answers=answers,
            fate="ready" if draw.random() < 0.4 else draw.choice(FATES),
            film="whole" if draw.random() < 0.4 else draw.choice(FILMS),
            find=draw.choice(FINDS),
            cancel=draw.choice(CANCELS),
        )

    wishes = tuple(
        Wishes(
            script=script(),
            fallback=script() if draw.random() < 0.4 else None,
            is_billable=draw.random() < 0.75,
            attempts_max=draw.randint(1, 3),
            cancel_after=draw.randint(1, 120) if draw.random() < 0.25 else None,
            start_within_s=draw.choice((1, 60, 3600)) if draw.random() < 0.15 else None,
            cancel_rule=draw.choice(list(CancelRule)),
            delete_after=draw.randint(1, 200) if draw.random() < 0.15 else None,
            adopts=draw.random() < 0.5,
        )
        for _ in range(draw.randint(1, 3))
    )
    return Fate(wishes=wishes, seed=seed, is_random=True)


def enumerated(wishes: Wishes, blows: tuple[str, ...] = ("kill", "kill all", "pause")) -> int:
    """Live one task's history without a blow, then with each blow at each boundary.

    A blow that cannot be felt at a boundary (`FELT`) is left out. Returns how many histories
    were lived; raises what the auditor finds, with the fate.
    """
    calm = History(Fate((wishes,))).run()
    count = 1
    for blow in blows:
        for at, stop in enumerate(calm.stops):
            if blow in FELT[stop]:
                live(Fate((wishes,), blow=blow, at=at))
                count += 1
    return count


def live(fate: Fate) -> History:
    """Live a history; a broken promise is told with its fate and its trace."""
    history = History(fate)
    try:
        return history.run()
    except Exception as fault:
        fault.add_note(f"{fate}\n{history.told()[-6000:]}")
        raise


def main() -> None:
    """Live many random histories: `python -m rushes.testing.histories SEED COUNT`."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    first, count = int(sys.argv[1]), int(sys.argv[2])
    boundaries = 0
    for seed in range(first, first + count):
        boundaries += live(random_fate(seed)).boundaries
    print(f"{count} histories from seed {first}, {boundaries} boundaries, no promise broken")


if __name__ == "__main__":
    main()
