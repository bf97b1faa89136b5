"""Begins a provider: four files for an invented protocol, which pass every check as they are.

    python -m rushes.testing.scaffold NAME       # or: make new-provider NAME=…

Then the invented facts are replaced by real ones, one at a time, and what breaks says what is
next: docs/how-to/add-a-provider.md.
"""

from __future__ import annotations

import keyword
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Final

TEMPLATE_NAME: Final = "lumen"
"""What the templates call their upstream; the new name stands in its place."""

PLACES: Final[Mapping[str, str]] = {
    "provider.py.txt": "src/rushes/providers/{name}.py",
    "simulator.py.txt": "src/rushes/testing/simulators/{name}.py",
    "scene.py.txt": "src/rushes/testing/conformance/scenes/{name}.py",
    "test_provider.py.txt": "tests/providers/test_{name}.py",
}
"""Template → where it goes, below the root of a checkout."""

NAME_CHARACTERS_MAX: Final = 25
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")


class NameRefused(ValueError):
    """No provider can be begun so; the message says why, and what to do."""


def checked(name: str, root: Path) -> str:
    """Return a name under which a provider can be begun in a checkout.

    Raises:
        NameRefused: it is no name of a module, something has it already, or this is no checkout.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise NameRefused(
            f"{name!r} cannot name a provider: use lowercase letters and digits, parted by _ "
            "(the kind in rushes.toml, and the module's name), such as lumen or open_lab"
        )
    if len(name) > NAME_CHARACTERS_MAX:
        raise NameRefused(f"{name!r} is too long: at most {NAME_CHARACTERS_MAX} characters")
    if not (root / "src" / "rushes" / "providers").is_dir():
        raise NameRefused(f"{root} is no checkout of Rushes; run this where the Makefile is")
    taken = [path for path in places(name, root).values() if path.exists()]
    if taken:
        shown = ", ".join(str(path.relative_to(root)) for path in taken)
        raise NameRefused(f"{shown} is there already; choose another name, or remove it")
    return name


def places(name: str, root: Path) -> dict[str, Path]:
    """Return which file each template becomes."""
    return {template: root / place.format(name=name) for template, place in PLACES.items()}


def text_of(template: str, name: str) -> str:
    """Return a template under another name.

    >>> "class OpenLab(Quiet)" in text_of("provider.py.txt", "open_lab")
    True
    """
    text = (files(__name__) / "templates" / template).read_text(encoding="utf-8")
    spelled = {
        TEMPLATE_NAME: name,
        TEMPLATE_NAME.capitalize(): "".join(part.capitalize() for part in name.split("_")),
        TEMPLATE_NAME.upper(): name.upper(),
    }
    for ours, theirs in spelled.items():
        text = text.replace(ours, theirs)
    return text


def begin(name: str, root: Path) -> list[Path]:
    """Write the files of a new provider, and return them.

    Raises:
        NameRefused: nothing was written.
    """
    made = []
    for template, path in places(checked(name, root), root).items():
        path.write_text(text_of(template, name), encoding="utf-8")
        made.append(path)
    _tidy(made, root)
    return made


def _tidy(made: list[Path], root: Path) -> None:
    """Put imports in order and lines in form: both hang on how long the name is."""
    if find_spec("ruff") is None:
        return
    for words in (("check", "--fix", "--select", "I", "--quiet"), ("format", "--quiet")):
        subprocess.run(  # noqa: S603 -- our own words and files
            [sys.executable, "-m", "ruff", *words, *map(str, made)], cwd=root, check=False
        )


def main(words: list[str] | None = None) -> int:
    """Begin a provider in this checkout; say what was written, and what comes next."""
    said = sys.argv[1:] if words is None else words
    if len(said) != 1 or said[0].startswith("-"):
        print("Say the new provider's name: make new-provider NAME=lumen", file=sys.stderr)
        return 2
    root = Path.cwd()
    try:
        made = begin(said[0], root)
    except NameRefused as refused:
        print(f"Error: {refused}", file=sys.stderr)
        return 2
    for path in made:
        print(path.relative_to(root))
    print(f"\nIt passes as it is: .venv/bin/pytest tests/providers -k {said[0]}")
    print("Now make it true: docs/how-to/add-a-provider.md")
    return 0
