"""What the official SDK is asked to do against a simulated Replicate; run by `test_sdk_replicate`.

Arguments: the folder where the SDK is, the base URL, and a file with creates and signed calls. It
tells what came of it as JSON on standard output. It runs without our packages, on the SDK's own.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

KEY = "r8_Winter42Winter42"
MODEL = "bytedance/seedance-1-pro"
WISH = {"prompt": "A boat."}


def place(model: str) -> dict[str, str]:
    """Say where a model is in the SDK's own words."""
    if model.startswith("deployments/"):
        return {"deployment": model.removeprefix("deployments/")}
    return {"version" if ":" in model or "/" not in model else "model": model}


def steer(base_url: str, verb: str, **body: Any) -> None:
    url = f"{base_url}/_simulator/{verb}"
    urllib.request.urlopen(
        urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    ).read()


def session(base_url: str, given: dict[str, Any]) -> dict[str, Any]:
    import replicate
    from replicate.exceptions import ReplicateError
    from replicate.webhook import InvalidSignatureError, Webhooks

    client = replicate.Client(api_token=KEY, base_url=base_url)
    predictions = client.predictions
    found: dict[str, Any] = {"creates": []}
    for one in given["creates"]:
        body = dict(one["body"])
        body.pop("version", None)
        made = predictions.create(**place(one["model"]), **body)
        found["creates"].append([made.id, made.status, made.model, made.version])

    def create() -> Any:
        return predictions.create(model=MODEL, input=WISH)

    def trouble(act: Any) -> list[Any]:
        try:
            act()
        except ReplicateError as error:
            return [error.status, error.title, error.detail]
        return []

    bare, stopped = create(), create()
    stopped.cancel()
    found["stopped"] = stopped.status
    steer(base_url, "rules", rules=[{"on": "create", "fault": "fail"}])
    broken = create()
    steer(base_url, "rules", rules=[])
    steer(base_url, "advance", seconds=2)
    bare.reload()
    found["working"] = [bare.status, bare.progress.percentage, bare.output]
    steer(base_url, "advance", seconds=60)
    bare.reload()
    film = bare.output
    with client._client.stream("GET", film) as response:
        content = response.read()
    found["film"] = [bare.status, content[4:8].decode(), bare.metrics]
    broken.reload()
    found["broken"] = [broken.status, broken.error]
    page = predictions.list()
    found["listed"] = [page.results[0].id == broken.id, len(page.results), page.next]
    found["echo"] = next(one for one in page.results if one.id == bare.id).input

    found["errors"] = {}
    for fault in ("invalid", "unauthorized", "out_of_money", "model_retired", "invalid_version",
                  "rate_limited", "server_error", "unavailable"):  # fmt: skip
        steer(base_url, "rules", rules=[{"on": "create", "fault": fault}])
        found["errors"][fault] = trouble(create)
    steer(base_url, "rules", rules=[])
    found["unknown"] = trouble(lambda: predictions.get("0" * 26))

    secret = client.webhooks.default.secret()
    found["secret"] = secret.key
    Webhooks.validate(headers=given["signed"], body=given["call"], secret=secret)
    try:
        Webhooks.validate(headers=given["forged"], body=given["call"], secret=secret)
    except InvalidSignatureError as error:
        found["forged"] = str(error)
    return found


def main() -> None:
    folder, base_url, given = sys.argv[1:]
    sys.path.insert(0, folder)
    found = session(base_url, json.loads(Path(given).read_text()))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
