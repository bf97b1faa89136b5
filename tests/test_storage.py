"""Where films are and what links are signed with, as the settings say it."""

from __future__ import annotations

import base64
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from rushes.answering import application_of
from rushes.app import Role, check_role
from rushes.blobs.local import LocalBlobs
from rushes.blobs.objects import ObjectBlobs
from rushes.clock import SystemClock, counting_pauses
from rushes.folder import Unready
from rushes.http.links import Links
from rushes.rooms import parts_of
from rushes.settings import SettingsRefused, load
from rushes.storage import blobs_of, link_life_s, own_secret, signing_secrets
from rushes.testing.builders import NOON
from rushes.testing.fakes import ManualClock
from template import a_database

MINUTE = timedelta(minutes=1)
PASSED_S_MAX = 5
"""How long this test itself may take, of what is left."""

S3 = {"url": "s3://films/rushes", "endpoint": "https://s3.example.com"}


def refused(**given: Any) -> str:
    with pytest.raises(SettingsRefused) as caught:
        load(**given)
    return str(caught.value)


@pytest.mark.parametrize(
    ("storage", "why"),
    [
        ({"url": "ftp://films"}, "must be file://PATH or one of s3://"),
        ({"url": "s3:///rushes"}, "names no bucket"),
        ({**S3, "endpoint": "http://10.0.0.7:9000"}, "allow_http = true"),
        ({**S3, "endpoint": "s3.example.com"}, "must be an address"),
        ({**S3, "endpoint": "https://s3.example.com/films"}, "must be an address"),
        ({"url": "gs://films", "endpoint": "https://x.example.com"}, "is of s3:// only"),
        ({"links": "presigned"}, "files on a disk have no presigned links"),
        ({**S3, "access_key_id": "env:A"}, "go together"),
        ({**S3, "access_key_id": "AKIA123", "secret_access_key": "env:B"}, "must be a reference"),
    ],
)
def test_storage_that_cannot_be_is_refused_with_the_reason(
    storage: dict[str, str], why: str
) -> None:
    assert why in refused(storage=storage)


@pytest.mark.parametrize(
    "storage",
    [
        {"url": "file:///srv/films"},
        {**S3, "endpoint": "http://127.0.0.1:9000"},
        {**S3, "endpoint": "http://10.0.0.7:9000", "allow_http": True},
        {"url": "az://films/rushes"},
        {"url": "gs://films/rushes"},
    ],
)
def test_storage_that_can_be_is_taken(storage: dict[str, Any]) -> None:
    assert load(storage=storage).storage.url == storage["url"]


def test_a_disk_and_a_bucket_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "access")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    local = load(data_dir=tmp_path)
    assert isinstance(blobs_of(local, SystemClock()), LocalBlobs)
    blobs = cast("ObjectBlobs", blobs_of(load(data_dir=tmp_path, storage=S3), SystemClock()))
    assert blobs.sweeps_uploads
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    role = cast("ObjectBlobs", blobs_of(load(data_dir=tmp_path, storage=S3), SystemClock()))
    assert not role.sweeps_uploads, "what a role signs with is not ours to read"


def test_a_credential_that_is_not_there_keeps_the_house_shut(tmp_path: Path) -> None:
    storage = {**S3, "access_key_id": "env:NOT_SET", "secret_access_key": "env:NOT_SET"}
    with pytest.raises(Unready, match="storage: the credential env:NOT_SET is not set"):
        blobs_of(load(data_dir=tmp_path, storage=storage), SystemClock())


async def test_a_virtual_host_is_asked_under_the_buckets_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "access")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    async def address(**more: str) -> str:
        return (await signed(tmp_path, {**S3, **more})).partition("?")[0]

    assert await address() == "https://s3.example.com/films/rushes/films/x"
    virtual = "https://films.s3.example.com/rushes/films/x"
    assert await address(addressing="virtual") == virtual
    assert await address(addressing="virtual", endpoint="https://films.s3.example.com") == virtual


async def test_a_bucket_is_asked_in_the_region_that_the_settings_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "access")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "ap-south-1")

    async def asked(**storage: str) -> tuple[str, str]:
        """Where a film is asked for, and the region that it is signed for."""
        split = urlsplit(await signed(tmp_path, storage))
        return split.netloc, parse_qs(split.query)["X-Amz-Credential"][0].split("/")[2]

    amazon = {"url": "s3://films", "region": "eu-west-3"}
    assert await asked(**amazon) == ("s3.eu-west-3.amazonaws.com", "eu-west-3")
    assert await asked(**S3, region="eu-west-3") == ("s3.example.com", "eu-west-3")
    assert await asked(**S3) == ("s3.example.com", "ap-south-1")


async def test_a_bucket_of_google_is_asked_for_names_under_its_prefix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    account = tmp_path / "account.json"
    told = {
        "type": "service_account",
        "client_email": "films@house.example.com",
        "private_key_id": "1",
        "private_key": key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    }
    account.write_text(json.dumps(told))
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", str(account))
    split = urlsplit(await signed(tmp_path, {"url": "gs://films/rushes/a"}))
    address = f"{split.scheme}://{split.netloc}{split.path}"
    assert address == "https://storage.googleapis.com/films/rushes/a/films/x"
    query = parse_qs(split.query)
    assert query["X-Goog-Credential"][0].startswith("films@house.example.com/")
    assert query["X-Goog-Expires"] == ["60"]


async def test_a_container_of_azure_is_asked_for_names_under_its_prefix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "house")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", base64.b64encode(b"0" * 32).decode())
    split = urlsplit(await signed(tmp_path, {"url": "az://films/rushes/a"}))
    address = f"{split.scheme}://{split.netloc}{split.path}"
    assert address == "https://house.blob.core.windows.net/films/rushes/a/films/x"
    assert "sig" in parse_qs(split.query)


async def signed(folder: Path, storage: dict[str, str]) -> str:
    """Have a bucket sign an address of a film, which asks nobody."""
    blobs = blobs_of(load(data_dir=folder, storage=storage), SystemClock())
    assert isinstance(blobs, ObjectBlobs)
    return await blobs.signed("films/x", MINUTE, method="GET")


# -- links -------------------------------------------------------------------------------------


def test_a_folder_has_one_secret_that_nobody_else_reads(tmp_path: Path) -> None:
    """Several that begin at once agree on it."""
    with ThreadPoolExecutor(8) as pool:
        said = set(pool.map(lambda _: own_secret(tmp_path), range(32)))
    assert said == {own_secret(tmp_path)}
    assert [path.name for path in tmp_path.iterdir()] == ["signing.key"]
    assert stat.S_IMODE((tmp_path / "signing.key").stat().st_mode) == 0o600


def test_named_secrets_are_used_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEW", "n" * 32)
    (tmp_path / "old").write_text("o" * 32 + "\n")
    links = {"secrets": ["env:NEW", f"file:{tmp_path / 'old'}"]}
    settings = load(data_dir=tmp_path, links=links)
    assert signing_secrets(settings) == (b"n" * 32, b"o" * 32)
    monkeypatch.setenv("NEW", "short")
    with pytest.raises(Unready, match="fewer than 16 bytes"):
        signing_secrets(settings)


@pytest.mark.parametrize("role", [Role.API, Role.WORKER])
def test_several_servers_on_one_postgresql_must_share_a_secret(role: Role) -> None:
    database = {"url": "postgresql://rushes@db/rushes"}
    with pytest.raises(Unready, match=r"links\.secrets: servers on one PostgreSQL"):
        check_role(load(database=database), role)
    check_role(load(database=database, links={"secrets": ["env:LINKS"]}), role)
    check_role(load(database=database), Role.SERVE)


def test_no_link_outlives_the_credentials_of_storage() -> None:
    assert link_life_s(load()) == 24 * 3600
    assert link_life_s(load(storage={**S3, "credentials_expire_s": 3600})) == 3600
    assert link_life_s(load(storage={**S3, "credentials_expire_s": 10**6})) == 24 * 3600


@pytest.mark.parametrize(
    ("expire_s", "later_s", "lives_s"),
    [
        (None, 0, 3600),
        (10**6, 0, 3600),
        (600, 0, 600),
        (600, 450, 150),
        (7200, 4000, 3200),
        (600, 700, 1),
    ],
    ids=["they do not end", "they end late", "at the start", "later", "much later", "they ended"],
)
async def test_no_address_of_the_bucket_outlives_the_credentials_it_is_signed_with(
    expire_s: int | None,
    later_s: int,
    lives_s: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "access")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    storage = {**S3, "links": "presigned", "credentials_expire_s": expire_s}
    settings = load(data_dir=tmp_path, storage=storage)
    a_database(tmp_path / "rushes.db")
    links = Links(b"s" * 32, "http://localhost:8080", ttl_s=link_life_s(settings))
    parts = parts_of(settings, ManualClock(NOON), tmp_path, None, links, works=False)
    with closing(parts.truth):
        sign = application_of(parts, links, for_callers=True, has_engine=False).wire.sign
        assert sign is not None
        parts.truth.timekeeper.clock.set(NOON + timedelta(seconds=later_s), counting_pauses())
        query = parse_qs(urlsplit(await sign("films/x", "GET")).query)
    (expires_s,) = query["X-Amz-Expires"]
    assert 0 <= lives_s - int(expires_s) <= PASSED_S_MAX
