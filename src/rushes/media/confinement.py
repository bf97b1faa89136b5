"""What a child that looks at somebody else's bytes gives up first, and cannot have again."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from typing import Final

from rushes.media.inspection import InspectionLimits

_SET_PARENT_DEATH_SIGNAL, _SET_NO_NEW_PRIVILEGES = 1, 38  # linux/prctl.h
_HARD_CPU_AFTER_S: Final = 2


def confine(limits: InspectionLimits, *, parent: int) -> None:
    """Give up whatever an inspection does not need; what is given up cannot be had again."""
    die_with(parent)
    signal.setitimer(signal.ITIMER_REAL, limits.wall_s)  # unhandled, the alarm kills
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, limits.still_bytes_max),
        (resource.RLIMIT_NOFILE, limits.files_max),
        (resource.RLIMIT_AS, limits.memory_bytes_max),
    ):
        resource.setrlimit(what, (most, most))
    allow_cpu(limits, limits.opening_cpu_s)


def die_with(parent: int) -> None:
    """End when our parent does, and never gain a privilege."""
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "prctl"):
        libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if os.getppid() != parent:  # it died before we could ask to die with it
        sys.exit(1)


def allow_cpu(limits: InspectionLimits, cpu_s: int) -> None:
    """Set when SIGXCPU ends us; the hard limit, which only SIGKILL tells of, comes later."""
    hard_s = limits.cpu_s_max + _HARD_CPU_AFTER_S
    resource.setrlimit(resource.RLIMIT_CPU, (min(cpu_s, limits.cpu_s_max), hard_s))
