"""`minimax`: what is told upstream, how its words are read, and where the key goes.

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

from rushes.domain.errors import SENTENCES, Blame, Reason
from rushes.domain.reading import shipped_cards
from rushes.domain.smallest import can_start_from_words, smallest_spec
from rushes.domain.spec import Asset, Mode, Role, Spec
from rushes.providers import minimax
from rushes.providers._minimax_answers import WORDS, as_submit
from rushes.providers._minimax_orders import MODELS, MODES, objection, told
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
from rushes.providers.minimax import REGIONS, MiniMax
from rushes.providers.registry import Misconfigured, build
from rushes.providers.rest import Credential
from rushes.testing.conformance.scenes.minimax import KEY, MODEL, SPEC
from rushes.testing.conformance.scenes.simulated import HOUR_S, NOON
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.films import tiny_film, tiny_still
from rushes.testing.simulators.host import Reply, serving
from rushes.testing.simulators.minimax import MiniMaxServer
from rushes.testing.simulators.minimax_errors import base_resp, refusal
from rushes.testing.simulators.script import Rule

TOKEN = "f" * 32
GOLDENS = sorted((Path(__file__).parent / "goldens" / "minimax").glob("*.json"))
CARDS = [card for card in shipped_cards() if card.id in MODELS]


class Folder:
    """Assets in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def path_of(self, blob: str) -> Path:
        return self.folder / blob


class House:
    """A provider and its upstream."""

    def __init__(self, clock: ManualClock, server: MiniMaxServer, provider: MiniMax) -> None:
        self.clock = clock
        self.server = server
        self.provider = provider

    def upset(self, on: str, fault: str, **more: Any) -> None:
        self.server.script.clear()
        self.server.script.add(Rule(on, fault, **more))

    def answer(self, on: str, body: object, status: int = 200) -> None:
        """Have every call of a verb answered so, word for word."""
        self.upset(on, "answer", value={"status": status, "body": body}, accepted=True)

    async def submit(
        self, spec: Spec = SPEC, folder: Path = Path("/nowhere"), callback: str | None = None
    ) -> dict[str, Any]:
        ticket = await self.provider.submit(
            spec, upstream_model=MODEL, token=TOKEN, assets=Folder(folder), callback_url=callback
        )
        return dict(ticket)

    async def outcome(self, body: dict[str, object], status: int = 200) -> object:
        """Look at a task of which this is told."""
        ticket = await self.submit()
        self.answer("look", {"task_id": ticket["id"], **body}, status)
        return await self.provider.check(ticket)

    async def film(self, film: Mapping[str, object]) -> bytes:
        async with self.provider.open(film) as stream:
            return b"".join([chunk async for chunk in stream.chunks])

    async def made(self) -> Ready:
        """Have a film made."""
        ticket = await self.submit()
        self.clock.advance(60)
        ready = await self.provider.check(ticket)
        assert isinstance(ready, Ready)
        return ready


@asynccontextmanager
async def a_house() -> AsyncIterator[House]:
    clock = ManualClock(NOON)
    server = MiniMaxServer(clock=clock, key=KEY)
    async with serving(server) as port:
        provider = minimax.build(
            name="minimax",
            base_url=f"http://127.0.0.1:{port}",
            credential=Credential("env:MINIMAX_API_KEY", KEY),
            profile=None,
            options={},
        )
        try:
            yield House(clock, server, provider)
        finally:
            await provider.close()


# -- what is told ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_a_spec_is_told_in_minimaxs_words(path: Path) -> None:
    golden = json.loads(path.read_text())
    spec, model = msgspec.convert(golden["spec"], Spec), golden["upstream_model"]
    assert objection(spec, model) == golden.get("refused", "")
    if "refused" not in golden:
        assert told(spec, model, golden.get("media", [])) == golden["body"]


def test_every_mode_and_every_model_has_a_golden() -> None:
    goldens = [json.loads(path.read_text()) for path in GOLDENS]
    assert {golden["spec"]["mode"] for golden in goldens} == set(Mode)
    assert {golden["upstream_model"] for golden in goldens if "body" in golden} == set(MODELS)
    assert {mode for model in MODELS.values() for mode in model.modes} == MODES


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_what_is_told_is_taken_by_minimaxs_reference(path: Path) -> None:
    golden = json.loads(path.read_text())
    if "body" in golden:
        assert MiniMaxServer().objection(golden["body"]) is None


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_a_card_promises_no_more_than_its_model_makes(card: Any) -> None:
    assert set(card.modes) == set(MODELS[card.id].modes)
    for lengths in MODELS[card.id].modes.values():
        assert set(card.resolutions) <= set(lengths)
        assert set(card.seconds) == lengths[card.resolution_default]
    if can_start_from_words(card):
        assert objection(smallest_spec(card, model=card.id), card.id) == ""


async def test_a_create_arrives_with_the_file_inside(tmp_path: Path) -> None:
    (tmp_path / ("a" * 64)).write_bytes(tiny_still("PNG"))
    first = Asset(Role.FIRST_FRAME, "image", blob="a" * 64, content_type="image/png")
    spec = replace(SPEC, mode=Mode.IMAGE_TO_VIDEO, assets=(first,))
    async with a_house() as house:
        ticket = await house.submit(spec, tmp_path, callback="http://hooks.example/x")
        [job] = house.server.jobs.values()
        [seen] = house.server.seen
    assert ticket == {"id": job.id}
    assert job.said("first_frame_image").startswith("data:image/png;base64,")
    assert "callback_url" not in job.fields  # who rings there cannot be verified
    assert seen.headers["authorization"] == f"Bearer {KEY}"


async def test_a_file_that_cannot_be_read_is_met_before_anything_is_sent() -> None:
    first = Asset(Role.FIRST_FRAME, "image", blob="a" * 64, content_type="image/png")
    async with a_house() as house:
        with pytest.raises(Busy, match="not sent"):
            await house.submit(replace(SPEC, mode=Mode.IMAGE_TO_VIDEO, assets=(first,)))
        assert house.server.seen == []


# -- how its words are read: a create -------------------------------------------------------


def verdict_on(reply: Reply) -> Exception:
    answer = as_submit(Answer(reply.status, reply.headers, reply.body))
    return judge_submit(answer, WORDS)


@pytest.mark.parametrize(
    ("name", "blame", "reason"),
    [
        ("invalid", Blame.CALLER, Reason.PARAMETERS_REFUSED),
        ("moderated", Blame.CALLER, Reason.CONTENT_REFUSED),
        ("unauthorized", Blame.HOUSE, Reason.PROVIDER_UNUSABLE),
        ("bad_key", Blame.HOUSE, Reason.PROVIDER_UNUSABLE),
        ("out_of_money", Blame.HOUSE, Reason.PROVIDER_UNUSABLE),
        ("plan_without_model", Blame.PROVIDER, Reason.PROVIDER_UNUSABLE),
        ("model_retired", Blame.PROVIDER, Reason.PROVIDER_UNUSABLE),
    ],
)
async def test_a_documented_code_without_a_task_is_a_refusal(
    name: str, blame: Blame, reason: Reason
) -> None:
    async with a_house() as house:
        house.upset("create", name)
        with pytest.raises(Refused) as raised:
            await house.submit()
        assert house.server.jobs == {}
    assert (raised.value.blame, raised.value.failure.reason) == (blame, reason)
    assert raised.value.is_retired == (name == "model_retired")


async def test_refused_content_is_told_in_the_houses_words() -> None:
    async with a_house() as house:
        house.upset("create", "moderated")
        with pytest.raises(Refused) as raised:
            await house.submit()
    assert raised.value.failure.message == SENTENCES[Reason.CONTENT_REFUSED]


@pytest.mark.parametrize("name", ["rate_limited", "plan_used_up", "token_limit"])
async def test_a_code_that_asks_for_patience_is_busy(name: str) -> None:
    async with a_house() as house:
        house.upset("create", name)
        with pytest.raises(Busy):
            await house.submit()


@pytest.mark.parametrize(
    "body",
    [
        refusal(1000).body,
        refusal(1001).body,
        refusal(1024).body,
        refusal(1033).body,
        refusal(1013).body,
        refusal(7777).body,
        b'{"base_resp": {"status_code": true}}',
        b'{"base_resp": "1008"}',
        b'{"task_id": ""}',
        b'{"task_id": "a b"}',
        b'{"task_id": true}',
        b"[]",
        b"",
    ],
)
async def test_what_proves_nothing_about_a_create_is_in_doubt(body: bytes) -> None:
    async with a_house() as house:
        said = msgspec.json.decode(body) if body else ""
        house.answer("create", said)
        with pytest.raises(InDoubt):
            await house.submit()
        assert len(house.server.log.entries) == 1


async def test_a_task_is_a_task_whatever_stands_beside_it() -> None:
    async with a_house() as house:
        house.answer("create", {"task_id": 365, "base_resp": base_resp(1002)})
        assert await house.submit() == {"id": "365"}


@pytest.mark.parametrize(
    ("status", "expected"), [(429, Refused), (400, Refused), (500, InDoubt), (503, InDoubt)]
)
def test_the_form_of_its_other_paths_is_understood_and_no_5xx_is_proof(
    status: int, expected: type[Exception]
) -> None:
    body = {"type": "error", "error": {"type": "x", "message": "insufficient balance (1008)"}}
    verdict = verdict_on(Reply.of(status, body))
    assert isinstance(verdict, expected)
    if isinstance(verdict, Refused):
        assert verdict.failure.reason is Reason.PROVIDER_UNUSABLE


# -- how its words are read: a look ---------------------------------------------------------


@pytest.mark.parametrize("word", ["Preparing", "Queueing", "Processing"])
async def test_a_task_that_is_not_done_is_work(word: str) -> None:
    async with a_house() as house:
        working = await house.outcome({"status": word, "base_resp": base_resp(0)})
    assert working == Working(look_again_s=minimax.LOOK_AGAIN_S)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (0, Reason.PROVIDER_FAILED),
        (1000, Reason.PROVIDER_FAILED),
        (1002, Reason.PROVIDER_RATE_LIMITED),
        (1008, Reason.PROVIDER_UNUSABLE),
        (1026, Reason.CONTENT_REFUSED),
        (1027, Reason.CONTENT_REFUSED),
        (2013, Reason.PARAMETERS_REFUSED),
        (7777, Reason.PROVIDER_FAILED),
    ],
)
@pytest.mark.parametrize("word", ["Fail", "Failed"])
async def test_a_task_that_failed_is_lost_for_its_code(
    word: str, code: int, reason: Reason
) -> None:
    async with a_house() as house:
        lost = await house.outcome({"status": word, "base_resp": base_resp(code)})
    assert isinstance(lost, Lost)
    assert lost.failure.reason is reason


@pytest.mark.parametrize("code", [1026, 1027])
async def test_a_word_about_content_needs_no_status_to_be_of_the_task(code: int) -> None:
    async with a_house() as house:
        lost = await house.outcome({"task_id": "", "base_resp": base_resp(code)})
    assert isinstance(lost, Lost)
    assert lost.failure.reason is Reason.CONTENT_REFUSED


@pytest.mark.parametrize(
    ("said", "raised"),
    [
        ({"task_id": "", "base_resp": base_resp(1002)}, Unreachable),
        ({"task_id": "", "base_resp": base_resp(1004)}, Unreachable),
        ({"task_id": "", "base_resp": base_resp(1008)}, Unreachable),
        ({"task_id": "", "base_resp": base_resp(1024)}, Unreachable),
        ({"task_id": "", "base_resp": base_resp(2013)}, NotThere),
        ({"task_id": "", "base_resp": base_resp(7777)}, NotUnderstood),
        ({"task_id": "7", "base_resp": base_resp(1027)}, NotUnderstood),
        ({"task_id": "7", "status": "Success", "file_id": "8"}, NotUnderstood),
        ({"status": ""}, NotUnderstood),
        ({"status": 2}, NotUnderstood),
        ({"status": "Pondering"}, NotUnderstood),
        ({"status": "success", "file_id": "8"}, NotUnderstood),  # the second version's word
        ({"status": "Success", "file_id": ""}, NotThere),
        ({"status": "Success"}, NotThere),
    ],
)
async def test_a_look_that_says_nothing_of_the_task_is_ignorance(
    said: dict[str, object], raised: type[Exception]
) -> None:
    async with a_house() as house:
        with pytest.raises(raised) as caught:
            await house.outcome(said)
    assert isinstance(caught.value, NotThere) == (raised is NotThere)


# -- films ----------------------------------------------------------------------------------


async def test_a_film_is_fetched_by_its_file_without_the_key() -> None:
    async with a_house() as house:
        ready = await house.made()
        [job] = house.server.jobs.values()
        assert ready.film == {"file_id": str(int(job.id) + 10**9)}
        assert ready.usage == {"video_width": 1366, "video_height": 768}
        assert await house.film(ready.film) == tiny_film()
        asked, fetched = house.server.seen[-2:]
        assert asked.path == "/v1/files/retrieve"
        assert asked.headers["authorization"] == f"Bearer {KEY}"
        assert fetched.path == f"/films/{job.id}/output.mp4"
        assert "authorization" not in fetched.headers


async def test_a_link_is_asked_for_anew_when_the_last_one_has_ended() -> None:
    async with a_house() as house:
        ready = await house.made()
        assert await house.film(ready.film) == tiny_film()
        house.clock.advance(2 * HOUR_S)
        assert await house.film(ready.film) == tiny_film()


async def test_a_link_that_has_ended_and_is_told_again_is_lost() -> None:
    async with a_house() as house:
        ready = await house.made()
        async with house.provider.open(ready.film):
            pass
        port = 0
        [job] = house.server.jobs.values()
        file = house.server._file(job, port)
        house.clock.advance(2 * HOUR_S)
        host = house.server.seen[-1].headers["host"]
        link = str(file["download_url"]).replace("localhost:0", host)
        house.answer("retrieve", {"file": file | {"download_url": link}})
        with pytest.raises(FilmLost):
            await house.film(ready.film)


@pytest.mark.parametrize(
    ("on", "fault", "raised"),
    [
        ("retrieve", "not_found", NotThere),
        ("retrieve", "no_link", NotThere),
        ("retrieve", "other_file", NotUnderstood),
        ("retrieve", "html", NotUnderstood),
        ("retrieve", "unheard_of", NotUnderstood),
        ("retrieve", "unauthorized", Unreachable),
        ("retrieve", "rate_limited", Unreachable),
        ("retrieve", "internal", Unreachable),
        ("retrieve", "unavailable", Unreachable),
        ("retrieve", "drop", Unreachable),
        ("film", "forbidden", FilmLost),
        ("film", "empty", None),
    ],
)
async def test_a_file_that_is_not_given_is_told_apart(
    on: str, fault: str, raised: type[Exception] | None
) -> None:
    async with a_house() as house:
        ready = await house.made()
        house.upset(on, fault)
        if raised is None:
            assert await house.film(ready.film) == b""
            return
        with pytest.raises(raised) as caught:
            await house.film(ready.film)
    assert isinstance(caught.value, NotThere) == (raised is NotThere)


@pytest.mark.parametrize(
    "link", ["file:///etc/passwd", "/films/1", "https://", "https://" + 5000 * "a", 7, "http://ü.x"]
)
async def test_a_file_at_no_address_is_not_understood(link: object) -> None:
    async with a_house() as house:
        ready = await house.made()
        house.answer("retrieve", {"file": {**ready.film, "download_url": link}})
        with pytest.raises(NotUnderstood):
            await house.film(ready.film)


@pytest.mark.parametrize("film", [{}, {"file_id": "a/b"}, {"file_id": True}, {"file_id": -1}])
async def test_a_film_of_another_provider_is_not_understood(film: Mapping[str, object]) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood):
            await house.film(film)
        assert house.server.seen == []


# -- cancel and find ------------------------------------------------------------------------


async def test_nothing_is_stopped_or_found_and_nothing_asked() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        assert await house.provider.cancel(ticket) is CancelOutcome.UNSUPPORTED
        found = await house.provider.find(TOKEN, SPEC, upstream_model=MODEL, since=NOON)
        assert found == Unknown()
        assert len(house.server.seen) == 1


# -- secrets --------------------------------------------------------------------------------


async def test_nothing_secret_is_logged_or_told(caplog: pytest.LogCaptureFixture) -> None:
    said = []
    with caplog.at_level(logging.DEBUG):
        async with a_house() as house:
            ready = await house.made()
            for fault in ("echo", "unauthorized", "drop", "html", "server_error", "unheard_of"):
                house.upset("create", fault)
                with pytest.raises((Refused, Busy, InDoubt)) as raised:
                    await house.submit()
                said.append(f"{raised.value} {getattr(raised.value, 'note', '')}")
            house.upset("retrieve", "unauthorized")
            with pytest.raises(Unreachable) as unreachable:
                await house.film(ready.film)
            said.append(str(unreachable.value))
    for line in [*said, caplog.text]:
        assert KEY not in line
        assert "Signature" not in line
    assert SPEC.prompt not in caplog.text


# -- configuration --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base_url", "profile", "options", "sentence"),
    [
        (None, "pro", {}, "no profile 'pro'"),
        (None, None, {"colour": 1}, "no option 'colour'; it has look_again_s"),
        (None, None, {"ask_timeout_s": 0}, "above 0"),
        (None, None, {"look_again_s": True}, "above 0"),
        (None, None, {"region": "mars"}, "one of intl, cn; got 'mars'"),
        (None, None, {"region": ["cn"]}, "one of intl, cn"),
        ("https://films.example", None, {"region": "cn"}, "and not both"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(
    base_url: str | None, profile: str | None, options: dict[str, object], sentence: str
) -> None:
    credential = Credential("env:MINIMAX_API_KEY", KEY)
    with pytest.raises(Misconfigured, match=sentence):
        build(
            "minimax",
            name="m",
            base_url=base_url,
            credential=credential,
            profile=profile,
            options=options,
        )


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_has_an_address(region: str) -> None:
    credential = Credential("env:MINIMAX_API_KEY", KEY)
    provider = build("minimax", name="m", credential=credential, options={"region": region})
    assert provider.name == "m"


def test_a_key_is_wanted() -> None:
    with pytest.raises(Misconfigured, match="needs an api_key"):
        build("minimax", name="m")
