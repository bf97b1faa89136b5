"""`rushes doctor --films`: what the books say we hold, compared with what is there.

Both are read in pages, so that memory does not grow with the number of films, and nothing is
changed: it may run beside a server, and over any store of blobs.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Final

import typer
from rich.console import Console

from rushes import storage
from rushes.cli.books import books
from rushes.cli.paper import answers, plain, say, show_json, size
from rushes.cli.plainly import FAILED, Refused
from rushes.clock import SystemClock
from rushes.folder import Unready
from rushes.ports import Artifact, Blobs, BlobStat, Filed, Store, Transaction
from rushes.settings import Settings, load

PAGE: Final = 500
AT_ONCE: Final = 32
"""How many blobs are asked for at the same time: a bucket answers each in its own time."""

YOUNG: Final = timedelta(hours=1)
"""Bytes may be there before their row: what a writer is at now is no orphan."""

FILMS: Final = "films/"
INPUTS: Final = "inputs/"
KINDS: Final = {FILMS: "film", INPUTS: "input"}


class Trouble(StrEnum):
    """What is wrong with a blob."""

    MISSING = "missing"
    SIZE = "size"
    BYTES = "bytes"
    ORPHAN = "orphan"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A blob that the books say we hold. `task_id` is None for inputs, which tasks may share."""

    blob: str
    kind: str
    size_bytes: int
    sha256: str
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A blob that is not as the books say, or that they do not know."""

    trouble: Trouble
    blob: str
    kind: str
    told: str
    task_id: str | None = None


@dataclass(slots=True)
class Inventory:
    """Compares books and blobs. `is_deep` reads every byte, and compares digests too.

    The counts are of what was compared so far.
    """

    store: Store
    blobs: Blobs
    is_deep: bool = False
    held: int = 0
    held_bytes: int = 0
    lost: int = 0
    orphans: int = 0
    orphan_bytes: int = 0
    lost_tasks: int = 0
    _last_lost: str | None = field(default=None, repr=False)

    async def faults(self, now: datetime) -> AsyncIterator[Fault]:
        """Tell every fault, one by one: first what is missing, then what nobody knows.

        Raises:
            OSError: the blobs cannot be asked now.
        """
        async for fault in self._losses():
            self.lost += 1
            if fault.task_id is not None and fault.task_id != self._last_lost:
                self.lost_tasks += 1  # blobs of one task stand together
                self._last_lost = fault.task_id
            yield fault
        for prefix in (FILMS, INPUTS):
            async for fault in self._orphans(prefix, now - YOUNG):
                self.orphans += 1
                yield fault

    async def _losses(self) -> AsyncIterator[Fault]:
        async for page in self._wanted():
            for begin in range(0, len(page), AT_ONCE):
                some = page[begin : begin + AT_ONCE]
                for one, fault in zip(
                    some, await asyncio.gather(*map(self._fault, some)), strict=True
                ):
                    if fault is None:
                        self.held += 1
                        self.held_bytes += one.size_bytes
                    elif await self._is_wanted_still(one):
                        yield fault

    async def _wanted(self) -> AsyncIterator[Sequence[Wanted]]:
        """Page through what the books say we hold."""
        after = ""
        while made := await self.store.read(partial(_kept_after, after)):
            yield [_of_artifact(one) for one in made]
            after = made[-1].blob
        after = ""
        while given := await self.store.read(partial(_inputs_after, after)):
            yield [_of_input(one) for one in given]
            after = given[-1].blob

    async def _fault(self, one: Wanted) -> Fault | None:
        """Compare one blob with what is said of it."""
        report = partial(Fault, blob=one.blob, kind=one.kind, task_id=one.task_id)
        stat = await self.blobs.stat(one.blob)
        if stat is None:
            return report(Trouble.MISSING, told=f"{size(one.size_bytes)} are gone")
        if stat.size_bytes != one.size_bytes:
            told = f"{stat.size_bytes} bytes are there, {one.size_bytes} are on record"
            return report(Trouble.SIZE, told=told)
        if self.is_deep and await self._sha256(one.blob) != one.sha256:
            return report(Trouble.BYTES, told="other bytes than those on record")
        return None

    async def _sha256(self, blob: str) -> str | None:
        digest = hashlib.sha256()
        try:
            async for chunk in self.blobs.open(blob):
                digest.update(chunk)
        except FileNotFoundError:
            return None
        return digest.hexdigest()

    async def _is_wanted_still(self, one: Wanted) -> bool:
        """Look again: a server beside us may have removed it meanwhile, row and all."""
        if one.task_id is None:
            digest = one.blob.removeprefix(INPUTS)
            known = await self.store.read(lambda tx: tx.known_inputs([digest]))
        else:
            known = await self.store.read(lambda tx: tx.known_artifacts([one.blob]))
        return bool(known)

    async def _orphans(self, prefix: str, before: datetime) -> AsyncIterator[Fault]:
        page: list[tuple[str, BlobStat]] = []
        async for name, stat in self.blobs.names(prefix):
            if stat.modified_at < before:
                page.append((name, stat))
            if len(page) == PAGE:
                for fault in await self._unknown(prefix, page):
                    yield fault
                page.clear()
        for fault in await self._unknown(prefix, page):
            yield fault

    async def _unknown(self, prefix: str, page: Sequence[tuple[str, BlobStat]]) -> list[Fault]:
        """Return those of a page that no row knows."""
        if prefix == FILMS:
            names = [name for name, _ in page]
            known = await self.store.read(lambda tx: tx.known_artifacts(names))
        else:
            digests = [name.removeprefix(INPUTS) for name, _ in page]
            found = await self.store.read(lambda tx: tx.known_inputs(digests))
            known = frozenset(f"{INPUTS}{digest}" for digest in found)
        unknown = [(name, stat) for name, stat in page if name not in known]
        self.orphan_bytes += sum(stat.size_bytes for _, stat in unknown)
        return [
            Fault(Trouble.ORPHAN, name, KINDS[prefix], size(stat.size_bytes))
            for name, stat in unknown
        ]


def check_films(*, is_deep: bool, as_json: bool) -> None:
    """Tell every blob that is missing, and every one that nobody knows.

    Raises:
        SettingsRefused, Unready, Refused: why nothing could be compared.
        typer.Exit: 1 if something is missing.
    """
    settings, clock = load(), SystemClock()
    with books(settings, clock) as store:
        inventory = Inventory(store, blobs_of(settings), is_deep=is_deep)
        try:
            asyncio.run(_tell(inventory, clock.now(), as_json=as_json))
        except OSError as error:
            raise Refused(f"The films cannot be looked at: {error}", FAILED) from None
    if as_json:
        show_json(_summary(inventory))
    else:
        _conclude(answers(), inventory)
    if inventory.lost:
        raise typer.Exit(FAILED)


def blobs_of(settings: Settings) -> Blobs:
    """Open the blobs; a folder that is not there is not made, as it may only be unmounted.

    Raises:
        Refused: there is no such folder, or the bucket cannot be used.
    """
    path = settings.blobs_path
    if path is not None and not path.is_dir():
        raise Refused(f"There is no folder {path}: is it mounted, and restored?", FAILED)
    try:
        return storage.blobs_of(settings, SystemClock())
    except Unready as error:
        raise Refused(str(error), FAILED) from None


async def _tell(inventory: Inventory, now: datetime, *, as_json: bool) -> None:
    """Print every fault as it is found."""
    console = answers()
    async for fault in inventory.faults(now):
        if as_json:
            show_json(_json(fault))
            continue
        whose = "" if fault.task_id is None else f"{fault.task_id}  "
        style = "yellow" if fault.trouble is Trouble.ORPHAN else "bold red"
        line = f"  {fault.kind}  {whose}{plain(fault.blob)}  {fault.told}"
        say(console, (f"{fault.trouble:<8}", style), line)


def _conclude(console: Console, inventory: Inventory) -> None:
    """Say how it stands altogether, and what to do."""
    depth = "read and compared" if inventory.is_deep else "there in the size on record"
    say(console, f"{inventory.held} blobs ({size(inventory.held_bytes)}) are {depth}.")
    if inventory.orphans:
        say(
            console,
            (f"{inventory.orphans} orphans ({size(inventory.orphan_bytes)})", "yellow"),
            ": no row knows them. After a restore they are what was made since the backup; "
            "nothing removes them by itself.",
        )
    if inventory.lost:
        say(console, (f"{inventory.lost} lost", "bold red"), f", of {inventory.lost_tasks} tasks.")
        say(console, "-> Copy them back from an older backup, under the same names.")
    elif not inventory.orphans:
        say(console, ("All is there.", "green"))


def _summary(inventory: Inventory) -> dict[str, object]:
    return {
        "is_whole": not inventory.lost,
        "is_deep": inventory.is_deep,
        "held": inventory.held,
        "held_bytes": inventory.held_bytes,
        "lost": inventory.lost,
        "lost_tasks": inventory.lost_tasks,
        "orphans": inventory.orphans,
        "orphan_bytes": inventory.orphan_bytes,
    }


def _json(fault: Fault) -> dict[str, object]:
    return {
        "trouble": fault.trouble,
        "blob": fault.blob,
        "kind": fault.kind,
        "task_id": fault.task_id,
        "told": fault.told,
    }


def _kept_after(after: str, tx: Transaction) -> Sequence[Artifact]:
    return tx.kept_artifacts(after, PAGE)


def _inputs_after(after: str, tx: Transaction) -> Sequence[Filed]:
    return tx.wanted_inputs(after, PAGE)


def _of_artifact(made: Artifact) -> Wanted:
    return Wanted(made.blob, made.kind, made.size_bytes, made.sha256, made.task_id)


def _of_input(given: Filed) -> Wanted:
    return Wanted(f"{INPUTS}{given.blob}", KINDS[INPUTS], given.size_bytes, given.blob)
