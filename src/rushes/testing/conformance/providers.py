"""The suite that every provider is held to, by standing in the package.

Each check puts one promise of `providers.base` to the test, on a stage of the provider's own
scene. The promise that counts most: one call of `submit` is one submit upstream, whatever
happens.

    for kind in registry.kinds():
        for scene in scenes_of(kind).values():
            for name in CHECKS:
                if skipped(scene, name) is None:
                    await hold(scene, name)
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from importlib import import_module
from importlib.util import find_spec
from typing import Final, cast

from rushes.testing.conformance import films, looks, scenes, submits
from rushes.testing.conformance.asking import Check
from rushes.testing.conformance.stage import Scene

CHECKS: Final[Mapping[str, Check]] = {**submits.CHECKS, **looks.CHECKS, **films.CHECKS}


class NoScene(LookupError):
    """A provider stands in the package without a scene, so nothing holds it to anything."""


def scene_of(kind: str) -> Scene:
    """Return the scene of a kind: `scene` in the module `conformance.scenes.<kind>`.

    Raises:
        NoScene: there is none.
    """
    module = f"{scenes.__name__}.{kind}"
    if find_spec(module) is None:
        raise NoScene(f"provider kind {kind!r} has no scene; write {module}")
    return cast("Scene", import_module(module).scene)


def scenes_of(kind: str) -> Mapping[str, Scene]:
    """Return all scenes of a kind: one, or where it has profiles, one for each as `kind.profile`.

    The latter are the mapping `scenes` of the module, beside its `scene`.

    Raises:
        NoScene: there is none.
    """
    scene = scene_of(kind)
    several = getattr(import_module(f"{scenes.__name__}.{kind}"), "scenes", None)
    if several is None:
        return {kind: scene}
    return {f"{kind}.{profile}": each for profile, each in several.items()}


def stale_skips(scene: Scene) -> list[str]:
    """Return the skips of a scene that fit no check, or give no reason."""
    return [
        pattern
        for pattern, reason in scene.skips.items()
        if not reason.strip() or not any(fnmatchcase(name, pattern) for name in CHECKS)
    ]


def skipped(scene: Scene, name: str) -> str | None:
    """Return why a check cannot apply to a kind, by its own declaration; None if it does."""
    fits = (why for pattern, why in scene.skips.items() if fnmatchcase(name, pattern))
    return next(fits, None)


async def hold(scene: Scene, name: str) -> None:
    """Hold a provider to one check.

    Raises:
        BrokenPromise: it does not keep it.
    """
    async with scene.open() as stage:
        await CHECKS[name](stage)
