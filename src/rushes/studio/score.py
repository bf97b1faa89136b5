"""The sound track of an order: the caller's own sound where there is any, else what fits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rushes.domain.spec import Mode, Role
from rushes.studio.film import RATE_HZ, Sound
from rushes.studio.order import Order
from rushes.studio.pictures import track
from rushes.studio.shots import Shot
from rushes.studio.sound import Heard, ambience

_CROSSING_S = 0.3
_REFERENCE_SHARE = 0.7


def score(order: Order, board: Sequence[Shot]) -> Sound | None:
    """Return the sound of a film of some shots; None for a silent one.

    Driving audio is the sound, asked for or not. A film made from another keeps its sound.

    Raises:
        BadOrder: a file cannot be read.
    """
    seconds = float(order.seconds)
    for source in order.inputs(Role.DRIVING_AUDIO):
        return track(source, seconds)
    if not order.spec.with_audio:
        return None
    sound = ambience([Heard(one.plan, (one.stop - one.start) / order.fps) for one in board])
    for source in order.inputs(Role.REFERENCE_AUDIO)[:1]:
        heard = track(source, seconds)
        if heard is not None:
            sound = sound * np.float32(1 - _REFERENCE_SHARE) + heard * np.float32(_REFERENCE_SHARE)
    if order.spec.mode.derives:
        sound = _with_source(order, sound)
    return sound


def _with_source(order: Order, sound: Sound) -> Sound:
    """Keep the sound of the source film as long as its pictures are seen."""
    found = order.inputs(Role.SOURCE_FILM, Role.FIRST_CLIP, Role.REFERENCE_VIDEO)
    known_s = order.spec.source_seconds
    seconds = float(order.seconds)
    if order.spec.mode is Mode.EXTEND:
        seconds = seconds if known_s is None else min(known_s, seconds)
    heard = track(found[0], seconds) if found else None
    if heard is None:
        return sound
    count = min(heard.shape[1], sound.shape[1])
    mixed = sound.copy()
    mixed[:, :count] = heard[:, :count]
    crossing = min(count, int(_CROSSING_S * RATE_HZ))
    if crossing and count < sound.shape[1]:
        ramp = np.linspace(0, 1, crossing, dtype=np.float32)
        part = slice(count - crossing, count)
        mixed[:, part] = mixed[:, part] * (1 - ramp) + sound[:, part] * ramp
    return mixed
