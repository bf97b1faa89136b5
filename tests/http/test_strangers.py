"""Whatever body arrives, it is understood or refused: never a fault of ours, never for long.

Bodies are made of the page's own names and values, true and false, as JSON and as forms, and go
through the whole door. What is accepted is written back with the first spellings and read again:
the task must be the same.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rushes.domain.catalog import SHORT_PX, Sound
from rushes.domain.reading import shipped_cards
from rushes.domain.spec import Asset, Medium
from rushes.domain.task import Task
from rushes.http.offers import NAMED
from rushes.http.wish import OPTION_SPELLINGS, SPELLINGS
from wiring import Wired

ROOTS = ("/v1/video/generations", "/v1/videos")
CPU_S_MAX = 5.0
"""How long one request of a few kilobytes may keep us at it; it takes some milliseconds."""

CARDS = {card.id: card for card in shipped_cards() if card.is_rehearsed}
URL = "https://assets.example.com/"
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR42mOo"
    "N54JRAwQCgAj2gUtt562LwAAAABJRU5ErkJggg=="
)
WITH_FILE = {"model": "sandbox", "prompt": "a kite", "image": PIXEL}

# -- what strangers say --------------------------------------------------------------------------

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
addresses = st.sampled_from([f"{URL}a.png", f"{URL}b.png", f"{URL}c.mp4"])
files = st.one_of(
    addresses,
    st.builds(lambda url: {"image_url": url}, addresses),
    st.builds(lambda url: {"image_url": {"url": url}}, addresses),
    st.sampled_from(["http://127.0.0.1/x", "data:image/png;base64,AAAA", PIXEL, "???"]),
)
roles = st.sampled_from(
    ["first_frame", "last_frame", "first_clip", "driving_audio", "reference_image",
     "reference_video", "reference_audio", None, "hero"]
)  # fmt: skip
items = st.one_of(
    st.builds(
        lambda kind, url, role: {"type": kind, kind: {"url": url}, "role": role},
        st.sampled_from(["image_url", "video_url", "audio_url"]),
        addresses,
        roles,
    ),
    st.builds(lambda text: {"type": "text", "text": text}, st.text(max_size=9)),
)
wholes = st.sampled_from([-1, 1, 4, 5, 5.0, 8, "8", "10.0", 15, 4.5, "x", 10**30])
flags = st.sampled_from([True, False, "true", "FALSE", "yes"])
values: Mapping[str, st.SearchStrategy[Any]] = {
    "prompt": st.text(max_size=30),
    "seconds": wholes,
    "resolution": st.sampled_from(["480p", "720P", "1080p", "4k", "8k"]),
    "ratio": st.sampled_from(["16:9", "9:16", "1:1", "21:9", "adaptive", "2:1"]),
    "negative_prompt": st.text(max_size=9),
    "seed": st.sampled_from([-1, 0, 7, "7", 2**31 - 1, 2**31]),
    "with_audio": flags,
    "with_watermark": flags,
    "outputs": st.sampled_from([1, "1", 1.0, 2]),
    "source_id": st.just("video_" + "0" * 32),
    "callback_url": st.sampled_from(["https://example.com/h", "http://example.com/h"]),
    "user": st.text(max_size=9),
    "response_format": st.sampled_from(["url", "url", "b64_json"]),
}
UNLIKELY = frozenset({"source_id", "response_format"})
"""What ends most requests early, and so is said more seldom."""

singles = st.one_of(
    *(
        st.tuples(st.just(name), values[parameter])
        for parameter, names in SPELLINGS.items()
        if parameter not in UNLIKELY
        for name in names
    ),
    *(
        st.tuples(st.just(name), st.sampled_from([1, "24", True, "std", 0.5]))
        for names in OPTION_SPELLINGS.values()
        for name in names
    ),
)
rare = st.one_of(
    *(st.tuples(st.just(SPELLINGS[name][0]), values[name]) for name in sorted(UNLIKELY)),
    st.tuples(st.just("size"), st.sampled_from(["1280x720", "480*854", "1024x1792", "1x1", "big"])),
    st.tuples(st.sampled_from(["width", "height"]), wholes),
    st.tuples(st.sampled_from(sorted(NAMED - {"images"})), files),
    st.tuples(st.just("images"), st.lists(files, max_size=3)),
    st.tuples(st.text(max_size=8), anything),
    st.tuples(st.sampled_from(sorted({*NAMED, "prompt", "seconds", "metadata", "n"})), anything),
)
level = st.builds(
    lambda few, more: dict([*few, *more]),
    st.lists(singles, max_size=3),
    st.lists(rare, max_size=1),
)
metadata = st.builds(
    lambda own, parameters, inside, media, content: (
        own
        | {"parameters": parameters, "input": inside | ({"media": media} if media else {})}
        | ({"content": content} if content else {})
    ),
    level,
    level | anything.filter(lambda value: not isinstance(value, dict)),
    level,
    st.lists(
        st.builds(
            lambda kind, url: {"type": kind, "url": url},
            roles.filter(bool) | st.text(max_size=5),
            addresses,
        ),
        max_size=2,
    ),
    st.lists(items, max_size=2),
)
bodies = st.builds(
    lambda model, said, more, content, meta: (
        {"model": model, "prompt": "a heron"}
        | said
        | more
        | ({"content": content} if content else {})
        | ({"metadata": meta} if meta else {})
    ),
    st.sampled_from([*CARDS, "sandbox", "sandbox", "nope"]),
    level,
    st.dictionaries(st.text(max_size=6), anything, max_size=1),
    st.just([]) | st.lists(items, max_size=3),
    st.none() | metadata,
)


def as_json(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "content": json.dumps(body, ensure_ascii=True).encode(),
        "headers": {"Content-Type": "application/json"},
    }


def as_form(body: Mapping[str, Any]) -> dict[str, Any]:
    fields: list[tuple[str, Any]] = []
    for name, value in body.items():
        if isinstance(value, dict) and len(value) < 3:
            fields += [(f"{name}[{key}]", inner) for key, inner in value.items()]
        else:
            fields.append((name, value))
    return {"files": [(name, (None, as_field(value))) for name, value in fields]}


def as_field(value: Any) -> bytes:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "replace")


def as_garbage(body: Mapping[str, Any], cut: int, kind: str) -> dict[str, Any]:
    """Cut a body off, and call it something."""
    content = json.dumps(body).encode()
    return {"content": content[: cut % (len(content) + 1)], "headers": {"Content-Type": kind}}


requests = st.one_of(
    st.builds(as_json, bodies),
    st.builds(as_json, bodies),
    st.builds(as_form, bodies),
    st.builds(as_json, st.dictionaries(st.text(max_size=8), anything, max_size=6)),
    st.builds(
        as_garbage,
        bodies,
        st.integers(0, 5000),
        st.sampled_from(
            ["application/json", "multipart/form-data; boundary=b", "multipart/form-data",
             "multipart/form-data; boundary=b; charset=utf-7", "text/plain", "", "a/b; c"]
        ),
    ),
)  # fmt: skip


# -- writing back what was understood --------------------------------------------------------------


def written(task: Task, images: Mapping[str, bytes]) -> dict[str, Any]:
    """Write a task as a create with the first spelling of everything."""
    spec, card = task.spec, CARDS[task.spec.model]
    body: dict[str, Any] = {
        "model": spec.model,
        "duration": spec.seconds,
        "seed": spec.seed,
        "watermark": spec.with_watermark,
        **spec.options,
    }
    is_of_grid = spec.resolution in SHORT_PX
    body |= {"resolution": spec.resolution} if is_of_grid else {"size": str(spec.size)}
    optional = {
        "prompt": spec.prompt or None,
        "aspect_ratio": spec.ratio if is_of_grid else None,
        "negative_prompt": spec.negative_prompt,
        "generate_audio": spec.with_audio if card.sound is Sound.OPTIONAL else None,
        "callback_url": task.callback_url,
        "user": task.user,
        "content": [as_item(asset, images) for asset in spec.assets] or None,
        "metadata": as_metadata(task) or None,
    }
    return body | {name: value for name, value in optional.items() if value is not None}


def as_item(asset: Asset, images: Mapping[str, bytes]) -> dict[str, Any]:
    kinds = {Medium.IMAGE: "image_url", Medium.VIDEO: "video_url", Medium.AUDIO: "audio_url"}
    kind, url = kinds[asset.role.medium], asset.url
    if url is None:
        encoded = base64.b64encode(images[asset.blob or ""]).decode()
        url = f"data:{asset.content_type};base64,{encoded}"
    return {"type": kind, kind: {"url": url}, "role": str(asset.role)}


def as_metadata(task: Task) -> dict[str, Any]:
    """Put the keys of metadata where their paths say."""
    found: dict[str, Any] = {}
    for path, value in task.metadata.items():
        outer, dot, inner = path.partition(".")
        if dot and outer in {"parameters", "input"}:
            found.setdefault(outer, {})[inner] = value
        else:
            found[path] = value
    if task.start_within_s is not None:
        found["start_within_s"] = task.start_within_s
    if task.spec.script is not None:
        script = task.spec.script
        found["sandbox"] = {"outcome": script.outcome, "delay_s": script.delay_s}
    return found


def understood(task: Task) -> Any:
    """All that a create leaves behind, but for the names under which files were given."""
    spec = replace(task.spec, assets=tuple(replace(a, param="") for a in task.spec.assets))
    return spec, task.callback_url, task.user, dict(task.metadata), task.start_within_s


# -- trying ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Tally:
    """What came of all the requests; `slowest_s` is of processor time."""

    accepted: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    with_files: int = 0
    slowest_s: float = 0.0


async def ask(house: Wired, root: str, request: Mapping[str, Any]) -> httpx2.Response:
    async with house.client() as client:
        return await client.post(root, **request)


async def try_one(house: Wired, tally: Tally, root: str, request: Mapping[str, Any]) -> None:
    begun = time.process_time()
    answer = await ask(house, root, request)
    tally.slowest_s = max(tally.slowest_s, time.process_time() - begun)
    assert answer.status_code < 500, answer.text
    if answer.status_code != 200:
        error = answer.json()["error"]
        assert error["message"]
        tally.refused[error["code"]] = tally.refused.get(error["code"], 0) + 1
        return
    tally.accepted += 1
    task = house.task(answer.json()["id"])
    names = [asset.blob for asset in task.spec.assets if asset.blob is not None]
    tally.with_files += bool(task.spec.assets)
    images = {
        name: b"".join([chunk async for chunk in house.blobs.open(f"inputs/{name}")])
        for name in names
    }
    body = written(task, images)
    again = await ask(house, root, {"json": body})
    assert again.status_code == 200, (body, again.text)
    assert understood(house.task(again.json()["id"])) == understood(task)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wired]:
    found = Wired(tmp_path_factory.mktemp("strangers"))
    asyncio.run(found.keyring.reload())
    yield found
    found.close()


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.long)])
def test_any_body_is_understood_and_stays_so_or_is_refused(
    house: Wired, count: int, record_property: Any
) -> None:
    tally = Tally()
    with asyncio.Runner() as runner:

        @settings(
            max_examples=count,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(root=st.sampled_from(ROOTS), request=requests)
        @example(root=ROOTS[0], request={"json": WITH_FILE})  # few bodies that are drawn have one
        def try_any(root: str, request: Mapping[str, Any]) -> None:
            runner.run(try_one(house, tally, root, request))

        try_any()
    record_property("told", f"{count} bodies: {tally}")
    assert tally.slowest_s < CPU_S_MAX
    assert tally.accepted > count // 20, "hardly a body was understood"
    assert tally.with_files, "no file was understood"
    assert len(tally.refused) >= 6, "hardly a fault was tried"
