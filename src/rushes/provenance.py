"""What is done to films so that they say where they come from: put together from the settings."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from pathlib import Path
from typing import Final

from rushes.clock import Clock
from rushes.folder import Unready
from rushes.media.children import isolated
from rushes.media.finishing import Finishing
from rushes.media.manifest import Told
from rushes.media.sealer import LIBRARY, FilmSealer, is_library_here
from rushes.media.signet import OWN_NAME, BadSignet, Signet, own_signet, signet_of
from rushes.media.tagger import FilmTagger, Producer
from rushes.media.tagging import Label
from rushes.observe import log
from rushes.providers.registry import Misconfigured, resolve
from rushes.settings import Settings

MAKING_S: Final = 60.0
OFF: Final = "c2pa = false in [provenance] leaves films unsealed"


def finishing_of(settings: Settings, clock: Clock) -> Finishing:
    """Return what films go through before they are kept.

    A signet of the data folder's own is made meanwhile, if it is not there yet.

    Raises:
        Unready: films are to be sealed, and there is no library, or nothing to seal them with.
    """
    return Finishing(_sealer(settings, clock), _tagger(settings))


def signet_for(settings: Settings, clock: Clock) -> Signet:
    """Return what films are sealed with: the operator's, or that of the data folder, made once.

    Raises:
        Unready: it cannot be had or used.
    """
    provenance = settings.provenance
    try:
        if provenance.certificate is None or provenance.key is None:
            return own_signet(settings.data_dir, provenance.name, clock.now())
        certificates = resolve(provenance.certificate).secret.encode()
        return signet_of(certificates, resolve(provenance.key).secret.encode())
    except (BadSignet, Misconfigured) as error:
        raise Unready(f"provenance: {error}") from None


def is_own(settings: Settings) -> bool:
    """Say whether films are sealed with what the data folder has for itself."""
    return settings.provenance.certificate is None


def _sealer(settings: Settings, clock: Clock) -> FilmSealer | None:
    provenance = settings.provenance
    if not provenance.c2pa:
        return None
    if not is_library_here():
        raise Unready(
            f"provenance.c2pa: the library {LIBRARY} is not installed here: "
            f"pip install 'rushes[server]'; or {OFF}"
        )
    told = frozenset(Told(what) for what in provenance.tells)
    if not is_own(settings):
        given = signet_for(settings, clock)
        if given.expires_at <= clock.now():
            log.error("films are not sealed: the certificate has expired", holder=given.holder)
        return FilmSealer(lambda: given, told=told)
    if settings.is_on_postgres:
        log.warning(
            "films are sealed with a certificate of this data folder's own, and others' with "
            "theirs: name one for all in [provenance] certificate and key"
        )
    folder, name = settings.data_dir, provenance.name
    if not (folder / OWN_NAME).exists():
        threading.Thread(target=_make, args=(folder, name), name="signet", daemon=True).start()
    return FilmSealer(lambda: own_signet(folder, name, clock.now()), told=told)


def _make(folder: Path, name: str) -> None:
    """Make a signet elsewhere: what makes keys takes memory that a server keeps.

    If that fails the first film has it made, and tells what is wrong.
    """
    words = [*isolated("from rushes.media.signet import main\nmain(sys.argv)"), str(folder), name]
    quiet = subprocess.DEVNULL
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(  # noqa: S603 -- a command of our own
            words, env={}, stdin=quiet, stdout=quiet, stderr=quiet, timeout=MAKING_S, check=False
        )


def _tagger(settings: Settings) -> FilmTagger | None:
    provenance = settings.provenance
    producer = None
    if provenance.aigc and provenance.aigc_producer is not None:
        producer = Producer(provenance.aigc_producer, provenance.aigc_propagator or "")
    label = None
    if provenance.label is not None:
        label = Label(provenance.label, provenance.label_s)
    return None if producer is None and label is None else FilmTagger(producer, label)
