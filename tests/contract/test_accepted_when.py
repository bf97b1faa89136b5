"""The contract is kept when each line of its last list is held: §14, line by line.

HELD names the tests of each line; that they exist is checked by collecting them. What had no test
elsewhere stands below: the bytes of line 5, and the orders of requests of line 6.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from page import lines
from promises import Roll
from rushes.domain.errors import Failure, Reason
from rushes.domain.ids import new_account_id
from rushes.domain.submit import Verdict
from rushes.domain.task import MOVES, Event, Status, Task
from rushes.testing.builders import NOON, a_submit
from wiring import FILM, SECRET, Wired, wired

CALLERS, HERE = "journeys/test_callers.py", "contract/test_accepted_when.py"
GOLDENS, CARDS = "contract/test_goldens.py", "contract/test_cards.py"
SPELLINGS, ERRORS = "contract/test_spellings.py", "contract/test_errors.py"

HELD: Mapping[str, tuple[str, ...]] = {
    "`tests/contract/clients/poll.py` and `poll.mjs` run unchanged": (
        f"{CALLERS}::test_a_polling_script_is_carried_unchanged",
        f"{CALLERS}::test_a_polling_script_ends_right",
    ),
    "openai-python `videos.create, create_and_poll, retrieve": (
        f"{CALLERS}::test_the_official_sdk_runs_every_verb_it_had",
        f"{CALLERS}::test_an_unmodified_sora_sample_runs",
        f"{CALLERS}::test_a_longer_sora_film_is_accepted_as_its_guide_had_it",
        f"{CALLERS}::test_the_official_sdk_uploads_a_first_frame",
    ),
    "Every file in `tests/contract/goldens/*.json` is reproduced": (
        f"{GOLDENS}::test_every_golden_runs_or_stands_by_name",
        f"{GOLDENS}::test_golden",
        f"{GOLDENS}::test_golden_that_we_post",
    ),
    "Every spelling of §4 has a test; every row of §3 has one exchange": (
        f"{SPELLINGS}::test_every_spelling_of_the_page_has_a_value_here",
        f"{SPELLINGS}::test_every_spelling_reaches_the_task_in_both_dialects",
        f"{ERRORS}::test_every_code_of_the_page_has_an_exchange_or_stands_by_name",
        f"{ERRORS}::test_every_code_of_the_page_is_told_as_its_row_says",
        f"{ERRORS}::test_a_failed_task_is_told_in_both_dialects_as_its_row_says",
        f"{CARDS}::test_a_card_refuses_a_duration_outside_it",
        f"{CARDS}::test_a_card_refuses_a_resolution_outside_it",
        f"{CARDS}::test_a_card_refuses_a_ratio_outside_it_or_reports_that_it_has_none",
        f"{CARDS}::test_a_card_refuses_a_mode_that_it_lacks_and_names_those_it_has",
    ),
    "The length of decoded `base64` equals `size`": (
        f"{HERE}::test_a_film_of_any_length_has_the_same_bytes_by_every_road",
        "http/test_wire.py::test_the_same_bytes_come_by_every_road",
    ),
    "No order of requests makes a final status change": (
        f"{HERE}::test_no_order_of_requests_breaks_what_is_final_or_shows_what_is_anothers",
        "http/test_wire.py::test_a_foreign_task_answers_exactly_like_an_unknown_one",
        "domain/test_task.py::test_nothing_revives_a_final_task",
        "journeys/test_providers.py",
    ),
}
"""How a line begins, and the tests that hold it; a file stands for all its tests."""


def test_every_line_of_the_list_is_held_by_tests_by_name() -> None:
    page = lines("14")
    assert len(page) == len(HELD), "the list of the page was not read, or has changed"
    for line, begins in zip(page, HELD, strict=True):
        assert line.startswith(begins), line


def test_every_test_that_holds_a_line_exists(roll: Roll) -> None:
    files = {name.partition("::")[0] for name in roll.tests}
    for name in (name for names in HELD.values() for name in names):
        assert f"tests/{name}" in roll.tests | files, name


# -- line 5: bytes -------------------------------------------------------------------------------

LENGTHS = (1, 2, 3, 1000, 3 * 2**16 - 1, 3 * 2**16, 3 * 2**16 + 1, 2_500_001)
"""Every remainder of three, and about the length of a chunk."""


@pytest.mark.promise("P4")
@pytest.mark.parametrize("length", LENGTHS)
async def test_a_film_of_any_length_has_the_same_bytes_by_every_road(
    length: int, tmp_path: Path
) -> None:
    film = (FILM * (length // len(FILM) + 1))[:length]
    async with wired(tmp_path, film=film) as house, house.client() as client:
        body = {"model": "sandbox", "prompt": "a heron"}
        name = (await client.post("/v1/videos", json=body)).json()["id"]
        await house.bring(house.task(name), Status.SUCCEEDED)
        told = (await client.get(f"/v1/video/generations/download?id={name}")).json()
        link = (await client.get(f"/v1/video/generations/{name}")).json()["url"]
        by_link = await client.get(link.removeprefix("http://localhost:8080"))
        by_key = await client.get(f"/v1/videos/{name}/content")
        measured = house.task(name).measures
    decoded = base64.b64decode(told["base64"], validate=True)
    assert len(decoded) == told["size"] == length
    assert told["data_url"] == f"data:video/mp4;base64,{told['base64']}"
    sums = {sha256(each).hexdigest() for each in (decoded, by_link.content, by_key.content, film)}
    assert measured is not None
    assert sums == {measured.sha256}


# -- line 6: orders of requests ------------------------------------------------------------------

ROOT = "/v1/video/generations"
NEIGHBOUR = "sk-live-the-neighbour"
UPSTREAM = "https://films.provider.example/secret-of-upstream.mp4"
VERBS = {
    "look": ("GET", ROOT + "/{}"),
    "look at the video": ("GET", "/v1/videos/{}"),
    "list": ("GET", ROOT + "?limit=100"),
    "list the videos": ("GET", "/v1/videos?limit=100"),
    "cancel": ("POST", ROOT + "/{}/cancel"),
    "delete": ("DELETE", ROOT + "/{}"),
    "delete the video": ("DELETE", "/v1/videos/{}"),
    "download": ("GET", ROOT + "/download?id={}"),
    "fetch": ("GET", "/v1/videos/{}/content"),
    "fetch a still": ("GET", "/v1/videos/{}/content?variant=thumbnail"),
    "head": ("HEAD", "/v1/videos/{}/content"),
    "remix": ("POST", "/v1/videos/{}/remix"),
    "edit": ("POST", "/v1/videos/edits"),
    "extend": ("POST", "/v1/videos/extensions"),
}
MADE_FROM: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "remix": lambda name: {"prompt": "a fox"},
    "edit": lambda name: {"prompt": "a fox", "video": {"id": name}},
    "extend": lambda name: {"prompt": "a fox", "video": {"id": name}, "seconds": 4},
}
"""The verbs that make a film from a film, and what they say."""


STEPS = st.one_of(
    st.tuples(st.just("create"), st.integers(0, 1), st.just(0)),
    st.tuples(st.sampled_from(sorted(VERBS)), st.integers(0, 1), st.integers(0, 2)),
    st.tuples(st.just("work"), st.integers(0, 9), st.integers(0, 2)),
    st.tuples(st.just("work"), st.integers(0, 9), st.integers(0, 2)),
)
"""A verb, whose key asks, and which task is meant; or a worker, and which event it brings."""


@dataclass
class Street:
    """Two owners on one server, what each of them has, and what was seen to be final."""

    house: Wired
    owners: dict[str, int] = field(default_factory=dict)
    finals: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)

    async def step(self, verb: str, choice: int, index: int) -> None:
        if verb == "create":
            await self.create(choice)
            return
        name = list(self.owners)[index % len(self.owners)]
        if verb in VERBS:
            await self.ask(verb, choice, name)
        elif name not in self.deleted:
            await self.work(self.house.task(name), choice)

    async def send(
        self, owner: int, method: str, path: str, *, names: str = "", **body: Any
    ) -> httpx2.Response:
        """Ask as an owner; `names` is the task that the request itself names."""
        async with self.house.client((SECRET, NEIGHBOUR)[owner]) as client:
            answer = await client.request(method, path, **body)
        assert answer.status_code < 500, answer.text
        assert "provider.example" not in answer.text
        assert "provider.example" not in str(answer.headers)
        for name, whose in self.owners.items():
            assert whose == owner or name == names or name not in answer.text, "another's task"
        return answer

    async def create(self, owner: int) -> None:
        body = {"model": "sandbox", "prompt": "a heron"}
        answer = await self.send(owner, "POST", ROOT, json=body)
        self.owners[answer.json()["id"]] = owner

    async def work(self, task: Task, choice: int) -> None:
        """Let a worker bring one of the events that the task can take; a final one takes none."""
        events = [event for event in Event if (task.status, event) in MOVES]
        never = {Event.ADOPTED} | ({Event.EXPIRED} if task.submit_count else set())
        events = [event for event in events if event not in never]
        if not events:
            return
        event = events[choice % len(events)]
        status = MOVES[task.status, event]
        failure = None
        if status.is_final and status is not Status.SUCCEEDED:
            failure = Failure.of(Reason.PROVIDER_FAILED)
        if status is Status.SUCCEEDED:
            await self.house.store_film(task)
        moved = self.house.move(task, event, failure=failure)
        if event is Event.INTENT:
            submit = a_submit(moved, Verdict.READY, film={"url": UPSTREAM}, n=moved.version)
            self.house.store.write_now(lambda tx: tx.add_submit(submit))

    async def ask(self, verb: str, owner: int, name: str) -> None:
        method, path = VERBS[verb]
        body = {"json": MADE_FROM[verb](name)} if verb in MADE_FROM else {}
        answer = await self.send(owner, method, path.format(name), names=name, **body)
        is_mine = self.owners[name] == owner and name not in self.deleted
        if not verb.startswith("list") and not is_mine:
            assert answer.status_code == 404, "another's task, or one that is gone"
        elif verb in MADE_FROM and answer.is_success:
            self.owners[answer.json()["id"]] = owner
        elif verb.startswith("delete") and answer.is_success:
            self.deleted.add(name)
        await self.see_that_the_final_stays(name)

    async def see_that_the_final_stays(self, name: str) -> None:
        if name in self.deleted:
            return
        owner = self.owners[name]
        flat = (await self.send(owner, "GET", f"{ROOT}/{name}")).json()
        video = (await self.send(owner, "GET", f"/v1/videos/{name}")).json()
        words = {"succeeded": "completed"}
        assert video["status"] == words.get(flat["status"], flat["status"]), "two truths"
        seen = (flat["status"], flat.get("error"), video["error"], video["completed_at"])
        if flat["status"] in {"succeeded", "failed"}:
            assert self.finals.setdefault(name, seen) == seen, "a final status changed"
        assert name not in self.finals or self.finals[name] == seen, "a final task lives again"


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wired]:
    house = Wired(tmp_path_factory.mktemp("street"))
    house.add_key(NEIGHBOUR, account_id=new_account_id(NOON))
    asyncio.run(house.keyring.reload())
    yield house
    house.close()


def try_orders(house: Wired, count: int) -> int:
    """Try so many orders of requests; return how many tasks were seen to be final."""
    finals = 0
    with asyncio.Runner() as runner:

        @settings(max_examples=count, deadline=None, database=None, phases=[Phase.generate])
        @given(st.lists(STEPS, min_size=15, max_size=60))
        def try_one(steps: list[tuple[str, int, int]]) -> None:
            nonlocal finals
            street = Street(house)

            async def walk() -> None:
                await street.create(0)
                await street.create(1)
                for verb, owner, index in steps:
                    await street.step(verb, owner, index)

            runner.run(walk())
            finals += len(street.finals)

        try_one()
    return finals


@pytest.mark.promise("P6")
@pytest.mark.promise("P8")
@pytest.mark.parametrize("count", [40, pytest.param(1000, marks=pytest.mark.long)])
def test_no_order_of_requests_breaks_what_is_final_or_shows_what_is_anothers(
    street: Wired, count: int
) -> None:
    assert try_orders(street, count) > count // 2, "hardly a task came to its end"
