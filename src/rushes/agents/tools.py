"""The tools that an agent has, one function each; their docstrings are what it reads.

A function's parameters are the tool's schema, so their words, units and bounds stand here too.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream
from anyio.to_thread import run_sync
from mcp.server.mcpserver import Context
from mcp.types import ToolAnnotations
from pydantic import Field

from rushes.agents.answers import (
    FileAnswer,
    ModelsAnswer,
    QuoteAnswer,
    VideoAnswer,
    file_answer,
    model_answer,
    quote_answer,
    video_answer,
)
from rushes.agents.desk import Desk
from rushes.client import AsyncRushes, RushesError, Video, VideoFailed, WaitTimeout
from rushes.client.asking import CreateOptions
from rushes.client.shapes import Variant

WAIT_S: Final = 45
"""Clients commonly give a tool a minute."""

WAIT_S_MAX: Final = 900

Call: TypeAlias = Context[Desk, Any]

VideoId: TypeAlias = Annotated[str, Field(description="The id that generate_video returned.")]


Prompt: TypeAlias = Annotated[
    str, Field(description="What to see: subject, action, camera, light.")
]
ModelId: TypeAlias = Annotated[str, Field(description="An id of list_models; sandbox is free.")]
Seconds: TypeAlias = Annotated[int | None, Field(description="Length in seconds.")]
Size: TypeAlias = Annotated[
    str | None,
    Field(description="WIDTHxHEIGHT in pixels, e.g. 1280x720; or give resolution and ratio."),
]
Resolution: TypeAlias = Annotated[str | None, Field(description="480p, 720p, 1080p or 4k.")]
Ratio: TypeAlias = Annotated[str | None, Field(description="16:9, 9:16, 1:1 …")]
Sound: TypeAlias = Annotated[bool | None, Field(description="Sound, if the model can.")]
Image: TypeAlias = Annotated[
    str | None, Field(description="First frame: an http(s) URL, or the path of a local file.")
]
Seed: TypeAlias = Annotated[
    int | None, Field(ge=-1, le=2_147_483_647, description="Same seed, similar film.")
]
Wait: TypeAlias = Annotated[
    int,
    Field(
        ge=0,
        le=WAIT_S_MAX,
        description="Seconds to wait for the end before answering; 0: answer at once.",
    ),
]
Key: TypeAlias = Annotated[
    str | None,
    Field(description="Only to repeat a call whose answer was lost: the key that its error named."),
]


async def generate_video(
    ctx: Call,
    *,
    prompt: Prompt,
    model: ModelId = "sandbox",
    seconds: Seconds = None,
    size: Size = None,
    resolution: Resolution = None,
    ratio: Ratio = None,
    negative_prompt: Annotated[str | None, Field(description="What not to see.")] = None,
    seed: Seed = None,
    with_audio: Sound = None,
    image: Image = None,
    wait_s: Wait = WAIT_S,
    idempotency_key: Key = None,
) -> VideoAnswer:
    """Make a video from a prompt, optionally from a first image. May cost money: see quote_video.

    Returns the finished video with a link, or, if wait_s is over before, its id to ask get_video
    for. It is durable: it goes on whatever happens here. Do not call again to check on it.
    """
    desk = ctx.request_context.lifespan_context
    async with desk.client(ctx.headers) as client:
        options = CreateOptions(
            seconds=seconds,
            size=size,
            resolution=resolution,
            ratio=ratio,
            negative_prompt=negative_prompt,
            seed=seed,
            audio=with_audio,
            image=await _picture(desk, image),
            idempotency_key=idempotency_key,
        )
        asked = await client.videos.create(prompt, model=model, **options)
        if asked.is_replayed:  # the first answer again, whatever has come of it since
            asked = await client.videos.retrieve(asked)
        seen = await _until_final(client, ctx, asked, wait_s)
        if seen.status == "failed":
            raise VideoFailed(seen)
        return video_answer(seen)


async def quote_video(
    ctx: Call,
    *,
    prompt: Prompt,
    model: ModelId = "sandbox",
    seconds: Seconds = None,
    size: Size = None,
    resolution: Resolution = None,
    ratio: Ratio = None,
    with_audio: Sound = None,
    image: Image = None,
) -> QuoteAnswer:
    """Tell what generate_video would make of the same values, and the most that it may cost.

    Nothing is made and nothing is charged.
    """
    desk = ctx.request_context.lifespan_context
    async with desk.client(ctx.headers) as client:
        options = CreateOptions(
            seconds=seconds,
            size=size,
            resolution=resolution,
            ratio=ratio,
            audio=with_audio,
            image=await _picture(desk, image),
        )
        return quote_answer(await client.videos.quote(prompt, model=model, **options))


async def get_video(ctx: Call, video_id: VideoId, wait_s: Wait = 0) -> VideoAnswer:
    """Look at a video: status, progress, a fresh link to the film, what it cost, why it failed.

    With wait_s it answers as soon as the video is final.
    """
    desk = ctx.request_context.lifespan_context
    async with desk.client(ctx.headers) as client:
        seen = await client.videos.retrieve(video_id)
        return video_answer(await _until_final(client, ctx, seen, wait_s))


async def cancel_video(ctx: Call, video_id: VideoId) -> VideoAnswer:
    """Stop a video that is not finished. What the model has made so far may still be charged."""
    desk = ctx.request_context.lifespan_context
    async with desk.client(ctx.headers) as client:
        return video_answer(await client.videos.cancel(video_id))


async def list_models(ctx: Call) -> ModelsAnswer:
    """List the models: lengths, resolutions, ratios, sound, prices, and which are retiring."""
    desk = ctx.request_context.lifespan_context
    async with desk.client(ctx.headers) as client:
        return ModelsAnswer(models=[model_answer(model) for model in await client.models.list()])


async def download_video(
    ctx: Call,
    video_id: VideoId,
    filename: Annotated[
        str | None, Field(description="A bare name such as boat.mp4; else named after the id.")
    ] = None,
    variant: Annotated[
        Variant,
        Field(description="The film (MP4), or a still of it (WebP, JPEG)."),
    ] = "video",
) -> FileAnswer:
    """Save a completed video, or a still of it, into the folder that the user set for films."""
    desk = ctx.request_context.lifespan_context
    async with desk.client(ctx.headers) as client:
        target = desk.target(video_id, variant, filename)
        came = await client.videos.download(video_id, target, variant=variant)
        return file_answer(came)


# -- what there is, and how a client should take it --------------------------------------------


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool and its name for people."""

    tool: Callable[..., Any]
    title: str
    hints: ToolAnnotations


OFFERS: Final = (
    Offer(
        generate_video,
        "Make a video",
        ToolAnnotations(
            read_only_hint=False,
            destructive_hint=False,
            idempotent_hint=False,
            open_world_hint=True,
        ),
    ),
    Offer(quote_video, "Price a video", ToolAnnotations(read_only_hint=True)),
    Offer(get_video, "Look at a video", ToolAnnotations(read_only_hint=True)),
    Offer(list_models, "List models and prices", ToolAnnotations(read_only_hint=True)),
    Offer(
        cancel_video,
        "Stop a video",
        ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True),
    ),
)
SAVING: Final = Offer(
    download_video,
    "Save a video",
    ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True),
)


async def _picture(desk: Desk, image: str | None) -> str | None:
    return None if image is None else await run_sync(desk.picture, image)


# -- waiting -----------------------------------------------------------------------------------


async def _until_final(client: AsyncRushes, ctx: Call, video: Video, wait_s: int) -> Video:
    """Wait as long as was asked, and return the video as it was seen last."""
    if video.is_final or not wait_s:
        return video
    try:
        async with _telling(ctx) as tell:
            return await client.videos.wait(
                video, deadline_s=float(wait_s), on_progress=tell, raise_on_failure=False
            )
    except WaitTimeout as pause:
        return pause.video or video


@asynccontextmanager
async def _telling(ctx: Call) -> AsyncGenerator[Callable[[Video], None]]:
    """Have something that sends progress on, which the SDK leaves out where nobody asked for it.

    The client of the API calls a plain function, and sending may wait: so what is told goes
    through a queue of this call's own. Only a change is told, so that it stays short.
    """
    into, out_of = anyio.create_memory_object_stream[Video](max_buffer_size=10_000)
    trouble: RushesError | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(_send_progress, ctx, out_of)
        with into:
            try:
                yield into.send_nowait
            except RushesError as fault:  # a group would wrap it
                trouble = fault
    if trouble is not None:
        raise trouble


async def _send_progress(ctx: Call, seen: MemoryObjectReceiveStream[Video]) -> None:
    with seen:
        async for video in seen:
            await ctx.report_progress(video.progress, 100, _line_of(video))


def _line_of(video: Video) -> str:
    place = f", place {video.queue_position} in line" if video.queue_position else ""
    left = f", about {video.eta_s} s left" if video.eta_s and not video.is_final else ""
    return f"{video.id} {video.status}{place}{left}"
