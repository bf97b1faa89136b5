"""Limits as callers meet them: refused before a body is read, told in headers, never by a look."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from loopback import Caller, serving
from rushes.domain.access import Account, Limits
from rushes.domain.task import Event, Status
from rushes.gateway.looks import Policies
from rushes.http.guard import GuardLimits, guarded
from rushes.settings import SettingsRefused, load
from wiring import SECRET, Wired, wired

ROOT = "/v1/video/generations"
GOOD = {"model": "sandbox", "prompt": "a heron"}
BOUND, OTHER = "sk-live-bound", "sk-live-other"
LOOK = (b"authorization", f"Bearer {BOUND}".encode())


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Wired]:
    async with wired(tmp_path) as found:
        yield found


async def bind(house: Wired, **limits: int) -> None:
    """Have a key with limits of its own."""
    house.add_key(BOUND, limits=Limits(**limits))
    await house.keyring.reload()


def code_of(answer: httpx2.Response) -> Any:
    return answer.json().get("error", {}).get("code")


# -- rates -------------------------------------------------------------------------------------


async def test_every_route_that_makes_tasks_counts_as_a_submit_and_no_other(house: Wired) -> None:
    making = {"Create", "Edit", "Extension", "Remix"}
    routes = house.application.routes
    submitting = {(route.method, route.path) for route in routes if route.submits}
    assert submitting == {(route.method, route.path) for route in routes if route.request in making}
    assert {method for method, _ in submitting} == {"POST"}
    assert len(submitting) == 5


async def test_looks_lists_and_cancels_are_no_submits(house: Wired) -> None:
    await bind(house, submits_per_minute=1)
    async with house.client(BOUND) as client:
        task_id = (await client.post(ROOT, json=GOOD)).json()["id"]
        for _ in range(3):
            for path in (f"{ROOT}/{task_id}", f"/v1/videos/{task_id}", ROOT, "/v1/models"):
                assert (await client.get(path)).status_code == 200
        refused = await client.post("/v1/videos", json=GOOD)
        assert (refused.status_code, code_of(refused)) == (429, "rate_limit_exceeded")
        assert (await client.post(f"{ROOT}/{task_id}/cancel")).status_code == 200
    assert len(house.dispatcher.given) == 1


async def test_headers_are_told_to_those_who_have_limits(house: Wired) -> None:
    await bind(house, requests_per_s=3, submits_per_minute=2)
    async with house.client(BOUND) as client:
        made = await client.post(ROOT, json=GOOD)
        listed = await client.get(ROOT)
        missing = await client.get(f"{ROOT}/task-1")
        refused = await client.get(ROOT)
        nowhere = await client.get("/v1/movies")
    assert made.headers["ratelimit-policy"] == '"requests";q=3;w=1, "submits";q=2;w=60'
    assert made.headers["ratelimit"] == '"requests";r=2;t=1, "submits";r=1;t=60'
    assert listed.headers["ratelimit"] == '"requests";r=1;t=1'
    assert (missing.status_code, missing.headers["ratelimit"]) == (404, '"requests";r=0;t=1')
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.headers["ratelimit"] == '"requests";r=0;t=1'
    assert (nowhere.status_code, "ratelimit" in nowhere.headers) == (404, False)
    async with house.client() as client:
        free = [await client.get(ROOT), await client.post(ROOT, json=GOOD)]
    assert not any("ratelimit" in answer.headers for answer in free)


async def test_the_settings_limit_every_key_that_has_no_limit_of_its_own(tmp_path: Path) -> None:
    async with wired(tmp_path, limits=Limits(requests_per_s=1, in_flight_max=1)) as house:
        await bind(house, requests_per_s=2)
        house.add_key("sk-live-new")  # it is looked up when it comes
        for secret, count in ((SECRET, 1), (BOUND, 2), ("sk-live-new", 1)):
            async with house.client(secret) as client:
                answers = [(await client.get(ROOT)).status_code for _ in range(4)]
            assert answers == [200] * count + [429] * (4 - count)
        house.clock.advance(1)
        async with house.client(BOUND) as client:
            assert (await client.post(ROOT, json=GOOD)).status_code == 200
            assert code_of(await client.post(ROOT, json=GOOD)) == "too_many_active_tasks"


@pytest.mark.parametrize("shares", [False, True])
async def test_the_hot_look_and_the_ordinary_route_count_and_answer_alike(
    tmp_path: Path, *, shares: bool
) -> None:
    async with wired(tmp_path, shares_rates=shares) as house:
        await bind(house, requests_per_s=40)
        hot = house.application.hot_looks
        assert hot is not None
        async with house.client(BOUND) as client:
            task_id = (await client.post(ROOT, json=GOOD)).json()["id"]
            url = f"{ROOT}/{task_id}".encode()
            slow = await client.get(url.decode())
            told = hot(url, [LOOK], b"")
            if told is None:  # the lot was used up: the ordinary route asks for more
                assert shares
                await client.get(url.decode())
                told = hot(url, [LOOK], b"")
            assert told is not None
            lines = told.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
            fast = dict(line.split(": ", 1) for line in lines)
            left = int(slow.headers["ratelimit"].split("r=")[1].split(";")[0])
            assert fast.keys() == slow.headers.keys()
            assert fast["ratelimit"] in {f'"requests";r={left - n};t=1' for n in (1, 2)}
            assert fast["ratelimit-policy"] == slow.headers["ratelimit-policy"]
            served = 0
            while (await client.get(url.decode())).status_code == 200:
                served += 1 + (hot(url, [LOOK], b"") is not None)
            assert served == int(fast["ratelimit"].split("r=")[1].split(";")[0])
            assert hot(url, [LOOK], b"") is None, "who is refused is refused by the ordinary route"


async def test_a_look_that_the_hot_path_leaves_to_the_ordinary_route_counts_once(
    house: Wired,
) -> None:
    await bind(house, requests_per_s=2)
    hot = house.application.hot_looks
    assert hot is not None
    assert hot(f"{ROOT}/video_{'0' * 32}".encode(), [LOOK], b"") is None
    async with house.client(BOUND) as client:
        answers = [(await client.get(f"{ROOT}/video_{'0' * 32}")).status_code for _ in range(3)]
    assert answers == [404, 404, 429]


# -- bodies that are not read ------------------------------------------------------------------


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A real server, at which the bound key may look and not submit."""
    with contextlib.closing(Wired(tmp_path)) as house:
        house.add_key(BOUND, limits=Limits(submits_per_minute=0))
        protocol = guarded(GuardLimits(), at_once=house.application.hot_looks)
        with serving(house.application, protocol) as number:
            yield number


def posting(length: int, *more: str) -> bytes:
    lines = [
        f"POST {ROOT} HTTP/1.1",
        "Host: films",
        f"Authorization: Bearer {BOUND}",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def test_who_is_refused_is_answered_before_a_byte_of_the_body(port: int) -> None:
    with Caller(port) as caller:
        caller.say(posting(20 * 2**20))
        refused = caller.reply()
        assert refused.status == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        caller.say(*[b"x" * 2**20] * 20)  # what comes nevertheless is thrown away
        caller.say(f"GET {ROOT} HTTP/1.1\r\nAuthorization: Bearer {BOUND}\r\n\r\n".encode())
        assert caller.reply().status == 200


def test_who_waits_to_be_asked_for_a_body_is_not_asked(port: int) -> None:
    with Caller(port) as caller:
        caller.say(posting(5, "Expect: 100-continue"))
        assert caller.reply().status == 429


# -- tasks -------------------------------------------------------------------------------------


async def test_a_key_has_as_many_unfinished_tasks_as_it_may(house: Wired) -> None:
    await bind(house, in_flight_max=2)
    async with house.client(BOUND) as client:
        first = await client.post(ROOT, json=GOOD, headers={"Idempotency-Key": "one"})
        made = [first, await client.post(ROOT, json=GOOD)]
        refused = await client.post(ROOT, json=GOOD)
        again = await client.post(ROOT, json=GOOD, headers={"Idempotency-Key": "one"})
        retried = await client.post(ROOT, json=GOOD, headers={"x-stainless-retry-count": "1"})
    assert [answer.status_code for answer in made] == [200, 200]
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "15")
    assert refused.json()["error"] == {
        "message": (
            "This API key already has 2 unfinished tasks, its limit. Wait for one to finish."
        ),
        "type": "rate_limit_error",
        "param": None,
        "code": "too_many_active_tasks",
    }
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json()
    assert retried.headers["idempotency-replayed"] == "true"
    await house.bring(house.task(first.json()["id"]), Status.CANCELED)
    async with house.client(BOUND) as client:
        assert (await client.post(ROOT, json=GOOD)).status_code == 200
        assert code_of(await client.post("/v1/videos", json=GOOD)) == "too_many_active_tasks"
    async with house.client() as client:
        assert (await client.post(ROOT, json=GOOD)).status_code == 200, "another key may"
    assert house.gateway.metrics.refused.labels("active-tasks")._value.get() == 2


async def test_tasks_that_wait_have_a_limit_of_their_own(house: Wired) -> None:
    await bind(house, queued_max=1)
    async with house.client(BOUND) as client:
        task_id = (await client.post(ROOT, json=GOOD)).json()["id"]
        refused = await client.post(ROOT, json=GOOD)
        assert refused.json()["error"]["message"] == (
            "This API key already has 1 waiting task, its limit. Wait for one to start."
        )
        house.move(house.task(task_id), Event.INTENT)
        assert (await client.post(ROOT, json=GOOD)).status_code == 200


async def test_the_keys_of_an_account_share_its_limit(house: Wired) -> None:
    account = Account("acct_studio", "studio", house.clock.now(), limits=Limits(in_flight_max=2))
    house.store.write_now(lambda tx: tx.add_account(account))
    for name in ("one", "two"):
        house.add_key(f"sk-live-{name}", account_id=account.id)
    await house.keyring.reload()
    answers = []
    for name in ("one", "two", "one"):
        async with house.client(f"sk-live-{name}") as client:
            answers.append(await client.post(ROOT, json=GOOD))
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].json()["error"]["message"] == (
        "The account of this API key already has 2 unfinished tasks, its limit. "
        "Wait for one to finish."
    )


async def test_a_refused_task_leaves_nothing_behind(house: Wired) -> None:
    await bind(house, in_flight_max=0)
    picture = base64.b64encode(PNG).decode()
    async with house.client(BOUND) as client:
        refused = await client.post(ROOT, json={**GOOD, "image": picture})
    assert code_of(refused) == "too_many_active_tasks"
    assert not (house.blobs.root / "inputs").exists() or not [
        path for path in (house.blobs.root / "inputs").rglob("*") if path.is_file()
    ]
    assert house.dispatcher.given == []


# -- the whole house ---------------------------------------------------------------------------


async def test_new_tasks_are_refused_while_as_many_wait_as_may(tmp_path: Path) -> None:
    async with wired(tmp_path, policies=Policies(waiting_max=2)) as house:
        async with house.client() as client:
            answers = [await client.post(ROOT, json=GOOD) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 503]
        assert code_of(answers[-1]) == "overloaded"
        assert answers[-1].headers["retry-after"] == "60"
        assert "2 tasks wait already" in answers[-1].json()["error"]["message"]
        assert house.gateway.metrics.refused.labels("queue")._value.get() == 1


class Slow:
    """A body that comes when the test says so."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.has_begun = asyncio.Event()
        self.may_end = asyncio.Event()

    async def chunks(self) -> AsyncIterator[bytes]:
        half = len(self.content) // 2
        yield self.content[:half]
        self.has_begun.set()
        await self.may_end.wait()
        yield self.content[half:]


async def receive(
    house: Wired, body: AsyncIterator[bytes], length: int | None, *, key: str = BOUND
) -> int:
    """Send a body to the application as a server would; return the status of the answer, if any."""
    bearer = (b"authorization", f"Bearer {key}".encode())
    headers = [bearer, (b"content-type", b"application/json")]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    scope = {
        "type": "http",
        "method": "POST",
        "path": ROOT,
        "query_string": b"",
        "headers": headers,
    }
    statuses: list[int] = []

    async def hear() -> dict[str, Any]:
        try:
            return {"type": "http.request", "body": await anext(body), "more_body": True}
        except StopAsyncIteration:
            return {"type": "http.request", "body": b"", "more_body": False}
        except ConnectionError:
            return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await house.application(scope, hear, send)
    return statuses[0] if statuses else 0


def long_body(content: bytes) -> AsyncIterator[bytes]:
    """A body of 200 bytes more."""
    return once(content[:-2] + b" " * 200 + b'"}')


async def once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def test_bodies_that_are_held_at_once_are_bounded_and_let_go(tmp_path: Path) -> None:
    content = b'{"model":"sandbox","prompt":"%s"}' % (b"x" * 900)
    async with wired(tmp_path, bodies_bytes_max=3000) as house:
        house.add_key(OTHER, account_id="acct_other")
        await bind(house)
        slow = Slow(content)
        first = asyncio.create_task(receive(house, slow.chunks(), len(content)))
        await slow.has_begun.wait()
        # What was announced and has not come is in nobody's way.
        assert await receive(house, once(content), len(content)) == 200
        for length in (1100, None):  # told beforehand, or found out while reading
            assert await receive(house, long_body(content), length) == 503
        assert await receive(house, long_body(content), 1130, key=OTHER) == 200, "another may"
        slow.may_end.set()
        assert await first == 200
        assert await receive(house, once(content), None) == 200
        refused = house.gateway.metrics.refused.labels("bodies")
        assert refused._value.get() == 2


async def test_a_body_that_breaks_off_is_let_go(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 900
        raise ConnectionError

    async with wired(tmp_path, bodies_bytes_max=2000) as house:
        await bind(house)
        assert await receive(house, broken(), 950) == 0, "nobody is there to be answered"
        assert await receive(house, once(b"{" + b" " * 900), None) == 400


def test_a_body_that_no_bound_would_let_in_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsRefused, match="bodies_bytes_max: must be 134217728 or more"):
        load(limits={"bodies_bytes_max": 2**20})


PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)
