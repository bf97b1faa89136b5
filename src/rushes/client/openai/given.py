"""What was given and what was left out, where None is a value of its own."""

from __future__ import annotations

from typing import Final, TypeAlias, TypeVar

T = TypeVar("T")


class Omit:
    """A parameter that is not sent."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "omit"


class NotGiven(Omit):
    """A parameter that is not sent, as older applications write it; a timeout as the client's."""

    def __repr__(self) -> str:
        return "NOT_GIVEN"


omit: Final = Omit()
not_given: Final = NotGiven()
NOT_GIVEN: Final = not_given

Maybe: TypeAlias = T | Omit


def or_none(value: T | Omit) -> T | None:
    """Return what was given; None for what was left out.

    >>> or_none("4"), or_none(omit)
    ('4', None)
    """
    return None if isinstance(value, Omit) else value
