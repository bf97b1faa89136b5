"""The OpenAPI 3.1 document, made from the table of routes; `reference/` is its readable form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from rushes.domain.catalog import RATIOS, SHORT_PX
from rushes.domain.spec import PROMPT_CHARACTERS_MAX, SEED_MAX
from rushes.gateway.sources import EXTENSIONS_S
from rushes.http.admin.answers import ANSWERS
from rushes.http.admin.bodies import BODIES
from rushes.http.admin.desk import TAG
from rushes.http.own_key import OwnKey
from rushes.http.parameters import FIELDS, PATHS, query_of
from rushes.http.quotes import Quote
from rushes.http.routes import Route
from rushes.http.usage import UsageLine
from rushes.http.wish import OPTION_SPELLINGS, SPELLINGS

Json = dict[str, Any]
_REF: Final = "#/components/schemas/{name}"
_PATH_PARAMETER: Final = {"in": "path", "required": True, "schema": {"type": "string"}}


class ErrorFacts(msgspec.Struct):
    """What went wrong; `code` is stable, `message` is for people."""

    message: str
    type: str
    param: str | None
    code: str


class Error(msgspec.Struct):
    """Every error on both dialects."""

    error: ErrorFacts


class Submitted(msgspec.Struct):
    """The answer to a submit."""

    id: str
    task_id: str
    object: Literal["video"]
    model: str
    status: Literal["queued"]
    progress: int
    created_at: int
    format: Literal["mp4"]


class GenerationError(msgspec.Struct):
    """Why a task failed."""

    code: int
    message: str


class Generation(msgspec.Struct, omit_defaults=True):
    """The flat body of a look."""

    task_id: str
    status: Literal["queued", "in_progress", "succeeded", "failed"]
    format: Literal["mp4"]
    url: str | msgspec.UnsetType = msgspec.UNSET
    error: GenerationError | msgspec.UnsetType = msgspec.UNSET


class GenerationItem(Generation, kw_only=True):
    """A flat body in a list."""

    created_at: int
    model: str


class GenerationList(msgspec.Struct):
    """A page of tasks."""

    object: Literal["list"]
    data: list[GenerationItem]
    first_id: str | None
    last_id: str | None
    has_more: bool


class GenerationDeleted(msgspec.Struct):
    """The answer to a delete."""

    task_id: str
    deleted: Literal[True]


class Download(msgspec.Struct):
    """A film as base64 in JSON."""

    success: Literal[True]
    generation_id: str
    task_id: str
    format: Literal["mp4"]
    size: int
    base64: str
    data_url: str


class VideoError(msgspec.Struct):
    """Why a video failed."""

    code: str
    message: str


class Video(msgspec.Struct):
    """The Video object: always all thirteen keys."""

    id: str
    object: Literal["video"]
    model: str
    status: Literal["queued", "in_progress", "completed", "failed"]
    progress: int
    created_at: int
    completed_at: int | None
    expires_at: int | None
    error: VideoError | None
    prompt: str | None
    remixed_from_video_id: str | None
    seconds: str
    size: str


class VideoList(msgspec.Struct):
    """A page of videos."""

    object: Literal["list"]
    data: list[Video]
    first_id: str | None
    last_id: str | None
    has_more: bool


class VideoDeleted(msgspec.Struct):
    """The answer to a delete."""

    id: str
    object: Literal["video.deleted"]
    deleted: Literal[True]


class EnvelopedTask(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A task in an envelope, in the words of the videos dialect."""

    id: str
    task_id: str
    object: Literal["video"]
    model: str
    status: Literal["queued", "in_progress", "completed", "failed"]
    progress: int
    created_at: int
    completed_at: int | msgspec.UnsetType = msgspec.UNSET
    seconds: str
    url: str | msgspec.UnsetType = msgspec.UNSET
    video_url: str | msgspec.UnsetType = msgspec.UNSET
    error: VideoError | msgspec.UnsetType = msgspec.UNSET
    metadata: dict[str, Any]


class Enveloped(msgspec.Struct):
    """The answer of submit, query and cancel where `response_style` is `envelope`."""

    code: Literal["success"]
    message: Literal[""]
    data: EnvelopedTask


class EnvelopedError(msgspec.Struct):
    """What these three calls refuse, in an envelope."""

    code: str
    message: str
    data: None


class Model(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A model and its card."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    rehearsal: bool
    checked_at: str | None
    retires_at: str | msgspec.UnsetType = msgspec.UNSET
    successor: str | msgspec.UnsetType = msgspec.UNSET
    capabilities: dict[str, Any]


class ModelList(msgspec.Struct):
    """All models the key may use."""

    object: Literal["list"]
    data: list[Model]


class WebhookSecret(msgspec.Struct):
    """What webhooks are signed with; `previous` counts beside it during a rotation."""

    object: Literal["webhook_secret"]
    secret: str
    previous: str | None


class Usage(msgspec.Struct, rename={"since": "from", "until": "to"}):
    """What the account used: tasks that ended in a span of time, added up."""

    object: Literal["list"]
    group_by: Literal["key", "model", "day", "task"]
    since: int
    until: int
    currency: Literal["USD"]
    data: list[UsageLine]
    has_more: bool
    next_cursor: str | None


class Health(msgspec.Struct):
    """The process lives."""

    status: Literal["ok"]


class Readiness(msgspec.Struct):
    """Whether traffic is welcome."""

    status: Literal["ready", "unready"]
    checks: dict[str, str]


STRUCTS: Final = (
    Error,
    Submitted,
    Generation,
    GenerationList,
    GenerationDeleted,
    Download,
    Video,
    VideoList,
    VideoDeleted,
    Enveloped,
    EnvelopedError,
    Model,
    ModelList,
    WebhookSecret,
    Usage,
    OwnKey,
    Quote,
    Health,
    Readiness,
)


def _create_schema() -> Json:
    """Describe a create: every spelling, and room for what we do not know."""
    whole = {"type": ["integer", "string"]}
    flag = {"type": ["boolean", "string"]}
    image = {
        "oneOf": [
            {"type": "string", "description": "http(s) URL, data URI or base64"},
            {"type": "object", "properties": {"image_url": {"type": "string"}}},
        ]
    }
    kinds: Mapping[str, Json] = {
        "prompt": {"type": "string", "minLength": 1, "maxLength": PROMPT_CHARACTERS_MAX},
        "seconds": whole,
        "resolution": {"type": "string", "enum": list(SHORT_PX)},
        "ratio": {"type": "string", "enum": [*RATIOS, "adaptive"]},
        "negative_prompt": {"type": "string", "maxLength": PROMPT_CHARACTERS_MAX},
        "seed": {"type": ["integer", "string"], "minimum": -1, "maximum": SEED_MAX},
        "with_audio": flag,
        "with_watermark": flag,
        "outputs": whole,
        "source_id": {"type": "string"},
        "callback_url": {"type": "string", "format": "uri"},
        "user": {"type": "string", "maxLength": 512},
        "response_format": {"type": "string", "enum": ["url"]},
    }
    properties: Json = {"model": _field("model", {"type": "string"})}
    for name, spellings in SPELLINGS.items():
        properties.update(dict.fromkeys(spellings, _field(name, kinds[name])))
    properties |= {
        "size": _field("size", {"type": "string", "pattern": r"^\d{1,5}[xX*]\d{1,5}$"}),
        **dict.fromkeys(("width", "height"), _field("edge", whole)),
        **dict.fromkeys(("image", "input_reference"), _field("first_frame", image)),
        **dict.fromkeys(("last_frame", "lastFrame", "image_tail"), _field("last_frame", image)),
        "images": _field("images", {"type": "array", "items": image}),
        "audio_url": _field("audio_url", {"type": "string"}),
        "content": _field("content", {"type": "array", "items": {"type": "object"}}),
        "metadata": _field("metadata", {"type": "object"}),
    }
    for name, spellings in OPTION_SPELLINGS.items():
        properties.update(dict.fromkeys(spellings, _field(name, {})))
    return {"type": "object", "properties": properties}


def _field(name: str, kind: Json) -> Json:
    return {**kind, "description": FIELDS[name]}


_PROMPT: Final[Json] = _field(
    "prompt", {"type": "string", "minLength": 1, "maxLength": PROMPT_CHARACTERS_MAX}
)
_SOURCE: Final[Json] = {
    "description": FIELDS["video"],
    "oneOf": [
        {"type": "string", "description": "data URI; a file in a form"},
        {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
    ],
}


def _derived(*required: str, **properties: Json) -> Json:
    """Describe a create from a film."""
    said = {"model": _field("model", {"type": "string"}), "prompt": _PROMPT, **properties}
    return {"type": "object", "required": ["prompt", *required], "properties": said}


REQUESTS: Final[Mapping[str, Json]] = {
    "Create": _create_schema(),
    "QuoteWanted": {"$ref": _REF.format(name="Create")},
    "Remix": _derived(),
    "Edit": _derived("video", video=_SOURCE),
    "Extension": _derived(
        "video",
        "seconds",
        video=_SOURCE,
        seconds=_field(
            "extension",
            {"type": ["integer", "string"], "enum": [*EXTENSIONS_S, *map(str, EXTENSIONS_S)]},
        ),
    ),
}


_JSON_ONLY: Final = frozenset({"QuoteWanted"})
"""Requests of callers that no form may be."""

_KEY: Final[Json] = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key with any of the scopes that an operation names: generate, read, admin.",
}
_NEW_TASKS: Final = frozenset({"Submitted", "Video"})
"""What a POST answers that makes a task."""


def describe(routes: Sequence[Route], *, version: str, public_url: str) -> Json:
    """Return the document for a table of routes."""
    routes = [route for route in routes if route.is_described]
    structs: tuple[type[msgspec.Struct], ...] = STRUCTS
    if any(route.tag == TAG for route in routes):
        structs = (*STRUCTS, *ANSWERS, *BODIES)
    _, components = msgspec.json.schema_components(structs, ref_template=_REF)
    paths: dict[str, Json] = {}
    links = _links(routes)
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, links)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rushes",
            "version": version,
            "description": "One durable API in front of every video model.",
        },
        "servers": [{"url": public_url}],
        "paths": paths,
        "components": {
            "schemas": {**components, **REQUESTS},
            "securitySchemes": {"key": _KEY},
        },
    }


def _links(routes: Sequence[Route]) -> Json:
    """Say where the id of a new task leads: to every route that has it in its path."""
    return {
        name_of(route): {
            "operationId": name_of(route),
            "parameters": {name: "$response.body#/id"},
        }
        for route in routes
        for name in _path_names(route.path)
        if route.needs_key and name in {"task_id", "video_id"}
    }


def _operation(route: Route, links: Json) -> Json:
    operation: Json = {
        "operationId": name_of(route),
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": [
            *(_path_parameter(name) for name in _path_names(route.path)),
            *(_query_parameter(route.path, name) for name in route.query),
        ],
        "responses": {str(status): _answer(kind) for status, kind in route.answers.items()},
    }
    if route.method == "POST" and route.answers.get(200) in _NEW_TASKS:
        operation["responses"]["200"]["links"] = links
    styled = set(route.answers.values()) & set(_STYLED)
    operation["responses"]["default"] = _answer(_STYLED_ERROR if styled else "Error")
    if route.needs_key:
        operation["security"] = [{"key": [scope]} for scope in sorted(route.scopes)]
    if route.request is not None:
        schema = {"$ref": _REF.format(name=route.request)}
        is_form = route.request in REQUESTS and route.request not in _JSON_ONLY
        operation["requestBody"] = {
            "required": route.request in REQUESTS,
            "content": {
                "application/json": {"schema": schema},
                **({"multipart/form-data": {"schema": schema}} if is_form else {}),
            },
        }
    return operation


def _path_parameter(name: str) -> Json:
    told = {"description": PATHS[name]} if name in PATHS else {}
    return {**_PATH_PARAMETER, "name": name, **told}


def _query_parameter(path: str, name: str) -> Json:
    told = query_of(path, name) or {"schema": {"type": "string"}}
    return {"in": "query", "name": name, **told}


def name_of(route: Route) -> str:
    """Return the `operationId` of a route."""
    words = [part.strip("{}") for part in route.path.split("/") if part and part != "v1"]
    return "_".join([route.method.lower(), *words]).replace(".", "_")


def _path_names(path: str) -> list[str]:
    return [part.strip("{}") for part in path.split("/") if part.startswith("{")]


_STYLED: Final = ("Submitted", "Generation")
"""Answers that come in an envelope where the operator says so; which, the key tells."""

_STYLED_ERROR: Final = "Error or EnvelopedError"
_TABLES: Final = frozenset({"Usage", "AdminUsage"})
"""Answers that come as a table where that is asked for."""

_BYTES: Final = ("video/mp4", "image/webp", "image/jpeg")
"""A film and its stills."""


def _answer(kind: str) -> Json:
    if not kind:
        return {"description": "No body"}
    if kind == "bytes":
        media = {"schema": {"type": "string", "format": "binary"}}
        return {"description": "Bytes", "content": dict.fromkeys(_BYTES, media)}
    if "/" in kind:
        return {"description": kind, "content": {kind: {"schema": {"type": "string"}}}}
    names = [*kind.split(" or "), *(["Enveloped"] if kind in _STYLED else [])]
    refs = [{"$ref": _REF.format(name=name)} for name in names]
    schema = refs[0] if len(refs) == 1 else {"oneOf": refs}
    content: Json = {"application/json": {"schema": schema}}
    if kind in _TABLES:
        content["text/csv"] = {"schema": {"type": "string"}}
    return {"description": kind, "content": content}
