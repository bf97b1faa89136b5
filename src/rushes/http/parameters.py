"""What the parameters of the wire mean, in a sentence each; the OpenAPI document quotes them.

Names of a path and of a query mean one thing wherever they stand, but for those of `_THERE`, which
say something else on one path. Fields of a create are told by what they set, once for all their
spellings (CONTRACT §4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rushes.domain.insights import INSIGHTS_SPAN_MAX
from rushes.domain.task import Status
from rushes.domain.usage import UsageBy
from rushes.domain.webhooks import PostState
from rushes.gateway.usage import LINES_MAX, RANGE_MAX
from rushes.http.pages import LIMIT_DEFAULT, LIMIT_MAX
from rushes.http.usage import FORMATS, GROUPS, LINES_DEFAULT
from rushes.http.videos import VARIANTS

Json = dict[str, Any]

_TEXT: Final[Json] = {"type": "string"}
_ORDERS: Final = ("desc", "asc")

PATHS: Final[Mapping[str, str]] = {
    "task_id": "The task: `video_` and 32 hex digits.",
    "video_id": "The video: the id of its task, `video_` and 32 hex digits.",
    "character_id": "A character; there are none.",
    "model": "The model's id, as `/v1/models` has it.",
    "provider": "The operator's name for a provider.",
    "token": "What was told to the upstream at the submit.",
    "account_id": "The account: `acct_` and 32 hex digits.",
    "key_id": "The key: `key_` and 32 hex digits.",
    "event_id": "The event: `evt_` and 32 hex digits.",
    "owner": "Whose budget: the id of an account or of a key.",
    "period": "Of what time: `day` or `month` (of UTC), or `total`.",
}
"""What stands in a path."""

_LIMIT: Final[Json] = {
    "description": "How many at most.",
    "schema": {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT},
}

QUERIES: Final[Mapping[str, Json]] = {
    "limit": _LIMIT,
    "after": {
        "description": "Where the page before ended: the `last_id` that it told.",
        "schema": _TEXT,
    },
    "before": {
        "description": "Where the page before ended: only what is older.",
        "schema": _TEXT,
    },
    "order": {
        "description": "By time of creation: the newest first, or the oldest.",
        "schema": {"type": "string", "enum": list(_ORDERS), "default": _ORDERS[0]},
    },
    "status": {
        "description": "Only tasks of this status, in the words of a look.",
        "schema": {"type": "string", "enum": ["queued", "in_progress", "succeeded", "failed"]},
    },
    "model": {"description": "Only tasks of this model.", "schema": _TEXT},
    "id": {"description": "The task whose film is wanted. Required.", "schema": _TEXT},
    "wait": {
        "description": (
            "Answer when the task has ended, or after so many seconds: 0 to 60, more counts as 60."
        ),
        "schema": _TEXT,
    },
    "expires": {"description": "When the link ends, Unix seconds; signed.", "schema": _TEXT},
    "signature": {"description": "What makes the link valid.", "schema": _TEXT},
    "account_id": {"description": "Only what is this account's.", "schema": _TEXT},
    "key_id": {"description": "Only what was made with this key.", "schema": _TEXT},
    "provider": {"description": "Only what this provider has to do with.", "schema": _TEXT},
    "owner": {"description": "Only the budgets of this account or key.", "schema": _TEXT},
    "object": {
        "description": "Only what was done to this: the id of a task, a key, an account.",
        "schema": _TEXT,
    },
    "since": {"description": "Only what was done from then on: Unix seconds.", "schema": _TEXT},
    "state": {
        "description": "Only posts that stand so.",
        "schema": {"type": "string", "enum": list(PostState)},
    },
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
"""What stands in a query."""

_LINES: Final[Json] = {
    "description": _LIMIT["description"],
    "schema": {**_LIMIT["schema"], "maximum": LINES_MAX, "default": LINES_DEFAULT},
}

_THERE: Final[Mapping[tuple[str, str], Json]] = {
    ("/v1/videos", "limit"): {
        "description": _LIMIT["description"],
        "schema": {**_LIMIT["schema"], "minimum": 0},
    },
    ("/v1/usage", "limit"): _LINES,
    ("/admin/v1/usage", "limit"): _LINES,
    ("/admin/v1/usage", "group_by"): {
        "description": "What usage is added up by; by `task` there is a line for each.",
        "schema": {"type": "string", "enum": [by.value for by in UsageBy], "default": "model"},
    },
    ("/admin/v1/insights", "from"): {
        "description": (
            "Tasks that were accepted from then on: Unix seconds, or a day of UTC (`2026-11-01`). "
            "Without it, thirty days before `to`."
        ),
        "schema": _TEXT,
    },
    ("/admin/v1/insights", "to"): {
        "description": (
            "Tasks that were accepted before then: Unix seconds, or a day of UTC. Without it, "
            f"until now; at most {INSIGHTS_SPAN_MAX.days} days after `from`."
        ),
        "schema": _TEXT,
    },
    ("/admin/v1/tasks", "status"): {
        "description": "Only tasks of this status.",
        "schema": {"type": "string", "enum": list(Status)},
    },
    ("/admin/v1/doubts", "after"): {
        "description": "Where the page before ended: the `next` that it told.",
        "schema": _TEXT,
    },
    ("/admin/v1/salvage", "after"): {
        "description": "Where the page before ended: the `next` that it told.",
        "schema": _TEXT,
    },
}


def query_of(path: str, name: str) -> Json | None:
    """Return what a name in the query of a path means, if that is known."""
    return _THERE.get((path, name)) or QUERIES.get(name)


FIELDS: Final[Mapping[str, str]] = {
    "model": "Which model, as `/v1/models` names it.",
    "prompt": "What is to be seen.",
    "seconds": "Length of the film in seconds, one that the model's card has; -1 lets the provider "
    "choose where the card says so. Default: the card's.",
    "resolution": "Short edge of the picture, one that the card has. Default: the card's.",
    "ratio": "Shape of the picture, one that the card has. Default: the card's.",
    "size": "Width and height in pixels, in place of resolution and ratio.",
    "edge": "`width` and `height` in pixels, both, in place of `size`.",
    "negative_prompt": "What is not to be seen.",
    "seed": "The same seed and the same wish make the same film, where a model can; -1 is random.",
    "with_audio": "Whether the film has sound, where the card leaves that open.",
    "with_watermark": "Whether the provider may draw its mark into the film.",
    "outputs": "How many films: 1, no card allows more.",
    "source_id": "A finished task to remix; of the rest only model, prompt, callback and user "
    "are then read.",
    "callback_url": "Where the task's one event is posted to.",
    "user": "Your own name for whoever asked; kept with the task.",
    "response_format": "How the film is told: by its address.",
    "first_frame": "The picture that the film begins with: an address, a data URI, base64, or a "
    "file of a form.",
    "last_frame": "The picture that the film ends with; wants a first one.",
    "images": "One: the first frame, or a reference where the card has no first frame. Two: first "
    "and last frame. Where the card takes references: references.",
    "audio_url": "Sound that the film is made to.",
    "content": "The wish as a list of items: `text`, `image_url`, `video_url`, `audio_url`, each "
    "with a role.",
    "metadata": "More parameters, and whatever you want kept with the task: 256 KiB as JSON.",
    "prompt_extend": "Whether the provider may write the prompt anew. Passed on where it is known.",
    "person_generation": "Which people may be shown. Passed on where it is known.",
    "fps": "Frames a second. Passed on where it is known.",
    "cfg_scale": "How closely the prompt is followed. Passed on where it is known.",
    "mode": "The provider's own word for quality. Passed on where it is known.",
    "camera_fixed": "Whether the camera stands still. Passed on where it is known.",
    "quality_level": "The provider's own word for quality. Passed on where it is known.",
    "video": 'The film to begin with: `{"id": …}` of a finished task, a data URI, or a file of a '
    "form.",
    "extension": "How many seconds are added.",
}
"""What a field of a create sets."""
