"""What trying a provider leaves behind: a page that holds nothing of the operator's.

No key, no host, no query, no ticket: the page is made to be shown, and to stand in `docs/live`,
from where docs/providers.md takes what may be called live.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Final

from rushes import __version__
from rushes.cli.paper import money, size
from rushes.domain.smallest import PROMPT
from rushes.ports import Probe
from rushes.providers.rest import Call
from rushes.testing.live import NO_PROFILE

_TEXT_MIN: Final = 8
"""Texts of a ticket that are shorter stand in paths by chance."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call, or one verb that made none. `came_to` is what was understood of the verb."""

    at_s: float
    took_s: float
    verb: str
    call: Call | None
    came_to: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Footage:
    """A film that was brought home and decoded to its end."""

    probe: Probe
    size_bytes: int

    def __str__(self) -> str:
        probe = self.probe
        sound = probe.audio_codec or "silent"
        return (
            f"{probe.seconds:.2f} s, {probe.size}, {probe.fps:g} fps, {probe.frame_count} frames, "
            f"{probe.video_codec}, {sound}, {size(self.size_bytes)}"
        )


@dataclass(frozen=True, slots=True)
class Transcript:
    """One film, asked for once."""

    kind: str
    profile: str | None
    upstream_model: str
    wished: str
    where: str
    on: date
    cost_max_microusd: int
    is_price_shown: bool
    outcome: str
    steps: tuple[Step, ...]
    ticket: Mapping[str, object] | None = None
    film: Footage | None = None
    usage: Mapping[str, object] | None = None

    @property
    def name(self) -> str:
        """What its file is called."""
        parts = [self.kind.replace(".", "_"), self.profile or "", self.on.isoformat()]
        return "-".join(filter(None, parts)) + ".md"


def page_of(transcript: Transcript, *, hide: Iterable[str]) -> str:
    """Write a transcript down; whatever is to be hidden stands nowhere in it."""
    source = "by configured prices" if transcript.is_price_shown else "as the operator said"
    facts = [
        ("kind", f"`{transcript.kind}`"),
        ("profile", f"`{transcript.profile}`" if transcript.profile else NO_PROFILE),
        ("asked for", f"`{transcript.upstream_model}`"),
        ("wished", transcript.wished),
        ("date", transcript.on.isoformat()),
        ("Rushes", __version__),
        ("where", transcript.where),
        ("price", f"at most {money(transcript.cost_max_microusd)}, {source}"),
        ("outcome", transcript.outcome),
        ("film", str(transcript.film or "none")),
        ("ticket", f"`{shape(transcript.ticket)}`" if transcript.ticket else "none"),
        ("usage", f"`{shape(transcript.usage)}`" if transcript.usage else "nothing was said"),
    ]
    is_keyed = any(step.call is not None and step.call.has_key for step in transcript.steps)
    lines = [
        f"# One film by `{transcript.kind}`",
        "",
        f'Asked for once, with the operator\'s own key; the prompt was "{PROMPT}"',
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {_cell(said)} |" for name, said in facts),
        "",
        "| at s | took s | verb | call | HTTP | came to |",
        "|---|---|---|---|---|---|",
        *(_row(step, is_keyed=is_keyed) for step in collapsed(transcript.steps)),
    ]
    text = "\n".join(lines) + "\n"
    for ref in _texts(transcript.ticket):
        text = text.replace(ref, "{id}")
    for secret in sorted(filter(None, hide), key=len, reverse=True):
        text = text.replace(secret, "[hidden]")
    return text


def collapsed(steps: Sequence[Step]) -> list[Step]:
    """Return steps with looks that came to the same told once, and how many there were."""
    told = []
    for _, group in groupby(steps, lambda step: (step.verb, step.call, step.came_to)):
        first, *more = group
        longest_s = max(step.took_s for step in (first, *more))
        told.append(replace(first, took_s=longest_s, count=1 + len(more)))
    return told


def shape(value: object) -> object:
    """Return what a value is made of: numbers and short words as they are, texts by length.

    >>> shape({"id": "video_0123456789abcdef", "tokens": 12, "size": "720p", "urls": ["https://x"]})
    {'id': 'text of 22', 'tokens': 12, 'size': '720p', 'urls': ['text of 9']}
    """
    if isinstance(value, Mapping):
        return {str(key): shape(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [shape(each) for each in value[:1]]
    if isinstance(value, str):
        is_plain = re.fullmatch(r"[0-9x.:]{1,12}|[A-Za-z0-9_.:]{1,7}", value)
        return value if is_plain else f"text of {len(value)}"
    return value if isinstance(value, bool | int | float) or value is None else "something"


def _texts(value: object) -> list[str]:
    """Return the texts in a ticket, the longest first: they name a task of the operator's."""
    if isinstance(value, Mapping):
        found = [text for each in value.values() for text in _texts(each)]
    elif isinstance(value, list | tuple):
        found = [text for each in value for text in _texts(each)]
    else:
        found = [value] if isinstance(value, str) and len(value) >= _TEXT_MIN else []
    return sorted(found, key=len, reverse=True)


def _row(step: Step, *, is_keyed: bool) -> str:
    call, status = "-", "-"
    if step.call is not None:
        is_shown = step.call.is_own and (step.call.has_key or not is_keyed)
        call = f"{step.call.method} `{step.call.path}`" if is_shown else "GET, behind a link"
        status = "no answer" if step.call.status is None else str(step.call.status)
    times = f" x{step.count}" if step.count > 1 else ""
    cells = [
        f"{step.at_s:.1f}", f"{step.took_s:.2f}", f"{step.verb}{times}", call, status, step.came_to,
    ]  # fmt: skip
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
