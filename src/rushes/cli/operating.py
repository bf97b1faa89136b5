"""What the verbs about accounts and keys share: refusals, durations, limits."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Final, TypeVar

from rushes.cli.paper import plain
from rushes.cli.plainly import FAILED, REFUSED, Refused
from rushes.domain.access import Limits
from rushes.domain.errors import CannotBeDone, NotFound, Refusal
from rushes.ports import Books, Transaction

T = TypeVar("T")

DURATION: Final = re.compile(r"(\d{1,6})([smhd])")
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_WORDS: Final = {
    "requests_per_s": "requests a second",
    "submits_per_minute": "submits a minute",
    "in_flight_max": "unfinished tasks",
    "queued_max": "queued tasks",
}


def done(store: Books, act: Callable[[Transaction], T], which: str) -> T:
    """Do something in a transaction; `which` says how to find what there is.

    Raises:
        Refused: the act refused.
    """
    return refusing(lambda: store.write_now(act), which)


def refusing(act: Callable[[], T], which: str) -> T:
    """Do something, and tell what it refuses as the command line does.

    Raises:
        Refused: exit 1 where it did not work, 2 where what was typed cannot be meant.
    """
    try:
        return act()
    except Refusal as refusal:
        code = FAILED if isinstance(refusal, (CannotBeDone, NotFound)) else REFUSED
        hint = which if isinstance(refusal, NotFound) else ""
        raise Refused(plain(refusal.message), code, hint) from None


def duration_of(text: str) -> timedelta:
    """Read a duration: a number and s, m, h or d.

    >>> duration_of("90m")
    datetime.timedelta(seconds=5400)

    Raises:
        Refused: it is none.
    """
    found = DURATION.fullmatch(text)
    if found is None:
        raise Refused(f"{plain(text)} is no duration: write 90s, 30m, 12h or 7d.")
    return timedelta(seconds=int(found[1]) * _UNITS_S[found[2]])


def limits_shown(limits: Limits) -> str:
    """Say limits in words.

    >>> limits_shown(Limits(requests_per_s=5, queued_max=100))
    '5 requests a second, 100 queued tasks'
    """
    told = [
        f"{value} {_WORDS[name]}" for name, value in asdict(limits).items() if value is not None
    ]
    return ", ".join(told) or "none"


def limit_of(text: str | None) -> int | None:
    """Read a limit as it was typed: a number, or `none`.

    Raises:
        Refused: it is neither.
    """
    if text is None or text == "none":
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 10:  # noqa: PLR2004 -- digits
        raise Refused(f"{plain(text)} is no limit: write a whole number, or none.")
    return int(text)
