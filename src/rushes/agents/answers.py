"""What the tools answer: facts with units in their names, which an agent reads by a schema.

Every field that an answer has is in the schema with a sentence, as that is all an agent knows.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from rushes.client import DownloadedVideo, Model, Quote, Video
from rushes.client.shapes import Status
from rushes.client.words import choice, price_words

_MICROUSD: Final = 1_000_000


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Failure(_Answer):
    """Why a video failed."""

    code: str
    message: str


class VideoAnswer(_Answer):
    """A video as it stands."""

    id: Annotated[str, Field(description="Give this id to the other tools.")]
    status: Annotated[Status, Field(description="completed and failed are final.")]
    progress_percent: Annotated[int, Field(description="0 to 100; never falls.")]
    next_step: Annotated[str, Field(description="What to do now, in one sentence.")]
    model: str | None
    prompt: str | None
    seconds: Annotated[int | None, Field(description="Length of the film.")]
    size: Annotated[str | None, Field(description="WIDTHxHEIGHT in pixels.")]
    url: Annotated[
        str | None,
        Field(description="Link to the film (MP4), without a key; it expires: get_video renews."),
    ]
    cost_usd: Annotated[float | None, Field(description="US dollars; null until known.")]
    is_rehearsal: Annotated[
        bool, Field(description="True: a free sandbox film, not made by the model itself.")
    ]
    queue_position: Annotated[int | None, Field(description="From 1; null if not known.")]
    eta_s: Annotated[int | None, Field(description="Seconds until it should be final.")]
    kept_until: Annotated[datetime | None, Field(description="The film is deleted then (UTC).")]
    error: Annotated[Failure | None, Field(description="Why it failed.")]
    changed_parameters: Annotated[
        list[str], Field(description="Values that the model does not take, and what they became.")
    ]
    ignored_parameters: Annotated[list[str], Field(description="Parameters without effect.")]


class ModelAnswer(_Answer):
    """What one model takes and costs."""

    id: str
    made_by: str
    modes: list[str]
    seconds: Annotated[str, Field(description="Lengths it takes; the default in parentheses.")]
    resolutions: Annotated[str, Field(description="Empty: give no resolution.")]
    ratios: Annotated[str, Field(description="Empty: as the source.")]
    sizes: Annotated[list[str], Field(description="Sizes beyond resolution and ratio.")]
    sound: Annotated[str, Field(description="none, optional or always.")]
    prices: Annotated[
        list[str],
        Field(description="US dollars; of one unit the first that fits, units add up. Empty: free"),
    ]
    is_rehearsal: Annotated[
        bool, Field(description="True: no provider is set up, the sandbox renders a free stand-in.")
    ]
    retires_at: Annotated[date | None, Field(description="The maker ends the model that day.")]
    successor: Annotated[str | None, Field(description="What to use after that.")]


class ModelsAnswer(_Answer):
    """All models that the key may use."""

    models: list[ModelAnswer]


class QuoteAnswer(_Answer):
    """What a film would be and cost."""

    model: str
    seconds: Annotated[int, Field(description="Length; -1: the provider chooses.")]
    size: Annotated[str, Field(description="WIDTHxHEIGHT in pixels.")]
    with_audio: bool
    cost_max_usd: Annotated[float, Field(description="The most that it may cost; 0: free.")]
    price: Annotated[str | None, Field(description="The rules that count, in words.")]
    is_rehearsal: Annotated[
        bool, Field(description="True: a free sandbox film would stand in for the model.")
    ]
    changed_parameters: Annotated[
        list[str], Field(description="Values that the model does not take, and what they become.")
    ]
    ignored_parameters: Annotated[list[str], Field(description="Parameters without effect.")]


class FileAnswer(_Answer):
    """A file that was saved."""

    path: Annotated[str, Field(description="Where it is on the machine of the tool.")]
    size_bytes: int
    sha256: Annotated[str, Field(description="Digest of the file, lowercase hex.")]
    content_type: str


def video_answer(video: Video) -> VideoAnswer:
    """Tell a video."""
    error = video.error
    cost = video.cost_microusd
    return VideoAnswer(
        id=video.id,
        status=video.status,
        progress_percent=video.progress,
        next_step=next_step(video),
        model=video.model,
        prompt=video.prompt,
        seconds=video.seconds,
        size=video.size,
        url=video.url,
        cost_usd=None if cost is None else cost / _MICROUSD,
        is_rehearsal=video.is_rehearsal,
        queue_position=video.queue_position,
        eta_s=video.eta_s,
        kept_until=video.expires_at,
        error=None if error is None else Failure(code=error.code, message=error.message),
        changed_parameters=list(video.coerced_parameters),
        ignored_parameters=list(video.ignored_parameters),
    )


def next_step(video: Video) -> str:
    """Say what an agent should do now."""
    match video.status:
        case "completed":
            return "Show the link in url, or save the film with download_video where it is offered."
        case "failed":
            return way_out("" if video.error is None else video.error.code)
        case _:
            return "It goes on by itself: call get_video with this id and wait_s."


def way_out(code: str) -> str:
    """Say what to do about a video that failed; never to pay twice for what may be paid.

    >>> way_out("canceled")
    'Nothing; ask anew if it is wanted after all.'
    """
    return _WAYS_OUT.get(code, "Ask once more; if it fails again, ask with another model.")


_WAYS_OUT: Final = {
    "canceled": "Nothing; ask anew if it is wanted after all.",
    "content_policy_violation": "Ask with another prompt or image: this one was refused.",
    "expired": "Ask anew: it was not started in the time that was given.",
    "invalid_request": "Compare the parameters with list_models, and ask anew.",
    "rate_limited": "Ask again in a few minutes, or with another model.",
    "submit_in_doubt": (
        "Do not ask again by yourself: it may have been made and paid for. The operator of the "
        "server decides; tell the user the id."
    ),
}


def model_answer(model: Model) -> ModelAnswer:
    """Tell a model in short."""
    return ModelAnswer(
        id=model.id,
        made_by=model.owned_by,
        modes=list(model.modes),
        seconds=choice(model.seconds),
        resolutions=choice(model.resolutions),
        ratios=choice(model.ratios),
        sizes=list(model.sizes),
        sound=model.audio,
        prices=list(price_words(model)),
        is_rehearsal=model.is_rehearsal,
        retires_at=model.retires_at,
        successor=model.successor,
    )


def quote_answer(quote: Quote) -> QuoteAnswer:
    """Tell a price beforehand."""
    return QuoteAnswer(
        model=quote.model,
        seconds=quote.seconds,
        size=quote.size,
        with_audio=quote.with_audio,
        cost_max_usd=quote.cost_max_microusd / _MICROUSD,
        price=quote.price,
        is_rehearsal=quote.is_rehearsal,
        changed_parameters=list(quote.coerced_parameters),
        ignored_parameters=list(quote.ignored_parameters),
    )


def file_answer(came: DownloadedVideo) -> FileAnswer:
    """Tell a file that was brought home."""
    return FileAnswer(
        path="" if came.path is None else str(came.path.absolute()),
        size_bytes=came.size_bytes,
        sha256=came.sha256,
        content_type=came.content_type,
    )
