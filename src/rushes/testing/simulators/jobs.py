"""A simulated upstream's job, and how it stands by the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from rushes.testing.simulators.script import Rule

Fields = Mapping[str, object]
"""What a create said: text, bytes of a file, or whatever stood in its JSON."""

FATES: Final = frozenset({"fail", "never_ends", "skip_states", "no_content"})
"""Faults that are no fault of an answer, but decided when a job is made."""


class Phase(StrEnum):
    """Where a job stands, in nobody's words but ours."""

    WAITING = "waiting"
    RENDERING = "rendering"
    DONE = "done"
    BROKEN = "broken"

    @property
    def is_over(self) -> bool:
        """Whether the job will not change any more."""
        return self in {Phase.DONE, Phase.BROKEN}


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a job waits, and renders."""

    queue_s: float = 1.0
    render_s: float = 2.0

    @property
    def total_s(self) -> float:
        """How long a job takes in all."""
        return self.queue_s + self.render_s


@dataclass(frozen=True, slots=True)
class Job:
    """A video in the making; `fields` is all that the create said."""

    id: str
    prompt: str
    created_at: datetime
    fate: Rule | None = None
    fields: Fields = field(default_factory=dict)

    def said(self, name: str, default: str = "") -> str:
        """Return a text field of the create."""
        return said(self.fields, name, default)

    def has_fate(self, fault: str) -> bool:
        """Say whether this was decided for the job."""
        return self.fate is not None and self.fate.fault == fault

    def age_s(self, at: datetime) -> float:
        """Return how old the job is."""
        return (at - self.created_at).total_seconds()

    def stand(self, pace: Pace, at: datetime) -> tuple[Phase, int]:
        """Return where the job stands, and its progress in percent."""
        rendered_s = self.age_s(at) - pace.queue_s
        if rendered_s >= pace.render_s and not self.has_fate("never_ends"):
            return (Phase.BROKEN if self.has_fate("fail") else Phase.DONE), 100
        if rendered_s < 0 or self.has_fate("skip_states"):
            return Phase.WAITING, 0
        return Phase.RENDERING, min(99, int(100 * rendered_s / max(pace.render_s, 1e-9)))


def said(fields: Fields, name: str, default: str = "") -> str:
    """Return a field that holds text, or the default where it does not, or is empty."""
    value = fields.get(name, default)
    return value if isinstance(value, str) and value else default
