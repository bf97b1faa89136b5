"""Errors as Vidu has them, and a shelf of answers that are wrong.

Words and statuses are those of the table of Vidu's page on error codes. How a model that is gone is
called, and what stands before the word of a refused cancel, was read nowhere and is guessed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rushes.testing.simulators.host import Reply

STATUSES: Final[Mapping[str, int]] = {
    "BadRequest": 400,
    "FieldLacking": 400,
    "FieldUnwanted": 400,
    "FieldItemCountOutOfRange": 400,
    "FieldInvalid": 400,
    "PageSizeOutOfRange": 400,
    "ImageDownloadFailure": 400,
    "ImageFormatInvalid": 400,
    "OperationInProcess": 400,
    "TaskPromptPolicyViolation": 400,
    "AuditSubmitIllegal": 400,
    "CreditInsufficient": 400,
    "CreationPolicyViolation": 400,
    "ModelUnavailable": 400,
    "UserCancelled": 400,
    "Unauthorized": 401,
    "Forbidden": 403,
    "TaskNotFound": 404,
    "CreationNotFound": 404,
    "NotFound": 404,
    "Conflict": 409,
    "QuotaExceeded": 429,
    "TooManyRequests": 429,
    "SystemThrottling": 429,
    "Canceled": 499,
    "InternalServiceFailure": 500,
}
TRACE: Final = {"trace_id": "04e5c2fe159ff7c574acd0424e78c35f"}


def error(reason: str, message: str) -> Reply:
    """Build an error as Vidu has it."""
    status = STATUSES[reason]
    told = {"code": status, "reason": reason, "message": message, "metadata": TRACE}
    return Reply.of(status, told)


EXPIRED_LINK: Final = Reply(403, b"AccessDenied", {"content-type": "text/plain"})

REPLIES: Final[Mapping[str, Reply]] = {
    "invalid": error("FieldInvalid", "invalid field: duration"),
    "moderated": error("AuditSubmitIllegal", "submit is illegal"),
    "bad_prompt": error("TaskPromptPolicyViolation", "prompt policy violation"),
    "unauthorized": error("Unauthorized", "unauthorized"),
    "forbidden": error("Forbidden", "forbidden"),
    "out_of_money": error("CreditInsufficient", "insufficient credits"),
    "model_retired": error("ModelUnavailable", "model vidu1.5 is no longer available"),
    "model_unavailable": error("ModelUnavailable", "model unavailable"),
    "rate_limited": error("TooManyRequests", "too many requests"),
    "overloaded": error("SystemThrottling", "system is throttling"),
    "quota": error("QuotaExceeded", "quota exceeded"),
    "in_process": error("OperationInProcess", "operation in process, please retry later"),
    "not_found": error("TaskNotFound", "task not found"),
    "no_such_path": error("NotFound", "not found"),
    "too_late": error("BadRequest", "task state is scheduled, can not cancel"),
    "unsupported": Reply(405, b"Method Not Allowed", {"content-type": "text/plain"}),
    "gone": Reply(410, b"Gone", {"content-type": "text/plain"}),
    "expired_link": EXPIRED_LINK,
    "server_error": error("InternalServiceFailure", "internal service failure"),
    "bad_gateway": Reply.page(502),
    "unavailable": Reply.page(503),
    "gateway_timeout": Reply.page(504),
    "html": Reply.page(200),
    "no_id": Reply.of(200, {"state": "created"}),
    "broken_json": Reply(200, b'{"task_id', {"content-type": "application/json"}),
    "redirected": Reply(307, b"", {"location": "/elsewhere"}),
}
"""Answers that are wrong by themselves. A rule's value may add headers to them, as a table."""
