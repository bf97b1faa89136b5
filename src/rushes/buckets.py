"""Films in a bucket: the library's stores, and what finds unfinished uploads, from the settings."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from rushes.blobs.objects import Bucket, ObjectBlobs
from rushes.blobs.uploads import S3Credential, Uploads
from rushes.clock import Clock
from rushes.folder import Unready
from rushes.providers.registry import Misconfigured, resolve
from rushes.settings import Storage

if TYPE_CHECKING:  # the library has these for type checkers only
    from obstore.store import ClientConfig, RetryConfig, S3Config

DEFAULT_REGION: Final = "us-east-1"
CONNECT_S: Final = 5.0
HASTY_S: Final = 5.0
"""How long a removal inside a transaction may take: everyone waits for it."""

REQUEST: Final = timedelta(days=1)
"""A reader may be slow: a request ends with silence, not with time."""

RETRIES_MAX: Final = 2


def blobs_in_bucket(storage: Storage, clock: Clock) -> ObjectBlobs:
    """Return the bucket that the settings name; nothing is asked of it yet.

    Raises:
        Unready: there are no credentials where the settings say, or the bucket's name is odd.
    """
    try:
        credential = _credential(storage)
        return ObjectBlobs(
            _bucket(storage, credential, silence_s=storage.timeout_s, retries_max=RETRIES_MAX),
            hasty=_bucket(
                storage, credential, silence_s=min(HASTY_S, storage.timeout_s), retries_max=0
            ),
            uploads=_uploads(storage, credential, clock),
        )
    except Misconfigured as error:
        raise Unready(f"storage: {error}") from None
    except (BaseError, ValueError) as error:
        kind = type(error).__name__  # the error itself may quote what it was given
        raise Unready(f"storage.url: {storage.url} cannot be used as a bucket: {kind}") from None


def _credential(storage: Storage) -> S3Credential | None:
    """Return what was named, else what the environment has; None leaves it to the role."""
    if storage.access_key_id is not None and storage.secret_access_key is not None:
        token = storage.session_token
        return S3Credential(
            resolve(storage.access_key_id).secret,
            resolve(storage.secret_access_key).secret,
            None if token is None else resolve(token).secret,
        )
    access, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if storage.scheme == "s3" and access and secret:
        return S3Credential(access, secret, os.environ.get("AWS_SESSION_TOKEN"))
    return None


def _bucket(
    storage: Storage, credential: S3Credential | None, *, silence_s: float, retries_max: int
) -> Bucket:
    patience, url = timedelta(seconds=silence_s), storage.url or ""
    client: ClientConfig = {
        "connect_timeout": timedelta(seconds=min(CONNECT_S, silence_s)),
        "read_timeout": patience,
        "timeout": REQUEST,
        "allow_http": (storage.endpoint or "").startswith("http://"),
    }
    retries: RetryConfig = {"max_retries": retries_max, "retry_timeout": patience}
    if storage.scheme == "gs":
        return GCSStore.from_url(url, client_options=client, retry_config=retries)
    if storage.scheme == "az":
        return AzureStore.from_url(url, client_options=client, retry_config=retries)
    split = urlsplit(url)
    return S3Store(
        split.netloc,
        prefix=split.path.strip("/") or None,
        client_options=client,
        retry_config=retries,
        region=_region(storage),
        endpoint=_endpoint(storage),
        virtual_hosted_style_request=storage.addressing == "virtual",
        disable_bulk_delete=True,
        config=_keys(credential),
    )


def _keys(credential: S3Credential | None) -> S3Config:
    """Return what the library signs with; nothing lets it look for a role of the machine."""
    if credential is None:
        return {}
    keys: S3Config = {
        "access_key_id": credential.access_key_id,
        "secret_access_key": credential.secret_access_key,
    }
    if credential.session_token is not None:
        keys["session_token"] = credential.session_token
    return keys


def _region(storage: Storage) -> str:
    told = storage.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return told or DEFAULT_REGION


def _endpoint(storage: Storage) -> str:
    """Return the address of the store; of a virtual host the bucket is a part."""
    told = (storage.endpoint or f"https://s3.{_region(storage)}.amazonaws.com").rstrip("/")
    bucket, split = urlsplit(storage.url or "").netloc, urlsplit(told)
    if storage.addressing == "virtual" and not split.netloc.startswith(f"{bucket}."):
        return f"{split.scheme}://{bucket}.{split.netloc}"
    return told


def _uploads(storage: Storage, credential: S3Credential | None, clock: Clock) -> Uploads | None:
    """Return what finds unfinished uploads; None where we have nothing to sign with."""
    if storage.scheme != "s3" or credential is None:
        return None
    split, root = urlsplit(storage.url or ""), _endpoint(storage)
    prefix = split.path.strip("/")
    return Uploads(
        root=root if storage.addressing == "virtual" else f"{root}/{split.netloc}",
        region=_region(storage),
        prefix=f"{prefix}/" if prefix else "",
        credential=credential,
        clock=clock,
        timeout_s=storage.timeout_s,
    )
