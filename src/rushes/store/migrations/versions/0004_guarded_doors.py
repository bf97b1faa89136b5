"""Guarded doors: what keys and accounts may, what a film costs, and what was spent.

Only new tables, two indexes and columns that may be missing: the code before this step goes on
writing, and the code after it works on the tables before it, without what is new here.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

Instant = sa.BigInteger
Microusd = sa.BigInteger


def upgrade() -> None:
    """Take the step.

    No key of before is an operator's: until now every key was written down with every scope, and
    none of them opened more than a caller's does. What ended before counts in the usage, unless
    its record was removed.
    """
    op.add_column("accounts", sa.Column("limits", sa.Text()))
    op.add_column("accounts", sa.Column("closed_at", Instant()))
    for name in ("networks", "limits", "replaced_by"):
        op.add_column("keys", sa.Column(name, sa.Text()))
    op.create_index("ix_keys_account_id", "keys", ["account_id"])
    _take_admin_from_keys()
    is_open = sa.text("deadline_at IS NOT NULL")
    op.create_index(
        "ix_tasks_open",
        "tasks",
        ["account_id", "key_id"],
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.add_column("audit", sa.Column("origin", sa.Text()))
    _money()
    _usage()
    op.create_table(
        "rates",
        sa.Column("owner", sa.Text(), primary_key=True),
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("began_at", Instant(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
    )


def _take_admin_from_keys() -> None:
    keys = sa.table("keys", sa.column("id", sa.Text()), sa.column("scopes", sa.Text()))
    connection = op.get_bind()
    for key_id, scopes in connection.execute(sa.select(keys.c.id, keys.c.scopes)).all():
        left = [scope for scope in json.loads(scopes) if scope != "admin"]
        text = json.dumps(left, separators=(",", ":"))
        connection.execute(sa.update(keys).where(keys.c.id == key_id).values(scopes=text))


def _money() -> None:
    op.create_table(
        "tariffs",
        sa.Column("task_id", sa.Text(), primary_key=True),
        sa.Column("rules", sa.Text(), nullable=False),
    )
    op.create_table(
        "purses",
        sa.Column("owner", sa.Text(), primary_key=True),
        sa.Column("period", sa.Text(), primary_key=True),
        sa.Column("limit_microusd", Microusd(), nullable=False),
    )
    op.create_table(
        "spending",
        sa.Column("owner", sa.Text(), primary_key=True),
        sa.Column("period", sa.Text(), primary_key=True),
        sa.Column("began_at", Instant(), primary_key=True),
        sa.Column("spent_microusd", Microusd(), nullable=False),
    )
    op.create_table(
        "refunds",
        sa.Column("task_id", sa.Text(), primary_key=True),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("held_at", Instant(), nullable=False),
        sa.Column("amount_microusd", Microusd(), nullable=False),
    )
    op.create_index("ix_refunds_account_id", "refunds", ["account_id"])


def _usage() -> None:
    op.create_table(
        "usage",
        sa.Column("task_id", sa.Text(), primary_key=True),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("is_rehearsal", sa.Boolean(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=False),
        sa.Column("film_seconds", sa.Float()),
        sa.Column("charged_microusd", Microusd(), nullable=False),
    )
    op.create_index("ix_usage_account_id_finished_at", "usage", ["account_id", "finished_at"])
    columns = (
        "account_id, key_id, model, status, is_rehearsal, created_at, finished_at, film_seconds"
    )
    op.execute(
        f"INSERT INTO usage (task_id, {columns}, charged_microusd)"  # noqa: S608 -- no value in it
        f" SELECT id, {columns}, COALESCE(charged_microusd, 0) FROM tasks"
        " WHERE finished_at IS NOT NULL"
    )
