"""Files: what tasks made (artifacts), and what callers gave (inputs)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from rushes.domain.errors import LeaseLost
from rushes.domain.task import FINAL
from rushes.ports import Artifact, ArtifactState, Filed
from rushes.store import rows
from rushes.store.connection import Rows
from rushes.store.prepared import Prepared
from rushes.store.schema import artifacts, inputs, task_inputs, tasks

# Written into the text, so that SQLite sees that the partial index on the tries fits.
_WRITING: Final = sa.literal(ArtifactState.WRITING.value, literal_execute=True)
_SWEPT: Final = (
    sa.update(artifacts)
    .where(artifacts.c.blob == sa.bindparam("gone"))
    .values(state=ArtifactState.SWEPT.value)
)
_DROP_INPUT: Final = sa.delete(inputs).where(inputs.c.blob == sa.bindparam("gone"))

_ADD_ARTIFACT: Final = Prepared(sa.insert(artifacts))
_KEEP_ARTIFACT: Final = Prepared(
    sa.update(artifacts).where(
        artifacts.c.blob == sa.bindparam("seen_blob"),
        artifacts.c.state != sa.bindparam("swept"),
    )
)
# The age is asked once more: on PostgreSQL somebody may have filed it anew since we looked.
_TAKE_ORPHAN: Final = sa.delete(inputs).where(
    inputs.c.blob == sa.bindparam("gone"), inputs.c.created_at < sa.bindparam("before")
)
_RELEASE: Final = sa.delete(task_inputs).where(
    task_inputs.c.task_id == sa.bindparam("holder"), task_inputs.c.blob == sa.bindparam("held")
)


def _kept(artifact: Artifact) -> dict[str, object]:
    values = rows.artifact_values(replace(artifact, state=ArtifactState.KEPT))
    return {**values, "seen_blob": artifact.blob, "swept": ArtifactState.SWEPT.value}


class FileRows(Rows):
    """The verbs of a transaction that concern files."""

    def add_artifacts(self, *artifacts: Artifact) -> None:
        """Write down blobs that are about to be written."""
        self.write_later(*((_ADD_ARTIFACT, rows.artifact_values(one)) for one in artifacts))

    def keep_artifacts(self, *artifacts: Artifact) -> None:
        """Name winners: the rows become `kept` with their measures.

        Raises:
            LeaseLost: there is no such try, or its blob was swept; nothing of it can be kept.
        """
        counts = self.write_all(*((_KEEP_ARTIFACT, _kept(one)) for one in artifacts))
        for artifact, count in zip(artifacts, counts, strict=True):
            if count != 1:
                raise LeaseLost(f"{artifact.blob} is not there to be kept")

    def artifacts(self, task_id: str) -> Sequence[Artifact]:
        """Return a task's artifacts that are not swept."""
        statement = sa.select(artifacts).where(
            artifacts.c.task_id == task_id, artifacts.c.state != ArtifactState.SWEPT.value
        )
        found = self.run(statement.order_by(artifacts.c.created_at, artifacts.c.blob)).mappings()
        return [rows.artifact_of(row) for row in found]

    def sweepable(self, before: datetime, limit: int) -> Sequence[Artifact]:
        """Return blobs nobody will want: tries that lost, and films of removed tasks.

        A try has lost when its task ended without it, or was taken over since.
        """
        has_lost = sa.or_(
            tasks.c.id.is_(None),
            tasks.c.status.in_([status.value for status in FINAL]),
            tasks.c.lease_epoch > artifacts.c.epoch,
        )
        statement = (
            sa.select(artifacts)
            .outerjoin(tasks, tasks.c.id == artifacts.c.task_id)
            .where(
                artifacts.c.state == _WRITING,
                artifacts.c.created_at < rows.micros(before),
                has_lost,
            )
            .order_by(artifacts.c.created_at, artifacts.c.blob)
            .limit(limit)
        )
        return [rows.artifact_of(found) for found in self.run(statement).mappings()]

    def swept(self, blobs: Iterable[str]) -> None:
        """Record that these blobs are gone."""
        if gone := [{"gone": blob} for blob in blobs]:
            self.run(_SWEPT, gone)

    def file_input(self, filed: Filed) -> None:
        """Record an input blob; an existing row becomes as young as this one."""
        values = {
            "blob": filed.blob,
            "size_bytes": filed.size_bytes,
            "content_type": filed.content_type,
            "created_at": rows.micros(filed.created_at),
        }
        self.put(inputs, values, {"created_at": values["created_at"]})

    def input(self, blob: str) -> Filed | None:
        """Read what is known of an input blob."""
        found = self.run(sa.select(inputs).where(inputs.c.blob == blob)).mappings().first()
        if found is None:
            return None
        return Filed(
            blob=found["blob"],
            size_bytes=found["size_bytes"],
            content_type=found["content_type"],
            created_at=rows.instant(found["created_at"]),
        )

    def refer_input(self, task_id: str, blob: str) -> None:
        """Say that a task needs this input."""
        if self._takes_locks:  # a sweep that has the row is waited for, and none begins
            held = sa.select(inputs.c.blob).where(inputs.c.blob == blob)
            self.run(held.with_for_update(read=True))
        self.put(task_inputs, {"task_id": task_id, "blob": blob})

    def release_inputs(self, before: datetime, limit: int) -> int:
        """Say that tasks which ended before need their inputs no more; return how many inputs."""
        ended = (
            sa.select(task_inputs.c.task_id, task_inputs.c.blob)
            .join(tasks, tasks.c.id == task_inputs.c.task_id)
            .where(tasks.c.finished_at < rows.micros(before))
            .limit(limit)
        )
        found = [(row["task_id"], row["blob"]) for row in self.run(ended).mappings()]
        if found:
            self.run(_RELEASE, [{"holder": task_id, "held": blob} for task_id, blob in found])
        return len(found)

    def orphan_inputs(self, before: datetime, limit: int) -> Sequence[str]:
        """Return input blobs older than `before` that no task refers to.

        Within a write their rows are locked until it ends: who files or refers to one of them
        meanwhile waits.
        """
        statement = (
            sa.select(inputs.c.blob)
            .outerjoin(task_inputs, task_inputs.c.blob == inputs.c.blob)
            .where(task_inputs.c.blob.is_(None), inputs.c.created_at < rows.micros(before))
            .order_by(inputs.c.created_at, inputs.c.blob)
            .limit(limit)
        )
        if not self._takes_locks:
            return list(self.run(statement).scalars())
        statement = statement.with_for_update(of=inputs, skip_locked=True)
        locked = list(self.run(statement).scalars())
        referred = self._referred(locked)  # meanwhile, before we had the locks
        return [blob for blob in locked if blob not in referred]

    def _referred(self, blobs: Sequence[str]) -> set[str]:
        """Return which of some inputs a task refers to by now."""
        statement = sa.select(task_inputs.c.blob).where(task_inputs.c.blob.in_(blobs))
        return set(self.run(statement).scalars())

    def take_orphans(self, before: datetime, limit: int) -> Sequence[str]:
        """Forget orphan inputs, and return them: their bytes go in this same transaction."""
        values = {"before": rows.micros(before)}
        return [
            blob
            for blob in self.orphan_inputs(before, limit)
            if self.run(_TAKE_ORPHAN, {"gone": blob, **values}).rowcount == 1
        ]

    def drop_inputs(self, blobs: Iterable[str]) -> None:
        """Forget input blobs that were removed."""
        if gone := [{"gone": blob} for blob in blobs]:
            self.run(_DROP_INPUT, gone)
