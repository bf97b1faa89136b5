"""The OpenAPI 3.1 document, made from the table of routes; and a readable form of it."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from rushes.domain.catalog import RATIOS, SHORT_PX
from rushes.domain.spec import PROMPT_CHARACTERS_MAX, SEED_MAX
from rushes.gateway.sources import EXTENSIONS_S
from rushes.gateway.usage import RANGE_MAX
from rushes.http.admin.answers import ANSWERS
from rushes.http.admin.bodies import BODIES
from rushes.http.admin.desk import TAG
from rushes.http.hardening import page_headers
from rushes.http.own_key import OwnKey
from rushes.http.quotes import Quote
from rushes.http.routes import Call, Reply, Route
from rushes.http.usage import FORMATS, GROUPS
from rushes.http.videos import VARIANTS
from rushes.http.wish import OPTION_SPELLINGS, SPELLINGS

Json = dict[str, Any]
_REF: Final = "#/components/schemas/{name}"
_PATH_PARAMETER: Final = {"in": "path", "required": True, "schema": {"type": "string"}}
_QUERY_PARAMETERS: Final[Mapping[str, Json]] = {
    "variant": {
        "description": (
            "What of the video: the film itself (`video`, MP4), a frame of its first second in "
            "full size (`thumbnail`, WebP), its last frame in full size (`last_frame`, WebP), or "
            "ten evenly spaced stills in one picture (`spritesheet`, JPEG)."
        ),
        "schema": {"type": "string", "enum": list(VARIANTS), "default": "video"},
    },
    "group_by": {
        "description": "What usage is added up by; by `task` there is a line for each.",
        "schema": {"type": "string", "enum": list(GROUPS), "default": "model"},
    },
    "from": {
        "description": (
            "Tasks that ended from then on: Unix seconds, or a day of UTC (`2026-11-01`). Without "
            "it, the present month."
        ),
        "schema": {"type": "string"},
    },
    "to": {
        "description": (
            "Tasks that ended before then: Unix seconds, or a day of UTC. Without it, until now; "
            f"at most {RANGE_MAX.days} days after `from`."
        ),
        "schema": {"type": "string"},
    },
    "format": {
        "description": "JSON, or a table for spreadsheets.",
        "schema": {"type": "string", "enum": list(FORMATS), "default": "json"},
    },
    "cursor": {
        "description": (
            "The `next_cursor` of the page before (CSV: its header `Rushes-Next-Cursor`)."
        ),
        "schema": {"type": "string"},
    },
}
"""Parameters of the query of which more can be told than their name."""


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


class UsageLine(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What the tasks of one model, key or day used, or one task; what does not apply is missing.

    `tasks` ended, `films` of them came out well, `rehearsals` were rendered by the sandbox.
    """

    model: str | msgspec.UnsetType = msgspec.UNSET
    key: str | msgspec.UnsetType = msgspec.UNSET
    day: str | msgspec.UnsetType = msgspec.UNSET
    tasks: int | msgspec.UnsetType = msgspec.UNSET
    films: int | msgspec.UnsetType = msgspec.UNSET
    rehearsals: int | msgspec.UnsetType = msgspec.UNSET
    task_id: str | msgspec.UnsetType = msgspec.UNSET
    status: Literal["succeeded", "failed"] | msgspec.UnsetType = msgspec.UNSET
    rehearsal: bool | msgspec.UnsetType = msgspec.UNSET
    created_at: int | msgspec.UnsetType = msgspec.UNSET
    finished_at: int | msgspec.UnsetType = msgspec.UNSET
    film_seconds: float
    cost_microusd: int


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
    properties: Json = {"model": {"type": "string"}}
    for name, spellings in SPELLINGS.items():
        properties.update(dict.fromkeys(spellings, kinds[name]))
    for spellings in OPTION_SPELLINGS.values():
        properties.update({name: {} for name in spellings})
    properties |= {
        "size": {"type": "string", "pattern": r"^\d{1,5}[xX*]\d{1,5}$"},
        "width": whole,
        "height": whole,
        "images": {"type": "array", "items": image},
        "audio_url": {"type": "string"},
        "content": {"type": "array", "items": {"type": "object"}},
        "metadata": {"type": "object"},
    }
    frames = ("image", "input_reference", "last_frame", "lastFrame", "image_tail")
    properties.update(dict.fromkeys(frames, image))
    return {"type": "object", "properties": properties}


_PROMPT: Final[Json] = {"type": "string", "minLength": 1, "maxLength": PROMPT_CHARACTERS_MAX}
_SOURCE: Final[Json] = {
    "oneOf": [
        {"type": "string", "description": "data URI; a file in a form"},
        {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
    ]
}


def _derived(*required: str, **properties: Json) -> Json:
    """Describe a create from a film."""
    said = {"model": {"type": "string"}, "prompt": _PROMPT, **properties}
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
        seconds={"type": ["integer", "string"], "enum": [*EXTENSIONS_S, *map(str, EXTENSIONS_S)]},
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
        _name(route): {
            "operationId": _name(route),
            "parameters": {name: "$response.body#/id"},
        }
        for route in routes
        for name in _path_names(route.path)
        if route.needs_key and name in {"task_id", "video_id"}
    }


def _operation(route: Route, links: Json) -> Json:
    operation: Json = {
        "operationId": _name(route),
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": [
            *({**_PATH_PARAMETER, "name": name} for name in _path_names(route.path)),
            *(_query_parameter(name) for name in route.query),
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


def _query_parameter(name: str) -> Json:
    told = _QUERY_PARAMETERS.get(name, {"schema": {"type": "string"}})
    return {"in": "query", "name": name, **told}


def _name(route: Route) -> str:
    words = [part.strip("{}") for part in route.path.split("/") if part and part != "v1"]
    return "_".join([route.method.lower(), *words]).replace(".", "_")


def _path_names(path: str) -> list[str]:
    return [part.strip("{}") for part in path.split("/") if part.startswith("{")]


_STYLED: Final = ("Submitted", "Generation")
"""Answers that come in an envelope where the operator says so; which, the key tells."""

_STYLED_ERROR: Final = "Error or EnvelopedError"
_TABLES: Final = frozenset({"Usage"})
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


@dataclass(frozen=True, slots=True)
class Described:
    """The handlers of the document."""

    document: Json

    def routes(self) -> list[Route]:
        """Return the table's rows."""
        return [
            Route(
                "GET",
                "/openapi.json",
                self.json,
                "This document",
                "system",
                answers={200: "application/json"},
                needs_key=False,
            ),
            Route(
                "GET",
                "/docs",
                self.page,
                "This document, readable",
                "system",
                answers={200: "text/html"},
                needs_key=False,
            ),
        ]

    async def json(self, call: Call) -> Reply:
        """Return the document."""
        del call
        headers = {"Content-Type": "application/json", "Cache-Control": "private, no-cache"}
        return Reply(msgspec.json.encode(self.document), headers=headers)

    async def page(self, call: Call) -> Reply:
        """Return the document as a page that needs nothing from elsewhere."""
        del call
        return Reply(_page(self.document).encode(), headers=page_headers(_STYLE))


_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#1c1b22;background:#fbfaf7}h1{font-weight:650}h2{margin-top:2.2rem;font-size:1.05rem;"
    "text-transform:uppercase;letter-spacing:.08em;color:#7a5c2e}code{font:14px ui-monospace,"
    "monospace}tr{vertical-align:top}td{padding:.35rem .8rem .35rem 0;border-top:1px solid #e6e1d6}"
    ".m{font-weight:650;color:#2d5d7b;width:5rem}@media(prefers-color-scheme:dark){body{color:"
    "#ece8df;background:#17161b}td{border-color:#34323b}h2{color:#d8b06a}.m{color:#8cc4e6}}"
)


def _page(document: Json) -> str:
    groups: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            query = ", ".join(p["name"] for p in operation["parameters"] if p["in"] == "query")
            hint = f"<br><small>?{html.escape(query)}</small>" if query else ""
            row = (
                f'<tr><td class="m">{method.upper()}</td><td><code>{html.escape(path)}</code>{hint}'
                f"</td><td>{html.escape(operation['summary'])}</td></tr>"
            )
            groups.setdefault(operation["tags"][0], []).append(row)
    tables = "".join(
        f"<h2>{html.escape(tag)}</h2><table>{''.join(rows)}</table>" for tag, rows in groups.items()
    )
    info = document["info"]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{info["title"]}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{info['title']} {html.escape(info['version'])}</h1><p>{info['description']} "
        "Everything under <code>/v1</code> and <code>/admin/v1</code> wants "
        "<code>Authorization: Bearer sk-…</code>; the "
        'machine-readable form is <a href="/openapi.json">/openapi.json</a>.</p>'
        f"{tables}</html>"
    )
