"""A caller's sound and video files, known by their first bytes."""

from __future__ import annotations

import asyncio
import io
import struct
import threading
import wave
from contextlib import suppress
from typing import IO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from filming import Scene, shoot
from rushes.domain.catalog import InputRule
from rushes.domain.errors import InvalidMedia
from rushes.domain.spec import Medium, Size
from rushes.media.clips import ClipFacts, check_audio, check_video
from rushes.media.containers import mp4_shape, webm_shape
from rushes.media.examiner import FileExaminer
from rushes.ports import Examiner, InputFacts

NO_SOUND = "'audio_url' is not a WAV or MP3 file."
NO_VIDEO = "'first_clip' is not an MP4, MOV or WebM file."


def wav() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 8_000, 80, "NONE", "none"))
        file.writeframes(bytes(160))
    return out.getvalue()


def mp3(tag_bytes: int = 0) -> bytes:
    frames = shoot(Scene(has_pictures=False, has_sound=True, sound="libmp3lame", container="mp3"))
    bare = frames[frames.index(b"\xff\xfb") :]
    if not tag_bytes:
        return bare
    size = bytes(tag_bytes >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x04\0\0" + size + bytes(tag_bytes) + bare


def sound(content: bytes, **wishes: int) -> ClipFacts:
    return check_audio(io.BytesIO(content), param="audio_url", **wishes)


def video(content: bytes, **wishes: int) -> ClipFacts:
    return check_video(io.BytesIO(content), param="first_clip", **wishes)


def test_sound_is_known_by_content() -> None:
    assert sound(wav()) == ClipFacts("wav", "audio/wav", len(wav()))
    assert sound(mp3()) == ClipFacts("mp3", "audio/mpeg", len(mp3()))


@pytest.mark.parametrize("tag_bytes", [10, 1_000, 200_000])
def test_a_tag_with_a_picture_may_stand_before_the_sound(tag_bytes: int) -> None:
    assert sound(mp3(tag_bytes)).format == "mp3"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF\0\0\0\0WAVE",
        b"RIFF\0\0\0\0AVI fmt ",
        b"OggS" + bytes(100),
        b"fLaC" + bytes(100),
        b"<html></html>",
        b"ID3\x04\0\0\0\0\0\x0a" + bytes(100),
        b"ID3\x04\0\0\0\0\0\0" + wav(),
        b"\xff\xfb\x90\x00" + bytes(1_000),
        b"\xff\xf1\x50\x80" * 500,
    ],
    ids=["none", "wav", "avi", "ogg", "flac", "page", "tag", "tagged wav", "one frame", "aac"],
)
def test_what_is_no_sound_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidMedia) as refused:
        sound(content)
    assert refused.value.message == NO_SOUND
    assert refused.value.param == "audio_url"


@given(content=st.binary(max_size=300))
def test_any_bytes_are_a_clip_or_refused(content: bytes) -> None:
    for check in (sound, video):
        with suppress(InvalidMedia):  # and nothing else
            assert check(content).size_bytes == len(content)


def test_clips_are_limited_in_bytes() -> None:
    for check, content in ((sound, wav()), (video, shoot(Scene(frame_count=1)))):
        check(content, bytes_max=len(content))
        with pytest.raises(InvalidMedia, match=f"must be at most {len(content) - 1:,} bytes"):
            check(content, bytes_max=len(content) - 1)


@pytest.mark.parametrize(
    ("container", "codec", "movflags", "content_type"),
    [
        ("mp4", "libx264", "", "video/mp4"),
        ("mp4", "libx264", "+faststart", "video/mp4"),
        ("mp4", "libx264", "+frag_keyframe+empty_moov", "video/mp4"),
        ("mov", "libx264", "", "video/quicktime"),
        ("webm", "libvpx", "", "video/webm"),
    ],
)
def test_video_is_known_by_content_and_says_its_size(
    container: str, codec: str, movflags: str, content_type: str
) -> None:
    scene = Scene(98, 54, 3, container=container, codec=codec, movflags=movflags, has_sound=False)
    facts = video(shoot(scene))
    assert facts.content_type == content_type
    assert facts.size == Size(98, 54)


def test_sound_beside_the_pictures_does_not_confuse_the_size() -> None:
    for is_sound_first in (False, True):
        scene = Scene(98, 54, 3, has_sound=True, is_sound_first=is_sound_first)
        assert video(shoot(scene)).size == Size(98, 54)


def test_a_turned_video_has_the_size_it_is_shown_in() -> None:
    film = shoot(Scene(96, 64, 3))
    upright = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    quarter = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    at = film.index(upright, film.index(b"tkhd"))
    assert video(film[:at] + quarter + film[at + 36 :]).size == Size(64, 96)


def test_a_video_whose_size_cannot_be_read_is_still_a_video() -> None:
    head = struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0, b"mp42")
    assert video(head) == ClipFacts("mp4", "video/mp4", 20, None)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html></html>",
        b"#EXTM3U\n",
        struct.pack(">I4s4sI4s", 20, b"ftyp", b"heic", 0, b"mif1"),
        struct.pack(">I4s4sI4s", 20, b"ftyp", b"avif", 0, b"avif"),
        struct.pack(">I4s4sI4s", 20, b"ftyp", b"M4A ", 0, b"M4A "),
        struct.pack(">I4s4s", 4_000, b"ftyp", b"isom"),
        b"\x1a\x45\xdf\xa3" + bytes(100),
        wav(),
    ],
)
def test_what_is_no_video_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidMedia) as refused:
        video(content)
    assert refused.value.message == NO_VIDEO


def test_matroska_is_not_webm() -> None:
    with pytest.raises(InvalidMedia):
        video(shoot(Scene(frame_count=1, container="matroska")))


boxes = [b"moov", b"mvhd", b"trak", b"tkhd", b"\0\0\0\x08", b"\0\0\0\x01", b"\xff" * 8, bytes(8)]
elements = [b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b", b"\x01", b"\xae", b"\x84"]
pieces = st.sampled_from([*boxes, *elements])


@given(content=st.lists(st.binary(max_size=20) | pieces, max_size=20).map(b"".join))
@example(content=b"\0\0\0\x01free" + b"\xff" * 8)
@example(content=b"\x18\x53\x80\x67\x01" + b"\xff" * 7)
def test_no_boxes_break_the_reading_of_a_shape(content: bytes) -> None:
    for shape_of in (mp4_shape, webm_shape):
        shape = shape_of(io.BytesIO(content))
        assert shape.size is None or shape.size.width_px > 0
        assert shape.seconds is None or shape.seconds > 0


@pytest.mark.parametrize(
    ("container", "codec", "frame_count"),
    [("mp4", "libx264", 36), ("mov", "libx264", 12), ("webm", "libvpx-vp9", 24)],
)
def test_a_video_tells_how_long_it_is(container: str, codec: str, frame_count: int) -> None:
    film = shoot(Scene(frame_count=frame_count, container=container, codec=codec))
    assert video(film).seconds == pytest.approx(frame_count / 24, abs=0.05)


def test_a_length_that_nobody_wrote_is_none() -> None:
    header = bytes(12) + (90_000).to_bytes(4, "big") + b"\xff" * 4
    boxed = (8 + len(header)).to_bytes(4, "big") + b"mvhd" + header
    movie = (8 + len(boxed)).to_bytes(4, "big") + b"moov" + boxed
    assert mp4_shape(io.BytesIO(movie)).seconds is None


# -- the examiner -------------------------------------------------------------------------------


async def test_each_medium_is_examined_in_its_way() -> None:
    examiner: Examiner = FileExaminer()
    for medium, content, facts in (
        (Medium.AUDIO, wav(), InputFacts("audio/wav")),
        (Medium.VIDEO, shoot(Scene(64, 48, 24)), InputFacts("video/mp4", Size(64, 48), 1.0)),
    ):
        rule = InputRule(medium, 1_000_000)
        assert await examiner.examine(io.BytesIO(content), rule, param="x") == facts
    with pytest.raises(InvalidMedia, match="'x' is not a readable JPEG, PNG or WebP image"):
        await examiner.examine(io.BytesIO(wav()), InputRule(Medium.IMAGE, 1_000_000), param="x")


class Slow(io.BytesIO):
    """A file that keeps its reader waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.is_read = threading.Event()
        self.go_on = threading.Event()

    def seek(self, at: int, whence: int = 0) -> int:
        self.is_read.set()
        assert self.go_on.wait(20)
        return super().seek(at, whence)


async def test_a_canceled_examination_lets_go_of_the_file_first() -> None:
    content: IO[bytes] = Slow()
    assert isinstance(content, Slow)
    examining = asyncio.create_task(
        FileExaminer().examine(content, InputRule(Medium.AUDIO, 100), param="x")
    )
    assert await asyncio.to_thread(content.is_read.wait, 20)
    examining.cancel()
    done, _ = await asyncio.wait({examining}, timeout=0.05)
    assert not done  # the thread still has the file
    content.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await examining
    content.close()
