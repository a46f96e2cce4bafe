"""Logs: one JSON object a line, or readable lines in local mode. Never a text of a user or model.

Everything a piece of work logs carries its correlation id (see `context`).
"""

import logging
import sys
from typing import Any, Literal

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


def configure_logs(service: str, log_format: Literal["json", "console"], log_level: str) -> None:
    """Set up structlog and route the standard library's logs into it, once a process."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
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
