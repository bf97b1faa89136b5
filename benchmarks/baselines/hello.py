"""A bare ASGI answer: what the server underneath costs, without us.

    python benchmarks/baselines/hello.py PORT [--stock]

The server has our settings, and our guard around each connection; with `--stock` it is uvicorn
as it comes. The answer is always the same look at a queued task, with the contract's headers.
"""

from __future__ import annotations

import sys

import uvicorn
from starlette.types import Receive, Scope, Send

BODY = b'{"task_id":"video_019354a2f5c07b3c8d1e2f3a4b5c6d7e","status":"queued","format":"mp4"}'
HEADERS = [
    (b"x-request-id", b"req_00000000000000000000000000000000"),
    (b"content-type", b"application/json"),
    (b"cache-control", b"private, no-cache"),
    (b"etag", b'W/"1"'),
    (b"rushes-progress", b"0"),
    (b"retry-after", b"3"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-length", str(len(BODY)).encode()),
]


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """Say the same to everyone."""
    del scope, receive
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


def main() -> None:
    port = int(sys.argv[1])
    if "--stock" in sys.argv:
        uvicorn.run(hello, port=port, lifespan="off", access_log=False, log_level="error")
        return
    from rushes.http.guard import GuardLimits, guarded  # noqa: PLC0415 -- the stock one has none

    uvicorn.run(
        hello,
        port=port,
        http=guarded(GuardLimits()),
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=2048,
    )


if __name__ == "__main__":
    main()
