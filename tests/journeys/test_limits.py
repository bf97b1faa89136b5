"""Limits of a key that calls two APIs at once: what both let in together is what it may."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from journeying import wait_until
from living import SHARED_LINKS, environment_of
from postgres import Server
from rushes.clock import SystemClock
from rushes.domain.access import Limits
from rushes.domain.ids import digest_of, new_key_id
from rushes.domain.rates import RateKind
from rushes.store.postgres import PostgresStore
from rushes.testing.builders import a_key
from rushes.testing.fleet import Fleet

pytestmark = pytest.mark.long

FILMS = "/v1/video/generations"
GOOD = {"model": "sandbox", "prompt": "a heron"}
CALLERS = 12


@dataclass
class Doors:
    """Two APIs on one database."""

    urls: list[str]
    store: PostgresStore
    pids: list[int]

    def key(self, **limits: int) -> str:
        """Make a key with limits, as an operator does."""
        at = SystemClock().now()
        secret = f"sk-live-{time.monotonic_ns()}"
        key = replace(
            a_key(limits=Limits(**limits), created_at=at),
            id=new_key_id(at),
            digest=digest_of(secret.encode()),
        )
        self.store.write_now(lambda tx: tx.add_key(key))
        return secret

    def hammer(self, ask: Callable[[httpx2.Client, int], int], secret: str) -> Counter[int]:
        """Have many callers ask at once, at either door in turn; return the statuses."""
        statuses: Counter[int] = Counter()
        counting = threading.Lock()

        def call(caller: int) -> None:
            headers = {"Authorization": f"Bearer {secret}"}
            url = self.urls[caller % len(self.urls)]
            with httpx2.Client(base_url=url, headers=headers, timeout=30) as client:
                for number in range(1000):
                    status = ask(client, number)
                    if not status:
                        return
                    with counting:
                        statuses[status] += 1

        with ThreadPoolExecutor(CALLERS) as pool:
            list(pool.map(call, range(CALLERS)))
        return statuses


@pytest.fixture(scope="module")
def doors(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    folder = tmp_path_factory.mktemp("doors")
    database = postgres.make_database()
    environment = environment_of(
        folder / "data",
        RUSHES_DATABASE_URL=database,
        **SHARED_LINKS,
    )
    fleet = Fleet(folder, environment)
    try:
        apis = [fleet.start("api") for _ in range(2)]
        urls = [api.ready().url for api in apis]
        with closing(PostgresStore(database)) as store:
            yield Doors(urls, store, [api.pid for api in apis])
    finally:
        fleet.close()
        postgres.drop_database(database)


def submit(client: httpx2.Client, number: int) -> int:
    """Submit twenty times."""
    return client.post(FILMS, json=GOOD).status_code if number < 20 else 0


def left_of_minute_s() -> float:
    at = SystemClock().now()
    kind = RateKind.SUBMITS
    return (kind.began(kind.number(at) + 1) - at).total_seconds()


def test_two_doors_take_as_many_submits_a_minute_as_the_key_may(doors: Doors) -> None:
    secret = doors.key(submits_per_minute=73)
    wait_until(lambda: left_of_minute_s() > 20, timeout_s=30)
    statuses = doors.hammer(submit, secret)
    assert statuses == {200: 73, 429: 240 - 73}
    looks = doors.hammer(lambda client, n: client.get(FILMS).status_code if n < 3 else 0, secret)
    assert looks == {200: 3 * CALLERS}, "a look is no submit"


def test_two_doors_answer_as_many_requests_a_second_as_the_key_may(doors: Doors) -> None:
    limit, secret, ends_at = 40, doors.key(requests_per_s=40), time.monotonic() + 4
    began = RateKind.REQUESTS.number(SystemClock().now())

    def look(client: httpx2.Client, _number: int) -> int:
        return client.get(FILMS).status_code if time.monotonic() < ends_at else 0

    statuses = doors.hammer(look, secret)
    windows = RateKind.REQUESTS.number(SystemClock().now()) - began + 1
    assert set(statuses) == {200, 429}
    assert limit * (windows - 2) <= statuses[200] <= limit * windows, (statuses, windows)


def test_two_doors_let_in_as_many_tasks_as_the_key_may_have(doors: Doors) -> None:
    statuses = doors.hammer(submit, doors.key(in_flight_max=31))
    assert statuses == {200: 31, 429: 240 - 31}


# -- memory ------------------------------------------------------------------------------------

BODY = b'{"model":"sandbox","prompt":"a heron","image":"%s"}' % (b"A" * (25 * 2**20 - 100))
MOST_BYTES = 1_200_000_000


async def upload(url: str, secret: str) -> int:
    """Send a body as large as may be, or until there is an answer; return its status."""
    split = urlsplit(url)
    reader, writer = await asyncio.open_connection(split.hostname, split.port)
    head = f"POST {FILMS} HTTP/1.1\r\nHost: films\r\nAuthorization: Bearer {secret}\r\n"
    answer = asyncio.create_task(reader.readuntil(b"\r\n"))
    with contextlib.suppress(ConnectionError):  # who is refused need not be heard out
        writer.write(f"{head}Content-Length: {len(BODY)}\r\n\r\n".encode())
        for start in range(0, len(BODY), 2**18):
            if answer.done():
                break
            writer.write(BODY[start : start + 2**18])
            await writer.drain()
    try:
        return int((await answer).split(b" ")[1])
    finally:
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def test_two_hundred_of_the_largest_bodies_at_once_take_no_five_gigabytes(doors: Doors) -> None:
    secret, status = doors.key(), Path(f"/proc/{doors.pids[0]}/status")

    async def all_at_once() -> list[int]:
        return await asyncio.gather(*(upload(doors.urls[0], secret) for _ in range(200)))

    answers = Counter(asyncio.run(all_at_once()))
    assert set(answers) == {400, 503}, "some are read to their end, and the others are not held"
    most = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    assert most is not None
    most_bytes = int(most[1]) * 1024
    assert most_bytes < MOST_BYTES, f"{most_bytes / 1e9:.2f} GB, answers {answers}"
    assert httpx2.get(f"{doors.urls[0]}/healthz").status_code == 200
