"""What the guard says when it turns a request away, before any app has seen it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from rushes.domain.ids import new_request_id
from rushes.http.errors import type_of


@dataclass(frozen=True, slots=True)
class Farewell:
    """An answer of the guard itself, and the last one on its connection.

    `is_late` means that the caller is not sending anyway.
    """

    status: int
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)
    is_late: bool = False

    def rendered(self, default_headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Return the whole answer as it goes over the wire."""
        error = {
            "message": self.message,
            "type": type_of(self.status),
            "param": None,
            "code": self.code,
        }
        body = msgspec.json.encode({"error": error})
        own = {
            "content-type": "application/json",
            "content-length": str(len(body)),
            "cache-control": "no-store",
            "x-request-id": new_request_id(),
            "connection": "close",
            **self.headers,
        }
        lines = [b"%b: %b\r\n" % header for header in default_headers]
        lines += [f"{name}: {value}\r\n".encode("ascii") for name, value in own.items()]
        return b"".join([STATUS_LINE[self.status], *lines, b"\r\n", body])


MALFORMED: Final = Farewell(400, "invalid_value", "This is not a valid HTTP/1.1 request.")
TUNNEL: Final = Farewell(400, "invalid_value", "CONNECT asks for a tunnel; this is no proxy.")
HEAD_LATE: Final = Farewell(
    408, "request_timeout", "The headers of the request did not arrive in time.", is_late=True
)
BODY_LATE: Final = Farewell(
    408, "request_timeout", "The body of the request did not arrive in time.", is_late=True
)
PIPELINE_FULL: Final = Farewell(
    429,
    "rate_limit_exceeded",
    "Too many requests were sent on one connection without waiting for their answers.",
    headers={"retry-after": "1"},
)
FULL: Final = Farewell(
    503,
    "overloaded",
    "The server holds as many connections as it can. Nothing was accepted; try again in 5 seconds.",
    headers={"retry-after": "5"},
)
