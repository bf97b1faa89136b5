"""Films that become other films: a remix, an edit, an extension (CONTRACT §4, §7)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from rushes.domain.catalog import SHORT_PX, Listing, ModelCard, Sound, size_of
from rushes.domain.errors import InvalidMedia, InvalidValue, MissingParameter, Unsupported
from rushes.domain.spec import (
    FILM_SECONDS_MAX,
    SECONDS_BY_PROVIDER,
    Asset,
    Mode,
    Role,
    Said,
    Size,
    Spec,
    Wish,
    parse_size,
)
from rushes.domain.task import Task
from rushes.gateway.inputs import File
from rushes.ports import Artifact

EXTENSIONS_S: Final = (4, 8, 12, 16, 20)
"""By how many seconds a film can be extended."""

EDGE_PX_MIN: Final = 16
_VERBS: Final = {Mode.REMIX: "remix", Mode.EDIT: "edits", Mode.EXTEND: "extensions"}


@dataclass(frozen=True, slots=True)
class Source:
    """A whole film that becomes another one.

    `spec` is what its task asked for; None of a film that came along. `seconds` is measured,
    `asked_s` the whole seconds it counts as.
    """

    asset: Asset
    size: Size
    seconds: float | None
    asked_s: int
    spec: Spec | None = None
    task_id: str | None = None

    def spec_for(self, mode: Mode, listing: Listing, wish: Wish, seed: int) -> Spec:
        """Return what a wish makes of this film.

        Raises:
            InvalidValue: the film would become too long.
        """
        spec = self.spec or _spec_of(listing.card, mode, self.size)
        added_s = wish.seconds.value if wish.seconds is not None else 0
        if added_s and self.asked_s + added_s > FILM_SECONDS_MAX:
            raise InvalidValue(
                f"A film may become {FILM_SECONDS_MAX} s long; {self.asked_s} and {added_s} are "
                f"{self.asked_s + added_s}.",
                param=wish.seconds.param if wish.seconds else "seconds",
            )
        seconds = self.asked_s + added_s
        if mode is Mode.REMIX and self.spec is not None:
            seconds = self.spec.seconds
        return replace(
            spec,
            model=listing.id,
            mode=mode,
            prompt=wish.prompt.value if wish.prompt is not None else "",
            assets=(self.asset,),
            seconds=seconds,
            size=self.size,
            seed=seed,
            source_id=self.task_id,
            source_seconds=self.seconds,
            script=None,
        )


def check_wish(mode: Mode, wish: Wish) -> None:
    """Check what must be said beside a source.

    Raises:
        MissingParameter, InvalidValue: with the caller's spelling.
    """
    if wish.prompt is None:
        raise MissingParameter("'prompt' is required.", param="prompt")
    if mode is not Mode.EXTEND:
        return
    if wish.seconds is None:
        raise MissingParameter(
            "'seconds' is required: by how much the film is extended.", param="seconds"
        )
    if wish.seconds.value not in EXTENSIONS_S:
        allowed = ", ".join(map(str, EXTENSIONS_S))
        raise InvalidValue(
            f"'{wish.seconds.param}' must be one of {allowed}; got {wish.seconds.value}.",
            param=wish.seconds.param,
        )


def check_mode(mode: Mode, listing: Listing) -> None:
    """Refuse a model whose card lacks the mode.

    Raises:
        Unsupported: with the modes that it has.
    """
    if mode not in listing.card.modes:
        raise Unsupported(
            f"Model {listing.id} does not support {_VERBS[mode]}; its modes are "
            f"{', '.join(listing.card.modes)}.",
            param="model",
        )


def source_of_task(task: Task, film: Artifact, param: str) -> Source:
    """Return the film of a finished task as a source; its blob is to be copied under its digest."""
    measures, asked_s = task.measures, task.spec.seconds
    if asked_s == SECONDS_BY_PROVIDER:
        asked_s = max(1, round(measures.seconds)) if measures else 1
    asset = Asset(
        Role.SOURCE_FILM,
        param,
        blob=film.sha256,
        content_type=film.content_type,
        size_bytes=film.size_bytes,
        seconds=measures.seconds if measures else None,
    )
    return Source(
        asset,
        measures.size if measures else task.spec.size,
        measures.seconds if measures else None,
        asked_s,
        task.spec,
        task.id,
    )


def source_of_file(file: File, listing: Listing) -> Source:
    """Return a film that came along as a source.

    Raises:
        InvalidMedia: it does not tell its shape, or one that the model does not make.
    """
    param, seconds = file.asset.param, file.seconds
    if file.size is None or seconds is None:
        raise InvalidMedia(f"'{param}' does not tell how large and how long it is.", param=param)
    if not 0 < seconds <= FILM_SECONDS_MAX:
        raise InvalidMedia(
            f"'{param}' must be at most {FILM_SECONDS_MAX} s long; got {seconds:.1f}.", param=param
        )
    size = Size(file.size.width_px & ~1, file.size.height_px & ~1)
    largest = max(_sizes_of(listing.card), key=_area)
    if size.short_px < EDGE_PX_MIN or _area(size) > _area(largest):
        raise InvalidMedia(
            f"'{param}' must have edges from {EDGE_PX_MIN} px and no more pixels than {largest} "
            f"for model {listing.id}; got {file.size}.",
            param=param,
        )
    return Source(file.asset, size, seconds, max(1, round(seconds)))


def _spec_of(card: ModelCard, mode: Mode, size: Size) -> Spec:
    """Return what a film that came along is worth by a card: its sound, its resolution."""
    resolution = next((name for name, px in SHORT_PX.items() if px >= size.short_px), None)
    return Spec(
        model=card.id,
        mode=mode,
        prompt="",
        seconds=card.seconds_default,
        size=size,
        seed=0,
        resolution=resolution or card.resolution_default,
        with_audio=card.sound is Sound.ALWAYS
        or (card.sound is Sound.OPTIONAL and card.sound_default),
    )


def _sizes_of(card: ModelCard) -> list[Size]:
    ratios = ("16:9", "21:9")
    grid = [size_of(resolution, ratio) for resolution in card.resolutions for ratio in ratios]
    return [*grid, *map(parse_size, card.sizes)]


def _area(size: Size) -> int:
    return size.width_px * size.height_px


def told_source(path_id: str | None, wish: Wish) -> Said[str] | None:
    """Return the id of the source, in the path or in the body; None where a film came along."""
    return Said(path_id, "video_id") if path_id is not None else wish.source_id
