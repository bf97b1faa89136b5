"""How many connections a server has: who idles longest makes room, who is too many is told so."""

from __future__ import annotations

import select
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import inf
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from loopback import Caller, serving
from rushes.http.bounds import AT_ONCE, Room, connections_of
from rushes.http.guard import GuardCounters, GuardLimits, guarded

MAX = 4
GET = b"GET / HTTP/1.1\r\nHost: films\r\n\r\n"
HOLD = b"GET /hold HTTP/1.1\r\nHost: films\r\n\r\n"


class App:
    """Answers at once, or holds a request until its caller leaves."""

    def __init__(self) -> None:
        self.holding = threading.Semaphore(0)
        self.gone = threading.Semaphore(0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/hold":
            self.holding.release()
            while (await receive())["type"] != "http.disconnect":
                pass
            self.gone.release()
            return
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})


@dataclass
class House:
    port: int
    app: App
    counters: GuardCounters
    others: ExitStack

    def caller(self, said: bytes = b"") -> Caller:
        """Someone who stays until the test is over."""
        caller = self.others.enter_context(Caller(self.port))
        caller.say(said)
        return caller

    def caller_of_before(self, said: bytes = b"") -> Caller:
        """Someone who was answered once, and so is known to be there."""
        caller = self.caller(GET)
        assert caller.reply().body == b"ok"
        caller.say(said)
        return caller

    def holder(self) -> Caller:
        caller = self.caller(HOLD)
        assert self.app.holding.acquire(timeout=10)
        return caller


def closed(callers: list[Caller]) -> int:
    """Count the connections that the server has closed."""
    return sum(is_closed(caller) for caller in callers)


def is_closed(caller: Caller) -> bool:
    ready, _, _ = select.select([caller._socket], [], [], 0.1)
    return bool(ready) and caller.hear() == b""


@pytest.fixture(params=["uvloop", "asyncio"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    app, protocol = App(), guarded(GuardLimits(connections_max=MAX))
    with serving(app, protocol, request.param) as port, ExitStack() as others:
        yield House(port, app, protocol.counters, others)


def test_those_who_say_nothing_make_room_for_those_who_do(house: House) -> None:
    silent = [house.caller_of_before() for _ in range(MAX)]
    for _ in range(2 * MAX):
        with Caller(house.port) as caller:
            caller.say(GET)
            assert caller.reply().body == b"ok"
    assert 1 <= closed(silent) <= house.counters.room_made_count
    assert house.counters.surplus_refused_count == 0


def test_those_who_say_it_byte_by_byte_make_room_too(house: House) -> None:
    dripping = [house.caller_of_before(b"GET / HT") for _ in range(MAX)]
    with Caller(house.port) as caller:
        caller.say(GET)
        assert caller.reply().body == b"ok"
    assert closed(dripping) == 1


def test_who_is_at_work_is_left_alone_and_the_newest_is_told_to_come_back(house: House) -> None:
    holding = [house.holder() for _ in range(MAX)]
    newest = house.caller(GET)
    answer = newest.reply()
    assert (answer.status, answer.json["error"]["code"]) == (503, "overloaded")
    assert (answer.headers["retry-after"], answer.headers["connection"]) == ("5", "close")
    assert newest.hear_all() == b""
    assert house.counters.room_made_count == 0
    assert house.counters.surplus_refused_count == 1
    assert len(holding) == MAX


def test_beyond_all_measure_a_connection_is_cut_off(house: House) -> None:
    holding = [house.holder() for _ in range(MAX)]
    refused = house.caller(GET)
    assert refused.reply().status == 503  # and is heard out
    cut = house.caller()
    try:
        heard = cut.hear_all()
    except ConnectionError:
        heard = b""
    assert heard == b""
    assert house.counters.surplus_refused_count == 2
    assert len(holding) == MAX


def test_one_too_many_is_served_when_others_have_left(house: House) -> None:
    """What counts is the moment at which it asks, not the one at which it came."""
    holding = [house.holder() for _ in range(MAX)]
    waiting = house.caller()
    holding[0].__exit__()
    assert house.app.gone.acquire(timeout=10)
    waiting.say(GET)
    assert waiting.reply().body == b"ok"


# -- who goes first ------------------------------------------------------------------------------


@dataclass(eq=False)
class Guest:
    until: float
    is_gone: bool = False

    def idle_until(self) -> float:
        return self.until

    def make_way(self) -> None:
        self.is_gone = True

    def is_late(self, now: float) -> bool:
        return False

    def expire(self, now: float) -> None:
        pass


@dataclass
class Clock:
    now: float = 100.0
    asked: list[str] = field(default_factory=list)

    def time(self) -> float:
        return self.now


def test_those_go_first_whose_time_is_nearest_its_end() -> None:
    guests = [Guest(until) for until in (inf, 175.0, 120.0, 110.0, inf)]
    clock: Any = Clock()
    room, newest = Room(clock, guests, len(guests)), Guest(101.0)
    guests.append(newest)
    assert room.make(newest) == 1
    assert [guest.until for guest in guests if guest.is_gone] == [110.0]
    assert not room.is_full()
    guests.append(another := Guest(101.0))
    assert room.make(another) == 1
    assert [guest.until for guest in guests if guest.is_gone] == [110.0, 101.0]


def test_a_crowd_that_comes_at_once_moves_no_more_than_it_needs_room_for() -> None:
    """What is being closed counts as closed, before the loop comes round to closing it."""
    most = 10 * AT_ONCE
    guests = [Guest(120.0 + number) for number in range(most)]
    clock: Any = Clock()
    room = Room(clock, guests, most)
    for _ in range(100):
        guests.append(newest := Guest(500.0))
        room.make(newest)
        assert not room.is_full()
    assert 100 <= sum(guest.is_gone for guest in guests) <= 100 + most // AT_ONCE
    assert not any(guest.is_gone for guest in guests[most:])


def test_where_nobody_idles_nobody_looks_again_at_once() -> None:
    guests = [Guest(inf) for _ in range(4)]
    clock: Any = Clock()
    room, newest = Room(clock, guests, 3), Guest(inf)
    assert room.make(newest) == 0
    guests[0].until = 120.0
    assert room.make(newest) == 0
    clock.now += 1
    assert room.make(newest) == 1


def test_without_a_limit_there_is_always_room() -> None:
    guests = [Guest(1.0) for _ in range(1000)]
    clock: Any = Clock()
    room = Room(clock, guests, None)
    assert (room.make(guests[0]), room.is_full(), room.is_overfull()) == (0, False, False)


@pytest.mark.parametrize("descriptors", [3, 256, 1024, 20_000, 65_536, 2**20])
def test_a_server_keeps_half_of_its_files_for_other_things(descriptors: int) -> None:
    assert 1 <= connections_of(descriptors) <= descriptors // 2
