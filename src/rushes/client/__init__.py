"""The client: a few lines from a wish to a film.

    from rushes import Rushes

    with Rushes() as client:  # RUSHES_API_KEY, RUSHES_BASE_URL
        video = client.videos.create_and_wait("A paper boat crosses a rain puddle")
        client.videos.download(video, "boat.mp4")

It needs httpx2 and the standard library, and nothing of the server. `AsyncRushes` has the
same verbs for asyncio.

An application written for the retired Videos API of OpenAI moves by one import, to
`rushes.client.openai`, where all is named as it was. The verbs here have those names too, where
they mean the same; but a wait has a deadline (`deadline_s`), `seconds` is a number and instants
are datetimes, the `limit` of a list bounds the list and not its pages, `model` is `sandbox` where
none is given, and errors are those of `rushes.client.errors`.
"""

from rushes.client.async_client import AsyncModels, AsyncRushes, AsyncVideos, AsyncWebhooks
from rushes.client.deriving import DeriveOptions, Source
from rushes.client.errors import (
    ApiError,
    ArtifactExpired,
    BadRequest,
    Complaint,
    ConnectionFailed,
    DownloadFailed,
    Forbidden,
    IdempotencyKeyReused,
    InsufficientQuota,
    MethodNotAllowed,
    NotAcceptable,
    NotConfigured,
    NotFound,
    Overloaded,
    RangeNotSatisfiable,
    RateLimited,
    RushesError,
    ServerError,
    TooLarge,
    Unauthenticated,
    UnexpectedAnswer,
    Unsendable,
    UnsupportedMediaType,
    UpstreamError,
    VideoFailed,
    WaitTimeout,
    WebhookNotVerified,
)
from rushes.client.media import Media, Reference
from rushes.client.retry import Retry
from rushes.client.shapes import (
    Budget,
    Choice,
    DeletedVideo,
    DownloadedVideo,
    KeyFacts,
    Limits,
    Model,
    Quote,
    Video,
    VideoError,
    VideoEvent,
    VideoPage,
    WebhookSecret,
)
from rushes.client.sync_client import Models, Rushes, Videos, Webhooks

__all__ = [
    "ApiError",
    "ArtifactExpired",
    "AsyncModels",
    "AsyncRushes",
    "AsyncVideos",
    "AsyncWebhooks",
    "BadRequest",
    "Budget",
    "Choice",
    "Complaint",
    "ConnectionFailed",
    "DeletedVideo",
    "DeriveOptions",
    "DownloadFailed",
    "DownloadedVideo",
    "Forbidden",
    "IdempotencyKeyReused",
    "InsufficientQuota",
    "KeyFacts",
    "Limits",
    "Media",
    "MethodNotAllowed",
    "Model",
    "Models",
    "NotAcceptable",
    "NotConfigured",
    "NotFound",
    "Overloaded",
    "Quote",
    "RangeNotSatisfiable",
    "RateLimited",
    "Reference",
    "Retry",
    "Rushes",
    "RushesError",
    "ServerError",
    "Source",
    "TooLarge",
    "Unauthenticated",
    "UnexpectedAnswer",
    "Unsendable",
    "UnsupportedMediaType",
    "UpstreamError",
    "Video",
    "VideoError",
    "VideoEvent",
    "VideoFailed",
    "VideoPage",
    "Videos",
    "WaitTimeout",
    "WebhookNotVerified",
    "WebhookSecret",
    "Webhooks",
]
