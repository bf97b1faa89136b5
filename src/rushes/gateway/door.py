"""The callers' door: submit, look, list, cancel, delete.

It meets the workers only in the tables. A submit is judged whole before anything is stored;
then its inputs go to the blobs, and one transaction writes the task, its hold, its first event,
the answer to be repeated, and the engine's work (P1).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rushes.domain.access import Key
from rushes.domain.catalog import VIDEO_BYTES_MAX, Catalog, InputRule, Listing, fit_size
from rushes.domain.errors import (
    IdempotencyKeyReused,
    InsufficientQuota,
    MissingParameter,
    ModelNotAllowed,
    Overloaded,
    StoreBusy,
    TooManyActiveTasks,
)
from rushes.domain.ids import new_task_id
from rushes.domain.judging import Decision, decide
from rushes.domain.preference import in_order
from rushes.domain.prices import Tariff, hold_of, tariff_of
from rushes.domain.rehearsal import cut_down
from rushes.domain.retention import TEST_LIFE
from rushes.domain.spec import SEED_MAX, Medium, Mode, Role, Said, Spec, Wish
from rushes.domain.task import Task
from rushes.flights import Flights
from rushes.gateway.active import check_active, counts_tasks
from rushes.gateway.creates import Create, Created, beside_source, headers_of
from rushes.gateway.fullness import Fullness
from rushes.gateway.funds import TOO_LITTLE, set_aside
from rushes.gateway.inputs import File, Inputs
from rushes.gateway.looks import Looks
from rushes.gateway.sources import (
    check_mode,
    check_wish,
    source_of_file,
    source_of_task,
    told_source,
)
from rushes.observe import Metrics, log
from rushes.ports import (
    Answer,
    ArtifactKind,
    Budgets,
    Dispatcher,
    Examiner,
    Fetcher,
    IntegrityFault,
    Poster,
    SchemaBehind,
    Transaction,
    Work,
    work_id_of,
)
from rushes.traces import SILENT, Kind, Traces


def _unknown() -> int | None:
    return None


@dataclass(slots=True, kw_only=True)
class Gateway(Looks):
    """What callers can ask for, dialect gone.

    `other_room` tells how many bytes are free where we write beside the blobs; it may block.
    """

    catalog: Catalog
    dispatcher: Dispatcher
    examiner: Examiner
    fetcher: Fetcher
    poster: Poster
    budgets: Budgets
    metrics: Metrics
    flights: Flights = field(default_factory=Flights)
    other_room: Callable[[], int | None] = _unknown
    traces: Traces = SILENT
    _fullness: Fullness = field(init=False)

    def __post_init__(self) -> None:
        """Know nothing yet of how full the house is."""
        self._fullness = Fullness(self.metrics)

    @property
    def _inputs(self) -> Inputs:
        return Inputs(self.store, self.clock, self.blobs, self.examiner, self.fetcher)

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
        listing = self._named_listing(create)
        wish = create.asked.wish(is_sandboxed=listing is not None and listing.is_sandboxed)
        if wish.callback_url is not None:
            self.poster.check(wish.callback_url.value, param=wish.callback_url.param)
        mode = create.derives or (Mode.REMIX if wish.source_id is not None else None)
        if mode is not None:
            return await self._derive(create, listing, wish, mode)
        if listing is None:
            raise MissingParameter("'model' is required.", param="model")
        passes = {"all": True, "none": False}.get(self.policies.metadata)
        decision = decide(wish, listing, passes_all_metadata=passes, coerces=self.policies.coerces)
        files = await self._inputs.examine(decision, listing)
        spec = self._spec(wish, decision, listing, files)
        await self._check_turn(create, listing, spec)
        await self._inputs.keep(files)
        return await self._accept(
            create, listing, wish, spec, ignored=decision.ignored, coerced=decision.coerced
        )

    def _named_listing(self, create: Create) -> Listing | None:
        """Return what the caller named, or the dialect's default; None where a source may tell."""
        said = create.asked.model()
        if said is not None:
            return self._listing(create.caller, said.value)
        if create.derives is not None:
            return None
        if create.default_model is None:
            raise MissingParameter("'model' is required.", param="model")
        return self._listing(create.caller, create.default_model)

    def listing(self, caller: Key, model: str) -> Listing:
        """Return a model as a key sees it: a test key sees its rehearsal.

        Raises:
            ModelNotFound: there is none.
        """
        catalog = self.catalog
        return catalog.rehearsed(model) if caller.is_test else catalog.get(model)

    def listings(self, caller: Key) -> list[Listing]:
        """Return every model that a key may use, as it sees them."""
        catalog = self.catalog
        seen = catalog.all_rehearsed() if caller.is_test else catalog.listings.values()
        return [listing for listing in seen if caller.may_use(listing.id)]

    def _listing(self, caller: Key, model: str) -> Listing:
        listing = self.listing(caller, model)
        if not caller.may_use(model):
            raise ModelNotAllowed(f"This API key may not use model {model}.", param="model")
        return listing

    def _spec(
        self, wish: Wish, decision: Decision, listing: Listing, files: Sequence[File]
    ) -> Spec:
        spec = Spec(
            model=listing.id,
            mode=decision.mode,
            prompt=decision.prompt,
            seconds=decision.seconds,
            size=decision.size,
            seed=_seed(wish),
            resolution=decision.resolution,
            ratio=decision.ratio,
            with_audio=decision.with_audio,
            with_watermark=wish.with_watermark.value if wish.with_watermark else False,
            negative_prompt=wish.negative_prompt.value if wish.negative_prompt else None,
            assets=tuple(file.asset for file in files),
            options=decision.options,
            passthrough=decision.passthrough,
            script=wish.script.value if wish.script and listing.is_sandboxed else None,
        )
        for file in files:
            spec = fit_size(spec, file.asset.role, file.size)
        return spec

    async def _derive(
        self, create: Create, listing: Listing | None, wish: Wish, mode: Mode
    ) -> Created:
        """Accept a film made from a film, whose shape it takes over (CONTRACT §4, §7)."""
        check_wish(mode, wish)
        if listing is not None:
            check_mode(mode, listing)
        source_id = told_source(create.source_id, wish)
        if source_id is None:
            return await self._derive_from_file(create, listing, wish, mode)
        task = await self.task(create.caller, source_id.value, param=source_id.param)
        if listing is None:
            listing = self._listing(create.caller, task.model)
            check_mode(mode, listing)
        film = await self.film(task, ArtifactKind.FILM, param=source_id.param)
        source = source_of_task(task, film, source_id.param)
        spec = source.spec_for(mode, listing, wish, _seed(wish))
        await self._check_turn(create, listing, spec)
        await self._inputs.copy_film(film)
        return await self._accept(create, listing, wish, spec, ignored=beside_source(wish))

    async def _derive_from_file(
        self, create: Create, listing: Listing | None, wish: Wish, mode: Mode
    ) -> Created:
        """Accept a film made from one that came along."""
        offer = wish.source_film
        if offer is None:
            raise MissingParameter("'video' is required.", param="video")
        if listing is None:
            listing = self._listing(create.caller, create.default_model or "")
            check_mode(mode, listing)
        rule = InputRule(Medium.VIDEO, VIDEO_BYTES_MAX)
        file = await self._inputs.look_into(offer, Role.SOURCE_FILM, rule)
        spec = source_of_file(file, listing).spec_for(mode, listing, wish, _seed(wish))
        await self._check_turn(create, listing, spec)
        await self._inputs.keep([file])
        return await self._accept(create, listing, wish, spec, ignored=beside_source(wish))

    async def _check_turn(self, create: Create, listing: Listing, spec: Spec) -> None:
        """Refuse what may not be now, before anything of it is stored (CONTRACT §2)."""
        caller = create.caller
        if counts_tasks(caller):
            await self.store.read(lambda tx: check_active(tx, caller))
        await self._check_funds(caller, listing, spec)
        await self._fullness.check_queue(self.store, self.policies.waiting_max)
        await self._fullness.check_room(
            self.clock.now(), self.blobs, self.other_room, self.policies.free_bytes_min
        )

    async def _check_funds(self, caller: Key, listing: Listing, spec: Spec) -> None:
        """Refuse what the purses do not cover, before anything is stored; the accept decides.

        Raises:
            InsufficientQuota: one of them has less left than the task would hold.
        """
        amount = hold_of(tariff_of(listing.prices, spec), spec, listing.card)
        if not amount or not caller.has_purse:
            return
        at, owners = self.clock.now(), (caller.account_id, caller.id)
        purses = await self.store.read(lambda tx: tx.purses(owners, at=at))
        if any(amount > purse.left_microusd for purse in purses):
            raise self._too_little(listing)

    def _too_little(self, listing: Listing) -> InsufficientQuota:
        self.metrics.uncovered.labels(listing.id).inc()
        return InsufficientQuota(TOO_LITTLE)

    async def _accept(
        self,
        create: Create,
        listing: Listing,
        wish: Wish,
        spec: Spec,
        *,
        ignored: tuple[str, ...],
        coerced: tuple[Said[str], ...] = (),
    ) -> Created:
        if create.caller.is_test:
            spec, cut = cut_down(spec, wish)
            coerced = (*coerced, *cut)
        tariff = tariff_of(listing.prices, spec)
        task = self._task(create, listing, wish, spec, hold_of(tariff, spec, listing.card))
        headers = headers_of(task, ignored, coerced)
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
            raise self._too_little(listing) from None
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

    def _task(
        self, create: Create, listing: Listing, wish: Wish, spec: Spec, hold_microusd: int
    ) -> Task:
        at = self.clock.now()
        queue_deadline_at = at + self.budgets.queue
        start_within_s = wish.start_within_s.value if wish.start_within_s else None
        deadline_at = queue_deadline_at
        if start_within_s is not None:
            deadline_at = min(deadline_at, at + timedelta(seconds=start_within_s))
        task_id = new_task_id(at)
        routes = self.catalog.routes(listing.id, is_rehearsal=listing.is_rehearsal)
        task = Task(
            id=task_id,
            account_id=create.caller.account_id,
            key_id=create.caller.id,
            model=listing.id,
            spec=spec,
            created_at=at,
            queue_deadline_at=queue_deadline_at,
            deadline_at=deadline_at,
            start_within_s=start_within_s,
            hold_microusd=hold_microusd,
            is_rehearsal=listing.is_rehearsal,
            served_by=listing.served_by,
            callback_url=wish.callback_url.value if wish.callback_url else None,
            user=wish.user.value if wish.user else None,
            metadata=dict(wish.metadata_keys),
            expires_at=at + TEST_LIFE if create.caller.is_test else None,
            queue=in_order(routes, task_id)[0].provider,
        )
        return replace(task, work_id=work_id_of(task, Work.FILM))


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


def _seed(wish: Wish) -> int:
    """Freeze the seed: a random one is drawn here, so that recovery makes the same film."""
    if wish.seed is None or wish.seed.value < 0:
        return secrets.randbelow(SEED_MAX + 1)
    return wish.seed.value
