"""`rushes doctor`: every check, a line each, and what to do."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import typer
from rich.console import Console
from rich.text import Text

from rushes.cli.checks import Finding, State, fail, of_folder, of_machine, of_settings, ok
from rushes.cli.outlook import of_outlook
from rushes.cli.paper import Column, answers, plain, say, show_json, table
from rushes.cli.pending import of_books
from rushes.cli.plainly import FAILED
from rushes.cli.seals import of_seals
from rushes.cli.serving import settings_of
from rushes.clock import SystemClock
from rushes.settings import SettingsRefused, config_path

COLOURS: Final[Mapping[State, str]] = {
    State.OK: "green",
    State.WARN: "yellow",
    State.FAIL: "bold red",
}


def doctor(host: str | None, port: int | None, *, as_json: bool) -> None:
    """Check everything, and tell all of it.

    Raises:
        typer.Exit: 1 if something is broken.
    """
    findings = list(examine(host, port))
    is_broken = any(finding.state is State.FAIL for finding in findings)
    if as_json:
        show_json(
            {"is_healthy": not is_broken, "findings": [finding_json(one) for one in findings]}
        )
    else:
        tell(answers(), findings)
    if is_broken:
        raise typer.Exit(FAILED)


def examine(host: str | None, port: int | None) -> Iterator[Finding]:
    """Make every check; what hangs on settings is left out where they are refused."""
    yield from of_machine()
    file = config_path()
    told = "defaults and environment; no rushes.toml" if file is None else str(file.resolve())
    try:
        settings = settings_of(host, port)
    except SettingsRefused as refused:
        remedy = "Mend them; the folder and the rest are checked then."
        yield from (fail("settings", line, remedy) for line in str(refused).splitlines())
        return
    yield ok("settings", told)
    now = SystemClock().now()
    yield from of_folder(settings, now)
    yield of_seals(settings, now)
    yield from of_books(settings, now)
    yield from of_settings(settings)
    yield from of_outlook(settings, now, os.environ)


def tell(console: Console, findings: Sequence[Finding]) -> None:
    """Print the findings, and a verdict."""
    rows: list[list[str | Text]] = []
    for finding in findings:
        told = Text(plain(finding.told))
        if finding.remedy:
            told.append(f"\n-> {finding.remedy}", "bold")
        rows.append([Text(finding.state, COLOURS[finding.state]), finding.name, told])
    table(console, [Column(""), Column(""), Column("", is_wrapped=True)], rows)
    say(console, "")
    say(console, summary(findings))


def summary(findings: Sequence[Finding]) -> Text:
    """Say how it stands altogether."""
    broken = sum(finding.state is State.FAIL for finding in findings)
    doubtful = sum(finding.state is State.WARN for finding in findings)
    if broken:
        return Text(f"{broken} broken, {doubtful} to look at.", COLOURS[State.FAIL])
    if doubtful:
        return Text(f"It works; {doubtful} to look at.", COLOURS[State.WARN])
    return Text("All is well.", COLOURS[State.OK])


def finding_json(finding: Finding) -> dict[str, object]:
    """Return a finding for machines."""
    return {
        "name": finding.name,
        "state": finding.state,
        "told": finding.told,
        "remedy": finding.remedy or None,
    }
