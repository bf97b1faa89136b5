"""An audit of what real processes did: our tables beside the fake upstream's own log.

The two sides never meet but here. The log says what was asked for and begun, which is what a
vendor bills; the tables say what we know; callers and pollers say what they were told. Wishes
are told apart by their prompts, so no two tasks of an audited run may have the same one.

    books = read_books(store)
    audited = audit(books, read_log(path), witness)
    assert audited.is_clean, audited.findings

`testing/auditor.py` judges the simulated world of `make sim`; this one judges the real one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Final, Protocol, TypeVar

from rushes.domain.access import Entry, EntryKind
from rushes.domain.submit import Submit, Verdict
from rushes.domain.task import MOVES, Status, Task
from rushes.ports import Artifact, ArtifactKind, ArtifactState, Page, Told, Transaction
from rushes.testing.simulators.script import RequestLog

T = TypeVar("T")

PAGE_TASKS: Final = 500
SALVAGE_ROWS: Final = 100_000

BROKE: Final = frozenset({"fail"})
"""Faults of the log that are a job's own fate: the upstream itself says there is no film."""

_RANK: Final[Mapping[str, int]] = {"queued": 0, "in_progress": 1, "processing": 1, "running": 1}
_FINAL_RANK: Final = 2
_ACCOUNTED: Final = frozenset({Verdict.CANCELED, Verdict.DELIVERED})


class Readable(Protocol):
    """A store that can be read from outside a server."""

    def read_now(self, act: Callable[[Transaction], T]) -> T:
        """Run `act` on a stable, committed state."""
        ...


# -- what there is to read ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kept:
    """One task, and all that our tables say of it."""

    task: Task
    events: tuple[Told, ...] = ()
    submits: tuple[Submit, ...] = ()
    entries: tuple[Entry, ...] = ()
    artifacts: tuple[Artifact, ...] = ()

    @property
    def film(self) -> Artifact | None:
        """The film that was kept, None if there is none."""
        return next(
            (
                artifact
                for artifact in self.artifacts
                if artifact.kind is ArtifactKind.FILM and artifact.state is ArtifactState.KEPT
            ),
            None,
        )


@dataclass(frozen=True, slots=True)
class Books:
    """Our tables, read in one transaction.

    `counted` is what the store itself counts, `salvage` names the submits that it reports as
    perhaps paid without a film.
    """

    tasks: Mapping[str, Kept]
    counted: int
    salvage: frozenset[tuple[str, int]] = frozenset()

    @property
    def lost_tries(self) -> list[str]:
        """The blobs that ended tasks began to write and did not keep, until they are swept."""
        return [
            artifact.blob
            for kept in self.tasks.values()
            for artifact in kept.artifacts
            if kept.task.is_final and artifact.state is ArtifactState.WRITING
        ]

    @property
    def by_prompt(self) -> dict[str, Kept]:
        """The tasks by what they wish for."""
        return {kept.task.spec.prompt: kept for kept in self.tasks.values()}

    @property
    def open(self) -> dict[str, Status]:
        """The tasks that have not ended, and where they stand."""
        return {k: kept.task.status for k, kept in self.tasks.items() if not kept.task.is_final}


@dataclass(frozen=True, slots=True)
class Creation:
    """A line of the upstream's log: one attempt to have a film made there."""

    at: datetime
    prompt: str
    is_accepted: bool
    job_id: str | None = None
    fault: str | None = None
    film_sha256: str | None = None


@dataclass(slots=True)
class Witness:
    """What callers were told: every 200, every status in the order seen, every film they have.

    All by task id. `accepted` holds prompts, `seen` pairs of status and progress as the wire
    has them, `films` the SHA-256 of what was downloaded.
    """

    accepted: dict[str, str] = field(default_factory=dict)
    seen: dict[str, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))
    films: dict[str, str] = field(default_factory=dict)

    def see(self, task_id: str, status: str, progress: int) -> None:
        """Note a look; one that says the same as the one before is not kept."""
        told = self.seen[task_id]
        if not told or told[-1] != (status, progress):
            told.append((status, progress))


def read_books(store: Readable) -> Books:
    """Read every task of every account, and what belongs to it."""

    def act(tx: Transaction) -> Books:
        keys = tx.keys()
        accounts = sorted({key.account_id for key in keys})
        tasks = [task for account in accounts for task in _tasks(tx, account)]
        kept = {
            task.id: Kept(
                task=task,
                events=tuple(tx.told(task.id)),
                submits=tuple(tx.submits(task.id)),
                entries=tuple(tx.entries(task.id)),
                artifacts=tuple(tx.artifacts(task.id)),
            )
            for task in tasks
        }
        salvage = frozenset((submit.task_id, submit.n) for submit in tx.salvage(SALVAGE_ROWS))
        return Books(kept, sum(tx.counts().values()), salvage)

    return store.read_now(act)


def _tasks(tx: Transaction, account_id: str) -> Iterator[Task]:
    after: str | None = None
    while True:
        found = tx.page(Page(account_id, PAGE_TASKS, after=after, is_newest_first=False))
        yield from found[:PAGE_TASKS]
        if len(found) <= PAGE_TASKS:
            return
        after = found[PAGE_TASKS - 1].id


def read_log(path: Path) -> tuple[Creation, ...]:
    """Read an upstream's log; one that never wrote has none."""
    if not path.exists():
        return ()
    return tuple(
        Creation(
            at=datetime.fromisoformat(entry["at"]),
            prompt=entry["prompt"] or "",
            is_accepted=entry["accepted"],
            job_id=entry["job_id"],
            fault=entry["fault"],
            film_sha256=entry.get("film_sha256"),
        )
        for entry in RequestLog.read(path)
    )


# -- the verdict -------------------------------------------------------------------------------


class Harm(StrEnum):
    """What a broken promise did to whoever trusted it."""

    LOST = "lost"
    TWICE = "twice"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """A promise that did not hold, for one wish or task (`about`)."""

    promise: str
    harm: Harm
    about: str
    sentence: str

    def __str__(self) -> str:
        """Return it as one line."""
        return f"{self.promise}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Audited:
    """The verdict, and the sums of both sides.

    `wishes` were accepted by us, `billed` were begun by the upstream, `films` are with us or
    with callers. `salvaged` were begun and have no film of ours, and are on record.
    """

    wishes: int
    billed: int
    films: int
    ended: int
    open: int
    salvaged: int
    findings: tuple[Finding, ...]

    @property
    def is_clean(self) -> bool:
        """Whether every promise held."""
        return not self.findings

    def count(self, harm: Harm) -> int:
        """Return how many wishes were harmed so."""
        return len({finding.about for finding in self.findings if finding.harm is harm})

    def __str__(self) -> str:
        """Return the closing line."""
        sums = [f"{self.wishes} wishes", f"{self.billed} billed", f"{self.films} films"]
        sums += [f"{self.salvaged} in salvage"] if self.salvaged else []
        sums += [f"{self.open} still open"] if self.open else []
        sums += [f"{self.count(Harm.LOST)} lost", f"{self.count(Harm.TWICE)} twice"]
        wrong = self.count(Harm.WRONG)
        return ", ".join([*sums, f"{wrong} wrong"] if wrong else sums)


def audit(
    books: Books,
    log: Sequence[Creation],
    witness: Witness | None = None,
    *,
    may_be_open: bool = False,
    blob_sha256: Callable[[str], str | None] | None = None,
    came_as: Callable[[str], str | None] | None = None,
    stored: Iterable[str] = (),
) -> Audited:
    """Hold both sides together, and say what does not fit.

    `blob_sha256` digests a blob of our storage, None where there is none; `came_as` is the digest
    that a sealed film says it came with, which is then the upstream's. `stored` names what tasks
    wrote to our storage, listed before the books were read: a row was there before each of them.
    `may_be_open` is for a look while work goes on: a task that has not ended is then no broken
    promise.
    """
    witness = witness or Witness()
    begun = [creation for creation in log if creation.is_accepted]
    answering = _answering(books, begun)
    findings = [
        *_durability(books, witness),
        *_payments(books, begun),
        *(() if may_be_open else _ends(books)),
        *_films(books, begun, witness, blob_sha256, came_as),
        *(finding for kept in books.tasks.values() for finding in _money(kept)),
        *(finding for kept in books.tasks.values() for finding in _history(kept)),
        *_seen(books, witness),
        *_memory(books, answering),
        *_leftovers(books, stored),
    ]
    filmed = {kept.task.spec.prompt for kept in books.tasks.values() if _has_film(kept)}
    reported = {c.prompt for c, s in answering if s and (s.task_id, s.n) in books.salvage}
    accepted = set(witness.accepted) | set(books.tasks)
    return Audited(
        wishes=len(accepted),
        billed=len(begun),
        films=len(filmed),
        ended=sum(kept.task.is_final for kept in books.tasks.values()),
        open=len(books.open),
        salvaged=len(reported - filmed),
        findings=tuple(findings),
    )


def _has_film(kept: Kept) -> bool:
    return kept.task.status is Status.SUCCEEDED and (
        kept.film is not None or kept.task.is_film_gone
    )


def _durability(books: Books, witness: Witness) -> Iterator[Finding]:
    """P1: whoever was told 200 has a task; and no task is anywhere but open or ended."""
    for task_id, prompt in witness.accepted.items():
        kept = books.tasks.get(task_id)
        if kept is None:
            yield Finding("P1", Harm.LOST, prompt, f"{task_id} ({prompt!r}) was accepted, is gone")
        elif kept.task.spec.prompt != prompt:
            yield Finding("P1", Harm.LOST, prompt, f"{task_id} is not {prompt!r} any more")
    if books.counted != len(books.tasks):
        sentence = f"{len(books.tasks)} tasks are open or ended, and the store has {books.counted}"
        yield Finding("P1", Harm.WRONG, "the books", sentence)


def _payments(books: Books, begun: Sequence[Creation]) -> Iterator[Finding]:
    """P2, by the upstream's log and by our own: at most one submit that may be billed."""
    for prompt, count in Counter(creation.prompt for creation in begun).items():
        if count > 1:
            yield Finding("P2", Harm.TWICE, prompt, f"upstream began {prompt!r} {count} times")
    tickets: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for kept in books.tasks.values():
        about = kept.task.spec.prompt
        paid = [s for s in kept.submits if s.is_billable and s.verdict is not Verdict.RETURNED]
        if len(paid) > 1:
            sentence = f"{kept.task.id} has {len(paid)} submits that may be billed"
            yield Finding("P2", Harm.TWICE, about, sentence)
        for submit in kept.submits:
            if submit.ticket is not None:
                tickets[submit.provider, str(submit.ticket)].add(about)
    for (_, ticket), owners in tickets.items():
        if len(owners) > 1:
            for about in owners:
                yield Finding("P2", Harm.TWICE, about, f"{ticket} is claimed by {sorted(owners)}")


def _ends(books: Books) -> Iterator[Finding]:
    """P3: at the end nothing is open."""
    for task_id, status in books.open.items():
        about = books.tasks[task_id].task.spec.prompt
        yield Finding("P3", Harm.LOST, about, f"{task_id} is still {status}")


def _films(
    books: Books,
    begun: Sequence[Creation],
    witness: Witness,
    blob_sha256: Callable[[str], str | None] | None,
    came_as: Callable[[str], str | None] | None,
) -> Iterator[Finding]:
    """P4: what succeeded is the film that the upstream made, in our store and at the caller's."""
    made = {creation.job_id: creation for creation in begun}
    for kept in books.tasks.values():
        task, film = kept.task, kept.film
        about = task.spec.prompt
        if task.status is not Status.SUCCEEDED or task.is_film_gone:
            continue
        kinds = {a.kind for a in kept.artifacts if a.state is ArtifactState.KEPT}
        if film is None or task.measures is None or kinds != set(ArtifactKind):
            yield Finding("P4", Harm.LOST, about, f"{task.id} succeeded with {sorted(kinds)} only")
            continue
        job = next((made[j] for s in kept.submits if (j := job_of(s)) in made), None)
        if job is not None and job.prompt != about:
            yield Finding("P4", Harm.LOST, about, f"{task.id} has the film of {job.prompt!r}")
        theirs = None if job is None else job.film_sha256
        if theirs is not None and came_as is not None and came_as(film.blob) == theirs:
            theirs = None  # it was sealed since, and says so
        digests = {
            "its row": task.measures.sha256,
            "its artifact": film.sha256,
            "the upstream's log": theirs,
            "its caller's file": witness.films.get(task.id),
        }
        if blob_sha256 is not None:
            digests["our storage"] = blob_sha256(film.blob) or "nothing"
        known = {where: digest for where, digest in digests.items() if digest is not None}
        if len(set(known.values())) > 1:
            told = ", ".join(f"{where} {digest[:12]}" for where, digest in known.items())
            yield Finding("P4", Harm.LOST, about, f"{task.id} has not one film: {told}")


def _leftovers(books: Books, stored: Iterable[str]) -> Iterator[Finding]:
    """P4: the sweep finds lost tries by their rows, so nothing is stored without one."""
    named = {
        artifact.blob
        for kept in books.tasks.values()
        for artifact in kept.artifacts
        if artifact.state is not ArtifactState.SWEPT
    }
    for blob in sorted(set(stored) - named):
        yield Finding("P4", Harm.WRONG, "storage", f"nobody will ever remove {blob}")


def job_of(submit: Submit) -> str | None:
    """Return the upstream's own name of what a submit began, None while it is not known."""
    ticket = submit.ticket or {}
    named = ticket.get("id")
    return named if isinstance(named, str) else None


def _money(kept: Kept) -> Iterator[Finding]:
    """P5: hold = capture + release, each exactly once, at the end; before, the hold only."""
    task, about = kept.task, kept.task.spec.prompt
    sums = {entry.kind: entry.amount_microusd for entry in kept.entries}
    wanted = set(EntryKind) if task.is_final else {EntryKind.HOLD}
    if set(sums) != wanted or len(kept.entries) != len(wanted):
        told = sorted(entry.kind for entry in kept.entries)
        yield Finding("P5", Harm.WRONG, about, f"{task.id} is {task.status} with entries {told}")
        return
    if not task.is_final:
        return
    if sums[EntryKind.HOLD] != sums[EntryKind.CAPTURE] + sums[EntryKind.RELEASE]:
        yield Finding("P5", Harm.WRONG, about, f"{task.id} does not balance: {sums}")
    if sums[EntryKind.CAPTURE] != task.charged_microusd:
        yield Finding("P5", Harm.WRONG, about, f"{task.id} shows another charge than the ledger")
    if task.status in {Status.FAILED, Status.EXPIRED} and sums[EntryKind.CAPTURE]:
        yield Finding("P5", Harm.WRONG, about, f"{task.id} {task.status}, and was charged")


def _history(kept: Kept) -> Iterator[Finding]:
    """P6: the events are one legal way from queued to where the task stands."""
    task, about = kept.task, kept.task.spec.prompt
    if not kept.events or [told.number for told in kept.events] != list(range(1, task.version + 1)):
        sentence = f"{task.id} is at version {task.version} with {len(kept.events)} events"
        yield Finding("P6", Harm.WRONG, about, sentence)
        return
    at = kept.events[0].status
    for told in kept.events[1:]:
        if told.event is None or MOVES.get((at, told.event)) is not told.status:
            yield Finding("P6", Harm.WRONG, about, f"{task.id} went from {at} to {told.status}")
        at = told.status
    if at is not task.status:
        yield Finding("P6", Harm.WRONG, about, f"{task.id} is {task.status}, last told {at}")


def _seen(books: Books, witness: Witness) -> Iterator[Finding]:
    """P6 in a reader's eyes: nothing went backwards, and nothing left a final status."""
    for task_id, told in witness.seen.items():
        kept = books.tasks.get(task_id)
        about = task_id if kept is None else kept.task.spec.prompt
        for (before, was), (after, now) in pairwise(told):
            fell = _rank(after) < _rank(before) or now < was
            if fell or (_rank(before) == _FINAL_RANK and after != before):
                sentence = f"{task_id} was seen {before} at {was} %, then {after} at {now} %"
                yield Finding("P6", Harm.WRONG, about, sentence)


def _rank(status: str) -> int:
    return _RANK.get(status, _FINAL_RANK)


def _memory(books: Books, answering: Sequence[tuple[Creation, Submit | None]]) -> Iterator[Finding]:
    """P11: what was begun upstream is delivered, or on record, or was told to have failed."""
    for creation, submit in answering:
        about = creation.prompt
        if submit is None:
            sentence = f"upstream began {creation.job_id} for {about!r}; we have no record of it"
            yield Finding("P11", Harm.LOST, about, sentence)
        elif submit.verdict not in _ACCOUNTED and not _is_accounted(books, creation, submit):
            sentence = f"upstream has {creation.job_id} for {about!r}; we say {submit.verdict}"
            yield Finding("P11", Harm.LOST, about, sentence)


def _is_accounted(books: Books, creation: Creation, submit: Submit) -> bool:
    kept = books.tasks.get(submit.task_id)
    if (submit.task_id, submit.n) in books.salvage:
        return True
    if submit.verdict is Verdict.LOST:
        return creation.fault in BROKE
    is_unfinished = kept is not None and not kept.task.is_final
    is_answered = submit.verdict in {Verdict.RETURNED, Verdict.GONE}
    return not is_answered and (is_unfinished or not submit.is_billable)


def _answering(books: Books, begun: Sequence[Creation]) -> list[tuple[Creation, Submit | None]]:
    """Pair all that was begun with the row that answers for it."""
    known = books.by_prompt
    return [(creation, _submit_for(known.get(creation.prompt), creation)) for creation in begun]


def _submit_for(kept: Kept | None, creation: Creation) -> Submit | None:
    """Return the row of what was begun: by its ticket, else the task's one without any."""
    if kept is None:
        return None
    by_ticket = [submit for submit in kept.submits if job_of(submit) == creation.job_id]
    unnamed = [submit for submit in kept.submits if submit.ticket is None]
    asking = [submit for submit in unnamed if submit.verdict is not Verdict.RETURNED]
    return next(iter([*by_ticket, *asking[-1:], *unnamed[-1:]]), None)
