"""The hot look: what it answers is what the ordinary route answers, and nothing else is its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from loopback import Caller, Reply, serving
from rushes.domain.ids import new_account_id
from rushes.domain.task import Status
from rushes.http.guard import GuardLimits, guarded
from wiring import SECRET, Wired, wired

ROOT = "/v1/video/generations"
BEARER = (b"authorization", f"Bearer {SECRET}".encode())
DATE = b"date: Tue, 24 Nov 2026 09:00:00 GMT\r\n"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Wired]:
    async with wired(tmp_path) as found:
        await found.keyring.reload()
        yield found


async def submit(house: Wired, model: str = "sandbox") -> str:
    async with house.client() as client:
        answer = await client.post(ROOT, json={"model": model, "prompt": "a paper boat"})
    name: str = answer.json()["id"]
    return name


def hot(house: Wired, name: str, *headers: tuple[bytes, bytes]) -> Reply | None:
    """What the hot look says, taken apart."""
    told = house.application.hot_looks(f"{ROOT}/{name}".encode(), [BEARER, *headers], DATE)
    return None if told is None else taken_apart(told)


def again(house: Wired, name: str, *headers: tuple[bytes, bytes], secret: str = SECRET) -> bytes:
    """The packet of a look that was learned from one before it, for a task of that name."""
    packet = asking(f"{ROOT}/{name}", more=lines([BEARER, *headers]))
    house.application.hot_looks.learn(packet, [(b"host", b"films"), BEARER, *headers])
    return packet.replace(SECRET.encode(), secret.encode())


def lines(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """Headers as a program writes them."""
    return "".join(f"{name.decode().title()}: {value.decode()}\r\n" for name, value in headers)


def taken_apart(told: bytes) -> Reply:
    head, _, body = told.partition(b"\r\n\r\n")
    line, *lines = head.decode("ascii").split("\r\n")
    pairs = dict(each.split(": ", 1) for each in lines)
    assert len(pairs) == len(lines), "a header is said twice"
    return Reply(int(line.split()[1]), pairs, body)


def plain(answer: httpx2.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "x-request-id"}


@pytest.mark.promise("P7")
@pytest.mark.parametrize("model", ["sandbox", "sora-2"])
@pytest.mark.parametrize("status", list(Status))
async def test_the_hot_look_and_the_ordinary_route_answer_alike(
    house: Wired, status: Status, model: str
) -> None:
    name = await submit(house, model)
    await house.bring(house.task(name), status)
    async with house.client() as client:
        whole = await client.get(f"{ROOT}/{name}")
        known = {"If-None-Match": whole.headers["etag"]}
        unchanged = await client.get(f"{ROOT}/{name}", headers=known)
    for slow, headers in ((whole, ()), (unchanged, ((b"if-none-match", known["If-None-Match"]),))):
        fast = hot(house, name, *((key, str(value).encode()) for key, value in headers))
        assert fast is not None
        said = ((key, str(value).encode()) for key, value in headers)
        known_again = house.application.hot_looks.again(again(house, name, *said), DATE)
        assert known_again is not None
        for quick in (fast, taken_apart(known_again)):
            assert (quick.status, quick.body) == (slow.status_code, slow.content)
            assert len(quick.headers.pop("x-request-id")) == len("req_") + 32
            assert quick.headers.pop("date").endswith("GMT")
            assert quick.headers == plain(slow)


@pytest.mark.parametrize("header", [BEARER, (b"if-none-match", b'"x"')])
async def test_a_header_in_two_lines_is_left_to_the_ordinary_route(
    house: Wired, header: tuple[bytes, bytes]
) -> None:
    name = await submit(house)
    assert hot(house, name) is not None
    assert hot(house, name, header, header) is None


async def test_every_answer_has_a_request_id_of_its_own(house: Wired) -> None:
    name = await submit(house)
    told = [hot(house, name) for _ in range(600)]
    assert len({each.headers["x-request-id"] for each in told if each}) == 600


@pytest.mark.promise("P8")
async def test_what_is_not_the_callers_is_left_to_the_ordinary_route(house: Wired) -> None:
    house.add_key("sk-live-another", account_id=new_account_id(house.clock.now()))
    await house.keyring.reload()
    name = await submit(house)
    url = f"{ROOT}/{name}".encode()
    for secret in (b"sk-live-another", b"sk-live-nobody", b""):
        headers = [(b"authorization", b"Bearer " + secret)]
        assert house.application.hot_looks(url, headers, DATE) is None
        packet = again(house, name, secret=secret.decode())
        assert house.application.hot_looks.again(packet, DATE) is None
    assert house.application.hot_looks(url, [], DATE) is None
    assert hot(house, "video_" + "0" * 32) is None
    assert house.application.hot_looks.again(again(house, "video_" + "0" * 32), DATE) is None


async def test_an_expired_key_sees_nothing(house: Wired) -> None:
    name = await submit(house)
    late = house.clock.now() + timedelta(hours=1)
    house.add_key("sk-live-brief", expires_at=late)
    await house.keyring.reload()
    headers = [(b"authorization", b"Bearer sk-live-brief")]
    url = f"{ROOT}/{name}".encode()
    packet = again(house, name, secret="sk-live-brief")
    assert house.application.hot_looks(url, headers, DATE) is not None
    assert house.application.hot_looks.again(packet, DATE) is not None
    house.clock.advance(3600)
    assert house.application.hot_looks(url, headers, DATE) is None
    assert house.application.hot_looks.again(packet, DATE) is None


@pytest.mark.parametrize(
    "header",
    [
        (b"prefer", b"wait=30"),
        (b"content-length", b"0"),
        (b"transfer-encoding", b"chunked"),
        (b"connection", b"close"),
        (b"expect", b"100-continue"),
    ],
)
async def test_what_is_not_plain_is_left_to_the_ordinary_route(
    house: Wired, header: tuple[bytes, bytes]
) -> None:
    name = await submit(house)
    assert hot(house, name, header) is None
    assert hot(house, name, (b"connection", b"Keep-Alive")) is not None


# -- on a connection ---------------------------------------------------------------------------


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    body = f"the app: {scope['method']} {scope['path']}".encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Hot:
    """Answers one address at once, and knows no head again."""

    def __call__(
        self, url: bytes, headers: Sequence[tuple[bytes, bytes]], standing: bytes
    ) -> bytes | None:
        if url != b"/hot":
            return None
        return b"HTTP/1.1 200 OK\r\n" + standing + b"content-length: 4\r\n\r\nsoon"

    def again(self, packet: bytes, standing: bytes) -> bytes | None:
        return None

    def learn(self, packet: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
        pass


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    protocol = guarded(GuardLimits(idle_timeout_s=0.5), at_once=Hot())
    with serving(app, protocol, request.param) as number:
        yield number


def asking(path: str, *, method: str = "GET", version: str = "1.1", more: str = "") -> bytes:
    return f"{method} {path} HTTP/{version}\r\nHost: films\r\n{more}\r\n".encode()


def test_answers_come_in_the_order_of_the_requests(port: int) -> None:
    paths = ["/hot", "/cold", "/hot", "/hot", "/cold", "/hot"]
    with Caller(port) as caller:
        caller.say(b"".join(asking(path) for path in paths))
        told = [caller.reply().body for _ in paths]
        caller.say(asking("/hot"))
        told.append(caller.reply().body)
    # What stands behind one that the app is at goes to the app too, in turn.
    behind = [f"the app: GET {path}".encode() for path in paths[1:]]
    assert told == [b"soon", *behind, b"soon"]


def test_an_answer_says_what_every_answer_of_the_server_says(port: int) -> None:
    with Caller(port) as caller:
        caller.say(asking("/cold"))
        cold = caller.reply()
        caller.say(asking("/hot"))
        soon = caller.reply()
    assert set(soon.headers) == set(cold.headers)
    assert soon.headers["date"].endswith("GMT")


@pytest.mark.parametrize(
    "request_bytes",
    [
        asking("/hot", version="1.0"),
        asking("/hot", more="Connection: close\r\n"),
        asking("/hot", method="HEAD", more="Connection: close\r\n"),
        asking("/hot", method="POST", more="Connection: close\r\nContent-Length: 0\r\n"),
    ],
)
def test_only_a_get_on_a_kept_connection_is_answered_at_once(
    port: int, request_bytes: bytes
) -> None:
    with Caller(port) as caller:
        caller.say(request_bytes)
        assert b"soon" not in caller.hear_all()


def test_a_connection_that_only_looks_is_closed_when_it_idles(port: int) -> None:
    with Caller(port) as caller:
        caller.say(asking("/hot"))
        assert caller.reply().body == b"soon"
        assert caller.hear_all() == b""
