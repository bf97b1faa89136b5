"""Whole films, rendered by a child of their own."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from rushes.domain.spec import Role, Size
from rushes.media.clips import check_audio
from rushes.studio.order import Job, Line, Order, write_line

Render = Callable[..., Path]
MakeOrder = Callable[..., Order]


def pictures(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as film:
        return [frame.to_ndarray() for frame in film.decode(video=0)]


def loudness(path: Path) -> float:
    with av.open(str(path)) as film:
        return float(np.mean([np.abs(block.to_ndarray()).mean() for block in film.decode(audio=0)]))


def wav(samples: np.ndarray, *, rate_hz: int = 48_000, notes: bytes = b"") -> bytes:
    form = struct.pack("<HHIIHH", 3, 1, rate_hz, min(4 * rate_hz, 2**32 - 1), 4, 32)
    body = b"WAVE"
    for name, chunk in ((b"fmt ", form), (b"LIST", notes), (b"data", samples.tobytes())):
        body += name + struct.pack("<I", len(chunk)) + chunk if chunk else b""
    return b"RIFF" + struct.pack("<I", len(body)) + body


def boxes(path: Path) -> list[str]:
    data, names, at = path.read_bytes(), [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        names.append(data[at + 4 : at + 8].decode("latin-1"))
        at += size
    return names


@pytest.mark.parametrize(
    ("size", "options", "fps"), [(Size(160, 90), {}, 24), (Size(90, 162), {"fps": 15}, 15)]
)
def test_a_film_has_exactly_the_form_that_was_asked_for(
    size: Size, options: dict[str, Any], fps: int, render: Render, order: MakeOrder
) -> None:
    path = render(order("a city at night", size=size, seconds=2, options=options))
    with av.open(str(path)) as film:
        assert len(film.streams) == 1
        (stream,) = film.streams.video
        context = stream.codec_context
        assert (context.width, context.height) == (size.width_px, size.height_px)
        assert stream.average_rate == Fraction(fps)
        assert (context.name, context.profile, context.pix_fmt) == ("h264", "High", "yuv420p")
        assert (context.colorspace, context.color_range) == (1, 1)
        assert (context.color_primaries, context.color_trc) == (1, 1)
        times = [float(frame.time or 0) for frame in film.decode(video=0)]
    assert len(times) == 2 * fps
    assert np.allclose(np.diff(times), 1 / fps, atol=1e-3)
    names = boxes(path)
    assert names.index("moov") < names.index("mdat")


def test_sound_is_there_when_asked_for_and_only_then(render: Render, order: MakeOrder) -> None:
    with av.open(str(render(order("rain in the forest", with_audio=True)))) as film:
        (audio,) = film.streams.audio
        assert (audio.codec_context.name, audio.rate) == ("aac", 48_000)
        assert audio.channels == 2
        assert abs(float(film.duration or 0) / av.time_base - 1.0) <= 1 / 24
    assert loudness(render(order("rain in the forest", with_audio=True), "loud")) > 0.001


def test_driving_audio_is_the_sound(tmp_path: Path, render: Render, order: MakeOrder) -> None:
    silence = tmp_path / "silence.wav"
    with av.open(str(silence), "w") as file:
        stream = file.add_stream("pcm_s16le", rate=44_100, layout="mono")
        block = av.AudioFrame.from_ndarray(np.zeros((1, 22_050), np.int16), "s16", "mono")
        block.sample_rate = 44_100
        file.mux(stream.encode(block))
        file.mux(stream.encode(None))
    path = render(order("waves", files={Role.DRIVING_AUDIO: silence}))
    assert loudness(path) < 1e-4


def test_sound_that_is_no_number_or_far_too_loud_is_tamed(
    tmp_path: Path, render: Render, order: MakeOrder
) -> None:
    samples = np.full(48_000, 0.2, "<f4")
    samples[100], samples[200], samples[300:400] = np.nan, np.inf, 1e20
    wild = tmp_path / "wild.wav"
    wild.write_bytes(wav(samples))
    path = render(order("waves", files={Role.DRIVING_AUDIO: wild}))
    with av.open(str(path)) as film:
        heard = np.concatenate([block.to_ndarray() for block in film.decode(audio=0)], axis=1)
    assert 0.1 < float(np.abs(heard).max()) < 2


def test_a_title_in_the_letters_of_a_country_does_not_spoil_a_sound(
    tmp_path: Path, render: Render, order: MakeOrder
) -> None:
    title = "晴天".encode("gbk")
    notes = b"INFOINAM" + struct.pack("<I", len(title)) + title
    song = tmp_path / "song.wav"
    song.write_bytes(wav(np.full(48_000, 0.5, "<f4"), notes=notes))
    assert loudness(render(order("waves", files={Role.DRIVING_AUDIO: song}))) > 0.1


@pytest.mark.parametrize("rate_hz", [1, 1_325_448_064])
def test_sound_at_a_rate_of_no_sound_is_the_orders_fault(
    rate_hz: int, tmp_path: Path, child: Callable[[Order, Path], list[Line]], order: MakeOrder
) -> None:
    odd = tmp_path / "odd.wav"
    odd.write_bytes(wav(np.zeros(48_000, "<f4"), rate_hz=rate_hz))
    last = child(order("waves", files={Role.DRIVING_AUDIO: odd}), tmp_path / "a.mp4")[-1]
    assert "the_driving_audio" in (last.error or "")


def test_sound_does_not_lead_to_other_files(
    tmp_path: Path, child: Callable[[Order, Path], list[Line]], order: MakeOrder, render: Render
) -> None:
    other = render(order("rain", with_audio=True), "other").rename(tmp_path / "other")
    frame = b"\xff\xfb\x90\x64" + b"x" * 413
    listing = tmp_path / "listing"
    listing.write_bytes(f"ffconcat version 1.0\nfile {other.name}\n#".encode() + 3 * frame + b"\n")
    assert check_audio(BytesIO(listing.read_bytes()), param="audio").format == "mp3"
    wish = order("waves", files={Role.DRIVING_AUDIO: listing})
    last = child(wish, tmp_path / "a.mp4")[-1]
    assert "the_driving_audio" in (last.error or "")


def test_a_film_says_in_its_file_that_it_is_synthetic(render: Render, order: MakeOrder) -> None:
    with av.open(str(render(order(model="sora-2", token="video_42")))) as film:
        said = film.metadata["comment"]
    assert "Synthetic" in said
    assert "REHEARSAL · sora-2" in said
    assert "video_42" in said


def test_the_same_order_is_the_same_pictures_also_on_one_core(
    tmp_path: Path, render: Render, order: MakeOrder
) -> None:
    wish = order("a fox in a snowy forest, handheld", with_audio=True)
    first = pictures(render(wish, "first"))
    alone = tmp_path / "alone.mp4"
    core = min(os.sched_getaffinity(0))
    code = (
        f"import os; os.sched_setaffinity(0, {{{core}}});"
        "from rushes.studio.__main__ import main; raise SystemExit(main())"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        input=write_line(Job(wish, str(alone))),
        capture_output=True,
        check=True,
        timeout=60,
    )
    second = pictures(alone)
    assert len(first) == len(second) == 24
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


def test_another_seed_is_another_film(render: Render, order: MakeOrder) -> None:
    one, other = (pictures(render(order(seed=seed), f"s{seed}")) for seed in (1, 2))
    assert not np.array_equal(one[12], other[12])


def test_the_watermark_is_at_the_lower_right(render: Render, order: MakeOrder) -> None:
    size = Size(320, 180)
    plain = pictures(render(order(size=size), "plain"))[10]
    marked = pictures(render(order(size=size, with_watermark=True), "marked"))[10]
    changed = np.abs(plain[:180].astype(int) - marked[:180].astype(int)) > 24
    assert changed[90:, 160:].sum() > 20
    assert changed[:90, :160].sum() == 0


def test_progress_rises_and_the_film_is_measured(
    tmp_path: Path, child: Callable[[Order, Path], list[Line]], order: MakeOrder
) -> None:
    path = tmp_path / "a.mp4"
    lines = child(order(), path)
    progress = [line.progress for line in lines if line.progress is not None]
    assert progress == sorted(progress)
    assert len(progress) > 3
    made = lines[-1].done
    assert made is not None
    assert (made.frame_count, made.width_px, made.height_px) == (24, 160, 90)
    assert made.size_bytes == path.stat().st_size
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


def test_a_file_that_is_no_picture_is_the_orders_fault(
    tmp_path: Path, child: Callable[[Order, Path], list[Line]], order: MakeOrder
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nnot really")
    wish = order(mode="image_to_video", files={Role.FIRST_FRAME: broken})
    last = child(wish, tmp_path / "a.mp4")[-1]
    assert last.is_order_at_fault
    assert "the_first_frame" in (last.error or "")
    assert [file.name for file in tmp_path.iterdir()] == ["broken.png"]


def test_a_renderer_asks_for_only_so_much_memory(
    tmp_path: Path, child: Callable[[Order, Path], list[Line]], order: MakeOrder
) -> None:
    last = child(order(size=Size(60_000, 60_000)), tmp_path / "a.mp4")[-1]
    assert "MemoryError" in (last.error or "")
    assert not last.is_order_at_fault


def test_a_clip_that_breaks_off_late_is_the_orders_fault(
    tmp_path: Path, child: Callable[[Order, Path], list[Line]], order: MakeOrder, render: Render
) -> None:
    storm = order("a storm at sea. Cut to: the stormy sea at night", seconds=3)
    whole = render(storm, "whole").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) * 4 // 5])
    wish = order(mode="remix", seconds=3, files={Role.SOURCE_FILM: cut})
    last = child(wish, tmp_path / "a.mp4")[-1]
    assert last.is_order_at_fault, last


@pytest.mark.long
def test_a_long_film_is_whole(render: Render, order: MakeOrder) -> None:
    size = Size(1280, 720)
    assert len(pictures(render(order("a train", size=size, seconds=20)))) == 480
