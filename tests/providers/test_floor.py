"""What all providers stand on: options read one by one, and fields of answers read with care."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import google_status
from rushes.providers.answers import Answer, Words
from rushes.providers.base import Busy, Refused
from rushes.providers.fields import LINK_CHARACTERS_MAX, instant_in, link_in, text_in
from rushes.providers.links import data_uris, inline
from rushes.providers.options import Options
from rushes.providers.orders import wrong_frames, wrong_mode, wrong_references


def test_what_is_written_is_read_and_what_is_not_is_left_to_the_provider(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RINGS", "whsec_MDEyMzQ1Njc4OQ==")
    said = Options(
        "lumen",
        {
            "tier": "flex",
            "is_quick": True,
            "steps": 9,
            "pace_s": 2,
            "name": "west",
            "signs": "env:RINGS",
            "submit_timeout_s": 7,
        },
    )
    assert said.one_of("tier", ["default", "flex"]) == "flex"
    assert (said.flag("is_quick"), said.flag("is_loud")) == (True, False)
    assert (said.whole("steps", 1, 9), said.whole("seed", 0)) == (9, None)
    assert (said.seconds("pace_s", 5.0), said.seconds("other_s", 5.0)) == (2.0, 5.0)
    assert (said.text("name"), said.text("note")) == ("west", None)
    assert (said.secret("signs"), said.secret("seals")) == ("whsec_MDEyMzQ1Njc4OQ==", None)
    timeouts = said.timeouts()
    assert (timeouts.submit_s, timeouts.ask_s, timeouts.read_s) == (7.0, 30.0, 30.0)
    said.check_all_known()


def test_an_option_that_nobody_reads_is_refused_with_those_that_there_are() -> None:
    said = Options("lumen", {"colour": "red"})
    said.seconds("look_again_s", 5.0)
    with pytest.raises(ValueError, match=r"lumen has no option 'colour'; it has look_again_s$"):
        said.check_all_known()


WRONG: list[tuple[str, tuple[Any, ...], object, str]] = [
    ("one_of", (["a", "b"],), "c", "is one of a, b; got 'c'"),
    ("one_of", (["a", "b"],), ["a"], "is one of a, b"),
    ("flag", (), "true", "is true or false; got 'true'"),
    ("flag", (), 1, "is true or false"),
    ("flag", (), [], "is true or false"),
    ("whole", (1, 9), 10, "is a whole number from 1 to 9; got 10"),
    ("whole", (5,), 4, "is a whole number from 5; got 4"),
    ("whole", (0, 9), True, "is a whole number"),
    ("whole", (0, 9), 2.0, "is a whole number"),
    ("seconds", (5.0,), 0, "is a number of seconds above 0; got 0"),
    ("seconds", (5.0,), True, "is a number of seconds"),
    ("seconds", (5.0,), float("nan"), "is a number of seconds"),
    ("text", (), "", "is a text"),
    ("text", (), 7, "is a text; got 7"),
    ("secret", (), 7, "is a reference: env:NAME"),
    ("secret", (), "sk-live-0123456789", "never as itself"),
]


@pytest.mark.parametrize(("form", "bounds", "value", "sentence"), WRONG)
def test_a_wrong_value_is_told_with_what_is_allowed(
    form: str, bounds: tuple[Any, ...], value: object, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence) as raised:
        getattr(Options("lumen", {"it": value}), form)("it", *bounds)
    assert "0123456789" not in str(raised.value), "a secret is told to nobody"


@pytest.mark.parametrize("value", [None, 7, "", "a\nb", "\x00", "x" * 513, ["a"], "\udc80"])
def test_what_cannot_be_kept_in_a_row_is_no_text(value: object) -> None:
    assert text_in(value) is None


LONG = "https://a.example/" + "f" * LINK_CHARACTERS_MAX


@pytest.mark.parametrize(
    "value",
    [None, 7, "", "film.mp4", "//a.example/f", "ftp://a/f", "file:///etc/passwd", "http://",
     "http://[::1", "https://a.example/a b\n", "https://ä.example/f", LONG],
)  # fmt: skip
def test_what_is_no_address_of_the_web_is_no_link(value: object) -> None:
    assert link_in(value) is None


def test_a_time_without_a_zone_is_one_only_where_the_zone_is_known() -> None:
    assert instant_in("2026-11-27T12:00:00") is None
    assert instant_in("2026-11-27T12:00:00", is_utc=True) == 1_795_780_800
    assert instant_in("2026-11-27T13:00:00+01:00", is_utc=True) == 1_795_780_800
    assert [instant_in(value) for value in (None, 7, "soon")] == [None, None, None]


class Folder:
    """Inputs of a caller, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def path_of(self, blob: str) -> Path:
        return self._folder / blob


FRAME = Asset(Role.FIRST_FRAME, "image", blob="a", content_type="image/png")


async def test_files_travel_in_the_request_unless_they_are_too_much_together(
    tmp_path: Path,
) -> None:
    (tmp_path / "a").write_bytes(b"PNG")
    folder = Folder(tmp_path)
    assert await data_uris([FRAME], folder) == ["data:image/png;base64,UE5H"]
    assert await inline(FRAME, folder) == ("image/png", "UE5H")
    with pytest.raises(Refused, match="too large together"):
        await data_uris([FRAME, FRAME], folder, characters_max=30)


async def test_a_file_that_cannot_be_read_now_is_no_harm_and_no_callers_fault(
    tmp_path: Path,
) -> None:
    with pytest.raises(Busy, match="not sent: the first_frame cannot be read: FileNotFoundError"):
        await data_uris([FRAME], Folder(tmp_path))


def test_a_status_of_googles_is_read_by_word_number_or_the_providers_own() -> None:
    def told(**error: object) -> str:
        return google_status.complaint_in(error, is_unfit=str, word="OWN").code

    assert told(status="NOT_FOUND", code=8) == "NOT_FOUND"
    assert (told(code=8), told(code=99), told()) == ("RESOURCE_EXHAUSTED", "99", "OWN")
    assert told(status="INVALID_ARGUMENT", message="unfit") == google_status.UNFIT
    assert told(status="INVALID_ARGUMENT") == "INVALID_ARGUMENT"


def test_when_to_come_again_is_told_as_others_tell_it() -> None:
    error = {"status": "RESOURCE_EXHAUSTED", "details": ["?", {"retryDelay": "7s"}]}
    complaint = google_status.complaint_in(error, is_unfit=str)
    answer = google_status.told(Answer(429, {}, b""), error, complaint)
    assert (answer.status, answer.headers["retry-after"]) == (429, "7")
    words = Words(later=frozenset({"RESOURCE_EXHAUSTED"}))
    assert google_status.reason_of(complaint, words).value == "provider_rate_limited"


def a_spec(mode: Mode, *roles: Role) -> Spec:
    assets = tuple(Asset(role, "files", blob="a", content_type="image/png") for role in roles)
    size = Size(1280, 720)
    source_id = "video_1" if mode.derives else None
    return Spec("lumen-1", mode, "a kite", 5, size, seed=7, assets=assets, source_id=source_id)


def test_a_mode_that_no_provider_can_make_or_this_one_does_not_offer_is_told() -> None:
    offered = {Mode.TEXT_TO_VIDEO}
    assert wrong_mode(a_spec(Mode.TEXT_TO_VIDEO), offered) == ""
    assert "does not offer the mode image_to_video" in wrong_mode(
        a_spec(Mode.IMAGE_TO_VIDEO), offered
    )
    assert wrong_mode(a_spec(Mode.IMAGE_TO_VIDEO)) == ""
    assert "does not know the films of our tasks" in wrong_mode(a_spec(Mode.REMIX), {Mode.REMIX})


@pytest.mark.parametrize(
    ("wanted", "given", "sentence"),
    [
        ((), (), ""),
        ((Role.FIRST_FRAME,), (Role.FIRST_FRAME,), ""),
        ((), (Role.FIRST_FRAME,), "from words."),
        ((Role.FIRST_FRAME,), (), "from one first frame."),
        ((Role.FIRST_FRAME,), 2 * (Role.FIRST_FRAME,), "from one first frame."),
        (
            (Role.FIRST_FRAME, Role.LAST_FRAME),
            (Role.LAST_FRAME,),
            "from one first frame and one last frame.",
        ),
    ],
)
def test_frames_are_those_that_are_wanted_and_no_others(
    wanted: tuple[Role, ...], given: tuple[Role, ...], sentence: str
) -> None:
    told = wrong_frames(a_spec(Mode.IMAGE_TO_VIDEO, *given), wanted)
    assert told.endswith(sentence)
    assert bool(told) is bool(sentence)


def test_references_are_images_and_not_too_many() -> None:
    image, clip = Role.REFERENCE_IMAGE, Role.REFERENCE_VIDEO
    told = [
        wrong_references(a_spec(Mode.REFERENCE_TO_VIDEO, *roles), 2)
        for roles in ((image,), (), 3 * (image,), (image, clip))
    ]
    assert told == [
        "",
        "The provider takes one to 2 reference images.",
        "The provider takes one to 2 reference images.",
        "The provider takes no reference video in the mode reference_to_video.",
    ]
