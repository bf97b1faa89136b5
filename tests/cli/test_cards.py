"""`rushes models update`: cards of an operator's own lie over those that came with the package."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from living import Typed
from rushes.configured import cards_of, catalog_of
from rushes.folder import Unready, lock_folder
from rushes.settings import load

CARD = """
[[cards]]
id = "{id}"
owned_by = "lab"
modes = ["text_to_video"]
seconds = [{seconds}]
seconds_default = {seconds}
resolutions = ["720p"]
resolution_default = "720p"
ratios = ["16:9"]
ratio_default = "16:9"
sound = "none"
sound_default = false
[cards.inputs]
prompt = "required"
"""
CONFIG = """
[[providers]]
name = "gpu"
kind = "openai_videos"
base_url = "http://127.0.0.1:9/v1"
[[models]]
id = "films"
card = "lab-1"
[[models.routes]]
provider = "gpu"
model = "wan"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "lab.toml"
    path.write_text(CARD.format(id="lab-1", seconds=6) + CARD.format(id="sora-2", seconds=99))
    return path


def test_a_file_is_taken_and_lies_over_what_was_shipped(
    typed: Typed, file: Path, tmp_path: Path
) -> None:
    run = typed("models", "update", str(file), "--json")
    assert run.exit_code == 0, run.output
    told = json.loads(run.stdout)
    assert told["cards"] == {"lab-1": "new", "sora-2": "replaces the shipped one"}
    assert Path(told["file"]) == tmp_path / "data" / "cards" / "lab.toml"
    cards = {card.id: card for card in cards_of(load(data_dir=tmp_path / "data"))}
    assert cards["lab-1"].seconds == (6,)
    assert cards["sora-2"].seconds == (99,)
    assert "sora-2-pro" in cards
    again = typed("models", "update", str(file))
    assert again.stdout.count("replaces yours") == 2
    assert 'card = "lab-1"' in again.stderr


def test_a_model_can_name_a_card_of_the_folder(typed: Typed, file: Path, tmp_path: Path) -> None:
    config = tmp_path / "rushes.toml"
    config.write_text(CONFIG)
    words = ("doctor", "--port", "0")
    assert "there is no card lab-1" in typed(*words, RUSHES_CONFIG=str(config)).stdout
    config.write_text("")
    typed("models", "update", str(file))
    config.write_text(CONFIG)
    assert "there is no card" not in typed(*words, RUSHES_CONFIG=str(config)).stdout


def test_a_card_that_a_model_needs_is_not_taken_away(
    typed: Typed, file: Path, tmp_path: Path
) -> None:
    config = tmp_path / "rushes.toml"
    typed("models", "update", str(file))
    config.write_text(CONFIG)
    file.write_text(CARD.format(id="lab-2", seconds=6))
    run = typed("models", "update", str(file), RUSHES_CONFIG=str(config))
    assert run.exit_code == 2
    assert "there is no card lab-1" in run.stderr
    assert "lab-1" in (tmp_path / "data" / "cards" / "lab.toml").read_text()


def test_a_wrong_card_refuses_the_whole_file_with_every_complaint(
    typed: Typed, file: Path, tmp_path: Path
) -> None:
    with file.open("a") as more:
        more.write(CARD.format(id="lab-2", seconds=0) + CARD.format(id="lab-1", seconds=5))
    run = typed("models", "update", str(file))
    assert run.exit_code == 2
    assert "2 complaints" in run.stderr
    assert "card lab-2: seconds" in run.stderr
    assert "another card lab-1" in run.stderr
    assert not (tmp_path / "data").exists()


def test_one_card_in_two_files_is_refused(typed: Typed, file: Path, tmp_path: Path) -> None:
    typed("models", "update", str(file))
    other = tmp_path / "other.toml"
    other.write_text(CARD.format(id="lab-1", seconds=7))
    run = typed("models", "update", str(other))
    assert run.exit_code == 2
    assert "card lab-1 is in" in run.stderr
    assert not (tmp_path / "data" / "cards" / "other.toml").exists()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("lab.json", b"{}", "no name for cards"),
        (".toml", b"", "no name for cards"),
        ("lab.toml", b"", "no [[cards]] in it"),
        ("lab.toml", b"\xff\xfe", "no UTF-8"),
        ("lab.toml", b"#" * 2**20 + b"#", "no file of cards"),
    ],
)
def test_what_is_no_file_of_cards_is_refused_in_a_sentence(
    typed: Typed, tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    run = typed("models", "update", str(path))
    assert run.exit_code == 2
    assert sentence in run.stderr
    missing = typed("models", "update", str(tmp_path / "none.toml"))
    assert missing.exit_code == 1
    assert "No such file" in missing.stderr


def test_a_card_that_went_wrong_in_the_folder_keeps_the_server_from_starting(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data" / "cards"
    folder.mkdir(parents=True)
    (folder / "lab.toml").write_text(CARD.format(id="lab-1", seconds=0))
    (folder / "two.toml").write_text("cards = [")
    with pytest.raises(Unready) as raised:
        catalog_of(load(data_dir=tmp_path / "data"))
    assert len(str(raised.value).splitlines()) == 2
    assert str(folder) in str(raised.value)


def test_a_file_that_went_wrong_in_the_folder_can_be_replaced(
    typed: Typed, file: Path, tmp_path: Path
) -> None:
    typed("models", "update", str(file))
    (tmp_path / "data" / "cards" / "lab.toml").write_text("cards = [")
    assert typed("models", "update", str(file)).exit_code == 0


def test_a_running_server_is_told_how_to_read_it(typed: Typed, file: Path, tmp_path: Path) -> None:
    with lock_folder(tmp_path / "data"):
        run = typed("models", "update", str(file))
    assert "kill -HUP" in run.stderr


def test_models_without_a_verb_is_what_it_always_was(typed: Typed) -> None:
    """It gets as far as the client, which has no key."""
    for words in (
        (),
        ("sora-2",),
        ("--json",),
        ("show",),
        ("show", "update"),
        ("sora-2", "--json"),
    ):
        run = typed("models", *words)
        assert run.exit_code == 2
        assert "RUSHES_API_KEY" in run.stderr, words
    helped = typed("models", "--help")
    assert helped.exit_code == 0
    assert {"show", "update"} <= set(helped.stdout.split())
