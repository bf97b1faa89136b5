"""What a request for a film asks for: all of it, a part, or only news (RFC 9110).

Pure: headers in, a `Plan` out. CONTRACT §7 narrows the RFC: one range is honoured,
several are answered with the whole; `If-None-Match`, `If-Modified-Since` and
`If-Range` count, `If-Match` and `If-Unmodified-Since` do not, since no error of ours
says 412.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_tz
from typing import Final

from rushes.domain.errors import RangeNotSatisfiable

RawHeaders = Iterable[tuple[bytes, bytes]]
"""Headers as ASGI gives them: names in lower case."""

_RANGE: Final = re.compile(
    r"bytes=(?:(?:[ \t]*,)+[ \t]*)?([0-9]*)-([0-9]*)(?:[ \t]*,)*[ \t]*", re.ASCII | re.IGNORECASE
)
"""One range; the commas are those of empty list elements (RFC 9110, 5.6.1.2)."""

_OPAQUE: Final = r'"[\x21\x23-\x7e\x80-\xff]*"'
_STRONG_TAG: Final = re.compile(_OPAQUE)
_LISTED_TAG: Final = re.compile(rf"[ \t,]*(?:W/)?({_OPAQUE})[ \t]*(?:,[ \t,]*|$)")
_DAY: Final = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_MONTH: Final = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_TIME: Final = r"[0-9]{2}:[0-9]{2}:[0-9]{2}"
_HTTP_DATE: Final = re.compile(
    rf"{_DAY}, [0-9]{{2}} {_MONTH} [0-9]{{4}} {_TIME} GMT"
    rf"|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, [0-9]{{2}}-{_MONTH}-[0-9]{{2}} {_TIME} GMT"
    rf"|{_DAY} {_MONTH} [0-9 ][0-9] {_TIME} [0-9]{{4}}"
)
"""The three forms of RFC 9110, 5.6.7; the last two are obsolete but must be read."""

_QUOTE_CHARACTERS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A part of a film, in bytes; never empty."""

    start: int
    length: int

    def content_range(self, size_bytes: int) -> str:
        """Return the value of Content-Range.

        >>> ByteRange(0, 1024).content_range(1482753)
        'bytes 0-1023/1482753'
        """
        return f"bytes {self.start}-{self.start + self.length - 1}/{size_bytes}"


@dataclass(frozen=True, slots=True)
class Representation:
    """Stored bytes as the wire shows them: their size, their validators, what they are.

    `etag` is strong, quotes included. `modified_at` is a strong validator too: a blob is
    written once and never changes. `headers` are more of the caller's, X-Request-Id for one;
    they go out on every answer, a 304 included.
    """

    size_bytes: int
    etag: str
    modified_at: datetime
    content_type: str
    cache_control: str
    disposition: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if _STRONG_TAG.fullmatch(self.etag) is None:
            raise ValueError(f"{self.etag!r} is no strong entity tag")


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer to be given; `part` is None where no body follows."""

    status: int
    headers: list[tuple[bytes, bytes]]
    part: ByteRange | None


def plan(method: str, headers: RawHeaders, shown: Representation) -> Plan:
    """Judge the conditions in the order of RFC 9110, 13.2.2, then the range.

    Raises:
        RangeNotSatisfiable: the one range asked for lies outside the film.
    """
    asked = _collected(headers)
    is_read = method in {"GET", "HEAD"}
    if is_read and _is_unchanged(asked, shown):
        return Plan(304, _encoded(_lasting_headers(shown)), None)
    answer = _lasting_headers(shown) | {
        "accept-ranges": "bytes",
        "content-type": shown.content_type,
        "last-modified": _http_date(shown.modified_at),
    }
    if shown.disposition is not None:
        answer["content-disposition"] = shown.disposition
    # A range has a meaning for GET alone (RFC 9110, 14.2).
    part = None
    if method == "GET" and "range" in asked and _is_range_wanted(asked, shown):
        part = parse_range(asked["range"], shown.size_bytes)
    if part is not None:
        answer["content-range"] = part.content_range(shown.size_bytes)
        answer["content-length"] = str(part.length)
        return Plan(206, _encoded(answer), part)
    answer["content-length"] = str(shown.size_bytes)
    whole = ByteRange(0, shown.size_bytes) if method == "GET" and shown.size_bytes else None
    return Plan(200, _encoded(answer), whole)


def parse_range(header: str, size_bytes: int) -> ByteRange | None:
    """Read a Range header for a film of `size_bytes`.

    None means that the whole is to be sent: another unit, several ranges, or no valid range.

    Raises:
        RangeNotSatisfiable: a valid range that begins past the end, or asks for the last
            0 bytes.

    Source: RFC 9110, 14.1.1 and 14.1.2.

    >>> parse_range("bytes=0-1023", 1482753)
    ByteRange(start=0, length=1024)
    >>> parse_range("bytes=-500", 1482753)
    ByteRange(start=1482253, length=500)
    >>> parse_range("bytes=0-1,4-5", 1482753) is None
    True
    """
    match = _RANGE.fullmatch(header)
    if match is None or not size_bytes:
        return None
    first, last = match.groups()
    if not first:
        if not last:
            return None
        start = size_bytes - _position(last, size_bytes)
        stop = size_bytes
    else:
        start = _position(first, size_bytes)
        stop = _position(last, size_bytes - 1) + 1 if last else size_bytes
        if last and _is_before(last, first):
            return None
    if start >= size_bytes:
        raise _not_satisfiable(header, size_bytes)
    return ByteRange(start, stop - start)


def _position(digits: str, at_most: int) -> int:
    """Read a number of any length, but no further than it matters.

    Python refuses to read integers of several thousand digits.
    """
    digits = digits.lstrip("0")
    if len(digits) > len(str(at_most)):
        return at_most
    return min(int(digits or "0"), at_most)


def _is_before(digits: str, others: str) -> bool:
    """Compare two numbers of any length."""
    digits, others = digits.lstrip("0"), others.lstrip("0")
    return (len(digits), digits) < (len(others), others)


def _not_satisfiable(header: str, size_bytes: int) -> RangeNotSatisfiable:
    quoted = header if len(header) <= _QUOTE_CHARACTERS_MAX else "asked for"
    return RangeNotSatisfiable(
        f"The film has {size_bytes} bytes; the range {quoted} is outside it.",
        param="Range",
        headers={"Content-Range": f"bytes */{size_bytes}"},
    )


def _is_unchanged(asked: Mapping[str, str], shown: Representation) -> bool:
    """Say whether the caller has these very bytes (RFC 9110, 13.1.2 and 13.1.3)."""
    if "if-none-match" in asked:
        return is_listed(asked["if-none-match"], shown.etag)
    since = _parsed_date(asked.get("if-modified-since", ""))
    return since is not None and int(shown.modified_at.timestamp()) <= since


def is_listed(tags: str, etag: str) -> bool:
    """Say whether a list of entity tags has ours, by weak comparison.

    A list with anything else in it is no list, and matches nothing.
    """
    if tags.strip(" \t") == "*":
        return True
    is_found, at = False, 0
    while at < len(tags):
        match = _LISTED_TAG.match(tags, at)
        if match is None:
            return False
        is_found |= match[1] == etag
        at = match.end()
    return is_found


def _is_range_wanted(asked: Mapping[str, str], shown: Representation) -> bool:
    """Say whether If-Range, if it is there, still means these bytes (RFC 9110, 13.1.5)."""
    validator = asked.get("if-range")
    if validator is None:
        return True
    if '"' in validator:
        return validator == shown.etag  # strong comparison: a weak tag never matches
    return _parsed_date(validator) == int(shown.modified_at.timestamp())


def _parsed_date(text: str) -> int | None:
    """Read an HTTP date as Unix seconds; None if it is none."""
    if _HTTP_DATE.fullmatch(text) is None:
        return None
    parsed = parsedate_tz(text)
    if parsed is None:
        return None
    try:
        return int(datetime(*parsed[:6], tzinfo=UTC).timestamp())
    except ValueError:  # the 31st of February
        return None


def _http_date(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC), usegmt=True)


def _collected(headers: RawHeaders) -> dict[str, str]:
    """Return headers by name; a repeated one becomes a list (RFC 9110, 5.3)."""
    collected: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1").strip(" \t")
        collected[name] = f"{collected[name]}, {value}" if name in collected else value
    return collected


def _lasting_headers(shown: Representation) -> dict[str, str]:
    """Return what a 304 says as well (RFC 9110, 15.4.5)."""
    own = {name.lower(): value for name, value in shown.headers.items()}
    return own | {"etag": shown.etag, "cache-control": shown.cache_control}


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
