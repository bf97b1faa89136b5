"""The callers' door: submit, look, list, cancel, delete.

It meets the workers only in the tables. A submit is judged whole before anything is stored;
then its inputs go to the blobs, and one transaction writes the task, its hold, its first event,
the answer to be repeated, and the engine's work (P1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rushes.domain.access import Key
from rushes.domain.catalog import Listing
from rushes.domain.errors import (
    IdempotencyKeyReused,
    InsufficientQuota,
    Overloaded,
    StoreBusy,
    TooManyActiveTasks,
)
from rushes.domain.ids import new_task_id
from rushes.domain.preference import in_order
from rushes.domain.prices import Tariff
from rushes.domain.retention import TEST_LIFE
from rushes.domain.task import Task
from rushes.flights import Flights
from rushes.gateway.active import check_active, counts_tasks
from rushes.gateway.creates import Create, Created, headers_of
from rushes.gateway.fullness import Fullness
from rushes.gateway.funds import TOO_LITTLE, set_aside
from rushes.gateway.judged import Judge, Judged
from rushes.observe import Metrics, log
from rushes.ports import (
    Answer,
    Budgets,
    Dispatcher,
    IntegrityFault,
    SchemaBehind,
    Transaction,
    Work,
    work_id,
)
from rushes.traces import SILENT, Kind, Traces


def _unknown() -> int | None:
    return None


@dataclass(slots=True, kw_only=True)
class Gateway(Judge):
    """What callers can ask for, dialect gone.

    `other_room` tells how many bytes are free where we write beside the blobs; it may block.
    """

    dispatcher: Dispatcher
    budgets: Budgets
    metrics: Metrics
    flights: Flights = field(default_factory=Flights)
    other_room: Callable[[], int | None] = _unknown
    traces: Traces = SILENT
    _fullness: Fullness = field(init=False)

    def __post_init__(self) -> None:
        """Know nothing yet of how full the house is."""
        self._fullness = Fullness(self.metrics)

    async def create(self, create: Create) -> Created:
        """Accept a task, or answer a repeat with the first answer.

        Raises:
            Refusal: nothing was stored or held.
        """
        try:
            return await self._create_once(create)
        except TooManyActiveTasks:
            self.metrics.refused.labels("active-tasks").inc()
            raise
        except StoreBusy as busy:
            self.metrics.refused.labels("writer").inc()
            raise Overloaded(
                "The gateway is overloaded. The task was not accepted; try again in 5 seconds.",
                retry_after_s=5,
            ) from busy
        except InsufficientQuota:  # it may be spent by the very task that this repeats
            replayed = await self._first_answer(create) if create.key is not None else None
            if replayed is None:
                raise
            return replayed
        except SchemaBehind as behind:
            raise Overloaded(
                "The server is being upgraded. The task was not accepted; try again later.",
                retry_after_s=30,
            ) from behind

    async def _create_once(self, create: Create) -> Created:
        scope = (create.caller.account_id, create.route)
        if create.key is not None:
            async with self.flights.alone((*scope, create.key)):
                return await self._first_answer(create) or await self._create(create)
        body = (*scope, create.digest)
        if create.is_retry:
            # One retry at a time: the first one may have been lost on its way here.
            async with self.flights.alone(body):
                await self.flights.landed(body)
                return await self._first_answer(create) or await self._create(create)
        with self.flights.under_way(body):
            return await self._create(create)

    async def _first_answer(self, create: Create) -> Created | None:
        """Find the answer to repeat (CONTRACT §2)."""
        at = self.clock.now()
        answer = await self.store.read(lambda tx: self._answered(tx, create, at))
        return None if answer is None else _replayed(create, answer)

    def _answered(self, tx: Transaction, create: Create, at: datetime) -> Answer | None:
        account = create.caller.account_id
        if create.key is not None:
            return tx.answer(account, create.route, create.key, at - self.budgets.answer)
        if not create.is_retry:
            return None
        since = at - self.budgets.retry_window
        return tx.recent_answer(account, create.route, create.digest, since)

    async def _create(self, create: Create) -> Created:
        judged = await self.judge(create)
        await self._check_turn(create.caller, judged)
        if judged.film is not None:
            await self.inputs.copy_film(judged.film)
        await self.inputs.keep(judged.files)
        return await self._accept(create, judged)

    async def _check_turn(self, caller: Key, judged: Judged) -> None:
        """Refuse what may not be now, before anything of it is stored (CONTRACT §2)."""
        if counts_tasks(caller):
            await self.store.read(lambda tx: check_active(tx, caller))
        await self._check_funds(caller, judged)
        await self._fullness.check_queue(self.store, self.policies.waiting_max)
        await self._fullness.check_room(
            self.clock.now(), self.blobs, self.other_room, self.policies.free_bytes_min
        )

    async def _check_funds(self, caller: Key, judged: Judged) -> None:
        """Refuse what the purses do not cover, before anything is stored; the accept decides.

        Raises:
            InsufficientQuota: one of them has less left than the task would hold.
        """
        amount = judged.hold_microusd if caller.has_purse else 0
        if not amount:
            return
        at, owners = self.clock.now(), (caller.account_id, caller.id)
        purses = await self.store.read(lambda tx: tx.purses(owners, at=at))
        if any(amount > purse.left_microusd for purse in purses):
            raise self._too_little(judged.listing)

    def _too_little(self, listing: Listing) -> InsufficientQuota:
        self.metrics.uncovered.labels(listing.id).inc()
        return InsufficientQuota(TOO_LITTLE)

    async def _accept(self, create: Create, judged: Judged) -> Created:
        tariff, task = judged.tariff, self._task(create, judged)
        headers = headers_of(judged.listing, judged.ignored, judged.coerced)
        answer = Answer(
            account_id=task.account_id,
            route=create.route,
            key=create.key,
            digest=create.digest,
            task_id=task.id,
            body=create.render(task),
            headers=headers,
            created_at=task.created_at,
        )

        is_bounded = create.caller.has_purse and task.hold_microusd > 0
        holds = is_bounded or counts_tasks(create.caller)
        act = self._accepting(create, task, tariff, answer, is_bounded=is_bounded, holds=holds)
        try:
            first = await self.store.write(act, alone=holds)
        except InsufficientQuota:
            raise self._too_little(judged.listing) from None
        except IntegrityFault:
            replayed = await self._first_answer(create) if create.key is not None else None
            if replayed is None:
                raise
            return replayed
        if first is not None:
            return _replayed(create, first)
        self._fullness.note_accepted()
        self.metrics.accepted.labels(task.model).inc()
        self.metrics.held.labels(task.model).inc(task.hold_microusd)
        self._draw_accept(create, task)
        log.debug("a task was accepted", task_id=task.id, model=task.model)
        return Created(answer.body, headers, task.id)

    def _draw_accept(self, create: Create, task: Task) -> None:
        """Draw the request that made a task; the caller's own span is linked to, never obeyed."""
        self.traces.record(
            task.id,
            "accept",
            create.received_at or task.created_at,
            self.clock.now(),
            kind=Kind.SERVER,
            link=create.span,
            path=create.route,
            model=task.model,
            request_id=create.request_id or None,
        )

    def _accepting(
        self,
        create: Create,
        task: Task,
        tariff: Tariff,
        answer: Answer,
        *,
        is_bounded: bool,
        holds: bool,
    ) -> Callable[[Transaction], Answer | None]:
        """Return what writes a task down with all that goes with it, or finds the first answer.

        It `holds` the account, before all else, where what the account has decides; then others
        of it may have been quicker.
        """

        def act(tx: Transaction) -> Answer | None:
            if holds:
                tx.hold_account(task.account_id)
            if holds or create.key is None:
                first = self._answered(tx, create, task.created_at)
                if first is not None:
                    return first
            check_active(tx, create.caller)
            set_aside(tx, task, tariff, is_bounded=is_bounded)
            tx.add_answer(answer, since=task.created_at - self.budgets.answer)
            for asset in task.spec.assets:
                if asset.blob is not None:
                    tx.refer_input(task.id, asset.blob)
            self.dispatcher.enqueue(tx, task, Work.FILM, queue=task.queue or "")
            return None

        return act

    def _task(self, create: Create, judged: Judged) -> Task:
        at, listing, wish = self.clock.now(), judged.listing, judged.wish
        queue_deadline_at = at + self.budgets.queue
        start_within_s = wish.start_within_s.value if wish.start_within_s else None
        deadline_at = queue_deadline_at
        if start_within_s is not None:
            deadline_at = min(deadline_at, at + timedelta(seconds=start_within_s))
        task_id = new_task_id(at)
        routes = self.catalog.routes(listing.id, is_rehearsal=listing.is_rehearsal)
        return Task(
            id=task_id,
            account_id=create.caller.account_id,
            key_id=create.caller.id,
            model=listing.id,
            spec=judged.spec,
            created_at=at,
            queue_deadline_at=queue_deadline_at,
            deadline_at=deadline_at,
            start_within_s=start_within_s,
            hold_microusd=judged.hold_microusd,
            is_rehearsal=listing.is_rehearsal,
            served_by=listing.served_by,
            callback_url=wish.callback_url.value if wish.callback_url else None,
            user=wish.user.value if wish.user else None,
            metadata=dict(wish.metadata_keys),
            expires_at=at + TEST_LIFE if create.caller.is_test else None,
            queue=in_order(routes, task_id)[0].provider,
            work_id=work_id(task_id, Work.FILM),
        )


def _replayed(create: Create, answer: Answer) -> Created:
    """Give the first answer again (CONTRACT §2).

    Raises:
        IdempotencyKeyReused: it was given to another body.
    """
    if answer.digest != create.digest:
        raise IdempotencyKeyReused(
            "This Idempotency-Key was used with a different request body.",
            param="Idempotency-Key",
        )
    headers = {**answer.headers, "Idempotency-Replayed": "true"}
    return Created(answer.body, headers, answer.task_id, is_replay=True)
