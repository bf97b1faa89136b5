"""`rushes serve`: what it refuses, what it says, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path

import httpx2
import pytest
from rich.console import Console

from journeying import end
from living import Typed, environment_of, living, rushes, said_until
from rushes.cli.serving import Opened, _ended_by_signals, banner, opened_json
from rushes.folder import Unready, lock_folder
from rushes.listening import listen_for_operators
from rushes.settings import SettingsRefused, load
from rushes.testing.builders import a_key

SECRET = "sk-live-open-sesame"

WRONG = """
[[providers]]
name = "gpu"
kind = "openai_videos"
base_url = "http://127.0.0.1:9/v1"
api_key = "env:NO_SUCH_KEY"
[[providers]]
name = "odd"
kind = "nothing"
base_url = "http://127.0.0.1:9/v1"
[[models]]
id = "one"
card = "no-such-card"
[[models.routes]]
provider = "gpu"
model = "wan"
"""


def shown(opened: Opened, *, width: int = 80) -> str:
    file = StringIO()
    banner(Console(file=file, width=width, force_terminal=True, color_system=None), opened)
    return file.getvalue()


def opened_at(address: str, tmp_path: Path, *, is_first: bool = True) -> Opened:
    settings = load(data_dir=tmp_path / "data")
    return Opened(address, settings, (a_key(SECRET), SECRET) if is_first else None)


def test_the_banner_says_where_and_what_to_try(tmp_path: Path) -> None:
    told = shown(opened_at("http://127.0.0.1:8080", tmp_path), width=300)
    assert told.splitlines()[0].endswith("at http://127.0.0.1:8080")
    assert str(tmp_path / "data") in told
    assert "http://127.0.0.1:8080/docs" in told
    assert "http://127.0.0.1:8080/console" in told
    assert "rushes generate" in told
    assert "RUSHES_BASE_URL" not in told
    assert len(told.splitlines()) <= 20


def test_a_first_key_is_shown_once_with_that_sentence(tmp_path: Path) -> None:
    told = shown(opened_at("http://127.0.0.1:8080", tmp_path))
    assert told.count(SECRET) == 1
    assert "shown this once" in told
    later = shown(opened_at("http://127.0.0.1:8080", tmp_path, is_first=False))
    assert "sk-live" not in later
    assert "rushes keys create" in later


def test_what_another_terminal_needs_stands_in_one_block(tmp_path: Path) -> None:
    told = shown(opened_at("http://127.0.0.1:9000", tmp_path), width=300)
    assert (
        "Try, in another terminal:\n\n"
        "  export RUSHES_BASE_URL=http://127.0.0.1:9000\n"
        f"  export RUSHES_API_KEY={SECRET}\n"
        "  rushes generate "
    ) in told


def test_another_port_is_told_to_the_client(tmp_path: Path) -> None:
    told = shown(opened_at("http://127.0.0.1:9000", tmp_path))
    assert "export RUSHES_BASE_URL=http://127.0.0.1:9000" in told


def test_a_narrow_terminal_breaks_no_command(tmp_path: Path) -> None:
    told = shown(opened_at("http://127.0.0.1:8080", tmp_path), width=40)
    assert f"  export RUSHES_API_KEY={SECRET}\n" in told


@pytest.mark.parametrize(
    "place", ["nowhere", "8081", ":8081", "127.0.0.1:0", "127.0.0.1:99999", ""]
)
def test_where_operators_are_answered_is_a_place_or_a_word(place: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="HOST:PORT"):
        load(data_dir=tmp_path, server={"admin": place})


def test_operators_and_callers_do_not_share_a_port_by_two_names(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="say another, or same"):
        load(data_dir=tmp_path, server={"admin": "localhost:8080", "port": 8080})


def test_operators_have_a_socket_of_their_own_only_where_one_is_named(tmp_path: Path) -> None:
    for word in ("same", "off"):
        assert listen_for_operators(load(data_dir=tmp_path, server={"admin": word})) is None
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Unready, match="cannot listen"):
            listen_for_operators(load(data_dir=tmp_path, server={"admin": place}))
    listener = listen_for_operators(load(data_dir=tmp_path, server={"admin": place}))
    assert listener is not None
    with listener:
        assert place.endswith(f":{listener.getsockname()[1]}")


def test_help_says_what_is_taken_if_nothing_is_typed(typed: Typed) -> None:
    """In brackets it would be taken for a style, and be gone."""
    told = " ".join(typed("serve", "--help", COLUMNS="200").stdout.split())
    assert "(else: 127.0.0.1)" in told
    assert "(else: 8080)" in told


def test_machines_get_the_same_facts(tmp_path: Path) -> None:
    told = opened_json(opened_at("http://127.0.0.1:8080", tmp_path))
    assert told["url"] == "http://127.0.0.1:8080"
    assert told["pid"] == os.getpid()
    assert isinstance(told["key"], dict)
    assert told["key"]["secret"] == SECRET
    assert opened_json(replace(opened_at("http://x", tmp_path), key=None))["key"] is None


def test_what_a_second_ctrl_c_cuts_off_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("uvicorn.error")
    with _ended_by_signals():
        log.error("Exception in ASGI application", exc_info=asyncio.CancelledError())
        log.error("Exception in ASGI application", exc_info=RuntimeError("a bug"))
    (record,) = caplog.records
    assert "a bug" in str(record.exc_info)


# -- refusals ----------------------------------------------------------------------------------


def test_a_taken_port_is_one_clear_sentence(typed: Typed, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        run = typed("serve", "--port", str(other.getsockname()[1]))
    assert run.exit_code == 2
    assert run.stderr.count("\n") == 1
    assert "Address already in use" in run.stderr
    assert run.stdout == ""
    assert not (tmp_path / "data").exists()


def test_a_folder_that_another_server_has_is_refused(typed: Typed, tmp_path: Path) -> None:
    with lock_folder(tmp_path / "data"):
        run = typed("serve", "--port", "0")
    assert run.exit_code == 2
    assert "Stop it, or choose another RUSHES_DATA_DIR" in run.stderr
    assert run.stdout == ""


def test_wrong_settings_are_refused_with_every_complaint(typed: Typed, tmp_path: Path) -> None:
    config = tmp_path / "rushes.toml"
    config.write_text('log_level = "LOUD"\nnonsense = 1\n[storage]\nurl = "s3://films"\n')
    run = typed("serve", RUSHES_CONFIG=str(config))
    assert run.exit_code == 2
    assert "log_level" in run.stderr
    assert "nonsense" in run.stderr


def test_every_provider_and_card_that_is_wrong_is_told_at_once(
    typed: Typed, tmp_path: Path
) -> None:
    config = tmp_path / "rushes.toml"
    config.write_text(WRONG)
    run = typed("serve", "--port", "0", RUSHES_CONFIG=str(config))
    assert run.exit_code == 2
    assert "3 complaints" in run.stderr
    for words in ("NO_SUCH_KEY", "nothing", "no-such-card"):
        assert words in run.stderr
    assert "Traceback" not in run.stderr


def test_a_refusal_lets_go_of_the_folder(typed: Typed, tmp_path: Path) -> None:
    config = tmp_path / "rushes.toml"
    config.write_text(WRONG)
    typed("serve", "--port", "0", RUSHES_CONFIG=str(config))
    lock_folder(tmp_path / "data").close()


@pytest.mark.parametrize("words", [["--port", "99999"], ["--port", "eight"], ["--nonsense"]])
def test_wrong_words_are_refused_by_the_command_line(words: list[str], typed: Typed) -> None:
    assert typed("serve", *words).exit_code == 2


# -- real processes ----------------------------------------------------------------------------


@contextmanager
def served(home: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server with its banner for people: the process, and all that it said."""
    process = subprocess.Popen(
        [sys.executable, "-m", "rushes", "serve", "--port", "0"],
        env=environment_of(home / "data"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, said_until(process, "Ctrl-C")
    finally:
        end(process)
        if process.stderr is not None:
            process.stderr.close()


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)]
)
def test_a_signal_ends_a_server_in_order(number: signal.Signals, tmp_path: Path) -> None:
    with served(tmp_path) as (process, said):
        address = said.partition(" at ")[2].splitlines()[0]
        assert httpx2.get(f"{address}/readyz", trust_env=False).status_code == 200
        process.send_signal(number)
        out, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert out == ""
    assert errors == "Stopped. What was unfinished goes on at the next start.\n"


def test_only_the_first_start_shows_a_key_and_it_works(tmp_path: Path) -> None:
    with served(tmp_path) as (_, said):
        address = said.partition(" at ")[2].splitlines()[0]
        secret = said.partition("RUSHES_API_KEY=")[2].split()[0]
        answer = httpx2.get(
            f"{address}/v1/models", headers={"Authorization": f"Bearer {secret}"}, trust_env=False
        )
        assert answer.status_code == 200
    with served(tmp_path) as (_, said):
        assert "sk-" not in said
        assert "rushes keys create" in said


@pytest.mark.long
def test_a_key_made_first_is_enough(tmp_path: Path) -> None:
    assert (
        rushes(
            "keys", "create", "ops", "--json", environment=environment_of(tmp_path / "data")
        ).returncode
        == 0
    )
    with living(tmp_path) as server:
        assert server.opened["key"] is None


@pytest.mark.parametrize("role", ["api", "worker"])
def test_on_sqlite_only_serve_runs_and_the_others_say_why(role: str, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "rushes", role],
        env=environment_of(tmp_path / "data"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 2
    assert f"`rushes {role}` needs PostgreSQL: SQLite is one process" in run.stderr
    assert not (tmp_path / "data").exists()
