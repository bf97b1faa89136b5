"""Spans on their way to a collector: the right ids, a share of tasks, and nobody ever waits."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from datetime import timedelta

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from structlog.testing import capture_logs

from rushes.domain.ids import new_task_id
from rushes.observe import Metrics, redact
from rushes.settings import TraceSettings
from rushes.telemetry import Telemetry, secrets_of, telemetry_of
from rushes.testing.builders import NOON
from rushes.testing.fakes import ManualClock
from rushes.traces import ROOT, Kind, Remote, Traces, root_of, stage, trace_id_of

TASK = "video_0192f3c4a5b67c8d9e0f1a2b3c4d5e6f"
HANGS_S = 30.0
"""For how long a collector hangs whom nobody lets go."""


class Collector(SpanExporter):
    """A collector that is away for a while, or hangs until it is let go."""

    def __init__(self) -> None:
        self.is_away = False
        self.got = 0
        self.go_on = threading.Event()
        self.go_on.set()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.go_on.wait(HANGS_S)
        self.got += len(spans)
        return SpanExportResult.FAILURE if self.is_away else SpanExportResult.SUCCESS


def recording(
    exporter: SpanExporter, settings: TraceSettings | None = None
) -> tuple[Telemetry, Metrics]:
    metrics = Metrics()
    telemetry = telemetry_of(settings or TraceSettings(enabled=True), metrics, exporter=exporter)
    assert telemetry is not None
    return telemetry, metrics


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No variable of this shell steers the library."""
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    return monkeypatch


def count(metrics: Metrics, what: str) -> float:
    return metrics.registry.get_sample_value("rushes_spans_total", {"what": what}) or 0


def test_the_library_is_told_our_ids_times_and_links() -> None:
    memory, clock = InMemorySpanExporter(), ManualClock(NOON)
    telemetry, metrics = recording(memory)
    traces = Traces(telemetry, clock.now)
    caller = Remote(7, 9)
    with traces.span(TASK, "collect", provider="gpu", n=1) as span:
        clock.set(NOON + timedelta(seconds=2))
        with pytest.raises(OSError, match="full"), stage("store"):
            raise OSError("full")
        span.note(bytes=12)
    traces.record(TASK, "accept", NOON, NOON, kind=Kind.SERVER, link=caller)
    traces.record(TASK, ROOT, NOON, NOON + timedelta(minutes=1), status="succeeded")
    telemetry.close()
    told = {span.name: span for span in memory.get_finished_spans()}
    trace_id = trace_id_of(TASK)
    assert trace_id is not None
    assert {one.context.trace_id for one in told.values() if one.context} == {trace_id}
    assert told[ROOT].parent is None
    assert told[ROOT].context is not None
    assert told[ROOT].context.span_id == root_of(trace_id)
    assert [told[name].parent.span_id for name in ("collect", "accept")] == [  # type: ignore[union-attr]
        root_of(trace_id)
    ] * 2
    assert told["store"].parent.span_id == told["collect"].context.span_id  # type: ignore[union-attr]
    assert told["store"].status.status_code is StatusCode.ERROR
    assert told["store"].status.description == "OSError"
    assert told["collect"].attributes == {
        "rushes.task_id": TASK,
        "rushes.provider": "gpu",
        "rushes.n": 1,
        "rushes.bytes": 12,
    }
    assert told["collect"].end_time - told["collect"].start_time == 2_000_000_000  # type: ignore[operator]
    assert told["accept"].kind is SpanKind.SERVER
    assert [link.context.span_id for link in told["accept"].links] == [caller.span_id]
    assert count(metrics, "recorded") == count(metrics, "sent") == 4


def test_every_process_draws_the_same_share_of_tasks() -> None:
    here, _ = recording(InMemorySpanExporter(), TraceSettings(enabled=True, sample_ratio=0.25))
    there, _ = recording(InMemorySpanExporter(), TraceSettings(enabled=True, sample_ratio=0.25))
    ids = [trace_id_of(new_task_id(NOON + timedelta(seconds=n))) or 0 for n in range(4000)]
    kept = [one for one in ids if here.keeps(one)]
    assert kept == [one for one in ids if there.keeps(one)]
    assert 0.2 < len(kept) / len(ids) < 0.3
    for telemetry in (here, there):
        telemetry.close()


@pytest.mark.parametrize(
    ("sampler", "argument", "share"),
    [
        ("traceidratio", "0.5", 0.5),
        ("parentbased_traceidratio", "7", 1.0),
        ("parentbased_always_off", "", 0.0),
        ("traceidratio", "many", 1.0),
        ("always_on", "0.5", 1.0),
    ],
)
def test_the_librarys_variables_say_what_the_settings_leave_out(
    sampler: str, argument: str, share: float, variables: pytest.MonkeyPatch
) -> None:
    variables.setenv("OTEL_TRACES_SAMPLER", sampler)
    variables.setenv("OTEL_TRACES_SAMPLER_ARG", argument)
    variables.setenv("OTEL_SERVICE_NAME", "films")
    telemetry, _ = recording(InMemorySpanExporter())
    assert telemetry.share == share
    assert telemetry.provider.resource.attributes["service.name"] == "films"
    telemetry.close()
    told = TraceSettings(enabled=True, sample_ratio=0.1, service_name="reels")
    telemetry, _ = recording(InMemorySpanExporter(), told)
    assert telemetry.share == 0.1
    assert telemetry.provider.resource.attributes["service.name"] == "reels"
    telemetry.close()


def test_the_librarys_own_switch_turns_it_off(variables: pytest.MonkeyPatch) -> None:
    variables.setenv("OTEL_SDK_DISABLED", "true")
    assert telemetry_of(TraceSettings(enabled=True), Metrics()) is None


def test_a_collector_that_hangs_costs_spans_and_nobodys_time(
    variables: pytest.MonkeyPatch,
) -> None:
    variables.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "64")
    variables.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16")
    collector = Collector()
    collector.go_on.clear()
    telemetry, metrics = recording(collector)
    traces = Traces(telemetry)
    began_s = time.perf_counter()
    for _ in range(2000):
        traces.record(TASK, "queue", NOON, NOON)
    assert time.perf_counter() - began_s < HANGS_S
    telemetry.close(patience_s=0.05)
    assert count(metrics, "recorded") == 2000
    assert count(metrics, "sent") == 0
    collector.go_on.set()


def test_a_collector_that_is_away_is_told_of_once_and_when_it_is_back() -> None:
    collector = Collector()
    telemetry, metrics = recording(collector)
    traces = Traces(telemetry)
    with capture_logs() as lines:
        for is_away in (True, True, False, False):
            collector.is_away = is_away
            traces.record(TASK, "queue", NOON, NOON)
            telemetry.provider.force_flush()
    telemetry.close()
    assert [line["log_level"] for line in lines] == ["warning", "info"]
    assert (count(metrics, "lost"), count(metrics, "sent")) == (2, 2)


def test_what_the_collector_is_told_of_us_is_in_no_line(variables: pytest.MonkeyPatch) -> None:
    headers = {"OTEL_EXPORTER_OTLP_HEADERS": "x-key=open%20sesame%2042, tenant=films-and-reels"}
    assert set(secrets_of(headers)) == {
        "open%20sesame%2042",
        "open sesame 42",
        "films-and-reels",
    }
    for name, value in headers.items():
        variables.setenv(name, value)
    telemetry, _ = recording(InMemorySpanExporter())
    telemetry.close()
    assert "sesame" not in redact("it said open sesame 42")
