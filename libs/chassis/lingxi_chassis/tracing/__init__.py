"""Traces: one a turn, from the HTTP request through requests, events and statements to the model.

Where no endpoint is configured, `span` and its like are a look at a variable and hand out one
object that does nothing: nothing of OpenTelemetry is imported. Where one is, `otel` is installed.

Spans hold names, codes, numbers and the correlation id; never a text, a value of a statement, or
the words of an exception. The trace goes from process to process as W3C's `traceparent`: in the
headers of requests and of published events, and in an event's metadata.
"""

import re
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from enum import Enum
from functools import lru_cache
from typing import Final, Protocol, Self

HEADER: Final = "traceparent"
STATEMENTS_REMEMBERED_MAX = 512

type Fact = str | int | float


class Kind(Enum):
    """What a span is to the one before it."""

    WITHIN = "within"
    ASKS = "asks"
    """Only within a trace: what a process does by itself is no trace."""
    ANSWERS = "answers"
    HEARS = "hears"


class Span(Protocol):
    """A piece of work with a name, a beginning and an end."""

    def rename(self, name: str) -> None:
        """It turned out to be this."""
        ...

    def tell(self, name: str, fact: Fact) -> None:
        """An attribute of it."""
        ...

    def failed(self, what: str) -> None:
        """It failed; `what` is a code or a class name."""
        ...

    def end(self) -> None:
        """It is over; only for one that `begin` began."""
        ...


class Tracer(Protocol):
    """Who keeps the spans."""

    def span(self, name: str, kind: Kind) -> AbstractContextManager[Span]:
        """See the function of this name."""
        ...

    def begin(self, name: str, kind: Kind) -> Span:
        """See the function of this name."""
        ...

    def joined(self, traceparent: str | None) -> AbstractContextManager[object]:
        """See the function of this name."""
        ...

    def traceparent(self) -> str | None:
        """See the function of this name."""
        ...


class _Nothing:
    """A span of no trace."""

    def rename(self, name: str) -> None:
        pass

    def tell(self, name: str, fact: Fact) -> None:
        pass

    def failed(self, what: str) -> None:
        pass

    def end(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


NOTHING: Final = _Nothing()
_tracer: Tracer | None = None


def install(tracer: Tracer | None) -> None:
    """Trace with this one from now on; None: not at all."""
    global _tracer  # noqa: PLW0603 -- one a process, as the logs' configuration
    _tracer = tracer


def is_on() -> bool:
    """Whether there are traces."""
    return _tracer is not None


def span(name: str, kind: Kind = Kind.WITHIN) -> AbstractContextManager[Span]:
    """The work in this context, and what it causes, is a span of this name.

    An exception that leaves it is its failure, by its class's name alone.
    """
    return NOTHING if _tracer is None else _tracer.span(name, kind)


def begin(name: str, kind: Kind) -> Span:
    """A span that others are not within, until its `end`: for work that is handed out in pieces."""
    return NOTHING if _tracer is None else _tracer.begin(name, kind)


def statement(sql: str) -> AbstractContextManager[Span]:
    """The span of a statement, named after what it does to which table."""
    return NOTHING if _tracer is None else _tracer.span(name_of(sql), Kind.ASKS)


def joined(traceparent: str | None) -> AbstractContextManager[object]:
    """Work in this context belongs to that trace; None: to none, it may begin one."""
    return NOTHING if _tracer is None else _tracer.joined(traceparent)


def hand_on(headers: MutableMapping[str, str]) -> None:
    """Put the trace of the work at hand into these headers, or metadata, if there is one."""
    if _tracer is not None and (traceparent := _tracer.traceparent()) is not None:
        headers[HEADER] = traceparent


_writes = re.compile(r"\b(insert into|update|delete from)\s+(\w+)")
_reads = re.compile(r"\b(?:from|join)\s+(?!lateral\b)(\w+)")


@lru_cache(STATEMENTS_REMEMBERED_MAX)
def name_of(sql: str) -> str:
    """`insert into events`, `select streams`: the first table it writes, or else reads."""
    if found := _writes.search(sql):
        return f"{found[1]} {found[2]}"
    found = _reads.search(sql)
    return f"select {found[1]}" if found else "select"
