"""As much of a world as a worker needs to watch tasks at one upstream; everything else is missing.

Tasks and submits from `rushes.testing.builders` are with the provider `gpu`, and so is this.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from rushes.engine.looks import Looks
from rushes.engine.world import Upstream, World
from rushes.ports import Budgets
from rushes.testing.builders import a_submit
from rushes.testing.fakes import ManualClock
from rushes.testing.memory_store import MemoryStore
from rushes.testing.world import NoPatience, SimBlobs, SimDispatcher


def a_world(provider: Any, store: MemoryStore, clock: ManualClock) -> World:
    submit = a_submit()
    upstream = Upstream(provider, submit.credential, Looks(provider.looks_per_s_max))
    nothing = cast("Any", None)
    return World(
        store=store,
        clock=clock,
        catalog=nothing,
        upstreams={submit.provider: upstream},
        blobs=SimBlobs(clock),
        assets=nothing,
        fetcher=nothing,
        examiner=nothing,
        darkroom=nothing,
        dispatcher=SimDispatcher(),
        budgets=Budgets(),
        patience=NoPatience,
        jitter=lambda: 0.5,
        note_progress=lambda *_: None,
        scratch=Path("nowhere"),
    )
