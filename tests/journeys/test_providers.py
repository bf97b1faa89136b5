"""Every kind of provider under kill -9: by its own books no film is asked for twice.

A real server hands two films to an upstream in another process, and is killed twice: while the
upstream has accepted the first film and has not said so yet, and at a random instant of the
second. What can be found by its own mark, or by likeness, is adopted; what cannot ends honestly
in doubt, and is not forgotten.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import tomllib
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from journeying import Running, a_server, a_starting_server, an_upstream, wait_until
from living import environment_of, rushes
from nursery import Child
from rushes.testing.simulators.script import RequestLog

WORKFLOW = Path(__file__).parents[2] / "examples" / "workflows" / "text_to_video.json"
WINDOW, RANDOM = "A heron, killed in the window.", "A heron, killed at random."

SCRIPT: dict[str, Any] = {
    "rules": [
        {"on": "create", "fault": "slow", "accepted": True, "value": 60, "prompt": WINDOW},
        {"on": "create", "fault": "slow", "accepted": True, "value": 0.4, "prompt": RANDOM},
    ]
}
"""The first film is accepted, and the answer comes long after the kill; the second is slow."""

CONFIG = """
[times]
submit_call_s = 4
doubt_s = {doubt_s}
render_s = 60
collect_s = 60
aftercare_s = 120

[[providers]]
name = "far"
api_key = "env:TEST_UPSTREAM_KEY"
{provider}

[[models]]
id = "film"
card = "{card}"
[[models.routes]]
provider = "far"
model = "{card}"
"""
"""Every route is billable: that is what is not said."""

ADOPTED, IN_DOUBT = "succeeded", "submit_in_doubt"
OVER = {"completed", "failed"}


@dataclass(frozen=True)
class Kind:
    """A kind of provider, and what becomes of a submit that got no answer there."""

    simulator: str
    card: str
    provider: str
    verdict: str

    def config(self, port: int) -> str:
        provider = self.provider.replace("PORT", str(port))
        # What can be found is, by the first server that lives for long enough to look.
        doubt_s = 30 if self.verdict == ADOPTED else 4
        return CONFIG.format(card=self.card, provider=provider, doubt_s=doubt_s)


OPENAI = 'kind = "openai_videos"\nbase_url = "http://127.0.0.1:PORT/v1"\n'
DASHSCOPE = 'kind = "dashscope"\nbase_url = "http://127.0.0.1:PORT/api/v1"\n'
ARK = 'kind = "ark"\nbase_url = "http://127.0.0.1:PORT/api/v3"\n'
COMFYUI = (
    'kind = "comfyui"\nbase_url = "http://127.0.0.1:PORT"\n'
    f'options = {{ workflows = {{ text_to_video = "{WORKFLOW}" }} }}'
)
WAN, SEEDANCE = "wan2.7-t2v-2026-04-25", "seedance-2-0"

KINDS = {
    "openai_videos": Kind("openai_videos", "sora-2", OPENAI, ADOPTED),
    "vllm_omni": Kind("vllm_omni", "sora-2", OPENAI + 'profile = "vllm_omni"', ADOPTED),
    "sglang": Kind("sglang", "sora-2", OPENAI + 'profile = "sglang"', IN_DOUBT),
    "dashscope": Kind("dashscope", WAN, DASHSCOPE + "options = { look_again_s = 1 }", IN_DOUBT),
    "ark": Kind("ark", SEEDANCE, ARK, IN_DOUBT),
    "ark, by token": Kind("ark", SEEDANCE, ARK + 'options = { find = "token" }', ADOPTED),
    "comfyui": Kind("comfyui", WAN, COMFYUI, ADOPTED),
}
for page in sorted((Path(__file__).parent / "kinds").glob("*.toml")):  # a kind brings its own
    KINDS |= {name: Kind(**said) for name, said in tomllib.loads(page.read_text()).items()}

PROFILES = {"vllm_omni", "sglang"}
"""Journeys for when there is time: what the protocol as it stands does not show in one."""


class Journey:
    """One upstream with its books, one data folder, and whichever server runs on it now."""

    def __init__(self, kind: Kind, upstream: Running, home: Path) -> None:
        self.config = kind.config(upstream.port)
        self.upstream = upstream
        self.data = home / "data"
        self.environment = environment_of(self.data, RUSHES_CONFIG=str(home / "data.toml"))
        self.log = home / "upstream.jsonl"

    def accepted(self) -> Counter[str]:
        """How often the upstream accepted each film, by its own books."""
        entries = RequestLog.read(self.log) if self.log.exists() else []
        return Counter(str(entry["prompt"]) for entry in entries if entry["accepted"])

    def submit(self, server: Running, prompt: str) -> str:
        answer = httpx2.post(
            f"{server.url}/v1/video/generations",
            json={"model": "film", "prompt": prompt},
            headers={"Authorization": f"Bearer {server.key}"},
            timeout=20,
        )
        assert answer.status_code == 200, answer.text
        name: str = answer.json()["task_id"]
        return name

    def look(self, server: Running, task_id: str) -> dict[str, Any]:
        answer = httpx2.get(
            f"{server.url}/v1/videos/{task_id}",
            headers={"Authorization": f"Bearer {server.key}"},
            timeout=20,
        )
        told: dict[str, Any] = answer.json()
        return told

    def end_of(self, server: Running, task_id: str) -> str:
        """Wait for a task to end; return how: succeeded, or the code of its error."""
        wait_until(
            lambda: self.look(server, task_id)["status"] in OVER,
            timeout_s=60,
            why=lambda: f"{self.look(server, task_id)}, created upstream: {self.accepted()}",
        )
        told = self.look(server, task_id)
        return ADOPTED if told["status"] == "completed" else str(told["error"]["code"])

    def salvage(self) -> dict[str, dict[str, Any]]:
        """What `rushes salvage list` tells, by task."""
        listed = rushes("salvage", "list", "--json", environment=self.environment)
        assert listed.returncode == 0, listed.stderr
        return {one["task_id"]: one for one in json.loads(listed.stdout)}

    def kill_in_the_window(self) -> str:
        """Kill the server when the upstream has accepted a film, and nobody here knows it."""
        with a_server(self.data, config=self.config) as server:
            task_id = self.submit(server, WINDOW)
            wait_until(lambda: self.accepted()[WINDOW], timeout_s=20)
            kill(server.process)
        return task_id

    def kill_at_random(self, draw: random.Random, *, kills: int) -> str:
        """Kill the server at a random instant of a film, then again while it starts or works."""
        with a_server(self.data, config=self.config) as server:
            task_id = self.submit(server, RANDOM)
            kill(server.process, after_s=draw.uniform(0.0, 1.2))
        for _ in range(1, kills):
            with a_starting_server(self.data, config=self.config) as (process, _key):
                kill(process, after_s=draw.uniform(0.3, 3.0))
        return task_id


def kill(process: Child, *, after_s: float = 0.0) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(after_s)
    assert process.poll() is None, "it ended by itself"
    process.send_signal(signal.SIGKILL)
    process.wait(20)


QUICK: Final = frozenset({"openai_videos"})
"""One that can be searched; the others take as long again. Those that cannot be are in the
simulated histories of `make test` too."""


def cases() -> list[Any]:
    """One journey of each kind is always made; more, with more kills, when there is time."""
    usual = [
        pytest.param(kind, 1, 1, id=kind, marks=() if kind in QUICK else pytest.mark.long)
        for kind in KINDS
        if kind not in PROFILES
    ]
    longer = [
        pytest.param(kind, seed, 4, id=f"{kind}, seed {seed}", marks=pytest.mark.long)
        for kind in KINDS
        for seed in (2, 3, 4)
    ]
    return usual + longer


@pytest.mark.promise("P2")
@pytest.mark.promise("P3")
@pytest.mark.promise("P10")
@pytest.mark.promise("P11")
@pytest.mark.parametrize(("name", "seed", "kills"), cases())
def test_whatever_is_killed_when_a_provider_is_asked_once_and_nothing_is_forgotten(
    name: str, seed: int, kills: int, tmp_path: Path
) -> None:
    kind, draw = KINDS[name], random.Random(f"{name} {seed}")
    with an_upstream(
        log=tmp_path / "upstream.jsonl",
        script=json.dumps(SCRIPT),
        render_s=0.5,
        simulator=kind.simulator,
    ) as upstream:
        journey = Journey(kind, upstream, tmp_path)
        in_window = journey.kill_in_the_window()
        at_random = journey.kill_at_random(draw, kills=kills)
        with a_server(journey.data, config=journey.config) as server:
            ends = {one: journey.end_of(server, one) for one in (in_window, at_random)}
            salvaged = journey.salvage()
            if ADOPTED in ends.values():
                whole(server, next(one for one in ends if ends[one] == ADOPTED))
    accepted = journey.accepted()
    assert accepted[WINDOW] == 1, f"asked for {accepted[WINDOW]} times: paid twice, or not at all"
    assert accepted[RANDOM] <= 1, f"asked for {accepted[RANDOM]} times: paid twice"
    assert ends[in_window] == kind.verdict, f"{name} was to end it so: {kind.verdict}"
    assert ends[at_random] in {ADOPTED, kind.verdict, IN_DOUBT}, "neither a film nor honest"
    in_doubt = {one for one in ends if ends[one] == IN_DOUBT}
    assert salvaged.keys() == in_doubt, "paid and forgotten, or found and still mourned"
    assert all(salvaged[one]["verdict"] in {"doubt", "late"} for one in in_doubt), salvaged


def whole(server: Running, task_id: str) -> None:
    """What says `succeeded` is held."""
    film = httpx2.get(
        f"{server.url}/v1/videos/{task_id}/content",
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=20,
    )
    assert (film.status_code, film.content[4:8]) == (200, b"ftyp")


@pytest.mark.long  # `test_salvaged` holds the same with an operator in it
@pytest.mark.promise("P2")
@pytest.mark.promise("P11")
def test_a_film_that_is_found_too_late_is_salvaged_with_what_it_can_be_fetched_by(
    tmp_path: Path,
) -> None:
    """The upstream's list is down until the caller was told of the doubt."""
    kind = KINDS["openai_videos"]
    script = {"rules": [*SCRIPT["rules"], {"on": "list", "fault": "unavailable"}]}
    with an_upstream(
        log=tmp_path / "upstream.jsonl", script=json.dumps(script), render_s=0.5
    ) as upstream:
        journey = Journey(replace(kind, verdict=IN_DOUBT), upstream, tmp_path)
        task_id = journey.kill_in_the_window()
        with a_server(journey.data, config=journey.config) as server:
            assert journey.end_of(server, task_id) == IN_DOUBT
            assert journey.salvage()[task_id]["verdict"] == "doubt"
            httpx2.post(f"{upstream.url}/_simulator/rules", content="{}", timeout=20)
            wait_until(
                lambda: journey.salvage()[task_id]["verdict"] == "late",
                timeout_s=40,
                why=lambda: str(journey.salvage()),
            )
            found = journey.salvage()[task_id]
            assert journey.look(server, task_id)["status"] == "failed", "a final status changed"
    (job_id,) = [entry["job_id"] for entry in RequestLog.read(journey.log) if entry["accepted"]]
    assert found["ticket"] == {"id": job_id}
    assert found["film"] is not None, "late, and nothing to fetch it by"
