"""Developing a stored film: its stills are stored beside it, and nothing else is left."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from filming import Scene, shoot
from rushes.blobs.local import LocalBlobs
from rushes.clock import SystemClock
from rushes.domain.provenance import Origin
from rushes.domain.spec import Size
from rushes.media.darkroom import FilmDarkroom
from rushes.media.finishing import Finishing
from rushes.media.inspector import FilmInspector
from rushes.media.manifest import original_of
from rushes.media.reader import read_film
from rushes.media.sealer import FilmSealer, Unsealed
from rushes.media.tagger import FilmTagger, Producer, Untagged
from rushes.media.tagging import Label
from rushes.ports import ArtifactKind, Blobs, Darkroom, NotAFilm, Still
from rushes.testing.fakes import MemoryBlobs
from sealed import ORIGIN, is_sealed, sealed, signet_in

FOLDER = "films/video_01/1-ab"
STILLS = {
    ArtifactKind.POSTER: f"{FOLDER}/p.webp",
    ArtifactKind.SPRITESHEET: f"{FOLDER}/s.jpg",
    ArtifactKind.LAST_FRAME: f"{FOLDER}/l.webp",
}


async def chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), 1_000):
        yield content[at : at + 1_000]


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


@pytest.mark.promise("P4")
@pytest.mark.parametrize("number", [0, 1])
async def test_a_film_is_taken_in_with_its_stills(number: int, tmp_path: Path) -> None:
    blobs = stores(tmp_path)[number]
    content = shoot(Scene(frame_count=24))
    darkroom: Darkroom = FilmDarkroom(blobs, FilmInspector(), tmp_path / "scratch")
    developed = await darkroom.take_in(pieces(content), f"{FOLDER}/film.mp4", STILLS, ORIGIN)
    assert (developed.seconds, developed.size) == (1.0, Size(64, 48))
    assert (developed.film, developed.notes) == (None, ())
    assert await read(blobs, f"{FOLDER}/film.mp4") == content
    assert {name async for name, _ in blobs.names("")} == {f"{FOLDER}/film.mp4", *STILLS.values()}
    assert left_in(tmp_path / "scratch") == []


@pytest.mark.promise("P4")
@pytest.mark.parametrize("number", [0, 1])
async def test_what_is_stored_of_a_film_is_sealed_and_measured_so(
    number: int, tmp_path: Path
) -> None:
    blobs = stores(tmp_path)[number]
    content = shoot(Scene(frame_count=24))
    finishing = Finishing(FilmSealer(lambda: signet_in(tmp_path)))
    darkroom = FilmDarkroom(blobs, FilmInspector(), tmp_path / "scratch", finishing=finishing)
    developed = await darkroom.take_in(pieces(content), f"{FOLDER}/film.mp4", STILLS, ORIGIN)
    stored = await read(blobs, f"{FOLDER}/film.mp4")
    assert is_sealed(stored)
    assert original_of(stored) == hashlib.sha256(content).hexdigest()
    assert developed.film == Still(len(stored), hashlib.sha256(stored).hexdigest())
    assert finishing.counts == {"sealed": 1}
    assert left_in(tmp_path / "scratch") == []


async def test_the_tag_is_beneath_the_seal_and_an_upstreams_seal_stays(tmp_path: Path) -> None:
    blobs = MemoryBlobs(SystemClock())
    theirs = FilmSealer(lambda: signet_in(tmp_path))
    content = await sealed(shoot(Scene()), tmp_path / "before", theirs)
    finishing = Finishing(
        FilmSealer(lambda: signet_in(tmp_path)), FilmTagger(Producer("001"), Label("AI生成", 2.0))
    )
    darkroom = FilmDarkroom(blobs, FilmInspector(), tmp_path / "scratch", finishing=finishing)
    developed = await darkroom.take_in(pieces(content), f"{FOLDER}/film.mp4", STILLS, ORIGIN)
    stored = await read(blobs, f"{FOLDER}/film.mp4")
    (tmp_path / "stored.mp4").write_bytes(stored)
    reading = await asyncio.to_thread(read_film, tmp_path / "stored.mp4")
    assert (reading.sealed.state, reading.sealed.parent) == ("Valid", True)
    assert reading.tag is not None
    assert '"ContentProducer":"001"' in reading.tag
    assert developed.notes == ()
    assert finishing.counts == {"tagged": 1, "sealed": 1}


class Cannot:
    """Neither seals nor tags anything."""

    async def seal(self, film: Path, original: Path, folder: Path, origin: Origin) -> Path:
        raise Unsealed("the library does not take it")

    async def tag(self, film: Path, folder: Path, origin: Origin) -> Path:
        raise Untagged("its pictures are HDR")


class Spoils(Cannot):
    """Leaves something that is no film."""

    async def tag(self, film: Path, folder: Path, origin: Origin) -> Path:
        return shortened(film, folder / "tagged.mp4")


def shortened(film: Path, path: Path) -> Path:
    path.write_bytes(film.read_bytes()[:400])
    return path


@pytest.mark.promise("P4")
@pytest.mark.parametrize("hand", [Cannot(), Spoils()], ids=["cannot", "spoils"])
async def test_a_film_that_cannot_be_marked_is_kept_as_it_came(
    hand: Cannot, tmp_path: Path
) -> None:
    blobs = MemoryBlobs(SystemClock())
    content = shoot(Scene(frame_count=24))
    finishing = Finishing(hand, hand)
    darkroom = FilmDarkroom(blobs, FilmInspector(), tmp_path / "scratch", finishing=finishing)
    developed = await darkroom.take_in(pieces(content), f"{FOLDER}/film.mp4", STILLS, ORIGIN)
    assert await read(blobs, f"{FOLDER}/film.mp4") == content
    assert developed.film is None
    tagged, unsealed = developed.notes
    assert tagged.startswith("The film was not labelled")
    assert unsealed == "The film was not sealed: the library does not take it."
    assert finishing.counts["unsealed"] == 1


async def test_what_is_no_film_is_not_taken_in(tmp_path: Path) -> None:
    for blobs in stores(tmp_path):
        finishing = Finishing(Cannot(), Cannot())
        darkroom = FilmDarkroom(blobs, FilmInspector(), tmp_path / "scratch", finishing=finishing)
        page = chunks(b"<html></html>")
        with pytest.raises(NotAFilm, match="It is not an MP4 file"):
            await darkroom.take_in(page, f"{FOLDER}/film.mp4", STILLS, ORIGIN)
        assert [name async for name, _ in blobs.names("")] == []
        assert left_in(tmp_path / "scratch") == []


async def test_a_stream_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(2**20)
        raise RuntimeError("it broke off")

    blobs = stores(tmp_path)[0]
    darkroom = FilmDarkroom(blobs, FilmInspector(), tmp_path / "scratch")
    with pytest.raises(RuntimeError, match="it broke off"):
        await darkroom.take_in(broken(), f"{FOLDER}/film.mp4", STILLS, ORIGIN)
    assert [name async for name, _ in blobs.names("")] == []
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
