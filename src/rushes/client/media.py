"""Pictures, clips and sounds that a caller gives, in the forms the wire takes."""

from __future__ import annotations

import mimetypes
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import IO, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from rushes.client.errors import Unsendable
from rushes.client.line import Upload

#: An http(s) or data URL, a path, bytes, a file open for reading in binary mode, or an object
#: that goes to the server as it is (`{"image_url": "https://…"}`). Text that is no URL is a path.
Media: TypeAlias = str | PathLike[str] | bytes | IO[bytes] | Mapping[str, object]

Kind: TypeAlias = Literal["image", "video", "audio"]

_KINDS: Final[Mapping[str, Kind]] = {"image": "image", "video": "video", "audio": "audio"}
_OCTETS: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Reference:
    """Something the model should look at or listen to, where its kind must be said.

    A bare Media does where the kind shows: by the bytes, or by the end of an address. An
    address that shows nothing is taken for a picture.
    """

    source: Media
    kind: Kind | None = None


def is_remote(media: Media) -> bool:
    """Say whether the wire takes this as it stands: an address, or an object."""
    if isinstance(media, str):
        return media.startswith(("http://", "https://", "data:"))
    return isinstance(media, Mapping)


def read_upload(media: Media) -> Upload:
    """Read a local file whole, so that every try sends the same bytes.

    Raises:
        OSError: the file cannot be read.
        TypeError: the file is open in text mode, or the value is no media at all.
    """
    content = _read(media)
    content_type = sniff(content)
    ending = mimetypes.guess_extension(content_type) or ""
    return Upload(f"upload{ending}", content, content_type)


def wire_value(media: Media) -> object:
    """Return media as a JSON value: an address, an object, or a data URI.

    Raises:
        OSError, TypeError: as `read_upload`.
    """
    if is_remote(media):
        return media
    upload = read_upload(media)
    return f"data:{upload.content_type};base64,{b64encode(upload.content).decode()}"


def content_item(reference: Media | Reference) -> dict[str, object]:
    """Return a reference as an item of `content`, whose role leaves nothing to guess.

    Raises:
        OSError, TypeError: as `read_upload`.
        Unsendable: bytes of no kind that we know, and the kind was not said.
    """
    if not isinstance(reference, Reference):
        reference = Reference(reference)
    value = wire_value(reference.source)
    kind = reference.kind or _kind(value)
    name = f"{kind}_url"
    address = value if isinstance(value, Mapping) else {"url": value}
    return {"type": name, name: address, "role": f"reference_{kind}"}


def sniff(content: bytes) -> str:
    """Return the media type that the first bytes show.

    >>> sniff(bytes.fromhex("ffd8ffe0"))
    'image/jpeg'
    """
    box = content[:12]
    if box.startswith(b"RIFF"):
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(box[8:], _OCTETS)
    if box[4:8] == b"ftyp":
        return "video/mp4"
    for magic, media_type in _MAGIC:
        if box.startswith(magic):
            return media_type
    return _OCTETS


_MAGIC: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
)


def _read(media: Media) -> bytes:
    if isinstance(media, bytes):
        return media
    if isinstance(media, (str, PathLike)):
        return Path(media).read_bytes()
    if isinstance(media, Mapping):
        raise TypeError("An object goes to the server as it is; it is not read.")
    content = media.read()
    if not isinstance(content, bytes):
        raise TypeError('Media must be an address, a path, bytes or a file opened with "rb".')
    return content


def _kind(value: object) -> Kind:
    if not isinstance(value, str):
        return "image"
    if value.startswith("data:"):
        media_type: str | None = value[len("data:") :].partition(";")[0]
        if media_type == _OCTETS:
            raise Unsendable(
                "A reference is no picture, clip or sound that is known here (JPEG, PNG, WebP, "
                'MP4, WebM, MP3, WAV). If it is one: Reference(source, kind="image").'
            )
    else:
        media_type, _ = mimetypes.guess_type(urlsplit(value).path)
    return _KINDS.get((media_type or "").partition("/")[0], "image")
