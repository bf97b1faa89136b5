"""Traces with real processes: one film is one tree, and a kill -9 does not part it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from journeying import Running, a_server, an_upstream, wait_until

CONFIG = """
[traces]
endpoint = "http://127.0.0.1:{collector}"
service_name = "films"

[webhooks]
allow_http = true
allow_networks = ["127.0.0.0/8"]

[[providers]]
name = "gpu"
kind = "openai_videos"
base_url = "http://127.0.0.1:{upstream}/v1"
api_key = "env:TEST_UPSTREAM_KEY"
traceparent = true

[[models]]
id = "sora-2"
card = "sora-2"
[[models.routes]]
provider = "gpu"
model = "sora-2"
"""
CALLERS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PROMPT = "an otter paints a lighthouse"


@dataclass
class Collector:
    """A collector of OTLP over HTTP, which also takes webhooks."""

    spans: list[Any] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    raw: bytearray = field(default_factory=bytearray)
    port: int = 0

    def take(self, body: bytes) -> None:
        self.raw += body
        asked = ExportTraceServiceRequest.FromString(body)
        for resource in asked.resource_spans:
            names = {a.key: a.value.string_value for a in resource.resource.attributes}
            self.services.add(names["service.name"])
            for scope in resource.scope_spans:
                self.spans += scope.spans

    def of(self, task_id: str) -> list[Any]:
        trace = bytes.fromhex(task_id.removeprefix("video_"))
        return [span for span in self.spans if span.trace_id == trace]

    @contextmanager
    def listening(self) -> Iterator[Self]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.path == "/v1/traces":
                    collector.take(body)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.port = server.server_address[1]
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()


def tree(spans: list[Any]) -> Counter[tuple[str, str | None]]:
    """Each span by its name and that of its parent."""
    names = {span.span_id: span.name for span in spans}
    return Counter(
        (span.name, names.get(span.parent_span_id, "?") if span.parent_span_id else None)
        for span in spans
    )


def told(span: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, str(a.value.WhichOneof("value"))) for a in span.attributes}


def made(server: Running, collector: Collector, **more: Any) -> str:
    answer = httpx2.post(
        f"{server.url}/v1/video/generations",
        json={"model": "sora-2", "prompt": PROMPT, **more},
        headers={"Authorization": f"Bearer {server.key}", "traceparent": CALLERS},
        timeout=20,
    )
    assert answer.status_code == 200, answer.text
    task_id: str = answer.json()["task_id"]
    return task_id


def has(collector: Collector, task_id: str, *names: str) -> bool:
    return set(names) <= {span.name for span in collector.of(task_id)}


def seen(collector: Collector) -> str:
    return f"{sorted(span.name for span in collector.spans)}"


def test_one_film_is_one_tree_at_the_collector(tmp_path: Path) -> None:
    log = tmp_path / "upstream.log"
    with Collector().listening() as collector, an_upstream(log=log) as upstream:
        config = CONFIG.format(collector=collector.port, upstream=upstream.port)
        with a_server(tmp_path / "data", config=config) as server:
            hook = f"http://127.0.0.1:{collector.port}/hook"
            task_id = made(server, collector, callback_url=hook)
            wait_until(
                lambda: has(collector, task_id, "task", "webhook", "settle"),
                timeout_s=60,
                why=lambda: seen(collector),
            )
    spans = collector.of(task_id)
    assert len(collector.spans) == len(spans)
    assert collector.services == {"films"}
    assert tree(spans) == Counter(
        {
            ("task", None): 1,
            ("accept", "task"): 1,
            ("queue", "task"): 1,
            ("submit", "task"): 1,
            ("check", "task"): 1,
            ("render", "task"): 1,
            ("collect", "task"): 1,
            ("open", "collect"): 1,
            ("fetch", "collect"): 1,
            ("inspect", "collect"): 1,
            ("seal", "collect"): 1,
            ("store", "collect"): 1,
            ("settle", "collect"): 1,
            ("webhook", "task"): 1,
        }
    )
    by_name = {span.name: span for span in spans}
    root = by_name["task"]
    assert told(root)["rushes.status"] == "succeeded"
    assert all(span.end_time_unix_nano >= span.start_time_unix_nano for span in spans)
    links = [link.trace_id.hex() for link in by_name["accept"].links]
    assert links == ["0af7651916cd43dd8448eb211c80319c"]
    assert told(by_name["collect"])["rushes.bytes"] > 1000
    assert told(by_name["webhook"])["rushes.http_status"] == 200
    assert PROMPT.encode() not in collector.raw
    assert b"/hook" not in collector.raw
    assert b"sk-" not in collector.raw


@pytest.mark.long
@pytest.mark.promise("P10")
def test_a_film_whose_server_was_killed_stays_one_trace(tmp_path: Path) -> None:
    log = tmp_path / "upstream.log"
    with Collector().listening() as collector, an_upstream(log=log, render_s=6.0) as upstream:
        config = CONFIG.format(collector=collector.port, upstream=upstream.port)
        with a_server(tmp_path / "data", config=config) as server:
            task_id = made(server, collector)
            wait_until(
                lambda: has(collector, task_id, "accept", "queue", "submit"),
                timeout_s=30,
                why=lambda: seen(collector),
            )
            server.process.kill()
            server.process.wait(10)
        with a_server(tmp_path / "data", config=config):
            wait_until(
                lambda: has(collector, task_id, "task", "settle"),
                timeout_s=60,
                why=lambda: seen(collector),
            )
    spans = collector.of(task_id)
    assert len(collector.spans) == len(spans)
    found = tree(spans)
    for name in ("accept", "queue", "submit", "render", "collect"):
        assert found[name, "task"] == 1, found
    assert found["task", None] == 1
    assert not [pair for pair in found if pair[1] == "?"]


@pytest.mark.long
def test_a_collector_that_is_away_keeps_no_film_from_its_caller(tmp_path: Path) -> None:
    with Collector().listening() as gone:
        port = gone.port
    log = tmp_path / "upstream.log"
    with an_upstream(log=log) as upstream:
        config = CONFIG.format(collector=port, upstream=upstream.port)
        with a_server(tmp_path / "data", config=config) as server:
            task_id = made(server, gone)

            def is_there() -> bool:
                look = httpx2.get(
                    f"{server.url}/v1/video/generations/{task_id}",
                    headers={"Authorization": f"Bearer {server.key}"},
                    timeout=20,
                )
                return bool(look.json()["status"] == "succeeded")

            wait_until(is_there, timeout_s=60)
    assert (tmp_path / "data.log").read_text().count("spans are lost") <= 1
