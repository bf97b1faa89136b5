"""Children forked from a zygote: what they cannot reach, and what becomes of them together."""

from __future__ import annotations

import asyncio
import errno
import gc
import json
import os
import select
import signal
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from filming import Scene, shoot
from inspecting import fresh_command, zygote_command
from rushes.media.children import ForkedChildren, FreshChildren
from rushes.media.inspector import FilmInspector
from rushes.ports import NotAFilm, Probe

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks")

PATIENCE_S = 60.0
FOUND = "say(seconds=1.0, width_px=2, height_px=2, fps=1.0, frame_count=1, video_codec='h264')\n"
TELLING = 'with open("told", "w") as file: file.write(str(os.getpid()))\n'
WAITING = 'with open("wait") as file: file.read()\n'
"""Until somebody opens the other end of `wait`."""


def forked(script: str, before: str = "") -> ForkedChildren:
    return ForkedChildren(zygote_command(script, before))


def a_folder(home: Path, name: str) -> Path:
    folder = home / name
    folder.mkdir()
    (folder / "film.mp4").write_bytes(name.encode())
    for pipe in ("told", "wait"):
        os.mkfifo(folder / pipe)
    return folder


async def look(inspector: FilmInspector, folder: Path) -> Probe:
    async with asyncio.timeout(PATIENCE_S):
        return await inspector.inspect(folder / "film.mp4", folder)


async def told(folder: Path) -> str:
    """Wait for a child to say something through its pipe `told`."""

    def read() -> str:
        with (folder / "told").open() as pipe:
            return pipe.read()

    return await asyncio.wait_for(asyncio.to_thread(read), PATIENCE_S)


def let_go(folder: Path) -> None:
    os.close(os.open(folder / "wait", os.O_WRONLY))


def is_over(pidfd: int) -> bool:
    try:
        return bool(select.select([pidfd], [], [], PATIENCE_S)[0])
    finally:
        os.close(pidfd)


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def children_of(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def memory_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def descriptors_of(pid: int | str) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


BAD_OR_PATIENT = f"""
if os.read(0, 3) == b"bad": os.kill(os.getpid(), signal.SIGSEGV)
{TELLING}{WAITING}{FOUND}"""


async def test_a_film_that_breaks_its_child_harms_no_sibling(tmp_path: Path) -> None:
    inspector = FilmInspector(at_once_max=2, children=forked(BAD_OR_PATIENT))
    good, bad = a_folder(tmp_path, "good"), a_folder(tmp_path, "bad")
    patient = asyncio.create_task(look(inspector, good))
    await told(good)
    with pytest.raises(NotAFilm, match="break the decoder"):
        await look(inspector, bad)
    let_go(good)
    assert (await patient).frame_count == 1


async def test_after_a_broken_child_the_next_film_has_another_zygote(tmp_path: Path) -> None:
    # All children of one lie in memory alike: whoever guessed once must guess again.
    children = forked(BAD_OR_PATIENT)
    inspector = FilmInspector(children=children)
    with pytest.raises(NotAFilm):
        await look(inspector, a_folder(tmp_path, "bad"))
    assert children.pid is None
    good = a_folder(tmp_path, "good")
    patient = asyncio.create_task(look(inspector, good))
    await told(good)
    let_go(good)
    assert (await patient).frame_count == 1


async def test_a_zygote_that_dies_says_nothing_of_its_films_and_is_replaced(
    tmp_path: Path,
) -> None:
    children = forked(f"{TELLING}{WAITING}{FOUND}")
    inspector = FilmInspector(children=children)
    folder = a_folder(tmp_path, "film")
    under_way = asyncio.create_task(look(inspector, folder))
    child = os.pidfd_open(int(await told(folder)))
    first = children.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    with pytest.raises(OSError, match="the zygote ended"):
        await under_way
    assert await asyncio.to_thread(is_over, child)
    again = asyncio.create_task(look(inspector, folder))
    await told(folder)
    let_go(folder)
    assert (await again).frame_count == 1
    assert children.pid not in {None, first}


async def test_a_zygote_that_died_idle_is_replaced_unnoticed(tmp_path: Path) -> None:
    children = forked(FOUND)
    inspector = FilmInspector(children=children)
    folder = a_folder(tmp_path, "film")
    await look(inspector, folder)
    first = children.pid
    assert first is not None
    pidfd = os.pidfd_open(first)
    os.kill(first, signal.SIGKILL)
    assert await asyncio.to_thread(is_over, pidfd)
    await look(inspector, folder)
    assert children.pid != first


async def test_a_zygote_nobody_holds_is_gone(tmp_path: Path) -> None:
    children = forked(FOUND)
    inspector = FilmInspector(children=children)
    await look(inspector, a_folder(tmp_path, "film"))
    assert children.pid is not None
    pidfd = os.pidfd_open(children.pid)
    del inspector, children
    gc.collect()
    assert await asyncio.to_thread(is_over, pidfd)


NO_PROCESS = "import errno, os\ndef fork(): raise OSError(errno.EAGAIN, '')\nos.fork = fork"


async def test_where_no_process_is_to_be_had_the_film_is_tried_later(tmp_path: Path) -> None:
    inspector = FilmInspector(children=forked(FOUND, before=NO_PROCESS))
    with pytest.raises(OSError, match="temporarily unavailable") as refused:
        await look(inspector, a_folder(tmp_path, "film"))
    assert refused.value.errno == errno.EAGAIN


A_THREAD = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()"


async def test_where_a_fork_is_not_safe_films_have_fresh_processes(tmp_path: Path) -> None:
    fresh = FreshChildren(fresh_command(FOUND))
    children = ForkedChildren(zygote_command("sys.exit(9)", before=A_THREAD), fresh)
    folder = a_folder(tmp_path, "film")
    assert (await look(FilmInspector(children=children), folder)).frame_count == 1
    assert children.pid is None


REACHABLE = """
def seen(path):
    try: return open(path, "rb").read().decode()
    except OSError as error: return type(error).__name__
say(fault=json.dumps({
    "environment": dict(os.environ),
    "of the zygote": seen(f"/proc/{os.getppid()}/environ"),
    "of itself": seen("/proc/self/environ"),
    "descriptors": sorted(os.listdir("/proc/self/fd")),
    "session": os.getsid(0) == os.getpid() == os.getpgrp(),
    "threads": len(os.listdir(f"/proc/{os.getppid()}/task")),
    "zygote": os.getppid() == parent,
}))
"""


async def test_no_secret_and_no_line_is_in_reach_of_a_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUSHES_SECRET", "sk-1234")
    inspector = FilmInspector(children=forked(REACHABLE))
    with pytest.raises(NotAFilm) as refused:
        await look(inspector, a_folder(tmp_path, "film"))
    found = json.loads(str(refused.value))
    assert set(found["environment"]) <= {"LC_CTYPE"}
    assert {found["of the zygote"], found["of itself"]} <= {"", "PermissionError"}
    assert found["descriptors"] == ["0", "1", "2", "3"]  # the last is the listing itself
    assert found["session"]
    assert found["zygote"]
    assert found["threads"] == 1


TRACING = """
import ctypes
from rushes.media.inspector_child import confine
confine(limits, parent=parent)
if os.geteuid() == 0: os.setresuid(65534, 65534, 65534)
PTRACE_SEIZE = 0x4206
libc = ctypes.CDLL(None, use_errno=True)
answer = libc.ptrace(PTRACE_SEIZE, os.getppid(), None, None)
say(fault=f"{answer} {ctypes.get_errno()}")
"""


async def test_a_child_cannot_trace_its_zygote(tmp_path: Path) -> None:
    inspector = FilmInspector(children=forked(TRACING))
    with pytest.raises(NotAFilm, match=f"^-1 {errno.EPERM}$"):
        await look(inspector, a_folder(tmp_path, "film"))


async def looked_at(inspector: FilmInspector, home: Path, count: int) -> None:
    async def one(number: int) -> None:
        folder = home / f"{number}"
        folder.mkdir()
        with pytest.raises(NotAFilm) if number % 10 == 0 else nullcontext():
            name = "broken.mp4" if number % 10 == 0 else "film.mp4"
            await inspector.inspect(home / name, folder)
        for still in folder.iterdir():
            still.unlink()
        folder.rmdir()

    await asyncio.gather(*(one(number) for number in range(count)))


@pytest.mark.parametrize("count", [20, pytest.param(600, marks=pytest.mark.long)])
async def test_many_films_leave_nothing_behind(count: int, tmp_path: Path) -> None:
    film = shoot(Scene(frame_count=6))
    (tmp_path / "film.mp4").write_bytes(film)
    (tmp_path / "broken.mp4").write_bytes(film[: len(film) // 2])
    children = ForkedChildren()
    inspector = FilmInspector(children=children)
    await looked_at(inspector, tmp_path, 10)
    zygote = children.pid
    assert zygote is not None
    before = descriptors_of("self"), descriptors_of(zygote), memory_kib(zygote)
    await looked_at(inspector, tmp_path, count)
    assert children.pid == zygote
    assert children_of(zygote) == []
    assert state_of(zygote) == "S"
    assert descriptors_of("self") <= before[0], "an earlier test's may have closed meanwhile"
    assert descriptors_of(zygote) == before[1]
    assert memory_kib(zygote) < before[2] + 1_024
    assert names(tmp_path) == ["broken.mp4", "film.mp4"]
