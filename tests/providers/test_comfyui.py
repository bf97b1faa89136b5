"""`comfyui`: what its workflows are told, which instance renders, and how answers are read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from rushes.domain.errors import Blame, Reason
from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import comfyui
from rushes.providers._comfyui_workflows import setting_in
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
    Ready,
    Refused,
    Unreachable,
    Working,
)
from rushes.providers.comfyui import LOOK_AGAIN_S, ComfyUI, prompt_id_of
from rushes.providers.registry import Misconfigured, build
from rushes.providers.rest import Credential
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.comfyui import ComfyUIServer, Settings
from rushes.testing.simulators.comfyui_graphs import node_error
from rushes.testing.simulators.films import tiny_film, tiny_still
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.script import Rule

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TOKEN = "f" * 32
HERE = Path(__file__).parent
FILES = sorted((HERE / "workflows").glob("*.json"))
WORKFLOWS = {path.stem: str(path) for path in FILES}
GOLDENS = sorted((HERE / "goldens" / "comfyui").glob("*.json"))
SPEC = Spec(
    model="wan2.2",
    mode=Mode.TEXT_TO_VIDEO,
    prompt="A paper boat on a quiet canal.",
    seconds=5,
    size=Size(1280, 720),
    seed=7,
)
IMAGE = Asset(Role.FIRST_FRAME, "image", blob="a" * 64, content_type="image/png")
FROM_IMAGE = replace(SPEC, mode=Mode.IMAGE_TO_VIDEO, assets=(IMAGE,))


class Folder:
    """Assets in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def path_of(self, blob: str) -> Path:
        return self.folder / blob


class House:
    """A provider and its instances, on one clock."""

    def __init__(
        self, clock: ManualClock, servers: list[ComfyUIServer], provider: ComfyUI, urls: list[str]
    ) -> None:
        self.clock = clock
        self.servers = servers
        self.server = servers[0]
        self.provider = provider
        self.urls = urls

    def upset(self, on: str, fault: str, **more: Any) -> None:
        self.server.script.clear()
        self.server.script.add(Rule(on, fault, **more))

    async def submit(
        self, spec: Spec = SPEC, *, token: str = TOKEN, folder: Path = Path("/nowhere")
    ) -> dict[str, Any]:
        ticket = await self.provider.submit(
            spec, upstream_model="wan", token=token, assets=Folder(folder)
        )
        return dict(ticket)

    async def find(self, token: str = TOKEN) -> object:
        return await self.provider.find(token, SPEC, upstream_model="wan", since=NOON)

    def asked(self, method: str, path: str) -> int:
        return sum(
            (seen.method, seen.path) == (method, path)
            for server in self.servers
            for seen in server.seen
        )


@asynccontextmanager
async def a_house(
    count: int = 1, *, options: dict[str, object] | None = None, **settings: Any
) -> AsyncIterator[House]:
    clock = ManualClock(NOON)
    servers = [ComfyUIServer(clock=clock, settings=Settings(**settings)) for _ in range(count)]
    async with AsyncExitStack() as stack:
        ports = [await stack.enter_async_context(serving(server)) for server in servers]
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        provider = comfyui.build(
            name="gpu",
            base_url=None,
            credential=None,
            profile=None,
            options={
                "workflows": WORKFLOWS,
                "instances": urls,
                "frames_plus_one": True,
                **(options or {}),
            },
        )
        try:
            yield House(clock, servers, provider, urls)
        finally:
            await provider.close()


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for letter in "abc":
        (tmp_path / (64 * letter)).write_bytes(tiny_still("PNG") + letter.encode())
    return tmp_path


# -- what is told ---------------------------------------------------------------------------


def read(path: Path) -> dict[str, Any]:
    golden: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return golden


def expected(golden: dict[str, Any], prompt_id: str) -> object:
    return json.loads(json.dumps(golden["graph"]).replace("SUBMIT", prompt_id))


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
async def test_a_spec_goes_into_the_slots_of_a_workflow(path: Path, images: Path) -> None:
    golden = read(path)
    spec = msgspec.convert(golden["spec"], Spec)
    async with a_house() as house:
        act = house.provider.submit(
            spec, upstream_model=golden["upstream_model"], token=TOKEN, assets=Folder(images)
        )
        if "refused" in golden:
            with pytest.raises(Refused) as refused:
                await act
            assert refused.value.failure.reason is Reason.PARAMETERS_REFUSED
            assert refused.value.failure.message == golden["refused"]
            assert refused.value.blame is Blame.PROVIDER
            assert house.server.seen == []
        else:
            ticket = await act
            job = house.server.jobs[str(ticket["prompt_id"])]
            assert job.fields["prompt"] == expected(golden, str(ticket["prompt_id"]))
            uploaded = {Path(name).stem for name in house.server.images}
            assert uploaded == set(golden["files"].values())


def test_every_mode_has_a_golden() -> None:
    modes = {read(path)["spec"]["mode"] for path in GOLDENS}
    assert modes == set(Mode)


async def test_a_prompt_is_queued_under_an_id_of_ours_that_newer_servers_take() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        assert ticket == {"instance": house.urls[0], "prompt_id": prompt_id_of(TOKEN)}
        fields = house.server.jobs[ticket["prompt_id"]].fields
    assert str(UUID(ticket["prompt_id"])) == ticket["prompt_id"]
    assert fields["client_id"] == "rushes"
    assert prompt_id_of("e" * 32) != prompt_id_of(TOKEN)


async def test_the_same_image_is_kept_once(images: Path) -> None:
    async with a_house() as house:
        for token in ("1" * 32, "2" * 32):
            await house.submit(FROM_IMAGE, token=token, folder=images)
        assert list(house.server.images) == [f"rushes/{64 * 'a'}.png"]


async def test_half_a_character_in_a_prompt_is_no_crash() -> None:
    async with a_house() as house:
        ticket = await house.submit(replace(SPEC, prompt="a \ud83d boat"))
        assert house.server.jobs[ticket["prompt_id"]].prompt == "a ? boat"


async def test_a_key_is_told_where_one_is_configured_and_else_none() -> None:
    async with a_house() as house:
        await house.submit()
        assert not any("authorization" in seen.headers for seen in house.server.seen)
        keyed = comfyui.build(
            name="gpu",
            base_url=house.urls[0] + "/",
            credential=Credential("env:KEY", "sk-Winter42"),
            profile=None,
            options={"workflows": WORKFLOWS},
        )
        await keyed.submit(
            SPEC, upstream_model="wan", token="e" * 32, assets=Folder(Path("/nowhere"))
        )
        await keyed.close()
        assert house.server.seen[-1].headers["authorization"] == "Bearer sk-Winter42"


# -- what an operator writes ------------------------------------------------------------------


GRAPH = {
    "1": {"class_type": "CLIPTextEncode", "inputs": {"text": "{{prompt}}"}},
    "2": {"class_type": "SaveVideo", "inputs": {"filename_prefix": "a"}},
}


def slotted(text: str) -> dict[str, object]:
    return {**GRAPH, "3": {"class_type": "Any", "inputs": {"deep": [{"value": text}]}}}


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("text_to_video", None, "cannot be read: No such file"),
        ("text_to_video", "{", "is no JSON"),
        ("text_to_video", [], "is no graph in API format"),
        ("text_to_video", {}, "is no graph in API format"),
        ("text_to_video", {"1": {"class_type": "A"}}, "is no graph in API format"),
        ("text_to_video", {"nodes": [], "links": []}, r"as the editor saves it; use its Export"),
        ("text_to_video", {"1": {**GRAPH["2"]}}, r"no slot \{\{prompt\}\}: it would make the same"),
        ("text_to_video", slotted("{{promt}}"), r"slot \{\{promt\}\} that nobody fills; known are"),
        ("text_to_video", slotted("{{reference_image_10}}"), "that nobody fills"),
        ("text_to_video", slotted("x {{}} y"), "that nobody fills"),
        ("text_to_video", slotted("{{first_frame}}"), "text_to_video brings no such file"),
        ("image_to_video", GRAPH, r"no slot \{\{first_frame\}\}, which image_to_video is about"),
        ("first_last_frame", slotted("{{first_frame}}"), r"no slot \{\{last_frame\}\}"),
        ("reference_to_video", GRAPH, r"no slot \{\{reference_image_1\}\}"),
        ("text_to_film", GRAPH, "is for no mode; it is MODE or VARIANT.MODE of text_to_video"),
        ("wan.remix", GRAPH, "is for no mode"),
        ("wan22", GRAPH, "is for no mode"),
    ],
)
def test_a_workflow_that_cannot_be_meant_is_refused(
    name: str, content: object, sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "graph.json"
    if content is not None:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(Misconfigured, match=f"provider 'gpu': workflow '{name}'.*{sentence}"):
        build(
            "comfyui", name="gpu", base_url="http://gpu", options={"workflows": {name: str(path)}}
        )


def test_a_workflow_too_long_to_be_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    path.write_bytes(b" " * (2**20 + 1))
    with pytest.raises(ValueError, match="more than 1048576 bytes"):
        setting_in("http://gpu", {"workflows": {"x.text_to_video": str(path)}})


@pytest.mark.parametrize(
    ("base_url", "options", "sentence"),
    [
        (None, {}, "needs a base_url"),
        ("gpu", {}, "no http"),
        (None, {"instances": []}, "is a list of addresses"),
        (None, {"instances": "http://a"}, "is a list of addresses"),
        (None, {"instances": ["http://a", 7]}, "is a list of addresses"),
        (None, {"instances": ["http://a", "http://a/"]}, "names an address twice"),
        ("http://c", {"instances": ["http://a", "http://b"]}, "none of the instances"),
        ("http://a", {"workflows": None}, "needs the option workflows"),
        ("http://a", {"workflows": {}}, "needs the option workflows"),
        ("http://a", {"workflows": {"text_to_video": 7}}, "'text_to_video' is no path"),
        ("http://a", {"colour": 1}, "no option 'colour'"),
        ("http://a", {"output_node": "77"}, "has no output_node '77'"),
        ("http://a", {"output_node": 9}, "'output_node' is a text"),
        ("http://a", {"fps": 0}, "from 1 to 120"),
        ("http://a", {"fps": 16.5}, "from 1 to 120"),
        ("http://a", {"frames_plus_one": []}, "true or false"),
        ("http://a", {"submit_timeout_s": 0}, "above 0"),
        ("http://a", {"ask_timeout_s": True}, "above 0"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused(
    base_url: str | None, options: dict[str, object], sentence: str
) -> None:
    given = {"workflows": {"text_to_video": WORKFLOWS["text_to_video"]}, **options}
    with pytest.raises(Misconfigured, match="provider 'gpu': .*" + sentence):
        build("comfyui", name="gpu", base_url=base_url, options=given)


def test_a_profile_is_refused() -> None:
    with pytest.raises(Misconfigured, match="no profiles"):
        build("comfyui", name="gpu", base_url="http://a", profile="x", options={})


def test_a_variant_may_stand_as_a_table_as_toml_makes_of_a_dot_without_quotes() -> None:
    path = WORKFLOWS["text_to_video"]
    options: dict[str, object] = {"workflows": {"wan22": {"text_to_video": path}}}
    assert list(setting_in("http://a", options).workflows.by_name) == ["wan22.text_to_video"]


def test_the_example_workflow_is_one() -> None:
    path = HERE.parent.parent / "examples" / "workflows" / "text_to_video.json"
    options: dict[str, object] = {"workflows": {"text_to_video": str(path)}, "output_node": "9"}
    slots = setting_in("http://a", options).workflows.by_name["text_to_video"].slots
    assert slots >= {"prompt", "negative_prompt", "seed", "width", "height", "frames", "fps"}


# -- which instance renders -----------------------------------------------------------------


async def test_the_shortest_queue_gets_the_prompt() -> None:
    async with a_house(3) as house:
        used = [(await house.submit(token=f"{n:032}"))["instance"] for n in range(6)]
        assert used == 2 * house.urls
        await house.provider.cancel(
            {"instance": house.urls[1], "prompt_id": prompt_id_of(f"{1:032}")}
        )
        assert (await house.submit())["instance"] == house.urls[1]


async def test_a_submit_that_is_under_way_counts_though_no_queue_tells_it_yet() -> None:
    async with a_house(2) as house:
        house.provider._under_way[house.urls[0]] += 1
        assert (await house.submit())["instance"] == house.urls[1]
        house.server.script.add(Rule("create", "drop"))
        house.provider._under_way.clear()
        with pytest.raises(InDoubt):
            await house.submit(token="e" * 32)
        assert house.provider._under_way[house.urls[0]] == 0


async def test_all_that_comes_later_goes_to_the_instance_of_the_ticket() -> None:
    async with a_house(2) as house:
        await house.submit(token="1" * 32)
        ticket = await house.submit(token="2" * 32)
        assert ticket["instance"] == house.urls[1]
        seen = len(house.servers[0].seen)
        house.clock.advance(3)
        outcome = await house.provider.check(ticket)
        assert isinstance(outcome, Ready)
        assert outcome.film["instance"] == house.urls[1]
        async with house.provider.open(outcome.film) as stream:
            assert b"".join([part async for part in stream.chunks]) == tiny_film()
        assert await house.provider.cancel(ticket) is CancelOutcome.TOO_LATE
        assert len(house.servers[0].seen) == seen


@pytest.mark.parametrize("fault", ["drop", "unavailable", "unauthorized", "html", "not_found"])
async def test_an_instance_that_does_not_tell_its_queue_is_passed_over(fault: str) -> None:
    async with a_house(2) as house:
        house.upset("queue", fault)
        assert (await house.submit())["instance"] == house.urls[1]
        house.servers[1].script.add(Rule("queue", fault))
        with pytest.raises(Busy, match="not sent: no instance tells its queue"):
            await house.submit(token="e" * 32)
        assert house.asked("POST", "/prompt") == 1


async def test_an_instance_that_left_the_configuration_knows_nothing_any_more() -> None:
    async with a_house() as house:
        gone = {"instance": "http://10.0.0.9:8188", "prompt_id": prompt_id_of(TOKEN)}
        with pytest.raises(NotThere, match="not configured any more"):
            await house.provider.check(gone)
        with pytest.raises(NotThere):
            house.provider.open(gone)


# -- uploads --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "more"),
    [
        ("drop", {"accepted": True}),
        ("server_error", {}),
        ("unavailable", {}),
        ("rate_limited", {}),
        ("html", {}),
        ("answer", {"value": {"status": 200, "body": {"name": ""}}}),
    ],
)
async def test_a_failed_upload_proves_that_nothing_was_queued(
    fault: str, more: dict[str, Any], images: Path
) -> None:
    async with a_house() as house:
        house.upset("upload", fault, **more)
        with pytest.raises(Busy):
            await house.submit(FROM_IMAGE, folder=images)
        assert house.asked("POST", "/prompt") == 0


@pytest.mark.parametrize("fault", ["too_large", "unauthorized", "not_found"])
async def test_an_upload_that_is_refused_is_the_operators_to_mend(fault: str, images: Path) -> None:
    async with a_house() as house:
        house.upset("upload", fault)
        with pytest.raises(Refused) as refused:
            await house.submit(FROM_IMAGE, folder=images)
        assert refused.value.failure.reason is Reason.PROVIDER_UNUSABLE
        assert refused.value.blame is Blame.HOUSE
        assert house.asked("POST", "/prompt") == 0


async def test_the_name_that_an_upload_got_is_the_one_a_node_loads(images: Path) -> None:
    async with a_house() as house:
        house.server.images[f"rushes/{64 * 'a'}.png"] = b"something else"
        ticket = await house.submit(FROM_IMAGE, folder=images)
        graph: Any = house.server.jobs[ticket["prompt_id"]].fields["prompt"]
    assert graph["6"]["inputs"]["image"] == f"rushes/{64 * 'a'} (1).png"


async def test_an_image_that_cannot_be_read_now_is_not_sent(tmp_path: Path) -> None:
    async with a_house() as house:
        with pytest.raises(Busy, match="not sent: the first_frame cannot be read"):
            await house.submit(FROM_IMAGE, folder=tmp_path)
        unfetched = replace(FROM_IMAGE, assets=(replace(IMAGE, blob=None, url="https://a.b/c"),))
        with pytest.raises(Refused, match=r".") as refused:
            await house.submit(unfetched)
        assert refused.value.failure.reason is Reason.INTERNAL
        assert house.server.seen == []


# -- answers to a submit --------------------------------------------------------------------


def refusal(node_id: str, *errors: Mapping[str, object]) -> dict[str, Any]:
    top = {"type": "prompt_outputs_failed_validation", "message": "No.", "extra_info": {}}
    nodes = {node_id: {"errors": list(errors), "class_type": "Anything at all"}}
    return {"status": 400, "body": {"error": top, "node_errors": nodes}}


async def test_a_model_that_is_not_there_is_named_to_the_operator_and_no_caller_is_blamed() -> None:
    async with a_house(models=frozenset({"ltx.safetensors"})) as house:
        with pytest.raises(Refused) as refused:
            await house.submit()
    assert (refused.value.failure.reason, refused.value.blame) == (
        Reason.PROVIDER_UNUSABLE,
        Blame.HOUSE,
    )
    assert "need the operator" in refused.value.failure.message
    assert refused.value.note == (
        "HTTP 400 prompt_outputs_failed_validation; "
        "node 1 UNETLoader: value_not_in_list of unet_name"
    )


async def test_a_node_that_is_not_installed_is_named_to_the_operator(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    path.write_text(json.dumps({**GRAPH, "7": {"class_type": "MissingNode", "inputs": {}}}))
    async with a_house(options={"workflows": {"text_to_video": str(path)}}) as house:
        with pytest.raises(Refused) as refused:
            await house.submit()
    assert refused.value.blame is Blame.HOUSE
    assert refused.value.note == "HTTP 400 missing_node_type; node 7 MissingNode: missing_node_type"


async def test_a_node_that_dislikes_the_callers_image_is_the_callers_to_hear(images: Path) -> None:
    small = node_error("custom_validation_failed", "image", "image - 8 px is too small")
    async with a_house() as house:
        house.upset("create", "answer", value=refusal("6", small))
        with pytest.raises(Refused) as refused:
            await house.submit(FROM_IMAGE, folder=images)
    assert (refused.value.failure.reason, refused.value.blame) == (
        Reason.PARAMETERS_REFUSED,
        Blame.CALLER,
    )
    assert refused.value.failure.message == "The workflow does not take the first frame."


@pytest.mark.parametrize(
    "value",
    [
        refusal("6", node_error("custom_validation_failed", "image", "image - Invalid image file")),
        refusal("6", node_error("value_not_in_list", "image", "image: x not in []")),
        refusal("4", node_error("custom_validation_failed", "width", "width - not so wide")),
        refusal("99", node_error("custom_validation_failed", "image", "image - no node of ours")),
        refusal("6", {"type": 7, "extra_info": None}),
        {"status": 400, "body": {"error": "no prompt", "node_errors": []}},
        {"status": 400, "body": {"detail": "something else is listening here"}},
        {"status": 400, "body": []},
        {"status": 422, "body": {"error": {"message": "A proxy's own idea.", "code": "odd"}}},
        {"status": 404, "body": {}},
    ],
)  # fmt: skip
async def test_whatever_else_is_refused_is_the_operators_to_mend(
    value: dict[str, Any], images: Path
) -> None:
    async with a_house() as house:
        house.upset("create", "answer", value=value)
        with pytest.raises(Refused) as refused:
            await house.submit(FROM_IMAGE, folder=images)
    assert refused.value.failure.reason is Reason.PROVIDER_UNUSABLE
    assert refused.value.blame is Blame.HOUSE


async def test_a_note_holds_nothing_but_words_of_our_own_graph() -> None:
    loud = {
        "type": "A paper boat on a quiet canal.",
        "message": SPEC.prompt,
        "details": SPEC.prompt,
        "extra_info": {"input_name": SPEC.prompt, "received_value": SPEC.prompt},
    }
    async with a_house() as house:
        house.upset("create", "answer", value=refusal("2", loud))
        with pytest.raises(Refused) as refused:
            await house.submit()
    assert refused.value.note == (
        "HTTP 400 prompt_outputs_failed_validation; node 2 CLIPTextEncode: error"
    )


@pytest.mark.parametrize(
    "body", [{}, {"prompt_id": ""}, {"prompt_id": 7}, {"prompt_id": "a/b"}, []]
)
async def test_a_success_without_an_id_is_doubt(body: object) -> None:
    async with a_house() as house:
        house.upset("create", "answer", value={"status": 200, "body": body})
        with pytest.raises(InDoubt, match="HTTP 200 without a prompt_id"):
            await house.submit()


async def test_a_server_that_names_its_own_prompts_is_asked_by_its_name() -> None:
    async with a_house() as house:
        told = {"prompt_id": "of-its-own", "number": 1, "node_errors": {}}
        house.upset("create", "answer", value={"status": 200, "body": told})
        ticket = await house.submit()
        assert ticket["prompt_id"] == "of-its-own"
        with pytest.raises(NotThere):
            await house.provider.check(ticket)
        assert house.server.seen[-1].path == "/history/of-its-own"


# -- looks ----------------------------------------------------------------------------------


async def test_a_prompt_waits_runs_and_is_ready() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        assert await house.provider.check(ticket) == Working(0, LOOK_AGAIN_S)
        house.clock.advance(2)
        assert await house.provider.check(ticket) == Working(None, LOOK_AGAIN_S)
        house.clock.advance(1)
        film = {
            "instance": house.urls[0],
            "filename": f"{ticket['prompt_id']}_00001_.mp4",
            "subfolder": "rushes",
            "type": "output",
        }
        assert await house.provider.check(ticket) == Ready(film)


async def test_a_restart_is_told_as_not_there_and_the_same_wish_may_be_queued_again() -> None:
    """What a route with `billable = false` lives by: the story counts, and renders again."""
    async with a_house() as house:
        ticket = await house.submit()
        house.clock.advance(2)
        house.server.restart()
        for _ in range(3):
            with pytest.raises(NotThere, match="neither in the queue nor in the history"):
                await house.provider.check(ticket)
        assert await house.find() == Absent()
        again = await house.submit(token="e" * 32)
        house.clock.advance(3)
        assert isinstance(await house.provider.check(again), Ready)


async def test_a_film_survives_the_restart_that_forgets_how_it_was_made() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.clock.advance(3)
        outcome = await house.provider.check(ticket)
        house.server.restart()
        assert isinstance(outcome, Ready)
        async with house.provider.open(outcome.film) as stream:
            assert b"".join([part async for part in stream.chunks]) == tiny_film()


async def test_a_prompt_that_ends_between_the_two_questions_is_not_missed() -> None:
    """The queue first, then the history: what left the one is in the other."""
    async with a_house() as house:
        ticket = await house.submit()
        house.clock.advance(3)
        house.server.seen.clear()
        assert isinstance(await house.provider.check(ticket), Ready)
        paths = [seen.path for seen in house.server.seen]
    assert paths == ["/queue", f"/history/{ticket['prompt_id']}"]


FAILURES: list[tuple[object, str]] = [
    (
        {"exception_type": "torch.OutOfMemoryError", "exception_message": "Out of memory."},
        "The workflow failed in UNETLoader: torch.OutOfMemoryError: Out of memory.",
    ),
    (
        {
            "exception_type": "FileNotFoundError",
            "exception_message": "No file: '/opt/ComfyUI/x'; C:\\comfy\\y\nsee http://a.b/c",
        },
        "FileNotFoundError: No file: '[path]'; [path] see [address]",
    ),
    ({"exception_type": "not a type", "exception_message": 7}, "The workflow failed in UNETLoader"),
    ({"node_type": None, "exception_message": ""}, "The workflow failed in a node"),
]


@pytest.mark.parametrize(("told", "part"), FAILURES)
async def test_a_failed_prompt_is_lost_with_what_a_caller_may_know(told: object, part: str) -> None:
    async with a_house() as house:
        house.upset("create", "fail", value=told)
        ticket = await house.submit()
        house.clock.advance(3)
        outcome = await house.provider.check(ticket)
    assert isinstance(outcome, Lost)
    assert outcome.failure.reason is Reason.PROVIDER_FAILED
    assert part in outcome.failure.message
    assert house.urls[0] not in outcome.failure.message


async def test_a_prompt_that_somebody_interrupts_is_lost() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.clock.advance(2)
        house.server._finish([])
        house.server.ends[ticket["prompt_id"]] = (house.clock.now(), True)
        outcome = await house.provider.check(ticket)
    assert isinstance(outcome, Lost)
    assert outcome.failure.message == "The workflow was interrupted."


def entry(outputs: object, status: object = "success") -> dict[str, object]:
    told = {"status_str": status, "messages": []} if isinstance(status, str) else status
    return {"prompt": [], "outputs": outputs, "status": told}


def file(name: str, **more: str) -> dict[str, str]:
    return {"filename": name, "subfolder": "", "type": "output", **more}


@pytest.mark.parametrize(
    ("outputs", "name"),
    [
        ({"9": {"images": [file("a.mp4")], "animated": [True]}}, "a.mp4"),
        ({"9": {"gifs": [file("a.webm") | {"format": "video/webm"}]}}, "a.webm"),
        ({"9": {"videos": [file("a.MOV")]}}, "a.MOV"),
        ({"3": {"images": [file("a.mp4")]}, "9": {"images": [file("b.mp4")]}}, "b.mp4"),
        ({"9": {"images": [file("a.mp4")]}, "3": {"images": [file("b.png")]}}, "a.mp4"),
        ({"9": {"images": [file("a.mp4")]}, "3": {"gifs": [file("b.mp4", type="temp")]}}, "a.mp4"),
        ({"3": {"gifs": [file("b.mp4", type="temp")]}}, "b.mp4"),
        ({"9": {"images": [{"filename": "a.mp4"}]}}, "a.mp4"),
        ({"9": {"images": [file("a.png"), "a.mp4", None, {"filename": 7}], "text": "x"}}, None),
        ({"9": {"images": [file("x" * 600 + ".mp4")]}}, None),
        ({"9": {"images": [file("a.gif"), file("a.webp")]}}, None),
        ({"9": None}, None),
        ({}, None),
        (None, None),
    ],
)
async def test_the_film_is_the_video_of_the_last_node_that_saved_one(
    outputs: object, name: str | None
) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.clock.advance(3)
        body = {ticket["prompt_id"]: entry(outputs)}
        house.upset("history", "answer", value={"status": 200, "body": body})
        outcome = await house.provider.check(ticket)
    if name is None:
        assert isinstance(outcome, Lost)
        assert outcome.failure.reason is Reason.OUTPUT_LOST
        assert outcome.failure.message == "The workflow ended without a video."
    else:
        assert isinstance(outcome, Ready)
        assert outcome.film["filename"] == name


async def test_an_operator_may_say_whose_film_it_is() -> None:
    outputs = {"9": {"images": [file("a.mp4")]}, "5": {"images": [file("b.mp4")]}}
    workflows = {"text_to_video": WORKFLOWS["text_to_video"]}
    async with a_house(options={"output_node": "9", "workflows": workflows}) as house:
        ticket = await house.submit()
        house.clock.advance(3)
        body = {ticket["prompt_id"]: entry(outputs)}
        house.upset("history", "answer", value={"status": 200, "body": body})
        outcome = await house.provider.check(ticket)
    assert isinstance(outcome, Ready)
    assert outcome.film["filename"] == "a.mp4"


@pytest.mark.parametrize(
    ("told", "trouble"),
    [
        (entry({"9": {"images": [file("a.mp4")]}}, "pondering"), NotUnderstood),
        (entry({}, None), NotUnderstood),
        (entry({}, {"status_str": None}), NotUnderstood),
        (entry({}, {"status_str": 7}), NotUnderstood),
        ("finished", NotUnderstood),
        (None, NotThere),
    ],
)
async def test_a_history_outside_the_protocol_teaches_nothing(
    told: object, trouble: type[Exception]
) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.clock.advance(3)
        body = {ticket["prompt_id"]: told}
        house.upset("history", "answer", value={"status": 200, "body": body})
        with pytest.raises(trouble) as raised:
            await house.provider.check(ticket)
    assert type(raised.value) is trouble


async def test_an_old_history_without_a_status_still_has_its_film() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.clock.advance(3)
        body = {ticket["prompt_id"]: entry({"9": {"images": [file("a.mp4")]}}, None)}
        house.upset("history", "answer", value={"status": 200, "body": body})
        assert isinstance(await house.provider.check(ticket), Ready)


@pytest.mark.parametrize(
    "body",
    [{}, [], {"queue_running": []}, {"queue_running": {}, "queue_pending": []}],
)
@pytest.mark.parametrize("status", [200, 404])
async def test_a_queue_that_is_none_is_no_proof_of_anything(body: object, status: int) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.upset("queue", "answer", value={"status": status, "body": body})
        for act in (house.provider.check(ticket), house.provider.cancel(ticket), house.find()):
            with pytest.raises(NotUnderstood) as raised:
                await act
            assert not isinstance(raised.value, NotThere)


@pytest.mark.parametrize(
    "ticket",
    [{}, {"prompt_id": "a"}, {"instance": 7, "prompt_id": "a"}, {"id": "x"}],
)
async def test_a_ticket_that_is_not_ours_is_not_understood(ticket: dict[str, object]) -> None:
    async with a_house() as house:
        for act in (house.provider.check(ticket), house.provider.cancel(ticket)):
            with pytest.raises(NotUnderstood, match="not ours"):
                await act
        for more in ({}, {"prompt_id": "../queue"}, {"prompt_id": 7}):
            with pytest.raises(NotUnderstood, match="not ours"):
                await house.provider.check({"instance": house.urls[0], **more})
        with pytest.raises(NotUnderstood, match="not ours"):
            house.provider.open({"instance": house.urls[0], "filename": "a.mp4"})
        assert house.server.seen == []


# -- cancel ---------------------------------------------------------------------------------


async def test_what_waits_is_taken_out_of_the_queue_and_nothing_else_is() -> None:
    async with a_house() as house:
        ours = await house.submit()
        other = await house.submit(token="e" * 32)
        assert await house.provider.cancel(ours) is CancelOutcome.CANCELED
        assert list(house.server.jobs) == [other["prompt_id"]]
        assert house.asked("POST", "/interrupt") == 0


async def test_what_runs_is_interrupted_and_the_next_one_runs_on() -> None:
    async with a_house() as house:
        ours = await house.submit()
        other = await house.submit(token="e" * 32)
        house.clock.advance(2)
        assert await house.provider.cancel(ours) is CancelOutcome.CANCELED
        assert await house.provider.check(other) == Working(None, LOOK_AGAIN_S)
        house.clock.advance(3)
        assert isinstance(await house.provider.check(other), Ready)
        assert house.asked("POST", "/queue") == 0
        assert await house.provider.cancel(ours) is CancelOutcome.CANCELED


async def test_a_renderer_that_has_not_noticed_yet_is_asked_again() -> None:
    async with a_house(stop_s=0.5) as house:
        ticket = await house.submit()
        house.clock.advance(2)
        with pytest.raises(Unreachable, match="has not stopped yet"):
            await house.provider.cancel(ticket)
        assert house.asked("POST", "/interrupt") == 1
        house.clock.advance(0.5)
        assert await house.provider.cancel(ticket) is CancelOutcome.CANCELED
        assert house.asked("POST", "/interrupt") == 1


@pytest.mark.parametrize(("verb", "seconds"), [("delete", 0), ("interrupt", 2)])
async def test_a_prompt_that_ends_before_it_is_stopped_was_too_quick(
    verb: str, seconds: float
) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.clock.advance(seconds)
        house.upset(verb, "overtaken")
        assert await house.provider.cancel(ticket) is CancelOutcome.TOO_LATE
        assert isinstance(await house.provider.check(ticket), Ready)


async def test_what_begins_to_run_before_it_is_taken_out_is_interrupted() -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.clock.advance(2)
        house.upset("queue", "regress", times=1)
        assert await house.provider.cancel(ticket) is CancelOutcome.CANCELED
        assert (house.asked("POST", "/queue"), house.asked("POST", "/interrupt")) == (1, 1)


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_a_server_without_the_verb_cannot_stop(status: int) -> None:
    async with a_house() as house:
        ticket = await house.submit()
        house.upset("delete", "answer", value={"status": status, "body": {}})
        assert await house.provider.cancel(ticket) is CancelOutcome.UNSUPPORTED


# -- find -----------------------------------------------------------------------------------


async def test_a_prompt_is_found_by_its_id_wherever_it_is() -> None:
    async with a_house(3) as house:
        house.servers[2].script.add(Rule("create", "drop", accepted=True))
        for server in house.servers[:2]:
            server.script.add(Rule("queue", "unavailable", times=1))
        with pytest.raises(InDoubt):
            await house.submit()
        ticket = {"instance": house.urls[2], "prompt_id": prompt_id_of(TOKEN)}
        for seconds in (0, 2, 60):
            house.clock.advance(seconds)
            assert await house.find() == Found(ticket)
        assert await house.find("e" * 32) == Absent()
        assert isinstance(await house.provider.check(ticket), Ready)
        assert house.asked("POST", "/prompt") == 1


async def test_as_long_as_one_instance_is_silent_nothing_is_absent() -> None:
    async with a_house(2) as house:
        house.upset("queue", "unavailable")
        with pytest.raises(Unreachable):
            await house.find()
        ticket = await house.submit()
        assert ticket["instance"] == house.urls[1]
        assert await house.find() == Found(ticket)


# -- films ----------------------------------------------------------------------------------


async def test_a_file_that_was_removed_is_lost_and_asked_for_no_more() -> None:
    async with a_house() as house:
        house.upset("create", "no_content")
        ticket = await house.submit()
        house.clock.advance(3)
        outcome = await house.provider.check(ticket)
        assert isinstance(outcome, Ready)
        with pytest.raises(FilmLost, match="404"):
            async with house.provider.open(outcome.film):
                pass


async def test_a_file_is_asked_for_by_all_its_names() -> None:
    async with a_house() as house:
        film = {
            "instance": house.urls[0],
            "filename": "a&b=ü.mp4",
            "subfolder": "x/y",
            "type": "temp",
        }
        with pytest.raises(FilmLost):
            async with house.provider.open(film):
                pass
        assert (
            house.server.seen[-1].query == "filename=a%26b%3D%C3%BC.mp4&subfolder=x%2Fy&type=temp"
        )
