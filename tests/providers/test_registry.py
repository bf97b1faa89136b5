"""Providers are found by name, and secrets by reference."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import pytest

from rushes import providers
from rushes.providers.openai_videos import OpenAIVideos
from rushes.providers.registry import FLOOR, Misconfigured, build, kinds, resolve
from rushes.providers.rest import Credential

SECRET = "sk-Winter42Winter42"


def test_the_kinds_are_the_modules_of_the_package() -> None:
    folder = Path(providers.__path__[0])
    modules = {path.stem for path in folder.glob("[!_]*.py")}
    assert set(kinds()) == modules - FLOOR
    assert modules >= FLOOR
    assert "openai_videos" in kinds()


async def test_a_kind_is_built_under_the_operators_name() -> None:
    provider = build(
        "openai_videos",
        name="gpu",
        base_url="http://10.0.0.5:8000/v1",
        credential=Credential("env:GPU_KEY", SECRET),
        options={"submit_timeout_s": 5, "ask_timeout_s": 2.5},
    )
    assert isinstance(provider, OpenAIVideos)
    assert provider.name == "gpu"
    await provider.close()


@pytest.mark.parametrize(
    "kind", ["ark_of_noah", "base", "rest", "registry", "", "no.such.package", "..os"]
)
def test_an_unknown_kind_is_refused_with_the_known_ones(kind: str) -> None:
    with pytest.raises(Misconfigured, match="openai_videos"):
        build(kind, name="gpu")


@pytest.mark.parametrize(
    ("base_url", "profile", "options", "sentence"),
    [
        (None, None, {}, "needs a base_url"),
        ("gpu", None, {}, "no http"),
        ("http://gpu/v1", "klingon", {}, "no profile 'klingon'; it has litellm, openai"),
        ("http://gpu/v1", None, {"colour": 1}, "no option 'colour'"),
        ("http://gpu/v1", None, {"submit_timeout_s": 0}, "above 0"),
        ("http://gpu/v1", None, {"submit_timeout_s": True}, "above 0"),
        ("http://gpu/v1", None, {"ask_timeout_s": "5"}, "above 0"),
        ("http://gpu/v1", None, {"ask_timeout_s": float("nan")}, "above 0"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_the_providers_name(
    base_url: str | None, profile: str | None, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(Misconfigured, match="provider 'gpu'.*" + sentence):
        build("openai_videos", name="gpu", base_url=base_url, profile=profile, options=options)


def test_a_dotted_kind_is_someone_elses_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "their_house"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "lumen.py").write_text("def build(**told):\n    return told\n")
    (package / "empty.py").write_text("")
    (package / "broken.py").write_text("import no_such_thing_at_all\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "their_house", raising=False)
    built: object = build("their_house.lumen", name="lumen", options={"lamp": 1})
    assert built == {
        "name": "lumen", "base_url": None, "credential": None, "profile": None,
        "options": {"lamp": 1},
    }  # fmt: skip
    with pytest.raises(Misconfigured, match="no function build"):
        build("their_house.empty", name="lumen")
    with pytest.raises(Misconfigured, match=r"cannot be imported.*no_such_thing_at_all"):
        build("their_house.broken", name="lumen")


# -- references -----------------------------------------------------------------------------


def test_a_secret_comes_from_the_environment() -> None:
    credential = resolve("env:GPU_KEY", {"GPU_KEY": f" {SECRET}\n"})
    assert credential == Credential("env:GPU_KEY", SECRET)


def test_a_secret_comes_from_the_processs_own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPU_KEY", SECRET)
    assert resolve("env:GPU_KEY").secret == SECRET


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(SECRET + "\n")
    assert resolve(f"file:{path}").secret == SECRET


@pytest.mark.advisory("CVE-2026-40217")
def test_a_secret_comes_from_a_command_without_a_shell(tmp_path: Path) -> None:
    path = tmp_path / "a key; touch oops"
    path.write_text(SECRET + "\n")
    assert resolve(f"command:cat '{path}'").secret == SECRET
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.advisory("GO-2026-4813", "CVE-2026-41432")
@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        (SECRET, "never as itself"),
        (f"sk:{SECRET}", "never as itself"),
        ("env:", "never as itself"),
        ("env:NOT_SET", "env:NOT_SET is not set"),
        ("env:EMPTY", "env:EMPTY is not set, empty"),
        ("env:HUGE", "far too long"),
        ("file:/no/such/key", "No such file"),
        ("command:/no/such/program", "failed: FileNotFoundError"),
        (f"command:sh -c 'echo {SECRET}; exit 1'", "failed: CalledProcessError"),
        (f"command:sh -c 'echo {SECRET}", "failed: ValueError"),
        ("command:true", "is not set, empty"),
    ],
)
def test_a_secret_that_cannot_be_had_is_named_but_not_told(reference: str, sentence: str) -> None:
    environment = {"EMPTY": "  ", "HUGE": "x" * 100_000}
    with pytest.raises(Misconfigured, match=sentence) as raised:
        resolve(reference, environment)
    assert SECRET not in str(raised.value)
    assert SECRET not in "".join(traceback.format_exception(raised.value))
