"""Pages go out packed to whoever takes that, and only once to each browser."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from rushes.http.shown import Shown, takes_gzip
from wiring import wired

PAGES = ("/console/app.js", "/console/style.css", "/docs", "/docs/reference.js")


@pytest.mark.parametrize(
    ("said", "takes"),
    [
        ("gzip", True), ("GZIP", True), ("x-gzip", True), ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("br;q=1.0, gzip;q=0.1", True), ("*", True), ("", False), ("identity", False),
        ("gzip;q=0", False), ("gzip;q=0.000, br", False), ("gzipped", False), ("br, zstd", False),
        ("gzip;q=2", False), ("\x00, gzip;;", False),
    ],
)  # fmt: skip
def test_gzip_is_taken_where_it_is_named_with_any_weight(said: str, *, takes: bool) -> None:
    assert takes_gzip(said) is takes


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_the_same_packed_and_not_and_has_a_tag_for_each(
    tmp_path: Path, path: str
) -> None:
    async with wired(tmp_path) as house, house.client(None) as client:
        plain = await client.get(path, headers={"Accept-Encoding": "identity"})
        packed = await client.get(path, headers={"Accept-Encoding": "gzip"})
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.content == plain.content
        assert int(packed.headers["content-length"]) < len(plain.content)
        assert packed.headers["etag"] != plain.headers["etag"]
        for told in (plain, packed):
            assert told.headers["vary"] == "Accept-Encoding"
            assert "content-security-policy" in told.headers
            again = await client.get(path, headers={"If-None-Match": told.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")


def test_what_is_short_or_packed_already_goes_out_as_it_is() -> None:
    assert Shown(b"x" * 999, "text/plain").packed is None
    assert Shown(gzip.compress(bytes(range(256)) * 8), "image/webp").packed is None
