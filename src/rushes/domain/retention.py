"""How long films and inputs are kept: the operator's rule, an account's before a model's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

TEST_LIFE: Final = timedelta(hours=24)
"""How long a task of a test key is kept, film and record (CONTRACT, Rehearsal)."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Seconds from a task's end; None, and 0 of a model or an account, keep for ever."""

    films_s: int | None = None
    inputs_s: int | None = None
    by_model: Mapping[str, int] = field(default_factory=dict)
    by_account: Mapping[str, int] = field(default_factory=dict)

    def expires_at(self, account_id: str, model: str, finished_at: datetime) -> datetime | None:
        """Return when the film of a task is to be removed; None if it is kept.

        >>> from datetime import UTC
        >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
        >>> Retention(films_s=60, by_model={"wan": 0}).expires_at("acc_1", "wan", noon) is None
        True
        """
        films_s = self.by_account.get(account_id, self.by_model.get(model, self.films_s))
        return finished_at + timedelta(seconds=films_s) if films_s else None
