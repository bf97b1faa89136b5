"""What a provider is, and the closed set of what it can say.

A provider has no clock, no loop and no store, and never writes a caller's answer.
`submit` answers with a ticket or raises one of three named verdicts. Of `check`,
what it returns is knowledge and what it raises is ignorance.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from rushes.domain.errors import Blame, Failure
from rushes.domain.spec import Spec
from rushes.domain.submit import Ticket

Film = Mapping[str, Any]
"""A provider's own handle for a finished film: a small JSON object, opaque to others."""


class Refused(Exception):
    """Proven: the submit was not accepted, and asking the same again cannot help.

    `blame` says whose fault it is: the caller's ends the task, any other may be helped by
    another route. `is_retired` says that the upstream no longer has the model, so that no task
    should be sent there until an operator acts. `note` tells the operator more; it never holds
    a key or a prompt, and no caller sees it.
    """

    def __init__(
        self, failure: Failure, blame: Blame, *, note: str = "", is_retired: bool = False
    ) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.blame = blame
        self.note = note
        self.is_retired = is_retired


class Busy(Exception):
    """Proven: the submit was not accepted, but later it may be."""

    def __init__(self, note: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(note)
        self.note = note
        self.retry_after_s = retry_after_s


class InDoubt(Exception):
    """The submit may have been accepted; nobody knows."""

    def __init__(self, note: str) -> None:
        super().__init__(note)
        self.note = note


class NotUnderstood(Exception):
    """The provider said something outside its own contract. Raised, never guessed at."""


class NotThere(NotUnderstood):
    """The provider does not know our task, or has no film for it, under its own ticket.

    One such answer proves nothing: a replica lags, a list is being rebuilt. That it says so
    again and again over a minimum time is what makes a task lost, and only the story counts.
    """


class Unreachable(Exception):
    """The provider, or the film, could not be reached now."""

    def __init__(self, note: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(note)
        self.note = note
        self.retry_after_s = retry_after_s


class Forged(Exception):
    """A hint that its provider did not send."""


class FilmLost(Exception):
    """The film was made, but the provider cannot give it any more."""


@dataclass(frozen=True, slots=True)
class Working:
    """Still at it. `progress` is 0-100 if the provider says, `look_again_s` its advice."""

    progress: int | None = None
    look_again_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Ready:
    """The film exists; `usage` is what the provider reports for money."""

    film: Film
    usage: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lost:
    """There will be no film, by the provider's own verdict."""

    failure: Failure


Outcome = Working | Ready | Lost


class CancelOutcome(StrEnum):
    """What came of asking a provider to stop."""

    CANCELED = "canceled"
    TOO_LATE = "too_late"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Found:
    """The provider has our task, under this ticket.

    It may be another's where it is only `alike`: all that the provider repeats of a wish is the
    same, and the files it was given are not among that.
    """

    ticket: Ticket
    is_alike: bool = False


@dataclass(frozen=True, slots=True)
class Absent:
    """The provider says that it does not have our task; for money that proves nothing."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The provider cannot tell."""


Search = Found | Absent | Unknown


@dataclass(frozen=True, slots=True)
class Stream:
    """A film on its way. `length` is in bytes, None where the provider does not say."""

    chunks: AsyncIterator[bytes]
    length: int | None = None


class Assets(Protocol):
    """Where a provider reads the caller's files: local paths of checked bytes, by blob name."""

    async def path_of(self, blob: str) -> Path:
        """Return a local file with the bytes of an input blob."""
        ...


@dataclass(frozen=True, slots=True)
class Setup:
    """What helps an operator to configure a kind: a module's optional `SETUP`.

    `base_url` and `api_key` are what is usually meant, None where only the operator can know;
    `needs_base_url` says that nothing works without one. `upstream_models` are examples of what
    the upstream is asked for, the likeliest first. `is_billable` says that a submit usually
    costs money, `is_built_in` that there is nothing to configure. `in_flight_max` is how many tasks
    it should have at once, where no account decides that.
    """

    base_url: str | None = None
    needs_base_url: bool = False
    api_key: str | None = None
    upstream_models: tuple[str, ...] = ()
    is_billable: bool = True
    is_built_in: bool = False
    in_flight_max: int = 8


class Quiet:
    """A provider's part where nothing more is known: no hints, and no limit on looks."""

    takes_hints: bool = False
    looks_per_s_max: float | None = None

    def hint(self, headers: Mapping[str, str], body: bytes) -> bytes | None:
        """Expect nothing, and have nothing to say."""
        del headers, body
        return None


class Provider(Protocol):
    """An upstream: a kind, an address and a credential, under an operator's name.

    `takes_hints` says that a submit can name an address which the upstream calls when there is
    news. `looks_per_s_max` is how many looks, searches and cancels a second the account allows
    in all; None where the upstream does not say.
    """

    name: str
    takes_hints: bool
    looks_per_s_max: float | None

    async def submit(
        self,
        spec: Spec,
        *,
        upstream_model: str,
        token: str,
        assets: Assets,
        callback_url: str | None = None,
    ) -> Ticket:
        """Hand a task over, once; never sends twice by itself.

        `token` is our reference for this submit, unguessable; `callback_url` is where the
        upstream may ring, None where it cannot reach us.

        Raises:
            Refused, Busy, InDoubt: the three verdicts. Anything else counts as InDoubt.
        """
        ...

    async def check(self, ticket: Ticket) -> Outcome:
        """Learn how a task stands.

        Raises:
            NotThere: the provider does not know the task; lost, if it stays so.
            NotUnderstood, Unreachable: ignorance, which the story counts and bounds.
        """
        ...

    async def cancel(self, ticket: Ticket) -> CancelOutcome:
        """Ask the provider to stop.

        Raises:
            NotUnderstood, Unreachable: ask again later.
        """
        ...

    async def find(self, token: str, spec: Spec, *, upstream_model: str, since: datetime) -> Search:
        """Look for a submit that got no answer.

        Raises:
            NotUnderstood, Unreachable: look again later.
        """
        ...

    def open(self, film: Film) -> AbstractAsyncContextManager[Stream]:
        """Open a finished film.

        Raises:
            FilmLost: it cannot be had any more under this handle.
            NotThere: the provider has no film under this handle; lost, if it stays so.
            NotUnderstood, Unreachable: try again later. Also raised by the chunks, where a
                film breaks off: what came before then is no film.
        """
        ...

    def hint(self, headers: Mapping[str, str], body: bytes) -> bytes | None:
        """Verify an upstream's call, which is only a bell, where the upstream signs it.

        Header names are lowercase. Return what the upstream wants to hear (a challenge of its
        own), None for nothing.

        Raises:
            Forged: the signature is not the provider's.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
