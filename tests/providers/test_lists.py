"""Finding our task in a list: believed only when nothing else could be meant."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rushes.providers.base import Absent, Found, Search, Unknown
from rushes.providers.lists import CLOCK_SLACK_S, ListSearch

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
T = NOON.timestamp()
ECHO = {"prompt": "boat", "seconds": "8"}

Item = tuple[str | None, object, dict[str, object]]


def item(ref: str | None, at: object, **changes: object) -> Item:
    return ref, at, {"prompt": "boat", "seconds": "8", **changes}


def search(*items: Item, is_whole: bool = True) -> Search:
    reading = ListSearch(ECHO, since=NOON)
    for ref, at, fields in items:
        reading.read(fields, ref=ref, at=at)
    return reading.result(is_whole=is_whole)


def test_the_only_equal_one_is_found() -> None:
    assert search(item("a", T + 1)) == Found({"id": "a"}, is_alike=True)


def test_one_of_a_list_that_tells_all_of_a_wish_is_ours_for_sure() -> None:
    sure = ListSearch(ECHO, since=NOON, tells_all=True)
    sure.read(ECHO, ref="a", at=T + 1)
    assert sure.result(is_whole=True) == Found({"id": "a"}, is_alike=False)


def test_a_number_equals_its_text() -> None:
    assert search(item("a", T + 1, seconds=8)) == Found({"id": "a"}, is_alike=True)


@pytest.mark.parametrize("changes", [{"prompt": "ship"}, {"seconds": "4"}, {"seconds": 4}])
def test_one_that_differs_is_not_ours(changes: dict[str, object]) -> None:
    assert search(item("a", T + 1, **changes)) == Absent()


def test_one_seen_twice_is_one() -> None:
    assert search(item("a", T + 1), item("a", T + 1)) == Found({"id": "a"}, is_alike=True)


def test_of_two_equal_ones_nobody_knows() -> None:
    assert search(item("a", T + 1), item("b", T + 1)) == Unknown()


@pytest.mark.parametrize("silence", [None, "", [], {}, True, 1.5])
def test_one_that_keeps_silent_might_be_ours(silence: object) -> None:
    assert search(item("a", T + 1, prompt=silence)) == Unknown()
    assert search(item("a", T + 1), item("b", T + 1, prompt=silence)) == Unknown()


def test_one_that_keeps_silent_but_differs_is_not_ours() -> None:
    assert search(item("a", T + 1, prompt=None, seconds="4")) == Absent()


def test_one_without_a_date_or_an_id_might_be_ours() -> None:
    assert search(item("a", None)) == Unknown()
    assert search(item("a", "yesterday")) == Unknown()
    assert search(item(None, T + 1)) == Unknown()


def test_an_upstream_clock_may_lag_a_little() -> None:
    assert search(item("a", T - CLOCK_SLACK_S)) == Found({"id": "a"}, is_alike=True)
    assert search(item("a", T - CLOCK_SLACK_S - 1)) == Absent()


def test_a_list_that_was_not_read_to_the_intent_proves_nothing() -> None:
    assert search(is_whole=False) == Unknown()
    assert search(item("a", T + 1), is_whole=False) == Unknown()


OLD = T - 3600


@pytest.mark.parametrize(
    ("times", "is_over"),
    [
        ([], False),
        ([OLD], False),
        ([T + 2, T + 1], False),
        ([T + 2, OLD], True),
        ([OLD + 1, OLD], True),
        ([OLD, OLD], False),
        ([OLD, OLD + 1], False),
        ([OLD, T + 1, OLD], False),
        ([T + 2, OLD, T + 1, OLD], False),
    ],
)
def test_only_a_falling_list_ends_before_its_end(times: list[float], *, is_over: bool) -> None:
    reading = ListSearch(ECHO, since=NOON)
    for at in times:
        reading.read({}, ref="a", at=at)
    assert reading.is_over == is_over


values = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=4)
    | st.lists(st.none(), max_size=1)
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", None]),
            st.none() | st.sampled_from([T + 1, OLD]) | st.booleans(),
            st.dictionaries(
                st.sampled_from(["prompt", "seconds"]), st.sampled_from(["boat", "8"]) | values
            ),
        ),
        max_size=6,
    )
)
def test_what_is_found_is_equal_and_alone(items: list[Item]) -> None:
    found = search(*items)
    equal = {
        ref
        for ref, at, fields in items
        if fields.get("prompt") == "boat" and fields.get("seconds") in ("8", 8) and at == T + 1
    }
    if isinstance(found, Found):
        assert equal == {found.ticket["id"]}
    if found == Absent():
        assert not equal
