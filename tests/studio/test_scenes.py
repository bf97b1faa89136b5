"""Every place and every subject, painted small."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from rushes.domain.spec import Size
from rushes.studio.director import direct, shoot
from rushes.studio.light import light_of
from rushes.studio.order import Order
from rushes.studio.plan import Mood, Move, Scene, Season, Weather, plan
from rushes.studio.planes import Frame
from rushes.studio.subjects import catalogue
from sampling import every

PROMPTS = {
    Scene.SEA: "the sea at sunset",
    Scene.CITY: "a neon city in the rain",
    Scene.FOREST: "a forest in autumn",
    Scene.MOUNTAIN: "雪山与火山",
    Scene.DESERT: "a desert",
    Scene.SPACE: "outer space",
    Scene.UNDERWATER: "海底",
    Scene.MEADOW: "a meadow at night",
    Scene.SKY: "above the clouds, a castle",
    Scene.ROAD: "a highway",
    Scene.WINDOW: "窗外下雨",
    Scene.ABSTRACT: "abstract shapes, neon",
}


def painted(order: Order, *indexes: int) -> list[Frame]:
    reel = direct(shoot(order))
    return [
        Frame(frame.y.copy(), frame.u.copy(), frame.v.copy())
        for index in indexes
        for frame in reel.frames(index, index + 1)
    ]


@pytest.mark.parametrize("scene", list(Scene))
def test_a_place_is_full_of_things_and_moves(scene: Scene, order: Callable[..., Order]) -> None:
    wish = order(PROMPTS[scene])
    assert shoot(wish).plan.scene is scene
    first, last = painted(wish, 0, 23)
    assert first.y.std() > 8
    assert len(np.unique(first.y)) > 40
    assert np.abs(first.y.astype(int) - last.y).mean() > 0.3


@pytest.mark.parametrize("size", [Size(90, 160), Size(64, 64), Size(210, 90), Size(16, 16)])
def test_a_place_fits_any_frame(size: Size, order: Callable[..., Order]) -> None:
    for prompt in (
        "a ship on the sea",
        "a car in the city, push in",
        "a whale in the sky, pan left",
    ):
        (frame,) = painted(order(prompt, size=size), 5)
        assert (frame.width, frame.height) == (size.width_px, size.height_px)


@pytest.mark.parametrize("move", every(3, Move))
def test_no_movement_of_the_camera_shows_an_edge(move: Move, order: Callable[..., Order]) -> None:
    words = {
        Move.STATIC: "static shot",
        Move.PAN_LEFT: "pan left",
        Move.PAN_RIGHT: "pan right",
        Move.PUSH_IN: "push in",
        Move.PULL_OUT: "pull out",
        Move.ZOOM_IN: "zoom in",
        Move.ZOOM_OUT: "zoom out",
        Move.RISE: "crane up",
        Move.FALL: "crane down",
        Move.TILT_UP: "tilt up",
        Move.TILT_DOWN: "tilt down",
        Move.ORBIT: "orbit",
        Move.TRACK: "tracking shot",
        Move.AERIAL: "aerial",
        Move.HANDHELD: "handheld",
    }
    for place in ("mountain", "meadow", "forest"):
        wish = order(f"{place} at noon, {words[move]}", size=Size(160, 90))
        assert shoot(wish).plan.move is move
        for frame in painted(wish, 0, 11, 23):
            foot = frame.y[-6:-2].astype(float)
            assert foot[:, :4].mean() > 17
            assert foot[:, -4:].mean() > 17


@pytest.mark.parametrize("name", catalogue.names())
def test_a_subject_is_drawn_in_every_pose(name: str) -> None:
    subject = catalogue.find(name)
    light = light_of(plan("day", 1))
    poses = [subject.pose(light, 0.2, part, mirrored=False) for part in (0.0, 0.4, 0.8)]
    assert all(int(pose.sprite.clear.min()) < 60 for pose in poses)
    mirrored = subject.pose(light, 0.2, 0.0, mirrored=True)
    assert abs(mirrored.sprite.width - poses[0].sprite.width) <= 2


@pytest.mark.parametrize("weather", list(Weather))
def test_every_weather_can_be_painted(weather: Weather, order: Callable[..., Order]) -> None:
    words = {Weather.CLEAR: "", Weather.PETALS: "petals", Weather.LEAVES: "autumn"}
    wish = order(f"mountain {words.get(weather, weather.value)}")
    assert shoot(wish).plan.weather is weather
    painted(wish, 3)


def test_the_same_order_paints_the_same_frames_wherever_it_begins(
    order: Callable[..., Order],
) -> None:
    wish = order("a red fox in a snowy forest at night, handheld")
    whole = [frame.y.copy() for frame in direct(shoot(wish)).frames(0, 12)]
    part = [frame.y.copy() for frame in direct(shoot(wish)).frames(9, 12)]
    assert all(np.array_equal(one, other) for one, other in zip(whole[9:], part, strict=True))


def test_colours_are_gone_in_black_and_white(order: Callable[..., Order]) -> None:
    (frame,) = painted(order("a red car on the road, black and white"), 4)
    middle = frame.u[10:30, 10:60].astype(int)
    assert np.abs(middle - 128).max() <= 2


MIXED = (
    "a city by the sea",
    "a lake under the mountains",
    "a forest by the lake",
    "the sea and the desert",
    "a road through a forest",
    "a road along the sea",
    "a highway to the city at night",
    "a train in the mountains",
    "a desert under the galaxy, a planet",
    "a meadow by the sea",
    "a garden in the city",
    "a forest below the mountains",
    "a city between mountains",
    "a window over the sea",
    "a cafe window, the city outside",
    "a dragon above the clouds and the city",
    "a city under the sea, coral reef",
)


@pytest.mark.parametrize("prompt", every(3, MIXED))
def test_what_lies_beyond_is_to_be_seen(prompt: str, order: Callable[..., Order]) -> None:
    wish = order(prompt)
    shot = shoot(wish)
    assert shot.plan.beyond
    (mixed,) = painted(wish, 5)
    alone = replace(shot, plan=replace(shot.plan, beyond=()))
    (plain,) = (frame.y.copy() for frame in direct(alone).frames(5, 6))
    assert np.abs(mixed.y.astype(int) - plain).mean() > 0.8


@pytest.mark.parametrize("place", ["meadow", "forest", "mountains", "a tree in a field", "road"])
def test_every_season_looks_its_own(place: str, order: Callable[..., Order]) -> None:
    shot = shoot(order(f"{place} at noon, static shot"))
    seen = []
    for season in Season:
        light = replace(shot.light, season=season)
        dressed = replace(shot, light=light, plan=replace(shot.plan, season=season))
        (frame,) = direct(dressed).frames(5, 6)
        seen.append(np.concatenate([frame.y.ravel(), frame.u.ravel(), frame.v.ravel()]))
    for index, one in enumerate(seen):
        for other in seen[index + 1 :]:
            assert np.abs(one.astype(int) - other).mean() > 0.4


def test_the_foot_of_a_picture_is_never_empty(order: Callable[..., Order]) -> None:
    """Something stands near by: the lowest rows are no even colour."""
    for scene in (Scene.SEA, Scene.FOREST, Scene.MOUNTAIN, Scene.DESERT, Scene.MEADOW, Scene.ROAD):
        (frame,) = painted(order(PROMPTS[scene], size=Size(320, 180)), 11)
        assert frame.y[-24:].astype(float).std() > 4, scene


def test_old_film_has_a_grain_that_never_stays(order: Callable[..., Order]) -> None:
    still = shoot(order("sepia, outer space, static shot"))
    plain = replace(still, plan=replace(still.plan, mood=Mood.NATURAL))
    grainy, bare = (
        [frame.y[:20].astype(int) for frame in direct(shot).frames(3, 5)] for shot in (still, plain)
    )
    assert np.abs(grainy[1] - grainy[0]).mean() > 2 + np.abs(bare[1] - bare[0]).mean()
