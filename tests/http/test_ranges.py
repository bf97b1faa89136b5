"""Ranges, HEAD and conditions to the letter (RFC 9110), on every road to stored bytes.

A film by its key, a film by its signed link, and its stills answer alike: the table runs on each.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path

import httpx2
import pytest

from rushes.domain.task import Status
from rushes.ports import FILE_NAMES, ArtifactKind
from rushes.testing.builders import NOON
from wiring import FILM, SECRET, STILLS, Wired, wired

MADE = format_datetime(NOON, usegmt=True)
BEFORE = format_datetime(NOON - timedelta(seconds=1), usegmt=True)
AFTER = format_datetime(NOON + timedelta(days=1), usegmt=True)
POSTER, SHEET = STILLS[ArtifactKind.POSTER], STILLS[ArtifactKind.SPRITESHEET]
LAST = STILLS[ArtifactKind.LAST_FRAME]


@dataclass(frozen=True, slots=True)
class Road:
    """One address of stored bytes; `path` may name the task, or be its signed link."""

    path: str
    content: bytes
    kind: ArtifactKind
    needs_key: bool = True

    @property
    def etag(self) -> str:
        return f'"{sha256(self.content).hexdigest()[:32]}"'

    @property
    def digest(self) -> str:
        return f"sha-256=:{b64encode(sha256(self.content).digest()).decode()}:"


ROADS: Mapping[str, Road] = {
    "film": Road("/v1/videos/{id}/content", FILM, ArtifactKind.FILM),
    "film by name": Road("/v1/videos/{id}/content?variant=video", FILM, ArtifactKind.FILM),
    "link": Road("{link}", FILM, ArtifactKind.FILM, needs_key=False),
    "thumbnail": Road("/v1/videos/{id}/content?variant=thumbnail", POSTER, ArtifactKind.POSTER),
    "spritesheet": Road(
        "/v1/videos/{id}/content?variant=spritesheet", SHEET, ArtifactKind.SPRITESHEET
    ),
    "last frame": Road("/v1/videos/{id}/content?variant=last_frame", LAST, ArtifactKind.LAST_FRAME),
}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@dataclass(frozen=True, slots=True)
class Cinema:
    """A house with one finished film, and how to ask for its bytes."""

    house: Wired
    places: Mapping[str, str]

    async def ask(self, road: Road, method: str = "GET", **headers: str) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.house.client(SECRET if road.needs_key else None) as client:
            return await client.request(method, road.path.format_map(self.places), headers=named)


@pytest.fixture(scope="module")
async def cinema(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cinema]:
    async with wired(tmp_path_factory.mktemp("cinema")) as house:
        async with house.client() as client:
            body = {"model": "sandbox", "prompt": "a heron"}
            name = (await client.post("/v1/videos", json=body)).json()["id"]
        await house.bring(house.task(name), Status.SUCCEEDED)
        link = house.links.film(name, NOON).removeprefix("http://localhost:8080")
        yield Cinema(house, {"id": name, "link": link})


EVERY_ROAD = pytest.mark.parametrize("road", ROADS.values(), ids=ROADS)


def whole_headers(cinema: Cinema, road: Road) -> dict[str, str]:
    """What an answer with the whole tells, but for its request id."""
    told = {
        "accept-ranges": "bytes",
        "cache-control": "private, no-cache",
        "content-length": str(len(road.content)),
        "content-type": FILE_NAMES[road.kind][1],
        "cross-origin-resource-policy": "cross-origin",
        "etag": road.etag,
        "last-modified": MADE,
        "repr-digest": road.digest,
    }
    if not road.needs_key:
        told["content-disposition"] = f'inline; filename="{cinema.places["id"]}.mp4"'
    return told


def headers_of(answer: httpx2.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "x-request-id"}


@EVERY_ROAD
async def test_the_whole_is_told_with_all_its_headers(cinema: Cinema, road: Road) -> None:
    answer = await cinema.ask(road)
    assert (answer.status_code, answer.content) == (200, road.content)
    assert headers_of(answer) == whole_headers(cinema, road)


@EVERY_ROAD
@pytest.mark.parametrize("accept", ["application/binary", "text/html", "*/*;q=0"])
async def test_what_a_caller_accepts_changes_nothing(
    cinema: Cinema, road: Road, accept: str
) -> None:
    answer = await cinema.ask(road, accept=accept)
    assert (answer.status_code, answer.content) == (200, road.content)


@EVERY_ROAD
@pytest.mark.parametrize(
    ("range_", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-99", 0, 99),
        ("bytes=5-9", 5, 9),
        ("bytes=100-", 100, -1),
        ("bytes=-1", -1, -1),
        ("bytes=-50", -50, -1),
        ("bytes=-99999999", 0, -1),
        ("bytes=10-99999999", 10, -1),
        ("bytes=0-", 0, -1),
        ("BYTES=0-3", 0, 3),
        ("bytes=007-009", 7, 9),
        ("bytes=,0-3,", 0, 3),
        ("bytes=0-" + "9" * 5000, 0, -1),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_one_range_is_answered_with_its_part(
    cinema: Cinema, road: Road, range_: str, first: int, last: int
) -> None:
    size = len(road.content)
    start, stop = first % size, last % size + 1
    answer = await cinema.ask(road, range=range_)
    assert (answer.status_code, answer.content) == (206, road.content[start:stop])
    assert headers_of(answer) == whole_headers(cinema, road) | {
        "content-length": str(stop - start),
        "content-range": f"bytes {start}-{stop - 1}/{size}",
    }


@EVERY_ROAD
@pytest.mark.parametrize(
    "range_",
    ["bytes=99999999-", "bytes=99999999-99999999", "bytes=-0", "bytes={}-", "bytes={}-{}"],
)
async def test_a_range_beyond_the_end_is_refused_with_the_size(
    cinema: Cinema, road: Road, range_: str
) -> None:
    size = len(road.content)
    answer = await cinema.ask(road, range=range_.format(size, size))
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{size}"
    assert answer.headers["Cache-Control"] == "no-store"
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("range_not_satisfiable", "Range")


@EVERY_ROAD
@pytest.mark.parametrize(
    "range_",
    [
        "bytes=0-1,4-5",
        "bytes=0-1, -2",
        "bytes=0-1,99999999-",
        "bytes=5-2",
        "bytes=-",
        "bytes=a-b",
        "bytes 0-1",
        "bytes=0 - 1",
        "bytes=0x1-0x2",
        "bytes=--1",
        "seconds=0-1",
        "0-1",
        "",
    ],
)
async def test_several_ranges_or_none_that_is_valid_are_answered_with_the_whole(
    cinema: Cinema, road: Road, range_: str
) -> None:
    answer = await cinema.ask(road, range=range_)
    assert (answer.status_code, answer.content) == (200, road.content)
    assert headers_of(answer) == whole_headers(cinema, road)


@EVERY_ROAD
@pytest.mark.parametrize("range_", [None, "bytes=0-9", "bytes=99999999-", "bytes=0-1,4-5"])
async def test_head_tells_the_whole_and_knows_no_ranges(
    cinema: Cinema, road: Road, range_: str | None
) -> None:
    answer = await cinema.ask(road, "HEAD", **({} if range_ is None else {"range": range_}))
    assert (answer.status_code, answer.content) == (200, b"")
    assert headers_of(answer) == whole_headers(cinema, road)


@EVERY_ROAD
@pytest.mark.parametrize(
    ("validator", "is_wanted"),
    [
        ("{etag}", True),
        (MADE, True),
        ("W/{etag}", False),
        ('"another"', False),
        (BEFORE, False),
        (AFTER, False),
        ("*", False),
        ("yesterday", False),
    ],
)
async def test_a_part_is_sent_only_of_the_bytes_a_caller_has_begun_with(
    cinema: Cinema, road: Road, validator: str, is_wanted: bool
) -> None:
    if_range = validator.format(etag=road.etag)
    answer = await cinema.ask(road, range="bytes=2-5", if_range=if_range)
    if is_wanted:
        assert (answer.status_code, answer.content) == (206, road.content[2:6])
    else:
        assert (answer.status_code, answer.content) == (200, road.content)
    beyond = await cinema.ask(road, range="bytes=99999999-", if_range=if_range)
    assert beyond.status_code == (416 if is_wanted else 200)


@EVERY_ROAD
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("conditions", "is_known"),
    [
        ({"if_none_match": "{etag}"}, True),
        ({"if_none_match": "W/{etag}"}, True),
        ({"if_none_match": '"another", {etag}'}, True),
        ({"if_none_match": "*"}, True),
        ({"if_none_match": '"another"'}, False),
        ({"if_none_match": '"another"', "if_modified_since": AFTER}, False),
        ({"if_modified_since": MADE}, True),
        ({"if_modified_since": AFTER}, True),
        ({"if_modified_since": BEFORE}, False),
        ({"if_modified_since": "yesterday"}, False),
        ({"if_match": '"another"', "if_unmodified_since": BEFORE}, False),
        ({"if_none_match": "{etag}", "range": "bytes=99999999-"}, True),
    ],
    ids=str,
)
async def test_a_caller_who_has_these_bytes_is_told_so(
    cinema: Cinema, road: Road, method: str, conditions: Mapping[str, str], is_known: bool
) -> None:
    headers = {name: value.format(etag=road.etag) for name, value in conditions.items()}
    answer = await cinema.ask(road, method, **headers)
    if is_known:
        assert (answer.status_code, answer.content) == (304, b"")
        assert headers_of(answer) == {
            "cache-control": "private, no-cache",
            "cross-origin-resource-policy": "cross-origin",
            "etag": road.etag,
            "repr-digest": road.digest,
        } | ({"last-modified": MADE} if "last-modified" in answer.headers else {})
    else:
        assert answer.status_code == 200
        assert answer.content == (road.content if method == "GET" else b"")


async def test_a_film_has_one_tag_on_every_road_and_its_stills_have_their_own(
    cinema: Cinema,
) -> None:
    tags = {name: (await cinema.ask(road)).headers["etag"] for name, road in ROADS.items()}
    assert tags["film"] == tags["film by name"] == tags["link"]
    assert len(set(tags.values())) == 1 + len(STILLS)


async def test_a_link_may_be_asked_with_a_key_of_anyone_and_none_is_looked_at(
    cinema: Cinema,
) -> None:
    for given in (f"Bearer {SECRET}", "Bearer sk-live-unknown", "Basic eDp5", ""):
        answer = await cinema.ask(ROADS["link"], authorization=given)
        assert (answer.status_code, answer.content) == (200, FILM)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_a_link_can_only_be_read(cinema: Cinema, method: str) -> None:
    answer = await cinema.ask(ROADS["link"], method)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD"


async def test_the_film_fetched_in_parts_is_the_film_whatever_the_road(cinema: Cinema) -> None:
    """As a player does that resumes on another road: the parts fit together."""
    film, link = ROADS["film"], ROADS["link"]
    got = b""
    for index in range(0, len(FILM), 300):
        road = film if index % 600 else link
        part = await cinema.ask(road, range=f"bytes={index}-{index + 299}", if_range=film.etag)
        assert part.status_code == 206
        got += part.content
    assert got == FILM


async def test_what_there_is_no_film_of_has_no_ranges_either(tmp_path: Path) -> None:
    """A condition is judged only where there is something to send."""
    async with wired(tmp_path) as house, house.client() as client:
        body = {"model": "sandbox", "prompt": "a heron"}
        name = (await client.post("/v1/videos", json=body)).json()["id"]
        answer = await client.get(
            f"/v1/videos/{name}/content", headers={"Range": "bytes=0-9", "If-None-Match": "*"}
        )
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "task_not_finished"
