"""What the maker's own program is asked to do against a simulated Vidu; run by `test_sdk_vidu`.

Arguments: the folder where the program is, the host, and a file of creates. It tells what came of
it as JSON on standard output. It runs without our packages, on the program's own.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

KEY = "vda_Winter42Winter42"
IMAGE = "data:image/png;base64,iVBORw0KGgo="


def steer(host: str, *rules: dict[str, Any]) -> None:
    body = json.dumps({"rules": list(rules)}).encode()
    request = urllib.request.Request(f"{host}/_simulator/rules", body, method="POST")
    urllib.request.urlopen(request).read()


def session(host: str, creates: list[dict[str, Any]]) -> dict[str, Any]:
    os.environ |= {"VIDU_API_KEY": KEY, "VIDU_API_HOST": host}
    from vidu_mcp import server
    from vidu_mcp.client import ViduAPIClient
    from vidu_mcp.exceptions import ViduAPIError

    client = ViduAPIClient(KEY, host)
    found: dict[str, Any] = {}

    # every body of ours, by its client: whatever is refused is raised
    found["creates"] = [
        client.post(f"/ent/v2/{one['kind']}", json=one["body"])["task_id"] for one in creates
    ]

    # the four ways to make a film, by its tools, which wait for the film
    made = {
        "text2video": server.generate_text_to_video(prompt="A boat.", seed=7),
        "img2video": server.generate_img_to_video(IMAGE, prompt="A boat."),
        "start-end2video": server.generate_startend2video_to_video([IMAGE, IMAGE]),
        "reference2video": server.generate_reference2video_to_video([IMAGE], "A boat."),
    }
    found["made"] = {kind: json.loads(told) for kind, told in made.items()}
    film = urllib.request.urlopen(found["made"]["text2video"]["video_url"]).read()
    found["film"] = film[4:8].decode()

    steer(host, {"on": "create", "fault": "fail", "value": "CreationPolicyViolation"})
    found["broken"] = server.generate_text_to_video(prompt="A boat.")
    steer(host)

    def trouble(kind: str, **body: Any) -> str:
        try:
            client.post(f"/ent/v2/{kind}", json=body)
        except ViduAPIError as error:
            return f"{type(error).__name__}: {str(error).partition(' for url')[0]}"
        return ""

    late = found["creates"][0]
    found["late"] = trouble(f"tasks/{late}/cancel", id=late)
    found["refused"] = trouble("text2video", model="viduq1", prompt="")
    steer(host, {"on": "cancel", "fault": "answer", "value": {"status": 200, "body": {}}})
    found["canceled"] = trouble(f"tasks/{late}/cancel", id=late)
    steer(host)
    listed = client.get("/ent/v2/tasks", params={"pager.pagesz": 100})
    found["listed"] = [len(listed["tasks"]), listed["next_page_token"]]
    client.session.headers["Authorization"] = "Token of-another"
    found["stranger"] = trouble("text2video", model="viduq1", prompt="A boat.")
    return found


def main() -> None:
    folder, host, creates = sys.argv[1:]
    sys.path.insert(0, folder)
    found = session(host, json.loads(Path(creates).read_text()))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
