"""The mailroom: makes posts of what the outbox owes, and attempts each when it is due.

Posts are rows, not work of the engine: nothing waits in memory for a receiver, and a dead one
holds nothing. Any number of mailrooms may run. Of those that see a post due, one takes it in
hand for `HOLD`; if that one dies, the post is due again, and is attempted again under the same
event id (CONTRACT §10: at least once).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from rushes.clock import Clock
from rushes.domain.task import Task
from rushes.domain.webhooks import (
    LIFE,
    Answered,
    Endpoint,
    News,
    Post,
    PostState,
    WebhookSecret,
    after_attempt,
    after_hearing,
    given_up,
    is_too_old,
    new_secret,
    origin_of,
    posts_of,
    signed_headers,
)
from rushes.observe import Metrics, about, log, unheard
from rushes.ports import Poster, Store, Transaction
from rushes.traces import ROOT, SILENT, Kind, Traces

BATCH: Final = 100
PLACES: Final = 64
PER_ORIGIN_MAX: Final = 8
PER_ACCOUNT_MAX: Final = 32
HOLD: Final = timedelta(seconds=60)
"""How long an attempt is nobody else's: ten seconds for the receiver, the rest for us."""

OUR_FAULT: Final = Answered(None, "a fault of this server; its log has more")

WriteBody = Callable[[News, bool, datetime], bytes]
"""Renders an event as it goes out at an instant, with or without a link to the film."""


@dataclass(slots=True)
class Places:
    """How many attempts are under way, and to whom: nobody may take all places."""

    total: int = PLACES
    per_origin: int = PER_ORIGIN_MAX
    per_account: int = PER_ACCOUNT_MAX
    _origins: Counter[str] = field(default_factory=Counter, init=False)
    _accounts: Counter[str] = field(default_factory=Counter, init=False)

    @property
    def free_count(self) -> int:
        """How many more may begin."""
        return self.total - self._origins.total()

    @property
    def full_origins(self) -> list[str]:
        """Where no more may begin."""
        return [name for name, count in self._origins.items() if count >= self.per_origin]

    @property
    def full_accounts(self) -> list[str]:
        """For whom no more may begin."""
        return [name for name, count in self._accounts.items() if count >= self.per_account]

    def take(self, post: Post) -> bool:
        """Take a place for a post; say whether there was one."""
        origin = origin_of(post.url)
        if (
            self.free_count <= 0
            or self._origins[origin] >= self.per_origin
            or self._accounts[post.account_id] >= self.per_account
        ):
            return False
        self._origins[origin] += 1
        self._accounts[post.account_id] += 1
        return True

    def leave(self, post: Post) -> None:
        """Give the place of a post back."""
        for counter, name in (
            (self._origins, origin_of(post.url)),
            (self._accounts, post.account_id),
        ):
            counter[name] -= 1
            if counter[name] <= 0:
                del counter[name]


@dataclass(slots=True)
class Mailroom:
    """One mailroom. `jitter` draws from [0, 1); a letter is dated by `wall`, or else by `clock`.

    An endpoint that took nothing for `disable_after` is disabled; what ended is kept for
    `keep`.
    """

    store: Store
    clock: Clock
    poster: Poster
    write_body: WriteBody
    jitter: Callable[[], float]
    disable_after: timedelta = timedelta(days=5)
    keep: timedelta = timedelta(days=30)
    places: Places = field(default_factory=Places)
    metrics: Metrics = field(default_factory=unheard)
    traces: Traces = SILENT
    wall: Clock | None = None

    async def fan_out(self) -> int:
        """Make posts of the oldest events nobody has made posts of; return how many events.

        Events from before the last 24 hours are only marked: their time is over. Every task that
        ended passes here once, whoever ended it, so that here is told of it, too.
        """
        at = self.clock.now()
        if not await self.store.read(lambda tx: bool(tx.unposted(1))):
            return 0
        events = await self.store.write(lambda tx: _fan_out(tx, at))
        for news, task in await self.store.read(lambda tx: _ended(tx, events)):
            self._tell_of_the_end(news, task)
        return len(events)

    def _tell_of_the_end(self, news: News, task: Task | None) -> None:
        """Count a task that ended, and draw its whole life; one that was deleted is not known."""
        if task is None:
            return
        ended_at = task.finished_at or news.created_at
        reason = "" if task.failure is None else str(task.failure.reason)
        status, seconds = task.status.value, (ended_at - task.created_at).total_seconds()
        log.debug("a task ended", task_id=task.id, status=status, reason=reason, seconds=seconds)
        self.metrics.ended.labels(task.model, status, reason).inc()
        self.metrics.task_s.labels(task.model, status).observe(max(0.0, seconds))
        self.traces.record(
            task.id,
            ROOT,
            task.created_at,
            ended_at,
            fault=reason or None,
            model=task.model,
            status=status,
            reason=reason or None,
            submit_count=task.submit_count,
            is_rehearsal=task.is_rehearsal,
        )

    async def take_due(self) -> Sequence[Post]:
        """Take posts in hand that are due, as many as there are places; each must be attempted.

        The places are given back by `attempt`.
        """
        at = self.clock.now()
        if self.places.free_count <= 0:
            return []
        due = await self.store.read(lambda tx: self._due(tx, at))
        chosen = [post for post in due if self.places.take(post)]
        if not chosen:
            return []
        try:
            held = await self.store.write(lambda tx: _hold(tx, chosen, at + HOLD))
        except BaseException:
            self._leave_all(chosen)
            raise
        mine = {(post.event_id, post.url) for post in held}
        self._leave_all([post for post in chosen if (post.event_id, post.url) not in mine])
        return held

    def _due(self, tx: Transaction, at: datetime) -> Sequence[Post]:
        full, accounts = self.places.full_origins, self.places.full_accounts
        return tx.due_posts(at, BATCH, origins=full, accounts=accounts)

    def _leave_all(self, posts: Sequence[Post]) -> None:
        for post in posts:
            self.places.leave(post)

    async def attempt(self, post: Post) -> None:
        """Attempt a post that is in hand, write down what came of it, and give its place back."""
        try:
            with about(task_id=post.task_id, event_id=post.event_id):
                await self._attempt(post)
        finally:
            self.places.leave(post)

    async def _attempt(self, post: Post) -> None:
        at = self.clock.now()
        fresh = WebhookSecret(post.account_id, new_secret(), at)
        parcel = await self.store.read(lambda tx: _parcel(tx, post))
        why, news, secret = _why_not(post, parcel, at), parcel.news, parcel.secret
        if why is not None or news is None:
            after = given_up(post, why or "the event is not there any more", at)
            await self.store.write(lambda tx: tx.change_post(post, after))
            self.metrics.webhooks.labels("dropped").inc()
            return
        if secret is None:
            secret = await self.store.write(lambda tx: tx.keep_webhook_secret(fresh))
        answered = await self._send(post, news, secret, has_film=parcel.has_task, at=at)
        await self._note(post, answered)

    async def _send(
        self, post: Post, news: News, secret: WebhookSecret, *, has_film: bool, at: datetime
    ) -> Answered:
        try:
            with self.traces.span(post.task_id, "webhook", Kind.CLIENT) as span:
                body = self.write_body(news, has_film, at)
                dated = (self.wall or self.clock).now()  # receivers hold it against their clock
                headers = signed_headers(secret.living(at), news.event_id, dated, body)
                answered = await self.poster.post(post.url, headers, body)
                attempt, status = post.attempt_count + 1, answered.http_status
                span.note(event=news.type, attempt=attempt, http_status=status)
                span.fault = None if answered.is_delivered else "not_delivered"
                return answered
        except Exception as fault:  # noqa: BLE001 -- a bug of ours must not try for ever, unheard
            log.error("a webhook could not be sent", exc_info=fault)
            return OUR_FAULT

    async def _note(self, post: Post, answered: Answered) -> None:
        """Write an attempt down, and what follows from it for the post and its endpoint."""
        at, jitter = self.clock.now(), self.jitter()
        after = after_attempt(post, answered, at, jitter)
        gave_up = after.state is PostState.DEAD
        outcome = "delivered" if answered.is_delivered else "gave_up" if gave_up else "failed"
        self.metrics.webhooks.labels(outcome).inc()

        def act(tx: Transaction) -> Endpoint | None:
            tx.add_delivery(post, answered, at=at)
            tx.change_post(post, after)
            endpoint = None if post.endpoint_id is None else tx.endpoint(post.endpoint_id)
            if endpoint is None or endpoint.disabled_at is not None:
                return None
            fares = after_hearing(endpoint, answered, at, disable_after=self.disable_after)
            is_news = fares != endpoint and tx.change_endpoint(endpoint, fares)
            return fares if is_news and fares.disabled_at is not None else None

        disabled = await self.store.write(act)
        if disabled is not None:
            log.warning(
                "a webhook endpoint was disabled",
                endpoint=disabled.id,
                account=disabled.account_id,
                why=disabled.note,
            )

    async def sweep(self) -> int:
        """Forget the oldest posts that ended long ago; return how many, at most a batch."""
        before = self.clock.now() - self.keep
        return await self.store.write(lambda tx: tx.forget_posts(before, BATCH))


@dataclass(frozen=True, slots=True)
class _Parcel:
    """What an attempt needs to know at its own moment."""

    news: News | None
    has_task: bool
    endpoint: Endpoint | None
    secret: WebhookSecret | None


def _ended(tx: Transaction, events: Sequence[News]) -> list[tuple[News, Task | None]]:
    """Return the tasks that events are about; whoever writes needs not wait for it."""
    return [(news, tx.task(news.task_id)) for news in events]


def _fan_out(tx: Transaction, at: datetime) -> Sequence[News]:
    events = tx.unposted(BATCH)
    endpoints: dict[str, Sequence[Endpoint]] = {}
    nobodys: list[str] = []
    for news in events:
        account_id = news.account_id
        if account_id not in endpoints:
            endpoints[account_id] = tx.endpoints(account_id)
        is_over = at - news.created_at > LIFE
        posts = [] if is_over else posts_of(news, endpoints[account_id], at)
        if posts:
            tx.post(news, posts, at=at)
        else:
            nobodys.append(news.event_id)
    tx.pass_over(nobodys, at=at)
    return events


def _hold(tx: Transaction, posts: Sequence[Post], until: datetime) -> list[Post]:
    """Take posts in hand, in one order for all, so that no two wait for each other."""
    in_order = sorted(posts, key=lambda post: (post.event_id, post.url))
    return [held for post in in_order if (held := tx.hold_post(post, until)) is not None]


def _parcel(tx: Transaction, post: Post) -> _Parcel:
    return _Parcel(
        news=tx.news(post.event_id),
        has_task=tx.task(post.task_id) is not None,
        endpoint=None if post.endpoint_id is None else tx.endpoint(post.endpoint_id),
        secret=tx.webhook_secret(post.account_id),
    )


def _why_not(post: Post, parcel: _Parcel, at: datetime) -> str | None:
    """Say why a post must not be attempted any more; None if it may."""
    if is_too_old(post, at):
        return "its 24 hours are over"
    if post.endpoint_id is None:
        return None
    if parcel.endpoint is None:
        return "the endpoint was removed"
    if parcel.endpoint.disabled_at is not None:
        return f"the endpoint is disabled: {parcel.endpoint.note}"
    return None
