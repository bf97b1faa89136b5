"""The pages about scale and speed are what their scripts write, and the model adds up."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def scale(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return script("scale", monkeypatch)


def test_the_page_about_speed_is_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    report = script("report", monkeypatch)
    assert report.PAGE.read_text(encoding="utf-8") == report.page(report.results())


def test_the_page_about_scale_is_what_its_script_writes(scale: ModuleType) -> None:
    assert scale.PAGE.read_text(encoding="utf-8") == scale.page(scale.results())


def test_nothing_stays_to_be_measured_once_all_results_are_there(scale: ModuleType) -> None:
    found = scale.results()
    if found.keys() >= set(scale.NEEDED):
        assert scale.UNKNOWN not in scale.page(found)


def test_twice_as_many_tasks_want_twice_as_many_cores(scale: ModuleType) -> None:
    cost = scale.Cost(0.001, 0.0001, 0.01, 0.5, 0.0002, 5_000.0)
    one, two = scale.simulated(100_000, cost), scale.simulated(200_000, cost)
    for fact in ("api", "worker", "decoding", "database", "open_tasks"):
        assert getattr(two, fact) == pytest.approx(2 * getattr(one, fact))
    assert one.database == pytest.approx(100_000 / 86_400 / 0.5 * 8 * 0.0002)
