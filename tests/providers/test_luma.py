"""`luma`: what is told upstream, how its sentences are read, what is found, deleted, and called.

What every provider promises is in the conformance suite, where this one is enrolled by standing
in the package.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rushes.domain.errors import Blame, Reason
from rushes.domain.spec import Asset, Mode, Role, Spec
from rushes.providers import luma
from rushes.providers._luma_orders import Order, objection, told
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
from rushes.providers.luma import Luma
from rushes.providers.registry import Misconfigured, build
from rushes.providers.rest import Credential
from rushes.testing.conformance.scenes.luma import KEY, MODEL, SPEC
from rushes.testing.conformance.scenes.simulated import NOON, NoAssets, Stranger
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.films import tiny_film
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.luma import LumaServer
from rushes.testing.simulators.script import Rule

TOKEN = "f" * 32
HOOK = f"https://films.example.org/hooks/luma/{TOKEN}"
PICTURE = "https://pictures.example/first.png"
GOLDENS = sorted((Path(__file__).parent / "goldens" / "luma").glob("*.json"))


class House:
    """A provider and its upstream."""

    def __init__(self, clock: ManualClock, server: LumaServer, provider: Luma) -> None:
        self.clock = clock
        self.server = server
        self.provider = provider

    def upset(self, on: str, fault: str, **more: Any) -> None:
        self.server.script.clear()
        self.server.script.add(Rule(on, fault, **more))

    async def submit(self, spec: Spec = SPEC, callback: str | None = None) -> dict[str, Any]:
        ticket = await self.provider.submit(
            spec, upstream_model=MODEL, token=TOKEN, assets=NoAssets(), callback_url=callback
        )
        return dict(ticket)

    async def find(self, spec: Spec = SPEC, token: str = TOKEN) -> object:
        return await self.provider.find(token, spec, upstream_model=MODEL, since=NOON)

    async def outcome(self, **job: object) -> object:
        """Have a generation that is told so, and look at it."""
        self.server.script.clear()
        ticket = await self.submit()
        said = {"id": ticket["id"], **job}
        self.upset("retrieve", "answer", value={"status": 200, "body": said})
        return await self.provider.check(ticket)

    async def verdict(self, status: int, body: object) -> Exception:
        """Have a create that is answered so."""
        self.upset("create", "answer", value={"status": status, "body": body})
        with pytest.raises((Refused, Busy, InDoubt)) as raised:
            await self.submit()
        return raised.value


@asynccontextmanager
async def a_house(**options: object) -> AsyncIterator[House]:
    clock = ManualClock(NOON)
    server = LumaServer(clock=clock, key=KEY)
    async with serving(server) as port:
        provider = luma.build(
            name="luma",
            base_url=f"http://127.0.0.1:{port}/dream-machine/v1",
            credential=Credential("env:LUMAAI_API_KEY", KEY),
            profile=None,
            options=options,
        )
        try:
            yield House(clock, server, provider)
        finally:
            await provider.close()


def framed(link: str | None = PICTURE, **more: Any) -> Spec:
    first = Asset(Role.FIRST_FRAME, "images[0]", url=link, blob="a" * 64)
    return replace(SPEC, mode=Mode.IMAGE_TO_VIDEO, assets=(first,), **more)


# -- what is told ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_a_spec_is_told_in_the_words_of_luma(path: Path) -> None:
    golden = json.loads(path.read_text())
    spec = msgspec.convert(golden["spec"], Spec)
    assert objection(spec) == golden.get("refused", "")
    if "refused" not in golden:
        links = [asset.url or "" for asset in spec.assets]
        model = golden.get("upstream_model", MODEL)
        order = Order(model, links, golden.get("callback_url"))
        assert told(spec, order) == golden["body"]
        assert LumaServer().objection(golden["body"]) is None


def test_every_mode_has_a_golden() -> None:
    assert {json.loads(path.read_text())["spec"]["mode"] for path in GOLDENS} == set(Mode)


async def test_a_picture_travels_as_the_address_that_its_caller_gave() -> None:
    async with a_house() as house:
        ticket = await house.submit(framed())
        job = house.server.jobs[ticket["id"]]
        [seen] = house.server.seen
    assert job.fields["keyframes"] == {"frame0": {"type": "image", "url": PICTURE}}
    assert (seen.path, ticket) == ("/dream-machine/v1/generations/video", {"id": job.id})
    assert seen.headers["authorization"] == f"Bearer {KEY}"


async def test_a_picture_without_an_address_is_refused_unsent_and_no_caller_blamed() -> None:
    async with a_house() as house:
        with pytest.raises(Refused, match="only from a public URL") as raised:
            await house.submit(framed(None))
        assert raised.value.blame is Blame.PROVIDER
        assert house.server.seen == []


# -- how its sentences are read -------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "sentence", "blame", "reason"),
    [
        (400, "Prompt is required", Blame.CALLER, Reason.PARAMETERS_REFUSED),
        (400, "Loop is not supported for keyframes", Blame.CALLER, Reason.PARAMETERS_REFUSED),
        (400, "Advanced prompt moderation failed", Blame.CALLER, Reason.CONTENT_REFUSED),
        (400, "Frame moderation failed", Blame.CALLER, Reason.CONTENT_REFUSED),
        (403, "Contains blacklisted words", Blame.CALLER, Reason.CONTENT_REFUSED),
        (400, "400: failed to moderate image", Blame.CALLER, Reason.PARAMETERS_REFUSED),
        (400, "Insufficient credits", Blame.HOUSE, Reason.PROVIDER_UNUSABLE),
        (402, "?", Blame.HOUSE, Reason.PROVIDER_UNUSABLE),
        (429, "Monthly usage limit exceeded", Blame.HOUSE, Reason.PROVIDER_UNUSABLE),
        (401, "Invalid API key is provided", Blame.HOUSE, Reason.PROVIDER_UNUSABLE),
        (404, "Not Found", Blame.HOUSE, Reason.PROVIDER_UNUSABLE),
        (400, "Invalid model", Blame.PROVIDER, Reason.PROVIDER_UNUSABLE),
        (400, "The model ray-9 is not supported", Blame.PROVIDER, Reason.PROVIDER_UNUSABLE),
    ],
)
async def test_a_refusal_is_told_by_its_sentence(
    status: int, sentence: str, blame: Blame, reason: Reason
) -> None:
    async with a_house() as house:
        verdict = await house.verdict(status, {"detail": sentence})
    assert isinstance(verdict, Refused)
    assert (verdict.blame, verdict.failure.reason) == (blame, reason)


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (429, {"detail": "Maximum concurrent generations reached"}, Busy),
        (503, {"detail": "Overloaded"}, InDoubt),
        (500, {"detail": "Insufficient credits"}, InDoubt),
        (200, {"detail": "Prompt is required"}, InDoubt),
        (201, {"id": "", "state": "queued"}, InDoubt),
        (201, {"id": 7}, InDoubt),
    ],
)
async def test_what_proves_no_refusal_is_none(status: int, body: object, verdict: type) -> None:
    async with a_house() as house:
        assert isinstance(await house.verdict(status, body), verdict)


async def test_a_field_that_does_not_fit_is_named() -> None:
    problem = {"type": "literal_error", "loc": ["body", "model"], "msg": "Input should be 'ray-2'"}
    async with a_house() as house:
        verdict = await house.verdict(422, {"detail": [problem]})
    assert isinstance(verdict, Refused)
    assert verdict.blame is Blame.PROVIDER


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("Advanced prompt moderation failed", Reason.CONTENT_REFUSED),
        (
            "400: prompt not allowed because advanced moderation failed",
            Reason.CONTENT_REFUSED,
        ),
        ("Frame moderation failed", Reason.CONTENT_REFUSED),
        ("Contains blacklisted words", Reason.CONTENT_REFUSED),
        ("Failed to read user input frames", Reason.PARAMETERS_REFUSED),
        ("400: failed to moderate image", Reason.PARAMETERS_REFUSED),
        ("Insufficient credits", Reason.PROVIDER_UNUSABLE),
        ("Error processing request", Reason.PROVIDER_FAILED),
        ("", Reason.PROVIDER_FAILED),
        (None, Reason.PROVIDER_FAILED),
    ],
)
async def test_a_failure_is_told_by_its_sentence(sentence: str | None, reason: Reason) -> None:
    async with a_house() as house:
        outcome = await house.outcome(state="failed", failure_reason=sentence)
    assert isinstance(outcome, Lost)
    assert outcome.failure.reason is reason
    assert outcome.failure.message


@pytest.mark.parametrize(
    "assets", [None, {}, {"video": None}, {"video": ""}, {"video": "gs://a/b"}, {"image": PICTURE}]
)
async def test_an_empty_success_is_no_success(assets: object) -> None:
    async with a_house() as house:
        with pytest.raises(NotThere):
            await house.outcome(state="completed", assets=assets)


@pytest.mark.parametrize(
    "job",
    [{"state": "pondering"}, {"state": None}, {}, {"id": "of-another", "state": "dreaming"}],
)
async def test_what_is_outside_the_contract_is_ignorance(job: dict[str, object]) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood) as raised:
            await house.outcome(**job)
    assert not isinstance(raised.value, NotThere)


async def test_what_a_price_follows_from_comes_with_the_film_which_is_fetched_without_the_key() -> (
    None
):
    async with a_house() as house:
        ticket = await house.submit()
        assert await house.provider.check(ticket) == Working()
        house.clock.advance(60)
        ready = await house.provider.check(ticket)
        assert isinstance(ready, Ready)
        assert ready.usage == {"model": "ray-2", "duration": "5s", "resolution": "720p"}
        async with house.provider.open(ready.film) as stream:
            assert b"".join([chunk async for chunk in stream.chunks]) == tiny_film()
        assert "authorization" not in house.server.seen[-1].headers


@pytest.mark.parametrize("film", [{}, {"url": 7}, {"url": "gs://a/b"}, {"url": "http://[/"}])
async def test_a_film_of_another_provider_is_not_understood(film: Mapping[str, object]) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood):
            async with house.provider.open(film):
                pass


# -- cancel ---------------------------------------------------------------------------------


async def test_nothing_is_deleted_unless_the_operator_wants_it() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        assert await house.provider.cancel(ticket) is CancelOutcome.UNSUPPORTED
        assert [seen.method for seen in house.server.seen] == ["POST"]


async def test_what_is_queued_is_deleted_where_the_operator_wants_it() -> None:
    async with a_house(cancel="delete") as house:
        ticket = await house.submit()
        assert await house.provider.cancel(ticket) is CancelOutcome.CANCELED
        assert house.server.jobs == {}
        assert await house.provider.cancel(ticket) is CancelOutcome.TOO_LATE


@pytest.mark.parametrize("after_s", [1.5, 60.0])
async def test_what_is_begun_is_never_deleted(after_s: float) -> None:
    async with a_house(cancel="delete") as house:
        ticket = await house.submit()
        house.clock.advance(after_s)
        assert await house.provider.cancel(ticket) is CancelOutcome.TOO_LATE
        assert "DELETE" not in {seen.method for seen in house.server.seen}
        assert ticket["id"] in house.server.jobs


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("too_late", CancelOutcome.TOO_LATE),
        ("not_found", CancelOutcome.TOO_LATE),
        ("unsupported", CancelOutcome.UNSUPPORTED),
    ],
)
async def test_a_delete_that_is_refused_tells_why(fault: str, outcome: CancelOutcome) -> None:
    async with a_house(cancel="delete") as house:
        ticket = await house.submit()
        house.upset("delete", fault)
        assert await house.provider.cancel(ticket) is outcome


@pytest.mark.parametrize(
    ("on", "fault", "trouble"),
    [
        ("delete", "server_error", Unreachable),
        ("delete", "unauthorized", Unreachable),
        ("delete", "drop", Unreachable),
        ("retrieve", "unknown_word", NotUnderstood),
        ("retrieve", "unavailable", Unreachable),
    ],
)
async def test_a_cancel_that_learns_nothing_says_so(
    on: str, fault: str, trouble: type[Exception]
) -> None:
    async with a_house(cancel="delete") as house:
        ticket = await house.submit()
        house.upset(on, fault)
        with pytest.raises(trouble):
            await house.provider.cancel(ticket)


# -- find -----------------------------------------------------------------------------------


async def test_one_that_would_call_us_back_is_ours_whatever_is_like_it() -> None:
    async with a_house(callbacks=True) as house:
        await house.submit(callback=f"{HOOK[:-1]}e")
        ours = await house.submit(callback=HOOK)
        await house.submit(callback=f"{HOOK[:-1]}d")
        assert await house.find() == Found(ours)


async def test_one_that_would_call_somebody_else_is_not_ours() -> None:
    async with a_house(callbacks=True) as house:
        await house.submit(callback=f"{HOOK[:-1]}e")
        assert await house.find() == Absent()


@pytest.mark.parametrize(
    "other",
    [
        replace(SPEC, prompt="Another boat."),
        replace(SPEC, seconds=9),
        replace(SPEC, resolution="1080p"),
        replace(SPEC, ratio="1:1"),
        replace(SPEC, passthrough={"loop": True}),
        replace(SPEC, passthrough={"concepts": [{"key": "dolly_zoom"}]}),
        framed(),
    ],
)
async def test_one_that_is_not_alike_is_not_ours(other: Spec) -> None:
    async with a_house() as house:
        await house.submit(other)
        assert await house.find() == Absent()
        ours = await house.submit()
        assert await house.find() == Found(ours)


async def test_pictures_tell_films_without_words_apart() -> None:
    async with a_house() as house:
        await house.submit(framed("https://pictures.example/other.png", prompt=""))
        await house.submit(framed(prompt="A boat."))
        assert await house.find(framed(prompt="")) == Absent()
        ours = await house.submit(framed(prompt=""))
        assert await house.find(framed(prompt="")) == Found(ours)


async def test_a_list_is_read_on_page_by_page_to_what_is_too_old() -> None:
    async with a_house() as house:
        await house.submit()  # an hour before: it is not meant
        house.clock.advance(3600)
        ours = await house.submit()
        for number in range(120):
            await house.submit(replace(SPEC, prompt=f"Another boat, {number}."))
        since = NOON + timedelta(hours=1)
        found = await house.provider.find(TOKEN, SPEC, upstream_model=MODEL, since=since)
        pages = [seen.query for seen in house.server.seen if seen.method == "GET"]
    assert found == Found(ours)
    assert pages == ["limit=100&offset=0", "limit=100&offset=100"]


async def test_a_list_without_an_end_proves_nothing() -> None:
    async with a_house() as house:
        ticket = await house.submit(replace(SPEC, prompt="Another boat."))
        item = house.server.told(house.server.jobs[ticket["id"]])
        body = {"generations": [item], "has_more": True}
        house.upset("list", "answer", value={"status": 200, "body": body})
        assert await house.find() == Unknown()


@pytest.mark.parametrize("body", [{}, {"generations": None}, {"generations": {}}])
async def test_a_list_that_is_none_is_not_understood(body: object) -> None:
    async with a_house() as house:
        house.upset("list", "answer", value={"status": 200, "body": body})
        with pytest.raises(NotUnderstood):
            await house.find()


@pytest.mark.parametrize(
    "item",
    [
        7,
        {"id": "g1", "request": None},
        {"id": "g1", "created_at": "soon", "request": {"prompt": SPEC.prompt}},
        {"id": None, "created_at": NOON.isoformat(), "request": {"prompt": SPEC.prompt}},
    ],
)
async def test_an_item_that_keeps_silent_may_be_ours(item: object) -> None:
    async with a_house() as house:
        body = {"generations": [item], "has_more": False}
        house.upset("list", "answer", value={"status": 200, "body": body})
        assert await house.find() == Unknown()


async def test_what_could_not_be_sent_is_not_searched() -> None:
    async with a_house() as house:
        assert await house.find(framed(None)) == Unknown()
        assert await house.find(replace(SPEC, mode=Mode.REMIX)) == Unknown()
        assert house.server.seen == []


# -- calls ----------------------------------------------------------------------------------


async def test_luma_is_asked_to_call_only_where_the_operator_wants_it() -> None:
    for options, address in (({}, ""), ({"callbacks": True}, HOOK)):
        async with a_house(**options) as house:
            assert house.provider.takes_hints is bool(address)
            ticket = await house.submit(callback=HOOK)
            assert house.server.jobs[ticket["id"]].said("callback_url") == address


async def test_the_simulator_calls_at_each_change_but_the_first() -> None:
    stranger = Stranger()
    async with a_house(callbacks=True) as house, serving(stranger) as port:
        await house.submit(callback=f"http://127.0.0.1:{port}/{TOKEN}")
        for after_s in (0.0, 1.5, 0.0, 60.0, 0.0):
            house.clock.advance(after_s)
            await house.server.ring()
        states = [call.body["state"] for call in house.server.callbacks.heard]
    assert states == ["dreaming", "completed"]


# -- secrets, configuration -----------------------------------------------------------------


async def test_nothing_secret_is_logged_or_told(caplog: pytest.LogCaptureFixture) -> None:
    said = []
    with caplog.at_level(logging.DEBUG):
        async with a_house(callbacks=True) as house:
            for fault in ("echo", "unauthorized", "drop", "html", "server_error"):
                house.upset("create", fault)
                with pytest.raises((Refused, Busy, InDoubt)) as raised:
                    await house.submit(callback=HOOK)
                said.append(f"{raised.value} {getattr(raised.value, 'note', '')}")
    for line in [*said, caplog.text]:
        assert KEY not in line
        assert TOKEN not in line
    assert SPEC.prompt not in caplog.text


@pytest.mark.parametrize(
    ("profile", "options", "sentence"),
    [
        ("pro", {}, "no profile 'pro'"),
        (None, {"colour": 1}, "no option 'colour'; it has look_again_s"),
        (None, {"ask_timeout_s": 0}, "above 0"),
        (None, {"look_again_s": True}, "above 0"),
        (None, {"cancel": True}, "'cancel' is one of delete"),
        (None, {"callbacks": "yes"}, "'callbacks' is true or false"),
        (None, {"callbacks": 1}, "'callbacks' is true or false"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(
    profile: str | None, options: dict[str, object], sentence: str
) -> None:
    credential = Credential("env:LUMAAI_API_KEY", KEY)
    with pytest.raises(Misconfigured, match=sentence):
        build("luma", name="l", credential=credential, profile=profile, options=options)


def test_a_key_is_wanted() -> None:
    with pytest.raises(Misconfigured, match="needs an api_key"):
        build("luma", name="l")
