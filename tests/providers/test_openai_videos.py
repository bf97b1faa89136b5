"""`openai_videos`, profile `openai`: what is told upstream, and how its words are read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rushes.domain.errors import Blame, Reason
from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers.answers import Answer
from rushes.providers.base import (
    Absent,
    Busy,
    CancelOutcome,
    Found,
    InDoubt,
    Lost,
    NotThere,
    NotUnderstood,
    Ready,
    Refused,
    Unknown,
    Unreachable,
    Working,
)
from rushes.providers.openai_videos import (
    LOOK_AGAIN_S_MAX,
    LOOK_AGAIN_S_MIN,
    OpenAIVideos,
    told,
)
from rushes.providers.profiles import OPENAI
from rushes.providers.rest import Credential, Rest
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.films import tiny_film, tiny_still
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.openai_videos import OpenAIVideosServer, Settings
from rushes.testing.simulators.script import Rule

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = "sk-Winter42Winter42"
TOKEN = "f" * 32
SPEC = Spec(
    model="sora-2",
    mode=Mode.TEXT_TO_VIDEO,
    prompt="A paper boat on a quiet canal.",
    seconds=8,
    size=Size(1280, 720),
    seed=7,
)
GOLDENS = sorted((Path(__file__).parent / "goldens" / "openai_videos").glob("*.json"))


class Folder:
    """Assets in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def path_of(self, blob: str) -> Path:
        return self.folder / blob


class House:
    """A provider and its upstream."""

    def __init__(
        self, clock: ManualClock, server: OpenAIVideosServer, provider: OpenAIVideos
    ) -> None:
        self.clock = clock
        self.server = server
        self.provider = provider

    def upset(self, on: str, fault: str, **more: Any) -> None:
        self.server.script.clear()
        self.server.script.add(Rule(on, fault, **more))

    async def submit(self, spec: Spec = SPEC, folder: Path = Path("/nowhere")) -> dict[str, Any]:
        ticket = await self.provider.submit(
            spec, upstream_model="sora-2", token=TOKEN, assets=Folder(folder)
        )
        return dict(ticket)

    async def find(self, spec: Spec = SPEC) -> object:
        return await self.provider.find(TOKEN, spec, upstream_model="sora-2", since=NOON)


@asynccontextmanager
async def a_house(**settings: Any) -> AsyncIterator[House]:
    clock = ManualClock(NOON)
    server = OpenAIVideosServer(clock=clock, settings=Settings(key=KEY, **settings))
    async with serving(server) as port:
        rest = Rest(f"http://127.0.0.1:{port}/v1", Credential("env:KEY", KEY))
        provider = OpenAIVideos("gpu", rest)
        try:
            yield House(clock, server, provider)
        finally:
            await provider.close()


# -- what is told ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_a_spec_is_told_in_the_words_of_the_protocol(path: Path) -> None:
    golden = json.loads(path.read_text())
    spec = msgspec.convert(golden["spec"], Spec)
    if "refused" in golden:
        with pytest.raises(Refused) as refused:
            told(spec, golden["upstream_model"], OPENAI)
        assert refused.value.failure.reason is Reason.PARAMETERS_REFUSED
        assert refused.value.failure.message == golden["refused"]
        assert refused.value.blame is Blame.PROVIDER
    else:
        words = told(spec, golden["upstream_model"], OPENAI)
        assert [list(field) for field in words.fields] == golden["fields"]
        assert [name for name, _ in words.files] == (golden["file"] or [])[:1]
        assert words.references == ()


def test_every_mode_has_a_golden() -> None:
    modes = {json.loads(path.read_text())["spec"]["mode"] for path in GOLDENS}
    assert modes == set(Mode)


async def test_the_form_arrives_as_the_golden_says(tmp_path: Path) -> None:
    image = tiny_still("PNG")
    (tmp_path / ("a" * 64)).write_bytes(image)
    async with a_house() as house:
        for path in GOLDENS:
            golden = json.loads(path.read_text())
            if "refused" in golden:
                continue
            ticket = await house.provider.submit(
                msgspec.convert(golden["spec"], Spec),
                upstream_model=golden["upstream_model"],
                token=TOKEN,
                assets=Folder(tmp_path),
            )
            arrived = house.server.jobs[str(ticket["id"])].fields
            expected: dict[str, object] = dict(golden["fields"])
            if golden["file"]:
                expected["input_reference"] = image
            assert arrived == expected
        submits = [seen for seen in house.server.seen if seen.method == "POST"]
    assert {seen.headers["x-client-request-id"] for seen in submits} == {TOKEN}
    assert all(seen.headers["content-type"].startswith("multipart/form-data") for seen in submits)


async def test_half_a_character_in_a_prompt_is_no_crash() -> None:
    async with a_house() as house:
        ticket = await house.submit(replace(SPEC, prompt="a \ud83d boat"))
        assert house.server.jobs[ticket["id"]].prompt == "a ? boat"


def with_image(**changes: Any) -> Spec:
    asset = Asset(Role.FIRST_FRAME, "image", blob="b" * 64, content_type="image/png")
    return replace(SPEC, mode=Mode.IMAGE_TO_VIDEO, assets=(replace(asset, **changes),))


async def test_a_first_frame_that_cannot_be_read_now_is_not_sent(tmp_path: Path) -> None:
    async with a_house() as house:
        with pytest.raises(Busy, match="not sent: the first_frame cannot be read"):
            await house.submit(with_image(), tmp_path)
        assert house.server.seen == []


async def test_a_first_frame_nobody_fetched_is_our_own_fault() -> None:
    async with a_house() as house:
        with pytest.raises(Refused) as refused:
            await house.submit(with_image(blob=None, url="https://example.org/a.png"))
        assert (refused.value.failure.reason, refused.value.blame) == (Reason.INTERNAL, Blame.HOUSE)
        assert house.server.seen == []


async def test_an_image_the_upstream_does_not_take_is_the_callers_fault(tmp_path: Path) -> None:
    (tmp_path / ("b" * 64)).write_bytes(b"GIF89a")
    async with a_house() as house:
        with pytest.raises(Refused) as refused:
            await house.submit(with_image(), tmp_path)
    assert refused.value.blame is Blame.CALLER


# -- answers to a submit --------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"object": "video"},
        {"id": ""},
        {"id": 7},
        {"id": "x" * 600},
        {"id": "a\nb"},
        {"id": None},
        ["video_1"],
        {"error": {"message": "No.", "code": "invalid_value"}},
    ],
)
async def test_a_success_without_an_id_is_doubt(body: object) -> None:
    async with a_house() as house:
        house.upset("create", "answer", value={"status": 200, "body": body})
        with pytest.raises(InDoubt, match="HTTP 200 without an id"):
            await house.submit()


@pytest.mark.parametrize("status", [200, 201, 202])
async def test_an_id_is_a_ticket_whatever_else_is_said(status: int) -> None:
    body = {"id": "a/../b?c", "status": "no word at all", "error": "x"}
    async with a_house() as house:
        house.upset("create", "answer", value={"status": status, "body": body})
        ticket = await house.submit()
        assert ticket == {"id": "a/../b?c"}
        with pytest.raises(NotThere):
            await house.provider.check(ticket)
        assert house.server.seen[-1].path == "/v1/videos/a%2F..%2Fb%3Fc"


async def test_a_retired_model_does_not_end_in_the_callers_lap() -> None:
    async with a_house(models=frozenset({"sora-3"})) as house:
        with pytest.raises(Refused) as refused:
            await house.submit()
    assert refused.value.blame is Blame.PROVIDER
    assert "need the operator" in refused.value.failure.message
    assert "model" in refused.value.note


# -- looks ----------------------------------------------------------------------------------


async def test_progress_and_usage_are_told() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        assert await house.provider.check(ticket) == Working(0, 1.0)
        house.clock.advance(2)
        assert await house.provider.check(ticket) == Working(50, 1.0)
        house.clock.advance(1)
        assert await house.provider.check(ticket) == Ready(
            {"id": ticket["id"]}, {"seconds": "8", "size": "1280x720"}
        )


async def test_without_advice_the_profile_paces_the_looks() -> None:
    async with a_house(poll_after_ms=None) as house:
        ticket = await house.submit()
        assert await house.provider.check(ticket) == Working(0, OPENAI.look_again_s)


ADVISED = OpenAIVideos("gpu", Rest("http://gpu/v1"))


@given(st.text(max_size=20) | st.integers().map(str) | st.floats().map(str))
def test_advice_is_taken_within_reason(text: str) -> None:
    wait_s = ADVISED._look_again_s(Answer(200, {"openai-poll-after-ms": text}))
    assert LOOK_AGAIN_S_MIN <= wait_s <= LOOK_AGAIN_S_MAX


FAILURES: list[tuple[object, Reason, str]] = [
    (
        {"code": "content_policy_violation", "message": "Not this."},
        Reason.CONTENT_REFUSED,
        "Not this.",
    ),
    ({"code": "moderation_blocked", "message": "No."}, Reason.CONTENT_REFUSED, "No."),
    (
        {"code": "sentinel_block", "type": "invalid_request_error"},
        Reason.CONTENT_REFUSED,
        "content policy",
    ),
    ({"code": "input_moderation", "message": "No."}, Reason.CONTENT_REFUSED, "No."),
    ({"code": "invalid_request", "message": "Too wide."}, Reason.PARAMETERS_REFUSED, "Too wide."),
    ({"code": None, "type": "invalid_request_error"}, Reason.PARAMETERS_REFUSED, "parameters"),
    ({"code": "rate_limited", "message": "Slow."}, Reason.PROVIDER_RATE_LIMITED, "Slow."),
    ({"code": "rate_limit_exceeded"}, Reason.PROVIDER_RATE_LIMITED, "rate limit"),
    (
        {"code": "insufficient_quota", "message": "Pay us at https://x"},
        Reason.PROVIDER_UNUSABLE,
        "operator",
    ),
    ({"code": "server_error", "message": "Ouch."}, Reason.PROVIDER_FAILED, "Ouch."),
    ({"code": "timed_out", "message": "1800 s"}, Reason.PROVIDER_FAILED, "1800 s"),
    ({"code": 500, "message": "CUDA out of memory"}, Reason.PROVIDER_FAILED, "CUDA"),
    ({"message": "See http://10.0.0.5:8000/log"}, Reason.PROVIDER_FAILED, "See [address]"),
    ("It broke.", Reason.PROVIDER_FAILED, "It broke."),
    (None, Reason.PROVIDER_FAILED, "failed to make"),
    ([], Reason.PROVIDER_FAILED, "failed to make"),
]


@pytest.mark.parametrize(("error", "reason", "part"), FAILURES)
async def test_a_failed_video_is_lost_for_a_reason(
    error: object, reason: Reason, part: str
) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        body = {"id": ticket["id"], "status": "failed", "error": error}
        house.upset("retrieve", "answer", value={"status": 200, "body": body})
        outcome = await house.provider.check(ticket)
    assert isinstance(outcome, Lost)
    assert outcome.failure.reason is reason
    assert part in outcome.failure.message


@pytest.mark.parametrize("status", [400, 404, 422, 500, 503])
async def test_a_video_inside_an_http_error_is_read(status: int) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        error = {"code": status, "message": "CUDA out of memory"}
        body = {"id": ticket["id"], "object": "video", "status": "failed", "error": error}
        house.upset("retrieve", "answer", value={"status": status, "body": body})
        assert isinstance(await house.provider.check(ticket), Lost)


@pytest.mark.parametrize(
    ("status", "body", "trouble"),
    [
        (200, {"id": "another", "status": "completed"}, NotUnderstood),
        (200, {"status": "completed"}, NotUnderstood),
        (200, {"id": "TICKET", "status": None}, NotUnderstood),
        (200, {"id": "TICKET", "status": ["completed"]}, NotUnderstood),
        (200, {"id": "TICKET", "status": "Completed"}, NotUnderstood),
        (200, {"id": "TICKET", "status": "cancelled"}, NotUnderstood),
        (200, [], NotUnderstood),
        (404, {"id": "another", "status": "failed"}, NotThere),
        (404, {"error": {"message": "No.", "code": None}}, NotThere),
        (500, {"status": "failed"}, Unreachable),
        (307, {}, NotUnderstood),
    ],
)
async def test_what_is_not_our_video_teaches_nothing(
    status: int, body: object, trouble: type[Exception]
) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        text = json.dumps(body).replace("TICKET", ticket["id"])
        house.upset("retrieve", "answer", value={"status": status, "body": json.loads(text)})
        with pytest.raises(trouble) as raised:
            await house.provider.check(ticket)
    assert type(raised.value) is trouble


@pytest.mark.parametrize("ticket", [{}, {"id": 7}, {"id": ""}, {"task_id": "x"}])
async def test_a_ticket_that_is_not_ours_is_not_understood(ticket: dict[str, object]) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood, match="not ours"):
            await house.provider.check(ticket)
        with pytest.raises(NotUnderstood, match="not ours"):
            await house.provider.cancel(ticket)
        assert house.server.seen == []


# -- cancel ---------------------------------------------------------------------------------


async def test_a_cancel_looks_first_and_deletes_only_what_is_unfinished() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        assert await house.provider.cancel(ticket) is CancelOutcome.CANCELED
        assert [seen.method for seen in house.server.seen] == ["POST", "GET", "DELETE"]
        assert house.server.jobs == {}
        ticket = await house.submit()
        house.clock.advance(60)
        assert await house.provider.cancel(ticket) is CancelOutcome.TOO_LATE
        assert [seen.method for seen in house.server.seen[3:]] == ["POST", "GET"]


async def test_a_server_that_only_deletes_finished_videos_cannot_stop_one() -> None:
    async with a_house(stops=False) as house:
        ticket = await house.submit()
        assert await house.provider.cancel(ticket) is CancelOutcome.TOO_LATE
        house.clock.advance(60)
        assert isinstance(await house.provider.check(ticket), Ready)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, CancelOutcome.CANCELED),
        (204, CancelOutcome.CANCELED),
        (400, CancelOutcome.TOO_LATE),
        (404, CancelOutcome.TOO_LATE),
        (409, CancelOutcome.TOO_LATE),
        (405, CancelOutcome.UNSUPPORTED),
        (501, CancelOutcome.UNSUPPORTED),
    ],
)
async def test_a_delete_comes_to(status: int, outcome: CancelOutcome) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.upset("delete", "answer", value={"status": status, "body": {}})
        assert await house.provider.cancel(ticket) is outcome


@pytest.mark.parametrize(
    ("status", "trouble"), [(500, Unreachable), (403, Unreachable), (422, NotUnderstood)]
)
async def test_a_delete_that_teaches_nothing_is_asked_again(
    status: int, trouble: type[Exception]
) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.upset("delete", "answer", value={"status": status, "body": {}})
        with pytest.raises(trouble):
            await house.provider.cancel(ticket)


async def test_a_cancel_of_what_is_not_understood_deletes_nothing() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.upset("retrieve", "unknown_word")
        with pytest.raises(NotUnderstood):
            await house.provider.cancel(ticket)
        assert "DELETE" not in [seen.method for seen in house.server.seen]


# -- find -----------------------------------------------------------------------------------


async def test_a_find_reads_page_after_page_back_to_the_intent() -> None:
    async with a_house() as house:
        ours = await house.submit()
        for number in range(250):
            house.clock.advance(0.1)
            house.server._accept({"prompt": f"film {number}", "model": "sora-2"}, None)
        assert await house.find() == Found(ours, is_alike=True)
        queries = [seen.query for seen in house.server.seen if seen.method == "GET"]
        assert len(queries) == 3
        assert all("limit=100&order=desc" in query for query in queries)


async def test_a_find_stops_at_the_intent() -> None:
    async with a_house() as house:
        for number in range(250):
            house.server._accept({"prompt": f"old {number}"}, None)
            house.clock.advance(1)
        house.clock.advance(1000)
        found = await house.provider.find(
            TOKEN, SPEC, upstream_model="sora-2", since=house.clock.now()
        )
        assert found == Absent()
        assert len(house.server.seen) == 1


async def test_a_find_that_sees_no_end_knows_nothing() -> None:
    async with a_house() as house:
        await house.submit()
        for number in range(1200):
            house.server._accept({"prompt": f"film {number}", "model": "sora-2"}, None)
        assert await house.find() == Unknown()


async def test_an_unsorted_list_is_read_to_its_end() -> None:
    async with a_house() as house:
        for number in range(150):
            house.server._accept({"prompt": f"old {number}"}, None)
            house.clock.advance(1)
        house.clock.advance(1000)
        ours = await house.submit()
        house.upset("list", "unsorted")
        found = await house.provider.find(
            TOKEN, SPEC, upstream_model="sora-2", since=house.clock.now()
        )
        assert found == Found(ours, is_alike=True)


async def test_a_film_whose_length_the_provider_chose_is_found_without_it() -> None:
    spec = replace(SPEC, seconds=-1)
    async with a_house() as house:
        ours = await house.submit(spec)
        assert await house.find(spec) == Found(ours, is_alike=True)


@pytest.mark.parametrize(
    "changes",
    [{"prompt": "Another."}, {"seconds": 4}, {"size": Size(720, 1280)}],
)
async def test_a_film_that_differs_is_not_ours(changes: dict[str, Any]) -> None:
    async with a_house() as house:
        await house.submit(replace(SPEC, **changes))
        assert await house.find() == Absent()


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_a_server_without_a_list_knows_nothing(status: int) -> None:
    async with a_house() as house:
        house.upset("list", "answer", value={"status": status, "body": {}})
        assert await house.find() == Unknown()


ITEM = {
    "id": "video_1", "created_at": int(NOON.timestamp()), "prompt": SPEC.prompt,
    "model": "sora-2", "seconds": "8", "size": "1280x720",
}  # fmt: skip


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"data": [ITEM], "has_more": False}, Found({"id": "video_1"}, is_alike=True)),
        ({"data": [ITEM]}, Found({"id": "video_1"}, is_alike=True)),
        ({"data": [ITEM | {"seconds": 8}]}, Found({"id": "video_1"}, is_alike=True)),
        ({"data": [ITEM, "nonsense", None]}, Found({"id": "video_1"}, is_alike=True)),
        ({"data": [ITEM], "has_more": True}, Unknown()),
        ({"data": [], "has_more": True}, Unknown()),
        ({"data": []}, Absent()),
        ({"data": [ITEM | {"created_at": None}]}, Unknown()),
    ],
)
async def test_lists_of_other_shapes(body: object, found: object) -> None:
    async with a_house() as house:
        house.upset("list", "answer", value={"status": 200, "body": body})
        assert await house.find() == found


@pytest.mark.parametrize("body", [[], {"data": None}, {"items": []}])
async def test_a_list_that_is_none_is_not_understood(body: object) -> None:
    async with a_house() as house:
        house.upset("list", "answer", value={"status": 200, "body": body})
        with pytest.raises(NotUnderstood):
            await house.find()


async def test_a_find_for_what_cannot_be_made_is_no_refusal() -> None:
    async with a_house() as house:
        assert await house.find(replace(SPEC, mode=Mode.REMIX)) == Absent()


# -- films ----------------------------------------------------------------------------------


async def test_an_empty_or_wrong_film_is_left_to_the_probe_but_a_page_is_not() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.clock.advance(60)
        outcome = await house.provider.check(ticket)
        assert isinstance(outcome, Ready)
        for fault, content in (
            ("empty", b""),
            ("short", tiny_film()[: len(tiny_film()) // 2]),
            ("html_as_video", None),
        ):
            house.upset("content", fault)
            async with house.provider.open(outcome.film) as stream:
                came = b"".join([part async for part in stream.chunks])
            assert content is None or came == content


async def test_a_film_of_a_ticket_that_is_not_ours_is_not_understood() -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood):
            house.provider.open({"url": "https://example.org/film.mp4"})


async def test_since_is_an_instant_of_any_zone() -> None:
    async with a_house() as house:
        ours = await house.submit()
        since = NOON.astimezone(tz=None) + timedelta(seconds=30)
        found = await house.provider.find(TOKEN, SPEC, upstream_model="sora-2", since=since)
        assert found == Found(ours, is_alike=True)
