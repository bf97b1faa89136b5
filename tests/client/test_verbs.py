"""Listing, canceling, deleting, and what the models can do."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx2
import pytest

from client.scripted import (
    ID,
    OTHER_ID,
    Line,
    Script,
    Stage,
    json_of,
    lean_body,
    refused,
    told,
    video_body,
)
from rushes.client import (
    BadRequest,
    ConnectionFailed,
    NotFound,
    UnexpectedAnswer,
    Unsendable,
    Video,
)


def page(*ids: str, more: bool = False) -> httpx2.Response:
    data = [video_body(id=one) for one in ids]
    first, last = (ids[0], ids[-1]) if ids else (None, None)
    body = {"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": more}
    return told(200, body)


OTHER = Video(id=OTHER_ID, status="queued", progress=0)


def ids(start: int, count: int) -> list[str]:
    return [f"video_{number:032x}" for number in range(start, start + count)]


async def test_a_list_turns_its_pages_by_itself(stage: Stage) -> None:
    script = Script(page(*ids(0, 100), more=True), page(*ids(100, 50)))
    videos = await stage.play(script).do("list")
    assert [video.id for video in videos] == ids(0, 150)
    assert script.paths == [
        "GET /v1/videos?limit=100&order=desc",
        f"GET /v1/videos?limit=100&order=desc&after={ids(99, 1)[0]}",
    ]


async def test_a_limit_bounds_the_whole_list_and_asks_for_no_more(stage: Stage) -> None:
    script = Script(page(*ids(0, 100), more=True), page(*ids(100, 20), more=True))
    videos = await stage.play(script).do("list", limit=120, order="asc", after=OTHER_ID)
    assert len(videos) == 120
    assert [asked.url.params["limit"] for asked in script.asked] == ["100", "20"]
    assert script.asked[0].url.params["after"] == OTHER_ID


async def test_a_list_of_none_asks_nothing(stage: Stage) -> None:
    assert await stage.play(Script()).do("list", limit=0) == []


async def test_a_cursor_that_does_not_move_ends_the_list(stage: Stage) -> None:
    script = Script(page(*ids(0, 1), more=True), page(*ids(0, 1), more=True))
    assert len(await stage.play(script).do("list")) == 2
    assert script.is_told


async def test_a_filter_is_asked_in_the_dialect_that_has_it(stage: Stage) -> None:
    item = lean_body("succeeded", created_at=1795437002, model="sandbox")
    body = {"object": "list", "data": [item], "first_id": ID, "last_id": ID, "has_more": False}
    script = Script(told(200, body))
    (video,) = await stage.play(script).do("list", status="completed", model="sandbox")
    assert script.paths == [
        "GET /v1/video/generations?limit=100&order=desc&status=succeeded&model=sandbox"
    ]
    assert (video.status, video.progress, video.model) == ("completed", 100, "sandbox")
    assert (video.url is None, video.prompt) == (False, None)


async def test_one_page_says_whether_there_are_more(stage: Stage) -> None:
    script = Script(page(ID, OTHER_ID, more=True))
    one = await stage.play(script).do("list_page", limit=2, after=OTHER)
    assert ([video.id for video in one.data], one.has_more) == ([ID, OTHER_ID], True)
    assert (one.first_id, one.last_id) == (ID, OTHER_ID)
    assert script.asked[0].url.params["after"] == OTHER_ID


async def test_a_canceled_video_comes_back_as_it_ended(stage: Stage) -> None:
    error = {"code": 499, "message": "Canceled by caller"}
    canceled = {"code": "canceled", "message": "Canceled by caller"}
    script = Script(
        told(200, lean_body("failed", error=error)),
        told(200, video_body("failed", error=canceled), Rushes_Cost_Microusd="9"),
    )
    video = await stage.play(script).do("cancel", ID)
    assert script.paths == [f"POST /v1/video/generations/{ID}/cancel", f"GET /v1/videos/{ID}"]
    assert (video.status, video.error.code, video.cost_microusd) == ("failed", "canceled", 9)


async def test_a_cancel_whose_answer_was_lost_has_worked(stage: Stage) -> None:
    canceled = {"code": "canceled", "message": "Canceled by caller"}
    script = Script(
        httpx2.ReadTimeout("silence"),
        refused(400, "task_already_finished", "task_id"),
        told(200, video_body("failed", error=canceled)),
    )
    video = await stage.play(script).do("cancel", ID)
    assert video.error.code == "canceled"


async def test_a_video_that_ended_by_itself_cannot_be_canceled(stage: Stage) -> None:
    script = Script(
        refused(400, "task_already_finished", "task_id"),
        told(200, video_body("completed")),
        told(200, lean_body("succeeded")),
    )
    with pytest.raises(BadRequest) as caught:
        await stage.play(script).do("cancel", ID)
    assert caught.value.code == "task_already_finished"


async def test_a_cancel_that_is_refused_otherwise_is_raised(stage: Stage) -> None:
    with pytest.raises(BadRequest):
        await stage.play(Script(refused(400, "invalid_value"))).do("cancel", ID)


async def test_a_deleted_video_is_confirmed(stage: Stage) -> None:
    script = Script(told(200, {"id": ID, "object": "video.deleted", "deleted": True}))
    gone = await stage.play(script).do("delete", ID)
    assert (gone.id, gone.deleted) == (ID, True)
    assert script.paths == [f"DELETE /v1/videos/{ID}"]


async def test_a_delete_whose_answer_was_lost_has_worked(stage: Stage) -> None:
    script = Script(httpx2.ReadError("cut"), refused(404, "task_not_found"))
    gone = await stage.play(script).do("delete", ID)
    assert gone.deleted
    assert stage.clock.sleeps == [0.5]


@pytest.mark.parametrize(
    "trouble",
    [
        httpx2.ConnectError("refused"),
        httpx2.PoolTimeout("no connection was free"),
        lambda _: refused(429, "rate_limit_exceeded"),
        lambda _: refused(503, "overloaded"),
    ],
    ids=["not there", "not sent", "too many requests", "overloaded"],
)
async def test_a_delete_that_no_earlier_try_can_have_done_is_an_error(
    trouble: Line, stage: Stage
) -> None:
    script = Script(trouble, trouble, refused(404, "task_not_found"))
    with pytest.raises(NotFound):
        await stage.play(script).do("delete", ID)
    assert script.is_told


@pytest.mark.parametrize(
    "doubt",
    [
        httpx2.ReadError("cut"),
        lambda _: httpx2.Response(502),
        lambda _: httpx2.Response(503),
        lambda _: refused(500, "server_error"),
    ],
    ids=["cut", "502", "503 of a proxy", "500"],
)
async def test_a_delete_that_any_earlier_try_may_have_done_has_worked(
    doubt: Line, stage: Stage
) -> None:
    def sure(_: httpx2.Request) -> httpx2.Response:
        return refused(503, "overloaded")

    for earlier in ((doubt, sure), (sure, doubt), (doubt, sure, sure)):
        script = Script(*earlier, refused(404, "task_not_found"))
        gone = await stage.play(script).do("delete", ID)
        assert (gone.id, gone.deleted, script.is_told) == (ID, True, True)


async def test_a_delete_of_an_unknown_video_is_an_error(stage: Stage) -> None:
    with pytest.raises(NotFound):
        await stage.play(Script(refused(404, "task_not_found"))).do("delete", ID)


async def test_a_delete_is_tried_as_often_as_everything_else(stage: Stage) -> None:
    script = Script(*(httpx2.ReadError("cut") for _ in range(4)))
    with pytest.raises(ConnectionFailed):
        await stage.play(script).do("delete", ID)
    assert script.is_told


@pytest.mark.parametrize("name", ["", ".", ".."])
async def test_an_empty_id_is_refused_before_anything_is_sent(stage: Stage, name: str) -> None:
    for verb in ("retrieve", "wait", "cancel", "delete", "events"):
        with pytest.raises(ValueError, match="id or a name"):
            await stage.play(Script()).do(verb, name)


async def test_an_id_that_is_no_unicode_is_refused_before_anything_is_sent(stage: Stage) -> None:
    for verb in ("retrieve", "cancel", "events"):
        with pytest.raises(Unsendable, match="UTF-8"):
            await stage.play(Script()).do(verb, "video_\udcff")
    with pytest.raises(Unsendable, match="UTF-8"):
        await stage.play(Script()).do("list", model="\udcff")


async def test_an_id_cannot_lead_to_another_path(stage: Stage) -> None:
    script = Script(refused(404, "task_not_found"))
    with pytest.raises(NotFound):
        await stage.play(script).do("retrieve", "../models?x=1#y")
    assert script.paths == ["GET /v1/videos/..%2Fmodels%3Fx%3D1%23y"]


CARD = {
    "id": "veo",
    "object": "model",
    "created": 1795437000,
    "owned_by": "google",
    "rehearsal": True,
    "checked_at": "2026-11-20",
    "retires_at": "2026-12-31",
    "successor": "veo-2",
    "capabilities": {
        "modes": ["text_to_video"],
        "durations": {"allowed": [4, 6, 8], "default": 4},
        "resolutions": {"allowed": ["720p", "1080p"], "default": "1080p"},
        "ratios": {"allowed": [], "default": None},
        "sizes": ["1792x1024"],
        "audio": {"mode": "always", "default": True},
        "inputs": {"prompt": "required"},
        "price": None,
    },
}


async def test_a_model_tells_what_it_takes(stage: Stage) -> None:
    script = Script(told(200, CARD), told(200, {"object": "list", "data": [CARD]}))
    both = stage.play(script)
    model = await both.models("retrieve", "veo")
    assert script.paths == ["GET /v1/models/veo"]
    assert (model.seconds.allowed, model.seconds.default) == ((4, 6, 8), 4)
    assert (model.resolutions.default, model.ratios.allowed) == ("1080p", ())
    assert (str(model.retires_at), model.successor) == ("2026-12-31", "veo-2")
    assert (model.is_rehearsal, model.audio, model.sizes) == (True, "always", ("1792x1024",))
    assert model.capabilities["inputs"] == {"prompt": "required"}
    assert await both.models("list") == (model,)


async def test_a_model_without_a_card_is_unexpected(stage: Stage) -> None:
    with pytest.raises(UnexpectedAnswer, match="object"):
        await stage.play(Script(told(200, {"id": "veo"}))).models("retrieve", "veo")


# -- a price beforehand, and our own key -------------------------------------------------------

QUOTE = {
    "object": "quote",
    "model": "wan2.5-t2v-preview",
    "seconds": 5,
    "size": "1280x720",
    "resolution": "720p",
    "ratio": "16:9",
    "with_audio": True,
    "rehearsal": False,
    "hold_microusd": 500_000,
    "price": "$0.10 a second of film at 720p.",
}


async def test_a_quote_asks_what_a_create_would_come_to(stage: Stage) -> None:
    script = Script(told(200, QUOTE, Rushes_Ignored_Parameters="style", Rushes_Model="wan"))
    quote = await stage.play(script).do(
        "quote",
        "a boat",
        model="wan2.5-t2v-preview",
        seconds=5,
        audio=True,
        image=b"\x89PNG\r\n\x1a\n",
        extra_body={"style": "noir"},
    )
    (asked,) = script.asked
    assert script.paths == ["POST /v1/video/quotes"]
    assert "Idempotency-Key" not in asked.headers
    assert json_of(asked) == {
        "model": "wan2.5-t2v-preview",
        "prompt": "a boat",
        "seconds": 5,
        "generate_audio": True,
        "image": "data:image/png;base64,iVBORw0KGgo=",
        "style": "noir",
    }
    assert (quote.cost_max_microusd, quote.price) == (500_000, "$0.10 a second of film at 720p.")
    assert (quote.seconds, quote.size, quote.with_audio) == (5, "1280x720", True)
    assert (quote.ignored_parameters, quote.served_by) == (("style",), "wan")


async def test_a_quote_takes_what_a_create_takes_and_nothing_else(stage: Stage) -> None:
    with pytest.raises(TypeError, match=r"quote\(\) got an unexpected keyword argument 'style'"):
        await stage.play(Script()).do("quote", "a boat", style="noir")


async def test_a_key_tells_what_it_is(stage: Stage) -> None:
    limits = {
        "requests_per_s": None, "submits_per_minute": 60, "in_flight_max": 2, "queued_max": None,
    }  # fmt: skip
    budget = {
        "owner": "key_1", "period": "month", "limit_microusd": 25, "spent_microusd": 5,
        "left_microusd": 20,
    }  # fmt: skip
    body = {
        "object": "key", "id": "key_1", "name": "ci", "prefix": "sk-live-1a2b",
        "account_id": "acct_1", "account_name": "default", "is_test": False,
        "scopes": ["generate", "read"], "models": None, "expires_at": 1795437000,
        "limits": limits, "account_limits": limits, "budgets": [budget], "operators": "here",
    }  # fmt: skip
    script = Script(told(200, body), told(200, {**body, "models": ["sora-2"], "expires_at": None}))
    both = stage.play(script)
    key, other = await both.key(), await both.key()
    assert script.paths == ["GET /v1/key"] * 2
    assert (key.name, key.scopes, key.models) == ("ci", ("generate", "read"), None)
    assert (key.limits.in_flight_max, key.limits.requests_per_s) == (2, None)
    assert [(one.period, one.left_microusd) for one in key.budgets] == [("month", 20)]
    assert key.expires_at == datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
    assert (other.models, other.expires_at) == (("sora-2",), None)
