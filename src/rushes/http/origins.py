"""From where a request comes: its peer, or whoever a proxy that is trusted tells of.

`X-Forwarded-For` is a list that each proxy appends to; what stands left of the first host that
is not trusted may be anybody's invention, so it is read from the right, and only as far as hosts
are trusted. A peer that is not is the origin, whatever its headers say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from starlette.datastructures import Headers
from starlette.types import Scope

from rushes.domain.access import Address, Network

FORWARDED = "x-forwarded-for"


@dataclass(frozen=True, slots=True)
class Origins:
    """Tells origins; `trusted` are the networks of the operator's own proxies."""

    trusted: Sequence[Network] = ()

    def of(self, scope: Scope, headers: Headers) -> Address | None:
        """Return where a request comes from; None where nobody knows.

        A trusted proxy that tells no address leaves it unknown: better than its own, which may
        be on a list.
        """
        client = scope.get("client")
        here = None if client is None else address_of(str(client[0]))
        if not self.trusted or here is None:
            return here
        told = _told(headers)
        while here is not None and self._trusts(here):
            before = next(told, None)
            if before is None:
                return here
            here = address_of(before)
        return here

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self.trusted)


@lru_cache(maxsize=1024)  # a caller asks thousands of times, and reading takes longer than finding
def address_of(text: str) -> Address | None:
    """Read an address as proxies write it, with a port or without; None if it is none.

    >>> [str(address_of(text)) for text in ("192.0.2.1:443", "[2001:db8::1]:443", "unknown")]
    ['192.0.2.1', '2001:db8::1', 'None']
    >>> str(address_of("::ffff:192.0.2.1"))
    '192.0.2.1'
    """
    bare = text.strip().strip('"')
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _told(headers: Headers) -> Iterator[str]:
    """Yield what proxies told, the nearest first; a header in several lines is one list."""
    for line in reversed(headers.getlist(FORWARDED)):
        yield from reversed(line.split(","))
