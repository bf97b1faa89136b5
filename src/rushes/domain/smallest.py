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


def cost_max(prices: tuple[Price, ...], spec: Spec) -> int | None:
    """Return what a film may cost at most, in microusd; None where the prices cannot say.

    Every rule counts that the film does not contradict, and the dearest is taken. Prices by the
    token say nothing before the film is made.
    """
    said = {
        "resolution": spec.resolution,
        "audio": spec.with_audio,
        "size": str(spec.size),
        "mode": spec.mode.value,
    }
    fitting = [
        price
        for price in prices
        if all(said.get(name, value) == value for name, value in price.when.items())
    ]
    if not fitting or any(price.per not in {"second", "film"} for price in fitting):
        return None
    counts = {"second": spec.seconds, "film": 1}
    if spec.seconds == SECONDS_BY_PROVIDER and any(price.per == "second" for price in fitting):
        return None
    return max(price.microusd * counts[price.per] for price in fitting)
