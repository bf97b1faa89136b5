"""Questions that are asked all day find their rows through an index, however full the house."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from rushes.domain.insights import InsightBy
from rushes.domain.task import Status
from rushes.domain.usage import UsageAsked, UsageBy
from rushes.ports import Page, Transaction
from rushes.store.sqlite import SqliteStore
from rushes.testing.builders import ACCOUNT_ID, NOON, a_submit

LATER = NOON + timedelta(days=1)
TICKET = a_submit(ticket={"id": 1})

QUESTIONS: dict[str, Callable[[Transaction], object]] = {
    "task": lambda tx: tx.task("video_1"),
    "told": lambda tx: tx.told("video_1", 3),
    "entries": lambda tx: tx.entries("video_1"),
    "faults": lambda tx: tx.faults("video_1"),
    "due": lambda tx: tx.due(LATER, 100),
    "unfinished": lambda tx: tx.unfinished("video_1", 100),
    "page": lambda tx: tx.page(Page(ACCOUNT_ID, 20)),
    "next page": lambda tx: tx.page(Page(ACCOUNT_ID, 20, "video_1", statuses=frozenset(Status))),
    "in doubt": lambda tx: tx.page(Page(None, 20, statuses=frozenset({Status.IN_DOUBT}))),
    "counts": lambda tx: tx.counts(),
    "submits": lambda tx: tx.submits("video_1"),
    "submits_to_look_at": lambda tx: tx.submits_to_look_at(LATER, 100),
    "is_ticket_known": lambda tx: tx.is_ticket_known(TICKET),
    "unanswered": lambda tx: tx.unanswered(TICKET, LATER, 100),
    "salvage": lambda tx: tx.salvage(100),
    "artifacts": lambda tx: tx.artifacts("video_1"),
    "expired": lambda tx: tx.expired(LATER, 100),
    "sweepable": lambda tx: tx.sweepable(LATER, 100),
    "kept_artifacts": lambda tx: tx.kept_artifacts("films/", 100),
    "wanted_inputs": lambda tx: tx.wanted_inputs("", 100),
    "known_artifacts": lambda tx: tx.known_artifacts(["films/1", "films/2"]),
    "answer": lambda tx: tx.answer(ACCOUNT_ID, "/v1/videos", "k", NOON),
    "recent_answer": lambda tx: tx.recent_answer(ACCOUNT_ID, "/v1/videos", b"1", NOON),
    "key_by_digest": lambda tx: tx.key_by_digest(b"1"),
    "tariff": lambda tx: tx.tariff("video_1"),
    "refunded": lambda tx: tx.refunded(100),
    "usage by model": lambda tx: tx.usage(UsageAsked(UsageBy.MODEL, NOON, LATER, 9, ACCOUNT_ID)),
    "usage by task": lambda tx: tx.usage(UsageAsked(UsageBy.TASK, NOON, LATER, 9, ACCOUNT_ID)),
    "unposted": lambda tx: tx.unposted(100),
    "due_posts": lambda tx: tx.due_posts(LATER, 100, origins=["https://a.test"], accounts=["a"]),
    "posts_of": lambda tx: tx.posts_of("evt_1"),
    "next posts": lambda tx: tx.posts(100, before="evt_1"),
    "deliveries": lambda tx: tx.deliveries("evt_1", "https://a.test"),
    "endpoints": lambda tx: tx.endpoints(ACCOUNT_ID),
    "open_task_count": lambda tx: tx.open_task_count(ACCOUNT_ID, "key_1", at_most=9),
    "open_task_count of an account": lambda tx: tx.open_task_count(ACCOUNT_ID, None, at_most=9),
    "open tasks that wait": lambda tx: tx.open_task_count(
        ACCOUNT_ID, "key_1", at_most=9, is_waiting=True
    ),
    "insights": lambda tx: tx.insights(InsightBy.DAY_AND_MODEL, NOON, LATER),
    "waiting_count": lambda tx: tx.waiting_count(9),
    "webhook_secret": lambda tx: tx.webhook_secret(ACCOUNT_ID),
}


def plans_of(path: Path, question: Callable[[Transaction], object]) -> list[str]:
    """Return SQLite's plan for every statement that a question runs, by whatever way it runs."""
    ran: list[str] = []
    with contextlib.closing(SqliteStore(path)) as store:

        @sa.event.listens_for(store._reader, "checkout")
        def follow(driver: sqlite3.Connection, *_rest: object) -> None:
            driver.set_trace_callback(ran.append)

        store.read_now(question)
        with contextlib.closing(sqlite3.connect(path)) as asking:
            found = [
                asking.execute("EXPLAIN QUERY PLAN " + sql).fetchall()
                for sql in ran
                if sql.lstrip().upper().startswith(("SELECT", "WITH"))
            ]
    return [row[3] for rows in found for row in rows]


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_of_every_day_scans_no_table(name: str, path: Path) -> None:
    plans = plans_of(path, QUESTIONS[name])
    assert plans
    fine = (
        "COVERING INDEX",
        "ix_outbox_unposted",  # the whole of that index is what is asked for
        "SCAN (subquery-",
        "SCAN ranked",
        "SCAN counted",  # no table: what was found, as far as it is counted
    )
    assert [plan for plan in plans if "SCAN" in plan and not any(f in plan for f in fine)] == []


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("unfinished", "ix_tasks_unfinished"),
        ("due", "ix_tasks_deadline_at"),
        ("sweepable", "ix_artifacts_writing"),
        ("expired", "ix_tasks_expires_at"),
        ("submits_to_look_at", "ix_submits_look_at"),
        ("unposted", "ix_outbox_unposted"),
        ("due_posts", "ix_posts_due_at"),
    ],
)
def test_a_keeper_s_question_reads_only_what_is_open(name: str, index: str, path: Path) -> None:
    assert any(index in plan for plan in plans_of(path, QUESTIONS[name]))
