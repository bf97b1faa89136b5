"""The child of `sealer.py`: puts a manifest into one film under limits, in a process of its own.

    python -I … LIMITS PARENT_PID < film, with a socket as standard output

It has no key: what is to be signed goes out over the socket, and the signature comes back. The
library writes the sealed film to the working folder, and whatever it holds back meanwhile too;
it is told to ask no network, whatever the film says.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict
from io import BufferedReader
from pathlib import Path
from typing import IO, Final

from c2pa import Builder, C2paError, C2paSigningAlg, Context, Signer

from rushes.media.confinement import confine
from rushes.media.inspection import EXIT_VERDICT, InspectionLimits
from rushes.media.manifest import FORMAT, PARENT
from rushes.media.sealing import LINE_BYTES_MAX, SEALED, Order, Signature, Wish
from rushes.media.seals import has_seal

OFFLINE: Final[Mapping[str, Mapping[str, object]]] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "core": {"backing_store_memory_threshold_in_mb": 1, "allowed_network_hosts": []},
    "builder": {"thumbnail": {"enabled": False}},
}
"""No network, no copy of the film in memory, no picture of it in the manifest."""

LEAVES_FROM_BYTES: Final = 16 * 2**20
LEAVES: Final = {"merkle_tree_chunk_size_in_kb": 4_096, "merkle_tree_max_proofs": 0}
"""A longer film is hashed by parts: hashed as one it would lie in memory whole, up to 512 MB."""

_FILM, _LINE = 0, 1


class Unanswered(Exception):
    """Our parent said nothing, or nothing that is a signature."""


def main(arguments: list[str]) -> int:
    """Seal standard input, and say how it went."""
    limits = InspectionLimits(**json.loads(arguments[1]))
    confine(limits, parent=int(arguments[2]))
    os.environ["TMPDIR"] = "."  # the only folder we may fill
    with socket.socket(fileno=os.dup(_LINE)) as line, line.makefile("rb") as heard:
        order = Order(**json.loads(heard.readline(LINE_BYTES_MAX)))
        try:
            _seal(order, Parent(line, heard))
        except (C2paError, ValueError) as fault:
            Parent(line, heard).tell(Wish(is_done=True, fault=_words(fault)))
        except MemoryError:
            told = "it needs more memory to be sealed than a film may"
            Parent(line, heard).tell(Wish(is_done=True, fault=told))
        else:
            Parent(line, heard).tell(Wish(is_done=True))
    return EXIT_VERDICT


class Parent:
    """Whoever has the key."""

    def __init__(self, line: socket.socket, heard: BufferedReader) -> None:
        self._line = line
        self._heard = heard

    def tell(self, wish: Wish) -> None:
        """Send a line."""
        self._line.sendall(json.dumps(asdict(wish)).encode() + b"\n")

    def sign(self, message: bytes) -> bytes:
        """Have a message signed."""
        self.tell(Wish(message=base64.b64encode(message).decode()))
        answer = self._heard.readline(LINE_BYTES_MAX)
        if not answer:
            raise Unanswered
        return base64.b64decode(Signature(**json.loads(answer)).signature)


def _seal(order: Order, parent: Parent) -> None:
    """Leave the sealed film in the working folder.

    Raises:
        C2paError: the library does not take it.
    """
    with (
        os.fdopen(os.dup(_FILM), "rb") as film,
        _as_it_came(order) as original,
        Path(SEALED).open("x+b") as sealed,
        Context.from_dict(_settings(os.fstat(film.fileno()).st_size)) as context,
    ):
        is_sealed = has_seal(original)
        manifest = order.above if is_sealed else order.fresh
        with _signer(order, parent) as signer, Builder(manifest, context) as builder:
            if is_sealed:
                _add_parent(builder, original)
            film.seek(0)
            builder.sign(signer, FORMAT, film, sealed)


def _settings(film_bytes: int) -> dict[str, object]:
    """Return the library's settings for a film of this length."""
    if film_bytes < LEAVES_FROM_BYTES:
        return dict(OFFLINE)
    return {**OFFLINE, "core": {**OFFLINE["core"], **LEAVES}}


def _as_it_came(order: Order) -> IO[bytes]:
    if order.original is None:
        return os.fdopen(os.dup(_FILM), "rb")
    return Path(order.original).open("rb")


def _add_parent(builder: Builder, film: IO[bytes]) -> None:
    """Keep what an upstream sealed the film with, and whether it held."""
    film.seek(0)
    told = {"title": "as it came", "relationship": "parentOf", "label": PARENT}
    builder.add_ingredient(told, FORMAT, film)


def _signer(order: Order, parent: Parent) -> Signer:
    algorithm = C2paSigningAlg[order.algorithm.upper()]
    return Signer.from_callback(parent.sign, algorithm, order.certificates)


def _words(fault: Exception) -> str:
    """Return what the library says, on one line and not for ever."""
    return " ".join(str(fault).split())[:300] or type(fault).__name__


if __name__ == "__main__":
    sys.exit(main(sys.argv))
