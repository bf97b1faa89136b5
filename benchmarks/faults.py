"""Films that were paid for and did not reach their caller, per thousand injected faults.

    python benchmarks/faults.py

The simulated world (`make sim`) runs the real story, keeper and carrying, with everything around
them faked. Here one task at a time is lived through with one fault in it: a process killed, lost,
paused past its takeover, or a whole site down for longer than a render, at each boundary in turn,
under each way in which a vendor can answer a submit. The vendor does make the film. Counted are
films that it began for money, that were not canceled there, and that nobody got: where its list
tells exactly whether a submit arrived, and where nothing tells. In the second case nothing is
sent again, so that nothing is paid twice; what was paid is on record (`rushes salvage report`),
and `unreported` are those that are not, for which the auditor ends this run too. `twice` are
tasks with two submits that may be billed.

With real processes, `make chaos` counts the same: its last line names films lost and paid twice.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

import structlog
from measuring import Budget, Result, arguments, load_1min, rounded, show

from rushes.domain.task import Status
from rushes.testing.histories import FELT, Fate, History, Wishes
from rushes.testing.world import ANSWERS, Script

BLOWS = ("kill", "lose", "kill all", "down", "pause")
FACTS = ("faults", "began", "undelivered", "unreported", "twice")
REPORT_MAX = 100
FINDS = {"list is exact": "exact", "nothing tells": "unknown"}


@dataclass(frozen=True)
class Measure:
    """One way to answer a submit, one kind of list."""

    find: str
    answer: str
    faults: int
    began: int
    undelivered: int
    unreported: int
    twice: int


def lived(wishes: Wishes, find: str, answer: str) -> Measure:
    """Live a task with each blow at each boundary."""
    found = Counter[str]()
    calm = History(Fate((wishes,))).run()
    for blow in BLOWS:
        for at, stop in enumerate(calm.stops):
            if blow not in FELT[stop]:
                continue
            history = History(Fate((wishes,), blow=blow, at=at)).run()
            found["faults"] += 1
            found += judged(history)
    return Measure(find, answer, **{fact: found[fact] for fact in FACTS})


def judged(history: History) -> Counter[str]:
    """Hold the vendor's books beside the task's end."""
    jobs = [job for upstream in history.upstreams.values() for job in upstream.jobs.values()]
    paid = [job for job in jobs if job.is_billable and not job.is_canceled]
    tasks = list(history.store.tables.tasks.values())
    has_film = any(task.status is Status.SUCCEEDED for task in tasks)
    undelivered = 0 if has_film else len(paid)
    on_record = history.store.read_now(lambda tx: len(tx.salvage(REPORT_MAX)))
    return Counter(
        began=len(paid),
        undelivered=undelivered,
        unreported=max(0, undelivered - on_record),
        twice=int(len(paid) > 1),
    )


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    parser = arguments(__doc__)
    parser.set_defaults(rounds=1)
    given = parser.parse_args()
    loads, measures = [load_1min()], list[Measure]()
    for name, find in FINDS.items():
        for answer in ANSWERS:
            script = Script(answers=(answer, "accept"), find=find)
            one = lived(Wishes(script=script), name, answer)
            print(one, file=sys.stderr, flush=True)
            measures.append(one)
    loads.append(load_1min())
    lines: dict[str, dict[str, Any]] = {}
    for name in FINDS:
        mine = [one for one in measures if one.find == name]
        line: dict[str, Any] = {fact: sum(getattr(one, fact) for one in mine) for fact in FACTS}
        line["per_1000"] = rounded(1000 * line["undelivered"] / line["faults"])
        lines[name] = line
    columns = ("faults", "began", "undelivered", "per_1000", "unreported", "twice")
    show(
        "faults",
        ("faults", "films begun", "undelivered", "per 1,000", "unreported", "paid twice"),
        [(name, *(line[column] for column in columns)) for name, line in lines.items()],
    )
    exact, silent = lines["list is exact"], lines["nothing tells"]
    budgets = [
        Budget("paid, undelivered, list exact", exact["per_1000"], "per 1,000 faults", 0.0, 0.0),
        Budget(
            "paid, undelivered and on no record",
            float(exact["unreported"] + silent["unreported"]),
            "",
            0.0,
            0.0,
        ),
        Budget("paid twice", float(exact["twice"] + silent["twice"]), "", 0.0, 0.0),
    ]
    settings = {"rounds": given.rounds, "load_1min": loads}
    Result("faults", budgets, lines, settings, measures=measures).tell(given.json)


if __name__ == "__main__":
    main()
