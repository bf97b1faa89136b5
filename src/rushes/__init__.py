"""Rushes: one durable API in front of every video model."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rushes.client import (
        ApiError,
        AsyncRushes,
        ConnectionFailed,
        Rushes,
        RushesError,
        Video,
        VideoFailed,
        WaitTimeout,
    )
else:

    def __getattr__(name: str) -> object:
        """Load the client when it is first asked for: the server starts without it."""
        if name in __all__:
            return getattr(import_module("rushes.client"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__version__ = "0.1.0"

__all__ = [
    "ApiError",
    "AsyncRushes",
    "ConnectionFailed",
    "Rushes",
    "RushesError",
    "Video",
    "VideoFailed",
    "WaitTimeout",
    "__version__",
]
