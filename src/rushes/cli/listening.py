"""Webhooks for a developer's own machine, which no server can reach.

`rushes webhooks listen` looks at the caller's videos through the public API, as any client
could, and posts an event to localhost for each that ends, signed with the account's secret.
What it cannot know is the id under which the server tells the same end elsewhere: it makes one
from the video's, the same at every run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import httpx2

from rushes.cli.paper import answers, plain, say, show_json, talk
from rushes.cli.plainly import Refused
from rushes.client import Rushes, RushesError, Video
from rushes.client.webhooks import sign
from rushes.client.wires import Clock, SystemClock

LOOK_S: Final = 1.0
ANSWER_S: Final = 10.0
NEWEST: Final = 100
_GOOD: Final = range(200, 300)

CODES: Final[Mapping[str, int]] = {
    "content_policy_violation": 400,
    "invalid_request": 400,
    "provider_error": 502,
    "rate_limited": 429,
    "timed_out": 504,
    "submit_in_doubt": 502,
    "canceled": 499,
    "expired": 504,
    "server_error": 500,
}
"""The numbers of the generations dialect, which events speak (CONTRACT §3)."""


def listen(forward_to: str, *, as_json: bool) -> None:
    """Forward events until Ctrl-C.

    Raises:
        Refused: the address is none.
        RushesError: the server could not be asked at the beginning.
    """
    url = _address(forward_to)
    with Rushes() as client, httpx2.Client(trust_env=False, timeout=ANSWER_S) as http:
        listener = Listener(client, http, url, as_json=as_json)
        listener.begin()
        console = talk()
        say(console, f"Listening at {client.base_url}; events go to {plain(url)}.")
        say(console, "They are signed with the secret of your account:")
        say(console, (listener.secret, "bold"))
        say(console, "Their ids are made here from the video's. Ctrl-C ends it.")
        clock: Clock = SystemClock()
        try:
            while True:
                clock.sleep(LOOK_S)
                listener.look()
        except KeyboardInterrupt:
            return


@dataclass(slots=True)
class Listener:
    """Looks at the newest videos, and tells each end once."""

    client: Rushes
    http: httpx2.Client
    forward_to: str
    as_json: bool = False
    secret: str = ""
    _ended: set[str] = field(default_factory=set, init=False)
    _worry: str = field(default="", init=False)

    def begin(self) -> None:
        """Learn the secret, and what had ended before: that is told to nobody."""
        self.secret = self.client.webhooks.secret().secret
        self._ended = {video.id for video in self._newest() if video.is_final}

    def look(self) -> None:
        """Tell what ended since the last look; a server that is away is asked again."""
        try:
            newest = self._newest()
            ended = [video for video in newest if video.is_final and video.id not in self._ended]
            for video in reversed(ended):
                whole = self.client.videos.retrieve(video) if video.error is None else video
                self._ended.add(video.id)
                self._tell(whole)
        except RushesError as fault:
            if str(fault) != self._worry:
                say(talk(), f"looking again: {plain(str(fault))}")
            self._worry = str(fault)
            return
        self._worry = ""
        self._ended &= {video.id for video in newest}

    def _newest(self) -> tuple[Video, ...]:
        return self.client.videos.list_page(limit=NEWEST).data

    def _tell(self, video: Video) -> None:
        at = datetime.now(UTC)
        event = event_of(video, at)
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        event_id, timestamp = str(event["id"]), str(int(at.timestamp()))
        headers = {
            "Content-Type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": sign(self.secret, event_id, timestamp, body),
        }
        status, words = self._post(headers, body)
        if self.as_json:
            show_json({"event": event, "status": status, "answer": words})
            return
        colour = "green" if status is not None and status in _GOOD else "red"
        say(answers(), f"{at:%H:%M:%S}  {event['type']}  {video.id}  ", (words, colour))

    def _post(self, headers: Mapping[str, str], body: bytes) -> tuple[int | None, str]:
        try:
            answer = self.http.post(self.forward_to, headers=dict(headers), content=body)
        except httpx2.TimeoutException:
            return None, f"no answer within {ANSWER_S:g} s"
        except httpx2.TransportError:
            return None, "nobody answers there"
        return answer.status_code, f"answered {answer.status_code}"


def event_of(video: Video, at: datetime) -> dict[str, object]:
    """Return the event of a final video, as the server would tell it but for the id."""
    data: dict[str, object] = {"id": video.id, "task_id": video.id}
    if video.error is None:
        kind = "video.completed"
        data["status"] = "succeeded"
        if video.url is not None:
            data["url"] = video.url
    else:
        code = video.error.code
        kind = "video.canceled" if code == "canceled" else "video.failed"
        number = CODES.get(code, int(code) if code.isdecimal() else CODES["server_error"])
        data["status"] = "failed"
        data["error"] = {"code": number, "message": video.error.message}
    return {
        "id": f"evt_{sha256(video.id.encode()).hexdigest()[:32]}",
        "object": "event",
        "type": kind,
        "created_at": int((video.completed_at or at).timestamp()),
        "data": data,
    }


def _address(text: str) -> str:
    """Return where to forward to; `localhost:3000/hook` means http.

    Raises:
        Refused: it is no address.
    """
    url = text if "://" in text else f"http://{text}"
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        parsed = httpx2.URL("")
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise Refused(f"{plain(text)} is no address. It looks like http://localhost:3000/hook.")
    return url
