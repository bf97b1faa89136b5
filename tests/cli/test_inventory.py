"""`rushes doctor --films`: what the books say we hold, compared with what is there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from living import Typed, at_keyboard, environment_of
from rushes.cli import inventory
from rushes.cli.inventory import YOUNG, Fault, Inventory, Trouble
from rushes.clock import SystemClock
from rushes.domain.task import Status, Task
from rushes.folder import open_books
from rushes.ports import FILE_NAMES, Artifact, ArtifactKind, Filed, Transaction
from rushes.settings import Settings, load
from rushes.store.sqlite import SqliteStore
from rushes.testing.builders import NOON, an_artifact, put_task

CONTENT = b"a film"
OLD = timedelta(hours=2)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(data_dir=tmp_path / "data")


@pytest.fixture
def store(settings: Settings) -> Iterator[SqliteStore]:
    with closing(open_books(settings, SystemClock(), may_make=True)) as store:
        yield store


@pytest.fixture
def doctor(settings: Settings) -> Typed:
    return at_keyboard(environment_of(settings.data_dir))


def lay(settings: Settings, name: str, content: bytes = CONTENT, *, is_old: bool = False) -> None:
    path = settings.blobs_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if is_old:
        before = (SystemClock().now() - OLD).timestamp()
        os.utime(path, (before, before))


def made(
    store: SqliteStore,
    settings: Settings,
    number: int,
    kind: ArtifactKind = ArtifactKind.FILM,
) -> Artifact:
    """A film on record, or a still, and its bytes."""

    def act(tx: Transaction) -> Artifact:
        task = put_task(tx, Status.STORING)
        blob = f"films/{task.id}/1-{number:04x}/{FILE_NAMES[kind][0]}"
        artifact = an_artifact(task, blob=blob, kind=kind)
        tx.add_artifacts(artifact)
        measured = replace(artifact, size_bytes=len(CONTENT), sha256=sha256(CONTENT).hexdigest())
        tx.keep_artifacts(measured)
        return measured

    artifact = store.write_now(act)
    lay(settings, artifact.blob)
    return artifact


def given(store: SqliteStore, settings: Settings) -> Filed:
    """An input that an unfinished task needs, and its bytes."""
    filed = Filed(sha256(CONTENT).hexdigest(), len(CONTENT), "image/png", NOON)

    def act(tx: Transaction) -> Task:
        task = put_task(tx, Status.QUEUED)
        tx.file_input(filed)
        tx.refer_input(task.id, filed.blob)
        return task

    store.write_now(act)
    lay(settings, f"inputs/{filed.blob}")
    return filed


def test_films_that_are_all_there_are_well(
    store: SqliteStore, settings: Settings, doctor: Typed
) -> None:
    made(store, settings, 1)
    given(store, settings)
    run = doctor("doctor", "--films", "--deep")
    assert run.exit_code == 0, run.output
    assert "2 blobs (12 B) are read and compared." in run.stdout
    assert "All is there." in run.stdout


def test_every_loss_is_told_with_its_task(
    store: SqliteStore, settings: Settings, doctor: Typed
) -> None:
    gone, short, sound = (made(store, settings, number) for number in range(3))
    wanted = given(store, settings)
    (settings.blobs_path / gone.blob).unlink()
    lay(settings, short.blob, b"half")
    (settings.blobs_path / "inputs" / wanted.blob).unlink()
    run = doctor("doctor", "--films", "--json")
    assert run.exit_code == 1
    *faults, summary = map(json.loads, run.stdout.splitlines())
    assert [(one["trouble"], one["blob"], one["task_id"]) for one in faults] == [
        ("missing", gone.blob, gone.task_id),
        ("size", short.blob, short.task_id),
        ("missing", f"inputs/{wanted.blob}", None),
    ]
    assert (summary["is_whole"], summary["held"], summary["lost"], summary["lost_tasks"]) == (
        False, 1, 3, 2,
    )  # fmt: skip
    told = doctor("doctor", "--films").stdout
    assert "3 lost, of 2 tasks." in told
    assert sound.blob not in told


@pytest.mark.parametrize("kind", ArtifactKind)
def test_a_still_that_is_missing_is_told_by_its_kind(
    kind: ArtifactKind, store: SqliteStore, settings: Settings, doctor: Typed
) -> None:
    gone = made(store, settings, 1, kind)
    (settings.blobs_path / gone.blob).unlink()
    run = doctor("doctor", "--films", "--json")
    assert run.exit_code == 1
    fault, _ = map(json.loads, run.stdout.splitlines())
    assert (fault["trouble"], fault["kind"], fault["blob"]) == ("missing", kind, gone.blob)


def test_only_a_deep_look_sees_other_bytes_of_the_same_size(
    store: SqliteStore, settings: Settings, doctor: Typed
) -> None:
    film = made(store, settings, 1)
    lay(settings, film.blob, CONTENT[::-1])
    assert doctor("doctor", "--films").exit_code == 0
    run = doctor("doctor", "--films", "--deep")
    assert run.exit_code == 1
    assert "bytes     film" in run.stdout


def test_an_orphan_is_told_and_breaks_nothing(
    store: SqliteStore, settings: Settings, doctor: Typed
) -> None:
    """What is young may be a writer's, whose row comes after its bytes."""
    made(store, settings, 1)
    lay(settings, "films/video_gone/1-a/film.mp4", is_old=True)
    lay(settings, f"inputs/{'0' * 64}", is_old=True)
    lay(settings, f"inputs/{'1' * 64}")
    run = doctor("doctor", "--films", "--json")
    assert run.exit_code == 0
    *faults, summary = map(json.loads, run.stdout.splitlines())
    assert [one["blob"] for one in faults] == [
        "films/video_gone/1-a/film.mp4",
        f"inputs/{'0' * 64}",
    ]
    assert (summary["orphans"], summary["orphan_bytes"], summary["is_whole"]) == (2, 12, True)
    assert "2 orphans (12 B)" in doctor("doctor", "--films").stdout


def test_a_folder_of_films_that_is_not_there_is_not_made(
    store: SqliteStore, settings: Settings, doctor: Typed
) -> None:
    """It may only be unmounted; an empty one in its place would tell that all is lost."""
    shutil.rmtree(settings.blobs_path, ignore_errors=True)
    run = doctor("doctor", "--films")
    assert run.exit_code == 1
    assert "is it mounted" in run.stderr
    assert not settings.blobs_path.exists()


async def test_many_films_are_read_a_page_at_a_time(
    store: SqliteStore, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every page boundary is crossed, and nothing is told twice or left out."""
    films = [made(store, settings, number) for number in range(7)]
    for film in films[::2]:
        (settings.blobs_path / film.blob).unlink()
    for number in range(5):
        lay(settings, f"films/video_gone/1-{number}/film.mp4", is_old=True)
    for page in (1, 2, 7):
        monkeypatch.setattr(inventory, "PAGE", page)
        found = await faults_of(store, settings)
        assert [one.blob for one in found if one.trouble is Trouble.MISSING] == sorted(
            film.blob for film in films[::2]
        )
        assert sum(one.trouble is Trouble.ORPHAN for one in found) == 5


async def faults_of(store: SqliteStore, settings: Settings) -> list[Fault]:
    stock = Inventory(store, inventory.blobs_of(settings))
    return [fault async for fault in stock.faults(SystemClock().now())]


async def test_what_a_server_removes_meanwhile_is_not_lost(
    store: SqliteStore, settings: Settings
) -> None:
    film = made(store, settings, 1)
    blobs = inventory.blobs_of(settings)

    class Vanishing:
        """Blobs from which a film goes, row and all, as it is asked for."""

        def __getattr__(self, name: str) -> object:
            return getattr(blobs, name)

        async def stat(self, name: str) -> None:
            await store.write(lambda tx: tx.swept([name]))
            await blobs.delete(name)

    stock = Inventory(store, Vanishing())  # type: ignore[arg-type]
    assert [fault async for fault in stock.faults(SystemClock().now() + YOUNG)] == []
    assert (stock.held, stock.lost) == (0, 0)
    assert film.task_id
