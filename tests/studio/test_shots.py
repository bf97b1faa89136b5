"""Films of several shots: where words part them, and what each shot shows."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from growing import grows_with
from rushes.domain.spec import Mode, Role
from rushes.studio.director import direct, shoot
from rushes.studio.order import Order
from rushes.studio.plan import Hour, Mood, Move, Scene, Weather, plan
from rushes.studio.planes import Frame
from rushes.studio.shots import SHOT_S_MIN, Join, parted, storyboard

MakeOrder = Callable[..., Order]
FPS = 24
FIVE_S = 5 * FPS


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("Shot 1: a fox. Shot 2: a whale", ["a fox", "a whale"]),
        ("[Shot 1] a fox [Shot 2] a whale [Shot 3] a city", ["a fox", "a whale", "a city"]),
        ("Scene one - a fox. Scene two - a whale", ["a fox", "a whale"]),
        ("a fox in the forest. Cut to: a whale", ["a fox in the forest", "a whale"]),
        ("a fox, then a city at night", ["a fox", "a city at night"]),
        ("the sea at noon fades to night", ["the sea at noon", "night"]),
        ("a beach. Next scene: a desert", ["a beach", "a desert"]),
        ("1. a beach\n2. a desert\n3. the moon", ["a beach", "a desert", "the moon"]),
        ("[0-2s] a beach [2-5s] a desert", ["a beach", "a desert"]),
        ("镜头一\uff1a海边。镜头二\uff1a雪山", ["海边", "雪山"]),
        ("第一个镜头\uff1a海边日落\uff0c第二个镜头\uff1a城市夜景", ["海边日落", "城市夜景"]),
        ("第1个镜头[0-3秒] 一只猫 第2个镜头[3-5秒] 大海", ["一只猫", "大海"]),
        ("海上的船\uff0c然后切换到城市夜晚", ["海上的船", "城市夜晚"]),
        ("日出时的草原\uff0c接着下雨", ["日出时的草原", "下雨"]),
    ],
)
def test_words_part_a_film(prompt: str, words: list[str]) -> None:
    assert [passage.words for passage in parted(prompt)[1]] == words


@pytest.mark.parametrize(
    "prompt",
    [
        "a cat jumps, then runs away",
        "a second shot of espresso, scene of a crime",
        "he shot 3 goals in 1.5 seconds",
        "a fox in the forest, fade to black",
        "a paper boat, cut to size",
        "镜头一直跟随一只狐狸",
        "1. a fox",
        "Shot 1: a fox",
        "版本2.0的机器人\uff0c1.5米高",
        "",
    ],
)
def test_other_words_leave_it_whole(prompt: str) -> None:
    assert parted(prompt) == ("", (parted(prompt)[1][0],))
    (shot,) = storyboard(prompt, 3, FIVE_S, FPS)
    assert (shot.words, shot.plan) == (prompt, plan(prompt, 3))
    assert (shot.start, shot.stop) == (shot.take_start, shot.take_stop) == (0, FIVE_S)


def test_shots_are_as_long_as_their_words_say() -> None:
    shots = storyboard("Shot 1 (0-3s): a fox. Shot 2 (3-5s): a whale", 1, FIVE_S, FPS)
    assert [(shot.start, shot.stop) for shot in shots] == [(0, 72), (72, 120)]
    shots = storyboard("Shot 1 (1s): a fox. Shot 2 (9s): a whale", 1, FIVE_S, FPS)
    assert shots[0].stop == pytest.approx(SHOT_S_MIN * FPS, abs=1)


@given(
    st.lists(st.sampled_from(["a fox", "the sea (3s)", "雪山", "night"]), min_size=1, max_size=40),
    st.integers(1, 20),
    st.sampled_from([8, 24, 60]),
)
def test_shots_fill_a_film_and_none_is_too_short(words: list[str], seconds: int, fps: int) -> None:
    prompt = " ".join(f"Shot {place}: {one}." for place, one in enumerate(words, 1))
    shots = storyboard(prompt, 5, seconds * fps, fps)
    assert [shot.start for shot in shots] == [0, *(shot.stop for shot in shots[:-1])]
    assert shots[-1].stop == seconds * fps
    if len(shots) > 1:
        assert min(shot.stop - shot.start for shot in shots) >= SHOT_S_MIN * fps - 1


@given(st.text(alphabet="Shot 123:.,then[]-s镜头一二\uff1a切换到()第个\nsea fox", max_size=200))
def test_any_text_can_be_parted_and_always_the_same_way(prompt: str) -> None:
    shots = storyboard(prompt, 1, FIVE_S, FPS)
    assert shots == storyboard(prompt, 1, FIVE_S, FPS)
    assert shots[-1].stop == FIVE_S


def test_a_shot_has_what_it_leaves_unsaid_from_the_one_before() -> None:
    prompt = "Shot 1: a fox in a snowy forest at dawn. Shot 2: close-up of the fox. Shot 3: a city"
    first, second, third = storyboard(prompt, 1, FIVE_S, FPS)
    assert (second.plan.scene, second.plan.hour) == (Scene.FOREST, Hour.DAWN)
    assert (second.plan.weather, second.plan.subjects) == (Weather.SNOW, ("fox",))
    assert "close_up" in second.plan.extras
    assert second.plan.move is Move.PUSH_IN is not first.plan.move
    assert (third.plan.scene, third.plan.hour, third.plan.subjects) == (Scene.CITY, Hour.DAWN, ())
    assert "close_up" not in third.plan.extras


def test_words_before_the_first_number_are_about_all_shots() -> None:
    shots = storyboard("Film noir, rain. Shot 1: a street. Shot 2: a train", 1, FIVE_S, FPS)
    assert [shot.words for shot in shots] == ["a street", "a train"]
    assert {shot.plan.mood for shot in shots} == {Mood.MONO}


def test_a_soft_change_of_light_keeps_place_people_and_camera() -> None:
    prompt = "a sailboat on a lake at noon, camera pans left, then night falls over the lake"
    day, night = storyboard(prompt, 1, FIVE_S, FPS)
    assert (day.plan.hour, night.plan.hour) == (Hour.DAY, Hour.NIGHT)
    assert day.plan.seed == night.plan.seed
    assert day.plan.subjects == night.plan.subjects == ("sailboat",)
    assert (night.join, night.take_start, night.take_stop) == (Join.DISSOLVE, 0, FIVE_S)


def frames(order: Order, first: int = 0, end: int | None = None) -> list[Frame]:
    reel = direct(shoot(order)).frames(first, order.frame_count if end is None else end)
    return [Frame(frame.y.copy(), frame.u.copy(), frame.v.copy()) for frame in reel]


def steps(made: list[Frame]) -> list[float]:
    return [float(np.abs(one.y.astype(int) - other.y).mean()) for one, other in pairwise(made)]


def test_a_cut_is_one_hard_change_and_a_dissolve_is_none(order: MakeOrder) -> None:
    cut = steps(frames(order("the sea at noon. Cut to: a forest at night", seconds=3)))
    assert cut.index(max(cut)) == 35
    assert max(cut) > 5 * sorted(cut)[-2]
    soft = steps(frames(order("the sea at noon, then a forest at night", seconds=3)))
    assert max(soft) < max(cut) / 4
    assert 28 < soft.index(max(soft)) < 44


def test_a_film_of_shots_can_be_painted_from_anywhere(order: MakeOrder) -> None:
    wish = order("Shot 1: a fox. Shot 2: the sea. Then a city at night", seconds=4)
    made = frames(wish)
    assert len(made) == 96
    for first, end in ((0, 5), (30, 40), (47, 49), (60, 70)):
        part = frames(wish, first, end)
        assert all(
            np.array_equal(one.y, other.y) for one, other in zip(part, made[first:end], strict=True)
        )


def test_a_still_may_be_the_first_of_several_shots(
    order: MakeOrder, picture: Callable[..., Path]
) -> None:
    files = {Role.FIRST_FRAME: picture("first", (210, 40, 30), (40, 190, 60))}
    wish = order("push in. Cut to: the sea", seconds=3, mode=Mode.IMAGE_TO_VIDEO, files=files)
    made = frames(wish)
    red = [float(np.median(frame.v[2:18, :40])) for frame in made]
    assert min(red[:36]) > 180
    assert max(red[36:]) < 180


def test_a_film_that_is_turned_or_goes_on_is_of_one_shot(order: MakeOrder) -> None:
    for mode in (Mode.REMIX, Mode.EXTEND, Mode.FIRST_LAST_FRAME):
        assert len(shoot(order("Shot 1: a fox. Shot 2: the sea", seconds=5, mode=mode)).board) == 1


@pytest.mark.parametrize("unit", [" ", "1 ", "shot ", "[1-", "(1s", "\u955c\u5934", "1. ", "then "])
def test_ten_thousand_characters_are_parted_at_once(unit: str) -> None:
    words = (unit * 10_000)[:9_990]
    assert grows_with(lambda text: storyboard(f"shot{text}x", 1, FIVE_S, FPS), words)
