"""`rushes mcp`: agents make films with the SDK's own client, over both ways in."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

import nursery
from journeying import end
from living import Living, Typed, said_until
from rushes.agents.serving import Place, build, security

SMALL = {"seconds": 1, "resolution": "480p"}
LONG = {"seconds": 20, "resolution": "720p"}
TOOLS = ["cancel_video", "generate_video", "get_video", "list_models", "quote_video"]


def words_of(result: CallToolResult) -> str:
    return " ".join(block.text for block in result.content if block.type == "text")


def sha256_of(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def facts_of(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, words_of(result)
    assert result.structured_content is not None
    return result.structured_content


def at_the_desk(server: Living, folder: Path | None = None, secret: str | None = None) -> Client:
    """An agent of this machine, without a process between."""
    return Client(
        build(
            folder,
            is_open_to_all=False,
            base_url=server.url,
            api_key=secret or server.secret,
        )
    )


# -- over standard input and output ------------------------------------------------------------


def shown_in(language: str) -> list[str]:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "agents.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def as_configured(server: Living, folder: Path) -> StdioServerParameters:
    """The configuration that the how-to shows, with an address, a key and a folder of ours."""
    shown = json.loads(shown_in("json")[0])["mcpServers"]["rushes"]
    assert shown["command"] == "rushes"
    assert set(shown["env"]) == {"RUSHES_BASE_URL", "RUSHES_API_KEY"}
    ours = {"RUSHES_BASE_URL": server.url, "RUSHES_API_KEY": server.secret}
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "rushes", *shown["args"][:-1], str(folder)],
        env={**server.environment, **shown["env"], **ours},
    )


async def test_an_agent_makes_a_film_watches_it_and_saves_it(
    server: Living, tmp_path: Path
) -> None:
    process = as_configured(server, tmp_path)
    told: list[tuple[float, str]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        assert total == 100
        told.append((progress, message or ""))

    async with Client(process) as agent:
        offered = [tool.name for tool in (await agent.list_tools()).tools]
        assert sorted(offered) == sorted([*TOOLS, "download_video"])
        wish = {"prompt": "a heron", **SMALL}
        film = facts_of(await agent.call_tool("generate_video", wish, progress_callback=hear))
        assert film["status"] == "completed"
        assert film["url"].startswith(server.url)
        assert film["cost_usd"] == 0
        assert [progress for progress, _ in told] == sorted(progress for progress, _ in told)
        assert told[-1] == (100, f"{film['id']} completed")
        saved = facts_of(await agent.call_tool("download_video", {"video_id": film["id"]}))
    assert saved["path"] == str(tmp_path / f"{film['id']}.mp4")
    assert sha256_of(Path(saved["path"])) == saved["sha256"]


@pytest.mark.long
def test_the_client_of_ones_own_that_the_page_shows_makes_a_film(server: Living) -> None:
    (program,) = shown_in("python")
    program = program.replace("http://127.0.0.1:8080", server.url)
    program = program.replace("sk-live-…", server.secret)
    path = f"{Path(sys.executable).parent}:{server.environment['PATH']}"
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**server.environment, "PATH": path},
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "'status': 'completed'" in run.stdout


async def test_without_a_key_an_agent_hears_what_to_set(
    server: Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUSHES_API_KEY", raising=False)
    async with Client(build(None, is_open_to_all=False, base_url=server.url)) as agent:
        result = await agent.call_tool("list_models", {})
    assert result.is_error
    assert "Set RUSHES_API_KEY" in words_of(result)


async def test_a_key_that_is_none_is_told_with_what_makes_one(server: Living) -> None:
    async with at_the_desk(server, secret="sk-live-nobody") as agent:
        result = await agent.call_tool("generate_video", {"prompt": "a heron"})
    assert result.is_error
    assert "rushes keys create" in words_of(result)


async def test_a_film_that_fails_while_an_agent_waits_is_a_tool_error(server: Living) -> None:
    async with at_the_desk(server) as agent, at_the_desk(server) as other:
        stopped: list[dict[str, Any]] = []

        async def stop(progress: float, total: float | None, message: str | None) -> None:
            del progress, total
            if not stopped:
                video_id = (message or "").split()[0]
                answer = await other.call_tool("cancel_video", {"video_id": video_id})
                stopped.append(facts_of(answer))

        result = await agent.call_tool(
            "generate_video", {"prompt": "a heron", **LONG}, progress_callback=stop
        )
    assert stopped[0]["error"]["code"] == "canceled"
    assert result.is_error
    assert f"{stopped[0]['id']} failed" in words_of(result)
    assert "ask anew" in words_of(result)


async def test_a_film_that_failed_is_told_with_its_reason_and_a_way_out(server: Living) -> None:
    script = {"sandbox": {"outcome": "content_policy_violation"}}
    with server.client() as client:
        video = client.videos.create_and_poll(
            "a heron", seconds=1, resolution="480p", metadata=script
        )
    async with at_the_desk(server) as agent:
        seen = facts_of(await agent.call_tool("get_video", {"video_id": video.id}))
    assert seen["status"] == "failed"
    assert seen["error"]["code"] == "content_policy_violation"
    assert seen["next_step"].startswith("Ask with another prompt")


async def test_a_wait_that_is_over_leaves_the_film_going_and_says_how_to_ask(
    server: Living,
) -> None:
    async with at_the_desk(server) as agent:
        wish = {"prompt": "a heron", **LONG, "wait_s": 0}
        film = facts_of(await agent.call_tool("generate_video", wish))
        assert film["status"] in {"queued", "in_progress"}
        assert "get_video" in film["next_step"]
        later = facts_of(await agent.call_tool("get_video", {"video_id": film["id"], "wait_s": 1}))
        assert later["status"] in {"queued", "in_progress"}
        ended = facts_of(await agent.call_tool("cancel_video", {"video_id": film["id"]}))
    assert ended["status"] == "failed"


async def test_the_same_idempotency_key_makes_one_film_and_tells_how_it_stands(
    server: Living,
) -> None:
    wish = {"prompt": "a heron", **LONG, "wait_s": 0, "idempotency_key": "agent-1"}
    async with at_the_desk(server) as agent:
        first = facts_of(await agent.call_tool("generate_video", wish))
        again = facts_of(await agent.call_tool("generate_video", wish))
        await agent.call_tool("cancel_video", {"video_id": first["id"]})
        late = await agent.call_tool("generate_video", wish)
    assert again["id"] == first["id"]
    assert late.is_error
    assert f"{first['id']} failed: Canceled by caller" in words_of(late)


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"seconds": 99}, "'seconds' must be one of"),
        ({"model": "nobody"}, "no model nobody"),
        ({"image": "/no/such.png"}, "There is no file /no/such.png"),
        ({"image": __file__}, "is no JPEG, PNG or WebP, and is not sent"),
        ({"wait_s": 100_000}, "less than or equal to 900"),
    ],
)
async def test_a_wish_that_cannot_be_is_refused_in_words(
    wish: dict[str, Any], told: str, server: Living
) -> None:
    async with at_the_desk(server) as agent:
        result = await agent.call_tool("generate_video", {"prompt": "a heron", **wish})
    assert result.is_error
    assert told in words_of(result)


async def test_a_picture_on_this_machine_can_be_the_first_frame(server: Living) -> None:
    picture = Path(__file__).parents[2] / "docs" / "demo.jpg"
    async with at_the_desk(server) as agent:
        wish = {"prompt": "it moves", "model": "sora-2", "size": "720x1280"}
        refused = await agent.call_tool("quote_video", {**wish, "image": str(picture)})
        fits = await agent.call_tool("quote_video", {"prompt": "it moves", "image": str(picture)})
    assert refused.is_error
    assert "720x1280" in words_of(refused), "the server has looked at it"
    assert facts_of(fits)["model"] == "sandbox"


@pytest.mark.parametrize(
    "filename", ["../x.mp4", "/tmp/x.mp4", "a/b.mp4", ".hidden", "..", "", "out.mp4", "old.mp4"]
)
async def test_nothing_is_saved_outside_the_folder_or_over_what_is_there(
    filename: str, server: Living, tmp_path: Path
) -> None:
    folder, outside = tmp_path / "films", tmp_path / "outside.mp4"
    folder.mkdir()
    outside.write_bytes(b"before")
    (folder / "out.mp4").symlink_to(outside)
    (folder / "old.mp4").write_bytes(b"before")
    async with at_the_desk(server, folder) as agent:
        want = {"video_id": "video_1", "filename": filename}
        result = await agent.call_tool("download_video", want)
    assert result.is_error
    assert "filename" in words_of(result)
    assert outside.read_bytes() == (folder / "old.mp4").read_bytes() == b"before"
    assert not {path.name for path in folder.iterdir()} - {"old.mp4", "out.mp4"}


async def test_models_are_told_in_a_few_words_each(server: Living) -> None:
    async with at_the_desk(server) as agent:
        result = await agent.call_tool("list_models", {})
    models = {model["id"]: model for model in facts_of(result)["models"]}
    assert models["sandbox"]["seconds"] == "1-20 (5)"
    assert models["sora-2"]["retires_at"] == "2026-09-24"
    assert len(words_of(result)) < 500 * len(models)


async def test_a_price_is_told_before_anything_is_made(server: Living) -> None:
    with server.client() as client:
        before = [video.id for video in client.videos.list(limit=1)]
    async with at_the_desk(server) as agent:
        wish = {"prompt": "a heron", "model": "sora-2", "seconds": 8}
        quote = facts_of(await agent.call_tool("quote_video", wish))
    assert (quote["seconds"], quote["size"], quote["cost_max_usd"]) == (8, "720x1280", 0)
    assert quote["is_rehearsal"]
    with server.client() as client:
        assert [video.id for video in client.videos.list(limit=1)] == before


async def test_every_tool_says_what_it_does_and_what_it_takes(server: Living) -> None:
    async with at_the_desk(server, Path()) as agent:
        tools = (await agent.list_tools()).tools
    for tool in tools:
        assert 40 < len(tool.description or "") < 400, tool.name
        assert tool.title
        assert tool.annotations
        for name, schema in tool.input_schema["properties"].items():
            assert schema.get("description"), f"{tool.name}.{name}"
        assert tool.output_schema


# -- over HTTP ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def door(server: Living) -> Iterator[str]:
    """The address of `rushes mcp --http`, which has a good key of its own in its environment."""
    environment = {
        **server.environment,
        "RUSHES_BASE_URL": server.url,
        "RUSHES_API_KEY": server.secret,
    }
    process = nursery.start("rushes", "mcp", "--http", "--port", "0", environment=environment)
    try:
        yield said_until(process, "/mcp").split()[-1]
    finally:
        end(process)


@asynccontextmanager
async def over_http(address: str, key: str, mode: str = "auto") -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(headers=headers, trust_env=False, timeout=30) as http,
        Client(streamable_http_client(address, http_client=http), mode=mode) as agent,
    ):
        yield agent


async def test_over_http_each_caller_makes_films_by_the_key_he_brings(
    door: str, server: Living
) -> None:
    told: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append(progress)

    async with over_http(door, server.secret) as agent:
        assert sorted(tool.name for tool in (await agent.list_tools()).tools) == TOOLS
        wish = {"prompt": "a heron", **SMALL}
        film = facts_of(await agent.call_tool("generate_video", wish, progress_callback=hear))
    assert film["status"] == "completed"
    assert told[-1] == 100
    async with over_http(door, "sk-live-stranger") as stranger:
        result = await stranger.call_tool("get_video", {"video_id": film["id"]})
    assert result.is_error
    assert "Authorization: Bearer" in words_of(result)


async def test_clients_of_before_are_served_alike(door: str, server: Living) -> None:
    """Most clients still begin with a handshake, which the newest protocol left out."""
    told: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append(progress)

    async with over_http(door, server.secret, mode="legacy") as agent:
        wish = {"prompt": "a heron", **LONG, "wait_s": 1}
        film = facts_of(await agent.call_tool("generate_video", wish, progress_callback=hear))
        ended = facts_of(await agent.call_tool("cancel_video", {"video_id": film["id"]}))
    assert told
    assert ended["status"] == "failed"
    async with over_http(door, "sk-live-stranger", mode="legacy") as stranger:
        result = await stranger.call_tool("list_models", {})
    assert result.is_error
    assert "Authorization: Bearer" in words_of(result)


async def test_files_of_the_machine_are_not_read_for_callers_over_http(
    door: str, server: Living
) -> None:
    async with over_http(door, server.secret) as agent:
        wish = {"prompt": "a heron", "image": __file__}
        result = await agent.call_tool("generate_video", wish)
    assert result.is_error
    assert "files of the server's machine are not read" in words_of(result)


ASKS = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_models"}}
SPEAKS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}


@pytest.mark.parametrize("given", [None, "", "Bearer", "Basic c2s6", "Bearer a b"])
def test_who_brings_no_key_is_not_served_by_ours(given: str | None, door: str) -> None:
    headers = SPEAKS if given is None else {**SPEAKS, "Authorization": given}
    answer = httpx2.post(door, json=ASKS, headers=headers, trust_env=False)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "key of your own" in answer.text


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [("Host", "evil.example", 421), ("Origin", "http://evil.example", 403)],
)
def test_a_page_whose_name_leads_here_is_turned_away(
    name: str, value: str, status: int, door: str, server: Living
) -> None:
    headers = {**SPEAKS, "Authorization": f"Bearer {server.secret}", name: value}
    answer = httpx2.post(door, json=ASKS, headers=headers, trust_env=False)
    assert answer.status_code == status


def test_a_server_for_others_is_reached_by_its_names_only() -> None:
    told = security(Place("0.0.0.0", 8090, ("films.example.org",)))
    assert told.enable_dns_rebinding_protection
    assert told.allowed_hosts == ["films.example.org", "films.example.org:*"]
    assert "https://films.example.org" in told.allowed_origins
    assert "[::1]:*" in security(Place("127.0.0.1", 8090)).allowed_hosts


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--http", "--host", "0.0.0.0"), "--name"),
        (("--http", "--folder", "."), "over HTTP films are linked to"),
        (("--folder", "no/such"), "There is no folder no/such"),
    ],
)
def test_what_cannot_be_served_is_refused_before_anything_listens(
    words: tuple[str, ...], told: str, typed: Typed
) -> None:
    run = typed("mcp", *words)
    assert run.exit_code == 2
    assert told in run.stderr
