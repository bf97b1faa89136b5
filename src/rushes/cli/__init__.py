"""The command line: what can be typed is in `callers` and `operators`, a room for each verb.

`rushes --help` and the verbs of callers load nothing of the server, and work without it.
Answers go to standard output, everything else to standard error; `--json` answers machines.
"""

from __future__ import annotations

import sys
from io import TextIOWrapper


def main() -> None:
    """Run the command line; the entry point of `rushes` and of `python -m rushes`."""
    from rushes.cli.menu import app  # noqa: PLC0415 -- a package that is cheap to import

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that lacks a letter loses only that
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="rushes")
