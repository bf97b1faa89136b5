"""Films shot for tests: small, real, and as odd as a test wishes."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import CodecContext
from av.container import OutputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

SOUND_HZ = 44_100
UNSPECIFIED = 2


@dataclass(frozen=True)
class Scene:
    """A film to be shot: every picture has its own grey, rising by `grey_step`."""

    width_px: int = 64
    height_px: int = 48
    frame_count: int = 24
    fps: int = 24
    has_sound: bool = False
    has_pictures: bool = True
    is_sound_first: bool = False
    matrix: str | None = None
    codec: str = "libx264"
    container: str = "mp4"
    movflags: str = ""
    sound: str = "aac"
    grey_step: int = 8
    colour: tuple[int, int, int] | None = None
    has_noise: bool = False
    pixels: str = "yuv420p"


def shoot(scene: Scene) -> bytes:
    """Return the bytes of a film."""
    with TemporaryDirectory() as folder, _as_patient_as_before():
        path = Path(folder) / "film"
        _shoot(scene, path)
        return path.read_bytes()


@contextmanager
def _as_patient_as_before() -> Iterator[None]:
    """Give back the scheduling of this thread: SVT-AV1, run by root, makes its caller real-time.

    What that starts inherits it, and everybody else on the machine waits.
    """
    policy, param = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, param)


def _shoot(scene: Scene, path: Path) -> None:
    flags = {"movflags": scene.movflags} if scene.movflags else {}
    with av.open(path, "w", format=scene.container, options=flags) as film:
        audio = _sound_track(film, scene) if scene.is_sound_first else None
        video = _video_track(film, scene) if scene.has_pictures else None
        audio = _sound_track(film, scene) if scene.has_sound and audio is None else audio
        if video is not None:
            for frame in _pictures(scene):
                film.mux(video.encode(frame))
            film.mux(video.encode())
        if audio is not None:
            for sound in _sounds(scene):
                film.mux(audio.encode(sound))
            film.mux(audio.encode())
        film.start_encoding()  # a film without a single picture has a head, too


def _video_track(film: OutputContainer, scene: Scene) -> VideoStream:
    speed = {"preset": "ultrafast"} if scene.codec in {"libx264", "libx265"} else {}
    video = film.add_stream(scene.codec, rate=scene.fps, options=speed)
    assert isinstance(video, VideoStream)
    video.width, video.height = scene.width_px, scene.height_px
    video.pix_fmt = scene.pixels
    return video


def _sound_track(film: OutputContainer, scene: Scene) -> AudioStream:
    audio = film.add_stream(scene.sound, rate=SOUND_HZ, layout="mono")
    assert isinstance(audio, AudioStream)
    return audio


def _pictures(scene: Scene) -> Iterator[VideoFrame]:
    for number in range(scene.frame_count):
        frame = VideoFrame.from_ndarray(_pixels(scene, number), format="rgb24")
        if scene.matrix is not None:  # untagged: the decoder cannot know
            frame = frame.reformat(format=scene.pixels, dst_colorspace=scene.matrix)
            frame.colorspace = UNSPECIFIED
        frame.pts, frame.time_base = number, Fraction(1, scene.fps)
        yield frame


def _sounds(scene: Scene) -> Iterator[AudioFrame]:
    for at in range(0, SOUND_HZ * scene.frame_count // scene.fps, 1024):
        tone = np.sin(np.arange(at, at + 1024, dtype=np.float32) / 20)[np.newaxis] * 0.2
        sound = AudioFrame.from_ndarray(tone.astype(np.float32), "fltp", "mono")
        sound.sample_rate, sound.pts, sound.time_base = SOUND_HZ, at, Fraction(1, SOUND_HZ)
        yield sound


def _pixels(scene: Scene, number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    shape = (scene.height_px, scene.width_px, 3)
    if scene.has_noise:
        return np.random.default_rng(number).integers(0, 255, shape, dtype=np.uint8)
    grey = min(255, scene.grey_step * number)
    return np.full(shape, scene.colour or (grey, grey, grey), dtype=np.uint8)


def packet_starts(film: bytes) -> list[int]:
    """Return where in a film each coded picture begins."""
    with av.open(io.BytesIO(film), "r") as container:
        return [p.pos for p in container.demux(video=0) if p.pos is not None and p.size]


def shoot_two_sizes() -> bytes:
    """Return a film whose pictures grow halfway: two codings under one head."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        with av.open(path, "w") as film:
            first, second = Scene(64, 48, 6), Scene(96, 64, 6)
            track = _video_track(film, first)
            for number, packet in enumerate([*_coded(first), *_coded(second)]):
                packet.stream = track
                packet.pts = packet.dts = number
                packet.time_base = Fraction(1, first.fps)
                film.mux(packet)
        return path.read_bytes()


def _coded(scene: Scene) -> Iterator[Packet[VideoStream]]:
    coder = CodecContext.create("libx264", "w")
    assert isinstance(coder, VideoCodecContext)
    coder.width, coder.height, coder.pix_fmt = scene.width_px, scene.height_px, scene.pixels
    coder.time_base = Fraction(1, scene.fps)
    coder.options = {"preset": "ultrafast"}
    for picture in _pictures(scene):
        yield from coder.encode(picture)
    yield from coder.encode(None)
