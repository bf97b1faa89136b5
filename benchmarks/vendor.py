"""A vendor that answers in the words of Volcengine's Ark, fast enough not to be what is measured.

    python benchmarks/vendor.py PORT FILM [--render-s S]

The simulator of the tests keeps and checks far more, and has to be asked about every task that it
has. This one knows any job that it is asked about, so that ten thousand of them need not be made
first: a job is running until `POST /_finish` ends it, or, if it was created here, for `--render-s`
seconds. It counts how many films each prompt began, which is what a vendor bills.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx2
import uvicorn
from starlette.types import Message, Receive, Scope, Send

TASKS = "/api/v3/contents/generations/tasks"
VIDEOS = "/v1/videos"
VIDEO = {
    "object": "video",
    "model": "sora-2",
    "status": "queued",
    "progress": 0,
    "created_at": 1_700_000_000,
    "seconds": "4",
    "size": "720x1280",
}
JSON = [(b"content-type", b"application/json")]
PROMPT_CHARACTERS = 200


class Vendor:
    """The ASGI application. A callback is made the moment a job is done."""

    def __init__(self, film: bytes, port: int, render_s: float | None) -> None:
        self.film, self.port, self.render_s = film, port, render_s
        self.done_at: dict[str, float] = {}
        self.seen_at: dict[str, float] = {}
        self.fetched_at: dict[str, float] = {}
        self.began: Counter[str] = Counter()
        self.looked_at: list[float] = []
        self.films_sent = 0
        self._numbers = itertools.count(1)
        self._client = httpx2.AsyncClient(trust_env=False, timeout=30)
        self._calls: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        if path.startswith("/films/"):
            self.films_sent += 1
            job_id = path.removeprefix("/films/").removesuffix(".mp4")
            self.fetched_at.setdefault(job_id, time.time())
            length = b"%d" % len(self.film)
            headers = [(b"content-type", b"video/mp4"), (b"content-length", length)]
            await _answer(send, self.film, headers)
        elif method == "GET" and path.startswith(TASKS + "/"):
            self.looked_at.append(time.time())
            await _answer(send, json.dumps(self._job(path.rpartition("/")[2])).encode())
        elif method == "GET" and path == TASKS:
            await _answer(send, b'{"total": 0, "items": []}')
        elif method == "POST" and path == TASKS:
            await _answer(send, json.dumps(self._create(await _body(receive))).encode())
        elif path.startswith(VIDEOS):  # OpenAI's words, for gateways that speak nothing else
            if method == "POST":
                await _read(receive)
            video_id = path.removeprefix(VIDEOS).strip("/") or f"video_{next(self._numbers)}"
            await _answer(send, json.dumps(VIDEO | {"id": video_id}).encode())
        elif path.startswith("/_times/"):
            await _answer(send, json.dumps(self._times(path.rpartition("/")[2])).encode())
        elif method == "POST" and path == "/_finish":
            await _answer(send, json.dumps(self._finish(await _body(receive))).encode())
        else:
            asked = parse_qs(scope["query_string"].decode())
            since = float(asked["since"][0]) if "since" in asked else 0.0
            await _answer(send, json.dumps(self._told(since)).encode())

    def _job(self, job_id: str) -> dict[str, Any]:
        done_at = self.done_at.get(job_id)
        if done_at is None or done_at > time.time():
            return {"id": job_id, "model": "m", "status": "running"}
        self.seen_at.setdefault(job_id, time.time())
        link = f"http://localhost:{self.port}/films/{job_id}.mp4"
        usage = {"completion_tokens": 1, "total_tokens": 1}
        content = {"video_url": link}
        return {"id": job_id, "status": "succeeded", "content": content, "usage": usage}

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        job_id = f"cgt-{next(self._numbers)}"
        texts = [part.get("text", "") for part in body.get("content", [])]
        self.began["".join(texts)[:PROMPT_CHARACTERS]] += 1
        if self.render_s is not None:
            self.done_at[job_id] = time.time() + self.render_s
        return {"id": job_id}

    def _finish(self, body: dict[str, Any]) -> dict[str, Any]:
        """End a job now, and ring for it if an address was given."""
        done_at = self.done_at[body["id"]] = time.time()
        if body.get("callback"):
            call = asyncio.create_task(self._call(body["callback"], body["id"]))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)
        return {"done_at": done_at}

    async def _call(self, address: str, job_id: str) -> None:
        job = self._job(job_id)
        del self.seen_at[job_id]  # nobody looked yet: this is a ring
        await self._client.post(address, json=job)

    def _times(self, job_id: str) -> dict[str, float]:
        """Say when a job was done, first seen to be by a look, and first fetched."""
        times = {"done": self.done_at, "seen": self.seen_at, "fetched": self.fetched_at}
        return {name: of[job_id] for name, of in times.items() if job_id in of}

    def _told(self, since: float) -> dict[str, Any]:
        """Say how busy it was since an instant; `looks_per_s_max` is of any second."""
        looked_at = [at for at in self.looked_at if at >= since]
        most, start = 0, 0
        for end, at in enumerate(looked_at):
            while at - looked_at[start] >= 1.0:
                start += 1
            most = max(most, end - start + 1)
        return {
            "looks": len(looked_at),
            "looks_per_s_max": most,
            "films_sent": self.films_sent,
            "began": sum(self.began.values()),
            "began_twice": sum(count > 1 for count in self.began.values()),
        }


async def _answer(send: Send, body: bytes, headers: list[tuple[bytes, bytes]] = JSON) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _body(receive: Receive) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(await _read(receive) or b"{}")
    return told


async def _read(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message: Message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("port", type=int)
    parser.add_argument("film", type=Path)
    parser.add_argument("--render-s", type=float, help="without it, what is created never ends")
    told = parser.parse_args()
    app = Vendor(told.film.read_bytes(), told.port, told.render_s)
    uvicorn.run(app, port=told.port, lifespan="off", access_log=False, log_level="error")


if __name__ == "__main__":
    main()
