"""Inputs on their way home: whose fault it is when they do not arrive."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from rushes.domain.catalog import build_catalog
from rushes.domain.reading import shipped_cards
from rushes.domain.spec import Asset, Role, Size
from rushes.domain.task import Status, Task
from rushes.engine.inputs import gather
from rushes.engine.world import OVER, Again
from rushes.ports import Fetched, InputFacts
from rushes.testing.builders import a_spec
from working import Workers

MODEL = "wan2.5-i2v-preview"
PICTURE = Asset(Role.FIRST_FRAME, "image_url", url="https://pictures.example.com/1.png")


class Fetching:
    """Brings the same picture every time, unless the link is dead."""

    def __init__(self, folder: Path, *, is_dead: bool = False) -> None:
        self.folder, self.is_dead = folder, is_dead

    async def fetch(self, url: str, **_rest: Any) -> Fetched:
        if self.is_dead:
            raise OSError("connection refused")
        path = self.folder / "picture"
        path.write_bytes(b"picture")
        return Fetched(path, 7, "0f" * 32, "image/png")


class Examining:
    """Likes every picture."""

    async def examine(self, *_: Any, **__: Any) -> InputFacts:
        return InputFacts("image/png", Size(1280, 720))


def waiting(folder: Path, *, is_dead: bool = False) -> tuple[Workers, Task]:
    workers = Workers()
    workers.world.catalog = build_catalog(shipped_cards(), configured={}, has_providers=False)
    workers.world.fetcher = cast("Any", Fetching(folder, is_dead=is_dead))
    workers.world.examiner = cast("Any", Examining())
    workers.world.scratch = folder
    return workers, workers.put(model=MODEL, spec=a_spec(model=MODEL, assets=(PICTURE,)))


@pytest.mark.promise("P3")
async def test_our_storage_that_is_away_is_no_fault_of_the_callers_link(tmp_path: Path) -> None:
    workers, task = waiting(tmp_path)
    put_files = workers.blobs.put_files

    async def away(files: Mapping[str, Path]) -> None:
        raise OSError("storage could not write it: it answered HTTP 503")

    workers.blobs.put_files = away  # type: ignore[method-assign]
    for _ in range(9):
        assert isinstance(await gather(task, workers.world), Again)
    assert workers.task(task).fault_count == 0
    workers.blobs.put_files = put_files  # type: ignore[method-assign]
    gathered = await gather(task, workers.world)
    assert isinstance(gathered, Task)
    assert gathered.spec.assets[0].blob == "0f" * 32


async def test_a_link_that_stays_dead_is_told_to_the_caller(tmp_path: Path) -> None:
    workers, task = waiting(tmp_path, is_dead=True)
    for _ in range(4):
        assert isinstance(await gather(workers.task(task), workers.world), Again)
    assert await gather(workers.task(task), workers.world) == OVER
    assert workers.task(task).status is Status.FAILED
