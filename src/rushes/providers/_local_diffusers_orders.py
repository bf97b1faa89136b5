"""What a pipeline is told of a spec: an order, which is all that a film is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rushes.domain.errors import Blame, Failure, Reason
from rushes.domain.spec import SECONDS_BY_PROVIDER, Asset, Mode, Role, Spec
from rushes.providers._local_diffusers_weights import Pipeline
from rushes.providers.base import Refused
from rushes.providers.orders import noun

SECONDS_DEFAULT: Final = 5
FPS_MAX: Final = 60
STEPS_MAX: Final = 200
GUIDANCE_MAX: Final = 50.0

ROLES: Final[Mapping[Mode, tuple[Role, ...]]] = {
    Mode.TEXT_TO_VIDEO: (),
    Mode.IMAGE_TO_VIDEO: (Role.FIRST_FRAME,),
    Mode.FIRST_LAST_FRAME: (Role.FIRST_FRAME, Role.LAST_FRAME),
}
"""The modes that any pipeline here can make, and the images that each wants."""


@dataclass(frozen=True, slots=True)
class Terms:
    """An operator's own values; None is the pipeline's."""

    fps: int | None = None
    steps: int | None = None
    guidance: float | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """An order, and the callers' images that go with it, by what they are for."""

    order: dict[str, Any]
    images: Mapping[str, Asset]


def told(spec: Spec, model: str, pipelines: Mapping[Mode, Pipeline], terms: Terms) -> Told:
    """Write down how a spec is made.

    `width_px`, `height_px` and `frame_count` are what was asked for. The pipeline draws
    `drawn_width_px`, `drawn_height_px` and `drawn_frame_count`, the next larger ones that it can;
    what is too much is cut off.

    Raises:
        Refused: these weights cannot make it; another route may, so no caller is blamed.
    """
    pipeline = pipelines.get(spec.mode)
    if pipeline is None:
        raise refused(f"The provider's model has no mode {spec.mode}.", f"mode {spec.mode}")
    images = {role.value: _only(spec, role) for role in ROLES[spec.mode]}
    if strays := [a for a in spec.assets if a.role.value not in images]:
        raise refused(f"The provider's model takes no {noun(strays[0].role)}.", "an input")
    if spec.with_audio:
        raise refused("The provider's model makes no sound.", "sound")
    fps = _whole(spec, "fps", FPS_MAX) or terms.fps or pipeline.fps
    seconds = SECONDS_DEFAULT if spec.seconds == SECONDS_BY_PROVIDER else spec.seconds
    frame_count = seconds * fps
    order = {
        "model": model,
        "pipeline": pipeline.name,
        "mode": spec.mode.value,
        "prompt": spec.prompt,
        "negative_prompt": spec.negative_prompt,
        "seed": spec.seed,
        "fps": fps,
        "width_px": spec.size.width_px,
        "height_px": spec.size.height_px,
        "frame_count": frame_count,
        "drawn_width_px": _up(spec.size.width_px, pipeline.edge_px),
        "drawn_height_px": _up(spec.size.height_px, pipeline.edge_px),
        "drawn_frame_count": _up(frame_count - 1, pipeline.frame_step) + 1,
        "steps": _whole(spec, "num_inference_steps", STEPS_MAX) or terms.steps,
        "guidance": _guidance(spec, terms),
        "images": sorted(images),
    }
    return Told(order, images)


def refused(sentence: str, note: str) -> Refused:
    """Say that a spec cannot be made here."""
    failure = Failure.of(Reason.PARAMETERS_REFUSED, sentence)
    return Refused(failure, Blame.PROVIDER, note=f"not sent: {note}")


def _up(count: int, step: int) -> int:
    """Return the next multiple of a step.

    >>> _up(720, 32), _up(79, 4)
    (736, 80)
    """
    return max(1, -(-count // step)) * step


def _only(spec: Spec, role: Role) -> Asset:
    found = spec.assets_as(role)
    if len(found) != 1:
        raise refused(f"The provider's model wants one {noun(role)}.", role.value)
    return found[0]


def _said(spec: Spec, name: str) -> object:
    """Return what a caller said: as an option of the house, or as a key the card lets through."""
    return spec.options.get(name, spec.passthrough.get(name))


def _whole(spec: Spec, name: str, most: int) -> int | None:
    value = _said(spec, name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise refused(f"'{name}' is a whole number from 1 to {most}.", name)
    return value


def _guidance(spec: Spec, terms: Terms) -> float | None:
    value = _said(spec, "cfg_scale")
    value = _said(spec, "guidance_scale") if value is None else value
    if value is None:
        return terms.guidance
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refused(f"'guidance_scale' is a number from 0 to {GUIDANCE_MAX:g}.", "guidance")
    if not 0 <= value <= GUIDANCE_MAX:
        raise refused(f"'guidance_scale' is a number from 0 to {GUIDANCE_MAX:g}.", "guidance")
    return float(value)
