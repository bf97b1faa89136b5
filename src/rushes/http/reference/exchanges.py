"""The goldens' exchanges, as the package carries them (`rushes.testing.reference_examples`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rushes.domain.errors import MethodNotAllowed, RouteNotFound
from rushes.http.routes import Route, Table

FILE: Final = Path(__file__).parent / "examples.json"
FAULTS_FROM: Final = 400
WEBHOOK: Final = "webhook."


@dataclass(frozen=True, slots=True)
class Exchange:
    """What was asked, and what was answered; a body is JSON, or a form under `multipart`."""

    name: str
    case: str
    method: str
    path: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    answer: Any = None

    @property
    def is_refused(self) -> bool:
        """Whether the answer is an error."""
        return self.status >= FAULTS_FROM

    @property
    def code(self) -> str | None:
        """What the refusal is called, in either style; None if there is none."""
        if not self.is_refused or not isinstance(self.answer, Mapping):
            return None
        error = self.answer.get("error", self.answer)
        found = error.get("code") if isinstance(error, Mapping) else None
        return found if isinstance(found, str) else None


def carried() -> list[Exchange]:
    """Return every exchange, those to be shown first before the others."""
    return [Exchange(**one) for one in json.loads(FILE.read_text(encoding="utf-8"))]


def by_route(
    exchanges: Sequence[Exchange], routes: Sequence[Route]
) -> dict[tuple[str, str], list[Exchange]]:
    """Return exchanges by method and path of the route that answers them."""
    table = Table(routes)
    found: dict[tuple[str, str], list[Exchange]] = {}
    for one in exchanges:
        if one.name.startswith(WEBHOOK):
            continue
        try:
            route, _ = table.find(one.method, one.path.partition("?")[0])
        except (MethodNotAllowed, RouteNotFound):
            continue
        if route.method == one.method:  # a HEAD is answered where GET is
            found.setdefault((route.method, route.path), []).append(one)
    return found
