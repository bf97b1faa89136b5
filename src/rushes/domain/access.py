"""Keys, and money as pure sums.

Amounts are whole millionths of a US dollar (microusd). Every task has a hold, a
capture and a release, price 0 included, and hold = capture + release.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from rushes.domain.errors import Failure, Reason
from rushes.domain.ids import TEST_KEY_PREFIX
from rushes.domain.task import Event, Status, Task, advance

AMOUNT_MICROUSD_MAX: Final = 10**15
DEFAULT_ACCOUNT_ID: Final = "acct_" + "0" * 32


class Scope(StrEnum):
    """What a key may do."""

    GENERATE = "generate"
    READ = "read"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Key:
    """A caller's credential, without its secret: only the digest is kept."""

    id: str
    account_id: str
    name: str
    digest: bytes
    prefix: str
    created_at: datetime
    scopes: frozenset[Scope] = frozenset(Scope)
    models: frozenset[str] | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def is_test(self) -> bool:
        """Whether everything under this key is a rehearsal."""
        return self.prefix.startswith(TEST_KEY_PREFIX)

    def may_use(self, model: str) -> bool:
        """Say whether the key may ask for a model."""
        return self.models is None or model in self.models

    def is_valid(self, at: datetime) -> bool:
        """Say whether the key opens the door at that instant."""
        if self.revoked_at is not None:
            return False
        return self.expires_at is None or at < self.expires_at


class EntryKind(StrEnum):
    """What a ledger row says."""

    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the append-only ledger; there is at most one per task and kind."""

    task_id: str
    account_id: str
    kind: EntryKind
    amount_microusd: int


def hold(task_id: str, account_id: str, amount_microusd: int) -> Entry:
    """Set money aside for a task.

    Raises:
        ValueError: the amount is negative, or too large to be money.
    """
    if not 0 <= amount_microusd <= AMOUNT_MICROUSD_MAX:
        raise ValueError(f"hold of {amount_microusd} microusd")
    return Entry(task_id, account_id, EntryKind.HOLD, amount_microusd)


def settle(held: Entry, captured_microusd: int) -> tuple[Entry, Entry]:
    """Split a hold into what is captured and what is released.

    >>> [e.amount_microusd for e in settle(hold("video_1", "acct_1", 300), 100)]
    [100, 200]

    Raises:
        ValueError: more would be captured than is held, or less than nothing.
    """
    if not 0 <= captured_microusd <= held.amount_microusd:
        raise ValueError(f"capture of {captured_microusd} from {held.amount_microusd} microusd")
    released = held.amount_microusd - captured_microusd
    return (
        Entry(held.task_id, held.account_id, EntryKind.CAPTURE, captured_microusd),
        Entry(held.task_id, held.account_id, EntryKind.RELEASE, released),
    )


class CancelRule(StrEnum):
    """Who pays when a task is canceled while a provider has it."""

    RELEASE = "release"
    CAPTURE = "capture"


def charge_on_cancel(status: Status, hold_microusd: int, rule: CancelRule) -> int:
    """Return what a cancel charges: nothing before the intent, all once the film is made.

    In between, the operator's rule decides.
    """
    if status is Status.QUEUED:
        return 0
    if status is Status.STORING:
        return hold_microusd
    return hold_microusd if rule is CancelRule.CAPTURE else 0


def canceled(task: Task, *, at: datetime, rule: CancelRule) -> Task:
    """Return a task as its caller's cancel leaves it, charged by the operator's rule.

    Raises:
        IllegalMove: the task has ended already.
    """
    return advance(
        task,
        Event.CANCELED,
        at=at,
        failure=Failure.of(Reason.CANCELED),
        charged_microusd=charge_on_cancel(task.status, task.hold_microusd, rule),
    )
