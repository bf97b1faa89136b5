"""Reading request bodies: JSON or a form, counted while they come, compared by their digest."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import msgspec
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from rushes.domain.errors import InvalidJson, RequestTooLarge, UnsupportedMediaType
from rushes.http.offers import NAMED, Upload
from rushes.http.values import shown

DEPTH_MAX: Final = 32
VALUES_MAX: Final = 100_000
"""A list of empty lists takes twenty times its length in memory: 25 MiB of it, half a gigabyte."""

FIELDS_MAX: Final = 200
FILES_MAX: Final = 32
CHUNK_BYTES: Final = 256 * 1024
AT_ONCE_BYTES: Final = 64 * 1024
"""A larger body is read in a thread: the loop has other callers."""

_JSON: Final = msgspec.json.Decoder()
_CANONICAL: Final = msgspec.json.Encoder(order="sorted")
_INDEXED: Final = re.compile(r"([^\[\]]+)\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class Body:
    """A body as one mapping; `digest` is equal for bodies that say the same.

    A form's files live until `close`.
    """

    values: Mapping[str, Any]
    digest: bytes
    form: FormData | None = None

    async def close(self) -> None:
        """Let go of a form's files."""
        if self.form is not None:
            await self.form.close()


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How many bytes a body may have, by its kind."""

    json_bytes_max: int
    form_bytes_max: int


async def read_body(headers: Headers, chunks: AsyncIterator[bytes], limits: BodyLimits) -> Body:
    """Read a JSON or multipart body.

    Raises:
        RequestTooLarge: said before reading where Content-Length tells, else while reading.
        UnsupportedMediaType: another kind of body.
        InvalidJson: unreadable, or no object.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    is_form = kind == "multipart/form-data"
    bytes_max = limits.form_bytes_max if is_form else limits.json_bytes_max
    noun = "multipart" if is_form else "JSON"
    counted = _counted(chunks, headers.get("content-length"), bytes_max, noun)
    if is_form:
        return await _read_form(headers, counted)
    if kind not in {"", "application/json"}:
        _check_length(headers.get("content-length"), bytes_max, noun)
        raise UnsupportedMediaType(
            f"The body is {shown(kind)}. Send application/json or multipart/form-data."
        )
    content = b"".join([chunk async for chunk in counted])
    if len(content) <= AT_ONCE_BYTES:
        return read_json(content)
    return await asyncio.to_thread(read_json, content)


def read_json(content: bytes) -> Body:
    """Read one JSON object, at most 32 levels deep and of at most 100,000 values.

    Raises:
        InvalidJson: with a sentence.
    """
    bare = _STRINGS.sub(b"", content)
    _check_shape(bare, "The request body")
    try:
        values = _JSON.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidJson("The request body is not a JSON object.") from None
    if not isinstance(values, dict):
        raise InvalidJson("The request body is not a JSON object.")
    plain = values if _FLOATS.search(bare) is None else _plain(values)
    return Body(values, sha256(_CANONICAL.encode(plain)).digest())


# It never goes back over what it has read, and takes a string that is not closed too: no body
# takes longer than its length, nor memory.
_STRINGS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_FLOATS: Final = re.compile(rb"[0-9][.eE]")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")


def _check_shape(bare: bytes, what: str) -> None:
    """Refuse JSON, without its strings, that would take more memory or stack than it is worth.

    Raises:
        InvalidJson: it is too deep or too wide; the sentence begins with `what`.
    """
    if bare.count(b",") >= VALUES_MAX:
        raise InvalidJson(f"{what} has more than {VALUES_MAX:,} values.")
    if _is_too_deep(bare):
        raise InvalidJson(f"{what} is nested deeper than {DEPTH_MAX} levels.")


def _is_too_deep(bare: bytes) -> bool:
    """Say whether brackets nest too deep; the parser must not be the one to find out.

    Each pass takes the innermost pairs away. What is left when there are none is no JSON.
    """
    brackets = bare.translate(_ONE_KIND, _NO_BRACKETS)
    for _ in range(DEPTH_MAX):
        brackets = brackets.replace(b"[]", b"")
    return b"[]" in brackets


def _plain(value: Any) -> Any:  # noqa: ANN401 -- JSON is any value
    """Make equal values equal text: 5.0 is 5."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return f"file:{value.sha256}" if isinstance(value, Upload) else value


def _check_length(length: str | None, bytes_max: int, noun: str) -> None:
    if length is not None and length.isdecimal() and int(length) > bytes_max:
        raise RequestTooLarge(f"A {noun} body may have at most {bytes_max} bytes.")


async def _counted(
    chunks: AsyncIterator[bytes], length: str | None, bytes_max: int, noun: str
) -> AsyncGenerator[bytes, None]:
    _check_length(length, bytes_max, noun)
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > bytes_max:
            raise RequestTooLarge(f"A {noun} body may have at most {bytes_max} bytes.")
        yield chunk


class _Form(MultiPartParser):
    """Starlette's parser, which drops a part that ends with the body in the middle of it."""

    is_whole = False

    def on_end(self) -> None:
        """Hear of the closing boundary."""
        self.is_whole = True

    def let_go(self) -> None:
        """Close every file that was begun, those of dropped parts too."""
        for file in self._files_to_close_on_error:
            file.close()


async def _read_form(headers: Headers, chunks: AsyncGenerator[bytes, None]) -> Body:
    parser = _Form(
        headers, chunks, max_files=FILES_MAX, max_fields=FIELDS_MAX, max_part_size=64 * 2**20
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError, UnicodeDecodeError) as error:
        raise InvalidJson(f"The form cannot be read: {error}") from None
    if not parser.is_whole:
        parser.let_go()
        raise InvalidJson("The form cannot be read: it ends before its closing boundary.")
    try:
        values = await _form_values(form)
        digest = sha256(_CANONICAL.encode(_plain(values))).digest()
    except UnicodeEncodeError:  # half a character: some charsets can write one
        await form.close()
        raise InvalidJson("The form has text that is not Unicode.") from None
    except BaseException:
        await form.close()
        raise
    return Body(values, digest, form)


async def _form_values(form: FormData) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, part in form.multi_items():
        value = await _upload(part) if isinstance(part, UploadFile) else _field(name, part)
        if value is not None:
            _place(values, name, value)
    return values


async def _upload(part: UploadFile) -> Upload | None:
    """Take a file part; one without a byte means "not given"."""
    if not part.size:
        return None
    digest = await asyncio.to_thread(_digest, part)
    return Upload(part.file, part.filename, digest)


def _digest(part: UploadFile) -> str:
    part.file.seek(0)
    hasher = sha256()
    while chunk := part.file.read(CHUNK_BYTES):
        hasher.update(chunk)
    part.file.seek(0)
    return hasher.hexdigest()


_MAY_BE_JSON: Final = NAMED | {"metadata", "content", "video"}


def _field(name: str, text: str) -> Any:  # noqa: ANN401 -- JSON is any value
    """Read a form value: JSON text where an object or a list is meant, else the text itself."""
    if text == "":
        return None
    stripped = text.lstrip()
    if name.partition("[")[0] in _MAY_BE_JSON and stripped[:1] in {"{", "["}:
        content = text.encode()
        _check_shape(_STRINGS.sub(b"", content), f"'{name}'")
        try:
            return _JSON.decode(content)
        except msgspec.DecodeError:
            if name.startswith("metadata["):
                return text  # a caller's own key may hold any text
            raise InvalidJson(f"'{name}' is not valid JSON.") from None
    return text


def _place(values: dict[str, Any], name: str, value: object) -> None:
    """Put a form value where its name says: `name`, `name[key]`, `name[]`, or a repeated `name`."""
    found = _INDEXED.fullmatch(name)
    if found is None:
        if name == "images" or (name in values and name == "content"):
            _append(values, name, value)
        else:
            values.setdefault(name, value)
        return
    outer, key = found[1], found[2]
    if key == "" or key.isdecimal():
        _append(values, outer, value)
        return
    inner = values.setdefault(outer, {})
    if isinstance(inner, dict):
        inner[key] = value


def _append(values: dict[str, Any], name: str, value: object) -> None:
    existing = values.setdefault(name, [])
    if isinstance(existing, list):
        existing += value if isinstance(value, list) else [value]
