"""Checks of erasing: whose tasks are found, and what is left of a wish in other records."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rushes.domain.errors import Failure, Reason
from rushes.domain.submit import Verdict
from rushes.domain.task import Event, Status, advance
from rushes.ports import Transaction
from rushes.testing.builders import NOON, an_answer, an_id, an_input
from rushes.testing.conformance.stores.subject import Subject

WISH = "a portrait of Ada"


async def tasks_are_found_by_account_and_by_end_user(subject: Subject) -> None:
    """Both together narrow it; pages go by id."""
    mine = [await subject.put(user="ada", account_id="acct_1") for _ in range(3)]
    other = await subject.put(user="ada", account_id="acct_2")
    await subject.put(user="bob", account_id="acct_1")
    await subject.put(account_id="acct_3")
    ask = Transaction.tasks_of
    found = await subject.ask(ask, "", 9, user="ada")
    assert [task.id for task in found] == [task.id for task in (*mine, other)]
    found = await subject.ask(ask, "", 9, user="ada", account_id="acct_1")
    assert [task.id for task in found] == [task.id for task in mine]
    assert [task.id for task in await subject.ask(ask, mine[0].id, 1, user="ada")] == [mine[1].id]
    assert len(await subject.ask(ask, "", 9, account_id="acct_1")) == 4
    assert await subject.ask(ask, "", 9, user="") == []


async def answers_keep_all_but_the_prompt(subject: Subject) -> None:
    """A repeat gets the first answer again, without a word of what was wished for."""
    task = await subject.put()
    answer = an_answer(task, body=b'{"id":"video_1","prompt":"%b"}' % WISH.encode())
    other = an_answer(await subject.put(), body=answer.body)
    for one in (answer, other):
        await subject.write(lambda tx, one=one: tx.add_answer(one, since=NOON - timedelta(days=1)))  # type: ignore[misc]
    await subject.do(Transaction.blank_remains, task.id)

    async def kept(key: str | None) -> bytes | None:
        found = await subject.ask(
            Transaction.answer, task.account_id, answer.route, key or "", NOON - timedelta(days=1)
        )
        return None if found is None else found.body

    assert await kept(answer.key) == b'{"id":"video_1","prompt":null}'
    assert await kept(other.key) == other.body


async def events_tell_how_a_task_ended_in_the_houses_own_words(subject: Subject) -> None:
    """A provider's sentence may quote the prompt; the reason stays."""
    task = await subject.put(Status.QUEUED)
    said = Failure(Reason.CONTENT_REFUSED, f"We do not make {WISH}.")
    await subject.write(lambda tx: _fail(tx, task.id, said))
    await subject.do(Transaction.blank_remains, task.id)
    (news,) = await subject.ask(Transaction.unposted, 9)
    assert news.failure == Failure.of(Reason.CONTENT_REFUSED)


def _fail(tx: Transaction, task_id: str, failure: Failure) -> None:
    task = tx.task(task_id)
    if task is not None:
        tx.move(task, advance(task, Event.FAILED, at=NOON, failure=failure), Event.FAILED, at=NOON)


async def submits_keep_evidence_and_tickets_but_no_words(subject: Subject) -> None:
    """What a provider said goes; a film's address too, once nothing is with the provider."""
    over, live = await subject.put(Status.SUCCEEDED), await subject.put(Status.STORING)
    for task in (over, live):
        (submit,) = await subject.ask(Transaction.submits, task.id)
        worded = replace(submit, note=f"refused {WISH}")
        assert await subject.do(Transaction.change_submit, worded, frozenset({submit.verdict}))
        await subject.do(Transaction.blank_remains, task.id)
    (delivered,) = await subject.ask(Transaction.submits, over.id)
    (ready,) = await subject.ask(Transaction.submits, live.id)
    assert (delivered.verdict, delivered.note, delivered.film) == (Verdict.DELIVERED, "", None)
    assert delivered.ticket is not None
    assert (ready.verdict, ready.note) == (Verdict.READY, "")
    assert ready.film is not None


async def money_is_not_touched(subject: Subject) -> None:
    """The ledger has no word of a wish in it."""
    task = await subject.put(Status.SUCCEEDED)
    before = await subject.ask(Transaction.entries, task.id)
    await subject.do(Transaction.remove_task, task.id)
    await subject.do(Transaction.blank_remains, task.id)
    assert await subject.ask(Transaction.entries, task.id) == before
    await subject.do(Transaction.blank_remains, an_id())


async def inputs_are_taken_unless_another_task_needs_them_or_they_are_young(
    subject: Subject,
) -> None:
    """What is taken is forgotten; whatever else was named stays."""
    mine, shared, young, unnamed = (an_input() for _ in range(4))
    young = replace(young, created_at=NOON + timedelta(hours=2))
    task = await subject.put()
    for filed in (mine, shared, young, unnamed):
        await subject.do(Transaction.file_input, filed)
    await subject.do(Transaction.refer_input, task.id, shared.blob)
    named = [mine.blob, shared.blob, young.blob, "0" * 64]
    taken = await subject.do(Transaction.take_inputs, named, NOON + timedelta(hours=1))
    assert taken == [mine.blob]
    left = [await subject.ask(Transaction.input, one.blob) for one in (mine, shared, unnamed)]
    assert left == [None, shared, unnamed]
