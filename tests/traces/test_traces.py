"""Traces: one task, one trace, whoever carries it; and nothing where nobody wants one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.contextvars import get_contextvars

from rushes.bell import LocalBell
from rushes.domain.submit import Verdict
from rushes.domain.task import Status, Task
from rushes.domain.webhooks import Answered
from rushes.engine import collect, story
from rushes.engine.carry import carry
from rushes.engine.mailroom import Mailroom
from rushes.engine.world import Upstream
from rushes.http.door import Door
from rushes.http.routes import Table
from rushes.http.system import System
from rushes.ports import Work
from rushes.providers.base import NotThere, Outcome, Ready, Unreachable, Working
from rushes.providers.rest import Credential, Rest
from rushes.settings import TraceSettings, load, trace_misfits
from rushes.testing.builders import MODEL, NOON, put_task
from rushes.testing.fakes import ManualClock
from rushes.traces import (
    ROOT,
    Kind,
    Remote,
    Span,
    Traces,
    outgoing,
    read_traceparent,
    root_of,
    stage,
    telling,
    trace_id_of,
)
from wiring import wired
from working import Told, Workers

TASK = "video_0192f3c4a5b67c8d9e0f1a2b3c4d5e6f"
CALLERS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Kept:
    """A recorder that remembers, and keeps what `share` says."""

    is_wanted: bool = True
    spans: list[Span] = field(default_factory=list)

    def keeps(self, trace_id: int) -> bool:
        return self.is_wanted

    def record(self, span: Span) -> None:
        self.spans.append(span)

    def named(self, name: str) -> Span:
        (span,) = [span for span in self.spans if span.name == name]
        return span

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.spans]


def parent_of(kept: Kept, span: Span) -> str | None:
    """The name of the span above one; the root's, also before the root is there."""
    if span.parent_id is None:
        return None
    if span.parent_id == root_of(span.trace_id):
        return ROOT
    return next(other.name for other in kept.spans if other.span_id == span.parent_id)


def tree(kept: Kept) -> dict[str, str | None]:
    return {span.name: parent_of(kept, span) for span in kept.spans}


class Post:
    """Whoever is posted to takes everything."""

    def check(self, url: str, *, param: str) -> None:
        return None

    async def post(self, url: str, headers: Any, body: bytes) -> Answered:
        return Answered.of(204)


def drawn(kept: Kept, provider: Told | None = None) -> Workers:
    workers = Workers(provider=provider or Told())
    workers.world.traces = Traces(kept, workers.clock.now)
    return workers


def mailroom(workers: Workers) -> Mailroom:
    return Mailroom(
        workers.store,
        workers.clock,
        Post(),
        lambda *_: b"{}",
        jitter=lambda: 0.5,
        metrics=workers.world.metrics,
        traces=workers.world.traces,
    )


async def carried(workers: Workers, task: Task) -> None:
    """Carry a task from its queue to its film, by the steps of its workers."""
    await story.step(task.id, task.lease_epoch, workers.world)
    await story.step(task.id, task.lease_epoch, workers.world)
    await collect.step(task.id, task.lease_epoch, workers.world)


async def ready(ticket: object) -> Outcome:
    return Ready({"path": "/film"})


# -- one film ---------------------------------------------------------------------------------


async def test_a_film_is_one_trace_from_queue_to_webhook() -> None:
    kept = Kept()
    workers = drawn(kept, Told(on_check=ready))
    task = workers.put(callback_url="https://caller.example/hook")
    await carried(workers, task)
    assert workers.task(task).status is Status.SUCCEEDED
    room = mailroom(workers)
    await room.fan_out()
    for post in await room.take_due():
        await room.attempt(post)
    assert tree(kept) == {
        "queue": ROOT,
        "submit": ROOT,
        "check": ROOT,
        "render": ROOT,
        "collect": ROOT,
        "open": "collect",
        "settle": "collect",
        ROOT: None,
        "webhook": ROOT,
    }
    assert {span.trace_id for span in kept.spans} == {trace_id_of(task.id)}
    root = kept.named(ROOT)
    assert root.span_id == root_of(root.trace_id)
    assert (root.began_at, root.attributes["status"]) == (task.created_at, "succeeded")
    assert kept.named("submit").attributes == {
        "task_id": task.id,
        "provider": "gpu",
        "upstream_model": "wan2.5-t2v",
        "n": 1,
        "outcome": "answered",
    }
    assert kept.named("submit").kind is Kind.CLIENT
    assert kept.named("webhook").attributes["http_status"] == 204
    assert not [span.name for span in kept.spans if span.fault]


async def test_no_span_holds_a_prompt_an_address_or_a_secret() -> None:
    kept = Kept()
    workers = drawn(kept, Told(on_check=ready))
    task = workers.put(callback_url="https://caller.example/hook?token=sk-open-sesame")
    await carried(workers, task)
    room = mailroom(workers)
    await room.fan_out()
    for post in await room.take_due():
        await room.attempt(post)
    told = repr(kept.spans)
    assert task.spec.prompt not in told
    assert "caller.example" not in told
    assert "sesame" not in told
    assert workers.submit(task).token not in told


async def test_an_idle_look_leaves_no_span_and_one_that_learned_something_does() -> None:
    kept = Kept()
    troubles: list[Exception] = [Unreachable("no answer"), NotThere("there is no such job")]

    async def check(ticket: object) -> Outcome:
        if troubles:
            raise troubles.pop(0)
        return Working(40)

    workers = drawn(kept, Told(on_check=check))
    task = workers.put(Status.RUNNING)
    for _ in range(4):
        await story.step(task.id, task.lease_epoch, workers.world)
    assert kept.names == ["check", "check"]
    assert [span.fault for span in kept.spans] == ["Unreachable", "NotThere"]
    assert [s.attributes["outcome"] for s in kept.spans] == ["unreachable", "not_there"]


async def test_a_submit_without_an_answer_is_a_fault_of_its_span_and_is_counted() -> None:
    kept = Kept()

    async def refuse(*_: object) -> Any:
        raise TimeoutError

    workers = drawn(kept, Told(on_submit=refuse))
    before = calls(workers, "timeout")
    task = workers.put()
    await story.step(task.id, task.lease_epoch, workers.world)
    assert workers.submit(task).verdict is Verdict.DOUBT
    assert kept.named("submit").fault == "TimeoutError"
    assert calls(workers, "timeout") == before + 1


def calls(workers: Workers, outcome: str) -> float:
    told = {"provider": "gpu", "verb": "submit", "outcome": outcome}
    return workers.world.metrics.registry.get_sample_value("rushes_upstream_calls_total", told) or 0


async def test_a_try_that_fails_is_drawn_and_the_next_one_beside_it() -> None:
    kept = Kept()
    workers = drawn(kept)
    task = workers.put(Status.STORING)

    async def full(film: str) -> None:
        raise OSError("no space left on device")

    workers.darkroom.on_develop = full
    await collect.step(task.id, task.lease_epoch, workers.world)
    assert kept.named("collect").fault == "OSError"
    workers.darkroom.on_develop = fine
    await collect.step(task.id, task.lease_epoch, workers.world)
    assert [span.fault for span in kept.spans if span.name == "collect"] == ["OSError", None]


async def fine(film: str) -> None:
    return None


async def test_an_end_that_was_told_is_counted_with_its_time_and_reason() -> None:
    kept = Kept()
    workers = drawn(kept)
    workers.put(Status.FAILED)
    registry = workers.world.metrics.registry
    told = {"model": MODEL, "status": "failed"}
    before = registry.get_sample_value("rushes_task_seconds_count", told) or 0
    assert await mailroom(workers).fan_out() == 1
    assert await mailroom(workers).fan_out() == 0
    assert registry.get_sample_value("rushes_task_seconds_count", told) == before + 1
    assert kept.named(ROOT).fault == kept.named(ROOT).attributes["reason"]


async def test_whatever_a_step_writes_says_its_task_and_a_wait_says_nothing() -> None:
    said: list[dict[str, Any]] = []

    async def check(ticket: object) -> Outcome:
        said.append(get_contextvars())
        return await ready(ticket)

    workers = Workers(provider=Told(on_check=check))
    task = workers.store.write_now(put_task)
    await carry(task.id, Work.FILM, str(task.work_id), workers.world, LocalBell())
    assert said == [{"task_id": task.id}]
    assert get_contextvars() == {}


async def test_whatever_a_request_writes_says_its_id(tmp_path: Path) -> None:
    async with wired(tmp_path) as house:
        told: list[dict[str, Any]] = []

        async def reload() -> bool:
            told.append(get_contextvars())
            return True

        system = System({"database": reload}, house.gateway.metrics, True, nothing)
        door = Door(Table(system.routes()), house.keyring, house.rates, house.gateway.metrics)
        async with house.client(app=door) as client:
            answer = await client.get("/readyz")
    assert told == [{"request_id": answer.headers["x-request-id"]}]


async def nothing() -> None:
    return None


# -- the caller's own span ----------------------------------------------------------------------


async def test_a_callers_traceparent_is_linked_and_never_becomes_our_trace(tmp_path: Path) -> None:
    kept = Kept()
    async with wired(tmp_path) as house:
        house.gateway.traces = Traces(kept, house.clock.now)
        headers = {"traceparent": CALLERS}
        body = {"model": "sandbox", "prompt": "a paper boat"}
        async with house.client() as client:
            answer = await client.post("/v1/video/generations", json=body, headers=headers)
            again = await client.post("/v1/video/generations", json=body)
    assert answer.status_code == 200
    first, second = kept.spans
    assert first.name == "accept"
    assert first.trace_id == trace_id_of(answer.json()["task_id"])
    assert first.link == Remote(0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331)
    assert first.attributes["request_id"] == answer.headers["x-request-id"]
    assert second.link is None
    assert second.trace_id == trace_id_of(again.json()["task_id"])


async def test_a_repeat_of_a_create_is_no_second_accept(tmp_path: Path) -> None:
    kept = Kept()
    async with wired(tmp_path) as house:
        house.gateway.traces = Traces(kept, house.clock.now)
        body = {"model": "sandbox", "prompt": "a paper boat"}
        async with house.client() as client:
            for _ in range(2):
                await client.post(
                    "/v1/video/generations", json=body, headers={"Idempotency-Key": "k-1"}
                )
    assert kept.names == ["accept"]


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "x" * 9000,
    ],
)
def test_what_is_no_traceparent_is_no_link(text: str | None) -> None:
    assert read_traceparent(text) is None


# -- where nobody wants them, and what is told outside --------------------------------------------


def test_without_a_recorder_or_for_another_share_nothing_is_recorded() -> None:
    clock = ManualClock(NOON)
    unwanted = Kept(is_wanted=False)
    for traces in (Traces(), Traces(unwanted, clock.now)):
        with traces.span(TASK, "submit", provider="gpu") as span:
            span.note(outcome="answered")
            with stage("fetch"):
                assert outgoing() is None
        traces.record(TASK, "queue", NOON, NOON)
    kept = Kept()
    Traces(kept).record("task-123", "queue", NOON, NOON)
    assert not unwanted.spans
    assert not kept.spans


def test_time_in_a_trace_never_runs_backwards() -> None:
    kept, clock = Kept(), ManualClock(NOON)
    traces = Traces(kept, clock.now)
    with traces.span(TASK, "collect"):
        clock.set(NOON - timedelta(hours=1))
    traces.record(TASK, "queue", NOON, NOON - timedelta(seconds=1))
    assert [span.ended_at for span in kept.spans] == [NOON, NOON]


def test_another_tasks_span_is_not_below_ours() -> None:
    kept = Kept()
    traces = Traces(kept)
    other = TASK[:-1] + "0"
    with traces.span(TASK, "collect"), traces.span(other, "submit"):
        pass
    assert parent_of(kept, kept.named("submit")) == ROOT


def test_only_a_provider_that_may_be_told_hears_of_the_span_and_only_at_its_own_address() -> None:
    traces, kept = Traces(Kept()), Rest("https://gpu.example/v1", Credential("env:KEY", "sk-1"))
    own, elsewhere = kept._url("/videos"), kept._url("/videos").copy_with(host="cdn.example")
    with traces.span(TASK, "submit", Kind.CLIENT) as span:
        assert "traceparent" not in kept._headers(own)
        with telling(tells=True):
            assert kept._headers(own)["traceparent"] == span.traceparent
            assert "traceparent" not in kept._headers(elsewhere)
            assert "traceparent" not in kept._headers(own, is_signed=True)
    assert span.traceparent == f"00-{TASK.removeprefix('video_')}-{span.span_id:016x}-01"


async def test_a_providers_setting_decides_whether_it_is_told() -> None:
    told: list[str | None] = []

    async def accept(*_: object) -> dict[str, str]:
        told.append(outgoing())
        return {"job": "1"}

    for tells in (False, True):
        workers = drawn(Kept(), Told(on_submit=accept))
        upstream = Upstream(workers.provider, "env:GPU_KEY", tells_trace=tells)
        workers.world.upstreams = {"gpu": upstream}
        task = workers.put()
        await story.step(task.id, task.lease_epoch, workers.world)
    assert told[0] is None
    assert told[1] is not None
    assert told[1].startswith("00-")


# -- settings ---------------------------------------------------------------------------------


def test_traces_are_off_unless_an_operator_says_so(tmp_path: Path) -> None:
    assert not load(data_dir=tmp_path).traces.is_on
    assert load(data_dir=tmp_path, traces={"endpoint": "http://127.0.0.1:4318"}).traces.is_on
    assert load(data_dir=tmp_path, traces={"enabled": True}).traces.is_on


def test_a_missing_extra_is_a_complaint_that_says_how_to_get_it() -> None:
    on = TraceSettings(enabled=True)
    (complaint,) = trace_misfits(on, is_installed=lambda _: False)
    assert "pip install 'rushes[otel]'" in complaint
    assert not trace_misfits(TraceSettings(), is_installed=lambda _: False)


@pytest.mark.parametrize(
    "endpoint",
    ["collector:4318", "http://collector:4318/v1/traces", "http://me:secret@collector:4318"],
)
def test_an_endpoint_that_is_no_plain_address_is_a_complaint(endpoint: str) -> None:
    (complaint,) = trace_misfits(TraceSettings(endpoint=endpoint), is_installed=lambda _: True)
    assert complaint.startswith("traces.endpoint: ")
    assert "secret" not in complaint


def test_a_share_without_traces_is_a_complaint() -> None:
    (complaint,) = trace_misfits(TraceSettings(sample_ratio=0.1), is_installed=lambda _: True)
    assert complaint.startswith("traces.sample_ratio: ")
