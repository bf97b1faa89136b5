"""Changes of status as they happen: each once, in order, over streams that break."""

from __future__ import annotations

import json
import math
from contextlib import suppress

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.scripted import (
    ID,
    LINK,
    BreakingServer,
    Script,
    Stage,
    lean_body,
    raw,
    refused,
)
from rushes.client import ConnectionFailed, NotAcceptable, Rushes, UnexpectedAnswer, WaitTimeout
from rushes.client.events import LINE_BYTES_MAX, EventReader, Told


def event(number: int, status: str) -> str:
    return f"id: {number}\nevent: status\ndata: {json.dumps(lean_body(status))}\n\n"


def stream(*events: str) -> httpx2.Response:
    headers = {"Content-Type": "text/event-stream; charset=utf-8"}
    return httpx2.Response(200, headers=headers, content="".join(("retry: 3000\n\n", *events)))


async def test_events_are_told_from_the_first_to_the_last(stage: Stage) -> None:
    script = Script(
        stream(
            event(1, "queued"), ": heartbeat\n\n", event(4, "in_progress"), event(6, "succeeded")
        )
    )
    told = await stage.play(script).do("events", ID)
    assert [(one.number, one.video.status) for one in told] == [
        (1, "queued"),
        (4, "in_progress"),
        (6, "completed"),
    ]
    assert told[-1].video.url == LINK
    (asked,) = script.asked
    assert asked.url.path == f"/v1/video/generations/{ID}/events"
    assert asked.headers["accept"] == "text/event-stream"
    assert "last-event-id" not in asked.headers


async def test_a_stream_that_breaks_is_taken_up_after_the_last_event(stage: Stage) -> None:
    def until_it_breaks(_: dict[str, str]) -> bytes:
        body = ("retry: 2500\n\n" + event(1, "queued") + event(4, "in_progress")).encode()
        half = event(6, "succeeded").encode()[:40]
        return raw("200 OK", body + half, Content_Type="text/event-stream", Content_Length="100000")

    def the_rest(_: dict[str, str]) -> bytes:
        # One event comes twice: a server may tell from an earlier one.
        body = (event(4, "in_progress") + event(6, "succeeded")).encode()
        return raw("200 OK", body, Content_Type="text/event-stream")

    with BreakingServer(until_it_breaks, the_rest) as server:
        told = await stage.dial(server.url).do("events", ID)
    assert [one.number for one in told] == [1, 4, 6]
    assert [asked.get("last-event-id") for asked in server.asked] == [None, "4"]
    assert stage.clock.sleeps == [2.5]  # as the stream advised


async def test_a_stream_that_ends_early_is_listened_to_again(stage: Stage) -> None:
    script = Script(stream(event(1, "queued")), stream(event(4, "failed")))
    told = await stage.play(script).do("events", ID)
    assert [one.video.status for one in told] == ["queued", "failed"]
    assert told[-1].video.error.code == "502"  # the lean answer tells a number only
    assert script.asked[1].headers["last-event-id"] == "1"


async def test_who_has_heard_it_all_hears_nothing(stage: Stage) -> None:
    script = Script(httpx2.Response(204))
    assert await stage.play(script).do("events", ID, after=6) == []
    assert script.asked[0].headers["last-event-id"] == "6"


async def test_a_restart_of_the_server_is_waited_out(stage: Stage) -> None:
    trouble = [httpx2.ConnectError("refused") for _ in range(9)]
    script = Script(stream(event(1, "queued")), *trouble, stream(event(2, "succeeded")))
    told = await stage.play(script).do("events", ID)
    assert [one.number for one in told] == [1, 2]


async def test_a_server_that_never_answered_is_not_waited_for(stage: Stage) -> None:
    script = Script(*(httpx2.ConnectError("refused") for _ in range(4)))
    with pytest.raises(ConnectionFailed):
        await stage.play(script).do("events", ID)
    assert stage.clock.sleeps == [0.5, 1.0, 2.0]


async def test_who_sets_no_end_to_the_listening_hears_the_last_event(stage: Stage) -> None:
    script = Script(stream(event(1, "queued")), stream(event(2, "succeeded")))
    told = await stage.play(script).do("events", ID, deadline_s=math.inf)
    assert [one.number for one in told] == [1, 2]
    assert stage.clock.sleeps == [3.0]


async def test_the_deadline_ends_the_listening(stage: Stage) -> None:
    script = Script(*(stream(event(1, "queued")) for _ in range(3)))
    with pytest.raises(WaitTimeout) as caught:
        await stage.play(script).do("events", ID, deadline_s=4)
    assert caught.value.video is not None
    assert caught.value.video.status == "queued"
    assert sum(stage.clock.sleeps) == 4.0


async def test_a_refusal_is_raised(stage: Stage) -> None:
    with pytest.raises(NotAcceptable):
        await stage.play(Script(refused(406, "not_acceptable", "Accept"))).do("events", ID)


async def test_a_page_in_place_of_events_is_unexpected(stage: Stage) -> None:
    page = httpx2.Response(200, headers={"Content-Type": "text/html"}, content="<html>")
    with pytest.raises(UnexpectedAnswer, match="stream of events"):
        await stage.play(Script(page)).do("events", ID)


async def test_a_listener_may_leave_early(stage: Stage) -> None:
    script = Script(stream(event(1, "queued"), event(4, "in_progress")))
    client = stage.play(script).client
    if isinstance(client, Rushes):
        events = client.videos.events(ID)
        assert next(events).number == 1
        events.close()
    else:
        more = client.videos.events(ID)
        assert (await anext(more)).number == 1
        await more.aclose()
    assert len(script.asked) == 1


def told_by(*chunks: bytes) -> list[Told]:
    reader = EventReader()
    return [event for chunk in chunks for event in reader.feed(chunk)]


SAMPLE = (
    b"\xef\xbb\xbf: hello\r\nretry: 1500\r\n\r\nid: 1\revent: status\rdata: one\r\ndata: two\r\n\r"
    b"id: 2\nevent:status\ndata:  s\xc3\xa5\nunknown: x\n\nid: nine\ndata: three\n\n\n\ndata: cut"
)


EVENTS = [
    Told(1, "status", "one\ntwo"),
    Told(2, "status", " så"),
    Told(2, "", "three"),
]


@pytest.mark.parametrize("size", range(1, len(SAMPLE) + 1))
def test_events_do_not_depend_on_where_the_bytes_are_cut(size: int) -> None:
    assert told_by(SAMPLE[:size], SAMPLE[size:]) == EVENTS
    assert told_by(*(SAMPLE[at : at + size] for at in range(0, len(SAMPLE), size))) == EVENTS


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_no_bytes_break_the_reader_in_an_unknown_way(chunks: list[bytes]) -> None:
    with suppress(UnexpectedAnswer):
        told_by(*chunks)


def test_the_streams_advice_is_read_and_bounded() -> None:
    reader = EventReader()
    assert reader.retry_s == 3.0
    reader.feed(b"retry: 500\n\n")
    assert reader.retry_s == 0.5
    reader.feed(b"retry: 99999999\nretry: soon\n\n")
    assert reader.retry_s == 60.0


def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(UnexpectedAnswer, match="without end"):
        told_by(b"data: " + b"x" * LINE_BYTES_MAX)
