"""`rushes erase`: one person's prompts, inputs and films go; first it is shown what would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Final

import typer
from rich.text import Text

from rushes import storage
from rushes.cli.books import books
from rushes.cli.deeds import typist
from rushes.cli.paper import Column, answers, moment, plain, say, show_json, table, talk
from rushes.cli.plainly import FAILED, Refused
from rushes.clock import SystemClock
from rushes.deeds.log import write_down
from rushes.deeds.showing import shown_ticket
from rushes.domain.ids import is_task_id
from rushes.engine.erasure import Erased, MovedOn, Remains, erase, remains_of
from rushes.ports import Blobs, Books, Transaction
from rushes.settings import Settings, load
from rushes.terms import budgets_of

PAGE: Final = 500
SHOWN_MAX: Final = 30
TRIES: Final = 3
DIGEST_CHARACTERS: Final = 16

STAYS: Final = (
    "the ledger: for each task its account, amounts and times, without a word of the wish",
    "submits: to which provider a task was sent and when, and what it calls the job there",
    "events that told how tasks ended, and the addresses they were posted to, while those are kept",
    "digests of requests, against repeated ones, for 24 hours at most",
    "the audit log: that this was erased, when, and by whom",
)
UNREACHED: Final = (
    "backups and replicas of the database, and of films and inputs; versions that a bucket keeps",
    "what the database has not written over yet: PostgreSQL until VACUUM, SQLite in its log",
    "copies of the database that were made before it was migrated, in the data folder",
    "copies of inputs that workers made of a bucket: they go within two hours",
    "what callers and their receivers keep",
    "what providers keep: ask them, by the jobs named here",
)


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose tasks: these, or those of an account, of an end user, or of both."""

    task_ids: tuple[str, ...] = ()
    account_id: str | None = None
    user: str | None = None

    @property
    def told(self) -> str:
        """Say it for the audit log; of an end user's name only a digest, to prove by."""
        if self.user is not None:
            digest = sha256(self.user.encode()).hexdigest()[:DIGEST_CHARACTERS]
            return f"by user, sha256 {digest}…"
        return "by account" if self.account_id is not None else "by task"


@dataclass(slots=True)
class Outcome:
    """What came of it so far."""

    erased: list[Erased]
    failed: list[tuple[str, str]]
    file_count: int = 0
    files_left: int = 0


def run(whose: Whose, *, is_meant: bool, as_json: bool) -> None:
    """Show what would be erased, or erase it.

    Raises:
        Refused: nobody is named, or nothing is known of a task that is.
        SettingsRefused, Unready: why there are no books.
        Exit: some of it could not be erased.
    """
    _check(whose)
    settings, clock = load(), SystemClock()
    with books(settings, clock) as store:
        found = list(_found(store, whose))
        if not is_meant:
            _show_plan(found, as_json=as_json)
            return
        blobs = storage.blobs_of(settings, clock)
        outcome = Outcome([], [])
        for remains in found:
            _erase_one(store, blobs, settings, remains.task_id, whose, outcome)
    _show_outcome(outcome, as_json=as_json)
    if outcome.failed:
        raise typer.Exit(FAILED)


def _check(whose: Whose) -> None:
    by_other = whose.account_id is not None or whose.user is not None
    if bool(whose.task_ids) == by_other:
        raise Refused(
            "Say whose: tasks by their ids, or --user, --account, or both of these.",
            hint="rushes erase --user VALUE shows what would go, and does nothing.",
        )
    if whose.user == "" or whose.account_id == "":
        raise Refused("--user and --account want a value.")
    for task_id in whose.task_ids:
        if not is_task_id(task_id):
            raise Refused(f"{plain(task_id)} is no task: an id looks like video_0123…")


def _found(store: Books, whose: Whose) -> Iterator[Remains]:
    for task_id in dict.fromkeys(whose.task_ids):
        remains = store.read_now(partial(_remains, task_id=task_id))
        if not remains.is_known:
            raise Refused(f"The books know nothing of {task_id}.")
        yield remains
    after: str | None = None if whose.task_ids else ""
    while after is not None:
        page = store.read_now(partial(_page, whose=whose, after=after))
        yield from page
        after = page[-1].task_id if len(page) == PAGE else None


def _remains(tx: Transaction, *, task_id: str) -> Remains:
    return remains_of(tx, task_id)


def _page(tx: Transaction, *, whose: Whose, after: str) -> list[Remains]:
    tasks = tx.tasks_of(after, PAGE, account_id=whose.account_id, user=whose.user)
    return [remains_of(tx, task.id) for task in tasks]


# -- doing it --------------------------------------------------------------------------------


def _erase_one(
    store: Books, blobs: Blobs, settings: Settings, task_id: str, whose: Whose, outcome: Outcome
) -> None:
    """Erase one task: its rows and inputs in one transaction, its files after it."""

    def act(tx: Transaction) -> Erased:
        at = SystemClock().now()
        erased = erase(
            tx,
            task_id,
            at=at,
            rule=settings.cancel_rule,
            remove_input=lambda blob: blobs.delete_now(f"inputs/{blob}"),
            young_since=at - budgets_of(settings).orphan_input,
        )
        write_down(tx, typist(), "erase", task_id, whose.told, at=at)
        return erased

    for attempt in range(1, TRIES + 1):
        try:
            erased = store.write_now(act)
        except MovedOn as moved:
            if attempt == TRIES:
                outcome.failed.append((task_id, str(moved)))
        except OSError as trouble:
            outcome.failed.append(
                (task_id, f"an input could not be removed: {trouble.strerror or trouble}")
            )
            return
        else:
            outcome.erased.append(erased)
            _remove_files(store, blobs, erased.files, outcome)
            return


def _remove_files(store: Books, blobs: Blobs, names: Sequence[str], outcome: Outcome) -> None:
    """Remove files that no row wants any more; what stays is found by the keeper's sweep."""
    gone = []
    for name in names:
        try:
            blobs.delete_now(name)
        except OSError:
            outcome.files_left += 1
        else:
            gone.append(name)
    outcome.file_count += len(gone)
    if gone:
        store.write_now(lambda tx: tx.swept(gone))


# -- telling ---------------------------------------------------------------------------------


def _show_plan(found: Sequence[Remains], *, as_json: bool) -> None:
    if as_json:
        show_json({"is_done": False, "tasks": [_remains_json(remains) for remains in found]})
        return
    if not found:
        say(talk(), "Nothing: no task is theirs.")
        return
    console = answers()
    columns = [
        Column("TASK"),
        Column("ACCOUNT", rank=3),
        Column("STATUS", rank=1),
        Column("MADE", rank=5),
        Column("FILES", is_right=True, rank=2),
        Column("INPUTS", is_right=True, rank=2),
        Column("SENT TO", rank=4, is_cut=True),
    ]
    rows: list[list[str | Text]] = [
        [
            remains.task_id,
            remains.task.account_id if remains.task else "",
            _status(remains),
            moment(remains.task.created_at) if remains.task else "",
            str(len(remains.artifacts)),
            str(len(remains.inputs)),
            ", ".join(sorted({submit.provider for submit in remains.submits})),
        ]
        for remains in found[:SHOWN_MAX]
    ]
    table(console, columns, rows)
    say(console, "")
    more = len(found) - SHOWN_MAX
    if more > 0:
        say(console, f"… and {more} more.")
    open_count = sum(remains.is_open for remains in found)
    if open_count:
        say(console, f"Not ended yet: {open_count}; canceled first, by the server's cancel_rule.")
    say(console, f"{_counted(len(found), 'task')} would be erased. Nothing was done: say --yes.")


def _show_outcome(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        show_json(
            {
                "is_done": True,
                "tasks": [
                    {
                        **_remains_json(one.remains),
                        "is_canceled": one.remains.is_open,
                        "inputs_left": len(one.inputs_left),
                    }
                    for one in outcome.erased
                ],
                "files_removed": outcome.file_count,
                "files_left": outcome.files_left,
                "failed": [{"task_id": task_id, "why": why} for task_id, why in outcome.failed],
                "stays": STAYS,
                "not_reached": UNREACHED,
            }
        )
        return
    console = answers()
    inputs = sum(len(one.inputs) for one in outcome.erased)
    left = sum(len(one.inputs_left) for one in outcome.erased)
    say(
        console,
        f"Erased {_counted(len(outcome.erased), 'task')}; removed "
        f"{_counted(outcome.file_count, 'file')} and {_counted(inputs, 'input')}.",
    )
    if left:
        say(
            console,
            f"{_counted(left, 'input')} stay: another task needs them, or they came within the "
            "last hour, and a running server removes them after it.",
        )
    if outcome.files_left:
        say(console, f"{_counted(outcome.files_left, 'file')} could not be removed now; a server's "
            "sweep tries again.")  # fmt: skip
    if any(one.remains.is_open for one in outcome.erased):
        say(console, "Of canceled tasks, files that were being written go within seven hours.")
    _show_list("Stays on record:", STAYS)
    _show_list("Out of reach:", UNREACHED)
    jobs = [
        f"{submit.provider} ({submit.upstream_model}): {shown_ticket(submit)}"
        for one in outcome.erased
        for submit in one.remains.submits
        if submit.ticket is not None
    ]
    if jobs:
        _show_list("Jobs at providers:", jobs)
    for task_id, why in outcome.failed:
        say(talk(), f"{task_id} was not erased: {why}")


def _show_list(title: str, lines: Sequence[str]) -> None:
    console = answers()
    say(console, "")
    say(console, title)
    for line in lines:
        say(console, f"- {line}", indent=2, hang=2)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _status(remains: Remains) -> str:
    return "deleted" if remains.task is None else str(remains.task.status)


def _remains_json(remains: Remains) -> dict[str, object]:
    return {
        "task_id": remains.task_id,
        "account_id": remains.task and remains.task.account_id,
        "status": _status(remains),
        "files": len(remains.artifacts),
        "inputs": len(remains.inputs),
        "sent": [
            {
                "provider": submit.provider,
                "upstream_model": submit.upstream_model,
                "ticket": None if submit.ticket is None else shown_ticket(submit),
            }
            for submit in remains.submits
        ],
    }
