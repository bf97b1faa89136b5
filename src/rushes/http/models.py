"""`/v1/models`: what may be asked for, and within which bounds (CONTRACT §9)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

import msgspec

from rushes.domain.access import CALLERS
from rushes.domain.catalog import Listing
from rushes.domain.errors import ModelNotFound
from rushes.gateway.door import Gateway
from rushes.http.routes import Call, Reply, Route

_ENCODER: Final = msgspec.json.Encoder()
_JSON: Final = {"Content-Type": "application/json", "Cache-Control": "private, no-cache"}


@dataclass(frozen=True, slots=True)
class Models:
    """The handlers of the catalog."""

    gateway: Gateway

    def routes(self) -> list[Route]:
        """Return the table's rows."""
        tag = "models"
        return [
            Route(
                "GET",
                "/v1/models",
                self.list,
                "List the models",
                tag,
                answers={200: "ModelList"},
                opened_by=CALLERS,
            ),
            Route(
                "GET",
                "/v1/models/{model}",
                self.get,
                "Retrieve a model",
                tag,
                answers={200: "Model"},
                opened_by=CALLERS,
            ),
        ]

    async def list(self, call: Call) -> Reply:
        """List the models a key may use."""
        data = [model(listing) for listing in self.gateway.listings(call.caller)]
        return Reply(_ENCODER.encode({"object": "list", "data": data}), headers=_JSON)

    async def get(self, call: Call) -> Reply:
        """Tell one model."""
        name = call.path["model"]
        listing = self.gateway.listing(call.caller, name)
        if not call.caller.may_use(listing.id):
            raise ModelNotFound(
                f"There is no model {name}. GET /v1/models lists the models.", param="model"
            )
        return Reply(_ENCODER.encode(model(listing)), headers=_JSON)


def model(listing: Listing) -> dict[str, object]:
    """Render a listing."""
    card = listing.card
    told: dict[str, object] = {
        "id": listing.id,
        "object": "model",
        "created": card.created,
        "owned_by": card.owned_by,
        "rehearsal": listing.is_rehearsal,
        "checked_at": card.checked_at,
    }
    if card.retires_at is not None:
        told["retires_at"] = card.retires_at
    if card.successor is not None:
        told["successor"] = card.successor
    return {**told, "capabilities": _capabilities(listing)}


def _capabilities(listing: Listing) -> dict[str, object]:
    card = listing.card
    price = None
    if listing.prices:
        rules = [
            {"when": rule.when, "per": rule.per, "microusd": rule.microusd}
            for rule in listing.prices
        ]
        price = {"currency": "USD", "rules": rules}
    return {
        "modes": card.modes,
        "durations": {"allowed": card.seconds, "default": card.seconds_default},
        "resolutions": {"allowed": card.resolutions, "default": card.resolution_default},
        "ratios": {"allowed": card.ratios, "default": card.ratio_default},
        "sizes": card.sizes,
        "audio": {"mode": card.sound, "default": card.sound_default},
        "inputs": asdict(card.inputs),
        "passthrough": card.passthrough,
        "price": price,
    }
