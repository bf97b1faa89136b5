"""Webhooks as values: the signature, the schedule, and to whom an event goes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from rushes.domain.webhooks import (
    GONE,
    LIFE,
    PAUSES,
    Answered,
    Endpoint,
    News,
    Post,
    PostState,
    WebhookSecret,
    after_attempt,
    after_hearing,
    begun_again,
    new_secret,
    posts_of,
    signed_headers,
)
from rushes.testing.builders import NOON

NEWS = News("evt_1", "video_1", "acct_1", "video.completed", NOON)
POST = Post("evt_1", "https://caller.example/hook", "video_1", "acct_1", NOON, NOON)
BAD = Answered.of(503)
draws = st.floats(0, 1, exclude_max=True)


def now() -> datetime:
    """Return what their library reads: the machine's clock."""
    return datetime.now(tz=NOON.tzinfo)


# -- the signature -----------------------------------------------------------------------------


@given(st.binary(min_size=0, max_size=200).map(lambda raw: json.dumps(raw.hex()).encode()))
def test_a_receiver_with_the_public_library_believes_us(body: bytes) -> None:
    secret = new_secret()
    Webhook(secret).verify(body, signed_headers([secret], "evt_1", now(), body))


def test_a_changed_body_id_or_time_is_not_believed() -> None:
    secret, body = new_secret(), b'{"a":1}'
    headers = signed_headers([secret], "evt_1", now(), body)
    changes = [
        (b'{"a":2}', headers),
        (body, {**headers, "webhook-id": "evt_2"}),
        (body, {**headers, "webhook-timestamp": str(int(now().timestamp()) + 2)}),
    ]
    for changed, told in changes:
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(changed, told)


def test_during_a_rotation_either_secret_verifies_and_afterwards_one() -> None:
    at = now()
    first = WebhookSecret("acct_1", new_secret(), at)
    second = first.rotated(at, previous_for=timedelta(hours=24))
    living = second.living(at + timedelta(hours=23))
    headers = signed_headers(living, "evt_1", at, b"{}")
    for secret in (first.secret, second.secret):
        Webhook(secret).verify(b"{}", headers)
    assert second.living(at + timedelta(hours=24)) == (second.secret,)
    third = second.rotated(at, previous_for=timedelta(hours=24))
    assert first.secret not in third.living(at)


# -- the schedule ------------------------------------------------------------------------------


def test_a_receiver_that_never_answers_is_tried_after_the_pauses_of_the_contract() -> None:
    minutes = [5 / 60, 0.5, 2, 10, 30, 60, 120, 240, 480, 480]
    assert [pause.total_seconds() / 60 for pause in PAUSES] == pytest.approx(minutes)


@given(st.lists(draws, min_size=11, max_size=11), st.lists(st.floats(0, 10), min_size=11))
def test_every_post_ends_within_a_day_after_eleven_attempts_at_most(
    jitters: list[float], answers_s: list[float]
) -> None:
    post, began = POST, []
    for jitter, answer_s in zip(jitters, answers_s, strict=False):
        assert post.due_at is not None
        began.append(post.due_at)
        ended = post.due_at + timedelta(seconds=answer_s)
        before, post = post, after_attempt(post, BAD, ended, jitter)
        if post.due_at is None:
            break
        pause = PAUSES[before.attempt_count]
        assert post.due_at - ended <= pause * 1.1
        is_last = post.due_at > NOON + LIFE - timedelta(minutes=2)
        assert is_last or post.due_at - ended >= pause * 0.9
    assert (post.state, post.due_at) == (PostState.DEAD, None)
    assert post.attempt_count == len(began) >= 10
    assert began[-1] <= NOON + LIFE


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_delivered(status: int) -> None:
    after = after_attempt(POST, Answered.of(status), NOON, 0.5)
    assert (after.state, after.due_at, after.ended_at) == (PostState.DELIVERED, None, NOON)


@pytest.mark.parametrize("status", [None, 100, 199, 301, 308, 400, 404, 429, 500])
def test_anything_else_is_tried_again(status: int | None) -> None:
    answered = Answered(None, "nobody") if status is None else Answered.of(status)
    after = after_attempt(POST, answered, NOON, 0.5)
    assert (after.state, after.due_at) == (PostState.WAITING, NOON + timedelta(seconds=5))


def test_gone_ends_it_at_once() -> None:
    assert after_attempt(POST, Answered.of(GONE), NOON, 0.5).state is PostState.DEAD


def test_a_post_that_is_begun_again_has_its_whole_time() -> None:
    dead = replace(POST, state=PostState.DEAD, due_at=None, ended_at=NOON, attempt_count=11)
    at = NOON + timedelta(days=3)
    fresh = begun_again(dead, at)
    assert (fresh.due_at, fresh.attempt_count, fresh.ended_at) == (at, 0, None)
    assert after_attempt(fresh, BAD, at, 0.5).due_at == at + timedelta(seconds=5)


# -- to whom -----------------------------------------------------------------------------------


def an_endpoint(url: str, **facts: object) -> Endpoint:
    return replace(Endpoint("ep_1", "acct_1", url, NOON), **facts)  # type: ignore[arg-type]


def test_an_event_goes_to_every_endpoint_and_to_the_callback() -> None:
    news = replace(NEWS, callback_url="https://task.example/")
    posts = posts_of(
        news, [an_endpoint("https://a.example/"), an_endpoint("https://b.example/")], NOON
    )
    assert {post.url for post in posts} == {
        "https://a.example/",
        "https://b.example/",
        "https://task.example/",
    }
    assert {post.event_id for post in posts} == {"evt_1"}


@pytest.mark.parametrize(
    "callback", ["https://a.example/h", "HTTPS://A.example:443/h", "https://a.example/h#part"]
)
def test_an_address_named_twice_gets_it_once(callback: str) -> None:
    endpoint = an_endpoint("https://a.example/h")
    (post,) = posts_of(replace(NEWS, callback_url=callback), [endpoint], NOON)
    assert (post.url, post.endpoint_id) == (endpoint.url, endpoint.id)


def test_a_disabled_endpoint_gets_nothing_more() -> None:
    assert posts_of(NEWS, [an_endpoint("https://a.example/", disabled_at=NOON)], NOON) == []


def test_an_endpoint_is_disabled_when_nothing_was_taken_for_long() -> None:
    days = timedelta(days=5)
    first = after_hearing(an_endpoint("https://a.example/"), BAD, NOON, disable_after=days)
    assert (first.failing_since, first.disabled_at) == (NOON, None)
    almost = after_hearing(first, BAD, NOON + days - timedelta(seconds=1), disable_after=days)
    assert almost == first
    over = after_hearing(first, BAD, NOON + days, disable_after=days)
    assert over.disabled_at == NOON + days
    assert over.note
    well = after_hearing(first, Answered.of(200), NOON + days, disable_after=days)
    assert (well.failing_since, well.disabled_at) == (None, None)
