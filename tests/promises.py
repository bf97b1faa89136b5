"""Promise → the tests that hold it: `python tests/promises.py` prints, and fails on a gap."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import pytest

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
LATER = {
    "P10": "several processes on PostgreSQL: Many machines",
    "P11": "adopting a salvaged film: Many machines",
}


class Collector:
    """A pytest plugin that notes which test names which promise."""

    def __init__(self) -> None:
        self.tests: dict[str, set[str]] = defaultdict(set)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            for marker in item.iter_markers("promise"):
                self.tests[str(marker.args[0])].add(item.nodeid.partition("[")[0])


def collect() -> dict[str, set[str]]:
    """Return the tests of every promise."""
    collector = Collector()
    root = Path(__file__).parent.parent
    arguments = ["--collect-only", "-qq", "--no-header", "-p", "no:xdist", str(root / "tests")]
    status = pytest.main(arguments, plugins=[collector])
    if status != pytest.ExitCode.OK:
        sys.exit(f"the tests cannot be collected: {status}")
    return collector.tests


def main() -> int:
    """Print the table; return how many promises stand without a test."""
    tests = collect()
    sys.stdout.write("\n")
    for name, sentence in PROMISES.items():
        later = f"   (later: {LATER[name]})" if name in LATER else ""
        sys.stdout.write(f"{name}  {sentence}{later}\n")
        for test in sorted(tests.get(name, ())):
            sys.stdout.write(f"      {test}\n")
        if not tests.get(name):
            sys.stdout.write("      NO TEST HOLDS THIS PROMISE\n")
    unknown = set(tests) - set(PROMISES)
    missing = [name for name in PROMISES if not tests.get(name)]
    for name in unknown:
        sys.stdout.write(f"there is no promise {name}: {sorted(tests[name])}\n")
    return len(missing) + len(unknown)


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
