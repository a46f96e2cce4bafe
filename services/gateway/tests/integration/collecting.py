"""A receiver of traces: what it takes over HTTP are OTLP's protobuf requests."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from lingxi_local.ports import LOOPBACK


@dataclass(frozen=True)
class Span:
    """One span as it was received; `parent_id` is empty for the first of a trace."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: str
    failed: bool
    facts: dict[str, str]


@dataclass
class Collector:
    """What came so far, in the order in which the spans ended."""

    endpoint: str = ""
    spans: list[Span] = field(default_factory=list[Span])

    def trace_of(self, name: str) -> list[Span]:
        """The spans of the newest trace that has one of this name."""
        found = [span for span in self.spans if span.name == name]
        return [s for s in self.spans if found and s.trace_id == found[-1].trace_id]

    def take(self, body: bytes) -> None:
        """One request."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self.spans += map(_read, scope.spans)


def _read(span: OtlpSpan) -> Span:
    values = {one.key: one.value for one in span.attributes}
    return Span(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        kind=OtlpSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        failed=span.status.code == span.status.STATUS_CODE_ERROR,
        facts={key: str(value).strip() for key, value in values.items()},
    )


@contextmanager
def collecting() -> Generator[Collector]:
    """A receiver at `endpoint` while the context is open."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/v1/traces":
                collector.take(body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's
            pass

    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        collector.endpoint = f"http://{LOOPBACK}:{server.server_port}"
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield collector
        finally:
            server.shutdown()
            serving.join()
