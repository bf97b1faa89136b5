"""Where a call of an agent is taken: by whose key it goes on, and what it may touch here.

Over standard input and output the agent is the user of this machine: calls go out by
`RUSHES_API_KEY`, and a picture may be a file. Over HTTP anybody may call: each call goes out by the
key that came with it and never by one of ours, and no file of this machine is read or written.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx2
from mcp.server.mcpserver.exceptions import ToolError

from rushes.agents.answers import way_out
from rushes.client import (
    AsyncRushes,
    ConnectionFailed,
    InsufficientQuota,
    NotConfigured,
    RushesError,
    Unauthenticated,
    VideoFailed,
)
from rushes.client.media import is_remote, sniff
from rushes.client.shapes import Variant
from rushes.client.sinks import name_of

_BEARER: Final = re.compile(r"[Bb]earer +([!-~]+) *")

PICTURE_BYTES_MAX: Final = 32 * 1024 * 1024
_PICTURES: Final = frozenset({"image/jpeg", "image/png", "image/webp"})
_HEAD_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Desk:
    """What calls have in common. `folder` is where films may be saved; None: nowhere."""

    http: httpx2.AsyncClient
    is_open_to_all: bool
    folder: Path | None = None
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)

    @asynccontextmanager
    async def client(self, headers: Mapping[str, str] | None) -> AsyncGenerator[AsyncRushes]:
        """Have a client for one call; `headers` are those that it came with, over HTTP.

        Raises:
            ToolError: whatever a caller can do something about, in words that say what.
        """
        try:
            key = self.api_key
            if self.is_open_to_all:
                key = key_in(headers or {})
                if key is None:  # the door has seen to it; ours is never the way on
                    raise ToolError(BRING_A_KEY)
            yield AsyncRushes(api_key=key, base_url=self.base_url, http_client=self.http)
        except RushesError as fault:
            raise ToolError(self._words(fault)) from fault
        except OSError as error:
            where = "" if error.filename is None else f"{error.filename}: "
            raise ToolError(f"{where}{error.strerror or error}") from error

    def picture(self, image: str) -> str:
        """Return a picture that may be sent on: an address, or a file of whoever asks.

        Raises:
            ToolError: a file that is none of a caller's over HTTP, or no picture.
            OSError: it cannot be read.
        """
        if is_remote(image):
            return image
        if self.is_open_to_all:
            raise ToolError(
                "image must be an http(s) address or a data: URL here; files of the server's "
                "machine are not read."
            )
        path = Path(image).expanduser()
        if not path.is_file():
            raise ToolError(f"There is no file {path.absolute()}. Give its whole path, or an URL.")
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        if sniff(head) not in _PICTURES:
            raise ToolError(f"{path} is no JPEG, PNG or WebP, and is not sent.")
        if path.stat().st_size > PICTURE_BYTES_MAX:
            raise ToolError(f"{path} is larger than {PICTURE_BYTES_MAX} bytes, and is not sent.")
        return str(path)

    def target(self, video_id: str, variant: Variant, filename: str | None) -> Path:
        """Return where in the folder a film goes; a name cannot lead out of it.

        Raises:
            ToolError: there is no folder, the name is none, or it is taken.
        """
        if self.folder is None:
            raise ToolError("No folder was given: start `rushes mcp` with --folder FOLDER.")
        name = name_of(video_id, variant) if filename is None else filename
        if Path(name).name != name or name.startswith(".") or "\0" in name or "\\" in name:
            raise ToolError(
                "filename must be a bare name such as boat.mp4: without folders, and not hidden."
            )
        target = self.folder / name
        if target.is_symlink() or (target.exists() and not target.is_file()):
            raise ToolError(f"{name} is there and is no plain file: give another filename.")
        if filename is not None and target.exists():
            raise ToolError(f"{name} is there already, and is left alone: give another filename.")
        return target

    def _words(self, fault: RushesError) -> str:
        """Say what went wrong, and what to do about it."""
        return f"{fault} {self._hint(fault)}".strip()

    def _hint(self, fault: RushesError) -> str:
        match fault:
            case VideoFailed():
                return way_out(fault.code)
            case Unauthenticated() if self.is_open_to_all:
                return BRING_A_KEY
            case Unauthenticated():
                return (
                    "RUSHES_API_KEY in the configuration of this tool holds the key; "
                    "`rushes keys create NAME` makes one beside the server."
                )
            case InsufficientQuota():
                return "Tell the user: the budget of the key is used up; its operator can raise it."
            case NotConfigured() | ConnectionFailed():
                return "Tell the user: it is the configuration of this tool that must change."
            case _:
                return ""


BRING_A_KEY: Final = (
    "Bring a Rushes key of your own with each request: the header Authorization: Bearer sk-…"
)


def key_in(headers: Mapping[str, str]) -> str | None:
    """Return the key that a caller brought; None if there is none.

    >>> key_in({"authorization": "Bearer sk-live-1"})
    'sk-live-1'
    >>> key_in({"authorization": "Bearer "}) is None
    True
    """
    found = _BEARER.fullmatch(headers.get("authorization", ""))
    return None if found is None else found[1]
