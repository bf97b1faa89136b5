"""Gateways that speak `/v1/videos` in front of others: what each adds to the protocol.

`LitellmProxy` is LiteLLM's proxy, 1.106 (its `proxy/video_endpoints/`, and measured): ids are
base64 of provider, model and the id behind it, and a look answers under another id, without the
model; jobs do not repeat their prompt; the list wants a provider; DELETE is not there.

`RushesGateway` is another Rushes (docs/contract.md §5.2, §7): DELETE is for finished videos,
and a running one is canceled by the verb of the other dialect.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

import msgspec
from starlette.requests import Request

from rushes.testing.simulators.host import Exchange, Reply
from rushes.testing.simulators.jobs import Fields, Job
from rushes.testing.simulators.openai_errors import REPLIES, error
from rushes.testing.simulators.openai_videos import BENT_LISTS, OpenAIVideosServer
from rushes.testing.simulators.script import Rule


def _retold(reply: Reply) -> Reply:
    """Tell an error of the protocol as the proxy does: its code is the HTTP status, as text."""
    try:
        body = msgspec.json.decode(reply.body)
    except msgspec.DecodeError:
        return reply
    said = body.get("error") if isinstance(body, dict) else None
    if not isinstance(said, dict):
        return reply
    return Reply.of(reply.status, {"error": said | {"code": str(reply.status)}})


OVER_BUDGET: Final = {
    "message": "Budget has been exceeded! Current cost: 11.0, Max budget: 10.0",
    "type": "budget_exceeded",
    "param": None,
    "code": "400",
}


LITELLM_REPLIES: Final[Mapping[str, Reply]] = {
    **{name: _retold(reply) for name, reply in REPLIES.items()},
    "out_of_money": Reply.of(400, {"error": OVER_BUDGET}),
}
RUSHES_REPLIES: Final[Mapping[str, Reply]] = {
    **REPLIES,
    "overloaded": error(503, "overloaded", "Too much work; try later."),
}


class LitellmProxy(OpenAIVideosServer):
    """The ASGI application."""

    replies = LITELLM_REPLIES

    async def _list(self, request: Request, exchange: Exchange) -> None:
        del request
        rule = self.script.strike("list")
        good = _retold(error(400, None, "LLM Provider NOT provided."))
        is_bent = rule is not None and rule.fault in BENT_LISTS
        await self.spoil(None if is_bent else rule, good, exchange)

    async def delete(self, video_id: str, exchange: Exchange) -> None:
        """Refuse: there is no such route."""
        del video_id
        rule = self.script.strike("delete")
        await self.spoil(rule, Reply.of(405, {"detail": "Method Not Allowed"}), exchange)

    def new_id(self, fields: Fields) -> str:
        """Name a job by where it went."""
        return _encoded("model-1", f"{self.prefix}{self.count:x}")

    def created(self, job: Job) -> Reply:
        """Answer a create under the id that works."""
        return Reply.of(200, self._video(job) | {"id": job.id})

    def _video(self, job: Job) -> dict[str, object]:
        own = super()._video(job)
        del own["prompt"]
        return own | {"id": _encoded("", job.id[-12:])}


def _encoded(model_id: str, video_id: str) -> str:
    text = f"litellm:custom_llm_provider:openai;model_id:{model_id};video_id:{video_id}"
    return "video_" + base64.b64encode(text.encode()).decode()


class RushesGateway(OpenAIVideosServer):
    """The ASGI application."""

    replies = RUSHES_REPLIES

    async def route(self, parts: Sequence[str], request: Request, exchange: Exchange) -> None:
        """Answer a request by the parts of its path."""
        match request.method, parts:
            case "POST", ["v1", "video", "generations", video_id, "cancel"] if self.opens(request):
                await self._cancel(video_id, exchange)
            case _:
                await super().route(parts, request, exchange)

    async def _cancel(self, video_id: str, exchange: Exchange) -> None:
        job = self.jobs.get(video_id)
        rule = self.script.strike("delete", job.prompt if job else "")
        if job is None:
            good = error(404, "task_not_found", "There is no such task.", param="task_id")
        elif self.stand(job)[0].is_over:
            good = error(400, "task_already_finished", "The task is finished.", param="task_id")
        else:
            canceled = {"code": 499, "message": "Canceled by caller"}
            flat = {"task_id": job.id, "status": "failed", "format": "mp4", "error": canceled}
            good = Reply.of(200, flat)
            if rule is None or rule.spares:
                fate = Rule("create", "fail", value={**canceled, "code": "canceled"})
                ended_at = self.clock.now() - timedelta(seconds=self.pace.total_s)
                self.jobs[job.id] = replace(job, fate=fate, created_at=ended_at)
        await self.spoil(rule, good, exchange)
