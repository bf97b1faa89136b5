"""docs/providers.md says what the code says; `make docs` writes it anew."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from rushes.providers import registry
from rushes.testing.live import DELIVERED, LOOPBACK, REMOTE, Live, live_of, read_live
from rushes.testing.providers_page import everyone, facts_of, main, page
from rushes.testing.providers_page import live_of as day_of

DOCS = Path(__file__).parents[2] / "docs"
TOLD = """# One film by `openai_videos`

| | |
|---|---|
| kind | `openai_videos` |
| profile | {profile} |
| date | {on} |
| where | {where} |
| outcome | {outcome} |
"""


def told(profile: str = "none", on: str = "2026-11-26", where: str = REMOTE, out: str = "") -> str:
    return TOLD.format(profile=profile, on=on, where=where, outcome=out or DELIVERED)


def test_the_page_is_what_the_code_says() -> None:
    written = (DOCS / "providers.md").read_text(encoding="utf-8")
    assert written == page(DOCS / "live"), "run `make docs`"


def test_every_kind_and_profile_has_a_row() -> None:
    rows = (DOCS / "providers.md").read_text(encoding="utf-8")
    for kind, profile in everyone():
        assert f"| `{kind}` | {f'`{profile}`' if profile else '-'} |" in rows
    assert {kind for kind, _ in everyone()} == set(registry.kinds())


def test_nothing_is_live_without_a_page(tmp_path: Path) -> None:
    assert day_of("openai_videos", "openai", []) == "no"
    (tmp_path / "README.md").write_text("# Live films\n")
    (tmp_path / "local.md").write_text(told(where=LOOPBACK))
    (tmp_path / "lost.md").write_text(told(out="lost: provider_failed"))
    assert list(read_live(tmp_path)) == []
    (tmp_path / "a.md").write_text(told())
    (tmp_path / "b.md").write_text(told(profile="`openai`", on="2026-12-01"))
    proven = list(read_live(tmp_path))
    assert day_of("openai_videos", "openai", proven) == "2026-12-01"
    assert day_of("openai_videos", "vllm_omni", proven) == "no"
    assert day_of("sandbox", None, proven) == "no"


@pytest.mark.parametrize("text", ["", told(on="soon"), told().replace("| kind ", "| sort ")])
def test_a_page_that_cannot_be_read_proves_nothing(text: str) -> None:
    assert live_of(text) is None
    assert live_of(told()) == Live("openai_videos", None, date(2026, 11, 26))


async def test_how_a_film_travels_is_seen_not_claimed() -> None:
    facts = await facts_of("openai_videos", "openai", [])
    assert facts.film == "from the provider, with the key"
    assert (facts.cancel, facts.find, facts.hints) == ("yes", "yes", "no")
    assert facts.held_to.startswith("openai-python")
    unheld = await facts_of("openai_videos", "klingon", [])
    assert "no scene" in unheld.cancel


def test_the_page_can_be_written_anywhere(tmp_path: Path) -> None:
    assert main([str(tmp_path / "providers.md")]) == 0
    assert (tmp_path / "providers.md").read_text(encoding="utf-8").startswith("# Providers")
