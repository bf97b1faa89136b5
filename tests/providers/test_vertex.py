"""`vertex`: what is told upstream, how its words are read, and which token goes out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from rushes.domain.errors import Blame, Reason
from rushes.domain.spec import Asset, Mode, Role, Spec
from rushes.providers import vertex
from rushes.providers._vertex_answers import WORDS, complaint_in, read, reason_of
from rushes.providers._vertex_orders import objection, told
from rushes.providers._vertex_tokens import NoToken, Tokens
from rushes.providers.answers import Answer, judge_submit
from rushes.providers.base import (
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
from rushes.providers.registry import Misconfigured, build
from rushes.providers.rest import Credential
from rushes.providers.vertex import Vertex
from rushes.testing.conformance.providers import CHECKS, hold, skipped, stale_skips
from rushes.testing.conformance.scenes.simulated import NOON, closed_port
from rushes.testing.conformance.scenes.vertex import KEY, SPEC, inline
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.films import tiny_film, tiny_still
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.script import Rule
from rushes.testing.simulators.vertex import VertexServer

TOKEN = "f" * 32
MODEL = "veo-3.1-generate-001"
GOLDENS = sorted((Path(__file__).parent / "goldens" / "vertex").glob("*.json"))
PLACE: Mapping[str, object] = {"project": "lab", "region": "us-central1"}


class Folder:
    """Assets in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def path_of(self, blob: str) -> Path:
        return self.folder / blob


class House:
    """A provider and its upstream."""

    def __init__(self, clock: ManualClock, server: VertexServer, provider: Vertex) -> None:
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

    async def find(self, *, token: str = TOKEN) -> object:
        return await self.provider.find(token, SPEC, upstream_model=MODEL, since=NOON)

    async def outcome(self, **body: object) -> object:
        """Have an operation that is told so, and look at it."""
        self.server.script.clear()
        ticket = await self.submit()
        told = {"name": ticket["operation"], **body}
        self.upset("fetch", "answer", value={"status": 200, "body": told})
        return await self.provider.check(ticket)


@asynccontextmanager
async def a_house(
    credential: Credential | None = None, *, key: str | None = None, **options: object
) -> AsyncIterator[House]:
    clock = ManualClock(NOON)
    server = VertexServer(clock=clock, key=key)
    async with serving(server) as port:
        address = f"http://127.0.0.1:{port}"
        provider = vertex.build(
            name="vertex",
            base_url=address,
            credential=credential or Credential("env:KEY", KEY),
            profile=None,
            options={**PLACE, "storage_url": address, **options},
        )
        try:
            yield House(clock, server, provider)
        finally:
            await provider.close()


# -- what is told ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_a_spec_is_told_in_the_words_of_veo(path: Path) -> None:
    golden = json.loads(path.read_text())
    spec = msgspec.convert(golden["spec"], Spec)
    assert objection(spec) == golden.get("refused", "")
    if "refused" not in golden:
        pictures = [(kind, base64) for kind, base64 in golden.get("pictures", [])]
        assert told(spec, pictures, golden.get("storage_uri")) == golden["body"]


def test_every_mode_has_a_golden() -> None:
    assert {json.loads(path.read_text())["spec"]["mode"] for path in GOLDENS} == set(Mode)


async def test_a_create_arrives_at_its_model_with_the_files_inside(tmp_path: Path) -> None:
    (tmp_path / ("a" * 64)).write_bytes(tiny_still("PNG"))
    first = Asset(Role.FIRST_FRAME, "image", blob="a" * 64, content_type="image/png")
    spec = replace(SPEC, mode=Mode.IMAGE_TO_VIDEO, assets=(first,))
    async with a_house() as house:
        ticket = await house.submit(spec, tmp_path)
        [job] = house.server.jobs.values()
        [seen] = house.server.seen
    model = "projects/lab/locations/us-central1/publishers/google/models/" + MODEL
    assert ticket == {"operation": job.id, "model": MODEL}
    assert job.id.startswith(f"{model}/operations/")
    assert seen.path == f"/v1beta1/{model}:predictLongRunning"
    assert seen.headers["authorization"] == f"Bearer {KEY}"


async def test_a_file_that_cannot_be_read_is_met_before_anything_is_sent() -> None:
    first = Asset(Role.FIRST_FRAME, "image", blob="a" * 64, content_type="image/png")
    async with a_house() as house:
        with pytest.raises(Busy, match="FileNotFoundError"):
            await house.submit(replace(SPEC, mode=Mode.IMAGE_TO_VIDEO, assets=(first,)))
        assert house.server.seen == []


async def test_a_film_lies_in_a_folder_of_its_own_in_the_bucket() -> None:
    async with a_house(storage_uri="gs://films/rushes/") as house:
        ticket = await house.submit()
        house.clock.advance(60)
        outcome = await house.provider.check(ticket)
        assert isinstance(outcome, Ready)
        assert str(outcome.film["gcs"]).startswith(f"gs://films/rushes/{TOKEN}/")
        async with house.provider.open(outcome.film) as stream:
            assert b"".join([chunk async for chunk in stream.chunks]) == tiny_film()
        assert house.server.seen[-1].path.startswith("/storage/v1/b/films/o/rushes%2F")
        assert house.server.seen[-1].query == "alt=media"


# -- how its words are read -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"code": 3, "message": "Bad length."}, Reason.PARAMETERS_REFUSED),
        ({"code": 3, "message": "It violates our Responsible AI."}, Reason.CONTENT_REFUSED),
        ({"code": 4, "message": "Too slow."}, Reason.TIMED_OUT),
        ({"code": 5, "message": "No model."}, Reason.PROVIDER_UNUSABLE),
        ({"code": 7, "message": "Not you."}, Reason.PROVIDER_UNUSABLE),
        ({"code": 8, "message": "High load."}, Reason.PROVIDER_RATE_LIMITED),
        ({"code": 13, "message": "Oh."}, Reason.PROVIDER_FAILED),
        ({"code": 14, "message": "Away."}, Reason.PROVIDER_FAILED),
        ({"code": 99, "message": "New."}, Reason.PROVIDER_FAILED),
        ({}, Reason.PROVIDER_FAILED),
    ],
)
async def test_the_error_of_an_operation_is_a_verdict(
    error: dict[str, object], reason: Reason
) -> None:
    async with a_house() as house:
        outcome = await house.outcome(done=True, error=error)
    assert isinstance(outcome, Lost)
    assert outcome.failure.reason is reason


async def test_an_empty_success_by_a_filter_is_a_refusal_of_the_content() -> None:
    response = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": ["Not fit. Codes: 1."]}
    async with a_house() as house:
        outcome = await house.outcome(done=True, response=response)
        assert isinstance(outcome, Lost)
        assert (outcome.failure.reason, outcome.failure.message) == (
            Reason.CONTENT_REFUSED,
            "Not fit. Codes: 1.",
        )
        silent = await house.outcome(done=True, response={"raiMediaFilteredCount": 1})
        assert isinstance(silent, Lost)
        assert silent.failure.reason is Reason.CONTENT_REFUSED
        assert silent.failure.message


async def test_an_empty_success_without_a_filter_is_no_verdict() -> None:
    async with a_house() as house:
        with pytest.raises(NotThere):
            await house.outcome(done=True, response={"raiMediaFilteredCount": 0, "videos": []})


@pytest.mark.parametrize(
    "body",
    [
        {"done": "soon"},
        {"done": 1},
        {"done": None},
        {"done": True},
        {"done": True, "response": "yes"},
        {"done": True, "response": {"videos": [{"gcsUri": "https://elsewhere.example/x"}]}},
        {"name": "projects/lab/operations/of-another"},
    ],
)
async def test_what_is_outside_the_contract_is_ignorance(body: dict[str, object]) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood):
            await house.outcome(**body)


async def test_an_operation_that_says_nothing_but_its_name_is_work() -> None:
    async with a_house(look_again_s=3) as house:
        assert await house.outcome(metadata={}) == Working(look_again_s=3.0)


@pytest.mark.parametrize(
    ("status", "error", "verdict", "retry_after_s"),
    [
        (429, {"status": "RESOURCE_EXHAUSTED", "message": "Slow."}, Busy, None),
        (
            429,
            {"status": "RESOURCE_EXHAUSTED", "details": [{"retryDelay": "2.5s"}]},
            Busy,
            2.5,
        ),
        (400, {"status": "INVALID_ARGUMENT", "message": "Bad length."}, Refused, None),
        (403, {"status": "PERMISSION_DENIED", "message": "No."}, Refused, None),
        (404, {"status": "NOT_FOUND", "message": "No model."}, Refused, None),
        (499, {"status": "CANCELLED", "message": "Gone."}, InDoubt, None),
        (500, {"status": "INTERNAL", "message": "Oh."}, InDoubt, None),
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


def test_a_reason_in_the_details_is_read_beside_the_word() -> None:
    error = {"code": 7, "details": ["?", {"reason": "BILLING_DISABLED"}]}
    complaint = complaint_in(error)
    assert (complaint.code, complaint.kind) == ("PERMISSION_DENIED", "BILLING_DISABLED")
    assert reason_of(complaint) is Reason.PROVIDER_UNUSABLE


async def test_an_operation_of_another_place_is_looked_at_where_it_is() -> None:
    """Its name says where, so that a change of region strands nothing."""
    async with a_house() as house:
        parent = f"projects/1234/locations/europe-west4/publishers/google/models/{MODEL}"
        ticket = {"operation": f"{parent}/operations/1", "model": MODEL}
        with pytest.raises(NotThere):
            await house.provider.check(ticket)
        bare = {"operation": "projects/lab/operations/1", "model": MODEL}
        with pytest.raises(NotUnderstood):
            await house.provider.check(bare)
        paths = [seen.path for seen in house.server.seen]
    assert paths[0] == f"/v1beta1/{parent}:fetchPredictOperation"
    assert paths[1].startswith("/v1beta1/projects/lab/locations/us-central1/publishers/google/")


@pytest.mark.parametrize("ticket", [{}, {"operation": "x"}, {"operation": "", "model": "m"}])
async def test_a_ticket_that_is_not_ours_is_not_understood(ticket: dict[str, str]) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood, match="not ours"):
            await house.provider.check(ticket)


async def test_nothing_is_stopped_and_without_a_bucket_nothing_is_found() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        asked = len(house.server.seen)
        assert await house.provider.cancel(ticket) is CancelOutcome.UNSUPPORTED
        assert await house.find() == Unknown()
        assert len(house.server.seen) == asked


async def test_a_submit_without_an_answer_is_found_by_its_folder_once_its_film_is_written() -> None:
    async with a_house(storage_uri="gs://films") as house:
        house.upset("create", "drop", accepted=True, times=1)
        with pytest.raises(InDoubt):
            await house.submit()
        assert await house.find() == Unknown()
        house.clock.advance(60)
        assert await house.find(token="e" * 32) == Unknown()
        found = await house.find()
        assert isinstance(found, Found)
        outcome = await house.provider.check(found.ticket)
        assert isinstance(outcome, Ready)
        async with house.provider.open(outcome.film) as stream:
            assert b"".join([chunk async for chunk in stream.chunks]) == tiny_film()
        assert len(house.server.log.entries) == 1


@pytest.mark.parametrize(
    ("fault", "ignorance"),
    [("unavailable", Unreachable), ("forbidden", Unreachable), ("unauthorized", Unreachable)],
)
async def test_a_bucket_that_cannot_be_listed_teaches_nothing(
    fault: str, ignorance: type[Exception]
) -> None:
    async with a_house(storage_uri="gs://films") as house:
        house.upset("list", fault, times=1)
        with pytest.raises(ignorance):
            await house.find()
        assert await house.find() == Unknown()


@pytest.mark.parametrize("items", ["none", [7], [{"name": "x.mp4"}], [{"name": f"{TOKEN}/a.txt"}]])
async def test_what_is_no_film_of_ours_is_not_found(items: object) -> None:
    async with a_house(storage_uri="gs://films") as house:
        house.upset("list", "answer", value={"status": 200, "body": {"items": items}})
        if items == "none":
            with pytest.raises(NotUnderstood):
                await house.find()
        else:
            assert await house.find() == Unknown()


# -- films inside an answer -----------------------------------------------------------------


def test_the_inline_scene_skips_only_what_exists() -> None:
    assert stale_skips(inline) == []


INLINE = [name for name in CHECKS if "film" in name and skipped(inline, name) is None]


@pytest.mark.parametrize("check", [*INLINE, "a_handle_survives_the_rows", "each_state_is_told"])
async def test_a_film_inside_an_answer_keeps_the_promises_of_any_film(check: str) -> None:
    await hold(inline, check)


async def test_a_film_may_be_longer_than_any_other_answer() -> None:
    async with a_house() as house:
        big = 6 * 2**20 * "A"
        body = {"done": True, "response": {"videos": [{"bytesBase64Encoded": big}]}}
        outcome = await house.outcome(**body)
        assert isinstance(outcome, Ready)
        assert set(outcome.film) == {"operation", "model"}
        async with house.provider.open(outcome.film) as stream:
            assert stream.length == sum([len(chunk) async for chunk in stream.chunks])
            assert stream.length == len(big) * 3 // 4


async def test_what_is_no_base64_is_no_film() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.upset("fetch", "bad_base64")
        with pytest.raises(NotUnderstood, match="base64"):
            async with house.provider.open(ticket):
                pass


@pytest.mark.parametrize("film", [{"gcs": "https://x"}, {"gcs": 1}, {"url": "gs://a/b"}])
async def test_a_film_that_is_not_ours_is_not_understood(film: dict[str, object]) -> None:
    async with a_house() as house:
        with pytest.raises(NotUnderstood):
            async with house.provider.open(film):
                pass


# -- tokens ---------------------------------------------------------------------------------


async def test_a_token_that_has_ended_is_taken_anew_for_the_next_submit_and_nothing_sent_twice(
    tmp_path: Path,
) -> None:
    place = tmp_path / "token"
    place.write_text("ya29.new")
    async with a_house(Credential(f"file:{place}", "ya29.old"), key="ya29.old") as house:
        await house.submit()
        house.server.key = "ya29.new"
        with pytest.raises(Busy, match="has ended"):
            await house.submit()
        assert len(house.server.seen) == 2
        await house.submit()
        assert [seen.headers["authorization"] for seen in house.server.seen] == [
            "Bearer ya29.old", "Bearer ya29.old", "Bearer ya29.new",
        ]  # fmt: skip


async def test_a_token_that_never_was_good_is_a_refusal_and_no_patience(tmp_path: Path) -> None:
    place = tmp_path / "token"
    place.write_text("ya29.old")
    async with a_house(Credential(f"file:{place}", "ya29.old"), key="ya29.new") as house:
        for _ in range(2):
            with pytest.raises(Refused) as raised:
                await house.submit()
            assert raised.value.blame is Blame.HOUSE


async def test_a_look_with_a_token_that_has_ended_is_ignorance_and_the_next_one_knows(
    tmp_path: Path,
) -> None:
    place = tmp_path / "token"
    place.write_text("ya29.new")
    async with a_house(
        Credential(f"file:{place}", "ya29.old"), key="ya29.old", storage_uri="gs://films/x"
    ) as house:
        ticket = await house.submit()
        house.clock.advance(60)
        house.server.key = "ya29.new"
        with pytest.raises(Unreachable):
            await house.provider.check(ticket)
        outcome = await house.provider.check(ticket)
        assert isinstance(outcome, Ready)
        place.write_text("ya29.newer")
        house.server.key = "ya29.newer"
        with pytest.raises(Unreachable):
            async with house.provider.open(outcome.film):
                pass
        async with house.provider.open(outcome.film) as stream:
            assert b"".join([chunk async for chunk in stream.chunks]) == tiny_film()


class Dry:
    """A source that has run dry."""

    project = None

    def __init__(self, trouble: NoToken) -> None:
        self.trouble = trouble

    def held(self) -> str | None:
        return None

    def renew(self) -> str:
        raise self.trouble


@pytest.mark.parametrize(("is_final", "verdict"), [(True, Refused), (False, Busy)])
async def test_without_a_token_nothing_is_sent(is_final: bool, verdict: type[Exception]) -> None:
    async with a_house() as house:
        house.provider._tokens = Tokens(Dry(NoToken("no token", is_final=is_final)))
        with pytest.raises(verdict):
            await house.submit()
        with pytest.raises(Unreachable, match="no token"):
            await house.provider.check({"operation": "projects/x/operations/1", "model": MODEL})
        assert house.server.seen == []


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode("ascii")


def key_file(private_key: str, port: int) -> str:
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "lab",
            "private_key_id": "1",
            "private_key": private_key,
            "client_email": "rushes@lab.iam.gserviceaccount.com",
            "token_uri": f"http://127.0.0.1:{port}/token",
        }
    )


async def test_a_service_account_is_given_a_token_once_and_keeps_it(private_key: str) -> None:
    server = VertexServer(clock=ManualClock(NOON), key=KEY)
    async with serving(server) as port:
        provider = vertex.build(
            name="vertex",
            base_url=f"http://127.0.0.1:{port}",
            credential=Credential("file:key.json", key_file(private_key, port)),
            profile=None,
            options={"region": "us-central1"},  # the project is the key file's
        )
        for _ in range(2):
            await provider.submit(
                SPEC, upstream_model=MODEL, token=TOKEN, assets=Folder(Path("/nowhere"))
            )
        await provider.close()
    assert len(server.signed) == 1
    assert "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer" in server.signed[0]
    assert len(server.jobs) == 2


@pytest.mark.parametrize(("is_there", "verdict"), [(True, Refused), (False, Busy)])
async def test_a_service_account_that_is_given_no_token_sends_nothing(
    is_there: bool, verdict: type[Exception], private_key: str
) -> None:
    server = VertexServer(clock=ManualClock(NOON), key=KEY)
    refusal = {"status": 400, "body": {"error": "invalid_grant"}}
    server.script.add(Rule("token", "answer", value=refusal))
    async with serving(server) as port:
        giver = port if is_there else closed_port()
        provider = vertex.build(
            name="vertex",
            base_url=f"http://127.0.0.1:{port}",
            credential=Credential("file:key.json", key_file(private_key, giver)),
            profile=None,
            options=dict(PLACE),
        )
        with pytest.raises(verdict):
            await provider.submit(
                SPEC, upstream_model=MODEL, token=TOKEN, assets=Folder(Path("/nowhere"))
            )
        await provider.close()
    assert server.jobs == {}


# -- what an operator writes ----------------------------------------------------------------

WHOLE = "https://proxy.example/v1/projects/lab/locations/global"


@pytest.mark.parametrize(
    ("base_url", "options", "address"),
    [
        (None, PLACE, "https://us-central1-aiplatform.googleapis.com/v1beta1"),
        (None, {**PLACE, "region": "global"}, "https://aiplatform.googleapis.com/v1beta1"),
        ("https://proxy.example/", PLACE, "https://proxy.example/v1beta1"),
        (WHOLE, {}, "https://proxy.example/v1"),
    ],
)
def test_the_address_follows_from_the_region_or_is_given(
    base_url: str | None, options: dict[str, object], address: str
) -> None:
    built = build(
        "vertex",
        name="lab",
        base_url=base_url,
        credential=Credential("env:KEY", KEY),
        options=options,
    )
    assert isinstance(built, Vertex)
    assert str(built._rest._base) == address


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"profile": "pro"}, "no profile 'pro'"),
        ({"credential": None}, "needs an api_key"),
        ({"options": {"project": "lab"}}, "needs a project and a region"),
        ({"options": {"region": "us-central1"}}, "needs a project and a region"),
        ({"options": {**PLACE, "colour": 1}}, "no option 'colour'"),
        ({"options": {**PLACE, "ask_timeout_s": 0}}, "above 0"),
        ({"options": {**PLACE, "project": 7}}, "is a text"),
        ({"options": {**PLACE, "storage_uri": "s3://films"}}, "gs://BUCKET/FOLDER"),
        ({"options": {**PLACE, "storage_url": "films"}}, "no http"),
        ({"base_url": WHOLE, "options": dict(PLACE)}, "not in both"),
        ({"credential": Credential("env:KEY", "two\nlines")}, "visible ASCII"),
        ({"credential": Credential("file:k", "{")}, "no JSON"),
        ({"credential": Credential("file:k", '{"type": "authorized_user"}')}, "service account"),
        ({"credential": Credential("file:k", '{"type": "service_account"}')}, "no key file"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(
    more: dict[str, Any], sentence: str
) -> None:
    usual: dict[str, Any] = {"credential": Credential("env:KEY", KEY), "options": dict(PLACE)}
    with pytest.raises(Misconfigured, match=sentence):
        build("vertex", name="lab", **{**usual, **more})
