"""Faults as the wire tells them (CONTRACT §3)."""

from __future__ import annotations

from typing import Final

import msgspec

from rushes.domain.errors import Fault, Overloaded, Reason

TYPES: Final = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
MESSAGE_CHARACTERS_MAX: Final = 2000
"""A message may quote what the caller sent, which may be megabytes."""

_ENCODER: Final = msgspec.json.Encoder()

GENERATIONS_CODES: Final = {
    Reason.CONTENT_REFUSED: 400,
    Reason.PARAMETERS_REFUSED: 400,
    Reason.PROVIDER_UNUSABLE: 502,
    Reason.PROVIDER_RATE_LIMITED: 429,
    Reason.PROVIDER_FAILED: 502,
    Reason.OUTPUT_LOST: 502,
    Reason.TIMED_OUT: 504,
    Reason.SUBMIT_IN_DOUBT: 502,
    Reason.CANCELED: 499,
    Reason.EXPIRED: 504,
    Reason.INTERNAL: 500,
}
VIDEOS_CODES: Final = {
    Reason.CONTENT_REFUSED: "content_policy_violation",
    Reason.PARAMETERS_REFUSED: "invalid_request",
    Reason.PROVIDER_UNUSABLE: "provider_error",
    Reason.PROVIDER_RATE_LIMITED: "rate_limited",
    Reason.PROVIDER_FAILED: "provider_error",
    Reason.OUTPUT_LOST: "provider_error",
    Reason.TIMED_OUT: "timed_out",
    Reason.SUBMIT_IN_DOUBT: "submit_in_doubt",
    Reason.CANCELED: "canceled",
    Reason.EXPIRED: "expired",
    Reason.INTERNAL: "server_error",
}


def type_of(http_status: int) -> str:
    """Return the error type that goes with an HTTP status."""
    if http_status >= 500:  # noqa: PLR2004 -- server errors
        return "server_error"
    return TYPES.get(http_status, "invalid_request_error")


def shortened(message: str) -> str:
    """Return a message that is no longer than a message may be."""
    is_long = len(message) > MESSAGE_CHARACTERS_MAX
    return f"{message[:MESSAGE_CHARACTERS_MAX]}…" if is_long else message


def busy() -> Overloaded:
    """Return the refusal of a request that the store had no time for."""
    return Overloaded("The gateway is overloaded; try again in 5 seconds.", retry_after_s=5)


def error_body(fault: Fault) -> bytes:
    """Render a fault."""
    return _ENCODER.encode(
        {
            "error": {
                "message": shortened(fault.message),
                "type": type_of(fault.http_status),
                "param": fault.param,
                "code": fault.code,
            }
        }
    )


def error_headers(fault: Fault) -> dict[str, str]:
    """Return the headers that go with a fault."""
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    if fault.http_status == 401:  # noqa: PLR2004 -- unauthenticated
        headers["WWW-Authenticate"] = "Bearer"
    if fault.retry_after_s is not None:
        headers["Retry-After"] = str(fault.retry_after_s)
    return {**headers, **fault.headers}


def internal_error(request_id: str) -> bytes:
    """Render a fault of ours; the caller can quote the id, and we can find it."""
    message = f"Internal error. Quote {request_id} when you report it."
    error = {
        "message": message,
        "type": "server_error",
        "param": None,
        "code": "internal_error",
    }
    return _ENCODER.encode({"error": error})
