"""Simulated upstreams, by hand: what to develop an adapter or a caller against."""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from rushes.cli.paper import answers, say, show_json
from rushes.cli.plainly import Refused
from rushes.testing import simulators


def names() -> list[str]:
    """Return the upstreams that can be simulated: the modules that can be run."""
    found = [module.name for module in pkgutil.iter_modules(simulators.__path__)]
    return [name for name in found if hasattr(_module(name), "main")]


def simulate(name: str | None, words: Sequence[str], *, as_json: bool = False) -> None:
    """Run a simulator until Ctrl-C, or list them all.

    Raises:
        Refused: there is no such simulator, or the words after it are wrong.
    """
    if name is None:
        told = {known: (_module(known).__doc__ or "").strip().splitlines()[0] for known in names()}
        if as_json:
            show_json([{"name": known, "told": line} for known, line in told.items()])
            return
        for known, line in told.items():
            say(answers(), f"{known:<16} {line}")
        return
    if name not in names():
        raise Refused(f"There is no simulator {name}; there are {', '.join(names())}.")
    _module(name).main(list(words))


def _module(name: str) -> ModuleType:
    return import_module(f"{simulators.__name__}.{name}")
