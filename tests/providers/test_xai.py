"""`xai`: what is told upstream, how its words are read, and what is never guessed at."""

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
from rushes.providers._xai_orders import objection, told
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
from rushes.providers.rest import Credential, Rest
from rushes.providers.xai import ADDRESS, Xai
from rushes.testing.conformance.scenes.simulated import NOON
from rushes.testing.conformance.scenes.xai import KEY, SPEC
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators import xai_wishes
from rushes.testing.simulators.films import tiny_film, tiny_still
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.script import Rule
from rushes.testing.simulators.xai import Settings, XaiServer

TOKEN = "f" * 32
MODEL = "grok-imagine-video"
CREDENTIAL = Credential("env:XAI_API_KEY", KEY)
GOLDENS = sorted((Path(__file__).parent / "goldens" / "xai").glob("*.json"))


class Folder:
    """Assets in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def path_of(self, blob: str) -> Path:
        return self.folder / blob


class House:
    """A provider and its upstream."""

    def __init__(self, clock: ManualClock, server: XaiServer, provider: Xai) -> None:
        self.clock = clock
        self.server = server
        self.provider = provider

    def upset(self, on: str, fault: str, **more: Any) -> None:
        self.server.script.clear()
        self.server.script.add(Rule(on, fault, **more))

    async def submit(
        self, spec: Spec = SPEC, *, folder: Path = Path("/nowhere"), model: str = MODEL
    ) -> dict[str, Any]:
        ticket = await self.provider.submit(
            spec,
            upstream_model=model,
            token=TOKEN,
            assets=Folder(folder),
            callback_url="https://films.example.com/hooks/xai/f",
        )
        return dict(ticket)

    async def outcome(self, job: object, *, status: int = 200) -> object:
        """Have a job that is told so, and look at it."""
        self.server.script.clear()
        ticket = await self.submit()
        self.upset("look", "answer", value={"status": status, "body": job})
        return await self.provider.check(ticket)

    async def verdict(self, fault: str) -> Exception:
        """Submit, have it end so, and return what was raised."""
        self.upset("create", fault)
        with pytest.raises((Refused, Busy, InDoubt)) as raised:
            await self.submit()
        return raised.value


@asynccontextmanager
async def a_house() -> AsyncIterator[House]:
    clock = ManualClock(NOON)
    server = XaiServer(clock=clock, settings=Settings(key=KEY))
    async with serving(server) as port:
        provider = Xai("xai", Rest(f"http://127.0.0.1:{port}/v1", CREDENTIAL))
        try:
            yield House(clock, server, provider)
        finally:
            await provider.close()


# -- what is told ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_a_spec_is_told_in_the_words_of_xai(path: Path) -> None:
    golden = json.loads(path.read_text())
    spec = msgspec.convert(golden["spec"], Spec)
    assert objection(spec) == golden.get("refused", "")
    if "refused" not in golden:
        assert told(spec, spec.model, golden.get("pictures", [])) == golden["body"]


def test_every_mode_has_a_golden() -> None:
    assert {json.loads(path.read_text())["spec"]["mode"] for path in GOLDENS} == set(Mode)


def test_what_is_told_is_taken() -> None:
    bodies = [json.loads(path.read_text()).get("body") for path in GOLDENS]
    assert [xai_wishes.objection(body) for body in bodies if body] == [""] * len(
        [body for body in bodies if body]
    )


async def test_images_travel_inside_the_request(tmp_path: Path) -> None:
    for blob, kind in (("a", "PNG"), ("b", "JPEG")):
        (tmp_path / (blob * 64)).write_bytes(tiny_still(kind))
    first = Asset(Role.FIRST_FRAME, "image", blob="a" * 64, content_type="image/png")
    last = Asset(Role.LAST_FRAME, "last_frame", blob="b" * 64, content_type="image/jpeg")
    spec = replace(SPEC, mode=Mode.FIRST_LAST_FRAME, ratio="adaptive", assets=(first, last))
    async with a_house() as house:
        ticket = await house.submit(spec, folder=tmp_path, model="grok-imagine-video-1.5")
        [job] = house.server.jobs.values()
        [seen] = house.server.seen
    assert ticket == {"id": job.id}
    assert (seen.method, seen.path, seen.query) == ("POST", "/v1/videos/generations", "")
    assert str(job.fields["image"]).startswith("{'url': 'data:image/png;base64,")
    assert str(job.fields["last_frame"]).startswith("{'url': 'data:image/jpeg;base64,")
    assert "films.example.com" not in str(job.fields)


async def test_a_file_that_cannot_be_read_is_met_before_anything_is_sent() -> None:
    first = Asset(Role.FIRST_FRAME, "image", blob="a" * 64, content_type="image/png")
    async with a_house() as house:
        with pytest.raises(Busy, match="FileNotFoundError"):
            await house.submit(replace(SPEC, mode=Mode.IMAGE_TO_VIDEO, assets=(first,)))
        assert house.server.seen == []


# -- what a submit that was not taken proves ------------------------------------------------

VERDICTS: Mapping[str, tuple[type[Exception], Reason | None, Blame | None]] = {
    "invalid": (Refused, Reason.PARAMETERS_REFUSED, Blame.CALLER),
    "invalid_of_old": (Refused, Reason.PARAMETERS_REFUSED, Blame.CALLER),
    "moderated": (Refused, Reason.CONTENT_REFUSED, Blame.CALLER),
    "moderated_by_sentence": (Refused, Reason.CONTENT_REFUSED, Blame.CALLER),
    "moderated_by_safety": (Refused, Reason.CONTENT_REFUSED, Blame.CALLER),
    "bad_key": (Refused, Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    "unauthorized": (Refused, Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    "forbidden": (Refused, Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    "out_of_money": (Refused, Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    "exhausted": (Refused, Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    "zero_retention": (Refused, Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    "no_model": (Refused, Reason.PROVIDER_UNUSABLE, Blame.PROVIDER),
    "model_retired": (Refused, Reason.PROVIDER_UNUSABLE, Blame.PROVIDER),
    "redirected": (Refused, Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    "rate_limited": (Busy, None, None),
    "server_error": (InDoubt, None, None),
    "bad_gateway": (InDoubt, None, None),
    "unavailable": (InDoubt, None, None),
    "gateway_timeout": (InDoubt, None, None),
    "no_id": (InDoubt, None, None),
    "broken_json": (InDoubt, None, None),
}


async def test_each_answer_proves_so_much_of_a_submit() -> None:
    async with a_house() as house:
        for fault, (kind, reason, blame) in VERDICTS.items():
            verdict = await house.verdict(fault)
            assert type(verdict) is kind, fault
            if isinstance(verdict, Refused):
                assert (verdict.failure.reason, verdict.blame) == (reason, blame), fault
                assert verdict.is_retired is (fault == "model_retired")
        assert len(house.server.seen) == len(VERDICTS)


async def test_a_refusal_names_neither_our_team_nor_our_key() -> None:
    async with a_house() as house:
        verdict = await house.verdict("moderated_by_safety")
    assert isinstance(verdict, Refused)
    assert verdict.failure.message == "Content violates usage guidelines."


@pytest.mark.parametrize("request_id", [None, 7, "", "x" * 513, "a\nb"])
async def test_a_name_that_cannot_be_kept_leaves_a_submit_in_doubt(request_id: object) -> None:
    async with a_house() as house:
        body = {"request_id": request_id}
        house.upset("create", "answer", value={"status": 200, "body": body})
        with pytest.raises(InDoubt, match="without a request_id"):
            await house.submit()


# -- how its words are read -----------------------------------------------------------------


async def test_a_job_goes_from_pending_to_done() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        assert await house.provider.check(ticket) == Working(0, 5.0)
        house.clock.advance(2)
        assert await house.provider.check(ticket) == Working(50, 5.0)
        house.clock.advance(60)
        outcome = await house.provider.check(ticket)
        assert isinstance(outcome, Ready)
        assert outcome.usage == {"cost_in_usd_ticks": 2_500_000_000, "duration": 5}
        async with house.provider.open(outcome.film) as stream:
            assert b"".join([chunk async for chunk in stream.chunks]) == tiny_film()
        film = [seen for seen in house.server.seen if seen.path.startswith("/films/")]
        assert all("authorization" not in seen.headers for seen in film)
        house.clock.advance(24 * 3600)
        with pytest.raises(FilmLost):
            async with house.provider.open(outcome.film):
                pass
        expired = await house.provider.check(ticket)
    assert isinstance(expired, Lost)
    assert expired.failure.reason is Reason.TIMED_OUT


VIDEO = {"url": "https://vidgen.x.ai/1.mp4", "duration": 8, "respect_moderation": True}


async def test_a_film_without_a_status_is_a_film() -> None:
    async with a_house() as house:
        outcome = await house.outcome({"video": VIDEO, "model": MODEL})
    assert outcome == Ready({"url": VIDEO["url"]}, {"duration": 8})


async def test_what_is_no_number_is_no_usage() -> None:
    usage = {"cost_in_usd_ticks": True}
    video = {"url": VIDEO["url"], "duration": "8"}
    async with a_house() as house:
        assert await house.outcome({"status": "done", "video": video, "usage": usage}) == Ready(
            {"url": VIDEO["url"]}
        )


@pytest.mark.parametrize("url", ["", None, "https://vidgen.x.ai/1.mp4"])
async def test_a_film_that_is_blocked_is_refused_content_also_beside_a_link(url: object) -> None:
    video = {"url": url, "respect_moderation": False}
    async with a_house() as house:
        outcome = await house.outcome({"status": "done", "video": video})
    assert isinstance(outcome, Lost)
    assert outcome.failure.reason is Reason.CONTENT_REFUSED
    assert outcome.failure.message


@pytest.mark.parametrize("video", [None, {}, 7, {"url": ""}, {"url": 1}, {"url": "file:///x"}])
async def test_an_empty_success_is_no_success(video: object) -> None:
    async with a_house() as house:
        with pytest.raises(NotThere):
            await house.outcome({"status": "done", "video": video})


UNFIT = "Generated video rejected by content moderation."


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"code": "internal_error", "message": UNFIT}, Reason.CONTENT_REFUSED),
        ({"code": "imagine:content-moderated", "message": ""}, Reason.CONTENT_REFUSED),
        ({"code": "internal_error", "message": "It broke."}, Reason.PROVIDER_FAILED),
        ({"code": "invalid_argument", "message": "No image."}, Reason.PARAMETERS_REFUSED),
        ({"code": "x", "message": "You have no credits."}, Reason.PROVIDER_UNUSABLE),
        ("It broke.", Reason.PROVIDER_FAILED),
        (None, Reason.PROVIDER_FAILED),
        ([7], Reason.PROVIDER_FAILED),
    ],
)
async def test_a_failed_job_says_why(error: object, reason: Reason) -> None:
    async with a_house() as house:
        outcome = await house.outcome({"status": "failed", "error": error})
    assert isinstance(outcome, Lost)
    assert outcome.failure.reason is reason
    assert outcome.failure.message


@pytest.mark.parametrize("status", [400, 403, 422])
@pytest.mark.parametrize(
    "body",
    [
        {"code": "Client specified an invalid argument", "error": UNFIT},
        {"error": {"type": "invalid_request_error", "message": UNFIT}},
    ],
)
async def test_a_film_that_is_not_fit_is_also_told_by_the_status_of_a_look(
    status: int, body: object
) -> None:
    async with a_house() as house:
        outcome = await house.outcome(body, status=status)
    assert isinstance(outcome, Lost)
    assert outcome.failure.reason is Reason.CONTENT_REFUSED


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"code": "invalid-argument", "error": "The request is not ready."}),
        (400, None),
        (422, {"status": "failed", "error": {"code": "internal_error", "message": "It broke."}}),
    ],
)
async def test_any_other_refusal_of_a_look_is_no_word_about_the_job(
    status: int, body: object
) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood) as raised:
            await house.outcome(body, status=status)
    assert not isinstance(raised.value, NotThere)


@pytest.mark.parametrize("status", [500, 503])
async def test_a_server_in_trouble_is_no_verdict_whatever_it_says(status: int) -> None:
    async with a_house() as house:
        with pytest.raises(Unreachable):
            await house.outcome({"code": "internal", "error": UNFIT}, status=status)


@pytest.mark.parametrize(
    "job", [{"status": "queued"}, {"status": None}, {"status": ["done"]}, {}, [7], "done"]
)
async def test_what_is_outside_the_contract_is_ignorance(job: object) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood) as raised:
            await house.outcome(job)
    assert not isinstance(raised.value, NotThere)


@pytest.mark.parametrize("ticket", [{}, {"id": 7}, {"id": ""}, {"id": "a\n"}])
async def test_a_ticket_that_is_not_ours_is_not_understood(ticket: dict[str, object]) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood, match="not ours"):
            await house.provider.check(ticket)
        assert house.server.seen == []


@pytest.mark.parametrize("film", [{}, {"url": 1}, {"url": "file:///x"}, {"url": "https://[x"}])
async def test_a_film_that_is_not_ours_is_not_understood(film: dict[str, object]) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood, match="not ours"):
            async with house.provider.open(film):
                pass


async def test_nothing_is_stopped_or_searched_for_and_nothing_is_asked() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        asked = len(house.server.seen)
        assert await house.provider.cancel(ticket) is CancelOutcome.UNSUPPORTED
        found = await house.provider.find(TOKEN, SPEC, upstream_model=MODEL, since=NOON)
        assert found == Unknown()
        assert not house.provider.takes_hints
        assert len(house.server.seen) == asked


async def test_nothing_secret_is_logged_or_told(caplog: pytest.LogCaptureFixture) -> None:
    said = []
    with caplog.at_level(logging.DEBUG):
        async with a_house() as house:
            ticket = await house.submit()
            for fault in ("echo", "unauthorized", "drop", "html", "server_error"):
                verdict = await house.verdict(fault)
                said.append(f"{verdict} {getattr(verdict, 'note', '')}")
            house.upset("look", "unauthorized")
            with pytest.raises(Unreachable) as unreachable:
                await house.provider.check(ticket)
            said.append(str(unreachable.value))
    for line in [*said, caplog.text]:
        assert KEY not in line
    assert SPEC.prompt not in caplog.text


# -- the simulator --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"model": None}, "model"),
        ({"prompt": ""}, "prompt"),
        ({"aspect_ratio": "21:9"}, "aspect_ratio"),
        ({"resolution": "4k"}, "resolution"),
        ({"resolution": "1080p"}, "not supported by grok-imagine-video"),
        ({"duration": 16}, "maximum allowed of 15s"),
        ({"duration": "5"}, "integer"),
        ({"generate_audio": "no"}, "boolean"),
        ({"image": {"url": "iVBORw0KGgo="}}, "data URI"),
        ({"reference_images": [{"url": "https://a.example/1.png"}] * 8}, "maximum of 7"),
        ({"last_frame": {"url": "https://a.example/1.png"}}, "not supported"),
    ],
)
def test_the_simulator_takes_nothing_that_xai_would_not(
    more: dict[str, object], sentence: str
) -> None:
    good = {"model": MODEL, "prompt": "A boat.", "duration": 5}
    assert xai_wishes.objection(good) == ""
    assert sentence in xai_wishes.objection({**good, **more})


async def test_a_model_that_it_does_not_have_is_nobodys_fault_but_the_routes() -> None:
    server = XaiServer(settings=Settings(models=frozenset({"grok-imagine-video-1.5"})))
    async with serving(server) as port:
        provider = Xai("xai", Rest(f"http://127.0.0.1:{port}/v1", CREDENTIAL))
        with pytest.raises(Refused) as raised:
            await House(ManualClock(NOON), server, provider).submit()
        await provider.close()
    assert raised.value.blame is Blame.PROVIDER


# -- configuration --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base_url", "profile", "options", "sentence"),
    [
        ("xai", None, {}, "no http"),
        (None, "pro", {}, "no profile 'pro'"),
        (None, None, {"colour": 1}, "no option 'colour'; it has look_again_s"),
        (None, None, {"ask_timeout_s": 0}, "above 0"),
        (None, None, {"look_again_s": True}, "above 0"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(
    base_url: str | None, profile: str | None, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(Misconfigured, match=sentence):
        build(
            "xai",
            name="x",
            base_url=base_url,
            credential=CREDENTIAL,
            profile=profile,
            options=options,
        )


async def test_it_needs_a_key_and_no_address() -> None:
    with pytest.raises(Misconfigured, match="needs an api_key"):
        build("xai", name="x")
    provider = build("xai", name="x", credential=CREDENTIAL, options={"look_again_s": 9})
    assert isinstance(provider, Xai)
    assert provider._rest.hidden == (KEY, "api.x.ai")
    assert ADDRESS == "https://api.x.ai/v1"
    await provider.close()
