"""The scene of `comfyui`: its simulator, and the faults that make each situation.

Its films begin with an image, so that every submit has an upload before it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import comfyui
from rushes.providers.base import Provider
from rushes.providers.rest import Credential
from rushes.testing.conformance.scenes.simulated import (
    Setting,
    simulated,
    usual_rules,
)
from rushes.testing.conformance.stage import Situation, Stage
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.comfyui import ComfyUIServer, Settings
from rushes.testing.simulators.comfyui_graphs import node_error
from rushes.testing.simulators.films import tiny_still
from rushes.testing.simulators.host import LOOPBACK
from rushes.testing.simulators.script import Rule

KEY: Final = "sk-" + 8 * "Winter42"
IMAGE: Final = sha256(tiny_still("PNG")).hexdigest()

WORKFLOW: Final[Mapping[str, Mapping[str, object]]] = {
    "1": {"class_type": "UNETLoader", "inputs": {"unet_name": "wan.safetensors"}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "{{prompt}}", "clip": ["1", 0]}},
    "3": {"class_type": "LoadImage", "inputs": {"image": "{{first_frame}}"}},
    "4": {
        "class_type": "WanImageToVideo",
        "inputs": {
            "width": "{{width}}",
            "height": "{{height}}",
            "length": "{{frames}}",
            "positive": ["2", 0],
            "start_image": ["3", 0],
        },
    },
    "5": {
        "class_type": "SaveVideo",
        "inputs": {"filename_prefix": "rushes/{{submit}}", "video": ["4", 0]},
    },
}
"""A graph of the house's own; it would render nothing on a real server."""


def _refused(node_id: str, error: Mapping[str, object]) -> Mapping[str, object]:
    """Describe an answer in which one node of the workflow refuses one of its inputs."""
    top = {
        "type": "prompt_outputs_failed_validation",
        "message": "Prompt outputs failed validation",
        "details": "",
        "extra_info": {},
    }
    node = {
        "errors": [error],
        "dependent_outputs": ["5"],
        "class_type": WORKFLOW[node_id]["class_type"],
    }
    return {"status": 400, "body": {"error": top, "node_errors": {node_id: node}}}


_TOO_SMALL: Final = node_error("custom_validation_failed", "image", "image - it is too small")
_NO_MODEL: Final = node_error("value_not_in_list", "unet_name", "'wan.safetensors' not in []")
RULES: Final[Mapping[Situation, Rule]] = {
    **usual_rules(look="queue", film="view", cancel="delete"),
    Situation.PARAMETERS_REFUSED: Rule("create", "answer", value=_refused("3", _TOO_SMALL)),
    Situation.MODEL_RETIRED: Rule("create", "answer", value=_refused("1", _NO_MODEL)),
    Situation.UNKNOWN_WORD: Rule("queue", "unknown_word", value="paused"),
    Situation.NOT_THERE_ONCE: Rule("queue", "hide"),
    Situation.CANCEL_REFUSED: Rule("delete", "overtaken"),
    Situation.LIST_LAGS: Rule("queue", "hide"),
    Situation.LIST_UNAVAILABLE: Rule("queue", "bad_gateway"),
    Situation.FILM_GONE: Rule("view", "gone"),
}
"""Each strikes once."""

SPEC: Final = Spec(
    model="wan2.2",
    mode=Mode.IMAGE_TO_VIDEO,
    prompt="A paper boat on a quiet canal.",
    seconds=5,
    size=Size(1280, 720),
    seed=7,
    assets=(Asset(Role.FIRST_FRAME, "image", blob=IMAGE, content_type="image/png"),),
)


class _OneImage:
    """Assets of a caller who sent one image."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def path_of(self, blob: str) -> Path:
        """Return the image."""
        return self._folder / blob


def _impossible() -> tuple[Spec, ...]:
    last = Asset(Role.LAST_FRAME, "last_frame", blob=IMAGE, content_type="image/png")
    modes = [mode for mode in Mode if mode is not Mode.IMAGE_TO_VIDEO]
    others = [replace(SPEC, mode=mode, assets=()) for mode in modes]
    return (*others, replace(SPEC, assets=()), replace(SPEC, assets=(*SPEC.assets, last)))


def _server(clock: ManualClock, elsewhere: str) -> ComfyUIServer:
    """Make a server; the stage knows one pace for all jobs, so they do not wait for each other."""
    del elsewhere  # films are its own
    return ComfyUIServer(clock=clock, settings=Settings(key=KEY, at_once=None))


def _setting(folder: Path) -> Setting:
    path = folder / "image_to_video.json"
    path.write_bytes(msgspec.json.encode(WORKFLOW))

    def build(port: int, options: Mapping[str, object]) -> Provider:
        return comfyui.build(
            name="gpu",
            base_url=f"http://{LOOPBACK}:{port}",
            credential=Credential("env:UPSTREAM_KEY", KEY),
            profile=None,
            options={"workflows": {"image_to_video": str(path)}, **options},
        )

    return Setting(
        server=_server,
        build=build,
        rules=RULES,
        spec=SPEC,
        upstream_model="wan2.2",
        secret=KEY,
        impossible=_impossible(),
        advice_s=comfyui.LOOK_AGAIN_S,
    )


@asynccontextmanager
async def _open() -> AsyncIterator[Stage]:
    with TemporaryDirectory(prefix="rushes-comfyui-") as name:
        folder = Path(name)
        (folder / IMAGE).write_bytes(tiny_still("PNG"))
        async with simulated(_setting(folder)) as stage:
            stage.assets = _OneImage(folder)
            yield stage


class _Scene:
    """How to put up a stage for `comfyui`."""

    kind = "comfyui"
    skips: Mapping[str, str] = {
        "a_submit_is_refused[[]moderated_at_submit]": "it moderates nothing",
        "a_submit_is_refused[[]out_of_money]": "own GPUs have no account",
        "a_submit_meets_a_busy_provider[[]overloaded]": "its queue has no end, so it never is",
        "moderation_of_the_output_is_a_verdict": "it moderates nothing",
        "a_failure_in_an_http_error_is_read": "a history is told with 200, whatever is in it",
        "a_find_of_two_knows_nothing": "a prompt is found by our own id, never by likeness",
        "a_silent_list_knows_nothing": "a prompt is found by our own id, never by likeness",
    }

    def open(self) -> AbstractAsyncContextManager[Stage]:
        """Put up a stage."""
        return _open()


scene = _Scene()
