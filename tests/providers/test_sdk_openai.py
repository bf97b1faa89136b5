"""The official SDK, 3.54, against the plain simulator by real time: every verb it has.

What the SDK makes of the simulator is what keeps the simulator honest; the provider itself
never stands on the SDK, which sends a billed create three times. In
`test_simulator_openai_videos` a clock of ours moves; here the SDK waits for the end by itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import openai
import pytest

from rushes.testing.simulators.films import tiny_film, tiny_still
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.jobs import Pace
from rushes.testing.simulators.openai_videos import OpenAIVideosServer, Settings
from rushes.testing.simulators.script import Rule, Script

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")

KEY = "sk-Winter42Winter42"


@asynccontextmanager
async def official(*rules: Rule) -> AsyncIterator[tuple[OpenAIVideosServer, openai.AsyncOpenAI]]:
    settings = Settings(pace=Pace(0.05, 0.1), key=KEY, poll_after_ms=20)
    server = OpenAIVideosServer(settings=settings, script=Script(rules))
    async with (
        serving(server) as port,
        openai.AsyncOpenAI(
            api_key=KEY, base_url=f"http://127.0.0.1:{port}/v1", max_retries=0
        ) as client,
    ):
        yield server, client


async def test_the_sdk_creates_waits_and_downloads() -> None:
    async with official() as (server, client):
        image = ("first.png", tiny_still("PNG"), "image/png")
        video = await client.videos.create_and_poll(
            prompt="A heron.", model="sora-2", seconds="8", size="1280x720", input_reference=image
        )
        assert (video.status, video.progress, video.error) == ("completed", 100, None)
        content = await client.videos.download_content(video.id)
        assert content.response.headers["content-type"] == "video/mp4"
        assert await content.aread() == tiny_film()
        looks = [seen for seen in server.seen if seen.method == "GET"]
        assert len(looks) >= 3, "it waited by our advice"
        assert [entry["accepted"] for entry in server.log.entries] == [True]


async def test_the_sdk_creates_retrieves_lists_and_deletes() -> None:
    async with official() as (server, client):
        made = [await client.videos.create(prompt=f"film {number}") for number in range(3)]
        assert {video.status for video in made} == {"queued"}
        looked = await client.videos.retrieve(made[0].id)
        assert (looked.id, looked.prompt, looked.seconds) == (made[0].id, "film 0", "4")
        newest_first = [video.id async for video in client.videos.list(limit=2)]
        assert newest_first == [video.id for video in reversed(made)]
        gone = await client.videos.delete(made[1].id)
        assert (gone.id, gone.deleted) == (made[1].id, True)
        assert set(server.jobs) == {made[0].id, made[2].id}
        with pytest.raises(openai.NotFoundError):
            await client.videos.retrieve(made[1].id)


async def test_the_sdk_waits_for_a_failure_too() -> None:
    broke = {"code": "moderation_blocked", "message": "The film is not fit."}
    async with official(Rule("create", "fail", value=broke)) as (_server, client):
        video = await client.videos.create_and_poll(prompt="A heron.")
        assert video.status == "failed"
        assert video.error is not None
        assert (video.error.code, video.error.message) == (broke["code"], broke["message"])
