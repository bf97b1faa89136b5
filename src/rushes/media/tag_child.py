"""The child of `tagger.py`: writes a tag, or draws words, into one film under limits.

    python -I … LIMITS PARENT_PID < film

Without words to draw, what is coded stays as it is, and only the boxes around it are written
anew. With words, pictures are decoded and coded again as H.264, a little worse and often larger;
the sound stays as it is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av
import av.logging
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image, ImageDraw, ImageFont

import rushes
from rushes.media.confinement import allow_cpu, confine
from rushes.media.inspection import EXIT_VERDICT, InspectionLimits
from rushes.media.inspector_child import FD, Unfit, streams_of
from rushes.media.seals import AIGC
from rushes.media.tagger import order_of
from rushes.media.tagging import TAGGED, Label, Order, Report

FONT: Final = Path(rushes.__file__).parent / "studio" / "fonts" / "NotoSansCJKsc.otf"
"""The studio's font, which has Latin and Chinese letters."""

X264: Final = {"preset": "veryfast", "crf": "17", "threads": "2"}
PIXELS: Final = "yuv420p"
WRITING: Final = {"movflags": "+faststart+use_metadata_tags"}

TEXT_SHARE: Final = 0.06
"""How high the words are, of the shorter edge; the rules want at least 0.05."""

RIM_SHARE: Final = 0.05
TEXT_PX_MIN: Final = 12
SHADE: Final = 150
"""How dark it is behind the words, of 255."""

_CONTAINERS_OWN: Final = frozenset({"major_brand", "minor_version", "compatible_brands"})
_TICKS: Final = 90_000
_LIMITED: Final = 1  # AVCOL_RANGE_MPEG
_HDR: Final = frozenset({16, 18})
"""AVCOL_TRC_SMPTE2084 (PQ) and AVCOL_TRC_ARIB_STD_B67 (HLG): eight bits are too few for them."""


def main(arguments: list[str]) -> int:
    """Tag standard input, and say how it went."""
    limits = InspectionLimits(**json.loads(arguments[1]))
    confine(limits, parent=int(arguments[2]))
    av.logging.set_level(av.logging.PANIC)
    report = Report()
    try:
        _tag(order_of(Path()), limits)
    except Unfit as unfit:
        report = Report(str(unfit))
    except MemoryError:
        report = Report("it needs more memory than a film may")
    except (av.FFmpegError, UnicodeError) as fault:
        report = Report(f"it cannot be written anew ({type(fault).__name__})")
    sys.stdout.write(json.dumps(asdict(report)))
    sys.stdout.flush()
    return EXIT_VERDICT


def _tag(order: Order, limits: InspectionLimits) -> None:
    """Leave the tagged film in the working folder.

    Raises:
        Unfit: with a sentence.
        av.FFmpegError: the film's data are damaged.
    """
    with (
        av.open("fd:", format="mp4", options=dict(FD), metadata_errors="replace") as film,
        av.open(TAGGED, "w", format="mp4", options=dict(WRITING)) as tagged,
    ):
        kept = {k: v for k, v in film.metadata.items() if k not in _CONTAINERS_OWN}
        tagged.metadata.update(kept if order.tag is None else {**kept, AIGC: order.tag})
        video, audio = streams_of(film)
        if order.label is None:
            _copy(film, tagged, [video] if audio is None else [video, audio])
        else:
            allow_cpu(limits, _cpu_s(video, limits))
            _draw(film, tagged, (video, audio), order.label)


def _copy(
    film: InputContainer, tagged: OutputContainer, streams: list[VideoStream | AudioStream]
) -> None:
    """Write the streams as they are coded."""
    copies = {one.index: tagged.add_stream_from_template(one) for one in streams}
    for packet in film.demux(streams):
        if packet.dts is not None:
            packet.stream = copies[packet.stream.index]
            tagged.mux(packet)


def _draw(
    film: InputContainer,
    tagged: OutputContainer,
    streams: tuple[VideoStream, AudioStream | None],
    label: Label,
) -> None:
    """Decode the pictures, draw the label into the first of them, and code all of them again."""
    video, audio = streams
    before = video.codec_context
    if before.color_trc in _HDR:
        raise Unfit("its pictures are HDR, and would lose that")
    after = tagged.add_stream("libx264", rate=video.average_rate or 24, options=dict(X264))
    after.width, after.height, after.pix_fmt = before.width, before.height, PIXELS
    after.time_base = video.time_base
    context = after.codec_context
    context.time_base = video.time_base or Fraction(1, _TICKS)
    is_full = (before.pix_fmt or "").startswith("yuvj")  # and is not, in what it becomes
    context.color_range = _LIMITED if is_full else before.color_range
    context.colorspace = before.colorspace
    context.color_primaries, context.color_trc = before.color_primaries, before.color_trc
    sound = None if audio is None else tagged.add_stream_from_template(audio)
    words = Words(label.words, before.width, before.height)
    first_s: float | None = None
    for frame_or_packet in _flow(film, video, audio):
        if not isinstance(frame_or_packet, VideoFrame):
            if sound is not None:
                frame_or_packet.stream = sound
                tagged.mux(frame_or_packet)
            continue
        frame = frame_or_packet
        if frame.rotation % 360:
            raise Unfit("its pictures are stored turned")
        at_s = 0.0 if frame.time is None else frame.time
        first_s = at_s if first_s is None else first_s
        picture = frame.reformat(format=PIXELS)
        picture.make_writable()  # the decoder may look at its own again
        if at_s - first_s < label.seconds:
            words.draw(picture)
        picture.pts, picture.time_base, picture.pict_type = frame.pts, frame.time_base, 0
        tagged.mux(after.encode(picture))
    tagged.mux(after.encode(None))


def _flow(
    film: InputContainer, video: VideoStream, audio: AudioStream | None
) -> Iterator[VideoFrame | Packet[AudioStream]]:
    """Yield decoded pictures, and sound as it is coded, as they lie in the file."""
    for packet in film.demux([video] if audio is None else [video, audio]):
        if packet.stream.index == video.index:
            yield from (frame for frame in packet.decode() if isinstance(frame, VideoFrame))
        elif packet.dts is not None:
            yield cast("Packet[AudioStream]", packet)


class Words:
    """A label, laid out for pictures of one size, in a corner, on a shade."""

    def __init__(self, words: str, width_px: int, height_px: int) -> None:
        rim_x, rim_y = (_even(edge * RIM_SHARE) for edge in (width_px, height_px))
        size_px = max(TEXT_PX_MIN, round(min(width_px, height_px) * TEXT_SHARE))
        picture = _written(words, size_px)
        wide, high = width_px - 2 * rim_x, height_px - 2 * rim_y
        if picture.width > wide or picture.height > high:
            picture.thumbnail((max(2, wide), max(2, high)))
        mask = np.asarray(picture, np.uint16)
        rows, columns = (mask.shape[0] // 2 * 2, mask.shape[1] // 2 * 2)
        self._mask = mask[:rows, :columns]
        self._place = rim_y, rim_x

    def draw(self, picture: VideoFrame) -> None:
        """Draw into a picture of planes with eight bits."""
        top, left = self._place
        rows, columns = self._mask.shape
        light = _plane(picture, 0)[top : top + rows, left : left + columns]
        shaded = (light.astype(np.uint16) * (255 - SHADE) + 16 * SHADE) // 255
        light[:] = (shaded * (255 - self._mask) + 235 * self._mask) // 255
        for number in (1, 2):
            colour = _plane(picture, number)[
                top // 2 : (top + rows) // 2, left // 2 : (left + columns) // 2
            ]
            colour[:] = (colour.astype(np.uint16) * (255 - SHADE) + 128 * SHADE) // 255


def _written(words: str, size_px: int) -> Image.Image:
    """Return words as coverage, with room around them."""
    font = ImageFont.truetype(str(FONT), size_px, layout_engine=ImageFont.Layout.BASIC)
    left, top, right, bottom = (int(edge) for edge in font.getbbox(words))
    room = max(2, size_px // 3)
    size = (right - left + 2 * room, bottom - top + 2 * room)
    picture = Image.new("L", size)
    ImageDraw.Draw(picture).text((room - left, room - top), words, font=font, fill=255)
    return picture


def _plane(picture: VideoFrame, number: int) -> np.ndarray:
    """Return a plane of a picture, to be written into."""
    plane = picture.planes[number]
    lines = np.frombuffer(memoryview(plane), np.uint8)
    return lines[: plane.height * plane.line_size].reshape(plane.height, plane.line_size)[
        :, : plane.width
    ]


def _even(edge: float) -> int:
    return int(edge) // 2 * 2


def _cpu_s(video: VideoStream, limits: InspectionLimits) -> int:
    """Return how much CPU time a film that tells the truth may need."""
    pixels = video.codec_context.width * video.codec_context.height
    frame_count = video.frames or int(limits.seconds_max * limits.fps_max)
    return limits.opening_cpu_s + pixels * frame_count // limits.pixels_per_cpu_s


if __name__ == "__main__":
    sys.exit(main(sys.argv))
