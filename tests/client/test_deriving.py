"""Films from films: remixed, edited, extended; of a video of the server, or of a file."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import httpx2
import pytest

from client.scripted import ID, OTHER_ID, Script, Stage, form_of, json_of, refused, told, video_body
from rushes.client import BadRequest, Rushes, Unsendable, Video

MP4 = b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 12
SOURCE = Video(id=ID, status="completed", progress=100)


def made() -> httpx2.Response:
    return told(200, video_body(id=OTHER_ID, remixed_from_video_id=ID))


@pytest.mark.parametrize("source", [ID, SOURCE])
async def test_an_edit_names_its_source_by_id(stage: Stage, source: Video | str) -> None:
    script = Script(made())
    video = await stage.play(script).do("edit", source, "Snow falls", model="sora-2")
    assert script.paths == ["POST /v1/videos/edits"]
    told = {"video": {"id": ID}, "prompt": "Snow falls", "model": "sora-2"}
    assert json_of(script.asked[0]) == told
    assert script.asked[0].headers["idempotency-key"].startswith("rushes-")
    assert (video.id, video.remixed_from_video_id) == (OTHER_ID, ID)


async def test_an_extension_says_by_how_much(stage: Stage) -> None:
    script = Script(made())
    await stage.play(script).do("extend", ID, "It sails on", seconds=8, start_within_s=60)
    (asked,) = script.asked
    assert script.paths == ["POST /v1/videos/extensions"]
    assert json_of(asked) == {"video": {"id": ID}, "prompt": "It sails on", "seconds": 8}
    assert asked.headers["rushes-start-within"] == "60"


@pytest.mark.parametrize("form", ["path", "bytes", "file"])
async def test_a_file_travels_as_a_part_of_a_form(stage: Stage, form: str, tmp_path: Path) -> None:
    path = tmp_path / "boat.mp4"
    path.write_bytes(MP4)
    source = {"path": path, "bytes": MP4, "file": BytesIO(MP4)}[form]
    script = Script(made(), made())
    both = stage.play(script)
    await both.do("edit", source, "Snow falls", user="u-1")
    head, content = form_of(script.asked[0])["video"]
    assert content == MP4
    assert 'filename="upload.mp4"' in head["Content-Disposition"]
    assert head["Content-Type"] == "video/mp4"
    parts = {name: part for name, (_, part) in form_of(script.asked[0]).items()}
    assert parts == {"prompt": b"Snow falls", "user": b"u-1", "video": MP4}
    await both.do("extend", path, "It sails on", seconds=4)
    assert form_of(script.asked[1])["seconds"][1] == b"4"


async def test_a_film_from_a_film_is_asked_for_again_under_the_same_key(stage: Stage) -> None:
    script = Script(httpx2.ReadTimeout("silence"), made())
    await stage.play(script).do("edit", MP4, "Snow falls")
    first, again = script.asked
    assert first.headers["idempotency-key"] == again.headers["idempotency-key"]
    assert form_of(first)["video"] == form_of(again)["video"]


@pytest.mark.parametrize(
    ("verb", "more"), [("remix", {}), ("edit", {}), ("extend", {"seconds": 4})]
)
async def test_further_parameters_win_and_unknown_options_are_refused(
    stage: Stage, verb: str, more: dict[str, object]
) -> None:
    script = Script(made())
    both = stage.play(script)
    extra = {"prompt": "Rain", "callback_url": "https://b.test"}
    await both.do(verb, ID, "Snow", callback_url="https://a.test", extra_body=extra, **more)
    body = json_of(script.asked[0])
    assert (body["prompt"], body["callback_url"]) == ("Rain", "https://b.test")
    with pytest.raises(TypeError, match=rf"{verb}\(\) got an unexpected keyword argument 'size'"):
        await both.do(verb, ID, "Snow", size="1280x720", **more)


async def test_a_source_that_is_none_is_refused_before_anything_is_sent(
    stage: Stage, tmp_path: Path
) -> None:
    both = stage.play(Script())
    with pytest.raises(Unsendable, match="id or a name"):
        await both.do("edit", "", "Snow")
    with pytest.raises(FileNotFoundError):
        await both.do("edit", tmp_path / "none.mp4", "Snow")
    with pytest.raises(Unsendable, match="printable ASCII"):
        await both.do("extend", ID, "Snow", seconds=4, idempotency_key="")


async def test_a_model_that_cannot_edit_says_so(stage: Stage) -> None:
    with pytest.raises(BadRequest) as caught:
        await stage.play(Script(refused(400, "unsupported", "model"))).do("edit", ID, "Snow")
    assert caught.value.param == "model"


async def test_what_was_ignored_and_changed_is_told_on_the_answer(stage: Stage) -> None:
    headers = {
        "Rushes_Ignored_Parameters": "style, metadata.a%20b",
        "Rushes_Coerced_Parameters": "seconds=10, size=1280x720",
        "Rushes_Rehearsal": "true",
    }
    script = Script(told(200, video_body(), **headers))
    video = await stage.play(script).do("extend", ID, "On", seconds=20)
    assert video.ignored_parameters == ("style", "metadata.a b")
    assert video.coerced_parameters == ("seconds=10", "size=1280x720")
    assert video.is_rehearsal


@pytest.mark.parametrize(("key", "is_test"), [("sk-test-1", True), ("sk-live-1", False)])
def test_a_client_knows_whether_its_key_is_for_tests(stage: Stage, key: str, is_test: bool) -> None:
    client = stage.play(Script(), api_key=key).client
    assert client.is_test is is_test
    assert isinstance(client, Rushes) is (stage.kind == "sync")
