"""Whether a call is Vidu's: by a signature of where it goes to, made with our own API key.

Wire facts (DOC: platform.vidu.com/docs/callback-signature, read 2026-11; nothing was seen live):
- the headers Date, x-request-nonce, X-HMAC-SIGNED-HEADERS ("Date;x-request-nonce"),
  X-HMAC-SIGNATURE, X-HMAC-ALGORITHM ("hmac-sha256") and X-HMAC-ACCESS-KEY ("vidu").         DOC
- the signature is base64(HMAC-SHA256(key, text)); the key is the one that made the task.    DOC
- the text is method, path, query, "vidu" and Date, each with a newline behind it, then each
  signed header as "Name:value" and a newline.                                               DOC
- the body is not signed. It is what a look answers with, our payload included.              DOC

Nobody tells a provider to which path a call came. So the payload of a task names the path that was
given to Vidu, and the signature shows whether Vidu was ever told that path. Whoever overheard a
call could ring it again, also with another body: that brings a look, and nothing else.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

import msgspec

from rushes.providers.base import Forged

ACCESS_KEY: Final = "vidu"
ALGORITHM: Final = "hmac-sha256"
SIGNED_HEADERS_MAX: Final = 16


def payload_of(token: str, callback_url: str | None) -> str:
    """Return what a task carries of ours: its token, as the end of the path that is to be called.

    >>> payload_of("f00d", None), payload_of("f00d", "https://a.example/b/hooks/vidu/f00d")
    ('f00d', '/b/hooks/vidu/f00d')
    """
    path = urlsplit(callback_url).path if callback_url else ""
    return path if path.endswith(f"/{token}") else token


def token_in(payload: object) -> str | None:
    """Return the token in a payload; None where there is no payload.

    >>> token_in("/b/hooks/vidu/f00d"), token_in("f00d"), token_in("")
    ('f00d', 'f00d', None)
    """
    if not isinstance(payload, str) or not payload:
        return None
    return payload.rpartition("/")[2]


def verify(key: str, headers: Mapping[str, str], body: bytes) -> None:
    """Make sure that a call is Vidu's; header names are lowercase.

    Raises:
        Forged: it is not.
    """
    if headers.get("x-hmac-algorithm") != ALGORITHM:
        raise Forged("no signature of Vidu's")
    names = headers.get("x-hmac-signed-headers", "").split(";")
    if "date" not in map(str.lower, names) or len(names) > SIGNED_HEADERS_MAX:
        raise Forged("a signature without a date")
    lines = ["POST", _path_in(body), "", ACCESS_KEY, headers.get("date", "")]
    lines += [f"{name}:{headers.get(name.lower(), '')}" for name in names]
    text = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
    wanted = base64.b64encode(hmac.digest(key.encode(), text, sha256))
    given = headers.get("x-hmac-signature", "").encode("utf-8", "replace")
    if not hmac.compare_digest(wanted, given):
        raise Forged("a call that Vidu did not sign")


def _path_in(body: bytes) -> str:
    try:
        told = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        told = None
    payload = told.get("payload") if isinstance(told, dict) else None
    if not isinstance(payload, str) or not payload.startswith("/"):
        raise Forged("a call that names no path of ours")
    return payload
