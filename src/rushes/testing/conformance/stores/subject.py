"""The store under test, and what can be seen of it beside its verbs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Concatenate, ParamSpec, TypeVar, cast

from rushes.domain.task import Status, Task
from rushes.ports import Store, Transaction
from rushes.testing.builders import NOON, put_task

P = ParamSpec("P")
T = TypeVar("T")

Check = Callable[["Subject"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Subject:
    """A fresh, empty store.

    `news` reads what the outbox owes: (task id, type) of each event, in any order. `changes`
    collects what the store's `on_change` was told, one set of task ids for every call.
    """

    store: Store
    news: Callable[[], Sequence[tuple[str, str]]]
    changes: list[set[str]] = field(default_factory=list)

    async def do(
        self, verb: Callable[Concatenate[Transaction, P], T], *args: P.args, **named: P.kwargs
    ) -> T:
        """Run one verb in a transaction of its own: `do(Transaction.remove_task, task_id)`."""
        return await self.store.write(lambda tx: _of(tx, verb)(*args, **named), alone=True)

    async def ask(
        self, verb: Callable[Concatenate[Transaction, P], T], *args: P.args, **named: P.kwargs
    ) -> T:
        """Run one verb on committed state: `ask(Transaction.task, task_id)`."""
        return await self.store.read(lambda tx: _of(tx, verb)(*args, **named))

    async def write(self, act: Callable[[Transaction], T], *, alone: bool = False) -> T:
        """Run `act` in a transaction."""
        return await self.store.write(act, alone=alone)

    async def read(self, act: Callable[[Transaction], T]) -> T:
        """Run `act` on committed state."""
        return await self.store.read(act)

    async def put(self, status: Status = Status.QUEUED, **born: object) -> Task:
        """Bring a task into the store, and to `status`; `born` is what it is born with."""
        return await self.store.write(lambda tx: put_task(tx, status, **born))

    async def task(self, task_id: str) -> Task | None:
        """Read a task."""
        return await self.ask(Transaction.task, task_id)


def _of(tx: Transaction, verb: Callable[Concatenate[Transaction, P], T]) -> Callable[P, T]:
    """Find a port's verb on the transaction that implements it."""
    return cast("Callable[P, T]", getattr(tx, verb.__name__))


def later(*, minutes: float = 0, seconds: float = 0) -> datetime:
    """Return an instant after noon; negative is before."""
    return NOON + timedelta(minutes=minutes, seconds=seconds)
