"""Films given on as they come: every byte once and in order, or an error."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from client.scripted import ID, BreakingServer, Script, Stage, raw, refused
from client.test_download import ETAG, FILM, cut, digested, film
from rushes.client import (
    ArtifactExpired,
    BadRequest,
    ConnectionFailed,
    DownloadFailed,
    Unsendable,
)


async def test_a_film_is_given_on_in_pieces(stage: Stage) -> None:
    with BreakingServer(film()) as server:
        pieces = await stage.dial(server.url).do("stream", ID, variant="last_frame")
    assert b"".join(pieces) == FILM
    assert len(pieces) > 1
    (asked,) = server.asked
    assert asked[""] == f"GET /v1/videos/{ID}/content?variant=last_frame HTTP/1.1"
    assert asked["accept-encoding"] == "identity"


async def test_a_film_that_is_cut_off_is_continued_where_it_broke(stage: Stage) -> None:
    with BreakingServer(cut(film(), 1_500_000), cut(film(), 300_000), film()) as server:
        pieces = await stage.dial(server.url).do("stream", ID)
    assert b"".join(pieces) == FILM
    ranges = [asked.get("range") for asked in server.asked]
    assert ranges == [None, "bytes=1500000-", "bytes=1800000-"]
    assert [asked.get("if-range") for asked in server.asked] == [None, ETAG, ETAG]
    assert stage.clock.sleeps == [0.5, 0.5]  # each try got further, so each is a first one


async def test_a_film_that_breaks_before_its_first_byte_is_asked_for_again(stage: Stage) -> None:
    with BreakingServer(cut(film(), 0), film()) as server:
        pieces = await stage.dial(server.url).do("stream", ID)
    assert b"".join(pieces) == FILM
    assert "range" not in server.asked[1]


async def test_a_film_that_gets_no_further_is_an_error(stage: Stage) -> None:
    tries = [cut(film(), 1000)] + [cut(film(), 0)] * 3
    with BreakingServer(*tries) as server, pytest.raises(ConnectionFailed):
        await stage.dial(server.url).do("stream", ID)
    assert len(server.asked) == 4


def another(_: dict[str, str]) -> bytes:
    span = f"bytes 1000-{len(FILM) - 1}/{len(FILM)}"
    return raw("206 Partial Content", FILM[:999:-1], ETag='"other"', Content_Range=span)


def elsewhere(_: dict[str, str]) -> bytes:
    return raw("206 Partial Content", FILM[5:9], ETag=ETAG, Content_Range=f"bytes 5-8/{len(FILM)}")


def whole(_: dict[str, str]) -> bytes:
    return raw("200 OK", FILM, ETag='"other"')


@pytest.mark.parametrize("rest", [another, elsewhere, whole])
async def test_what_is_no_rest_of_the_film_is_never_given_on(stage: Stage, rest: object) -> None:
    with (
        BreakingServer(cut(film(), 1000), rest) as server,  # type: ignore[arg-type]
        pytest.raises(DownloadFailed, match="no rest of it"),
    ):
        await stage.dial(server.url).do("stream", ID)


async def test_a_film_that_was_changed_on_the_way_is_an_error_at_its_end(stage: Stage) -> None:
    with BreakingServer(cut(digested(film()), 1000), digested(film())) as server:
        assert b"".join(await stage.dial(server.url).do("stream", ID)) == FILM
    with (
        BreakingServer(digested(film(FILM[:-1] + b"?"))) as server,
        pytest.raises(DownloadFailed, match="changed on the way"),
    ):
        await stage.dial(server.url).do("stream", ID)


async def test_without_an_etag_a_broken_film_is_an_error(stage: Stage) -> None:
    def plain(_: dict[str, str]) -> bytes:
        return raw("200 OK", FILM, ETag='W/"weak"')

    with (
        BreakingServer(cut(plain, 1000)) as server,
        pytest.raises(DownloadFailed, match="no ETag"),
    ):
        await stage.dial(server.url).do("stream", ID)


async def test_a_film_of_unknown_length_ends_where_the_answer_ends(stage: Stage) -> None:
    script = Script(httpx2.Response(200, stream=Chunks(b"boat", b"s")))
    assert b"".join(await stage.play(script).do("stream", ID)) == b"boats"
    empty = Script(httpx2.Response(200, content=b""))
    assert await stage.play(empty).do("stream", ID) == []


class Chunks(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body without a length."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [(400, "task_not_finished", BadRequest), (410, "artifact_expired", ArtifactExpired)],
)
async def test_a_film_that_is_not_there_is_an_error(
    stage: Stage, status: int, code: str, error: type[Exception]
) -> None:
    with pytest.raises(error, match=code):
        await stage.play(Script(refused(status, code))).do("stream", ID)


async def test_a_film_that_was_compressed_on_its_way_is_an_error(stage: Stage) -> None:
    squeezed = httpx2.Response(200, content=b"x", headers={"Content-Encoding": "br"})
    with pytest.raises(DownloadFailed, match="compressed"):
        await stage.play(Script(squeezed)).do("stream", ID)


async def test_an_id_that_is_none_is_refused_before_anything_is_sent(stage: Stage) -> None:
    with pytest.raises(Unsendable):
        await stage.play(Script()).do("stream", "")


def test_whoever_has_seen_enough_hangs_up() -> None:
    with BreakingServer(film()) as server:
        pieces = Stage("sync").dial(server.url).client.videos.stream(ID)
        assert FILM.startswith(next(pieces))  # type: ignore[arg-type]
        pieces.close()  # type: ignore[union-attr]
        assert list(pieces) == []  # type: ignore[arg-type]
