"""Errors that are expected are sentences with an exit code; a bug stays a traceback."""

from __future__ import annotations

import re
import sqlite3

import pytest
import sqlalchemy as sa
import typer
from typer.testing import CliRunner

from rushes.cli.filming import INTERRUPTED
from rushes.cli.menu import app
from rushes.cli.plainly import FAILED, REFUSED, UNFINISHED, Refused, plainly
from rushes.client import (
    ConnectionFailed,
    NotConfigured,
    Unsendable,
    VideoFailed,
    WaitTimeout,
)
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
        (NotConfigured("There is no API key."), REFUSED, "There is no API key."),
        (Unsendable("An id or a name was due."), REFUSED, "An id or a name"),
        (WaitTimeout("video_1", 3), UNFINISHED, "It goes on"),
        (ConnectionFailed("GET /", "nobody answers there"), FAILED, "`rushes serve` starts"),
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


def test_the_menu_tells_every_exit_code() -> None:
    told = CliRunner().invoke(app, ["--help"]).stdout
    for code in (FAILED, REFUSED, UNFINISHED, INTERRUPTED):
        assert re.search(rf"\b{code} [a-zC]", told.partition("Exit codes")[2]), code


def test_a_database_error_is_told_without_its_statement(capsys: pytest.CaptureFixture[str]) -> None:
    cause = sqlite3.OperationalError("disk I/O error")
    assert ended(sa.exc.OperationalError("SELECT secret FROM keys", {}, cause)) == REFUSED
    assert "SELECT" not in (told := capsys.readouterr().err)
    assert "disk I/O error" in told


def test_what_was_typed_in_another_encoding_is_one_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(UnicodeEncodeError) as half:
        "\udcff".encode()
    assert ended(half.value) == REFUSED
    assert capsys.readouterr().err == "Error: What was typed is not written in UTF-8.\n"


def test_an_error_brings_its_notes_along(capsys: pytest.CaptureFixture[str]) -> None:
    full = OSError(28, "No space left on device")
    full.add_note("The film is safe.")
    assert ended(full) == FAILED
    assert capsys.readouterr().err == "Error: No space left on device\nThe film is safe.\n"


def test_a_message_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    ended(Refused("the provider said \x1b[2J"))
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "bug",
    [
        ValueError("a bug"),
        UnicodeEncodeError("latin-1", "狐", 0, 1, "ordinal not in range(256)"),
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
