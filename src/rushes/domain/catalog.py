"""What models can do: cards, and the routes that serve them. A card is data (`cards/*.toml`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Final

from rushes.domain.errors import ModelNotFound
from rushes.domain.spec import EDGE_PX_MAX, Medium, Mode, Role, Size, Spec

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


class Per(StrEnum):
    """What a price is for: a second of film, a film, tokens, a second of video sent in."""

    SECOND = "second"
    FILM = "film"
    MILLION_TOKENS = "million_tokens"
    INPUT_SECOND = "input_second"


@dataclass(frozen=True, slots=True)
class Price:
    """One price rule of an operator; `when` holds what the task must ask for it to match.

    `per` is a word of `Per`. `tokens_max` is how many tokens a film has at most, where the
    operator knows better than the formula that `prices` goes by.
    """

    per: str
    microusd: int
    when: Mapping[str, str | bool] = field(default_factory=dict)
    tokens_max: int | None = None


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
    `is_frame_or_clip` says that a first frame and a first clip exclude each other, and a clip
    driving audio. A card that is not `is_rehearsed` is for operators' routes only: the contract
    does not list it.
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
    is_rehearsed: bool = True
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
    """A public model: a card under the name callers write, and the routes that serve it.

    The preferred route comes first.
    """

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
        return () if listing is None else listing.routes

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

    def rehearsed(self, model: str) -> Listing:
        """Return a model as a test key sees it: played by the sandbox, and free (CONTRACT §12).

        Raises:
            ModelNotFound: there is neither such a model nor a card of that name.
        """
        card = self.cards.get(model)
        if model in self.listings or card is None or not card.is_rehearsed:
            card = self.get(model).card
        return Listing(model, card, (SANDBOX_ROUTE,), is_rehearsal=model != SANDBOX)

    def all_rehearsed(self) -> tuple[Listing, ...]:
        """Return every model that a test key may ask for: what is listed, and what has a card."""
        cards = [card.id for card in self.cards.values() if card.is_rehearsed]
        return tuple(self.rehearsed(name) for name in dict.fromkeys((*self.listings, *cards)))


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
        elif not has_providers and card.is_rehearsed:
            listings[card.id] = Listing(card.id, card, (SANDBOX_ROUTE,), is_rehearsal=True)
    for model, (card, routes, prices) in configured.items():
        preferred = tuple(sorted(routes, key=lambda route: route.priority))
        listings[model] = Listing(model, card, preferred, is_rehearsal=False, prices=prices)
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
    """Return the frame size that has a resolution's short edge and the ratio of `source`.

    The long edge ends where a size that is asked for ends: a picture one pixel high asks for
    millions.
    """
    short_px = SHORT_PX[resolution]
    long_px = _even(short_px * max(source.width_px, source.height_px) / source.short_px)
    long_px = min(long_px, EDGE_PX_MAX)
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
