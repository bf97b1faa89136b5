"""The sandbox as a provider."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from rushes.domain.errors import Reason
from rushes.domain.spec import Asset, Mode, Role, Script, Size, Spec
from rushes.domain.submit import Ticket
from rushes.providers.base import (
    CancelOutcome,
    FilmLost,
    Found,
    Lost,
    NotUnderstood,
    Outcome,
    Ready,
    Unreachable,
    Working,
)
from rushes.providers.sandbox import REASONS, Sandbox, build
from rushes.studio.farm import Farm

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PATIENCE_S = 30.0


class FolderAssets:
    """Assets in a folder, under their blob names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def path_of(self, blob: str) -> Path:
        path = self.folder / blob
        if not path.exists():
            raise FileNotFoundError(blob)
        return path


def a_spec(prompt: str = "a boat at sea", **change: Any) -> Spec:
    facts: dict[str, Any] = {
        "model": "sandbox",
        "mode": Mode.TEXT_TO_VIDEO,
        "seconds": 1,
        "seed": 5,
    }
    facts |= change
    return Spec(prompt=prompt, size=Size(96, 64), **facts)


@asynccontextmanager
async def a_sandbox(folder: Path, **farm: Any) -> AsyncIterator[tuple[Sandbox, Farm]]:
    kept = Farm(folder / "scratch", **farm)
    sandbox = Sandbox(kept, FolderAssets(folder))
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield sandbox, kept
    finally:
        await sandbox.close()


async def submitted(sandbox: Sandbox, spec: Spec, folder: Path, token: str = "t1") -> Ticket:
    ticket = await sandbox.submit(
        spec, upstream_model="sandbox", token=token, assets=FolderAssets(folder)
    )
    return dict(json.loads(json.dumps(ticket)))  # as a store would give it back


async def ended(sandbox: Sandbox, farm: Farm, ticket: Ticket) -> Outcome:
    while isinstance(outcome := await sandbox.check(ticket), Working):
        await farm.wait(str(ticket["job"]))
    return outcome


async def film_of(sandbox: Sandbox, ready: Outcome) -> bytes:
    assert isinstance(ready, Ready)
    async with sandbox.open(ready.film) as stream:
        data = b"".join([chunk async for chunk in stream.chunks])
    assert stream.length == len(data)
    return data


def pictures(film: bytes, folder: Path) -> list[np.ndarray]:
    path = folder / "probe.mp4"
    path.write_bytes(film)
    with av.open(str(path)) as opened:
        return [frame.to_ndarray() for frame in opened.decode(video=0)]


async def test_a_submit_ends_in_a_film(tmp_path: Path) -> None:
    async with a_sandbox(tmp_path) as (sandbox, farm):
        ticket = await submitted(sandbox, a_spec(), tmp_path)
        first = await sandbox.check(ticket)
        assert isinstance(first, Working)
        assert 0.1 <= first.look_again_s <= 0.5
        film = await film_of(sandbox, await ended(sandbox, farm, ticket))
        assert len(pictures(film, tmp_path)) == 24


async def test_a_ticket_is_enough_after_a_restart(tmp_path: Path) -> None:
    picture = tmp_path / "blob1"
    Image.new("RGB", (64, 64), (200, 60, 40)).save(picture, "PNG")
    spec = a_spec(
        "纸船",
        mode=Mode.IMAGE_TO_VIDEO,
        assets=(Asset(Role.FIRST_FRAME, "image", blob="blob1"),),
        options={"fps": 12},
        script=Script(delay_s=0.01),
    )
    async with a_sandbox(tmp_path) as (sandbox, farm):
        ticket = await submitted(sandbox, spec, tmp_path)
        before = await film_of(sandbox, await ended(sandbox, farm, ticket))
        farm.forget("t1")
    async with a_sandbox(tmp_path) as (sandbox, farm):
        assert isinstance(await sandbox.check(ticket), Working)
        after = await film_of(sandbox, await ended(sandbox, farm, ticket))
    same = zip(pictures(before, tmp_path), pictures(after, tmp_path), strict=True)
    assert all(np.array_equal(one, other) for one, other in same)


async def test_find_knows_every_submit_by_itself(tmp_path: Path) -> None:
    async with a_sandbox(tmp_path, command=("false",)) as (sandbox, _):
        ticket = await submitted(sandbox, a_spec(), tmp_path)
        found = await sandbox.find("t1", a_spec(), upstream_model="sandbox", since=NOON)
        assert isinstance(found, Found)
        assert dict(found.ticket) == ticket


@pytest.mark.parametrize(("code", "reason"), REASONS.items())
async def test_a_script_ends_with_the_reason_it_names(
    code: str, reason: Reason, tmp_path: Path
) -> None:
    async with a_sandbox(tmp_path, command=("false",)) as (sandbox, farm):
        ticket = await submitted(sandbox, a_spec(script=Script(code)), tmp_path)
        outcome = await ended(sandbox, farm, ticket)
        assert isinstance(outcome, Lost)
        assert outcome.failure.reason is reason
        assert outcome.failure.message


async def test_scripted_failures_say_what_the_contract_wants(tmp_path: Path) -> None:
    async with a_sandbox(tmp_path, command=("false",)) as (sandbox, farm):
        wanted = {
            "canceled": "Canceled by caller",
            "submit_in_doubt": "not resubmitted",
            "timed_out": "0.01 seconds",
        }
        for code, words in wanted.items():
            spec = a_spec(script=Script(code, 0.01))
            outcome = await ended(sandbox, farm, await submitted(sandbox, spec, tmp_path, code))
            assert isinstance(outcome, Lost)
            assert words in outcome.failure.message


async def test_cancel_ends_the_renderer_and_a_canceled_film_stays_so(tmp_path: Path) -> None:
    async with a_sandbox(tmp_path) as (sandbox, _):
        ticket = await submitted(sandbox, a_spec(seconds=20), tmp_path)
        assert await sandbox.cancel(ticket) is CancelOutcome.CANCELED
        assert await sandbox.cancel(ticket) is CancelOutcome.CANCELED
        outcome = await sandbox.check(ticket)
        assert isinstance(outcome, Lost)
        assert outcome.failure.reason is Reason.CANCELED


async def test_a_finished_film_is_too_late_to_cancel(tmp_path: Path) -> None:
    async with a_sandbox(tmp_path) as (sandbox, farm):
        ticket = await submitted(sandbox, a_spec(), tmp_path)
        await ended(sandbox, farm, ticket)
        assert await sandbox.cancel(ticket) is CancelOutcome.TOO_LATE


async def test_a_film_that_left_the_scratch_folder_is_rendered_anew_by_check(
    tmp_path: Path,
) -> None:
    async with a_sandbox(tmp_path) as (sandbox, farm):
        ticket = await submitted(sandbox, a_spec(), tmp_path)
        ready = await ended(sandbox, farm, ticket)
        assert isinstance(ready, Ready)
        farm.forget("t1")
        with pytest.raises(FilmLost):
            async with sandbox.open(ready.film):
                pass
        assert isinstance(await sandbox.check(ticket), Working)
        again = await ended(sandbox, farm, ticket)
        assert isinstance(again, Ready)
        assert again.film != ready.film  # or whoever collects would think nothing had changed
        await film_of(sandbox, again)


async def test_an_input_that_cannot_be_had_is_ignorance(tmp_path: Path) -> None:
    spec = a_spec(mode=Mode.IMAGE_TO_VIDEO, assets=(Asset(Role.FIRST_FRAME, "image", blob="x"),))
    async with a_sandbox(tmp_path) as (sandbox, _):
        ticket = await submitted(sandbox, spec, tmp_path)
        with pytest.raises(Unreachable):
            await sandbox.check(ticket)


async def test_an_input_that_is_no_picture_is_the_callers(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"not a picture")
    spec = a_spec(mode=Mode.IMAGE_TO_VIDEO, assets=(Asset(Role.FIRST_FRAME, "image", blob="x"),))
    async with a_sandbox(tmp_path) as (sandbox, farm):
        ticket = await submitted(sandbox, spec, tmp_path)
        outcome = await ended(sandbox, farm, ticket)
        assert isinstance(outcome, Lost)
        assert outcome.failure.reason is Reason.PARAMETERS_REFUSED
        assert "'image'" in outcome.failure.message
        assert str(tmp_path) not in outcome.failure.message


async def test_a_renderer_that_breaks_is_told_in_the_house_sentence(tmp_path: Path) -> None:
    async with a_sandbox(tmp_path, command=("false",)) as (sandbox, farm):
        ticket = await submitted(sandbox, a_spec(), tmp_path)
        outcome = await ended(sandbox, farm, ticket)
        assert isinstance(outcome, Lost)
        assert outcome.failure.reason is Reason.PROVIDER_FAILED
        assert "false" not in outcome.failure.message


@pytest.mark.parametrize("ticket", [{}, {"job": "x"}, {"job": "x", "spec": {"model": 3}}])
async def test_a_ticket_of_somebody_else_is_not_understood(
    ticket: dict[str, Any], tmp_path: Path
) -> None:
    async with a_sandbox(tmp_path) as (sandbox, _):
        with pytest.raises(NotUnderstood):
            await sandbox.check(ticket)


@pytest.mark.parametrize(
    ("model", "label"), [("sandbox", "SANDBOX"), ("sora-2", "REHEARSAL · sora-2")]
)
async def test_a_film_is_labelled(model: str, label: str, tmp_path: Path) -> None:
    async with a_sandbox(tmp_path) as (sandbox, farm):
        ticket = await submitted(sandbox, a_spec(model=model), tmp_path)
        film = tmp_path / "film.mp4"
        film.write_bytes(await film_of(sandbox, await ended(sandbox, farm, ticket)))
        with av.open(str(film)) as opened:
            assert opened.metadata["title"] == label


def test_an_operator_cannot_configure_a_second_sandbox() -> None:
    make: Callable[..., object] = build
    with pytest.raises(ValueError, match="built in"):
        make(name="mine", base_url=None, credential=None, profile=None, options={})
