"""`dashscope`: what is told upstream, and how its words are read."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rushes.domain.errors import Blame, Failure, Reason
from rushes.domain.spec import Asset, Medium, Mode, Role, Size, Spec
from rushes.providers import _dashscope, dashscope
from rushes.providers._dashscope import FORMS, MODELS, Book, encodable, told
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
    Outcome,
    Ready,
    Refused,
    Unknown,
    Unreachable,
    Working,
)
from rushes.providers.dashscope import LOOK_AGAIN_S, DashScope
from rushes.providers.registry import Misconfigured, build
from rushes.providers.rest import Credential
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.dashscope import DashScopeServer, Settings
from rushes.testing.simulators.films import tiny_film, tiny_still
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.script import Rule

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = "sk-Winter42Winter42"
CREDENTIAL = Credential("env:KEY", KEY)
TOKEN = "f" * 32
MODEL = "wan2.7-t2v-2026-04-25"
SPEC = Spec(
    model=MODEL,
    mode=Mode.TEXT_TO_VIDEO,
    prompt="A paper boat on a quiet canal.",
    seconds=5,
    size=Size(1280, 720),
    seed=7,
    resolution="720p",
    ratio="16:9",
    with_audio=True,
)
GOLDENS = sorted((Path(__file__).parent / "goldens" / "dashscope").glob("*.json"))
NO_BOOK = Book()


class Folder:
    """Assets in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def path_of(self, blob: str) -> Path:
        return self.folder / blob


class House:
    """A provider and its upstream."""

    def __init__(self, clock: ManualClock, server: DashScopeServer, provider: DashScope) -> None:
        self.clock = clock
        self.server = server
        self.provider = provider

    def upset(self, on: str, fault: str, **more: Any) -> None:
        self.server.script.clear()
        self.server.script.add(Rule(on, fault, **more))

    async def submit(self, spec: Spec = SPEC, folder: Path = Path("/nowhere")) -> dict[str, Any]:
        ticket = await self.provider.submit(
            spec, upstream_model=spec.model, token=TOKEN, assets=Folder(folder)
        )
        return dict(ticket)

    async def told_of(self, output: Mapping[str, object], **more: object) -> Outcome:
        """Look at a task of which this is said."""
        ticket = await self.submit()
        body = {"request_id": "r", "output": {"task_id": ticket["id"], **output}, **more}
        self.upset("retrieve", "answer", value={"status": 200, "body": body})
        return await self.provider.check(ticket)

    async def find(self, spec: Spec = SPEC) -> object:
        since = self.clock.now()
        return await self.provider.find(TOKEN, spec, upstream_model=MODEL, since=since)


@asynccontextmanager
async def a_house(
    options: Mapping[str, object] | None = None, **settings: Any
) -> AsyncIterator[House]:
    clock = ManualClock(NOON)
    server = DashScopeServer(clock=clock, settings=Settings(key=KEY, **settings))
    async with serving(server) as port:
        provider = build(
            "dashscope",
            name="wan",
            base_url=f"http://127.0.0.1:{port}/api/v1",
            credential=CREDENTIAL,
            options=options,
        )
        assert isinstance(provider, DashScope)
        try:
            yield House(clock, server, provider)
        finally:
            await provider.close()


# -- what is told ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_a_spec_is_told_in_dashscopes_words(path: Path) -> None:
    golden = json.loads(path.read_text())
    spec = msgspec.convert(golden["spec"], Spec)
    addresses = [f"<{asset.param}>" for asset in spec.assets]
    if "refused" in golden:
        with pytest.raises(Refused) as refused:
            told(spec, golden["upstream_model"], NO_BOOK, addresses)
        assert refused.value.failure == Failure(Reason.PARAMETERS_REFUSED, golden["refused"])
        assert refused.value.blame is Blame.PROVIDER
    else:
        words = told(spec, golden["upstream_model"], NO_BOOK, addresses)
        assert (words.path, words.body) == (golden["path"], golden["body"])


def test_every_mode_and_every_form_has_a_golden() -> None:
    goldens = [json.loads(path.read_text()) for path in GOLDENS]
    assert {golden["spec"]["mode"] for golden in goldens} == set(Mode)
    told_ = [golden for golden in goldens if "body" in golden]
    forms = [NO_BOOK.form_of(golden["upstream_model"]) for golden in told_]
    assert all(form in forms for form in FORMS.values())


async def test_the_body_arrives_as_the_golden_says(tmp_path: Path) -> None:
    image = tiny_still("PNG")
    (tmp_path / ("a" * 64)).write_bytes(image)
    uri = f"data:image/png;base64,{base64.b64encode(image).decode()}"
    async with a_house() as house:
        for path in GOLDENS:
            golden = json.loads(path.read_text())
            if "refused" in golden:
                continue
            spec = msgspec.convert(golden["spec"], Spec)
            ticket = await house.provider.submit(
                spec,
                upstream_model=golden["upstream_model"],
                token=TOKEN,
                assets=Folder(tmp_path),
            )
            expected = json.dumps(golden["body"])
            for asset in spec.assets:
                address = uri if asset.role.medium is Medium.IMAGE else str(asset.url)
                expected = expected.replace(f"<{asset.param}>", address)
            arrived = house.server.jobs[str(ticket["id"])].fields
            assert arrived["body"] == json.loads(expected)
            assert house.server.seen[-1].path == f"/api/v1{golden['path']}"
            assert house.server.seen[-1].headers["x-dashscope-async"] == "enable"


@pytest.mark.parametrize(
    ("model", "form"),
    [
        ("wan2.2-kf2v-flash", "kf2v"),
        ("wanx2.1-kf2v-plus", "kf2v"),
        ("wan2.5-t2v-preview", "flat_t2v"),
        ("wan2.6-t2v", "flat_t2v"),
        ("wan2.5-i2v-preview", "flat_i2v"),
        ("wan2.6-i2v-flash", "flat_i2v"),
        ("wan2.6-r2v", "flat_r2v"),
        ("wan2.7-t2v", "ratio_t2v"),
        ("wan2.7-i2v-2026-04-25", "media_i2v"),
        ("wan2.7-r2v", "media_r2v"),
    ],
)
def test_a_model_is_asked_by_its_name(model: str, form: str) -> None:
    assert NO_BOOK.form_of(model) is FORMS[form]


@pytest.mark.parametrize("model", ["wan3.0-video", "wan2.7-videoedit", "wan2.1-t2v", "", "kling"])
def test_a_model_of_which_nothing_was_read_has_no_form(model: str) -> None:
    assert NO_BOOK.form_of(model) is None


def test_an_operator_may_say_how_a_model_is_asked_and_of_what_size() -> None:
    book = Book((("wan2.6-t2v", "ratio_t2v"), ("my-*", "flat_t2v")), {"1280x720": "1248x704"})
    assert book.form_of("wan2.6-t2v") is FORMS["ratio_t2v"]
    assert told(SPEC, "my-wan", book).body["parameters"] == {
        "size": "1248*704", "duration": 5, "audio": True, "watermark": False, "seed": 7,
    }  # fmt: skip


def test_every_row_of_the_tables_is_whole() -> None:
    assert {form for _, form in MODELS} == set(FORMS)
    for form in FORMS.values():
        for takes in form.modes.values():
            assert set(takes.needs + takes.may) <= set(form.places)
    assert all(text.count("*") == 1 for text in _dashscope.SIZES.values())


def test_a_spec_without_a_resolution_is_told_by_its_short_edge() -> None:
    parameters = told(replace(SPEC, resolution=None, ratio=None), MODEL, NO_BOOK).body["parameters"]
    assert parameters == {"resolution": "720P", "duration": 5, "watermark": False, "seed": 7}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet=st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_whatever_json_a_caller_lists_can_be_sent(value: object) -> None:
    json.dumps(encodable(value), ensure_ascii=False).encode()


@given(st.dictionaries(st.sampled_from(["seed", "duration", "size", "n", "shot_type"]), JSON))
def test_no_listed_key_says_what_a_spec_decides(listed: dict[str, object]) -> None:
    passed = {f"parameters.{name}": value for name, value in listed.items()}
    with_them = told(replace(SPEC, passthrough=passed), MODEL, NO_BOOK).body["parameters"]
    without = told(SPEC, MODEL, NO_BOOK).body["parameters"]
    assert isinstance(with_them, dict)
    assert isinstance(without, dict)
    assert without.items() <= with_them.items()
    assert with_them.keys() - without.keys() <= {"n", "shot_type"}


async def test_half_a_character_is_no_crash() -> None:
    spec = replace(SPEC, prompt="a \ud83d boat", passthrough={"input.template": ["\udc00"]})
    async with a_house() as house:
        ticket = await house.submit(spec)
        body = house.server.jobs[ticket["id"]].fields["body"]
    assert body["input"] == {"prompt": "a ? boat", "template": ["?"]}  # type: ignore[index] # a JSON object


def with_file(role: Role, model: str, mode: Mode, **changes: Any) -> Spec:
    asset = Asset(role, "image", blob="b" * 64, content_type="image/png")
    return replace(SPEC, model=model, mode=mode, assets=(replace(asset, **changes),))


async def test_an_image_that_cannot_be_read_now_is_not_sent(tmp_path: Path) -> None:
    async with a_house() as house:
        spec = with_file(Role.FIRST_FRAME, "wan2.7-i2v", Mode.IMAGE_TO_VIDEO)
        with pytest.raises(Busy, match="not sent: the first_frame cannot be read"):
            await house.submit(spec, tmp_path)
        assert house.server.seen == []


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (with_file(Role.FIRST_FRAME, "wan2.7-i2v", Mode.IMAGE_TO_VIDEO, blob=None), "not here"),
        (with_file(Role.FIRST_CLIP, "wan2.7-i2v", Mode.CONTINUATION), "only from a public URL"),
        (with_file(Role.DRIVING_AUDIO, MODEL, Mode.TEXT_TO_VIDEO), "only from a public URL"),
        (with_file(Role.REFERENCE_VIDEO, "wan2.7-r2v", Mode.REFERENCE_TO_VIDEO), "public URL"),
    ],
)
async def test_a_file_that_cannot_be_handed_over_is_refused_unsent(spec: Spec, why: str) -> None:
    async with a_house() as house:
        with pytest.raises(Refused, match=why) as refused:
            await house.submit(spec)
        assert refused.value.blame is Blame.PROVIDER
        assert house.server.seen == []


# -- how it is built ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("region", "host"), [("cn", "dashscope.aliyuncs"), ("intl", "dashscope-intl.aliyuncs")]
)
async def test_a_region_is_an_address(region: str, host: str) -> None:
    provider = build("dashscope", name="wan", credential=CREDENTIAL, options={"region": region})
    assert isinstance(provider, DashScope)
    assert f"{host}.com" in provider._rest.hidden
    assert provider.looks_per_s_max == 20.0
    assert not provider.takes_hints
    await provider.close()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({}, "needs a region"),
        ({"base_url": "http://wan/api/v1", "options": {"region": "cn"}}, "not both"),
        ({"options": {"region": "mars"}}, "'region' is one of cn, intl"),
        ({"options": {"region": ["cn"]}}, "'region' is one of cn, intl"),
        ({"base_url": "http://wan/api/v1", "profile": "new"}, "no profiles"),
        ({"base_url": "http://wan/api/v1", "credential": None}, "needs an api_key"),
        ({"base_url": "wan"}, "no http"),
        ({"options": {"region": "cn", "colour": 1}}, "no option 'colour'"),
        ({"options": {"region": "cn", "find": "guess"}}, "'find' is one of off, list"),
        ({"options": {"region": "cn", "forms": {"wan9": "cubic"}}}, "'wan9' takes one of"),
        ({"options": {"region": "cn", "forms": "flat_t2v"}}, "table of texts"),
        ({"options": {"region": "cn", "sizes": {"1x1": 2}}}, "table of texts"),
        ({"options": {"region": "cn", "look_again_s": 0}}, "number of seconds above 0"),
        ({"options": {"region": "cn", "ask_timeout_s": True}}, "number of seconds above 0"),
        (
            {"options": {"region": "cn", "submit_timeout_s": float("nan")}},
            "number of seconds above 0",
        ),
        ({"options": {"region": "cn", "utc_offset_h": 15}}, "number from -12"),
    ],
)
def test_what_cannot_be_meant_is_refused(more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Misconfigured, match=sentence):
        build("dashscope", **{"name": "wan", "credential": CREDENTIAL, **more})


# -- answers to a submit --------------------------------------------------------------------

REFUSALS: list[tuple[int, str, Reason, Blame]] = [
    (400, "InvalidParameter", Reason.PARAMETERS_REFUSED, Blame.CALLER),
    (400, "InvalidParameter.DataInspection", Reason.PARAMETERS_REFUSED, Blame.CALLER),
    (400, "InvalidURL", Reason.PARAMETERS_REFUSED, Blame.CALLER),
    (400, "DataInspectionFailed", Reason.CONTENT_REFUSED, Blame.CALLER),
    (400, "Arrearage", Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    (429, "Arrearage", Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    (401, "InvalidApiKey", Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    (403, "AccessDenied", Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    (403, "AccessDenied.Unpurchased", Reason.PROVIDER_UNUSABLE, Blame.PROVIDER),
    (404, "Model.NotExist", Reason.PROVIDER_UNUSABLE, Blame.PROVIDER),
    (400, "Model.NotExist", Reason.PROVIDER_UNUSABLE, Blame.PROVIDER),
]


def complaint(code: str, message: str = "Not so.") -> dict[str, str]:
    return {"request_id": "r", "code": code, "message": message}


@pytest.mark.parametrize(("status", "code", "reason", "blame"), REFUSALS)
async def test_a_refusal_is_read_by_its_code(
    status: int, code: str, reason: Reason, blame: Blame
) -> None:
    async with a_house() as house:
        house.upset("create", "answer", value={"status": status, "body": complaint(code)})
        with pytest.raises(Refused) as refused:
            await house.submit()
    assert (refused.value.failure.reason, refused.value.blame) == (reason, blame)
    assert refused.value.note == f"HTTP {status} {code}"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (429, "Throttling"),
        (429, "Throttling.RateQuota"),
        (429, "Throttling.AllocationQuota"),
        (429, "AnythingElse"),
        (403, "Throttling.RateQuota"),
    ],
)
async def test_throttling_is_asked_again_later(status: int, code: str) -> None:
    async with a_house() as house:
        house.upset("create", "answer", value={"status": status, "body": complaint(code)})
        with pytest.raises(Busy, match=code):
            await house.submit()


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (500, "InternalError"),
        (500, "InternalError.Algo"),
        (503, "ServiceUnavailable"),
        (503, "Throttling"),
        (504, "GatewayTimeout"),
        (500, "DataInspectionFailed"),
        (200, "InternalError"),
        (200, "Throttling"),
        (200, "InvalidParameter"),
    ],
)
async def test_no_code_of_a_5xx_or_a_200_proves_a_refusal(status: int, code: str) -> None:
    async with a_house() as house:
        house.upset("create", "answer", value={"status": status, "body": complaint(code)})
        with pytest.raises(InDoubt):
            await house.submit()


@pytest.mark.parametrize(
    "output", [None, [], {}, {"task_id": ""}, {"task_id": 7}, {"task_id": "x" * 600}, "task"]
)
async def test_a_success_without_a_task_id_is_doubt(output: object) -> None:
    async with a_house() as house:
        house.upset("create", "answer", value={"status": 200, "body": {"output": output}})
        with pytest.raises(InDoubt, match="HTTP 200 without a task_id"):
            await house.submit()


async def test_a_task_id_is_a_ticket_whatever_else_is_said() -> None:
    body = {"output": {"task_id": "a/../b?c", "task_status": "FAILED"}, "code": "x"}
    async with a_house() as house:
        house.upset("create", "answer", value={"status": 200, "body": body})
        ticket = await house.submit()
        assert ticket == {"id": "a/../b?c"}
        with pytest.raises(NotThere):
            await house.provider.check(ticket)
        assert house.server.seen[-1].path == "/api/v1/tasks/a%2F..%2Fb%3Fc"


# -- looks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["PENDING", "RUNNING", "SUSPENDED"])
async def test_what_is_not_over_is_work(word: str) -> None:
    async with a_house() as house:
        assert await house.told_of({"task_status": word}) == Working(None, LOOK_AGAIN_S)


async def test_an_operator_paces_the_looks() -> None:
    async with a_house({"look_again_s": 2}) as house:
        assert await house.told_of({"task_status": "RUNNING"}) == Working(None, 2.0)


async def test_a_success_is_a_link_and_what_it_cost() -> None:
    link = "https://dashscope-result.example.org/a.mp4?Expires=1"
    usage = {"video_duration": 5, "video_count": 1, "SR": 1080, "more": {"a": 1}}
    async with a_house() as house:
        outcome = await house.told_of({"task_status": "SUCCEEDED", "video_url": link}, usage=usage)
    assert outcome == Ready({"url": link}, {"video_duration": 5, "video_count": 1, "SR": 1080})


@pytest.mark.parametrize(
    "link",
    [
        None,
        "",
        7,
        "film.mp4",
        "ftp://x/film",
        "file:///etc/passwd",
        "http://",
        "http://[::1",
        "https://x/a b\n",
        "https://x/" + "y" * 3900,
    ],
)
async def test_a_success_without_a_film_is_not_there(link: object) -> None:
    async with a_house() as house:
        with pytest.raises(NotThere, match="without a video_url"):
            await house.told_of({"task_status": "SUCCEEDED", "video_url": link}, usage=[])


FAILURES: list[tuple[dict[str, object], Reason, str]] = [
    (
        complaint("DataInspectionFailed", "Output data may be improper."),
        Reason.CONTENT_REFUSED,
        "Output",
    ),
    ({"code": "DataInspectionFailed"}, Reason.CONTENT_REFUSED, "content policy"),
    (complaint("InvalidParameter", "Too wide."), Reason.PARAMETERS_REFUSED, "Too wide."),
    (complaint("InvalidParameter.Media"), Reason.PARAMETERS_REFUSED, "Not so."),
    (complaint("InvalidURL", "See https://x/y"), Reason.PARAMETERS_REFUSED, "See [address]"),
    (complaint("Arrearage", "Pay us at https://x"), Reason.PROVIDER_UNUSABLE, "operator"),
    (complaint("InvalidApiKey", KEY), Reason.PROVIDER_UNUSABLE, "operator"),
    (complaint("AccessDenied.Unpurchased"), Reason.PROVIDER_UNUSABLE, "operator"),
    (complaint("Model.NotExist"), Reason.PROVIDER_UNUSABLE, "operator"),
    (complaint("Throttling.RateQuota", "Slow."), Reason.PROVIDER_RATE_LIMITED, "Slow."),
    (complaint("InternalError.Algo", "Ouch."), Reason.PROVIDER_FAILED, "Ouch."),
    (complaint("Strange", f"With {KEY}"), Reason.PROVIDER_FAILED, "With [hidden]"),
    ({"message": "It broke."}, Reason.PROVIDER_FAILED, "It broke."),
    ({"code": ["x"], "message": 7}, Reason.PROVIDER_FAILED, "failed to make"),
    ({}, Reason.PROVIDER_FAILED, "failed to make"),
]


@pytest.mark.parametrize(("said", "reason", "part"), FAILURES)
async def test_a_failure_inside_http_200_is_lost_for_a_reason(
    said: dict[str, object], reason: Reason, part: str
) -> None:
    async with a_house() as house:
        outcome = await house.told_of({"task_status": "FAILED", **said})
    assert isinstance(outcome, Lost)
    assert outcome.failure.reason is reason
    assert part in outcome.failure.message


async def test_a_task_that_somebody_canceled_there_is_lost() -> None:
    async with a_house() as house:
        outcome = await house.told_of({"task_status": "CANCELED"})
    assert outcome == Lost(
        Failure(Reason.PROVIDER_FAILED, "The task was canceled at the provider.")
    )


async def test_a_task_of_yesterday_is_not_there() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.clock.advance(24 * 3600)
        with pytest.raises(NotThere, match="HTTP 200 UNKNOWN"):
            await house.provider.check(ticket)


@pytest.mark.parametrize(
    ("status", "body", "trouble"),
    [
        (200, {"output": {"task_id": "another", "task_status": "SUCCEEDED"}}, NotUnderstood),
        (200, {"output": {"task_status": None}}, NotUnderstood),
        (200, {"output": {"task_status": "succeeded"}}, NotUnderstood),
        (200, {"output": {"task_status": "THINKING"}}, NotUnderstood),
        (200, {"output": None}, NotUnderstood),
        (200, complaint("InternalError"), NotUnderstood),
        (200, [], NotUnderstood),
        (400, complaint("InvalidParameter"), NotUnderstood),
        (401, complaint("InvalidApiKey"), Unreachable),
        (403, complaint("AccessDenied"), Unreachable),
        (404, complaint("NotFound"), NotThere),
        (429, complaint("Throttling.RateQuota"), Unreachable),
        (500, complaint("InternalError"), Unreachable),
        (503, complaint("ServiceUnavailable"), Unreachable),
    ],
)
async def test_what_is_not_our_task_teaches_nothing(
    status: int, body: object, trouble: type[Exception]
) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.upset("retrieve", "answer", value={"status": status, "body": body})
        with pytest.raises(trouble) as raised:
            await house.provider.check(ticket)
    assert type(raised.value) is trouble


@pytest.mark.parametrize("ticket", [{}, {"id": 7}, {"id": ""}, {"task_id": "x"}])
async def test_a_ticket_that_is_not_ours_is_not_understood(ticket: dict[str, object]) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood, match="not ours"):
            await house.provider.check(ticket)
        with pytest.raises(NotUnderstood, match="not ours"):
            await house.provider.cancel(ticket)
        assert house.server.seen == []


# -- cancel ---------------------------------------------------------------------------------


async def test_only_what_is_pending_can_be_stopped() -> None:
    async with a_house() as house:
        first, second = await house.submit(), await house.submit()
        assert await house.provider.cancel(first) is CancelOutcome.CANCELED
        assert isinstance(await house.provider.check(first), Lost)
        house.clock.advance(1)
        assert await house.provider.cancel(second) is CancelOutcome.TOO_LATE
        house.clock.advance(60)
        assert isinstance(await house.provider.check(second), Ready)


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (200, "", CancelOutcome.CANCELED),
        (400, "UnsupportedOperation", CancelOutcome.TOO_LATE),
        (400, "AnythingElse", CancelOutcome.TOO_LATE),
        (404, "NotFound", CancelOutcome.TOO_LATE),
        (409, "Conflict", CancelOutcome.TOO_LATE),
        (405, "MethodNotAllowed", CancelOutcome.UNSUPPORTED),
        (501, "NotImplemented", CancelOutcome.UNSUPPORTED),
    ],
)
async def test_a_cancel_comes_to(status: int, code: str, outcome: CancelOutcome) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.upset("cancel", "answer", value={"status": status, "body": complaint(code)})
        assert await house.provider.cancel(ticket) is outcome


@pytest.mark.parametrize(
    ("status", "code", "trouble"),
    [
        (400, "Throttling", NotUnderstood),
        (429, "Throttling.RateQuota", Unreachable),
        (401, "InvalidApiKey", Unreachable),
        (500, "InternalError", Unreachable),
    ],
)
async def test_a_cancel_that_teaches_nothing_is_asked_again(
    status: int, code: str, trouble: type[Exception]
) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.upset("cancel", "answer", value={"status": status, "body": complaint(code)})
        with pytest.raises(trouble):
            await house.provider.cancel(ticket)


# -- find -----------------------------------------------------------------------------------

SEARCHING = {"find": "list"}


async def test_a_list_is_not_asked_unless_an_operator_says_so() -> None:
    async with a_house(list_echoes=True) as house:
        await house.submit()
        assert await house.find() == Unknown()
        assert [seen.method for seen in house.server.seen] == ["POST"]


async def test_a_list_that_does_not_echo_the_prompt_proves_nothing() -> None:
    async with a_house(SEARCHING) as house:
        await house.submit()
        assert await house.find() == Unknown()


async def test_a_find_asks_for_the_model_and_the_hours_in_beijings_time() -> None:
    async with a_house(SEARCHING, list_echoes=True) as house:
        ours = await house.submit()
        await house.submit(replace(SPEC, model="wan2.7-t2v"))
        await house.submit(replace(SPEC, prompt="Another."))
        assert await house.find() == Found(ours, is_alike=True)
        query = house.server.seen[-1].query
    assert f"model_name={MODEL}" in query
    assert "start_time=20261123195900&end_time=20261124185900" in query


async def test_a_find_in_another_zone_sees_another_day() -> None:
    async with a_house({**SEARCHING, "utc_offset_h": -5}, list_echoes=True) as house:
        await house.submit()
        assert await house.find() != Found({"id": "anything"})
        assert "start_time=20261123065900" in house.server.seen[-1].query


async def test_a_find_reads_page_after_page() -> None:
    async with a_house(SEARCHING, list_echoes=True) as house:
        ours = await house.submit()
        for number in range(120):
            wish = {"model": MODEL, "input": {"prompt": f"film {number}"}}
            house.server._accept({"body": wish}, None)
        assert await house.find() == Found(ours, is_alike=True)
        assert [seen.method for seen in house.server.seen] == ["POST", "GET", "GET", "GET"]
        for number in range(500):
            wish = {"model": MODEL, "input": {"prompt": f"film {number}"}}
            house.server._accept({"body": wish}, None)
        assert await house.find() == Unknown()


ITEM = {
    "task_id": "t1", "task_status": "PENDING", "submit_time": "2026-11-23 20:00:00.000",
    "model_name": MODEL, "orig_prompt": SPEC.prompt,
}  # fmt: skip


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"tasks": [ITEM], "total": 1}, Found({"id": "t1"}, is_alike=True)),
        ({"tasks": [ITEM, "nonsense", None], "total": 1}, Found({"id": "t1"}, is_alike=True)),
        ({"tasks": [ITEM | {"submit_time": "2026-11-23T12:00:00+00:00"}], "total": 1},
         Found({"id": "t1"}, is_alike=True)),
        ({"tasks": [], "total": 0}, Absent()),
        ({"tasks": [], "total": 3}, Unknown()),
        ({"tasks": [ITEM | {"submit_time": "soon"}], "total": 1}, Unknown()),
        ({"tasks": [ITEM | {"model_name": None}], "total": 1}, Unknown()),
        ({"tasks": [ITEM | {"task_id": None}], "total": 1}, Unknown()),
        ({"tasks": [ITEM | {"submit_time": "2026-11-23 12:00:00"}], "total": 1}, Absent()),
    ],
)  # fmt: skip
async def test_lists_of_other_shapes(body: object, found: object) -> None:
    async with a_house(SEARCHING) as house:
        house.upset("list", "answer", value={"status": 200, "body": body})
        assert await house.find() == found


@pytest.mark.parametrize("body", [[], {"tasks": None, "total": 0}, {"tasks": []}, {"data": []}])
async def test_a_list_that_is_none_is_not_understood(body: object) -> None:
    async with a_house(SEARCHING) as house:
        house.upset("list", "answer", value={"status": 200, "body": body})
        with pytest.raises(NotUnderstood):
            await house.find()


# -- films ----------------------------------------------------------------------------------


async def film_of(house: House) -> Mapping[str, Any]:
    ticket = await house.submit()
    house.clock.advance(60)
    outcome = await house.provider.check(ticket)
    assert isinstance(outcome, Ready)
    return outcome.film


async def bytes_of(house: House, film: Mapping[str, Any]) -> bytes:
    async with house.provider.open(film) as stream:
        return b"".join([part async for part in stream.chunks])


async def test_a_film_is_fetched_without_the_key() -> None:
    async with a_house() as house:
        assert await bytes_of(house, await film_of(house)) == tiny_film()
        assert house.server.seen[-1].path.startswith("/film/")
        assert "authorization" not in house.server.seen[-1].headers


async def test_a_link_that_expired_is_lost() -> None:
    async with a_house() as house:
        film = await film_of(house)
        house.clock.advance(24 * 3600)
        with pytest.raises(FilmLost):
            await bytes_of(house, film)


@pytest.mark.parametrize("film", [{}, {"url": 7}, {"url": "/film/1.mp4"}, {"id": "t1"}])
async def test_a_film_that_is_not_ours_is_not_understood(film: dict[str, object]) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood, match="not ours"):
            house.provider.open(film)


def test_the_states_are_those_of_the_sdk() -> None:
    assert set(dashscope._STATES) == {
        "PENDING", "SUSPENDED", "SUCCEEDED", "CANCELED", "RUNNING", "FAILED", "UNKNOWN",
    }  # fmt: skip
