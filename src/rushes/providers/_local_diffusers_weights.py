"""A folder of open weights, read without loading any: which pipeline it is, and what that makes.

Facts of the pipelines (CODE: diffusers 0.42.1, `__call__` and `check_inputs` of each; RUN: made
films with tiny random weights, `make test-diffusers`; MEM: known, but not read):
- both edges are multiples of 16 (Wan) or 32 (LTX), else a ValueError. Wan's are multiples of the
  VAE's `scale_factor_spatial` times the transformer's patch, 16 or 32; another size is cut down
  in silence.                                                                            CODE, RUN
- frames are k*n + 1, with n 4 (Wan) or 8 (LTX); another count is rounded in silence.    CODE, RUN
- WanImageToVideoPipeline takes `last_image`; with an image encoder its transformer must have
  `pos_embed_seq_len`, else a tensor of the wrong size stops it.                         CODE, RUN
- a WanPipeline with `expand_timesteps` has the weights for images too (CODE, RUN); that the
  published TI2V folder says so is MEM, unverified.
- a folder of LTXPipeline has all that LTXImageToVideoPipeline needs.                    CODE, RUN
- frames a second: nothing in a folder says them. Wan 16 and its TI2V 24 (Wan-AI/Wan2.2-T2V-A14B
  -Diffusers, discussion 6, read 2026-11-27), LTX 25 (the default of `frame_rate`).      DOC, CODE

What a folder may not hold. diffusers runs a module that lies in a component's folder if
model_index.json names it, and takes a class from any library named there; transformers does the
like by `auto_map` (CODE). Pickled weights run code when they are loaded. None of this is asked of
an operator as a flag: such a folder is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from rushes.domain.spec import Mode

INDEX: Final = "model_index.json"
JSON_BYTES_MAX: Final = 4 * 2**20
LIBRARIES: Final = frozenset({"diffusers", "transformers"})
PICKLED: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle")


class Unusable(ValueError):
    """A folder that cannot be used; the sentence is for the operator, and no caller sees it."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What one class of diffusers makes: `edge_px` and `frame_step` are what its sizes follow."""

    name: str
    edge_px: int
    frame_step: int
    fps: int


WAN: Final = Pipeline("WanPipeline", edge_px=16, frame_step=4, fps=16)
WAN_BOTH_FPS: Final = 24
"""Of weights for words and images in one, which are WAN's in a folder."""

WAN_IMAGE: Final = Pipeline("WanImageToVideoPipeline", edge_px=16, frame_step=4, fps=16)
LTX: Final = Pipeline("LTXPipeline", edge_px=32, frame_step=8, fps=25)
LTX_IMAGE: Final = Pipeline("LTXImageToVideoPipeline", edge_px=32, frame_step=8, fps=25)

PIPELINES: Final[Mapping[str, Mapping[Mode, Pipeline]]] = {
    WAN.name: {Mode.TEXT_TO_VIDEO: WAN, Mode.IMAGE_TO_VIDEO: WAN_IMAGE},
    WAN_IMAGE.name: {Mode.IMAGE_TO_VIDEO: WAN_IMAGE, Mode.FIRST_LAST_FRAME: WAN_IMAGE},
    LTX.name: {Mode.TEXT_TO_VIDEO: LTX, Mode.IMAGE_TO_VIDEO: LTX_IMAGE},
    LTX_IMAGE.name: {Mode.TEXT_TO_VIDEO: LTX, Mode.IMAGE_TO_VIDEO: LTX_IMAGE},
}
"""By the class that a folder says it is: its modes, and the class that makes each."""


def pipelines_in(folder: Path) -> Mapping[Mode, Pipeline]:
    """Return what a folder of weights makes; reads small files only, and runs none.

    Raises:
        Unusable: it is no such folder, not one that we know, or not one to be trusted.
        OSError: it cannot be read now.
    """
    index = _json(folder / INDEX, f"{folder} has no {INDEX}")
    name = index.get("_class_name")
    found = PIPELINES.get(name) if isinstance(name, str) else None
    if found is None:
        raise Unusable(f"{folder} is a {name!r}; known are {', '.join(PIPELINES)}")
    components = dict(_components(index, folder))
    for component in components:
        _trust(folder / component)
    _trust_no_module(folder)
    return _possible(found, folder, index, components)


def _components(index: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, str]]:
    """Return the components of a pipeline that are there, each with its library.

    Raises:
        Unusable: one is to come from anywhere else, or lies outside of the folder.
    """
    for component, said in index.items():
        if component.startswith("_") or not isinstance(said, list):
            continue
        library = said[0] if said else None
        if library is None:
            continue
        if library not in LIBRARIES:
            raise Unusable(f"{folder} takes its {component} from {library!r}: it may run code")
        if Path(component).name != component or not (folder / component).is_dir():
            raise Unusable(f"{folder} has no folder for its {component}")
        yield component, library


def _trust(component: Path) -> None:
    """Refuse a component that brings code, or weights that are only there pickled."""
    config = component / "config.json"
    if config.exists() and "auto_map" in _json(config, ""):
        raise Unusable(f"{component} brings a class of its own (auto_map): it would run code")
    _trust_no_module(component)
    is_pickled = any(next(component.glob(pattern), None) for pattern in PICKLED)
    if is_pickled and next(component.glob("*.safetensors"), None) is None:
        raise Unusable(f"{component} has its weights pickled; only safetensors are loaded")


def _trust_no_module(folder: Path) -> None:
    if module := next(folder.glob("*.py"), None):
        raise Unusable(f"{module} is code; a folder of weights has none")


def _possible(
    found: Mapping[Mode, Pipeline],
    folder: Path,
    index: Mapping[str, Any],
    components: Mapping[str, str],
) -> dict[Mode, Pipeline]:
    """Leave out the modes for which these weights are not made."""
    possible = dict(found)
    if WAN.name in {pipeline.name for pipeline in found.values()}:
        if index.get("expand_timesteps") is not True:
            del possible[Mode.IMAGE_TO_VIDEO]
        else:
            possible = {mode: replace(each, fps=WAN_BOTH_FPS) for mode, each in possible.items()}
    if Mode.FIRST_LAST_FRAME in possible and "image_encoder" in components:
        config = _json(folder / "transformer" / "config.json", f"{folder} has no transformer")
        if config.get("pos_embed_seq_len") is None:
            del possible[Mode.FIRST_LAST_FRAME]
    if next(iter(found.values())) in {WAN, WAN_IMAGE}:
        edge_px = _edge_px(folder)
        possible = {mode: replace(each, edge_px=edge_px) for mode, each in possible.items()}
    return possible


def _edge_px(folder: Path) -> int:
    """Return what both edges of Wan's films are multiples of."""
    missing = f"{folder} has no config of its vae, or of its transformer"
    scale = _json(folder / "vae" / "config.json", missing).get("scale_factor_spatial", 8)
    patch = _json(folder / "transformer" / "config.json", missing).get("patch_size", [1, 2, 2])
    match scale, patch:
        case int(), [_, int(tall), int(wide)] if scale > 0 < tall == wide:
            return max(WAN.edge_px, scale * tall)
    raise Unusable(f"{folder} has a vae or a transformer of a shape that we do not know")


def _json(path: Path, missing: str) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(JSON_BYTES_MAX + 1)
        return msgspec.json.decode(content[:JSON_BYTES_MAX], type=dict[str, Any])
    except (FileNotFoundError, NotADirectoryError):
        raise Unusable(missing or f"{path} is not there") from None
    except msgspec.DecodeError:
        raise Unusable(f"{path} is no JSON object") from None
