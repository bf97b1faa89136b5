"""How the servers that speak `/v1/videos` differ: one profile for each sort, as data.

`openai` is the protocol as it stands (see `openai_videos`); the others say where they leave it.
Marks: SDK, the official package; CODE, the server's public source; WIRE, measured; DOC, its
own page; §, our own contract. What nobody could read is said to be UNKNOWN, and nothing is built
on it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final

from rushes.domain.errors import Reason
from rushes.domain.spec import Mode, Role, Spec
from rushes.providers.answers import Words
from rushes.providers.base import CancelOutcome
from rushes.providers.orders import sendable

Field = tuple[str, str]
"""A field of a form: its name and its text."""


class State(Enum):
    """What a state word of an upstream comes to."""

    WORKING = auto()
    READY = auto()
    LOST = auto()


class Stop(Enum):
    """How a server is asked to stop a video that is not finished."""

    DELETE = auto()
    CANCEL = auto()
    NEVER = auto()


def nothing_more(spec: Spec) -> Iterable[Field]:
    """Tell no more than the protocol does."""
    del spec
    return ()


FIRST_FRAME_ONLY: Final[Mapping[Role, str]] = {Role.FIRST_FRAME: "input_reference"}


@dataclass(frozen=True, slots=True)
class Profile:
    """How one sort of server speaks the protocol.

    `reasons` are tried in turn against the code of a failed job; what fits none of them is
    the provider's own failure. `stops` says what the status of a refused stop means; what is
    not in it is asked again later.

    Told: `options` maps options of a spec to the form fields they travel in, `more` is what
    else a spec has to say, `files` names the form part of a file by its role, `open_length` is
    what is said where the provider may choose the length (None: nothing). References travel
    inside the field `content` where `has_content`. `reference_header` carries our token,
    `headers` go with each submit.

    Read: `echoes` are the fields that a list repeats as they were asked, `no_list` the statuses
    that say there is no list; `link` is the key of a job under which a finished film has a link
    of its own; `keeps_id` says that a look answers under the id that was asked for.
    """

    name: str
    modes: frozenset[Mode]
    words: Words
    states: Mapping[str, State]
    reasons: tuple[tuple[re.Pattern[str], Reason], ...]
    stops: Mapping[int, CancelOutcome]
    stop: Stop = Stop.DELETE
    options: Mapping[str, str] = field(default_factory=dict)
    more: Callable[[Spec], Iterable[Field]] = nothing_more
    files: Mapping[Role, str] = field(default_factory=lambda: FIRST_FRAME_ONLY)
    has_content: bool = False
    open_length: str | None = None
    reference_header: str = "x-client-request-id"
    headers: Mapping[str, str] = field(default_factory=dict)
    echoes: frozenset[str] = frozenset({"prompt", "model", "seconds", "size"})
    no_list: frozenset[int] = frozenset({404, 405, 501})
    link: str | None = None
    keeps_id: bool = True
    look_again_s: float = 5.0


OPENAI: Final = Profile(
    name="openai",
    modes=frozenset({Mode.TEXT_TO_VIDEO, Mode.IMAGE_TO_VIDEO}),
    words=Words(
        # Codes are not published first-hand: apiyi.com and public issues, 2025-2026; CONTRACT §3.
        content=frozenset({"content_policy_violation", "moderation_blocked", "sentinel_block"}),
        # developersdigest.tech and dev.to/sublynow, read 2026-11; CONTRACT §3.
        money=frozenset(
            {
                "insufficient_quota",
                "billing_hard_limit_reached",
                "billing_not_active",
                "credit_balance_exhausted",
                "organization_spend_limit_exceeded",
                "organization_usage_limit_exceeded",
                "project_spend_limit_exceeded",
                "account_deactivated",
            }
        ),
        model=frozenset({"model_not_found", "model_not_allowed", "model_retired"}),
        retired=frozenset({"model_retired"}),
        # developersdigest.tech: a video overload is 503 server_is_overloaded; CONTRACT §3.
        overload=frozenset({"overloaded", "server_is_overloaded"}),
    ),
    states={
        "queued": State.WORKING,
        "in_progress": State.WORKING,
        "completed": State.READY,
        "failed": State.LOST,
    },
    reasons=(
        (
            re.compile(r"content_policy|content_filter|moderation|sentinel|safety"),
            Reason.CONTENT_REFUSED,
        ),
        (re.compile(r"quota|billing|balance|spend_limit"), Reason.PROVIDER_UNUSABLE),
        (re.compile(r"^rate_"), Reason.PROVIDER_RATE_LIMITED),
        (re.compile(r"^invalid_"), Reason.PARAMETERS_REFUSED),
    ),
    stops={
        HTTPStatus.BAD_REQUEST: CancelOutcome.TOO_LATE,
        HTTPStatus.NOT_FOUND: CancelOutcome.TOO_LATE,
        HTTPStatus.CONFLICT: CancelOutcome.TOO_LATE,
        HTTPStatus.METHOD_NOT_ALLOWED: CancelOutcome.UNSUPPORTED,
        HTTPStatus.NOT_IMPLEMENTED: CancelOutcome.UNSUPPORTED,
    },
)


# -- servers for open weights --------------------------------------------------------------------

_NO_CODES: Final = Words()

_DIFFUSION: Final = frozenset(
    {
        "num_frames",
        "num_inference_steps",
        "guidance_scale",
        "guidance_scale_2",
        "true_cfg_scale",
        "flow_shift",
        "extra_params",
    }
)
"""Form fields that both servers for open weights take; from metadata the card lets through."""


def _knobs(spec: Spec) -> Iterator[Field]:
    yield "seed", str(spec.seed)
    if spec.negative_prompt:
        yield "negative_prompt", sendable(spec.negative_prompt)


def _let_through(spec: Spec, names: frozenset[str]) -> Iterator[Field]:
    """Pass on metadata by the last part of its path: `parameters.num_frames` is `num_frames`."""
    for path, value in spec.passthrough.items():
        name = path.rpartition(".")[2]
        if name in names:
            yield name, form_text(value)


def _vllm_omni(spec: Spec) -> Iterator[Field]:
    yield from _knobs(spec)
    if spec.with_audio:
        yield "generate_sound", "true"
    yield from _let_through(spec, _DIFFUSION | {"boundary_ratio", "sound_duration", "lora"})


VLLM_OMNI: Final = replace(
    OPENAI,
    # vLLM-Omni 0.30, `entrypoints/openai/`. CODE
    # - create is multipart only; `seconds` fits ^[1-9]\d*$; the fields are those of _vllm_omni.
    # - a look at a failed job answers with the failure's own HTTP status (400-599), which is also
    #   its error.code: no word for moderation or money, and a 503 of it proves nothing.
    # - progress is 0 or 100. State is memory: after a restart every id is 404.
    # - DELETE aborts what is in flight; 409 while it cannot (in progress, not available yet).
    # - content: 404 while running, 422 if failed.
    # - a list echoes prompt, seconds and size; a server has one model, so `model` tells nothing.
    # - frames for a last image, and references, are model by model: UNKNOWN, so not offered.
    name="vllm_omni",
    words=_NO_CODES,
    reasons=((re.compile(r"^4(00|13|15|22)$"), Reason.PARAMETERS_REFUSED),),
    stops={code: outcome for code, outcome in OPENAI.stops.items() if code != HTTPStatus.CONFLICT},
    options={"fps": "fps", "cfg_scale": "guidance_scale"},
    more=_vllm_omni,
    echoes=frozenset({"prompt", "seconds", "size"}),
    look_again_s=2.0,
)


def _sglang(spec: Spec) -> Iterator[Field]:
    yield from _knobs(spec)
    yield from _let_through(spec, _DIFFUSION | {"max_sequence_length", "diffusers_kwargs"})


SGLANG: Final = replace(
    OPENAI,
    # SGLang diffusion 0.5.23, `multimodal_gen/runtime/entrypoints/openai/video_api.py`. CODE
    # - create is multipart or JSON; `seconds` is an integer, which a form writes as text.
    # - a failed job has error{message} without a code. A look is 200 always, 404 if unknown.
    # - DELETE takes the record and leaves the GPU at work (a TODO of theirs), so we never ask.
    # - `url` is set where films are uploaded to S3; then content answers 400 and names it.
    # - jobs do not echo the prompt, and size and seconds as the model rounds them: a list with
    #   any recent job in it can prove nothing. State is memory: after a restart every id is 404.
    name="sglang",
    words=_NO_CODES,
    reasons=(),
    stop=Stop.NEVER,
    options={"fps": "fps", "cfg_scale": "guidance_scale"},
    more=_sglang,
    echoes=frozenset({"prompt"}),
    link="url",
    look_again_s=2.0,
)


# -- gateways ------------------------------------------------------------------------------------

LITELLM: Final = replace(
    OPENAI,
    # LiteLLM's proxy 1.106: `proxy/video_endpoints/`, `types/videos/`, and measured.  CODE, WIRE
    # - `model` is the proxy's own name of a model; prompt, seconds, size, input_reference go on.
    #   What it does with other fields depends on who is behind it: UNKNOWN, so none are sent.
    # - ids are video_ + base64 of provider, model and the id behind it. A look answers under
    #   *another* id, without the model; a look by that one leaves for the wrong address.   WIRE
    # - it retries a create by itself, 3 creates for one (WIRE); `x-litellm-num-retries` asks it
    #   not to (CODE, DOC). That this reaches video routes is UNKNOWN: set num_retries 0 there.
    # - words: its Gemini and Vertex adapters say `processing`.                              CODE
    # - a list wants a provider (400 without, WIRE), and its items have no prompt.           CODE
    # - DELETE is 405 (WIRE). Content comes whole, without ranges.                           WIRE
    # - errors have a word as `type`, and the HTTP status as `code`: moderation has no word.  CODE
    name="litellm",
    words=Words(
        content=OPENAI.words.content,
        money=OPENAI.words.money | {"budget_exceeded"},
        model=OPENAI.words.model
        | {
            "key_model_access_denied",
            "team_model_access_denied",
            "user_model_access_denied",
            "org_model_access_denied",
        },
    ),
    states={**OPENAI.states, "processing": State.WORKING},
    headers={"x-litellm-num-retries": "0"},
    no_list=OPENAI.no_list | {HTTPStatus.BAD_REQUEST},
    keeps_id=False,
)


def _rushes(spec: Spec) -> Iterator[Field]:
    yield from _knobs(spec)
    yield "generate_audio", form_text(spec.with_audio)
    if spec.with_watermark:
        yield "watermark", "true"
    if spec.passthrough:
        yield "metadata", form_text(_nested(spec.passthrough))


def _nested(paths: Mapping[str, Any]) -> dict[str, Any]:
    """Undo the dotted paths of metadata (§4); only these two places have something within."""
    tree: dict[str, Any] = {}
    for path, value in paths.items():
        place, _, name = path.partition(".")
        inner = tree.setdefault(place, {}) if place in {"parameters", "input"} and name else None
        if isinstance(inner, dict):
            inner[name] = value
        else:
            tree[path] = value
    return tree


RUSHES: Final = replace(
    OPENAI,
    # Another Rushes, by our own contract (docs/contract.md); everything here is §.
    # - §4: every spelling is taken by §7 too; files as parts, references inside `content`.
    # - §2: Idempotency-Key is our token, so that the operator of the other house finds it. A
    #   replay is no search: where nothing had arrived, it would create.
    # - §3: a submit is refused with these codes; 503 `overloaded` says that nothing was accepted.
    #   `unsupported` means that its card offers less than ours: no fault of a caller.
    # - §5.2: cancel is a verb of the other dialect over the same tasks; DELETE is for the finished.
    # - §7: a list echoes prompt, model, seconds and size as asked; of a finished video size is
    #   what was measured, and `seconds` too where it was left open.
    name="rushes",
    modes=OPENAI.modes | {Mode.FIRST_LAST_FRAME, Mode.REFERENCE_TO_VIDEO},
    words=Words(
        content=frozenset({"content_policy_violation"}),
        money=frozenset({"insufficient_quota"}),
        model=frozenset({"model_not_found", "model_not_allowed", "unsupported"}),
        overload=frozenset({"overloaded"}),
    ),
    reasons=(
        (re.compile(r"^content_policy_violation$"), Reason.CONTENT_REFUSED),
        (re.compile(r"^invalid_request$"), Reason.PARAMETERS_REFUSED),
        (re.compile(r"^rate_limited$"), Reason.PROVIDER_RATE_LIMITED),
    ),
    stop=Stop.CANCEL,
    options={
        name: name
        for name in (
            "prompt_extend",
            "person_generation",
            "fps",
            "cfg_scale",
            "mode",
            "camera_fixed",
            "quality_level",
        )
    },
    more=_rushes,
    files={Role.FIRST_FRAME: "input_reference", Role.LAST_FRAME: "last_frame"},
    has_content=True,
    open_length="-1",
    reference_header="idempotency-key",
)

PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile for profile in (OPENAI, VLLM_OMNI, SGLANG, LITELLM, RUSHES)
}


def form_text(value: object) -> str:
    """Write a value as a form field: booleans as JSON has them, objects and lists as JSON.

    >>> form_text(True), form_text(24), form_text({"a": 1})
    ('true', '24', '{"a": 1}')
    """
    if isinstance(value, bool | dict | list):
        return json.dumps(value)
    return sendable(str(value))
