"""What is not ours in the console is what its authors published, and says so."""

from __future__ import annotations

import re
from hashlib import sha256

import pytest

from rushes.http.console.serving import FOLDER

VENDOR = FOLDER / "vendor"
DIGESTS = {
    "preact.js": "225d7a773766e6fb2cfcc45274fe41d2059f5782f3f2c4569aa5132a2d3a2902",
    "hooks.js": "5c65ab263688d0805862fd0807c779af02c2799c44fda0873dfcb870d0da70a0",
    "htm.js": "ab33dd3f38059b9be4d5f5350128eefb2356639c4e0bbe9d9e8b3ba75847e9e4",
}


@pytest.mark.parametrize("name", DIGESTS)
def test_a_vendored_file_is_the_one_that_was_read(name: str) -> None:
    assert sha256((VENDOR / name).read_bytes()).hexdigest() == DIGESTS[name]


def test_every_vendored_file_is_known_and_licensed() -> None:
    assert {path.name for path in VENDOR.glob("*.js")} == set(DIGESTS)
    told = (VENDOR / "README.md").read_text(encoding="utf-8")
    for name in DIGESTS:
        row = next(line for line in told.splitlines() if line.startswith(f"| `{name}`"))
        licence = re.search(r"`(LICENSE\.\w+)`", row)
        assert licence is not None
        assert (VENDOR / licence[1]).stat().st_size > 1000, name


def test_no_page_of_the_console_asks_anybody_else_for_anything() -> None:
    for path in FOLDER.rglob("*"):
        if path.suffix in {".js", ".html", ".css", ".svg"} and path.parent != VENDOR:
            text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"(?:src|href|from|import|url)\W{1,3}(?:https?:)?//", text), path
