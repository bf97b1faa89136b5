"""Films under inspection, honest and hostile; each in a real child process.

Everything is asked of both ways to come by a child: forked, as on Linux, and started afresh.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from filming import Scene, packet_starts, shoot, shoot_two_sizes
from inspecting import WAYS, Way
from rushes.domain.spec import Size
from rushes.media.inspection import LAST_FRAME, POSTER, SPRITESHEET, InspectionLimits
from rushes.media.inspector import FilmInspector
from rushes.ports import Inspector, NotAFilm, Probe

PATIENCE_S = 60.0
USUAL = InspectionLimits()


class Chosen:
    """The way that the test at hand takes."""

    way: Way = WAYS["forked"]


@pytest.fixture(autouse=True, params=["forked", pytest.param("fresh", marks=pytest.mark.long)])
def _way(request: pytest.FixtureRequest) -> Iterator[None]:
    before, Chosen.way = Chosen.way, WAYS[request.param]
    yield
    Chosen.way = before


async def inspect(content: bytes, folder: Path, limits: InspectionLimits = USUAL) -> Probe:
    film = folder / "film.mp4"
    film.write_bytes(content)
    inspector: Inspector = FilmInspector(limits=limits, children=Chosen.way.usual())
    return await asyncio.wait_for(inspector.inspect(film, folder), PATIENCE_S)


async def refusal(content: bytes, folder: Path, limits: InspectionLimits = USUAL) -> str:
    with pytest.raises(NotAFilm) as refused:
        await inspect(content, folder, limits)
    assert names(folder) == ["film.mp4"]
    return str(refused.value)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def opened(path: Path) -> Image.Image:
    picture = Image.open(path)
    picture.load()
    return picture


def grey(picture: Image.Image, x: int, y: int) -> int:
    value = picture.convert("L").getpixel((x, y))
    assert isinstance(value, int | float)
    return round(value)


DAMAGED = "Its data are damaged: it cannot be decoded to its end."


@pytest.mark.promise("P4")
async def test_a_film_is_measured_by_decoding_all_of_it(tmp_path: Path) -> None:
    probe = await inspect(shoot(Scene(128, 96, frame_count=48, has_sound=True)), tmp_path)
    assert probe.frame_count == 48
    assert probe.seconds == pytest.approx(2.0)
    assert probe.fps == pytest.approx(24.0)
    assert probe.size == Size(128, 96)
    assert (probe.video_codec, probe.audio_codec) == ("h264", "aac")
    stills = [probe.last_frame, probe.poster, probe.spritesheet]
    assert [path.name for path in stills] == [LAST_FRAME, POSTER, SPRITESHEET]
    assert names(tmp_path) == ["film.mp4", LAST_FRAME, POSTER, SPRITESHEET]


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libsvtav1", "mpeg4"])
async def test_codings_that_mp4_players_know_are_taken(codec: str, tmp_path: Path) -> None:
    probe = await inspect(shoot(Scene(codec=codec, frame_count=5)), tmp_path)
    assert probe.frame_count == 5
    assert probe.audio_codec is None


@pytest.mark.parametrize("movflags", ["", "+faststart", "+frag_keyframe+empty_moov"])
async def test_every_form_of_mp4_is_taken(movflags: str, tmp_path: Path) -> None:
    probe = await inspect(shoot(Scene(movflags=movflags, has_sound=True)), tmp_path)
    assert probe.frame_count == 24
    assert probe.seconds == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("movflags", ["+faststart", "+frag_keyframe+empty_moov"])
async def test_the_stills_are_those_of_the_contract(movflags: str, tmp_path: Path) -> None:
    scene = Scene(640, 360, frame_count=100, fps=10, grey_step=2, movflags=movflags)
    probe = await inspect(shoot(scene), tmp_path)
    poster, last_frame = opened(probe.poster), opened(probe.last_frame)
    sheet = opened(probe.spritesheet)
    assert (poster.format, last_frame.format, sheet.format) == ("WEBP", "WEBP", "JPEG")
    assert poster.size == last_frame.size == (640, 360)
    assert 0 <= grey(poster, 320, 180) <= 2 * 10 + 3  # a frame of the first second
    assert grey(last_frame, 320, 180) == pytest.approx(2 * 99, abs=4)
    assert sheet.size == (5 * 320, 2 * 180)
    stills = [grey(sheet, 160 + 320 * (n % 5), 90 + 180 * (n // 5)) for n in range(10)]
    assert stills == pytest.approx([2 * (10 * n + 5) for n in range(10)], abs=6)


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libsvtav1", "mpeg4"])
@pytest.mark.parametrize("has_sound", [True, False])
async def test_the_last_frame_is_the_very_last_picture(
    codec: str, has_sound: bool, tmp_path: Path
) -> None:
    """Pictures that wait in the decoder for their turn come after the last packet."""
    scene = Scene(128, 96, frame_count=24, grey_step=10, codec=codec, has_sound=has_sound)
    probe = await inspect(shoot(scene), tmp_path)
    assert grey(opened(probe.last_frame), 64, 48) == pytest.approx(10 * 23, abs=4)


async def test_a_film_of_one_frame_ends_with_it(tmp_path: Path) -> None:
    probe = await inspect(shoot(Scene(frame_count=1)), tmp_path)
    assert probe.last_frame.read_bytes() == probe.poster.read_bytes()


async def test_a_film_of_one_frame_fills_its_sheet(tmp_path: Path) -> None:
    probe = await inspect(shoot(Scene(frame_count=1)), tmp_path)
    assert probe.frame_count == 1
    assert opened(probe.spritesheet).size == (5 * 64, 2 * 48)


@pytest.mark.parametrize(("size", "matrix"), [((64, 48), "ITU601"), ((1280, 720), "ITU709")])
async def test_untagged_colours_are_those_a_player_shows(
    size: tuple[int, int], matrix: str, tmp_path: Path
) -> None:
    colour = (200, 40, 40)
    probe = await inspect(shoot(Scene(*size, 2, colour=colour, matrix=matrix)), tmp_path)
    shown = opened(probe.poster).convert("RGB").getpixel((9, 9))
    assert shown == pytest.approx(colour, abs=8)


async def test_a_turned_film_is_shown_upright(tmp_path: Path) -> None:
    film = shoot(Scene(96, 64, frame_count=3))
    upright = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    quarter = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    at = film.index(upright, film.index(b"tkhd"))
    probe = await inspect(film[:at] + quarter + film[at + len(quarter) :], tmp_path)
    assert probe.size == Size(64, 96)
    assert opened(probe.poster).size == opened(probe.last_frame).size == (64, 96)
    assert opened(probe.spritesheet).size == (5 * 64, 2 * 96)


@pytest.mark.parametrize("has_sound", [True, False])
@pytest.mark.parametrize("movflags", ["+faststart", "+frag_keyframe+empty_moov"])
@pytest.mark.parametrize("share", [0.4, 0.9, 0.99])
async def test_a_truncated_film_is_refused(
    share: float, movflags: str, has_sound: bool, tmp_path: Path
) -> None:
    film = shoot(Scene(128, 96, has_noise=True, has_sound=has_sound, movflags=movflags))
    await refusal(film[: int(share * len(film))], tmp_path)


async def test_a_film_cut_between_two_pictures_is_refused(tmp_path: Path) -> None:
    # Nothing is damaged: it decodes, and ends early.
    film = shoot(Scene(frame_count=48, has_noise=True, movflags="+faststart"))
    at = packet_starts(film)[24]
    assert await refusal(film[:at], tmp_path) == "It ends after 1.0 of its 2.0 seconds."


async def test_a_film_with_many_broken_pictures_is_refused(tmp_path: Path) -> None:
    film = bytearray(shoot(Scene(128, 96, frame_count=24, has_noise=True)))
    for at in packet_starts(bytes(film))[1::2]:
        film[at + 40 : at + 60] = bytes(20)
    assert "damaged" in await refusal(bytes(film), tmp_path)


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!doctype html><title>Forbidden</title>",
        PLAYLIST,
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b'{"error": "expired"}',
        bytes(100_000),
        struct.pack(">I4s4sI4s", 20, b"ftyp", b"qt  ", 0, b"qt  "),
    ],
    ids=["empty", "page", "playlist", "list", "json", "zeros", "QuickTime"],
)
async def test_what_is_no_mp4_is_refused(content: bytes, tmp_path: Path) -> None:
    assert await refusal(content, tmp_path) == "It is not an MP4 file."


MP4_HEAD = struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0, b"mp42")


@pytest.mark.parametrize("content", [b"", PLAYLIST, bytes(1_000), b"\xff" * 1_000])
async def test_a_false_head_does_not_help(content: bytes, tmp_path: Path) -> None:
    assert await refusal(MP4_HEAD + content, tmp_path) == DAMAGED


async def test_another_container_is_refused(tmp_path: Path) -> None:
    film = shoot(Scene(container="matroska"))
    assert await refusal(film, tmp_path) == "It is not an MP4 file."


async def test_sound_alone_is_no_film(tmp_path: Path) -> None:
    film = shoot(Scene(has_pictures=False, has_sound=True))
    assert await refusal(film, tmp_path) == "It has no video track."


async def test_a_film_without_a_picture_is_refused(tmp_path: Path) -> None:
    film = shoot(Scene(frame_count=0))
    assert await refusal(film, tmp_path) in {"It has no pictures.", "It has no video track."}


async def test_a_coding_that_mp4_players_do_not_know_is_refused(tmp_path: Path) -> None:
    film = shoot(Scene(codec="mjpeg", pixels="yuvj420p"))
    assert await refusal(film, tmp_path) == "Its video is not coded as MP4 players expect."


async def test_a_declared_giant_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    small = replace(USUAL, frame_pixels_max=64 * 48 - 1)
    assert "too large" in await refusal(shoot(Scene()), tmp_path, small)
    narrow = replace(USUAL, edge_px_max=63)
    assert "too large: 64x48" in await refusal(shoot(Scene()), tmp_path, narrow)


async def test_a_film_whose_pictures_change_their_size_is_refused(tmp_path: Path) -> None:
    assert await refusal(shoot_two_sizes(), tmp_path) == "Its pictures change their size."


async def test_a_film_that_lasts_for_ever_is_refused(tmp_path: Path) -> None:
    short = replace(USUAL, seconds_max=0.5)
    assert "at most 0.5 seconds" in await refusal(shoot(Scene()), tmp_path, short)
    slow = replace(USUAL, fps_max=20)
    assert "at most 20 pictures" in await refusal(shoot(Scene()), tmp_path, slow)


async def test_a_film_that_is_not_there_says_nothing_of_films(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await FilmInspector(children=Chosen.way.usual()).inspect(tmp_path / "film.mp4", tmp_path)


async def test_stills_that_cannot_be_written_say_nothing_of_the_film(tmp_path: Path) -> None:
    film = shoot(Scene(128, 96, has_noise=True))
    with pytest.raises(OSError, match="File too large"):
        await inspect(film, tmp_path, replace(USUAL, still_bytes_max=8_000))


# -- children that misbehave ------------------------------------------------------------------


async def ask(script: str, folder: Path, **wishes: Any) -> Probe:
    """Inspect with a child of our own: it has `limits` and `parent`, and may `say` a report."""
    film = folder / "film.mp4"
    film.write_bytes(b"film")
    inspector = FilmInspector(children=Chosen.way.scripted(script), **wishes)
    return await asyncio.wait_for(inspector.inspect(film, folder), PATIENCE_S)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS])
async def test_a_film_that_breaks_the_decoder_is_refused(
    number: signal.Signals, tmp_path: Path
) -> None:
    with pytest.raises(NotAFilm, match="Its data break the decoder"):
        await ask(f"os.kill(os.getpid(), {int(number)})", tmp_path)


@pytest.mark.parametrize(
    "script",
    [
        "os.kill(os.getpid(), signal.SIGKILL)",  # as the system does when memory is short
        "sys.exit(3)",
        "raise RuntimeError('no library')",
        "pass",
        "sys.stdout.write('no JSON')",
        "say(fault=7)",
        "say(seconds='long')",
    ],
)
async def test_a_child_that_fails_says_nothing_of_the_film(script: str, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="the inspection ended"):
        await ask(script, tmp_path)


async def test_what_a_child_complained_of_last_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="RuntimeError: no library"):
        await ask("raise RuntimeError('no library')", tmp_path)


async def test_a_child_can_say_only_so_much(tmp_path: Path) -> None:
    endless = """
from rushes.media.inspector_child import confine
confine(limits, parent=parent)
while True: sys.stdout.write("x" * 65536)
"""
    with pytest.raises(OSError, match="File too large"):
        await ask(endless, tmp_path, limits=replace(USUAL, still_bytes_max=2**20))


async def test_a_film_that_needs_too_much_memory_is_refused(tmp_path: Path) -> None:
    greedy = """
from rushes.media.inspector_child import main
sys.exit(main(sys.argv, lambda limits: bytearray(limits.memory_bytes_max)))
"""
    with pytest.raises(NotAFilm, match="It needs more memory"):
        await ask(greedy, tmp_path)


SPINNING = """
from rushes.media.inspector_child import confine
confine(limits, parent=parent)
while True: pass
"""


async def test_a_film_that_takes_too_much_cpu_is_refused(tmp_path: Path) -> None:
    limits = replace(USUAL, opening_cpu_s=1)
    with pytest.raises(NotAFilm, match="It takes longer to decode"):
        await ask(SPINNING, tmp_path, limits=limits)


async def test_a_child_out_of_time_ends_itself_and_says_nothing_of_the_film(
    tmp_path: Path,
) -> None:
    with pytest.raises(OSError, match=f"ended with -{int(signal.SIGALRM)}"):
        await ask(SPINNING, tmp_path, limits=replace(USUAL, wall_s=0.05))


async def test_a_child_learns_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUSHES_SECRET", "sk-1234")
    with pytest.raises(NotAFilm) as told:
        await ask(
            "say(fault=json.dumps([dict(os.environ), sorted(os.listdir('/proc/self/fd'))]))",
            tmp_path,
        )
    environment, files = json.loads(str(told.value))
    assert set(environment) <= {"LC_CTYPE"}
    assert files == ["0", "1", "2", "3"]  # the last is the listing itself


CONFINED = """
import resource
from rushes.media.inspector_child import confine
confine(limits, parent=parent)
names = ["CORE", "FSIZE", "NOFILE", "AS", "CPU"]
say(fault=json.dumps([resource.getrlimit(getattr(resource, "RLIMIT_" + name)) for name in names]))
"""


async def test_a_child_gives_up_what_it_does_not_need(tmp_path: Path) -> None:
    with pytest.raises(NotAFilm) as told:
        await ask(CONFINED, tmp_path)
    assert json.loads(str(told.value)) == [
        [0, 0],
        [USUAL.still_bytes_max] * 2,
        [USUAL.files_max] * 2,
        [USUAL.memory_bytes_max] * 2,
        [USUAL.opening_cpu_s, USUAL.cpu_s_max + 2],
    ]


HANGING = """
from rushes.media.inspector_child import confine
confine(limits, parent=parent)
other = os.fork() if is_forking else 0
if other or not is_forking:
    with open("told", "w") as file: file.write(f"{os.getpid()} {other}")
signal.pause()
"""


async def test_a_canceled_inspection_takes_the_whole_group_along(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "told")
    asking = asyncio.create_task(ask("is_forking = True" + HANGING, tmp_path))
    pidfds = [os.pidfd_open(pid) for pid in await asyncio.to_thread(told_pids, tmp_path)]
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert len(pidfds) == 2
    assert all(await asyncio.gather(*(asyncio.to_thread(is_over, one) for one in pidfds)))


INSPECTING = """
import asyncio, sys
from pathlib import Path
from rushes.media.children import ForkedChildren, FreshChildren
from rushes.media.inspector import FilmInspector
folder, children = Path(sys.argv[1]), globals()[sys.argv[2]](sys.argv[3:])
asyncio.run(FilmInspector(children=children).inspect(folder / "film.mp4", folder))
"""


def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "told")
    (tmp_path / "film.mp4").write_bytes(b"film")
    way = Chosen.way
    command = [way.kind.__name__, *way.command("is_forking = False" + HANGING)]
    worker = subprocess.Popen([sys.executable, "-c", INSPECTING, str(tmp_path), *command])
    try:
        pid, _ = told_pids(tmp_path)
        pidfd = os.pidfd_open(pid)
    finally:
        worker.kill()
        worker.wait(PATIENCE_S)
    assert is_over(pidfd)


def told_pids(folder: Path) -> tuple[int, ...]:
    """Wait for a child to tell its number, and that of its own child."""
    told = os.open(folder / "told", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert select.select([told], [], [], PATIENCE_S)[0], "no child told its number"
        return tuple(map(int, os.read(told, 100).split()))
    finally:
        os.close(told)


def is_over(pidfd: int) -> bool:
    """Wait for a process to end."""
    try:
        return bool(select.select([pidfd], [], [], PATIENCE_S)[0])
    finally:
        os.close(pidfd)


LOGGING = """
log = os.open("../log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.write(log, b"begin ")
sum(range(4_000_000))
os.write(log, b"end ")
say(seconds=1.0, width_px=2, height_px=2, fps=1.0, frame_count=1, video_codec="h264")
"""


async def test_no_more_films_are_looked_at_at_once_than_wanted(tmp_path: Path) -> None:
    inspector = FilmInspector(at_once_max=1, children=Chosen.way.scripted(LOGGING))
    folders = [tmp_path / str(number) for number in range(3)]
    for folder in folders:
        folder.mkdir()
        (folder / "film.mp4").write_bytes(b"film")
    await asyncio.gather(*(inspector.inspect(f / "film.mp4", f) for f in folders))
    assert (tmp_path / "log").read_text() == "begin end " * 3


def test_shooting_a_film_leaves_the_machine_to_others() -> None:
    before = os.sched_getscheduler(0)
    shoot(Scene(codec="libsvtav1"))
    assert os.sched_getscheduler(0) == before
