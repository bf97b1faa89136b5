"""Where providers read the caller's files: local paths of checked bytes; `base.Assets`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from secrets import token_hex

from rushes.ports import Blobs


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
        if not await asyncio.to_thread(path.exists):
            await self._copy(name, path)
        return path

    async def _copy(self, name: str, path: Path) -> None:
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        part = path.with_suffix(f".{token_hex(8)}")
        with part.open("xb") as file:
            async for chunk in self._blobs.open(name):
                await asyncio.to_thread(file.write, chunk)
        await asyncio.to_thread(part.rename, path)
