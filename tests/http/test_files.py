"""Links to films: whose signature is believed, where they lead, and when they end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from rushes.clock import SystemClock
from rushes.domain.task import Status
from rushes.http.links import Links
from rushes.storage import blobs_of
from rushes.testing.builders import NOON
from rushes.testing.fakes import MemoryBlobs
from seaweed import Seaweed
from wiring import FILM, Wired, wired

ROOT = "/v1/video/generations"
OLD = Links(b"o" * 32, "http://localhost:8080", ttl_s=86400)


async def made(house: Wired) -> str:
    """The id of a task whose film is there."""
    async with house.client() as client:
        answer = await client.post(ROOT, json={"model": "sandbox", "prompt": "a paper boat"})
    name: str = answer.json()["id"]
    await house.bring(house.task(name), Status.SUCCEEDED)
    return name


async def link_of(house: Wired, name: str) -> str:
    async with house.client() as client:
        url: str = (await client.get(f"{ROOT}/{name}")).json()["url"]
    return url.removeprefix("http://localhost:8080")


async def get(house: Wired, path: str, **headers: str) -> httpx2.Response:
    async with house.client(None) as client:
        return await client.get(path, headers=headers)


async def test_a_link_signed_with_a_former_secret_lives_until_that_is_dropped(
    tmp_path: Path,
) -> None:
    async with wired(tmp_path, former=(b"o" * 32,)) as house:
        name = await made(house)
        old = OLD.film(name, house.clock.now()).removeprefix("http://localhost:8080")
        new = await link_of(house, name)
        assert old != new, "the first secret signs"
        for path in (old, new):
            assert (await get(house, path)).content == FILM
    async with wired(tmp_path / "dropped") as house:
        assert (await get(house, old)).status_code == 403
        assert (await get(house, new)).status_code == 404, "believed; this house has no such task"


async def test_after_retention_a_link_says_gone_and_the_task_stays(tmp_path: Path) -> None:
    async with wired(tmp_path) as house:
        name = await made(house)
        path = await link_of(house, name)
        assert house.store.write_now(lambda tx: tx.give_up_film(name))
        assert await link_of(house, name) == path
        for method, where in (("GET", path), ("HEAD", path), ("GET", f"/v1/videos/{name}/content")):
            async with house.client() as client:
                answer = await client.request(method, where)
            assert answer.status_code == 410, where
        gone = await get(house, path)
        assert gone.json()["error"]["code"] == "artifact_expired"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_link_leads_to_the_bucket_where_the_operator_says_so(
    method: str, tmp_path: Path
) -> None:
    asked: list[tuple[str, str]] = []

    async def sign(blob: str, method: str) -> str:
        asked.append((blob, method))
        return "https://films.s3.example.com/x?X-Amz-Signature=1"

    async with wired(tmp_path, sign=sign) as house:
        name = await made(house)
        path = await link_of(house, name)
        async with house.client(None) as client:
            answer = await client.request(method, path)
        assert answer.status_code == 307
        assert answer.headers["Location"] == "https://films.s3.example.com/x?X-Amz-Signature=1"
        assert answer.headers["Cache-Control"] == "no-store"
        assert asked == [(f"films/{name}/1/film", method)]
        assert (await get(house, path.replace("signature=", "signature=0"))).status_code == 403
        house.store.write_now(lambda tx: tx.give_up_film(name))
        assert (await get(house, path)).status_code == 410
        assert len(asked) == 1


async def test_an_address_that_cannot_be_signed_is_our_fault(tmp_path: Path) -> None:
    async def sign(blob: str, method: str) -> str:
        raise OSError("no credentials")

    async with wired(tmp_path, sign=sign) as house:
        answer = await get(house, await link_of(house, await made(house)))
        assert answer.status_code == 502
        assert "no credentials" not in answer.text


async def test_a_film_in_a_bucket_goes_out_as_one_on_a_disk_does(
    seaweed: Seaweed, tmp_path: Path
) -> None:
    blobs = blobs_of(seaweed.settings(tmp_path / "s3", "files"), SystemClock())
    async with wired(tmp_path / "a") as local, wired(tmp_path / "b", blobs=blobs) as remote:
        names = [await made(house) for house in (local, remote)]
        paths = [
            await link_of(house, name) for house, name in zip((local, remote), names, strict=True)
        ]
        for headers in (
            {},
            {"Range": "bytes=5-9"},
            {"Range": "bytes=-7"},
            {"Range": "bytes=99999999-"},
            {"If-None-Match": "*"},
        ):
            here, there = [
                await get(house, path, **headers)
                for house, path in zip((local, remote), paths, strict=True)
            ]
            assert (here.status_code, here.content) == (there.status_code, there.content), headers
            told = [set(answer.headers) - {"x-request-id"} for answer in (here, there)]
            assert told[0] == told[1]


class Away(MemoryBlobs):
    """Storage that takes films, and then is away."""

    is_away = False

    async def stat(self, name: str) -> None:
        raise OSError("storage could not look at it: it did not answer")

    async def open(
        self, name: str, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        raise OSError("storage could not read it: it did not answer")
        yield b""


async def test_a_store_that_is_away_is_our_fault_on_every_road_to_a_film(tmp_path: Path) -> None:
    async with wired(tmp_path, blobs=Away(SystemClock())) as house:
        name = await made(house)
        for path in (
            await link_of(house, name),
            f"/v1/videos/{name}/content",
            f"{ROOT}/download?id={name}",
        ):
            async with house.client() as client:
                answer = await client.get(path)
            assert answer.status_code == 502, path


async def test_a_full_disk_of_the_database_refuses_new_tasks_before_it_is_full(
    tmp_path: Path,
) -> None:
    async with wired(tmp_path) as house:
        room = 2**30

        def other_room() -> int:
            return room

        house.gateway.other_room = other_room
        house.gateway.policies = type(house.gateway.policies)(free_bytes_min=2**20)
        async with house.client() as client:

            async def submit() -> httpx2.Response:
                house.clock.advance(2)
                return await client.post(ROOT, json={"model": "sandbox", "prompt": "a boat"})

            assert (await submit()).status_code == 200
            room = 2**19
            refused = await submit()
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "overloaded")
            assert refused.headers["Retry-After"] == "60"
            room = 2**30
            assert (await submit()).status_code == 200


async def test_a_task_of_a_test_key_is_born_with_its_end(tmp_path: Path) -> None:
    secret = "sk-test-" + "t" * 43
    async with wired(tmp_path) as house:
        house.add_key(secret)
        await house.keyring.reload()
        async with house.client(secret) as client:
            answer = await client.post(ROOT, json={"model": "sandbox", "prompt": "a boat"})
        assert answer.status_code == 200, answer.text
        assert house.task(answer.json()["id"]).expires_at == NOON + timedelta(hours=24)
