"""What a request for a film asks for, to the letter of RFC 9110 as CONTRACT §7 narrows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rushes.domain.errors import RangeNotSatisfiable
from rushes.http.conditions import ByteRange, Plan, Representation, parse_range, plan

MADE_AT = datetime(2026, 11, 23, 8, 49, 37, 999_999, tzinfo=UTC)
MADE = "Mon, 23 Nov 2026 08:49:37 GMT"
BEFORE = "Mon, 23 Nov 2026 08:49:36 GMT"
AFTER = "Mon, 23 Nov 2026 08:49:38 GMT"
ETAG = '"7c1f0a52e6b94d38"'
HUGE = "9" * 5000

FILM = Representation(
    size_bytes=1000,
    etag=ETAG,
    modified_at=MADE_AT,
    content_type="video/mp4",
    cache_control="private, no-cache",
    disposition='inline; filename="video.mp4"',
    headers={"X-Request-Id": "req_1"},
)


def _planned(method: str = "GET", shown: Representation = FILM, **asked: str) -> Plan:
    headers = [
        (name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in asked.items()
    ]
    return plan(method, headers, shown)


def _headers(planned: Plan) -> dict[str, str]:
    assert all(name == name.lower() for name, _ in planned.headers)
    return {name.decode(): value.decode() for name, value in planned.headers}


# -- ranges ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("header", "start", "length"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-1023", 0, 1000),
        ("bytes=0-999", 0, 1000),
        ("bytes=10-", 10, 990),
        ("bytes=999-", 999, 1),
        ("bytes=-1", 999, 1),
        ("bytes=-1000", 0, 1000),
        ("bytes=-5000", 0, 1000),
        ("bytes=007-008", 7, 2),
        ("BYTES=1-2", 1, 2),
        (f"bytes=5-{HUGE}", 5, 995),
        (f"bytes=-{HUGE}", 0, 1000),
        ("bytes=5-18446744073709551616", 5, 995),
        ("bytes=" + "0" * 5000 + "5-6", 5, 2),
        ("bytes=,5-6", 5, 2),
        ("bytes=5-6,", 5, 2),
        ("bytes= ,, 5-6 ,,", 5, 2),
    ],
)
def test_one_range_is_read(header: str, start: int, length: int) -> None:
    assert parse_range(header, 1000) == ByteRange(start, length)


@pytest.mark.parametrize(
    "header",
    [
        "bytes=1000-",
        "bytes=1000-2000",
        "bytes=9999999-",
        "bytes=-0",
        f"bytes={HUGE}-",
        f"bytes={HUGE}-{HUGE}",
    ],
)
def test_a_range_past_the_end_is_refused_with_the_size(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as raised:
        parse_range(header, 1000)
    assert raised.value.param == "Range"
    assert raised.value.headers == {"Content-Range": "bytes */1000"}
    assert len(raised.value.message) < 200


def test_the_refusal_of_a_range_says_what_the_contract_shows() -> None:
    with pytest.raises(RangeNotSatisfiable) as raised:
        parse_range("bytes=9999999-", 1482753)
    expected = "The film has 1482753 bytes; the range bytes=9999999- is outside it."
    assert raised.value.message == expected


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=,",
        "bytes=a-b",
        "bytes=1",
        "bytes=1 -2",
        "bytes= 1-2",
        "bytes =1-2",
        "bytes=2-1",
        f"bytes={HUGE}-{HUGE[1:]}",
        "bytes=--1",
        "bytes=+1-2",
        "bytes=1-2x",
        "bytes=0x1-2",
        "bytes=\u00b2-\u00b3",
        "bytes=\u0661-\u0662",
        "lines=1-2",
        "bytes=1-2\n",
    ],
)
def test_a_malformed_range_is_ignored(header: str) -> None:
    assert parse_range(header, 1000) is None


@pytest.mark.parametrize("header", ["bytes=0-1,3-4", "bytes=0-1, 5000-", "bytes=5000-,6000-"])
def test_several_ranges_are_answered_with_the_whole(header: str) -> None:
    planned = _planned(range=header)
    assert (planned.status, planned.part) == (200, ByteRange(0, 1000))


def test_nothing_of_nothing_is_the_whole() -> None:
    assert parse_range("bytes=0-", 0) is None
    assert parse_range("bytes=-5", 0) is None


RANGE_LIKE = st.text("bytes=0123456789-, \t", max_size=40).map(lambda text: f"bytes={text}")


@given(header=st.one_of(st.text(), RANGE_LIKE), size_bytes=st.integers(0, 2**70))
@example(header=f"bytes={HUGE}-", size_bytes=2**64)
def test_no_header_raises_anything_but_the_refusal(header: str, size_bytes: int) -> None:
    try:
        part = parse_range(header, size_bytes)
    except RangeNotSatisfiable:
        return
    if part is not None:
        assert 0 <= part.start < part.start + part.length <= size_bytes


@given(
    film=st.binary(min_size=1, max_size=200),
    cuts=st.sets(st.integers(1, 199)),
    first=st.integers(0, 250),
    last=st.integers(0, 250),
)
def test_a_range_is_the_slice_it_names(film: bytes, cuts: set[int], first: int, last: int) -> None:
    size = len(film)

    def part_of(header: str) -> bytes:
        part = parse_range(header, size)
        return film if part is None else film[part.start : part.start + part.length]

    edges = [0, *sorted(cut for cut in cuts if cut < size), size]
    parts = [part_of(f"bytes={a}-{b - 1}") for a, b in pairwise(edges)]
    assert b"".join(parts) == film
    if first < size and first <= last:
        assert part_of(f"bytes={first}-{last}") == film[first : last + 1]
    if first < size:
        assert part_of(f"bytes={first}-") == film[first:]
    if last:
        assert part_of(f"bytes=-{last}") == film[-last:]


# -- answers ---------------------------------------------------------------------------
def test_the_whole_is_shown_with_all_its_headers() -> None:
    planned = _planned()
    assert (planned.status, planned.part) == (200, ByteRange(0, 1000))
    assert _headers(planned) == {
        "x-request-id": "req_1",
        "etag": ETAG,
        "cache-control": "private, no-cache",
        "accept-ranges": "bytes",
        "content-type": "video/mp4",
        "last-modified": MADE,
        "content-disposition": 'inline; filename="video.mp4"',
        "content-length": "1000",
    }


def test_a_part_is_shown_with_its_place() -> None:
    planned = _planned(range="bytes=10-19")
    assert (planned.status, planned.part) == (206, ByteRange(10, 10))
    whole = _headers(_planned())
    assert _headers(planned) == whole | {
        "content-range": "bytes 10-19/1000",
        "content-length": "10",
    }


@pytest.mark.parametrize("range_", ["bytes=10-19", "bytes=5000-"])
def test_head_tells_what_get_would_and_knows_no_ranges(range_: str) -> None:
    planned = _planned("HEAD", range=range_)
    assert (planned.status, planned.part) == (200, None)
    assert _headers(planned) == _headers(_planned())


def test_an_empty_film_has_an_empty_body() -> None:
    empty = Representation(0, ETAG, MADE_AT, "video/mp4", "no-store")
    planned = _planned(shown=empty, range="bytes=0-")
    assert (planned.status, planned.part) == (200, None)
    assert _headers(planned)["content-length"] == "0"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "tags",
    [
        ETAG,
        f"W/{ETAG}",
        "*",
        " * ",
        f'"other", {ETAG}',
        f'"other",{ETAG},',
        f',, "a,b" ,\tW/"x" , {ETAG}',
        f'{ETAG}, "\xe9"',
        f'"" ,{ETAG}',
    ],
)
def test_a_caller_who_has_the_film_is_told_so(tags: str, method: str) -> None:
    planned = _planned(method, if_none_match=tags, range="bytes=5000-", if_modified_since=BEFORE)
    assert (planned.status, planned.part) == (304, None)
    assert _headers(planned) == {
        "x-request-id": "req_1",
        "etag": ETAG,
        "cache-control": "private, no-cache",
    }


@pytest.mark.parametrize(
    "tags",
    [
        '"other"',
        "7c1f0a52e6b94d38",
        f'{ETAG} "other"',
        f"{ETAG};",
        f"w/{ETAG}",
        f"W/ {ETAG}",
        f"*, {ETAG}",
        f"{ETAG}, *",
        '"7c1f0a52e6b94d38',
        "",
        ",",
    ],
)
def test_a_caller_who_has_another_film_gets_this_one(tags: str) -> None:
    assert _planned(if_none_match=tags).status == 200
    # If-Modified-Since does not count beside If-None-Match.
    assert _planned(if_none_match=tags, if_modified_since=AFTER).status == 200


@pytest.mark.parametrize(
    ("since", "status"),
    [
        (MADE, 304),
        (AFTER, 304),
        (BEFORE, 200),
        ("Monday, 23-Nov-26 08:49:37 GMT", 304),
        ("Mon Nov 23 08:49:37 2026", 304),
        ("Mon Nov  2 08:49:37 2026", 200),
        ("23 Nov 2026 08:49:37 GMT", 200),
        ("Mon, 23 Nov 2026 08:49:37", 200),
        ("Mon, 23 Nov 2026 08:49:37 +0000", 200),
        ("Mon, 31 Feb 2027 08:49:37 GMT", 200),
        ("Mon, 23 Nov 2027 25:00:00 GMT", 200),
        ("Mon, 23 Nov 0000 08:49:37 GMT", 200),
        ("tomorrow", 200),
        ("", 200),
    ],
)
def test_a_date_asks_for_news_since_then(since: str, status: int) -> None:
    assert _planned(if_modified_since=since).status == status
    assert _planned("HEAD", if_modified_since=since).status == status


@pytest.mark.parametrize(
    ("validator", "status"),
    [
        (ETAG, 206),
        (f"W/{ETAG}", 200),
        ('"other"', 200),
        (MADE, 206),
        ("Monday, 23-Nov-26 08:49:37 GMT", 206),
        (BEFORE, 200),
        (AFTER, 200),
        ("nonsense", 200),
        ("*", 200),
        ("", 200),
    ],
)
def test_a_part_is_sent_only_of_the_film_the_caller_has(validator: str, status: int) -> None:
    assert _planned(range="bytes=0-1", if_range=validator).status == status


def test_a_range_that_is_not_wanted_any_more_cannot_be_refused() -> None:
    assert _planned(range="bytes=5000-", if_range='"other"').status == 200
    with pytest.raises(RangeNotSatisfiable):
        _planned(range="bytes=5000-", if_range=ETAG)


def test_if_range_alone_means_nothing() -> None:
    assert _planned(if_range=ETAG).status == 200


def test_conditions_we_have_no_answer_for_are_ignored() -> None:
    assert _planned(if_match='"other"', if_unmodified_since=BEFORE).status == 200


def test_a_header_sent_twice_is_a_list() -> None:
    tags = [(b"if-none-match", b'"other"'), (b"if-none-match", ETAG.encode())]
    assert plan("GET", tags, FILM).status == 304
    ranges = [(b"range", b"bytes=0-1"), (b"range", b"bytes=0-1")]
    assert plan("GET", ranges, FILM).status == 200


def test_a_time_elsewhere_is_told_as_gmt() -> None:
    made_at = MADE_AT.astimezone(timezone(timedelta(hours=9)))
    shown = Representation(1, ETAG, made_at, "video/mp4", "no-store")
    assert _headers(_planned(shown=shown))["last-modified"] == MADE


@pytest.mark.parametrize("etag", ["", "bare", 'W/"weak"', '"a"b"', '"a b"'])
def test_a_film_has_a_strong_tag(etag: str) -> None:
    with pytest.raises(ValueError, match="no strong entity tag"):
        Representation(1, etag, MADE_AT, "video/mp4", "no-store")


HEADER = st.text(st.characters(max_codepoint=255), max_size=60)


@given(
    method=st.sampled_from(["GET", "HEAD"]),
    none_match=HEADER,
    since=HEADER,
    if_range=st.one_of(HEADER, st.just(ETAG)),
    range_=st.one_of(HEADER, RANGE_LIKE),
)
def test_no_headers_at_all_break_the_plan(
    method: str, none_match: str, since: str, if_range: str, range_: str
) -> None:
    asked = {b"if-none-match": none_match, b"if-modified-since": since}
    asked |= {b"if-range": if_range, b"range": range_}
    headers = [(name, value.encode("latin-1")) for name, value in asked.items() if value]
    try:
        planned = plan(method, headers, FILM)
    except RangeNotSatisfiable:
        return
    assert planned.status in {200, 206, 304}
    assert (planned.part is None) == (method == "HEAD" or planned.status == 304)
