"""Rows are cast only where the library was seen to write what would have been cast."""

from __future__ import annotations

import pickle
from base64 import b64encode
from uuid import uuid4

import pytest

from rushes.engine.moulds import Mould, Piece, Row

STATUS, INPUT = object(), object()


def written(name: str, *, inputs: str | None = None, queue: str = "gpu") -> list[Row]:
    """Return what a library inserts for a piece of work of this name."""
    return [
        (STATUS, {"workflow_uuid": f"film:{name}", "creator_xid": str(uuid4()), "queue": queue}),
        (INPUT, {"workflow_uuid": f"film:{name}", "inputs": inputs or f'["{name}"]'}),
    ]


def pickled(name: str) -> str:
    """Serialize as the library does."""
    return b64encode(pickle.dumps({"args": (name,), "kwargs": {}}, protocol=4)).decode("ascii")


def a_piece(name: str) -> Piece:
    return Piece(name, {"workflow_uuid": f"film:{name}"})


def test_the_third_is_cast_once_two_were_alike() -> None:
    mould = Mould()
    mould.learn(a_piece("one"), written("one"))
    assert not mould.is_true
    mould.learn(a_piece("two"), written("two"))
    assert mould.is_true
    (statement, status), (_, inputs) = mould.cast(a_piece("six"))
    assert statement is STATUS
    assert (status["workflow_uuid"], status["queue"]) == ("film:six", "gpu")
    assert inputs == {"workflow_uuid": "film:six", "inputs": '["six"]'}


def test_a_pickled_argument_is_another_s_and_one_of_another_length_does_not_fit() -> None:
    mould = Mould()
    for name in ("one", "two"):
        mould.learn(a_piece(name), written(name, inputs=pickled(name)))
    assert mould.fits(a_piece("six"))
    _, (_, values) = mould.cast(a_piece("six"))
    assert values["inputs"] == pickled("six")
    assert not mould.fits(a_piece("three"))


def test_each_that_is_cast_has_a_creator_of_its_own() -> None:
    mould = Mould()
    mould.learn(a_piece("one"), written("one"))
    creators = {mould.cast(a_piece("two"))[0][1]["creator_xid"] for _ in range(10)}
    assert len(creators) == 10


def test_the_same_piece_twice_tells_nothing() -> None:
    mould = Mould()
    for _ in range(2):
        mould.learn(a_piece("one"), written("one"))
    assert (mould.is_true, mould.is_broken) == (False, False)


@pytest.mark.parametrize(
    "second",
    [
        written("two", queue="other"),
        written("two", inputs=pickled("six")),
        written("two")[:1],
        [*written("two"), written("two")[0]],
    ],
    ids=["another value", "another argument", "a row less", "a row more"],
)
def test_nothing_is_cast_where_the_second_is_not_as_expected(second: list[Row]) -> None:
    mould = Mould()
    mould.learn(a_piece("one"), written("one"))
    mould.learn(a_piece("two"), second)
    assert (mould.is_true, mould.is_broken) == (False, True)


def test_a_library_whose_inserts_are_not_seen_goes_on_by_itself() -> None:
    mould = Mould()
    for name in ("one", "two", "three"):
        mould.learn(a_piece(name), [])
    assert not mould.is_true
