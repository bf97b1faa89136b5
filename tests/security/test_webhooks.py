"""Nobody is believed for an empty secret: not by us, and not by our receivers."""

from __future__ import annotations

import ast
import base64
import hmac
import inspect
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rushes
from rushes.client import webhooks
from rushes.client.errors import WebhookNotVerified
from rushes.domain.errors import LinkInvalid
from rushes.domain.webhooks import SECRET_BYTES_MIN, new_secret, signed_headers
from rushes.http.links import Links
from rushes.providers.registry import Misconfigured, resolve
from rushes.testing.builders import NOON

NOW_S = NOON.timestamp()
BODY = b'{"id":"evt_1","object":"event","type":"video.completed","created_at":1,"data":{}}'
SHORT = "whsec_" + base64.b64encode(b"x" * (SECRET_BYTES_MIN - 1)).decode()
NONE_AT_ALL = ["", "whsec_", "whsec_=", " ", "whsec_ ", SHORT, "whsec_AAAA", "not base64 at all!"]


def forged(key: bytes, at_s: float = NOW_S) -> dict[str, str]:
    """Sign as a forger does who knows which key an empty secret makes."""
    told = b".".join((b"evt_1", str(int(at_s)).encode(), BODY))
    signature = base64.b64encode(hmac.new(key, told, sha256).digest()).decode()
    return {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(int(at_s)),
        "webhook-signature": f"v1,{signature}",
    }


@pytest.mark.advisory("CVE-2026-41432")
@pytest.mark.parametrize("secret", NONE_AT_ALL)
def test_a_receiver_with_an_empty_secret_is_told_so_and_believes_nobody(secret: str) -> None:
    for key in (b"", base64.b64decode("AAAA"), b"x" * (SECRET_BYTES_MIN - 1)):
        with pytest.raises(ValueError, match="webhook secret"):
            webhooks.verify(secret, forged(key), BODY, now_s=NOW_S)
        with pytest.raises(ValueError, match="webhook secret"):
            webhooks.verify([new_secret(), secret], forged(key), BODY, now_s=NOW_S)


@pytest.mark.advisory("CVE-2026-41432")
def test_a_receiver_with_no_secret_at_all_believes_nobody() -> None:
    with pytest.raises(WebhookNotVerified):
        webhooks.verify([], forged(b""), BODY, now_s=NOW_S)


@pytest.mark.advisory("CVE-2026-41432")
@pytest.mark.parametrize("secret", NONE_AT_ALL)
def test_we_sign_nothing_with_an_empty_secret(secret: str) -> None:
    with pytest.raises(ValueError, match="webhook secret"):
        signed_headers([secret], "evt_1", NOON, BODY)


@pytest.mark.advisory("CVE-2026-41432")
def test_nothing_goes_out_without_a_signature() -> None:
    with pytest.raises(ValueError, match="webhook secret"):
        signed_headers([], "evt_1", NOON, BODY)


@pytest.mark.advisory("CVE-2026-41432")
@pytest.mark.parametrize("off_s", [-3600, -301, 301, 3600, 10**12])
def test_an_event_that_is_not_of_now_is_no_event(off_s: int) -> None:
    """What was caught on the way yesterday cannot be sent again today."""
    secret = new_secret()
    headers = signed_headers([secret], "evt_1", NOON, BODY)
    with pytest.raises(WebhookNotVerified, match="off"):
        webhooks.verify(secret, headers, BODY, now_s=NOW_S + off_s)


@pytest.mark.advisory("CVE-2026-41432")
@given(
    name=st.text(max_size=12),
    timestamp=st.one_of(
        st.text(max_size=12), st.integers().map(str), st.just("9" * 400), st.just("9" * 5000)
    ),
    signature=st.text(max_size=40),
    body=st.binary(max_size=40),
)
def test_whatever_a_stranger_posts_is_refused_as_one_thing(
    name: str, timestamp: str, signature: str, body: bytes
) -> None:
    """A receiver has one fault to catch: no header makes it break in another way."""
    headers = {
        "Webhook-Id": name, "Webhook-Timestamp": timestamp, "Webhook-Signature": signature
    }  # fmt: skip
    with pytest.raises(WebhookNotVerified):
        webhooks.verify(new_secret(), headers, body, now_s=NOW_S)


@pytest.mark.advisory("CVE-2026-41432")
def test_signatures_are_compared_in_constant_time() -> None:
    """Everything that is compared with what a stranger gave is compared by `compare_digest`."""
    for compares in (webhooks.verify, Links._is_signed):
        tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(compares)))
        calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
        assert "hmac.compare_digest" in calls
    src = Path(rushes.__file__).parent
    for path in src.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare):
                sides = {ast.unparse(side) for side in (node.left, *node.comparators)}
                assert not sides & {"signature", "signatures", "given_signature"}, path


@pytest.mark.advisory("CVE-2026-41432")
@pytest.mark.parametrize(
    "reference", ["env:NOT_SET", "env:EMPTY", "file:/dev/null", "command:true"]
)
def test_a_secret_of_the_settings_that_is_empty_stops_the_server(reference: str) -> None:
    """Credentials, and what links are signed with: no server starts with an empty one."""
    with pytest.raises(Misconfigured):
        resolve(reference, {"EMPTY": " \n"})


@pytest.mark.advisory("CVE-2026-41432")
def test_a_link_signed_with_nothing_opens_nothing() -> None:
    forger = Links(b"", "http://localhost", ttl_s=60)
    link = forger.film("video_" + "0" * 32, NOON)
    signature = link.rpartition("=")[2]
    expires = str(int((NOON + timedelta(seconds=60)).timestamp()))
    ours = Links(b"s" * 32, "http://localhost", ttl_s=60)
    with pytest.raises(LinkInvalid):
        ours.check("video_" + "0" * 32, expires, signature, NOON)
