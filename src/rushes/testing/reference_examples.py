"""The exchanges that the page /docs shows, from the goldens of the contract.

    python -m rushes.testing.reference_examples tests/contract/goldens src/rushes/http/reference

A package cannot read its tests, so the goldens are written into it, each as a line: what was asked
and what was answered, without the headers that say the same in all of them. Long lists are cut to
two. tests/http/test_reference.py holds the file fresh; `make docs` writes it anew.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

NAME: Final = "examples.json"
ITEMS_MAX: Final = 2
UNTOLD: Final = frozenset({"authorization", "x-request-id", "cache-control", "content-length"})
"""Headers that every exchange has, or that say nothing of the call."""

FIRST: Final = (
    "generations.submit.ok",
    "generations.query.succeeded",
    "generations.list.page",
    "generations.events.stream",
    "videos.create.json-defaults",
    "videos.retrieve.completed",
    "videos.content.full",
    "videos.edits.by-id",
    "webhook.completed",
)
"""What is shown before the others of its call."""


def examples(goldens: Path) -> Iterator[dict[str, Any]]:
    """Tell every golden exchange in short, those to be shown first before the others."""
    places = sorted(goldens.glob("*.json"), key=lambda place: (place.stem not in FIRST, place.name))
    for place in places:
        golden = json.loads(place.read_text(encoding="utf-8"))
        request, response = golden["request"], golden["response"]
        told = {
            "name": place.stem,
            "case": golden["case"],
            "method": request["method"],
            "path": request["path"],
            "headers": _told(request.get("headers", {})),
            "body": request.get("body", request.get("raw_body")),
            "status": response["status"],
            "answer_headers": _told(response.get("headers", {})),
            "answer": _answer(response),
        }
        yield {name: value for name, value in told.items() if value not in ({}, None)}


def _told(headers: Mapping[str, str]) -> dict[str, str]:
    is_plain = headers.get("Content-Type") == "application/json"
    return {
        name: value
        for name, value in headers.items()
        if name.lower() not in UNTOLD and not (is_plain and name == "Content-Type")
    }


def _answer(response: Mapping[str, Any]) -> object:
    body = response.get("body", response.get("stream", response.get("bytes")))
    if isinstance(body, dict) and isinstance(body.get("data"), list):
        return {**body, "data": body["data"][:ITEMS_MAX]}
    return body


def written(goldens: Path) -> str:
    """Return the file: a list with an exchange in each line."""
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in examples(goldens))
    return f"[\n{lines}\n]\n"


def main(words: list[str] | None = None) -> int:
    """Write the file into a folder."""
    goldens, folder = map(Path, sys.argv[1:] if words is None else words)
    (folder / NAME).write_text(written(goldens), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
