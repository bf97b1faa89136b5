"""A caller's images: checked whole before the 200, so that what we accepted can be used.

The header is read first, by `headers.py`; only what passes its limits reaches a decoder, and
the decoder is the one for the format found. Everything here blocks: call it in a thread.
"""

from __future__ import annotations

import binascii
import re
import struct
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import IO, Final

from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from rushes.domain.catalog import IMAGE_BYTES_MAX, InputRule
from rushes.domain.errors import InvalidMedia
from rushes.domain.spec import Medium, Size
from rushes.media.headers import Header, ImageFormat, read_header

EDGE_PX_MAX: Final = 6_000
PIXELS_MAX: Final = 36_000_000

SCANS_MAX: Final = 64
"""A progressive JPEG has about ten; each scan is a walk over all pixels that costs few bytes."""

NAMES: Final[Mapping[str, str]] = {"jpeg": "JPEG", "png": "PNG", "webp": "WebP"}

_DECODERS: Final[Mapping[ImageFormat, type[ImageFile]]] = {
    "jpeg": JpegImageFile,
    "png": PngImageFile,
    "webp": WebPImageFile,
}

# What Pillow's readers raise on broken bytes. A warning is among them, because an operator may
# run Python with warnings as errors.
_UNREADABLE: Final = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    AttributeError,
    struct.error,
    zlib.error,
    Warning,
)

_DATA_URI: Final = re.compile(
    r"data:(?P<type>[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63})?"
    r"(?:;[a-z0-9-]{1,32}=[a-z0-9._-]{1,64}){0,4};base64,",
    re.IGNORECASE,
)
_SCHEME_CHARACTERS_MAX: Final = 1_024


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What an image is. `size` is as a viewer shows it, Exif orientation applied."""

    format: ImageFormat
    size: Size

    @property
    def content_type(self) -> str:
        """The media type, by content."""
        return f"image/{self.format}"


HOUSE_RULE: Final = InputRule(Medium.IMAGE, IMAGE_BYTES_MAX)
"""What an image must be where no card says less."""


def check_image(content: IO[bytes], *, param: str, rule: InputRule = HOUSE_RULE) -> ImageFacts:
    """Look at a whole image, and decode it to its last pixel.

    Blocks for up to seconds. Reads `content` from its start, and leaves it anywhere.

    Raises:
        InvalidMedia: with `param`; the message says what is allowed.

    Source: CONTRACT §11.
    """
    content.seek(0)
    data = content.read(rule.bytes_max + 1)
    if len(data) > rule.bytes_max:
        raise InvalidMedia(f"'{param}' must be at most {rule.bytes_max:,} bytes.", param=param)
    formats = rule.formats or tuple(NAMES)
    unreadable = InvalidMedia(f"'{param}' is not a readable {_spoken(formats)} image.", param=param)
    header = read_header(data)
    if header is None:
        raise unreadable
    fault = _fault_of(header, formats)
    if fault:
        raise InvalidMedia(f"'{param}' {fault}", param=param)
    if not _decodes(header, data):
        raise unreadable
    facts = ImageFacts(header.format, _shown(header))
    if rule.exact_size not in {None, facts.size}:
        message = (
            f"'{param}' must be exactly {rule.exact_size} px, the size of the video; "
            f"got {facts.size}."
        )
        raise InvalidMedia(message, param=param)
    return facts


def decode_offered(
    text: str, *, param: str, bytes_max: int = IMAGE_BYTES_MAX
) -> tuple[str | None, bytes]:
    r"""Decode a data URI or bare base64; return the media type it declares, and the bytes.

    Base64 is the standard alphabet, padded, without line breaks. The size is known, and
    refused, before anything is decoded. The type declared proves nothing.

    Raises:
        InvalidMedia: with `param`.

    >>> decode_offered("data:image/png;base64,AAAA", param="image")
    ('image/png', b'\x00\x00\x00')
    """
    declared: str | None = None
    start = 0
    if text[:5].lower() == "data:":
        found = _DATA_URI.match(text, 0, _SCHEME_CHARACTERS_MAX)
        if found is None:
            message = f"'{param}' must be a data URI of the form data:TYPE/SUBTYPE;base64,…"
            raise InvalidMedia(message, param=param)
        declared = found["type"].lower() if found["type"] else None
        start = found.end()
    padding = text.count("=", -2)
    if (len(text) - start) // 4 * 3 - padding > bytes_max:
        raise InvalidMedia(f"'{param}' must be at most {bytes_max:,} bytes.", param=param)
    content = b""
    if (len(text) - start) % 4 == 0 and text.count("=", start) == padding:
        with suppress(ValueError):  # no ASCII, or a foreign character
            content = binascii.a2b_base64(text[start:], strict_mode=True)
    if not content:
        message = f"'{param}' must be a URL, or a file as padded base64 without line breaks."
        raise InvalidMedia(message, param=param)
    return declared, content


def _fault_of(header: Header, formats: tuple[str, ...]) -> str | None:
    """Say what a declared image breaks, before anyone decodes it."""
    if header.format not in formats:
        return f"must be a {_spoken(formats)} image; got {NAMES[header.format]}."
    if max(header.width_px, header.height_px) > EDGE_PX_MAX:
        return (
            f"must be at most {EDGE_PX_MAX:,} px a side; got {header.width_px}x{header.height_px}."
        )
    if header.width_px * header.height_px > PIXELS_MAX:
        return f"must have at most {PIXELS_MAX:,} pixels."
    if header.is_animated:
        return "must be a single picture, not an animation."
    if header.scan_count > SCANS_MAX:
        return f"must have at most {SCANS_MAX} scans; got {header.scan_count}."
    return None


def _decodes(header: Header, data: bytes) -> bool:
    """Decode to the last pixel; a truncated file opens, and fails only here."""
    try:
        with _DECODERS[header.format](BytesIO(data)) as image:
            if image.size != (header.width_px, header.height_px):
                return False
            # A JPEG is read to its end all the same, at 1/64 of the memory.
            image.draft(None, (max(1, header.width_px // 8), max(1, header.height_px // 8)))
            image.load()
    except _UNREADABLE:
        return False
    return True


def _shown(header: Header) -> Size:
    if header.is_turned:
        return Size(header.height_px, header.width_px)
    return Size(header.width_px, header.height_px)


def _spoken(formats: tuple[str, ...]) -> str:
    """Name formats as people do.

    >>> _spoken(("jpeg", "png", "webp"))
    'JPEG, PNG or WebP'
    """
    *most, last = (NAMES.get(name, name) for name in formats)
    return f"{', '.join(most)} or {last}" if most else last
