"""Every number that a server tells is explained to whoever runs it."""

from __future__ import annotations

import re
from pathlib import Path

import httpx2

from living import Living

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "operate.md"


def test_every_metric_is_on_the_operators_page_and_the_other_way_round(server: Living) -> None:
    told = httpx2.get(f"{server.url}/metrics", timeout=20).text
    families = set(re.findall(r"^# TYPE (rushes_\w+) ", told, re.MULTILINE))
    families = {name for name in families if not name.endswith("_created")}
    page = PAGE.read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `(rushes_\w+)`", page, re.MULTILINE))
    assert explained == families
    named = set(re.findall(r"`(rushes_[a-z_]+)", page))
    assert named <= families


def test_every_label_of_the_guard_is_explained(server: Living) -> None:
    told = httpx2.get(f"{server.url}/metrics", timeout=20).text
    page = PAGE.read_text(encoding="utf-8")
    for what in re.findall(r'^rushes_guard_total\{what="(\w+)"', told, re.MULTILINE):
        assert f"`{what}`" in page, what
