"""Reading cards from their files: data in, cards out, or every complaint, naming the file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import fields
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

import msgspec

from rushes.domain.catalog import ADAPTIVE, RATIOS, SHORT_PX, Inputs, ModelCard
from rushes.domain.errors import InvalidValue
from rushes.domain.spec import SECONDS_BY_PROVIDER, parse_size

OURS: Final = "rushes"
"""Who makes what the built-in engine offers: it is its own source."""


class CardRefused(ValueError):
    """Cards cannot be read; each line of the message is a complaint that names file and field."""


@cache
def shipped_cards() -> tuple[ModelCard, ...]:
    """Return the cards that come with the package."""
    return tuple(read_cards(files("rushes.cards")))


def read_cards(folder: Traversable) -> list[ModelCard]:
    """Return every card of a folder of TOML files, by the file's rank and place.

    Raises:
        CardRefused: a file is no TOML, a field is missing, unknown or of the wrong type, or two
            cards have one id.
    """
    parsed: list[tuple[int, str, list[ModelCard]]] = []
    complaints: list[str] = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            try:
                parsed.append(parse_cards(entry.read_text(encoding="utf-8"), name=entry.name))
            except CardRefused as error:
                complaints += str(error).splitlines()
    cards: dict[str, ModelCard] = {}
    for _, name, found in sorted(parsed, key=lambda file: file[:2]):
        for card in found:
            if card.id in cards:
                complaints.append(f"{name}: there is another card {card.id}")
            cards[card.id] = card
    _refuse(complaints)
    return list(cards.values())


def parse_cards(text: str, *, name: str) -> tuple[int, str, list[ModelCard]]:
    """Return a file's rank, its name, and its cards.

    Raises:
        CardRefused: with every complaint about the file.
    """
    try:
        found: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CardRefused(f"{name}: {error}") from None
    unknown = sorted(set(found) - {"rank", "cards"})
    complaints = [f"{name}: a file has rank and [[cards]], not {key}" for key in unknown]
    rank, raws = found.get("rank", 50), found.get("cards", [])
    if not isinstance(rank, int):
        complaints.append(f"{name}: rank is a whole number; got {rank!r}")
    if not isinstance(raws, list):
        raise CardRefused(f"{name}: cards are tables: [[cards]]")
    cards: dict[str, ModelCard] = {}
    for raw in raws:
        try:
            card = card_of(raw, name=name)
        except CardRefused as error:
            complaints += str(error).splitlines()
            continue
        if card.id in cards:
            complaints.append(f"{name}: there is another card {card.id}")
        cards[card.id] = card
    _refuse(complaints)
    return int(rank), name, list(cards.values())


def card_of(raw: object, *, name: str) -> ModelCard:
    """Return one card; `name` says whose it is."""
    if not isinstance(raw, dict):
        raise CardRefused(f"{name}: a card is a table")
    label = f"{name}: card {raw.get('id', '?')}"
    for table, known in ((raw, ModelCard), (raw.get("inputs", {}), Inputs)):
        unknown = set(table) - {field.name for field in fields(known)}
        if unknown:
            raise CardRefused(f"{label}: unknown {', '.join(sorted(unknown))}")
    try:
        card = msgspec.convert(raw, ModelCard)
    except msgspec.ValidationError as error:
        raise CardRefused(f"{label}: {error}") from None
    _refuse([f"{label}: {misfit}" for misfit in _misfits(card)])
    return card


def unsourced(cards: Iterable[ModelCard]) -> list[str]:
    """Return the cards that do not say where their facts were read, or when."""
    return [
        card.id for card in cards if card.owned_by != OURS and not (card.source and card.checked_at)
    ]


def _misfits(card: ModelCard) -> Iterator[str]:
    """Check what only shows when two fields are held side by side, or beside what is known."""
    if not card.modes:
        yield "modes: at least one"
    if wrong := [s for s in card.seconds if s < 1 and s != SECONDS_BY_PROVIDER]:
        yield f"seconds: from 1, or -1 where the provider may choose; got {wrong[0]}"
    for name, known in (("resolutions", [*SHORT_PX]), ("ratios", [*RATIOS, ADAPTIVE])):
        strange = [value for value in getattr(card, name) if value not in known]
        if strange:
            yield f"{name}: known are {', '.join(known)}; got {', '.join(strange)}"
    yield from _misfit_defaults(card)
    for size in card.sizes:
        try:
            parse_size(size, param="sizes")
        except InvalidValue as error:
            yield str(error)


def _misfit_defaults(card: ModelCard) -> Iterator[str]:
    if card.seconds_default not in card.seconds:
        yield f"seconds_default: {card.seconds_default} is not among its seconds"
    if card.resolution_default not in card.resolutions:
        yield f"resolution_default: {card.resolution_default} is not among its resolutions"
    if card.ratio_default is None and card.ratios:
        yield "ratio_default: say which of its ratios"
    if card.ratio_default is not None and card.ratio_default not in card.ratios:
        yield f"ratio_default: {card.ratio_default} is not among its ratios"


def _refuse(complaints: list[str]) -> None:
    if complaints:
        raise CardRefused("\n".join(complaints))
