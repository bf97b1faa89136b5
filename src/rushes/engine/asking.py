"""Asking a provider: bounded, counted, and drawn into the trace of the task it is about."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import Final

from rushes.domain.submit import Submit
from rushes.engine.world import Upstream, World
from rushes.providers.base import (
    Busy,
    FilmLost,
    InDoubt,
    NotThere,
    NotUnderstood,
    Refused,
    Unreachable,
)
from rushes.traces import UNDRAWN, Kind, Span, telling

ANSWERED: Final = "answered"
BROKEN: Final = "broken"
CUT_OFF: Final = "cut_off"
OUTCOMES: Final[Mapping[type[BaseException], str]] = {
    Refused: "refused",
    Busy: "busy",
    InDoubt: "in_doubt",
    NotThere: "not_there",
    FilmLost: "film_lost",
    NotUnderstood: "not_understood",
    Unreachable: "unreachable",
    TimeoutError: "timeout",
}
"""What a call that raised came to; whatever is not here is `broken`."""


@asynccontextmanager
async def asking(
    upstream: Upstream, submit: Submit, verb: str, world: World, *, is_bounded: bool = True
) -> AsyncIterator[Span]:
    """Ask a provider in the block, about one submit; within the time of a call, if `is_bounded`."""
    name, outcome = submit.provider, ANSWERED
    began_s = time.perf_counter()
    with _drawn(upstream, submit, verb, world) as span:
        try:
            if is_bounded:
                async with world.patience(world.budgets.submit_call.total_seconds()):
                    yield span
            else:
                yield span
        except BaseException as fault:
            outcome = OUTCOMES.get(type(fault), BROKEN if isinstance(fault, Exception) else CUT_OFF)
            raise
        finally:
            span.note(outcome=outcome)
            world.metrics.upstream_s.labels(name, verb).observe(time.perf_counter() - began_s)
            world.metrics.upstream_calls.labels(name, verb, outcome).inc()


def _drawn(
    upstream: Upstream, submit: Submit, verb: str, world: World
) -> AbstractContextManager[Span]:
    """Return what draws a call; where nobody draws, next to nothing."""
    if world.traces.recorder is None:
        return UNDRAWN
    return _telling(upstream, submit, verb, world)


@contextmanager
def _telling(upstream: Upstream, submit: Submit, verb: str, world: World) -> Iterator[Span]:
    with (
        world.traces.span(
            submit.task_id,
            verb,
            Kind.CLIENT,
            provider=submit.provider,
            upstream_model=submit.upstream_model,
            n=submit.n,
        ) as span,
        telling(tells=upstream.tells_trace),
    ):
        yield span
