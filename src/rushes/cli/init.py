"""`rushes init`: a settings file that works, from a few answers; checked for free afterwards."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import typer

from rushes.cli.asking import Asker, asker
from rushes.cli.checks import Finding, State, of_provider
from rushes.cli.doctor import finding_json, tell
from rushes.cli.paper import answers, say, show_json, talk
from rushes.cli.plainly import FAILED, Refused
from rushes.cli.plan import Given, Plan, planned
from rushes.configured import catalog_of
from rushes.folder import Unready
from rushes.settings import Settings, SettingsRefused, config_path, load

FIRST_WISH: Final = '"A paper boat crosses a rain puddle"'
STANDARD_OUTPUT: Final = Path("-")


def init(given: Given, person: Asker | None = None) -> None:
    """Ask what was not said, write the file, check its provider, and say how to begin.

    `person` is who can be asked; by default whoever is at the terminal.

    Raises:
        Refused: something said cannot be meant, or is missing with nobody to ask.
        typer.Exit: 1 if the file is written and its provider is not ready.
    """
    if person is None and not (given.is_hurried or given.is_for_machines):
        person = asker()
    is_file = given.output != STANDARD_OUTPUT
    if is_file and given.output.exists() and not given.is_forced:
        raise Refused(
            f"{given.output} is there already; --force replaces it, and --output - prints the "
            "tables so that you can add them by hand."
        )
    plan = planned(given, person)
    text = toml_of(plan)
    settings = read(text)
    if not is_file:
        _print(text, as_json=given.is_for_machines)
        return
    _write(given.output, text)
    say(talk(), f"Wrote {given.output}. Checking {plan.name} without submitting anything:")
    findings = list(of_provider(settings, settings.providers[0]))
    if given.is_for_machines:
        show_json(_told(plan, given.output, findings))
    else:
        tell(answers(), findings)
        _offer(plan, given.output, person)
    if any(finding.state is State.FAIL for finding in findings):
        raise typer.Exit(FAILED)


def _print(text: str, *, as_json: bool) -> None:
    if as_json:
        show_json({"toml": text})
    else:
        answers().print(text, end="", soft_wrap=True)


def _told(plan: Plan, output: Path, findings: Sequence[Finding]) -> dict[str, object]:
    return {
        "path": output.resolve(),
        "provider": plan.name,
        "kind": plan.kind,
        "model": plan.model,
        "is_billable": plan.is_billable,
        "findings": [finding_json(finding) for finding in findings],
        "next": first_film(plan, output),
    }


# -- the file ----------------------------------------------------------------------------------


def toml_of(plan: Plan) -> str:
    """Write the settings file: every line says what it is for."""
    told = [
        ("name", plan.name, "yours to choose; routes name it"),
        ("kind", plan.kind, "how it is spoken to: docs/providers.md"),
        ("profile", plan.profile, "which sort of server it is"),
        ("base_url", plan.base_url, "where it is"),
        (
            "api_key",
            plan.api_key,
            "where its key is: env:NAME, file:PATH, command:…; never the key",
        ),
        ("in_flight_max", plan.in_flight_max, "tasks with it at once"),
    ]
    terms: list[tuple[str, object, str]]
    if plan.is_billable:
        terms = [
            ("billable", True, "a submit may cost money: without an answer it is never sent again")
        ]
    else:
        terms = [
            ("billable", False, "your own: a submit without an answer may be sent again"),
            ("attempts_max", 3, "how often in all"),
        ]
    lines = [
        "# Settings of a Rushes server, written by `rushes init`. Whatever is not said here has a",
        "# default: docs/settings.md. `rushes doctor` checks it; SIGHUP has it read anew.",
        "",
        "[[providers]]",
        *_lines(told),
        *(["[providers.options]"] if plan.options else []),
        *(f"{key} = {_toml(value)}" for key, value in plan.options.items()),
        "",
        "[[models]]",
        *_lines(
            [
                ("id", plan.model, "what your callers write"),
                ("card", plan.card, "whose rules apply: seconds, sizes, inputs"),
            ]
        ),
        "[[models.routes]]",
        *_lines(
            [
                ("provider", plan.name, ""),
                ("model", plan.upstream_model, "what the upstream is asked for"),
                *terms,
            ]
        ),
    ]
    return "\n".join(lines) + "\n"


def _lines(told: Sequence[tuple[str, object, str]]) -> list[str]:
    said = [(f"{key} = {_toml(value)}", why) for key, value, why in told if value is not None]
    width = max(len(line) for line, _ in said)
    return [f"{line:<{width}}  # {why}" if why else line for line, why in said]


def _toml(value: object) -> str:
    """Write a value as TOML: JSON's texts, numbers and lists are, and tables differ."""
    if isinstance(value, Mapping):
        pairs = (f"{json.dumps(key)} = {_toml(each)}" for key, each in value.items())
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str | bool | int | float):
        return json.dumps(value, ensure_ascii=False)
    return str(value)  # a date or time of TOML's own


def read(text: str) -> Settings:
    """Read the file as a server would, before it is one.

    Raises:
        Refused: a server would not take it.
    """
    try:
        settings = load(**tomllib.loads(text))
        catalog_of(settings)
    except (tomllib.TOMLDecodeError, SettingsRefused, Unready) as error:
        raise Refused(str(error)) from None
    return settings


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    with NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.absolute().parent, prefix=".rushes-", delete=False
    ) as file:
        file.write(text)
    made = Path(file.name)
    made.chmod(0o644)  # there is no secret in it
    made.replace(path)


# -- the first film ----------------------------------------------------------------------------


def first_film(plan: Plan, output: Path) -> list[str]:
    """Return the commands that lead to a first film."""
    found = config_path()
    is_found = found is not None and found.resolve() == output.resolve()
    lines = [] if is_found else [f"export RUSHES_CONFIG={output.resolve()}"]
    source, _, variable = (plan.api_key or "").partition(":")
    if source == "env" and not os.environ.get(variable):
        lines.append(f"export {variable}=…          # the upstream's key, for the server")
    return [
        *lines,
        "rushes serve                        # prints your first Rushes key, once",
        "export RUSHES_API_KEY=sk-live-…     # that key, in another terminal",
        f"rushes generate {FIRST_WISH} --model {plan.model} -o first.mp4",
    ]


def _offer(plan: Plan, output: Path, person: Asker | None) -> None:
    console = answers()
    say(console, "")
    say(console, "Your first film:")
    say(console, "")
    for line in first_film(plan, output):
        console.print(f"  {line}", style="bold", soft_wrap=True)
    say(console, "")
    if plan.is_billable:
        trial = f"rushes verify-provider {plan.name} --max-cost 0.50"
        say(console, f"It may cost money. `{trial}` tries the upstream with one small film.")
    if person is not None and config_path() is not None:
        say(console, "")
        if person.confirms("Start the server now", default=False):
            from rushes.cli.serving import Post, serve  # noqa: PLC0415 -- opened only where it is wanted

            serve(Post(), as_json=False)
