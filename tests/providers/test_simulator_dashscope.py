"""The simulated DashScope: what it takes, how its tasks stand, and its faults."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from loopback import TRUSTS_NOBODY
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.dashscope import DashScopeServer, Settings, main
from rushes.testing.simulators.dashscope_errors import REPLIES
from rushes.testing.simulators.films import tiny_film
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.script import RequestLog, Rule, Script

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = "sk-Winter42Winter42"
HEADERS = {"authorization": f"Bearer {KEY}"}
ASYNC = {"x-dashscope-async": "enable"}
VIDEO = "/services/aigc/video-generation/video-synthesis"
FRAMES = "/services/aigc/image2video/video-synthesis"
LINK = "https://assets.example.org/1.png"


@asynccontextmanager
async def a_server(
    *rules: Rule, log: Path | None = None, **settings: Any
) -> AsyncIterator[tuple[DashScopeServer, ManualClock, httpx.AsyncClient]]:
    clock = ManualClock(NOON)
    server = DashScopeServer(
        clock=clock,
        script=Script(rules),
        log=RequestLog(log),
        settings=Settings(**settings),
    )
    async with (
        serving(server) as port,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}/api/v1",
            headers=HEADERS,
            trust_env=False,
            verify=TRUSTS_NOBODY,
            timeout=5,
        ) as client,
    ):
        yield server, clock, client


def wish(model: str = "wan2.7-t2v", prompt: str = "boat", **parameters: object) -> dict[str, Any]:
    return {"model": model, "input": {"prompt": prompt}, "parameters": parameters}


async def post(
    client: httpx.AsyncClient, body: object = None, path: str = VIDEO, **headers: str
) -> httpx.Response:
    return await client.post(path, json=body or wish(), headers=ASYNC | headers)


async def task_of(client: httpx.AsyncClient, body: object = None) -> str:
    answer = await post(client, body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["output"]["task_id"])


async def look(client: httpx.AsyncClient, task_id: str) -> dict[str, Any]:
    answer = await client.get(f"/tasks/{task_id}")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    assert body["request_id"]
    return body


# -- the life of a task ---------------------------------------------------------------------


async def test_a_task_is_made_by_the_clock_and_told_in_local_times() -> None:
    body = wish(resolution="720P", ratio="9:16", duration=10)
    async with a_server(key=KEY) as (_server, clock, client):
        answer = (await post(client, body)).json()
        task_id = answer["output"]["task_id"]
        assert answer["request_id"]
        assert answer["output"]["task_status"] == "PENDING"
        assert (await look(client, task_id))["output"] == {
            "task_id": task_id,
            "task_status": "PENDING",
            "submit_time": "2026-11-23 20:00:00.000",
        }
        clock.advance(1.5)
        running = (await look(client, task_id))["output"]
        assert running["task_status"] == "RUNNING"
        assert running["scheduled_time"] == "2026-11-23 20:00:01.000"
        clock.advance(1.5)
        done = await look(client, task_id)
    output = done["output"]
    assert (output["task_status"], output["end_time"]) == ("SUCCEEDED", "2026-11-23 20:00:03.000")
    assert (output["orig_prompt"], output["actual_prompt"]) == ("boat", "boat")
    assert done["usage"] == {
        "video_duration": 10, "video_count": 1, "video_ratio": "9:16", "SR": 720,
    }  # fmt: skip


async def test_a_film_is_open_without_a_key_until_it_expires_and_refuses_one() -> None:
    async with a_server(key=KEY) as (_server, clock, client):
        task_id = await task_of(client)
        clock.advance(3)
        link = (await look(client, task_id))["output"]["video_url"]
        assert f"Expires={int(NOON.timestamp()) + 3 + 24 * 3600}" in link
        async with httpx.AsyncClient(trust_env=False, verify=TRUSTS_NOBODY) as stranger:
            assert (await stranger.get(link)).content == tiny_film()
            assert (await stranger.get(link, headers=HEADERS)).status_code == 400
            assert (await stranger.get(link.partition("?")[0])).status_code == 403
            assert (await stranger.get(link + "x")).status_code == 403
            clock.advance(24 * 3600 - 1)
            assert (await stranger.get(link)).status_code == 200
            clock.advance(1)
            over = await stranger.get(link)
            assert (over.status_code, b"AccessDenied" in over.content) == (403, True)


async def test_after_a_day_and_for_strangers_a_task_is_unknown() -> None:
    async with a_server() as (_server, clock, client):
        task_id = await task_of(client)
        clock.advance(24 * 3600 - 1)
        assert (await look(client, task_id))["output"]["task_status"] == "SUCCEEDED"
        clock.advance(1)
        for each in (task_id, "00000000-0000-0000-0000-000000000000"):
            output = (await look(client, each))["output"]
            assert output == {"task_id": each, "task_status": "UNKNOWN"}


async def test_only_what_is_pending_is_canceled() -> None:
    async with a_server() as (_server, clock, client):
        first, second = await task_of(client), await task_of(client)
        answer = await client.post(f"/tasks/{first}/cancel")
        assert (answer.status_code, list(answer.json())) == (200, ["request_id"])
        canceled = (await look(client, first))["output"]
        assert (canceled["task_status"], "video_url" in canceled) == ("CANCELED", False)
        clock.advance(1)
        for task_id in (first, second, "nobody"):
            late = await client.post(f"/tasks/{task_id}/cancel")
            assert (late.status_code, late.json()["code"]) == (400, "UnsupportedOperation")
        clock.advance(60)
        assert (await look(client, first))["output"]["task_status"] == "CANCELED"
        assert (await look(client, second))["output"]["task_status"] == "SUCCEEDED"


async def test_the_list_has_pages_and_a_window_and_newest_first() -> None:
    async with a_server() as (_server, clock, client):
        made = []
        for number in range(5):
            made.append(await task_of(client, wish("wan2.7-t2v" if number else "wan2.6-t2v")))
            clock.advance(60)

        async def listed(**query: object) -> list[str]:
            answer = await client.get("/tasks", params={k: str(v) for k, v in query.items()})
            assert answer.status_code == 200
            return [item["task_id"] for item in answer.json()["tasks"]]

        body = (await client.get("/tasks", params={"page_no": "2", "page_size": "2"})).json()
        assert (body["total"], body["page_no"], body["page_size"]) == (5, 2, 2)
        assert set(body["tasks"][0]) == {
            "task_id", "task_status", "submit_time", "scheduled_time", "end_time", "model_name",
        }  # fmt: skip
        assert await listed() == made[::-1]
        assert await listed(page_no=2, page_size=2) == [made[2], made[1]]
        assert await listed(page_no=9) == []
        assert await listed(model_name="wan2.6-t2v") == [made[0]]
        assert await listed(start_time="20261123200100", end_time="20261123200300") == made[3:0:-1]
        assert await listed(status="RUNNING") == []
        clock.advance(24 * 3600)
        assert await listed() == []


@pytest.mark.parametrize(
    "query",
    [
        {"page_no": "0"},
        {"page_size": "0"},
        {"page_size": "101"},
        {"page_no": "x"},
        {"start_time": "2026-11-23"},
        {"end_time": "yesterday"},
    ],
)
async def test_a_list_without_sense_is_refused(query: dict[str, str]) -> None:
    async with a_server() as (_server, _clock, client):
        answer = await client.get("/tasks", params=query)
        assert (answer.status_code, answer.json()["code"]) == (400, "InvalidParameter")


# -- what is taken --------------------------------------------------------------------------

MEDIA = [{"type": "first_frame", "url": LINK}, {"type": "driving_audio", "url": LINK}]
TAKEN: list[tuple[str, str, dict[str, Any]]] = [
    (VIDEO, "wan2.5-t2v-preview", {"audio_url": LINK, "negative_prompt": "rain"}),
    (VIDEO, "wan2.5-t2v-preview", {"extend_prompt": True, "function": "video-synthesis"}),
    (VIDEO, "wan2.5-i2v-preview", {"img_url": "data:image/png;base64,AA=="}),
    (VIDEO, "wan2.6-i2v", {"img_url": LINK, "audio_url": None}),
    (VIDEO, "wan2.6-r2v", {"reference_urls": [LINK]}),
    (VIDEO, "wan2.6-r2v", {"reference_video_urls": [LINK]}),
    (VIDEO, "wan2.7-i2v-2026-04-25", {"media": MEDIA}),
    (VIDEO, "wan2.7-i2v", {"media": [{"type": "first_clip", "url": LINK}], "prompt": None}),
    (VIDEO, "wan2.7-r2v", {"media": [{"type": "reference_image", "url": LINK}]}),
    (FRAMES, "wan2.2-kf2v-flash", {"first_frame_url": LINK, "last_frame_url": LINK}),
]


@pytest.mark.parametrize(("path", "model", "said"), TAKEN)
async def test_each_form_is_taken(path: str, model: str, said: dict[str, Any]) -> None:
    async with a_server() as (server, _clock, client):
        body = {"model": model, "input": {"prompt": "boat", "unheard_of": 1, **said}}
        assert (await post(client, body, path)).status_code == 200
        assert [entry["accepted"] for entry in server.log.entries] == [True]


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (VIDEO, {"input": {"prompt": "boat"}}, "'model'"),
    (VIDEO, {"model": "wan2.7-t2v"}, "'input'"),
    (VIDEO, {"model": "wan2.7-t2v", "input": []}, "'input'"),
    (VIDEO, {"model": "wan2.7-t2v", "input": {}, "parameters": {}}, "'prompt'"),
    (VIDEO, {"model": "wan2.5-i2v-preview", "input": {"prompt": "x"}}, "'img_url'"),
    (VIDEO, {"model": "wan2.6-r2v", "input": {"prompt": "x"}}, "'reference_urls'"),
    (VIDEO, {"model": "wan2.7-i2v", "input": {"img_url": LINK}}, "one first_frame"),
    (VIDEO, {"model": "wan2.7-i2v", "input": {"media": [*MEDIA, *MEDIA]}}, "one first_frame"),
    (VIDEO, {"model": "wan2.7-i2v", "input": {"media": [{"type": "odd", "url": LINK}]}}, "media"),
    (VIDEO, {"model": "wan2.7-i2v", "input": {"media": {}}}, "media"),
    (VIDEO, {"model": "wan2.7-r2v", "input": {"media": []}}, "a reference"),
    (FRAMES, {"model": "wan2.2-kf2v-flash", "input": {"prompt": "x"}}, "'first_frame_url'"),
    (VIDEO, {"model": "wan2.2-kf2v-flash", "input": {"first_frame_url": LINK}}, "url error"),
    (FRAMES, wish(), "url error"),
    (VIDEO, wish(size="1280x720"), "'size'"),
    (VIDEO, wish(resolution="720p"), "'resolution'"),
    (VIDEO, wish(ratio="wide"), "'ratio'"),
    (VIDEO, wish(duration=16), "'duration'"),
    (VIDEO, wish(duration="5"), "'duration'"),
    (VIDEO, wish("wan2.5-t2v-preview", duration=7), "'duration'"),
    (VIDEO, wish(seed=-1), "'seed'"),
    (VIDEO, wish(audio="yes"), "'audio'"),
]


@pytest.mark.parametrize(("path", "body", "part"), REFUSED)
async def test_a_wrong_create_is_refused_by_name(path: str, body: object, part: str) -> None:
    async with a_server() as (server, _clock, client):
        answer = await post(client, body, path)
        assert (answer.status_code, answer.json()["code"]) == (400, "InvalidParameter")
        assert part in answer.json()["message"]
        assert answer.json()["request_id"]
        assert (server.jobs, server.log.entries[0]["accepted"]) == ({}, False)


async def test_a_create_that_does_not_say_async_is_refused_and_on_record() -> None:
    async with a_server() as (server, _clock, client):
        answer = await client.post(VIDEO, json=wish())
        assert (answer.status_code, answer.json()["code"]) == (403, "AccessDenied")
        assert "synchronous" in answer.json()["message"]
        assert (server.jobs, len(server.log.entries)) == ({}, 1)


async def test_an_address_is_public_or_of_the_house_or_the_bytes_themselves() -> None:
    def body(link: str) -> dict[str, Any]:
        return {"model": "wan2.6-i2v", "input": {"prompt": "x", "img_url": link}}

    async with a_server() as (_server, _clock, client):
        for link in ("file:///etc/passwd", "1.png", "oss://uploads/1.png"):
            answer = await post(client, body(link))
            assert (answer.status_code, answer.json()["code"]) == (400, "InvalidURL")
        resolved = {"x-dashscope-ossresourceresolve": "enable"}
        answer = await post(client, body("oss://uploads/1.png"), **resolved)
        assert answer.status_code == 200


async def test_without_the_right_key_nothing_is_done() -> None:
    async with a_server(key="sk-another") as (server, _clock, client):
        for answer in (
            await post(client),
            await client.get("/tasks"),
            await client.get("/tasks/1"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (401, "InvalidApiKey")
        assert server.log.entries == []


async def test_what_is_not_there_is_404_and_so_is_a_model_that_is_not_offered() -> None:
    async with a_server(models=frozenset({"wan3.0-video"})) as (_server, _clock, client):
        assert (await client.get("/models")).status_code == 404
        assert (await client.get("/../film/1.mp4?Expires=9999999999")).status_code == 404
        retired = await post(client)
        assert (retired.status_code, retired.json()["code"]) == (404, "Model.NotExist")
        nonsense = await client.post(VIDEO, content=b"{", headers=ASYNC)
        assert nonsense.status_code == 400


# -- faults ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", REPLIES)
@pytest.mark.parametrize("accepted", [True, False])
async def test_every_reply_is_given_and_the_log_says_what_was_accepted(
    fault: str, *, accepted: bool
) -> None:
    rule = Rule("create", fault, accepted=accepted, value={"x-more": "yes"})
    async with a_server(rule) as (server, _clock, client):
        answer = await post(client)
        assert answer.status_code == REPLIES[fault].status
        assert answer.headers["x-more"] == "yes"
        assert len(server.jobs) == accepted
        assert [entry["accepted"] for entry in server.log.entries] == [accepted]
        if answer.headers.get("content-type") == "application/json" and fault != "broken_json":
            assert answer.json()["request_id"]


async def test_a_line_is_dropped_hangs_or_breaks_off() -> None:
    rules = [
        Rule("connect", "drop", times=1),
        Rule("create", "drop", times=1),
        Rule("create", "drop", times=1, accepted=True),
        Rule("create", "half", times=1, accepted=True),
        Rule("create", "hang"),
    ]
    async with a_server(*rules) as (server, _clock, client):
        for _ in range(4):
            with pytest.raises(httpx.TransportError):
                await post(client)
        with pytest.raises(httpx.ReadTimeout):
            await client.post(VIDEO, json=wish(), headers=ASYNC, timeout=0.1)
        assert [entry["prompt"] for entry in server.log.entries] == [None, *["boat"] * 4]
        accepted = [entry["accepted"] for entry in server.log.entries]
        assert accepted == [False, False, True, True, False]


async def test_a_look_is_bent() -> None:
    faults = ("regress", "suspended", "unknown_word", "unknown", "no_url")
    rules = [Rule("retrieve", fault, times=1) for fault in faults]
    async with a_server(*rules, Rule("retrieve", "job_error", times=1, value=503)) as (
        _server,
        clock,
        client,
    ):
        task_id = await task_of(client)
        clock.advance(3)
        outputs = [(await look(client, task_id))["output"] for _ in faults]
        words = [output["task_status"] for output in outputs]
        assert words == ["PENDING", "SUSPENDED", "THINKING", "UNKNOWN", "SUCCEEDED"]
        assert outputs[-1]["video_url"] is None
        error = await client.get(f"/tasks/{task_id}")
        assert (error.status_code, error.json()["output"]["task_id"]) == (503, task_id)


@pytest.mark.parametrize("fault", ["forget", "restart"])
async def test_a_task_may_be_lost(fault: str) -> None:
    async with a_server(Rule("retrieve", fault, times=1)) as (server, _clock, client):
        first, second = await task_of(client), await task_of(client)
        for _ in range(2):
            assert (await look(client, first))["output"]["task_status"] == "UNKNOWN"
        other = (await look(client, second))["output"]["task_status"]
        assert other == ("UNKNOWN" if fault == "restart" else "PENDING")
        assert len(server.log.entries) == 2


@pytest.mark.parametrize(
    ("fate", "words"),
    [
        ("fail", ["PENDING", "RUNNING", "FAILED"]),
        ("never_ends", ["PENDING", "RUNNING", "RUNNING"]),
        ("skip_states", ["PENDING", "PENDING", "SUCCEEDED"]),
        ("no_content", ["PENDING", "RUNNING", "SUCCEEDED"]),
    ],
)
async def test_a_task_has_a_fate(fate: str, words: list[str]) -> None:
    async with a_server(Rule("create", fate)) as (_server, clock, client):
        task_id = await task_of(client)
        outputs = []
        for seconds in (0, 2, 1):
            clock.advance(seconds)
            outputs.append((await look(client, task_id))["output"])
        assert [output["task_status"] for output in outputs] == words
        last = outputs[-1]
        assert (last.get("code") == "InternalError") == (fate == "fail")
        if fate == "no_content":
            async with httpx.AsyncClient(trust_env=False, verify=TRUSTS_NOBODY) as stranger:
                assert (await stranger.get(last["video_url"])).status_code == 404


async def test_a_list_lags_and_keeps_silent() -> None:
    rules = [Rule("list", "lag", times=1, value=10), Rule("list", "silent", times=1)]
    async with a_server(*rules, list_echoes=True) as (_server, _clock, client):
        await task_of(client)
        bodies = [(await client.get("/tasks")).json() for _ in range(3)]
    assert [body["total"] for body in bodies] == [0, 1, 1]
    assert [body["tasks"][0].get("orig_prompt") for body in bodies[1:]] == [None, "boat"]


async def test_a_film_is_spoiled_in_every_way() -> None:
    film = tiny_film()
    faults = ("short", "empty", "html_as_video", "elsewhere", "gone", "half")
    rules = [Rule("content", fault, times=1, value="http://127.0.0.1:9/film") for fault in faults]
    async with (
        a_server(*rules) as (_server, clock, client),
        httpx.AsyncClient(trust_env=False, verify=TRUSTS_NOBODY) as stranger,
    ):
        task_id = await task_of(client)
        clock.advance(60)
        link = (await look(client, task_id))["output"]["video_url"]
        short, empty, page, elsewhere, gone = [await stranger.get(link) for _ in range(5)]
        with pytest.raises(httpx.RemoteProtocolError):
            await stranger.get(link)
        assert (await stranger.get(link)).content == film
    assert short.content == film[: len(film) // 2]
    assert empty.content == b""
    assert page.content.startswith(b"<!doctype html>")
    assert elsewhere.headers["location"] == "http://127.0.0.1:9/film"
    assert (page.headers["content-type"], gone.status_code) == ("video/mp4", 410)


async def test_an_echo_quotes_what_it_should_not() -> None:
    async with a_server(Rule("create", "echo")) as (server, _clock, client):
        message = (await post(client)).json()["message"]
    assert "boat" in message
    assert KEY in message
    assert server.jobs == {}


def test_a_misspelt_rule_or_command_line_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="nothing like"):
        DashScopeServer(script=Script([Rule("delete", "drop")]))
    with pytest.raises(SystemExit):
        main(["--clock", "sundial"])


async def test_it_runs_as_a_process_of_its_own_and_is_steered_from_outside(tmp_path: Path) -> None:
    log = tmp_path / "creates.jsonl"
    script = json.dumps({"rules": [{"on": "create", "fault": "server_error", "prompt": "bad"}]})
    words = ["--port", "0", "--log", str(log), "--script", script, "--clock", "manual"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "rushes.testing.simulators.dashscope", *words, "--key", KEY,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        port = int(await asyncio.wait_for(process.stdout.readline(), 30))
        base_url = f"http://127.0.0.1:{port}/api/v1"
        async with httpx.AsyncClient(
            base_url=base_url, headers=HEADERS, trust_env=False, verify=TRUSTS_NOBODY
        ) as client:
            assert (await post(client, wish(prompt="bad"))).status_code == 500
            task_id = await task_of(client, wish(prompt="good"))
            steer = f"http://127.0.0.1:{port}/_simulator"
            await client.post(f"{steer}/advance", json={"seconds": 60})
            assert (await look(client, task_id))["output"]["task_status"] == "SUCCEEDED"
            await client.post(f"{steer}/restart")
            assert (await look(client, task_id))["output"]["task_status"] == "UNKNOWN"
            assert (await client.get(f"{steer}/log")).json() == RequestLog.read(log)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert [entry["prompt"] for entry in RequestLog.read(log)] == ["bad", "good"]
