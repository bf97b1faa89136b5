"""Promise or advisory → the tests that hold it: `python tests/promises.py` fails on a gap."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field
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


@dataclass(frozen=True, slots=True)
class Roll:
    """Every test there is, by its name without parameters, and what each is said to hold."""

    tests: set[str] = field(default_factory=set)
    promises: dict[str, set[str]] = field(default_factory=dict)
    advisories: dict[str, set[str]] = field(default_factory=dict)

    def enter(self, items: Iterable[pytest.Item]) -> None:
        """Put what was collected on the roll."""
        for item in items:
            test = item.nodeid.partition("[")[0]
            self.tests.add(test)
            for marker in item.iter_markers("promise"):
                self.promises.setdefault(str(marker.args[0]), set()).add(test)
            for marker in item.iter_markers("advisory"):
                for name in marker.args:
                    self.advisories.setdefault(str(name), set()).add(test)


def called() -> Roll:
    """Collect every test there is."""
    roll = Roll()

    class Clerk:
        def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
            roll.enter(items)

    root = Path(__file__).parent.parent
    arguments = ["--collect-only", "-qq", "--no-header", "-p", "no:xdist", str(root / "tests")]
    with redirect_stdout(sys.stderr):
        status = pytest.main(arguments, plugins=[Clerk()])
    if status != pytest.ExitCode.OK:
        sys.exit(f"the tests cannot be collected: {status}")
    return roll


def called_elsewhere() -> Roll:
    """The same by another process, for a session that was asked for some tests only."""
    run = subprocess.run(
        [sys.executable, str(Path(__file__)), "--roll"], stdout=subprocess.PIPE, check=True
    )
    told = json.loads(run.stdout)
    return Roll(
        set(told["tests"]),
        {name: set(tests) for name, tests in told["promises"].items()},
        {name: set(tests) for name, tests in told["advisories"].items()},
    )


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


def missing(roll: Roll) -> int:
    """Print both tables; return how many gaps they have."""
    found = gaps(PROMISES, roll.promises, "promise")
    sys.stdout.write("\nWhat went wrong elsewhere (docs/security.md)\n\n")
    return found + gaps(advisories(), roll.advisories, "advisory")


if __name__ == "__main__":
    if sys.argv[1:] == ["--roll"]:
        sys.stdout.write(json.dumps(asdict(called()), default=sorted))
        sys.exit()
    sys.exit(1 if missing(called()) else 0)
