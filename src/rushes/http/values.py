"""Single values as callers write them, read into the house's own; a refusal names the path."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, TypeVar

from rushes.domain.errors import ConflictingParameters, InvalidValue
from rushes.domain.spec import PROMPT_CHARACTERS_MAX, SEED_MAX, Said

T = TypeVar("T")

USER_CHARACTERS_MAX: Final = 512
START_WITHIN_S_MAX: Final = 86_400
LIST_ITEMS_MAX: Final = 64
COUNT_DIGITS_MAX: Final = 18
"""A number with more digits counts nothing here, and fits no column."""

_SHOWN_CHARACTERS_MAX: Final = 80


@dataclass(frozen=True, slots=True)
class Level:
    """One place where parameters are read: its values, and how its paths begin."""

    values: Mapping[str, Any]
    prefix: str

    def path(self, name: str) -> str:
        """Return the path of a name on this level, as the caller would write it."""
        return f"{self.prefix}{name}"


def agree(
    level: Level, spellings: tuple[str, ...], read: Callable[[Any, str], T]
) -> Said[T] | None:
    """Read a parameter on one level, where its spellings must agree.

    Raises:
        ConflictingParameters: they do not.
    """
    found: Said[T] | None = None
    if level.values.keys().isdisjoint(spellings):
        return None
    for name in spellings:
        value = level.values.get(name)
        if value is None:
            continue
        said = Said(read(value, level.path(name)), level.path(name))
        if found is not None and found.value != said.value:
            raise disagree(found, said)
        found = found or said
    return found


def disagree(one: Said[Any], other: Said[Any]) -> ConflictingParameters:
    """Return the refusal of two values for one parameter."""
    return ConflictingParameters(
        f"'{one.param}' ({shown(one.value)}) and '{other.param}' ({shown(other.value)}) "
        "name the same parameter and disagree.",
        param=other.param,
    )


def shown(value: object) -> str:
    """Return a value as a message quotes it."""
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN_CHARACTERS_MAX else f"{text[:_SHOWN_CHARACTERS_MAX]}…"


def items(value: object, path: str) -> list[Any]:
    """Read a list that is not too long."""
    if not isinstance(value, list):
        raise InvalidValue(f"'{path}' must be a list.", param=path)
    if len(value) > LIST_ITEMS_MAX:
        raise InvalidValue(
            f"'{path}' may have at most {LIST_ITEMS_MAX} entries; got {len(value)}.", param=path
        )
    return value


def text(value: object, path: str) -> str:
    """Read a string."""
    if not isinstance(value, str):
        raise InvalidValue(f"'{path}' must be a string; got {shown(value)}.", param=path)
    if "\x00" in value:
        raise InvalidValue(f"'{path}' must not contain a NUL character.", param=path)
    return value


def lower_text(value: object, path: str) -> str:
    """Read a string in any case."""
    return text(value, path).lower()


def prompt_text(value: object, path: str) -> str:
    """Read a prompt."""
    prompt = text(value, path)
    if not 1 <= len(prompt) <= PROMPT_CHARACTERS_MAX:
        raise InvalidValue(
            f"'{path}' must have from 1 to {PROMPT_CHARACTERS_MAX} characters; got {len(prompt)}.",
            param=path,
        )
    return prompt


def negative_text(value: object, path: str) -> str:
    """Read a negative prompt, which may be empty."""
    return _text_up_to(PROMPT_CHARACTERS_MAX, value, path)


def user(value: object, path: str) -> str:
    """Read the name of an end user."""
    return _text_up_to(USER_CHARACTERS_MAX, value, path)


def _text_up_to(characters_max: int, value: object, path: str) -> str:
    found = text(value, path)
    if len(found) > characters_max:
        raise InvalidValue(
            f"'{path}' may have at most {characters_max} characters; got {len(found)}.",
            param=path,
        )
    return found


def number(value: object, path: str) -> float:
    """Read a finite number, also from a numeric string."""
    given = value
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidValue(f"'{path}' must be a number; got {shown(given)}.", param=path)
    try:
        found = float(value)
    except OverflowError:
        found = float("inf")
    if not isfinite(found):
        raise InvalidValue(f"'{path}' must be a finite number.", param=path)
    return found


def whole(value: object, path: str) -> int:
    """Read an integer, an integral float, or a numeric string of either."""
    found = _numeric(value) if isinstance(value, str) else value
    if isinstance(found, float) and found.is_integer() and abs(found) < 2**53:
        found = int(found)
    is_count = isinstance(found, int) and abs(found) < 10**COUNT_DIGITS_MAX
    if not isinstance(found, int) or isinstance(found, bool) or not is_count:
        raise InvalidValue(f"'{path}' must be a whole number; got {shown(value)}.", param=path)
    return found


def _numeric(given: str) -> int | None:
    """Read the digits of a numeric string; `5.0` is 5."""
    digits = given.strip()
    before, dot, after = digits[digits[:1] in {"-", "+"} :].partition(".")
    is_number = before.isascii() and before.isdigit() and len(before) <= COUNT_DIGITS_MAX
    is_whole = not dot or (after != "" and not after.strip("0"))
    return int(digits.partition(".")[0]) if is_number and is_whole else None


def seed(value: object, path: str) -> int:
    """Read a seed; -1 asks for any."""
    found = whole(value, path)
    if not -1 <= found <= SEED_MAX:
        raise InvalidValue(f"'{path}' must be from -1 to {SEED_MAX}; got {found}.", param=path)
    return found


def flag(value: object, path: str) -> bool:
    """Read a boolean, also from its name."""
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise InvalidValue(f"'{path}' must be true or false; got {shown(value)}.", param=path)
    return value


def start_within(value: object, path: str) -> Said[int]:
    """Read a start deadline in seconds (CONTRACT §2)."""
    try:
        seconds = whole(value, path)
    except InvalidValue:
        seconds = 0
    if not 1 <= seconds <= START_WITHIN_S_MAX:
        raise InvalidValue(
            f"'{path}' must be a whole number of seconds from 1 to {START_WITHIN_S_MAX}; "
            f"got {shown(value)}.",
            param=path,
        )
    return Said(seconds, path)


def option(value: Any, path: str) -> Any:  # noqa: ANN401 -- an option is any value
    """Take a provider option as it is; a form says numbers and booleans as text."""
    del path
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    return int(value) if is_whole else value


_NUMBER: Final = re.compile(r"[-+]?[0-9]{1,18}(?:\.[0-9]{1,18})?")
