"""Which pictures become stills: evenly spaced, however long the film turns out to be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rushes.media.stills import STILL_WIDTH_PX_MAX, STILLS, Evenly, spritesheet, still_size


def picked(total: int, expected: int) -> tuple[list[int], int]:
    """Let a film of numbers go by; return the picks, and how many were ever held."""
    chooser: Evenly[int] = Evenly(expected)
    held = 0
    for number in range(total):
        if chooser.wants(number):
            chooser.keep(number, number)
            held += 1
    return chooser.pick(total), held


@given(total=st.integers(1, 3_000))
def test_a_film_that_keeps_its_promise_gives_exact_places(total: int) -> None:
    picks, held = picked(total, total)
    assert picks == [(2 * part + 1) * total // 20 for part in range(STILLS)]
    assert held <= len(set(picks)) + 1


@given(total=st.integers(1, 3_000), expected=st.integers(0, 6_000))
def test_ten_stills_in_order_come_of_any_film(total: int, expected: int) -> None:
    picks, held = picked(total, expected)
    assert len(picks) == STILLS
    assert picks == sorted(picks)
    assert held <= total


@given(total=st.integers(10, 3_000))
def test_a_film_without_a_promise_gives_places_nearby(total: int) -> None:
    picks, _ = picked(total, 0)
    exact, _ = picked(total, total)
    assert all(abs(a - b) <= total / 20 for a, b in zip(picks, exact, strict=True))


@given(width_px=st.integers(2, 8_192), height_px=st.integers(2, 8_192))
def test_a_still_is_small_and_keeps_its_shape(width_px: int, height_px: int) -> None:
    width, height = still_size(width_px, height_px)
    assert 1 <= width <= min(width_px, STILL_WIDTH_PX_MAX)
    assert 1 <= height <= height_px
    assert abs(width * height_px - height * width_px) <= max(width_px, height_px)


def test_a_sheet_has_two_rows_of_five_in_order() -> None:
    sheet = spritesheet([Image.new("RGB", (4, 3), (20 * n, 0, 0)) for n in range(STILLS)])
    assert sheet.size == (20, 6)
    reds = [sheet.getpixel((4 * (n % 5), 3 * (n // 5))) for n in range(STILLS)]
    assert reds == [(20 * n, 0, 0) for n in range(STILLS)]
