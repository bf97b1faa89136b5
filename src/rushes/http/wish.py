"""Reading a create in any spelling of CONTRACT §4 into one Wish.

Four levels, strongest first: the top, `metadata.parameters`, `metadata.input`, `metadata`.
On one level two spellings of a parameter must agree; between levels the stronger wins. Every
value is kept with the path under which the caller said it.
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from rushes.domain.errors import (
    ConflictingParameters,
    InvalidMedia,
    InvalidValue,
    MissingParameter,
    Unsupported,
)
from rushes.domain.spec import (
    PROMPT_CHARACTERS_MAX,
    SEED_MAX,
    Medium,
    Offered,
    Role,
    Said,
    Script,
    Size,
    Wish,
    parse_size,
)

T = TypeVar("T")

USER_CHARACTERS_MAX: Final = 512
START_WITHIN_S_MAX: Final = 86_400
DELAY_S_MAX: Final = 60
LIST_ITEMS_MAX: Final = 64
OUTCOMES: Final = (
    "succeeded",
    "content_policy_violation",
    "invalid_request",
    "provider_error",
    "rate_limited",
    "timed_out",
    "submit_in_doubt",
    "canceled",
    "expired",
    "server_error",
)

SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "prompt": ("prompt",),
    "seconds": ("duration", "seconds", "durationSeconds", "duration_seconds"),
    "resolution": ("resolution",),
    "ratio": ("aspect_ratio", "aspectRatio", "ratio"),
    "negative_prompt": ("negative_prompt",),
    "seed": ("seed",),
    "with_audio": ("generate_audio", "generateAudio"),
    "with_watermark": ("watermark", "add_watermark", "addWatermark"),
    "outputs": ("n", "sampleCount", "sample_count"),
    "remix_of": ("remix_from_video_id",),
    "callback_url": ("callback_url",),
    "user": ("user",),
    "response_format": ("response_format",),
}
SIZE_SPELLINGS: Final = ("size", "width", "height")
FIRST_FRAME_SPELLINGS: Final = ("image", "input_reference")
LAST_FRAME_SPELLINGS: Final = ("last_frame", "lastFrame", "image_tail")
OPTION_SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "prompt_extend": ("prompt_extend", "smart_rewrite"),
    "person_generation": ("person_generation", "personGeneration"),
    "fps": ("fps",),
    "cfg_scale": ("cfg_scale",),
    "mode": ("mode",),
    "camera_fixed": ("camera_fixed",),
    "quality_level": ("quality_level",),
}
_SCALARS: Final = {name for names in SPELLINGS.values() for name in names}
_OPTIONS: Final = {name for names in OPTION_SPELLINGS.values() for name in names}
_MEDIA: Final = {*FIRST_FRAME_SPELLINGS, *LAST_FRAME_SPELLINGS, "images", "audio_url", "content"}
KNOWN: Final = frozenset({"model", "metadata", *_SCALARS, *SIZE_SPELLINGS, *_MEDIA, *_OPTIONS})
_IN_METADATA: Final = KNOWN - {"model", "metadata"} | {"sandbox", "start_within_s"}
_IN_INPUT: Final = KNOWN - {"model", "metadata", "content"} | {"media"}

_CONTENT_ROLES: Final[Mapping[str, tuple[Medium, Role]]] = {
    "image_url": (Medium.IMAGE, Role.FIRST_FRAME),
    "video_url": (Medium.VIDEO, Role.REFERENCE_VIDEO),
    "audio_url": (Medium.AUDIO, Role.REFERENCE_AUDIO),
}
_ROLE_NAMES: Final[Mapping[str, Role]] = {
    role.value: role for role in Role if role is not Role.SOURCE_FILM
}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file part of a form."""

    content: Any
    file_name: str | None
    sha256: str


@dataclass(frozen=True, slots=True)
class _Level:
    """One place where parameters are read: its values, and how its paths begin."""

    values: Mapping[str, Any]
    prefix: str

    def path(self, name: str) -> str:
        return f"{self.prefix}{name}"


@dataclass(frozen=True, slots=True)
class JsonAsked:
    """A create as one mapping of names to values (JSON, or a form made alike)."""

    body: Mapping[str, Any]
    start_within: str | None = None
    metadata_bytes_max: int = 256 * 2**10

    def model(self) -> Said[str] | None:
        """Return the model the caller named."""
        value = self.body.get("model")
        return None if value is None else Said(_text(value, "model"), "model")

    def wish(self) -> Wish:
        """Return everything the caller said."""
        return _Reader(self).read()


class _Reader:
    """Reads one body; a value object would hold nothing that outlives the call."""

    def __init__(self, asked: JsonAsked) -> None:
        self._body = asked.body
        self._start_within = asked.start_within
        metadata = asked.body.get("metadata")
        if metadata is None:
            metadata = {}
        if not isinstance(metadata, Mapping):
            raise InvalidValue("'metadata' must be an object.", param="metadata")
        _check_metadata_size(metadata, asked.metadata_bytes_max)
        self._metadata = metadata
        levels = [
            _Level(asked.body, ""),
            _Level(_object(metadata.get("parameters")), "metadata.parameters."),
            _Level(_object(metadata.get("input")), "metadata.input."),
            _Level(metadata, "metadata."),
        ]
        self._levels = [level for level in levels if level.values]

    def read(self) -> Wish:
        self._check_response_format()
        order = tuple(self._body)
        return Wish(
            model=JsonAsked(self._body).model(),
            prompt=self._prompt(),
            seconds=self._one("seconds", _whole),
            resolution=self._one("resolution", lambda value, at: _text(value, at).lower()),
            ratio=self._one("ratio", _text),
            size=self._size(),
            negative_prompt=self._one("negative_prompt", _prompt_text),
            seed=self._one("seed", _seed),
            with_audio=self._one("with_audio", _flag),
            with_watermark=self._one("with_watermark", _flag),
            outputs=self._one("outputs", _whole),
            remix_of=self._one("remix_of", _text),
            start_within_s=self._start(),
            callback_url=self._one("callback_url", _text),
            user=self._one("user", _user),
            script=self._script(),
            offered=tuple(self._offered()),
            options=self._options(),
            metadata_keys=dict(self._rest_of_metadata()),
            ignored=tuple(name for name in order if name not in KNOWN),
            order=order,
        )

    # -- scalars -------------------------------------------------------------------------

    def _one(self, name: str, read: Callable[[Any, str], T]) -> Said[T] | None:
        for level in self._levels:
            said = _agree(level, SPELLINGS[name], read)
            if said is not None:
                return said
        return None

    def _prompt(self) -> Said[str] | None:
        for level in self._levels:
            said = _agree(level, SPELLINGS["prompt"], _prompt_text)
            for text in _content_texts(level):
                if said is not None and said.value != text.value:
                    raise _disagree(said, text)
                said = said or text
            if said is not None:
                return said
        return None

    def _size(self) -> Said[Size] | None:
        for level in self._levels:
            said: Said[Size] | None = None
            value = level.values.get("size")
            if value is not None:
                path = level.path("size")
                said = Said(parse_size(_text(value, path), param=path), path)
            edges = _edges(level)
            if said is not None and edges is not None and said.value != edges.value:
                raise _disagree(said, edges)
            if said or edges:
                return said or edges
        return None

    def _options(self) -> dict[str, Said[Any]]:
        found = {}
        for name, spellings in OPTION_SPELLINGS.items():
            for level in self._levels:
                said = _agree(level, spellings, _anything)
                if said is not None:
                    found[name] = said
                    break
        return found

    def _check_response_format(self) -> None:
        said = self._one("response_format", _text)
        if said is not None and said.value != "url":
            raise InvalidValue(f"'{said.param}' must be url; got {said.value}.", param=said.param)

    def _start(self) -> Said[int] | None:
        """Read the start deadline; the header wins (CONTRACT §2)."""
        if self._start_within is not None:
            return _seconds_said(self._start_within, "Rushes-Start-Within")
        value = self._metadata.get("start_within_s")
        return None if value is None else _seconds_said(value, "metadata.start_within_s")

    def _script(self) -> Said[Script] | None:
        value = self._metadata.get("sandbox")
        if value is None:
            return None
        path = "metadata.sandbox"
        if not isinstance(value, Mapping):
            raise InvalidValue(f"'{path}' must be an object.", param=path)
        outcome = value.get("outcome")
        outcome = "succeeded" if outcome is None else _text(outcome, f"{path}.outcome")
        if outcome not in OUTCOMES:
            raise InvalidValue(
                f"'{path}.outcome' must be one of {', '.join(OUTCOMES)}; got {outcome}.",
                param=f"{path}.outcome",
            )
        delay_s = _number(value.get("delay_s") or 0, f"{path}.delay_s")
        if not 0 <= delay_s <= DELAY_S_MAX:
            raise InvalidValue(
                f"'{path}.delay_s' must be from 0 to {DELAY_S_MAX}; got {delay_s:g}.",
                param=f"{path}.delay_s",
            )
        return Said(Script(outcome, delay_s), path)

    # -- files ---------------------------------------------------------------------------

    def _offered(self) -> Iterator[Offered]:
        """Collect files; what a stronger level offers for a role, weaker ones do not add to."""
        taken: set[object] = set()
        for level in self._levels:
            here = [*_named_files(level), *_content_files(level), *_media_files(level)]
            yield from (file for file in here if _slot(file) not in taken)
            taken.update(_slot(file) for file in here)

    # -- what is left of metadata ----------------------------------------------------------

    def _rest_of_metadata(self) -> Iterator[tuple[str, Any]]:
        for name, value in self._metadata.items():
            if name == "parameters" and isinstance(value, Mapping):
                yield from ((f"parameters.{n}", v) for n, v in value.items() if n not in KNOWN)
            elif name == "input" and isinstance(value, Mapping):
                yield from ((f"input.{n}", v) for n, v in value.items() if n not in _IN_INPUT)
                others = [item for item in _items(value.get("media")) if not _is_media(item)]
                if others:
                    yield "input.media", others
            elif name not in _IN_METADATA:
                yield name, value


def _agree(
    level: _Level, spellings: tuple[str, ...], read: Callable[[Any, str], T]
) -> Said[T] | None:
    """Read a parameter on one level, where its spellings must agree."""
    found: Said[T] | None = None
    if level.values.keys().isdisjoint(spellings):
        return None
    for name in spellings:
        value = level.values.get(name)
        if value is None:
            continue
        said = Said(read(value, level.path(name)), level.path(name))
        if found is not None and found.value != said.value:
            raise _disagree(found, said)
        found = found or said
    return found


def _disagree(one: Said[Any], other: Said[Any]) -> ConflictingParameters:
    return ConflictingParameters(
        f"'{one.param}' ({one.value}) and '{other.param}' ({other.value}) "
        "name the same parameter and disagree.",
        param=other.param,
    )


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _list(value: object, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidValue(f"'{path}' must be a list.", param=path)
    if len(value) > LIST_ITEMS_MAX:
        raise InvalidValue(
            f"'{path}' may have at most {LIST_ITEMS_MAX} entries; got {len(value)}.", param=path
        )
    return value


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"  # noqa: PLR2004 -- a line's worth


def _anything(value: Any, path: str) -> Any:  # noqa: ANN401 -- an option is any value
    del path
    return value


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise InvalidValue(f"'{path}' must be a string; got {_shown(value)}.", param=path)
    if "\x00" in value:
        raise InvalidValue(f"'{path}' must not contain a NUL character.", param=path)
    return value


def _prompt_text(value: object, path: str) -> str:
    text = _text(value, path)
    if not 1 <= len(text) <= PROMPT_CHARACTERS_MAX:
        raise InvalidValue(
            f"'{path}' must have from 1 to {PROMPT_CHARACTERS_MAX} characters; got {len(text)}.",
            param=path,
        )
    return text


def _user(value: object, path: str) -> str:
    text = _text(value, path)
    if len(text) > USER_CHARACTERS_MAX:
        raise InvalidValue(
            f"'{path}' may have at most {USER_CHARACTERS_MAX} characters; got {len(text)}.",
            param=path,
        )
    return text


def _number(value: object, path: str) -> float:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidValue(f"'{path}' must be a number; got {_shown(value)}.", param=path)
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 -- NaN
        raise InvalidValue(f"'{path}' must be a finite number.", param=path)
    return float(value)


def _whole(value: object, path: str) -> int:
    """Read an integer, an integral float, or a numeric string."""
    number: object = value
    if isinstance(value, str):
        stripped = value.strip()
        sign = stripped[:1] in {"-", "+"}
        if stripped[sign:].isascii() and stripped[sign:].isdigit() and len(stripped) <= 20:  # noqa: PLR2004 -- longer is no count
            number = int(stripped)
    if isinstance(number, float) and number.is_integer() and abs(number) < 2**53:
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int):
        raise InvalidValue(f"'{path}' must be a whole number; got {_shown(value)}.", param=path)
    return number


def _seed(value: object, path: str) -> int:
    seed = _whole(value, path)
    if not -1 <= seed <= SEED_MAX:
        raise InvalidValue(f"'{path}' must be from -1 to {SEED_MAX}; got {seed}.", param=path)
    return seed


def _flag(value: object, path: str) -> bool:
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise InvalidValue(f"'{path}' must be true or false; got {_shown(value)}.", param=path)
    return value


def _seconds_said(value: object, path: str) -> Said[int]:
    try:
        seconds = _whole(value, path)
    except InvalidValue:
        seconds = 0
    if not 1 <= seconds <= START_WITHIN_S_MAX:
        raise InvalidValue(
            f"'{path}' must be a whole number of seconds from 1 to {START_WITHIN_S_MAX}; "
            f"got {_shown(value)}.",
            param=path,
        )
    return Said(seconds, path)


def _edges(level: _Level) -> Said[Size] | None:
    """Read `width` and `height`, which only together are a size."""
    width, height = level.values.get("width"), level.values.get("height")
    if width is None and height is None:
        return None
    width_at, height_at = level.path("width"), level.path("height")
    if width is None or height is None:
        given, missing = (height_at, width_at) if width is None else (width_at, height_at)
        raise MissingParameter(f"'{given}' needs '{missing}' beside it.", param=missing)
    text = f"{_whole(width, width_at)}x{_whole(height, height_at)}"
    return Said(parse_size(text, param=width_at), width_at)


# -- files: named, in content, in media -----------------------------------------------------


def _slot(file: Offered) -> object:
    """Name the place a file fills: a frame is one place, references are one together."""
    if file.role is None:
        return Role.FIRST_FRAME
    return "references" if file.role.is_reference else file.role


def _named_files(level: _Level) -> Iterator[Offered]:
    first = _agreed_file(level, FIRST_FRAME_SPELLINGS, Role.FIRST_FRAME)
    last = _agreed_file(level, LAST_FRAME_SPELLINGS, Role.LAST_FRAME)
    images = level.values.get("images")
    if images is not None:
        path = level.path("images")
        entries = [
            _file(value, f"{path}[{index}]", None)
            for index, value in enumerate(_list(images, path))
            if value is not None
        ]
        if first is not None and entries:
            raise ConflictingParameters(
                f"'{first.param}' and '{path}' both give a first frame.", param=path
            )
        if last is not None and len(entries) > 1:
            raise ConflictingParameters(
                f"'{last.param}' and '{path}' both give a last frame.", param=path
            )
        yield from entries
    yield from (file for file in (first, last) if file is not None)
    audio = level.values.get("audio_url")
    if audio is not None:
        yield _file(audio, level.path("audio_url"), Role.DRIVING_AUDIO)


def _agreed_file(level: _Level, spellings: tuple[str, ...], role: Role) -> Offered | None:
    given = [(name, level.values[name]) for name in spellings if level.values.get(name) is not None]
    if not given:
        return None
    name, value = given[0]
    for other, second in given[1:]:
        if second != value:
            raise ConflictingParameters(
                f"'{level.path(name)}' and '{level.path(other)}' "
                "name the same parameter and disagree.",
                param=level.path(other),
            )
    return _file(value, level.path(name), role)


def _content_items(level: _Level) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if level.prefix not in {"", "metadata."}:
        return
    content = level.values.get("content")
    if content is None:
        return
    path = level.path("content")
    for index, item in enumerate(_list(content, path)):
        at = f"{path}[{index}]"
        if not isinstance(item, Mapping):
            raise InvalidValue(f"'{at}' must be an object.", param=at)
        kind = item.get("type")
        if kind not in {"text", *_CONTENT_ROLES}:
            raise InvalidValue(
                f"'{at}.type' must be one of text, {', '.join(_CONTENT_ROLES)}; "
                f"got {_shown(kind)}.",
                param=f"{at}.type",
            )
        yield at, item


def _content_texts(level: _Level) -> Iterator[Said[str]]:
    texts = [(at, item) for at, item in _content_items(level) if item.get("type") == "text"]
    if len(texts) > 1:
        at = texts[1][0]
        raise InvalidValue("'content' may have at most one text.", param=at)
    for at, item in texts:
        yield Said(_prompt_text(item.get("text"), f"{at}.text"), f"{at}.text")


def _content_files(level: _Level) -> Iterator[Offered]:
    roleless_images = 0
    for at, item in _content_items(level):
        kind = str(item["type"])
        if kind == "text":
            continue
        medium, role = _CONTENT_ROLES[kind]
        named = item.get("role")
        if named is not None:
            role = _named_role(named, medium, at)
        elif medium is Medium.IMAGE:
            roleless_images += 1
            if roleless_images > 1:
                raise MissingParameter(f"'{at}.role' is required.", param=f"{at}.role")
        address = item.get(kind)
        url = address.get("url") if isinstance(address, Mapping) else address
        if url is None:
            raise MissingParameter(f"'{at}.{kind}.url' is required.", param=f"{at}.{kind}.url")
        yield _file(url, f"{at}.{kind}.url", role)


def _named_role(named: object, medium: Medium, at: str) -> Role:
    role = _ROLE_NAMES.get(named) if isinstance(named, str) else None
    if role is None or role.medium is not medium:
        allowed = ", ".join(name for name, known in _ROLE_NAMES.items() if known.medium is medium)
        raise InvalidValue(
            f"'{at}.role' must be one of {allowed}; got {_shown(named)}.", param=f"{at}.role"
        )
    return role


def _is_media(item: object) -> bool:
    return isinstance(item, Mapping) and item.get("type") in _ROLE_NAMES


def _media_files(level: _Level) -> Iterator[Offered]:
    """Read `metadata.input.media` (Wan 2.7); other types count as metadata."""
    if level.prefix != "metadata.input.":
        return
    media = level.values.get("media")
    if media is None:
        return
    path = level.path("media")
    for index, item in enumerate(_list(media, path)):
        if not _is_media(item):
            continue
        at = f"{path}[{index}].url"
        if item.get("url") is None:
            raise MissingParameter(f"'{at}' is required.", param=at)
        yield _file(item["url"], at, _ROLE_NAMES[item["type"]])


def _file(value: object, path: str, role: Role | None) -> Offered:
    """Read a file value: an address, a data URI, base64, an upload, or `{"image_url": …}`."""
    if isinstance(value, Upload):
        return Offered(path, role, content=value.content, file_name=value.file_name)
    if isinstance(value, Mapping):
        return _wrapped_file(value, path, role)
    text = _text(value, path)
    if text.lower().startswith("data:"):
        return Offered(path, role, content=io.BytesIO(_data_uri(text, path)))
    if "://" in text[:64]:
        return Offered(path, role, url=text)
    return Offered(path, role, content=io.BytesIO(_base64(text, path)))


def _wrapped_file(value: Mapping[str, Any], path: str, role: Role | None) -> Offered:
    if value.get("file_id") is not None:
        raise Unsupported(
            f"'{path}.file_id' is not supported; send a file, an image_url or a data URI.",
            param=path,
        )
    address = value.get("image_url")
    if isinstance(address, Mapping):
        address = address.get("url")
    if address is None:
        raise MissingParameter(f"'{path}.image_url' is required.", param=f"{path}.image_url")
    return _file(_text(address, f"{path}.image_url"), path, role)


def _data_uri(text: str, path: str) -> bytes:
    head, comma, payload = text.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise InvalidMedia(f"'{path}' must be a base64 data URI.", param=path)
    return _base64(payload, path)


def _base64(text: str, path: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidMedia(
            f"'{path}' is neither an http(s) URL, nor a data URI, nor base64.", param=path
        ) from None


def _check_metadata_size(metadata: Mapping[str, Any], bytes_max: int) -> None:
    """Bound metadata, images excepted: strings that are files do not count."""
    size = _weight(metadata)
    if size > bytes_max:
        raise InvalidValue(
            f"'metadata' may have at most {bytes_max} bytes as JSON; got about {size}.",
            param="metadata",
        )


_HOLDS_FILES: Final = frozenset({*_MEDIA - {"content"}, "url", "image_url", "video_url"})


def _weight(value: object, *, is_file: bool = False) -> int:
    """Estimate the size of a value as JSON; strings under the name of a file weigh nothing."""
    if isinstance(value, str):
        return 2 if is_file else len(value.encode("utf-8", "replace")) + 2
    if isinstance(value, Mapping):
        return 2 + sum(
            len(str(name)) + 4 + _weight(item, is_file=name in _HOLDS_FILES)
            for name, item in value.items()
        )
    if isinstance(value, list):
        return 2 + sum(1 + _weight(item, is_file=is_file) for item in value)
    return 2 if isinstance(value, Upload) else len(str(value))
