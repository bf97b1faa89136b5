"""`rushes demo --chaos`: what it tells is what both sides wrote down."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from living import Typed, environment_of, said_until
from rushes.cli.paper import NAME
from rushes.clock import SystemClock
from rushes.folder import open_books
from rushes.settings import load
from rushes.testing.audit import audit, read_books, read_log
from rushes.testing.showdown import plan

PATIENCE_S = 150.0


def chaos(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    (home / "scratch").mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", NAME, "demo", "--chaos", *words],
        env=environment_of(home / "mine", TMPDIR=str(home / "scratch")),
        cwd=home,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE_S,
        check=False,
    )


def form_of(line: str) -> str:
    """A line without what differs from run to run: numbers, digests, wishes, statuses."""
    line = re.sub(r"“\d+\. [^”]*”", "“wish”", line.rstrip())
    line = re.sub(r"(at work: ).*?(  [\d.]+ m?s)?$", r"\1…\2", line)
    return re.sub(
        r"[\d.]+ m?s$", "time", re.sub(r"\d+", "0", re.sub(r"\d[\d.]* m?s$", "0 s", line))
    )


def is_row(line: str) -> bool:
    return bool(re.match(r"\d+\. |\s+\d\d:\d\d:\d\d ", line))


def shown_in_the_readme() -> list[str]:
    page = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    return [line for line in block.splitlines() if line]


@pytest.mark.promise("P1")
@pytest.mark.promise("P2")
@pytest.mark.promise("P10")
def test_a_server_killed_mid_submit_loses_nothing_and_a_stranger_sees_both_books(
    tmp_path: Path,
) -> None:
    run = chaos(tmp_path, "--wishes", "6", "--seed", "3", "--keep")
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stderr == ""
    assert "\n✓ 6 wishes, 6 billed, 6 films, 0 lost, 0 twice\n" in run.stdout
    said = run.stdout.splitlines()
    assert sum(line.startswith("  ✗ kill -9 ") for line in said) == 6
    assert sum(" mid-submit: " in line for line in said) == 2

    folder = Path(next(line for line in said if "Our data folder" in line).split()[-1])
    log = read_log(folder.parent / "upstream.jsonl")
    with closing(open_books(load(data_dir=folder), SystemClock())) as store:
        books = read_books(store)
    assert str(audit(books, log)) == "6 wishes, 6 billed, 6 films, 0 lost, 0 twice"
    films = {line.job_id or "": line.film_sha256 or "" for line in log if line.is_accepted}
    assert len(set(films.values())) == 6
    for job_id, digest in films.items():
        (row,) = [line for line in said if f"…{job_id[-4:]}  " in line]
        assert digest[:8] in row

    forms = {form_of(line) for line in said}
    for line in shown_in_the_readme():
        if not is_row(line):
            assert form_of(line) in forms, f"the README shows {line!r}"


@pytest.mark.long
def test_machines_are_told_the_same(tmp_path: Path) -> None:
    run = chaos(tmp_path, "--wishes", "6", "--seed", "3", "--json")
    assert run.returncode == 0, run.stdout + run.stderr
    told = json.loads(run.stdout)
    assert told["told"] == "6 wishes, 6 billed, 6 films, 0 lost, 0 twice"
    assert (told["lost"], told["twice"], told["wrong"], told["open"]) == (0, 0, 0, 0)
    assert [kill["is_mid_submit"] for kill in told["kills"]].count(True) == 2
    for wish in told["books"]:
        (begun,) = [line for line in wish["upstream"] if line["is_begun"]]
        assert begun["film_sha256"] == wish["film_sha256"]
    assert "mid-submit" in run.stderr
    assert not list((tmp_path / "scratch").glob("rushes-demo-*"))


@pytest.mark.long
@pytest.mark.promise("P11")
def test_what_cannot_be_found_again_is_in_salvage_and_the_line_says_so(tmp_path: Path) -> None:
    run = chaos(tmp_path, "--unsearchable", "--seed", "3")
    assert run.returncode == 0, run.stdout + run.stderr
    closing_line = next(line for line in run.stdout.splitlines() if "0 lost, 0 twice" in line)
    assert "12 wishes, 12 billed, " in closing_line
    assert " in salvage, " in closing_line
    assert "1, in doubt" in run.stdout
    assert "It has no list to search." in run.stdout


@pytest.mark.long
def test_whoever_stops_it_leaves_nothing_running_and_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", NAME, "demo", "--chaos"],
        env=environment_of(tmp_path / "mine", TMPDIR=str(tmp_path / "scratch")),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        said = said_until(process, "a server of its own")
        started = [int(found) for found in re.findall(r"process (\d+)", said)]
        assert len(started) == 2
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 128 + signal.SIGTERM
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]
    assert not list((tmp_path / "scratch").glob("rushes-demo-*"))


def test_the_plan_is_drawn_from_its_seed_and_hurts_wishes_of_both_halves() -> None:
    for seed in range(50):
        one = plan(seed, 12)
        assert one == plan(seed, 12)
        (first, second), (early, late) = one.halves, one.held
        assert early in first
        assert late in second
        hurt = [one.cut, one.failing, one.busy, set(one.held)]
        assert sum(map(len, hurt)) == len(set().union(*hurt)) == 8
        prompts = one.wishes
        assert not [(a, b) for a in prompts for b in prompts if a != b and a in b]


@pytest.mark.parametrize("words", [("--seed", "1"), ("--wishes", "9"), ("--unsearchable",)])
def test_what_only_chaos_knows_is_refused_without_it(words: tuple[str, ...], typed: Typed) -> None:
    result = typed("demo", *words)
    assert result.exit_code == 2
    assert "go with --chaos" in result.output
