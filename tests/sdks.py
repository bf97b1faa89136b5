"""Official SDKs, each in a process of its own, on packages that are none of ours."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

UNREACHABLE = ("No matching distribution", "NewConnectionError", "ConnectTimeout", "ProxyError")
GOLDENS = Path(__file__).parent / "providers" / "goldens"


async def run(*words: str) -> tuple[int, str, str]:
    """Run a Python; return its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def installed(folder: Path, sdk: str) -> None:
    """Fetch an SDK into a folder; skip where no index can be reached."""
    code, _, err = await run("-m", "pip", "install", "-q", "--target", str(folder), sdk)
    if code and any(word in err for word in UNREACHABLE):
        pytest.skip(f"pip reaches no index that has {sdk}")
    assert code == 0, err


def bodies(kind: str) -> list[dict[str, Any]]:
    """The bodies that a provider's goldens send."""
    goldens = [json.loads(path.read_text()) for path in sorted((GOLDENS / kind).glob("*.json"))]
    return [golden["body"] for golden in goldens if "body" in golden]
