"""`ark`: what is told upstream, and how its words are read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rushes.domain.errors import Blame, Reason
from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import _ark_terms, ark
from rushes.providers._ark_orders import FAMILIES, Family, Order, family_of, objection, told
from rushes.providers._ark_terms import LOOK_AGAIN_S, Terms
from rushes.providers.answers import Answer, judge_submit
from rushes.providers.ark import WORDS, Ark
from rushes.providers.base import (
    Absent,
    Busy,
    CancelOutcome,
    FilmLost,
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
from rushes.providers.registry import Misconfigured, build
from rushes.providers.rest import Credential, Rest
from rushes.settings import ProviderSettings
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.ark import ArkServer, Settings
from rushes.testing.simulators.films import tiny_film, tiny_still
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.script import Rule

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = "ark-Winter42Winter42"
TOKEN = "f" * 32
MODEL = "doubao-seedance-2-0-260128"
SPEC = Spec(
    model="seedance-2-0",
    mode=Mode.TEXT_TO_VIDEO,
    prompt="A paper boat on a quiet canal.",
    seconds=5,
    size=Size(1280, 720),
    seed=7,
    resolution="720p",
    ratio="16:9",
    with_audio=True,
)
GOLDENS = sorted((Path(__file__).parent / "goldens" / "ark").glob("*.json"))
BY_TOKEN = Terms(finds_by_token=True)


class Folder:
    """Assets in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def path_of(self, blob: str) -> Path:
        return self.folder / blob


class House:
    """A provider and its upstream."""

    def __init__(self, clock: ManualClock, server: ArkServer, provider: Ark) -> None:
        self.clock = clock
        self.server = server
        self.provider = provider

    def upset(self, on: str, fault: str, **more: Any) -> None:
        self.server.script.clear()
        self.server.script.add(Rule(on, fault, **more))

    def says(self, on: str, body: object, status: int = 200) -> None:
        self.upset(on, "answer", value={"status": status, "body": body})

    async def submit(
        self, spec: Spec = SPEC, folder: Path = Path("/nowhere"), *, token: str = TOKEN
    ) -> dict[str, Any]:
        ticket = await self.provider.submit(
            spec, upstream_model=MODEL, token=token, assets=Folder(folder)
        )
        return dict(ticket)

    async def find(self, spec: Spec = SPEC, *, token: str = TOKEN) -> object:
        return await self.provider.find(token, spec, upstream_model=MODEL, since=NOON)

    async def outcome(self, ticket: dict[str, Any], **body: object) -> object:
        self.says("retrieve", {"id": ticket["id"], **body})
        return await self.provider.check(ticket)


@asynccontextmanager
async def a_house(terms: Terms | None = None, **settings: Any) -> AsyncIterator[House]:
    clock = ManualClock(NOON)
    server = ArkServer(clock=clock, settings=Settings(key=KEY, **settings))
    async with serving(server) as port:
        rest = Rest(f"http://127.0.0.1:{port}/api/v3", Credential("env:KEY", KEY))
        provider = Ark("ark", rest, terms)
        try:
            yield House(clock, server, provider)
        finally:
            await provider.close()


# -- what is told ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_a_spec_is_told_in_the_words_of_ark(path: Path) -> None:
    golden = json.loads(path.read_text())
    spec = msgspec.convert(golden["spec"], Spec)
    terms = _ark_terms.read(golden.get("options", {})).terms
    sentence = objection(spec, golden["upstream_model"], terms)
    assert sentence == golden.get("refused", "")
    if not sentence:
        media, rings_at = golden["media"], golden.get("callback_url")
        order = Order(golden["upstream_model"], TOKEN, media, rings_at, terms)
        assert told(spec, order) == golden["body"]


def test_every_mode_has_a_golden() -> None:
    modes = {json.loads(path.read_text())["spec"]["mode"] for path in GOLDENS}
    assert modes == set(Mode)


async def test_the_body_arrives_as_the_golden_says(tmp_path: Path) -> None:
    image, sound = tiny_still("PNG"), b"ID3"
    (tmp_path / ("a" * 64)).write_bytes(image)
    for path in GOLDENS:
        golden = json.loads(path.read_text())
        if "refused" in golden:
            continue
        spec = msgspec.convert(golden["spec"], Spec)
        (tmp_path / ("b" * 64)).write_bytes(sound)
        spec = replace(spec, assets=tuple(_heard(asset) for asset in spec.assets))
        terms = _ark_terms.read(golden.get("options", {})).terms
        async with a_house(terms) as house:
            ticket = await house.provider.submit(
                spec,
                upstream_model=golden["upstream_model"],
                token=TOKEN,
                assets=Folder(tmp_path),
                callback_url=golden.get("callback_url"),
            )
            arrived = dict(house.server.jobs[str(ticket["id"])].fields)
            [seen] = [seen for seen in house.server.seen if seen.method == "POST"]
        for given, golden_part in zip(arrived["content"], golden["body"]["content"], strict=True):
            assert given["type"] == golden_part["type"]
            assert given.get("role") == golden_part.get("role")
            if given["type"] == "audio_url":
                assert given["audio_url"]["url"] == "data:audio/mp3;base64,SUQz"
        expected = {**golden["body"], "content": arrived["content"]}
        assert arrived == expected
        assert seen.headers["x-client-request-id"] == TOKEN
        assert seen.headers["content-type"] == "application/json"


def _heard(asset: Asset) -> Asset:
    return replace(asset, blob="b" * 64) if asset.role is Role.REFERENCE_AUDIO else asset


@pytest.mark.parametrize(
    ("models", "family"),
    [
        (("doubao-seedance-1-0-lite-t2v-250428",), FAMILIES["1.0"]),
        (("seedance-1.5-pro",), FAMILIES["1.5"]),
        (("dreamina-seedance-2-0-mini-260615",), FAMILIES["2.0"]),
        (("ep-20261123-abcde", "doubao-seedance-2-5-260628"), FAMILIES["2.5"]),
        (("ep-20261123-abcde", "our-name"), Family()),
        (("dreamina-seedance-4-0",), Family()),
    ],
)
def test_a_model_is_known_by_the_first_name_that_tells(
    models: tuple[str, ...], family: Family
) -> None:
    assert family_of(*models) == family


@pytest.mark.parametrize(
    "prompt",
    ["A boat --dur 12", "--rs 1080p", "A boat\n--Duration 12", "x --wm true --cf false", "a --fps"],
)
def test_a_prompt_gives_no_commands(prompt: str) -> None:
    assert "as a parameter" in objection(replace(SPEC, prompt=prompt), MODEL, Terms())


@pytest.mark.parametrize("prompt", ["A boat--dur 12", "rain -- then sun", "--durable boats", "--"])
def test_a_dash_is_no_command(prompt: str) -> None:
    assert objection(replace(SPEC, prompt=prompt), MODEL, Terms()) == ""


def with_image(**changes: Any) -> Spec:
    asset = Asset(Role.FIRST_FRAME, "image", blob="b" * 64, content_type="image/png")
    return replace(SPEC, mode=Mode.IMAGE_TO_VIDEO, assets=(replace(asset, **changes),))


async def test_a_file_that_cannot_be_read_now_is_not_sent(tmp_path: Path) -> None:
    async with a_house() as house:
        with pytest.raises(Busy, match="not sent: the first_frame cannot be read"):
            await house.submit(with_image(), tmp_path)
        assert house.server.seen == []


async def test_a_file_nobody_fetched_and_a_clip_without_a_link_are_refused_unsent() -> None:
    clip = Asset(Role.REFERENCE_VIDEO, "content[0]", blob="b" * 64, content_type="video/mp4")
    referred = replace(SPEC, mode=Mode.REFERENCE_TO_VIDEO, assets=(clip,))
    async with a_house() as house:
        for spec in (with_image(blob=None, url="https://example.org/a.png"), referred):
            with pytest.raises(Refused) as refused:
                await house.submit(spec)
            assert refused.value.blame is Blame.PROVIDER
        assert house.server.seen == []


async def test_files_that_are_too_large_together_are_refused_unsent(tmp_path: Path) -> None:
    with (tmp_path / ("b" * 64)).open("wb") as file:
        file.truncate(25_000_000)
    image = Asset(Role.REFERENCE_IMAGE, "images[0]", blob="b" * 64, content_type="image/png")
    spec = replace(SPEC, mode=Mode.REFERENCE_TO_VIDEO, assets=(image, image))
    async with a_house() as house:
        with pytest.raises(Refused, match="too large together"):
            await house.submit(spec, tmp_path)
        assert house.server.seen == []


# -- answers to a submit --------------------------------------------------------------------

CODES: list[tuple[int, str, type[Exception], Reason | None, Blame | None]] = [
    (400, "MissingParameter", Refused, Reason.PARAMETERS_REFUSED, Blame.CALLER),
    (400, "InvalidParameter", Refused, Reason.PARAMETERS_REFUSED, Blame.CALLER),
    (400, "InvalidParameter.TaskTypeConstraint", Refused, Reason.PARAMETERS_REFUSED, Blame.CALLER),
    (400, "InvalidImageURL.InvalidFormat", Refused, Reason.PARAMETERS_REFUSED, Blame.CALLER),
    (400, "SensitiveContentDetected", Refused, Reason.CONTENT_REFUSED, Blame.CALLER),
    (400, "SensitiveContentDetected.Violence", Refused, Reason.CONTENT_REFUSED, Blame.CALLER),
    (400, "InputTextSensitiveContentDetected", Refused, Reason.CONTENT_REFUSED, Blame.CALLER),
    (
        400,
        "InputImageSensitiveContentDetected.PrivacyInformation",
        Refused,
        Reason.CONTENT_REFUSED,
        Blame.CALLER,
    ),
    (400, "InputTextRiskDetection", Refused, Reason.CONTENT_REFUSED, Blame.CALLER),
    (400, "ContentSecurityDetectionError", Busy, None, None),
    (400, "InvalidEndpoint.ClosedEndpoint", Refused, Reason.PROVIDER_UNUSABLE, Blame.PROVIDER),
    (401, "AuthenticationError", Refused, Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    (401, "InvalidAccountStatus", Refused, Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    (403, "AccessDenied", Refused, Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    (403, "AccountOverdueError", Refused, Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    (403, "OperationDenied.ServiceOverdue", Refused, Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    (403, "OperationDenied.ServiceNotOpen", Refused, Reason.PROVIDER_UNUSABLE, Blame.PROVIDER),
    (404, "ModelNotOpen", Refused, Reason.PROVIDER_UNUSABLE, Blame.PROVIDER),
    (404, "InvalidEndpoint.NotFound", Refused, Reason.PROVIDER_UNUSABLE, Blame.PROVIDER),
    (404, "InvalidEndpointOrModel.NotFound", Refused, Reason.PROVIDER_UNUSABLE, Blame.PROVIDER),
    (404, "UnsupportedModel", Refused, Reason.PROVIDER_UNUSABLE, Blame.PROVIDER),
    (409, "Conflict", InDoubt, None, None),
    (429, "RateLimitExceeded.EndpointRPMExceeded", Busy, None, None),
    (429, "ModelAccountRpmRateLimitExceeded", Busy, None, None),
    (429, "QuotaExceeded", Busy, None, None),
    (429, "ServerOverloaded", Busy, None, None),
    (429, "RequestBurstTooFast", Busy, None, None),
    (429, "InflightBatchsizeExceeded", Busy, None, None),
    (429, "ModelLoadingError", Busy, None, None),
    (429, "SomethingNew", Busy, None, None),
    (429, "SetLimitExceeded", Refused, Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    (500, "InternalServiceError", InDoubt, None, None),
    (500, "ServerOverloaded", InDoubt, None, None),
    (503, "ServerOverloaded", Busy, None, None),
    (503, "ServiceUnavailable", InDoubt, None, None),
]


@pytest.mark.parametrize(("status", "code", "verdict", "reason", "blame"), CODES)
def test_every_code_proves_what_it_proves(
    status: int,
    code: str,
    verdict: type[Exception],
    reason: Reason | None,
    blame: Blame | None,
) -> None:
    body = {"error": {"code": code, "message": "No. Request id: 1", "param": "", "type": "X"}}
    said = judge_submit(Answer(status, {}, json.dumps(body).encode()), WORDS)
    assert type(said) is verdict
    if isinstance(said, Refused):
        assert (said.failure.reason, said.blame) == (reason, blame)


@pytest.mark.parametrize("body", [{}, {"id": ""}, {"id": 7}, {"id": "a\nb"}, {"id": None}, []])
async def test_a_success_without_an_id_is_doubt(body: object) -> None:
    async with a_house() as house:
        house.says("create", body)
        with pytest.raises(InDoubt, match="HTTP 200 without an id"):
            await house.submit()


async def test_an_id_is_quoted_in_a_path() -> None:
    async with a_house() as house:
        house.says("create", {"id": "a/../b?c"})
        ticket = await house.submit()
        with pytest.raises(NotThere):
            await house.provider.check(ticket)
        assert house.server.seen[-1].path == "/api/v3/contents/generations/tasks/a%2F..%2Fb%3Fc"


# -- looks ----------------------------------------------------------------------------------


async def test_an_operator_may_have_looks_be_rare() -> None:
    async with a_house(Terms(look_again_s=60)) as house:
        assert await house.provider.check(await house.submit()) == Working(None, 60)


async def test_a_task_is_watched_to_its_film_and_its_tokens() -> None:
    async with a_house(Terms(returns_last_frame=True)) as house:
        ticket = await house.submit()
        assert await house.provider.check(ticket) == Working(None, LOOK_AGAIN_S)
        house.clock.advance(2)
        assert await house.provider.check(ticket) == Working(None, LOOK_AGAIN_S)
        house.clock.advance(1)
        outcome = await house.provider.check(ticket)
    assert isinstance(outcome, Ready)
    assert set(outcome.film) == {"url", "last_frame_url"}
    assert outcome.film["url"].startswith("http://localhost:")
    assert outcome.usage == {
        "completion_tokens": 108000,
        "total_tokens": 108000,
        "duration": 5,
        "resolution": "720p",
        "ratio": "16:9",
        "framespersecond": 24,
        "service_tier": "default",
    }


@pytest.mark.parametrize("word", ["queued", "running"])
async def test_words_of_work(word: str) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        assert await house.outcome(ticket, status=word) == Working(None, LOOK_AGAIN_S)


@pytest.mark.parametrize(
    ("word", "reason", "part"),
    [
        ("expired", Reason.TIMED_OUT, "not finished in time"),
        ("cancelled", Reason.PROVIDER_FAILED, "canceled the task"),
        ("failed", Reason.PROVIDER_FAILED, "failed to make"),
    ],
)
async def test_words_of_loss(word: str, reason: Reason, part: str) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        outcome = await house.outcome(ticket, status=word)
    assert isinstance(outcome, Lost)
    assert outcome.failure.reason is reason
    assert part in outcome.failure.message


@pytest.mark.parametrize("word", ["Succeeded", "canceled", "processing", ""])
async def test_a_word_that_is_not_known_is_neither_work_nor_loss(word: str) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        with pytest.raises(NotUnderstood) as raised:
            await house.outcome(ticket, status=word)
    assert not isinstance(raised.value, NotThere)


FAILURES = [
    ("OutputVideoSensitiveContentDetected", Reason.CONTENT_REFUSED),
    ("OutputVideoSensitiveContentDetected.PolicyViolation", Reason.CONTENT_REFUSED),
    ("OutputAudioSensitiveContentDetected", Reason.CONTENT_REFUSED),
    ("OutputImageRiskDetection", Reason.CONTENT_REFUSED),
    ("AccountOverdueError", Reason.PROVIDER_UNUSABLE),
    ("SetLimitExceeded", Reason.PROVIDER_UNUSABLE),
    ("ModelNotOpen", Reason.PROVIDER_UNUSABLE),
    ("InvalidEndpointOrModel.NotFound", Reason.PROVIDER_UNUSABLE),
    ("ServerOverloaded", Reason.PROVIDER_RATE_LIMITED),
    ("RateLimitExceeded.EndpointTPMExceeded", Reason.PROVIDER_RATE_LIMITED),
    ("InvalidParameter.UnsupportedParameter", Reason.PARAMETERS_REFUSED),
    ("InternalServiceError", Reason.PROVIDER_FAILED),
    ("SomethingNew", Reason.PROVIDER_FAILED),
]


@pytest.mark.parametrize(("code", "reason"), FAILURES)
async def test_a_failed_task_is_lost_for_a_reason(code: str, reason: Reason) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        error = {"code": code, "message": "Your account [210] at http://10.0.0.5/x says no."}
        outcome = await house.outcome(ticket, status="failed", error=error)
    assert isinstance(outcome, Lost)
    assert outcome.failure.reason is reason
    assert "10.0.0.5" not in outcome.failure.message
    if reason is Reason.PROVIDER_UNUSABLE:
        assert "210" not in outcome.failure.message


@pytest.mark.parametrize(
    "content",
    [None, {}, [], "x", {"video_url": ""}, {"video_url": "/films/1"}, {"video_url": "file:///a"}],
)
async def test_a_success_without_a_film_is_not_there(content: object) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        with pytest.raises(NotThere, match="without a film"):
            await house.outcome(ticket, status="succeeded", content=content)


async def test_a_last_frame_does_not_make_a_handle_too_large() -> None:
    link = "https://films.example.org/" + "a" * 2000
    content = {"video_url": link, "last_frame_url": link}
    async with a_house() as house:
        ticket = await house.submit()
        outcome = await house.outcome(ticket, status="succeeded", content=content)
    assert outcome == Ready({"url": link}, {})


@pytest.mark.parametrize(
    ("status", "body", "trouble"),
    [
        (200, {"id": "another", "status": "succeeded"}, NotUnderstood),
        (200, {"id": "TICKET", "status": None}, NotUnderstood),
        (200, [], NotUnderstood),
        (404, {"error": {"message": "No.", "code": "NotFound.Task"}}, NotThere),
        (500, {"status": "failed"}, Unreachable),
    ],
)
async def test_what_is_not_our_task_teaches_nothing(
    status: int, body: object, trouble: type[Exception]
) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.says("retrieve", json.loads(json.dumps(body).replace("TICKET", ticket["id"])), status)
        with pytest.raises(trouble) as raised:
            await house.provider.check(ticket)
    assert type(raised.value) is trouble


async def test_a_task_that_is_not_done_in_time_expires() -> None:
    async with a_house(Terms(expires_after_s=3600)) as house:
        house.upset("create", "never_ends")
        ticket = await house.submit()
        house.clock.advance(3600)
        outcome = await house.provider.check(ticket)
    assert isinstance(outcome, Lost)
    assert outcome.failure.reason is Reason.TIMED_OUT


# -- cancel ---------------------------------------------------------------------------------


async def test_only_a_queued_task_is_deleted() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        assert await house.provider.cancel(ticket) is CancelOutcome.CANCELED
        assert [seen.method for seen in house.server.seen] == ["POST", "GET", "DELETE"]
        for seconds in (1.5, 60):
            ticket = await house.submit()
            house.clock.advance(seconds)
            assert await house.provider.cancel(ticket) is CancelOutcome.TOO_LATE
        methods = [seen.method for seen in house.server.seen[3:]]
        assert methods == ["POST", "GET", "POST", "GET"]


async def test_a_cancel_whose_answer_was_lost_is_seen_to_have_come_through() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.upset("delete", "drop", accepted=True)
        with pytest.raises(Unreachable):
            await house.provider.cancel(ticket)
        assert await house.provider.cancel(ticket) is CancelOutcome.CANCELED
        assert isinstance(await house.provider.check(ticket), Lost)


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (200, "", CancelOutcome.CANCELED),
        (409, "InvalidAction.RunningTaskDeletion", CancelOutcome.TOO_LATE),
        (400, "InvalidAction.RunningTaskDeletion", CancelOutcome.TOO_LATE),
        (404, "NotFound.Task", CancelOutcome.TOO_LATE),
        (405, "MethodNotAllowed", CancelOutcome.UNSUPPORTED),
        (501, "NotImplemented", CancelOutcome.UNSUPPORTED),
    ],
)
async def test_a_delete_comes_to(status: int, code: str, outcome: CancelOutcome) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.says("delete", {"error": {"code": code, "message": "x"}}, status)
        assert await house.provider.cancel(ticket) is outcome


@pytest.mark.parametrize(
    ("status", "trouble"), [(500, Unreachable), (401, Unreachable), (400, NotUnderstood)]
)
async def test_a_delete_that_teaches_nothing_is_asked_again(
    status: int, trouble: type[Exception]
) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.says("delete", {}, status)
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


async def test_without_a_token_nothing_is_found_but_an_empty_list_is_absence() -> None:
    """A list that keeps silent about prompts cannot tell our task from another's."""
    async with a_house() as house:
        assert await house.find() == Absent()
        await house.submit()
        assert await house.find() == Unknown()
        house.clock.advance(60)
        assert await house.find() == Unknown()
        assert await house.find(replace(SPEC, seed=8)) == Absent()


async def test_a_task_that_cannot_be_ours_does_not_disturb() -> None:
    async with a_house() as house:
        for changes in ({"seconds": 4}, {"seed": 8}, {"resolution": "480p"}, {"ratio": "1:1"}):
            await house.submit(replace(SPEC, **changes))
        house.clock.advance(60)
        assert await house.find() == Absent()


async def test_a_token_finds_its_own_task_among_equals() -> None:
    async with a_house(BY_TOKEN) as house:
        tickets = [await house.submit(token=letter * 32) for letter in "abc"]
        for letter, ticket in zip("abc", tickets, strict=True):
            assert await house.find(token=letter * 32) == Found(ticket)
        assert await house.find(token="d" * 32) == Absent()


async def test_where_tokens_do_not_come_back_nothing_is_known() -> None:
    async with a_house(BY_TOKEN, tells_token=False) as house:
        await house.submit()
        assert await house.find() == Unknown()


async def test_a_model_that_takes_no_token_is_not_sent_or_searched_for_one() -> None:
    spec = replace(SPEC, model="doubao-seedance-1-5-pro-251215")
    async with a_house(BY_TOKEN) as house:
        ticket = await house.provider.submit(
            spec, upstream_model=spec.model, token=TOKEN, assets=Folder(Path("/nowhere"))
        )
        assert "safety_identifier" not in house.server.jobs[str(ticket["id"])].fields
        found = await house.provider.find(TOKEN, spec, upstream_model=spec.model, since=NOON)
        assert found == Unknown()


async def test_a_find_reads_page_after_page_and_stops_at_the_intent() -> None:
    async with a_house(BY_TOKEN) as house:
        ours = await house.submit()
        for _ in range(250):
            house.server._accept({"model": MODEL, "content": []}, None)
        assert await house.find() == Found(ours)
        pages = [seen.query for seen in house.server.seen if seen.method == "GET"]
        assert pages == [f"page_num={number}&page_size=100" for number in (1, 2, 3)]
        for _ in range(150):
            house.clock.advance(60)
            house.server._accept({"model": MODEL, "content": []}, None)
        since = house.clock.now()
        found = await house.provider.find("e" * 32, SPEC, upstream_model=MODEL, since=since)
        assert found == Unknown()  # the newest have no token and are queued: they might be ours
        assert len([seen for seen in house.server.seen if seen.method == "GET"]) == 4


async def test_a_find_that_sees_no_end_knows_nothing() -> None:
    async with a_house(BY_TOKEN) as house:
        await house.submit()
        for _ in range(1200):
            fields = {"model": MODEL, "content": [], "safety_identifier": "another"}
            house.server._accept(fields, None)
        assert await house.find() == Unknown()


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"total": 0, "items": []}, Absent()),
        ({"total": 0, "items": None}, Absent()),
        ({"total": 3, "items": []}, Unknown()),
        ({"total": 1, "items": ["nonsense"]}, Unknown()),
    ],
)
async def test_lists_of_other_shapes(body: object, found: object) -> None:
    async with a_house() as house:
        house.says("list", body)
        assert await house.find() == found


@pytest.mark.parametrize("body", [[], {"items": []}, {"total": 1}, {"total": True, "items": []}])
async def test_a_list_that_is_none_is_not_understood(body: object) -> None:
    async with a_house() as house:
        house.says("list", body)
        with pytest.raises(NotUnderstood):
            await house.find()


# -- films ----------------------------------------------------------------------------------


async def test_a_film_is_fetched_without_the_key_until_its_link_ends() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.clock.advance(3)
        outcome = await house.provider.check(ticket)
        assert isinstance(outcome, Ready)
        async with house.provider.open(outcome.film) as stream:
            assert b"".join([part async for part in stream.chunks]) == tiny_film()
        [fetch] = [seen for seen in house.server.seen if seen.path.startswith("/films/")]
        assert "authorization" not in fetch.headers
        house.clock.advance(24 * 3600)
        with pytest.raises(FilmLost):
            async with house.provider.open(outcome.film):
                pass
        assert await house.provider.check(ticket) == outcome  # a look signs nothing anew


async def test_where_a_look_signs_a_fresh_link_it_is_taken() -> None:
    async with a_house(refreshes=True) as house:
        ticket = await house.submit()
        house.clock.advance(3)
        spent = await house.provider.check(ticket)
        house.clock.advance(24 * 3600)
        fresh = await house.provider.check(ticket)
        assert isinstance(fresh, Ready)
        assert fresh != spent
        async with house.provider.open(fresh.film) as stream:
            assert b"".join([part async for part in stream.chunks]) == tiny_film()


@pytest.mark.parametrize("film", [{}, {"id": "cgt-1"}, {"url": 7}, {"url": "file:///etc/passwd"}])
async def test_a_film_that_is_not_ours_is_not_understood(film: dict[str, object]) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood):
            house.provider.open(film)


# -- hints, and what an operator says -------------------------------------------------------


async def test_hints_are_taken_and_prove_nothing() -> None:
    async with a_house() as house:
        assert house.provider.takes_hints
        assert house.provider.looks_per_s_max is None
        assert house.provider.hint({"x-anything": "at all"}, b"{}") is None


def built(**options: object) -> Any:
    base_url = options.pop("base_url", None)
    credential = Credential("env:ARK_API_KEY", KEY)
    return build("ark", name="ark", base_url=base_url, credential=credential, options=options)  # type: ignore[arg-type] # text or None


@pytest.mark.parametrize(("region", "address"), list(_ark_terms.REGIONS.items()))
async def test_a_region_stands_for_an_address(region: str, address: str) -> None:
    provider = built(region=region)
    assert str(provider._rest._base) == address
    await provider.close()


def test_an_operator_who_names_a_region_needs_no_address() -> None:
    written = ProviderSettings(
        name="ark", kind="ark", api_key="env:ARK_API_KEY", options={"region": "intl"}
    )
    assert written.base_url is None


async def test_an_operators_terms_are_kept() -> None:
    provider = built(
        base_url="https://ark.example.org/api/v3",
        service_tier="flex",
        execution_expires_after=7200,
        return_last_frame=True,
        find="token",
        look_again_s=60,
        submit_timeout_s=90,
        ask_timeout_s=5,
    )
    assert provider._terms == Terms(
        "flex", 7200, returns_last_frame=True, finds_by_token=True, look_again_s=60.0
    )
    assert provider._rest._timeouts.submit_s == 90.0
    assert provider._rest._timeouts.read_s == 5.0
    await provider.close()


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({}, "either region"),
        ({"region": "cn", "base_url": "https://ark.example.org"}, "either region"),
        ({"region": "moon"}, "one of cn, intl"),
        ({"region": "cn", "service_tier": "fast"}, "one of default, flex"),
        ({"region": "cn", "execution_expires_after": 60}, "from 3600 to 259200"),
        ({"region": "cn", "execution_expires_after": True}, "from 3600 to 259200"),
        ({"region": "cn", "return_last_frame": "yes"}, "true or false"),
        ({"region": "cn", "find": "prompt"}, "one of list, token"),
        ({"region": "cn", "ask_timeout_s": 0}, "above 0"),
        ({"region": "cn", "look_again_s": 0}, "above 0"),
        ({"region": "cn", "speed": 1}, "no option 'speed'"),
    ],
)
def test_what_an_operator_cannot_mean_is_refused(options: dict[str, object], part: str) -> None:
    with pytest.raises(Misconfigured, match=part):
        built(**options)


def test_a_profile_and_a_missing_key_are_refused() -> None:
    for change in ({"profile": "x"}, {"credential": None}):
        arguments = {
            "name": "ark",
            "base_url": None,
            "credential": Credential("env:KEY", KEY),
            "profile": None,
            "options": {"region": "cn"},
        }
        with pytest.raises(ValueError, match="ark "):
            ark.build(**(arguments | change))  # type: ignore[arg-type] # by name
