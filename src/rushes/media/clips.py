"""A caller's sound and video files: known by their first bytes, not decoded.

That is enough before the 200: what is no such file at all is refused while the caller waits.
Whether a provider likes the coding is for the provider to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Final

from rushes.domain.catalog import AUDIO_BYTES_MAX, VIDEO_BYTES_MAX
from rushes.domain.errors import InvalidMedia
from rushes.domain.spec import Size
from rushes.media.containers import HEAD_BYTES, Shape, is_mov, is_mp4, mp4_shape, webm_shape

_EBML: Final = b"\x1a\x45\xdf\xa3"
_WEBM: Final = b"\x42\x82\x84webm"
"""The DocType element of EBML: its id, its length in one byte, its text."""

_ID3_BYTES: Final = 10
_KBIT_MPEG1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBIT_MPEG2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_HERTZ: Final = (44_100, 48_000, 32_000)


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What a sound or video file is, by content; `size` and `seconds` are what a video declares."""

    format: str
    content_type: str
    size_bytes: int
    size: Size | None = None
    seconds: float | None = None


def check_audio(content: IO[bytes], *, param: str, bytes_max: int = AUDIO_BYTES_MAX) -> ClipFacts:
    """Look at the head of a sound file.

    Raises:
        InvalidMedia: with `param`; not WAV or MP3, or too large.

    Source: CONTRACT §11.
    """
    return _check(content, _audio_format, param, bytes_max, "a WAV or MP3 file")


def check_video(content: IO[bytes], *, param: str, bytes_max: int = VIDEO_BYTES_MAX) -> ClipFacts:
    """Look at the head of a video file.

    Raises:
        InvalidMedia: with `param`; not MP4, MOV or WebM, or too large.

    Source: CONTRACT §11.
    """
    return _check(content, _video_format, param, bytes_max, "an MP4, MOV or WebM file")


_TYPES: Final = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
}
_SHAPES: Final = {"mp4": mp4_shape, "mov": mp4_shape, "webm": webm_shape}


def _check(
    content: IO[bytes],
    format_of: Callable[[bytes], str | None],
    param: str,
    bytes_max: int,
    wanted: str,
) -> ClipFacts:
    size_bytes = content.seek(0, 2)
    if size_bytes > bytes_max:
        raise InvalidMedia(f"'{param}' must be at most {bytes_max:,} bytes.", param=param)
    content.seek(0)
    head = content.read(HEAD_BYTES)
    tag_bytes = _id3_bytes(head)
    if tag_bytes:
        content.seek(tag_bytes)
        head = content.read(HEAD_BYTES)
    found = format_of(head)
    if found is None or (tag_bytes and found != "mp3"):
        raise InvalidMedia(f"'{param}' is not {wanted}.", param=param)
    shape_of = _SHAPES.get(found)
    shape = Shape() if shape_of is None else shape_of(content)
    return ClipFacts(found, _TYPES[found], size_bytes, shape.size, shape.seconds)


def _video_format(head: bytes) -> str | None:
    if head.startswith(_EBML):
        return "webm" if _WEBM in head[:64] else None
    if is_mp4(head):
        return "mp4"
    return "mov" if is_mov(head) else None


def _audio_format(head: bytes) -> str | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "wav" if b"fmt " in head[12:] else None
    # After a tag there may be padding; before a frame, a few stray bytes.
    for at in range(min(len(head), HEAD_BYTES // 2)):
        length = _frame_bytes(head[at : at + 4])
        if length and _frame_bytes(head[at + length : at + length + 4]):
            return "mp3"
        if length and at + length == len(head):  # a single frame
            return "mp3"
    return None


def _id3_bytes(head: bytes) -> int:
    """Return how long the ID3v2 tag in front is (id3.org/id3v2.4.0-structure §3.1)."""
    if head[:3] != b"ID3" or len(head) < _ID3_BYTES or any(byte & 0x80 for byte in head[6:10]):
        return 0
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte
    return _ID3_BYTES + size


def _frame_bytes(header: bytes) -> int:
    """Return the length of the MPEG layer III frame that begins here, 0 if none does.

    Source: ISO/IEC 11172-3 §2.4.2.3 and 13818-3.
    """
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:  # noqa: PLR2004
        return 0
    version, bitrate, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or bitrate in {0, 15} or rate == 3:  # noqa: PLR2004 -- the reserved values
        return 0
    is_mpeg1 = version == 3  # noqa: PLR2004
    kbit = (_KBIT_MPEG1 if is_mpeg1 else _KBIT_MPEG2)[bitrate]
    hertz = _HERTZ[rate] // {3: 1, 2: 2, 0: 4}[version]
    padding = header[2] >> 1 & 1
    return (144 if is_mpeg1 else 72) * kbit * 1000 // hertz + padding
