"""docs/errors.md from the code: every code that a caller or an operator can meet, and what to do.

    python -m rushes.testing.errors_page docs/errors.md

Code, status and meaning are those of `domain/errors.py`. What to do stands below; an error without
it fails the build.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from rushes.domain.errors import SENTENCES, Fault, HouseFault, Reason, Refusal

TO_DO: Final[Mapping[str, str]] = {
    "invalid_json": "Send one JSON object, or a form. The message says where reading ended.",
    "missing_parameter": "Add what `param` names.",
    "invalid_value": "Take one of the values that the message lists; `/v1/models` has them all.",
    "conflicting_parameters": "Say it once: two spellings of one parameter disagree.",
    "unsupported": "Ask a model whose card has it (`/v1/models`), or leave it out.",
    "invalid_media": "Send a file that the model takes: the message says format and size.",
    "url_not_allowed": "Give a public http(s) address, or send the bytes.",
    "task_not_finished": "Wait for the end, then ask again.",
    "task_already_finished": "Nothing: it has ended. A finished task can be deleted.",
    "cannot_be_done": "Look at how things stand; the message says what is in the way.",
    "task_failed": "Look at the task's `error`, and ask for another film.",
    "missing_api_key": "Send `Authorization: Bearer sk-…`.",
    "invalid_api_key": "Ask for another key: it is unknown, revoked, expired, or not valid from "
    "where you are.",
    "insufficient_quota": "Ask for less, or have the budget raised (`rushes budgets set ID N "
    "--add`).",
    "scope_missing": "Use a key with the scope that the message names.",
    "model_not_allowed": "Use another model, or have the key opened for it (`rushes keys change`).",
    "link_invalid": "Look at the task again and use its link as it is.",
    "link_expired": "Look at the task again: its link is fresh.",
    "route_not_found": "Check the address.",
    "task_not_found": "Check the id, and that the key is of the account that made the task.",
    "object_not_found": "Check the id: `list` of the same verb has them.",
    "model_not_found": "Take a name from `/v1/models`; an operator gives a model its route.",
    "method_not_allowed": "Use a method that the header `Allow` names.",
    "not_acceptable": "Accept `text/event-stream`.",
    "artifact_expired": "It is gone. Download films before their `expires_at`, or have them kept "
    "longer (`[retention]`).",
    "request_too_large": "Send less, or the address of a file in place of its bytes.",
    "artifact_too_large": "Download from `/v1/videos/{id}/content`, which has no limit.",
    "unsupported_media_type": "Send JSON, or a form.",
    "range_not_satisfiable": "Ask within the size that `Content-Range` tells.",
    "idempotency_key_reused": "Take a new key for a new wish.",
    "rate_limit_exceeded": "Come again after `Retry-After`.",
    "too_many_active_tasks": "Wait until a task of yours has ended.",
    "upstream_error": "Try again: storage or a provider failed during this very request.",
    "overloaded": "Come again after `Retry-After`; nothing was accepted.",
    "internal_error": "Report it, with the request id that the message quotes.",
    "illegal_move": "Never shown; in the log it is a bug: report it.",
    "lease_lost": "Never shown; another worker has the task, and goes on.",
    "store_busy": "Never shown as it is: callers are told `overloaded`.",
    "store_in_doubt": "Never shown as it is: callers are told `overloaded`, workers look again.",
}
"""What to do about each code."""

AFTER_A_FAILURE: Final[Mapping[Reason, str]] = {
    Reason.CONTENT_REFUSED: "Change the prompt or the inputs.",
    Reason.PARAMETERS_REFUSED: "Change what the message names; a link may have been unreadable.",
    Reason.PROVIDER_UNUSABLE: "The operator must act: `rushes explain ID` quotes the provider.",
    Reason.PROVIDER_RATE_LIMITED: "Ask again later; operators bound starts "
    "(`starts_per_minute_max`) or add a route.",
    Reason.PROVIDER_FAILED: "Ask again.",
    Reason.OUTPUT_LOST: "Ask again; the operator finds what was paid in `rushes salvage list`.",
    Reason.TIMED_OUT: "Ask again; operators look at `[times]` and at how the route fares.",
    Reason.SUBMIT_IN_DOUBT: "Ask again if you can wait no longer. Operators: `rushes doubt list`.",
    Reason.CANCELED: "Nothing.",
    Reason.EXPIRED: "Ask again when there is room; nothing was begun, and nothing is paid.",
    Reason.INTERNAL: "Report it, with the task's id.",
}
"""What to do after a task failed so."""

GENERATIONS: Final[Mapping[Reason, int]] = {
    Reason.CONTENT_REFUSED: 400,
    Reason.PARAMETERS_REFUSED: 400,
    Reason.PROVIDER_UNUSABLE: 502,
    Reason.PROVIDER_RATE_LIMITED: 429,
    Reason.PROVIDER_FAILED: 502,
    Reason.OUTPUT_LOST: 502,
    Reason.TIMED_OUT: 504,
    Reason.SUBMIT_IN_DOUBT: 502,
    Reason.CANCELED: 499,
    Reason.EXPIRED: 504,
    Reason.INTERNAL: 500,
}
VIDEOS: Final[Mapping[Reason, str]] = {
    Reason.CONTENT_REFUSED: "content_policy_violation",
    Reason.PARAMETERS_REFUSED: "invalid_request",
    Reason.PROVIDER_UNUSABLE: "provider_error",
    Reason.PROVIDER_RATE_LIMITED: "rate_limited",
    Reason.PROVIDER_FAILED: "provider_error",
    Reason.OUTPUT_LOST: "provider_error",
    Reason.TIMED_OUT: "timed_out",
    Reason.SUBMIT_IN_DOUBT: "submit_in_doubt",
    Reason.CANCELED: "canceled",
    Reason.EXPIRED: "expired",
    Reason.INTERNAL: "server_error",
}
"""Contract §3; a test holds both to the wire's own."""

HEAD: Final = """# Errors

What is refused is answered with `{"error": {"message", "type", "param", "code"}}`: `code` is stable
and for programs, `message` for people, `param` is the name as you spelled it (`docs/contract.md`
§3). Nothing was stored or held then. Which call can answer what is on the page `/docs` of a server.
Written by `make docs`.

## What a request is refused with

| status | code | meaning | what to do |
|---|---|---|---|
"""

FAILED: Final = """
## Why a task failed

A failed task is a 200 whose body says why: a number in `/v1/video/generations`, a word in
`/v1/videos`. What the operator sees besides: `rushes explain ID`.

| generations | videos | message | what to do |
|---|---|---|---|
"""

INSIDE: Final = """
## What only the log says

| code | meaning | what to do |
|---|---|---|
"""


def kinds(root: type[Fault]) -> list[type[Fault]]:
    """Return every error below a root that is raised under a code of its own."""
    found: dict[str, type[Fault]] = {}
    waiting = [root]
    while waiting:
        one = waiting.pop()
        below = [kind for kind in one.__subclasses__() if kind.__module__ == Fault.__module__]
        waiting += below
        if not below:
            found[one.code] = one
    return sorted(found.values(), key=lambda one: (one.http_status, one.code))


def page() -> str:
    """Return the page.

    Raises:
        KeyError: nobody wrote down what to do.
    """
    refused = [
        f"| {one.http_status} | `{one.code}` | {meaning(one)} | {TO_DO[one.code]} |"
        for one in kinds(Refusal)
    ]
    refused.append(f"| 500 | `{Fault.code}` | A fault of ours. | {TO_DO[Fault.code]} |")
    return (
        HEAD
        + "\n".join(refused)
        + "\n"
        + FAILED
        + "\n".join(_failures())
        + "\n"
        + INSIDE
        + "\n".join(
            f"| `{one.code}` | {meaning(one)} | {TO_DO[one.code]} |" for one in kinds(HouseFault)
        )
        + "\n"
    )


def _failures() -> Iterator[str]:
    for reason in Reason:
        yield (
            f"| {GENERATIONS[reason]} | `{VIDEOS[reason]}` | {SENTENCES[reason]} "
            f"| {AFTER_A_FAILURE[reason]} |"
        )


def meaning(kind: type[Fault]) -> str:
    """Return the first line of an error's docstring."""
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def main(words: list[str] | None = None) -> int:
    """Write the page to a file."""
    (place,) = sys.argv[1:] if words is None else words
    Path(place).write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
