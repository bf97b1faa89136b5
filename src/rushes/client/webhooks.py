"""For those who receive webhooks: believe an event only when its signature says it is ours.

    from rushes.client import webhooks

    event = webhooks.verify(secret, request.headers, request.body)

The scheme is Standard Webhooks, so any library of that name does as well. The secret is what
`client.webhooks.secret()` returns, or an operator's `rushes webhooks secret`.
"""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from rushes.client.errors import UnexpectedAnswer, WebhookNotVerified
from rushes.client.fields import Fields, parse

PREFIX: Final = "whsec_"
KEY_BYTES_MIN: Final = 24
"""What anybody could guess, an empty secret first of all, would make every stranger believed."""

TOLERANCE_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """One event. `id` is the same however often it is delivered: note it, and act once.

    `type` is `video.completed`, `video.failed` or `video.canceled`. `url` is a signed link to the
    film, freshly made for this delivery; None where the video failed, or was deleted meanwhile.
    `error_code` is a number of the generations dialect (canceled: 499).
    """

    id: str
    type: str
    created_at: datetime | None
    video_id: str
    status: str
    url: str | None
    error_code: int | None
    error_message: str | None


def verify(
    secret: str | Sequence[str],
    headers: Mapping[str, str],
    body: bytes | str,
    *,
    tolerance_s: float = TOLERANCE_S,
    now_s: float | None = None,
) -> WebhookEvent:
    """Return the event of a delivery that is ours, and is of now.

    `body` is what came over the wire, byte for byte: JSON that was parsed and written again has
    another signature. `secret` may be several, during a rotation. `now_s` is Unix seconds; the
    machine's clock if it is not given.

    Raises:
        WebhookNotVerified: a header is missing, the time is more than `tolerance_s` off, or no
            signature fits. Answer 400 and do nothing.
        ValueError: a secret is none, or empty: your own mistake, and nobody is believed.
    """
    raw = body.encode() if isinstance(body, str) else body
    given = {name.lower(): value for name, value in headers.items()}
    event_id, timestamp, signatures = (
        given.get(f"webhook-{part}", "") for part in ("id", "timestamp", "signature")
    )
    if not event_id or not timestamp or not signatures:
        raise WebhookNotVerified("a webhook-id, webhook-timestamp or webhook-signature is missing")
    _check_time(timestamp, tolerance_s, time.time() if now_s is None else now_s)
    secrets = [secret] if isinstance(secret, str) else list(secret)
    wanted = [sign(one, event_id, timestamp, raw) for one in secrets]
    if not any(
        hmac.compare_digest(one.encode(), other.encode())
        for one in wanted
        for other in signatures.split()
    ):
        raise WebhookNotVerified("no signature fits; is the secret that of this account?")
    return _read(raw)


def sign(secret: str, event_id: str, timestamp: str | int, body: bytes) -> str:
    """Return the signature that a delivery carries; for tests of a receiver.

    Raises:
        ValueError: the secret is none.
    """
    told = b".".join((event_id.encode(), str(timestamp).encode(), body))
    digest = hmac.new(_key(secret), told, sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:
        key = b""
    if len(key) < KEY_BYTES_MIN:
        raise ValueError(
            f"A webhook secret is whsec_ and base64 of at least {KEY_BYTES_MIN} bytes; "
            "client.webhooks.secret() returns yours."
        )
    return key


def _check_time(timestamp: str, tolerance_s: float, now_s: float) -> None:
    try:
        off_s = abs(now_s - int(timestamp))
    except (ValueError, OverflowError):
        raise WebhookNotVerified("the webhook-timestamp is no number of seconds") from None
    if off_s > tolerance_s:
        raise WebhookNotVerified(f"its time is {off_s:.0f} s off; {tolerance_s:g} s are allowed")


def _read(raw: bytes) -> WebhookEvent:
    try:
        fields = Fields(parse(raw))
        data = fields.fields("data")
        error = None if data.raw("error") is None else data.fields("error")
        return WebhookEvent(
            id=fields.text("id"),
            type=fields.text("type"),
            created_at=fields.maybe_moment("created_at"),
            video_id=data.text("id"),
            status=data.text("status"),
            url=data.maybe_text("url"),
            error_code=None if error is None else error.maybe_int("code"),
            error_message=None if error is None else error.maybe_text("message"),
        )
    except UnexpectedAnswer as strange:
        raise WebhookNotVerified(f"it is signed, and no event: {strange}") from None
