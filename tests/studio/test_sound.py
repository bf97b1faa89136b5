"""What a film sounds like, told by its spectrum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rushes.studio.film import RATE_HZ, Sound
from rushes.studio.music import add_music, scale_hz
from rushes.studio.order import Order
from rushes.studio.plan import Scene, Weather, plan
from rushes.studio.score import score
from rushes.studio.shots import storyboard
from rushes.studio.sound import PEAK_MAX, Heard, ambience, atmosphere, loudness
from sampling import every

SECONDS = 4.0
PLACES = {
    Scene.SEA: "the sea at noon",
    Scene.CITY: "a city",
    Scene.FOREST: "a forest at noon",
    Scene.MOUNTAIN: "mountains",
    Scene.DESERT: "a desert",
    Scene.SPACE: "outer space",
    Scene.UNDERWATER: "underwater",
    Scene.MEADOW: "a meadow",
    Scene.SKY: "above the clouds",
    Scene.ROAD: "a highway",
    Scene.WINDOW: "a cozy room",
    Scene.ABSTRACT: "",
}


def heard(prompt: str, seconds: float = SECONDS, seed: int = 3) -> Sound:
    return ambience([Heard(plan(prompt, seed), seconds)])


def place(prompt: str, seconds: float = SECONDS) -> Sound:
    """Return a place alone, without music."""
    return atmosphere(plan(prompt, 3), round(seconds * RATE_HZ))


def share(sound: Sound, low_hz: float, high_hz: float) -> float:
    """Return which share (0-1) of a sound's power lies between two pitches."""
    power = np.abs(np.fft.rfft(sound.mean(0))) ** 2
    hertz = np.fft.rfftfreq(sound.shape[1], 1 / RATE_HZ)
    return float(power[(hertz >= low_hz) & (hertz < high_hz)].sum() / power.sum())


def swelling(sound: Sound) -> float:
    """Return how much louder the loudest tenth of a second is than the softest."""
    middle = sound.mean(0)[RATE_HZ : -RATE_HZ // 2]
    block = RATE_HZ // 10
    blocks = middle[: len(middle) // block * block].reshape(-1, block)
    power = np.sqrt((blocks**2).mean(1))
    return float(power.max() / power.min())


@pytest.mark.parametrize("scene", every(3, Scene))
@pytest.mark.parametrize("weather", ["", ", rain", ", thunderstorm", ", fire", ", snow"])
def test_every_film_is_as_loud_as_it_should_be(scene: Scene, weather: str) -> None:
    prompt = PLACES[scene] + weather
    sound = heard(prompt)
    assert -23 <= loudness(sound) <= -16
    assert float(np.abs(sound).max()) <= PEAK_MAX
    assert np.isfinite(sound).all()


@pytest.mark.parametrize("scene", list(Scene))
def test_a_film_is_heard_in_breadth_and_loses_nothing_in_mono(scene: Scene) -> None:
    sound = heard(PLACES[scene])
    assert 0.3 < float(np.corrcoef(sound)[0, 1]) < 0.95
    sides = (sound**2).mean(1)
    assert 0.5 < float(sides[0] / sides[1]) < 2


@pytest.mark.parametrize("seconds", [1.0, 4.0])
def test_a_film_begins_and_ends_in_silence(seconds: float) -> None:
    sound = heard("a thunderstorm at sea", seconds)
    assert sound.shape == (2, seconds * RATE_HZ)
    assert float(np.abs(sound[:, :24]).max()) < 0.002
    assert float(np.abs(sound[:, -24:]).max()) < 0.002


def test_the_same_plan_sounds_the_same_and_another_seed_does_not() -> None:
    one, same, other = heard("a forest"), heard("a forest"), heard("a forest", seed=4)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_surf_is_deep_and_rain_is_bright() -> None:
    sea, rain = place("the sea at noon"), place("rain in a meadow")
    assert share(sea, 50, 800) > 3 * share(rain, 50, 800)
    assert share(rain, 2000, 12_000) > 3 * share(sea, 2000, 12_000)


def test_surf_comes_and_goes_and_rain_stays() -> None:
    assert swelling(place("the sea at noon", 8)) > 2.5
    assert swelling(place("rain in a meadow", 8)) < 2


def test_water_dulls_whatever_is_above_it() -> None:
    assert share(place("a thunderstorm, underwater"), 1600, 24_000) < 0.01
    assert plan("a thunderstorm, underwater", 3).weather is Weather.STORM


def test_crickets_sing_at_night_and_birds_by_day() -> None:
    day, night = place("a forest at noon"), place("a forest at night")
    assert share(night, 4100, 4700) > 4 * share(day, 4100, 4700)
    assert share(day, 1500, 4000) > share(night, 1500, 4000)


def test_thunder_rolls_in_a_storm() -> None:
    calm, storm = place("mountains at noon", 6), place("a thunderstorm in the mountains", 6)
    assert share(storm, 20, 140) > 3 * share(calm, 20, 140)


def test_an_engine_runs_where_one_is_seen() -> None:
    wagon, none = place("a bus in the desert"), place("a desert")
    beat = 41
    assert share(wagon, beat * 0.95, beat * 1.05) > 10 * share(none, beat * 0.95, beat * 1.05)


@pytest.mark.parametrize("prompt", ["a meadow at noon", "a city at night", "outer space", "noir"])
def test_music_keeps_to_its_key(prompt: str) -> None:
    planned = plan(prompt, 3)
    sound = np.zeros((2, 6 * RATE_HZ), np.float32)
    add_music(sound, planned)
    root, steps = scale_hz(planned)
    power = np.abs(np.fft.rfft(sound.mean(0)))
    loudest = np.argsort(power[: 6 * 700])[-40:] / 6
    tones = 12 * np.log2(loudest / root)
    known = [12 * np.log2(step) for step in steps]
    off = [min(abs((tone - step + 6) % 12 - 6) for step in known) for tone in tones]
    assert max(off) < 0.5, "less than a quarter tone"
    assert len({round(tone) for tone in tones}) > 3, "more than one chord"


def test_each_shot_has_its_own_sound_and_a_cut_does_not_click() -> None:
    board = storyboard("Shot 1: underwater. Shot 2: rain in a meadow", 3, 96, 24)
    sound = ambience([Heard(shot.plan, (shot.stop - shot.start) / 24) for shot in board])
    half = sound.shape[1] // 2
    first, second = sound[:, :half], sound[:, half:]
    assert share(second, 2000, 12_000) > 20 * share(first, 2000, 12_000)
    steps = np.abs(np.diff(sound, axis=1))
    usual = steps[:, half + RATE_HZ // 2 : -RATE_HZ // 2].max()
    assert float(steps[:, half - 4800 : half + 4800].max()) <= 1.2 * float(usual)


def test_a_film_of_shots_has_a_score_of_its_length(order: Callable[..., Order]) -> None:
    wish = order("Shot 1: the sea. Shot 2: a forest", seconds=3, with_audio=True)
    sound = score(wish, storyboard(wish.spec.prompt, wish.spec.seed, wish.frame_count, wish.fps))
    assert sound is not None
    assert sound.shape == (2, 3 * RATE_HZ)
