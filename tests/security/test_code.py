"""What the sources must not contain: ways from a caller's words to code, pages or addresses."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

import rushes

SRC = Path(rushes.__file__).parent
FILES = sorted(SRC.rglob("*.py"))

MODULES = {
    "pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "jsonpickle",
    "yaml", "jinja2", "mako", "chameleon", "code", "codeop", "imp", "pty", "xml", "lxml",
}  # fmt: skip
"""Libraries that turn data into code or objects, or fetch what a document names."""

CALLS = {"eval", "exec", "compile", "__import__", "execfile"}
LOADS = {"import_module", "find_spec", "run_path", "run_module", "spec_from_file_location"}

MAY_LOAD = {
    "__init__.py": "the client's names, by a table of ours",
    "cli/demo.py": "whether the server's libraries are there, named there",
    "cli/checks.py": "the doctor tries libraries of ours, named there",
    "cli/picture.py": "whether the library of pictures is there",
    "cli/simulating.py": "a simulator of the house that an operator names on the command line",
    "media/sealer.py": "whether the library of seals is there",
    "providers/_local_diffusers_child.py": "libraries and pipelines that are named there",
    "providers/local_diffusers.py": "whether the library of pipelines is there",
    "providers/_vertex_tokens.py": "whether the library of Google credentials is there",
    "providers/registry.py": "a provider's kind, from the operator's settings",
    "studio/__main__.py": "the studio's own modules",
    "testing/conformance/providers.py": "scenes of the house",
    "testing/providers_page.py": "providers of the house",
    "testing/scaffold/__init__.py": "whether the formatter is there",
}
"""Who loads a module by a name that is computed, and whose name it is: never a request's."""

STARTS = {
    "asyncio.create_subprocess_exec",
    *(f"subprocess.{name}" for name in ("run", "Popen", "check_output", "check_call", "call")),
}
MAY_START = {
    "providers/registry.py": "`command:…`, a credential of the settings, without a shell",
    "media/children.py": "a Python of ours that decodes",
    "providers/_local_diffusers_rigs.py": "a Python of ours, or of the settings, that renders",
    "studio/farm.py": "a Python of ours that draws",
    "cli/demo.py": "our own server",
    "provenance.py": "a command of our own",
    "testing/fleet.py": "our own server",
    "testing/scaffold/__init__.py": "the formatter",
}
"""Who starts processes, and what they are."""


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def calls_in(path: Path) -> tuple[tuple[ast.Call, str, str], ...]:
    """Return the calls of a file: it is read once for all that is asked of it."""
    return tuple(calls_of(tree_of(path)))


def there(reasons: Mapping[str, str]) -> set[str]:
    """Return the files of a table that there are."""
    return {name for name in reasons if (SRC / name).exists()}


def named(path: Path) -> str:
    return str(path.relative_to(SRC))


def calls_of(tree: ast.AST) -> Iterator[tuple[ast.Call, str, str]]:
    """Yield every call, with the name that is called and what it is called on."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node, node.func.id, ""
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node, node.func.attr, ast.unparse(node.func.value)


def modules_of(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


RCE = ("CVE-2026-37004", "CVE-2026-42203", "GHSA-46cm-pfwv-cgf8", "CVE-2026-40217")


@pytest.mark.advisory(*RCE)
def test_nothing_evaluates_words_or_unpickles_bytes() -> None:
    for path in FILES:
        modules = modules_of(tree_of(path)) & MODULES
        assert not modules, f"{named(path)}: {modules}"
        wrong = [name for _, name, on in calls_in(path) if name in CALLS and not on]
        assert not wrong, f"{named(path)} calls {wrong}"


@pytest.mark.advisory(*RCE)
@pytest.mark.advisory("CVE-2026-86242", "CVE-2026-90898")
def test_a_module_is_loaded_by_name_in_few_places_and_never_by_a_requests_word() -> None:
    loading = {named(path) for path in FILES for _, name, _ in calls_in(path) if name in LOADS}
    assert loading == there(MAY_LOAD)
    assert not [place for place in loading if place.startswith(("http/", "gateway/", "domain/"))]


@pytest.mark.advisory(*RCE)
def test_processes_are_started_in_few_places_and_never_through_a_shell() -> None:
    starting: set[str] = set()
    for path in FILES:
        for call, name, on in calls_in(path):
            shells = [word for word in call.keywords if word.arg == "shell"]
            assert not shells, f"{named(path)} starts a shell"
            assert (on, name) not in {("os", "system"), ("os", "popen")}, named(path)
            assert name != "create_subprocess_shell", named(path)
            if f"{on}.{name}" in STARTS:
                starting.add(named(path))
    assert starting == there(MAY_START)


@pytest.mark.advisory(*RCE)
def test_no_template_of_anyone_is_rendered() -> None:
    """`str.format` of a text that is not written on the spot is a template language, too."""
    for path in FILES:
        for call, name, _ in calls_in(path):
            if name not in {"format", "format_map"} or not isinstance(call.func, ast.Attribute):
                continue
            text = call.func.value
            words = ast.unparse(text)  # a name of a constant, or a formatter of the log
            is_own = isinstance(text, ast.Constant) or words.isupper() or words == "super()"
            assert is_own or named(path).startswith("testing/"), f"{named(path)}:{call.lineno}"


FETCHES = {
    "agents/serving.py": "Rushes itself, for an agent",
    "blobs/uploads.py": "the operator's own bucket",
    "cli/listening.py": "a caller's own server, from the command line",
    "client/async_client.py": "the client's server",
    "client/sync_client.py": "the client's server",
    "client/openai/clients.py": "the client's server",
    "media/fetch.py": "the guarded fetcher",
    "media/poster.py": "the guarded poster",
    "media/transport.py": "the wall itself",
    "providers/rest.py": "upstreams of the operator's settings",
}
"""Who may open connections over HTTP: all else has no client."""

CLIENTS = {"Client", "AsyncClient", "AsyncHTTPTransport", "HTTPTransport", "AsyncConnectionPool",
           "GuardedTransport", "urlopen", "HTTPConnection", "HTTPSConnection"}  # fmt: skip


@pytest.mark.promise("P9")
@pytest.mark.advisory("CVE-2025-6242", "vllm-omni#2565", "CVE-2025-66405")
def test_few_rooms_can_open_a_connection_and_the_wire_is_none_of_them() -> None:
    opening = {
        named(path)
        for path in FILES
        for _, name, on in calls_in(path)
        if name in CLIENTS and not named(path).startswith("testing/") and "DBOS" not in on
    }
    assert opening == there(FETCHES)


@pytest.mark.promise("P9")
@pytest.mark.advisory("CVE-2025-6242", "sglang#17269", "GO-2025-4154")
def test_no_library_follows_a_redirect_for_the_house() -> None:
    """Each hop of a caller's address is judged; so nobody may follow one behind our back."""
    for path in FILES:
        if named(path).startswith(("client/", "testing/")):
            continue
        for call, _, _ in calls_in(path):
            following = [word for word in call.keywords if word.arg == "follow_redirects"]
            assert not following, f"{named(path)}:{call.lineno}"


@pytest.mark.advisory(*RCE)
def test_the_search_would_find_what_it_looks_for() -> None:
    tree = ast.parse(
        "import yaml\nfrom pickle import loads\neval(x)\nimport_module(n)\nre.compile(p)"
    )
    assert modules_of(tree) & MODULES == {"yaml", "pickle"}
    assert [name for _, name, on in calls_of(tree) if name in CALLS and not on] == ["eval"]
    assert [name for _, name, _ in calls_of(tree) if name in LOADS] == ["import_module"]
