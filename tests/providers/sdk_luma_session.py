"""What the official SDK is asked to do against a simulated Luma; run by `test_sdk_luma`.

Arguments: the folder where the SDK is, the base URL, and a file of creates. It tells what came
of it as JSON on standard output. It runs without our packages, on the SDK's own.
"""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

KEY = "luma-Winter42Winter42"
WORDS = {"model": "ray-2", "prompt": "A boat."}


def steer(base_url: str, verb: str, **body: Any) -> None:
    url = f"{base_url.partition('/dream-machine')[0]}/_simulator/{verb}"
    urllib.request.urlopen(
        urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    ).read()


def session(base_url: str, creates: list[dict[str, Any]]) -> dict[str, Any]:
    import lumaai

    client = lumaai.LumaAI(auth_token=KEY, base_url=base_url)
    once = client.with_options(max_retries=0)
    video = once.generations.video

    def rules(*several: dict[str, Any]) -> None:
        steer(base_url, "rules", rules=list(several))

    def trouble(act: Any) -> list[Any]:
        try:
            act()
        except lumaai.APIStatusError as error:
            body = error.body if isinstance(error.body, dict) else {}
            return [type(error).__name__, error.status_code, body.get("detail")]
        return []

    found: dict[str, Any] = {}
    found["creates"] = [video.create(**body).id for body in creates]
    wished = video.create(**WORDS, callback_url="http://127.0.0.1:9/hook")
    found["queued"] = [wished.state, wished.failure_reason, wished.generation_type, wished.model]
    rules({"on": "create", "fault": "fail", "value": "Frame moderation failed"})
    broken = video.create(**WORDS)
    rules()
    deleted = video.create(**WORDS)
    once.generations.delete(deleted.id)
    found["deleted"] = trouble(lambda: once.generations.get(deleted.id))
    steer(base_url, "advance", seconds=1.5)
    found["dreaming"] = once.generations.get(wished.id).state
    steer(base_url, "advance", seconds=60)

    done = once.generations.get(wished.id)
    found["completed"] = [done.state, done.created_at.isoformat(), done.request.resolution]
    found["film"] = urllib.request.urlopen(done.assets.video).read()[4:8].decode()
    failed = once.generations.get(broken.id)
    found["failed"] = [failed.state, failed.failure_reason]
    page = once.generations.list(limit=2, offset=1)
    found["listed"] = [page.count, page.has_more, page.limit, page.offset]
    found["echoed"] = [
        page.generations[0].id == wished.id,
        page.generations[0].request.callback_url,
    ]
    extended = video.create(**WORDS, keyframes={"frame0": {"type": "generation", "id": done.id}})
    found["extended"] = extended.request.keyframes.frame0.id == done.id
    found["unmade"] = trouble(
        lambda: video.create(**WORDS, keyframes={"frame0": {"type": "generation", "id": "?"}})
    )
    found["balance"] = once.credits.get().credit_balance

    found["errors"] = {}
    for fault in ("invalid", "moderated", "unauthorized", "out_of_money", "rate_limited"):
        rules({"on": "create", "fault": fault})
        found["errors"][fault] = trouble(lambda: video.create(**WORDS))
    rules()
    found["older"] = once.generations.create(**WORDS).state
    found["async"] = asyncio.run(looked(base_url, wished.id))
    rules({"on": "create", "fault": "drop", "accepted": True, "times": 2})
    found["paid_thrice"] = client.generations.video.create(**WORDS).id
    return found


async def looked(base_url: str, generation_id: str) -> str:
    import lumaai

    async with lumaai.AsyncLumaAI(auth_token=KEY, base_url=base_url) as client:
        return str((await client.generations.get(generation_id)).state)


def main() -> None:
    folder, base_url, creates = sys.argv[1:]
    sys.path.insert(0, folder)
    found = session(base_url, json.loads(Path(creates).read_text()))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
