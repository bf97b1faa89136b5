"""Rows that the workflow library would write, cast from those that it wrote before.

To hand one piece of work over, the library checks options, builds two statements and compares what
it finds: a fifth of what an accept costs, each time for the same two rows but for a few values.
So it is listened to while it hands over the first two of a kind, and the rows of all later ones
are cast from them. Where the second is not what would have been cast from the first, the library
goes on by itself.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias
from uuid import uuid4

Row: TypeAlias = tuple[Any, Mapping[str, Any]]
"""A compiled insert, and the values of its columns."""

_CREATOR: Final = "creator_xid"
_INPUTS: Final = "inputs"


class Inserts(Protocol):
    """A connection that remembers what was inserted through it, and can insert the like again."""

    inserted: list[Row]

    def insert(self, statement: Any, values: Mapping[str, Any]) -> None:  # noqa: ANN401 -- its own
        """Run an insert that was remembered, with other values; a row that is there stays."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """What differs between two pieces of work of a kind: the columns `own`, and the argument."""

    argument: str
    own: Mapping[str, Any]


@dataclass(slots=True)
class Mould:
    """How the rows of a kind of work look; of use once `is_true`."""

    is_true: bool = field(default=False, init=False)
    is_broken: bool = field(default=False, init=False)
    _rows: Sequence[Row] = field(default=(), init=False)
    _argument: str = field(default="", init=False)

    def learn(self, piece: Piece, rows: Sequence[Row]) -> None:
        """Learn from what the library inserted for a piece of work."""
        if self._rows and piece.argument == self._argument:
            return  # the same piece once more tells nothing
        if self._rows:
            self.is_true = _alike(self.cast(piece), rows)
            self.is_broken = not self.is_true
        elif rows:
            self._rows, self._argument = tuple(rows), piece.argument

    def cast(self, piece: Piece) -> list[Row]:
        """Return the rows of a piece of work."""
        return [(statement, self._cast(values, piece)) for statement, values in self._rows]

    def _cast(self, values: Mapping[str, Any], piece: Piece) -> dict[str, Any]:
        made = dict(values)
        made.update((name, value) for name, value in piece.own.items() if name in made)
        if _CREATOR in made:
            made[_CREATOR] = str(uuid4())
        inputs = made.get(_INPUTS)
        if isinstance(inputs, str):
            made[_INPUTS] = _renamed(inputs, self._argument, piece.argument)
        return made

    def fits(self, piece: Piece) -> bool:
        """Whether a piece may be cast; a pickle says how long its words are."""
        return self.is_true and len(piece.argument) == len(self._argument)


def _renamed(inputs: str, old: str, new: str) -> str:
    """Put another argument into serialized inputs: JSON, or a pickle in base 64."""
    if old in inputs:
        return inputs.replace(old, new)
    try:
        pickled = b64decode(inputs, validate=True)
    except ValueError:
        return inputs
    return b64encode(pickled.replace(old.encode(), new.encode())).decode("ascii")


def _alike(cast: Sequence[Row], rows: Sequence[Row]) -> bool:
    """Whether rows were cast as the library writes them; who created a row is told by chance."""
    if len(cast) != len(rows):
        return False
    return all(
        mine is theirs and _plain(made) == _plain(written)
        for (mine, made), (theirs, written) in zip(cast, rows, strict=True)
    )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: len(str(value)) if name == _CREATOR else value for name, value in values.items()}
