"""Looking and listing: get, list, models; and cancel, whose answer is a look."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

from rich.text import Text

from rushes.cli.paper import (
    Column,
    ago,
    answers,
    facts,
    money,
    plain,
    say,
    show_json,
    table,
    talk,
)
from rushes.cli.telling import (
    COLOURS,
    form,
    key_facts,
    key_json,
    model_facts,
    model_json,
    retirement,
    video_facts,
    video_json,
    words_of,
)
from rushes.client import Rushes, Video
from rushes.client.shapes import Status
from rushes.client.words import choice


def get(video_id: str, *, as_json: bool) -> None:
    """Show one video.

    Raises:
        RushesError: the server said no, or was not there.
    """
    with Rushes() as client:
        video = client.videos.retrieve(video_id)
    if as_json:
        show_json(video_json(video))
        return
    console = answers()
    facts(console, video_facts(video, datetime.now(tz=UTC)))
    if video.url is not None:  # left whole, to be clicked on and copied
        console.print(f"\n{plain(video.url)}", soft_wrap=True)


def cancel(video_id: str, *, as_json: bool) -> None:
    """Stop a video, and show how it ended.

    Raises:
        RushesError: the server said no, or was not there.
    """
    with Rushes() as client:
        video = client.videos.cancel(video_id)
    if as_json:
        show_json(video_json(video))
        return
    cost = "" if not video.cost_microusd else f", charged {money(video.cost_microusd)}"
    say(answers(), f"{video.id} is canceled{cost}.")


def whoami(*, as_json: bool) -> None:
    """Show what the key is.

    Raises:
        RushesError: the server said no, or was not there.
    """
    with Rushes() as client:
        key = client.key()
    if as_json:
        show_json(key_json(key))
    else:
        facts(answers(), key_facts(key))


def list_films(limit: int, status: str | None, model: str | None, *, as_json: bool) -> None:
    """List videos, newest first.

    Raises:
        RushesError: the server said no, or was not there.
    """
    with Rushes() as client:
        listed = client.videos.list(limit=limit, status=cast("Status | None", status), model=model)
        videos = list(listed)
    if as_json:
        show_json([video_json(video) for video in videos])
        return
    if not videos:
        say(talk(), 'No videos yet. Try: rushes generate "a fox in fresh snow" -o fox.mp4')
        return
    columns = [
        Column("ID"),
        Column("STATUS", rank=1),
        Column("AGE", rank=3, is_right=True),
        Column("MODEL", rank=4),
        Column("FILM", rank=5),
        Column("PROMPT", rank=2, is_cut=True),
    ]
    now = datetime.now(tz=UTC)
    table(answers(), columns, [_row(video, now) for video in videos])


def _row(video: Video, now: datetime) -> list[str | Text]:
    age = "" if video.created_at is None else ago(video.created_at, now).removesuffix(" ago")
    return [
        video.id,
        Text(words_of(video), COLOURS[video.status]),
        age,
        video.model or "",
        form(video),
        plain(video.prompt or (video.error.message if video.error else "")),
    ]


def models(name: str | None, *, as_json: bool) -> None:
    """Show one model, or list all that the key may use.

    Raises:
        RushesError: the server said no, or was not there.
    """
    with Rushes() as client:
        found = client.models.list() if name is None else (client.models.retrieve(name),)
    if as_json:
        shown = [model_json(model) for model in found]
        show_json(shown if name is None else shown[0])
        return
    if name is not None:
        facts(answers(), model_facts(found[0]))
        return
    columns = [
        Column("MODEL"),
        Column("SECONDS", rank=1),
        Column("RESOLUTIONS", rank=2),
        Column("SOUND", rank=3),
        Column("MADE BY", rank=4),
        Column("NOTE", rank=5),
    ]
    rows = [
        [
            model.id,
            choice(model.seconds),
            choice(model.resolutions),
            model.audio,
            "the sandbox" if model.is_rehearsal else model.owned_by,
            retirement(model),
        ]
        for model in found
    ]
    table(answers(), columns, rows)
    if any(model.is_rehearsal for model in found):
        say(talk(), "The sandbox renders in place of models that have no provider: rehearsal.")
