"""Status looks on PostgreSQL: final rows from memory, open ones together from the truth.

Callers who look at once share one query. A final row is kept in memory, and used only while the
feed is fresh: what ended does not change, but may be removed, and that is told in the very
transaction that does it.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import psycopg
import sqlalchemy as sa

from rushes.domain.errors import StoreBusy
from rushes.domain.task import FINAL
from rushes.ports import Look
from rushes.store.status import COLUMNS, look_of
from rushes.together import Asked, refuse

KEPT_MAX: Final = 100_000
TOGETHER_MAX: Final = 500
CONNECTIONS: Final = 2
PATIENCE_S: Final = 5.0

_LOOK: Final = f"SELECT id, {COLUMNS} FROM tasks WHERE id = ANY(%s)"  # noqa: S608 -- our words


class FinalRows:
    """Rows that ended, by id; the oldest goes first. Any thread may forget, one loop keeps."""

    def __init__(self, kept_max: int = KEPT_MAX) -> None:
        self._kept: OrderedDict[str, Look] = OrderedDict()
        self._kept_max = kept_max
        self._lock = threading.Lock()
        self._forgotten = 0

    @property
    def moment(self) -> int:
        """A number that changes whenever something was forgotten."""
        return self._forgotten

    def get(self, task_id: str) -> Look | None:
        """Return a row that is kept."""
        return self._kept.get(task_id)

    def keep(self, task_id: str, look: Look, moment: int) -> None:
        """Keep a row that was asked for at that moment, unless something was forgotten since."""
        with self._lock:
            if moment != self._forgotten:
                return
            self._kept[task_id] = look
            if len(self._kept) > self._kept_max:
                self._kept.popitem(last=False)

    def forget(self, task_ids: Iterable[str]) -> None:
        """Forget rows that changed, whatever they were."""
        with self._lock:
            self._forgotten += 1
            for task_id in task_ids:
                self._kept.pop(task_id, None)

    def forget_all(self) -> None:
        """Forget everything."""
        with self._lock:
            self._forgotten += 1
            self._kept.clear()


class PostgresLooks:
    """A `ports.HotLook` on PostgreSQL, for one event loop."""

    def __init__(self, url: str, *, is_fresh: Callable[[], bool]) -> None:
        """`is_fresh` says whether a removed task would have been told of by now."""
        address = sa.make_url(url).set(drivername="postgresql")
        self._address = address.render_as_string(hide_password=False)
        self._is_fresh = is_fresh
        self._asked = Asked[Look | None]()
        self._has_some: asyncio.Event | None = None
        self._askers: list[asyncio.Task[None]] = []
        self._versions = itertools.count()
        self.final = FinalRows()

    def look(self, task_id: str) -> Look | None:
        """Return how a task stands if it has ended, and that is known here."""
        look = self.final.get(task_id)
        return look if look is not None and self._is_fresh() else None

    async def read(self, task_id: str) -> Look | None:
        """Return how a task stands; whoever asks at the same time shares a query.

        Raises:
            StoreBusy: the database is away.
        """
        look = self.look(task_id)
        if look is not None:
            return look
        answer = self._asked.join(task_id)
        self._wake()
        return await asyncio.shield(answer)

    def data_version(self) -> int:
        """Return another number each time: nobody tells whether anything was written."""
        return next(self._versions)

    def close(self) -> None:
        """Stop asking; connections go with their tasks."""
        for asker in self._askers:
            if not asker.get_loop().is_closed():
                asker.get_loop().call_soon_threadsafe(asker.cancel)

    # -- asking ----------------------------------------------------------------------------

    def _wake(self) -> None:
        if self._has_some is None or any(asker.done() for asker in self._askers):
            self._has_some = asyncio.Event()
            self._askers = [asyncio.create_task(self._ask_on()) for _ in range(CONNECTIONS)]
        self._has_some.set()

    async def _ask_on(self) -> None:
        """Answer what is asked, together, on a connection that is replaced when it breaks."""
        connection: psycopg.AsyncConnection[Any] | None = None
        try:
            while True:
                asked = await self._next()
                try:
                    if connection is None or connection.closed:
                        connection = await self._connect()
                    await self._answer(asked, connection)
                except (psycopg.Error, TimeoutError) as fault:
                    if connection is not None:
                        await connection.close()
                    connection = None
                    busy = StoreBusy(f"the database cannot be asked: {fault}")
                    busy.__cause__ = fault
                    refuse(asked.values(), busy)
        finally:
            if connection is not None:
                await connection.close()

    async def _next(self) -> dict[str, asyncio.Future[Look | None]]:
        if self._has_some is None:
            raise RuntimeError("nobody asked")
        while not self._asked:
            self._has_some.clear()
            await self._has_some.wait()
        return self._asked.take(TOGETHER_MAX)

    async def _answer(
        self,
        asked: dict[str, asyncio.Future[Look | None]],
        connection: psycopg.AsyncConnection[Any],
    ) -> None:
        moment = self.final.moment
        async with asyncio.timeout(PATIENCE_S):
            cursor = await connection.execute(_LOOK, (list(asked),), prepare=True)
            rows: Sequence[tuple[Any, ...]] = await cursor.fetchall()
        found = {row[0]: look_of(row[1:]) for row in rows}
        for task_id, answer in asked.items():
            look = found.get(task_id)
            if look is not None and look.status in FINAL:
                self.final.keep(task_id, look, moment)
            if not answer.done():
                answer.set_result(look)

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(
            self._address,
            autocommit=True,
            application_name="rushes-looks",
            connect_timeout=5,
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=3,
            tcp_user_timeout=10_000,
            options="-c statement_timeout=5s",
        )
