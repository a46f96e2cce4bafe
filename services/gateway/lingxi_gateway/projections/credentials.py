"""The plain table `credentials`: what proves who somebody is. Not from events, and never in them.

`token_epoch` goes into every access token; raising it ends those from before. `disabled`: nobody
comes in by these; it repeats what the account's log says, for the queries that let in.
"""

from dataclasses import dataclass
from uuid import UUID

from lingxi_chassis.eventlog import Clause
from lingxi_chassis.postgres import Pool, fetch_one
from lingxi_gateway.projections.users import KEY_OF

CREATE = (
    """
    create table credentials (
        user_id       uuid primary key,
        password_hash text not null,
        token_epoch   int  not null default 0 check (token_epoch >= 0)
    )
    """,
)
ADD_DISABLED = ("alter table credentials add column disabled boolean not null default false",)


@dataclass(frozen=True, slots=True)
class Credentials:
    """How a user proves who they are."""

    user_id: UUID
    password_hash: str
    token_epoch: int
    disabled: bool


async def by_username(pool: Pool, username: str) -> Credentials | None:
    """The credentials of a user name, whatever its case."""
    row = await fetch_one(
        pool,
        "select user_id, password_hash, token_epoch, disabled"
        " from users join credentials using (user_id)"
        f" where username_key = {KEY_OF.format('%(username)s::text')}",
        {"username": username},
    )
    return Credentials(*row) if row else None


async def by_user(pool: Pool, user_id: UUID) -> Credentials | None:
    """The credentials of a user."""
    row = await fetch_one(
        pool,
        "select user_id, password_hash, token_epoch, disabled"
        " from credentials where user_id = %(user_id)s",
        {"user_id": user_id},
    )
    return Credentials(*row) if row else None


def first_password(password_hash: str) -> Clause:
    """For the append that registers."""
    return Clause(
        "first_password",
        "insert into credentials (user_id, password_hash)"
        " select user_id, %(password_hash)s from appended",
        {"password_hash": password_hash},
    )


def new_password(password_hash: str) -> Clause:
    """For the append of a new password: the token epoch moves on."""
    return Clause(
        "new_password",
        "update credentials set password_hash = %(password_hash)s, token_epoch = token_epoch + 1"
        " where user_id = any(array(select user_id from appended)) returning user_id, token_epoch",
        {"password_hash": password_hash},
    )


def disabled() -> Clause:
    """For the append that disables: the token epoch moves on, and nobody comes in any more."""
    return Clause(
        "disabled_credentials",
        "update credentials set disabled = true, token_epoch = token_epoch + 1"
        " where user_id = any(array(select user_id from appended))",
    )


def enabled() -> Clause:
    """For the append that enables again."""
    return Clause(
        "enabled_credentials",
        "update credentials set disabled = false"
        " where user_id = any(array(select user_id from appended))",
    )


def forgotten() -> Clause:
    """For the append that deletes."""
    return Clause(
        "forgotten_credentials",
        "delete from credentials where user_id = any(array(select user_id from appended))",
    )
