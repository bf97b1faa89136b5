"""Edits and extensions: films made from films, whose shape they take over (CONTRACT §7)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from filming import Scene, shoot
from rushes.domain.spec import Mode, Role, Size, Spec
from rushes.domain.task import Status
from wiring import Wired, wired

EDITS, EXTENSIONS = "/v1/videos/edits", "/v1/videos/extensions"
UNKNOWN = "video_" + "0" * 32
SAID = {"prompt": "Make it dusk"}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Wired]:
    async with wired(tmp_path) as found:
        yield found


async def a_task(house: Wired, status: Status, *, is_film_gone: bool = False, **said: Any) -> str:
    """A task of the caller's, as far as that."""
    body = {"model": "sandbox", "prompt": "a boat", **said}
    async with house.client() as client:
        answer = await client.post("/v1/videos", json=body)
    assert answer.status_code == 200, answer.text
    name = str(answer.json()["id"])
    await house.bring(house.task(name), status, is_film_gone=is_film_gone)
    return name


async def a_film(house: Wired, model: str = "sandbox", **said: Any) -> str:
    """A finished task of the caller's."""
    return await a_task(house, Status.SUCCEEDED, model=model, **said)


async def post(house: Wired, path: str, **given: Any) -> httpx2.Response:
    async with house.client() as client:
        return await client.post(path, **given)


def refused(answer: httpx2.Response) -> tuple[int, str, str | None]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["param"]


def spec_of(house: Wired, answer: httpx2.Response) -> Spec:
    assert answer.status_code == 200, answer.text
    return house.task(answer.json()["id"]).spec


async def test_an_edit_has_the_length_and_size_of_its_source(house: Wired) -> None:
    source = await a_film(house, seconds=7, size="720x1280")
    answer = await post(house, EDITS, json={**SAID, "video": {"id": source}})
    spec = spec_of(house, answer)
    measured = house.task(source).measures
    assert measured is not None
    assert (spec.mode, spec.seconds, spec.size) == (Mode.EDIT, 7, measured.size)
    assert (spec.source_id, spec.source_seconds) == (source, measured.seconds)
    assert answer.json()["remixed_from_video_id"] is None
    (asset,) = spec.assets
    assert (asset.role, asset.param, asset.content_type) == (
        Role.SOURCE_FILM,
        "video.id",
        "video/mp4",
    )


async def test_an_extension_counts_the_source_and_what_is_added(house: Wired) -> None:
    source = await a_film(house, seconds=5)
    said = {**SAID, "seconds": "8", "video": {"id": source}}
    assert spec_of(house, await post(house, EXTENSIONS, json=said)).seconds == 13
    longer = (await post(house, EXTENSIONS, json=said)).json()["id"]
    await house.bring(house.task(longer), Status.SUCCEEDED)
    again = {**said, "video": {"id": longer}, "seconds": 20}
    assert spec_of(house, await post(house, EXTENSIONS, json=again)).seconds == 33


@pytest.mark.parametrize("path", [EDITS, EXTENSIONS])
async def test_a_film_may_come_along(house: Wired, path: str) -> None:
    film = shoot(Scene(321, 240, 60, pixels="yuv444p"))
    data = {**SAID, "model": "sandbox", "seconds": "4"}
    answer = await post(house, path, data=data, files={"video": ("a.mp4", film, "video/mp4")})
    spec = spec_of(house, answer)
    assert spec.size == Size(320, 240)
    assert spec.seconds == (2 if path == EDITS else 6)
    assert spec.source_seconds == pytest.approx(2.5, abs=0.05)
    (asset,) = spec.assets
    kept = b"".join([chunk async for chunk in house.blobs.open(f"inputs/{asset.blob}")])
    assert kept == film
    ignored = answer.headers.get("rushes-ignored-parameters")
    assert ignored == ("seconds" if path == EDITS else None)


async def test_a_form_may_name_its_source(house: Wired) -> None:
    source = await a_film(house)
    for field in ({"video[id]": source}, {"video": f'{{"id": "{source}"}}'}):
        files = {name: (None, value) for name, value in {**SAID, **field}.items()}
        assert spec_of(house, await post(house, EDITS, files=files)).source_id == source


async def test_without_a_model_it_is_the_sources_or_soras(house: Wired) -> None:
    source = await a_film(house, "sora-2-pro", size="1280x720")
    answer = await post(house, EDITS, json={**SAID, "video": {"id": source}})
    assert answer.json()["model"] == "sora-2-pro"
    film = {"video": ("a.mp4", shoot(Scene(320, 240, 30)), "video/mp4")}
    assert (await post(house, EDITS, data=SAID, files=film)).json()["model"] == "sora-2"
    named = {**SAID, "model": "sandbox", "video": {"id": source}}
    assert (await post(house, EDITS, json=named)).json()["model"] == "sandbox"


async def test_what_a_source_needs_is_asked_for_by_name(house: Wired) -> None:
    source = {"video": {"id": UNKNOWN}}
    wrong: list[tuple[str, dict[str, Any], tuple[int, str, str]]] = [
        (EDITS, {**source}, (400, "missing_parameter", "prompt")),
        (EDITS, {**SAID}, (400, "missing_parameter", "video")),
        (EDITS, {**SAID, "video": {}}, (400, "missing_parameter", "video.id")),
        (EDITS, {**SAID, "video": "https://example.com/a.mp4"}, (400, "invalid_value", "video")),
        (EDITS, {**SAID, "video": 5}, (400, "invalid_value", "video")),
        (EDITS, {**SAID, "video": "data:video/mp4;base64,AAAA"}, (400, "invalid_media", "video")),
        (EDITS, {**SAID, **source}, (404, "task_not_found", "video.id")),
        (EXTENSIONS, {**SAID, **source}, (400, "missing_parameter", "seconds")),
        (EXTENSIONS, {**SAID, **source, "seconds": 5}, (400, "invalid_value", "seconds")),
        (EXTENSIONS, {**SAID, **source, "seconds": "x"}, (400, "invalid_value", "seconds")),
        (EDITS, {**SAID, **source, "model": "none"}, (404, "model_not_found", "model")),
        (EDITS, {**SAID, **source, "model": "wan2.7-r2v"}, (400, "unsupported", "model")),
    ]
    for path, body, want in wrong:
        assert refused(await post(house, path, json=body)) == want, (path, body)


async def test_a_source_must_be_a_film_of_the_callers_own(house: Wired) -> None:
    for status, is_film_gone, want in (
        (Status.RUNNING, False, (400, "task_not_finished", "video.id")),
        (Status.FAILED, False, (400, "task_failed", "video.id")),
        (Status.SUCCEEDED, True, (410, "artifact_expired", "video.id")),
    ):
        name = await a_task(house, status, is_film_gone=is_film_gone)
        body = {**SAID, "video": {"id": name}}
        assert refused(await post(house, EDITS, json=body)) == want
    theirs = await a_film(house)
    house.add_key("sk-live-stranger", account_id="acct_" + "1" * 32)
    await house.keyring.reload()
    async with house.client("sk-live-stranger") as client:
        answer = await client.post(EDITS, json={**SAID, "video": {"id": theirs}})
    assert refused(answer) == (404, "task_not_found", "video.id")


async def test_a_model_without_the_mode_is_told_once_the_source_is_known(house: Wired) -> None:
    source = await a_film(house, "wan2.5-t2v-preview")
    for path, more in ((EDITS, {}), (EXTENSIONS, {"seconds": 4})):
        answer = await post(house, path, json={**SAID, **more, "video": {"id": source}})
        assert refused(answer) == (400, "unsupported", "model")
        assert "text_to_video" in answer.json()["error"]["message"]


async def test_no_film_becomes_longer_than_two_minutes(house: Wired) -> None:
    film = {"video": ("a.mp4", shoot(Scene(64, 48, 100, fps=1)), "video/mp4")}
    data = {**SAID, "model": "sandbox"}
    answer = await post(house, EXTENSIONS, data={**data, "seconds": "20"}, files=film)
    assert spec_of(house, answer).seconds == 120
    long = {"video": ("a.mp4", shoot(Scene(64, 48, 101, fps=1)), "video/mp4")}
    answer = await post(house, EXTENSIONS, data={**data, "seconds": "20"}, files=long)
    assert refused(answer) == (400, "invalid_value", "seconds")
    too_long = {"video": ("a.mp4", shoot(Scene(64, 48, 121, fps=1)), "video/mp4")}
    answer = await post(house, EDITS, data=data, files=too_long)
    assert refused(answer) == (400, "invalid_media", "video")


async def test_a_film_larger_than_the_model_makes_is_refused(house: Wired) -> None:
    film = {"video": ("a.mp4", shoot(Scene(1920, 1080, 2)), "video/mp4")}
    answer = await post(house, EDITS, data={**SAID, "model": "sora-2"}, files=film)
    assert refused(answer) == (400, "invalid_media", "video")
    assert "1680x720" in answer.json()["error"]["message"]
    assert spec_of(house, await post(house, EDITS, data={**SAID, "model": "sandbox"}, files=film))


async def test_a_repeat_with_the_same_film_is_one_task(house: Wired) -> None:
    film = {"video": ("a.mp4", shoot(Scene(64, 48, 24)), "video/mp4")}
    data, headers = {**SAID, "model": "sandbox"}, {"Idempotency-Key": "once"}
    first = await post(house, EDITS, data=data, files=film, headers=headers)
    again = await post(house, EDITS, data=data, files=film, headers=headers)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    other = {"video": ("a.mp4", shoot(Scene(64, 48, 25)), "video/mp4")}
    answer = await post(house, EDITS, data=data, files=other, headers=headers)
    assert refused(answer) == (422, "idempotency_key_reused", "Idempotency-Key")
