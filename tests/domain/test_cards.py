"""Model cards are data with a source and a date, and what an operator serves is what is listed."""

from __future__ import annotations

import pytest

from rushes.domain.catalog import SANDBOX, ModelCard, Route, build_catalog
from rushes.domain.reading import CardRefused, parse_cards, shipped_cards

CARDS = shipped_cards()
BEYOND = [card for card in CARDS if not card.is_rehearsed]


OTHERS = [card for card in CARDS if card.id != SANDBOX]


@pytest.mark.parametrize("card", OTHERS, ids=lambda card: card.id)
def test_a_card_says_where_its_facts_were_read_and_when(card: ModelCard) -> None:
    assert card.source
    assert card.checked_at is not None


def test_cards_beyond_the_contract_are_not_rehearsed_but_can_be_served() -> None:
    assert {card.id for card in BEYOND} == {"wan2.6-t2v", "wan2.6-i2v"}
    bare = build_catalog(CARDS, configured={}, has_providers=False)
    assert not {card.id for card in BEYOND} & set(bare.listings)
    route = Route("wan", "wan2.6-t2v")
    served = build_catalog(
        CARDS, configured={"wan2.6-t2v": (BEYOND[0], (route,), ())}, has_providers=True
    )
    assert served.get("wan2.6-t2v").routes == (route,)


def test_a_card_with_an_unknown_field_is_refused_by_name() -> None:
    with pytest.raises(CardRefused, match=r"extra\.toml: card film: unknown colour"):
        parse_cards('[[cards]]\nid = "film"\ncolour = "red"\n', name="extra.toml")
