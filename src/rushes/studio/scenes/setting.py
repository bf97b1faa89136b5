"""What every place is built from: the plan, the view, the light; and lines of land."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rushes.studio.camera import View
from rushes.studio.colours import Colour, lighter
from rushes.studio.ink import Drawing, Fade, Ink
from rushes.studio.light import Light
from rushes.studio.noise import field, line
from rushes.studio.plan import Plan
from rushes.studio.planes import Floats, frame_of_floats, sprite_of
from rushes.studio.stage import Backdrop, Plate


@dataclass(frozen=True, slots=True)
class Setting:
    """A place to build: what is planned, what is seen, in which light."""

    plan: Plan
    view: View
    light: Light
    seconds: float

    @property
    def width(self) -> int:
        """Pixels across."""
        return self.view.width

    @property
    def height(self) -> int:
        """Pixels down."""
        return self.view.height

    @property
    def unit(self) -> float:
        """Pixels in a unit of drawing."""
        return self.view.unit

    def dice(self, *purpose: str) -> np.random.Generator:
        """Return the random numbers of one purpose."""
        return self.plan.dice(*purpose)

    def down(self, share: float) -> int:
        """Return an even row, a share of the way from top to bottom."""
        return round(self.height * share / 2) * 2

    def ink(self, depth: float, top: float, bottom: float, *, fineness: int = 1) -> Ink:
        """Return a canvas that is wide enough at a depth, from one row to another (pixels).

        Its origin is the upper left corner of the film, its unit a pixel.
        """
        over_x, over_y = self.view.margin_x(depth), self.view.margin_y(depth)
        return Ink(
            self.width + 2 * over_x,
            bottom - top + 2 * over_y,
            x=over_x,
            y=over_y - top,
            fineness=fineness,
        )

    def across(self, depth: float) -> tuple[int, int]:
        """Return the first and the last column a piece at a depth must fill."""
        over_x = self.view.margin_x(depth)
        return -over_x, self.width + over_x


def gradient(setting: Setting, stops: tuple[Colour, ...], horizon: int) -> Floats:
    """Return the colours (BGR) of each row: the stops down to the horizon, then the last."""
    down = np.clip(np.arange(setting.height) / max(1, horizon), 0, 1) ** 1.1
    places = np.linspace(0, 1, len(stops)) if len(stops) != 4 else [0, 0.42, 0.78, 1]  # noqa: PLR2004 -- a sky has four
    channels = [np.interp(down, places, [stop[i] for stop in stops]) for i in (2, 1, 0)]
    return np.stack(channels, 1).astype(np.float32)


def backdrop(setting: Setting, rows: Floats) -> Backdrop:
    """Paint rows of colour across the film, with a grain that hides the steps between them."""
    dice = setting.dice("grain")
    picture = np.repeat(rows[:, None], setting.width, axis=1)
    picture += dice.random((setting.height, setting.width, 1), dtype=np.float32) * 1.6 - 0.8
    return Backdrop(frame_of_floats(picture))


@dataclass(frozen=True, slots=True)
class Ridge:
    """A line of land: its mean row, how high it rises, how rough it is, how far it is."""

    y: float
    height: float
    lumps: float
    depth: float
    octaves: int = 6
    gain: float = 0.5


def ridge_line(setting: Setting, ridge: Ridge, name: str) -> np.ndarray:
    """Return the rows of a ridge, one for each column a piece at its depth must fill."""
    first, last = setting.across(ridge.depth)
    noise = line(
        setting.dice("ridge", name),
        last - first,
        lumps=ridge.lumps,
        octaves=ridge.octaves,
        gain=ridge.gain,
    )
    return np.asarray(ridge.y - ridge.height * (0.5 + 0.5 * noise))


def land(
    setting: Setting,
    rows: np.ndarray,
    depth: float,
    paint: Colour | Fade,
    *,
    bottom: float | None = None,
    growth: float = 0.0,
) -> Ink:
    """Fill the land below a ridge; the caller draws on, up to `growth` units above."""
    first, last = setting.across(depth)
    end = setting.height if bottom is None else bottom
    ink = setting.ink(depth, float(rows.min()) - 2 - growth * setting.unit, end)
    low = end + setting.view.margin_y(depth)
    # Edges of a pixel or two would be drawn as stairs.
    step = max(2, round(6 * setting.unit))
    xs = np.arange(first, last, step, dtype=np.float64)
    outline = np.stack([xs, rows[: last - first : step][: len(xs)]], 1)
    ink.fill(
        np.concatenate([outline, [(last + 4, rows[-1]), (last + 4, low), (first - 4, low)]]), paint
    )
    return ink


def mist(
    setting: Setting, y: float, height: float, depth: float, strength: float, *, drift: float = 4.0
) -> Plate:
    """Build a band of mist about a row."""
    view = setting.view
    over_x = view.margin_x(depth)
    dice = setting.dice("mist", str(round(y)))
    width = setting.width + 2 * over_x + 2 * int(drift * setting.unit * setting.seconds / 2 + 1)
    tall = max(4, int(height) & ~1)
    small = (max(8, width // 8), max(4, tall // 8))
    noise = field(dice, *small, cells=(6, 2), octaves=3)
    down = np.linspace(-1, 1, small[1], dtype=np.float32)[:, None]
    body = np.clip((1 - down * down) * (0.35 + noise) * strength, 0, 0.95)
    colour = np.array([*lighter(setting.light.haze, 0.12)[::-1], 255], np.float32)
    pixels = (body[..., None] * colour).astype(np.uint8)
    large = cv2.resize(pixels, (width & ~1, tall), interpolation=cv2.INTER_LINEAR)
    x = -over_x - int(drift * setting.unit * setting.seconds)
    drawing = Drawing(sprite_of(np.asarray(large, np.uint8)), x, int(y - tall / 2))
    return Plate(drawing, depth, drift_x=drift * setting.unit)
