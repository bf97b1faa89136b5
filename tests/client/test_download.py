"""A film comes home whole or not at all, over connections that break."""

from __future__ import annotations

import asyncio
import os
import resource
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from hashlib import sha256
from io import BytesIO, RawIOBase
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx2
import pytest

from client.scripted import ID, BreakingServer, Script, Stage, StillAsyncClock, raw, refused
from rushes.client import (
    ArtifactExpired,
    AsyncRushes,
    BadRequest,
    ConnectionFailed,
    DownloadFailed,
    Unsendable,
    UpstreamError,
    Video,
)

FILM = bytes(range(256)) * 9000  # 2.3 MB: more than is written at once
ETAG = '"7c1f0a52e6b94d38"'


def film(content: bytes = FILM, etag: str = ETAG) -> Callable[[dict[str, str]], bytes]:
    """Send a film, or the part of it that is asked for, as a sound server does."""

    def answer(asked: dict[str, str]) -> bytes:
        if asked.get("if-range", etag) != etag or "range" not in asked:
            return raw("200 OK", content, ETag=etag, Content_Type="video/mp4")
        start = int(asked["range"].removeprefix("bytes=").rstrip("-"))
        span = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return raw("206 Partial Content", content[start:], ETag=etag, Content_Range=span)

    return answer


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def cut(
    answer: Callable[[dict[str, str]], bytes], bytes_count: int
) -> Callable[[dict[str, str]], bytes]:
    """Hang up in the middle of the body, after so many bytes of it."""

    def part(asked: dict[str, str]) -> bytes:
        head, gap, body = answer(asked).partition(b"\r\n\r\n")
        return head + gap + body[:bytes_count]

    return part


async def test_a_film_is_written_under_its_name_and_nothing_is_left_beside_it(
    stage: Stage, tmp_path: Path
) -> None:
    target = tmp_path / "boat.mp4"
    target.write_bytes(b"an older film")
    with BreakingServer(film()) as server:
        got = await stage.dial(server.url).do("download", ID, target)
    assert names_in(tmp_path) == ["boat.mp4"]
    assert target.read_bytes() == FILM == got.read()
    assert (got.path, got.size_bytes, got.content_type) == (target, len(FILM), "video/mp4")
    (asked,) = server.asked
    assert asked[""] == f"GET /v1/videos/{ID}/content?variant=video HTTP/1.1"
    assert asked["accept-encoding"] == "identity"
    assert asked["authorization"] == "Bearer sk-live-1"


async def test_a_film_that_is_cut_off_is_taken_up_where_it_broke(
    stage: Stage, tmp_path: Path
) -> None:
    target = tmp_path / "boat.mp4"
    with BreakingServer(cut(film(), 1_500_000), cut(film(), 300_000), film()) as server:
        seen: list[tuple[int, int | None]] = []
        got = await stage.dial(server.url).do(
            "download", ID, str(target), on_progress=lambda *so_far: seen.append(so_far)
        )
    assert target.read_bytes() == FILM
    assert (got.size_bytes, got.etag) == (len(FILM), ETAG)
    assert [asked.get("range") for asked in server.asked] == [
        None,
        "bytes=1500000-",
        "bytes=1800000-",
    ]
    assert [asked.get("if-range") for asked in server.asked] == [None, ETAG, ETAG]
    assert seen == sorted(seen)
    assert seen[-1] == (len(FILM), len(FILM))
    assert stage.clock.sleeps == [0.5, 0.5]  # each try got further, so each is a first one


def digested(
    answer: Callable[[dict[str, str]], bytes], content: bytes = FILM
) -> Callable[[dict[str, str]], bytes]:
    """Say which bytes there are, as our server does."""
    field = f"sha-256=:{b64encode(sha256(content).digest()).decode()}:".encode()

    def told(asked: dict[str, str]) -> bytes:
        head, gap, body = answer(asked).partition(b"\r\n\r\n")
        return head + b"\r\nRepr-Digest: " + field + gap + body

    return told


async def test_a_film_that_came_in_parts_is_compared_with_what_the_server_has(
    stage: Stage,
) -> None:
    with BreakingServer(cut(digested(film()), 1_500_000), digested(film())) as server:
        got = await stage.dial(server.url).do("download", ID)
    assert got.sha256 == sha256(FILM).hexdigest()
    assert len(server.asked) == 2


async def test_a_film_that_was_changed_on_the_way_is_fetched_anew(stage: Stage) -> None:
    damaged = digested(film(FILM[:-1] + b"?"))
    with BreakingServer(damaged, digested(film())) as server:
        got = await stage.dial(server.url).do("download", ID)
    assert got.content == FILM
    assert [asked.get("range") for asked in server.asked] == [None, None]


async def test_a_film_that_is_changed_each_time_fails_and_leaves_nothing(
    stage: Stage, tmp_path: Path
) -> None:
    damaged = digested(film(FILM[:-1] + b"?"))
    with (
        BreakingServer(*[damaged] * 4) as server,
        pytest.raises(DownloadFailed, match="changed on the way"),
    ):
        await stage.dial(server.url).do("download", ID, tmp_path / "boat.mp4")
    assert names_in(tmp_path) == []


async def test_another_film_under_the_same_id_is_never_mixed_with_the_first(
    stage: Stage, tmp_path: Path
) -> None:
    other = FILM[:1000][::-1]  # shorter than what is there already
    with BreakingServer(cut(film(), 1_200_000), film(other, '"other"')) as server:
        got = await stage.dial(server.url).do("download", ID, tmp_path / "boat.mp4")
    assert got.read() == other
    assert got.etag == '"other"'


async def test_a_part_of_another_film_is_thrown_away_though_the_server_sends_it(
    stage: Stage,
) -> None:
    other = FILM[::-1]

    def careless(_: dict[str, str]) -> bytes:
        span = f"bytes 1000-{len(other) - 1}/{len(other)}"
        return raw("206 Partial Content", other[1000:], ETag='"other"', Content_Range=span)

    with BreakingServer(cut(film(), 1000), careless, film(other, '"other"')) as server:
        got = await stage.dial(server.url).do("download", ID)
    assert got.content == other


async def test_a_part_that_was_not_asked_for_is_thrown_away(stage: Stage) -> None:
    def wrong(_: dict[str, str]) -> bytes:
        return raw("206 Partial Content", FILM[5:9], Content_Range=f"bytes 5-8/{len(FILM)}")

    with BreakingServer(cut(film(), 1000), wrong, film()) as server:
        got = await stage.dial(server.url).do("download", ID)
    assert got.content == FILM
    assert [asked.get("range") for asked in server.asked] == [None, "bytes=1000-", None]


async def test_without_an_etag_a_film_is_begun_anew(stage: Stage) -> None:
    def plain(_: dict[str, str]) -> bytes:
        return raw("200 OK", FILM, ETag='W/"weak"')

    with BreakingServer(cut(plain, 1_300_000), plain) as server:
        got = await stage.dial(server.url).do("download", ID)
    assert got.content == FILM
    assert got.etag is None
    assert "range" not in server.asked[1]


async def test_a_film_that_gets_no_further_fails_and_leaves_nothing(
    stage: Stage, tmp_path: Path
) -> None:
    tries = [cut(film(), 1000)] + [cut(film(), 0)] * 3
    with (
        BreakingServer(*tries) as server,
        pytest.raises(DownloadFailed, match=f"1000 of {len(FILM)} bytes came"),
    ):
        await stage.dial(server.url).do("download", ID, tmp_path / "boat.mp4")
    assert names_in(tmp_path) == []
    assert stage.clock.sleeps == [0.5, 1.0, 2.0]


async def test_a_film_that_is_begun_anew_each_time_and_cut_each_time_comes_to_an_end(
    stage: Stage,
) -> None:
    def plain(_: dict[str, str]) -> bytes:
        return raw("200 OK", FILM)

    with BreakingServer(*[cut(plain, 1000)] * 4) as server, pytest.raises(DownloadFailed):
        await stage.dial(server.url).do("download", ID)
    assert len(server.asked) == 4


async def test_a_server_that_is_not_there_is_told_as_such(stage: Stage, tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed, match="server is running"):
        await stage.dial("http://127.0.0.1:1").do("download", ID, tmp_path / "boat.mp4")
    assert names_in(tmp_path) == []


async def test_a_remote_store_is_followed_to_and_never_sees_the_key(stage: Stage) -> None:
    with BreakingServer(cut(film(), 700_000), film()) as store:

        def to_the_store(_: dict[str, str]) -> bytes:
            link = f"{store.url.replace('127.0.0.1', 'localhost')}/bucket/film?signature=1"
            return raw("307 Temporary Redirect", b"", Location=link)

        with BreakingServer(to_the_store, to_the_store) as server:
            got = await stage.dial(server.url).do("download", ID)
    assert got.content == FILM
    assert store.asked[1]["range"] == "bytes=700000-"
    assert not any("authorization" in asked for asked in store.asked)


async def test_a_refusal_is_raised_and_leaves_nothing(stage: Stage, tmp_path: Path) -> None:
    for refusal, kind in (
        (refused(400, "task_not_finished", "video_id"), BadRequest),
        (refused(410, "artifact_expired"), ArtifactExpired),
    ):
        with pytest.raises(kind):
            await stage.play(Script(refusal)).do("download", ID, tmp_path / "boat.mp4")
    assert names_in(tmp_path) == []
    assert stage.clock.sleeps == []


async def test_a_store_that_stumbles_is_asked_again(stage: Stage) -> None:
    script = Script(
        refused(502, "upstream_error"),
        refused(503, "overloaded", retry_after="4"),
        httpx2.Response(200, content=FILM),
    )
    got = await stage.play(script).do("download", ID)
    assert got.content == FILM
    assert stage.clock.sleeps == [0.5, 4.0]
    stumbling = Script(*(refused(502, "upstream_error") for _ in range(4)))
    with pytest.raises(UpstreamError):
        await stage.play(stumbling).do("download", ID)


async def test_fewer_bytes_than_announced_are_no_film(stage: Stage) -> None:
    def short(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"Content-Length": "100"}, stream=Chunks(b"x" * 60))

    with pytest.raises(DownloadFailed, match="60 of 100 bytes"):
        await stage.play(Script(*[short] * 4)).do("download", ID)


async def test_more_bytes_than_announced_are_no_film(stage: Stage) -> None:
    def long(_: httpx2.Request) -> httpx2.Response:
        headers = {"Content-Length": "100", "ETag": ETAG}
        return httpx2.Response(200, headers=headers, stream=Chunks(b"x" * 160))

    with pytest.raises(DownloadFailed, match="160 of 100 bytes"):
        await stage.play(Script(*[long] * 4)).do("download", ID)


async def test_a_film_whose_last_byte_came_before_the_break_is_whole(stage: Stage) -> None:
    def all_but_the_end(_: httpx2.Request) -> httpx2.Response:
        headers = {"Content-Length": "60", "ETag": ETAG}
        return httpx2.Response(200, headers=headers, stream=Chunks(b"x" * 60, is_broken=True))

    nothing_more = refused(416, "range_not_satisfiable", "Range", content_range="bytes */60")
    script = Script(all_but_the_end, nothing_more)
    got = await stage.play(script).do("download", ID)
    assert got.content == b"x" * 60


async def test_a_film_that_shrank_meanwhile_is_begun_anew(stage: Stage) -> None:
    def broken(_: httpx2.Request) -> httpx2.Response:
        headers = {"Content-Length": "90", "ETag": ETAG}
        return httpx2.Response(200, headers=headers, stream=Chunks(b"x" * 60, is_broken=True))

    shrunk = refused(416, "range_not_satisfiable", "Range", content_range="bytes */50")
    script = Script(broken, shrunk, httpx2.Response(200, content=b"y" * 50))
    got = await stage.play(script).do("download", ID)
    assert got.content == b"y" * 50


async def test_a_compressed_film_is_refused(stage: Stage) -> None:
    def compressed(_: httpx2.Request) -> httpx2.Response:
        headers = {"Content-Encoding": "gzip"}
        return httpx2.Response(200, headers=headers, stream=Chunks(b"x" * 60))

    with pytest.raises(DownloadFailed, match="compressed"):
        await stage.play(Script(compressed)).do("download", ID)


async def test_a_folder_takes_the_film_under_its_id(stage: Stage, tmp_path: Path) -> None:
    script = Script(httpx2.Response(200, content=FILM), httpx2.Response(200, content=b"webp"))
    both = stage.play(script)
    done = Video(id=ID, status="completed", progress=100)
    film_got = await both.do("download", done, tmp_path)
    still_got = await both.do("download", done, tmp_path, variant="thumbnail")
    assert film_got.path == tmp_path / f"{ID}.mp4"
    assert still_got.path == tmp_path / f"{ID}.thumbnail.webp"
    assert script.asked[1].url.params["variant"] == "thumbnail"


async def test_an_id_cannot_lead_out_of_the_folder(stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    script = Script(httpx2.Response(200, content=b"film"))
    got = await stage.play(script).do("download", "../../boat", folder)
    assert got.path == folder / "boat.mp4"


async def test_a_folder_that_is_not_there_is_told_before_anything_is_fetched(
    stage: Stage, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        await stage.play(Script()).do("download", ID, tmp_path / "none" / "boat.mp4")


async def test_a_file_of_the_caller_is_written_from_where_it_stands(stage: Stage) -> None:
    file = BytesIO(b"head:")
    file.seek(5)
    other = b"another film"
    with BreakingServer(cut(film(), 1_200_000), film(other, '"other"')) as server:
        got = await stage.dial(server.url).do("download", ID, file)
    assert file.getvalue() == b"head:" + other
    with pytest.raises(ValueError, match="file that download"):
        got.read()


async def test_a_device_is_written_to_and_not_replaced(stage: Stage, tmp_path: Path) -> None:
    """A film for /dev/null, fetched as root, must not make a file of it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        script = Script(httpx2.Response(200, content=b"film"))
        got = await stage.play(script).do("download", ID, pipe)
        assert os.read(reader, 100) == b"film"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert (got.path, got.size_bytes, names_in(tmp_path)) == (None, 4, ["pipe"])


async def test_a_link_is_followed_and_stays_a_link(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    link = tmp_path / "latest.mp4"
    link.symlink_to("films/boat.mp4")
    await stage.play(Script(httpx2.Response(200, content=b"film"))).do("download", ID, link)
    assert link.is_symlink()
    assert names_in(tmp_path / "films") == ["boat.mp4"]
    assert link.read_bytes() == b"film"


async def test_a_full_disk_leaves_nothing_half(stage: Stage, tmp_path: Path) -> None:
    """The last bytes are refused twice: when the film is kept, and when its file is closed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    script = Script(httpx2.Response(200, content=b"film"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            await stage.play(script).do("download", ID, tmp_path / "boat.mp4")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names_in(tmp_path) == []


class OneWay(BytesIO):
    """A pipe: what is written is gone."""

    def seekable(self) -> bool:
        return False


async def test_a_pipe_is_continued_but_cannot_be_begun_anew(stage: Stage) -> None:
    pipe = OneWay()
    with BreakingServer(cut(film(), 1_200_000), film()) as server:
        await stage.dial(server.url).do("download", ID, pipe)
    assert pipe.getvalue() == FILM
    with (
        BreakingServer(cut(film(), 1_200_000), film(etag='"other"')) as server,
        pytest.raises(DownloadFailed, match="cannot go back"),
    ):
        await stage.dial(server.url).do("download", ID, OneWay())


class Sips(RawIOBase):
    """An unbuffered file: it takes a part of what it is given, and says how much of it."""

    def __init__(self, *sips: int | None) -> None:
        super().__init__()
        self.taken = b""
        self._sips = cycle(sips)

    def seekable(self) -> bool:
        return False

    def write(self, chunk: Any) -> int | None:
        sip = next(self._sips)
        self.taken += chunk[: sip or 0]
        return sip and min(sip, len(chunk))

    def flush(self) -> None:
        pass


async def test_an_unbuffered_file_gets_every_byte(stage: Stage) -> None:
    sips = Sips(1, 200_000)
    script = Script(httpx2.Response(200, content=FILM))
    got = await stage.play(script).do("download", ID, sips)
    assert sips.taken == FILM
    assert got.size_bytes == len(FILM)


async def test_what_is_like_a_file_and_never_says_how_much_it_took_took_all(stage: Stage) -> None:
    class Remote:
        """As files over SFTP are."""

        taken = b""

        def seekable(self) -> bool:
            return False

        def write(self, chunk: bytes) -> None:
            self.taken += chunk

        def flush(self) -> None:
            pass

    remote = Remote()
    await stage.play(Script(httpx2.Response(200, content=FILM))).do("download", ID, remote)
    assert remote.taken == FILM


@pytest.mark.parametrize("nothing", [0, None])
async def test_a_file_that_takes_no_more_is_told_and_holds_no_film(
    nothing: int | None, stage: Stage
) -> None:
    sips = Sips(1000, nothing)
    script = Script(httpx2.Response(200, content=FILM))
    with pytest.raises(OSError, match=f"none of the film's bytes: write.. said {nothing}"):
        await stage.play(script).do("download", ID, sips)
    assert sips.taken == FILM[:1000]


async def test_the_retired_clients_lines_still_write_a_file(stage: Stage, tmp_path: Path) -> None:
    script = Script(httpx2.Response(200, content=FILM))
    content = await stage.play(script).do("download_content", ID, variant="video")
    content.write_to_file(tmp_path / "boat.mp4")
    assert (tmp_path / "boat.mp4").read_bytes() == content.content == FILM
    assert len(repr(content)) < 300  # the film is not in it


async def test_a_callers_error_in_the_callback_is_the_callers_and_leaves_nothing(
    stage: Stage, tmp_path: Path
) -> None:
    def stop(*_: object) -> None:
        raise KeyError("enough")

    script = Script(httpx2.Response(200, content=FILM))
    with pytest.raises(KeyError):
        await stage.play(script).do("download", ID, tmp_path / "boat.mp4", on_progress=stop)
    assert names_in(tmp_path) == []


async def test_a_download_that_is_canceled_leaves_nothing(tmp_path: Path) -> None:
    has_begun = asyncio.Event()

    class Endless(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"x" * (1 << 20)
            has_begun.set()
            await asyncio.Event().wait()

    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, stream=Endless()))
    async with AsyncRushes(
        api_key="sk-1",
        http_client=httpx2.AsyncClient(transport=transport),
        clock=StillAsyncClock(Stage("async").clock),
    ) as client:
        work = asyncio.create_task(client.videos.download(ID, tmp_path / "boat.mp4"))
        await asyncio.wait_for(has_begun.wait(), timeout=10)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
    assert names_in(tmp_path) == []


class Chunks(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body of one chunk, for either client, that ends, or breaks off instead."""

    def __init__(self, chunk: bytes, *, is_broken: bool = False) -> None:
        self._chunk = chunk
        self._is_broken = is_broken

    def __iter__(self) -> Iterator[bytes]:
        yield self._chunk
        if self._is_broken:
            raise httpx2.ReadError("cut")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk


# -- taken up by a later call ------------------------------------------------------------------


async def begun(stage: Stage, target: Path, answer: Callable[[dict[str, str]], bytes]) -> None:
    """A call that gets a million bytes and no further."""
    with (
        BreakingServer(cut(answer, 1_000_000), *[lambda _: b""] * 4) as server,
        pytest.raises(DownloadFailed, match="1000000 of"),
    ):
        await stage.dial(server.url).do("download", ID, target, resume=True)


async def test_what_one_call_began_the_next_one_ends(stage: Stage, tmp_path: Path) -> None:
    target = tmp_path / "boat.mp4"
    await begun(stage, target, digested(film()))
    assert names_in(tmp_path) == [".boat.mp4.part", ".boat.mp4.part.etag"]
    with BreakingServer(digested(film())) as server:
        seen: list[tuple[int, int | None]] = []
        got = await stage.dial(server.url).do(
            "download", ID, target, resume=True, on_progress=lambda *so_far: seen.append(so_far)
        )
    (asked,) = server.asked
    assert (asked["range"], asked["if-range"]) == ("bytes=1000000-", ETAG)
    assert target.read_bytes() == FILM
    assert (got.size_bytes, got.sha256) == (len(FILM), sha256(FILM).hexdigest())
    assert seen[-1] == (len(FILM), len(FILM))
    assert names_in(tmp_path) == ["boat.mp4"]


async def test_what_was_begun_of_another_film_is_thrown_away(stage: Stage, tmp_path: Path) -> None:
    other = FILM[:1000][::-1]
    await begun(stage, tmp_path / "boat.mp4", film())
    with BreakingServer(digested(film(other, '"other"'), other)) as server:
        got = await stage.dial(server.url).do("download", ID, tmp_path / "boat.mp4", resume=True)
    assert got.read() == other
    assert names_in(tmp_path) == ["boat.mp4"]


async def test_a_beginning_that_was_damaged_since_is_found_out(
    stage: Stage, tmp_path: Path
) -> None:
    await begun(stage, tmp_path / "boat.mp4", digested(film()))
    part = tmp_path / ".boat.mp4.part"
    part.write_bytes(b"?" + part.read_bytes()[1:])
    with BreakingServer(digested(film()), digested(film())) as server:
        got = await stage.dial(server.url).do("download", ID, tmp_path / "boat.mp4", resume=True)
    assert got.read() == FILM
    assert [asked.get("range") for asked in server.asked] == ["bytes=1000000-", None]


async def test_a_beginning_that_is_whole_already_is_only_renamed(
    stage: Stage, tmp_path: Path
) -> None:
    (tmp_path / ".boat.mp4.part").write_bytes(FILM)
    (tmp_path / ".boat.mp4.part.etag").write_text(ETAG)

    def beyond(_: dict[str, str]) -> bytes:
        span = f"bytes */{len(FILM)}"
        return raw("416 Range Not Satisfiable", b"{}", Content_Range=span)

    with BreakingServer(beyond) as server:
        got = await stage.dial(server.url).do("download", ID, tmp_path / "boat.mp4", resume=True)
    assert got.read() == FILM
    assert names_in(tmp_path) == ["boat.mp4"]


@pytest.mark.parametrize("etag", [None, "", "weak", 'W/"weak"', '"a"\r\nX: y'])
async def test_a_beginning_without_a_sound_etag_is_thrown_away(
    etag: str | None, stage: Stage, tmp_path: Path
) -> None:
    (tmp_path / ".boat.mp4.part").write_bytes(b"of nobody knows what")
    if etag is not None:
        (tmp_path / ".boat.mp4.part.etag").write_text(etag)
    with BreakingServer(film()) as server:
        got = await stage.dial(server.url).do("download", ID, tmp_path / "boat.mp4", resume=True)
    assert got.read() == FILM
    assert "range" not in server.asked[0]
    assert names_in(tmp_path) == ["boat.mp4"]


async def test_what_cannot_be_taken_up_later_is_refused_before_anything_is_fetched(
    stage: Stage,
) -> None:
    for target in (None, BytesIO(), Path(os.devnull)):
        with pytest.raises(Unsendable, match="resume goes with"):
            await stage.play(Script()).do("download", ID, target, resume=True)
