"""Where providers read the caller's files: local paths of checked bytes; `base.Assets`."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Final

from rushes.ports import Blobs

COPY_LIFE_S: Final = 3600.0
"""How long a copy is good for after it was last asked for; a provider reads it at once."""


class BlobAssets:
    """Input blobs as local files; where the store is remote, copies under `scratch`."""

    def __init__(self, blobs: Blobs, scratch: Path) -> None:
        self._blobs = blobs
        self._folder = scratch / "inputs"

    async def path_of(self, blob: str) -> Path:
        """Return a local file with the bytes of an input blob.

        Raises:
            OSError: it could not be had now.
        """
        name = f"inputs/{blob}"
        path = self._blobs.local_path(name)
        if path is not None:
            return path
        path = self._folder / blob
        if not await asyncio.to_thread(_is_there, path):
            await self._copy(name, path)
        return path

    async def _copy(self, name: str, path: Path) -> None:
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        part = path.with_suffix(f".{token_hex(8)}")
        try:
            with part.open("xb") as file:
                async for chunk in self._blobs.open(name):
                    await asyncio.to_thread(file.write, chunk)
            await asyncio.to_thread(_drop_old, self._folder, part)
            await asyncio.to_thread(part.rename, path)
        finally:
            await asyncio.to_thread(part.unlink, missing_ok=True)


def _drop_old(folder: Path, newest: Path) -> None:
    """Remove copies that nobody asked for in a while, so that they do not fill the disk."""
    before = newest.stat().st_mtime - COPY_LIFE_S
    for copy in folder.iterdir():
        with suppress(FileNotFoundError):  # another worker was first
            if copy.stat().st_mtime < before:
                copy.unlink()


def _is_there(path: Path) -> bool:
    """Say whether there is a copy; one that is wanted again is young again."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True
