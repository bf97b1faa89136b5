"""Docs that fail the build: what a page names exists, and what it shows runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rushes.cli.checks import State, of_settings
from rushes.settings import Settings, load
from rushes.store.schema import metadata

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("clients/*/*.md"), *(ROOT / "docs").rglob("*.md")])
RUSHES = Path(sys.executable).parent / "rushes"


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_file_a_page_names_exists(page: Path) -> None:
    if page.name == "contract.md":
        return
    named = re.findall(
        r"[`(]((?:docs|tests|benchmarks|examples|deploy|src)/[\w./*-]+?)[`)]", text_of(page)
    )
    for path in named:
        found = list(ROOT.glob(path)) if "*" in path else [ROOT / path]
        assert found, path
        assert all(each.exists() for each in found), f"{page.name} names {path}"
    for link in re.findall(r"\]\((?!https?:|#)([^)]+)\)", text_of(page)):
        assert (page.parent / link.partition("#")[0]).exists(), f"{page.name} links {link}"


def test_every_command_a_page_names_exists() -> None:
    known = subprocess.run([str(RUSHES), "--help"], capture_output=True, text=True, check=True)
    words = set(re.findall(r"[a-z]+", known.stdout))
    for page in PAGES:
        if page.name in {"contract.md", "CHANGELOG.md"}:
            continue
        for command in re.findall(r"(?:^|`|/)rushes ([a-z]+)", text_of(page), re.MULTILINE):
            assert command in words, f"{page.name} names rushes {command}"


def test_every_make_target_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    for page in PAGES:
        for target in re.findall(r"(?:^|`)make ([a-z-]+)", text_of(page), re.MULTILINE):
            assert target in targets, f"{page.name} names make {target}"


def test_every_setting_a_page_names_exists() -> None:
    fields = Settings.model_fields
    for page in PAGES:
        for name in set(re.findall(r"RUSHES_([A-Z0-9_]+)", text_of(page))):
            if name in {"CONFIG", "BASE_URL", "API_KEY", "TEST_DATABASE_URL"}:
                continue
            lower = name.lower()
            section, _, rest = lower.partition("_")
            nested = fields[section].default if section in fields else None
            is_known = lower in fields or rest in type(nested).model_fields  # type: ignore[union-attr]
            assert is_known, f"{page.name} names RUSHES_{name}"


def test_every_table_of_the_store_is_in_the_architecture() -> None:
    page = text_of(ROOT / "docs" / "ARCHITECTURE.md")
    for table in metadata.tables:
        assert f"`{table}`" in page, table


def test_the_menu_says_what_every_target_does() -> None:
    menu = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    phony = re.search(r"^\.PHONY: (.+)$", text_of(ROOT / "Makefile"), re.MULTILINE)
    assert phony is not None
    for target in phony[1].split():
        assert f"make {target}" in menu


def test_ci_runs_the_readmes_test_command() -> None:
    assert "make test" in text_of(ROOT / "README.md")
    assert text_of(ROOT / ".ci" / "run").rstrip().endswith("exec make test")


def test_the_pins_name_no_address() -> None:
    for line in text_of(ROOT / "constraints.txt").splitlines():
        assert re.fullmatch(r"[A-Za-z0-9_.-]+==[\w.+!-]+", line), line


def readme_python() -> str:
    blocks = re.findall(r"```python\n(.*?)```", text_of(ROOT / "README.md"), re.DOTALL)
    found: str = blocks[0]
    return found


def test_the_readmes_python_is_python() -> None:
    for block in re.findall(r"```python\n(.*?)```", text_of(ROOT / "README.md"), re.DOTALL):
        compile(block, "README.md", "exec")


def toml_blocks() -> list[tuple[str, str]]:
    return [
        (str(page.relative_to(ROOT)), block)
        for page in PAGES
        for block in re.findall(r"```toml\n(.*?)```", text_of(page), re.DOTALL)
    ]


@pytest.mark.parametrize(("page", "block"), toml_blocks(), ids=[page for page, _ in toml_blocks()])
def test_every_config_file_that_a_page_shows_makes_a_house(
    page: str, block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "rushes.toml"
    file.write_text(block, encoding="utf-8")
    monkeypatch.setenv("RUSHES_CONFIG", str(file))
    for name in re.findall(r'"env:(\w+)"', block):  # whatever a page refers to is there
        monkeypatch.setenv(name, "sk-upstream")
    monkeypatch.setenv("LINK_SECRET", "0f" * 16)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "examples" / "workflows", tmp_path / "flows")
    shutil.copy(ROOT / "examples" / "block-list.txt", tmp_path)
    broken = [
        finding
        for finding in of_settings(load(data_dir=tmp_path, server={"port": 0}))
        if finding.state is State.FAIL
    ]
    assert not broken


def test_the_environment_of_a_test_is_not_the_operators() -> None:
    """A RUSHES_… variable of this shell must not steer the tests."""
    assert not [name for name in os.environ if name.startswith("RUSHES_") and "TEST" not in name]


def test_every_page_is_found_by_what_somebody_needs() -> None:
    index = text_of(ROOT / "docs" / "README.md")
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").as_posix()
        assert name == "README.md" or f"]({name}" in index, name


def slug(heading: str) -> str:
    """A heading's anchor, as hosts of Git make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_anchor_that_a_page_links_is_a_heading(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)]*#[^)]+)\)", text_of(page)):
        place, _, anchor = link.partition("#")
        target = page.parent / place if place else page
        headings = re.findall(r"^#+ (.+)$", text_of(target), re.MULTILINE)
        assert anchor in {slug(heading) for heading in headings}, f"{page.name} links {link}"
