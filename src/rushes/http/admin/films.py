"""Tasks of all accounts, doubts and late films, over the wire."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from rushes.deeds import doubts, salvage, tasks
from rushes.deeds.doubts import check_ticket, doubt_json
from rushes.deeds.salvage import given_json
from rushes.deeds.showing import submit_json
from rushes.deeds.story import case_json, read_case
from rushes.deeds.tasks import task_json
from rushes.domain.errors import InvalidValue, TaskNotFound
from rushes.domain.task import Status
from rushes.http.admin.answers import facts, told
from rushes.http.admin.bodies import LateFilm, Nothing, Ticket, read
from rushes.http.admin.desk import Desk, operator_of, route
from rushes.http.pages import as_list, limit_of, read_page
from rushes.http.routes import Call, Reply, Route

CURSOR: Final = ":"


@dataclass(frozen=True, slots=True)
class Films:
    """The handlers of what is made, and of what was paid for."""

    desk: Desk

    def routes(self) -> list[Route]:
        """Return the table's rows."""
        task, doubt, late = "/tasks/{task_id}", "/doubts/{task_id}", "/salvage/{task_id}"
        page = ("limit", "after")
        return [
            route("GET", "/tasks", self.tasks, "List tasks of all accounts", "AdminTaskList",
                  query=(*page, "order", "account_id", "key_id", "status", "model")),
            route("GET", task, self.story, "Tell the whole story of a task", "AdminFacts"),
            route("POST", f"{task}/cancel", self.cancel, "Cancel a task", "AdminTask",
                  request="Nothing"),
            route("GET", "/doubts", self.doubts, "List tasks whose submit got no answer",
                  "AdminFactsList", query=page),
            route("POST", f"{doubt}/look", self.look, "Have its provider searched now",
                  "AdminFacts", request="Nothing"),
            route("POST", f"{doubt}/adopt", self.adopt, "Say what its provider calls its job",
                  "AdminFacts", request="Ticket"),
            route("POST", f"{doubt}/fail", self.fail, "End it as submit_in_doubt", "AdminFacts",
                  request="Nothing"),
            route("GET", "/salvage", self.salvage,
                  "List submits of ended tasks that may have been paid without a film",
                  "AdminFactsList", query=page),
            route("POST", f"{late}/adopt", self.give, "Give a late film to its caller",
                  "AdminFacts", request="LateFilm"),
        ]  # fmt: skip

    # -- tasks -------------------------------------------------------------------------

    async def tasks(self, call: Call) -> Reply:
        """List tasks, the newest first unless told otherwise."""
        query = call.query()
        page = replace(
            read_page(call, limit_min=1),
            account_id=query.get("account_id") or None,
            key_id=query.get("key_id") or None,
            statuses=_statuses(query.get("status")),
            model=query.get("model") or None,
        )
        found = await self.desk.ask(lambda tx: tx.page(page))
        data = [dict(task_json(task)) for task in found[: page.limit]]
        return told(as_list(data, has_more=len(found) > page.limit))

    async def story(self, call: Call) -> Reply:
        """Tell what happened to a task, what it cost, and what comes next."""
        task_id, at = call.path["task_id"], self.desk.now()
        case = await self.desk.ask(
            lambda tx: read_case(tx, task_id, at=at, holder=self.desk.holder_of(tx))
        )
        if not case.is_known:
            raise TaskNotFound(f"There is no task {task_id}.", param="task_id")
        return told(case_json(case))

    async def cancel(self, call: Call) -> Reply:
        """End a task as its caller could."""
        await read(call, Nothing)
        who, at, task_id = operator_of(call), self.desk.now(), call.path["task_id"]
        rule = self.desk.gateway.policies.cancel_rule
        ended = await self.desk.do(lambda tx: tasks.cancel(tx, who, task_id, rule=rule, at=at))
        return told(task_json(ended))

    # -- doubts ------------------------------------------------------------------------

    async def doubts(self, call: Call) -> Reply:
        """List tasks that wait for an answer; those that ended so are in /salvage."""
        query = call.query()
        limit, after = limit_of(query.get("limit"), 1), query.get("after") or None
        found, following = await self.desk.ask(lambda tx: doubts.live(tx, limit, after))
        return facts([doubt_json(one) for one in found], following)

    async def look(self, call: Call) -> Reply:
        """Have a provider searched."""
        await read(call, Nothing)
        who, at, task_id = operator_of(call), self.desk.now(), call.path["task_id"]
        doubt = await self.desk.do(lambda tx: doubts.look(tx, who, task_id, at=at))
        return told({"task_id": task_id, "n": doubt.submit.n, "look_at": at})

    async def adopt(self, call: Call) -> Reply:
        """Take an operator's word for a ticket."""
        body, who, at = await read(call, Ticket), operator_of(call), self.desk.now()
        ticket, task_id = check_ticket(body.ticket), call.path["task_id"]
        budgets = self.desk.gateway.budgets
        doubt = await self.desk.do(
            lambda tx: doubts.adopt(tx, who, task_id, ticket, budgets=budgets, at=at)
        )
        status = Status.RUNNING if doubt.is_live else doubt.task and doubt.task.status
        return told({"task_id": task_id, "n": doubt.submit.n, "status": status})

    async def fail(self, call: Call) -> Reply:
        """End a task that is in doubt."""
        await read(call, Nothing)
        who, at, task_id = operator_of(call), self.desk.now(), call.path["task_id"]
        doubt = await self.desk.do(lambda tx: doubts.fail(tx, who, task_id, at=at))
        return told({"task_id": task_id, "n": doubt.submit.n, "status": Status.FAILED})

    # -- late films --------------------------------------------------------------------

    async def salvage(self, call: Call) -> Reply:
        """List what may have been paid without a film."""
        query = call.query()
        limit, after = limit_of(query.get("limit"), 1), _place(query.get("after"))
        found = await self.desk.ask(lambda tx: tx.salvage(limit, after))
        last = found[-1] if len(found) == limit else None
        following = None if last is None else f"{last.task_id}{CURSOR}{last.n}"
        return facts([submit_json(one) for one in found], following)

    async def give(self, call: Call) -> Reply:
        """Make a task for a late film."""
        body, who, at = await read(call, LateFilm), operator_of(call), self.desk.now()
        gateway, task_id = self.desk.gateway, call.path["task_id"]
        new, adoption = await self.desk.do(
            lambda tx: salvage.give(
                tx,
                who,
                task_id,
                body.n,
                dispatcher=gateway.dispatcher,
                budgets=gateway.budgets,
                at=at,
                is_charged=body.charge,
            ),
            alone=True,
        )
        return told(given_json(new, adoption))


def _statuses(text: str | None) -> frozenset[Status]:
    if not text:
        return frozenset()
    try:
        return frozenset({Status(text)})
    except ValueError:
        raise InvalidValue(
            f"'status' must be one of {', '.join(Status)}; got {text}.", param="status"
        ) from None


def _place(text: str | None) -> tuple[str, int] | None:
    """Read where a page of submits begins: a task's id and a number."""
    if not text:
        return None
    task_id, _, n = text.rpartition(CURSOR)
    if not task_id or not n.isascii() or not n.isdecimal() or len(n) > 9:  # noqa: PLR2004
        raise InvalidValue(f"'after' must be what `next` said; got {text}.", param="after")
    return task_id, int(n)
