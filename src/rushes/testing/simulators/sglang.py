"""An SGLang diffusion server, as its 0.5.23 speaks `/v1/videos`, with faults by script.

Where it leaves the protocol (its own source, `multimodal_gen/runtime/entrypoints/openai/`):
- create is a form or JSON, and `seconds` an integer.
- a job does not repeat its prompt, and a failed one has an error without a code.
- DELETE takes the record away and leaves the GPU at work; it answers the job, as `deleted`.
- content is 404 while running; where films go to a cloud, it is 400 with the address in the
  text, and a finished job has that address as `url`.
- the list has its items and nothing else: no cursors, no has_more.
- everything is memory: a restart loses all jobs.

Faults are those of `simulators.openai_videos`; the value of `fail` holds a message.

    rushes simulate sglang --port 30000 --cloud http://127.0.0.1:9000/films
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from starlette.requests import Request

from rushes.clock import Clock
from rushes.testing.simulators.command import Command, serve
from rushes.testing.simulators.fastapi_errors import REPLIES, detail, misfit
from rushes.testing.simulators.host import Exchange, Reply
from rushes.testing.simulators.jobs import Fields, Job, Phase, said
from rushes.testing.simulators.openai_videos import (
    IMAGES,
    OpenAIVideosServer,
    Settings,
    indiscretion,
)
from rushes.testing.simulators.script import RequestLog, Script
from rushes.testing.simulators.upstream import json_fields

BROKE: Final[Mapping[str, object]] = {"message": "CUDA out of memory."}
UNTOLD: Final = frozenset({"prompt", "remixed_from_video_id"})
WHOLE: Final = frozenset({"seconds", "seed", "fps", "num_frames", "num_inference_steps", "n"})


class SglangServer(OpenAIVideosServer):
    """The ASGI application; `cloud` is where films are uploaded to, None for nowhere.

    `forsaken` are the jobs that were deleted while the GPU was at work on them.
    """

    replies = REPLIES

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        script: Script | None = None,
        log: RequestLog | None = None,
        settings: Settings | None = None,
        cloud: str | None = None,
    ) -> None:
        super().__init__(clock=clock, script=script, log=log, settings=settings)
        self.cloud = cloud
        self.forsaken: list[Job] = []

    async def fields_of(self, request: Request) -> Fields:
        """Read a form, or JSON with numbers in it."""
        content_type = request.headers.get("content-type", "")
        if content_type.startswith("multipart/form-data"):
            return await super().fields_of(request)
        body = await json_fields(request)
        return {
            name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
            for name, value in body.items()
        }

    def objection(self, fields: Fields) -> Reply | None:
        """Check a create as the server does."""
        if not said(fields, "prompt"):
            return detail(400, "prompt is required")
        for name in sorted(WHOLE & fields.keys()):
            if not re.fullmatch(r"-?\d+", said(fields, name)):
                return misfit(name, "Input should be a valid integer")
        if not re.fullmatch(r"\d+x\d+", said(fields, "size", "720x1280")):
            return detail(400, "Invalid size format.")
        reference = fields.get("input_reference")
        if isinstance(reference, bytes) and not reference.startswith(IMAGES):
            return detail(400, "Failed to process image source.")
        return None

    def echo(self, fields: Fields, request: Request) -> Reply:
        """Refuse with a sentence that quotes whatever it should not."""
        return detail(400, indiscretion(fields, request))

    def new_id(self, fields: Fields) -> str:
        """Name a job."""
        return f"{self.prefix}{self.count:012x}"

    async def delete(self, video_id: str, exchange: Exchange) -> None:
        """Take the record away, and let the GPU go on."""
        job = self.jobs.get(video_id)
        rule = self.script.strike("delete", job.prompt if job else "")
        good = self.replies["not_found"]
        if job is not None:
            good = Reply.of(200, self._video(job) | {"status": "deleted"})
            if rule is None or rule.spares:
                del self.jobs[video_id]
                self.forsaken += [] if self.stand(job)[0].is_over else [job]
        await self.spoil(rule, good, exchange)

    def filmless(self, phase: Phase) -> Reply:
        """Refuse the film of a job that is not, or never, done."""
        if phase is Phase.BROKEN:
            return detail(404, "Video variant None not found")
        return detail(404, "Generation is still in-progress")

    def _film(self, job: Job | None, variant: str) -> Reply:
        link = self._link(job) if job is not None else None
        if link is not None:
            return detail(
                400,
                f"Video has been uploaded to cloud storage. Please use the cloud URL: {link}",
            )
        return super()._film(job, variant)

    def _link(self, job: Job) -> str | None:
        is_done = self.stand(job)[0] is Phase.DONE
        return f"{self.cloud}/{job.id}.mp4" if self.cloud and is_done else None

    def _look(self, job: Job) -> Reply:
        return Reply.of(200, self._video(job))

    def _page(self, page: list[dict[str, object]], *, has_more: bool) -> dict[str, object]:
        del has_more
        return {"object": "list", "data": page}

    def _video(self, job: Job) -> dict[str, object]:
        phase, _ = self.stand(job)
        usual = super()._video(job)
        broke = (job.fate.value if job.fate else None) or BROKE
        is_local = phase is Phase.DONE and self.cloud is None
        path = f"outputs/{job.id}.mp4" if is_local else None
        return {name: value for name, value in usual.items() if name not in UNTOLD} | {
            "error": broke if phase is Phase.BROKEN else None,
            "quality": "standard",
            "url": self._link(job),
            "file_path": path,
            "file_paths": [path] if path else None,
            "num_outputs": 1 if phase is Phase.DONE else None,
            "peak_memory_mb": None,
            "inference_time_s": self.pace.render_s if phase is Phase.DONE else None,
        }


def _told(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cloud", help="where films are uploaded to: an address without the name")


def _made(command: Command) -> SglangServer:
    return SglangServer(
        clock=command.clock,
        script=command.script,
        log=command.log,
        settings=Settings(pace=command.pace, key=command.told.key),
        cloud=command.told.cloud,
    )


def main(words: Sequence[str] | None = None) -> None:
    """Serve until told to stop; the port is the first line on standard output."""
    serve("A simulated SGLang diffusion server.", _made, more=_told, base_path="/v1", words=words)


if __name__ == "__main__":
    main()
