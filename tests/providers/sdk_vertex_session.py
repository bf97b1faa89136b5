"""What the official SDK is asked to do against a simulated Vertex AI; run by `test_sdk_vertex`.

Arguments: the folder where the SDK is, the base URL, and a file of creates. It tells what came
of it as JSON on standard output. It runs without our packages, on the SDK's own.
"""

from __future__ import annotations

import base64
import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

KEY = "ya29.Winter42Winter42"
MODEL = "veo-3.1-generate-001"
NAMES = {
    "sampleCount": "number_of_videos",
    "aspectRatio": "aspect_ratio",
    "resolution": "resolution",
    "seed": "seed",
    "generateAudio": "generate_audio",
    "durationSeconds": "duration_seconds",
    "negativePrompt": "negative_prompt",
    "personGeneration": "person_generation",
    "storageUri": "output_gcs_uri",
    "compressionQuality": "compression_quality",
    "resizeMode": "resize_mode",
}


def image(types: Any, said: dict[str, str]) -> Any:
    content = base64.b64decode(said["bytesBase64Encoded"])
    return types.Image(image_bytes=content, mime_type=said["mimeType"])


def wish(types: Any, body: dict[str, Any]) -> dict[str, Any]:
    """Say a body of ours in the SDK's own words."""
    [instance] = body["instances"]
    config = {NAMES[name]: value for name, value in body["parameters"].items()}
    if "lastFrame" in instance:
        config["last_frame"] = image(types, instance["lastFrame"])
    if "referenceImages" in instance:
        config["reference_images"] = [
            types.VideoGenerationReferenceImage(
                image=image(types, reference["image"]), reference_type=reference["referenceType"]
            )
            for reference in instance["referenceImages"]
        ]
    said: dict[str, Any] = {"config": types.GenerateVideosConfig(**config)}
    if "prompt" in instance:
        said["prompt"] = instance["prompt"]
    if "image" in instance:
        said["image"] = image(types, instance["image"])
    return said


def steer(base_url: str, verb: str, **body: Any) -> None:
    url = f"{base_url}/_simulator/{verb}"
    urllib.request.urlopen(
        urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    ).read()


def session(base_url: str, creates: list[dict[str, Any]]) -> dict[str, Any]:
    from google import genai
    from google.genai import errors, types
    from google.oauth2.credentials import Credentials

    client = genai.Client(
        vertexai=True,
        project="lab",
        location="us-central1",
        credentials=Credentials(token=KEY),
        http_options=types.HttpOptions(base_url=base_url),
    )

    def create(**said: Any) -> Any:
        return client.models.generate_videos(model=MODEL, **said)

    def trouble(act: Any) -> list[Any]:
        try:
            act()
        except errors.APIError as error:
            return [type(error).__name__, error.code, error.status]
        return []

    found: dict[str, Any] = {}
    found["creates"] = [create(**wish(types, body)).name for body in creates]

    bare = create(prompt="A boat.")
    stored = create(
        prompt="A boat.", config=types.GenerateVideosConfig(output_gcs_uri="gs://films/x")
    )
    found["working"] = bool(client.operations.get(bare).done)
    steer(base_url, "rules", rules=[{"on": "create", "fault": "fail", "value": ["Not fit."]}])
    filtered = create(prompt="A boat.")
    steer(base_url, "rules", rules=[{"on": "create", "fault": "fail"}])
    broken = create(prompt="A boat.")
    steer(base_url, "rules", rules=[])
    steer(base_url, "advance", seconds=60)

    done = client.operations.get(bare)
    [video] = done.response.generated_videos
    found["inline"] = [done.done, video.video.video_bytes[4:8].decode(), video.video.mime_type]
    [video] = client.operations.get(stored).response.generated_videos
    found["stored"] = video.video.uri
    response = client.operations.get(filtered).response
    found["filtered"] = [
        response.generated_videos,
        response.rai_media_filtered_count,
        response.rai_media_filtered_reasons,
    ]
    found["broken"] = client.operations.get(broken).error

    found["errors"] = {}
    for fault in ("invalid", "unauthorized", "out_of_money", "model_retired", "rate_limited",
                  "server_error", "unavailable"):  # fmt: skip
        steer(base_url, "rules", rules=[{"on": "create", "fault": fault}])
        found["errors"][fault] = trouble(lambda: create(prompt="A boat."))
    steer(base_url, "rules", rules=[])
    lost = types.GenerateVideosOperation(name=bare.name[:-4] + "0000")
    found["unknown"] = trouble(lambda: client.operations.get(lost))
    return found


def main() -> None:
    folder, base_url, creates = sys.argv[1:]
    sys.path.insert(0, folder)
    found = session(base_url, json.loads(Path(creates).read_text()))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
