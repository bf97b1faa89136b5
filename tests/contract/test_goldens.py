"""Every golden exchange runs, or stands in LATER by name with what brings it.

How a file is read is told in tests/contract/README.md; this is that page as code.
"""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from PIL import Image
from starlette.types import Receive, Scope, Send

from filming import Scene, shoot
from rushes.domain import access
from rushes.domain.access import DEFAULT_ACCOUNT_ID, Limits, Period, hold
from rushes.domain.catalog import Catalog, Price, Route, build_catalog
from rushes.domain.errors import Failure, Reason
from rushes.domain.reading import shipped_cards
from rushes.domain.spec import Mode, Spec
from rushes.domain.task import Status, Task
from rushes.domain.webhooks import News, signed_headers
from rushes.gateway.looks import Policies
from rushes.http.envelope import Styles
from rushes.http.links import Links
from rushes.http.webhooks import EventBodies
from rushes.ports import ArtifactKind
from rushes.testing.builders import NOON, a_task
from wiring import FILM, SECRET, STILLS, Wired, wired

GOLDENS = Path(__file__).parent / "goldens"
FILES = sorted(path.name.removesuffix(".json") for path in GOLDENS.glob("*.json"))

LATER: Mapping[str, str] = {}
TOLD = [name for name in FILES if name.startswith("webhook.")]
"""Here we are the client: what we post is compared, not what we answer."""

NOW = [name for name in FILES if name not in {*LATER, *TOLD}]

QUEUED = "video_01a2086275407b049ebac68fb1f0bd20"
RUNNING = "video_01a2086279287866aebaaf2d17a3db3c"
DONE = "video_01a208627d107d72828e545dc3be6655"
FAILED = "video_01a2086280f876a3934730d9e263ac04"
R2V = "video_01a20862ea707a4baa1f549b0bb1a245"

BEARER = f"Bearer {SECRET}".encode()
TEST_SECRET = "sk-test-" + "0" * 28

REASONS = {
    "canceled": (Status.CANCELED, Failure.of(Reason.CANCELED)),
    "content-refused": (Status.FAILED, Failure.of(Reason.CONTENT_REFUSED)),
    "expired-in-queue": (Status.EXPIRED, Failure.of(Reason.EXPIRED)),
    "internal": (Status.FAILED, Failure.of(Reason.INTERNAL)),
    "output-lost": (Status.FAILED, Failure.of(Reason.OUTPUT_LOST)),
    "provider-failure": (Status.FAILED, Failure.of(Reason.PROVIDER_FAILED)),
    "provider-invalid-parameters": (
        Status.FAILED,
        Failure.of(
            Reason.PARAMETERS_REFUSED,
            "The provider refused the parameters: resolution is not available for this account.",
        ),
    ),
    "provider-rate-limited": (Status.FAILED, Failure.of(Reason.PROVIDER_RATE_LIMITED)),
    "provider-unusable": (Status.FAILED, Failure.of(Reason.PROVIDER_UNUSABLE)),
    "start-deadline": (
        Status.EXPIRED,
        Failure.of(
            Reason.EXPIRED, "The task was not started within 120 seconds, as the caller asked."
        ),
    ),
    "submit-in-doubt": (Status.FAILED, Failure.of(Reason.SUBMIT_IN_DOUBT)),
    "timed-out": (
        Status.FAILED,
        Failure.of(Reason.TIMED_OUT, "The video was not finished within 1800 seconds."),
    ),
}


def test_every_golden_runs_or_stands_by_name() -> None:
    assert set(LATER) <= set(FILES), set(LATER) - set(FILES)
    assert len(FILES) == len(NOW) + len(LATER) + len(TOLD)


# -- scenes ------------------------------------------------------------------------------------


def golden(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDENS / f"{name}.json").read_text())
    return found


async def put(house: Wired, task_id: str, model: str, **changes: Any) -> Task:
    """A queued task under a golden's id, as the gateway would have accepted it."""
    card = house.catalog.cards.get(model)
    spec = Spec(
        model=model,
        mode=Mode.TEXT_TO_VIDEO,
        prompt="A paper boat crosses a rain puddle",
        seconds=card.seconds_default if card else 5,
        size=a_task().spec.size,
        seed=1,
    )
    task = replace(
        a_task(account_id=DEFAULT_ACCOUNT_ID, model=model, spec=spec, hold_microusd=0),
        id=task_id,
        created_at=NOON,
        is_rehearsal=model != "sandbox",
        **changes,
    )
    house.store.write_now(lambda tx: tx.add_task(task, hold(task.id, task.account_id, 0)))
    return task


async def set_the_scene(name: str, house: Wired, model: str) -> None:
    """Bring about the tasks that a file's ids stand for."""
    queued = await put(house, QUEUED, model)
    running = await put(house, RUNNING, model)
    done = await put(house, DONE, model)
    del queued
    if name.startswith("generations.events") and "acceptable" not in name:
        await house.bring(running, Status.SUCCEEDED)
        return
    running = await house.bring(running, Status.RUNNING)
    percent = 57 if name.endswith("long-poll-elapsed") else 42
    house.store.write_now(lambda tx: tx.set_progress([(running.id, running.lease_epoch, percent)]))
    changes = {"expires_at": NOON + timedelta(days=7)} if "videos." in name else {}
    is_gone = "expired" in name and "link-expired" not in name and "failed" not in name
    await house.bring(done, Status.SUCCEEDED, is_film_gone=is_gone, **changes)
    if name == "videos.remix.unsupported":
        await house.bring(await put(house, R2V, "wan2.7-r2v"), Status.SUCCEEDED)
    reason = name.partition(".failed.")[2] or "content-refused"
    status, failure = REASONS[reason]
    failed = await put(house, FAILED, model)
    await house.bring(failed, status, failure=failure)


def priced() -> Catalog:
    cards = {card.id: card for card in shipped_cards()}
    rules = golden("models.get.priced")["response"]["body"]["capabilities"]["price"]["rules"]
    prices = tuple(Price(rule["per"], rule["microusd"], rule["when"]) for rule in rules)
    routes = (Route("ark", "doubao-seedance-2-0-260128"),)
    configured = {"seedance-2-0": (cards["seedance-2-0"], routes, prices)}
    return build_catalog(cards.values(), configured=configured, has_providers=True)


def sold() -> Catalog:
    """The sora-2 of a golden that has a route and a price."""
    cards = {card.id: card for card in shipped_cards()}
    routes, prices = (Route("gpu", "sora-2"),), (Price("second", 100_000),)
    configured = {"sora-2": (cards["sora-2"], routes, prices)}
    return build_catalog(cards.values(), configured=configured, has_providers=True)


def aliased() -> Catalog:
    cards = {card.id: card for card in shipped_cards()}
    routes = (Route("gpu", "Wan-AI/Wan2.2-T2V-A14B-Diffusers", is_billable=False),)
    configured: dict[str, Any] = {"sora-2": (cards["sora-2"], routes, ())}
    return build_catalog(cards.values(), configured=configured, has_providers=True)


ENVELOPED = [name for name in FILES if ".envelope" in name]

OPTIONS: Mapping[str, Callable[[], dict[str, Any]]] = {
    **dict.fromkeys(
        ENVELOPED,
        lambda: {"styles": Styles(is_enveloped=True)},
    ),
    "generations.submit.coerced": lambda: {"policies": Policies(coerces=True)},
    "generations.submit.rate-limited": lambda: {"limits": Limits(submits_per_minute=1)},
    "generations.submit.too-many-active-tasks": lambda: {"limits": Limits(in_flight_max=20)},
    "generations.download.too-large": lambda: {"download_bytes_max": 1000},
    "generations.submit.alias": lambda: {"catalog": aliased()},
    "generations.submit.insufficient-quota": lambda: {"catalog": sold()},
    "generations.submit.model-without-route": lambda: {"catalog": aliased()},
    "generations.submit.storage-nearly-full": lambda: {"policies": Policies(free_bytes_min=2**62)},
    "models.get.priced": lambda: {"catalog": priced()},
    "unversioned.readyz.unready": lambda: {"check": lambda: False},
}


# -- requests ----------------------------------------------------------------------------------


def file_part(described: dict[str, str]) -> tuple[str, bytes, str]:
    size = re.match(r"(\d+)x(\d+) PNG", described["bytes"])
    film = re.match(r"(\d+) s (\d+)x(\d+) MP4", described["bytes"])
    if film is not None:
        seconds, width_px, height_px = map(int, film.groups())
        content = shoot(Scene(width_px, height_px, seconds * 24))
        return described["filename"], content, described["content_type"]
    if size is None:
        return described["filename"], FILM, described["content_type"]
    picture = io.BytesIO()
    Image.new("RGB", (int(size[1]), int(size[2])), "navy").save(picture, "PNG")
    return described["filename"], picture.getvalue(), described["content_type"]


def arguments(request: dict[str, Any], secret: str | None) -> dict[str, Any]:
    headers = {n: v for n, v in request.get("headers", {}).items() if n != "Authorization"}
    if secret is not None:
        headers["Authorization"] = f"Bearer {secret}"
    body = request.get("body")
    if isinstance(body, dict) and "multipart" in body:
        headers.pop("Content-Type", None)
        fields = body["multipart"]
        files = {n: file_part(v) for n, v in fields.items() if isinstance(v, dict)}
        data = {n: v for n, v in fields.items() if not isinstance(v, dict)}
        parts = [*((n, (None, v)) for n, v in data.items()), *files.items()]
        return {"headers": headers, "files": parts}
    if isinstance(body, dict):
        return {"headers": headers, "json": body}
    if isinstance(body, str):
        return {"headers": headers, "content": body}
    length = headers.get("Content-Length")
    if length is not None:
        return {"headers": headers, "content": b"x" * int(length)}
    return {"headers": headers}


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("a fault of ours")


async def exchange(name: str, house: Wired) -> httpx2.Response:
    request = golden(name)["request"]
    if name == "files.link-expired":
        house.clock.set(NOON + timedelta(days=-2))
    path = with_signature(name, request["path"], house)
    if name == "files.link-expired":
        house.clock.set(NOON)
    secret: str | None = SECRET
    if "Authorization" not in request.get("headers", {}):
        secret = None
    if name == "generations.submit.invalid-key":
        secret = "sk-live-unknown"
    if name == "generations.submit.test-key":
        secret = TEST_SECRET
        house.add_key(TEST_SECRET)
    given = arguments(request, secret)
    if name.startswith("generations.query") and "Prefer" in given["headers"]:
        finish_soon(house)
    if name == "route.internal-error":
        house.gateway.store.read = broken  # type: ignore[assignment,method-assign]
        house.hot.close()
    async with house.client(secret=None) as client:
        if "idempotent" in name or "idempotency" in name or "stainless" in name:
            await repeat_before(name, client, path, given)
        if name == "generations.query.not-modified":
            seen = await client.get(path, headers={"Authorization": f"Bearer {SECRET}"})
            given["headers"]["If-None-Match"] = seen.headers["etag"]
        return await client.request(request["method"], path, **given)


def finish_soon(house: Wired) -> None:
    """The running task ends while the caller waits: at the first ring nobody hears yet."""
    task = house.task(RUNNING)
    ring = house.bell.wait

    async def wait(task_id: str, timeout_s: float) -> bool:
        house.bell.wait = ring  # type: ignore[method-assign]
        await house.store_film(task)
        stored = house.move(house.task(task_id), _event("ready"))
        house.move(stored, _event("stored"))
        return True

    house.bell.wait = wait  # type: ignore[method-assign]


def _event(name: str) -> Any:
    from rushes.domain.task import Event

    return Event(name)


async def repeat_before(
    name: str, client: httpx2.AsyncClient, path: str, given: dict[str, Any]
) -> None:
    """Send the first request, whose answer the golden shows again."""
    first = {**given, "headers": dict(given["headers"])}
    if name == "generations.submit.idempotency-key-reused":
        first["json"] = {**given["json"], "prompt": "The first film"}
    first["headers"].pop("x-stainless-retry-count", None)
    assert (await client.request("POST", path, **first)).status_code == 200


def with_signature(name: str, path: str, house: Wired) -> str:
    """A link of a golden is signed by another secret: sign it with the server's own."""
    if not path.startswith("/files/"):
        return path
    link = urlsplit(house.links.film(DONE, house.clock.now()))
    query = link.query[:-1] + ("0" if link.query[-1] != "0" else "1")
    return f"{link.path}?{query if name == 'files.link-invalid' else link.query}"


# -- comparison --------------------------------------------------------------------------------

FORMS = {
    "id": r"(video|evt|req)_[0-9a-f]{32}",
    "task_id": r"video_[0-9a-f]{32}",
    "generation_id": r"video_[0-9a-f]{32}",
    "first_id": r"video_[0-9a-f]{32}",
    "last_id": r"video_[0-9a-f]{32}",
    "secret": r"whsec_[A-Za-z0-9+/]{43}=",
}
LINK = re.compile(
    r"http://localhost:8080/files/video_[0-9a-f]{32}/video\.mp4\?expires=\d+&signature=[0-9a-f]+"
)
NUMBERS = {"created_at", "completed_at", "expires_at", "size", "created"}
ORDERED = ("generations.", "videos.")


def same(path: str, want: Any, got: Any) -> None:
    """Compare two JSON values by the rules of the README."""
    if isinstance(want, dict):
        assert isinstance(got, dict), path
        assert set(got) == set(want), path
        for key in want:
            same(f"{path}.{key}", want[key], got[key])
    elif isinstance(want, list):
        assert isinstance(got, list), path
        assert len(got) == len(want), path
        for index, (one, other) in enumerate(zip(want, got, strict=True)):
            same(f"{path}[{index}]", one, other)
    else:
        same_fact(path, path.rpartition(".")[2], want, got)


def same_fact(path: str, name: str, want: Any, got: Any) -> None:
    """Compare one value: by its form where each answer has its own, else exactly."""
    if name in FORMS and isinstance(want, str) and re.fullmatch(FORMS[name], want):
        assert re.fullmatch(FORMS[name], got), f"{path}: {got}"
    elif name in {"url", "video_url"}:
        assert LINK.fullmatch(got), f"{path}: {got}"
    elif name in NUMBERS and isinstance(want, int):
        assert isinstance(got, int), path
    elif name == "checked_at" and want is not None:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", got), path
    elif name == "progress" and want not in {0, 100}:
        assert isinstance(got, int)
        assert 0 < got < 100
    elif name == "message" and ".error." in path:
        assert got.strip(), path
        assert got[0].isupper() or got[0] in "'\"", got
    elif name not in {"base64", "data_url"}:
        assert got == want, path


def same_headers(want: Mapping[str, str], got: httpx2.Headers) -> None:
    free = {"Rushes-Queue-Position", "Rushes-Eta-Seconds"}
    forms = {
        "X-Request-Id": r"req_[0-9a-f]{32}",
        "Retry-After": r"[1-9]\d?",
        "openai-poll-after-ms": r"\d+",
        "Content-Length": r"\d+",
        "Content-Range": r"bytes (\d+-\d+|\*)/\d+",
    }
    for name, value in want.items():
        if name in free and name not in got:
            continue
        assert name in got, f"{name} is missing: {dict(got)}"
        if name == "ETag":
            pattern = r'W/"\d+(\.\d+)?"' if value.startswith("W/") else r'"[^"]+"'
            assert re.fullmatch(pattern, got[name]), got[name]
        elif name == "Rushes-Progress" and value not in {"0", "100"}:
            assert 0 < int(got[name]) < 100
        elif name in forms:
            assert re.fullmatch(forms[name], got[name]), f"{name}: {got[name]}"
        else:
            assert got[name] == value, f"{name}: {got[name]} is not {value}"


def mentions_what_is_allowed(want: str, got: str) -> None:
    """Where a golden's message lists allowed values, ours does too."""
    listed = re.search(r"must be one of (.+?)(?: for model|;)", want)
    if listed is not None:
        for value in listed[1].split(", "):
            assert value in got, got
    fixed = ("Canceled by caller", "not resubmitted")
    for text in fixed:
        assert (text in want) is (text in got), got


def same_stream(want: str, got: str) -> None:
    blocks = [re.sub(r"^id: \d+", "id: N", block) for block in want.strip().split("\n\n")]
    ours = [re.sub(r"^id: \d+", "id: N", block) for block in got.strip().split("\n\n")]
    assert len(blocks) == len(ours), got
    numbers = [int(number) for number in re.findall(r"^id: (\d+)", got, re.MULTILINE)]
    assert numbers == sorted(set(numbers))
    for one, other in zip(blocks, ours, strict=True):
        one_head, _, one_data = one.partition("data: ")
        other_head, _, other_data = other.partition("data: ")
        assert one_head == other_head
        if one_data:
            same("stream", json.loads(one_data), json.loads(other_data))
            assert list(json.loads(one_data)) == list(json.loads(other_data))


@pytest.mark.parametrize("name", NOW)
async def test_golden(name: str, tmp_path: Path) -> None:
    case = golden(name)
    options = OPTIONS.get(name, dict)()
    async with wired(tmp_path, **options) as house:
        await set_up(name, case, house)
        got = await exchange(name, house)
    want = case["response"]
    assert got.status_code == want["status"], got.text
    same_headers(want.get("headers", {}), got.headers)
    if want.get("body") is not None:
        same_body(name, want, got)
    if "stream" in want:
        same_stream(want["stream"], got.text)
    if "bytes" in want:
        same_bytes(name, got)


@pytest.mark.parametrize("name", TOLD)
def test_golden_that_we_post(name: str) -> None:
    case = golden(name)
    want, told = case["request"]["body"], case["request"]["headers"]
    reasons = {400: Reason.CONTENT_REFUSED, 499: Reason.CANCELED}
    error = want["data"].get("error")
    news = News(
        event_id=want["id"],
        task_id=want["data"]["id"],
        account_id=DEFAULT_ACCOUNT_ID,
        type=want["type"],
        created_at=datetime.fromtimestamp(want["created_at"], UTC),
        failure=None if error is None else Failure.of(reasons[error["code"]]),
    )
    at = datetime.fromtimestamp(int(told["webhook-timestamp"]), UTC)
    links = Links(secret=b"s" * 32, public_url="http://localhost:8080", ttl_s=86400)
    body = EventBodies(links)(news, "after-delete" not in name, at)
    same("event", want, json.loads(body))
    raw = case["request"]["raw_body"].encode()
    assert LINK.sub("", body.decode()) == LINK.sub("", raw.decode())
    headers = signed_headers([case["secret"]], news.event_id, at, raw)
    assert {**headers, "Content-Type": "application/json"} == told


async def set_up(name: str, case: dict[str, Any], house: Wired) -> None:
    """Bring the house to where the golden's request finds it."""
    if name == "generations.submit.model-not-allowed":
        house.keyring.keys = {
            digest: replace(key, models=frozenset({"sandbox"}))
            for digest, key in house.keyring.keys.items()
        }
    if name == "webhooks.secret.scope-missing":
        house.keyring.keys = {
            digest: replace(key, scopes=frozenset({access.Scope.GENERATE}))
            for digest, key in house.keyring.keys.items()
        }
    await bind(name, house)
    if name == "generations.submit.overloaded":
        house.gateway.store = _Busy()
    elif "list" in name and "models" not in name:
        await set_the_list(name, house)
    elif not name.startswith(("models.", "unversioned.")):
        await set_the_scene(name, house, scene_model(name, case))
    if name == "videos.content.upstream-error":
        (house.blobs.root / f"films/{DONE}/1/film").unlink()


async def bind(name: str, house: Wired) -> None:
    """Let what the key may do be used up, where that is what refuses it."""
    if name == "generations.submit.rate-limited":
        await house.rates.admit(await house.keyring.caller(BEARER), is_submit=True)
    if name == "generations.submit.too-many-active-tasks":
        for number in range(20):
            await put(house, f"video_{number:032x}", "sandbox", key_id=house.key.id)
    if name == "generations.submit.insufficient-quota":
        await leave_too_little(house)


async def leave_too_little(house: Wired) -> None:
    """Give the key a budget that is a millionth short of a film."""
    house.store.write_now(
        lambda tx: tx.set_purse(
            house.key.id, Period.TOTAL, 399_999, account_id=DEFAULT_ACCOUNT_ID, at=NOON
        )
    )
    await house.keyring.reload()


def same_body(name: str, want: dict[str, Any], got: httpx2.Response) -> None:
    """Compare two JSON bodies: values, and of a success the order of its keys too."""
    told = got.json()
    same(name, want["body"], told)
    if name.startswith(ORDERED) and want["status"] == 200:
        assert list(told) == list(want["body"])
        if name in ENVELOPED:
            assert list(told["data"]) == list(want["body"]["data"])
    if "error" in want["body"] and isinstance(told["error"], dict):
        mentions_what_is_allowed(want["body"]["error"]["message"], told["error"]["message"])
    if name == "generations.download.ok":
        assert base64.b64decode(told["base64"], validate=True) == FILM
        assert told["size"] == len(FILM)
        assert told["data_url"] == f"data:video/mp4;base64,{told['base64']}"


def same_bytes(name: str, got: httpx2.Response) -> None:
    expected = {
        "videos.content.full": FILM,
        "files.full": FILM,
        "videos.content.range": FILM[:1024],
        "files.range": FILM[-500:],
        "videos.content.thumbnail": STILLS[ArtifactKind.POSTER],
        "videos.content.last-frame": STILLS[ArtifactKind.LAST_FRAME],
        "videos.content.spritesheet": STILLS[ArtifactKind.SPRITESHEET],
    }
    if name in expected:
        assert got.content == expected[name]


class _Busy:
    """A store that is too busy for any write."""

    async def read(self, act: Callable[[Any], Any]) -> None:
        return None

    async def write(self, act: Callable[[Any], Any], *, alone: bool = False) -> Awaitable[Any]:
        from rushes.domain.errors import StoreBusy

        raise StoreBusy("the store has too many writes waiting")


def scene_model(name: str, case: dict[str, Any]) -> str:
    """Which model the tasks of a scene have: the one the answer tells, else a likely one."""
    body = case["response"].get("body")
    if isinstance(body, dict) and isinstance(body.get("data"), dict):  # an envelope
        body = body["data"]
    told = body.get("model") if isinstance(body, dict) else None
    headers = case["response"].get("headers", {})
    if told is None:
        told = "sora-2" if "Rushes-Rehearsal" in headers else "sandbox"
    if name == "generations.submit.remix":
        return "sora-2"
    is_create = name.startswith(("generations.submit.", "videos.create."))
    return "sandbox" if is_create else told


async def set_the_list(name: str, house: Wired) -> None:
    """Exactly the tasks the page shows, and one more where it says so."""
    shown = golden(name)["response"]["body"].get("data", [])
    words = {"completed": Status.SUCCEEDED, "succeeded": Status.SUCCEEDED}
    words |= {"queued": Status.QUEUED, "in_progress": Status.RUNNING, "failed": Status.FAILED}
    for item in reversed(shown):
        task = await put(house, item.get("task_id") or item["id"], item["model"])
        status = words[item["status"]]
        failure = Failure.of(Reason.CONTENT_REFUSED) if status is Status.FAILED else None
        expires_at = {"expires_at": NOON + timedelta(days=7)} if item.get("expires_at") else {}
        task = await house.bring(task, status, failure=failure, **expires_at)
        if item.get("progress") not in {None, 0, 100}:
            steps = [(task.id, task.lease_epoch, item["progress"])]
            house.store.write_now(lambda tx, steps=steps: tx.set_progress(steps))  # type: ignore[misc]
    if golden(name)["response"]["body"].get("has_more"):
        older = "video_" + "01a20862" + "0" * 24
        await house.bring(
            await put(house, older, "sandbox"), Status.FAILED, failure=Failure.of(Reason.INTERNAL)
        )
    assert parse_qs(urlsplit(golden(name)["request"]["path"]).query) is not None
