"""What an operator configured: upstreams with their credentials, the catalog, who judges wishes.

Read at the start, and again whenever the configuration is. A configuration is taken whole or
refused whole, with every complaint at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from rushes.domain.catalog import Catalog, ModelCard, Price, Route, build_catalog
from rushes.domain.prices import misfits
from rushes.domain.reading import CardRefused, card_of, read_cards, shipped_cards
from rushes.engine.looks import Looks
from rushes.engine.moderation import Moderation
from rushes.engine.world import Upstream
from rushes.folder import Unready
from rushes.moderation.blocklist import BlockList, ListRefused
from rushes.moderation.remote import RemoteModerator
from rushes.ports import Moderator
from rushes.providers import registry
from rushes.providers.base import Provider
from rushes.providers.rest import Credential, Rest, Timeouts
from rushes.settings import ModelSettings, ModerationSettings, ProviderSettings, Settings

CARDS: Final = "cards"
"""The folder of the operator's own cards, in the data folder."""


@dataclass(frozen=True, slots=True)
class Configured:
    """A provider as it is configured now, and what was built of it.

    `secrets` are what its options refer to, as it was when they were read.
    """

    settings: ProviderSettings
    credential: Credential | None
    upstream: Upstream
    secrets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Moderated:
    """Who judges wishes, as it is configured now, and what was built of it.

    `phrases` is a digest of the block lists, which hold `phrase_count` of them.
    """

    settings: ModerationSettings
    credential: Credential | None
    phrases: bytes
    phrase_count: int
    moderation: Moderation


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is offered, and who serves it."""

    catalog: Catalog
    providers: Mapping[str, Configured]
    moderated: Moderated

    @property
    def upstreams(self) -> dict[str, Upstream]:
        """The upstreams by their names."""
        return {name: one.upstream for name, one in self.providers.items()}


def secrets_of(settings: Settings, configuration: Configuration) -> Iterator[str]:
    """Return every secret that the configuration holds, so that no line of a log ever does.

    What signs links is elsewhere (`storage`), and webhooks' secrets have a form of their own.
    """
    credentials = [one.credential for one in configuration.providers.values()]
    credentials.append(configuration.moderated.credential)
    for secret in (one.secret for one in credentials if one is not None):
        yield from {secret, *secret.split(":")}  # a pair of keys, or one
    storage = settings.storage
    references: list[object] = [
        storage.access_key_id,
        storage.secret_access_key,
        storage.session_token,
    ]
    references += [value for one in settings.providers for value in one.options.values()]
    yield from _referred_to(references)
    password = urlsplit(settings.database.url or "").password
    if password is not None:
        yield from {password, unquote(password)}


def _referred_to(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str) and value.startswith(registry.SOURCES):
            with contextlib.suppress(registry.Misconfigured):  # told where it is used
                yield registry.resolve(value).secret


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
    moderated: Moderated | None = None
    with _noting(complaints):
        moderated = moderated_by(settings.moderation, kept=before.moderated if before else None)
    _refuse(complaints)
    if catalog is None or moderated is None:
        raise Unready("there is no catalog")
    return Configuration(catalog, providers, moderated)


def moderated_by(said: ModerationSettings, *, kept: Moderated | None = None) -> Moderated:
    """Return who judges wishes; block lists are read anew, and a service that stays is kept.

    Raises:
        Unready: with every complaint about block lists, or why the service cannot be asked.
    """
    try:
        block_list = BlockList.read(said.block_lists) if said.block_lists else None
        credential = None if said.api_key is None else registry.resolve(said.api_key)
        service = _service(said, credential, kept)
    except ListRefused as refused:
        raise Unready(str(refused)) from None
    except (registry.Misconfigured, ValueError) as error:
        raise Unready(f"moderation: {error}") from None
    phrases = b"" if block_list is None else block_list.digest
    count = 0 if block_list is None else block_list.count
    if kept is not None and (kept.settings, kept.credential, kept.phrases) == (
        said,
        credential,
        phrases,
    ):
        return kept
    moderation = Moderation(
        block_list=block_list,
        service=service,
        reads=frozenset(said.reads),
        is_open=said.on_failure == "open",
        judges_rehearsals=said.rehearsals,
    )
    return Moderated(said, credential, phrases, count, moderation)


def _service(
    said: ModerationSettings, credential: Credential | None, kept: Moderated | None
) -> Moderator | None:
    """Return the service that judges; one that is asked as before is kept, connections and all."""
    if said.url is None:
        return None
    if kept is not None and (_asked(kept.settings), kept.credential) == (_asked(said), credential):
        return kept.moderation.service
    timeouts = Timeouts(connect_s=min(said.timeout_s, Timeouts().connect_s), ask_s=said.timeout_s)
    return RemoteModerator(Rest(said.url, credential, timeouts=timeouts), model=said.model)


def _asked(said: ModerationSettings) -> tuple[object, ...]:
    """Return what decides how a service is asked."""
    return (said.url, said.model, said.timeout_s)


def _configured(
    provider: ProviderSettings, kept: Configured | None, *, submit_call_s: float
) -> Configured:
    credential, secrets = _credential(provider), frozenset(_referred_to(provider.options.values()))
    asked = provider, credential, secrets
    if kept is not None and (kept.settings, kept.credential, kept.secrets) == asked:
        return kept
    upstream = _upstream(provider, credential, submit_call_s=submit_call_s)
    return Configured(provider, credential, upstream, secrets)


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
    looks = Looks(built.looks_per_s_max)
    return Upstream(built, provider.api_key or "none", looks, tells_trace=provider.traceparent)


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
