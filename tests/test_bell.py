"""The bell: whoever waits hears the ring that is meant for it, or its time ends."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvloop

from rushes.bell import OVERDUE_S, TIDY_MIN, Alarm, LocalBell

SOON_S = 0.01
NEVER_S = 3_600.0
PATIENCE_S = 20.0

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Run on a loop of either kind, for so long at most."""

    def run(main: Coroutine[Any, Any, None]) -> None:
        request.param(asyncio.wait_for(main, PATIENCE_S))

    return run


@contextmanager
def other_thread(act: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def test_a_wait_that_nobody_rings_for_ends_with_its_time(run: Run) -> None:
    async def main() -> None:
        bell, loop = LocalBell(), asyncio.get_running_loop()
        begun = loop.time()
        assert not await bell.wait("task", 0.05)
        assert loop.time() - begun >= 0.05 - 1e-3  # a loop's clock ticks in milliseconds
        assert not await bell.wait("task", 0)
        assert not await bell.wait("task", -1)

    run(main())


def test_a_ring_from_another_thread_wakes_whoever_waits_for_that_task_and_nobody_else(
    run: Run,
) -> None:
    async def main() -> None:
        bell = LocalBell()
        with bell.listen("task") as ear, bell.listen("task") as twin, bell.listen("other") as deaf:
            with other_thread(lambda: bell.ring("task")):
                assert await ear.wait(NEVER_S)
                assert await twin.wait(NEVER_S)
            assert not await deaf.wait(SOON_S)

    run(main())


def test_a_ring_is_kept_for_a_listener_that_does_not_wait_until_it_forgets_it(run: Run) -> None:
    async def main() -> None:
        bell = LocalBell()
        with bell.listen("task") as ear:
            bell.ring("task")
            assert await ear.wait(NEVER_S)
            assert await ear.wait(NEVER_S)
            ear.forget()
            assert not await ear.wait(SOON_S)
            bell.ring_all(["other", "task"])
            assert await ear.wait(NEVER_S)

    run(main())


def test_waits_end_in_the_order_of_their_times_whatever_the_order_they_began_in(run: Run) -> None:
    async def main() -> None:
        bell, ended = LocalBell(), []

        async def wait(hundredths: int) -> None:
            assert not await bell.wait(str(hundredths), hundredths / 100)
            ended.append(hundredths)

        await asyncio.gather(*map(wait, [7, 1, 9, 3, 5, 2]))
        assert ended == [1, 2, 3, 5, 7, 9]

    run(main())


def test_a_wait_that_is_cut_off_leaves_nothing_and_the_next_one_is_as_any_other(run: Run) -> None:
    async def main() -> None:
        bell = LocalBell()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SOON_S):
                await bell.wait("task", NEVER_S)
        assert not await bell.wait("task", 2 * SOON_S)

    run(main())


def test_waits_that_were_rung_for_do_not_pile_up_until_their_time(run: Run) -> None:
    async def main() -> None:
        bell = LocalBell()
        for _ in range(3 * TIDY_MIN):
            with bell.listen("task") as ear:
                bell.ring("task")
                ear.forget()
                waiting = asyncio.ensure_future(ear.wait(NEVER_S))
                await waiting
        assert bell.alarm_of(asyncio.get_running_loop()).waits_count <= TIDY_MIN

    run(main())


def test_loops_of_two_threads_have_alarms_of_their_own(run: Run) -> None:
    async def main() -> None:
        bell, found = LocalBell(), list[Alarm]()

        async def there() -> None:
            assert not await bell.wait("there", SOON_S)
            found.append(bell.alarm_of(asyncio.get_running_loop()))

        await asyncio.to_thread(asyncio.run, there())
        assert not await bell.wait("here", SOON_S)
        assert found != [bell.alarm_of(asyncio.get_running_loop())]

    run(main())


def test_waits_end_while_another_threads_loop_is_at_its_own(run: Run) -> None:
    """Two loops are within a timer of the bell's at the same moment: neither loses its own."""
    bell, is_within, may_go_on = LocalBell(), threading.Event(), threading.Event()

    class Slow(asyncio.Future[None]):
        def done(self) -> bool:
            is_within.set()
            assert may_go_on.wait(PATIENCE_S)
            return super().done()

    async def stays() -> None:
        loop = asyncio.get_running_loop()
        waiter = Slow(loop=loop)
        bell.alarm_of(loop).set(0, waiter)
        await waiter

    async def main() -> None:
        assert await asyncio.to_thread(is_within.wait, PATIENCE_S)
        try:
            assert not await bell.wait("task", SOON_S)
            with bell.listen("other") as ear, other_thread(lambda: bell.ring("other")):
                assert await ear.wait(NEVER_S)
        finally:
            may_go_on.set()

    with other_thread(lambda: run(stays())):
        run(main())


def test_a_timer_that_was_lost_is_set_again_by_the_next_wait(run: Run) -> None:
    async def main() -> None:
        bell, loop = LocalBell(), asyncio.get_running_loop()
        alarm = bell.alarm_of(loop)
        first = asyncio.create_task(bell.wait("task", SOON_S))
        await asyncio.sleep(0)
        assert alarm._timer is not None
        alarm._timer.cancel()
        alarm._rings_at = loop.time() - OVERDUE_S - 1
        assert not await bell.wait("other", SOON_S)
        assert not await first

    run(main())


def test_the_alarm_of_a_loop_that_ended_goes_with_it(run: Run) -> None:
    bell = LocalBell()
    alarms = []

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SOON_S):
                await bell.wait("task", NEVER_S)
        assert not await bell.wait("task", SOON_S)
        alarms.append(weakref.ref(bell.alarm_of(asyncio.get_running_loop())))

    run(main())
    gc.collect()
    assert [alarm() for alarm in alarms] == [None]
