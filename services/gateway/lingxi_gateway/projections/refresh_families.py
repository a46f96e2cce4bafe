"""The plain table `refresh_families`: a row for each login that has not ended (`domain.refresh`).

Ending a login deletes its row. `key_hash` is the SHA-256 of a random secret in the family's tokens.
`exempt_epoch`: the token epoch that this login itself brought about by changing the password; its
access tokens from before go on while that is the newest.
"""

from collections.abc import Sequence, Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lingxi_chassis.eventlog import Clause
from lingxi_chassis.postgres import Pool, execute, fetch_all, fetch_one
from lingxi_gateway.projections.audit import done

FAMILIES_PER_USER_MAX = 100
"""Logins of one user at a time; one more ends the one that was not used for the longest."""

CREATE = (
    """
    create table refresh_families (
        family_id    uuid primary key,
        user_id      uuid        not null,
        key_hash     bytea       not null check (length(key_hash) = 32),
        generation   int         not null default 0 check (generation >= 0),
        exempt_epoch int,
        created_at   timestamptz not null,
        expires_at   timestamptz not null
    )
    """,
    # All logins of a user: the check of each request, logging out everywhere.
    "create index refresh_families_user on refresh_families (user_id, created_at)",
)

# Only while the password that was checked is still the password.
_START = """
    with credentials_now as (
        select user_id from credentials
        where user_id = %(user_id)s and password_hash = %(password_hash)s and not disabled
    ), pruned as (
        delete from refresh_families where family_id = any(array(
            select family_id from (
                -- Each use moves the end on, so this is the order of last use.
                select family_id, expires_at, row_number() over (order by expires_at desc) as nth
                from refresh_families where user_id = %(user_id)s
            ) mine where expires_at < %(at)s or nth >= %(families_max)s))
    )
    {and_audited}
    insert into refresh_families (family_id, user_id, key_hash, created_at, expires_at)
    select %(family_id)s, user_id, %(key_hash)s, %(at)s, %(expires_at)s from credentials_now"""

_STATE = """
    select f.generation, f.key_hash, c.token_epoch
    from refresh_families f join credentials c using (user_id)
    where f.family_id = %(family_id)s and f.user_id = %(user_id)s and not c.disabled"""

_USED = """
    update refresh_families
    set generation = %(generation)s, expires_at = greatest(expires_at, %(expires_at)s)
    where family_id = %(family_id)s and generation = %(decided_on)s"""

_LOGINS = """
    select token_epoch,
           array(select family_id from refresh_families f where f.user_id = c.user_id),
           array(select family_id from refresh_families f
                 where f.user_id = c.user_id and f.exempt_epoch = c.token_epoch)
    from credentials c where user_id = %(user_id)s and not disabled"""

_LOGINS_OF = """
    select user_id, token_epoch,
           array(select family_id from refresh_families f where f.user_id = c.user_id),
           array(select family_id from refresh_families f
                 where f.user_id = c.user_id and f.exempt_epoch = c.token_epoch)
    from credentials c where user_id = any(%(user_ids)s) and not disabled"""

_EVERYWHERE = """
    with ended as (delete from refresh_families where user_id = %(user_id)s)
    update credentials set token_epoch = token_epoch + 1 where user_id = %(user_id)s"""


@dataclass(frozen=True, slots=True)
class FamilyRow:
    """A login as refreshing needs it."""

    generation: int
    key_hash: bytes
    token_epoch: int


@dataclass(frozen=True, slots=True)
class Logins:
    """Which access tokens of a user count: of these families, and of this epoch or exempt."""

    token_epoch: int
    families: AbstractSet[UUID]
    exempt: AbstractSet[UUID]


async def start(
    pool: Pool,
    *,
    family_id: UUID,
    user_id: UUID,
    password_hash: str,
    key_hash: bytes,
    at: datetime,
    expires_at: datetime,
    address: str,
) -> bool:
    """Record a login, from an address; False: the password has changed meanwhile."""
    params = {
        "family_id": family_id,
        "user_id": user_id,
        "password_hash": password_hash,
        "key_hash": key_hash,
        "at": at,
        "expires_at": expires_at,
        "families_max": FAMILIES_PER_USER_MAX,
    }
    audited = done("logged_in", address, "credentials_now")
    sql = _START.format(and_audited=f", {audited.name} as ({audited.sql})")
    return await execute(pool, sql, {**params, **audited.params}) == 1


async def get_family(pool: Pool, family_id: UUID, user_id: UUID) -> FamilyRow | None:
    """A login that has not ended, of a user who may come in."""
    row = await fetch_one(pool, _STATE, {"family_id": family_id, "user_id": user_id})
    return FamilyRow(*row) if row else None


async def record_use(
    pool: Pool, family_id: UUID, decided_on: int, generation: int, expires_at: datetime
) -> bool:
    """Move a family on; False: somebody else did since it was read."""
    params = {
        "family_id": family_id,
        "decided_on": decided_on,
        "generation": generation,
        "expires_at": expires_at,
    }
    return await execute(pool, _USED, params) == 1


async def end(pool: Pool, family_id: UUID) -> None:
    """End one login; none is fine."""
    sql = "delete from refresh_families where family_id = %(family_id)s"
    await execute(pool, sql, {"family_id": family_id})


async def end_all(pool: Pool, user_id: UUID) -> None:
    """End all logins of a user, and all access tokens."""
    await execute(pool, _EVERYWHERE, {"user_id": user_id})


async def get_logins(pool: Pool, user_id: UUID) -> Logins | None:
    """Which access tokens of a user count; None: no such user, or a disabled one."""
    row = await fetch_one(pool, _LOGINS, {"user_id": user_id})
    return Logins(row[0], frozenset(row[1]), frozenset(row[2])) if row else None


async def get_logins_of(pool: Pool, user_ids: Sequence[UUID]) -> dict[UUID, Logins]:
    """As `get_logins`, of several users; those who may not come in are left out."""
    rows = await fetch_all(pool, _LOGINS_OF, {"user_ids": list(user_ids)})
    return {row[0]: Logins(row[1], frozenset(row[2]), frozenset(row[3])) for row in rows}


def end_every() -> Clause:
    """For an append of an operator's: no login stays."""
    return Clause(
        "ended_logins",
        "delete from refresh_families where user_id = any(array(select user_id from appended))",
    )


def end_others(kept_family_id: UUID) -> tuple[Clause, ...]:
    """For the append of a new password, after `credentials.new_password`: only one login stays."""
    return (
        Clause(
            "ended_logins",
            "delete from refresh_families where user_id = any(array(select user_id from appended))"
            " and family_id <> %(kept_family_id)s",
            {"kept_family_id": kept_family_id},
        ),
        Clause(
            "kept_login",
            "update refresh_families f set exempt_epoch = p.token_epoch from new_password p"
            " where f.family_id = %(kept_family_id)s and f.user_id = p.user_id",
        ),
    )
