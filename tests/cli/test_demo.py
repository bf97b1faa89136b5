"""`rushes demo`: from nothing to a film, and nothing left behind but the film."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from journeying import wait_until
from living import environment_of, said_until
from rushes.cli.demo import child_environment

SMALL = ("--seconds", "1", "--size", "854x480")


def environment(home: Path, **given: str) -> dict[str, str]:
    """A caller's environment whose own settings would lead elsewhere, and a folder for scratch."""
    (home / "scratch").mkdir(exist_ok=True)
    elsewhere = {"RUSHES_BASE_URL": "http://127.0.0.1:1", "RUSHES_API_KEY": "sk-wrong"}
    mine = environment_of(home / "mine", TMPDIR=str(home / "scratch"), **elsewhere)
    return {**mine, **given}


def demo(home: Path, *words: str, **given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rushes", "demo", *words],
        env=environment(home, **given),
        cwd=home,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=90,
        check=False,
    )


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def servers_of(pid: int) -> list[int]:
    """The servers that a demo has started."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if b"serve" in words and str(pid).encode() in words:
                found.append(int(folder.name))
    return found


def test_a_stranger_sees_a_film_made(tmp_path: Path) -> None:
    (tmp_path / "rushes.toml").write_text("this is no TOML, and none of the demo's business")
    run = demo(tmp_path, *SMALL)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stderr == ""
    film = tmp_path / "rushes-demo.mp4"
    digest = hashlib.sha256(film.read_bytes()).hexdigest()
    for words in (
        "a server of its own at http://127.0.0.1:",
        "accepted, and durable: video_",
        "completed 100 %",
        "film      rushes-demo.mp4",
        "1 s, 854x480",
        digest,
        "What to try next",
        "rushes serve",
        'rushes generate "…" -o film.mp4',
    ):
        assert words in run.stdout, words
    assert all(line == line.rstrip() for line in run.stdout.splitlines())
    assert "sk-" not in run.stdout
    assert not list((tmp_path / "scratch").glob("rushes-demo-*"))
    assert not (tmp_path / "mine").exists()


@pytest.mark.long
def test_a_kept_demo_can_be_explained(tmp_path: Path) -> None:
    run = demo(tmp_path, *SMALL, "--keep", "--json", "--output", "film.mp4")
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert told["path"] == str(tmp_path / "film.mp4")
    assert told["sha256"] == hashlib.sha256((tmp_path / "film.mp4").read_bytes()).hexdigest()
    explained = subprocess.run(
        [sys.executable, "-m", "rushes", "explain", told["id"]],
        env=environment_of(Path(told["data_dir"])),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "succeeded after" in explained.stdout


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGTERM, marks=pytest.mark.long),
        pytest.param(signal.SIGINT, marks=pytest.mark.long),
    ],
)
def test_the_server_of_a_demo_dies_with_it(number: signal.Signals, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "rushes", "demo", "--seconds", "20"],
        env=environment(tmp_path),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        said_until(process, "rendering")
        (server,) = servers_of(process.pid)
        process.send_signal(number)
        process.wait(40)
        wait_until(lambda: not is_alive(server), timeout_s=20)
    if number is not signal.SIGKILL:
        assert process.returncode in {130, 128 + signal.SIGTERM}
        assert not list((tmp_path / "scratch").glob("rushes-demo-*"))
    assert not (tmp_path / "rushes-demo.mp4").exists()


def test_a_demo_that_cannot_leave_its_film_does_not_begin(tmp_path: Path) -> None:
    run = demo(tmp_path, "--output", "no/such/folder/film.mp4")
    assert run.returncode == 2
    assert "There is no folder no/such/folder" in run.stderr
    assert run.stdout == ""


def test_a_film_that_cannot_be_made_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    run = demo(tmp_path, "--size", "3x3")
    assert run.returncode == 1
    assert "size" in run.stderr
    assert "Traceback" not in run.stderr
    assert not list((tmp_path / "scratch").glob("rushes-demo-*"))


def test_the_demos_server_gets_none_of_our_settings(tmp_path: Path) -> None:
    theirs = child_environment(
        {"RUSHES_DATABASE_URL": "x", "RUSHES_CONFIG": "y", "PATH": os.defpath, "PYTHONPATH": "p"},
        tmp_path,
    )
    assert {name for name in theirs if name.startswith("RUSHES_")} == {"RUSHES_DATA_DIR"}
    assert theirs["PATH"] == os.defpath
    assert theirs["PYTHONPATH"].endswith(f"{os.pathsep}p")
