"""All subjects by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rushes.studio.subjects import animals, fins, fixed, people, things, vessels, wheels, wings
from rushes.studio.subjects.pen import Subject

_ALL: Final[Mapping[str, Subject]] = {
    **animals.SUBJECTS,
    **fins.SUBJECTS,
    **fixed.SUBJECTS,
    **people.SUBJECTS,
    **things.SUBJECTS,
    **vessels.SUBJECTS,
    **wheels.SUBJECTS,
    **wings.SUBJECTS,
}


def names() -> tuple[str, ...]:
    """List every subject that can be drawn."""
    return tuple(_ALL)


def has(name: str) -> bool:
    """Say whether there is a drawing of a subject."""
    return name in _ALL


def find(name: str) -> Subject:
    """Return a subject by name."""
    return _ALL[name]
