"""The files of a wish: looked into while it is judged, kept once it is accepted (P1)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import IO, Final

from rushes.clock import Clock
from rushes.domain.catalog import InputRule, Listing, input_rule
from rushes.domain.errors import InvalidValue, UpstreamError
from rushes.domain.judging import Decision
from rushes.domain.spec import Asset, Offered, Role, Size
from rushes.observe import log
from rushes.ports import Artifact, Blobs, Examiner, Fetcher, Filed, Store

CHUNK_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class File:
    """An input on its way: what it is, its bytes if they came along, its size in pixels.

    `seconds` is how long a video says it is.
    """

    asset: Asset
    content: IO[bytes] | None
    size: Size | None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Inputs:
    """Looks into what callers send, and keeps it under its SHA-256."""

    store: Store
    clock: Clock
    blobs: Blobs
    examiner: Examiner
    fetcher: Fetcher

    async def examine(self, decision: Decision, listing: Listing) -> list[File]:
        """Look into every file that came with the request, and at every address."""
        files = []
        for offer in decision.offered:
            role = _role(offer)
            if offer.url is not None:
                self.fetcher.check(offer.url, param=offer.param)
                files.append(File(Asset(role, offer.param, url=offer.url), None, None))
                continue
            rule = input_rule(listing.card, role, decision.size)
            files.append(await self.look_into(offer, role, rule))
        return files

    async def look_into(self, offer: Offered, role: Role, rule: InputRule) -> File:
        """Look into a file that came with the request.

        Raises:
            InvalidMedia: it is not what the rule says.
        """
        content = offer.content
        if content is None:
            raise InvalidValue(f"'{offer.param}' is empty.", param=offer.param)
        facts = await self.examiner.examine(content, rule, param=offer.param)
        digest, size_bytes = await asyncio.to_thread(_measure, content)
        asset = Asset(
            role,
            offer.param,
            blob=digest,
            content_type=facts.content_type,
            size_bytes=size_bytes,
            seconds=facts.seconds,
        )
        return File(asset, content, facts.size, facts.seconds)

    async def keep(self, files: Sequence[File]) -> None:
        """Put the bytes of every input into the blobs, its row first (see the keeper)."""
        for file in files:
            asset, content = file.asset, file.content
            if content is None or asset.blob is None:
                continue
            at = self.clock.now()
            filed = Filed(asset.blob, asset.size_bytes or 0, asset.content_type or "", at)
            await self.store.write(lambda tx, filed=filed: tx.file_input(filed))  # type: ignore[misc]
            await self._put(asset.blob, _chunks(content))

    async def copy_film(self, film: Artifact) -> str:
        """Keep a source film as an input of its own: its task may be deleted meanwhile."""
        at = self.clock.now()
        filed = Filed(film.sha256, film.size_bytes, film.content_type, at)
        await self.store.write(lambda tx: tx.file_input(filed))
        await self._put(film.sha256, self.blobs.open(film.blob))
        return film.sha256

    async def _put(self, digest: str, chunks: AsyncIterator[bytes]) -> None:
        """Keep the bytes of an input.

        Raises:
            UpstreamError: storage did not do its part.
        """
        try:
            await self.blobs.put(f"inputs/{digest}", chunks)
        except OSError as error:
            log.error("an input could not be stored", digest=digest, note=str(error))
            raise UpstreamError(
                "Storage failed. The task was not accepted; try again later."
            ) from error


def _role(offer: Offered) -> Role:
    if offer.role is None:
        raise InvalidValue(f"'{offer.param}' has no role.", param=offer.param)
    return offer.role


def _measure(content: IO[bytes]) -> tuple[str, int]:
    """Return SHA-256 (hex) and size of a file, and rewind it; blocks."""
    content.seek(0)
    hasher, size_bytes = sha256(), 0
    while chunk := content.read(CHUNK_BYTES):
        hasher.update(chunk)
        size_bytes += len(chunk)
    content.seek(0)
    return hasher.hexdigest(), size_bytes


async def _chunks(content: IO[bytes]) -> AsyncIterator[bytes]:
    content.seek(0)
    while chunk := await asyncio.to_thread(content.read, CHUNK_BYTES):
        yield chunk
