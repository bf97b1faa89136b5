"""From a vendor's "done" to a caller who holds the bytes, with many tasks open.

    python benchmarks/delivery.py [--open N ...] [--looks-per-s N] [--samples N] [--per-s N]

So many tasks are open at a vendor whose account allows `--looks-per-s` looks a second, all tasks
together. Every task is due for a look each five seconds, so what really decides how often one is
looked at is the allowance: open tasks by looks a second, which is the look interval told here.
Sampled tasks become done one after the other; the others stay open, because two cores cannot make
ten thousand films in a minute. A third of the samples is rung for by the vendor (a callback); two
thirds are found by looking. Callers long-poll, a third asks every three seconds instead; then
they download. One film comes home before all others: the first starts the process that decodes,
about a second that no later one waits. Timed is from the vendor's own clock at "done" to the last
byte at the caller.

`plain` is what a hand-written client does with the same vendor and the same allowance: one loop
that looks at every job in turn and downloads what is done, keeping nothing on a disk.

SQLite is one `rushes serve`; PostgreSQL is one `rushes api` and one `rushes worker`.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from completions import tiny_film
from measuring import (
    Budget,
    Result,
    arguments,
    cpu_s,
    free_port,
    load_1min,
    memory_mb,
    rounded,
    show,
)
from sites import DATABASES, TAKEN, Plan, Site, Staged, a_server, a_site, a_vendor, told_by

KINDS = ("hints, long-poll", "looks, long-poll", "looks, every 3 s")
POLL_S = 3.0
WAIT_S = 30
WAIT_PER_KEY = 50
"""How many callers share a key, which may have a hundred requests waiting."""

SETTLE_S = 5.0
GRACE_S = 60.0


@dataclass(frozen=True)
class Sample:
    """One film, and how long it took from "done" to a look, to our fetching it, to its caller."""

    kind: str
    seen_s: float
    fetched_s: float
    delivery_s: float


@dataclass(frozen=True)
class Measure:
    """One database, so many tasks open, one way to hear of it."""

    database: str
    open_count: int
    kind: str
    p50_s: float
    p99_s: float
    seen_p99_s: float
    fetched_p99_s: float
    interval_s: float
    looks_per_s: float
    looks_per_s_max: float
    cpu_percent: float
    rss_mb: float | None


def at_share(values: Sequence[float], share: float) -> float:
    """Return the value that a share of all is not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spans_of(samples: Sequence[Sample]) -> tuple[float, float, float, float]:
    """Return the median and the 99th of a hundred to the bytes, and the latter of both legs."""
    waits = [one.delivery_s for one in samples]
    return (
        at_share(waits, 0.5),
        at_share(waits, 0.99),
        at_share([one.seen_s for one in samples], 0.99),
        at_share([one.fetched_s for one in samples], 0.99),
    )


# -- callers -----------------------------------------------------------------------------
async def delivered(
    client: httpx2.AsyncClient, base: str, secret: str, task_id: str, kind: str
) -> float:
    """Wait for a film as a caller does; return when its last byte was here."""
    address = f"{base}/v1/video/generations/{task_id}"
    headers = {"Authorization": f"Bearer {secret}"}
    if kind.endswith("3 s"):
        await asyncio.sleep(random.random() * POLL_S)
    while True:
        params = {} if kind.endswith("3 s") else {"wait": str(WAIT_S)}
        told = (await client.get(address, params=params, headers=headers)).json()
        match told.get("status"):
            case "succeeded":
                break
            case "failed" | "canceled" | "expired" | None:
                raise SystemExit(f"{task_id}: {told}")
        if kind.endswith("3 s"):
            await asyncio.sleep(POLL_S)
    film = await client.get(told["url"], headers=headers)
    film.raise_for_status()
    assert film.content
    return time.time()


async def sampled(
    base: str,
    secrets: Sequence[str],
    vendor: int,
    chosen: Sequence[Staged],
    per_s: float,
    patience_s: float,
) -> list[Sample]:
    """Finish jobs at an even pace, and time how they come to callers, who share the keys."""
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(
        trust_env=False, timeout=120, limits=limits, follow_redirects=True
    ) as client:
        kinds = [KINDS[number % len(KINDS)] for number in range(len(chosen))]

        async def one(number: int, task: Staged, kind: str) -> Sample:
            """Begin to wait a moment before the job is done."""
            await asyncio.sleep(number / per_s)
            waiting = asyncio.create_task(
                delivered(client, base, secrets[number % len(secrets)], task.task_id, kind)
            )
            await asyncio.sleep(POLL_S)
            wish = {"id": task.ticket}
            if kind.startswith("hints"):
                wish["callback"] = f"{base}/hooks/gpu/{task.token}"
            await client.post(f"http://127.0.0.1:{vendor}/_finish", json=wish)
            return await _sample(kind, client, vendor, task.ticket, await waiting)

        async with asyncio.timeout(len(chosen) / per_s + patience_s):
            ones = (one(*each) for each in zip(range(len(chosen)), chosen, kinds, strict=True))
            return await asyncio.gather(*ones)


async def _sample(
    kind: str, client: httpx2.AsyncClient, vendor: int, job_id: str, held_at: float
) -> Sample:
    """Ask the vendor when a job was done, and when we came for it."""
    times = (await client.get(f"http://127.0.0.1:{vendor}/_times/{job_id}")).json()
    return Sample(kind, *(at - times["done"] for at in (times["seen"], times["fetched"], held_at)))


# -- a hand-written client -----------------------------------------------------------------
async def plain(vendor: int, open_count: int, given: Any) -> list[Sample]:
    """Look at every job in turn, as fast as the account allows, and download what is done."""
    base = f"http://127.0.0.1:{vendor}/api/v3/contents/generations/tasks"
    names = [f"plain-{number}" for number in range(open_count)]
    chosen, taken = (
        names[:: max(1, open_count // given.samples)][: given.samples],
        dict[str, float](),
    )
    random.Random(0).shuffle(names)
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as client:

        async def look(name: str) -> None:
            job = (await client.get(f"{base}/{name}")).json()
            if job["status"] == "succeeded" and name not in taken:
                (await client.get(job["content"]["video_url"])).raise_for_status()
                taken[name] = time.time()

        async def finish() -> None:
            for name in chosen:
                await client.post(f"http://127.0.0.1:{vendor}/_finish", json={"id": name})
                await asyncio.sleep(1 / given.per_s)

        finishing = asyncio.create_task(finish())
        looks: set[asyncio.Task[None]] = set()
        begun, count = time.monotonic(), 0
        while len(taken) < len(chosen):
            name = names[count % len(names)]
            if name not in taken:
                looks.add(asyncio.create_task(look(name)))
            count += 1
            await asyncio.sleep(max(0.0, begun + count / given.looks_per_s - time.monotonic()))
            looks = {one for one in looks if not one.done()}
        await finishing
        return [await _sample("looks", client, vendor, name, taken[name]) for name in chosen]


# -- a run -----------------------------------------------------------------------------------
def measured(
    site: Site, vendor: int, open_count: int, given: Any
) -> tuple[list[Sample], dict[str, float]]:
    """Open tasks, let the engine take them, and sample."""
    port = free_port()
    plan = Plan(vendor=vendor, in_flight_max=open_count, looks_per_s=given.looks_per_s)
    plan = Plan(**{**vars(plan), "public_url": f"http://127.0.0.1:{port}"})
    site.configure(plan)
    tasks = site.stage(open_count)
    first, *chosen = random.Random(0).sample(tasks, given.samples + 1)
    with ExitStack() as stack:
        role = "serve" if site.url is None else "api"
        processes = [stack.enter_context(site.running(role, port=port, plan=plan))]
        if site.url is not None:
            processes.append(stack.enter_context(site.running("worker", plan=plan)))
        took_s = site.wait(TAKEN, open_count)
        print(f"  {open_count} taken within {took_s:.0f} s", file=sys.stderr, flush=True)
        interval_s = max(plan.look_again_s, open_count / given.looks_per_s)
        time.sleep(SETTLE_S + interval_s)  # each was looked at once since it was taken over
        base, patience_s = f"http://127.0.0.1:{port}", 3 * interval_s + GRACE_S
        secrets = site.make_keys(1 + given.samples // WAIT_PER_KEY)
        asyncio.run(sampled(base, secrets, vendor, [first], given.per_s, patience_s))
        began, spent_s = time.time(), sum(cpu_s(each.pid) for each in processes)
        samples = asyncio.run(sampled(base, secrets, vendor, chosen, given.per_s, patience_s))
        took_s = time.time() - began
        told = told_by(vendor, began)
        facts = {
            "interval_s": interval_s,
            "looks_per_s": told["looks"] / took_s,
            "looks_per_s_max": float(told["looks_per_s_max"]),
            "cpu_percent": 100 * (sum(cpu_s(each.pid) for each in processes) - spent_s) / took_s,
            "rss_mb": sum(memory_mb(each.pid) for each in processes),
        }
    return samples, facts


def main() -> None:
    parser = arguments(__doc__)
    parser.set_defaults(rounds=1)
    parser.add_argument("--open", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--databases", nargs="+", default=DATABASES, choices=DATABASES)
    parser.add_argument("--looks-per-s", type=float, default=200.0, help="what the vendor allows")
    parser.add_argument("--samples", type=int, default=240, help="films, in each run")
    parser.add_argument("--per-s", type=float, default=5.0, help="how many become done a second")
    parser.add_argument("--folder", type=Path, help="where the files go (default: temporary)")
    given = parser.parse_args()
    loads, measures = [load_1min()], list[Measure]()
    with tempfile.TemporaryDirectory(dir=given.folder) as home, ExitStack() as stack:
        film = Path(home) / "tiny.mp4"
        tiny_film(film)
        server = stack.enter_context(a_server()) if "postgresql" in given.databases else None
        for number in range(given.rounds):
            for open_count in given.open:
                interval_s = open_count / given.looks_per_s
                with a_vendor(film) as vendor:
                    began = time.time()
                    waits = asyncio.run(plain(vendor, open_count, given))
                    told, took_s = told_by(vendor, began), time.time() - began
                nothing = (interval_s, told["looks"] / took_s, told["looks_per_s_max"], 0.0, None)
                measures.append(Measure("plain", open_count, "looks", *spans_of(waits), *nothing))
                print(measures[-1], file=sys.stderr, flush=True)
                for database in given.databases:
                    folder = Path(home) / f"{database}-{open_count}-{number}"
                    with a_vendor(film) as vendor, a_site(database, folder, server) as site:
                        samples, facts = measured(site, vendor, open_count, given)
                    for kind in KINDS:
                        mine = [one for one in samples if one.kind == kind]
                        one = Measure(database, open_count, kind, *spans_of(mine), **facts)
                        print(one, file=sys.stderr, flush=True)
                        measures.append(one)
    loads.append(load_1min())
    tell(measures, loads, given)


def tell(measures: Sequence[Measure], loads: Sequence[float], given: Any) -> None:
    """Say the medians over rounds, and hold them to the budget."""
    lines: dict[str, dict[str, Any]] = {}
    waits = ("p50_s", "p99_s", "seen_p99_s", "fetched_p99_s", "interval_s")
    facts = (*waits, "looks_per_s", "looks_per_s_max", "cpu_percent")
    for one in measures:
        name = f"{one.open_count:,} open, {one.database}: {one.kind}"
        mine = [each for each in measures if each.kind == one.kind]
        mine = [
            each
            for each in mine
            if (each.database, each.open_count) == (one.database, one.open_count)
        ]
        lines[name] = {
            fact: rounded(at_share([getattr(each, fact) for each in mine], 0.5)) for fact in facts
        }
    show(
        "delivery",
        (
            "p50 s",
            "p99 s",
            "seen p99 s",
            "fetched p99 s",
            "interval s",
            "looks/s",
            "most in 1 s",
            "CPU %",
        ),
        [(name, *(line[fact] for fact in facts)) for name, line in lines.items()],
    )
    budgets = []
    for open_count in given.open:
        beside = lines[f"{open_count:,} open, plain: looks"]["p99_s"]
        hinted = [line for name, line in lines.items() if _is(name, open_count, KINDS[0])]
        looked = [line for name, line in lines.items() if _is(name, open_count, KINDS[1])]
        if hinted:
            worst = max(line["p99_s"] for line in hinted)
            name = f"done to bytes, {open_count:,} open, hints, p99"
            budgets.append(Budget(name, worst, "s", 1.0, 0.2, beside, "plain loop of looks"))
        if looked:
            worst = max(line["p99_s"] for line in looked)
            limit_s = looked[0]["interval_s"] + 1
            name = f"done to bytes, {open_count:,} open, looks, p99"
            budgets.append(
                Budget(name, worst, "s", limit_s, limit_s - 0.8, beside, "plain loop of looks")
            )
    settings = {
        "open": given.open,
        "looks_per_s": given.looks_per_s,
        "samples": given.samples,
        "per_s": given.per_s,
        "rounds": given.rounds,
        "load_1min": list(loads),
    }
    Result("delivery", budgets, lines, settings, measures=measures).tell(given.json)


def _is(name: str, open_count: int, kind: str) -> bool:
    return name.startswith(f"{open_count:,} open") and name.endswith(kind)


if __name__ == "__main__":
    main()
