"""Every curl line that a page shows is run against a living server, as a reader would type it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import httpx2
import pytest

from journeying import Running, wait_until
from living import environment_of, rushes
from test_docs import PAGES, ROOT

EXAMPLE = "http://127.0.0.1:8080"
"""The address that pages show; here the server has another port."""

ID = re.compile(r"video_…")
NO_EXAMPLE = {"docs/contract.md", "docs/benchmarks.md", "CHANGELOG.md"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A command of a page, and the answer that the page shows below it, where it does."""

    page: str
    command: str
    answer: str | None

    def __str__(self) -> str:
        return f"{self.page}: {self.command[:60]}"


def shown() -> list[Shown]:
    found = []
    for page in PAGES:
        name = str(page.relative_to(ROOT))
        blocks = re.findall(
            r"```(?:sh|bash)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL
        )
        for block in blocks if name not in NO_EXAMPLE else ():
            found += commands(name, block)
    return found


def commands(page: str, block: str) -> list[Shown]:
    """Return the curl commands of a block, each with the comment right below it."""
    joined = re.sub(r"\\\n\s*", " ", block)
    lines = [*joined.splitlines(), ""]
    return [
        Shown(page, line, below.removeprefix("# ") if below.startswith("# {") else None)
        for line, below in pairwise(lines)
        if line.startswith("curl ")
    ]


def keys_shown(answer: str) -> list[str]:
    """Return the keys of an answer that a page shows, which may end in an ellipsis."""
    return re.findall(r'"(\w+)":', answer)


def test_the_pages_show_commands() -> None:
    pages = {each.page for each in shown()}
    assert {"README.md", "docs/how-to/webhooks.md", "docs/how-to/rehearse.md"} <= pages
    assert any(each.answer for each in shown())


def test_every_curl_of_a_page_stands_where_it_is_run() -> None:
    """A line in another kind of block would be run by nobody."""
    for page in PAGES:
        name = str(page.relative_to(ROOT))
        if name in NO_EXAMPLE:
            continue
        lines = re.findall(r"^\s*\$?\s*curl .*", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(lines) == len([each for each in shown() if each.page == name]), name


@pytest.fixture(scope="module")
def operator(server: Running) -> str:
    """The secret of an operator's key."""
    made = rushes(
        "keys", "create", "ops", "--admin", "--json", environment=environment_of(server.folder)
    )
    assert made.returncode == 0, made.stderr
    secret: str = json.loads(made.stdout)["secret"]
    return secret


def typed(server: Running, command: str, **more: str) -> dict[str, Any]:
    """Type a command into a shell that knows the server and its key; return what came."""
    ours = {"RUSHES_BASE_URL": server.url, "RUSHES_API_KEY": server.key}
    run = subprocess.run(
        ["/bin/sh", "-c", f"{command} --fail-with-body --silent --show-error"],
        env={**os.environ, **ours, **more},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def typed_until(server: Running, command: str, answer: str | None, **more: str) -> dict[str, Any]:
    """Type a command, again while the film is not made, and compare what came with `answer`."""
    told = [typed(server, command, **more)]
    if answer is None:
        return told[-1]
    word = re.search(r'"status":"(\w+)"', answer)

    def is_as_shown() -> bool:
        if word is not None and told[-1]["status"] != word[1]:
            told.append(typed(server, command, **more))
        return word is None or told[-1]["status"] == word[1]

    wait_until(is_as_shown, timeout_s=90, why=lambda: str(told[-1]))
    keys = keys_shown(answer)
    assert list(told[-1])[: len(keys)] == keys, command
    return told[-1]


@pytest.mark.parametrize("page", sorted({each.page for each in shown()}))
def test_what_a_page_types_is_answered_as_it_shows(
    server: Running, operator: str, page: str
) -> None:
    """Commands of a page follow each other: `video_…` is the task that the one before made."""
    made: list[str] = []
    for each in shown():
        if each.page != page:
            continue
        command = each.command.replace(EXAMPLE, server.url)
        if ID.search(command):
            assert made, f"{each} names a task, and none was made"
            command = ID.sub(made[-1], command)
        told = typed_until(server, command, each.answer, OPS=operator)
        made += [told["id"]] if told.get("id", "").startswith("video_") else []
    for name in made:
        cancel(server, name)


def cancel(server: Running, name: str) -> None:
    """Leave nothing behind that renders."""
    httpx2.post(
        f"{server.url}/v1/video/generations/{name}/cancel",
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=20,
    )
