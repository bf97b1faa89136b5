"""Words on the film: the caption, the label, the mark.

The font comes with the package, for a bare machine has none; what it cannot draw is left out,
so that nobody sees empty boxes.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from rushes.studio.colours import Colour
from rushes.studio.ink import Drawing, Ink
from rushes.studio.planes import Plane, sprite_of

FONT: Final = Path(__file__).parent / "fonts" / "NotoSansCJKsc.otf"
ELLIPSIS: Final = "…"
LINES_MAX: Final = 2
CHARACTERS_MAX: Final = 600
SIZE_PX_MIN: Final = 8
SAFE: Final = 0.05
"""The rim that a screen may cut off, as a share of each edge. Source: EBU R 95, graphics."""

WHITE: Final[Colour] = (255, 255, 255)


class Type:
    """The font at one size."""

    def __init__(self, size_px: float) -> None:
        self.size_px = max(SIZE_PX_MIN, round(size_px))
        self._font = ImageFont.truetype(
            str(FONT), self.size_px, layout_engine=ImageFont.Layout.BASIC
        )
        self._missing = self._drawn("\uffff")

    def width(self, text: str) -> float:
        """Return how wide a text is, in pixels."""
        return self._font.getlength(text)

    def mask(self, lines: list[str]) -> Plane:
        """Draw lines of text, the first on top, as coverage."""
        leading = round(self.size_px * 1.32)
        width = max(2, round(max(self.width(line) for line in lines)) + 4)
        picture = Image.new("L", (width, leading * len(lines) + 4))
        pen = ImageDraw.Draw(picture)
        for row, line in enumerate(lines):
            pen.text((2, row * leading), line, font=self._font, fill=255)
        return np.asarray(picture, np.uint8).copy()

    def known(self, text: str) -> str:
        """Return a text on one line, without what the font cannot draw."""
        plain = unicodedata.normalize("NFC", text[:CHARACTERS_MAX])
        kept = [" " if char.isspace() else char for char in plain if self._is_known(char)]
        return " ".join("".join(kept).split())

    def _is_known(self, char: str) -> bool:
        if char.isspace():
            return True
        if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me"}:
            return False
        return self._drawn(char) not in {self._missing, b""}

    def _drawn(self, char: str) -> bytes:
        return bytes(self._font.getmask(char))


def rim(width: int, height: int) -> tuple[int, int]:
    """Return how far words keep from the sides, and from top and bottom, in pixels."""
    return math.ceil(width * SAFE), math.ceil(height * SAFE)


def fit(text: str, face: Type, width_px: float, lines_max: int = LINES_MAX) -> list[str]:
    """Break a text into lines; what finds no room is told by an ellipsis."""
    lines: list[str] = []
    line = ""
    for piece in _pieces(face.known(text)):
        if not line and not lines:
            line = piece.lstrip()
        elif face.width((line + piece).rstrip()) <= width_px:
            line += piece
        else:
            lines.append(line.rstrip())
            line = piece.lstrip()
        if len(lines) == lines_max:
            break
    if line and len(lines) < lines_max:
        lines.append(line.rstrip())
        line = ""
    lines = [_shortened(one, face, width_px) for one in lines if one]
    if line and lines:
        lines[-1] = _shortened(lines[-1] + ELLIPSIS, face, width_px)
    return lines


def _pieces(text: str) -> Iterator[str]:
    """Cut a text where a line may break: after spaces, and around Chinese characters."""
    word = ""
    for char in text:
        if char == " " or char >= "\u2e80":
            if char != " " and unicodedata.category(char).startswith("P"):
                word += char  # a line does not begin with a stop
                continue
            if word:
                yield word
            word = char
        else:
            if word and word[-1] >= "\u2e80":
                yield word
                word = ""
            word += char
    if word:
        yield word


def _shortened(line: str, face: Type, width_px: float) -> str:
    if face.width(line) <= width_px:
        return line
    kept = line.rstrip(ELLIPSIS)
    while kept and face.width(kept + ELLIPSIS) > width_px:
        kept = kept[: -max(1, len(kept) // 16)]
    return kept.rstrip() + ELLIPSIS


def caption(
    prompt: str, width: int, height: int, *, beside: Drawing | None = None
) -> Drawing | None:
    """Draw the prompt at the lower left, within the safe rim; None where there is nothing.

    `beside` is what stands at the lower right already.
    """
    short = min(width, height)
    face = Type(short * 0.034)
    left, low = rim(width, height)
    end = width - left if beside is None else beside.x
    room = min(end - left, max(width * 0.66, short * 0.8))
    lines = fit(prompt, face, room)
    if not lines:
        return None
    mask = face.mask(lines)
    return _lettered(mask, face, left, height - low - mask.shape[0])


def chip(label: str, width: int, height: int, *, covering: Drawing | None = None) -> Drawing:
    """Draw the label at the upper right: it says in every frame that nobody filmed this.

    `covering` is an older label, of which nothing is to be seen any more.
    """
    short = min(width, height)
    side, high = rim(width, height)
    face = Type(short * 0.026)
    room = max(8.0, width * 0.8 - face.size_px * 2.5)
    lines = fit(label, face, room, 1) or ["REHEARSAL"]
    mask = face.mask(lines)
    pad = round(face.size_px * 0.7)
    tall = round(face.size_px * 1.75)
    dot = face.size_px * 0.55
    wide = mask.shape[1] + 2 * pad + round(dot * 1.5)
    alpha = 0.82
    if covering is not None:
        wide, alpha = max(wide, covering.sprite.width), 1.0
    ink = Ink(wide, tall)
    ink.box(0, 0, wide, tall, (14, 17, 24), round_by=tall / 2, alpha=alpha)
    ink.disc(pad + dot / 2, tall / 2, dot / 2, (255, 84, 76))
    pixels = cv2.resize(ink.pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    left = pad + round(dot * 1.5)
    top = max(0, round((tall - face.size_px * 1.5) / 2))
    part = pixels[top : top + mask.shape[0], left : left + mask.shape[1]]
    weight = mask[: part.shape[0], : part.shape[1], None].astype(np.float32) / 255
    part[...] = (part * (1 - weight) + 245 * weight + 0.5).astype(np.uint8)
    sprite = sprite_of(np.asarray(pixels, np.uint8))
    return Drawing(sprite, width - side - sprite.width, high)


def cover(width: int, height: int) -> Drawing:
    """Draw a dark band over the foot of the picture, where older words may be."""
    short = min(width, height)
    tall = round((height * SAFE + short * (0.034 * 1.32 * LINES_MAX + 0.08)) / 2) * 2
    alpha = np.clip(np.linspace(0, 1, tall, dtype=np.float32) * 3.4, 0, 1)
    column = np.empty((tall, 1, 4), np.uint8)
    column[:, 0, :3] = (np.array([26, 19, 15], np.float32) * alpha[:, None]).astype(np.uint8)
    column[:, 0, 3] = (alpha * 255 + 0.5).astype(np.uint8)
    pixels = np.repeat(column, width, axis=1)
    return Drawing(sprite_of(pixels), 0, height - tall)


def mark(width: int, height: int) -> Drawing:
    """Draw the watermark a caller asked for, at the lower right."""
    short = min(width, height)
    face = Type(short * 0.05)
    side, low = rim(width, height)
    mask = face.mask(["RUSHES"])
    faint = (mask * 0.62).astype(np.uint8)
    return _lettered(faint, face, width - side - mask.shape[1], height - low - mask.shape[0])


def _lettered(mask: Plane, face: Type, x: int, y: int) -> Drawing:
    """Set white letters on a soft shadow of their own, to be read on anything."""
    pad = round(face.size_px * 1.1)
    letters = cv2.copyMakeBorder(mask, pad, pad, pad, pad, cv2.BORDER_CONSTANT)
    ink = letters.astype(np.float32) / 255
    near = cv2.GaussianBlur(ink, (0, 0), max(0.8, face.size_px * 0.07))
    wide = cv2.GaussianBlur(ink, (0, 0), face.size_px * 0.42)
    shade = np.clip(np.maximum(near * 2.2, wide * 1.9), 0, 0.84)
    pixels = np.empty((*ink.shape, 4), np.uint8)
    pixels[..., :3] = (ink * 255 + 0.5)[..., None].astype(np.uint8)
    pixels[..., 3] = ((1 - (1 - shade) * (1 - ink)) * 255 + 0.5).astype(np.uint8)
    return Drawing(sprite_of(pixels), x - pad, y - pad)
