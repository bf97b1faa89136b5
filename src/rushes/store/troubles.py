"""What a fault of PostgreSQL means, and what a caller is told of it."""

from __future__ import annotations

from enum import Enum
from typing import Final

import psycopg
import sqlalchemy as sa

from rushes.domain.errors import StoreBusy, StoreInDoubt

_AGAIN: Final = frozenset({"40P01", "40001"})
"""A deadlock, or a conflict with another transaction."""

_LOST: Final = frozenset({"57P01", "57P02", "57P05", "25P03", "25P04"})
"""The server or somebody ended the session; so do all of class 08."""

_BUSY: Final = frozenset({"53", "57", "58"})
"""Classes: out of disk, memory or connections; stopped or starting; trouble beneath."""

WAITED: Final = "55P03"
"""A lock of another's was waited for in vain."""

_STANDBY: Final = "25006"

FAULTS: Final = (sa.exc.DBAPIError, psycopg.Error, sa.exc.TimeoutError)


class Trouble(Enum):
    """What kind of trouble a transaction met."""

    ACT = "the act's own"
    AGAIN = "taken back for another's sake; it may be tried again"
    LOST = "the connection is gone"
    BUSY = "the database does not take it now"


ONE_BY_ONE: Final = frozenset({Trouble.ACT, Trouble.AGAIN})
"""After these the acts of a group are run again, each alone."""


def beneath(fault: BaseException) -> BaseException:
    """Return what the driver raised."""
    orig = getattr(fault, "orig", None)
    return orig if isinstance(orig, BaseException) else fault


def state_of(fault: BaseException) -> str | None:
    """Return PostgreSQL's five-character code of a fault."""
    return getattr(beneath(fault), "sqlstate", None)


def trouble_of(fault: BaseException) -> Trouble:
    """Return what kind of trouble a fault is."""
    raised, state = beneath(fault), state_of(fault)
    if isinstance(raised, sa.exc.TimeoutError):
        return Trouble.BUSY
    if not isinstance(raised, psycopg.Error):
        return Trouble.ACT
    if state is None:
        is_lost = isinstance(raised, psycopg.OperationalError | psycopg.InterfaceError)
        return Trouble.LOST if is_lost else Trouble.ACT
    if state in _AGAIN:
        return Trouble.AGAIN
    if state in _LOST or state.startswith("08"):
        return Trouble.LOST
    if state[:2] in _BUSY or state in {WAITED, _STANDBY}:
        return Trouble.BUSY
    return Trouble.ACT


def told_as(fault: BaseException) -> BaseException:
    """Return a fault as a caller may know it."""
    if isinstance(fault, StoreBusy | StoreInDoubt) or trouble_of(fault) is Trouble.ACT:
        return fault
    told = StoreBusy(f"the database did not take it: {beneath(fault)}")
    told.__cause__ = fault
    return told
