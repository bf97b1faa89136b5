"""Signed links to films: ours, absolute, expiring, and good for one film only (CONTRACT §8)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from rushes.domain.errors import LinkExpired, LinkInvalid

SIGNATURE_CHARACTERS: Final = 64


@dataclass(frozen=True, slots=True)
class Links:
    """Signs and checks links. `public_url` has no slash at its end; `ttl_s` is in seconds.

    `secret` signs; what was signed with one of `former` is believed too, until it is dropped.
    """

    secret: bytes
    public_url: str
    ttl_s: int
    former: tuple[bytes, ...] = ()

    def film(self, task_id: str, at: datetime) -> str:
        """Return a link to a task's film that lives from now on for `ttl_s`."""
        expires = int(at.timestamp()) + self.ttl_s
        signature = _signature(self.secret, task_id, str(expires))
        return (
            f"{self.public_url}/files/{task_id}/video.mp4?expires={expires}&signature={signature}"
        )

    def check(self, task_id: str, expires: str, signature: str, at: datetime) -> None:
        """Let an untouched, living link pass.

        Raises:
            LinkInvalid: altered, or not ours.
            LinkExpired: past its time.
        """
        is_number = expires.isascii() and expires.isdecimal() and len(expires) <= 12  # noqa: PLR2004
        if not is_number or not self._is_signed(task_id, expires, signature):
            raise LinkInvalid("This link is not valid.", param="signature")
        if int(expires) <= at.timestamp():
            raise LinkExpired(
                "This link has expired. Query the task again for a new one.", param="expires"
            )

    def half_lives(self, at: datetime) -> int:
        """Count half link lives: an ETag with this number promises a link that lives on."""
        return int(at.timestamp() / (self.ttl_s / 2))

    def content(self, task_id: str) -> str:
        """Return the address of a film's bytes, which needs a key."""
        return f"{self.public_url}/v1/videos/{task_id}/content"

    def _is_signed(self, task_id: str, expires: str, signature: str) -> bool:
        given = signature.encode("utf-8", "replace")
        return any(
            hmac.compare_digest(_signature(secret, task_id, expires).encode(), given)
            for secret in (self.secret, *self.former)
        )


def _signature(secret: bytes, task_id: str, expires: str) -> str:
    return hmac.new(secret, f"{task_id}\n{expires}".encode(), sha256).hexdigest()
