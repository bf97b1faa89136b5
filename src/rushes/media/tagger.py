"""Labelling films as China's rules want it: the tag `AIGC` in the file, and words to be seen.

The tag needs the film's boxes to be written anew, the words its pictures: both happen in a child
like that of the inspector, one Python each, since most operators want neither.

Sources: GB 45438-2025 by way of secondary pages (docs/how-to/provenance.md says which part is
read there, and that nobody here read the standard).
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from rushes.domain.provenance import Origin
from rushes.media.children import Children, FreshChildren, ask, isolated
from rushes.media.inspection import EXIT_VERDICT, InspectionLimits
from rushes.media.tagging import ORDER, TAGGED, Label, Order, Report

COMMAND: Final = isolated("from rushes.media.tag_child import main\nsys.exit(main(sys.argv))")
GENERATED: Final = "1"
"""The value of `Label` for what was generated; 2 and 3 are for who only suspects it."""

REPORT_BYTES_MAX: Final = 4_096
GROWS_BYTES_MAX: Final = 16 * 2**20
GROWS_TIMES_MAX: Final = 4
LIMITS: Final = InspectionLimits(
    opening_cpu_s=20, cpu_s_max=1_800, pixels_per_cpu_s=4_000_000, wall_s=3_600.0
)


class Untagged(Exception):
    """A film could not be tagged or labelled; the message says why."""


@dataclass(frozen=True, slots=True)
class Producer:
    """Who makes films, by the codes the rules give: `producer`, and who passes them on."""

    producer: str
    propagator: str = ""

    def tag(self, task_id: str) -> str:
        """Return the tag of a film, as JSON; the reserved fields are left to whoever needs them."""
        return json.dumps(
            {
                "Label": GENERATED,
                "ContentProducer": self.producer,
                "ProduceID": task_id,
                "ReservedCode1": "",
                "ContentPropagator": self.propagator,
                "PropagateID": task_id if self.propagator else "",
                "ReservedCode2": "",
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )


class FilmTagger:
    """Tags films in limited child processes, at most `at_once_max` at a time."""

    def __init__(
        self,
        producer: Producer | None,
        label: Label | None,
        *,
        children: Children | None = None,
        at_once_max: int | None = None,
    ) -> None:
        self._producer = producer
        self._label = label
        self._children = children or FreshChildren(COMMAND)
        self._slots = asyncio.Semaphore(at_once_max or os.cpu_count() or 1)

    async def tag(self, film: Path, folder: Path, origin: Origin) -> Path:
        """Return a tagged copy of a film, which lies in `folder`; the film is not touched.

        Raises:
            Untagged: with a sentence.
        """
        tag = None if self._producer is None else self._producer.tag(origin.task_id)
        order = Order(tag, self._label)
        await asyncio.to_thread((folder / ORDER).write_bytes, msgspec.json.encode(order))
        async with self._slots:
            try:
                fault = await self._ask_child(film, folder)
            except (OSError, msgspec.DecodeError) as trouble:
                raise Untagged(f"it ended without a result: {trouble}") from trouble
        if fault:
            raise Untagged(fault)
        return folder / TAGGED

    async def _ask_child(self, film: Path, folder: Path) -> str:
        heard = await ask(self._children, film, folder, _limits, bytes_max=REPORT_BYTES_MAX)
        if heard.code != EXIT_VERDICT:
            raise OSError(f"it ended with {heard.code}: {heard.complaint}")
        return msgspec.json.decode(heard.said, type=Report).fault


def _limits(film_bytes: int) -> InspectionLimits:
    """Return what tagging a film of this length may use."""
    return replace(LIMITS, still_bytes_max=GROWS_TIMES_MAX * film_bytes + GROWS_BYTES_MAX)


def order_of(folder: Path) -> Order:
    """Read the order that lies in a working folder."""
    told = json.loads((folder / ORDER).read_bytes())
    label = None if told["label"] is None else Label(**told["label"])
    return Order(told["tag"], label)
