"""The careful client: sent once, bounded, discreet, and honest about what was not sent."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx2 as httpx
import pytest
from starlette.types import Receive, Scope, Send

from rushes.providers.base import (
    Busy,
    FilmLost,
    InDoubt,
    NotThere,
    NotUnderstood,
    Unreachable,
)
from rushes.providers.rest import (
    EAR,
    JSON_BYTES_MAX,
    Call,
    Credential,
    Part,
    Rest,
    Timeouts,
    _chunks,
    _elsewhere,
)
from rushes.testing.simulators.host import Exchange, Reply, serving

KEY = "sk-Winter42Winter42"
FORM: list[Part] = [("prompt", (None, b"boat", None))]


class Upstream:
    """Answers with `reply`, or as `act` does; remembers what it was asked, and from where."""

    def __init__(self, reply: Reply | None = None) -> None:
        self.reply = reply or Reply(200, b"{}")
        self.act: Callable[[Exchange], Awaitable[None]] | None = None
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.client_ports: list[int] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from datetime import UTC, datetime

        self.paths.append(scope["path"])
        self.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
        self.client_ports.append(scope["client"][1])
        exchange = Exchange(scope, receive, send, at=datetime(2026, 11, 23, tzinfo=UTC))
        if self.act is not None:
            await self.act(exchange)
        else:
            await exchange.answer(self.reply)


@asynccontextmanager
async def talking_to(
    upstream: Upstream, *, timeouts: Timeouts | None = None
) -> AsyncIterator[tuple[Rest, int]]:
    async with serving(upstream) as port:
        rest = Rest(f"http://127.0.0.1:{port}/v1", Credential("env:KEY", KEY), timeouts=timeouts)
        try:
            yield rest, port
        finally:
            await rest.close()


async def raw_server(
    handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> asyncio.Server:
    return await asyncio.start_server(handler, "127.0.0.1", 0)


# -- what is sent ---------------------------------------------------------------------------


async def test_a_submit_carries_the_credential_and_no_more_than_it_needs() -> None:
    upstream = Upstream()
    async with talking_to(upstream) as (rest, _):
        answer = await rest.submit("/videos", form=FORM, headers={"x-told": "yes"})
    assert answer.status == 200
    assert upstream.paths == ["/v1/videos"]
    headers = upstream.headers[0]
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["content-type"].startswith("multipart/form-data; boundary=")
    assert headers["accept-encoding"] == "identity"
    assert headers["user-agent"].startswith("rushes/")
    assert headers["x-told"] == "yes"
    assert headers.keys() == {
        "authorization", "content-type", "content-length", "accept-encoding", "user-agent",
        "host", "x-told",
    }  # fmt: skip


async def test_a_submit_may_be_json() -> None:
    upstream = Upstream()
    async with talking_to(upstream) as (rest, _):
        await rest.submit("/videos", body={"prompt": "boat"})
    assert upstream.headers[0]["content-type"] == "application/json"


async def test_every_submit_has_a_line_of_its_own_and_looks_share_one() -> None:
    upstream = Upstream()
    async with talking_to(upstream) as (rest, _):
        for _ in range(3):
            await rest.submit("/videos", form=FORM)
        submits = upstream.client_ports[:]
        for _ in range(3):
            await rest.ask("GET", "/videos/1")
        looks = upstream.client_ports[3:]
    assert len(set(submits)) == 3
    assert len(set(looks)) == 1


async def test_the_environments_proxies_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with talking_to(Upstream()) as (rest, _):
        assert (await rest.ask("GET", "/videos/1")).status == 200


async def test_cookies_are_not_kept() -> None:
    upstream = Upstream(Reply(200, b"{}", {"set-cookie": "sticky=1; Path=/"}))
    async with talking_to(upstream) as (rest, _):
        await rest.ask("GET", "/videos/1")
        await rest.ask("GET", "/videos/1")
    assert "cookie" not in upstream.headers[1]


@pytest.mark.advisory("CVE-2025-66405", "GO-2026-4813")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_submit_follows_no_redirect(status: int) -> None:
    upstream = Upstream(Reply(status, b"", {"location": "/v1/other"}))
    async with talking_to(upstream) as (rest, _):
        assert (await rest.submit("/videos", form=FORM)).status == status
        assert (await rest.ask("GET", "/videos/1")).status == status
    assert upstream.paths == ["/v1/videos", "/v1/videos/1"]


# -- what was not sent, and what nobody knows -----------------------------------------------


async def test_nobody_listening_is_proof_that_nothing_was_sent() -> None:
    async with serving(Upstream()) as port:
        pass
    rest = Rest(f"http://127.0.0.1:{port}/v1")
    with pytest.raises(Busy, match="not sent: ConnectError"):
        await rest.submit("/videos", form=FORM)
    with pytest.raises(Unreachable):
        await rest.ask("GET", "/videos/1")
    await rest.close()


async def test_a_handshake_that_never_ends_is_proof_that_nothing_was_sent() -> None:
    held = asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await held.wait()
        writer.close()

    server = await raw_server(silent)
    port = server.sockets[0].getsockname()[1]
    rest = Rest(f"https://127.0.0.1:{port}/v1", timeouts=Timeouts(connect_s=0.2))
    with pytest.raises(Busy, match="not sent"):
        await rest.submit("/videos", form=FORM)
    held.set()
    server.close()
    await rest.close()


@pytest.mark.parametrize("reads", [0, 1, 10_000])
async def test_a_line_that_breaks_after_the_first_byte_is_doubt(reads: int) -> None:
    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if reads:
            await reader.read(reads)
        writer.transport.abort()

    server = await raw_server(rude)
    port = server.sockets[0].getsockname()[1]
    rest = Rest(f"http://127.0.0.1:{port}/v1")
    with pytest.raises(InDoubt, match="no answer"):
        await rest.submit("/videos", form=[("film", ("a.bin", bytes(2**22), None))])
    server.close()
    await rest.close()


@pytest.mark.parametrize(
    "words",
    [b"220 smtp ready\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", b"HTTP/1.1 "],
)
async def test_an_answer_that_is_no_http_is_doubt(words: bytes) -> None:
    async def babbling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(words)
        writer.close()

    server = await raw_server(babbling)
    port = server.sockets[0].getsockname()[1]
    rest = Rest(f"http://127.0.0.1:{port}/v1")
    with pytest.raises(InDoubt):
        await rest.submit("/videos", form=FORM)
    server.close()
    await rest.close()


async def test_the_whole_submit_is_bounded_even_if_bytes_keep_dripping() -> None:
    gone = asyncio.Event()

    async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
        while not gone.is_set() and not writer.is_closing():
            writer.write(b" ")
            try:
                await asyncio.wait_for(gone.wait(), 0.02)
            except TimeoutError:
                continue
        writer.close()

    server = await raw_server(dripping)
    port = server.sockets[0].getsockname()[1]
    rest = Rest(f"http://127.0.0.1:{port}/v1", timeouts=Timeouts(submit_s=0.2, ask_s=0.2))
    with pytest.raises(InDoubt, match="TimeoutError"):
        await rest.submit("/videos", form=FORM)
    with pytest.raises(Unreachable, match="TimeoutError"):
        await rest.ask("GET", "/videos/1")
    gone.set()
    server.close()
    await rest.close()


async def test_a_submit_that_is_cut_short_from_above_is_not_taken_for_a_verdict() -> None:
    upstream, arrived = Upstream(), asyncio.Event()

    async def hold(exchange: Exchange) -> None:
        arrived.set()
        await exchange.hang()

    upstream.act = hold
    async with talking_to(upstream) as (rest, _):
        submit = asyncio.create_task(rest.submit("/videos", form=FORM))
        await asyncio.wait_for(arrived.wait(), 5)
        submit.cancel()
        with pytest.raises(asyncio.CancelledError):
            await submit


# -- what is read ---------------------------------------------------------------------------


async def test_an_answer_as_long_as_the_limit_is_read_and_one_byte_more_is_not() -> None:
    upstream = Upstream(Reply(200, bytes(JSON_BYTES_MAX)))
    async with talking_to(upstream) as (rest, _):
        whole = await rest.ask("GET", "/videos")
        upstream.reply = Reply(200, bytes(JSON_BYTES_MAX + 1))
        cut = await rest.ask("GET", "/videos")
    assert whole.body is not None
    assert len(whole.body) == JSON_BYTES_MAX
    assert (cut.status, cut.body, cut.json_object()) == (200, None, None)


async def test_a_broken_off_answer_keeps_its_status() -> None:
    upstream = Upstream(Reply(400, b'{"error":{"message":"No."}}'))
    upstream.act = lambda exchange: exchange.answer_half(upstream.reply)
    async with talking_to(upstream) as (rest, _):
        answer = await rest.ask("GET", "/videos/1")
    assert (answer.status, answer.body) == (400, None)


async def test_an_answer_that_was_packed_unasked_is_read() -> None:
    packed = gzip.compress(b'{"id":"video_1"}')
    async with talking_to(Upstream(Reply(200, packed, {"content-encoding": "gzip"}))) as (rest, _):
        answer = await rest.ask("GET", "/videos/1")
    assert answer.json_object() == {"id": "video_1"}


# -- films ----------------------------------------------------------------------------------

FILM = bytes(range(256)) * 1000
MP4 = {"content-type": "video/mp4"}


async def fetched(rest: Rest, address: str, *, is_signed: bool = False) -> bytes:
    async with rest.film(address, is_signed=is_signed) as stream:
        parts = [part async for part in stream.chunks]
        assert stream.length in {None, sum(map(len, parts))}
        return b"".join(parts)


async def test_a_film_streams_with_its_length() -> None:
    async with (
        talking_to(Upstream(Reply(200, FILM, MP4))) as (rest, _),
        rest.film("/videos/1/content") as stream,
    ):
        assert stream.length == len(FILM)
        assert b"".join([part async for part in stream.chunks]) == FILM


async def test_a_film_may_be_left_half_way() -> None:
    async with talking_to(Upstream(Reply(200, FILM * 20, MP4))) as (rest, _):
        async with rest.film("/videos/1/content") as stream:
            async for _part in stream.chunks:
                break
        assert await fetched(rest, "/videos/1/content") == FILM * 20


@pytest.mark.advisory("CVE-2025-66405", "GO-2026-4813")
async def test_a_credential_goes_to_the_own_origin_and_nowhere_else() -> None:
    home, away = Upstream(), Upstream(Reply(200, FILM, MP4))
    async with talking_to(home) as (rest, port), serving(away) as other:
        home.reply = Reply(200, FILM, MP4)
        assert await fetched(rest, f"http://127.0.0.1:{port}/anywhere") == FILM
        assert await fetched(rest, f"http://127.0.0.1:{other}/film?sig=1") == FILM
        home.reply = Reply(302, b"", {"location": f"http://127.0.0.1:{other}/film?sig=2"})
        assert await fetched(rest, "/videos/1/content") == FILM
        assert not rest.is_own(httpx.URL(f"https://127.0.0.1:{port}/"))
        assert not rest.is_own(httpx.URL(f"http://localhost:{port}/"))
    assert all(headers["authorization"] == f"Bearer {KEY}" for headers in home.headers)
    assert len(away.headers) == 2
    assert not any("authorization" in headers for headers in away.headers)


async def test_a_signed_link_is_told_no_credential_not_even_at_home() -> None:
    home = Upstream(Reply(200, FILM, MP4))
    async with talking_to(home) as (rest, port):
        link = f"http://127.0.0.1:{port}/film?Signature=1"
        assert await fetched(rest, link, is_signed=True) == FILM
        home.reply = Reply(403)
        with pytest.raises(FilmLost):
            await fetched(rest, link, is_signed=True)
    assert not any("authorization" in headers for headers in home.headers)


async def test_a_redirect_home_carries_the_credential_again() -> None:
    home = Upstream()
    home.act = lambda exchange: exchange.answer(
        Reply(200, FILM, MP4)
        if home.paths[-1] == "/films/1"
        else Reply(307, b"", {"location": "/films/1"})
    )
    async with talking_to(home) as (rest, _):
        assert await fetched(rest, "/videos/1/content") == FILM
    assert "authorization" in home.headers[1]


async def test_redirects_in_a_ring_come_to_an_end() -> None:
    upstream = Upstream(Reply(307, b"", {"location": "/again"}))
    async with talking_to(upstream) as (rest, _):
        with pytest.raises(NotUnderstood, match="somewhere else"):
            await fetched(rest, "/videos/1/content")
    assert len(upstream.paths) == 4


@pytest.mark.parametrize(
    "location", ["", "ftp://127.0.0.1/film", "file:///etc/passwd", "http://[::1"]
)
async def test_a_redirect_to_no_address_is_not_followed(location: str) -> None:
    async with talking_to(Upstream(Reply(307, b"", {"location": location}))) as (rest, _):
        with pytest.raises(NotUnderstood, match="no address"):
            await fetched(rest, "/videos/1/content")


@pytest.mark.parametrize(
    ("reply", "trouble"),
    [
        (Reply(410), FilmLost),
        (Reply(404), NotThere),
        (Reply(401), Unreachable),
        (Reply(403), Unreachable),
        (Reply(503), Unreachable),
        (Reply(400), NotUnderstood),
        (Reply(206, FILM, MP4), NotUnderstood),
        (Reply(200, b"<html>", {"content-type": "text/html; charset=utf-8"}), NotUnderstood),
        (Reply(200, b"{}", {"content-type": "application/json"}), NotUnderstood),
    ],
)
async def test_what_is_no_film_at_home(reply: Reply, trouble: type[Exception]) -> None:
    async with talking_to(Upstream(reply)) as (rest, _):
        with pytest.raises(trouble) as raised:
            await fetched(rest, "/videos/1/content")
    assert type(raised.value) is trouble


@pytest.mark.parametrize(
    ("status", "trouble"), [(403, FilmLost), (404, FilmLost), (410, FilmLost), (503, Unreachable)]
)
async def test_a_link_elsewhere_that_says_no_is_over(status: int, trouble: type[Exception]) -> None:
    async with talking_to(Upstream()) as (rest, _), serving(Upstream(Reply(status))) as other:
        with pytest.raises(trouble):
            await fetched(rest, f"http://127.0.0.1:{other}/film")


async def test_a_film_that_breaks_off_is_no_film() -> None:
    upstream = Upstream()
    upstream.act = lambda exchange: exchange.answer_half(Reply(200, FILM, MP4))
    async with talking_to(upstream) as (rest, _):
        with pytest.raises(Unreachable, match="broke off"):
            await fetched(rest, "/videos/1/content")


async def test_a_film_that_was_packed_unasked_has_no_length_beforehand() -> None:
    packed = Reply(200, gzip.compress(FILM), {**MP4, "content-encoding": "gzip"})
    async with talking_to(Upstream(packed)) as (rest, _):
        async with rest.film("/videos/1/content") as stream:
            assert stream.length is None
        assert await fetched(rest, "/videos/1/content") == FILM


async def test_a_film_of_another_length_than_was_said_is_no_film() -> None:
    with pytest.raises(Unreachable, match="3 bytes in place of 4"):
        async for _part in _chunks(httpx.Response(200, content=b"abc"), 4):
            pass


@pytest.mark.parametrize(
    ("url", "location", "target"),
    [
        ("https://gpu/v1/a", "http://cdn/a", None),
        ("https://gpu/v1/a", "https://cdn/a", "https://cdn/a"),
        ("http://gpu/v1/a", "https://cdn/a", "https://cdn/a"),
        ("http://gpu/v1/a", "//cdn/a", "http://cdn/a"),
        ("http://gpu/v1/a", "b?c=1", "http://gpu/v1/b?c=1"),
    ],
)
def test_a_redirect_never_leaves_tls(url: str, location: str, target: str | None) -> None:
    if target is None:
        with pytest.raises(NotUnderstood, match="TLS"):
            _elsewhere(httpx.URL(url), location)
    else:
        assert str(_elsewhere(httpx.URL(url), location)) == target


async def test_a_film_that_falls_silent_is_given_up() -> None:
    upstream = Upstream()

    async def stall(exchange: Exchange) -> None:
        await exchange.hang()

    upstream.act = stall
    async with talking_to(upstream, timeouts=Timeouts(ask_s=0.2, read_s=0.2)) as (rest, _):
        with pytest.raises(Unreachable):
            await fetched(rest, "/videos/1/content")


# -- what an operator may write -------------------------------------------------------------


@pytest.mark.parametrize(
    "base_url",
    ["", "gpu.example.org/v1", "ftp://gpu.example.org", "http://", "http://user:pw@gpu/v1",
     "http://gpu/v1?key=1", "http://gpu/v1#top", "http://[::1"],
)  # fmt: skip
def test_a_base_url_is_a_plain_address(base_url: str) -> None:
    with pytest.raises(ValueError, match=r"address|base URL"):
        Rest(base_url)


@pytest.mark.parametrize("secret", ["two\nlines", "naïve", "tab\there"])
def test_a_secret_that_fits_in_no_header_is_refused_unseen(secret: str) -> None:
    with pytest.raises(ValueError, match="env:KEY") as raised:
        Rest("http://gpu/v1", Credential("env:KEY", secret))
    assert secret not in str(raised.value)


def test_a_credential_does_not_show_its_secret() -> None:
    credential = Credential("env:KEY", KEY)
    assert KEY not in repr(credential)
    assert KEY not in str(credential)
    assert KEY not in f"{[credential]}"


@pytest.mark.parametrize(
    ("base_url", "path"),
    [
        ("http://gpu/v1", "/v1/videos"),
        ("http://gpu/v1/", "/v1/videos"),
        ("http://gpu", "/videos"),
        ("http://gpu/a%20b/v1", "/a%20b/v1/videos"),
    ],
)
def test_a_path_is_put_behind_the_base(base_url: str, path: str) -> None:
    assert Rest(base_url)._url("/videos").raw_path == path.encode()


# -- hearing of calls ------------------------------------------------------------------------


@pytest.mark.advisory("GO-2026-4813")
async def test_whoever_listens_hears_of_each_call_and_of_nothing_secret() -> None:
    calls: list[Call] = []
    ear = EAR.set(calls.append)
    try:
        async with Rest("http://127.0.0.1:9/v1", Credential("env:K", "sk-1")).film(
            "/films/1?sig=2"
        ):
            pass
    except Unreachable:
        pass
    finally:
        EAR.reset(ear)
    assert calls == [Call("GET", "/films/1", is_own=True, has_key=True, status=None)]
