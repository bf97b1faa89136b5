"""The simulated `/v1/videos` server: what the official SDK makes of it, and its faults."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import av
import httpx2 as httpx
import openai
import pytest
from PIL import Image

from loopback import TRUSTS_NOBODY
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.films import tiny_film, tiny_still
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.openai_errors import REPLIES
from rushes.testing.simulators.openai_videos import (
    OpenAIVideosServer,
    Settings,
    main,
)
from rushes.testing.simulators.script import RequestLog, Rule, Script

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = "sk-Winter42Winter42"
KEYS = [
    "id", "object", "model", "status", "progress", "created_at", "completed_at", "expires_at",
    "error", "prompt", "remixed_from_video_id", "seconds", "size",
]  # fmt: skip


@asynccontextmanager
async def a_server(
    *rules: Rule, seed: int = 0, log: Path | None = None, **settings: object
) -> AsyncIterator[tuple[OpenAIVideosServer, ManualClock, httpx.AsyncClient]]:
    clock = ManualClock(NOON)
    server = OpenAIVideosServer(
        clock=clock,
        script=Script(rules, seed=seed),
        log=RequestLog(log),
        settings=Settings(**settings),  # type: ignore[arg-type] # any field, by name
    )
    async with (
        serving(server) as port,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}/v1",
            headers={"authorization": f"Bearer {KEY}"},
            trust_env=False,
            verify=TRUSTS_NOBODY,
            timeout=5,
        ) as client,
    ):
        yield server, clock, client


def sdk(client: httpx.AsyncClient, *, max_retries: int = 0) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key=KEY, base_url=str(client.base_url), max_retries=max_retries)


def form(prompt: str = "boat", **fields: str) -> dict[str, tuple[None, str]]:
    return {name: (None, text) for name, text in {"prompt": prompt, **fields}.items()}


# -- the official SDK -----------------------------------------------------------------------


async def test_the_official_sdk_makes_watches_lists_fetches_and_deletes_a_video() -> None:
    async with a_server(key=KEY) as (server, clock, client), sdk(client) as official:
        made = await official.videos.create(
            prompt='A "böat"', model="sora-2-pro", seconds="8", size="1792x1024"
        )
        assert (made.status, made.progress, made.seconds) == ("queued", 0, "8")
        assert list((await client.get(f"/videos/{made.id}")).json()) == KEYS
        clock.advance(2)
        looked = await official.videos.retrieve(made.id)
        assert (looked.status, looked.progress) == ("in_progress", 50)
        clock.advance(1)
        done = await official.videos.retrieve(made.id)
        assert (done.status, done.progress) == ("completed", 100)
        assert done.completed_at == int(NOON.timestamp()) + 3
        content = await official.videos.download_content(made.id)
        assert await content.aread() == tiny_film()
        for variant, magic in (("thumbnail", b"RIFF"), ("spritesheet", b"\xff\xd8\xff")):
            still = await official.videos.download_content(made.id, variant=variant)  # type: ignore[arg-type] # a word of the SDK
            assert (await still.aread()).startswith(magic)
        listed = [video.id async for video in official.videos.list(limit=1)]
        assert listed == [made.id]
        gone = await official.videos.delete(made.id)
        assert gone.deleted
        with pytest.raises(openai.NotFoundError):
            await official.videos.retrieve(made.id)
        assert [entry["prompt"] for entry in server.log.entries] == ['A "böat"']


async def test_the_official_sdk_sends_an_image_and_pages_through_the_list() -> None:
    async with a_server() as (server, clock, client), sdk(client) as official:
        image = ("first.png", tiny_still("PNG"), "image/png")
        made = await official.videos.create(prompt="boat", input_reference=image)
        assert server.jobs[made.id].fields["input_reference"] == tiny_still("PNG")
        assert (made.model, made.seconds, made.size) == ("sora-2", "4", "720x1280")
        for number in range(4):
            clock.advance(1)
            await official.videos.create(prompt=f"film {number}")
        newest = [video.prompt async for video in official.videos.list(limit=2)]
        oldest = [video.prompt async for video in official.videos.list(limit=2, order="asc")]
        assert newest == ["film 3", "film 2", "film 1", "film 0", "boat"]
        assert oldest == newest[::-1]


async def test_the_official_sdk_polls_by_our_advice_until_the_end() -> None:
    async with a_server(poll_after_ms=1) as (_server, clock, client), sdk(client) as official:
        made = await official.videos.create(prompt="boat")
        clock.advance(3)
        assert (await official.videos.poll(made.id)).status == "completed"


async def test_the_official_sdk_asks_again_where_it_was_accepted() -> None:
    """Why no provider of ours is built on it: a dropped answer is paid again and again."""
    async with (
        a_server(Rule("create", "drop", accepted=True)) as (server, _clock, client),
        sdk(client, max_retries=1) as official,
    ):
        with pytest.raises(openai.APIConnectionError):
            await official.videos.create(prompt="boat")
        assert len(server.log.entries) == len(server.jobs) == 2


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("invalid", openai.BadRequestError),
        ("moderated", openai.BadRequestError),
        ("unauthorized", openai.AuthenticationError),
        ("forbidden", openai.PermissionDeniedError),
        ("model_retired", openai.NotFoundError),
        ("rate_limited", openai.RateLimitError),
        ("overloaded", openai.InternalServerError),
    ],
)
async def test_the_official_sdk_knows_our_errors(
    fault: str, error: type[openai.APIStatusError]
) -> None:
    async with a_server(Rule("create", fault)) as (server, _clock, client), sdk(client) as official:
        with pytest.raises(error) as raised:
            await official.videos.create(prompt="boat")
        assert raised.value.message
        assert server.jobs == {}


# -- what is taken --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": "x" * 32_001}, "prompt"),
        ({"seconds": "0"}, "seconds"),
        ({"seconds": "-1"}, "seconds"),
        ({"seconds": "4.0"}, "seconds"),
        ({"size": "big"}, "size"),
    ],
)
async def test_a_wrong_create_is_refused_by_name(fields: dict[str, str], param: str) -> None:
    async with a_server() as (server, _clock, client):
        answer = await client.post("/videos", files=form(**fields))
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == param
        assert server.log.entries[0]["accepted"] is False


async def test_json_is_taken_and_nonsense_is_not() -> None:
    async with a_server() as (_server, _clock, client):
        assert (await client.post("/videos", json={"prompt": "boat"})).status_code == 200
        broken = {"content-type": "multipart/form-data; boundary=x"}
        for content, headers in ((b"{", {}), (b"--x\r\nbroken", broken), (b"", broken)):
            answer = await client.post("/videos", content=content, headers=headers)
            assert answer.status_code == 400


async def test_without_the_right_key_nothing_is_done() -> None:
    async with a_server(key="sk-another") as (server, _clock, client):
        assert (await client.post("/videos", files=form())).status_code == 401
        assert server.log.entries == []
    async with a_server() as (_server, _clock, client):
        answer = await client.get("/videos", headers={"authorization": ""})
        assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/videos/video_1", "/videos/video_1/content", "/models", "/"])
async def test_what_is_not_there_is_404(path: str) -> None:
    async with a_server() as (_server, _clock, client):
        assert (await client.get(path)).status_code == 404


async def test_content_of_an_unfinished_video_is_refused_and_so_is_a_strange_variant() -> None:
    async with a_server() as (_server, clock, client):
        video = (await client.post("/videos", files=form())).json()
        assert (await client.get(f"/videos/{video['id']}/content")).status_code == 400
        clock.advance(60)
        answer = await client.get(f"/videos/{video['id']}/content?variant=smell")
        assert answer.status_code == 400


def test_the_films_are_real() -> None:
    with av.open(BytesIO(tiny_film()), "r") as film:
        assert len(list(film.decode(video=0))) == 8
        assert [stream.type for stream in film.streams] == ["video", "audio"]
        assert film.duration is not None
        assert 0.9 < film.duration / 1e6 < 1.1
    for image_format in ("WEBP", "JPEG", "PNG"):
        assert Image.open(BytesIO(tiny_still(image_format))).format == image_format
    assert len(tiny_film()) < 10_000


# -- faults ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", REPLIES)
@pytest.mark.parametrize("accepted", [True, False])
async def test_every_reply_is_given_and_the_log_says_what_was_accepted(
    fault: str, *, accepted: bool
) -> None:
    rule = Rule("create", fault, accepted=accepted, value={"x-more": "yes"})
    async with a_server(rule) as (server, _clock, client):
        answer = await client.post("/videos", files=form())
        assert answer.status_code == REPLIES[fault].status
        assert answer.headers["x-more"] == "yes"
        assert len(server.jobs) == accepted
        assert [entry["accepted"] for entry in server.log.entries] == [accepted]


async def test_a_line_is_dropped_before_or_after_the_body_is_read() -> None:
    rules = [
        Rule("connect", "drop", times=1),
        Rule("create", "drop", times=1),
        Rule("create", "drop", accepted=True),
    ]
    async with a_server(*rules) as (server, _clock, client):
        for _ in range(3):
            with pytest.raises(httpx.TransportError):
                await client.post("/videos", files=form())
        assert [entry["prompt"] for entry in server.log.entries] == [None, "boat", "boat"]
        assert [entry["accepted"] for entry in server.log.entries] == [False, False, True]


async def test_an_answer_breaks_off_in_the_middle() -> None:
    async with a_server(Rule("create", "half", accepted=True)) as (server, _clock, client):
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post("/videos", files=form())
        assert len(server.jobs) == 1


async def test_a_hanging_answer_ends_when_the_other_side_gives_up() -> None:
    async with a_server(Rule("create", "hang")) as (server, _clock, client):
        with pytest.raises(httpx.ReadTimeout):
            await client.post("/videos", files=form(), timeout=0.1)
        assert len(server.log.entries) == 1


async def test_a_slow_answer_comes_in_the_end() -> None:
    async with a_server(Rule("create", "slow", value=0.05)) as (server, _clock, client):
        assert (await client.post("/videos", files=form())).status_code == 200
        assert len(server.jobs) == 1


async def test_a_look_is_bent() -> None:
    rules = [
        Rule("retrieve", "regress", times=1),
        Rule("retrieve", "unknown_word", times=1, value="pondering"),
        Rule("retrieve", "job_error", times=1, value=503),
        Rule("retrieve", "not_found", times=1),
        Rule("retrieve", "forget", skip=1, times=1),
    ]
    async with a_server(*rules) as (_server, clock, client):
        video = (await client.post("/videos", files=form())).json()
        clock.advance(2)
        seen = [await client.get(f"/videos/{video['id']}") for _ in range(7)]
    assert [answer.status_code for answer in seen] == [200, 200, 503, 404, 200, 404, 404]
    words = [answer.json().get("status") for answer in seen]
    assert words == ["queued", "pondering", "in_progress", None, "in_progress", None, None]


async def test_a_restart_loses_every_job() -> None:
    async with a_server(Rule("retrieve", "restart", times=1)) as (server, _clock, client):
        videos = [(await client.post("/videos", files=form())).json() for _ in range(3)]
        for video in videos:
            assert (await client.get(f"/videos/{video['id']}")).status_code == 404
        again = (await client.post("/videos", files=form())).json()
        assert again["id"] not in {video["id"] for video in videos}
        assert len(server.log.entries) == 4


@pytest.mark.parametrize(
    ("fate", "words"),
    [
        ("fail", ["queued", "in_progress", "failed"]),
        ("never_ends", ["queued", "in_progress", "in_progress"]),
        ("skip_states", ["queued", "queued", "completed"]),
        ("no_content", ["queued", "in_progress", "completed"]),
    ],
)
async def test_a_job_has_a_fate(fate: str, words: list[str]) -> None:
    async with a_server(Rule("create", fate)) as (_server, clock, client):
        video = (await client.post("/videos", files=form())).json()
        seen = []
        for seconds in (0, 2, 1):
            clock.advance(seconds)
            seen.append((await client.get(f"/videos/{video['id']}")).json())
        content = await client.get(f"/videos/{video['id']}/content")
    assert [look["status"] for look in seen] == words
    assert (seen[-1]["error"] is not None) == (fate == "fail")
    assert content.status_code == (
        404 if fate == "no_content" else 200 if fate == "skip_states" else 400
    )


async def test_a_film_is_spoiled_in_every_way() -> None:
    film = tiny_film()
    rules = [
        Rule("content", fault, times=1, value="http://127.0.0.1:9/film")
        for fault in ("short", "empty", "html_as_video", "elsewhere", "gone", "half")
    ]
    async with a_server(*rules) as (_server, clock, client):
        video = (await client.post("/videos", files=form())).json()
        clock.advance(60)
        path = f"/videos/{video['id']}/content"
        short, empty, page, elsewhere, gone = [await client.get(path) for _ in range(5)]
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(path)
        assert (await client.get(path)).content == film
    assert short.content == film[: len(film) // 2]
    assert empty.content == b""
    assert page.headers["content-type"] == "video/mp4"
    assert page.content.startswith(b"<!doctype html>")
    assert (elsewhere.status_code, elsewhere.headers["location"]) == (
        307,
        "http://127.0.0.1:9/film",
    )
    assert gone.status_code == 410


async def test_a_list_lags_keeps_silent_or_forgets_its_order() -> None:
    rules = [
        Rule("list", "lag", times=1, value=5),
        Rule("list", "silent", times=1),
        Rule("list", "unsorted", times=1),
    ]
    async with a_server(*rules) as (_server, clock, client):
        for prompt in ("old", "new"):
            await client.post("/videos", files=form(prompt))
            clock.advance(3)
        pages = [(await client.get("/videos")).json()["data"] for _ in range(4)]
    prompts = [[video["prompt"] for video in page] for page in pages]
    assert prompts == [["old"], [None, None], ["old", "new"], ["new", "old"]]


# -- scripts and records --------------------------------------------------------------------


def test_a_rule_strikes_whom_and_as_often_as_it_says() -> None:
    script = Script([Rule("create", "drop", prompt="boat", skip=1, times=2)])
    struck = [bool(script.strike("create", f"a {word}")) for word in 5 * ["boat"] + ["ship"]]
    assert struck == [False, True, True, False, False, False]
    assert script.strike("list") is None


def test_the_first_rule_that_strikes_is_the_one() -> None:
    script = Script([Rule("create", "drop", times=1), Rule("create", "hang")])
    faults = [rule.fault for _ in range(3) if (rule := script.strike("create"))]
    assert faults == ["drop", "hang", "hang"]


def test_chance_is_drawn_from_seed_and_prompt_in_whatever_order() -> None:
    prompts = [f"film {number}" for number in range(400)]

    def struck(order: list[str], seed: int) -> set[str]:
        script = Script([Rule("create", "drop", chance=0.25)], seed=seed)
        return {prompt for prompt in order if script.strike("create", prompt)}

    assert struck(prompts, 1) == struck(prompts[::-1], 1) != struck(prompts, 2)
    assert 60 < len(struck(prompts, 1)) < 140


@pytest.mark.parametrize(
    "text",
    [
        '{"rules":[{"on":"create"}]}',
        '{"rules":[{"on":"create","fault":"drop","when":"now"}]}',
        '{"rules":[7]}',
        '{"faults":[]}',
        "{nonsense",
    ],
)
def test_a_script_that_says_nothing_sensible_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Script.read(text)


@pytest.mark.parametrize(("on", "fault"), [("create", "dorp"), ("crate", "drop")])
def test_a_misspelt_rule_is_refused_at_once(on: str, fault: str) -> None:
    with pytest.raises(ValueError, match="nothing like"):
        OpenAIVideosServer(script=Script([Rule(on, fault)]))


def test_a_script_may_lie_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text('{"seed": 3, "rules": [{"on": "create", "fault": "drop", "times": 1}]}')
    assert Script.read(str(path)).rules == (Rule("create", "drop", times=1),)


def test_a_misspelt_command_line_is_refused() -> None:
    with pytest.raises(SystemExit):
        main(["--clock", "sundial"])


async def test_the_log_is_on_disk_before_the_answer(tmp_path: Path) -> None:
    path = tmp_path / "creates.jsonl"
    rules = [Rule("create", "drop", times=1, accepted=True), Rule("create", "moderated", times=1)]
    async with a_server(*rules, log=path) as (server, _clock, client):
        with pytest.raises(httpx.TransportError):
            await client.post("/videos", files=form("one"))
        assert [entry["prompt"] for entry in RequestLog.read(path)] == ["one"]
        await client.post("/videos", files=form("two"))
        await client.post("/videos", files=form("three"))
        read = RequestLog.read(path)
        assert read == server.log.entries
    assert [(entry["prompt"], entry["accepted"], entry["fault"]) for entry in read] == [
        ("one", True, "drop"),
        ("two", False, "moderated"),
        ("three", True, None),
    ]
    assert all(entry["at"] == "2026-11-23T12:00:00+00:00" for entry in read)
    assert len({entry["job_id"] for entry in read if entry["accepted"]}) == 2


async def test_it_runs_as_a_process_of_its_own_and_is_steered_from_outside(tmp_path: Path) -> None:
    log = tmp_path / "creates.jsonl"
    script = json.dumps({"rules": [{"on": "create", "fault": "server_error", "prompt": "bad"}]})
    words = ["--port", "0", "--log", str(log), "--script", script, "--clock", "manual"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "rushes.testing.simulators.openai_videos", *words,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        port = int(await asyncio.wait_for(process.stdout.readline(), 30))
        base_url = f"http://127.0.0.1:{port}"
        headers = {"authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(
            base_url=base_url, headers=headers, trust_env=False, verify=TRUSTS_NOBODY
        ) as client:
            assert (await client.post("/v1/videos", files=form("bad"))).status_code == 500
            video = (await client.post("/v1/videos", files=form("good"))).json()
            await client.post("/_simulator/advance", json={"seconds": 60})
            done = await client.get(f"/v1/videos/{video['id']}")
            assert done.json()["status"] == "completed"
            rules = {"rules": [{"on": "retrieve", "fault": "unavailable"}]}
            assert (await client.post("/_simulator/rules", json=rules)).status_code == 200
            assert (await client.get(f"/v1/videos/{video['id']}")).status_code == 503
            await client.post("/_simulator/rules", json={})
            await client.post("/_simulator/restart")
            assert (await client.get(f"/v1/videos/{video['id']}")).status_code == 404
            assert (await client.get("/_simulator/log")).json() == RequestLog.read(log)
            seen = (await client.get("/_simulator/seen")).json()
            assert Counter((one["method"], one["path"]) for one in seen) == {
                ("POST", "/v1/videos"): 2,
                ("GET", f"/v1/videos/{video['id']}"): 3,
            }
            assert (await client.get("/_simulator/nothing")).status_code == 404
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert [entry["prompt"] for entry in RequestLog.read(log)] == ["bad", "good"]
