"""Waiting with something to look at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from client.scripted import ID, StillClock, told, video_body
from rushes.cli.watching import Bar, Lines, eased, follow, screen_on, transfer_on
from rushes.client import Retry, Rushes, Video, WaitTimeout


class Seen:
    """A screen that remembers."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []
        self.worries: list[str] = []

    def tell(self, video: Video) -> None:
        self.told.append((video.status, video.progress))

    def worry(self, trouble: str) -> None:
        self.worries.append(trouble)


class Server:
    """Answers looks: so many unfinished ones, then the end."""

    def __init__(self, clock: StillClock, *, looks: int, is_broken: bool = False) -> None:
        self.clock = clock
        self.left = looks
        self.is_broken = is_broken
        self.asked: list[str] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request.url.raw_path.decode())
        if self.is_broken:
            raise httpx2.ConnectError("refused")
        if "/generations/" not in request.url.path:
            return told(200, video_body(status="completed", progress=100))
        self.clock.pass_by(float(request.url.params.get("wait", 0)))
        self.left -= 1
        if self.left < 0:
            return told(200, {"task_id": ID, "status": "succeeded", "format": "mp4", "url": "u"})
        headers = {"Retry-After": "3", "Rushes-Progress": str(90 - 10 * self.left)}
        return told(200, {"task_id": ID, "status": "in_progress", "format": "mp4"}, **headers)


@contextmanager
def client_of(server: Server) -> Iterator[Rushes]:
    http = httpx2.Client(transport=httpx2.MockTransport(server))
    with http, Rushes(api_key="sk-1", http_client=http, clock=server.clock, retry=Retry()) as one:
        yield one


QUEUED = Video(id=ID, status="queued", progress=0)


def test_a_wait_looks_every_second_and_hears_the_end_at_once() -> None:
    clock, screen = StillClock(), Seen()
    server = Server(clock, looks=6)
    with client_of(server) as client:
        final = follow(client, QUEUED, screen, wait_s=60, clock=clock)
    assert final.status == "completed"
    percents = [percent for _, percent in screen.told]
    assert percents == sorted(percents)
    assert screen.told[-1] == ("completed", 100)
    holds = [path for path in server.asked if "wait=1" in path]
    assert len(holds) >= 3
    assert clock.now_s() < 1000 + 8
    assert not screen.worries


def test_a_wait_ends_at_its_deadline_and_says_how_it_stands() -> None:
    clock, screen = StillClock(), Seen()
    with client_of(Server(clock, looks=1000)) as client, pytest.raises(WaitTimeout) as late:
        follow(client, QUEUED, screen, wait_s=10, clock=clock)
    assert late.value.deadline_s == 10
    assert late.value.video is not None
    assert late.value.video.status == "in_progress"
    assert 1009 <= clock.now_s() <= 1013


def test_a_server_that_is_gone_is_a_worry_and_no_end() -> None:
    clock, screen = StillClock(), Seen()
    with (
        client_of(Server(clock, looks=0, is_broken=True)) as client,
        pytest.raises(WaitTimeout),
    ):
        follow(client, QUEUED, screen, wait_s=5, clock=clock)
    assert screen.worries
    assert "nobody answers" in screen.worries[0]


def video(status: Any, progress: int) -> Video:
    return Video(id=ID, status=status, progress=progress)


def test_plain_lines_tell_changes_and_not_every_look() -> None:
    file, clock = StringIO(), StillClock()
    lines = Lines(Console(file=file, width=200), clock)
    for status, progress in [
        ("queued", 0),
        ("queued", 0),
        ("in_progress", 1),
        ("in_progress", 5),
        ("in_progress", 12),
        ("completed", 100),
    ]:
        clock.pass_by(1)
        lines.tell(video(status, progress))
    lines.worry("nobody answers")
    lines.worry("nobody answers")
    assert file.getvalue().splitlines() == [
        "[   1.0 s] queued 0 %",
        "[   3.0 s] rendering 1 %",
        "[   5.0 s] rendering 12 %",
        "[   6.0 s] completed 100 %",
        "[   6.0 s] looking again: nobody answers",
    ]


def test_a_pipe_gets_lines_and_a_terminal_a_bar_that_vanishes() -> None:
    with screen_on(Console(file=StringIO()), "queued") as screen:
        assert isinstance(screen, Lines)
    file = StringIO()
    console = Console(file=file, force_terminal=True, width=44, _environ={"TERM": "xterm"})
    with screen_on(console, "queued") as screen:
        assert isinstance(screen, Bar)
        screen.tell(video("queued", 0))
        screen.tell(video("in_progress", 40))
        screen.worry("gone")
    shown = file.getvalue()
    assert "no answer, looking again" in shown
    assert shown.endswith("\x1b[2K")


def test_a_dumb_terminal_gets_lines() -> None:
    dumb = Console(file=StringIO(), force_terminal=True, _environ={"TERM": "dumb"})
    with screen_on(dumb, "queued") as screen:
        assert isinstance(screen, Lines)


def test_a_download_moves_a_bar_where_somebody_looks() -> None:
    with transfer_on(Console(file=StringIO()), "downloading") as progress:
        progress(1, 2)
    file = StringIO()
    console = Console(file=file, force_terminal=True, width=60, _environ={"TERM": "xterm"})
    with transfer_on(console, "downloading") as progress:
        progress(10, None)
        progress(50, 100)
    assert "50 %" in file.getvalue()


@given(st.lists(st.floats(0, 100), min_size=1).map(sorted))
def test_a_gliding_bar_never_runs_ahead_and_always_arrives(truths: list[float]) -> None:
    shown = 0.0
    for true in truths:
        before, shown = shown, eased(shown, true)
        assert before <= shown <= true
    for _ in range(60):
        shown = eased(shown, truths[-1])
    assert shown == truths[-1]
