"""Where the server is, and with which key: arguments first, then the environment.

`RUSHES_BASE_URL` and `RUSHES_API_KEY` are all that this client reads from the environment;
proxies and certificates are not taken from there (see `rushes.client.wires`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from rushes.client.errors import NotConfigured

BASE_URL_DEFAULT: Final = "http://127.0.0.1:8080"

_TEST_KEY_PREFIX: Final = "sk-test-"
_VISIBLE_ASCII: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Access:
    """An address without a path's end, and a secret that no repr shows."""

    base_url: str
    api_key: str = field(repr=False)

    @property
    def is_test(self) -> bool:
        """Whether the key is one for tests: all that it makes is a rehearsal, and free."""
        return self.api_key.startswith(_TEST_KEY_PREFIX)


def read_access(base_url: str | None, api_key: str | None, environ: Mapping[str, str]) -> Access:
    """Settle address and key.

    Both are stripped of white space, as keys read from files end in a newline. An address may
    end in `/v1`, as those written for the OpenAI client do.

    Raises:
        NotConfigured: no key, a key that cannot be one, or an address that is not http(s).
    """
    return Access(
        _address(base_url or environ.get("RUSHES_BASE_URL") or BASE_URL_DEFAULT),
        _key(api_key or environ.get("RUSHES_API_KEY") or ""),
    )


def _address(text: str) -> str:
    address = text.strip().rstrip("/").removesuffix("/v1").rstrip("/")
    try:
        parts = urlsplit(address)
        is_sound = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # brackets or a port that are none
        is_sound = False
    if not is_sound:
        raise NotConfigured(
            f"{text!r} is no address of a server. Give base_url (or RUSHES_BASE_URL) "
            f"as in {BASE_URL_DEFAULT} or https://films.example.org"
        )
    return address


def _key(text: str) -> str:
    key = text.strip()
    if not key:
        raise NotConfigured(
            "There is no API key. Set RUSHES_API_KEY, or give Rushes(api_key=…): `rushes serve` "
            "prints one at its first start, `rushes keys create NAME` makes more beside it."
        )
    if not _VISIBLE_ASCII.fullmatch(key):
        raise NotConfigured(
            "The API key has white space or characters beyond ASCII in it, so it is none. "
            "It begins with sk- and is one word."
        )
    return key
