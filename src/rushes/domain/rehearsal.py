"""What a test key's film is cut down to: short and small enough for everybody's machine."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from rushes.domain.catalog import size_like
from rushes.domain.spec import Said, Spec, Wish

SECONDS_MAX: Final = 10
RESOLUTION_MAX: Final = "720p"
SHORT_PX_MAX: Final = 720


def cut_down(spec: Spec, wish: Wish) -> tuple[Spec, tuple[Said[str], ...]]:
    """Return a spec within the bounds of a test key, and what was changed, in the order sent.

    A name is the caller's, or the first spelling where nothing was said. Source: CONTRACT §12.
    """
    changed: list[Said[str]] = []
    if spec.seconds > SECONDS_MAX:
        spec = replace(spec, seconds=SECONDS_MAX)
        name = wish.seconds.param if wish.seconds is not None else "duration"
        changed.append(Said(str(SECONDS_MAX), name))
    if spec.size.short_px > SHORT_PX_MAX:
        size = size_like(RESOLUTION_MAX, spec.size)
        spec = replace(spec, size=size, resolution=RESOLUTION_MAX)
        changed += _said_size(spec, wish)
    order = {path: at for at, path in enumerate(wish.order)}
    changed.sort(key=lambda said: order.get(said.param, len(order)))
    return spec, tuple(changed)


def _said_size(spec: Spec, wish: Wish) -> list[Said[str]]:
    """Name the new size as the size was told."""
    if wish.size is None:
        name = wish.resolution.param if wish.resolution is not None else "resolution"
        return [Said(RESOLUTION_MAX, name)]
    edges = {"width": str(spec.size.width_px), "height": str(spec.size.height_px)}
    return [
        Said(edges.get(path.rpartition(".")[2], str(spec.size)), path) for path in wish.size_params
    ]
