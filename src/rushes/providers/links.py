"""How an upstream that is told in JSON gets a caller's files: inside the request, or by a link.

Our checked bytes travel as a data URI where the upstream takes one. What is too large for that
is passed on as the public address the caller gave; a file that came with the request has none,
and is refused before any money.
"""

from __future__ import annotations

import asyncio
import base64

from rushes.domain.errors import Blame, Failure, Reason
from rushes.domain.spec import Asset
from rushes.providers.base import Assets, Refused


async def data_uri(asset: Asset, assets: Assets) -> str:
    """Return an asset's bytes as `data:image/png;base64,...`.

    Raises:
        Refused: the file is not in our blobs yet.
    """
    if asset.blob is None:
        raise refused(asset, "its bytes are not here")
    path = await assets.path_of(asset.blob)
    content = await asyncio.to_thread(path.read_bytes)
    kind = asset.content_type or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def public_link(asset: Asset) -> str:
    """Return the public address that the caller gave for an asset.

    Raises:
        Refused: the file came with the request, and this provider takes links only.
    """
    if asset.url is None:
        raise refused(asset, "the provider reads such a file only from a public URL")
    return asset.url


def refused(asset: Asset, why: str) -> Refused:
    """Return the refusal of a file; another route may take it, so no caller is blamed."""
    noun = asset.role.replace("_", " ")
    failure = Failure.of(Reason.PARAMETERS_REFUSED, f"The {noun} cannot be handed over: {why}.")
    return Refused(failure, Blame.PROVIDER, note=f"{asset.role}: {why}")
