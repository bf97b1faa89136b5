"""`fal`: what is told upstream, how its words are read, where the key goes, and whose bell it is.

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
from rushes.providers import fal
from rushes.providers._fal_answers import WORDS, read
from rushes.providers._fal_orders import APPS, MODES, objection, path_of, told
from rushes.providers.answers import Answer, judge_submit
from rushes.providers.base import (
    Busy,
    CancelOutcome,
    FilmLost,
    Forged,
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
from rushes.providers.fal import Fal
from rushes.providers.registry import Misconfigured, build
from rushes.providers.rest import Credential
from rushes.testing.conformance.scenes.fal import JWK_X, KEY, MODEL, SPEC
from rushes.testing.conformance.scenes.simulated import NOON, Stranger
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.fal import FalServer
from rushes.testing.simulators.fal_bells import Bells
from rushes.testing.simulators.fal_errors import REPLIES, complaint
from rushes.testing.simulators.films import tiny_film, tiny_still
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.script import Rule

TOKEN = "f" * 32
GOLDENS = sorted((Path(__file__).parent / "goldens" / "fal").glob("*.json"))


class Folder:
    """Assets in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def path_of(self, blob: str) -> Path:
        return self.folder / blob


class House:
    """A provider and its upstream."""

    def __init__(self, clock: ManualClock, server: FalServer, provider: Fal, port: int) -> None:
        self.clock = clock
        self.server = server
        self.provider = provider
        self.port = port

    def upset(self, on: str, fault: str, **more: Any) -> None:
        self.server.script.clear()
        self.server.script.add(Rule(on, fault, **more))

    async def submit(
        self, spec: Spec = SPEC, folder: Path = Path("/nowhere"), callback: str | None = None
    ) -> dict[str, Any]:
        ticket = await self.provider.submit(
            spec,
            upstream_model=MODEL,
            token=TOKEN,
            assets=Folder(folder),
            callback_url=callback,
        )
        return dict(ticket)

    async def outcome(self, **status: object) -> object:
        """Have a request whose status is told so, and look at it."""
        ticket = await self.submit()
        said = {"request_id": ticket["id"], **status}
        self.server.script.add(Rule("status", "answer", value={"status": 200, "body": said}))
        return await self.provider.check(ticket)

    async def ended(self, status: int, body: object, **said: str) -> object:
        """Have a request that is over, whose result is answered so, and look at it."""
        told = {"status": status, "body": body}
        self.server.script.add(Rule("result", "answer", value=told))
        return await self.outcome(status="COMPLETED", **said)


@asynccontextmanager
async def a_house(**options: object) -> AsyncIterator[House]:
    clock = ManualClock(NOON)
    server = FalServer(clock=clock, key=KEY)
    async with serving(server) as port:
        provider = fal.build(
            name="fal",
            base_url=f"http://127.0.0.1:{port}",
            credential=Credential("env:FAL_KEY", KEY),
            profile=None,
            options=options,
        )
        try:
            yield House(clock, server, provider, port)
        finally:
            await provider.close()


# -- what is told ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_a_spec_is_told_in_the_words_of_its_app(path: Path) -> None:
    golden = json.loads(path.read_text())
    spec, model = msgspec.convert(golden["spec"], Spec), golden["upstream_model"]
    assert objection(spec, model) == golden.get("refused", "")
    if "refused" not in golden:
        assert path_of(spec, model) == golden["path"]
        assert told(spec, model, golden.get("media", [])) == golden["body"]


def test_every_mode_and_every_app_has_a_golden() -> None:
    goldens = [json.loads(path.read_text()) for path in GOLDENS]
    assert {golden["spec"]["mode"] for golden in goldens} == set(Mode)
    assert {golden["upstream_model"] for golden in goldens if "body" in golden} == set(APPS)
    assert {mode for app in APPS.values() for mode in app.endpoints} == MODES


async def test_a_create_arrives_at_its_endpoint_with_the_files_inside(tmp_path: Path) -> None:
    (tmp_path / ("a" * 64)).write_bytes(tiny_still("PNG"))
    first = Asset(Role.FIRST_FRAME, "image", blob="a" * 64, content_type="image/png")
    spec = replace(SPEC, mode=Mode.IMAGE_TO_VIDEO, assets=(first,))
    async with a_house(priority="low", start_timeout_s=90) as house:
        ticket = await house.submit(spec, tmp_path)
        [job] = house.server.jobs.values()
        [seen] = house.server.seen
    assert ticket == {"id": job.id, "app": MODEL}
    assert (seen.path, seen.query) == (f"/{MODEL}/image-to-video", "")
    assert job.said("image_url").startswith("data:image/png;base64,")
    assert seen.headers["authorization"] == f"Key {KEY}"
    assert seen.headers["x-fal-queue-priority"] == "low"
    assert seen.headers["x-fal-request-start-timeout"] == "90"


async def test_a_file_that_cannot_be_read_is_met_before_anything_is_sent() -> None:
    first = Asset(Role.FIRST_FRAME, "image", blob="a" * 64, content_type="image/png")
    async with a_house() as house:
        with pytest.raises(Busy, match="not sent"):
            await house.submit(replace(SPEC, mode=Mode.IMAGE_TO_VIDEO, assets=(first,)))
        assert house.server.seen == []


# -- where it asks --------------------------------------------------------------------------


def accepted(**urls: str) -> dict[str, Any]:
    return {"status": 200, "body": {"request_id": "r1", "status": "IN_QUEUE", **urls}}


async def test_the_addresses_that_were_told_are_asked() -> None:
    async with a_house() as house:
        there = f"http://127.0.0.1:{house.port}/other/place/requests/r1"
        house.upset("create", "answer", value=accepted(status_url=f"{there}/status"))
        ticket = await house.submit()
        assert ticket == {"id": "r1", "app": MODEL, "status": "/other/place/requests/r1/status"}
        with pytest.raises(NotThere):
            await house.provider.check(ticket)
        assert house.server.seen[-1].path == "/other/place/requests/r1/status"


async def test_an_address_at_another_host_is_not_asked_and_learns_no_key() -> None:
    stranger = Stranger()
    async with a_house() as house, serving(stranger) as port:
        far = f"http://127.0.0.1:{port}/fal-ai/veo3.1/requests/r1"
        house.upset("create", "answer", value=accepted(status_url=far, response_url=far))
        ticket = await house.submit()
        assert ticket == {"id": "r1", "app": MODEL}
        with pytest.raises(NotThere):
            await house.provider.check(ticket)
        assert house.server.seen[-1].path == "/fal-ai/veo3.1/requests/r1/status"
    assert stranger.told == []


@pytest.mark.parametrize("path", ["/a/../b", "/a?key=1", "/", "//evil.example/x", 7, None])
async def test_a_ticket_with_a_strange_path_is_not_understood(path: object) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood):
            await house.provider.check({"id": "r1", "app": MODEL, "status": path})
        assert house.server.seen == []


async def test_a_ticket_that_an_operator_wrote_is_enough() -> None:
    async with a_house() as house:
        request_id = (await house.submit())["id"]
        assert await house.provider.check({"id": request_id, "app": MODEL}) == Working()


async def test_the_film_is_fetched_without_the_key() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.clock.advance(60)
        ready = await house.provider.check(ticket)
        assert isinstance(ready, Ready)
        async with house.provider.open(ready.film) as stream:
            content = b"".join([chunk async for chunk in stream.chunks])
        assert content == tiny_film()
        assert "authorization" not in house.server.seen[-1].headers
        assert ready.usage == {"inference_time": 2.0, "billable_units": 8.0}


# -- how its words are read -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected", "blame", "reason"),
    [
        ("invalid", Refused, Blame.CALLER, Reason.PARAMETERS_REFUSED),
        ("moderated", Refused, Blame.CALLER, Reason.CONTENT_REFUSED),
        ("unauthorized", Refused, Blame.HOUSE, Reason.PROVIDER_UNUSABLE),
        ("forbidden", Refused, Blame.HOUSE, Reason.PROVIDER_UNUSABLE),
        ("out_of_money", Refused, Blame.HOUSE, Reason.PROVIDER_UNUSABLE),
        ("no_app", Refused, Blame.PROVIDER, Reason.PROVIDER_UNUSABLE),
        ("rate_limited", Busy, None, None),
        ("server_error", InDoubt, None, None),
        ("unavailable", InDoubt, None, None),
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


def test_of_several_complaints_the_one_about_content_is_told() -> None:
    detail = [
        complaint("missing", "Field required", "seed"),
        complaint("content_policy_violation", "Flagged.", "prompt"),
    ]
    answer = Answer(422, {}, json.dumps({"detail": detail}).encode())
    verdict = judge_submit(read(answer), WORDS)
    assert isinstance(verdict, Refused)
    assert verdict.failure.reason is Reason.CONTENT_REFUSED


def model_says(word: str, *where: str) -> dict[str, object]:
    return {"detail": [complaint(word, "It says so.", *where)]}


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (422, model_says("content_policy_violation", "prompt"), Reason.CONTENT_REFUSED),
        (422, model_says("one_of", "duration"), Reason.PARAMETERS_REFUSED),
        (422, model_says("no_media_generated", "prompt"), Reason.PROVIDER_FAILED),
        (500, model_says("internal_server_error"), Reason.PROVIDER_FAILED),
        (504, model_says("generation_timeout"), Reason.TIMED_OUT),
        (504, {"detail": "Late.", "error_type": "startup_timeout"}, Reason.TIMED_OUT),
        (503, {"detail": "Gone.", "error_type": "runner_disconnected"}, Reason.PROVIDER_FAILED),
    ],
)
async def test_completed_can_be_a_failure_that_only_the_result_tells(
    status: int, body: object, reason: Reason
) -> None:
    async with a_house() as house:
        lost = await house.ended(status, body)
    assert isinstance(lost, Lost)
    assert lost.failure.reason is reason


@pytest.mark.parametrize("result", [(500, "?"), (404, {"detail": "?"}), (200, {})])
async def test_a_failure_that_the_status_tells_is_one_whatever_the_result_is(
    result: tuple[int, object],
) -> None:
    said = {"error": "It took too long.", "error_type": "request_timeout"}
    async with a_house() as house:
        lost = await house.ended(result[0], result[1], **said)
    assert isinstance(lost, Lost)
    assert lost.failure.reason is Reason.TIMED_OUT


@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (500, "?", Unreachable),
        (503, None, Unreachable),
        (500, {"detail": "?", "error_type": "internal_error"}, Unreachable),
        (401, {"detail": "?"}, Unreachable),
        (429, {"detail": "?"}, Unreachable),
        (404, {"detail": "?"}, NotThere),
        (400, {"detail": "Request is still in progress"}, NotUnderstood),
        (422, {"detail": [{"loc": ["path", "id"], "msg": "?", "type": "uuid"}]}, NotUnderstood),
        (200, ["?"], NotUnderstood),
        (200, {"video": {"url": "file:///etc/passwd"}}, NotThere),
        (200, {"video": {"url": "https://" + 3900 * "a"}}, NotThere),
        (200, {"seed": 7}, NotThere),
    ],
)
async def test_a_result_that_says_nothing_of_the_request_is_ignorance(
    status: int, body: object, raised: type[Exception]
) -> None:
    async with a_house() as house:
        with pytest.raises(raised):
            await house.ended(status, body)


async def test_a_failure_is_not_told_before_its_reason_could_be_asked_for() -> None:
    async with a_house() as house:
        with pytest.raises(Unreachable):
            await house.ended(401, {"detail": "?"}, error="Unexpected status code: 422")


async def test_one_of_several_videos_is_a_film_too() -> None:
    async with a_house() as house:
        ready = await house.ended(200, {"videos": [{"url": "https://v3.fal.media/a.mp4"}]})
    assert ready == Ready({"url": "https://v3.fal.media/a.mp4"})


async def test_a_status_of_another_request_is_not_believed() -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood):
            await house.outcome(request_id="another", status="COMPLETED")


async def test_a_link_that_has_ended_is_lost() -> None:
    async with a_house() as house:
        link = f"http://localhost:{house.port}/files/nothing.mp4"
        with pytest.raises(FilmLost):
            async with house.provider.open({"url": link}):
                pass


@pytest.mark.parametrize("film", [{}, {"url": 7}, {"url": "gs://a/b"}])
async def test_a_film_of_another_provider_is_not_understood(film: Mapping[str, object]) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood):
            async with house.provider.open(film):
                pass


# -- cancel and find ------------------------------------------------------------------------


async def test_what_runs_is_not_asked_to_stop_for_it_may_be_made_all_the_same() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.clock.advance(1.5)
        assert await house.provider.cancel(ticket) is CancelOutcome.TOO_LATE
        assert [seen.method for seen in house.server.seen] == ["POST", "GET"]


async def test_a_cancel_that_got_through_unanswered_is_known() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        said = {"request_id": ticket["id"], "status": "COMPLETED", "error_type": "client_cancelled"}
        house.upset("status", "answer", value={"status": 200, "body": said})
        assert await house.provider.cancel(ticket) is CancelOutcome.CANCELED


async def test_a_cancel_does_not_guess_at_an_unknown_word() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.upset("status", "unknown_word")
        with pytest.raises(NotUnderstood):
            await house.provider.cancel(ticket)


async def test_nothing_is_found_and_nothing_asked() -> None:
    async with a_house() as house:
        found = await house.provider.find(TOKEN, SPEC, upstream_model=MODEL, since=NOON)
        assert found == Unknown()
        assert house.server.seen == []


# -- bells ----------------------------------------------------------------------------------


def a_fal(keys: list[str] | None) -> Fal:
    options = {} if keys is None else {"webhook_keys": keys}
    credential = Credential("env:FAL_KEY", KEY)
    return fal.build(name="f", base_url=None, credential=credential, profile=None, options=options)


async def test_whoever_gave_no_keys_is_not_rung() -> None:
    assert a_fal(None).takes_hints is False
    assert a_fal([JWK_X]).takes_hints is True


@pytest.mark.parametrize("keys", [[JWK_X], [JWK_X, ""]])
async def test_a_bell_by_any_of_the_keys_is_fals(keys: list[str]) -> None:
    bells = Bells()
    provider = a_fal([key or bells.public_key for key in keys])
    bell = bells.bell("http://x", "r1", {"status": "OK"}, NOON, "")
    if "" in keys:
        assert provider.hint(bell.headers, bell.body) is None
    else:
        with pytest.raises(Forged):
            provider.hint(bell.headers, bell.body)


@pytest.mark.parametrize("fault", ["forged", "altered"])
async def test_a_bell_that_is_not_fals_is_refused(fault: str) -> None:
    bells = Bells()
    bell = bells.bell("http://x", "r1", {"status": "OK"}, NOON, fault)
    with pytest.raises(Forged):
        a_fal([bells.public_key]).hint(bell.headers, bell.body)


@pytest.mark.parametrize("name", ["request-id", "user-id", "timestamp", "signature"])
@pytest.mark.parametrize("said", [None, "zz"])
async def test_a_bell_whose_header_is_missing_or_changed_is_refused(
    name: str, said: str | None
) -> None:
    bells = Bells()
    bell = bells.bell("http://x", "r1", {"status": "OK"}, NOON, "")
    headers = {**bell.headers, f"x-fal-webhook-{name}": said}
    with pytest.raises(Forged):
        a_fal([bells.public_key]).hint(
            {header: value for header, value in headers.items() if value is not None}, bell.body
        )


async def test_fal_rings_where_it_was_asked_to() -> None:
    stranger = Stranger()
    async with a_house() as house, serving(stranger) as port:
        address = f"http://127.0.0.1:{port}/hooks/fal/{TOKEN}?a=b&c=d"
        ticket = await house.submit(callback=address)
        house.clock.advance(60)
        await house.server.ring()
        await house.server.ring()
        [bell] = house.server.bells.rung
        assert bell.address == address
        assert json.loads(bell.body)["request_id"] == ticket["id"]
        assert len(stranger.told) == 1
        a_fal([house.server.bells.public_key]).hint(bell.headers, bell.body)


# -- secrets --------------------------------------------------------------------------------


async def test_nothing_secret_is_logged_or_told(caplog: pytest.LogCaptureFixture) -> None:
    said = []
    hook = "http://hooks.example/hooks/fal/unguessable"
    with caplog.at_level(logging.DEBUG):
        async with a_house() as house:
            ticket = await house.submit(callback=hook)
            for fault in ("echo", "unauthorized", "drop", "html", "server_error"):
                house.upset("create", fault)
                with pytest.raises((Refused, Busy, InDoubt)) as raised:
                    await house.submit(callback=hook)
                said.append(f"{raised.value} {getattr(raised.value, 'note', '')}")
            house.upset("status", "unauthorized")
            with pytest.raises(Unreachable) as unreachable:
                await house.provider.check(ticket)
            said.append(str(unreachable.value))
    for line in [*said, caplog.text]:
        assert KEY not in line
        assert "unguessable" not in line
    assert SPEC.prompt not in caplog.text


# -- configuration --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "options", "sentence"),
    [
        ("pro", {}, "no profile 'pro'"),
        (None, {"colour": 1}, "no option 'colour'; it has look_again_s"),
        (None, {"ask_timeout_s": 0}, "above 0"),
        (None, {"start_timeout_s": True}, "above 0"),
        (None, {"priority": "high"}, "normal, low"),
        (None, {"webhook_keys": "x"}, "a list of keys"),
        (None, {"webhook_keys": []}, "a list of keys"),
        (None, {"webhook_keys": ["abc"]}, "32 bytes"),
        (None, {"webhook_keys": [7]}, "32 bytes"),
        (None, {"webhook_keys": ["%" * 43]}, "32 bytes"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(
    profile: str | None, options: dict[str, object], sentence: str
) -> None:
    credential = Credential("env:FAL_KEY", KEY)
    with pytest.raises(Misconfigured, match=sentence):
        build("fal", name="f", credential=credential, profile=profile, options=options)


def test_a_key_is_wanted() -> None:
    with pytest.raises(Misconfigured, match="needs an api_key"):
        build("fal", name="f")
