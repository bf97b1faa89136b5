"""Runs a simulator as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp

from rushes.clock import Clock, SystemClock
from rushes.studio.kinship import die_with_parent
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.host import LOOPBACK, serving
from rushes.testing.simulators.jobs import Pace
from rushes.testing.simulators.script import RequestLog, Script

NOON: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
"""Where a manual clock starts."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, read: what every simulator needs, and `told` with all that was said."""

    clock: Clock
    script: Script
    log: RequestLog
    pace: Pace
    told: argparse.Namespace


def serve(
    description: str,
    make: Callable[[Command], ASGIApp],
    *,
    more: Callable[[argparse.ArgumentParser], None],
    base_path: str = "",
    words: Sequence[str] | None = None,
) -> None:
    """Read the command line, serve what `make` makes, and end on SIGINT or SIGTERM.

    The port is the first line on standard output; standard error says to people where it is and
    what opens it. `more` adds a simulator's own options; `base_path` ends what a provider is
    given as its base_url.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--log", type=Path, help="append every create attempt to this file")
    parser.add_argument("--script", default="{}", help="rules as JSON, or a file that holds them")
    parser.add_argument("--clock", choices=("system", "manual"), default="system")
    parser.add_argument("--queue-s", type=float, default=Pace().queue_s)
    parser.add_argument("--render-s", type=float, default=Pace().render_s)
    parser.add_argument("--key", help="the one key that opens; without it any does")
    parser.add_argument("--parent", type=int, help="a process that this one must not outlive")
    more(parser)
    told = parser.parse_args(words)
    if told.parent is not None:
        die_with_parent(told.parent)
    command = Command(
        clock=ManualClock(NOON) if told.clock == "manual" else SystemClock(),
        script=Script.read(told.script),
        log=RequestLog(told.log),
        pace=Pace(told.queue_s, told.render_s),
        told=told,
    )
    key = "any key" if told.key is None else f"the key {told.key}"

    def tell(port: int) -> None:
        sys.stderr.write(
            f"{description.rstrip('.')}, at http://{LOOPBACK}:{port}{base_path} with {key}. "
            "Ctrl-C ends it.\n"
        )
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()

    asyncio.run(_serve(make(command), told.port, tell))


async def _serve(app: ASGIApp, port: int, tell: Callable[[int], None]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serving(app, port=port) as bound:
        tell(bound)
        await stop.wait()
