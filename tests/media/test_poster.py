"""Posting to real receivers on the loopback, which is allowed here as an operator would."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address

import pytest

from rushes.domain.errors import UrlNotAllowed
from rushes.domain.webhooks import ANSWER_S
from rushes.media.addresses import Address
from rushes.media.poster import NOBODY, NOT_ALLOWED, TOO_SLOW, GuardedPoster

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
HERE = IPv4Address("127.0.0.1")
HOST = "caller.example"
BODY = b'{"id":"evt_1"}'
HEADERS = {"webhook-id": "evt_1"}


@dataclass
class Receiver:
    """A receiver that answers with one status, or holds its answer back."""

    answer: bytes | None = b"HTTP/1.1 204 No Content\r\n\r\n"
    got: list[tuple[str, bytes]] = field(default_factory=list)
    port: int = 0

    def url(self, path: str = "/hook") -> str:
        return f"http://{HOST}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = int(head.lower().partition("content-length: ")[2].split("\r\n")[0])
            self.got.append((head, await reader.readexactly(length)))
            if self.answer is not None:
                writer.write(self.answer)
                await writer.drain()
            await reader.read()  # until the other side hangs up
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(
    answer: bytes | None = b"HTTP/1.1 204 No Content\r\n\r\n",
) -> AsyncIterator[Receiver]:
    receiver = Receiver(answer)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


class Names:
    """A name server whose answers change with every question; the last one stays."""

    def __init__(self, *answers: tuple[Address, ...]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str) -> tuple[Address, ...]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def a_poster(
    *answers: tuple[Address, ...],
    allow: tuple[ipaddress.IPv4Network, ...] = LOOPBACK,
    patience: Callable[[float], AbstractAsyncContextManager[object]] = asyncio.timeout,
) -> GuardedPoster:
    names = Names(*(answers or ((HERE,),)))
    return GuardedPoster(allow=allow, allows_http=True, resolve=names, patience=patience)


async def test_an_event_arrives_whole_and_with_nothing_of_the_house() -> None:
    async with receiving() as receiver:
        answered = await a_poster().post(receiver.url("/hook?a=1"), HEADERS, BODY)
    assert answered.is_delivered
    (head, body), *more = receiver.got
    assert (body, more) == (BODY, [])
    assert head.startswith("POST /hook?a=1 HTTP/1.1\r\n")
    names = {line.partition(":")[0].lower() for line in head.split("\r\n")[1:] if line}
    assert names == {"host", "webhook-id", "content-type", "content-length", "user-agent"}


@pytest.mark.advisory("GO-2025-4154")
@pytest.mark.promise("P9")
async def test_a_redirect_is_not_followed() -> None:
    async with receiving() as elsewhere:
        to = f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {elsewhere.url()}\r\n\r\n".encode()
        async with receiving(to) as receiver:
            answered = await a_poster().post(receiver.url(), HEADERS, BODY)
    assert (answered.is_delivered, answered.http_status) == (False, 307)
    assert "not followed" in answered.note
    assert elsewhere.got == []


async def test_a_receiver_that_keeps_silent_is_left_after_ten_seconds() -> None:
    asked: list[float] = []

    def patience(seconds: float) -> AbstractAsyncContextManager[object]:
        asked.append(seconds)
        return asyncio.timeout(0.2)

    async with receiving(None) as receiver:
        answered = await a_poster(patience=patience).post(receiver.url(), HEADERS, BODY)
        assert len(receiver.got) == 1
    assert asked == [ANSWER_S] == [10.0]
    assert (answered.http_status, answered.note) == (None, TOO_SLOW)


async def test_an_endless_answer_is_not_read() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n" + b"x" * 100_000
    async with receiving(head) as receiver:
        assert (await a_poster().post(receiver.url(), HEADERS, BODY)).is_delivered


async def test_where_nobody_listens_nobody_is_reached() -> None:
    async with receiving() as receiver:
        url = receiver.url()
    answered = await a_poster().post(url, HEADERS, BODY)
    assert (answered.http_status, answered.note) == (None, NOBODY)


@pytest.mark.advisory("GO-2025-4154")
@pytest.mark.promise("P9")
async def test_an_address_that_was_public_at_submit_is_judged_again_at_delivery() -> None:
    """DNS rebinding: what the name means now counts, where the socket opens."""
    async with receiving() as receiver:
        poster = a_poster((IPv4Address("10.0.0.1"),))
        poster.check(receiver.url(), param="callback_url")  # as at submit: nobody is asked
        answered = await poster.post(receiver.url(), HEADERS, BODY)
    assert (answered.http_status, answered.note) == (None, NOT_ALLOWED)
    assert receiver.got == []


@pytest.mark.promise("P9")
async def test_a_name_is_looked_up_once_for_an_attempt() -> None:
    names = Names((HERE,), (IPv4Address("10.0.0.1"),))
    poster = GuardedPoster(allow=LOOPBACK, allows_http=True, resolve=names)
    async with receiving() as receiver:
        assert (await poster.post(receiver.url(), HEADERS, BODY)).is_delivered
        assert (await poster.post(receiver.url(), HEADERS, BODY)).note == NOT_ALLOWED
    assert names.asked == [HOST, HOST]


@pytest.mark.advisory("GO-2025-4154")
@pytest.mark.promise("P9")
@pytest.mark.parametrize(
    "url",
    ["http://caller.example/", "https://127.0.0.1/", "https://localhost/", "ftp://a.example/"],
)
async def test_public_https_only_unless_the_operator_says_otherwise(url: str) -> None:
    names = Names((HERE,))
    poster = GuardedPoster(resolve=names)
    with pytest.raises(UrlNotAllowed) as refused:
        poster.check(url, param="callback_url")
    assert refused.value.param == "callback_url"
    assert (await poster.post(url, HEADERS, BODY)).note == NOT_ALLOWED
    assert names.asked == []
