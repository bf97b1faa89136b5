"""What of a film's origin its boxes show: a seal, a tag, and what was put in; nothing is decoded.

Sources: C2PA 2.1 §A.5 (BMFF); QuickTime File Format, metadata (`mdta` keys); GB 45438-2025 by
way of what writes and reads the tag `AIGC`: FFmpeg with `use_metadata_tags`, exiftool.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Final

from rushes.media.containers import Box, inner_boxes, movie_box, top_boxes

SEAL: Final = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
"""The kind of `uuid` box that holds a C2PA manifest."""

AIGC: Final = "AIGC"
TAG_CHARACTERS_MAX: Final = 4_096
KEYS_MAX: Final = 256

_FULL_BOX_BYTES: Final = 4
_UTF8: Final = 1


def has_seal(content: IO[bytes]) -> bool:
    """Say whether a film carries a manifest, of whatever worth."""
    return any(_is_seal(content, box) for box in top_boxes(content))


def is_whole_beneath(film: IO[bytes], sealed: IO[bytes]) -> bool:
    """Say whether a sealed film is the film with a seal in it, and is read in the same order.

    Boxes are compared by name and length; what they hold is what the seal itself is about.
    """
    before, after = (
        [
            (box.name, box.size_bytes)
            for box in top_boxes(content)
            if not _is_seal(content, box) and box.name != b"free"
        ]
        for content in (film, sealed)
    )
    return bool(before) and before == after


def tag_of(content: IO[bytes], name: str = AIGC) -> str | None:
    """Return a tag of a film, None if it has none; of several the first."""
    movie = movie_box(content)
    for meta in _metas(movie):
        parts = dict(inner_boxes(meta))
        for number, key in enumerate(_keys(parts.get(b"keys", b"")), start=1):
            if key == name.encode():
                value = dict(inner_boxes(parts.get(b"ilst", b""))).get(number.to_bytes(4, "big"))
                found = _text(value or b"")
                if found is not None:
                    return found
    return None


def _is_seal(content: IO[bytes], box: Box) -> bool:
    if box.name != b"uuid":
        return False
    content.seek(box.at + box.header_bytes)
    return content.read(len(SEAL)) == SEAL


def _metas(movie: bytes) -> Iterator[bytes]:
    """Find where a film's keys may be: in its `udta`, or beside it; as ISO's box or QuickTime's."""
    for name, content in inner_boxes(movie):
        if name == b"meta":
            yield _bare(content)
        elif name == b"udta":
            yield from (_bare(inner) for name, inner in inner_boxes(content) if name == b"meta")


def _bare(meta: bytes) -> bytes:
    """Return what is in a `meta` box, without the version that ISO's begins with."""
    return meta if meta[4:8] == b"hdlr" else meta[_FULL_BOX_BYTES:]


def _keys(content: bytes) -> Iterator[bytes]:
    """Read `keys`: version, count, then entries like boxes, `mdta` and a name."""
    for count, (_, name) in enumerate(inner_boxes(content[8:])):
        if count >= KEYS_MAX:
            return
        yield name


def _text(item: bytes) -> str | None:
    """Read the `data` box of a value: its type, a locale, the text."""
    value = dict(inner_boxes(item)).get(b"data", b"")
    if int.from_bytes(value[:4], "big") != _UTF8:
        return None
    return value[8:].decode("utf-8", "replace")[:TAG_CHARACTERS_MAX]
