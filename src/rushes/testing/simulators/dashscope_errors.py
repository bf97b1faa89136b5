"""Errors in DashScope's form, and a shelf of answers that are wrong.

The names of codes: Alibaba's page of error codes (400s) and dashscope 2.0.2, `v2/errors.py`
(the others). Which HTTP status comes with Model.NotExist, and that a cancel that comes too late is
UnsupportedOperation, was read nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import NAMESPACE_URL, uuid4, uuid5

from rushes.testing.simulators.host import Reply


def answered(output: Mapping[str, object], **more: object) -> Reply:
    """Build a good answer."""
    return Reply.of(200, {"request_id": str(uuid4()), "output": output, **more})


def error(status: int, code: str, message: str) -> Reply:
    """Build an error as the protocol has it; the same error has the same request_id."""
    request_id = str(uuid5(NAMESPACE_URL, f"{status} {code} {message}"))
    return Reply.of(status, {"request_id": request_id, "code": code, "message": message})


_XML: Final = {"content-type": "application/xml"}


def storage_error(status: int, code: str) -> Reply:
    """Build an error as object storage has it: XML."""
    text = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code></Error>'
    return Reply(status, text.encode(), _XML)


REPLIES: Final[Mapping[str, Reply]] = {
    "invalid": error(400, "InvalidParameter", "The parameter 'duration' is not allowed."),
    "invalid_url": error(400, "InvalidURL", "The file behind the url cannot be read."),
    "moderated": error(400, "DataInspectionFailed", "Input data may contain improper content."),
    "out_of_money": error(400, "Arrearage", "Access denied: the account is in arrears."),
    "too_late": error(400, "UnsupportedOperation", "The task is not PENDING."),
    "unauthorized": error(401, "InvalidApiKey", "Invalid API-key provided."),
    "forbidden": error(403, "AccessDenied", "Access denied."),
    "model_not_open": error(403, "AccessDenied.Unpurchased", "The model is not opened."),
    "not_found": error(404, "NotFound", "There is nothing here."),
    "model_retired": error(404, "Model.NotExist", "Model not exist."),
    "unsupported": error(405, "MethodNotAllowed", "The method is not allowed."),
    "gone": storage_error(410, "Gone"),
    "throttled": error(429, "Throttling", "Requests throttled."),
    "rate_limited": error(429, "Throttling.RateQuota", "Requests rate limit exceeded."),
    "allocation_quota": error(429, "Throttling.AllocationQuota", "Allocated quota exceeded."),
    "server_error": error(500, "InternalError", "Internal server error."),
    "bad_gateway": Reply.page(502),
    "overloaded": error(503, "ServiceUnavailable", "The service is unavailable."),
    "unavailable": Reply(503),
    "gateway_timeout": Reply.page(504),
    "html": Reply.page(200),
    "no_id": answered({"task_status": "PENDING"}),
    "business_error": error(200, "InternalError", "Something went wrong, inside HTTP 200."),
    "broken_json": Reply(200, b'{"output":{"task_id":"', {"content-type": "application/json"}),
    "redirected": Reply(307, b"", {"location": "/elsewhere"}),
}
"""Answers that are wrong by themselves. A rule's value may add headers to them, as a table."""
