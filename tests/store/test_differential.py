"""Random verbs against SQLite and memory side by side: every answer equal, and every row."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from rushes.domain.access import Entry, EntryKind, Period
from rushes.domain.catalog import Price
from rushes.domain.errors import IllegalMove, LeaseLost
from rushes.domain.health import Health, RouteState
from rushes.domain.submit import Verdict
from rushes.domain.task import MOVES, Event, Status, Task
from rushes.domain.usage import UsageAsked, UsageBy
from rushes.ports import (
    ArtifactKind,
    ArtifactState,
    Faults,
    Filed,
    IntegrityFault,
    Page,
    Told,
    Transaction,
)
from rushes.store import rows, schema
from rushes.store.connection import Recalling
from rushes.store.sqlite import SqliteStore
from rushes.testing.builders import (
    NOON,
    WORK_ID,
    a_hold,
    a_key,
    a_spec,
    a_submit,
    a_task,
    an_answer,
    an_artifact,
    answered,
    kept,
    moved,
    put_task,
)
from rushes.testing.memory_store import MemoryStore

# -- few names, so that verbs meet ---------------------------------------------------------

MEMORY = Path("/dev/shm")  # what survives a power cut is tested elsewhere
IDS = [f"video_{n:032x}" for n in (1, 2, 3)]
ACCOUNTS = ["acct_a", "acct_b"]
TICKETS: list[dict[str, Any] | None] = [None, {"id": 1}, {"id": 1.0}, {"id": "1"}]
KEYS = [
    a_key(f"sk-live-{n}", id=f"key_{n}", created_at=NOON - timedelta(minutes=n)) for n in (1, 2, 3)
]

ids = st.sampled_from(IDS)
accounts = st.sampled_from(ACCOUNTS)
blobs = st.sampled_from(["blob-1", "blob-2", "blob-3"])
instants = st.integers(0, 5).map(lambda minutes: NOON + timedelta(minutes=minutes))
limits = st.integers(1, 4)
places = ids | ids | st.integers(0, 30)
statuses = st.frozensets(st.sampled_from(Status))
verdicts = st.frozensets(st.sampled_from(Verdict))
routes = st.sampled_from(["/v1/videos", "/v1/videos", "/v1/videos", "/v1/generations"])
idempotency_keys = st.sampled_from([None, "k1", "k1", "k2"])
digests = st.sampled_from([b"1", b"2"])
healths = st.builds(
    Health,
    provider=st.sampled_from(["gpu", "ark"]),
    upstream_model=st.sampled_from(["wan", "ltx"]),
    changed_at=instants,
    state=st.sampled_from(RouteState),
    fault_count=st.integers(0, 2),
    open_until=st.none() | instants,
    note=st.sampled_from(["", "HTTP 503"]),
)
tasks = st.builds(
    a_task,
    id=ids,
    account_id=accounts,
    model=st.sampled_from(["wan", "sora"]),
    hold_microusd=st.sampled_from([0, 7, 500_000]),
    deadline_at=instants,
)
submits = st.builds(
    lambda task_id, verdict, **facts: replace(
        answered(a_submit(a_task(id=task_id)), verdict), **facts
    ),
    task_id=ids,
    verdict=st.sampled_from(Verdict),
    n=st.integers(1, 3),
    provider=st.sampled_from(["gpu", "ark"]),
    ticket=st.sampled_from(TICKETS),
    is_billable=st.booleans(),
    look_at=st.none() | instants,
)
artifacts = st.builds(
    lambda task_id, **facts: an_artifact(a_task(id=task_id), **facts),
    task_id=ids,
    blob=blobs,
    epoch=st.integers(0, 2),
    kind=st.sampled_from(ArtifactKind),
    state=st.sampled_from([ArtifactState.WRITING, ArtifactState.KEPT]),
    created_at=instants,
)
filed = st.builds(
    Filed, blob=blobs, size_bytes=limits, content_type=st.just("image/png"), created_at=instants
)
answers = st.builds(
    lambda task_id, **facts: an_answer(a_task(id=task_id), **facts),
    task_id=ids,
    account_id=accounts,
    route=routes,
    key=idempotency_keys,
    digest=digests,
    created_at=instants,
)
pages = st.builds(
    Page,
    account_id=accounts,
    limit=limits,
    after=st.none() | ids,
    is_newest_first=st.booleans(),
    statuses=statuses,
    model=st.sampled_from([None, "wan"]),
)

# -- verbs that begin from a row: as it stands (by id), or as somebody saw it (by place) ----


def _row(tx: Transaction, seen: Sequence[Task], place: str | int) -> Task:
    if isinstance(place, str):
        return tx.task(place) or a_task(id=place)
    return seen[-1 - place % len(seen)] if seen else a_task(id=IDS[0])


def _move(
    tx: Transaction, seen: Sequence[Task], place: str | int, choice: int, forges: bool, at: datetime
) -> object:
    before = _row(tx, seen, place)
    events = [event for status, event in MOVES if status is before.status]
    if not events:
        return "final"
    event = events[choice % len(events)]
    try:
        after = moved(before, event, at=at)
    except IllegalMove:
        return "illegal"
    if forges:
        after = replace(after, spec=a_spec(seed=9), lease_epoch=9, user="x", work_id="w")
    return tx.move(before, after, event, at=at)


def _rework(
    tx: Transaction, seen: Sequence[Task], place: str | int, work: str, queue: str | None
) -> object:
    return tx.rework(_row(tx, seen, place), work, queue)


def _set_spec(tx: Transaction, seen: Sequence[Task], place: str | int, seed: int) -> object:
    return tx.set_spec(replace(_row(tx, seen, place), spec=a_spec(seed=seed), model="x"))


def _count_fault(
    tx: Transaction, seen: Sequence[Task], place: str | int, note: str, at: datetime
) -> object:
    task = _row(tx, seen, place)
    tx.count_fault(task, note, at=at)
    return tx.faults(task.id)


def _progress(tx: Transaction, seen: Sequence[Task], place: str | int, percent: int) -> None:
    task = _row(tx, seen, place)
    tx.set_progress([(task.id, task.lease_epoch, percent)])


def _begin(tx: Transaction, seen: Sequence[Task], place: str | int, blob: str) -> None:
    tx.add_artifacts(an_artifact(_row(tx, seen, place), blob=blob, created_at=NOON))


SEEN: Mapping[str, Callable[..., object]] = {
    "move": _move,
    "rework": _rework,
    "set_spec": _set_spec,
    "count_fault": _count_fault,
    "progress": _progress,
    "begin": _begin,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One verb and its arguments, said so that a failure can be read."""

    verb: str
    args: tuple[Any, ...] = ()

    def run(self, tx: Transaction, seen: Sequence[Task]) -> object:
        if self.verb in SEEN:
            return SEEN[self.verb](tx, seen, *self.args)
        if self.verb == "add_task":
            tx.add_task(self.args[0], a_hold(self.args[0]))
            return tx.entries(self.args[0].id)
        if self.verb in {"count_hold", "spend"}:
            task, key_id, at = self.args
            told = getattr(tx, self.verb)(a_hold(task), key_id, at=at)
            if told is False:  # whoever is not covered takes everything back
                raise Whim
            return told
        if self.verb in {"set_purse", "recount_purses"}:
            *first, at = self.args
            account_id = ACCOUNT_OF[first[0]]
            return getattr(tx, self.verb)(*first, account_id=account_id, at=at)
        if self.verb == "purses":
            return tx.purses(self.args[0], at=self.args[1])
        if self.verb == "add_answer":
            tx.add_answer(self.args[0], since=self.args[1])
            return None
        return getattr(tx, self.verb)(*self.args)


def step(verb: str, *args: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    return st.tuples(*args).map(lambda drawn: Step(verb, drawn))


moves = step("move", places, st.integers(0, 3), st.booleans(), instants)
ACCOUNT_OF = {**{name: name for name in ACCOUNTS}, **{key.id: key.account_id for key in KEYS}}
owners = st.sampled_from(list(ACCOUNT_OF))
periods = st.sampled_from(Period)
questions = st.builds(
    UsageAsked,
    by=st.sampled_from(UsageBy),
    since=instants,
    until=instants.map(lambda at: at + timedelta(minutes=3)),
    limit=limits,
    account_id=st.none() | accounts,
)
writes = st.one_of(
    step("count_hold", tasks, owners, instants),
    step("spend", tasks, owners, instants),
    step("set_purse", owners, periods, st.sampled_from([0, 7, 10**6]), instants),
    step("recount_purses", owners, instants),
    step("drop_purse", owners, periods),
    step("fold_refunds", accounts),
    step("add_tariff", ids, st.just((Price("film", 7, {"audio": True}),))),
    step("add_task", tasks),
    moves,
    moves,
    moves,
    step("take", ids, statuses, st.sampled_from([WORK_ID, WORK_ID, "w1", "w2"])),
    step("rework", places, st.sampled_from(["w1", "w2"]), st.sampled_from([None, "gpu"])),
    step("put_health", healths),
    step("set_spec", places, st.integers(0, 2)),
    step(
        "set_progress",
        st.lists(st.tuples(ids, st.integers(0, 2), st.integers(0, 99)), max_size=3),
    ),
    step("progress", places, st.integers(0, 99)),
    step("begin", places, blobs),
    step("count_fault", places, st.sampled_from(["503", "odd"]), instants),
    step("remove_task", ids),
    step("add_submit", submits),
    step("change_submit", submits, verdicts),
    step("add_artifacts", artifacts),
    step("keep_artifacts", artifacts.map(kept)),
    step("swept", st.lists(blobs, max_size=2)),
    step("file_input", filed),
    step("refer_input", ids, blobs),
    step("drop_inputs", st.lists(blobs, max_size=2)),
    step("add_answer", answers, instants),
    step("forget_answers", instants, limits),
    step("add_key", st.sampled_from(KEYS)),
    step("revoke_key", st.sampled_from([key.id for key in KEYS]), instants),
    step("beat", st.sampled_from(["w1", "w2"])),
    step("retire", st.sampled_from(["w1", "w2"])),
    step(
        "take_turn", st.sampled_from(["q1", "q2"]), st.sampled_from(["a", "b"]), st.integers(1, 60)
    ),
)
reads = st.one_of(
    step("tariff", ids),
    step("purses", st.none() | st.lists(owners, max_size=2), instants),
    step("refunded", limits),
    step("usage", questions),
    step("turn_queues"),
    step("task", ids),
    step("told", ids, st.integers(0, 4)),
    step("faults", ids),
    step("due", instants.map(lambda at: at + timedelta(hours=1)), limits),
    step("unfinished", st.sampled_from(["", *IDS]), limits),
    step("last_event_at"),
    step("page", pages),
    step("counts"),
    step("entries", ids),
    step("queues"),
    step("healths"),
    step("health", st.sampled_from(["gpu", "ark"]), st.sampled_from(["wan", "ltx"])),
    step("submit_by_token", st.sampled_from(["gpu", "ark"]), st.just("tok")),
    step("submits", ids),
    step("is_ticket_known", submits),
    step("unanswered", submits, instants, limits),
    step("submits_to_look_at", instants, limits),
    step("salvage", limits, st.none() | st.tuples(ids, st.integers(1, 3))),
    step("artifacts", ids),
    step("sweepable", instants, limits),
    step("kept_artifacts", blobs, limits),
    step("wanted_inputs", blobs, limits),
    step("known_artifacts", st.lists(blobs, max_size=3)),
    step("known_inputs", st.lists(blobs, max_size=3)),
    step("input", blobs),
    step("orphan_inputs", instants, limits),
    step("answer", accounts, routes, st.sampled_from(["k1", "k2"]), instants),
    step("recent_answer", accounts, routes, digests, instants),
    step("key_by_digest", st.sampled_from([key.digest for key in KEYS])),
    step("keys"),
    step("key_version"),
)


class Whim(Exception):
    """Raised by an act that changes its mind."""


@dataclass(frozen=True, slots=True)
class Act:
    """Steps in one transaction. A patient act goes on after a refusal, a moody one raises."""

    steps: tuple[Step, ...]
    is_patient: bool = False
    is_moody: bool = False

    def on(self, seen: Sequence[Task]) -> Callable[[Transaction], list[object]]:
        def act(tx: Transaction) -> list[object]:
            told: list[object] = []
            for one in self.steps:
                try:
                    told.append(one.run(tx, seen))
                except (IntegrityFault, LeaseLost) as fault:
                    if not self.is_patient:
                        raise
                    told.append(type(fault))
            if self.is_moody:
                raise Whim
            return told

        return act


acts = st.builds(
    Act,
    st.lists(writes | reads, min_size=1, max_size=4).map(tuple),
    is_patient=st.booleans(),
    is_moody=st.sampled_from([False, False, False, True]),
)

# -- the two stores ------------------------------------------------------------------------


def machine_over(sqlite: SqliteStore, changes: set[str]) -> type[RuleBasedStateMachine]:
    """Make a machine over one file, which every history begins by emptying."""

    class TwoStores(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            sqlite.write_now(_empty)
            changes.clear()
            self.changes: set[str] = set()
            self.memory = MemoryStore(on_change=self.changes.update)
            self.seen: list[Task] = []

        @initialize(lives=st.lists(st.sampled_from(Status), max_size=len(IDS)))
        def live(self, lives: list[Status]) -> None:
            for task_id, status in zip(IDS, lives, strict=False):
                act = partial(_born, task_id=task_id, status=status)
                assert sqlite.write_now(act) == self.memory.write_now(act)
            self.seen += self.memory.tables.tasks.values()

        @rule(together=st.lists(acts, min_size=1, max_size=4))
        def write(self, together: list[Act]) -> None:
            seen = tuple(self.seen)

            async def all_at_once() -> list[object]:
                writing = (sqlite.write(act.on(seen), alone=True) for act in together)
                return await asyncio.gather(*writing, return_exceptions=True)

            there = asyncio.run(all_at_once())
            here = [_outcome(self.memory, act.on(seen)) for act in together]
            assert list(map(_plain, there)) == list(map(_plain, here))
            assert self.changes == changes
            self.seen += [
                task for task in self.memory.tables.tasks.values() if task not in self.seen
            ]

        @rule(steps=st.lists(reads, min_size=1, max_size=4).map(tuple))
        def read(self, steps: tuple[Step, ...]) -> None:
            act = Act(steps).on(())
            assert sqlite.read_now(act) == self.memory.read_now(act)

        def teardown(self) -> None:
            assert sqlite.read_now(_every_row) == _rows_of(self.memory)

    return TwoStores


def _empty(tx: Transaction) -> None:
    assert isinstance(tx.connection, Recalling)
    for table in schema.metadata.sorted_tables:
        tx.connection.execute(sa.delete(table))


def _born(tx: Transaction, *, task_id: str, status: Status) -> Task:
    """Bring a task to a status; the token of its submit is drawn, so it is made the same."""
    task = put_task(tx, status, id=task_id, account_id=ACCOUNTS[0], model="wan")
    for submit in tx.submits(task_id):
        tx.change_submit(replace(submit, token="0", ticket=TICKETS[1]), frozenset(Verdict))
    return task


def _outcome(store: MemoryStore, act: Callable[[Transaction], list[object]]) -> object:
    try:
        return store.write_now(act)
    except (IntegrityFault, LeaseLost, Whim) as fault:
        return fault


def _plain(outcome: object) -> object:
    return type(outcome) if isinstance(outcome, BaseException) else outcome


NEWS = {
    Status.SUCCEEDED: "video.completed",
    Status.FAILED: "video.failed",
    Status.EXPIRED: "video.failed",
    Status.CANCELED: "video.canceled",
}


def _rows_of(memory: MemoryStore) -> dict[str, dict[Any, Any]]:
    tables = memory.tables
    return {
        "tasks": tables.tasks,
        "told": tables.told,
        "faults": tables.faults,
        "submits": tables.submits,
        "artifacts": tables.artifacts,
        "inputs": tables.inputs,
        "task_inputs": tables.task_inputs,
        "entries": tables.entries,
        "answers": tables.answers,
        "keys": tables.keys,
        "executors": tables.executors,
        "turns": tables.turns,
        "news": {key: (NEWS[status], at) for key, (status, at) in tables.news.items()},
        "house": tables.house,
    }


def _every_row(tx: Transaction) -> dict[str, dict[Any, Any]]:
    connection = tx.connection
    assert isinstance(connection, Recalling)

    def all_of(table: sa.Table) -> Sequence[sa.RowMapping]:
        return connection.execute(sa.select(table)).mappings().all()

    return {
        "tasks": {row["id"]: rows.task_of(row) for row in all_of(schema.tasks)},
        "told": {
            (row["task_id"], row["number"]): Told(
                row["number"],
                row["event"] and Event(row["event"]),
                Status(row["status"]),
                rows.instant(row["at"]),
            )
            for row in all_of(schema.task_events)
        },
        "faults": {
            (row["task_id"], Status(row["status"]), row["note"]): Faults(
                Status(row["status"]),
                row["note"],
                row["count"],
                rows.instant(row["first_at"]),
                rows.instant(row["last_at"]),
            )
            for row in all_of(schema.task_faults)
        },
        "submits": {
            (row["task_id"], row["n"]): rows.submit_of(row) for row in all_of(schema.submits)
        },
        "artifacts": {row["blob"]: rows.artifact_of(row) for row in all_of(schema.artifacts)},
        "inputs": {
            row["blob"]: Filed(
                row["blob"],
                row["size_bytes"],
                row["content_type"],
                rows.instant(row["created_at"]),
            )
            for row in all_of(schema.inputs)
        },
        "task_inputs": {(row["task_id"], row["blob"]): None for row in all_of(schema.task_inputs)},
        "entries": {
            (row["task_id"], row["kind"]): Entry(
                row["task_id"], row["account_id"], EntryKind(row["kind"]), row["amount_microusd"]
            )
            for row in all_of(schema.ledger)
        },
        "answers": {row["task_id"]: rows.answer_of(row) for row in all_of(schema.idempotency)},
        "keys": {row["id"]: rows.key_of(row) for row in all_of(schema.keys)},
        "executors": {row["id"]: None for row in all_of(schema.live_executors)},
        "turns": {(row["queue"], row["account_id"]): row["last"] for row in all_of(schema.turns)},
        "news": {
            row["task_id"]: (row["type"], rows.instant(row["created_at"]))
            for row in all_of(schema.outbox)
        },
        "house": {row["name"]: row["value"] for row in all_of(schema.house)},
    }


BRIEF = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
"""Found at once, told as it was found; the long run below also looks for the shortest history."""

PATIENT = settings(
    BRIEF, max_examples=2000, stateful_step_count=40, derandomize=False, phases=list(Phase)
)


@contextlib.contextmanager
def two_stores(template: Path) -> Iterator[type[RuleBasedStateMachine]]:
    changes: set[str] = set()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        path = Path(folder) / "rushes.db"
        shutil.copy(template, path)
        with contextlib.closing(SqliteStore(path, on_change=changes.update)) as sqlite:
            yield machine_over(sqlite, changes)


def test_sqlite_and_memory_cannot_be_told_apart(template: Path) -> None:
    with two_stores(template) as machine:
        run_state_machine_as_test(machine, settings=BRIEF)


@pytest.mark.long
def test_sqlite_and_memory_cannot_be_told_apart_in_the_long_run(template: Path) -> None:
    with two_stores(template) as machine:
        run_state_machine_as_test(machine, settings=PATIENT)
