"""`replicate`: what a model is told, how predictions are read, who hears the key, who may ring."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from rushes.domain.errors import Blame, Reason
from rushes.domain.spec import Asset, Mode, Role, Spec
from rushes.observe import redact
from rushes.providers._replicate_answers import WORDS, read
from rushes.providers._replicate_jobs import cursor_in, film_in, progress_in, usage_in
from rushes.providers._replicate_orders import (
    Order,
    inputs_of,
    objection,
    place,
    read_inputs,
    told,
)
from rushes.providers.answers import Answer, judge_submit
from rushes.providers.base import (
    Absent,
    Busy,
    CancelOutcome,
    FilmLost,
    Forged,
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
from rushes.providers.fields import instant_in
from rushes.providers.registry import Misconfigured, build
from rushes.providers.replicate import (
    BASE_URL,
    DATA_URIS_BYTES_MAX,
    Replicate,
    is_delivery,
    terms_of,
)
from rushes.providers.rest import Credential, Rest
from rushes.providers.signed_calls import Ear
from rushes.testing.conformance.scenes.replicate import KEY, SPEC
from rushes.testing.conformance.scenes.simulated import NOON
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.films import tiny_film, tiny_still
from rushes.testing.simulators.host import Exchange, Reply, serving
from rushes.testing.simulators.replicate import DATA_S, ReplicateServer, Settings
from rushes.testing.simulators.replicate_bells import FORGED, SECRET, signatures_of
from rushes.testing.simulators.replicate_errors import FLAGGED, REPLIES
from rushes.testing.simulators.script import Rule

TOKEN = "f" * 32
MODEL = "bytedance/seedance-1-pro"
AT_S = int(NOON.timestamp())
BELL = "https://films.example.org/hooks/far/" + TOKEN
GOLDENS = sorted((Path(__file__).parent / "goldens" / "replicate").glob("*.json"))


class Folder:
    """Assets in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def path_of(self, blob: str) -> Path:
        return self.folder / blob


class House:
    """A provider and its upstream."""

    def __init__(self, clock: ManualClock, server: ReplicateServer, provider: Replicate) -> None:
        self.clock = clock
        self.server = server
        self.provider = provider

    def upset(self, on: str, fault: str, **more: Any) -> None:
        self.server.script.clear()
        self.server.script.add(Rule(on, fault, **more))

    async def submit(
        self,
        spec: Spec = SPEC,
        *,
        model: str = MODEL,
        folder: Path = Path("/nowhere"),
        callback_url: str | None = None,
    ) -> dict[str, Any]:
        ticket = await self.provider.submit(
            spec,
            upstream_model=model,
            token=TOKEN,
            assets=Folder(folder),
            callback_url=callback_url,
        )
        return dict(ticket)

    async def find(self, spec: Spec = SPEC, *, model: str = MODEL) -> object:
        return await self.provider.find(TOKEN, spec, upstream_model=model, since=NOON)

    async def outcome(self, **job: object) -> object:
        """Have a prediction that is told so, and look at it."""
        self.server.script.clear()
        ticket = await self.submit()
        self.upset("get", "answer", value={"status": 200, "body": {**ticket, **job}})
        return await self.provider.check(ticket)

    def finish(self) -> None:
        self.clock.advance(self.server.pace.total_s)

    async def content(self, film: Mapping[str, Any]) -> bytes:
        async with self.provider.open(film) as stream:
            return b"".join([chunk async for chunk in stream.chunks])


@asynccontextmanager
async def a_house(
    options: Mapping[str, object] | None = None, *, is_delivered: bool = False
) -> AsyncIterator[House]:
    clock = ManualClock(NOON)
    server = ReplicateServer(clock=clock, settings=Settings(key=KEY))
    async with serving(server) as port:
        terms, credential = terms_of(options or {}), Credential("env:KEY", KEY)
        provider = Replicate(
            "replicate",
            Rest(f"http://127.0.0.1:{port}/v1", credential, timeouts=terms.timeouts),
            credential,
            terms,
            Ear(SECRET, whose="Replicate", now=lambda: clock.now().timestamp()),
            delivers=lambda _: is_delivered,
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
    inputs = inputs_of(model, read_inputs(golden.get("inputs", {})))
    assert inputs is not None
    assert objection(spec, inputs) == golden.get("refused", "")
    if "refused" not in golden:
        order = Order(place(model), inputs, golden.get("media", []), golden.get("callback_url"))
        assert (order.place.path, told(spec, order)) == (golden["path"], golden["body"])


def test_every_mode_has_a_golden() -> None:
    assert {json.loads(path.read_text())["spec"]["mode"] for path in GOLDENS} == set(Mode)


def image(**changes: Any) -> Spec:
    first = Asset(Role.FIRST_FRAME, "image", blob="a" * 64, content_type="image/png")
    return replace(SPEC, mode=Mode.IMAGE_TO_VIDEO, assets=(replace(first, **changes),))


async def test_a_create_arrives_at_its_model_with_the_files_inside(tmp_path: Path) -> None:
    (tmp_path / ("a" * 64)).write_bytes(tiny_still("PNG"))
    async with a_house() as house:
        ticket = await house.submit(image(), folder=tmp_path)
        [job] = house.server.jobs.values()
        [seen] = house.server.seen
    assert ticket == {"id": job.id}
    assert seen.path == f"/v1/models/{MODEL}/predictions"
    content = base64.b64encode(tiny_still("PNG")).decode()
    given = job.fields["input"]
    assert isinstance(given, dict)
    assert given["image"] == f"data:image/png;base64,{content}"


async def test_a_file_too_large_for_a_data_uri_goes_by_its_public_address(tmp_path: Path) -> None:
    (tmp_path / ("a" * 64)).write_bytes(bytes(DATA_URIS_BYTES_MAX))
    async with a_house() as house:
        await house.submit(image(url="https://example.com/large.png"), folder=tmp_path)
        [job] = house.server.jobs.values()
        with pytest.raises(Refused) as raised:
            await house.submit(image(), folder=tmp_path)
    given = job.fields["input"]
    assert isinstance(given, dict)
    assert given["image"] == "https://example.com/large.png"
    assert raised.value.blame is Blame.PROVIDER


async def test_a_file_that_cannot_be_read_now_is_not_sent() -> None:
    async with a_house() as house:
        with pytest.raises(Busy, match="not sent"):
            await house.submit(image())
        assert house.server.seen == []


@pytest.mark.parametrize("model", ["acme/unheard-of", "seedance-1-pro", "a/b/c", ""])
async def test_a_model_whose_words_nobody_wrote_down_is_refused_unsent(model: str) -> None:
    async with a_house() as house:
        with pytest.raises(Refused) as raised:
            await house.submit(model=model)
        assert raised.value.blame is Blame.PROVIDER
        assert raised.value.failure.reason is Reason.PROVIDER_UNUSABLE
        assert "replicate: no " in raised.value.note
        assert house.server.seen == []
        assert await house.find(model=model) == Unknown()


async def test_half_a_character_is_no_reason_to_fail() -> None:
    async with a_house() as house:
        await house.submit(replace(SPEC, prompt="A boat \ud83d."))
        [job] = house.server.jobs.values()
    assert job.prompt == "A boat ?."


async def test_a_prediction_ends_by_itself_where_the_operator_wants_it() -> None:
    async with a_house({"cancel_after_s": 5}) as house:
        house.upset("create", "never_ends")
        ticket = await house.submit()
        assert house.server.seen[-1].headers["cancel-after"] == "5s"
        house.clock.advance(6)
        lost = await house.provider.check(ticket)
    assert isinstance(lost, Lost)


# -- how its answers are read -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "part"),
    [
        ("invalid", Refused, "Blame.CALLER"),
        ("moderated", Refused, "Blame.CALLER"),
        ("unauthorized", Refused, "Blame.HOUSE"),
        ("forbidden", Refused, "Blame.HOUSE"),
        ("out_of_money", Refused, "Blame.HOUSE"),
        ("not_found", Refused, "Blame.PROVIDER"),
        ("model_retired", Refused, "Blame.PROVIDER"),
        ("invalid_version", Refused, "Blame.PROVIDER"),
        ("redirected", Refused, "Blame.HOUSE"),
        ("rate_limited", Busy, "None"),
        ("rate_limited_for_a_while", Busy, "7.0"),
        ("server_error", InDoubt, ""),
        ("bad_gateway", InDoubt, ""),
        ("overloaded", InDoubt, ""),
        ("unavailable", InDoubt, ""),
        ("gateway_timeout", InDoubt, ""),
    ],
)
def test_every_answer_proves_what_it_proves(name: str, kind: type[Exception], part: str) -> None:
    reply = REPLIES[name]
    verdict = judge_submit(read(Answer(reply.status, reply.headers, reply.body)), WORDS)
    assert type(verdict) is kind
    if isinstance(verdict, Refused):
        assert str(verdict.blame) == str(getattr(Blame, part.partition(".")[2]))
        is_unfit = verdict.failure.reason is Reason.CONTENT_REFUSED
        assert is_unfit == (name == "moderated")
        assert verdict.is_retired == (name == "model_retired")
    if isinstance(verdict, Busy):
        assert str(verdict.retry_after_s) == part


def test_the_upstreams_own_header_counts_more_than_its_sentence() -> None:
    reply = REPLIES["rate_limited_for_a_while"]
    answer = read(Answer(429, {"retry-after": "3"}, reply.body))
    assert answer.headers["retry-after"] == "3"


@pytest.mark.parametrize("body", [{}, {"id": 7}, {"id": ""}, {"id": "a\nb"}, {"id": "a" * 600}])
async def test_a_success_without_an_id_is_doubt(body: object) -> None:
    async with a_house() as house:
        house.upset("create", "answer", value={"status": 201, "body": body})
        with pytest.raises(InDoubt, match="without an id"):
            await house.submit()


async def test_an_accepted_answer_that_is_no_201_has_a_ticket_too() -> None:
    async with a_house() as house:
        house.upset("create", "answer", value={"status": 202, "body": {"id": "a/b"}})
        ticket = await house.submit()
        with pytest.raises(NotThere):
            await house.provider.check(ticket)
        assert house.server.seen[-1].path == "/v1/predictions/a%2Fb"


# -- looks ------------------------------------------------------------------------------------


async def test_a_prediction_is_watched_to_its_film_and_its_measures() -> None:
    async with a_house({"look_again_s": 2}) as house:
        ticket = await house.submit()
        assert await house.provider.check(ticket) == Working(None, 2.0)
        house.clock.advance(house.server.pace.queue_s + house.server.pace.render_s / 2)
        assert await house.provider.check(ticket) == Working(50, 2.0)
        house.finish()
        ready = await house.provider.check(ticket)
        assert isinstance(ready, Ready)
        assert ready.usage == {"predict_time": 2.0, "total_time": 3.0}
        assert await house.content(ready.film) == tiny_film()


@pytest.mark.parametrize(
    ("job", "reason", "part"),
    [
        ({"status": "failed", "error": FLAGGED}, Reason.CONTENT_REFUSED, "flagged as sensitive"),
        (
            {"status": "failed", "error": "Content was flagged by the safety system."},
            Reason.CONTENT_REFUSED,
            "safety system",
        ),
        ({"status": "failed", "error": "NSFW content detected."}, Reason.CONTENT_REFUSED, "NSFW"),
        ({"status": "failed", "error": "CUDA: out of memory"}, Reason.PROVIDER_FAILED, "CUDA"),
        ({"status": "failed", "error": None}, Reason.PROVIDER_FAILED, "failed to make"),
        ({"status": "failed", "error": {"a": 1}}, Reason.PROVIDER_FAILED, "failed to make"),
        ({"status": "aborted"}, Reason.TIMED_OUT, "in time"),
        ({"status": "canceled", "deadline": "2026-11-23T12:00:05Z"}, Reason.TIMED_OUT, "in time"),
        ({"status": "canceled"}, Reason.PROVIDER_FAILED, "canceled"),
    ],
)
async def test_words_of_loss(job: dict[str, object], reason: Reason, part: str) -> None:
    async with a_house() as house:
        lost = await house.outcome(**job)
    assert isinstance(lost, Lost)
    assert lost.failure.reason is reason
    assert part in lost.failure.message


async def test_a_failure_that_quotes_key_and_address_is_not_quoted() -> None:
    async with a_house() as house:
        lost = await house.outcome(status="failed", error=f"by {KEY} at https://api.acme.com/x")
    assert isinstance(lost, Lost)
    assert KEY not in lost.failure.message
    assert "://" not in lost.failure.message


@pytest.mark.parametrize("status", ["queued", "completed", "cancelled", "", "SUCCEEDED"])
async def test_a_word_that_is_not_known_is_neither_work_nor_loss(status: str) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood, match="unknown state"):
            await house.outcome(status=status)


@pytest.mark.parametrize("body", [{}, {"id": "another", "status": "failed"}, {"status": "failed"}])
async def test_what_is_not_our_prediction_teaches_nothing(body: object) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.upset("get", "answer", value={"status": 200, "body": body})
        with pytest.raises(NotUnderstood, match="no prediction"):
            await house.provider.check(ticket)


@pytest.mark.parametrize(
    ("output", "film"),
    [
        ("https://a.example/1.mp4", "https://a.example/1.mp4"),
        ("https://a.example/film", "https://a.example/film"),
        (["https://a.example/1.png", "https://a.example/1.webm?x=1"], "1.webm?x=1"),
        ({"thumbnail": "https://a.example/1.jpg", "video": "https://a.example/1.MP4"}, "1.MP4"),
        ({"seed": 7, "url": "https://a.example/1"}, "https://a.example/1"),
    ],
)
def test_the_film_is_found_in_whatever_a_model_makes(output: object, film: str) -> None:
    assert film_in({"output": output}).endswith(film)


@pytest.mark.parametrize(
    "output", [None, "", [], {}, 7, "done", "file:///etc/passwd", ["data:video/mp4;base64,AA=="]]
)
def test_a_success_without_a_film_is_not_there(output: object) -> None:
    with pytest.raises(NotThere):
        film_in({"output": output})


def test_which_of_several_nameless_files_is_the_film_is_not_guessed() -> None:
    with pytest.raises(NotUnderstood, match="several"):
        film_in({"output": ["https://a.example/1", "https://a.example/2"]})


@pytest.mark.parametrize(
    ("logs", "progress"),
    [
        ("", None),
        (None, None),
        ("Done 100 things", None),
        ("  0%|          | 0/50 [00:00<?, ?it/s]", 0),
        ("a\r 10%|#  | 5/50\r 98%|###| 49/50 [00:09]", 98),
        ("100%|###| 50/50\nsaving", 99),
        ("Steps:  40%|##  | 2/5", 40),
    ],
)
def test_progress_is_read_from_a_models_own_lines(logs: object, progress: int | None) -> None:
    assert progress_in(logs) == progress


def test_only_measures_are_usage() -> None:
    metrics = {"predict_time": 1.5, "video_output_duration_seconds": 5, "prompt": "A boat."}
    assert usage_in({"metrics": metrics}) == {
        "predict_time": 1.5,
        "video_output_duration_seconds": 5,
    }
    assert usage_in({"metrics": None}) == {}


# -- cancel -----------------------------------------------------------------------------------


async def test_a_finished_prediction_is_not_asked_to_stop() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.finish()
        assert await house.provider.cancel(ticket) is CancelOutcome.TOO_LATE
    assert [seen.method for seen in house.server.seen] == ["POST", "GET"]


async def test_a_cancel_that_has_not_come_through_yet_is_asked_again() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.upset("cancel", "stops_late")
        with pytest.raises(Unreachable, match="not yet"):
            await house.provider.cancel(ticket)
        assert await house.provider.cancel(ticket) is CancelOutcome.CANCELED
        lost = await house.provider.check(ticket)
    assert isinstance(lost, Lost)


async def test_a_cancel_of_what_is_not_understood_stops_nothing() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.upset("get", "unknown_word")
        with pytest.raises(NotUnderstood):
            await house.provider.cancel(ticket)
    assert [seen.method for seen in house.server.seen] == ["POST", "GET"]


# -- find -------------------------------------------------------------------------------------


async def test_equals_are_told_apart_by_their_seed() -> None:
    async with a_house() as house:
        await house.submit(replace(SPEC, seed=8))
        ticket = await house.submit()
        await house.submit(replace(SPEC, seed=9))
        assert await house.find() == Found(ticket, is_alike=True)


async def test_a_model_of_another_name_is_another_prediction() -> None:
    async with a_house() as house:
        await house.submit(model="bytedance/seedance-1-lite")
        assert await house.find() == Absent()


async def test_a_version_and_a_deployment_are_found_too() -> None:
    version = MODEL + ":" + 32 * "0a"
    deployment = "deployments/acme/films"
    options = {"inputs": {deployment: {"seed": "seed"}}}
    async with a_house(options) as house:
        ticket = await house.submit(model=version)
        assert await house.find(model=version) == Found(ticket, is_alike=True)
    async with a_house(options) as house:
        ticket = await house.submit(model=deployment)
        assert await house.find(model=deployment) == Found(ticket, is_alike=True)


async def test_what_was_removed_after_an_hour_proves_nothing() -> None:
    async with a_house() as house:
        await house.submit()
        house.clock.advance(house.server.pace.total_s + DATA_S)
        assert await house.find() == Unknown()


async def test_a_find_reads_page_after_page() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        for seed in range(150):
            await house.submit(replace(SPEC, seed=1000 + seed))
        assert await house.find() == Found(ticket, is_alike=True)
    assert [seen.query for seen in house.server.seen[-2:]] == ["", "cursor=100"]


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ({"results": [], "next": None}, Absent()),
        ({"results": [{"id": "a"}, 7], "next": None}, Unknown()),
        ({"results": [], "next": "https://elsewhere.example/"}, Unknown()),
    ],
)
async def test_lists_of_other_shapes(page: object, found: object) -> None:
    async with a_house() as house:
        house.upset("list", "answer", value={"status": 200, "body": page})
        assert await house.find() == found


@pytest.mark.parametrize("page", [{}, {"results": []}, {"results": {}, "next": None}])
async def test_a_list_that_is_none_is_not_understood(page: object) -> None:
    async with a_house() as house:
        house.upset("list", "answer", value={"status": 200, "body": page})
        with pytest.raises(NotUnderstood):
            await house.find()


def test_a_cursor_leads_nowhere_but_to_our_own_list() -> None:
    assert cursor_in("https://elsewhere.example/?cursor=cD0y&x=1") == "cD0y"
    assert cursor_in("/v1/predictions?cursor=") is None
    assert cursor_in(7) is None


@pytest.mark.parametrize("text", [None, 7, "soon", "2026-11-23T12:00:00", "2026-11-23"])
def test_a_time_without_a_place_is_none(text: object) -> None:
    assert instant_in(text) is None
    assert instant_in("2026-11-23T12:00:00.000001Z") == pytest.approx(AT_S, abs=0.01)


# -- films ------------------------------------------------------------------------------------


async def test_a_film_on_another_host_is_fetched_without_the_key_until_its_hour_is_over() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.finish()
        ready = await house.provider.check(ticket)
        assert isinstance(ready, Ready)
        assert await house.content(ready.film) == tiny_film()
        assert "authorization" not in house.server.seen[-1].headers
        house.clock.advance(DATA_S)
        with pytest.raises(FilmLost):
            await house.content(ready.film)
        with pytest.raises(NotThere, match="removed"):
            await house.provider.check(ticket)


async def test_replicates_own_host_is_told_the_key_and_whom_it_names_is_not() -> None:
    told_to: list[Mapping[str, str]] = []

    async def stranger(scope: Scope, receive: Receive, send: Send) -> None:
        told_to.append(dict(Request(scope).headers))
        film = Reply(200, tiny_film(), {"content-type": "video/mp4"})
        await Exchange(scope, receive, send, at=NOON).answer(film)

    async with a_house(is_delivered=True) as house, serving(stranger) as port:
        ticket = await house.submit()
        house.finish()
        ready = await house.provider.check(ticket)
        assert isinstance(ready, Ready)
        assert await house.content(ready.film) == tiny_film()
        assert house.server.seen[-1].headers["authorization"] == f"Bearer {KEY}"
        house.upset("film", "elsewhere", value=f"http://127.0.0.1:{port}/film")
        assert await house.content(ready.film) == tiny_film()
        assert len(told_to) == 1
        assert "authorization" not in told_to[0]
        house.upset("film", "expired_link")
        with pytest.raises(FilmLost):
            await house.content(ready.film)


@pytest.mark.parametrize(
    ("link", "is_own"),
    [
        ("https://replicate.delivery/a.mp4", True),
        ("https://pbxt.replicate.delivery/a.mp4", True),
        ("http://replicate.delivery/a.mp4", False),
        ("https://notreplicate.delivery/a.mp4", False),
        ("https://replicate.delivery.evil.example/a.mp4", False),
        ("https://replicate.delivery@evil.example/a.mp4", False),
        ("https://evil.example/replicate.delivery", False),
    ],
)
def test_only_a_host_of_replicates_own_is_told_the_key(link: str, *, is_own: bool) -> None:
    assert is_delivery(link) is is_own


@pytest.mark.parametrize("film", [{}, {"url": 7}, {"url": "/films/1"}, {"url": "file:///x"}])
async def test_a_film_that_is_not_ours_is_not_understood(film: dict[str, object]) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood):
            await house.content(film)


# -- hints ------------------------------------------------------------------------------------


class Hook:
    """Whoever is called back: keeps what it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.rung = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.calls.append((dict(request.headers), await request.body()))
        self.rung.set()
        await Exchange(scope, receive, send, at=NOON).answer(Reply(204))


async def test_replicate_calls_once_it_is_over_and_is_heard() -> None:
    hook = Hook()
    async with a_house() as house, serving(hook) as port:
        house.provider._terms = replace(house.provider._terms, rings=("http://",))
        await house.submit(callback_url=f"http://127.0.0.1:{port}/hooks/far/{TOKEN}")
        await house.server.ring()
        assert hook.calls == []
        house.finish()
        await house.server.ring()
        [(headers, body)] = hook.calls
        assert json.loads(body)["status"] == "succeeded"
        assert house.provider.hint(headers, body) is None
        with pytest.raises(Forged):
            house.provider.hint(headers, body + b" ")


async def test_an_address_in_the_open_is_not_told_for_the_create_would_be_refused() -> None:
    async with a_house() as house:
        await house.submit(callback_url="http://films.example.org/hooks")
        await house.submit(callback_url=BELL)
        webhooks = [job.fields.get("webhook") for job in house.server.jobs.values()]
    assert webhooks == [None, BELL]


def signed(secret: str = SECRET, *, at_s: int = AT_S, body: bytes = b"{}") -> dict[str, str]:
    return signatures_of(secret, "msg_1", at_s, body)


def test_one_signature_of_several_is_enough() -> None:
    Ear(SECRET, whose="Replicate", now=lambda: AT_S).check(signed(), b"{}")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(FORGED),
        signed(body=b"[]"),
        signed(at_s=AT_S - 301),
        signed(at_s=AT_S + 301),
        {**signed(), "webhook-timestamp": "soon"},
        {**signed(), "webhook-timestamp": "\u0661"},
        {**signed(), "webhook-timestamp": "9" * 400},
        {**signed(), "webhook-id": "msg_2"},
        {**signed(), "webhook-signature": ""},
        {**signed(), "webhook-signature": "v2," + signed()["webhook-signature"].split(",")[2]},
        {**signed(), "webhook-signature": "v1,\u00e9 v1, v1"},
    ],
)
def test_a_call_of_somebody_else_or_of_another_time_is_forged(headers: dict[str, str]) -> None:
    with pytest.raises(Forged):
        Ear(SECRET, whose="Replicate", now=lambda: AT_S).check(headers, b"{}")


def test_a_webhook_secret_has_a_form_that_no_log_line_tells() -> None:
    assert SECRET not in redact(f"resolved {SECRET} for replicate")
    for secret in ("", "whsec_", "whsec_!", SECRET.removeprefix("whsec_")):
        with pytest.raises(ValueError, match="whsec_") as raised:
            Ear(secret, whose="Replicate")
        assert SECRET[6:] not in str(raised.value)


# -- configuration ----------------------------------------------------------------------------


def built(**options: object) -> Any:
    credential = Credential("env:KEY", KEY)
    return build("replicate", name="far", credential=credential, options=options)


async def test_an_account_and_nothing_else_is_enough(tmp_path: Path) -> None:
    provider = built()
    assert provider._rest._base == BASE_URL
    assert not provider.takes_hints
    await provider.close()
    (tmp_path / "secret").write_text(SECRET + "\n")
    provider = built(webhook_secret=f"file:{tmp_path / 'secret'}")
    assert provider.takes_hints
    await provider.close()


async def test_an_operators_words_come_before_ours() -> None:
    provider = built(inputs={MODEL: {"first_frame": "start", "always": {"fps": 24}}})
    inputs = inputs_of(MODEL, provider._terms.inputs)
    assert inputs is not None
    assert (inputs.first_frame, inputs.seconds, inputs.always) == ("start", None, {"fps": 24})
    await provider.close()


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"colour": 1}, "no option 'colour'"),
        ({"look_again_s": 0}, "above 0"),
        ({"ask_timeout_s": True}, "above 0"),
        ({"cancel_after_s": 4}, "from 5"),
        ({"cancel_after_s": 9.5}, "from 5"),
        ({"webhook_secret": 7}, "a reference"),
        ({"webhook_secret": SECRET}, "never as itself"),
        ({"webhook_secret": "env:NOBODY_SET_THIS"}, "not set"),
        ({"inputs": ["a"]}, "a table for each model"),
        ({"inputs": {"acme": {"seed": "seed"}}}, "OWNER/NAME"),
        ({"inputs": {"acme/films": {}}}, "a table of words"),
        ({"inputs": {"acme/films": {"colour": "c"}}}, "no 'colour'"),
        ({"inputs": {"acme/films": {"seed": 7}}}, "is a word"),
        ({"inputs": {"acme/films": {"always": "fps"}}}, "is a table"),
    ],
)
def test_what_an_operator_cannot_mean_is_refused(options: dict[str, object], part: str) -> None:
    with pytest.raises(Misconfigured, match=part) as raised:
        built(**options)
    assert SECRET not in str(raised.value)


def test_a_profile_and_a_missing_key_are_refused() -> None:
    with pytest.raises(Misconfigured, match="no profile"):
        build("replicate", name="far", credential=Credential("env:KEY", KEY), profile="pro")
    with pytest.raises(Misconfigured, match="needs an api_key"):
        build("replicate", name="far")


# -- the simulator ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({}, "prompt is required"),
        ({"prompt": "A boat.", "duration": 13}, "duration"),
        ({"prompt": "A boat.", "duration": True}, "duration"),
        ({"prompt": "A boat.", "resolution": "8k"}, "resolution"),
        ({"prompt": "A boat.", "image": "boat.png"}, "image"),
        ({"prompt": "A boat.", "last_frame_image": "https://a.example/1.png"}, "needs an image"),
    ],
)
async def test_the_simulator_objects_as_a_model_does(given: dict[str, object], part: str) -> None:
    async with a_house() as house:
        rest = house.provider._rest
        answer = await rest.submit(f"/models/{MODEL}/predictions", body={"input": given})
    assert answer.status == 422
    assert part in str(answer.json_object())


async def test_the_simulator_removes_what_is_an_hour_old() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.clock.advance(timedelta(hours=2).total_seconds())
        answer = await house.provider._rest.ask("GET", f"/predictions/{ticket['id']}")
    told_now = answer.json_object()
    assert told_now is not None
    assert (told_now["data_removed"], told_now["input"], told_now["output"]) == (True, {}, None)
