"""Blobs as files: what a crash, a power cut and a sweep find."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rushes.blobs.local import CHUNK_BYTES, FILE_MODE, TEMPORARY, LocalBlobs

NAME = "films/video_01/1-ab/film.mp4"
PATIENCE_S = 20.0

DYING = """
import asyncio, os, sys
from pathlib import Path
from rushes.blobs.local import LocalBlobs

root, stop_at = Path(sys.argv[1]), sys.argv[2]
syncs = None

def reach(point):
    if point == stop_at:
        print(point, flush=True)
        sys.stdin.read()  # until we are killed

def fsync(descriptor):
    global syncs
    if syncs is not None:
        syncs += 1
        reach(f"sync {syncs}")
    os.fsync(descriptor)

async def chunks():
    yield b"a" * 600_000  # more than is kept back for the next way to a thread
    reach("half")
    yield b"b" * 600_000

blobs = LocalBlobs(root, fsync=fsync)
syncs = 0
asyncio.run(blobs.put("films/video_01/1-ab/film.mp4", chunks()))
"""


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def die_at(point: str, root: Path) -> None:
    """Put a blob in a process of its own, and kill it the moment it reaches a point."""
    command = [sys.executable, "-c", DYING, str(root), point]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        watchdog = threading.Timer(PATIENCE_S, process.kill)
        watchdog.start()
        try:
            assert process.stdout is not None
            assert process.stdout.readline().decode().strip() == point
        finally:
            watchdog.cancel()
            process.send_signal(signal.SIGKILL)


def files(root: Path) -> list[str]:
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())


def folders(root: Path) -> set[str]:
    return {str(p.relative_to(root)) for p in root.rglob("*") if p.is_dir()}


async def everything(blobs: LocalBlobs) -> dict[str, bytes]:
    return {
        name: b"".join([chunk async for chunk in blobs.open(name)])
        async for name, _ in blobs.names("")
    }


@pytest.mark.promise("P1")
@pytest.mark.promise("P4")
@pytest.mark.parametrize("point", ["half", "sync 1"])
async def test_a_writer_killed_before_its_bytes_are_safe_leaves_nothing_visible(
    point: str, tmp_path: Path
) -> None:
    die_at(point, tmp_path)
    blobs = LocalBlobs(tmp_path)
    assert await everything(blobs) == {}
    assert await blobs.stat(NAME) is None
    assert [name.partition("/")[0] for name in files(tmp_path)] == [TEMPORARY]
    assert await blobs.put(NAME, chunks(b"second try")) == 10
    assert await everything(blobs) == {NAME: b"second try"}


async def test_a_writer_killed_after_the_rename_leaves_the_whole(tmp_path: Path) -> None:
    die_at("sync 2", tmp_path)
    blobs = LocalBlobs(tmp_path)
    whole = b"a" * 600_000 + b"b" * 600_000
    assert await everything(blobs) == {NAME: whole}
    assert await blobs.put(NAME, chunks(whole)) == len(whole)


async def test_what_dead_writers_left_is_swept_and_living_writers_are_spared(
    tmp_path: Path,
) -> None:
    die_at("half", tmp_path)
    blobs = LocalBlobs(tmp_path)
    is_half_in, go_on = asyncio.Event(), asyncio.Event()

    half = b"h" * CHUNK_BYTES

    async def slowly() -> AsyncIterator[bytes]:
        yield half
        is_half_in.set()
        await go_on.wait()

    (left,) = (tmp_path / TEMPORARY).iterdir()
    an_hour_ago = datetime.now(tz=UTC) - timedelta(hours=1)
    os.utime(left, (an_hour_ago.timestamp() - 60,) * 2)
    writing = asyncio.create_task(blobs.put(NAME, slowly()))
    await asyncio.wait_for(is_half_in.wait(), PATIENCE_S)
    assert await blobs.sweep_temporary(an_hour_ago) == 1
    assert await blobs.sweep_temporary(an_hour_ago) == 0
    go_on.set()
    await asyncio.wait_for(writing, PATIENCE_S)
    assert await everything(blobs) == {NAME: half}
    assert files(tmp_path) == [NAME]


class Disk:
    """Remembers what was synced, and whether the blob had its name by then; may be full."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.synced: list[tuple[str, bool]] = []
        self.is_full = False

    def fsync(self, descriptor: int) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if path.is_dir():
            what = f"folder {os.path.relpath(path, self.root)}"
        else:
            what = f"file {path.read_bytes()[:5].decode()}"
        self.synced.append((what, (self.root / NAME).exists()))
        os.fsync(descriptor)


DURABLE = [
    ("file whole", False),
    ("folder films/video_01/1-ab", True),
    ("folder films/video_01", True),
    ("folder films", True),
    ("folder .", True),
]


@pytest.mark.promise("P1")
@pytest.mark.promise("P4")
async def test_bytes_are_synced_before_their_name_and_every_folder_after(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "blobs")
    disk.root.mkdir()
    blobs = LocalBlobs(disk.root, fsync=disk.fsync)
    disk.synced.clear()
    await blobs.put(NAME, chunks(b"who", b"le"))
    assert disk.synced == DURABLE
    await blobs.delete(NAME)
    disk.synced.clear()
    (tmp_path / "given").write_bytes(b"whole")
    await blobs.put_files({NAME: tmp_path / "given"})
    assert disk.synced == DURABLE[:-1], "a folder right below the root stays, once it is there"


async def test_files_that_come_together_sync_their_folders_once(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "blobs")
    disk.root.mkdir()
    blobs = LocalBlobs(disk.root, fsync=disk.fsync)
    names = [NAME, "films/video_01/1-ab/poster.webp", "films/video_01/1-ab/last_frame.webp"]
    given = {name: tmp_path / f"given{n}" for n, name in enumerate([*names, "stock", "films/a"])}
    for path in given.values():
        path.write_bytes(b"whole")
    disk.synced.clear()
    await blobs.put_files({name: given[name] for name in names})
    assert disk.synced == [DURABLE[0]] * 3 + DURABLE[1:]
    disk.synced.clear()
    await blobs.put("films/video_01/1-ab/spritesheet.webp", chunks(b"whole"))
    assert disk.synced == [("file whole", True), DURABLE[1]], "its folders last already"
    disk.synced.clear()
    await blobs.put_files({name: given[name] for name in ("stock", "films/a")})
    assert [what for what, _ in disk.synced[2:]] == ["folder films", "folder ."]


async def test_a_folder_made_anew_is_not_taken_for_the_one_that_lasted(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "blobs")
    disk.root.mkdir()
    blobs, another = LocalBlobs(disk.root, fsync=disk.fsync), LocalBlobs(disk.root)
    await blobs.put(NAME, chunks(b"whole"))
    await another.delete(NAME)
    disk.synced.clear()
    await blobs.put(NAME, chunks(b"whole"))
    assert disk.synced[1:] == DURABLE[1:-1]


async def test_storing_the_same_again_syncs_what_a_dead_writer_may_not_have(
    tmp_path: Path,
) -> None:
    die_at("sync 2", tmp_path)
    disk = Disk(tmp_path)
    blobs = LocalBlobs(tmp_path, fsync=disk.fsync)
    disk.synced.clear()
    await blobs.put(NAME, chunks(b"a" * 600_000, b"b" * 600_000))
    assert [what for what, _ in disk.synced[1:]] == [what for what, _ in DURABLE[1:]]


async def test_a_file_given_away_is_moved_not_copied(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path / "blobs")
    given = tmp_path / "given"
    given.write_bytes(b"film")
    inode = given.stat().st_ino
    await blobs.put_files({NAME: given})
    stored = blobs.local_path(NAME).stat()
    assert stored.st_ino == inode
    assert stored.st_mode & 0o777 == FILE_MODE
    assert not given.exists()


async def test_a_file_refused_stays_with_its_giver(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path / "blobs")
    await blobs.put(NAME, chunks(b"first"))
    given = tmp_path / "given"
    given.write_bytes(b"other")
    with pytest.raises(FileExistsError):
        await blobs.put_files({NAME: given})
    assert given.read_bytes() == b"other"


@pytest.fixture
def given_elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A file on another file system."""
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is only one file system here")
    given = elsewhere / f"rushes-test-{os.getpid()}"
    given.write_bytes(b"film")
    yield given
    given.unlink(missing_ok=True)


async def test_a_file_from_another_disk_is_copied(given_elsewhere: Path, tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    await blobs.put_files({NAME: given_elsewhere})
    assert await everything(blobs) == {NAME: b"film"}
    assert files(given_elsewhere.parent).count(given_elsewhere.name) == 0
    assert files(tmp_path) == [NAME]


async def test_a_deleted_blob_takes_the_folders_it_leaves_empty(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    await blobs.put(NAME, chunks(b"film"))
    await blobs.put("films/video_02/film.mp4", chunks(b"film"))
    await blobs.delete(NAME)
    assert folders(tmp_path) == {TEMPORARY, "films", "films/video_02"}
    await blobs.delete("films/video_02/film.mp4")
    assert folders(tmp_path) == {TEMPORARY, "films"}, "this one was synced once, for good"


async def test_a_put_survives_deletes_that_clear_its_folder_away(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path, fsync=lambda _: None)

    async def churn(number: int) -> None:
        for turn in range(200):
            name = f"films/video_01/{number}-{turn}"
            await blobs.put(name, chunks(name.encode()))
            assert [chunk async for chunk in blobs.open(name)] == [name.encode()]
            await blobs.delete(name)

    await asyncio.gather(*(churn(number) for number in range(8)))
    assert files(tmp_path) == []


async def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    blobs = LocalBlobs(tmp_path, fsync=disk.fsync)
    disk.is_full = True
    with pytest.raises(OSError, match="No space"):
        await blobs.put(NAME, chunks(b"film"))
    assert files(tmp_path) == []


async def test_others_on_the_machine_cannot_read_blobs(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path / "blobs")
    await blobs.put(NAME, chunks(b"film"))
    assert (tmp_path / "blobs").stat().st_mode & 0o007 == 0
    assert blobs.local_path(NAME).stat().st_mode & 0o007 == 0


async def test_a_listing_outlives_what_vanishes_meanwhile(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    for number in range(3):
        await blobs.put(f"films/{number}/film.mp4", chunks(b"film"))
    (tmp_path / "films/1/film.mp4").unlink()
    assert set(await everything(blobs)) == {"films/0/film.mp4", "films/2/film.mp4"}
