r"""A vLLM-Omni server, as its 0.30 speaks `/v1/videos`, with faults by script.

Where it leaves the protocol (its own source, `entrypoints/openai/`):
- create is a form and nothing else; `seconds` fits ^[1-9]\d*$; numbers are checked.
- progress is 0, then 100. There is no advice when to look again.
- a look at a failed job answers with the failure's own HTTP status, and the job as the body.
- DELETE aborts what is in flight; 409 while it cannot.
- content is 404 while running and 422 if failed.
- everything is memory: `kill -9`, or the script's `restart`, loses all jobs.

Faults are those of `simulators.openai_videos`; the value of `fail` is code and message, where
the code is an HTTP status.

    rushes simulate vllm_omni --port 8000 --log creates.jsonl --render-s 5
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from typing import Final

from starlette.requests import Request

from rushes.testing.simulators.command import Command, serve
from rushes.testing.simulators.fastapi_errors import REPLIES, detail, misfit
from rushes.testing.simulators.host import Reply
from rushes.testing.simulators.jobs import Fields, Job, Phase, said
from rushes.testing.simulators.openai_videos import (
    IMAGES,
    OpenAIVideosServer,
    Settings,
    indiscretion,
)

BROKE: Final[Mapping[str, object]] = {"code": 500, "message": "CUDA out of memory."}
WHOLE: Final = frozenset({"seed", "fps", "num_frames", "num_inference_steps", "width", "height"})
MODEL: Final = "Wan-AI/Wan2.2-T2V-A14B-Diffusers"


class VllmOmniServer(OpenAIVideosServer):
    """The ASGI application."""

    replies = REPLIES

    async def fields_of(self, request: Request) -> Fields:
        """Read a form; anything else has no fields, so that the prompt is missing."""
        content_type = request.headers.get("content-type", "")
        if not content_type.startswith("multipart/form-data"):
            await request.body()
            return {}
        return await super().fields_of(request)

    def objection(self, fields: Fields) -> Reply | None:
        """Check a create as the server's form does."""
        if not said(fields, "prompt"):
            return misfit("prompt", "Field required")
        if not re.fullmatch(r"[1-9]\d*", said(fields, "seconds", "4")):
            return misfit("seconds", r"String should match pattern '^[1-9]\d*$'")
        if not re.fullmatch(r"\d+x\d+", said(fields, "size", "832x480")):
            return misfit("size", r"String should match pattern '^\d+x\d+$'")
        for name in sorted(WHOLE & fields.keys()):
            if not re.fullmatch(r"-?\d+", said(fields, name)):
                return misfit(name, "Input should be a valid integer")
        reference = fields.get("input_reference")
        if isinstance(reference, bytes) and not reference.startswith(IMAGES):
            return detail(400, "Invalid input reference image.")
        return None

    def echo(self, fields: Fields, request: Request) -> Reply:
        """Refuse with a sentence that quotes whatever it should not."""
        return detail(400, indiscretion(fields, request))

    def new_id(self, fields: Fields) -> str:
        """Name a job."""
        return f"video_gen_{self.prefix}{self.count:012x}"

    def unstopped(self) -> Reply:
        """Refuse to abort."""
        return detail(409, "Cancellation in progress.")

    def filmless(self, phase: Phase) -> Reply:
        """Refuse the film of a job that is not, or never, done."""
        if phase is Phase.BROKEN:
            return detail(422, "Video generation failed.")
        return detail(404, "Video is not ready.")

    def _look(self, job: Job) -> Reply:
        video = self._video(job)
        error = video["error"]
        status = error.get("code", 500) if isinstance(error, dict) else 200
        return Reply.of(int(status), video)

    def _video(self, job: Job) -> dict[str, object]:
        phase, _ = self.stand(job)
        broke = (job.fate.value if job.fate else None) or BROKE
        usual = super()._video(job)
        return usual | {
            "model": job.said("model", MODEL),
            "progress": 100 if phase is Phase.DONE else 0,
            "error": broke if phase is Phase.BROKEN else None,
            "quality": "default",
            "media_type": "video/mp4",
            "file_name": f"{job.id}.mp4" if phase is Phase.DONE else None,
            "inference_time_s": self.pace.render_s if phase is Phase.DONE else None,
            "stage_durations": {},
            "peak_memory_mb": 0.0,
        }


def _told(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--never-stops", action="store_true", help="DELETE answers 409")


def _made(command: Command) -> VllmOmniServer:
    settings = Settings(pace=command.pace, key=command.told.key, stops=not command.told.never_stops)
    return VllmOmniServer(
        clock=command.clock, script=command.script, log=command.log, settings=settings
    )


def main(words: Sequence[str] | None = None) -> None:
    """Serve until told to stop; the port is the first line on standard output."""
    serve("A simulated vLLM-Omni server.", _made, more=_told, base_path="/v1", words=words)


if __name__ == "__main__":
    main()
