"""Spans on their way to an operator's collector, by OpenTelemetry (the extra `rushes[otel]`).

The only room that knows the library, and loaded only where `[traces]` wants it. Spans are put
into a bounded queue and sent by a thread of the library's: a collector that is slow or away
costs spans, and nobody's time. What is left unsaid in the settings, its own OTEL_… variables say.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import unquote

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from rushes import __version__
from rushes.observe import Metrics, conceal, log
from rushes.settings import TraceSettings
from rushes.traces import Kind, Span

SERVICE: Final = "rushes"
FLUSH_EVERY_MS: Final = 1000.0
"""A process that is killed loses what it did not send: a second of spans, not five."""

CLOSE_S: Final = 2.0
"""A stop waits so long for the last spans, whatever the collector does."""

RANDOM_BITS: Final = 56
"""So many of a trace's last bits are random (W3C Trace Context, level 2)."""

_KINDS: Final[Mapping[Kind, SpanKind]] = {
    Kind.INTERNAL: SpanKind.INTERNAL,
    Kind.SERVER: SpanKind.SERVER,
    Kind.CLIENT: SpanKind.CLIENT,
}


class _Ids(IdGenerator):
    """Gives the library the ids that a span of ours has; each is asked for in our own thread."""

    def __init__(self) -> None:
        self._local = threading.local()

    def expect(self, span: Span) -> None:
        """Answer with this span's ids from now on."""
        self._local.span = span

    def generate_span_id(self) -> int:
        """Return the id of the span that is told now."""
        return int(self._local.span.span_id)

    def generate_trace_id(self) -> int:
        """Return the trace of the span that is told now."""
        return int(self._local.span.trace_id)


class _Told(SpanExporter):
    """Passes spans on, counts them, and tells an operator once when they get lost, or again go."""

    def __init__(self, exporter: SpanExporter, metrics: Metrics) -> None:
        self._exporter = exporter
        self._metrics = metrics
        self._is_away = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans; nobody waits for it but the library's own thread."""
        result = self._exporter.export(spans)
        is_lost = result is not SpanExportResult.SUCCESS
        self._metrics.spans.labels("lost" if is_lost else "sent").inc(len(spans))
        if is_lost is not self._is_away:
            self._is_away = is_lost
            if is_lost:
                log.warning("spans are lost: the collector of [traces] does not take them")
            else:
                log.info("the collector of [traces] takes spans again")
        return result

    def shutdown(self) -> None:
        """Let go of connections."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Return at once: nothing is held here."""
        return self._exporter.force_flush(timeout_millis)


@dataclass(slots=True)
class Telemetry:
    """A `traces.Recorder` over the library; `share` of all traces is kept."""

    provider: TracerProvider
    ids: _Ids
    share: float
    metrics: Metrics

    def keeps(self, trace_id: int) -> bool:
        """Decide by the trace's own random bits: every process decides alike."""
        drawn = trace_id & ((1 << RANDOM_BITS) - 1)
        return drawn < self.share * (1 << RANDOM_BITS)

    def record(self, span: Span) -> None:
        """Hand a span to the library, which keeps it in a queue."""
        self.metrics.spans.labels("recorded").inc()
        self.ids.expect(span)
        told = self.provider.get_tracer(SERVICE, __version__).start_span(
            span.name,
            context=_below(span),
            kind=_KINDS[span.kind],
            attributes={f"{SERVICE}.{name}": told for name, told in span.attributes.items()},
            links=[]
            if span.link is None
            else [Link(_named(span.link.trace_id, span.link.span_id))],
            start_time=_nanoseconds(span.began_at),
        )
        if span.fault is not None:
            told.set_status(Status(StatusCode.ERROR, span.fault))
        told.end(_nanoseconds(span.ended_at or span.began_at))

    def close(self, patience_s: float = CLOSE_S) -> None:
        """Send what is waiting, for a moment: a collector that hangs keeps nobody from stopping."""
        ending = threading.Thread(target=self.provider.shutdown, name="last spans", daemon=True)
        ending.start()
        ending.join(patience_s)


def telemetry_of(
    settings: TraceSettings, metrics: Metrics, *, exporter: SpanExporter | None = None
) -> Telemetry | None:
    """Return what records spans, as the settings say; `exporter` is another than OTLP over HTTP.

    The library's variable OTEL_SDK_DISABLED turns it off, as everywhere.
    """
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    for name in ("opentelemetry.exporter", "opentelemetry.sdk"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # `_Told` says it once
    conceal(secrets_of(os.environ))
    if exporter is None:
        base = settings.endpoint
        exporter = OTLPSpanExporter(None if base is None else f"{base.rstrip('/')}/v1/traces")
    delay = None if "OTEL_BSP_SCHEDULE_DELAY" in os.environ else FLUSH_EVERY_MS
    ids = _Ids()
    provider = TracerProvider(
        sampler=ALWAYS_ON,  # `keeps` decides before
        resource=Resource.create(_names(settings)),
        id_generator=ids,
        shutdown_on_exit=False,
    )
    processor = BatchSpanProcessor(_Told(exporter, metrics), schedule_delay_millis=delay)
    provider.add_span_processor(processor)
    return Telemetry(provider, ids, _share(settings, os.environ), metrics)


def secrets_of(environment: Mapping[str, str]) -> list[str]:
    """Return what the library's own variables say to a collector and no log may hold."""
    said = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS")
    pairs = [pair for name in said for pair in environment.get(name, "").split(",")]
    values = [pair.partition("=")[2].strip() for pair in pairs]
    return [value for each in values for value in {each, unquote(each)} if value]


def _names(settings: TraceSettings) -> dict[str, str | int]:
    """Say who we are; the library's variables say more, and the name where ours does not."""
    names: dict[str, str | int] = {"service.version": __version__, "process.pid": os.getpid()}
    if settings.service_name is not None:
        names["service.name"] = settings.service_name
    elif "OTEL_SERVICE_NAME" not in os.environ and "service.name=" not in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    ):
        names["service.name"] = SERVICE
    return names


def _share(settings: TraceSettings, environment: Mapping[str, str]) -> float:
    """Return which share of tasks is traced: the settings' word, else that of the variables."""
    if settings.sample_ratio is not None:
        return settings.sample_ratio
    sampler = environment.get("OTEL_TRACES_SAMPLER", "").removeprefix("parentbased_")
    if sampler == "always_off":
        return 0.0
    if sampler != "traceidratio":
        return 1.0
    try:
        return min(1.0, max(0.0, float(environment.get("OTEL_TRACES_SAMPLER_ARG", "1"))))
    except ValueError:
        return 1.0


def _below(span: Span) -> Context:
    """Return the context of a span's parent; an empty one for a root."""
    if span.parent_id is None:
        return Context()
    parent = NonRecordingSpan(_named(span.trace_id, span.parent_id))
    return set_span_in_context(parent, Context())


def _named(trace_id: int, span_id: int) -> SpanContext:
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(1))


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000_000 + at.microsecond * 1000
