"""What the official SDK is asked to do against a simulated Ark; run by `test_sdk_ark`.

Arguments: the folder where the SDK is, the base URL, and a file of creates. It tells what came
of it as JSON on standard output. It runs without our packages, on the SDK's own.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

KEY = "ark-Winter42Winter42"
MODEL = "doubao-seedance-2-0-260128"


def told(task: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(task.model_dump_json())
    return found


def error_of(act: Any) -> list[Any]:
    from volcenginesdkarkruntime._exceptions import ArkAPIStatusError

    try:
        act()
    except ArkAPIStatusError as error:
        return [type(error).__name__, error.status_code, error.code]
    return []


def in_turn(base_url: str, creates: list[dict[str, Any]]) -> dict[str, Any]:
    """The client that most use: create, look, list, delete, and what it makes of errors."""
    import httpx
    from volcenginesdkarkruntime import Ark

    root = base_url.removesuffix("/api/v3")
    client = Ark(base_url=base_url, api_key=KEY, max_retries=0)
    tasks = client.content_generation.tasks
    found: dict[str, Any] = {"creates": [tasks.create(**create).id for create in creates]}
    text = {"type": "text", "text": "A boat."}
    bare = tasks.create(model=MODEL, content=[text])
    full = tasks.create(
        model=MODEL,
        content=[text],
        duration=5,
        resolution="480p",
        ratio="1:1",
        seed=11,
        return_last_frame=True,
        safety_identifier="u1",
        generate_audio=False,
    )
    found["token"] = full.safety_identifier
    found["queued"] = told(tasks.get(task_id=bare.id))
    found["deleted"] = tasks.delete(task_id=bare.id) is not None
    found["cancelled"] = told(tasks.get(task_id=bare.id))["status"]
    advance = {"seconds": 2}
    httpx.post(f"{root}/_simulator/advance", json=advance)
    found["running"] = told(tasks.get(task_id=full.id))["status"]
    found["too_late"] = error_of(lambda: tasks.delete(task_id=full.id))
    httpx.post(f"{root}/_simulator/advance", json=advance)
    found["succeeded"] = told(tasks.get(task_id=full.id))
    listed = tasks.list(page_num=1, page_size=1, status="succeeded", task_ids=[full.id, bare.id])
    found["listed"] = [listed.total, [told(item)["id"] for item in listed.items] == [full.id]]
    found["token_listed"] = listed.items[0].safety_identifier
    httpx.post(f"{root}/_simulator/rules", json={"rules": [{"on": "create", "fault": "fail"}]})
    broken = tasks.create(model=MODEL, content=[text])
    httpx.post(f"{root}/_simulator/advance", json={"seconds": 4})
    found["failed"] = told(tasks.get(task_id=broken.id))["error"]
    found["errors"] = {}
    for fault in ("invalid", "moderated", "unauthorized", "out_of_money", "model_not_open",
                  "rate_limited", "server_error"):  # fmt: skip
        rules = {"rules": [{"on": "create", "fault": fault}]}
        httpx.post(f"{root}/_simulator/rules", json=rules)
        found["errors"][fault] = error_of(lambda: tasks.create(model=MODEL, content=[text]))
    httpx.post(f"{root}/_simulator/rules", json={"rules": []})
    found["unknown"] = error_of(lambda: tasks.get(task_id="cgt-unknown"))
    return found


async def at_once(base_url: str) -> dict[str, Any]:
    """The other client, and how often it asks for what was accepted and then dropped."""
    import httpx
    from volcenginesdkarkruntime import AsyncArk
    from volcenginesdkarkruntime._exceptions import ArkAPIConnectionError

    client = AsyncArk(base_url=base_url, api_key=KEY)
    tasks = client.content_generation.tasks
    content = [{"type": "text", "text": "At once."}]
    made = await tasks.create(model=MODEL, content=content)
    status = (await tasks.get(task_id=made.id)).status
    drop = {"on": "create", "fault": "drop", "accepted": True}
    async with httpx.AsyncClient(base_url=base_url.removesuffix("/api/v3")) as steering:
        await steering.post("/_simulator/rules", json={"rules": [drop]})
        trouble = ""
        try:
            await tasks.create(model=MODEL, content=content)
        except ArkAPIConnectionError as error:
            trouble = type(error).__name__
        entries = (await steering.get("/_simulator/log")).json()
    paid = [entry for entry in entries if entry["fault"] == "drop" and entry["accepted"]]
    return {"async": status, "trouble": trouble, "paid": len(paid)}


def main() -> None:
    folder, base_url, creates = sys.argv[1:]
    sys.path.insert(0, folder)
    found = in_turn(base_url, json.loads(Path(creates).read_text()))
    found |= asyncio.run(at_once(base_url))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
