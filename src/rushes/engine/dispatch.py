"""Handing work to DBOS, in the transaction that makes it necessary."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, cast

import sqlalchemy as sa
from dbos import DBOSClient, EnqueueOptions

from rushes.domain.task import Task
from rushes.ports import Transaction, Work

APPLICATION: Final = "rushes"
VERSION: Final = "1"
"""Set by hand: a hash of the source would strand tasks at every deploy. Bump with a drain."""

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

    def __init__(self, engine: sa.Engine) -> None:
        """`engine` is only used to ask; work is enqueued on the transaction's connection."""
        self._client = DBOSClient(
            system_database_engine=engine, application_name=APPLICATION, lazy=True
        )

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
        connection = cast("sa.Connection", tx.connection)
        self._client.enqueue_in_transaction(connection, options, task.id)

    def ended(self, work_ids: Iterable[str]) -> set[str]:
        """Return which pieces of work are not alive; blocks for a query.

        Work is written with the task that needs it, so work without a record has ended, and
        its history was dropped since.
        """
        asked = set(work_ids)
        found = self._client.list_workflows(
            workflow_ids=list(asked), status=list(ALIVE), load_input=False, load_output=False
        )
        return asked - {status.workflow_id for status in found}

    def forget_history(self, before: datetime, limit: int) -> int:
        """Drop the library's own record of work that ended before; blocks for two statements."""
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
