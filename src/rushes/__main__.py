"""`python -m rushes`."""

from __future__ import annotations

from rushes.cli import main

main()
