"""Rates at the door: requests a second and submits a minute, of a key and of its account.

Processes share a rate by rows (`Transaction.take_rate`). Each takes tokens for the window that
runs in lots of a tenth of the limit, and spends them from memory: the database is asked about
ten times in a window however many requests come, and never for an owner whose window is known
to be used up. A process that is alone with its database holds the whole rate in memory.

What was taken and not spent when the window ends is lost: the limit is never exceeded, and where
several processes have few callers each it may be reached a little early.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from rushes.clock import Clock
from rushes.domain.access import NO_LIMITS, Key, Limits
from rushes.domain.errors import RateLimitExceeded, StoreBusy, StoreInDoubt
from rushes.domain.rates import RATE_MAX, RateKind, lot_of
from rushes.observe import Metrics
from rushes.ports import Lent, Store, Transaction

TRIES_MAX: Final = 50
"""How often a request goes for tokens that others were quicker to spend."""

_EVERY: Final = {RateKind.REQUESTS: "second", RateKind.SUBMITS: "minute"}


@dataclass(slots=True, eq=False)
class Rate:
    """One rate of one owner, as this process has it in the window that runs.

    `in_hand` are tokens to spend, `left` what may still be had from the row, as last told.
    """

    owner: str
    kind: RateKind
    limit: int
    is_account: bool
    is_shared: bool
    window: int = -1
    in_hand: int = 0
    left: int = 0

    def turn(self, at: datetime) -> None:
        """Begin the window that holds an instant.

        Shared clocks are set now and then: one that steps back a little begins nothing anew.
        """
        window = self.kind.number(at)
        if window != self.window and window != self.window - 1:
            self.window = window
            self._fill()

    def change(self, limit: int) -> None:
        """Go by another limit from now on; what was spent in this window stays spent."""
        if limit == self.limit:
            return
        if self.is_shared:
            self.left = limit  # whoever has the row knows better
        else:
            self.in_hand = max(0, self.in_hand + limit - self.limit)
        self.limit = limit

    def take(self, lent: Lent, window: int) -> None:
        """Have what the row gave, if its window still runs."""
        if window == self.window:
            self.in_hand += lent.lot
            self.left = lent.left

    @property
    def is_spent(self) -> bool:
        """Whether nobody gets anything more in this window."""
        return not (self.in_hand or self.left)

    def wait_s(self, at: datetime) -> int:
        """Return in how many whole seconds the next window begins."""
        left_s = (self.kind.began(self.window + 1) - at).total_seconds()
        return min(60, max(1, math.ceil(left_s)))

    @property
    def name(self) -> str:
        """What the rate is called in headers and metrics."""
        return f"account-{self.kind}" if self.is_account else str(self.kind)

    def _fill(self) -> None:
        self.in_hand, self.left = (0, self.limit) if self.is_shared else (self.limit, 0)


@dataclass(frozen=True, slots=True, eq=False)
class _Terms:
    """The rates that a key has to do with: for any request, and for one that submits."""

    key: Key
    requests: tuple[Rate, ...]
    submits: tuple[Rate, ...]

    def of(self, *, is_submit: bool) -> tuple[Rate, ...]:
        return self.submits if is_submit else self.requests


@dataclass(slots=True, eq=False)
class _Question:
    """What is asked of the database in one go, for everybody who waits for it."""

    rates: set[Rate] = field(default_factory=set)
    is_asked: bool = False
    has_failed: bool = False


class Rates:
    """Lets requests in, or not. For use in one event loop."""

    def __init__(self, clock: Clock, metrics: Metrics, store: Store | None = None) -> None:
        """`store` is where rates are shared; None where this process has them to itself."""
        self._clock = clock
        self._metrics = metrics
        self._store = store
        self._rates: dict[tuple[str, RateKind], Rate] = {}
        self._terms: dict[str, _Terms] = {}
        self._asking = asyncio.Lock()
        self._next = _Question()

    async def admit(self, key: Key, *, is_submit: bool) -> Mapping[str, str]:
        """Let a request of a key in; return the headers that tell how much is left.

        Raises:
            RateLimitExceeded: a rate of the key or of its account is used up.
            StoreBusy: it could not be asked.
        """
        rates = self._of(key, is_submit=is_submit)
        if not rates:
            return {}
        for _ in range(TRIES_MAX):
            at = self._clock.now()
            if self._spend(rates, at):
                return _headers(rates, at)
            spent = [rate for rate in rates if rate.is_spent]
            if spent:
                raise self._refused(max(spent, key=lambda rate: rate.wait_s(at)), rates, at)
            await self._ask([rate for rate in rates if not rate.in_hand])
        raise StoreBusy("others were always quicker to take what was left of a rate")

    def admit_at_once(self, key: Key, at: datetime) -> Mapping[str, str] | None:
        """Let a request that does not submit in, if that takes no question; None if it does.

        One that is to be refused is None, too: whoever asks properly is told so.
        """
        rates = self._of(key, is_submit=False)
        if not rates:
            return {}
        return _headers(rates, at) if self._spend(rates, at) else None

    @staticmethod
    def _spend(rates: Sequence[Rate], at: datetime) -> bool:
        """Spend a token of each, or of none."""
        is_enough = True
        for rate in rates:
            rate.turn(at)
            is_enough = is_enough and rate.in_hand > 0
        if is_enough:
            for rate in rates:
                rate.in_hand -= 1
        return is_enough

    def _refused(self, spent: Rate, rates: Sequence[Rate], at: datetime) -> RateLimitExceeded:
        self._metrics.refused.labels(spent.name).inc()
        wait_s = spent.wait_s(at)
        whose = "the account of this API key" if spent.is_account else "this API key"
        seconds = "1 second" if wait_s == 1 else f"{wait_s} seconds"
        return RateLimitExceeded(
            f"Too many {spent.kind} with {whose}: the limit is {spent.limit} a "
            f"{_EVERY[spent.kind]}. Try again in {seconds}.",
            retry_after_s=wait_s,
            headers=_headers(rates, at),
        )

    # -- the rates of a key ----------------------------------------------------------------

    def _of(self, key: Key, *, is_submit: bool) -> tuple[Rate, ...]:
        if key.limits is NO_LIMITS and key.account_limits is NO_LIMITS:
            return ()
        terms = self._terms.get(key.id)
        if terms is None or terms.key is not key:  # it is new, or has changed
            terms = self._terms[key.id] = self._terms_of(key)
        return terms.of(is_submit=is_submit)

    def _terms_of(self, key: Key) -> _Terms:
        kinds = {
            kind: [
                *self._rate(key.id, kind, key.limits, is_account=False),
                *self._rate(key.account_id, kind, key.account_limits, is_account=True),
            ]
            for kind in RateKind
        }
        requests = tuple(kinds[RateKind.REQUESTS])
        return _Terms(key, requests, (*requests, *kinds[RateKind.SUBMITS]))

    def _rate(
        self, owner: str, kind: RateKind, limits: Limits, *, is_account: bool
    ) -> Iterable[Rate]:
        told = {
            RateKind.REQUESTS: limits.requests_per_s,
            RateKind.SUBMITS: limits.submits_per_minute,
        }[kind]
        if told is None:
            return ()
        limit = min(told, RATE_MAX)
        rate = self._rates.get((owner, kind))
        if rate is None:
            rate = Rate(owner, kind, limit, is_account, is_shared=self._store is not None)
            self._rates[owner, kind] = rate
        rate.change(limit)
        return (rate,)

    # -- what others share -----------------------------------------------------------------

    async def _ask(self, rates: Iterable[Rate]) -> None:
        """Take a lot of each; who comes while a question is under way asks together next.

        Raises:
            StoreBusy: nobody answered.
        """
        question = self._next
        question.rates.update(rates)
        async with self._asking:
            if not question.is_asked:
                self._next, question.is_asked = _Question(), True
                try:
                    await self._take(question.rates)
                except (StoreBusy, StoreInDoubt):
                    question.has_failed = True
        if question.has_failed:
            raise StoreBusy("a rate could not be asked for")

    async def _take(self, rates: Iterable[Rate]) -> None:
        if self._store is None:
            return
        asked = [
            (rate, rate.window, rate.limit)
            for rate in sorted(rates, key=lambda rate: (rate.owner, rate.kind))
        ]

        def act(tx: Transaction) -> list[Lent]:
            return [
                tx.take_rate(
                    rate.owner,
                    rate.kind,
                    rate.kind.began(window),
                    limit=limit,
                    count=lot_of(limit),
                )
                for rate, window, limit in asked
            ]

        for (rate, window, _), lent in zip(
            asked, await self._store.write(act, alone=True), strict=True
        ):
            rate.take(lent, window)


def _headers(rates: Iterable[Rate], at: datetime) -> dict[str, str]:
    """Tell limits and what is left of them, as far as this process knows.

    Source: draft-ietf-httpapi-ratelimit-headers-11 (q: quota, w: window in seconds; r: what
    remains, t: seconds until it is whole again).
    """
    policies, left = [], []
    for rate in rates:
        window_s = round(rate.kind.window.total_seconds())
        policies.append(f'"{rate.name}";q={rate.limit};w={window_s}')
        left.append(f'"{rate.name}";r={rate.in_hand + rate.left};t={rate.wait_s(at)}')
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(left)}
