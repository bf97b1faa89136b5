"""Heads that were read before: who polls sends the same bytes each time but for a task and a key.

Parsing a head costs more than all that a look asks of it. So the hot look (`http/fast.py`) keeps
what plain looks said around their task and their key, byte for byte, once a parser had read it
and the answer was given. Where all of that comes again there is nothing to parse: what stands in
the two gaps must be a task and a key that exist, and those are well-formed. Everything else, the
first head of each kind too, is parsed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

PREFIX: Final = b"/v1/video/generations/"
ID_BYTES: Final = len("video_") + 32
HEADS_MAX: Final = 256
"""Of as many kinds of heads; with one more all are learned anew, which costs a parse each."""

LEARNED_ONE_OF: Final = 16
"""How rarely heads are learned where none comes twice."""

HEAD_BYTES_MAX: Final = 2048
"""Longer ones are not kept: 256 of them are half a megabyte."""

_START: Final = b"GET " + PREFIX
_ID_ENDS: Final = len(_START) + ID_BYTES
_LINE_ENDS: Final = b" HTTP/1.1\r\n"
_HEAD_ENDS: Final = b"\r\n\r\n"
_MARKS: Final = (b"\r\nAuthorization: Bearer ", b"\r\nauthorization: Bearer ")
"""As programs write it, and as what speaks HTTP/2 to them writes it."""


class Asked(NamedTuple):
    """What a familiar head asks: a task, with a key, unless its state is known already."""

    task_id: bytes
    secret: bytes
    if_none_match: bytes | None


class Familiar:
    """Heads of plain looks, without their task and their key."""

    def __init__(self) -> None:
        self._heads: dict[bytes, bytes | None] = {}
        self._learned_in_vain = 0

    def __len__(self) -> int:
        """Return how many are known."""
        return len(self._heads)

    def asked(self, packet: bytes) -> Asked | None:
        """Return what a packet asks that is one whole head of a known kind; None otherwise."""
        parts = _parts(packet)
        if parts is None:
            return None
        rest, secret = parts
        try:
            if_none_match = self._heads[rest]
        except KeyError:
            return None
        self._learned_in_vain = 0
        return Asked(packet[len(_START) : _ID_ENDS], secret, if_none_match)

    def learn(self, packet: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Know a head again that a parser found in a packet, and that was a plain look.

        Only where the packet is that head, whole, and nothing else. Where no head comes twice (each
        has a `traceparent` of its own), few are learned: one may always be that of somebody else.
        """
        self._learned_in_vain += 1
        if self._learned_in_vain > HEADS_MAX and self._learned_in_vain % LEARNED_ONE_OF:
            return
        parts = _parts(packet)
        if parts is None or len(packet) > HEAD_BYTES_MAX:
            return
        rest, secret = parts
        if not (rest.startswith(_LINE_ENDS) and rest.endswith(_HEAD_ENDS)):
            return
        line_count = len(headers) + 2  # the request's own, and the empty one
        if packet.count(b"\n") != line_count or packet.count(b"\r\n") != line_count:
            return
        named = dict(headers)
        if named.get(b"authorization") != b"Bearer " + secret:
            return
        if len(self._heads) >= HEADS_MAX:
            self._heads.clear()
        self._heads[rest] = named.get(b"if-none-match")


def _parts(packet: bytes) -> tuple[bytes, bytes] | None:
    """Return what a look says around its task and its key, and that key; None if it is no look.

    The key stands behind the first mark, so that the same rest has been cut in the same places.
    """
    if not packet.startswith(_START):
        return None
    for mark in _MARKS:
        at = packet.find(mark, _ID_ENDS)
        if at >= 0:
            at += len(mark)
            end = packet.find(b"\r", at)
            if end < 0:
                return None
            return packet[_ID_ENDS:at] + packet[end:], packet[at:end]
    return None
