"""The operators' API: for whom it is, what it takes, and what it leaves in the audit log."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from loopback import serving
from rushes.domain.access import DEFAULT_ACCOUNT_ID, Scope
from rushes.domain.ids import new_account_id
from rushes.domain.submit import Verdict
from rushes.domain.task import Status, Task
from rushes.domain.webhooks import Endpoint, PostState, posts_of
from rushes.http.admin import answers
from rushes.http.server import Operators
from rushes.ports import Deed, SchemaBehind, Transaction
from rushes.testing.builders import NOON, answered, put_task
from wiring import SECRET, Wired, wired

ROOT = "/admin/v1"
OPERATOR = "sk-live-operator"
DESK = "203.0.113.9"
UNKNOWN = "video_" + "0" * 32
HOOK = "https://hooks.example/films?token=open-sesame"
NOBODY = {
    "account_id": "acct_nobody",
    "key_id": "key_nobody",
    "event_id": "evt_nobody",
    "owner": "key_nobody",
    "period": "year",
}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Wired]:
    async with wired(tmp_path) as found:
        found.add_key(OPERATOR, scopes=frozenset({Scope.ADMIN}), name="ops")
        await found.keyring.reload()
        yield found


def desk(house: Wired, secret: str | None = OPERATOR) -> httpx2.AsyncClient:
    return house.client(secret, address=DESK)


async def asked(
    house: Wired, method: str, path: str, body: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What an operator is told, when all goes well."""
    async with desk(house) as client:
        answer = await client.request(method, ROOT + path, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    told: dict[str, Any] = answer.json()
    return told


async def refused(
    house: Wired, method: str, path: str, body: Mapping[str, Any] | None = None
) -> tuple[int, str, str | None, str]:
    async with desk(house) as client:
        answer = await client.request(method, ROOT + path, json=body)
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["param"], error["message"]


async def status_of(house: Wired, secret: str) -> int:
    async with house.client(secret) as client:
        return (await client.get("/v1/models")).status_code


def deeds(house: Wired) -> list[Deed]:
    return list(house.store.read_now(lambda tx: tx.audit(99)))


def put(house: Wired, status: Status, **changes: Any) -> Task:
    return house.store.write_now(lambda tx: put_task(tx, status, **changes))


# -- for whom ----------------------------------------------------------------------------------


def operations(house: Wired) -> list[tuple[str, str]]:
    names = {**NOBODY, "task_id": UNKNOWN}
    return [
        (route.method, re.sub(r"\{(\w+)\}", lambda found: names[found[1]], route.path))
        for route in house.application.routes
        if route.path.startswith(ROOT)
    ]


@pytest.mark.promise("P8")
async def test_nobody_but_an_operator_gets_anything_and_nothing_is_done(house: Wired) -> None:
    house.add_key("sk-test-operator", scopes=frozenset(Scope), prefix="sk-test-oper")
    house.add_key("sk-live-gone", scopes=frozenset({Scope.ADMIN}), revoked_at=NOON)
    before = deeds(house)
    every = operations(house)
    assert len(every) > 20
    for method, path in [*every, ("GET", f"{ROOT}/nothing")]:
        for secret, status in (
            (None, 401),
            ("sk-live-nobody", 401),
            ("sk-live-gone", 401),
            (SECRET, 403),
            ("sk-test-operator", 403),
        ):
            async with desk(house, secret) as client:
                answer = await client.request(method, path)
            is_unknown = path.endswith("/nothing") and status == 403
            assert answer.status_code == (404 if is_unknown else status), (method, path, secret)
            if answer.status_code == 403:
                assert answer.json()["error"]["message"] == "This key lacks the scope admin."
    assert deeds(house) == before


async def test_an_operators_key_makes_no_films_unless_it_may(house: Wired) -> None:
    async with desk(house) as client:
        answer = await client.post("/v1/videos", json={"model": "sandbox", "prompt": "a fox"})
    assert answer.json()["error"]["code"] == "scope_missing"


async def test_what_is_not_there_is_told_in_the_usual_words(house: Wired) -> None:
    for method, path in operations(house):
        if any(name in path for name in (*NOBODY.values(), UNKNOWN)):
            async with desk(house) as client:
                answer = await client.request(method, path)
            assert answer.status_code in {400, 404}, (method, path, answer.text)
            assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


async def test_operators_are_answered_where_the_settings_say(house: Wired, tmp_path: Path) -> None:
    wire = house.application.wire
    off = type(house.application)(replace(wire, operators=None))
    async with house.client(OPERATOR, off) as client:
        assert (await client.get(f"{ROOT}/keys")).json()["error"]["code"] == "route_not_found"
        assert ROOT not in (await client.get("/openapi.json")).text
    apart = type(house.application)(replace(wire, operators=Operators(port=8081)))
    for port, admin, callers in ((8081, 200, 404), (8080, 404, 200)):
        base = f"http://server:{port}"
        transport = httpx2.ASGITransport(app=apart)
        async with httpx2.AsyncClient(transport=transport, base_url=base) as client:
            client.headers["Authorization"] = f"Bearer {OPERATOR}"
            assert (await client.get(f"{ROOT}/keys")).status_code == admin
            client.headers["Authorization"] = f"Bearer {SECRET}"
            assert (await client.get("/v1/models")).status_code == callers
            assert (await client.get("/healthz")).status_code == 200
            paths = (await client.get("/openapi.json")).json()["paths"]
            assert any(path.startswith(ROOT) for path in paths) is (admin == 200)


@pytest.mark.parametrize(("is_theirs", "status"), [(True, 200), (False, 404)])
def test_which_socket_it_is_the_system_tells_and_not_the_caller(
    tmp_path: Path, is_theirs: bool, status: int
) -> None:
    house = Wired(tmp_path)
    house.add_key(OPERATOR, scopes=frozenset({Scope.ADMIN}))
    wire, made = house.application.wire, type(house.application)
    asyncio.run(house.keyring.reload())
    apps: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await apps[0](scope, receive, send)

    with serving(app) as port:
        place = port if is_theirs else port + 1
        apps.append(made(replace(wire, operators=Operators(place))))
        headers = {"Authorization": f"Bearer {OPERATOR}", "Host": f"127.0.0.1:{port + 1}"}
        address = f"http://127.0.0.1:{port}{ROOT}/keys"
        assert httpx2.get(address, headers=headers, trust_env=False).status_code == status
    house.close()


# -- accounts and keys -------------------------------------------------------------------------


async def test_a_key_lives_from_its_making_to_its_end_by_the_wire_alone(house: Wired) -> None:
    account = await asked(house, "POST", "/accounts", {"name": "studio"})
    made = await asked(house, "POST", "/keys", {"name": "ci", "account_id": account["id"]})
    assert (made["scopes"], made["state"], made["is_test"]) == (
        ["generate", "read"],
        "valid",
        False,
    )
    assert await status_of(house, made["secret"]) == 200
    path = f"/keys/{made['id']}"
    assert "secret" not in await asked(house, "GET", path)
    fresh = await asked(house, "POST", f"{path}/rotate", {"overlap_s": 3600})
    old = await asked(house, "GET", path)
    assert (old["replaced_by"], old["expires_at"]) == (fresh["id"], int(NOON.timestamp()) + 3600)
    assert [await status_of(house, one["secret"]) for one in (made, fresh)] == [200, 200]
    house.clock.advance(3600)
    assert [await status_of(house, one["secret"]) for one in (made, fresh)] == [401, 200]
    await asked(house, "POST", f"/accounts/{account['id']}/close")
    assert await status_of(house, fresh["secret"]) == 401
    await asked(house, "POST", f"/accounts/{account['id']}/reopen")
    assert await status_of(house, fresh["secret"]) == 200
    ended = await asked(house, "POST", f"/keys/{fresh['id']}/revoke")
    assert ended["state"] == "revoked"
    assert await status_of(house, fresh["secret"]) == 401
    verbs = {
        "accounts create", "keys create", "keys rotate", "accounts close", "accounts reopen",
        "keys revoke",
    }  # fmt: skip
    assert {deed.verb for deed in deeds(house)} == verbs
    assert {deed.origin for deed in deeds(house)} == {DESK}
    assert all(re.fullmatch(r"key_[0-9a-f]{32} \(ops\)", deed.actor) for deed in deeds(house))
    assert not [one for one in (made, fresh) if one["secret"] in repr(deeds(house))]


async def test_a_key_is_made_with_every_bound_it_can_have(house: Wired) -> None:
    expires_at = int((NOON + timedelta(days=9)).timestamp())
    wanted = {
        "name": "eyes",
        "scopes": ["read"],
        "models": ["sora-2"],
        "networks": ["203.0.113.0/24", "2001:db8::1"],
        "expires_at": expires_at,
        "limits": {"requests_per_s": 5},
    }
    made = await asked(house, "POST", "/keys", wanted)
    assert made["account_id"] == DEFAULT_ACCOUNT_ID
    networks = ["203.0.113.0/24", "2001:db8::1/128"]
    bounds = {**wanted, "networks": networks}
    limits = {"submits_per_minute": None, "in_flight_max": None, "queued_max": None}
    assert {name: made[name] for name in wanted} == bounds | {
        "limits": {"requests_per_s": 5, **limits}
    }
    house.clock.advance(1)
    changes = {"models": None, "networks": None, "expires_at": None, "limits": {"queued_max": 3}}
    changed = await asked(house, "PATCH", f"/keys/{made['id']}", changes)
    assert (changed["models"], changed["networks"], changed["expires_at"]) == (None, None, None)
    assert changed["limits"] == {"requests_per_s": 5, **limits, "queued_max": 3}
    assert (changed["name"], changed["scopes"]) == ("eyes", ["read"])


async def test_a_test_key_is_made_and_is_nobodys_operator(house: Wired) -> None:
    made = await asked(house, "POST", "/keys", {"name": "ci", "test": True})
    assert made["secret"].startswith("sk-test-")
    wanted = {"name": "ci", "test": True, "scopes": ["admin"]}
    assert (await refused(house, "POST", "/keys", wanted))[:3] == (400, "invalid_value", "scopes")


async def test_lists_are_paged(house: Wired) -> None:
    for number in range(3):
        await asked(house, "POST", "/accounts", {"name": f"account {number}"})
        house.clock.advance(1)
    seen: list[str] = []
    after = ""
    while True:
        page = await asked(house, "GET", f"/accounts?limit=2&after={after}")
        seen += [one["name"] for one in page["data"]]
        if not page["has_more"]:
            break
        after = page["last_id"]
    assert seen == ["test", "account 0", "account 1", "account 2"]
    one = await asked(house, "GET", "/keys?account_id=acct_nobody")
    assert one == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


async def test_the_last_operators_key_goes_only_by_force(house: Wired) -> None:
    [own] = [key for key in house.store.read_now(lambda tx: tx.keys()) if key.name == "ops"]
    path = f"/keys/{own.id}/revoke"
    status, code, _, message = await refused(house, "POST", path)
    assert (status, code) == (400, "cannot_be_done")
    assert '"force": true' in message
    await asked(house, "POST", path, {"force": True})
    assert await status_of(house, OPERATOR) == 401


# -- strict bodies -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "param"),
    [
        ("POST", "/keys", {}, "missing_parameter", "name"),
        ("POST", "/keys", {"name": "a", "secret": "mine"}, "invalid_value", "secret"),
        ("POST", "/keys", {"name": "a", "digest": "00"}, "invalid_value", "digest"),
        ("POST", "/keys", {"name": "a", "id": "key_1"}, "invalid_value", "id"),
        ("POST", "/keys", {"name": 7}, "invalid_value", "name"),
        ("POST", "/keys", {"name": ""}, "invalid_value", "name"),
        ("POST", "/keys", {"name": "a", "scopes": ["root"]}, "invalid_value", "scopes[0]"),
        ("POST", "/keys", {"name": "a", "scopes": []}, "invalid_value", "scopes"),
        ("POST", "/keys", {"name": "a", "models": []}, "invalid_value", "models"),
        (
            "POST", "/keys", {"name": "a", "networks": ["10.0.0.1/8"]},
            "invalid_value", "networks[0]",
        ),
        ("POST", "/keys", {"name": "a", "expires_at": 10**18}, "invalid_value", "expires_at"),
        ("POST", "/keys", {"name": "a", "expires_at": 1}, "invalid_value", "expires_at"),
        ("POST", "/keys", {"name": "a", "account_id": "x"}, "object_not_found", "account_id"),
        ("POST", "/keys", {"name": "a", "limits": {"x": 1}}, "invalid_value", "limits.x"),
        (
            "POST", "/keys", {"name": "a", "limits": {"queued_max": -1}},
            "invalid_value", "limits.queued_max",
        ),
        ("POST", "/accounts", {"name": "a", "closed_at": None}, "invalid_value", "closed_at"),
        ("PATCH", "/keys/{own}", {"revoked_at": None}, "invalid_value", "revoked_at"),
        ("PATCH", "/keys/{own}", {"account_id": "acct_1"}, "invalid_value", "account_id"),
        ("PATCH", "/keys/{own}", {"scopes": ["generate"]}, "cannot_be_done", None),
        ("POST", "/keys/{own}/rotate", {"overlap_s": -1}, "invalid_value", "overlap_s"),
        ("POST", "/keys/{own}/rotate", {"overlap_s": 10**12}, "invalid_value", "overlap_s"),
        ("POST", f"/tasks/{UNKNOWN}/cancel", {"force": True}, "invalid_value", "force"),
        ("POST", "/routes/reset", {"provider": "gpu"}, "missing_parameter", "upstream_model"),
        ("POST", f"/doubts/{UNKNOWN}/adopt", {"ticket": {}}, "invalid_value", "ticket"),
        ("GET", "/tasks?status=lost", None, "invalid_value", "status"),
        ("GET", "/tasks?limit=0", None, "invalid_value", "limit"),
        ("GET", "/keys?after=key_1", None, "invalid_value", "after"),
        ("GET", "/salvage?after=x", None, "invalid_value", "after"),
        ("GET", "/audit?since=yesterday", None, "invalid_value", "since"),
        ("GET", "/posts?state=lost", None, "invalid_value", "state"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_refused_by_name_and_nothing_is_written(
    house: Wired, method: str, path: str, body: Any, code: str, param: str | None
) -> None:
    [own] = [key for key in house.store.read_now(lambda tx: tx.keys()) if key.name == "ops"]
    before = deeds(house)
    status, said, where, message = await refused(house, method, path.format(own=own.id), body)
    assert (status, said, where) == (404 if "not_found" in code else 400, code, param), message
    assert deeds(house) == before
    assert house.store.read_now(lambda tx: tx.key(own.id)) == own


@pytest.mark.parametrize(
    ("content", "media", "code"),
    [
        (b"{", "application/json", "invalid_json"),
        (b"[]", "application/json", "invalid_json"),
        (b"name=a", "application/x-www-form-urlencoded", "unsupported_media_type"),
        (b"--b--", "multipart/form-data; boundary=b", "unsupported_media_type"),
        (b'{"name": "' + b"x" * 2**17 + b'"}', "application/json", "request_too_large"),
        (b'{"name": ' + b"[" * 5000 + b"]" * 5000 + b"}", "application/json", "invalid_json"),
    ],
)
async def test_a_body_is_one_small_json_object(
    house: Wired, content: bytes, media: str, code: str
) -> None:
    async with desk(house) as client:
        answer = await client.post(
            f"{ROOT}/accounts", content=content, headers={"Content-Type": media}
        )
    assert answer.json()["error"]["code"] == code


async def test_a_database_of_before_is_waited_for(house: Wired) -> None:
    async def behind(act: Any, *, alone: bool) -> Any:
        raise SchemaBehind("run `rushes migrate` first")

    house.store.write = behind  # type: ignore[method-assign]
    status, code, _, message = await refused(house, "POST", "/accounts", {"name": "a"})
    assert (status, code) == (503, "overloaded")
    assert "rushes migrate" in message


# -- tasks, doubts, late films -----------------------------------------------------------------


async def test_tasks_of_all_accounts_are_listed_and_filtered(house: Wired) -> None:
    other = new_account_id(NOON)
    mine = put(house, Status.RUNNING, account_id=other, key_id="key_other", model="sora-2")
    put(house, Status.QUEUED)
    every = await asked(house, "GET", "/tasks")
    assert len(every["data"]) == 2
    for query in (f"account_id={other}", "key_id=key_other", "status=running", "model=sora-2"):
        found = await asked(house, "GET", f"/tasks?{query}")
        assert [task["id"] for task in found["data"]] == [mine.id], query
    assert "prompt" not in repr(every), "what was wished for is in the story"
    story = await asked(house, "GET", f"/tasks/{mine.id}")
    assert story["task"]["spec"]["prompt"] == mine.spec.prompt
    assert story["headline"].startswith("running")
    assert [event["status"] for event in story["events"]] == ["queued", "submitting", "running"]
    assert isinstance(story["events"][0]["at"], int)


async def test_an_operator_cancels_anybodys_task(house: Wired) -> None:
    task = put(house, Status.RUNNING, account_id=new_account_id(NOON))
    ended = await asked(house, "POST", f"/tasks/{task.id}/cancel")
    assert (ended["status"], house.task(task.id).status) == ("canceled", Status.CANCELED)
    [deed] = deeds(house)
    assert (deed.verb, deed.object, deed.note) == ("tasks cancel", task.id, "it was running")
    again = await refused(house, "POST", f"/tasks/{task.id}/cancel")
    assert again[:2] == (400, "task_already_finished")


async def test_a_doubt_is_looked_at_decided_and_written_down(house: Wired) -> None:
    looked, adopted, failed = (put(house, Status.IN_DOUBT) for _ in range(3))
    listed = await asked(house, "GET", "/doubts?limit=2")
    assert [one["task_id"] for one in listed["data"]] == [looked.id, adopted.id]
    rest = await asked(house, "GET", f"/doubts?after={listed['next']}")
    assert [one["task_id"] for one in rest["data"]] == [failed.id]
    assert rest["next"] is None
    await asked(house, "POST", f"/doubts/{looked.id}/look")
    ticket = {"id": "found by hand"}
    told = await asked(house, "POST", f"/doubts/{adopted.id}/adopt", {"ticket": ticket})
    assert told["status"] == "running"
    await asked(house, "POST", f"/doubts/{failed.id}/fail")
    statuses = [house.task(task.id).status for task in (looked, adopted, failed)]
    assert statuses == [Status.IN_DOUBT, Status.RUNNING, Status.FAILED]
    [submit] = house.store.read_now(lambda tx: tx.submits(adopted.id))
    assert submit.ticket == ticket
    assert {(deed.verb, deed.object) for deed in deeds(house)} == {
        ("doubt look", looked.id), ("doubt adopt", adopted.id), ("doubt fail", failed.id),
    }  # fmt: skip
    again = await refused(house, "POST", f"/doubts/{adopted.id}/look")
    assert again[:2] == (400, "cannot_be_done")


@pytest.mark.promise("P11")
async def test_a_late_film_is_given_to_its_caller_once(house: Wired) -> None:
    task = put(house, Status.FAILED)

    def made_after_all(tx: Transaction) -> None:
        [submit] = tx.submits(task.id)
        late = answered(replace(submit, verdict=Verdict.INTENT), Verdict.LATE)
        assert tx.change_submit(late, frozenset({submit.verdict}))

    house.store.write_now(made_after_all)
    listed = await asked(house, "GET", "/salvage")
    assert [one["task_id"] for one in listed["data"]] == [task.id]
    given = await asked(house, "POST", f"/salvage/{task.id}/adopt")
    assert given["adopted_from"] == task.id
    assert house.task(given["task_id"]).status is Status.STORING
    assert [work for _, work, _ in house.dispatcher.given] == ["collect"]
    again = await refused(house, "POST", f"/salvage/{task.id}/adopt")
    assert again[:2] == (400, "cannot_be_done")
    assert [deed.verb for deed in deeds(house)] == ["salvage adopt"]


@pytest.mark.promise("P5")
async def test_a_late_film_that_is_charged_takes_from_the_budget(house: Wired) -> None:
    task = put(house, Status.FAILED, hold_microusd=300, account_id=DEFAULT_ACCOUNT_ID)

    def made_after_all(tx: Transaction) -> None:
        [submit] = tx.submits(task.id)
        late = answered(replace(submit, verdict=Verdict.INTENT), Verdict.LATE)
        assert tx.change_submit(late, frozenset({submit.verdict}))

    house.store.write_now(made_after_all)
    place = f"/budgets/{DEFAULT_ACCOUNT_ID}/total"
    await asked(house, "PUT", place, {"limit_microusd": 299})
    _, _, _, message = await refused(house, "POST", f"/salvage/{task.id}/adopt", {"charge": True})
    assert "does not cover" in message
    await asked(house, "POST", f"{place}/raise", {"by_microusd": 1})
    given = await asked(house, "POST", f"/salvage/{task.id}/adopt", {"charge": True})
    assert house.task(given["task_id"]).hold_microusd == 300
    [left] = (await asked(house, "GET", "/budgets"))["data"]
    assert left["left_microusd"] == 0


# -- routes, posts, the log --------------------------------------------------------------------


async def test_routes_are_told_and_reset(house: Wired) -> None:
    assert (await asked(house, "GET", "/routes"))["data"] == []
    name = {"provider": "gpu", "upstream_model": "wan"}
    assert await asked(house, "POST", "/routes/reset", name) == {**name, "was": None}
    assert [(deed.verb, deed.object) for deed in deeds(house)] == [("routes reset", "gpu/wan")]


async def test_a_post_that_was_given_up_is_posted_again_and_its_secret_is_not_told(
    house: Wired,
) -> None:
    task = put(house, Status.CANCELED, callback_url=HOOK)

    def give_up(tx: Transaction) -> str:
        [news] = tx.unposted(9)
        posts = posts_of(news, [], NOON)
        assert tx.post(news, posts, at=NOON)
        dead = replace(posts[0], state=PostState.DEAD, due_at=None, ended_at=NOON, note="gone")
        assert tx.change_post(posts[0], dead)
        return news.event_id

    event_id = house.store.write_now(give_up)
    listed = await asked(house, "GET", "/posts?state=dead")
    [post] = listed["data"]
    assert (post["event_id"], post["task_id"]) == (event_id, task.id)
    assert "open-sesame" not in repr(listed)
    again = await asked(house, "POST", f"/posts/{event_id}/redeliver", {"url": post["url"]})
    assert [one["state"] for one in again["data"]] == ["waiting"]
    assert [deed.verb for deed in deeds(house)] == ["webhooks redeliver"]
    assert "open-sesame" not in repr(await asked(house, "GET", "/audit"))


async def test_a_post_to_a_disabled_endpoint_is_refused(house: Wired) -> None:
    off = Endpoint("ep_1", house.key.account_id, HOOK, NOON, disabled_at=NOON, note="nothing taken")
    put(house, Status.CANCELED, account_id=house.key.account_id)

    def prepare(tx: Transaction) -> str:
        [news] = tx.unposted(9)
        tx.add_endpoint(off)
        assert tx.post(news, posts_of(news, [replace(off, disabled_at=None)], NOON), at=NOON)
        return news.event_id

    event_id = house.store.write_now(prepare)
    answer = await refused(house, "POST", f"/posts/{event_id}/redeliver")
    assert answer[:2] == (400, "cannot_be_done")
    assert "ep_1 is disabled" in answer[3]


async def test_the_audit_log_is_read_page_by_page(house: Wired) -> None:
    for number in range(5):
        await asked(house, "POST", "/accounts", {"name": f"account {number}"})
        house.clock.advance(1)
    seen: list[str] = []
    before = ""
    while True:
        page = await asked(house, "GET", f"/audit?limit=2&before={before}")
        seen += [one["note"] for one in page["data"]]
        if not page["has_more"]:
            break
        before = page["last_id"]
    assert seen == [f"account {number}" for number in (4, 3, 2, 1, 0)]
    since = int((NOON + timedelta(seconds=3)).timestamp())
    assert len((await asked(house, "GET", f"/audit?since={since}"))["data"]) == 2
    one = page["data"][0]
    assert len((await asked(house, "GET", f"/audit?object={one['object']}"))["data"]) == 1
    assert one["origin"] == DESK


async def test_answers_are_as_the_document_describes_them(house: Wired) -> None:
    put(house, Status.RUNNING)
    made = await asked(house, "POST", "/keys", {"name": "ci"})
    for kind, answer in (
        (answers.AdminKeyMade, made),
        (answers.AdminKeyList, await asked(house, "GET", "/keys")),
        (answers.AdminAccountList, await asked(house, "GET", "/accounts")),
        (answers.AdminTaskList, await asked(house, "GET", "/tasks")),
        (answers.AdminDeedList, await asked(house, "GET", "/audit")),
    ):
        read = msgspec.convert(answer, kind)
        assert msgspec.to_builtins(read) == answer


# -- budgets -------------------------------------------------------------------------------------


def budget(owner: str, period: str, limit: int, spent: int = 0) -> dict[str, Any]:
    return {
        "owner": owner,
        "period": period,
        "limit_microusd": limit,
        "spent_microusd": spent,
        "left_microusd": limit - spent,
    }


@pytest.mark.promise("P5")
async def test_a_budget_is_set_raised_listed_and_taken_away(house: Wired) -> None:
    owner = house.key.id
    assert await asked(house, "GET", "/budgets") == {"object": "list", "data": [], "next": None}
    place = f"/budgets/{owner}/day"
    set_ = await asked(house, "PUT", place, {"limit_microusd": 2_000_000})
    assert set_ == budget(owner, "day", 2_000_000)
    assert house.keyring.keys[house.key.digest].has_purse, "this process knows at once"
    raised = await asked(house, "POST", f"{place}/raise", {"by_microusd": 500_000})
    assert raised == budget(owner, "day", 2_500_000)
    await asked(house, "PUT", f"/budgets/{DEFAULT_ACCOUNT_ID}/total", {"limit_microusd": 9})
    listed = await asked(house, "GET", f"/budgets?owner={owner}")
    assert listed["data"] == [budget(owner, "day", 2_500_000)]
    assert await asked(house, "DELETE", place) == budget(owner, "day", 2_500_000)
    assert await refused(house, "DELETE", place) == (
        404,
        "object_not_found",
        "period",
        f"{owner} has no budget of period day.",
    )
    told = [(deed.verb, deed.object, deed.origin) for deed in deeds(house)]
    assert sorted(told) == [
        ("budgets remove", owner, DESK),
        ("budgets set", DEFAULT_ACCOUNT_ID, DESK),
        ("budgets set", owner, DESK),
        ("budgets set", owner, DESK),
    ]


@pytest.mark.parametrize(
    ("method", "path", "body", "param"),
    [
        ("PUT", "/budgets/key_nobody/day", {"limit_microusd": 1}, "owner"),
        ("PUT", f"/budgets/{DEFAULT_ACCOUNT_ID}/week", {"limit_microusd": 1}, "period"),
        ("PUT", f"/budgets/{DEFAULT_ACCOUNT_ID}/day", {"limit_microusd": -1}, "limit_microusd"),
        ("PUT", f"/budgets/{DEFAULT_ACCOUNT_ID}/day", {"limit_microusd": 10**16}, "limit_microusd"),
        ("PUT", f"/budgets/{DEFAULT_ACCOUNT_ID}/day", {"limit": 1}, "limit"),
        ("POST", f"/budgets/{DEFAULT_ACCOUNT_ID}/day/raise", {"by_microusd": 1}, "period"),
    ],
)
async def test_what_is_no_budget_is_refused_by_name(
    house: Wired, method: str, path: str, body: Mapping[str, Any], param: str
) -> None:
    status, _, named, _ = await refused(house, method, path, body)
    assert (status, named) == (400, param)
    assert deeds(house) == []


async def test_the_budgets_of_a_key_follow_its_rotation(house: Wired) -> None:
    key = house.key
    for period, limit in (("total", 700), ("month", 900)):
        await asked(house, "PUT", f"/budgets/{key.id}/{period}", {"limit_microusd": limit})
    fresh = await asked(house, "POST", f"/keys/{key.id}/rotate", {})
    listed = await asked(house, "GET", f"/budgets?owner={fresh['id']}")
    assert listed["data"] == [budget(fresh["id"], "month", 900), budget(fresh["id"], "total", 700)]
