"""Routes: whose slot a task holds, until when a route is left alone, and hints by token."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Take the step; every column may be missing, so that the code before it goes on writing."""
    op.add_column("tasks", sa.Column("queue", sa.Text()))
    op.add_column("routes_health", sa.Column("open_until", sa.BigInteger()))
    op.create_index("ix_submits_token", "submits", ["token"])
