"""Every provider in the package is held to the suite; there is no list to be forgotten in."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import pytest

from rushes.domain.spec import Spec
from rushes.domain.submit import Ticket
from rushes.providers.base import (
    Assets,
    CancelOutcome,
    InDoubt,
    NotThere,
    NotUnderstood,
    Outcome,
    Working,
)
from rushes.providers.openai_videos import OpenAIVideos
from rushes.providers.profiles import PROFILES
from rushes.providers.registry import kinds
from rushes.testing.conformance.asking import BrokenPromise
from rushes.testing.conformance.providers import (
    CHECKS,
    NoScene,
    hold,
    scene_of,
    scenes_of,
    skipped,
    stale_skips,
)
from rushes.testing.conformance.stage import Scene, Stage


def enrolled() -> dict[str, Scene]:
    found: dict[str, Scene] = {}
    for kind in kinds():
        with suppress(NoScene):
            found |= scenes_of(kind)
    return found


SCENES = enrolled()


@pytest.mark.parametrize("kind", kinds())
def test_every_provider_in_the_package_has_a_scene(kind: str) -> None:
    assert scene_of(kind).kind == kind
    assert {scene.kind for scene in scenes_of(kind).values()} == {kind}


def test_every_profile_has_a_scene() -> None:
    assert {name.partition(".")[2] for name in scenes_of("openai_videos")} == set(PROFILES)


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_skips_only_what_exists_and_says_why(name: str) -> None:
    assert stale_skips(SCENES[name]) == []


APPLYING = [
    (name, check)
    for name, scene in SCENES.items()
    for check in CHECKS
    if skipped(scene, check) is None
]


@pytest.mark.parametrize(("name", "check"), APPLYING)
async def test_a_provider_keeps_its_promise(name: str, check: str) -> None:
    await hold(SCENES[name], check)


# -- the suite itself -----------------------------------------------------------------------


class Sloppy(OpenAIVideos):
    """A provider with every bad habit that one of these tests asks for."""

    habit = ""

    async def submit(
        self,
        spec: Spec,
        *,
        upstream_model: str,
        token: str,
        assets: Assets,
        callback_url: str | None = None,
    ) -> Ticket:
        if self.habit == "logs":
            logging.getLogger("sloppy").debug("submitting %s", spec.prompt)
        try:
            return await super().submit(
                spec, upstream_model=upstream_model, token=token, assets=assets
            )
        except InDoubt:
            if self.habit != "sends twice":
                raise
            return await super().submit(
                spec, upstream_model=upstream_model, token=token, assets=assets
            )

    async def check(self, ticket: Ticket) -> Outcome:
        try:
            return await super().check(ticket)
        except NotUnderstood:
            if self.habit != "guesses":
                raise
            return Working()

    async def cancel(self, ticket: Ticket) -> CancelOutcome:
        if self.habit == "deletes":
            await self._rest.ask("DELETE", f"/videos/{ticket['id']}")
        return await super().cancel(ticket)


class SloppyScene:
    kind = "openai_videos"
    skips: Mapping[str, str] = {}

    def __init__(self, habit: str) -> None:
        self.habit = habit

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Stage]:
        async with scene_of("openai_videos").open() as stage:
            assert isinstance(stage.provider, OpenAIVideos)
            sloppy = Sloppy("gpu", stage.provider._rest)
            sloppy.habit = self.habit
            stage.provider = sloppy
            yield stage


@pytest.mark.parametrize(
    ("habit", "check"),
    [
        ("sends twice", "a_submit_is_in_doubt[accepted_then_dropped]"),
        ("logs", "nothing_secret_is_logged"),
        ("guesses", "an_unknown_word_is_ignorance"),
        ("guesses", "a_forgotten_task_is_not_there"),
        ("deletes", "a_late_cancel_leaves_the_film"),
    ],
)
async def test_the_suite_catches_a_bad_habit(habit: str, check: str) -> None:
    await hold(SloppyScene(""), check)
    with pytest.raises((BrokenPromise, NotThere)):
        await hold(SloppyScene(habit), check)


def test_a_provider_without_a_scene_is_caught() -> None:
    with pytest.raises(NoScene, match=r"scenes\.newcomer"):
        scene_of("newcomer")


def test_a_skip_needs_a_check_and_a_reason() -> None:
    careless = SloppyScene("")
    careless.skips = {"no_such_check": "because", "a_find_*": " ", "a_film_*": "it has none"}
    assert stale_skips(careless) == ["no_such_check", "a_find_*"]
    assert skipped(careless, "a_film_comes_whole") == "it has none"
    assert skipped(careless, "each_state_is_told") is None
