"""What an image says of itself, read by our own eyes before any decoder sees it.

Pure functions over bytes: nothing is allocated that the header asks for. A decoder may reserve
a canvas of the declared size as soon as it opens a file; after this it is known what it will be
asked for. Every walk over chunks is bounded.

Sources: PNG (third edition) §5 and §11, with APNG; ITU-T T.81 Annex B; Exif 2.3 §4.6; the WebP
container specification; RFC 6386 §9.1 and RFC 9649 §3.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

ImageFormat: TypeAlias = Literal["jpeg", "png", "webp"]

CHUNKS_MAX: Final = 65_536
"""A 30 MB image in chunks of 8 KiB has 3,700."""

UPRIGHT: Final = 1

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER_BYTES: Final = 13
_ORIENTATION: Final = 0x0112
_SHORT, _LONG = 3, 4
_DIRECTORY_ENTRIES_MAX: Final = 1_000

_START_OF_SCAN, _END_OF_IMAGE, _APP1 = 0xDA, 0xD9, 0xE1
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class Header:
    """What an image declares. `orientation` is Exif's 1-8; size is before turning.

    `scan_count` is how often a decoder walks over the picture; above 1 only in a JPEG.
    """

    format: ImageFormat
    width_px: int
    height_px: int
    orientation: int = UPRIGHT
    is_animated: bool = False
    scan_count: int = 1

    @property
    def is_turned(self) -> bool:
        """Whether a viewer exchanges width and height."""
        return self.orientation in {5, 6, 7, 8}


def read_header(content: bytes) -> Header | None:
    """Return what an image declares; None if it is no JPEG, PNG or WebP, or is broken.

    The format is known by content, never by name.
    """
    try:
        if content.startswith(_PNG):
            return _read_png(content)
        if content.startswith(b"\xff\xd8\xff"):
            return _read_jpeg(content)
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            return _read_webp(content)
    except _Broken:
        return None
    return None


class _Broken(Exception):
    """The bytes contradict their format."""


def _read_png(content: bytes) -> Header:
    width_px = height_px = 0
    orientation = UPRIGHT
    frame_count = 1
    for name, start, length in _png_chunks(content):
        if not width_px:  # the first chunk is the header
            if name != b"IHDR" or length != _PNG_HEADER_BYTES:
                raise _Broken
            width_px, height_px = _big(content, start, 4), _big(content, start + 4, 4)
            if not width_px:
                raise _Broken
        elif name == b"acTL":
            frame_count = _big(content, start, 4)
        elif name == b"eXIf":
            orientation = _orientation(content[start : start + length])
    return _checked(Header("png", width_px, height_px, orientation, frame_count > 1))


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Walk to the end mark: a decoder that has all its pixels does not miss it, but we do."""
    at = len(_PNG)
    for _ in range(CHUNKS_MAX):
        length = _big(content, at, 4)
        name = content[at + 4 : at + 8]
        if at + 12 + length > len(content):
            raise _Broken
        if name == b"IEND":
            return
        yield name, at + 8, length
        at += 12 + length
    raise _Broken


def _read_jpeg(content: bytes) -> Header:
    width_px = height_px = 0
    orientation = UPRIGHT
    for marker, start, length in _jpeg_segments(content):
        if marker == _START_OF_SCAN:
            break
        if marker in _FRAMES and not width_px:
            height_px, width_px = _big(content, start + 1, 2), _big(content, start + 3, 2)
        elif marker == _APP1 and content[start : start + 6] == b"Exif\0\0":
            orientation = _orientation(content[start + 6 : start + length])
    # Within coded data 0xFF is followed by 0 or a restart marker, so this counts scans; a
    # thumbnail in the metadata adds a few.
    scan_count = content.count(b"\xff\xda")
    return _checked(Header("jpeg", width_px, height_px, orientation, scan_count=scan_count))


def _jpeg_segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    at = 2
    for _ in range(CHUNKS_MAX):
        if _big(content, at, 1) != 0xFF:  # noqa: PLR2004 -- what every marker begins with
            raise _Broken
        marker = _big(content, at + 1, 1)
        if marker == 0xFF:  # noqa: PLR2004 -- fill
            at += 1
            continue
        if marker == _END_OF_IMAGE:
            raise _Broken
        if marker in _STANDALONE:
            at += 2
            continue
        length = _big(content, at + 2, 2)
        yield marker, at + 4, length - 2
        at += 2 + length
    raise _Broken


def _read_webp(content: bytes) -> Header:
    width_px = height_px = 0
    orientation = UPRIGHT
    is_animated = False
    for name, start, length in _webp_chunks(content):
        if name == b"VP8X" and not width_px:
            is_animated = bool(_big(content, start, 1) & 0x02)
            width_px = 1 + _little(content, start + 4, 3)
            height_px = 1 + _little(content, start + 7, 3)
        elif name == b"VP8 " and not width_px:
            if content[start + 3 : start + 6] != b"\x9d\x01\x2a":
                raise _Broken
            width_px = _little(content, start + 6, 2) & 0x3FFF
            height_px = _little(content, start + 8, 2) & 0x3FFF
        elif name == b"VP8L" and not width_px:
            if _big(content, start, 1) != 0x2F:  # noqa: PLR2004 -- the signature byte
                raise _Broken
            packed = _little(content, start + 1, 4)
            width_px, height_px = 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
        elif name == b"ANMF":
            is_animated = True
        elif name == b"EXIF":
            exif = content[start : start + length]
            orientation = _orientation(exif.removeprefix(b"Exif\0\0"))
    return _checked(Header("webp", width_px, height_px, orientation, is_animated))


def _webp_chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    at = 12
    for _ in range(CHUNKS_MAX):
        if at + 8 > len(content):
            return
        length = _little(content, at + 4, 4)
        yield content[at : at + 4], at + 8, length
        at += 8 + length + length % 2
    raise _Broken


def _orientation(exif: bytes) -> int:
    """Return the orientation that Exif (a TIFF directory) states; upright if it is unclear.

    Broken Exif does not spoil a picture: every viewer shows it as it lies.
    """
    order: Literal["big", "little"]
    if exif[:4] == b"MM\0\x2a":
        order = "big"
    elif exif[:4] == b"II\x2a\0":
        order = "little"
    else:
        return UPRIGHT
    start = int.from_bytes(exif[4:8], order)
    count = int.from_bytes(exif[start : start + 2], order)
    for number in range(min(count, _DIRECTORY_ENTRIES_MAX)):
        at = start + 2 + 12 * number
        tag, kind = (int.from_bytes(exif[at + k : at + k + 2], order) for k in (0, 2))
        if tag == _ORIENTATION and kind in {_SHORT, _LONG}:
            length = 2 if kind == _SHORT else 4
            value = int.from_bytes(exif[at + 8 : at + 8 + length], order)
            return value if value in range(1, 9) else UPRIGHT
    return UPRIGHT


def _checked(header: Header) -> Header:
    if not header.width_px or not header.height_px:
        raise _Broken
    return header


def _big(content: bytes, at: int, length: int) -> int:
    return int.from_bytes(_cut(content, at, length), "big")


def _little(content: bytes, at: int, length: int) -> int:
    return int.from_bytes(_cut(content, at, length), "little")


def _cut(content: bytes, at: int, length: int) -> bytes:
    piece = content[at : at + length]
    if len(piece) != length:
        raise _Broken
    return piece
