"""Workflows of an operator's own, and the slots into which a task's values go.

A workflow is a graph in ComfyUI's API format, as its editor exports it: nodes by their id, each
with `class_type` and `inputs`. A slot is written into an input, `"text": "{{prompt}}"`. A text
that is nothing but a slot takes the value as it is, a number as a number; within a longer text
the value is written out. Values go into the graph after it was read, and once: what a caller
writes can neither leave its place nor open another slot.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from rushes.domain.errors import Blame, Failure, Reason
from rushes.domain.spec import SECONDS_BY_PROVIDER, Asset, Mode, Role, Spec
from rushes.providers.base import Refused
from rushes.providers.options import Options
from rushes.providers.orders import sendable
from rushes.providers.rest import Timeouts

WORKFLOW_BYTES_MAX: Final = 2**20
REFERENCE_IMAGES_MAX: Final = 9
FPS: Final = 16
FPS_MAX: Final = 120

SLOT: Final = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")

VALUES: Final = (
    "prompt",
    "negative_prompt",
    "seed",
    "width",
    "height",
    "seconds",
    "fps",
    "frames",
    "submit",
)
REFERENCES: Final = tuple(f"reference_image_{n}" for n in range(1, REFERENCE_IMAGES_MAX + 1))
FRAMES: Final = ("first_frame", "last_frame")
FILES: Final = frozenset({*FRAMES, *REFERENCES})

FILES_OF: Final[Mapping[Mode, tuple[str, ...]]] = {
    Mode.TEXT_TO_VIDEO: (),
    Mode.IMAGE_TO_VIDEO: ("first_frame",),
    Mode.FIRST_LAST_FRAME: FRAMES,
    Mode.REFERENCE_TO_VIDEO: REFERENCES,
}
"""The slots for files that a workflow of a mode may have; the first two modes of images must."""

_KNOWN: Final = f"{', '.join((*VALUES, *FRAMES))}, {REFERENCES[0]} to {REFERENCES[-1]}"
_NEEDED: Final = ("first_frame", "last_frame", "reference_image_1")

Graph = Mapping[str, Mapping[str, Any]]
"""Nodes by their id."""

Value = str | int


@dataclass(frozen=True, slots=True)
class Workflow:
    """A graph with slots; `name` is what the operator calls it, `slots` those it has."""

    name: str
    graph: Graph
    slots: frozenset[str]

    def filled(self, values: Mapping[str, Value]) -> dict[str, Any]:
        """Return the graph with every slot filled; there is a value for each."""
        return {
            node_id: {**node, "inputs": _changed(node["inputs"], lambda text: _fill(text, values))}
            for node_id, node in self.graph.items()
        }

    def slots_in(self, node_id: str, input_name: str) -> frozenset[str]:
        """Return the slots of one input."""
        value = self.graph.get(node_id, {}).get("inputs", {}).get(input_name)
        return frozenset(slot for text in _texts(value) for slot in SLOT.findall(text))


@dataclass(frozen=True, slots=True)
class Told:
    """What a workflow is told of a spec: values by slot, and files that must be uploaded first."""

    workflow: Workflow
    values: Mapping[str, Value]
    files: Mapping[str, Asset]


@dataclass(frozen=True, slots=True)
class Workflows:
    """All workflows of a provider by name: `MODE`, or `VARIANT.MODE`.

    `fps` counts where the caller does not say. `adds_a_frame` makes `frames` one more than
    seconds x fps: models that compress time by n want n*k + 1 frames.
    """

    by_name: Mapping[str, Workflow]
    fps: int = FPS
    adds_a_frame: bool = False

    def told(self, spec: Spec, upstream_model: str, *, submit: str) -> Told:
        """Put a spec into the slots of the workflow that makes it.

        Raises:
            Refused: there is none, or it cannot be told all; another route may, so no caller
                is blamed.
        """
        variant = self.by_name.get(f"{upstream_model}.{spec.mode}")
        workflow = variant or self.by_name.get(spec.mode)
        if workflow is None:
            raise _refused(spec, f"The provider has no workflow for the mode {spec.mode}.")
        files = _files(spec)
        for slot in files:
            if slot not in workflow.slots:
                raise _refused(spec, f"The provider's workflow takes no {noun(slot)}.")
        values = self._values(spec, workflow.slots, submit)
        for slot in workflow.slots:
            if slot not in values and slot not in files:
                raise _refused(spec, f"The provider's workflow needs a {noun(slot)}.")
        return Told(workflow, values, files)

    def _values(self, spec: Spec, slots: frozenset[str], submit: str) -> dict[str, Value]:
        values: dict[str, Value] = {
            "prompt": sendable(spec.prompt),
            "negative_prompt": sendable(spec.negative_prompt or ""),
            "seed": spec.seed,
            "width": spec.size.width_px,
            "height": spec.size.height_px,
            "submit": submit,
        }
        if not slots & {"seconds", "fps", "frames"}:
            return values
        fps = spec.options.get("fps", self.fps) if "fps" in slots else self.fps
        if isinstance(fps, bool) or not isinstance(fps, int) or not 0 < fps <= FPS_MAX:
            raise _refused(spec, f"'fps' is a whole number from 1 to {FPS_MAX}.")
        values["fps"] = fps
        if slots & {"seconds", "frames"}:
            if spec.seconds == SECONDS_BY_PROVIDER:
                raise _refused(spec, "The provider does not choose the length of a film.")
            values["seconds"] = spec.seconds
            values["frames"] = spec.seconds * fps + self.adds_a_frame
        return values


@dataclass(frozen=True, slots=True)
class Setting:
    """What an operator says of a provider, read and checked."""

    instances: tuple[str, ...]
    workflows: Workflows
    output_node: str | None
    timeouts: Timeouts


def setting_in(base_url: str | None, options: Mapping[str, object]) -> Setting:
    """Read an operator's options, and the workflows they name.

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    said = Options("comfyui", options)
    given, paths = said.any("instances"), said.any("workflows")
    fps, adds_a_frame = said.whole("fps", 1, FPS_MAX) or FPS, said.flag("frames_plus_one")
    node, timeouts = said.text("output_node"), said.timeouts()
    said.check_all_known()
    instances = _instances(base_url, given)
    workflows = Workflows(_workflows(paths), fps, adds_a_frame)
    for workflow in workflows.by_name.values():
        if node is not None and node not in workflow.graph:
            raise ValueError(f"workflow {workflow.name!r} has no output_node {node!r}")
    return Setting(instances, workflows, node, timeouts)


def _instances(base_url: str | None, given: object) -> tuple[str, ...]:
    if given is None:
        if not base_url:
            raise ValueError("comfyui needs a base_url, such as http://10.0.0.5:8188, or instances")
        return (base_url.rstrip("/"),)
    listed = given if isinstance(given, list | tuple) else ()
    found = tuple(each.rstrip("/") for each in listed if isinstance(each, str) and each)
    if not found or len(found) != len(listed):
        raise ValueError(f"option 'instances' is a list of addresses; got {given!r}")
    if len(set(found)) != len(found):
        raise ValueError("option 'instances' names an address twice")
    if base_url and base_url.rstrip("/") not in found:
        raise ValueError("base_url is none of the instances; leave it out, or list it")
    return found


def _workflows(paths: object) -> dict[str, Workflow]:
    if not isinstance(paths, dict) or not paths:
        raise ValueError(
            "comfyui needs the option workflows: paths of graphs in API format by mode, such as "
            '{ text_to_video = "t2v.json" }'
        )
    return {name: read(name, path) for name, path in _paths(paths, "")}


def _paths(given: Mapping[str, object], above: str) -> Iterator[tuple[str, Path]]:
    """Read names and paths; TOML makes a table of `wan22.text_to_video = "…"` without quotes."""
    for name, value in given.items():
        if isinstance(value, dict):
            yield from _paths(value, f"{above}{name}.")
        elif isinstance(value, str) and value:
            yield f"{above}{name}", Path(value).expanduser()
        else:
            raise ValueError(f"workflow {above + name!r} is no path; got {value!r}")


def read(name: str, path: Path) -> Workflow:
    """Read a workflow and check it as far as it can be without its server.

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    mode = _mode_in(name)
    try:
        with path.open("rb") as file:
            text = file.read(WORKFLOW_BYTES_MAX + 1)
    except OSError as error:
        raise ValueError(f"workflow {name!r}: {path} cannot be read: {error.strerror}") from error
    if len(text) > WORKFLOW_BYTES_MAX:
        raise ValueError(f"workflow {name!r}: {path} has more than {WORKFLOW_BYTES_MAX} bytes")
    graph = _graph_in(text, f"workflow {name!r}: {path}")
    slots = frozenset(slot for text in _texts_of(graph) for slot in SLOT.findall(text))
    complaint = _complaint(mode, slots)
    if complaint:
        raise ValueError(f"workflow {name!r}: {path} {complaint}")
    return Workflow(name, graph, slots)


def _mode_in(name: str) -> Mode:
    word = name.rpartition(".")[2]
    if word not in FILES_OF:
        known = ", ".join(FILES_OF)
        raise ValueError(f"workflow {name!r} is for no mode; it is MODE or VARIANT.MODE of {known}")
    return Mode(word)


def _graph_in(text: bytes, where: str) -> Graph:
    try:
        graph = msgspec.json.decode(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} is no JSON") from error
    is_unexported = isinstance(graph, dict) and isinstance(graph.get("nodes"), list)
    if is_unexported:
        raise ValueError(f"{where} is a workflow as the editor saves it; use its Export (API)")
    nodes = list(graph.values()) if isinstance(graph, dict) else []
    are_nodes = all(
        isinstance(node, dict)
        and isinstance(node.get("class_type"), str)
        and isinstance(node.get("inputs"), dict)
        for node in nodes
    )
    if not nodes or not are_nodes:
        raise ValueError(f"{where} is no graph in API format: nodes with class_type and inputs")
    return dict(graph)


def _complaint(mode: Mode, slots: frozenset[str]) -> str:
    known = {*VALUES, *FILES}
    strange = sorted(slots - known)
    if strange:
        return f"has a slot {_braced(strange[0])} that nobody fills; known are {_KNOWN}"
    if "prompt" not in slots:
        return "has no slot {{prompt}}: it would make the same film of every wish"
    files = FILES_OF[mode]
    missing = [slot for slot in files if slot in _NEEDED and slot not in slots]
    if missing:
        return f"has no slot {_braced(missing[0])}, which {mode} is about"
    unfed = sorted(slots - set(VALUES) - set(files))
    if unfed:
        return f"has a slot {_braced(unfed[0])}, but {mode} brings no such file"
    return ""


def _files(spec: Spec) -> dict[str, Asset]:
    """Name the slots of a spec's files.

    Raises:
        Refused: a file has no slot in any workflow.
    """
    files: dict[str, Asset] = {}
    references = iter(REFERENCES)
    for asset in spec.assets:
        is_reference = asset.role is Role.REFERENCE_IMAGE
        slot = next(references, "") if is_reference else str(asset.role)
        if not slot:
            most = f"no more than {REFERENCE_IMAGES_MAX} reference images"
            raise _refused(spec, f"The provider's workflow takes {most}.")
        if slot not in FILES:
            raise _refused(spec, f"The provider's workflow takes no {noun(slot)}.")
        files[slot] = asset
    return files


def _refused(spec: Spec, sentence: str) -> Refused:
    failure = Failure.of(Reason.PARAMETERS_REFUSED, sentence)
    return Refused(failure, Blame.PROVIDER, note=f"workflows: {spec.mode}")


def _braced(slot: str) -> str:
    return "{{" + slot + "}}"


def noun(slot: str) -> str:
    """Call a file of a caller by a name that a caller understands."""
    return slot.replace("_", " ")


def _texts(value: object) -> Iterator[str]:
    """Find every text in an input, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _texts_of(graph: Graph) -> Iterator[str]:
    for node in graph.values():
        yield from _texts(node["inputs"])


def _changed(value: Any, change: Callable[[str], object]) -> Any:  # noqa: ANN401 -- any JSON
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _changed(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_changed(item, change) for item in value]
    return value


def _fill(text: str, values: Mapping[str, Value]) -> Value:
    whole = SLOT.fullmatch(text)
    if whole:
        return values[whole[1]]
    return SLOT.sub(lambda slot: str(values[slot[1]]), text)
