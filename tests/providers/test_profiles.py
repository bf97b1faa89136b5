"""The profiles of `openai_videos`: where each kind of server leaves the protocol."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rushes.domain.errors import Blame, Reason
from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import profiles
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
from rushes.providers.openai_videos import OpenAIVideos, echo, told
from rushes.providers.profiles import PROFILES, Profile
from rushes.providers.rest import Credential, Rest
from rushes.testing.conformance.scenes.simulated import Stranger
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.films import tiny_film, tiny_still
from rushes.testing.simulators.gateways import LitellmProxy, RushesGateway
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.openai_videos import OpenAIVideosServer, Settings
from rushes.testing.simulators.script import Rule
from rushes.testing.simulators.sglang import SglangServer
from rushes.testing.simulators.vllm_omni import VllmOmniServer

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = "sk-Winter42Winter42"
TOKEN = "f" * 32
SPEC = Spec(
    model="sora-2",
    mode=Mode.TEXT_TO_VIDEO,
    prompt="A paper boat on a quiet canal.",
    seconds=8,
    size=Size(1280, 720),
    seed=7,
)
GOLDENS = Path(__file__).parent / "goldens"
SPECS = {path.stem: path for path in sorted((GOLDENS / "openai_videos").glob("*.json"))}
TOLD: dict[str, Any] = {
    path.stem: json.loads(path.read_text())
    for path in sorted((GOLDENS / "openai_videos_profiles").glob("*.json"))
}


class Folder:
    """Assets in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def path_of(self, blob: str) -> Path:
        return self.folder / blob


@dataclass
class House:
    """A provider and its upstream."""

    clock: ManualClock
    server: OpenAIVideosServer
    provider: OpenAIVideos

    def upset(self, on: str, fault: str, **more: Any) -> None:
        self.server.script.clear()
        self.server.script.add(Rule(on, fault, **more))

    async def submit(self, spec: Spec = SPEC, folder: Path = Path("/nowhere")) -> dict[str, Any]:
        ticket = await self.provider.submit(
            spec, upstream_model="sora-2", token=TOKEN, assets=Folder(folder)
        )
        return dict(ticket)

    async def find(self, spec: Spec = SPEC) -> object:
        return await self.provider.find(TOKEN, spec, upstream_model="sora-2", since=NOON)

    @property
    def methods(self) -> list[str]:
        return [seen.method for seen in self.server.seen]


@asynccontextmanager
async def a_house(
    profile: Profile, make: type[OpenAIVideosServer], settings: Any = None, **more: Any
) -> AsyncIterator[House]:
    clock = ManualClock(NOON)
    server = make(clock=clock, settings=Settings(key=KEY, **(settings or {})), **more)
    async with serving(server) as port:
        rest = Rest(f"http://127.0.0.1:{port}/v1", Credential("env:KEY", KEY))
        provider = OpenAIVideos("gpu", rest, profile)
        try:
            yield House(clock, server, provider)
        finally:
            await provider.close()


def vllm_omni(**settings: Any) -> Any:
    return a_house(profiles.VLLM_OMNI, VllmOmniServer, settings)


def sglang(**more: Any) -> Any:
    return a_house(profiles.SGLANG, SglangServer, **more)


def litellm() -> Any:
    return a_house(profiles.LITELLM, LitellmProxy)


def rushes() -> Any:
    return a_house(profiles.RUSHES, RushesGateway)


# -- what each is told ------------------------------------------------------------------------


def test_every_profile_but_the_protocol_itself_has_its_goldens_for_every_spec() -> None:
    assert set(TOLD) == set(PROFILES) - {"openai"}
    assert all(set(cases) == set(SPECS) for cases in TOLD.values())


@pytest.mark.parametrize(
    ("name", "case"), [(name, case) for name, cases in TOLD.items() for case in cases]
)
def test_a_spec_is_told_in_the_words_of_a_profile(name: str, case: str) -> None:
    golden, asked = TOLD[name][case], json.loads(SPECS[case].read_text())
    spec = msgspec.convert(asked["spec"], Spec)
    if "refused" in golden:
        with pytest.raises(Refused, match=re.escape(golden["refused"])) as refused:
            told(spec, asked["upstream_model"], PROFILES[name])
        assert refused.value.failure.reason is Reason.PARAMETERS_REFUSED
        assert refused.value.blame is Blame.PROVIDER
        return
    words = told(spec, asked["upstream_model"], PROFILES[name])
    assert dict(words.fields) == golden["fields"]
    assert len(words.fields) == len(golden["fields"]), "each field once"
    assert {part: asset.role.value for part, asset in words.files} == golden.get("files", {})
    assert [asset.role.value for asset in words.references] == golden.get("references", [])


def test_what_a_caller_named_weighs_more_than_what_the_card_lets_through() -> None:
    spec = replace(SPEC, options={"cfg_scale": 6}, passthrough={"guidance_scale": 9})
    fields = [text for name, text in told(spec, "m", profiles.VLLM_OMNI).fields if "scale" in name]
    assert fields == ["6"]


def test_metadata_goes_back_to_where_it_stood() -> None:
    spec = replace(SPEC, passthrough={"parameters": 5, "parameters.style": "oil", "a.b": 1})
    fields = dict(told(spec, "m", profiles.RUSHES).fields)
    assert json.loads(fields["metadata"]) == {"parameters": 5, "parameters.style": "oil", "a.b": 1}


def test_a_list_is_held_only_to_what_it_echoes() -> None:
    spec = replace(SPEC, negative_prompt="rain")
    assert set(echo(spec, "m", profiles.RUSHES)) == {"prompt", "model", "seconds", "size"}
    assert set(echo(spec, "m", profiles.VLLM_OMNI)) == {"prompt", "seconds", "size"}
    assert "seconds" not in echo(replace(spec, seconds=-1), "m", profiles.RUSHES)


# -- vLLM-Omni ----------------------------------------------------------------------------------


async def test_vllm_omni_takes_what_it_is_told_as_a_form() -> None:
    spec = replace(SPEC, options={"fps": 16}, passthrough={"parameters.num_frames": 81})
    async with vllm_omni() as house:
        ticket = await house.submit(spec)
        assert ticket["id"].startswith("video_gen_")
        fields = house.server.jobs[ticket["id"]].fields
        assert (fields["seed"], fields["fps"], fields["num_frames"]) == ("7", "16", "81")
        assert house.server.seen[0].headers["content-type"].startswith("multipart/form-data")


@pytest.mark.parametrize("status", [400, 422, 500, 503])
async def test_vllm_omni_tells_a_failed_job_by_an_http_error(status: int) -> None:
    async with vllm_omni() as house:
        house.upset("create", "fail", value={"code": status, "message": "Out of memory."})
        ticket = await house.submit()
        house.clock.advance(60)
        outcome = await house.provider.check(ticket)
    assert isinstance(outcome, Lost)
    is_callers = status < 500
    assert (outcome.failure.reason is Reason.PARAMETERS_REFUSED) == is_callers
    assert outcome.failure.message == "Out of memory."


async def test_vllm_omni_that_was_started_again_knows_no_task() -> None:
    async with vllm_omni() as house:
        ticket = await house.submit()
        house.server.restart()
        with pytest.raises(NotThere):
            await house.provider.check(ticket)
        assert await house.find() == Absent()


async def test_vllm_omni_aborts_by_delete_and_is_asked_again_while_it_cannot() -> None:
    async with vllm_omni(stops=False) as house:
        ticket = await house.submit()
        with pytest.raises(Unreachable, match="409"):
            await house.provider.cancel(ticket)
    async with vllm_omni() as house:
        ticket = await house.submit()
        assert await house.provider.cancel(ticket) is CancelOutcome.CANCELED
        assert house.server.jobs == {}


async def test_vllm_omni_is_found_by_likeness_whatever_it_calls_its_model() -> None:
    async with vllm_omni() as house:
        ours = await house.submit()
        found = await house.provider.find(TOKEN, SPEC, upstream_model="another", since=NOON)
        assert found == Found(ours, is_alike=True)


@pytest.mark.parametrize(
    ("phase_s", "fault", "trouble"), [(1, None, NotThere), (60, "fail", NotUnderstood)]
)
async def test_vllm_omni_has_no_film_while_it_runs_nor_when_it_failed(
    phase_s: int, fault: str | None, trouble: type[Exception]
) -> None:
    async with vllm_omni() as house:
        if fault:
            house.upset("create", fault)
        ticket = await house.submit()
        house.clock.advance(phase_s)
        with pytest.raises(trouble):
            async with house.provider.open(ticket):
                pass


async def test_a_503_of_an_own_server_is_no_proof() -> None:
    async with vllm_omni() as house:
        house.upset("create", "overloaded", accepted=True)
        with pytest.raises(InDoubt):
            await house.submit()


# -- SGLang -------------------------------------------------------------------------------------


async def test_sglang_is_never_asked_to_stop_for_it_would_only_forget() -> None:
    async with sglang() as house:
        ticket = await house.submit()
        assert await house.provider.cancel(ticket) is CancelOutcome.UNSUPPORTED
        house.clock.advance(60)
        assert await house.provider.cancel(ticket) is CancelOutcome.TOO_LATE
        assert isinstance(await house.provider.check(ticket), Ready)
        assert "DELETE" not in house.methods


async def test_sglang_fails_without_a_code() -> None:
    async with sglang() as house:
        house.upset("create", "fail")
        ticket = await house.submit()
        house.clock.advance(60)
        outcome = await house.provider.check(ticket)
    assert isinstance(outcome, Lost)
    assert (outcome.failure.reason, outcome.failure.message) == (
        Reason.PROVIDER_FAILED,
        "CUDA out of memory.",
    )


async def test_sglang_repeats_no_prompt_so_that_nothing_recent_can_be_told_apart() -> None:
    async with sglang() as house:
        assert await house.find() == Absent()
        await house.submit()
        assert await house.find() == Unknown()


async def test_a_film_in_sglangs_cloud_is_fetched_there_without_our_key() -> None:
    stranger = Stranger()
    async with (
        serving(stranger) as port,
        sglang(cloud=f"http://127.0.0.1:{port}/films") as house,
    ):
        ticket = await house.submit()
        house.clock.advance(60)
        outcome = await house.provider.check(ticket)
        assert isinstance(outcome, Ready)
        assert outcome.film["link"].endswith(f"/films/{ticket['id']}.mp4")
        async with house.provider.open(outcome.film) as stream:
            assert b"".join([part async for part in stream.chunks]) == tiny_film()
        assert all("authorization" not in headers for headers in stranger.told)
        with pytest.raises(NotUnderstood):
            async with house.provider.open(ticket):
                pass


@pytest.mark.parametrize("url", [None, "", 7, "s3://bucket/x.mp4", "/v1/x", ["http://x"]])
async def test_what_is_no_address_is_no_link_to_a_film(url: object) -> None:
    async with sglang() as house:
        ticket = await house.submit()
        body = {"id": ticket["id"], "status": "completed", "url": url}
        house.upset("retrieve", "answer", value={"status": 200, "body": body})
        assert await house.provider.check(ticket) == Ready({"id": ticket["id"]}, {})


# -- LiteLLM ------------------------------------------------------------------------------------


async def test_litellm_answers_under_another_id_and_ours_stays_the_one_it_gave() -> None:
    async with litellm() as house:
        ticket = await house.submit()
        inside = base64.b64decode(ticket["id"].removeprefix("video_")).decode()
        assert "model_id:model-1" in inside
        assert isinstance(await house.provider.check(ticket), Working)
        house.clock.advance(60)
        outcome = await house.provider.check(ticket)
        assert isinstance(outcome, Ready)
        assert outcome.film == ticket
        async with house.provider.open(outcome.film) as stream:
            assert b"".join([part async for part in stream.chunks]) == tiny_film()


async def test_litellm_is_asked_not_to_send_a_create_again() -> None:
    async with litellm() as house:
        await house.submit()
        assert house.server.seen[0].headers["x-litellm-num-retries"] == "0"


async def test_litellm_says_processing_for_some_of_those_behind_it() -> None:
    async with litellm() as house:
        ticket = await house.submit()
        house.upset("retrieve", "unknown_word", value="processing")
        assert isinstance(await house.provider.check(ticket), Working)


async def test_litellm_that_ran_out_of_budget_needs_the_operator() -> None:
    async with litellm() as house:
        house.upset("create", "out_of_money")
        with pytest.raises(Refused) as refused:
            await house.submit()
    assert refused.value.failure.reason is Reason.PROVIDER_UNUSABLE
    assert refused.value.blame is Blame.HOUSE


async def test_litellm_can_neither_be_searched_nor_stopped() -> None:
    async with litellm() as house:
        ticket = await house.submit()
        assert await house.find() == Unknown()
        assert await house.provider.cancel(ticket) is CancelOutcome.UNSUPPORTED


# -- another Rushes -----------------------------------------------------------------------------


async def test_a_rushes_gets_our_token_as_its_idempotency_key() -> None:
    async with rushes() as house:
        await house.submit()
        assert house.server.seen[0].headers["idempotency-key"] == TOKEN


async def test_a_search_in_a_rushes_sends_no_create() -> None:
    async with rushes() as house:
        house.upset("create", "drop", accepted=True)
        with pytest.raises(InDoubt):
            await house.submit()
        assert isinstance(await house.find(), Found)
        assert house.methods == ["POST", "GET"]


async def test_a_rushes_is_stopped_by_its_verb_and_never_by_delete() -> None:
    async with rushes() as house:
        ticket = await house.submit()
        assert await house.provider.cancel(ticket) is CancelOutcome.CANCELED
        path = f"/v1/video/generations/{ticket['id']}/cancel"
        assert (house.server.seen[-1].method, house.server.seen[-1].path) == ("POST", path)
        outcome = await house.provider.check(ticket)
        assert isinstance(outcome, Lost)
        assert "DELETE" not in house.methods


def file(role: Role, letter: str) -> Asset:
    return Asset(role, role.value, blob=letter * 64, content_type="image/png")


async def test_frames_reach_a_rushes_as_files_and_references_inside_content(
    tmp_path: Path,
) -> None:
    image = tiny_still("PNG")
    for letter in "ab":
        (tmp_path / (64 * letter)).write_bytes(image)
    frames = (file(Role.FIRST_FRAME, "a"), file(Role.LAST_FRAME, "b"))
    references = (file(Role.REFERENCE_IMAGE, "a"), file(Role.REFERENCE_IMAGE, "b"))
    async with rushes() as house:
        ticket = await house.submit(
            replace(SPEC, mode=Mode.FIRST_LAST_FRAME, assets=frames), tmp_path
        )
        fields = house.server.jobs[ticket["id"]].fields
        assert (fields["input_reference"], fields["last_frame"]) == (image, image)
        ticket = await house.submit(
            replace(SPEC, mode=Mode.REFERENCE_TO_VIDEO, assets=references), tmp_path
        )
        content = json.loads(str(house.server.jobs[ticket["id"]].fields["content"]))
    uri = "data:image/png;base64," + base64.b64encode(image).decode()
    item = {"type": "image_url", "image_url": {"url": uri}, "role": "reference_image"}
    assert content == [item, item]


async def test_a_reference_that_cannot_be_read_now_is_not_sent(tmp_path: Path) -> None:
    references = (file(Role.REFERENCE_IMAGE, "a"),)
    async with rushes() as house:
        with pytest.raises(Busy, match="not sent: the reference_image cannot be read"):
            await house.submit(
                replace(SPEC, mode=Mode.REFERENCE_TO_VIDEO, assets=references), tmp_path
            )
        assert house.server.seen == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("content_policy_violation", Reason.CONTENT_REFUSED),
        ("invalid_request", Reason.PARAMETERS_REFUSED),
        ("rate_limited", Reason.PROVIDER_RATE_LIMITED),
        ("provider_error", Reason.PROVIDER_FAILED),
        ("timed_out", Reason.PROVIDER_FAILED),
        ("submit_in_doubt", Reason.PROVIDER_FAILED),
        ("canceled", Reason.PROVIDER_FAILED),
        ("expired", Reason.PROVIDER_FAILED),
        ("server_error", Reason.PROVIDER_FAILED),
    ],
)
async def test_every_reason_of_a_rushes_is_read(code: str, reason: Reason) -> None:
    async with rushes() as house:
        house.upset("create", "fail", value={"code": code, "message": "So it is."})
        ticket = await house.submit()
        house.clock.advance(60)
        outcome = await house.provider.check(ticket)
    assert isinstance(outcome, Lost)
    assert (outcome.failure.reason, outcome.failure.message) == (reason, "So it is.")


async def test_a_rushes_whose_card_offers_less_is_no_fault_of_a_caller() -> None:
    error = {"code": "unsupported", "type": "invalid_request_error", "message": "No."}
    async with rushes() as house:
        house.upset("create", "answer", value={"status": 400, "body": {"error": error}})
        with pytest.raises(Refused) as refused:
            await house.submit()
    assert refused.value.blame is Blame.PROVIDER
