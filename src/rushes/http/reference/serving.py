"""Serving what describes the wire: the OpenAPI document, the page, and what the page is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

import msgspec

from rushes.http.files import FilmOrigins
from rushes.http.hardening import page_headers
from rushes.http.reference.exchanges import carried
from rushes.http.reference.operations import operations_of
from rushes.http.reference.page import page
from rushes.http.routes import Call, Handler, Reply, Route
from rushes.http.shown import PALETTE, Shown, palette

HERE: Final = Path(__file__).parent
STYLE: Final = "reference.css"
SCRIPT: Final = "reference.js"


class Described:
    """The handlers of the document and its page.

    What is described is told afterwards (`tell`): the document names these routes, too.
    """

    def __init__(self, film_origins: FilmOrigins, links: Mapping[str, str]) -> None:
        self._film_origins = film_origins
        self._links = dict(links)
        self._routes: Sequence[Route] = ()
        self._describe: Callable[[], Mapping[str, Any]] = dict

    def tell(self, routes: Sequence[Route], describe: Callable[[], Mapping[str, Any]]) -> None:
        """Say what is described, and how; it is done when somebody first asks."""
        self._routes, self._describe = routes, describe

    def routes(self) -> list[Route]:
        """Return the table's rows; what the page is made of is no part of the wire."""
        return [
            _route("/openapi.json", self.json, "The OpenAPI document", "application/json"),
            _route("/docs", self.page, "This page", "text/html"),
            _route(f"/docs/{PALETTE}", self.palette, "Its colours", "text/css", is_described=False),
            _route(f"/docs/{STYLE}", self.style, "Its style", "text/css", is_described=False),
            _route(
                f"/docs/{SCRIPT}", self.script, "Its script", "text/javascript", is_described=False
            ),
        ]

    async def json(self, call: Call) -> Reply:
        """Answer with the document; it is made when it is first asked for, beside the loop."""
        del call
        document = await asyncio.to_thread(lambda: self._document)
        return Reply(
            msgspec.json.encode(document),
            headers={"Content-Type": "application/json", "Cache-Control": "private, no-cache"},
        )

    async def page(self, call: Call) -> Reply:
        """Answer with the page; it is made when it is first asked for, beside the loop."""
        return await self._reply(call, await asyncio.to_thread(lambda: self._page))

    async def palette(self, call: Call) -> Reply:
        """Answer with the colours of all our pages."""
        return await self._reply(call, palette())

    async def style(self, call: Call) -> Reply:
        """Answer with the page's style."""
        return await self._reply(call, _file(STYLE, "text/css"))

    async def script(self, call: Call) -> Reply:
        """Answer with the page's script."""
        return await self._reply(call, _file(SCRIPT, "text/javascript"))

    @cached_property
    def _document(self) -> Mapping[str, Any]:
        return self._describe()

    @cached_property
    def _page(self) -> Shown:
        exchanges = carried()
        operations = operations_of(self._routes, self._document, exchanges)
        made = Shown(
            page(self._document, operations, exchanges, self._links).encode(),
            "text/html; charset=utf-8",
        )
        _ = made.packed  # beside the loop, as long as we are
        return made

    async def _reply(self, call: Call, shown: Shown) -> Reply:
        return shown.reply(call, page_headers(await self._film_origins.told()))


@cache
def _file(name: str, content_type: str) -> Shown:
    return Shown((HERE / name).read_bytes(), f"{content_type}; charset=utf-8")


def _route(
    path: str, handler: Handler, summary: str, kind: str, *, is_described: bool = True
) -> Route:
    return Route(
        "GET",
        path,
        handler,
        summary,
        "system",
        answers={200: kind},
        needs_key=False,
        is_described=is_described,
    )
