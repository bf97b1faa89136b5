"""The verbs of the retired OpenAI client: its names, its arguments, its results, its errors."""

from __future__ import annotations

import inspect
import json
import pickle
from collections.abc import AsyncIterator
from dataclasses import fields
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from openai import resources, types

from client.scripted import (
    ID,
    OTHER_ID,
    REQUEST_ID,
    Script,
    StillAsyncClock,
    StillClock,
    form_of,
    json_of,
    lean_body,
    refused,
    told,
    video_body,
)
from client.test_house import in_a_new_python
from client.test_verbs import ids, page
from rushes.client import RushesError
from rushes.client import openai as ours
from rushes.client.access import Access
from rushes.client.openai.errors import in_their_words
from rushes.client.openai.extras import seconds_of
from rushes.client.retry import Retry
from rushes.client.wires import AsyncLine, SyncLine

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20
MP4 = b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 12
NOT_OFFERED = {"create_character", "get_character", "with_raw_response", "with_streaming_response"}

ACCESS = Access("http://films.test", "sk-live-1")


class Played:
    """The videos of one face of the client, on a script, with a clock held still."""

    def __init__(self, kind: str, script: Script) -> None:
        self.clock = StillClock()
        transport, retry = httpx2.MockTransport(script), Retry(draw=lambda: 0.0)
        self.videos: Any
        if kind == "sync":
            http = httpx2.Client(transport=transport)
            self.videos = ours.Videos(SyncLine(http, ACCESS, 60.0, retry, self.clock))
        else:
            line = AsyncLine(
                httpx2.AsyncClient(transport=transport), ACCESS, 60.0, retry,
                StillAsyncClock(self.clock),
            )  # fmt: skip
            self.videos = ours.AsyncVideos(line)

    async def do(self, verb: str, *args: object, **options: object) -> Any:
        return await awaited(getattr(self.videos, verb)(*args, **options))


async def awaited(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result


async def collected(walk: Any) -> list[Any]:
    return [one async for one in walk] if isinstance(walk, AsyncIterator) else list(walk)


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


# -- names ---------------------------------------------------------------------------------------


def verbs(kind: type) -> dict[str, list[tuple[str, bool, bool]]]:
    """Verbs, and of each parameter: its name, whether by keyword only, and whether required."""
    return {
        name: [
            (each.name, each.kind is each.KEYWORD_ONLY, each.default is each.empty)
            for each in inspect.signature(member).parameters.values()
        ]
        for name, member in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (ours.Videos, resources.videos.Videos),
        (ours.AsyncVideos, resources.videos.AsyncVideos),
    ],
)
def test_every_verb_has_the_signature_of_the_retired_client(mine: type, theirs: type) -> None:
    wanted = {name: verb for name, verb in verbs(theirs).items() if name not in NOT_OFFERED}
    assert {"create", "create_and_poll", "poll", "edit", "extend", "remix"} <= wanted.keys()
    assert verbs(mine) == wanted


@pytest.mark.parametrize(
    ("mine", "theirs"), [(ours.OpenAI, openai.OpenAI), (ours.AsyncOpenAI, openai.AsyncOpenAI)]
)
def test_a_client_is_built_with_arguments_of_the_retired_one(mine: type, theirs: type) -> None:
    taken = inspect.signature(mine).parameters
    known = inspect.signature(theirs).parameters
    assert taken.keys() <= known.keys()
    assert {name: each.kind for name, each in taken.items()} == {
        name: known[name].kind for name in taken
    }


@pytest.mark.parametrize(
    ("mine", "theirs", "besides"),
    [
        (ours.Video, types.Video, {"rushes"}),
        (ours.VideoCreateError, types.VideoCreateError, set()),
        (ours.VideoDeleteResponse, types.VideoDeleteResponse, set()),
    ],
)
def test_a_result_has_the_attributes_of_the_retired_one(
    mine: type, theirs: Any, besides: set[str]
) -> None:
    required = {name for name, each in theirs.model_fields.items() if each.is_required()}
    told = {each.name for each in fields(mine)}  # type: ignore[arg-type]
    assert required <= told
    assert told - besides <= theirs.model_fields.keys()


def errors_of(package: Any) -> dict[str, type[BaseException]]:
    return {
        name: member
        for name, member in list(vars(package).items())
        if inspect.isclass(member) and issubclass(member, Exception)
    }


def test_every_error_is_below_the_same_ones_as_there() -> None:
    mine, theirs = errors_of(ours), errors_of(openai)
    assert len(mine) == 14
    for name, error in mine.items():
        above = {each.__name__ for each in theirs[name].__mro__} & mine.keys()
        assert {each.__name__ for each in error.__mro__} & mine.keys() == above
        assert issubclass(error, RushesError)


def test_the_retired_package_is_not_needed() -> None:
    program = (
        "import sys; from rushes.client.openai import *; "
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    assert not {"openai", "pydantic"} & set(in_a_new_python(program).split())


# -- making videos -------------------------------------------------------------------------------


async def test_a_create_sends_what_was_given_and_nothing_else(kind: str) -> None:
    script = Script(told(200, video_body()), told(200, video_body()))
    played = Played(kind, script)
    await played.do("create", prompt="A cat")
    assert json_of(script.asked[0]) == {"prompt": "A cat"}
    await played.do(
        "create", prompt="A cat", model="sora-2", seconds="4", size=ours.NOT_GIVEN,
        extra_body={"seed": 7}, extra_query={"trace": 1},
        extra_headers={"X-Trace": "t", "idempotency-key": "k", "Accept": ours.Omit()}, timeout=5,
    )  # fmt: skip
    asked = script.asked[1]
    told_it = {"prompt": "A cat", "model": "sora-2", "seconds": "4", "seed": 7}
    assert json_of(asked) == told_it
    assert (asked.headers["x-trace"], asked.url.params["trace"]) == ("t", "1")
    assert asked.headers.get_list("idempotency-key") == ["k"]
    assert asked.extensions["timeout"]["read"] == 5.0


@pytest.mark.parametrize("form", ["bytes", "path", "file", "pair", "triple"])
async def test_a_first_frame_is_given_in_every_way_that_was_known(
    kind: str, form: str, tmp_path: Path
) -> None:
    path = tmp_path / "still.png"
    path.write_bytes(PNG)
    given: object = {
        "bytes": PNG,
        "path": path,
        "file": BytesIO(PNG),
        "pair": ("still.png", PNG),
        "triple": ("still.png", BytesIO(PNG), "image/png"),
    }[form]
    script = Script(told(200, video_body()))
    await Played(kind, script).do("create", prompt="A cat", input_reference=given)
    head, content = form_of(script.asked[0])["input_reference"]
    assert (head["Content-Type"], content) == ("image/png", PNG)


async def test_a_first_frame_by_address_goes_as_it_is(kind: str) -> None:
    script = Script(told(200, video_body()))
    address = {"image_url": "https://a.test/still.png"}
    await Played(kind, script).do("create", prompt="A cat", input_reference=address)
    assert json_of(script.asked[0])["input_reference"] == address


async def test_a_poll_returns_the_end_also_of_a_failure(kind: str) -> None:
    error = {"code": "content_policy_violation", "message": "No."}
    script = Script(
        told(200, video_body()),
        told(200, video_body("in_progress", progress=10)),
        told(200, lean_body("failed", error={"code": 400, "message": "No."})),
        told(200, video_body("failed", error=error)),
    )
    video = await Played(kind, script).do("create_and_poll", prompt="A cat", poll_interval_ms=1)
    assert (video.status, video.progress) == ("failed", 100)
    assert (video.error.code, video.error.message) == ("content_policy_violation", "No.")
    assert script.is_told


async def test_a_poll_outlives_a_server_that_is_away_for_a_while(kind: str) -> None:
    script = Script(
        told(200, video_body()),
        *(httpx2.ConnectError("refused") for _ in range(20)),
        told(200, lean_body("succeeded")),
        told(200, video_body("completed")),
    )
    video = await Played(kind, script).do("poll", ID)
    assert (video.status, video.completed_at) == ("completed", 1795437041)


async def test_a_video_tells_what_the_wire_told(kind: str) -> None:
    body = video_body("failed", remixed_from_video_id=OTHER_ID)
    headers = {"Rushes_Ignored_Parameters": "style", "Rushes_Coerced_Parameters": "seconds=4"}
    video = await Played(kind, Script(told(200, body, **headers))).do("retrieve", ID)
    assert video.to_dict() == body
    assert json.loads(video.to_json()) == json.loads(video.model_dump_json()) == body
    assert video.model_dump() == body
    assert types.Video.model_validate(body).model_dump(exclude_unset=True) == body
    assert video.rushes.ignored_parameters == ("style",)
    assert video.rushes.coerced_parameters == ("seconds=4",)


async def test_films_are_made_from_films(kind: str, tmp_path: Path) -> None:
    script = Script(*(told(200, video_body(id=OTHER_ID)) for _ in range(4)))
    played = Played(kind, script)
    await played.do("remix", ID, prompt="A fox")
    await played.do("edit", prompt="A fox", video={"id": ID})
    await played.do("extend", prompt="On", seconds="8", video={"id": ID}, extra_body={"user": "u"})
    (tmp_path / "cat.mp4").write_bytes(MP4)
    await played.do("edit", prompt="A fox", video=tmp_path / "cat.mp4")
    assert script.paths == [
        f"POST /v1/videos/{ID}/remix",
        "POST /v1/videos/edits",
        "POST /v1/videos/extensions",
        "POST /v1/videos/edits",
    ]
    bodies = [json_of(asked) for asked in script.asked[:3]]
    assert bodies == [
        {"prompt": "A fox"},
        {"prompt": "A fox", "video": {"id": ID}},
        {"prompt": "On", "seconds": "8", "video": {"id": ID}, "user": "u"},
    ]
    assert form_of(script.asked[3])["video"][1] == MP4


# -- reading them --------------------------------------------------------------------------------


async def test_a_list_goes_on_through_its_pages(kind: str) -> None:
    script = Script(page(*ids(0, 2), more=True), page(*ids(2, 1)))
    walk = Played(kind, script).videos.list(limit=2, order="asc", after=OTHER_ID)
    walk = walk.__aiter__() if kind == "async" else iter(walk)
    assert [video.id for video in await collected(walk)] == ids(0, 3)
    assert [dict(asked.url.params) for asked in script.asked] == [
        {"limit": "2", "order": "asc", "after": OTHER_ID},
        {"limit": "2", "order": "asc", "after": ids(1, 1)[0]},
    ]


async def test_pages_can_be_turned_by_hand(kind: str) -> None:
    script = Script(page(*ids(0, 2), more=True), page(*ids(2, 1)), page(*ids(2, 1)))
    first = await Played(kind, script).do("list")
    assert ([video.id for video in first.data], first.object) == (ids(0, 2), "list")
    assert (first.has_more, first.first_id, first.last_id) == (True, *ids(0, 2))
    second = await awaited(first.get_next_page())
    assert [video.id for video in second.data] == ids(2, 1)
    assert not second.has_next_page()
    with pytest.raises(RuntimeError, match="no next page"):
        await awaited(second.get_next_page())
    assert len(await collected(first.iter_pages())) == 2
    assert script.asked[0].url.params["limit"] == "20"


async def test_an_empty_page_is_the_last_whatever_it_says(kind: str) -> None:
    nothing = {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": True}
    assert not (await Played(kind, Script(told(200, nothing))).do("list")).has_next_page()


async def test_a_deleted_video_is_confirmed(kind: str) -> None:
    script = Script(told(200, {"id": ID, "object": "video.deleted", "deleted": True}))
    gone = await Played(kind, script).do("delete", ID)
    assert gone.to_dict() == {"id": ID, "object": "video.deleted", "deleted": True}


async def test_a_film_comes_as_one_piece_and_goes_to_a_file(kind: str, tmp_path: Path) -> None:
    body = bytes(range(256)) * 1000
    film = httpx2.Response(200, content=body, headers={"Content-Type": "image/webp"})
    script = Script(film)
    came = await Played(kind, script).do("download_content", ID, variant="thumbnail")
    assert script.paths == [f"GET /v1/videos/{ID}/content?variant=thumbnail"]
    assert came.content == came.read() == await came.aread() == body
    assert b"".join(came.iter_bytes(1000)) == body
    assert b"".join([chunk async for chunk in await came.aiter_bytes()]) == body
    came.write_to_file(tmp_path / "a")
    came.stream_to_file(str(tmp_path / "b"), chunk_size=10)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == body
    came.close()
    await came.aclose()


# -- errors --------------------------------------------------------------------------------------


def both_errors(status: int) -> tuple[Any, Any]:
    """What either client raises over the same answer."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        return refused(status, "some_code", "seconds")

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    raised = []
    for package in (openai, ours):
        client: Any = package.OpenAI(  # type: ignore[attr-defined]
            api_key="sk-1", base_url="http://films.test/v1", max_retries=0, http_client=http
        )
        with pytest.raises(package.APIStatusError) as caught:  # type: ignore[attr-defined]
            client.videos.list()
        raised.append(caught.value)
    return raised[0], raised[1]


@pytest.mark.filterwarnings("ignore:The Sora API is scheduled")
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 410, 413, 422, 429, 500, 503])
def test_an_error_is_the_one_that_the_retired_client_raises(status: int) -> None:
    theirs, mine = both_errors(status)
    assert type(mine).__name__ == type(theirs).__name__
    for name in ("status_code", "message", "body", "code", "param", "type", "request_id"):
        assert getattr(mine, name) == getattr(theirs, name), name
    assert str(mine) == str(theirs)
    assert mine.request_id == REQUEST_ID
    assert str(pickle.loads(pickle.dumps(mine))) == str(mine)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (httpx2.ReadTimeout("silence"), ours.APITimeoutError),
        (httpx2.ConnectError("refused"), ours.APIConnectionError),
        ("<html>", ours.APIResponseValidationError),
        ({"object": "video"}, ours.APIResponseValidationError),
        (lean_body(id=ID), ours.APIResponseValidationError),
    ],
)
async def test_a_lost_answer_is_told_under_the_known_names(
    kind: str, line: Any, error: type[Exception]
) -> None:
    answer = line if isinstance(line, Exception) else told(200, line)
    with pytest.raises(error) as caught:
        await Played(kind, Script(*[answer] * 4)).do("retrieve", ID)
    assert isinstance(caught.value, ours.APIError)
    assert caught.value.body is None
    assert (caught.value.code, caught.value.param) == (None, None)


async def test_a_create_in_doubt_says_with_which_key_to_ask_again(kind: str) -> None:
    script = Script(*(httpx2.ReadTimeout("silence") for _ in range(4)))
    with pytest.raises(ours.APITimeoutError, match="without paying twice") as caught:
        await Played(kind, script).do("create", prompt="A cat")
    key = script.asked[0].headers["idempotency-key"]
    assert getattr(caught.value.__cause__, "idempotency_key", None) == key


@pytest.mark.parametrize("verb", ["retrieve", "poll", "delete", "download_content"])
async def test_an_empty_id_is_a_value_error_as_it_was(kind: str, verb: str) -> None:
    with pytest.raises(ValueError, match="non-empty value for `video_id`"):
        await Played(kind, Script()).do(verb, "")


async def test_a_source_without_an_id_is_a_value_error(kind: str) -> None:
    with pytest.raises(ValueError, match="non-empty value"):
        await Played(kind, Script()).do("edit", prompt="A fox", video={})


# -- building ------------------------------------------------------------------------------------


@pytest.mark.parametrize("client", [ours.OpenAI, ours.AsyncOpenAI])
def test_our_names_in_the_environment_win_over_the_retired_ones(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RUSHES_API_KEY", "RUSHES_BASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ours.OpenAIError, match="no API key"):
        client()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-theirs")
    assert client().base_url == "http://127.0.0.1:8080"
    monkeypatch.setenv("OPENAI_BASE_URL", "https://old.test/v1")
    assert client().base_url == "https://old.test"
    monkeypatch.setenv("RUSHES_BASE_URL", "https://films.test")
    assert client().base_url == "https://films.test"
    assert client(base_url=httpx2.URL("https://given.test/v1")).base_url == "https://given.test"
    with pytest.raises(ours.OpenAIError, match="no address"):
        client(base_url="nowhere")


@pytest.mark.parametrize("mine", [True, False])
def test_the_key_that_is_sent_is_ours_before_theirs(
    mine: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-theirs")
    if mine:
        monkeypatch.setenv("RUSHES_API_KEY", "sk-ours")
    script = Script(told(200, video_body()))
    http = httpx2.Client(transport=httpx2.MockTransport(script))
    client = ours.OpenAI(
        base_url="http://films.test", default_headers={"X-App": "sora"},
        default_query={"trace": "1"}, timeout=httpx2.Timeout(7), http_client=http,
    )  # fmt: skip
    client.videos.retrieve(ID)
    (asked,) = script.asked
    assert asked.headers["authorization"] == f"Bearer sk-{'ours' if mine else 'theirs'}"
    assert (asked.headers["x-app"], asked.url.params["trace"]) == ("sora", "1")
    assert asked.extensions["timeout"]["read"] == 7.0


@pytest.mark.parametrize("verb", ["with_options", "copy"])
async def test_a_client_is_changed_for_a_call_over_the_same_connections(
    kind: str, verb: str
) -> None:
    script = Script(told(200, video_body()), told(200, video_body()))
    transport = httpx2.MockTransport(script)
    first: Any = (
        ours.OpenAI(api_key="sk-1", http_client=httpx2.Client(transport=transport))
        if kind == "sync"
        else ours.AsyncOpenAI(api_key="sk-1", http_client=httpx2.AsyncClient(transport=transport))
    )
    other = getattr(first, verb)(
        timeout=3, max_retries=0, default_headers={"X-App": "a"}, default_query={"q": "1"}
    )
    await awaited(other.videos.retrieve(ID))
    asked = script.asked[0]
    assert (asked.headers["x-app"], asked.url.params["q"]) == ("a", "1")
    assert asked.headers["authorization"] == "Bearer sk-1"
    assert (asked.extensions["timeout"]["read"], other.max_retries) == (3.0, 0)
    again = getattr(other, verb)()
    await awaited(again.videos.retrieve(ID))
    assert script.asked[1].headers["x-app"] == "a"
    assert (again.timeout, again.max_retries, first.max_retries) == (3.0, 0, 2)


async def test_a_client_closes_what_it_opened_and_nothing_else() -> None:
    lent = httpx2.Client()
    with ours.OpenAI(api_key="sk-1", http_client=lent):
        pass
    assert not lent.is_closed
    lent.close()
    async with httpx2.AsyncClient() as also_lent:
        async with ours.AsyncOpenAI(api_key="sk-1", http_client=also_lent):
            pass
        assert not also_lent.is_closed
    with ours.OpenAI(api_key="sk-1") as own:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        own.videos.retrieve(ID)
    async with ours.AsyncOpenAI(api_key="sk-1") as other:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        await other.videos.retrieve(ID)


def test_a_timeout_is_given_in_every_way_that_was_known() -> None:
    assert seconds_of(httpx2.Timeout(3)) == 3.0
    assert seconds_of(httpx2.Timeout(None)) == 86_400.0
    assert seconds_of(ours.not_given) is None
    assert (bool(ours.omit), repr(ours.omit), repr(ours.NOT_GIVEN)) == (False, "omit", "NOT_GIVEN")


def test_an_error_that_has_its_name_already_keeps_it() -> None:
    known = ours.NotFoundError("gone", None, 404)
    with pytest.raises(ours.NotFoundError) as caught, in_their_words():
        raise known
    assert caught.value is known
