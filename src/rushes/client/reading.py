"""Answers into values: pure, and suspicious of whatever is not in the contract.

Two dialects are read. `/v1/videos` answers with the Video object, which tells most.
`/v1/video/generations` answers with a lean body and headers, or, where the operator set
`response_style = "envelope"`, with an envelope around other words; both are understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

from rushes.client.errors import Complaint, RushesError, UnexpectedAnswer, api_error
from rushes.client.fields import Fields, parse
from rushes.client.shapes import (
    Budget,
    Choice,
    DeletedVideo,
    KeyFacts,
    Limits,
    Model,
    Quote,
    Status,
    Video,
    VideoError,
    VideoEvent,
    VideoPage,
    WebhookSecret,
)

# Both dialects' words, and the only ones that may ever come.
STATUSES: Final[Mapping[str, Status]] = {
    "queued": "queued",
    "in_progress": "in_progress",
    "succeeded": "completed",
    "completed": "completed",
    "failed": "failed",
}

# Where a lean answer tells only a number, these numbers mean one word each.
_WORDS: Final[Mapping[int, str]] = {429: "rate_limited", 499: "canceled", 500: "server_error"}

_LOWEST_PROGRESS: Final[Mapping[Status, int]] = {
    "queued": 0,
    "in_progress": 1,
    "completed": 100,
    "failed": 100,
}

_WHOLE_NUMBER: Final = re.compile(r"[0-9]{1,18}")

# A year: who waits without a deadline would follow any advice, and clocks cannot sleep longer
# than some centuries.
_RETRY_AFTER_S_MAX: Final = 365 * 86_400.0
_REDIRECTS: Final = range(300, 400)
_GOOD: Final = range(200, 300)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)

    @property
    def is_good(self) -> bool:
        """Whether the server did what was asked."""
        return self.status in _GOOD


def read_video(reply: Reply) -> Video:
    """Read the Video object, with what the headers tell."""
    return _with_headers(_video(_fields(reply)), reply.headers)


def read_look(reply: Reply) -> Video:
    """Read a lean answer of `/v1/video/generations`, enveloped or not."""
    fields = _fields(reply)
    inner = fields.fields("data") if isinstance(fields.raw("data"), dict) else fields
    return _with_headers(_lean(inner), reply.headers)


def read_event(number: int, text: str) -> VideoEvent:
    """Read the `data` of one event of status."""
    return VideoEvent(number, _lean(Fields(parse(text.encode()))))


def read_page(reply: Reply) -> VideoPage:
    """Read a page of Video objects, or of the lean bodies that a filter brings."""
    fields = _fields(reply)
    return VideoPage(
        data=tuple(_either(Fields(item)) for item in fields.items("data")),
        first_id=fields.maybe_text("first_id"),
        last_id=fields.maybe_text("last_id"),
        has_more=fields.flag("has_more"),
    )


def read_deleted(reply: Reply) -> DeletedVideo:
    """Read the confirmation that a video is gone."""
    fields = _fields(reply)
    return DeletedVideo(fields.text("id"), fields.flag("deleted"))


def read_model(reply: Reply) -> Model:
    """Read one model."""
    return _model(_fields(reply))


def read_models(reply: Reply) -> tuple[Model, ...]:
    """Read the list of models."""
    return tuple(_model(Fields(item)) for item in _fields(reply).items("data"))


def read_webhook_secret(reply: Reply) -> WebhookSecret:
    """Read what webhooks are signed with."""
    fields = _fields(reply)
    return WebhookSecret(fields.text("secret"), fields.maybe_text("previous"))


def read_quote(reply: Reply) -> Quote:
    """Read what a film would be and cost, with what the headers tell of the wish."""
    fields, headers = _fields(reply), reply.headers
    return Quote(
        model=fields.text("model"),
        seconds=fields.whole("seconds"),
        size=fields.text("size"),
        resolution=fields.maybe_text("resolution"),
        ratio=fields.maybe_text("ratio"),
        with_audio=fields.flag("with_audio"),
        cost_max_microusd=fields.whole("hold_microusd"),
        price=fields.maybe_text("price"),
        is_rehearsal=fields.flag("rehearsal"),
        served_by=headers.get("rushes-model"),
        ignored_parameters=_names(headers.get("rushes-ignored-parameters")),
        coerced_parameters=_names(headers.get("rushes-coerced-parameters")),
    )


def read_key(reply: Reply) -> KeyFacts:
    """Read what the key that asked is."""
    fields = _fields(reply)
    return KeyFacts(
        id=fields.text("id"),
        name=fields.text("name"),
        prefix=fields.text("prefix"),
        account_id=fields.text("account_id"),
        account_name=fields.text("account_name"),
        is_test=fields.flag("is_test"),
        scopes=fields.texts("scopes"),
        models=None if fields.raw("models") is None else fields.texts("models"),
        expires_at=fields.maybe_moment("expires_at"),
        limits=_limits(fields.fields("limits")),
        account_limits=_limits(fields.fields("account_limits")),
        budgets=tuple(_budget(Fields(item)) for item in fields.items("budgets")),
        operators=fields.text("operators"),
    )


def _limits(fields: Fields) -> Limits:
    return Limits(
        requests_per_s=fields.maybe_int("requests_per_s"),
        submits_per_minute=fields.maybe_int("submits_per_minute"),
        in_flight_max=fields.maybe_int("in_flight_max"),
        queued_max=fields.maybe_int("queued_max"),
    )


def _budget(fields: Fields) -> Budget:
    return Budget(
        owner=fields.text("owner"),
        period=fields.text("period"),
        limit_microusd=fields.whole("limit_microusd"),
        spent_microusd=fields.whole("spent_microusd"),
        left_microusd=fields.whole("left_microusd"),
    )


def read_fault(reply: Reply) -> RushesError:
    """Read why an answer is none of the good ones.

    Both forms of the contract are known, `{"error":{…}}` and the envelope's `{"code",
    "message","data":null}`; proxies answer in neither.
    """
    if reply.status in _REDIRECTS:
        return UnexpectedAnswer(
            f"The server answered {reply.status} and points to "
            f"{reply.headers.get('location', 'nowhere')}. If that is where it moved, "
            "set base_url (or RUSHES_BASE_URL) to it."
        )
    try:
        fields = _fields(reply)
        inner = fields if fields.raw("error") is None else fields.fields("error")
        message = inner.text("message") or _unexplained(reply)
        code, kind, param = (inner.maybe_text(name) for name in ("code", "type", "param"))
    except UnexpectedAnswer:
        message, code, kind, param = _unexplained(reply), None, None, None
    return api_error(
        Complaint(
            status=reply.status,
            message=message,
            code=code,
            type=kind,
            param=param,
            request_id=reply.headers.get("x-request-id"),
            retry_after_s=retry_after_s(reply.headers),
        )
    )


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return how long the server asks to be left alone; None if it does not say.

    Our server says whole seconds; a proxy may say a date, which is read against the answer's
    own Date, so that no clock of ours comes in.

    >>> retry_after_s({"retry-after": "3"})
    3.0
    """
    text = headers.get("retry-after", "").strip()
    if _WHOLE_NUMBER.fullmatch(text):
        return min(float(text), _RETRY_AFTER_S_MAX)
    try:
        at = parsedate_to_datetime(text)
        said_at = parsedate_to_datetime(headers.get("date", ""))
        return min(max(0.0, (at - said_at).total_seconds()), _RETRY_AFTER_S_MAX)
    except (TypeError, ValueError):  # no date, or one with and one without a zone
        return None


def _either(fields: Fields) -> Video:
    return _video(fields) if fields.raw("object") == "video" else _lean(fields)


def _video(fields: Fields) -> Video:
    status = _status(fields)
    error = fields.raw("error")
    return Video(
        id=fields.text("id"),
        status=status,
        progress=_or_lowest(fields.maybe_int("progress"), status),
        model=fields.maybe_text("model"),
        prompt=fields.maybe_text("prompt"),
        seconds=fields.maybe_int("seconds"),
        size=fields.maybe_text("size"),
        created_at=fields.maybe_moment("created_at"),
        completed_at=fields.maybe_moment("completed_at"),
        expires_at=fields.maybe_moment("expires_at"),
        error=None if error is None else _error(Fields(error)),
        remixed_from_video_id=fields.maybe_text("remixed_from_video_id"),
    )


def _lean(fields: Fields) -> Video:
    """Read a flat body, or the inside of an envelope: the same facts, and some more."""
    status = _status(fields)
    error = fields.raw("error")
    return Video(
        id=fields.text("task_id"),
        status=status,
        progress=_or_lowest(fields.maybe_int("progress"), status),
        model=fields.maybe_text("model"),
        seconds=fields.maybe_int("seconds"),
        created_at=fields.maybe_moment("created_at"),
        completed_at=fields.maybe_moment("completed_at"),
        error=None if error is None else _error(Fields(error)),
        url=fields.maybe_text("url"),
    )


def _or_lowest(progress: int | None, status: Status) -> int:
    return _LOWEST_PROGRESS[status] if progress is None else progress


def _status(fields: Fields) -> Status:
    word = fields.text("status")
    if word not in STATUSES:
        raise UnexpectedAnswer(f"{word!r} is no status of the contract.")
    return STATUSES[word]


def _error(fields: Fields) -> VideoError:
    code = fields.raw("code")
    word = _WORDS.get(code, str(code)) if isinstance(code, int) else fields.text("code")
    return VideoError(word, fields.text("message"))


def _with_headers(video: Video, headers: Mapping[str, str]) -> Video:
    progress = _whole(headers.get("rushes-progress"))
    return replace(
        video,
        progress=video.progress if progress is None else progress,
        queue_position=_whole(headers.get("rushes-queue-position")),
        eta_s=_whole(headers.get("rushes-eta-seconds")),
        cost_microusd=_whole(headers.get("rushes-cost-microusd")),
        is_rehearsal=headers.get("rushes-rehearsal") == "true",
        served_by=headers.get("rushes-model"),
        is_replayed=headers.get("idempotency-replayed") == "true",
        ignored_parameters=_names(headers.get("rushes-ignored-parameters")),
        coerced_parameters=_names(headers.get("rushes-coerced-parameters")),
    )


def _whole(text: str | None) -> int | None:
    """Read a best-effort header: what is no number is as good as absent."""
    return int(text) if text and _WHOLE_NUMBER.fullmatch(text) else None


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(unquote(name) for name in text.split(", ")) if text else ()


def _model(fields: Fields) -> Model:
    card = fields.fields("capabilities")
    durations, resolutions = card.fields("durations"), card.fields("resolutions")
    ratios = card.fields("ratios")
    capabilities = fields.raw("capabilities")
    return Model(
        id=fields.text("id"),
        owned_by=fields.text("owned_by"),
        is_rehearsal=fields.flag("rehearsal"),
        created_at=fields.maybe_moment("created"),
        checked_at=fields.maybe_date("checked_at"),
        retires_at=fields.maybe_date("retires_at"),
        successor=fields.maybe_text("successor"),
        modes=card.texts("modes"),
        seconds=Choice(durations.numbers("allowed"), durations.maybe_int("default")),
        resolutions=Choice(resolutions.texts("allowed"), resolutions.maybe_text("default")),
        ratios=Choice(ratios.texts("allowed"), ratios.maybe_text("default")),
        sizes=card.texts("sizes"),
        audio=card.fields("audio").text("mode"),
        capabilities=capabilities if isinstance(capabilities, dict) else {},
    )


def _fields(reply: Reply) -> Fields:
    return Fields(parse(reply.body))


def _unexplained(reply: Reply) -> str:
    try:
        phrase = HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = "an unknown status"
    return (
        f"The answer was {phrase}, without an explanation that a Rushes server would give; "
        "a proxy may have made it, or the address may be another server's."
    )
