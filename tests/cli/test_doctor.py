"""`rushes doctor`: every check can fail, says what to do, and changes nothing."""

from __future__ import annotations

import json
import os
import socket
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

import rushes
from living import Typed
from postgres import Server
from rushes.cli import checks
from rushes.cli.checks import State
from rushes.cli.doctor import summary
from rushes.clock import SystemClock
from rushes.folder import lock_folder, migrate_folder, open_books, open_store
from rushes.settings import Settings, load
from rushes.store.migrate import HEAD

CONFIG = """
[[providers]]
name = "gpu"
kind = "openai_videos"
base_url = "http://127.0.0.1:9/v1"
api_key = "{reference}"

[[models]]
id = "sora-2"
card = "{card}"
[[models.routes]]
provider = "gpu"
model = "wan"
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(data_dir=tmp_path / "data")


@pytest.fixture
def made(settings: Settings) -> Settings:
    open_books(settings, SystemClock(), may_make=True).close()
    return settings


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_sound_machine_is_well(typed: Typed, tmp_path: Path) -> None:
    run = typed("doctor", "--port", str(free_port()))
    assert run.exit_code == 0, run.output
    assert "fail" not in run.stdout
    assert not (tmp_path / "data").exists()


def test_the_doctor_looks_without_touching(typed: Typed, made: Settings) -> None:
    before = sorted(path.name for path in made.data_dir.iterdir())
    told = json.loads(typed("doctor", "--port", str(free_port()), "--json").stdout)
    assert told["is_healthy"]
    assert sorted(path.name for path in made.data_dir.iterdir()) == before
    by_name = {finding["name"]: finding for finding in told["findings"]}
    assert "WAL" in by_name["SQLite"]["told"]
    assert by_name["schema"]["told"] == f"{HEAD}, current"


def test_every_complaint_about_settings_is_a_finding(typed: Typed, tmp_path: Path) -> None:
    config = tmp_path / "rushes.toml"
    config.write_text('log_level = "LOUD"\n[server]\nport = 99999\n')
    run = typed("doctor", "--json", RUSHES_CONFIG=str(config))
    assert run.exit_code == 1
    told = [one["told"] for one in json.loads(run.stdout)["findings"] if one["name"] == "settings"]
    assert len(told) == 2
    assert any("log_level" in line for line in told)


@pytest.mark.advisory("GO-2026-4813")
def test_a_credential_is_tried_and_never_shown(typed: Typed, tmp_path: Path) -> None:
    config = tmp_path / "rushes.toml"
    config.write_text(CONFIG.format(reference="env:DOCTORS_KEY", card="sora-2"))
    port = str(free_port())
    missing = typed("doctor", "--port", port, RUSHES_CONFIG=str(config))
    assert missing.exit_code == 1
    assert "env:DOCTORS_KEY is not set" in missing.stdout
    there = typed("doctor", "--port", port, RUSHES_CONFIG=str(config), DOCTORS_KEY="sk-open-sesame")
    assert there.exit_code == 0, there.output
    assert "credential env:DOCTORS_KEY is there" in there.stdout
    assert "open-sesame" not in there.output


@pytest.mark.advisory("GO-2026-4813")
def test_a_credentials_command_is_not_shown(typed: Typed, tmp_path: Path) -> None:
    config = tmp_path / "rushes.toml"
    config.write_text(CONFIG.format(reference="command:echo sk-open-sesame", card="sora-2"))
    run = typed("doctor", "--port", str(free_port()), RUSHES_CONFIG=str(config))
    assert run.exit_code == 0, run.output
    assert "command:…" in run.stdout
    assert "open-sesame" not in run.output


def test_a_card_that_does_not_exist_is_found(typed: Typed, tmp_path: Path) -> None:
    config = tmp_path / "rushes.toml"
    config.write_text(CONFIG.format(reference="command:echo sk-1", card="nothing"))
    run = typed("doctor", "--port", str(free_port()), RUSHES_CONFIG=str(config))
    assert run.exit_code == 1
    assert "there is no card nothing" in run.stdout


def test_a_taken_port_is_found_unless_our_server_has_it(made: Settings) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        taken = made.model_copy(update={"server": made.server.model_copy(update={"port": port})})
        assert checks.port(taken).state is State.FAIL
        with lock_folder(made.data_dir):
            assert checks.port(taken).state is State.OK
            assert f"process {os.getpid()}" in checks.holder(made.data_dir).told
    assert checks.port(taken).state is State.OK


def test_a_folder_that_others_can_enter_is_a_warning(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    finding = checks.folder(tmp_path)
    assert finding.state is State.WARN
    assert "chmod 700" in finding.remedy
    tmp_path.chmod(0o700)
    assert checks.folder(tmp_path).state is State.OK


def test_a_file_in_the_place_of_the_folder_is_found(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("")
    assert checks.folder(file).state is State.FAIL
    assert checks.folder(tmp_path / "deep" / "data").state is State.OK


def test_a_disk_that_fills_is_a_warning_then_a_failure(tmp_path: Path) -> None:
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    assert checks.disk(tmp_path / "blobs", free // 100).state is State.OK
    assert checks.disk(tmp_path / "blobs", free // 2).state is State.WARN
    assert checks.disk(tmp_path / "blobs", free * 2).state is State.FAIL


def test_a_clock_that_runs_behind_its_files_is_found(tmp_path: Path) -> None:
    file = tmp_path / "rushes.db"
    file.write_text("")
    now = datetime.now(tz=UTC)
    assert checks.clock(now, [file]).state is State.OK
    assert checks.clock(now - timedelta(hours=2), [file]).state is State.FAIL


def test_a_database_that_cannot_be_read_is_found(tmp_path: Path) -> None:
    path = tmp_path / "rushes.db"
    path.write_bytes(b"a letter and no database " * 99)
    assert checks.schema(path).state is State.FAIL


def test_an_old_python_is_found() -> None:
    assert checks.python((3, 10, 9)).state is State.FAIL
    assert checks.python((3, 11, 0)).state is State.OK


def test_a_data_folder_that_is_a_file_is_a_finding_and_not_the_end(
    typed: Typed, tmp_path: Path
) -> None:
    (tmp_path / "data").touch()
    with socket.socket() as other:  # so that the port asks for the folder's holder, too
        other.bind(("127.0.0.1", 0))
        other.listen()
        run = typed("doctor", "--json", "--port", str(other.getsockname()[1]))
    assert run.exit_code == 1, run.output
    by_name = {finding["name"]: finding for finding in json.loads(run.stdout)["findings"]}
    assert by_name["data folder"]["told"].endswith("is no folder")
    assert by_name["port"]["state"] == "fail"


def test_few_open_files_are_a_warning() -> None:
    assert checks.open_files(1024).state is State.WARN
    assert checks.open_files(-1).state is State.OK


def test_a_missing_or_broken_font_is_found(tmp_path: Path) -> None:
    assert checks.fonts(tmp_path).state is State.FAIL
    (tmp_path / "broken.otf").write_bytes(b"no font")
    assert checks.fonts(tmp_path).state is State.FAIL
    shipped = Path(rushes.__file__).parent / "studio" / "fonts"
    assert checks.fonts(shipped).state is State.OK


def test_links_that_lead_nowhere_are_a_warning(settings: Settings) -> None:
    def at(host: str, public: str | None = None) -> Settings:
        server = settings.server.model_copy(update={"host": host, "public_url": public})
        return settings.model_copy(update={"server": server})

    assert checks.address(at("127.0.0.1")).state is State.OK
    assert checks.address(at("0.0.0.0")).state is State.WARN
    assert checks.address(at("0.0.0.0", "https://films.test")).state is State.OK


def test_every_finding_that_is_not_fine_says_what_to_do(tmp_path: Path) -> None:
    broken = [checks.python((3, 10)), checks.open_files(9), checks.fonts(tmp_path)]
    assert all(finding.remedy for finding in broken)
    assert summary(broken).plain == "2 broken, 1 to look at."
    assert summary(broken[1:2]).plain == "It works; 1 to look at."
    assert summary([checks.python((3, 12))]).plain == "All is well."


@pytest.mark.parametrize("scheme", ["gs", "az"])
def test_storage_that_nobody_tried_is_told_so_before_it_is_asked(
    scheme: str, tmp_path: Path
) -> None:
    settings = load(data_dir=tmp_path, storage={"url": f"{scheme}://films/rushes"})
    disk, kind = islice(checks.of_storage(settings), 2)
    assert (disk.name, kind.name) == ("disk", "storage kind")
    assert kind.state is State.WARN
    assert kind.told == f"{scheme}:// is accepted, but was never tried against the real one"


def test_a_container_of_an_account_that_nobody_named_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    settings = load(data_dir=tmp_path, storage={"url": "az://films/rushes"})
    *_, found = checks.of_storage(settings)
    assert (found.name, found.state) == ("storage", State.FAIL)
    assert "az://films/rushes cannot be used as a bucket" in found.told


def test_a_bucket_whose_credentials_are_not_there_is_broken(tmp_path: Path) -> None:
    storage = {
        "url": "s3://films",
        "access_key_id": "env:NOT_SET",
        "secret_access_key": "env:NOT_SET",
    }
    findings = list(checks.of_storage(load(data_dir=tmp_path, storage=storage)))
    assert [finding.name for finding in findings] == ["disk", "storage"]
    assert findings[-1].state is State.FAIL
    assert "env:NOT_SET is not set" in findings[-1].told


def test_films_on_the_disk_of_one_of_many_machines_are_doubtful(tmp_path: Path) -> None:
    settings = load(
        data_dir=tmp_path,
        database={"url": "postgresql://rushes@db/rushes"},
        links={"secrets": ["env:LINK_SECRET"]},
    )
    found = [finding for finding in checks.of_storage(settings) if finding.name == "storage"]
    assert [finding.state for finding in found] == [State.WARN]


def on_postgres(url: str, tmp_path: Path) -> dict[str, checks.Finding]:
    found = checks.of_postgres(load(data_dir=tmp_path, database={"url": url}))
    return {finding.name: finding for finding in found}


def test_a_postgresql_is_asked_and_no_file_is_looked_for(postgres: Server, tmp_path: Path) -> None:
    url = postgres.make_database()
    empty = on_postgres(url, tmp_path)
    assert "`rushes migrate`" in empty["schema"].told
    settings = load(data_dir=tmp_path, database={"url": url})
    migrate_folder(settings, SystemClock())
    with closing(open_store(settings)) as store:
        store.write_now(lambda tx: tx.beat("somebody"))
        found = on_postgres(url, tmp_path)
    assert {finding.state for finding in found.values()} == {State.OK}
    assert found["workers"].told == "1 process carries tasks now"
    names = {finding.name for finding in checks.of_folder(settings, datetime.now(tz=UTC))}
    assert not {"SQLite", "server"} & names
    postgres.drop_database(url)


def test_a_postgresql_that_is_not_there_is_one_complaint_in_one_line(tmp_path: Path) -> None:
    found = on_postgres("postgresql://rushes:open-sesame@127.0.0.1:1/rushes", tmp_path)
    (finding,) = found.values()
    assert finding.state is State.FAIL
    assert "\n" not in finding.told
    assert "open-sesame" not in finding.told
