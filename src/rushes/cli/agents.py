"""`rushes mcp`: the public API as tools for agents."""

from __future__ import annotations

import signal
from pathlib import Path

import mcp  # noqa: F401 -- first, so that who lacks it hears of it and not of what comes with it

from rushes.agents import serving
from rushes.cli.paper import answers, say, show_json
from rushes.cli.plainly import Refused


def speak(folder: Path | None) -> None:
    """Serve the agent that started us, over standard input and output.

    Raises:
        Refused: the folder for films is none.
    """
    if folder is not None and not folder.is_dir():
        raise Refused(f"There is no folder {folder} to save films in.")
    # What reads standard input cannot be interrupted there, so Ctrl-C ends us as kill does.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    serving.speak(None if folder is None else folder.resolve())


def listen(host: str, port: int, names: list[str], folder: Path | None, *, as_json: bool) -> None:
    """Serve agents over HTTP, each with a key of his own, until Ctrl-C.

    Raises:
        Refused: films would be saved for strangers, nobody could reach it, or the port is taken.
    """
    if folder is not None:
        raise Refused("--folder is for an agent on this machine; over HTTP films are linked to.")
    place = serving.Place(host, port, names)
    if not place.is_loopback and not names:
        raise Refused(
            f"{host} can be reached from elsewhere: say by which name, with --name "
            "films.example.org, as no other is let in (a page could have its name lead here)."
        )
    try:
        serving.listen(place, lambda url: _tell(url, as_json=as_json))
    except OSError as error:
        raise Refused(f"Cannot listen at {host}:{port}: {error.strerror}.") from None
    except KeyboardInterrupt:
        return


def _tell(url: str, *, as_json: bool) -> None:
    if as_json:
        show_json({"url": url})
    else:
        say(answers(), f"Agents are served at {url}")
