"""The plain table `audit`: what was done to accounts. For operators; no part of the log.

The same thing from one address within a minute is one row that counts, so that whoever tries many
passwords fills nothing. What an append does is written in its statement. Rows go after so many
days; with an account its addresses go at once (docs/decisions/0026).
"""

from dataclasses import dataclass
from uuid import UUID

from lingxi_chassis.context import correlation_id
from lingxi_chassis.eventlog import Clause
from lingxi_chassis.postgres import Pool, execute, fetch_all
from lingxi_contracts.audit import Action, AuditEntry, AuditPage

FORGOTTEN_AT_ONCE_MAX = 1_000

CREATE = (
    """
    create table audit (
        entry_id       bigint generated always as identity primary key,
        user_id        uuid        not null,
        action         text        not null,
        address        text,
        minute         timestamptz not null default date_trunc('minute', now()),
        at             timestamptz not null default now(),
        times          int         not null default 1 check (times >= 1),
        correlation_id text,
        constraint audit_same unique (user_id, action, address, minute)
    )
    """,
    # Of one account; and clearing away what is old.
    "create index audit_user on audit (user_id, entry_id)",
    "create index audit_old on audit (at)",
)

_INSERT = """
    insert into audit as a (user_id, action, address, correlation_id)
    select {user_id}, %(audit_action)s, %(audit_address)s, %(audit_correlation)s {source}
    on conflict (user_id, action, address, minute) do update
    set times = a.times + 1, at = now(), correlation_id = excluded.correlation_id"""

_RECORD = _INSERT.format(user_id="%(audit_user)s", source="")

_FORGET = f"""
    delete from audit where entry_id = any(array(
        select entry_id from audit where at < now() - make_interval(days => %(days)s)
        order by at limit {FORGOTTEN_AT_ONCE_MAX} for update skip locked))"""

_PAGE = """
    select entry_id, at, user_id, action, times, address, correlation_id from audit
    where (%(user_id)s::uuid is null or user_id = %(user_id)s)
      and (%(before)s::bigint is null or entry_id < %(before)s)
    order by entry_id desc limit %(more)s"""


def done(action: Action, address: str | None, source: str = "appended") -> Clause:
    """For the statement that does it, to whom `source` selects."""
    return Clause(
        "audited",
        _INSERT.format(user_id="user_id", source=f"from {source}"),
        {
            "audit_action": action,
            "audit_address": address,
            "audit_correlation": correlation_id(),
        },
    )


def addresses_forgotten() -> Clause:
    """For the append that deletes: from where the user came is nobody's business any more."""
    return Clause(
        "forgotten_addresses",
        "update audit set address = null, correlation_id = null"
        " where user_id = any(array(select user_id from appended))",
    )


@dataclass(frozen=True, slots=True)
class Audit:
    """Writes down what no append does; rows are kept so many days."""

    pool: Pool
    days: int

    async def record(self, action: Action, user_id: UUID, address: str | None) -> None:
        """It was done, or tried. Raises Unavailable: then it must not be done."""
        params = {"audit_user": user_id, **done(action, address).params}
        await execute(self.pool, _RECORD, params)

    async def forget(self) -> int:
        """Delete rows that are too old, some at a time; how many. Raises Unavailable."""
        return await execute(self.pool, _FORGET, {"days": self.days})


async def list_entries(
    pool: Pool, user_id: UUID | None, before: int | None, limit: int
) -> AuditPage:
    """A page, newest first."""
    params = {"user_id": user_id, "before": before, "more": limit + 1}
    rows = await fetch_all(pool, _PAGE, params)
    results = tuple(
        AuditEntry(
            entry_id=row[0],
            at=row[1],
            user_id=row[2],
            action=row[3],
            times=row[4],
            address=row[5],
            correlation_id=row[6],
        )
        for row in rows[:limit]
    )
    return AuditPage(results=results, next_before=results[-1].entry_id if rows[limit:] else None)
