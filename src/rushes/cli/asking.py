"""Questions to whoever sits at the terminal: asked on standard error, answered by lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TextIO, TypeVar

from rich.prompt import Confirm, Prompt

from rushes.cli.paper import talk
from rushes.cli.plainly import Refused, complain

T = TypeVar("T")


class Asker:
    """Asks until an answer can be meant. `stream` is where answers are read, the terminal if None.

    Every question raises `Refused` where the answers end.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def text(self, question: str, *, default: str = "", check: Callable[[str], str]) -> str:
        """Ask for a line; `check` returns what it means, or raises `Refused`."""
        while True:
            said = self._line(question, default)
            try:
                return check(said)
            except Refused as refused:
                complain(str(refused), refused.hint)

    def choice(self, question: str, choices: Sequence[str], *, default: str) -> str:
        """Ask for one of a few words."""
        return self._ended(
            lambda: Prompt.ask(
                question,
                choices=list(choices),
                default=default,
                console=talk(),
                stream=self._stream,
            )
        )

    def confirms(self, question: str, *, default: bool) -> bool:
        """Ask for yes or no."""
        return self._ended(
            lambda: Confirm.ask(question, default=default, console=talk(), stream=self._stream)
        )

    def _line(self, question: str, default: str) -> str:
        said = self._ended(
            lambda: Prompt.ask(
                question,
                default=default,
                show_default=bool(default),
                console=talk(),
                stream=self._stream,
            )
        )
        return said.strip()

    def _ended(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except EOFError:
            raise Refused("The answers ended before the questions; nothing was done.") from None


def asker() -> Asker | None:
    """Return how to ask whoever is there; None where nobody is."""
    return Asker() if sys.stdin.isatty() else None


def agree(question: str, *, is_hurried: bool) -> None:
    """Make sure that what cannot be undone is meant; who is hurried is asked nothing.

    Raises:
        Refused: it is not, or nobody is there to say so.
    """
    if is_hurried:
        return
    person = asker()
    if person is None:
        raise Refused(f"{question}? It cannot be undone, and nobody is here to ask: say --yes.")
    if not person.confirms(question, default=False):
        raise Refused("Nothing was done.")
