"""Every spelling of the contract's §4, on every level, as JSON and as a form, reaches the task.

The spellings are read from the page itself: one that is added there without a value here fails.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import httpx2
import pytest

from page import names, tables
from rushes.domain.catalog import SANDBOX, build_catalog
from rushes.domain.reading import shipped_cards
from rushes.domain.spec import Role
from rushes.domain.task import Status, Task
from wiring import Wired, wired

ROOTS = ("/v1/video/generations", "/v1/videos")
URL, OTHER_URL = "https://assets.example.com/a.png", "https://assets.example.com/b.png"
LEVELS: Mapping[str, Callable[[Any], Any]] = {
    "": lambda said: said,
    "metadata.parameters.": lambda said: {"metadata": {"parameters": said}},
    "metadata.input.": lambda said: {"metadata": {"input": said}},
    "metadata.": lambda said: {"metadata": said},
}
"""The four levels, strongest first, and how a value is put there."""

EVERYWHERE = tuple(LEVELS)
TOP = ("",)

Meant = Callable[[Task], Any]


def assets(task: Task) -> list[tuple[Role, str | None]]:
    return [(asset.role, asset.url) for asset in task.spec.assets]


def roles(*expected: Role) -> tuple[Meant, Any]:
    return (lambda task: [role for role, _ in assets(task)]), list(expected)


def item(kind: str, role: str | None = None) -> dict[str, Any]:
    return {"type": kind, kind: {"url": URL}} | ({} if role is None else {"role": role})


@dataclass(frozen=True, slots=True)
class Spelling:
    """One way to say one parameter: what is sent on a level, and what the task then holds.

    `beside` goes to the top level: what the parameter needs beside it. `ignored` are names that
    have no effect, and are reported.
    """

    parameter: str
    name: str
    said: Mapping[str, Any]
    holds: Meant
    meant: Any
    levels: tuple[str, ...] = EVERYWHERE
    beside: Mapping[str, Any] | None = None
    ignored: str = ""


def scalars() -> Iterator[Spelling]:
    """The parameters that hold one value, each under all its names."""
    for parameter, spelled, said, holds, meant in (
        ("prompt", ("prompt",), "a heron", lambda t: t.spec.prompt, "a heron"),
        (
            "duration",
            ("duration", "seconds", "durationSeconds", "duration_seconds"),
            "8.0",
            lambda t: t.spec.seconds,
            8,
        ),
        ("resolution", ("resolution",), "480P", lambda t: t.spec.resolution, "480p"),
        (
            "ratio",
            ("aspect_ratio", "aspectRatio", "ratio"),
            "9:16",
            lambda t: (t.spec.ratio, str(t.spec.size)),
            ("9:16", "720x1280"),
        ),
        ("negative prompt", ("negative_prompt",), "rain", lambda t: t.spec.negative_prompt, "rain"),
        ("seed", ("seed",), 7.0, lambda t: t.spec.seed, 7),
        (
            "audio",
            ("generate_audio", "generateAudio"),
            "TRUE",
            lambda t: t.spec.with_audio,
            True,
        ),
        (
            "watermark",
            ("watermark", "add_watermark", "addWatermark"),
            True,
            lambda t: t.spec.with_watermark,
            True,
        ),
        ("outputs", ("n", "sampleCount", "sample_count"), "1", lambda t: t.status, "queued"),
        (
            "callback",
            ("callback_url",),
            "https://example.com/hook",
            lambda t: t.callback_url,
            "https://example.com/hook",
        ),
        ("end user", ("user",), "u-1", lambda t: t.user, "u-1"),
        ("response form", ("response_format",), "url", lambda t: t.status, "queued"),
    ):
        for name in spelled:
            yield Spelling(parameter, name, {name: said}, holds, meant)


def options() -> Iterator[Spelling]:
    for name, kept in (
        ("prompt_extend", "prompt_extend"),
        ("smart_rewrite", "prompt_extend"),
        ("person_generation", "person_generation"),
        ("personGeneration", "person_generation"),
        ("fps", "fps"),
        ("cfg_scale", "cfg_scale"),
        ("mode", "mode"),
        ("camera_fixed", "camera_fixed"),
        ("quality_level", "quality_level"),
    ):
        yield Spelling(
            "provider options", name, {name: "24"}, lambda t: dict(t.spec.options), {kept: 24}
        )


def sizes() -> Iterator[Spelling]:
    def holds(task: Task) -> Any:
        return str(task.spec.size), task.spec.resolution, task.spec.ratio

    meant = ("480x854", "480p", "9:16")
    for cross in "xX*":
        yield Spelling("size", "size", {"size": f"480{cross}854"}, holds, meant)
    for name in ("width", "height"):
        yield Spelling("size", name, {"width": "480", "height": 854}, holds, meant)


def files() -> Iterator[Spelling]:
    """Everything that gives a file: by a name, in `content`, in `media`."""
    first, last = Role.FIRST_FRAME, Role.LAST_FRAME
    for name in ("image", "input_reference"):
        for value in (URL, {"image_url": URL}, {"image_url": {"url": URL}}):
            yield Spelling("first frame", name, {name: value}, assets, [(first, URL)])
    yield Spelling("first frame", "images[0]", {"images": [URL]}, assets, [(first, URL)])
    for name in ("last_frame", "lastFrame", "image_tail"):
        said = {"image": URL, name: OTHER_URL}
        yield Spelling("last frame", name, said, assets, [(first, URL), (last, OTHER_URL)])
    yield Spelling(
        "last frame",
        "images[1]",
        {"images": [URL, OTHER_URL]},
        assets,
        [(first, URL), (last, OTHER_URL)],
        beside={"model": "veo-3.1-generate-001"},
    )
    two = [(Role.REFERENCE_IMAGE, URL), (Role.REFERENCE_IMAGE, OTHER_URL)]
    yield Spelling("references", "images", {"images": [URL, OTHER_URL]}, assets, two)
    yield Spelling(
        "driving audio, first clip",
        "audio_url",
        {"audio_url": URL},
        assets,
        [(Role.DRIVING_AUDIO, URL)],
    )
    yield from in_content()
    yield from in_media()


def in_content() -> Iterator[Spelling]:
    levels = ("", "metadata.")
    first, last, image = Role.FIRST_FRAME, Role.LAST_FRAME, Role.REFERENCE_IMAGE
    for parameter, name, items, expected in (
        ("first frame", "first_frame", [item("image_url")], [first]),
        ("first frame", "first_frame", [item("image_url", "first_frame")], [first]),
        (
            "last frame",
            "last_frame",
            [item("image_url"), item("image_url", "last_frame")],
            [first, last],
        ),
        ("references", "reference_image", [item("image_url", "reference_image")], [image]),
        ("references", "reference_video", [item("video_url")], [Role.REFERENCE_VIDEO]),
        (
            "references",
            "reference_audio",
            [item("image_url", "reference_image"), item("audio_url")],
            [image, Role.REFERENCE_AUDIO],
        ),
        (
            "driving audio, first clip",
            "first_clip",
            [item("video_url", "first_clip")],
            [Role.FIRST_CLIP],
        ),
        (
            "driving audio, first clip",
            "driving_audio",
            [item("audio_url", "driving_audio")],
            [Role.DRIVING_AUDIO],
        ),
    ):
        holds, meant = roles(*expected)
        yield Spelling(parameter, name, {"content": items}, holds, meant, levels)
    yield Spelling(
        "prompt",
        "text",
        {"content": [{"type": "text", "text": "a heron"}]},
        lambda t: t.spec.prompt,
        "a heron",
        levels,
    )


def in_media() -> Iterator[Spelling]:
    first, clip = Role.FIRST_FRAME, Role.FIRST_CLIP
    for parameter, name, kinds in (
        ("first frame", "first_frame", [first]),
        ("last frame", "last_frame", [first, Role.LAST_FRAME]),
        ("driving audio, first clip", "first_clip", [clip]),
        ("driving audio, first clip", "driving_audio", [Role.DRIVING_AUDIO]),
        ("references", "reference_image", [Role.REFERENCE_IMAGE]),
        ("references", "reference_video", [Role.REFERENCE_VIDEO]),
        ("references", "reference_audio", [Role.REFERENCE_IMAGE, Role.REFERENCE_AUDIO]),
    ):
        media = [{"type": str(kind), "url": URL} for kind in kinds]
        holds, meant = roles(*kinds)
        yield Spelling(parameter, name, {"media": media}, holds, meant, ("metadata.input.",))


def others() -> Iterator[Spelling]:
    """What is read in one place only."""
    yield Spelling("model", "model", {"model": "sora-2"}, lambda t: t.spec.model, "sora-2", TOP)
    yield Spelling(
        "start deadline",
        "metadata.start_within_s",
        {"start_within_s": "30"},
        lambda t: t.start_within_s,
        30,
        ("metadata.",),
    )
    yield Spelling(
        "metadata",
        "metadata",
        {"metadata": {"style": "noir", "parameters": {"grain": 2}}},
        lambda t: dict(t.metadata),
        {"style": "noir", "parameters.grain": 2},
        TOP,
        ignored="metadata.style, metadata.parameters.grain",
    )


SPELLINGS = [*scalars(), *options(), *sizes(), *files(), *others()]
ELSEWHERE = {
    ("remix", "remix_from_video_id"): "test_a_remix_names_its_source_on_every_level",
    ("start deadline", "Rushes-Start-Within"): "test_a_start_deadline_may_be_a_header",
}
"""Spellings that need a request of their own, and the test that sends it."""

NOT_A_NAME = {"WxH", "X", "*"}


def spelled_on_the_page() -> set[tuple[str, str]]:
    return {
        (row[0], name) for row in tables("4")[0] for name in names(row[1]) if name not in NOT_A_NAME
    }


def test_every_spelling_of_the_page_has_a_value_here() -> None:
    page = spelled_on_the_page()
    assert len(page) > 50, "the table of the page was not read"
    assert page == {(each.parameter, each.name) for each in SPELLINGS} | set(ELSEWHERE)
    assert set(ELSEWHERE.values()) <= set(globals())


# -- asking --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Wired]:
    """One callers' side for all; its sandbox knows every provider option."""
    every = tuple(dict.fromkeys(name for each in options() for name in each.meant))
    cards = [
        replace(card, options=every) if card.id == SANDBOX else card for card in shipped_cards()
    ]
    catalog = build_catalog(cards, configured={}, has_providers=False)
    async with wired(tmp_path_factory.mktemp("spellings"), catalog=catalog) as found:
        yield found


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one body over another, objects key by key."""
    both = dict(one)
    for name, value in other.items():
        inner = both.get(name)
        is_object = isinstance(inner, dict) and isinstance(value, dict)
        both[name] = merged(inner, value) if is_object else value
    return both


def as_form(body: Mapping[str, Any], *, is_indexed: bool) -> list[tuple[str, tuple[None, str]]]:
    """Write a body as fields: objects and lists as JSON text, or as `name[key]`."""
    fields: list[tuple[str, str]] = []
    for name, value in body.items():
        if isinstance(value, dict) and is_indexed:
            fields += [(f"{name}[{key}]", as_field(inner)) for key, inner in value.items()]
        elif value is not None:
            fields.append((name, as_field(value)))
    return [(name, (None, text)) for name, text in fields]


def as_field(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value)


ENCODINGS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "json": lambda body: {"json": body},
    "form": lambda body: {"files": as_form(body, is_indexed=False)},
    "form with name[key]": lambda body: {"files": as_form(body, is_indexed=True)},
}


async def created(
    house: Wired, body: Mapping[str, Any], *, root: str = ROOTS[0], encoding: str = "json"
) -> tuple[httpx2.Response, Task]:
    async with house.client() as client:
        answer = await client.post(root, **ENCODINGS[encoding](body))
    assert answer.status_code == 200, answer.text
    return answer, house.task(answer.json()["id"])


async def refused(house: Wired, body: Mapping[str, Any]) -> dict[str, Any]:
    async with house.client() as client:
        answer = await client.post(ROOTS[0], json=body)
    assert answer.status_code == 400, answer.text
    error: dict[str, Any] = answer.json()["error"]
    return error


def body_of(each: Spelling, level: str) -> dict[str, Any]:
    usual: dict[str, Any] = {"model": SANDBOX, "prompt": "a boat"}
    if each.parameter in {"prompt", "model"}:
        del usual[each.parameter]  # else the top level would win
    return merged(merged(usual, each.beside or {}), LEVELS[level](each.said))


CASES = [
    pytest.param(each, level, id=f"{level}{each.name}-{index}")
    for index, each in enumerate(SPELLINGS)
    for level in each.levels
]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(("each", "level"), CASES)
async def test_every_spelling_reaches_the_task_in_both_dialects(
    house: Wired, each: Spelling, level: str, encoding: str
) -> None:
    body = body_of(each, level)
    for root in ROOTS:
        answer, task = await created(house, body, root=root, encoding=encoding)
        assert each.holds(task) == each.meant
        assert answer.headers.get("Rushes-Ignored-Parameters", "") == each.ignored


async def test_a_start_deadline_may_be_a_header(house: Wired) -> None:
    async with house.client() as client:
        body = {"model": SANDBOX, "prompt": "a boat", "metadata": {"start_within_s": 5}}
        answer = await client.post(ROOTS[0], json=body, headers={"Rushes-Start-Within": "9"})
    assert house.task(answer.json()["id"]).start_within_s == 9


@pytest.mark.parametrize("level", LEVELS)
async def test_a_remix_names_its_source_on_every_level(house: Wired, level: str) -> None:
    _, source = await created(house, {"model": SANDBOX, "prompt": "a boat"})
    await house.bring(source, Status.SUCCEEDED)
    said = LEVELS[level]({"remix_from_video_id": source.id})
    answer, task = await created(house, {"model": SANDBOX, "prompt": "a fox", **said, "seed": 1})
    assert (task.spec.source_id, task.spec.prompt) == (source.id, "a fox")
    assert answer.headers["Rushes-Ignored-Parameters"] == "seed"


async def test_a_file_of_a_form_is_read_under_every_name_of_a_first_frame(house: Wired) -> None:
    import io

    from PIL import Image

    picture = io.BytesIO()
    Image.new("RGB", (64, 36), "navy").save(picture, "PNG")
    fields = as_form({"model": SANDBOX, "prompt": "a boat"}, is_indexed=False)
    blobs = set()
    for name in ("image", "input_reference", "images", "images[]", "images[0]", "metadata[image]"):
        parts = [*fields, (name, ("a.png", picture.getvalue(), "image/png"))]
        async with house.client() as client:
            answer = await client.post(ROOTS[1], files=parts)
        assert answer.status_code == 200, (name, answer.text)
        (asset,) = house.task(answer.json()["id"]).spec.assets
        assert asset.role is Role.FIRST_FRAME, name
        blobs.add(asset.blob)
    assert len(blobs) == 1


# -- levels --------------------------------------------------------------------------------------

TWO: Mapping[str, tuple[Any, Any, Meant]] = {
    "prompt": ("a heron", "a fox", lambda t: t.spec.prompt),
    "duration": (4, 8, lambda t: t.spec.seconds),
    "resolution": ("480p", "1080p", lambda t: t.spec.resolution),
    "ratio": ("1:1", "9:16", lambda t: t.spec.ratio),
    "size": ("480x854", "1280x720", lambda t: str(t.spec.size)),
    "negative prompt": ("rain", "snow", lambda t: t.spec.negative_prompt),
    "seed": (3, 4, lambda t: t.spec.seed),
    "audio": (True, False, lambda t: t.spec.with_audio),
    "watermark": (True, False, lambda t: t.spec.with_watermark),
    "callback": ("https://example.com/a", "https://example.com/b", lambda t: t.callback_url),
    "end user": ("u-1", "u-2", lambda t: t.user),
    "first frame": (URL, OTHER_URL, lambda t: t.spec.assets[0].url),
    "driving audio, first clip": (URL, OTHER_URL, lambda t: t.spec.assets[0].url),
    "provider options": (1, 2, lambda t: next(iter(t.spec.options.values()))),
}
"""Two values that a parameter can have, and where the task holds it."""

SPELLED: Mapping[str, tuple[str, ...]] = {
    parameter: tuple(
        dict.fromkeys(
            each.name
            for each in SPELLINGS
            if each.parameter == parameter
            and each.name in each.said
            and len(each.said) == 1
            and each.levels == EVERYWHERE
        )
    )
    for parameter in TWO
} | {"provider options": ("prompt_extend", "smart_rewrite")}


@pytest.mark.parametrize("parameter", TWO)
@pytest.mark.parametrize(
    ("stronger", "weaker"), list(combinations(LEVELS, 2)), ids=lambda level: level or "top"
)
async def test_of_two_levels_the_stronger_wins_whatever_the_spelling(
    house: Wired, parameter: str, stronger: str, weaker: str
) -> None:
    one, other, holds = TWO[parameter]
    for value, hidden in ((one, other), (other, one)):
        strong, weak = SPELLED[parameter][0], SPELLED[parameter][-1]
        said = merged(LEVELS[weaker]({weak: hidden}), LEVELS[stronger]({strong: value}))
        usual = {"model": SANDBOX} | ({} if parameter == "prompt" else {"prompt": "a boat"})
        answer, task = await created(house, {**usual, **said})
        assert holds(task) == value
        assert "Rushes-Ignored-Parameters" not in answer.headers


PAIRS = [
    pytest.param(parameter, pair, level, id=f"{level}{'-'.join(pair)}")
    for parameter in TWO
    for pair in combinations(SPELLED[parameter], 2)
    for level in LEVELS
]


@pytest.mark.parametrize(("parameter", "pair", "level"), PAIRS)
async def test_on_one_level_two_spellings_agree_or_are_a_conflict(
    house: Wired, parameter: str, pair: tuple[str, str], level: str
) -> None:
    one, other, holds = TWO[parameter]
    usual = {"model": SANDBOX, "prompt": "a boat"}
    said = LEVELS[level]({pair[0]: one, pair[1]: other})
    error = await refused(house, {**usual, **said})
    assert (error["code"], error["param"]) == ("conflicting_parameters", level + pair[1])
    for name in pair:
        assert level + name in error["message"]
    _, task = await created(house, {**usual, **LEVELS[level](dict.fromkeys(pair, one))})
    assert holds(task) == one


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"size": "480x854", "width": 1280, "height": 720}, "width"),
        ({"size": "480x854", "resolution": "720p"}, "size"),
        ({"size": "480x854", "ratio": "16:9"}, "size"),
        ({"image": URL, "images": [OTHER_URL]}, "images[0]"),
    ],
)
async def test_a_size_or_a_frame_said_twice_must_agree(
    house: Wired, level: str, said: dict[str, Any], param: str
) -> None:
    error = await refused(house, {"model": SANDBOX, "prompt": "a boat", **LEVELS[level](said)})
    assert (error["code"], error["param"]) == ("conflicting_parameters", level + param)
