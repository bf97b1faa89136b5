"""Films to be sealed in tests, and what is held beside them afterwards."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import av

from rushes.domain.provenance import Origin, SourceType
from rushes.media.containers import top_boxes
from rushes.media.sealer import FilmSealer
from rushes.media.seals import has_seal
from rushes.media.signet import Signet, own_signet
from rushes.testing.builders import NOON

ORIGIN = Origin(
    task_id="video_00000000000000000000000000000001",
    model="Wan-AI/Wan2.2-T2V-A14B",
    asked_model="sora-2",
    provider="gpu",
    source_type=SourceType.TRAINED,
    at=NOON,
    prompt="a red fox in the snow",
)


def signet_in(folder: Path, name: str = "Example Films") -> Signet:
    """A signet that is valid on the day of the test: the library reads the machine's clock."""
    from rushes.clock import SystemClock

    return own_signet(folder, name, SystemClock().now())


def padded(content: bytes, by: int) -> bytes:
    """Make a film longer by bytes that nobody plays, at the end of its coded pictures."""
    last = list(top_boxes(io.BytesIO(content)))[-1]
    assert last.name == b"mdat"
    head = (last.size_bytes + by).to_bytes(4, "big")
    return content[: last.at] + head + content[last.at + 4 :] + b"x" * by


def placed(content: bytes, folder: Path) -> Path:
    """Put a film into a folder of its own, as the darkroom does."""
    folder.mkdir(exist_ok=True)
    film = folder / "film.mp4"
    film.write_bytes(content)
    return film


async def sealed(
    content: bytes, folder: Path, sealer: FilmSealer, origin: Origin = ORIGIN
) -> bytes:
    """Seal a film; return its bytes."""
    film = placed(content, folder)
    path = await sealer.seal(film, film, folder, origin)
    assert film.read_bytes() == content
    return path.read_bytes()


def sealed_now(content: bytes, folder: Path, **changes: Any) -> bytes:
    """Seal a film with a signet of the folder, from a test that does not wait."""
    folder.mkdir(exist_ok=True)
    sealer = FilmSealer(lambda: signet_in(folder))
    return asyncio.run(sealed(content, folder / "work", sealer, replace(ORIGIN, **changes)))


def names_of(content: bytes) -> list[bytes]:
    """The outermost boxes of a film, by name."""
    return [box.name for box in top_boxes(io.BytesIO(content))]


def is_sealed(content: bytes) -> bool:
    return has_seal(io.BytesIO(content))


def packets_of(content: bytes) -> list[tuple[int, int | None, int | None, bytes]]:
    """Everything that is coded in a film, as a player finds it by the film's own index."""
    with av.open(io.BytesIO(content)) as film:
        return [
            (packet.stream_index, packet.pts, packet.dts, bytes(packet))
            for packet in film.demux()
            if packet.size
        ]


def pictures_of(content: bytes) -> list[bytes]:
    """Every picture of a film, decoded."""
    with av.open(io.BytesIO(content)) as film:
        return [frame.to_ndarray().tobytes() for frame in film.decode(video=0)]
