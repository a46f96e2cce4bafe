"""The read model `users`: a row for each account, with all that is shown of it.

User names are unique whatever their case and Unicode form (NFKC), so that nobody can pass for
somebody else; they are shown as they were written.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lingxi_chassis.erasure.schema import without_statistics
from lingxi_chassis.eventlog import Projection
from lingxi_chassis.postgres import Pool, fetch_one
from lingxi_contracts.gateway import UserChanged, UserDeleted, UserRegistered

NAME_CONSTRAINT = "users_username_key"
# Of Unicode in every database, whatever its locale.
KEY_OF = 'lower(normalize({}, NFKC) collate "pg_c_utf8")'

CREATE = (
    f"""
    create table users (
        user_id      uuid primary key,
        username     text        not null,
        username_key text        not null generated always as ({KEY_OF.format("username")}) stored,
        email        text,
        timezone     text        not null,
        created_at   timestamptz not null,
        constraint {NAME_CONSTRAINT} unique (username_key)
    )
    """,
)
WITHOUT_SAMPLES = without_statistics("users", "username", "username_key", "email")

FOLDS = (
    Projection(
        name="registered_users",
        tags=frozenset({UserRegistered.tag}),
        sql="""
            insert into users (user_id, username, email, timezone, created_at)
            select stream_id, data->>'username', data->>'email', data->>'timezone', occurred_at
            from logged where type = 'user_registered.v1' and data is not null""",
    ),
    Projection(
        name="changed_users",
        tags=frozenset({UserChanged.tag}),
        sql="""
            update users u set email = c.data->>'email', timezone = c.data->>'timezone'
            from (
                select distinct on (stream_id) stream_id, data from logged
                where type = 'user_changed.v1' and data is not null
                order by stream_id, version desc
            ) c
            where u.user_id = c.stream_id and u.user_id = any(array(
                select stream_id from logged where type = 'user_changed.v1'))""",
    ),
    Projection(
        name="deleted_users",
        tags=frozenset({UserDeleted.tag}),
        sql="""
            delete from users where user_id = any(array(
                select stream_id from logged where type = 'user_deleted.v1'))""",
    ),
)


@dataclass(frozen=True, slots=True)
class User:
    """An account as its user sees it."""

    user_id: UUID
    username: str
    email: str | None
    timezone: str
    created_at: datetime


async def get_user(pool: Pool, user_id: UUID) -> User | None:
    """One account."""
    row = await fetch_one(
        pool,
        "select user_id, username, email, timezone, created_at"
        " from users where user_id = %(user_id)s",
        {"user_id": user_id},
    )
    return User(*row) if row else None
