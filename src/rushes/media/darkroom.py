"""From a stored film to facts and stored stills; `ports.Darkroom`."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from hashlib import file_digest
from pathlib import Path
from secrets import token_hex

from rushes.ports import ArtifactKind, Blobs, Developed, Inspector, Probe, Still


class FilmDarkroom:
    """Develops films in folders of their own under `scratch`.

    `scratch` should be on the file system of the blobs, so that stills are moved, not copied.
    """

    def __init__(self, blobs: Blobs, inspector: Inspector, scratch: Path) -> None:
        self._blobs = blobs
        self._inspector = inspector
        self._scratch = scratch

    async def develop(self, film: str, stills: Mapping[ArtifactKind, str]) -> Developed:
        """Decode the blob `film` to its end, and store each still named as the blob given.

        Raises:
            NotAFilm: with a sentence that says what is wrong.
            OSError: the blobs could not be read or written, or nothing be looked at, now.
        """
        folder = self._scratch / f"develop-{token_hex(8)}"
        await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True)
        try:
            probe = await self._inspector.inspect(await self._local(film, folder), folder)
            paths = {kind: _path(probe, kind) for kind in stills}
            made = await asyncio.to_thread(
                lambda: {kind: _measured(path) for kind, path in paths.items()}
            )
            await self._blobs.put_files({blob: paths[kind] for kind, blob in stills.items()})
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        return Developed(probe.seconds, probe.size, made)

    async def _local(self, film: str, folder: Path) -> Path:
        """Return a local file with the film; one is made where the blobs are remote."""
        path = self._blobs.local_path(film)
        if path is not None:
            return path
        path = folder / "film.mp4"
        with path.open("xb") as file:
            async for chunk in self._blobs.open(film):
                await asyncio.to_thread(file.write, chunk)
        return path


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
