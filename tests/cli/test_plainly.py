"""Errors that are expected are sentences with an exit code; a bug stays a traceback."""

from __future__ import annotations

import sqlite3

import pytest
import sqlalchemy as sa
import typer

from rushes.cli.plainly import FAILED, REFUSED, Refused, plainly
from rushes.client import ConnectionFailed, NotConfigured, VideoFailed
from rushes.client.errors import Complaint, Unauthenticated
from rushes.client.shapes import Video, VideoError
from rushes.domain.errors import StoreBusy
from rushes.folder import Unready
from rushes.settings import SettingsRefused


def ended(error: BaseException) -> int:
    def verb() -> None:
        raise error

    with pytest.raises(typer.Exit) as end:
        plainly(verb)()
    assert end.value.__cause__ is None
    return int(end.value.exit_code)


LOST = Video(id="video_1", status="failed", progress=100, error=VideoError("timed_out", "Late."))


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (Refused("No such thing."), REFUSED, "Error: No such thing."),
        (Refused("Gone.", FAILED, "Look elsewhere."), FAILED, "Look elsewhere."),
        (Unready("the folder is taken"), REFUSED, "the folder is taken"),
        (SettingsRefused("a: wrong\nb: wrong"), REFUSED, "Error: 2 complaints\n  - a: wrong"),
        (NotConfigured("There is no API key."), REFUSED, "RUSHES_API_KEY"),
        (ConnectionFailed("GET /", "nobody answers there"), FAILED, "RUSHES_BASE_URL"),
        (ConnectionFailed("POST /", "cut off", "key-7"), FAILED, "--idempotency-key key-7"),
        (Unauthenticated(Complaint(401, "This API key is not valid.")), FAILED, "keys create"),
        (VideoFailed(LOST), FAILED, "Late."),
        (StoreBusy("the database is locked"), FAILED, "the database is locked"),
        (sqlite3.DatabaseError("file is not a database"), REFUSED, "file is not a database"),
        (FileNotFoundError(2, "No such file or directory", "fox.png"), FAILED, "fox.png: No such"),
        (ModuleNotFoundError("x", name="dbos"), REFUSED, "pip install 'rushes[server]'"),
    ],
)
def test_an_expected_error_is_told_and_has_its_exit_code(
    error: Exception, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(error) == code
    told = capsys.readouterr()
    assert words in told.err
    assert told.out == ""
    assert "Traceback" not in told.err


def test_a_database_error_is_told_without_its_statement(capsys: pytest.CaptureFixture[str]) -> None:
    cause = sqlite3.OperationalError("disk I/O error")
    assert ended(sa.exc.OperationalError("SELECT secret FROM keys", {}, cause)) == REFUSED
    assert "SELECT" not in (told := capsys.readouterr().err)
    assert "disk I/O error" in told


def test_a_message_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    ended(Refused("the provider said \x1b[2J"))
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "bug",
    [
        ValueError("a bug"),
        KeyError("a bug"),
        ModuleNotFoundError("no rushes.cli.nothing", name="rushes.cli.nothing"),
        BrokenPipeError(32, "Broken pipe"),
        OSError("without a reason of the system's"),
    ],
)
def test_a_bug_is_not_dressed_up(bug: Exception) -> None:
    def verb() -> None:
        raise bug

    with pytest.raises(type(bug)):
        plainly(verb)()
