"""What ComfyUI's answers mean: where a prompt is, what it came to, why it was not taken.

Pure readers; the wire facts stand in `comfyui`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Final

from rushes.domain.errors import Blame, Failure, Reason
from rushes.providers._comfyui_workflows import FILES, Workflow, noun
from rushes.providers.answers import (
    Answer,
    Complaint,
    Words,
    complaint_of,
    ignorance,
    judge_submit,
    plain,
)
from rushes.providers.base import (
    Busy,
    InDoubt,
    Lost,
    NotThere,
    NotUnderstood,
    Ready,
    Refused,
)

NAME_CHARACTERS_MAX: Final = 512
VIDEOS: Final = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm"})

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,63}")
_PATH: Final = re.compile(r"(?:[A-Za-z]:\\|(?<![\w.])/)[^\s'\"]+")
_NOT_HERE: Final = "Invalid image file"
"""What LoadImage says of a file that is not on its server (CODE, nodes.py)."""

_UNUSABLE: Final = Failure.of(Reason.PROVIDER_UNUSABLE)

History = Mapping[str, object]
"""What an instance remembers of a prompt that is over."""


class Place(Enum):
    """Where in the queue a prompt is."""

    PENDING = auto()
    RUNNING = auto()


Standing = Place | History | None
"""Where a prompt is: queued, over, or nowhere."""

_PLACES: Final[Mapping[str, Place]] = {
    "queue_running": Place.RUNNING,
    "queue_pending": Place.PENDING,
}


# -- where a prompt is --------------------------------------------------------------------------


def place_in(answer: Answer, prompt_id: str) -> Place | None:
    """Return where in a queue a prompt is, None where it is not.

    Raises:
        NotUnderstood, Unreachable: the answer tells no queue.
    """
    for name, prompts in _queue_in(answer).items():
        if any(isinstance(each, list) and prompt_id in each[1:2] for each in prompts):
            if name not in _PLACES:
                raise NotUnderstood(f"unknown state {name[:40]!r}")
            return _PLACES[name]
    return None


def length_in(answer: Answer) -> int:
    """Count the prompts of a queue, running and pending.

    Raises:
        NotUnderstood, Unreachable: the answer tells no queue.
    """
    return sum(len(prompts) for prompts in _queue_in(answer).values())


def history_in(answer: Answer, prompt_id: str) -> History | None:
    """Return the history of a prompt, None where there is none.

    Raises:
        NotUnderstood, Unreachable: the answer tells nothing.
    """
    history = _object_in(answer).get(prompt_id)
    if history is not None and not isinstance(history, dict):
        raise NotUnderstood("a history that is none")
    return history


def _queue_in(answer: Answer) -> Mapping[str, list[object]]:
    body = _object_in(answer)
    queue = {name: prompts for name, prompts in body.items() if isinstance(prompts, list)}
    if not queue.keys() >= _PLACES.keys():
        raise NotUnderstood("a queue without its lists")
    return queue


def _object_in(answer: Answer) -> Mapping[str, object]:
    """Return the object in an answer; a 404 is none of the protocol's, so no "not there"."""
    if not answer.is_success:
        trouble = ignorance(answer)
        raise NotUnderstood(str(trouble)) if isinstance(trouble, NotThere) else trouble
    body = answer.json_object()
    if body is None:
        raise NotUnderstood("no JSON object")
    return body


# -- what a prompt came to ----------------------------------------------------------------------


def outcome_of(
    history: History, instance: str, *, output_node: str | None, hide: tuple[str, ...]
) -> Ready | Lost:
    """Say what a prompt that is over came to.

    Raises:
        NotUnderstood: a state outside the protocol.
    """
    status = history.get("status")
    word = status.get("status_str") if isinstance(status, dict) else None
    if word == "error":
        return Lost(_failure(history, hide))
    if word not in {"success", None}:
        raise NotUnderstood(f"unknown state {str(word)[:40]!r}")
    film = _film_in(history, output_node)
    if film is not None:
        return Ready({"instance": instance, **film})
    if word is None:  # servers of before 2024 kept no status (MEM)
        raise NotUnderstood("a history with neither a status nor a film")
    return Lost(Failure.of(Reason.OUTPUT_LOST, "The workflow ended without a video."))


def interrupted(history: History) -> bool:
    """Say whether a prompt was stopped before its end."""
    return _message(history, "execution_interrupted") is not None


def _film_in(history: History, output_node: str | None) -> dict[str, str] | None:
    """Return the file of the last node that saved a video; a preview where none was saved."""
    outputs = history.get("outputs")
    found: dict[bool, dict[str, str]] = {}
    for node_id, told in outputs.items() if isinstance(outputs, dict) else ():
        if output_node not in {None, node_id} or not isinstance(told, dict):
            continue
        for items in told.values():
            for item in items if isinstance(items, list) else ():
                film = _video_in(item)
                if film is not None:
                    found[film["type"] == "output"] = film
    return found.get(True) or found.get(False)


def _video_in(item: object) -> dict[str, str] | None:
    if not isinstance(item, dict):
        return None
    words = {"subfolder": "", "type": "output"} | item
    film = {key: words.get(key) for key in ("filename", "subfolder", "type")}
    told = {key: word for key, word in film.items() if isinstance(word, str)}
    is_short = sum(len(word) for word in told.values()) <= NAME_CHARACTERS_MAX
    if len(told) != len(film) or not is_short:
        return None
    return told if PurePosixPath(told["filename"]).suffix.lower() in VIDEOS else None


def _message(history: History, name: str) -> Mapping[str, object] | None:
    """Return the last message of a name: what an instance would have told a websocket."""
    status = history.get("status")
    messages = status.get("messages") if isinstance(status, dict) else None
    for message in reversed(messages if isinstance(messages, list) else []):
        match message:
            case [str(told), dict(said)] if told == name:
                return said
    return None


def _failure(history: History, hide: tuple[str, ...]) -> Failure:
    """Say why there is no film: node, error and its sentence, without addresses and paths."""
    if interrupted(history):
        return Failure.of(Reason.PROVIDER_FAILED, "The workflow was interrupted.")
    error = _message(history, "execution_error")
    if error is None:
        return Failure.of(Reason.PROVIDER_FAILED)
    sentence = plain(_text(error.get("exception_message")), hide)
    told = [_word(error.get("exception_type")), _PATH.sub("[path]", sentence)]
    where = _word(error.get("node_type")) or "a node"
    why = ": ".join(["", *filter(None, told)])
    return Failure.of(Reason.PROVIDER_FAILED, f"The workflow failed in {where}{why}")


# -- why a prompt was not taken -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _NodeError:
    """What one node has against one of its inputs, in the words of our own graph."""

    node_id: str
    class_type: str
    kind: str
    input_name: str
    slots: frozenset[str]
    is_missing: bool

    @property
    def is_of_a_file(self) -> bool:
        """Whether the node itself dislikes a caller's file, which lies where it should."""
        is_its_own = self.kind == "custom_validation_failed" and not self.is_missing
        return is_its_own and bool(self.slots) and self.slots <= FILES

    def __str__(self) -> str:
        where = f" of {self.input_name}" if self.input_name else ""
        return f"node {self.node_id} {self.class_type}: {self.kind or 'error'}{where}"


def verdict(
    answer: Answer, workflow: Workflow | None, hide: tuple[str, ...]
) -> Refused | Busy | InDoubt:
    """Say what a failed POST proves. A graph is the operator's: no caller is to blame for it."""
    if answer.status == HTTPStatus.BAD_REQUEST and workflow is not None:
        return _refusal(answer, workflow)
    judged = judge_submit(answer, Words(), hide=hide)
    if isinstance(judged, Refused):
        return Refused(_UNUSABLE, Blame.HOUSE, note=judged.note)
    return judged


def _refusal(answer: Answer, workflow: Workflow) -> Refused:
    body = answer.json_object() or {}
    complaint = complaint_of(body) or Complaint()
    errors = [*_node_errors(body, workflow)]
    note = "; ".join(filter(None, [f"HTTP 400 {complaint.kind}".strip(), *map(str, errors)]))
    if errors and all(error.is_of_a_file for error in errors):
        noun_ = noun(min(errors[0].slots))
        failure = Failure.of(Reason.PARAMETERS_REFUSED, f"The workflow does not take the {noun_}.")
        return Refused(failure, Blame.CALLER, note=note)
    return Refused(_UNUSABLE, Blame.HOUSE, note=note)


def _node_errors(body: Mapping[str, object], workflow: Workflow) -> Iterator[_NodeError]:
    """Read the complaints of the nodes, and that of a graph with a node of no known class."""
    top = body.get("error")
    if isinstance(top, dict) and isinstance(top.get("extra_info"), dict):
        yield from _errors_of(str(top["extra_info"].get("node_id")), [top], workflow)
    told = body.get("node_errors")
    for node_id, node in told.items() if isinstance(told, dict) else ():
        errors = node.get("errors") if isinstance(node, dict) else None
        yield from _errors_of(node_id, errors if isinstance(errors, list) else [], workflow)


def _errors_of(node_id: str, errors: list[object], workflow: Workflow) -> Iterator[_NodeError]:
    """Name only what stands in our own graph: an error quotes whatever it was given."""
    node = workflow.graph.get(node_id)
    for error in errors if node is not None else ():
        if node is None or not isinstance(error, dict):
            continue
        extra = error.get("extra_info")
        input_name = _text(extra.get("input_name")) if isinstance(extra, dict) else ""
        is_ours = input_name in node["inputs"]
        yield _NodeError(
            node_id=node_id,
            class_type=node["class_type"],
            kind=_word(error.get("type")),
            input_name=input_name if is_ours else "",
            slots=workflow.slots_in(node_id, input_name),
            is_missing=_NOT_HERE in _text(error.get("details")),
        )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _word(value: object) -> str:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""
