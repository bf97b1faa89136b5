"""`rushes doctor` reads the books: what waits for an operator is found, and says what to do."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from living import Typed
from rushes.cli import outlook, pending
from rushes.cli.checks import Finding, State
from rushes.clock import SystemClock
from rushes.domain.access import Period, Purse
from rushes.domain.health import Health, RouteState
from rushes.domain.ids import new_task_id
from rushes.domain.submit import Verdict
from rushes.domain.task import Status
from rushes.domain.webhooks import Endpoint
from rushes.folder import lock_folder, open_books
from rushes.ports import Transaction
from rushes.providers.registry import unverified_of
from rushes.settings import Settings, load
from rushes.testing.builders import NOON, put_task
from rushes.testing.memory_store import MemoryStore

MINUTE = timedelta(minutes=1)


def found(
    act: Callable[[Transaction], object] = lambda _: None,
    *,
    providers: Mapping[str, str] | None = None,
    workers: int | None = None,
    after: timedelta = MINUTE,
) -> dict[str, Finding]:
    """What is found in books that `act` wrote."""
    store = MemoryStore()
    store.write_now(act)
    findings = store.read_now(
        lambda tx: pending.read(tx, providers or {}, workers, at=NOON + after)
    )
    for finding in findings:
        assert finding.state is State.OK or finding.remedy, finding
    return {finding.name: finding for finding in findings}


def warned(findings: dict[str, Finding]) -> set[str]:
    return {name for name, finding in findings.items() if finding.state is not State.OK}


def test_books_where_nothing_waits_are_well() -> None:
    assert warned(found()) == set()


def test_a_task_in_doubt_is_found() -> None:
    findings = found(lambda tx: put_task(tx, Status.IN_DOUBT))
    assert warned(findings) == {"doubts"}
    assert "1 task got no answer" in findings["doubts"].told
    assert "rushes doubt list" in findings["doubts"].remedy


def test_films_without_a_caller_are_counted() -> None:
    assert pending.salvage([]).state is State.OK
    finding = pending.salvage([Verdict.LATE, Verdict.GONE, Verdict.DOUBT])
    assert finding.state is State.WARN
    assert "3 submits" in finding.told
    assert "1 of which" in finding.told
    assert "1000 or more" in pending.salvage([Verdict.GONE] * 1000).told


@pytest.mark.parametrize("state", RouteState)
def test_a_route_that_does_not_work_is_found_with_its_reason(state: RouteState) -> None:
    health = Health("gpu", "wan", NOON, state=state, fault_count=3, note="no funds")
    findings = list(pending.routes([health]))
    if state is RouteState.CLOSED:
        assert not findings
        return
    (finding,) = findings
    assert (finding.name, finding.state) == ("route gpu/wan", State.WARN)
    assert "no funds" in finding.told
    assert ("reroute" in finding.remedy) is (state is RouteState.RETIRED)


def test_tasks_that_nobody_carries_are_found() -> None:
    findings = found(put_task, workers=0)
    assert "no process carries tasks" in findings["queues"].told
    assert "rushes worker" in findings["queues"].remedy


def test_a_task_that_waits_for_long_is_found() -> None:
    def put(tx: Transaction) -> None:
        put_task(tx, id=new_task_id(NOON), queue="gpu")

    assert warned(found(put)) == set()
    assert warned(found(put, after=60 * MINUTE)) == {"queue gpu"}


def test_budgets_that_end_are_named() -> None:
    spent = Purse("key_1", Period.DAY, 10, 10)
    near = [Purse(f"acct_{n}", Period.MONTH, 100, 81) for n in range(5)]
    findings = list(pending.budgets([spent, *near, Purse("key_2", Period.DAY, 100, 79)]))
    assert ["key_1 (day)" in findings[0].told, "and 2 more" in findings[1].told] == [True, True]
    (finding,) = pending.budgets([Purse("key_2", Period.DAY, 100, 80)])
    assert finding.state is State.OK
    assert not list(pending.budgets([]))


def test_an_address_that_was_disabled_is_found() -> None:
    heard = Endpoint("ep_1", "acct_1", "https://a.example/?token=sesame", NOON)
    assert [one.state for one in pending.endpoints([heard])] == [State.OK]
    (finding,) = pending.endpoints([heard, replace(heard, id="ep_2", disabled_at=NOON)])
    assert finding.state is State.WARN
    assert "ep_2 of acct_1" in finding.told
    assert "sesame" not in finding.told


def test_a_provider_that_never_made_a_film_here_is_not_verified() -> None:
    findings = found(providers={"gpu": "openai_videos", "paid": "gemini", "own": "my_house.kind"})
    assert warned(findings) == {"verified gpu", "verified paid", "verified own"}
    count = len(unverified_of("gemini"))
    assert count > 4
    assert f"{count} facts of its protocol nobody read" in findings["verified paid"].told
    assert "rushes verify-provider paid" in str(findings["verified paid"].remedy)
    assert "nobody read" not in findings["verified gpu"].told


def test_the_doctor_reads_books_and_leaves_them_as_they_were(typed: Typed, tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path / "data")
    open_books(settings, SystemClock(), may_make=True).close()
    before = sorted(path.name for path in settings.data_dir.iterdir())
    told = json.loads(typed("doctor", "--port", str(free_port()), "--json").stdout)
    names = {finding["name"]: finding["state"] for finding in told["findings"]}
    assert {"doubts", "salvage", "queues", "traces"} <= set(names)
    assert told["is_healthy"]
    assert sorted(path.name for path in settings.data_dir.iterdir()) == before


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# -- what comes, and what others see ------------------------------------------------------------

MODEL = """
[[providers]]
name = "gpu"
kind = "openai_videos"
base_url = "http://127.0.0.1:9/v1"

[[models]]
id = "sora-2"
card = "sora-2"
[[models.routes]]
provider = "gpu"
model = "wan"
"""


@pytest.fixture
def routed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Settings]:
    """Settings with one model, whose provider is asked for what a test says."""

    def asking_for(model: str) -> Settings:
        file = tmp_path / "rushes.toml"
        file.write_text(MODEL.replace("wan", model))
        monkeypatch.setenv("RUSHES_CONFIG", str(file))
        return load(data_dir=tmp_path / "data")

    return asking_for


def test_a_model_that_retires_within_a_month_is_found(routed: Callable[[str], Settings]) -> None:
    """Sora's card says 2026-09-24."""
    own = routed("sora-2")
    assert not list(outlook.retiring(own, date(2026, 8, 1)))
    (soon,) = outlook.retiring(own, date(2026, 9, 1))
    assert (soon.name, soon.state) == ("model sora-2", State.WARN)
    assert "retires on 2026-09-24" in soon.told
    (gone,) = outlook.retiring(own, date(2026, 9, 25))
    assert "is retired since" in gone.told
    assert gone.remedy


def test_a_retired_name_in_front_of_another_model_is_well(
    routed: Callable[[str], Settings],
) -> None:
    assert not list(outlook.retiring(routed("wan"), date(2026, 9, 25)))


def at(folder: Path, url: str | None = None, **given: Any) -> Settings:
    return load(data_dir=folder, server={"public_url": url, "port": 0}, **given)


@pytest.mark.parametrize(
    ("url", "state"),
    [
        ("https://films.example.org", State.OK),
        ("http://films.example.org", State.WARN),
        ("http://127.0.0.1:8080", State.OK),
        ("http://10.0.0.7", State.OK),
        ("http://203.0.113.7", State.OK),
    ],
)
def test_an_address_that_is_not_encrypted_is_found(url: str, state: State, tmp_path: Path) -> None:
    (finding,) = outlook.encryption(at(tmp_path, url))
    assert finding.state is state
    assert not list(outlook.encryption(at(tmp_path)))


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """Somebody who answers everything so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_an_address_that_leads_elsewhere_is_found_while_a_server_runs(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with answering(b'{"status":"ok"}') as ours, answering(b"<html>a shop") as theirs:
        assert not list(outlook.public(at(tmp_path, theirs)))
        with lock_folder(tmp_path):
            assert [one.state for one in outlook.public(at(tmp_path, ours))] == [State.OK]
            (elsewhere,) = outlook.public(at(tmp_path, theirs))
            assert "not as we do" in elsewhere.told
            (nowhere,) = outlook.public(at(tmp_path, f"http://127.0.0.1:{free_port()}"))
            assert "cannot be reached" in nowhere.told
            assert nowhere.remedy


def test_a_collector_that_is_not_there_is_found_and_its_password_is_not_told(
    tmp_path: Path,
) -> None:
    (off,) = outlook.traces(at(tmp_path), {})
    assert off.told == "off"
    with answering(b"") as collector:
        (there,) = outlook.traces(at(tmp_path, traces={"endpoint": collector}), {})
        assert there.state is State.OK
    away = f"http://me:sesame@127.0.0.1:{free_port()}"
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": away}
    (finding,) = outlook.traces(at(tmp_path, traces={"enabled": True}), told)
    assert finding.state is State.WARN
    assert "nobody listens" in finding.told
    assert "sesame" not in finding.told


def test_clocks_that_are_apart_are_found() -> None:
    assert outlook.clocks(timedelta(seconds=2)).state is State.OK
    assert outlook.clocks(timedelta(seconds=-90)).state is State.WARN
    assert "-90 s" in outlook.clocks(timedelta(seconds=-90)).told
