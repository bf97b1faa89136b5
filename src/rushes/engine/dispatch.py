"""Handing work to DBOS, in the transaction that makes it necessary."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, cast

import sqlalchemy as sa
from dbos import DBOSClient, EnqueueOptions

from rushes.domain.task import Status, Task
from rushes.engine.moulds import Inserts, Mould, Piece
from rushes.ports import Transaction, Work

APPLICATION: Final = "rushes"
VERSION: Final = "1"
"""Set by hand: a hash of the source would strand tasks at every deploy. Bump with a drain."""

TURN: Final = 60
"""How far an account's turns in a queue lie apart; an account of weight 2 has them half as far."""

ALIVE: Final = ("ENQUEUED", "DELAYED", "PENDING")
DEAD: Final = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")


def queue_name(work: Work, queue: str) -> str:
    """Name the queue of a kind of work; film work has one queue per provider."""
    return f"{work}:{queue}" if queue else str(work)


def make_tables(engine: sa.Engine) -> None:
    """Make the workflow library's own tables, or bring them up to date; nothing if they are.

    Of two processes that do it at once one waits. It belongs before our own schema steps: a
    database that is current by those has these too.
    """
    client = DBOSClient(system_database_engine=engine, lazy=True)
    client._sys_db.run_migrations()  # noqa: SLF001 -- the public way wants an address, not our engine


class DbosDispatcher:
    """A `ports.Dispatcher` over the workflow library's own tables."""

    def __init__(self, engine: sa.Engine, *, weights: Mapping[str, int] | None = None) -> None:
        """`engine` is only used to ask; work is enqueued on the transaction's connection.

        `weights` are those of accounts that have not weight 1, from 2 to `TURN`.
        """
        self._weights = dict(weights or {})
        self._client = DBOSClient(
            system_database_engine=engine, application_name=APPLICATION, lazy=True
        )
        self._moulds: dict[tuple[str, str, bool], Mould] = {}

    def enqueue(self, tx: Transaction, task: Task, work: Work, *, queue: str) -> None:
        """Make sure that `work` will be done for `task` once the transaction commits."""
        if task.work_id is None:
            raise ValueError(f"{task.id} has no work id")
        options: EnqueueOptions = {
            "workflow_name": str(work),
            "queue_name": queue_name(work, queue),
            "workflow_id": task.work_id,
            "app_version": VERSION,
        }
        if work is Work.FILM and queue:
            options["queue_partition_key"] = task.account_id
            turn = self._turn(tx, task, options["queue_name"])
            if turn is not None:
                options["priority"] = turn
        self._hand_over(tx.connection, options, task)

    def _hand_over(self, connection: object, options: EnqueueOptions, task: Task) -> None:
        """Have the library write its rows, or cast them where it is known how they look."""
        library = cast("sa.Connection", connection)
        if not hasattr(connection, "inserted"):
            self._client.enqueue_in_transaction(library, options, task.id)
            return
        listened = cast("Inserts", connection)
        name = options["workflow_name"], options["queue_name"], "queue_partition_key" in options
        mould = self._moulds.setdefault(name, Mould())
        own = {
            "workflow_uuid": task.work_id,
            "queue_partition_key": options.get("queue_partition_key"),
            "priority": options.get("priority", 0),
        }
        piece = Piece(task.id, own)
        if mould.fits(piece):
            for statement, values in mould.cast(piece):
                listened.insert(statement, values)
            return
        self._client.enqueue_in_transaction(library, options, task.id)
        if not mould.is_broken:
            mould.learn(piece, listened.inserted)

    def _turn(self, tx: Transaction, task: Task, queue: str) -> int | None:
        """Return when a task's turn is; what was begun already is before all turns."""
        if task.status is not Status.QUEUED:
            return None
        step = TURN // min(TURN, max(1, self._weights.get(task.account_id, 1)))
        return tx.take_turn(queue, task.account_id, step)

    async def ended(self, work_ids: Iterable[str]) -> set[str]:
        """Return which pieces of work are not alive.

        Work is written with the task that needs it, so work without a record has ended, and
        its history was dropped since.
        """
        return await asyncio.to_thread(self._ended, set(work_ids))

    def _ended(self, asked: set[str]) -> set[str]:
        found = self._client.list_workflows(
            workflow_ids=list(asked), status=list(ALIVE), load_input=False, load_output=False
        )
        return asked - {status.workflow_id for status in found}

    async def forget_history(self, before: datetime, limit: int) -> int:
        """Drop the library's own record of work that ended before."""
        return await asyncio.to_thread(self._forget_history, before, limit)

    def _forget_history(self, before: datetime, limit: int) -> int:
        found = self._client.list_workflows(
            status=list(DEAD),
            completed_before=before.isoformat(),
            limit=limit,
            load_input=False,
            load_output=False,
        )
        if found:
            self._client.delete_workflows([status.workflow_id for status in found])
        return len(found)
