"""`local_diffusers` with the real library and tiny random weights: `make test-diffusers`.

Weights, films, steps and processes are real; only the weights know nothing. The library lives in
an environment of its own, as it may with an operator; where that is not built, these tests are
not there (tests/conftest.py), so that none is skipped.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import httpx2
import pytest
from PIL import Image

from journeying import Running, a_server, wait_until
from rushes.domain.errors import Reason
from rushes.domain.ids import new_token
from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.domain.submit import Ticket
from rushes.providers.base import CancelOutcome, Found, Lost, Outcome, Ready, Working
from rushes.providers.local_diffusers import LocalDiffusers
from rushes.providers.registry import build

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv" / "diffusers" / "bin" / "python"
PATIENCE_S = 120.0
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)

pytestmark = pytest.mark.long

SPEC = Spec(
    model="tiny",
    mode=Mode.TEXT_TO_VIDEO,
    prompt="a paper boat on a quiet canal",
    negative_prompt="city lights",
    seconds=1,
    size=Size(70, 66),
    seed=7,
    options={"fps": 10},
)
"""Neither edge is one that a pipeline can draw, and ten frames are not four or eight and one."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    script = Path(__file__).with_name("tiny_weights.py")
    subprocess.run([str(PYTHON), str(script), str(folder)], check=True, capture_output=True)
    return folder


class Stills:
    """Two images of a caller's, by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, colour in (("first", (200, 30, 30)), ("last", (30, 30, 200))):
            Image.new("RGB", (90, 50), colour).save(folder / name, "PNG")

    async def path_of(self, blob: str) -> Path:
        return self.folder / blob


def with_images(mode: Mode) -> Spec:
    named = {Role.FIRST_FRAME: "first", Role.LAST_FRAME: "last"}
    wanted = list(named)[: 2 if mode is Mode.FIRST_LAST_FRAME else 1]
    assets = tuple(Asset(role, "image", blob=named[role]) for role in wanted)
    return replace(SPEC, mode=mode, assets=assets)


class House:
    """A provider on real children, and the files of a caller."""

    def __init__(self, models: Path, home: Path, **options: Any) -> None:
        self.stills = Stills(home)
        said = {"folder": str(models), "work": str(home / "work"), "python": str(PYTHON)}
        built = build("local_diffusers", name="rig", options={**said, "steps": 3} | options)
        assert isinstance(built, LocalDiffusers)
        self.provider = built

    async def submit(self, model: str, spec: Spec = SPEC, token: str = "") -> Ticket:
        return await self.provider.submit(
            spec, upstream_model=model, token=token or new_token(), assets=self.stills
        )

    async def end_of(self, ticket: Ticket) -> Outcome:
        await self.provider.check(ticket)
        async with asyncio.timeout(PATIENCE_S):
            await self.provider.rigs.wait(ticket["job"])
        return await self.provider.check(ticket)

    async def made(self, model: str, spec: Spec = SPEC) -> bytes:
        outcome = await self.end_of(await self.submit(model, spec))
        assert isinstance(outcome, Ready), outcome
        async with self.provider.open(outcome.film) as stream:
            return b"".join([chunk async for chunk in stream.chunks])

    async def rendering(self, ticket: Ticket) -> None:
        """Wait until a step was told."""
        work = self.provider.rigs.look(ticket["job"])
        assert work is not None
        async with asyncio.timeout(PATIENCE_S):
            await work.stepped.wait()
        outcome = await self.provider.check(ticket)
        assert isinstance(outcome, Working)
        assert outcome.progress


@asynccontextmanager
async def a_house(models: Path, home: Path, **options: Any) -> AsyncIterator[House]:
    house = House(models, home, **options)
    try:
        yield house
    finally:
        await house.provider.close()


def measured(film: bytes) -> tuple[int, int, int, float]:
    with av.open(BytesIO(film)) as opened:
        stream = opened.streams.video[0]
        count = sum(1 for _ in opened.decode(stream))
        assert stream.average_rate is not None
        return stream.width, stream.height, count, float(stream.average_rate)


@pytest.mark.parametrize(
    ("model", "mode"),
    [
        ("wan", Mode.TEXT_TO_VIDEO),
        ("wan-both", Mode.TEXT_TO_VIDEO),
        ("wan-both", Mode.IMAGE_TO_VIDEO),
        ("wan-image", Mode.IMAGE_TO_VIDEO),
        ("wan-image", Mode.FIRST_LAST_FRAME),
        ("wan-encoded", Mode.IMAGE_TO_VIDEO),
        ("ltx", Mode.TEXT_TO_VIDEO),
        ("ltx", Mode.IMAGE_TO_VIDEO),
        ("ltx-image", Mode.TEXT_TO_VIDEO),
    ],
)
async def test_a_film_has_the_size_and_length_that_were_asked_for(
    model: str, mode: Mode, models: Path, tmp_path: Path
) -> None:
    async with a_house(models, tmp_path) as house:
        spec = SPEC if mode is Mode.TEXT_TO_VIDEO else with_images(mode)
        assert measured(await house.made(model, spec)) == (70, 66, 10, 10.0)


async def test_the_same_seed_makes_the_same_film_and_another_another(
    models: Path, tmp_path: Path
) -> None:
    async with a_house(models, tmp_path) as house:
        first, again = await house.made("wan"), await house.made("wan")
        assert first == again
        assert first != await house.made("wan", replace(SPEC, seed=8))


async def test_one_child_makes_films_of_words_and_of_images_with_the_same_weights(
    models: Path, tmp_path: Path
) -> None:
    async with a_house(models, tmp_path) as house:
        for model in ("wan-both", "ltx"):
            before = await house.made(model)
            at_it = children()
            of_images = await house.made(model, with_images(Mode.IMAGE_TO_VIDEO))
            assert measured(of_images) == measured(before)
            assert await house.made(model) == before, "the weights were left as they were"
            assert children() == at_it


async def test_a_film_is_stopped_at_a_step_and_the_next_one_has_the_same_child(
    models: Path, tmp_path: Path
) -> None:
    async with a_house(models, tmp_path) as house:
        endless = replace(SPEC, passthrough={"num_inference_steps": 60}, size=Size(320, 320))
        ticket = await house.submit("wan", endless)
        await house.rendering(ticket)
        before = children()
        assert await house.provider.cancel(ticket) is CancelOutcome.CANCELED
        outcome = await house.end_of(ticket)
        assert isinstance(outcome, Lost)
        assert outcome.failure.reason is Reason.CANCELED
        await house.made("wan")
        assert children() == before


async def test_the_next_life_finds_the_order_and_makes_the_same_film(
    models: Path, tmp_path: Path
) -> None:
    async with a_house(models, tmp_path) as house:
        expected = await house.made("wan")
        token = new_token()
        ticket = await house.submit("wan", SPEC, token)
        await house.rendering(ticket)
    async with a_house(models, tmp_path) as house:
        found = await house.provider.find(token, SPEC, upstream_model="wan", since=NOON)
        assert found == Found(ticket)
        outcome = await house.end_of(ticket)
        assert isinstance(outcome, Ready)
        async with house.provider.open(outcome.film) as stream:
            assert b"".join([chunk async for chunk in stream.chunks]) == expected


async def test_pickled_weights_are_not_loaded_even_behind_an_alibi(
    models: Path, tmp_path: Path
) -> None:
    """The folder looks right from outside: the last word has the loader, in the child."""
    bad = tmp_path / "models" / "wan"
    shutil.copytree(models / "wan", bad)
    (weights,) = (bad / "text_encoder").glob("model*.safetensors")
    weights.rename(weights.with_name("alibi.safetensors"))
    canary = tmp_path / "canary"
    pickled = f"cposix\nsystem\n(S'touch {canary}'\ntR."
    (bad / "text_encoder" / "pytorch_model.bin").write_text(pickled)
    async with a_house(tmp_path / "models", tmp_path) as house:
        outcome = await house.end_of(await house.submit("wan"))
    assert isinstance(outcome, Lost)
    assert outcome.failure.reason is Reason.PROVIDER_UNUSABLE
    assert not canary.exists()


async def test_what_a_library_raises_is_a_word_without_the_prompt(
    models: Path, tmp_path: Path
) -> None:
    """Weights for pictures in a pipeline for text are loaded in silence, and do not fit."""
    shutil.copytree(models / "wan-image", tmp_path / "models" / "wan")
    index = tmp_path / "models" / "wan" / "model_index.json"
    said = json.loads(index.read_text())
    kept = {key: value for key, value in said.items() if not key.startswith("image_")}
    index.write_text(json.dumps(kept | {"_class_name": "WanPipeline"}))
    async with a_house(tmp_path / "models", tmp_path) as house:
        ticket = await house.submit("wan")
        outcome = await house.end_of(ticket)
        assert isinstance(outcome, Lost)
        assert outcome.failure.reason is Reason.PROVIDER_FAILED
    end = (tmp_path / "work" / "jobs" / ticket["job"] / "end.json").read_text()
    assert "boat" not in end


def children() -> list[str]:
    """The processes of this one that render, by their ids."""
    told = Path(f"/proc/self/task/{Path('/proc/self').resolve().name}/children").read_text()
    named = "_local_diffusers_child"
    return [pid for pid in told.split() if named in Path(f"/proc/{pid}/cmdline").read_text()]


# -- the whole house ---------------------------------------------------------------------------

CONFIG = """
[[providers]]
name = "rig"
kind = "local_diffusers"
in_flight_max = 2
[providers.options]
folder = "{models}"
work = "{work}"
python = "{python}"
steps = 3
look_again_s = 0.2

[[models]]
id = "tiny"
[models.card]
owned_by = "nobody"
modes = ["text_to_video"]
seconds = [1]
seconds_default = 1
resolutions = ["480p"]
resolution_default = "480p"
ratios = ["1:1"]
ratio_default = "1:1"
sizes = ["64x64"]
sound = "none"
sound_default = false
[models.card.inputs]
prompt = "required"
[[models.routes]]
provider = "rig"
model = "wan"
billable = false
attempts_max = 2
"""


@pytest.fixture
def server(models: Path, tmp_path: Path) -> Iterator[Running]:
    config = CONFIG.format(models=models, work=tmp_path / "work", python=PYTHON)
    with a_server(tmp_path / "data", config=config) as running:
        yield running


def test_a_caller_gets_a_film_that_real_weights_made(server: Running) -> None:
    headers = {"Authorization": f"Bearer {server.key}"}
    made = httpx2.post(
        f"{server.url}/v1/video/generations",
        json={"model": "tiny", "prompt": "a heron", "size": "64x64", "seconds": 1},
        headers=headers,
        timeout=10,
    )
    assert made.status_code == 200, made.text
    url = f"{server.url}/v1/videos/{made.json()['task_id']}"

    def look() -> dict[str, Any]:
        told: dict[str, Any] = httpx2.get(url, headers=headers, timeout=10).json()
        return told

    wait_until(
        lambda: look()["status"] in {"completed", "failed"},
        timeout_s=PATIENCE_S,
        why=lambda: str(look()),
    )
    assert look()["status"] == "completed", look()
    film = httpx2.get(f"{url}/content", headers=headers, timeout=20)
    assert measured(film.content)[:3] == (64, 64, 16)
