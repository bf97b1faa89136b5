"""Where a server listens, and under which address others reach it."""

from __future__ import annotations

import socket
from typing import Final

from rushes.folder import Unready
from rushes.settings import Settings
from rushes.studio.kinship import Orphaned, die_with_parent

WILDCARDS: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 -- names, not a bind
BACKLOG: Final = 2048


def public_url(settings: Settings, port: int) -> str:
    """Return the address that links are built from (CONTRACT §8)."""
    return settings.server.public_url or bound_url(settings, port)


def bound_url(settings: Settings, port: int) -> str:
    """Return the address we listen on, as this machine reaches it."""
    host = settings.server.host
    if host in WILDCARDS:
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def listen(settings: Settings) -> socket.socket:
    """Bind the address and listen; a port of 0 is the system's choice.

    Raises:
        Unready: the address is taken, or not ours.
    """
    return _listen(settings.server.host, settings.server.port)


def listen_for_operators(settings: Settings) -> socket.socket | None:
    """Bind the address that operators have alone, and listen; None where they have none.

    Raises:
        Unready: the address is taken, or not ours.
    """
    place = settings.server.admin_place
    return None if place is None else _listen(*place)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)  # whoever calls while the house opens is answered when it is open
    except OSError as error:
        listener.close()
        raise Unready(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return listener


def end_with(parent_pid: int) -> None:
    """Have this process end when its parent ends, however that ends.

    Raises:
        Unready: the parent has ended already.
    """
    try:
        die_with_parent(parent_pid)
    except Orphaned:
        raise Unready(f"process {parent_pid}, which this server was to serve, has ended") from None
