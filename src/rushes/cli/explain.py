"""`rushes explain`: the story of a task on paper, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.text import Text

from rushes.cli.books import books, holder_of
from rushes.cli.paper import (
    Column,
    answers,
    facts,
    lasting,
    moment,
    plain,
    say,
    show_json,
    size,
    table,
)
from rushes.cli.plainly import FAILED, Refused
from rushes.clock import SystemClock
from rushes.deeds.showing import (
    shortened,
    shown_credential,
    shown_text,
    shown_ticket,
    shown_token,
    shown_value,
)
from rushes.deeds.story import (
    Case,
    case_json,
    headline,
    inputs_told,
    longest,
    money_told,
    outlook,
    prices_told,
    read_case,
    timeline,
)
from rushes.domain.submit import MEANING as VERDICTS
from rushes.domain.submit import PERHAPS_PAID, Submit, Verdict
from rushes.domain.task import Status, Task
from rushes.ports import ArtifactState
from rushes.settings import Settings, load

COLOURS: Final[Mapping[Status, str]] = {
    Status.IN_DOUBT: "yellow",
    Status.SUCCEEDED: "green",
    Status.FAILED: "red",
    Status.CANCELED: "red",
    Status.EXPIRED: "red",
}


def explain(task_id: str, *, as_json: bool) -> None:
    """Tell the whole story of a task.

    Raises:
        Refused: the books know nothing of it.
        SettingsRefused, Unready: why there are no books.
    """
    settings, clock = load(), SystemClock()
    with books(settings, clock) as store:
        holder = holder_of(store, settings)
        at = clock.now()
        case = store.read_now(lambda tx: read_case(tx, task_id, at=at, holder=holder))
    if not case.is_known:
        where = "RUSHES_DATABASE_URL" if settings.is_on_postgres else "RUSHES_DATA_DIR"
        books_read = "" if settings.is_on_postgres else f" in {settings.data_dir}"
        raise Refused(
            f"The books{books_read} know nothing of {plain(task_id)}.",
            FAILED,
            f"An id begins with video_; {where} says which books are read.",
        )
    case = with_lost(case, settings)
    if as_json:
        show_json(case_json(case))
    else:
        tell(answers(), case)


def with_lost(case: Case, settings: Settings) -> Case:
    """Note the kept files that are not where they should be; a bucket is not asked."""
    folder = settings.blobs_path
    if folder is None:
        return case
    lost = [
        artifact.blob
        for artifact in case.artifacts
        if artifact.state is ArtifactState.KEPT and not (folder / artifact.blob).is_file()
    ]
    return replace(case, lost=frozenset(lost))


# -- on paper ----------------------------------------------------------------------------------


def tell(console: Console, case: Case) -> None:
    """Print the story."""
    say(console, (case.task_id, "bold"))
    status = None if case.task is None else case.task.status
    say(console, (headline(case), COLOURS.get(status, "cyan") if status else "yellow"))
    if case.task is not None and case.task.failure is not None:
        say(console, shown_text(case.task.failure.message))
    if case.task is not None:
        _heading(console, "Wish")
        facts(console, _wish(case.task), indent=2)
    if case.told:
        _timeline(console, case)
    if case.faults:
        _faults(console, case)
    for submit in case.submits:
        _submit(console, submit)
    _heading(console, "Money")
    say(console, money_told(case), indent=2)
    for line in prices_told(case):
        say(console, line, indent=2, hang=2)
    if case.artifacts:
        _artifacts(console, case)
    _deeds(console, case)
    sentences = outlook(case)
    if sentences:
        _heading(console, "Now")
        for sentence in sentences:
            say(console, f"- {sentence}", indent=2, hang=2)


def _heading(console: Console, text: str) -> None:
    say(console, "")
    say(console, (text, "bold"))


def _wish(task: Task) -> list[tuple[str, str | Text]]:
    spec = task.spec
    seconds = "as long as it likes" if spec.seconds < 0 else f"{spec.seconds} s"
    shape = " ".join(part for part in (spec.resolution, spec.ratio) if part)
    sound = "with sound" if spec.with_audio else "silent"
    served = f", served by {task.served_by}" if task.served_by else ""
    rehearsal = ", a rehearsal by the sandbox" if task.is_rehearsal else ""
    measures = task.measures
    told: list[tuple[str, str | None]] = [
        ("model", plain(task.model) + served + rehearsal),
        ("mode", spec.mode),
        ("film", f"{seconds}, {spec.size} ({shape}), {sound}, seed {spec.seed}"),
        ("prompt", plain(spec.prompt)),
        ("not to see", spec.negative_prompt and plain(spec.negative_prompt)),
        ("inputs", "; ".join(inputs_told(spec))),
        ("remix of", spec.source_id),
        ("options", _mapping(spec.options)),
        ("passed on", _mapping(spec.passthrough)),
        ("metadata", _mapping(task.metadata)),
        ("start within", None if task.start_within_s is None else f"{task.start_within_s} s"),
        ("callback", task.callback_url and shown_text(task.callback_url)),
        ("end user", task.user and plain(task.user)),
        ("asked", f"{moment(task.created_at)} with {task.key_id}"),
        ("account", task.account_id),
        ("came out", None if measures is None else f"{measures.seconds:g} s, {measures.size}"),
        ("kept until", None if task.expires_at is None else moment(task.expires_at)),
    ]
    return [(name, value) for name, value in told if value]


def _mapping(given: Mapping[str, object]) -> str:
    return shortened(json.dumps(shown_value(given), ensure_ascii=False)) if given else ""


def _timeline(console: Console, case: Case) -> None:
    _heading(console, f"What happened ({case.told[0].at:%Y-%m-%d}, UTC)")
    lines = timeline(case)
    slow = longest(lines)
    columns = [
        Column("  WHEN"),
        Column("AFTER", rank=2, is_right=True),
        Column("STATUS", rank=1),
        Column("WHAT", is_wrapped=True),
    ]
    rows: list[list[str | Text]] = []
    first = lines[0].at.date()
    for line in lines:
        after = "" if line.since is None else lasting(line.since)
        what = Text(line.what)
        if line.status is slow:
            what.append("  <- most of the time", "dim")
        when = f"  {_clock(line.at)}"
        if line.at.date() != first:
            when = f"  {line.at:%m-%d} {_clock(line.at)}"
        rows.append([when, after, Text(line.status, COLOURS.get(line.status, "cyan")), what])
    table(console, columns, rows)


def _faults(console: Console, case: Case) -> None:
    _heading(console, "Trouble on the way")
    for fault in case.faults:
        span = _clock(fault.first_at)
        if fault.count > 1:
            span += f" to {_clock(fault.last_at)}"
        often = f"{fault.count} x" if fault.count > 1 else "once"
        say(
            console,
            f"{often} while {fault.status}, {span}: {shown_text(fault.note)}",
            indent=2,
            hang=2,
        )


def _submit(console: Console, submit: Submit) -> None:
    cost = "may be billed" if submit.is_billable else "costs nothing"
    _heading(console, f"Submit {submit.n} to {submit.provider} as {submit.upstream_model}, {cost}")
    is_open = submit.verdict in PERHAPS_PAID
    colour = "green" if submit.verdict is Verdict.DELIVERED else "yellow" if is_open else "default"
    answered = "not answered yet"
    if submit.answered_at is not None:
        answered = f"answered after {lasting(submit.answered_at - submit.intent_at)}"
    told: list[tuple[str, str | Text | None]] = [
        ("verdict", Text.assemble((submit.verdict, colour), f": {VERDICTS[submit.verdict]}")),
        ("sent", f"{_clock(submit.intent_at)}, {answered}"),
        ("why", submit.reason and f"{submit.reason}"),
        ("note", shown_text(submit.note) or None),
        ("with", f"{shown_credential(submit)}, token {shown_token(submit.token)}"),
        ("ticket", None if submit.ticket is None else shortened(shown_ticket(submit))),
        ("usage", _mapping(submit.usage) if submit.usage else None),
        ("not known there", f"{submit.missing_count} looks" if submit.missing_count else None),
        ("looked after", f"{submit.look_count} times" if submit.look_count else None),
        ("told to cancel", "yes" if submit.is_cancel_told else None),
    ]
    facts(console, [(name, value) for name, value in told if value is not None], indent=2)


def _artifacts(console: Console, case: Case) -> None:
    _heading(console, "Files")
    columns = [
        Column("  KIND"),
        Column("STATE", rank=1),
        Column("SIZE", rank=2, is_right=True),
        Column("SHA256", rank=4),
        Column("BLOB", rank=3, is_wrapped=True),
    ]
    rows: list[list[str | Text]] = [
        [
            f"  {artifact.kind}",
            Text("LOST", "red") if artifact.blob in case.lost else Text(artifact.state),
            size(artifact.size_bytes) if artifact.size_bytes else "",
            artifact.sha256[:12],
            artifact.blob,
        ]
        for artifact in case.artifacts
    ]
    table(console, columns, rows)


def _deeds(console: Console, case: Case) -> None:
    if case.deeds:
        _heading(console, "What operators did")
    for deed in case.deeds:
        what = f"{moment(deed.at)} {deed.verb} by {plain(deed.actor)}: {shown_text(deed.note)}"
        say(console, what, indent=2, hang=2)


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"
