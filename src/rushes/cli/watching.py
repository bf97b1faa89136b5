"""Waiting with something to look at: a bar on a terminal, plain lines everywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, Protocol, Self

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress_bar import ProgressBar
from rich.text import Text

from rushes.cli.paper import answers, is_live, ourselves, plain, say, show_json, talk
from rushes.cli.picture import show
from rushes.cli.plainly import FAILED
from rushes.cli.telling import verdict, video_json, words_of
from rushes.client import Rushes, RushesError, Video, VideoEvent, WaitTimeout
from rushes.client.wires import Clock, SystemClock

LOOK_S: Final = 1.1
"""How long one wait of the client lasts: a hold of a second, and a little for the way."""

STEP_PERCENT: Final = 10
EASE: Final = 0.2
BAR_WIDTH_MIN: Final = 8
BAR_WIDTH_MAX: Final = 40
OTHER_COLUMNS_WIDTH: Final = 58


class Screen(Protocol):
    """Where a wait is shown."""

    def tell(self, video: Video) -> None:
        """Show how the video stands; called again with the same, does nothing."""

    def worry(self, trouble: str) -> None:
        """Say that looks fail; they are repeated."""


def follow(
    client: Rushes, video: Video, screen: Screen, *, wait_s: float, clock: Clock | None = None
) -> Video:
    """Wait until a video is final, showing its progress every second; return it.

    Raises:
        WaitTimeout: it was not final within `wait_s` seconds.
    """
    clock = clock or SystemClock()
    ends_at_s = clock.now_s() + wait_s
    while True:
        left_s = ends_at_s - clock.now_s()
        try:
            return client.videos.wait(
                video,
                deadline_s=max(0.0, min(LOOK_S, left_s)),
                on_progress=screen.tell,
                raise_on_failure=False,
            )
        except WaitTimeout as pause:
            video = pause.video or video
            if left_s <= LOOK_S:
                raise WaitTimeout(video.id, wait_s, video) from pause.__cause__
            if isinstance(pause.__cause__, RushesError):
                screen.worry(str(pause.__cause__))


@contextmanager
def screen_on(console: Console, what: str) -> Iterator[Screen]:
    """Open the right kind of screen; a bar leaves nothing behind."""
    if not is_live(console):
        yield Lines(console)
        return
    with Bar(console, what) as bar:
        yield bar


class Lines:
    """A line for every change of status, and for every ten points of progress."""

    def __init__(self, console: Console, clock: Clock | None = None) -> None:
        self._console = console
        self._clock = clock or SystemClock()
        self._began_s = self._clock.now_s()
        self._told: tuple[str, int] = ("", 0)
        self._worry = ""

    def tell(self, video: Video) -> None:
        """Print a line, if there is news."""
        status, percent = self._told
        self._worry = ""
        if video.status == status and video.progress < percent + STEP_PERCENT:
            return
        self._told = (video.status, video.progress)
        self._print(f"{words_of(video)} {video.progress} %")

    def worry(self, trouble: str) -> None:
        """Print a worry, once for each kind."""
        if trouble != self._worry:
            self._worry = trouble
            self._print(f"looking again: {plain(trouble)}")

    def _print(self, text: str) -> None:
        passed_s = self._clock.now_s() - self._began_s
        say(self._console, f"[{passed_s:6.1f} s] {text}")


class Bar:
    """One line that moves."""

    def __init__(self, console: Console, what: str) -> None:
        width = min(BAR_WIDTH_MAX, max(BAR_WIDTH_MIN, console.width - OTHER_COLUMNS_WIDTH))
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            GlidingBar(width),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task: TaskID = self._progress.add_task(what, total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def tell(self, video: Video) -> None:
        """Move the bar; while the task is queued, it only breathes."""
        is_begun = video.progress > 0 or video.is_final
        self._progress.update(
            self._task,
            description=words_of(video),
            completed=video.progress,
            total=100 if is_begun else None,
        )

    def worry(self, trouble: str) -> None:
        """Say in the line itself that nobody answers."""
        del trouble
        self._progress.update(self._task, description="no answer, looking again")


class GlidingBar(ProgressColumn):
    """A bar that glides to where the work is, as news of it come a second apart.

    It never runs ahead of what the server said.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self._width = width
        self._shown = 0.0

    def render(self, task: Task) -> ProgressBar:
        """Draw the bar a little nearer to the truth."""
        self._shown = eased(self._shown, task.completed)
        return ProgressBar(
            total=task.total, completed=self._shown, width=self._width, pulse=task.total is None
        )


def eased(shown: float, true: float) -> float:
    """Return the next place of a bar that shows `shown` where `true` is right.

    >>> eased(0.0, 50.0), eased(49.95, 50.0), eased(50.0, 0.0)
    (10.0, 50.0, 0.0)
    """
    if true <= shown or true - shown < 0.1:  # noqa: PLR2004 -- nobody sees a tenth of a point
        return true
    return shown + (true - shown) * EASE


# -- bytes -------------------------------------------------------------------------------------


@contextmanager
def transfer_on(console: Console, what: str) -> Iterator[Transfer]:
    """Show a download: a bar on a terminal, nothing elsewhere."""
    if not is_live(console):
        yield Transfer(None)
        return
    width = min(BAR_WIDTH_MAX, max(BAR_WIDTH_MIN, console.width - OTHER_COLUMNS_WIDTH))
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(width),
        TextColumn("{task.percentage:>3.0f} %"),
        console=console,
        transient=True,
    ) as progress:
        progress.add_task(what, total=None)
        yield Transfer(progress)


class Transfer:
    """Bytes on their way."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress

    def __call__(self, received_bytes: int, total_bytes: int | None) -> None:
        """Show how many have come."""
        if self._progress is not None:
            self._progress.update(TaskID(0), completed=received_bytes, total=total_bytes)


# -- watch -------------------------------------------------------------------------------------


def watch(video_id: str, *, wait_s: float, has_picture: bool, as_json: bool) -> None:
    """Tell a video's changes of status as they come, by server-sent events.

    Raises:
        RushesError: the server said no, or was not there.
        WaitTimeout: it was not final within `wait_s` seconds.
        typer.Exit: 1 if it failed, 130 on Ctrl-C.
    """
    console = talk()
    with Rushes() as client:
        try:
            last = _listen(client, video_id, wait_s, as_json=as_json)
            if last is None:  # an end that was told before leaves nothing to tell
                last = client.videos.retrieve(video_id)
        except KeyboardInterrupt:
            say(console, f"It goes on without us: {ourselves()} watch {video_id}")
            raise typer.Exit(130) from None
        if last.status == "completed" and not as_json:
            show(console, client, last, is_wanted=has_picture)
            say(console, f"Bring it home: {ourselves()} download {video_id}")
        if last.status == "failed":
            raise typer.Exit(FAILED)


def _listen(client: Rushes, video_id: str, wait_s: float, *, as_json: bool) -> Video | None:
    console = answers()
    clock = SystemClock()
    began_s = clock.now_s()
    last: Video | None = None
    for event in client.videos.events(video_id, deadline_s=wait_s):
        last = event.video
        if not as_json and not last.is_final:
            last = _with_facts(client, last)
        if as_json:
            show_json(_event_json(event))
        else:
            passed = f"[{clock.now_s() - began_s:6.1f} s] "
            say(console, Text(passed, "dim"), verdict(last))
    return last


def _with_facts(client: Rushes, told: Video) -> Video:
    """Ask once for what events do not tell: the place in line, and the time left."""
    try:
        look = client.videos.retrieve(told.id)
    except RushesError:
        return told
    if look.status != told.status:
        return told
    return replace(told, queue_position=look.queue_position, eta_s=look.eta_s)


def _event_json(event: VideoEvent) -> dict[str, object]:
    return {"number": event.number, **video_json(event.video)}
