"""The farm: real renderers and feigned ones, and what becomes of them."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from rushes.domain.spec import Script, Size
from rushes.studio.farm import (
    Done,
    Failed,
    Farm,
    Rendering,
    Stopped,
    Unknown,
    Waiting,
)
from rushes.studio.order import Order

MakeOrder = Callable[..., Order]
PATIENCE_S = 20.0
DEATH_S = 10.0

HANGING = """
import os, signal, sys
sys.stdin.readline()
print('{"progress": 40}', flush=True)
with open(sys.argv[1], "w") as door:
    door.write(str(os.getpid()))
signal.pause()
"""
"""A renderer that says who it is at a door (a named pipe), and then nothing any more."""


@pytest.fixture
def door(tmp_path: Path) -> Path:
    path = tmp_path / "door"
    os.mkfifo(path)
    return path


def films_in(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.iterdir())


async def knocked(door: Path) -> int:
    """Wait until a renderer is there; return its process id."""
    return int(await asyncio.to_thread(door.read_text))


@asynccontextmanager
async def a_farm(folder: Path, **options: Any) -> AsyncIterator[Farm]:
    farm = Farm(folder, **options)
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield farm
    finally:
        await farm.close()


def feigned(script: str, *arguments: object) -> tuple[str, ...]:
    return (sys.executable, "-c", script, *(str(argument) for argument in arguments))


def is_gone(pid: int) -> bool:
    """Wait for the end of a process that need not be a child of ours."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], DEATH_S)[0])
    finally:
        os.close(handle)


async def test_a_film_is_rendered_once_however_often_it_is_begun(
    tmp_path: Path, order: MakeOrder
) -> None:
    async with a_farm(tmp_path) as farm:
        assert isinstance(farm.look("a"), Unknown)
        for _ in range(3):
            farm.begin("a", order())
        state = await farm.wait("a")
        assert isinstance(state, Done)
        farm.begin("a", order())
        assert farm.look("a") == state
    assert state.path.stat().st_size > 1000
    assert len(films_in(tmp_path)) == 1


async def test_half_as_many_films_as_cores_are_rendered_at_once(
    tmp_path: Path, door: Path, order: MakeOrder
) -> None:
    async with a_farm(tmp_path / "films", cores=3, command=feigned(HANGING, door)) as farm:
        farm.begin("first", order())
        farm.begin("second", order())
        await knocked(door)
        assert isinstance(farm.look("first"), Rendering)
        assert isinstance(farm.look("second"), Waiting)
        await farm.stop("first")
        await knocked(door)
        assert isinstance(farm.look("second"), Rendering)


async def test_a_stopped_film_has_no_renderer(tmp_path: Path, door: Path, order: MakeOrder) -> None:
    async with a_farm(tmp_path / "films", command=feigned(HANGING, door)) as farm:
        farm.begin("a", order())
        pid = await knocked(door)
        assert await farm.stop("a")
        assert is_gone(pid)
        assert isinstance(farm.look("a"), Stopped)
        farm.begin("a", order())
        assert isinstance(farm.look("a"), Stopped)


async def test_a_stopped_film_leaves_nothing_behind(tmp_path: Path, order: MakeOrder) -> None:
    async with a_farm(tmp_path) as farm:
        farm.begin("a", order(seconds=20, size=Size(640, 360)))
        farm.begin("b", order(size=Size(16, 16)))
        await farm.stop("a")
        await farm.wait("b")
    assert films_in(tmp_path) == ["b"]


async def test_a_done_film_cannot_be_stopped(tmp_path: Path, order: MakeOrder) -> None:
    async with a_farm(tmp_path) as farm:
        farm.begin("a", order())
        await farm.wait("a")
        assert not await farm.stop("a")
        assert isinstance(farm.look("a"), Done)


async def test_a_film_stopped_before_it_began_never_begins(
    tmp_path: Path, order: MakeOrder
) -> None:
    async with a_farm(tmp_path) as farm:
        assert await farm.stop("a")
        farm.begin("a", order())
        assert isinstance(farm.look("a"), Stopped)


async def test_a_renderer_that_hangs_is_ended(tmp_path: Path, door: Path, order: MakeOrder) -> None:
    options = {"patience_s": 0.6, "patience_a_second_s": 0.0}
    async with a_farm(tmp_path / "films", command=feigned(HANGING, door), **options) as farm:
        farm.begin("a", order())
        pid = await knocked(door)
        state = await farm.wait("a")
        assert state == Failed("provider_error", "the renderer took too long, and was ended")
        assert is_gone(pid)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import sys; sys.exit(3)", "ended with 3: silence"),
        ("raise KeyError('x')", "KeyError: 'x'"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended with -9"),
        ("print('{\"done\": null}')", "ended with 0"),
        ("print('x' * 200_000)", "said a line without end"),
    ],
)
async def test_a_renderer_that_breaks_is_told(
    script: str, message: str, tmp_path: Path, order: MakeOrder
) -> None:
    async with a_farm(tmp_path, command=feigned(script)) as farm:
        farm.begin("a", order())
        state = await farm.wait("a")
        assert isinstance(state, Failed)
        assert state.code == "provider_error"
        assert message in state.message


async def test_a_renderer_that_cannot_be_run_is_told(tmp_path: Path, order: MakeOrder) -> None:
    async with a_farm(tmp_path, command=(str(tmp_path / "nothing"),)) as farm:
        farm.begin("a", order())
        assert isinstance(await farm.wait("a"), Failed)


async def test_a_script_ends_as_it_says_without_rendering(tmp_path: Path, order: MakeOrder) -> None:
    never = (str(tmp_path / "nothing"),)
    async with a_farm(tmp_path, command=never) as farm:
        farm.begin("a", order(), Script("content_policy_violation"))
        state = await farm.wait("a")
        assert isinstance(state, Failed)
        assert state.code == "content_policy_violation"


async def test_a_scripted_delay_is_spent_in_progress(tmp_path: Path, order: MakeOrder) -> None:
    async with a_farm(tmp_path) as farm:
        began = asyncio.get_running_loop().time()
        farm.begin("a", order(), Script(delay_s=1.2))
        assert isinstance(farm.look("a"), Rendering)
        assert isinstance(await farm.wait("a"), Done)
        assert asyncio.get_running_loop().time() - began >= 1.2


async def test_a_film_rendered_before_a_restart_is_found_again(
    tmp_path: Path, order: MakeOrder
) -> None:
    async with a_farm(tmp_path) as farm:
        farm.begin("a", order())
        before = await farm.wait("a")
    async with a_farm(tmp_path, command=(str(tmp_path / "nothing"),)) as farm:
        farm.begin("a", order())
        assert await farm.wait("a") == before


async def test_a_film_that_is_gone_is_unknown_and_is_made_again(
    tmp_path: Path, order: MakeOrder
) -> None:
    async with a_farm(tmp_path) as farm:
        farm.begin("a", order())
        state = await farm.wait("a")
        assert isinstance(state, Done)
        state.path.unlink()
        assert isinstance(farm.look("a"), Unknown)
        farm.begin("a", order())
        assert isinstance(await farm.wait("a"), Done)


async def test_only_so_many_films_are_kept(tmp_path: Path, order: MakeOrder) -> None:
    async with a_farm(tmp_path, films_max=2) as farm:
        for job in ("a", "b", "c"):
            farm.begin(job, order(size=Size(16, 16)))
            await farm.wait(job)
        assert isinstance(farm.look("a"), Unknown)
        assert isinstance(farm.look("c"), Done)
    assert films_in(tmp_path) == ["b", "c"]


async def test_a_forgotten_film_is_removed(tmp_path: Path, order: MakeOrder) -> None:
    async with a_farm(tmp_path) as farm:
        farm.begin("../a b", order())
        state = await farm.wait("../a b")
        assert isinstance(state, Done)
        assert state.path.parent == tmp_path
        farm.forget("../a b")
        assert not state.path.exists()
        farm.forget("never heard of")


async def test_old_films_of_an_earlier_farm_are_removed(tmp_path: Path) -> None:
    old, young = tmp_path / "old.mp4", tmp_path / "young.mp4"
    old.touch()
    young.touch()
    os.utime(old, (1, 1))
    async with a_farm(tmp_path):
        assert not old.exists()
        assert young.exists()


async def test_a_closed_farm_has_no_renderers_and_begins_none(
    tmp_path: Path, door: Path, order: MakeOrder
) -> None:
    async with a_farm(tmp_path / "films", command=feigned(HANGING, door)) as farm:
        farm.begin("a", order())
        pid = await knocked(door)
        await farm.close()
        assert is_gone(pid)
        with pytest.raises(RuntimeError):
            farm.begin("b", order())


SERVER = """
import asyncio, pathlib, sys
from rushes.domain.spec import Mode, Size, Spec
from rushes.studio.farm import Farm, Rendering
from rushes.studio.order import Order

def children(pid):
    listed = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [*listed, *(grandchild for child in listed for grandchild in children(child))]

async def main():
    import os
    farm = Farm(pathlib.Path(sys.argv[1]))
    spec = Spec("sandbox", Mode.TEXT_TO_VIDEO, "a forest", 120, Size(854, 480), 1)
    farm.begin("a", Order(spec, "SANDBOX"))
    while not isinstance(state := farm.look("a"), Rendering) or state.progress < 10:
        await asyncio.sleep(0.02)
    print(*children(os.getpid()), flush=True)
    await farm.wait("a")

asyncio.run(main())
"""


def test_no_renderer_outlives_a_server_that_is_killed(tmp_path: Path) -> None:
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        pids = [int(pid) for pid in server.stdout.readline().split()]
        assert len(pids) == 2, "a renderer and its second half"
        server.send_signal(signal.SIGKILL)
        assert server.wait(DEATH_S) == -signal.SIGKILL
        assert all(is_gone(pid) for pid in pids)
    finally:
        server.kill()
        server.wait(DEATH_S)
        if server.stdout is not None:
            server.stdout.close()
