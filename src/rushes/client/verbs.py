"""What can be done with videos, written once for both clients.

Every verb is a coroutine over a `Line`; waiting, downloading and events have rooms of
their own.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import count

from rushes.client import asking, deriving
from rushes.client.asking import PAGE_MAX, CreateOptions, Listing
from rushes.client.deriving import DeriveOptions, Source
from rushes.client.errors import BadRequest, NotFound, RushesError
from rushes.client.line import Line, ask, ask_once, may_have_worked
from rushes.client.reading import (
    read_deleted,
    read_key,
    read_look,
    read_model,
    read_models,
    read_page,
    read_quote,
    read_video,
    read_webhook_secret,
)
from rushes.client.retry import may_pass
from rushes.client.shapes import (
    DeletedVideo,
    KeyFacts,
    Model,
    Quote,
    Video,
    VideoPage,
    WebhookSecret,
)


async def create(
    line: Line, prompt: str | None, model: str | None, options: CreateOptions
) -> Video:
    """Have a video made; see `Videos.create`."""
    request = await line.aside(partial(asking.create, prompt, model, options))
    return read_video(await ask(line, request))


async def quote(line: Line, prompt: str | None, model: str | None, options: CreateOptions) -> Quote:
    """Ask what a video would cost; see `Videos.quote`."""
    request = await line.aside(partial(asking.quote, prompt, model, options))
    return read_quote(await ask(line, request))


async def key(line: Line) -> KeyFacts:
    """Return what our own key is."""
    return read_key(await ask(line, asking.key()))


async def remix(line: Line, video: Video | str, prompt: str, options: DeriveOptions) -> Video:
    """Have a finished video made anew; see `Videos.remix`."""
    return read_video(await ask(line, deriving.remix(video, prompt, options)))


async def edit(line: Line, source: Source, prompt: str, options: DeriveOptions) -> Video:
    """Have a film changed; see `Videos.edit`."""
    request = await line.aside(partial(deriving.edit, source, prompt, options))
    return read_video(await ask(line, request))


async def extend(
    line: Line, source: Source, prompt: str, seconds: int | str, options: DeriveOptions
) -> Video:
    """Have a film continued; see `Videos.extend`."""
    request = await line.aside(partial(deriving.extend, source, prompt, seconds, options))
    return read_video(await ask(line, request))


async def retrieve(line: Line, video: Video | str) -> Video:
    """Look at a video once, and tell everything; see `Videos.retrieve`."""
    whole = read_video(await ask(line, asking.retrieve(video)))
    if whole.status != "completed":
        return whole
    # Only the other dialect signs links; nothing else of a final video can have changed.
    link = read_look(await ask(line, asking.look(video)))
    return whole.seen_as(link)


async def completed_by_facts(line: Line, look: Video) -> Video:
    """Return a final video with the facts that its lean look leaves out.

    They are worth a question, not a verdict: where the server cannot be had just now, the
    look stands as it is.

    Raises:
        ApiError: the video is not there any more.
    """
    try:
        whole = read_video(await ask(line, asking.retrieve(look)))
    except RushesError as fault:
        if may_pass(fault):
            return look
        raise
    return replace(
        whole,
        url=look.url,
        is_replayed=look.is_replayed,
        ignored_parameters=look.ignored_parameters,
        coerced_parameters=look.coerced_parameters,
    )


async def cancel(line: Line, video: Video | str) -> Video:
    """Stop a video; see `Videos.cancel`."""
    try:
        look = read_look(await ask(line, asking.cancel(video)))
    except BadRequest as fault:
        if fault.code != "task_already_finished":
            raise
        # Perhaps an earlier try ended it and its answer was lost: then this is the answer.
        seen = await retrieve(line, video)
        if seen.error is None or seen.error.code != "canceled":
            raise
        return seen
    return await completed_by_facts(line, look)


async def delete(line: Line, video: Video | str) -> DeletedVideo:
    """Remove a finished video; see `Videos.delete`."""
    request = asking.delete(video)
    is_in_doubt = False
    for tries in count(1):
        try:
            return read_deleted(await ask_once(line, request))
        except NotFound:
            if not is_in_doubt:
                raise
            return DeletedVideo(asking.id_of(video))  # an earlier try's answer was lost
        except RushesError as fault:
            is_in_doubt = is_in_doubt or may_have_worked(fault)
            pause_s = line.retry.pause_s(tries, fault)
            if pause_s is None:
                raise
        await line.sleep(pause_s)
    raise AssertionError("unreachable: count() has no end")


async def list_page(line: Line, listing: Listing, limit: int) -> VideoPage:
    """Return one page; see `Videos.list_page`."""
    return read_page(await ask(line, asking.page(listing, limit)))


class Walk:
    """A walk through all pages of a list, up to `limit` videos (None: all there are)."""

    def __init__(self, line: Line, listing: Listing, limit: int | None) -> None:
        self._line = line
        self._listing = listing
        self._left = limit
        self._is_over = False

    async def next(self) -> tuple[Video, ...]:
        """Return the next videos; none at the end."""
        if self._is_over or self._left == 0:
            return ()
        size = PAGE_MAX if self._left is None else min(PAGE_MAX, self._left)
        page = await list_page(self._line, self._listing, size)
        if self._left is not None:
            self._left -= min(self._left, len(page.data))
        # A cursor that does not move would lead round in circles.
        is_stuck = page.last_id in {None, self._listing.after}
        self._is_over = not page.has_more or is_stuck
        self._listing = replace(self._listing, after=page.last_id)
        return page.data[:size]


async def models(line: Line) -> tuple[Model, ...]:
    """Return the models that the key may use."""
    return read_models(await ask(line, asking.models()))


async def model(line: Line, name: str) -> Model:
    """Return one model."""
    return read_model(await ask(line, asking.model(name)))


async def webhook_secret(line: Line) -> WebhookSecret:
    """Return what the account's webhooks are signed with."""
    return read_webhook_secret(await ask(line, asking.webhook_secret()))
