"""The simulated Ark: what it takes, how its tasks stand, how it calls back, and its faults."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2 as httpx
import pytest
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from loopback import TRUSTS_NOBODY
from rushes.clock import SystemClock
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.ark import ArkServer, Settings, main
from rushes.testing.simulators.ark_errors import REPLIES
from rushes.testing.simulators.films import tiny_film
from rushes.testing.simulators.host import Exchange, Reply, serving
from rushes.testing.simulators.jobs import Pace
from rushes.testing.simulators.script import Rule, Script

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = "ark-Winter42Winter42"
MODEL = "doubao-seedance-2-0-260128"
TASKS = "/contents/generations/tasks"
IMAGE = "data:image/png;base64,iVBORw0KGgo="
DAY_S = 24 * 3600


@asynccontextmanager
async def a_server(
    *rules: Rule, clock: Any = None, **settings: Any
) -> AsyncIterator[tuple[ArkServer, ManualClock, httpx.AsyncClient]]:
    clock = clock or ManualClock(NOON)
    server = ArkServer(clock=clock, script=Script(rules), settings=Settings(**settings))
    async with (
        serving(server) as port,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}/api/v3",
            headers={"authorization": f"Bearer {KEY}"},
            trust_env=False,
            verify=TRUSTS_NOBODY,
            timeout=5,
        ) as client,
    ):
        yield server, clock, client


def wish(prompt: str = "boat", **fields: object) -> dict[str, object]:
    return {"model": MODEL, "content": [{"type": "text", "text": prompt}], **fields}


def part(kind: str, role: str | None, url: str) -> dict[str, object]:
    return {"type": kind, kind: {"url": url}, "role": role}


async def made(client: httpx.AsyncClient, prompt: str = "boat", **fields: object) -> str:
    answer = await client.post(TASKS, json=wish(prompt, **fields))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def looked(client: httpx.AsyncClient, task_id: str) -> dict[str, Any]:
    answer = await client.get(f"{TASKS}/{task_id}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


class Ear:
    """A caller's address: hears what it is told, and answers as it likes."""

    def __init__(self, *statuses: int) -> None:
        self.heard: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.statuses = list(statuses)
        self.is_enough = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.heard.append(await request.json())
        self.headers.append(dict(request.headers))
        status = self.statuses.pop(0) if self.statuses else 200
        await Exchange(scope, receive, send, at=NOON).answer(Reply(status))
        if self.heard[-1]["status"] == "succeeded":
            self.is_enough.set()

    @property
    def words(self) -> list[str]:
        return [told["status"] for told in self.heard]


# -- what is taken --------------------------------------------------------------------------


async def test_nulls_and_unknown_keys_are_taken() -> None:
    names = ["seed", "ratio", "duration", "frames", "tools", "priority", "callback_url", "draft"]
    async with a_server(key=KEY) as (server, _clock, client):
        task_id = await made(client, **dict.fromkeys(names), omni_reference_task_type="edit")
        assert server.jobs[task_id].prompt == "boat"
        assert task_id.startswith("cgt-20261123120000-")


FRAMES = [part("image_url", "first_frame", IMAGE), part("image_url", "last_frame", IMAGE)]
CLIP = part("video_url", "reference_video", "https://example.org/a.mp4")
SOUND = part("audio_url", "reference_audio", "data:audio/mp3;base64,SUQz")
PICTURE = part("image_url", "reference_image", "https://example.org/a.png")


@pytest.mark.parametrize(
    "content",
    [FRAMES, FRAMES[:1], [part("image_url", None, IMAGE)], [PICTURE, CLIP, SOUND], [CLIP, SOUND]],
)
async def test_media_are_taken_in_their_roles(content: list[object]) -> None:
    async with a_server() as (_server, _clock, client):
        answer = await client.post(TASKS, json={"model": MODEL, "content": content})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        FRAMES[1:],
        [*FRAMES, PICTURE],
        [SOUND],
        [part("video_url", "reference_video", "data:video/mp4;base64,AAAA")],
        [part("image_url", "first_frame", "not a link")],
        [part("image_url", "reference_video", IMAGE)],
        [part("audio_url", "reference_audio", "data:audio/mpeg;base64,SUQz"), PICTURE],
        [{"type": "image_url"}],
        [{"type": "smell"}],
        10 * [PICTURE],
        [PICTURE, *(4 * [CLIP])],
        [],
        None,
        "boat",
    ],
)
async def test_media_in_other_roles_are_refused(content: object) -> None:
    async with a_server() as (server, _clock, client):
        answer = await client.post(TASKS, json={"model": MODEL, "content": content})
        assert answer.status_code == 400
        assert set(answer.json()["error"]) == {"code", "message", "param", "type"}
        assert server.log.entries[0]["accepted"] is False


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"resolution": "540p"}, "resolution"),
        ({"ratio": "5:4"}, "ratio"),
        ({"duration": 1}, "duration"),
        ({"duration": "5"}, "duration"),
        ({"seed": 2**32}, "seed"),
        ({"service_tier": "fast"}, "service_tier"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"execution_expires_after": 60}, "execution_expires_after"),
        ({"watermark": "no"}, "watermark"),
        ({"camera_fixed": False}, "camera_fixed"),
        ({"safety_identifier": 65 * "x"}, "safety_identifier"),
        ({"model": "doubao-seedance-1-0-pro-250528", "generate_audio": False}, "generate_audio"),
    ],
)
async def test_a_wrong_setting_is_refused_by_name(fields: dict[str, object], param: str) -> None:
    async with a_server() as (_server, _clock, client):
        answer = await client.post(TASKS, json=wish() | fields)
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == param


async def test_a_newer_model_takes_its_ratio_from_the_first_frame() -> None:
    body = {"model": "dreamina-seedance-2-5-260628", "content": FRAMES[:1]}
    async with a_server() as (_server, _clock, client):
        refused = await client.post(TASKS, json=body | {"ratio": "16:9"})
        assert refused.json()["error"]["code"] == "InvalidParameter.TaskTypeConstraint"
        assert (await client.post(TASKS, json=body | {"ratio": "adaptive"})).status_code == 200


async def test_without_the_right_key_or_model_nothing_is_done() -> None:
    async with a_server(key="ark-another") as (server, _clock, client):
        assert (await client.post(TASKS, json=wish())).status_code == 401
        assert server.log.entries == []
    async with a_server(models=frozenset({"seedance-9"})) as (_server, _clock, client):
        answer = await client.post(TASKS, json=wish())
        assert answer.json()["error"]["code"] == "InvalidEndpointOrModel.NotFound"


@pytest.mark.parametrize("path", [f"{TASKS}/cgt-1", "/models", "/contents", f"{TASKS}/a/b"])
async def test_what_is_not_there_is_404(path: str) -> None:
    async with a_server() as (_server, _clock, client):
        assert (await client.get(path)).status_code == 404


# -- how a task stands ----------------------------------------------------------------------


async def test_a_task_goes_its_way_by_the_clock() -> None:
    async with a_server() as (_server, clock, client):
        task_id = await made(client, seed=11, duration=-1, ratio="adaptive", return_last_frame=True)
        told = await looked(client, task_id)
        assert told == {
            "id": task_id,
            "model": MODEL,
            "status": "queued",
            "created_at": int(NOON.timestamp()),
            "updated_at": int(NOON.timestamp()),
            "service_tier": "default",
            "execution_expires_after": 172800,
        }
        clock.advance(2)
        assert (await looked(client, task_id))["status"] == "running"
        clock.advance(1)
        told = await looked(client, task_id)
        assert (told["status"], told["error"], told["seed"]) == ("succeeded", None, 11)
        assert (told["ratio"], told["duration"], told["resolution"]) == ("16:9", 5, "720p")
        assert told["usage"]["completion_tokens"] == 1280 * 720 * 24 * 5 // 1024
        still = await client.get(told["content"]["last_frame_url"], headers={"authorization": ""})
        assert still.status_code == 400  # an empty key is a key
        async with httpx.AsyncClient(trust_env=False, verify=TRUSTS_NOBODY) as stranger:
            still = await stranger.get(told["content"]["last_frame_url"])
            film = await stranger.get(told["content"]["video_url"])
        assert still.content.startswith(b"\x89PNG")
        assert film.content == tiny_film()


async def test_a_link_ends_after_a_day_and_a_record_after_a_week() -> None:
    async with (
        a_server() as (_server, clock, client),
        httpx.AsyncClient(trust_env=False, verify=TRUSTS_NOBODY) as other,
    ):
        task_id = await made(client)
        clock.advance(3)
        link = (await looked(client, task_id))["content"]["video_url"]
        clock.advance(DAY_S - 1)
        assert (await other.get(link)).status_code == 200
        clock.advance(1)
        assert (await other.get(link)).status_code == 403
        assert (await looked(client, task_id))["content"]["video_url"] == link
        clock.advance(6 * DAY_S)
        assert (await client.get(f"{TASKS}/{task_id}")).status_code == 404
        assert (await client.get(TASKS)).json() == {"total": 0, "items": []}


@pytest.mark.parametrize(
    ("fate", "words"),
    [
        ("fail", ["queued", "running", "failed"]),
        ("never_ends", ["queued", "running", "running"]),
        ("skip_states", ["queued", "queued", "succeeded"]),
    ],
)
async def test_a_task_has_a_fate(fate: str, words: list[str]) -> None:
    async with a_server(Rule("create", fate)) as (_server, clock, client):
        task_id = await made(client)
        seen = []
        for seconds in (0, 2, 1):
            clock.advance(seconds)
            seen.append(await looked(client, task_id))
    assert [told["status"] for told in seen] == words
    assert ("error" in seen[-1] and seen[-1]["error"] is not None) == (fate == "fail")


async def test_a_task_that_never_ends_expires() -> None:
    async with a_server(Rule("create", "never_ends")) as (_server, clock, client):
        task_id = await made(client, execution_expires_after=3600)
        clock.advance(3599)
        assert (await looked(client, task_id))["status"] == "running"
        clock.advance(1)
        assert (await looked(client, task_id))["status"] == "expired"


async def test_a_delete_cancels_refuses_or_removes() -> None:
    async with a_server() as (_server, clock, client):
        queued = await made(client)
        assert (await client.delete(f"{TASKS}/{queued}")).json() == {}
        assert (await looked(client, queued))["status"] == "cancelled"
        assert (await client.delete(f"{TASKS}/{queued}")).status_code == 409
        running = await made(client)
        clock.advance(2)
        answer = await client.delete(f"{TASKS}/{running}")
        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "InvalidAction.RunningTaskDeletion"
        clock.advance(1)
        assert (await looked(client, running))["status"] == "succeeded"
        assert (await client.delete(f"{TASKS}/{running}")).json() == {}
        assert (await client.get(f"{TASKS}/{running}")).status_code == 404
        assert (await client.delete(f"{TASKS}/{running}")).status_code == 404
        clock.advance(DAY_S)
        assert (await client.get(f"{TASKS}/{queued}")).status_code == 404


async def test_a_list_is_paged_and_filtered() -> None:
    async with a_server() as (_server, clock, client):
        old = [await made(client, f"film {number}") for number in range(3)]
        clock.advance(60)
        other = "doubao-seedance-1-5-pro-251215"
        new = await made(client, model=other, service_tier="flex", safety_identifier="u1")

        async def listed(*query: tuple[str, str]) -> list[str]:
            body = (await client.get(TASKS, params=list(query))).json()
            return [item["id"] for item in body["items"]]

        assert await listed() == [new, *old[::-1]]
        assert await listed(("page_num", "2"), ("page_size", "3")) == [old[0]]
        assert await listed(("filter.status", "queued")) == [new]
        assert await listed(("filter.model", other)) == [new]
        assert await listed(("filter.service_tier", "flex")) == [new]
        some = [("filter.task_ids", task_id) for task_id in old[:2]]
        assert await listed(*some) == old[1::-1]
        body = (await client.get(TASKS)).json()
        assert body["total"] == 4
        assert body["items"][0]["safety_identifier"] == "u1"
        for query in ({"page_num": "0"}, {"page_size": "501"}, {"page_size": "x"}):
            assert (await client.get(TASKS, params=query)).status_code == 400


# -- callbacks ------------------------------------------------------------------------------


async def test_each_change_is_called_back_unsigned() -> None:
    ear = Ear()
    async with (
        serving(ear) as port,
        a_server(clock=SystemClock(), pace=Pace(0.05, 0.05)) as (_server, _clock, client),
    ):
        task_id = await made(client, callback_url=f"http://127.0.0.1:{port}/hint/1")
        await asyncio.wait_for(ear.is_enough.wait(), 5)
    assert ear.words == ["queued", "running", "succeeded"]
    assert {told["id"] for told in ear.heard} == {task_id}
    assert ear.heard[-1]["content"]["video_url"]
    assert "authorization" not in ear.headers[0]


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([], ["queued", "running", "succeeded"]),
        ([Rule("create", "skip_states")], ["queued", "succeeded"]),
        ([Rule("create", "fail")], ["queued", "running", "failed"]),
        ([Rule("callback", "lost", times=1)], ["running", "succeeded"]),
        ([Rule("callback", "duplicate", skip=2)], ["queued", "running", "succeeded", "succeeded"]),
        ([Rule("callback", "held", skip=1, times=1)], ["queued", "succeeded", "running"]),
    ],
)
async def test_calls_are_lost_doubled_and_out_of_order(rules: list[Rule], words: list[str]) -> None:
    ear = Ear()
    async with serving(ear) as port, a_server(*rules) as (server, clock, client):
        await made(client, callback_url=f"http://127.0.0.1:{port}/")
        await server.ring()
        clock.advance(60)
        await server.ring()
        await server.ring()
    assert ear.words == words


async def test_a_last_call_that_is_not_heard_is_tried_again() -> None:
    ear = Ear(500, 200, 500, 500)
    async with serving(ear) as port, a_server() as (server, clock, client):
        await made(client, callback_url=f"http://127.0.0.1:{port}/")
        await server.ring()
        clock.advance(60)
        await server.ring()
    assert ear.words == ["queued", "running", "succeeded", "succeeded", "succeeded"]
    assert [call.body["status"] for call in server.callbacks.unheard] == ["queued"]


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/", "http://[", "not a link"])
async def test_an_address_that_is_none_disturbs_nobody(address: str) -> None:
    async with a_server() as (server, _clock, client):
        task_id = await made(client, callback_url=address)
        await server.ring()
        assert (await looked(client, task_id))["status"] == "queued"
    assert len(server.callbacks.unheard) == 1


# -- faults ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", REPLIES)
@pytest.mark.parametrize("accepted", [True, False])
async def test_every_reply_is_given_and_the_log_says_what_was_accepted(
    fault: str, *, accepted: bool
) -> None:
    rule = Rule("create", fault, accepted=accepted, value={"x-more": "yes"})
    async with a_server(rule) as (server, _clock, client):
        answer = await client.post(TASKS, json=wish())
        assert answer.status_code == REPLIES[fault].status
        assert answer.headers["x-more"] == "yes"
        assert len(server.jobs) == accepted
        assert [entry["accepted"] for entry in server.log.entries] == [accepted]


async def test_a_look_is_bent() -> None:
    rules = [
        Rule("retrieve", "regress", times=1),
        Rule("retrieve", "unknown_word", times=1, value="cancelled"),
        Rule("retrieve", "job_error", times=1, value=503),
        Rule("retrieve", "no_film", times=1),
        Rule("retrieve", "not_found", times=1),
        Rule("retrieve", "forget", skip=1, times=1),
    ]
    async with a_server(*rules) as (_server, clock, client):
        task_id = await made(client)
        clock.advance(2)
        seen = [await client.get(f"{TASKS}/{task_id}") for _ in range(8)]
    assert [answer.status_code for answer in seen] == [200, 200, 503, 200, 404, 200, 404, 404]
    words = [answer.json().get("status") for answer in seen[:4]]
    assert words == ["queued", "cancelled", "running", "succeeded"]
    assert seen[3].json()["content"] is None


async def test_a_film_is_spoiled_in_every_way() -> None:
    film = tiny_film()
    rules = [
        Rule("content", fault, times=1, value="http://127.0.0.1:9/film")
        for fault in ("short", "empty", "html_as_video", "elsewhere", "half")
    ]
    rules.append(Rule("content", "expired_link", times=1))
    async with (
        a_server(*rules) as (_server, clock, client),
        httpx.AsyncClient(verify=TRUSTS_NOBODY) as other,
    ):
        task_id = await made(client)
        clock.advance(3)
        link = (await looked(client, task_id))["content"]["video_url"]
        short, empty, page, elsewhere = [await other.get(link) for _ in range(4)]
        with pytest.raises(httpx.RemoteProtocolError):
            await other.get(link)
        expired, whole = [await other.get(link) for _ in range(2)]
    assert short.content == film[: len(film) // 2]
    assert empty.content == b""
    assert (page.headers["content-type"], page.content[:9]) == ("video/mp4", b"<!doctype")
    assert elsewhere.headers["location"] == "http://127.0.0.1:9/film"
    assert (expired.status_code, whole.content) == (403, film)


async def test_a_film_that_was_never_there_has_a_link_all_the_same() -> None:
    async with (
        a_server(Rule("create", "no_content")) as (_server, clock, client),
        httpx.AsyncClient(verify=TRUSTS_NOBODY) as other,
    ):
        task_id = await made(client)
        clock.advance(3)
        link = (await looked(client, task_id))["content"]["video_url"]
        assert (await other.get(link)).status_code == 404


async def test_a_list_lags_keeps_silent_or_forgets_its_order() -> None:
    rules = [
        Rule("list", "lag", times=1, value=5),
        Rule("list", "silent", times=1),
        Rule("list", "unsorted", times=1),
    ]
    async with a_server(*rules) as (_server, clock, client):
        ids = []
        for name in ("old", "new"):
            ids.append(await made(client, safety_identifier=name))
            clock.advance(3)
        pages = [(await client.get(TASKS)).json()["items"] for _ in range(4)]
    told = [[item.get("safety_identifier") for item in page] for page in pages]
    assert told == [["old"], [None, None], ["old", "new"], ["new", "old"]]
    assert [item["id"] for item in pages[1]] == ids[::-1]


@pytest.mark.parametrize(("on", "fault"), [("create", "dorp"), ("crate", "drop")])
def test_a_misspelt_rule_is_refused_at_once(on: str, fault: str) -> None:
    with pytest.raises(ValueError, match="nothing like"):
        ArkServer(script=Script([Rule(on, fault)]))


def test_a_misspelt_command_line_is_refused() -> None:
    with pytest.raises(SystemExit):
        main(["--clock", "sundial"])


async def test_it_runs_as_a_process_of_its_own_and_is_steered_from_outside() -> None:
    script = json.dumps({"rules": [{"on": "create", "fault": "server_error", "prompt": "bad"}]})
    words = ["--port", "0", "--script", script, "--clock", "manual", "--key", KEY, "--refreshes"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "rushes.testing.simulators.ark", *words,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    ear = Ear()
    try:
        assert process.stdout is not None
        port = int(await asyncio.wait_for(process.stdout.readline(), 30))
        root, headers = f"http://127.0.0.1:{port}", {"authorization": f"Bearer {KEY}"}
        async with (
            serving(ear) as ear_port,
            httpx.AsyncClient(
                base_url=f"{root}/api/v3", headers=headers, trust_env=False, verify=TRUSTS_NOBODY
            ) as api,
        ):
            assert (await api.post(TASKS, json=wish("bad"))).status_code == 500
            task_id = await made(api, "good", callback_url=f"http://127.0.0.1:{ear_port}/")
            await api.post(f"{root}/_simulator/advance", json={"seconds": 60})
            assert (await looked(api, task_id))["status"] == "succeeded"
            assert ear.words == ["queued", "running", "succeeded"]
            log = (await api.get(f"{root}/_simulator/log")).json()
            assert [entry["prompt"] for entry in log] == ["bad", "good"]
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
