"""Promise or advisory → the tests that hold it: `python tests/promises.py` fails on a gap."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

from advisories import advisories

PROMISES = {
    "P1": "Accepted is durable",
    "P2": "Paid at most once",
    "P3": "Every task ends",
    "P4": "Succeeded means we hold the bytes",
    "P5": "Money balances",
    "P6": "A final status never changes",
    "P7": "A look costs nothing upstream",
    "P8": "Callers cannot see, stop or fetch what is not theirs",
    "P9": "We never fetch from, or post to, places the operator would not",
    "P10": "Any process may die, pause or be cut off at any instant",
    "P11": "Paid is never forgotten",
}

Tests = Mapping[str, set[str]]


class Collector:
    """A pytest plugin that notes which test names which promise, and which advisory."""

    def __init__(self) -> None:
        self.promises: dict[str, set[str]] = defaultdict(set)
        self.advisories: dict[str, set[str]] = defaultdict(set)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            test = item.nodeid.partition("[")[0]
            for marker in item.iter_markers("promise"):
                self.promises[str(marker.args[0])].add(test)
            for marker in item.iter_markers("advisory"):
                for name in marker.args:
                    self.advisories[str(name)].add(test)


def collect() -> Collector:
    """Return the tests of every promise and every advisory."""
    collector = Collector()
    root = Path(__file__).parent.parent
    arguments = ["--collect-only", "-qq", "--no-header", "-p", "no:xdist", str(root / "tests")]
    status = pytest.main(arguments, plugins=[collector])
    if status != pytest.ExitCode.OK:
        sys.exit(f"the tests cannot be collected: {status}")
    return collector


def gaps(sentences: Mapping[str, str], tests: Tests, noun: str) -> int:
    """Print what is held by which tests; return how many stand without one, or are unknown."""
    for name, sentence in sentences.items():
        sys.stdout.write(f"{name}  {sentence}\n")
        for test in sorted(tests.get(name, ())):
            sys.stdout.write(f"      {test}\n")
        if not tests.get(name):
            sys.stdout.write(f"      NO TEST HOLDS THIS {noun.upper()}\n")
    unknown = sorted(set(tests) - set(sentences))
    for name in unknown:
        sys.stdout.write(f"there is no {noun} {name}: {sorted(tests[name])}\n")
    return len(unknown) + sum(not tests.get(name) for name in sentences)


def main() -> int:
    """Print both tables; return how many gaps they have."""
    found = collect()
    sys.stdout.write("\n")
    missing = gaps(PROMISES, found.promises, "promise")
    sys.stdout.write("\nWhat went wrong elsewhere (docs/security.md)\n\n")
    return missing + gaps(advisories(), found.advisories, "advisory")


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
