"""Every program of a page that no other test runs, run as a reader would: his address, his key."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from journeying import Running, a_server
from rushes.domain.webhooks import new_secret, signed_headers
from snippets import Block, blocks
from test_snippets import RUN

EXAMPLE = "http://127.0.0.1:8080"
KEY = "sk-live-…"
HANDLERS = {"docs/how-to/webhooks.md:python:1"}
"""What is no program but a part of one; each is called below."""

EVENT = "evt_01a20862c3607a3b925241e0c8f90565"
BODY = (
    b'{"id":"evt_01a20862c3607a3b925241e0c8f90565","object":"event","type":"video.completed",'
    b'"created_at":1795437041,"data":{"id":"video_01a208627d107d72828e545dc3be6655",'
    b'"task_id":"video_01a208627d107d72828e545dc3be6655","status":"succeeded",'
    b'"url":"http://localhost:8080/files/film"}}'
)


def programs() -> list[Block]:
    return [one for one in blocks("python") if str(one) not in {*RUN, *HANDLERS}]


@pytest.mark.long
@pytest.mark.parametrize("block", programs(), ids=str)
def test_a_program_of_a_page_runs(server: Running, block: Block, tmp_path: Path) -> None:
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run(
        [sys.executable, "-c", block.text.replace(EXAMPLE, server.url).replace(KEY, server.key)],
        env={**os.environ, "PATH": beside, "OPENAI_API_KEY": server.key,
             "RUSHES_BASE_URL": server.url, "RUSHES_API_KEY": server.key},
        cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    films = [path for path in tmp_path.iterdir() if path.suffix == ".mp4"]
    assert all(path.read_bytes()[4:8] == b"ftyp" for path in films)
    assert films or run.stdout


@pytest.mark.long
def test_an_application_of_a_relay_moves_by_one_line_in_either_style(
    server: Running, tmp_path: Path
) -> None:
    """The page's program, as it stands, against a server that envelops its answers."""
    (block,) = blocks_of("docs/how-to/relays.md")
    with a_server(tmp_path / "data", config='response_style = "envelope"\n') as enveloping:
        text = block.text.replace(EXAMPLE, enveloping.url).replace(KEY, enveloping.key)
        run = subprocess.run(
            [sys.executable, "-c", text],
            cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert run.stdout == "completed\n", run.stderr
    assert (tmp_path / "boat.mp4").read_bytes()[4:8] == b"ftyp"


def test_the_handler_of_the_page_takes_what_we_post_and_nothing_else() -> None:
    (block,) = blocks_of("docs/how-to/webhooks.md")
    secret, seen, noted = new_secret(), set[str](), []

    def is_new(event_id: str) -> bool:
        is_first = event_id not in seen
        seen.add(event_id)
        return is_first

    names: dict[str, Any] = {"is_new": is_new, "note": lambda *said: noted.append(said)}
    exec(compile(block.text.replace("whsec_…", secret), str(block), "exec"), names)
    on_post = names["on_post"]
    headers = signed_headers([secret], EVENT, datetime.now(UTC), BODY)
    assert [on_post(headers, BODY), on_post(headers, BODY)] == [204, 204]
    assert len(noted) == 1
    assert on_post(headers, BODY + b" ") == 400


def blocks_of(page: str) -> list[Block]:
    return [one for one in blocks("python") if one.page == page]
