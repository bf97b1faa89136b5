"""Every line that the source can write is explained to whoever reads logs, field by field."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src" / "rushes"
PAGE = ROOT / "docs" / "logs.md"
LEVELS = {
    "debug": "debug",
    "info": "info",
    "warning": "warning",
    "error": "error",
    "exception": "error",
    "critical": "critical",
}
LOGS = frozenset({"log", "_log", "logger", "logging"})
NOT_A_SERVERS = frozenset({"testing", "client", "studio"})
SECRET = frozenset({"prompt", "url", "secret", "key", "token", "authorization", "body", "headers"})


@dataclass
class Line:
    """What is known of one sentence: its level, and the fields it has."""

    level: str
    fields: set[str] = field(default_factory=set)


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        owner = node.func.value
        if isinstance(owner, ast.Name) and owner.id in LOGS and node.func.attr in LEVELS:
            yield node


@cache
def written() -> dict[str, Line]:
    """Every sentence of the source. One that is put together at run time is refused."""
    found: dict[str, Line] = {}
    for path in sorted(SRC.rglob("*.py")):
        if path.relative_to(SRC).parts[0] in NOT_A_SERVERS:
            continue
        text = path.read_text(encoding="utf-8")
        if re.search(r"\b_?log\w*\.\w+\(", text) is None:
            continue
        for call in calls(ast.parse(text)):
            where = f"{path.relative_to(SRC)}:{call.lineno}"
            event = call.args[0] if call.args else None
            assert isinstance(event, ast.Constant), f"{where}: the sentence must stand there whole"
            assert isinstance(call.func, ast.Attribute)
            names = {keyword.arg for keyword in call.keywords}
            assert None not in names, f"{where}: fields must be named one by one"
            line = found.setdefault(str(event.value), Line(LEVELS[call.func.attr]))
            assert line.level == LEVELS[call.func.attr], f"{where}: one sentence, one level"
            line.fields |= {"exception" if name == "exc_info" else str(name) for name in names}
            line.fields |= {"exception"} if call.func.attr == "exception" else set()
    return found


def explained() -> dict[str, Line]:
    found = {}
    for row in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        if len(cells) == 4 and cells[0].startswith("`"):
            fields = set(re.findall(r"`(\w+)`", cells[2]))
            found[cells[0].strip("`")] = Line(cells[1], fields)
    return found


def test_every_line_and_every_field_is_on_the_page_and_the_other_way_round() -> None:
    assert explained() == written()


def test_no_field_is_one_that_may_hold_what_is_nobodys_business() -> None:
    for event, line in written().items():
        assert not line.fields & SECRET, event


def test_a_task_is_called_the_same_in_every_line() -> None:
    ids = {name for line in written().values() for name in line.fields if name.endswith("_id")}
    assert ids <= {"task_id", "request_id", "event_id"}
