"""Children of our own under a film inspector: what they do instead of looking at a film."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rushes.media.children import Children, ForkedChildren, FreshChildren, isolated

PREAMBLE: Final = """
import json, os, signal, sys
from rushes.media.inspection import InspectionLimits
limits, parent = InspectionLimits(**json.loads(sys.argv[1])), int(sys.argv[2])
def say(**report): sys.stdout.write(json.dumps(report)); sys.stdout.flush()
"""
"""A script has `limits` and `parent`, and may `say` a report."""

_ZYGOTE: Final = """
import sys
from rushes.media import zygote
{before}
def look(arguments):
    sys.argv = arguments
    exec(compile({script!r}, "script", "exec"), {{"__name__": "script"}})
    return 0
sys.exit(zygote.main(sys.argv, look))
"""


def fresh_command(script: str) -> tuple[str, ...]:
    """Return what starts a process that runs a script."""
    return isolated(PREAMBLE + script)


def zygote_command(script: str, before: str = "") -> tuple[str, ...]:
    """Return what starts a zygote whose children run a script; `before` is for itself."""
    return isolated(_ZYGOTE.format(script=PREAMBLE + script, before=before))


@dataclass(frozen=True, slots=True)
class Way:
    """A way to come by a child."""

    kind: type[ForkedChildren | FreshChildren]
    command: Callable[[str], tuple[str, ...]]

    def usual(self) -> Children:
        """Return where children come from that look at films."""
        return self.kind()

    def scripted(self, script: str) -> Children:
        """Return where children come from that run a script."""
        return self.kind(self.command(script))


WAYS: Final = {
    "forked": Way(ForkedChildren, zygote_command),
    "fresh": Way(FreshChildren, fresh_command),
}
