"""An application written for Sora, moved as `docs/how-to/switch-from-openai.md` says it is."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from living import Living, environment_of, living

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "switch-from-openai.md"

SPOKEN = re.compile(
    r"video_[0-9a-f]{32} completed 100 4 720x1280\n"
    r"(video_[0-9a-f]{32} sora-2 \d{10}\n){2,}"
    r"400 invalid_value seconds\n"
    r"404 task_not_found\n"
)

ASYNC = """
import asyncio
from openai import AsyncOpenAI

async def main():
    async with AsyncOpenAI() as client:
        video = await client.videos.create_and_poll(
            model="sandbox", prompt="A cat", seconds="1", extra_body={"resolution": "480p"}
        )
        assert video.status == "completed", video
        film = await client.videos.download_content(video.id, variant="spritesheet")
        film.write_to_file("sheet.jpg")
        first = await client.videos.list(limit=1)
        assert len(first.data) == 1
        seen = [one.id async for one in client.videos.list(limit=1)]
        assert video.id in seen
        print((await client.videos.delete(video.id)).deleted)

asyncio.run(main())
"""

FROM_A_FILE = """
from openai import OpenAI

client = OpenAI()
video = client.videos.create_and_poll(
    model="sandbox", prompt="A cat", seconds="1", extra_body={"resolution": "480p"}
)
client.videos.download_content(video.id).write_to_file("cat.mp4")
model = {"model": "sandbox"}
with open("cat.mp4", "rb") as film:
    edited = client.videos.edit(prompt="A fox", video=film, extra_body=model)
with open("cat.mp4", "rb") as film:
    longer = client.videos.extend(prompt="On", seconds="4", video=film, extra_body=model)
for made in edited, longer:
    made = client.videos.poll(made.id)
    print(made.status, made.seconds, made.size)
"""

BY_ID = """
from rushes.client.openai import OpenAI

client = OpenAI()
video = client.videos.create_and_poll(
    model="sandbox", prompt="A cat", seconds="1", extra_body={"resolution": "480p"}
)
edited = client.videos.edit(prompt="A fox", video={"id": video.id})
longer = client.videos.extend(prompt="On", seconds="4", video={"id": video.id})
for made in edited, longer:
    made = client.videos.poll(made.id)
    print(made.status, made.seconds, made.size)
"""

MADE = "completed 1 854x480\ncompleted 5 854x480\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with living(tmp_path_factory.mktemp("switched")) as one:
        yield one


def blocks() -> list[str]:
    found: list[str] = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return found


def switched(program: str, way: str) -> str:
    """Change the import and nothing else, where that is the way."""
    assert program.count("from openai import") == 1
    if way == "variables":
        return program
    return program.replace("from openai import", "from rushes.client.openai import")


def run(program: str, server: Living, way: str, folder: Path) -> str:
    variables = {"OPENAI_BASE_URL": f"{server.url}/v1", "OPENAI_API_KEY": server.secret}
    if way == "import":
        variables = {"RUSHES_BASE_URL": server.url, "RUSHES_API_KEY": server.secret}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env=environment_of(folder / "none", **variables),
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("way", [pytest.param("variables", marks=pytest.mark.long), "import"])
def test_the_pages_application_runs_either_way(server: Living, way: str, tmp_path: Path) -> None:
    spoken = run(switched(blocks()[0], way), server, way, tmp_path)
    assert SPOKEN.fullmatch(spoken), spoken
    assert (tmp_path / "cat.mp4").read_bytes()[4:8] == b"ftyp"
    assert (tmp_path / "cat.webp").read_bytes()[8:12] == b"WEBP"


def test_the_import_that_the_page_shows_is_the_one_that_is_tested() -> None:
    application, line, _ = blocks()
    assert switched(application, "import").splitlines()[0] == line.strip()


@pytest.mark.long
@pytest.mark.parametrize("way", ["variables", "import"])
def test_an_application_for_asyncio_runs_either_way(
    server: Living, way: str, tmp_path: Path
) -> None:
    assert run(switched(ASYNC, way), server, way, tmp_path) == "True\n"
    assert (tmp_path / "sheet.jpg").read_bytes()[:3] == b"\xff\xd8\xff"


@pytest.mark.long
@pytest.mark.parametrize("way", ["variables", "import"])
def test_films_are_made_from_files_either_way(server: Living, way: str, tmp_path: Path) -> None:
    assert run(switched(FROM_A_FILE, way), server, way, tmp_path) == MADE


def test_films_are_made_from_films_by_id(server: Living, tmp_path: Path) -> None:
    assert run(BY_ID, server, "import", tmp_path) == MADE


def test_what_was_ignored_is_told_to_the_application(server: Living, tmp_path: Path) -> None:
    assert run(blocks()[2], server, "import", tmp_path) == "('style',)\n"
