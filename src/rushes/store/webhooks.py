"""Webhooks: the outbox and its posts, the log of attempts, addresses and secrets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from rushes.domain.errors import Failure, Reason
from rushes.domain.webhooks import (
    Answered,
    Delivery,
    Endpoint,
    News,
    Post,
    PostState,
    WebhookSecret,
)
from rushes.store import rows
from rushes.store.connection import Rows
from rushes.store.schema import deliveries, endpoints, outbox, posts, webhook_secrets

_POSTS: Final = posts
_AFTER_ORIGIN: Final = ("", "/", "?", "#")


class WebhookRows(Rows):
    """The verbs of a transaction that concern webhooks."""

    # -- the outbox, and what is made of it ----------------------------------------------

    def news(self, event_id: str) -> News | None:
        """Return the event that a task's end left in the outbox."""
        statement = sa.select(outbox).where(outbox.c.event_id == event_id)
        found = self.run(statement).mappings().first()
        return None if found is None else _news_of(found)

    def unposted(self, limit: int) -> Sequence[News]:
        """Return events of the outbox that nobody has made posts of, the oldest first."""
        statement = (
            sa.select(outbox)
            .where(outbox.c.posted_at.is_(None))
            .order_by(outbox.c.created_at, outbox.c.event_id)
            .limit(limit)
        )
        if self._takes_locks:  # of two that make posts at once, each takes what the other leaves
            statement = statement.with_for_update(skip_locked=True)
        return rows.readable(self.run(statement).mappings(), _news_of)

    def post(self, news: News, posts: Iterable[Post], *, at: datetime) -> bool:
        """Make the posts of an event, unless somebody has; say whether they were made."""
        if self._mark_posted([news.event_id], at) != 1:
            return False
        for one in posts:
            self.add(_POSTS, _post_values(one))
        return True

    def pass_over(self, event_ids: Iterable[str], *, at: datetime) -> None:
        """Say of events that no posts are to be made of them."""
        if unheard := list(event_ids):
            self._mark_posted(unheard, at)

    def _mark_posted(self, event_ids: Sequence[str], at: datetime) -> int:
        unmarked = outbox.c.event_id.in_(event_ids), outbox.c.posted_at.is_(None)
        marking = sa.update(outbox).where(*unmarked).values(posted_at=rows.micros(at))
        return self.run(marking).rowcount

    # -- posts -----------------------------------------------------------------------------

    def due_posts(
        self,
        at: datetime,
        limit: int,
        *,
        origins: Iterable[str] = (),
        accounts: Iterable[str] = (),
    ) -> Sequence[Post]:
        """Return posts that may be attempted now, but none to these origins or accounts."""
        statement = sa.select(posts).where(
            posts.c.due_at.is_not(None), posts.c.due_at <= rows.micros(at)
        )
        for origin in sorted(origins):
            is_there = sa.and_(
                sa.func.substr(posts.c.url, 1, len(origin)) == origin,
                sa.func.substr(posts.c.url, len(origin) + 1, 1).in_(_AFTER_ORIGIN),
            )
            statement = statement.where(sa.not_(is_there))
        full = sorted(accounts)
        if full:
            statement = statement.where(posts.c.account_id.not_in(full))
        order = (posts.c.due_at, posts.c.event_id, posts.c.url)
        statement = statement.order_by(*order).limit(limit)
        return rows.readable(self.run(statement).mappings(), _post_of)

    def hold_post(self, post: Post, until: datetime) -> Post | None:
        """Take a due post in hand until an instant, if it stands as it was seen."""
        statement = (
            sa.update(posts)
            .where(*_is(post), posts.c.due_at == rows.micros_or_none(post.due_at))
            .values(due_at=rows.micros(until))
            .returning(*posts.c)
        )
        found = self.run(statement).mappings().first()
        return None if found is None else _post_of(found)

    def change_post(self, before: Post, after: Post) -> bool:
        """Write what became of a post; say whether it stood as `before` says."""
        stood = [*_is(before), posts.c.state == before.state.value]
        if after.state is not PostState.DELIVERED:
            due_at = rows.micros_or_none(before.due_at)
            stood.append(posts.c.due_at.is_not_distinct_from(due_at))
        return self.run(sa.update(posts).where(*stood).values(_post_values(after))).rowcount == 1

    def posts_of(self, event_id: str) -> Sequence[Post]:
        """Return the posts of an event by address."""
        statement = sa.select(posts).where(posts.c.event_id == event_id).order_by(posts.c.url)
        return [_post_of(found) for found in self.run(statement).mappings()]

    def posts(
        self, limit: int, *, state: PostState | None = None, before: str | None = None
    ) -> Sequence[Post]:
        """Return posts by event, the newest first; with `before`, those of older events."""
        statement = sa.select(posts).order_by(posts.c.event_id.desc(), posts.c.url)
        if state is not None:
            statement = statement.where(posts.c.state == state.value)
        if before is not None:
            statement = statement.where(posts.c.event_id < before)
        return [_post_of(found) for found in self.run(statement.limit(limit)).mappings()]

    def forget_posts(self, before: datetime, limit: int) -> int:
        """Drop posts that ended before, with their attempts; return how many."""
        ended = posts.c.ended_at.is_not(None) & (posts.c.ended_at < rows.micros(before))
        statement = sa.select(posts.c.event_id, posts.c.url).where(ended)
        statement = statement.order_by(posts.c.ended_at, posts.c.event_id, posts.c.url)
        old = [(row.event_id, row.url) for row in self.run(statement.limit(limit))]
        for event_id, url in old:
            self.run(
                sa.delete(deliveries).where(
                    deliveries.c.event_id == event_id, deliveries.c.endpoint == url
                )
            )
            self.run(sa.delete(posts).where(posts.c.event_id == event_id, posts.c.url == url))
        return len(old)

    # -- attempts --------------------------------------------------------------------------

    def add_delivery(self, post: Post, answered: Answered, *, at: datetime) -> None:
        """Keep an attempt in the log; the store numbers the attempts of a post."""
        mine = (deliveries.c.event_id == post.event_id, deliveries.c.endpoint == post.url)
        count = sa.select(sa.func.coalesce(sa.func.max(deliveries.c.attempt), 0)).where(*mine)
        values = {
            "event_id": post.event_id,
            "endpoint": post.url,
            "attempt": int(self.run(count).scalar_one()) + 1,
            "at": rows.micros(at),
            "http_status": answered.http_status,
            "note": answered.note,
        }
        self.put(deliveries, values)

    def deliveries(self, event_id: str, url: str) -> Sequence[Delivery]:
        """Return the attempts of a post by number."""
        statement = (
            sa.select(deliveries)
            .where(deliveries.c.event_id == event_id, deliveries.c.endpoint == url)
            .order_by(deliveries.c.attempt)
        )
        return [
            Delivery(
                event_id=found["event_id"],
                url=found["endpoint"],
                attempt=found["attempt"],
                at=rows.instant(found["at"]),
                http_status=found["http_status"],
                note=found["note"],
            )
            for found in self.run(statement).mappings()
        ]

    # -- addresses -------------------------------------------------------------------------

    def endpoints(self, account_id: str | None = None) -> Sequence[Endpoint]:
        """Return the addresses of an account, or of all, by birth."""
        statement = sa.select(endpoints).order_by(endpoints.c.created_at, endpoints.c.id)
        if account_id is not None:
            statement = statement.where(endpoints.c.account_id == account_id)
        return [_endpoint_of(found) for found in self.run(statement).mappings()]

    def endpoint(self, endpoint_id: str) -> Endpoint | None:
        """Read one address."""
        statement = sa.select(endpoints).where(endpoints.c.id == endpoint_id)
        found = self.run(statement).mappings().first()
        return None if found is None else _endpoint_of(found)

    def add_endpoint(self, endpoint: Endpoint) -> None:
        """Insert an address."""
        self.add(endpoints, _endpoint_values(endpoint))

    def change_endpoint(self, before: Endpoint, after: Endpoint) -> bool:
        """Write how an address fares, if it still fares as `before` says."""
        columns = endpoints.c
        statement = sa.update(endpoints).where(
            columns.id == before.id,
            columns.failing_since.is_not_distinct_from(rows.micros_or_none(before.failing_since)),
            columns.disabled_at.is_not_distinct_from(rows.micros_or_none(before.disabled_at)),
        )
        return self.run(statement.values(_endpoint_values(after))).rowcount == 1

    def remove_endpoint(self, endpoint_id: str) -> bool:
        """Remove an address; say whether there was one."""
        statement = sa.delete(endpoints).where(endpoints.c.id == endpoint_id)
        return self.run(statement).rowcount == 1

    # -- secrets ---------------------------------------------------------------------------

    def webhook_secret(self, account_id: str) -> WebhookSecret | None:
        """Return what an account's deliveries are signed with, None if it has none yet."""
        statement = sa.select(webhook_secrets).where(webhook_secrets.c.account_id == account_id)
        found = self.run(statement).mappings().first()
        if found is None:
            return None
        return WebhookSecret(
            account_id=found["account_id"],
            secret=found["secret"],
            created_at=rows.instant(found["created_at"]),
            previous=found["previous"],
            previous_until=rows.instant_or_none(found["previous_until"]),
        )

    def keep_webhook_secret(self, fresh: WebhookSecret) -> WebhookSecret:
        """Return the secret of an account; if it has none, `fresh` is it from now on."""
        if standing := self.webhook_secret(fresh.account_id):
            return standing
        self.put(webhook_secrets, _secret_values(fresh))
        return self.webhook_secret(fresh.account_id) or fresh

    def change_webhook_secret(self, before: WebhookSecret, after: WebhookSecret) -> bool:
        """Write a rotation, unless somebody else rotated first."""
        statement = sa.update(webhook_secrets).where(
            webhook_secrets.c.account_id == before.account_id,
            webhook_secrets.c.secret == before.secret,
        )
        return self.run(statement.values(_secret_values(after))).rowcount == 1


def _is(post: Post) -> tuple[sa.ColumnElement[bool], ...]:
    return (posts.c.event_id == post.event_id, posts.c.url == post.url)


def _news_of(found: sa.RowMapping) -> News:
    reason = found["reason"]
    return News(
        event_id=found["event_id"],
        task_id=found["task_id"],
        account_id=found["account_id"],
        type=found["type"],
        created_at=rows.instant(found["created_at"]),
        callback_url=found["callback_url"],
        failure=None if reason is None else Failure(Reason(reason), found["message"] or ""),
    )


def _post_values(post: Post) -> dict[str, Any]:
    return {
        "event_id": post.event_id,
        "url": post.url,
        "task_id": post.task_id,
        "account_id": post.account_id,
        "endpoint_id": post.endpoint_id,
        "state": post.state.value,
        "attempt_count": post.attempt_count,
        "created_at": rows.micros(post.created_at),
        "due_at": rows.micros_or_none(post.due_at),
        "ended_at": rows.micros_or_none(post.ended_at),
        "note": post.note,
    }


def _post_of(found: sa.RowMapping) -> Post:
    return Post(
        event_id=found["event_id"],
        url=found["url"],
        task_id=found["task_id"],
        account_id=found["account_id"],
        created_at=rows.instant(found["created_at"]),
        due_at=rows.instant_or_none(found["due_at"]),
        endpoint_id=found["endpoint_id"],
        state=PostState(found["state"]),
        attempt_count=found["attempt_count"],
        ended_at=rows.instant_or_none(found["ended_at"]),
        note=found["note"],
    )


def _endpoint_values(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "account_id": endpoint.account_id,
        "url": endpoint.url,
        "created_at": rows.micros(endpoint.created_at),
        "failing_since": rows.micros_or_none(endpoint.failing_since),
        "disabled_at": rows.micros_or_none(endpoint.disabled_at),
        "note": endpoint.note,
    }


def _endpoint_of(found: sa.RowMapping) -> Endpoint:
    return Endpoint(
        id=found["id"],
        account_id=found["account_id"],
        url=found["url"],
        created_at=rows.instant(found["created_at"]),
        failing_since=rows.instant_or_none(found["failing_since"]),
        disabled_at=rows.instant_or_none(found["disabled_at"]),
        note=found["note"],
    )


def _secret_values(secret: WebhookSecret) -> dict[str, Any]:
    return {
        "account_id": secret.account_id,
        "secret": secret.secret,
        "previous": secret.previous,
        "previous_until": rows.micros_or_none(secret.previous_until),
        "created_at": rows.micros(secret.created_at),
    }
