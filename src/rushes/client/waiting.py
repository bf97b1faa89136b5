"""Waiting for a video: long looks, a deadline, and the server's advice.

The server holds a look back until the video is final or the hold is over, so that a waiting
client hears of the end at once and asks seldom. Where a look comes back sooner than the
server's Retry-After, the next one is not sent before that time is over; never is slept
longer than that. A look that fails says nothing about the video: only the server's word
ends a wait, or the deadline.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

from rushes.client import asking
from rushes.client.errors import RushesError, VideoFailed, WaitTimeout
from rushes.client.line import Line, Request, ask_once
from rushes.client.reading import Reply, read_look, retry_after_s
from rushes.client.shapes import Video
from rushes.client.verbs import completed_by_facts, retrieve

OnProgress: TypeAlias = Callable[[Video], object]

DEADLINE_S: Final = 3600.0

# Proxies commonly cut a silent connection after 60 s.
HOLD_S: Final = 30

# What is advised where the server says nothing.
ADVICE_S: Final = 3.0
ADVICE_S_MAX: Final = 60.0

# Timers are not exact: a look held back for 2.9 s of 3 was held back.
_SLACK_S: Final = 0.25

# How long past the deadline a look may still be under way.
_OVERTIME_S: Final = 5.0


async def wait(
    line: Line,
    video: Video | str,
    deadline_s: float,
    on_progress: OnProgress | None,
    *,
    is_failure_raised: bool,
) -> Video:
    """Wait until a video is final; see `Videos.wait`."""
    watch = _Watch(line, video, deadline_s, on_progress)
    if watch.is_over:  # its link may have died meanwhile
        final = await retrieve(line, video)
    else:
        final = await completed_by_facts(line, await watch.until_final())
    watch.tell(final)
    if is_failure_raised and final.status == "failed":
        raise VideoFailed(final)
    return final


def hold_s(left_s: float, advice_s: float | None, *, is_watched: bool) -> int:
    """Return how long a look may be held back, in whole seconds, within the time left.

    Whoever watches progress wants to see some, as often as the server advises. The time left
    is infinite where the deadline is.

    >>> hold_s(600.0, 4.0, is_watched=False), hold_s(600.0, 4.0, is_watched=True)
    (30, 4)
    >>> hold_s(math.inf, None, is_watched=False), hold_s(2.9, None, is_watched=False)
    (30, 2)
    """
    longest_s = min(HOLD_S, math.ceil(_wanted_s(advice_s))) if is_watched else HOLD_S
    return math.floor(max(0.0, min(longest_s, left_s)))  # bounded first: no int is infinite


def pause_s(advice_s: float | None, held_s: float) -> float:
    """Return the pause between two looks.

    `advice_s` is the server's Retry-After; `held_s` how long it took to answer. A look that
    was held back at least that long is followed by the next one at once.

    >>> pause_s(3.0, held_s=0.01), pause_s(3.0, held_s=30.0)
    (3.0, 0.0)
    """
    wanted_s = _wanted_s(advice_s)
    return 0.0 if held_s + _SLACK_S >= wanted_s else wanted_s


def _wanted_s(advice_s: float | None) -> float:
    return ADVICE_S if advice_s is None else min(advice_s, ADVICE_S_MAX)


class _Watch:
    """One wait: what was seen last, and how many looks in a row went wrong."""

    def __init__(
        self, line: Line, video: Video | str, deadline_s: float, on_progress: OnProgress | None
    ) -> None:
        self._line = line
        self._id = asking.id_of(video)
        self._deadline_s = deadline_s
        self._ends_at_s = line.now_s() + deadline_s
        self._on_progress = on_progress
        self._seen = video if isinstance(video, Video) else None
        self._told: Video | None = None
        self._advice_s: float | None = None
        self._lost_count = 0

    @property
    def is_over(self) -> bool:
        """Whether the video was seen to be final."""
        return self._seen is not None and self._seen.is_final

    async def until_final(self) -> Video:
        """Look until the video is final, and return it as the last look told it.

        Raises:
            WaitTimeout: the deadline is over.
            RushesError: the look failed for good, or the very first ones all did.
        """
        if self._seen is not None:
            self.tell(self._seen)
        while True:
            asked_at_s = self._line.now_s()
            trouble: RushesError | None = None
            try:
                reply = await ask_once(self._line, self._request())
            except RushesError as fault:
                wait_s = self._pause_after(fault)
                trouble = fault
            else:
                seen = self._take(reply)
                if seen.is_final:
                    return seen
                self._advice_s = retry_after_s(reply.headers)
                wait_s = pause_s(self._advice_s, self._line.now_s() - asked_at_s)
            left_s = self._left_s()
            if left_s <= 0:
                raise WaitTimeout(self._id, self._deadline_s, self._seen) from trouble
            if wait_s > 0:
                await self._line.sleep(min(wait_s, left_s))

    def tell(self, video: Video) -> None:
        """Tell the caller what is new, if anything is."""
        if self._on_progress is not None and video != self._told:
            self._told = video
            self._on_progress(video)

    def _left_s(self) -> float:
        return self._ends_at_s - self._line.now_s()

    def _request(self) -> Request:
        left_s = self._left_s()
        is_watched = self._on_progress is not None
        request = asking.look(self._id, hold_s(left_s, self._advice_s, is_watched=is_watched))
        # Beyond the hold, an answer may take the ordinary time, but not far past the deadline.
        return replace(request, timeout_s_max=max(0.0, left_s - request.hold_s) + _OVERTIME_S)

    def _take(self, reply: Reply) -> Video:
        self._lost_count = 0
        look = read_look(reply)
        seen = look if self._seen is None else self._seen.seen_as(look)
        self._seen = seen
        if not seen.is_final:  # the end is told with all its facts
            self.tell(seen)
        return seen

    def _pause_after(self, fault: RushesError) -> float:
        """Return how long to pause after a look that failed.

        A video that was seen, or that the caller got from `create`, is worth waiting for until
        the deadline, whatever happens to the server meanwhile. Before that, an address or an
        id may be wrong, and the caller hears so after the usual number of tries.
        """
        self._lost_count += 1
        is_known = self._seen is not None
        decide = self._line.retry.patient_pause_s if is_known else self._line.retry.pause_s
        wait_s = decide(self._lost_count, fault)
        if wait_s is None:
            raise fault
        return wait_s
