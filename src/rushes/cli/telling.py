"""Videos and models in words, and as JSON."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime
from typing import Final

from rich.text import Text

from rushes.cli.paper import ago, moment, money, plain
from rushes.client import Budget, KeyFacts, Limits, Model, Quote, Video
from rushes.client.words import choice

COLOURS: Final = {
    "queued": "yellow",
    "in_progress": "cyan",
    "completed": "green",
    "failed": "red",
}


ORDINALS: Final = (
    "first", "second", "third", "fourth", "fifth",
    "sixth", "seventh", "eighth", "ninth", "tenth",
)  # fmt: skip


def words_of(video: Video) -> str:
    """Say how a video stands, with its place in line and the time left where they are known."""
    match video.status:
        case "queued":
            place = video.queue_position and f"{ordinal(video.queue_position)} in line"
            left = video.eta_s and about(video.eta_s)
            return ", ".join(part for part in ("queued", place, left) if part)
        case "in_progress":
            return "rendering" if not video.eta_s else f"rendering, {about(video.eta_s)} left"
        case "failed" if video.error is not None and video.error.code == "canceled":
            return "canceled"
        case status:
            return status


def ordinal(number: int) -> str:
    """Say a place from 1 on, in words while they are short.

    >>> ordinal(3), ordinal(11), ordinal(22), ordinal(113)
    ('third', '11th', '22nd', '113th')
    """
    if number <= len(ORDINALS):
        return ORDINALS[number - 1]
    is_teen = number // 10 % 10 == 1
    return f"{number}{'th' if is_teen else _ENDINGS.get(number % 10, 'th')}"


_ENDINGS: Final = {1: "st", 2: "nd", 3: "rd"}
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600


def about(seconds: int) -> str:
    """Say a time that is only a guess, no more exactly than it is worth.

    >>> about(1), about(42), about(100), about(4000), about(9000)
    ('about 1 second', 'about 42 seconds', 'about 2 minutes', 'about 1 hour', 'about 3 hours')
    """
    for unit_s, unit in ((_HOUR_S, "hour"), (_MINUTE_S, "minute"), (1, "second")):
        if seconds >= unit_s:
            count = max(1, int(seconds / unit_s + 0.5))
            return f"about {count} {unit}{'' if count == 1 else 's'}"
    return "a moment"


def verdict(video: Video) -> Text:
    """Say how a video stands, with the reason where it failed."""
    text = Text(words_of(video), COLOURS[video.status])
    if video.error is not None:
        text.append(f": {plain(video.error.message)} ({video.error.code})", "default")
    return text


def video_facts(video: Video, now: datetime) -> list[tuple[str, str | Text]]:
    """Return what is known of a video, as names and values."""
    told: list[tuple[str, str | Text | None]] = [
        ("id", video.id),
        ("status", verdict(video)),
        ("progress", None if video.is_final else f"{video.progress} %"),
        ("model", _model_of(video)),
        ("prompt", None if video.prompt is None else plain(video.prompt)),
        ("film", form(video) or None),
        ("remix of", video.remixed_from_video_id),
        ("asked", _when(video.created_at, now)),
        ("completed", _when(video.completed_at, now)),
        ("kept until", None if video.expires_at is None else moment(video.expires_at)),
        ("cost", None if video.cost_microusd is None else money(video.cost_microusd)),
    ]
    return [(name, value) for name, value in told if value is not None]


def form(video: Video) -> str:
    """Say how long and how large a film is, or will be."""
    seconds = "" if video.seconds is None else f"{video.seconds} s"
    if video.seconds == -1:
        seconds = "as long as the provider likes"
    return ", ".join(part for part in (seconds, video.size) if part)


def _model_of(video: Video) -> str | None:
    if video.model is None:
        return None
    served = f", served by {plain(video.served_by)}" if video.served_by else ""
    return (
        plain(video.model) + served + (", rehearsed by the sandbox" if video.is_rehearsal else "")
    )


def _when(at: datetime | None, now: datetime) -> str | None:
    return None if at is None else f"{moment(at)}, {ago(at, now)}"


def model_facts(model: Model) -> list[tuple[str, str | Text]]:
    """Return what a model's card says, as names and values."""
    told: list[tuple[str, str | Text]] = [
        ("model", model.id),
        ("by", model.owned_by + (", rehearsed by the sandbox" if model.is_rehearsal else "")),
        ("modes", ", ".join(model.modes)),
        ("seconds", choice(model.seconds)),
        ("resolutions", choice(model.resolutions)),
        ("ratios", choice(model.ratios) or "as the source"),
        ("sizes", ", ".join(model.sizes)),
        ("sound", model.audio),
        ("checked", "" if model.checked_at is None else f"{model.checked_at}"),
        ("note", retirement(model)),
    ]
    return [(name, value) for name, value in told if value]


def retirement(model: Model) -> str:
    """Say when the maker ends a model, and what to move to."""
    if model.retires_at is None:
        return ""
    successor = f", then {model.successor}" if model.successor else ""
    return f"until {model.retires_at}{successor}"


def quote_facts(quote: Quote) -> list[tuple[str, str | Text]]:
    """Return what a film would be and cost, as names and values."""
    seconds = "as long as the provider likes" if quote.seconds < 0 else f"{quote.seconds} s"
    served = f", served by {plain(quote.served_by)}" if quote.served_by else ""
    stand_in = ", rehearsed by the sandbox" if quote.is_rehearsal else ""
    cost = quote.cost_max_microusd
    told: list[tuple[str, str | Text | None]] = [
        ("model", plain(quote.model) + served + stand_in),
        ("film", f"{seconds}, {quote.size}"),
        ("sound", "with sound" if quote.with_audio else "silent"),
        ("costs", f"{money(cost)} at most" if cost else "nothing"),
        ("price", None if quote.price is None else plain(quote.price)),
        ("changed", plain(", ".join(quote.coerced_parameters)) or None),
        ("without effect", plain(", ".join(quote.ignored_parameters)) or None),
    ]
    return [(name, value) for name, value in told if value is not None]


def key_facts(key: KeyFacts) -> list[tuple[str, str | Text]]:
    """Return what a key is, as names and values."""
    test = ", a test key: all is rehearsed and free" if key.is_test else ""
    told: list[tuple[str, str | Text | None]] = [
        ("key", f"{plain(key.name)} ({key.prefix}…){test}"),
        ("id", key.id),
        ("account", f"{plain(key.account_name)} ({key.account_id})"),
        ("scopes", ", ".join(key.scopes) or "none"),
        ("models", "every model" if key.models is None else plain(", ".join(key.models))),
        ("expires", None if key.expires_at is None else moment(key.expires_at)),
        ("limits", _limits(key.limits) or "none"),
        ("of the account", _limits(key.account_limits) or None),
        *((f"budget, {budget.period}", _budget(budget, key)) for budget in key.budgets),
        ("operators", _OPERATORS.get(key.operators, key.operators)),
    ]
    return [(name, value) for name, value in told if value is not None]


_OPERATORS: Final = {
    "here": "answered at this address, under /admin/v1",
    "elsewhere": "answered at another address",
    "off": "not answered",
}


def _limits(limits: Limits) -> str:
    told = (
        (limits.requests_per_s, "requests a second"),
        (limits.submits_per_minute, "submits a minute"),
        (limits.in_flight_max, "unfinished at once"),
        (limits.queued_max, "waiting at once"),
    )
    return ", ".join(f"{number} {what}" for number, what in told if number is not None)


def _budget(budget: Budget, key: KeyFacts) -> str:
    whose = "the key's" if budget.owner == key.id else "the account's"
    left, limit = money(budget.left_microusd), money(budget.limit_microusd)
    return f"{left} of {limit} left ({whose})"


# -- for machines ------------------------------------------------------------------------------


def video_json(video: Video) -> dict[str, object]:
    """Return a video as the client knows it; instants are ISO 8601."""
    told = {field.name: getattr(video, field.name) for field in fields(video)}
    error = video.error
    return {
        **told,
        "error": None if error is None else {"code": error.code, "message": error.message},
    }


def quote_json(quote: Quote) -> dict[str, object]:
    """Return a quote as the client knows it."""
    return asdict(quote)


def key_json(key: KeyFacts) -> dict[str, object]:
    """Return what a key is as the client knows it; instants are ISO 8601."""
    return asdict(key)


def model_json(model: Model) -> dict[str, object]:
    """Return a model with its whole card."""
    return {
        "id": model.id,
        "owned_by": model.owned_by,
        "is_rehearsal": model.is_rehearsal,
        "checked_at": model.checked_at,
        "retires_at": model.retires_at,
        "successor": model.successor,
        "capabilities": model.capabilities,
    }
