"""Start deadlines at the door: every POST that creates a task reads them (CONTRACT §2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rushes.domain.task import Status
from wiring import Wired, wired

GENERATIONS, VIDEOS = "/v1/video/generations", "/v1/videos"
CREATE: dict[str, Any] = {"model": "sandbox", "prompt": "a paper boat"}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Wired]:
    async with wired(tmp_path) as found:
        yield found


async def deadlines(
    house: Wired, path: str, body: dict[str, Any], header: str | None
) -> tuple[int | None, timedelta]:
    """What a create left behind: what was asked, and how long the task may wait."""
    headers = {} if header is None else {"Rushes-Start-Within": header}
    async with house.client() as client:
        answer = await client.post(path, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    task = house.task(answer.json()["id"])
    assert task.deadline_at is not None
    return task.start_within_s, task.deadline_at - task.created_at


@pytest.mark.parametrize("path", [GENERATIONS, VIDEOS])
async def test_both_dialects_read_header_and_metadata_and_the_header_wins(
    house: Wired, path: str
) -> None:
    said = {**CREATE, "metadata": {"start_within_s": 90}}
    assert await deadlines(house, path, said, None) == (90, timedelta(seconds=90))
    assert await deadlines(house, path, said, "7") == (7, timedelta(seconds=7))
    alone = {**CREATE, "prompt": "another"}
    assert await deadlines(house, path, alone, "86400") == (86400, timedelta(days=1))


async def test_a_remix_reads_them_too(house: Wired) -> None:
    async with house.client() as client:
        source = (await client.post(GENERATIONS, json=CREATE)).json()["id"]
    await house.bring(house.task(source), Status.SUCCEEDED)
    by_route, by_name = f"{VIDEOS}/{source}/remix", {**CREATE, "remix_from_video_id": source}
    assert (await deadlines(house, by_route, {"prompt": "a"}, "9"))[0] == 9
    said = {"metadata": {"start_within_s": 11}}
    assert (await deadlines(house, by_route, {"prompt": "b", **said}, None))[0] == 11
    assert (await deadlines(house, GENERATIONS, {**by_name, **said}, None))[0] == 11


@pytest.mark.parametrize("path", [GENERATIONS, VIDEOS])
@pytest.mark.parametrize("value", ["0", "86401", "-1", "1.5", "soon", "", "٣", "1" * 400])
async def test_a_bad_header_is_refused_by_its_name_and_nothing_is_made(
    house: Wired, path: str, value: str
) -> None:
    async with house.client() as client:
        headers = {b"Rushes-Start-Within": value.encode()}
        answer = await client.post(path, json=CREATE, headers=headers)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, "invalid_value")
        assert error["param"] == "Rushes-Start-Within"
        assert (await client.get(GENERATIONS)).json()["data"] == []
