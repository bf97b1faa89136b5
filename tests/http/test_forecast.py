"""Queue facts: where a task stands in line, and how long it will take, as far as anyone knows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rushes.domain.task import Event, Status, Task
from rushes.gateway.forecast import in_turn, places, typical
from rushes.ports import Begun, Took, Transaction, Waiting
from rushes.testing.builders import NOON
from wiring import SECRET, Wired, wired

GENERATIONS, VIDEOS = "/v1/video/generations", "/v1/videos"
FACTS = ("rushes-queue-position", "rushes-eta-seconds")
NOON_S = NOON.timestamp()
KNOWN = {("gpu", "slow"): 60.0, ("gpu", "quick"): 10.0}


def line(*models: str) -> list[Waiting]:
    return [Waiting(f"task {number}", model, None) for number, model in enumerate(models, 1)]


def begun(name: str, seconds: float, **changes: object) -> Begun:
    task = Begun(name, "slow", "gpu", Status.RUNNING, 0, NOON - timedelta(seconds=seconds))
    return replace(task, **changes)


def expected(
    lines: dict[str, list[Waiting]], under_way: list[Begun], slots: dict[str, int]
) -> dict[str, tuple[int | None, float | None]]:
    found = places(lines, under_way, KNOWN, slots, NOON)
    return {
        name: (place.position, None if place.final_at_s is None else place.final_at_s - NOON_S)
        for name, place in found.items()
    }


# -- what is expected --------------------------------------------------------------------------


def test_a_line_moves_on_by_as_many_as_there_are_slots() -> None:
    found = expected({"gpu": line("slow", "slow", "slow", "slow")}, [], {"gpu": 2})
    assert list(found.values()) == [(1, 60.0), (2, 60.0), (3, 90.0), (4, 120.0)]


def test_who_is_under_way_holds_a_slot_and_a_film_that_is_there_does_not() -> None:
    busy = [begun("a", 0), begun("b", 0, status=Status.STORING)]
    found = expected({"gpu": line("slow", "slow")}, busy, {"gpu": 2})
    assert found["task 1"] == (1, 60.0)
    assert found["task 2"] == (2, 90.0)


def test_what_takes_long_in_front_is_waited_for_longer() -> None:
    short = expected({"gpu": line("quick", "quick", "quick", "quick")}, [], {"gpu": 1})
    mixed = expected({"gpu": line("slow", "slow", "slow", "quick")}, [], {"gpu": 1})
    assert (short["task 4"][1] or 0) < (mixed["task 4"][1] or 0)


def test_of_a_model_that_made_no_film_yet_only_the_place_is_known() -> None:
    found = expected({"gpu": line("slow", "unheard of", "slow")}, [], {"gpu": 1})
    assert [found[f"task {number}"][0] for number in (1, 2, 3)] == [1, 2, 3]
    assert found["task 2"][1] is None
    assert found["task 3"][1] is not None


def test_a_film_under_way_needs_what_is_left_of_the_usual_and_never_less_than_nothing() -> None:
    found = expected({}, [begun("a", 20), begun("b", 300), begun("c", 1, model="new")], {})
    assert (found["a"], found["b"], found["c"]) == ((None, 40.0), (None, 0.0), (None, None))


def test_progress_tells_more_than_what_other_films_took() -> None:
    found = expected({}, [begun("a", 20, progress=20), begun("b", 20, progress=9)], {})
    assert (found["a"], found["b"]) == ((None, 80.0), (None, 40.0))


def test_a_task_nobody_knows_the_beginning_of_tells_nothing() -> None:
    assert expected({}, [begun("a", 0, since=None)], {}) == {"a": (None, None)}


def test_a_queue_without_configuration_moves_on_one_by_one() -> None:
    found = expected({"gone": line("slow", "slow")}, [], {})
    assert [place for place, _ in found.values()] == [1, 2]


def test_films_are_usual_by_queue_and_model() -> None:
    took = [Took("a", "gpu", 10.0), Took("a", "gpu", 30.0), Took("a", "gpu", 1000.0)]
    assert typical([*took, Took("a", "sandbox", 1.0)]) == {
        ("gpu", "a"): 30.0,
        ("sandbox", "a"): 1.0,
    }


def test_a_line_is_in_the_order_of_its_turns_behind_who_has_a_slot() -> None:
    tasks = [Waiting(name, "slow", f"{name}:film") for name in "abcd"]
    turned = in_turn(tasks, ["d:film", "a:film", "b:film"])
    assert [task.task_id for task in turned] == ["c", "d", "a", "b"]


# -- what callers are told ---------------------------------------------------------------------


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Wired]:
    async with wired(tmp_path) as found:
        yield found


async def submit(house: Wired) -> Task:
    house.clock.advance(0.01)  # ids of one millisecond are in no order
    async with house.client() as client:
        answer = await client.post(GENERATIONS, json={"model": "sandbox", "prompt": "a boat"})
        assert not set(FACTS) & set(answer.headers)
    return house.task(answer.json()["id"])


async def facts(house: Wired, name: str) -> tuple[str | None, str | None]:
    """What is told of a task: by both dialects, and by the hot look, alike."""
    bearer = (b"authorization", f"Bearer {SECRET}".encode())
    assert house.application.hot_looks is not None
    told = house.application.hot_looks(f"{GENERATIONS}/{name}".encode(), [bearer], b"")
    assert told is not None
    lines = told.partition(b"\r\n\r\n")[0].decode("ascii").split("\r\n")[1:]
    heads: list[dict[str, str]] = [dict(each.split(": ", 1) for each in lines)]
    async with house.client() as client:
        heads += [
            dict((await client.get(f"{root}/{name}")).headers) for root in (GENERATIONS, VIDEOS)
        ]
    position, eta = ({head.get(fact) for head in heads} for fact in FACTS)
    assert len(position) == len(eta) == 1, "they do not tell the same"
    return position.pop(), eta.pop()


async def finish(house: Wired, task: Task) -> None:
    await house.store_film(task)
    for event in (Event.READY, Event.STORED):
        task = house.move(task, event)


async def a_film_that_took(house: Wired, seconds: int) -> None:
    task = await house.bring(await submit(house), Status.RUNNING)
    house.clock.advance(seconds)
    await finish(house, task)


async def test_a_queued_task_is_told_its_place_and_its_time(house: Wired) -> None:
    await a_film_that_took(house, 40)
    tasks = [await submit(house) for _ in range(4)]
    assert await facts(house, tasks[0].id) == (None, None)
    await house.forecast.refresh()
    told = [await facts(house, task.id) for task in tasks]
    assert told == [("1", "40"), ("2", "40"), ("3", "60"), ("4", "80")]
    house.clock.advance(15)
    assert await facts(house, tasks[3].id) == ("4", "65")
    house.clock.advance(1500)
    assert await facts(house, tasks[3].id) == ("4", "0")


async def test_a_task_that_has_begun_has_no_place_and_a_final_one_no_facts(house: Wired) -> None:
    await a_film_that_took(house, 40)
    task = await submit(house)
    await house.forecast.refresh()
    assert await facts(house, task.id) == ("1", "40")
    task = await house.bring(task, Status.RUNNING)
    assert await facts(house, task.id) == (None, "40")
    await house.forecast.refresh()
    house.clock.advance(10)
    assert await facts(house, task.id) == (None, "30")
    await finish(house, task)
    assert await facts(house, task.id) == (None, None)


async def test_facts_change_no_etag_and_are_told_with_a_304(house: Wired) -> None:
    task = await submit(house)
    async with house.client() as client:
        before = (await client.get(f"{GENERATIONS}/{task.id}")).headers["etag"]
        await house.forecast.refresh()
        known = {"If-None-Match": before}
        unchanged = await client.get(f"{GENERATIONS}/{task.id}", headers=known)
    assert (unchanged.status_code, unchanged.headers["rushes-queue-position"]) == (304, "1")


async def test_lists_tell_no_facts(house: Wired) -> None:
    await submit(house)
    await house.forecast.refresh()
    async with house.client() as client:
        for address in (GENERATIONS, VIDEOS):
            assert not set(FACTS) & set((await client.get(address)).headers)


async def test_a_forecast_that_cannot_be_made_takes_no_look_with_it(house: Wired) -> None:
    task = await submit(house)
    await house.forecast.refresh()
    house.forecast.turns = broken
    assert await facts(house, task.id) == ("1", None)
    await house.forecast.refresh()
    assert await facts(house, task.id) == (None, None)


def broken(tx: Transaction, queue: str, limit: int) -> list[str]:
    raise OSError("the database is away")
