"""Keys beside a server that runs, or before the first one."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from living import Typed
from rushes.domain.ids import digest_of
from rushes.folder import lock_folder
from rushes.store.sqlite import SqliteStore


def made(typed: Typed, name: str = "bob") -> dict[str, str]:
    run = typed("keys", "create", name, "--json")
    assert run.exit_code == 0
    key: dict[str, str] = json.loads(run.stdout)
    return key


def test_a_key_is_made_as_exactly_one_json_object(typed: Typed, tmp_path: Path) -> None:
    run = typed("keys", "create", "bob", "--json")
    assert run.exit_code == 0
    assert run.stdout.count("\n") == 1
    assert run.stderr == ""
    key = json.loads(run.stdout)
    assert key["name"] == "bob"
    assert key["secret"].startswith("sk-live-")
    store = SqliteStore(tmp_path / "data" / "rushes.db")
    found = store.read_now(lambda tx: tx.key_by_digest(digest_of(key["secret"].encode())))
    store.close()
    assert found is not None
    assert found.id == key["id"]


@pytest.mark.parametrize("words", [("keys", "create"), ("keys", "revoke"), ("explain",)])
def test_a_word_in_another_encoding_is_refused(typed: Typed, words: tuple[str, ...]) -> None:
    made(typed)
    run = typed(*words, "\udcff")
    assert run.exit_code == 2
    assert run.stderr == "Error: What was typed is not written in UTF-8.\n"


def test_a_person_gets_the_secret_alone_on_standard_output(typed: Typed) -> None:
    run = typed("keys", "create", "bob")
    assert run.stdout.startswith("sk-live-")
    assert run.stdout.count("\n") == 1
    assert "this once" in run.stderr
    assert run.stdout.strip() not in run.stderr


def test_a_test_key_is_told_apart_by_its_beginning_and_in_words(typed: Typed) -> None:
    run = typed("keys", "create", "ci", "--test")
    assert run.stdout.startswith("sk-test-")
    assert "at most 10 s and 720p" in run.stderr
    assert json.loads(typed("keys", "list", "--json").stdout)[0]["prefix"].startswith("sk-test-")


def test_a_folder_made_for_a_key_is_for_its_owner_only(typed: Typed, tmp_path: Path) -> None:
    made(typed)
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


@pytest.mark.advisory("GO-2026-4813")
def test_a_secret_is_never_shown_again(typed: Typed) -> None:
    key = made(typed)
    for words in (["keys", "list"], ["keys", "list", "--json"], ["keys", "revoke", key["id"]]):
        run = typed(*words)
        assert run.exit_code == 0
        assert key["secret"] not in run.output
        assert key["id"] in run.output


def test_keys_are_listed_with_their_state(typed: Typed) -> None:
    first, second = made(typed, "ann"), made(typed, "bob")
    typed("keys", "revoke", first["id"])
    listed = json.loads(typed("keys", "list", "--json").stdout)
    assert [key["id"] for key in listed] == [first["id"], second["id"]]
    assert listed[0]["revoked_at"] is not None
    assert listed[1]["revoked_at"] is None
    shown = typed("keys", "list").stdout
    assert "revoked" in shown
    assert f"{second['secret'][:12]}…" in shown


def test_revoking_twice_changes_nothing(typed: Typed) -> None:
    key = made(typed)
    first = json.loads(typed("keys", "revoke", key["id"], "--json").stdout)
    again = json.loads(typed("keys", "revoke", key["id"], "--json").stdout)
    assert first["revoked_at"] == again["revoked_at"]
    assert "before" in typed("keys", "revoke", key["id"]).stdout


def test_revoking_an_unknown_key_is_a_clear_error(typed: Typed) -> None:
    made(typed)
    run = typed("keys", "revoke", "key_nobody")
    assert run.exit_code == 1
    assert "There is no key key_nobody." in run.stderr
    assert run.stdout == ""


@pytest.mark.parametrize("name", ["", "   ", "x" * 201])
def test_a_key_needs_a_name_of_sensible_length(name: str, typed: Typed, tmp_path: Path) -> None:
    assert typed("keys", "create", name).exit_code == 2
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "words", ["keys list", "keys revoke key_1", "explain video_1", "salvage list"]
)
def test_a_verb_that_only_looks_makes_no_folder(words: str, typed: Typed, tmp_path: Path) -> None:
    run = typed(*words.split())
    assert run.exit_code == 2
    assert "RUSHES_DATA_DIR" in run.stderr
    assert not (tmp_path / "data").exists()


def test_an_empty_folder_that_a_server_is_opening_is_left_to_it(
    typed: Typed, tmp_path: Path
) -> None:
    with lock_folder(tmp_path / "data"):
        run = typed("keys", "create", "bob")
    assert run.exit_code == 2
    assert "works in" in run.stderr
    assert not (tmp_path / "data" / "rushes.db").exists()


def test_keys_can_be_made_in_a_locked_folder_that_has_its_schema(
    typed: Typed, tmp_path: Path
) -> None:
    made(typed, "first")
    with lock_folder(tmp_path / "data"):
        assert made(typed, "second")["name"] == "second"


def test_a_file_that_is_no_database_is_told_in_a_sentence(typed: Typed, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rushes.db").write_bytes(b"this is a letter, and no database " * 99)
    run = typed("keys", "list")
    assert run.exit_code == 2
    assert "not a database" in run.stderr
