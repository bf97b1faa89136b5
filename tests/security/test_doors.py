"""No spelling of an address, and no header beside it, opens a door that wants a key.

Raw bytes over a real socket, with the guard and the hot look in front: what decides is the path
that the route is found by, and nothing else that a request says of itself.
"""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

import rushes
from loopback import Caller, Reply, serving
from rushes.domain.ids import new_task_id
from rushes.domain.task import Status, Task
from rushes.http.guard import GuardLimits, guarded
from rushes.settings import Settings
from rushes.testing.builders import NOON, put_task
from wiring import SECRET, Wired

OPEN = {
    ("GET", "/healthz"): "says that the process lives",
    ("GET", "/readyz"): "names parts of ours, and whether they are well",
    ("GET", "/metrics"): "numbers; an operator may close it (metrics_open)",
    ("GET", "/openapi.json"): "describes the wire",
    ("GET", "/docs"): "the same, for reading",
    ("GET", "/docs/palette.css"): "the colours that it has in common with the console",
    ("GET", "/docs/reference.css"): "what that page looks like",
    ("GET", "/docs/reference.js"): "what that page runs",
    ("GET", "/console"): "leads to the console",
    ("GET", "/console/"): "a page that knows nothing before its visitor gives it a key",
    ("GET", "/console/{file}"): "what that page is made of",
    ("GET", "/files/{task_id}/video.mp4"): "wants a signature",
    ("POST", "/hooks/{provider}/{token}"): "wants a token nobody can guess, and only rings a bell",
}
"""Every route that answers without a key, and why it may."""

PUBLIC = {path for _, path in OPEN if "{" not in path}


@dataclass(frozen=True, slots=True)
class Street:
    """A server that answers, and a film in it that a stranger would like to have."""

    house: Wired
    port: int
    task: Task


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    house = Wired(tmp_path_factory.mktemp("doors"))
    asyncio.run(house.keyring.reload())
    task = house.store.write_now(
        lambda tx: put_task(tx, account_id=house.key.account_id, key_id=house.key.id)
    )
    task = asyncio.run(house.bring(task, Status.SUCCEEDED))
    protocol = guarded(GuardLimits(), at_once=house.application.hot_looks)
    with serving(house.application, protocol) as port:
        yield Street(house, port, task)
    house.close()


def ask(street: Street, line: bytes, *headers: bytes) -> Reply:
    with Caller(street.port) as caller:
        caller.say(b"\r\n".join([line, *headers, b"Connection: close", b"", b""]))
        return caller.reply(is_to_head=line.startswith(b"HEAD"))


def path_of(target: str) -> str:
    """Return the path that a request line asks for, as a route would be found by it."""
    bare = re.sub(r"^[A-Za-z]+://[^/?#]*", "", target).partition("#")[0].partition("?")[0]
    return unquote(bare)


def targets(task_id: str) -> list[str]:
    """Spell the private places of a house in every way that somebody once got in by."""
    private = [
        "/v1/models",
        "/v1/video/generations",
        f"/v1/video/generations/{task_id}",
        f"/v1/videos/{task_id}/content",
        "/v1/webhooks/secret",
        "/admin/v1/keys",
    ]
    return [
        spelled
        for path in private
        for spelled in (
            path,
            f"/{path}",
            f"//healthz{path}",
            f"{path}/",
            f"{path}?",
            f"{path}?/healthz",
            f"{path}#/healthz",
            f"/.{path}",
            f"/healthz/..{path}",
            f"/healthz/%2e%2e{path}",
            f"/healthz%2f..{path.replace('/', '%2f')}",
            f"/docs;{path}",
            f"/openapi.json/..{path}",
            path.replace("/v1", "/V1").replace("/admin", "/ADMIN"),
            path.replace("v", "%76", 1),
            path.replace("/", "%2F"),
            path.replace("/", "\\"),
            f"http://localhost{path}",
            f"http://localhost/healthz{path}",
            f"http://evil.test{path}",
            f"http://evil.test:80@localhost{path}",
            f"HTTP://healthz{path}",
            f"{path}%00",
            f"{path}/%2e%2e/%2e%2e/healthz",
        )
    ]


HOSTS = [
    (b"Host: localhost",),
    (b"Host: evil.test",),
    (b"Host: localhost/healthz",),
    (b"Host: localhost/healthz?x=",),
    (b"Host: localhost/healthz#",),
    (b"Host: x@localhost",),
    (b"Host: ",),
    (b"Host: a", b"Host: b"),
    (b"Host: localhost", b"X-Forwarded-Host: localhost/healthz"),
    (b"Host: localhost", b"X-Original-URL: /healthz", b"X-Rewrite-URL: /healthz"),
    (b"Host: localhost", b"X-Forwarded-Prefix: /healthz", b"X-Forwarded-For: 127.0.0.1"),
    (b"Host: localhost", b"Forwarded: for=127.0.0.1;host=localhost/healthz"),
    (b"Host: localhost", b"X-HTTP-Method-Override: GET", b"X-Real-IP: 127.0.0.1"),
    (b"Host: localhost", b"Authorization: Basic c2stbGl2ZTo=", b"X-Api-Key: x"),
]


@pytest.mark.promise("P8")
@pytest.mark.advisory("CVE-2026-49468")
@pytest.mark.parametrize("host", HOSTS, ids=[b" ".join(host).decode() for host in HOSTS])
def test_no_spelling_of_a_private_address_is_answered_without_a_key(
    street: Street, host: tuple[bytes, ...]
) -> None:
    for target in targets(street.task.id):
        for method in ("GET", "POST", "DELETE"):
            answer = ask(street, f"{method} {target} HTTP/1.1".encode(), *host)
            assert 400 <= answer.status < 500, (method, target, answer)
            if path_of(target).startswith("/v1/"):
                assert answer.status in {400, 401}, (method, target, answer)
    assert street.house.task(street.task.id).status is Status.SUCCEEDED


@pytest.mark.advisory("CVE-2026-49468")
def test_any_target_and_any_host_are_refused_or_public(street: Street) -> None:
    pieces = st.sampled_from(
        ["/", "//", "v1", "/v1/", "videos", "models", "healthz", "docs", "..", ".", "%2f", "%2e",
         "%76", "?", "#", "@", ":", ";", "http://", "localhost", "%00", "\\", "*", "%ff", "é"]
    )  # fmt: skip
    made = st.lists(pieces, min_size=1, max_size=8).map("".join)

    @settings(
        max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(
        method=st.sampled_from(["GET", "HEAD", "POST", "DELETE", "PUT", "OPTIONS", "PATCH"]),
        target=made,
        host=made,
    )
    def try_one(method: str, target: str, host: str) -> None:
        line = f"{method} {target} HTTP/1.1".encode("latin-1")
        answer = ask(street, line, f"Host: {host}".encode("latin-1"))
        assert answer.status < 500, (target, host, answer)
        if answer.status < 400:
            assert path_of(target) in PUBLIC, (target, host, answer)

    try_one()


@pytest.mark.advisory("CVE-2026-49468")
def test_the_same_target_is_judged_and_answered_for_those_who_have_a_key(street: Street) -> None:
    """The sieve above is no wall: with the key the plain spelling is answered."""
    key = f"Authorization: Bearer {SECRET}".encode()
    line = f"GET /v1/video/generations/{street.task.id} HTTP/1.1".encode()
    for host in (b"Host: localhost", b"Host: evil.test/healthz"):
        assert ask(street, line, host, key).status == 200
    absolute = f"GET http://evil.test/v1/videos/{street.task.id} HTTP/1.1".encode()
    assert ask(street, absolute, b"Host: x", key).status == 200


@pytest.mark.advisory("CVE-2026-49468")
def test_the_wire_never_asks_what_the_request_calls_itself() -> None:
    """Starlette builds `request.url` from the Host header; nothing on the wire has a Request."""
    for path in (Path(rushes.__file__).parent / "http").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not modules & {"starlette.requests", "starlette.routing", "starlette.middleware"}
        words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        assert not words & {"host", "Host", b"host", "x-forwarded-host", "forwarded"}, path
        # Whence a caller comes is told by proxies that the operator trusts, and opens no route.
        assert "x-forwarded-for" not in words or path.name == "origins.py", path


# -- what is open, and that nothing opens the rest -----------------------------------------------


@pytest.mark.advisory("CVE-2026-86242", "CVE-2026-90898")
def test_every_route_without_a_key_stands_here_with_its_reason(street: Street) -> None:
    routes = street.house.application.routes
    found = {(route.method, route.path) for route in routes if not route.needs_key}
    assert found == set(OPEN)
    assert not [path for _, path in found if path.startswith(("/v1", "/admin"))]


@pytest.mark.advisory("CVE-2026-86242", "CVE-2026-90898")
def test_every_other_route_says_401_to_whoever_has_no_key(street: Street) -> None:
    for route in street.house.application.routes:
        if (route.method, route.path) in OPEN:
            continue
        path = re.sub(r"\{[a-z_]+\}", street.task.id, route.path)
        answer = ask(street, f"{route.method} {path} HTTP/1.1".encode(), b"Host: localhost")
        assert answer.status == 401, route.path
        assert answer.headers["www-authenticate"] == "Bearer"


def names_of(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        if isinstance(field.default, BaseModel):
            yield from names_of(type(field.default))


@pytest.mark.advisory("CVE-2026-86242", "CVE-2026-90898")
def test_no_setting_opens_the_doors_and_a_new_server_listens_to_its_machine_only() -> None:
    names = set(names_of(Settings))
    assert {"metrics_open", "port"} <= names
    words = "auth|anonymous|unauthenticated|insecure|no_key|disable_key|plugin|trusted_hosts"
    assert not [name for name in names if re.search(words, name)]
    assert ip_address(Settings.model_fields["server"].default.host).is_loopback


@pytest.mark.advisory("CVE-2026-86242", "CVE-2026-90898")
def test_an_unguessable_token_is_all_that_a_hook_has(street: Street) -> None:
    """The one open route that takes a body: what it is told changes no row."""
    for path in ("/hooks/gpu/x", "/hooks/%00/%00", f"/hooks/gpu/{new_task_id(NOON)}"):
        answer = ask(street, f"POST {path} HTTP/1.1".encode(), b"Host: x", b"Content-Length: 0")
        assert answer.status == 404


# -- requests that two servers could read differently ---------------------------------------------

INNER = f"GET /v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\n\r\n".encode()
POST = b"POST /hooks/gpu/x HTTP/1.1\r\nHost: x\r\n"
SIZE = b"Content-Length: %d\r\n" % len(INNER)
AMBIGUOUS = {
    "both lengths": POST + SIZE + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + INNER,
    "two lengths": POST + SIZE + b"Content-Length: 0\r\n\r\n" + INNER,
    "a list of lengths": POST + b"Content-Length: 0, 0\r\n\r\n" + INNER,
    "a signed length": POST + b"Content-Length: +0\r\n\r\n" + INNER,
    "a negative length": POST + b"Content-Length: -1\r\n\r\n" + INNER,
    "a length in hex": POST + b"Content-Length: 0x0\r\n\r\n" + INNER,
    "an endless length": POST + b"Content-Length: " + b"9" * 400 + b"\r\n\r\n" + INNER,
    "chunked, but not last": POST
    + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"
    + INNER,
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + INNER,
    "a bad chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" + INNER,
    "a space before the colon": POST + b"Content-Length : 0\r\n\r\n" + INNER,
    "a folded header": POST
    + b"X: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
    + INNER,
    "a bare return": POST + b"X: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + INNER,
    "a NUL in a header": POST + b"X: a\x00b\r\n\r\n" + INNER,
    "a NUL in a name": POST + b"X\x00: a\r\n\r\n" + INNER,
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + INNER,
}


@pytest.mark.advisory("CVE-2026-49468")
@pytest.mark.parametrize("said", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_nothing_that_could_be_read_in_two_ways_hides_a_second_request(
    street: Street, said: bytes
) -> None:
    """A proxy in front may have judged the first request only: the second must not be answered."""
    with Caller(street.port) as caller:
        caller.say(said)
        caller.hang_up_sending()
        heard = caller.hear_all()
    assert heard.startswith(b"HTTP/1.1 4") or heard == b""
    assert b'"object":"list"' not in heard
