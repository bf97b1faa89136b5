"""Reading the document's JSON schemas as fields that people can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Json = Mapping[str, Any]
Schemas = Mapping[str, Json]

_SAMPLES: Final[Mapping[str, Any]] = {
    "name": "studio",
    "prompt": "The same, at dusk",
    "video": {"id": "video_…"},
    "seconds": "4",
    "ticket": {"id": "…"},
    "limit_microusd": 5_000_000,
    "by_microusd": 1_000_000,
    "provider": "gpu",
    "upstream_model": "my-model",
}
"""What an example says in a field, where no golden has one."""


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a body; `place` is path, query, header or body."""

    names: tuple[str, ...]
    place: str
    kind: str
    words: str = ""
    bounds: str = ""
    choices: tuple[str, ...] = ()
    default: str | None = None
    is_required: bool = False


def parameters_of(operation: Json, schemas: Schemas) -> list[Field]:
    """Return what stands in the path and in the query."""
    return [
        _field((one["name"],), one["in"], one["schema"], schemas, one.get("description", ""),
               is_required=bool(one.get("required")))
        for one in operation["parameters"]
    ]  # fmt: skip


def fields_of(schema: Json, schemas: Schemas, place: str = "body") -> list[Field]:
    """Return the fields of an object; those that mean the same are one with several names."""
    schema = _resolved(schema, schemas)
    required = set(schema.get("required", ()))
    groups: dict[str, tuple[list[str], Json]] = {}
    for name, found in schema.get("properties", {}).items():
        one = found if "description" in found else {**found, "title": name}
        names, _ = groups.setdefault(repr(one), ([], found))
        names.append(name)
    fields: list[Field] = []
    for names, found in groups.values():
        words = str(found.get("description", ""))
        is_required = bool(required & set(names))
        fields.append(_field(tuple(names), place, found, schemas, words, is_required=is_required))
        fields += _within(names[0], found, schemas, place)
    return fields


def _within(name: str, schema: Json, schemas: Schemas, place: str) -> Iterator[Field]:
    """Return the fields of an object in a field, by their paths; one floor down, and no more."""
    inner = _inner(schema, schemas)
    if "$ref" not in schema and "$ref" not in schema.get("items", {}):
        return
    mark = "[]" if "items" in schema else ""
    required = set(inner.get("required", ()))
    for key, found in inner.get("properties", {}).items():
        path = f"{name}{mark}.{key}"
        yield _field((path,), place, found, schemas, str(found.get("description", "")),
                     is_required=key in required)  # fmt: skip


def sample_of(schema: Json, schemas: Schemas) -> dict[str, Any]:
    """Return a small body that has what is required."""
    schema = _resolved(schema, schemas)
    required = schema.get("required", ())
    return {name: _SAMPLES.get(name, "…") for name in schema.get("properties", {})
            if name in required}  # fmt: skip


def _field(
    names: tuple[str, ...],
    place: str,
    schema: Json,
    schemas: Schemas,
    words: str,
    *,
    is_required: bool,
) -> Field:
    choices = tuple(_choices(schema, schemas))
    default = schema.get("default")
    is_told = default not in (None, {}, [])
    text = ", ".join(default) if isinstance(default, list) else str(default)
    if isinstance(default, bool):
        text = str(default).lower()
    return Field(
        names=names,
        place=place,
        kind=kind_of(schema, schemas),
        words=words,
        bounds=_bounds(schema),
        choices=choices,
        default=text if is_told else None,
        is_required=is_required,
    )


def kind_of(schema: Json, schemas: Schemas) -> str:
    """Return the type of a value in the words of JSON.

    >>> kind_of({"type": ["integer", "string"]}, {})
    'integer or string'
    >>> kind_of({"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}}, {})
    'array of string or null'
    """
    schema = _resolved(schema, schemas)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            kinds = dict.fromkeys(kind_of(one, schemas) for one in schema[word])
            return " or ".join(kinds)
    said = schema.get("type", "string" if "enum" in schema else "any")
    if isinstance(said, list):
        return " or ".join(said)
    if said == "array":
        return f"array of {kind_of(schema.get('items', {}), schemas)}"
    return str(said)


def _choices(schema: Json, schemas: Schemas) -> Iterator[str]:
    inner = _inner(schema, schemas)
    seen = set()
    for value in inner.get("enum", ()):
        if str(value) not in seen:
            seen.add(str(value))
            yield str(value)


def _bounds(schema: Json) -> str:
    """Return between what a value is, in a few words; empty where it is not bounded."""
    for one in schema.get("anyOf", ()):
        if found := _bounds(one):
            return found
    if "maxLength" in schema:
        least = max(1, int(schema.get("minLength", 0)))
        return f"{least} to {schema['maxLength']:,} characters"
    if "minimum" in schema or "maximum" in schema:
        low, high = schema.get("minimum"), schema.get("maximum")
        if high is None:
            return f"from {low:,}"
        return f"{low:,} to {high:,}"
    return "WIDTHxHEIGHT" if "pattern" in schema else ""


def _inner(schema: Json, schemas: Schemas) -> Json:
    """Return what an object, or each of a list, is made of."""
    found = _resolved(schema, schemas)
    if found.get("type") == "array":
        return _resolved(found.get("items", {}), schemas)
    return found


def _resolved(schema: Json, schemas: Schemas) -> Json:
    ref = schema.get("$ref")
    return schema if ref is None else schemas[str(ref).rpartition("/")[2]]
