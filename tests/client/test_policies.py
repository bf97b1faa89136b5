"""Where the server is, with which key, how often to try again, and what a picture is."""

from __future__ import annotations

import math
from base64 import b64decode
from io import BytesIO, StringIO
from pathlib import Path
from typing import IO, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rushes.client import ConnectionFailed, NotConfigured, Overloaded, Reference, Retry
from rushes.client.access import BASE_URL_DEFAULT, read_access
from rushes.client.errors import BY_STATUS, ApiError, Complaint, UnexpectedAnswer
from rushes.client.media import content_item, read_upload, sniff, wire_value
from rushes.client.retry import PASSING, may_pass

LOST = ConnectionFailed("GET http://films.test", "silence")


def test_arguments_win_over_the_environment() -> None:
    environ = {"RUSHES_BASE_URL": "https://env.test", "RUSHES_API_KEY": "sk-env"}
    assert read_access("http://arg.test", "sk-arg", environ).base_url == "http://arg.test"
    assert read_access("http://arg.test", "sk-arg", environ).api_key == "sk-arg"
    assert read_access(None, None, environ).base_url == "https://env.test"
    assert read_access(None, None, environ).api_key == "sk-env"
    assert read_access(None, "sk-arg", {}).base_url == BASE_URL_DEFAULT


@pytest.mark.parametrize(
    ("given_url", "base_url"),
    [
        ("http://films.test/", "http://films.test"),
        ("http://films.test/v1", "http://films.test"),
        ("http://films.test/v1/", "http://films.test"),
        ("https://films.test/rushes/v1", "https://films.test/rushes"),
        (" http://[::1]:8080\n", "http://[::1]:8080"),
    ],
)
def test_an_address_may_be_written_in_more_than_one_way(given_url: str, base_url: str) -> None:
    assert read_access(given_url, "sk-1", {}).base_url == base_url


@pytest.mark.parametrize(
    "address", ["films.test", "ftp://films.test", "http://", "http://[::1", "http://x:99999", "//x"]
)
def test_an_address_that_is_none_is_refused_with_an_example(address: str) -> None:
    with pytest.raises(NotConfigured, match="RUSHES_BASE_URL"):
        read_access(address, "sk-1", {})


def test_a_missing_key_is_told_with_what_to_do() -> None:
    for api_key in (None, "", "  \n"):
        with pytest.raises(NotConfigured, match="RUSHES_API_KEY"):
            read_access(None, api_key, {"RUSHES_API_KEY": ""})


def test_a_key_read_from_a_file_may_end_in_a_newline() -> None:
    assert read_access(None, "sk-1\n", {}).api_key == "sk-1"


def test_a_key_that_is_none_is_refused_and_never_shown() -> None:
    for api_key in ("sk-1 sk-2", "sk-ä", "sk-1\nsk-2"):
        with pytest.raises(NotConfigured) as caught:
            read_access(None, api_key, {})
        assert api_key not in str(caught.value)
    assert "sk-1" not in repr(read_access(None, "sk-1", {}))


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pauses_grow_within_their_bounds(attempt: int, luck: float) -> None:
    pause_s = Retry(draw=lambda: luck).patient_pause_s(attempt, LOST)
    assert pause_s is not None
    assert 0.25 <= pause_s <= 8.0


def test_pauses_double_and_are_spread() -> None:
    calm, lucky = Retry(attempts_max=9, draw=lambda: 0.0), Retry(attempts_max=9, draw=lambda: 1.0)
    assert [calm.pause_s(n, LOST) for n in range(1, 7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert [lucky.pause_s(n, LOST) for n in range(1, 4)] == [0.25, 0.5, 1.0]


def test_the_last_try_is_the_last() -> None:
    assert Retry(attempts_max=4).pause_s(3, LOST) is not None
    assert Retry(attempts_max=4).pause_s(4, LOST) is None
    assert Retry(attempts_max=1).pause_s(1, LOST) is None


@given(st.floats(0, 1e6), st.integers(1, 3))
def test_the_servers_advice_is_followed_to_the_second_or_not_at_all(
    advice_s: float, attempt: int
) -> None:
    busy = Overloaded(Complaint(503, "Later.", "overloaded", retry_after_s=advice_s))
    expected = advice_s if advice_s <= 60 else None
    assert Retry().pause_s(attempt, busy) == expected
    assert Retry().patient_pause_s(attempt, busy) == advice_s


@given(st.integers(300, 599))
def test_only_what_may_pass_is_tried_again(status: int) -> None:
    kind = BY_STATUS.get(status, ApiError)
    fault = kind(Complaint(status, "No.", retry_after_s=1.0))
    assert (Retry().pause_s(1, fault) is not None) == (status in PASSING)
    assert not any(400 <= one < 500 and one not in {408, 429} for one in PASSING)
    assert not may_pass(UnexpectedAnswer("what is this"))


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        ("ffd8ffe000104a46", "image/jpeg"),
        ("89504e470d0a1a0a", "image/png"),
        ("52494646aabbccdd57454250", "image/webp"),
        ("52494646aabbccdd57415645", "audio/wav"),
        ("52494646aabbccdd41564920", "application/octet-stream"),
        ("0000001c6674797069736f6d", "video/mp4"),
        ("1a45dfa3", "video/webm"),
        ("494433", "audio/mpeg"),
        ("fffb9064", "audio/mpeg"),
        ("", "application/octet-stream"),
    ],
)
def test_the_first_bytes_show_what_a_file_is(head: str, media_type: str) -> None:
    assert sniff(bytes.fromhex(head)) == media_type


@given(st.binary(max_size=64))
def test_a_data_uri_holds_the_very_bytes(content: bytes) -> None:
    uri = wire_value(content)
    assert isinstance(uri, str)
    head, _, text = uri.partition(",")
    assert head == f"data:{sniff(content)};base64"
    assert b64decode(text) == content
    assert read_upload(BytesIO(content)).content == content


def test_addresses_and_objects_go_as_they_are(tmp_path: Path) -> None:
    for media in ("https://x.test/1.png", "data:image/png;base64,AA==", {"image_url": "x"}):
        assert wire_value(media) is media
    path = tmp_path / "1.jpg"
    path.write_bytes(b"\xff\xd8\xff")
    assert wire_value(str(path)) == wire_value(path) == "data:image/jpeg;base64,/9j/"


def test_a_file_in_text_mode_is_no_media() -> None:
    with pytest.raises(TypeError, match='"rb"'):
        wire_value(cast("IO[bytes]", StringIO("text")))
    with pytest.raises(TypeError):
        read_upload({"image_url": "x"})


def test_the_kind_that_is_said_wins() -> None:
    item: dict[str, Any] = content_item(Reference(b"raw samples", kind="audio"))
    assert item["role"] == "reference_audio"
    assert item["audio_url"]["url"].startswith("data:application/octet-stream")
    item = content_item(Reference({"url": "https://x.test/a"}, kind="video"))
    assert item == {
        "type": "video_url",
        "video_url": {"url": "https://x.test/a"},
        "role": "reference_video",
    }


def test_a_pause_is_a_number() -> None:
    pause_s = Retry().patient_pause_s(10**9, LOST)
    assert pause_s is not None
    assert math.isfinite(pause_s)
