"""What a key may: its scopes route by route, where it may come from, and both at every look."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from rushes.domain.access import Key, Scope
from rushes.http.origins import Origins
from rushes.ports import Transaction
from rushes.testing.builders import NOON
from wiring import SECRET, Wired, wired

ROOT = "/v1/video/generations"
UNKNOWN = "video_" + "0" * 32
BODY = {"model": "sandbox", "prompt": "A paper boat"}
DATE = b"date: Tue, 24 Nov 2026 09:00:00 GMT\r\n"
HOME, AWAY, PROXY = "192.0.2.7", "198.51.100.9", "10.0.0.2"
AT_HOME = (ip_network("192.0.2.0/24"),)

MAKING, LOOKING = {Scope.GENERATE}, {Scope.READ}
OPENED_BY: dict[tuple[str, str], set[Scope]] = {
    ("POST", ROOT): MAKING,
    ("GET", ROOT): LOOKING,
    ("GET", f"{ROOT}/download"): LOOKING,
    ("GET", f"{ROOT}/{{task_id}}"): LOOKING,
    ("DELETE", f"{ROOT}/{{task_id}}"): MAKING,
    ("GET", f"{ROOT}/{{task_id}}/events"): LOOKING,
    ("POST", f"{ROOT}/{{task_id}}/cancel"): MAKING,
    ("POST", "/v1/videos"): MAKING,
    ("GET", "/v1/videos"): LOOKING,
    ("POST", "/v1/videos/edits"): MAKING,
    ("POST", "/v1/videos/extensions"): MAKING,
    ("POST", "/v1/videos/characters"): MAKING,
    ("POST", "/v1/video/quotes"): MAKING,
    ("GET", "/v1/videos/characters/{character_id}"): LOOKING,
    ("GET", "/v1/videos/{video_id}"): LOOKING,
    ("DELETE", "/v1/videos/{video_id}"): MAKING,
    ("GET", "/v1/videos/{video_id}/content"): LOOKING,
    ("POST", "/v1/videos/{video_id}/remix"): MAKING,
    ("GET", "/v1/models"): MAKING | LOOKING,
    ("GET", "/v1/models/{model}"): MAKING | LOOKING,
    ("GET", "/v1/webhooks/secret"): {Scope.ADMIN, Scope.READ},
    ("GET", "/v1/key"): set(Scope),
}
"""What opens each of the callers' routes; one that is new has to be put here by hand."""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Wired]:
    async with wired(tmp_path, origins=Origins((ip_network("10.0.0.0/8"),))) as found:
        await found.keyring.reload()
        yield found


async def submit(house: Wired) -> str:
    async with house.client() as client:
        name: str = (await client.post(ROOT, json=BODY)).json()["id"]
    return name


async def until(is_so: Callable[[], bool]) -> None:
    """Let everyone else run until it is so."""

    async def a_turn() -> None:
        pass

    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.wait([asyncio.ensure_future(a_turn())])


async def change(house: Wired, **changes: Any) -> Key:
    """Change the key of the house, and have the servers hear of it."""
    after = replace(house.key, **changes)
    assert house.store.write_now(lambda tx: tx.change_key(house.key, after))
    await house.keyring.refresh()
    return after


def hot(house: Wired, name: str) -> bytes | None:
    bearer = [(b"authorization", f"Bearer {SECRET}".encode())]
    assert house.application.hot_looks is not None
    return house.application.hot_looks(f"{ROOT}/{name}".encode(), bearer, DATE)


# -- scopes ------------------------------------------------------------------------------------


async def test_every_route_of_callers_says_which_scopes_open_it(house: Wired) -> None:
    said = {
        (route.method, route.path): set(route.scopes)
        for route in house.application.routes
        if route.path.startswith("/v1/")
    }
    assert {place: said.get(place) for place in OPENED_BY} == OPENED_BY
    assert not [place for place, scopes in said.items() if not scopes], "a route asks for nothing"


@pytest.mark.promise("P8")
async def test_a_key_opens_what_its_scope_is_for_and_nothing_else(house: Wired) -> None:
    for scope in Scope:
        house.add_key(f"sk-live-only-{scope}", scopes=frozenset({scope}))
    for (method, path), scopes in OPENED_BY.items():
        concrete = re.sub(r"\{[a-z_]+\}", UNKNOWN, path)
        for scope in Scope:
            async with house.client(f"sk-live-only-{scope}") as client:
                answer = await client.request(method, concrete)
            error = answer.json().get("error", {}) if answer.is_error else {}
            is_refused = error.get("code") == "scope_missing"
            assert is_refused is (scope not in scopes), (method, path, scope)
            if is_refused:
                assert answer.status_code == 403
                words = " or ".join(sorted(scopes))
                assert error["message"] == f"This key lacks the scope {words}."


async def test_a_key_that_only_submits_is_told_its_task_and_no_more_of_it(house: Wired) -> None:
    house.add_key("sk-live-ci", scopes=frozenset({Scope.GENERATE}))
    async with house.client("sk-live-ci") as client:
        made = await client.post(ROOT, json=BODY)
        looked = await client.get(f"{ROOT}/{made.json()['id']}")
        canceled = await client.post(f"{ROOT}/{made.json()['id']}/cancel")
    assert [answer.status_code for answer in (made, looked, canceled)] == [200, 403, 200]


async def test_the_document_says_which_scopes_open_what(house: Wired) -> None:
    async with house.client(None) as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
    for (method, path), scopes in OPENED_BY.items():
        told = paths[path][method.lower()]["security"]
        assert told == [{"key": [scope]} for scope in sorted(scopes)]
    assert "security" not in paths["/healthz"]["get"]


async def test_the_hot_look_is_for_keys_that_may_look_from_anywhere(house: Wired) -> None:
    name = await submit(house)
    assert hot(house, name) is not None
    for changes in (
        {"scopes": frozenset({Scope.GENERATE})},
        {"networks": AT_HOME},
        {"revoked_at": house.clock.now()},
    ):
        after = await change(house, **changes)
        assert hot(house, name) is None, changes
        assert house.store.write_now(lambda tx, after=after: tx.change_key(after, house.key))
        await house.keyring.refresh()
        assert hot(house, name) is not None


# -- places ------------------------------------------------------------------------------------


async def test_a_key_opens_the_door_only_from_where_it_may_come(house: Wired) -> None:
    await change(house, networks=AT_HOME)
    async with house.client(address=HOME) as client:
        assert (await client.get(ROOT)).status_code == 200
    async with house.client(address=AWAY) as client:
        answer = await client.get(ROOT, headers={"X-Forwarded-For": HOME})
        unknown = await client.get(ROOT, headers={"Authorization": "Bearer sk-live-nobody"})
    assert answer.status_code == 401
    assert answer.json()["error"] == {
        "message": "This API key is not valid from this address.",
        "type": "authentication_error",
        "param": None,
        "code": "invalid_api_key",
    }
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert unknown.json()["error"]["message"] == "This API key is not valid."


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ([HOME], 200),
        ([f"{AWAY}, {HOME}"], 200),
        ([f"{HOME}, {AWAY}"], 401),
        ([HOME, AWAY], 401),
        ([f"{HOME}, 10.9.9.9"], 200),
        ([f"{HOME}:51234"], 200),
        (["unknown"], 401),
        ([f"{HOME}, "], 401),
        ([], 401),
    ],
)
async def test_a_trusted_proxy_tells_who_came_to_it_and_nobody_else_does(
    house: Wired, told: list[str], status: int
) -> None:
    await change(house, networks=AT_HOME)
    async with house.client(address=PROXY) as client:
        headers = [("X-Forwarded-For", line) for line in told]
        assert (await client.get(ROOT, headers=headers)).status_code == status


def closed(house: Wired) -> None:
    """Close the account of the key of the house."""

    def act(tx: Transaction) -> bool:
        account = tx.account(house.key.account_id)
        assert account is not None
        return tx.change_account(account, replace(account, closed_at=NOON))

    assert house.store.write_now(act)


def changed(**changes: Any) -> Callable[[Wired], None]:
    def act(house: Wired) -> None:
        after = replace(house.key, **changes)
        assert house.store.write_now(lambda tx: tx.change_key(house.key, after))

    return act


ENDS: dict[str, Callable[[Wired], None]] = {
    "revoked": changed(revoked_at=NOON),
    "expired": changed(expires_at=NOON),
    "valid elsewhere only": changed(networks=AT_HOME),
    "without the scope": changed(scopes=frozenset({Scope.GENERATE})),
    "of a closed account": closed,
}


@pytest.mark.promise("P8")
@pytest.mark.parametrize("how", ENDS)
async def test_what_a_key_may_no_longer_ends_what_it_holds_open(house: Wired, how: str) -> None:
    name = await submit(house)
    async with house.client(address=AWAY) as client:
        poll = asyncio.ensure_future(client.get(f"{ROOT}/{name}?wait=60"))
        stream = asyncio.ensure_future(client.get(f"{ROOT}/{name}/events"))
        await until(lambda: len(house.bell._ears.get(name, ())) == 2)
        ENDS[how](house)
        await house.keyring.refresh()
        ended = await asyncio.wait_for(poll, 5)
        told = await asyncio.wait_for(stream, 5)
    assert ended.status_code == 401
    assert told.text.count("event: status") == 1


async def test_a_change_that_could_not_be_read_is_read_the_next_second(house: Wired) -> None:
    read, after = house.store.read, replace(house.key, revoked_at=house.clock.now())

    async def away(act: Any) -> Any:
        raise OSError("the database is away")

    assert house.store.write_now(lambda tx: tx.change_key(house.key, after))
    house.store.read = away  # type: ignore[method-assign]
    with pytest.raises(OSError, match="away"):
        await house.keyring.refresh()
    house.store.read = read  # type: ignore[method-assign]
    await house.keyring.refresh()
    assert not house.keyring.is_still_valid(house.key, None)
