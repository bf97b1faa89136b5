"""The light install: client and command line without the server's libraries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import rushes
from living import Living, environment_of

HEAVY = [
    "alembic",
    "av",
    "c2pa",
    "cryptography",
    "cv2",
    "dbos",
    "httptools",
    "mcp",
    "msgspec",
    "numpy",
    "PIL",
    "prometheus_client",
    "pydantic_settings",
    "sqlalchemy",
    "starlette",
    "structlog",
    "uvicorn",
    "uvloop",
]
"""Of the server only; pydantic is not among them, as typer brings it."""

OURS = {"rushes.cli", "rushes.client", "rushes.deeds"}

WITHOUT = f"""
import sys
for name in {HEAVY!r}:
    sys.modules[name] = None  # which import takes for "there is none"
from rushes.cli import main
sys.argv = ["rushes", *sys.argv[1:]]
main()
"""


def python(program: str, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=cwd,
        env=environment_of(cwd / "data", RUSHES_BASE_URL="http://127.0.0.1:1"),
    )


@pytest.mark.parametrize(
    "program",
    [
        "from rushes.cli import menu",
        "from rushes.cli import menu, filming, deriving, shows, watching, telling, listening",
    ],
)
def test_help_and_the_callers_verbs_load_nothing_of_the_server(
    program: str, tmp_path: Path
) -> None:
    run = python(f"{program}\nimport sys\nprint(*sys.modules)", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    loaded = set(run.stdout.split())
    assert not {name.partition(".")[0] for name in loaded} & set(HEAVY)
    ours = {".".join(name.split(".")[:2]) for name in loaded if name.startswith("rushes.")}
    assert ours <= OURS


def test_help_loads_not_even_the_client(tmp_path: Path) -> None:
    run = python("from rushes.cli import menu\nimport sys\nprint(*sys.modules)", cwd=tmp_path)
    assert not {"httpx2", "rushes.client"} & set(run.stdout.split())


def test_help_and_version_work_without_the_server(tmp_path: Path) -> None:
    assert "generate" in python(WITHOUT, "--help", cwd=tmp_path).stdout
    assert python(WITHOUT, "--version", cwd=tmp_path).stdout == f"rushes {rushes.__version__}\n"


VERBS = ("serve", "keys list", "doctor")
MORE_VERBS = (
    "demo",
    "init --yes",
    "migrate",
    "models update cards.toml",
    "verify-provider gpu --max-cost 1",
    "verify film.mp4",
    "keys create bob",
    "keys revoke key_1",
    "explain video_1",
    "salvage list",
    "webhooks list",
    "webhooks endpoints add https://a.example/",
)


@pytest.mark.parametrize(
    "words", [*VERBS, *(pytest.param(words, marks=pytest.mark.long) for words in MORE_VERBS)]
)
def test_a_verb_of_the_server_says_in_one_sentence_what_to_install(
    words: str, tmp_path: Path
) -> None:
    run = python(WITHOUT, *words.split(), cwd=tmp_path)
    assert run.returncode == 2, run.stderr
    assert run.stderr.count("\n") == 1
    assert "pip install 'rushes[server]'" in run.stderr
    assert run.stdout == ""
    assert not list(tmp_path.iterdir())


def test_agents_need_an_extra_of_their_own(tmp_path: Path) -> None:
    run = python(WITHOUT, "mcp", cwd=tmp_path)
    assert run.returncode == 2, run.stderr
    assert run.stderr.count("\n") == 1
    assert "pip install 'rushes[mcp]'" in run.stderr


def test_a_callers_verb_goes_out_to_the_server(tmp_path: Path) -> None:
    """Without a key it says so; it got as far as the client."""
    run = python(WITHOUT, "models", cwd=tmp_path)
    assert run.returncode == 2
    assert "RUSHES_API_KEY" in run.stderr


@pytest.mark.long
def test_a_bare_venv_gets_the_light_command_line(tmp_path: Path, server: Living) -> None:
    checkout = Path(__file__).parents[2]
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True, timeout=120)
    subprocess.run(
        [venv / "bin" / "pip", "install", "--quiet", checkout],
        check=True,
        timeout=600,
        cwd=tmp_path,
    )
    environment = {**environment_of(tmp_path / "data"), "RUSHES_API_KEY": "sk-1"}
    environment |= {"RUSHES_BASE_URL": "http://127.0.0.1:1"}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [venv / "bin" / "rushes", *words],
            env={**environment, "PATH": os.defpath},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=tmp_path,
        )

    assert run("--version").stdout == f"rushes {rushes.__version__}\n"
    asked = run("list")
    assert asked.returncode == 1
    assert "nobody answers there" in asked.stderr
    environment |= {"RUSHES_BASE_URL": server.url, "RUSHES_API_KEY": server.secret}
    made = run("generate", "a heron", "--seconds", "1", "--resolution", "480p", "-o", "heron.mp4")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "heron.mp4").read_bytes()[4:8] == b"ftyp"
    served = run("serve")
    assert served.returncode == 2
    assert "pip install 'rushes[server]'" in served.stderr
    installed = subprocess.run(
        [venv / "bin" / "pip", "list"], capture_output=True, text=True, check=True, timeout=60
    ).stdout.lower()
    assert not {"dbos", "sqlalchemy", "numpy", "starlette"} & set(installed.split())
