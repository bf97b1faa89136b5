"""Keys beside a running server: one that is made works at once, one that is revoked is dead."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import httpx2
import pytest

from journeying import wait_until
from living import Living, Typed
from rushes.http.live import CHECK_S
from rushes.http.server import REFRESH_S

REVOKED_S = 2.0
"""What is promised, of calls and of streams, from the moment that the command has returned."""

BUSY_MACHINE_S = 1.0
"""How late the server's loop and we may be here, all in all."""

CALL_S = REFRESH_S + BUSY_MACHINE_S
MARGIN_S = 0.4
"""What a server has of the promise, for reading its keys and ending a stream."""


def status_of(server: Living, secret: str) -> int:
    headers = {"Authorization": f"Bearer {secret}"}
    return httpx2.get(f"{server.url}/v1/models", headers=headers, trust_env=False).status_code


def a_key(asked: Typed) -> dict[str, str]:
    key: dict[str, str] = json.loads(asked("keys", "create", "guest", "--json").stdout)
    return key


def test_a_key_works_at_once_and_is_dead_soon_after_it_was_revoked(
    server: Living, asked: Typed
) -> None:
    key = a_key(asked)
    assert status_of(server, key["secret"]) == 200
    asked("keys", "revoke", key["id"])
    wait_until(lambda: status_of(server, key["secret"]) == 401, timeout_s=CALL_S)


def test_who_looks_at_keys_pauses_for_less_than_is_promised_in_all() -> None:
    assert REFRESH_S + CHECK_S <= REVOKED_S - MARGIN_S


def test_a_key_that_was_never_used_is_refused_when_revoked(server: Living, asked: Typed) -> None:
    """At once, unless the server read its keys in between: then as any other."""
    key = a_key(asked)
    asked("keys", "revoke", key["id"])
    wait_until(lambda: status_of(server, key["secret"]) == 401, timeout_s=CALL_S)


@pytest.fixture
def slow_film(server: Living, asked: Typed) -> Iterator[tuple[dict[str, str], str]]:
    """A key, and a film under it that stays unfinished."""
    key = a_key(asked)
    with server.client(key["secret"]) as client:
        script = {"sandbox": {"delay_s": 50}}
        video = client.videos.create("a heron", seconds=1, resolution="480p", metadata=script)
    yield key, video.id
    with server.client() as client:
        client.videos.cancel(video)


def test_an_open_stream_ends_when_its_key_is_revoked(
    server: Living, asked: Typed, slow_film: tuple[dict[str, str], str]
) -> None:
    key, video_id = slow_film
    address = f"{server.url}/v1/video/generations/{video_id}/events"
    headers = {"Authorization": f"Bearer {key['secret']}"}
    http = httpx2.Client(trust_env=False, timeout=20)
    with http, http.stream("GET", address, headers=headers) as stream:
        chunks = stream.iter_bytes()
        heard = b""
        while b"in_progress" not in heard:
            heard += next(chunks)
        asked("keys", "revoke", key["id"])
        began = time.monotonic()
        rest = b"".join(chunks)
        assert time.monotonic() - began < REVOKED_S
    assert b"succeeded" not in rest
    assert b"failed" not in rest
