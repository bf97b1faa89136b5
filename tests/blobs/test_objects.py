"""Blobs in a bucket: what goes up in parts, what breaks off, and a store that fails or hangs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import cast

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from loopback import serving
from rushes.blobs.objects import PART_BYTES, ObjectBlobs
from rushes.clock import SystemClock
from rushes.settings import Settings
from rushes.storage import blobs_of, is_up, try_out
from seaweed import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Seaweed

FILM = "films/video_01/1-ab/film.mp4"
CONTENT = os.urandom(2 * PART_BYTES + 12_345)
PIECE = 2**20
LATER = timedelta(minutes=1)


def bucket(seaweed: Seaweed, folder: Path) -> ObjectBlobs:
    settings = seaweed.settings(folder, f"objects-{token_hex(4)}")
    return cast("ObjectBlobs", blobs_of(settings, SystemClock()))


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), PIECE):
        yield content[at : at + PIECE]


async def read(blobs: ObjectBlobs, name: str, start: int = 0, length: int | None = None) -> bytes:
    return b"".join([piece async for piece in blobs.open(name, start, length)])


async def now() -> datetime:
    return datetime.now(UTC) + LATER


async def test_a_film_in_parts_comes_back_whole_and_in_ranges(
    seaweed: Seaweed, tmp_path: Path
) -> None:
    blobs = bucket(seaweed, tmp_path)
    assert await blobs.put(FILM, pieces(CONTENT)) == len(CONTENT)
    assert await read(blobs, FILM) == CONTENT
    across = PART_BYTES - 7
    assert await read(blobs, FILM, across, 20) == CONTENT[across : across + 20]
    assert await blobs.put(FILM, pieces(CONTENT)) == len(CONTENT)
    assert await blobs.sweep_temporary(await now()) == 0


@pytest.mark.promise("P4")
async def test_an_upload_that_breaks_off_leaves_no_part_behind(
    seaweed: Seaweed, tmp_path: Path
) -> None:
    blobs = bucket(seaweed, tmp_path)

    async def broken() -> AsyncIterator[bytes]:
        async for piece in pieces(CONTENT):
            yield piece
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await blobs.put(FILM, broken())
    assert await blobs.stat(FILM) is None
    assert await blobs.sweep_temporary(await now()) == 0, "it was aborted at once"


async def test_an_upload_that_nobody_finished_is_swept_when_it_is_old(
    seaweed: Seaweed, tmp_path: Path
) -> None:
    """What a killed writer leaves, which for an input nobody else may abort."""
    blobs = bucket(seaweed, tmp_path)
    is_half_in = asyncio.Event()

    async def for_ever() -> AsyncIterator[bytes]:
        async for piece in pieces(CONTENT):
            yield piece
        is_half_in.set()
        await asyncio.Event().wait()

    writing = asyncio.create_task(blobs.put(f"inputs/{'0f' * 32}", for_ever()))
    await asyncio.wait_for(is_half_in.wait(), 20)
    writing.cancel()
    await asyncio.wait([writing])
    assert await blobs.sweep_temporary(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert await blobs.sweep_temporary(await now()) == 1
    assert await blobs.sweep_temporary(await now()) == 0


async def test_an_address_of_the_bucket_gives_the_film_under_its_tasks_name(
    seaweed: Seaweed, tmp_path: Path
) -> None:
    blobs = bucket(seaweed, tmp_path)
    await blobs.put(FILM, pieces(b"film" * 100))
    async with httpx2.AsyncClient(trust_env=False) as client:
        address = await blobs.signed(FILM, timedelta(minutes=5), method="GET")
        answer = await client.get(address, headers={"Range": "bytes=4-7"})
        assert (answer.status_code, answer.content) == (206, b"film")
        assert answer.headers["Content-Type"] == "video/mp4"
        assert answer.headers["Content-Disposition"] == 'inline; filename="video_01.mp4"'
        head = await client.head(await blobs.signed(FILM, timedelta(minutes=5), method="HEAD"))
        assert (head.status_code, head.headers["Content-Length"]) == (200, "400")
        assert (await client.get(address.replace("video_01", "video_02"))).status_code == 403


async def test_a_bucket_is_tried_out_and_asked_whether_it_is_up(
    seaweed: Seaweed, tmp_path: Path
) -> None:
    blobs = bucket(seaweed, tmp_path)
    await try_out(blobs)
    assert await is_up(blobs)
    assert [name async for name, _ in blobs.names("")] == []


async def test_wrong_credentials_are_told_without_them(seaweed: Seaweed, tmp_path: Path) -> None:
    settings = seaweed.settings(tmp_path, "x")
    (tmp_path / "s3.secret").write_text("not-the-secret-0123456789")
    blobs = cast("ObjectBlobs", blobs_of(settings, SystemClock()))
    with pytest.raises(PermissionError, match="look at its credentials") as caught:
        await blobs.put(FILM, pieces(b"x"))
    with pytest.raises(OSError, match="HTTP 403"):
        await blobs.sweep_temporary(await now())
    for secret in (ACCESS_KEY_ID, "not-the-secret", "Signature", "127.0.0.1"):
        assert secret not in str(caught.value)


async def test_a_bucket_that_is_not_there_is_no_missing_blob(
    seaweed: Seaweed, tmp_path: Path
) -> None:
    """`weed` makes a bucket for whoever may; so the store is one that knows none."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with serving(app) as port:
        blobs = blobs_of(seaweed.settings(tmp_path, "x", port=port), SystemClock())
        with pytest.raises(OSError, match="no such bucket") as caught:
            await blobs.put(FILM, pieces(b"x"))
        assert not isinstance(caught.value, FileNotFoundError)


def troubled(folder: Path, seaweed: Seaweed, port: int) -> ObjectBlobs:
    """A bucket behind whoever listens there, with little patience."""
    settings = seaweed.settings(folder, "x", port=port)
    storage = settings.storage.model_copy(update={"timeout_s": 0.2})
    settings = Settings(data_dir=settings.data_dir, storage=storage)
    return cast("ObjectBlobs", blobs_of(settings, SystemClock()))


async def every_verb(blobs: ObjectBlobs) -> list[str]:
    """Ask everything of a store that does nothing; return what is told."""
    told = []
    for verb in (
        blobs.put(FILM, pieces(b"x")),
        blobs.stat(FILM),
        read(blobs, FILM),
        blobs.delete(FILM),
        asyncio.to_thread(blobs.delete_now, FILM),
        blobs.sweep_temporary(await now()),
        is_up(blobs),
    ):
        try:
            async with asyncio.timeout(20):
                await verb
        except OSError as error:
            told.append(str(error))
    return told


@pytest.mark.promise("P3")
async def test_a_store_that_answers_503_is_given_up_after_a_few_tries(
    seaweed: Seaweed, tmp_path: Path
) -> None:
    calls = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal calls
        calls += 1
        await send({"type": "http.response.start", "status": 503, "headers": []})
        await send({"type": "http.response.body", "body": SECRET_ACCESS_KEY.encode()})

    with serving(app) as port:
        told = await every_verb(troubled(tmp_path, seaweed, port))
    assert len(told) == 7
    assert all("HTTP 503" in words for words in told)
    assert not any(SECRET_ACCESS_KEY in words or "http://" in words for words in told)
    assert 7 <= calls <= 7 * 3


@pytest.mark.promise("P3")
async def test_a_store_that_hangs_is_given_up_in_bounded_time(
    seaweed: Seaweed, tmp_path: Path
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    with serving(app) as port:
        told = await every_verb(troubled(tmp_path, seaweed, port))
    assert len(told) == 7
    assert all("did not" in words for words in told), told


async def test_a_reader_who_leaves_in_the_middle_lets_go_of_the_store(
    seaweed: Seaweed, tmp_path: Path
) -> None:
    sent, is_gone = 0, asyncio.Event()
    loop = asyncio.get_running_loop()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        size = str(2**40).encode()
        headers = [
            (b"content-length", size),
            (b"last-modified", b"Mon, 23 Nov 2026 12:00:00 GMT"),
            (b"etag", b'"1"'),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        gone = asyncio.ensure_future(receive())
        while not gone.done() or gone.result()["type"] != "http.disconnect":
            if gone.done():
                gone = asyncio.ensure_future(receive())
            await send({"type": "http.response.body", "body": bytes(2**16), "more_body": True})
            sent += 2**16
            await asyncio.wait([gone], timeout=0.001)
        loop.call_soon_threadsafe(is_gone.set)

    with serving(app) as port:
        blobs = blobs_of(seaweed.settings(tmp_path, "x", port=port), SystemClock())
        stream = cast("ObjectBlobs", blobs).open(FILM)
        async with aclosing(stream):
            assert len(await anext(stream)) <= 2**20
        del stream
        await asyncio.wait_for(is_gone.wait(), 20)
    assert sent < 2**30
