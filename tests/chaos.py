"""A soak under faults: `make chaos SEED=7 MINUTES=5`.

Servers, an upstream that misbehaves, callers who wish and look all the time; and one who breaks
things, drawn from the seed. In between and at the end the auditor holds all books together.

    python tests/chaos.py --seed 7 --minutes 5                    # rushes serve, SQLite, a folder
    python tests/chaos.py --postgres --roles api,api,worker,worker  # many machines, in small

What is broken is told as it happens; the report at the end says how often, how long it took
until callers were served again, what the auditor found, and how to do it all again. Exit code 1:
a promise did not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Protocol

import httpx2
import psycopg

from journeying import audited, books_of, make_key, stored_in, wait_until
from living import SHARED_LINKS, environment_of
from rushes.domain.task import Status
from rushes.testing.audit import Audited, Books
from rushes.testing.crowd import Crowd
from rushes.testing.fleet import Fleet, Member, NotUp, pause_s
from seaweed import a_seaweed
from wicket import Way, Wicket, a_wicket

RENDER_S = 2.0
WISHES_A_SECOND = 0.6
CALM_S = 120.0
GROWTH_BYTES = 4096
"""How large a file may be while the disk is full."""

AGAIN_S = 60.0
"""How long it may take until every server serves again after a fault is over."""

UPSTREAM_KEY = "sk-upstream"
SCRIPT = {
    "rules": [
        {"on": "create", "fault": "drop", "accepted": True, "chance": 0.06},
        {"on": "create", "fault": "server_error", "accepted": True, "chance": 0.05},
        {"on": "create", "fault": "rate_limited", "chance": 0.06},
        {"on": "create", "fault": "slow", "value": 0.5, "chance": 0.3},
        {"on": "retrieve", "fault": "unavailable", "chance": 0.05},
        {"on": "content", "fault": "half", "chance": 0.05},
    ]
}
CONFIG = """
[times]
submit_call_s = 6
doubt_s = 10
render_s = 90
aftercare_s = 150

[[providers]]
name = "nasty"
kind = "openai_videos"
base_url = "http://127.0.0.1:{port}/v1"
api_key = "env:TEST_UPSTREAM_KEY"
in_flight_max = 16

[[models]]
id = "sora-2"
card = "sora-2"
[[models.routes]]
provider = "nasty"
model = "sora-2"
"""


class Database(Protocol):
    """A database server that can be treated badly."""

    def stop(self) -> None: ...

    def start(self) -> None: ...

    def cut(self, url: str) -> int: ...


@dataclass
class Site:
    """All that runs, and what became of it."""

    folder: Path
    fleet: Fleet
    roles: Sequence[str]
    draw: random.Random
    database_url: str | None = None
    database: Database | None = None
    storage: Mapping[str, str] | None = None
    wicket: Wicket | None = None
    servers: dict[int, Member] = field(default_factory=dict)
    ports: dict[int, int] = field(default_factory=dict)
    upstream: Member | None = None
    crowd: Crowd | None = None
    key: str = ""
    fillings: int = 0

    # -- who is there ------------------------------------------------------------------

    def open(self) -> None:
        """Start everybody."""
        words = ["--sign-films", "--render-s", str(RENDER_S), "--queue-s", "0.2"]
        words += ["--script", json.dumps(SCRIPT | {"seed": self.draw.randrange(10**6)})]
        upstream = self.fleet.start_upstream("openai_videos", words, log=self.log)
        self.upstream = upstream
        config = self.folder / "rushes.toml"
        config.write_text(CONFIG.format(port=upstream.said["port"]) + self._storage_table)
        self.key = make_key(self.folder, self.fleet.environment)
        for slot in range(len(self.roles)):
            self.start(slot).ready()
            self.ports[slot] = int(self.servers[slot].url.rpartition(":")[2])
        self.crowd = Crowd(self.doors, self.key, model="sora-2", callers=6)

    @property
    def log(self) -> Path:
        return self.folder / "upstream.jsonl"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self, slot: int) -> Member:
        """Start what runs in a slot, at the port it had."""
        port = self.ports.get(slot, 0)
        member = self.fleet.start(self.roles[slot], port=port, clock=self.clock(slot))
        self.servers[slot] = member
        return member

    def clock(self, slot: int) -> Path:
        """Where it stands how wrong the clock of the machine in a slot is."""
        return self.folder / f"clock-{slot}"

    def doors(self) -> list[str]:
        """Where callers are answered."""
        slots = [n for n, role in enumerate(self.roles) if role != "worker" and n in self.ports]
        return [f"http://127.0.0.1:{self.ports[slot]}" for slot in slots]

    def any_slot(self) -> int:
        return self.draw.randrange(len(self.roles))

    # -- how they are ------------------------------------------------------------------

    def recover(self, since_s: float) -> float:
        """Wait until everybody is ready again; return how long that took since, in seconds."""
        began_s = time.monotonic()
        for slot, member in self.servers.items():
            url = f"http://127.0.0.1:{self.ports[slot]}/readyz"
            while not _is_ready(url):
                if not member.is_alive:
                    raise NotUp("\n".join(["a server ended by itself", *member.tail()]))
                if time.monotonic() - began_s > AGAIN_S:
                    raise NotUp(f"{url} is not ready after {AGAIN_S:g} s")
                pause_s(0.05)
        return time.monotonic() - since_s

    def audited(self, *, may_be_open: bool) -> Audited:
        """Hold all books together."""
        assert self.crowd is not None
        told = self.crowd.told()
        return audited(
            self.data, self.log, told, may_be_open=may_be_open, lists_storage=True, **self.places
        )

    def stored(self) -> frozenset[str]:
        """Name all that is in storage."""
        return stored_in(self.data, **self.places)

    def age_tries(self, by: timedelta) -> None:
        """Have every blob that was begun and not kept be older than it is."""
        change = "UPDATE artifacts SET created_at = created_at - {} WHERE state = 'writing'"
        statement = change.format(int(by.total_seconds() * 1_000_000))
        if self.database_url is not None:
            with psycopg.connect(self.database_url) as connection:
                connection.execute(statement.encode())
            return
        with closing(sqlite3.connect(self.data / "rushes.db", timeout=AGAIN_S)) as file, file:
            file.execute(statement)

    def statuses(self) -> Mapping[Status, int]:
        """Count tasks by status: a look that is over before what it sees is."""
        statement = "SELECT status, count(*) FROM tasks GROUP BY status"
        if self.database_url is not None:
            with psycopg.connect(self.database_url) as connection:
                found = connection.execute(statement.encode()).fetchall()
        else:
            with closing(sqlite3.connect(self.data / "rushes.db", timeout=AGAIN_S)) as file:
                found = file.execute(statement).fetchall()
        return {Status(status): int(count) for status, count in found}

    def books(self) -> Books:
        """Read our tables, wherever they are."""
        return books_of(self.data, **self._database)

    @property
    def places(self) -> dict[str, object]:
        """Settings that say where tables and films are."""
        return self._database | ({} if self.storage is None else {"storage": self.storage})

    @property
    def _storage_table(self) -> str:
        if self.storage is None:
            return ""
        return "\n".join(["\n[storage]", *(f'{k} = "{v}"' for k, v in self.storage.items()), ""])

    @property
    def _database(self) -> dict[str, object]:
        return {} if self.database_url is None else {"database": {"url": self.database_url}}


def _is_ready(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=2).is_success
    except httpx2.TransportError:
        return False


# -- what is broken --------------------------------------------------------------------------------
#
# Each returns the moment from which on callers wait for us alone: when a process died, or when
# what was taken away was there again.


def kill(site: Site) -> float:
    """SIGKILL under load, and start again."""
    slot = site.any_slot()
    site.servers[slot].kill()
    dead_s = time.monotonic()
    site.start(slot).ready()
    return dead_s


def kill_twice(site: Site) -> float:
    """SIGKILL, and again while it starts."""
    slot = site.any_slot()
    site.servers[slot].kill()
    starting = site.start(slot)
    pause_s(site.draw.uniform(0.1, 1.5))
    starting.kill()
    dead_s = time.monotonic()
    site.start(slot).ready()
    return dead_s


def kill_all(site: Site) -> float:
    """Cut the power: everybody at once."""
    for member in site.servers.values():
        member.kill()
    dead_s = time.monotonic()
    for slot in list(site.servers):
        site.start(slot)
    for member in site.servers.values():
        member.ready()
    return dead_s


def freeze(site: Site) -> float:
    """SIGSTOP for some seconds: a machine that swaps, a live migration."""
    member = site.servers[site.any_slot()]
    member.pause()
    pause_s(site.draw.uniform(1, 8))
    member.resume()
    return time.monotonic()


def drain(site: Site) -> float:
    """SIGTERM under load, as every deploy does; it must end well."""
    slot = site.any_slot()
    told_s = time.monotonic()
    code = site.servers[slot].stop()
    assert code == 0, f"a drain ended with {code}: {site.servers[slot].tail()}"
    site.start(slot).ready()
    return told_s


def freeze_upstream(site: Site) -> float:
    """The upstream answers nothing for some seconds."""
    assert site.upstream is not None
    site.upstream.pause()
    pause_s(site.draw.uniform(1, 9))
    site.upstream.resume()
    return time.monotonic()


def take_storage(site: Site) -> float:
    """The folder of the films is not there for some seconds: a mount that went away."""
    blobs, away = site.data / "blobs", site.data / "blobs.away"
    blobs.rename(away)
    blobs.touch()  # nobody can make the folder anew
    pause_s(site.draw.uniform(1, 5))
    blobs.unlink()
    away.rename(blobs)
    return time.monotonic()


def refuse_storage(site: Site) -> float:
    """The object store answers 503 for some seconds, in the middle of what it was doing."""
    return _bar(site, Way.REFUSED, site.draw.uniform(1, 5))


def hang_storage(site: Site) -> float:
    """The object store says nothing for some seconds, and nobody is told."""
    return _bar(site, Way.STUCK, site.draw.uniform(1, 9))


def _bar(site: Site, way: Way, seconds: float) -> float:
    assert site.wicket is not None
    site.wicket.way = way
    pause_s(seconds)
    site.wicket.way = Way.OPEN
    return time.monotonic()


def fill_disk(site: Site) -> float:
    """No room below the watermark: new tasks are refused, what runs goes on.

    Callers are told so; their wishes are taken once there is room, else they stay unanswered.
    """
    crowd = site.crowd
    assert crowd is not None
    slot = site.draw.choice([n for n, role in enumerate(site.roles) if role != "worker"])
    site.servers[slot].stop()
    site.fleet.environment["RUSHES_STORAGE_FREE_BYTES_MIN"] = str(2**60)
    site.start(slot).ready()
    told, site.fillings = crowd.without_room, site.fillings + 1
    crowd.wish(*(f"while full {site.fillings:03d} {door}" for door in range(len(site.doors()))))
    wait_until(lambda: crowd.without_room > told, timeout_s=AGAIN_S, why=lambda: "nobody was told")
    pause_s(site.draw.uniform(1, 4))
    site.servers[slot].stop()
    del site.fleet.environment["RUSHES_STORAGE_FREE_BYTES_MIN"]
    roomy_s = time.monotonic()
    site.start(slot).ready()
    return roomy_s


def refuse_writes(site: Site) -> float:
    """Nothing can grow any more, tables and films alike: a disk that is full to the last byte."""
    pid = site.servers[site.any_slot()].pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (GROWTH_BYTES, hard))
    pause_s(site.draw.uniform(1, 5))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
    return time.monotonic()


def stop_database(site: Site) -> float:
    """The database is away for ten seconds."""
    assert site.database is not None
    site.database.stop()
    pause_s(10)
    site.database.start()
    return time.monotonic()


def cut_connections(site: Site) -> float:
    """Every connection to the database is cut, in the middle of whatever it does."""
    assert site.database is not None
    assert site.database_url is not None
    for _ in range(site.draw.randint(1, 5)):
        site.database.cut(site.database_url)
        pause_s(site.draw.uniform(0, 0.5))
    return time.monotonic()


def set_clock(site: Site) -> float:
    """Somebody sets the clock of one machine two hours ahead or back, and right again."""
    clock = site.clock(site.any_slot())
    clock.write_text(str(site.draw.choice((7200, -7200))))
    pause_s(site.draw.uniform(2, 6))
    clock.unlink()
    return time.monotonic()


def leave_clock(site: Site) -> float:
    """Somebody sets the clock of one machine and leaves it so, or puts right what he left."""
    clock = site.clock(site.any_slot())
    if clock.exists():
        clock.unlink()
    else:
        clock.write_text(str(site.draw.choice((7200, -7200))))
    return time.monotonic()


Fault = Callable[[Site], float]
MENU: dict[str, tuple[Fault, int]] = {
    "kill": (kill, 6),
    "kill twice": (kill_twice, 2),
    "kill all": (kill_all, 2),
    "freeze": (freeze, 3),
    "drain": (drain, 3),
    "freeze upstream": (freeze_upstream, 2),
    "refuse writes": (refuse_writes, 2),
    "set clock": (set_clock, 2),
    "leave clock": (leave_clock, 2),
}
"""What can happen to any site, and how often in proportion."""

FOLDER_MENU: dict[str, tuple[Fault, int]] = {
    "take storage": (take_storage, 2),
    "fill disk": (fill_disk, 1),
}
"""What can also happen where films are files."""

BUCKET_MENU: dict[str, tuple[Fault, int]] = {
    "refuse storage": (refuse_storage, 2),
    "hang storage": (hang_storage, 2),
}
"""What can also happen where films are in a bucket."""

DATABASE_MENU: dict[str, tuple[Fault, int]] = {
    "stop database": (stop_database, 2),
    "cut connections": (cut_connections, 4),
}
"""What can also happen where the database is a server."""


def say(line: str) -> None:
    """Tell it now."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


# -- the soak --------------------------------------------------------------------------------------


@dataclass
class Soak:
    """One run: wishes at an even pace, and a fault at uneven ones."""

    site: Site
    minutes: float
    only: frozenset[str] = frozenset()
    struck: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wished: int = 0

    @property
    def menu(self) -> dict[str, tuple[Fault, int]]:
        whole = MENU | (FOLDER_MENU if self.site.wicket is None else BUCKET_MENU)
        whole |= DATABASE_MENU if self.site.database is not None else {}
        return {name: entry for name, entry in whole.items() if not self.only or name in self.only}

    def run(self) -> Audited:
        """Break things until the time is over; then let everything end, and audit it."""
        site, menu = self.site, self.menu
        names = list(menu)
        began_s = time.monotonic()
        while time.monotonic() - began_s < self.minutes * 60:
            self._wish_until(began_s)
            pause_s(site.draw.uniform(0.2, 4))
            self._wish_until(began_s)
            (name,) = site.draw.choices(names, [weight for _, weight in menu.values()])
            took_s = site.recover(menu[name][0](site))
            self.struck[name].append(took_s)
            verdict = site.audited(may_be_open=True)
            at_s = time.monotonic() - began_s
            say(f"{at_s:7.1f} s  {name:<16} {took_s:6.2f} s  {verdict}")
            if not verdict.is_clean:
                return verdict
        assert site.crowd is not None
        until_s = time.monotonic() + CALM_S
        while not site.crowd.is_answered or site.books().open:
            if time.monotonic() > until_s:
                break
            pause_s(0.5)
        self._download()
        return site.audited(may_be_open=False)

    def _wish_until(self, began_s: float) -> None:
        """Wish for what is due by now; time that a fault took is wished for afterwards."""
        assert self.site.crowd is not None
        due = int((time.monotonic() - began_s) * WISHES_A_SECOND) + 1
        while self.wished < due:
            self.wished += 1
            self.site.crowd.wish(f"wish {self.wished:06d}")

    def _download(self) -> None:
        crowd = self.site.crowd
        assert crowd is not None
        doors = self.site.doors()
        with suppress(httpx2.HTTPError):  # what cannot be had is missing in our storage, too
            for number, (task_id, status) in enumerate(sorted(crowd.ended().items())):
                if status == "completed":
                    crowd.download(task_id, doors[number % len(doors)])

    def report(self, verdict: Audited) -> str:
        """Say what was broken, how long callers waited, and what the auditor found."""
        assert self.site.crowd is not None
        lines = ["", f"{'fault':<16}  times  ready again after: median, longest"]
        for name, times_s in sorted(self.struck.items()):
            lines.append(
                f"{name:<16}  {len(times_s):5}  {median(times_s):.2f} s, {max(times_s):.2f} s"
            )
        crowd = self.site.crowd
        lines += ["", f"callers asked again {crowd.asked_again} times", *crowd.refused]
        lines += [str(verdict), *map(str, verdict.findings)]
        return "\n".join(lines)


@contextmanager
def a_site(
    folder: Path,
    seed: int,
    *,
    roles: Sequence[str] = ("serve",),
    is_on_postgres: bool = False,
    is_in_bucket: bool = False,
) -> Iterator[Site]:
    """Open a site in a folder; all that it started ends with the block."""
    with ExitStack() as stack:
        environment = environment_of(
            folder / "data",
            RUSHES_CONFIG=str(folder / "rushes.toml"),
            TEST_UPSTREAM_KEY=UPSTREAM_KEY,
        )
        database, url = None, None
        if is_on_postgres:
            from postgres import running

            database = stack.enter_context(running(is_durable=True))
            url = environment["RUSHES_DATABASE_URL"] = database.make_database()
            environment |= SHARED_LINKS
        storage, wicket = None, None
        if is_in_bucket:
            seaweed = stack.enter_context(a_seaweed(folder / "seaweed"))
            wicket = stack.enter_context(a_wicket(seaweed.port))
            storage = seaweed.storage(folder, "chaos", port=wicket.port)
        (folder / "rushes.toml").write_text("")
        fleet = Fleet(folder, environment)
        stack.callback(fleet.close)
        site = Site(folder, fleet, roles, random.Random(seed), url, database, storage, wicket)
        site.open()
        assert site.crowd is not None
        stack.callback(site.crowd.close)
        yield site


def main(words: Sequence[str] | None = None) -> int:
    """Run a soak; return the exit code."""
    parser = argparse.ArgumentParser(description="A soak under faults.")
    parser.add_argument("--seed", type=int, default=0, help="0 draws one")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--roles", default="serve", help="what runs, by commas: api,api,worker")
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL of its own")
    parser.add_argument("--bucket", action="store_true", help="films in an S3 of its own")
    parser.add_argument("--only", default="", help="faults by name, by commas")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    told = parser.parse_args(words)
    seed = told.seed or random.SystemRandom().randrange(1, 10_000)
    only = frozenset(filter(None, told.only.split(",")))
    every = MENU | FOLDER_MENU | BUCKET_MENU | DATABASE_MENU
    if unknown := only - set(every):
        parser.error(f"no fault {', '.join(sorted(unknown))}; there are {', '.join(every)}")
    again = [f"--seed {seed} --minutes {told.minutes:g} --roles {told.roles}"]
    again += [f"--{word}" for word in ("postgres", "bucket") if getattr(told, word)]
    again += [f"--only '{told.only}'"] if told.only else []
    with ExitStack() as stack:
        kept = Path(tempfile.mkdtemp(prefix="rushes-chaos-")) if told.keep else None
        scratch = tempfile.TemporaryDirectory(prefix="rushes-chaos-")
        folder = kept or Path(stack.enter_context(scratch))
        say(f"chaos, seed {seed}, {told.minutes:g} minutes, {told.roles}")
        roles = told.roles.split(",")
        places = {"is_on_postgres": told.postgres, "is_in_bucket": told.bucket}
        site = stack.enter_context(a_site(folder, seed, roles=roles, **places))
        soak = Soak(site, told.minutes, only)
        verdict = soak.run()
        say(soak.report(verdict))
        say(f"again: python tests/chaos.py {' '.join(again)}")
        if kept is not None:
            say(f"kept: {kept}")
        assert site.crowd is not None
        return 0 if verdict.is_clean and not site.crowd.refused else 1


if __name__ == "__main__":
    os.environ.pop("RUSHES_DATABASE_URL", None)
    sys.exit(main())
