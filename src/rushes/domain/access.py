"""Accounts, keys, what they may, and money as pure sums.

Amounts are whole millionths of a US dollar (microusd). Every task has a hold, a
capture and a release, price 0 included, and hold = capture + release.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeAlias

from rushes.domain.errors import Failure, Reason
from rushes.domain.ids import TEST_KEY_PREFIX
from rushes.domain.task import Event, Status, Task, advance

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

AMOUNT_MICROUSD_MAX: Final = 10**15
DEFAULT_ACCOUNT_ID: Final = "acct_" + "0" * 32


class Scope(StrEnum):
    """What a key may do."""

    GENERATE = "generate"
    READ = "read"
    ADMIN = "admin"


CALLERS: Final = frozenset({Scope.GENERATE, Scope.READ})
"""What a key may do if nobody says: an operator's key is asked for by name."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may come at once from a key, or from all keys of an account; None is no limit.

    `in_flight_max` counts unfinished tasks, `queued_max` those of them that wait for their turn.
    """

    requests_per_s: int | None = None
    submits_per_minute: int | None = None
    in_flight_max: int | None = None
    queued_max: int | None = None

    @property
    def bounds_tasks(self) -> bool:
        """Whether tasks are counted, when another one is accepted."""
        return self.in_flight_max is not None or self.queued_max is not None

    def or_else(self, others: Limits) -> Limits:
        """Return these limits, and others where these say nothing.

        >>> Limits(requests_per_s=5).or_else(Limits(requests_per_s=9, queued_max=2))
        Limits(requests_per_s=5, submits_per_minute=None, in_flight_max=None, queued_max=2)
        """
        if others == NO_LIMITS:
            return self
        if self == NO_LIMITS:
            return others
        named = ((one.name, getattr(self, one.name)) for one in fields(self))
        return replace(others, **{name: value for name, value in named if value is not None})


NO_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Account:
    """The owner of keys and tasks. `limits` are those of all its keys together."""

    id: str
    name: str
    created_at: datetime
    limits: Limits = NO_LIMITS
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A caller's credential, without its secret: only the digest is kept.

    `networks` are the only places it opens the door from, None is everywhere. `replaced_by` is
    the key that its rotation made. `account_limits`, `has_purse` and `is_closed` are its
    account's, read with it: `has_purse` says that its money is bounded, or that of one of its keys.
    """

    id: str
    account_id: str
    name: str
    digest: bytes
    prefix: str
    created_at: datetime
    scopes: frozenset[Scope] = CALLERS
    models: frozenset[str] | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    networks: tuple[Network, ...] | None = None
    limits: Limits = NO_LIMITS
    replaced_by: str | None = None
    account_limits: Limits = NO_LIMITS
    has_purse: bool = False
    is_closed: bool = False

    @property
    def is_test(self) -> bool:
        """Whether everything under this key is a rehearsal."""
        return self.prefix.startswith(TEST_KEY_PREFIX)

    def may_use(self, model: str) -> bool:
        """Say whether the key may ask for a model."""
        return self.models is None or model in self.models

    def is_valid(self, at: datetime) -> bool:
        """Say whether the key opens the door at that instant."""
        if self.revoked_at is not None or self.is_closed:
            return False
        return self.expires_at is None or at < self.expires_at

    def is_valid_from(self, address: Address | None) -> bool:
        """Say whether the key opens the door from there; None is an address nobody knows.

        >>> from ipaddress import ip_address, ip_network
        >>> key = Key("key_1", "acct_1", "", b"", "", datetime(2026, 1, 1, tzinfo=UTC))
        >>> bound = replace(key, networks=(ip_network("10.0.0.0/8"),))
        >>> key.is_valid_from(None), bound.is_valid_from(ip_address("10.1.2.3"))
        (True, True)
        >>> bound.is_valid_from(None), bound.is_valid_from(ip_address("192.0.2.1"))
        (False, False)
        """
        if self.networks is None:
            return True
        return address is not None and any(address in network for network in self.networks)


class Period(StrEnum):
    """How long a purse lasts: for ever, for a day or for a month, both of UTC."""

    TOTAL = "total"
    DAY = "day"
    MONTH = "month"

    def began(self, at: datetime) -> datetime:
        """Return when the period that holds an instant began.

        >>> Period.MONTH.began(datetime(2026, 11, 26, 18, tzinfo=UTC)).isoformat()
        '2026-11-01T00:00:00+00:00'
        """
        match self:
            case Period.TOTAL:
                return datetime(1970, 1, 1, tzinfo=UTC)
            case Period.DAY:
                return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            case Period.MONTH:
                day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
                return day.replace(day=1)


@dataclass(frozen=True, slots=True)
class Purse:
    """What an account or a key may spend in a period, and what it has: held or captured."""

    owner: str
    period: Period
    limit_microusd: int
    spent_microusd: int = 0

    @property
    def left_microusd(self) -> int:
        """What is left; less than nothing where the limit was lowered afterwards."""
        return self.limit_microusd - self.spent_microusd

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        return self.left_microusd <= 0

    @property
    def is_near_its_end(self) -> bool:
        """Whether something is left, but less than a fifth."""
        return not self.is_spent and 5 * self.left_microusd < self.limit_microusd


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
