"""An upstream's call rings a bell, and says nothing that anybody believes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from rushes.domain.task import Status
from rushes.http.hooks import BODY_BYTES_MAX
from rushes.ports import NotAHint
from rushes.testing.builders import put_task
from wiring import Wired, wired


class Reader:
    """Reads hints as it is told to."""

    def __init__(self) -> None:
        self.wants: bytes | None = None
        self.is_forged = False
        self.heard: list[tuple[str, bytes]] = []

    def __call__(self, provider: str, headers: Mapping[str, str], body: bytes) -> bytes | None:
        self.heard.append((provider, body))
        if self.is_forged:
            raise NotAHint("bad signature")
        return self.wants


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
async def house(tmp_path: Path, reader: Reader) -> AsyncIterator[Wired]:
    async with wired(tmp_path, read_hint=reader) as opened:
        yield opened


async def hook_of(house: Wired) -> tuple[str, str]:
    """Bring a task to a provider; return its id and its hook."""
    task = house.store.write_now(lambda tx: put_task(tx, Status.RUNNING))
    submit = (await house.store.read(lambda tx: tx.submits(task.id)))[0]
    return task.id, f"/hooks/{submit.provider}/{submit.token}"


async def post(house: Wired, path: str, **said: Any) -> httpx2.Response:
    async with house.client(None) as client:
        return await client.post(path, **said)


async def test_a_hint_rings_the_bell_of_its_task(house: Wired) -> None:
    task_id, path = await hook_of(house)
    heard = asyncio.create_task(house.bell.wait(task_id, 5.0))
    await asyncio.sleep(0)
    answer = await post(house, path, json={"status": "whatever"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert await heard


@pytest.mark.advisory("CVE-2026-41432")
async def test_what_a_hint_says_changes_nothing(house: Wired) -> None:
    task_id, path = await hook_of(house)
    before = await house.store.read(lambda tx: tx.task(task_id))
    for body in (b"", b"\xff", b'{"status": "succeeded", "url": "https://evil.test/film.mp4"}'):
        assert (await post(house, path, content=body)).status_code == 204
    assert await house.store.read(lambda tx: tx.task(task_id)) == before


@pytest.mark.advisory("CVE-2026-41432")
async def test_an_unknown_token_is_told_like_an_unknown_path(house: Wired, reader: Reader) -> None:
    _, path = await hook_of(house)
    elsewhere = path.replace("/hooks/", "/hooks/not-")
    for wrong in (path + "x", elsewhere, "/hooks/gpu/" + "a" * 3000):
        answer = await post(house, wrong, json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "route_not_found")
    assert reader.heard == []


@pytest.mark.advisory("CVE-2026-41432")
async def test_a_forged_hint_is_told_like_an_unknown_token(house: Wired, reader: Reader) -> None:
    reader.is_forged = True
    _, path = await hook_of(house)
    answer = await post(house, path, json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "route_not_found")


async def test_an_upstream_that_wants_an_answer_gets_it(house: Wired, reader: Reader) -> None:
    reader.wants = b'{"challenge":"42"}'
    _, path = await hook_of(house)
    answer = await post(house, path, json={"challenge": "42"})
    assert (answer.status_code, answer.json()) == (200, {"challenge": "42"})


async def test_a_hint_has_a_bound(house: Wired) -> None:
    _, path = await hook_of(house)
    answer = await post(house, path, content=b"x" * (BODY_BYTES_MAX + 1))
    assert answer.status_code == 413
