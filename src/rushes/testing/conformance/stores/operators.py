"""Checks of what operators do: the audit log, and late films given to tasks of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rushes.domain.ids import new_deed_id
from rushes.ports import Adoption, Deed, IntegrityFault, Transaction
from rushes.testing.builders import an_id
from rushes.testing.conformance.stores.subject import Subject, later


def _a_deed(minutes: float = 0, **changes: Any) -> Deed:  # noqa: ANN401 -- fields of Deed
    at = later(minutes=minutes)
    deed = Deed(new_deed_id(at), at, "anna@studio-1", "key.revoke", "key_1", "“test” ☁")
    return replace(deed, **changes)


async def a_deed_is_read_back_whole_and_the_newest_first(subject: Subject) -> None:
    """Who, what, on what and when survive; a page begins where the one before ended."""
    deeds = [_a_deed(minutes) for minutes in range(5)]
    for deed in deeds:
        await subject.do(Transaction.add_audit, deed)
    assert await subject.ask(Transaction.audit, 9) == deeds[::-1]
    assert await subject.ask(Transaction.audit, 2) == [deeds[4], deeds[3]]
    assert await subject.ask(Transaction.audit, 2, before=deeds[3].id) == [deeds[2], deeds[1]]
    assert await subject.ask(Transaction.audit, 2, before=deeds[0].id) == []


async def deeds_are_found_by_what_they_were_done_to_and_by_when(subject: Subject) -> None:
    """At `since` counts still; other objects do not."""
    mine, late, other = _a_deed(0), _a_deed(5), _a_deed(5, object="video_2")
    for deed in (mine, late, other):
        await subject.do(Transaction.add_audit, deed)
    assert await subject.ask(Transaction.audit, 9, object_id="key_1") == [late, mine]
    assert await subject.ask(Transaction.audit, 9, since=later(minutes=5), object_id="key_1") == [
        late
    ]
    assert await subject.ask(Transaction.audit, 9, object_id="nobody") == []


async def a_deed_is_written_once(subject: Subject) -> None:
    """The log is appended to; a line in it is never another one."""
    deed = _a_deed()
    await subject.do(Transaction.add_audit, deed)
    with pytest.raises(IntegrityFault):
        await subject.do(Transaction.add_audit, replace(deed, note="else"))
    assert await subject.ask(Transaction.audit, 9) == [deed]


async def a_late_film_is_adopted_once(subject: Subject) -> None:
    """Of one submit there is one adoption, and a task has one film; others are others."""
    old = an_id()
    first = Adoption(an_id(), old, 1, later(minutes=1))
    await subject.do(Transaction.add_adoption, first)
    for taken in (replace(first, task_id=an_id()), replace(first, submit_n=2)):
        with pytest.raises(IntegrityFault):
            await subject.do(Transaction.add_adoption, taken)
    third = Adoption(an_id(), old, 3, later(minutes=2))
    second = Adoption(an_id(), old, 2, later(minutes=3))
    for adoption in (third, second, Adoption(an_id(), an_id(), 1, later(minutes=3))):
        await subject.do(Transaction.add_adoption, adoption)
    assert await subject.ask(Transaction.adoptions_from, old) == [first, second, third]
    assert await subject.ask(Transaction.adoption_of, second.task_id) == second
    assert await subject.ask(Transaction.adoption_of, old) is None
    assert await subject.ask(Transaction.adoptions_from, second.task_id) == []
