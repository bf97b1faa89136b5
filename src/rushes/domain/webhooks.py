"""Webhooks as values: what is told, to whom, how it is signed, and when it is tried again.

Nothing here reads a clock, a socket or a row. The wire's part, the body, is in `http/`.

Source: CONTRACT §10; Standard Webhooks 1.0, https://www.standardwebhooks.com.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from rushes.domain.errors import Failure
from rushes.domain.ids import new_event_id
from rushes.domain.task import Status, Task

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 -- says what it is, and is none
SECRET_BYTES: Final = 32
SECRET_BYTES_MIN: Final = 24
"""Fewer, and none above all, could be guessed by whoever would like to be believed."""

ANSWER_S: Final = 10.0
"""A delivery is a 2xx within so many seconds, the lookup of the name included."""

PAUSES: Final[tuple[timedelta, ...]] = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=8),
)
"""What follows the first attempt, the second, and so on; each is stretched or cut by `SPREAD`."""

SPREAD: Final = 0.1
LIFE: Final = timedelta(hours=24)
LAST: Final = LIFE - timedelta(minutes=1)
"""The last attempt is put there, so that it ends within the 24 hours."""

GONE: Final = 410

TYPES: Final[Mapping[Status, str]] = {
    Status.SUCCEEDED: "video.completed",
    Status.FAILED: "video.failed",
    Status.EXPIRED: "video.failed",
    Status.CANCELED: "video.canceled",
}
_GOOD: Final = range(200, 300)
_REDIRECTS: Final = range(300, 400)
_PORTS: Final = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True)
class News:
    """The one event that a task's end owes to whoever wants to hear of it; a row of the outbox."""

    event_id: str
    task_id: str
    account_id: str
    type: str
    created_at: datetime
    callback_url: str | None = None
    failure: Failure | None = None

    @classmethod
    def of(cls, task: Task, at: datetime) -> News:
        """Return the event of a task that has ended, under a fresh id."""
        return cls(
            event_id=new_event_id(at),
            task_id=task.id,
            account_id=task.account_id,
            type=TYPES[task.status],
            created_at=at,
            callback_url=task.callback_url,
            failure=task.failure,
        )


class PostState(StrEnum):
    """How a post stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Post:
    """One event on its way to one address.

    `attempt_count` are the attempts whose end is known; `due_at` is when the next may begin, or
    until when somebody has it in hand, and None once it has ended. `created_at` is when it was
    begun: its 24 hours count from there. `note` is what the last attempt came to, in words.
    """

    event_id: str
    url: str
    task_id: str
    account_id: str
    created_at: datetime
    due_at: datetime | None
    endpoint_id: str | None = None
    state: PostState = PostState.WAITING
    attempt_count: int = 0
    ended_at: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt, as it is kept: `http_status` is None where there was no answer."""

    event_id: str
    url: str
    attempt: int
    at: datetime
    http_status: int | None
    note: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address of an account that hears of every end of its tasks.

    `failing_since` is the first of the attempts in a row that failed; `disabled_at` says that
    nothing is sent there any more, and `note` why.
    """

    id: str
    account_id: str
    url: str
    created_at: datetime
    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """What an account's deliveries are signed with; `previous` counts beside it for a while."""

    account_id: str
    secret: str
    created_at: datetime
    previous: str | None = None
    previous_until: datetime | None = None

    def living(self, at: datetime) -> tuple[str, ...]:
        """Return the secrets to sign with at that instant, the newest first."""
        previous = self.previous_at(at)
        return (self.secret,) if previous is None else (self.secret, previous)

    def previous_at(self, at: datetime) -> str | None:
        """Return the secret before this one, while it still counts."""
        is_over = self.previous_until is None or at >= self.previous_until
        return None if is_over else self.previous

    def rotated(self, at: datetime, *, previous_for: timedelta) -> WebhookSecret:
        """Return what stands after a rotation; of two in a row the oldest secret is dropped."""
        return WebhookSecret(
            self.account_id,
            new_secret(),
            at,
            previous=self.secret,
            previous_until=at + previous_for,
        )


@dataclass(frozen=True, slots=True)
class Answered:
    """What an attempt came to: the status of the answer, if there was one, and a sentence."""

    http_status: int | None
    note: str

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver has it: any 2xx."""
        return self.http_status is not None and self.http_status in _GOOD

    @classmethod
    def of(cls, http_status: int) -> Answered:
        """Put an answer into words.

        >>> Answered.of(204).note, Answered.of(302).note
        ('answered 204', 'answered 302; redirects are not followed')
        """
        more = "; redirects are not followed" if http_status in _REDIRECTS else ""
        return cls(http_status, f"answered {http_status}{more}")


# -- to whom -----------------------------------------------------------------------------------


def posts_of(news: News, endpoints: Iterable[Endpoint], at: datetime) -> list[Post]:
    """Return the posts of an event: to every endpoint that is not disabled, and the callback.

    An address named twice gets it once; the endpoint's row then knows how it fares.
    """
    wanted: list[tuple[str, str | None]] = [
        (one.url, one.id) for one in endpoints if one.disabled_at is None
    ]
    if news.callback_url is not None:
        wanted.append((news.callback_url, None))
    by_place: dict[str, Post] = {}
    for url, endpoint_id in wanted:
        post = Post(news.event_id, url, news.task_id, news.account_id, at, at, endpoint_id)
        by_place.setdefault(place_of(url), post)
    return list(by_place.values())


def place_of(url: str) -> str:
    """Return an address so that two spellings of one place are equal.

    >>> place_of("HTTPS://Films.Example:443") == place_of("https://films.example/")
    True
    """
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    host = parts.netloc.lower().removesuffix(_PORTS.get(scheme, ""))
    query = f"?{parts.query}" if parts.query else ""
    return f"{scheme}://{host}{parts.path or '/'}{query}"


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address, as they are spelled in it.

    >>> origin_of("https://films.example:8443/hook?a=1")
    'https://films.example:8443'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


# -- how it is signed --------------------------------------------------------------------------


def new_secret() -> str:
    """Return a fresh signing secret: `whsec_` and base64 of 256 random bits."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(keys: Sequence[str], event_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers of one attempt: one signature for every secret that counts.

    Raises:
        ValueError: there is no secret to sign with, or one that could be guessed.
    """
    if not keys:
        raise ValueError("There is no webhook secret to sign with.")
    timestamp = str(int(at.timestamp()))
    told = b".".join((event_id.encode(), timestamp.encode(), body))
    signatures = (
        base64.b64encode(hmac.new(_key(key), told, sha256).digest()).decode() for key in keys
    )
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError:
        key = b""
    if len(key) < SECRET_BYTES_MIN:
        raise ValueError(f"A webhook secret has at least {SECRET_BYTES_MIN} bytes of base64.")
    return key


# -- when it is tried again --------------------------------------------------------------------


def next_try(post: Post, at: datetime, jitter: float) -> datetime | None:
    """Return when a post is due after one more attempt that failed at `at`; None: never.

    `jitter` is drawn from [0, 1). No attempt begins more than 24 hours after the post did.
    """
    last_at = post.created_at + LAST
    if post.attempt_count >= len(PAUSES) or at >= last_at:
        return None
    pause = PAUSES[post.attempt_count] * (1 - SPREAD + 2 * SPREAD * jitter)
    return min(at + pause, last_at)


def after_attempt(post: Post, answered: Answered, at: datetime, jitter: float) -> Post:
    """Return a post as it stands after an attempt that began with it and ended at `at`."""
    tried = replace(post, attempt_count=post.attempt_count + 1, note=answered.note)
    if answered.is_delivered:
        return replace(tried, state=PostState.DELIVERED, due_at=None, ended_at=at)
    due_at = None if answered.http_status == GONE else next_try(post, at, jitter)
    if due_at is None:
        return replace(tried, state=PostState.DEAD, due_at=None, ended_at=at)
    return replace(tried, due_at=due_at)


def is_too_old(post: Post, at: datetime) -> bool:
    """Say whether a post's 24 hours are over, whatever was or was not tried in them."""
    return at > post.created_at + LIFE


def given_up(post: Post, why: str, at: datetime) -> Post:
    """Return a post that ends without another attempt."""
    return replace(post, state=PostState.DEAD, due_at=None, ended_at=at, note=why)


def begun_again(post: Post, at: datetime) -> Post:
    """Return an ended post as it stands when somebody asks for it again: its time begins anew."""
    return replace(
        post, state=PostState.WAITING, attempt_count=0, created_at=at, due_at=at, ended_at=None
    )


def after_hearing(
    endpoint: Endpoint, answered: Answered, at: datetime, *, disable_after: timedelta
) -> Endpoint:
    """Return an endpoint as it stands after an attempt there.

    One that took nothing for `disable_after` is disabled; an operator enables it again.
    """
    if answered.is_delivered:
        return replace(endpoint, failing_since=None)
    since = endpoint.failing_since or at
    failing = replace(endpoint, failing_since=since)
    if at - since < disable_after:
        return failing
    return replace(failing, disabled_at=at, note=f"nothing was taken there since {since:%F %H:%M}Z")
