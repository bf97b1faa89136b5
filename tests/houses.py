"""Where a journey's server keeps its rows and its films, and how to read them there.

with a_server(folder, config=CONFIG + house.tables) as server:
    house.books(folder).open
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from journeying import audited, books_of
from rushes.clock import SystemClock
from rushes.folder import open_books
from rushes.ports import Transaction
from rushes.settings import load
from rushes.testing.audit import Audited, Books, Witness

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class House:
    """SQLite and a disk, unless other places are given: sections of settings by name."""

    places: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def tables(self) -> str:
        """The places as tables of a config file, to stand behind all others."""
        return "".join(
            "\n".join([f"[{name}]", *(f'{key} = "{value}"' for key, value in place.items()), ""])
            for name, place in self.places.items()
        )

    def read(self, folder: Path, act: Callable[[Transaction], T]) -> T:
        """Ask the tables, beside a running server too."""
        settings = load(data_dir=folder, **self.places)
        with closing(open_books(settings, SystemClock())) as store:
            return store.read_now(act)

    def write(self, folder: Path, act: Callable[[Transaction], T]) -> T:
        """Write into the tables, beside a running server too."""
        settings = load(data_dir=folder, **self.places)
        with closing(open_books(settings, SystemClock())) as store:
            return store.write_now(act)

    def books(self, folder: Path) -> Books:
        """Read all tables."""
        return books_of(folder, **self.places)

    def audited(self, folder: Path, log: Path, witness: Witness) -> Audited:
        """Hold tables and films against an upstream's log, and what callers saw."""
        return audited(folder, log, witness, may_be_open=False, **self.places)
