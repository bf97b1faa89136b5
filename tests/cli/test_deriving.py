"""Films from films, stills of films, and keys for tests, typed against a living server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.main import get_command

from living import Living, Typed
from rushes.cli.filming import TEST_KEY
from rushes.cli.menu import app
from rushes.cli.plainly import FAILED, REFUSED, UNFINISHED

SMALL = ("--seconds", "1", "--resolution", "480p")
NO_FILM = f"video_{0:032x}"


@pytest.fixture(scope="module")
def film(server: Living) -> str:
    """The id of a film that is finished."""
    with server.client() as client:
        return client.videos.create_and_wait("a heron", seconds=1, resolution="480p").id


@pytest.fixture(scope="module")
def file(server: Living, film: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That film as a file."""
    path = tmp_path_factory.mktemp("mine") / "heron.mp4"
    with server.client() as client:
        client.videos.download(film, path)
    return path


@pytest.fixture(scope="module")
def test_key(server: Living) -> str:
    made = server.rushes("keys", "create", "try", "--test", "--json")
    secret: str = json.loads(made.stdout)["secret"]
    return secret


@pytest.mark.parametrize(
    ("words", "form"),
    [
        (("remix",), "(1 s, 854x480, "),
        (("edit",), "(1 s, 854x480, "),
        (("extend", "--seconds", "4"), "(5 s, 854x480, "),
    ],
)
def test_a_film_is_made_from_a_film_and_brought_home(
    asked: Typed, film: str, words: tuple[str, ...], form: str, tmp_path: Path
) -> None:
    target = tmp_path / "fox.mp4"
    run = asked(*words, film, "a fox", "-o", str(target))
    assert run.exit_code == 0, run.output
    assert run.stdout.startswith(f"{target} {form}")
    assert target.read_bytes()[4:8] == b"ftyp"
    made = run.stderr.split(":")[0]
    assert made != film
    assert (f"remix of   {film}" in asked("get", made).stdout) is (words == ("remix",))


@pytest.mark.long
@pytest.mark.parametrize("verb", ["edit", "extend"])
def test_a_film_is_made_from_a_file(
    asked: Typed, file: Path, verb: str, server: Living, tmp_path: Path
) -> None:
    run = asked(verb, str(file), "a fox", "-m", "sandbox", "--json", "-o", str(tmp_path))
    assert run.exit_code == 0, run.output
    told = json.loads(run.stdout)
    assert (told["status"], told["size"]) == ("completed", "854x480")
    assert told["seconds"] == {"edit": 1, "extend": 5}[verb]
    assert Path(told["path"]).stat().st_size == told["size_bytes"]


def test_a_film_from_a_film_can_be_left_to_itself(asked: Typed, film: str) -> None:
    words = ("remix", film, "a fox", "--idempotency-key", "fox-1", "--detach")
    first, again = asked(*words), asked(*words)
    assert first.exit_code == 0
    assert first.stdout == again.stdout
    assert "the first answer again" in again.stderr


@pytest.mark.parametrize(
    ("words", "told", "code"),
    [
        (("remix", NO_FILM, "a fox"), "task_not_found", FAILED),
        (("remix", ".", "a fox"), "id or a name", REFUSED),
        (("edit", NO_FILM, "a fox"), "task_not_found", FAILED),
        (("edit", "no-such.mp4", "a fox"), "no-such.mp4: No such file", FAILED),
        (("extend", NO_FILM, "a fox", "--seconds", "3"), "one of 4, 8, 12, 16, 20", FAILED),
        (("edit", NO_FILM, "a fox", "-o", "no/folder/x.mp4"), "There is no folder", REFUSED),
        (("edit", NO_FILM, "a fox", "--start-within", "0"), "from 1 to 86400", FAILED),
        (("generate", "a fox", "--start-within", "0"), "from 1 to 86400", FAILED),
    ],
)
def test_what_cannot_be_made_is_one_sentence(
    asked: Typed, words: tuple[str, ...], told: str, code: int
) -> None:
    run = asked(*words)
    assert run.exit_code == code
    assert told in run.stderr
    assert "Traceback" not in run.stderr


def test_a_wait_that_is_too_short_says_how_to_go_on(asked: Typed, film: str) -> None:
    run = asked("remix", film, "a fox", "--wait", "0", "-o", "fox.mp4")
    assert run.exit_code == UNFINISHED
    assert f"rushes download {run.stderr.split(':')[0]} -o fox.mp4" in run.stderr


# -- stills --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "ending"),
    [
        ("thumbnail", ".thumbnail.webp"),
        ("last_frame", ".last_frame.webp"),
        ("spritesheet", ".spritesheet.jpg"),
    ],
)
def test_a_still_is_brought_home_under_a_name_of_its_own(
    asked: Typed, film: str, variant: str, ending: str, tmp_path: Path
) -> None:
    run = asked("download", film, "--variant", variant, "-o", str(tmp_path), "--json")
    assert run.exit_code == 0, run.output
    told = json.loads(run.stdout)
    assert (told["id"], told["variant"]) == (film, variant)
    assert Path(told["path"]) == tmp_path / f"{film}{ending}"
    assert Path(told["path"]).stat().st_size == told["size_bytes"] > 0


def test_a_still_that_there_is_not_names_those_that_there_are(asked: Typed, film: str) -> None:
    run = asked("download", film, "--variant", "poster")
    assert run.exit_code == REFUSED
    assert all(name in run.stderr for name in ("thumbnail", "last_frame", "spritesheet"))


# -- what became of the wish -----------------------------------------------------------------------


def test_a_test_key_is_told_and_so_is_what_it_changes(
    asked: Typed, test_key: str, tmp_path: Path
) -> None:
    words = ("generate", "a heron", "--model", "wan2.5-t2v-preview", "--resolution", "1080p")
    run = asked(
        *words, "--metadata", '{"mood": "calm"}', "--json", "--detach", RUSHES_API_KEY=test_key
    )
    assert run.exit_code == 0, run.output
    said, changes = run.stderr.splitlines()
    assert said == TEST_KEY
    assert changes.startswith("Changed to what may be had: ")
    assert changes.endswith(". Without effect: metadata.mood.")
    told = json.loads(run.stdout)
    assert told["is_rehearsal"]
    assert told["size"] == "1280x720"
    assert told["ignored_parameters"] == ["metadata.mood"]
    assert told["coerced_parameters"] == ["resolution=720p"]


def test_a_wish_that_is_followed_to_the_letter_is_not_commented_on(asked: Typed) -> None:
    run = asked("generate", "a heron", *SMALL, "--detach")
    assert (run.exit_code, run.stderr) == (0, "")


# -- help ----------------------------------------------------------------------------------------

FILM_VERBS = ("generate", "remix", "edit", "extend", "watch", "get", "list", "cancel", "download")


@pytest.mark.parametrize("verb", FILM_VERBS)
def test_every_verb_of_callers_answers_in_json_and_tells_its_exit_codes(
    asked: Typed, verb: str
) -> None:
    shown = " ".join(asked(verb, "--help", COLUMNS="120").stdout.split())
    assert "--json" in shown
    assert "3 not finished in the time that was given" in shown


def test_every_option_of_callers_says_what_it_is_for() -> None:
    menu = get_command(app)
    for verb in FILM_VERBS:
        for each in menu.commands[verb].params:  # type: ignore[attr-defined]
            assert getattr(each, "help", None), f"{verb} {each.name}"
            # Brackets would be read as markup, and vanish.
            assert "[" not in each.help, f"{verb} {each.name}"
