"""The child of `inspector.py`: decodes one hostile film under limits, in a process of its own.

    python -I … LIMITS PARENT_PID < film

The film comes as standard input, so that the demuxer needs no name: only the protocol `fd` is
allowed, and a playlist or a reference inside the file can open nothing. Stills go to the
working folder; the report is one JSON object on standard output. No secrets are in reach: the
environment is empty.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from fractions import Fraction
from typing import Final

import av
import av.logging
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image, JpegImagePlugin, WebPImagePlugin

from rushes.media.confinement import allow_cpu, confine
from rushes.media.containers import HEAD_BYTES, is_mp4
from rushes.media.inspection import (
    EXIT_VERDICT,
    LAST_FRAME,
    POSTER,
    SPRITESHEET,
    InspectionLimits,
    Report,
)
from rushes.media.stills import Evenly, spritesheet, still_size

VIDEO_CODECS: Final = frozenset({"h264", "hevc", "av1", "vp9", "mpeg4"})
AUDIO_CODECS: Final = frozenset({"aac", "mp3", "opus", "ac3", "eac3", "flac", "alac"})
_DECODERS: Final = VIDEO_CODECS | AUDIO_CODECS | {"libdav1d", "mp3float", "libopus"}

POSTER_AT_S: Final = 0.5
"""Past a fade from black, and within the first second."""

WEBP_QUALITY: Final = 80
WEBP_METHOD: Final = 1
"""A still of a film in 720p takes 21 ms; by method 2 it takes 28, and is a quarter smaller. There
are two of each film, and all of a film of five seconds is decoded in 400."""

JPEG_QUALITY: Final = 85

DAMAGED_SHARE_MAX: Final = 0.1
MISSING_SHARE_MAX: Final = 0.1
MISSING_S_MAX: Final = 0.5

_FILM: Final = 0  # standard input
FD: Final = {
    "fd": str(_FILM),
    "protocol_whitelist": "fd",
    "codec_whitelist": ",".join(sorted(_DECODERS)),
}
"""How a film is opened that is standard input: no name, no other file, no odd decoder."""

_UNSPECIFIED: Final = 2  # AVCOL_SPC_UNSPECIFIED
_SD_HEIGHT_PX_MAX: Final = 576
_SD_WIDTH_PX_MAX: Final = 1_024
_MICROSECONDS: Final = 1_000_000

_TURNS: Final = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


class Unfit(Exception):
    """The bytes are no film that we can serve; the message is a sentence for people."""


def main(arguments: list[str], look: Callable[[InspectionLimits], Report] | None = None) -> int:
    """Look at standard input, and say what was found."""
    limits = InspectionLimits(**json.loads(arguments[1]))
    confine(limits, parent=int(arguments[2]))
    av.logging.set_level(av.logging.PANIC)
    try:
        report = (look or inspect)(limits)
    except Unfit as unfit:
        report = Report(fault=str(unfit))
    except MemoryError:
        report = Report(fault="It needs more memory to decode than a film may.")
    except (av.FFmpegError, UnicodeError):
        report = Report(fault="Its data are damaged: it cannot be decoded to its end.")
    sys.stdout.write(json.dumps(asdict(report)))
    return EXIT_VERDICT


def warm_up() -> None:
    """Do once, in a zygote, what each child would do first; no byte of a film is in it."""
    Image.preinit()
    blank = Image.new("RGB", (16, 16))
    for form in (WebPImagePlugin.WebPImageFile.format, JpegImagePlugin.JpegImageFile.format):
        blank.save(io.BytesIO(), form)


def inspect(limits: InspectionLimits) -> Report:
    """Decode the film to its end, and leave its stills in the working folder.

    Raises:
        Unfit: with a sentence.
        av.FFmpegError: the data are damaged.
    """
    if not is_mp4(os.pread(_FILM, HEAD_BYTES, 0)):
        raise Unfit("It is not an MP4 file.")
    options = {**FD, "max_pixels": str(limits.frame_pixels_max)}
    with av.open("fd:", format="mp4", options=options, metadata_errors="replace") as container:
        video, audio = streams_of(container)
        _check_declared(video, limits)
        allow_cpu(limits, _cpu_s(container, video, limits))
        viewer = Viewer(video)
        for frame in _frames(container, video, audio):
            viewer.see(frame)
        report = viewer.report(container, limits)
        viewer.leave_stills()
    return report


class Viewer:
    """Sees every picture of a film once, and remembers a few.

    Which is the last is known when there are no more, so the newest is held, and one only.
    """

    def __init__(self, video: VideoStream) -> None:
        self._video = video
        self._stills: Evenly[Image.Image] = Evenly(video.frames)
        self._count = 0
        self._damaged_count = 0
        self._start_s = 0.0
        self._end_s = 0.0
        self._poster: VideoFrame | None = None
        self._last: VideoFrame | None = None

    def see(self, frame: VideoFrame) -> None:
        """Take the next picture.

        Raises:
            Unfit: it has another size than the one before.
        """
        if self._last is not None and _size(frame) != _size(self._last):
            raise Unfit("Its pictures change their size.")
        at_s = self._time_s(frame)
        if self._last is None:
            self._start_s = at_s
        if self._poster is None or at_s - self._start_s <= POSTER_AT_S:
            self._poster = frame
        if self._stills.wants(self._count):
            width_px, height_px = still_size(*_shown_size(frame))
            self._stills.keep(self._count, _picture(frame, width_px, height_px))
        self._end_s = max(self._end_s, at_s + self._duration_s(frame))
        self._damaged_count += frame.is_corrupt
        self._count += 1
        self._last = frame

    def report(self, container: InputContainer, limits: InspectionLimits) -> Report:
        """Return the film's measures, once all of it was seen.

        Raises:
            Unfit: they are not those of a film, or not those that the file promises.
        """
        if self._last is None:
            raise Unfit("It has no pictures.")
        seconds = self._end_s - self._start_s
        if not 0 < seconds <= limits.seconds_max:
            raise Unfit(f"It must last at most {limits.seconds_max:g} seconds.")
        fps = self._count / seconds
        if fps > limits.fps_max:
            raise Unfit(f"It must have at most {limits.fps_max:g} pictures a second.")
        if self._damaged_count > DAMAGED_SHARE_MAX * self._count:
            raise Unfit("Its data are damaged: many of its pictures are broken.")
        self._check_whole(container, seconds)
        width_px, height_px = _shown_size(self._last)
        audio = container.streams.audio
        return Report(
            seconds=round(seconds, 6),
            width_px=width_px,
            height_px=height_px,
            fps=round(fps, 3),
            frame_count=self._count,
            video_codec=self._video.codec_context.codec.canonical_name,
            audio_codec=audio[0].codec_context.codec.canonical_name if audio else None,
        )

    def leave_stills(self) -> None:
        """Write the stills to the working folder."""
        for frame, name in ((self._poster, POSTER), (self._last, LAST_FRAME)):
            if frame is not None:
                picture = _picture(frame, *_shown_size(frame))
                picture.save(name, "WEBP", quality=WEBP_QUALITY, method=WEBP_METHOD)
        sheet = spritesheet(self._stills.pick(self._count))
        sheet.save(SPRITESHEET, "JPEG", quality=JPEG_QUALITY)

    def _check_whole(self, container: InputContainer, seconds: float) -> None:
        """Compare what was seen with what the file promises; a film cut short may decode."""
        promised = [
            duration * base
            for duration, base in (
                (self._video.duration, self._video.time_base),
                (container.duration, Fraction(1, _MICROSECONDS)),
            )
            if duration and base
        ]
        # The shorter promise: a track may be trimmed by the file, or outlasted by its sound.
        promised_s = float(min(promised, default=Fraction(0)))
        is_short = promised_s - seconds > max(MISSING_S_MAX, MISSING_SHARE_MAX * promised_s)
        if is_short and self._count < (1 - MISSING_SHARE_MAX) * self._video.frames:
            raise Unfit(f"It ends after {seconds:.1f} of its {promised_s:.1f} seconds.")

    def _time_s(self, frame: VideoFrame) -> float:
        if frame.pts is None or frame.time_base is None:
            return self._count * self._duration_s(frame)
        return float(frame.pts * frame.time_base)

    def _duration_s(self, frame: VideoFrame) -> float:
        if frame.duration and frame.time_base is not None:
            return float(frame.duration * frame.time_base)
        rate = self._video.average_rate
        return float(1 / rate) if rate else 0.0


def streams_of(container: InputContainer) -> tuple[VideoStream, AudioStream | None]:
    """Return what of a film is shown and heard.

    Raises:
        Unfit: nothing is to be seen, or it is coded oddly.
    """
    films = (s for s in container.streams.video if not s.disposition & Disposition.attached_pic)
    video = next(films, None)
    if video is None:
        raise Unfit("It has no video track.")
    audio = container.streams.audio[0] if container.streams.audio else None
    for stream, known in ((video, VIDEO_CODECS), (audio, AUDIO_CODECS)):
        if stream is None:
            continue
        context = stream.codec_context
        if context is None or context.codec.canonical_name not in known:
            raise Unfit(f"Its {stream.type} is not coded as MP4 players expect.")
        # One thread: several films at once use the cores better, and less can go wrong.
        context.thread_count = 1
    return video, audio


def _check_declared(video: VideoStream, limits: InspectionLimits) -> None:
    width_px, height_px = video.codec_context.width, video.codec_context.height
    if not width_px or not height_px:
        raise Unfit("Its pictures have no size.")
    is_long = max(width_px, height_px) > limits.edge_px_max
    if is_long or width_px * height_px > limits.frame_pixels_max:
        raise Unfit(f"Its pictures are too large: {width_px}x{height_px}.")


def _frames(
    container: InputContainer, video: VideoStream, audio: AudioStream | None
) -> Iterator[VideoFrame]:
    """Decode pictures and sound to the end; only pictures are handed on."""
    for packet in container.demux([video] if audio is None else [video, audio]):
        for frame in packet.decode():
            if isinstance(frame, VideoFrame):
                yield frame


def _cpu_s(container: InputContainer, video: VideoStream, limits: InspectionLimits) -> int:
    """Return how much CPU time a film that tells the truth may need."""
    frame_count = video.frames
    if not frame_count and container.duration:
        frame_count = int(container.duration / _MICROSECONDS * limits.fps_max)
    if not frame_count:
        return limits.cpu_s_max
    pixels = video.codec_context.width * video.codec_context.height * frame_count
    return limits.opening_cpu_s + pixels // limits.pixels_per_cpu_s


def _size(frame: VideoFrame) -> tuple[int, int]:
    return frame.width, frame.height


def _shown_size(frame: VideoFrame) -> tuple[int, int]:
    """Return the size as a player shows it: phones turn the picture, not the pixels."""
    is_turned = frame.rotation % 180 != 0
    return (frame.height, frame.width) if is_turned else (frame.width, frame.height)


def _picture(frame: VideoFrame, width_px: int, height_px: int) -> Image.Image:
    """Return a frame as a player shows it, in this size, in RGB.

    A byte beside each pixel is how Pillow holds RGB: so it takes the picture as it is.
    """
    is_turned = frame.rotation % 180 != 0
    is_hd = frame.width > _SD_WIDTH_PX_MAX or frame.height > _SD_HEIGHT_PX_MAX
    rgb = frame.reformat(
        width=height_px if is_turned else width_px,
        height=width_px if is_turned else height_px,
        format="rgb0",
        # Untagged films are read as players read them: HD in BT.709, the rest in BT.601.
        src_colorspace="ITU709" if is_hd and frame.colorspace == _UNSPECIFIED else None,
        interpolation="AREA",
        threads=1,
    )
    plane = rgb.planes[0]
    size = (rgb.width, rgb.height)
    picture = Image.frombuffer("RGBX", size, bytes(plane), "raw", "RGBX", plane.line_size, 1)
    turn = _TURNS.get(frame.rotation % 360)
    return picture if turn is None else picture.transpose(turn)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
