"""Dying together: a renderer ends when the process that wanted its film is gone."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
"""Source: prctl(2), linux/prctl.h."""


class Orphaned(RuntimeError):
    """The parent was gone before we could say that we want to go with it."""


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel end this process when its parent ends, however that ends.

    The kernel remembers the thread that made this process; a parent that makes renderers from
    a thread ends them with that thread. Nothing of this is inherited by a fork.

    Raises:
        Orphaned: the parent has ended already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent_pid and os.getppid() != parent_pid:
        raise Orphaned("nobody waits for this film any more")
