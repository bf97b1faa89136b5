"""Which addresses a caller may make us talk to: pure functions, no network.

The tables are our own, not the standard library's `is_global`: that one changes between patch
releases of Python, calls multicast global, and does not look into every IPv6 form that carries
an IPv4 address.

Source: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its successors).
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeAlias

import httpx2

from rushes.domain.errors import UrlNotAllowed

URL_CHARACTERS_MAX: Final = 2_048
HOST_CHARACTERS_MAX: Final = 253
PORT_MAX: Final = 65_535

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
Networks: TypeAlias = tuple[Network, ...]

NOT_PUBLIC_IPV4: Final[tuple[IPv4Network, ...]] = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host, this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared, behind carrier NAT; also metadata at one cloud
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # public by number, yet the host machine itself at one cloud
        "169.254.0.0/16",  # link-local; metadata at most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; metadata at one cloud
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays, withdrawn
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)

# Of IPv6 only this block is given out as public unicast. That leaves out loopback, unspecified,
# IPv4-compatible, local NAT64, discard, unique local, link-local, site-local and multicast.
PUBLIC_IPV6: Final = IPv6Network("2000::/3")

NOT_PUBLIC_IPV6: Final[tuple[IPv6Network, ...]] = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: ends wherever the IPv4 address inside says
        "3fff::/20",  # documentation
    )
)

LOOPBACKS: Final[tuple[Address, ...]] = (IPv4Address("127.0.0.1"), IPv6Address("::1"))

_NAT64: Final = IPv6Network("64:ff9b::/96")
_ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})
_LAST_32_BITS: Final = 0xFFFF_FFFF

_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")


class NotPublic(Exception):
    """An address, or a host that names or has one, which we do not talk to."""


def is_public(address: Address) -> bool:
    """Say whether `address` is public unicast, looking into IPv6 that carries IPv4.

    >>> is_public(IPv4Address("100.64.0.1")), is_public(IPv6Address("64:ff9b::7f00:1"))
    (False, False)
    """
    address = plain(address)
    if isinstance(address, IPv4Address):
        return not any(address in network for network in NOT_PUBLIC_IPV4)
    if address not in PUBLIC_IPV6 or address.scope_id is not None:
        return False
    if any(address in network for network in NOT_PUBLIC_IPV6):
        return False
    carried = _isatap(address)
    return carried is None or is_public(carried)


def is_allowed(address: Address, allow: Networks = ()) -> bool:
    """Say whether we may connect: public, or in a network that the operator lists."""
    return is_public(address) or any(plain(address) in net or address in net for net in allow)


def plain(address: Address) -> Address:
    """Return the IPv4 address that a mapped or NAT64 address stands for, else the address.

    These two are the forms in which public hosts do turn up (dual-stack sockets, DNS64), so
    they are judged by what they carry. The other forms are refused whole.

    >>> plain(IPv6Address("::ffff:10.0.0.1"))
    IPv4Address('10.0.0.1')
    """
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & _LAST_32_BITS)
    return address


def literal_of(host: str) -> Address | None:
    """Return the address that `host` spells out, None for a name.

    `host` is ASCII, without brackets. What any resolver on the way might read as a number
    (`2130706433`, `0x7f.1`, `010.0.0.1`) must be a plain dotted quad.

    Raises:
        NotPublic: neither a plain literal nor a well-formed name.

    Source: WHATWG URL, "ends in a number checker".
    """
    host = host.lower()
    if ":" in host:
        try:
            address = IPv6Address(host)
        except ValueError:
            raise NotPublic("an IPv6 address that nobody can read") from None
        if address.scope_id is not None:
            raise NotPublic("an IPv6 address with a zone")
        return address
    name = host.removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return IPv4Address(name)
        except ValueError:
            raise NotPublic("an odd spelling of an IPv4 address") from None
    if len(name) > HOST_CHARACTERS_MAX or not all(_LABEL.fullmatch(label) for label in labels):
        raise NotPublic("no well-formed host name")
    return None


def check_host(host: str, allow: Networks = ()) -> Address | None:
    """Judge a host without looking it up; return the address if it spells one.

    Raises:
        NotPublic: it spells, or is known to mean, an address we do not talk to.
    """
    address = literal_of(host)
    if address is not None:
        check_addresses((address,), allow)
        return address
    name = host.lower().removesuffix(".")
    is_local = name == "localhost" or name.endswith(".localhost")
    if is_local and not any(is_allowed(loopback, allow) for loopback in LOOPBACKS):
        raise NotPublic("this very machine")
    return None


def check_addresses(addresses: tuple[Address, ...], allow: Networks = ()) -> None:
    """Judge every address of a host: one bad address condemns the host.

    A name with a public and a private address is how rebinding looks.

    Raises:
        NotPublic: one of them is an address we do not talk to.
    """
    if not all(is_allowed(address, allow) for address in addresses):
        raise NotPublic("an address that is not public")


def check_url(
    text: str,
    *,
    param: str,
    allow: Networks = (),
    schemes: tuple[str, ...] = ("http", "https"),
) -> httpx2.URL:
    """Judge an address as a caller wrote it, without looking up its host.

    The URL returned is what must be sent: it was parsed once, by the client's own parser.

    Raises:
        UrlNotAllowed: with `param`.

    Source: CONTRACT §11.
    """
    if len(text) > URL_CHARACTERS_MAX:
        message = f"'{param}' must be a URL of at most {URL_CHARACTERS_MAX:,} characters."
        raise UrlNotAllowed(message, param=param)
    wanted = " or ".join(schemes)
    refusal = UrlNotAllowed(
        f"'{param}' must be an {wanted} URL with a public address.", param=param
    )
    # Not stripped, not guessed at: what two parsers may read in two ways is refused.
    if not text.isprintable() or any(sign in text for sign in " \\"):
        raise refusal
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL:
        raise refusal from None
    if url.scheme not in schemes or not url.raw_host:
        raise refusal
    if url.port is not None and not 1 <= url.port <= PORT_MAX:
        raise refusal
    if url.userinfo:
        message = f"'{param}' must be an {wanted} URL without a user name or password."
        raise UrlNotAllowed(message, param=param)
    host = url.raw_host.decode("ascii")
    try:
        check_host(host, allow)
    except NotPublic:
        raise refusal from None
    # The root's dot means nothing to DNS here, but no certificate carries it.
    return url.copy_with(host=host.removesuffix(".")) if host.endswith(".") else url


def _isatap(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 host that an ISATAP router would tunnel to (RFC 5214), if there is one."""
    number = int(address)
    if number >> 32 & _LAST_32_BITS not in _ISATAP:
        return None
    return IPv4Address(number & _LAST_32_BITS)
