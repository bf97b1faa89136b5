"""What the doctor looks at: a check is one finding, or a few, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import resource
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import urlsplit

import rushes
from rushes.blobs.objects import ObjectBlobs
from rushes.cli.books import books, executor_count
from rushes.cli.paper import lasting, moment, size
from rushes.clock import SystemClock
from rushes.configured import catalog_of, moderated_by, upstream_of
from rushes.domain.errors import StoreBusy
from rushes.domain.ids import new_token
from rushes.domain.prices import unpriced
from rushes.domain.smallest import smallest_spec
from rushes.domain.spec import Spec
from rushes.folder import Unready, folder_holder
from rushes.listening import WILDCARDS, listen
from rushes.ports import Passage, Unjudged
from rushes.providers.base import NotUnderstood, Refused, Unknown, Unreachable
from rushes.settings import ModerationSettings, ProviderSettings, Settings
from rushes.storage import blobs_of, signing_secrets, try_out
from rushes.store.migrate import HEAD, SchemaState, schema_state
from rushes.store.sqlite import open_file

PYTHON_MIN: Final = (3, 11)
SQLITE_MIN: Final = (3, 35, 0)
"""RETURNING is used."""

OPEN_FILES_MIN: Final = 4096
CLOCK_SLACK: Final = timedelta(minutes=1)
ROOMY: Final = 4
"""How many times the least free space is comfortable."""

OTHERS: Final = 0o077
SYNCHRONOUS_FULL: Final = 2
REACH_S: Final = 5.0
"""How long a provider may take to answer a question."""

HARMLESS: Final = Passage("The prompt", "a paper boat crosses a puddle")
FREE_SHOWN: Final = 3
"""So many ways to get a film for nothing are told by name."""

REFUSALS: Final = ("HTTP 401", "HTTP 403")
CODECS: Final = (("libx264", "w"), ("h264", "r"), ("aac", "w"))


class State(StrEnum):
    """How a finding stands."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, and what to do where it is not fine."""

    name: str
    state: State
    told: str
    remedy: str = ""


def ok(name: str, told: str) -> Finding:
    """Return a finding that is fine."""
    return Finding(name, State.OK, told)


def warn(name: str, told: str, remedy: str) -> Finding:
    """Return a finding that works for now."""
    return Finding(name, State.WARN, told, remedy)


def fail(name: str, told: str, remedy: str) -> Finding:
    """Return a finding that keeps the server from working."""
    return Finding(name, State.FAIL, told, remedy)


# -- the machine -------------------------------------------------------------------------------


def of_machine() -> Iterator[Finding]:
    """Check what does not depend on settings."""
    yield python(sys.version_info[:3])
    yield codecs()
    yield fonts(Path(rushes.__file__).parent / "studio" / "fonts")
    yield open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def python(version: tuple[int, ...]) -> Finding:
    """Check the Python that runs this."""
    told = f"{'.'.join(map(str, version))} on {platform.system()} {platform.machine()}"
    if version < PYTHON_MIN:
        return fail("Python", told, "Use Python 3.11 or newer.")
    return ok("Python", told)


def codecs() -> Finding:
    """Check that films can be written and read."""
    try:
        av = import_module("av")
    except ImportError as error:
        return fail("codecs", f"PyAV cannot be loaded: {error}", "pip install 'rushes[server]'")
    missing = []
    for name, mode in CODECS:
        try:
            av.codec.Codec(name, mode)
        except ValueError:
            missing.append(name)
    if missing:
        return fail(
            "codecs",
            f"PyAV {av.__version__} comes without {', '.join(missing)}",
            "Install PyAV from its wheels: pip install --force-reinstall av",
        )
    return ok("codecs", f"PyAV {av.__version__} with {', '.join(name for name, _ in CODECS)}")


def fonts(folder: Path) -> Finding:
    """Check that the studio can write captions."""
    files = sorted(folder.glob("*.otf"))
    remedy = "Install Rushes again: its wheel holds the font."
    if not files:
        return fail("fonts", f"no font in {folder}", remedy)
    try:
        import_module("PIL.ImageFont").truetype(str(files[0]), 20)
    except (ImportError, OSError) as error:
        return fail("fonts", f"{files[0].name} cannot be read: {error}", remedy)
    return ok("fonts", files[0].name)


def open_files(limit: int) -> Finding:
    """Check how many callers may wait at once."""
    if 0 <= limit < OPEN_FILES_MIN:
        return warn(
            "open files",
            f"at most {limit}: callers beyond that are turned away",
            f"ulimit -n {OPEN_FILES_MIN * 4}, or LimitNOFILE in the unit",
        )
    return ok("open files", "no limit" if limit < 0 else f"up to {limit}")


# -- the data folder ---------------------------------------------------------------------------


def of_folder(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Check the data folder and what is in it, as far as it can be entered."""
    ours = folder(settings.data_dir)
    yield ours
    if ours.state is State.FAIL:
        return
    written: list[Path] = []
    if settings.is_on_postgres:
        yield from of_postgres(settings)
    else:
        yield holder(settings.data_dir)
        yield schema(settings.database_path)
        yield journal(settings)
        written = _written(settings.database_path)
    yield from of_storage(settings)
    yield clock(now, [Path(rushes.__file__), *written])


def of_postgres(settings: Settings) -> Iterator[Finding]:
    """Check that PostgreSQL answers, its schema, and who works on it."""
    try:
        found = schema(settings.database_place)
        with books(settings, SystemClock()) as store:
            count = executor_count(store, settings)
    except StoreBusy as busy:
        told = " ".join(str(busy).split())
        yield fail("database", told, "Look at RUSHES_DATABASE_URL, and whether PostgreSQL runs.")
        return
    except Unready:  # there are no books yet, or they are not ours to read: the schema says so
        yield found
        return
    yield ok("database", "PostgreSQL answers")
    yield found
    noun = "process carries" if count == 1 else "processes carry"
    yield ok("workers", f"{count} {noun} tasks now")


def folder(path: Path) -> Finding:
    """Check that the folder is ours, and nobody else's."""
    shown = path.resolve()
    if not path.exists():
        above = _existing(path)
        if os.access(above, os.W_OK | os.X_OK):
            return ok("data folder", f"{shown} is not there yet; `rushes serve` makes it")
        return fail(
            "data folder", f"{shown} cannot be made in {above}", "Choose another RUSHES_DATA_DIR."
        )
    if not path.is_dir():
        return fail("data folder", f"{shown} is no folder", "Choose another RUSHES_DATA_DIR.")
    found = path.stat()
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return fail("data folder", f"{shown} cannot be written", f"chown it to {_me()}.")
    if found.st_uid != os.geteuid():
        return warn(
            "data folder",
            f"{shown} belongs to user {found.st_uid}, this is user {os.geteuid()}",
            "Run Rushes as its owner, else the server may not read what you write.",
        )
    if found.st_mode & OTHERS:
        return warn("data folder", f"{shown} can be entered by other users", f"chmod 700 {shown}")
    return ok("data folder", str(shown))


def holder(path: Path) -> Finding:
    """Tell who works in the folder."""
    process = folder_holder(path)
    if process is None:
        return ok("server", "none works in this folder")
    return ok("server", f"process {process} works in this folder")


def schema(place: Path | str) -> Finding:
    """Check the database's schema: that of a file, or of PostgreSQL at an address.

    Raises:
        StoreBusy: there is no PostgreSQL at the address.
    """
    try:
        state = schema_state(place)
    except sqlite3.Error as error:
        return fail("schema", f"{place} cannot be read: {error}", "Restore the file from a backup.")
    is_file = isinstance(place, Path)
    match state:
        case SchemaState.EMPTY:
            makers = "`rushes serve` makes it" if is_file else "`rushes migrate` makes it"
            return ok("schema", f"no database yet; {makers}")
        case SchemaState.CURRENT:
            return ok("schema", f"{HEAD}, current")
        case SchemaState.BEHIND:
            too = "; `rushes serve` does it too." if is_file else "."
            return warn("schema", "of an older Rushes", f"`rushes migrate`{too}")
        case SchemaState.FUTURE:
            return fail("schema", "of a newer Rushes", "Upgrade Rushes, or restore a copy.")


def journal(settings: Settings) -> Finding:
    """Check that SQLite keeps its promises on this file system, by trying."""
    version = ".".join(map(str, sqlite3.sqlite_version_info))
    if sqlite3.sqlite_version_info < SQLITE_MIN:
        return fail("SQLite", version, "Use a Python whose SQLite is 3.35 or newer.")
    place = settings.database_path.parent
    if not os.access(place, os.W_OK | os.X_OK):
        return ok("SQLite", f"{version}; not tried, as there is no folder to try in")
    with (
        TemporaryDirectory(dir=place, prefix=".doctor-") as trial,
        contextlib.closing(open_file(Path(trial) / "trial.db")) as connection,
    ):
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
        level = connection.execute("PRAGMA synchronous").fetchone()[0]
    if mode != "wal" or level != SYNCHRONOUS_FULL:
        return fail(
            "SQLite",
            f"{version}, but journal_mode={mode}, synchronous={level} on {place}",
            "Put the data folder on a local disk: network file systems have no WAL.",
        )
    return ok("SQLite", f"{version}, WAL, synchronous FULL")


def disk(path: Path, free_bytes_min: int) -> Finding:
    """Check the room for films."""
    free = shutil.disk_usage(_existing(path)).free
    told = f"{size(free)} free; new tasks are refused below {size(free_bytes_min)}"
    remedy = "Make room, or move films elsewhere with RUSHES_STORAGE_URL=file:///…"
    if free < free_bytes_min:
        return fail("disk", told, remedy)
    if free < free_bytes_min * ROOMY:
        return warn("disk", told, remedy)
    return ok("disk", told)


def of_storage(settings: Settings) -> Iterator[Finding]:
    """Check the disks that films and rows are on, and the bucket where there is one."""
    free_bytes_min, blobs = settings.storage.free_bytes_min, settings.blobs_path
    places = [settings.data_dir] if blobs is None else [blobs, settings.data_dir]
    devices = {_existing(place).stat().st_dev: place for place in reversed(places)}
    for place in reversed(devices.values()):
        yield disk(place, free_bytes_min)
    if blobs is None:
        yield from of_bucket(settings)
    elif settings.is_on_postgres:
        yield warn(
            "storage",
            f"films are on this machine's disk, {blobs}",
            "Servers on other machines do not see them: name a bucket, or a folder they share.",
        )


def of_bucket(settings: Settings) -> Iterator[Finding]:
    """Check the bucket by writing, reading and removing a small blob, and who cleans it up."""
    shown = settings.storage.url or ""
    remedy = (
        "Look at [storage] in rushes.toml: endpoint, region, credentials, and the bucket's name."
    )
    if settings.storage.scheme != "s3":
        yield warn(
            "storage kind",
            f"{settings.storage.scheme}:// is accepted, but was never tried against the real one",
            "Try a film end to end, and tell us how it went.",
        )
    try:
        blobs = blobs_of(settings, SystemClock())
        asyncio.run(try_out(blobs))
    except (Unready, OSError) as error:
        told = str(error) or "it did not answer in time"
        yield fail("storage", f"{shown}: {told}", remedy)
        return
    yield ok("storage", f"{shown}: a blob was written, read and removed")
    if isinstance(blobs, ObjectBlobs) and not blobs.sweeps_uploads:
        yield warn(
            "storage uploads",
            "unfinished uploads cannot be found with the credentials of a role",
            "Give the bucket a rule that aborts incomplete multipart uploads after a day: "
            "docs/how-to/storage.md.",
        )


def clock(now: datetime, files: Iterable[Path]) -> Finding:
    """Check that time does not run behind files that were written already."""
    newest = max(datetime.fromtimestamp(path.stat().st_mtime, tz=UTC) for path in files)
    if now < newest - CLOCK_SLACK:
        return fail(
            "clock",
            f"{moment(now)} is {lasting(newest - now)} before files that exist already",
            "Set the clock (NTP): deadlines, links and ids hang on it.",
        )
    return ok("clock", moment(now))


def _written(database: Path) -> list[Path]:
    names = (database, database.with_name(f"{database.name}-wal"))
    return [path for path in names if path.exists()]


def _existing(path: Path) -> Path:
    """Return the nearest folder above that exists."""
    path = path.resolve()
    return next(above for above in (path, *path.parents) if above.exists())


def _me() -> str:
    return f"user {os.geteuid()}"


# -- the settings ------------------------------------------------------------------------------


def of_settings(settings: Settings) -> Iterator[Finding]:
    """Check what the operator wrote: providers, models, addresses."""
    if not settings.providers:
        yield ok("providers", "none: every model is rehearsed by the sandbox")
    for provider in settings.providers:
        yield from of_provider(settings, provider)
    yield _tried(
        "models",
        lambda: f"{len(catalog_of(settings).listings)} are offered",
        "Mend [[models]] in rushes.toml.",
    )
    yield from prices(settings)
    if settings.links.secrets:
        yield _tried(
            "links",
            lambda: f"{len(signing_secrets(settings))} secrets, of which the first signs",
            "Mend secrets in [links], or the environment of the server.",
        )
    yield from of_moderation(settings)
    yield address(settings)
    yield port(settings)


def of_moderation(settings: Settings) -> Iterator[Finding]:
    """Check the block lists, and ask the service about a harmless text."""
    said = settings.moderation
    if said.block_lists or said.url is not None:
        yield _tried(
            "moderation",
            lambda: f"phrases that are blocked: {moderated_by(said).phrase_count}",
            "Mend [moderation], the lists it names, or the environment of the server.",
        )
    if said.url is not None:
        yield asyncio.run(ask_moderator(said))


async def ask_moderator(said: ModerationSettings) -> Finding:
    """Ask the service that judges wishes about a text that nobody objects to."""
    name, shown = "reach moderation", urlsplit(said.url or "").netloc
    waits = "tasks wait" if said.on_failure == "closed" else "tasks go on unjudged"
    try:
        service = moderated_by(said).moderation.service
    except Unready as refusal:
        return fail(name, str(refusal), "Mend [moderation], or the environment of the server.")
    if service is None:
        return ok(name, "there is no service")
    try:
        async with asyncio.timeout(REACH_S):
            objection = await service.judge([HARMLESS], ())
    except (Unjudged, OSError) as trouble:
        why = str(trouble) or type(trouble).__name__
        return warn(name, f"{shown} does not judge: {why}; {waits}", "Look whether it runs.")
    finally:
        await service.close()
    told = "objects to a paper boat" if objection else "judges"
    return ok(name, f"{shown} {told}; while it does not answer, {waits}")


def prices(settings: Settings) -> Iterator[Finding]:
    """Check what films cost: what is free although others are not. Without prices nothing is."""
    try:
        listings = catalog_of(settings).listings
    except Unready:  # told already, as the models' fault
        return
    priced = [listing for listing in listings.values() if listing.prices]
    if not priced:
        return
    yield ok("prices", f"{len(priced)} of {len(listings)} models have prices")
    for listing in priced:
        free = unpriced(listing.prices, listing.card)
        if free:
            more = f", and {len(free) - FREE_SHOWN} more" if len(free) > FREE_SHOWN else ""
            told = f"free, as no rule is for it: {'; '.join(free[:FREE_SHOWN])}{more}"
            yield warn(
                f"prices of {listing.id}", told, "Add a rule with when = {} behind the rest."
            )
    for listing in listings.values():
        if not listing.prices and any(route.is_billable for route in listing.routes):
            told = "free for callers, though its provider may bill you"
            yield warn(f"prices of {listing.id}", told, "Give it [[models.prices]].")


def of_provider(settings: Settings, provider: ProviderSettings) -> Iterator[Finding]:
    """Check that a provider can be built, has its credential and answers; nothing is submitted."""
    built = _tried(
        f"provider {provider.name}",
        lambda: _built(settings, provider),
        "Mend its table in rushes.toml, or the environment of the server.",
    )
    yield built
    if built.state is State.OK:
        yield asyncio.run(reach(settings, provider))


async def reach(settings: Settings, provider: ProviderSettings) -> Finding:
    """Knock at a provider, and ask it for a task that never was: a question that costs nothing.

    A provider that is away is a warning: the server works without it, and tasks wait.
    """
    name, upstream = f"reach {provider.name}", upstream_of(provider, submit_call_s=REACH_S)
    shown = urlsplit(provider.base_url).netloc if provider.base_url else provider.kind
    remedy = "Look whether it runs, and whether base_url is right."
    try:
        async with asyncio.timeout(REACH_S):
            if provider.base_url is not None:
                await knock(provider.base_url)
            question = _question(settings, provider.name)
            if question is None:
                return ok(name, f"{shown} listens; no model is routed to it, so it was not asked")
            spec, model = question
            since = SystemClock().now()
            found = await upstream.provider.find(
                new_token(), spec, upstream_model=model, since=since
            )
    except (OSError, ValueError) as error:
        why = (isinstance(error, OSError) and error.strerror) or type(error).__name__
        return warn(name, f"nobody answers at {shown}: {why}", remedy)
    except Refused:
        return ok(name, f"{shown} listens; it was not asked, as it makes no film from words")
    except Unreachable as trouble:
        if trouble.args[0].startswith(REFUSALS):
            return fail(name, f"{shown} refuses the credential: {trouble}", "Mend its api_key.")
        return warn(name, f"{shown} cannot answer now: {trouble}", remedy)
    except NotUnderstood as trouble:
        told = f"{shown} answers, but not as {provider.kind} does: {trouble}"
        return warn(name, told, "Look whether kind, profile and the path of base_url are right.")
    finally:
        await upstream.provider.close()
    if isinstance(found, Unknown):
        return ok(name, f"{shown} listens; no list of it could prove path and credential")
    return ok(name, f"{shown} answers, and takes the credential")


async def knock(base_url: str) -> None:
    """Open a connection and close it again."""
    url = urlsplit(base_url)
    port = url.port or (443 if url.scheme == "https" else 80)
    _, writer = await asyncio.open_connection(url.hostname, port)
    writer.close()


def _question(settings: Settings, provider: str) -> tuple[Spec, str] | None:
    """Return a wish that a provider could be asked for, and under which name of its own."""
    try:
        catalog = catalog_of(settings)
    except Unready:
        return None
    for model, listing in catalog.listings.items():
        for route in listing.routes:
            if route.provider == provider:
                return smallest_spec(listing.card, model=model), route.upstream_model
    return None


def _built(settings: Settings, provider: ProviderSettings) -> str:
    upstream = upstream_of(provider, submit_call_s=settings.times.submit_call_s)
    asyncio.run(upstream.provider.close())
    if provider.api_key is None:
        return f"{provider.kind}, without a credential"
    source = provider.api_key.partition(":")[0]
    shown = "command:…" if source == "command" else provider.api_key
    return f"{provider.kind}, credential {shown} is there"


def _tried(name: str, act: Callable[[], str], remedy: str) -> Finding:
    try:
        return ok(name, act())
    except Unready as refusal:
        return fail(name, str(refusal), remedy)


def address(settings: Settings) -> Finding:
    """Check that links in answers lead to us."""
    host, public = settings.server.host, settings.server.public_url
    if public is not None:
        return ok("links", f"begin with {public}")
    if host in WILDCARDS:
        return warn(
            "links",
            "begin with http://localhost, which other machines do not follow",
            "Set server.public_url, or RUSHES_SERVER_PUBLIC_URL.",
        )
    return ok("links", f"begin with http://{host}:{settings.server.port}")


def port(settings: Settings) -> Finding:
    """Check that the port is free, or taken by the server of this folder."""
    try:
        listen(settings).close()
    except Unready as refusal:
        process = None
        with contextlib.suppress(OSError):  # told already, as the folder's fault
            process = folder_holder(settings.data_dir)
        if process is not None:
            return ok("port", f"{settings.server.port} is taken, as process {process} runs")
        return fail("port", str(refusal), "Choose another: rushes serve --port N")
    return ok("port", f"{settings.server.port} is free")
