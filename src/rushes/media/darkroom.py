"""From a film that streams in, or lies there, to facts and stored files; `ports.Darkroom`."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import file_digest
from io import BufferedWriter
from pathlib import Path
from secrets import token_hex
from typing import Final

from rushes.domain.provenance import Origin
from rushes.media.finishing import Finished, Finishing
from rushes.ports import ArtifactKind, Blobs, Developed, Inspector, NotAFilm, Probe, Still
from rushes.traces import stage

FILM: Final = "film.mp4"
WRITTEN_BYTES: Final = 512 * 2**10
"""How much is written at once: each way to a thread costs."""


class FilmDarkroom:
    """Develops films in folders of their own under `scratch`.

    `scratch` should be on the file system of the blobs, so that files are moved, not copied. A
    film that streams in is stored when all is done to it that is done: only then is it whole.
    """

    def __init__(
        self,
        blobs: Blobs,
        inspector: Inspector,
        scratch: Path,
        *,
        finishing: Finishing | None = None,
    ) -> None:
        self._blobs = blobs
        self._inspector = inspector
        self._scratch = scratch
        self._finishing = finishing or Finishing()

    async def take_in(
        self,
        chunks: AsyncIterator[bytes],
        film: str,
        stills: Mapping[ArtifactKind, str],
        origin: Origin,
    ) -> Developed:
        """Decode a film that streams in to its end, and store it and its stills by their names.

        Raises:
            NotAFilm: with a sentence that says what is wrong.
            OSError: nothing could be written, stored or looked at now.
            Exception: whatever the stream raises.
        """
        async with self._folder() as folder:
            path = folder / FILM
            with stage("fetch"):
                await _write(path, chunks)
            tagged = await self._finishing.tag(path, folder, origin)
            with stage("inspect") as span:  # decodes to the end, and makes the stills
                probe, shown = await self._inspect(path, tagged, folder)
                span.note(seconds=probe.seconds)
            if self._finishing.sealer is not None:
                came = await asyncio.to_thread(_measured, path)
                origin = replace(origin, original_sha256=came.sha256)
            sealed = await self._finishing.seal(shown, path, folder, origin)
            is_changed = sealed.path != path
            kept = await asyncio.to_thread(_measured, sealed.path) if is_changed else None
            with stage("store"):
                made = await self._store(probe, stills, {film: sealed.path})
        return Developed(probe.seconds, probe.size, made, kept, sealed.notes)

    async def develop(self, film: str, stills: Mapping[ArtifactKind, str]) -> Developed:
        """Decode the blob `film` to its end, and store each still named as the blob given.

        Raises:
            NotAFilm: with a sentence that says what is wrong.
            OSError: the blobs could not be read or written, or nothing be looked at, now.
        """
        async with self._folder() as folder:
            probe = await self._inspector.inspect(await self._local(film, folder), folder)
            made = await self._store(probe, stills, {})
        return Developed(probe.seconds, probe.size, made)

    async def _inspect(self, film: Path, tagged: Finished, folder: Path) -> tuple[Probe, Finished]:
        """Decode what is to be shown; return what that is: the film as it came, if need be."""
        try:
            return await self._inspector.inspect(tagged.path, folder), tagged
        except NotAFilm:
            if tagged.path == film:
                raise
            probe = await self._inspector.inspect(film, folder)
            note = "The film was not labelled: what came of it cannot be played."
            return probe, Finished(film, (*tagged.notes, note))

    async def _store(
        self, probe: Probe, stills: Mapping[ArtifactKind, str], others: Mapping[str, Path]
    ) -> dict[ArtifactKind, Still]:
        """Store stills, and other files by their blobs' names, together."""
        paths = {kind: _path(probe, kind) for kind in stills}
        made = await asyncio.to_thread(
            lambda: {kind: _measured(path) for kind, path in paths.items()}
        )
        await self._blobs.put_files(
            {**others, **{blob: paths[kind] for kind, blob in stills.items()}}
        )
        return made

    @asynccontextmanager
    async def _folder(self) -> AsyncIterator[Path]:
        """Make a folder for one film, and remove it with what is left there."""
        folder = self._scratch / f"develop-{token_hex(8)}"
        await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True)
        try:
            yield folder
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _local(self, film: str, folder: Path) -> Path:
        """Return a local file with the film; one is made where the blobs are remote."""
        path = self._blobs.local_path(film)
        if path is not None:
            return path
        path = folder / FILM
        await _write(path, self._blobs.open(film))
        return path


async def _write(path: Path, chunks: AsyncIterator[bytes]) -> None:
    """Write a stream to a new file; a thread that still writes is waited for."""
    waiting: list[bytes] = []
    waiting_bytes = 0
    file = path.open("xb")
    writing: asyncio.Future[None] | None = None
    try:
        async for chunk in chunks:
            waiting.append(chunk)
            waiting_bytes += len(chunk)
            if waiting_bytes >= WRITTEN_BYTES:
                writing = asyncio.ensure_future(asyncio.to_thread(file.writelines, waiting))
                await asyncio.shield(writing)
                waiting, waiting_bytes = [], 0
        writing = asyncio.ensure_future(asyncio.to_thread(_finish, file, waiting))
        await asyncio.shield(writing)
    finally:
        if writing is not None and not writing.done():
            await asyncio.wait([writing])
        file.close()


def _finish(file: BufferedWriter, rest: list[bytes]) -> None:
    file.writelines(rest)
    file.close()


def _path(probe: Probe, kind: ArtifactKind) -> Path:
    """Return where the inspector left a still."""
    paths = {
        ArtifactKind.POSTER: probe.poster,
        ArtifactKind.SPRITESHEET: probe.spritesheet,
        ArtifactKind.LAST_FRAME: probe.last_frame,
    }
    return paths[kind]


def _measured(path: Path) -> Still:
    with path.open("rb") as file:
        return Still(path.stat().st_size, file_digest(file, "sha256").hexdigest())
