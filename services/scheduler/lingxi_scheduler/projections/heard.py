"""What is heard of sessions, written over their watches, many at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from lingxi_chassis.postgres import Pool, fetch_all
from lingxi_scheduler.domain.watch import Watch
from lingxi_scheduler.projections.watches import COLUMNS, Kept

FACTS = {
    "agent_id": "uuid",
    "last_user_seq": "int",
    "last_user_at": "timestamptz",
    "last_agent_seq": "int",
    "last_agent_at": "timestamptz",
    "read_up_to": "int",
    "proactive_seqs": "int[]",
    "flagged_seq": "int",
    "turn_sequence": "int",
    "turn_open": "bool",
    "heard_at": "timestamptz",
    "ended": "bool",
    "decided_seq": "int",
    "not_before": "timestamptz",
    "awaits_event": "bool",
    "tries": "int",
}
"""What is written over a watch when something is heard: all of it but what is being sent."""
assert {*FACTS} == {*COLUMNS} - {"session_id", "user_id", "sending"}

_HEARD = f"""
    with told as materialized (
        select * from jsonb_to_recordset(%(rows)s::jsonb) as one (
            session_id uuid, revision int, due_at timestamptz,
            {", ".join(f"{name} {kind}" for name, kind in FACTS.items())}
        )
    ), held as materialized (
        -- In one order, or two replicas that heard of the same sessions would wait for each other.
        select w.session_id from watches w join told using (session_id)
        order by w.session_id for update of w
    )
    update watches w
    set {", ".join(f"{name} = told.{name}" for name in FACTS)}, revision = w.revision + 1,
        sending = case when told.ended then null else w.sending end,
        due_at = case when w.sending is null or told.ended then told.due_at else w.due_at end,
        claim_id = case when w.sending is null or told.ended then null else w.claim_id end,
        lease_until = case when w.sending is null or told.ended then null else w.lease_until end
    from told join held using (session_id)
    where w.session_id = told.session_id and w.revision = told.revision
    returning w.session_id
"""


@dataclass(frozen=True, slots=True)
class Overwrite:
    """A watch as it was read, as it is now, and when it is due from now on."""

    before: Kept
    heard: Watch
    due_at: datetime | None


async def write_heard(pool: Pool, news: Sequence[Overwrite]) -> set[UUID]:
    """Write what was heard over what was read; of the sessions that nobody else wrote meanwhile."""
    rows = orjson.dumps([_row(one) for one in news]).decode()
    return {row[0] for row in await fetch_all(pool, _HEARD, {"rows": rows})}


def _row(news: Overwrite) -> dict[str, Any]:
    facts = {name: getattr(news.heard, name) for name in FACTS}
    own = {"session_id": news.heard.session_id, "revision": news.before.revision}
    return {**facts, **own, "due_at": news.due_at}
