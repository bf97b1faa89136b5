"""`rushes demo`: a server, a key, a wish and a film, over real HTTP, in a few seconds.

The server is a child of this process, on a free port and a fresh data folder. It ends with us,
however we end.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from shlex import quote
from shutil import rmtree
from tempfile import mkdtemp
from types import FrameType
from typing import Any, Final, NoReturn

from rich.console import Console

import rushes
from rushes.cli.filming import check_target
from rushes.cli.paper import (
    answers,
    facts,
    is_live,
    lasting,
    ourselves,
    plain,
    say,
    show_json,
    size,
    talk,
)
from rushes.cli.picture import show
from rushes.cli.plainly import FAILED, Refused
from rushes.cli.telling import form, video_json
from rushes.cli.watching import follow, screen_on, transfer_on
from rushes.client import Rushes, Video
from rushes.client.wires import SystemClock

START_S: Final = 60.0
FILM_S: Final = 600.0
STOP_S: Final = 20.0
LOG_LINES: Final = 12
SERVER_PARTS: Final = ("dbos", "uvicorn", "av")


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo films, and where it leaves things."""

    prompt: str
    seconds: int
    size: str
    output: Path
    is_kept: bool
    has_picture: bool = True


@dataclass(frozen=True, slots=True)
class Child:
    """A server of ours that listens."""

    process: subprocess.Popen[str]
    url: str
    secret: str


class Stage:
    """What the audience sees: a line for every act, and how long it took."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._clock = SystemClock()
        self._began_s = self._clock.now_s()

    def open(self) -> None:
        """Say what is about to be seen."""
        say(self.console, ("Rushes demo", "bold"), ": from a wish to a film, over real HTTP")
        say(self.console, "")

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Show that something goes on, where a line can move."""
        with self.console.status(what) if is_live(self.console) else nullcontext():
            yield

    def done(self, what: str, *, is_blow: bool = False) -> timedelta:
        """Tell an act that is done, or a blow that was struck; return how long it took."""
        now_s = self._clock.now_s()
        took = timedelta(seconds=now_s - self._began_s)
        self._began_s = now_s
        mark = ("✗ ", "red") if is_blow else ("✓ ", "green")
        line = (mark, what, (f"  {lasting(took)}", "dim"))
        say(self.console, *line, indent=2, hang=2)
        return took


def demo(wanted: Demo, *, as_json: bool) -> None:
    """Play the whole piece.

    Raises:
        ModuleNotFoundError: the server is not installed here.
        Refused: the server or the film failed; the message holds the end of its log.
        RushesError: the server said no.
    """
    for name in SERVER_PARTS:
        if find_spec(name) is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    check_target(str(wanted.output))
    stage = Stage(talk() if as_json else answers())
    with leaving_in_order(), scratch_folder(is_kept=wanted.is_kept) as folder:
        stage.open()
        told = _play(wanted, folder, stage)
        if as_json:
            show_json({**told, "data_dir": folder / "data" if wanted.is_kept else None})
        else:
            _farewell(stage.console, wanted, folder, str(told["id"]))


def _play(wanted: Demo, folder: Path, stage: Stage) -> dict[str, object]:
    with _server(folder, stage) as child:
        took = {"start_s": stage.done(f"a server of its own at {child.url}")}
        with Rushes(api_key=child.secret, base_url=child.url) as client:
            video = client.videos.create(wanted.prompt, seconds=wanted.seconds, size=wanted.size)
            stage.done(f"accepted, and durable: {video.id}")
            say(stage.console, (f"“{plain(wanted.prompt)}”, {form(video)}", "italic"), indent=4)
            with screen_on(stage.console, "queued") as screen:
                video = follow(client, video, screen, wait_s=FILM_S)
            if video.status != "completed":
                raise Refused(_why(video, folder), FAILED)
            took["film_s"] = stage.done("rendered, decoded to its end, and stored")
            with transfer_on(stage.console, "downloading") as progress:
                came = client.videos.download(video, wanted.output, on_progress=progress)
            took["download_s"] = stage.done("downloaded")
            show(stage.console, client, video, is_wanted=wanted.has_picture)
        with stage.working("stopping the server"):
            _stop(child.process)
        took["stop_s"] = stage.done("server stopped")
    path = came.path or wanted.output
    told = {"path": path.resolve(), "size_bytes": came.size_bytes, "sha256": came.sha256}
    say(stage.console, "")
    facts(
        stage.console,
        [
            ("film", str(path)),
            ("measures", f"{form(video)}, {size(came.size_bytes)}"),
            ("sha256", str(told["sha256"])),
        ],
        indent=2,
    )
    return {**video_json(video), **told, "url": None, "took": took}


def _farewell(console: Console, wanted: Demo, folder: Path, video_id: str) -> None:
    say(console, "")
    say(console, "What to try next:")
    say(console, "")
    us = ourselves()
    ways = [
        (f"{us} serve", "a server that keeps what it makes; prints a key, and its console"),
        (f'{us} generate "…" -o film.mp4', "your own wish, in another terminal, with that key"),
        (f"{us} models", "what can be asked for"),
    ]
    if wanted.is_kept:
        data = f"RUSHES_DATA_DIR={quote(str(folder / 'data'))}"
        ways.insert(0, (f"{data} {us} explain {video_id}", "what happened inside"))
    for command, what in ways:
        console.print(f"  {command}", style="bold", soft_wrap=True)
        say(console, (what, "dim"), indent=6)


def _why(video: Video, folder: Path) -> str:
    error = video.error
    reason = "no reason was given" if error is None else f"{error.message} ({error.code})"
    return "\n".join([f"The film failed: {reason}", *_log_of(folder)])


# -- the server --------------------------------------------------------------------------------


@contextmanager
def _server(folder: Path, stage: Stage) -> Iterator[Child]:
    """Have a server of our own; it ends with this block, or with this process."""
    command = [sys.executable, "-m", "rushes", "serve", "--host", "127.0.0.1", "--port", "0"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 -- our own words
            [*command, "--json", "--parent", str(os.getpid())],
            cwd=folder,
            env=child_environment(os.environ, folder / "data"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,  # Ctrl-C is for us; we stop the server when we are done
        )
    try:
        with stage.working("starting a server"):
            opened = _opened(process, folder)
        yield Child(process, opened["url"], opened["key"]["secret"])
    finally:
        _stop(process)
        if process.stdout is not None:
            process.stdout.close()


def child_environment(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the environment of the demo's server: none of the settings of this machine's."""
    kept = {name: value for name, value in environ.items() if not name.startswith("RUSHES_")}
    ours = str(Path(rushes.__file__).resolve().parents[1])
    path = os.pathsep.join(part for part in (ours, kept.get("PYTHONPATH", "")) if part)
    return {**kept, "PYTHONPATH": path, "RUSHES_DATA_DIR": str(folder)}


def _opened(process: subprocess.Popen[str], folder: Path) -> dict[str, Any]:
    """Read the one line that a server says when it listens.

    Raises:
        Refused: it ended instead, or said nothing in time.
    """
    output = process.stdout
    if output is not None and select.select([output], [], [], START_S)[0]:
        line = output.readline()
        if line:
            told: dict[str, Any] = json.loads(line)
            return told
        why = "The demo's server ended before it listened."
    else:
        why = f"The demo's server did not listen within {START_S:g} s."
    raise Refused("\n".join([why, *_log_of(folder)]), FAILED)


def _stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _log_of(folder: Path) -> list[str]:
    return (folder / "server.log").read_text(errors="replace").splitlines()[-LOG_LINES:]


# -- leaving nothing behind --------------------------------------------------------------------


@contextmanager
def scratch_folder(*, is_kept: bool) -> Iterator[Path]:
    """Have a folder of our own, which goes with us unless it is kept."""
    folder = Path(mkdtemp(prefix="rushes-demo-"))
    try:
        yield folder
    finally:
        if not is_kept:
            rmtree(folder, ignore_errors=True)


@contextmanager
def leaving_in_order() -> Iterator[None]:
    """Clean up also where a signal ends us; what no signal tells, the kernel does for the child."""
    signals = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, _leave) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    raise SystemExit(128 + number)
