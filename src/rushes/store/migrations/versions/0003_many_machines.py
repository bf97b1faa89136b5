"""Many machines: webhooks, the audit log, adopted films, and whose turn it is.

Only new tables, new indexes and one column that may be missing: the code before this step goes
on writing, and the code after it works on the tables before it, without what is new here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

Instant = sa.BigInteger
POSTED_WITHIN: Final = timedelta(hours=24)
"""How long after a task's end its callers may still be told (CONTRACT §10)."""


def upgrade() -> None:
    """Take the step.

    Ends that nobody is to be told of count as posted: those without a callback, as there were no
    endpoints, and those whose time is over. Tables that are there already are locked in the order
    in which servers at work write to them.
    """
    _partial("ix_tasks_waiting", "tasks", ["queue", "id"], "status = 'queued'")
    is_to_expire = "expires_at IS NOT NULL AND NOT is_film_gone"
    _partial("ix_tasks_expires_at", "tasks", ["expires_at"], is_to_expire)
    op.add_column("outbox", sa.Column("posted_at", Instant()))
    past = int((datetime.now(tz=UTC) - POSTED_WITHIN).timestamp() * 1_000_000)
    told = (
        "UPDATE outbox SET posted_at = created_at WHERE callback_url IS NULL OR created_at < :past"
    )
    op.execute(sa.text(told).bindparams(past=past))
    _partial("ix_outbox_unposted", "outbox", ["created_at"], "posted_at IS NULL")
    _posts()
    op.create_table(
        "endpoints",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("failing_since", Instant()),
        sa.Column("disabled_at", Instant()),
        sa.Column("note", sa.Text(), nullable=False),
    )
    op.create_index("ix_endpoints_account_id", "endpoints", ["account_id"])
    op.create_table(
        "webhook_secrets",
        sa.Column("account_id", sa.Text(), primary_key=True),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text()),
        sa.Column("previous_until", Instant()),
        sa.Column("created_at", Instant(), nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
    )
    op.create_index("ix_audit_object", "audit", ["object"])
    op.create_table(
        "adoptions",
        sa.Column("task_id", sa.Text(), primary_key=True),
        sa.Column("adopted_from", sa.Text(), nullable=False),
        sa.Column("submit_n", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.UniqueConstraint("adopted_from", "submit_n", name="uq_adoptions_adopted_from_submit_n"),
    )
    op.create_table(
        "turns",
        sa.Column("queue", sa.Text(), primary_key=True),
        sa.Column("account_id", sa.Text(), primary_key=True),
        sa.Column("last", sa.BigInteger(), nullable=False),
    )


def _posts() -> None:
    op.create_table(
        "posts",
        sa.Column("event_id", sa.Text(), primary_key=True),
        sa.Column("url", sa.Text(), primary_key=True),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("endpoint_id", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt_count", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("due_at", Instant()),
        sa.Column("ended_at", Instant()),
        sa.Column("note", sa.Text(), nullable=False),
    )
    op.create_index("ix_posts_account_id_event_id", "posts", ["account_id", "event_id"])
    _partial("ix_posts_due_at", "posts", ["due_at"], "due_at IS NOT NULL")
    _partial("ix_posts_ended_at", "posts", ["ended_at"], "ended_at IS NOT NULL")


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    """Make an index over the rows that somebody looks for."""
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
