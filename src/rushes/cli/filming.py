"""Films: ask for one, wait for it, bring it home."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from shlex import quote
from typing import IO, Final, Protocol, cast

import typer
from rich.console import Console

from rushes.cli.paper import answers, facts, money, ourselves, plain, say, show_json, size, talk
from rushes.cli.picture import show
from rushes.cli.plainly import FAILED, UNFINISHED, Refused, complain
from rushes.cli.telling import form, quote_facts, quote_json, video_json
from rushes.cli.watching import follow, screen_on, transfer_on
from rushes.client import DownloadedVideo, Quote, Rushes, RushesError, Video, WaitTimeout
from rushes.client.asking import CreateOptions
from rushes.client.shapes import Variant

STANDARD_OUTPUT: Final = "-"
INTERRUPTED: Final = 130

TEST_KEY: Final = (
    "A test key: rehearsed by the sandbox, free, at most 10 s and 720p, and gone after a day."
)


@dataclass(frozen=True, slots=True)
class Order:
    """What is typed after `rushes generate`; frames and references are files or addresses."""

    prompt: str | None
    model: str
    seconds: int | None = None
    size: str | None = None
    resolution: str | None = None
    ratio: str | None = None
    image: str | None = None
    last_frame: str | None = None
    references: tuple[str, ...] = ()
    seed: int | None = None
    audio: bool | None = None
    negative_prompt: str | None = None
    metadata: str | None = None
    start_within_s: int | None = None
    idempotency_key: str | None = None

    def ask(self, client: Rushes, key: str) -> Video:
        """Have the film made, under an idempotency key.

        Raises:
            Refused: the metadata are no JSON object.
            RushesError: the server said no, or was not there.
            OSError: a file that the order names cannot be read.
        """
        return client.videos.create(self.prompt, model=self.model, **self._options(key))

    def quote(self, client: Rushes) -> Quote:
        """Ask what the film would cost.

        Raises:
            Refused, RushesError, OSError: as `ask`.
        """
        return client.videos.quote(self.prompt, model=self.model, **self._options(None))

    def _options(self, key: str | None) -> CreateOptions:
        return CreateOptions(
            seconds=self.seconds,
            size=self.size,
            resolution=self.resolution,
            ratio=self.ratio,
            image=self.image,
            last_frame=self.last_frame,
            references=self.references or None,
            seed=self.seed,
            audio=self.audio,
            negative_prompt=self.negative_prompt,
            metadata=read_metadata(self.metadata),
            start_within_s=self.start_within_s,
            idempotency_key=key,
        )


class Wish(Protocol):
    """What was typed after a verb that makes films."""

    @property
    def idempotency_key(self) -> str | None:
        """Return the key to ask under, if one was typed."""
        ...

    def ask(self, client: Rushes, key: str) -> Video:
        """Have the film made, under an idempotency key."""
        ...


@dataclass(frozen=True, slots=True)
class Home:
    """A file that was brought home; `path` is None on standard output."""

    path: Path | None
    size_bytes: int
    sha256: str


def make(
    wish: Wish,
    output: str | None,
    *,
    wait_s: float,
    is_detached: bool,
    has_picture: bool,
    as_json: bool,
) -> None:
    """Have a film made, wait for it, and bring it home.

    Raises:
        RushesError: the server said no, or was not there.
        Refused: the film could not be written where it is to go.
        OSError: a file that the wish names cannot be read.
        typer.Exit: the film failed (1), is not done in time (3), or Ctrl-C (130).
    """
    check_target(output, as_json=as_json)
    console = talk()
    with Rushes() as client:
        video = _ask(client, wish)
        _note(console, video, is_test=client.is_test)
        if is_detached:
            _tell_detached(video, as_json=as_json)
            return
        say(console, f"{video.id}: {plain(video.model or '')}, {form(video)}")
        with _going_on(console, video, output):
            with screen_on(console, "queued") as screen:
                video = follow(client, video, screen, wait_s=wait_s)
            if video.status == "failed":
                raise _failed(video, as_json=as_json)
            with _kept_there(video):
                home = bring(client, video, output, "video", console)
        if as_json:
            show_json({**video_json(video), **_home_json(home)})
            return
        _tell_home(home, form(video), cost_microusd=video.cost_microusd or 0)
        show(console, client, video, is_wanted=has_picture)


def price(order: Order, *, as_json: bool) -> None:
    """Tell what a film would be, and what it may cost at most; nothing is made.

    Raises:
        RushesError: the server said no, or was not there.
        Refused, OSError: the order cannot be sent.
    """
    with Rushes() as client:
        quote = order.quote(client)
    if as_json:
        show_json(quote_json(quote))
    else:
        facts(answers(), quote_facts(quote))


def download(
    video_id: str, output: str | None, variant: str, *, is_resumed: bool, as_json: bool
) -> None:
    """Bring a finished film home, or a still of it.

    Raises:
        RushesError: the server said no, or was not there.
        Refused: it could not be written where it is to go.
    """
    check_target(output, as_json=as_json)
    with Rushes() as client:
        home = bring(
            client, video_id, output, cast("Variant", variant), talk(), is_resumed=is_resumed
        )
    if as_json:
        show_json({"id": video_id, "variant": variant, **_home_json(home)})
    else:
        _tell_home(home, "" if variant == "video" else variant)


def _ask(client: Rushes, wish: Wish) -> Video:
    # Drawn here, so that a call that is cut off can be repeated under the same key.
    key = wish.idempotency_key or f"rushes-{token_hex(16)}"
    try:
        return wish.ask(client, key)
    except KeyboardInterrupt:
        say(talk(), "It may have been asked for already.")
        say(talk(), f"The same command with --idempotency-key {key} finds out, and pays once.")
        raise typer.Exit(INTERRUPTED) from None


def read_metadata(text: str | None) -> dict[str, object] | None:
    """Read what is typed after --metadata.

    Raises:
        Refused: it is no JSON object.
    """
    if text is None:
        return None
    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as error:  # broken, or nested without end
        raise Refused(f"--metadata is no JSON: {error}") from None
    if not isinstance(read, dict):
        raise Refused('--metadata must be a JSON object, as in {"shot": 12}.')
    return read


def check_target(output: str | None, *, as_json: bool = False) -> None:
    """Refuse a place that cannot take a film, before anybody pays for what is to go there.

    Raises:
        Refused: with what to do.
    """
    if output == STANDARD_OUTPUT:
        if as_json:
            raise Refused("Standard output cannot take both the film and --json.")
        if sys.stdout.isatty():
            raise Refused("A film is nothing for a terminal: send it on with | or >.")
        return
    path = Path(output or ".")
    if output is not None and output.endswith("/") and not path.is_dir():
        raise Refused(f"There is no folder {path}.")
    if not path.parent.is_dir():
        raise Refused(f"There is no folder {path.parent} to put {path.name} into.")
    if path.exists() and not (path.is_file() or path.is_dir()):
        return  # a device or a pipe
    folder = path if path.is_dir() else path.resolve().parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Refused(f"Nothing can be written into the folder {folder.absolute()}.")


def bring(
    client: Rushes,
    video: Video | str,
    output: str | None,
    variant: Variant,
    console: Console,
    *,
    is_resumed: bool = False,
) -> Home:
    """Download a film, and measure what came."""
    video_id = video if isinstance(video, str) else video.id
    is_stream = output == STANDARD_OUTPUT
    target: str | IO[bytes] = sys.stdout.buffer if is_stream else output or "."
    with transfer_on(console, "downloading") as progress:
        came: DownloadedVideo = client.videos.download(
            video_id, target, variant=variant, resume=is_resumed, on_progress=progress
        )
    if is_stream:
        sys.stdout.flush()
    return Home(came.path, came.size_bytes, came.sha256)


# -- what is said ------------------------------------------------------------------------------


@contextmanager
def _going_on(console: Console, video: Video, output: str | None) -> Iterator[None]:
    """Say how to go on where the wait ends before the task does; the task is left alone."""
    us = ourselves()
    target = "" if output is None else f" -o {quote(output)}"
    ways = f"{us} watch {video.id}\n{us} download {video.id}{target}"
    try:
        yield
    except KeyboardInterrupt:
        say(console, "It goes on without us. To come back to it:")
        console.print(ways, soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from None
    except WaitTimeout as late:
        complain(str(late))
        console.print(ways, soft_wrap=True)
        raise typer.Exit(UNFINISHED) from None


@contextmanager
def _kept_there(video: Video) -> Iterator[None]:
    """Have whatever keeps a film from coming home say that it is not lost."""
    try:
        yield
    except (OSError, RushesError) as error:
        error.add_note(f"The film is safe with the server: {ourselves()} download {video.id}")
        raise


def _note(console: Console, video: Video, *, is_test: bool) -> None:
    """Tell what became of the wish beyond a yes."""
    if video.is_replayed:
        say(console, "This was asked before under the same key: here is the first answer again.")
    if is_test:
        say(console, TEST_KEY)
    elif video.is_rehearsal:
        say(console, f"Rehearsal: the sandbox renders in place of {plain(video.model or 'it')}.")
    if changes := changes_of(video):
        say(console, plain(changes))


def changes_of(video: Video) -> str:
    """Say in one line what of the wish was changed, and what was not followed.

    >>> from dataclasses import replace
    >>> video = Video(id="video_0", status="queued", progress=0, coerced_parameters=("seconds=10",))
    >>> changes_of(video)
    'Changed to what may be had: seconds=10.'
    >>> changes_of(replace(video, ignored_parameters=("style", "metadata.mood")))
    'Changed to what may be had: seconds=10. Without effect: style, metadata.mood.'
    """
    told = (
        ("Changed to what may be had", video.coerced_parameters),
        ("Without effect", video.ignored_parameters),
    )
    return " ".join(f"{what}: {', '.join(names)}." for what, names in told if names)


def _tell_detached(video: Video, *, as_json: bool) -> None:
    if as_json:
        show_json(video_json(video))
    else:
        say(answers(), video.id)


def _failed(video: Video, *, as_json: bool) -> typer.Exit:
    if as_json:
        show_json(video_json(video))
    error = video.error
    why = "no reason was given" if error is None else f"{error.message} ({error.code})"
    complain(f"{video.id} failed: {why}")
    return typer.Exit(FAILED)


def _tell_home(home: Home, what: str, *, cost_microusd: int = 0) -> None:
    if home.path is None:
        return
    measures = ", ".join(part for part in (what, size(home.size_bytes)) if part)
    cost = f" for {money(cost_microusd)}" if cost_microusd else ""
    say(answers(), f"{home.path}", f" ({measures}){cost}")


def _home_json(home: Home) -> dict[str, object]:
    return {"path": home.path, "size_bytes": home.size_bytes, "sha256": home.sha256}
