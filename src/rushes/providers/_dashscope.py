"""How each family of Wan models is asked by DashScope: forms as data, and a spec put into one.

Which input a model takes goes by its name. `media` is for wan2.7-i2v and wan2.7-r2v, `img_url`
for what came before, `reference_urls` for wan2.6-r2v: read in dashscope 2.0.2
(`v2/resources/videos.py` and its examples). Marks are those of `dashscope.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from fnmatch import fnmatchcase
from typing import Any, Final

from rushes.domain.errors import Blame, Failure, Reason
from rushes.domain.spec import SECONDS_BY_PROVIDER, Mode, Role, Size, Spec
from rushes.providers.base import Refused
from rushes.providers.orders import noun, sendable, wrong_mode

VIDEO: Final = "/services/aigc/video-generation/video-synthesis"
FRAMES: Final = "/services/aigc/image2video/video-synthesis"


class Frame(Enum):
    """By which parameters a form is told the size of the picture."""

    SIZE = auto()
    RESOLUTION = auto()
    RESOLUTION_AND_RATIO = auto()


@dataclass(frozen=True, slots=True)
class Takes:
    """The files of a mode: one of each that it `needs` (`any` is enough), others it `may` have."""

    needs: tuple[Role, ...] = ()
    may: tuple[Role, ...] = ()
    any: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """How a family of models is asked.

    `places` says where files go: each the name of an input, or with `in_media` the type of an
    item of `input.media`; `lists` are inputs with several. `tells_audio` forms have a switch.
    """

    modes: Mapping[Mode, Takes]
    frame: Frame
    places: Mapping[Role, str]
    in_media: bool = False
    lists: frozenset[str] = frozenset()
    tells_audio: bool = False
    path: str = VIDEO


_SOUND: Final = (Role.DRIVING_AUDIO,)
_REFERENCES: Final = (Role.REFERENCE_IMAGE, Role.REFERENCE_VIDEO)

FLAT_T2V: Final = Form(
    modes={Mode.TEXT_TO_VIDEO: Takes(may=_SOUND)},
    frame=Frame.SIZE,
    places={Role.DRIVING_AUDIO: "audio_url"},
    tells_audio=True,
)
"""Up to wan2.6. SDK, WIRE; that wan2.6 takes a size as wan2.5 does is MEM."""

RATIO_T2V: Final = replace(FLAT_T2V, frame=Frame.RESOLUTION_AND_RATIO, tells_audio=False)
"""wan2.7. DOC, WIRE; `audio_url` by the SDK, whose media models are all of another mode."""

FORMS: Final[Mapping[str, Form]] = {
    "flat_t2v": FLAT_T2V,
    "ratio_t2v": RATIO_T2V,
    "flat_i2v": Form(  # up to wan2.6: SDK, WIRE
        modes={Mode.IMAGE_TO_VIDEO: Takes((Role.FIRST_FRAME,), _SOUND)},
        frame=Frame.RESOLUTION,
        places={Role.FIRST_FRAME: "img_url", Role.DRIVING_AUDIO: "audio_url"},
        tells_audio=True,
    ),
    "flat_r2v": Form(  # wan2.6-r2v: SDK (examples); its size is MEM
        modes={Mode.REFERENCE_TO_VIDEO: Takes(_REFERENCES, any=True)},
        frame=Frame.SIZE,
        places=dict.fromkeys(_REFERENCES, "reference_urls"),
        lists=frozenset({"reference_urls"}),
        tells_audio=True,
    ),
    "media_i2v": Form(  # wan2.7: DOC, WIRE; what goes with what: powower.com, modellix.ai
        modes={
            Mode.IMAGE_TO_VIDEO: Takes((Role.FIRST_FRAME,), _SOUND),
            Mode.FIRST_LAST_FRAME: Takes((Role.FIRST_FRAME, Role.LAST_FRAME), _SOUND),
            Mode.CONTINUATION: Takes((Role.FIRST_CLIP,), (Role.LAST_FRAME,)),
        },
        frame=Frame.RESOLUTION,
        places={
            role: role.value
            for role in (Role.FIRST_FRAME, Role.LAST_FRAME, Role.FIRST_CLIP, Role.DRIVING_AUDIO)
        },
        in_media=True,
    ),
    "media_r2v": Form(  # wan2.7: SDK (MediaType, examples); a voice for a reference is not known
        modes={Mode.REFERENCE_TO_VIDEO: Takes(_REFERENCES, any=True)},
        frame=Frame.RESOLUTION_AND_RATIO,
        places={role: role.value for role in _REFERENCES},
        in_media=True,
    ),
    "kf2v": Form(  # wan2.2: SDK, WIRE
        modes={Mode.FIRST_LAST_FRAME: Takes((Role.FIRST_FRAME, Role.LAST_FRAME))},
        frame=Frame.RESOLUTION,
        places={Role.FIRST_FRAME: "first_frame_url", Role.LAST_FRAME: "last_frame_url"},
        path=FRAMES,
    ),
}

MODELS: Final = (
    ("*kf2v*", "kf2v"),
    ("wan2.[56]-t2v*", "flat_t2v"),
    ("wan2.[56]-i2v*", "flat_i2v"),
    ("wan2.6-r2v*", "flat_r2v"),
    ("wan2.7-t2v*", "ratio_t2v"),
    ("wan2.7-i2v*", "media_i2v"),
    ("wan2.7-r2v*", "media_r2v"),
)
"""Upstream model → form; the first pattern that fits. What stands here was read somewhere."""

SIZES: Final[Mapping[str, str]] = {
    "854x480": "832*480",
    "480x854": "480*832",
    "480x480": "624*624",
    "720x720": "960*960",
    "960x720": "1088*832",
    "720x960": "832*1088",
    "1080x1080": "1440*1440",
    "1440x1080": "1632*1248",
    "1080x1440": "1248*1632",
}
"""Ours → theirs, where DashScope has no size like ours. MEM: a wrong one is refused unpaid."""

_OURS: Final = {
    "input": frozenset({"prompt", "negative_prompt"}),
    "parameters": frozenset(
        {"size", "resolution", "ratio", "duration", "audio", "seed", "watermark", "prompt_extend"}
    ),
}
"""What a spec decides, also by leaving it out: no listed key of a caller's metadata says it."""


@dataclass(frozen=True, slots=True)
class Book:
    """The tables above, and before them what an operator says: forms of models, and sizes."""

    forms: tuple[tuple[str, str], ...] = ()
    sizes: Mapping[str, str] = field(default_factory=dict)

    def form_of(self, upstream_model: str) -> Form | None:
        """Return how a model is asked, None where nobody knows."""
        rows = (*self.forms, *MODELS)
        named = (name for model, name in rows if fnmatchcase(upstream_model, model))
        return next((FORMS[name] for name in named), None)

    def size_of(self, size: Size) -> str:
        """Return a size in DashScope's words."""
        theirs = {**SIZES, **self.sizes}.get(str(size), str(size))
        return theirs.replace("x", "*")


@dataclass(frozen=True, slots=True)
class Told:
    """What DashScope is told of a spec: where, and the body."""

    path: str
    body: Mapping[str, object]


def told(
    spec: Spec, upstream_model: str, book: Book, addresses: Sequence[str] | None = None
) -> Told:
    """Put a spec into DashScope's words; `addresses` are those of `spec.assets`, in order.

    Without addresses, find out whether it can be told at all.

    Raises:
        Refused: DashScope cannot make it; another route may, so no caller is blamed.
    """
    form = book.form_of(upstream_model)
    sentence = _objection(spec, form)
    if form is None or sentence:
        failure = Failure.of(Reason.PARAMETERS_REFUSED, sentence)
        raise Refused(failure, Blame.PROVIDER, note=f"{upstream_model}: {spec.mode}")
    wish: dict[str, Any] = {"prompt": spec.prompt}
    if spec.negative_prompt:
        wish["negative_prompt"] = spec.negative_prompt
    wish |= _files(spec, form, addresses or [""] * len(spec.assets))
    body = {
        "model": upstream_model,
        "input": _with_passthrough(wish, spec, "input"),
        "parameters": _with_passthrough(_parameters(spec, form, book), spec, "parameters"),
    }
    return Told(form.path, body)


def _objection(spec: Spec, form: Form | None) -> str:
    if sentence := wrong_mode(spec):
        return sentence
    if form is None:
        return "The provider was not told how this model is asked; the operator may say."
    takes = form.modes.get(spec.mode)
    if takes is None:
        return f"The provider does not offer the mode {spec.mode} with this model."
    roles = [asset.role for asset in spec.assets]
    for role in roles:
        if role not in takes.needs + takes.may:
            return f"The provider takes no {noun(role)} in the mode {spec.mode}."
        if roles.count(role) > 1 and not role.is_reference:
            return f"The provider takes one {noun(role)}."
    missing = [role for role in takes.needs if role not in roles]
    if missing and not (takes.any and len(missing) < len(takes.needs)):
        return f"The provider needs a {noun(missing[0])} in the mode {spec.mode}."
    return ""


def _files(spec: Spec, form: Form, addresses: Sequence[str]) -> dict[str, Any]:
    placed = [
        (form.places[asset.role], address)
        for asset, address in zip(spec.assets, addresses, strict=True)
    ]
    if form.in_media:
        return {"media": [{"type": place, "url": address} for place, address in placed]}
    files: dict[str, Any] = {}
    for place, address in placed:
        files[place] = [*files.get(place, []), address] if place in form.lists else address
    return files


def _parameters(spec: Spec, form: Form, book: Book) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    if form.frame is Frame.SIZE:
        parameters["size"] = book.size_of(spec.size)
    else:
        parameters["resolution"] = (spec.resolution or f"{spec.size.short_px}p").upper()
    if form.frame is Frame.RESOLUTION_AND_RATIO and spec.ratio and ":" in spec.ratio:
        parameters["ratio"] = spec.ratio
    if spec.seconds != SECONDS_BY_PROVIDER:
        parameters["duration"] = spec.seconds
    if form.tells_audio:
        parameters["audio"] = spec.with_audio
    if "prompt_extend" in spec.options:
        parameters["prompt_extend"] = spec.options["prompt_extend"]
    return parameters | {"watermark": spec.with_watermark, "seed": spec.seed}


def _with_passthrough(ours: Mapping[str, Any], spec: Spec, group: str) -> dict[str, object]:
    """Add the keys of a group that a caller's metadata lists; what is ours stays ours.

    `input.media` is told item by item: those of types we do not know come after ours.
    """
    listed = {
        path.removeprefix(f"{group}."): value
        for path, value in spec.passthrough.items()
        if path.startswith(f"{group}.")
    }
    theirs = {name: value for name, value in listed.items() if name not in _OURS[group]}
    merged = {**theirs, **ours}
    if isinstance(listed.get("media"), list) and isinstance(ours.get("media"), list):
        merged["media"] = [*ours["media"], *listed["media"]]
    return {name: encodable(value) for name, value in merged.items()}


def encodable(value: object) -> object:
    """Replace half a surrogate, for it has no encoding, in whatever JSON holds."""
    match value:
        case str():
            return value if value.isascii() else sendable(value)
        case list():
            return [encodable(item) for item in value]
        case dict():
            return {encodable(name): encodable(item) for name, item in value.items()}
        case _:
            return value
