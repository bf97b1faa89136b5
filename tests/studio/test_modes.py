"""What each mode makes its film from."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from filming import Scene
from filming import shoot as shoot_film
from rushes.domain.spec import Mode, Role, Size
from rushes.studio.crossing import ALIKE, likeness
from rushes.studio.director import TAG, about, captions, direct, shoot
from rushes.studio.order import BadOrder, Input, Order
from rushes.studio.pictures import last_frame, still, tags_of
from rushes.studio.planes import Frame, blank, over
from rushes.studio.score import score
from rushes.studio.text import chip

MakeOrder = Callable[..., Order]
Picture = Callable[..., Path]
Render = Callable[..., Path]

RED, BLUE, GREEN = (210, 40, 30), (30, 50, 200), (40, 190, 60)


def frames(order: Order) -> list[Frame]:
    whole = direct(shoot(order)).frames(0, order.frame_count)
    return [Frame(frame.y.copy(), frame.u.copy(), frame.v.copy()) for frame in whole]


def apart(one: Frame, other: Frame) -> float:
    """Return how different two pictures are where no words stand."""
    rows = slice(one.height // 4, int(one.height * 0.7))
    return float(np.abs(one.y[rows].astype(int) - other.y[rows]).mean())


def at(path: Path) -> Frame:
    return still(Input("p", str(path)), 160, 90)


def test_a_still_begins_on_itself_and_is_set_in_motion(order: MakeOrder, picture: Picture) -> None:
    first = picture("first", RED, GREEN)
    made = frames(order("push in", mode=Mode.IMAGE_TO_VIDEO, files={Role.FIRST_FRAME: first}))
    assert apart(made[0], at(first)) < 1
    assert apart(made[-1], at(first)) > 1


def test_a_still_of_another_shape_is_cut_to_fill(order: MakeOrder, picture: Picture) -> None:
    first = picture("first", RED, GREEN)
    wish = order(size=Size(90, 160), mode=Mode.IMAGE_TO_VIDEO, files={Role.FIRST_FRAME: first})
    made = frames(wish)
    assert (made[0].width, made[0].height) == (90, 160)
    assert made[0].v[16:24].min() > 150  # red from rim to rim above the square, no bars


def test_a_fixed_camera_hardly_moves_within_a_still(order: MakeOrder, picture: Picture) -> None:
    files = {Role.FIRST_FRAME: picture("first", RED, GREEN)}
    moved = [
        apart(made[0], made[-1])
        for made in (
            frames(order(words, mode=Mode.IMAGE_TO_VIDEO, files=files))
            for words in ("static shot", "push in")
        )
    ]
    assert 0 < moved[0] < moved[1] / 4


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_what_is_transparent_is_white(mode: str, tmp_path: Path) -> None:
    clear = Image.new("RGBA", (32, 32), (210, 40, 30, 0))
    if mode == "P":
        clear = Image.new("P", (32, 32))
        clear.putpalette(RED + BLUE)
        clear.info["transparency"] = 0
    clear.save(tmp_path / "clear.png")
    made = still(Input("p", str(tmp_path / "clear.png")), 32, 32)
    assert int(made.y.min()) > 230
    assert abs(int(made.v.max()) - 128) < 2


def test_grey_of_16_bits_is_grey(tmp_path: Path) -> None:
    Image.new("I;16", (32, 32), 128 * 256).save(tmp_path / "grey.png")
    assert np.allclose(still(Input("p", str(tmp_path / "grey.png")), 32, 32).y, 126, atol=2)


def test_a_turned_clip_is_seen_upright(tmp_path: Path) -> None:
    """A telephone held upright films sideways, and says so in the file."""
    lying = np.zeros((64, 96, 3), np.uint8)
    lying[:, :48] = 255
    path = tmp_path / "lying.mp4"
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=24, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for _ in range(3):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(lying, "rgb24")))
        film.mux(stream.encode(None))
    content = path.read_bytes()
    upright = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    quarter = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    at = content.index(upright, content.index(b"tkhd"))
    path.write_bytes(content[:at] + quarter + content[at + len(quarter) :])
    seen = last_frame(Input("p", str(path)), 64, 96)
    assert (seen.width, seen.height) == (64, 96)
    assert seen.y[:40].mean() > 200  # turned clockwise: what lay at the left is on top
    assert seen.y[56:].mean() < 40


def test_a_film_begins_on_the_first_frame_and_ends_on_the_last(
    order: MakeOrder, picture: Picture
) -> None:
    first, last = picture("first", RED, GREEN), picture("last", BLUE, RED)
    files = {Role.FIRST_FRAME: first, Role.LAST_FRAME: last}
    made = frames(order(mode=Mode.FIRST_LAST_FRAME, files=files))
    assert apart(made[0], at(first)) < 1
    assert apart(made[-1], at(last)) < 1
    assert apart(made[12], at(first)) > 3


def moved(one: Frame, other: Frame) -> int:
    """Return how many pixels to the right all things go between two pictures."""
    before, after = (picture.y[20:60].astype(int) for picture in (one, other))
    middle = after[:, 40:120]
    shifts = range(-16, 17)
    return min(shifts, key=lambda by: np.abs(before[:, 40 - by : 120 - by] - middle).mean())


@pytest.mark.parametrize(("words", "way"), [("pan left", 1), ("pan right", -1)])
def test_unlike_pictures_are_joined_by_one_swing_of_the_camera(
    words: str, way: int, order: MakeOrder, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{name}.png" for name in ("first", "last")]
    for seed, path in enumerate(paths):
        noise = np.random.default_rng(seed).integers(0, 255, (23, 40, 3), np.uint8)
        Image.fromarray(noise).resize((160, 90), Image.Resampling.BICUBIC).save(path)
    first, last = paths
    files = {Role.FIRST_FRAME: first, Role.LAST_FRAME: last}
    made = frames(order(words, seconds=2, mode=Mode.FIRST_LAST_FRAME, files=files))
    assert likeness(at(first), at(last)) < 0.2
    assert moved(made[0], made[7]) * way > 2, "the first leaves"
    assert moved(made[-7], made[-1]) * way > 2, "and the last comes from the other side"
    assert max(apart(one, other) for one, other in pairwise(made)) < 40, "without a jump"


def test_a_place_by_day_and_by_night_flows_without_a_swing(order: MakeOrder) -> None:
    made = frames(order("mountains at noon, static shot, then night falls", seconds=3))
    assert likeness(made[0], made[-1]) > ALIKE


def test_references_hang_in_the_scene(order: MakeOrder, picture: Picture, render: Render) -> None:
    red = picture("red", RED, RED)
    wish = order(
        "a meadow at noon", mode=Mode.REFERENCE_TO_VIDEO, files={Role.REFERENCE_IMAGE: red}
    )
    made = frames(wish)[12]
    plain = frames(order("a meadow at noon"))[12]
    assert (made.v > 190).sum() > 100 + (plain.v > 190).sum()
    clip = render(order("the sea", seconds=2), "clip")
    files = {Role.REFERENCE_VIDEO: clip}
    with_clip = frames(order("a meadow at noon", mode=Mode.REFERENCE_TO_VIDEO, files=files))[12]
    assert apart(with_clip, plain) > 1


@pytest.fixture
def source(render: Render, order: MakeOrder) -> Path:
    return render(order("a sailboat on the sea at noon", seconds=1, with_audio=True), "source")


def test_a_continuation_begins_on_the_last_picture_and_moves_on(
    order: MakeOrder, source: Path, picture: Picture
) -> None:
    start = last_frame(Input("p", str(source)), 160, 90)
    wish = order("a forest at night", mode=Mode.CONTINUATION, files={Role.FIRST_CLIP: source})
    made = frames(wish)
    assert apart(made[0], start) < 2
    assert apart(made[-1], start) > 10
    last = picture("last", BLUE, RED)
    files = {Role.FIRST_CLIP: source, Role.LAST_FRAME: last}
    made = frames(order(mode=Mode.CONTINUATION, files=files))
    assert apart(made[-1], at(last)) < 1


@pytest.mark.parametrize("mode", [Mode.REMIX, Mode.EDIT])
def test_a_remix_keeps_the_composition_in_another_light(
    mode: Mode, order: MakeOrder, source: Path
) -> None:
    wish = order("the same sailboat at night", mode=mode, files={Role.SOURCE_FILM: source})
    made = frames(wish)[12]
    plain = frames(order("a sailboat on the sea at noon", seconds=1))[12]
    assert made.y[30:60].mean() < plain.y[30:60].mean() - 20
    one, other = made.y[30:60].astype(float).ravel(), plain.y[30:60].astype(float).ravel()
    assert np.corrcoef(one, other)[0, 1] > 0.5


@pytest.mark.parametrize("mode", [Mode.REMIX, Mode.EDIT])
def test_a_film_of_ours_is_staged_anew_with_its_layout(
    mode: Mode, order: MakeOrder, source: Path, render: Render
) -> None:
    """Lamps are lit and stars are out: that no grading of pictures can do."""
    wish = order("at night, with a whale", mode=mode, files={Role.SOURCE_FILM: source})
    again = shoot(order("a sailboat on the sea at noon", seconds=1)).plan
    turned_film = render(wish, "turned")
    told = tags_of(Input("p", str(turned_film)))[TAG]
    assert f'"seed":{again.seed}' in told
    assert '"hour":"night"' in told
    assert "subjects=sailboat,whale " in told
    twice = order("at dawn", mode=mode, files={Role.SOURCE_FILM: turned_film})
    assert f'"seed":{again.seed}' in about(shoot(twice))


@pytest.mark.parametrize(
    "said",
    ['rushes-studio plan={"scene":"nowhere"}', "rushes-studio plan=", "plan={}", "x" * 9_000],
)
def test_a_clip_that_only_says_it_is_ours_is_graded(
    said: str, order: MakeOrder, source: Path, tmp_path: Path
) -> None:
    claimed = tmp_path / "claimed.mp4"
    with av.open(str(source)) as film, av.open(str(claimed), "w") as copy:
        copy.metadata["description"] = said
        stream = copy.add_stream_from_template(film.streams.video[0])
        for packet in film.demux(film.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    wish = order("at noon, static shot", mode=Mode.REMIX, files={Role.SOURCE_FILM: claimed})
    assert "plan=" not in about(shoot(wish))
    start = last_frame(Input("p", str(claimed)), 160, 90)
    assert apart(frames(wish)[-1], start) < 25


def test_an_extension_stays_where_its_source_ends_unless_its_words_lead_away(
    order: MakeOrder, render: Render
) -> None:
    two = order("a fox in a forest at dawn. Cut to: a lighthouse in a storm at night", seconds=3)
    film = render(two, "two shots")

    def end_of(prompt: str, source: Path) -> tuple[Path, str]:
        files = {Role.SOURCE_FILM: source}
        wish = order(prompt, seconds=5, mode=Mode.EXTEND, files=files)
        made = render(wish, prompt.replace(" ", "-"))
        return made, tags_of(Input("p", str(made)))[TAG].partition(" end=")[2]

    longer, told = end_of("the wind calms", film)
    assert '"scene":"sea"' in told
    assert '"subjects":["lighthouse"]' in told
    assert '"hour":"night"' in told
    _, told = end_of("at sunrise", longer)
    assert '"scene":"sea"' in told
    assert '"hour":"dawn"' in told
    _, told = end_of("a camel in the desert", longer)
    assert '"scene":"desert"' in told
    assert '"subjects":["camel"]' in told


def test_only_the_new_label_is_seen_on_a_remix(order: MakeOrder, render: Render) -> None:
    size = Size(640, 360)
    prompt = "a boat at noon. Cut to: the boat at noon"  # of two shots, so not staged anew
    named = order(prompt, size=size, seconds=3, model="a-model-with-quite-a-long-name")
    files = {Role.SOURCE_FILM: render(named, "named")}
    wish = order("a boat at noon", size=size, mode=Mode.REMIX, files=files)
    older = chip(named.label, 640, 360)
    alone = blank(640, 360)
    newer = chip(wish.label, 640, 360, covering=older)
    over(alone, newer.sprite, newer.x, newer.y)
    rows = slice(newer.y + 3, newer.y + newer.sprite.height - 3)
    seen, wanted = (
        picture.y[rows, older.x + 8 : older.x + older.sprite.width - 8]
        for picture in (frames(wish)[12], alone)
    )
    assert int(np.abs(seen.astype(int) - wanted).max()) < 12


def test_a_film_of_ours_says_what_is_on_it(source: Path) -> None:
    said = tags_of(Input("p", str(source)))[TAG]
    assert said.startswith("rushes-studio scene=sea subjects=sailboat plan={")


def test_an_extension_is_the_source_and_then_goes_on(order: MakeOrder, source: Path) -> None:
    wish = order(
        "a forest at night",
        seconds=3,
        mode=Mode.EXTEND,
        files={Role.SOURCE_FILM: source},
        source_seconds=1.0,
    )
    made = frames(wish)
    whole = frames(order("a sailboat on the sea at noon", seconds=1))
    assert len(made) == 72
    assert apart(made[5], whole[5]) < 4
    assert apart(made[24], made[23]) < 4
    assert apart(made[-1], made[23]) > 10
    tail = list(direct(shoot(wish)).frames(36, 37))
    assert apart(tail[0], made[36]) == 0


def whole_apart(one: Frame, other: Frame) -> float:
    """Return how different two pictures are, words and all."""
    return float(np.abs(one.y.astype(int) - other.y).mean())


@pytest.mark.parametrize("mode", [Mode.EXTEND, Mode.CONTINUATION])
def test_a_film_goes_on_without_a_jump_and_its_words_come_with_the_new_scene(
    mode: Mode, order: MakeOrder, render: Render
) -> None:
    size = Size(320, 180)
    clip = render(order("a sailboat on the sea, pan left", size=size, seconds=2), "clip")
    role = Role.SOURCE_FILM if mode is Mode.EXTEND else Role.FIRST_CLIP
    wish = order("a forest at night", size=size, seconds=5, mode=mode, files={role: clip})
    made = frames(wish)
    end = still_of(clip, size)
    first_new = made[48] if mode is Mode.EXTEND else made[0]
    assert whole_apart(first_new, end) < 4
    begin = 48 if mode is Mode.EXTEND else 0
    steps = [whole_apart(one, other) for one, other in pairwise(made[begin:])]
    assert max(steps) < 8, "nowhere a cut"
    (caption,) = captions(wish, wish.spec.prompt)
    alone = blank(320, 180)
    over(alone, caption.sprite, caption.x, caption.y)
    letters = alone.y > 150
    assert made[-1].y[letters].mean() > 150
    assert first_new.y[letters].mean() < made[-1].y[letters].mean() - 30


def still_of(clip: Path, size: Size) -> Frame:
    return last_frame(Input("p", str(clip)), size.width_px, size.height_px)


def test_a_source_that_is_too_short_is_held(order: MakeOrder, source: Path) -> None:
    made = frames(order("a sailboat", seconds=2, mode=Mode.REMIX, files={Role.SOURCE_FILM: source}))
    assert len(made) == 48


@pytest.mark.parametrize(
    "mode", [Mode.IMAGE_TO_VIDEO, Mode.FIRST_LAST_FRAME, Mode.CONTINUATION, Mode.REMIX, Mode.EXTEND]
)
def test_a_mode_without_its_file_is_refused(mode: Mode, order: MakeOrder) -> None:
    with pytest.raises(BadOrder):
        direct(shoot(order(mode=mode)))


@pytest.mark.parametrize("boxes", [(b"avc1",), (b"mp4a", b"esds")])
def test_a_clip_in_a_coding_that_nobody_knows_is_refused(
    boxes: tuple[bytes, ...], order: MakeOrder, source: Path, tmp_path: Path
) -> None:
    odd = tmp_path / "odd.mp4"
    content = source.read_bytes()
    for box in boxes:
        content = content.replace(box, b"zzzz")
    odd.write_bytes(content)
    wish = order(mode=Mode.REMIX, files={Role.SOURCE_FILM: odd}, with_audio=True)
    with pytest.raises(BadOrder, match="the_source_film"):
        (frames(wish), score(wish, shoot(wish).board))


def test_a_clip_of_giant_pictures_is_refused(order: MakeOrder, tmp_path: Path) -> None:
    giant = tmp_path / "giant.mp4"
    giant.write_bytes(shoot_film(Scene(8_000, 6_000, frame_count=1)))
    with pytest.raises(BadOrder, match="the_source_film"):
        frames(order(mode=Mode.REMIX, files={Role.SOURCE_FILM: giant}))


def test_a_clip_without_a_picture_is_refused(order: MakeOrder, tmp_path: Path) -> None:
    film = shoot_film(Scene(movflags="+frag_keyframe+empty_moov"))
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(film[: film.index(b"moof") - 4])
    with pytest.raises(BadOrder, match="the_source_film"):
        frames(order(mode=Mode.REMIX, files={Role.SOURCE_FILM: empty}))


def test_a_file_that_is_no_clip_is_refused(order: MakeOrder, picture: Picture) -> None:
    junk = picture("junk", RED, BLUE).with_suffix(".mp4")
    junk.write_bytes(b"ffconcat version 1.0\nfile /etc/passwd\n")
    with pytest.raises(BadOrder, match="the_first_clip"):
        direct(shoot(order(mode=Mode.CONTINUATION, files={Role.FIRST_CLIP: junk})))
