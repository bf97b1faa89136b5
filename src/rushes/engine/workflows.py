"""DBOS drives the story: two durable workflows, each a loop over re-entrant steps.

Nothing is journalled but that the work was begun and has ended: a recovered workflow takes
the task over (which raises its epoch) and looks at the rows. Everything runs on one event loop
in one thread of its own, so that providers keep their connections and callers keep theirs.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

import sqlalchemy as sa
import uvloop
from dbos import DBOS, DBOSConfig

from rushes.domain.catalog import Catalog
from rushes.domain.errors import LeaseLost, StoreBusy
from rushes.domain.webhooks import Post
from rushes.engine.carry import carry
from rushes.engine.dispatch import APPLICATION, VERSION, queue_name
from rushes.engine.keeper import Keeper
from rushes.engine.mailroom import Mailroom
from rushes.engine.moderation import Moderation
from rushes.engine.progress import ProgressNotes
from rushes.engine.pulse import Pulse
from rushes.engine.queues import Slots
from rushes.engine.world import Upstream, World
from rushes.observe import log
from rushes.ports import Bell, Transaction, Work

POLL_S: Final = 0.2
POST_S: Final = 0.5
TEND_S: Final = 1.0
BROKEN_MAX: Final = 100
THREADS: Final = 16
RECOVERIES_MAX: Final = 1_000_000
WATCHED_MAX: Final = 10_000
"""How many tasks of one queue one process watches at most: others take the rest."""

MINUTE_S: Final = 60.0
"""A rate is counted over so long: on SQLite the library's clock knows whole seconds only."""


class Calls:
    """Submits under way, within one event loop; a stop waits `patience_s` for them at most.

    One that is cut off between its call and its answer is in doubt, and where its provider cannot
    be searched the film is lost to the caller. A signal leaves the time to wait.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._count = 0
        self._is_closing = False
        self._none = asyncio.Event()
        self._none.set()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Be under way.

        Raises:
            asyncio.CancelledError: the house is closing, and nothing may begin any more.
        """
        if self._is_closing:
            raise asyncio.CancelledError
        self._count += 1
        self._none.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._none.set()

    async def close(self) -> bool:
        """Let none begin, and wait for the others; say whether all of them ended in time."""
        self._is_closing = True
        try:
            async with asyncio.timeout(self._patience_s):
                await self._none.wait()
        except TimeoutError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Crew:
    """Who works beside the workflows: `calls` are the submits under way; a stop waits for them."""

    keeper: Keeper
    progress: ProgressNotes
    calls: Calls
    pulse: Pulse


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a process does: as `executor`, for the queues of `only` these providers, or of all.

    `queues` maps each provider to what may be with it at once, whoever works for it. This
    process brings home `collects_max` films at once.
    """

    executor: str
    queues: Mapping[str, Slots]
    collects_max: int
    only: frozenset[str] | None = None


class Engine:
    """The workers of this process: DBOS, the keeper, and the loop they live on."""

    running: Engine | None = None

    def __init__(
        self,
        world: World,
        *,
        bell: Bell,
        crew: Crew,
        assignment: Assignment,
        database: sa.Engine,
    ) -> None:
        self.world = world
        self.bell = bell
        self.crew = crew
        self._assignment = assignment
        self._database = database
        self._former_moderators: list[Moderation] = []
        self.is_closing = False
        self._ready = threading.Event()
        self._fault: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    @property
    def executor(self) -> str:
        """The name that this process works under."""
        return self._assignment.executor

    @property
    def is_healthy(self) -> bool:
        """Whether the engine's thread is up, and nobody takes this process for dead."""
        is_up = self._ready.is_set() and self._fault is None and self._thread.is_alive()
        return is_up and self.crew.pulse.is_alive

    def start(self) -> None:
        """Start the workers; returns when work is being taken.

        Raises:
            RuntimeError: DBOS could not be launched; the cause is chained.
        """
        if Engine.running is not None:
            raise RuntimeError("an engine is running in this process already")
        Engine.running = self
        self._thread.start()
        self._ready.wait()
        if self._fault is not None:
            Engine.running = None
            raise RuntimeError("the engine could not start") from self._fault

    def close(self) -> None:
        """Let go of all work; what is unfinished goes on at the next start."""
        self.is_closing = True
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        Engine.running = None

    def exchange(
        self,
        catalog: Catalog,
        upstreams: Mapping[str, Upstream],
        queues: Mapping[str, Slots],
        moderation: Moderation,
    ) -> None:
        """Work by another configuration from now on.

        Upstreams that left, or speak with another credential now, are kept for what was
        submitted to them.
        """
        if self._loop is None:
            raise RuntimeError("the engine is not running")
        changing = self._exchange(catalog, upstreams, queues, moderation)
        asyncio.run_coroutine_threadsafe(changing, self._loop).result()

    # -- the engine's own thread ---------------------------------------------------------

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._main())
            self.crew.pulse.stop()
        except Exception as fault:  # noqa: BLE001 -- the outermost frame of the engine
            self._fault = fault
            log.error("the engine stopped", exc_info=fault)
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_default_executor(ThreadPoolExecutor(THREADS, "engine"))
        self._stop = asyncio.Event()
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_engine": self._database,
            "application_version": VERSION,
            "executor_id": self._assignment.executor,
            "max_executor_threads": THREADS,
            "notification_listener_polling_interval_sec": 1.0,
            "log_level": "ERROR",
        }
        await asyncio.to_thread(self.crew.pulse.start)
        DBOS(config=config)
        only = self._assignment.only
        if only is not None:
            DBOS.listen_queues([*(queue_name(Work.FILM, name) for name in only), COLLECT])
        DBOS.launch()
        await self._open_queues(self._assignment.queues)
        duties = [
            asyncio.create_task(duty()) for duty in (self._beat, self._look_after, self._deliver)
        ]
        self._ready.set()
        await self._stop.wait()
        if not await self.crew.calls.close():
            log.warning("a submit got no answer before the stop; it will be looked for")
        for duty in duties:
            duty.cancel()
        await self._let_go()
        await asyncio.to_thread(DBOS.destroy)
        await self._let_go()
        for upstream in (*self.world.upstreams.values(), *self.world.former.values()):
            await upstream.provider.close()
        for moderation in (self.world.moderation, *self._former_moderators):
            if moderation.service is not None:
                await moderation.service.close()

    async def _exchange(
        self,
        catalog: Catalog,
        upstreams: Mapping[str, Upstream],
        queues: Mapping[str, Slots],
        moderation: Moderation,
    ) -> None:
        await self._open_queues(queues)
        world = self.world
        left = {
            (name, upstream.credential): upstream
            for name, upstream in world.upstreams.items()
            if upstreams.get(name) is not upstream
        }
        world.former = {**world.former, **left}
        world.upstreams = upstreams
        world.catalog = catalog
        if world.moderation.service not in {None, moderation.service}:
            self._former_moderators.append(world.moderation)  # whoever asks it now gets an answer
        world.moderation = moderation

    async def _open_queues(self, queues: Mapping[str, Slots]) -> None:
        for name, slots in queues.items():
            queue = queue_name(Work.FILM, name)
            if slots.in_flight_per_account_max is not None:
                await self.world.store.write(partial(_share_out, queue))
            await _open_queue(queue, slots)
        await DBOS.register_queue_async(
            COLLECT,
            worker_concurrency=self._assignment.collects_max,
            polling_interval_sec=POLL_S,
            on_conflict="always_update",
        )

    async def _beat(self) -> None:
        """Tend and save once a second; a duty that fails is tried again the next second."""
        metrics, loop = self.world.metrics, asyncio.get_running_loop()
        while True:
            async with _trying_again():
                await self.crew.progress.flush()
                await self.crew.keeper.tend()
                metrics.keeper_at_s.set(self.world.clock.now().timestamp())
            awake_at_s = loop.time() + TEND_S
            await asyncio.sleep(TEND_S)
            metrics.loop_lag_s.labels("engine").observe(max(0.0, loop.time() - awake_at_s))

    async def _look_after(self) -> None:
        """Look after submits of ended tasks, all at once: a provider may hang for a minute."""
        while True:
            async with _trying_again():
                due = await self.crew.keeper.submits_to_look_after()
                looks = [asyncio.create_task(self.crew.keeper.look_after(submit)) for submit in due]
                for look in asyncio.as_completed(looks):
                    async with _trying_again():
                        await look
            await asyncio.sleep(TEND_S)

    async def _deliver(self) -> None:
        """Deliver webhooks, as many at once as there are places; a stop leaves them due again."""
        room = self.crew.keeper.mailroom
        if room is None:
            return
        under_way: set[asyncio.Task[None]] = set()
        while True:
            async with _trying_again():
                await room.fan_out()
                due = await room.take_due()
                under_way |= {asyncio.create_task(_one(room, post)) for post in due}
            if not under_way:
                await asyncio.sleep(POST_S)
                continue
            _, under_way = await asyncio.wait(
                under_way, timeout=POST_S, return_when=asyncio.FIRST_COMPLETED
            )

    async def _let_go(self) -> None:
        """Cancel everything on this loop; DBOS leaves such work pending, to be recovered."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


COLLECT: Final = queue_name(Work.COLLECT, "")


def _share_out(queue: str, tx: Transaction) -> None:
    tx.share_out(queue)


async def _open_queue(name: str, slots: Slots) -> None:
    cap, per_minute = slots.in_flight_max, slots.starts_per_minute_max
    share = slots.in_flight_per_account_max
    await DBOS.register_queue_async(
        name,
        global_concurrency=cap,
        worker_concurrency=min(cap, WATCHED_MAX),
        partition_concurrency=None if share is None else min(share, cap),
        limiter=None if per_minute is None else {"limit": per_minute, "period": MINUTE_S},
        polling_interval_sec=POLL_S,
        on_conflict="always_update",
    )


@asynccontextmanager
async def _trying_again() -> AsyncIterator[None]:
    """Let a duty of the keeper fail: it is tried again the next second."""
    try:
        yield
    except StoreBusy as busy:
        log.warning("the keeper could not write", note=str(busy))
    except Exception as fault:  # noqa: BLE001 -- the outermost frame of the keeper
        log.error("a keeper's duty failed", exc_info=fault)


async def _one(room: Mailroom, post: Post) -> None:
    """Attempt one post; one whose end cannot be written is due again after its hold."""
    async with _trying_again():
        await room.attempt(post)


def _workflow(work: Work) -> Callable[[str], Awaitable[None]]:
    """Make the durable workflow of a kind of work.

    Thousands wait within it, so that it hands its loop to no other coroutine.
    """

    @DBOS.workflow(name=str(work), max_recovery_attempts=RECOVERIES_MAX)
    async def carried(task_id: str) -> None:
        """Carry a task as far as this kind of work goes."""
        engine = Engine.running
        if engine is None:
            raise asyncio.CancelledError
        work_id = str(DBOS.workflow_id)
        engine.world.carrying.add(work_id)
        broken_count = 0
        try:
            while broken_count < BROKEN_MAX:
                if engine.is_closing:
                    raise asyncio.CancelledError
                try:
                    await carry(task_id, work, work_id, engine.world, engine.bell)
                except LeaseLost:
                    break
                except StoreBusy as busy:
                    broken_count += 1
                    log.warning("the store is busy", task_id=task_id, note=str(busy))
                except Exception as fault:  # noqa: BLE001 -- takeovers are counted: poison ends
                    broken_count += 1
                    log.error("a step broke", task_id=task_id, exc_info=fault)
                else:
                    break
                await engine.bell.wait(task_id, engine.world.pause_s(broken_count))
            engine.crew.progress.forget(task_id)
        finally:
            engine.world.carrying.discard(work_id)

    return carried


film: Final = _workflow(Work.FILM)
"""Carries a task from the queue to a finished film; holds a slot of its provider."""

bring_home: Final = _workflow(Work.COLLECT)
"""Brings a finished film home."""
