"""A moderator by OpenAI's protocol: POST /v1/moderations, for texts and for one picture.

What holds a word of `flags` is flagged for its category; a picture is read as bytes that may
hold such a word. Faults for the verb `judge`: answer (value: status, body, headers), drop, hang,
half, slow (value: seconds), busy, server_error, unauthorized.

Source: openai-python, types/moderation_create_params.py and moderation.py; the refusal of more
than one picture (400 `too_many_images`) as users of the service quote it.
"""

from __future__ import annotations

import argparse
import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from rushes.clock import Clock, SystemClock
from rushes.testing.simulators.command import Command, serve
from rushes.testing.simulators.host import Exchange, Reply
from rushes.testing.simulators.script import RequestLog, Script
from rushes.testing.simulators.upstream import has_bearer, json_fields, spoil

FLAGS: Final[Mapping[str, str]] = {"kill": "violence", "nude": "sexual"}
CATEGORIES: Final = (
    "harassment", "hate", "illicit", "self-harm", "sexual", "sexual/minors", "violence",
    "violence/graphic",
)  # fmt: skip
FAULTS: Final = frozenset(
    {"answer", "drop", "hang", "half", "slow", "busy", "server_error", "unauthorized"}
)


def _error(status: int, code: str, message: str) -> Reply:
    told = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return Reply.of(status, {"error": told})


REPLIES: Final = {
    "unauthorized": _error(401, "invalid_api_key", "Incorrect API key provided."),
    "busy": _error(429, "rate_limit_exceeded", "Rate limit reached."),
    "server_error": _error(500, "server_error", "The server had an error."),
    "not_found": _error(404, "unknown_url", "Unknown request URL."),
    "no_input": _error(400, "invalid_input", "'input' is missing or of no known shape."),
    "too_many_images": _error(400, "too_many_images", "Number of images (2) exceeds maximum of 1"),
}


class ModerationServer:
    """The ASGI application; `asked` keeps the body of every question that it understood."""

    def __init__(
        self,
        *,
        key: str | None = None,
        flags: Mapping[str, str] = FLAGS,
        clock: Clock | None = None,
        script: Script | None = None,
        log: RequestLog | None = None,
    ) -> None:
        self.flags = flags
        self.script = script or Script()
        self.script.check({"judge"}, FAULTS)
        self.log = log or RequestLog()
        self.asked: list[Mapping[str, object]] = []
        self._key = key
        self._clock = clock or SystemClock()
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        exchange = Exchange(scope, receive, send, at=self._clock.now())
        if (request.method, scope["path"]) != ("POST", "/v1/moderations"):
            await exchange.answer(REPLIES["not_found"])
            return
        if not has_bearer(request, self._key) and self._key is not None:
            await exchange.answer(REPLIES["unauthorized"])
            return
        fields = await json_fields(request)
        texts = _shown(fields.get("input"))
        rule = self.script.strike("judge", "\n".join(texts or ()))
        self.log.note(fault=rule.fault if rule else None, count=len(texts or ()))
        self.asked.append(fields)
        good = self._judged(fields, texts)
        await spoil(rule, good, exchange, REPLIES)

    def _judged(self, fields: Mapping[str, object], texts: Sequence[str] | None) -> Reply:
        given = fields.get("input")
        if not texts or given is None:
            return REPLIES["no_input"]
        parts = (
            [part for part in given if isinstance(part, dict)] if isinstance(given, list) else []
        )
        if sum(part.get("type") == "image_url" for part in parts) > 1:
            return REPLIES["too_many_images"]
        self._count += 1
        results = [self._result(text) for text in (["\n".join(texts)] if parts else texts)]
        return Reply.of(
            200,
            {
                "id": f"modr-{self._count}",
                "model": fields.get("model") or "omni-moderation-latest",
                "results": results,
            },
        )

    def _result(self, text: str) -> dict[str, Any]:
        hit = {category for word, category in self.flags.items() if word in text.casefold()}
        return {
            "flagged": bool(hit),
            "categories": {name: name in hit for name in sorted({*CATEGORIES, *hit})},
            "category_scores": {name: 0.9 if name in hit else 0.01 for name in CATEGORIES},
        }


def _shown(given: object) -> list[str] | None:
    """Return what can be read of an input; None where it has no known shape."""
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list) or not given:
        return None
    if all(isinstance(text, str) for text in given):
        return given
    read = [_part(part) for part in given]
    return None if any(text is None for text in read) else [text or "" for text in read]


def _part(part: object) -> str | None:
    match part:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "image_url", "image_url": {"url": str(url)}} if url.startswith("data:"):
            try:
                content = base64.b64decode(url.partition(";base64,")[2], validate=True)
            except binascii.Error:
                return None
            return content.decode("latin-1")
    return None


def main(words: Sequence[str] | None = None) -> None:
    """Run it as a process of its own; the port is the first line on standard output."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--flag",
            action="append",
            metavar="WORD=CATEGORY",
            help="flag this word; may be repeated",
        )

    def make(command: Command) -> ModerationServer:
        said = [pair.partition("=") for pair in command.told.flag or ()]
        return ModerationServer(
            key=command.told.key,
            flags={word: category or "flagged" for word, _, category in said} or FLAGS,
            clock=command.clock,
            script=command.script,
            log=command.log,
        )

    serve("A moderator by OpenAI's protocol.", make, more=more, base_path="/v1", words=words)


if __name__ == "__main__":
    main()
