"""The watches: a row a session, and the queue of those that are due.

A watch that waits for nothing but an event has no `due_at` and stands in no index of times: idle
sessions cost nothing. A due one is claimed by a claim id and a lease on the database's clock, while
`due_at` is on the service's.

`revision` counts what was written: whoever heard something writes only over what they read, and
whoever decided something only if nothing was heard since.

| the session         | sending | claim    | due_at    | news write (`heard.py`)                   |
| ------------------- | ------- | -------- | --------- | ----------------------------------------- |
| waits for an event  | -       | -        | -         | facts, due_at by them                     |
| waits for a time    | -       | -        | that time | facts, due_at by them                     |
| is looked at        | -       | a look's | past      | facts, due_at by them; the claim is taken |
| has a decision sent | its id  | a look's | past      | facts alone                               |
| has it put off      | its id  | -        | then      | facts alone                               |
| is over             | -       | -        | -         | nothing more                              |

So of a decision on its way the look that holds it owns `due_at` and claim until it is settled: it
stays due, that another takes it up should the lease end. Facts that came meanwhile count again in
the write that settles it, which reads them first (`send.py`). The end of a session ends all of it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from lingxi_chassis.eventlog import Clause
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Pool, Row, execute, fetch_all, fetch_one
from lingxi_scheduler.domain.manners import Manners
from lingxi_scheduler.domain.watch import LONG_AGO, Watch, due_at
from lingxi_scheduler.projections.neighbours import MANNERS, execute_for_living

LEASE_SECONDS = 30
COUNTED_MAX = 10_000
"""Due sessions are counted up to here."""
BATCH_SESSIONS_MAX = 500

CREATE = (
    """
    create table watches (
        session_id     uuid primary key,
        user_id        uuid        not null,
        agent_id       uuid,
        last_user_seq  int         not null default 0,
        last_user_at   timestamptz,
        last_agent_seq int         not null default 0,
        last_agent_at  timestamptz,
        read_up_to     int         not null default 0,
        proactive_seqs int[]       not null default '{}',
        flagged_seq    int         not null default 0,
        turn_sequence  int         not null default 0,
        turn_open      bool        not null default false,
        heard_at       timestamptz,
        ended          bool        not null default false,
        decided_seq    int         not null default 0,
        not_before     timestamptz,
        awaits_event   bool        not null default false,
        tries          int         not null default 0,
        sending        uuid,
        due_at         timestamptz check (due_at is null or not ended),
        revision       int         not null default 0,
        claim_id       uuid,
        lease_until    timestamptz check ((lease_until is null) = (claim_id is null))
    )
    """,
    # The claim of what is due, and when the next one is.
    "create index watches_due on watches (due_at) where due_at is not null",
    # What an agent's manners, and a user's time zone, change; erasure of an account.
    "create index watches_agent on watches (agent_id, session_id)",
    "create index watches_user on watches (user_id, session_id)",
    """
    create trigger watches_of_living_users before insert on watches
    for each row execute function refuse_erased_user()
    """,
)

COLUMNS = tuple(field.name for field in fields(Watch))
_SELECT = f"""
    select {", ".join(f"w.{name}" for name in COLUMNS)},
           w.due_at, w.revision, w.claim_id, a.manners::text, a.agent_id, u.timezone,
           greatest(a.changed_at, u.changed_at)
    from watches w
    left join agents a on a.agent_id = w.agent_id
    left join users u on u.user_id = w.user_id
    where w.session_id = any (%(session_ids)s)
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to decide about a session, until the lease ends, is renewed, or news come."""

    session_id: UUID
    claim_id: UUID


@dataclass(frozen=True, slots=True)
class Kept:
    """A watch as it is kept, and what is known around it.

    `manners` None: the agent is deleted, or `agent_known` is False. `surroundings_at`: when manners
    or time zone last changed.
    """

    watch: Watch
    due_at: datetime | None
    revision: int
    claim_id: UUID | None
    manners: Manners | None
    agent_known: bool
    timezone: str
    surroundings_at: datetime

    def due(self, watch: Watch, time_scale: float) -> datetime | None:
        """When the session is due, if the watch is this from now on."""
        if self.agent_known and self.manners is None:
            return None
        return due_at(watch, self.manners or Manners(), time_scale)


async def find_watch(pool: Pool, session_id: UUID) -> Kept | None:
    """What is kept of a session."""
    return next(iter(await find_watches(pool, [session_id])), None)


async def find_watches(pool: Pool, session_ids: Collection[UUID]) -> list[Kept]:
    """What is kept of these sessions, of those that are known."""
    return [_kept(row) for row in await fetch_all(pool, _SELECT, {"session_ids": [*session_ids]})]


def _kept(row: Row) -> Kept:
    values: dict[str, Any] = dict(zip(COLUMNS, row, strict=False))
    values["proactive_seqs"] = tuple(values["proactive_seqs"])
    due_at, revision, claim_id, manners, agent_id, timezone, changed_at = row[len(COLUMNS) :]
    return Kept(
        watch=Watch(**values),
        due_at=due_at,
        revision=revision,
        claim_id=claim_id,
        manners=manners and MANNERS.validate_json(manners),
        agent_known=agent_id is not None,
        timezone=timezone or "UTC",
        surroundings_at=changed_at or LONG_AGO,
    )


async def begin_watch(pool: Pool, session_id: UUID, user_id: UUID) -> bool:
    """A row of which nothing is known yet; False: the user is erased."""
    return await execute_for_living(
        pool,
        "insert into watches (session_id, user_id) values (%(session_id)s, %(user_id)s)"
        " on conflict do nothing",
        {"session_id": session_id, "user_id": user_id},
    )


async def claim_due(pool: Pool, now: datetime, limit: int) -> list[Claim]:
    """Claim sessions that are due and that nobody looks at, the longest due first."""
    claim_id = new_id()
    rows = await fetch_all(pool, CLAIM, {"now": now, "limit": limit, "claim_id": claim_id})
    return [Claim(row[0], claim_id) for row in rows]


CLAIM = f"""
    update watches
    set claim_id = %(claim_id)s, lease_until = now() + interval '{LEASE_SECONDS} seconds'
    where session_id = any (array (
        select session_id from watches
        where due_at <= %(now)s and (lease_until is null or lease_until < now())
        order by due_at limit %(limit)s for update skip locked
    ))
    returning session_id
"""


async def renew(pool: Pool, claim: Claim) -> bool:
    """Hold on for another lease; False: somebody else has it, or news came."""
    sql = f"""
        update watches set lease_until = now() + interval '{LEASE_SECONDS} seconds'
        where session_id = %(session_id)s and claim_id = %(claim_id)s
    """
    params = {"session_id": claim.session_id, "claim_id": claim.claim_id}
    return await execute(pool, sql, params) > 0


async def overdue(pool: Pool, now: datetime) -> tuple[int, float]:
    """How many sessions are due that nobody looks at, counted to `COUNTED_MAX`, and for how many
    seconds the longest due of them."""
    row = await fetch_one(
        pool,
        """
        select count(*), extract(epoch from %(now)s - min(due_at))::float8
        from (
            select due_at from watches
            where due_at <= %(now)s and (lease_until is null or lease_until < now())
            order by due_at limit %(counted_max)s
        ) due
        """,
        {"now": now, "counted_max": COUNTED_MAX},
    )
    assert row is not None
    return row[0], row[1] or 0.0


async def next_due(pool: Pool) -> tuple[datetime | None, bool]:
    """When the next session is due that nobody looks at, and whether any is looked at now."""
    row = await fetch_one(
        pool,
        """
        select (select due_at from watches where due_at is not null
                and (lease_until is null or lease_until < now()) order by due_at limit 1),
               (select lease_until is not null from watches
                where due_at is not null order by due_at limit 1)
        """,
        {},
    )
    assert row is not None
    return row[0], bool(row[1])


# What is decided


def holding(held: Kept) -> Clause:
    """Guard: the claim is still ours and nothing was heard since. The row stays locked."""
    return Clause(
        "held",
        "select 1 from watches where session_id = %(held_session)s and claim_id = %(held_claim)s"
        " and revision = %(held_revision)s for update",
        {
            "held_session": held.watch.session_id,
            "held_claim": held.claim_id,
            "held_revision": held.revision,
        },
    )


def watched(watch: Watch, due: datetime | None, *, still_held: bool = False) -> Clause:
    """Effect of an append: what the watch is from now on; the claim ends unless `still_held`."""
    sql = f"{_written('watched_', still_held=still_held)} and exists (select from appended)"
    return Clause("watched", sql, _written_params("watched_", watch, due))


async def write_decided(pool: Pool, held: Kept, watch: Watch, due: datetime | None) -> bool:
    """The same without an append; False: the claim is not ours any more, or news came."""
    guard = " and claim_id = %(claim_id)s and revision = %(revision)s"
    params = {"claim_id": held.claim_id, "revision": held.revision}
    params |= _written_params("", watch, due)
    return await execute(pool, _written("", still_held=False) + guard, params) > 0


_DECIDED = ("agent_id", "decided_seq", "not_before", "awaits_event", "tries", "sending")


def _written(prefix: str, *, still_held: bool) -> str:
    release = "" if still_held else ", claim_id = null, lease_until = null"
    return f"""
        update watches
        set {", ".join(f"{name} = %({prefix}{name})s" for name in (*_DECIDED, "due_at"))},
            revision = revision + 1{release}
        where session_id = %({prefix}session_id)s"""


def _written_params(prefix: str, watch: Watch, due: datetime | None) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(watch, name) for name in (*_DECIDED, "session_id")}
    return {f"{prefix}{name}": value for name, value in (values | {"due_at": due}).items()}


# Those that something else concerns


async def sessions_of_agent(pool: Pool, agent_id: UUID, after: UUID) -> Sequence[UUID]:
    """Sessions with an agent that wait for something, in the order of ids."""
    return await _sessions(pool, "agent_id", agent_id, after)


async def sessions_of_user(pool: Pool, user_id: UUID, after: UUID) -> Sequence[UUID]:
    """Sessions of a user that wait for something, in the order of ids."""
    return await _sessions(pool, "user_id", user_id, after)


async def _sessions(pool: Pool, column: str, whose: UUID, after: UUID) -> Sequence[UUID]:
    rows = await fetch_all(
        pool,
        f"""
        select session_id from watches
        where {column} = %(whose)s and session_id > %(after)s
          and (due_at is not null or awaits_event)
        order by session_id limit {BATCH_SESSIONS_MAX}
        """,
        {"whose": whose, "after": after},
    )
    return [row[0] for row in rows]


async def forget_watches(pool: Pool, user_id: UUID) -> None:
    """A user is gone for good."""
    await execute(pool, "delete from watches where user_id = %(user_id)s", {"user_id": user_id})
