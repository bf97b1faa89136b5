"""Who may do what: every route of the server, by everyone who could come along.

One table says what each route answers to its owner (`RIGHT`), one which scopes open it (`ASKS`),
and one who comes (`HOLDERS`). A route that is new in the server fails here until it stands in
`RIGHT`; a new kind of key is one more line of `HOLDERS`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_network
from typing import Any, Final

import httpx2
import pytest

from rushes.domain.access import Scope
from rushes.domain.ids import new_account_id
from rushes.domain.task import Status, Task
from rushes.testing.builders import NOON, put_task
from wiring import SECRET, Wired, wired

ROOT: Final = "/v1/video/generations"
UNKNOWN: Final = "video_" + "0" * 32
WISH: Final = {"model": "sandbox", "prompt": "a heron"}
EDIT: Final = {"model": "sandbox", "prompt": "a heron", "video": {"id": "{id}"}}

Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Right:
    """What a route answers to the owner of a finished task: the status, and the error's code.

    `is_about_a_task` says that it names one, so that nobody else may tell it from none.
    """

    status: int = 200
    code: str = ""
    given: Mapping[str, Any] | None = None
    query: str = ""
    is_about_a_task: bool = False


RIGHT: Final[Mapping[Place, Right]] = {
    ("POST", ROOT): Right(given=WISH),
    ("GET", ROOT): Right(),
    ("POST", "/v1/video/quotes"): Right(given=WISH),
    ("GET", f"{ROOT}/download"): Right(query="?id={id}", is_about_a_task=True),
    ("GET", f"{ROOT}/{{task_id}}"): Right(is_about_a_task=True),
    ("DELETE", f"{ROOT}/{{task_id}}"): Right(is_about_a_task=True),
    ("GET", f"{ROOT}/{{task_id}}/events"): Right(is_about_a_task=True),
    ("POST", f"{ROOT}/{{task_id}}/cancel"): Right(
        400, "task_already_finished", is_about_a_task=True
    ),
    ("POST", "/v1/videos"): Right(given=WISH),
    ("GET", "/v1/videos"): Right(),
    ("POST", "/v1/videos/edits"): Right(given=EDIT, is_about_a_task=True),
    ("POST", "/v1/videos/extensions"): Right(given={**EDIT, "seconds": 4}, is_about_a_task=True),
    ("POST", "/v1/videos/characters"): Right(400, "unsupported"),
    ("GET", "/v1/videos/characters/{character_id}"): Right(400, "unsupported"),
    ("GET", "/v1/videos/{video_id}"): Right(is_about_a_task=True),
    ("DELETE", "/v1/videos/{video_id}"): Right(is_about_a_task=True),
    ("GET", "/v1/videos/{video_id}/content"): Right(is_about_a_task=True),
    ("POST", "/v1/videos/{video_id}/remix"): Right(
        given={**WISH, "prompt": "by night"}, is_about_a_task=True
    ),
    ("GET", "/v1/models"): Right(),
    ("GET", "/v1/models/{model}"): Right(),
    ("GET", "/v1/webhooks/secret"): Right(),
    ("GET", "/v1/usage"): Right(),
    ("GET", "/v1/key"): Right(),
}
"""Every route that wants a key. (Those that want none: test_doors.py.)"""

LOOKING, MAKING = frozenset({Scope.READ}), frozenset({Scope.GENERATE})
ASKS: Final[Mapping[Place, frozenset[Scope]]] = {
    ("GET", "/v1/models"): LOOKING | MAKING,
    ("GET", "/v1/models/{model}"): LOOKING | MAKING,
    ("GET", "/v1/webhooks/secret"): frozenset({Scope.READ, Scope.ADMIN}),
    ("GET", "/v1/key"): frozenset(Scope),
}
"""The scopes of which a route wants one. Where it is not named here, looking asks for `read`, and
everything else for `generate`; under /admin all asks for `admin`."""


def asked_by(place: Place) -> frozenset[Scope]:
    method, path = place
    if path.startswith("/admin/"):
        return frozenset({Scope.ADMIN})
    return ASKS.get(place, LOOKING if method == "GET" else MAKING)


EVERY: Final = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Holder:
    """Someone who comes along: what they hold, and what that is worth.

    `code` is what each route answers whatever it is, empty where it depends on the route.
    """

    secret: str | None
    code: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    scopes: frozenset[Scope] = EVERY
    is_known: bool = True
    is_stranger: bool = False


HOLDERS: Final[Mapping[str, Holder]] = {
    "no key": Holder(None, "missing_api_key", is_known=False),
    "a wrong key": Holder("sk-live-wrong", "invalid_api_key", is_known=False),
    "a revoked key": Holder(
        "sk-live-revoked", "invalid_api_key", {"revoked_at": NOON - timedelta(seconds=1)}
    ),
    "an expired key": Holder("sk-live-expired", "invalid_api_key", {"expires_at": NOON}),
    "another account's key": Holder(
        "sk-live-neighbour", changes={"account_id": new_account_id(NOON)}, is_stranger=True
    ),
    "a key that may read": Holder("sk-live-read", scopes=frozenset({Scope.READ})),
    "a key that may generate": Holder("sk-live-generate", scopes=frozenset({Scope.GENERATE})),
    "a key that may administer": Holder("sk-live-admin", scopes=frozenset({Scope.ADMIN})),
    "a key that may do nothing": Holder("sk-live-nothing", scopes=frozenset()),
    "a key of another place": Holder(
        "sk-live-elsewhere", "invalid_api_key", {"networks": (ip_network("192.0.2.0/24"),)}
    ),
    "a test key": Holder("sk-test-rehearsal"),
    "the owner's key": Holder("sk-live-owner"),
}
"""Who comes. A test key is never an operator's, whatever its scopes."""


def worth(holder: Holder) -> frozenset[Scope]:
    is_test = (holder.secret or "").startswith("sk-test-")
    return holder.scopes - {Scope.ADMIN} if is_test else holder.scopes


def expected(place: Place, holder: Holder) -> tuple[int, str]:
    """Return status and code of what a route answers to someone."""
    right = RIGHT[place]
    if holder.code:
        return 401, holder.code
    if not asked_by(place) & worth(holder):
        return 403, "scope_missing"
    if holder.is_stranger and right.is_about_a_task:
        return 404, "task_not_found"
    return right.status, right.code


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Wired]:
    async with wired(tmp_path_factory.mktemp("matrix")) as found:
        for name, holder in HOLDERS.items():
            if holder.secret is not None and holder.is_known:
                found.add_key(holder.secret, scopes=holder.scopes, name=name, **holder.changes)
        await found.keyring.reload()
        yield found


async def a_film(house: Wired) -> Task:
    """Make a finished task of the owner's account."""
    task = await house.store.write(
        lambda tx: put_task(tx, account_id=house.key.account_id, key_id=house.key.id)
    )
    return await house.bring(task, Status.SUCCEEDED)


async def ask(
    house: Wired, place: Place, secret: str | None, task_id: str, method: str = ""
) -> httpx2.Response:
    right, (usual, path) = RIGHT[place], place
    path = re.sub(r"\{(task_id|video_id)\}", task_id, path) + right.query.format(id=task_id)
    path = path.replace("{model}", "sandbox").replace("{character_id}", "c1")
    more = {} if right.given is None else {"json": filled(right.given, task_id)}
    async with house.client(secret) as client:
        return await client.request(method or usual, path, **more)


def filled(given: Any, task_id: str) -> Any:
    if isinstance(given, Mapping):
        return {name: filled(value, task_id) for name, value in given.items()}
    return task_id if given == "{id}" else given


def code_of(answer: httpx2.Response) -> str:
    if answer.is_success or not answer.content:
        return ""
    code: str = answer.json()["error"]["code"]
    return code


@pytest.mark.promise("P8")
@pytest.mark.advisory("litellm#37627", "CVE-2026-49468", "CVE-2026-86242", "CVE-2026-90898")
@pytest.mark.parametrize("who", HOLDERS)
@pytest.mark.parametrize("place", RIGHT, ids=[" ".join(place) for place in RIGHT])
async def test_everyone_is_answered_as_the_table_says(house: Wired, place: Place, who: str) -> None:
    holder, task = HOLDERS[who], await a_film(house)
    given = len(house.dispatcher.given)
    answer = await ask(house, place, holder.secret, task.id)
    status, code = expected(place, holder)
    assert (answer.status_code, code_of(answer)) == (status, code), answer.text
    if status >= 400:
        assert len(house.dispatcher.given) == given
        assert house.task(task.id).version == task.version
    if status in {401, 403}:
        assert task.id not in answer.text


@pytest.mark.promise("P8")
@pytest.mark.advisory("litellm#37627")
@pytest.mark.parametrize("place", RIGHT, ids=[" ".join(place) for place in RIGHT])
async def test_a_stranger_cannot_tell_anothers_task_from_none(house: Wired, place: Place) -> None:
    """The same bytes and headers, on every route that names a task, and for HEAD as for GET."""
    if not RIGHT[place].is_about_a_task:
        return
    stranger, task = HOLDERS["another account's key"].secret, await a_film(house)
    for method in ("GET", "HEAD") if place[0] == "GET" and "events" not in place[1] else place[:1]:
        foreign = await ask(house, place, stranger, task.id, method)
        unknown = await ask(house, place, stranger, UNKNOWN, method)
        assert foreign.status_code == 404
        assert foreign.text.replace(task.id, UNKNOWN) == unknown.text
        told, other = ({**answer.headers, "x-request-id": ""} for answer in (foreign, unknown))
        assert told == other
    assert house.task(task.id).version == task.version


@pytest.mark.promise("P8")
async def test_no_list_shows_anothers_task(house: Wired) -> None:
    stranger, task = HOLDERS["another account's key"].secret, await a_film(house)
    async with house.client(stranger) as client:
        for path in (ROOT, f"{ROOT}?limit=100&order=asc", "/v1/videos?limit=100", "/metrics"):
            assert task.id not in (await client.get(path)).text


@pytest.mark.promise("P8")
@pytest.mark.advisory("CVE-2026-86242", "CVE-2026-90898", "CVE-2026-47102")
@pytest.mark.parametrize("who", HOLDERS)
async def test_the_operators_routes_open_to_operators_only(house: Wired, who: str) -> None:
    """Each by its gate: what stands behind it is tried in tests/http/test_admin.py."""
    holder, tried = HOLDERS[who], 0
    for route in house.application.routes:
        if not route.path.startswith("/admin/"):
            continue
        path = re.sub(r"\{[a-z_]+\}", UNKNOWN, route.path)
        async with house.client(holder.secret) as client:
            answer = await client.request(route.method, path)
        if holder.code:
            assert (answer.status_code, code_of(answer)) == (401, holder.code), path
        elif Scope.ADMIN not in worth(holder):
            assert (answer.status_code, code_of(answer)) == (403, "scope_missing"), path
        else:
            assert answer.status_code not in {401, 403}, (path, answer.text)
            assert answer.status_code < 500, (path, answer.text)
        tried += 1
    assert tried > 20


async def test_every_route_that_wants_a_key_stands_in_the_table(house: Wired) -> None:
    keyed = {(route.method, route.path) for route in house.application.routes if route.needs_key}
    assert {place for place in keyed if not place[1].startswith("/admin/")} == set(RIGHT)
    assert set(ASKS) <= set(RIGHT)


async def test_the_owner_of_this_house_is_answered_too(house: Wired) -> None:
    """The table is about keys, not about a house in which nothing works."""
    task = await a_film(house)
    assert (await ask(house, ("GET", f"{ROOT}/{{task_id}}"), SECRET, task.id)).status_code == 200
