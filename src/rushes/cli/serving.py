"""`rushes serve`, `api` and `worker`: bind, open the house, say so once, serve, drain."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from rushes import __version__
from rushes.app import House, Role, check_role, open_house
from rushes.cli.paper import answers, facts, ourselves, say, show_json, talk
from rushes.cli.plainly import FAILED, Refused
from rushes.clock import ShiftedClock, SystemClock
from rushes.domain.access import Key
from rushes.folder import Unmigrated, make_key
from rushes.listening import bound_url, end_with, listen, listen_for_operators
from rushes.observe import configure_logs
from rushes.settings import DEFAULT_PORT, Settings, load

WAIT_S: Final = 0.5
FIRST_KEY_NAME: Final = "first key"
TRY: Final = 'generate "A paper boat crosses a rain puddle" -o boat.mp4'


@dataclass(frozen=True, slots=True)
class Opened:
    """What the banner tells. `key` is the first of the folder, with its secret, or None.

    A worker that does not listen has no address.
    """

    address: str | None
    settings: Settings
    key: tuple[Key, str] | None
    role: Role = Role.SERVE


@dataclass(frozen=True, slots=True)
class Post:
    """What was typed: the role, where to listen, and what for; None is the settings' affair.

    `parent` is a process that this one must not outlive. `shift` is a file that says by how many
    seconds this machine's clock is wrong, for tests of that.
    """

    role: Role = Role.SERVE
    host: str | None = None
    port: int | None = None
    only: frozenset[str] | None = None
    parent: int | None = None
    shift: Path | None = None

    @property
    def listens(self) -> bool:
        """Whether the process has a port: a worker only if it was given one."""
        return self.role.answers or self.port is not None


def serve(post: Post, *, as_json: bool) -> None:
    """Run a process until SIGINT or SIGTERM; then drain.

    Raises:
        SettingsRefused, Unready: what is wrong, all of it.
        Refused: the engine could not start.
    """
    if post.parent is not None:
        end_with(post.parent)
    settings = settings_of(post.host, post.port)
    check_role(settings, post.role, post.only)
    configure_logs(
        level=settings.log_level, as_json=settings.log_json, has_traces=settings.traces.is_on
    )
    with _ended_by_signals(), contextlib.ExitStack() as held:
        listener = held.enter_context(listen(settings)) if post.listens else None
        for_operators = listen_for_operators(settings) if post.role.answers else None
        if for_operators is not None:
            held.enter_context(for_operators)
        _serve_on(listener, for_operators, settings, post, as_json=as_json)
    where = "at the next start" if post.role is Role.SERVE else "elsewhere, or at the next start"
    say(talk(), f"Stopped. What was unfinished goes on {where}.")


def _serve_on(
    listener: socket.socket | None,
    for_operators: socket.socket | None,
    settings: Settings,
    post: Post,
    *,
    as_json: bool,
) -> None:
    port: int = 0 if listener is None else listener.getsockname()[1]
    house = _open_patiently(settings, post, port)
    try:
        _start(house)
        address = None if listener is None else bound_url(settings, port)
        key = _first_key(house) if post.role.answers else None
        _announce(Opened(address, settings, key, post.role), as_json=as_json)
        if listener is None:
            house.work()
        else:
            house.serve(listener, *([] if for_operators is None else [for_operators]))
    except KeyboardInterrupt:
        pass
    finally:
        house.close()


def _open_patiently(settings: Settings, post: Post, port: int) -> House:
    """Open the house; a database that waits for `rushes migrate` is waited for.

    Raises:
        Unready: it cannot be opened, and waiting does not help.
    """
    has_told = False
    while True:
        try:
            clock = SystemClock() if post.shift is None else ShiftedClock(post.shift)
            return open_house(settings, port=port, clock=clock, role=post.role, only=post.only)
        except Unmigrated as waiting:
            if not has_told:
                say(talk(), f"Waiting: {waiting}")
            has_told = True
            time.sleep(WAIT_S)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Have SIGTERM end us as Ctrl-C does: uvicorn drains, and then raises the signal again.

    A second one cuts off what is still drained; uvicorn would log each as an error.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    log = logging.getLogger("uvicorn.error")
    log.addFilter(is_news)
    try:
        yield
    finally:
        log.removeFilter(is_news)
        signal.signal(signal.SIGTERM, before)


def is_news(record: logging.LogRecord) -> bool:
    """Say whether a line of the log tells more than that something was cut off on purpose."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


def settings_of(host: str | None, port: int | None) -> Settings:
    """Read the settings; what was typed wins.

    Raises:
        SettingsRefused: with every complaint.
    """
    typed = {"host": host, "port": port}
    return load(server={name: value for name, value in typed.items() if value is not None})


def _start(house: House) -> None:
    try:
        house.start()
    except RuntimeError as error:
        why = "" if error.__cause__ is None else f": {error.__cause__}"
        raise Refused(f"{error}{why}", FAILED) from error


def _first_key(house: House) -> tuple[Key, str] | None:
    """Make a key where there is none, so that a first start needs no second command."""
    if house.store.read_now(lambda tx: tx.keys()):
        return None
    return make_key(house.store, FIRST_KEY_NAME, SystemClock())


# -- the banner --------------------------------------------------------------------------------


def _announce(opened: Opened, *, as_json: bool) -> None:
    if as_json:
        show_json(opened_json(opened))
    else:
        banner(answers(), opened)


def banner(console: Console, opened: Opened) -> None:
    """Say where the server is, and what to try."""
    address, settings = opened.address, opened.settings
    if opened.role is Role.WORKER or address is None:
        listening = "" if address is None else f" at {address} (/healthz, /readyz, /metrics)"
        say(console, ("Rushes", "bold"), f" {__version__}: a worker{listening}. Ctrl-C stops it.")
        return
    say(console, ("Rushes", "bold"), f" {__version__} at ", (address, "bold"))
    told: list[tuple[str, str]] = [
        ("data", "PostgreSQL" if settings.is_on_postgres else str(settings.data_dir.resolve())),
        ("docs", f"{address}/docs"),
    ]
    if settings.server.console:
        told.insert(1, ("console", f"{address}/console"))
    if opened.role is Role.API:
        told.append(("work", "is done by `rushes worker`, as many as you like"))
    if settings.server.admin_place is not None:
        told.append(("operators", f"{settings.server.admin}/admin/v1"))
    if settings.server.public_url is not None:
        told.append(("public", settings.server.public_url))
    if not settings.providers:
        told.append(("models", "rehearsed by the sandbox, as no provider is configured"))
    facts(console, told, indent=2)
    say(console, "")
    us = ourselves(is_elsewhere=True)
    lines = []
    if address != f"http://127.0.0.1:{DEFAULT_PORT}":
        lines.append(f"export RUSHES_BASE_URL={address}")
    if opened.key is not None:
        _, secret = opened.key
        lines.append(f"export RUSHES_API_KEY={secret}")
        say(console, "Your first API key is shown this once, and kept nowhere in clear.")
        make = f"{us} keys create NAME --admin"
        say(console, "It makes films. An operator's, for /admin/v1: ", (make, "bold"))
    else:
        say(console, "Keys are made with ", (f"{us} keys create NAME", "bold"), ".")
    say(console, "Try, in another terminal:")
    say(console, "")
    for line in [*lines, f"{us} {TRY}"]:
        console.print(f"  {line}", style="bold", soft_wrap=True)
    say(console, "")
    say(console, "Ctrl-C stops it.")


def opened_json(opened: Opened) -> dict[str, object]:
    """Return the banner for machines; one line on standard output."""
    key = None
    if opened.key is not None:
        made, secret = opened.key
        key = {"id": made.id, "name": made.name, "secret": secret}
    return {
        "role": opened.role,
        "url": opened.address,
        "docs": None if opened.address is None else f"{opened.address}/docs",
        "data_dir": opened.settings.data_dir.resolve(),
        "pid": os.getpid(),
        "version": __version__,
        "key": key,
    }
