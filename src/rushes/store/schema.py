"""The tables.

Instants are whole microseconds since 1970 UTC, money is whole millionths of a US dollar,
JSON is text. `migrations/` makes the same tables step by step; a test compares the two.
The workflow library keeps its own tables beside these.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from rushes.store.words import Words

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Instant = sa.BigInteger
Microusd = sa.BigInteger

INTEGER_MAX: Final = 2**31 - 1
"""The largest count that a column of integers holds on either database."""

house = sa.Table(
    "house",
    metadata,
    sa.Column("name", Words, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", Words, primary_key=True),
    sa.Column("name", Words, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("limits", Words),
    sa.Column("closed_at", Instant),
)

keys = sa.Table(
    "keys",
    metadata,
    sa.Column("id", Words, primary_key=True),
    sa.Column("account_id", Words, nullable=False, index=True),
    sa.Column("name", Words, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("prefix", Words, nullable=False),
    sa.Column("scopes", Words, nullable=False),
    sa.Column("models", Words),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("expires_at", Instant),
    sa.Column("revoked_at", Instant),
    sa.Column("networks", Words),
    sa.Column("limits", Words),
    sa.Column("replaced_by", Words),
)

tasks = sa.Table(
    "tasks",
    metadata,
    sa.Column("id", Words, primary_key=True),
    sa.Column("account_id", Words, nullable=False),
    sa.Column("key_id", Words, nullable=False),
    sa.Column("model", Words, nullable=False),
    sa.Column("status", Words, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("progress", sa.Integer, nullable=False),
    sa.Column("lease_epoch", sa.Integer, nullable=False),
    sa.Column("takeover_count", sa.Integer, nullable=False),
    sa.Column("fault_count", sa.Integer, nullable=False),
    sa.Column("submit_count", sa.Integer, nullable=False),
    sa.Column("work_id", Words),
    sa.Column("queue", Words),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("finished_at", Instant),
    sa.Column("deadline_at", Instant),
    sa.Column("queue_deadline_at", Instant, nullable=False),
    sa.Column("start_within_s", sa.Integer),
    sa.Column("reason", Words),
    sa.Column("message", Words),
    sa.Column("hold_microusd", Microusd, nullable=False),
    sa.Column("charged_microusd", Microusd),
    sa.Column("film_bytes", sa.BigInteger),
    sa.Column("film_seconds", sa.Float),
    sa.Column("film_width_px", sa.Integer),
    sa.Column("film_height_px", sa.Integer),
    sa.Column("film_sha256", Words),
    sa.Column("expires_at", Instant),
    sa.Column("is_film_gone", sa.Boolean, nullable=False),
    sa.Column("is_rehearsal", sa.Boolean, nullable=False),
    sa.Column("served_by", Words),
    sa.Column("callback_url", Words),
    sa.Column("user", Words),
    sa.Column("metadata", Words, nullable=False),
    sa.Column("spec", Words, nullable=False),
)
sa.Index("ix_tasks_account_id_id", tasks.c.account_id, tasks.c.id)
sa.Index("ix_tasks_status", tasks.c.status)
sa.Index(
    "ix_tasks_unfinished",
    tasks.c.id,
    sqlite_where=tasks.c.deadline_at.is_not(None),
    postgresql_where=tasks.c.deadline_at.is_not(None),
)
sa.Index(
    "ix_tasks_deadline_at",
    tasks.c.deadline_at,
    sqlite_where=tasks.c.deadline_at.is_not(None),
    postgresql_where=tasks.c.deadline_at.is_not(None),
)

sa.Index(
    "ix_tasks_waiting",
    tasks.c.queue,
    tasks.c.id,
    sqlite_where=tasks.c.status == "queued",
    postgresql_where=tasks.c.status == "queued",
)
_IS_TO_EXPIRE = sa.text("expires_at IS NOT NULL AND NOT is_film_gone")
sa.Index(
    "ix_tasks_expires_at",
    tasks.c.expires_at,
    sqlite_where=_IS_TO_EXPIRE,
    postgresql_where=_IS_TO_EXPIRE,
)

sa.Index(
    "ix_tasks_open",
    tasks.c.account_id,
    tasks.c.key_id,
    sqlite_where=tasks.c.deadline_at.is_not(None),
    postgresql_where=tasks.c.deadline_at.is_not(None),
)

task_events = sa.Table(
    "task_events",
    metadata,
    sa.Column("task_id", Words, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("event", Words),
    sa.Column("status", Words, nullable=False),
    sa.Column("at", Instant, nullable=False),
)

task_faults = sa.Table(
    "task_faults",
    metadata,
    sa.Column("task_id", Words, primary_key=True),
    sa.Column("status", Words, primary_key=True),
    sa.Column("note", Words, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("first_at", Instant, nullable=False),
    sa.Column("last_at", Instant, nullable=False),
)

submits = sa.Table(
    "submits",
    metadata,
    sa.Column("task_id", Words, primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("provider", Words, nullable=False),
    sa.Column("upstream_model", Words, nullable=False),
    sa.Column("credential", Words, nullable=False),
    sa.Column("token", Words, nullable=False),
    sa.Column("is_billable", sa.Boolean, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("intent_at", Instant, nullable=False),
    sa.Column("verdict", Words, nullable=False),
    sa.Column("answered_at", Instant),
    sa.Column("ticket", Words),
    sa.Column("film", Words),
    sa.Column("usage", Words),
    sa.Column("reason", Words),
    sa.Column("note", Words, nullable=False),
    sa.Column("missing_count", sa.Integer, nullable=False),
    sa.Column("missing_since", Instant),
    sa.Column("next_try_at", Instant),
    sa.Column("look_at", Instant),
    sa.Column("look_count", sa.Integer, nullable=False),
    sa.Column("is_cancel_told", sa.Boolean, nullable=False),
)
sa.Index("ix_submits_provider_ticket", submits.c.provider, submits.c.ticket)
sa.Index("ix_submits_verdict", submits.c.verdict)
sa.Index("ix_submits_token", submits.c.token)
sa.Index(
    "ix_submits_look_at",
    submits.c.look_at,
    sqlite_where=submits.c.look_at.is_not(None),
    postgresql_where=submits.c.look_at.is_not(None),
)

artifacts = sa.Table(
    "artifacts",
    metadata,
    sa.Column("blob", Words, primary_key=True),
    sa.Column("task_id", Words, nullable=False, index=True),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("kind", Words, nullable=False),
    sa.Column("state", Words, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("content_type", Words, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", Words, nullable=False),
)
sa.Index(
    "ix_artifacts_writing",
    artifacts.c.created_at,
    sqlite_where=artifacts.c.state == "writing",
    postgresql_where=artifacts.c.state == "writing",
)

inputs = sa.Table(
    "inputs",
    metadata,
    sa.Column("blob", Words, primary_key=True),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("content_type", Words, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
)

task_inputs = sa.Table(
    "task_inputs",
    metadata,
    sa.Column("task_id", Words, primary_key=True),
    sa.Column("blob", Words, primary_key=True, index=True),
)

ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("task_id", Words, primary_key=True),
    sa.Column("kind", Words, primary_key=True),
    sa.Column("account_id", Words, nullable=False),
    sa.Column("amount_microusd", Microusd, nullable=False),
    sa.Column("at", Instant, nullable=False),
)

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("task_id", Words, primary_key=True),
    sa.Column("account_id", Words, nullable=False),
    sa.Column("route", Words, nullable=False),
    sa.Column("key", Words),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("headers", Words, nullable=False),
    sa.Column("created_at", Instant, nullable=False, index=True),
    sa.UniqueConstraint("account_id", "route", "key"),
)
sa.Index(
    "ix_idempotency_digest",
    idempotency.c.account_id,
    idempotency.c.digest,
    idempotency.c.created_at,
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("event_id", Words, primary_key=True),
    sa.Column("task_id", Words, nullable=False, unique=True),
    sa.Column("account_id", Words, nullable=False),
    sa.Column("type", Words, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("callback_url", Words),
    sa.Column("reason", Words),
    sa.Column("message", Words),
    sa.Column("posted_at", Instant),
)
sa.Index(
    "ix_outbox_unposted",
    outbox.c.created_at,
    sqlite_where=outbox.c.posted_at.is_(None),
    postgresql_where=outbox.c.posted_at.is_(None),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("event_id", Words, primary_key=True),
    sa.Column("endpoint", Words, primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("http_status", sa.Integer),
    sa.Column("note", Words, nullable=False),
)

routes_health = sa.Table(
    "routes_health",
    metadata,
    sa.Column("provider", Words, primary_key=True),
    sa.Column("upstream_model", Words, primary_key=True),
    sa.Column("state", Words, nullable=False),
    sa.Column("fault_count", sa.Integer, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
    sa.Column("note", Words, nullable=False),
    sa.Column("open_until", Instant),
)

live_executors = sa.Table(
    "live_executors",
    metadata,
    sa.Column("id", Words, primary_key=True),
    sa.Column("seen_at", Instant, nullable=False),
)

posts = sa.Table(
    "posts",
    metadata,
    sa.Column("event_id", Words, primary_key=True),
    sa.Column("url", Words, primary_key=True),
    sa.Column("task_id", Words, nullable=False),
    sa.Column("account_id", Words, nullable=False),
    sa.Column("endpoint_id", Words),
    sa.Column("state", Words, nullable=False),
    sa.Column("attempt_count", sa.Integer, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("due_at", Instant),
    sa.Column("ended_at", Instant),
    sa.Column("note", Words, nullable=False),
)
sa.Index("ix_posts_account_id_event_id", posts.c.account_id, posts.c.event_id)
sa.Index(
    "ix_posts_due_at",
    posts.c.due_at,
    sqlite_where=posts.c.due_at.is_not(None),
    postgresql_where=posts.c.due_at.is_not(None),
)
sa.Index(
    "ix_posts_ended_at",
    posts.c.ended_at,
    sqlite_where=posts.c.ended_at.is_not(None),
    postgresql_where=posts.c.ended_at.is_not(None),
)

endpoints = sa.Table(
    "endpoints",
    metadata,
    sa.Column("id", Words, primary_key=True),
    sa.Column("account_id", Words, nullable=False, index=True),
    sa.Column("url", Words, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("failing_since", Instant),
    sa.Column("disabled_at", Instant),
    sa.Column("note", Words, nullable=False),
)

webhook_secrets = sa.Table(
    "webhook_secrets",
    metadata,
    sa.Column("account_id", Words, primary_key=True),
    sa.Column("secret", Words, nullable=False),
    sa.Column("previous", Words),
    sa.Column("previous_until", Instant),
    sa.Column("created_at", Instant, nullable=False),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", Words, primary_key=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("actor", Words, nullable=False),
    sa.Column("verb", Words, nullable=False),
    sa.Column("object", Words, nullable=False, index=True),
    sa.Column("note", Words, nullable=False),
    sa.Column("origin", Words),
)

adoptions = sa.Table(
    "adoptions",
    metadata,
    sa.Column("task_id", Words, primary_key=True),
    sa.Column("adopted_from", Words, nullable=False),
    sa.Column("submit_n", sa.Integer, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.UniqueConstraint("adopted_from", "submit_n"),
)

turns = sa.Table(
    "turns",
    metadata,
    sa.Column("queue", Words, primary_key=True),
    sa.Column("account_id", Words, primary_key=True),
    sa.Column("last", sa.BigInteger, nullable=False),
)

tariffs = sa.Table(
    "tariffs",
    metadata,
    sa.Column("task_id", Words, primary_key=True),
    sa.Column("rules", Words, nullable=False),
)

purses = sa.Table(
    "purses",
    metadata,
    sa.Column("owner", Words, primary_key=True),
    sa.Column("period", Words, primary_key=True),
    sa.Column("limit_microusd", Microusd, nullable=False),
)

spending = sa.Table(
    "spending",
    metadata,
    sa.Column("owner", Words, primary_key=True),
    sa.Column("period", Words, primary_key=True),
    sa.Column("began_at", Instant, primary_key=True),
    sa.Column("spent_microusd", Microusd, nullable=False),
)

refunds = sa.Table(
    "refunds",
    metadata,
    sa.Column("task_id", Words, primary_key=True),
    sa.Column("account_id", Words, nullable=False, index=True),
    sa.Column("key_id", Words, nullable=False),
    sa.Column("held_at", Instant, nullable=False),
    sa.Column("amount_microusd", Microusd, nullable=False),
)

usage = sa.Table(
    "usage",
    metadata,
    sa.Column("task_id", Words, primary_key=True),
    sa.Column("account_id", Words, nullable=False),
    sa.Column("key_id", Words, nullable=False),
    sa.Column("model", Words, nullable=False),
    sa.Column("status", Words, nullable=False),
    sa.Column("is_rehearsal", sa.Boolean, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("finished_at", Instant, nullable=False),
    sa.Column("film_seconds", sa.Float),
    sa.Column("charged_microusd", Microusd, nullable=False),
)
sa.Index("ix_usage_account_id_finished_at", usage.c.account_id, usage.c.finished_at)

rates = sa.Table(
    "rates",
    metadata,
    sa.Column("owner", Words, primary_key=True),
    sa.Column("kind", Words, primary_key=True),
    sa.Column("began_at", Instant, nullable=False),
    sa.Column("taken", sa.Integer, nullable=False),
)
