"""Whether a call is fal's: ED25519, by the public keys that the operator took from fal's JWKS.

Wire facts (DOC: fal's page on webhooks; 3P: five public verifiers that agree, read 2026-11; the
notes of the house had them from memory. Nothing was seen live):
- the headers X-Fal-Webhook-Request-Id, -User-Id, -Timestamp (seconds) and -Signature (hex).  3P
- signed is request id, user id, timestamp and the hex SHA-256 of the body, by newlines.       3P
- the keys are at https://rest.alpha.fal.ai/.well-known/jwks.json: {keys: [{kty: "OKP",
  crv: "Ed25519", x: base64url}]}; any of them may have signed.                              3P
- a call that is not heard is made ten times in two hours.                                   DOC
- fal wants the timestamp within five minutes. A provider has no clock, and needs none: a call is
  a bell, and an old one that is rung again brings a look, and nothing else.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from rushes.providers.base import Forged

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

OPTION: Final = "webhook_keys"
KEY_BYTES: Final = 32
_SIGNED: Final = ("request-id", "user-id", "timestamp")


def keys_of(said: object) -> tuple[Ed25519PublicKey, ...]:
    """Read the operator's keys: the `x` of each key in fal's JWKS.

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    if not isinstance(said, list) or not said:
        raise ValueError(f"option {OPTION!r} is a list of keys, each the `x` of one in fal's JWKS")
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
            Ed25519PublicKey,
        )
    except ImportError as error:
        raise ValueError(f"option {OPTION!r} wants the package cryptography") from error
    return tuple(Ed25519PublicKey.from_public_bytes(_key_bytes(one)) for one in said)


def _key_bytes(said: object) -> bytes:
    try:
        if not isinstance(said, str):
            raise binascii.Error
        padded = said + "=" * (-len(said) % 4)
        found = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if len(found) != KEY_BYTES:
        raise ValueError(f"option {OPTION!r}: each key is {KEY_BYTES} bytes in base64url")
    return found


def verify(keys: Sequence[Ed25519PublicKey], headers: Mapping[str, str], body: bytes) -> None:
    """Make sure that a call is fal's; header names are lowercase.

    Raises:
        Forged: it is not.
    """
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

    said = [headers.get(f"x-fal-webhook-{name}") for name in _SIGNED]
    given = headers.get("x-fal-webhook-signature")
    if given is None or None in said:
        raise Forged("no signature of fal's")
    try:
        signed = bytes.fromhex(given)
    except ValueError as error:
        raise Forged("a signature that is not hexadecimal") from error
    message = "\n".join([*map(str, said), sha256(body).hexdigest()]).encode()
    for key in keys:
        try:
            key.verify(signed, message)
        except InvalidSignature:
            continue
        return
    raise Forged("the signature is by no key that was told")
