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
from rushes.ports import Blobs, Darkroom, NotAFilm
from rushes.testing.fakes import MemoryBlobs

FOLDER = "films/video_01/1-ab"


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
    await blobs.put(f"{FOLDER}/film.mp4", chunks(shoot(Scene(frame_count=12))))
    darkroom: Darkroom = FilmDarkroom(blobs, FilmInspector(), tmp_path / "scratch")
    developed = await darkroom.develop(
        f"{FOLDER}/film.mp4", poster=f"{FOLDER}/p.webp", spritesheet=f"{FOLDER}/s.jpg"
    )
    assert (developed.seconds, developed.size) == (0.5, Size(64, 48))
    poster, sheet = await read(blobs, f"{FOLDER}/p.webp"), await read(blobs, f"{FOLDER}/s.jpg")
    assert (poster[8:12], sheet[:3]) == (b"WEBP", b"\xff\xd8\xff")
    assert (developed.poster_bytes, developed.spritesheet_bytes) == (len(poster), len(sheet))
    assert developed.poster_sha256 == hashlib.sha256(poster).hexdigest()
    assert developed.spritesheet_sha256 == hashlib.sha256(sheet).hexdigest()
    assert left_in(tmp_path / "scratch") == []


async def test_what_is_no_film_is_not_developed(tmp_path: Path) -> None:
    for blobs in stores(tmp_path):
        await blobs.put(f"{FOLDER}/film.mp4", chunks(b"<html></html>"))
        darkroom = FilmDarkroom(blobs, FilmInspector(), tmp_path / "scratch")
        with pytest.raises(NotAFilm, match="It is not an MP4 file"):
            await darkroom.develop(f"{FOLDER}/film.mp4", poster="p", spritesheet="s")
        with pytest.raises(FileNotFoundError):
            await darkroom.develop(f"{FOLDER}/none.mp4", poster="p", spritesheet="s")
        assert [name async for name, _ in blobs.names("")] == [f"{FOLDER}/film.mp4"]
        assert left_in(tmp_path / "scratch") == []


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]
