"""`POST /v1/video/quotes`: what a film would cost, before it is asked for (CONTRACT §9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from rushes.deeds.words import money
from rushes.domain.catalog import Per, Price
from rushes.domain.errors import UnsupportedMediaType
from rushes.domain.prices import Tariff
from rushes.gateway.creates import headers_of
from rushes.gateway.judged import Judged
from rushes.http.creating import Creating
from rushes.http.routes import Call, Reply, Route

_ENCODER: Final = msgspec.json.Encoder()
_JSON: Final = {"Content-Type": "application/json", "Cache-Control": "private, no-cache"}
_FOR: Final = {
    Per.SECOND: "a second of film",
    Per.FILM: "a film",
    Per.MILLION_TOKENS: "a million tokens",
    Per.INPUT_SECOND: "a second of video sent in",
}


class Quote(msgspec.Struct):
    """What a film would be, and cost; `seconds` is -1 where the provider chooses.

    `hold_microusd` is the most that it may cost, in millionths of a US dollar. `price` is null
    where it is free.
    """

    object: Literal["quote"]
    model: str
    seconds: int
    size: str
    resolution: str | None
    ratio: str | None
    with_audio: bool
    rehearsal: bool
    hold_microusd: int
    price: str | None


@dataclass(frozen=True, slots=True)
class Quotes:
    """The handler of quotes; a wish is read and judged as a create is."""

    creating: Creating

    def routes(self) -> list[Route]:
        """Return the table's rows. A quote makes no task, and is no submit."""
        return [
            Route(
                "POST",
                "/v1/video/quotes",
                self.quote,
                "Tell what a film would cost, and make none",
                "generations",
                request="QuoteWanted",
                answers={200: "Quote"},
            )
        ]

    async def quote(self, call: Call) -> Reply:
        """Tell what a create with this body would come to."""
        kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in {"", "application/json"}:
            raise UnsupportedMediaType("A quote is asked for in JSON: send application/json.")
        async with self.creating.body(call) as body:
            judged = await self.creating.quote(call, body)
        headers = {**headers_of(judged.listing, judged.ignored, judged.coerced), **_JSON}
        return Reply(_ENCODER.encode(_told(judged)), headers=headers)


def _told(judged: Judged) -> dict[str, object]:
    spec = judged.spec
    return {
        "object": "quote",
        "model": judged.listing.id,
        "seconds": spec.seconds,
        "size": str(spec.size),
        "resolution": spec.resolution,
        "ratio": spec.ratio,
        "with_audio": spec.with_audio,
        "rehearsal": judged.listing.is_rehearsal,
        "hold_microusd": judged.hold_microusd,
        "price": in_words(judged.tariff),
    }


def in_words(tariff: Tariff) -> str | None:
    """Say what a film costs by the rules that count for it; None where none does.

    >>> in_words((Price("second", 100_000, {"resolution": "720p"}), Price("film", 7)))
    '$0.10 a second of film at 720p, and $0.000007 a film.'
    """
    rules = [_rule(rule) for rule in tariff]
    return f"{', and '.join(rules)}." if rules else None


def _rule(rule: Price) -> str:
    words = [money(rule.microusd), _FOR[Per(rule.per)]]
    for name, value in rule.when.items():
        match name, value:
            case "audio", _:
                words.append("with sound" if value else "without sound")
            case "mode", str():
                words.append(f"for {value.replace('_', ' ')}")
            case _:
                words.append(f"at {value}")
    if rule.tokens_max is not None:
        words.append(f"({rule.tokens_max:,} tokens at most)")
    return " ".join(words)
