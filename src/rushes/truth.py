"""The truth as one process has it: where it is, how it is looked at, and who hears of changes.

On SQLite it is a file, and this process is alone with it: time is the machine's, as long as nobody
sets that. On PostgreSQL others work on it too: then news go back and forth, and the database's
clock is the one that counts.
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
from rushes.store.steady import SteadyTime, tell_of_a_jump
from rushes.store.timekeeper import Timekeeper


@dataclass(frozen=True, slots=True)
class Truth:
    """The store, the looks at it, the bell of changes, and who keeps the time that counts.

    `wall` is the clock that strangers are told the time by, as receivers of webhooks are: they
    compare it with their own. `feed` connects a process to the others on its database.
    """

    store: Database
    hot: HotRead | PostgresLooks
    bell: LocalBell
    timekeeper: Timekeeper
    wall: Clock
    feed: Feed | None = None

    @property
    def clock(self) -> Clock:
        """The clock that counts."""
        return self.timekeeper.clock

    def start(self) -> None:
        """Begin to ask for the time; to tell others and hear of them, if there may be any."""
        if self.feed is not None:
            self.feed.start()
        self.timekeeper.start()

    def close(self) -> None:
        """Be alone again, and let go of the database."""
        if self.feed is not None:
            self.feed.close()
        self.timekeeper.close()
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
        steady = SteadyTime(clock, store)
        timekeeper = Timekeeper(steady, clock, tell=tell_of_a_jump)
        return Truth(store, HotRead(settings.database_path), bell, timekeeper, clock)
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
    return Truth(store, looks, far, timekeeper, timekeeper.clock, feed)
