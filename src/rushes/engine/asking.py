"""Asking a provider: bounded, counted, and drawn into the trace of the task it is about."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
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
from rushes.traces import Kind, Span, telling

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
    name, metrics, outcome = submit.provider, world.metrics, ANSWERED
    began_s = time.perf_counter()
    with (
        world.traces.span(
            submit.task_id,
            verb,
            Kind.CLIENT,
            provider=name,
            upstream_model=submit.upstream_model,
            n=submit.n,
        ) as span,
        telling(tells=upstream.tells_trace),
    ):
        try:
            async with AsyncExitStack() as bound:
                if is_bounded:
                    limit_s = world.budgets.submit_call.total_seconds()
                    await bound.enter_async_context(world.patience(limit_s))
                yield span
        except BaseException as fault:
            outcome = OUTCOMES.get(type(fault), BROKEN if isinstance(fault, Exception) else CUT_OFF)
            raise
        finally:
            span.note(outcome=outcome)
            metrics.upstream_s.labels(name, verb).observe(time.perf_counter() - began_s)
            metrics.upstream_calls.labels(name, verb, outcome).inc()
