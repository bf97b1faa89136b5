"""How an upstream that is told in JSON gets a caller's files: inside the request, or by a link.

Our checked bytes travel as a data URI where the upstream takes one. What is too large for that
is passed on as the public address the caller gave; a file that came with the request has none,
and is refused before any money.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence

from rushes.domain.errors import Blame, Failure, Reason
from rushes.domain.spec import Asset
from rushes.providers.base import Assets, Busy, Refused
from rushes.providers.orders import noun


async def data_uri(asset: Asset, assets: Assets) -> str:
    """Return an asset's bytes as `data:image/png;base64,...`.

    It is asked for before anything is sent, so that a file that is missing proves no harm.

    Raises:
        Refused: the file is not in our blobs yet.
        Busy: it cannot be read now.
    """
    if asset.blob is None:
        raise refused(asset, "its bytes are not here")
    try:
        path = await assets.path_of(asset.blob)
        content = await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        note = f"not sent: the {asset.role} cannot be read: {type(error).__name__}"
        raise Busy(note) from error
    kind = asset.content_type or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


async def data_uris(
    given: Sequence[Asset], assets: Assets, *, characters_max: int | None = None
) -> list[str]:
    """Return the bytes of all assets of one request as data URIs.

    Raises:
        Refused: one is not in our blobs yet, or they are longer together than one request may be.
        Busy: one cannot be read now.
    """
    uris, count = [], 0
    for asset in given:
        uris.append(await data_uri(asset, assets))
        count += len(uris[-1])
        if characters_max is not None and count > characters_max:
            raise refused(asset, "the files of one request are too large together")
    return uris


async def inline(asset: Asset, assets: Assets) -> tuple[str, str]:
    """Return an asset's content type, and its bytes in base64.

    Raises:
        Refused, Busy: as `data_uri` does.
    """
    head, _, content = (await data_uri(asset, assets)).partition(";base64,")
    return head.removeprefix("data:"), content


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
    sentence = f"The {noun(asset.role)} cannot be handed over: {why}."
    failure = Failure.of(Reason.PARAMETERS_REFUSED, sentence)
    return Refused(failure, Blame.PROVIDER, note=f"{asset.role}: {why}")
