"""Rows to words and back; the only place that knows how a value is stored."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any, Final, TypeVar

import msgspec
import sqlalchemy as sa

from rushes.domain.access import NO_LIMITS, Account, Key, Limits, Scope
from rushes.domain.errors import Failure, Reason
from rushes.domain.prices import Tariff
from rushes.domain.spec import Size, Spec
from rushes.domain.submit import Submit, Verdict
from rushes.domain.task import Measures, Status, Task
from rushes.ports import Answer, Artifact, ArtifactKind, ArtifactState

T = TypeVar("T")

Found = sa.RowMapping | Mapping[str, Any]
"""A row as it was found, by SQLAlchemy or as the driver gives it."""

_log: Final = logging.getLogger(__name__)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO: Final = timedelta(microseconds=1)
_SPEC: Final = msgspec.json.Decoder(Spec)
_LIMITS: Final = msgspec.json.Decoder(Limits)
_TARIFF: Final = msgspec.json.Decoder(Tariff)
_JSON: Final = msgspec.json.Decoder()
_ENCODER: Final = msgspec.json.Encoder(order="sorted")


def micros(at: datetime) -> int:
    """Return an instant as whole microseconds since 1970 UTC."""
    return (at - _EPOCH) // _MICRO


def micros_or_none(at: datetime | None) -> int | None:
    """Return an instant as whole microseconds, or None."""
    return None if at is None else (at - _EPOCH) // _MICRO


def instant(value: int) -> datetime:
    """Return the instant that many microseconds after 1970 UTC."""
    return _EPOCH + timedelta(microseconds=value)


def instant_or_none(value: int | None) -> datetime | None:
    """Return an instant, or None."""
    return None if value is None else _EPOCH + timedelta(microseconds=value)


def to_json(value: object) -> str:
    """Return JSON text with sorted keys, so that equal values are equal text."""
    return _ENCODER.encode(value).decode()


def from_json(text: str) -> Any:  # noqa: ANN401 -- JSON is any value
    """Return the value of JSON text."""
    return _JSON.decode(text)


def task_values(task: Task) -> dict[str, Any]:
    """Return every column of a task."""
    return {
        "id": task.id,
        "account_id": task.account_id,
        "key_id": task.key_id,
        "model": task.model,
        "lease_epoch": task.lease_epoch,
        "created_at": micros(task.created_at),
        "queue_deadline_at": micros(task.queue_deadline_at),
        "start_within_s": task.start_within_s,
        "hold_microusd": task.hold_microusd,
        "is_rehearsal": task.is_rehearsal,
        "served_by": task.served_by,
        "callback_url": task.callback_url,
        "user": task.user,
        "metadata": to_json(task.metadata),
        "spec": to_json(task.spec),
        **moved_values(task),
    }


def moved_values(task: Task) -> dict[str, Any]:
    """Return the columns that a move may change."""
    failure, measures = task.failure, task.measures
    return {
        "status": task.status.value,
        "version": task.version,
        "progress": task.progress,
        "takeover_count": task.takeover_count,
        "fault_count": task.fault_count,
        "submit_count": task.submit_count,
        "work_id": task.work_id,
        "queue": task.queue,
        "finished_at": micros_or_none(task.finished_at),
        "deadline_at": micros_or_none(task.deadline_at),
        "reason": failure.reason.value if failure else None,
        "message": failure.message if failure else None,
        "charged_microusd": task.charged_microusd,
        "film_bytes": measures.size_bytes if measures else None,
        "film_seconds": measures.seconds if measures else None,
        "film_width_px": measures.size.width_px if measures else None,
        "film_height_px": measures.size.height_px if measures else None,
        "film_sha256": measures.sha256 if measures else None,
        "expires_at": micros_or_none(task.expires_at),
        "is_film_gone": task.is_film_gone,
    }


def task_of(found: Found) -> Task:
    """Read a task."""
    return Task(
        id=found["id"],
        account_id=found["account_id"],
        key_id=found["key_id"],
        model=found["model"],
        spec=_SPEC.decode(found["spec"]),
        created_at=instant(found["created_at"]),
        queue_deadline_at=instant(found["queue_deadline_at"]),
        deadline_at=instant_or_none(found["deadline_at"]),
        status=Status(found["status"]),
        version=found["version"],
        progress=found["progress"],
        hold_microusd=found["hold_microusd"],
        charged_microusd=found["charged_microusd"],
        start_within_s=found["start_within_s"],
        submit_count=found["submit_count"],
        takeover_count=found["takeover_count"],
        fault_count=found["fault_count"],
        lease_epoch=found["lease_epoch"],
        work_id=found["work_id"],
        queue=found["queue"],
        finished_at=instant_or_none(found["finished_at"]),
        failure=_failure_of(found),
        measures=_measures_of(found),
        expires_at=instant_or_none(found["expires_at"]),
        is_film_gone=bool(found["is_film_gone"]),
        is_rehearsal=bool(found["is_rehearsal"]),
        served_by=found["served_by"],
        callback_url=found["callback_url"],
        user=found["user"],
        metadata=from_json(found["metadata"]),
    )


def _failure_of(found: Found) -> Failure | None:
    if found["reason"] is None:
        return None
    return Failure(Reason(found["reason"]), found["message"])


def _measures_of(found: Found) -> Measures | None:
    if found["film_sha256"] is None:
        return None
    return Measures(
        size_bytes=found["film_bytes"],
        seconds=found["film_seconds"],
        size=Size(found["film_width_px"], found["film_height_px"]),
        sha256=found["film_sha256"],
    )


def readable(found: Iterable[sa.RowMapping], read: Callable[[sa.RowMapping], T]) -> list[T]:
    """Read rows that many wait for; one that cannot be read is told, and left where it is."""
    return [value for row in found if (value := _read(row, read)) is not None]


def _read(row: sa.RowMapping, read: Callable[[sa.RowMapping], T]) -> T | None:
    try:
        return read(row)
    except ValueError:  # a word or a shape of another version, or damage
        _log.exception("a row cannot be read: %s", row.get("id") or row.get("task_id"))
        return None


def submit_values(submit: Submit) -> dict[str, Any]:
    """Return every column of a submit."""
    return {
        "task_id": submit.task_id,
        "n": submit.n,
        "provider": submit.provider,
        "upstream_model": submit.upstream_model,
        "credential": submit.credential,
        "token": submit.token,
        "is_billable": submit.is_billable,
        "epoch": submit.epoch,
        "intent_at": micros(submit.intent_at),
        "verdict": submit.verdict.value,
        "answered_at": micros_or_none(submit.answered_at),
        "ticket": None if submit.ticket is None else to_json(submit.ticket),
        "film": None if submit.film is None else to_json(submit.film),
        "usage": None if submit.usage is None else to_json(submit.usage),
        "reason": submit.reason.value if submit.reason else None,
        "note": submit.note,
        "missing_count": submit.missing_count,
        "missing_since": micros_or_none(submit.missing_since),
        "next_try_at": micros_or_none(submit.next_try_at),
        "look_at": micros_or_none(submit.look_at),
        "look_count": submit.look_count,
        "is_cancel_told": submit.is_cancel_told,
    }


def submit_of(found: Found) -> Submit:
    """Read a submit."""
    return Submit(
        task_id=found["task_id"],
        n=found["n"],
        provider=found["provider"],
        upstream_model=found["upstream_model"],
        credential=found["credential"],
        token=found["token"],
        is_billable=bool(found["is_billable"]),
        epoch=found["epoch"],
        intent_at=instant(found["intent_at"]),
        verdict=Verdict(found["verdict"]),
        answered_at=instant_or_none(found["answered_at"]),
        ticket=None if found["ticket"] is None else from_json(found["ticket"]),
        film=None if found["film"] is None else from_json(found["film"]),
        usage=None if found["usage"] is None else from_json(found["usage"]),
        reason=None if found["reason"] is None else Reason(found["reason"]),
        note=found["note"],
        missing_count=found["missing_count"],
        missing_since=instant_or_none(found["missing_since"]),
        next_try_at=instant_or_none(found["next_try_at"]),
        look_at=instant_or_none(found["look_at"]),
        look_count=found["look_count"],
        is_cancel_told=bool(found["is_cancel_told"]),
    )


LAST_FRAME_MARK: Final = "; frame=last"
"""What tells a last frame's row from a poster's, behind its content type.

Code of before this kind reads rows by a list of kinds, and would break on a word it does not
know: to it a last frame is one more poster, which it deletes and sweeps like any other. Code of
today reads the plain word too, so that the code after it may write that.
"""


def artifact_values(artifact: Artifact) -> dict[str, Any]:
    """Return every column of an artifact."""
    kind, content_type = artifact.kind, artifact.content_type
    if kind is ArtifactKind.LAST_FRAME:
        kind, content_type = ArtifactKind.POSTER, f"{content_type}{LAST_FRAME_MARK}"
    return {
        "blob": artifact.blob,
        "task_id": artifact.task_id,
        "epoch": artifact.epoch,
        "kind": kind.value,
        "state": artifact.state.value,
        "created_at": micros(artifact.created_at),
        "content_type": content_type,
        "size_bytes": artifact.size_bytes,
        "sha256": artifact.sha256,
    }


def artifact_of(found: Found) -> Artifact:
    """Read an artifact."""
    kind, content_type = ArtifactKind(found["kind"]), str(found["content_type"])
    if kind is ArtifactKind.POSTER and content_type.endswith(LAST_FRAME_MARK):
        kind, content_type = ArtifactKind.LAST_FRAME, content_type.removesuffix(LAST_FRAME_MARK)
    return Artifact(
        blob=found["blob"],
        task_id=found["task_id"],
        epoch=found["epoch"],
        kind=kind,
        state=ArtifactState(found["state"]),
        created_at=instant(found["created_at"]),
        content_type=content_type,
        size_bytes=found["size_bytes"],
        sha256=found["sha256"],
    )


def answer_values(answer: Answer) -> dict[str, Any]:
    """Return every column of the first answer to a create."""
    return {
        "task_id": answer.task_id,
        "account_id": answer.account_id,
        "route": answer.route,
        "key": answer.key,
        "digest": answer.digest,
        "body": answer.body,
        "headers": to_json(answer.headers),
        "created_at": micros(answer.created_at),
    }


def answer_of(found: Found) -> Answer:
    """Read the first answer to a create."""
    return Answer(
        account_id=found["account_id"],
        route=found["route"],
        key=found["key"],
        digest=bytes(found["digest"]),
        task_id=found["task_id"],
        body=bytes(found["body"]),
        headers=from_json(found["headers"]),
        created_at=instant(found["created_at"]),
    )


def account_values(account: Account) -> dict[str, Any]:
    """Return every column of an account."""
    return {
        "id": account.id,
        "name": account.name,
        "created_at": micros(account.created_at),
        "limits": limits_text(account.limits),
        "closed_at": micros_or_none(account.closed_at),
    }


def account_of(found: Found) -> Account:
    """Read an account; on the step before it has no rules."""
    return Account(
        id=found["id"],
        name=found["name"],
        created_at=instant(found["created_at"]),
        limits=limits_of(found.get("limits")),
        closed_at=instant_or_none(found.get("closed_at")),
    )


def key_values(key: Key) -> dict[str, Any]:
    """Return every column of a key."""
    networks = key.networks
    return {
        "id": key.id,
        "account_id": key.account_id,
        "name": key.name,
        "digest": key.digest,
        "prefix": key.prefix,
        "scopes": to_json(sorted(key.scopes)),
        "models": None if key.models is None else to_json(sorted(key.models)),
        "created_at": micros(key.created_at),
        "expires_at": micros_or_none(key.expires_at),
        "revoked_at": micros_or_none(key.revoked_at),
        "networks": None if networks is None else to_json([str(one) for one in networks]),
        "limits": limits_text(key.limits),
        "replaced_by": key.replaced_by,
    }


def key_of(found: Found) -> Key:
    """Read a key, with what its account says of it; on the step before there are no rules."""
    models, networks = found["models"], found.get("networks")
    return Key(
        id=found["id"],
        account_id=found["account_id"],
        name=found["name"],
        digest=bytes(found["digest"]),
        prefix=found["prefix"],
        created_at=instant(found["created_at"]),
        scopes=frozenset(Scope(scope) for scope in from_json(found["scopes"])),
        models=None if models is None else frozenset(from_json(models)),
        expires_at=instant_or_none(found["expires_at"]),
        revoked_at=instant_or_none(found["revoked_at"]),
        networks=None if networks is None else tuple(map(ip_network, from_json(networks))),
        limits=limits_of(found.get("limits")),
        replaced_by=found.get("replaced_by"),
        account_limits=limits_of(found.get("account_limits")),
        has_purse=bool(found.get("has_purse")),
        is_closed=found.get("closed_at") is not None,
    )


def limits_text(limits: Limits) -> str | None:
    """Return limits as JSON; None where there are none."""
    return None if limits == NO_LIMITS else to_json(limits)


def limits_of(text: str | None) -> Limits:
    """Read limits."""
    return NO_LIMITS if text is None else _LIMITS.decode(text)


def tariff_of(text: str) -> Tariff:
    """Read what a task costs."""
    return _TARIFF.decode(text)
