"""Seconds and memory for sealing a film of 1, 100 and 500 MB, and for verifying it.

    python benchmarks/provenance.py [--rounds N]

`seal` is what a film waits for on its way into storage: a child reads it, writes a copy with a
manifest in it, and has one signature made here (`media/sealer.py`). `copy` is the least that this
could be: the same bytes copied by this process and hashed, as both are. `verify` is `rushes
verify` without the command line. Memory is the peak of the child that reads the film, as the
kernel counts it; the film's length must not show in it. `signed` is how much longer the film is.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from hashlib import file_digest
from pathlib import Path
from typing import Any

import av
import numpy as np
from measuring import MB, Budget, Result, arguments, load_1min, middle, rounded, show

from rushes.domain.provenance import Origin, SourceType
from rushes.media.children import FreshChildren, isolated
from rushes.media.reader import read_film
from rushes.media.sealer import FilmSealer
from rushes.media.signet import own_signet

SIZES_MB = (1, 100, 500)
PEAK = "peak"
CHILD = isolated(
    "from pathlib import Path\n"
    "from rushes.media.seal_child import main\n"
    "code = main(sys.argv)\n"
    "lines = Path('/proc/self/status').read_text().splitlines()\n"
    f"Path('{PEAK}').write_text(next(l for l in lines if l.startswith('VmHWM')).split()[1])\n"
    "sys.exit(code)"
)
"""The child as it is, which says at its end how much memory it had at most, in KiB."""

FPS = 24
PICTURES = 12


@dataclass(frozen=True)
class Measure:
    """One film, once."""

    size_mb: int
    seal_s: float
    forked_s: float
    copy_s: float
    verify_s: float
    peak_mb: float
    signed_bytes: int


def shot(path: Path, bytes_min: int) -> None:
    """Shoot a film of noise, index in front: a few pictures again and again, up to a length."""
    options = {"movflags": "+faststart"}
    edge_px = 256 if bytes_min < 10 * MB else 1_024
    with av.open(str(path), "w", format="mp4", options=options) as film:
        speed = {"preset": "ultrafast", "crf": "1", "g": "1", "bf": "0"}
        video: Any = film.add_stream("libx264", rate=FPS, options=speed)
        video.width, video.height, video.pix_fmt = edge_px, edge_px, "yuv420p"
        packets = [
            packet for number in range(PICTURES) for packet in video.encode(_noise(number, edge_px))
        ]
        packets += video.encode(None)
        coded = [bytes(packet) for packet in packets]
        base = packets[0].time_base
        written = number = 0
        while written < bytes_min:
            packet = av.Packet(coded[number % len(coded)])
            packet.stream, packet.time_base, packet.is_keyframe = video, base, True
            packet.pts = packet.dts = round(Fraction(number, FPS) / base)
            film.mux(packet)
            written += len(coded[number % len(coded)])
            number += 1


def _noise(number: int, edge_px: int) -> av.VideoFrame:
    shape = (edge_px, edge_px, 3)
    pixels = np.random.default_rng(number).integers(0, 255, shape, dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
    frame.pts, frame.time_base = number, Fraction(1, FPS)
    return frame


def size_bytes(path: Path) -> int:
    return path.stat().st_size


def copied(film: Path, folder: Path) -> float:
    """Copy a film and hash the copy; return seconds."""
    begun = time.perf_counter()
    copy = folder / "copy.mp4"
    shutil.copyfile(film, copy)
    with copy.open("rb") as file:
        file_digest(file, "sha256")
    return time.perf_counter() - begun


async def timed(sealer: FilmSealer, film: Path, folder: Path, origin: Origin) -> tuple[float, Path]:
    """Seal a film, and hash what came of it; return seconds, and where that is."""
    begun = time.perf_counter()
    sealed = await sealer.seal(film, film, folder, origin)
    with sealed.open("rb") as file:
        file_digest(file, "sha256")
    return time.perf_counter() - begun, sealed


async def measured(size_mb: int, film: Path, home: Path, sealers: Sequence[FilmSealer]) -> Measure:
    """Seal, verify and copy one film."""
    origin = Origin(
        "video_1", "wan", "wan", "gpu", SourceType.TRAINED, datetime.now(tz=UTC), "a red fox"
    )
    fresh, forked = sealers
    folder = home / "work"
    folder.mkdir(exist_ok=True)
    copy_s = copied(film, folder)
    seal_s, sealed = await timed(fresh, film, folder, origin)
    peak_mb = int((folder / PEAK).read_text()) * 1024 / MB
    (folder / PEAK).unlink()
    forked_s, sealed = await timed(forked, film, folder, origin)
    begun = time.perf_counter()
    reading = await asyncio.to_thread(read_film, sealed)
    verify_s = time.perf_counter() - begun
    if reading.sealed.state != "Valid":
        raise SystemExit(f"the seal does not hold: {reading}")
    signed_bytes = size_bytes(sealed) - size_bytes(film)
    shutil.rmtree(folder)
    return Measure(size_mb, seal_s, forked_s, copy_s, verify_s, peak_mb, signed_bytes)


async def rounds(count: int, home: Path) -> list[Measure]:
    """Measure, one film of each length after another, so that noise is shared."""
    signet = own_signet(home, "Benchmark", datetime.now(tz=UTC))
    sealers = [
        FilmSealer(lambda: signet, children=FreshChildren(CHILD), at_once_max=1),
        FilmSealer(lambda: signet, at_once_max=1),
    ]
    films = {size_mb: home / f"{size_mb}.mp4" for size_mb in SIZES_MB}
    for size_mb, film in films.items():
        shot(film, size_mb * MB)
    found = []
    for number in range(count + 1):
        for size_mb, film in films.items():
            one = await measured(size_mb, film, home, sealers)
            found += [one] if number else []  # the first round warms
    return found


def summary(measures: Sequence[Measure]) -> dict[str, dict[str, Any]]:
    """Return medians by length."""
    lines: dict[str, dict[str, Any]] = {}
    for size_mb in SIZES_MB:
        mine = [one for one in measures if one.size_mb == size_mb]
        lines[f"{size_mb} MB"] = {
            "seal_s": middle(one.forked_s for one in mine),
            "fresh_s": middle(one.seal_s for one in mine),
            "copy_s": middle(one.copy_s for one in mine),
            "verify_s": middle(one.verify_s for one in mine),
            "peak_mb": middle(one.peak_mb for one in mine),
            "signed_bytes": mine[0].signed_bytes,
        }
    return lines


def main() -> None:
    given = arguments(__doc__).parse_args()
    loads = [load_1min()]
    with tempfile.TemporaryDirectory() as home:
        measures = asyncio.run(rounds(given.rounds, Path(home)))
    loads.append(load_1min())
    lines = summary(measures)
    show(
        "film",
        ("seal s", "fresh s", "copy s", "verify s", "peak MB", "longer by"),
        [(name, *line.values()) for name, line in lines.items()],
    )
    line, least, most = (lines[f"{size_mb} MB"] for size_mb in (100, *SIZES_MB[::2]))
    grown = rounded(max(0.0, most["peak_mb"] - least["peak_mb"]))
    times = rounded(line["seal_s"] / line["copy_s"])
    budgets = [
        Budget("sealing 100 MB, by copying and hashing it", times, "times", 8.0, 4.0),
        Budget("memory of sealing 500 MB, beside 1 MB", grown, "MB more", 64.0, 16.0),
    ]
    settings = {"rounds": given.rounds, "load_1min": loads}
    Result("provenance", budgets, lines, settings, measures=measures).tell(given.json)


if __name__ == "__main__":
    main()
