"""Which film tries a provider, and whether it may be asked for: the smallest, within a price."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from rushes.cli.asking import Asker
from rushes.cli.paper import money
from rushes.cli.plainly import Refused
from rushes.configured import catalog_of
from rushes.domain.catalog import Listing, Route
from rushes.domain.smallest import can_start_from_words, cost_max, smallest_spec
from rushes.domain.spec import Spec
from rushes.providers import registry
from rushes.settings import ProviderSettings, Settings
from rushes.testing.live import LOOPBACK, REMOTE

MICRO: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Terms:
    """What the operator allows."""

    max_cost_usd: float
    knows_price: bool = False
    is_hurried: bool = False

    @property
    def max_microusd(self) -> int:
        """What a film may cost."""
        return round(self.max_cost_usd * MICRO)


@dataclass(frozen=True, slots=True)
class Trial:
    """Which film, by whom."""

    provider: ProviderSettings
    listing: Listing
    route: Route
    spec: Spec

    @property
    def wished(self) -> str:
        """What is asked for, in a few words."""
        return f"{self.spec.seconds} s, {self.spec.size}, from words"

    @property
    def cost_max_microusd(self) -> int | None:
        """What it may cost at most; None where nobody here knows."""
        if not self.route.is_billable:
            return 0
        return cost_max(self.listing.prices, self.spec, self.listing.card)


def trial_of(settings: Settings, name: str, model: str | None) -> Trial:
    """Return the smallest film that a provider's route takes.

    Raises:
        Refused: there is no such provider, or no model with a route to it.
    """
    found = [provider for provider in settings.providers if provider.name == name]
    if not found:
        known = ", ".join(provider.name for provider in settings.providers) or "none"
        raise Refused(
            f"There is no provider {name!r} in the settings; configured are {known}. "
            "`rushes init` writes one."
        )
    served = list(_served(settings, name))
    if not served:
        raise Refused(f"No model has a route to {name}: add [[models]] with one to rushes.toml.")
    chosen = [pair for pair in served if model in {None, pair[0].id}]
    able = [pair for pair in chosen if can_start_from_words(pair[0].card)]
    if not able:
        listed = ", ".join(listing.id for listing, _ in served)
        why = "is not served there" if not chosen else "wants a picture, and this sends words only"
        raise Refused(f"{model or chosen[0][0].id} {why}; {name} serves {listed}. Say --model.")
    listing, route = able[0]
    return Trial(found[0], listing, route, smallest_spec(listing.card, model=listing.id))


def _served(settings: Settings, name: str) -> Iterator[tuple[Listing, Route]]:
    for listing in catalog_of(settings).listings.values():
        for route in listing.routes:
            if route.provider == name:
                yield listing, route


def allow(trial: Trial, terms: Terms, person: Asker | None) -> bool:
    """Make sure that the price is within what is allowed; say whether prices showed it.

    Raises:
        Refused: it is not, nobody can show it, or it is not wanted.
    """
    name, most = trial.provider.name, money(terms.max_microusd)
    cost = trial.cost_max_microusd
    if cost is not None and cost > terms.max_microusd:
        raise Refused(
            f"{trial.wished} at {name} may cost {money(cost)}, and --max-cost allows {most}. "
            "Allow more, or choose a cheaper --model."
        )
    unknown = f"No price is configured for {trial.listing.id} at {name}: nothing here shows that "
    unknown += f"{trial.wished} cost at most {most}."
    if cost is None and not terms.knows_price:
        if person is None:
            raise Refused(
                f"{unknown} Look it up at the provider, and say --i-know-the-price if it is so."
            )
        if not person.confirms(f"{unknown} Did you look it up, and is it so", default=False):
            raise Refused("Nothing was sent: look the price up first.")
    if person is None and not terms.is_hurried:
        raise Refused(f"It submits one film ({trial.wished}) to {name}: say --yes to do so.")
    if not terms.is_hurried and person is not None:
        question = f"Submit one film ({trial.wished}) to {name}, for at most {most}"
        if not person.confirms(question, default=False):
            raise Refused("Nothing was sent.")
    return cost is not None


def hidden(provider: ProviderSettings) -> list[str]:
    """Return what no page may hold: the key, and where the provider is."""
    url = urlsplit(provider.base_url or "")
    known = [url.netloc, url.hostname or ""]
    if provider.api_key is not None:
        known.append(registry.resolve(provider.api_key).secret)
    return known


def where(provider: ProviderSettings) -> str:
    """Say whether a provider is another machine; only that is worth the word live."""
    host = urlsplit(provider.base_url or "").hostname or ""
    try:
        is_here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_here = host == "localhost" or host.endswith(".localhost")
    return LOOPBACK if is_here else REMOTE
