"""Errors under the names of the retired OpenAI client, over those of `rushes.client`.

    OpenAIError
    └── APIError                            message, body, code, param, type
        ├── APIConnectionError              no answer
        │   └── APITimeoutError             none in time
        ├── APIResponseValidationError      an answer that no Rushes server gives
        └── APIStatusError                  the server said no: status_code, request_id
            ├── BadRequestError             400
            ├── AuthenticationError         401
            ├── PermissionDeniedError       403
            ├── NotFoundError               404
            ├── ConflictError               409; a Rushes server never says it
            ├── UnprocessableEntityError    422
            ├── RateLimitError              429
            └── InternalServerError         500 and every other 5xx

Each is a RushesError too, and has the error of `rushes.client` that it was made from as its
`__cause__`: there are `retry_after_s` and, where a video may have been made, `idempotency_key`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import httpx2

from rushes.client.errors import (
    ApiError,
    ConnectionFailed,
    NotConfigured,
    RushesError,
    UnexpectedAnswer,
    Unsendable,
    WaitTimeout,
)

_SERVER_ERROR_MIN: Final = 500


class OpenAIError(RushesError):
    """Base of every error here; raised itself where there is no key."""


class APIError(OpenAIError):
    """A call that did not work; `body` is the error object of the answer, None without one."""

    def __init__(self, message: str, body: Mapping[str, str | None] | None = None) -> None:
        super().__init__(message, body)
        told = body or {}
        self.message = message
        self.body = body
        self.code = told.get("code")
        self.param = told.get("param")
        self.type = told.get("type")

    def __str__(self) -> str:
        return self.message


class APIConnectionError(APIError):
    """No answer came."""


class APITimeoutError(APIConnectionError):
    """No answer came in time, or a video was not final in time."""


class APIResponseValidationError(APIError):
    """An answer came that no Rushes server gives."""


class APIStatusError(APIError):
    """The server said no; `request_id` is what the operator will ask you for."""

    def __init__(
        self,
        message: str,
        body: Mapping[str, str | None] | None = None,
        status_code: int = 0,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, body)
        self.args = (message, body, status_code, request_id)
        self.status_code = status_code
        self.request_id = request_id


class BadRequestError(APIStatusError):
    """400: the request cannot be understood, or asks for what is not offered."""


class AuthenticationError(APIStatusError):
    """401: no key, or one that is unknown, revoked or expired."""


class PermissionDeniedError(APIStatusError):
    """403: the key may not do this."""


class NotFoundError(APIStatusError):
    """404: no such video or model."""


class ConflictError(APIStatusError):
    """409: a Rushes server never says it; a proxy may."""


class UnprocessableEntityError(APIStatusError):
    """422: an Idempotency-Key was used for another request."""


class RateLimitError(APIStatusError):
    """429: too many requests, or too many unfinished videos, for now."""


class InternalServerError(APIStatusError):
    """500 and above: the server's fault."""


_BY_STATUS: Final[Mapping[int, type[APIStatusError]]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}


@contextmanager
def in_their_words() -> Iterator[None]:
    """Have errors of `rushes.client` raised under the names of the retired client.

    What cannot be sent at all stays a ValueError, as it is there.
    """
    try:
        yield
    except (OpenAIError, Unsendable):
        raise
    except RushesError as fault:
        raise _renamed(fault) from fault


def _renamed(fault: RushesError) -> OpenAIError:
    match fault:
        case ApiError():
            return _status_error(fault)
        case WaitTimeout():
            return APITimeoutError(str(fault))
        case ConnectionFailed():
            is_late = isinstance(fault.__cause__, httpx2.TimeoutException)
            return (APITimeoutError if is_late else APIConnectionError)(str(fault))
        case NotConfigured():
            return OpenAIError(str(fault))
        case UnexpectedAnswer():
            return APIResponseValidationError(str(fault))
        case _:
            return APIError(str(fault))


def _status_error(fault: ApiError) -> APIStatusError:
    body = {
        "message": fault.message,
        "type": fault.type,
        "param": fault.param,
        "code": fault.code,
    }
    general = InternalServerError if fault.status >= _SERVER_ERROR_MIN else APIStatusError
    return _BY_STATUS.get(fault.status, general)(
        f"Error code: {fault.status} - {fault.message}", body, fault.status, fault.request_id
    )
