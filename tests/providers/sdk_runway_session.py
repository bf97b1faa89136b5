"""What the official SDK is asked to do against a simulated Runway; run by `test_sdk_runway`.

Arguments: the folder where the SDK is, the base URL, and a file of creates. It tells what came
of it as JSON on standard output. It runs without our packages, on the SDK's own.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

KEY = "key_" + 16 * "c0ffee11"
FAULTS = (
    *("invalid", "out_of_money", "unauthorized", "model_retired", "unsupported"),
    *("rate_limited", "server_error", "unavailable"),
)
GEN = {"model": "gen4.5", "prompt_text": "A boat.", "ratio": "1280:720", "duration": 5}


def steer(base_url: str, verb: str, **body: Any) -> None:
    url = f"{base_url}/_simulator/{verb}"
    urllib.request.urlopen(
        urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    ).read()


def in_types_of(union: Any, body: dict[str, Any]) -> dict[str, Any]:
    """Return a body by the SDK's names; it must be one that the SDK's types allow, whole."""
    from pydantic import TypeAdapter
    from typing_extensions import get_type_hints

    def bare(hint: Any) -> Any:
        while get_origin(hint) is not Literal and "Required" in str(get_origin(hint)):
            hint = get_args(hint)[0]
        return hint

    def alias(hint: Any, name: str) -> str:
        return next((one.alias for one in getattr(bare(hint), "__metadata__", ())), name)

    for kind in get_args(union):
        hints = get_type_hints(kind, include_extras=True)
        if body["model"] not in get_args(bare(hints["model"])):
            continue
        names = {alias(hint, name): name for name, hint in hints.items()}
        words = {names[field]: value for field, value in body.items()}
        TypeAdapter(kind).validate_python(words, strict=True)
        return words
    raise AssertionError(f"the SDK has no model {body['model']}")


def session(base_url: str, creates: list[dict[str, Any]]) -> dict[str, Any]:
    from runwayml import APIStatusError, RunwayML
    from runwayml.types.image_to_video_create_params import ImageToVideoCreateParams
    from runwayml.types.text_to_video_create_params import TextToVideoCreateParams

    client = RunwayML(api_key=KEY, base_url=base_url, max_retries=0)
    endpoints = {
        "/v1/text_to_video": (client.text_to_video, TextToVideoCreateParams),
        "/v1/image_to_video": (client.image_to_video, ImageToVideoCreateParams),
    }

    def rules(*several: dict[str, Any]) -> None:
        steer(base_url, "rules", rules=list(several))

    def trouble(act: Any) -> list[Any]:
        try:
            act()
        except APIStatusError as error:
            said = error.body if isinstance(error.body, dict) else {}
            return [type(error).__name__, error.status_code, said.get("error")]
        return []

    def submit() -> Any:
        return client.text_to_video.create(**GEN)

    found: dict[str, Any] = {"creates": []}
    for one in creates:
        resource, union = endpoints[one["path"]]
        found["creates"].append(resource.create(**in_types_of(union, one["body"])).id)
    steer(base_url, "advance", seconds=60)

    made = submit()
    pending = client.tasks.retrieve(made.id)
    found["pending"] = [made.estimated_cost.credits, pending.status, pending.estimated_cost.credits]
    later = [submit().id for _ in range(2)]
    found["throttled"] = client.tasks.retrieve(later[1]).status
    for task_id in later:
        client.tasks.delete(task_id)
    found["stopped"] = trouble(lambda: client.tasks.retrieve(later[1]))
    found["stopped_twice"] = trouble(lambda: client.tasks.delete(later[1]))
    rules({"on": "create", "fault": "fail", "times": 1})
    broken = submit()
    rules()
    steer(base_url, "advance", seconds=1.5)
    running = client.tasks.retrieve(made.id)
    found["running"] = [running.status, running.progress]
    steer(base_url, "advance", seconds=60)

    done = client.tasks.retrieve(made.id)
    found["done"] = [done.status, len(done.output), done.cost.credits]
    found["film"] = urllib.request.urlopen(done.output[0]).read()[4:8].decode()
    failed = client.tasks.retrieve(broken.id)
    found["failed"] = [failed.status, failed.failure_code, failed.failure, failed.cost.credits]
    client.tasks.delete(made.id)
    found["deleted"] = trouble(lambda: client.tasks.retrieve(made.id))
    try:
        urllib.request.urlopen(done.output[0])
    except urllib.error.HTTPError as error:
        found["deleted_film"] = error.code

    found["errors"] = {}
    for fault in FAULTS:
        rules({"on": "create", "fault": fault})
        found["errors"][fault] = trouble(submit)
    rules()
    hasty = RunwayML(api_key=KEY, base_url=base_url)
    rules({"on": "create", "fault": "server_error", "accepted": True, "times": 1})
    found["paid_twice"] = hasty.text_to_video.create(**GEN).id
    return found


def main() -> None:
    folder, base_url, creates = sys.argv[1:]
    sys.path.insert(0, folder)
    found = session(base_url, json.loads(Path(creates).read_text()))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
