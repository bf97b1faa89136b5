"""Admission: what is refused ends before any submit, and whose fault it is when nobody judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from rushes.domain.access import EntryKind
from rushes.domain.errors import Reason
from rushes.domain.spec import Asset, Role
from rushes.domain.task import Status, Task
from rushes.engine import story
from rushes.engine.moderation import Admitted, Moderation
from rushes.engine.world import OVER, Again
from rushes.moderation.blocklist import BlockList, Listed
from rushes.ports import Objection, Passage, Picture, Unjudged
from rushes.testing.builders import a_spec
from working import Workers

OUTAGE = Unjudged("HTTP 503")


@dataclass
class Judging:
    """A service that says what a test wants, and remembers what it was shown."""

    verdicts: list[Objection | Exception | None] = field(default_factory=list)
    shown: list[tuple[list[str], list[str]]] = field(default_factory=list)

    async def judge(
        self, passages: Sequence[Passage], pictures: Sequence[Picture]
    ) -> Objection | None:
        self.shown.append(
            ([passage.text for passage in passages], [picture.name for picture in pictures])
        )
        verdict = self.verdicts.pop(0) if self.verdicts else None
        if isinstance(verdict, Exception):
            raise verdict
        for picture in pictures:
            assert picture.path.read_bytes()
        return verdict

    async def close(self) -> None:
        return None


@dataclass
class Files:
    """Inputs in a folder; `Assets`."""

    folder: Path

    async def path_of(self, blob: str) -> Path:
        path = self.folder / blob
        if not path.exists():
            raise FileNotFoundError(blob)
        return path


def block_list(*phrases: str) -> BlockList:
    made = BlockList()
    for number, phrase in enumerate(phrases, 1):
        made.add(phrase, Listed("words.txt", number))
    return made


async def stepped(workers: Workers, task: Task) -> object:
    return await story.step(task.id, workers.task(task).lease_epoch, workers.world)


def notes(workers: Workers, task: Task) -> list[str]:
    return [fault.note for fault in workers.store.read_now(lambda tx: tx.faults(task.id))]


def submit_count(workers: Workers, task: Task) -> int:
    return len(workers.store.read_now(lambda tx: tx.submits(task.id)))


@pytest.mark.promise("P5")
async def test_a_refused_prompt_is_a_failed_task_that_cost_nothing_and_was_never_sent() -> None:
    workers = Workers()
    workers.world.moderation = Moderation(block_list("red fox*"))
    task = workers.put()
    assert await stepped(workers, task) == OVER
    ended = workers.task(task)
    assert ended.status is Status.FAILED
    assert ended.failure is not None
    assert ended.failure.reason is Reason.CONTENT_REFUSED
    assert ended.failure.message == "The prompt was refused: content policy."
    assert ended.charged_microusd == 0
    assert submit_count(workers, task) == 0
    entries = workers.store.read_now(lambda tx: tx.entries(task.id))
    amounts = {entry.kind: entry.amount_microusd for entry in entries}
    assert amounts[EntryKind.RELEASE] == amounts[EntryKind.HOLD] == task.hold_microusd
    assert notes(workers, task) == ["moderation: block list words.txt, line 1"]
    assert workers.world.judgements.refused == 1


@pytest.mark.promise("P5")
async def test_what_the_service_flags_is_refused_and_told_to_the_operator_by_category() -> None:
    service = Judging([Objection.to("The prompt", "violence")])
    workers = Workers()
    workers.world.moderation = Moderation(service=service)
    task = workers.put()
    assert await stepped(workers, task) == OVER
    failure = workers.task(task).failure
    assert failure is not None
    assert failure.message == "The prompt was refused: content policy."
    assert notes(workers, task) == ["moderation: violence"]
    assert submit_count(workers, task) == 0


@pytest.mark.promise("P3")
async def test_while_the_service_is_away_a_task_waits_and_says_so_and_no_caller_pays_for_it() -> (
    None
):
    service = Judging([Unjudged("HTTP 429", retry_after_s=7.0), *([OUTAGE] * 9)])
    workers = Workers()
    workers.world.moderation = Moderation(service=service)
    task = workers.put()
    assert await stepped(workers, task) == Again(7.0)
    for _ in range(9):
        assert isinstance(await stepped(workers, task), Again)
    assert workers.task(task).status is Status.QUEUED
    assert notes(workers, task)[-1] == "moderation: HTTP 503; the task waits to be judged"
    assert workers.world.judgements.waited == 10
    await stepped(workers, task)
    assert workers.task(task).status is Status.RUNNING
    assert workers.world.judgements.passed == 1


@pytest.mark.promise("P3")
async def test_a_task_that_nobody_could_judge_in_time_expires_and_is_never_started() -> None:
    workers = Workers()
    workers.world.moderation = Moderation(service=Judging([OUTAGE] * 99))
    task = workers.put()
    await stepped(workers, task)
    workers.clock.advance(24 * 3600)
    await stepped(workers, task)
    assert workers.task(task).status is Status.EXPIRED
    assert submit_count(workers, task) == 0


async def test_an_operator_may_rather_go_on_unjudged_and_it_is_counted() -> None:
    workers = Workers()
    workers.world.moderation = Moderation(service=Judging([OUTAGE]), is_open=True)
    task = workers.put()
    await stepped(workers, task)
    assert workers.task(task).status is Status.RUNNING
    assert notes(workers, task) == ["moderation: HTTP 503; the task went on unjudged"]
    assert asdict(workers.world.judgements) == {
        "passed": 0, "refused": 0, "waited": 0, "failed_open": 1,
    }  # fmt: skip


async def test_nobody_is_asked_twice_about_a_task_unless_others_judge_now() -> None:
    service = Judging()
    workers = Workers()
    workers.world.moderation = Moderation(service=service)
    workers.world.life = lambda: None  # it may not submit now, and comes again
    task = workers.put()
    for _ in range(3):
        assert isinstance(await stepped(workers, task), Again)
    assert len(service.shown) == 1
    workers.world.moderation = Moderation(block_list("another"), service)
    await stepped(workers, task)
    assert len(service.shown) == 2
    workers.world.moderation = Moderation(block_list("red fox"), service)
    assert await stepped(workers, task) == OVER


async def test_after_a_crash_a_waiting_task_is_judged_again_and_submitted_once() -> None:
    service = Judging()
    workers = Workers()
    workers.world.moderation = Moderation(service=service)
    life = workers.world.life
    workers.world.life = lambda: None
    task = workers.put()
    await stepped(workers, task)
    workers.world.admitted = Admitted()
    workers.world.life = life
    taken = workers.take(workers.task(task))
    await stepped(workers, taken)
    assert len(service.shown) == 2
    assert submit_count(workers, task) == 1
    assert workers.task(task).status is Status.RUNNING


async def test_a_rehearsal_is_judged_by_the_list_and_by_the_service_only_where_that_is_wanted() -> (
    None
):
    service = Judging()
    workers = Workers()
    workers.world.moderation = Moderation(block_list("bear"), service)
    await stepped(workers, workers.put(is_rehearsal=True))
    assert service.shown == []
    bear = workers.put(is_rehearsal=True, spec=a_spec(prompt="a bear"))
    assert await stepped(workers, bear) == OVER
    workers.world.moderation = Moderation(service=service, judges_rehearsals=True)
    await stepped(workers, workers.put(is_rehearsal=True))
    assert len(service.shown) == 1


READS = [
    ({"prompt"}, ["a fox"]),
    ({"prompt", "negative_prompt"}, ["a fox", "a bear"]),
    ({"passthrough"}, ["grainy\nold\nslow"]),
    (set[str](), []),
]


@pytest.mark.parametrize(("reads", "texts"), READS)
async def test_what_is_read_is_the_operators_choice(reads: set[str], texts: list[str]) -> None:
    service = Judging()
    workers = Workers()
    workers.world.moderation = Moderation(service=service, reads=frozenset(reads))
    spec = a_spec(
        prompt="a fox",
        negative_prompt="a bear",
        passthrough={"parameters.style": {"look": ["grainy", {"age": "old"}], "strength": 3}},
        options={"mode": "slow", "fps": 24},
    )
    await stepped(workers, workers.put(spec=spec))
    assert service.shown == [(texts, [])]


async def test_pictures_are_shown_once_they_are_here_and_one_that_is_gone_is_left_out(
    tmp_path: Path,
) -> None:
    service = Judging()
    workers = Workers()
    workers.world.assets = cast("Any", Files(tmp_path))
    (tmp_path / ("a" * 64)).write_bytes(b"fox")
    workers.world.moderation = Moderation(service=service, reads=frozenset({"prompt", "images"}))
    assets = (
        Asset(Role.FIRST_FRAME, "image", blob="a" * 64, content_type="image/png", size_bytes=3),
        Asset(Role.LAST_FRAME, "last_frame", blob="b" * 64, size_bytes=3),
        Asset(Role.DRIVING_AUDIO, "audio_url", blob="a" * 64, size_bytes=3),
    )
    await stepped(workers, workers.put(spec=a_spec(prompt="a fox", assets=assets)))
    assert service.shown == [(["a fox"], ["The image in 'image'"])]


async def test_a_worker_that_lost_its_task_refuses_nothing() -> None:
    workers = Workers()
    workers.world.moderation = Moderation(block_list("red fox"))
    task = workers.put()
    workers.take(task)
    with pytest.raises(Exception, match="epoch"):
        await story.step(task.id, task.lease_epoch, workers.world)
    assert workers.task(task).status is Status.QUEUED
