"""Folding a text to what it looks like, so that a phrase is found however it is dressed up.

Case, width, mathematical letters, accents, letters of other scripts that look the same, and
characters that nobody sees make no difference. What a text is folded to are its letters (each
with every letter that it may stand for) and what lies between them.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import IntEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

SOFT_HYPHEN: Final = "\u00ad"
"""Hyphenated words are pasted, and stay one word."""


class Break(IntEnum):
    """What lies before a letter.

    `NONE`: it goes on a word. `EDGE`: a word begins, and nobody writes a space there (Chinese).
    `SOFT`: there may be a space there, or nothing: an invisible character. `HARD`: spaces,
    punctuation, anything that is no letter.
    """

    NONE = 0
    EDGE = 1
    SOFT = 2
    HARD = 3


@dataclass(frozen=True, slots=True)
class Folded:
    """A text, letter by letter; `breaks` and `is_spaced` have one entry for each letter.

    A letter is every string that it may stand for, the likeliest first. `is_spaced` says that it
    belongs to a script that puts spaces between words.
    """

    letters: tuple[tuple[str, ...], ...]
    breaks: tuple[Break, ...]
    is_spaced: tuple[bool, ...]


def fold(text: str) -> Folded:
    """Fold a text; the work grows with its length and nothing else.

    >>> ["".join(one) for one in fold("Ｐаｐé").letters]
    ['p', 'a', 'p', 'e']
    """
    letters: list[tuple[str, ...]] = []
    breaks: list[Break] = []
    is_spaced: list[bool] = []
    pending = Break.HARD
    seen = _marks_first(text.replace(SOFT_HYPHEN, ""))
    plain = unicodedata.normalize("NFKC", seen).casefold()
    for char in unicodedata.normalize("NFKC", plain):
        role, stands_for = _look(char)
        if role is _Role.MARK and letters and pending is Break.NONE:
            letters[-1] = tuple(letter + char for letter in letters[-1])
        elif role in _LETTERS:
            letters.append(stands_for)
            breaks.append(pending)
            is_spaced.append(role is not _Role.UNSPACED)
            pending = Break.NONE
        elif role is _Role.INVISIBLE:
            pending = max(pending, Break.SOFT)
        elif role is _Role.GAP:
            pending = Break.HARD
    return Folded(tuple(letters), _told_apart(breaks, is_spaced), tuple(is_spaced))


def _told_apart(breaks: list[Break], is_spaced: list[bool]) -> tuple[Break, ...]:
    """Say what lies between letters of scripts without spaces: an edge, whatever was put there."""
    return tuple(
        Break.EDGE if at and not (is_spaced[at] and is_spaced[at - 1]) else lies
        for at, lies in enumerate(breaks)
    )


def spelled_out(folded: Folded) -> Folded:
    """Take letters that stand alone (`p o r n`, `p.o.r.n`) for words as well as for one word."""
    breaks = folded.breaks
    count = len(breaks)

    def stands_alone(at: int) -> bool:
        return breaks[at] >= Break.EDGE and (at + 1 == count or breaks[at + 1] >= Break.EDGE)

    softened = tuple(
        Break.SOFT
        if at and lies is Break.HARD and stands_alone(at) and stands_alone(at - 1)
        else lies
        for at, lies in enumerate(breaks)
    )
    return Folded(folded.letters, softened, folded.is_spaced)


# -- one character ---------------------------------------------------------------------------


class _Role(IntEnum):
    """What a character is to a reader."""

    LETTER = 1
    UNSPACED = 2
    MARK = 3
    NOTHING = 4
    INVISIBLE = 5
    GAP = 6


_LETTERS: Final = frozenset({_Role.LETTER, _Role.UNSPACED, _Role.MARK})

_Ranges = tuple[tuple[int, int], ...]

_UNSEEN: Final[_Ranges] = (
    (0x034F, 0x034F),  # combining grapheme joiner
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),  # Khmer vowels without a shape
    (0x180B, 0x180F),  # Mongolian selectors
    (0x2800, 0x2800),  # a Braille cell without dots
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0xE0000, 0xE0FFF),  # tags, selectors, and what is reserved beside them
)
"""Characters without a shape that are not of the category Cf."""

_DROPPED: Final[_Ranges] = (
    (0x0300, 0x036F),  # accents of any script
    (0x0483, 0x0489),
    (0x0591, 0x05BD),  # Hebrew points
    (0x05BF, 0x05C7),
    (0x0610, 0x061A),  # Arabic vowels
    (0x0640, 0x0640),  # an Arabic stroke that makes a word longer
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x06D6, 0x06ED),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
    (0xFE20, 0xFE2F),
)
"""What is written over letters and may be left out."""

_WITHOUT_SPACES: Final[_Ranges] = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3040, 0x312F),  # kana, bopomofo
    (0x31A0, 0x31BF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x1B000, 0x1B16F),
    (0x20000, 0x3FFFF),
)

_JAMO: Final[_Ranges] = ((0x1161, 0x11FF), (0xD7B0, 0xD7FF))
"""Hangul letters that join the one before them."""

_FILE: Final = Path(__file__).with_name("lookalikes.txt")

_ENCLOSED: Final = (
    (0x1F150, "abcdefghijklmnopqrstuvwxyz"),
    (0x1F170, "abcdefghijklmnopqrstuvwxyz"),
)
"""White letters in black rings and squares: the standard says of none what letter it is."""

_FLAGS: Final = range(0x1F1E6, 0x1F200)
"""Regional indicators; two of them are a flag, more of them may be a word."""


@cache
def _lookalikes() -> dict[str, tuple[str, ...]]:
    """Read which letters may stand for which."""
    found: dict[str, tuple[str, ...]] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        meant, *seen = line.split(" ")
        for letter in seen:
            found[letter] = (*found.get(letter, ()), meant)
    for first, meant_in_order in _ENCLOSED:
        found |= {chr(first + at): (letter,) for at, letter in enumerate(meant_in_order)}
    found |= {chr(code): (chr(code - _FLAGS.start + ord("a")),) for code in _FLAGS}
    return found


@lru_cache(maxsize=8192)
def _look(char: str) -> tuple[_Role, tuple[str, ...]]:
    """Say what a character is to a reader, and which letters it may stand for."""
    code, category = ord(char), unicodedata.category(char)
    if _is_invisible(char):
        return _Role.INVISIBLE, ()
    if _is_in(code, _DROPPED):
        return _Role.NOTHING, ()
    bare = _without_accents(char)
    stands_for = _lookalikes().get(bare)
    if stands_for is None:
        digit = unicodedata.digit(bare, None) if len(bare) == 1 else None
        stands_for = (bare if digit is None else str(digit),)
    elif category[0] not in "LNM":  # a letter in a ring
        return _Role.LETTER, stands_for
    if category[0] in "LN":
        return (_Role.UNSPACED if _is_in(code, _WITHOUT_SPACES) else _Role.LETTER), stands_for
    return (_Role.MARK, stands_for) if category[0] == "M" else (_Role.GAP, ())


def _without_accents(char: str) -> str:
    bare = [one for one in unicodedata.normalize("NFD", char) if not _is_in(ord(one), _DROPPED)]
    return unicodedata.normalize("NFC", "".join(bare)) or char


@lru_cache(maxsize=8192)
def _is_invisible(char: str) -> bool:
    """Say whether nobody sees a character; white space is seen, in its way."""
    category = unicodedata.category(char)
    if category == "Cc":
        return not char.isspace()
    return category == "Cf" or _is_in(ord(char), _UNSEEN)


def _marks_first(text: str) -> str:
    """Put marks back at the letter they belong to, where something invisible came between."""
    if text.isascii() or not any(map(_is_invisible, text)):
        return text
    told, kept_back = [], ""
    for char in text:
        if _is_invisible(char):
            kept_back += char
        elif unicodedata.category(char)[0] == "M" or _is_in(ord(char), _JAMO):
            told.append(char)
        else:
            told += [kept_back, char]
            kept_back = ""
    return "".join([*told, kept_back])


def _is_in(code: int, ranges: _Ranges) -> bool:
    return any(first <= code <= last for first, last in ranges)
