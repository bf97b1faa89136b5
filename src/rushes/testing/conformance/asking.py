"""What the checks of a provider have in common: to ask, and to demand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final, TypeVar

import msgspec

from rushes.domain.ids import new_token
from rushes.domain.submit import Ticket
from rushes.providers.base import Film, Ready, Search
from rushes.testing.conformance.stage import Moment, Situation, Stage

HANDLE_BYTES_MAX: Final = 4096
"""Tickets and film handles are stored with every submit; they are small."""

Check = Callable[[Stage], Awaitable[None]]
ErrorT = TypeVar("ErrorT", bound=Exception)
T = TypeVar("T")


class BrokenPromise(AssertionError):
    """A provider does not do what `providers.base` promises."""


def demand(claim: object, sentence: str) -> None:
    """Hold a provider to a claim.

    Raises:
        BrokenPromise: it is not so.
    """
    if not claim:
        raise BrokenPromise(sentence)


def due(kind: type[T], value: object) -> T:
    """Return a value that must be of this kind."""
    if not isinstance(value, kind):
        raise BrokenPromise(f"{kind.__name__} was due; got {value!r}")
    return value


async def submit(stage: Stage, prompt: str = "", *, token: str | None = None) -> Ticket:
    """Submit the stage's own wish, or another prompt, under a reference of ours."""
    return await stage.provider.submit(
        stage.spec(prompt),
        upstream_model=stage.upstream_model,
        token=token or new_token(),
        assets=stage.assets,
    )


async def raised(kind: type[ErrorT], act: Awaitable[object]) -> ErrorT:
    """Return what `act` raised, which must be of this very kind or a finer one."""
    try:
        result = await act
    except kind as error:
        return error
    raise BrokenPromise(f"{kind.__name__} was due; got {result!r}")


async def made(stage: Stage, *, after: Situation | None = None) -> Film:
    """Have a film made, and return its handle."""
    if after is not None:
        await stage.bring_about(after)
    ticket = await submit(stage)
    await stage.reach(Moment.OVER)
    return due(Ready, await stage.provider.check(ticket)).film


async def bytes_of(stage: Stage, film: Film) -> bytes:
    """Bring a film home."""
    async with stage.provider.open(film) as stream:
        parts = [part async for part in stream.chunks]
        content = b"".join(parts)
        demand(stream.length in {None, len(content)}, "the length said is the length sent")
        return content


async def find(stage: Stage, prompt: str = "", *, token: str | None = None) -> Search:
    """Look for a submit of just now, by default one that never was."""
    return await stage.provider.find(
        token or new_token(),
        stage.spec(prompt),
        upstream_model=stage.upstream_model,
        since=stage.now(),
    )


def is_small_json(handle: object) -> bool:
    """Say whether a ticket or handle can be kept in a row and come back as it was."""
    text = msgspec.json.encode(handle)
    return len(text) <= HANDLE_BYTES_MAX and msgspec.json.encode(msgspec.json.decode(text)) == text


def named(*checks: Check) -> dict[str, Check]:
    """Call checks by the names of their functions."""
    return {str(getattr(check, "__name__", check)): check for check in checks}


def rows(
    name: str, check: Callable[..., Awaitable[None]], table: Mapping[Situation, object]
) -> dict[str, Check]:
    """Make a check of every row of a table: `name[situation]`."""
    return {f"{name}[{row}]": partial(check, row, due_) for row, due_ in table.items()}
