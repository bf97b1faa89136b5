"""Frames and sound into an MP4: two halves are encoded side by side, then put together.

The number of parts is fixed, not the machine's number of cores: the same order gives the same
pictures everywhere it runs. Preset ultrafast has no macroblock-tree, without which libx264 is
deterministic (measured: with it, the same frames gave other pixels from run to run).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, TypeAlias

import av
import numpy as np
from av.audio.stream import AudioStream
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from rushes.studio.order import BadOrder
from rushes.studio.planes import Frame, Plane

RATE_HZ: Final = 48_000
AUDIO_BITS_S: Final = 128_000
_X264: Final = {
    "preset": "ultrafast",
    "crf": "23",
    "profile": "high",
    "threads": "1",
    "x264-params": "cabac=1:8x8dct=1:bframes=3:deblock=0,0",
}
"""Half the time of preset superfast for the same bytes, on drawn pictures."""

_BT709: Final = 1
_LIMITED: Final = 1
_SAMPLES: Final = 1024
_EXIT_BAD_ORDER: Final = 2

AnyPacket: TypeAlias = "Packet[VideoStream] | Packet[AudioStream]"

Sound: TypeAlias = NDArray[np.float32]
"""Stereo, (2, samples) at RATE_HZ, -1..1."""


@dataclass(frozen=True, slots=True)
class Format:
    """What a film's pictures are encoded as."""

    width: int
    height: int
    fps: int


def encode(path: Path, form: Format, frames: Iterable[Frame]) -> int:
    """Encode frames into a file without sound; return how many there were.

    A frame is read before the next one is asked for, so that one buffer serves them all.
    """
    count = 0
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=form.fps, options=dict(_X264))
        stream.width, stream.height, stream.pix_fmt = form.width, form.height, "yuv420p"
        context = stream.codec_context
        context.gop_size = 2 * form.fps
        context.color_range = _LIMITED
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        for frame in frames:
            picture = av.VideoFrame(form.width, form.height, "yuv420p")
            for plane, pixels in zip(picture.planes, (frame.y, frame.u, frame.v), strict=True):
                _fill(plane.line_size, memoryview(plane), pixels)
            picture.pts, picture.time_base = count, Fraction(1, form.fps)
            container.mux(stream.encode(picture))
            count += 1
        container.mux(stream.encode(None))
    return count


def _fill(line_bytes: int, memory: memoryview, pixels: Plane) -> None:
    rows, columns = pixels.shape
    lines = np.frombuffer(memory, np.uint8)[: rows * line_bytes].reshape(rows, line_bytes)
    lines[:, :columns] = pixels


def join(
    parts: Sequence[tuple[Path, int]],
    path: Path,
    form: Format,
    *,
    sound: Sound | None,
    tags: Mapping[str, str],
) -> None:
    """Put parts (a file, its number of frames) one after another, with sound, into a film."""
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(str(path), "w", format="mp4", options=options) as film:
        film.metadata.update(tags)
        opened = [av.open(str(part), "r", format="mp4") for part, _ in parts]
        try:
            stream = film.add_stream_from_template(opened[0].streams.video[0])
            packets: list[tuple[float, int, AnyPacket]] = []
            if sound is not None:
                packets += _audio(film, sound)
            start = 0
            for (_, count), part in zip(parts, opened, strict=True):
                source = part.streams.video[0]
                shift = round(Fraction(start, form.fps) / _tick(source.time_base))
                for packet in part.demux(source):
                    if packet.dts is None or packet.pts is None:
                        continue
                    packet.pts += shift
                    packet.dts += shift
                    at = float(packet.dts * _tick(packet.time_base))
                    packet.stream = stream
                    packets.append((at, 0, packet))
                start += count
            for _, _, ready in sorted(packets, key=lambda entry: entry[:2]):
                film.mux(ready)
        finally:
            for part in opened:
                part.close()


def _tick(time_base: Fraction | None) -> Fraction:
    return time_base or Fraction(1)


def _audio(
    film: av.container.OutputContainer, sound: Sound
) -> Iterator[tuple[float, int, AnyPacket]]:
    stream = film.add_stream("aac", rate=RATE_HZ, layout="stereo")
    stream.bit_rate = AUDIO_BITS_S
    blocks = [
        _block(sound[:, start : start + _SAMPLES], start)
        for start in range(0, sound.shape[1], _SAMPLES)
    ]
    for block in (*blocks, None):
        for packet in stream.encode(block):
            yield float((packet.dts or 0) * _tick(packet.time_base)), 1, packet


def _block(samples: Sound, start: int) -> av.AudioFrame:
    block = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(samples), format="fltp", layout="stereo"
    )
    block.sample_rate, block.pts, block.time_base = RATE_HZ, start, Fraction(1, RATE_HZ)
    return block


def beside(task: Callable[[], object], before: Callable[[], None]) -> Callable[[], None]:
    """Run `task` in a fork of this process; return a function that waits for it.

    Only for a process with one thread, which the studio's child is. `before` runs first in
    the fork.

    Raises (the function returned):
        BadOrder: a file that the fork alone reads so far cannot be read.
        ChildProcessError: the fork did not end well.
    """
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            before()
            task()
            code = 0
        except BadOrder:
            code = _EXIT_BAD_ORDER
        finally:
            os._exit(code)

    def wait() -> None:
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if code == _EXIT_BAD_ORDER:
            raise BadOrder("one of its files cannot be read to the end")
        if code != 0:
            raise ChildProcessError("the second half of the film could not be encoded")

    return wait
