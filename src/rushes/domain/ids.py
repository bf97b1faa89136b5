"""Names of things: where they come from and how they look.

A task id is a UUIDv7 without dashes, so that ids sort by birth: 48 bits of
milliseconds, 12 bits of the fraction within the millisecond (RFC 9562, method
3), and 62 bits from the system's random source. Time is an argument.
"""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

TASK_ID: Final = re.compile(r"video_[0-9a-f]{32}")
BLOB_NAME: Final = re.compile(r"(?:[a-z0-9][a-z0-9_.-]{0,99}/){0,5}[a-z0-9][a-z0-9_.-]{0,99}")
TEST_KEY_PREFIX: Final = "sk-test-"
LIVE_KEY_PREFIX: Final = "sk-live-"


def new_task_id(at: datetime) -> str:
    """Return a fresh task id; two made in one process sort by `at`.

    Source: CONTRACT §1.
    """
    return "video_" + _uuid7(at)


def first_task_id(at: datetime) -> str:
    """Return what no id of a task accepted at an instant, or later, sorts before.

    >>> new_task_id(at := datetime(2026, 11, 26)) >= first_task_id(at) > "video_019"
    True
    """
    return f"video_{int(at.timestamp() * 1000) << 80:032x}"


def born_at(task_id: str) -> datetime:
    """Return when a task's id was made, to the millisecond.

    >>> born_at("video_0192f3c4a5b67c8d9e0f1a2b3c4d5e6f").isoformat()
    '2024-11-03T20:11:35.094000+00:00'
    """
    millis = int(task_id.removeprefix("video_")[:12], 16)
    return datetime.fromtimestamp(millis / 1000, tz=UTC)


def new_event_id(at: datetime) -> str:
    """Return a fresh id for a webhook event."""
    return "evt_" + _uuid7(at)


def new_endpoint_id(at: datetime) -> str:
    """Return a fresh id for an address that hears of an account's tasks."""
    return "ep_" + _uuid7(at)


def new_deed_id(at: datetime) -> str:
    """Return a fresh id for a line of the audit log; two made in one process sort by `at`."""
    return "deed_" + _uuid7(at)


def new_request_id() -> str:
    """Return a fresh request id; it names nothing and is only quoted."""
    return "req_" + secrets.token_hex(16)


def new_key_id(at: datetime) -> str:
    """Return a fresh id for a key; the id is no secret."""
    return "key_" + _uuid7(at)


def new_account_id(at: datetime) -> str:
    """Return a fresh id for an account."""
    return "acct_" + _uuid7(at)


def new_secret(*, is_test: bool = False) -> str:
    """Return the plain text of a new key: a prefix and 256 random bits."""
    return (TEST_KEY_PREFIX if is_test else LIVE_KEY_PREFIX) + secrets.token_urlsafe(32)


def new_token() -> str:
    """Return a reference of ours for one submit; 128 random bits."""
    return secrets.token_hex(16)


def digest_of(secret: bytes) -> bytes:
    """Return the SHA-256 digest under which a key is stored.

    A plain hash is right here: the secret has 256 random bits.
    """
    return sha256(secret).digest()


def is_task_id(text: str) -> bool:
    """Say whether `text` could be a task id.

    >>> is_task_id("video_" + "0" * 32), is_task_id("task-123")
    (True, False)
    """
    return TASK_ID.fullmatch(text) is not None


def is_blob_name(text: str) -> bool:
    """Say whether `text` may name a blob: lowercase words between slashes, none hidden.

    The grammar is the same for a disk and an object store, and leaves nothing to escape: no
    empty, dotted or absolute part, and no two names that a file system might take for one.

    >>> is_blob_name("films/video_01/3.mp4"), is_blob_name("inputs/../keys")
    (True, False)
    """
    return BLOB_NAME.fullmatch(text) is not None


def _uuid7(at: datetime) -> str:
    micros = int(at.timestamp()) * 1_000_000 + at.microsecond
    millis, rest = divmod(micros, 1000)
    fraction = rest * 4096 // 1000
    value = (millis & (2**48 - 1)) << 80 | 0x7 << 76 | fraction << 64
    value |= 0b10 << 62 | secrets.randbits(62)
    return f"{value:032x}"
