"""The truth as one process has it: where it is, how it is looked at, and who hears of changes.

On SQLite it is a file, and this process is alone with it. On PostgreSQL others work on it too:
then news go back and forth, and the database's clock is the one that counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rushes.bell import LocalBell, TellingBell
from rushes.clock import Clock
from rushes.folder import Database, open_store
from rushes.settings import Settings
from rushes.store.feed import Feed
from rushes.store.looks import PostgresLooks
from rushes.store.postgres import PostgresStore
from rushes.store.status import HotRead
from rushes.store.timekeeper import Timekeeper


@dataclass(frozen=True, slots=True)
class Others:
    """What connects a process to the others on its database."""

    feed: Feed
    timekeeper: Timekeeper

    def start(self) -> None:
        """Begin to tell, to listen, and to ask for the time."""
        self.feed.start()
        self.timekeeper.start()

    def close(self) -> None:
        """Be alone again."""
        self.feed.close()
        self.timekeeper.close()


@dataclass(frozen=True, slots=True)
class Truth:
    """The store, the looks at it, the bell of changes, and the clock that counts."""

    store: Database
    hot: HotRead | PostgresLooks
    bell: LocalBell
    clock: Clock
    others: Others | None = None

    def start(self) -> None:
        """Begin to hear of what other processes do, if there may be any."""
        if self.others is not None:
            self.others.start()

    def close(self) -> None:
        """Let go of the database."""
        if self.others is not None:
            self.others.close()
        self.hot.close()
        self.store.close()


def truth_of(settings: Settings, clock: Clock) -> Truth:
    """Open the truth that the settings name; `clock` is this machine's.

    Raises:
        StoreBusy: PostgreSQL cannot be reached.
    """
    if not settings.is_on_postgres:
        bell = LocalBell()
        store = open_store(settings, on_change=bell.ring_all)
        return Truth(store, HotRead(settings.database_path), bell, clock)
    url = str(settings.database_place)
    looks = PostgresLooks(url, is_fresh=lambda: feed.is_fresh)

    def hear(ids: Iterable[str], is_gone: bool) -> None:  # noqa: FBT001 -- the feed's word
        if is_gone:
            looks.final.forget(ids)
        far.ring_here(ids)

    def change(ids: Iterable[str]) -> None:
        looks.final.forget(ids)
        far.ring_all(ids)

    feed = Feed(url, on_news=hear, on_gap=looks.final.forget_all)
    far = TellingBell(feed.tell)
    store = PostgresStore(url, on_change=change)
    timekeeper = Timekeeper(store, clock)
    return Truth(store, looks, far, timekeeper.clock, Others(feed, timekeeper))
