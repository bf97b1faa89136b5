"""Every store is held to every check: what passes in memory passes on a disk."""

from __future__ import annotations

import pytest

from rushes.testing.conformance.store import CHECKS, Subject


@pytest.mark.parametrize("check", CHECKS)
async def test_a_store_does_what_every_store_must(check: str, subject: Subject) -> None:
    await CHECKS[check](subject)
