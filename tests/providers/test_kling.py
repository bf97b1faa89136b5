"""`kling`: what is told upstream, how its words are read, which key goes out, who may ring."""

from __future__ import annotations

import asyncio
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
from rushes.providers._kling_keys import ApiKey, KeyPair, key_of, signed
from rushes.providers._kling_orders import Order, objection, told
from rushes.providers.answers import Answer, judge_submit
from rushes.providers.base import (
    Absent,
    Busy,
    CancelOutcome,
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
from rushes.providers.kling import REGIONS, WORDS, Kling
from rushes.providers.registry import Misconfigured, build
from rushes.providers.rest import Credential, Rest
from rushes.providers.signed_calls import Ear
from rushes.testing.conformance.scenes.kling import ACCESS_KEY, KEY, SECRET_KEY, SPEC
from rushes.testing.conformance.scenes.simulated import NOON
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.films import tiny_film, tiny_still
from rushes.testing.simulators.host import Exchange, Reply, serving
from rushes.testing.simulators.jobs import Pace
from rushes.testing.simulators.kling import KlingServer, Settings
from rushes.testing.simulators.kling_errors import STATUSES
from rushes.testing.simulators.script import Rule

TOKEN = "f" * 32
MODEL = "kling-v2-6"
AT_S = NOON.timestamp()
PATIENCE_S = 10.0
GOLDENS = sorted((Path(__file__).parent / "goldens" / "kling").glob("*.json"))

# Kling's own example for whoever checks a signature (get-started/callbacks).
SECRET = "whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI="
CALL = (
    b'{"id":"1234567890","status":"succeeded","message":"","create_time":1781080778802,'
    b'"update_time":1781080794151}'
)
SENT_AT_S = 1781080794
SIGNED = {
    "webhook-id": "9876543210",
    "webhook-timestamp": str(SENT_AT_S),
    "webhook-signature": "v1,UsKlJP00XoQyOn410NM9xv34sP+Gl0jnOO9Lcpr7NJ4=",
}


class Folder:
    """Assets in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def path_of(self, blob: str) -> Path:
        return self.folder / blob


class House:
    """A provider and its upstream; tasks and tokens go by one clock, which is set by hand."""

    def __init__(self, clock: ManualClock, server: KlingServer, provider: Kling) -> None:
        self.clock = clock
        self.server = server
        self.provider = provider

    def upset(self, on: str, fault: str, **more: Any) -> None:
        self.server.script.clear()
        self.server.script.add(Rule(on, fault, **more))

    async def submit(
        self, spec: Spec = SPEC, *, token: str = TOKEN, folder: Path = Path("/nowhere")
    ) -> dict[str, Any]:
        ticket = await self.provider.submit(
            spec, upstream_model=MODEL, token=token, assets=Folder(folder)
        )
        return dict(ticket)

    async def find(self, spec: Spec = SPEC, *, token: str = TOKEN) -> object:
        return await self.provider.find(token, spec, upstream_model=MODEL, since=NOON)

    async def outcome(self, **job: object) -> object:
        """Have a task that is told so, and look at it."""
        self.server.script.clear()
        ticket = await self.submit(token=str(len(self.server.jobs)))
        said = {"code": 0, "data": {"task_id": ticket["id"], **job}}
        self.upset("retrieve", "answer", value={"status": 200, "body": said})
        return await self.provider.check(ticket)


@asynccontextmanager
async def a_house(*, key: str = KEY, ahead_s: float = 0.0) -> AsyncIterator[House]:
    """Put up a house, whose own clock may be ahead of Kling's."""
    clock = ManualClock(NOON)
    server = KlingServer(clock=clock, settings=Settings(key=KEY, doors=clock))
    async with serving(server) as port:
        access_key, _, secret_key = key.partition(":")
        pair = KeyPair(access_key, secret_key, now=lambda: clock.now().timestamp() + ahead_s)
        provider = Kling("kling", Rest(f"http://127.0.0.1:{port}"), pair)
        try:
            yield House(clock, server, provider)
        finally:
            await provider.close()


# -- what is told ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_a_spec_is_told_in_the_words_of_kling(path: Path) -> None:
    golden = json.loads(path.read_text())
    spec = msgspec.convert(golden["spec"], Spec)
    model = golden.get("upstream_model", spec.model)
    assert objection(spec, model) == golden.get("refused", "")
    if "refused" not in golden:
        order = Order(model, TOKEN, golden.get("pictures", []), golden.get("callback_url"))
        assert told(spec, order) == golden["body"]


def test_every_mode_has_a_golden() -> None:
    assert {json.loads(path.read_text())["spec"]["mode"] for path in GOLDENS} == set(Mode)


def test_what_is_told_is_taken() -> None:
    goldens = [json.loads(path.read_text()) for path in GOLDENS]
    for golden in goldens:
        kind = "text2video" if golden["spec"]["mode"] == "text_to_video" else "image2video"
        if "body" in golden:
            assert KlingServer().objection({**golden["body"], "_kind": kind}) is None, golden


@pytest.mark.parametrize(
    ("mode", "ratio", "kind"),
    [(Mode.TEXT_TO_VIDEO, "16:9", "text2video"), (Mode.IMAGE_TO_VIDEO, None, "image2video")],
)
async def test_what_a_film_is_made_from_says_where_it_is_made_and_looked_for(
    mode: Mode, ratio: str | None, kind: str, tmp_path: Path
) -> None:
    picture = tiny_still("PNG")
    (tmp_path / ("a" * 64)).write_bytes(picture)
    first = Asset(Role.FIRST_FRAME, "image", blob="a" * 64, content_type="image/png")
    assets = (first,) if mode is Mode.IMAGE_TO_VIDEO else ()
    spec = replace(SPEC, mode=mode, ratio=ratio, assets=assets)
    async with a_house() as house:
        ticket = await house.submit(spec, folder=tmp_path)
        assert isinstance(await house.provider.check(ticket), Working)
        assert await house.find(spec) == Found(ticket)
        paths = [seen.path for seen in house.server.seen]
    assert ticket == {"kind": kind, "id": next(iter(house.server.jobs))}
    assert paths == [
        f"/v1/videos/{kind}", f"/v1/videos/{kind}/{ticket['id']}", f"/v1/videos/{kind}/{TOKEN}",
    ]  # fmt: skip


async def test_a_file_that_cannot_be_read_is_met_before_anything_is_sent() -> None:
    first = Asset(Role.FIRST_FRAME, "image", blob="a" * 64, content_type="image/png")
    async with a_house() as house:
        with pytest.raises(Busy, match="FileNotFoundError"):
            await house.submit(replace(SPEC, mode=Mode.IMAGE_TO_VIDEO, ratio=None, assets=(first,)))
        assert house.server.seen == []


@pytest.mark.parametrize(("is_wanted", "name"), [(False, "url"), (True, "watermark_url")])
async def test_whoever_wants_a_watermark_gets_the_film_that_has_it(
    is_wanted: bool, name: str
) -> None:
    async with a_house() as house:
        ticket = await house.submit(replace(SPEC, with_watermark=is_wanted))
        found = await house.find(replace(SPEC, with_watermark=is_wanted))
        assert found == Found(ticket)
        house.clock.advance(60)
        outcome = await house.provider.check(ticket)
        assert isinstance(outcome, Ready)
        assert (".marked." in outcome.film["url"]) == (name == "watermark_url")
        async with house.provider.open(outcome.film) as stream:
            assert b"".join([chunk async for chunk in stream.chunks]) == tiny_film()


# -- how its words are read -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("Failure to pass the risk control system", Reason.CONTENT_REFUSED),
        ("Content moderation review failed.", Reason.CONTENT_REFUSED),
        ("触发平台的内容风控", Reason.CONTENT_REFUSED),
        ("The image could not be read.", Reason.PROVIDER_FAILED),
        ("", Reason.PROVIDER_FAILED),
        (None, Reason.PROVIDER_FAILED),
    ],
)
async def test_a_failure_is_told_by_its_sentence(sentence: str | None, reason: Reason) -> None:
    async with a_house() as house:
        outcome = await house.outcome(task_status="failed", task_status_msg=sentence)
    assert isinstance(outcome, Lost)
    assert outcome.failure.reason is reason
    assert outcome.failure.message


async def test_what_a_film_cost_comes_with_it() -> None:
    videos = [{"url": "https://films.example/1.mp4", "duration": "5.042"}]
    job = {"task_status": "succeed", "task_result": {"videos": videos}}
    async with a_house() as house:
        by_pack = await house.outcome(**job, final_unit_deduction="2.5")
        by_money = await house.outcome(**job, final_balance_deduction={"quota": "0.35"})
    film = {"url": "https://films.example/1.mp4"}
    assert by_pack == Ready(film, {"final_unit_deduction": "2.5", "duration": "5.042"})
    assert by_money == Ready(film, {"final_balance_deduction": "0.35", "duration": "5.042"})


@pytest.mark.parametrize(
    "result",
    [None, {}, {"videos": []}, {"videos": [7]}, {"videos": [{"url": ""}]}, {"videos": "none"}],
)
async def test_an_empty_success_is_no_success(result: object) -> None:
    async with a_house() as house:
        with pytest.raises(NotThere):
            await house.outcome(task_status="succeed", task_result=result)


@pytest.mark.parametrize(
    "job",
    [
        {"task_status": "succeeded"},  # the word of the newer design, which is not spoken here
        {"task_status": "pondering"},
        {"task_status": None},
        {},
        {"task_id": "of-another", "task_status": "processing"},
    ],
)
async def test_what_is_outside_the_contract_is_ignorance(job: dict[str, object]) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood) as raised:
            await house.outcome(**job)
    assert not isinstance(raised.value, NotThere)


@pytest.mark.parametrize(
    ("code", "note"), [(1302, "1302"), ("1302", "1302"), (None, "no form"), ([7], "no form")]
)
async def test_a_complaint_inside_a_good_answer_is_no_word_about_a_task(
    code: object, note: str
) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        data = {"task_id": ticket["id"], "task_status": "failed"}
        body = {"code": code, "message": None, "data": data}
        house.upset("retrieve", "answer", value={"status": 200, "body": body})
        with pytest.raises(NotUnderstood, match=note):
            await house.provider.check(ticket)


VERDICTS: Mapping[int, tuple[type[Exception], Reason | None, Blame | None]] = {
    1000: (Refused, Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    1001: (Refused, Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    1002: (Refused, Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    1003: (Busy, None, None),
    1004: (Busy, None, None),
    1100: (Refused, Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    1101: (Refused, Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    1102: (Refused, Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    1103: (Refused, Reason.PROVIDER_UNUSABLE, Blame.PROVIDER),
    1200: (Refused, Reason.PARAMETERS_REFUSED, Blame.CALLER),
    1201: (Refused, Reason.PARAMETERS_REFUSED, Blame.CALLER),
    1202: (Refused, Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    1203: (Refused, Reason.PROVIDER_UNUSABLE, Blame.PROVIDER),
    1300: (Refused, Reason.CONTENT_REFUSED, Blame.CALLER),
    1301: (Refused, Reason.CONTENT_REFUSED, Blame.CALLER),
    1302: (Busy, None, None),
    1303: (Busy, None, None),
    1304: (Refused, Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    5000: (InDoubt, None, None),
    5001: (InDoubt, None, None),
    5002: (InDoubt, None, None),
}


@pytest.mark.parametrize("code", STATUSES)
def test_each_code_of_klings_table_proves_so_much_of_a_submit(code: int) -> None:
    kind, reason, blame = VERDICTS[code]
    body = msgspec.json.encode({"code": code, "message": "No.", "request_id": "1"})
    judged = judge_submit(Answer(STATUSES[code], {}, body), WORDS)
    assert type(judged) is kind
    if isinstance(judged, Refused):
        assert (judged.failure.reason, judged.blame) == (reason, blame)


def test_no_right_to_a_model_is_the_same_at_either_status() -> None:
    body = msgspec.json.encode({"code": 1103, "message": "No."})
    for status in (403, 429):
        judged = judge_submit(Answer(status, {}, body), WORDS)
        assert isinstance(judged, Refused)
        assert judged.blame is Blame.PROVIDER


async def test_a_refusal_inside_a_good_answer_proves_nothing() -> None:
    async with a_house() as house:
        house.upset("create", "refused_in_200")
        with pytest.raises(InDoubt, match="1303"):
            await house.submit()


@pytest.mark.parametrize(
    "ticket", [{}, {"id": "8"}, {"kind": "text2video"}, {"kind": "omni-video", "id": "8"}]
)
async def test_a_ticket_that_is_not_ours_is_not_understood(ticket: dict[str, str]) -> None:
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


async def test_nothing_is_stopped_and_nothing_is_asked() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        asked = len(house.server.seen)
        assert await house.provider.cancel(ticket) is CancelOutcome.UNSUPPORTED
        assert len(house.server.seen) == asked


# -- a submit without an answer -------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 404, "body": {"code": 1203, "message": "No."}},
        {"status": 400, "body": {"code": 1201, "message": "No."}},
        {"status": 200, "body": {"code": 0, "data": None}},
        {"status": 200, "body": {"code": 0, "data": {"task_id": "8", "task_info": {}}}},
    ],
)
async def test_where_no_reference_can_be_looked_up_the_list_has_it(answer: object) -> None:
    async with a_house() as house:
        house.upset("create", "drop", accepted=True, times=1)
        with pytest.raises(InDoubt):
            await house.submit()
        house.upset("list", "answer", value=answer, times=1)
        [task_id] = house.server.jobs
        assert await house.find() == Found({"kind": "text2video", "id": task_id})
        assert len(house.server.log.entries) == 1


async def test_a_task_of_another_reference_is_nobodys_we_look_for() -> None:
    """Whatever a look by reference answers with, only the reference in it makes it ours."""
    async with a_house() as house:
        await house.submit(token="e" * 32)
        [job] = house.server.jobs.values()
        body = {"code": 0, "data": house.server.told(job)}
        house.upset("list", "answer", value={"status": 200, "body": body}, times=1)
        assert await house.find() == Absent()


@pytest.mark.parametrize("fault", ["unauthorized", "rate_limited", "unavailable", "bad_gateway"])
async def test_a_look_that_did_not_get_through_is_no_search(fault: str) -> None:
    async with a_house() as house:
        house.upset("list", fault, times=1)
        with pytest.raises(Unreachable):
            await house.find()
        assert len(house.server.seen) == 1


async def test_a_list_is_read_to_the_end_and_a_longer_one_proves_nothing() -> None:
    async with a_house() as house:
        for number in range(101):
            await house.submit(token=f"{number:032}")
        house.upset("list", "not_found", times=1)
        assert isinstance(await house.find(token=f"{0:032}"), Found)
        assert [seen.query for seen in house.server.seen[-2:]] == [
            "pageNum=1&pageSize=100", "pageNum=2&pageSize=100",
        ]  # fmt: skip
        assert await house.find() == Absent()
        page = [house.server.told(job) for job in house.server.jobs.values()][:100]
        house.upset("list", "answer", value={"status": 200, "body": {"code": 0, "data": page}})
        assert await house.find() == Unknown()


@pytest.mark.parametrize("body", [{"code": 0, "data": {}}, {"code": 1200, "data": []}, []])
async def test_what_is_no_list_is_not_understood(body: object) -> None:
    async with a_house() as house:
        house.upset("list", "answer", value={"status": 200, "body": body})
        with pytest.raises(NotUnderstood):
            await house.find()


async def test_a_mode_that_is_never_asked_for_is_never_found() -> None:
    async with a_house() as house:
        assert await house.find(replace(SPEC, mode=Mode.CONTINUATION)) == Unknown()
        assert house.server.seen == []


# -- keys -----------------------------------------------------------------------------------


def test_a_token_is_a_jwt_to_whoever_knows_them() -> None:
    jwt = pytest.importorskip("jwt")
    token = signed(ACCESS_KEY, SECRET_KEY, at_s=AT_S + 0.7)
    claims = jwt.decode(token, SECRET_KEY, algorithms=["HS256"], options={"verify_exp": False})
    assert claims == {"iss": ACCESS_KEY, "exp": AT_S + 1800, "nbf": AT_S - 5}
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, KEY, algorithms=["HS256"])


async def test_each_request_goes_out_with_a_token_of_its_own_and_never_with_a_key() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.clock.advance(3600)
        assert isinstance(await house.provider.check(ticket), Ready)
        bearers = [seen.headers["authorization"] for seen in house.server.seen]
    assert bearers == [
        f"Bearer {signed(ACCESS_KEY, SECRET_KEY, at_s=AT_S + late_s)}" for late_s in (0, 3600)
    ]
    assert not any(SECRET_KEY in str(seen.headers) for seen in house.server.seen)


@pytest.mark.parametrize("ahead_s", [-1805, -86400, 6, 86400])
async def test_where_our_clock_is_wrong_the_next_token_goes_by_klings(ahead_s: float) -> None:
    """What met the bad token was not accepted, and waits; nothing is sent twice for its sake."""
    async with a_house(ahead_s=ahead_s) as house:
        with pytest.raises(Busy, match=r"100[34]"):
            await house.submit()
        assert len(house.server.seen) == 1
        ticket = await house.submit()
        assert isinstance(await house.provider.check(ticket), Working)
        assert len(house.server.jobs) == 1


async def test_a_look_with_an_untimely_token_is_ignorance() -> None:
    async with a_house(ahead_s=-86400) as house:
        with pytest.raises(Unreachable):
            await house.provider.check({"kind": "text2video", "id": "8"})
        with pytest.raises(NotThere):
            await house.provider.check({"kind": "text2video", "id": "8"})


@pytest.mark.parametrize("date", [None, "soon", ""])
def test_an_answer_without_a_date_sets_no_clock(date: str | None) -> None:
    pair = KeyPair("a", "b", now=lambda: AT_S)
    headers = {} if date is None else {"date": date}
    pair.hear(Answer(401, headers, b'{"code": 1004, "message": "Expired."}'))
    assert pair.bearer() == signed("a", "b", at_s=AT_S)


async def test_a_wrong_secret_key_is_a_refusal_and_no_patience() -> None:
    async with a_house(key=f"{ACCESS_KEY}:wrong") as house:
        for _ in range(2):
            with pytest.raises(Refused) as raised:
                await house.submit()
            assert raised.value.blame is Blame.HOUSE


def test_a_credential_is_a_pair_or_a_key_that_goes_out_as_it_is() -> None:
    assert isinstance(key_of(KEY), KeyPair)
    assert key_of(KEY).hidden == (SECRET_KEY, ACCESS_KEY)
    assert key_of(SECRET_KEY, ACCESS_KEY).hidden == (SECRET_KEY, ACCESS_KEY)
    alone = key_of("sk-Winter42")
    assert isinstance(alone, ApiKey)
    assert alone.bearer() == "sk-Winter42"


# -- who may ring ---------------------------------------------------------------------------


def test_klings_own_example_of_a_signature_is_taken() -> None:
    Ear(SECRET, whose="Kling", now=lambda: SENT_AT_S + 299.0).check(SIGNED, CALL)


def test_one_good_signature_of_several_is_enough_while_secrets_change() -> None:
    old = "v1,K5oZfzeVuQvI4x1jrjAgMlkpJDoe1JhVmAbjR6eKeTM= v2,x"
    both = {**SIGNED, "webhook-signature": f"{old} {SIGNED['webhook-signature']}"}
    Ear(SECRET, whose="Kling", now=lambda: SENT_AT_S).check(both, CALL)


@pytest.mark.parametrize(
    ("headers", "body", "late_s"),
    [
        ({}, CALL, 0),
        (SIGNED, CALL + b" ", 0),
        (SIGNED, CALL, 301),
        (SIGNED, CALL, -301),
        ({**SIGNED, "webhook-id": "9876543211"}, CALL, 0),
        ({**SIGNED, "webhook-timestamp": str(SENT_AT_S + 1)}, CALL, 0),
        ({**SIGNED, "webhook-timestamp": "soon"}, CALL, 0),
        ({**SIGNED, "webhook-timestamp": "9" * 400}, CALL, 0),
        ({**SIGNED, "webhook-signature": SIGNED["webhook-signature"][3:]}, CALL, 0),
        ({**SIGNED, "webhook-signature": "v1,ü"}, CALL, 0),
        ({**SIGNED, "webhook-id": "\udc80"}, CALL, 0),
    ],
)
def test_any_other_call_is_forged(headers: Mapping[str, str], body: bytes, late_s: int) -> None:
    with pytest.raises(Forged):
        Ear(SECRET, whose="Kling", now=lambda: SENT_AT_S + late_s).check(headers, body)


class Door:
    """Hears whatever is called in."""

    def __init__(self, count: int) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.is_done = asyncio.Event()
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.heard.append((dict(request.headers), await request.body()))
        await Exchange(scope, receive, send, at=NOON).answer(Reply(204))
        if len(self.heard) == self._count:
            self.is_done.set()


@pytest.mark.parametrize(
    ("fault", "count", "is_forged"), [("", 1, False), ("duplicate", 2, False), ("forged", 1, True)]
)
async def test_what_the_simulator_calls_is_known_as_klings_or_not(
    fault: str, count: int, is_forged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KLING_WEBHOOK_SECRET", SECRET)
    door = Door(count)
    settings = Settings(pace=Pace(60.0, 60.0), webhook_secret=SECRET)
    server = KlingServer(clock=ManualClock(NOON), settings=settings)
    async with serving(server) as port, serving(door) as door_port:
        provider = build(
            "kling",
            name="kling",
            base_url=f"http://127.0.0.1:{port}",
            credential=Credential("env:KEY", KEY),
            options={"webhook_secret": "env:KLING_WEBHOOK_SECRET"},
        )
        assert provider.takes_hints
        if fault:
            server.script.add(Rule("callback", fault))
        await provider.submit(
            SPEC,
            upstream_model=MODEL,
            token=TOKEN,
            assets=Folder(Path("/nowhere")),
            callback_url=f"http://127.0.0.1:{door_port}/hooks/kling/{TOKEN}",
        )
        await asyncio.wait_for(door.is_done.wait(), PATIENCE_S)
        await provider.close()
    assert len(door.heard) == count
    for headers, body in door.heard:
        if is_forged:
            with pytest.raises(Forged):
                provider.hint(headers, body)
        else:
            assert provider.hint(headers, body) is None


async def test_without_a_secret_nobody_is_asked_to_ring() -> None:
    async with a_house() as house:
        assert not house.provider.takes_hints
        await house.provider.submit(
            SPEC,
            upstream_model=MODEL,
            token=TOKEN,
            assets=Folder(Path("/nowhere")),
            callback_url="https://films.example.com/hooks/kling/f",
        )
        [job] = house.server.jobs.values()
        assert "callback_url" not in job.fields
        assert house.provider.hint({}, b"") is None


# -- the simulator --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"duration": 5}, 1201),
        ({"duration": "7"}, 1201),
        ({"mode": "best"}, 1201),
        ({"sound": "on", "mode": "std"}, 1201),
        ({"cfg_scale": 0.5}, 1201),
        ({"prompt": ""}, 1201),
        ({"prompt": "x" * 2501}, 1201),
        ({"image": "data:image/png;base64,iVBORw0KGgo="}, 1201),
        ({"image": None}, 1201),
        ({"model_name": "kling-v9"}, 1203),
    ],
)
def test_the_simulator_refuses_what_kling_would(more: Mapping[str, object], code: int) -> None:
    server = KlingServer(settings=Settings(models=frozenset({MODEL})))
    fields = {"model_name": MODEL, "prompt": "A boat.", "image": "iVBORw0KGgo=", "mode": "pro"}
    assert server.objection({**fields, "_kind": "image2video"}) is None
    refusal = server.objection({**fields, **more, "_kind": "image2video"})
    assert refusal is not None
    assert json.loads(refusal.body)["code"] == code


async def test_a_reference_is_one_of_a_kind_and_a_task_is_kept_for_thirty_days() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        with pytest.raises(Refused):
            await house.submit()
        assert len(house.server.jobs) == 1
        house.clock.advance(timedelta(days=30).total_seconds())
        with pytest.raises(NotThere):
            await house.provider.check(ticket)


# -- what an operator writes ----------------------------------------------------------------


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_has_an_address(region: str) -> None:
    built = build(
        "kling", name="k", credential=Credential("env:KEY", KEY), options={"region": region}
    )
    assert isinstance(built, Kling)
    assert str(built._rest._base) == REGIONS[region]


def test_an_access_key_may_stand_in_a_place_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KLING_ACCESS_KEY", ACCESS_KEY)
    built = build(
        "kling",
        name="k",
        credential=Credential("env:KEY", SECRET_KEY),
        options={"region": "intl", "access_key": "env:KLING_ACCESS_KEY"},
    )
    assert isinstance(built, Kling)
    assert built._key.hidden == (SECRET_KEY, ACCESS_KEY)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"profile": "pro"}, "no profile 'pro'"),
        ({"credential": None}, "needs an api_key"),
        ({"options": {}}, "either region"),
        ({"base_url": "https://kling.example", "options": {"region": "cn"}}, "either region"),
        ({"options": {"region": "us"}}, "one of cn, intl"),
        ({"options": {"region": "cn", "colour": 1}}, "no option 'colour'"),
        ({"options": {"region": "cn", "ask_timeout_s": 0}}, "above 0"),
        ({"options": {"region": "cn", "access_key": 7}}, "is a reference"),
        ({"options": {"region": "cn", "access_key": "AK42"}}, "never as itself"),
        ({"options": {"region": "cn", "access_key": "env:HERE"}}, "leave out 'access_key'"),
        ({"options": {"region": "cn", "webhook_secret": "env:HERE"}}, "whsec_"),
        ({"credential": Credential("env:KEY", "a:")}, "ACCESS_KEY:SECRET_KEY"),
        ({"credential": Credential("env:KEY", "a:b:c")}, "ACCESS_KEY:SECRET_KEY"),
        ({"credential": Credential("env:KEY", "two words")}, "visible ASCII"),
        ({"credential": Credential("env:KEY", "a:ü")}, "visible ASCII"),
        ({"base_url": "kling", "options": {}}, "no http"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(
    more: dict[str, Any], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERE", "a secret?")
    usual: dict[str, Any] = {
        "credential": Credential("env:KEY", KEY),
        "options": {"region": "intl"},
    }
    with pytest.raises(Misconfigured, match=sentence):
        build("kling", name="k", **{**usual, **more})
