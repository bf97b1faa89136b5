"""Having a video made: one wish, one video, however often it is sent."""

from __future__ import annotations

import math
import re
from io import BytesIO
from pathlib import Path

import httpx2
import pytest

from client.scripted import (
    ID,
    OTHER_ID,
    Script,
    Stage,
    form_of,
    json_of,
    lean_body,
    refused,
    told,
    video_body,
)
from rushes import __version__
from rushes.client import (
    ApiError,
    BadRequest,
    ConnectionFailed,
    RateLimited,
    Reference,
    Retry,
    RushesError,
    ServerError,
    UnexpectedAnswer,
    Unsendable,
    VideoFailed,
)

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20
MP3 = b"ID3" + b"\x00" * 20
KEY = re.compile(r"rushes-[0-9a-f]{32}")


async def test_a_create_says_everything_and_is_answered_by_a_queued_video(stage: Stage) -> None:
    script = Script(told(200, video_body(), Rushes_Rehearsal="true", Rushes_Model="wan"))
    video = await stage.play(script).do("create", "A paper boat", model="sora-2", seconds=4)
    (asked,) = script.asked
    assert script.paths == ["POST /v1/videos"]
    assert json_of(asked) == {"model": "sora-2", "prompt": "A paper boat", "seconds": 4}
    assert asked.headers["authorization"] == "Bearer sk-live-1"
    assert asked.headers["user-agent"] == f"rushes-python/{__version__}"
    assert asked.headers["content-type"] == "application/json"
    assert (video.id, video.status, video.progress) == (ID, "queued", 0)
    assert (video.seconds, video.size, video.prompt) == (5, "1280x720", "A paper boat")
    assert (video.is_rehearsal, video.served_by, video.is_final) == (True, "wan", False)


async def test_every_option_has_its_place_on_the_wire(stage: Stage) -> None:
    script = Script(told(200, video_body()))
    await stage.play(script).do(
        "create",
        "Rain",
        model="veo",
        seconds="8",
        size="1280x720",
        resolution="720p",
        ratio="16:9",
        image="https://pictures.test/first.png",
        last_frame="https://pictures.test/last.png",
        seed=7,
        audio=False,
        negative_prompt="people",
        metadata={"order": {"number": 3}},
        callback_url="https://calls.test/film",
        user="u-1",
        start_within_s=120,
        idempotency_key="order 3",
        extra_body={"watermark": True, "user": "u-2"},
    )
    (asked,) = script.asked
    assert json_of(asked) == {
        "model": "veo",
        "prompt": "Rain",
        "seconds": "8",
        "size": "1280x720",
        "resolution": "720p",
        "ratio": "16:9",
        "image": "https://pictures.test/first.png",
        "last_frame": "https://pictures.test/last.png",
        "seed": 7,
        "generate_audio": False,
        "negative_prompt": "people",
        "metadata": {"order": {"number": 3}},
        "callback_url": "https://calls.test/film",
        "user": "u-2",
        "watermark": True,
    }
    assert asked.headers["idempotency-key"] == "order 3"
    assert asked.headers["rushes-start-within"] == "120"


async def test_an_option_that_is_none_is_not_sent(stage: Stage) -> None:
    script = Script(told(200, video_body()))
    await stage.play(script).do("create", "Rain", seed=None, image=None, references=None)
    assert json_of(script.asked[0]) == {"model": "sandbox", "prompt": "Rain"}


async def test_a_misspelled_option_is_refused_before_anything_is_sent(stage: Stage) -> None:
    script = Script()
    with pytest.raises(TypeError, match="secnds"):
        await stage.play(script).do("create", "Rain", secnds=4)
    assert script.asked == []


@pytest.mark.parametrize("key", ["", "x" * 256, "två", "a\nb"])
async def test_a_key_that_cannot_be_one_is_refused_before_anything_is_sent(
    stage: Stage, key: str
) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        await stage.play(Script()).do("create", "Rain", idempotency_key=key)


@pytest.mark.parametrize(
    "option",
    [
        {"metadata": {"shot": float("nan")}},
        {"metadata": {"shot": float("inf")}},
        {"negative_prompt": "half a \udcff"},
        {"negative_prompt": "half a \udcff", "image": PNG},
        {"idempotency_key": "två"},
        {"references": [b"what is this"]},
    ],
)
async def test_what_cannot_be_sent_is_an_error_of_this_tree(
    stage: Stage, option: dict[str, object]
) -> None:
    """So that one `except RushesError` is enough for all that a caller's data can do."""
    with pytest.raises(Unsendable) as caught:
        await stage.play(Script()).do("create", "Rain", **option)
    assert isinstance(caught.value, RushesError)
    assert isinstance(caught.value, ValueError)


async def test_every_create_has_a_key_of_its_own(stage: Stage) -> None:
    script = Script(*(told(200, video_body()) for _ in range(3)))
    both = stage.play(script)
    await both.do("create", "Rain")
    await both.do("create", "Rain")
    await both.do("remix", ID, "Snow")
    keys = [asked.headers["idempotency-key"] for asked in script.asked]
    assert len(set(keys)) == 3
    assert all(KEY.fullmatch(key) for key in keys)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_a_create_is_tried_again_under_the_same_key_with_the_same_body(
    stage: Stage, status: int
) -> None:
    script = Script(
        httpx2.Response(status, text="<html>Try later</html>"),
        refused(status, "some_code"),
        told(200, video_body(), Idempotency_Replayed="true"),
    )
    video = await stage.play(script).do("create", image=PNG)
    assert video.is_replayed
    assert stage.clock.sleeps == [0.5, 1.0]
    assert len({asked.headers["idempotency-key"] for asked in script.asked}) == 1
    forms = [form_of(asked) for asked in script.asked]
    assert forms[0] == forms[1] == forms[2]


@pytest.mark.parametrize(
    "trouble",
    [
        httpx2.ConnectError("refused"),
        httpx2.ConnectTimeout("nobody"),
        httpx2.ReadTimeout("silence"),
        httpx2.WriteError("broken pipe"),
        httpx2.RemoteProtocolError("hung up"),
    ],
    ids=lambda trouble: type(trouble).__name__,
)
async def test_a_create_whose_connection_broke_is_tried_again_under_the_same_key(
    stage: Stage, trouble: Exception
) -> None:
    script = Script(trouble, trouble, trouble, told(200, video_body()))
    await stage.play(script).do("create", "Rain")
    assert script.is_told
    assert stage.clock.sleeps == [0.5, 1.0, 2.0]
    assert len({asked.headers["idempotency-key"] for asked in script.asked}) == 1


async def test_retry_after_is_the_pause_to_the_second(stage: Stage) -> None:
    script = Script(
        refused(429, "rate_limit_exceeded", retry_after="7"),
        refused(503, "overloaded", retry_after="2"),
        told(200, video_body()),
    )
    await stage.play(script).do("create", "Rain")
    assert stage.clock.sleeps == [7.0, 2.0]


async def test_tries_are_bounded_and_the_last_answer_is_raised(stage: Stage) -> None:
    script = Script(*(refused(429, "rate_limit_exceeded", retry_after="1") for _ in range(4)))
    with pytest.raises(RateLimited) as caught:
        await stage.play(script).do("create", "Rain")
    assert script.is_told
    assert stage.clock.sleeps == [1.0, 1.0, 1.0]
    assert caught.value.retry_after_s == 1.0
    assert caught.value.idempotency_key is None  # refused each time: nothing can have been made


async def test_nobody_waits_an_hour_for_a_retry_after(stage: Stage) -> None:
    script = Script(refused(503, "overloaded", retry_after="3600"))
    with pytest.raises(ServerError):
        await stage.play(script).do("create", "Rain")
    assert stage.clock.sleeps == []


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 406, 409, 410, 413, 415, 422])
async def test_no_other_4xx_is_ever_repeated(stage: Stage, status: int) -> None:
    script = Script(refused(status, "some_code", retry_after="1"))
    with pytest.raises(ApiError):
        await stage.play(script).do("create", "Rain")
    assert len(script.asked) == 1
    assert stage.clock.sleeps == []


async def test_a_create_in_doubt_names_the_key_that_finds_out(stage: Stage) -> None:
    script = Script(httpx2.ReadTimeout("silence"), httpx2.ConnectError("refused"))
    both = stage.play(script, retry=Retry(attempts_max=2))
    with pytest.raises(ConnectionFailed) as caught:
        await both.do("create", "Rain")
    key = script.asked[0].headers["idempotency-key"]
    assert caught.value.idempotency_key == key
    assert f"idempotency_key='{key}'" in str(caught.value)
    assert isinstance(caught.value.__cause__, httpx2.ConnectError)


async def test_a_create_that_broke_the_server_names_the_key_too(stage: Stage) -> None:
    script = Script(refused(500, "internal_error"))
    with pytest.raises(ServerError) as caught:
        await stage.play(script, retry=Retry(attempts_max=1)).do("create", "Rain")
    assert caught.value.idempotency_key == script.asked[0].headers["idempotency-key"]


async def test_a_create_that_never_left_is_in_no_doubt(stage: Stage) -> None:
    script = Script(httpx2.ConnectError("refused"), refused(503, "overloaded"))
    with pytest.raises(ApiError) as caught:
        await stage.play(script, retry=Retry(attempts_max=2)).do("create", "Rain")
    assert caught.value.idempotency_key is None
    script = Script(httpx2.ConnectError("refused"))
    with pytest.raises(ConnectionFailed, match="server is running") as lost:
        await stage.play(script, retry=Retry(attempts_max=1)).do("create", "Rain")
    assert lost.value.idempotency_key is None


async def test_frames_given_as_files_travel_as_a_form(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "last.png"
    path.write_bytes(PNG)
    script = Script(told(200, video_body()))
    await stage.play(script).do(
        "create", "Rain", image=BytesIO(PNG), last_frame=path, seed=7, audio=True, metadata={"a": 1}
    )
    form = form_of(script.asked[0])
    assert {name: content for name, (_, content) in form.items() if content != PNG} == {
        "model": b"sandbox",
        "prompt": b"Rain",
        "seed": b"7",
        "generate_audio": b"true",
        "metadata": b'{"a":1}',
    }
    for name in ("image", "last_frame"):
        headers, content = form[name]
        assert content == PNG
        assert headers["Content-Type"] == "image/png"
        assert 'filename="upload.png"' in headers["Content-Disposition"]


async def test_input_reference_is_spelled_as_the_retired_client_does(stage: Stage) -> None:
    script = Script(told(200, video_body()), told(200, video_body()))
    both = stage.play(script)
    await both.do("create", "Rain", input_reference={"image_url": "https://pictures.test/1.png"})
    await both.do("create", "Rain", input_reference=PNG)
    assert json_of(script.asked[0])["input_reference"] == {
        "image_url": "https://pictures.test/1.png"
    }
    assert form_of(script.asked[1])["input_reference"][1] == PNG
    with pytest.raises(ValueError, match="input_reference"):
        await both.do("create", "Rain", image=PNG, input_reference=PNG)


async def test_references_are_told_with_their_roles(stage: Stage) -> None:
    script = Script(told(200, video_body()))
    await stage.play(script).do(
        "create",
        "Rain",
        references=[
            PNG,
            MP3,
            "https://clips.test/walk.mp4?x=1",
            "https://pictures.test/no-ending",
            Reference("https://sounds.test/no-ending", kind="audio"),
        ],
    )
    content = json_of(script.asked[0])["content"]
    assert [(item["type"], item["role"]) for item in content] == [
        ("image_url", "reference_image"),
        ("audio_url", "reference_audio"),
        ("video_url", "reference_video"),
        ("image_url", "reference_image"),
        ("audio_url", "reference_audio"),
    ]
    assert content[0]["image_url"]["url"].startswith("data:image/png;base64,iVBORw0KGgo")
    assert content[2]["video_url"] == {"url": "https://clips.test/walk.mp4?x=1"}


async def test_bytes_of_no_known_kind_are_no_reference(stage: Stage) -> None:
    with pytest.raises(ValueError, match="kind"):
        await stage.play(Script()).do("create", "Rain", references=[b"what is this"])


async def test_a_missing_file_is_an_error_before_anything_is_sent(stage: Stage) -> None:
    with pytest.raises(FileNotFoundError):
        await stage.play(Script()).do("create", "Rain", image="no/such/picture.png")


async def test_what_the_server_changed_is_reported(stage: Stage) -> None:
    script = Script(
        told(
            200,
            video_body(),
            Rushes_Ignored_Parameters="colour, metadata.st%C3%A5l",
            Rushes_Coerced_Parameters="seconds=10",
        )
    )
    video = await stage.play(script).do("create", "Rain")
    assert video.ignored_parameters == ("colour", "metadata.stål")
    assert video.coerced_parameters == ("seconds=10",)


async def test_a_page_of_a_proxy_is_no_video(stage: Stage) -> None:
    script = Script(httpx2.Response(200, text="<html>Log in</html>"))
    with pytest.raises(UnexpectedAnswer, match="Log in"):
        await stage.play(script).do("create", "Rain")


async def test_a_server_that_moved_is_named(stage: Stage) -> None:
    moved = httpx2.Response(301, headers={"Location": "https://films.test/v1/videos"})
    with pytest.raises(UnexpectedAnswer, match=r"https://films\.test/v1/videos"):
        await stage.play(Script(moved)).do("create", "Rain")


async def test_create_and_wait_returns_the_film_with_all_its_facts(stage: Stage) -> None:
    script = Script(
        told(200, video_body(), Rushes_Ignored_Parameters="colour"),
        told(200, lean_body("succeeded"), Rushes_Cost_Microusd="0"),
        told(200, video_body("completed"), Rushes_Cost_Microusd="250000"),
    )
    video = await stage.play(script).do("create_and_wait", "Rain")
    assert script.is_told
    assert (video.status, video.progress, video.cost_microusd) == ("completed", 100, 250000)
    assert video.url is not None
    assert video.ignored_parameters == ("colour",)


@pytest.mark.parametrize("verb", ["create_and_wait", "create_and_poll"])
async def test_a_film_is_made_and_waited_for_however_long_it_takes(verb: str, stage: Stage) -> None:
    script = Script(
        told(200, video_body()),
        told(200, lean_body("succeeded")),
        told(200, video_body("completed")),
    )
    video = await stage.play(script).do(verb, prompt="Rain", deadline_s=math.inf)
    assert video.status == "completed"


async def test_create_and_poll_returns_a_failed_video_as_the_retired_client_did(
    stage: Stage,
) -> None:
    def script() -> Script:
        return Script(
            told(200, video_body()),
            told(200, lean_body("failed")),
            told(200, video_body("failed")),
        )

    video = await stage.play(script()).do("create_and_poll", prompt="Rain")
    assert (video.status, video.error.code) == ("failed", "provider_error")
    with pytest.raises(VideoFailed, match="It broke"):
        await stage.play(script()).do("create_and_wait", prompt="Rain")


async def test_a_remix_asks_for_the_video_by_its_id(stage: Stage) -> None:
    script = Script(told(200, video_body(id=OTHER_ID, remixed_from_video_id=ID)))
    video = await stage.play(script).do(
        "remix", ID, prompt="Snow", start_within_s=5, idempotency_key="k"
    )
    (asked,) = script.asked
    assert script.paths == [f"POST /v1/videos/{ID}/remix"]
    assert json_of(asked) == {"prompt": "Snow"}
    assert (asked.headers["idempotency-key"], asked.headers["rushes-start-within"]) == ("k", "5")
    assert (video.id, video.remixed_from_video_id) == (OTHER_ID, ID)


async def test_a_remix_that_the_model_lacks_is_refused_by_the_server(stage: Stage) -> None:
    with pytest.raises(BadRequest) as caught:
        await stage.play(Script(refused(400, "unsupported", "model"))).do("remix", ID, "Snow")
    assert (caught.value.code, caught.value.param) == ("unsupported", "model")
