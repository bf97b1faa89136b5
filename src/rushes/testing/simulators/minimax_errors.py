"""Errors as MiniMax has them, inside HTTP 200, and a shelf of wrong answers.

Codes and their words are MiniMax's page of error codes; the sentences about parameters, tasks
and models are from memory, and were not verified.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rushes.testing.simulators.host import Reply

MESSAGES: Final[Mapping[int, str]] = {
    0: "success",
    1000: "unknown error",
    1001: "request timeout",
    1002: "rate limit",
    1004: "login fail: Please carry the API secret key in the 'Authorization' field",
    1008: "insufficient balance",
    1024: "internal error",
    1026: "input new_sensitive",
    1027: "output new_sensitive",
    1033: "system error",
    1013: "internal service error",
    1039: "token limit",
    1042: "invisible character ratio limit",
    2013: "invalid params",
    2049: "invalid api key",
    2056: "usage limit exceeded",
    2061: "your current token plan does not support this model",
}


def base_resp(code: int, message: str = "") -> dict[str, object]:
    """Build what stands in every answer."""
    return {"status_code": code, "status_msg": message or MESSAGES.get(code, "unknown")}


def error(code: int, message: str = "", **more: object) -> Reply:
    """Build an error as the protocol has it."""
    return Reply.of(200, {**more, "base_resp": base_resp(code, message)})


def refusal(code: int, message: str = "") -> Reply:
    """Build the refusal of a create: an answer as ever, with an empty id."""
    return error(code, message, task_id="")


GONE: Final = "invalid params, model I2V-00 is no longer supported"

REPLIES: Final[Mapping[str, Reply]] = {
    "invalid": refusal(2013, "invalid params, duration must be 6 or 10"),
    "moderated": refusal(1026),
    "unauthorized": error(1004),
    "bad_key": error(2049),
    "out_of_money": refusal(1008),
    "plan_without_model": refusal(2061),
    "plan_used_up": refusal(2056),
    "token_limit": refusal(1039),
    "model_retired": refusal(2013, GONE),
    "rate_limited": refusal(1002),
    "internal": refusal(1024),
    "unheard_of": refusal(7777, "something else"),
    "not_found": error(2013, "invalid params, task_id or file_id is not found"),
    "gone": Reply(410, b"Gone", {"content-type": "text/plain"}),
    "forbidden": Reply(403, b"<Error><Code>AccessDenied</Code></Error>"),
    "server_error": Reply.of(500, {"base_resp": base_resp(1024)}),
    "bad_gateway": Reply.page(502),
    "unavailable": Reply(503),
    "gateway_timeout": Reply.page(504),
    "html": Reply.page(200),
    "no_id": error(0),
    "broken_json": Reply(200, b'{"task_id":"', {"content-type": "application/json"}),
    "redirected": Reply(307, b"", {"location": "/elsewhere"}),
}
"""Answers that are wrong by themselves. A rule's value may add headers to them, as a table."""
