"""A spec in the words of a model at Replicate: what stands against it, and its create.

Every model there has an input of its own, and what its input does not know is left unread (MEM):
a wish in the wrong word would be paid for and not fulfilled. So a model is told only in words
that were read on its page (DOC, replicate.com/MODEL/versions/.../api, copies read 2026-11), or
that an operator wrote down (`inputs`); a model without any is refused unsent.

- seedance-1-pro, -1-lite and -1.5-pro: an image decides the ratio; references (lite, one to four)
  exclude frames and 1080p; a last frame wants a first. 1.5-pro has no word for a resolution. DOC
- seedance-2.0 and -2.0-fast: references (nine images, three videos, three sounds) exclude frames,
  and a sound wants one of the others; duration -1 and the ratio adaptive leave it to the model;
  sound is made where nothing is said.                                                      DOC
- a model is OWNER/NAME where it is official, OWNER/NAME:VERSION or VERSION elsewhere; a
  deployment of one's own has a path of its own.                                       SDK, DOC
- files are links, or data URIs, better below 256 kB each; above 10 MB together Replicate's
  JavaScript client sends none.                                                        DOC, MEM
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Final

from rushes.domain.spec import SECONDS_BY_PROVIDER, Mode, Role, Spec
from rushes.providers.orders import noun, sendable, wrong_mode

MODES: Final = frozenset(
    {
        Mode.TEXT_TO_VIDEO,
        Mode.IMAGE_TO_VIDEO,
        Mode.FIRST_LAST_FRAME,
        Mode.REFERENCE_TO_VIDEO,
    }
)
ROLES: Final[Mapping[Mode, frozenset[Role]]] = {
    Mode.TEXT_TO_VIDEO: frozenset(),
    Mode.IMAGE_TO_VIDEO: frozenset({Role.FIRST_FRAME}),
    Mode.FIRST_LAST_FRAME: frozenset({Role.FIRST_FRAME, Role.LAST_FRAME}),
    Mode.REFERENCE_TO_VIDEO: frozenset(
        {Role.REFERENCE_IMAGE, Role.REFERENCE_VIDEO, Role.REFERENCE_AUDIO}
    ),
}
ADAPTIVE: Final = "adaptive"

_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_VERSION: Final = r"[0-9a-f]{64}"
_OFFICIAL: Final = re.compile(rf"({_NAME})/({_NAME})")
_VERSIONED: Final = re.compile(rf"(?:({_NAME}/{_NAME}):)?({_VERSION})")
_DEPLOYED: Final = re.compile(rf"deployments/({_NAME})/({_NAME})")


@dataclass(frozen=True, slots=True)
class Inputs:
    """The words of a model's input for what a spec says; None where it has none.

    Those for references take lists. `tells_free` says that what is left to the model is told (-1
    seconds, the ratio adaptive), and not left out. `always` is said with every create as it stands.
    """

    prompt: str = "prompt"
    first_frame: str | None = None
    last_frame: str | None = None
    reference_images: str | None = None
    reference_videos: str | None = None
    reference_audios: str | None = None
    seconds: str | None = None
    resolution: str | None = None
    ratio: str | None = None
    size: str | None = None
    width: str | None = None
    height: str | None = None
    sound: str | None = None
    seed: str | None = None
    negative_prompt: str | None = None
    camera_fixed: str | None = None
    tells_free: bool = False
    always: Mapping[str, object] = field(default_factory=dict)

    def word_of(self, role: Role) -> str | None:
        """Return the word for a file that plays a role."""
        words = {
            Role.FIRST_FRAME: self.first_frame,
            Role.LAST_FRAME: self.last_frame,
            Role.REFERENCE_IMAGE: self.reference_images,
            Role.REFERENCE_VIDEO: self.reference_videos,
            Role.REFERENCE_AUDIO: self.reference_audios,
        }
        return words.get(role)


_SEEDANCE: Final = Inputs(
    first_frame="image",
    last_frame="last_frame_image",
    seconds="duration",
    resolution="resolution",
    ratio="aspect_ratio",
    seed="seed",
    camera_fixed="camera_fixed",
)
_SEEDANCE_2: Final = replace(
    _SEEDANCE,
    reference_images="reference_images",
    reference_videos="reference_videos",
    reference_audios="reference_audios",
    sound="generate_audio",
    camera_fixed=None,
    tells_free=True,
)
KNOWN: Final[Mapping[str, Inputs]] = {
    "bytedance/seedance-1-pro": _SEEDANCE,
    "bytedance/seedance-1-lite": replace(_SEEDANCE, reference_images="reference_images"),
    "bytedance/seedance-1.5-pro": replace(_SEEDANCE, resolution=None, sound="generate_audio"),
    "bytedance/seedance-2.0": _SEEDANCE_2,
    "bytedance/seedance-2.0-fast": _SEEDANCE_2,
}
"""Models whose input was read."""


def read_inputs(said: object) -> dict[str, Inputs]:
    """Read an operator's option `inputs`: a table of words for each model.

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    tables = said if isinstance(said, Mapping) else None
    if tables is None:
        raise ValueError("option 'inputs' has a table for each model, such as OWNER/NAME")
    return {str(model): _inputs_in(str(model), words) for model, words in tables.items()}


_KINDS: Final[Mapping[str, tuple[type, str]]] = {
    "always": (dict, "a table"),
    "tells_free": (bool, "true, or left out"),
}


def _inputs_in(model: str, words: object) -> Inputs:
    place(model)  # says what is wrong with a name
    if not isinstance(words, Mapping) or not words:
        raise ValueError(f"inputs of {model!r} are a table of words")
    known = [one.name for one in fields(Inputs)]
    for name, word in words.items():
        if name not in known:
            raise ValueError(f"inputs of {model!r} have no {name!r}; known are {', '.join(known)}")
        wanted, kind = _KINDS.get(name, (str, "a word"))
        if not isinstance(word, wanted) or not word:
            raise ValueError(f"{name!r} among the inputs of {model!r} is {kind}; got {word!r}")
    return Inputs(**words)


def inputs_of(model: str, said: Mapping[str, Inputs]) -> Inputs | None:
    """Return the words of a model, the operator's before ours; a version's are its model's.

    >>> inputs_of("bytedance/seedance-1-lite:" + 64 * "a", {}).reference_images
    'reference_images'
    """
    names = (model, model.partition(":")[0])
    found = (table[name] for table in (said, KNOWN) for name in names if name in table)
    return next(found, None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model's predictions are created; `version` and `model` are echoed by each."""

    path: str
    model: str | None = None
    version: str | None = None
    says: Mapping[str, str] = field(default_factory=dict)


def place(model: str) -> Place:
    """Return where a model is.

    Raises:
        ValueError: a model has no such name.

    >>> place("bytedance/seedance-1-pro").path
    '/models/bytedance/seedance-1-pro/predictions'
    """
    if found := _DEPLOYED.fullmatch(model):
        return Place(f"/deployments/{found[1]}/{found[2]}/predictions")
    if found := _OFFICIAL.fullmatch(model):
        return Place(f"/models/{found[1]}/{found[2]}/predictions", model=model)
    if found := _VERSIONED.fullmatch(model):
        return Place("/predictions", found[1], found[2], {"version": model})
    raise ValueError(
        f"a model at Replicate is OWNER/NAME, OWNER/NAME:VERSION, VERSION or "
        f"deployments/OWNER/NAME; got {model!r}"
    )


def objection(spec: Spec, inputs: Inputs) -> str:
    """Say why a model cannot make this; empty where it can."""
    return next(_objections(spec, inputs), "")


def _objections(spec: Spec, inputs: Inputs) -> Iterator[str]:
    if sentence := wrong_mode(spec, MODES):
        yield sentence
    else:
        yield from _wrong_files(spec, inputs)
        yield from _wrong_settings(spec, inputs)


def _wrong_files(spec: Spec, inputs: Inputs) -> Iterator[str]:
    wanted, roles = ROLES[spec.mode], [asset.role for asset in spec.assets]
    for role in roles:
        if role not in wanted:
            yield f"The provider takes no {noun(role)} in the mode {spec.mode}."
        if inputs.word_of(role) is None:
            yield f"The model takes no {noun(role)}."
    if spec.mode is Mode.REFERENCE_TO_VIDEO:
        if set(roles) <= {Role.REFERENCE_AUDIO}:
            yield f"The mode {spec.mode} needs a reference image or a reference video."
        return
    for role in sorted(wanted):
        if roles.count(role) != 1:
            yield f"The mode {spec.mode} needs one {noun(role)}, and no more."


def _wrong_settings(spec: Spec, inputs: Inputs) -> Iterator[str]:
    if not spec.prompt and not spec.assets:
        yield "The provider needs a prompt or an image."
    if inputs.resolution and spec.resolution is None:
        yield f"The model makes no film of {spec.size}."
    if spec.with_audio and inputs.sound is None:
        yield "The model makes no sound."
    if spec.options.get("camera_fixed") and inputs.camera_fixed is None:
        yield "The model knows no fixed camera."


@dataclass(frozen=True, slots=True)
class Order:
    """All that a create says beside the spec. `media` are links, one for each asset in order."""

    place: Place
    inputs: Inputs
    media: Sequence[str] = ()
    callback_url: str | None = None


def told(spec: Spec, order: Order) -> dict[str, object]:
    """Put a spec that nothing is to be said against into the body of a create."""
    body: dict[str, object] = {**order.place.says, "input": _input(spec, order)}
    if order.callback_url is not None:
        body["webhook"] = order.callback_url
        body["webhook_events_filter"] = ["completed"]
    return body


def _input(spec: Spec, order: Order) -> dict[str, object]:
    words, said = order.inputs, dict(order.inputs.always)
    said |= settings(spec, words)
    lists: dict[str, list[str]] = {}
    for asset, link in zip(spec.assets, order.media, strict=True):
        word = str(words.word_of(asset.role))
        if asset.role.is_reference:
            lists.setdefault(word, []).append(link)
        else:
            said[word] = link
    return said | lists


def settings(spec: Spec, words: Inputs) -> dict[str, object]:
    """Return what a model is told beside files, in its own words."""
    size, is_free = spec.size, words.tells_free
    ratio = ADAPTIVE if spec.ratio in {None, ADAPTIVE} else spec.ratio
    pairs: list[tuple[str | None, object]] = [
        (words.prompt, sendable(spec.prompt)),
        (words.resolution, spec.resolution),
        (words.ratio, None if ratio == ADAPTIVE and not is_free else ratio),
        (words.size, f"{size.width_px}*{size.height_px}"),
        (words.width, size.width_px),
        (words.height, size.height_px),
        (words.seconds, spec.seconds if spec.seconds != SECONDS_BY_PROVIDER or is_free else None),
        (words.seed, spec.seed),
        (words.sound, spec.with_audio),
        (words.negative_prompt, sendable(spec.negative_prompt or "") or None),
        (words.camera_fixed, True if spec.options.get("camera_fixed") else None),
    ]
    return {word: value for word, value in pairs if word is not None and value is not None}


def likeness(spec: Spec, order: Order) -> dict[str, str]:
    """Return what a prediction of ours echoes in the list, as text: its place, and its input.

    Flags are left out, for they are no text; files, for a data URI need not come back.
    """
    echo = {"model": order.place.model, "version": order.place.version}
    for word, value in settings(spec, order.inputs).items():
        if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            echo[f"input.{word}"] = str(value)
    return {name: text for name, text in echo.items() if text}
