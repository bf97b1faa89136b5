"""Clients as they are written for relays of the new-api family: how they ask, and how they read.

A relay's clients are no library: each application has a page of code that submits to
`/v1/video/generations`, looks again and again, and picks what it needs out of whatever comes. These
are the habits found in public code, in our own words, one function each. Read in November 2026:
the relay's own types (`dto/video.go`, `dto/task.go`, `dto/openai_video.go` of QuantumNous/new-api),
its pages, and a dozen applications that call relays of its family.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import requests

TIMEOUT_S: Final = 30


class Word(StrEnum):
    """What a client makes of an answer."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Read:
    """What a client reads out of one look."""

    word: Word
    url: str | None = None
    why: str | None = None


Reader = Callable[[Mapping[str, Any]], Read]


# -- how they ask --------------------------------------------------------------------------------

PROMPT: Final = "a heron"
ASKED: Final[Mapping[str, dict[str, Any]]] = {
    "the relay's own type, with width and height": {
        "prompt": PROMPT,
        "duration": 1.0,
        "width": 854,
        "height": 480,
        "fps": 24,
        "seed": 20231234,
        "n": 1,
        "response_format": "url",
        "user": "user-1234",
        "metadata": {"negative_prompt": "blurry", "style": "noir", "quality_level": "high"},
    },
    "everything in metadata": {
        "prompt": PROMPT,
        "metadata": {"duration": 1, "aspect_ratio": "1:1", "resolution": "480p", "seed": 7},
    },
    "parameters of the upstream in metadata": {
        "prompt": PROMPT,
        "group": "default",
        "duration": 1,
        "metadata": {"parameters": {"resolution": "480P", "ratio": "16:9", "audio": True}},
    },
    "flat, with the names of Seedance": {
        "prompt": PROMPT,
        "resolution": "480p",
        "ratio": "16:9",
        "duration": 1,
        "fps": 24,
        "watermark": False,
    },
    "content parts": {
        "content": [{"type": "text", "text": PROMPT}],
        "prompt": PROMPT,
        "duration": 1,
        "resolution": "480p",
        "ratio": "9:16",
        "generate_audio": True,
    },
}
"""Bodies of a create, by the habit they show."""


# -- how they read -------------------------------------------------------------------------------


def tolerant(body: Mapping[str, Any]) -> Read:
    """Take `data` where there is one, and every word of either kind in any case."""
    data = body.get("data") or body
    inner = data.get("data") if isinstance(data.get("data"), dict) else {}
    word = str(data.get("status") or inner.get("status") or "").upper()
    if word in {"SUCCESS", "SUCCEEDED", "COMPLETED"}:
        return Read(Word.DONE, url=_url(data) or _url(inner))
    if word in {"FAILURE", "FAILED"}:
        return Read(Word.FAILED, why=_why(data))
    return Read(Word.PENDING)


def flat_words(body: Mapping[str, Any]) -> Read:
    """Look at the top alone, for the words of the older page and the newer."""
    word = body.get("status", "unknown")
    if word in {"succeeded", "completed", "success"}:
        return Read(Word.DONE, url=_url(body))
    if word in {"failed", "error"}:
        return Read(Word.FAILED, why=_why(body))
    return Read(Word.PENDING)


def enveloped_words(body: Mapping[str, Any]) -> Read:
    """Look into `data` of a success alone, for the words of the newer page."""
    if body.get("code") != "success":
        return Read(Word.PENDING)
    data = body["data"]
    if data.get("status") == "completed":
        return Read(Word.DONE, url=data.get("video_url") or data.get("url"))
    if data.get("status") == "failed":
        return Read(Word.FAILED, why=(data.get("error") or {}).get("message"))
    return Read(Word.PENDING)


def nested_or_flat(body: Mapping[str, Any]) -> Read:
    """Look for the upstream's own answer within the envelope, else at the top."""
    is_enveloped = body.get("code") == "success" and "data" in body
    inner = body["data"].get("data", {}) if is_enveloped else body
    if inner.get("status") in {"succeeded", "completed"}:
        return Read(Word.DONE, url=(inner.get("content") or {}).get("video_url") or _url(inner))
    if inner.get("status") in {"failed", "cancelled"}:
        return Read(Word.FAILED, why=_why(inner))
    return Read(Word.PENDING)


def flat_completed(body: Mapping[str, Any]) -> Read:
    """Look at the top alone, for the words of the newer page alone."""
    if body.get("status") == "completed":
        return Read(Word.DONE, url=_url(body))
    if body.get("status") == "failed":
        return Read(Word.FAILED, why=_why(body))
    return Read(Word.PENDING)


def rows_of_the_relay(body: Mapping[str, Any]) -> Read:
    """Look for the columns of the relay's own table: SUCCESS, FAILURE, result_url, fail_reason."""
    data = body.get("data") or {}
    if data.get("status") == "SUCCESS":
        return Read(Word.DONE, url=data.get("result_url"))
    if data.get("status") == "FAILURE":
        return Read(Word.FAILED, why=data.get("fail_reason"))
    return Read(Word.PENDING)


READERS: Final[Mapping[str, Reader]] = {
    reader.__name__: reader
    for reader in (
        tolerant,
        flat_words,
        enveloped_words,
        nested_or_flat,
        flat_completed,
        rows_of_the_relay,
    )
}


def _url(data: Mapping[str, Any]) -> str | None:
    found: str | None = data.get("video_url") or data.get("result_url") or data.get("url")
    return found or (data.get("metadata") or {}).get("url")


def _why(data: Mapping[str, Any]) -> str | None:
    error = data.get("error")
    told = error.get("message") if isinstance(error, dict) else error
    found: str | None = data.get("fail_reason") or told or data.get("message")
    return found


# -- the client ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RelayClient:
    """One application's client: an address, a key, and its way to read."""

    base_url: str
    api_key: str
    read: Reader

    def submit(self, model: str, **body: Any) -> str:
        """Submit a task and return its id, wherever the answer has it.

        Raises:
            RuntimeError: with what the relay said.
        """
        reply = requests.post(
            f"{self.base_url}/v1/video/generations",
            json={"model": model, **body},
            headers=self._headers(),
            timeout=TIMEOUT_S,
        )
        told = reply.json()
        data = told.get("data") or told
        found = data.get("task_id") or data.get("id")
        if reply.status_code != requests.codes.ok or not found:
            error = told.get("error") or told
            raise RuntimeError(error.get("message"))
        return str(found)

    def look(self, task_id: str) -> Read:
        """Look once."""
        reply = requests.get(
            f"{self.base_url}/v1/video/generations/{task_id}",
            headers=self._headers(),
            timeout=TIMEOUT_S,
        )
        return self.read(reply.json())

    def fetch(self, url: str) -> bytes:
        """Fetch a film by its link, without a key."""
        return requests.get(url, timeout=TIMEOUT_S).content

    def fetch_by_key(self, task_id: str) -> bytes:
        """Fetch a film as the relay hands it through."""
        address = f"{self.base_url}/v1/videos/{task_id}/content"
        return requests.get(address, headers=self._headers(), timeout=TIMEOUT_S).content

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}
