"""What was used, by an account or by all: bounded in time, in lines and in how many ask at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, TypeVar

from rushes.domain.access import Key
from rushes.domain.errors import Overloaded
from rushes.domain.usage import UsageAsked, Used
from rushes.ports import Books, SchemaBehind, Transaction

T = TypeVar("T")

RANGE_MAX: Final = timedelta(days=366)
LINES_MAX: Final = 1000
AT_ONCE_MAX: Final = 2
"""So many questions are added up at a time: each may read a year of an account's tasks."""


def _turns() -> asyncio.Semaphore:
    return asyncio.Semaphore(AT_ONCE_MAX)


@dataclass(frozen=True, slots=True)
class Usage:
    """Answers for usage; it is added up away from the loop that answers looks."""

    store: Books
    turns: asyncio.Semaphore = field(default_factory=_turns)

    async def of(self, caller: Key, asked: UsageAsked) -> tuple[list[Used], bool]:
        """Return a page of lines of the caller's account, and whether there are more.

        Raises:
            Overloaded: the database waits for `rushes migrate`.
        """
        return await self.of_any(replace(asked, account_id=caller.account_id))

    async def of_any(self, asked: UsageAsked) -> tuple[list[Used], bool]:
        """Return a page of lines of whatever account is asked about, and whether there are more.

        Raises:
            Overloaded: the database waits for `rushes migrate`.
        """
        found = await self.look(lambda tx: list(tx.usage(asked)))
        return found[: asked.limit], len(found) > asked.limit

    async def look(self, look: Callable[[Transaction], T]) -> T:
        """Run a look that may take long, when its turn has come.

        Raises:
            Overloaded: the database waits for `rushes migrate`.
        """
        try:
            async with self.turns:
                return await asyncio.to_thread(self.store.read_now, look)
        except SchemaBehind as behind:
            raise Overloaded(
                "This is not ready yet: the server is being upgraded. Try again later.",
                retry_after_s=30,
            ) from behind
