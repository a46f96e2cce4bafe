"""Logs: one JSON object a line, or readable lines in local mode. Never a text of a user or model.

Everything a piece of work logs carries its correlation id (see `context`).
"""

import logging
import sys
from collections.abc import Iterator
from typing import Any, Literal, cast

import psycopg
import structlog

QUIET_LOGGERS = (
    "alembic",
    "httpcore2",
    "httpx",
    "httpx2",
    "nats",
    "openai",
    "uvicorn",
    "uvicorn.access",
)

# Local variables hold texts, passwords and tokens.
_without_locals = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


def _without_values(
    _: Any, __: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Postgres says which values it refuses; the log does not. (`diag` has them still.)"""
    for one in _chain(_raised(event.get("exc_info"))):
        if isinstance(one, psycopg.Error) and one.sqlstate:
            is_about_data = one.sqlstate.startswith("22")  # such as: invalid input "..."
            said = "" if is_about_data else one.diag.message_primary or ""
            one.args = (f"{said} ({one.sqlstate})".strip(),)
    return event


def _raised(exc_info: Any) -> BaseException | None:
    """What `exc_info` stands for: an exception, its triple, or True for the one at hand."""
    if isinstance(exc_info, tuple):
        return cast("tuple[Any, BaseException | None, Any]", exc_info)[1]
    if isinstance(exc_info, BaseException):
        return exc_info
    return sys.exc_info()[1] if exc_info else None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception, and those behind it."""
    seen: set[int] = set()
    left = [error]
    while left:
        one = left.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        left += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            left += cast("BaseExceptionGroup[BaseException]", one).exceptions
        yield one


def configure_logs(service: str, log_format: Literal["json", "console"], log_level: str) -> None:
    """Set up structlog and route the standard library's logs into it, once a process."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _without_values,
    ]
    if log_format == "json":
        render: list[Any] = [
            structlog.processors.ExceptionRenderer(_without_locals),
            structlog.processors.JSONRenderer(),
        ]
    else:
        render = [
            structlog.dev.ConsoleRenderer(
                colors=False, pad_event_to=28, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    level = logging.getLevelNamesMapping()[log_level.upper()]

    def named(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["service"] = service
        return event

    first = [named] if log_format == "json" else []
    structlog.configure(
        processors=[*first, *shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*first, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
