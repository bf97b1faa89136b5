"""All verbs of a transaction, in one class."""

from __future__ import annotations

from rushes.store.answers import AnswerRows
from rushes.store.audit import AuditRows
from rushes.store.erasing import ErasingRows
from rushes.store.files import FileRows
from rushes.store.health import HealthRows
from rushes.store.keys import KeyRows
from rushes.store.limits import LimitRows
from rushes.store.money import MoneyRows
from rushes.store.overview import OverviewRows
from rushes.store.queues import QueueRows
from rushes.store.stock import StockRows
from rushes.store.submits import SubmitRows
from rushes.store.tasks import TaskRows
from rushes.store.webhooks import WebhookRows


class SqlTransaction(
    TaskRows,
    SubmitRows,
    FileRows,
    StockRows,
    AnswerRows,
    KeyRows,
    MoneyRows,
    HealthRows,
    OverviewRows,
    WebhookRows,
    AuditRows,
    ErasingRows,
    QueueRows,
    LimitRows,
):
    """A `ports.Transaction` over one SQLAlchemy connection."""
