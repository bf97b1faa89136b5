"""Reading a create in any spelling of CONTRACT §4 into one Wish.

Four levels, strongest first: the top, `metadata.parameters`, `metadata.input`, `metadata`.
On one level two spellings of a parameter must agree; between levels the stronger wins. Every
value is kept with the path under which the caller said it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from rushes.domain.errors import InvalidValue, MissingParameter
from rushes.domain.spec import Mode, Offered, Said, Script, Size, Wish, parse_size
from rushes.http import values
from rushes.http.offers import (
    NAMED,
    OFFERING,
    Upload,
    content_texts,
    is_media,
    offers_of,
    source_of,
)
from rushes.http.values import Level

T = TypeVar("T")

DELAY_S_MAX: Final = 60
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
    "source_id": ("remix_from_video_id",),
    "callback_url": ("callback_url",),
    "user": ("user",),
    "response_format": ("response_format",),
}
OPTION_SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "prompt_extend": ("prompt_extend", "smart_rewrite"),
    "person_generation": ("person_generation", "personGeneration"),
    "fps": ("fps",),
    "cfg_scale": ("cfg_scale",),
    "mode": ("mode",),
    "camera_fixed": ("camera_fixed",),
    "quality_level": ("quality_level",),
}
_OPTIONS: Final = frozenset(name for names in OPTION_SPELLINGS.values() for name in names)
_SIZES: Final = frozenset({"size", "width", "height"})
_EVERYWHERE: Final = (
    frozenset(name for names in SPELLINGS.values() for name in names) | _OPTIONS | _SIZES | NAMED
)
"""Names that are read on every level."""

KNOWN: Final = _EVERYWHERE | {"model", "metadata", "content"}
_IN_INPUT: Final = _EVERYWHERE | {"media"}
_IN_METADATA: Final = _EVERYWHERE | {"content", "start_within_s"}


@dataclass(frozen=True, slots=True)
class JsonAsked:
    """A create as one mapping of names to values (JSON, or a form made alike).

    `start_within` is the header's; `derives` is what a route for films from films makes: then a
    remix has its source in the path, an edit and an extension in `video`.
    """

    body: Mapping[str, Any]
    start_within: str | None = None
    metadata_bytes_max: int = 256 * 2**10
    derives: Mode | None = None

    def model(self) -> Said[str] | None:
        """Return the model the caller named."""
        value = self.body.get("model")
        return None if value is None else Said(values.text(value, "model"), "model")

    def wish(self, *, is_sandboxed: bool) -> Wish:
        """Return everything the caller said; a script only where the sandbox follows it."""
        return _Reader(self, is_sandboxed=is_sandboxed).read()


class _Reader:
    """Reads one body; a value object would hold nothing that outlives the call."""

    def __init__(self, asked: JsonAsked, *, is_sandboxed: bool) -> None:
        self._asked = asked
        self._is_sandboxed = is_sandboxed
        metadata = asked.body.get("metadata")
        if metadata is None:
            metadata = {}
        if not isinstance(metadata, Mapping):
            raise InvalidValue("'metadata' must be an object.", param="metadata")
        self._metadata = metadata
        parameters, given = _object(metadata.get("parameters")), _object(metadata.get("input"))
        _check_weight(metadata, asked.metadata_bytes_max)
        levels = [
            Level(asked.body, ""),
            Level(parameters, "metadata.parameters."),
            Level(given, "metadata.input."),
            Level(metadata, "metadata."),
        ]
        self._levels = [level for level in levels if level.values]
        self._names = set[str]().union(*(level.values for level in self._levels))
        """What is said on any level: most bodies say little, and what they do not is not sought."""

    def read(self) -> Wish:
        top = tuple(n for n, v in self._asked.body.items() if v is not None and n != "metadata")
        derives = self._asked.derives
        source: Said[str] | Offered | None = None
        if derives is None:
            source = self._one("source_id", values.text)
        elif derives is not Mode.REMIX:
            source = source_of(Level(self._asked.body, ""))
        model, prompt = self._asked.model(), self._prompt()
        seconds = self._one("seconds", values.whole) if derives is Mode.EXTEND else None
        is_beside = derives is not None or source is not None
        return Wish(
            model=model,
            prompt=prompt,
            source_id=source if isinstance(source, Said) else None,
            source_film=source if isinstance(source, Offered) else None,
            start_within_s=self._start(),
            callback_url=self._one("callback_url", values.text),
            user=self._one("user", values.user),
            metadata_keys=dict(self._rest_of_metadata()),
            ignored=tuple(name for name in top if name not in KNOWN),
            order=(*top, *_metadata_paths(self._metadata)),
            # Beside a source nothing else is read (CONTRACT §4, §7).
            **({"seconds": seconds} if is_beside else self._rest()),
        )

    def _rest(self) -> dict[str, Any]:
        """Return what is said of a film that is made from nothing but what came along."""
        self._check_response_format()
        size, size_params = self._size()
        return {
            "seconds": self._one("seconds", values.whole),
            "resolution": self._one("resolution", values.lower_text),
            "ratio": self._one("ratio", values.text),
            "size": size,
            "size_params": size_params,
            "negative_prompt": self._one("negative_prompt", values.negative_text),
            "seed": self._one("seed", values.seed),
            "with_audio": self._one("with_audio", values.flag),
            "with_watermark": self._one("with_watermark", values.flag),
            "outputs": self._one("outputs", values.whole),
            "script": self._script(),
            "offered": tuple(self._offered()),
            "options": self._options(),
        }

    # -- scalars -------------------------------------------------------------------------

    def _one(self, name: str, read: Callable[[Any, str], T]) -> Said[T] | None:
        if self._names.isdisjoint(SPELLINGS[name]):
            return None
        for level in self._levels:
            said = values.agree(level, SPELLINGS[name], read)
            if said is not None:
                return said
        return None

    def _prompt(self) -> Said[str] | None:
        for level in self._levels:
            said = values.agree(level, SPELLINGS["prompt"], values.prompt_text)
            for text in content_texts(level):
                if said is not None and said.value != text.value:
                    raise values.disagree(said, text)
                said = said or text
            if said is not None:
                return said
        return None

    def _size(self) -> tuple[Said[Size] | None, tuple[str, ...]]:
        """Return the size, and every name that told it."""
        if self._names.isdisjoint(_SIZES):
            return None, ()
        for level in self._levels:
            whole, edges = _whole_size(level), _edges(level)
            if whole is not None and edges is not None and whole.value != edges.value:
                raise values.disagree(whole, edges)
            said = whole or edges
            if said is not None:
                of_edges = ("width", "height") if edges is not None else ()
                names = (*(("size",) if whole is not None else ()), *of_edges)
                return said, tuple(level.path(name) for name in names)
        return None, ()

    def _options(self) -> dict[str, Said[Any]]:
        found: dict[str, Said[Any]] = {}
        if self._names.isdisjoint(_OPTIONS):
            return found
        for name, spellings in OPTION_SPELLINGS.items():
            for level in self._levels:
                said = values.agree(level, spellings, values.option)
                if said is not None:
                    found[name] = said
                    break
        return found

    def _check_response_format(self) -> None:
        said = self._one("response_format", values.text)
        if said is not None and said.value != "url":
            raise InvalidValue(
                f"'{said.param}' must be url; got {values.shown(said.value)}.", param=said.param
            )

    def _start(self) -> Said[int] | None:
        """Read the start deadline; the header wins (CONTRACT §2)."""
        if self._asked.start_within is not None:
            return values.start_within(self._asked.start_within, "Rushes-Start-Within")
        value = self._metadata.get("start_within_s")
        return None if value is None else values.start_within(value, "metadata.start_within_s")

    def _script(self) -> Said[Script] | None:
        value = self._metadata.get("sandbox")
        if value is None or not self._is_sandboxed:
            return None
        path = "metadata.sandbox"
        if not isinstance(value, Mapping):
            raise InvalidValue(f"'{path}' must be an object.", param=path)
        outcome, delay = value.get("outcome"), value.get("delay_s")
        outcome = "succeeded" if outcome is None else values.text(outcome, f"{path}.outcome")
        if outcome not in OUTCOMES:
            raise InvalidValue(
                f"'{path}.outcome' must be one of {', '.join(OUTCOMES)}; "
                f"got {values.shown(outcome)}.",
                param=f"{path}.outcome",
            )
        delay_s = 0.0 if delay is None else values.number(delay, f"{path}.delay_s")
        if not 0 <= delay_s <= DELAY_S_MAX:
            raise InvalidValue(
                f"'{path}.delay_s' must be from 0 to {DELAY_S_MAX}; got {delay_s:g}.",
                param=f"{path}.delay_s",
            )
        return Said(Script(outcome, delay_s), path)

    # -- files ---------------------------------------------------------------------------

    def _offered(self) -> Iterator[Offered]:
        """Collect the files of every level; which of them count, the card tells."""
        if self._names.isdisjoint(OFFERING):
            return
        for rank, level in enumerate(self._levels):
            yield from (replace(file, level=rank) for file in offers_of(level))

    # -- what is left of metadata ----------------------------------------------------------

    def _rest_of_metadata(self) -> Iterator[tuple[str, Any]]:
        """Yield the keys that no parameter of ours is read from, by their paths."""
        for path, name, value in _metadata_items(self._metadata):
            if path == "input.media" and isinstance(value, list):
                others = [item for item in value if not is_media(item)]
                if others:
                    yield path, others
            elif not self._is_read(path, name):
                if isinstance(value, Upload):
                    raise InvalidValue(f"'metadata.{path}' must not be a file.", param="metadata")
                yield path, value

    def _is_read(self, path: str, name: str) -> bool:
        if path.startswith("parameters."):
            return name in _EVERYWHERE
        if path.startswith("input."):
            return name in _IN_INPUT
        return name in _IN_METADATA or (name == "sandbox" and self._is_sandboxed)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _metadata_items(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield what metadata holds: path, name and value; null is not given.

    A name that looks like a path is none: `parameters.size` beside our reading of
    `parameters` would get past the card.
    """
    for name, value in metadata.items():
        if name in _NESTED and isinstance(value, Mapping):
            for inner, item in value.items():
                if item is not None:
                    yield f"{name}.{inner}", inner, item
        elif value is not None:
            is_path = name.partition(".")[0] in _NESTED and name not in _NESTED
            yield name.replace(".", "%2E") if is_path else name, name, value


_NESTED: Final = frozenset({"parameters", "input"})


def _metadata_paths(metadata: Mapping[str, Any]) -> Iterator[str]:
    return (f"metadata.{path}" for path, _, _ in _metadata_items(metadata))


def _whole_size(level: Level) -> Said[Size] | None:
    value, path = level.values.get("size"), level.path("size")
    if value is None:
        return None
    return Said(parse_size(values.text(value, path), param=path), path)


def _edges(level: Level) -> Said[Size] | None:
    """Read `width` and `height`, which only together are a size."""
    width, height = level.values.get("width"), level.values.get("height")
    if width is None and height is None:
        return None
    width_at, height_at = level.path("width"), level.path("height")
    if width is None or height is None:
        given, missing = (height_at, width_at) if width is None else (width_at, height_at)
        raise MissingParameter(f"'{given}' needs '{missing}' beside it.", param=missing)
    text = f"{values.whole(width, width_at)}x{values.whole(height, height_at)}"
    return Said(parse_size(text, param=width_at), width_at)


# -- how much metadata weighs -----------------------------------------------------------------

_FILE_KEYS: Final = frozenset({"url", "image_url", "video_url", "audio_url"})


def _check_weight(metadata: Mapping[str, Any], bytes_max: int) -> None:
    """Bound metadata, images excepted: strings where a file is read do not count.

    Counting stops at the bound, so that no body can keep us at it for long.
    """
    size, heap = 0, list(_weighed(metadata))
    while heap and size <= bytes_max:
        value, is_file = heap.pop()
        if isinstance(value, str):
            size += 2 if is_file else len(value.encode("utf-8", "replace")) + 2
        elif isinstance(value, Mapping):
            size += sum(len(name) + 4 for name in value)
            heap += [(item, is_file and name in _FILE_KEYS) for name, item in value.items()]
        elif isinstance(value, list):
            size += len(value) + 2
            heap += [(item, is_file) for item in value]
        else:
            size += 2 if isinstance(value, Upload) else len(str(value))
    if size > bytes_max:
        raise InvalidValue(
            f"'metadata' may have at most {bytes_max} bytes as JSON.", param="metadata"
        )


def _weighed(metadata: Mapping[str, Any]) -> Iterator[tuple[Any, bool]]:
    """Yield the parts of metadata, and whether strings in them are files."""
    for path, name, value in _metadata_items(metadata):
        yield name, False
        if path == "input.media" and isinstance(value, list):
            yield from ((item, is_media(item)) for item in value)
        else:
            yield value, name in NAMED or path == "content"
