"""One order, rendered: planned, painted and encoded in two halves, and put in its place."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from rushes.studio import film
from rushes.studio.director import Shoot, about, direct, shoot
from rushes.studio.kinship import die_with_parent
from rushes.studio.order import Made, Order
from rushes.studio.planes import Frame
from rushes.studio.score import score

PARTS: Final = 2
_SHARE: Final = 0.49
_SHARE_WITH_SOUND: Final = 0.45
"""How much this process paints itself: the sound and the joining are its own work too."""

_PLANNED: Final = 5
_PAINTED: Final = 93

Progress = Callable[[int], None]


def render(order: Order, path: Path, progress: Progress) -> Made:
    """Make the film of an order; nothing is at `path` before it is whole.

    `progress` is told percents, now and then.
    """
    began = time.perf_counter()
    spec = order.spec
    form = film.Format(spec.size.width_px, spec.size.height_px, order.fps)
    shot = shoot(order)
    reel = direct(shot)
    ready = time.perf_counter()
    progress(_PLANNED)
    count = order.frame_count
    middle = round(count * (_SHARE_WITH_SOUND if spec.with_audio else _SHARE))
    parent = os.getpid()
    halves = [path.with_name(f"{path.name}.{parent}.{part}") for part in range(PARTS)]
    whole = path.with_name(f"{path.name}.{parent}.whole")
    try:
        wait = film.beside(
            lambda: film.encode(halves[1], form, reel.frames(middle, count)),
            before=lambda: die_with_parent(parent),
        )
        film.encode(halves[0], form, _told(reel.frames(0, middle), middle, progress))
        sound = score(order, shot.board)
        wait()
        painted = time.perf_counter()
        parts = ((halves[0], middle), (halves[1], count - middle))
        film.join(parts, whole, form, sound=sound, tags=tags(shot))
        size_bytes = whole.stat().st_size
        whole.replace(path)
    finally:
        for leftover in (*halves, whole):
            leftover.unlink(missing_ok=True)
    return Made(
        frame_count=count,
        fps=order.fps,
        width_px=form.width,
        height_px=form.height,
        size_bytes=size_bytes,
        with_audio=sound is not None,
        scene=shot.plan.scene.value,
        plan_s=round(ready - began, 3),
        draw_s=round(painted - ready, 3),
        total_s=round(time.perf_counter() - began, 3),
    )


def _told(frames: Iterator[Frame], count: int, progress: Progress) -> Iterator[Frame]:
    said = _PLANNED
    for index, frame in enumerate(frames):
        percent = _PLANNED + (_PAINTED - _PLANNED) * index // max(1, count)
        if percent >= said + 5:
            progress(percent)
            said = percent
        yield frame


def tags(shot: Shoot) -> dict[str, str]:
    """Say within the file what it is."""
    order = shot.order
    said = f"Synthetic rehearsal film, drawn by Rushes without a model; {order.label}"
    if order.token:
        said += f"; task {order.token}"
    return {"title": order.label, "comment": said, "description": about(shot)}
