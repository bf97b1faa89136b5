"""Which route a task asks first: by priority, then by weight, always the same for one task."""

from __future__ import annotations

from collections import Counter

from rushes.domain.catalog import Route
from rushes.domain.ids import new_task_id
from rushes.domain.preference import in_order
from rushes.testing.builders import NOON

IDS = [new_task_id(NOON) for _ in range(4000)]


def test_priority_goes_before_weight() -> None:
    routes = [Route("spare", "m", priority=1, weight=100), Route("first", "m", weight=1)]
    assert all(in_order(routes, task_id)[0].provider == "first" for task_id in IDS[:200])


def test_many_tasks_share_equal_routes_by_their_weights() -> None:
    routes = [Route("a", "m", weight=1), Route("b", "m", weight=3)]
    first = Counter(in_order(routes, task_id)[0].provider for task_id in IDS)
    assert 0.70 < first["b"] / len(IDS) < 0.80


def test_one_task_always_has_the_same_order_however_the_routes_are_written() -> None:
    routes = [Route("a", "m"), Route("b", "m", weight=2), Route("c", "m")]
    for task_id in IDS[:50]:
        assert in_order(routes, task_id) == in_order(reversed(routes), task_id)


def test_a_route_that_goes_leaves_the_order_of_the_others() -> None:
    routes = [Route(name, "m") for name in "abcd"]
    for task_id in IDS[:50]:
        whole = in_order(routes, task_id)
        without = in_order([route for route in routes if route is not whole[0]], task_id)
        assert without == whole[1:]
