"""The address guard: what it lets through is public, whatever it is dressed as."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rushes.domain.errors import UrlNotAllowed
from rushes.media.addresses import (
    NOT_PUBLIC_IPV4,
    NotPublic,
    check_addresses,
    check_host,
    check_url,
    is_allowed,
    is_public,
    literal_of,
)

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
OFFICE = ipaddress.ip_network("10.0.0.0/8")

any_ipv4 = st.integers(0, 2**32 - 1).map(IPv4Address)
any_ipv6 = st.integers(0, 2**128 - 1).map(IPv6Address)
not_public_ipv4 = st.sampled_from(NOT_PUBLIC_IPV4).flatmap(
    lambda network: st.integers(int(network.network_address), int(network.broadcast_address)).map(
        IPv4Address
    )
)

CARRIERS: dict[str, Callable[[int], int]] = {
    "mapped": lambda inner: 0xFFFF << 32 | inner,
    "compatible": lambda inner: inner,
    "translated": lambda inner: 0xFFFF << 48 | inner,
    "6to4": lambda inner: 0x2002 << 112 | inner << 80 | 1,
    "NAT64": lambda inner: 0x0064FF9B << 96 | inner,
    "local NAT64 /96": lambda inner: 0x0064FF9B0001 << 80 | inner,
    "local NAT64 /48": lambda inner: (
        0x0064FF9B0001 << 80 | inner >> 16 << 64 | (inner & 0xFFFF) << 40
    ),
    "Teredo client": lambda inner: 0x20010000 << 96 | inner ^ 0xFFFFFFFF,
    "Teredo server": lambda inner: 0x20010000 << 96 | inner << 64,
    "ISATAP": lambda inner: 0x2600 << 112 | 0x5EFE << 32 | inner,
    "ISATAP, global": lambda inner: 0x2600 << 112 | 0x0200_5EFE << 32 | inner,
}


@pytest.mark.advisory("CVE-2026-55245", "GO-2025-4154")
@pytest.mark.promise("P9")
@pytest.mark.parametrize("carrier", CARRIERS)
@given(inner=not_public_ipv4)
def test_no_ipv6_form_smuggles_an_address_that_is_not_public(
    carrier: str, inner: IPv4Address
) -> None:
    address = IPv6Address(CARRIERS[carrier](int(inner)))
    assert not is_public(address)
    with pytest.raises(UrlNotAllowed):
        check_url(f"https://[{address}]/first.png", param="image")
    with pytest.raises(UrlNotAllowed):
        check_url(f"https://[{address.exploded}]/first.png", param="image")


@pytest.mark.advisory("CVE-2026-55245")
@given(address=any_ipv4 | any_ipv6 | not_public_ipv4)
def test_whatever_is_public_here_is_global_unicast_to_the_library_too(
    address: IPv4Address | IPv6Address,
) -> None:
    if is_public(address):
        shown = address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
        assert shown.is_global or (isinstance(shown, IPv6Address) and shown in NAT64)
        assert not address.is_multicast
        assert not address.is_loopback
        assert not address.is_link_local


NAT64 = ipaddress.ip_network("64:ff9b::/96")


@pytest.mark.advisory("CVE-2026-55245", "GO-2026-5652")
@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.19.0.1",
        "203.0.113.9",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "100::1",
        "2001::1",
        "2001:2::1",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
        "4000::1",
        "2606:4700::1111%eth0",
    ],
)
def test_special_addresses_are_not_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.1",
        "172.32.0.1",
        "2606:4700::1111",
        "2a00:1450:4001::200e",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ],
)
def test_ordinary_addresses_are_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


ODD = [
    "http://2130706433/",
    "http://017700000001/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://127.1/",
    "http://0177.0.0.1/",
    "http://127.0.0.1./",
    "http://127.0.0.01/",
    "http://8.8.8.8.8/",
    "http://256.1.1.1/",
    "http://0/",
    "http://0x/",
    "http://①②⑦.0.0.1/",
    "http://127。0。0。1/",
    "http://\uff11\uff12\uff17.0.0.1/",
    "http://127%2e0.0.1/",
    "http://%31%32%37.0.0.1/",
    "http://[::1%25eth0]/",
    "http://[::1%eth0]/",
    "http://[fe80::1%251]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::127.0.0.1]/",
    "http://[0:0:0:0:0:ffff:7f00:1]/",
    "http://[::1/",
    "http://::1/",
    "http://localhost/",
    "http://LocalHost./",
    "http://films.localhost:8000/",
    "http://ⓛocalhost/",
    "http://public.example\\@127.0.0.1/",
    "http://127.0.0.1\\@public.example/",
    "http://127.0.0.1\t/",
    "http://public.example\r\nHost: x/",
    "http://pub lic.example/",
    " http://public.example/",
    "http://a..example/",
    "http://-a.example/",
    "http://" + "a" * 64 + ".example/",
    "http://" + "a." * 127 + "example/",
    "http://public.example:0/",
    "http://public.example:65536/",
    "http://public.example:99999999999/",
    "http://public.example:x/",
    "http:///first.png",
    "http:/public.example/",
    "http:public.example",
    "//public.example/",
    "public.example",
    "ftp://public.example/",
    "file:///etc/passwd",
    "asset://1234",
    "gopher://127.0.0.1:25/",
    "data:image/png;base64,AAAA",
    "",
    "http://",
    "http://\ud800/",
]


@pytest.mark.advisory("GO-2025-4154", "GO-2026-5652")
@pytest.mark.promise("P9")
@pytest.mark.parametrize("url", ODD)
def test_odd_spellings_are_refused_by_name(url: str) -> None:
    with pytest.raises(UrlNotAllowed) as refused:
        check_url(url, param="metadata.input.media[0].url")
    assert refused.value.message == (
        "'metadata.input.media[0].url' must be an http or https URL with a public address."
    )
    assert refused.value.param == "metadata.input.media[0].url"


@pytest.mark.parametrize(
    "url", ["https://a@public.example/", "https://a:b@public.example/", "http://a@b@8.8.8.8/"]
)
def test_a_user_name_is_refused(url: str) -> None:
    with pytest.raises(UrlNotAllowed, match="without a user name or password"):
        check_url(url, param="image")


def test_a_url_may_have_2048_characters_and_no_more() -> None:
    url = "https://public.example/" + "a" * (2_048 - 23)
    assert len(str(check_url(url, param="image"))) == 2_048
    with pytest.raises(UrlNotAllowed, match=r"at most 2,048 characters"):
        check_url(url + "a", param="image")


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        (
            "https://Public.Example/A%2Fb?X-Sig=a%2Bb%3D&z",
            "https://public.example/A%2Fb?X-Sig=a%2Bb%3D&z",
        ),
        ("http://public.example:8080", "http://public.example:8080"),
        ("https://public.example:443/x", "https://public.example/x"),
        ("https://public.example./x", "https://public.example/x"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://my_bucket.public.example/x", "https://my_bucket.public.example/x"),
        ("https://[2606:4700::1111]:8443/x", "https://[2606:4700::1111]:8443/x"),
        ("http://8.8.8.8/x", "http://8.8.8.8/x"),
    ],
)
def test_an_ordinary_url_is_sent_as_it_is_meant(url: str, sent: str) -> None:
    assert str(check_url(url, param="image")) == sent


@given(text=st.text(max_size=40), lead=st.sampled_from(["", "http://", "https://", "https://["]))
@example(text="\x00", lead="http://")
@example(text="é" * 40, lead="http://")
def test_any_text_is_allowed_or_refused_and_never_breaks_the_guard(text: str, lead: str) -> None:
    try:
        url = check_url(lead + text, param="image")
    except UrlNotAllowed:
        return
    host = url.raw_host.decode("ascii")
    literal = literal_of(host)
    assert literal is None or is_public(literal)
    assert httpx2.URL(str(url)).raw_host == url.raw_host


@pytest.mark.advisory("GO-2025-4154", "GO-2026-5652")
@given(address=not_public_ipv4, cut=st.integers(1, 3))
def test_no_number_base_hides_an_address(address: IPv4Address, cut: int) -> None:
    parts = list(address.packed)
    rest = int.from_bytes(bytes(parts[cut:]), "big")
    for write in (str, hex, lambda number: f"0{number:o}"):
        spelled = ".".join([*map(write, parts[:cut]), write(rest)])
        for host in (spelled, spelled + ".", write(int(address))):
            with pytest.raises(UrlNotAllowed):
                check_url(f"http://{host}/", param="image")


@pytest.mark.advisory("GO-2025-4154", "GO-2026-5652")
def test_one_bad_address_condemns_the_host() -> None:
    good, bad = IPv4Address("8.8.8.8"), IPv4Address("10.0.0.1")
    check_addresses((good,))
    with pytest.raises(NotPublic):
        check_addresses((good, bad))
    check_addresses((good, bad), (OFFICE,))


def test_an_operator_may_list_networks() -> None:
    assert is_allowed(IPv6Address("::ffff:10.0.0.1"), (OFFICE,))
    assert is_allowed(IPv6Address("fd00::1"), (ipaddress.ip_network("fd00::/8"),))
    assert not is_allowed(IPv4Address("192.168.0.1"), (OFFICE,))
    assert (
        str(check_url("http://10.0.0.5/x", param="image", allow=(OFFICE,))) == "http://10.0.0.5/x"
    )
    check_host("localhost", (LOOPBACK,))
    with pytest.raises(NotPublic):
        check_host("localhost", (OFFICE,))


def test_a_webhook_must_be_https_where_that_is_asked() -> None:
    with pytest.raises(UrlNotAllowed, match="must be an https URL with a public address"):
        check_url("http://public.example/", param="callback_url", schemes=("https",))
    check_url("https://public.example/", param="callback_url", schemes=("https",))
