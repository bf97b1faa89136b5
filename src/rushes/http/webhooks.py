"""Webhooks on the wire: the body of an event, and `/v1/webhooks/secret` (CONTRACT §10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from rushes.domain.access import Scope
from rushes.domain.errors import Failure, Reason
from rushes.domain.task import Status
from rushes.domain.webhooks import TYPES, News
from rushes.gateway.webhooks import Secrets
from rushes.http.errors import GENERATIONS_CODES
from rushes.http.links import Links
from rushes.http.routes import Call, Reply, Route

MAY_READ: Final = frozenset({Scope.ADMIN, Scope.READ})

_ENCODER: Final = msgspec.json.Encoder()
_JSON: Final = {"Content-Type": "application/json", "Cache-Control": "private, no-cache"}


@dataclass(frozen=True, slots=True)
class EventBodies:
    """Renders events; the link is signed anew for every attempt."""

    links: Links

    def __call__(self, news: News, has_film: bool, at: datetime) -> bytes:  # noqa: FBT001 -- a port's shape
        """Return an event as it goes out at an instant, keys in their order.

        `has_film` is false where the task was deleted meanwhile: then there is nothing to link.
        """
        data: dict[str, object] = {"id": news.task_id, "task_id": news.task_id}
        if news.type == TYPES[Status.SUCCEEDED]:
            data["status"] = "succeeded"
            if has_film:
                data["url"] = self.links.film(news.task_id, at)
        else:
            failure = news.failure or Failure.of(Reason.INTERNAL)
            data["status"] = "failed"
            code = GENERATIONS_CODES[failure.reason]
            data["error"] = {"code": code, "message": failure.message}
        event = {
            "id": news.event_id,
            "object": "event",
            "type": news.type,
            "created_at": int(news.created_at.timestamp()),
            "data": data,
        }
        return _ENCODER.encode(event)


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The handlers of receivers."""

    secrets: Secrets

    def routes(self) -> list[Route]:
        """Return the table's rows."""
        return [
            Route(
                "GET",
                "/v1/webhooks/secret",
                self.secret,
                "Tell what the account's webhooks are signed with",
                "webhooks",
                answers={200: "WebhookSecret"},
                opened_by=MAY_READ,
            )
        ]

    async def secret(self, call: Call) -> Reply:
        """Tell the secret, and the one before it while that counts."""
        found = await self.secrets.of(call.caller)
        body = {
            "object": "webhook_secret",
            "secret": found.secret,
            "previous": found.previous_at(self.secrets.clock.now()),
        }
        return Reply(_ENCODER.encode(body), headers=_JSON)
