"""The least that a model can be asked for: what trying a provider should cost."""

from __future__ import annotations

from typing import Final

from rushes.domain.catalog import (
    ADAPTIVE,
    FALLBACK_RATIO,
    SHORT_PX,
    ModelCard,
    Price,
    Sound,
    size_of,
)
from rushes.domain.prices import hold_of, tariff_of
from rushes.domain.spec import SECONDS_BY_PROVIDER, Mode, Spec

PROMPT: Final = "A paper boat on a quiet canal."
"""The one prompt that trying a provider sends; it may stand in a page for everyone."""

SEED: Final = 7


def smallest_spec(card: ModelCard, *, model: str) -> Spec:
    """Return the shortest and smallest film a card takes, without sound where it may be left out.

    It is made from words alone: ask a card that is `can_start_from_words` first.
    """
    seconds = min((s for s in card.seconds if s != SECONDS_BY_PROVIDER), default=card.seconds[0])
    resolution = min(card.resolutions, key=lambda name: SHORT_PX[name])
    ratios = [ratio for ratio in card.ratios if ratio != ADAPTIVE] or [FALLBACK_RATIO]
    ratio = FALLBACK_RATIO if FALLBACK_RATIO in ratios else ratios[0]
    return Spec(
        model=model,
        mode=Mode.TEXT_TO_VIDEO,
        prompt=PROMPT,
        seconds=seconds,
        size=size_of(resolution, ratio),
        seed=SEED,
        resolution=resolution,
        ratio=ratio,
        with_audio=card.sound is Sound.ALWAYS,
    )


def can_start_from_words(card: ModelCard) -> bool:
    """Say whether a film of this model needs no file to begin with."""
    return Mode.TEXT_TO_VIDEO in card.modes


def cost_max(prices: tuple[Price, ...], spec: Spec, card: ModelCard) -> int | None:
    """Return what a film may cost at most, in microusd; None where no price rule is for it."""
    tariff = tariff_of(prices, spec)
    return hold_of(tariff, spec, card) if tariff else None
