"""Looking into a caller's file before anyone relies on it; `ports.Examiner`."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Final

from rushes.domain.catalog import InputRule
from rushes.domain.spec import Medium
from rushes.media.clips import check_audio, check_video
from rushes.ports import InputFacts

AT_ONCE_MAX: Final = 2
"""A decoded image takes up to 144 MB (36 million pixels of 4 bytes), and one core."""


class FileExaminer:
    """Checks files in a few threads of its own, off the event loop."""

    def __init__(self, at_once_max: int = AT_ONCE_MAX) -> None:
        self._threads = ThreadPoolExecutor(at_once_max, thread_name_prefix="examiner")

    async def examine(self, content: IO[bytes], rule: InputRule, *, param: str) -> InputFacts:
        """Check a file from its start against a rule; the position afterwards is undefined.

        The content must stay open until this returns, also when it is canceled: then it
        returns once the thread has let go.

        Raises:
            InvalidMedia: with `param` and a sentence that says what is allowed.
        """
        work = self._threads.submit(examine_now, content, rule, param=param)
        done = asyncio.wrap_future(work)
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            if not work.cancel():
                await asyncio.gather(done, return_exceptions=True)
            raise


def examine_now(content: IO[bytes], rule: InputRule, *, param: str) -> InputFacts:
    """Check a file; blocks.

    Raises:
        InvalidMedia: with `param`.
    """
    if rule.medium is Medium.IMAGE:
        from rushes.media.images import check_image  # noqa: PLC0415 -- 2 MB, where images come

        image = check_image(content, param=param, rule=rule)
        return InputFacts(image.content_type, image.size)
    check = check_audio if rule.medium is Medium.AUDIO else check_video
    clip = check(content, param=param, bytes_max=rule.bytes_max)
    return InputFacts(clip.content_type, clip.size, clip.seconds)
