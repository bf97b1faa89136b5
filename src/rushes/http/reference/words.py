"""What the page says beside the facts: a title for each group, and what a summary leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rushes.http.reference.schemas import Field
from rushes.http.routes import Route

GROUPS: Final[Mapping[str, tuple[str, str]]] = {
    "generations": (
        "Generations",
        (
            "The main dialect. Ask for a film, follow it, fetch it, stop it. Its final words are "
            "`succeeded` and `failed`."
        ),
    ),
    "videos": (
        "Videos",
        (
            "The protocol of OpenAI's retired Videos API, over the same tasks: a film asked for in "
            "one dialect can be looked at in the other. Its final words are `completed` and "
            "`failed`."
        ),
    ),
    "models": (
        "Models",
        "What can be asked for: each model with its card, which says what it takes and costs.",
    ),
    "files": (
        "Files",
        "Signed links to films. They need no key: the signature is the permission.",
    ),
    "webhooks": (
        "Webhooks",
        (
            "Instead of asking, be told: the one event of a task's end is posted to its "
            "`callback_url` and to the addresses of the account."
        ),
    ),
    "usage": ("Usage", "What was made, and what it cost."),
    "keys": ("Keys", "The key that asks. Those of others are for operators."),
    "hooks": ("Upstream hooks", "For providers, not for callers."),
    "system": ("System", "How the server is, for monitors and load balancers."),
    "admin": (
        "Operators",
        (
            "Keys, accounts, budgets, tasks of all accounts, doubts, late films, routes, "
            "deliveries and the audit log. For keys with the scope `admin`; not part of the "
            "contract."
        ),
    ),
}
"""Title and introduction of each tag, in the order of the page."""

NOTES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("POST", "/v1/video/generations"): (
        (
            "After the 200 the task survives any crash. All spellings of a field are the same; two "
            "on one level that disagree are refused. Fields may also stand in `metadata`, "
            "`metadata.input` and `metadata.parameters`."
        ),
        "Names that nobody knows are ignored, and told in `Rushes-Ignored-Parameters`.",
    ),
    ("GET", "/v1/video/generations/{task_id}"): (
        (
            "A look costs nothing and never asks a provider. With `wait` the answer is held back "
            "until the task has ended. The link in `url` is signed anew at each look."
        ),
        (
            "Progress, place in the queue, time until the end and the price are told in headers: "
            "`Rushes-Progress`, `Rushes-Queue-Position`, `Rushes-Eta-Seconds`, "
            "`Rushes-Cost-Microusd`."
        ),
    ),
    ("GET", "/v1/video/generations/{task_id}/events"): (
        (
            "Every visible change as one event; the stream ends after the last. A new stream tells "
            "all events so far, one with `Last-Event-ID` only those after it."
        ),
    ),
    ("POST", "/v1/video/generations/{task_id}/cancel"): (
        (
            "The answer is already the end: no look ever shows another. What the provider renders "
            "regardless does not reach you."
        ),
    ),
    ("DELETE", "/v1/video/generations/{task_id}"): (
        "Removes the record and the film, and old links die. Records of money stay.",
    ),
    ("GET", "/v1/video/generations/download"): (
        "The whole film in one answer, for callers who cannot follow links. Up to 64 MiB.",
    ),
    ("POST", "/v1/videos"): (
        (
            "All fields of a generation, as JSON or as a form. The model is `sora-2` where none is "
            "named. Official `openai` clients work with another base address and key."
        ),
    ),
    ("GET", "/v1/videos/{video_id}/content"): (
        (
            "Ranges and conditions are honoured, so that a download that broke is taken up where "
            "it broke."
        ),
    ),
    ("POST", "/v1/videos/{video_id}/remix"): ("Model, length and size are those of the source.",),
    ("POST", "/v1/videos/edits"): ("Length and size are those of the source.",),
    ("POST", "/v1/videos/extensions"): ("The film's length is the source's and what is added.",),
    ("GET", "/v1/models"): (
        (
            "`rehearsal` says that the built-in engine renders in the model's place: free, and "
            "labelled."
        ),
    ),
    ("GET", "/v1/webhooks/secret"): (
        (
            "Signatures are those of Standard Webhooks: `webhook-id`, `webhook-timestamp`, "
            "`webhook-signature`. Refuse a timestamp that is more than 300 s off."
        ),
    ),
    ("POST", "/v1/video/quotes"): (
        (
            "The body is that of a create, and is judged as one is: what would be refused there is "
            "refused here. `hold_microusd` is the most that the film may cost."
        ),
    ),
    ("GET", "/v1/key"): (
        "Whatever its scopes: what it may, its limits, and what of its budgets is left.",
    ),
    ("GET", "/v1/usage"): ("Tasks count on the day of their end.",),
    ("POST", "/admin/v1/keys"): ("The secret is in this answer, and nowhere else.",),
    ("PATCH", "/admin/v1/keys/{key_id}"): ("What is left out stays as it is; null is no limit.",),
    ("PATCH", "/admin/v1/accounts/{account_id}"): ("What is left out stays as it is.",),
}
"""What is worth knowing of one operation."""

_KEY: Final = Field(
    ("Idempotency-Key",), "header", "string",
    "The same key and body within 24 hours: the first answer again, and no second film.",
    "1 to 255 characters",
)  # fmt: skip
_START: Final = Field(
    ("Rushes-Start-Within",), "header", "integer",
    "Seconds within which a provider must have begun; else the task ends, and costs nothing.",
    "1 to 86,400",
)  # fmt: skip
_RANGE: Final = Field(("Range",), "header", "string", "Which bytes, as `bytes=0-1023`.")
_MATCH: Final = Field(
    ("If-None-Match",), "header", "string", "The `ETag` that you hold: 304 if nothing changed."
)

HEADERS: Final[Mapping[tuple[str, str], tuple[Field, ...]]] = {
    ("GET", "/v1/video/generations/{task_id}"): (
        Field(("Prefer",), "header", "string", "`wait=N`, as the query's `wait`, which wins."),
        _MATCH,
    ),
    ("GET", "/v1/video/generations/{task_id}/events"): (
        Field(("Last-Event-ID",), "header", "integer", "The last event that you saw."),
    ),
    ("GET", "/v1/videos/{video_id}/content"): (_RANGE, _MATCH),
    ("GET", "/files/{task_id}/video.mp4"): (_RANGE, _MATCH),
}


def headers_of(route: Route) -> tuple[Field, ...]:
    """Return the headers that a route reads, besides the key."""
    if route.submits:
        return (_KEY, _START)
    return HEADERS.get((route.method, route.path), ())


BODIES: Final[Mapping[str, Mapping[str, Any]]] = {
    "QuoteWanted": {"model": "sandbox", "prompt": "A paper boat crosses a rain puddle"},
}
"""What is sent first where no golden has it, and nothing of it is required."""
