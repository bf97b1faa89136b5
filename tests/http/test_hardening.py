"""What browsers are told, on every answer and on pages; and how much a form may bring along."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from rushes.domain.task import Status
from rushes.http.bounds import GuardLimits
from rushes.http.farewells import MALFORMED
from rushes.http.hardening import standing_headers
from rushes.http.server import server_of
from wiring import Wired, wired

ROOT = "/v1/video/generations"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Wired]:
    async with wired(tmp_path) as found:
        yield found


def test_the_server_says_on_every_answer_what_browsers_must_not_do_and_nothing_of_itself(
    tmp_path: Path,
) -> None:
    house = Wired(tmp_path)
    try:
        server = server_of(
            house.application, host="127.0.0.1", port=0, limits=GuardLimits(), drain_s=1
        )
        server.config.load()
        standing = dict(server.config.encoded_headers)
        assert standing == {
            b"x-content-type-options": b"nosniff",
            b"referrer-policy": b"no-referrer",
        }
        said = MALFORMED.rendered(server.config.encoded_headers)
        assert b"x-content-type-options: nosniff\r\n" in said
        assert b"server:" not in said.lower()
    finally:
        house.close()


@pytest.mark.parametrize(("url", "is_told"), [("https://f.test", True), ("http://f.test", False)])
def test_only_where_callers_come_by_tls_are_browsers_told_to_do_so_always(
    url: str, is_told: bool
) -> None:
    assert ("strict-transport-security" in dict(standing_headers(url))) is is_told


async def test_a_page_runs_its_own_files_alone_and_is_framed_by_nobody(house: Wired) -> None:
    async with house.client(secret=None) as client:
        page = await client.get("/docs")
    policy = dict(
        part.split(" ", 1) for part in page.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert "<style" not in page.text
    assert " style=" not in page.text
    assert page.headers["x-frame-options"] == "DENY"


async def test_every_page_has_the_policy_of_pages(house: Wired) -> None:
    async with house.client() as client:
        for route in house.application.routes:
            if "text/html" in route.answers.values():
                page = await client.get(route.path)
                assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_a_film_may_be_shown_by_a_callers_page_and_a_page_of_ours_by_nobody(
    house: Wired,
) -> None:
    async with house.client() as client:
        made = await client.post(ROOT, json={"model": "sandbox", "prompt": "a heron"})
        name = made.json()["id"]
        await house.bring(house.task(name), Status.SUCCEEDED)
        link = (await client.get(f"{ROOT}/{name}")).json()["url"]
        for path in (link.removeprefix("http://localhost:8080"), f"/v1/videos/{name}/content"):
            film = await client.get(path)
            assert film.status_code == 200
            assert film.headers["cross-origin-resource-policy"] == "cross-origin"
        assert "cross-origin-resource-policy" not in made.headers
        page = await client.get("/docs")
        assert page.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("files", "data"),
    [
        ([("images", (f"{n}.png", b"x")) for n in range(33)], {}),
        ([("image", ("1.png", b"x"))], {f"field{n}": "x" for n in range(201)}),
    ],
)
async def test_a_form_brings_so_many_parts_and_no_more(
    house: Wired, files: list[Any], data: dict[str, str]
) -> None:
    async with house.client() as client:
        answer = await client.post(ROOT, files=files, data=data)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_json"
    assert re.search(r"\b(32|200)\b", answer.json()["error"]["message"])
    assert [name async for name, _ in house.blobs.names("")] == []
