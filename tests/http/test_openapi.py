"""The OpenAPI document says what the server does: walked both ways, and tried by a stranger."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
)

from loopback import serving
from rushes.domain.access import Scope
from rushes.http.openapi import REQUESTS, STRUCTS
from wiring import SECRET, Wired, wired

OPERATOR = "sk-live-operator"


async def document_of(house: Wired) -> dict[str, Any]:
    async with house.client(None) as client:
        found: dict[str, Any] = (await client.get("/openapi.json")).json()
    return found


async def test_the_document_and_the_routes_are_the_same_list(tmp_path: Path) -> None:
    async with wired(tmp_path) as house:
        document = await document_of(house)
        described = {
            (method.upper(), path)
            for path, operations in document["paths"].items()
            for method in operations
        }
        routes = house.application.routes
        assert described == {(one.method, one.path) for one in routes if one.is_described}
        left_out = {route.path for route in routes if not route.is_described}
        pages = {"/console", "/console/", "/console/{file}"}
        made_of = {"palette.css", "reference.css", "reference.js"}
        assert left_out == {*pages, *(f"/docs/{name}" for name in made_of)}


async def test_every_path_of_the_document_is_answered_by_its_own_route(tmp_path: Path) -> None:
    async with wired(tmp_path) as house:
        document = await document_of(house)
        async with house.client() as client:
            for path, operations in document["paths"].items():
                concrete = re.sub(r"\{[a-z_]+\}", "video_" + "0" * 32, path)
                for method in operations:
                    if path.endswith("/events"):
                        continue
                    answer = await client.request(method.upper(), concrete)
                    if path.startswith("/hooks/"):  # an unknown token is told like no route
                        assert "no such hook" in answer.json()["error"]["message"]
                        continue
                    code = answer.json().get("error", {}).get("code") if answer.is_error else ""
                    assert code not in {"route_not_found", "method_not_allowed"}, (method, path)


async def test_the_document_tells_every_variant_of_a_videos_content(tmp_path: Path) -> None:
    async with wired(tmp_path) as house:
        document = await document_of(house)
    operation = document["paths"]["/v1/videos/{video_id}/content"]["get"]
    (told,) = (one for one in operation["parameters"] if one["name"] == "variant")
    names = ["video", "thumbnail", "last_frame", "spritesheet"]
    assert (told["in"], told["schema"]["enum"], told["schema"]["default"]) == (
        "query", names, "video",
    )  # fmt: skip
    assert all(f"`{name}`" in told["description"] for name in names)


async def test_every_reference_of_the_document_leads_somewhere(tmp_path: Path) -> None:
    async with wired(tmp_path) as house:
        document = await document_of(house)
    names = set(re.findall(r"#/components/schemas/(\w+)", repr(document)))
    assert names <= set(document["components"]["schemas"])
    assert {struct.__name__ for struct in STRUCTS} | set(REQUESTS) <= names | {"Error"}


async def test_the_readable_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    async with wired(tmp_path) as house, house.client(None) as client:
        page = (await client.get("/docs")).text
    assert "/v1/video/generations" in page
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)


# -- a stranger tries everything ------------------------------------------------------------------


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    house = Wired(tmp_path_factory.mktemp("stranger"))
    house.add_key(OPERATOR, scopes=frozenset({Scope.ADMIN}))
    asyncio.run(house.keyring.reload())
    with serving(house.application) as bound:
        yield bound
    house.close()


@pytest.fixture(scope="module")
def api(port: int) -> Any:
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/openapi.json")
    return schema.exclude(path_regex="/events$|^/admin/")


@pytest.fixture(scope="module")
def operators_api(port: int) -> Any:
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/openapi.json")
    return schema.include(path_regex="^/admin/")


CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]


@pytest.mark.filterwarnings("ignore")
def test_no_request_makes_a_5xx_and_every_answer_is_as_described(api: Any, port: int) -> None:
    """Every operation, with hundreds of requests made from the document."""
    operations = [found.ok() for found in api.get_all_operations()]
    assert len(operations) > 15
    for operation in operations:
        try_everything(operation, port)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_no_operators_request_makes_a_5xx_and_every_answer_is_as_described(
    operators_api: Any, port: int
) -> None:
    operations = [found.ok() for found in operators_api.get_all_operations()]
    assert len(operations) > 20
    for operation in operations:
        try_everything(operation, port, secret=OPERATOR)


def try_everything(operation: Any, port: int, *, secret: str = SECRET) -> None:
    @settings(
        max_examples=30, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy())
    def try_one(case: Any) -> None:
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {secret}"}
        response = case.call(base_url=f"http://127.0.0.1:{port}")
        if case.operation.path != "/readyz":
            case.validate_response(response, checks=CHECKS)

    try_one()


def test_bodies_that_are_cut_short_break_nothing(port: int) -> None:
    """A caller who leaves in the middle of an upload leaves nothing behind."""
    import socket

    for sent in (b"", b'{"model": "sand', b"--x\r\nContent-Disposition: form-data; name="):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            head = (
                f"POST /v1/videos HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\n"
                "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 900\r\n\r\n"
            )
            connection.sendall(head.encode() + sent)
    assert httpx2.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200
