"""What an operator configured, put together: upstreams with their credentials, and the catalog.

Read at the start, and again whenever the configuration is. A configuration is taken whole or
refused whole, with every complaint at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rushes.domain.catalog import Catalog, ModelCard, Price, Route, build_catalog
from rushes.domain.prices import misfits
from rushes.domain.reading import CardRefused, card_of, read_cards, shipped_cards
from rushes.engine.world import Looks, Upstream
from rushes.folder import Unready
from rushes.providers import registry
from rushes.providers.base import Provider
from rushes.providers.rest import Credential
from rushes.settings import ModelSettings, ProviderSettings, Settings

CARDS: Final = "cards"
"""The folder of the operator's own cards, in the data folder."""


@dataclass(frozen=True, slots=True)
class Configured:
    """A provider as it is configured now, and what was built of it."""

    settings: ProviderSettings
    credential: Credential | None
    upstream: Upstream


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is offered, and who serves it."""

    catalog: Catalog
    providers: Mapping[str, Configured]

    @property
    def upstreams(self) -> dict[str, Upstream]:
        """The upstreams by their names."""
        return {name: one.upstream for name, one in self.providers.items()}


def configure(settings: Settings, *, before: Configuration | None = None) -> Configuration:
    """Put together what the settings say; a provider that did not change is kept as it is.

    Raises:
        Unready: with every complaint, a line each; nothing was changed.
    """
    complaints: list[str] = []
    catalog: Catalog | None = None
    with _noting(complaints):
        catalog = catalog_of(settings)
    providers: dict[str, Configured] = {}
    for provider in settings.providers:
        kept = before.providers.get(provider.name) if before else None
        with _noting(complaints):
            providers[provider.name] = _configured(
                provider, kept, submit_call_s=settings.times.submit_call_s
            )
    _refuse(complaints)
    if catalog is None:
        raise Unready("there is no catalog")
    return Configuration(catalog, providers)


def _configured(
    provider: ProviderSettings, kept: Configured | None, *, submit_call_s: float
) -> Configured:
    credential = _credential(provider)
    if kept is not None and (kept.settings, kept.credential) == (provider, credential):
        return kept
    upstream = _upstream(provider, credential, submit_call_s=submit_call_s)
    return Configured(provider, credential, upstream)


def upstream_of(provider: ProviderSettings, *, submit_call_s: float) -> Upstream:
    """Return a provider as it is configured, with the credential that it needs.

    Raises:
        Unready: it cannot be built so, or there is no credential to be had.
    """
    return _upstream(provider, _credential(provider), submit_call_s=submit_call_s)


def _credential(provider: ProviderSettings) -> Credential | None:
    try:
        return None if provider.api_key is None else registry.resolve(provider.api_key)
    except registry.Misconfigured as error:
        raise Unready(f"provider {provider.name!r}: {error}") from None


def _upstream(
    provider: ProviderSettings, credential: Credential | None, *, submit_call_s: float
) -> Upstream:
    try:
        built: Provider = registry.build(
            provider.kind,
            name=provider.name,
            base_url=provider.base_url,
            credential=credential,
            profile=provider.profile,
            options={"submit_timeout_s": submit_call_s, **provider.options},
        )
    except registry.Misconfigured as error:
        raise Unready(str(error)) from None
    return Upstream(built, provider.api_key or "none", Looks(built.looks_per_s_max))


def cards_of(settings: Settings) -> list[ModelCard]:
    """Return the cards that come with the package, and over them those of the data folder.

    Raises:
        Unready: a card of the folder is wrong; none is taken then, and every complaint is told.
    """
    return cards_over(folder_cards(settings.data_dir / CARDS))


def cards_over(own: Iterable[ModelCard]) -> list[ModelCard]:
    """Return the shipped cards with an operator's own in the place of those they replace."""
    return list({card.id: card for card in (*shipped_cards(), *own)}.values())


def folder_cards(folder: Path) -> list[ModelCard]:
    """Return the cards of an operator's folder; one that is not there has none.

    Raises:
        Unready: with every complaint.
    """
    if not folder.is_dir():
        return []
    try:
        return read_cards(folder)
    except (CardRefused, UnicodeDecodeError) as error:
        lines = "\n".join(f"{folder}: {line}" for line in str(error).splitlines())
        raise Unready(lines) from None


def catalog_of(settings: Settings, *, own: Iterable[ModelCard] | None = None) -> Catalog:
    """Return what this server offers; `own` are cards in place of those of the data folder.

    Raises:
        Unready: a model names a card that does not exist, or brings one that is wrong, or a
            card of the data folder is.
    """
    known = cards_of(settings) if own is None else cards_over(own)
    cards = {card.id: card for card in known}
    configured: dict[str, tuple[ModelCard, tuple[Route, ...], tuple[Price, ...]]] = {}
    complaints: list[str] = []
    for model in settings.models:
        routes = tuple(
            Route(
                route.provider,
                route.model,
                is_billable=route.billable,
                attempts_max=route.attempts_max,
                weight=route.weight,
                priority=route.priority,
            )
            for route in model.routes
        )
        with _noting(complaints):
            card = _card(model, cards)
            configured[model.id] = (card, routes, _prices(model, card))
    _refuse(complaints)
    return build_catalog(
        cards.values(), configured=configured, has_providers=bool(settings.providers)
    )


def _card(model: ModelSettings, cards: Mapping[str, ModelCard]) -> ModelCard:
    if not isinstance(model.card, str):
        try:
            return card_of({"id": model.id, **model.card}, name=f"models.{model.id}")
        except CardRefused as error:
            raise Unready(str(error)) from None
    card = cards.get(model.card)
    if card is None:
        known = ", ".join(cards)
        raise Unready(f"models.{model.id}: there is no card {model.card}; cards are {known}")
    return card


def _prices(model: ModelSettings, card: ModelCard) -> tuple[Price, ...]:
    """Return a model's price rules, in their order.

    Raises:
        Unready: with every complaint.
    """
    prices = tuple(
        Price(
            rule.per.value,
            rule.microusd,
            rule.when.model_dump(mode="json", exclude_none=True),
            rule.tokens_max,
        )
        for rule in model.prices
    )
    _refuse([f"models.{model.id}: {misfit}" for misfit in misfits(prices, card)])
    return prices


@contextlib.contextmanager
def _noting(complaints: list[str]) -> Iterator[None]:
    """Write a refusal down and go on, so that the operator hears of all of them at once."""
    try:
        yield
    except Unready as refusal:
        complaints += str(refusal).splitlines()


def _refuse(complaints: list[str]) -> None:
    if complaints:
        raise Unready("\n".join(complaints))
