"""What is done to a film after it came and before it is kept: tag or label it, and seal it last.

Nothing of it may cost the film: what cannot be done is a note beside it, and is counted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rushes.domain.provenance import Origin
from rushes.media.sealer import Unsealed
from rushes.media.tagger import Untagged
from rushes.traces import stage


@dataclass(frozen=True, slots=True)
class Finished:
    """A film as it stands; `notes` are sentences about what could not be done to it."""

    path: Path
    notes: tuple[str, ...] = ()


class Sealer(Protocol):
    """Signs where a film comes from into a copy of it."""

    async def seal(self, film: Path, original: Path, folder: Path, origin: Origin) -> Path:
        """Return a sealed copy of a film, in `folder`; `original` is how it came.

        Raises:
            Unsealed: with a sentence.
        """
        ...


class Tagger(Protocol):
    """Writes a tag, or draws a label, into a copy of a film."""

    async def tag(self, film: Path, folder: Path, origin: Origin) -> Path:
        """Return a tagged copy of a film, in `folder`.

        Raises:
            Untagged: with a sentence.
        """
        ...


@dataclass(slots=True)
class Finishing:
    """Tags and seals films, as far as an operator wants it.

    `counts` is how many films were `sealed`, `unsealed`, `tagged` and `untagged` by this process.
    """

    sealer: Sealer | None = None
    tagger: Tagger | None = None
    counts: Counter[str] = field(default_factory=Counter)

    async def tag(self, film: Path, folder: Path, origin: Origin) -> Finished:
        """Return a film with its tag and label, or as it is with a note."""
        if self.tagger is None:
            return Finished(film)
        try:
            with stage("tag"):
                tagged = await self.tagger.tag(film, folder, origin)
        except Untagged as untagged:
            self.counts["untagged"] += 1
            return Finished(film, (f"The film was not labelled: {untagged}.",))
        self.counts["tagged"] += 1
        return Finished(tagged)

    async def seal(self, film: Finished, original: Path, folder: Path, origin: Origin) -> Finished:
        """Return a film with its seal, or as it is with a note."""
        if self.sealer is None:
            return film
        try:
            with stage("seal"):
                sealed = await self.sealer.seal(film.path, original, folder, origin)
        except Unsealed as unsealed:
            self.counts["unsealed"] += 1
            return Finished(film.path, (*film.notes, f"The film was not sealed: {unsealed}."))
        self.counts["sealed"] += 1
        return Finished(sealed, film.notes)
