"""The submit ledger: one row for every time a task is handed to a route.

The row is committed before the call and answered after it. Between the two, and
whenever no answer came, the submit is in doubt; what may be billed is never sent
again. A row outlives its task: films that upstream made after we gave up are found
through it (P11).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from rushes.domain.errors import Reason


class Verdict(StrEnum):
    """What we know of one submit."""

    INTENT = "intent"
    RETURNED = "returned"
    DOUBT = "doubt"
    ACCEPTED = "accepted"
    READY = "ready"
    DELIVERED = "delivered"
    LOST = "lost"
    CANCELED = "canceled"
    LATE = "late"
    ADOPTED = "adopted"
    GONE = "gone"


MEANING: Final[Mapping[Verdict, str]] = {
    Verdict.INTENT: "written down; the call may be on its way",
    Verdict.RETURNED: "proven: the provider did not accept it",
    Verdict.DOUBT: "no answer; it may have been accepted, and billed",
    Verdict.ACCEPTED: "the provider has it",
    Verdict.READY: "the provider has made the film",
    Verdict.DELIVERED: "the film is in our store",
    Verdict.LOST: "the provider says there will be no film",
    Verdict.CANCELED: "the provider canceled it for us",
    Verdict.LATE: "the provider made the film after we had given up",
    Verdict.ADOPTED: "its late film was given to a task of its own",
    Verdict.GONE: "no verdict before the end of its life upstream",
}

OPEN: Final = frozenset({Verdict.INTENT, Verdict.DOUBT, Verdict.ACCEPTED, Verdict.READY})
"""Something may still be with the provider."""

FAILED: Final = frozenset({Verdict.RETURNED, Verdict.DOUBT, Verdict.LOST, Verdict.GONE})
"""It came to nothing, or nobody knows to what; its note says why."""

PERHAPS_PAID: Final = OPEN | {Verdict.LATE, Verdict.GONE}
"""Money may have been spent without a film for the caller."""

Ticket = Mapping[str, Any]
"""The provider's own handle for our task: a small JSON object, opaque to everyone else."""


@dataclass(frozen=True, slots=True)
class Submit:
    """One attempt to hand a task to one route.

    `route` and `credential` are frozen here: the task is checked where it was submitted, with
    the credential that submitted it. `film` is the provider's handle for the film once it is
    ready, `usage` what it reports for money. `reason` and `note` say why it was returned or
    lost. `missing_count` counts how often in a row the provider did not know the ticket.
    `next_try_at` is when a busy route may be asked again. `look_at` is when the keeper looks
    after the row next; None while the task is live, or when nothing is left to look for.
    """

    task_id: str
    n: int
    provider: str
    upstream_model: str
    credential: str
    token: str
    is_billable: bool
    epoch: int
    intent_at: datetime
    verdict: Verdict = Verdict.INTENT
    answered_at: datetime | None = None
    ticket: Ticket | None = None
    film: Mapping[str, Any] | None = None
    usage: Mapping[str, Any] | None = None
    reason: Reason | None = None
    note: str = ""
    missing_count: int = 0
    missing_since: datetime | None = None
    next_try_at: datetime | None = None
    look_at: datetime | None = None
    look_count: int = 0
    is_cancel_told: bool = False

    @property
    def is_open(self) -> bool:
        """Whether something may still be with the provider."""
        return self.verdict in OPEN
