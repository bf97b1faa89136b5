"""What a create comes to, before anything of it is stored: the model, the film, the price.

A wish is judged whole here, and in one way, whether it becomes a task (`door.py`) or a quote.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rushes.domain.access import Key
from rushes.domain.catalog import VIDEO_BYTES_MAX, Catalog, InputRule, Listing, fit_size
from rushes.domain.errors import MissingParameter, ModelNotAllowed
from rushes.domain.judging import Decision, decide
from rushes.domain.prices import Tariff, hold_of, tariff_of
from rushes.domain.rehearsal import cut_down
from rushes.domain.spec import SEED_MAX, Medium, Mode, Role, Said, Spec, Wish
from rushes.gateway.creates import Wanted, beside_source
from rushes.gateway.inputs import File, Inputs
from rushes.gateway.looks import Looks
from rushes.gateway.sources import (
    check_mode,
    check_wish,
    source_of_file,
    source_of_task,
    told_source,
)
from rushes.ports import Artifact, ArtifactKind, Examiner, Fetcher, Poster


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A wish that its model's card allows, and what it comes to; nothing of it is stored.

    `files` came along, `film` is the film of ours that it is made from. `ignored` was not read,
    `coerced` read as something else, each by the caller's names.
    """

    listing: Listing
    wish: Wish
    spec: Spec
    files: Sequence[File] = ()
    film: Artifact | None = None
    ignored: tuple[str, ...] = ()
    coerced: tuple[Said[str], ...] = ()

    @property
    def tariff(self) -> Tariff:
        """The price rules that count for it."""
        return tariff_of(self.listing.prices, self.spec)

    @property
    def hold_microusd(self) -> int:
        """What it may cost at most."""
        return hold_of(self.tariff, self.spec, self.listing.card)


@dataclass(slots=True, kw_only=True)
class Judge(Looks):
    """The verbs of the gateway that say what may be asked for, and what it comes to."""

    catalog: Catalog
    examiner: Examiner
    fetcher: Fetcher
    poster: Poster

    @property
    def inputs(self) -> Inputs:
        """Who looks into files that come along, and keeps them."""
        return Inputs(self.store, self.clock, self.blobs, self.examiner, self.fetcher)

    def listing(self, caller: Key, model: str) -> Listing:
        """Return a model as a key sees it: a test key sees its rehearsal.

        Raises:
            ModelNotFound: there is none.
        """
        catalog = self.catalog
        return catalog.rehearsed(model) if caller.is_test else catalog.get(model)

    def listings(self, caller: Key) -> list[Listing]:
        """Return every model that a key may use, as it sees them."""
        catalog = self.catalog
        seen = catalog.all_rehearsed() if caller.is_test else catalog.listings.values()
        return [listing for listing in seen if caller.may_use(listing.id)]

    async def judge(self, wanted: Wanted) -> Judged:
        """Say what a wish comes to: stores nothing, holds nothing, fetches nothing.

        Raises:
            Refusal: it cannot be, by its form, its model's card, or what came along with it.
        """
        judged = await self._judge(wanted)
        if not wanted.caller.is_test:
            return judged
        spec, cut = cut_down(judged.spec, judged.wish)
        return replace(judged, spec=spec, coerced=(*judged.coerced, *cut))

    async def _judge(self, wanted: Wanted) -> Judged:
        listing = self._named_listing(wanted)
        wish = wanted.asked.wish(is_sandboxed=listing is not None and listing.is_sandboxed)
        if wish.callback_url is not None:
            self.poster.check(wish.callback_url.value, param=wish.callback_url.param)
        mode = wanted.derives or (Mode.REMIX if wish.source_id is not None else None)
        if mode is not None:
            return await self._derived(wanted, listing, wish, mode)
        if listing is None:
            raise MissingParameter("'model' is required.", param="model")
        passes = {"all": True, "none": False}.get(self.policies.metadata)
        decision = decide(wish, listing, passes_all_metadata=passes, coerces=self.policies.coerces)
        files = await self.inputs.examine(decision, listing)
        return Judged(
            listing=listing,
            wish=wish,
            spec=_spec(wish, decision, listing, files),
            files=files,
            ignored=decision.ignored,
            coerced=decision.coerced,
        )

    def _named_listing(self, wanted: Wanted) -> Listing | None:
        """Return what the caller named, or the dialect's default; None where a source may tell."""
        said = wanted.asked.model()
        if said is not None:
            return self._listing(wanted.caller, said.value)
        if wanted.derives is not None:
            return None
        if wanted.default_model is None:
            raise MissingParameter("'model' is required.", param="model")
        return self._listing(wanted.caller, wanted.default_model)

    def _listing(self, caller: Key, model: str) -> Listing:
        listing = self.listing(caller, model)
        if not caller.may_use(model):
            raise ModelNotAllowed(f"This API key may not use model {model}.", param="model")
        return listing

    async def _derived(
        self, wanted: Wanted, listing: Listing | None, wish: Wish, mode: Mode
    ) -> Judged:
        """Judge a film made from a film, whose shape it takes over (CONTRACT §4, §7)."""
        check_wish(mode, wish)
        if listing is not None:
            check_mode(mode, listing)
        source_id = told_source(wanted.source_id, wish)
        if source_id is None:
            return await self._derived_from_file(wanted, listing, wish, mode)
        task = await self.task(wanted.caller, source_id.value, param=source_id.param)
        if listing is None:
            listing = self._listing(wanted.caller, task.model)
            check_mode(mode, listing)
        film = await self.film(task, ArtifactKind.FILM, param=source_id.param)
        source = source_of_task(task, film, source_id.param)
        return Judged(
            listing=listing,
            wish=wish,
            spec=source.spec_for(mode, listing, wish, _seed(wish)),
            film=film,
            ignored=beside_source(wish),
        )

    async def _derived_from_file(
        self, wanted: Wanted, listing: Listing | None, wish: Wish, mode: Mode
    ) -> Judged:
        """Judge a film made from one that came along."""
        offer = wish.source_film
        if offer is None:
            raise MissingParameter("'video' is required.", param="video")
        if listing is None:
            listing = self._listing(wanted.caller, wanted.default_model or "")
            check_mode(mode, listing)
        rule = InputRule(Medium.VIDEO, VIDEO_BYTES_MAX)
        file = await self.inputs.look_into(offer, Role.SOURCE_FILM, rule)
        return Judged(
            listing=listing,
            wish=wish,
            spec=source_of_file(file, listing).spec_for(mode, listing, wish, _seed(wish)),
            files=(file,),
            ignored=beside_source(wish),
        )


def _spec(wish: Wish, decision: Decision, listing: Listing, files: Sequence[File]) -> Spec:
    spec = Spec(
        model=listing.id,
        mode=decision.mode,
        prompt=decision.prompt,
        seconds=decision.seconds,
        size=decision.size,
        seed=_seed(wish),
        resolution=decision.resolution,
        ratio=decision.ratio,
        with_audio=decision.with_audio,
        with_watermark=wish.with_watermark.value if wish.with_watermark else False,
        negative_prompt=wish.negative_prompt.value if wish.negative_prompt else None,
        assets=tuple(file.asset for file in files),
        options=decision.options,
        passthrough=decision.passthrough,
        script=wish.script.value if wish.script and listing.is_sandboxed else None,
    )
    for file in files:
        spec = fit_size(spec, file.asset.role, file.size)
    return spec


def _seed(wish: Wish) -> int:
    """Freeze the seed: a random one is drawn here, so that recovery makes the same film."""
    if wish.seed is None or wish.seed.value < 0:
        return secrets.randbelow(SEED_MAX + 1)
    return wish.seed.value
