"""Sealing films: a manifest that says where each comes from, signed into the file.

What reads the film's boxes runs in a child like that of the inspector (`children.py`,
`seal_child.py`), without a decoder in it; the key stays here. A child may ask for one signature
and for no other: one that a film has taken over can have no more than its own film sealed.
"""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final

import msgspec

from rushes.domain.provenance import Origin
from rushes.media.children import (
    IS_FORKING,
    Children,
    ForkedChildren,
    FreshChildren,
    isolated,
    last_line,
)
from rushes.media.inspection import InspectionLimits
from rushes.media.manifest import Told, manifest_of
from rushes.media.sealing import LINE_BYTES_MAX, SEALED, Order, Signature, Wish
from rushes.media.seals import is_whole_beneath
from rushes.media.signet import BadSignet, Signet

LIBRARY: Final = "c2pa"
FRESH: Final = isolated("from rushes.media.seal_child import main\nsys.exit(main(sys.argv))")
ZYGOTE: Final = isolated(
    "from rushes.media import seal_child, zygote\nsys.exit(zygote.main(sys.argv, seal_child.main))"
)

TRIES_MAX: Final = 2
"""A child that was lost says nothing of its film: it is tried once more."""

SEAL_BYTES_MAX: Final = 64 * 2**20
"""How much longer a sealed film may be: an upstream's own manifest may hold pictures."""

BYTES_PER_CPU_S: Final = 20_000_000
LIMITS: Final = InspectionLimits(opening_cpu_s=10, cpu_s_max=600, wall_s=900.0)


class Unsealed(Exception):
    """A film could not be sealed; the message says why, and the film is as good as it was."""


def is_library_here() -> bool:
    """Say whether films can be sealed on this machine; nothing is imported."""
    return importlib.util.find_spec(LIBRARY) is not None


class FilmSealer:
    """Seals films in limited child processes, with a signet of this process.

    `signet` is asked for it with the first film, in a thread, and again where it could not say: a
    server without films has no need of what reads keys. At most `at_once_max` are sealed at the
    same time, by default one for each core. A sealer belongs to one event loop.
    """

    def __init__(
        self,
        signet: Callable[[], Signet],
        *,
        told: frozenset[Told] = frozenset(Told),
        children: Children | None = None,
        at_once_max: int | None = None,
    ) -> None:
        self._load = signet
        self._loaded: Signet | None = None
        self._loading = asyncio.Lock()
        self._told = told
        self._children = children or (
            ForkedChildren(ZYGOTE, FreshChildren(FRESH)) if IS_FORKING else FreshChildren(FRESH)
        )
        self._slots = asyncio.Semaphore(at_once_max or os.cpu_count() or 1)

    async def seal(self, film: Path, original: Path, folder: Path, origin: Origin) -> Path:
        """Return a sealed copy of a film, which lies in `folder`; the film is not touched.

        `original` is the film as it came: a seal that it has is kept beneath ours.

        Raises:
            Unsealed: with a sentence.
        """
        sealed = folder / SEALED
        signet = await self._signet(origin.at)
        order = self._order(signet, origin, None if original == film else original.name)
        async with self._slots:
            for number in range(1, TRIES_MAX + 1):
                sealed.unlink(missing_ok=True)
                try:
                    fault = await self._ask_child(film, folder, order, signet)
                except (OSError, ValueError, msgspec.DecodeError) as trouble:
                    if number < TRIES_MAX:
                        continue
                    why = str(trouble) or "it took too long"
                    raise Unsealed(f"the sealing ended without a result: {why}") from trouble
                break
        if fault:
            raise Unsealed(fault)
        if not await asyncio.to_thread(_is_sound, film, sealed):
            raise Unsealed("its boxes did not stay as they were")
        return sealed

    async def _ask_child(self, film: Path, folder: Path, order: Order, signet: Signet) -> str:
        """Have a child seal a film; return what was in the way, empty for nothing.

        Raises:
            OSError, ValueError, DecodeError: it broke, hung, or talked nonsense.
            Unsealed: it wanted what no film needs.
        """
        with film.open("rb") as content, TemporaryFile(dir=folder) as complained:
            limits = _limits(os.fstat(content.fileno()).st_size)
            async with asyncio.timeout(limits.wall_s), _line() as (theirs, hear, tell):
                child = asyncio.ensure_future(
                    self._children.run(
                        limits,
                        film=content,
                        said=theirs,
                        complained=complained,
                        folder=folder,
                    )
                )
                child.add_done_callback(lambda _: theirs.close())
                try:
                    tell.write(_line_of(order))
                    fault = await _answer(hear, tell, signet)
                    code = await child
                finally:
                    child.cancel()
                    await asyncio.wait([child])
            if code:
                raise OSError(f"it ended with {code}: {last_line(complained)}")
            return fault

    async def _signet(self, at: datetime) -> Signet:
        """Return what to seal with.

        Raises:
            Unsealed: it cannot be used, or not any more.
        """
        async with self._loading:
            if self._loaded is None:
                try:
                    self._loaded = await asyncio.to_thread(self._load)
                except (BadSignet, OSError) as fault:
                    raise Unsealed(str(fault)) from fault
        if self._loaded.expires_at <= at:
            raise Unsealed(f"the certificate expired at {self._loaded.expires_at.isoformat()}")
        return self._loaded

    def _order(self, signet: Signet, origin: Origin, original: str | None) -> Order:
        return Order(
            fresh=manifest_of(origin, self._told),
            above=manifest_of(origin, self._told, has_parent=True),
            certificates=signet.certificates,
            algorithm=signet.algorithm,
            original=original,
        )


async def _answer(hear: asyncio.StreamReader, tell: asyncio.StreamWriter, signet: Signet) -> str:
    """Sign once; return what was in the way in the end.

    Raises:
        Unsealed: it wanted another signature.
    """
    has_signed = False
    while True:
        line = await hear.readline()
        if not line:
            raise OSError("it ended in the middle")
        wish = msgspec.json.decode(line, type=Wish)
        if wish.is_done:
            return wish.fault
        if has_signed:
            raise Unsealed("it asked for more than one signature")
        has_signed = True
        message = base64.b64decode(wish.message)
        signature = await asyncio.to_thread(signet.sign, message)
        tell.write(_line_of(Signature(base64.b64encode(signature).decode())))


@asynccontextmanager
async def _line() -> AsyncIterator[tuple[IO[bytes], asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a line to a child: its end, and how to hear and tell at ours."""
    ours, theirs = socket.socketpair()
    try:
        hear, tell = await asyncio.open_unix_connection(sock=ours, limit=LINE_BYTES_MAX)
    except BaseException:
        ours.close()
        theirs.close()
        raise
    end = os.fdopen(theirs.detach(), "rb", buffering=0)
    try:
        yield end, hear, tell
    finally:
        end.close()
        tell.close()


def _line_of(told: Order | Signature) -> bytes:
    return msgspec.json.encode(asdict(told)) + b"\n"


def _limits(film_bytes: int) -> InspectionLimits:
    """Return what sealing a film of this length may use."""
    return replace(
        LIMITS,
        opening_cpu_s=LIMITS.opening_cpu_s + film_bytes // BYTES_PER_CPU_S,
        still_bytes_max=film_bytes + SEAL_BYTES_MAX,
    )


def _is_sound(film: Path, sealed: Path) -> bool:
    try:
        with film.open("rb") as before, sealed.open("rb") as after:
            return is_whole_beneath(before, after)
    except OSError:
        return False
