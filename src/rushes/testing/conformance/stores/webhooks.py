"""Checks of webhooks: posts are made once, held by one, and their ends are kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rushes.domain.task import Status
from rushes.domain.webhooks import (
    Answered,
    Endpoint,
    News,
    Post,
    PostState,
    WebhookSecret,
    after_attempt,
    begun_again,
)
from rushes.ports import Transaction
from rushes.testing.builders import ACCOUNT_ID, NOON
from rushes.testing.conformance.stores.subject import Subject, later

HOOK = "https://caller.example/hook"
OTHER = "https://other.example/hook"
GOOD = Answered.of(204)
BAD = Answered.of(500)
ENDPOINT = Endpoint("ep_1", ACCOUNT_ID, HOOK, NOON)
SECRET = WebhookSecret(ACCOUNT_ID, "whsec_b25l", NOON)
OTHER_SECRET = "whsec_dHdv"  # noqa: S105 -- signs nothing


async def _news(subject: Subject, status: Status = Status.FAILED, **born: object) -> News:
    """Let a task end, and return what that left in the outbox."""
    task = await subject.put(status, **born)
    unposted = await subject.ask(Transaction.unposted, 100)
    (news,) = [one for one in unposted if one.task_id == task.id]
    return news


async def _posted(subject: Subject, *urls: str) -> list[Post]:
    """Let a task end and its event be posted to some addresses, all due at noon."""
    news = await _news(subject)
    posts = [Post(news.event_id, url, news.task_id, news.account_id, NOON, NOON) for url in urls]
    assert await subject.do(Transaction.post, news, posts, at=NOON)
    return posts


async def an_end_waits_in_the_outbox_until_it_is_posted(subject: Subject) -> None:
    """What a task ended with, and where it is to be told, is there to be read."""
    task = await subject.put(Status.FAILED, callback_url=HOOK)
    (news,) = await subject.ask(Transaction.unposted, 10)
    assert (news.task_id, news.account_id, news.type) == (task.id, task.account_id, "video.failed")
    assert (news.callback_url, news.failure) == (HOOK, task.failure)
    assert await subject.ask(Transaction.news, news.event_id) == news
    assert await subject.do(Transaction.post, news, [], at=NOON)
    assert await subject.ask(Transaction.unposted, 10) == []
    assert await subject.ask(Transaction.news, news.event_id) == news


async def a_finished_film_leaves_no_failure_in_the_outbox(subject: Subject) -> None:
    """A film that is there is told as completed, a canceled task as canceled."""
    film = await _news(subject, Status.SUCCEEDED)
    assert (film.type, film.failure) == ("video.completed", None)
    assert (await _news(subject, Status.CANCELED)).type == "video.canceled"


async def the_outbox_is_read_from_its_oldest_end(subject: Subject) -> None:
    """A limit takes the oldest events first."""
    found = [await _news(subject) for _ in range(3)]
    by_age = sorted(found, key=lambda news: (news.created_at, news.event_id))
    assert await subject.ask(Transaction.unposted, 2) == by_age[:2]


async def an_event_that_is_passed_over_gets_no_posts(subject: Subject) -> None:
    """Nobody wants to hear of it; what others want to hear of still waits."""
    first, second, third = [await _news(subject) for _ in range(3)]
    await subject.do(Transaction.pass_over, [first.event_id, third.event_id, "evt_none"], at=NOON)
    assert await subject.ask(Transaction.unposted, 10) == [second]
    post = Post(first.event_id, HOOK, first.task_id, first.account_id, NOON, NOON)
    assert not await subject.do(Transaction.post, first, [post], at=NOON)
    await subject.do(Transaction.pass_over, [], at=NOON)
    assert await subject.ask(Transaction.unposted, 10) == [second]


async def posts_of_an_event_are_made_once(subject: Subject) -> None:
    """The second who fans an event out makes nothing."""
    news = await _news(subject)
    post = Post(news.event_id, HOOK, news.task_id, news.account_id, NOON, NOON)
    assert await subject.do(Transaction.post, news, [post], at=NOON)
    assert not await subject.do(Transaction.post, news, [replace(post, url=OTHER)], at=NOON)
    assert await subject.ask(Transaction.posts_of, news.event_id) == [post]


async def a_post_is_due_at_its_time(subject: Subject) -> None:
    """Not a moment before; the longest waiting comes first."""
    (first,) = await _posted(subject, HOOK)
    (second,) = await _posted(subject, OTHER)
    assert await subject.ask(Transaction.due_posts, later(seconds=-1), 10) == []
    held = await subject.do(Transaction.hold_post, first, later(seconds=60))
    assert await subject.ask(Transaction.due_posts, NOON, 10) == [second]
    assert await subject.ask(Transaction.due_posts, later(seconds=60), 10) == [second, held]
    assert await subject.ask(Transaction.due_posts, later(seconds=60), 1) == [second]


async def a_full_origin_or_account_keeps_no_other_waiting(subject: Subject) -> None:
    """Posts to origins and of accounts that are named are passed over, and no others."""
    near = "https://caller.example.net/hook"
    posts = await _posted(subject, HOOK, "https://caller.example", "https://caller.example?a", near)
    found = await subject.read(
        lambda tx: tx.due_posts(NOON, 10, origins=["https://caller.example"])
    )
    assert found == [posts[-1]]
    assert await subject.read(lambda tx: tx.due_posts(NOON, 10, accounts=[ACCOUNT_ID])) == []
    assert len(await subject.read(lambda tx: tx.due_posts(NOON, 10, accounts=["acct_x"]))) == 4


async def of_two_who_take_a_post_one_has_it(subject: Subject) -> None:
    """It is due again when its time is over, and then another may take it."""
    (post,) = await _posted(subject, HOOK)
    held = await subject.do(Transaction.hold_post, post, later(seconds=60))
    assert held == replace(post, due_at=later(seconds=60))
    assert await subject.do(Transaction.hold_post, post, later(seconds=60)) is None
    again = await subject.do(Transaction.hold_post, held, later(seconds=120))
    assert again == replace(post, due_at=later(seconds=120))


async def a_post_that_another_took_over_is_not_put_off(subject: Subject) -> None:
    """Whoever lost a post writes no failure into it; that it was delivered is written."""
    (post,) = await _posted(subject, HOOK)
    mine = await subject.do(Transaction.hold_post, post, later(seconds=60))
    assert mine is not None
    theirs = await subject.do(Transaction.hold_post, mine, later(seconds=120))
    failed = after_attempt(mine, BAD, later(seconds=61), 0.5)
    assert not await subject.do(Transaction.change_post, mine, failed)
    assert await subject.ask(Transaction.posts_of, post.event_id) == [theirs]
    done = after_attempt(mine, GOOD, later(seconds=61), 0.5)
    assert await subject.do(Transaction.change_post, mine, done)
    assert await subject.ask(Transaction.posts_of, post.event_id) == [done]
    assert not await subject.do(Transaction.change_post, mine, done)
    assert await subject.ask(Transaction.due_posts, later(minutes=9), 10) == []


async def an_ended_post_begins_again_once(subject: Subject) -> None:
    """Of two who ask for it again, the second finds it under way."""
    (post,) = await _posted(subject, HOOK)
    dead = replace(post, state=PostState.DEAD, due_at=None, ended_at=NOON, attempt_count=11)
    assert await subject.do(Transaction.change_post, post, dead)
    fresh = begun_again(dead, later(minutes=1))
    assert await subject.do(Transaction.change_post, dead, fresh)
    assert not await subject.do(Transaction.change_post, dead, fresh)
    assert await subject.ask(Transaction.due_posts, later(minutes=1), 10) == [fresh]


async def attempts_are_numbered_from_one(subject: Subject) -> None:
    """Every attempt is kept, by address; another address has numbers of its own."""
    post, other = await _posted(subject, HOOK, OTHER)
    await subject.do(Transaction.add_delivery, post, Answered(None, "nobody there"), at=NOON)
    await subject.do(Transaction.add_delivery, post, GOOD, at=later(seconds=5))
    await subject.do(Transaction.add_delivery, other, BAD, at=NOON)
    found = await subject.ask(Transaction.deliveries, post.event_id, HOOK)
    assert [(one.attempt, one.http_status, one.note, one.at) for one in found] == [
        (1, None, "nobody there", NOON),
        (2, 204, "answered 204", later(seconds=5)),
    ]
    assert len(await subject.ask(Transaction.deliveries, post.event_id, OTHER)) == 1


async def posts_are_listed_by_their_state(subject: Subject) -> None:
    """The newest event first, all its addresses together; a page goes on before the last."""
    a, b = await _posted(subject, HOOK, OTHER)
    (c,) = await _posted(subject, HOOK)
    dead = replace(b, state=PostState.DEAD, due_at=None, ended_at=NOON)
    assert await subject.do(Transaction.change_post, b, dead)
    newest_first = sorted([a, dead, c], key=lambda post: post.event_id, reverse=True)
    assert await subject.ask(Transaction.posts, 10) == newest_first
    assert await subject.read(lambda tx: tx.posts(10, state=PostState.DEAD)) == [dead]
    assert await subject.read(lambda tx: tx.posts(10, before=newest_first[0].event_id)) == [
        post for post in newest_first if post.event_id < newest_first[0].event_id
    ]


async def what_ended_long_ago_is_forgotten_with_its_attempts(subject: Subject) -> None:
    """What waits stays, and what ended since; a limit takes the oldest ends."""
    old, young, waiting = await _posted(subject, HOOK, OTHER, "https://third.example/")
    for post, at in ((old, NOON), (young, later(minutes=5))):
        ended = replace(post, state=PostState.DELIVERED, due_at=None, ended_at=at)
        assert await subject.do(Transaction.change_post, post, ended)
        await subject.do(Transaction.add_delivery, post, GOOD, at=at)
    assert await subject.do(Transaction.forget_posts, later(minutes=5), 10) == 1
    left = await subject.ask(Transaction.posts_of, old.event_id)
    assert [post.url for post in left] == [young.url, waiting.url]
    assert await subject.ask(Transaction.deliveries, old.event_id, old.url) == []
    assert len(await subject.ask(Transaction.deliveries, old.event_id, young.url)) == 1
    assert await subject.do(Transaction.forget_posts, later(minutes=6), 0) == 0


async def endpoints_are_listed_by_account_and_birth(subject: Subject) -> None:
    """One that is removed is gone, and removing it again says so."""
    second = replace(ENDPOINT, id="ep_2", url=OTHER, created_at=later(seconds=1))
    foreign = replace(ENDPOINT, id="ep_0", account_id="acct_x")
    for one in (second, foreign, ENDPOINT):
        await subject.do(Transaction.add_endpoint, one)
    assert await subject.ask(Transaction.endpoints, ACCOUNT_ID) == [ENDPOINT, second]
    assert await subject.ask(Transaction.endpoints) == [foreign, ENDPOINT, second]
    assert await subject.ask(Transaction.endpoint, "ep_2") == second
    assert await subject.do(Transaction.remove_endpoint, "ep_2")
    assert not await subject.do(Transaction.remove_endpoint, "ep_2")
    assert await subject.ask(Transaction.endpoint, "ep_2") is None


async def how_an_endpoint_fares_is_written_once(subject: Subject) -> None:
    """Who read it before a change changes nothing."""
    await subject.do(Transaction.add_endpoint, ENDPOINT)
    failing = replace(ENDPOINT, failing_since=NOON)
    assert await subject.do(Transaction.change_endpoint, ENDPOINT, failing)
    assert not await subject.do(Transaction.change_endpoint, ENDPOINT, failing)
    disabled = replace(failing, disabled_at=later(minutes=1), note="long silent")
    assert await subject.do(Transaction.change_endpoint, failing, disabled)
    assert await subject.ask(Transaction.endpoint, ENDPOINT.id) == disabled


async def an_account_has_one_secret_from_first_use_on(subject: Subject) -> None:
    """Two who make it at once get the same; another account has its own."""
    assert await subject.ask(Transaction.webhook_secret, ACCOUNT_ID) is None
    other = replace(SECRET, secret=OTHER_SECRET)
    assert await subject.do(Transaction.keep_webhook_secret, SECRET) == SECRET
    assert await subject.do(Transaction.keep_webhook_secret, other) == SECRET
    foreign = replace(other, account_id="acct_x")
    assert await subject.do(Transaction.keep_webhook_secret, foreign) == foreign
    assert await subject.ask(Transaction.webhook_secret, ACCOUNT_ID) == SECRET


async def a_rotation_is_written_once(subject: Subject) -> None:
    """Of two who rotate the same secret, one does."""
    await subject.do(Transaction.keep_webhook_secret, SECRET)
    after = SECRET.rotated(NOON, previous_for=timedelta(hours=24))
    assert await subject.do(Transaction.change_webhook_secret, SECRET, after)
    assert not await subject.do(Transaction.change_webhook_secret, SECRET, after)
    assert await subject.ask(Transaction.webhook_secret, ACCOUNT_ID) == after
