"""A list that is filtered pages through what it shows, and through nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from rushes.domain.task import Status
from wiring import Wired, wired

ROOT = "/v1/video/generations"


async def made(house: Wired, model: str, status: Status) -> str:
    house.clock.advance(1)
    async with house.client() as client:
        body = {"model": model, "prompt": "a heron", "seconds": 4}
        name: str = (await client.post(ROOT, json=body)).json()["id"]
    await house.bring(house.task(name), status)
    return name


@pytest.mark.parametrize("order", ["desc", "asc"])
async def test_a_filter_holds_from_page_to_page(tmp_path: Path, order: str) -> None:
    async with wired(tmp_path) as house:
        wanted = []
        for _ in range(3):
            wanted.append(await made(house, "sora-2", Status.CANCELED))
            await made(house, "sandbox", Status.CANCELED)
            await made(house, "sora-2", Status.QUEUED)
        found: list[str] = []
        query = {"limit": "1", "order": order, "status": "failed", "model": "sora-2"}
        async with house.client() as client:
            while True:
                page = (await client.get(ROOT, params=query)).json()
                found += [one["task_id"] for one in page["data"]]
                if not page["has_more"]:
                    break
                query["after"] = page["last_id"]
        assert found == (wanted if order == "asc" else wanted[::-1])
