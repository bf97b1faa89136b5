"""A server whose films are in a bucket: made, stored there, and downloaded by their links."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from journeying import a_server, wait_until
from seaweed import ACCESS_KEY_ID, BUCKET, SECRET_ACCESS_KEY, Seaweed

CONFIG = """
[storage]
url = "s3://{bucket}/journey"
endpoint = "{endpoint}"
access_key_id = "file:{folder}/access"
secret_access_key = "file:{folder}/secret"
links = "{links}"
credentials_expire_s = {expire_s}
"""
EXPIRE_S = 600


def config_of(seaweed: Seaweed, folder: Path, *, links: str) -> str:
    (folder / "access").write_text(ACCESS_KEY_ID)
    (folder / "secret").write_text(SECRET_ACCESS_KEY)
    return CONFIG.format(
        bucket=BUCKET, endpoint=seaweed.endpoint, folder=folder, links=links, expire_s=EXPIRE_S
    )


@pytest.mark.promise("P4")
def test_a_film_is_stored_in_a_bucket_and_fetched_by_its_link(
    seaweed: Seaweed, tmp_path: Path
) -> None:
    """The link leads to the bucket; the address that needs a key streams through the server.

    Neither outlives the credentials of the bucket, and the log says so at the start.
    """
    config = config_of(seaweed, tmp_path, links="presigned")
    with (
        a_server(tmp_path / "data", config=config) as server,
        httpx2.Client(base_url=server.url, trust_env=False, timeout=30) as client,
    ):
        told = {"Authorization": f"Bearer {server.key}"}
        wish = {"model": "sandbox", "prompt": "a paper boat", "seconds": 1}
        submitted = client.post("/v1/video/generations", json=wish, headers=told).json()
        where = f"/v1/video/generations/{submitted['id']}"

        def look() -> dict[str, str]:
            found: dict[str, str] = client.get(where, headers=told).json()
            return found

        wait_until(lambda: look()["status"] in {"succeeded", "failed"}, timeout_s=60)
        link, at_s = look()["url"], time.time()
        streamed = client.get(f"/v1/videos/{submitted['id']}/content", headers=told)
        film = streamed.content
        assert (streamed.status_code, film[4:8]) == (200, b"ftyp")
        part = client.get(link, headers={"Range": "bytes=4-7"}, follow_redirects=True)
        assert (part.status_code, part.content) == (206, b"ftyp")
        assert urlsplit(str(part.url)).port == seaweed.port
        assert queried(link, "expires") <= at_s + EXPIRE_S
        assert 1 < queried(str(part.url), "X-Amz-Expires") < EXPIRE_S, "what is left of theirs"
        assert client.get(link, follow_redirects=True).content == film
        assert client.get("/readyz").status_code == 200
        assert client.delete(where, headers=told).status_code == 200
        assert client.get(link).status_code == 404
        assert client.get(str(part.url)).status_code in {403, 404}, "gone from the bucket too"
        assert not (tmp_path / "data" / "blobs").exists()
        assert not list((tmp_path / "data" / "scratch").glob("develop-*"))
        doctor = subprocess.run(
            [sys.executable, "-m", "rushes", "doctor", "--json", "--port", "0"],
            env={
                **os.environ,
                "RUSHES_DATA_DIR": str(tmp_path / "data"),
                "RUSHES_CONFIG": str(tmp_path / "data.toml"),
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        findings = {one["name"]: one for one in json.loads(doctor.stdout)["findings"]}
        assert findings["storage"]["state"] == "ok", findings["storage"]
        assert SECRET_ACCESS_KEY not in doctor.stdout + doctor.stderr
    log = (tmp_path / "data.log").read_text()
    assert SECRET_ACCESS_KEY not in log
    assert "Signature" not in log
    (warned,) = [line for line in log.splitlines() if "times.link_ttl_s" in line]
    assert "warning" in warned
    assert f"life_s={EXPIRE_S}" in warned


def queried(address: str, name: str) -> int:
    """Return a number of an address."""
    return int(parse_qs(urlsplit(address).query)[name][0])
