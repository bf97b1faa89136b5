"""What operators see: log lines and numbers. Keys and prompts never pass through here."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, Final, TextIO, cast

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.core import CounterMetricFamily

_SECRET: Final = re.compile(r"(sk-(?:live-|test-)?|whsec_|Bearer )[A-Za-z0-9_\-.=+/]{6,}")
_NEVER: Final = frozenset({"prompt", "negative_prompt", "secret", "authorization", "api_key"})

log: Final = structlog.stdlib.get_logger("rushes")


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


class _Redacted(logging.Formatter):
    """Writes the lines of libraries, tracebacks and all, without what no line may hold."""

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


def configure_logs(*, level: str, as_json: bool) -> None:
    """Send log lines to standard error, as JSON or for people.

    Libraries speak up for warnings only: an HTTP client's own lines hold signed links.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, force=True)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_Redacted(logging.BASIC_FORMAT))
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _redacting,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _StandardError())),
        cache_logger_on_first_use=False,
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


class Metrics:
    """Numbers for `/metrics`, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "rushes_http_requests",
            "Requests answered, by route and status.",
            ("route", "status"),
            registry=self.registry,
        )
        self.accepted = Counter(
            "rushes_tasks_accepted", "Tasks accepted, by model.", ("model",), registry=self.registry
        )
        self.held = Counter(
            "rushes_held_microusd",
            "Money set aside for accepted tasks, by model.",
            ("model",),
            registry=self.registry,
        )
        self.uncovered = Counter(
            "rushes_tasks_uncovered",
            "Tasks refused because a budget did not cover them, by model.",
            ("model",),
            registry=self.registry,
        )
        self.tasks = Gauge("rushes_tasks", "Tasks by status.", ("status",), registry=self.registry)
        self.request_s = Histogram(
            "rushes_http_request_seconds",
            "Time to the first byte of an answer, by route; looks and streams excepted.",
            ("route",),
            registry=self.registry,
        )
        self.refused = Counter(
            "rushes_refused",
            "Requests refused for a limit or for want of room, by which.",
            ("limit",),
            registry=self.registry,
        )
        self.downloads = Counter(
            "rushes_downloads",
            "Films and stills sent, by how it ended.",
            ("ending",),
            registry=self.registry,
        )

    def ask(self, name: str, sentence: str, read: Callable[[], Mapping[str, float]]) -> None:
        """Have numbers read from elsewhere whenever somebody looks."""
        self.registry.register(_Told(name, sentence, read))
