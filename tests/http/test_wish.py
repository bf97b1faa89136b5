"""Every spelling of the contract's table reaches the one wish, with its own name kept."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from rushes.domain.catalog import build_catalog
from rushes.domain.errors import (
    BadRequest,
    ConflictingParameters,
    InvalidValue,
    MissingParameter,
    Refusal,
)
from rushes.domain.judging import decide
from rushes.domain.reading import shipped_cards
from rushes.domain.spec import Mode, Offered, Role, Script, Size, Wish
from rushes.http.offers import Upload
from rushes.http.wish import OPTION_SPELLINGS, SPELLINGS, JsonAsked
from wiring import wired

URL = "https://assets.example.com/a.png"
OTHER_URL = "https://assets.example.com/b.png"
THIRD_URL = "https://assets.example.com/c.png"
FRAMES, REFERENCES, ONLY_REFERENCES = "veo-3.1-generate-001", "sandbox", "wan2.7-r2v"
"""A card that takes two `images` as first and last frame; two that take them as references."""

CATALOG = build_catalog(shipped_cards(), configured={}, has_providers=False)


def a_png() -> bytes:
    picture = io.BytesIO()
    Image.new("RGB", (16, 9)).save(picture, "PNG")
    return picture.getvalue()


def wish(**body: Any) -> Wish:
    return JsonAsked(body).wish(is_sandboxed=True)


def counted(model: str = REFERENCES, **body: Any) -> tuple[Offered, ...]:
    """The files that count of all that a body offers, by the card of a model."""
    return decide(wish(prompt="x", **body), CATALOG.get(model)).offered


def roles_of(offered: Sequence[Offered]) -> list[tuple[Role | None, str]]:
    return [(offer.role, offer.param) for offer in offered]


def an_upload(content: bytes = b"x") -> Upload:
    return Upload(io.BytesIO(content), "a.png", sha256(content).hexdigest())


LEVELS = [
    ("", lambda values: values),
    ("metadata.parameters.", lambda values: {"metadata": {"parameters": values}}),
    ("metadata.input.", lambda values: {"metadata": {"input": values}}),
    ("metadata.", lambda values: {"metadata": values}),
]
VALUES: dict[str, tuple[Any, Any]] = {
    "prompt": ("a heron", "a heron"),
    "seconds": ("8", 8),
    "resolution": ("1080P", "1080p"),
    "ratio": ("16:9", "16:9"),
    "negative_prompt": ("text", "text"),
    "seed": (7.0, 7),
    "with_audio": ("true", True),
    "with_watermark": (True, True),
    "outputs": (1, 1),
    "source_id": ("video_" + "0" * 32, "video_" + "0" * 32),
    "callback_url": ("https://x.example/h", "https://x.example/h"),
    "user": ("u", "u"),
}
SPELLED = [
    (name, spelling)
    for name, spellings in SPELLINGS.items()
    if name in VALUES
    for spelling in spellings
]


@pytest.mark.parametrize(("prefix", "put"), LEVELS, ids=[prefix or "top" for prefix, _ in LEVELS])
@pytest.mark.parametrize(("name", "spelling"), SPELLED)
def test_every_spelling_is_read_on_every_level(
    name: str, spelling: str, prefix: str, put: Any
) -> None:
    sent, meant = VALUES[name]
    said = getattr(wish(**put({spelling: sent})), name)
    assert (said.value, said.param) == (meant, prefix + spelling)


@pytest.mark.parametrize(
    ("name", "spelling"),
    [(name, spelling) for name, spellings in OPTION_SPELLINGS.items() for spelling in spellings],
)
def test_every_provider_option_is_kept_under_the_houses_name(name: str, spelling: str) -> None:
    found = wish(metadata={"parameters": {spelling: 3}}).options[name]
    assert (found.value, found.param) == (3, f"metadata.parameters.{spelling}")


@pytest.mark.parametrize(
    ("sent", "meant"),
    [("24", 24), (24.0, 24), ("7.5", 7.5), ("TRUE", True), ("std", "std"), ("1e9", "1e9")],
)
def test_a_provider_option_means_the_same_in_a_form_and_in_json(sent: Any, meant: Any) -> None:
    found = wish(cfg_scale=sent).options["cfg_scale"].value
    assert (found, type(found)) == (meant, type(meant))


@pytest.mark.parametrize(("name", "spellings"), SPELLINGS.items())
def test_two_spellings_that_disagree_are_a_conflict(name: str, spellings: tuple[str, ...]) -> None:
    if len(spellings) == 1:
        return
    others = {"seconds": (4, 8), "outputs": (1, 2)}.get(name, ("16:9", "9:16"))
    if name in {"with_audio", "with_watermark"}:
        others = (True, False)
    with pytest.raises(ConflictingParameters) as caught:
        wish(**{spellings[0]: others[0], spellings[1]: others[1]})
    assert caught.value.param == spellings[1]


def test_two_spellings_that_agree_are_one() -> None:
    assert wish(seconds="8", duration=8).seconds.value == 8  # type: ignore[union-attr]


@pytest.mark.parametrize("sent", [8, 8.0, "8", " 8 ", "+8", "8.0", "08"])
def test_a_whole_number_is_read_in_every_form(sent: object) -> None:
    said = wish(seconds=sent).seconds
    assert said is not None
    assert said.value == 8


def test_a_negative_prompt_and_a_user_may_be_empty() -> None:
    found = wish(negative_prompt="", user="")
    assert found.negative_prompt is not None
    assert (found.negative_prompt.value, found.negative_prompt.param) == ("", "negative_prompt")


def test_null_is_not_given() -> None:
    found = wish(prompt=None, turbo=None, metadata={"style": None, "input": {"mask": None}})
    assert found == wish()


def test_a_stronger_level_wins_without_a_word() -> None:
    found = wish(duration=8, metadata={"parameters": {"duration": 5}, "seconds": 4})
    assert found.seconds is not None
    assert (found.seconds.value, found.seconds.param) == (8, "duration")


@pytest.mark.parametrize(
    ("body", "meant"),
    [
        ({"size": "1280x720"}, Size(1280, 720)),
        ({"size": "1280X720"}, Size(1280, 720)),
        ({"size": "1280*720"}, Size(1280, 720)),
        ({"width": 1280, "height": "720"}, Size(1280, 720)),
    ],
)
def test_a_size_is_read_in_every_form(body: dict[str, Any], meant: Size) -> None:
    said = wish(**body).size
    assert said is not None
    assert said.value == meant


def test_half_a_size_names_the_other_half() -> None:
    with pytest.raises(BadRequest, match="height") as caught:
        wish(width=1280)
    assert caught.value.param == "height"


@pytest.mark.parametrize(
    ("body", "role", "param"),
    [
        ({"image": URL}, Role.FIRST_FRAME, "image"),
        ({"input_reference": URL}, Role.FIRST_FRAME, "input_reference"),
        ({"input_reference": {"image_url": URL}}, Role.FIRST_FRAME, "input_reference"),
        ({"image": {"image_url": {"url": URL}}}, Role.FIRST_FRAME, "image"),
        ({"images": [URL]}, None, "images[0]"),
        ({"last_frame": URL}, Role.LAST_FRAME, "last_frame"),
        ({"lastFrame": URL}, Role.LAST_FRAME, "lastFrame"),
        ({"image_tail": URL}, Role.LAST_FRAME, "image_tail"),
        ({"audio_url": URL}, Role.DRIVING_AUDIO, "audio_url"),
        (
            {"content": [{"type": "image_url", "image_url": {"url": URL}}]},
            Role.FIRST_FRAME,
            "content[0].image_url.url",
        ),
        (
            {"metadata": {"content": [{"type": "video_url", "video_url": {"url": URL}}]}},
            Role.REFERENCE_VIDEO,
            "metadata.content[0].video_url.url",
        ),
        (
            {"content": [{"type": "audio_url", "audio_url": {"url": URL}}]},
            Role.REFERENCE_AUDIO,
            "content[0].audio_url.url",
        ),
        (
            {"content": [{"type": "image_url", "image_url": {"url": URL}, "role": "last_frame"}]},
            Role.LAST_FRAME,
            "content[0].image_url.url",
        ),
        (
            {"metadata": {"input": {"media": [{"type": "first_clip", "url": URL}]}}},
            Role.FIRST_CLIP,
            "metadata.input.media[0].url",
        ),
        (
            {"metadata": {"input": {"media": [{"type": "driving_audio", "url": URL}]}}},
            Role.DRIVING_AUDIO,
            "metadata.input.media[0].url",
        ),
    ],
)
def test_a_file_is_read_from_every_place(
    body: dict[str, Any], role: Role | None, param: str
) -> None:
    (offer,) = wish(**body).offered
    assert (offer.role, offer.param, offer.url) == (role, param, URL)


@pytest.mark.parametrize("form", ["data:image/png;base64,{}", "{}"])
def test_a_file_may_come_along_as_text(form: str) -> None:
    (offer,) = wish(image=form.format(base64.b64encode(a_png()).decode())).offered
    assert offer.content is not None
    assert offer.content.read() == a_png()


def test_frames_of_a_weaker_level_do_not_add_to_a_stronger_ones() -> None:
    found = counted(image=URL, metadata={"image": OTHER_URL, "last_frame": URL})
    assert roles_of(found) == [
        (Role.FIRST_FRAME, "image"),
        (Role.LAST_FRAME, "metadata.last_frame"),
    ]


def test_the_text_of_content_is_a_spelling_of_the_prompt() -> None:
    content = [{"type": "text", "text": "a heron"}]
    said = wish(metadata={"content": content}).prompt
    assert said is not None
    assert (said.value, said.param) == ("a heron", "metadata.content[0].text")
    with pytest.raises(ConflictingParameters):
        wish(prompt="a fox", content=content)


def test_unknown_metadata_is_kept_by_its_path() -> None:
    found = wish(
        prompt="x",
        turbo=1,
        metadata={
            "style": "noir",
            "parameters": {"grain": 2, "duration": 5},
            "input": {"mask": 1, "media": [{"type": "depth_map", "url": URL}]},
        },
    )
    assert found.ignored == ("turbo",)
    assert found.metadata_keys == {
        "style": "noir",
        "parameters.grain": 2,
        "input.mask": 1,
        "input.media": [{"type": "depth_map", "url": URL}],
    }


def test_a_name_that_is_read_nowhere_in_its_place_is_kept() -> None:
    inner = {"model": "x", "content": [], "start_within_s": 1}
    found = wish(metadata={"parameters": inner, "model": "y", "input": {"sandbox": 1}})
    assert set(found.metadata_keys) == {
        "parameters.model",
        "parameters.content",
        "parameters.start_within_s",
        "model",
        "input.sandbox",
    }


def test_a_name_that_looks_like_a_path_is_no_path() -> None:
    """Else `parameters.size` would reach a provider past the card."""
    found = wish(metadata={"parameters.size": "9000x9000", "parameters": {"grain": 1}, "a.b": 2})
    assert set(found.metadata_keys) == {"parameters%2Esize", "parameters.grain", "a.b"}


def test_everything_given_is_kept_in_the_order_sent() -> None:
    found = wish(turbo=1, metadata={"b": 1, "input": {"y": 1, "x": 1}, "a": 1}, prompt="x")
    inside = ("metadata.b", "metadata.input.y", "metadata.input.x", "metadata.a")
    assert found.order == ("turbo", "prompt", *inside)


@pytest.mark.parametrize("script", [3, "fast", {"delay_s": 99}])
def test_a_script_is_any_other_key_where_no_sandbox_reads_it(script: object) -> None:
    found = JsonAsked({"metadata": {"sandbox": script}}).wish(is_sandboxed=False)
    assert (found.script, found.metadata_keys) == (None, {"sandbox": script})


@pytest.mark.parametrize("derives", [None, Mode.REMIX, Mode.EDIT])
def test_beside_a_source_the_rest_is_not_even_read(derives: Mode | None) -> None:
    body = {"prompt": "x", "duration": "abc", "image": 5, "metadata": {"sandbox": 3}, "turbo": 1}
    name = "video_" + "0" * 32
    body |= {"remix_from_video_id": name} if derives is None else {"video": {"id": name}}
    found = JsonAsked(body, derives=derives).wish(is_sandboxed=True)
    assert (found.seconds, found.offered, found.script) == (None, (), None)
    assert found.prompt is not None


def in_content(url: str, role: str | None = "first_frame") -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}, "role": role}


@pytest.mark.parametrize(
    "body",
    [
        {"image": URL, "input_reference": {"image_url": URL}},
        {"image": URL, "images": [URL]},
        {"image": URL, "images": [None, URL]},
        {"image": URL, "content": [in_content(URL)]},
        {"image": URL, "images": [URL], "content": [in_content(URL, None)]},
        {"image": an_upload(), "input_reference": an_upload()},
        {"image": an_upload(), "images": [an_upload()]},
        {"image": an_upload(), "images": [base64.b64encode(b"x").decode()]},
    ],
)
@pytest.mark.parametrize("model", [FRAMES, REFERENCES])
def test_a_file_that_two_spellings_name_is_one_file(model: str, body: dict[str, Any]) -> None:
    assert roles_of(counted(model, **body)) == [(Role.FIRST_FRAME, "image")]


@pytest.mark.parametrize("model", [FRAMES, REFERENCES])
def test_one_of_images_is_the_first_frame_that_content_names(model: str) -> None:
    for role in ("first_frame", None):
        found = counted(model, images=[URL], content=[in_content(URL, role)])
        assert roles_of(found) == [(Role.FIRST_FRAME, "images[0]")]


@pytest.mark.parametrize(
    ("body", "first", "last"),
    [
        ({"images": [URL, OTHER_URL]}, "images[0]", "images[1]"),
        ({"image": URL, "images": [URL, OTHER_URL]}, "image", "images[1]"),
        ({"last_frame": OTHER_URL, "images": [URL, OTHER_URL]}, "images[0]", "last_frame"),
        (
            {"image": URL, "image_tail": OTHER_URL, "images": [URL, OTHER_URL]},
            "image",
            "image_tail",
        ),
        (
            {
                "images": [URL, OTHER_URL],
                "content": [in_content(OTHER_URL, "last_frame"), in_content(URL)],
            },
            "images[0]",
            "images[1]",
        ),
        (
            {"metadata": {"images": [URL, OTHER_URL], "lastFrame": OTHER_URL}},
            "metadata.images[0]",
            "metadata.lastFrame",
        ),
        # Of two levels the stronger wins, place by place.
        ({"images": [URL, OTHER_URL], "metadata": {"last_frame": URL}}, "images[0]", "images[1]"),
        ({"images": [URL, OTHER_URL], "metadata": {"image": OTHER_URL}}, "images[0]", "images[1]"),
        (
            {"image": URL, "metadata": {"images": [OTHER_URL, OTHER_URL]}},
            "image",
            "metadata.images[1]",
        ),
        (
            {"last_frame": OTHER_URL, "metadata": {"input": {"images": [URL, URL]}}},
            "metadata.input.images[0]",
            "last_frame",
        ),
        # `images` as a whole is one parameter: a weaker level's counts no more.
        (
            {"images": [URL, OTHER_URL], "metadata": {"images": [OTHER_URL, URL, URL]}},
            "images[0]",
            "images[1]",
        ),
    ],
)
def test_two_images_are_spellings_of_both_frames_where_the_card_takes_them_so(
    body: dict[str, Any], first: str, last: str
) -> None:
    found = {offer.role: (offer.param, offer.url) for offer in counted(FRAMES, **body)}
    assert found == {Role.FIRST_FRAME: (first, URL), Role.LAST_FRAME: (last, OTHER_URL)}


def test_a_weaker_images_does_not_add_a_last_frame_to_a_stronger_one() -> None:
    found = counted(FRAMES, images=[URL], metadata={"images": [OTHER_URL, OTHER_URL]})
    assert roles_of(found) == [(Role.FIRST_FRAME, "images[0]")]


@pytest.mark.parametrize(
    ("model", "body", "param"),
    [
        (FRAMES, {"image": URL, "input_reference": OTHER_URL}, "input_reference"),
        (FRAMES, {"image": URL, "images": [OTHER_URL]}, "images[0]"),
        (FRAMES, {"image": an_upload(), "input_reference": an_upload(b"y")}, "input_reference"),
        (FRAMES, {"image": an_upload(), "images": [an_upload(b"y")]}, "images[0]"),
        (FRAMES, {"image": an_upload(), "input_reference": URL}, "input_reference"),
        (
            FRAMES,
            {"image": URL, "content": [in_content(OTHER_URL)]},
            "content[0].image_url.url",
        ),
        (FRAMES, {"last_frame": URL, "image_tail": OTHER_URL}, "image_tail"),
        (FRAMES, {"image": URL, "images": [OTHER_URL, URL]}, "images[0]"),
        (FRAMES, {"image_tail": URL, "images": [URL, OTHER_URL]}, "images[1]"),
        (
            FRAMES,
            {"images": [URL], "content": [in_content(OTHER_URL)]},
            "content[0].image_url.url",
        ),
        (
            FRAMES,
            {"images": [URL, OTHER_URL], "content": [in_content(URL, "last_frame")]},
            "content[0].image_url.url",
        ),
        (
            FRAMES,
            {"metadata": {"images": [URL, OTHER_URL], "last_frame": URL}},
            "metadata.images[1]",
        ),
        (REFERENCES, {"image": URL, "images": [OTHER_URL]}, "images[0]"),
        (
            REFERENCES,
            {"images": [URL], "content": [in_content(OTHER_URL)]},
            "content[0].image_url.url",
        ),
    ],
)
def test_two_files_for_one_place_are_a_conflict_that_names_both(
    model: str, body: dict[str, Any], param: str
) -> None:
    with pytest.raises(ConflictingParameters, match="name the same file and disagree") as caught:
        counted(model, **body)
    assert caught.value.param == param
    assert f"'{param}'" in caught.value.message


# -- where several images are references -------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "body", "params"),
    [
        (REFERENCES, {"images": [URL, URL, OTHER_URL]}, ["images[0]", "images[1]", "images[2]"]),
        (ONLY_REFERENCES, {"images": [URL]}, ["images[0]"]),
        (
            REFERENCES,
            {"images": [URL, OTHER_URL], "content": [in_content(URL, "reference_image")]},
            ["images[0]", "images[1]", "content[0].image_url.url"],
        ),
        (
            REFERENCES,
            {"images": [URL, OTHER_URL], "metadata": {"image": URL, "images": [URL]}},
            ["images[0]", "images[1]"],
        ),
    ],
)
def test_several_images_are_references_where_the_card_has_them(
    model: str, body: dict[str, Any], params: list[str]
) -> None:
    assert roles_of(counted(model, **body)) == [(Role.REFERENCE_IMAGE, param) for param in params]


@pytest.mark.parametrize(
    "body",
    [
        {"image": THIRD_URL, "images": [URL, OTHER_URL]},
        {"image": URL, "images": [URL, OTHER_URL]},
        {"image": URL, "last_frame": OTHER_URL, "images": [URL, OTHER_URL]},
        {"images": [URL, OTHER_URL], "content": [in_content(URL)]},
    ],
)
def test_references_are_no_spelling_of_a_frame_but_cannot_be_mixed_with_one(
    body: dict[str, Any],
) -> None:
    with pytest.raises(ConflictingParameters, match="cannot be combined with references") as caught:
        counted(REFERENCES, **body)
    assert caught.value.param == "images[0]"


def test_references_of_a_weaker_level_do_not_add_to_a_first_frame() -> None:
    found = counted(REFERENCES, image=URL, metadata={"images": [URL, OTHER_URL]})
    assert roles_of(found) == [(Role.FIRST_FRAME, "image")]


# -- any spellings of the frames, on any levels --------------------------------------------------

CONTENTS = {"a": b"first", "b": b"second"}
PLACES = {
    "image": Role.FIRST_FRAME,
    "input_reference": Role.FIRST_FRAME,
    "last_frame": Role.LAST_FRAME,
    "lastFrame": Role.LAST_FRAME,
    "image_tail": Role.LAST_FRAME,
}


def as_sent(name: str, form: str) -> object:
    """A file in one of the forms in which it can come along."""
    content = CONTENTS[name]
    encoded = base64.b64encode(content).decode()
    forms = {"base64": encoded, "data URI": f"data:image/png;base64,{encoded}"}
    return forms.get(form, an_upload(content))


files = st.tuples(st.sampled_from("ab"), st.sampled_from(["base64", "data URI", "upload"]))
frames_said = st.lists(
    st.tuples(st.sampled_from(sorted(PLACES)), files)
    | st.tuples(st.just("images"), st.lists(files, min_size=1, max_size=2)),
    max_size=2,
).map(dict)


def places_said(said: Mapping[str, Any], *, has_images: bool) -> Iterator[tuple[Role, str]]:
    """Say which file a level gives to which place, if its `images` counts."""
    for name, (file, _) in ((name, said[name]) for name in PLACES if name in said):
        yield PLACES[name], file
    if has_images:
        frames = (Role.FIRST_FRAME, Role.LAST_FRAME)
        yield from zip(frames, (file for file, _ in said["images"]), strict=False)


@given(st.lists(frames_said, min_size=4, max_size=4))
def test_frames_are_told_place_by_place_by_the_strongest_level_that_agrees(
    said: list[dict[str, Any]],
) -> None:
    """However frames are spelled: a level that disagrees is a conflict, else the stronger wins."""
    sent = [
        {
            name: [as_sent(*file) for file in value] if name == "images" else as_sent(*value)
            for name, value in level.items()
        }
        for level in said
    ]
    top, parameters, given_input, metadata = sent
    body = {**top, "metadata": {**metadata, "parameters": parameters, "input": given_input}}
    listed = next((at for at, level in enumerate(said) if level.get("images")), None)
    levels = [set(places_said(level, has_images=at == listed)) for at, level in enumerate(said)]
    expected: dict[Role, bytes] = {}
    for level in levels:
        for role, file in level:
            expected.setdefault(role, CONTENTS[file])
    fault: type[BadRequest] | None = None
    if any(len(dict(level)) < len(level) for level in levels):
        fault = ConflictingParameters
    elif expected.keys() == {Role.LAST_FRAME}:
        fault = MissingParameter
    if fault is not None:
        with pytest.raises(fault):
            counted(FRAMES, **body)
        return
    offered = counted(FRAMES, **body)
    found = {offer.role: offer.content.read() for offer in offered if offer.content is not None}
    assert (found, len(offered)) == (expected, len(expected))


async def test_a_form_may_send_a_frame_as_a_file_under_several_names(tmp_path: Path) -> None:
    def picture(colour: str) -> bytes:
        content = io.BytesIO()
        Image.new("RGB", (64, 36), colour).save(content, "PNG")
        return content.getvalue()

    first, last = picture("navy"), picture("white")
    said = [("model", (None, FRAMES)), ("prompt", (None, "a boat"))]
    sent = [("image", first), ("images", first), ("images", last), ("last_frame", last)]
    parts = [*said, *((name, ("a.png", content, "image/png")) for name, content in sent)]
    async with wired(tmp_path) as house, house.client() as client:
        answer = await client.post("/v1/videos", files=parts)
        assert answer.status_code == 200, answer.text
        assets = house.task(answer.json()["id"]).spec.assets
        assert {asset.role: asset.blob for asset in assets} == {
            Role.FIRST_FRAME: sha256(first).hexdigest(),
            Role.LAST_FRAME: sha256(last).hexdigest(),
        }
        parts[-1] = ("last_frame", ("a.png", first, "image/png"))
        answer = await client.post("/v1/videos", files=parts)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "conflicting_parameters")
    assert error["param"] == "images[1]"


def test_the_header_of_a_start_deadline_wins() -> None:
    asked = JsonAsked({"metadata": {"start_within_s": 5}}, start_within="9")
    said = asked.wish(is_sandboxed=True).start_within_s
    assert said is not None
    assert (said.value, said.param) == (9, "Rushes-Start-Within")


def test_a_script_is_read_from_metadata() -> None:
    said = wish(metadata={"sandbox": {"outcome": "timed_out", "delay_s": 2}}).script
    assert said is not None
    assert said.value == Script("timed_out", 2.0)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": "x" * 10_001}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": "a\x00b"}, "prompt"),
        ({"duration": 4.5}, "duration"),
        ({"duration": "4.5"}, "duration"),
        ({"duration": "4."}, "duration"),
        ({"duration": 10**400}, "duration"),
        ({"size": "\u0661\u0662x\u0663\u0664"}, "size"),
        ({"content": [{"type": []}]}, "content[0].type"),
        ({"metadata": {"content": [{"type": {}}]}}, "metadata.content[0].type"),
        ({"metadata": {"sandbox": {"delay_s": 10**400}}}, "metadata.sandbox.delay_s"),
        ({"metadata": {"sandbox": {"delay_s": False}}}, "metadata.sandbox.delay_s"),
        ({"metadata": {"note": an_upload()}}, "metadata"),
        ({"metadata": {"parameters": an_upload()}}, "metadata"),
        ({"metadata": {"url": "x" * 300_000}}, "metadata"),
        ({"metadata": {"parameters": {"content": "x" * 300_000}}}, "metadata"),
        ({"prompt": an_upload()}, "prompt"),
        ({"seconds": "four"}, "seconds"),
        ({"seconds": True}, "seconds"),
        ({"seconds": "9" * 400}, "seconds"),
        ({"seed": 2**31}, "seed"),
        ({"seed": -2}, "seed"),
        ({"generate_audio": "yes"}, "generate_audio"),
        ({"size": "big"}, "size"),
        ({"size": "1281x720"}, "size"),
        ({"size": "0x0"}, "size"),
        ({"user": "u" * 513}, "user"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"x": "y" * 300_000}}, "metadata"),
        ({"response_format": "b64_json"}, "response_format"),
        ({"images": "a.png"}, "images"),
        ({"images": [URL] * 65}, "images"),
        ({"content": [{"type": "gif"}]}, "content[0].type"),
        ({"content": ["x"]}, "content[0]"),
        (
            {"content": [{"type": "image_url", "image_url": {"url": URL}, "role": "hero"}]},
            "content[0].role",
        ),
        ({"content": [{"type": "video_url", "video_url": {}}]}, "content[0].video_url.url"),
        ({"image": "!!! no base64 !!!"}, "image"),
        ({"image": "data:image/png,plain"}, "image"),
        ({"image": {"file_id": "file-1"}}, "image"),
        ({"metadata": {"sandbox": {"outcome": "maybe"}}}, "metadata.sandbox.outcome"),
        ({"metadata": {"sandbox": {"delay_s": 61}}}, "metadata.sandbox.delay_s"),
        ({"metadata": {"sandbox": 3}}, "metadata.sandbox"),
        ({"metadata": {"start_within_s": 0}}, "metadata.start_within_s"),
        ({"metadata": {"start_within_s": 86401}}, "metadata.start_within_s"),
    ],
)
def test_a_value_that_cannot_be_meant_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(Refusal) as caught:
        wish(**body)
    assert caught.value.param == param
    assert caught.value.message.endswith(".")


def test_an_image_does_not_count_against_the_size_of_metadata() -> None:
    big = base64.b64encode(b"x" * 600_000).decode()
    assert wish(metadata={"image": big}).offered
    with pytest.raises(InvalidValue):
        wish(metadata={"notes": {"deep": [big]}})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
known_names = st.sampled_from(
    [
        "model", "metadata", "prompt", "size", "width", "height", "images", "image", "content",
        "last_frame", "audio_url", "input_reference", "duration", "seconds", "seed", "n", "user",
        "generate_audio", "watermark", "ratio", "resolution", "parameters", "input", "media",
        "sandbox", "start_within_s", "callback_url", "remix_from_video_id", "response_format",
    ]
)  # fmt: skip


@given(st.dictionaries(known_names | st.text(max_size=8), json_values, max_size=8))
@example({"content": [{"type": {}}]})
@example({"metadata": {"input": {"media": [{"type": []}]}}})
def test_any_object_is_a_wish_or_a_refusal(body: dict[str, Any]) -> None:
    """Whatever JSON arrives, it is understood or refused by name; never anything else."""
    refusal: Refusal | None = None
    found: Wish | None = None
    try:
        JsonAsked(body).model()
        found = JsonAsked(body).wish(is_sandboxed=True)
    except Refusal as fault:
        refusal = fault
    assert (refusal is None) is isinstance(found, Wish)
    assert refusal is None or (refusal.param and refusal.http_status == 400)
