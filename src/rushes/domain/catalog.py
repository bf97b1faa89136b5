"""What models can do: cards, the routes that serve them, and how a wish is judged by both.

A card is data (`cards/*.toml`). `decide` is the whole judgement: a Wish and a card in, a
Decision out, or a refusal that names the parameter as the caller spelled it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any, Final

from rushes.domain.errors import (
    BadRequest,
    ConflictingParameters,
    InvalidValue,
    MissingParameter,
    ModelNotFound,
    Unsupported,
)
from rushes.domain.spec import (
    SECONDS_BY_PROVIDER,
    Medium,
    Mode,
    Offered,
    Role,
    Said,
    Size,
    Spec,
    Wish,
)

SANDBOX: Final = "sandbox"
SHORT_PX: Final[Mapping[str, int]] = {"480p": 480, "720p": 720, "1080p": 1080, "4k": 2160}
RATIOS: Final[Mapping[str, tuple[int, int]]] = {
    "16:9": (16, 9),
    "9:16": (9, 16),
    "1:1": (1, 1),
    "4:3": (4, 3),
    "3:4": (3, 4),
    "21:9": (21, 9),
}
ADAPTIVE: Final = "adaptive"
FALLBACK_RATIO: Final = "16:9"


class Sound(StrEnum):
    """Whether a model makes sound."""

    NONE = "none"
    OPTIONAL = "optional"
    ALWAYS = "always"


class PromptRule(StrEnum):
    """When a prompt is needed."""

    REQUIRED = "required"
    REQUIRED_WITHOUT_MEDIA = "required_without_media"


@dataclass(frozen=True, slots=True)
class Price:
    """One price rule of an operator; `when` holds what the task must ask for it to match.

    `per` is `second` (of film), `film`, `million_tokens` or `input_second`.
    """

    per: str
    microusd: int
    when: Mapping[str, str | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inputs:
    """How many files of each role a model takes, and in what form."""

    prompt: PromptRule = PromptRule.REQUIRED
    first_frame: int = 0
    last_frame: int = 0
    first_clip: int = 0
    driving_audio: int = 0
    reference_image: int = 0
    reference_video: int = 0
    reference_audio: int = 0
    references_max: int = 0
    image_formats: tuple[str, ...] = ()
    image_bytes_max: int = 0
    image_matches_size: bool = False

    def count_of(self, role: Role) -> int:
        """Return how many files may play `role`."""
        return 0 if role is Role.SOURCE_FILM else int(getattr(self, role.value))

    @property
    def has_references(self) -> bool:
        """Whether the model takes references at all."""
        return self.references_max > 0


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a model can do; where a page was read, and when.

    `ratios` is empty where the ratio is the source's. `options` are the provider options of
    CONTRACT §4 that the model knows. `sizes` are single sizes beyond the grid
    of CONTRACT §4.1. `seconds_with_video_max` bounds a film made from a reference video.
    `is_frame_or_clip` says that a first frame and a first clip exclude each other.
    """

    id: str
    owned_by: str
    modes: tuple[Mode, ...]
    seconds: tuple[int, ...]
    seconds_default: int
    resolutions: tuple[str, ...]
    resolution_default: str
    ratios: tuple[str, ...]
    sound: Sound
    sound_default: bool
    inputs: Inputs
    ratio_default: str | None = None
    sizes: tuple[str, ...] = ()
    passthrough: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    seconds_with_video_max: int | None = None
    is_frame_or_clip: bool = False
    source: str | None = None
    checked_at: date | None = None
    retires_at: date | None = None
    successor: str | None = None
    created: int = 1795437000


@dataclass(frozen=True, slots=True)
class Route:
    """One way to serve a model: which provider, under which name, on which terms."""

    provider: str
    upstream_model: str
    is_billable: bool = True
    attempts_max: int = 1
    weight: int = 1
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """A public model: a card under the name callers write, and the routes that serve it."""

    id: str
    card: ModelCard
    routes: tuple[Route, ...]
    is_rehearsal: bool
    prices: tuple[Price, ...] = ()

    @property
    def is_sandboxed(self) -> bool:
        """Whether the built-in engine serves it, so that a script can be followed."""
        return self.is_rehearsal or self.routes[0].provider == SANDBOX

    @property
    def served_by(self) -> str | None:
        """The model that really serves, where the operator's alias hides another one."""
        if self.is_rehearsal or not self.routes:
            return None
        upstream = self.routes[0].upstream_model
        return None if upstream in {self.id, self.card.id} else upstream


SANDBOX_ROUTE: Final = Route(SANDBOX, SANDBOX, is_billable=False)


@dataclass(frozen=True, slots=True)
class Catalog:
    """All public models. A rehearsal is served by the sandbox, under the model's own card."""

    listings: Mapping[str, Listing]
    cards: Mapping[str, ModelCard]

    def card_of(self, model: str) -> ModelCard:
        """Return the card that rules a public model, also of one that is not listed any more.

        Raises:
            ModelNotFound: there is no such model, nor a card of that name.
        """
        listing = self.listings.get(model)
        if listing is not None:
            return listing.card
        card = self.cards.get(model)
        return self.get(model).card if card is None else card

    def routes(self, model: str, *, is_rehearsal: bool) -> tuple[Route, ...]:
        """Return the routes of a model, the preferred first; a rehearsal has one, the sandbox."""
        if is_rehearsal:
            return (SANDBOX_ROUTE,)
        listing = self.listings.get(model)
        if listing is None:
            return ()
        return tuple(sorted(listing.routes, key=lambda route: route.priority))

    def get(self, model: str) -> Listing:
        """Return the listing of `model`.

        Raises:
            ModelNotFound: there is none, or none that serves it.
        """
        listing = self.listings.get(model)
        if listing is None:
            message = f"There is no model {model}. GET /v1/models lists the models."
            raise ModelNotFound(message, param="model")
        return listing


def build_catalog(
    cards: Iterable[ModelCard],
    *,
    configured: Mapping[str, tuple[ModelCard, tuple[Route, ...], tuple[Price, ...]]],
    has_providers: bool,
) -> Catalog:
    """Put together what this server offers.

    Without any provider every card is in rehearsal; with one, only `sandbox` and the models an
    operator configured are listed. Source: CONTRACT §12.
    """
    listings: dict[str, Listing] = {}
    by_id = {card.id: card for card in cards}
    for card in by_id.values():
        if card.id == SANDBOX:
            listings[card.id] = Listing(card.id, card, (SANDBOX_ROUTE,), is_rehearsal=False)
        elif not has_providers:
            listings[card.id] = Listing(card.id, card, (SANDBOX_ROUTE,), is_rehearsal=True)
    for model, (card, routes, prices) in configured.items():
        listings[model] = Listing(model, card, routes, is_rehearsal=False, prices=prices)
    return Catalog(listings, by_id)


def size_of(resolution: str, ratio: str) -> Size:
    """Return the frame size of a resolution and a ratio (CONTRACT §4.1).

    The short edge is the resolution, the long edge follows the ratio, rounded to the nearest
    even number.

    >>> str(size_of("480p", "16:9")), str(size_of("720p", "9:16"))
    ('854x480', '720x1280')
    """
    short_px = SHORT_PX[resolution]
    across, down = RATIOS[ratio]
    long_px = _even(short_px * max(across, down) / min(across, down))
    return Size(long_px, short_px) if across >= down else Size(short_px, long_px)


def size_like(resolution: str, source: Size) -> Size:
    """Return the frame size that has a resolution's short edge and the ratio of `source`."""
    short_px = SHORT_PX[resolution]
    long_px = _even(short_px * max(source.width_px, source.height_px) / source.short_px)
    is_wide = source.width_px >= source.height_px
    return Size(long_px, short_px) if is_wide else Size(short_px, long_px)


def _even(length_px: float) -> int:
    return 2 * round(length_px / 2)


def fit_size(spec: Spec, role: Role, source: Size | None) -> Spec:
    """Give a spec whose ratio is the source's the size its first frame or clip asks for."""
    is_open = spec.ratio in {None, ADAPTIVE} and spec.resolution in SHORT_PX
    if source is None or not is_open or role not in {Role.FIRST_FRAME, Role.FIRST_CLIP}:
        return spec
    return replace(spec, size=size_like(spec.resolution or "", source))


@dataclass(frozen=True, slots=True)
class Decision:
    """What was understood of a wish: everything but the bytes of the files.

    `ignored` names what had no effect, `coerced` what was changed, both as the caller spelled
    them. `ratio` is `adaptive`, or None for a card whose ratio is the source's, when the size
    waits for the first frame: then `size` is the 16:9 stand-in.
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
    coerced: tuple[tuple[str, str], ...] = ()

    @property
    def is_size_open(self) -> bool:
        """Whether the first frame or clip still decides the ratio."""
        return self.ratio in {None, ADAPTIVE} and self.resolution in SHORT_PX


def decide(wish: Wish, listing: Listing, *, passes_all_metadata: bool | None = None) -> Decision:
    """Judge a wish by the card of its model.

    `passes_all_metadata` is the operator's metadata policy: None lists (the default), True
    passes every key, False passes none.

    Raises:
        BadRequest: a sub-class names what is wrong; `param` is the caller's spelling.

    Source: CONTRACT §4.
    """
    card = listing.card
    model = listing.id
    offered = tuple(_with_role(offer, wish.offered, card, model) for offer in wish.offered)
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
    options = {name: said.value for name, said in wish.options.items() if name in card.options}
    unknown = [said.param for name, said in wish.options.items() if name not in card.options]
    passthrough, unpassed = _metadata(wish.metadata_keys, card, passes_all=passes_all_metadata)
    if wish.script is not None and not listing.is_sandboxed:
        unpassed.append(wish.script.param)
    no_effect = {*wish.ignored, *frame_ignored, *audio_ignored, *unknown}
    ignored = [name for name in wish.order if name in no_effect]
    ignored += sorted(no_effect - set(ignored)) + unpassed
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
        ignored=tuple(ignored),
    )


def _with_role(
    offer: Offered, everything: Sequence[Offered], card: ModelCard, model: str
) -> Offered:
    """Give an entry of `images` its role; the others have one."""
    if offer.role is not None:
        return offer
    images = [other for other in everything if other.role is None]
    index = images.index(offer)
    if len(images) == 1:
        is_first = Mode.IMAGE_TO_VIDEO in card.modes or not card.inputs.has_references
        return replace(offer, role=Role.FIRST_FRAME if is_first else Role.REFERENCE_IMAGE)
    if card.inputs.reference_image:
        return replace(offer, role=Role.REFERENCE_IMAGE)
    if len(images) == 2:  # noqa: PLR2004 -- first and last
        return replace(offer, role=Role.FIRST_FRAME if index == 0 else Role.LAST_FRAME)
    raise InvalidValue(
        f"'images' may have at most 2 entries for model {model}; got {len(images)}.",
        param="images",
    )


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
    ignored: list[str] = []
    if not card.ratios:
        ignored += [said.param for said in (wish.ratio, wish.size) if said is not None]
    resolution = _one_of(wish.resolution, card.resolutions, card.resolution_default, model)
    if not card.ratios:
        if wish.size is not None and wish.resolution is None:
            resolution = _resolution_of(wish.size, card, model)
        return resolution, None, size_of(resolution, FALLBACK_RATIO), ignored
    default = card.ratio_default or FALLBACK_RATIO
    ratio = _one_of(wish.ratio, card.ratios, default, model)
    if wish.size is None:
        shape = FALLBACK_RATIO if ratio == ADAPTIVE else ratio
        return resolution, ratio, size_of(resolution, shape), ignored
    return *_frame_of_size(wish, wish.size, card, model), ignored


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


def _resolution_of(said: Said[Size], card: ModelCard, model: str) -> str:
    """A size for a card whose ratio is the source's still tells a resolution."""
    for resolution in card.resolutions:
        if SHORT_PX[resolution] == said.value.short_px:
            return resolution
    allowed = ", ".join(card.resolutions)
    raise InvalidValue(
        f"'{said.param}' must have the short edge of one of {allowed} for model {model}; "
        f"got {said.value}.",
        param=said.param,
    )


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


IMAGE_BYTES_MAX: Final = 30_000_000
AUDIO_BYTES_MAX: Final = 15_000_000
VIDEO_BYTES_MAX: Final = 64 * 2**20


@dataclass(frozen=True, slots=True)
class InputRule:
    """What a file must be to play its role (CONTRACT §11 and the card)."""

    medium: Medium
    bytes_max: int
    formats: tuple[str, ...] = ()
    exact_size: Size | None = None


def input_rule(card: ModelCard, role: Role, size: Size) -> InputRule:
    """Return the rule for a file in `role` of a film of `size`."""
    if role.medium is Medium.AUDIO:
        return InputRule(Medium.AUDIO, AUDIO_BYTES_MAX)
    if role.medium is Medium.VIDEO:
        return InputRule(Medium.VIDEO, VIDEO_BYTES_MAX)
    must_match = card.inputs.image_matches_size and role is Role.FIRST_FRAME
    return InputRule(
        Medium.IMAGE,
        min(IMAGE_BYTES_MAX, card.inputs.image_bytes_max or IMAGE_BYTES_MAX),
        card.inputs.image_formats,
        size if must_match else None,
    )


def medium_of(offer: Offered) -> Medium:
    """Return what kind of file an offer must be; its role is known by now."""
    return Medium.IMAGE if offer.role is None else offer.role.medium


def seconds_to_render(seconds: int) -> int:
    """Return the length the sandbox gives a film whose length the provider may choose."""
    return 5 if seconds == SECONDS_BY_PROVIDER else seconds
