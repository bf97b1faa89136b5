"""Checks of the callers' side: first answers under their keys, API keys, and heartbeats."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest

from rushes.domain.access import Account, Limits, Scope
from rushes.ports import IntegrityFault, Transaction
from rushes.testing.builders import ACCOUNT_ID, NOON, a_key, a_task, an_answer
from rushes.testing.conformance.stores.subject import Subject, later

ROUTE = "/v1/videos"


async def an_answer_is_given_again(subject: Subject) -> None:
    """A repeat under the same key gets the first answer, byte for byte."""
    answer = an_answer(a_task(), key="ü \x01", body=b"\x00\xff{}", headers={"b": "2", "a": ""})
    await subject.do(Transaction.add_answer, answer, since=NOON)
    assert await subject.ask(Transaction.answer, ACCOUNT_ID, ROUTE, "ü \x01", NOON) == answer


async def a_key_is_used_once_per_account_and_route(subject: Subject) -> None:
    """The same key elsewhere is another key; in the same scope it is taken."""
    first = an_answer(a_task(), key="k")
    await subject.do(Transaction.add_answer, first, since=NOON)
    for other in (
        an_answer(a_task(), key="k", account_id="acct_" + "b" * 32),
        an_answer(a_task(), key="k", route="/v1/generations"),
        an_answer(a_task(), key="K"),
        an_answer(a_task(), key=""),
    ):
        await subject.do(Transaction.add_answer, other, since=NOON)
        assert other.key is not None
        found = await subject.ask(
            Transaction.answer, other.account_id, other.route, other.key, NOON
        )
        assert found == other
    with pytest.raises(IntegrityFault):
        await subject.do(Transaction.add_answer, an_answer(a_task(), key="k"), since=NOON)
    assert await subject.ask(Transaction.answer, ACCOUNT_ID, ROUTE, "k", NOON) == first


async def answers_without_a_key_do_not_collide(subject: Subject) -> None:
    """None is no key: any number of creates goes without one."""
    answers = [an_answer(a_task(), key=None) for _ in range(3)]
    for answer in answers:
        await subject.do(Transaction.add_answer, answer, since=NOON)
    for answer in answers:
        found = await subject.ask(Transaction.recent_answer, ACCOUNT_ID, ROUTE, answer.digest, NOON)
        assert found == answer


async def one_task_has_one_answer(subject: Subject) -> None:
    """A second answer for the same task is refused, under whatever key."""
    task = a_task()
    await subject.do(Transaction.add_answer, an_answer(task), since=NOON)
    with pytest.raises(IntegrityFault):
        await subject.do(Transaction.add_answer, an_answer(task), since=NOON)


async def a_key_is_free_again_after_its_time(subject: Subject) -> None:
    """What is older than `since` is not found, and makes room; at `since` it still counts."""
    first = an_answer(a_task(), key="k", created_at=NOON)
    await subject.do(Transaction.add_answer, first, since=NOON)
    past = later(seconds=0.000001)
    assert await subject.ask(Transaction.answer, ACCOUNT_ID, ROUTE, "k", NOON) == first
    assert await subject.ask(Transaction.answer, ACCOUNT_ID, ROUTE, "k", past) is None
    second = an_answer(a_task(), key="k", created_at=later(minutes=1))
    with pytest.raises(IntegrityFault):
        await subject.do(Transaction.add_answer, second, since=NOON)
    await subject.do(Transaction.add_answer, second, since=past)
    assert await subject.ask(Transaction.answer, ACCOUNT_ID, ROUTE, "k", NOON) == second
    found = await subject.ask(Transaction.recent_answer, ACCOUNT_ID, ROUTE, first.digest, NOON)
    assert found is None


async def making_room_takes_nothing_from_others(subject: Subject) -> None:
    """An old answer under the same key of another account or route is not in the way."""
    others = [
        an_answer(a_task(), key="k", account_id="acct_" + "b" * 32),
        an_answer(a_task(), key="k", route="/v1/generations"),
        an_answer(a_task(), key="K"),
        an_answer(a_task(), key=None),
    ]
    for other in others:
        await subject.do(Transaction.add_answer, other, since=NOON)
    young = an_answer(a_task(), key="k", created_at=later(minutes=9))
    await subject.do(Transaction.add_answer, young, since=later(minutes=5))
    for other in (*others, young):
        found = await subject.ask(
            Transaction.recent_answer, other.account_id, other.route, other.digest, NOON
        )
        assert found == other


async def the_newest_answer_to_the_same_body_is_found(subject: Subject) -> None:
    """Of equal bodies of one account and route within the window, the latest counts."""
    digest = b"\x01" * 32
    answers = [
        an_answer(a_task(), digest=digest, created_at=later(minutes=minutes), key=key)
        for minutes, key in ((2, None), (5, "k"), (5, None), (1, None))
    ]
    elsewhere = [
        an_answer(a_task(), digest=b"\x02" * 32, created_at=later(minutes=9)),
        an_answer(a_task(), digest=digest, account_id="acct_b", created_at=later(minutes=9)),
        an_answer(a_task(), digest=digest, route="/v1/else", created_at=later(minutes=9)),
    ]
    for answer in (*answers, *elsewhere):
        await subject.do(Transaction.add_answer, answer, since=NOON)
    for minutes, expected in ((0, answers[2]), (5, answers[2]), (6, None)):
        found = await subject.ask(
            Transaction.recent_answer, ACCOUNT_ID, ROUTE, digest, later(minutes=minutes)
        )
        assert found == expected


async def old_answers_are_forgotten_oldest_first(subject: Subject) -> None:
    """A sweep takes at most its limit, and says how many it took."""
    answers = [
        an_answer(a_task(), created_at=later(minutes=minutes), key=f"k{minutes}")
        for minutes in (4, 1, 3, 2)
    ]
    for answer in answers:
        await subject.do(Transaction.add_answer, answer, since=NOON)
    for before, limit, count, left in (
        (1, 9, 0, {1, 2, 3, 4}),
        (4, 2, 2, {3, 4}),
        (4, 9, 1, {4}),
        (5, 0, 0, {4}),
        (5, 9, 1, set()),
    ):
        taken = await subject.do(Transaction.forget_answers, later(minutes=before), limit)
        assert taken == count
        for minutes in range(1, 5):
            key = f"k{minutes}"
            found = await subject.ask(Transaction.answer, ACCOUNT_ID, ROUTE, key, NOON)
            assert (found is not None) is (minutes in left)


async def a_key_is_read_back_whole(subject: Subject) -> None:
    """Keys are found by their digest, revoked and expired ones too, and listed by birth."""
    full = a_key(
        name="Zoë",
        scopes=frozenset({Scope.READ}),
        models=frozenset({"wan", "sora"}),
        expires_at=later(minutes=1),
        revoked_at=later(minutes=2),
        networks=(ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")),
        limits=Limits(requests_per_s=1, submits_per_minute=2, in_flight_max=3, queued_max=0),
        replaced_by="key_1",
    )
    bare = a_key(created_at=later(minutes=-1))
    none = a_key(scopes=frozenset(), models=frozenset(), account_id="acct_" + "b" * 32)
    for key in (full, bare, none):
        await subject.do(Transaction.add_key, key)
        assert await subject.ask(Transaction.key_by_digest, key.digest) == key
    assert await subject.ask(Transaction.keys) == [bare, full, none]
    assert await subject.ask(Transaction.key_by_digest, b"\x00" * 32) is None


async def a_key_is_changed_as_it_was_seen(subject: Subject) -> None:
    """What a key is stays; what it may changes, for whoever saw it as it is."""
    key = a_key()
    await subject.do(Transaction.add_key, key)
    version = await subject.ask(Transaction.key_version)
    after = replace(
        key,
        name="another",
        scopes=frozenset(Scope),
        models=frozenset(),
        expires_at=later(minutes=9),
        networks=(ip_network("192.0.2.7/32"),),
        limits=Limits(queued_max=9),
        replaced_by="key_2",
    )
    elsewhere = replace(
        after, account_id="acct_b", digest=b"\1" * 32, prefix="sk-", created_at=NOON
    )
    assert await subject.do(Transaction.change_key, key, elsewhere)
    assert await subject.ask(Transaction.key, key.id) == after
    assert await subject.ask(Transaction.key_version) != version
    assert not await subject.do(Transaction.change_key, key, key)
    assert await subject.ask(Transaction.keys) == [after]
    assert await subject.ask(Transaction.key, "key_unknown") is None


async def an_account_is_read_with_its_keys(subject: Subject) -> None:
    """Its limits and its end count for every key of it."""
    account = Account(ACCOUNT_ID, "films", NOON, limits=Limits(in_flight_max=3))
    await subject.do(Transaction.add_account, account)
    key, foreign = a_key(), a_key(account_id="acct_b")
    for one in (key, foreign):
        await subject.do(Transaction.add_key, one)
    mine = replace(key, account_limits=account.limits)
    assert await subject.ask(Transaction.keys) == [mine, foreign]
    version = await subject.ask(Transaction.key_version)
    closed = replace(account, name="past", limits=Limits(), closed_at=later(minutes=9))
    assert await subject.do(Transaction.change_account, account, closed)
    assert not await subject.do(Transaction.change_account, account, account)
    assert await subject.ask(Transaction.key_version) != version
    found = await subject.ask(Transaction.key_by_digest, key.digest)
    assert found == replace(key, is_closed=True)
    assert await subject.ask(Transaction.account, ACCOUNT_ID) == closed
    assert [one.id for one in await subject.ask(Transaction.accounts)] == [ACCOUNT_ID, "acct_b"]
    assert await subject.ask(Transaction.account, "acct_unknown") is None
    with pytest.raises(IntegrityFault):
        await subject.do(Transaction.add_account, account)
    for standing in (account, Account("acct_new", "new", NOON)):
        await subject.do(Transaction.see_to_account, standing)
    assert await subject.ask(Transaction.account, ACCOUNT_ID) == closed
    assert await subject.ask(Transaction.account, "acct_new") is not None


async def a_secret_makes_one_key(subject: Subject) -> None:
    """Neither digest nor id is used twice; a refused key changes nothing."""
    key = a_key()
    await subject.do(Transaction.add_key, key)
    version = await subject.ask(Transaction.key_version)
    for other in (a_key(digest=key.digest), a_key(id=key.id)):
        with pytest.raises(IntegrityFault):
            await subject.do(Transaction.add_key, other)
    assert await subject.ask(Transaction.keys) == [key]
    assert await subject.ask(Transaction.key_version) == version


async def a_key_is_revoked_once(subject: Subject) -> None:
    """The first revocation stands; a second, or of an unknown key, is told as such."""
    key, other = a_key(), a_key()
    for one in (key, other):
        await subject.do(Transaction.add_key, one)
    at = later(minutes=1)
    assert await subject.do(Transaction.revoke_key, key.id, at)
    assert not await subject.do(Transaction.revoke_key, key.id, later(minutes=2))
    assert not await subject.do(Transaction.revoke_key, "key_unknown", at)
    assert await subject.ask(Transaction.keys) == [replace(key, revoked_at=at), other]


async def the_key_version_tells_of_every_change(subject: Subject) -> None:
    """Each change to any key makes a number never seen before; nothing else does."""
    versions = [await subject.ask(Transaction.key_version)]

    async def note() -> int:
        versions.append(await subject.ask(Transaction.key_version))
        return len(set(versions))

    key = a_key()
    await subject.do(Transaction.add_key, key)
    assert await note() == 2
    await subject.do(Transaction.add_key, a_key())
    assert await note() == 3
    await subject.do(Transaction.revoke_key, key.id, NOON)
    assert await note() == 4
    await subject.do(Transaction.revoke_key, key.id, NOON)
    await subject.put()
    assert await note() == 4


async def a_heartbeat_may_come_again(subject: Subject) -> None:
    """The first beat and every later one are the same verb."""
    for _ in range(3):
        await subject.do(Transaction.beat, "worker-1")
    await subject.do(Transaction.beat, "worker-2")
    assert await subject.ask(Transaction.executor_count, 60.0) == 2
    await subject.do(Transaction.retire, "worker-1")
    assert await subject.ask(Transaction.executor_count, 60.0) == 1


async def an_account_s_turns_lie_apart_from_where_the_queue_stands(subject: Subject) -> None:
    """Whoever comes with thousands is not before one that comes with its first."""
    turns = [await subject.do(Transaction.take_turn, "gpu", "many", 60) for _ in range(3)]
    assert turns == [60, 120, 180]
    assert await subject.do(Transaction.take_turn, "gpu", "one", 60) == 60
    assert await subject.do(Transaction.take_turn, "gpu", "quick", 30) == 30
    assert await subject.do(Transaction.take_turn, "other", "many", 60) == 60
    assert await subject.ask(Transaction.turn_queues) == ["gpu", "other"]
