"""Which file fills which place of a wish, where callers spell one in several ways (CONTRACT §4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from rushes.domain.catalog import ModelCard
from rushes.domain.errors import ConflictingParameters, InvalidValue
from rushes.domain.spec import Mode, Offered, Role


def settled(offered: Sequence[Offered], card: ModelCard, model: str) -> tuple[Offered, ...]:
    """Give every place its file: spellings of one level agree, of two levels the stronger wins.

    Source: CONTRACT §4.
    """
    settled: list[Offered] = []
    taken: set[object] = set()
    for _, level in groupby(_with_frames(offered, card, model), key=lambda offer: offer.level):
        here = [offer for offer in _agreed(level) if _place_of(offer) not in taken]
        settled += here
        taken.update(map(_place_of, here))
    return tuple(
        replace(offer, role=Role.REFERENCE_IMAGE) if offer.role is None else offer
        for offer in settled
    )


def _with_frames(offered: Sequence[Offered], card: ModelCard, model: str) -> Iterator[Offered]:
    """Tell the frames among the entries of `images`; those left without a role are references.

    `images` as a whole is one parameter too: a weaker level's does not add to a stronger one's.
    """
    entries = [offer for offer in offered if offer.role is None]
    entries = [entry for entry in entries if entry.level == entries[0].level]
    roles = iter(_roles_of(entries, card, model))
    for offer in offered:
        if offer.role is not None:
            yield offer
        elif offer.level == entries[0].level:
            yield replace(offer, role=next(roles))


def _roles_of(entries: Sequence[Offered], card: ModelCard, model: str) -> Sequence[Role | None]:
    """Return the roles that the card gives the entries of one `images`; None is a reference."""
    if len(entries) == 1:
        is_first = Mode.IMAGE_TO_VIDEO in card.modes or not card.inputs.has_references
        return (Role.FIRST_FRAME if is_first else None,)
    if card.inputs.reference_image or not entries:
        return (None,) * len(entries)
    frames = (Role.FIRST_FRAME, Role.LAST_FRAME)
    if len(entries) > len(frames):
        name = _spelling(entries[0])
        raise InvalidValue(
            f"'{name}' may have at most 2 entries for model {model}; got {len(entries)}.",
            param=name,
        )
    return frames


def _agreed(level: Iterable[Offered]) -> Iterator[Offered]:
    """Take what several spellings of one level give to a place as the one file it must be.

    Raises:
        ConflictingParameters: they give two.
    """
    places: dict[Role, Offered] = {}
    for offer in level:
        if offer.role is None or offer.role.is_reference:
            yield offer
            continue
        other = places.setdefault(offer.role, offer)
        if other is offer or _spelling(other) == _spelling(offer):
            yield offer  # how many a card takes, the card says
        elif not other.is_same_file(offer):
            raise ConflictingParameters(
                f"'{other.param}' and '{offer.param}' name the same file and disagree.",
                param=offer.param,
            )


def _spelling(offer: Offered) -> str:
    return offer.param.partition("[")[0]


def _place_of(offer: Offered) -> object:
    """Name the place for which levels compete: a frame is one, references are one together.

    `images` competes with a first frame, also where its entries are references.
    """
    if offer.role is None:
        return Role.FIRST_FRAME
    return "references" if offer.role.is_reference else offer.role
