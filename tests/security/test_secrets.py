"""Secrets go in and never come out: by no route, no verb, no log line, no file of the house."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from journeying import ONE_UPSTREAM, a_server, free_port
from living import menu, typed
from rushes.cli import operators
from rushes.settings import Settings

PROVIDER_KEY = "sk-upstream-Winter42Winter42"
LINK_SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
CONFIG = f"""
[links]
secrets = ["env:TEST_LINK_SECRET"]
{ONE_UPSTREAM}"""

SERVING = {"serve", "api", "worker", "demo", "simulate", "init"}
"""Verbs that run on, or ask a person."""

TOLD_ON_PURPOSE = {"keys create": "a new key, once", "webhooks secret": "the receivers' own secret"}


def verbs(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, command in getattr(group, "commands", {}).items():
        yield from verbs(command, (*words, name))
    if group.callback is not None and group.callback.__module__ == operators.__name__:
        yield " ".join(words), group


def filled(command: Any) -> list[str]:
    """Return words that a verb can be tried with."""
    given = []
    for parameter in command.params:
        if type(parameter).__name__.endswith("Argument") and parameter.required:
            given.append("video_" + "0" * 32)
        elif parameter.required:
            given += [parameter.opts[0], "1"]
    has_json = any("--json" in parameter.opts for parameter in command.params)
    return [*given, "--json"] if has_json else given


@pytest.mark.advisory("GO-2026-4813")
def test_no_verb_of_the_operator_tells_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "rushes.toml"
    config.write_text(CONFIG.format(port=free_port()))
    monkeypatch.chdir(tmp_path)
    environment = {
        "RUSHES_CONFIG": str(config),
        "RUSHES_DATA_DIR": str(tmp_path / "data"),
        "TEST_UPSTREAM_KEY": PROVIDER_KEY,
        "TEST_LINK_SECRET": LINK_SECRET,
        "NO_COLOR": "1",
    }
    made = typed(environment, "keys", "create", "ann")
    secret = made.stdout.strip()
    assert secret.startswith("sk-live-")
    tried = 0
    for name, command in verbs(menu()):
        if name in TOLD_ON_PURPOSE or name in SERVING:
            continue
        run = typed(environment, *name.split(), *filled(command))
        assert run.exit_code in {0, 1, 2}, (name, run.output)
        for hidden in (PROVIDER_KEY, LINK_SECRET, secret):
            assert hidden not in run.output, name
        tried += 1
    assert tried > 15, "hardly a verb was tried"


def reads() -> list[str]:
    one = "video_" + "0" * 32
    return [
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/v1/models",
        "/v1/models/sora-2",
        "/v1/video/generations",
        f"/v1/video/generations/{one}",
        "/v1/videos",
        "/v1/webhooks/secret",
        "/v1/usage",
        "/admin/v1/providers",
        "/admin/v1/routes",
        "/admin/v1/settings",
        "/console",
        "/v1/nowhere",
        f"/files/{one}/video.mp4?expires=1&signature=0",
        "/hooks/gpu/x",
    ]


@pytest.mark.advisory("GO-2026-4813")
def test_a_server_tells_no_secret_in_answers_logs_or_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stolen data folder holds no credential of a provider's, and no key of a caller's."""
    monkeypatch.setenv("TEST_LINK_SECRET", LINK_SECRET)
    folder = tmp_path / "data"
    config = CONFIG.format(port=free_port())
    with a_server(folder, config=config, upstream_key=PROVIDER_KEY) as server:
        hidden = (PROVIDER_KEY, LINK_SECRET, server.key)
        with httpx2.Client(
            base_url=server.url, headers={"Authorization": f"Bearer {server.key}"}, timeout=20
        ) as client:
            made = client.post("/v1/videos", json={"prompt": "a heron", "model": "sora-2"})
            assert made.is_success, made.text
            answers = [client.get(path) for path in (*reads(), f"/v1/videos/{made.json()['id']}")]
            answers.append(client.post("/v1/videos", content=b"{"))
            answers.append(client.get("/v1/videos", headers={"Authorization": "Bearer sk-live-x"}))
        for answer in answers:
            told = answer.text + repr(answer.headers)
            assert not [secret for secret in hidden if secret in told], answer.url
    log = (tmp_path / "data.log").read_text()
    assert not [secret for secret in hidden if secret in log]
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert [path for path in files if path.name == "rushes.db"]
    for path in files:
        content = path.read_bytes()
        assert not [secret for secret in hidden if secret.encode() in content], path


@pytest.mark.advisory("GO-2026-4813")
def test_every_setting_that_is_a_secret_is_a_reference() -> None:
    """No secret stands in the settings themselves, so that no dump of them can hold one."""
    for name, field in leaves(Settings):
        if re.search(r"api_key|secret|token(?!s_max)|password|credential(?!s_expire)", name):
            assert "_referring" in repr(field.metadata) + repr(field.annotation), name


def leaves(model: Any) -> Iterator[tuple[str, Any]]:
    from typing import get_args

    for name, field in model.model_fields.items():
        inner = [each for each in (field.annotation, *get_args(field.annotation)) if is_model(each)]
        if inner:
            yield from leaves(inner[0])
        else:
            yield name, field


def is_model(kind: Any) -> bool:
    return isinstance(kind, type) and hasattr(kind, "model_fields")
