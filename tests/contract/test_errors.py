"""Every row of the contract's two tables of errors has its exchange, or stands in LATER by name.

The rows are read from the page itself: a code that is added there without an exchange here fails.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from page import names, tables
from rushes.domain.access import Period, Scope
from rushes.domain.catalog import Price
from rushes.domain.errors import SENTENCES, Failure, Reason, StoreBusy
from rushes.domain.ids import new_account_id
from rushes.domain.task import Status
from rushes.testing.builders import NOON
from wiring import FILM, SECRET, Wired, wired

ROOT = "/v1/video/generations"
UNKNOWN = "video_" + "0" * 32
FILE = "https://assets.example.com/a.png"
OTHER, NARROW, REVOKED, LIMITED = (
    f"sk-live-{name}" for name in ("neighbour", "narrow", "revoked", "limited")
)
GUARDED = "Guarded doors"
LATER: Mapping[str, str] = {
    "rate_limit_exceeded": GUARDED,
    "too_many_active_tasks": GUARDED,
}
"""Codes that no request can bring about yet, and what brings them."""

SECONDS = r"[1-9]|[1-5]\d|60"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request that is refused: `path` may name a task of the scene, `told` are headers.

    `given` is the JSON body, `form` files of a form, `raw` bytes with their type.
    """

    method: str
    path: str
    param: str | None = None
    given: Mapping[str, Any] | None = None
    form: Mapping[str, Any] | None = None
    raw: tuple[bytes, str] | None = None
    secret: str | None = SECRET
    asks: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, str] = field(default_factory=dict)
    before: str = ""

    def arguments(self) -> dict[str, Any]:
        headers = dict(self.asks)
        if self.secret is not None:
            headers["Authorization"] = f"Bearer {self.secret}"
        if self.raw is not None:
            headers["Content-Type"] = self.raw[1]
            return {"headers": headers, "content": self.raw[0]}
        if self.form is not None:
            return {"headers": headers, "files": self.form}
        return {"headers": headers} | ({} if self.given is None else {"json": self.given})


def create(param: str | None, path: str = ROOT, **given: Any) -> Exchange:
    body = {"model": "sandbox", "prompt": "a heron", **given}
    return Exchange("POST", path, param, {n: v for n, v in body.items() if v is not ...})


def edit(param: str | None, route: str = "edits", **given: Any) -> Exchange:
    body = {"prompt": "a fox", "video": {"id": "{done}"}, **given}
    said = {name: value for name, value in body.items() if value is not ...}
    return Exchange("POST", f"/v1/videos/{route}", param, said)


def get(path: str, param: str | None = None, **more: Any) -> Exchange:
    return Exchange("GET", path, param, **more)


def image(**address: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": address}


EXCHANGES: Mapping[str, tuple[Exchange, ...]] = {
    "invalid_json": (
        Exchange("POST", ROOT, raw=(b"{", "application/json")),
        Exchange("POST", "/v1/videos", raw=(b"[]", "application/json")),
        Exchange("POST", "/v1/videos/{done}/remix", raw=(b"x", "multipart/form-data; boundary=b")),
    ),
    "missing_parameter": (
        create("model", model=...),
        create("prompt", prompt=...),
        create("height", width=1280),
        create("image", last_frame=FILE),
        create("content[0].image_url.url", content=[image()]),
        get(f"{ROOT}/download", "id"),
        Exchange("POST", "/v1/videos/{done}/remix", "prompt", {}),
        edit("video", video=...),
        edit("video.id", video={}),
        edit("seconds", "extensions"),
    ),
    "invalid_value": (
        create("seconds", seconds=99),
        create("seconds", "/v1/videos", seconds="99"),
        create("metadata.parameters.resolution", metadata={"parameters": {"resolution": "8k"}}),
        create("metadata.input.seed", metadata={"input": {"seed": -2}}),
        create("metadata.durationSeconds", metadata={"durationSeconds": 0.5}),
        create("metadata.start_within_s", metadata={"start_within_s": 0}),
        create("content[1].role", content=[image(url=FILE), {**image(url=FILE), "role": "hero"}]),
        replace(create("Rushes-Start-Within"), asks={"Rushes-Start-Within": "0"}),
        replace(create("Idempotency-Key"), asks={"Idempotency-Key": "x" * 256}),
        edit("seconds", "extensions", seconds=5),
        edit("video", video=5),
        get(f"{ROOT}?limit=0", "limit"),
        get(f"{ROOT}?status=completed", "status"),
        get("/v1/videos?order=up", "order"),
        get(f"{ROOT}/{{running}}?wait=-1", "wait"),
        get("/v1/videos/{done}/content?variant=gif", "variant"),
    ),
    "conflicting_parameters": (
        create("seconds", duration=4, seconds=5),
        create("metadata.ratio", metadata={"aspect_ratio": "1:1", "ratio": "16:9"}),
        create("size", size="1280x720", resolution="480p"),
        create("content[0].text", "/v1/videos", content=[{"type": "text", "text": "a fox"}]),
    ),
    "unsupported": (
        create("image", model="wan2.5-t2v-preview", image=FILE),
        create("input_reference", "/v1/videos", input_reference={"file_id": "file-1"}),
        Exchange("POST", "/v1/videos/characters"),
        get("/v1/videos/characters/c1"),
        create("model", "/v1/videos/{done}/remix", model="wan2.5-t2v-preview"),
        edit("model", model="wan2.5-t2v-preview"),
        edit("model", "extensions", model="wan2.7-r2v", seconds=4),
    ),
    "invalid_media": (
        create("image", image="data:image/png;base64,AAAA"),
        create("images[0]", images=["!!!"]),
        create("last_frame", image="iVBORw0KGgo=", last_frame="???"),
        edit("video", video="data:video/mp4;base64,AAAA"),
        Exchange(
            "POST",
            "/v1/videos",
            "input_reference",
            form={
                "model": (None, "sandbox"),
                "prompt": (None, "a heron"),
                "input_reference": ("a.png", b"no picture"),
            },
        ),
    ),
    "url_not_allowed": (
        create("image", image="http://127.0.0.1/a.png"),
        create("content[0].image_url.url", content=[image(url="ftp://example.com/a.png")]),
        create("callback_url", "/v1/videos", callback_url="http://example.com/hook"),
    ),
    "task_not_finished": (
        get(f"{ROOT}/download?id={{running}}", "id"),
        get("/v1/videos/{running}/content", "video_id"),
        Exchange("DELETE", f"{ROOT}/{{running}}", "task_id"),
        Exchange("DELETE", "/v1/videos/{running}", "video_id"),
        create("remix_from_video_id", remix_from_video_id="{running}"),
        Exchange("POST", "/v1/videos/{running}/remix", "video_id", {"prompt": "a fox"}),
        edit("video.id", video={"id": "{running}"}),
    ),
    "task_already_finished": (
        Exchange("POST", f"{ROOT}/{{done}}/cancel", "task_id"),
        Exchange("POST", f"{ROOT}/{{failed}}/cancel", "task_id"),
    ),
    "task_failed": (
        get(f"{ROOT}/download?id={{failed}}", "id"),
        get("/v1/videos/{failed}/content", "video_id"),
        create("remix_from_video_id", remix_from_video_id="{failed}"),
        Exchange("POST", "/v1/videos/{failed}/remix", "video_id", {"prompt": "a fox"}),
        edit("video.id", "extensions", seconds=4, video={"id": "{failed}"}),
    ),
    "missing_api_key": (
        get(f"{ROOT}/{{done}}", secret=None, told={"WWW-Authenticate": "Bearer"}),
        replace(create(None), secret=None, told={"WWW-Authenticate": "Bearer"}),
        get("/v1/movies", secret=None, told={"WWW-Authenticate": "Bearer"}),
    ),
    "invalid_api_key": (
        get("/v1/models", secret="sk-live-unknown", told={"WWW-Authenticate": "Bearer"}),
        get("/v1/models", secret=REVOKED, told={"WWW-Authenticate": "Bearer"}),
    ),
    "model_not_allowed": (
        replace(create("model", model="sora-2"), secret=LIMITED),
        replace(create("model", "/v1/videos", model="sora-2"), secret=LIMITED),
    ),
    "scope_missing": (get("/v1/webhooks/secret", secret=NARROW),),
    "link_invalid": (get("{link}0", "signature", secret=None),),
    "link_expired": (get("{link}", "expires", secret=None, before="two days pass"),),
    "task_not_found": (
        get(f"{ROOT}/{UNKNOWN}", "task_id"),
        get(f"{ROOT}/task-123/events", "task_id"),
        get("/v1/videos/{done}", "video_id", secret=OTHER),
        get(f"{ROOT}/download?id=x", "id"),
        create("remix_from_video_id", remix_from_video_id=UNKNOWN),
        replace(create("remix_from_video_id", remix_from_video_id="{done}"), secret=OTHER),
        edit("video.id", video={"id": UNKNOWN}),
        replace(edit("video.id", "extensions", seconds=4), secret=OTHER),
        get("{link}", "task_id", secret=None, before="the task is deleted"),
    ),
    "model_not_found": (
        create("model", model="nope"),
        create("model", "/v1/videos", model="nope"),
        get("/v1/models/nope", "model"),
    ),
    "route_not_found": (get("/v1/movies"), get("/movies", secret=None)),
    "method_not_allowed": (
        Exchange("PUT", ROOT, told={"Allow": "GET, HEAD, POST"}),
        Exchange("PATCH", "/v1/videos/{done}", told={"Allow": "DELETE, GET, HEAD"}),
    ),
    "not_acceptable": (
        get(f"{ROOT}/{{done}}/events", "Accept", asks={"Accept": "application/json"}),
    ),
    "artifact_expired": (
        get(f"{ROOT}/download?id={{gone}}", "id"),
        get("/v1/videos/{gone}/content", "video_id"),
        get("{gone_link}", secret=None),
        Exchange("POST", "/v1/videos/{gone}/remix", "video_id", {"prompt": "a fox"}),
        edit("video.id", video={"id": "{gone}"}),
    ),
    "request_too_large": (
        Exchange("POST", ROOT, raw=(b"x" * (25 * 2**20 + 1), "application/json")),
        Exchange("POST", ROOT, raw=(b"x" * (64 * 2**20 + 1), "multipart/form-data; boundary=b")),
    ),
    "artifact_too_large": (
        get(f"{ROOT}/download?id={{done}}", "id", before="the JSON download is small"),
    ),
    "unsupported_media_type": (
        Exchange("POST", ROOT, raw=(b"a=1", "application/x-www-form-urlencoded")),
        Exchange("POST", "/v1/videos/{done}/remix", raw=(b"x", "text/plain")),
    ),
    "range_not_satisfiable": tuple(
        get(path, "Range", asks={"Range": "bytes=99999999-"}, told={"Content-Range": total})
        for total in [rf"bytes \*/{len(FILM)}"]
        for path in ("/v1/videos/{done}/content", "{link}")
    ),
    "idempotency_key_reused": (
        replace(
            create("Idempotency-Key", prompt="another"),
            asks={"Idempotency-Key": "k"},
            before="the key is used",
        ),
    ),
    "insufficient_quota": (
        replace(create(None), before="the budget is spent"),
        replace(create(None, "/v1/videos"), before="the budget is spent"),
        replace(edit(None), before="the budget is spent"),
    ),
    "internal_error": (get(f"{ROOT}/{{done}}/events", before="a part of ours breaks"),),
    "upstream_error": (
        get("/v1/videos/{done}/content", before="a film is lost in storage"),
        get(f"{ROOT}/download?id={{done}}", before="a film is lost in storage"),
    ),
    "overloaded": (
        replace(create(None), before="the store is busy", told={"Retry-After": SECONDS}),
        replace(
            create(None, "/v1/videos"), before="storage is full", told={"Retry-After": SECONDS}
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One code of the page's first table, with the status and the type of its row."""

    status: int
    type: str
    code: str


def rows() -> list[Row]:
    return [
        Row(int(status), names(kind)[0], code)
        for status, kind, codes, _ in tables("3")[0]
        for code in names(codes)
    ]


ROWS = {row.code: row for row in rows()}
TRIED = [
    pytest.param(ROWS[code], exchange, id=f"{code}-{index}")
    for code in ROWS
    for index, exchange in enumerate(EXCHANGES.get(code, ()))
]


def test_every_code_of_the_page_has_an_exchange_or_stands_by_name() -> None:
    assert len(ROWS) > 30, "the table of the page was not read"
    assert set(ROWS) - set(LATER) == set(EXCHANGES)


# -- the scene ---------------------------------------------------------------------------------


async def scene(house: Wired) -> dict[str, str]:
    """Tasks in every state that a request may meet, by their names in a path."""
    house.add_key(OTHER, account_id=new_account_id(NOON))
    house.add_key(NARROW, scopes=frozenset({Scope.GENERATE}))
    house.add_key(REVOKED, revoked_at=NOON)
    house.add_key(LIMITED, models=frozenset({"sandbox"}))
    found = {}
    async with house.client() as client:
        for name, status in (
            ("running", Status.RUNNING),
            ("done", Status.SUCCEEDED),
            ("failed", Status.FAILED),
            ("gone", Status.SUCCEEDED),
        ):
            answer = await client.post(ROOT, json={"model": "sandbox", "prompt": name})
            found[name] = answer.json()["id"]
            await house.bring(house.task(found[name]), status)
    assert house.store.write_now(lambda tx: tx.give_up_film(found["gone"]))
    for name, link in (("done", "link"), ("gone", "gone_link")):
        found[link] = house.links.film(found[name], NOON).removeprefix("http://localhost:8080")
    return found


class Busy:
    """A store that is too busy for any write."""

    async def write(self, act: Any, *, alone: bool = False) -> None:
        raise StoreBusy("many writes wait")


class Broken:
    """A store with a fault of ours in it."""

    async def read(self, act: Any) -> None:
        raise RuntimeError("postgresql://secret")


async def spend(house: Wired) -> None:
    """Put a price on films, and leave nothing to pay it with."""
    sold = {
        name: replace(listing, prices=(Price("film", 1),))
        for name, listing in house.gateway.catalog.listings.items()
    }
    house.gateway.catalog = replace(house.gateway.catalog, listings=sold)
    owner = house.key.account_id
    house.store.write_now(
        lambda tx: tx.set_purse(owner, Period.TOTAL, 0, account_id=owner, at=NOON)
    )
    await house.keyring.reload()


async def bring_about(before: str, house: Wired, found: Mapping[str, str]) -> None:
    match before:
        case "two days pass":
            house.clock.set(NOON + timedelta(days=2))
        case "the task is deleted":
            async with house.client() as client:
                assert (await client.delete(f"{ROOT}/{found['done']}")).is_success
        case "the key is used":
            async with house.client() as client:
                body = {"model": "sandbox", "prompt": "the first"}
                answer = await client.post(ROOT, json=body, headers={"Idempotency-Key": "k"})
                assert answer.is_success
        case "a part of ours breaks":
            house.gateway.store = Broken()  # type: ignore[assignment]
        case "a film is lost in storage":
            (house.blobs.root / f"films/{found['done']}/1/film").unlink()
        case "the store is busy":
            house.gateway.store = Busy()  # type: ignore[assignment]
        case "the budget is spent":
            await spend(house)
        case "storage is full":
            house.gateway.policies = replace(house.gateway.policies, free_bytes_min=2**62)
        case _:
            assert before in {"", "the JSON download is small"}, before


def placed(value: Any, found: Mapping[str, str]) -> Any:
    """Put the ids of the scene where an exchange names them."""
    if isinstance(value, str) and re.fullmatch(r"\{\w+\}", value):
        return found[value[1:-1]]
    if isinstance(value, dict):
        return {name: placed(item, found) for name, item in value.items()}
    return value


async def sent(exchange: Exchange, house: Wired) -> tuple[httpx2.Response, int]:
    """Send an exchange; also say how many tasks there were before it."""
    found = await scene(house)
    await bring_about(exchange.before, house, found)
    given = len(house.dispatcher.given)
    arguments = placed(exchange.arguments(), found)
    async with house.client(None) as client:
        path = exchange.path.format_map(found)
        return await client.request(exchange.method, path, **arguments), given


@pytest.mark.parametrize(("row", "exchange"), TRIED)
async def test_every_code_of_the_page_is_told_as_its_row_says(
    row: Row, exchange: Exchange, tmp_path: Path
) -> None:
    small = {"download_bytes_max": 100} if exchange.before == "the JSON download is small" else {}
    async with wired(tmp_path, **small) as house:
        answer, given = await sent(exchange, house)
        assert answer.status_code == row.status, answer.text
        assert list(answer.json()) == ["error"]
        error = answer.json()["error"]
        assert list(error) == ["message", "type", "param", "code"]
        assert (error["type"], error["param"], error["code"]) == (
            row.type,
            exchange.param,
            row.code,
        ), error["message"]
        assert re.fullmatch(r"[^a-z].*[.…]", error["message"], re.DOTALL), error["message"]
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"
        assert re.fullmatch(r"req_[0-9a-f]{32}", answer.headers["X-Request-Id"])
        for name, form in exchange.told.items():
            assert re.fullmatch(form, answer.headers[name]), (name, answer.headers[name])
        assert len(house.dispatcher.given) == given, "a refused request made a task"


async def test_a_fault_of_ours_quotes_the_request_and_nothing_else(tmp_path: Path) -> None:
    async with wired(tmp_path) as house:
        answer, _ = await sent(EXCHANGES["internal_error"][0], house)
    assert answer.headers["X-Request-Id"] in answer.json()["error"]["message"]
    assert "postgresql" not in answer.text


# -- a failed task -------------------------------------------------------------------------------

ENDS: Mapping[str, tuple[Reason, ...]] = {
    "content refused": (Reason.CONTENT_REFUSED,),
    "parameters or input media": (Reason.PARAMETERS_REFUSED,),
    "provider out of funds": (Reason.PROVIDER_UNUSABLE,),
    "provider rate-limited": (Reason.PROVIDER_RATE_LIMITED,),
    "provider failure": (Reason.PROVIDER_FAILED,),
    "output lost": (Reason.OUTPUT_LOST,),
    "deadline passed": (Reason.TIMED_OUT,),
    "submit in doubt": (Reason.SUBMIT_IN_DOUBT,),
    "canceled": (Reason.CANCELED,),
    "expired in the queue": (Reason.EXPIRED,),
    "internal": (Reason.INTERNAL,),
}
"""How a row of the page's second table begins, and the reasons of ours that it tells."""

FAILED_ROWS = tables("3")[1]
SAID: Mapping[Reason, str] = {
    Reason.PROVIDER_UNUSABLE: r"need the operator",
    Reason.OUTPUT_LOST: r"made the video, but",
    Reason.SUBMIT_IN_DOUBT: r"not resubmitted",
    Reason.CANCELED: r"\ACanceled by caller\Z",
}
"""What the house sentence must say where the page asks for words of its own."""


def reasons_of(row: list[str]) -> tuple[Reason, ...]:
    return next(found for begins, found in ENDS.items() if row[0].startswith(begins))


def test_every_reason_is_in_one_row_of_the_page() -> None:
    told = [reason for row in FAILED_ROWS for reason in reasons_of(row)]
    assert sorted(told) == sorted(Reason)


@pytest.mark.parametrize("row", FAILED_ROWS, ids=[row[0].partition(",")[0] for row in FAILED_ROWS])
async def test_a_failed_task_is_told_in_both_dialects_as_its_row_says(
    row: list[str], tmp_path: Path
) -> None:
    number, word = int(row[1]), names(row[2])[0]
    async with wired(tmp_path) as house, house.client() as client:
        for reason in reasons_of(row):
            name = (await client.post(ROOT, json={"model": "sandbox", "prompt": "x"})).json()["id"]
            await house.bring(house.task(name), Status.FAILED, failure=Failure.of(reason))
            flat = await client.get(f"{ROOT}/{name}")
            video = await client.get(f"/v1/videos/{name}")
            assert (flat.status_code, video.status_code) == (200, 200)
            message = SENTENCES[reason]
            assert re.search(SAID.get(reason, "."), message)
            assert flat.json() == {
                "task_id": name,
                "status": "failed",
                "format": "mp4",
                "error": {"code": number, "message": message},
            }
            assert video.json()["status"] == "failed"
            assert video.json()["error"] == {"code": word, "message": message}
            assert (video.json()["progress"], flat.headers["Rushes-Progress"]) == (100, "100")
