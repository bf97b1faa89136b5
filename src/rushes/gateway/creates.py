"""A create on its way in and out: what was asked, what is answered, what the answer tells."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from urllib.parse import quote

from rushes.domain.access import Key
from rushes.domain.catalog import Listing
from rushes.domain.spec import Mode, Said, Wish
from rushes.domain.task import Task
from rushes.traces import Remote

NAMES_CHARACTERS_MAX: Final = 1000
_PRINTABLE: Final = "".join(map(chr, range(0x20, 0x7F)))
_VISIBLE: Final = _PRINTABLE.replace(" ", "").replace("%", "")


class Asked(Protocol):
    """A create as a dialect read it: parsed only as far as the order of checks has come."""

    def model(self) -> Said[str] | None:
        """Return the model the caller named; reading it comes before the other parameters."""
        ...

    def wish(self, *, is_sandboxed: bool) -> Wish:
        """Return everything the caller said; a script only where the sandbox follows it.

        Raises:
            BadRequest: a value has the wrong type or contradicts another.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a caller wants made, whether it is to be made or only to be told the price of.

    `default_model` counts where nobody named one, nor a source that has one. `derives` is what a
    route for films from films makes; `source_id` is the source that a path names.
    """

    caller: Key
    asked: Asked
    default_model: str | None = None
    derives: Mode | None = None
    source_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Create(Wanted):
    """A request to create a task. `route` and `key` are the scope of idempotency (CONTRACT §2).

    `is_retry` says that the caller's client repeats a request by itself, without a key.
    `render` writes the dialect's answer. `span` is the caller's own, `request_id` what the answer
    quotes, and `received_at` when the body was there: for traces only.
    """

    route: str
    key: str | None
    digest: bytes
    is_retry: bool
    render: Callable[[Task], bytes]
    span: Remote | None = None
    request_id: str = ""
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Created:
    """The answer to a create; a replay is the first one again."""

    body: bytes
    headers: Mapping[str, str]
    task_id: str
    is_replay: bool = False


def beside_source(wish: Wish) -> tuple[str, ...]:
    """Name what is not read beside a film that becomes another one (CONTRACT §4, §7)."""
    told = (
        wish.model,
        wish.prompt,
        wish.seconds,
        wish.source_id,
        wish.source_film,
        wish.callback_url,
        wish.user,
        wish.start_within_s,
    )
    read = {said.param.partition("[")[0].removesuffix(".id") for said in told if said is not None}
    return tuple(path for path in wish.order if path not in read)


def headers_of(
    listing: Listing, ignored: tuple[str, ...], coerced: tuple[Said[str], ...] = ()
) -> dict[str, str]:
    """Return the headers that describe a creation (CONTRACT §2)."""
    headers = {}
    if coerced:
        latest = {said.param: said.value for said in coerced}
        headers["Rushes-Coerced-Parameters"] = _listed(
            [f"{name}={value}" for name, value in latest.items()]
        )
    if ignored:
        headers["Rushes-Ignored-Parameters"] = _listed(ignored)
    if listing.is_rehearsal:
        headers["Rushes-Rehearsal"] = "true"
    if listing.served_by is not None:
        headers["Rushes-Model"] = header_text(listing.served_by)
    return headers


def _listed(names: Sequence[str]) -> str:
    """Join names for a header, each so that it can be told from the next; whole, if any fits.

    >>> _listed(["style", "a b", "100%"])
    'style, a%20b, 100%25'
    """
    listed = ""
    for name in names:
        quoted = quote(name[:NAMES_CHARACTERS_MAX], safe=_VISIBLE)
        longer = f"{listed}, {quoted}" if listed else quoted
        if len(longer) > NAMES_CHARACTERS_MAX:
            break
        listed = longer
    return listed or _PART_OF_ESCAPE.sub("", quoted[:NAMES_CHARACTERS_MAX])


_PART_OF_ESCAPE: Final = re.compile(r"%.?$")


def header_text(text: str) -> str:
    """Return a text as a header can hold it: percent-encoded outside printable ASCII."""
    return quote(text, safe=_PRINTABLE)
