"""Who judges wishes before a provider sees them, as the operator has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from rushes.ports import Moderator

PROMPT: Final = "prompt"
NEGATIVE_PROMPT: Final = "negative_prompt"
PASSTHROUGH: Final = "passthrough"
IMAGES: Final = "images"

ADMITTED_MAX: Final = 20_000


@dataclass(frozen=True, slots=True)
class Moderation:
    """What is judged, and by whom; without a word of the operator's nobody judges anything.

    `block_list` is at hand and judges every wish. `service` may be away: then a task waits, or
    goes on where `is_open`. It is asked about rehearsals only where `judges_rehearsals`.
    """

    block_list: Moderator | None = None
    service: Moderator | None = None
    reads: frozenset[str] = frozenset({PROMPT, PASSTHROUGH})
    is_open: bool = False
    judges_rehearsals: bool = False

    @property
    def is_nobody(self) -> bool:
        """Whether nobody judges."""
        return self.block_list is None and self.service is None


@dataclass(slots=True)
class Admitted:
    """Which waiting tasks have been judged, so that nobody is asked twice about one.

    It lives as long as the process: after a restart, and where others judge than before, a task
    that no provider has yet is judged again.
    """

    _by: Moderation | None = field(default=None, init=False)
    _task_ids: dict[str, None] = field(default_factory=dict, init=False)

    def has(self, task_id: str, moderation: Moderation) -> bool:
        """Say whether a task was judged fit by this moderation."""
        return self._by is moderation and task_id in self._task_ids

    def add(self, task_id: str, moderation: Moderation) -> None:
        """Remember a task that was judged fit; the oldest are forgotten."""
        if self._by is not moderation:
            self._by = moderation
            self._task_ids.clear()
        self._task_ids[task_id] = None
        if len(self._task_ids) > ADMITTED_MAX:
            del self._task_ids[next(iter(self._task_ids))]


@dataclass(slots=True)
class Judgements:
    """How many judgements there were, by what came of them: numbers for operators."""

    passed: int = 0
    refused: int = 0
    waited: int = 0
    failed_open: int = 0
