"""The hot look: answered where its head is parsed, from one raw read (docs/ARCHITECTURE.md, Reads).

Every caller polls every few seconds, so this one GET is most of the traffic. The plainest form
of it (no query, no body, no preference, a key in memory with rates in hand, a task of the
caller's) needs no task of the event loop, no scope and no second write; and where its head is
that of a look before it but for the task and the key, no parser (`http/familiar.py`). Everything
else, errors too, is left to the ordinary route, which answers the same: a test holds them side by
side.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from rushes.clock import Clock
from rushes.domain.access import NO_LIMITS, Key
from rushes.domain.task import FINAL
from rushes.gateway.rates import Rates
from rushes.http.auth import Keyring, secret_of
from rushes.http.envelope import Styles
from rushes.http.familiar import ID_BYTES, PREFIX, Familiar
from rushes.http.looking import RETRY_AFTER_S, Looking, is_known
from rushes.ports import Look

URL_BYTES: Final = len(PREFIX) + ID_BYTES
_FOUND: Final = b"HTTP/1.1 200 OK\r\n"
_UNCHANGED: Final = b"HTTP/1.1 304 Not Modified\r\n"
_UNFIT: Final = frozenset(
    {b"prefer", b"content-length", b"transfer-encoding", b"expect", b"upgrade", b"connection"}
)
"""With one of these a request is not the plainest, unless the connection is to be kept."""

_IDS_AT_ONCE: Final = 256
_ID_CHARACTERS: Final = 32


def _request_ids() -> Iterator[str]:
    """Yield random hex for request ids; one system call is enough for many."""
    while True:
        drawn = os.urandom(_IDS_AT_ONCE * _ID_CHARACTERS // 2).hex()
        for start in range(0, len(drawn), _ID_CHARACTERS):
            yield drawn[start : start + _ID_CHARACTERS]


class HotLooks:
    """Answers plain looks in whole; `count` is how many.

    `standing` is what every answer of the server says, as header lines.
    """

    def __init__(
        self, *, keyring: Keyring, rates: Rates, looking: Looking, styles: Styles, clock: Clock
    ) -> None:
        self._keyring = keyring
        self._rates = rates
        self._looking = looking
        self._styles = styles
        self._clock = clock
        self._ids = _request_ids()
        self._familiar = Familiar()
        self.count = 0

    def __call__(
        self, url: bytes, headers: Sequence[tuple[bytes, bytes]], standing: bytes
    ) -> bytes | None:
        """Return the bytes of an answer, or None where the ordinary route should give it."""
        if len(url) != URL_BYTES or not url.startswith(PREFIX):
            return None
        authorization = if_none_match = None
        for name, value in headers:
            if name == b"authorization":
                if authorization is not None:
                    return None
                authorization = value
            elif name == b"if-none-match":
                if if_none_match is not None:
                    return None
                if_none_match = value
            elif name in _UNFIT and value.lower() != b"keep-alive":
                return None
        secret = None if authorization is None else secret_of(authorization)
        if secret is None:
            return None
        try:
            return self._answer(url[len(PREFIX) :], secret, if_none_match, standing)
        except Exception:  # noqa: BLE001 -- the ordinary route meets it too, and tells
            return None

    def again(self, packet: bytes, standing: bytes) -> bytes | None:
        """Return the bytes of an answer to a head that need not be parsed, None to any other."""
        asked = self._familiar.asked(packet)
        if asked is None:
            return None
        try:
            return self._answer(*asked, standing)
        except Exception:  # noqa: BLE001 -- the ordinary route meets it too, and tells
            return None

    def learn(self, packet: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Know a head again that was answered, if it is all of a packet."""
        self._familiar.learn(packet, headers)

    def _answer(
        self, task: bytes, secret: bytes, if_none_match: bytes | None, standing: bytes
    ) -> bytes | None:
        at = self._clock.now()
        key: Key | None = self._keyring.looker(secret, at)
        if key is None or self._styles.wraps(key):
            return None
        task_id = task.decode("ascii")
        look = self._looking.hot.look(task_id)
        if look is None or look.account_id != key.account_id:
            return None
        more = self._more(task_id, look, at)
        if more is None:
            return None
        if key.limits is not NO_LIMITS or key.account_limits is not NO_LIMITS:
            admitted = self._rates.admit_at_once(key, at)
            if admitted is None:
                return None
            for name, value in admitted.items():
                more += f"{name.lower()}: {value}\r\n"
        self.count += 1
        etag = self._looking.etag(look, at)
        head = (
            f"x-request-id: req_{next(self._ids)}\r\ncontent-type: application/json\r\n"
            f"cache-control: private, no-cache\r\netag: {etag}\r\n"
            f"rushes-progress: {look.progress}\r\n{more}"
        )
        if if_none_match is not None and is_known(if_none_match.decode("latin-1"), etag):
            return b"%b%b%b\r\n" % (_UNCHANGED, standing, head.encode("ascii"))
        body = self._looking.body(task_id, look, at)
        head = f"{head}content-length: {len(body)}\r\n\r\n"
        return b"%b%b%b%b" % (_FOUND, standing, head.encode("ascii"), body)

    def _more(self, task_id: str, look: Look, at: datetime) -> str | None:
        """Return the lines that only some looks have; None if one is not to be written so."""
        if look.status not in FINAL:
            more = f"retry-after: {RETRY_AFTER_S}\r\n"
            position, eta_s = self._looking.forecast.facts(task_id, look.status, at)
            if position is not None:
                more += f"rushes-queue-position: {position}\r\n"
            if eta_s is not None:
                more += f"rushes-eta-seconds: {eta_s}\r\n"
        else:
            more = f"rushes-cost-microusd: {look.charged_microusd or 0}\r\n"
        if look.is_rehearsal:
            more += "rushes-rehearsal: true\r\n"
        if look.served_by is not None:
            if not (look.served_by.isascii() and look.served_by.isprintable()):
                return None
            more += f"rushes-model: {look.served_by}\r\n"
        return more
