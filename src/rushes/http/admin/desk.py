"""What every operators' call needs: the books, whose call it is, and the words of a refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from rushes.deeds.log import Operator
from rushes.domain.errors import CannotBeDone, Overloaded, StoreBusy
from rushes.gateway.door import Gateway
from rushes.http.auth import Keyring
from rushes.http.pages import limit_of
from rushes.http.routes import OPERATING, Call, Reply, Route
from rushes.ports import IntegrityFault, SchemaBehind, Transaction

T = TypeVar("T")

ROOT: Final = "/admin/v1"
TAG: Final = "admin"
NAME_CHARACTERS_MAX: Final = 100


def somebody(tx: Transaction) -> str | None:
    """Say that somebody works, whoever it is."""
    del tx
    return "unknown"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where operators' calls are worked on. `holder_of` says which process carries tasks."""

    gateway: Gateway
    keyring: Keyring
    holder_of: Callable[[Transaction], str | None] = somebody

    def now(self) -> datetime:
        """Return the instant that counts."""
        return self.gateway.clock.now()

    async def do(self, act: Callable[[Transaction], T], *, alone: bool = False) -> T:
        """Run an act in a transaction; `alone` if it waits for what others hold.

        Raises:
            Refusal: the act refused, or the database is not ready for it; nothing was written.
        """
        try:
            return await self.gateway.store.write(act, alone=alone)
        except IntegrityFault:
            raise CannotBeDone("Somebody else did this at the same moment; look again.") from None
        except SchemaBehind:
            raise Overloaded(
                "The server is being upgraded: the database waits for `rushes migrate`. "
                "Nothing was done; try again later.",
                retry_after_s=30,
            ) from None

    async def do_to_keys(self, act: Callable[[Transaction], T], *, alone: bool = False) -> T:
        """Run an act that concerns who may come in; this process knows at once.

        Raises:
            Refusal: as `do`.
        """
        done = await self.do(act, alone=alone)
        with suppress(StoreBusy):  # it is done, and is read within a second anyway
            await self.keyring.reload()
        return done

    async def ask(self, look: Callable[[Transaction], T]) -> T:
        """Run a look on a stable, committed state."""
        return await self.gateway.store.read(look)


def operator_of(call: Call) -> Operator:
    """Name who calls, for the audit log: his key, and the address that he calls from."""
    key = call.caller
    origin = None if call.origin is None else str(call.origin)
    return Operator(f"{key.id} ({key.name[:NAME_CHARACTERS_MAX]})", origin, key)


def route(
    method: str,
    path: str,
    handler: Callable[[Call], Awaitable[Reply]],
    summary: str,
    answer: str,
    *,
    request: str | None = None,
    query: Sequence[str] = (),
) -> Route:
    """Return a row of the table: for keys with the scope `admin`, and nobody else."""
    return Route(
        method,
        f"{ROOT}{path}",
        handler,
        summary,
        TAG,
        request=request,
        answers={200: answer},
        query=query,
        opened_by=OPERATING,
    )


def cut(found: Sequence[T], call: Call) -> tuple[Sequence[T], bool]:
    """Return as many as the caller asks for, and whether there are more."""
    limit = limit_of(call.query().get("limit"), 1)
    return found[:limit], len(found) > limit
