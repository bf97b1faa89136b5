"""From a stored film to facts and stored stills; `ports.Darkroom`."""

from __future__ import annotations

import asyncio
import shutil
from hashlib import file_digest
from pathlib import Path
from secrets import token_hex

from rushes.ports import Blobs, Developed, Inspector


class FilmDarkroom:
    """Develops films in folders of their own under `scratch`.

    `scratch` should be on the file system of the blobs, so that stills are moved, not copied.
    """

    def __init__(self, blobs: Blobs, inspector: Inspector, scratch: Path) -> None:
        self._blobs = blobs
        self._inspector = inspector
        self._scratch = scratch

    async def develop(self, film: str, *, poster: str, spritesheet: str) -> Developed:
        """Decode the blob `film` to its end, and store its stills under the names given.

        Raises:
            NotAFilm: with a sentence that says what is wrong.
            OSError: the blobs could not be read or written, or nothing be looked at, now.
        """
        folder = self._scratch / f"develop-{token_hex(8)}"
        await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True)
        try:
            probe = await self._inspector.inspect(await self._local(film, folder), folder)
            stills = (probe.poster, probe.spritesheet)
            measures = await asyncio.to_thread(lambda: [_measure(still) for still in stills])
            await self._blobs.put_file(poster, probe.poster)
            await self._blobs.put_file(spritesheet, probe.spritesheet)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        (poster_bytes, poster_sha256), (sheet_bytes, sheet_sha256) = measures
        return Developed(
            seconds=probe.seconds,
            size=probe.size,
            poster_bytes=poster_bytes,
            poster_sha256=poster_sha256,
            spritesheet_bytes=sheet_bytes,
            spritesheet_sha256=sheet_sha256,
        )

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


def _measure(path: Path) -> tuple[int, str]:
    """Return size and SHA-256 of a file."""
    with path.open("rb") as file:
        return path.stat().st_size, file_digest(file, "sha256").hexdigest()
