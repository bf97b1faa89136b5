"""`vidu`: what is told upstream, how its words are read, what is found again, who may ring."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from rushes.domain.errors import Blame, Reason
from rushes.domain.spec import Asset, Mode, Role, Spec
from rushes.providers._vidu_hints import payload_of, verify
from rushes.providers._vidu_orders import KINDS, Order, objection, told
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
from rushes.providers.registry import Misconfigured, build
from rushes.providers.rest import Credential
from rushes.providers.vidu import BODY_CHARACTERS_MAX, LOOKS_MAX, REGIONS, Vidu
from rushes.testing.conformance.scenes.simulated import NOON
from rushes.testing.conformance.scenes.vidu import KEY, SPEC
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.films import tiny_film, tiny_still
from rushes.testing.simulators.host import Exchange, Reply, serving
from rushes.testing.simulators.jobs import Pace
from rushes.testing.simulators.script import Rule
from rushes.testing.simulators.vidu import Settings, ViduServer
from rushes.testing.simulators.vidu_errors import STATUSES
from rushes.testing.simulators.vidu_wishes import objection as refusal_of

TOKEN = "f" * 32
MODEL = "viduq3-turbo"
PATIENCE_S = 10.0
GOLDENS = sorted((Path(__file__).parent / "goldens" / "vidu").glob("*.json"))
FILM = {"url": "https://films.example/1.mp4", "watermarked_url": "https://films.example/2.mp4"}


class Folder:
    """Assets in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def path_of(self, blob: str) -> Path:
        return self.folder / blob


class House:
    """A provider and its upstream, whose clock is set by hand."""

    def __init__(self, clock: ManualClock, server: ViduServer, provider: Vidu) -> None:
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
        token: str = TOKEN,
        folder: Path = Path("/nowhere"),
        callback_url: str | None = None,
        model: str = MODEL,
    ) -> dict[str, Any]:
        ticket = await self.provider.submit(
            spec,
            upstream_model=model,
            token=token,
            assets=Folder(folder),
            callback_url=callback_url,
        )
        return dict(ticket)

    async def find(self, spec: Spec = SPEC, *, token: str = TOKEN) -> object:
        return await self.provider.find(token, spec, upstream_model=MODEL, since=NOON)

    async def outcome(self, spec: Spec = SPEC, **job: object) -> object:
        """Have a task that is told so, and look at it."""
        self.server.script.clear()
        ticket = await self.submit(spec)
        said = {"id": ticket["id"], **job}
        self.upset("retrieve", "answer", value={"status": 200, "body": said})
        return await self.provider.check(ticket)


@asynccontextmanager
async def a_house(
    *, options: Mapping[str, object] | None = None, **more: Any
) -> AsyncIterator[House]:
    clock = ManualClock(NOON)
    server = ViduServer(clock=clock, settings=Settings(key=KEY, **more))
    async with serving(server) as port:
        provider = build(
            "vidu",
            name="vidu",
            base_url=f"http://127.0.0.1:{port}/ent/v2",
            credential=Credential("env:KEY", KEY),
            options=options or {},
        )
        assert isinstance(provider, Vidu)
        try:
            yield House(clock, server, provider)
        finally:
            await provider.close()


# -- what is told ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_a_spec_is_told_in_the_words_of_vidu(path: Path) -> None:
    golden = json.loads(path.read_text())
    spec = msgspec.convert(golden["spec"], Spec)
    assert objection(spec, spec.model) == golden.get("refused", "")
    if "refused" not in golden:
        pictures, callback_url = golden.get("pictures", []), golden.get("callback_url")
        is_off_peak = golden.get("is_off_peak", False)
        order = Order(spec.model, TOKEN, pictures, callback_url, is_off_peak)
        assert told(spec, order) == golden["body"]


def test_every_mode_has_a_golden() -> None:
    assert {json.loads(path.read_text())["spec"]["mode"] for path in GOLDENS} == set(Mode)


def test_what_is_told_is_taken() -> None:
    for path in GOLDENS:
        golden = json.loads(path.read_text())
        if "body" in golden and golden["spec"]["model"] != "film":
            assert refusal_of(golden["body"], KINDS[golden["spec"]["mode"]]) is None, path.stem


async def test_pictures_travel_inside_the_create_and_every_request_has_the_key(
    tmp_path: Path,
) -> None:
    (tmp_path / ("a" * 64)).write_bytes(tiny_still("PNG"))
    first = Asset(Role.FIRST_FRAME, "image", blob="a" * 64, content_type="image/png")
    spec = replace(SPEC, mode=Mode.IMAGE_TO_VIDEO, ratio=None, assets=(first,))
    async with a_house() as house:
        ticket = await house.submit(spec, folder=tmp_path)
        assert isinstance(await house.provider.check(ticket), Working)
        assert await house.find(spec) == Found(ticket)
        assert await house.provider.cancel(ticket) is CancelOutcome.CANCELED
        [job] = house.server.jobs.values()
        seen = house.server.seen
    [picture] = msgspec.convert(job.fields["images"], list[str])
    assert picture.startswith("data:image/png;base64,iVBORw0KGgo")
    assert {one.headers["authorization"] for one in seen} == {f"Token {KEY}"}
    assert [f"{one.method} {one.path}" for one in seen] == [
        "POST /ent/v2/img2video",
        f"GET /ent/v2/tasks/{ticket['id']}/creations",
        "GET /ent/v2/tasks",
        f"GET /ent/v2/tasks/{ticket['id']}/creations",
        f"POST /ent/v2/tasks/{ticket['id']}/cancel",
    ]


async def test_what_cannot_be_handed_over_is_met_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    first = Asset(Role.FIRST_FRAME, "image", blob="a" * 64, content_type="image/png")
    spec = replace(SPEC, mode=Mode.IMAGE_TO_VIDEO, ratio=None, assets=(first,))
    async with a_house() as house:
        with pytest.raises(Busy, match="FileNotFoundError"):
            await house.submit(spec)
        (tmp_path / ("a" * 64)).write_bytes(bytes(BODY_CHARACTERS_MAX * 3 // 4))
        with pytest.raises(Refused, match="too large together"):
            await house.submit(spec, folder=tmp_path)
        assert house.server.seen == []


async def test_an_operator_may_have_films_made_off_peak() -> None:
    async with a_house(options={"off_peak": True}) as house:
        ticket = await house.submit()
        [job] = house.server.jobs.values()
        assert job.fields["off_peak"] is True
        house.clock.advance(60)
        outcome = await house.provider.check(ticket)
    assert isinstance(outcome, Ready)
    assert outcome.usage == {"credits": 60, "off_peak": True}


@pytest.mark.parametrize("is_wanted", [False, True])
async def test_whoever_wants_a_watermark_gets_the_film_that_has_it(is_wanted: bool) -> None:
    spec = replace(SPEC, with_watermark=is_wanted)
    async with a_house() as house:
        ticket = await house.submit(spec)
        assert await house.find(spec) == Found(ticket)
        house.clock.advance(60)
        outcome = await house.provider.check(ticket)
        assert isinstance(outcome, Ready)
        assert (".marked." in outcome.film["url"]) is is_wanted
        async with house.provider.open(outcome.film) as stream:
            assert b"".join([chunk async for chunk in stream.chunks]) == tiny_film()
        house.clock.advance(24 * 3600)
        with pytest.raises(FilmLost):
            async with house.provider.open(outcome.film):
                pass


# -- how its words are read -----------------------------------------------------------------


@pytest.mark.parametrize("state", ["created", "queueing", "processing"])
async def test_a_task_that_is_not_over_is_work(state: str) -> None:
    async with a_house(options={"look_again_s": 30}) as house:
        assert await house.outcome(state=state) == Working(look_again_s=30.0)


@pytest.mark.parametrize(
    ("err_code", "reason"),
    [
        ("CreationPolicyViolation", Reason.CONTENT_REFUSED),
        ("AuditSubmitIllegal", Reason.CONTENT_REFUSED),
        ("TaskPromptPolicyViolation", Reason.CONTENT_REFUSED),
        ("CreditInsufficient", Reason.PROVIDER_UNUSABLE),
        ("ModelUnavailable", Reason.PROVIDER_UNUSABLE),
        ("SystemThrottling", Reason.PROVIDER_RATE_LIMITED),
        ("ImageCheckFaceFailed", Reason.PARAMETERS_REFUSED),
        ("FieldInvalid", Reason.PARAMETERS_REFUSED),
        ("UserCancelled", Reason.PROVIDER_FAILED),
        ("InternalServiceFailure", Reason.PROVIDER_FAILED),
        ("SomethingNew", Reason.PROVIDER_FAILED),
        ("", Reason.PROVIDER_FAILED),
        (None, Reason.PROVIDER_FAILED),
        ({"a": 1}, Reason.PROVIDER_FAILED),
    ],
)
async def test_a_failure_is_told_by_its_word(err_code: object, reason: Reason) -> None:
    async with a_house() as house:
        outcome = await house.outcome(state="failed", err_code=err_code)
    assert isinstance(outcome, Lost)
    assert outcome.failure.reason is reason
    assert outcome.failure.message


async def test_what_a_film_cost_comes_with_it() -> None:
    async with a_house() as house:
        outcome = await house.outcome(state="success", credits=4, creations=[FILM])
    assert outcome == Ready({"url": FILM["url"]}, {"credits": 4})


@pytest.mark.parametrize("creations", [None, [], {}, [7], [{}], [{"url": ""}], [{"url": "x://y"}]])
async def test_an_empty_success_is_no_success(creations: object) -> None:
    async with a_house() as house:
        with pytest.raises(NotThere):
            await house.outcome(state="success", creations=creations)


async def test_a_film_without_the_watermark_that_was_asked_for_is_no_success() -> None:
    marked = replace(SPEC, with_watermark=True)
    async with a_house() as house:
        with pytest.raises(NotThere):
            await house.outcome(marked, state="success", creations=[{"url": FILM["url"]}])


@pytest.mark.parametrize(
    "job",
    [
        {"state": "scheduled"},  # a word of a cancel's refusal, and of no look
        {"state": None},
        {},
        {"id": "of-another", "state": "processing"},
        {"id": 7, "state": "processing"},
    ],
)
async def test_what_is_outside_the_contract_is_ignorance(job: dict[str, Any]) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood) as raised:
            await house.outcome(**job)
    assert not isinstance(raised.value, NotThere)


HOUSE = (Refused, Reason.PROVIDER_UNUSABLE, Blame.HOUSE)
CALLER = (Refused, Reason.PARAMETERS_REFUSED, Blame.CALLER)
CONTENT = (Refused, Reason.CONTENT_REFUSED, Blame.CALLER)
BUSY = (Busy, None, None)
DOUBT = (InDoubt, None, None)
VERDICTS: Mapping[str, tuple[type[Exception], Reason | None, Blame | None]] = {
    "BadRequest": CALLER,
    "FieldLacking": CALLER,
    "FieldUnwanted": CALLER,
    "FieldItemCountOutOfRange": CALLER,
    "FieldInvalid": CALLER,
    "PageSizeOutOfRange": CALLER,
    "ImageDownloadFailure": CALLER,
    "ImageFormatInvalid": CALLER,
    "OperationInProcess": DOUBT,
    "TaskPromptPolicyViolation": CONTENT,
    "AuditSubmitIllegal": CONTENT,
    "CreditInsufficient": HOUSE,
    "CreationPolicyViolation": CONTENT,
    "ModelUnavailable": (Refused, Reason.PROVIDER_UNUSABLE, Blame.PROVIDER),
    "UserCancelled": CALLER,
    "Unauthorized": HOUSE,
    "Forbidden": HOUSE,
    "TaskNotFound": HOUSE,
    "CreationNotFound": HOUSE,
    "NotFound": HOUSE,
    "Conflict": DOUBT,
    "QuotaExceeded": BUSY,
    "TooManyRequests": BUSY,
    "SystemThrottling": BUSY,
    "Canceled": DOUBT,
    "InternalServiceFailure": DOUBT,
}


async def test_each_word_of_vidus_table_proves_so_much_of_a_submit() -> None:
    assert set(VERDICTS) == set(STATUSES)
    async with a_house() as house:
        for reason_word, (kind, reason, blame) in VERDICTS.items():
            body = {"code": STATUSES[reason_word], "reason": reason_word, "message": "No."}
            answer = {"status": STATUSES[reason_word], "body": body}
            house.upset("create", "answer", value=answer)
            with pytest.raises(kind) as raised:
                await house.submit()
            assert type(raised.value) is kind, reason_word
            if isinstance(raised.value, Refused):
                said = raised.value
                assert (said.failure.reason, said.blame) == (reason, blame), reason_word
                assert reason_word in said.note


async def test_a_model_that_is_unavailable_is_gone_only_where_vidu_says_so() -> None:
    async with a_house(gone=frozenset({MODEL})) as house:
        with pytest.raises(Refused) as raised:
            await house.submit()
        assert not raised.value.is_retired
        house.upset("create", "model_retired")
        with pytest.raises(Refused) as raised:
            await house.submit()
        assert raised.value.is_retired


@pytest.mark.parametrize("ticket", [{}, {"id": 8}, {"id": ""}, {"id": "8\n"}, {"id": "8" * 513}])
async def test_a_ticket_that_is_not_ours_is_not_understood(ticket: dict[str, object]) -> None:
    async with a_house() as house:
        for deed in (house.provider.check, house.provider.cancel):
            with pytest.raises(NotUnderstood, match="not ours"):
                await deed(ticket)
        assert house.server.seen == []


@pytest.mark.parametrize("film", [{}, {"url": 1}, {"url": "file:///x"}, {"url": "https://[x"}])
async def test_a_film_that_is_not_ours_is_not_understood(film: dict[str, object]) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood, match="not ours"):
            async with house.provider.open(film):
                pass


# -- a cancel -------------------------------------------------------------------------------


async def test_a_cancel_that_got_through_is_known_the_second_time() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.upset("cancel", "drop", accepted=True, times=1)
        with pytest.raises(Unreachable):
            await house.provider.cancel(ticket)
        assert await house.provider.cancel(ticket) is CancelOutcome.CANCELED
        outcome = await house.provider.check(ticket)
    assert isinstance(outcome, Lost)
    assert outcome.failure.message == "The provider canceled the task."


async def test_a_task_on_a_machine_is_not_stopped() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.clock.advance(2)
        assert await house.provider.cancel(ticket) is CancelOutcome.TOO_LATE
        house.clock.advance(60)
        assert isinstance(await house.provider.check(ticket), Ready)


async def test_a_task_that_is_forgotten_between_a_cancel_and_a_look_is_too_late() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.upset("cancel", "too_late")
        house.server.restart()
        assert await house.provider.cancel(ticket) is CancelOutcome.TOO_LATE


@pytest.mark.parametrize("reason", ["FieldInvalid", "OperationInProcess", ""])
async def test_a_cancel_that_is_refused_for_another_reason_is_ignorance(reason: str) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        body = {"code": 400, "reason": reason, "message": "No."}
        house.upset("cancel", "answer", value={"status": 400, "body": body})
        with pytest.raises(NotUnderstood):
            await house.provider.cancel(ticket)


# -- a submit without an answer -------------------------------------------------------------


async def lost_submit(house: House) -> str:
    house.upset("create", "drop", accepted=True, times=1)
    with pytest.raises(InDoubt):
        await house.submit(callback_url=f"https://films.example/hooks/vidu/{TOKEN}")
    return list(house.server.jobs)[-1]


@pytest.mark.parametrize("lists_payload", [False, True])
async def test_a_task_is_found_by_the_token_in_its_payload(lists_payload: bool) -> None:
    async with a_house(lists_payload=lists_payload) as house:
        await house.submit(token="e" * 32)
        task_id = await lost_submit(house)
        asked = len(house.server.seen)
        assert await house.find() == Found({"id": task_id})
        paths = [seen.path for seen in house.server.seen[asked:]]
        assert paths == ["/ent/v2/tasks"] + (
            [] if lists_payload else [f"/ent/v2/tasks/{task_id}/creations"]
        )
        assert len(house.server.log.entries) == 2


async def test_a_task_of_another_token_is_nobodys_we_look_for() -> None:
    async with a_house() as house:
        await house.submit(token="e" * 32)
        assert await house.find() == Absent()
        house.upset("retrieve", "mute")
        assert await house.find() == Unknown()


async def test_a_list_without_dates_is_looked_through_all_the_same() -> None:
    async with a_house() as house:
        task_id = await lost_submit(house)
        house.upset("list", "undated")
        assert await house.find() == Found({"id": task_id})
        assert await house.find(token="e" * 32) == Absent()


async def test_a_list_is_read_to_the_end_and_a_longer_one_proves_nothing() -> None:
    async with a_house(lists_payload=True) as house:
        for number in range(101):
            await house.submit(token=f"{number:032}")
        assert isinstance(await house.find(token=f"{0:032}"), Found)
        assert [seen.query for seen in house.server.seen[-2:]] == [
            "pager.pagesz=100", "pager.pagesz=100&pager.page_token=100",
        ]  # fmt: skip
        assert await house.find() == Absent()
        page = {"tasks": [], "next_page_token": "0"}
        house.upset("list", "answer", value={"status": 200, "body": page})
        assert await house.find() == Unknown()


async def test_more_tasks_than_are_looked_at_prove_nothing() -> None:
    async with a_house() as house:
        for number in range(LOOKS_MAX + 1):
            await house.submit(token=f"{number:032}")
        asked = len(house.server.seen)
        assert await house.find() == Unknown()
        assert len(house.server.seen) - asked == 1 + LOOKS_MAX


@pytest.mark.parametrize("fault", ["unauthorized", "rate_limited", "unavailable", "bad_gateway"])
@pytest.mark.parametrize("verb", ["list", "retrieve"])
async def test_a_search_that_did_not_get_through_is_none(verb: str, fault: str) -> None:
    async with a_house() as house:
        await house.submit(token="e" * 32)
        house.upset(verb, fault, times=1)
        with pytest.raises(Unreachable):
            await house.find()


async def test_a_task_that_is_listed_and_not_there_proves_nothing() -> None:
    async with a_house() as house:
        await house.submit(token="e" * 32)
        house.upset("retrieve", "not_found", times=1)
        assert await house.find() == Unknown()


@pytest.mark.parametrize("body", [{}, {"tasks": {}}, {"tasks": [], "next_page_token": 7}, []])
async def test_what_is_no_list_is_not_understood(body: object) -> None:
    async with a_house() as house:
        house.upset("list", "answer", value={"status": 200, "body": body})
        with pytest.raises(NotUnderstood):
            await house.find()


# -- who may ring ---------------------------------------------------------------------------

# Vidu's own example of what is signed (docs/callback-signature), without a query; the signature
# was made by openssl.
PATH = "/vidu/callback"
CALL = b'{"state":"success","payload":"/vidu/callback"}'
SIGNED = {
    "date": "Tue, 06 May 2025 12:09:42 GMT",
    "x-request-nonce": "123e4567-e89b-12d3-a456-426614174000",
    "x-hmac-signed-headers": "Date;x-request-nonce",
    "x-hmac-signature": "X+BeYTIdmpi5acT+OXopWV3SeXnVTnvNnDXBJ9tFanc=",
    "x-hmac-algorithm": "hmac-sha256",
    "x-hmac-access-key": "vidu",
}


def test_vidus_own_example_of_a_signature_is_taken() -> None:
    verify("vda_1", SIGNED, CALL)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, CALL),
        (SIGNED, b'{"state":"success","payload":"/vidu/elsewhere"}'),
        (SIGNED, b'{"state":"success","payload":"f00d"}'),
        (SIGNED, b'{"state":"success"}'),
        (SIGNED, b"[" * 100_000),
        (SIGNED, b"[]"),
        (SIGNED, b""),
        ({**SIGNED, "date": "Tue, 06 May 2025 12:09:43 GMT"}, CALL),
        ({**SIGNED, "x-request-nonce": "1"}, CALL),
        ({**SIGNED, "x-hmac-signed-headers": "x-request-nonce"}, CALL),
        ({**SIGNED, "x-hmac-signed-headers": "Date;" * 17}, CALL),
        ({**SIGNED, "x-hmac-algorithm": "none"}, CALL),
        ({**SIGNED, "x-hmac-signature": ""}, CALL),
        ({**SIGNED, "x-hmac-signature": "ü"}, CALL),
        ({**SIGNED, "x-request-nonce": "\udc80"}, CALL),
    ],
)
def test_any_other_call_is_forged(headers: Mapping[str, str], body: bytes) -> None:
    with pytest.raises(Forged):
        verify("vda_1", headers, body)


def test_a_payload_names_the_path_only_where_the_token_ends_it() -> None:
    assert payload_of(TOKEN, f"https://a.example/hooks/v/{TOKEN}") == f"/hooks/v/{TOKEN}"
    assert payload_of(TOKEN, f"https://a.example/hooks/v/{TOKEN}?a=1") == f"/hooks/v/{TOKEN}"
    assert payload_of(TOKEN, "https://a.example/elsewhere") == TOKEN


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
async def test_what_the_simulator_calls_is_known_as_vidus_or_not(
    fault: str, count: int, is_forged: bool
) -> None:
    door = Door(count)
    async with serving(door) as door_port, a_house(pace=Pace(60.0, 60.0)) as house:
        assert house.provider.takes_hints
        if fault:
            house.upset("callback", fault)
        await house.submit(callback_url=f"http://127.0.0.1:{door_port}/hooks/vidu/{TOKEN}")
        await house.server.ring()
        assert door.heard == [], "a task that waits is no news"
        house.clock.advance(61)
        await house.server.ring()
        await asyncio.wait_for(door.is_done.wait(), PATIENCE_S)
        assert len(door.heard) == count
        for headers, body in door.heard:
            if is_forged:
                with pytest.raises(Forged):
                    house.provider.hint(headers, body)
            else:
                assert house.provider.hint(headers, body) is None


# -- the simulator --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"model": None}, "FieldLacking"),
        ({"model": "vidu9"}, "ModelUnavailable"),
        ({"model": "viduq2"}, "ModelUnavailable"),
        ({"images": []}, "FieldLacking"),
        ({"images": ["data:image/png;base64,iVBORw0KGgo="] * 2}, "FieldInvalid"),
        ({"images": ["iVBORw0KGgo="]}, "FieldInvalid"),
        ({"images": ["data:image/png;base64,?"]}, "FieldInvalid"),
        ({"images": [7]}, "FieldInvalid"),
        ({"images": "https://a.example/1.png"}, "FieldInvalid"),
        ({"aspect_ratio": "16:9"}, "FieldUnwanted"),
        ({"model": "vidu2.0", "duration": 4, "audio": True}, "FieldUnwanted"),
        ({"duration": "5"}, "FieldInvalid"),
        ({"duration": 17}, "FieldInvalid"),
        ({"seed": "7"}, "FieldInvalid"),
        ({"audio": "on"}, "FieldInvalid"),
        ({"resolution": "4k"}, "FieldInvalid"),
        ({"movement_amplitude": "huge"}, "FieldInvalid"),
        ({"prompt": "x" * 5001}, "FieldInvalid"),
        ({"payload": 7}, "FieldInvalid"),
    ],
)
def test_the_simulator_refuses_what_vidu_would(more: Mapping[str, object], word: str) -> None:
    fields = {"model": MODEL, "images": ["data:image/png;base64,iVBORw0KGgo="], "duration": 5}
    assert refusal_of(fields, "img2video") is None
    refusal = refusal_of({**fields, **more}, "img2video")
    assert refusal is not None
    assert refusal[0] == word


@pytest.mark.parametrize("kind", ["text2video", "reference2video"])
def test_the_simulator_wants_words_where_vidu_does(kind: str) -> None:
    images = {} if kind == "text2video" else {"images": ["https://a.example/1.png"]}
    refusal = refusal_of({"model": MODEL, "duration": 5, **images}, kind)
    assert refusal == ("FieldLacking", "field is missing or empty: prompt")


async def test_the_list_of_the_simulator_ends_after_seven_days_and_refuses_pages_too_large() -> (
    None
):
    async with a_house() as house:
        await house.submit()
        house.clock.advance(7 * 24 * 3600)
        assert await house.find() == Absent()
        answer = await house.provider._rest.ask(
            "GET",
            "/tasks",
            params={"pager.pagesz": "101"},
            headers={"authorization": f"Token {KEY}"},
        )
        assert answer.status == 400


# -- what an operator writes ----------------------------------------------------------------


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_has_an_address(region: str) -> None:
    built = build(
        "vidu", name="v", credential=Credential("env:KEY", KEY), options={"region": region}
    )
    assert isinstance(built, Vidu)
    assert str(built._rest._base) == REGIONS[region]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"profile": "pro"}, "no profile 'pro'"),
        ({"credential": None}, "needs an api_key"),
        ({"credential": Credential("env:KEY", "a\nb")}, "visible ASCII"),
        ({"options": {}}, "either region"),
        ({"base_url": "https://vidu.example", "options": {"region": "cn"}}, "either region"),
        ({"options": {"region": "us"}}, "one of cn, intl"),
        ({"options": {"region": ["cn"]}}, "one of cn, intl"),
        ({"options": {"region": "cn", "colour": 1}}, "no option 'colour'"),
        ({"options": {"region": "cn", "off_peak": "yes"}}, "true or false"),
        ({"options": {"region": "cn", "off_peak": 1}}, "true or false"),
        ({"options": {"region": "cn", "ask_timeout_s": 0}}, "above 0"),
        ({"options": {"region": "cn", "look_again_s": True}}, "above 0"),
        ({"base_url": "vidu", "options": {}}, "no http"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(
    more: dict[str, Any], sentence: str
) -> None:
    usual: dict[str, Any] = {
        "credential": Credential("env:KEY", KEY),
        "options": {"region": "intl"},
    }
    with pytest.raises(Misconfigured, match=sentence):
        build("vidu", name="v", **(usual | more))
