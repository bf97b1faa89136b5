"""What the studio is asked for, and what it answers: the words between farm and child.

The child reads one `Order` as JSON on its standard input and writes lines on its standard
output: `{"progress": 37}` as it goes, and one last line that is `{"done": {...}}` with what
was made, or `{"error": "..."}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from rushes.domain.spec import SECONDS_BY_PROVIDER, Asset, Role, Spec

FPS_DEFAULT: Final = 24
FPS_MIN: Final = 8
FPS_MAX: Final = 60
SECONDS_DEFAULT: Final = 5
SECONDS_MAX: Final = 120
EDGE_PX_MIN: Final = 16
SANDBOX: Final = "sandbox"


class BadOrder(ValueError):
    """An order that cannot be read, or asks for what the studio has not got."""


@dataclass(frozen=True, slots=True)
class Input:
    """A caller's file: where it lies, and the caller's own word for it."""

    param: str
    path: str


@dataclass(frozen=True, slots=True)
class Order:
    """One film to make.

    `label` is always to be seen in the film, `token` goes into its tag. `files` maps the blob
    names of the spec's assets to local paths.
    """

    spec: Spec
    label: str
    token: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> int:
        """How long the film is; the studio's own choice where the caller left it."""
        seconds = self.spec.seconds
        return SECONDS_DEFAULT if seconds == SECONDS_BY_PROVIDER else seconds

    @property
    def fps(self) -> int:
        """Frames a second: what the option `fps` says, if that is a sane whole number."""
        fps = self.spec.options.get("fps")
        if isinstance(fps, int) and not isinstance(fps, bool) and FPS_MIN <= fps <= FPS_MAX:
            return fps
        return FPS_DEFAULT

    @property
    def frame_count(self) -> int:
        """How many frames the film has."""
        return self.seconds * self.fps

    def inputs(self, *roles: Role) -> tuple[Input, ...]:
        """Return the files that play one of `roles`, in the caller's order.

        Raises:
            BadOrder: one of them was not brought.
        """
        return tuple(self._input(asset) for asset in self.spec.assets_as(*roles))

    def _input(self, asset: Asset) -> Input:
        path = self.files.get(asset.blob or "")
        if path is None:
            raise BadOrder(f"the file of '{asset.param}' was not brought")
        return Input(asset.param, path)


@dataclass(frozen=True, slots=True)
class Job:
    """An order, where its film goes, and whose child works on it (0: nobody's)."""

    order: Order
    path: str
    parent_pid: int = 0


@dataclass(frozen=True, slots=True)
class Made:
    """What was made, measured."""

    frame_count: int
    fps: int
    width_px: int
    height_px: int
    size_bytes: int
    with_audio: bool
    scene: str
    plan_s: float
    draw_s: float
    total_s: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a child: `progress`, `done` or `error` is set.

    `is_order_at_fault` says that the same order would fail again.
    """

    progress: int | None = None
    done: Made | None = None
    error: str | None = None
    is_order_at_fault: bool | None = None


def label_of(model: str) -> str:
    """Say what a film is, for everyone who sees it.

    >>> label_of("sandbox"), label_of("sora-2")
    ('SANDBOX', 'REHEARSAL · sora-2')
    """
    return "SANDBOX" if model == SANDBOX else f"REHEARSAL · {model}"


def read_job(line: bytes) -> Job:
    """Read what the farm wrote.

    Raises:
        BadOrder: it is no job, or one beyond all bounds.
    """
    try:
        job = msgspec.json.decode(line, type=Job)
    except msgspec.DecodeError as error:
        raise BadOrder(f"the order cannot be read: {error}") from error
    if not 1 <= job.order.seconds <= SECONDS_MAX:
        raise BadOrder(f"a film has 1 to {SECONDS_MAX} seconds; got {job.order.seconds}")
    size = job.order.spec.size
    if size.short_px < EDGE_PX_MIN or size.width_px % 2 or size.height_px % 2:
        raise BadOrder(f"both edges of a film are even and at least {EDGE_PX_MIN} px; got {size}")
    return job


def write_line(line: Job | Line) -> bytes:
    """Write one line of either side; what is not set is left out."""
    if isinstance(line, Job):
        return msgspec.json.encode(line) + b"\n"
    said = {
        "progress": line.progress,
        "done": line.done,
        "error": line.error,
        "is_order_at_fault": line.is_order_at_fault,
    }
    return msgspec.json.encode({key: it for key, it in said.items() if it is not None}) + b"\n"


def read_line(line: bytes) -> Line | None:
    """Read one line of a child; None for a line that is none of ours."""
    try:
        return msgspec.json.decode(line, type=Line)
    except msgspec.DecodeError:
        return None
