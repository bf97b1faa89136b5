"""Writes docs/providers.md from the code: what each kind offers, and what holds it to that.

    python -m rushes.testing.providers_page docs/providers.md      # or: make docs

Nothing is listed by hand. Kinds and profiles come from the registry, what they can do from the
conformance suite (a check that applies is a promise that is held, a skip is a reason), how films
travel from watching one travel, and what was live from the pages in docs/live.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Final

from rushes.domain.spec import Mode
from rushes.providers import registry
from rushes.providers.rest import EAR, Call
from rushes.testing.conformance import scenes
from rushes.testing.conformance.asking import bytes_of, made
from rushes.testing.conformance.providers import CHECKS, NoScene, scene_of, skipped
from rushes.testing.conformance.scenes.simulated import SimulatedStage
from rushes.testing.conformance.stage import Scene
from rushes.testing.live import Live, read_live

COMMAND: Final = "make docs"
CANCEL: Final = "an_early_cancel_stops"
FIND: Final = "a_find_finds_the_one"
BELOW: Final = "see below"

HEAD: Final = f"""# Providers

Written by `{COMMAND}` from the code; whoever adds or merges a provider runs it again, and a test
compares. How each is configured: `docs/how-to/`.

* **cancel**, **find**: held by the conformance suite; else the reason why not is below. *Find* is
  looking for a submit that got no answer.
* **film**: how its bytes come to us. **hints**: whether the upstream can ring us. **looks**: the
  most that an account allows.
* Where an option is named, what its column says is off without it.
* **simulator**: it can be developed against for nothing (`rushes simulate`). **held to**: the
  upstream's own SDK is satisfied with that simulator.
* **live**: the last day of a film that somebody had made with a key of their own, by the pages in
  `docs/live/`. Nothing else is called live.
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """One row: a kind, or a profile of one."""

    kind: str
    profile: str | None
    modes: str
    cancel: str = "not held: there is no scene"
    find: str = "not held: there is no scene"
    film: str = "-"
    hints: str = "-"
    looks: str = "-"
    simulator: str = "no"
    held_to: str = "-"
    live: str = "-"
    reasons: tuple[tuple[str, int], ...] = ()


def page(live: Path) -> str:
    """Return the page; `live` is the folder of pages about live films."""
    proven = list(read_live(live))
    rows = [asyncio.run(facts_of(kind, profile, proven)) for kind, profile in everyone()]
    lines = [HEAD, *_table(rows), "", *_notes(rows), "", *_unread()]
    return "\n".join(lines).rstrip() + "\n"


def everyone() -> Iterator[tuple[str, str | None]]:
    """Return every kind in the package, with each of its profiles."""
    for kind in registry.kinds():
        yield from ((kind, profile) for profile in registry.profiles_of(kind) or (None,))


def scene_for(kind: str, profile: str | None) -> Scene | None:
    """Return the scene of a profile: its own, or that of a kind which has one for all."""
    try:
        scene = scene_of(kind)
    except NoScene:
        return None
    several: Mapping[str, Scene] | None = getattr(
        import_module(f"{scenes.__name__}.{kind}"), "scenes", None
    )
    if several is not None:
        return several.get(profile or "")
    is_first = profile in {None, next(iter(registry.profiles_of(kind)), None)}
    return scene if is_first else None


async def facts_of(kind: str, profile: str | None, proven: Sequence[Live]) -> Facts:
    """Gather what is known of a kind or profile."""
    modes, live = modes_of(kind, profile), live_of(kind, profile, proven)
    scene = scene_for(kind, profile)
    if scene is None:
        return Facts(kind, profile, modes, live=live)
    cancel, find = (BELOW if skipped(scene, check) else "yes" for check in (CANCEL, FIND))
    module = import_module(f"rushes.providers.{kind}")
    find_wants = getattr(module, "FIND_WANTS", None)
    if find_wants and find == "yes":
        find = f"with `{find_wants}`"
    reasons = reasons_of(scene)
    if registry.setup_of(kind).is_built_in:
        film = "made on this machine"
        return Facts(kind, profile, modes, cancel, find, film=film, live=live, reasons=reasons)
    calls: list[Call] = []
    async with scene.open() as stage:
        provider = stage.provider
        takes_hints, looks = provider.takes_hints, provider.looks_per_s_max
        handle = await made(stage)
        ear = EAR.set(calls.append)
        try:
            await bytes_of(stage, handle)
        finally:
            EAR.reset(ear)
        server = stage.simulator if isinstance(stage, SimulatedStage) else None
    return Facts(
        kind,
        profile,
        modes,
        cancel,
        find,
        film=_transport(calls),
        hints=_hints(getattr(module, "HINT_WANTS", None), takes_hints=takes_hints),
        looks=f"{looks:g} a second" if looks else "no limit known",
        simulator="no" if server is None else f"`{type(server).__name__}`",
        held_to=str(getattr(sys.modules[type(server).__module__], "HELD_TO", "-")),
        live=live,
        reasons=reasons,
    )


def modes_of(kind: str, profile: str | None) -> str:
    """Return the modes a profile or module declares; without a declaration the cards decide."""
    described = registry.profiles_of(kind).get(profile or "")
    module = import_module(f"rushes.providers.{kind}")
    modes = getattr(described, "modes", None) or getattr(module, "MODES", None)
    if not modes:
        return "as the model's card says"
    return ", ".join(mode.value for mode in Mode if mode in modes)


def live_of(kind: str, profile: str | None, proven: Sequence[Live]) -> str:
    """Return the last day on which it was live; a film without a profile speaks for the first."""
    first = next(iter(registry.profiles_of(kind)), None)
    days = [one.on for one in proven if one.kind == kind and (one.profile or first) == profile]
    return max(days).isoformat() if days else "no"


def reasons_of(scene: Scene) -> tuple[tuple[str, int], ...]:
    """Return why checks cannot apply to a scene, and to how many each reason speaks."""
    return tuple(
        (reason, sum(fnmatchcase(name, pattern) for name in CHECKS))
        for pattern, reason in scene.skips.items()
    )


def _hints(wanted: str | None, *, takes_hints: bool) -> str:
    """Say whether an upstream can ring us; a scene may be one with the option, or without."""
    if wanted:
        return f"with `{wanted}`"
    return "yes" if takes_hints else "no"


def _transport(calls: Sequence[Call]) -> str:
    if not calls:
        return "from this machine"
    last = calls[-1]
    if not last.is_own:
        return "by a link to another host"
    return "from the provider, with the key" if last.has_key else "by a link, without the key"


def _table(rows: Sequence[Facts]) -> list[str]:
    names = ("kind", "profile", "modes", "cancel", "find", "film", "hints", "looks")
    more = ("simulator", "held to", "live")
    lines = [f"| {' | '.join((*names, *more))} |", f"|{'---|' * (len(names) + len(more))}"]
    for row in rows:
        cells = [
            f"`{row.kind}`",
            f"`{row.profile}`" if row.profile else "-",
            *(row.modes, row.cancel, row.find, row.film, row.hints, row.looks),
            *(row.simulator, row.held_to, row.live),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _notes(rows: Sequence[Facts]) -> Iterator[str]:
    yield f"## What cannot be held, of {len(CHECKS)} checks"
    yield ""
    for row in rows:
        name = f"`{row.kind}`" + (f", `{row.profile}`" if row.profile else "")
        counts: dict[str, int] = {}
        for reason, count in row.reasons:
            counts[reason] = counts.get(reason, 0) + count
        told = "; ".join(f"{reason} ({count})" for reason, count in counts.items())
        yield f"* {name}: {told or 'nothing is skipped'}."


def _unread() -> Iterator[str]:
    yield "## What nobody read"
    yield ""
    yield "Facts of each protocol that rest on memory (MEM) or were found nowhere (UNKNOWN), with"
    yield "what else they rest on; the docstring of a module has the others. `rushes doctor` counts"
    yield "them, and `rushes verify-provider` tries a provider with one small film."
    for kind in registry.kinds():
        facts = registry.unverified_of(kind)
        if facts:
            yield ""
            yield f"**`{kind}`**"
            yield ""
            yield from (f"* {fact}" for fact in facts)


def main(words: Sequence[str] | None = None) -> int:
    """Write the page to a file, or print it."""
    said = sys.argv[1:] if words is None else words
    place = Path(said[0]) if said else None
    text = page((place.parent if place else Path("docs")) / "live")
    if place is None:
        sys.stdout.write(text)
    else:
        place.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
