"""How a wish is judged: a Wish and a card in, a Decision out, or a refusal by name.

`decide` is the whole judgement but for the bytes of the files; `param` of a refusal is the
caller's spelling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from rushes.domain.catalog import (
    ADAPTIVE,
    FALLBACK_RATIO,
    Listing,
    ModelCard,
    PromptRule,
    Sound,
    size_of,
)
from rushes.domain.errors import (
    BadRequest,
    ConflictingParameters,
    InvalidValue,
    MissingParameter,
    Unsupported,
)
from rushes.domain.places import settled
from rushes.domain.spec import Mode, Offered, Role, Said, Size, Wish

OPTION_CHARACTERS_MAX: Final = 1000
OPTION_MAX: Final = 10**18


@dataclass(frozen=True, slots=True)
class Decision:
    """What was understood of a wish: everything but the bytes of the files.

    `ignored` names what had no effect, as the caller spelled it, in the order sent. `ratio` is
    `adaptive`, or None for a card whose ratio is the source's, when the size waits for the first
    frame: then `size` is the 16:9 stand-in. `coerced` has the values that took the place of some
    outside the card, under the caller's names.
    """

    mode: Mode
    prompt: str
    seconds: int
    resolution: str | None
    ratio: str | None
    size: Size
    with_audio: bool
    offered: tuple[Offered, ...]
    options: Mapping[str, Any]
    passthrough: Mapping[str, Any]
    ignored: tuple[str, ...]
    coerced: tuple[Said[str], ...] = ()


def decide(
    wish: Wish,
    listing: Listing,
    *,
    passes_all_metadata: bool | None = None,
    coerces: bool = False,
) -> Decision:
    """Judge a wish by the card of its model.

    `passes_all_metadata` is the operator's metadata policy: None lists (the default), True
    passes every key, False passes none. With `coerces` a duration, resolution, ratio or size
    outside the card is no fault: the card's default takes its place.

    Raises:
        BadRequest: a sub-class names what is wrong; `param` is the caller's spelling.

    Source: CONTRACT §4.
    """
    card = listing.card
    model = listing.id
    coerced: tuple[Said[str], ...] = ()
    if coerces:
        wish, coerced = _coerced(wish, card)
    offered = settled(wish.offered, card, model)
    mode = _mode(offered)
    _check_inputs(offered, mode, card, model)
    prompt = _prompt(wish, offered, card, model)
    if wish.outputs is not None and wish.outputs.value != 1:
        raise InvalidValue(
            f"'{wish.outputs.param}' must be 1 for model {model}; got {wish.outputs.value}.",
            param=wish.outputs.param,
        )
    seconds = _seconds(wish, offered, card, model)
    resolution, ratio, size, frame_ignored = _frame(wish, card, model)
    with_audio, audio_ignored = _audio(wish, offered, card)
    options = {name: _option(said) for name, said in wish.options.items() if name in card.options}
    unknown = [said.param for name, said in wish.options.items() if name not in card.options]
    passthrough, unpassed = _metadata(wish.metadata_keys, card, passes_all=passes_all_metadata)
    no_effect = {*wish.ignored, *frame_ignored, *audio_ignored, *unknown, *unpassed}
    return Decision(
        mode=mode,
        prompt=prompt,
        seconds=seconds,
        resolution=resolution,
        ratio=ratio,
        size=size,
        with_audio=with_audio,
        offered=offered,
        options=options,
        passthrough=passthrough,
        ignored=tuple(path for path in wish.order if path in no_effect),
        coerced=coerced,
    )


def _coerced(wish: Wish, card: ModelCard) -> tuple[Wish, tuple[Said[str], ...]]:
    """Take what is outside the card out of a wish; return what takes its place, as sent."""
    changed: list[Said[str]] = []
    if wish.seconds is not None and wish.seconds.value not in card.seconds:
        changed.append(Said(str(card.seconds_default), wish.seconds.param))
        wish = replace(wish, seconds=None)
    if wish.resolution is not None and wish.resolution.value not in card.resolutions:
        changed.append(Said(card.resolution_default, wish.resolution.param))
        wish = replace(wish, resolution=None)
    if wish.ratio is not None and card.ratios and wish.ratio.value not in card.ratios:
        changed.append(Said(card.ratio_default or FALLBACK_RATIO, wish.ratio.param))
        wish = replace(wish, ratio=None)
    if wish.size is not None and card.ratios and not _has_size(card, wish.size.value):
        told, wish = wish, replace(wish, size=None, size_params=())
        _, _, size, _ = _frame(wish, card, card.id)
        changed += told.as_told(size)
    return wish, wish.in_order(changed)


def _has_size(card: ModelCard, size: Size) -> bool:
    return str(size) in card.sizes or size in _grid(card)


_NOUN: Final[Mapping[Role, str]] = {
    Role.FIRST_FRAME: "a first frame",
    Role.LAST_FRAME: "a last frame",
    Role.FIRST_CLIP: "a first clip",
    Role.DRIVING_AUDIO: "driving audio",
    Role.REFERENCE_IMAGE: "a reference image",
    Role.REFERENCE_VIDEO: "a reference video",
    Role.REFERENCE_AUDIO: "reference audio",
}


def _mode(offered: Sequence[Offered]) -> Mode:
    """Find the one mode of a request from its inputs (CONTRACT §4)."""
    roles = {offer.role for offer in offered}
    frames = roles & {Role.FIRST_FRAME, Role.LAST_FRAME, Role.FIRST_CLIP}
    references = [offer for offer in offered if offer.role is not None and offer.role.is_reference]
    if references and frames:
        raise ConflictingParameters(
            "A first frame, last frame or first clip cannot be combined with references.",
            param=references[0].param,
        )
    if Role.FIRST_CLIP in roles:
        return Mode.CONTINUATION
    if references:
        return Mode.REFERENCE_TO_VIDEO
    if Role.LAST_FRAME in roles:
        return Mode.FIRST_LAST_FRAME
    if Role.FIRST_FRAME in roles:
        return Mode.IMAGE_TO_VIDEO
    return Mode.TEXT_TO_VIDEO


def _check_inputs(offered: Sequence[Offered], mode: Mode, card: ModelCard, model: str) -> None:
    by_role = _by_role(offered)
    for role, offers in by_role.items():
        allowed = card.inputs.count_of(role)
        if allowed == 0:
            modes = ", ".join(card.modes)
            raise Unsupported(
                f"Model {model} does not take {_NOUN[role]}; its modes are {modes}.",
                param=offers[0].param,
            )
        if len(offers) > allowed:
            raise InvalidValue(
                f"Model {model} takes at most {allowed} of {_NOUN[role]}; got {len(offers)}.",
                param=offers[allowed].param,
            )
    _check_company(by_role, card, model)
    if mode not in card.modes:
        first = offered[0].param if offered else "prompt"
        modes = ", ".join(card.modes)
        if mode is Mode.TEXT_TO_VIDEO:
            raise _missing_media(card, model)
        raise Unsupported(
            f"Model {model} does not support {mode}; its modes are {modes}.", param=first
        )


def _by_role(offered: Sequence[Offered]) -> dict[Role, list[Offered]]:
    by_role: dict[Role, list[Offered]] = {}
    for offer in offered:
        if offer.role is not None:
            by_role.setdefault(offer.role, []).append(offer)
    return by_role


def _check_company(by_role: Mapping[Role, list[Offered]], card: ModelCard, model: str) -> None:
    """Check what an input needs beside it, and what it excludes."""
    last = by_role.get(Role.LAST_FRAME)
    if last and Role.FIRST_FRAME not in by_role and Role.FIRST_CLIP not in by_role:
        raise MissingParameter(f"'{last[0].param}' needs a first frame in 'image'.", param="image")
    if card.is_frame_or_clip and Role.FIRST_FRAME in by_role and Role.FIRST_CLIP in by_role:
        raise ConflictingParameters(
            f"Model {model} takes a first frame or a first clip, not both.",
            param=by_role[Role.FIRST_CLIP][0].param,
        )
    if card.is_frame_or_clip and Role.FIRST_CLIP in by_role and Role.DRIVING_AUDIO in by_role:
        raise ConflictingParameters(
            f"Model {model} takes driving audio with a first frame, not with a first clip.",
            param=by_role[Role.DRIVING_AUDIO][0].param,
        )
    references = [
        offer for role, offers in by_role.items() if role.is_reference for offer in offers
    ]
    if len(references) > card.inputs.references_max:
        raise InvalidValue(
            f"Model {model} takes at most {card.inputs.references_max} references together; "
            f"got {len(references)}.",
            param=references[card.inputs.references_max].param,
        )
    audio = by_role.get(Role.REFERENCE_AUDIO)
    if audio and not (by_role.keys() & {Role.REFERENCE_IMAGE, Role.REFERENCE_VIDEO}):
        raise MissingParameter(
            f"'{audio[0].param}' needs a reference image or a reference video beside it.",
            param=audio[0].param,
        )


def _missing_media(card: ModelCard, model: str) -> BadRequest:
    if card.inputs.first_frame:
        return MissingParameter(f"'image' is required for model {model}.", param="image")
    return MissingParameter(f"'images' is required for model {model}.", param="images")


def _prompt(wish: Wish, offered: Sequence[Offered], card: ModelCard, model: str) -> str:
    if wish.prompt is not None:
        return wish.prompt.value
    if card.inputs.prompt is PromptRule.REQUIRED:
        raise MissingParameter(f"'prompt' is required for model {model}.", param="prompt")
    if not offered:
        raise MissingParameter(
            f"'prompt' is required for model {model} when no media is sent.", param="prompt"
        )
    return ""


def _seconds(wish: Wish, offered: Sequence[Offered], card: ModelCard, model: str) -> int:
    if wish.seconds is None:
        return card.seconds_default
    seconds, param = wish.seconds.value, wish.seconds.param
    if seconds not in card.seconds:
        allowed = ", ".join(map(str, card.seconds))
        raise InvalidValue(
            f"'{param}' must be one of {allowed} for model {model}; got {seconds}.", param=param
        )
    has_video = any(offer.role is Role.REFERENCE_VIDEO for offer in offered)
    limit = card.seconds_with_video_max
    if limit is not None and has_video and seconds > limit:
        raise InvalidValue(
            f"'{param}' must be at most {limit} for model {model} with a reference video; "
            f"got {seconds}.",
            param=param,
        )
    return seconds


def _frame(
    wish: Wish, card: ModelCard, model: str
) -> tuple[str | None, str | None, Size, list[str]]:
    """Settle resolution, ratio and size; also name what of it had no effect."""
    resolution = _one_of(wish.resolution, card.resolutions, card.resolution_default, model)
    if not card.ratios:
        ignored = [] if wish.ratio is None else [wish.ratio.param]
        return resolution, None, size_of(resolution, FALLBACK_RATIO), [*ignored, *wish.size_params]
    default = card.ratio_default or FALLBACK_RATIO
    ratio = _one_of(wish.ratio, card.ratios, default, model)
    if wish.size is None:
        shape = FALLBACK_RATIO if ratio == ADAPTIVE else ratio
        return resolution, ratio, size_of(resolution, shape), []
    return *_frame_of_size(wish, wish.size, card, model), []


def _frame_of_size(
    wish: Wish, said: Said[Size], card: ModelCard, model: str
) -> tuple[str | None, str | None, Size]:
    size = said.value
    grid = _grid(card)
    if str(size) in card.sizes:
        for other in (wish.resolution, wish.ratio):
            if other is not None:
                raise ConflictingParameters(
                    f"'{said.param}' {size} is a size of its own: "
                    f"leave out '{other.param}' ({other.value}).",
                    param=said.param,
                )
        return f"{size.short_px}p", None, size
    if size not in grid:
        allowed = ", ".join([*map(str, grid), *card.sizes])
        raise InvalidValue(
            f"'{said.param}' must be one of {allowed} for model {model}; got {size}.",
            param=said.param,
        )
    resolution, ratio = grid[size]
    for other, meant in ((wish.resolution, resolution), (wish.ratio, ratio)):
        if other is not None and other.value not in {meant, ADAPTIVE}:
            raise ConflictingParameters(
                f"'{said.param}' ({size}) and '{other.param}' ({other.value}) disagree.",
                param=said.param,
            )
    return resolution, ratio, size


def _grid(card: ModelCard) -> dict[Size, tuple[str, str]]:
    """Map every size of the grid to its resolution and ratio, the default ratio first."""
    ratios = [ratio for ratio in card.ratios if ratio != ADAPTIVE]
    return {
        size_of(resolution, ratio): (resolution, ratio)
        for resolution in card.resolutions
        for ratio in sorted(ratios, key=lambda ratio: ratio != card.ratio_default)
    }


def _one_of(said: Said[str] | None, allowed: Sequence[str], default: str, model: str) -> str:
    if said is None:
        return default
    if said.value not in allowed:
        raise InvalidValue(
            f"'{said.param}' must be one of {', '.join(allowed)} for model {model}; "
            f"got {said.value}.",
            param=said.param,
        )
    return said.value


def _audio(wish: Wish, offered: Sequence[Offered], card: ModelCard) -> tuple[bool, list[str]]:
    """Settle sound; a choice the card does not offer, or that driving audio overrides, is moot."""
    said = wish.with_audio
    drives = any(offer.role is Role.DRIVING_AUDIO for offer in offered)
    is_moot = card.sound is not Sound.OPTIONAL or drives
    ignored = [said.param] if said is not None and is_moot else []
    if drives or card.sound is Sound.ALWAYS:
        return True, ignored
    if card.sound is Sound.NONE:
        return False, ignored
    return (said.value if said is not None else card.sound_default), ignored


def _option(said: Said[Any]) -> str | int | float | bool:
    """Bound a provider option that will be kept and passed on."""
    value = said.value
    is_short = isinstance(value, str) and len(value) <= OPTION_CHARACTERS_MAX
    is_number = isinstance(value, int | float) and abs(value) < OPTION_MAX
    if not is_short and not is_number:
        raise InvalidValue(
            f"'{said.param}' must be a number, true or false, or a string of at most "
            f"{OPTION_CHARACTERS_MAX} characters.",
            param=said.param,
        )
    option: str | int | float | bool = value
    return option


def _metadata(
    keys: Mapping[str, Any], card: ModelCard, *, passes_all: bool | None
) -> tuple[dict[str, Any], list[str]]:
    """Part the metadata keys into what the provider is given and what is only kept."""
    passed: dict[str, Any] = {}
    kept: list[str] = []
    for path, value in keys.items():
        if passes_all if passes_all is not None else _is_listed(path, card.passthrough):
            passed[path] = value
        else:
            kept.append(f"metadata.{path}")
    return passed, kept


def _is_listed(path: str, passthrough: Sequence[str]) -> bool:
    return any(
        path == name or (name.endswith(".*") and path.startswith(name[:-1])) for name in passthrough
    )
