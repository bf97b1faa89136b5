"""Veo by Google, on Vertex AI (the Agent Platform).

Wire facts (SDK: google-genai 3.6.1; WIRE: what 2.34.0 really sends; 3P: third parties, 2026-03;
MEM: background, not verified):
- create: POST {root}/v1beta1/projects/P/locations/L/publishers/google/models/M:predictLongRunning,
  {instances: [one], parameters}; the answer is {name}, the name of an operation.    SDK, WIRE
- look: POST .../M:fetchPredictOperation {operationName}, the model's path is the name up to
  `/operations/`; while it works there is no `done`; then `error`, or `response` with
  videos[{gcsUri | bytesBase64Encoded, mimeType}].                                   SDK, WIRE
- filtered: `done`, no error and no videos, but raiMediaFilteredCount and -Reasons.       SDK
- film: without storageUri inside the answer to a look, in base64; with it an object under that
  address, read as GET {storage}/storage/v1/b/BUCKET/o/OBJECT?alt=media, same token.  WIRE, MEM
- such an object is FOLDER/NUMBER/sample_0.mp4; GET {storage}/storage/v1/b/BUCKET/o?prefix=FOLDER
  lists {items: [{name}]}.                                                                MEM
- errors: `_vertex_answers.py`. No cancel, no list, no reference of ours.                 SDK
- root: https://L-aiplatform.googleapis.com, of `global` https://aiplatform.googleapis.com. SDK
- how long an operation is kept, with the film inside, is read nowhere.                    MEM
- 50 creates a minute, ten at a time; the price is by the second.                           3P
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from rushes.domain.errors import Blame, Failure, Reason
from rushes.domain.spec import Spec
from rushes.domain.submit import Ticket
from rushes.providers import _vertex_answers, _vertex_orders
from rushes.providers._vertex_answers import WORDS, complaint_in, reason_of
from rushes.providers._vertex_orders import objection, told
from rushes.providers._vertex_tokens import NoToken, Source, Tokens, source_of
from rushes.providers.answers import Answer, ignorance, judge_submit, plain
from rushes.providers.base import (
    Assets,
    Busy,
    CancelOutcome,
    Film,
    Found,
    InDoubt,
    Lost,
    NotThere,
    NotUnderstood,
    Outcome,
    Quiet,
    Ready,
    Refused,
    Search,
    Setup,
    Stream,
    Unknown,
    Unreachable,
    Working,
)
from rushes.providers.fields import text_in
from rushes.providers.links import inline
from rushes.providers.options import Options
from rushes.providers.rest import Credential, Rest, Timeouts

SETUP: Final = Setup(
    needs_base_url=True,
    api_key="file:service-account.json",
    upstream_models=("veo-3.1-fast-generate-001", "veo-3.1-generate-001"),
)
MODES: Final = _vertex_orders.MODES

VERSION: Final = "v1beta1"
STORAGE: Final = "https://storage.googleapis.com"
LOOK_AGAIN_S: Final = 12.0
"""A clip takes a minute or more, and no answer says when to look again."""

INLINE_BYTES_MAX: Final = 192 * 2**20
"""The longest answer that is read. Eight seconds of 1080p are some 20 MB, a third more in base64;
what is larger than this belongs into a bucket."""

CHUNK_BYTES: Final = 2**20
NAME_CHARACTERS_MAX: Final = 512
URI_CHARACTERS_MAX: Final = 2048
BUCKET_CHARACTERS_MAX: Final = 222

Job = Mapping[str, object]
"""An operation as Google tells it; nothing in it is trusted to be there."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in Google's house we are, and where films shall lie; see `build`."""

    project: str
    region: str
    storage_uri: str | None = None
    storage_url: str = STORAGE
    look_again_s: float = LOOK_AGAIN_S
    timeouts: Timeouts = Timeouts()  # noqa: RUF009 -- a frozen value

    def model_path(self, model: str) -> str:
        """Return the path of a model, below the version."""
        names = (self.project, self.region, model)
        project, region, model = (quote(name, safe="") for name in names)
        return f"/projects/{project}/locations/{region}/publishers/google/models/{model}"


_TEXTS: Final = ("project", "region", "storage_uri", "storage_url")
_WHOLE: Final = re.compile(r"(https?://.+)/projects/([^/]+)/locations/([^/]+)/?")


def build(
    *,
    name: str,
    base_url: str | None,
    credential: Credential | None,
    profile: str | None,
    options: Mapping[str, object],
) -> Vertex:
    """Build a provider as an operator configured it; see `registry.build`.

    The credential is a service account's key file, or an access token. Options: `project` (that
    of the key file, where it has one) and `region`, both of which may stand in the base_url
    instead (.../v1beta1/projects/P/locations/L); `storage_uri` (gs://BUCKET/FOLDER) is where films
    are written, without it they come in the answer; `storage_url` is another address of Cloud
    Storage; `look_again_s` paces looks (12); `submit_timeout_s` bounds a whole submit (60),
    `ask_timeout_s` any other call (30).

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    if profile is not None:
        raise ValueError(f"vertex has no profile {profile!r}; it has none at all")
    if credential is None:
        raise ValueError(
            "vertex needs an api_key: file:service-account.json, or an access token such as "
            "command:gcloud auth print-access-token"
        )
    source = source_of(credential)
    said = Options("vertex", options)
    texts = {
        option: text.rstrip("/") for option in _TEXTS if (text := said.text(option)) is not None
    }
    look_again_s, timeouts = said.seconds("look_again_s", LOOK_AGAIN_S), said.timeouts()
    said.check_all_known()
    if "storage_uri" in texts and _object_in(f"{texts['storage_uri']}/x") is None:
        raise ValueError("option 'storage_uri' looks like gs://BUCKET/FOLDER")
    Rest(texts.get("storage_url", STORAGE))  # says what is wrong with an address
    whole = _WHOLE.fullmatch(base_url or "")
    if whole is not None and {"project", "region"} & texts.keys():
        raise ValueError("project and region stand in the base_url or in the options, not in both")
    root, project, region = whole.groups() if whole else (base_url, None, None)
    project, region = project or texts.get("project", source.project), region or texts.get("region")
    if not project or not region:
        raise ValueError("vertex needs a project and a region in its options, such as us-central1")
    place = Place(
        project,
        region,
        storage_uri=texts.get("storage_uri"),
        storage_url=texts.get("storage_url", STORAGE),
        look_again_s=look_again_s,
        timeouts=timeouts,
    )
    address = root if root and whole else f"{(root or _root(region)).rstrip('/')}/{VERSION}"
    return Vertex(name, Rest(address, timeouts=place.timeouts), source, place)


def _root(region: str) -> str:
    host = "aiplatform" if region == "global" else f"{region}-aiplatform"
    return f"https://{host}.googleapis.com"


class Vertex(Quiet):
    """Veo in one project and region."""

    def __init__(self, name: str, rest: Rest, source: Source, place: Place) -> None:
        self.name = name
        self._rest = rest
        self._tokens = Tokens(source)
        self._place = place

    async def submit(
        self,
        spec: Spec,
        *,
        upstream_model: str,
        token: str,
        assets: Assets,
        callback_url: str | None = None,  # noqa: ARG002 -- it rings by Pub/Sub alone
    ) -> Ticket:
        """Begin an operation, once. In a bucket the token names the folder of the film."""
        sentence = objection(spec)
        if sentence:
            failure = Failure.of(Reason.PARAMETERS_REFUSED, sentence)
            raise Refused(failure, Blame.PROVIDER, note=f"vertex: {spec.mode}")
        pictures = [await inline(asset, assets) for asset in spec.assets]
        folder = self._place.storage_uri
        body = told(spec, pictures, f"{folder}/{token}" if folder else None)
        access = await self._access_for_submit()
        path = f"{self._place.model_path(upstream_model)}:predictLongRunning"
        answer = await self._rest.submit(path, body=body, headers=_bearer(access))
        has_ended = self._hear(answer, access)
        if not answer.is_success:
            if has_ended:  # it was good before: the next submit takes another
                raise Busy("HTTP 401: the access token has ended")
            hide = (*self._rest.hidden, access)
            raise judge_submit(_vertex_answers.read(answer), WORDS, hide=hide)
        operation = text_in((answer.json_object() or {}).get("name"), NAME_CHARACTERS_MAX)
        if operation is None:
            raise InDoubt(f"HTTP {answer.status} without an operation")
        return {"operation": operation, "model": upstream_model}

    async def check(self, ticket: Ticket) -> Outcome:
        """Look at an operation; a film that was found in its bucket needs no look."""
        if _object_in(ticket.get("gcs")) is not None:
            return Ready({"gcs": ticket["gcs"]})
        return self._outcome(await self._look(ticket), ticket)

    async def cancel(self, ticket: Ticket) -> CancelOutcome:  # noqa: ARG002
        """Stop nothing: Veo has no call for it."""
        return CancelOutcome.UNSUPPORTED

    async def find(
        self,
        token: str,
        spec: Spec,  # noqa: ARG002 -- the token tells ours
        *,
        upstream_model: str,  # noqa: ARG002
        since: datetime,  # noqa: ARG002
    ) -> Search:
        """Look into the folder that the token names: a film there is ours, and nobody else's.

        Before it is written nothing can be known, and without a bucket nothing ever.
        """
        found = _object_in(f"{self._place.storage_uri}/{token}/")
        if self._place.storage_uri is None or found is None:
            return Unknown()
        bucket, prefix = found
        access = await self._access()
        async with self._storage(access) as rest:
            answer = await rest.ask(
                "GET", f"/storage/v1/b/{quote(bucket)}/o", params={"prefix": prefix}
            )
        self._hear(answer, access)
        if not answer.is_success:
            raise ignorance(_vertex_answers.read(answer))
        films = _films_in(answer.json_object() or {}, prefix)
        return Found({"gcs": f"gs://{bucket}/{films[0]}"}) if films else Unknown()

    def open(self, film: Film) -> AbstractAsyncContextManager[Stream]:
        """Open a film: an object in the bucket, or what stands in the answer to a look."""
        if "gcs" in film:
            return self._stored(film)
        return self._inline(film)

    async def close(self) -> None:
        """Let go of connections."""
        await self._rest.close()

    # -- tokens --------------------------------------------------------------------------

    async def _access_for_submit(self) -> str:
        try:
            return await self._tokens.token()
        except NoToken as error:
            if not error.is_final:
                raise Busy(f"not sent: {error.note}") from error
            unusable = Failure.of(Reason.PROVIDER_UNUSABLE)
            raise Refused(unusable, Blame.HOUSE, note=error.note) from error

    async def _access(self) -> str:
        try:
            return await self._tokens.token()
        except NoToken as error:
            raise Unreachable(f"not asked: {error.note}") from error

    def _hear(self, answer: Answer, access: str) -> bool:
        """Hear what an answer says of a token; say whether it had been good, and has ended."""
        if answer.status == HTTPStatus.UNAUTHORIZED:
            return self._tokens.refused(access)
        if answer.is_success:
            self._tokens.took(access)
        return False

    # -- looks ---------------------------------------------------------------------------

    async def _look(self, ticket: Ticket | Film) -> Job:
        operation = text_in(ticket.get("operation"), NAME_CHARACTERS_MAX)
        model = text_in(ticket.get("model"), NAME_CHARACTERS_MAX)
        if operation is None or model is None:
            raise NotUnderstood("a ticket that is not ours")
        access = await self._access()
        answer = await self._rest.ask(
            "POST",
            f"{self._path_of(operation, model)}:fetchPredictOperation",
            body={"operationName": operation},
            headers=_bearer(access),
            bytes_max=INLINE_BYTES_MAX,
        )
        self._hear(answer, access)
        if answer.is_success and answer.body is None:
            raise Unreachable("the answer broke off, or has no end")
        job = await asyncio.to_thread(answer.json_object)  # a film may be inside
        if job is not None and job.get("name") == operation:
            return job
        raise (
            NotUnderstood("no operation")
            if answer.is_success
            else ignorance(_vertex_answers.read(answer))
        )

    def _path_of(self, operation: str, model: str) -> str:
        """Return the path of an operation's model: as its name says, as the SDK reads it."""
        parent = operation.partition("/operations/")[0]
        if not re.fullmatch(
            r"projects/[^/]+/locations/[^/]+/publishers/[^/]+/models/[^/]+", parent
        ):
            return self._place.model_path(model)
        return f"/{quote(parent)}"

    def _outcome(self, job: Job, ticket: Ticket) -> Outcome:
        match job.get("done", False):
            case False:
                return Working(look_again_s=self._place.look_again_s)
            case True:
                pass
            case word:
                raise NotUnderstood(f"unknown word for done: {str(word)[:40]!r}")
        error, response = job.get("error"), job.get("response")
        if isinstance(error, dict):
            return Lost(self._failure(error))
        if not isinstance(response, dict):
            raise NotUnderstood("done, and neither an error nor a response")
        video = _video_in(response)
        if video is None:
            return Lost(_filtered(response, self._rest.hidden))
        uri = video.get("gcsUri")
        if uri is None:
            return Ready({"operation": ticket["operation"], "model": ticket["model"]})
        if _object_in(uri) is None:
            raise NotUnderstood("a film at no address in Cloud Storage")
        return Ready({"gcs": uri})

    def _failure(self, error: Mapping[str, object]) -> Failure:
        complaint = complaint_in(error)
        reason = reason_of(complaint)
        if reason in {Reason.PROVIDER_UNUSABLE, Reason.TIMED_OUT}:  # no caller's business
            return Failure.of(reason)
        return Failure.of(reason, plain(complaint.message, self._rest.hidden))

    # -- films ---------------------------------------------------------------------------

    @asynccontextmanager
    async def _inline(self, film: Film) -> AsyncIterator[Stream]:
        video = _video_in((await self._look(film)).get("response"))
        text = (video or {}).get("bytesBase64Encoded")
        if not isinstance(text, str):
            raise NotThere("the operation has no film any more")
        try:
            content = await asyncio.to_thread(base64.b64decode, text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise NotUnderstood("a film that is no base64") from error
        async with aclosing(_pieces(content)) as chunks:
            yield Stream(chunks, len(content))

    @asynccontextmanager
    async def _stored(self, film: Film) -> AsyncIterator[Stream]:
        found = _object_in(film["gcs"])
        if found is None:
            raise NotUnderstood("a film that is not ours")
        bucket, name = (quote(part, safe="") for part in found)
        access = await self._access()
        try:
            async with (
                self._storage(access) as rest,
                rest.film(f"/storage/v1/b/{bucket}/o/{name}?alt=media") as stream,
            ):
                yield stream
        except Unreachable as error:
            if error.note.startswith(f"HTTP {HTTPStatus.UNAUTHORIZED}"):
                self._tokens.refused(access)
            raise

    @asynccontextmanager
    async def _storage(self, access: str) -> AsyncIterator[Rest]:
        """Open Cloud Storage, whose own origin is the only one that is told the token."""
        credential = Credential("access token", access)
        rest = Rest(self._place.storage_url, credential, timeouts=self._place.timeouts)
        try:
            yield rest
        finally:
            await rest.close()


def _bearer(access: str) -> dict[str, str]:
    return {"authorization": f"Bearer {access}"}


async def _pieces(content: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(content), CHUNK_BYTES):
        yield content[start : start + CHUNK_BYTES]


def _video_in(response: object) -> Mapping[str, object] | None:
    """Return the first video of a response that is one."""
    videos = response.get("videos") if isinstance(response, dict) else None
    for video in videos if isinstance(videos, list) else []:
        if isinstance(video, dict) and (video.get("gcsUri") or video.get("bytesBase64Encoded")):
            return video
    return None


def _films_in(listed: Mapping[str, object], prefix: str) -> list[str]:
    """Return the names of the films in a list of objects.

    Raises:
        NotUnderstood: it is none.
    """
    items = listed.get("items", [])  # left out where there are none
    if not isinstance(items, list):
        raise NotUnderstood("a list without items")
    names = (item.get("name") for item in items if isinstance(item, dict))
    return sorted(
        name
        for name in names
        if isinstance(name, str) and name.startswith(prefix) and name.endswith(".mp4")
        if text_in(name, URI_CHARACTERS_MAX - len("gs:///") - BUCKET_CHARACTERS_MAX)
    )


def _filtered(response: Mapping[str, object], hide: tuple[str, ...]) -> Failure:
    """Say that what was made is not fit to be shown.

    Raises:
        NotThere: no filter is blamed; no film is no success, and only that it stays so a verdict.
    """
    count, reasons = response.get("raiMediaFilteredCount"), response.get("raiMediaFilteredReasons")
    said = [text for text in reasons if isinstance(text, str)] if isinstance(reasons, list) else []
    if not count and not said:
        raise NotThere("done without a film")
    return Failure.of(Reason.CONTENT_REFUSED, plain(" ".join(said), hide))


def _object_in(uri: object) -> tuple[str, str] | None:
    """Read `gs://BUCKET/OBJECT`.

    >>> _object_in("gs://films/a/b.mp4")
    ('films', 'a/b.mp4')
    """
    text = text_in(uri, URI_CHARACTERS_MAX)
    found = re.fullmatch(r"gs://([a-z0-9][a-z0-9._-]{1,221})/(.+)", text or "")
    return (found[1], found[2]) if found else None
