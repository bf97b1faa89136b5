"""All places by kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from rushes.studio.plan import Scene
from rushes.studio.scenes import (
    aloft,
    city,
    deep,
    desert,
    forest,
    forms,
    meadow,
    mountain,
    road,
    room,
    sea,
    space,
)
from rushes.studio.scenes.setting import Setting
from rushes.studio.stage import Piece

BUILDERS: Final[Mapping[Scene, Callable[[Setting], list[Piece]]]] = {
    Scene.SEA: sea.build,
    Scene.CITY: city.build,
    Scene.FOREST: forest.build,
    Scene.MOUNTAIN: mountain.build,
    Scene.DESERT: desert.build,
    Scene.SPACE: space.build,
    Scene.UNDERWATER: deep.build,
    Scene.MEADOW: meadow.build,
    Scene.SKY: aloft.build,
    Scene.ROAD: road.build,
    Scene.WINDOW: room.build,
    Scene.ABSTRACT: forms.build,
}
