"""The client as a package: two clients alike, nothing of the server, nothing from around."""

from __future__ import annotations

import doctest
import inspect
import json
import math
import os
import pkgutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing
from importlib import import_module
from typing import get_type_hints

import httpx2
import pytest

import rushes
from client.scripted import (
    ID,
    REQUEST_ID,
    BreakingServer,
    Script,
    Stage,
    raw,
    told,
    video_body,
)
from rushes import client
from rushes.client import (
    AsyncModels,
    AsyncRushes,
    AsyncVideos,
    AsyncWebhooks,
    Models,
    NotConfigured,
    Rushes,
    Videos,
    Webhooks,
)
from rushes.client.line import at_once
from rushes.client.wires import AsyncSystemClock, SystemClock

NEVER = ["starlette", "sqlalchemy", "dbos", "msgspec", "numpy", "av", "pydantic", "uvicorn"]


def in_a_new_python(program: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_client_loads_nothing_of_the_server() -> None:
    loaded = in_a_new_python(
        "import sys; from rushes import Rushes; from rushes.client import *; "
        "print(*sorted(name for name in sys.modules))"
    ).split()
    assert not {name.partition(".")[0] for name in loaded} & set(NEVER)
    ours = {name for name in loaded if name.startswith("rushes.")}
    assert ours == {name for name in ours if name.startswith("rushes.client")}


def test_the_package_itself_loads_no_client() -> None:
    program = "import sys, rushes; print(rushes.__version__, 'httpx2' in sys.modules)"
    assert in_a_new_python(program).split() == [rushes.__version__, "False"]


def test_the_front_door_opens_to_the_clients_own_names() -> None:
    for name in rushes.__all__:
        if name != "__version__":
            assert getattr(rushes, name) is getattr(client, name)
    with pytest.raises(AttributeError, match="nonsense"):
        getattr(rushes, "nonsense")  # noqa: B009 -- written out, mypy would see through it


def verbs(kind: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(member)
        for name, member in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


@pytest.mark.parametrize(
    ("kind", "twin"), [(Videos, AsyncVideos), (Models, AsyncModels), (Webhooks, AsyncWebhooks),
     (Rushes, AsyncRushes)],
)  # fmt: skip
def test_both_clients_have_the_same_verbs_with_the_same_signatures(kind: type, twin: type) -> None:
    ours, theirs = verbs(kind), verbs(twin)
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert ours[name].parameters == theirs[name].parameters, name
        hints = get_type_hints(getattr(kind, name))["return"]
        twins = get_type_hints(getattr(twin, name))["return"]
        assert str(hints).replace("Generator", "AsyncGenerator") == str(twins) or hints == twins


def test_both_clients_are_built_alike() -> None:
    ours = inspect.signature(Rushes).parameters
    theirs = inspect.signature(AsyncRushes).parameters
    assert list(ours) == list(theirs)
    assert [one.default for one in ours.values()] == [one.default for one in theirs.values()]


def test_every_verb_says_what_it_does() -> None:
    ours = (Rushes, Videos, Models, Webhooks)
    for kind in (*ours, AsyncRushes, AsyncVideos, AsyncModels, AsyncWebhooks):
        for name, member in inspect.getmembers(kind, inspect.isfunction):
            assert name.startswith("_") or inspect.getdoc(member), name


async def test_a_client_closes_what_it_opened_and_nothing_else(stage: Stage) -> None:
    theirs = httpx2.Client()
    with Rushes(api_key="sk-1", http_client=theirs):
        pass
    assert not theirs.is_closed
    theirs.close()
    async with httpx2.AsyncClient() as lent:
        async with AsyncRushes(api_key="sk-1", http_client=lent):
            pass
        assert not lent.is_closed
    with closing(Rushes(api_key="sk-1")) as ours:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        ours.videos.retrieve(ID)
    async with AsyncRushes(api_key="sk-1") as others:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        await others.videos.retrieve(ID)


@pytest.mark.parametrize(
    "room", [each.name for each in pkgutil.walk_packages(client.__path__, "rushes.client.")]
)
def test_the_examples_in_docstrings_are_true(room: str) -> None:
    assert doctest.testmod(import_module(room)).failed == 0


def test_no_key_is_an_error_before_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUSHES_API_KEY", raising=False)
    for kind in (Rushes, AsyncRushes):
        with pytest.raises(NotConfigured, match="RUSHES_API_KEY"):
            kind()


def test_the_environment_gives_address_and_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUSHES_API_KEY", "sk-env")
    monkeypatch.setenv("RUSHES_BASE_URL", "https://films.test/v1")
    with Rushes() as ours:
        assert repr(ours) == "<Rushes https://films.test>"
        assert "sk-env" not in repr(vars(ours))
    assert AsyncRushes().base_url == "https://films.test"


def test_proxies_and_certificates_of_the_environment_are_left_alone() -> None:
    program = (
        "from rushes import Rushes, ConnectionFailed\n"
        "from rushes.client import Retry\n"
        "try: Rushes(api_key='sk-1', base_url='http://127.0.0.1:1',"
        " retry=Retry(attempts_max=1)).videos.retrieve('x')\n"
        "except ConnectionFailed as lost: print(lost)"
    )
    proxies = {"HTTP_PROXY": "http://127.0.0.1:2", "ALL_PROXY": "http://127.0.0.1:2"}
    environ = os.environ | proxies | {"SSL_CERT_FILE": "/no/such/file"}
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=environ,
    )
    assert "GET http://127.0.0.1:1/v1/videos/x: nobody answers there" in run.stdout


async def test_a_request_says_who_asks_and_how_long_it_is_ready_to_wait(stage: Stage) -> None:
    seen: list[httpx2.Request] = []

    def note(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return told(200, video_body())

    await stage.play(Script(note), timeout_s=20).do("retrieve", ID)
    timeout = seen[0].extensions["timeout"]
    assert timeout == {"connect": 10.0, "read": 20.0, "write": 20.0, "pool": 20.0}
    assert seen[0].headers["user-agent"] == f"rushes-python/{rushes.__version__}"
    assert seen[0].headers["authorization"] == "Bearer sk-live-1"
    assert REQUEST_ID not in str(seen[0].headers)


async def test_whoever_is_ready_to_wait_for_ever_is_answered(stage: Stage) -> None:
    """A true connection: a socket knows no infinite time."""
    answer = raw("200 OK", json.dumps(video_body()).encode())
    with BreakingServer(lambda _: answer) as server:
        video = await stage.dial(server.url, timeout_s=math.inf).do("retrieve", ID)
    assert video.id == ID


def test_a_line_that_suspends_is_not_synchronous() -> None:
    class Pause:
        def __await__(self) -> Generator[None]:
            yield None

    async def suspend() -> None:
        await Pause()

    with pytest.raises(RuntimeError, match="must not suspend"):
        at_once(suspend())


async def test_the_machines_clocks_go_forward() -> None:
    clock, other = SystemClock(), AsyncSystemClock()
    before_s = clock.now_s()
    clock.sleep(0)
    await other.sleep(0)
    assert clock.now_s() >= before_s
    assert other.now_s() >= before_s
