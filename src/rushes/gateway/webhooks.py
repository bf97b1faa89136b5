"""What an account is told of its webhooks."""

from __future__ import annotations

from dataclasses import dataclass

from rushes.clock import Clock
from rushes.domain.access import Key, Scope
from rushes.domain.errors import Overloaded, ScopeMissing
from rushes.domain.webhooks import WebhookSecret, new_secret
from rushes.ports import Store, Transaction

MAY_READ: frozenset[Scope] = frozenset({Scope.ADMIN, Scope.READ})


@dataclass(frozen=True, slots=True)
class Secrets:
    """The signing secrets of accounts; each is made when it is first wanted."""

    store: Store
    clock: Clock

    async def of(self, caller: Key) -> WebhookSecret:
        """Return what the caller's webhooks are signed with.

        Raises:
            ScopeMissing: the key may neither administer nor read.
            Overloaded: the database waits for `rushes migrate`.
        """
        if not caller.scopes & MAY_READ:
            raise ScopeMissing("This key lacks the scope admin or read.")
        account_id = caller.account_id
        standing = await self.store.read(lambda tx: tx.can_post() and _standing(tx, account_id))
        if standing is False:
            message = "Webhooks are not ready yet: the server is being upgraded. Try again later."
            raise Overloaded(message, retry_after_s=30)
        if standing is not None:
            return standing
        fresh = WebhookSecret(account_id, new_secret(), self.clock.now())
        return await self.store.write(lambda tx: tx.keep_webhook_secret(fresh))


def _standing(tx: Transaction, account_id: str) -> WebhookSecret | None:
    return tx.webhook_secret(account_id)
