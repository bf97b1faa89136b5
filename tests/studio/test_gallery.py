"""The gallery: its page, its pictures, and what they were asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rushes.domain.spec import Size
from rushes.studio.director import shoot
from rushes.studio.gallery import PICTURES, SHEET_WIDTH_PX, WIDE, order_of, page, paint, sheet
from rushes.studio.plan import Hour, Mood, Plan, Scene, Season, Weather

FOLDER = Path(__file__).parents[2] / "docs" / "gallery"
KB = 1000

SAID = {
    "A lighthouse above a stormy sea at night": (
        Scene.SEA,
        (),
        {"subjects": ("lighthouse",), "weather": Weather.STORM, "hour": Hour.NIGHT},
    ),
    "A red car on a road through an autumn forest, afternoon": (
        Scene.ROAD,
        (Scene.FOREST,),
        {"subjects": ("car",), "season": Season.AUTUMN, "hour": Hour.DAY},
    ),
    "霓虹城市的雨夜, 一只纸船漂过街道": (
        Scene.CITY,
        (),
        {"subjects": ("paper_boat",), "mood": Mood.NEON, "weather": Weather.RAIN},
    ),
    "A city by the sea at dusk, a sailboat": (
        Scene.SEA,
        (Scene.CITY,),
        {"subjects": ("sailboat",), "hour": Hour.DUSK},
    ),
    "Sky lanterns over a lake under the mountains at night": (
        Scene.SEA,
        (Scene.MOUNTAIN,),
        {"subjects": ("lantern",), "hour": Hour.NIGHT},
    ),
    "A red fox runs through a snowy forest at dawn": (
        Scene.FOREST,
        (),
        {"subjects": ("fox",), "season": Season.WINTER, "hour": Hour.DAWN},
    ),
    "A camel crosses the desert under the Milky Way": (
        Scene.DESERT,
        (Scene.SPACE,),
        {"subjects": ("camel",), "hour": Hour.NIGHT},
    ),
    "大熊猫在竹林里散步, 晨雾": (
        Scene.FOREST,
        (),
        {"subjects": ("panda",), "weather": Weather.FOG, "hour": Hour.DAWN},
    ),
    "A cat at the window, snowy mountains outside, dusk": (
        Scene.WINDOW,
        (Scene.MOUNTAIN,),
        {"subjects": ("cat",), "season": Season.WINTER, "hour": Hour.DUSK},
    ),
    "A deer in an autumn forest, golden hour": (
        Scene.FOREST,
        (),
        {"subjects": ("deer",), "season": Season.AUTUMN, "hour": Hour.SUNSET},
    ),
    "Hot air balloons over the mountains at sunrise": (
        Scene.MOUNTAIN,
        (),
        {"subjects": ("balloon",), "hour": Hour.DAWN},
    ),
    "A sea turtle glides over a coral reef": (Scene.UNDERWATER, (), {"subjects": ("turtle",)}),
    "樱花树下的小女孩, 春天的草地, 早晨": (
        Scene.MEADOW,
        (),
        {"subjects": ("tree", "girl"), "season": Season.SPRING, "weather": Weather.PETALS},
    ),
    "东京的雨夜, 一个女人走过霓虹街道": (
        Scene.CITY,
        (),
        {"subjects": ("woman",), "weather": Weather.RAIN, "hour": Hour.NIGHT},
    ),
    "A dragon above the clouds at sunset": (
        Scene.SKY,
        (),
        {"subjects": ("dragon",), "hour": Hour.SUNSET},
    ),
    "高铁驶过雪山": (
        Scene.ROAD,
        (Scene.MOUNTAIN,),
        {"subjects": ("train",), "season": Season.WINTER},
    ),
    "Penguins on the ice under the northern lights": (
        Scene.SEA,
        (),
        {"subjects": ("penguin",), "season": Season.WINTER, "hour": Hour.NIGHT},
    ),
    "An astronaut drifts past a nebula": (Scene.SPACE, (), {"subjects": ("astronaut",)}),
    "A cup of coffee at the window, rain over the city": (
        Scene.WINDOW,
        (Scene.CITY,),
        {"subjects": ("cup",), "weather": Weather.RAIN},
    ),
    "A windmill in a tulip field on a spring morning": (
        Scene.MEADOW,
        (),
        {"subjects": ("windmill",), "season": Season.SPRING, "hour": Hour.DAWN},
    ),
    "水墨画, 孤舟, 远山": (
        Scene.SEA,
        (Scene.MOUNTAIN,),
        {"subjects": ("sailboat",), "mood": Mood.INK},
    ),
    "A whale passes a city under the sea": (
        Scene.UNDERWATER,
        (Scene.CITY,),
        {"subjects": ("whale",)},
    ),
    "A cyclist on a coast road by the sea, summer": (
        Scene.ROAD,
        (Scene.SEA,),
        {"subjects": ("bicycle",), "season": Season.SUMMER, "hour": Hour.DAY},
    ),
    "Abstract ribbons of colour": (Scene.ABSTRACT, (), {"subjects": ()}),
}
"""Of each prompt: the place, what lies beyond it, and what else its words say."""


def planned(prompt: str) -> Plan:
    (picture,) = (one for one in PICTURES if one.prompt == prompt)
    return shoot(order_of(picture)).plan


def test_the_page_says_what_the_code_paints() -> None:
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == page()
    assert [picture.prompt for picture in PICTURES] == list(SAID)


@pytest.mark.parametrize("prompt", list(SAID))
def test_a_picture_is_planned_as_its_prompt_says(prompt: str) -> None:
    scene, beyond, more = SAID[prompt]
    found = planned(prompt)
    assert (found.scene, found.beyond) == (scene, beyond)
    assert {name: getattr(found, name) for name in more} == more


def test_the_gallery_shows_every_place_shape_and_language() -> None:
    plans = [planned(picture.prompt) for picture in PICTURES]
    assert {plan.scene for plan in plans} == set(Scene)
    assert {plan.season for plan in plans} == set(Season)
    assert sum(bool(plan.beyond) for plan in plans) >= 8
    shapes = {np.sign(one.size.width_px - one.size.height_px) for one in PICTURES}
    assert shapes == {-1, 0, 1}
    assert {one.prompt.isascii() for one in PICTURES} == {True, False}


def test_the_pictures_are_there_and_light_enough_for_a_page() -> None:
    with Image.open(FOLDER / "sheet.webp") as whole:
        assert whole.width == SHEET_WIDTH_PX
    assert (FOLDER / "sheet.webp").stat().st_size < 900 * KB
    named = [picture for picture in PICTURES if picture.name]
    assert len(named) == 10
    for picture in named:
        path = FOLDER / f"{picture.name}.webp"
        with Image.open(path) as still:
            assert still.size == (WIDE.width_px, WIDE.height_px)
        assert path.stat().st_size < 150 * KB, path


def test_a_picture_comes_again_the_same() -> None:
    small = replace(PICTURES[1], size=Size(160, 90))
    assert np.array_equal(np.asarray(paint(small)), np.asarray(paint(small)))


def test_the_sheet_hangs_every_picture_within_its_width() -> None:
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0), (0, 200, 200)]
    shapes = [(1280, 720), (720, 1280), (960, 960), (1280, 720), (1680, 720)]
    whole = np.asarray(
        sheet([Image.new("RGB", size, one) for size, one in zip(shapes, colours, strict=True)])
    )
    assert whole.shape[1] == SHEET_WIDTH_PX
    for colour in colours:
        assert (np.abs(whole.astype(int) - colour).max(axis=2) < 3).sum() > 20_000
