"""`gemini`: what is told upstream, how its words are read, and where the key goes."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rushes.domain.errors import Blame, Reason
from rushes.domain.spec import Asset, Mode, Role, Spec
from rushes.providers import gemini
from rushes.providers._gemini_answers import WORDS, complaint_in, read, video_in
from rushes.providers._gemini_orders import objection, told
from rushes.providers.answers import Answer, judge_submit
from rushes.providers.base import (
    Busy,
    CancelOutcome,
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
from rushes.providers.gemini import LOOK_AGAIN_S, Gemini
from rushes.providers.registry import Misconfigured, build
from rushes.providers.rest import EAR, Call, Credential
from rushes.testing.conformance.scenes.gemini import KEY, MODEL, SPEC
from rushes.testing.conformance.scenes.simulated import NOON
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.films import tiny_film, tiny_still
from rushes.testing.simulators.gemini import USAGE, GeminiServer
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.script import Rule

TOKEN = "f" * 32
GOLDENS = sorted((Path(__file__).parent / "goldens" / "gemini").glob("*.json"))
VIDEO = {"type": "video", "uri": "https://x.example/v1beta/files/abc", "mime_type": "video/mp4"}


class Folder:
    """Assets in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def path_of(self, blob: str) -> Path:
        return self.folder / blob


class House:
    """A provider and its upstream."""

    def __init__(self, clock: ManualClock, server: GeminiServer, provider: Gemini) -> None:
        self.clock = clock
        self.server = server
        self.provider = provider

    def upset(self, on: str, fault: str, **more: Any) -> None:
        self.server.script.clear()
        self.server.script.add(Rule(on, fault, **more))

    async def submit(self, spec: Spec = SPEC, folder: Path = Path("/nowhere")) -> dict[str, Any]:
        ticket = await self.provider.submit(
            spec, upstream_model=MODEL, token=TOKEN, assets=Folder(folder)
        )
        return dict(ticket)

    async def outcome(self, **body: object) -> object:
        """Have an interaction that is told so, and look at it."""
        self.server.script.clear()
        ticket = await self.submit()
        told = {"id": ticket["id"], **body}
        self.upset("look", "answer", value={"status": 200, "body": told})
        return await self.provider.check(ticket)

    async def bytes_of(self, film: Any) -> bytes:
        async with self.provider.open(film) as stream:
            return b"".join([chunk async for chunk in stream.chunks])


@asynccontextmanager
async def a_house(**options: object) -> AsyncIterator[House]:
    clock = ManualClock(NOON)
    server = GeminiServer(clock=clock, key=KEY)
    async with serving(server) as port:
        provider = gemini.build(
            name="gemini",
            base_url=f"http://127.0.0.1:{port}/v1beta",
            credential=Credential("env:KEY", KEY),
            profile=None,
            options=options,
        )
        try:
            yield House(clock, server, provider)
        finally:
            await provider.close()


def steps(*content: object) -> list[object]:
    return [{"type": "model_output", "content": list(content)}]


# -- what is told ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_a_spec_is_told_in_the_words_of_an_interaction(path: Path) -> None:
    golden = json.loads(path.read_text())
    spec = msgspec.convert(golden["spec"], Spec)
    assert objection(spec) == golden.get("refused", "")
    if "refused" not in golden:
        pictures = [(kind, base64) for kind, base64 in golden.get("pictures", [])]
        assert told(spec, pictures, MODEL) == golden["body"]


def test_every_mode_has_a_golden() -> None:
    assert {json.loads(path.read_text())["spec"]["mode"] for path in GOLDENS} == set(Mode)


async def test_a_create_arrives_in_the_background_with_the_files_inside(tmp_path: Path) -> None:
    (tmp_path / ("a" * 64)).write_bytes(tiny_still("PNG"))
    first = Asset(Role.FIRST_FRAME, "image", blob="a" * 64, content_type="image/png")
    spec = replace(SPEC, mode=Mode.IMAGE_TO_VIDEO, assets=(first,))
    async with a_house() as house:
        ticket = await house.submit(spec, tmp_path)
        [job] = house.server.jobs.values()
        [seen] = house.server.seen
    assert ticket == {"id": job.id}
    assert job.fields["background"] is True
    assert seen.path == "/v1/interactions"
    assert seen.headers["x-goog-api-key"] == KEY
    assert "authorization" not in seen.headers


async def test_a_file_that_cannot_be_read_is_met_before_anything_is_sent() -> None:
    first = Asset(Role.FIRST_FRAME, "image", blob="a" * 64, content_type="image/png")
    async with a_house() as house:
        with pytest.raises(Busy, match="not sent"):
            await house.submit(replace(SPEC, mode=Mode.IMAGE_TO_VIDEO, assets=(first,)))
        assert house.server.seen == []


async def test_who_listens_to_calls_hears_that_they_had_the_key() -> None:
    heard: list[Call] = []
    async with a_house() as house:
        EAR.set(heard.append)
        await house.submit()
        EAR.set(None)
    assert heard == [Call("POST", "/v1/interactions", is_own=True, has_key=True, status=200)]


# -- what its words come to -----------------------------------------------------------------


async def test_a_film_is_a_file_that_opens_with_the_key() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        assert await house.provider.check(ticket) == Working(None, LOOK_AGAIN_S)
        house.clock.advance(60)
        outcome = await house.provider.check(ticket)
        assert isinstance(outcome, Ready)
        assert outcome.usage == {
            name: value for name, value in USAGE.items() if name.startswith("total_")
        }
        assert await house.bytes_of(outcome.film) == tiny_film()
        seen = house.server.seen[-1]
    assert seen.path == f"/{outcome.film['file']}:download"
    assert (seen.query, seen.headers["x-goog-api-key"]) == ("alt=media", KEY)


@pytest.mark.parametrize(
    ("uri", "film"),
    [
        ("https://x.example/v1beta/files/abc:download?alt=media", {"file": "v1beta/files/abc"}),
        ("https://x.example/v1/files/abc", {"file": "v1/files/abc"}),
        ("files/abc-1", {"file": "v1beta/files/abc-1"}),
        ("https://cdn.example/a.mp4?sig=1", {"link": "https://cdn.example/a.mp4?sig=1"}),
    ],
)
async def test_a_film_is_named_by_its_file_or_else_by_its_link(
    uri: str, film: dict[str, str]
) -> None:
    async with a_house() as house:
        outcome = await house.outcome(status="completed", steps=steps({**VIDEO, "uri": uri}))
    assert outcome == Ready(film)


async def test_a_film_inside_the_answer_is_taken_from_there() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        said = steps({"type": "video", "data": "AAAA"})
        body = {"id": ticket["id"], "status": "completed", "steps": said}
        house.upset("look", "answer", value={"status": 200, "body": body})
        outcome = await house.provider.check(ticket)
        assert outcome == Ready({"id": ticket["id"]})
        assert await house.bytes_of(ticket) == b"\0\0\0"
        house.upset("look", "bad_base64")
        with pytest.raises(NotUnderstood, match="base64"):
            await house.bytes_of(ticket)
        house.upset("look", "empty_handed")
        with pytest.raises(NotThere):
            await house.bytes_of(ticket)


def test_the_film_is_that_of_the_last_turn() -> None:
    old, new = {**VIDEO, "uri": "files/old"}, {**VIDEO, "uri": "files/new"}
    turns = [*steps(old), {"type": "user_input", "content": []}, *steps(new)]
    assert video_in({"steps": turns}) == new
    assert video_in({"steps": turns[:2]}) is None


@pytest.mark.parametrize(
    ("body", "reason", "message"),
    [
        ({"status": "failed"}, Reason.PROVIDER_FAILED, ""),
        ({"status": "incomplete"}, Reason.PROVIDER_FAILED, "before the film was whole"),
        ({"status": "cancelled"}, Reason.PROVIDER_FAILED, "stopped"),
        ({"status": "requires_action"}, Reason.PROVIDER_FAILED, ""),
        (
            {"status": "failed", "errors": [{"code": "https://x.example/errors/safety"}]},
            Reason.CONTENT_REFUSED,
            "",
        ),
        (
            {"status": "failed", "errors": [{"message": "It violates the content policy."}]},
            Reason.CONTENT_REFUSED,
            "content policy",
        ),
        (
            {
                "status": "completed",
                "steps": [
                    {"type": "model_output", "error": {"code": 3, "message": "Blocked by safety."}}
                ],
            },
            Reason.CONTENT_REFUSED,
            "Blocked",
        ),
        (
            {"status": "failed", "errors": [{"code": "invalid_argument", "message": "Too long."}]},
            Reason.PARAMETERS_REFUSED,
            "Too long.",
        ),
        (
            {"status": "failed", "errors": [{"code": "permission_denied", "message": "Pay."}]},
            Reason.PROVIDER_UNUSABLE,
            "",
        ),
        (
            {"status": "failed", "errors": [{"code": "deadline_exceeded"}]},
            Reason.TIMED_OUT,
            "",
        ),
    ],
)
async def test_what_has_ended_without_a_film_is_lost_for_a_reason(
    body: dict[str, object], reason: Reason, message: str
) -> None:
    async with a_house() as house:
        outcome = await house.outcome(**body)
    assert isinstance(outcome, Lost)
    assert outcome.failure.reason is reason
    assert message in outcome.failure.message
    assert "Pay." not in outcome.failure.message


async def test_an_empty_success_without_a_word_of_content_is_no_verdict() -> None:
    async with a_house() as house:
        text = {"type": "text", "text": "Here is your video."}
        with pytest.raises(NotThere):
            await house.outcome(status="completed", steps=steps(text))


@pytest.mark.parametrize(
    "body",
    [
        {"status": "idle"},
        {"status": 7},
        {},
        {"status": "completed", "id": "v1_of_another", "steps": steps(VIDEO)},
        {"status": "completed", "steps": steps({**VIDEO, "uri": "gs://films/a.mp4"})},
        {"status": "completed", "steps": steps({**VIDEO, "uri": 7})},
    ],
)
async def test_what_is_outside_the_contract_is_ignorance(body: dict[str, object]) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood):
            await house.outcome(**body)


@pytest.mark.parametrize(
    ("status", "error", "verdict", "retry_after_s"),
    [
        (429, {"code": "too_many_requests", "message": "Slow."}, Busy, None),
        (429, {"code": 429, "details": [{"retryDelay": "2.5s"}]}, Busy, 2.5),
        (400, {"code": "invalid_argument", "message": "Bad length."}, Refused, None),
        (403, {"status": "PERMISSION_DENIED", "message": "No."}, Refused, None),
        (404, {"code": "not_found", "message": "No model."}, Refused, None),
        (409, {"code": "aborted", "message": "Again."}, InDoubt, None),
        (500, {"code": "internal", "message": "Oh."}, InDoubt, None),
        (503, {"status": "UNAVAILABLE", "message": "Later."}, InDoubt, None),
        (504, {"status": "DEADLINE_EXCEEDED", "message": "Slow."}, InDoubt, None),
    ],
)
def test_an_answer_to_a_submit_proves_so_much(
    status: int, error: object, verdict: type[Exception], retry_after_s: float | None
) -> None:
    answer = read(Answer(status, {}, msgspec.json.encode({"error": error})))
    judged = judge_submit(answer, WORDS)
    assert isinstance(judged, verdict)
    assert getattr(judged, "retry_after_s", None) == retry_after_s


@pytest.mark.parametrize(
    ("fault", "reason", "blame"),
    [
        ("invalid", Reason.PARAMETERS_REFUSED, Blame.CALLER),
        ("moderated", Reason.CONTENT_REFUSED, Blame.CALLER),
        ("precondition", Reason.PROVIDER_UNUSABLE, Blame.PROVIDER),
        ("unauthorized", Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
        ("forbidden", Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
        ("out_of_money", Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
        ("model_retired", Reason.PROVIDER_UNUSABLE, Blame.PROVIDER),
    ],
)
async def test_a_refusal_blames_whoever_can_help(fault: str, reason: Reason, blame: Blame) -> None:
    async with a_house() as house:
        house.upset("create", fault)
        with pytest.raises(Refused) as raised:
            await house.submit()
    assert (raised.value.failure.reason, raised.value.blame) == (reason, blame)
    assert raised.value.is_retired == (fault == "model_retired")


def test_an_error_has_its_word_in_any_of_three_shapes() -> None:
    shapes = ({"code": 8}, {"code": "resource_exhausted"}, {"status": "RESOURCE_EXHAUSTED"})
    assert {complaint_in(shape).code for shape in shapes} == {"RESOURCE_EXHAUSTED"}
    assert complaint_in({"code": "https://x.example/e#resource-exhausted"}).code == (
        "RESOURCE_EXHAUSTED"
    )
    assert complaint_in({"code": ["?"], "details": ["?"]}).code == ""


# -- cancel and find ------------------------------------------------------------------------


async def test_a_bad_key_says_nothing_of_a_task_that_is_to_be_stopped() -> None:
    """It is 400 here, as is what comes too late; only the second is a word about the task."""
    async with a_house() as house:
        ticket = await house.submit()
        house.upset("cancel", "unauthorized", times=1)
        with pytest.raises(Unreachable):
            await house.provider.cancel(ticket)
        house.upset("look", "unauthorized", times=1)
        with pytest.raises(Unreachable):
            await house.provider.check(ticket)
        assert await house.provider.cancel(ticket) is CancelOutcome.CANCELED
        assert await house.provider.cancel(ticket) is CancelOutcome.CANCELED


@pytest.mark.parametrize(
    ("body", "ignorance"),
    [({"status": "in_progress"}, Unreachable), ({"status": "pondering"}, NotUnderstood)],
)
async def test_a_cancel_that_stopped_nothing_yet_is_asked_again(
    body: dict[str, str], ignorance: type[Exception]
) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.upset("cancel", "answer", value={"status": 200, "body": {**ticket, **body}})
        with pytest.raises(ignorance):
            await house.provider.cancel(ticket)


async def test_nothing_is_found_and_nobody_asked() -> None:
    async with a_house() as house:
        found = await house.provider.find(TOKEN, SPEC, upstream_model=MODEL, since=NOON)
        assert found == Unknown()
        assert house.server.seen == []


@pytest.mark.parametrize("ticket", [{}, {"id": ""}, {"id": 7}, {"id": "a\nb"}])
async def test_a_ticket_that_is_not_ours_is_not_understood(ticket: dict[str, object]) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood, match="not ours"):
            await house.provider.check(ticket)


@pytest.mark.parametrize("film", [{"file": "../x"}, {"file": "v1/files/a/b"}, {"link": "gs://a"}])
async def test_a_film_that_is_not_ours_is_not_understood(film: dict[str, object]) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood):
            await house.bytes_of(film)
        assert house.server.seen == []


# -- secrets and setup ----------------------------------------------------------------------


async def test_nothing_secret_is_logged_or_told(caplog: pytest.LogCaptureFixture) -> None:
    said = []
    with caplog.at_level(logging.DEBUG):
        async with a_house() as house:
            ticket = await house.submit()
            for fault in ("echo", "unauthorized", "drop", "html", "server_error"):
                house.upset("create", fault)
                with pytest.raises((Refused, Busy, InDoubt)) as raised:
                    await house.submit()
                said.append(f"{raised.value} {getattr(raised.value, 'note', '')}")
            for on, asked in (("look", "check"), ("cancel", "cancel")):
                house.upset(on, "unauthorized")
                with pytest.raises(Unreachable) as unreachable:
                    await getattr(house.provider, asked)(ticket)
                said.append(f"{unreachable.value} {unreachable.value.note}")
            house.server.script.clear()
            house.clock.advance(60)
            outcome = await house.provider.check(ticket)
            assert isinstance(outcome, Ready)
            house.upset("file", "forbidden")
            with pytest.raises(Unreachable) as unreachable:
                await house.bytes_of(outcome.film)
            said.append(str(unreachable.value))
    for line in [*said, caplog.text]:
        assert KEY not in line
    assert SPEC.prompt not in caplog.text


@pytest.mark.parametrize(
    "base_url", [None, "https://p.example", "https://p.example/v1", "https://p.example/v1beta/"]
)
def test_the_version_in_an_address_is_not_said_twice(base_url: str | None) -> None:
    built = build(
        "gemini",
        name="lab",
        base_url=base_url,
        credential=Credential("env:KEY", KEY),
        options={"look_again_s": 3},
    )
    assert isinstance(built, Gemini)
    assert str(built._rest._base) in {gemini.BASE_URL, "https://p.example"}


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"profile": "pro"}, "no profile 'pro'"),
        ({"credential": None}, "needs an api_key"),
        ({"options": {"colour": 1}}, "no option 'colour'"),
        ({"options": {"ask_timeout_s": 0}}, "above 0"),
        ({"options": {"look_again_s": True}}, "above 0"),
        ({"base_url": "films"}, "no http"),
        ({"credential": Credential("env:KEY", "two\nlines")}, "visible ASCII"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(
    more: dict[str, Any], sentence: str
) -> None:
    usual: dict[str, Any] = {"credential": Credential("env:KEY", KEY), "options": {}}
    with pytest.raises(Misconfigured, match=sentence):
        build("gemini", name="lab", **{**usual, **more})
