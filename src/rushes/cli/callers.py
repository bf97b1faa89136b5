"""The verbs of callers: they talk HTTP to a server, through the client."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from rushes.cli import completing

DEADLINE_S: Final = 3600.0
EXTENSION_S: Final = 4

Asks: TypeAlias = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Id: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="ID", help="The id of a video.", autocompletion=completing.videos),
]
Output: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="A file, a folder, or - for standard output; else here, named after the ID.",
        show_default=False,
    ),
]
Prompt: TypeAlias = Annotated[str, typer.Argument(metavar="PROMPT", help="What to see.")]
SourceOf: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="ID|FILE",
        help="The id of a finished video, or a film of yours.",
        autocompletion=completing.videos,
    ),
]
AnyModel: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="Who makes it; else whoever made the first, and sora-2 for a file.",
        autocompletion=completing.models,
        show_default=False,
    ),
]
Key: TypeAlias = Annotated[
    str | None, typer.Option(metavar="KEY", help="The same key makes the film only once.")
]
StartWithin: TypeAlias = Annotated[
    int | None,
    typer.Option(
        metavar="SECONDS", help="Give up, at no cost, if it has not been started by then."
    ),
]
Wait: TypeAlias = Annotated[
    float, typer.Option("--wait", metavar="SECONDS", min=0, help="How long to wait for it.")
]
Detach: TypeAlias = Annotated[
    bool, typer.Option("--detach", "-d", help="Do not wait: print the id and go.")
]
Picture: TypeAlias = Annotated[
    bool,
    typer.Option("--picture/--no-picture", help="Show a still of it, in a terminal that can."),
]


class Word(StrEnum):
    """Where a video stands, for filters."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"


class Part(StrEnum):
    """What can be downloaded of a video."""

    VIDEO = "video"
    THUMBNAIL = "thumbnail"
    LAST_FRAME = "last_frame"
    SPRITESHEET = "spritesheet"


def generate(
    prompt: Annotated[
        str | None, typer.Argument(help="What to see; may be left out beside an image.")
    ] = None,
    *,
    output: Output = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            help="Who makes it; see `rushes models`.",
            autocompletion=completing.models,
        ),
    ] = "sandbox",
    seconds: Annotated[int | None, typer.Option("--seconds", "-s", help="How long.")] = None,
    size: Annotated[str | None, typer.Option(metavar="WxH", help="Exact size in pixels.")] = None,
    resolution: Annotated[
        str | None, typer.Option(metavar="480p|720p|1080p|4k", help="Instead of a size.")
    ] = None,
    ratio: Annotated[
        str | None, typer.Option(metavar="16:9|…", help="Beside a resolution.")
    ] = None,
    image: Annotated[str | None, typer.Option(metavar="FILE|URL", help="The first frame.")] = None,
    last_frame: Annotated[
        str | None, typer.Option(metavar="FILE|URL", help="The last frame; needs a first.")
    ] = None,
    reference: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|URL", help="A picture, clip or sound to be guided by; may be repeated."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="For the same film again.")] = None,
    audio: Annotated[bool | None, typer.Option("--audio/--no-audio", help="With sound.")] = None,
    negative: Annotated[str | None, typer.Option(metavar="TEXT", help="What not to see.")] = None,
    metadata: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="An object kept with the film; may hold options."),
    ] = None,
    start_within: StartWithin = None,
    idempotency_key: Key = None,
    wait_s: Wait = DEADLINE_S,
    detach: Detach = False,
    quote: Annotated[
        bool, typer.Option("--quote", help="Only tell what it would cost; nothing is made.")
    ] = False,
    picture: Picture = True,
    as_json: Asks = False,
) -> None:
    """Have a film made, wait for it, and bring it home."""
    from rushes.cli.filming import Order, make, price

    order = Order(
        prompt=prompt,
        model=model,
        seconds=seconds,
        size=size,
        resolution=resolution,
        ratio=ratio,
        image=image,
        last_frame=last_frame,
        references=tuple(reference or ()),
        seed=seed,
        audio=audio,
        negative_prompt=negative,
        metadata=metadata,
        start_within_s=start_within,
        idempotency_key=idempotency_key,
    )
    if quote:
        price(order, as_json=as_json)
        return
    make(order, output, wait_s=wait_s, is_detached=detach, has_picture=picture, as_json=as_json)


def remix(
    video_id: Id,
    prompt: Prompt,
    *,
    output: Output = None,
    model: AnyModel = None,
    start_within: StartWithin = None,
    idempotency_key: Key = None,
    wait_s: Wait = DEADLINE_S,
    detach: Detach = False,
    picture: Picture = True,
    as_json: Asks = False,
) -> None:
    """Have a finished video made anew with another prompt, and bring that home."""
    from rushes.cli.deriving import Remix
    from rushes.cli.filming import make

    wish = Remix(
        video_id=video_id,
        prompt=prompt,
        model=model,
        start_within_s=start_within,
        idempotency_key=idempotency_key,
    )
    make(wish, output, wait_s=wait_s, is_detached=detach, has_picture=picture, as_json=as_json)


def edit(
    source: SourceOf,
    prompt: Prompt,
    *,
    output: Output = None,
    model: AnyModel = None,
    start_within: StartWithin = None,
    idempotency_key: Key = None,
    wait_s: Wait = DEADLINE_S,
    detach: Detach = False,
    picture: Picture = True,
    as_json: Asks = False,
) -> None:
    """Have a film changed as the prompt says, as long and as large as it is, and bring it home."""
    from rushes.cli.deriving import Edit
    from rushes.cli.filming import make

    wish = Edit(
        source=source,
        prompt=prompt,
        model=model,
        start_within_s=start_within,
        idempotency_key=idempotency_key,
    )
    make(wish, output, wait_s=wait_s, is_detached=detach, has_picture=picture, as_json=as_json)


def extend(
    source: SourceOf,
    prompt: Prompt,
    *,
    seconds: Annotated[
        int, typer.Option("--seconds", "-s", help="How much longer: 4, 8, 12, 16 or 20.")
    ] = EXTENSION_S,
    output: Output = None,
    model: AnyModel = None,
    start_within: StartWithin = None,
    idempotency_key: Key = None,
    wait_s: Wait = DEADLINE_S,
    detach: Detach = False,
    picture: Picture = True,
    as_json: Asks = False,
) -> None:
    """Have a film continued, and bring the longer one home."""
    from rushes.cli.deriving import Extension
    from rushes.cli.filming import make

    wish = Extension(
        source=source,
        seconds=seconds,
        prompt=prompt,
        model=model,
        start_within_s=start_within,
        idempotency_key=idempotency_key,
    )
    make(wish, output, wait_s=wait_s, is_detached=detach, has_picture=picture, as_json=as_json)


def watch(
    video_id: Id,
    *,
    wait_s: Annotated[
        float, typer.Option("--wait", metavar="SECONDS", min=0, help="How long to watch.")
    ] = DEADLINE_S,
    picture: Picture = True,
    as_json: Asks = False,
) -> None:
    """Tell every change of a video as it happens, from the first to the last."""
    from rushes.cli.watching import watch

    watch(video_id, wait_s=wait_s, has_picture=picture, as_json=as_json)


def get(video_id: Id, *, as_json: Asks = False) -> None:
    """Look at a video once."""
    from rushes.cli.shows import get

    get(video_id, as_json=as_json)


def whoami(*, as_json: Asks = False) -> None:
    """Tell what your key is: whose, what it may, and what is left of its budgets."""
    from rushes.cli.shows import whoami

    whoami(as_json=as_json)


def list_films(
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    status: Annotated[Word | None, typer.Option(help="Only those that stand so.")] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Only those of a model.", autocompletion=completing.models),
    ] = None,
    as_json: Asks = False,
) -> None:
    """List your videos, newest first."""
    from rushes.cli.shows import list_films

    list_films(limit, None if status is None else status.value, model, as_json=as_json)


def cancel(video_id: Id, *, as_json: Asks = False) -> None:
    """Stop a video that is not finished."""
    from rushes.cli.shows import cancel

    cancel(video_id, as_json=as_json)


def download(
    video_id: Id,
    *,
    output: Output = None,
    variant: Annotated[Part, typer.Option(help="The film, or a still of it.")] = Part.VIDEO,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on where an earlier one with --resume broke off; keep what comes."
        ),
    ] = False,
    as_json: Asks = False,
) -> None:
    """Bring a finished film home, or a still of it."""
    from rushes.cli.filming import download

    download(video_id, output, variant.value, is_resumed=resume, as_json=as_json)


def models(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]",
            help="One model, with all that it takes.",
            autocompletion=completing.models,
        ),
    ] = None,
    *,
    as_json: Asks = False,
) -> None:
    """List what films can be made with; the word `show` may be left out."""
    from rushes.cli.shows import models

    models(model, as_json=as_json)


def listen(
    *,
    forward_to: Annotated[
        str,
        typer.Option("--forward-to", metavar="URL", help="Such as http://localhost:3000/hook."),
    ],
    as_json: Asks = False,
) -> None:
    """Post an event to this machine for each of your videos that ends, until Ctrl-C."""
    from rushes.cli.listening import listen

    listen(forward_to, as_json=as_json)


def mcp(
    *,
    is_http: Annotated[
        bool, typer.Option("--http", help="Over HTTP; else over standard input and output.")
    ] = False,
    host: Annotated[str, typer.Option(help="Where to listen, with --http.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port, with --http; 0: any free one.")
    ] = 8090,
    name: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST", help="A name that others reach it by, with --http; may be repeated."
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where the agent may save films.")
    ] = None,
    as_json: Asks = False,
) -> None:
    """Let agents make films: the API as tools of the Model Context Protocol."""
    from rushes.cli import agents

    if is_http:
        agents.listen(host, port, name or [], folder, as_json=as_json)
    else:
        agents.speak(folder)
