"""The verbs of the retired OpenAI client: an application written for Sora moves by one line.

    from rushes.client.openai import OpenAI     # was: from openai import OpenAI

    client = OpenAI()  # RUSHES_API_KEY, RUSHES_BASE_URL; else OPENAI_API_KEY, OPENAI_BASE_URL
    video = client.videos.create_and_poll(model="sora-2", prompt="A cat on a motorcycle")
    client.videos.download_content(video.id).write_to_file("cat.mp4")

`openai` itself is not needed. Names, arguments, results and errors are those of its `videos`,
sync and async. Underneath is `rushes.client`: a create is sent again under one key and makes one
video, a poll is answered as soon as there is an end, a download that breaks is taken up again.

What is not here: everything but `videos`; characters, which the server does not offer;
`with_raw_response` and `with_streaming_response`; `request` and `response` on errors. What is
here besides: `video.rushes`, the same answer as `rushes.client` tells it, with what was ignored
or changed of the request, and the variant `last_frame`.
"""

from rushes.client.openai.clients import AsyncOpenAI, OpenAI
from rushes.client.openai.errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    InternalServerError,
    NotFoundError,
    OpenAIError,
    PermissionDeniedError,
    RateLimitError,
    UnprocessableEntityError,
)
from rushes.client.openai.given import NOT_GIVEN, NotGiven, Omit, not_given, omit
from rushes.client.openai.shapes import (
    AsyncVideoPage,
    BinaryContent,
    Video,
    VideoCreateError,
    VideoDeleteResponse,
    VideoPage,
)
from rushes.client.openai.videos import AsyncVideos, Videos

__all__ = [
    "NOT_GIVEN",
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncOpenAI",
    "AsyncVideoPage",
    "AsyncVideos",
    "AuthenticationError",
    "BadRequestError",
    "BinaryContent",
    "ConflictError",
    "InternalServerError",
    "NotFoundError",
    "NotGiven",
    "Omit",
    "OpenAI",
    "OpenAIError",
    "PermissionDeniedError",
    "RateLimitError",
    "UnprocessableEntityError",
    "Video",
    "VideoCreateError",
    "VideoDeleteResponse",
    "VideoPage",
    "Videos",
    "not_given",
    "omit",
]
