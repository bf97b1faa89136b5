"""The verbs of callers, typed against a living server."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from journeying import end, wait_until
from living import Living, Typed, environment_of

SMALL = ("--seconds", "1", "--resolution", "480p")
SLOW = ("--metadata", '{"sandbox": {"delay_s": 50}}')
BROKEN = ("--metadata", '{"sandbox": {"outcome": "content_policy_violation"}}')


@pytest.fixture(scope="module")
def film(server: Living) -> str:
    """The id of a film that is finished."""
    with server.client() as client:
        return client.videos.create_and_wait("a heron", seconds=1, resolution="480p").id


@pytest.fixture
def unfinished(server: Living) -> Iterator[str]:
    """The id of a film that stays unfinished for the length of a test."""
    with server.client() as client:
        video = client.videos.create(
            "a heron", seconds=1, resolution="480p", metadata={"sandbox": {"delay_s": 50}}
        )
        yield video.id
        if not client.videos.retrieve(video).is_final:
            client.videos.cancel(video)


def test_a_film_is_generated_and_brought_home(asked: Typed, tmp_path: Path) -> None:
    target = tmp_path / "heron.mp4"
    run = asked("generate", "a heron at dawn", *SMALL, "--seed", "7", "-o", str(target))
    assert run.exit_code == 0, run.output
    assert run.stdout.startswith(f"{target} (1 s, 854x480, ")
    assert target.read_bytes()[4:8] == b"ftyp"
    assert "completed 100 %" in run.stderr


def test_a_film_for_machines_is_one_json_object(asked: Typed, tmp_path: Path) -> None:
    run = asked("generate", "a heron", *SMALL, "-o", str(tmp_path), "--json")
    assert run.exit_code == 0, run.output
    told = json.loads(run.stdout)
    path = Path(told["path"])
    assert path.parent == tmp_path
    assert hashlib.sha256(path.read_bytes()).hexdigest() == told["sha256"]
    assert told["status"] == "completed"
    assert told["size_bytes"] == path.stat().st_size


def test_the_same_idempotency_key_makes_one_film(asked: Typed, tmp_path: Path) -> None:
    words = ("generate", "a heron", *SMALL, "--idempotency-key", "k-1", "--detach")
    first, again = asked(*words), asked(*words)
    assert first.stdout == again.stdout
    assert first.stdout.startswith("video_")
    assert "the first answer again" in again.stderr


def test_a_picture_can_be_the_first_frame(asked: Typed, film: str, tmp_path: Path) -> None:
    still = tmp_path / "still.webp"
    assert asked("download", film, "--variant", "thumbnail", "-o", str(still)).exit_code == 0
    run = asked("generate", "--image", str(still), *SMALL, "--json", "-o", str(tmp_path))
    assert run.exit_code == 0, run.output


def test_a_failed_film_is_told_with_its_reason(asked: Typed, tmp_path: Path) -> None:
    target = tmp_path / "none.mp4"
    run = asked("generate", "a heron", *SMALL, *BROKEN, "-o", str(target))
    assert run.exit_code == 1
    assert "content policy" in run.stderr
    assert "content_policy_violation" in run.stderr
    assert not target.exists()
    machine = asked("generate", "a heron", *SMALL, *BROKEN, "--json", "-o", str(target))
    assert machine.exit_code == 1
    assert json.loads(machine.stdout)["error"]["code"] == "content_policy_violation"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-o", "no/such/folder/x.mp4"), "There is no folder no/such/folder"),
        (("--image", "no-such.png"), "no-such.png: No such file"),
        (("--metadata", "[1]"), "must be a JSON object"),
        (("--metadata", "{"), "no JSON"),
        (("--seconds", "99"), "seconds"),
        (("--model", "nobody"), "no model nobody"),
        (("-o", "no-such-folder/"), "There is no folder no-such-folder"),
        (("-o", "-", "--json"), "cannot take both"),
        (("--metadata", '{"shot": NaN}'), "cannot be said in JSON"),
        (("--metadata", "[" * 100_000), "no JSON"),
        (("--idempotency-key", "två"), "printable ASCII"),
        (("--reference", "/proc/version"), "no picture, clip or sound"),
        (("--negative", "half a \udcff"), "UTF-8"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_before_anything_is_paid(
    words: tuple[str, ...], told: str, asked: Typed, server: Living
) -> None:
    with server.client() as client:
        before = [video.id for video in client.videos.list(limit=1)]
        run = asked("generate", "a heron", *words)
        assert run.exit_code in {1, 2}
        assert told in run.stderr
        assert [video.id for video in client.videos.list(limit=1)] == before


def test_a_wait_that_is_too_short_says_how_to_go_on(asked: Typed, server: Living) -> None:
    run = asked("generate", "a heron", *SMALL, *SLOW, "--wait", "0.2", "-o", "later film.mp4")
    assert run.exit_code == 3
    video_id = run.stderr.split(":")[0]
    assert f"rushes watch {video_id}" in run.stderr
    assert f"rushes download {video_id} -o 'later film.mp4'" in run.stderr
    with server.client() as client:
        assert not client.videos.retrieve(video_id).is_final
        client.videos.cancel(video_id)


def test_a_film_that_finds_no_room_is_told_to_be_safe(server: Living, tmp_path: Path) -> None:
    words = ("generate", "a heron", *SMALL, "-o", str(tmp_path / "heron.mp4"))
    run = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", sys.executable, "-m", "rushes", *words],
        env=caller_environment(server),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 1
    assert "Error: File too large" in run.stderr
    assert f"rushes download {run.stderr.split(':')[0]}\n" in run.stderr
    assert not list(tmp_path.iterdir())


def test_a_watch_that_is_too_short_is_no_failure(asked: Typed, unfinished: str) -> None:
    run = asked("watch", unfinished, "--wait", "0.5")
    assert run.exit_code == 3
    assert "It goes on" in run.stderr


@pytest.mark.parametrize("verb", ["get", "watch", "cancel", "download", "models"])
def test_what_is_no_id_is_one_sentence(asked: Typed, verb: str) -> None:
    for word in (".", "video_\udcff"):
        run = asked(verb, word)
        assert run.exit_code == 2
        assert run.stderr.count("\n") == 1


def test_watch_tells_every_change_and_the_end(asked: Typed, film: str) -> None:
    run = asked("watch", film)
    assert run.exit_code == 0
    assert [line.split("] ")[1] for line in run.stdout.splitlines()] == [
        "queued",
        "rendering",
        "completed",
    ]
    told = [json.loads(line) for line in asked("watch", film, "--json").stdout.splitlines()]
    assert [event["status"] for event in told] == ["queued", "in_progress", "completed"]
    assert [event["number"] for event in told] == sorted(event["number"] for event in told)


def test_watching_a_failure_ends_in_one(asked: Typed, server: Living) -> None:
    with server.client() as client:
        script = {"sandbox": {"outcome": "timed_out"}}
        video = client.videos.create_and_poll(
            "a heron", seconds=1, resolution="480p", metadata=script
        )
    run = asked("watch", video.id)
    assert run.exit_code == 1
    assert "(504)" in run.stdout or "timed_out" in run.stdout


def test_get_and_list_tell_what_there_is(asked: Typed, film: str) -> None:
    told = json.loads(asked("get", film, "--json").stdout)
    assert told["id"] == film
    assert told["url"].startswith("http://127.0.0.1:")
    shown = asked("get", film).stdout
    assert "a heron" in shown
    assert "1 s, 854x480" in shown
    assert shown.splitlines()[-1].startswith("http://127.0.0.1:")  # whole, to be copied
    listed = json.loads(asked("list", "--json", "--limit", "100").stdout)
    assert film in [video["id"] for video in listed]
    lean = json.loads(asked("list", "--status", "completed", "--json").stdout)
    assert {video["status"] for video in lean} == {"completed"}
    assert film in asked("list", "-n", "100").stdout


def test_a_canceled_film_says_so(asked: Typed, unfinished: str) -> None:
    run = asked("cancel", unfinished)
    assert run.exit_code == 0
    assert run.stdout == f"{unfinished} is canceled.\n"
    assert json.loads(asked("get", unfinished, "--json").stdout)["error"]["code"] == "canceled"


def test_a_film_can_go_to_standard_output(server: Living, film: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "rushes", "download", film, "-o", "-"],
        env=caller_environment(server),
        capture_output=True,
        timeout=60,
        check=True,
    )
    with server.client() as client:
        assert run.stdout == client.videos.download(film).content


def test_a_download_can_be_taken_up_later(asked: Typed, film: str, tmp_path: Path) -> None:
    target = tmp_path / "film.mp4"
    run = asked("download", film, "--resume", "-o", str(target), "--json")
    assert json.loads(run.stdout)["sha256"] == hashlib.sha256(target.read_bytes()).hexdigest()
    assert list(tmp_path.iterdir()) == [target]
    refused = asked("download", film, "--resume", "-o", "-")
    assert refused.exit_code == 2
    assert "resume goes with the path of a file" in refused.stderr


def test_models_are_listed_and_shown(asked: Typed) -> None:
    listed = json.loads(asked("models", "--json").stdout)
    assert "sandbox" in [model["id"] for model in listed]
    assert "sora-2" in asked("models").stdout
    one = json.loads(asked("models", "sandbox", "--json").stdout)
    assert "text_to_video" in one["capabilities"]["modes"]
    assert "1-20 (5)" in asked("models", "sandbox").stdout


def test_errors_of_the_server_are_sentences(asked: Typed) -> None:
    unknown = asked("get", "video_nothing")
    assert unknown.exit_code == 1
    assert "task_not_found" in unknown.stderr
    stranger = asked("list", RUSHES_API_KEY="sk-live-nobody")
    assert stranger.exit_code == 1
    assert "keys create" in stranger.stderr


def test_a_server_that_is_not_there_is_one_sentence_and_a_hint(asked: Typed) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        run = asked("list", RUSHES_BASE_URL=f"http://127.0.0.1:{nobody.getsockname()[1]}")
    assert run.exit_code == 1
    assert "nobody answers there" in run.stderr
    assert "rushes serve" in run.stderr


def test_explain_works_beside_the_server(asked: Typed, film: str, server: Living) -> None:
    told = json.loads(asked("explain", film, "--json").stdout)
    assert told["server_pid"] == str(server.process.pid)
    assert [event["status"] for event in told["events"]][-1] == "succeeded"
    assert all(not artifact["is_lost"] for artifact in told["artifacts"])


def test_doctor_is_content_beside_the_server(asked: Typed, server: Living) -> None:
    port = server.url.rpartition(":")[2]
    run = asked("doctor", "--port", port)
    assert run.exit_code == 0, run.output
    assert f"as process {server.process.pid} runs" in run.stdout


# -- Ctrl-C ------------------------------------------------------------------------------------


def caller_environment(server: Living) -> dict[str, str]:
    urls = {"RUSHES_BASE_URL": server.url, "RUSHES_API_KEY": server.secret}
    return environment_of(server.folder, **urls)


@contextmanager
def typing_slowly(server: Living, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A command on a terminal of its own; yields it, and what it writes."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "rushes", *words],
        env={**caller_environment(server), "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        yield process, ours
    finally:
        end(process)  # type: ignore[arg-type]
        os.close(ours)


def read_until(terminal: int, wanted: bytes, seen: bytes = b"") -> bytes:
    """Read a terminal until it shows something; a process that ends shows no more."""

    def is_seen() -> bool:
        nonlocal seen
        if select.select([terminal], [], [], 0)[0]:
            seen += os.read(terminal, 65536)
        return wanted in seen

    wait_until(is_seen, timeout_s=30, why=lambda: seen.decode(errors="replace"))
    return seen


def test_ctrl_c_leaves_the_film_alone_and_says_how_to_come_back(
    server: Living, tmp_path: Path
) -> None:
    words = ("generate", "a heron", *SMALL, *SLOW, "-o", str(tmp_path / "x.mp4"))
    with typing_slowly(server, *words) as (process, terminal):
        seen = read_until(terminal, b"rendering")
        process.send_signal(signal.SIGINT)
        seen = read_until(terminal, b"rushes download ", seen)
        assert process.wait(20) == 130
    shown = seen.decode()
    video_id = shown[shown.index("video_") :][:38]
    assert f"rushes watch {video_id}" in shown
    assert "Traceback" not in shown
    with server.client() as client:
        assert client.videos.retrieve(video_id).status == "in_progress"
        client.videos.cancel(video_id)


def test_ctrl_c_while_watching_ends_the_watch_only(server: Living, unfinished: str) -> None:
    with typing_slowly(server, "watch", unfinished) as (process, terminal):
        seen = read_until(terminal, b"rendering")
        process.send_signal(signal.SIGINT)
        read_until(terminal, b"goes on without us", seen)
        assert process.wait(20) == 130
    with server.client() as client:
        assert not client.videos.retrieve(unfinished).is_final
