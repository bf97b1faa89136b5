"""What an account is told of its webhooks."""

from __future__ import annotations

from dataclasses import dataclass

from rushes.clock import Clock
from rushes.domain.access import Key
from rushes.domain.webhooks import WebhookSecret, new_secret
from rushes.ports import Store


@dataclass(frozen=True, slots=True)
class Secrets:
    """The signing secrets of accounts; each is made when it is first wanted."""

    store: Store
    clock: Clock

    async def of(self, caller: Key) -> WebhookSecret:
        """Return what the caller's webhooks are signed with."""
        account_id = caller.account_id
        standing = await self.store.read(lambda tx: tx.webhook_secret(account_id))
        if standing is not None:
            return standing
        fresh = WebhookSecret(account_id, new_secret(), self.clock.now())
        return await self.store.write(lambda tx: tx.keep_webhook_secret(fresh))
