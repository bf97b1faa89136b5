"""Errors as FastAPI writes them, which is what servers for open weights answer with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from rushes.testing.simulators import openai_errors
from rushes.testing.simulators.host import Reply


def detail(status: int, sentence: str) -> Reply:
    """Build an HTTPException's answer."""
    return Reply.of(status, {"detail": sentence})


def misfit(name: str, sentence: str) -> Reply:
    """Build the answer to a request whose field did not fit."""
    problem = {"type": "value_error", "loc": ["body", name], "msg": sentence}
    return Reply.of(422, {"detail": [problem]})


def _retold(reply: Reply) -> Reply:
    """Tell an error of the protocol without its codes; leave alone what is none."""
    try:
        body = msgspec.json.decode(reply.body)
    except msgspec.DecodeError:
        return reply
    error = body.get("error") if isinstance(body, dict) else None
    return detail(reply.status, error["message"]) if isinstance(error, dict) else reply


REPLIES: Final[Mapping[str, Reply]] = {
    name: _retold(reply) for name, reply in openai_errors.REPLIES.items()
}
"""The shelf of wrong answers, under the same names."""
