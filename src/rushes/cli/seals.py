"""What the doctor says of seals: whether films are sealed, with what, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from rushes.cli.checks import OTHERS, Finding, fail, ok, warn
from rushes.cli.paper import moment
from rushes.clock import SystemClock
from rushes.folder import Unready
from rushes.media.sealer import LIBRARY, is_library_here
from rushes.media.signet import OWN_NAME
from rushes.provenance import OFF, is_own, signet_for
from rushes.settings import Settings

NAME: Final = "seals"
EXPIRES_SOON: Final = timedelta(days=30)


def of_seals(settings: Settings, now: datetime) -> Finding:
    """Check what films are sealed with; a signet that is not there yet is not made."""
    if not settings.provenance.c2pa:
        return ok(NAME, "films are not sealed, as set")
    if not is_library_here():
        remedy = f"pip install 'rushes[server]'; or {OFF}."
        return fail(NAME, f"{LIBRARY} is not installed here", remedy)
    if is_own(settings):
        own = settings.data_dir / OWN_NAME
        if not own.exists():
            return ok(NAME, "a certificate of the folder's own is made at the first start")
        if own.stat().st_mode & OTHERS:
            return warn(NAME, f"{own} can be read by others", f"chmod 600 {own}")
    return _of_signet(settings, now)


def _of_signet(settings: Settings, now: datetime) -> Finding:
    try:
        signet = signet_for(settings, SystemClock())
    except Unready as refusal:
        remedy = f"Mend certificate and key in [provenance]; or {OFF}."
        return fail(NAME, str(refusal), remedy)
    told = f"by {signet.holder}, until {moment(signet.expires_at)}"
    if signet.expires_at <= now:
        remedy = "Films go out unsealed: give it a new certificate."
        return fail(NAME, f"{told}: it has expired", remedy)
    if signet.expires_at <= now + EXPIRES_SOON:
        return warn(NAME, f"{told}: that is soon", "Have a new certificate ready.")
    if is_own(settings) and settings.is_on_postgres:
        remedy = "Name one for all in [provenance] certificate and key."
        return warn(NAME, f"{told}; each data folder has another", remedy)
    return ok(NAME, f"{told}, {'its own' if is_own(settings) else 'a given one'}")
