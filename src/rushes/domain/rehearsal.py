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
        name = wish.resolution.param if wish.resolution is not None else "resolution"
        changed += wish.as_told(size) or [Said(RESOLUTION_MAX, name)]
    return spec, wish.in_order(changed)
