"""What shall go wrong, and a record of what came in.

A script is a list of rules. Each names a verb of the simulator and a fault, and says how
often and for whom it strikes. The first rule that strikes is the one; chance is drawn from
the seed, the prompt and how often that prompt was seen, so that the order of requests that
run side by side changes nothing.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

_DRAWS: Final = 2**64


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that shall go wrong.

    Of the requests that `on` and `prompt` (a part of it) choose, the first `skip` pass, then
    `times` are struck (None: all), each with `chance`. `accepted` makes the task first and
    lets the fault spoil the answer. `value` is what the fault wants to know.
    """

    on: str
    fault: str
    times: int | None = None
    skip: int = 0
    chance: float = 1.0
    prompt: str = ""
    accepted: bool = False
    value: Any = None

    @property
    def spares(self) -> bool:
        """Whether what was asked is done, and only the answer suffers."""
        return self.accepted or self.fault == "slow"


class Script:
    """The rules of a simulator, and how often each has struck."""

    def __init__(self, rules: Iterable[Rule] = (), *, seed: int = 0) -> None:
        self._rules = list(rules)
        self._seed = seed
        self._met: Counter[int] = Counter()
        self._struck: Counter[int] = Counter()
        self._seen: Counter[tuple[str, str]] = Counter()

    @classmethod
    def read(cls, text: str) -> Script:
        """Read a script: JSON with `rules` and `seed`, or the path of a file that holds it.

        Raises:
            ValueError: it is no script.
        """
        if not text.lstrip().startswith("{"):
            text = Path(text).read_text(encoding="utf-8")
        given = msgspec.json.decode(text, type=dict[str, Any])
        if unknown := given.keys() - {"rules", "seed"}:
            raise ValueError(f"a script has rules and a seed, not {', '.join(sorted(unknown))}")
        rules = [_rule(each) for each in given.get("rules", [])]
        return cls(rules, seed=int(given.get("seed", 0)))

    def check(self, verbs: Collection[str], faults: Collection[str]) -> None:
        """Make sure that a simulator knows what the script speaks of.

        Raises:
            ValueError: a rule names another verb or fault; it would never strike.
        """
        for rule in self._rules:
            if rule.on not in verbs or rule.fault not in faults:
                raise ValueError(f"nothing like {rule.fault!r} on {rule.on!r} is known here")

    def add(self, *rules: Rule) -> None:
        """Let more go wrong, after all that was said before."""
        self._rules.extend(rules)

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self._rules.clear()
        self._met.clear()
        self._struck.clear()

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules, in order."""
        return tuple(self._rules)

    def strike(self, on: str, prompt: str = "") -> Rule | None:
        """Say what goes wrong with a request, None for nothing."""
        self._seen[on, prompt] += 1
        for index, rule in enumerate(self._rules):
            if rule.on != on or rule.prompt not in prompt:
                continue
            self._met[index] += 1
            is_due = self._met[index] > rule.skip
            is_spent = rule.times is not None and self._struck[index] >= rule.times
            if is_due and not is_spent and self._draw(index, on, prompt) < rule.chance:
                self._struck[index] += 1
                return rule
        return None

    def _draw(self, index: int, on: str, prompt: str) -> float:
        text = f"{self._seed}:{index}:{on}:{self._seen[on, prompt]}:{prompt}"
        return int.from_bytes(sha256(text.encode()).digest()[:8]) / _DRAWS


def _rule(given: Any) -> Rule:  # noqa: ANN401 -- whatever stands in the file
    if not isinstance(given, dict) or given.keys() - set(Rule.__dataclass_fields__):
        raise ValueError(f"no rule: {given!r}; a rule has {', '.join(Rule.__dataclass_fields__)}")
    return msgspec.convert(given, Rule)


class RequestLog:
    """Every attempt to make a task, in order; on disk before it is answered.

    The file is appended to, one JSON object per line, and synced, so that a test that kills
    everything can still count what was asked for.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.entries: list[Mapping[str, object]] = []
        self._path = path

    def note(self, **entry: object) -> None:
        """Write an attempt down."""
        self.entries.append(entry)
        if self._path is None:
            return
        line = msgspec.json.encode(entry) + b"\n"
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(file, line)
            os.fsync(file)
        finally:
            os.close(file)

    @staticmethod
    def read(path: Path) -> list[dict[str, Any]]:
        """Read a log back."""
        return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
