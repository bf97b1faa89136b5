"""Which errors a route can answer with, in the order in which they are checked (CONTRACT §2, §3).

Nobody writes these down beside the routes: they follow from what a route asks for. A test holds
every golden error to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from rushes.domain import errors
from rushes.domain.errors import Fault
from rushes.http.routes import Route

Kinds = tuple[type[Fault], ...]

ANYWHERE: Final[Kinds] = (errors.RouteNotFound, errors.MethodNotAllowed)
"""What is answered before there is a route; beside it, `internal_error` everywhere."""

_KEY: Final[Kinds] = (
    errors.MissingApiKey, errors.InvalidApiKey, errors.ScopeMissing, errors.RateLimitExceeded,
)  # fmt: skip
_BODY: Final[Kinds] = (errors.RequestTooLarge, errors.UnsupportedMediaType, errors.InvalidJson)
_SUBMIT: Final[Kinds] = (
    errors.IdempotencyKeyReused,
    errors.MissingParameter,
    errors.ModelNotFound,
    errors.ModelNotAllowed,
    errors.InvalidValue,
    errors.ConflictingParameters,
    errors.Unsupported,
    errors.InvalidMedia,
    errors.UrlNotAllowed,
    errors.TaskNotFound,
    errors.TaskNotFinished,
    errors.TaskFailed,
    errors.ArtifactExpired,
    errors.TooManyActiveTasks,
    errors.InsufficientQuota,
    errors.Overloaded,
)
_FILM: Final[Kinds] = (
    errors.TaskNotFound,
    errors.TaskNotFinished,
    errors.TaskFailed,
    errors.ArtifactExpired,
    errors.UpstreamError,
)
_OWN: Final[Mapping[tuple[str, str], Kinds]] = {
    ("POST", "/v1/video/quotes"): tuple(
        kind
        for kind in _SUBMIT
        if kind
        not in {errors.IdempotencyKeyReused, errors.TooManyActiveTasks, errors.InsufficientQuota}
    ),
    ("GET", "/v1/video/generations/download"): (
        errors.MissingParameter, *_FILM, errors.ArtifactTooLarge,
    ),
    ("GET", "/v1/video/generations/{task_id}/events"): (errors.NotAcceptable,),
    ("POST", "/v1/video/generations/{task_id}/cancel"): (errors.TaskAlreadyFinished,),
    ("DELETE", "/v1/video/generations/{task_id}"): (errors.TaskNotFinished,),
    ("DELETE", "/v1/videos/{video_id}"): (errors.TaskNotFinished,),
    ("GET", "/v1/videos/{video_id}/content"): (*_FILM, errors.RangeNotSatisfiable),
    ("POST", "/v1/videos/characters"): (errors.Unsupported,),
    ("GET", "/v1/videos/characters/{character_id}"): (errors.Unsupported,),
    ("GET", "/v1/models/{model}"): (errors.ModelNotFound,),
    ("GET", "/files/{task_id}/video.mp4"): (
        errors.LinkInvalid,
        errors.LinkExpired,
        errors.TaskNotFound,
        errors.ArtifactExpired,
        errors.RangeNotSatisfiable,
        errors.UpstreamError,
    ),
    ("POST", "/hooks/{provider}/{token}"): (errors.RouteNotFound, errors.RequestTooLarge),
    ("GET", "/metrics"): (errors.RouteNotFound,),
}  # fmt: skip
"""What only one route answers."""

_ADMIN: Final = "/admin/"


def faults_of(route: Route) -> Kinds:
    """Return the errors of a route, by status, each once."""
    found = dict.fromkeys(_faults(route))
    return tuple(sorted(found, key=lambda kind: kind.http_status))


def _faults(route: Route) -> Iterator[type[Fault]]:
    is_admin = route.path.startswith(_ADMIN)
    if route.needs_key:
        yield from _KEY
    if route.request is not None:
        yield from _BODY
    if route.submits:
        yield from _SUBMIT
    elif route.request is not None:
        yield from (errors.InvalidValue, errors.MissingParameter)
    if route.query and route.needs_key:
        yield errors.InvalidValue
    if route.needs_key and ("{task_id}" in route.path or "{video_id}" in route.path):
        yield errors.TaskNotFound
    if is_admin and "{" in route.path:
        yield errors.ObjectNotFound
    if is_admin and route.method != "GET":
        yield errors.CannotBeDone
    if route.needs_key and route.method != "GET":
        yield errors.Overloaded
    yield from _OWN.get((route.method, route.path), ())
