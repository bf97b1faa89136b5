"""What the official SDK is asked to do against a simulated Gemini API; run by `test_sdk_gemini`.

Arguments: the folder where the SDK is, the base URL, and a file of creates. It tells what came
of it as JSON on standard output. It runs without our packages, on the SDK's own.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

KEY = "AIzaWinter42Winter42"
MODEL = "gemini-omni-1.1-flash"


def steer(base_url: str, verb: str, **body: Any) -> None:
    url = f"{base_url}/_simulator/{verb}"
    urllib.request.urlopen(
        urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    ).read()


def session(base_url: str, creates: list[dict[str, Any]]) -> dict[str, Any]:
    from google import genai
    from google.genai import types
    from google.genai._interactions.core.error import APIStatusError

    client = genai.Client(
        api_key=KEY,
        http_options=types.HttpOptions(
            base_url=base_url, retry_options=types.HttpRetryOptions(attempts=1)
        ),
    )
    interactions = client.interactions

    def create(delivery: str = "uri") -> Any:
        wanted = {"type": "video", "delivery": delivery}
        return interactions.create(
            model=MODEL, background=True, input="A boat.", response_format=wanted
        )

    def trouble(act: Any) -> list[Any]:
        try:
            act()
        except APIStatusError as error:
            return [type(error).__name__, error.status_code]
        return []

    found: dict[str, Any] = {}
    found["creates"] = [interactions.create(**body).id for body in creates]

    stored, inside = create(), create("inline")
    found["new"] = stored.status
    found["waiting"] = interactions.get(stored.id).status
    stopped = create()
    found["stopped"] = [interactions.cancel(stopped.id).status, interactions.get(stopped.id).status]
    wrong = [{"code": "safety", "message": "Not fit."}]
    steer(base_url, "rules", rules=[{"on": "create", "fault": "fail", "value": wrong}])
    broken = create()
    steer(base_url, "rules", rules=[])
    steer(base_url, "advance", seconds=60)

    done = interactions.get(stored.id)
    video = done.output_video
    found["stored"] = [done.status, video.mime_type, video.uri, done.usage.total_tokens]
    name = video.uri.rpartition("/")[2].partition(":")[0]  # it takes an address by https alone
    found["file"] = client.files.download(file=f"files/{name}")[4:8].decode()
    found["inside"] = bool(interactions.get(inside.id).output_video.data)
    failed = interactions.get(broken.id)
    found["broken"] = [failed.status, failed.errors[0].code, failed.errors[0].message]
    found["late"] = trouble(lambda: interactions.cancel(stored.id))

    interactions.delete(inside.id)
    found["deleted"] = trouble(lambda: interactions.get(inside.id))

    found["errors"] = {}
    for fault in ("invalid", "unauthorized", "out_of_money", "model_retired", "rate_limited",
                  "server_error", "unavailable"):  # fmt: skip
        steer(base_url, "rules", rules=[{"on": "create", "fault": fault}])
        found["errors"][fault] = trouble(create)
    return found


def main() -> None:
    folder, base_url, creates = sys.argv[1:]
    sys.path.insert(0, folder)
    found = session(base_url, json.loads(Path(creates).read_text()))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
