"""The simulated vLLM-Omni and SGLang: where each leaves the protocol, and both as processes."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2 as httpx
import pytest

from loopback import TRUSTS_NOBODY
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.openai_videos import OpenAIVideosServer, Settings
from rushes.testing.simulators.script import Rule
from rushes.testing.simulators.sglang import SglangServer
from rushes.testing.simulators.vllm_omni import VllmOmniServer

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = "sk-Winter42Winter42"
HEADERS = {"authorization": f"Bearer {KEY}"}


@asynccontextmanager
async def a_server(
    make: type[OpenAIVideosServer], settings: Settings | None = None, **more: Any
) -> AsyncIterator[tuple[Any, ManualClock, httpx.AsyncClient]]:
    clock = ManualClock(NOON)
    server = make(clock=clock, settings=settings or Settings(), **more)
    async with (
        serving(server) as port,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}/v1",
            headers=HEADERS,
            trust_env=False,
            verify=TRUSTS_NOBODY,
            timeout=5,
        ) as client,
    ):
        yield server, clock, client


def form(**fields: str) -> dict[str, tuple[None, str]]:
    return {name: (None, text) for name, text in {"prompt": "boat", **fields}.items()}


async def test_vllm_omni_takes_a_form_and_no_json() -> None:
    async with a_server(VllmOmniServer) as (_server, _clock, client):
        refused = await client.post("/videos", json={"prompt": "boat"})
        assert refused.status_code == 422
        assert refused.json()["detail"][0]["loc"] == ["body", "prompt"]
        made = (await client.post("/videos", files=form(seconds="8"))).json()
        assert made["id"].startswith("video_gen_")
        assert (made["status"], made["progress"], made["seconds"]) == ("queued", 0, "8")


@pytest.mark.parametrize("make", [VllmOmniServer, SglangServer])
@pytest.mark.parametrize(("name", "text"), [("seconds", "4.5"), ("seed", "x"), ("fps", "")])
async def test_a_number_that_is_none_is_refused_by_name(
    make: type[OpenAIVideosServer], name: str, text: str
) -> None:
    async with a_server(make) as (_server, _clock, client):
        answer = await client.post("/videos", files=form(**{name: text}))
        assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", name])


async def test_vllm_omni_answers_a_look_at_a_failure_with_its_status_and_its_content_422() -> None:
    async with a_server(VllmOmniServer) as (server, clock, client):
        server.script.add(Rule("create", "fail", value={"code": 503, "message": "No memory."}))
        made = (await client.post("/videos", files=form())).json()
        assert (await client.get(f"/videos/{made['id']}/content")).status_code == 404
        clock.advance(60)
        looked = await client.get(f"/videos/{made['id']}")
        assert (looked.status_code, looked.json()["id"]) == (503, made["id"])
        assert looked.json()["error"] == {"code": 503, "message": "No memory."}
        assert (await client.get(f"/videos/{made['id']}/content")).status_code == 422


async def test_vllm_omni_says_409_where_it_cannot_abort() -> None:
    async with a_server(VllmOmniServer, Settings(stops=False)) as (_server, _clock, client):
        made = (await client.post("/videos", files=form())).json()
        assert (await client.delete(f"/videos/{made['id']}")).status_code == 409


@pytest.mark.parametrize("seconds", [8, "8"])
async def test_sglang_takes_json_with_whole_seconds(seconds: object) -> None:
    async with a_server(SglangServer) as (_server, _clock, client):
        body = {"prompt": "boat", "seconds": seconds, "seed": 7}
        made = (await client.post("/videos", json=body)).json()
        assert made["seconds"] == "8"
        assert "prompt" not in made


async def test_sglang_forgets_a_deleted_job_and_goes_on_with_it() -> None:
    async with a_server(SglangServer) as (server, _clock, client):
        made = (await client.post("/videos", files=form())).json()
        gone = await client.delete(f"/videos/{made['id']}")
        assert (gone.status_code, gone.json()["status"]) == (200, "deleted")
        assert [job.id for job in server.forsaken] == [made["id"]]
        assert (await client.get(f"/videos/{made['id']}")).status_code == 404


async def test_sglang_names_the_cloud_in_place_of_the_film() -> None:
    async with a_server(SglangServer, cloud="http://cloud/films") as (_server, clock, client):
        made = (await client.post("/videos", files=form())).json()
        clock.advance(60)
        link = f"http://cloud/films/{made['id']}.mp4"
        assert (await client.get(f"/videos/{made['id']}")).json()["url"] == link
        content = await client.get(f"/videos/{made['id']}/content")
        assert content.status_code == 400
        assert link in content.json()["detail"]


async def test_sglangs_list_is_its_items_and_no_more() -> None:
    async with a_server(SglangServer) as (_server, _clock, client):
        await client.post("/videos", files=form())
        assert set((await client.get("/videos")).json()) == {"object", "data"}


@pytest.mark.parametrize("name", ["vllm_omni", "sglang"])
async def test_each_runs_as_a_process_of_its_own(name: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"rushes.testing.simulators.{name}", "--render-s", "0.1",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        port = int(await asyncio.wait_for(process.stdout.readline(), 30))
        base_url = f"http://127.0.0.1:{port}/v1"
        async with httpx.AsyncClient(
            base_url=base_url, headers=HEADERS, trust_env=False, verify=TRUSTS_NOBODY
        ) as client:
            made = (await client.post("/videos", files=form())).json()
            assert made["status"] == "queued"
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
