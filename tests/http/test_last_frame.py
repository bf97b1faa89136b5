"""The last frame of a film: served like any still, and made once of films that have none yet."""

from __future__ import annotations

import asyncio
import io
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from pathlib import Path

import httpx2
import pytest
from PIL import Image

from filming import Scene, shoot
from postgres import Server
from rushes.domain.spec import Size
from rushes.domain.task import Event, Measures, Status, Task
from rushes.gateway.reprints import Reprints
from rushes.ports import (
    Artifact,
    ArtifactKind,
    Blobs,
    Developed,
    NotAFilm,
    Still,
    Transaction,
    kept_of,
)
from rushes.store.migrate import migrate
from rushes.store.postgres import PostgresStore
from rushes.testing.builders import NOON, an_artifact, kept, put_move, put_task
from rushes.testing.fakes import ManualClock, MemoryBlobs
from wiring import STILLS, Wired, wired

LAST = STILLS[ArtifactKind.LAST_FRAME]
MADE = b"RIFF....WEBP a last frame, made later"


async def whole(content: bytes) -> AsyncIterator[bytes]:
    yield content


@dataclass
class Darkroom:
    """Stores a still for any film, after `on_develop`."""

    blobs: Blobs | None = None
    on_develop: Callable[[], object] = lambda: None
    developed: list[str] = field(default_factory=list)

    async def develop(self, film: str, stills: Mapping[ArtifactKind, str]) -> Developed:
        self.developed.append(film)
        told = self.on_develop()
        if asyncio.iscoroutine(told):
            await told
        assert self.blobs is not None
        for blob in stills.values():
            await self.blobs.put(blob, whole(MADE))
        still = Still(len(MADE), sha256(MADE).hexdigest())
        return Developed(5.0, Size(1280, 720), dict.fromkeys(stills, still))


@pytest.fixture
def darkroom() -> Darkroom:
    return Darkroom()


@pytest.fixture
async def house(tmp_path: Path, darkroom: Darkroom) -> AsyncIterator[Wired]:
    async with wired(tmp_path, darkroom=darkroom) as house:
        darkroom.blobs = house.blobs
        yield house


async def finished(house: Wired, **changes: object) -> Task:
    """A task of the caller's that succeeded, with all that belongs to it."""
    async with house.client() as client:
        answer = await client.post("/v1/videos", json={"model": "sandbox", "prompt": "a boat"})
    task = house.task(answer.json()["id"])
    return await house.bring(task, Status.SUCCEEDED, **changes)


async def of_before(house: Wired, **changes: object) -> Task:
    """A task whose film was brought home before last frames were kept."""
    task = await finished(house, **changes)
    blob = f"films/{task.id}/1/{ArtifactKind.LAST_FRAME}"
    await house.blobs.delete(blob)
    house.store.write_now(lambda tx: tx.swept([blob]))
    return task


async def asked(house: Wired, task: Task, method: str = "GET", **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with house.client() as client:
        return await client.request(
            method, f"/v1/videos/{task.id}/content?variant=last_frame", headers=named
        )


def names(house: Wired, task: Task) -> list[str]:
    """What is stored for a task."""
    folder = house.blobs.root / "films" / task.id
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def on_record(house: Wired, task: Task) -> list[str]:
    found = house.store.read_now(lambda tx: tx.artifacts(task.id))
    return sorted(f"{one.kind} {one.state}" for one in found)


# -- like any still ----------------------------------------------------------------------------


async def test_a_last_frame_is_served_with_heads_ranges_and_conditions(
    house: Wired, darkroom: Darkroom
) -> None:
    task = await finished(house)
    got = await asked(house, task)
    assert (got.status_code, got.content) == (200, LAST)
    assert got.headers["content-type"] == "image/webp"
    assert got.headers["etag"] == f'"{sha256(LAST).hexdigest()[:32]}"'
    digest = f"sha-256=:{b64encode(sha256(LAST).digest()).decode()}:"
    assert got.headers["repr-digest"] == digest
    head = await asked(house, task, "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(LAST))
    part = await asked(house, task, range="bytes=4-7")
    assert (part.status_code, part.content) == (206, b"----")
    assert part.headers["repr-digest"] == digest, "of the whole, whatever part is sent"
    seen = await asked(house, task, if_none_match=got.headers["etag"])
    assert (seen.status_code, seen.content) == (304, b"")
    beyond = await asked(house, task, range="bytes=99999-")
    assert (beyond.status_code, beyond.json()["error"]["code"]) == (416, "range_not_satisfiable")
    assert darkroom.developed == []


async def test_a_last_frame_is_told_like_its_film_while_there_is_none(house: Wired) -> None:
    running = await house.bring(await submitted(house), Status.RUNNING)
    failed = await house.bring(await submitted(house), Status.FAILED)
    expired = await finished(house, is_film_gone=True)
    told = [(await asked(house, task)) for task in (running, failed, expired)]
    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in told] == [
        (400, "task_not_finished"),
        (400, "task_failed"),
        (410, "artifact_expired"),
    ]


async def submitted(house: Wired) -> Task:
    async with house.client() as client:
        answer = await client.post("/v1/videos", json={"model": "sandbox", "prompt": "a boat"})
    return house.task(answer.json()["id"])


async def test_a_deleted_video_takes_its_last_frame_along(house: Wired) -> None:
    task = await finished(house)
    async with house.client() as client:
        assert (await client.delete(f"/v1/videos/{task.id}")).status_code == 200
    assert names(house, task) == []
    assert (await asked(house, task)).status_code == 404


# -- films of before ---------------------------------------------------------------------------


async def test_the_last_frame_of_a_film_of_before_is_its_last_picture(tmp_path: Path) -> None:
    async with wired(tmp_path) as house:
        task = await of_before(house)
        film = shoot(Scene(128, 96, frame_count=24, grey_step=10))
        await house.blobs.delete(f"films/{task.id}/1/film")
        await house.blobs.put(f"films/{task.id}/1/film", whole(film))
        got = await asked(house, task)
        picture = Image.open(io.BytesIO(got.content))
        assert (picture.format, picture.size) == ("WEBP", (128, 96))
        assert picture.convert("L").getpixel((64, 48)) == pytest.approx(10 * 23, abs=4)
        assert (await asked(house, task)).headers["etag"] == got.headers["etag"]


@pytest.mark.promise("P4")
async def test_it_is_made_when_first_asked_for_and_kept(house: Wired, darkroom: Darkroom) -> None:
    task = await of_before(house)
    before = await asked(house, task, "HEAD")
    assert (before.status_code, before.headers["content-length"]) == (200, str(len(MADE)))
    house.clock.advance(60)
    after = await asked(house, task)
    assert (after.content, after.headers["etag"]) == (MADE, before.headers["etag"])
    assert len(darkroom.developed) == 1
    assert on_record(house, task) == [
        "film kept", "last_frame kept", "poster kept", "spritesheet kept",
    ]  # fmt: skip
    async with house.client() as client:
        assert (await client.delete(f"/v1/videos/{task.id}")).status_code == 200
    assert names(house, task) == []


async def test_callers_who_ask_at_once_have_it_made_once(house: Wired, darkroom: Darkroom) -> None:
    task = await of_before(house)
    darkroom.on_develop = lambda: asyncio.sleep(0)
    told = await asyncio.gather(*(asked(house, task) for _ in range(8)))
    assert {(answer.status_code, answer.content) for answer in told} == {(200, MADE)}
    assert len(darkroom.developed) == 1


async def test_of_two_processes_that_make_it_at_once_one_keeps_it(
    house: Wired, darkroom: Darkroom
) -> None:
    task = await of_before(house)
    both = asyncio.Barrier(2)
    darkroom.on_develop = both.wait
    processes = [Reprints(house.store, house.clock, house.blobs, darkroom) for _ in range(2)]
    one, other = await asyncio.gather(*(process.last_frame(task) for process in processes))
    assert one == other
    assert len(darkroom.developed) == 2
    assert on_record(house, task).count("last_frame kept") == 1
    assert names(house, task) == ["film", "poster", "spritesheet", "still-last.webp"]
    assert len(on_record(house, task)) == 4


async def test_machines_that_keep_it_in_the_same_moment_keep_one(
    postgres: Server, darkroom: Darkroom
) -> None:
    """There, unlike on SQLite, two transactions run at once: the row of the task is held."""
    url, clock, count = postgres.make_database(), ManualClock(NOON), 20
    migrate(url, at=NOON)
    blobs = darkroom.blobs = MemoryBlobs(clock)
    with closing(PostgresStore(url)) as here, closing(PostgresStore(url)) as there:
        tasks = [here.write_now(put_film) for _ in range(count)]
        both = asyncio.Barrier(2)
        darkroom.on_develop = both.wait
        machines = [Reprints(store, clock, blobs, darkroom) for store in (here, there)]
        for task in tasks:
            one, other = await asyncio.gather(*(machine.last_frame(task) for machine in machines))
            assert one == other
            found = here.read_now(partial(artifacts_of, task))
            assert [artifact.kind for artifact in found] == ["film", "last_frame"]
    assert len([name async for name, _ in blobs.names("")]) == count


def artifacts_of(task: Task, tx: Transaction) -> Sequence[Artifact]:
    return tx.artifacts(task.id)


def put_film(tx: Transaction) -> Task:
    """A task that succeeded with a film and nothing else."""
    task = put_task(tx, Status.STORING)
    film = an_artifact(task)
    tx.add_artifacts(film)
    tx.keep_artifacts(kept(film))
    return put_move(tx, task, Event.STORED)


async def test_a_film_too_long_to_be_decoded_while_a_caller_waits_is_refused(
    house: Wired, darkroom: Darkroom
) -> None:
    task = await of_before(house, measures=Measures(1, 600.0, Size(1920, 1080), "aa"))
    answer = await asked(house, task)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "unsupported", "variant")
    assert "600 seconds of 1920x1080" in error["message"]
    assert darkroom.developed == []


@pytest.mark.parametrize("trouble", [NotAFilm("It is damaged."), OSError("no space left")])
async def test_a_film_that_gives_none_is_our_fault_and_leaves_nothing(
    trouble: Exception, house: Wired, darkroom: Darkroom
) -> None:
    task = await of_before(house)

    def fail() -> None:
        raise trouble

    darkroom.on_develop = fail
    answer = await asked(house, task)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_error")
    assert on_record(house, task) == ["film kept", "poster kept", "spritesheet kept"]
    darkroom.on_develop = lambda: None
    assert (await asked(house, task)).content == MADE


async def test_who_waited_long_enough_is_told_to_come_back(
    house: Wired, darkroom: Darkroom
) -> None:
    task = await of_before(house)
    darkroom.on_develop = asyncio.Event().wait
    house.gateway.reprints = replace(house.gateway.reprints, patience_s=0.05)
    answer = await asked(house, task)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "overloaded")
    assert answer.headers["retry-after"] == "10"
    assert not house.store.read_now(lambda tx: kept_of(tx, task.id, ArtifactKind.LAST_FRAME))
    left = house.store.read_now(lambda tx: tx.sweepable(NOON.replace(year=NOON.year + 1), 9))
    assert [one.kind for one in left] == [ArtifactKind.LAST_FRAME], "a sweep finds the attempt"


@pytest.mark.parametrize("how", ["deleted", "expired"])
async def test_a_film_that_goes_meanwhile_takes_it_along(
    how: str, house: Wired, darkroom: Darkroom
) -> None:
    task = await of_before(house)

    def go(tx: Transaction) -> None:
        if how == "deleted":
            tx.remove_task(task.id)
        else:
            assert tx.give_up_film(task.id)

    darkroom.on_develop = lambda: house.store.write_now(go)
    answer = await asked(house, task)
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "artifact_expired")
    assert names(house, task) == ["film", "poster", "spritesheet"], "these are the sweep's"
