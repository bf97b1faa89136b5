"""Stock: what the books say of blobs, page by page, to be compared with what is there."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from rushes.domain.task import FINAL
from rushes.ports import Artifact, ArtifactState, Filed
from rushes.store import rows
from rushes.store.connection import Rows
from rushes.store.schema import artifacts, inputs, task_inputs, tasks


class StockRows(Rows):
    """The verbs of a transaction that page through all files on record."""

    def kept_artifacts(self, after_blob: str, limit: int) -> Sequence[Artifact]:
        """Page through what tasks made and have, by name of the blob."""
        statement = (
            sa.select(artifacts)
            .where(artifacts.c.blob > after_blob, artifacts.c.state == ArtifactState.KEPT.value)
            .order_by(artifacts.c.blob)
            .limit(limit)
        )
        return [rows.artifact_of(found) for found in self.run(statement).mappings()]

    def wanted_inputs(self, after_blob: str, limit: int) -> Sequence[Filed]:
        """Page through the inputs that unfinished tasks refer to, by name of the blob."""
        is_wanted = sa.exists().where(
            task_inputs.c.blob == inputs.c.blob,
            tasks.c.id == task_inputs.c.task_id,
            tasks.c.status.not_in([status.value for status in FINAL]),
        )
        statement = (
            sa.select(inputs)
            .where(inputs.c.blob > after_blob, is_wanted)
            .order_by(inputs.c.blob)
            .limit(limit)
        )
        return [
            Filed(
                blob=found["blob"],
                size_bytes=found["size_bytes"],
                content_type=found["content_type"],
                created_at=rows.instant(found["created_at"]),
            )
            for found in self.run(statement).mappings()
        ]

    def known_artifacts(self, blobs: Sequence[str]) -> frozenset[str]:
        """Return which of these blobs a task made, or is making; swept ones are not."""
        statement = sa.select(artifacts.c.blob).where(
            artifacts.c.blob.in_(blobs), artifacts.c.state != ArtifactState.SWEPT.value
        )
        return frozenset(self.run(statement).scalars())

    def known_inputs(self, blobs: Sequence[str]) -> frozenset[str]:
        """Return which of these blobs are inputs on record."""
        statement = sa.select(inputs.c.blob).where(inputs.c.blob.in_(blobs))
        return frozenset(self.run(statement).scalars())
