"""Traces by OpenTelemetry's SDK, sent over HTTP. Imported only where an endpoint is configured.

The SDK reads the variables that OpenTelemetry standardises: endpoint, headers, sampler, batches.
"""

import asyncio
import threading
from contextlib import AbstractContextManager
from contextvars import Token
from typing import Self

import structlog
from opentelemetry import context as contexts, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_NAMESPACE, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from lingxi_chassis import context
from lingxi_chassis.tracing import HEADER, NOTHING, Fact, Kind, Span
from lingxi_contracts.errors import Refusal, Unavailable

NAMESPACE = "lingxi"
FLUSH_SECONDS_MAX = 1.0
"""At a stop, for the last spans; an endpoint that is away costs no more, and loses them."""
QUIET = (asyncio.CancelledError, GeneratorExit)
"""Ended by us: no failure."""

_KINDS = {
    Kind.WITHIN: trace.SpanKind.INTERNAL,
    Kind.ASKS: trace.SpanKind.CLIENT,
    Kind.ANSWERS: trace.SpanKind.SERVER,
    Kind.HEARS: trace.SpanKind.CONSUMER,
}
_propagator = TraceContextTextMapPropagator()


class OtelTracer:
    """One a process. `service` is told as `lingxi-<service>`."""

    def __init__(self, service: str) -> None:
        resource = Resource.create(
            {SERVICE_NAME: f"{NAMESPACE}-{service}", SERVICE_NAMESPACE: NAMESPACE}
        )
        self._exporter = OTLPSpanExporter()
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer(NAMESPACE)

    def close(self) -> None:
        """Send what is left, for `FLUSH_SECONDS_MAX` at most."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(FLUSH_SECONDS_MAX)
        if closing.is_alive():
            self._exporter.shutdown()  # else it would try again for a while

    def span(self, name: str, kind: Kind) -> AbstractContextManager[Span]:
        """What follows is within it."""
        if kind is Kind.ASKS and _here() is None:
            return NOTHING
        return _Current(self._begun(name, kind))

    def begin(self, name: str, kind: Kind) -> Span:
        """What follows is beside it."""
        if kind is Kind.ASKS and _here() is None:
            return NOTHING
        return _Begun(self._begun(name, kind))

    def joined(self, traceparent: str | None) -> AbstractContextManager[object]:
        """What follows is part of that trace, or the beginning of another."""
        carrier = {} if traceparent is None else {HEADER: traceparent}
        return _Joined(_propagator.extract(carrier, Context()))

    def traceparent(self) -> str | None:
        """Of the span at hand."""
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        return carrier.get(HEADER)

    def _begun(self, name: str, kind: Kind) -> trace.Span:
        span = self._tracer.start_span(name, kind=_KINDS[kind])
        if kind in (Kind.ANSWERS, Kind.HEARS):
            trace_id = trace.format_trace_id(span.get_span_context().trace_id)
            structlog.contextvars.bind_contextvars(trace_id=trace_id)
            span.set_attribute("lingxi.correlation_id", context.correlation_id())
        return span


def _here() -> trace.SpanContext | None:
    """Where the work at hand is, if it is in a trace."""
    found = trace.get_current_span().get_span_context()
    return found if found.is_valid else None


class _Begun:
    """A `Span`."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def tell(self, name: str, fact: Fact) -> None:
        self._span.set_attribute(name, fact)

    def failed(self, what: str) -> None:
        self._span.set_attribute("error.type", what)
        self._span.set_status(trace.StatusCode.ERROR)

    def end(self) -> None:
        self._span.end()


class _Current(_Begun):
    """A span that what follows is within, while it is open."""

    _token: Token[Context]

    def __enter__(self) -> Self:
        self._token = contexts.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        contexts.detach(self._token)
        if isinstance(error, Refusal) and not isinstance(error, Unavailable):
            self.tell("lingxi.refusal", error.code)  # an answer, no fault
        elif error is not None and not isinstance(error, QUIET):
            self.failed(type(error).__name__)
        self.end()


class _Joined:
    """The trace that others began, while it is open."""

    _token: Token[Context]

    def __init__(self, joined: Context) -> None:
        self._joined = joined

    def __enter__(self) -> Self:
        self._token = contexts.attach(self._joined)
        return self

    def __exit__(self, *_: object) -> None:
        contexts.detach(self._token)
