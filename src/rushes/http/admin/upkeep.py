"""Routes, posts and the audit log, over the wire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rushes.deeds import posts, routes
from rushes.deeds.log import deed_json
from rushes.deeds.posts import post_json, with_attempts
from rushes.deeds.routes import fare_json, fares
from rushes.domain.errors import InvalidValue
from rushes.domain.webhooks import PostState
from rushes.http.admin.answers import facts, told
from rushes.http.admin.bodies import Redelivery, RouteName, read
from rushes.http.admin.desk import Desk, operator_of, route
from rushes.http.pages import as_list, limit_of
from rushes.http.routes import Call, Reply, Route
from rushes.ports import Deed


@dataclass(frozen=True, slots=True)
class Upkeep:
    """The handlers of what keeps a server well."""

    desk: Desk

    def routes(self) -> list[Route]:
        """Return the table's rows."""
        return [
            route("GET", "/routes", self.fares, "Tell how every model's routes fare",
                  "AdminFactsList"),
            route("POST", "/routes/reset", self.reset, "Forget what went wrong with a route",
                  "AdminFacts", request="RouteName"),
            route("GET", "/posts", self.posts, "List events and their addresses, newest first",
                  "AdminFactsList", query=("limit", "before", "state")),
            route("POST", "/posts/{event_id}/redeliver", self.redeliver,
                  "Have an event posted again", "AdminFactsList", request="Redelivery"),
            route("GET", "/audit", self.audit, "Tell what operators did, newest first",
                  "AdminDeedList", query=("limit", "before", "object", "since")),
        ]  # fmt: skip

    async def fares(self, call: Call) -> Reply:
        """Tell how routes fare."""
        del call
        catalog = self.desk.gateway.catalog
        found = await self.desk.ask(lambda tx: fares(tx, catalog))
        return facts([fare_json(one) for one in found])

    async def reset(self, call: Call) -> Reply:
        """Have a route asked again."""
        body, who, at = await read(call, RouteName), operator_of(call), self.desk.now()
        known = await self.desk.do(
            lambda tx: routes.reset(tx, who, body.provider, body.upstream_model, at=at)
        )
        return told(
            {
                "provider": body.provider,
                "upstream_model": body.upstream_model,
                "was": known and known.state,
            }
        )

    async def posts(self, call: Call) -> Reply:
        """List posts, with their attempts."""
        query = call.query()
        limit, before = limit_of(query.get("limit"), 1), query.get("before") or None
        state = _state(query.get("state"))
        found = await self.desk.ask(
            lambda tx: with_attempts(tx, tx.posts(limit, state=state, before=before))
        )
        following = found[-1][0].event_id if len(found) >= limit else None
        return facts([post_json(post, attempts) for post, attempts in found], following)

    async def redeliver(self, call: Call) -> Reply:
        """Have an event posted again."""
        body, who, at = await read(call, Redelivery), operator_of(call), self.desk.now()
        event_id = call.path["event_id"]
        begun = await self.desk.do(lambda tx: posts.redeliver(tx, who, event_id, body.url, at=at))
        return facts([post_json(post, ()) for post in begun])

    async def audit(self, call: Call) -> Reply:
        """Tell the audit log."""
        query = call.query()
        limit, since = limit_of(query.get("limit"), 1), _since(query.get("since"))
        found: Sequence[Deed] = await self.desk.ask(
            lambda tx: tx.audit(
                limit + 1,
                object_id=query.get("object") or None,
                since=since,
                before=query.get("before") or None,
            )
        )
        data = [deed_json(one) for one in found[:limit]]
        return told(as_list(data, has_more=len(found) > limit))


def _state(text: str | None) -> PostState | None:
    if not text:
        return None
    try:
        return PostState(text)
    except ValueError:
        raise InvalidValue(
            f"'state' must be one of {', '.join(PostState)}; got {text}.", param="state"
        ) from None


def _since(text: str | None) -> datetime | None:
    if not text:
        return None
    is_number = text.isascii() and text.isdecimal() and len(text) <= 10  # noqa: PLR2004
    if not is_number:
        raise InvalidValue(f"'since' must be Unix seconds; got {text}.", param="since")
    return datetime.fromtimestamp(int(text), UTC)
