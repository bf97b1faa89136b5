"""The last touch on a picture: colours graded for a mood or an hour, corners a little darker."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rushes.studio.camera import Moment
from rushes.studio.colours import Colour
from rushes.studio.light import Light
from rushes.studio.plan import Hour, Plan, Weather
from rushes.studio.planes import Frame, Plane, Sprite, frame_of, over, sprite_of

_SEPIA: Colour = (150, 124, 92)


@dataclass(slots=True)
class Grade:
    """Tables for luma and both chroma planes; None leaves a plane as it is."""

    y: Plane | None
    u: Plane | None
    v: Plane | None
    is_still: bool = False

    def draw(self, frame: Frame, at: Moment) -> None:
        """Grade a frame, whenever it is."""
        del at
        self.apply(frame)

    def apply(self, frame: Frame) -> None:
        """Grade a frame in place."""
        for plane, table in ((frame.y, self.y), (frame.u, self.u), (frame.v, self.v)):
            if table is not None:
                cv2.LUT(plane, table, plane)


def of_mood(light: Light) -> Grade | None:
    """Return the grade of a light's mood: less colour, or the brown of old film."""
    if light.colour >= 1:
        return None
    toward = _SEPIA if light.sepia else (128, 128, 128)
    u, v = _chroma(toward)
    return Grade(None, _table(light.colour, u), _table(light.colour, v))


def of_remix(plan: Plan, light: Light) -> Grade:
    """Return the grade that turns a film of any light into this one."""
    gain = {Hour.NIGHT: 0.52, Hour.DUSK: 0.72, Hour.SUNSET: 0.9, Hour.DAWN: 0.96}.get(
        plan.hour, 1.0
    )
    if plan.weather in {Weather.STORM, Weather.FOG}:
        gain *= 0.85
    steps = np.arange(256, dtype=np.float32)
    part = np.clip((steps - 16) / 219, 0, 1)
    luma = (16 + 219 * gain * part ** (1.08 if gain < 1 else 1.0)).clip(0, 255).astype(np.uint8)
    u, v = _chroma(light.sky[2] if not light.is_dark else light.sky[1])
    keep = (0.3 if light.is_dark else 0.45) * light.colour
    tint = 0.85 if light.is_dark else 0.55
    return Grade(luma, _table(keep, 128 + (u - 128) * tint), _table(keep, 128 + (v - 128) * tint))


@dataclass(slots=True)
class Vignette:
    """Darker corners: they belong to the lens, so no zoom makes them larger."""

    sprite: Sprite
    is_still: bool = True

    def draw(self, frame: Frame, at: Moment) -> None:
        """Paint itself on a frame, whenever it is."""
        del at
        over(frame, self.sprite, 0, 0)


def vignette(width: int, height: int, strength: float = 0.34) -> Vignette:
    """Build darker corners."""
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    across = np.linspace(-1, 1, width, dtype=np.float32)[None]
    far = np.sqrt(down**2 * 0.9 + across**2 * 0.9)
    alpha = np.clip((far - 0.62) / 0.75, 0, 1) ** 1.6 * strength * 255
    pixels = np.zeros((height, width, 4), np.uint8)
    pixels[..., 3] = (alpha + 0.5).astype(np.uint8)
    return Vignette(sprite_of(pixels))


def _chroma(colour: Colour) -> tuple[float, float]:
    patch = np.full((2, 2, 3), colour[::-1], np.uint8)
    frame = frame_of(patch)
    return float(frame.u[0, 0]), float(frame.v[0, 0])


def _table(keep: float, toward: float) -> Plane:
    steps = np.arange(256, dtype=np.float32)
    table = 128 + (steps - 128) * keep + (toward - 128)
    return table.clip(0, 255).astype(np.uint8)
