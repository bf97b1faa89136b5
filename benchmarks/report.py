"""The page and the plot of the benchmarks, from what the scripts wrote down.

    python benchmarks/report.py        # benchmarks/results/*.json → docs/benchmarks.md and .svg

Nothing on the page is typed by hand but its sentences: a figure is in a result, with its command
and its machine. `tests/test_scale.py` holds the page to the results.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PAGE = HERE.parent / "docs" / "benchmarks.md"
PLOT = PAGE.with_suffix(".svg")
NAMES = (
    "five_minutes",
    "looks",
    "submits",
    "studio",
    "provenance",
    "downloads",
    "memory",
    "start",
    "machines",
    "completions",
    "delivery",
    "waiting",
    "recovery",
    "faults",
    "litellm_proxy",
)
"""In the order of the page. What was not measured yet, or is not installed, is left out of it."""

Result = Mapping[str, Any]

HEAD = """# Benchmarks

How fast Rushes is and what it costs, each figure beside a baseline of the same run. Machines differ and are noisy: compare
ratios and medians, not figures. `make bench` measures everything anew (it wants wrk, nginx and curl: `apt-get install wrk
nginx curl`) and writes this page; `benchmarks/` has one script for each table.

![Four charts: looks per CPU second beside Go and nginx, submits beside plain sqlite3, seconds for a film at three sizes,
CPU seconds per GB downloaded beside nginx](benchmarks.svg)
"""

SAID = {
    "five_minutes": """
What a stranger waits for, typed without a thought: a clone, an environment of its own (packages from the index, or from pip's cache),
`rushes init` with the key of a simulated upstream, `rushes serve`, a wish, the film at home.
""",
    "looks": """
A look is `GET /v1/video/generations/{id}` with a Bearer key, kept-alive, 64 connections, the task queued. `rushes` is
`rushes serve` as it comes, on SQLite, its engine running; `traced` is the same server where each look has a `traceparent` of its
own, so that no head is known again and each is parsed; `go` answers the same with the same headers from a map
(`benchmarks/baselines/go_lookup`); `hello` is one constant answer by our HTTP server (`benchmarks/baselines/hello.py`),
each head parsed; `nginx` is a constant answer. Each server has one core, wrk the other. Where
wrk is the limit (nginx, Go), looks per second of the clock are too few: compare looks per second of the server's CPU.
""",
    "submits": """
A submit is `POST /v1/video/generations` with an Idempotency-Key of its own: 200 means that task, hold, answer and work are
on disk (SQLite, `synchronous = FULL`). The engine runs beside it with all its slots busy. `plain` is what `sqlite3` itself
makes of such rows with one commit for as many: the limit of this disk and this file format, without HTTP, checks or an
engine.
""",
    "studio": """
`draw` is one child of the studio from start to a finished MP4: the budget's film. `road` is what a caller waits from `POST` to
`succeeded`, with queueing, storing, decoding to the end and its stills, which is about a second more; `encode` is the
studio's encoder alone, given a gradient. Below the three sizes, of mixed prompts, each place at 720p with a camera that moves. CPU
seconds are of both processes of a film, the peak is the memory of the larger one.
""",
    "provenance": """
Every film is sealed before it is stored: a C2PA manifest is signed into a copy of it by a forked child that holds no key
(`docs/how-to/provenance.md`). The least this could cost is the same bytes copied and hashed. The library reads a film three times: for the
copy, for the hash, and to check what it wrote. Memory is the child's peak, and does not follow the film's length. `verify` starts a Python
for the file.
""",
    "downloads": """
Server CPU seconds per GB of film sent, so many callers at once, on the server's core ("together") or on another ("apart").
Ours goes out by `sendfile` (`rushes/http/zerocopy.py`); `starlette` is `FileResponse`. Loopback runs TCP's receiving side at the
expense of whoever is on the core, so compare within a row.
""",
    "memory": """
What a server and its children hold beyond what they held before, at most, as `Pss`, looked at fifty times a second: while a film
comes home (fetched, decoded to its end, sealed, stored; the long one is padded, so that its length is all that differs), and
while callers take films of 20 MB at a megabyte a second each.
""",
    "start": """
From `exec` to the first 200 of `/healthz` and of `/readyz`, and memory and CPU of the process and its children ten seconds
later, over ten seconds. `empty` makes its data folder, `warm` finds one with a thousand tasks; `hello` is a bare uvicorn.
""",
    "machines": """
One PostgreSQL that syncs to its disk, and one API and one worker, or two of each, all on the same two cores with their callers. A
submit is that of *Submits*; `alone` and `grouped` are psycopg writing rows of the same kind, one accept a commit and 64. A look is that
of *Looks*; `by Go` compares looks per second of the API's own CPU, and PostgreSQL's comes on top ("DB CPU").
""",
    "completions": """
Films that one process brings home a second, from "the vendor has it" to `succeeded`. `engine` looks at no film: what a completion costs
but for decoding, beside the same film and stills written and synced. `tiny` is half a second at 64x36, `large` five seconds at 720p, beside
a loop on every core that decodes such a film to its end, makes its stills, and keeps nothing.
""",
    "delivery": """
From a vendor's "done" to the last byte at a caller, with so many tasks open at a vendor that allows so many looks a second in all (see
the command; DashScope's documented 20 would make every figure of looking longer in proportion). The interval is open tasks by looks
allowed: nobody who looks can be faster. A few sampled films a second become done, the others stay open: two cores do not render ten
thousand. Some samples are rung for by the vendor ("hints"), the others are found by looking; callers long-poll, or ask every 3 s.
"Seen" and "fetched" are by the vendor's books: done to the first look that saw it, and to our coming for the film.
`plain` is a hand-written loop that looks at every job in turn at the same pace and keeps nothing. SQLite is one `rushes serve`,
PostgreSQL one `rushes api` and one `rushes worker`.
""",
    "waiting": """
Tasks that a vendor has, watched by one process and due for a look every ten minutes. `plain` is a bare asyncio program with as many
coroutines asleep.
""",
    "recovery": """
Two workers on PostgreSQL share so many tasks, and the one that has more of them is killed (`kill -9`). A task is resumed when its
`lease_epoch` has risen. Nothing can be resumed before a silent process is taken for dead, 4 s as it comes; `plain` is such a lease and
one UPDATE, without an engine. Lost and paid twice are counted in the vendor's own books.
""",
    "faults": """
The real story in a simulated world, one fault at each point where one can strike: kill, loss of a worker, a site down for longer than a
render, a pause past the takeover, under every kind of answer to a submit. Counted are films that the vendor began for money and that
nobody got. Where nothing tells whether a submit arrived it is not sent again, and what it may have cost is on record
(`docs/how-to/salvage.md`). `make chaos` does the like to real processes.
""",
    "litellm_proxy": """
For comparison, a gateway of the other kind: LiteLLM's proxy, one worker, no database, 32 connections. It passes each request on to the
vendor (which answers at once here) and keeps nothing: no task that survives a crash, no film, no look that costs the vendor nothing, and
nothing that keeps a retry from paying twice. So the rates are not of the same work.
""",
}
TITLES = {
    "five_minutes": "From a clone to a film of one's own",
    "looks": "Looks",
    "submits": "Submits",
    "studio": "Films of the built-in engine",
    "provenance": "Seals",
    "downloads": "Downloads",
    "memory": "Large films",
    "start": "Start and idle",
    "machines": "Many machines",
    "completions": "Completions",
    "delivery": "Done to bytes",
    "waiting": "Waiting",
    "recovery": "Recovery",
    "faults": "Paid and undelivered",
    "litellm_proxy": "LiteLLM's proxy",
}
COLUMNS: Mapping[str, Mapping[str, str]] = {
    "five_minutes": {
        "clone": "clone",
        "install": "install",
        "init": "init",
        "serve": "serve",
        "accept": "accept",
        "film": "film",
        "download": "download",
    },
    "looks": {
        "looks_per_s": "looks/s",
        "looks_per_cpu_s": "looks per CPU-s",
        "by_go": "by Go",
        "p50_ms": "p50 ms",
        "p99_ms": "p99 ms",
        "rss_mb": "RSS MB",
    },
    "submits": {
        "submits_per_s": "submits/s",
        "plain_per_s": "plain/s",
        "by_plain": "by plain",
        "cpu_us": "CPU µs each",
        "p50_ms": "p50 ms",
        "p99_ms": "p99 ms",
    },
    "studio": {
        "draw_s": "draw s",
        "draw_s_max": "slowest",
        "road_s": "road s",
        "road_s_max": "slowest",
        "encode_s": "encode s",
        "draw_mb": "MB",
        "cpu_s": "CPU s",
        "peak_mb": "peak MB",
    },
    "provenance": {
        "seal_s": "seal s",
        "fresh_s": "by a fresh process s",
        "copy_s": "copied and hashed s",
        "verify_s": "verify s",
        "peak_mb": "peak MB",
        "signed_bytes": "longer by bytes",
    },
    "memory": {
        "before_mb": "before MB",
        "more_mb": "at most more MB",
        "took_s": "s",
    },
    "downloads": {
        "nginx": "nginx",
        "rushes": "rushes",
        "starlette": "starlette",
        "by_nginx": "rushes by nginx",
        "gb_per_s": "GB/s",
        "nginx_gb_per_s": "nginx GB/s",
        "rss_mb": "RSS MB",
    },
    "start": {
        "alive_s": "alive s",
        "ready_s": "ready s",
        "cpu_s": "CPU s",
        "rss_mb": "idle RSS MB",
        "pss_mb": "idle PSS MB",
        "idle_cpu_percent": "idle CPU %",
    },
    "machines": {
        "per_s": "per s",
        "per_cpu_s": "per CPU-s",
        "by_go": "by Go",
        "database_cpu_percent": "DB CPU %",
        "p50_ms": "p50 ms",
        "p99_ms": "p99 ms",
        "alone_per_s": "alone/s",
        "grouped_per_s": "grouped/s",
    },
    "completions": {
        "films_per_s": "films/s",
        "beside_per_s": "baseline/s",
        "by_beside": "by baseline",
        "cpu_ms": "CPU ms each",
    },
    "delivery": {
        "p50_s": "p50 s",
        "p99_s": "p99 s",
        "seen_p99_s": "seen p99 s",
        "fetched_p99_s": "fetched p99 s",
        "interval_s": "interval s",
        "looks_per_s": "looks/s",
        "looks_per_s_max": "most in 1 s",
        "cpu_percent": "CPU %",
    },
    "waiting": {
        "pss_mb": "PSS MB",
        "rss_mb": "RSS MB",
        "cpu_percent": "CPU %",
        "looks_per_s": "looks/s",
        "taken_s": "taken within s",
    },
    "recovery": {
        "orphaned": "orphaned",
        "first_s": "first s",
        "p50_s": "p50 s",
        "last_s": "last s",
        "lost": "lost",
        "paid_twice": "paid twice",
        "plain_s": "plain s",
    },
    "faults": {
        "faults": "faults",
        "began": "films begun",
        "undelivered": "undelivered",
        "per_1000": "per 1,000 faults",
        "unreported": "on no record",
        "twice": "paid twice",
    },
    "litellm_proxy": {
        "per_s": "per s",
        "per_cpu_s": "per CPU-s",
        "p50_ms": "p50 ms",
        "p99_ms": "p99 ms",
        "rss_mb": "RSS MB",
    },
}


# -- the page ----------------------------------------------------------------------------
def results() -> dict[str, Result]:
    """Read what was measured."""
    paths = ((name, RESULTS / f"{name}.json") for name in NAMES)
    return {name: json.loads(path.read_text()) for name, path in paths if path.exists()}


def page(found: Mapping[str, Result]) -> str:
    """Write the page."""
    parts = [HEAD, "## At a glance\n\n" + glance(found.values())]
    for name, result in found.items():
        rows = [
            [way, *(figure(line.get(column)) for column in COLUMNS[name])]
            for way, line in result["lines"].items()
        ]
        shown = table(["", *COLUMNS[name].values()], rows)
        notes = "".join(f"\n{note}\n" for note in result["notes"])
        parts.append(f"## {TITLES[name]}\n{SAID[name]}\n{shown}{notes}\n{provenance(result)}")
    return "\n".join(parts)


def glance(found: Iterable[Result]) -> str:
    """Every budget, in one table."""
    rows = []
    for result in found:
        for budget in result["budgets"]:
            beside = "-"
            if budget["baseline"] is not None:
                beside = f"{figure(budget['baseline'])} {budget['unit']}"
                beside += f" ({budget['baseline_name']})" if budget["baseline_name"] else ""
            value, floor, aim = (
                f"{figure(budget[fact])} {budget['unit']}".strip()
                for fact in ("value", "floor", "aim")
            )
            rows.append([budget["name"], value, beside, floor, aim, budget["verdict"]])
    return table(["what", "measured", "baseline", "floor", "aim", "verdict"], rows)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Draw a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def figure(value: object) -> str:
    """Show a figure with the digits that mean something."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def provenance(result: Result) -> str:
    """Say when, on what and how."""
    machine, settings = result["machine"], result["settings"]
    before, after = settings["load_1min"]
    return (
        f"`{result['command']}`, {settings['rounds']} rounds, {result['at'][:10]}: {machine['cpu']}, "
        f"{machine['cores']} cores, Linux {machine['kernel']}, Python {machine['python']}, "
        f"SQLite {machine['sqlite']}, load {before} before and {after} after.\n"
    )


# -- the plot ----------------------------------------------------------------------------
def plot(found: Mapping[str, Result]) -> None:
    """Draw four charts into one SVG; the same results give the same bytes."""
    import matplotlib as mpl  # noqa: PLC0415 -- the page's test needs none of it

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "rushes", "font.size": 9, "svg.fonttype": "none"})
    import matplotlib.pyplot as plt  # noqa: PLC0415 -- after its backend is chosen

    ours, other, quiet, line = "#c2410c", "#57534e", "#d6d3d1", "#15803d"
    drawn, ((looks, submits), (studio, downloads)) = plt.subplots(2, 2, figsize=(9.6, 6.4))
    names = ["nginx", "go", "rushes", "hello"]
    values = [found["looks"]["lines"][name]["looks_per_cpu_s"] for name in names]
    looks.barh(names, values, color=[quiet, other, ours, quiet])
    floor = 0.45 * values[names.index("go")]
    looks.axvline(floor, color=line, linestyle="--", linewidth=1)
    looks.annotate("floor", (floor, -0.45), color=line, xytext=(3, 0), textcoords="offset points")
    looks.set_title("Looks per CPU second (more is better)")
    looks.invert_yaxis()
    looks.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:.0f}k")

    lines = found["submits"]["lines"]
    bars(
        submits,
        list(lines),
        {
            "rushes, engine live": ([one["submits_per_s"] for one in lines.values()], ours),
            "plain sqlite3, rows alone": ([one["plain_per_s"] for one in lines.values()], quiet),
        },
    )
    submits.axhline(1000, color=line, linestyle="--", linewidth=1)
    submits.set_yscale("log")
    submits.set_title("Durable submits per second (more is better)")

    lines = {size: found["studio"]["lines"][size] for size in ("480p", "720p", "1080p")}
    bars(
        studio,
        list(lines),
        {
            "the whole road": ([one["road_s"] for one in lines.values()], ours),
            "drawn and encoded": ([one["draw_s"] for one in lines.values()], other),
            "encoder alone": ([one["encode_s"] for one in lines.values()], quiet),
        },
    )
    studio.axhline(2.5, color=line, linestyle="--", linewidth=1)
    seconds = found["studio"]["settings"]["seconds"]
    studio.set_title(f"Seconds for {seconds} s of film (less is better)")

    lines = found["downloads"]["lines"]
    bars(
        downloads,
        list(lines),
        {
            "rushes": ([one["rushes"] for one in lines.values()], ours),
            "nginx": ([one["nginx"] for one in lines.values()], other),
            "starlette": ([one["starlette"] for one in lines.values()], quiet),
        },
    )
    downloads.set_title("Download CPU seconds per GB (less is better)")
    for each in (looks, submits, studio, downloads):
        each.spines[["top", "right"]].set_visible(False)
        each.title.set_fontweight("bold")
        each.title.set_fontsize(10)
    drawn.tight_layout()
    drawn.savefig(PLOT, metadata={"Date": None, "Creator": None}, facecolor="white")


def bars(
    chart: Any, groups: Sequence[str], kinds: Mapping[str, tuple[Sequence[float], str]]
) -> None:
    """Draw groups of bars, side by side."""
    width = 0.8 / len(kinds)
    for place, (name, (values, colour)) in enumerate(kinds.items()):
        at = [group + (place - (len(kinds) - 1) / 2) * width for group in range(len(groups))]
        chart.bar(at, values, width, label=name, color=colour)
    chart.set_xticks(range(len(groups)), groups)
    chart.legend(frameon=False, fontsize=8)


def main() -> None:
    found = results()
    PAGE.write_text(page(found))
    plot(found)
    missed = [
        budget["name"]
        for result in found.values()
        for budget in result["budgets"]
        if budget["verdict"] == "floor missed"
    ]
    print(glance(found.values()))
    if missed:
        sys.exit(f"floor missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
