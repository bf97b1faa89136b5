"""Cards are data: read whole or refused whole, and what ships says where it was read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from rushes.domain.reading import CardRefused, parse_cards, read_cards, shipped_cards, unsourced

CARD = """
[[cards]]
id = "{id}"
owned_by = "lab"
modes = ["text_to_video"]
seconds = [4, 8]
seconds_default = 4
resolutions = ["720p"]
resolution_default = "720p"
ratios = ["16:9"]
ratio_default = "16:9"
sound = "none"
sound_default = false
[cards.inputs]
prompt = "required"
"""


def card(name: str = "lab-1", **changes: str) -> str:
    text = CARD.format(id=name)
    for field, value in changes.items():
        lines = text.splitlines()
        text = "\n".join(
            f"{field} = {value}" if ln.startswith(f"{field} =") else ln for ln in lines
        )
    return text + "\n"


def complaints(text: str) -> list[str]:
    with pytest.raises(CardRefused) as raised:
        parse_cards(text, name="lab.toml")
    return str(raised.value).splitlines()


def test_every_shipped_card_says_where_it_was_read_and_when() -> None:
    assert unsourced(shipped_cards()) == []


def test_a_card_without_source_or_date_is_caught() -> None:
    sora = next(card for card in shipped_cards() if card.id == "sora-2")
    assert unsourced([replace(sora, source=None), replace(sora, checked_at=None)]) == 2 * ["sora-2"]
    assert unsourced([replace(sora, source="", checked_at=date(2026, 11, 26))]) == ["sora-2"]


def test_a_card_is_read() -> None:
    rank, name, (found,) = parse_cards(f"rank = 5\n{card()}", name="lab.toml")
    assert (rank, name, found.id) == (5, "lab.toml", "lab-1")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"modes": "[]"}, "modes: at least one"),
        ({"modes": '["mime"]'}, "mime"),
        ({"seconds": "[0, 4]"}, "seconds: from 1"),
        ({"seconds_default": "5"}, "seconds_default: 5 is not among its seconds"),
        ({"resolutions": '["720p", "8k"]'}, "resolutions: known are 480p, 720p, 1080p, 4k; got 8k"),
        ({"resolution_default": '"480p"'}, "resolution_default: 480p is not among"),
        ({"ratios": '["2:1"]'}, "ratios: known are"),
        ({"ratio_default": '"9:16"'}, "ratio_default: 9:16 is not among"),
        ({"sound": '"loud"'}, "loud"),
        ({"prompt": '"sometimes"'}, "sometimes"),
        ({"owned_by": '"lab"\nsizes = ["12x13"]'}, "even height"),
        ({"owned_by": '"lab"\ncolour = 1'}, "unknown colour"),
    ],
)
def test_what_does_not_fit_is_refused_by_file_card_and_field(
    changes: dict[str, str], sentence: str
) -> None:
    told = complaints(card(**changes))
    assert all(line.startswith("lab.toml: card lab-1: ") for line in told)
    assert any(sentence in line for line in told)


def test_every_complaint_is_told_at_once() -> None:
    wrong = card("a", sound="1") + card("b", seconds="[0]")
    text = f'colour = 1\nrank = "high"\n{wrong}{card()}{card()}'
    told = complaints(text)
    assert len(told) == 6
    assert "not colour" in told[0]
    assert "rank is a whole number" in told[1]
    assert told[-1] == "lab.toml: there is another card lab-1"


def test_a_file_that_holds_something_else_is_refused() -> None:
    assert "lab.toml: " in complaints("cards = [")[0]
    assert complaints("cards = 3") == ["lab.toml: cards are tables: [[cards]]"]
    assert complaints("cards = [3]") == ["lab.toml: a card is a table"]


def test_a_folder_is_read_whole_or_refused_whole(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(card("a") + card("c"))
    (tmp_path / "b.toml").write_text("rank = 1\n" + card("b"))
    (tmp_path / "notes.txt").write_text("none of it")
    assert [found.id for found in read_cards(tmp_path)] == ["b", "a", "c"]
    (tmp_path / "d.toml").write_text(card("a"))
    (tmp_path / "e.toml").write_text(card("e", sound="1"))
    with pytest.raises(CardRefused) as raised:
        read_cards(tmp_path)
    assert len(str(raised.value).splitlines()) == 2
