"""SQL lives in `store/` and nowhere else: who else wrote to tasks could break every promise."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

import rushes

SOURCE = Path(rushes.__file__).parent
LIBRARIES = {"sqlalchemy", "sqlite3", "alembic", "psycopg", "asyncpg"}
GUESTS = {
    SOURCE / "engine" / "dispatch.py": {"sqlalchemy"},
    SOURCE / "engine" / "workflows.py": {"sqlalchemy"},
    SOURCE / "cli" / "checks.py": {"sqlite3"},
}
"""The workflow library wants our engine and our connection; the doctor wants SQLite's version."""

MAY_NAME = {"Engine", "Connection"}
STATEMENT = re.compile(
    r"\bSELECT\s.+\sFROM\b|(?i:\bINSERT\s+(OR\s+\w+\s+)?INTO\s"
    r"|\bUPDATE\s+\w+\s+SET\s|\bDELETE\s+FROM\s|\b(CREATE|DROP|ALTER)\s+(TABLE|INDEX)\s)",
    re.DOTALL,
)
ELSEWHERE = sorted(path for path in SOURCE.rglob("*.py") if SOURCE / "store" not in path.parents)


def libraries_of(nodes: Sequence[ast.AST]) -> set[str]:
    """Return the database libraries that a module imports."""
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names & LIBRARIES


def sqlalchemy_names_of(nodes: Sequence[ast.AST]) -> set[str]:
    """Return what a module takes from SQLAlchemy, by `sa.name` or by import."""
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in {"sa", "sqlalchemy"}:
                names.add(node.attr)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
            names |= {alias.name for alias in node.names}
    return names


def statements_of(nodes: Sequence[ast.AST]) -> list[str]:
    """Return the strings of a module that read as SQL; docstrings may talk about it."""
    docs = {
        id(node.body[0].value)
        for node in nodes
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in nodes
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docs
        and STATEMENT.search(node.value)
    ]


@pytest.mark.parametrize("path", ELSEWHERE, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_statement_is_written_outside_the_store(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    assert statements_of(nodes) == []
    assert libraries_of(nodes) <= GUESTS.get(path, set())
    if "sqlalchemy" in libraries_of(nodes):
        assert sqlalchemy_names_of(nodes) <= MAY_NAME


def test_the_search_would_find_one() -> None:
    nodes = list(
        ast.walk(
            ast.parse('''
"""Docs may say UPDATE tasks SET status."""
import sqlalchemy as sa
from sqlite3 import connect
from sqlalchemy import delete
sa.update(tasks)
run("update  tasks set status = 1")
run(f"DELETE FROM tasks WHERE id = {id}")
run("SELECT id\\nFROM tasks")
run("Please select a card from the list")
''')
        )
    )
    assert len(statements_of(nodes)) == 3
    assert libraries_of(nodes) == {"sqlalchemy", "sqlite3"}
    assert sqlalchemy_names_of(nodes) == {"update", "delete"}
