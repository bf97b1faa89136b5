"""The suite that every store of blobs is held to.

    for name in CHECKS:
        await hold(make_blobs(), name, scratch)

Each check gets blobs with nothing in them, and a folder for files of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from rushes.ports import Blobs

Check: TypeAlias = Callable[[Blobs, Path], Awaitable[None]]

PATIENCE_S: Final = 10.0
CHUNK_BYTES_MAX: Final = 2**20
NAME: Final = "films/video_01/1-ab/film.mp4"
CONTENT: Final = bytes(range(256)) * 17

NO_NAMES: Final = (
    "",
    "/",
    "/etc/passwd",
    "films/",
    "films//x",
    "films/../x",
    "../x",
    "./x",
    "films/.hidden",
    ".temporary/x",
    "Films/x",
    "films/x y",
    "films/x\n",
    "films\\x",
    "films/ü",
    "films/%2e%2e/x",
    "films/x\0",
    "x" * 101,
)


async def hold(blobs: Blobs, name: str, scratch: Path) -> None:
    """Hold a store to one check.

    Raises:
        AssertionError: it does not keep it.
    """
    await CHECKS[name](blobs, scratch)


async def a_blob_comes_back_as_it_was_stored(blobs: Blobs, scratch: Path) -> None:
    """Bytes, size and birth, whatever pieces they came in."""
    assert await blobs.put(NAME, _chunks(CONTENT[:1], b"", CONTENT[1:])) == len(CONTENT)
    assert await _read(blobs, NAME) == CONTENT
    stat = await blobs.stat(NAME)
    assert stat is not None
    assert stat.size_bytes == len(CONTENT)
    assert stat.modified_at.utcoffset() is not None, "an instant knows its zone"


async def an_empty_blob_is_a_blob(blobs: Blobs, scratch: Path) -> None:
    """No bytes are not no blob."""
    assert await blobs.put(NAME, _chunks()) == 0
    assert await _read(blobs, NAME) == b""
    stat = await blobs.stat(NAME)
    assert stat is not None
    assert stat.size_bytes == 0


async def a_part_can_be_read(blobs: Blobs, scratch: Path) -> None:
    """A start, a length; what lies beyond the end is left out."""
    await blobs.put(NAME, _chunks(CONTENT))
    end = len(CONTENT)
    for start, length in ((0, 1), (7, 100), (7, None), (0, 0), (end - 1, 5), (end, None), (end, 3)):
        part = CONTENT[start:] if length is None else CONTENT[start : start + length]
        assert await _read(blobs, NAME, start, length) == part, (start, length)
    assert await _read(blobs, NAME, end + 10) == b""
    for start, length in ((-1, None), (0, -1)):
        await _raised(ValueError, _read(blobs, NAME, start, length))


async def a_large_blob_comes_in_bounded_pieces(blobs: Blobs, scratch: Path) -> None:
    """Nobody who sends a film holds all of it."""
    content = CONTENT * 700
    await blobs.put(NAME, _chunks(content))
    pieces = [piece async for piece in blobs.open(NAME)]
    assert b"".join(pieces) == content
    assert 0 < max(map(len, pieces)) <= CHUNK_BYTES_MAX


async def nothing_is_visible_before_it_is_whole(blobs: Blobs, scratch: Path) -> None:
    """Half a blob has no name."""
    is_half_in, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield CONTENT[:100]
        is_half_in.set()
        await go_on.wait()
        yield CONTENT[100:]

    writing = asyncio.create_task(blobs.put(NAME, slowly()))
    await asyncio.wait_for(is_half_in.wait(), PATIENCE_S)
    await _is_not_there(blobs, NAME)
    go_on.set()
    await asyncio.wait_for(writing, PATIENCE_S)
    assert await _read(blobs, NAME) == CONTENT


async def a_write_that_breaks_leaves_nothing(blobs: Blobs, scratch: Path) -> None:
    """The name stays free for the next try."""

    async def broken() -> AsyncIterator[bytes]:
        yield CONTENT
        raise ConnectionError

    await _raised(ConnectionError, blobs.put(NAME, broken()))
    await _is_not_there(blobs, NAME)
    await blobs.put(NAME, _chunks(b"second try"))
    assert await _read(blobs, NAME) == b"second try"


async def a_canceled_write_leaves_nothing(blobs: Blobs, scratch: Path) -> None:
    """Neither does one that nobody waits for any more."""
    is_half_in = asyncio.Event()

    async def for_ever() -> AsyncIterator[bytes]:
        yield CONTENT
        is_half_in.set()
        await asyncio.Event().wait()

    writing = asyncio.create_task(blobs.put(NAME, for_ever()))
    await asyncio.wait_for(is_half_in.wait(), PATIENCE_S)
    writing.cancel()
    await _raised(asyncio.CancelledError, writing)
    await _is_not_there(blobs, NAME)


async def the_same_bytes_may_be_stored_again(blobs: Blobs, scratch: Path) -> None:
    """Inputs are named by their digest, and come more than once, also at once."""
    writes = [blobs.put(NAME, _chunks(CONTENT)) for _ in range(3)]
    assert await asyncio.gather(*writes) == [len(CONTENT)] * 3
    assert await blobs.put(NAME, _chunks(CONTENT)) == len(CONTENT)
    await blobs.put_files({NAME: _file(scratch, CONTENT)})
    assert await _read(blobs, NAME) == CONTENT
    assert [name async for name, _ in blobs.names("")] == [NAME]


async def a_name_keeps_its_bytes(blobs: Blobs, scratch: Path) -> None:
    """Other bytes of any length are refused, and change nothing."""
    await blobs.put(NAME, _chunks(CONTENT))
    for other in (CONTENT[:-1] + b"x", CONTENT + b"x", b""):
        await _raised(FileExistsError, blobs.put(NAME, _chunks(other)))
        given = _file(scratch, other)
        await _raised(FileExistsError, blobs.put_files({NAME: given}))
        assert given.read_bytes() == other
    assert await _read(blobs, NAME) == CONTENT


async def files_can_be_given_away(blobs: Blobs, scratch: Path) -> None:
    """What were files are blobs, however many come at once."""
    await blobs.put_files({})
    stills = {f"films/video_01/1-ab/still{n}.webp": CONTENT[n:] for n in range(3)}
    given = {name: _file(scratch, stills[name], str(n)) for n, name in enumerate(stills)}
    await blobs.put_files(given)
    assert {name: await _read(blobs, name) for name in stills} == stills
    assert not any(path.exists() for path in given.values())


async def what_is_not_there_is_told(blobs: Blobs, scratch: Path) -> None:
    """None, an error, or nothing to do: each verb says it in its way."""
    await blobs.put("films/video_01/2-cd/film.mp4", _chunks(CONTENT))
    for name in (NAME, "films/video_01/2-cd", "films/video_01/2-cd/film.mp4/x"):
        await _is_not_there(blobs, name)
        await blobs.delete(name)
    assert await _read(blobs, "films/video_01/2-cd/film.mp4") == CONTENT


async def a_deleted_blob_is_gone_and_no_other(blobs: Blobs, scratch: Path) -> None:
    """The name may be used again."""
    neighbour = "films/video_01/1-ab/poster.webp"
    for name in (NAME, neighbour):
        await blobs.put(name, _chunks(CONTENT))
    await blobs.delete(NAME)
    await _is_not_there(blobs, NAME)
    assert await _read(blobs, neighbour) == CONTENT
    blobs.delete_now(neighbour)
    await _is_not_there(blobs, neighbour)
    await blobs.put(NAME, _chunks(b"again"))
    assert await _read(blobs, NAME) == b"again"


async def names_are_found_by_their_beginning(blobs: Blobs, scratch: Path) -> None:
    """A prefix is a string, not a folder."""
    names = {"films/a/x", "films/a/y/z", "films/ab", "filmstock", "inputs/0f"}
    for name in names:
        await blobs.put(name, _chunks(name.encode()))
    for prefix in (
        "",
        "f",
        "films",
        "films/",
        "films/a",
        "films/a/",
        "films/a/y/z",
        "x",
        "films/b",
    ):
        found = {name: stat.size_bytes async for name, stat in blobs.names(prefix)}
        assert found == {n: len(n) for n in names if n.startswith(prefix)}, prefix
    assert [name async for name, _ in blobs.names("../")] == []


async def odd_names_are_refused(blobs: Blobs, scratch: Path) -> None:
    """A name is our own, so an odd one is a bug; none leads out of the store."""
    for name in NO_NAMES:
        await _raised(ValueError, blobs.put(name, _chunks(CONTENT)))
        await _raised(ValueError, blobs.put_files({name: _file(scratch, CONTENT)}))
        await _raised(ValueError, blobs.stat(name))
        await _raised(ValueError, _read(blobs, name))
        await _raised(ValueError, blobs.delete(name))
    assert [name async for name, _ in blobs.names("")] == []


async def a_local_path_has_the_bytes(blobs: Blobs, scratch: Path) -> None:
    """Where there is one."""
    await blobs.put(NAME, _chunks(CONTENT))
    path = blobs.local_path(NAME)
    assert path is None or path.read_bytes() == CONTENT


async def room_is_told_or_unknown(blobs: Blobs, scratch: Path) -> None:
    """Free bytes are a count, or None."""
    free_bytes = await blobs.free_bytes()
    assert free_bytes is None or free_bytes >= 0


CHECKS: Final[Mapping[str, Check]] = {
    check.__name__: check
    for check in (
        a_blob_comes_back_as_it_was_stored,
        an_empty_blob_is_a_blob,
        a_part_can_be_read,
        a_large_blob_comes_in_bounded_pieces,
        nothing_is_visible_before_it_is_whole,
        a_write_that_breaks_leaves_nothing,
        a_canceled_write_leaves_nothing,
        the_same_bytes_may_be_stored_again,
        a_name_keeps_its_bytes,
        files_can_be_given_away,
        what_is_not_there_is_told,
        a_deleted_blob_is_gone_and_no_other,
        names_are_found_by_their_beginning,
        odd_names_are_refused,
        a_local_path_has_the_bytes,
        room_is_told_or_unknown,
    )
}


async def _chunks(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def _read(blobs: Blobs, name: str, start: int = 0, length: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in blobs.open(name, start, length)])


async def _is_not_there(blobs: Blobs, name: str) -> None:
    assert await blobs.stat(name) is None, name
    assert name not in [found async for found, _ in blobs.names("")], name
    await _raised(FileNotFoundError, _read(blobs, name))


async def _raised(kind: type[BaseException], act: Awaitable[object]) -> None:
    try:
        await act
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was due")


def _file(scratch: Path, content: bytes, name: str = "file") -> Path:
    path = scratch / name
    path.write_bytes(content)
    return path
