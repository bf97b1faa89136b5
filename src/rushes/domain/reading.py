"""Reading cards from their files: data in, cards out, or a complaint that names the file."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import msgspec

from rushes.domain.catalog import Inputs, ModelCard


class CardRefused(ValueError):
    """A card cannot be read; the message names the file and the field."""


def shipped_cards() -> list[ModelCard]:
    """Return the cards that come with the package."""
    return read_cards(files("rushes.cards"))


def read_cards(folder: Traversable) -> list[ModelCard]:
    """Return every card of a folder of TOML files, by the file's rank and place.

    Raises:
        CardRefused: a file is no TOML, a field is missing, unknown or of the wrong type, or two
            cards have one id.
    """
    parsed = [
        parse_cards(entry.read_text(encoding="utf-8"), name=entry.name)
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    ]
    cards: dict[str, ModelCard] = {}
    for _, name, found in sorted(parsed, key=lambda file: file[:2]):
        for card in found:
            if card.id in cards:
                raise CardRefused(f"{name}: there is another card {card.id}")
            cards[card.id] = card
    return list(cards.values())


def parse_cards(text: str, *, name: str) -> tuple[int, str, list[ModelCard]]:
    """Return a file's rank, its name, and its cards."""
    try:
        found: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CardRefused(f"{name}: {error}") from None
    cards = [card_of(raw, name=name) for raw in found.get("cards", [])]
    return int(found.get("rank", 50)), name, cards


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
        return msgspec.convert(raw, ModelCard)
    except msgspec.ValidationError as error:
        raise CardRefused(f"{label}: {error}") from None
