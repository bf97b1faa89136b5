"""Serving the console: a fixed set of files, read once, told as they are.

The page keeps its place behind the `#` of its address, so one index answers for all of it. A name
is looked up among the files that were read at the start and never made into a path: nothing beside
them can be asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rushes.domain.errors import RouteNotFound
from rushes.http.files import FilmOrigins, Sign
from rushes.http.hardening import page_headers
from rushes.http.routes import Call, Handler, Reply, Route
from rushes.http.shown import PALETTE, Shown, palette

FOLDER: Final = Path(__file__).parent / "static"
INDEX: Final = "index.html"
CONTENT_TYPES: Final[Mapping[str, str]] = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
}
"""What is served, by the end of its name; whatever else lies in the folder is not."""


def files_in(folder: Path) -> dict[str, Shown]:
    """Read the files of a folder, by their names within it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        content_type = CONTENT_TYPES.get(path.suffix)
        if content_type is None or not path.is_file():
            continue
        found[path.relative_to(folder).as_posix()] = Shown(path.read_bytes(), content_type)
    return found


class Console:
    """The handlers of the console's files; `sign` is None where films go out through us."""

    def __init__(self, files: Mapping[str, Shown], public_url: str, sign: Sign | None) -> None:
        self._files = {**files, PALETTE: palette()}
        self._film_origins = FilmOrigins(public_url, sign)

    def routes(self) -> list[Route]:
        """Return the table's rows. They are no part of the wire, so no document tells them."""
        return [
            _route("/console", self.begin, "Lead to the console", {307: ""}),
            _route("/console/", self.index, "The console", {200: "text/html", 304: ""}),
            _route("/console/{file}", self.file, "A file of the console", {200: "bytes", 304: ""}),
        ]

    async def begin(self, call: Call) -> Reply:
        """Lead to the folder, so that what the page names beside itself is found there."""
        del call
        return Reply(status=307, headers={"Location": "console/", "Cache-Control": "no-cache"})

    async def index(self, call: Call) -> Reply:
        """Answer with the page."""
        return await self._answer(call, INDEX)

    async def file(self, call: Call) -> Reply:
        """Answer with one of the files."""
        return await self._answer(call, call.path["file"])

    async def _answer(self, call: Call, name: str) -> Reply:
        shown = self._files.get(name)
        if shown is None:
            raise RouteNotFound("The console has no such file.")
        return shown.reply(call, page_headers(await self._film_origins.told()))


def _route(path: str, handler: Handler, summary: str, answers: Mapping[int, str]) -> Route:
    return Route(
        "GET",
        path,
        handler,
        summary,
        "console",
        answers=answers,
        needs_key=False,
        is_described=False,
    )
