"""Films from films: what is typed after `rushes remix`, `rushes edit` and `rushes extend`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rushes.client import DeriveOptions, Rushes, Source, Video

_ID: Final = re.compile(r"video_[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """A wish for a film from a film; None is as good as absent."""

    prompt: str
    model: str | None = None
    start_within_s: int | None = None
    idempotency_key: str | None = None

    def options(self, key: str) -> DeriveOptions:
        """Return what the client takes besides source and prompt."""
        return DeriveOptions(
            model=self.model, start_within_s=self.start_within_s, idempotency_key=key
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Remix(Derivation):
    """A finished video, made anew."""

    video_id: str

    def ask(self, client: Rushes, key: str) -> Video:
        """Have it made; see `Wish`."""
        return client.videos.remix(self.video_id, self.prompt, **self.options(key))


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(Derivation):
    """A film, changed; `source` is an id or a file."""

    source: str

    def ask(self, client: Rushes, key: str) -> Video:
        """Have it made; see `Wish`."""
        return client.videos.edit(source_of(self.source), self.prompt, **self.options(key))


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension(Derivation):
    """A film, continued by `seconds`; `source` is an id or a file."""

    source: str
    seconds: int

    def ask(self, client: Rushes, key: str) -> Video:
        """Have it made; see `Wish`."""
        source, options = source_of(self.source), self.options(key)
        return client.videos.extend(source, self.prompt, seconds=self.seconds, **options)


def source_of(typed: str) -> Source:
    """Read a source: what looks like an id is one, everything else is a file.

    >>> source_of("boat.mp4").name, source_of("video_" + 32 * "0")[:8]
    ('boat.mp4', 'video_00')
    """
    return typed if _ID.fullmatch(typed) else Path(typed)
