"""Planes, ink and the stage."""

from __future__ import annotations

import numpy as np
import pytest

from rushes.studio.camera import ZOOM_MAX, View, moment
from rushes.studio.ink import Fade, Ink
from rushes.studio.lay import lay, lay_scaled, lay_turned
from rushes.studio.plan import Move
from rushes.studio.planes import Frame, bgr_of, blank, frame_of, over, sprite_of


def solid(width: int, height: int, bgra: tuple[int, int, int, int]) -> np.ndarray:
    return np.full((height, width, 4), bgra, np.uint8)


def same(one: Frame, other: Frame, within: int = 0) -> bool:
    pairs = ((one.y, other.y), (one.u, other.u), (one.v, other.v))
    return all(np.abs(a.astype(int) - b.astype(int)).max() <= within for a, b in pairs)


@pytest.mark.parametrize("bgr", [(0, 0, 255), (255, 0, 0), (0, 255, 0), (255, 255, 255), (0, 0, 0)])
def test_a_colour_comes_back_as_it_went_in(bgr: tuple[int, int, int]) -> None:
    frame = frame_of(np.full((4, 4, 3), bgr, np.uint8))
    assert np.abs(bgr_of(frame)[1, 1].astype(int) - bgr).max() <= 3
    assert 16 <= frame.y.min() <= frame.y.max() <= 235


def test_an_opaque_sprite_hides_and_a_clear_one_does_not() -> None:
    red = frame_of(np.full((8, 8, 3), (0, 0, 255), np.uint8))
    frame = blank(8, 8)
    over(frame, sprite_of(solid(8, 8, (0, 0, 255, 255))), 0, 0)
    assert same(frame, red, within=1)
    before = Frame(frame.y.copy(), frame.u.copy(), frame.v.copy())
    over(frame, sprite_of(solid(8, 8, (0, 0, 0, 0))), 0, 0)
    assert same(frame, before, within=1)


def test_half_transparent_white_lies_half_way() -> None:
    frame = blank(8, 8)
    over(frame, sprite_of(solid(8, 8, (128, 128, 128, 128))), 0, 0)
    assert abs(int(frame.y[4, 4]) - (16 + 235) / 2) <= 2
    assert abs(int(frame.u[1, 1]) - 128) <= 2


@pytest.mark.parametrize("at", [(-100, 0), (0, -100), (64, 0), (0, 64), (-5, -7), (60, 61), (3, 3)])
def test_a_sprite_may_hang_over_any_edge(at: tuple[int, int]) -> None:
    sprite = sprite_of(solid(20, 20, (10, 20, 30, 255)))
    x, y = at
    over(blank(64, 64), sprite, x, y)
    lay(blank(64, 64), sprite, x + 0.4, y + 0.7)
    lay_scaled(blank(64, 64), sprite, x, y, 1.13)
    lay_turned(blank(64, 64), sprite, (float(x), float(y)), 31.0, 1.2)


def test_a_sprite_between_the_pixels_is_between_its_neighbours() -> None:
    ink = Ink(20, 20, fineness=1)
    ink.box(4, 4, 8, 8, (255, 255, 255))
    sprite = ink.drawing().sprite
    edges = []
    for part in (0.0, 0.5, 1.0):
        frame = blank(64, 64)
        lay(frame, sprite, 20 + part, 20)
        edges.append(int(frame.y[27, 22:24].astype(int).sum()))
    assert edges[0] > edges[1] > edges[2]


def test_a_drawing_is_cut_to_what_is_drawn_and_knows_its_place() -> None:
    ink = Ink(100, 100, x=50, y=80, unit=2.0)
    ink.box(-10, -20, 20, 20, (200, 100, 50))
    drawing = ink.drawing()
    # Within a pixel: an anti-aliased edge is a little wider than the shape.
    assert (drawing.x, drawing.y) == pytest.approx((-20 - 2, -40 - 2), abs=1)
    assert (drawing.sprite.width, drawing.sprite.height) == pytest.approx((44, 44), abs=2)
    mirrored = ink.drawing(mirrored=True)
    assert (mirrored.x, mirrored.y) == pytest.approx((drawing.x, drawing.y), abs=1)


def test_a_beam_is_soft_at_its_sides_and_gone_at_its_end() -> None:
    ink = Ink(200, 80, fineness=1)
    ink.beam((10, 40), (190, 40), (8, 60), (255, 240, 200), 0.9)
    alpha = ink.pixels[..., 3].astype(int)
    assert alpha[40, 30] > 120
    assert alpha[40, 30] > alpha[40, 100] > alpha[40, 170] > 0
    assert alpha[:, 196].max() == 0
    # Nowhere is there a step that an eye would see as an edge.
    assert np.abs(np.diff(alpha[:, 100:], axis=0)).max() < 14


@pytest.mark.parametrize("end", [(10.0, 40.0), (900.0, 40.0), (-300.0, -300.0)])
def test_a_beam_may_be_of_no_length_or_leave_the_canvas(end: tuple[float, float]) -> None:
    ink = Ink(60, 60, fineness=1)
    ink.beam((10.0, 40.0), end, (8, 60), (255, 240, 200), 0.9)
    assert ink.pixels.shape == (60, 60, 4)


def test_nothing_drawn_is_a_sprite_all_the_same() -> None:
    assert Ink(10, 10).drawing().sprite.clear.min() == 255


def test_a_fade_goes_from_its_first_colour_to_its_second() -> None:
    ink = Ink(10, 40, fineness=1)
    ink.box(0, 0, 10, 40, Fade((255, 0, 0), (0, 0, 255)))
    assert ink.pixels[2, 5, 2] > 230
    assert ink.pixels[37, 5, 0] > 230


@pytest.mark.parametrize("move", list(Move))
def test_the_camera_stays_within_its_reach(move: Move) -> None:
    view = View(1280, 720, move)
    for index in range(41):
        at = moment(view, index / 8, 5.0)
        assert abs(at.x) <= view.reach_x + 1e-6
        assert abs(at.y) <= view.reach_y + 1e-6
        assert 1.0 <= at.zoom <= ZOOM_MAX


def test_panning_left_is_panning_right_backwards() -> None:
    left, right = (View(640, 360, move) for move in (Move.PAN_LEFT, Move.PAN_RIGHT))
    assert moment(left, 0, 5).x == pytest.approx(moment(right, 5, 5).x)
    assert moment(left, 0, 5).x > 0
