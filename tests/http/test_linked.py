"""A stranger follows the links of the document: from a new task to everything it can be asked.

Meanwhile tasks come to their ends, as under workers; no order makes a 5xx, and every answer is as
described.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
)
from schemathesis.specs.openapi.checks import use_after_free

from loopback import serving
from rushes.domain.task import Status
from rushes.http.envelope import Styles
from wiring import SECRET, Wired, wired

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    use_after_free,
]
ENDS = (Status.SUCCEEDED, Status.QUEUED, Status.SUCCEEDED, Status.FAILED, Status.RUNNING)
"""Where new tasks come to stand, one after another."""

CREATES = ("/v1/video/generations", "/v1/videos")
PLAIN_CREATE = {
    "type": "object",
    "required": ["model", "prompt"],
    "properties": {"model": {"const": "sandbox"}, "prompt": {"type": "string", "minLength": 1}},
}
"""A create that makes a task; every other is tried in test_openapi.py."""

MADE = {(path, 200) for path in (*CREATES, "/v1/videos/edits", "/v1/videos/extensions")}


@dataclass(slots=True)
class Followed:
    """A server, and what was asked of it: (method, path, status)."""

    house: Wired
    url: str
    seen: Counter[tuple[str, str, int]] = field(default_factory=Counter)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Followed]:
    house = Wired(tmp_path_factory.mktemp("followed"))
    asyncio.run(house.keyring.reload())
    with serving(house.application) as port:
        yield Followed(house, f"http://127.0.0.1:{port}")
    house.close()


def schema_of(followed: Followed) -> Any:
    """Return the document with its own links alone, and a create that makes a task."""
    document = httpx2.get(f"{followed.url}/openapi.json").json()
    document["components"]["schemas"]["Create"] = PLAIN_CREATE
    schema = schemathesis.openapi.from_dict(document)
    schema.config.phases.stateful.inference.algorithms = []
    return schema.exclude(path_regex="/events$|/readyz|/metrics|/docs|/openapi|/hooks")


def machine_of(followed: Followed) -> Any:
    """Return a caller that follows links; its tasks end as under workers, one after another."""

    class Caller(schema_of(followed).as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            self.names: list[str] = []
            self.ends = itertools.cycle(ENDS)

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"base_url": followed.url, "headers": {"Authorization": f"Bearer {SECRET}"}}

        def before_call(self, case: Any) -> None:
            """Give an edit or an extension its source: that id is in no path."""
            if case.path.endswith(("/edits", "/extensions")) and self.names:
                case.body = {"prompt": "a fox", "seconds": 4, "video": {"id": self.names[-1]}}

        def after_call(self, response: Any, case: Any) -> None:
            super().after_call(response, case)
            followed.seen[case.method, case.path, response.status_code] += 1
            is_made = response.status_code == 200 and not case.path.endswith("/cancel")
            if case.method == "POST" and is_made:
                self.names.append(response.json()["id"])
                task = followed.house.task(self.names[-1])
                asyncio.run(followed.house.bring(task, next(self.ends)))

        def validate_response(self, response: Any, case: Any, **more: Any) -> None:
            case.validate_response(response, checks=CHECKS)

    return Caller


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("count", [40, pytest.param(300, marks=pytest.mark.long)])
def test_whoever_follows_the_links_meets_no_fault_and_only_what_is_described(
    followed: Followed, count: int, record_property: Any
) -> None:
    machine_of(followed).run(
        settings=settings(
            max_examples=count,
            stateful_step_count=12,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
    )
    one, video = "/v1/video/generations/{task_id}", "/v1/videos/{video_id}"
    reached = {(method, path) for method, path, status in followed.seen if status not in {401, 404}}
    made = sum(
        count
        for (method, path, status), count in followed.seen.items()
        if method == "POST" and (path, status) in MADE
    )
    record_property("told", f"{followed.seen.total()} requests, {made} tasks made, none a 5xx")
    assert reached >= {
        ("POST", CREATES[0]),
        ("POST", CREATES[1]),
        ("GET", one),
        ("GET", video),
        ("POST", f"{one}/cancel"),
        ("DELETE", one),
        ("DELETE", video),
        ("GET", f"{video}/content"),
        ("POST", f"{video}/remix"),
    }, "the links lead nowhere"


async def test_a_new_task_is_linked_to_every_route_that_has_its_id(tmp_path: Path) -> None:
    async with wired(tmp_path) as house, house.client(None) as client:
        document = (await client.get("/openapi.json")).json()
    operations = {
        operation["operationId"]: (path, operation)
        for path, methods in document["paths"].items()
        for operation in methods.values()
    }
    keyed = {
        name
        for name, (path, operation) in operations.items()
        if ("{task_id}" in path or "{video_id}" in path) and "security" in operation
    }
    assert len(keyed) >= 8
    for name in ("post_video_generations", "post_videos", "post_videos_video_id_remix"):
        links = operations[name][1]["responses"]["200"]["links"]
        assert {link["operationId"] for link in links.values()} == keyed
        for link in links.values():
            path, _ = operations[link["operationId"]]
            (parameter,) = link["parameters"]
            assert f"{{{parameter}}}" in path


async def test_enveloped_answers_are_described_too(tmp_path: Path) -> None:
    """Which style answers is the key's; the document has both."""
    house = Wired(tmp_path, styles=Styles(is_enveloped=True))
    await house.keyring.reload()
    body = {"model": "sandbox", "prompt": "a heron"}
    with serving(house.application) as port:
        url = f"http://127.0.0.1:{port}"
        schema = await asyncio.to_thread(schemathesis.openapi.from_url, f"{url}/openapi.json")
        one = f"{CREATES[0]}/{{task_id}}"
        submit, query = schema[CREATES[0]]["POST"], schema[one]["GET"]
        cancel = schema[f"{one}/cancel"]["POST"]

        async def told(operation: Any, **given: Any) -> Any:
            case = operation.Case(**given)
            headers = {"Authorization": f"Bearer {SECRET}"}
            answer = await asyncio.to_thread(case.call, base_url=url, headers=headers)
            case.validate_response(answer, checks=[response_schema_conformance])
            return answer.json()

        for status in (Status.RUNNING, Status.SUCCEEDED, Status.FAILED):
            name = (await told(submit, body=body, media_type="application/json"))["data"]["id"]
            await house.bring(house.task(name), status)
            assert (await told(query, path_parameters={"task_id": name}))["code"] == "success"
            told_twice = await told(cancel, path_parameters={"task_id": name})
            assert set(told_twice) == {"code", "message", "data"}
        unknown = {"task_id": "video_" + "0" * 32}
        assert (await told(query, path_parameters=unknown))["code"] == "task_not_found"
        refused = await told(submit, body={"model": "nope"}, media_type="application/json")
        assert refused == {"code": "model_not_found", "message": refused["message"], "data": None}
    house.close()
