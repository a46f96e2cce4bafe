"""No log line holds what a user wrote, not even one about Postgres refusing it."""

import logging
from collections.abc import Callable, Iterator
from typing import Literal

import psycopg
import pytest
import structlog

from lingxi_chassis.logs import configure_logs

MARKER = "marker"
FAILING = {
    "a unique key": "insert into kept values ('marker'), ('marker')",
    "a check": "insert into kept values ('marker with a space')",
    "a cast": "select 'marker'::uuid",
}


@pytest.fixture
def restored() -> Iterator[None]:
    """Logging is the process's: put it back."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    structlog.reset_defaults()
    root.setLevel(level)
    root.handlers[:] = handlers


def by_structlog() -> None:
    structlog.get_logger("a test").exception("failed")


def by_logging() -> None:
    logging.getLogger("another").error("failed", exc_info=True)  # noqa: LOG014 -- called in one


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize("say", [by_structlog, by_logging])
@pytest.mark.parametrize("statement", FAILING.values(), ids=FAILING)
def test_an_error_of_postgres_is_told_without_values(
    database_url: str,
    capsys: pytest.CaptureFixture[str],
    log_format: Literal["json", "console"],
    say: Callable[[], None],
    statement: str,
) -> None:
    """Guards `_without_values`: also of what is behind the exception, however it is logged."""
    configure_logs("a service", log_format, "info")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create table kept (text text primary key check (text not like '% %'))")
        with pytest.raises(psycopg.Error, match=MARKER) as refused:
            connection.execute(statement.encode())
    try:
        raise ValueError("something failed") from refused.value
    except ValueError:
        say()
    said = capsys.readouterr().out
    assert "failed" in said
    assert "ValueError" in said
    assert MARKER not in said
