"""What operators see: log lines and numbers. Keys and prompts never pass through here."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, Final, TextIO, cast

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
)
from prometheus_client.core import CounterMetricFamily

from rushes.lean import without
from rushes.traces import trace_id_of

with without("rich.traceback"):  # with lexers, for tracebacks in colours that no line of ours has
    import structlog

_SECRET: Final = re.compile(r"(sk-(?:live-|test-)?|whsec_|Bearer )[A-Za-z0-9_\-.=+/]{6,}")
_NEVER: Final = frozenset({"prompt", "negative_prompt", "secret", "authorization", "api_key"})

log: Final = structlog.stdlib.get_logger("rushes")

about: Final = structlog.contextvars.bound_contextvars
"""`with about(task_id=…):` every line of the block says so, whoever writes it (docs/logs.md)."""


_CONCEALED: Final[set[str]] = set()
CONCEALED_CHARACTERS_MIN: Final = 8
"""A shorter secret would tear words apart, and none of ours is."""


def conceal(secrets: Iterable[str]) -> None:
    """Keep secrets out of every line from now on, whatever they look like."""
    _CONCEALED.update(one for one in secrets if len(one) >= CONCEALED_CHARACTERS_MIN)


def redact(text: str) -> str:
    """Return `text` without what was concealed, and without anything that looks like a secret.

    >>> redact("key sk-live-abcdefghij refused")
    'key sk-live-… refused'
    """
    for secret in _CONCEALED:
        if secret in text:
            text = text.replace(secret, "…")
    return _SECRET.sub(r"\1…", text)


def _redacting(
    _logger: object, _method: str, fields: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for name, value in fields.items():
        if name in _NEVER:
            fields[name] = "…"
        elif isinstance(value, str):
            fields[name] = redact(value)
    return fields


def _tracing(
    _logger: object, _method: str, fields: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Name the trace of the task that a line is about, as collectors of lines look for it."""
    trace_id = trace_id_of(str(fields.get("task_id", "")))
    if trace_id is not None:
        fields["trace_id"] = f"{trace_id:032x}"
    return fields


class _Redacted(logging.Formatter):
    """Writes the lines of libraries, tracebacks and all, without what no line may hold."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a line."""
        return redact(super().format(record))


class _RedactedJson(structlog.stdlib.ProcessorFormatter):
    """Does so as JSON, like our own lines, with whatever is known of what they are about."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a line."""
        return redact(super().format(record))


class _StandardError:
    """Standard error as it is now; a line that cannot be written is lost and breaks nothing."""

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            return sys.stderr.write(text)
        return 0

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()


def configure_logs(*, level: str, as_json: bool, has_traces: bool = False) -> None:
    """Send log lines to standard error, as JSON or for people.

    Libraries speak up for warnings only: an HTTP client's own lines hold signed links. With
    `has_traces` a line about a task names its trace.
    """
    naming: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        *([_tracing] if has_traces else []),
        _redacting,
    ]
    of_libraries = _Redacted(logging.BASIC_FORMAT) if not as_json else _json_of_libraries(naming)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, force=True)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(of_libraries)
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*naming, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _StandardError())),
        cache_logger_on_first_use=False,
    )


def _json_of_libraries(naming: Sequence[structlog.types.Processor]) -> logging.Formatter:
    return _RedactedJson(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *naming],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
    )


class _Told:
    """A collector that asks when it is asked."""

    def __init__(self, name: str, sentence: str, read: Callable[[], Mapping[str, float]]) -> None:
        self._name = name
        self._sentence = sentence
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Tell every number the reader knows, by its own name."""
        family = CounterMetricFamily(self._name, self._sentence, labels=["what"])
        for what, value in self._read().items():
            family.add_metric([what], value)
        yield family


LIFE_S: Final = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600, 86400)
"""How long tasks take, from a rehearsal to a day in a queue."""

CALL_S: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60)
"""How long a call to a provider takes."""


LAG_S: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
"""How long a loop may be held up by somebody."""


class Metrics:
    """Numbers for `/metrics`, in a registry of their own (docs/metrics.md).

    Every process has all of them, and tells what it did itself; gauges about tasks, routes and
    money are read from rows when somebody asks (`gateway/standing.py`).
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._of_callers()
        self._of_tasks()
        self._of_upstreams()
        self._of_money()
        self._of_webhooks()
        self._of_the_machine()

    def ask(self, name: str, sentence: str, read: Callable[[], Mapping[str, float]]) -> None:
        """Have numbers read from elsewhere whenever somebody looks."""
        self.registry.register(_Told(name, sentence, read))

    def _counter(self, name: str, sentence: str, *labels: str) -> Counter:
        return Counter(name, sentence, labels, registry=self.registry)

    def _gauge(self, name: str, sentence: str, *labels: str) -> Gauge:
        return Gauge(name, sentence, labels, registry=self.registry)

    def _of_callers(self) -> None:
        self.requests = self._counter(
            "rushes_http_requests", "Requests answered, by route and status.", "route", "status"
        )
        self.request_s = Histogram(
            "rushes_http_request_seconds",
            "Time to the first byte of an answer, by route; looks and streams excepted.",
            ("route",),
            registry=self.registry,
        )
        self.refused = self._counter(
            "rushes_refused", "Requests refused for a limit or for want of room, by which.", "limit"
        )
        self.downloads = self._counter(
            "rushes_downloads", "Films and stills sent, by how it ended.", "ending"
        )

    def _of_tasks(self) -> None:
        self.accepted = self._counter("rushes_tasks_accepted", "Tasks accepted, by model.", "model")
        self.ended = self._counter(
            "rushes_tasks_ended",
            "Tasks that ended, by model, status and reason, in whichever process told of the end.",
            "model",
            "status",
            "reason",
        )
        self.task_s = Histogram(
            "rushes_task_seconds",
            "Time from a task's accept to its end, by model and status.",
            ("model", "status"),
            buckets=LIFE_S,
            registry=self.registry,
        )
        self.tasks = self._gauge("rushes_tasks", "Tasks by status.", "status")
        self.waiting_s = self._gauge(
            "rushes_queue_waiting_seconds", "Age of the oldest task in a queue.", "provider"
        )
        self.in_flight = self._gauge(
            "rushes_in_flight", "Tasks that a provider has, or may have.", "provider"
        )
        self.in_flight_max = self._gauge(
            "rushes_in_flight_max", "Tasks that a provider may have at once.", "provider"
        )
        self.salvage = self._gauge(
            "rushes_salvage",
            "Submits of ended, undelivered tasks that may have been paid, by verdict.",
            "verdict",
        )

    def _of_upstreams(self) -> None:
        self.upstream_s = Histogram(
            "rushes_upstream_seconds",
            "Time until a provider answered, by provider and verb.",
            ("provider", "verb"),
            buckets=CALL_S,
            registry=self.registry,
        )
        self.upstream_calls = self._counter(
            "rushes_upstream_calls",
            "Calls to providers, by what came of them.",
            "provider",
            "verb",
            "outcome",
        )
        self.route_state = self._gauge(
            "rushes_route_state",
            "1 for the state a route is in, 0 for the others.",
            "provider",
            "upstream_model",
            "state",
        )

    def _of_money(self) -> None:
        self.held = self._counter(
            "rushes_held_microusd", "Money set aside for accepted tasks, by model.", "model"
        )
        self.uncovered = self._counter(
            "rushes_tasks_uncovered",
            "Tasks refused because a budget did not cover them, by model.",
            "model",
        )
        self.budgets = self._gauge(
            "rushes_budgets", "Budgets by how much of them is left in their period.", "state"
        )

    def _of_webhooks(self) -> None:
        self.webhooks = self._counter(
            "rushes_webhook_attempts", "Attempts to deliver an event, by outcome.", "outcome"
        )
        self.endpoints = self._gauge(
            "rushes_webhook_endpoints", "Addresses that hear of accounts' tasks, by state.", "state"
        )

    def _of_the_machine(self) -> None:
        self.loop_lag_s = Histogram(
            "rushes_loop_lag_seconds",
            "How much later than it wished a loop got its turn, asked once a second.",
            ("loop",),
            buckets=LAG_S,
            registry=self.registry,
        )
        self.keeper_at_s = self._gauge(
            "rushes_keeper_tended_timestamp_seconds",
            "When this process's keeper did its round last; 0 where it has none.",
        )
        self.disk_free = self._gauge(
            "rushes_disk_free_bytes", "Room on a disk we write to.", "place"
        )
        self.workers = self._gauge(
            "rushes_workers", "Processes that carry tasks, of the whole house."
        )
        self.spans = self._counter("rushes_spans", "Spans of traces, by what came of them.", "what")
        self.numbers_s = self._gauge(
            "rushes_numbers_seconds", "How long it took to read the gauges that are read from rows."
        )


@cache
def unheard() -> Metrics:
    """Return numbers that nobody asks for, the same for all."""
    return Metrics()
