"""Block lists: phrases that no prompt may hold, whatever it is dressed up as.

A file holds one phrase a line, in UTF-8; `#` begins a comment at the start of a line, and empty
lines say nothing. A phrase is whole words, with anything but letters between them: `red
dawn` is found in `Red-Dawn`, not in `hundred dawns`. `dawn*` also begins longer words, `*dawn`
ends them, `*dawn*` is found anywhere. In scripts without spaces (Chinese, Japanese, Thai …) a
phrase is found wherever its characters follow each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from rushes.moderation.folding import Break, Folded, fold, spelled_out
from rushes.ports import Objection, Passage, Picture

PHRASE_CHARACTERS_MAX: Final = 100
PHRASES_MAX: Final = 100_000
LIST_BYTES_MAX: Final = 10 * 2**20
AT_ONCE_CHARACTERS_MAX: Final = 2_000
"""A longer text is read in a thread: the loop has others to serve."""

_WHOLE: Final = "whole"
_OPEN: Final = "open"
"""Under these a node keeps which phrase ends there; no letter is that long."""

_Node = dict[str, Any]


class ListRefused(Exception):
    """A block list that cannot be used; the message holds every complaint, a line each."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Where a phrase stands: enough for an operator, and nothing for a log to hold."""

    list_name: str
    line: int

    def __str__(self) -> str:
        """Say it.

        >>> str(Listed("words.txt", 12))
        'block list words.txt, line 12'
        """
        return f"block list {self.list_name}, line {self.line}"


class BlockList:
    """Phrases, ready to be looked for. A look takes time by the text's length, not the list's.

    `count` is how many phrases there are, `digest` tells lists of other content apart.
    """

    def __init__(self) -> None:
        self.count = 0
        self.digest = b""
        self._from_start: _Node = {}
        self._from_anywhere: _Node = {}

    @classmethod
    def read(cls, paths: Iterable[Path]) -> BlockList:
        """Read files of phrases, all or none.

        Raises:
            ListRefused: with every complaint.
        """
        made, complaints, digest = cls(), list[str](), sha256()
        for path in paths:
            try:
                content = _content(path)
                digest.update(b"%b\0%b\0" % (path.name.encode(), sha256(content).digest()))
                for number, line in enumerate(_lines(path, content), 1):
                    complaint = made.add(line, Listed(path.name, number))
                    complaints += [f"{path}, line {number}: {complaint}"] if complaint else []
            except ListRefused as refused:
                complaints.append(str(refused))
        if made.count > PHRASES_MAX:
            complaints.append(f"there are {made.count} phrases; {PHRASES_MAX} at most")
        if complaints:
            raise ListRefused("\n".join(complaints))
        made.digest = digest.digest()
        return made

    def add(self, line: str, listed: Listed) -> str | None:
        """Take in a line of a list; return what is wrong with it, None if nothing is."""
        said = line.strip()
        if not said or said.startswith("#"):
            return None
        is_inside, is_open = said.startswith("*"), said.endswith("*")
        bare = said.strip("*").strip()
        if "*" in bare:
            return "a * stands at the beginning or at the end of a phrase only"
        folded = fold(bare)
        if not folded.letters:
            return "there is no letter and no digit in it"
        if len(folded.letters) > PHRASE_CHARACTERS_MAX:
            return f"a phrase has at most {PHRASE_CHARACTERS_MAX} characters"
        if len(folded.letters) == 1 and folded.letters[0][0].isascii():
            return "one letter alone would refuse almost everything"
        node = self._from_anywhere if is_inside else self._from_start
        for step in _steps(folded):
            node = node.setdefault(step, {})
        node.setdefault(_OPEN if is_open else _WHOLE, listed)
        self.count += 1
        return None

    def find(self, text: str) -> Listed | None:
        """Return where a phrase stands that a text holds; None if it holds none."""
        folded = spelled_out(fold(text))
        for start, lies in enumerate(folded.breaks):
            found = _walk(self._from_start, folded, start) if lies is not Break.NONE else None
            found = found or _walk(self._from_anywhere, folded, start)
            if found is not None:
                return found
        return None

    async def judge(
        self, passages: Sequence[Passage], pictures: Sequence[Picture]
    ) -> Objection | None:
        """Object to a passage that holds a phrase; pictures are not looked at."""
        del pictures
        for passage in passages:
            if len(passage.text) > AT_ONCE_CHARACTERS_MAX:
                listed = await asyncio.to_thread(self.find, passage.text)
            else:
                listed = self.find(passage.text)
            if listed is not None:
                return Objection.to(passage.name, str(listed))
        return None

    async def close(self) -> None:
        """There is nothing to let go of."""


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LIST_BYTES_MAX + 1)
    except OSError as error:
        raise ListRefused(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > LIST_BYTES_MAX:
        raise ListRefused(f"{path} has more than {LIST_BYTES_MAX} bytes")
    return content


def _lines(path: Path, content: bytes) -> list[str]:
    try:
        return content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise ListRefused(f"{path} is not UTF-8") from None


def _steps(phrase: Folded) -> Iterator[str]:
    """Return a phrase letter by letter, with a space where a word ends."""
    for at, stands_for in enumerate(phrase.letters):
        if at and phrase.breaks[at] is Break.HARD:
            yield " "
        yield stands_for[0]


def _walk(root: _Node, folded: Folded, start: int) -> Listed | None:
    """Follow a text through the phrases from one letter on, on every way it can be read."""
    nodes = [root]
    for at in range(start, len(folded.letters)):
        if at > start:
            nodes = _across(nodes, folded.breaks[at])
        stands_for = folded.letters[at]
        nodes = [node[letter] for node in nodes for letter in stands_for if letter in node]
        if not nodes:
            return None
        is_at_end = at + 1 == len(folded.letters) or folded.breaks[at + 1] is not Break.NONE
        for node in nodes:
            found = node.get(_OPEN) or (node.get(_WHOLE) if is_at_end else None)
            if isinstance(found, Listed):
                return found
    return None


def _across(nodes: list[_Node], lies: Break) -> list[_Node]:
    if lies < Break.SOFT:
        return nodes
    spaced = [node[" "] for node in nodes if " " in node]
    return spaced if lies is Break.HARD else [*nodes, *spaced]
