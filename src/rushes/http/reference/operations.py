"""What is told of each operation, put together from the table, the document and the goldens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rushes.domain.errors import Fault
from rushes.http.openapi import name_of
from rushes.http.reference.exchanges import Exchange, by_route
from rushes.http.reference.faults import faults_of
from rushes.http.reference.schemas import Field, fields_of, kind_of, parameters_of, sample_of
from rushes.http.reference.snippets import Ask, snippets
from rushes.http.reference.words import BODIES, GROUPS, headers_of
from rushes.http.routes import Route

JSON: Final = "application/json"
SAVED: Final[Mapping[str, str]] = {"video/mp4": "film.mp4", "image/webp": "still.webp"}
STREAM: Final = "text/event-stream"
_SAMPLE_ID: Final = "video_01a2086275407b049ebac68fb1f0bd20"


@dataclass(frozen=True, slots=True)
class Answer:
    """What may come back: a status, a type, and of JSON the fields."""

    status: str
    media: str
    kind: str
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, as the page tells it."""

    id: str
    route: Route
    parameters: tuple[Field, ...]
    fields: tuple[Field, ...]
    answers: tuple[Answer, ...]
    faults: tuple[type[Fault], ...]
    examples: tuple[Exchange, ...]
    body: Any
    snippets: Mapping[str, str]

    @property
    def first(self) -> Exchange | None:
        """The exchange to be shown before the others."""
        good = [one for one in self.examples if not one.is_refused]
        return next(iter([*good, *self.examples]), None)

    def refusal(self, fault: type[Fault]) -> Exchange | None:
        """Return how a golden has an error of this operation."""
        return next((one for one in self.examples if one.code == fault.code), None)


def operations_of(
    routes: Sequence[Route], document: Mapping[str, Any], exchanges: Sequence[Exchange]
) -> list[Operation]:
    """Return what the page tells, in the order of its groups."""
    shown = [route for route in routes if route.is_described]
    golden = by_route(exchanges, routes)
    order = {tag: place for place, tag in enumerate(GROUPS)}
    found = [
        _operation(route, document, golden.get((route.method, route.path), ())) for route in shown
    ]
    return sorted(found, key=lambda one: order.get(one.route.tag, len(order)))


def _operation(
    route: Route, document: Mapping[str, Any], examples: Sequence[Exchange]
) -> Operation:
    schemas = document["components"]["schemas"]
    told = document["paths"][route.path][route.method.lower()]
    body = _body(route, schemas, examples)
    return Operation(
        id=name_of(route),
        route=route,
        parameters=(*parameters_of(told, schemas), *headers_of(route)),
        fields=() if route.request is None else tuple(fields_of(schemas[route.request], schemas)),
        answers=tuple(_answers(told, schemas)),
        faults=faults_of(route),
        examples=tuple(examples),
        body=body,
        snippets=snippets(name_of(route), _ask(route, document, body, examples)),
    )


def _body(route: Route, schemas: Mapping[str, Any], examples: Sequence[Exchange]) -> object:
    """Return a body to begin with: a golden's that was taken and is JSON, else a small one."""
    if route.request is None:
        return None
    for one in examples:
        if not one.is_refused and isinstance(one.body, dict) and "multipart" not in one.body:
            return one.body
    return BODIES.get(route.request) or sample_of(schemas[route.request], schemas)


def _ask(
    route: Route, document: Mapping[str, Any], body: object, examples: Sequence[Exchange]
) -> Ask:
    first = next((one for one in examples if not one.is_refused), None)
    first = first or next(iter(examples), None)
    kinds = {kind for status, kind in route.answers.items() if status < 300}  # noqa: PLR2004
    is_film = "bytes" in kinds or bool(kinds & set(SAVED))
    return Ask(
        base=document["servers"][0]["url"],
        method=route.method,
        path=route.path if first is None else first.path,
        needs_key=route.needs_key,
        body=first.body if first is not None and body is None else body,
        headers={} if first is None else first.headers,
        saves="film.mp4" if (is_film and route.needs_key) or route.tag == "files" else None,
        streams=STREAM in kinds,
    )


def _answers(told: Mapping[str, Any], schemas: Mapping[str, Any]) -> list[Answer]:
    found = []
    for status, answer in told["responses"].items():
        if status == "default":
            continue
        content = answer.get("content", {})
        if not content:
            found.append(Answer(status, "", "no body"))
        for media, said in content.items():
            schema = said["schema"]
            options = schema.get("oneOf", [schema])
            refs = [str(one["$ref"]).rpartition("/")[2] for one in options if "$ref" in one]
            if not refs:
                found.append(Answer(status, media, kind_of(schema, schemas)))
            for name in refs:
                fields = tuple(fields_of(schemas[name], schemas, "answer"))
                found.append(Answer(status, media, name, fields))
    return found


def path_samples(operation: Operation) -> dict[str, str]:
    """Return what the path's parameters are in the example; for a field to be filled in."""
    first = operation.first
    if first is None:
        return {}
    shown = operation.route.path.split("/")
    given = first.path.partition("?")[0].split("/")
    return {
        part.strip("{}"): value
        for part, value in zip(shown, given, strict=False)
        if part.startswith("{")
    }
