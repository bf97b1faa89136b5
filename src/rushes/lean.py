"""Imports that are smaller than their packages: what is left out would never be used here."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import cast


@contextlib.contextmanager
def without(module: str) -> Iterator[None]:
    """Have imports do without a module which is optional to who imports it.

    It is as if the module were not installed; once the block is over, it is there again.
    """
    if module in sys.modules:
        yield
        return
    sys.modules[module] = cast("ModuleType", None)  # so that its import fails
    try:
        yield
    finally:
        del sys.modules[module]
