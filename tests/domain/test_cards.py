"""Model cards are data with a source and a date, and what an operator serves is what is listed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rushes.domain.catalog import SANDBOX, ModelCard, Route, build_catalog
from rushes.domain.reading import CardRefused, parse_cards, shipped_cards

LISTED = Path(__file__).parents[1] / "contract" / "goldens" / "models.list.json"
CARDS = shipped_cards()
BEYOND = [card for card in CARDS if not card.is_rehearsed]


OTHERS = [card for card in CARDS if card.id != SANDBOX]


@pytest.mark.parametrize("card", OTHERS, ids=lambda card: card.id)
def test_a_card_says_where_its_facts_were_read_and_when(card: ModelCard) -> None:
    assert card.source
    assert card.checked_at is not None


@pytest.mark.parametrize("card", BEYOND, ids=lambda card: card.id)
def test_a_card_beyond_the_contract_is_not_rehearsed_but_can_be_served(card: ModelCard) -> None:
    bare = build_catalog(CARDS, configured={}, has_providers=False)
    assert card.id not in bare.listings
    route = Route("far", card.id)
    served = build_catalog(CARDS, configured={card.id: (card, (route,), ())}, has_providers=True)
    assert served.get(card.id).routes == (route,)


def test_what_the_contract_lists_is_no_card_beyond_it() -> None:
    """Which cards the contract lists is in its golden; here they are only told apart."""
    listed = json.loads(LISTED.read_text(encoding="utf-8"))["response"]["body"]["data"]
    assert not {card.id for card in BEYOND} & {model["id"] for model in listed}
    assert {card.id for card in CARDS} - {card.id for card in BEYOND} == {
        model["id"] for model in listed
    }


def test_a_card_with_an_unknown_field_is_refused_by_name() -> None:
    with pytest.raises(CardRefused, match=r"extra\.toml: card film: unknown colour"):
        parse_cards('[[cards]]\nid = "film"\ncolour = "red"\n', name="extra.toml")
