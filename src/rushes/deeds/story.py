"""The story of one task, as its rows tell it: read at one instant, then told without a database.

Whoever is on call asks three things: what happened, what was it paid, what comes next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from rushes.deeds.log import deed_json
from rushes.deeds.showing import shortened, shown_credential, shown_text, shown_value, submit_json
from rushes.deeds.words import ago, lasting, moment, money, plain, size
from rushes.domain.access import Entry, EntryKind
from rushes.domain.catalog import Price
from rushes.domain.errors import Reason
from rushes.domain.health import Health, RouteState, needs_probe
from rushes.domain.prices import Tariff, charge_of
from rushes.domain.spec import Spec
from rushes.domain.submit import MEANING as VERDICTS
from rushes.domain.submit import PERHAPS_PAID, Submit, Verdict
from rushes.domain.task import MEANING, Event, Status, Task
from rushes.ports import Adoption, Artifact, Deed, Faults, Told, Transaction

BORN: Final = "accepted from the caller"
DEEDS_MAX: Final = 50
OVERDUE: Final = timedelta(seconds=10)
"""How long after a deadline the keeper may take."""


@dataclass(frozen=True, slots=True)
class Case:
    """All that the books know of a task, read at `at`.

    `task` is None where the record was removed: submits and money stay. `holder` is the process
    that works in the folder, None if there is none. `adopted_from` says whose late film it is,
    `adoptions` who has its own late films, `deeds` what operators did to it. `tariff` is what it
    costs. `routes` are those of its provider, as far as anything ever went wrong with them. `lost`
    are kept files that are not there.
    """

    task_id: str
    at: datetime
    holder: str | None
    task: Task | None
    told: Sequence[Told]
    submits: Sequence[Submit]
    faults: Sequence[Faults]
    artifacts: Sequence[Artifact]
    entries: Sequence[Entry]
    adopted_from: Adoption | None = None
    adoptions: Sequence[Adoption] = ()
    deeds: Sequence[Deed] = ()
    tariff: Tariff = ()
    routes: Sequence[Health] = ()
    lost: frozenset[str] = frozenset()

    @property
    def is_known(self) -> bool:
        """Whether there is anything to tell."""
        return self.task is not None or bool(self.submits) or bool(self.entries)


def read_case(tx: Transaction, task_id: str, *, at: datetime, holder: str | None) -> Case:
    """Read everything about a task in one stable state."""
    task = tx.task(task_id)
    return Case(
        task_id=task_id,
        at=at,
        holder=holder,
        task=task,
        told=tx.told(task_id),
        submits=tx.submits(task_id),
        faults=tx.faults(task_id),
        artifacts=tx.artifacts(task_id),
        entries=tx.entries(task_id),
        adopted_from=tx.adoption_of(task_id),
        adoptions=tx.adoptions_from(task_id),
        deeds=tx.audit(DEEDS_MAX, object_id=task_id)[::-1],
        tariff=tx.tariff(task_id),
        routes=[one for one in tx.healths() if task is not None and one.provider == task.queue],
    )


# -- what happened -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """One change of status. `since` is the time since the line before."""

    at: datetime
    since: timedelta | None
    status: Status
    what: str


def timeline(case: Case) -> list[Line]:
    """Tell every change of status, with what the submits know of it."""
    lines: list[Line] = []
    before: datetime | None = None
    submit_number = 0
    for told in case.told:
        submit_number += told.event in {Event.INTENT, Event.RENEWED, Event.ADOPTED}
        submit = next((one for one in case.submits if one.n == submit_number), None)
        what = BORN if told.event is None else MEANING[told.event]
        more = _more(told, submit, case.task)
        since = None if before is None else told.at - before
        lines.append(Line(told.at, since, told.status, f"{what}{more}"))
        before = told.at
    return lines


def _more(told: Told, submit: Submit | None, task: Task | None) -> str:
    match told.event:
        case Event.INTENT | Event.RENEWED if submit is not None:
            return f" (submit {submit.n}, {submit.provider})"
        case Event.RETURNED | Event.DOUBTED | Event.UNMADE if submit is not None and submit.note:
            return f": {shown_text(submit.note)}"
        case Event.FAILED | Event.EXPIRED if task is not None and task.failure is not None:
            return f": {task.failure.reason}"
        case _:
            return ""


def longest(lines: Sequence[Line]) -> Status | None:
    """Return the status that took most of the time, where one took most of it."""
    spent: dict[Status, timedelta] = {}
    for line, after in pairwise(lines):
        spent[line.status] = spent.get(line.status, timedelta()) + (after.at - line.at)
    total = sum(spent.values(), timedelta())
    most = max(spent, key=lambda status: spent[status], default=None)
    return most if most is not None and spent[most] * 2 > total else None


def headline(case: Case) -> str:
    """Say in one line how the task stands, since when, and what that means."""
    task = case.task
    if task is None:
        return "The record of this task was removed; what it cost and sent out is kept."
    if task.finished_at is not None:
        lasted = lasting(task.finished_at - task.created_at)
        return f"{task.status} after {lasted}: {MEANING[task.status]}"
    since = case.told[-1].at if case.told else task.created_at
    return f"{task.status} for {lasting(case.at - since)}: {MEANING[task.status]}"


# -- what it cost ------------------------------------------------------------------------------


def amounts(case: Case) -> Mapping[EntryKind, int]:
    """Return the ledger rows of the task, by kind."""
    return {entry.kind: entry.amount_microusd for entry in case.entries}


def money_told(case: Case) -> str:
    """Say where the money is."""
    amount = amounts(case)
    held = amount.get(EntryKind.HOLD)
    if held is None:
        return "no hold is written down"
    if EntryKind.CAPTURE not in amount:
        return f"{money(held)} held, not settled yet"
    captured, released = amount[EntryKind.CAPTURE], amount.get(EntryKind.RELEASE, 0)
    told = f"{money(held)} held, {money(captured)} charged, {money(released)} released"
    return told if held == captured + released else f"{told}: THIS DOES NOT BALANCE"


def prices_told(case: Case) -> list[str]:
    """Say what the task was accepted at, and where the film came to more than was held."""
    told = [
        f"{money(rule.microusd)} per {rule.per.replace('_', ' ')}{_when(rule)}"
        for rule in case.tariff
    ]
    over = drift(case)
    if over:
        told.append(
            f"By what was measured and reported it came to {money(over)} more than was held: that "
            "is not charged. Mend the price rule, or its tokens_max."
        )
    return told


def drift(case: Case) -> int:
    """Return by how much a stored film came out above its hold, in microusd."""
    task = case.task
    submit = next((one for one in case.submits if one.verdict is Verdict.DELIVERED), None)
    if not case.tariff or task is None or task.measures is None or submit is None:
        return 0
    hold = task.hold_microusd
    charge = charge_of(case.tariff, task.spec, task.measures, submit.usage, hold_microusd=hold)
    return charge.over_microusd


def _when(rule: Price) -> str:
    """Say what a rule is for."""
    names = {True: "with sound", False: "silent"}
    told = [names[value] if isinstance(value, bool) else value for value in rule.when.values()]
    return f" ({', '.join(told)})" if told else ""


# -- what comes next ---------------------------------------------------------------------------


def outlook(case: Case) -> list[str]:
    """Say what the operator should know now, a sentence each."""
    task = case.task
    told: list[str] = []
    if task is not None and not task.is_final:
        told += _waiting(case, task)
    if task is None or task.is_final:
        told += _left(case)
    if task is not None and task.failure is not None:
        told += _advice(task.failure.reason, case.submits)
    if case.adopted_from is not None:
        old, n = case.adopted_from.adopted_from, case.adopted_from.submit_n
        told.append(f"It is the late film of {old}, made by its submit {n}; it sent none itself.")
    told += [
        f"Its late film of submit {one.submit_n} was given to a task of its own: {one.task_id}."
        for one in case.adoptions
    ]
    told += [f"The file {blob} is in the books, but not in the folder." for blob in case.lost]
    return told


def _waiting(case: Case, task: Task) -> list[str]:
    told = []
    if case.holder is None:
        told.append("No server works in this folder: nothing moves until `rushes serve` runs.")
    routes = []
    if task.status is Status.QUEUED:
        routes = [_left_alone(health) for health in case.routes if needs_probe(health)]
    told += [_next(task, case.submits, waits_for_routes=bool(routes)), *routes]
    if task.deadline_at is not None:
        told.append(_deadline(case, task.deadline_at))
    if task.takeover_count > 1:
        told.append(
            f"Workers took it over {task.takeover_count} times since it last moved: they die on "
            "it, or hang."
        )
    return told


def _next(task: Task, submits: Sequence[Submit], *, waits_for_routes: bool) -> str:
    last = submits[-1] if submits else None
    match task.status:
        case Status.QUEUED if last is not None:
            again = "" if last.next_try_at is None else f", not before {moment(last.next_try_at)}"
            return f"It was sent {len(submits)} times and returned; it is sent again{again}."
        case Status.QUEUED:
            route = ", or for a route there that works" if waits_for_routes else ""
            return f"It waits for a free slot of its provider{route}."
        case Status.SUBMITTING:
            return "The call to the provider is on its way; without an answer it is in doubt."
        case Status.IN_DOUBT if last is not None and last.is_billable:
            return (
                "The provider is searched for it. What may have been billed is never sent again: "
                "if it is not found, the task fails as submit_in_doubt."
            )
        case Status.IN_DOUBT:
            return "The provider is searched for it; it costs nothing, so it may be sent again."
        case Status.RUNNING:
            return f"The provider renders: {task.progress} %."
        case _:
            return "The film is made and paid for; it is on its way into our store."


def _left_alone(health: Health) -> str:
    """Say until when no task asks a route, and why."""
    name = f"{health.provider} {shown_text(health.upstream_model)}"
    until = "" if health.open_until is None else f" until {moment(health.open_until)}"
    what = "is probed by one task" if health.state is RouteState.PROBING else "is left alone"
    note = f": {shown_text(health.note)}" if health.note else ""
    told = f"The route {name} {what}{until}{note}."
    return f"{told} `rushes routes reset {name}` has it asked at once."


def _deadline(case: Case, deadline_at: datetime) -> str:
    if deadline_at > case.at:
        return f"This may go on until {moment(deadline_at)}, {lasting(deadline_at - case.at)} more."
    if case.holder is not None and case.at - deadline_at > OVERDUE:
        return (
            f"Its time was over {ago(deadline_at, case.at)} and a server runs: its keeper should "
            "have ended it. Look at /readyz and at the log."
        )
    return f"Its time was over {ago(deadline_at, case.at)}; the keeper ends it at its next round."


def _left(case: Case) -> list[str]:
    """Say what may still be with providers after the end."""
    told = []
    for submit in case.submits:
        if submit.verdict not in PERHAPS_PAID or not submit.is_billable:
            continue
        told.append(
            f"Submit {submit.n} to {submit.provider} may have been paid for: "
            f"{VERDICTS[submit.verdict]}. `rushes salvage list` has it."
        )
        if submit.verdict is Verdict.LATE and case.task is not None:
            told.append(f"Give the film to its caller: rushes salvage adopt {case.task_id}")
        if submit.look_at is not None:
            told.append(f"The keeper looks after it again at {moment(submit.look_at)}.")
    return told


def _advice(reason: Reason, submits: Sequence[Submit]) -> list[str]:
    last = submits[-1] if submits else None
    where = "the provider" if last is None else last.provider
    match reason:
        case Reason.PROVIDER_UNUSABLE:
            with_what = "" if last is None else f" ({shown_credential(last)})"
            return [f"Look at the account, the credential{with_what} and the model at {where}."]
        case Reason.PROVIDER_RATE_LIMITED:
            return [f"{where} takes less than is sent: lower its in_flight_max, or add a route."]
        case Reason.TIMED_OUT:
            return [f"If {where} usually needs longer, raise times.render_s."]
        case Reason.SUBMIT_IN_DOUBT:
            told = f"Search {where} for the ticket or the token before you refund anybody; "
            return [f"{told}`rushes doubt adopt` takes what you find."]
        case Reason.EXPIRED:
            return ["It waited too long: more slots (in_flight_max), or a longer times.queue_s."]
        case Reason.INTERNAL:
            return ["This is a fault of Rushes: the log of that hour has it, under the task's id."]
        case _:
            return []


# -- for machines ------------------------------------------------------------------------------


def case_json(case: Case) -> dict[str, object]:
    """Return the whole story; nothing in it opens a door."""
    return {
        "task_id": case.task_id,
        "at": case.at,
        "headline": headline(case),
        "outlook": outlook(case),
        "server_pid": case.holder,
        "task": None if case.task is None else _task_json(case.task),
        "events": [
            {
                "number": told.number,
                "at": told.at,
                "after_s": line.since,
                "event": told.event,
                "status": told.status,
                "what": line.what,
            }
            for told, line in zip(case.told, timeline(case), strict=True)
        ],
        "faults": [
            {
                "status": fault.status,
                "note": shown_text(fault.note),
                "count": fault.count,
                "first_at": fault.first_at,
                "last_at": fault.last_at,
            }
            for fault in case.faults
        ],
        "submits": [submit_json(submit) for submit in case.submits],
        "money": {
            **{f"{kind}_microusd": amount for kind, amount in amounts(case).items()},
            "drift_microusd": drift(case),
            "prices": [asdict(rule) for rule in case.tariff],
        },
        "adopted_from": case.adopted_from and case.adopted_from.adopted_from,
        "adopted_as": [one.task_id for one in case.adoptions],
        "deeds": [deed_json(deed) for deed in case.deeds],
        "artifacts": [
            {
                "blob": artifact.blob,
                "kind": artifact.kind,
                "state": artifact.state,
                "size_bytes": artifact.size_bytes,
                "sha256": artifact.sha256,
                "is_lost": artifact.blob in case.lost,
            }
            for artifact in case.artifacts
        ],
    }


def _task_json(task: Task) -> dict[str, object]:
    told = {field.name: getattr(task, field.name) for field in fields(task)}
    spec, failure, measures = task.spec, task.failure, task.measures
    return {
        **told,
        "spec": {
            **{field.name: getattr(spec, field.name) for field in fields(spec)},
            "size": str(spec.size),
            "assets": inputs_told(spec),
            "options": shown_value(spec.options),
            "passthrough": shown_value(spec.passthrough),
            "script": None if spec.script is None else spec.script.outcome,
        },
        "failure": failure and {"reason": failure.reason, "message": shown_text(failure.message)},
        "measures": measures
        and {
            "size_bytes": measures.size_bytes,
            "seconds": measures.seconds,
            "size": str(measures.size),
            "sha256": measures.sha256,
        },
        "callback_url": task.callback_url and shown_text(task.callback_url),
        "metadata": shown_value(task.metadata),
    }


def inputs_told(spec: Spec) -> list[str]:
    """Say what came along with a wish, a line each."""
    told = []
    for asset in spec.assets:
        where = shown_text(asset.url) if asset.blob is None and asset.url else asset.blob or ""
        measure = "" if asset.size_bytes is None else f", {size(asset.size_bytes)}"
        told.append(f"{asset.role} from {plain(asset.param)}: {shortened(where)}{measure}")
    return told
