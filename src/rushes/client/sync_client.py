"""The client that blocks. What the verbs do is written in rooms that both clients share."""

from __future__ import annotations

import os
from collections.abc import Generator
from types import TracebackType
from typing import Self, Unpack

import httpx2

from rushes.client import verbs, waiting
from rushes.client.access import read_access
from rushes.client.asking import CreateOptions, Listing
from rushes.client.deriving import DeriveOptions, Source
from rushes.client.download import OnBytes, download
from rushes.client.events import EventFeed
from rushes.client.line import Line, at_once
from rushes.client.retry import Retry
from rushes.client.shapes import (
    DeletedVideo,
    DownloadedVideo,
    KeyFacts,
    Model,
    Order,
    Quote,
    Status,
    Variant,
    Video,
    VideoEvent,
    VideoPage,
    WebhookSecret,
)
from rushes.client.sinks import Target
from rushes.client.streaming import FilmFeed
from rushes.client.waiting import DEADLINE_S, OnProgress
from rushes.client.wires import LIMITS, Clock, SyncLine, SystemClock


class Rushes:
    """A client that blocks; safe to share between threads, and to be used in a `with`.

    Args:
        api_key: a key (`sk-…`); else `RUSHES_API_KEY`.
        base_url: where the server is; else `RUSHES_BASE_URL`, else http://127.0.0.1:8080.
        timeout_s: how long one answer may keep silent (`math.inf`: any time). Connecting takes
            at most 10 s.
        retry: how often to try again; `Retry(attempts_max=1)` never does.
        http_client: an `httpx2.Client` of your own, for a proxy, certificates or a transport;
            it stays yours to close. The client's own takes neither proxies nor certificates
            from the environment.
        clock: how time passes; for tests.

    `is_test` says that the key is one for tests: the sandbox renders whatever it asks for, free,
    at most 10 s and 720p, and the server forgets it after 24 h.

    Raises:
        NotConfigured: there is no key, or no sound address.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout_s: float = 60.0,
        retry: Retry | None = None,
        http_client: httpx2.Client | None = None,
        clock: Clock | None = None,
    ) -> None:
        access = read_access(base_url, api_key, os.environ)
        self.base_url = access.base_url
        self.is_test = access.is_test
        self._http = http_client or httpx2.Client(trust_env=False, limits=LIMITS)
        self._is_own = http_client is None
        line = SyncLine(self._http, access, timeout_s, retry or Retry(), clock or SystemClock())
        self._line = line
        self.videos = Videos(line)
        self.models = Models(line)
        self.webhooks = Webhooks(line)

    def key(self) -> KeyFacts:
        """Return what the client's key is, may do, and has left; its secret is never told."""
        return at_once(verbs.key(self._line))

    def close(self) -> None:
        """Close the connections, unless the `http_client` is yours."""
        if self._is_own:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.base_url}>"


class Videos:
    """What can be done with videos. Wherever a video is due, its id does as well.

    Every verb raises `ApiError` where the server says no, `ConnectionFailed` where no answer
    comes, `UnexpectedAnswer` where one comes that no Rushes server gives, and `Unsendable`,
    which is a ValueError too, where what is given cannot be sent.
    """

    def __init__(self, line: Line) -> None:
        self._line = line

    def create(
        self,
        prompt: str | None = None,
        *,
        model: str = "sandbox",
        **options: Unpack[CreateOptions],
    ) -> Video:
        """Have a video made, and return it at once, queued.

        From this answer on it survives any crash of the server. The default model is the
        server's own sandbox: always there, and free. Options are those of `CreateOptions`.
        The call carries an Idempotency-Key and is tried again under the same one, so that it
        makes one video however often it is sent.

        Raises:
            TypeError: an option that there is not.
            OSError: a file that cannot be read.
        """
        return at_once(verbs.create(self._line, prompt, model, options))

    def create_and_wait(
        self,
        prompt: str | None = None,
        *,
        model: str = "sandbox",
        deadline_s: float = DEADLINE_S,
        on_progress: OnProgress | None = None,
        raise_on_failure: bool = True,
        **options: Unpack[CreateOptions],
    ) -> Video:
        """Have a video made and wait for its end; `create` and `wait` in one.

        Raises:
            VideoFailed, WaitTimeout: as `wait`.
        """
        video = self.create(prompt, model=model, **options)
        return self.wait(
            video,
            deadline_s=deadline_s,
            on_progress=on_progress,
            raise_on_failure=raise_on_failure,
        )

    def create_and_poll(
        self,
        prompt: str | None = None,
        *,
        model: str = "sandbox",
        deadline_s: float = DEADLINE_S,
        on_progress: OnProgress | None = None,
        **options: Unpack[CreateOptions],
    ) -> Video:
        """`create_and_wait` under the retired OpenAI client's name and its manner.

        A failed video is returned and not raised: look at `video.status`.

        Raises:
            WaitTimeout: as `wait`.
        """
        return self.create_and_wait(
            prompt,
            model=model,
            deadline_s=deadline_s,
            on_progress=on_progress,
            raise_on_failure=False,
            **options,
        )

    def quote(
        self,
        prompt: str | None = None,
        *,
        model: str = "sandbox",
        **options: Unpack[CreateOptions],
    ) -> Quote:
        """Tell what `create` with the same arguments would come to, and what it may cost at most.

        Nothing is made, stored or held. What `create` refuses is refused alike, but for a balance
        that is too small and for too many unfinished videos.

        Raises:
            TypeError: an option that there is not.
            OSError: a file that cannot be read.
        """
        return at_once(verbs.quote(self._line, prompt, model, options))

    def retrieve(self, video: Video | str) -> Video:
        """Look at a video once. A completed one comes with a freshly signed `url`."""
        return at_once(verbs.retrieve(self._line, video))

    def wait(
        self,
        video: Video | str,
        *,
        deadline_s: float = DEADLINE_S,
        on_progress: OnProgress | None = None,
        raise_on_failure: bool = True,
    ) -> Video:
        """Wait until a video is final, and return it.

        The server holds each look back until there is an end to tell, so that this asks seldom
        and hears of the end at once. `on_progress` is called with the video whenever something
        changed; its progress never falls, and the last call is the end. Looks that fail are
        repeated until the deadline; only for a bare id, which may be wrong, and until it was
        seen once, after the usual number of tries no more.

        Raises:
            VideoFailed: the video failed, unless `raise_on_failure` is off.
            WaitTimeout: it was not final within `deadline_s` seconds (`math.inf`: never
                raised); it goes on.
        """
        return at_once(
            waiting.wait(
                self._line, video, deadline_s, on_progress, is_failure_raised=raise_on_failure
            )
        )

    def list(
        self,
        *,
        limit: int | None = None,
        after: Video | str | None = None,
        order: Order = "desc",
        status: Status | None = None,
        model: str | None = None,
    ) -> Generator[Video]:
        """Go through your videos, newest first, page by page as they are asked for.

        `limit` bounds the whole (None: all there are); `after` is the video before the first.
        With `status` or `model` the answer is a leaner one, without prompt, seconds and size.
        """
        walk = verbs.Walk(self._line, Listing.of(order, after, status, model), limit)
        while videos := at_once(walk.next()):
            yield from videos

    def list_page(
        self,
        *,
        limit: int = 20,
        after: Video | str | None = None,
        order: Order = "desc",
        status: Status | None = None,
        model: str | None = None,
    ) -> VideoPage:
        """Return one page of at most `limit` (1 to 100) videos; otherwise as `list`."""
        listing = Listing.of(order, after, status, model)
        return at_once(verbs.list_page(self._line, listing, limit))

    def cancel(self, video: Video | str) -> Video:
        """Stop a video, and return it as it ended: failed, with the error code `canceled`.

        One that is canceled already is returned alike.

        Raises:
            BadRequest: with code `task_already_finished`: it ended before.
        """
        return at_once(verbs.cancel(self._line, video))

    def delete(self, video: Video | str) -> DeletedVideo:
        """Remove a finished video, film and record.

        Raises:
            BadRequest: with code `task_not_finished`: cancel it first.
            NotFound: there is none, and no earlier try of this very call can have removed it.
        """
        return at_once(verbs.delete(self._line, video))

    def remix(self, video: Video | str, prompt: str, **options: Unpack[DeriveOptions]) -> Video:
        """Have a finished video made anew with another prompt, and return the new one, queued.

        Seconds and size are the source's. As `create`, it makes one video however often it is
        sent. Options are those of `DeriveOptions`.

        Raises:
            TypeError: an option that there is not.
        """
        return at_once(verbs.remix(self._line, video, prompt, options))

    def edit(self, source: Source, prompt: str, **options: Unpack[DeriveOptions]) -> Video:
        """Have a film changed as the prompt says, and return the new one, queued.

        `source` is a finished video or its id, or a file of your own (`Path("boat.mp4")`). The
        model must know how to edit: `models.retrieve(…).modes` says so. Otherwise as `remix`.

        Raises:
            TypeError: an option that there is not.
            OSError: a file that cannot be read.
        """
        return at_once(verbs.edit(self._line, source, prompt, options))

    def extend(
        self,
        source: Source,
        prompt: str,
        *,
        seconds: int | str,
        **options: Unpack[DeriveOptions],
    ) -> Video:
        """Have a film continued by `seconds`, and return the longer one, queued.

        Its `seconds` are those of both parts together. Otherwise as `edit`.

        Raises:
            TypeError: an option that there is not.
            OSError: a file that cannot be read.
        """
        return at_once(verbs.extend(self._line, source, prompt, seconds, options))

    def download(
        self,
        video: Video | str,
        to: Target = None,
        *,
        variant: Variant = "video",
        resume: bool = False,
        on_progress: OnBytes | None = None,
    ) -> DownloadedVideo:
        """Bring a film home, or a still of it.

        `to` is a path, a folder (the file is named after the video), a file open for writing
        in binary mode, or None for memory. A path is written under another name and renamed
        when every byte is there; a device or a pipe is written to as it is. A connection that
        breaks is taken up where it broke. With `resume` (a path or a folder, one call at a time)
        what has come stays if this call fails or its process dies, and the next call with
        `resume` asks for the rest only. What came is compared with the server's digest.
        `on_progress` gets the bytes so far and, if known, all there are.

        Raises:
            BadRequest: with code `task_not_finished` or `task_failed`: there is no film.
            ArtifactExpired: retention removed it.
            DownloadFailed: it did not arrive whole.
            OSError: it cannot be written, or an unbuffered file takes no more.
        """
        return at_once(download(self._line, video, to, variant, on_progress, is_resumed=resume))

    def download_content(
        self, video: Video | str, *, variant: Variant = "video"
    ) -> DownloadedVideo:
        """`download` into memory, under the retired OpenAI client's name."""
        return self.download(video, variant=variant)

    def stream(self, video: Video | str, *, variant: Variant = "video") -> Generator[bytes]:
        """Give a film on as it comes, or a still of it, to somebody who keeps none of it.

        A connection that breaks is taken up where it broke. Close the generator to hang up
        before the end.

        Raises:
            BadRequest: with code `task_not_finished` or `task_failed`: there is no film.
            ArtifactExpired: retention removed it.
            DownloadFailed: it broke off, and could not be continued.
        """
        feed = FilmFeed(self._line, video, variant)
        try:
            while chunk := at_once(feed.next()):
                yield chunk
        finally:
            at_once(feed.close())

    def events(
        self, video: Video | str, *, after: int = 0, deadline_s: float = DEADLINE_S
    ) -> Generator[VideoEvent]:
        """Listen to a video's changes of status, from the first (or from `after`) to the last.

        A stream that breaks is taken up after the last event that was told.

        Raises:
            WaitTimeout: the last event had not come within `deadline_s` seconds.
        """
        feed = EventFeed(self._line, video, after, deadline_s)
        try:
            while event := at_once(feed.next()):
                yield event
        finally:
            at_once(feed.close())


class Models:
    """What the server can make videos with."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def list(self) -> tuple[Model, ...]:
        """Return every model that the key may use."""
        return at_once(verbs.models(self._line))

    def retrieve(self, model: str) -> Model:
        """Return one model.

        Raises:
            NotFound: there is none of that name.
        """
        return at_once(verbs.model(self._line, model))


class Webhooks:
    """What a receiver of webhooks needs; `rushes.client.webhooks` verifies with it."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def secret(self) -> WebhookSecret:
        """Return what your account's webhooks are signed with; it is made when first asked for.

        Raises:
            Forbidden: with code `scope_missing`: the key may neither administer nor read.
        """
        return at_once(verbs.webhook_secret(self._line))
