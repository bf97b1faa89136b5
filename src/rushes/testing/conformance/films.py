"""Checks of `open`, and of what a provider keeps to itself."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

import msgspec

from rushes.providers.base import FilmLost, NotThere, NotUnderstood, Ready, Unreachable
from rushes.testing.conformance.asking import (
    BrokenPromise,
    Check,
    bytes_of,
    demand,
    due,
    find,
    made,
    named,
    raised,
    rows,
    submit,
)
from rushes.testing.conformance.stage import Moment, Situation, Stage


async def a_film_comes_whole(stage: Stage) -> None:
    """The bytes are the bytes, and can be had again."""
    film = await made(stage)
    for _ in range(2):
        demand(await bytes_of(stage, film) == stage.film, "the film as it was made")


async def a_handle_survives_the_rows(stage: Stage) -> None:
    """A handle that went through JSON opens the film."""
    film = msgspec.json.decode(msgspec.json.encode(await made(stage)))
    demand(await bytes_of(stage, film) == stage.film, "the film as it was made")


async def _is_no_film(
    situation: Situation, kinds: tuple[type[Exception], ...], stage: Stage
) -> None:
    film = await made(stage)
    await stage.bring_about(situation)
    try:
        content = await bytes_of(stage, film)
    except kinds:
        return
    raise BrokenPromise(f"{situation}: {len(content)} bytes were taken for a film")


NO_FILM: Final[Mapping[Situation, tuple[type[Exception], ...]]] = {
    Situation.FILM_UNAVAILABLE: (Unreachable,),
    Situation.FILM_NOT_FOUND: (NotThere, FilmLost),
    Situation.FILM_GONE: (FilmLost,),
    Situation.FILM_BREAKS_OFF: (Unreachable,),
    Situation.FILM_IS_A_PAGE: (NotUnderstood,),
}


async def a_finished_task_without_a_film_is_not_there(stage: Stage) -> None:
    """Completed, but nothing to show for it: never an empty success."""
    film = await made(stage, after=Situation.FILM_WILL_BE_MISSING)
    try:
        content = await bytes_of(stage, film)
    except (NotThere, FilmLost):
        return
    raise BrokenPromise(f"{len(content)} bytes were taken for a film")


async def a_film_that_broke_off_can_be_had_again(stage: Stage) -> None:
    """One bad transfer is no verdict."""
    film = await made(stage)
    await stage.bring_about(Situation.FILM_BREAKS_OFF)
    await raised(Unreachable, bytes_of(stage, film))
    demand(await bytes_of(stage, film) == stage.film, "the second time it is whole")


async def credentials_stay_at_home(stage: Stage) -> None:
    """A film on another host is fetched, and that host learns no credential."""
    film = await made(stage)
    await stage.bring_about(Situation.FILM_ELSEWHERE)
    demand(await bytes_of(stage, film) == stage.film, "the film from elsewhere")
    told = stage.told_to_strangers()
    demand(told, "the other host was asked")
    for headers in told:
        demand("authorization" not in headers, "no Authorization leaves home")
        demand(stage.secret not in str(headers), "no header holds the credential")


class _Ear(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record as it would be printed, and everything it carries."""
        self.heard.append(f"{self.format(record)} {record.args!r}")


async def nothing_secret_is_logged(stage: Stage) -> None:
    """No log line and no verdict holds a key or a prompt, at whatever level."""
    prompt = "A zeppelin over the quagmire, sotto voce."
    ear, root = _Ear(), logging.getLogger()
    level = root.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    try:
        said = await _say_everything(stage, prompt)
    finally:
        root.setLevel(level)
        root.removeHandler(ear)
    for line in [*ear.heard, *said]:
        demand(stage.secret not in line, f"a secret is told: {line[:60]}")
        demand("zeppelin" not in line, f"a prompt is told: {line[:60]}")


async def _say_everything(stage: Stage, prompt: str) -> list[str]:
    """Go through the life of a task and its troubles; return all that was raised, as printed."""
    said: list[str] = []
    ticket = await submit(stage, prompt)
    troubles: list[tuple[Situation, Callable[[], Awaitable[object]]]] = [
        (Situation.PARAMETERS_REFUSED, partial(submit, stage, prompt)),
        (Situation.BAD_CREDENTIAL, partial(submit, stage, prompt)),
        (Situation.ACCEPTED_THEN_DROPPED, partial(submit, stage, prompt)),
        (Situation.LOOK_UNAVAILABLE, partial(stage.provider.check, ticket)),
        (Situation.LIST_UNAVAILABLE, partial(find, stage, prompt)),
    ]
    for situation, act in troubles:
        await stage.bring_about(situation)
        error = await raised(Exception, act())
        said.append("".join(traceback.format_exception(error)))
    await stage.reach(Moment.OVER)
    await bytes_of(stage, due(Ready, await stage.provider.check(ticket)).film)
    return said


CHECKS: Final[Mapping[str, Check]] = {
    **named(
        a_film_comes_whole,
        a_handle_survives_the_rows,
        a_finished_task_without_a_film_is_not_there,
        a_film_that_broke_off_can_be_had_again,
        credentials_stay_at_home,
        nothing_secret_is_logged,
    ),
    **rows("what_is_no_film_is_not_taken_for_one", _is_no_film, NO_FILM),
}
