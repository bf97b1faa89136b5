"""Waiting: long looks, the server's advice, a deadline, and nothing but the server's word."""

from __future__ import annotations

import math
from collections.abc import Callable

import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from client.scripted import (
    ID,
    LINK,
    Script,
    Stage,
    StillClock,
    lean_body,
    refused,
    told,
    video_body,
)
from rushes.client import (
    ConnectionFailed,
    NotFound,
    ServerError,
    UnexpectedAnswer,
    Video,
    VideoFailed,
    WaitTimeout,
)
from rushes.client.waiting import ADVICE_S, HOLD_S, hold_s, pause_s

QUEUED = Video(id=ID, status="queued", progress=0, prompt="Rain")


def pending(progress: int = 0, **headers: str) -> httpx2.Response:
    status = "in_progress" if progress else "queued"
    headers = {"Retry_After": "3", "Rushes_Progress": str(progress)} | headers
    return told(200, lean_body(status), **headers)


def held(clock: StillClock, answer: httpx2.Response) -> Callable[[httpx2.Request], httpx2.Response]:
    """Hold an answer back for as long as was asked."""

    def hold(request: httpx2.Request) -> httpx2.Response:
        clock.pass_by(float(request.url.params["wait"]))
        return answer

    return hold


def the_end() -> list[httpx2.Response]:
    return [told(200, lean_body("succeeded")), told(200, video_body("completed"))]


async def test_a_wait_ends_with_a_film_its_link_and_all_its_facts(stage: Stage) -> None:
    script = Script(*the_end())
    video = await stage.play(script).do("wait", ID)
    assert script.paths == [
        f"GET /v1/video/generations/{ID}?wait={HOLD_S}",
        f"GET /v1/videos/{ID}",
    ]
    assert (video.status, video.url, video.size) == ("completed", LINK, "1280x720")
    assert stage.clock.sleeps == []


async def test_a_look_that_was_held_back_is_followed_by_the_next_at_once(stage: Stage) -> None:
    clock = stage.clock
    script = Script(held(clock, pending()), held(clock, pending(40)), *the_end())
    await stage.play(script).do("wait", ID, deadline_s=600)
    assert clock.sleeps == []
    assert [asked.url.params["wait"] for asked in script.asked[:3]] == ["30"] * 3


async def test_a_look_that_came_back_at_once_is_followed_when_the_server_advises(
    stage: Stage,
) -> None:
    script = Script(pending(), pending(5, Retry_After="11"), *the_end())
    await stage.play(script).do("wait", ID)
    assert stage.clock.sleeps == [3.0, 11.0]


async def test_progress_never_falls_and_the_last_call_is_the_end(stage: Stage) -> None:
    script = Script(
        pending(Rushes_Queue_Position="2"),
        pending(Rushes_Queue_Position="1"),
        pending(40),
        pending(40),
        pending(35),
        pending(60, Rushes_Eta_Seconds="9"),
        *the_end(),
    )
    seen: list[Video] = []
    await stage.play(script).do("wait", QUEUED, on_progress=seen.append)
    assert [video.progress for video in seen] == [0, 0, 0, 40, 60, 100]
    assert [video.queue_position for video in seen[:3]] == [None, 2, 1]
    assert [video.status for video in seen[-2:]] == ["in_progress", "completed"]
    assert (seen[1].prompt, seen[4].eta_s, seen[-1].url) == ("Rain", 9, LINK)


async def test_who_watches_progress_is_told_as_often_as_the_server_advises(stage: Stage) -> None:
    clock = stage.clock
    script = Script(
        held(clock, pending(10, Retry_After="7")), held(clock, pending(20)), pending(30), *the_end()
    )
    await stage.play(script).do("wait", ID, on_progress=print)
    assert [asked.url.params["wait"] for asked in script.asked[:4]] == ["3", "7", "3", "3"]
    assert clock.sleeps == [7.0, 3.0]


async def test_the_deadline_is_kept_and_carries_the_last_state(stage: Stage) -> None:
    script = Script(pending(), pending(10), pending(20))
    with pytest.raises(WaitTimeout, match="still in_progress at 20 %") as caught:
        await stage.play(script).do("wait", ID, deadline_s=5)
    assert script.is_told
    assert stage.clock.sleeps == [3.0, 2.0]  # never past the deadline
    assert [asked.url.params.get("wait") for asked in script.asked] == ["5", "2", None]
    assert caught.value.video is not None
    assert caught.value.video.progress == 20


async def test_a_deadline_of_zero_is_one_look(stage: Stage) -> None:
    with pytest.raises(WaitTimeout):
        await stage.play(Script(pending())).do("wait", ID, deadline_s=0)
    video = await stage.play(Script(*the_end())).do("wait", ID, deadline_s=0)
    assert video.status == "completed"
    assert stage.clock.sleeps == []


@pytest.mark.parametrize("on_progress", [None, print])
async def test_who_sets_no_end_to_the_waiting_waits_for_the_films(
    on_progress: Callable[[Video], object] | None, stage: Stage
) -> None:
    script = Script(pending(), httpx2.ReadError("cut"), pending(10), *the_end())
    video = await stage.play(script, timeout_s=math.inf).do(
        "wait", ID, deadline_s=math.inf, on_progress=on_progress
    )
    assert video.status == "completed"
    assert stage.clock.sleeps == [3.0, 0.5, 3.0]
    hold = str(HOLD_S) if on_progress is None else "3"
    assert [asked.url.params["wait"] for asked in script.asked[:4]] == [hold] * 4


async def test_a_deadline_before_all_time_is_one_look(stage: Stage) -> None:
    script = Script(pending())
    with pytest.raises(WaitTimeout, match="still queued"):
        await stage.play(script).do("wait", ID, deadline_s=-math.inf)
    assert script.is_told


async def test_a_look_may_not_outlast_the_deadline_by_much(stage: Stage) -> None:
    timeouts: list[float] = []

    def note(request: httpx2.Request) -> httpx2.Response:
        timeouts.append(request.extensions["timeout"]["read"])
        return pending()

    with pytest.raises(WaitTimeout):
        await stage.play(Script(note, note, note)).do("wait", ID, deadline_s=4, on_progress=print)
    assert timeouts == [9.0, 6.0, 5.0]  # hold included
    timeouts.clear()
    await stage.play(Script(note, *the_end())).do("wait", ID, deadline_s=600)
    assert timeouts == [90.0]  # the hold, and then the ordinary patience


async def test_a_failed_video_raises_its_reason(stage: Stage) -> None:
    script = Script(told(200, lean_body("failed")), told(200, video_body("failed")))
    with pytest.raises(VideoFailed) as caught:
        await stage.play(script).do("wait", ID)
    assert (caught.value.code, caught.value.message) == ("provider_error", "It broke.")
    assert caught.value.video.progress == 100
    assert str(caught.value) == f"{ID} failed: It broke. (provider_error)"


async def test_a_failed_video_is_returned_to_those_who_ask_for_it(stage: Stage) -> None:
    script = Script(told(200, lean_body("failed")), told(200, video_body("failed")))
    video = await stage.play(script).do("wait", ID, raise_on_failure=False)
    assert video.status == "failed"


async def test_trouble_on_the_way_says_nothing_about_the_video(stage: Stage) -> None:
    trouble = [httpx2.ReadError("cut") for _ in range(9)]
    script = Script(pending(10), *trouble, httpx2.Response(502), pending(20), *the_end())
    video = await stage.play(script).do("wait", ID)
    assert video.status == "completed"
    assert max(stage.clock.sleeps) == 8.0


async def test_trouble_that_lasts_ends_in_a_timeout_with_its_cause(stage: Stage) -> None:
    trouble = [httpx2.ReadError("cut") for _ in range(50)]
    with pytest.raises(WaitTimeout) as caught:
        await stage.play(Script(pending(10), *trouble)).do("wait", ID, deadline_s=60)
    assert caught.value.video is not None
    assert isinstance(caught.value.__cause__, ConnectionFailed)


async def test_a_wrong_address_is_told_soon_and_not_at_the_deadline(stage: Stage) -> None:
    script = Script(*(httpx2.ConnectError("refused") for _ in range(4)))
    with pytest.raises(ConnectionFailed):
        await stage.play(script).do("wait", ID)
    assert stage.clock.sleeps == [0.5, 1.0, 2.0]


async def test_a_video_just_created_is_waited_for_through_a_restart(stage: Stage) -> None:
    trouble = [httpx2.ConnectError("refused") for _ in range(12)]
    video = await stage.play(Script(*trouble, *the_end())).do("wait", QUEUED)
    assert video.status == "completed"


async def test_an_unknown_video_is_no_trouble_that_passes(stage: Stage) -> None:
    with pytest.raises(NotFound):
        await stage.play(Script(refused(404, "task_not_found"))).do("wait", QUEUED)


async def test_retry_after_is_kept_while_the_server_is_overloaded(stage: Stage) -> None:
    script = Script(pending(), refused(429, "rate_limit_exceeded", retry_after="90"), *the_end())
    await stage.play(script).do("wait", ID)
    assert stage.clock.sleeps == [3.0, 90.0]


async def test_a_word_that_the_contract_does_not_know_ends_the_wait(stage: Stage) -> None:
    with pytest.raises(UnexpectedAnswer, match="NOT_START"):
        await stage.play(Script(told(200, lean_body("NOT_START")))).do("wait", ID)


async def test_the_verdict_stands_though_its_facts_cannot_be_had(stage: Stage) -> None:
    script = Script(told(200, lean_body("succeeded")), *(httpx2.Response(502) for _ in range(4)))
    video = await stage.play(script).do("wait", QUEUED)
    assert (video.status, video.url, video.prompt) == ("completed", LINK, "Rain")


async def test_a_final_video_is_looked_at_once_more_for_a_living_link(stage: Stage) -> None:
    script = Script(told(200, video_body("completed")), told(200, lean_body("succeeded")))
    done = Video(id=ID, status="completed", progress=100, url="https://dead.test")
    video = await stage.play(script).do("wait", done)
    assert video.url == LINK


async def test_an_enveloped_answer_is_understood(stage: Stage) -> None:
    inner = {"id": ID, "task_id": ID, "status": "in_progress", "progress": 40, "seconds": "5"}
    done = inner | {"status": "completed", "progress": 100, "url": LINK, "video_url": LINK}
    script = Script(
        told(200, {"code": "success", "message": "", "data": inner}),
        told(200, {"code": "success", "message": "", "data": done}),
        told(200, video_body("completed")),
    )
    seen: list[Video] = []
    video = await stage.play(script).do("wait", ID, on_progress=seen.append)
    assert [one.progress for one in seen] == [40, 100]
    assert video.url == LINK


async def test_an_enveloped_error_is_understood(stage: Stage) -> None:
    body = {"code": "task_not_found", "message": "There is no such task.", "data": None}
    with pytest.raises(NotFound, match="no such task") as caught:
        await stage.play(Script(told(404, body))).do("wait", ID)
    assert caught.value.code == "task_not_found"


async def test_retrieve_tells_everything_and_signs_a_link(stage: Stage) -> None:
    script = Script(
        told(200, video_body("completed"), Rushes_Cost_Microusd="7"),
        told(200, lean_body("succeeded"), Rushes_Cost_Microusd="7"),
    )
    video = await stage.play(script).do("retrieve", ID)
    assert script.paths == [f"GET /v1/videos/{ID}", f"GET /v1/video/generations/{ID}"]
    assert (video.url, video.seconds, video.cost_microusd) == (LINK, 5, 7)
    assert video.completed_at.isoformat() == "2026-11-23T12:30:41+00:00"


async def test_retrieve_of_an_unfinished_video_is_one_question(stage: Stage) -> None:
    script = Script(
        told(
            200, video_body("in_progress", progress=40), Rushes_Eta_Seconds="40", Rushes_Model="wan"
        )
    )
    video = await stage.play(script).do("retrieve", ID)
    assert (video.progress, video.eta_s, video.served_by, video.url) == (40, 40, "wan", None)


async def test_retrieve_gives_up_after_the_usual_number_of_tries(stage: Stage) -> None:
    script = Script(*(httpx2.Response(502, text="<html>") for _ in range(4)))
    with pytest.raises(ServerError, match="Bad Gateway"):
        await stage.play(script).do("retrieve", ID)


@example(math.inf, None, False)
@given(st.floats(min_value=0), st.none() | st.floats(0, 1e6), st.sampled_from([True, False]))
def test_a_hold_fits_into_the_time_that_is_left(
    left_s: float,
    advice_s: float | None,
    is_watched: bool,
) -> None:
    assert 0 <= hold_s(left_s, advice_s, is_watched=is_watched) <= min(left_s, HOLD_S)


@given(st.none() | st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_pause_is_never_longer_than_the_advice(advice_s: float | None, held_s: float) -> None:
    wait_s = pause_s(advice_s, held_s)
    wanted_s = ADVICE_S if advice_s is None else min(advice_s, 60.0)
    assert wait_s in {0.0, wanted_s}
    assert wait_s + held_s + 0.25 >= wanted_s
