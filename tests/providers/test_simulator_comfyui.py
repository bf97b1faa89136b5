"""The simulated ComfyUI server: its queue by the clock, what it takes, and its faults."""

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
from uuid import UUID

import httpx2 as httpx
import pytest

from loopback import TRUSTS_NOBODY
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.comfyui import ComfyUIServer, Settings, main
from rushes.testing.simulators.comfyui_graphs import REPLIES
from rushes.testing.simulators.films import tiny_film, tiny_still
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.script import RequestLog, Rule, Script

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
IDS = [str(UUID(int=number, version=4)) for number in range(1, 6)]


def graph(text: str = "boat", **inputs: object) -> dict[str, Any]:
    return {
        "1": {"class_type": "UNETLoader", "inputs": {"unet_name": "wan.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": text, "clip": ["1", 0]}},
        "3": {"class_type": "KSampler", "inputs": {"seed": 7, **inputs, "positive": ["2", 0]}},
        "4": {"class_type": "SaveVideo", "inputs": {"filename_prefix": "video/a", "x": ["3", 0]}},
    }


def wish(prompt_id: str | None = None, text: str = "boat", **more: object) -> dict[str, Any]:
    named = {} if prompt_id is None else {"prompt_id": prompt_id}
    return {"prompt": graph(text), "client_id": "tests", **named, **more}


class Line:
    """What a caller of a server asks."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def ids(self) -> tuple[list[str], list[str]]:
        """Return the running and the pending."""
        queue = (await self.client.get("/queue")).json()
        assert list(queue) == ["queue_running", "queue_pending"]
        running, pending = ([item[1] for item in items] for items in queue.values())
        return running, pending

    async def history(self, prompt_id: str) -> Any:
        told = (await self.client.get(f"/history/{prompt_id}")).json()
        return told.get(prompt_id)

    async def word(self, prompt_id: str) -> str | None:
        entry = await self.history(prompt_id)
        return None if entry is None else str(entry["status"]["status_str"])


@asynccontextmanager
async def a_server(
    *rules: Rule, log: Path | None = None, **settings: Any
) -> AsyncIterator[tuple[ComfyUIServer, ManualClock, Line]]:
    clock = ManualClock(NOON)
    server = ComfyUIServer(
        clock=clock,
        script=Script(rules),
        log=RequestLog(log),
        settings=Settings(**settings),
    )
    async with (
        serving(server) as port,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, verify=TRUSTS_NOBODY, timeout=5
        ) as client,
    ):
        yield server, clock, Line(client)


# -- the queue ------------------------------------------------------------------------------


async def test_prompts_run_one_after_another_in_the_order_they_came() -> None:
    async with a_server() as (_server, clock, line):
        for prompt_id in IDS[:3]:
            answer = await line.client.post("/prompt", json=wish(prompt_id))
            assert answer.json()["prompt_id"] == prompt_id
            assert answer.json()["node_errors"] == {}
        seen = [await line.ids()]
        for seconds in (1, 2, 2, 2):
            clock.advance(seconds)
            seen.append(await line.ids())
        assert seen == [
            ([], IDS[:3]),
            (IDS[:1], IDS[1:3]),
            (IDS[1:2], IDS[2:3]),
            (IDS[2:3], []),
            ([], []),
        ]
        assert [await line.word(each) for each in IDS[:4]] == 3 * ["success"] + [None]
        assert list((await line.client.get("/history")).json()) == IDS[:3]


async def test_the_queue_and_the_history_have_the_shape_of_the_protocol() -> None:
    async with a_server() as (_server, clock, line):
        await line.client.post("/prompt", json=wish(IDS[0]))
        item = (await line.client.get("/queue")).json()["queue_pending"][0]
        assert item == [1, IDS[0], graph(), {"client_id": "tests"}, ["4"]]
        assert (await line.client.get("/prompt")).json() == {"exec_info": {"queue_remaining": 1}}
        clock.advance(3)
        entry = await line.history(IDS[0])
    file = {"filename": "a_00001_.mp4", "subfolder": "video", "type": "output"}
    assert entry["prompt"] == item
    assert entry["outputs"] == {"4": {"images": [file], "animated": [True]}}
    assert entry["status"] == {
        "status_str": "success",
        "completed": True,
        "messages": [
            ["execution_start", {"prompt_id": IDS[0]}],
            ["execution_success", {"prompt_id": IDS[0]}],
        ],
    }


async def test_the_same_id_twice_is_queued_twice() -> None:
    async with a_server() as (server, _clock, line):
        for _ in range(2):
            assert (await line.client.post("/prompt", json=wish(IDS[0]))).status_code == 200
        assert await line.ids() == ([], [IDS[0], IDS[0]])
        assert len(server.log.entries) == 2
        await line.client.post("/queue", json={"delete": [IDS[0]]})
        assert await line.ids() == ([], [IDS[0]])


async def test_without_an_id_the_server_names_the_prompt() -> None:
    async with a_server() as (_server, _clock, line):
        told = (await line.client.post("/prompt", json=wish())).json()["prompt_id"]
        assert str(UUID(told)) == told
        assert await line.ids() == ([], [told])


async def test_what_is_pending_is_deleted_or_cleared_and_what_runs_is_not() -> None:
    async with a_server() as (_server, clock, line):
        for prompt_id in IDS[:4]:
            await line.client.post("/prompt", json=wish(prompt_id))
        clock.advance(1)
        answer = await line.client.post("/queue", json={"delete": [IDS[0], IDS[2], "unknown"]})
        assert (answer.status_code, answer.content) == (200, b"")
        assert await line.ids() == (IDS[:1], [IDS[1], IDS[3]])
        await line.client.post("/queue", json={"clear": True})
        assert await line.ids() == (IDS[:1], [])


async def test_an_interrupt_stops_the_one_that_is_named_or_whatever_runs() -> None:
    async with a_server() as (_server, clock, line):
        for prompt_id in IDS[:3]:
            await line.client.post("/prompt", json=wish(prompt_id))
        clock.advance(1)
        await line.client.post("/interrupt", json={"prompt_id": IDS[1]})
        assert await line.ids() == (IDS[:1], IDS[1:3])
        await line.client.post("/interrupt", json={"prompt_id": IDS[0]})
        assert await line.ids() == (IDS[1:2], IDS[2:3])
        await line.client.post("/interrupt")
        assert await line.ids() == (IDS[2:3], [])
        entry = await line.history(IDS[0])
    assert entry["outputs"] == {}
    assert entry["status"]["status_str"] == "error"
    assert [name for name, _ in entry["status"]["messages"]][-1] == "execution_interrupted"


async def test_an_interrupt_takes_as_long_as_a_step() -> None:
    async with a_server(stop_s=0.5) as (_server, clock, line):
        await line.client.post("/prompt", json=wish(IDS[0]))
        clock.advance(1)
        await line.client.post("/interrupt", json={"prompt_id": IDS[0]})
        assert await line.ids() == (IDS[:1], [])
        clock.advance(0.5)
        assert await line.word(IDS[0]) == "error"


async def test_a_restart_forgets_queue_and_history_but_no_files() -> None:
    async with a_server(Rule("queue", "restart", skip=1, times=1)) as (server, clock, line):
        await line.client.post("/upload/image", files={"image": ("a.png", b"a", "image/png")})
        for prompt_id in IDS[:2]:
            await line.client.post("/prompt", json=wish(prompt_id))
        clock.advance(3)
        assert await line.ids() == (IDS[1:2], [])
        assert await line.ids() == ([], [])
        assert await line.word(IDS[0]) is None
        query = {"filename": "a_00001_.mp4", "subfolder": "video", "type": "output"}
        assert (await line.client.get("/view", params=query)).content == tiny_film()
        assert list(server.images) == ["a.png"]
        clock.advance(60)
        assert (
            await line.client.get("/view", params=query | {"filename": "a_00002_.mp4"})
        ).is_error


# -- what is taken --------------------------------------------------------------------------


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({}, "no_prompt"),
    (wish("not-a-uuid"), "invalid_prompt_id"),
    (wish(IDS[0].upper().replace("0", "A")), "invalid_prompt_id"),
    ({"prompt": {"1": {"inputs": {}}}}, "missing_node_type"),
    ({"prompt": {"1": {"class_type": "MissingNode", "inputs": {}}}}, "missing_node_type"),
    ({"prompt": {"1": {"class_type": "KSampler", "inputs": {}}}}, "prompt_no_outputs"),
    ({"prompt": graph(steps="twenty")}, "prompt_outputs_failed_validation"),
]


@pytest.mark.parametrize(("body", "kind"), BROKEN)
async def test_a_wrong_graph_is_refused_by_its_kind(body: dict[str, Any], kind: str) -> None:
    async with a_server() as (server, _clock, line):
        answer = await line.client.post("/prompt", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == kind
        assert [entry["accepted"] for entry in server.log.entries] == [False]


async def test_the_nodes_say_what_is_wrong_with_them() -> None:
    body = {"prompt": graph(seed="seven")}
    body["prompt"]["5"] = {"class_type": "LoadImage", "inputs": {"image": "no.png"}}
    async with a_server(models=frozenset({"ltx.safetensors"})) as (_server, _clock, line):
        nodes = (await line.client.post("/prompt", json=body)).json()["node_errors"]
    assert {node_id: node["class_type"] for node_id, node in nodes.items()} == {
        "1": "UNETLoader",
        "3": "KSampler",
        "5": "LoadImage",
    }
    kinds = [error["type"] for node in nodes.values() for error in node["errors"]]
    assert kinds == ["value_not_in_list", "invalid_input_type", "custom_validation_failed"]
    assert nodes["5"]["errors"][0]["details"] == "image - Invalid image file: no.png"
    assert nodes["1"]["errors"][0]["extra_info"] == {"input_name": "unet_name"}


async def test_a_number_may_be_written_as_text_and_slash_api_is_the_same() -> None:
    async with a_server() as (_server, _clock, line):
        answer = await line.client.post("/api/prompt", json={"prompt": graph(steps="20", cfg="x")})
        assert answer.status_code == 200
        queue = (await line.client.get("/api/queue")).json()
        assert len(queue["queue_pending"]) == 1


async def test_an_image_is_kept_once_and_another_gets_another_name() -> None:
    async with a_server() as (server, _clock, line):

        async def upload(content: bytes, **told: str) -> Any:
            answer = await line.client.post(
                "/upload/image", files={"image": ("a.png", content, "image/png")}, data=told
            )
            return answer.json()

        first = await upload(b"a", subfolder="x")
        assert first == {"name": "a.png", "subfolder": "x", "type": "input"}
        assert await upload(b"a", subfolder="x") == first
        assert (await upload(b"b", subfolder="x"))["name"] == "a (1).png"
        assert (await upload(b"b", subfolder="x"))["name"] == "a (1).png"
        assert (await upload(b"c", subfolder="x", overwrite="true"))["name"] == "a.png"
        assert server.images == {"x/a.png": b"c", "x/a (1).png": b"b"}
        nothing = await line.client.post("/upload/image", data={"subfolder": "x"})
        assert nothing.status_code == 400


@pytest.mark.parametrize(
    ("class_type", "word", "suffix"),
    [
        ("SaveWEBM", "images", "webm"),
        ("VHS_VideoCombine", "gifs", "mp4"),
        ("SaveImage", "images", "png"),
        ("PreviewImage", "images", "png"),
    ],
)
async def test_each_node_tells_its_files_in_its_own_word(
    class_type: str, word: str, suffix: str
) -> None:
    body = {"prompt": {"1": {"class_type": class_type, "inputs": {}}}, "prompt_id": IDS[0]}
    async with a_server() as (_server, clock, line):
        await line.client.post("/prompt", json=body)
        clock.advance(3)
        told = (await line.history(IDS[0]))["outputs"]["1"][word][0]
        assert told["filename"] == f"ComfyUI_00001_.{suffix}"
        assert (await line.client.get("/view", params=told)).status_code == 200


async def test_only_files_that_are_there_are_given_away() -> None:
    async with a_server() as (_server, _clock, line):
        for query, status in (
            ({"filename": "a.mp4"}, 404),
            ({}, 404),
            ({"filename": "../a.mp4"}, 400),
            ({"filename": "/a.mp4"}, 400),
        ):
            assert (await line.client.get("/view", params=query)).status_code == status
        assert (await line.client.get("/nothing")).status_code == 404
        assert (await line.client.post("/nothing")).status_code == 405


async def test_a_key_opens_only_where_there_is_one() -> None:
    async with a_server(key="sk-right") as (server, _clock, line):
        assert (await line.client.get("/queue")).status_code == 401
        assert (await line.client.post("/prompt", json=wish())).status_code == 401
        assert server.log.entries == []
        headers = {"authorization": "Bearer sk-right"}
        assert (await line.client.get("/queue", headers=headers)).status_code == 200


# -- faults ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", REPLIES)
@pytest.mark.parametrize("accepted", [True, False])
async def test_every_reply_is_given_and_the_log_says_what_was_accepted(
    fault: str, *, accepted: bool
) -> None:
    rule = Rule("create", fault, accepted=accepted, value={"x-more": "yes"})
    async with a_server(rule) as (server, _clock, line):
        answer = await line.client.post("/prompt", json=wish())
        assert answer.status_code == REPLIES[fault].status
        assert answer.headers["x-more"] == "yes"
        assert len(server.jobs) == accepted
        assert [entry["accepted"] for entry in server.log.entries] == [accepted]


async def test_a_line_is_dropped_before_or_after_the_graph_is_queued() -> None:
    rules = [
        Rule("connect", "drop", times=1),
        Rule("create", "drop", times=1),
        Rule("create", "drop", accepted=True),
    ]
    async with a_server(*rules) as (server, _clock, line):
        for _ in range(3):
            with pytest.raises(httpx.TransportError):
                await line.client.post("/prompt", json=wish())
        assert [entry["prompt"] for entry in server.log.entries] == [None, "boat", "boat"]
        assert [entry["accepted"] for entry in server.log.entries] == [False, False, True]


async def test_a_refusal_may_quote_what_it_should_not() -> None:
    async with a_server(Rule("create", "echo"), key="sk-right") as (_server, _clock, line):
        headers = {"authorization": "Bearer sk-right"}
        text = (await line.client.post("/prompt", json=wish(), headers=headers)).text
    assert "boat" in text
    assert "sk-right" in text


@pytest.mark.parametrize("verb", ["upload", "queue", "history", "delete", "interrupt", "view"])
async def test_every_verb_can_fail(verb: str) -> None:
    asks: dict[str, tuple[str, str]] = {
        "upload": ("POST", "/upload/image"),
        "queue": ("GET", "/queue"),
        "history": ("GET", f"/history/{IDS[0]}"),
        "delete": ("POST", "/queue"),
        "interrupt": ("POST", "/interrupt"),
        "view": ("GET", "/view"),
    }
    async with a_server(Rule(verb, "unavailable", times=1)) as (_server, _clock, line):
        statuses = [(await line.client.request(*asks[verb])).status_code for _ in range(2)]
    assert statuses[0] == 503
    assert statuses[1] != 503


async def test_a_cancel_that_failed_has_stopped_nothing_unless_only_its_answer_did() -> None:
    rules = [Rule("delete", "drop", times=1), Rule("delete", "drop", times=1, accepted=True)]
    async with a_server(*rules) as (_server, _clock, line):
        await line.client.post("/prompt", json=wish(IDS[0]))
        for left in ([IDS[0]], []):
            with pytest.raises(httpx.TransportError):
                await line.client.post("/queue", json={"delete": [IDS[0]]})
            assert await line.ids() == ([], left)


async def test_a_look_is_bent() -> None:
    rules = [
        Rule("queue", "hide", times=1),
        Rule("queue", "regress", times=1),
        Rule("queue", "unknown_word", times=1, value="paused"),
        Rule("history", "unknown_word", times=1, value="pondering"),
        Rule("history", "hide", times=1),
        Rule("history", "forget", skip=1, times=1),
    ]
    async with a_server(*rules) as (_server, clock, line):
        await line.client.post("/prompt", json=wish(IDS[0]))
        clock.advance(1)
        assert await line.ids() == ([], [])
        assert await line.ids() == ([], IDS[:1])
        strange = (await line.client.get("/queue")).json()
        assert [item[1] for item in strange["queue_paused"]] == IDS[:1]
        assert await line.ids() == (IDS[:1], [])
        clock.advance(2)
        words = [await line.word(IDS[0]) for _ in range(5)]
    assert words == ["pondering", None, "success", None, None]


@pytest.mark.parametrize("verb", ["queue", "interrupt"])
async def test_a_prompt_may_be_over_before_it_is_stopped(verb: str) -> None:
    rule = Rule("delete" if verb == "queue" else verb, "overtaken")
    async with a_server(rule) as (_server, clock, line):
        await line.client.post("/prompt", json=wish(IDS[0]))
        clock.advance(0 if verb == "queue" else 1)
        body = {"delete": IDS[:1]} if verb == "queue" else {"prompt_id": IDS[0]}
        assert (await line.client.post(f"/{verb}", json=body)).status_code == 200
        assert await line.word(IDS[0]) == "success"


@pytest.mark.parametrize(
    ("fate", "words"),
    [
        ("fail", ["pending", "running", "error"]),
        ("never_ends", ["pending", "running", "running"]),
        ("skip_states", ["pending", "pending", "success"]),
        ("no_content", ["pending", "running", "success"]),
    ],
)
async def test_a_prompt_has_a_fate(fate: str, words: list[str]) -> None:
    async with a_server(Rule("create", fate, times=1)) as (_server, clock, line):
        await line.client.post("/prompt", json=wish(IDS[0]))
        seen = []
        for seconds in (0, 1, 2):
            clock.advance(seconds)
            running, pending = await line.ids()
            place = "running" if running else "pending" if pending else None
            seen.append(place or await line.word(IDS[0]))
        query = {"filename": "a_00001_.mp4", "subfolder": "video"}
        film = await line.client.get("/view", params=query)
        entry = await line.history(IDS[0])
    assert seen == words
    assert film.status_code == (200 if fate == "skip_states" else 404)
    if fate == "fail":
        name, error = entry["status"]["messages"][-1]
        assert name == "execution_error"
        assert error["exception_type"] == "torch.OutOfMemoryError"
        assert error["node_type"] == "UNETLoader"


async def test_a_prompt_that_never_ends_keeps_the_others_waiting_until_it_is_stopped() -> None:
    async with a_server(Rule("create", "never_ends", times=1)) as (_server, clock, line):
        for prompt_id in IDS[:2]:
            await line.client.post("/prompt", json=wish(prompt_id))
        clock.advance(3600)
        assert await line.ids() == (IDS[:1], IDS[1:2])
        await line.client.post("/interrupt", json={"prompt_id": IDS[0]})
        assert await line.ids() == (IDS[1:2], [])


async def test_a_film_is_spoiled_in_every_way() -> None:
    film = tiny_film()
    faults = ("short", "empty", "html_as_video", "elsewhere", "gone", "half")
    rules = [Rule("view", fault, times=1, value="http://127.0.0.1:9/film") for fault in faults]
    async with a_server(*rules) as (_server, clock, line):
        await line.client.post("/prompt", json=wish(IDS[0]))
        clock.advance(3)
        query = {"filename": "a_00001_.mp4", "subfolder": "video", "type": "output"}
        short, empty, page, elsewhere, gone = [
            await line.client.get("/view", params=query) for _ in range(5)
        ]
        with pytest.raises(httpx.RemoteProtocolError):
            await line.client.get("/view", params=query)
        assert (await line.client.get("/view", params=query)).content == film
    assert short.content == film[: len(film) // 2]
    assert empty.content == b""
    assert page.content.startswith(b"<!doctype html>")
    assert elsewhere.headers["location"] == "http://127.0.0.1:9/film"
    assert gone.status_code == 410


# -- by itself ------------------------------------------------------------------------------


@pytest.mark.parametrize(("on", "fault"), [("create", "dorp"), ("retrieve", "drop")])
def test_a_misspelt_rule_is_refused_at_once(on: str, fault: str) -> None:
    with pytest.raises(ValueError, match="nothing like"):
        ComfyUIServer(script=Script([Rule(on, fault)]))


def test_a_misspelt_command_line_is_refused() -> None:
    with pytest.raises(SystemExit):
        main(["--clock", "sundial"])


async def test_it_runs_as_a_process_of_its_own_and_is_steered_from_outside(tmp_path: Path) -> None:
    log = tmp_path / "creates.jsonl"
    script = json.dumps({"rules": [{"on": "create", "fault": "server_error", "prompt": "bad"}]})
    words = ["--port", "0", "--log", str(log), "--script", script, "--clock", "manual"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "rushes.testing.simulators.comfyui", *words,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        port = int(await asyncio.wait_for(process.stdout.readline(), 30))
        base_url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(
            base_url=base_url, trust_env=False, verify=TRUSTS_NOBODY
        ) as client:
            line = Line(client)
            image = {"image": ("a.png", tiny_still("PNG"), "image/png")}
            assert (await client.post("/upload/image", files=image)).status_code == 200
            assert (await client.post("/prompt", json=wish(text="bad"))).status_code == 500
            await client.post("/prompt", json=wish(IDS[0], text="good"))
            await client.post("/_simulator/advance", json={"seconds": 60})
            assert await line.word(IDS[0]) == "success"
            await client.post("/_simulator/restart")
            assert await line.word(IDS[0]) is None
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert [entry["prompt"] for entry in RequestLog.read(log)] == ["bad", "good"]
