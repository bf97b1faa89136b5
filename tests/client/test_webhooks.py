"""Receiving: an event is believed when it is ours, whole and of now; and who tells the secret."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from client.scripted import Script, Stage, refused, told
from rushes.client import Forbidden, WebhookNotVerified, WebhookSecret
from rushes.client.webhooks import WebhookEvent, sign, verify
from rushes.domain.webhooks import new_secret, signed_headers

NOW = datetime.now(UTC)
NOW_S = NOW.timestamp()
SECRET = new_secret()
EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "video.completed",
    "created_at": 1795437041,
    "data": {
        "id": "video_1",
        "task_id": "video_1",
        "status": "succeeded",
        "url": "https://films.test/files/video_1/video.mp4?signature=ab",
    },
}
FAILED = {
    **EVENT,
    "type": "video.canceled",
    "data": {
        "id": "video_1",
        "task_id": "video_1",
        "status": "failed",
        "error": {"code": 499, "message": "Canceled by caller"},
    },
}
BODY = json.dumps(EVENT).encode()
HEADERS = signed_headers([SECRET], "evt_1", NOW, BODY)


def verified(
    secret: str | Sequence[str],
    headers: Mapping[str, str],
    body: bytes | str,
    *,
    now_s: float = NOW_S,
) -> WebhookEvent:
    """Verify as of when this file was read: a whole run of tests lasts longer than signatures."""
    return verify(secret, headers, body, now_s=now_s)


def test_an_event_that_the_public_library_signed_is_believed() -> None:
    body = json.dumps(EVENT)
    signature = Webhook(SECRET).sign("evt_1", NOW, body)
    headers = {**HEADERS, "webhook-signature": signature}
    event = verified(SECRET, headers, body)
    assert (event.id, event.type, event.video_id) == ("evt_1", "video.completed", "video_1")
    assert event.url == "https://films.test/files/video_1/video.mp4?signature=ab"
    assert (event.status, event.error_code) == ("succeeded", None)
    assert event.created_at == datetime.fromtimestamp(1795437041, UTC)


@given(st.text(max_size=50))
def test_what_we_sign_the_public_library_believes(text: str) -> None:
    body = json.dumps({"text": text}).encode()
    timestamp = str(int(datetime.now(UTC).timestamp()))  # the library reads the clock
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": timestamp,
        "webhook-signature": sign(SECRET, "evt_1", timestamp, body),
    }
    assert Webhook(SECRET).verify(body, headers) == {"text": text}


def test_a_failure_tells_its_number_and_its_sentence() -> None:
    body = json.dumps(FAILED).encode()
    event = verified(SECRET, signed_headers([SECRET], "evt_1", NOW, body), body)
    assert (event.error_code, event.error_message, event.url) == (499, "Canceled by caller", None)


def test_names_of_headers_may_be_spelled_as_the_framework_likes() -> None:
    verified(SECRET, {name.title(): value for name, value in HEADERS.items()}, BODY)


def test_during_a_rotation_either_secret_verifies() -> None:
    newer = new_secret()
    headers = signed_headers([newer, SECRET], "evt_1", NOW, BODY)
    for secret in (SECRET, newer, [new_secret(), SECRET]):
        assert verified(secret, headers, BODY).id == "evt_1"


@pytest.mark.advisory("CVE-2026-41432")
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (HEADERS, BODY + b" "),
        ({**HEADERS, "webhook-id": "evt_2"}, BODY),
        ({**HEADERS, "webhook-signature": "v1,AAAA"}, BODY),
        ({**HEADERS, "webhook-signature": "v1,é"}, BODY),
        ({**HEADERS, "webhook-timestamp": "soon"}, BODY),
        ({name: HEADERS[name] for name in ("webhook-id", "webhook-timestamp")}, BODY),
        ({}, BODY),
    ],
)
def test_anything_else_is_not_believed(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(WebhookNotVerified):
        verified(SECRET, headers, body)


def test_a_stranger_s_secret_does_not_fit() -> None:
    with pytest.raises(WebhookNotVerified, match="secret"):
        verified(new_secret(), HEADERS, BODY)


@pytest.mark.advisory("CVE-2026-41432")
@pytest.mark.parametrize(("off_s", "is_believed"), [(299, True), (-299, True), (302, False)])
def test_an_event_is_of_now(off_s: int, is_believed: bool) -> None:
    if is_believed:
        assert verified(SECRET, HEADERS, BODY, now_s=NOW_S + off_s)
    else:
        with pytest.raises(WebhookNotVerified, match="off"):
            verified(SECRET, HEADERS, BODY, now_s=NOW_S + off_s)


@pytest.mark.parametrize("body", [b"[]", b"{}", b"not json", b'{"id":"evt_1","data":7}'])
def test_what_is_signed_and_no_event_is_refused_too(body: bytes) -> None:
    with pytest.raises(WebhookNotVerified, match="no event"):
        verified(SECRET, signed_headers([SECRET], "evt_1", NOW, body), body)


def test_a_secret_that_is_none_is_the_receivers_own_mistake() -> None:
    with pytest.raises(ValueError, match="whsec_"):
        verified("whsec_%%%", HEADERS, BODY)


async def test_the_server_tells_the_secret(stage: Stage) -> None:
    body = {"object": "webhook_secret", "secret": SECRET, "previous": None}
    script = Script(told(200, body))
    found = await stage.play(script).webhooks("secret")
    assert script.paths == ["GET /v1/webhooks/secret"]
    assert found == WebhookSecret(SECRET, None)
    assert SECRET not in repr(replace(found, previous=SECRET))


async def test_a_key_without_the_scope_is_told_so(stage: Stage) -> None:
    with pytest.raises(Forbidden):
        await stage.play(Script(refused(403, "scope_missing"))).webhooks("secret")
