"""What can go wrong, said in sentences: no verb ends in a traceback that is not a bug.

0    done
1    it did not work: the server said no, the film failed, a file cannot be written
2    it was not begun: wrong words, wrong settings, a taken port, a folder that is not ours
3    not finished in the time that was given; it goes on
130  Ctrl-C
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Final, ParamSpec

import typer

from rushes.cli.paper import plain, say, talk

P = ParamSpec("P")

FAILED: Final = 1
REFUSED: Final = 2
UNFINISHED: Final = 3

HALF_A_CHARACTER: Final = "surrogates not allowed"
"""What Python says where it passes on bytes that were typed in another encoding."""

_EXPECTED: Final = (
    ("rushes.client.errors", "NotConfigured", REFUSED),
    ("rushes.client.errors", "Unsendable", REFUSED),
    ("rushes.client.errors", "WaitTimeout", UNFINISHED),
    ("rushes.client.errors", "RushesError", FAILED),
    ("rushes.settings", "SettingsRefused", REFUSED),
    ("rushes.folder", "Unready", REFUSED),
    ("rushes.ports", "SchemaBehind", REFUSED),
    ("rushes.domain.errors", "StoreBusy", FAILED),
    ("sqlalchemy.exc", "DBAPIError", REFUSED),
    ("sqlite3", "Error", REFUSED),
)
"""Errors that are told, and the exit code of each; the first that fits counts.

They are named, not imported: an error of a room that is not loaded cannot have been raised.
"""


class Refused(Exception):
    """A verb that cannot be done; each line of the message is one complaint."""

    def __init__(self, message: str, code: int = REFUSED, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


def plainly(verb: Callable[P, None]) -> Callable[P, None]:
    """Have a verb's expected errors told on standard error, and turned into its exit code."""

    @wraps(verb)
    def told(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            _check_words((*args, *kwargs.values()))
            verb(*args, **kwargs)
        except Refused as refused:
            raise _end(str(refused), refused.code, refused.hint) from None
        except ModuleNotFoundError as missing:
            if (missing.name or "").partition(".")[0] == "rushes":
                raise
            raise _end(_light(missing), REFUSED) from None
        except _expected() as error:
            raise _end(_words(error), _code(error), _hint(error)) from None
        except UnicodeEncodeError as error:
            if error.reason != HALF_A_CHARACTER:
                raise
            raise _end("What was typed is not written in UTF-8.", REFUSED) from None
        except OSError as error:
            if isinstance(error, BrokenPipeError) or error.strerror is None:
                raise
            where = "" if error.filename is None else f"{error.filename}: "
            raise _end(f"{where}{error.strerror}", FAILED, _hint(error)) from None

    return told


def _check_words(values: Iterable[object]) -> None:
    """Check that what was typed is text; names of files may be anything.

    Raises:
        UnicodeEncodeError: a word has half a character.
    """
    for value in values:
        if isinstance(value, str):
            value.encode()
        elif isinstance(value, list):
            _check_words(value)


def complain(message: str, hint: str = "") -> None:
    """Print complaints, all of them."""
    console = talk()
    lines = [plain(line) for line in message.splitlines()]
    if len(lines) == 1:
        say(console, ("Error: ", "bold red"), lines[0])
    else:
        say(console, (f"Error: {len(lines)} complaints", "bold red"))
        for line in lines:
            say(console, f"- {line}", indent=2, hang=2)
    for line in hint.splitlines():
        say(console, (line, "dim"))


def _end(message: str, code: int, hint: str = "") -> typer.Exit:
    complain(message, hint)
    return typer.Exit(code)


def _expected() -> tuple[type[Exception], ...]:
    return tuple(kind for kind, _ in _loaded())


def _code(error: Exception) -> int:
    return next(code for kind, code in _loaded() if isinstance(error, kind))


def _loaded() -> list[tuple[type[Exception], int]]:
    return [
        (getattr(sys.modules[room], name), code)
        for room, name, code in _EXPECTED
        if room in sys.modules
    ]


def _words(error: Exception) -> str:
    """Return an error's sentence; of a database's error without the statement."""
    cause = getattr(error, "orig", None)
    if cause is not None or type(error).__module__ == "sqlite3":
        return f"The database cannot be used: {cause or error}."
    return str(error) or type(error).__name__


def _light(missing: ModuleNotFoundError) -> str:
    name = missing.name or ""
    if name.partition(".")[0] in _AGENTS:
        return f"This verb needs the MCP SDK, which is not installed here: pip install '{_EXTRA}'"
    return (
        f"This verb needs the server, which is not installed here ({name} is missing): "
        "pip install 'rushes[server]'"
    )


_AGENTS: Final = {"mcp", "mcp_types"}
_EXTRA: Final = "rushes[mcp]"


_HINTS: Final = {
    "ConnectionFailed": "`rushes serve` starts a server on this machine.",
    "Unauthenticated": (
        "RUSHES_API_KEY holds the key; `rushes keys create NAME` makes one beside the server."
    ),
}


def _hint(error: Exception) -> str:
    hint = _HINTS.get(type(error).__name__, "")
    key = getattr(error, "idempotency_key", None)
    if key is not None:
        hint = f"{hint} The same command with --idempotency-key {key} pays once.".strip()
    return "\n".join(line for line in (hint, *getattr(error, "__notes__", ())) if line)
