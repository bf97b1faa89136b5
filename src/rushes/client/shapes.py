"""What the server tells, as frozen values.

A field is None where the answer at hand does not tell it. `create`, `retrieve`, `wait`,
`cancel` and `remix` tell everything there is; `list` with a filter, `events` and
`on_progress` read a leaner answer, without prompt, seconds and size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from os import PathLike
from pathlib import Path
from typing import Final, Generic, Literal, TypeAlias, TypeVar

T = TypeVar("T")

Status: TypeAlias = Literal["queued", "in_progress", "completed", "failed"]
Order: TypeAlias = Literal["asc", "desc"]
Variant: TypeAlias = Literal["video", "thumbnail", "last_frame", "spritesheet"]

FINAL: Final[frozenset[Status]] = frozenset({"completed", "failed"})


@dataclass(frozen=True, slots=True)
class VideoError:
    """Why a video failed.

    `code` is a word of the server's table of failures: `content_policy_violation`,
    `invalid_request`, `provider_error`, `rate_limited`, `timed_out`, `submit_in_doubt`,
    `canceled`, `expired` or `server_error`. A leaner answer (see above) tells only a number;
    where more than one word could be meant, `code` is that number as text.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """One video, as far as the answer at hand tells.

    `progress` is 0 to 100 and never falls: 0 while queued, 100 at the end, also of a failure;
    where an answer does not tell it, it is the lowest that the status allows. `seconds` and
    `size` are what was asked, and once completed what was measured; -1 seconds means that the
    provider chooses. `url` is a signed link that needs no key; it dies, so fetch it when it is
    needed. `queue_position` counts from 1. `eta_s` is until the video is expected to be final.
    `cost_microusd` are millionths of a US dollar, known at the end. `is_rehearsal`: the
    sandbox rendered it in place of the model. `served_by` is the model behind an operator's
    alias. `is_replayed`: a create found the video that an earlier try had made.
    """

    id: str
    status: Status
    progress: int
    model: str | None = None
    prompt: str | None = None
    seconds: int | None = None
    size: str | None = None
    created_at: datetime | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None
    error: VideoError | None = None
    url: str | None = None
    remixed_from_video_id: str | None = None
    queue_position: int | None = None
    eta_s: int | None = None
    cost_microusd: int | None = None
    is_rehearsal: bool = False
    served_by: str | None = None
    is_replayed: bool = False
    ignored_parameters: tuple[str, ...] = ()
    coerced_parameters: tuple[str, ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether nothing can happen to the video any more."""
        return self.status in FINAL

    def seen_as(self, look: Video) -> Video:
        """Return this video as it stands at a later, leaner look: facts are kept, news taken.

        Progress never falls.
        """
        return replace(
            self,
            status=look.status,
            progress=max(self.progress, look.progress),
            error=look.error,
            url=look.url,
            queue_position=look.queue_position,
            eta_s=look.eta_s,
            cost_microusd=look.cost_microusd,
            is_rehearsal=look.is_rehearsal or self.is_rehearsal,
            served_by=look.served_by or self.served_by,
        )


@dataclass(frozen=True, slots=True)
class VideoPage:
    """One page of a list; `last_id` is the `after` of the next page."""

    data: tuple[Video, ...]
    first_id: str | None
    last_id: str | None
    has_more: bool


@dataclass(frozen=True, slots=True)
class DeletedVideo:
    """A video that is gone, film and record; its id is unknown from now on."""

    id: str
    deleted: bool = True


@dataclass(frozen=True, slots=True)
class VideoEvent:
    """One change of status. Numbers rise within a video and may have gaps."""

    number: int
    video: Video


@dataclass(frozen=True, slots=True)
class DownloadedVideo:
    """A film, or a still of it, that arrived whole.

    `sha256` is of what arrived, in lowercase hex; it was compared with what the server said.
    `path` is where it was written; `content` holds the bytes where no target was given. With a
    file object or a device as target both are None.
    """

    id: str
    variant: Variant
    size_bytes: int
    content_type: str
    etag: str | None
    sha256: str
    path: Path | None = None
    content: bytes | None = field(default=None, repr=False)

    def read(self) -> bytes:
        """Return the bytes, from memory or from the file they were written to.

        Raises:
            ValueError: they were written to a file object of the caller.
        """
        if self.content is not None:
            return self.content
        if self.path is not None:
            return self.path.read_bytes()
        raise ValueError("The bytes were written to the file that download() was given.")

    def write_to_file(self, path: str | PathLike[str]) -> None:
        """Write the bytes to a file, as the retired OpenAI client does."""
        Path(path).write_bytes(self.read())


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """What your account's webhooks are signed with; `previous` counts beside it for a while."""

    secret: str = field(repr=False)
    previous: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a film would be, and the most that it may cost; nothing was made or held for it.

    `seconds` is -1 where the provider chooses. `cost_max_microusd` are millionths of a US dollar,
    and `price` says in words which rules count; None where it is free. `resolution` and `ratio`
    are None for a size that has none. The rest is as in `Video`.
    """

    model: str
    seconds: int
    size: str
    resolution: str | None
    ratio: str | None
    with_audio: bool
    cost_max_microusd: int
    price: str | None
    is_rehearsal: bool = False
    served_by: str | None = None
    ignored_parameters: tuple[str, ...] = ()
    coerced_parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may come at once; None is no limit."""

    requests_per_s: int | None
    submits_per_minute: int | None
    in_flight_max: int | None
    queued_max: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What an owner, a key or its account, may spend in a `period` (`total`, `day`, `month`)."""

    owner: str
    period: str
    limit_microusd: int
    spent_microusd: int
    left_microusd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """What the client's own key is, without its secret.

    `models` None is every model, `expires_at` None is for good. `limits` are those that count for
    the key. `budgets` are the key's and its account's, in the present period. `operators` says
    whether the operators' API is answered at this address: `here`, `elsewhere` or `off`.
    """

    id: str
    name: str
    prefix: str
    account_id: str
    account_name: str
    is_test: bool
    scopes: tuple[str, ...]
    models: tuple[str, ...] | None
    expires_at: datetime | None
    limits: Limits
    account_limits: Limits
    budgets: tuple[Budget, ...]
    operators: str


@dataclass(frozen=True, slots=True)
class Choice(Generic[T]):
    """The values that a model takes, and the one it takes if none is asked for."""

    allowed: tuple[T, ...]
    default: T | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that the key may use, and what its card says.

    `seconds`, `resolutions`, `ratios`: no allowed ratio means "as the source". `sizes` are
    those beyond resolution and ratio. `audio` is `none`, `optional` or `always`. `checked_at`
    is when the card was last compared with a public page; `retires_at` when the maker ends the
    model, and `successor` what to move to. `capabilities` is the card as it came, with inputs,
    prices and all. `is_rehearsal`: the sandbox renders in its place.
    """

    id: str
    owned_by: str
    is_rehearsal: bool
    created_at: datetime | None
    checked_at: date | None
    retires_at: date | None
    successor: str | None
    modes: tuple[str, ...]
    seconds: Choice[int]
    resolutions: Choice[str]
    ratios: Choice[str]
    sizes: tuple[str, ...]
    audio: str
    capabilities: Mapping[str, object] = field(repr=False, hash=False)
