"""`rushes doubt`: submits that got no answer, and what an operator can do about them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final, TypeVar

from rich.text import Text

from rushes.cli.asking import agree
from rushes.cli.books import books, is_served, now_by
from rushes.cli.deeds import typist
from rushes.cli.paper import Column, ago, answers, moment, plain, say, show_json, table, talk
from rushes.cli.plainly import FAILED, Refused
from rushes.cli.salvage import salvageable
from rushes.clock import SystemClock
from rushes.deeds import doubts
from rushes.deeds.doubts import TICKET_CHARACTERS_MAX, Doubt, NotInDoubt, doubt_json
from rushes.deeds.showing import shown_token, shown_value
from rushes.domain.submit import Verdict
from rushes.domain.task import Status
from rushes.ports import Books, Transaction
from rushes.settings import Settings, load
from rushes.terms import budgets_of

T = TypeVar("T")

PAGE: Final = 500


def show(*, as_json: bool) -> None:
    """List the submits in doubt: of tasks that still wait, and of those that ended so.

    Raises:
        SettingsRefused, Unready: why there are no books.
    """
    clock = SystemClock()
    with books(load(), clock) as store:
        found = [*_live(store), *_ended(store)]
    if as_json:
        show_json([doubt_json(doubt) for doubt in found])
        return
    if not found:
        say(talk(), "Nothing is in doubt: every submit got an answer, or was found.")
        return
    columns = [
        Column("TASK"),
        Column("STATUS", rank=1),
        Column("SENT", rank=2, is_right=True),
        Column("PROVIDER"),
        Column("MODEL", rank=4),
        Column("TOKEN", rank=3),
        Column("ENDS", rank=5, is_right=True),
    ]
    now = clock.now()
    rows: list[list[str | Text]] = [
        [
            doubt.submit.task_id,
            Text(_status(doubt), "yellow"),
            ago(doubt.submit.intent_at, now),
            doubt.submit.provider,
            doubt.submit.upstream_model,
            shown_token(doubt.submit.token),
            _ends(doubt),
        ]
        for doubt in found
    ]
    console = answers()
    table(console, columns, rows)
    say(console, "")
    say(console, "Search again now: rushes doubt look TASK")
    say(console, "You found its job at the provider: rushes doubt adopt TASK TICKET")
    say(console, "It is not there, and its caller shall not wait: rushes doubt fail TASK")


def look(task_id: str, *, as_json: bool) -> None:
    """Have the provider searched at the keeper's next round.

    Raises:
        Refused: nothing is in doubt.
        SettingsRefused, Unready: why there are no books.
    """
    settings, clock = load(), SystemClock()
    at = clock.now()

    doubt = _decided(settings, lambda tx: doubts.look(tx, typist(), task_id, at=at))
    if as_json:
        show_json({"task_id": task_id, "n": doubt.submit.n, "look_at": at})
        return
    with books(settings, clock) as store:
        when = "within seconds" if is_served(store, settings) else "once a server runs"
    say(answers(), f"{doubt.submit.provider} is searched for it {when}: rushes explain {task_id}")


def adopt(task_id: str, ticket: str, *, is_hurried: bool, as_json: bool) -> None:
    """Take a ticket that was found by hand.

    Raises:
        Refused: it is no ticket, another submit has it, nothing is in doubt, or it is not meant.
        SettingsRefused, Unready: why there are no books.
    """
    settings, clock = load(), SystemClock()
    given = ticket_of(ticket)
    doubt = _decided(settings, lambda tx: doubts.doubt_of(tx, task_id))
    told = json.dumps(shown_value(given), ensure_ascii=False)
    agree(f"Take {told} at {doubt.submit.provider} for the job of {task_id}", is_hurried=is_hurried)
    budgets = budgets_of(settings)
    doubt = _decided(
        settings,
        lambda tx: doubts.adopt(
            tx, typist(), task_id, given, budgets=budgets, at=now_by(tx, clock)
        ),
    )
    if as_json:
        status = Status.RUNNING if doubt.is_live else doubt.task and doubt.task.status
        show_json(
            {
                "task_id": task_id,
                "n": doubt.submit.n,
                "ticket": shown_value(given),
                "status": status,
            }
        )
    elif doubt.is_live:
        say(answers(), f"{task_id} is running at {doubt.submit.provider} with that ticket.")
    else:
        say(
            answers(),
            f"{task_id} stays as it ended. {doubt.submit.provider} is asked how that job stands; "
            "a film that comes is late: rushes salvage list",
        )


def fail(task_id: str, *, is_hurried: bool, as_json: bool) -> None:
    """End a task in doubt now, and release what it holds.

    Raises:
        Refused: nothing is in doubt, the task has ended, or it is not meant.
        SettingsRefused, Unready: why there are no books.
    """
    settings, clock = load(), SystemClock()
    _decided(settings, lambda tx: doubts.doubt_of(tx, task_id))
    agree(f"End {plain(task_id)} as submit_in_doubt", is_hurried=is_hurried)
    at = clock.now()

    doubt = _decided(settings, lambda tx: doubts.fail(tx, typist(), task_id, at=at))
    if as_json:
        show_json({"task_id": task_id, "n": doubt.submit.n, "status": Status.FAILED})
        return
    say(
        answers(),
        f"{task_id} failed as submit_in_doubt, and its hold is released. What "
        f"{doubt.submit.provider} may bill for it stays in `rushes salvage list`.",
    )


def ticket_of(text: str) -> Mapping[str, Any]:
    """Read a ticket as it was typed: a JSON object.

    >>> ticket_of('{"id": "video_68"}')
    {'id': 'video_68'}

    Raises:
        Refused: it is none.
    """
    hint = (
        'A ticket is a JSON object as the provider\'s kind has it, for most {"id": "…"}; '
        "docs/how-to/salvage.md lists them."
    )
    if len(text) > TICKET_CHARACTERS_MAX:
        raise Refused(f"A ticket has at most {TICKET_CHARACTERS_MAX} characters.", hint=hint)
    try:
        ticket = json.loads(text)
    except ValueError:
        raise Refused(f"{plain(text)} is not JSON.", hint=hint) from None
    if not isinstance(ticket, dict) or not ticket:
        raise Refused(f"{plain(text)} is no ticket.", hint=hint)
    return ticket


def _decided(settings: Settings, act: Callable[[Transaction], T]) -> T:
    with books(settings, SystemClock()) as store:
        try:
            return store.write_now(act)
        except NotInDoubt as why:
            raise Refused(str(why), FAILED, "`rushes doubt list` shows what is.") from None


def _live(store: Books) -> Iterator[Doubt]:
    after: str | None = ""
    while after is not None:
        found, after = store.read_now(partial(doubts.live, limit=PAGE, after=after or None))
        yield from found


def _ended(store: Books) -> Iterator[Doubt]:
    for submit in salvageable(store):
        if submit.verdict is Verdict.DOUBT:
            yield from store.read_now(partial(doubts.ended, submits=(submit,)))


def _status(doubt: Doubt) -> str:
    return "deleted" if doubt.task is None else doubt.task.status


def _ends(doubt: Doubt) -> str:
    task = doubt.task
    return "" if task is None or task.deadline_at is None else moment(task.deadline_at)
