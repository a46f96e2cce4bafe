"""The plain table `login_failures`: failed logins of an address and a name within a minute.

An attempt is counted before the password is looked at, so that many at once do not all get in
before the first of them has failed; a success takes the count back.
"""

from lingxi_chassis.postgres import Pool, execute, fetch_one
from lingxi_gateway.projections.users import KEY_OF

WINDOW_SECONDS = 60
PRUNED_AT_ONCE_MAX = 20
"""Old rows that one attempt clears away."""

CREATE = (
    """
    create table login_failures (
        key            bytea primary key check (length(key) = 32),
        window_started timestamptz not null,
        failures       int         not null check (failures >= 1)
    )
    """,
    # Clearing away what is over.
    "create index login_failures_old on login_failures (window_started)",
)

# The name as `users` has it unique: nobody gets more tries by spelling it in another way.
_COUNT = f"""
    with attempt as (
        select sha256(convert_to(
            %(address)s::text || '|' || {KEY_OF.format("%(name)s::text")}, 'UTF8')) as key
    ), pruned as (
        delete from login_failures where key = any(array(
            select key from login_failures
            where window_started < now() - make_interval(secs => %(window_seconds)s)
              and key <> (select key from attempt)
            limit %(pruned_max)s for update skip locked))
    )
    insert into login_failures as f (key, window_started, failures)
    select key, now(), 1 from attempt
    on conflict (key) do update set
        failures = case when f.window_started < now() - make_interval(secs => %(window_seconds)s)
                        then 1 else f.failures + 1 end,
        window_started = case
            when f.window_started < now() - make_interval(secs => %(window_seconds)s)
            then now() else f.window_started end
    returning key, failures, ceil(extract(epoch from
        window_started + make_interval(secs => %(window_seconds)s) - now()))::int"""


async def count_attempt(pool: Pool, address: str, name: str) -> tuple[bytes, int, int]:
    """The key of an address and a user name, neither of which is kept; how many attempts this
    minute, with this one; and in how many seconds the minute ends."""
    params = {
        "address": address,
        "name": name,
        "window_seconds": WINDOW_SECONDS,
        "pruned_max": PRUNED_AT_ONCE_MAX,
    }
    row = await fetch_one(pool, _COUNT, params)
    assert row is not None
    key, failures, seconds_left = row
    return key, failures, max(1, seconds_left)


async def forget(pool: Pool, key: bytes) -> None:
    """The attempt succeeded: nothing failed."""
    await execute(pool, "delete from login_failures where key = %(key)s", {"key": key})
