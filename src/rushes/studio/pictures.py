"""The caller's files: stills and clips as frames of the film, sound as its track.

The bytes were checked when they came in; a file that cannot be read after all is the order's
fault, and named by the caller's own word for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from PIL import Image, ImageOps

from rushes.studio.film import RATE_HZ, Sound
from rushes.studio.order import BadOrder, Input
from rushes.studio.planes import Frame, Plane, frame_of

AUDIO_SECONDS_MAX: Final = 180
PIXELS_MAX: Final = 36_000_000
RATES_HZ: Final = range(4_000, 400_000)
"""Sound at any other rate takes minutes and gigabytes to bring to ours."""

_FORMATS: Final = ("JPEG", "PNG", "WEBP")
_GREY_16_BIT: Final = frozenset({"I", "I;16", "I;16B"})
# Forms are guessed by content, and a list of other files is a form too: sound may have one in
# front of it, and would be read from wherever the list points.
_LOCAL: Final = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,matroska,webm,wav,mp3",
}


def still(source: Input, width: int, height: int) -> Frame:
    """Read a picture, cut to fill a size.

    Raises:
        BadOrder: it cannot be read.
    """
    return frame_of(still_bgr(source, width, height))


def still_bgr(source: Input, width: int, height: int) -> Plane:
    """Read a picture as BGR, cut to fill a size.

    Raises:
        BadOrder: it cannot be read.
    """
    try:
        with Image.open(source.path, formats=_FORMATS) as picture:
            upright = ImageOps.exif_transpose(picture)
            fitted = ImageOps.fit(_opaque(upright), (width, height), Image.Resampling.LANCZOS)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise BadOrder(f"the picture in '{source.param}' cannot be read") from error
    return np.ascontiguousarray(np.asarray(fitted, np.uint8)[..., ::-1])


def _opaque(picture: Image.Image) -> Image.Image:
    """Return a picture as RGB; what is transparent becomes white, whatever colour it hides."""
    if picture.mode in _GREY_16_BIT:  # which Pillow would cut off at 255
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).convert("RGB")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    paper = Image.new("RGBA", picture.size, "white")
    paper.alpha_composite(picture.convert("RGBA"))
    return paper.convert("RGB")


def picture_size(source: Input) -> tuple[int, int]:
    """Return width and height of a picture as it is seen.

    Raises:
        BadOrder: it cannot be read.
    """
    try:
        with Image.open(source.path, formats=_FORMATS) as picture:
            return ImageOps.exif_transpose(picture).size
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise BadOrder(f"the picture in '{source.param}' cannot be read") from error


def clip(source: Input, width: int, height: int, fps: int) -> Iterator[Frame]:
    """Read a clip at a film's own pace, cut to fill a size; the last frame ends it.

    Raises:
        BadOrder: it cannot be read.
    """
    shown = 0
    try:
        with _opened(source) as container:
            stream = _film_of(container)
            start: float | None = None
            before: av.VideoFrame | None = None
            for picture in container.decode(stream):
                at = picture.time or 0.0
                start = at if start is None else start
                due = math.floor((at - start) * fps + 0.01)
                while before is not None and shown < due:
                    yield fill(before, width, height)
                    shown += 1
                before = picture
            if before is None:
                raise ValueError("there is no picture")
            yield fill(before, width, height)
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise BadOrder(f"the video in '{source.param}' cannot be read") from error


def _film_of(container: InputContainer) -> VideoStream:
    """Return the pictures of a clip, decoded by this thread alone.

    Raises:
        IndexError, ValueError: there are none, or nobody here can decode them.
    """
    stream = container.streams.video[0]
    context = stream.codec_context
    if context is None:
        raise ValueError("nobody here can decode it")
    stream.thread_type, context.thread_count = "NONE", 1
    context.options = {"max_pixels": str(PIXELS_MAX)}
    return stream


def _opened(source: Input) -> InputContainer:
    # Titles are often in the letters of a country: that spoils no sound.
    return av.open(str(source.path), options=_LOCAL, metadata_errors="replace")


def last_frame(source: Input, width: int, height: int) -> Frame:
    """Read the last picture of a clip, cut to fill a size.

    Raises:
        BadOrder: it cannot be read.
    """
    last: Frame | None = None
    try:
        with _opened(source) as container:
            stream = _film_of(container)
            if container.duration:
                container.seek(max(0, container.duration - av.time_base * 3 // 2))
            picture: av.VideoFrame | None = None
            for decoded in container.decode(stream):
                picture = decoded
            if picture is not None:
                last = fill(picture, width, height)
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise BadOrder(f"the video in '{source.param}' cannot be read") from error
    if last is None:
        raise BadOrder(f"the video in '{source.param}' has no pictures")
    return last


def tags_of(source: Input) -> dict[str, str]:
    """Return what a clip says of itself; nothing where it says nothing."""
    try:
        with _opened(source) as container:
            return dict(container.metadata)
    except av.FFmpegError:
        return {}


def fill(picture: av.VideoFrame, width: int, height: int) -> Frame:
    """Turn a decoded picture into a frame: scaled to cover a size, the surplus cut off evenly."""
    turns = picture.rotation // 90 % 4  # phones turn the picture, not the pixels
    if turns % 2:
        width, height = height, width
    share = max(width / picture.width, height / picture.height)
    wide = max(width, 2 * math.ceil(picture.width * share / 2))
    tall = max(height, 2 * math.ceil(picture.height * share / 2))
    yuv = picture.reformat(
        wide, tall, "yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG", threads=1
    )
    left, top = (wide - width) // 4 * 2, (tall - height) // 4 * 2
    planes = []
    for index, plane in enumerate(yuv.planes):
        part = 1 if index == 0 else 2
        rows = np.frombuffer(memoryview(plane), np.uint8)[: plane.line_size * tall // part]
        whole = rows.reshape(tall // part, plane.line_size)
        cut = whole[top // part : (top + height) // part, left // part : (left + width) // part]
        planes.append(np.rot90(cut, turns).copy())
    return Frame(*planes)


def track(source: Input, seconds: float) -> Sound | None:
    """Read the sound of a file, cut or filled up with silence; None where it has none.

    Raises:
        BadOrder: it cannot be read.
    """
    count = round(min(seconds, AUDIO_SECONDS_MAX) * RATE_HZ)
    sound = np.zeros((2, count), np.float32)
    at = 0
    try:
        with _opened(source) as container:
            if not container.streams.audio:
                return None
            resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE_HZ)
            for block in container.decode(audio=0):
                if block.sample_rate not in RATES_HZ:
                    raise ValueError("no rate of any sound")
                for ready in resampler.resample(block):
                    heard = ready.to_ndarray().astype(np.float32)
                    # Samples that are no numbers break the encoder, too loud ones every ear.
                    samples = np.nan_to_num(heard, nan=0.0).clip(-1, 1)
                    room = min(samples.shape[1], count - at)
                    sound[:, at : at + room] = samples[:, :room]
                    at += room
                if at >= count:
                    break
    except (av.FFmpegError, ValueError) as error:
        raise BadOrder(f"the sound in '{source.param}' cannot be read") from error
    return sound


def grey(frame: Frame, width: int, height: int) -> Plane:
    """Return the luma of a frame, small."""
    small = cv2.resize(frame.y, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def exists(source: Input) -> bool:
    """Say whether the file is there."""
    return Path(source.path).is_file()
