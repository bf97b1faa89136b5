"""News of tasks between processes, on PostgreSQL: which rows changed, a moment after they did.

What a process committed it tells the others by NOTIFY, outside of transactions and at most every
20 ms, as each NOTIFY takes a lock of the whole database. That a task was removed is told inside
its transaction, so that whoever keeps a copy of its row cannot miss it while listening. News may
come late, twice, or not at all: the rows are the truth. Whoever relies on news asks `is_fresh`.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import psycopg
import sqlalchemy as sa

from rushes.store.tasks import CHANNEL, GONE

GATHER_S: Final = 0.02
BEAT_S: Final = 0.5
FRESH_S: Final = 2.0
"""How old the last word may be: a process tells itself something twice a second."""

AGAIN_S: Final = 0.5
IDS_MAX: Final = 150
"""A payload has fewer than 8,000 bytes."""

_log: Final = logging.getLogger(__name__)
_NOTIFY: Final = "SELECT pg_notify(%s, %s)"


class Feed:
    """Tells other processes what changed here, and hears what changed there.

    `on_news` hears ids, and whether those tasks are gone, in a thread of the feed; `on_gap` hears
    that some news may have been missed.
    """

    def __init__(
        self,
        url: str,
        *,
        on_news: Callable[[Iterable[str], bool], None],
        on_gap: Callable[[], None],
    ) -> None:
        self._address = _conninfo(url)
        self._on_news = on_news
        self._on_gap = on_gap
        self._waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._heard_at = float("-inf")
        self._threads = [
            threading.Thread(target=self._again_and_again, args=(duty,), name=name, daemon=True)
            for name, duty in (("feed-ear", self._listen), ("feed-mouth", self._speak))
        ]

    @property
    def is_fresh(self) -> bool:
        """Whether what others told a moment ago would have been heard by now."""
        return time.monotonic() - self._heard_at < FRESH_S

    def start(self) -> None:
        """Begin to listen and to speak."""
        for thread in self._threads:
            thread.start()

    def tell(self, ids: Iterable[str]) -> None:
        """Tell other processes that these tasks changed; from any thread, without waiting."""
        for task_id in ids:
            self._waiting.put(task_id)

    def close(self) -> None:
        """Stop; what was not told yet is not told."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    # -- the threads -----------------------------------------------------------------------

    def _again_and_again(self, duty: Callable[[psycopg.Connection[Any]], None]) -> None:
        while not self._stop.is_set():
            try:
                with contextlib.closing(_connect(self._address)) as connection:
                    duty(connection)
            except psycopg.Error as fault:
                _log.warning("the feed is cut off, and begins again: %s", fault)
            self._stop.wait(AGAIN_S)

    def _listen(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute(f"LISTEN {CHANNEL}")
        self._on_gap()  # nobody told us what happened before
        while not self._stop.is_set():
            for news in connection.notifies(timeout=BEAT_S):
                if news.payload:
                    is_gone = news.payload.startswith(GONE)
                    self._on_news(news.payload.removeprefix(GONE).split(","), is_gone)
                self._heard_at = time.monotonic()
                if self._stop.is_set():
                    return

    def _speak(self, connection: psycopg.Connection[Any]) -> None:
        while not self._stop.is_set():
            ids = self._gather()
            for start in range(0, max(1, len(ids)), IDS_MAX):
                connection.execute(_NOTIFY, (CHANNEL, ",".join(ids[start : start + IDS_MAX])))

    def _gather(self) -> list[str]:
        """Wait for something to tell, no longer than a beat; then take what a moment brings."""
        try:
            ids = {self._waiting.get(timeout=BEAT_S)}
        except queue.Empty:
            return []
        self._stop.wait(GATHER_S)
        with contextlib.suppress(queue.Empty):
            while True:
                ids.add(self._waiting.get_nowait())
        return sorted(ids)


def _conninfo(url: str) -> str:
    return sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _connect(address: str) -> psycopg.Connection[Any]:
    """Open a connection that notices when the other side is gone."""
    return psycopg.connect(
        address,
        autocommit=True,
        application_name="rushes-feed",
        connect_timeout=5,
        keepalives=1,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=10_000,
        options="-c statement_timeout=10s",
    )
