"""What the official SDK is asked to do against a simulated fal.ai; run by `test_sdk_fal`.

Arguments: the folder where the SDK is, the base URL, and a file of creates. It tells what came
of it as JSON on standard output. It runs without our packages, on the SDK's own.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

KEY = "5f1c0de2-7a1b-4c3d-9e8f-012345678901:Winter42Winter42"
APP = "fal-ai/veo3.1"
WORDS = {"prompt": "A boat."}


def steer(base_url: str, verb: str, **body: Any) -> None:
    url = f"{base_url}/_simulator/{verb}"
    urllib.request.urlopen(
        urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    ).read()


def session(base_url: str, creates: list[dict[str, Any]]) -> dict[str, Any]:
    import fal_client
    from fal_client import client as module

    module.QUEUE_URL_FORMAT = f"{base_url}/"  # the one line: its own hosts are https alone
    client = fal_client.SyncClient(key=KEY)

    def rules(*several: dict[str, Any]) -> None:
        steer(base_url, "rules", rules=list(several))

    def trouble(act: Any) -> list[Any]:
        try:
            act()
        except fal_client.FalClientHTTPError as error:
            return [error.status_code, error.error_type]
        return []

    def submit() -> Any:
        return client.submit(APP, WORDS)

    found: dict[str, Any] = {}
    found["creates"] = [
        client.submit(one["path"][1:], one["body"]).request_id for one in creates
    ]  # fmt: skip
    wished = client.submit(
        APP, WORDS, priority="low", start_timeout=90, webhook_url="http://127.0.0.1:9/?a=b&c=d"
    )
    found["wished"] = wished.request_id

    handle = submit()
    queued = client.status(APP, handle.request_id, with_logs=True)
    found["queued"] = [type(queued).__name__, queued.position]
    stopped = submit()
    stopped.cancel()
    found["stopped"] = trouble(stopped.status)
    rules({"on": "create", "fault": "fail"})
    broken = submit()
    unfit = {"loc": ["body", "prompt"], "msg": "No.", "type": "content_policy_violation"}
    refusal = {"status": 422, "body": {"detail": [unfit]}}
    rules({"on": "create", "fault": "fail", "value": refusal})
    refused = submit()
    rules()
    steer(base_url, "advance", seconds=1.5)
    found["running"] = type(handle.status(with_logs=True)).__name__
    steer(base_url, "advance", seconds=60)

    done = handle.status(with_logs=True)
    found["done"] = [type(done).__name__, done.metrics, done.error, done.error_type]
    video = handle.get()["video"]
    found["video"] = [video["content_type"], video["file_size"]]
    found["film"] = urllib.request.urlopen(video["url"]).read()[4:8].decode()
    found["late"] = trouble(handle.cancel)
    ended = broken.status()
    found["broken"] = [type(ended).__name__, ended.error_type, *trouble(broken.get)]
    found["refused"] = [refused.status().error, *trouble(refused.get)]

    found["errors"] = {}
    for fault in ("invalid", "moderated", "unauthorized", "out_of_money", "no_app", "server_error"):
        rules({"on": "create", "fault": fault})
        found["errors"][fault] = trouble(submit)
    rules({"on": "create", "fault": "drop", "accepted": True, "times": 1})
    found["paid_twice"] = submit().request_id
    return found


def main() -> None:
    folder, base_url, creates = sys.argv[1:]
    sys.path.insert(0, folder)
    found = session(base_url, json.loads(Path(creates).read_text()))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
