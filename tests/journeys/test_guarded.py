"""A guarded server: what it refuses before any provider hears of it, and what it never tells."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from journeying import Running, an_upstream, wait_until
from living import Living, at_keyboard, living
from rushes.testing.audit import read_log
from rushes.testing.simulators.script import RequestLog

SECRETS = {
    "UPSTREAM_KEY": "upstreamsecret-4f1c9a77",
    "MODERATOR_KEY": "moderatorsecret-81d2b3c4",
    "LINK_SECRET": "linksecret-0123456789abcdef0123456789abcdef",
}
WISH = "a violet heron that nobody else ever wished for"
CONFIG = """
log_level = "DEBUG"
[links]
secrets = ["env:LINK_SECRET"]
[moderation]
block_lists = ["{words}"]
url = "http://127.0.0.1:{moderator}/v1"
api_key = "env:MODERATOR_KEY"
timeout_s = 2
[[providers]]
name = "gpu"
kind = "openai_videos"
base_url = "http://127.0.0.1:{upstream}/v1"
api_key = "env:UPSTREAM_KEY"
[[models]]
id = "sora-2"
card = "sora-2"
[[models.routes]]
provider = "gpu"
model = "sora-2"
"""
ECHO = json.dumps(
    {
        "rules": [
            {"on": "create", "fault": "echo", "prompt": "echo"},
            {"on": "create", "fault": "server_error", "prompt": "broken"},
            {"on": "create", "fault": "unauthorized", "prompt": "locked"},
        ]
    }
)


@contextmanager
def guarded(folder: Path) -> Iterator[tuple[Living, Running, Running]]:
    """A server, its upstream and its moderator, each a process of its own."""
    words, config = folder / "words.txt", folder / "rushes.toml"
    words.write_text("forbidden otter\n", encoding="utf-8")
    keys = ("--key", SECRETS["UPSTREAM_KEY"]), ("--key", SECRETS["MODERATOR_KEY"])
    with (
        an_upstream(log=folder / "upstream.log", script=ECHO, more=keys[0]) as upstream,
        an_upstream(
            log=folder / "moderator.log", simulator="moderation", more=keys[1]
        ) as moderator,
    ):
        text = CONFIG.format(words=words, moderator=moderator.port, upstream=upstream.port)
        config.write_text(text, encoding="utf-8")
        with living(folder, RUSHES_CONFIG=str(config), **SECRETS) as server:
            yield server, upstream, moderator


def ask(server: Living, method: str, path: str, body: Any = None) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {server.secret}"}
    return httpx2.request(
        method, f"{server.url}{path}", json=body, headers=headers, timeout=20, trust_env=False
    )


def ended(server: Living, prompt: str, **more: Any) -> str:
    """Wish for something, and return the task's id once it has ended."""
    body = {"model": "sora-2", "prompt": prompt, **more}
    task_id = str(ask(server, "POST", "/v1/video/generations", body).json()["task_id"])
    path = f"/v1/video/generations/{task_id}"
    wait_until(
        lambda: ask(server, "GET", f"{path}?wait=5").json()["status"] in {"succeeded", "failed"},
        timeout_s=40,
        why=lambda: ask(server, "GET", path).text,
    )
    return task_id


@pytest.mark.long
@pytest.mark.promise("P5")
def test_a_refused_prompt_is_told_as_the_contract_has_it_and_no_provider_hears_of_it(
    tmp_path: Path,
) -> None:
    with guarded(tmp_path) as (server, _, moderator):
        for prompt in ("a forbidden\u200b \u043etter", "how to kill a plant"):
            task_id = ended(server, prompt)
            flat = ask(server, "GET", f"/v1/video/generations/{task_id}")
            refused = "The prompt was refused: content policy."
            assert flat.json()["error"] == {"code": 400, "message": refused}
            assert flat.headers["rushes-cost-microusd"] == "0"
            video = ask(server, "GET", f"/v1/videos/{task_id}").json()
            assert video["error"] == {"code": "content_policy_violation", "message": refused}
        assert not (tmp_path / "upstream.log").exists()
        assert len(RequestLog.read(tmp_path / "moderator.log")) == 1
        typed = at_keyboard(server.environment)
        refused_id = ended(server, "forbidden otter")
        assert "words.txt, line 1" in typed("explain", refused_id, **SECRETS).output
        metrics = ask(server, "GET", "/metrics").text
        assert 'rushes_moderation_total{what="refused"} 3.0' in metrics

        ended(server, "a heron")
        (tmp_path / "words.txt").write_text("heron\n*\n", encoding="utf-8")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "line 2: there is no letter" in server.log.read_text(), timeout_s=10)
        ended(server, "a heron")
        (tmp_path / "words.txt").write_text("heron\n", encoding="utf-8")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "was read anew" in server.log.read_text(), timeout_s=10)
        refused_id = ended(server, "a HERON")
        error = ask(server, "GET", f"/v1/video/generations/{refused_id}").json()["error"]
        assert error["code"] == 400
        assert len(read_log(tmp_path / "upstream.log")) == 2
        del moderator


@pytest.mark.long
def test_no_secret_and_no_prompt_is_in_anything_that_is_told(tmp_path: Path) -> None:
    told: dict[str, str] = {}
    with guarded(tmp_path) as (server, _, _):
        secrets = {**SECRETS, "caller's key": server.secret}
        tasks = [
            ended(server, f"{WISH}, {what}", user="ada", callback_url="https://hooks.test/x")
            for what in ("fine", "echo", "locked", "kill")
        ]
        calls = [
            ("GET", "/v1/videos", None),
            ("GET", f"/v1/video/generations/{tasks[0]}", None),
            ("GET", f"/v1/video/generations/{tasks[1]}", None),
            ("POST", "/v1/videos", {"prompt": WISH, "model": SECRETS["UPSTREAM_KEY"][:3]}),
            ("POST", "/v1/videos", [1]),
            ("GET", "/v1/nothing", None),
            ("GET", "/v1/models", None),
            ("GET", "/openapi.json", None),
            ("GET", "/docs", None),
            ("GET", "/metrics", None),
            ("GET", "/readyz", None),
        ]
        for method, path, body in calls:
            answer = ask(server, method, path, body)
            told[f"{method} {path}"] = f"{answer.headers}\n{answer.text}"
        bad = httpx2.get(
            f"{server.url}/v1/videos",
            headers={"Authorization": f"Bearer {server.secret}x"},
            trust_env=False,
        )
        told["a wrong key"] = f"{bad.headers}\n{bad.text}"
        typed = at_keyboard(server.environment)
        for words in (
            ("explain", tasks[0], "--json"), ("explain", tasks[1]), ("explain", tasks[3]),
            ("salvage", "list", "--json"), ("doubt", "list", "--json"), ("routes", "list"),
            ("keys", "list", "--json"), ("webhooks", "list", "--json"), ("audit", "--json"),
            ("doctor", "--json"), ("erase", "--user", "ada", "--json"),
        ):  # fmt: skip
            told[" ".join(words)] = typed(*words, **SECRETS).output
        # Its own secrets are told on purpose to whoever asks for them, and nowhere else.
        hooks = json.loads(typed("webhooks", "secret", "--json", **SECRETS).stdout)["secret"]
        secrets["webhook secret"] = hooks
    told["the log"] = server.log.read_text()
    assert "DEBUG" in CONFIG
    assert told["the log"]
    for where, text in told.items():
        for name, secret in secrets.items():
            assert secret not in text, f"{name} is in {where}"
    for where in ("the log", "GET /metrics", "GET /openapi.json", "audit --json", "doctor --json"):
        assert "violet heron" not in told[where], f"a prompt is in {where}"
