"""What a simulated ComfyUI makes of a graph: whether it is valid, what it says, what it saves.

Of the nodes it knows those that matter here; any other class is taken, and computes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID

from rushes.testing.simulators.host import Reply

Graph = Mapping[str, Mapping[str, Any]]
NodeErrors = dict[str, dict[str, object]]

SAVED: Final[Mapping[str, tuple[str, str, str]]] = {
    "SaveVideo": ("images", "mp4", "output"),
    "SaveWEBM": ("images", "webm", "output"),
    "VHS_VideoCombine": ("gifs", "mp4", "output"),
    "SaveImage": ("images", "png", "output"),
    "PreviewImage": ("images", "png", "temp"),
}
"""Output nodes: the word under which each tells its files, their suffix, and their folder."""

WHOLE: Final = frozenset({"seed", "noise_seed", "width", "height", "length", "steps"})
"""Inputs that are whole numbers; a text that reads as one is taken."""

MODELS: Final = frozenset({"ckpt_name", "unet_name", "vae_name", "clip_name", "lora_name"})
"""Inputs that name a file from a list."""


def refused(
    kind: str,
    message: str,
    *,
    details: str = "",
    extra: Mapping[str, object] | None = None,
    nodes: NodeErrors | None = None,
) -> Reply:
    """Build the answer to a graph that is not queued."""
    error = {"type": kind, "message": message, "details": details, "extra_info": extra or {}}
    return Reply.of(400, {"error": error, "node_errors": nodes or {}})


def node_error(kind: str, input_name: str, details: str) -> dict[str, object]:
    """Build what a node has against one of its inputs."""
    message = {
        "value_not_in_list": "Value not in list",
        "invalid_input_type": "Failed to convert an input value to a INT value",
        "custom_validation_failed": "Custom validation failed for node",
    }
    extra = {"input_name": input_name}
    return {"type": kind, "message": message[kind], "details": details, "extra_info": extra}


def failed_validation(nodes: NodeErrors) -> Reply:
    """Build the answer to a graph of which no output is valid."""
    return refused(
        "prompt_outputs_failed_validation", "Prompt outputs failed validation", nodes=nodes
    )


def outputs_of(graph: Graph) -> list[str]:
    """Name the nodes that save something."""
    return [node_id for node_id, node in graph.items() if node.get("class_type") in SAVED]


def text_of(graph: object) -> str:
    """Return the prompt in a graph: the first text of a node that encodes one."""
    for node in graph.values() if isinstance(graph, dict) else ():
        inputs = node.get("inputs") if isinstance(node, dict) else None
        if isinstance(inputs, dict) and isinstance(inputs.get("text"), str):
            return str(inputs["text"])
    return ""


def objection(
    fields: Mapping[str, object], *, images: Collection[str], models: Collection[str]
) -> Reply | None:
    """Check what was posted to /prompt; `images` lie among the inputs, `models` empty means any."""
    if "prompt" not in fields:
        return refused("no_prompt", "No prompt provided", details="No prompt provided")
    prompt_id = fields.get("prompt_id")
    if prompt_id is not None and not _is_canonical(prompt_id):
        return refused("invalid_prompt_id", "prompt_id must be a valid UUID")
    graph = fields["prompt"]
    if not isinstance(graph, dict):
        return Reply(500, b"500 Internal Server Error", {"content-type": "text/plain"})
    for node_id, node in graph.items():
        class_type = node.get("class_type") if isinstance(node, dict) else None
        if not isinstance(class_type, str) or class_type.startswith("Missing"):
            extra = {"node_id": node_id, "class_type": class_type, "node_title": class_type}
            message = f"Node '{class_type}' not found. The custom node may not be installed."
            return refused("missing_node_type", message, extra=extra)
    if not outputs_of(graph):
        return refused("prompt_no_outputs", "Prompt has no outputs")
    nodes = {
        node_id: {
            "errors": errors,
            "dependent_outputs": outputs_of(graph),
            "class_type": node["class_type"],
        }
        for node_id, node in graph.items()
        if (errors := _errors(node, images, models))
    }
    return failed_validation(nodes) if nodes else None


def _errors(
    node: Mapping[str, Any], images: Collection[str], models: Collection[str]
) -> list[dict[str, object]]:
    errors = []
    for name, value in node.get("inputs", {}).items():
        if isinstance(value, list):  # a link to another node
            continue
        if name in WHOLE and not _reads_as_whole(value):
            errors.append(node_error("invalid_input_type", name, f"{name}, {value}"))
        if name in MODELS and models and value not in models:
            errors.append(node_error("value_not_in_list", name, f"{name}: {value!r} not in []"))
        if node["class_type"] == "LoadImage" and name == "image" and value not in images:
            details = f"image - Invalid image file: {value}"
            errors.append(node_error("custom_validation_failed", name, details))
    return errors


def _is_canonical(value: object) -> bool:
    try:
        return str(UUID(str(value))) == value
    except ValueError:
        return False


def _reads_as_whole(value: object) -> bool:
    try:
        int(str(value))
    except ValueError:
        return isinstance(value, float)
    return True


def saved_by(graph: Graph, number: int) -> dict[str, dict[str, Any]]:
    """Return what the nodes of a graph tell of the files they saved; `number` counts the jobs."""
    outputs: dict[str, dict[str, Any]] = {}
    for node_id in outputs_of(graph):
        node = graph[node_id]
        word, suffix, folder = SAVED[node["class_type"]]
        prefix = str(node.get("inputs", {}).get("filename_prefix", "ComfyUI"))
        subfolder, _, name = prefix.rpartition("/")
        file = {
            "filename": f"{name}_{number:05}_.{suffix}",
            "subfolder": subfolder,
            "type": folder,
        }
        told: dict[str, Any] = {word: [file]}
        if word == "gifs":
            file["format"] = "video/h264-mp4"
        elif suffix in {"mp4", "webm"}:
            told["animated"] = [True]
        outputs[node_id] = told
    return outputs


def where(graph: Graph) -> dict[str, object]:
    """Say where a graph stopped: at its first node, with all that a real server tells of it."""
    node_id, node = next(iter(graph.items()))
    inputs = {name: [value] for name, value in node.get("inputs", {}).items()}
    return {
        "node_id": node_id,
        "node_type": node.get("class_type"),
        "executed": [],
        "current_inputs": inputs,
        "traceback": [f'  File "/opt/ComfyUI/execution.py", line 1, in {node_id}'],
    }


def _spoken(status: int, text: str) -> Reply:
    return Reply(status, f"{status}: {text}".encode(), {"content-type": "text/plain"})


REPLIES: Final[Mapping[str, Reply]] = {
    "invalid": refused("prompt_no_outputs", "Prompt has no outputs"),
    "unauthorized": _spoken(401, "Unauthorized"),
    "forbidden": _spoken(403, "Forbidden"),
    "not_found": _spoken(404, "Not Found"),
    "unsupported": _spoken(405, "Method Not Allowed"),
    "gone": _spoken(410, "Gone"),
    "too_large": _spoken(413, "Request Entity Too Large"),
    "rate_limited": _spoken(429, "Too Many Requests"),
    "server_error": Reply(500, b"500 Internal Server Error", {"content-type": "text/plain"}),
    "bad_gateway": Reply.page(502),
    "unavailable": Reply(503),
    "gateway_timeout": Reply.page(504),
    "html": Reply.page(200),
    "no_id": Reply.of(200, {"number": 1, "node_errors": {}}),
    "broken_json": Reply(200, b'{"prompt_id":"', {"content-type": "application/json"}),
    "redirected": Reply(307, b"", {"location": "/elsewhere"}),
}
"""Answers that are wrong by themselves; 401, 403, 429 and 5xx are those of a proxy in front."""
