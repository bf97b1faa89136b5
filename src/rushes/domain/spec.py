"""What a caller wants, in one shape, whatever dialect it arrived in.

`Wish` is what the caller said, spelling and all; `Spec` is what was understood,
checked against a card, and will be made. `judging.decide` turns one into the
other. A spec is frozen with the task: replays and recoveries read it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import IO, Any, Final, Generic, TypeVar

from rushes.domain.errors import InvalidValue

PROMPT_CHARACTERS_MAX: Final = 10_000
SEED_MAX: Final = 2**31 - 1
EDGE_PX_MIN: Final = 2
EDGE_PX_MAX: Final = 8192
FILM_SECONDS_MAX: Final = 120
"""How long a film may be that another one became; no card allows more at once."""

SECONDS_BY_PROVIDER: Final = -1

T = TypeVar("T")


class Mode(StrEnum):
    """What a film is made from; one per task, found from the inputs."""

    TEXT_TO_VIDEO = "text_to_video"
    IMAGE_TO_VIDEO = "image_to_video"
    FIRST_LAST_FRAME = "first_last_frame"
    REFERENCE_TO_VIDEO = "reference_to_video"
    CONTINUATION = "continuation"
    REMIX = "remix"
    EDIT = "edit"
    EXTEND = "extend"

    @property
    def derives(self) -> bool:
        """Whether the film is made from a whole film, whose shape it takes over."""
        return self in {Mode.REMIX, Mode.EDIT, Mode.EXTEND}


class Medium(StrEnum):
    """What kind of file an asset is."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"


class Role(StrEnum):
    """What an asset is for."""

    FIRST_FRAME = "first_frame"
    LAST_FRAME = "last_frame"
    FIRST_CLIP = "first_clip"
    DRIVING_AUDIO = "driving_audio"
    REFERENCE_IMAGE = "reference_image"
    REFERENCE_VIDEO = "reference_video"
    REFERENCE_AUDIO = "reference_audio"
    SOURCE_FILM = "source_film"

    @property
    def medium(self) -> Medium:
        """The kind of file that can play this role."""
        return MEDIUM_OF[self]

    @property
    def is_reference(self) -> bool:
        """Whether the asset guides the film without being a part of it."""
        return self.value.startswith("reference_")


MEDIUM_OF: Final[Mapping[Role, Medium]] = {
    Role.FIRST_FRAME: Medium.IMAGE,
    Role.LAST_FRAME: Medium.IMAGE,
    Role.FIRST_CLIP: Medium.VIDEO,
    Role.DRIVING_AUDIO: Medium.AUDIO,
    Role.REFERENCE_IMAGE: Medium.IMAGE,
    Role.REFERENCE_VIDEO: Medium.VIDEO,
    Role.REFERENCE_AUDIO: Medium.AUDIO,
    Role.SOURCE_FILM: Medium.VIDEO,
}


@dataclass(frozen=True, slots=True)
class Size:
    """A frame size in pixels; both edges are even (4:2:0 chroma has half the resolution)."""

    width_px: int
    height_px: int

    def __str__(self) -> str:
        return f"{self.width_px}x{self.height_px}"

    @property
    def short_px(self) -> int:
        """The shorter edge, which names a resolution."""
        return min(self.width_px, self.height_px)


def parse_size(text: str, *, param: str = "size") -> Size:
    """Read a frame size written as WIDTHxHEIGHT, both in pixels; `X` and `*` also part the two.

    Raises:
        InvalidValue: with `param`; the message names the edge at fault.

    Source: CONTRACT §4.

    >>> parse_size("1280*720")
    Size(width_px=1280, height_px=720)
    """
    found = re.fullmatch(r"([0-9]{1,5})[xX*]([0-9]{1,5})", text.strip())
    if found is None:
        raise InvalidValue(f"'{param}' must look like 1280x720; got {text}.", param=param)
    size = Size(int(found[1]), int(found[2]))
    for edge, length_px in (("width", size.width_px), ("height", size.height_px)):
        if not EDGE_PX_MIN <= length_px <= EDGE_PX_MAX or length_px % 2:
            raise InvalidValue(
                f"'{param}' must have an even {edge} from {EDGE_PX_MIN} to {EDGE_PX_MAX} px; "
                f"got {length_px}.",
                param=param,
            )
    return size


@dataclass(frozen=True, slots=True)
class Asset:
    """A file the caller gave: in our blobs (`blob`), or still behind an address (`url`).

    `blob` is the lowercase hex SHA-256 of the bytes. `param` is the spelling the caller
    used, so that a fault found later can still name it. `seconds` is how long a video says it
    is, None where nobody knows.
    """

    role: Role
    param: str
    url: str | None = None
    blob: str | None = None
    content_type: str | None = None
    size_bytes: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """How a rehearsal is to end, for tests of callers (CONTRACT §12).

    `outcome` is `succeeded` or a videos code of CONTRACT §3; `delay_s` is time in progress.
    """

    outcome: str = "succeeded"
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Spec:
    """A wish, checked and complete. `seconds` is clip length, never compute time.

    `seconds` is -1 where the provider may choose. `seed` is always drawn: 0..SEED_MAX.
    `size` is exact. `options` are provider options a caller named at the top level,
    `passthrough` are metadata keys (dotted paths) the card lets through.
    """

    model: str
    mode: Mode
    prompt: str
    seconds: int
    size: Size
    seed: int
    resolution: str | None = None
    ratio: str | None = None
    with_audio: bool = False
    with_watermark: bool = False
    negative_prompt: str | None = None
    assets: tuple[Asset, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    passthrough: Mapping[str, Any] = field(default_factory=dict)
    source_id: str | None = None
    source_seconds: float | None = None
    script: Script | None = None

    def assets_as(self, *roles: Role) -> tuple[Asset, ...]:
        """Return the assets that play one of `roles`, in the caller's order."""
        return tuple(asset for asset in self.assets if asset.role in roles)


@dataclass(frozen=True, slots=True)
class Said(Generic[T]):
    """A value and the name under which the caller said it (a path, `metadata.input.prompt`)."""

    value: T
    param: str


@dataclass(frozen=True, slots=True)
class Offered:
    """A file as the caller offers it, before anyone looked inside.

    Exactly one of `url` and `content` is set. `role` is None while only the card can tell
    (an entry of `images`). `level` ranks where it was said: 0 is the strongest.
    """

    param: str
    role: Role | None
    url: str | None = None
    content: IO[bytes] | None = None
    file_name: str | None = None
    level: int = 0

    def is_same_file(self, other: Offered) -> bool:
        """Whether both are one file: the same address, or the same bytes."""
        if self.content is None or other.content is None:
            return self.url == other.url
        return _bytes_of(self.content) == _bytes_of(other.content)


def _bytes_of(content: IO[bytes]) -> bytes:
    content.seek(0)
    found = content.read()
    content.seek(0)
    return found


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller said, by the names of CONTRACT §4; None means not said.

    `source_id` is the task whose film is remixed, edited or extended; `source_film` is such a film
    that came along. `offered` has the files of every level, the strongest first: which of them
    count, `decide` tells. `size_params` are the names that told the size. `options` maps the
    house's name of a provider option to what was said of it, `metadata_keys` maps the dotted path
    of every metadata key that is no spelling of ours to its value; `ignored` names the unknown
    top-level keys. `order` has the path of everything the caller gave, in the order sent: the top
    level, then metadata.
    """

    model: Said[str] | None = None
    prompt: Said[str] | None = None
    seconds: Said[int] | None = None
    resolution: Said[str] | None = None
    ratio: Said[str] | None = None
    size: Said[Size] | None = None
    size_params: tuple[str, ...] = ()
    negative_prompt: Said[str] | None = None
    seed: Said[int] | None = None
    with_audio: Said[bool] | None = None
    with_watermark: Said[bool] | None = None
    outputs: Said[int] | None = None
    source_id: Said[str] | None = None
    source_film: Offered | None = None
    start_within_s: Said[int] | None = None
    callback_url: Said[str] | None = None
    user: Said[str] | None = None
    script: Said[Script] | None = None
    offered: tuple[Offered, ...] = ()
    options: Mapping[str, Said[Any]] = field(default_factory=dict)
    metadata_keys: Mapping[str, Any] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    order: tuple[str, ...] = ()

    def as_told(self, size: Size) -> list[Said[str]]:
        """Return a size under the names that told one: whole, or by its edges."""
        edges = {"width": str(size.width_px), "height": str(size.height_px)}
        return [
            Said(edges.get(path.rpartition(".")[2], str(size)), path) for path in self.size_params
        ]

    def in_order(self, said: Iterable[Said[str]]) -> tuple[Said[str], ...]:
        """Return values in the order in which their names were sent, the others behind."""
        places = {path: place for place, path in enumerate(self.order)}
        return tuple(sorted(said, key=lambda one: places.get(one.param, len(places))))
