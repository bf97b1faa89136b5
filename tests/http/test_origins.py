"""From where a request comes: whatever headers say, only trusted proxies are believed."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.types import Scope

from rushes.http.origins import Origins, address_of

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
strangers = st.ip_addresses().filter(
    lambda one: not any(address_of(str(one)) in net for net in PROXIES)
)
proxies = st.ip_addresses(network="10.0.0.0/8") | st.ip_addresses(network="fd00::/8")
lines = st.lists(st.text(alphabet='0123456789.:,[] abcdef"%', max_size=60), max_size=3)


def asked(peer: object, *told: str) -> tuple[Scope, Headers]:
    raw = [(b"x-forwarded-for", line.encode("latin-1")) for line in told]
    return {"type": "http", "client": None if peer is None else (str(peer), 5)}, Headers(raw=raw)


@given(strangers, lines)
def test_a_peer_that_is_not_trusted_is_the_origin_whatever_it_says(
    peer: IPv4Address, told: list[str]
) -> None:
    assert Origins(PROXIES).of(*asked(peer, *told)) == address_of(str(peer))


@given(proxies, strangers, st.lists(proxies, max_size=3), lines)
def test_behind_trusted_proxies_the_last_stranger_is_the_origin(
    peer: IPv4Address, stranger: IPv4Address, hops: list[IPv4Address], before: list[str]
) -> None:
    told = ", ".join(str(one) for one in (stranger, *hops))
    assert Origins(PROXIES).of(*asked(peer, *before, told)) == address_of(str(stranger))


@given(st.none() | st.ip_addresses(), lines)
def test_no_header_breaks_anything(peer: IPv4Address | None, told: list[str]) -> None:
    Origins(PROXIES).of(*asked(peer, *told))


def test_a_request_that_came_through_no_network_comes_from_nowhere() -> None:
    assert Origins(PROXIES).of(*asked(None, "192.0.2.1")) is None


def test_who_has_no_proxies_believes_nobody() -> None:
    assert Origins().of(*asked("10.0.0.1", "192.0.2.1")) == ip_address("10.0.0.1")
