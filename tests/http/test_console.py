"""The console is served whole, as it is, to anybody, and nothing beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from rushes.http.console.serving import FOLDER, Console, Shown, files_in
from rushes.http.routes import Table
from rushes.http.server import Application, Operators
from wiring import Wired, wired


async def test_the_console_leads_into_its_folder_and_its_page_needs_no_key(tmp_path: Path) -> None:
    async with wired(tmp_path) as house, house.client(None) as client:
        first = await client.get("/console")
        assert (first.status_code, first.headers["location"]) == (307, "console/")
        page = await client.get("/console/")
        assert page.status_code == 200
        assert page.content == (FOLDER / "index.html").read_bytes()
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["cache-control"] == "private, no-cache"
        assert page.headers["x-frame-options"] == "DENY"


async def test_every_file_of_the_folder_is_served_as_what_it_is(tmp_path: Path) -> None:
    known = {".html", ".js", ".css", ".svg", ".png", ".webp", ".woff2", ".json", ".txt"}
    async with wired(tmp_path) as house, house.client(None) as client:
        for path in FOLDER.rglob("*"):
            if path.is_file() and path.suffix in known:
                answer = await client.get(f"/console/{path.relative_to(FOLDER).as_posix()}")
                assert answer.status_code == 200, path
                assert answer.content == path.read_bytes()


async def test_a_browser_that_has_a_file_is_sent_it_no_second_time(tmp_path: Path) -> None:
    async with wired(tmp_path) as house, house.client(None) as client:
        etag = (await client.get("/console/")).headers["etag"]
        assert not etag.startswith("W/")
        for said in (etag, f'"other", {etag}', f"W/{etag}", "*"):
            again = await client.get("/console/", headers={"If-None-Match": said})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == etag
            assert "content-security-policy" in again.headers
        other = await client.get("/console/", headers={"If-None-Match": '"other"'})
        assert other.status_code == 200
        head = await client.head("/console/")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == other.headers["content-length"]


@pytest.mark.parametrize(
    "name",
    ["none.js", "../serving.py", "..%2fserving.py", "%2e%2e/serving.py", "/etc/passwd",
     "vendor/../../serving.py", "index.html/", "INDEX.HTML", "%00", "static/index.html"],
)  # fmt: skip
async def test_what_is_no_file_of_the_console_is_not_found(tmp_path: Path, name: str) -> None:
    async with wired(tmp_path) as house, house.client(None) as client:
        answer = await client.get(f"/console/{name}")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "route_not_found"


def policy_of(headers: dict[str, str]) -> dict[str, str]:
    parts = headers["content-security-policy"].split("; ")
    return dict(part.split(" ", 1) for part in parts)


async def test_the_page_runs_its_own_scripts_and_fetches_from_us_alone(tmp_path: Path) -> None:
    async with wired(tmp_path) as house, house.client(None) as client:
        policy = policy_of(dict((await client.get("/console/")).headers))
    ours = "http://localhost:8080"
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "font-src": "'self'",
        "img-src": f"'self' blob: data: {ours}",
        "media-src": f"'self' blob: {ours}",
        "connect-src": f"'self' {ours}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


async def test_films_that_a_bucket_sends_may_be_played_from_there(tmp_path: Path) -> None:
    asked = []

    async def sign(name: str, method: str) -> str:
        asked.append((name, method))
        return f"https://films.s3.example.com:9000/{name}?signature=secret"

    async with wired(tmp_path, sign=sign) as house, house.client(None) as client:
        for path in ("/console/", "/console/", "/console/index.html"):
            policy = policy_of(dict((await client.get(path)).headers))
    assert policy["media-src"].endswith(" https://films.s3.example.com:9000")
    assert "secret" not in str(policy)
    assert len(asked) == 1


async def test_a_bucket_that_cannot_be_asked_leaves_the_page_and_is_asked_again(
    tmp_path: Path,
) -> None:
    answers = iter([OSError("no credentials"), None])

    async def sign(name: str, method: str) -> str:
        del name, method
        trouble = next(answers)
        if trouble is not None:
            raise trouble
        return "https://films.test/x"

    async with wired(tmp_path, sign=sign) as house, house.client(None) as client:
        without = policy_of(dict((await client.get("/console/")).headers))
        with_it = policy_of(dict((await client.get("/console/")).headers))
    assert "films.test" not in without["media-src"]
    assert "https://films.test" in with_it["media-src"]


async def test_an_operator_may_do_without_the_console(tmp_path: Path) -> None:
    async with wired(tmp_path, has_console=False) as house, house.client(None) as client:
        for path in ("/console", "/console/", "/console/index.html"):
            assert (await client.get(path)).status_code == 404


async def test_a_port_of_the_operators_own_has_the_console_too(tmp_path: Path) -> None:
    async with wired(tmp_path, operators=Operators(port=8081)) as house:

        async def at_their_port(scope: Scope, receive: Receive, send: Send) -> None:
            await house.application({**scope, "server": ("127.0.0.1", 8081)}, receive, send)

        async with house.client(None, at_their_port) as client:
            assert (await client.get("/console/")).status_code == 200


def test_a_process_that_answers_no_callers_has_no_console(tmp_path: Path) -> None:
    house = Wired(tmp_path)
    try:
        worker = Application(house.application.wire, for_callers=False)
        assert not [route for route in worker.routes if "console" in route.path]
    finally:
        house.close()


def test_what_lies_in_the_folder_and_is_no_page_script_or_picture_is_left_there(
    tmp_path: Path,
) -> None:
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor" / "chart.js").write_text("export {}", encoding="utf-8")
    (tmp_path / "LICENSE").write_text("MIT", encoding="utf-8")
    (tmp_path / "page.py").write_text("", encoding="utf-8")
    found = files_in(tmp_path)
    assert list(found) == ["vendor/chart.js"]
    assert found["vendor/chart.js"].content_type == "text/javascript; charset=utf-8"
    shown = Shown(b"x", "text/plain")
    table = Table(Console({"a.txt": shown}, "http://localhost", None).routes())
    assert table.find("GET", "/console/vendor/chart.js")[1] == {"file": "vendor/chart.js"}
