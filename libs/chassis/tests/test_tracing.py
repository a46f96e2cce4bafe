"""Traces cost nothing where none are kept; statements are named, never quoted."""

import subprocess
import sys

import pytest

from lingxi_chassis import tracing
from lingxi_chassis.tracing import NOTHING, Kind, name_of

SERVING = "import lingxi_chassis.owner, lingxi_chassis.process, lingxi_chassis.consumers"


def test_without_an_endpoint_there_is_no_sdk_and_no_span() -> None:
    told = f"{SERVING}; import sys; print('opentelemetry.sdk' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
    headers: dict[str, str] = {}
    tracing.hand_on(headers)
    assert headers == {}
    given = (
        tracing.span("a"),
        tracing.begin("a", Kind.ASKS),
        tracing.statement("select 1"),
        tracing.joined(None),
    )
    assert all(one is NOTHING for one in given)


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("select version from streams where stream_id = %(id)s", "select streams"),
        ("select 1 from (select 1) as one left join messages m on true", "select messages"),
        ("with a as (select 1 from b) insert into events (c) select 1", "insert into events"),
        ("update turn_work\n set claim_id = null", "update turn_work"),
        ("select 1", "select"),
    ],
)
def test_a_statement_is_named_after_its_table(sql: str, name: str) -> None:
    assert name_of(sql) == name
