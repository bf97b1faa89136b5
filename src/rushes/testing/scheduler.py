"""A scheduler that owns every interleaving: actors stop at each port, and it decides what next.

Actors are coroutines that await nothing but `boundary` and `nap`. Between any two boundaries an
actor may be killed (it never runs again, nothing of its memory survives) or paused (it sleeps
through whatever the others do, then goes on as if nothing had happened). No event loop, no
threads, no real time: the same decisions give the same trace.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rushes.testing.fakes import ManualClock


@dataclass(slots=True)
class Boundary:
    """A point where an actor may be killed or paused; `nap_s` is how long it wants to sleep."""

    label: str
    nap_s: float = 0.0

    def __await__(self) -> Generator[Boundary, None, None]:
        yield self


async def boundary(label: str) -> None:
    """Let the scheduler decide."""
    await Boundary(label)


async def nap(label: str, seconds: float) -> None:
    """Sleep in the scheduler's time."""
    await Boundary(label, max(seconds, 0.0))


@dataclass(eq=False, slots=True)
class Actor:
    """One coroutine and where it stands. `work_id` is the piece of work it does, if any.

    It runs in a context of its own, as a task of a loop does.
    """

    name: str
    script: Coroutine[Boundary, None, Any]
    wake_at: datetime
    work_id: str | None = None
    is_paused: bool = False
    is_over: bool = False
    fault: Exception | None = None
    context: Context = field(default_factory=copy_context)

    def advance(self, now: datetime) -> Boundary | None:
        """Run to the next boundary; None when the script is over, with or without a fault."""
        try:
            stop = self.context.run(self.script.send, None)
        except StopIteration:
            self.is_over = True
            return None
        except Exception as fault:  # noqa: BLE001 -- the scheduler judges it
            self.is_over = True
            self.fault = fault
            return None
        self.wake_at = now + timedelta(seconds=stop.nap_s)
        return stop


class Stage:
    """The actors of one history, and the clock they share."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.actors: list[Actor] = []
        self.corpses: list[Actor] = []
        self._trace: list[tuple[datetime, str]] = []

    def enter(self, actor: Actor) -> None:
        """Let an actor begin."""
        self.actors.append(actor)

    def awake(self) -> list[Actor]:
        """Return the actors that could run now, in the order they came."""
        now = self.clock.now()
        return [a for a in self.actors if not a.is_paused and a.wake_at <= now]

    def next_wake(self) -> datetime | None:
        """Return when the next sleeping actor wakes."""
        return min((a.wake_at for a in self.actors if not a.is_paused), default=None)

    def run(self, actor: Actor) -> Boundary | None:
        """Run an actor to its next boundary, and note where it stopped."""
        stop = actor.advance(self.clock.now())
        if stop is None:
            self.actors.remove(actor)
            self.note(
                f"{actor.name}: over{f' ({type(actor.fault).__name__})' if actor.fault else ''}"
            )
        else:
            self.note(f"{actor.name}: {stop.label}")
        return stop

    def kill(self, actor: Actor) -> None:
        """Kill an actor where it stands; its corpse is kept so that no handler of it runs."""
        self.actors.remove(actor)
        self.corpses.append(actor)
        self.note(f"{actor.name}: killed")

    def note(self, line: str) -> None:
        """Write a line of the trace, with the time."""
        self._trace.append((self.clock.now(), line))

    def told(self) -> str:
        """Return the trace as text."""
        return "\n".join(f"{at:%d %H:%M:%S} {line}" for at, line in self._trace)

    def clear(self) -> None:
        """Bury the dead, and everyone else: handlers run now, into a world that is over."""
        for actor in [*self.corpses, *self.actors]:
            actor.script.close()
