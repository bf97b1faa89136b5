"""The camera's grammar: what each movement does to what is near and what is far."""

from __future__ import annotations

import pytest

from rushes.studio.camera import ZOOM_MAX, View, moment
from rushes.studio.plan import Move, plan

SECONDS = 5.0
MOVING = [move for move in Move if move not in {Move.STATIC, Move.HANDHELD}]


def ways(move: Move, depth: float) -> tuple[float, float, float]:
    """Return how far a piece goes to the left and up, and by how much it grows."""
    view = View(1280, 720, move)
    start, end = moment(view, 0.0, SECONDS), moment(view, SECONDS, SECONDS)
    return (
        end.left(depth) - start.left(depth),
        end.up(depth) - start.up(depth),
        end.scale(depth) / start.scale(depth),
    )


@pytest.mark.parametrize(
    ("prompt", "move"),
    [
        ("the camera orbits a statue", Move.ORBIT),
        ("环绕镜头", Move.ORBIT),
        ("a tracking shot of a runner", Move.TRACK),
        ("跟拍一只狗", Move.TRACK),
        ("tilt down to the street", Move.TILT_DOWN),
        ("镜头上摇", Move.TILT_UP),
        ("slow zoom in", Move.ZOOM_IN),
        ("dolly in", Move.PUSH_IN),
        ("a crane shot", Move.RISE),
        ("drone footage", Move.AERIAL),
        ("无人机航拍", Move.AERIAL),
        ("hand-held camera", Move.HANDHELD),
    ],
)
def test_words_name_the_movement(prompt: str, move: Move) -> None:
    assert plan(prompt, 1).move is move


@pytest.mark.parametrize("move", list(Move))
@pytest.mark.parametrize("seconds", [1.0, 5.0, 60.0])
def test_the_camera_starts_and_ends_at_rest(move: Move, seconds: float) -> None:
    if move is Move.HANDHELD:  # whose hands never rest
        return
    view = View(1280, 720, move)
    at = [moment(view, seconds * step / 100, seconds) for step in (0, 1, 50, 51, 99, 100)]
    for one in ("left", "up", "scale"):
        place = [getattr(moment_, one)(0.5) for moment_ in at]
        middle = abs(place[3] - place[2])
        assert abs(place[1] - place[0]) <= middle / 8 + 1e-9
        assert abs(place[5] - place[4]) <= middle / 8 + 1e-9


@pytest.mark.parametrize("move", MOVING)
def test_a_movement_is_seen_in_five_seconds(move: Move) -> None:
    left, up, growth = ways(move, 0.6)
    grown = abs(growth - 1) * 640
    assert max(abs(left), abs(up), grown) > 70, "a tenth of the picture's height"


@pytest.mark.parametrize("move", list(Move))
@pytest.mark.parametrize("depth", [0.05, 0.3, 0.6, 1.0, 1.6])
def test_no_piece_goes_beyond_its_margins(move: Move, depth: float) -> None:
    view = View(1280, 720, move)
    for step in range(101):
        at = moment(view, step / 20, SECONDS)
        assert abs(at.left(depth)) <= view.margin_x(depth)
        assert abs(at.up(depth)) <= view.margin_y(depth)
        assert 1 <= at.scale(depth) <= 1 + (ZOOM_MAX - 1) * 1.5


def test_going_sideways_moves_what_is_near_more() -> None:
    for move in (Move.PAN_RIGHT, Move.TRACK, Move.AERIAL):
        assert ways(move, 1.5)[0] > ways(move, 0.6)[0] > ways(move, 0.1)[0] > 0


def test_going_round_keeps_the_subject_and_turns_all_else_about_it() -> None:
    assert ways(Move.ORBIT, 1.0)[0] == pytest.approx(0)
    assert ways(Move.ORBIT, 0.5)[0] < -100
    assert ways(Move.ORBIT, 1.5)[0] > 100
    assert ways(Move.ORBIT, 0.0)[0] == pytest.approx(0)


def test_looking_up_moves_all_alike_and_rising_does_not() -> None:
    tilted = [ways(Move.TILT_UP, depth)[1] for depth in (0.2, 1.0)]
    risen = [ways(Move.RISE, depth)[1] for depth in (0.2, 1.0)]
    assert tilted[0] / tilted[1] > 0.75
    assert risen[0] / risen[1] < 0.3
    assert max(*tilted, *risen) < 0


def test_a_zoom_grows_all_alike_and_a_dolly_does_not() -> None:
    assert ways(Move.ZOOM_IN, 0.2)[2] == pytest.approx(ways(Move.ZOOM_IN, 1.0)[2])
    assert ways(Move.PUSH_IN, 0.2)[2] < ways(Move.PUSH_IN, 1.0)[2]
