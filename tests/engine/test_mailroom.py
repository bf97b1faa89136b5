"""The mailroom: every end is told once to each address, and a dead receiver holds nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from structlog.testing import capture_logs

from rushes.domain.task import Status, Task
from rushes.domain.webhooks import (
    PAUSES,
    Answered,
    Endpoint,
    News,
    Post,
    PostState,
    begun_again,
)
from rushes.engine.mailroom import HOLD, Mailroom, Places
from rushes.testing.builders import ACCOUNT_ID, NOON, put_task
from rushes.testing.fakes import ManualClock
from rushes.testing.memory_store import MemoryStore

HOOK = "https://caller.example/hook"
DEAD = "https://dead.example/hook"
ENDPOINT = Endpoint("ep_1", ACCOUNT_ID, "https://account.example/hook", NOON)


@dataclass
class Receivers:
    """Whoever is posted to: an answer for each address, 204 where none is set."""

    answers: dict[str, int] = field(default_factory=dict)
    got: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    hangs: set[str] = field(default_factory=set)
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def check(self, url: str, *, param: str) -> None:
        return None

    async def heard(self, count: int) -> None:
        """Wait until so many attempts have come."""
        while len(self.got) < count:
            self.news.clear()
            await self.news.wait()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        self.got.append((url, headers, body))
        self.news.set()
        if url in self.hangs:
            await self.hanging.wait()
        return Answered.of(self.answers.get(url, 204))

    @property
    def urls(self) -> list[str]:
        return [url for url, _, _ in self.got]


def a_body(news: News, has_film: bool, at: datetime) -> bytes:
    return json.dumps({"id": news.event_id, "has_film": has_film, "at": at.isoformat()}).encode()


class Office:
    """One mailroom over a store in memory."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.clock = ManualClock(NOON)
        self.store = store or MemoryStore()
        self.receivers = Receivers()
        self.room = Mailroom(self.store, self.clock, self.receivers, a_body, jitter=lambda: 0.5)

    def end(self, status: Status = Status.FAILED, **born: Any) -> Task:
        """Let a task end at this moment."""
        return self.store.write_now(lambda tx: put_task(tx, status, **born))

    async def round(self) -> list[Post]:
        """Do once what the engine does all the time; return what was attempted."""
        await self.room.fan_out()
        due = await self.room.take_due()
        for post in due:
            await self.room.attempt(post)
        return list(due)

    def posts(self) -> list[Post]:
        return list(self.store.read_now(lambda tx: tx.posts(100)))

    @property
    def post(self) -> Post:
        (post,) = self.posts()
        return post


async def test_an_end_is_told_once_to_the_callback_and_to_every_endpoint() -> None:
    office = Office()
    office.store.write_now(lambda tx: tx.add_endpoint(ENDPOINT))
    office.end(callback_url=HOOK)
    await office.round()
    await office.round()
    assert sorted(office.receivers.urls) == sorted([HOOK, ENDPOINT.url])
    assert len({headers["webhook-id"] for _, headers, _ in office.receivers.got}) == 1
    assert {post.state for post in office.posts()} == {PostState.DELIVERED}


async def test_a_task_without_an_address_tells_nobody() -> None:
    office = Office()
    office.end()
    assert await office.round() == []
    assert office.store.read_now(lambda tx: tx.unposted(10)) == []


async def test_what_ended_more_than_a_day_ago_is_only_marked() -> None:
    office = Office()
    office.end(callback_url=HOOK)
    office.clock.advance(2 * 86400)
    assert await office.room.fan_out() == 1
    assert office.posts() == []
    assert await office.room.fan_out() == 0


async def test_a_receiver_that_fails_is_tried_again_by_the_schedule_and_then_no_more() -> None:
    office = Office()
    office.receivers.answers[HOOK] = 500
    office.end(callback_url=HOOK)
    await office.round()
    began = [office.clock.now()]
    for pause in PAUSES:
        office.clock.set(began[-1] + pause - timedelta(seconds=1))
        assert await office.round() == []
        office.clock.set(began[-1] + pause)
        assert len(await office.round()) == 1
        began.append(office.clock.now())
    assert (office.post.state, office.post.attempt_count) == (PostState.DEAD, 11)
    assert office.post.note == "answered 500"
    office.clock.advance(86400)
    assert await office.round() == []
    log = office.store.read_now(lambda tx: tx.deliveries(office.post.event_id, HOOK))
    assert [(one.attempt, one.at) for one in log] == list(enumerate(began, 1))


async def test_a_letter_is_dated_by_the_clock_that_receivers_compare_with_theirs() -> None:
    """The time that counts for tasks may be another while somebody's clock is wrong."""
    office = Office()
    office.room.wall = ManualClock(NOON + timedelta(hours=2))
    office.end(callback_url=HOOK)
    await office.round()
    ((_, headers, _),) = office.receivers.got
    assert int(headers["webhook-timestamp"]) == int((NOON + timedelta(hours=2)).timestamp())


async def test_every_attempt_has_the_same_id_and_a_time_of_its_own() -> None:
    office = Office()
    office.receivers.answers[HOOK] = 503
    office.end(callback_url=HOOK)
    await office.round()
    office.clock.advance(5)
    await office.round()
    (_, first, _), (_, second, _) = office.receivers.got
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 5


async def test_gone_ends_a_post_at_once() -> None:
    office = Office()
    office.receivers.answers[HOOK] = 410
    office.end(callback_url=HOOK)
    await office.round()
    assert (office.post.state, office.post.attempt_count) == (PostState.DEAD, 1)


async def test_the_event_of_a_deleted_task_still_goes_out_and_links_nothing() -> None:
    office = Office()
    kept = office.end(Status.SUCCEEDED, callback_url=HOOK)
    gone = office.end(Status.SUCCEEDED, callback_url=DEAD)
    await office.room.fan_out()
    office.store.write_now(lambda tx: tx.remove_task(gone.id))
    await office.round()
    told = {url: json.loads(body)["has_film"] for url, _, body in office.receivers.got}
    assert told == {HOOK: True, DEAD: False}
    assert kept.id != gone.id


async def test_two_mailrooms_share_the_work_and_double_nothing() -> None:
    first = Office()
    second = Office(first.store)
    for _ in range(10):
        first.end(callback_url=HOOK)
    await asyncio.gather(first.room.fan_out(), second.room.fan_out())
    theirs = [*await first.room.take_due(), *await second.room.take_due()]
    assert len(theirs) == len({post.event_id for post in theirs}) == 10
    assert await second.room.take_due() == []


async def test_a_mailroom_that_dies_after_posting_posts_again_under_the_same_id() -> None:
    office = Office()
    office.end(callback_url=HOOK)
    await office.room.fan_out()
    (held,) = await office.room.take_due()
    await office.receivers.post(HOOK, {"webhook-id": held.event_id}, b"")  # and here it dies
    office.room.places = Places()
    assert await office.round() == []
    office.clock.set(NOON + HOLD)
    assert len(await office.round()) == 1
    assert len({headers["webhook-id"] for _, headers, _ in office.receivers.got}) == 1
    assert office.post.state is PostState.DELIVERED


async def test_a_mailroom_that_lost_a_post_does_not_put_it_off() -> None:
    """Its failure is in the log; when it is tried next is the business of whoever has it."""
    office = Office()
    office.receivers.hangs.add(HOOK)
    office.receivers.answers[HOOK] = 500
    office.end(callback_url=HOOK)
    await office.room.fan_out()
    (mine,) = await office.room.take_due()
    attempt = asyncio.create_task(office.room.attempt(mine))
    await office.receivers.heard(1)
    office.clock.set(NOON + HOLD)
    other = Office(office.store)
    other.clock.set(NOON + HOLD)
    (theirs,) = await other.room.take_due()
    office.receivers.hanging.set()
    await attempt
    assert office.post == theirs


async def test_a_dead_receiver_holds_nothing_but_its_own_places() -> None:
    office = Office()
    office.receivers.hangs.add(DEAD)
    for _ in range(150):
        office.end(callback_url=DEAD)
    while await office.room.fan_out():
        pass
    office.clock.advance(1)
    office.end(callback_url=HOOK)
    attempts = [
        asyncio.create_task(office.room.attempt(post)) for post in await office.room.take_due()
    ]
    await office.receivers.heard(len(attempts))
    assert set(office.receivers.urls) == {DEAD}
    assert len(attempts) == office.room.places.per_origin
    assert [post.url for post in await office.round()] == [HOOK]
    office.receivers.hanging.set()
    await asyncio.gather(*attempts)
    assert office.room.places.free_count == office.room.places.total


async def test_one_account_leaves_places_for_the_others() -> None:
    office = Office()
    office.room.places = Places(total=4, per_origin=1, per_account=2)
    for n in range(5):
        office.end(callback_url=f"https://r{n}.example/")
    other = office.end(callback_url=HOOK, account_id="acct_other")
    await office.room.fan_out()
    first = await office.room.take_due()
    assert len([post for post in first if post.account_id != other.account_id]) == 2
    assert len([post for post in first if post.account_id == other.account_id]) == 1


async def test_an_endpoint_that_took_nothing_for_days_is_disabled() -> None:
    office = Office()
    failing = replace(ENDPOINT, failing_since=NOON - timedelta(days=5))
    office.store.write_now(lambda tx: tx.add_endpoint(failing))
    office.receivers.answers[ENDPOINT.url] = 500
    office.end()
    structlog.reset_defaults()  # another test's server may have wished for fewer words
    with capture_logs() as logs:
        await office.round()
    lines = [line for line in logs if line["log_level"] == "warning"]
    assert [(line["event"], line["endpoint"]) for line in lines] == [
        ("a webhook endpoint was disabled", ENDPOINT.id)
    ]
    found = office.store.read_now(lambda tx: tx.endpoint(ENDPOINT.id))
    assert found is not None
    assert found.disabled_at == NOON
    office.clock.advance(60)
    office.end()
    await office.round()
    assert len(office.receivers.got) == 1
    assert {post.state for post in office.posts()} == {PostState.DEAD}


async def test_a_post_to_an_endpoint_that_was_removed_ends() -> None:
    office = Office()
    office.store.write_now(lambda tx: tx.add_endpoint(ENDPOINT))
    office.end()
    await office.room.fan_out()
    office.store.write_now(lambda tx: tx.remove_endpoint(ENDPOINT.id))
    await office.round()
    assert (office.post.state, office.receivers.got) == (PostState.DEAD, [])


async def test_a_dead_post_can_be_delivered_again_from_its_beginning() -> None:
    office = Office()
    office.receivers.answers[HOOK] = 410
    office.end(callback_url=HOOK)
    await office.round()
    del office.receivers.answers[HOOK]
    office.clock.advance(3 * 86400)
    dead = office.post
    fresh = begun_again(dead, office.clock.now())
    office.store.write_now(lambda tx: tx.change_post(dead, fresh))
    await office.round()
    assert office.post.state is PostState.DELIVERED
    log = office.store.read_now(lambda tx: tx.deliveries(dead.event_id, HOOK))
    assert [one.attempt for one in log] == [1, 2]


async def test_a_bug_of_ours_is_an_attempt_that_failed_and_is_told() -> None:
    office = Office()

    def broken(news: News, has_film: bool, at: datetime) -> bytes:
        raise ValueError("no such word")

    office.room.write_body = broken
    office.end(callback_url=HOOK)
    await office.round()
    assert office.post.attempt_count == 1
    assert "fault of this server" in office.post.note
    assert office.room.places.free_count == office.room.places.total


async def test_what_ended_a_month_ago_is_forgotten() -> None:
    office = Office()
    office.end(callback_url=HOOK)
    await office.round()
    office.clock.advance(29 * 86400)
    assert await office.room.sweep() == 0
    office.clock.advance(2 * 86400)
    assert await office.room.sweep() == 1
    assert office.posts() == []


def test_a_secret_is_made_once_and_signs_what_follows() -> None:
    office = Office()
    office.end(callback_url=HOOK)
    asyncio.run(office.round())
    made = office.store.read_now(lambda tx: tx.webhook_secret(ACCOUNT_ID))
    office.end(callback_url=HOOK)
    asyncio.run(office.round())
    assert made is not None
    assert office.store.read_now(lambda tx: tx.webhook_secret(ACCOUNT_ID)) == made
