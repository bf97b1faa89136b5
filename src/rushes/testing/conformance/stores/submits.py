"""Checks of the submit ledger: evidence that nobody may lose, and nobody may overwrite."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rushes.domain.errors import Reason
from rushes.domain.submit import PERHAPS_PAID, Submit, Verdict
from rushes.domain.task import FINAL, Status
from rushes.ports import IntegrityFault, Transaction
from rushes.testing.builders import NOON, WORK_ID, a_submit, a_task, answered
from rushes.testing.conformance.stores.subject import Subject, later


async def a_submit_is_read_back_whole(subject: Subject) -> None:
    """Every column, in every state of knowledge, comes back as it was written."""
    task = a_task(Status.RUNNING)
    bare = a_submit(task)
    full = Submit(
        task_id=task.id,
        n=2,
        provider="own-gpu",
        upstream_model="Wan-AI/Wan2.2",
        credential="file:/run/secrets/key",
        token="5" * 32,
        is_billable=False,
        epoch=3,
        intent_at=later(seconds=0.000001),
        verdict=Verdict.LATE,
        answered_at=later(minutes=1),
        ticket={"id": "ü", "deep": {"list": [1, 2.5, None]}},
        film={"url": "https://films.test/?sig=1"},
        usage={"seconds": 5, "microusd": 10**14},
        reason=Reason.TIMED_OUT,
        note="späte Antwort",
        missing_count=2,
        missing_since=later(minutes=2),
        next_try_at=later(minutes=3),
        look_at=later(minutes=4),
        look_count=5,
        is_cancel_told=True,
    )
    await subject.do(Transaction.add_submit, full)
    await subject.do(Transaction.add_submit, bare)
    kept = await subject.ask(Transaction.submits, task.id)
    assert kept == [bare, full]
    assert all(type(one.is_cancel_told) is type(one.is_billable) is bool for one in kept)
    assert await subject.ask(Transaction.submits, "nobody") == []


async def an_intent_is_written_once(subject: Subject) -> None:
    """A second intent under the same number is refused: two workers cannot both call."""
    submit = a_submit()
    await subject.do(Transaction.add_submit, submit)
    with pytest.raises(IntegrityFault):
        await subject.do(Transaction.add_submit, replace(submit, provider="another"))
    assert await subject.ask(Transaction.submits, submit.task_id) == [submit]


async def what_is_known_replaces_what_was_expected(subject: Subject) -> None:
    """A change is written if the verdict is still one of those expected, and not otherwise."""
    for now in Verdict:
        for expected in Verdict:
            submit = a_submit(a_task(Status.SUBMITTING), now)
            await subject.do(Transaction.add_submit, submit)
            learned = replace(answered(submit, Verdict.LOST), note="learned", look_count=9)
            done = await subject.do(Transaction.change_submit, learned, frozenset({expected}))
            assert done is (now is expected)
            found = await subject.ask(Transaction.submits, submit.task_id)
            assert found == [learned if done else submit]


async def evidence_is_taken_from_anyone(subject: Subject) -> None:
    """A worker that lost its task still knows what was paid: no epoch fences a submit (P11)."""
    task = await subject.put(Status.SUBMITTING)
    submit = (await subject.ask(Transaction.submits, task.id))[0]
    await subject.do(Transaction.take, task.id, frozenset({Status.SUBMITTING}), WORK_ID)
    accepted = answered(submit, Verdict.ACCEPTED)
    expected = frozenset({Verdict.INTENT, Verdict.DOUBT})
    assert await subject.do(Transaction.change_submit, accepted, expected)
    await subject.do(Transaction.remove_task, task.id)
    late = answered(accepted, Verdict.LATE)
    assert await subject.do(Transaction.change_submit, late, frozenset({Verdict.ACCEPTED}))
    assert await subject.ask(Transaction.submits, task.id) == [late]


async def a_change_needs_a_row_and_an_expectation(subject: Subject) -> None:
    """An unknown number and an empty expectation change nothing."""
    submit = a_submit()
    await subject.do(Transaction.add_submit, submit)
    every = frozenset(Verdict)
    assert not await subject.do(Transaction.change_submit, replace(submit, n=2), every)
    assert not await subject.do(Transaction.change_submit, replace(submit, task_id="no"), every)
    assert not await subject.do(Transaction.change_submit, submit, frozenset())
    assert await subject.ask(Transaction.submits, submit.task_id) == [submit]


async def a_ticket_belongs_to_one_submit(subject: Subject) -> None:
    """`find` may hand over someone else's ticket: the same ticket at the same provider tells."""
    ticket = {"id": "abc", "region": {"b": 1, "a": 2}}
    holder = a_submit(verdict=Verdict.ACCEPTED, ticket=ticket, provider="ark")
    await subject.do(Transaction.add_submit, holder)
    claim = a_submit(ticket={"region": {"a": 2, "b": 1}, "id": "abc"}, provider="ark")
    for other, is_known in (
        (claim, True),
        (replace(claim, task_id=holder.task_id, n=2), True),
        (holder, False),
        (replace(claim, provider="ark-eu"), False),
        (replace(claim, ticket={**ticket, "id": "abd"}), False),
        (replace(claim, ticket={"id": "abc"}), False),
        (replace(claim, ticket=None), False),
    ):
        assert await subject.ask(Transaction.is_ticket_known, other) is is_known


async def submits_without_a_ticket_are_no_twins(subject: Subject) -> None:
    """Two intents have no ticket in common."""
    await subject.do(Transaction.add_submit, a_submit())
    assert not await subject.ask(Transaction.is_ticket_known, a_submit())


async def submits_of_one_route_that_have_no_answer_are_known(subject: Subject) -> None:
    """Intents and doubts of others, to the same route, from an instant on; each task once."""
    mine = a_submit(provider="gpu", upstream_model="wan", verdict=Verdict.DOUBT)
    others = [
        replace(a_submit(provider="gpu", upstream_model="wan"), verdict=verdict)
        for verdict in Verdict
    ]
    asked = [other for other in others if other.verdict in {Verdict.INTENT, Verdict.DOUBT}]
    again = replace(asked[0], n=2)
    elsewhere = [a_submit(provider="ark", upstream_model="wan"), a_submit(provider="gpu")]
    early = a_submit(provider="gpu", upstream_model="wan", intent_at=later(minutes=-1))
    for submit in (mine, replace(mine, n=2), *others, again, *elsewhere, early):
        await subject.do(Transaction.add_submit, submit)
    found = await subject.ask(Transaction.unanswered, mine, later(), 9)
    assert found == sorted(other.task_id for other in asked)
    assert await subject.ask(Transaction.unanswered, mine, later(), 1) == found[:1]
    from_before = await subject.ask(Transaction.unanswered, mine, later(minutes=-1), 9)
    assert from_before == sorted([early.task_id, *found])


async def the_keeper_looks_at_the_oldest_first(subject: Subject) -> None:
    """Rows whose time has come, at the very instant included, in order, up to a limit."""
    submits = [a_submit(look_at=later(minutes=minutes)) for minutes in (3, 1, 2, 1)]
    for submit in (*submits, a_submit(look_at=None)):
        await subject.do(Transaction.add_submit, submit)
    in_order = [submits[place] for place in (1, 3, 2, 0)]
    for minutes, count in ((0, 0), (1, 2), (2, 3), (9, 4)):
        found = await subject.ask(Transaction.submits_to_look_at, later(minutes=minutes), 9)
        assert found == in_order[:count]
    assert await subject.ask(Transaction.submits_to_look_at, later(minutes=9), 3) == in_order[:3]


async def a_submit_in_hand_is_nobody_else_s(subject: Subject) -> None:
    """Of two who saw it due one gets it; it is due again when the time is up."""
    submit = a_submit(look_at=NOON)
    await subject.do(Transaction.add_submit, submit)
    until = later(minutes=2)
    held = await subject.do(Transaction.hold_submit, submit, until)
    assert held == replace(submit, look_at=until)
    assert await subject.do(Transaction.hold_submit, submit, until) is None
    assert await subject.ask(Transaction.submits_to_look_at, later(minutes=1), 9) == []
    assert await subject.ask(Transaction.submits_to_look_at, until, 9) == [held]
    changed = replace(held, verdict=Verdict.LATE)
    assert await subject.do(Transaction.change_submit, changed, frozenset({held.verdict}))
    assert await subject.do(Transaction.hold_submit, held, later(minutes=9)) is None


async def salvage_lists_what_may_have_been_paid(subject: Subject) -> None:
    """Billable, of an ended or removed task, not delivered, returned, lost or canceled."""
    expected = []
    for status in (Status.RUNNING, *FINAL):
        task = await subject.put(status)
        for n, verdict in enumerate(Verdict, start=11):
            submit = a_submit(task, verdict, n=n)
            await subject.do(Transaction.add_submit, submit)
            if task.is_final and verdict in PERHAPS_PAID:
                expected.append((task.id, n))
        await subject.do(Transaction.add_submit, a_submit(task, n=99, is_billable=False))
    removed = await subject.put(Status.CANCELED)
    await subject.do(Transaction.add_submit, a_submit(removed, Verdict.LATE, n=1))
    await subject.do(Transaction.remove_task, removed.id)
    expected.append((removed.id, 1))
    found = await subject.ask(Transaction.salvage, 999)
    assert [(submit.task_id, submit.n) for submit in found] == sorted(expected)


async def salvage_is_paged_by_task_and_number(subject: Subject) -> None:
    """Each page goes on after the last row, within a task as well."""
    tasks = [await subject.put(Status.CANCELED) for _ in range(3)]
    for task in tasks:
        for n in (1, 2, 10):
            await subject.do(Transaction.add_submit, a_submit(task, Verdict.GONE, n=n))
    seen: list[tuple[str, int]] = []
    for _ in range(9):
        found = await subject.ask(Transaction.salvage, 2, seen[-1] if seen else None)
        assert len(found) <= 2
        seen += [(submit.task_id, submit.n) for submit in found]
    assert seen == [(task.id, n) for task in tasks for n in (1, 2, 10)]


async def a_delivered_film_is_not_salvage(subject: Subject) -> None:
    """A life that went well leaves nothing to look after and nothing to salvage."""
    task = await subject.put(Status.SUCCEEDED)
    assert await subject.ask(Transaction.salvage, 9) == []
    assert await subject.ask(Transaction.submits_to_look_at, later(minutes=999), 9) == []
    submit = (await subject.ask(Transaction.submits, task.id))[0]
    assert (submit.verdict, submit.intent_at >= NOON) == (Verdict.DELIVERED, True)
