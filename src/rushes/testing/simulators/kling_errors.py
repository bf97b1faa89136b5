"""Errors as Kling has them, and a shelf of answers that are wrong.

Codes and statuses are those of the table of Kling's own pages. What a look at an unknown task is
answered with, and how a model that is gone is called, was read nowhere and is guessed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rushes.testing.simulators.host import Reply

STATUSES: Final[Mapping[int, int]] = {
    1000: 401,
    1001: 401,
    1002: 401,
    1003: 401,
    1004: 401,
    1100: 429,
    1101: 429,
    1102: 429,
    1103: 403,
    1200: 400,
    1201: 400,
    1202: 404,
    1203: 404,
    1300: 400,
    1301: 400,
    1302: 429,
    1303: 429,
    1304: 429,
    5000: 500,
    5001: 503,
    5002: 504,
}
REQUEST_ID: Final = "c0656403-1e6e-4b7e-b8f8-2cdd2595f2b9"


def error(code: int, message: str) -> Reply:
    """Build an error as Kling has it."""
    told = {"code": code, "message": message, "request_id": REQUEST_ID}
    return Reply.of(STATUSES[code], told)


def good(data: object) -> Reply:
    """Build an answer to what was done as it was asked."""
    told = {"code": 0, "message": "SUCCEED", "request_id": REQUEST_ID, "data": data}
    return Reply.of(200, told)


EXPIRED_LINK: Final = Reply(403, b"AccessDenied", {"content-type": "text/plain"})

REPLIES: Final[Mapping[str, Reply]] = {
    "invalid": error(1201, "duration value 'x' is invalid"),
    "moderated": error(1301, "Trigger strategy: the content security policy of the platform"),
    "policy": error(1300, "Trigger strategy: the platform's strategy"),
    "unauthorized": error(1000, "Authorization failed"),
    "no_authorization": error(1001, "Authorization is empty"),
    "bad_authorization": error(1002, "Authorization is invalid"),
    "token_too_early": error(1003, "Authorization is not valid yet"),
    "token_expired": error(1004, "Authorization is expired"),
    "account": error(1100, "Account exception"),
    "out_of_money": error(1101, "Account in arrears"),
    "pack_depleted": error(1102, "Resource pack exhausted or expired"),
    "forbidden": error(1103, "Unauthorized access to requested resource"),
    "bad_method": error(1202, "The requested method is invalid"),
    "not_found": error(1203, "The requested resource does not exist"),
    "model_retired": error(1203, "The model kling-v1 is no longer available"),
    "rate_limited": error(1302, "API request too fast"),
    "overloaded": error(1303, "parallel task over resource pack limit"),
    "stranger": error(1304, "Trigger strategy: IP whitelisting of the platform"),
    "refused_in_200": Reply.of(200, {"code": 1303, "message": "parallel task over limit"}),
    "gone": Reply(410, b"Gone", {"content-type": "text/plain"}),
    "expired_link": EXPIRED_LINK,
    "server_error": error(5000, "Server internal error"),
    "bad_gateway": Reply.page(502),
    "unavailable": error(5001, "Server temporarily unavailable"),
    "gateway_timeout": error(5002, "Server internal timeout"),
    "html": Reply.page(200),
    "no_id": good({"task_status": "submitted"}),
    "broken_json": Reply(200, b'{"code":0,"data', {"content-type": "application/json"}),
    "redirected": Reply(307, b"", {"location": "/elsewhere"}),
}
"""Answers that are wrong by themselves. A rule's value may add headers to them, as a table."""
