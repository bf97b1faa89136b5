"""Every number that a process tells is explained to whoever runs it, and drawn where it is named.

The page, the dashboard and the alerts are held against the registries of processes as they are
put together for `serve`, `api` and `worker`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from prometheus_client import generate_latest

from living import Living, menu
from rushes.answering import application_of
from rushes.clock import SystemClock
from rushes.folder import open_books
from rushes.http.bounds import GuardLimits
from rushes.http.links import Links
from rushes.http.server import server_of
from rushes.observe import Metrics
from rushes.rooms import parts_of
from rushes.settings import load

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "metrics.md"
DASHBOARD = ROOT / "deploy" / "grafana" / "rushes.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
ROLES = {"serve": (True, True), "api": (True, False), "worker": (False, True)}
SUFFIXES = ("_bucket", "_sum", "_count")


@dataclass(frozen=True)
class Row:
    """A line of the page."""

    name: str
    kind: str
    labels: tuple[str, ...]
    told_by: frozenset[str]


def rows() -> dict[str, Row]:
    found = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        name = re.fullmatch(r"`([a-z_]+)`", cells[0])
        if name is None:
            continue
        told_by = ROLES if cells[3] == "all" else cells[3].split(", ")
        labels = tuple(re.findall(r"`(\w+)`", cells[2]))
        found[name[1]] = Row(name[1], cells[1].partition(",")[0], labels, frozenset(told_by))
    return found


def told(registry: Any) -> dict[str, str]:
    """Names and types as a scrape has them."""
    text = generate_latest(registry).decode()
    found = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    return {name: kind for name, kind in found.items() if not name.endswith("_created")}


@pytest.fixture(scope="module")
def registries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Any]]:
    """What each kind of process has registered, once it is put together."""
    folder = tmp_path_factory.mktemp("numbers")
    settings = load(data_dir=folder / "data", server={"port": 0})
    open_books(settings, SystemClock(), may_make=True).close()
    links = Links(b"s" * 32, "http://localhost:8080", ttl_s=60)
    parts = parts_of(settings, SystemClock(), folder, None, links)
    found = {}
    with closing(parts.truth):
        for role, (for_callers, has_engine) in ROLES.items():
            parts.metrics = Metrics()
            application = application_of(
                parts, links, for_callers=for_callers, has_engine=has_engine
            )
            server_of(application, host="127.0.0.1", port=0, limits=GuardLimits(), drain_s=1)
            found[role] = parts.metrics.registry
        yield found


@pytest.mark.parametrize("role", ROLES)
def test_page_and_process_tell_the_same_numbers(role: str, registries: Mapping[str, Any]) -> None:
    explained = {row.name: row.kind for row in rows().values() if role in row.told_by}
    assert explained == told(registries[role])


def test_a_server_at_work_tells_what_the_page_explains(server: Living) -> None:
    text = httpx2.get(f"{server.url}/metrics", timeout=20).text
    found = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    found = {name: kind for name, kind in found.items() if not name.endswith("_created")}
    assert found == {row.name: row.kind for row in rows().values() if "serve" in row.told_by}
    for line in (
        'rushes_in_flight_max{provider="sandbox"}',
        'rushes_disk_free_bytes{place="data"}',
    ):
        assert re.search(f"^{re.escape(line)} [1-9]", text, re.MULTILINE), line
    for what in re.findall(r'^rushes_guard_total\{what="(\w+)"', text, re.MULTILINE):
        assert f"`{what}`" in PAGE.read_text(encoding="utf-8"), what


def test_every_label_is_on_the_page_and_the_other_way_round() -> None:
    page, seen = rows(), set()
    for metric in vars(Metrics()).values():
        if not hasattr(metric, "_labelnames"):
            continue
        name = metric._name + ("_total" if metric._type == "counter" else "")
        assert page[name].labels == tuple(metric._labelnames), name
        seen.add(name)
    asked = {row.name for row in page.values() if row.labels == ("what",)}
    assert {n for n in page if n.startswith("rushes_")} <= seen | asked


# -- the dashboard and the alerts ---------------------------------------------------------------

_WORDS = "abs and avg bool count histogram_quantile increase le max min on or rate sum time unless"
FUNCTIONS = frozenset(re.findall(r"\w+", _WORDS))


def metrics_of(expression: str) -> set[str]:
    """The metrics that a PromQL expression names: what is no label, function, string or number."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    bare = re.sub(r"\{[^}]*\}", "", bare)
    bare = re.sub(r"\[[^\]]*\]", "", bare)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left)\s*\([^)]*\)", "", bare)
    return set(re.findall(r"[a-z_][a-z0-9_:]*", re.sub(r"\$\w+", "", bare))) - FUNCTIONS


def is_known(name: str, page: Mapping[str, Row]) -> bool:
    base = next((name.removesuffix(end) for end in SUFFIXES if name.endswith(end)), name)
    is_histogram = base in page and page[base].kind == "histogram" and base != name
    return name == "up" or is_histogram or (name in page and page[name].kind != "histogram")


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return found


def expressions() -> list[tuple[str, str]]:
    drawn = [
        (panel["title"], target["expr"])
        for panel in dashboard()["panels"]
        for target in panel.get("targets", [])
    ]
    return [*drawn, *((rule["alert"], rule["expr"]) for rule in rules())]


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_what_is_drawn_and_what_wakes_somebody_is_told_by_a_process() -> None:
    page = rows()
    for title, expression in expressions():
        names = metrics_of(expression)
        assert names, title
        unknown = {name for name in names if not is_known(name, page)}
        assert not unknown, f"{title}: {unknown}"
        for metric, labels in re.findall(r"([a-z_]+)\{([^}]*)\}", expression):
            base = next((metric.removesuffix(s) for s in SUFFIXES if metric.endswith(s)), metric)
            base = base if base in page else metric
            asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels))
            if base in page:
                own = {*page[base].labels, "job", "instance", "le"}
                assert asked <= own, f"{title}: {asked - own} of {metric}"


def test_every_number_of_ours_is_drawn_or_wakes_somebody() -> None:
    named = {name for _, expression in expressions() for name in metrics_of(expression)}
    shown = {next((n.removesuffix(s) for s in SUFFIXES if n.endswith(s)), n) for n in named} | named
    ours = {name for name in rows() if name.startswith("rushes_")}
    assert not ours - shown


def test_the_dashboard_is_one_that_any_grafana_takes() -> None:
    board = dashboard()
    panels = board["panels"]
    ids = [panel["id"] for panel in panels]
    assert len(ids) == len(set(ids))
    assert "id" not in board or board["id"] is None
    titles = [panel["title"] for panel in panels if panel["type"] == "row"]
    assert titles == ["Callers", "Tasks", "Upstreams", "Money", "Webhooks", "Machine"]
    assert {one["name"] for one in board["templating"]["list"]} >= {"datasource", "job"}
    for source in re.findall(r'"uid": ?"([^"]*)"', DASHBOARD.read_text(encoding="utf-8")):
        assert source in {"${datasource}", board["uid"]}
    for panel in panels:
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}", panel["title"]
            assert panel["description"], panel["title"]
            box = panel["gridPos"]
            assert 0 <= box["x"] < box["x"] + box["w"] <= 24
    boxes = [panel["gridPos"] for panel in panels]
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            apart = (
                one["x"] + one["w"] <= other["x"]
                or other["x"] + other["w"] <= one["x"]
                or one["y"] + one["h"] <= other["y"]
                or other["y"] + other["h"] <= one["y"]
            )
            assert apart, (one, other)


def is_command(words: list[str]) -> bool:
    """Whether the command line begins with these words; what follows is a sentence's."""
    command: Any = menu()
    while hasattr(command, "commands"):
        if not words or words[0] not in command.commands:
            return False
        command = command.commands[words.pop(0)]
    return True


def test_every_alert_says_what_is_wrong_what_it_breaks_and_what_to_do() -> None:
    found = rules()
    assert len({rule["alert"] for rule in found}) == len(found)
    promises = set()
    for rule in found:
        name = rule["alert"]
        assert rule["labels"]["severity"] in {"page", "ticket"}, name
        assert {"summary", "description"} <= set(rule["annotations"]), name
        assert re.fullmatch(r"\d+[smhd]", rule.get("for", "0s")), name
        promises |= set(re.findall(r"P\d+", rule["labels"].get("promise", "")))
    text = ALERTS.read_text(encoding="utf-8")
    for words in sorted(set(re.findall(r"rushes ([a-z]+(?: [a-z]+)?(?: list)?)", text))):
        assert is_command(words.split()), words
    assert promises >= {"P1", "P2", "P3", "P4", "P5", "P10", "P11"}
