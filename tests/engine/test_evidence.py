"""What was learned of a submit stays, whoever takes or ends its task in that very moment.

On PostgreSQL another process may move the row of the task between our look at it and our move.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

import psycopg
import pytest

from journeying import wait_until
from postgres import Server
from rushes.domain.errors import Failure, LeaseLost, Reason
from rushes.domain.submit import Submit, Verdict
from rushes.domain.task import FINAL, Status, Task
from rushes.engine import ledger
from rushes.ports import Transaction
from rushes.store.migrate import migrate
from rushes.store.postgres import PostgresStore
from rushes.testing.builders import NOON, put_task
from working import Workers

T = TypeVar("T")

PATIENCE_S = 20
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@dataclass
class Interrupted:
    """A transaction in which somebody else acts between the look at a task and what follows."""

    beneath: Transaction
    meanwhile: Callable[[], None]

    def change_submit(self, submit: Submit, expected: frozenset[Verdict]) -> bool:
        self.meanwhile()
        return self.beneath.change_submit(submit, expected)

    def __getattr__(self, name: str) -> object:
        return getattr(self.beneath, name)


@dataclass
class Site:
    """Our store, and the store as another process has it."""

    url: str
    ours: PostgresStore
    theirs: PostgresStore
    pool: ThreadPoolExecutor
    acting: Future[Any] | None = None

    async def write(self, act: Callable[[Transaction], T], *, alone: bool = False) -> T:
        """Be the store of a world: the first of its acts is interrupted."""
        return await self.ours.write(
            lambda tx: act(cast("Transaction", Interrupted(tx, self.meanwhile))), alone=alone
        )

    def meanwhile(self) -> None:
        """Let the others act, until they are done or wait for us."""
        if self.acting is None:
            self.acting = self.pool.submit(self.theirs.write_now, self.others_act)
            wait_until(self.are_others_done_or_waiting, timeout_s=PATIENCE_S)

    def are_others_done_or_waiting(self) -> bool:
        assert self.acting is not None
        with psycopg.connect(self.url) as connection:
            found = connection.execute(WAITING).fetchone()
        return self.acting.done() or (found is not None and found[0] > 0)

    def others_act(self, tx: Transaction) -> object:
        raise NotImplementedError

    def submit_of(self, task: Task) -> Submit:
        (submit,) = self.ours.read_now(lambda tx: tx.submits(task.id))
        return submit

    def task(self, task: Task) -> Task:
        found = self.ours.read_now(lambda tx: tx.task(task.id))
        assert found is not None
        return found


@pytest.fixture
def site(postgres: Server) -> Iterator[Site]:
    url = postgres.make_database()
    migrate(url, at=NOON)
    with (
        contextlib.closing(PostgresStore(url)) as ours,
        contextlib.closing(PostgresStore(url)) as theirs,
        ThreadPoolExecutor(1) as pool,
    ):
        yield Site(url, ours, theirs, pool)
    postgres.drop_database(url)


def submitting(site: Site, meanwhile: Callable[[Transaction, Task], object]) -> Task:
    """A task that waits for the answer to its submit, and what others do to it meanwhile."""
    task = site.ours.write_now(lambda tx: put_task(tx, Status.SUBMITTING))
    site.others_act = lambda tx: meanwhile(tx, task)  # type: ignore[method-assign]
    return task


async def learned(site: Site, task: Task, **news: Any) -> bool:
    """Learn something of a task's submit, as its worker; say whether the task was ours still."""
    world = replace(Workers().world, store=cast("Any", site))
    submit = replace(site.submit_of(task), **news)
    try:
        return await ledger.learn(task, submit, ledger.UNANSWERED, world)
    except LeaseLost:
        return False
    finally:
        if site.acting is not None:
            with contextlib.suppress(LeaseLost):  # they come too late, and have to look again
                await asyncio.wrap_future(site.acting)


def taken_over(tx: Transaction, task: Task) -> object:
    return tx.take(task.id, frozenset({Status.SUBMITTING}), str(task.work_id))


def ended(tx: Transaction, task: Task) -> object:
    now = tx.task(task.id)
    assert now is not None
    if now.status is Status.SUBMITTING:
        ledger.fail(tx, now, Failure.of(Reason.SUBMIT_IN_DOUBT), at=NOON)
    return None


TICKET = {"verdict": Verdict.ACCEPTED, "ticket": {"id": "job-1"}, "answered_at": NOON}
PROOF = {"verdict": Verdict.RETURNED, "answered_at": NOON, "next_try_at": NOON}


@pytest.mark.promise("P2")
@pytest.mark.promise("P10")
@pytest.mark.parametrize("news", [TICKET, PROOF], ids=["a ticket", "the proof that nothing was"])
async def test_what_was_learned_stays_though_the_task_is_taken_over_meanwhile(
    news: dict[str, Any], site: Site
) -> None:
    task = submitting(site, taken_over)
    await learned(site, task, **news)
    assert site.submit_of(task).verdict is news["verdict"]
    assert site.submit_of(task).ticket == news.get("ticket")
    assert site.task(task).lease_epoch <= task.lease_epoch + 1


@pytest.mark.promise("P11")
async def test_a_ticket_for_a_task_that_ends_meanwhile_is_looked_after(site: Site) -> None:
    task = submitting(site, ended)
    await learned(site, task, **TICKET)
    submit = site.submit_of(task)
    assert (submit.verdict, submit.ticket) == (Verdict.ACCEPTED, TICKET["ticket"])
    is_over = site.task(task).status in FINAL
    assert (submit.look_at is not None) is is_over, "an open submit of an ended task has a keeper"
