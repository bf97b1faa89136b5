"""Checks of stock: what the books say of all blobs, page by page."""

from __future__ import annotations

from rushes.domain.task import Event, Status
from rushes.ports import Transaction
from rushes.testing.builders import NOON, a_task, an_artifact, an_input, kept, put_move
from rushes.testing.conformance.stores.subject import Subject


async def kept_artifacts_are_paged_by_name(subject: Subject) -> None:
    """Winners only, each once, whatever the size of a page."""
    task = await subject.put(Status.STORING)
    names = [f"films/{task.id}/1-{number}/film.mp4" for number in range(5)]
    for name in reversed(names):
        await subject.do(Transaction.add_artifacts, an_artifact(task, blob=name))
    for name in names[:4]:
        await subject.do(Transaction.keep_artifacts, kept(an_artifact(task, blob=name)))
    await subject.do(Transaction.swept, names[1:2])
    want = [names[0], names[2], names[3]]
    for limit in (1, 2, 9):
        told: list[str] = []
        while page := await subject.ask(
            Transaction.kept_artifacts, told[-1] if told else "", limit
        ):
            assert len(page) <= limit
            told += [artifact.blob for artifact in page]
        assert told == want


async def wanted_inputs_are_those_of_unfinished_tasks(subject: Subject) -> None:
    """One that two tasks share is told once, and until both have ended."""
    filed = sorted((an_input() for _ in range(3)), key=lambda one: one.blob)
    first, second = [await subject.put(Status.QUEUED) for _ in range(2)]
    for one in filed:
        await subject.do(Transaction.file_input, one)
    for task, one in ((first, filed[0]), (first, filed[1]), (second, filed[1])):
        await subject.do(Transaction.refer_input, task.id, one.blob)
    assert await subject.ask(Transaction.wanted_inputs, "", 9) == filed[:2]
    assert await subject.ask(Transaction.wanted_inputs, "", 1) == filed[:1]
    assert await subject.ask(Transaction.wanted_inputs, filed[0].blob, 9) == [filed[1]]
    await subject.write(lambda tx: put_move(tx, first, Event.CANCELED))
    assert await subject.ask(Transaction.wanted_inputs, "", 9) == [filed[1]]
    await subject.write(lambda tx: put_move(tx, second, Event.CANCELED))
    assert await subject.ask(Transaction.wanted_inputs, "", 9) == []


async def a_blob_on_record_is_known(subject: Subject) -> None:
    """A try that is being written is known too; what was swept is not any more."""
    task = a_task()
    written, gone = an_artifact(task), an_artifact(task)
    for artifact in (written, gone):
        await subject.do(Transaction.add_artifacts, artifact)
    await subject.do(Transaction.swept, [gone.blob])
    asked = [written.blob, gone.blob, "films/of/nobody"]
    assert await subject.ask(Transaction.known_artifacts, asked) == {written.blob}
    filed = an_input(created_at=NOON)
    await subject.do(Transaction.file_input, filed)
    assert await subject.ask(Transaction.known_inputs, [filed.blob, "nobody"]) == {filed.blob}
    for verb in (Transaction.known_artifacts, Transaction.known_inputs):
        assert await subject.ask(verb, []) == frozenset()
