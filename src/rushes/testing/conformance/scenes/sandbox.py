"""The scene of `sandbox`: a farm of its own. Nothing is remote, so most troubles cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from rushes.domain.spec import Mode, Script, Size, Spec
from rushes.domain.submit import Ticket
from rushes.providers.base import Assets, Provider
from rushes.providers.sandbox import LOOK_AGAIN_S, Sandbox
from rushes.studio.farm import Done, Farm
from rushes.testing.conformance.stage import Moment, Situation, Stage

NOON: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)

OUTCOMES: Final[Mapping[Situation, str]] = {
    Situation.TASK_WILL_BREAK: "provider_error",
    Situation.OUTPUT_WILL_BE_MODERATED: "content_policy_violation",
}
"""What a script of the next task asks for."""

SPEC: Final = Spec(
    model="sandbox",
    mode=Mode.TEXT_TO_VIDEO,
    prompt="A paper boat on a quiet canal.",
    seconds=1,
    size=Size(128, 72),
    seed=7,
)


_NOWHERE: Final = "there is no credential, so it stands nowhere"


class _NoAssets:
    async def path_of(self, blob: str) -> Path:
        raise FileNotFoundError(blob)


class _Remembering(Sandbox):
    """A sandbox that remembers its jobs, so that the stage can wait for them."""

    def __init__(self, farm: Farm, assets: Assets) -> None:
        super().__init__(farm, assets)
        self.jobs: list[str] = []

    async def submit(
        self,
        spec: Spec,
        *,
        upstream_model: str,
        token: str,
        assets: Assets,
        callback_url: str | None = None,
    ) -> Ticket:
        """Begin a film, and remember it."""
        self.jobs.append(token)
        return await super().submit(spec, upstream_model=upstream_model, token=token, assets=assets)


class _Stage:
    """A stage with one farm; its upstream is the farm, its time the machine's."""

    assets: Assets = _NoAssets()
    upstream_model = "sandbox"
    impossible: Sequence[Spec] = ()
    secret = _NOWHERE
    advice_s: float | None = LOOK_AGAIN_S

    def __init__(self, farm: Farm) -> None:
        self._farm = farm
        self._sandbox = _Remembering(farm, self.assets)
        self._script: Script | None = None
        self.provider: Provider = self._sandbox
        self.film = b""

    def spec(self, prompt: str = "") -> Spec:
        """Return a spec for a film of a second, very small."""
        return replace(SPEC, prompt=prompt or SPEC.prompt, script=self._script)

    def now(self) -> datetime:
        """Return the one instant there is."""
        return NOON

    async def bring_about(self, situation: Situation) -> None:
        """Have the next task broken, or lose all films."""
        if situation is Situation.FILM_GONE:
            for job in self._sandbox.jobs:
                self._farm.forget(job)
        else:
            self._script = Script(outcome=OUTCOMES[situation])

    async def reach(self, moment: Moment) -> None:
        """Wait until the films are done; before that, they are being made anyway."""
        if moment is not Moment.OVER:
            return
        for job in self._sandbox.jobs:
            state = await self._farm.wait(job)
            if isinstance(state, Done):
                self.film = await asyncio.to_thread(state.path.read_bytes)

    async def pass_hours(self, count: int) -> None:
        """Nothing here grows old."""

    def submits(self) -> int:
        """Return how many films were begun."""
        return len(self._sandbox.jobs)

    def told_to_strangers(self) -> Sequence[Mapping[str, str]]:
        """Return nothing: there is no other host."""
        return ()


_LOCAL: Final = "the sandbox is no server: nothing can be refused, dropped or left unanswered"
_MEMORY: Final = "a ticket holds the whole order: what is forgotten is rendered again"
_KNOWN: Final = "a ticket follows from token and spec: every submit is found, always"


class _Scene:
    """How to put up a stage for the sandbox."""

    kind = "sandbox"
    skips: Mapping[str, str] = {
        "the_impossible_is_refused_unsent": "the studio makes every mode",
        "a_refusal_tells_no_secret": _LOCAL,
        "a_submit_is_refused*": _LOCAL,
        "a_submit_meets_a_busy_provider*": _LOCAL,
        "a_submit_is_in_doubt*": _LOCAL,
        "a_look_does_not_get_through*": _LOCAL,
        "a_failure_in_an_http_error_is_read": _LOCAL,
        "an_unreadable_look_is_ignorance": _LOCAL,
        "skipped_states_are_no_trouble": "its states are its own",
        "a_state_that_falls_back_is_still_work": "its states are its own",
        "an_unknown_word_is_ignorance": "its states are its own",
        "one_not_there_is_ignorance": _MEMORY,
        "a_forgotten_task_is_not_there": _MEMORY,
        "a_finished_task_without_a_film_is_not_there": _MEMORY,
        "a_cancel_comes_to*": _LOCAL,
        "an_unanswered_cancel_is_ignorance": _LOCAL,
        "a_find_*": _KNOWN,
        "a_lagging_list_finds_nothing": _KNOWN,
        "a_silent_list_knows_nothing": _KNOWN,
        "an_unanswered_find_is_ignorance": _LOCAL,
        "what_is_no_film_is_not_taken_for_one*": _LOCAL,
        "a_film_that_broke_off_can_be_had_again": _LOCAL,
        "credentials_stay_at_home": "there is no credential, and no other host",
        "nothing_secret_is_logged": "there is no credential, and no trouble to log",
    }

    def open(self) -> AbstractAsyncContextManager[Stage]:
        """Put up a stage."""
        return _open()


@asynccontextmanager
async def _open() -> AsyncIterator[Stage]:
    with TemporaryDirectory(prefix="rushes-sandbox-") as folder:
        stage = _Stage(Farm(Path(folder), cores=2))
        try:
            yield stage
        finally:
            await stage.provider.close()


scene = _Scene()
