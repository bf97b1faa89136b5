"""What is the same for everybody: pages and their files, told once to each browser, and packed.

Nothing here depends on who asks, so packing gives nothing away (a secret beside what a stranger
chose would be found out by the length of the two together).
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final

from rushes.http.conditions import is_listed
from rushes.http.routes import Call, Reply

PALETTE: Final = "palette.css"
PACKED_LEVEL: Final = 9
PACKED_BYTES_MIN: Final = 1_000
"""What is shorter goes out as it is: a packet holds it anyway."""

_GZIP: Final = re.compile(
    r"(?:^|,)\s*(?:gzip|x-gzip|\*)\s*(?:;\s*q\s*=\s*(?P<q>[01](?:\.\d{0,3})?))?\s*(?=,|$)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Shown:
    """A body as browsers are told it."""

    body: bytes
    content_type: str

    @cached_property
    def etag(self) -> str:
        """The strong tag of the body as it is."""
        return f'"{sha256(self.body).hexdigest()[:32]}"'

    @cached_property
    def packed(self) -> bytes | None:
        """The body in gzip, None where that gains nothing."""
        if len(self.body) < PACKED_BYTES_MIN:
            return None
        packed = gzip.compress(self.body, PACKED_LEVEL, mtime=0)
        return packed if len(packed) < len(self.body) else None

    @property
    def packed_etag(self) -> str:
        """The strong tag of the body in gzip: other bytes, another tag."""
        return f'{self.etag[:-1]}-gzip"'

    def reply(self, call: Call, headers: Mapping[str, str]) -> Reply:
        """Answer with it as the browser takes it, or that the browser has it."""
        packed = self.packed if takes_gzip(call.headers.get("accept-encoding", "")) else None
        told = {
            **headers,
            "ETag": self.etag if packed is None else self.packed_etag,
            "Cache-Control": "private, no-cache",
            "Vary": "Accept-Encoding",
        }
        had = call.headers.get("if-none-match", "")
        if is_listed(had, self.etag) or is_listed(had, self.packed_etag):
            return Reply(status=304, headers=told)
        told["Content-Type"] = self.content_type
        if packed is None:
            return Reply(self.body, headers=told)
        return Reply(packed, headers={**told, "Content-Encoding": "gzip"})


@cache
def palette() -> Shown:
    """Return the colours, sizes and type of all our pages, told once."""
    body = (Path(__file__).parent / PALETTE).read_bytes()
    return Shown(body, "text/css; charset=utf-8")


def takes_gzip(accepted: str) -> bool:
    """Say whether an `Accept-Encoding` takes gzip; one that names it with q=0 does not.

    >>> takes_gzip("br, gzip;q=0.8"), takes_gzip("gzip;q=0, *"), takes_gzip("identity")
    (True, False, False)
    """
    found = _GZIP.search(accepted)
    return found is not None and float(found["q"] or 1) > 0
