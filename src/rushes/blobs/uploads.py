"""Uploads in parts that nobody finished: found and aborted, so that no bucket fills with them.

The storage library neither lists nor aborts them, so two requests of the S3 protocol are written
and signed here. It needs credentials that can be read; with those of a machine's role the bucket
needs a rule of its own (`docs/how-to/storage.md`).

Source: AWS, *Signature Version 4*, and *ListMultipartUploads*, *AbortMultipartUpload* of the Amazon
S3 API reference.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from html import unescape
from typing import Final
from urllib.parse import quote, urlsplit

import httpx2

from rushes.clock import Clock

PAGES_MAX: Final = 20
_EMPTY: Final = sha256(b"").hexdigest()
_OK: Final = frozenset({200, 204, 404})
_UPLOAD: Final = re.compile(r"<Upload>(.*?)</Upload>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class S3Credential:
    """What requests to S3 are signed with."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Uploads:
    """The unfinished uploads of one bucket, below one prefix.

    `root` is the address of the bucket, without a slash at its end; `prefix` is what stands before
    every name, with its slash, or empty.
    """

    root: str
    region: str
    prefix: str
    credential: S3Credential
    clock: Clock
    timeout_s: float

    async def abort(self, name: str, *, before: datetime | None) -> int:
        """Abort uploads of blobs whose names begin so and that began before; return how many.

        Raises:
            OSError: the store did not do its part; a part of them may be gone.
        """
        count = 0
        marker: dict[str, str] = {}
        try:
            async with httpx2.AsyncClient(timeout=self.timeout_s, trust_env=False) as client:
                for _ in range(PAGES_MAX):
                    query = {"prefix": f"{self.prefix}{name}", "uploads": "", **marker}
                    page = await self._ask(client, "GET", "", query)
                    for key, upload_id, began_at in _read(page):
                        is_ours = key.startswith(query["prefix"])
                        if is_ours and (before is None or began_at < before):
                            await self._ask(client, "DELETE", key, {"uploadId": upload_id})
                            count += 1
                    marker = _next(page)
                    if not marker:
                        break
        except httpx2.HTTPError as error:
            kind = type(error).__name__  # the error itself would quote the address
            raise OSError(f"storage did not list or abort uploads: {kind}") from None
        return count

    async def _ask(
        self, client: httpx2.AsyncClient, method: str, key: str, query: Mapping[str, str]
    ) -> str:
        path = f"/{quote(key, safe='/-_.~')}" if key else ""
        text = "&".join(f"{_quoted(name)}={_quoted(query[name])}" for name in sorted(query))
        address = f"{self.root}{path}?{text}"
        answer = await client.request(method, address, headers=self._headers(method, address))
        if answer.status_code not in _OK:
            raise OSError(f"storage answered HTTP {answer.status_code} about unfinished uploads")
        return answer.text

    def _headers(self, method: str, address: str) -> dict[str, str]:
        """Sign a request without a body (Signature Version 4)."""
        split = urlsplit(address)
        stamp = self.clock.now().strftime("%Y%m%dT%H%M%SZ")
        headers = {"host": split.netloc, "x-amz-content-sha256": _EMPTY, "x-amz-date": stamp}
        if self.credential.session_token is not None:
            headers["x-amz-security-token"] = self.credential.session_token
        names = ";".join(sorted(headers))
        lines = [f"{name}:{headers[name]}\n" for name in sorted(headers)]
        asked = "\n".join([method, split.path or "/", split.query, "".join(lines), names, _EMPTY])
        scope = f"{stamp[:8]}/{self.region}/s3/aws4_request"
        told = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{sha256(asked.encode()).hexdigest()}"
        key = f"AWS4{self.credential.secret_access_key}".encode()
        for word in scope.split("/"):
            key = hmac.digest(key, word.encode(), "sha256")
        signature = hmac.new(key, told.encode(), sha256).hexdigest()
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.credential.access_key_id}/{scope},"
            f"SignedHeaders={names},Signature={signature}"
        )
        return headers


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")


def _read(page: str) -> Iterator[tuple[str, str, datetime]]:
    """Yield key, upload id and beginning of each upload on a page."""
    for upload in _UPLOAD.findall(page):
        began_at = _field(upload, "Initiated")
        if began_at:
            yield (
                _field(upload, "Key"),
                _field(upload, "UploadId"),
                datetime.fromisoformat(began_at),
            )


def _next(page: str) -> dict[str, str]:
    """Return where the next page begins; nothing after the last one."""
    if _field(page, "IsTruncated") != "true":
        return {}
    return {
        "key-marker": _field(page, "NextKeyMarker"),
        "upload-id-marker": _field(page, "NextUploadIdMarker"),
    }


def _field(xml: str, name: str) -> str:
    found = re.search(rf"<{name}>(.*?)</{name}>", xml, re.DOTALL)
    return "" if found is None else unescape(found[1])
