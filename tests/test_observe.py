"""What operators see never gets in the way of what callers get."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from rushes.observe import about, conceal, configure_logs, log

TASK = "video_0192f3c4a5b67c8d9e0f1a2b3c4d5e6f"


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_a_line_goes_to_standard_error_as_it_is_now(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(level="INFO", as_json=True)
    log.info("a film is ready", task_id="video_1")
    assert '"task_id": "video_1"' in capsys.readouterr().err


def test_a_line_that_cannot_be_written_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    configure_logs(level="INFO", as_json=False)
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    log.error("nobody hears this")


@pytest.mark.advisory("GO-2026-4813")
def test_no_line_tells_a_prompt_or_a_secret(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(level="INFO", as_json=True)
    log.warning("refused", prompt="a red fox", key="Bearer sk-live-abcdefghijklmnop")
    told = capsys.readouterr().err
    assert "refused" in told
    assert "fox" not in told
    assert "abcdefghij" not in told


def test_what_is_concealed_is_in_no_line_whoever_writes_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    secret = "correct-horse-battery"
    configure_logs(level="INFO", as_json=True)
    conceal([secret, "short"])
    try:
        raise ConnectionError(f"postgresql://rushes:{secret}@db/rushes is away")
    except ConnectionError as fault:
        log.error("a step broke", exc_info=fault, note=f"with {secret}")
        logging.getLogger("a.library").exception("it said %s", secret)
    told = capsys.readouterr().err
    assert told.count("ConnectionError") >= 2
    assert secret not in told
    log.info("a short word is no secret")
    assert "short word" in capsys.readouterr().err


def test_the_lines_of_libraries_are_json_too_and_know_what_they_are_about(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs(level="INFO", as_json=True, has_traces=True)
    with about(task_id=TASK, request_id="req_1"):
        logging.getLogger("rushes.store.feed").warning("cut off: %s, Bearer abcdefgh", "gone")
        log.warning("the store is busy")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    for line in lines:
        assert line["task_id"] == TASK
        assert line["request_id"] == "req_1"
        assert line["trace_id"] == TASK.removeprefix("video_")
        assert {"event", "level", "timestamp"} <= set(line)
    assert lines[0]["logger"] == "rushes.store.feed"
    assert lines[0]["event"] == "cut off: gone, Bearer …"


def test_a_line_outside_of_a_task_or_without_traces_names_no_trace(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs(level="INFO", as_json=True, has_traces=True)
    log.info("about the database", note="made")
    configure_logs(level="INFO", as_json=True)
    log.info("a wish was refused", task_id=TASK, why="no")
    assert "trace_id" not in capsys.readouterr().err
