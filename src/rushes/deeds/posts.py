"""Events on their way to addresses, and having one posted again that was given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from rushes.deeds.log import Operator, write_down
from rushes.deeds.showing import shown_text
from rushes.domain.errors import CannotBeDone, ObjectNotFound
from rushes.domain.webhooks import Delivery, Post, begun_again
from rushes.ports import Transaction


def redeliver(
    tx: Transaction, operator: Operator, event_id: str, url: str | None, *, at: datetime
) -> list[Post]:
    """Have an event posted again, to all its addresses or to one of them.

    Raises:
        ObjectNotFound: there is no such post.
        CannotBeDone: its endpoint is disabled.
    """
    posts = [
        post
        for post in tx.posts_of(event_id)
        if url is None or url in {post.url, shown_text(post.url)}
    ]
    if not posts:
        raise ObjectNotFound("There is no such post.", param="event_id")
    begun = []
    for post in posts:
        endpoint = None if post.endpoint_id is None else tx.endpoint(post.endpoint_id)
        if endpoint is not None and endpoint.disabled_at is not None:
            raise CannotBeDone(f"{endpoint.id} is disabled: {endpoint.note}.")
        # To an endpoint that was removed it goes as to any address: somebody asked for it.
        fresh = replace(begun_again(post, at), endpoint_id=endpoint.id if endpoint else None)
        if tx.change_post(post, fresh):
            begun.append(fresh)
            write_down(tx, operator, "webhooks redeliver", post.event_id, post.url, at=at)
    return begun


def with_attempts(tx: Transaction, posts: Sequence[Post]) -> list[tuple[Post, Sequence[Delivery]]]:
    """Return posts, each with its attempts."""
    return [(post, tx.deliveries(post.event_id, post.url)) for post in posts]


def post_json(post: Post, attempts: Sequence[Delivery]) -> dict[str, object]:
    """Return a post; an address may hold a secret of its receiver's, which is left out."""
    return {
        "event_id": post.event_id,
        "task_id": post.task_id,
        "account_id": post.account_id,
        "endpoint_id": post.endpoint_id,
        "url": shown_text(post.url),
        "state": post.state,
        "note": shown_text(post.note),
        "created_at": post.created_at,
        "due_at": post.due_at,
        "ended_at": post.ended_at,
        "attempts": [
            {"at": one.at, "http_status": one.http_status, "note": one.note} for one in attempts
        ],
    }
