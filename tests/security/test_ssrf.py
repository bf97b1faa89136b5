"""One table of places no caller may send us to, held against every way of saying them.

As a literal, behind a name, behind a name that answers differently the second time, and behind
a redirect; by the fetcher of inputs and by the poster of events. The server that would be met
is real, listens on this machine, and must never be met.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rushes.domain.errors import UrlNotAllowed
from rushes.media.addresses import Address, is_public
from rushes.media.fetch import FetchLimits, GuardedFetcher
from rushes.media.poster import NOT_ALLOWED, GuardedPoster
from wiring import wired

HOST = "films.example"
FRONT = IPv4Address("127.0.0.1")
"""Where a caller's own server is, in these tests; nothing else of the machine is allowed."""

ALLOWED = (IPv4Network("127.0.0.1/32"),)
QUICK = FetchLimits(connect_s=5, read_s=5, total_s=20)
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

PLACES = {
    "this host": "0.0.0.0",
    "this network": "0.1.2.3",
    "loopback": "127.0.0.2",
    "private 10": "10.0.0.1",
    "private 172": "172.16.0.1",
    "private 192": "192.168.0.1",
    "CGNAT": "100.64.0.1",
    "CGNAT, a cloud's metadata": "100.100.100.200",
    "link-local metadata": "169.254.169.254",
    "a cloud's host machine": "168.63.129.16",
    "protocol assignments": "192.0.0.192",
    "benchmarking": "198.18.0.1",
    "6to4 relay": "192.88.99.1",
    "multicast": "224.0.0.251",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "unspecified, IPv6": "::",
    "loopback, IPv6": "::1",
    "link-local, IPv6": "fe80::1",
    "site-local": "fec0::1",
    "unique local": "fd00::1",
    "unique local metadata": "fd00:ec2::254",
    "multicast, IPv6": "ff02::1",
    "mapped": "::ffff:10.0.0.1",
    "mapped loopback": "::ffff:127.0.0.2",
    "compatible": "::10.0.0.1",
    "6to4 of a private network": "2002:a00:1::1",
    "6to4 of loopback": "2002:7f00:2::",
    "6to4 of a public host": "2002:808:808::",
    "NAT64 of a private network": "64:ff9b::10.0.0.1",
    "NAT64 of metadata": "64:ff9b::169.254.169.254",
    "local NAT64": "64:ff9b:1::8.8.8.8",
    "Teredo": "2001:0:a00:1::1",
    "ISATAP": "2600::5efe:10.0.0.1",
    "documentation": "2001:db8::1",
    "discard": "100::1",
    "segment routing": "5f00::1",
}

SPELLINGS = [
    "2130706434", "017700000002", "0x7f000002", "0x7f.2", "127.2", "0177.0.0.2", "127.0.0.02",
    "127.0.0.2.", "①②⑦.0.0.2", "127。0。0。2", "%31%32%37.0.0.2", "[::ffff:7f00:2]", "[::1%25lo]",
    "a@127.0.0.2", "0",
]  # fmt: skip
"""Other ways of writing a place of this machine."""

GUARDED = ("CVE-2026-55245", "GO-2025-4154", "GO-2026-5652", "CVE-2025-6242")
places = pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)


@dataclass
class Front:
    """A caller's own server, which redirects to `location`; and how often anyone came."""

    location: str = ""
    port: int = 0
    visits: int = 0
    asked: list[str] = field(default_factory=list)
    answers: list[tuple[Address, ...]] = field(default_factory=lambda: [(FRONT,)])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 302 Found\r\nLocation: {self.location}\r\nContent-Length: 0\r\n\r\n"
        writer.write(head.encode("utf-8"))
        await writer.drain()
        writer.close()

    async def resolve(self, host: str) -> tuple[Address, ...]:
        """Answer with each list of addresses in turn, and with the last one for ever."""
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def url(self, host: str = HOST, scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}/x"


@asynccontextmanager
async def a_front() -> AsyncIterator[Front]:
    front = Front()
    server = await asyncio.start_server(front.serve, str(FRONT), 0)
    front.port = server.sockets[0].getsockname()[1]
    try:
        yield front
    finally:
        server.close()
        await server.wait_closed()


def bracketed(place: str) -> str:
    return f"[{place}]" if ":" in place else place


def fetcher_of(front: Front) -> GuardedFetcher:
    return GuardedFetcher(allow=ALLOWED, resolve=front.resolve, limits=QUICK, ssl_context=NO_TLS)


def poster_of(front: Front) -> GuardedPoster:
    return GuardedPoster(allow=ALLOWED, allows_http=True, resolve=front.resolve, ssl_context=NO_TLS)


async def refused(front: Front, url: str, folder: Path) -> None:
    """Neither is the address fetched, nor is anything posted to it."""
    with pytest.raises(UrlNotAllowed):
        await fetcher_of(front).fetch(url, param="image", bytes_max=1000, folder=folder)
    assert (await poster_of(front).post(url, {}, b"{}")).note == NOT_ALLOWED
    assert not any(os.scandir(folder))


@pytest.mark.promise("P9")
@pytest.mark.advisory(*GUARDED)
@places
async def test_no_such_place_is_fetched_or_posted_to_as_it_is(place: str, tmp_path: Path) -> None:
    async with a_front() as front:
        for scheme in ("http", "https"):
            url = f"{scheme}://{bracketed(place)}:{front.port}/latest/meta-data/"
            for guard in (fetcher_of(front), poster_of(front)):
                with pytest.raises(UrlNotAllowed):
                    guard.check(url, param="image")
            await refused(front, url, tmp_path)
        assert (front.visits, front.asked) == (0, [])


@pytest.mark.promise("P9")
@pytest.mark.advisory(*GUARDED)
@places
async def test_no_name_leads_to_such_a_place(place: str, tmp_path: Path) -> None:
    async with a_front() as front:
        for answer in (
            (ip_address(place),),
            (FRONT, ip_address(place)),
            (ip_address(place), FRONT),
        ):
            front.answers = [answer]
            await refused(front, front.url(), tmp_path)
        assert front.visits == 0


@pytest.mark.promise("P9")
@pytest.mark.advisory(*GUARDED, "sglang#17269", "vllm-omni#2565")
@places
async def test_no_redirect_leads_to_such_a_place(place: str, tmp_path: Path) -> None:
    """By its literal, and by a name that is looked up when it is its turn."""
    async with a_front() as front:
        front.location = f"http://{bracketed(place)}:{front.port}/latest/meta-data/"
        with pytest.raises(UrlNotAllowed):
            await fetcher_of(front).fetch(
                front.url(), param="image", bytes_max=1000, folder=tmp_path
            )
        assert front.visits == 1
        front.location = front.url("inner.example")
        front.answers = [(FRONT,), (ip_address(place),)]
        with pytest.raises(UrlNotAllowed):
            await fetcher_of(front).fetch(
                front.url(), param="image", bytes_max=1000, folder=tmp_path
            )
        assert (front.visits, front.asked[-2:]) == (2, [HOST, "inner.example"])
        front.answers = [(FRONT,)]
        answered = await poster_of(front).post(front.url(), {}, b"{}")
        assert answered.http_status == 302  # told, not followed


@pytest.mark.promise("P9")
@pytest.mark.advisory("GO-2025-4154", "GO-2026-5652", "CVE-2026-110719")
@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_no_spelling_of_this_machine_is_read_as_another(
    spelling: str, tmp_path: Path
) -> None:
    async with a_front() as front:
        await refused(front, f"http://{spelling}:{front.port}/", tmp_path)
        front.location = f"http://{spelling}:{front.port}/"
        with pytest.raises(UrlNotAllowed):
            await fetcher_of(front).fetch(
                front.url(), param="image", bytes_max=1000, folder=tmp_path
            )
        assert front.visits == 1


@pytest.mark.promise("P9")
@pytest.mark.advisory("GO-2025-4154")
@places
async def test_a_name_that_rebinds_gains_nothing(place: str, tmp_path: Path) -> None:
    """Judged once and connected to what was judged: the second answer is never asked for."""
    async with a_front() as front:
        front.answers = [(FRONT,), (ip_address(place),)]
        front.location = "ftp://films.example/"
        with pytest.raises(UrlNotAllowed):
            await fetcher_of(front).fetch(
                front.url(), param="image", bytes_max=1000, folder=tmp_path
            )
        assert (front.visits, front.asked) == (1, [HOST])


@pytest.mark.promise("P9")
@pytest.mark.advisory("CVE-2025-6242", "GO-2025-4154")
async def test_the_door_refuses_such_a_place_in_every_field_that_takes_an_address(
    tmp_path: Path,
) -> None:
    async with wired(tmp_path) as house, house.client() as client:
        for place in PLACES.values():
            for more in fields_with(f"http://{bracketed(place)}/x.png"):
                body = {"model": "sandbox", "prompt": "a heron", **more}
                answer = await client.post("/v1/video/generations", json=body)
                assert answer.json()["error"]["code"] == "url_not_allowed", (more, answer.text)
        assert not house.dispatcher.given


def fields_with(url: str) -> list[dict[str, object]]:
    return [
        {"image": url},
        {"input_reference": {"image_url": url}},
        {"images": [url]},
        {"content": [{"type": "image_url", "image_url": {"url": url}}]},
        {"metadata": {"image": url}},
        {"metadata": {"input": {"media": [{"type": "first_frame", "url": url}]}}},
        {"callback_url": url},
        {"callback_url": url.replace("http:", "https:")},
        {"metadata": {"callback_url": url}},
    ]


# -- against the library's own tables -------------------------------------------------------------

any_address = st.one_of(
    st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 2**128 - 1).map(IPv6Address)
)
near_an_edge = st.sampled_from(
    [IPv4Network(net) for net in ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8",
     "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4")]
    + [IPv6Network(net) for net in ("::/8", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/23",
       "2002::/16", "2001:db8::/32", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8")]
).flatmap(
    lambda net: st.sampled_from([net.network_address, net.broadcast_address]).flatmap(
        lambda edge: st.integers(-2, 2).map(
            lambda by: type(edge)((int(edge) + by) % 2**edge.max_prefixlen)
        )
    )
)  # fmt: skip


def carried(address: Address) -> list[Address]:
    """Return every IPv4 address that some form of IPv6 carries in this one."""
    if isinstance(address, IPv4Address):
        return []
    found: list[Address | None] = [address.ipv4_mapped, address.sixtofour]
    found += list(address.teredo or ())
    if address in IPv6Network("64:ff9b::/96"):
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [each for each in found if each is not None]


@pytest.mark.promise("P9")
@pytest.mark.advisory("CVE-2026-55245")
@given(address=st.one_of(any_address, near_an_edge))
def test_public_is_global_to_the_library_and_so_is_whatever_is_carried(
    address: IPv4Address | IPv6Address,
) -> None:
    """Our tables are our own; they may be stricter than the library's, never laxer."""
    if not is_public(address):
        return
    inner = carried(address)
    for each in inner or [address]:
        assert each.is_global
        assert not each.is_multicast
        assert not each.is_private
    assert not address.is_loopback
    assert not (isinstance(address, IPv6Address) and address.is_site_local)
