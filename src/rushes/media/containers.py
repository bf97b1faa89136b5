"""What a video file says of itself: its kind, size and length; pure reading of boxes, no decoder.

They are a caller's clip's, whose ratio a film may take over, or whose whole shape. What cannot be
read is None, never an error: whether the file is any good is not judged here. Every walk is
bounded.

Sources: ISO/IEC 14496-12 §4.2, §4.3, §8.2.2, §8.3.2, §8.4.3; RFC 8794 §4-6 and RFC 9559 §5.1.2,
§5.1.4.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import IO, Final

from rushes.domain.spec import Size

HEAD_BYTES: Final = 16 * 2**10
"""As much of a file as tells what it is."""

BOXES_MAX: Final = 4_096
INDEX_BYTES_MAX: Final = 32 * 2**20
"""The index of an hour of film has a few MiB."""

_MP4_BRANDS: Final = frozenset(
    {b"isom", b"mp41", b"mp42", b"avc1", b"M4V ", b"M4VH", b"M4VP", b"dash", b"MSNV", b"f4v "}
    | {b"iso%d" % number for number in range(2, 10)}
    | {b"iso%c" % letter for letter in b"abc"}
)
_MOV_BRAND: Final = b"qt  "

_SEGMENT, _TRACKS, _CLUSTER = 0x18538067, 0x1654AE6B, 0x1F43B675
_TRACK, _VIDEO, _WIDTH, _HEIGHT = 0xAE, 0xE0, 0xB0, 0xBA
_INFO, _SCALE, _DURATION = 0x1549A966, 0x2AD7B1, 0x4489
_SCALE_NS: Final = 1_000_000
_FLOATS: Final = {4: ">f", 8: ">d"}
_EBML_HEADER_BYTES_MAX: Final = 12
_BOX_HEADER_BYTES: Final = 8
_LARGE_BOX_HEADER_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Shape:
    """How large the pictures of a file are and how long it is, where it tells."""

    size: Size | None = None
    seconds: float | None = None


def is_mp4(head: bytes) -> bool:
    """Say whether a file that begins like this may be served as MP4.

    QuickTime files alone may not; most name an MP4 brand as well.
    """
    return bool(_brands(head) & _MP4_BRANDS)


def is_mov(head: bytes) -> bool:
    """Say whether a file that begins like this is a QuickTime file."""
    return _MOV_BRAND in _brands(head)


def _brands(head: bytes) -> frozenset[bytes]:
    """Return the brands of an ISO media file, from its `ftyp` box; none if it is no such file."""
    size_bytes = int.from_bytes(head[:4], "big")
    if head[4:8] != b"ftyp" or size_bytes > len(head):
        return frozenset()
    major, compatible = head[8:12], head[16:size_bytes]  # a version lies between
    return frozenset((major, *(compatible[at : at + 4] for at in range(0, len(compatible), 4))))


def mp4_shape(content: IO[bytes]) -> Shape:
    """Return the size at which an MP4 or MOV file wants its pictures shown, and its length."""
    movie = movie_box(content)
    header = next((box for name, box in inner_boxes(movie) if name == b"mvhd"), b"")
    return Shape(_mp4_size(movie), _mp4_seconds(header))


def _mp4_seconds(movie_header: bytes) -> float | None:
    """Read `mvhd`: version, two instants, ticks a second, length in ticks."""
    is_wide = movie_header[:1] == b"\x01"
    at, width = (20, 8) if is_wide else (12, 4)
    if len(movie_header) < at + 4 + width:
        return None
    per_s = int.from_bytes(movie_header[at : at + 4], "big")
    length = int.from_bytes(movie_header[at + 4 : at + 4 + width], "big")
    is_unknown = length == (1 << 8 * width) - 1
    return length / per_s if per_s and length and not is_unknown else None


def _mp4_size(movie: bytes) -> Size | None:
    for name, track in inner_boxes(movie):
        if name != b"trak":
            continue
        parts = dict(inner_boxes(track))
        handler = dict(inner_boxes(parts.get(b"mdia", b""))).get(b"hdlr", b"")
        if handler[8:12] == b"vide":
            return _shown_size(parts.get(b"tkhd", b""))
    return None


def webm_shape(content: IO[bytes]) -> Shape:
    """Return the size of the pictures of a WebM file, and its length."""
    content.seek(0)
    head = content.read(INDEX_BYTES_MAX)
    segment = next((element for name, element in _elements(head) if name == _SEGMENT), b"")
    parts: dict[int, bytes] = {}
    for name, element in _elements(segment):
        if name == _CLUSTER:
            break
        parts.setdefault(name, element)
    return Shape(_track_size(parts.get(_TRACKS, b"")), _webm_seconds(parts.get(_INFO, b"")))


def _webm_seconds(info: bytes) -> float | None:
    """Read the length of a segment: a float, in ticks of so many nanoseconds."""
    parts = dict(_elements(info))
    length, scale = parts.get(_DURATION, b""), parts.get(_SCALE)
    if len(length) not in _FLOATS:
        return None
    ticks: float = struct.unpack(_FLOATS[len(length)], length)[0]
    seconds = ticks * (_SCALE_NS if scale is None else int.from_bytes(scale[:8], "big")) / 10**9
    return seconds if isfinite(seconds) and seconds > 0 else None


@dataclass(frozen=True, slots=True)
class Box:
    """A box of a file: its name, where it begins, its header's length and its whole one."""

    name: bytes
    at: int
    header_bytes: int
    size_bytes: int


def top_boxes(content: IO[bytes]) -> Iterator[Box]:
    """Walk over the outermost boxes of a file; one that says 0 goes to the end."""
    at, end = 0, content.seek(0, os.SEEK_END)
    for _ in range(BOXES_MAX):
        if at >= end:
            return
        content.seek(at)
        header = content.read(_LARGE_BOX_HEADER_BYTES)
        length, header_bytes = _box_length(header)
        if length == 0 and len(header) >= _BOX_HEADER_BYTES:
            length = end - at
        if length < header_bytes:
            return
        yield Box(header[4:8], at, header_bytes, length)
        at += length


def movie_box(content: IO[bytes]) -> bytes:
    """Return what is in the `moov` box, which may stand behind all the pictures; b"" for none."""
    for box in top_boxes(content):
        if box.name == b"moov":
            content.seek(box.at + box.header_bytes)
            return content.read(min(box.size_bytes - box.header_bytes, INDEX_BYTES_MAX))
    return b""


def inner_boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Walk over the boxes within a box: their names and contents."""
    at = 0
    for _ in range(BOXES_MAX):
        length, header_bytes = _box_length(content[at : at + _LARGE_BOX_HEADER_BYTES])
        if length < header_bytes or at + length > len(content):
            return
        yield content[at + 4 : at + 8], content[at + header_bytes : at + length]
        at += length


def _box_length(header: bytes) -> tuple[int, int]:
    """Return the length of a box and of its header; 0 and 1 of nothing we can walk over."""
    length = int.from_bytes(header[:4], "big")
    if length == 1 and len(header) == _LARGE_BOX_HEADER_BYTES:
        return int.from_bytes(header[8:16], "big"), _LARGE_BOX_HEADER_BYTES
    return length, _BOX_HEADER_BYTES


def _shown_size(track_header: bytes) -> Size | None:
    """Read the last fields of `tkhd`: a 3x3 matrix, then width and height as 16.16 numbers."""
    if len(track_header) < 84:  # noqa: PLR2004 -- the box of version 0
        return None
    a, b = (track_header[at : at + 4] for at in (-44, -40))
    width_px, height_px = (
        int.from_bytes(edge, "big") >> 16 for edge in (track_header[-8:-4], track_header[-4:])
    )
    if not width_px or not height_px:
        return None
    is_turned = not any(a) and any(b)
    return Size(height_px, width_px) if is_turned else Size(width_px, height_px)


def _track_size(tracks: bytes) -> Size | None:
    for name, track in _elements(tracks):
        if name != _TRACK:
            continue
        video = dict(_elements(track)).get(_VIDEO)
        if video is not None:
            edges = dict(_elements(video))
            width_px, height_px = (
                int.from_bytes(edges.get(edge, b"")[:8], "big") for edge in (_WIDTH, _HEIGHT)
            )
            return Size(width_px, height_px) if width_px and height_px else None
    return None


def _elements(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Walk over EBML elements; one that ends beyond `content`, or nowhere, ends with it."""
    at = 0
    for _ in range(BOXES_MAX):
        name, name_bytes = _variable(content[at : at + _EBML_HEADER_BYTES_MAX], keep_mark=True)
        at += name_bytes
        length, length_bytes = _variable(content[at : at + _EBML_HEADER_BYTES_MAX], keep_mark=False)
        at += length_bytes
        if not name_bytes or not length_bytes:
            return
        yield name, content[at : at + length]
        at += length


def _variable(content: bytes, *, keep_mark: bool) -> tuple[int, int]:
    """Read a number whose leading zero bits say how many bytes it has; (0, 0) for none."""
    length = 9 - content[0].bit_length() if content else 0
    if not 1 <= length <= 8 or len(content) < length:  # noqa: PLR2004
        return 0, 0
    number = int.from_bytes(content[:length], "big")
    return (number if keep_mark else number & ((1 << 7 * length) - 1)), length
