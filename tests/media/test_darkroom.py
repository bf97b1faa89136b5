"""Developing a stored film: its stills are stored beside it, and nothing else is left."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from filming import Scene, shoot
from rushes.blobs.local import LocalBlobs
from rushes.clock import SystemClock
from rushes.domain.spec import Size
from rushes.media.darkroom import FilmDarkroom
from rushes.media.inspector import FilmInspector
from rushes.ports import ArtifactKind, Blobs, Darkroom, NotAFilm, Still
from rushes.testing.fakes import MemoryBlobs

FOLDER = "films/video_01/1-ab"
STILLS = {
    ArtifactKind.POSTER: f"{FOLDER}/p.webp",
    ArtifactKind.SPRITESHEET: f"{FOLDER}/s.jpg",
    ArtifactKind.LAST_FRAME: f"{FOLDER}/l.webp",
}


async def chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def read(blobs: Blobs, name: str) -> bytes:
    return b"".join([chunk async for chunk in blobs.open(name)])


def stores(folder: Path) -> list[Blobs]:
    return [LocalBlobs(folder / "blobs"), MemoryBlobs(SystemClock())]


@pytest.mark.promise("P4")
@pytest.mark.parametrize("number", [0, 1])
async def test_a_film_is_developed_wherever_it_lies(number: int, tmp_path: Path) -> None:
    blobs = stores(tmp_path)[number]
    await blobs.put(f"{FOLDER}/film.mp4", chunks(shoot(Scene(frame_count=24))))
    darkroom: Darkroom = FilmDarkroom(blobs, FilmInspector(), tmp_path / "scratch")
    developed = await darkroom.develop(f"{FOLDER}/film.mp4", STILLS)
    assert (developed.seconds, developed.size) == (1.0, Size(64, 48))
    stored = {kind: await read(blobs, name) for kind, name in STILLS.items()}
    assert stored[ArtifactKind.POSTER][8:12] == stored[ArtifactKind.LAST_FRAME][8:12] == b"WEBP"
    assert stored[ArtifactKind.SPRITESHEET][:3] == b"\xff\xd8\xff"
    assert len(set(stored.values())) == 3
    assert developed.stills == {
        kind: Still(len(content), hashlib.sha256(content).hexdigest())
        for kind, content in stored.items()
    }
    assert left_in(tmp_path / "scratch") == []


async def test_only_the_stills_that_are_named_are_stored(tmp_path: Path) -> None:
    for blobs in stores(tmp_path):
        await blobs.put(f"{FOLDER}/film.mp4", chunks(shoot(Scene(frame_count=24))))
        darkroom = FilmDarkroom(blobs, FilmInspector(), tmp_path / "scratch")
        last_frame = {ArtifactKind.LAST_FRAME: f"{FOLDER}/l.webp"}
        developed = await darkroom.develop(f"{FOLDER}/film.mp4", last_frame)
        assert set(developed.stills) == {ArtifactKind.LAST_FRAME}
        names = {name async for name, _ in blobs.names("")}
        assert names == {f"{FOLDER}/film.mp4", f"{FOLDER}/l.webp"}


async def test_what_is_no_film_is_not_developed(tmp_path: Path) -> None:
    for blobs in stores(tmp_path):
        await blobs.put(f"{FOLDER}/film.mp4", chunks(b"<html></html>"))
        darkroom = FilmDarkroom(blobs, FilmInspector(), tmp_path / "scratch")
        with pytest.raises(NotAFilm, match="It is not an MP4 file"):
            await darkroom.develop(f"{FOLDER}/film.mp4", STILLS)
        with pytest.raises(FileNotFoundError):
            await darkroom.develop(f"{FOLDER}/none.mp4", STILLS)
        assert [name async for name, _ in blobs.names("")] == [f"{FOLDER}/film.mp4"]
        assert left_in(tmp_path / "scratch") == []


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]
