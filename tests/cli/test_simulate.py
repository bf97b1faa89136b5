"""`rushes simulate`: an upstream that costs nothing, and the address it says leads to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import nursery
from living import Typed
from rushes.cli.simulating import names
from rushes.providers import registry
from sampling import every

KEY = "vda_1:Winter42"
UPSTREAMS = sorted(set(names()) & set(registry.kinds()) - {"local_diffusers"})
"""Those that are spoken to over HTTP, and have a kind of their own name."""

WORKFLOW = Path(__file__).parents[1] / "providers" / "workflows" / "text_to_video.json"
NEEDED = {
    "comfyui": ("--option", f'workflows={{text_to_video="{WORKFLOW}"}}'),
    "vertex": ("--option", "project=p", "--option", "region=us-central1"),
}
"""What a kind wants to be told beside an address and a key."""


@pytest.mark.parametrize("name", every(14, UPSTREAMS))
def test_the_address_that_a_simulator_says_is_the_base_url_that_init_wants(
    name: str, typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = tmp_path / "said"
    asked_for = next(iter(registry.setup_of(name).upstream_models), "film")
    with said.open("w") as errors:
        process = nursery.start("rushes", "simulate", name, "--key", KEY, stderr=errors)
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        url = re.search(r"http://\S+", said.read_text())
        run = typed(
            "init", "--kind", name, "--base-url", url and url[0], "--api-key", "env:LAB_KEY",
            "--model", "film", "--upstream-model", asked_for, "--card", "sora-2", "--yes",
            *NEEDED.get(name, ()), LAB_KEY=KEY,
        )  # fmt: skip
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()
    assert url is not None
    assert f":{port}" in url[0]
    assert f"with the key {KEY}." in said.read_text()
    assert run.exit_code == 0, run.output
    assert "All is well." in run.stdout, run.output
