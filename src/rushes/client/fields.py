"""JSON that is read field by field, and refused by name where it is not as agreed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Final, TypeVar

from rushes.client.errors import UnexpectedAnswer

T = TypeVar("T")

_EXCERPT_CHARACTERS_MAX: Final = 200


def parse(body: bytes) -> object:
    """Return the JSON value of a body.

    Raises:
        UnexpectedAnswer: it is no JSON.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # broken, no text, or nested without end
        excerpt = _excerpt(body.decode(errors="replace"))
        raise UnexpectedAnswer(
            f"JSON was due, not {excerpt}. Is this the address of a Rushes server?"
        ) from None


class Fields:
    """One JSON object.

    Raises, from every verb:
        UnexpectedAnswer: the field is not what it should be; the message names it.
    """

    def __init__(self, value: object) -> None:
        if not isinstance(value, dict):
            raise UnexpectedAnswer(f"A JSON object was due, not {_excerpt(value)}.")
        self._fields: Mapping[str, object] = value

    def raw(self, name: str) -> object:
        """Return a field as it came; None if it is absent."""
        return self._fields.get(name)

    def text(self, name: str) -> str:
        """Return a text that must be there."""
        return self._need(name, self.maybe_text(name))

    def maybe_text(self, name: str) -> str | None:
        """Return a text, or None."""
        value = self.raw(name)
        if value is None or isinstance(value, str):
            return value
        raise self._strange(name)

    def maybe_int(self, name: str) -> int | None:
        """Return a whole number, or None; numbers written as text count, as `seconds` is one."""
        value = self.raw(name)
        if value is None:
            return None
        if isinstance(value, (int, str)) and not isinstance(value, bool):
            try:
                return int(value)
            except ValueError:
                raise self._strange(name) from None
        raise self._strange(name)

    def whole(self, name: str) -> int:
        """Return a whole number that must be there."""
        return self._need(name, self.maybe_int(name))

    def flag(self, name: str) -> bool:
        """Return a truth that must be there."""
        value = self.raw(name)
        if isinstance(value, bool):
            return value
        raise self._strange(name)

    def maybe_moment(self, name: str) -> datetime | None:
        """Return an instant told in Unix seconds, or None."""
        seconds = self.maybe_int(name)
        if seconds is None:
            return None
        try:
            return datetime.fromtimestamp(seconds, tz=UTC)
        except (OverflowError, ValueError, OSError):
            raise self._strange(name) from None

    def maybe_date(self, name: str) -> date | None:
        """Return a day, or None."""
        text = self.maybe_text(name)
        try:
            return None if text is None else date.fromisoformat(text)
        except ValueError:
            raise self._strange(name) from None

    def items(self, name: str) -> tuple[object, ...]:
        """Return the items of a list that must be there."""
        value = self.raw(name)
        if isinstance(value, list):
            return tuple(value)
        raise self._strange(name)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the texts of a list; others in it are left out."""
        return tuple(item for item in self.items(name) if isinstance(item, str))

    def numbers(self, name: str) -> tuple[int, ...]:
        """Return the whole numbers of a list; others in it are left out."""
        return tuple(item for item in self.items(name) if type(item) is int)

    def fields(self, name: str) -> Fields:
        """Return an object that must be there."""
        return Fields(self.raw(name))

    def _need(self, name: str, value: T | None) -> T:
        if value is None:
            raise self._strange(name)
        return value

    def _strange(self, name: str) -> UnexpectedAnswer:
        return UnexpectedAnswer(f"{name!r} came as {_excerpt(self.raw(name))}.")


def _excerpt(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _EXCERPT_CHARACTERS_MAX else f"{text[:_EXCERPT_CHARACTERS_MAX]}…"
