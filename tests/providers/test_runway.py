"""`runway`: what is told upstream, how its words are read, what a cancel spares, who sees the key.

What every provider promises is in the conformance suite, where this one is enrolled by standing
in the package.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rushes.domain.errors import Blame, Reason
from rushes.domain.spec import Asset, Mode, Role, Spec
from rushes.providers import runway
from rushes.providers._runway_answers import WORDS, read
from rushes.providers._runway_orders import MODELS, MODES, objection, path_of, told
from rushes.providers.answers import Answer, judge_submit
from rushes.providers.base import (
    Busy,
    CancelOutcome,
    FilmLost,
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
from rushes.providers.rest import Credential
from rushes.providers.runway import DATA_URI_CHARACTERS_MAX, Runway
from rushes.testing.conformance.scenes.runway import KEY, MODEL, SPEC
from rushes.testing.conformance.scenes.simulated import NOON
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.films import tiny_film, tiny_still
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.runway import RunwayServer
from rushes.testing.simulators.runway_bodies import issues_with
from rushes.testing.simulators.runway_errors import REPLIES, unfit
from rushes.testing.simulators.script import Rule

TOKEN = "f" * 32
GOLDENS = sorted((Path(__file__).parent / "goldens" / "runway").glob("*.json"))
FIRST = Asset(Role.FIRST_FRAME, "image", blob="a" * 64, content_type="image/png")
FRAMED = replace(SPEC, mode=Mode.IMAGE_TO_VIDEO, assets=(FIRST,))


class Folder:
    """Assets in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def path_of(self, blob: str) -> Path:
        return self.folder / blob


class House:
    """A provider and its upstream."""

    def __init__(self, clock: ManualClock, server: RunwayServer, provider: Runway) -> None:
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

    async def outcome(self, **task: object) -> object:
        """Have a task told so, and look at it."""
        ticket = await self.submit()
        body = {"id": ticket["id"], **task}
        self.server.script.add(Rule("look", "answer", value={"status": 200, "body": body}))
        return await self.provider.check(ticket)


@asynccontextmanager
async def a_house(concurrency: int = 20, **options: object) -> AsyncIterator[House]:
    clock = ManualClock(NOON)
    server = RunwayServer(clock=clock, key=KEY, concurrency=concurrency)
    async with serving(server) as port:
        provider = runway.build(
            name="runway",
            base_url=f"http://127.0.0.1:{port}",
            credential=Credential("env:RUNWAYML_API_SECRET", KEY),
            profile=None,
            options=options,
        )
        try:
            yield House(clock, server, provider)
        finally:
            await provider.close()


# -- what is told ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_a_spec_is_told_in_the_words_of_its_model(path: Path) -> None:
    golden = json.loads(path.read_text())
    spec, model = msgspec.convert(golden["spec"], Spec), golden["upstream_model"]
    assert objection(spec, model) == golden.get("refused", "")
    if "refused" not in golden:
        assert path_of(spec) == golden["path"]
        assert told(spec, model, golden.get("media", [])) == golden["body"]


def test_every_mode_and_every_model_has_a_golden() -> None:
    goldens = [json.loads(path.read_text()) for path in GOLDENS]
    assert {golden["spec"]["mode"] for golden in goldens} == set(Mode)
    assert {golden["upstream_model"] for golden in goldens if "body" in golden} == set(MODELS)
    assert {mode for model in MODELS.values() for mode in model.sizes} == MODES


async def test_a_create_arrives_with_the_version_the_key_and_the_file_inside(
    tmp_path: Path,
) -> None:
    (tmp_path / ("a" * 64)).write_bytes(tiny_still("PNG"))
    async with a_house() as house:
        ticket = await house.submit(FRAMED, tmp_path)
        [job] = house.server.jobs.values()
        [seen] = house.server.seen
    assert ticket == {"id": job.id}
    assert seen.path == "/v1/image_to_video"
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.headers["x-runway-version"] == "2024-11-06"
    [image] = msgspec.convert(job.fields["promptImage"], list[dict[str, str]])
    assert image["position"] == "first"
    assert image["uri"].startswith("data:image/png;base64,")


async def test_a_file_that_cannot_be_read_is_met_before_anything_is_sent() -> None:
    async with a_house() as house:
        with pytest.raises(Busy, match="not sent"):
            await house.submit(FRAMED)
        assert house.server.seen == []


async def test_a_file_too_large_for_a_body_goes_by_its_public_address(tmp_path: Path) -> None:
    (tmp_path / ("a" * 64)).write_bytes(bytes(DATA_URI_CHARACTERS_MAX * 3 // 4))
    public = replace(FIRST, url="https://pictures.example.org/boat.png")
    async with a_house() as house:
        await house.submit(replace(FRAMED, assets=(public,)), tmp_path)
        [job] = house.server.jobs.values()
        assert job.fields["promptImage"] == [{"uri": public.url, "position": "first"}]
        for url in (None, "http://pictures.example.org/boat.png"):
            with pytest.raises(Refused, match="too large") as refused:
                await house.submit(replace(FRAMED, assets=(replace(FIRST, url=url),)), tmp_path)
            assert refused.value.blame is Blame.PROVIDER
        assert len(house.server.seen) == 1


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("text_to_video", {"model": "gen4_turbo"}),
        ("text_to_video", {"model": "gen4.5", "ratio": "1280:720", "duration": 5}),
        ("text_to_video", {"model": "seedance2", "promptText": 1751 * "\U0001f6f6"}),
        ("text_to_video", {"model": "seedance2", "promptText": "A boat.", "size": "1280x720"}),
        ("text_to_video", {"model": "seedance2", "promptText": "A boat.", "ratio": "16:9"}),
        ("text_to_video", {"model": "seedance2", "promptText": "A boat.", "duration": "5"}),
        ("text_to_video", {"model": "seedance2", "promptText": "A boat.", "seed": "7"}),
        ("image_to_video", {"model": "seedance2", "promptImage": []}),
        ("image_to_video", {"model": "seedance2", "promptImage": [{"position": "first"}]}),
        (
            "image_to_video",
            {"model": "seedance2", "promptImage": [{"uri": "u", "position": "last"}]},
        ),
    ],
)
def test_the_simulator_refuses_what_runway_would(endpoint: str, body: dict[str, object]) -> None:
    [issue] = issues_with(endpoint, body)
    assert issue["message"]


# -- how its words are read -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected", "blame", "reason"),
    [
        ("invalid", Refused, Blame.CALLER, Reason.PARAMETERS_REFUSED),
        ("unauthorized", Refused, Blame.HOUSE, Reason.PROVIDER_UNUSABLE),
        ("out_of_money", Refused, Blame.HOUSE, Reason.PROVIDER_UNUSABLE),
        ("model_retired", Refused, Blame.PROVIDER, Reason.PROVIDER_UNUSABLE),
        ("no_model", Refused, Blame.PROVIDER, Reason.PROVIDER_UNUSABLE),
        ("not_found", Refused, Blame.HOUSE, Reason.PROVIDER_UNUSABLE),
        ("rate_limited", Busy, None, None),
        ("server_error", InDoubt, None, None),
        ("bad_gateway", InDoubt, None, None),
        ("unavailable", InDoubt, None, None),
        ("gateway_timeout", InDoubt, None, None),
    ],
)
def test_a_submit_that_was_not_taken_is_judged(
    name: str, expected: type[Exception], blame: Blame | None, reason: Reason | None
) -> None:
    reply = REPLIES[name]
    verdict = judge_submit(read(Answer(reply.status, reply.headers, reply.body)), WORDS)
    assert isinstance(verdict, expected)
    if isinstance(verdict, Refused):
        assert (verdict.blame, verdict.failure.reason) == (blame, reason)


@pytest.mark.parametrize(
    ("issue", "sentence"),
    [
        ({"path": ["ratio"], "message": "Invalid option."}, "ratio: Invalid option."),
        ({"path": ["promptImage", 0, "uri"], "message": "No."}, "promptImage: No."),
        ({"path": [], "message": "Unrecognized key."}, "Unrecognized key."),
        ({"path": [7], "message": 7}, "Validation of body failed"),
    ],
)
def test_a_refused_body_is_told_by_its_first_issue(
    issue: Mapping[str, object], sentence: str
) -> None:
    verdict = judge_submit(read(Answer(400, {}, unfit([issue]).body)), WORDS)
    assert isinstance(verdict, Refused)
    assert verdict.failure.message == sentence


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("SAFETY.INPUT.TEXT", Reason.CONTENT_REFUSED),
        ("SAFETY.OUTPUT.VIDEO", Reason.CONTENT_REFUSED),
        ("INPUT_PREPROCESSING.SAFETY.THIRD_PARTY", Reason.CONTENT_REFUSED),
        ("ASSET.INVALID", Reason.PARAMETERS_REFUSED),
        ("INTERNAL.BAD_OUTPUT.CODE01", Reason.PROVIDER_FAILED),
        ("INTERNAL", Reason.PROVIDER_FAILED),
        ("SAFETYNET", Reason.PROVIDER_FAILED),
        (None, Reason.PROVIDER_FAILED),
        (7, Reason.PROVIDER_FAILED),
    ],
)
async def test_a_task_that_failed_says_why(code: object, reason: Reason) -> None:
    async with a_house() as house:
        lost = await house.outcome(status="FAILED", failure="It says so.", failureCode=code)
    assert isinstance(lost, Lost)
    assert (lost.failure.reason, lost.failure.message) == (reason, "It says so.")


async def test_a_task_that_somebody_stopped_is_lost() -> None:
    async with a_house() as house:
        lost = await house.outcome(status="CANCELLED", cost={"credits": 0})
    assert isinstance(lost, Lost)
    assert lost.failure.reason is Reason.PROVIDER_FAILED


@pytest.mark.parametrize(
    ("progress", "percent"), [(0.41, 41), (0, 0), (1.7, 100), ("0.4", None), (True, None)]
)
async def test_progress_is_told_in_percent(progress: object, percent: int | None) -> None:
    async with a_house(look_again_s=9) as house:
        working = await house.outcome(status="RUNNING", progress=progress)
    assert working == Working(percent, look_again_s=9.0)


async def test_one_too_many_waits_as_throttled_and_is_made_in_the_end() -> None:
    async with a_house(concurrency=1) as house:
        await house.submit()
        ticket = await house.submit()
        assert house.server.task(house.server.jobs[ticket["id"]], 80)["status"] == "THROTTLED"
        assert await house.provider.check(ticket) == Working()
        house.clock.advance(60)
        assert isinstance(await house.provider.check(ticket), Ready)


@pytest.mark.parametrize(
    "output", [None, [], [7], ["file:///etc/passwd"], ["https://" + 5000 * "a"], "https://a.b/c"]
)
async def test_a_success_without_a_film_is_ignorance(output: object) -> None:
    async with a_house() as house:
        with pytest.raises(NotThere):
            await house.outcome(status="SUCCEEDED", output=output)


@pytest.mark.parametrize("task", [{"id": "another", "status": "SUCCEEDED"}, {"status": 7}])
async def test_what_is_no_task_of_ours_is_not_believed(task: dict[str, object]) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood):
            await house.outcome(**task)


@pytest.mark.parametrize("cost", [None, {"credits": "60"}, {"credits": True}, 60])
async def test_a_cost_that_is_no_number_is_not_told(cost: object) -> None:
    async with a_house() as house:
        ready = await house.outcome(status="SUCCEEDED", output=["https://a.example/b"], cost=cost)
    assert ready == Ready({"url": "https://a.example/b"})


# -- the film -------------------------------------------------------------------------------


async def film_of(house: House, film: Mapping[str, Any]) -> bytes:
    async with house.provider.open(film) as stream:
        return b"".join([chunk async for chunk in stream.chunks])


async def test_the_film_is_fetched_without_the_key_and_its_credits_are_told() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.clock.advance(60)
        ready = await house.provider.check(ticket)
        assert isinstance(ready, Ready)
        assert await film_of(house, ready.film) == tiny_film()
        assert "authorization" not in house.server.seen[-1].headers
        assert ready.usage == {"credits": 60}


async def test_a_link_that_has_ended_is_lost_and_a_new_look_has_another() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.clock.advance(60)
        first = await house.provider.check(ticket)
        house.clock.advance(25 * 3600)
        assert isinstance(first, Ready)
        with pytest.raises(FilmLost):
            await film_of(house, first.film)
        second = await house.provider.check(ticket)
        assert isinstance(second, Ready)
        assert await film_of(house, second.film) == tiny_film()


@pytest.mark.parametrize("film", [{}, {"url": 7}, {"url": "gs://a/b"}])
async def test_a_film_of_another_provider_is_not_understood(film: Mapping[str, object]) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood):
            await film_of(house, film)


@pytest.mark.parametrize("task_id", [None, 7, "", "..", "a\nb"])
async def test_a_ticket_that_is_not_ours_asks_nothing(task_id: object) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood):
            await house.provider.check({"id": task_id})
        assert house.server.seen == []


# -- cancel and find ------------------------------------------------------------------------


async def test_what_waits_for_room_is_stopped_and_gone() -> None:
    async with a_house(concurrency=0) as house:
        ticket = await house.submit()
        assert await house.provider.cancel(ticket) is CancelOutcome.CANCELED
        assert [seen.method for seen in house.server.seen] == ["POST", "GET", "DELETE"]
        with pytest.raises(NotThere):
            await house.provider.check(ticket)


@pytest.mark.parametrize("after_s", [1.5, 60])
async def test_what_runs_or_is_over_is_not_deleted(after_s: float) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.clock.advance(after_s)
        assert await house.provider.cancel(ticket) is CancelOutcome.TOO_LATE
        assert [seen.method for seen in house.server.seen] == ["POST", "GET"]


async def test_what_was_stopped_before_is_stopped() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.upset("look", "cancelled")
        assert await house.provider.cancel(ticket) is CancelOutcome.CANCELED


async def test_a_cancel_does_not_guess_at_an_unknown_word() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.upset("look", "unknown_word")
        with pytest.raises(NotUnderstood):
            await house.provider.cancel(ticket)
        assert ticket["id"] in house.server.jobs


async def test_nothing_is_found_and_nothing_asked() -> None:
    async with a_house() as house:
        found = await house.provider.find(TOKEN, SPEC, upstream_model=MODEL, since=NOON)
        assert found == Unknown()
        assert house.server.seen == []


# -- secrets --------------------------------------------------------------------------------


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
            house.upset("look", "unauthorized")
            with pytest.raises(Unreachable) as unreachable:
                await house.provider.check(ticket)
            said.append(str(unreachable.value))
    for line in [*said, caplog.text]:
        assert KEY not in line
    assert SPEC.prompt not in caplog.text


# -- configuration --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "options", "sentence"),
    [
        ("pro", {}, "no profile 'pro'"),
        (None, {"colour": 1}, "no option 'colour'; it has look_again_s"),
        (None, {"ask_timeout_s": 0}, "above 0"),
        (None, {"look_again_s": True}, "above 0"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(
    profile: str | None, options: dict[str, object], sentence: str
) -> None:
    credential = Credential("env:RUNWAYML_API_SECRET", KEY)
    with pytest.raises(Misconfigured, match=sentence):
        build("runway", name="r", credential=credential, profile=profile, options=options)


def test_a_key_is_wanted() -> None:
    with pytest.raises(Misconfigured, match="needs an api_key"):
        build("runway", name="r")
