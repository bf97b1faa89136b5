"""What any `ports.Store` must do: the SQL stores and the one in memory, by the same checks.

A check is an async function of a `Subject`, a fresh and empty store; its name is its sentence.
`tests/store/test_conformance.py` holds every store to every check.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import iscoroutinefunction
from types import ModuleType
from typing import Final

from rushes.testing.conformance.stores import (
    access,
    erasing,
    files,
    health,
    limits,
    money,
    moves,
    operators,
    overview,
    stock,
    submits,
    tasks,
    webhooks,
    writes,
)
from rushes.testing.conformance.stores.subject import Check, Subject

__all__ = ["CHECKS", "Check", "Subject"]

ROOMS: Final = (
    tasks,
    moves,
    submits,
    health,
    files,
    stock,
    access,
    limits,
    money,
    webhooks,
    operators,
    overview,
    erasing,
    writes,
)


def _checks_of(room: ModuleType) -> dict[str, Check]:
    """Find the public coroutine functions that a room defines itself."""
    return {
        name: check
        for name, check in vars(room).items()
        if iscoroutinefunction(check)
        and not name.startswith("_")
        and check.__module__ == room.__name__
    }


CHECKS: Final[Mapping[str, Check]] = {
    f"{room.__name__.rpartition('.')[2]}: {name}": check
    for room in ROOMS
    for name, check in _checks_of(room).items()
}
