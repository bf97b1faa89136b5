"""From words to a plan."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growing import grows_with
from rushes.studio.plan import SUBJECTS_MAX, Hour, Mood, Move, Scene, Season, Weather, plan
from rushes.studio.scenes.places import BUILDERS
from rushes.studio.subjects import catalogue
from rushes.studio.words import _SENSES, read


@pytest.mark.parametrize(
    ("prompt", "scene"),
    [
        ("waves on a beach", Scene.SEA),
        ("大海上的日落", Scene.SEA),
        ("a busy street in Tokyo", Scene.CITY),
        ("霓虹城市的雨夜", Scene.CITY),
        ("deep in the forest", Scene.FOREST),
        ("竹林里", Scene.FOREST),
        ("snowy mountains", Scene.MOUNTAIN),
        ("雪山", Scene.MOUNTAIN),
        ("sand dunes", Scene.DESERT),
        ("沙漠里的骆驼", Scene.DESERT),
        ("an astronaut near a nebula", Scene.SPACE),
        ("宇航员在太空漂浮", Scene.SPACE),
        ("a coral reef", Scene.UNDERWATER),
        ("海底的鱼群", Scene.UNDERWATER),
        ("a wheat field", Scene.MEADOW),
        ("草原上的马", Scene.MEADOW),
        ("above the clouds", Scene.SKY),
        ("云海之上", Scene.SKY),
        ("driving down the highway", Scene.ROAD),
        ("公路上的汽车", Scene.ROAD),
        ("by the window of a cozy room", Scene.WINDOW),
        ("窗台上的咖啡", Scene.WINDOW),
        ("a cat asleep", Scene.WINDOW),
        ("a cat in the snow", Scene.MEADOW),
        ("一只猫在樱花树下", Scene.MEADOW),
        ("a cat by the window, snow outside", Scene.WINDOW),
        ("abstract geometric shapes", Scene.ABSTRACT),
        ("抽象的图案", Scene.ABSTRACT),
        ("", Scene.ABSTRACT),
        ("🙂🙂🙂", Scene.ABSTRACT),
    ],
)
def test_words_name_the_place(prompt: str, scene: Scene) -> None:
    assert plan(prompt, 1).scene is scene


@pytest.mark.parametrize(
    ("prompt", "leading"),
    [
        ("a paper boat", "paper_boat"),
        ("two foxes running", "fox"),
        ("一只小狐狸", "fox"),
        ("火箭升空", "rocket"),
        ("海豚跃出水面", "dolphin"),
        ("火车穿过雪山", "train"),
        ("a girl flying a kite", "girl"),
        ("大熊猫吃竹子", "panda"),
        ("hot air balloons over a valley", "balloon"),
        ("a t-rex in the jungle", "dinosaur"),
    ],
)
def test_words_name_the_leading_subject(prompt: str, leading: str) -> None:
    assert plan(prompt, 1).subjects[0] == leading


@pytest.mark.parametrize(
    ("prompt", "move"),
    [
        ("camera pans left over a bay", Move.PAN_LEFT),
        ("镜头右移", Move.PAN_RIGHT),
        ("slow push in on a face", Move.PUSH_IN),
        ("the camera zooms out", Move.ZOOM_OUT),
        ("镜头拉远", Move.PULL_OUT),
        ("tilt up to the sky", Move.TILT_UP),
        ("crane down", Move.FALL),
        ("航拍海岸", Move.AERIAL),
        ("handheld footage", Move.HANDHELD),
        ("固定镜头", Move.STATIC),
    ],
)
def test_words_name_the_movement_of_the_camera(prompt: str, move: Move) -> None:
    assert plan(prompt, 1).move is move


def test_words_name_the_hour_the_weather_and_the_mood() -> None:
    assert plan("a lake at dusk", 1).hour is Hour.DUSK
    assert plan("深夜的街道", 1).hour is Hour.NIGHT
    assert plan("a thunderstorm at sea", 1).weather is Weather.STORM
    assert plan("樱花树下", 1).weather is Weather.PETALS
    assert plan("a black and white film", 1).mood is Mood.MONO
    assert plan("水墨画", 1).mood is Mood.INK


@pytest.mark.parametrize(
    ("prompt", "scene", "beyond"),
    [
        ("a city by the sea", Scene.SEA, Scene.CITY),
        ("海边的城市", Scene.SEA, Scene.CITY),
        ("a road through a forest", Scene.ROAD, Scene.FOREST),
        ("a window over a snowy mountain", Scene.WINDOW, Scene.MOUNTAIN),
        ("desert under a galaxy", Scene.DESERT, Scene.SPACE),
        ("银河下的沙漠", Scene.DESERT, Scene.SPACE),
        ("a village under the mountains", Scene.MEADOW, Scene.MOUNTAIN),
        ("a drowned city, underwater", Scene.UNDERWATER, Scene.CITY),
        ("a blue sky over the fields and mountains", Scene.MEADOW, Scene.MOUNTAIN),
        ("a dragon above the clouds, mountain peaks below", Scene.SKY, Scene.MOUNTAIN),
        ("a train through the forest", Scene.ROAD, Scene.FOREST),
        ("山间的小船", Scene.SEA, Scene.MOUNTAIN),
        ("a fox at the edge of the forest, mountains far away", Scene.FOREST, Scene.MOUNTAIN),
    ],
)
def test_of_two_places_one_is_in_front_and_one_beyond(
    prompt: str, scene: Scene, beyond: Scene
) -> None:
    found = plan(prompt, 1)
    assert (found.scene, found.beyond) == (scene, (beyond,))


@pytest.mark.parametrize("prompt", ["a car in the city", "a paper boat in the city", "a lake", ""])
def test_one_place_has_nothing_beyond(prompt: str) -> None:
    assert plan(prompt, 1).beyond == ()


@pytest.mark.parametrize(
    ("prompt", "season"),
    [
        ("a meadow in spring", Season.SPRING),
        ("summer on the beach", Season.SUMMER),
        ("秋天的山", Season.AUTUMN),
        ("冬天的村庄", Season.WINTER),
        ("雪山", Season.WINTER),
        ("falling snow", Season.WINTER),
        ("a horse in a field", Season.SUMMER),
        ("a hot summer in hawaii", Season.SUMMER),
        ("青春", Season.SUMMER),
    ],
)
def test_words_name_the_season(prompt: str, season: Season) -> None:
    assert plan(prompt, 1).season is season


def test_under_the_stars_it_is_night_unless_words_say_otherwise() -> None:
    assert {plan("desert under the milky way", seed).hour for seed in range(9)} == {Hour.NIGHT}
    assert plan("desert under the milky way at dusk", 1).hour is Hour.DUSK


@pytest.mark.parametrize("prompt", ["camera pans left", "dolly zoom, close up shot", "镜头推近"])
def test_words_for_the_camera_are_no_subjects(prompt: str) -> None:
    assert plan(prompt, 1).subjects == ()


def test_a_long_phrase_wins_over_its_parts() -> None:
    assert [hit.phrase for hit in read("火箭 hot air balloon")] == ["火箭", "hot air balloon"]


def test_every_subject_that_words_name_can_be_drawn() -> None:
    named = {
        sense.value for senses in _SENSES.values() for sense in senses if sense.facet == "subject"
    }
    assert named == set(catalogue.names())
    assert len(named) >= 25


def test_every_place_can_be_built_and_asked_for() -> None:
    named = {
        sense.value for senses in _SENSES.values() for sense in senses if sense.facet == "scene"
    }
    assert named == {scene.value for scene in Scene} == {scene.value for scene in BUILDERS}


@given(st.text(max_size=300), st.integers(0, 2**31 - 1))
def test_any_text_can_be_planned_and_always_the_same_way(prompt: str, seed: int) -> None:
    planned = plan(prompt, seed)
    assert planned == plan(prompt, seed)
    assert len(planned.subjects) <= SUBJECTS_MAX


@given(st.text(alphabet="ab camerpnsfox狐狸雨夜🙂\u202e\u0628\u200d\n", max_size=400))
def test_any_mixture_of_scripts_can_be_planned(prompt: str) -> None:
    plan(prompt, 1)


@pytest.mark.parametrize(
    "unit", ["a", "a fox ", "狐狸", "🙂", "\u202e\u0628\u062c ", "a" * 50 + " "]
)
def test_ten_thousand_characters_are_planned_at_once(unit: str) -> None:
    assert grows_with(lambda text: plan(text, 1), (unit * 10_000)[:10_000])


def test_another_seed_is_another_plan_of_the_same_words() -> None:
    plans = {plan("a quiet lake", seed) for seed in range(12)}
    assert len({planned.seed for planned in plans}) == 12
    assert len({planned.move for planned in plans}) > 1
