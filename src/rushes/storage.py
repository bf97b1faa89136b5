"""Where films are, and what links to them are signed with: put together from the settings."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from rushes.blobs.local import LocalBlobs
from rushes.clock import Clock
from rushes.folder import Unready
from rushes.ports import Blobs
from rushes.providers.registry import Misconfigured, resolve
from rushes.settings import Settings

SECRET_BYTES: Final = 32
SECRET_BYTES_MIN: Final = 16
READY_S: Final = 5.0
PROBE: Final = "probe"
PROBE_BYTES: Final = b"rushes doctor was here"


# -- blobs -------------------------------------------------------------------------------------


def blobs_of(settings: Settings, clock: Clock) -> Blobs:
    """Return where films are kept; nothing is asked of a bucket yet.

    Raises:
        Unready: there are no credentials where the settings say, or the bucket's name is odd.
    """
    path, storage = settings.blobs_path, settings.storage
    if path is not None:
        return LocalBlobs(path)
    from rushes.buckets import blobs_in_bucket  # noqa: PLC0415 -- 4 MB that files do not need

    return blobs_in_bucket(storage, clock)


async def is_up(blobs: Blobs) -> bool:
    """Say whether storage takes us now; a bucket is asked for a short while."""
    if isinstance(blobs, LocalBlobs):
        return await asyncio.to_thread(os.access, blobs.root, os.W_OK)
    async with asyncio.timeout(READY_S):
        async for _ in blobs.names(f"{PROBE}/"):
            break
    return True


async def try_out(blobs: Blobs) -> None:
    """Write, read and remove a small blob.

    Raises:
        OSError: with words for the first of them that does not work.
        TimeoutError: storage is silent.
    """
    name = f"{PROBE}/{secrets.token_hex(8)}"
    async with asyncio.timeout(4 * READY_S):
        await blobs.put(name, _once(PROBE_BYTES))
        try:
            read = b"".join([piece async for piece in blobs.open(name)])
        finally:
            await blobs.delete(name)
    if read != PROBE_BYTES:
        raise OSError("what was read is not what was written")


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


# -- links -------------------------------------------------------------------------------------


def signing_secrets(settings: Settings) -> tuple[bytes, ...]:
    """Return what links are signed with, first, and whatever else they may be signed with.

    Raises:
        Unready: a secret cannot be had, or is too short to be one.
    """
    found = []
    for reference in settings.links.secrets:
        try:
            secret = resolve(reference).secret.encode()
        except Misconfigured as error:
            raise Unready(f"links.secrets: {error}") from None
        if len(secret) < SECRET_BYTES_MIN:
            raise Unready(
                f"links.secrets: a secret has fewer than {SECRET_BYTES_MIN} bytes; make one with "
                "`openssl rand -hex 32`"
            )
        found.append(secret)
    return tuple(found) or (own_secret(settings.data_dir),)


def own_secret(folder: Path) -> bytes:
    """Return the secret of this folder; made once, readable by nobody else."""
    path = folder / "signing.key"
    if not path.exists():
        made = folder / f".signing-{secrets.token_hex(8)}"
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(SECRET_BYTES))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):  # another process was first: its own counts
                path.hardlink_to(made)
        finally:
            made.unlink()
    return path.read_bytes()


def link_life_s(settings: Settings) -> int:
    """Return how long a link lives: never longer than the credentials that its film needs."""
    ends_s = settings.storage.credentials_expire_s
    wanted_s = settings.times.link_ttl_s
    return wanted_s if ends_s is None else min(wanted_s, ends_s)
