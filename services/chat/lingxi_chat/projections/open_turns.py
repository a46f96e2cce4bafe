"""The open turns: table, claims. A turn's row is the queue: it exists while the turn is open.

A row is claimed by writing a claim id and a lease on the database's clock. Whoever holds the claim
may record the turn's outcome, in the append that deletes the row; nobody else can: `holding` is the
guard of that append. Whatever locks a turn's row and its session's stream locks the row first.

A stop is asked for in the row: whoever holds the claim, or claims the turn next, ends it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from lingxi_chassis.eventlog import Clause
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Pool, execute, fetch_all, fetch_one

LEASE_SECONDS = 15
ATTEMPTS_MAX = 5

CREATE = (
    f"""
    create table turn_work (
        turn_id     uuid primary key,
        session_id  uuid        not null,
        user_id     uuid        not null,
        claim_id    uuid,
        attempt     int         not null check (attempt between 0 and {ATTEMPTS_MAX + 1}),
        lease_until timestamptz check ((lease_until is null) = (claim_id is null)),
        not_before  timestamptz not null default now(),
        correlation_id text,
        stop_requested bool     not null default false,
        claims      int         not null default 0,
        traceparent text,
        -- Checked at the end of a statement: one append ends a turn and starts the next.
        unique (session_id) deferrable
    )
    """,
    # The claim of what nobody works on, oldest first.
    "create index turn_work_waiting on turn_work (not_before)",
)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to record one turn's outcome, until the lease ends or is renewed.

    `correlation_id` and `traceparent` are those of the work which started the turn. `number` counts
    the turn's claims from 1; unlike `attempt` it is never taken back.
    """

    turn_id: UUID
    session_id: UUID
    user_id: UUID
    claim_id: UUID
    attempt: int
    correlation_id: str | None = None
    number: int = 1
    stop_requested: bool = False
    traceparent: str | None = None


def enqueue(turn_id: UUID, claim_id: UUID | None, settle_seconds: float = 0) -> Clause:
    """The row of a turn that starts in this append, claimed already if a claim id is given.

    Nobody else claims it before `settle_seconds` have passed.
    """
    return Clause(
        "enqueued",
        f"""
        insert into turn_work
            (turn_id, session_id, user_id, claim_id, attempt, claims, not_before, lease_until,
             correlation_id, traceparent)
        select %(enqueued_turn)s, stream_id, user_id, %(enqueued_claim)s::uuid,
               case when %(enqueued_claim)s::uuid is null then 0 else 1 end,
               case when %(enqueued_claim)s::uuid is null then 0 else 1 end,
               now() + make_interval(secs => %(enqueued_settle)s),
               case when %(enqueued_claim)s::uuid is null then null
                    else now() + interval '{LEASE_SECONDS} seconds' end,
               %(metadata)s::jsonb->>'correlation_id', %(metadata)s::jsonb->>'traceparent'
        from appended
        """,
        {
            "enqueued_turn": turn_id,
            "enqueued_claim": claim_id,
            "enqueued_settle": settle_seconds,
        },
    )


def settling(settle_seconds: float) -> Clause:
    """The session's turn, if nobody has claimed it yet, waits that long from now on."""
    return Clause(
        "settling",
        """
        update turn_work set not_before = now() + make_interval(secs => %(settling_seconds)s)
        where session_id in (select stream_id from appended)
          and claims = 0 and not stop_requested
        """,
        {"settling_seconds": settle_seconds},
    )


def holding(claim: Claim) -> Clause:
    """Guard: the claim is still ours. The row stays locked until the append is committed."""
    return Clause(
        "held",
        "select 1 from turn_work where turn_id = %(held_turn)s and claim_id = %(held_claim)s"
        " for update",
        {"held_turn": claim.turn_id, "held_claim": claim.claim_id},
    )


def dequeue(claim: Claim) -> Clause:
    """The turn of this append's outcome is over."""
    return Clause(
        "dequeued",
        "delete from turn_work where turn_id = %(dequeued_turn)s and exists (select from appended)",
        {"dequeued_turn": claim.turn_id},
    )


DROP = Clause(
    "dropped", "delete from turn_work where session_id in (select stream_id from appended)"
)
"""The session of this append is gone, and its open turn with it."""


def locking(session_id: UUID) -> Clause:
    """Guard of `DROP` that always holds: it locks the open turn's row, if there is one."""
    return Clause(
        "held",
        "select count(*) from"
        " (select from turn_work where session_id = %(held_session)s for update) locked",
        {"held_session": session_id},
    )


async def claim_waiting(pool: Pool, limit: int) -> Sequence[Claim]:
    """Claim turns that nobody works on: never claimed, or their lease ended."""
    claim_id = new_id()
    rows = await fetch_all(
        pool,
        f"""
        update turn_work
        set claim_id = %(claim_id)s, attempt = least(attempt, {ATTEMPTS_MAX}) + 1,
            claims = claims + 1,
            lease_until = now() + interval '{LEASE_SECONDS} seconds'
        where turn_id = any (array (
            select turn_id from turn_work
            where not_before <= now() and (lease_until is null or lease_until < now())
            order by not_before limit %(limit)s for update skip locked
        ))
        returning turn_id, session_id, user_id, claim_id, attempt, correlation_id, claims,
                  stop_requested, traceparent
        """,
        {"claim_id": claim_id, "limit": limit},
    )
    return [Claim(*row) for row in rows]


async def turns_waiting(pool: Pool) -> tuple[int, float]:
    """How many turns could be claimed, and for how many seconds the oldest of them."""
    row = await fetch_one(
        pool,
        """
        select count(*),
               extract(epoch from now() - min(coalesce(lease_until, not_before)))::float8
        from turn_work where not_before <= now() and (lease_until is null or lease_until < now())
        """,
        {},
    )
    assert row is not None
    return row[0], row[1] or 0.0


async def renew(pool: Pool, claim: Claim) -> bool | None:
    """Hold on for another lease; whether the turn is to stop.

    None: somebody else holds it, or the turn is over.
    """
    row = await fetch_one(
        pool,
        f"""
        update turn_work set lease_until = now() + interval '{LEASE_SECONDS} seconds'
        where turn_id = %(turn_id)s and claim_id = %(claim_id)s
        returning stop_requested
        """,
        {"turn_id": claim.turn_id, "claim_id": claim.claim_id},
    )
    return row[0] if row else None


async def request_stop(pool: Pool, turn_id: UUID) -> bool | None:
    """A turn is to end; whether somebody works on it. If nobody does, it can be claimed at once.

    None: it is over.
    """
    row = await fetch_one(
        pool,
        """
        update turn_work set stop_requested = true, not_before = least(not_before, now())
        where turn_id = %(turn_id)s
        returning lease_until is not null and lease_until >= now()
        """,
        {"turn_id": turn_id},
    )
    return row[0] if row else None


async def give_back(pool: Pool, claims: Sequence[Claim], *, counts: bool = False) -> None:
    """Let somebody else take them at once; whether the attempt counts."""
    await execute(
        pool,
        """
        update turn_work set claim_id = null, lease_until = null, attempt = attempt - %(uncounted)s
        where (turn_id, claim_id) in
            (select * from unnest(%(turns)s::uuid[], %(claims)s::uuid[]))
        """,
        {
            "turns": [c.turn_id for c in claims],
            "claims": [c.claim_id for c in claims],
            "uncounted": 0 if counts else 1,
        },
    )
