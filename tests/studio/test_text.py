"""Words on the film."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rushes.studio.planes import blank, over
from rushes.studio.text import ELLIPSIS, LINES_MAX, SAFE, Type, caption, chip, cover, fit, mark

FACE = Type(16)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=500), st.integers(60, 700))
def test_any_text_finds_room(text: str, width_px: int) -> None:
    lines = fit(text, FACE, width_px)
    assert len(lines) <= LINES_MAX
    assert all(FACE.width(line) <= width_px for line in lines)


@pytest.mark.parametrize("unit", ["word ", "很长的句子", "x", "مرحبا ", "🙂", "文 a,"])
def test_ten_thousand_characters_find_room(unit: str) -> None:
    lines = fit((unit * 10_000)[:10_000], FACE, 400)
    assert len(lines) <= LINES_MAX


def test_what_finds_no_room_is_told_by_an_ellipsis() -> None:
    lines = fit("a very long sentence " * 40, FACE, 300)
    assert len(lines) == LINES_MAX
    assert lines[-1].endswith(ELLIPSIS)
    assert not fit("short", FACE, 300)[0].endswith(ELLIPSIS)


def test_english_breaks_between_words_and_chinese_anywhere() -> None:
    assert fit("paper boats drifting", FACE, FACE.width("paper boats ") + 1) == [
        "paper boats",
        "drifting",
    ]
    assert len(fit("霓虹城市的雨夜", FACE, FACE.width("霓虹城市") + 1)) == 2


def test_a_line_does_not_begin_with_a_stop() -> None:
    lines = fit("霓虹城市\uff0c雨夜", FACE, FACE.width("霓虹城市") + 1)
    assert not lines[1].startswith("\uff0c")


def test_what_the_font_lacks_is_left_out() -> None:
    assert FACE.known("a 🙂 fox\u0000 狐狸 \u200b\u05e9") == "a fox 狐狸"


def test_a_prompt_without_a_single_known_character_has_no_caption() -> None:
    assert caption("🙂🙂", 320, 180) is None
    assert caption("", 320, 180) is None


@pytest.mark.parametrize("size", [(640, 360), (480, 854), (1280, 720), (720, 1280), (2520, 1080)])
@pytest.mark.parametrize("luma", [16, 235])
def test_a_caption_is_within_the_picture_and_stands_out_on_any_ground(
    size: tuple[int, int], luma: int
) -> None:
    drawing = caption("A paper boat 纸船 at sunset", *size)
    assert drawing is not None
    frame = blank(*size)
    frame.y[:] = luma
    over(frame, drawing.sprite, drawing.x, drawing.y)
    part = frame.y[size[1] // 2 :, : size[0]]
    assert int(part.max()) > 200
    assert int(part.min()) < (80 if luma == 235 else 17)
    changed = np.argwhere(frame.y != luma)
    assert changed[:, 0].min() > size[1] * 0.4


@pytest.mark.parametrize(
    "label", ["SANDBOX", "REHEARSAL · sora-2", "REHEARSAL · " + "x" * 300, "🙂"]
)
@pytest.mark.parametrize("size", [(160, 90), (1280, 720), (720, 1280)])
def test_the_label_is_always_to_be_seen(label: str, size: tuple[int, int]) -> None:
    drawing = chip(label, *size)
    assert 0 <= drawing.x <= size[0] - drawing.sprite.width
    frame = blank(*size)
    over(frame, drawing.sprite, drawing.x, drawing.y)
    assert int(frame.y[: size[1] // 3].max()) > 180


def test_the_mark_is_at_the_lower_right() -> None:
    drawing = mark(320, 180)
    assert drawing.x > 160
    assert drawing.y > 90


@pytest.mark.parametrize("size", [(480, 854), (720, 1280), (1024, 1792), (1280, 720)])
def test_a_long_caption_and_the_mark_find_room_beside_each_other(size: tuple[int, int]) -> None:
    stands = mark(*size)
    drawing = caption("a paper boat " * 40, *size, beside=stands)
    assert drawing is not None
    words, sign = (one.x + np.argwhere(one.sprite.y > 100)[:, 1] for one in (drawing, stands))
    assert words.max() < sign.min()


def test_nothing_of_an_older_label_is_seen_below_a_new_one() -> None:
    size = (1280, 720)
    older = chip("REHEARSAL · a model with a long name", *size)
    frame = blank(*size)
    frame.y[:] = 128
    over(frame, older.sprite, older.x, older.y)
    newer = chip("REHEARSAL · a", *size, covering=older)
    alone = blank(*size)
    for picture in (frame, alone):
        over(picture, newer.sprite, newer.x, newer.y)
    where = slice(42, 58), slice(older.x + 20, 1280 - 84)
    assert int(np.abs(frame.y[where].astype(int) - alone.y[where]).max()) <= 10


@pytest.mark.parametrize("size", [(480, 854), (1280, 720), (2520, 1080)])
def test_nothing_of_older_words_is_seen_through_the_cover(size: tuple[int, int]) -> None:
    frame, alone = blank(*size), blank(*size)
    words = caption("a paper boat " * 40, *size)
    assert words is not None
    for title in (words, mark(*size)):
        over(frame, title.sprite, title.x, title.y)
    dark = cover(*size)
    for picture in (frame, alone):
        over(picture, dark.sprite, dark.x, dark.y)
    assert int(np.abs(frame.y.astype(int) - alone.y).max()) <= 8


@pytest.mark.parametrize(
    "size", [(160, 90), (480, 854), (640, 360), (960, 960), (720, 1280), (1920, 1080), (2520, 1080)]
)
@pytest.mark.parametrize(
    "prompt", ["a paper boat in the rain " * 9, "霓虹城市的雨夜, 一只纸船" * 9]
)
def test_words_keep_to_where_every_screen_shows_them(size: tuple[int, int], prompt: str) -> None:
    drawing = caption(prompt, *size)
    assert drawing is not None
    rows, columns = np.nonzero(drawing.sprite.y > 150)
    label = chip("SANDBOX", *size)
    assert drawing.x + columns.min() >= size[0] * SAFE
    assert drawing.x + columns.max() <= size[0] * (1 - SAFE) + 1
    assert drawing.y + rows.max() <= size[1] * (1 - SAFE)
    assert label.y >= size[1] * SAFE
    assert label.x + label.sprite.width <= size[0] * (1 - SAFE) + 1
    assert rows.max() - rows.min() >= 8
