"""Words for quantities, the same wherever an operator reads them; text without terminal codes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

MINUTE_S: Final = 60

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_KIB: Final = 1024
_SCALES: Final = ("B", "KiB", "MiB", "GiB", "TiB")


def plain(text: str) -> str:
    r"""Return text on one line, without anything that drives a terminal.

    >>> plain("a fox\n\x1b[2Jruns")
    'a fox �[2Jruns'
    """
    return _CONTROL.sub(lambda found: " " if found[0] in "\n\r\t" else "\ufffd", text)


def size(size_bytes: int) -> str:
    """Say how large a file is.

    >>> size(999), size(2_094_365)
    ('999 B', '2.0 MiB')
    """
    amount = float(size_bytes)
    for scale in _SCALES:
        if amount < _KIB or scale == _SCALES[-1]:
            break
        amount /= _KIB
    return f"{size_bytes} B" if scale == "B" else f"{amount:.1f} {scale}"


def lasting(lasted: timedelta) -> str:
    """Say how long something took, in what a person would count it in.

    >>> [lasting(timedelta(seconds=s)) for s in (0.0034, 2.7184, 75, 3661, 90_000)]
    ['3 ms', '2.72 s', '1 m 15 s', '1 h 1 m', '1 d 1 h']
    """
    total_s = lasted.total_seconds()
    if total_s < 0:
        return f"-{lasting(-lasted)}"
    if total_s < 1:
        return f"{total_s * 1000:.0f} ms"
    if total_s < MINUTE_S:
        return f"{total_s:.2f} s" if total_s < 10 else f"{total_s:.1f} s"  # noqa: PLR2004 -- digits
    minutes, seconds = divmod(round(total_s), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} m" if hours else f"{minutes} m {seconds} s"


def money(amount_microusd: int) -> str:
    """Say an amount; what is less than a cent is told to the last millionth.

    >>> money(0), money(1_250_000), money(1_234), money(405_000)
    ('$0', '$1.25', '$0.001234', '$0.405')
    """
    if amount_microusd == 0:
        return "$0"
    cents, rest = divmod(amount_microusd, 10_000)
    return f"${cents / 100:.2f}" if rest == 0 else f"${amount_microusd / 1e6:.6f}".rstrip("0")


def moment(at: datetime) -> str:
    """Say an instant, to the second, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def ago(at: datetime, now: datetime) -> str:
    """Say how long ago an instant was, to the second.

    >>> noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    >>> [ago(noon - timedelta(seconds=s), noon) for s in (9.3, 3600)]
    ['9 s ago', '1 h 0 m ago']
    """
    passed_s = round((now - at).total_seconds())
    passed = f"{passed_s} s" if abs(passed_s) < MINUTE_S else lasting(timedelta(seconds=passed_s))
    return f"{passed} ago"
