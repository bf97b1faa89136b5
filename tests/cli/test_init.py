"""`rushes init`: a file that works, from flags or answers, and never a key in it."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from living import Typed, environment_of
from rushes.cli.asking import Asker
from rushes.cli.checks import State, reach
from rushes.cli.init import init, read, toml_of
from rushes.cli.plainly import Refused
from rushes.cli.plan import Given, Plan, kinds, options_of, planned, reference
from rushes.providers import registry
from rushes.settings import load
from rushes.testing.simulators.openai_videos import OpenAIVideosServer, Settings
from rushes.testing.simulators.script import Rule, Script
from upstreams import Answers, upstream

KEY = "sk-Winter42Winter42"
FLAGS = ("--kind", "openai_videos", "--model", "sora-2", "--yes")

BLIND = """
import os
from rushes.settings import config_path
os.chmod(".", 0)
if os.geteuid() == 0:  # nothing is closed to root
    os.seteuid(65534)
print(config_path())
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_flags_alone_write_a_file_that_a_server_takes(typed: Typed, here: Path) -> None:
    with upstream(OpenAIVideosServer(settings=Settings(key=KEY))) as url:
        run = typed(
            "init", *FLAGS, "--base-url", url, "--api-key", "env:LAB_KEY", "--name", "lab",
            "--own-gpu", "--upstream-model", "wan", LAB_KEY=KEY,
        )  # fmt: skip
    assert run.exit_code == 0, run.output
    assert "answers, and takes the credential" in run.stdout
    assert "rushes generate" in run.stdout
    text = (here / "rushes.toml").read_text()
    assert KEY not in text
    settings = load()
    (provider,) = settings.providers
    assert (provider.name, provider.base_url, provider.api_key) == ("lab", url, "env:LAB_KEY")
    (model,) = settings.models
    assert (model.id, model.card, model.routes[0].model) == ("sora-2", "sora-2", "wan")
    assert not model.routes[0].billable
    assert model.routes[0].attempts_max == 3
    lines = [line for line in text.splitlines() if " = " in line and "provider =" not in line]
    assert all("#" in line for line in lines)


def test_machines_are_told_what_was_written_and_found_and_are_asked_nothing(
    typed: Typed, here: Path
) -> None:
    with upstream(OpenAIVideosServer(settings=Settings(key=KEY))) as url:
        words = (*FLAGS[:4], "--base-url", url, "--api-key", "env:LAB_KEY", "--json")
        told = json.loads(typed("init", *words, LAB_KEY=KEY).stdout)
        printed = json.loads(typed("init", *words, "-o", "-").stdout)
    assert told["path"] == str(here / "rushes.toml")
    assert {finding["state"] for finding in told["findings"]} == {"ok"}
    assert told["next"][-1].startswith("rushes generate")
    assert printed == {"toml": (here / "rushes.toml").read_text()}


def test_the_check_submits_nothing(typed: Typed) -> None:
    server = OpenAIVideosServer()
    with upstream(server) as url:
        assert (
            typed("init", *FLAGS, "--base-url", url, "--api-key", "command:echo sk-1").exit_code
            == 0
        )
    assert server.log.entries == []
    assert {seen.method for seen in server.seen} == {"GET"}


def test_a_person_is_asked_for_what_was_not_said(here: Path) -> None:
    answers = f"openai_videos\nhttp://127.0.0.1:9/v1\nopenai\n{KEY}\nnone\nfilms\n\nnothing\nsora-2\nn\nn\n"
    init(Given(), Asker(Answers(answers)))
    settings = load()
    assert settings.providers[0].api_key is None
    assert settings.models[0].id == "films"
    assert settings.models[0].card == "sora-2"
    assert not settings.models[0].routes[0].billable
    assert KEY not in (here / "rushes.toml").read_text()


def test_a_person_is_asked_again_for_what_a_kind_still_wants() -> None:
    given = Given(
        "openai_videos", "lab", "http://127.0.0.1:9/v1", "openai", "none", "sora-2", "wan"
    )
    wrong = replace(given, is_billable=True, options=("ask_timeout_s=0",))
    init(wrong, Asker(Answers("nonsense\nask_timeout_s=9\nn\n")))
    assert load().providers[0].options == {"ask_timeout_s": 9}
    with pytest.raises(Refused, match="above 0"):
        init(replace(wrong, is_forced=True), Asker(Answers("\n")))


def test_answers_that_end_write_nothing(here: Path) -> None:
    with pytest.raises(Refused, match="nothing was done"):
        init(Given(), Asker(Answers("openai_videos\n")))
    assert not list(here.iterdir())


def test_with_nobody_there_one_sentence_says_what_is_missing(typed: Typed, here: Path) -> None:
    run = typed("init")
    assert run.exit_code == 2
    assert run.stderr.count("\n") == 1
    assert "--kind and --model" in run.stderr
    assert "rushes init --kind" in run.stderr
    missing = typed("init", *FLAGS)
    assert "--base-url" in missing.stderr
    assert not list(here.iterdir())


@pytest.mark.parametrize("said", [KEY, f"env:{KEY}", "env:", "file:", "LAB_KEY"])
def test_a_pasted_key_is_refused_and_not_repeated(typed: Typed, here: Path, said: str) -> None:
    run = typed("init", *FLAGS, "--base-url", "http://127.0.0.1:9/v1", "--api-key", said)
    assert run.exit_code == 2
    assert KEY not in run.output
    assert "env:UPSTREAM_KEY" in run.stderr
    assert "file:PATH" in run.stderr
    assert not list(here.iterdir())


def test_references_are_taken_as_they_are() -> None:
    for said in ("env:LAB_KEY", "file:/run/keys/lab", "command:pass show lab"):
        assert reference(said) == said
    assert reference("none") is None


def test_a_file_that_is_there_is_left_alone(typed: Typed, here: Path) -> None:
    there = here / "rushes.toml"
    there.write_text("log_json = true\n")
    words = ("init", *FLAGS, "--base-url", "http://127.0.0.1:9/v1")
    refused = typed(*words)
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert there.read_text() == "log_json = true\n"
    printed = typed(*words, "--output", "-")
    assert read(printed.stdout).models[0].id == "sora-2"
    assert typed(*words, "--force").exit_code == 0
    assert "log_json" not in there.read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--kind", "ark_of_noah"), "there is no provider kind 'ark_of_noah'; known are"),
        (("--kind", "sandbox"), "built in"),
        (("--base-url", "lab"), "no http"),
        (("--profile", "klingon"), "no profile 'klingon'"),
        (("--card", "nothing"), "Say --card with one of"),
        (("--model", "films"), "There is no card 'films'"),
        (("--name", "My Lab"), "cannot name a provider"),
        (("--option", "region"), "is not KEY=VALUE"),
        (("--option", "colour=1"), "no option 'colour'"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_written(
    typed: Typed, here: Path, words: tuple[str, str], sentence: str
) -> None:
    run = typed("init", *FLAGS, "--base-url", "http://127.0.0.1:9/v1", *words)
    assert run.exit_code == 2, run.output
    assert sentence in run.stderr
    assert not list(here.iterdir())


def test_a_credential_that_is_not_there_is_told_after_the_file_is_written(
    typed: Typed, here: Path
) -> None:
    words = ("--base-url", "http://127.0.0.1:9/v1", "--api-key", "env:NOT_THERE_YET")
    run = typed("init", *FLAGS, *words)
    assert run.exit_code == 1
    assert "env:NOT_THERE_YET is not set" in run.stdout
    assert "export NOT_THERE_YET=" in run.stdout
    assert (here / "rushes.toml").exists()


# -- what the upstream is asked for, and where it is --------------------------------------------


@pytest.mark.parametrize(
    ("kind", "model"), [("replicate", "bytedance/seedance-1-pro"), ("kling", "kling-v3")]
)
def test_a_model_that_the_upstream_knows_is_asked_for_by_its_own_name(
    typed: Typed, kind: str, model: str
) -> None:
    assert model in registry.setup_of(kind).upstream_models[1:]
    run = typed("init", "--kind", kind, "--model", model, "--yes", "--output", "-")
    assert read(run.stdout).models[0].routes[0].model == model


@pytest.mark.parametrize("said", ["seedance-1-5-pro", "doubao-seedance-1-5-pro"])
def test_a_model_that_one_known_name_begins_with_is_asked_for_by_that_name(
    typed: Typed, said: str
) -> None:
    words = ("--model", said, "--card", "doubao-seedance-1-5-pro-251215", "--yes")
    run = typed("init", "--kind", "ark", *words, "--output", "-")
    (model,) = read(run.stdout).models
    assert (model.id, model.routes[0].model) == (said, f"{said}-251215")


def test_an_upstream_that_has_one_model_is_asked_for_it(typed: Typed) -> None:
    (known,) = registry.setup_of("gemini").upstream_models
    run = typed("init", "--kind", "gemini", "--model", "sora-2", "--yes", "--output", "-")
    assert read(run.stdout).models[0].routes[0].model == known


def test_with_nobody_there_no_film_is_chosen_among_several_that_do_not_fit(
    typed: Typed, here: Path
) -> None:
    words = ("init", "--kind", "kling", "--model", "sora-2", "--yes")
    refused = typed(*words)
    assert refused.exit_code == 2
    assert "sora-2" in refused.stderr
    assert "--upstream-model" in refused.stderr
    assert "kling-v2-6 or kling-v3" in refused.stderr
    assert not list(here.iterdir())
    told = typed(*words, "--upstream-model", "kling-v3", "--output", "-")
    assert read(told.stdout).models[0].routes[0].model == "kling-v3"


def test_a_region_stands_in_the_place_of_an_address(typed: Typed) -> None:
    words = ("init", "--kind", "kling", "--model", "kling-v3", "--yes", "--output", "-")
    run = typed(*words, "--option", "region=intl")
    assert run.exit_code == 0, run.output
    assert "base_url" not in run.stdout
    (provider,) = read(run.stdout).providers
    assert (provider.base_url, provider.options) == (None, {"region": "intl"})
    (usual,) = read(typed(*words).stdout).providers
    assert (usual.base_url, usual.options) == (registry.setup_of("kling").base_url, {})


def test_a_person_is_proposed_the_first_known_name_and_no_address_beside_a_region(
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = Given("kling", api_key="env:LAB_KEY", model="sora-2", options=("region=intl",))
    plan = planned(replace(given, is_billable=True), Asker(Answers("\nkling-v3\n")))
    assert (plan.base_url, plan.upstream_model) == (None, "kling-v3")
    asked = capsys.readouterr().err
    assert "(kling-v2-6)" in asked
    assert "http" not in asked


def test_a_folder_that_may_not_be_searched_has_no_settings(here: Path) -> None:
    """As under sudo, in somebody else's home."""
    (here / "rushes.toml").write_text("log_json = true\n")
    run = subprocess.run(
        [sys.executable, "-c", BLIND],
        env=environment_of(here, RUSHES_CONFIG=""),
        capture_output=True,
        text=True,
        check=False,
    )
    here.chmod(0o700)
    assert (run.stdout, run.stderr) == ("None\n", "")


# -- what is written ----------------------------------------------------------------------------


def test_values_with_every_letter_come_back_as_they_were() -> None:
    odd = 'a "quoted" \\ 中文 # no comment'
    options = {"region": odd, "n": 3, "is": True, "list": ["a", 1.5], "table": {"a": 1}}
    plan = Plan(
        kind="openai_videos",
        name="lab",
        base_url="http://127.0.0.1:9/v1",
        profile=None,
        api_key="command:pass 'a \"b\"'",
        options=options,
        model=odd,
        card="sora-2",
        upstream_model=odd,
        is_billable=True,
        in_flight_max=8,
    )
    settings = read(toml_of(plan))
    assert settings.providers[0].options == options
    assert settings.providers[0].api_key == plan.api_key
    assert settings.models[0].id == settings.models[0].routes[0].model == odd


def test_options_are_toml_where_they_can_be() -> None:
    assert options_of(("a=1", "b=x y", "c=[1, 2]", "d=")) == {
        "a": 1,
        "b": "x y",
        "c": [1, 2],
        "d": "",
    }


def test_every_kind_of_the_package_is_offered_but_what_is_built_in() -> None:
    assert set(kinds()) == set(registry.kinds()) - {"sandbox"}
    for kind in kinds():
        setup = registry.setup_of(kind)
        if setup.api_key is not None:
            assert reference(setup.api_key) == setup.api_key
        if setup.base_url is not None:
            assert re.match(r"https?://", setup.base_url)


# -- reaching a provider without paying ------------------------------------------------------


def finding_of(url: str, key: str) -> tuple[State, str]:
    settings = load(
        providers=[
            {
                "name": "lab",
                "kind": "openai_videos",
                "base_url": url,
                "api_key": f"command:echo {key}",
            }
        ],
        models=[
            {"id": "sora-2", "card": "sora-2", "routes": [{"provider": "lab", "model": "sora-2"}]}
        ],
    )
    finding = asyncio.run(reach(settings, settings.providers[0]))
    return finding.state, finding.told


def test_a_provider_that_refuses_the_key_is_a_failure() -> None:
    with upstream(OpenAIVideosServer(settings=Settings(key=KEY))) as url:
        state, told = finding_of(url, "sk-another")
        assert state is State.FAIL
        assert "refuses the credential" in told
        assert "sk-another" not in told
        assert finding_of(url, KEY)[0] is State.OK


def test_a_provider_that_speaks_something_else_is_a_warning() -> None:
    with upstream(OpenAIVideosServer(script=Script([Rule("list", "html")]))) as url:
        state, told = finding_of(url, KEY)
    assert state is State.WARN
    assert "not as openai_videos does" in told


def test_what_a_question_cannot_prove_is_not_claimed() -> None:
    """There is no list at this path: it may be the wrong one, or have none."""
    with upstream(OpenAIVideosServer()) as url:
        state, told = finding_of(url.removesuffix("/v1") + "/films", KEY)
    assert state is State.OK
    assert "no list of it could prove" in told


def test_a_provider_that_is_away_is_a_warning() -> None:
    state, told = finding_of("http://127.0.0.1:9/v1", KEY)
    assert state is State.WARN
    assert "nobody answers at 127.0.0.1:9" in told


def test_a_refused_key_ends_init_with_a_failure(typed: Typed) -> None:
    with upstream(OpenAIVideosServer(settings=Settings(key=KEY))) as url:
        run = typed("init", *FLAGS, "--base-url", url, "--api-key", "command:echo sk-1")
    assert run.exit_code == 1
    assert "refuses the credential" in run.stdout
    with pytest.raises(typer.Exit):
        init(Given("openai_videos", base_url=url, api_key="env:NO", model="sora-2", is_forced=True))
