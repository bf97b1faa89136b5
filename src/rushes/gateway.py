"""The callers' door: submit, look, list, cancel, delete.

It meets the workers only in the tables. A submit is judged whole before anything is stored;
then its inputs go to the blobs, and one transaction writes the task, its hold, its first event,
the answer to be repeated, and the engine's work (P1).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import IO, Final, Protocol

from rushes.clock import Clock
from rushes.domain.access import CancelRule, Key, canceled, hold
from rushes.domain.catalog import (
    Catalog,
    Decision,
    Listing,
    decide,
    fit_size,
    input_rule,
)
from rushes.domain.errors import (
    ArtifactExpired,
    IdempotencyKeyReused,
    InvalidValue,
    MissingParameter,
    ModelNotAllowed,
    Overloaded,
    StoreBusy,
    TaskAlreadyFinished,
    TaskFailed,
    TaskNotFinished,
    TaskNotFound,
    Unsupported,
    UrlNotAllowed,
)
from rushes.domain.ids import is_task_id, new_task_id
from rushes.domain.preference import in_order
from rushes.domain.spec import (
    SEED_MAX,
    Asset,
    Mode,
    Offered,
    Role,
    Said,
    Size,
    Spec,
    Wish,
)
from rushes.domain.task import Event, Status, Task
from rushes.flights import Flights
from rushes.observe import Metrics
from rushes.ports import (
    Answer,
    Artifact,
    ArtifactKind,
    ArtifactState,
    Blobs,
    Budgets,
    Dispatcher,
    Examiner,
    Fetcher,
    Filed,
    IntegrityFault,
    Page,
    Store,
    Told,
    Transaction,
    Work,
    work_id_of,
)

CHUNK_BYTES: Final = 256 * 1024
ROOM_AGE: Final = timedelta(seconds=1)
REMIX_READS: Final = frozenset(
    {"model", "prompt", "callback_url", "user", "metadata.start_within_s", "remix_from_video_id"}
)


class Asked(Protocol):
    """A create as a dialect read it: parsed only as far as the order of checks has come."""

    def model(self) -> Said[str] | None:
        """Return the model the caller named; reading it comes before the other parameters."""
        ...

    def wish(self) -> Wish:
        """Return everything the caller said.

        Raises:
            BadRequest: a value has the wrong type or contradicts another.
        """
        ...


@dataclass(frozen=True, slots=True)
class Create:
    """A request to create a task. `route` and `key` are the scope of idempotency (CONTRACT §2).

    `is_retry` says that the caller's client repeats a request by itself, without a key.
    `render` writes the dialect's answer.
    """

    caller: Key
    route: str
    key: str | None
    digest: bytes
    is_retry: bool
    asked: Asked
    render: Callable[[Task], bytes]
    default_model: str | None = None
    source_id: str | None = None


@dataclass(frozen=True, slots=True)
class Created:
    """The answer to a create; a replay is the first one again."""

    body: bytes
    headers: Mapping[str, str]
    task_id: str
    is_replay: bool = False


@dataclass(frozen=True, slots=True)
class Policies:
    """What an operator decided; see `settings`."""

    metadata: str = "listed"
    cancel_rule: CancelRule = CancelRule.RELEASE
    metadata_bytes_max: int = 256 * 2**10
    free_bytes_min: int = 0


@dataclass(slots=True)
class Gateway:
    """What callers can ask for, dialect gone."""

    store: Store
    clock: Clock
    catalog: Catalog
    blobs: Blobs
    dispatcher: Dispatcher
    examiner: Examiner
    fetcher: Fetcher
    budgets: Budgets
    policies: Policies
    metrics: Metrics
    flights: Flights = field(default_factory=Flights)
    _room_asked_at: datetime | None = field(default=None, init=False)
    _free_bytes: int | None = field(default=None, init=False)

    # -- create ------------------------------------------------------------------------

    async def create(self, create: Create) -> Created:
        """Accept a task, or answer a repeat with the first answer.

        Raises:
            Refusal: nothing was stored or held.
        """
        try:
            return await self._create_once(create)
        except StoreBusy as busy:
            raise Overloaded(
                "The gateway is overloaded. The task was not accepted; try again in 5 seconds.",
                retry_after_s=5,
            ) from busy

    async def _create_once(self, create: Create) -> Created:
        scope = (create.caller.account_id, create.route)
        if create.key is not None:
            async with self.flights.alone((*scope, create.key)):
                return await self._first_answer(create) or await self._create(create)
        body = (*scope, create.digest)
        if create.is_retry:
            await self.flights.landed(body)
            return await self._first_answer(create) or await self._create(create)
        with self.flights.under_way(body):
            return await self._create(create)

    async def _first_answer(self, create: Create) -> Created | None:
        """Find the answer to repeat (CONTRACT §2)."""
        at, account = self.clock.now(), create.caller.account_id

        def find(tx: Transaction) -> Answer | None:
            if create.key is not None:
                return tx.answer(account, create.route, create.key, at - self.budgets.answer)
            since = at - self.budgets.retry_window
            return tx.recent_answer(account, create.route, create.digest, since)

        answer = await self.store.read(find)
        if answer is None:
            return None
        if answer.digest != create.digest:
            raise IdempotencyKeyReused(
                "This Idempotency-Key was used with a different request body.",
                param="Idempotency-Key",
            )
        headers = {**answer.headers, "Idempotency-Replayed": "true"}
        return Created(answer.body, headers, answer.task_id, is_replay=True)

    async def _create(self, create: Create) -> Created:
        listing = await self._listing(create)
        wish = create.asked.wish()
        if wish.callback_url is not None:
            self._check_callback(wish.callback_url)
        source_id = create.source_id or (wish.remix_of.value if wish.remix_of else None)
        if source_id is not None:
            return await self._remix(create, listing, wish, source_id)
        passes = {"all": True, "none": False}.get(self.policies.metadata)
        decision = decide(wish, listing, passes_all_metadata=passes)
        files = await self._examine(decision, listing)
        spec = self._spec(wish, decision, listing, files)
        await self._check_room()
        await self._file(files)
        return await self._accept(create, listing, wish, spec, ignored=decision.ignored)

    def _check_callback(self, said: Said[str]) -> None:
        if not said.value.startswith("https://"):
            raise UrlNotAllowed(f"'{said.param}' must be a public https URL.", param=said.param)
        self.fetcher.check(said.value, param=said.param)

    async def _listing(self, create: Create) -> Listing:
        said = create.asked.model()
        model = said.value if said is not None else create.default_model
        if model is None and create.source_id is not None:
            source = await self.task(create.caller, create.source_id, param="video_id")
            model = source.model
        if model is None:
            raise MissingParameter("'model' is required.", param="model")
        listing = self.catalog.get(model)
        allowed = create.caller.models
        if allowed is not None and model not in allowed:
            raise ModelNotAllowed(f"This API key may not use model {model}.", param="model")
        return listing

    async def _examine(self, decision: Decision, listing: Listing) -> list[_File]:
        """Look into every file that came with the request, and at every address."""
        files = []
        for offer in decision.offered:
            role = _role(offer)
            if offer.url is not None:
                self.fetcher.check(offer.url, param=offer.param)
                files.append(_File(Asset(role, offer.param, url=offer.url), None, None))
                continue
            if offer.content is None:
                raise InvalidValue(f"'{offer.param}' is empty.", param=offer.param)
            rule = input_rule(listing.card, role, decision.size)
            facts = await self.examiner.examine(offer.content, rule, param=offer.param)
            digest, size_bytes = await asyncio.to_thread(_measure, offer.content)
            asset = Asset(
                role,
                offer.param,
                blob=digest,
                content_type=facts.content_type,
                size_bytes=size_bytes,
            )
            files.append(_File(asset, offer.content, facts.size))
        return files

    def _spec(
        self, wish: Wish, decision: Decision, listing: Listing, files: Sequence[_File]
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

    async def _remix(self, create: Create, listing: Listing, wish: Wish, source_id: str) -> Created:
        """Accept a remix: model, seconds and size are the source's (CONTRACT §4, §7)."""
        param = "video_id" if create.source_id else "remix_from_video_id"
        source = await self.task(create.caller, source_id, param=param)
        if Mode.REMIX not in listing.card.modes:
            raise Unsupported(f"Model {listing.id} does not support remix.", param="model")
        film = await self.film(create.caller, source, ArtifactKind.FILM, param=param)
        prompt = wish.prompt
        if prompt is None:
            raise MissingParameter("'prompt' is required.", param="prompt")
        await self._check_room()
        copy = await self._copy_film(film)
        asset = Asset(
            Role.SOURCE_FILM, param, blob=copy, content_type="video/mp4", size_bytes=film.size_bytes
        )
        measured = source.measures
        spec = replace(
            source.spec,
            model=listing.id,
            mode=Mode.REMIX,
            prompt=prompt.value,
            assets=(asset,),
            seconds=source.spec.seconds,
            size=measured.size if measured else source.spec.size,
            seed=_seed(wish),
            source_id=source.id,
            source_seconds=measured.seconds if measured else None,
            script=None,
        )
        ignored = [name for name in wish.order if name not in REMIX_READS]
        ignored += [f"metadata.{path}" for path in wish.metadata_keys]
        return await self._accept(create, listing, wish, spec, ignored=tuple(ignored))

    async def _copy_film(self, film: Artifact) -> str:
        """Keep a source film as an input of its own: its task may be deleted meanwhile."""
        at = self.clock.now()
        filed = Filed(film.sha256, film.size_bytes, film.content_type, at)
        await self.store.write(lambda tx: tx.file_input(filed))
        await self.blobs.put(f"inputs/{film.sha256}", self.blobs.open(film.blob))
        return film.sha256

    async def _check_room(self) -> None:
        """Refuse while storage is nearly full; how full it is, is asked once a second."""
        at = self.clock.now()
        if self._room_asked_at is None or not timedelta(0) <= at - self._room_asked_at < ROOM_AGE:
            self._room_asked_at, self._free_bytes = at, await self.blobs.free_bytes()
        free_bytes = self._free_bytes
        if free_bytes is not None and free_bytes < self.policies.free_bytes_min:
            raise Overloaded(
                "Storage is nearly full. The task was not accepted; try again later.",
                retry_after_s=60,
            )

    async def _file(self, files: Sequence[_File]) -> None:
        """Put the bytes of every input into the blobs, its row first (see the keeper)."""
        for file in files:
            asset, content = file.asset, file.content
            if content is None or asset.blob is None:
                continue
            at = self.clock.now()
            filed = Filed(asset.blob, asset.size_bytes or 0, asset.content_type or "", at)
            await self.store.write(lambda tx, filed=filed: tx.file_input(filed))  # type: ignore[misc]
            await self.blobs.put(f"inputs/{asset.blob}", _chunks(content))

    async def _accept(
        self,
        create: Create,
        listing: Listing,
        wish: Wish,
        spec: Spec,
        *,
        ignored: tuple[str, ...],
    ) -> Created:
        task = self._task(create, listing, wish, spec)
        headers = _headers(task, ignored)
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

        def act(tx: Transaction) -> None:
            tx.add_task(task, hold(task.id, task.account_id, task.hold_microusd))
            tx.add_answer(answer, since=task.created_at - self.budgets.answer)
            for asset in spec.assets:
                if asset.blob is not None:
                    tx.refer_input(task.id, asset.blob)
            self.dispatcher.enqueue(tx, task, Work.FILM, queue=task.queue or "")

        try:
            await self.store.write(act)
        except IntegrityFault:
            replayed = await self._first_answer(create)
            if replayed is None:
                raise
            return replayed
        self.metrics.accepted.labels(task.model).inc()
        return Created(answer.body, headers, task.id)

    def _task(self, create: Create, listing: Listing, wish: Wish, spec: Spec) -> Task:
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
            is_rehearsal=listing.is_rehearsal,
            served_by=listing.served_by,
            callback_url=wish.callback_url.value if wish.callback_url else None,
            user=wish.user.value if wish.user else None,
            metadata=dict(wish.metadata_keys),
            queue=in_order(routes, task_id)[0].provider,
        )
        return replace(task, work_id=work_id_of(task, Work.FILM))

    # -- look --------------------------------------------------------------------------

    async def task(self, caller: Key, task_id: str, *, param: str) -> Task:
        """Return a task of the caller's.

        Raises:
            TaskNotFound: unknown or someone else's; nobody can tell which (P8).
        """
        task = await self.store.read(lambda tx: tx.task(task_id)) if is_task_id(task_id) else None
        if task is None or task.account_id != caller.account_id:
            noun = "video" if param == "video_id" else "task"
            raise TaskNotFound(f"There is no {noun} {task_id}.", param=param)
        return task

    async def told(self, task: Task, after: int = 0) -> Sequence[Told]:
        """Return a task's events with a number above `after`."""
        return await self.store.read(lambda tx: tx.told(task.id, after))

    async def page(self, page: Page) -> tuple[Sequence[Task], bool]:
        """Return one page of tasks, and whether there are more."""
        found = await self.store.read(lambda tx: tx.page(page))
        return found[: page.limit], len(found) > page.limit

    async def film(self, caller: Key, task: Task, kind: ArtifactKind, *, param: str) -> Artifact:
        """Return a finished task's film or one of its stills.

        Raises:
            TaskNotFinished, TaskFailed: there is none yet, or there will be none.
            ArtifactExpired: retention removed it.
        """
        del caller
        noun = "Video" if param == "video_id" else "Task"
        if not task.is_final:
            raise TaskNotFinished(
                f"{noun} {task.id} has not finished; its status is {wire_word(task.status)}.",
                param=param,
            )
        if task.status is not Status.SUCCEEDED:
            why = task.failure.message if task.failure else ""
            raise TaskFailed(f"{noun} {task.id} failed and has no film: {why}", param=param)
        kept = await self.kept(task.id, kind)
        if task.is_film_gone or kept is None:
            raise ArtifactExpired(
                f"The film of {noun.lower()} {task.id} has expired and was removed.", param=param
            )
        return kept

    async def kept(self, task_id: str, kind: ArtifactKind) -> Artifact | None:
        """Return the artifact of a kind that a task kept."""
        artifacts = await self.store.read(lambda tx: tx.artifacts(task_id))
        for artifact in artifacts:
            if artifact.kind is kind and artifact.state is ArtifactState.KEPT:
                return artifact
        return None

    # -- cancel and delete ---------------------------------------------------------------

    async def cancel(self, caller: Key, task_id: str) -> Task:
        """Cancel a task: this transaction is the transition (CONTRACT §5.2).

        Raises:
            TaskNotFound: unknown or someone else's.
            TaskAlreadyFinished: there is nothing to cancel.
        """
        await self.task(caller, task_id, param="task_id")
        at = self.clock.now()

        def act(tx: Transaction) -> Task | None:
            task = tx.task(task_id)
            if task is None or task.is_final:
                return None
            after = canceled(task, at=at, rule=self.policies.cancel_rule)
            return after if tx.move(task, after, Event.CANCELED, at=at) else None

        after = await self.store.write(act)
        if after is None:
            raise TaskAlreadyFinished(f"Task {task_id} has already finished.", param="task_id")
        return after

    async def delete(self, caller: Key, task_id: str, *, param: str) -> None:
        """Remove a finished task, record and artifacts; old links die (CONTRACT §5.3).

        Raises:
            TaskNotFound: unknown or someone else's.
            TaskNotFinished: cancel it first.
        """
        task = await self.task(caller, task_id, param=param)
        if not task.is_final:
            noun = "Video" if param == "video_id" else "Task"
            raise TaskNotFinished(
                f"{noun} {task_id} has not finished; its status is {wire_word(task.status)}. "
                "Cancel it first.",
                param=param,
            )
        blobs = await self.store.read(lambda tx: [one.blob for one in tx.artifacts(task_id)])
        await self.store.write(lambda tx: tx.remove_task(task_id))
        for blob in blobs:
            await self.blobs.delete(blob)
        if blobs:
            await self.store.write(lambda tx: tx.swept(blobs))


@dataclass(frozen=True, slots=True)
class _File:
    """An input on its way: what it is, its bytes if they came along, its size in pixels."""

    asset: Asset
    content: IO[bytes] | None
    size: Size | None


def wire_word(status: Status) -> str:
    """Return how an unfinished status is told to callers; both dialects have the same words."""
    return "in_progress" if status in {Status.RUNNING, Status.STORING} else "queued"


def _role(offer: Offered) -> Role:
    if offer.role is None:
        raise InvalidValue(f"'{offer.param}' has no role.", param=offer.param)
    return offer.role


def _seed(wish: Wish) -> int:
    """Freeze the seed: a random one is drawn here, so that recovery makes the same film."""
    if wish.seed is None or wish.seed.value < 0:
        return secrets.randbelow(SEED_MAX + 1)
    return wish.seed.value


def _headers(task: Task, ignored: tuple[str, ...]) -> dict[str, str]:
    """Return the headers that describe a creation (CONTRACT §2)."""
    headers = {}
    if ignored:
        headers["Rushes-Ignored-Parameters"] = ", ".join(ignored)
    if task.is_rehearsal:
        headers["Rushes-Rehearsal"] = "true"
    if task.served_by is not None:
        headers["Rushes-Model"] = task.served_by
    return headers


def _measure(content: IO[bytes]) -> tuple[str, int]:
    """Return SHA-256 (hex) and size of a file, and rewind it; blocks."""
    content.seek(0)
    hasher, size_bytes = sha256(), 0
    while chunk := content.read(CHUNK_BYTES):
        hasher.update(chunk)
        size_bytes += len(chunk)
    content.seek(0)
    return hasher.hexdigest(), size_bytes


async def _chunks(content: IO[bytes]) -> AsyncIterator[bytes]:
    content.seek(0)
    while chunk := await asyncio.to_thread(content.read, CHUNK_BYTES):
        yield chunk
