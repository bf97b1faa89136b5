"""`rushes demo --chaos`: what it tells is what both sides wrote down."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from living import Typed, environment_of
from rushes.cli.paper import NAME
from rushes.testing.audit import read_log
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


@pytest.mark.promise("P1")
@pytest.mark.promise("P2")
@pytest.mark.promise("P10")
def test_a_server_killed_mid_submit_loses_nothing_and_a_stranger_sees_both_books(
    tmp_path: Path,
) -> None:
    run = chaos(tmp_path, "--wishes", "6", "--seed", "3", "--keep", "--json")
    assert run.returncode == 0, run.stdout + run.stderr
    told = json.loads(run.stdout)
    assert told["told"] == "6 wishes, 6 billed, 6 films, 0 lost, 0 twice"
    assert [kill["is_mid_submit"] for kill in told["kills"]].count(True) == 2
    assert len(told["kills"]) == 6
    log = read_log(Path(told["upstream_log"]))
    begun = {line.job_id: line.film_sha256 for line in log if line.is_accepted}
    assert len(begun) == 6
    films = {
        line["job_id"]: wish["film_sha256"]
        for wish in told["books"]
        for line in wish["upstream"]
        if line["is_begun"]
    }
    assert films == begun
    assert len(set(begun.values())) == 6
    assert "mid-submit" in run.stderr


@pytest.mark.long
@pytest.mark.promise("P11")
def test_what_cannot_be_found_again_is_in_salvage_and_the_line_says_so(tmp_path: Path) -> None:
    run = chaos(tmp_path, "--unsearchable", "--seed", "3")
    assert run.returncode == 0, run.stdout + run.stderr
    closing = next(line for line in run.stdout.splitlines() if "0 lost, 0 twice" in line)
    assert "12 wishes, 12 billed, " in closing
    assert " in salvage, " in closing
    assert "1, in doubt" in run.stdout
    assert "It has no list to search." in run.stdout
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
