"""`rushes demo --chaos`: kill the server in the middle of a submit, and count afterwards.

Nothing is told that was not read: the upstream's side comes from the log that it writes itself,
ours from the tables, and an auditor that belongs to neither holds them together.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from rushes.cli.demo import Stage, child_environment, leaving_in_order, scratch_folder
from rushes.cli.paper import Column, answers, ourselves, say, show_json, table, talk
from rushes.cli.plainly import FAILED, Refused
from rushes.domain.submit import Verdict
from rushes.domain.task import Event, Status
from rushes.store.sqlite import SqliteStore
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
from rushes.testing.fleet import Fleet, NotUp
from rushes.testing.showdown import Act, Plan, Showdown, Unproven, plan

SEED_MAX: Final = 9999
ID_SHOWN: Final = 4
DIGEST_SHOWN: Final = 8
NOTHING: Final = "-"

HEARD: Final = {
    None: "whole",
    "slow": "held back",
    "drop": "line cut",
    "server_error": "said 500",
    "rate_limited": "said 429",
}
"""What came of the upstream's answer, by the fault in its log."""


@dataclass(frozen=True, slots=True)
class Chaos:
    """What is played. Without a `seed` one is drawn."""

    wishes: int
    seed: int | None
    is_searchable: bool
    is_kept: bool


@dataclass(frozen=True, slots=True)
class Played:
    """What was played, and what both sides have to say of it."""

    plan: Plan
    kills: tuple[Act, ...]
    books: Books
    log: tuple[Creation, ...]
    witness: Witness
    audited: Audited
    asked_again: int


@dataclass(slots=True)
class _Reader:
    """Our tables, opened once there are any."""

    path: Path
    store: SqliteStore | None = field(default=None, init=False)

    def books(self) -> Books:
        if self.store is None:
            self.store = SqliteStore(self.path)
        return read_books(self.store)

    def close(self) -> None:
        if self.store is not None:
            self.store.close()


def play(wanted: Chaos, *, as_json: bool) -> None:
    """Play it, tell it, judge it.

    Raises:
        Refused: a promise did not hold, or a moment that had to come did not.
    """
    seed = secrets.randbelow(SEED_MAX) + 1 if wanted.seed is None else wanted.seed
    planned = plan(seed, wanted.wishes, is_searchable=wanted.is_searchable)
    stage = Stage(talk() if as_json else answers())
    with leaving_in_order(), scratch_folder(is_kept=wanted.is_kept) as folder:
        _open(stage.console, planned)
        try:
            played = _play(planned, folder, stage)
        except (NotUp, Unproven) as error:
            raise Refused(str(error), FAILED) from error
        kept = folder if wanted.is_kept else None
        if as_json:
            show_json(_told(played, kept))
        else:
            _tell(stage.console, played, kept)
    if not played.audited.is_clean:
        raise Refused("\n".join(map(str, played.audited.findings)), FAILED)


def _play(planned: Plan, folder: Path, stage: Stage) -> Played:
    log = folder / "upstream.jsonl"
    with closing(_Reader(folder / "data" / "rushes.db")) as reader:
        fleet = Fleet(folder, child_environment(os.environ, folder / "data"))
        showdown = Showdown(planned, fleet, reader.books, log)
        with closing(showdown):
            for act in showdown.acts():
                stage.done(act.sentence, is_blow=act.kills)
            books, created = reader.books(), read_log(log)
            witness = showdown.crowded.witness
        blobs = folder / "data" / "blobs"
        audited = audit(books, created, witness, blob_sha256=lambda name: _digest(blobs / name))
        kills, again = tuple(showdown.kills), showdown.crowded.asked_again
        return Played(planned, kills, books, created, witness, audited, again)


def _digest(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


# -- what is said ------------------------------------------------------------------------------


def _open(console: Console, planned: Plan) -> None:
    say(console, ("Rushes demo, chaos", "bold"), ": nothing lost, nothing paid twice")
    is_found = "Its list can be searched." if planned.is_searchable else "It has no list to search."
    say(
        console,
        f"{len(planned.wishes)} wishes go to an upstream that charges for each it begins. It holds "
        "answers back, cuts lines, says 429, and says 500 after it has begun. ",
        is_found,
        " Meanwhile the server is killed with kill -9.",
        indent=2,
    )
    say(console, "")


def _tell(console: Console, played: Played, kept: Path | None) -> None:
    say(console, "")
    columns = [
        Column("wish", is_cut=True),
        Column("upstream's log"),
        Column("answer"),
        Column("its film", rank=1),
        Column("our tables"),
        Column("submits"),
        Column("our film"),
    ]
    table(console, columns, [_row(played, wish) for wish in played.plan.wishes])
    say(console, "")
    clean = played.audited.is_clean
    style = "bold green" if clean else "bold red"
    say(console, ("✓ " if clean else "✗ ", style), (str(played.audited), style))
    for line in _explained(played):
        say(console, (line, "dim"), indent=2)
    if kept is not None:
        say(console, ("The upstream's log: ", "dim"), str(kept / "upstream.jsonl"), indent=2)
        say(console, ("Our data folder:    ", "dim"), str(kept / "data"), indent=2)


def _explained(played: Played) -> list[str]:
    gaps = sum(act.is_mid_submit for act in played.kills)
    killed = f"The server was killed {len(played.kills)} times, {gaps} of them between"
    faults = Counter(line.fault for line in played.log)
    cut, failed, busy = (faults[each] for each in ("drop", "server_error", "rate_limited"))
    spoiled = f"{cut} were cut off and {failed} were a 500, after the film was begun"
    lines = [
        f"{killed} “begun there” and “known here”.",
        f"Of the upstream's answers {spoiled}; {busy} were a 429.",
        "Films are told by the first letters of their SHA-256, on both sides.",
    ]
    if played.audited.salvaged:
        lines.append(
            "In salvage: begun upstream without an answer, and not to be found. Such a wish fails "
            "and is not submitted again; the submit is on record: rushes salvage list."
        )
    us = ourselves()
    way = "" if played.plan.is_searchable else " --unsearchable"
    return [*lines, f"The same seed again: {us} demo --chaos{way} --seed {played.plan.seed}"]


def _row(played: Played, wish: str) -> list[str | Text]:
    lines = _lines_of(played.log, wish)
    kept = played.books.by_prompt.get(wish)
    harm = {finding.about for finding in played.audited.findings}
    return [
        Text(wish, "bold red" if wish in harm else ""),
        "\n".join(f"{line.at:%H:%M:%S} {_job(line)}" for line in lines),
        "\n".join(HEARD.get(line.fault, line.fault or "") for line in lines),
        "\n".join((line.film_sha256 or NOTHING)[:DIGEST_SHOWN] for line in lines),
        NOTHING if kept is None else _status(kept),
        NOTHING if kept is None else _submits(kept),
        NOTHING if kept is None else _film(kept),
    ]


def _job(line: Creation) -> str:
    return f"…{line.job_id[-ID_SHOWN:]}" if line.job_id else NOTHING


def _lines_of(log: Sequence[Creation], wish: str) -> list[Creation]:
    return [line for line in log if line.prompt == wish]


def _status(kept: Kept) -> Text:
    style = "green" if kept.task.status is Status.SUCCEEDED else "yellow"
    return Text(kept.task.status, style)


def _submits(kept: Kept) -> str:
    """Say how many submits there were that may be billed, and what was special about them."""
    refused = sum(submit.verdict is Verdict.RETURNED for submit in kept.submits)
    told = [str(len(kept.submits) - refused)]
    told += [f"{refused} refused"] if refused else []
    if any(event.event is Event.DOUBTED for event in kept.events):
        told += ["found" if kept.task.status is Status.SUCCEEDED else "in doubt"]
    return ", ".join(told)


def _film(kept: Kept) -> str:
    return NOTHING if kept.film is None else kept.film.sha256[:DIGEST_SHOWN]


def _told(played: Played, kept: Path | None) -> dict[str, object]:
    audited = played.audited
    return {
        "seed": played.plan.seed,
        "is_searchable": played.plan.is_searchable,
        "wishes": audited.wishes,
        "billed": audited.billed,
        "films": audited.films,
        "salvaged": audited.salvaged,
        "open": audited.open,
        "lost": audited.count(Harm.LOST),
        "twice": audited.count(Harm.TWICE),
        "wrong": audited.count(Harm.WRONG),
        "told": str(audited),
        "findings": [str(finding) for finding in audited.findings],
        "kills": [
            {"sentence": act.sentence, "is_mid_submit": act.is_mid_submit} for act in played.kills
        ],
        "asked_again": played.asked_again,
        "books": [_wish_told(played, wish) for wish in played.plan.wishes],
        "upstream_log": None if kept is None else kept / "upstream.jsonl",
        "data_dir": None if kept is None else kept / "data",
    }


def _wish_told(played: Played, wish: str) -> dict[str, object]:
    kept = played.books.by_prompt.get(wish)
    film = None if kept is None else kept.film
    return {
        "wish": wish,
        "upstream": [
            {
                "at": line.at,
                "is_begun": line.is_accepted,
                "job_id": line.job_id,
                "fault": line.fault,
                "film_sha256": line.film_sha256,
            }
            for line in _lines_of(played.log, wish)
        ],
        "task_id": None if kept is None else kept.task.id,
        "status": None if kept is None else kept.task.status,
        "verdicts": [] if kept is None else [submit.verdict for submit in kept.submits],
        "film_bytes": None if film is None else film.size_bytes,
        "film_sha256": None if film is None else film.sha256,
    }
