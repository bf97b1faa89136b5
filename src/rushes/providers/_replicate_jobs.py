"""What a prediction of Replicate's says, read with care: nothing in it is trusted to be there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import parse_qs, urlsplit

from rushes.providers.answers import percent
from rushes.providers.base import NotThere, NotUnderstood
from rushes.providers.fields import link_in

LOGS_READ_CHARACTERS: Final = 4000
USAGE_NAMES_MAX: Final = 24

_PROGRESS: Final = re.compile(r"(?:^|[\r\n])[^\r\n|]{0,80}?(\d{1,3})%\s*\|")
_FILM: Final = re.compile(r"(?i)\.(?:mp4|m4v|mov|webm|mkv)$")

Job = Mapping[str, object]
"""A prediction as Replicate tells it."""


def film_in(job: Job) -> str:
    """Return the link of a film among what a model made.

    Raises:
        NotThere: there is none, or none any more: only that it stays so is a verdict.
        NotUnderstood: which of several is the film is not known.
    """
    made = list(_links_in(job.get("output")))
    films = [link for link in made if _FILM.search(urlsplit(link).path)] or made
    if not films:
        removed = ": its data were removed" if job.get("data_removed") is True else ""
        raise NotThere(f"succeeded without a film{removed}")
    if len(films) > 1 and not _FILM.search(urlsplit(films[0]).path):
        raise NotUnderstood("several outputs, and none that is named like a film")
    return films[0]


def _links_in(output: object) -> Iterator[str]:
    """Return the links in an output: it is one, or a list of them, or a table."""
    match output:
        case str():
            values: list[object] = [output]
        case list():
            values = output
        case dict():
            values = list(output.values())
        case _:
            values = []
    for value in values:
        link = link_in(value)
        if link is not None:
            yield link


def usage_in(job: Job) -> dict[str, object]:
    """Return what was measured, which is what some models are billed by."""
    metrics = job.get("metrics")
    told = metrics.items() if isinstance(metrics, dict) else ()
    plain_ones = [(name, value) for name, value in told if isinstance(value, int | float)]
    return dict(plain_ones[:USAGE_NAMES_MAX])


def progress_in(logs: object) -> int | None:
    r"""Return the last progress that a model wrote into its logs; less than all, for it works.

    >>> progress_in("Loading\n 10%|#    | 2/20\r 45%|####  | 9/20")
    45
    """
    found = _PROGRESS.findall(logs[-LOGS_READ_CHARACTERS:]) if isinstance(logs, str) else []
    said = percent(found[-1]) if found else None
    return None if said is None else min(said, 99)


def flat(job: Job) -> dict[str, object]:
    """Return a prediction with its input beside the rest."""
    said = job.get("input")
    inner = said if isinstance(said, dict) else {}
    outer = {name: job.get(name) for name in ("model", "version")}
    return outer | {f"input.{name}": value for name, value in inner.items()}


def cursor_in(address: object) -> str | None:
    """Return the cursor of an address; wherever that leads, we go on at our own."""
    said = link_in(address)
    found = parse_qs(urlsplit(said).query).get("cursor") if said else None
    return found[0] if found else None
