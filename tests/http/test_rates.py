"""Rates: what several processes let in together is the limit, whoever comes when."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rushes.domain.access import Key, Limits
from rushes.domain.errors import RateLimitExceeded, StoreBusy
from rushes.domain.rates import RateKind
from rushes.gateway.rates import Rates
from rushes.observe import Metrics
from rushes.ports import Transaction
from rushes.testing.builders import NOON, a_key
from rushes.testing.fakes import ManualClock
from rushes.testing.memory_store import MemoryStore

T = TypeVar("T")


class FarStore(MemoryStore):
    """A store that others use meanwhile, and that counts how often it is asked."""

    asked_count = 0
    is_away = False

    async def write(self, act: Callable[[Transaction], T], *, alone: bool = False) -> T:
        assert alone, "rows of rates are locked, and others wait for them"
        self.asked_count += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise StoreBusy("away")
        answer = self.write_now(act)
        await asyncio.sleep(0)
        return answer


@dataclass
class Process:
    """One process at the door, with a clock of its own."""

    store: MemoryStore | None
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOON))
    rates: Rates = field(init=False)
    let_in: Counter[int] = field(default_factory=Counter)
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self.rates = Rates(self.clock, self.metrics, self.store)

    async def ask(self, key: Key, *, is_submit: bool = False) -> bool:
        """Ask once; note in which second a request was let in."""
        try:
            await self.rates.admit(key, is_submit=is_submit)
        except RateLimitExceeded:
            return False
        self.let_in[RateKind.REQUESTS.number(self.clock.now())] += 1
        return True


def limited(**limits: Any) -> Key:
    return a_key(limits=Limits(**limits))


steps = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 30), st.sampled_from([0, 0, 0, 0.3, 0.9])),
    max_size=40,
)


@given(limit=st.integers(0, 57), steps=steps, skews_ms=st.tuples(*[st.integers(0, 400)] * 3))
async def test_however_processes_take_turns_no_window_lets_in_more_than_the_limit(
    limit: int, steps: list[tuple[int, int, float]], skews_ms: tuple[int, int, int]
) -> None:
    store, key = FarStore(), limited(requests_per_s=limit)
    processes = [Process(store) for _ in range(3)]
    for process, skew_ms in zip(processes, skews_ms, strict=True):
        process.clock.advance(skew_ms / 1000)
    for who, count, pause_s in steps:
        await asyncio.gather(*(processes[who].ask(key) for _ in range(count)))
        for process in processes:
            process.clock.advance(pause_s)
    together = sum((process.let_in for process in processes), Counter[int]())
    assert max(together.values(), default=0) <= limit


@given(
    limit=st.integers(0, 257),
    more=st.integers(0, 40),
    shares=st.booleans(),
    again=st.integers(1, 3),
)
async def test_a_lone_process_gets_the_whole_limit_of_each_window(
    limit: int, more: int, *, shares: bool, again: int
) -> None:
    process, key = Process(FarStore() if shares else None), limited(requests_per_s=limit)
    for _ in range(again):
        let_in = await asyncio.gather(*(process.ask(key) for _ in range(limit + more)))
        assert sum(let_in) == limit
        process.clock.advance(1)


@pytest.mark.parametrize("limit", [1, 7, 25, 1000])
async def test_many_processes_that_are_all_asked_let_in_exactly_the_limit(limit: int) -> None:
    store, key = FarStore(), limited(requests_per_s=limit)
    processes = [Process(store) for _ in range(4)]
    let_in = await asyncio.gather(
        *(process.ask(key) for _ in range(limit) for process in processes)
    )
    assert sum(let_in) == limit


async def test_a_flood_asks_the_database_a_few_times_and_then_no_more() -> None:
    store, key = FarStore(), limited(requests_per_s=100)
    process = Process(store)
    assert sum([await process.ask(key) for _ in range(100)]) == 100
    assert store.asked_count == 10
    assert not any([await process.ask(key) for _ in range(1000)])
    assert store.asked_count == 10
    process.clock.advance(1)
    assert await process.ask(key)
    assert store.asked_count == 11


async def test_who_comes_while_a_question_is_under_way_asks_together() -> None:
    store = FarStore()
    process, keys = Process(store), [limited(requests_per_s=1) for _ in range(50)]
    assert all(await asyncio.gather(*(process.ask(key) for key in keys)))
    assert store.asked_count == 2


async def test_a_key_without_limits_asks_nobody() -> None:
    store = FarStore()
    process = Process(store)
    assert await process.rates.admit(a_key(), is_submit=True) == {}
    assert process.rates.admit_at_once(a_key(), NOON) == {}
    only_tasks = limited(in_flight_max=1)
    assert await process.rates.admit(only_tasks, is_submit=True) == {}
    assert store.asked_count == 0


async def test_an_account_s_rate_is_shared_by_its_keys_and_a_refusal_spends_nothing() -> None:
    process = Process(FarStore())
    account = Limits(requests_per_s=3)
    one, other = (replace(limited(requests_per_s=2), account_limits=account) for _ in range(2))
    assert [await process.ask(one) for _ in range(3)] == [True, True, False]
    assert [await process.ask(other) for _ in range(2)] == [True, False]
    with pytest.raises(RateLimitExceeded, match="the account of this API key: the limit is 3"):
        await process.rates.admit(other, is_submit=False)
    bound = process.rates._rates[other.id, RateKind.REQUESTS]
    assert (bound.in_hand, bound.left) == (0, 1), "its own second token is still to be had"


async def test_looks_are_no_submits_and_submits_are_requests() -> None:
    process, key = Process(FarStore()), limited(submits_per_minute=2, requests_per_s=5)
    assert [await process.ask(key) for _ in range(3)] == [True] * 3
    assert [await process.ask(key, is_submit=True) for _ in range(3)] == [True, True, False]
    assert [await process.ask(key) for _ in range(1)] == [False], "five requests were let in"
    process.clock.advance(1)
    assert await process.ask(key)
    assert not await process.ask(key, is_submit=True)
    process.clock.advance(60)
    assert await process.ask(key, is_submit=True)


@pytest.mark.parametrize("shares", [True, False])
async def test_a_refusal_says_when_to_come_again_and_headers_what_is_left(*, shares: bool) -> None:
    process = Process(FarStore() if shares else None)
    key = replace(limited(submits_per_minute=2), account_limits=Limits(requests_per_s=30))
    process.clock.advance(13.5)
    told = await process.rates.admit(key, is_submit=True)
    assert told == {
        "RateLimit-Policy": '"account-requests";q=30;w=1, "submits";q=2;w=60',
        "RateLimit": '"account-requests";r=29;t=1, "submits";r=1;t=47',
    }
    await process.rates.admit(key, is_submit=True)
    with pytest.raises(RateLimitExceeded) as caught:
        await process.rates.admit(key, is_submit=True)
    assert caught.value.retry_after_s == 47
    assert caught.value.headers["RateLimit"] == '"account-requests";r=28;t=1, "submits";r=0;t=47'
    assert caught.value.message == (
        "Too many submits with this API key: the limit is 2 a minute. Try again in 47 seconds."
    )
    refused = process.metrics.refused.labels("submits")
    assert refused._value.get() == 1


@pytest.mark.parametrize("shares", [True, False])
async def test_another_limit_counts_at_once(*, shares: bool) -> None:
    process, key = Process(FarStore() if shares else None), limited(requests_per_s=2)
    assert [await process.ask(key) for _ in range(3)] == [True, True, False]
    more = replace(key, limits=Limits(requests_per_s=4))
    assert [await process.ask(more) for _ in range(3)] == [True, True, False]
    none = replace(key, limits=Limits())
    assert await process.ask(none)
    less = replace(key, limits=Limits(requests_per_s=1))
    process.clock.advance(1)
    assert [await process.ask(less) for _ in range(2)] == [True, False]


async def test_a_clock_that_is_set_back_a_little_begins_no_window_anew() -> None:
    for store in (FarStore(), None):
        process, key = Process(store), limited(requests_per_s=2)
        assert [await process.ask(key) for _ in range(3)] == [True, True, False]
        process.clock.advance(-0.01)
        assert not await process.ask(key)
        process.clock.advance(0.01)
        assert not await process.ask(key)


async def test_while_the_database_is_away_who_must_ask_is_told_that_we_are_busy() -> None:
    store, key = FarStore(), limited(requests_per_s=20)
    process = Process(store)
    assert await process.ask(key)
    store.is_away = True
    assert await process.ask(key), "one token of the lot was in hand"
    outcomes = await asyncio.gather(*(process.ask(key) for _ in range(30)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {StoreBusy}
    assert store.asked_count <= 3, "who waits for an answer does not ask again"
    store.is_away = False
    assert await process.ask(key)


async def test_who_gives_up_waiting_leaves_others_their_turn() -> None:
    store, key = FarStore(), limited(requests_per_s=3)
    process = Process(store)
    first = asyncio.create_task(process.ask(key))
    others = [asyncio.create_task(process.ask(key)) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    assert sum(await asyncio.gather(*others)) >= 2, "at most the lot that it asked for is lost"


def test_a_rate_s_windows_lie_end_to_end() -> None:
    for kind in RateKind:
        number = kind.number(NOON + timedelta(seconds=7.25))
        assert kind.began(number) <= NOON + timedelta(seconds=7.25) < kind.began(number + 1)
        assert kind.number(kind.began(number)) == number
        assert isinstance(kind.began(number), datetime)
