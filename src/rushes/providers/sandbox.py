"""The sandbox: the studio's own films, for the model `sandbox` and for every rehearsal.

Nothing is remote, so nothing can be in doubt: the ticket holds the whole order, and whoever
holds a ticket can have the film rendered, again if need be, with the same pictures. After a
restart `check` simply begins it again; `find` knows the ticket of every submit by itself.

A finished film lies in the farm's scratch folder, which keeps only so many. When it is gone
from there, `open` says FilmLost, which means "under this handle": whoever asks `check` then
has it rendered anew, and the next handle names another take.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import IO, Final

import msgspec

from rushes.domain.errors import Failure, Reason
from rushes.domain.spec import Spec
from rushes.domain.submit import Ticket
from rushes.providers.base import (
    Assets,
    CancelOutcome,
    Film,
    FilmLost,
    Found,
    Lost,
    NotUnderstood,
    Outcome,
    Provider,
    Quiet,
    Ready,
    Search,
    Setup,
    Stream,
    Unreachable,
    Working,
)
from rushes.providers.rest import Credential
from rushes.studio.farm import Done, Failed, Farm, FarmState, Rendering, Stopped, Unknown, Waiting
from rushes.studio.order import Order, label_of

NAME: Final = "sandbox"
LOOK_AGAIN_S: Final = 0.25
LOOK_AGAIN_S_SCRIPTED: Final = 0.5
CHUNK_BYTES: Final = 256 * 1024

REASONS: Final[Mapping[str, Reason]] = {
    "content_policy_violation": Reason.CONTENT_REFUSED,
    "invalid_request": Reason.PARAMETERS_REFUSED,
    "provider_error": Reason.PROVIDER_FAILED,
    "rate_limited": Reason.PROVIDER_RATE_LIMITED,
    "timed_out": Reason.TIMED_OUT,
    "submit_in_doubt": Reason.SUBMIT_IN_DOUBT,
    "canceled": Reason.CANCELED,
    "expired": Reason.EXPIRED,
    "server_error": Reason.INTERNAL,
}
"""The videos codes of CONTRACT §3, which a script may ask for."""


SETUP: Final = Setup(is_built_in=True, is_billable=False)


def build(
    *,
    name: str,
    base_url: str | None,
    credential: Credential | None,
    profile: str | None,
    options: Mapping[str, object],
) -> Provider:
    """Refuse: the sandbox is built in, and no operator's to configure.

    Raises:
        ValueError: always, with a sentence for the operator.
    """
    del base_url, credential, profile, options
    raise ValueError(f"the sandbox is built in and needs no provider; remove {name!r}")


class Sandbox(Quiet):
    """Renders films on this machine."""

    def __init__(self, farm: Farm, assets: Assets, *, name: str = NAME) -> None:
        self.name = name
        self._farm = farm
        self._assets = assets

    async def submit(
        self,
        spec: Spec,
        *,
        upstream_model: str,
        token: str,
        assets: Assets,
        callback_url: str | None = None,
    ) -> Ticket:
        """Begin a film; the ticket would do the same at any later time."""
        del upstream_model, callback_url
        ticket = ticket_of(spec, token)
        with suppress(OSError):  # a file cannot be had just now: `check` begins it, or says so
            await self._begin(token, spec, assets)
        return ticket

    async def check(self, ticket: Ticket) -> Outcome:
        """Say how a film stands; one that nobody knows of is begun.

        Raises:
            Unreachable: a file of the caller's cannot be had now.
            NotUnderstood: this ticket is none of ours.
        """
        job, spec = _read(ticket)
        state = self._farm.look(job)
        if isinstance(state, Unknown):
            try:
                await self._begin(job, spec, self._assets)
            except OSError as error:
                raise Unreachable(f"an input cannot be had now: {type(error).__name__}") from error
            state = self._farm.look(job)
        return _outcome(job, spec, state)

    async def cancel(self, ticket: Ticket) -> CancelOutcome:
        """End a renderer, unless its film is done."""
        job, _ = _read(ticket)
        was_stopped = await self._farm.stop(job)
        return CancelOutcome.CANCELED if was_stopped else CancelOutcome.TOO_LATE

    async def find(self, token: str, spec: Spec, *, upstream_model: str, since: datetime) -> Search:
        """Find any submit: its ticket follows from its token and its spec."""
        del upstream_model, since
        return Found(ticket_of(spec, token))

    @asynccontextmanager
    async def open(self, film: Film) -> AsyncIterator[Stream]:
        """Open a finished film.

        Raises:
            FilmLost: it is not in the scratch folder any more; `check` renders it again.
        """
        state = self._farm.look(str(film.get("job")))
        if not isinstance(state, Done):
            raise FilmLost("the film is not in the scratch folder any more")
        try:
            file = await asyncio.to_thread(state.path.open, "rb")
        except FileNotFoundError as error:
            raise FilmLost("the film is not in the scratch folder any more") from error
        with file:
            length = await asyncio.to_thread(file.seek, 0, 2)
            file.seek(0)
            yield Stream(_chunks(file), length)

    async def close(self) -> None:
        """End every renderer."""
        await self._farm.close()

    async def _begin(self, job: str, spec: Spec, assets: Assets) -> None:
        blobs = [asset.blob for asset in spec.assets if asset.blob is not None]
        files = {blob: str(await assets.path_of(blob)) for blob in blobs}
        self._farm.begin(job, Order(spec, label_of(spec.model), job, files), spec.script)


def ticket_of(spec: Spec, token: str) -> Ticket:
    """Write a whole order down; the names of its files are in the spec."""
    return {"job": token, "spec": msgspec.json.decode(msgspec.json.encode(spec))}


def _read(ticket: Ticket) -> tuple[str, Spec]:
    try:
        return str(ticket["job"]), msgspec.convert(ticket["spec"], Spec)
    except (KeyError, msgspec.ValidationError) as error:
        raise NotUnderstood(f"no ticket of the sandbox: {type(error).__name__}") from error


def _outcome(job: str, spec: Spec, state: FarmState) -> Outcome:
    pause_s = LOOK_AGAIN_S_SCRIPTED if spec.script and spec.script.delay_s else LOOK_AGAIN_S
    match state:
        case Done(_, take):
            return Ready({"job": job, "take": take})
        case Failed(code, message):
            return Lost(_failure(spec, code, message))
        case Stopped():
            return Lost(Failure.of(Reason.CANCELED))
        case Rendering(progress):
            return Working(progress, pause_s)
        case Waiting() | Unknown():
            return Working(0, pause_s)


def _failure(spec: Spec, code: str, message: str) -> Failure:
    reason = REASONS.get(code, Reason.PROVIDER_FAILED)
    is_scripted = spec.script is not None and spec.script.outcome == code
    if is_scripted and reason is Reason.TIMED_OUT:
        limit_s = spec.script.delay_s if spec.script else 0
        return Failure.of(reason, f"The video was not finished within {limit_s:g} seconds.")
    if is_scripted or reason is not Reason.PARAMETERS_REFUSED:
        return Failure.of(reason)
    return Failure.of(reason, message)


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
        yield chunk
