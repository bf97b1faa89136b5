"""The auditor of real processes finds what is wrong in doctored books, and nothing in good ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rushes.domain.access import EntryKind
from rushes.domain.submit import Verdict
from rushes.domain.task import Event, Status, Task
from rushes.ports import ArtifactKind, ArtifactState, Transaction
from rushes.testing.audit import (
    Audited,
    Books,
    Creation,
    Harm,
    Kept,
    Witness,
    audit,
    read_books,
    read_log,
)
from rushes.testing.builders import NOON, a_key, a_spec, an_artifact, kept, put_move, put_task
from rushes.testing.memory_store import MemoryStore
from rushes.testing.simulators.script import RequestLog

FILM = "f" * 64
KEY = a_key()


def put_film(tx: Transaction, prompt: str) -> Task:
    """A task that succeeded, as the engine leaves it."""
    made = put_task(
        tx, Status.STORING, spec=a_spec(prompt=prompt), account_id=KEY.account_id, key_id=KEY.id
    )
    for kind in ArtifactKind:
        artifact = an_artifact(made, kind=kind)
        tx.add_artifacts(artifact)
        tx.keep_artifacts(kept(artifact))
    return put_move(tx, made, Event.STORED)


class World:
    """A heron that got its film, an owl whose submit got no answer, and what everybody says."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.store.write_now(lambda tx: tx.add_key(KEY))
        self.heron = self.store.write_now(lambda tx: put_film(tx, "a heron"))
        self.owl = self.store.write_now(
            lambda tx: put_move(
                tx,
                put_task(
                    tx,
                    Status.IN_DOUBT,
                    spec=a_spec(prompt="an owl"),
                    account_id=KEY.account_id,
                    key_id=KEY.id,
                ),
                Event.FAILED,
            )
        )
        self.books = read_books(self.store)
        self.doubt()
        ticket = self.books.tasks[self.heron.id].submits[0].ticket or {}
        self.log = [
            Creation(NOON, "a heron", is_accepted=True, job_id=ticket["id"], film_sha256=FILM),
            Creation(NOON, "an owl", is_accepted=True, job_id="video_owl", fault="drop"),
        ]
        self.witness = Witness({self.heron.id: "a heron", self.owl.id: "an owl"})
        for status, progress in (("queued", 0), ("in_progress", 40), ("succeeded", 100)):
            self.witness.see(self.heron.id, status, progress)
        self.witness.films[self.heron.id] = FILM

    def doubt(self) -> None:
        """The owl's submit got no answer, and stands in the report of salvage."""
        owl = self.books.tasks[self.owl.id]
        doubted = replace(owl.submits[0], verdict=Verdict.DOUBT, ticket=None)
        self.put(replace(owl, submits=(doubted,)))
        self.books = replace(self.books, salvage=frozenset({(self.owl.id, 1)}))

    def put(self, changed: Kept) -> None:
        self.books = replace(self.books, tasks={**self.books.tasks, changed.task.id: changed})

    def change(self, task: Task, change: Callable[[Kept], Kept]) -> None:
        self.put(change(self.books.tasks[task.id]))

    def audited(self) -> Audited:
        return audit(self.books, self.log, self.witness, blob_sha256=lambda _: FILM)


def test_a_sealed_film_is_the_upstreams_if_it_says_that_it_came_as_that() -> None:
    world, theirs = World(), "7" * 64
    world.log[0] = replace(world.log[0], film_sha256=theirs)

    def audited(came_as: str | None) -> Audited:
        return audit(
            world.books,
            world.log,
            world.witness,
            blob_sha256=lambda _: FILM,
            came_as=lambda _: came_as,
        )

    assert audited(theirs).is_clean
    assert not audited("8" * 64).is_clean
    assert not audited(None).is_clean


def test_good_books_are_clean_and_the_line_says_what_became_of_every_wish() -> None:
    audited = World().audited()
    assert audited.findings == ()
    assert str(audited) == "2 wishes, 2 billed, 1 films, 1 in salvage, 0 lost, 0 twice"


@pytest.mark.parametrize("state", list(ArtifactState))
def test_what_is_stored_has_a_row_by_which_it_is_kept_or_will_be_swept(
    state: ArtifactState,
) -> None:
    """Stills, films and tries that lost alike; a blob that was swept and is there is too much."""
    world = World()
    films = {artifact.blob for artifact in world.books.tasks[world.heron.id].artifacts}
    lost = an_artifact(world.heron, epoch=7)
    world.change(
        world.heron,
        lambda k: replace(k, artifacts=(*k.artifacts, replace(lost, state=state))),
    )
    assert world.books.lost_tries == ([lost.blob] if state is ArtifactState.WRITING else [])

    def left(*more: str) -> list[str]:
        found = audit(world.books, world.log, world.witness, stored=[*films, *more])
        return [str(finding) for finding in found.findings]

    assert left() == []
    assert left("films/of/nobody") == ["P4: nobody will ever remove films/of/nobody"]
    gone = [f"P4: nobody will ever remove {lost.blob}"]
    assert left(lost.blob) == (gone if state is ArtifactState.SWEPT else [])


def billed_twice(world: World) -> None:
    world.log.append(Creation(NOON, "a heron", is_accepted=True, job_id="video_again"))


def submitted_twice(world: World) -> None:
    world.change(
        world.heron, lambda k: replace(k, submits=(*k.submits, replace(k.submits[0], n=2)))
    )


def claimed_twice(world: World) -> None:
    ticket = world.books.tasks[world.heron.id].submits[0].ticket
    claim = lambda k: replace(k, submits=(replace(k.submits[0], ticket=ticket),))  # noqa: E731
    world.change(world.owl, claim)


def gone(world: World) -> None:
    tasks = {name: task for name, task in world.books.tasks.items() if name != world.heron.id}
    world.books = Books(tasks, len(tasks), world.books.salvage)


def begun_and_unknown(world: World) -> None:
    world.log.append(Creation(NOON, "a bat", is_accepted=True, job_id="video_bat"))


def forgotten(world: World) -> None:
    world.books = replace(world.books, salvage=frozenset())


def returned(world: World) -> None:
    forgotten(world)
    deny = lambda k: replace(k, submits=(replace(k.submits[0], verdict=Verdict.RETURNED),))  # noqa: E731
    world.change(world.owl, deny)


def still_open(world: World) -> None:
    task = replace(world.owl, status=Status.IN_DOUBT)
    world.change(
        world.owl,
        lambda k: replace(k, task=task, events=k.events[:-1], entries=k.entries[:1]),
    )
    world.change(world.owl, lambda k: replace(k, task=replace(task, version=len(k.events))))


def other_bytes(world: World) -> None:
    world.log[0] = replace(world.log[0], film_sha256="0" * 64)


def other_download(world: World) -> None:
    world.witness.films[world.heron.id] = "1" * 64


def filmless(world: World) -> None:
    world.change(world.heron, lambda k: replace(k, artifacts=()))


def unbalanced(world: World) -> None:
    more = lambda k: replace(  # noqa: E731
        k,
        entries=tuple(
            replace(entry, amount_microusd=7) if entry.kind is EntryKind.RELEASE else entry
            for entry in k.entries
        ),
    )
    world.change(world.heron, more)


def unsettled(world: World) -> None:
    world.change(world.heron, lambda k: replace(k, entries=k.entries[:1]))


def seen_falling(world: World) -> None:
    world.witness.see(world.heron.id, "in_progress", 40)


def seen_changing(world: World) -> None:
    world.witness.see(world.heron.id, "failed", 100)


def told_twice(world: World) -> None:
    world.change(world.heron, lambda k: replace(k, events=(*k.events, k.events[-1])))


def uncounted(world: World) -> None:
    world.books = replace(world.books, counted=3)


@pytest.mark.parametrize(
    ("doctor", "promise", "harm"),
    [
        (billed_twice, "P2", Harm.TWICE),
        (submitted_twice, "P2", Harm.TWICE),
        (claimed_twice, "P2", Harm.TWICE),
        (gone, "P1", Harm.LOST),
        (begun_and_unknown, "P11", Harm.LOST),
        (forgotten, "P11", Harm.LOST),
        (returned, "P11", Harm.LOST),
        (still_open, "P3", Harm.LOST),
        (other_bytes, "P4", Harm.LOST),
        (other_download, "P4", Harm.LOST),
        (filmless, "P4", Harm.LOST),
        (unbalanced, "P5", Harm.WRONG),
        (unsettled, "P5", Harm.WRONG),
        (seen_falling, "P6", Harm.WRONG),
        (seen_changing, "P6", Harm.WRONG),
        (told_twice, "P6", Harm.WRONG),
        (uncounted, "P1", Harm.WRONG),
    ],
)
def test_doctored_books_are_found_out(
    doctor: Callable[[World], None], promise: str, harm: Harm
) -> None:
    world = World()
    doctor(world)
    audited = world.audited()
    assert not audited.is_clean
    assert (promise, harm) in {(found.promise, found.harm) for found in audited.findings}
    assert audited.count(harm) >= 1


def test_an_open_task_is_no_finding_while_work_goes_on() -> None:
    world = World()
    still_open(world)
    audited = audit(world.books, world.log, world.witness, may_be_open=True)
    assert audited.is_clean, audited.findings
    assert "1 still open" in str(audited)


def test_a_log_that_was_never_written_is_empty_and_one_that_was_is_read_back(
    tmp_path: Path,
) -> None:
    path = tmp_path / "upstream.jsonl"
    assert read_log(path) == ()
    line = {"at": NOON.isoformat(), "prompt": None, "accepted": False, "job_id": None}
    RequestLog(path).note(**line, fault="hang")
    assert read_log(path) == (Creation(NOON, "", is_accepted=False, fault="hang"),)
