"""The child: one order on standard input, lines on standard output, the film at its path."""

from __future__ import annotations

import os
import sys
from importlib import import_module


def main() -> int:
    """Render one order; return the exit code."""
    # One thread each: the two halves of a film are the parallelism, and a process that forks
    # wants no other thread. OpenBLAS reads this once, when numpy is imported.
    for library in ("OPENBLAS", "OMP", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = "1"
    return int(import_module("rushes.studio.child").main())


if __name__ == "__main__":
    sys.exit(main())
