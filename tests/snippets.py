"""What pages show in fences, read as a reader would type it: blocks, and commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = sorted(
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
        *(ROOT / "docs").rglob("*.md"),
    ]
)
_FENCE: Final = re.compile(r"^( *)```([\w-]*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_SPAN: Final = re.compile(r"`(rushes(?: [^`]+)?)`")
_SUBSTITUTION: Final = re.compile(r"\$\([^)]*\)")
_PREFIXES: Final = frozenset({"sudo", "env", "exec", "time"})
_ENDS: Final = frozenset({"&&", "||", ";", "|", "&"})


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; `place` counts those of its language on its page."""

    page: str
    language: str
    place: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.language or 'plain'}:{self.place}"


def blocks(*languages: str) -> list[Block]:
    """Return the blocks of all pages, or those in some languages."""
    found = []
    for page in PAGES:
        counts: dict[str, int] = {}
        for _, language, text in _FENCE.findall(page.read_text(encoding="utf-8")):
            place = counts[language] = counts.get(language, 0) + 1
            found.append(Block(str(page.relative_to(ROOT)), language, place, text))
    return [one for one in found if not languages or one.language in languages]


def commands(block: Block) -> Iterator[list[str]]:
    """Split a block into its commands, as the shell would; comments and assignments go.

    In a block of `console` only lines with a prompt are commands; the others are answers.
    """
    text = re.sub(r"\\\n\s*", " ", block.text)
    prompt = "$ " if block.language == "console" else ""
    for line in text.splitlines():
        if line.startswith(prompt):
            yield from _commands(line.removeprefix(prompt))


def _commands(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(_SUBSTITUTION.sub("SUBSTITUTED", line), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word not in _ENDS:
            words.append(word)
            continue
        bare = _without_redirection(words)
        while bare and (bare[0] in _PREFIXES or re.fullmatch(r"\w+=.*", bare[0])):
            bare = bare[1:]
            if bare and bare[0] == "-u":  # sudo's
                bare = bare[2:]
        if bare:
            yield bare
        words = []


def _without_redirection(words: list[str]) -> list[str]:
    for mark in (">", ">>", "<"):
        if mark in words:
            return words[: words.index(mark)]
    return words


def spans() -> list[tuple[str, str]]:
    """Return what is typed of `rushes` within sentences, with the page that it stands on."""
    found = []
    for page in PAGES:
        text = _FENCE.sub("", page.read_text(encoding="utf-8"))
        found += [(str(page.relative_to(ROOT)), said) for said in _SPAN.findall(text)]
    return found
