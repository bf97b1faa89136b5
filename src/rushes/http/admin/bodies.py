"""What operators send: every field that may be written stands here, and any other is refused.

Times are whole Unix seconds, as everywhere on the wire. In a change, what is left out stays as it
is, and null is a value: no limit, no end, all models, everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from rushes.deeds.accounts import LIMIT_MAX, LIMITS
from rushes.deeds.keys import OVERLAP
from rushes.domain.access import (
    AMOUNT_MICROUSD_MAX,
    CALLERS,
    DEFAULT_ACCOUNT_ID,
    Limits,
    Network,
    Scope,
)
from rushes.domain.errors import InvalidValue, MissingParameter, Refusal, UnsupportedMediaType
from rushes.http.body import BodyLimits, read_body
from rushes.http.creating import chunks_of
from rushes.http.routes import Call
from rushes.http.values import shown

S = TypeVar("S", bound=Struct)

BYTES_MAX: Final = 64 * 2**10
_LIMITS: Final = BodyLimits(BYTES_MAX, BYTES_MAX)
_LATEST_S: Final = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())

Limit = Annotated[int, Meta(ge=0, le=LIMIT_MAX)] | None | UnsetType
Instant = Annotated[int, Meta(ge=0, le=_LATEST_S)]
Word = Annotated[str, Meta(min_length=1, max_length=200)]


class LimitChanges(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How much may come at once; null is no limit."""

    requests_per_s: Limit = UNSET
    submits_per_minute: Limit = UNSET
    in_flight_max: Limit = UNSET
    queued_max: Limit = UNSET

    def told(self) -> dict[str, int | None]:
        """Return the limits that were named."""
        said = {name: getattr(self, name) for name in LIMITS}
        return {name: value for name, value in said.items() if value is not UNSET}


class AccountWanted(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A new account; its limits are those of all its keys together."""

    name: Word
    limits: LimitChanges = LimitChanges()


class AccountChanges(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What changes of an account."""

    name: Word | UnsetType = UNSET
    limits: LimitChanges | UnsetType = UNSET

    def told(self) -> dict[str, Any]:
        """Return what was named."""
        return _named(self, {"limits": lambda limits: limits.told()})


class KeyWanted(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A new key; what is not said of models, networks and its end does not bind it."""

    name: Word
    account_id: Word = DEFAULT_ACCOUNT_ID
    scopes: frozenset[Scope] = CALLERS
    models: list[Word] | None = None
    expires_at: Instant | None = None
    networks: list[Word] | None = None
    limits: LimitChanges = LimitChanges()
    test: bool = False


class KeyChanges(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What changes of a key; `force` where no operator's key would be left."""

    name: Word | UnsetType = UNSET
    scopes: frozenset[Scope] | UnsetType = UNSET
    models: list[Word] | UnsetType | None = UNSET
    expires_at: Instant | UnsetType | None = UNSET
    networks: list[Word] | UnsetType | None = UNSET
    limits: LimitChanges | UnsetType = UNSET
    force: bool = False

    def told(self) -> dict[str, Any]:
        """Return what was named, as a key has it."""
        readers = {
            "models": models_of,
            "expires_at": instant_of,
            "networks": networks_of,
            "limits": lambda limits: limits.told(),
        }
        return {name: one for name, one in _named(self, readers).items() if name != "force"}


class Rotation(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """How long both keys are valid, and when the new one ends if not as the old one would have."""

    overlap_s: int = int(OVERLAP.total_seconds())
    expires_at: Instant | None = None


class Force(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Nothing, or that it is meant although no operator's key would be left."""

    force: bool = False


class Nothing(Struct, forbid_unknown_fields=True):
    """Nothing."""


class Ticket(Struct, forbid_unknown_fields=True):
    """What a provider calls the job of a task."""

    ticket: dict[str, Any]


class LateFilm(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Which submit's film, where several made one, and whether its caller pays."""

    n: Annotated[int, Meta(ge=1, le=LIMIT_MAX)] | None = None
    charge: bool = False


class BudgetWanted(Struct, forbid_unknown_fields=True):
    """What may be spent, in millionths of a US dollar."""

    limit_microusd: Annotated[int, Meta(ge=0, le=AMOUNT_MICROUSD_MAX)]


class BudgetRaise(Struct, forbid_unknown_fields=True):
    """By how much a budget is raised, in millionths of a US dollar; less than 0 lowers it."""

    by_microusd: Annotated[int, Meta(ge=-AMOUNT_MICROUSD_MAX, le=AMOUNT_MICROUSD_MAX)]


class RouteName(Struct, forbid_unknown_fields=True):
    """A provider, and what it is asked for."""

    provider: Word
    upstream_model: Word


class Redelivery(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One address of the event, as the list shows it; without one all are posted to again."""

    url: Annotated[str, Meta(min_length=1, max_length=2048)] | None = None


BODIES: Final[tuple[type[Struct], ...]] = (
    AccountWanted,
    AccountChanges,
    KeyWanted,
    KeyChanges,
    Rotation,
    Force,
    Nothing,
    Ticket,
    LateFilm,
    BudgetWanted,
    BudgetRaise,
    RouteName,
    Redelivery,
)


# -- reading -----------------------------------------------------------------------------------


async def read(call: Call, kind: type[S]) -> S:
    """Read a body, which may be left out where nothing in it is required.

    Raises:
        RequestTooLarge, UnsupportedMediaType, InvalidJson: it is no JSON object of this size.
        MissingParameter, InvalidValue: a field is missing, unknown or wrong.
    """
    media = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if _is_empty(call):
        return convert({}, kind)
    if media not in {"", "application/json"}:
        raise UnsupportedMediaType(f"The body is {shown(media)}. Send application/json.")
    body = await read_body(call.headers, chunks_of(call), _LIMITS)
    return convert(body.values, kind)


def convert(values: Mapping[str, Any], kind: type[S]) -> S:
    """Read a mapping as one of the bodies above.

    Raises:
        MissingParameter, InvalidValue: a field is missing, unknown or wrong.
    """
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise _refusal(str(error), kind) from None


def models_of(models: list[str] | None) -> frozenset[str] | None:
    """Return models as a key has them."""
    return None if models is None else frozenset(models)


def instant_of(at_s: int | None) -> datetime | None:
    """Return an instant of the wire."""
    return None if at_s is None else datetime.fromtimestamp(at_s, UTC)


def networks_of(texts: Iterable[str] | None) -> tuple[Network, ...] | None:
    """Return networks as a key has them.

    Raises:
        InvalidValue: one is none.
    """
    if texts is None:
        return None
    networks = []
    for place, text in enumerate(texts):
        try:
            networks.append(ip_network(text))
        except ValueError as error:
            raise InvalidValue(
                f"'networks[{place}]' must be an address or a network, as 203.0.113.7 or "
                f"10.0.0.0/8: {error}.",
                param=f"networks[{place}]",
            ) from None
    return tuple(networks)


def limits_of(limits: LimitChanges) -> Limits:
    """Return the limits of something new."""
    return Limits(**limits.told())


def _named(body: Struct, readers: Mapping[str, Any]) -> dict[str, Any]:
    said = {name: getattr(body, name) for name in body.__struct_fields__}
    return {
        name: readers[name](value) if name in readers else value
        for name, value in said.items()
        if value is not UNSET
    }


def _is_empty(call: Call) -> bool:
    length = call.headers.get("content-length")
    return length == "0" or (length is None and "transfer-encoding" not in call.headers)


_TOLD: Final = re.compile(r"(.*?)(?: - at `\$\.?(.*)`)?", re.DOTALL)
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(.*)`", re.DOTALL)


def _refusal(told: str, kind: type[Struct]) -> Refusal:
    """Put what the library says into words of ours; `param` is the path."""
    found = _TOLD.fullmatch(told)
    message, where = (told, "") if found is None else (found[1], found[2] or "")
    if unknown := _UNKNOWN.fullmatch(message):
        fields = LIMITS if where == "limits" else kind.__struct_fields__
        path = _path(where, unknown[1])
        known = f"there are {', '.join(fields)}" if fields else "there is none"
        return InvalidValue(f"There is no field '{path}' here; {known}.", param=path)
    if missing := _MISSING.fullmatch(message):
        path = _path(where, missing[1])
        return MissingParameter(f"'{path}' is required.", param=path)
    if message.startswith("Invalid enum value"):
        return InvalidValue(f"'{where}' must be one of {', '.join(Scope)}.", param=where)
    return InvalidValue(f"'{where}': {message.replace('`', '')}.", param=where or None)


def _path(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
