"""The child of `reader.py`: reads what a film says of itself, under limits, in its own process.

    python -I … LIMITS PARENT_PID < film

What may be believed lies in the working folder (`anchors.pem`), if anything does.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import IO, Final

from c2pa import C2paError, Context, Reader

from rushes.media.confinement import confine
from rushes.media.containers import HEAD_BYTES, is_mov, is_mp4
from rushes.media.inspection import EXIT_VERDICT, InspectionLimits
from rushes.media.manifest import FORMAT, Sealed, sealed_of
from rushes.media.reading import ANCHORS, Reading
from rushes.media.seal_child import OFFLINE
from rushes.media.seals import has_seal, tag_of

_FILM: Final = 0


def main(arguments: list[str]) -> int:
    """Read standard input, and say what it says."""
    limits = InspectionLimits(**json.loads(arguments[1]))
    confine(limits, parent=int(arguments[2]))
    os.environ["TMPDIR"] = "."
    with os.fdopen(os.dup(_FILM), "rb") as film:
        try:
            reading = _read(film)
        except MemoryError:
            reading = Reading(fault="It needs more memory to be read than a film may.")
    sys.stdout.write(json.dumps(asdict(reading)))
    sys.stdout.flush()
    return EXIT_VERDICT


def _read(film: IO[bytes]) -> Reading:
    film.seek(0)
    head = film.read(HEAD_BYTES)
    if not is_mp4(head) and not is_mov(head):
        return Reading(fault="It is not an MP4 file.")
    tag = tag_of(film)
    if not has_seal(film):
        return Reading(tag=tag)
    film.seek(0)
    try:
        with Context.from_dict(_trusting()) as context, Reader(FORMAT, film, context=context) as it:
            return Reading(tag=tag, sealed=sealed_of(json.loads(it.json()), _state(it)))
    except C2paError as error:
        why = " ".join(str(error).split())[:300]
        return Reading(tag=tag, sealed=Sealed(state="Invalid", problems=(why,)))


def _state(reader: Reader) -> str:
    return str(reader.get_validation_state() or "Invalid")


def _trusting() -> dict[str, object]:
    """Return the library's settings: offline, and with whoever was named as trusted."""
    anchors = Path(ANCHORS)
    if not anchors.exists():
        return dict(OFFLINE)
    return {**OFFLINE, "trust": {"user_anchors": anchors.read_text(encoding="ascii")}}


if __name__ == "__main__":
    sys.exit(main(sys.argv))
