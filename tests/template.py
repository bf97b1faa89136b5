"""A new database without its migration: one is migrated for the process, and copied."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from rushes.store.migrate import migrate
from rushes.testing.builders import NOON


def a_database(path: Path) -> Path:
    """Put an empty database at a path, with the schema of today."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_template())
    path.chmod(0o600)
    return path


@cache
def _template() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rushes.db"
        migrate(path, at=NOON)
        return path.read_bytes()
