"""What the house asks of the world: shapes only, no code.

Callers' side and workers' side meet in the Store and nowhere else. A transaction is
a function handed to `Store.write`: it runs whole or not at all, sees a stable state,
and must not wait for anything but the store.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import IO, Final, NamedTuple, Protocol, TypeVar

from rushes.domain.access import Account, Entry, Key, Period, Purse
from rushes.domain.catalog import InputRule
from rushes.domain.errors import Failure, Reason
from rushes.domain.health import Health
from rushes.domain.insights import Insight, InsightBy
from rushes.domain.prices import Tariff
from rushes.domain.provenance import Origin
from rushes.domain.rates import RateKind
from rushes.domain.spec import Size
from rushes.domain.submit import Submit, Verdict
from rushes.domain.task import Event, Status, Task
from rushes.domain.usage import UsageAsked, Used
from rushes.domain.webhooks import (
    Answered,
    Delivery,
    Endpoint,
    News,
    Post,
    PostState,
    WebhookSecret,
)

T = TypeVar("T")

FAULT_ROWS_MAX: Final = 20_000
"""Among so many rows of the newest tasks what went wrong last is looked for."""


class ArtifactKind(StrEnum):
    """What a task made."""

    FILM = "film"
    POSTER = "poster"
    SPRITESHEET = "spritesheet"
    LAST_FRAME = "last_frame"


class ArtifactState(StrEnum):
    """Where an artifact stands; the winner is `kept`, everything else gets `swept`."""

    WRITING = "writing"
    KEPT = "kept"
    SWEPT = "swept"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file a task made, or a try at one; `blob` is its own for every try."""

    blob: str
    task_id: str
    epoch: int
    kind: ArtifactKind
    state: ArtifactState
    created_at: datetime
    content_type: str = ""
    size_bytes: int = 0
    sha256: str = ""


FILE_NAMES: Final[Mapping[ArtifactKind, tuple[str, str]]] = {
    ArtifactKind.FILM: ("film.mp4", "video/mp4"),
    ArtifactKind.POSTER: ("poster.webp", "image/webp"),
    ArtifactKind.SPRITESHEET: ("spritesheet.jpg", "image/jpeg"),
    # After the poster in the order of names: code before takes the first of the two for one.
    ArtifactKind.LAST_FRAME: ("still-last.webp", "image/webp"),
}
"""What a file of each kind is called in the folder of its try, and what type it has."""


def new_try(
    task: Task, kinds: Iterable[ArtifactKind], *, at: datetime
) -> dict[ArtifactKind, Artifact]:
    """Name the blobs of a new try at files of a task; no other try has these names."""
    folder = f"films/{task.id}/{task.lease_epoch}-{secrets.token_hex(4)}"
    return {
        kind: Artifact(
            blob=f"{folder}/{FILE_NAMES[kind][0]}",
            task_id=task.id,
            epoch=task.lease_epoch,
            kind=kind,
            state=ArtifactState.WRITING,
            created_at=at,
            content_type=FILE_NAMES[kind][1],
        )
        for kind in kinds
    }


@dataclass(frozen=True, slots=True)
class Answer:
    """The first answer to a create, kept so that a repeat gets it again.

    `key` is the caller's Idempotency-Key, or None. `digest` is that of the request body.
    `headers` are those that describe the creation.
    """

    account_id: str
    route: str
    key: str | None
    digest: bytes
    task_id: str
    body: bytes
    headers: Mapping[str, str]
    created_at: datetime


class Look(NamedTuple):
    """The columns a status look needs; read raw, many thousand times a second."""

    account_id: str
    status: Status
    version: int
    progress: int
    reason: str | None
    message: str | None
    is_rehearsal: bool
    served_by: str | None
    charged_microusd: int | None


class Waiting(NamedTuple):
    """A queued task, and the work it waits to be carried by."""

    task_id: str
    model: str
    work_id: str | None


@dataclass(frozen=True, slots=True)
class Begun:
    """A task that a provider has, or may have; `since` is when it was handed over last."""

    task_id: str
    model: str
    queue: str | None
    status: Status
    progress: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Took:
    """How long a film took, from the submit to the end, in seconds."""

    model: str
    queue: str | None
    seconds: float


class HotLook(Protocol):
    """The status read that is asked tens of thousands of times a second."""

    def look(self, task_id: str) -> Look | None:
        """Return how a task stands if that is known without waiting; else None."""
        ...

    async def read(self, task_id: str) -> Look | None:
        """Return how a task stands; None if there is no such task.

        Raises:
            StoreBusy: the database is away.
        """
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """One row of `task_events`: a change of status, numbered within its task."""

    number: int
    event: Event | None
    status: Status
    at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """A question for a list of tasks. `statuses` empty means any.

    Without an `account_id` it is an operator's: tasks of all accounts.
    """

    account_id: str | None
    limit: int
    after: str | None = None
    is_newest_first: bool = True
    statuses: frozenset[Status] = frozenset()
    model: str | None = None
    key_id: str | None = None


@dataclass(frozen=True, slots=True)
class Filed:
    """What the store holds of a caller's file before a task refers to it, or after."""

    blob: str
    size_bytes: int
    content_type: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Faults:
    """One kind of trouble a task met, counted; trouble that ended it is its failure instead."""

    status: Status
    note: str
    count: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Faulted:
    """What went wrong with a task of any account, or with one of its submits, and whose it was.

    `n` is the submit, None before the first. With a `verdict` it is the submit itself that came to
    nothing, or nobody knows to what; then `faults` has its note once, and how the task stands now.
    """

    task_id: str
    account_id: str
    model: str
    provider: str | None
    n: int | None
    faults: Faults
    verdict: Verdict | None = None


def newest_first(found: Iterable[Faulted]) -> list[Faulted]:
    """Return what went wrong, the last seen first; in one order, whoever asks."""
    ordered = sorted(found, key=lambda one: (one.faults.note, one.n or 0, one.verdict or ""))
    return sorted(ordered, key=lambda one: (one.faults.last_at, one.task_id), reverse=True)


@dataclass(frozen=True, slots=True)
class OpenCount:
    """How many unfinished tasks of a provider have a status."""

    provider: str | None
    status: Status
    count: int


@dataclass(frozen=True, slots=True)
class Executor:
    """A process that carries tasks, and how long ago it said so, by the database's clock."""

    id: str
    silent_s: float


@dataclass(frozen=True, slots=True)
class Deed:
    """One line of the audit log: who did what, when, and to what. Nothing in it opens a door.

    `object` is an id, or a name where there is none: a task, a key, `provider/model`. `origin` is
    the address that it was asked from; by the command line there is none.
    """

    id: str
    at: datetime
    actor: str
    verb: str
    object: str
    note: str = ""
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class Adoption:
    """A task that was made for the late film of another one's submit `submit_n`."""

    task_id: str
    adopted_from: str
    submit_n: int
    at: datetime


class Lent(NamedTuple):
    """What was taken of a rate, and how much of it is left for whoever comes next."""

    lot: int
    left: int


class Transaction(Protocol):
    """Everything one write may read and change; each verb is one or a few statements."""

    @property
    def connection(self) -> object:
        """The database connection beneath, for the workflow library's own rows."""
        ...

    # -- tasks -------------------------------------------------------------------------
    def add_task(self, task: Task, holding: Entry) -> None:
        """Insert a queued task, its first event and its hold."""

    def task(self, task_id: str) -> Task | None:
        """Read one task."""

    def tasks_by_id(self, task_ids: Sequence[str]) -> Mapping[str, Task]:
        """Read many tasks at once; those that are not there are left out."""

    def hold_task(self, task_id: str) -> Task | None:
        """Read one task, which nobody else moves, takes or removes until the transaction ends."""

    def move(self, before: Task, after: Task, event: Event, *, at: datetime) -> bool:
        """Write a move, and all that follows from it; say whether it was still possible.

        The row must stand as `before` says (id, status, version, lease_epoch). With a final
        `after` the ledger is settled, the outbox gets its one event, and every open submit is
        handed to the keeper (`look_at = at`), all in this transaction.
        """

    def take(
        self,
        task_id: str,
        statuses: frozenset[Status],
        work_id: str,
        *,
        takeovers_max: int | None = None,
    ) -> Task | None:
        """Take over a task in one of `statuses`: epoch and takeover count rise by one.

        Only the work that the task belongs to now can take it, and only if it was taken over
        fewer times than `takeovers_max` since it moved last.
        """

    def rework(self, task: Task, work_id: str, queue: str | None) -> bool:
        """Give a task to new work, in a provider's queue; its epoch rises by one."""

    def extend(self, task: Task, deadline_at: datetime) -> bool:
        """Give a task more time where it stands; fenced like a move, and no event."""

    def queues(self) -> Sequence[str]:
        """Return the providers whose slots unfinished tasks hold, or wait for."""

    def waiting(self, queue: str, limit: int) -> Sequence[Waiting]:
        """Return the queued tasks of a queue, oldest first."""

    def begun(self, limit: int) -> Sequence[Begun]:
        """Return unfinished tasks that a provider has, or may have, oldest first."""

    def took(self, limit: int) -> Sequence[Took]:
        """Return how long films took, newest first, among the `limit` newest ended tasks."""

    def count_fault(self, task: Task, note: str, *, at: datetime) -> None:
        """Count one more thing that we did not understand or that broke while watching.

        Fenced by epoch and status; a worker that lost its task counts nothing.
        """

    def faults(self, task_id: str) -> Sequence[Faults]:
        """Return what went wrong on the way, by first sight."""

    def set_progress(self, steps: Iterable[tuple[str, int, int]]) -> None:
        """Raise progress: (task id, epoch, percent); never lowers it, only while running.

        No bell rings for it: a worker that woke itself by it would look again too soon.
        """

    def remove_task(self, task_id: str) -> None:
        """Remove record and events; artifacts become sweepable. Money and answers stay."""

    def expired(self, at: datetime, limit: int) -> Sequence[Task]:
        """Return ended tasks whose film, or record, was to be kept until now at the longest."""

    def give_up_film(self, task_id: str) -> bool:
        """Say that retention removes a task's film; its artifacts become sweepable.

        Say whether there was a film to give up: another keeper may have been first.
        """

    def release_inputs(self, before: datetime, limit: int) -> int:
        """Say that tasks which ended before need their inputs no more; return how many inputs."""

    def due(self, at: datetime, limit: int) -> Sequence[Task]:
        """Return unfinished tasks whose deadline has passed."""

    def unfinished(self, after_id: str, limit: int) -> Sequence[Task]:
        """Page through unfinished tasks by id."""

    def last_event_at(self) -> datetime | None:
        """Return when the last event of any unfinished task was; None if all have ended."""

    def page(self, page: Page) -> Sequence[Task]:
        """Return one page of an account's tasks, or of all, and one more if there is more."""

    def told(self, task_id: str, after: int = 0) -> Sequence[Told]:
        """Return the events of a task with a number above `after`."""

    # -- submits -----------------------------------------------------------------------
    def add_submit(self, submit: Submit) -> None:
        """Write an intent; must be committed before the call goes out."""

    def submits(self, task_id: str) -> Sequence[Submit]:
        """Return the submits of a task by number."""

    def submits_by_task(self, task_ids: Sequence[str]) -> Mapping[str, Sequence[Submit]]:
        """Return the submits of many tasks at once, each task's by number."""

    def submit_by_token(self, provider: str, token: str) -> Submit | None:
        """Return the submit that a provider knows by this token."""

    def change_submit(self, submit: Submit, expected: frozenset[Verdict]) -> bool:
        """Write what was learned of a submit, if its verdict is still one of `expected`.

        Not fenced by epoch: evidence of what was paid is kept from anyone who has it.
        """

    def is_ticket_known(self, submit: Submit) -> bool:
        """Say whether another submit to the same provider already holds this ticket."""

    def unanswered(self, submit: Submit, since: datetime, limit: int) -> Sequence[str]:
        """Return whose submits to the same route, begun since then, have no answer either.

        The tasks of `submit` itself, and of submits whose fate is known, are not among them.
        """

    def submits_to_look_at(self, at: datetime, limit: int) -> Sequence[Submit]:
        """Return submits of ended tasks that the keeper should look after now."""

    def hold_submit(self, submit: Submit, until: datetime) -> Submit | None:
        """Take a submit that is due in hand until an instant, if it stands as it was seen.

        Of several keepers that see it due one looks after it; if that one dies, it is due again.
        """

    def salvage(self, limit: int, after: tuple[str, int] | None = None) -> Sequence[Submit]:
        """Return submits of ended, undelivered tasks that may have been paid."""

    # -- operators ---------------------------------------------------------------------
    def add_adoption(self, adoption: Adoption) -> None:
        """Write down whose film a task has.

        Raises:
            IntegrityFault: that film was adopted before.
        """

    def adoption_of(self, task_id: str) -> Adoption | None:
        """Return whose film a task has; None if it has its own."""

    def adoptions_from(self, task_id: str) -> Sequence[Adoption]:
        """Return which tasks have late films of a task, by the number of its submit."""

    def add_audit(self, deed: Deed) -> None:
        """Append a line to the audit log."""

    def audit(
        self,
        limit: int,
        *,
        object_id: str | None = None,
        since: datetime | None = None,
        before: str | None = None,
    ) -> Sequence[Deed]:
        """Return lines of the audit log, the newest first: those about `object_id`, from `since`.

        `before` is the id of the last line of the page before.
        """

    # -- erasing -----------------------------------------------------------------------
    def tasks_of(
        self, after_id: str, limit: int, *, account_id: str | None = None, user: str | None = None
    ) -> Sequence[Task]:
        """Page by id through the tasks of an account, of an end user, or of both."""

    def blank_remains(self, task_id: str) -> None:
        """Blank what answers, events and submits hold of a task's wish; its record may be gone.

        Tickets and money stay, and addresses of films that a provider may still be making.
        """

    def take_inputs(self, blobs: Sequence[str], before: datetime) -> Sequence[str]:
        """Forget those of some inputs that no task refers to, and return them.

        One that was filed since `before` may be about to be referred to, and stays. The bytes go
        in this same transaction: until it ends, whoever files one of them anew has to wait.
        """

    # -- artifacts and inputs ----------------------------------------------------------
    def add_artifacts(self, *artifacts: Artifact) -> None:
        """Write down blobs that are about to be written."""

    def keep_artifacts(self, *artifacts: Artifact) -> None:
        """Name winners: the rows become `kept` with their measures.

        Raises:
            LeaseLost: there is no such try, or its blob was swept; nothing of it can be kept.
        """

    def artifacts(self, task_id: str) -> Sequence[Artifact]:
        """Return a task's artifacts that are not swept."""

    def sweepable(self, before: datetime, limit: int) -> Sequence[Artifact]:
        """Return blobs nobody will want: tries that lost, and films of removed tasks."""

    def swept(self, blobs: Iterable[str]) -> None:
        """Record that these blobs are gone."""

    def file_input(self, filed: Filed) -> None:
        """Record an input blob; an existing row becomes as young as this one."""

    def input(self, blob: str) -> Filed | None:
        """Read what is known of an input blob."""

    def refer_input(self, task_id: str, blob: str) -> None:
        """Say that a task needs this input."""

    def orphan_inputs(self, before: datetime, limit: int) -> Sequence[str]:
        """Return input blobs older than `before` that no task refers to."""

    def take_orphans(self, before: datetime, limit: int) -> Sequence[str]:
        """Forget orphan inputs, and return them: their bytes go in this same transaction.

        Until it ends, whoever files one of them anew has to wait.
        """

    def drop_inputs(self, blobs: Iterable[str]) -> None:
        """Forget input blobs that were removed."""

    def set_spec(self, task: Task) -> bool:
        """Write a spec whose inputs were fetched; fenced like a move."""

    # -- stock -------------------------------------------------------------------------
    def kept_artifacts(self, after_blob: str, limit: int) -> Sequence[Artifact]:
        """Page through what tasks made and have, by name of the blob."""

    def wanted_inputs(self, after_blob: str, limit: int) -> Sequence[Filed]:
        """Page through the inputs that unfinished tasks refer to, by name of the blob."""

    def known_artifacts(self, blobs: Sequence[str]) -> frozenset[str]:
        """Return which of these blobs a task made, or is making; swept ones are not."""

    def known_inputs(self, blobs: Sequence[str]) -> frozenset[str]:
        """Return which of these blobs are inputs on record."""

    # -- answers -----------------------------------------------------------------------
    def add_answer(self, answer: Answer, *, since: datetime) -> None:
        """Keep the first answer to a create; one under the same key from before `since` goes.

        Raises:
            IntegrityFault: the key is already used in this scope.
        """

    def answer(self, account_id: str, route: str, key: str, since: datetime) -> Answer | None:
        """Return the answer given under an Idempotency-Key."""

    def recent_answer(
        self, account_id: str, route: str, digest: bytes, since: datetime
    ) -> Answer | None:
        """Return the newest answer to a create with the same body."""

    def forget_answers(self, before: datetime, limit: int) -> int:
        """Drop old answers; return how many."""

    # -- accounts and keys -------------------------------------------------------------
    def add_account(self, account: Account) -> None:
        """Insert an account.

        Raises:
            SchemaBehind: it has rules, and the database has no room for them yet.
        """

    def see_to_account(self, account: Account) -> None:
        """Insert an account without rules, unless it is there; any number may do so at once."""

    def account(self, account_id: str) -> Account | None:
        """Return an account."""

    def accounts(self) -> Sequence[Account]:
        """Return all accounts, closed ones included, by birth."""

    def change_account(self, before: Account, after: Account) -> bool:
        """Write name, limits and end of an account, if it stands as it was seen.

        Raises:
            SchemaBehind: the database has no room for it yet.
        """

    def add_key(self, key: Key) -> None:
        """Insert a key; its account is made if it is new.

        Raises:
            SchemaBehind: it has rules, and the database has no room for them yet.
        """

    def key(self, key_id: str) -> Key | None:
        """Return a key, a revoked one too."""

    def change_key(self, before: Key, after: Key) -> bool:
        """Write what may change of a key, if it stands as it was seen; not its account's rules.

        Raises:
            SchemaBehind: the database has no room for it yet.
        """

    def key_by_digest(self, digest: bytes) -> Key | None:
        """Find a key, revoked ones included."""

    def keys(self) -> Sequence[Key]:
        """Return all keys, revoked ones included, by birth."""

    def revoke_key(self, key_id: str, at: datetime) -> bool:
        """Revoke a key; say whether there was one to revoke."""

    def key_version(self) -> int:
        """Return a number that changes with every change to any key."""

    # -- routes ------------------------------------------------------------------------
    def healths(self) -> Sequence[Health]:
        """Return what is known of all routes, by name."""

    def health(self, provider: str, upstream_model: str) -> Health | None:
        """Return what is known of one route; None if nothing ever went wrong."""

    def put_health(self, health: Health) -> None:
        """Write how a route fares; a clean one needs no row."""

    # -- money -------------------------------------------------------------------------
    def entries(self, task_id: str) -> Sequence[Entry]:
        """Return the ledger rows of a task."""

    def add_tariff(self, task_id: str, tariff: Tariff) -> None:
        """Freeze what a task costs.

        Raises:
            SchemaBehind: the database has no table for it yet.
        """

    def tariff(self, task_id: str) -> Tariff:
        """Return what a task costs; nothing where it is free."""

    def count_hold(self, holding: Entry, key_id: str, *, at: datetime) -> None:
        """Count a hold in the purses of its account and key, if they have any, as it is.

        For a caller that is not known to have a purse: one may have been given to it a moment ago.
        It comes before whatever else an accept waits for.

        Raises:
            SchemaBehind: the database has no table for it yet.
        """

    def spend(self, holding: Entry, key_id: str, *, at: datetime) -> bool:
        """Count a hold in the purses of its account and key, if each of them has so much left.

        Say whether it was; if not, the transaction must be taken back. Of an account one does so
        at a time, so that this must be the first verb of a transaction of its own.

        Raises:
            SchemaBehind: the database has no table for it yet.
        """

    def purses(self, owners: Iterable[str] | None, *, at: datetime) -> Sequence[Purse]:
        """Return the purses of these owners, or all, with what was spent in the present period."""

    def set_purse(
        self, owner: str, period: Period, limit_microusd: int, *, account_id: str, at: datetime
    ) -> None:
        """Bound what an account or a key may spend in a period, by a new or another limit.

        What a new purse has spent is what its owner holds and was charged for in the period.

        Raises:
            SchemaBehind: the database has no table for it yet.
        """

    def recount_purses(self, owner: str, *, account_id: str, at: datetime) -> None:
        """Count anew what the purses of an owner have spent in their present periods."""

    def drop_purse(self, owner: str, period: Period) -> bool:
        """Take a bound away; say whether there was one."""

    def refunded(self, limit: int) -> Sequence[str]:
        """Return accounts whose purses were not told yet what some ended tasks released."""

    def fold_refunds(self, account_id: str) -> int:
        """Tell the purses of an account what its ended tasks released; return how many they were.

        Of an account one does so at a time, as with `spend`.
        """

    def usage(self, asked: UsageAsked) -> Sequence[Used]:
        """Return what was used, and one more line if there is more.

        Raises:
            SchemaBehind: the database has no table for it yet.
        """

    def fill_usage(self) -> int:
        """Write down the use of ended tasks whose end an older version wrote; return how many."""

    # -- limits ------------------------------------------------------------------------
    def take_rate(
        self, owner: str, kind: RateKind, began_at: datetime, *, limit: int, count: int
    ) -> Lent:
        """Take up to `count` of what an owner's rate leaves in the window that began then.

        Whoever takes for several owners in one transaction takes in their order. Who comes for a
        window that is over, by a clock that is a little behind, gets nothing. On a database of
        the step before nobody is counted.
        """
        ...

    def hold_account(self, account_id: str) -> None:
        """Wait until no other transaction has to do with an account, and keep others from it.

        Only an act that is written `alone` may: another one is refused. So are the verbs that
        hold an account themselves: `spend`, `set_purse`, `recount_purses` and `fold_refunds`.
        """

    def open_task_count(
        self, account_id: str, key_id: str | None, *, at_most: int, is_waiting: bool = False
    ) -> int:
        """Count unfinished tasks of a key, or of a whole account, as far as `at_most`.

        With `is_waiting`, only those of them that are `queued` count.
        """
        ...

    def waiting_count(self, at_most: int) -> int:
        """Count all tasks that are `queued`, whoever's, as far as `at_most`."""
        ...

    # -- webhooks ----------------------------------------------------------------------
    def news(self, event_id: str) -> News | None:
        """Return the event that a task's end left in the outbox."""

    def unposted(self, limit: int) -> Sequence[News]:
        """Return events of the outbox that nobody has made posts of, the oldest first."""

    def post(self, news: News, posts: Iterable[Post], *, at: datetime) -> bool:
        """Make the posts of an event, unless somebody has; say whether they were made."""

    def pass_over(self, event_ids: Iterable[str], *, at: datetime) -> None:
        """Say of events that no posts are to be made of them."""

    def due_posts(
        self,
        at: datetime,
        limit: int,
        *,
        origins: Iterable[str] = (),
        accounts: Iterable[str] = (),
    ) -> Sequence[Post]:
        """Return posts that may be attempted now, but none to these origins or of these accounts.

        An origin is a scheme with a host and port, as `domain.webhooks.origin_of` returns it.
        """

    def hold_post(self, post: Post, until: datetime) -> Post | None:
        """Take a due post in hand until an instant, if it stands as it was seen; None if not.

        Of many who try only one has it. A post that nobody wrote news of by `until` is due again.
        """

    def change_post(self, before: Post, after: Post) -> bool:
        """Write what became of a post that is held, or ended; say whether it stood as `before`.

        That it was delivered is written whoever holds it, as long as it waits.
        """

    def add_delivery(self, post: Post, answered: Answered, *, at: datetime) -> None:
        """Keep an attempt in the log; the store numbers the attempts of a post."""

    def deliveries(self, event_id: str, url: str) -> Sequence[Delivery]:
        """Return the attempts of a post by number."""

    def posts_of(self, event_id: str) -> Sequence[Post]:
        """Return the posts of an event by address."""

    def posts(
        self, limit: int, *, state: PostState | None = None, before: str | None = None
    ) -> Sequence[Post]:
        """Return posts by event, the newest first; with `before`, those of older events."""

    def forget_posts(self, before: datetime, limit: int) -> int:
        """Drop posts that ended before, with their attempts; return how many."""

    def endpoints(self, account_id: str | None = None) -> Sequence[Endpoint]:
        """Return the addresses of an account, or of all, by birth."""

    def endpoint(self, endpoint_id: str) -> Endpoint | None:
        """Read one address."""

    def add_endpoint(self, endpoint: Endpoint) -> None:
        """Insert an address."""

    def change_endpoint(self, before: Endpoint, after: Endpoint) -> bool:
        """Write how an address fares, if it still fares as `before` says."""

    def remove_endpoint(self, endpoint_id: str) -> bool:
        """Remove an address; say whether there was one. Its posts end when they are due."""

    def webhook_secret(self, account_id: str) -> WebhookSecret | None:
        """Return what an account's deliveries are signed with, None if it has none yet."""

    def keep_webhook_secret(self, fresh: WebhookSecret) -> WebhookSecret:
        """Return the secret of an account; if it has none, `fresh` is it from now on."""

    def change_webhook_secret(self, before: WebhookSecret, after: WebhookSecret) -> bool:
        """Write a rotation, unless somebody else rotated first."""

    # -- executors ---------------------------------------------------------------------
    def beat(self, executor: str) -> None:
        """Say that an executor is alive, by the database's clock."""

    def retire(self, executor: str) -> None:
        """Say that an executor has stopped: its work may go to others at once."""

    def executor_count(self, lost_after_s: float) -> int:
        """Return how many executors beat within that time."""

    def reassign_work(self, lost_after_s: float) -> int:
        """Give work back to its queues whose executor did not beat for that long.

        Executors that did not are forgotten. Returns how many pieces of work it was.
        """

    def share_out(self, queue: str) -> int:
        """Say of work that waits in a queue whose it is, where that was not said when it came.

        A queue that has a share for each account starts nothing else. Returns how much it was.
        """

    def dequeued(self, executor: str, for_s: float) -> Sequence[str]:
        """Return the work that an executor dequeued longer ago than that, and did not end."""

    def requeue(self, works: Sequence[str]) -> int:
        """Give work back to its queues; return how much of it still was dequeued."""

    def forgive_starts(self) -> int:
        """Count no start of work that is yet to come by the database's clock: it was set back.

        A queue with so many starts a minute would start nothing until then. Returns how many.
        """

    # -- turns -------------------------------------------------------------------------
    def take_turn(self, queue: str, account_id: str, step: int) -> int:
        """Take the next turn of an account in a queue; smaller ones start first.

        An account's turns lie `step` apart, from where the queue stands now: whoever waits with
        thousands is not before one that comes with its first.
        """

    def turns_of(self, queue: str, limit: int) -> Sequence[str]:
        """Return the work that waits in an engine's queue, in the order in which it will start."""

    def turn_queues(self) -> Sequence[str]:
        """Return the queues in which turns were taken and not forgotten since."""

    def pass_turns(self, queue: str) -> None:
        """Note where a queue stands by the work that waits first in it; start over if none does."""

    # -- numbers -----------------------------------------------------------------------
    def counts(self) -> Mapping[Status, int]:
        """Return how many tasks stand where."""

    def open_counts(self) -> Sequence[OpenCount]:
        """Return how many unfinished tasks stand where, by provider and status."""

    def newest_faults(self, limit: int, *, provider: str | None = None) -> Sequence[Faulted]:
        """Return what went wrong last with tasks, and with their submits, the last seen first.

        Looked for among FAULT_ROWS_MAX rows of each, those of the newest tasks; not of tasks whose
        record was removed.
        """

    def executors(self) -> Sequence[Executor]:
        """Return the executors that beat and were not forgotten since, by name."""

    def insights(self, by: InsightBy, since: datetime, until: datetime) -> Sequence[Insight]:
        """Return how tasks fared that were accepted from `since` on and before `until`.

        The record of a task that was removed counts no more. By day, then by model.
        """


class IntegrityFault(Exception):
    """A row that must be unique was there already.

    A store may find out when the verb is called, or as late as the transaction ends: no act can
    go on after it, and nothing that it wrote stays.
    """


class SchemaBehind(Exception):
    """The database is one step behind this code, and what was asked for needs that step."""


class Store(Protocol):
    """Where the truth is."""

    async def write(self, act: Callable[[Transaction], T], *, alone: bool = False) -> T:
        """Run `act` in a transaction; return when it is durable.

        An act that waits for what another transaction has in hand must be `alone` in its own:
        together with others it would make them wait, and could wait for them.

        Raises:
            StoreBusy: the database did not take it in time; nothing was written.
            Exception: whatever `act` raised; nothing was written.
        """
        ...

    async def read(self, act: Callable[[Transaction], T]) -> T:
        """Run `act` on a stable, committed state; it must not write."""
        ...


class Books(Store, Protocol):
    """A store that answers in the thread that asks, too: for commands without an event loop."""

    def write_now(self, act: Callable[[Transaction], T]) -> T:
        """Run `act` in a transaction of its own; return when it is durable.

        Raises:
            StoreBusy: the database did not take it in time; nothing was written.
        """
        ...

    def read_now(self, act: Callable[[Transaction], T]) -> T:
        """Run `act` on a stable, committed state; it must not write."""
        ...

    def close(self) -> None:
        """Finish what is waiting, and let go of the database."""
        ...


class Work(StrEnum):
    """The kinds of work an engine does for a task."""

    FILM = "film"
    COLLECT = "collect"


def kept_of(tx: Transaction, task_id: str, kind: ArtifactKind) -> Artifact | None:
    """Return the artifact of a kind that a task kept, None if there is none."""
    for artifact in tx.artifacts(task_id):
        if artifact.kind is kind and artifact.state is ArtifactState.KEPT:
            return artifact
    return None


def work_id_of(task: Task, work: Work) -> str:
    """Name a piece of work; the epoch makes the name new whenever the work is given anew."""
    return work_id(task.id, work, task.lease_epoch)


def work_id(task_id: str, work: Work, epoch: int = 0) -> str:
    """Name a piece of work of a task, by default its first."""
    return f"{task_id}:{work}:{epoch}"


class Dispatcher(Protocol):
    """Hands work to the engine, within the transaction that makes it necessary."""

    def enqueue(self, tx: Transaction, task: Task, work: Work, *, queue: str) -> None:
        """Make sure that `work` will be done for `task` once the transaction commits.

        The work is known as `task.work_id`, which the caller set with `work_id_of`; `queue` is
        the provider whose slot film work needs, and empty for other work.
        """
        ...


class Ear(Protocol):
    """Listens to a bell: a ring that comes while nobody waits is kept until it is forgotten."""

    def forget(self) -> None:
        """Forget the rings that came until now."""

    async def wait(self, timeout_s: float) -> bool:
        """Wait for a ring that is not forgotten; say whether there was one."""
        ...


class Bell(Protocol):
    """Wakes whoever waits for news of a task. A bell may be missed: rows are the truth."""

    def ring(self, task_id: str) -> None:
        """Say that a task changed; from any thread."""

    def listen(self, task_id: str) -> AbstractContextManager[Ear]:
        """Listen for news of a task, between waits too."""
        ...

    async def wait(self, task_id: str, timeout_s: float) -> bool:
        """Wait for a ring; say whether there was one."""
        ...


@dataclass(frozen=True, slots=True)
class BlobStat:
    """What a blob store knows of a blob."""

    size_bytes: int
    modified_at: datetime


class Blobs(Protocol):
    """Bytes under names; a name is written once and never changes its bytes."""

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> int:
        """Store a blob durably and return its size; nothing is visible before it is whole."""
        ...

    async def put_files(self, files: Mapping[str, Path]) -> None:
        """Store local files durably under their names, moving them where that is possible.

        Each is visible whole or not at all; one that was not stored is still where it was.
        """
        ...

    async def stat(self, name: str) -> BlobStat | None:
        """Return what is known of a blob, None if there is none."""
        ...

    def open(self, name: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Stream a blob, or a part of it.

        Raises:
            FileNotFoundError: there is no such blob.
        """
        ...

    def local_path(self, name: str) -> Path | None:
        """Return where the blob lies on this machine, None for a remote store."""
        ...

    async def delete(self, name: str) -> None:
        """Remove a blob; one that is not there is fine."""
        ...

    def delete_now(self, name: str) -> None:
        """Remove a blob at once, blocking; for use inside a transaction that forgets it."""
        ...

    def names(self, prefix: str) -> AsyncIterator[tuple[str, BlobStat]]:
        """List blobs under a prefix."""
        ...

    async def sweep_temporary(self, older_than: datetime) -> int:
        """Remove what writers that died left behind; return how many files."""
        ...

    async def free_bytes(self) -> int | None:
        """Return how much room is left, None where nobody knows."""
        ...


@dataclass(frozen=True, slots=True)
class Probe:
    """What a full decode of a film found, and the stills made on the way.

    `poster` and `last_frame` are WebP files, `spritesheet` is a JPEG file.
    """

    seconds: float
    size: Size
    fps: float
    frame_count: int
    video_codec: str
    audio_codec: str | None
    poster: Path
    spritesheet: Path
    last_frame: Path


class NotAFilm(Exception):
    """The bytes are no film that can be decoded to its end."""


class Inspector(Protocol):
    """Looks at media in a limited child process; hostile files are its daily bread."""

    async def inspect(self, film: Path, folder: Path) -> Probe:
        """Decode a film to its end, and leave its stills in `folder`.

        Raises:
            NotAFilm: with a sentence that says what is wrong.
        """
        ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that was fetched from an address a caller gave."""

    path: Path
    size_bytes: int
    sha256: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Still:
    """A still that was stored."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Developed:
    """A film that was decoded to its end, and the stills that were stored of it.

    `film` are the stored bytes of a film that does not lie in our blobs as it came, since it says
    now where it comes from. `notes` are sentences about what could not be done to it.
    """

    seconds: float
    size: Size
    stills: Mapping[ArtifactKind, Still]
    film: Still | None = None
    notes: tuple[str, ...] = ()


class Darkroom(Protocol):
    """Turns a film into facts and stills, and has it say where it comes from."""

    async def take_in(
        self,
        chunks: AsyncIterator[bytes],
        film: str,
        stills: Mapping[ArtifactKind, str],
        origin: Origin,
    ) -> Developed:
        """Decode a film that streams in to its end, and store it and its stills under their names.

        A film that cannot be made to say where it comes from is stored as it came, with a note.

        Raises:
            NotAFilm: with a sentence that says what is wrong.
            OSError: it could not be stored, or nothing be looked at, now.
            Exception: whatever the stream raises.
        """
        ...

    async def develop(self, film: str, stills: Mapping[ArtifactKind, str]) -> Developed:
        """Decode the blob `film` to its end, and store each still named as the blob given.

        Raises:
            NotAFilm: with a sentence that says what is wrong.
            OSError: the blobs could not be read or written now.
        """
        ...


@dataclass(frozen=True, slots=True)
class InputFacts:
    """What an input turned out to be; `size` is upright (EXIF), and None for sound.

    `seconds` is how long a video says it is, where it does.
    """

    content_type: str
    size: Size | None = None
    seconds: float | None = None


class Examiner(Protocol):
    """Looks into a caller's file before anyone relies on it."""

    async def examine(self, content: IO[bytes], rule: InputRule, *, param: str) -> InputFacts:
        """Check a file from its start against a rule; the position afterwards is undefined.

        Raises:
            InvalidMedia: with `param` and a sentence that says what is allowed.
        """
        ...


class Fetcher(Protocol):
    """The one guarded client for every address a caller gives."""

    def check(self, url: str, *, param: str) -> None:
        """Refuse an address that can be seen to be wrong without looking it up.

        Raises:
            UrlNotAllowed: with `param`.
        """

    async def fetch(self, url: str, *, param: str, bytes_max: int, folder: Path) -> Fetched:
        """Fetch a file into `folder`.

        Raises:
            UrlNotAllowed: the address, or where it leads, is not public.
            InvalidMedia: too large, or the server said no for good.
            OSError: it could not be had now.
        """
        ...


class Poster(Protocol):
    """The guarded client that hands events to the addresses that callers and operators gave."""

    def check(self, url: str, *, param: str) -> None:
        """Refuse an address that can be seen to be wrong without looking it up.

        Raises:
            UrlNotAllowed: with `param`.
        """

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """Post a JSON body once; the address is judged again where the socket opens (P9).

        Whatever happens is an answer: no fault of a receiver is raised.
        """
        ...


@dataclass(frozen=True, slots=True)
class Passage:
    """A text of a wish, as a moderator is shown it; `name` begins a sentence about it."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a wish, in a local file for who wants to see it."""

    name: str
    content_type: str
    size_bytes: int
    path: Path


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a wish is not made: what its caller is told, and `why`, which the operator is told.

    `why` never quotes a prompt.
    """

    failure: Failure
    why: str

    @classmethod
    def to(cls, name: str, why: str) -> Objection:
        """Object to something by its name.

        >>> Objection.to("The prompt", "violence").failure.message
        'The prompt was refused: content policy.'
        """
        refused = Failure.of(Reason.CONTENT_REFUSED, f"{name} was refused: content policy.")
        return cls(refused, why)


class Unjudged(Exception):
    """A moderator could not judge now; the message says why, and quotes nothing."""

    def __init__(self, note: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(note)
        self.retry_after_s = retry_after_s


class Moderator(Protocol):
    """Judges what a caller wishes for, before anything is spent on it."""

    async def judge(
        self, passages: Sequence[Passage], pictures: Sequence[Picture]
    ) -> Objection | None:
        """Return the first objection, None if there is none.

        Raises:
            Unjudged: it cannot judge now.
            OSError: a picture could not be read now.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class NotAHint(Exception):
    """What came under a hint's address was not sent by the upstream it is for."""


class HintReader(Protocol):
    """Verifies an upstream's call, which is only a bell."""

    def __call__(self, provider: str, headers: Mapping[str, str], body: bytes) -> bytes | None:
        """Return what the upstream wants to hear, None for nothing.

        Raises:
            NotAHint: the provider signs, and this was not signed by it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Budgets:
    """How long a task may stay where (promise P3).

    `last_look` is how long a task whose time is over may wait for one last look at its provider.
    That an upstream does not know a task is believed after `missing_max` looks in a row, over
    `missing_for` at least.
    """

    queue: timedelta = timedelta(hours=24)
    submit_call: timedelta = timedelta(seconds=60)
    submit_margin: timedelta = timedelta(seconds=30)
    doubt: timedelta = timedelta(minutes=3)
    render: timedelta = timedelta(hours=1)
    last_look: timedelta = timedelta(minutes=5)
    collect: timedelta = timedelta(hours=6)
    aftercare: timedelta = timedelta(hours=24)
    missing_for: timedelta = timedelta(seconds=30)
    missing_max: int = 3
    takeovers_max: int = 20
    orphan_input: timedelta = timedelta(hours=1)
    answer: timedelta = timedelta(hours=24)
    retry_window: timedelta = timedelta(minutes=10)
    film_bytes_max: int = 4 * 2**30
    pauses_s: tuple[float, ...] = field(default=(1.0, 2.0, 5.0, 10.0, 20.0, 30.0))
