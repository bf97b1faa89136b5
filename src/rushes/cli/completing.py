"""What Tab offers beside verbs and options: models and videos, asked of the server in passing.

A shell waits for it, so it asks once and briefly; where nobody answers, nothing is offered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rushes.client import Rushes

PATIENCE_S: Final = 1.5
VIDEOS_MAX: Final = 50
TOLD_MAX: Final = 60


def models(incomplete: str) -> list[tuple[str, str]]:
    """Return the models that begin so, each with who makes it."""
    return _beginning(incomplete, _models)


def videos(incomplete: str) -> list[tuple[str, str]]:
    """Return the newest videos whose ids begin so, with how each stands."""
    return _beginning(incomplete, _videos)


def _models(client: Rushes) -> Iterable[tuple[str, str]]:
    for model in client.models.list():
        yield model.id, "the sandbox" if model.is_rehearsal else model.owned_by


def _videos(client: Rushes) -> Iterable[tuple[str, str]]:
    for video in client.videos.list(limit=VIDEOS_MAX):
        yield video.id, f"{video.status} {video.prompt or ''}"[:TOLD_MAX].strip()


def _beginning(
    incomplete: str, told: Callable[[Rushes], Iterable[tuple[str, str]]]
) -> list[tuple[str, str]]:
    from rushes.client import Retry, Rushes, RushesError  # noqa: PLC0415 -- --help stays quick

    try:
        with Rushes(timeout_s=PATIENCE_S, retry=Retry(attempts_max=1)) as client:
            return [pair for pair in told(client) if pair[0].startswith(incomplete)]
    except RushesError:
        return []
