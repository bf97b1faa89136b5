"""The scene of `local_diffusers`: a work folder, and children made by hand.

Nothing is remote, so much of what can befall an upstream cannot befall it. What can is brought
about where it would come from: the folders, the disk, and the lines of a child.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from rushes.domain.ids import new_token
from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers._local_diffusers_jobs import Jobs, Said
from rushes.providers._local_diffusers_orders import Terms
from rushes.providers._local_diffusers_rigs import Setting
from rushes.providers.base import Assets, Provider
from rushes.providers.local_diffusers import (
    LOOK_AGAIN_S,
    WAITING_PER_DEVICE,
    Asked,
    LocalDiffusers,
)
from rushes.testing.conformance.scenes.simulated import NoAssets
from rushes.testing.conformance.stage import Moment, Situation, Stage
from rushes.testing.simulators.films import tiny_film
from rushes.testing.simulators.local_diffusers import Bench, Child, a_model

NOON: Final = datetime(2026, 11, 27, 12, tzinfo=UTC)
MODEL: Final = "tiny-wan"
SPEC: Final = Spec(
    model="wan2.2-t2v",
    mode=Mode.TEXT_TO_VIDEO,
    prompt="A paper boat on a quiet canal.",
    seconds=1,
    size=Size(64, 64),
    seed=7,
)
IMPOSSIBLE: Final = (
    replace(SPEC, mode=Mode.REMIX, source_id="video_1"),
    replace(
        SPEC,
        mode=Mode.IMAGE_TO_VIDEO,
        assets=(Asset(Role.FIRST_FRAME, "image", blob="x", content_type="image/png"),),
    ),
    replace(SPEC, with_audio=True),
    replace(SPEC, options={"fps": 1000}),
)
FAILURES: Final = {Situation.TASK_WILL_BREAK: {"failed": {"word": "broken", "text": "KeyError"}}}
_NOWHERE: Final = "there is no credential, so it stands nowhere"


class LocalStage:
    """A stage with a folder; its upstream are children made by hand, its time is their steps."""

    assets: Assets = NoAssets()
    upstream_model = MODEL
    impossible: Sequence[Spec] = IMPOSSIBLE
    secret = _NOWHERE
    advice_s: float | None = LOOK_AGAIN_S

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bench = Bench()
        self.film = tiny_film()
        self.local = self.another()
        self.provider: Provider = self.local
        self._child: Child | None = None
        self._end: Said | None = None
        self._is_missing = False
        self._is_silent = False
        self._is_syncing = True
        self._uncounted = 0
        a_model(folder / "models" / MODEL)

    @property
    def work(self) -> Path:
        """The folder of orders and films."""
        return self.folder / "work"

    def another(
        self, devices: tuple[str, ...] = ("cpu",), *, offload: str = "none"
    ) -> LocalDiffusers:
        """Build a provider on the same folders, as another worker or the next life of one has."""
        models = self.folder / "models"
        setting = Setting(models, self.work, offload=offload, idle_s=60.0, stop_s=0.05)
        # Any interpreter but our own: whether that one has diffusers is not what is tested.
        asked = Asked(setting, Terms(), devices, "/bin/sh", LOOK_AGAIN_S)
        jobs = Jobs(self.work, sync=self._sync)
        return LocalDiffusers("rig", asked, self.bench.start, jobs=jobs)

    def spec(self, prompt: str = "") -> Spec:
        """Return a spec for a film of a second, very small."""
        return replace(SPEC, prompt=prompt or SPEC.prompt)

    def now(self) -> datetime:
        """Return the one instant there is."""
        return NOON

    async def bring_about(self, situation: Situation) -> None:
        """Let something befall the folders, the disk or a child."""
        acts: dict[Situation, Callable[[], Awaitable[None]]] = {
            Situation.OVERLOADED: self._fill,
            Situation.ALL_TASKS_FORGOTTEN: self._forget,
            Situation.FILM_GONE: self._lose,
            Situation.FILM_NOT_FOUND: self._lose,
            Situation.UNKNOWN_WORD: partial(self._utter, {"humming": True}),
            Situation.STATE_FALLS_BACK: partial(self._utter, {"step": 0, "of": 4}),
        }
        if act := acts.get(situation):
            await act()
        match situation:
            case Situation.TASK_WILL_BREAK:
                self._end = FAILURES[situation]
            case Situation.FILM_WILL_BE_MISSING:
                self._is_missing = True
            case Situation.STATES_WILL_BE_SKIPPED:
                self._is_silent = True
            case Situation.ACCEPTED_THEN_DROPPED:
                self._is_syncing = False
            case Situation.NOT_LISTENING:
                self.work.touch()
            case Situation.LIST_UNAVAILABLE:
                self.work.mkdir()
                (self.work / "jobs").touch()

    async def reach(self, moment: Moment) -> None:
        """Have children take steps, until the films are made."""
        match moment:
            case Moment.WAITING:
                pass
            case Moment.RENDERING:
                child = await self._rendering()
                if not self._is_silent:
                    await child.utter({"step": 2, "of": 4})
            case Moment.OVER:
                await self._finish()

    async def pass_hours(self, count: int) -> None:
        """Nothing here grows old so soon."""

    def submits(self) -> int:
        """Return how many orders were taken."""
        return len([*self.work.glob("jobs/[!.]*")]) + self._uncounted

    def told_to_strangers(self) -> Sequence[Mapping[str, str]]:
        """Return nothing: there is no other host."""
        return ()

    async def _utter(self, words: Said) -> None:
        await (await self._rendering()).utter(words)

    async def _rendering(self) -> Child:
        if self._child is None:
            self._child = await self.bench.next()
        return self._child

    async def _finish(self) -> None:
        while self.local.rigs.in_hand:
            child = await self._rendering()
            child.end(self._end)
            await self.local.rigs.wait(str(child.order["job"]))
            self._child = None
        if self._is_missing:
            await self._lose()

    async def _fill(self) -> None:
        for _ in range(1 + WAITING_PER_DEVICE):
            await self.local.submit(
                SPEC, upstream_model=MODEL, token=new_token(), assets=self.assets
            )
        self._uncounted -= 1 + WAITING_PER_DEVICE

    async def _forget(self) -> None:
        self._uncounted += self.submits()
        await self.local.close()
        shutil.rmtree(self.work)
        self.provider = self.local = self.another()

    async def _lose(self) -> None:
        for film in self.work.glob("jobs/*/film.mp4"):
            film.unlink()

    def _sync(self, number: int) -> None:
        """Force nothing to the disk: it is a test's. Once the disk may fail, after the order."""
        jobs = self.work / "jobs"
        if not self._is_syncing and os.path.samestat(os.fstat(number), jobs.stat()):
            self._is_syncing = True
            raise OSError(5, "Input/output error")


_LOCAL: Final = "a folder of this machine: a submit is written or it is not, and nobody refuses it"
_READ: Final = "a folder of this machine neither lags, nor garbles, nor rings off"
_NAMED: Final = "an order is named after its token: it is there or not, whatever is like it"
_OWN: Final = "a cancel is an end that we write ourselves"
_NO_JUDGE: Final = "weights judge nothing; the house's own moderation does"


class _Scene:
    """How to put up a stage for children made by hand."""

    kind = "local_diffusers"
    skips: Mapping[str, str] = {
        "a_refusal_tells_no_secret": _LOCAL,
        "a_submit_is_refused*": _LOCAL,
        "a_submit_meets_a_busy_provider?rate*": _LOCAL,
        "a_submit_is_in_doubt?submit*": _LOCAL,
        "a_submit_is_in_doubt?bare*": _LOCAL,
        "a_submit_is_in_doubt?accepted_[!t]*": _LOCAL,
        "a_submit_is_in_doubt?accepted_then_[!d]*": _LOCAL,
        "moderation_of_the_output_is_a_verdict": _NO_JUDGE,
        "a_look_does_not_get_through*": _READ,
        "a_failure_in_an_http_error_is_read": _READ,
        "an_unreadable_look_is_ignorance": _READ,
        "one_not_there_is_ignorance": _READ,
        "a_cancel_comes_to*": _OWN,
        "an_unanswered_cancel_is_ignorance": _OWN,
        "a_find_of_nothing_is_absent": _NAMED,
        "a_find_of_two_knows_nothing": _NAMED,
        "a_lagging_list_finds_nothing": _READ,
        "a_silent_list_knows_nothing": _READ,
        "what_is_no_film_is_not_taken_for_one?film_unavailable?": _READ,
        "what_is_no_film_is_not_taken_for_one?film_breaks_off?": _READ,
        "what_is_no_film_is_not_taken_for_one?film_is_a_page?": _READ,
        "a_film_that_broke_off_can_be_had_again": _READ,
        "credentials_stay_at_home": "there is no credential, and no other host",
        "nothing_secret_is_logged": "there is no credential; that no prompt is, its tests say",
    }

    def open(self) -> AbstractAsyncContextManager[Stage]:
        """Put up a stage."""
        return _open()


@asynccontextmanager
async def _open() -> AsyncIterator[Stage]:
    async with opened() as stage:
        yield stage


@asynccontextmanager
async def opened() -> AsyncIterator[LocalStage]:
    """Put up a stage, and say more of it than the suite has to know."""
    with TemporaryDirectory(prefix="rushes-local-") as folder:
        stage = LocalStage(Path(folder))
        try:
            yield stage
        finally:
            await stage.local.close()


scene = _Scene()
