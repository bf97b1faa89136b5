"""A new provider begins as one that keeps every promise: what is generated passes as it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rushes.testing.scaffold import NameRefused, begin, checked, main, places, text_of

ROOT = Path(__file__).parents[2]
NAME = "open_lab"
LONG_NAME = "laboratory_of_moving_pics"


def run(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a module on the copy, not on the house that tests run in."""
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout / "src")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The package, what steers its tools, and the tests that a provider is enrolled in."""
    skips = shutil.ignore_patterns("__pycache__", "*.otf", ".mypy_cache")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=skips)
    (tmp_path / "tests" / "providers").mkdir(parents=True)
    for name in ("pyproject.toml", "tests/providers/test_conformance.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    for path in (ROOT / "tests").glob("*.py"):  # what tests may import, whoever wrote it when
        if not path.name.startswith("test_"):
            shutil.copy(path, tmp_path / "tests")
    return tmp_path


@pytest.mark.long
def test_a_generated_provider_keeps_every_promise_as_it_is(checkout: Path) -> None:
    begun = run(checkout, "rushes.testing.scaffold", NAME)
    assert begun.returncode == 0, begun.stderr
    assert f"src/rushes/providers/{NAME}.py" in begun.stdout
    held = run(checkout, "pytest", "-q", "-p", "no:cacheprovider", "tests", "-k", NAME)
    assert held.returncode == 0, held.stdout
    assert "skipped" not in held.stdout.splitlines()[-1]
    listed = run(checkout, "rushes", "simulate")
    assert f"{NAME} " in listed.stdout


@pytest.mark.long
@pytest.mark.parametrize("name", [NAME, LONG_NAME, "a1"])
def test_a_generated_provider_is_in_house_style_and_typed(checkout: Path, name: str) -> None:
    made = [str(path) for path in begin(name, checkout)]
    for words in (("ruff", "check"), ("ruff", "format", "--check")):
        tidy = run(checkout, *words, *made)
        assert tidy.returncode == 0, tidy.stdout
    if name == NAME:  # types hang on no name
        typed = run(checkout, "mypy")
        assert typed.returncode == 0, typed.stdout


@pytest.mark.parametrize("template", places("lab", ROOT))
def test_every_template_takes_another_name_everywhere(template: str) -> None:
    text = text_of(template, NAME)
    compile(text, template, "exec")
    assert "lumen" not in text.lower()
    assert "OpenLab" in text or template == "test_provider.py.txt"


@pytest.mark.parametrize("name", ["Lumen", "9lives", "my-lab", "class", "lab_", "", "../lab"])
def test_a_name_that_no_module_can_have_is_refused(name: str) -> None:
    with pytest.raises(NameRefused, match="cannot name a provider"):
        checked(name, ROOT)


@pytest.mark.parametrize("name", ["openai_videos", "registry", "a" * 26])
def test_a_name_that_is_taken_or_too_long_is_refused(name: str) -> None:
    with pytest.raises(NameRefused, match=r"there already|at most"):
        checked(name, ROOT)


def test_a_provider_is_begun_only_in_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["lab"]) == 2
    assert "no checkout" in capsys.readouterr().err
    assert main([]) == 2
    assert "make new-provider NAME=" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
