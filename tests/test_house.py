"""The house keeps its shape: imports run down one stair, type-checking imports included."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from rushes.providers.registry import FLOOR

SRC = Path(__file__).parent.parent / "src" / "rushes"

MAY_IMPORT: dict[str, set[str]] = {
    "domain": set(),
    "cards": set(),
    "clock": set(),
    "bell": set(),
    "flights": set(),
    "turnstile": set(),
    "together": set(),
    "traces": set(),
    "lean": set(),
    "observe": {"lean", "traces"},
    "client": set(),
    "agents": {"client"},
    "ports": {"domain"},
    "settings": {"domain"},
    "studio": {"domain"},
    "media": {"domain", "ports", "traces"},
    "providers": {"domain", "media", "traces"},
    "moderation": {"domain", "ports", "providers"},
    "blobs": {"ports", "domain", "clock"},
    "store": {"ports", "domain", "clock", "lean", "together"},
    "deeds": {"ports", "domain", "observe"},
    "gateway": {"ports", "domain", "clock", "observe", "flights", "traces"},
    "engine": {"ports", "providers", "media", "domain", "clock", "observe", "traces"},
    "http": {"gateway", "deeds", "domain", "ports", "observe", "clock", "traces"},
    "telemetry": {"observe", "settings", "traces"},
    "testing": {
        "ports",
        "domain",
        "clock",
        "providers",
        "media",
        "studio",
        "engine",
        "deeds",
        "observe",
        "settings",
    },
    "storage": {"blobs", "buckets", "clock", "folder", "ports", "providers", "settings"},
    "buckets": {"blobs", "clock", "folder", "providers", "settings"},
    "folder": {"domain", "ports", "clock", "deeds", "settings", "store", "engine"},
    "listening": {"folder", "settings", "studio"},
    "terms": {"domain", "engine", "media", "ports", "settings"},
    "provenance": {"clock", "folder", "media", "observe", "providers", "settings"},
    "truth": {"bell", "clock", "folder", "settings", "store"},
    "configured": {"domain", "settings", "engine", "moderation", "ports", "providers", "folder"},
    "rooms": {
        "clock",
        "configured",
        "domain",
        "engine",
        "http",
        "media",
        "observe",
        "ports",
        "provenance",
        "providers",
        "settings",
        "storage",
        "studio",
        "telemetry",
        "terms",
        "together",
        "traces",
        "truth",
        "turnstile",
    },
    "answering": {
        "blobs",
        "deeds",
        "domain",
        "engine",
        "gateway",
        "http",
        "observe",
        "ports",
        "providers",
        "rooms",
        "settings",
        "storage",
        "terms",
    },
    "app": {
        "answering",
        "clock",
        "configured",
        "domain",
        "folder",
        "http",
        "listening",
        "observe",
        "rooms",
        "settings",
        "storage",
        "terms",
    },
    "cli": {
        "agents",
        "blobs",
        "storage",
        "engine",
        "deeds",
        "client",
        "app",
        "listening",
        "terms",
        "configured",
        "settings",
        "domain",
        "observe",
        "testing",
        "folder",
        "ports",
        "provenance",
        "providers",
        "media",
        "store",
        "clock",
    },
    "__main__": {"cli"},
    "__init__": {"client"},
}
"""Room → the rooms it may know. A room that is not named here may not exist."""

ONLY = {
    ("providers", "studio"): {"providers/sandbox.py"},
    ("engine", "providers"): None,
    ("testing", "engine"): None,
}


def room_of(path: Path) -> str:
    parts = path.relative_to(SRC).parts
    return parts[0].removesuffix(".py")


def files() -> list[Path]:
    return sorted(SRC.rglob("*.py"))


@cache
def imports_of(path: Path) -> tuple[str, ...]:
    """Modules that a file imports, wherever in it the import stands."""
    return tuple(_imports_in(ast.parse(path.read_text(encoding="utf-8"))))


def _imports_in(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_known_by(path: Path) -> set[str]:
    names = {name.split(".")[1] for name in imports_of(path) if name.startswith("rushes.")}
    rooms = set(MAY_IMPORT)
    return {name for name in names if name in rooms}


def test_every_room_is_on_the_plan() -> None:
    assert {room_of(path) for path in files()} <= set(MAY_IMPORT)


def test_imports_run_one_way() -> None:
    wrong = set()
    for path in files():
        home = room_of(path)
        for room in rooms_known_by(path) - {home} - MAY_IMPORT[home]:
            if str(path.relative_to(SRC)) in (ONLY.get((home, room)) or set()):
                continue
            wrong.add(f"{path.relative_to(SRC)} -> {room}")
    assert not wrong


def test_the_stair_has_no_circle() -> None:
    """Each room stands above every room it knows."""
    height: dict[str, int] = {}

    def climb(room: str, seen: tuple[str, ...]) -> int:
        assert room not in seen, " -> ".join([*seen, room])
        if room not in height:
            below = [climb(other, (*seen, room)) for other in MAY_IMPORT[room]]
            height[room] = 1 + max(below, default=0)
        return height[room]

    for room in MAY_IMPORT:
        climb(room, ())


def test_no_provider_knows_another() -> None:
    shared = FLOOR
    for path in (SRC / "providers").glob("*.py"):
        if path.stem in shared:
            continue
        known = {
            name.split(".")[2]
            for name in imports_of(path)
            if name.startswith("rushes.providers.") and name.count(".") >= 2
        }
        modules = {other.stem for other in (SRC / "providers").glob("*.py")} - shared
        assert {kind_of(module) for module in known & modules} <= {kind_of(path.stem)}, path


def kind_of(module: str) -> str:
    """The provider a module is: `ark` of `ark`, and of its part `_ark_orders`."""
    kinds = {other.stem for other in (SRC / "providers").glob("[!_]*.py")}
    bare = module.removeprefix("_")
    return next((kind for kind in kinds if bare == kind or bare.startswith(f"{kind}_")), module)


def test_the_engine_knows_providers_by_their_floor_only() -> None:
    for path in (SRC / "engine").glob("*.py"):
        known = {n for n in imports_of(path) if n.startswith("rushes.providers.")}
        assert {name.split(".")[2] for name in known} <= {"base"}, path


def test_the_workflow_library_is_known_to_two_files_only() -> None:
    knowing = {
        str(path.relative_to(SRC))
        for path in files()
        if any(name.split(".")[0] == "dbos" for name in imports_of(path))
    }
    assert knowing == {"engine/dispatch.py", "engine/workflows.py"}


def test_the_story_knows_no_engine() -> None:
    """What the simulator drives must not import what it stands in for."""
    allowed = {"dispatch.py", "workflows.py"}
    for path in (SRC / "engine").glob("*.py"):
        if path.name in allowed:
            continue
        assert not {"dbos", "sqlalchemy", "asyncio"} & {n.split(".")[0] for n in imports_of(path)}


@pytest.mark.parametrize("name", ["utils", "common", "helpers", "misc", "manager"])
def test_no_room_is_a_drawer(name: str) -> None:
    assert not [path for path in files() if path.stem == name]


def test_opentelemetry_is_known_to_one_room_that_is_loaded_late() -> None:
    """Who has not installed the extra must not miss it."""
    for path in files():
        text = path.read_text(encoding="utf-8")
        knows = re.search(r"^\s*(from|import) opentelemetry", text, re.MULTILINE)
        assert not knows or path.name == "telemetry.py", path
        assert not re.search(r"^(from|import) rushes\.telemetry", text, re.MULTILINE), path


def test_nothing_but_the_engine_sleeps() -> None:
    """Loops that wait belong to the engine; so wait clockwork, SDK, a worker without schema."""
    may_sleep = {"engine/workflows.py", "http/server.py", "client/wires.py", "cli/serving.py"}
    sleeping = {
        str(path.relative_to(SRC))
        for path in files()
        if re.search(r"\b(time|asyncio)\.sleep\(", path.read_text(encoding="utf-8"))
        and not str(path.relative_to(SRC)).startswith("testing/")
    }
    assert sleeping <= may_sleep, sleeping - may_sleep


def test_sql_is_spoken_in_the_store_only() -> None:
    speaking = {
        str(path.relative_to(SRC))
        for path in files()
        if any(name.split(".")[0] == "sqlalchemy" for name in imports_of(path))
        and not str(path.relative_to(SRC)).startswith("store/")
    }
    assert speaking <= {"engine/dispatch.py", "engine/workflows.py"}


def test_nothing_refers_to_what_does_not_come_along() -> None:
    """Whoever clones the repository has nothing beside it."""
    root = SRC.parent.parent
    folders = ("src", "tests", "docs", "benchmarks", "examples", "clients")
    pages = [
        page
        for folder in folders
        for page in (root / folder).rglob("*")
        if page.suffix in {".py", ".md", ".toml", ".json", ".sh", ".js", ".mjs", ".ts", ".go"}
        and page != Path(__file__)
    ]
    for page in [*pages, root / "README.md", root / "Makefile", root / "pyproject.toml"]:
        text = page.read_text(encoding="utf-8")
        for word in ("../shared", "/work/", "DESIGN §", "notes/"):
            assert word not in text, f"{page.relative_to(root)} speaks of {word}"
