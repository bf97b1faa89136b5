"""One tree of errors, complete, and readable by a stranger."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Iterator

import httpx2
import pytest

from client.scripted import ID, REQUEST_ID, Script, Stage, refused
from rushes import client
from rushes.client import (
    ApiError,
    ArtifactExpired,
    BadRequest,
    Complaint,
    ConnectionFailed,
    DownloadFailed,
    Forbidden,
    IdempotencyKeyReused,
    InsufficientQuota,
    MethodNotAllowed,
    NotAcceptable,
    NotConfigured,
    NotFound,
    Overloaded,
    RangeNotSatisfiable,
    RateLimited,
    RushesError,
    ServerError,
    TooLarge,
    Unauthenticated,
    UnexpectedAnswer,
    UnsupportedMediaType,
    UpstreamError,
    Video,
    VideoError,
    VideoFailed,
    WaitTimeout,
    WebhookNotVerified,
)
from rushes.client import errors as tree
from rushes.domain.errors import Refusal

# The error table of the wire contract, section 3, row by row.
CONTRACT = [
    (400, "invalid_json", BadRequest),
    (400, "missing_parameter", BadRequest),
    (400, "invalid_value", BadRequest),
    (400, "conflicting_parameters", BadRequest),
    (400, "unsupported", BadRequest),
    (400, "invalid_media", BadRequest),
    (400, "url_not_allowed", BadRequest),
    (400, "task_not_finished", BadRequest),
    (400, "task_already_finished", BadRequest),
    (400, "task_failed", BadRequest),
    (401, "missing_api_key", Unauthenticated),
    (401, "invalid_api_key", Unauthenticated),
    (402, "insufficient_quota", InsufficientQuota),
    (403, "model_not_allowed", Forbidden),
    (403, "scope_missing", Forbidden),
    (403, "link_invalid", Forbidden),
    (403, "link_expired", Forbidden),
    (404, "task_not_found", NotFound),
    (404, "model_not_found", NotFound),
    (404, "route_not_found", NotFound),
    (405, "method_not_allowed", MethodNotAllowed),
    (406, "not_acceptable", NotAcceptable),
    (410, "artifact_expired", ArtifactExpired),
    (413, "request_too_large", TooLarge),
    (413, "artifact_too_large", TooLarge),
    (415, "unsupported_media_type", UnsupportedMediaType),
    (416, "range_not_satisfiable", RangeNotSatisfiable),
    (422, "idempotency_key_reused", IdempotencyKeyReused),
    (429, "rate_limit_exceeded", RateLimited),
    (429, "too_many_active_tasks", RateLimited),
    (500, "internal_error", ServerError),
    (502, "upstream_error", UpstreamError),
    (503, "overloaded", Overloaded),
]

FAILED = Video(id=ID, status="failed", progress=100, error=VideoError("timed_out", "Too late."))


@pytest.mark.parametrize(("status", "code", "kind"), CONTRACT)
async def test_every_error_of_the_contract_has_its_class(
    stage: Stage, status: int, code: str, kind: type[ApiError]
) -> None:
    retry = client.Retry(attempts_max=1)
    script = Script(refused(status, code, "seconds", retry_after="5"))
    with pytest.raises(ApiError) as caught:
        await stage.play(script, retry=retry).do("create", "Rain")
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.code, error.param) == (status, code, "seconds")
    assert (error.request_id, error.retry_after_s) == (REQUEST_ID, 5.0)
    assert (error.type, error.message) == ("some_error", f"That is {code}.")
    assert f"That is {code}. ({status} {code}, param seconds, {REQUEST_ID})" in str(error)


def refusals(kind: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for below in kind.__subclasses__():
        yield below
        yield from refusals(below)


OPERATORS = {(400, "cannot_be_done"), (404, "object_not_found")}
"""What only /admin/v1 answers, which this client does not speak."""


def test_the_server_refuses_nothing_that_the_client_has_no_class_for() -> None:
    known = {(status, code) for status, code, _ in CONTRACT} | OPERATORS
    assert {(kind.http_status, kind.code) for kind in refusals()} <= known


def test_no_class_of_the_tree_is_without_a_status_to_raise_it() -> None:
    raised = {kind for _, _, kind in CONTRACT} | {ApiError}
    kinds = {
        kind for _, kind in inspect.getmembers(tree, inspect.isclass) if issubclass(kind, ApiError)
    }
    assert kinds == raised


def test_the_drawing_of_the_tree_shows_every_class() -> None:
    drawn = tree.__doc__ or ""
    for name, kind in inspect.getmembers(tree, inspect.isclass):
        if issubclass(kind, RushesError):
            assert f" {name} " in f" {drawn} ".replace("\n", " \n "), name
            assert getattr(client, name) is kind


async def test_an_unknown_status_is_an_error_all_the_same(stage: Stage) -> None:
    with pytest.raises(ApiError) as caught:
        await stage.play(Script(httpx2.Response(418, text="short and stout"))).do("retrieve", ID)
    assert type(caught.value) is ApiError
    assert caught.value.code is None
    with pytest.raises(ServerError, match="unknown status"):
        await stage.play(Script(httpx2.Response(599))).do("retrieve", ID)


async def test_a_404_of_something_else_suggests_a_wrong_address(stage: Stage) -> None:
    script = Script(httpx2.Response(404, text="<h1>nginx</h1>"))
    with pytest.raises(NotFound, match="the address may be another server's"):
        await stage.play(script).do("retrieve", ID)


@pytest.mark.parametrize(
    "error",
    [
        RushesError("anything"),
        NotConfigured("no key"),
        UnexpectedAnswer("what is this"),
        ConnectionFailed("GET http://films.test", "silence", "key-1", is_sent=False),
        BadRequest(Complaint(400, "No.", "invalid_value", "invalid_request_error", "size")),
        Overloaded(Complaint(503, "Later.", "overloaded", retry_after_s=3.0), "key-1"),
        VideoFailed(FAILED),
        WaitTimeout(ID, 60.0, FAILED),
        DownloadFailed(ID, "cut off"),
        WebhookNotVerified("no signature fits"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_error_survives_the_way_to_another_process(error: RushesError) -> None:
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is type(error)
    assert str(twin) == str(error)
    assert vars(twin) == vars(error)


def test_the_sentences_are_fit_for_strangers() -> None:
    assert str(VideoFailed(FAILED)) == f"{ID} failed: Too late. (timed_out)"
    running = Video(id=ID, status="in_progress", progress=40)
    assert str(WaitTimeout(ID, 90.5, running)) == (
        f"{ID} is still in_progress at 40 % after 90.5 s. "
        "It goes on: wait for it again, or cancel it."
    )
    assert "could not be looked at" in str(WaitTimeout(ID, 60.0))
    assert str(VideoFailed(Video(id=ID, status="failed", progress=100))).endswith("(server_error)")
