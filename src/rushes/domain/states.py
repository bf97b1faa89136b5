"""Draws `docs/task-states.md` from the tables of `task`: `python -m rushes.domain.states`."""

from __future__ import annotations

import sys

from rushes.domain.task import FINAL, MEANING, MOVES, NEVER, Event, Status


def draw_states() -> str:
    """Return the page: the diagram, the words, and why the other moves never happen."""
    lines = [
        "# The life of a task",
        "",
        "Drawn from `src/rushes/domain/task.py`; a test compares it with the table:",
        "`python -m rushes.domain.states > docs/task-states.md`",
        "",
        "```mermaid",
        "stateDiagram-v2",
        f"    [*] --> {Status.QUEUED}",
    ]
    lines += [f"    {status} --> {after}: {event}" for (status, event), after in MOVES.items()]
    lines += [f"    {status} --> [*]" for status in Status if status in FINAL]
    lines += ["```", "", "| status | means |", "|---|---|"]
    lines += [f"| `{status}` | {MEANING[status]} |" for status in Status]
    lines += ["", "| event | means |", "|---|---|"]
    lines += [f"| `{event}` | {MEANING[event]} |" for event in Event]
    lines += [
        "",
        "Moves that never happen, and why:",
        "",
        "| status | event | why |",
        "|---|---|---|",
    ]
    lines += [
        f"| `{status}` | `{event}` | {why} |"
        for (status, event), why in NEVER.items()
        if status not in FINAL
    ]
    lines.append("| any final status | any event | final: nothing revives it |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(draw_states())
