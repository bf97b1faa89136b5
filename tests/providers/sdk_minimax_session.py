"""What MiniMax's own client is asked to do against its simulator; run by `test_sdk_minimax`.

Arguments: the folder where the client is, the base URL, and a file of creates. It tells what came
of it as JSON on standard output. It runs without our packages, on the client's own.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

KEY = "sk-api-Winter42Winter42"
WORDS = {"model": "MiniMax-Hailuo-02", "prompt": "A boat.", "duration": 6, "resolution": "768P"}


def steer(base_url: str, verb: str, **body: Any) -> None:
    url = f"{base_url}/_simulator/{verb}"
    urllib.request.urlopen(
        urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    ).read()


def session(base_url: str, creates: list[dict[str, Any]]) -> dict[str, Any]:
    from minimax_mcp import server
    from minimax_mcp.exceptions import MinimaxAPIError

    client = server.api_client

    def rules(*several: dict[str, Any]) -> None:
        steer(base_url, "rules", rules=list(several))

    def trouble(act: Any) -> list[str]:
        try:
            act()
        except MinimaxAPIError as error:
            return [type(error).__name__, str(error).partition(" Trace-Id")[0]]
        return []

    def create() -> str:
        task_id: str = client.post("/v1/video_generation", json=WORDS)["task_id"]
        return task_id

    found: dict[str, Any] = {}
    found["creates"] = [
        client.post("/v1/video_generation", json=body)["task_id"] for body in creates
    ]
    said = server.generate_video(**WORDS, async_mode=True).text
    task_id = said.partition("Task ID: ")[2].partition(".")[0]
    found["made"] = [task_id, said.split(".")[0]]
    rules({"on": "create", "fault": "fail", "value": 1027})
    unfit = create()
    rules({"on": "create", "fault": "fail"})
    broken = create()
    rules()
    found["working"] = server.query_video_generation(task_id).text
    steer(base_url, "advance", seconds=60)

    text = server.query_video_generation(task_id).text
    start, _, link = text.partition(": ")
    found["done"] = [start, urllib.request.urlopen(link).read()[4:8].decode()]
    found["broken"] = server.query_video_generation(broken).text
    found["unfit"] = server.query_video_generation(unfit).text
    found["unknown"] = server.query_video_generation("7").text

    found["errors"] = {}
    for fault in ("invalid", "moderated", "unauthorized", "out_of_money", "rate_limited"):
        rules({"on": "create", "fault": fault})
        found["errors"][fault] = trouble(create)
    rules({"on": "create", "fault": "server_error"})
    found["server_error"] = trouble(create)[0]
    return found


def main() -> None:
    folder, base_url, creates = sys.argv[1:]
    sys.path.insert(0, folder)
    os.environ |= {
        "MINIMAX_API_KEY": KEY,
        "MINIMAX_API_HOST": base_url,
        "MINIMAX_API_RESOURCE_MODE": "url",
    }
    found = session(base_url, json.loads(Path(creates).read_text()))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
