"""What watches the pages sees what it is there for."""

from __future__ import annotations

import pytest

from browsing import Booth, check_access
from playhouse import Playhouse

PAGE = """<!doctype html><html lang="en"><title>A page</title><main><h1>A page</h1></main></html>"""


def test_a_page_that_goes_wrong_is_told_of(booth: Booth, house: Playhouse) -> None:
    with booth.visit(house.url) as visit:
        page = visit.page
        page.goto("/healthz")
        visit.held()
        page.evaluate("console.error('a broken page')")
        page.evaluate("void setTimeout(() => { throw new Error('nobody catches this') })")
        page.evaluate("fetch('http://203.0.113.9/film').catch(() => {})")
        page.evaluate("fetch('/nowhere')")
        with pytest.raises(AssertionError) as told:
            visit.held()
        for words in ("a broken page", "nobody catches this", "203.0.113.9", "status of 404"):
            assert words in str(told.value)


def test_a_page_that_keeps_somebody_out_is_told_of(booth: Booth, house: Playhouse) -> None:
    with booth.visit(house.url) as visit:
        visit.page.set_content(PAGE)
        check_access(visit.page)
        visit.page.set_content(PAGE.replace("</h1>", "</h1><img src='data:,'><button></button>"))
        with pytest.raises(AssertionError, match="image-alt") as told:
            check_access(visit.page)
        assert "button-name" in str(told.value)
