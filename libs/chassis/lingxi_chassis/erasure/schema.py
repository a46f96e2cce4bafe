"""The tables of erasure, in each owner's database beside its log.

`erasures` is a work queue: a row for each stream whose tombstone is in the log and whose content
may still be somewhere. `erased_users` holds ids alone, for good.

A user's erasure must not miss a stream that is being begun at that moment, and no stream may be
begun after it. The trigger sees to it, and only the creation of a stream runs it (a row without a
state is a tombstone that a rebuild brings back). It takes the
user's advisory lock, shared, and looks for the user in a statement after that: in READ COMMITTED
each statement of a volatile function sees what was committed before it. A check in the append's own
statement would look with a snapshot from before the lock, and miss the erasure it had waited for.

The planner's statistics hold samples of a column's values, and keep them when the rows are gone. So
columns with content have none.
"""

USER_LOCK = 0x6C786575
"""First key of the advisory lock of a user; the second is a hash of the user id."""
ERASED_USER_CONSTRAINT = "erased_users"
"""What a refused creation violates; for `EventLog.taken`."""


def without_statistics(table: str, *columns: str) -> str:
    """The statement that keeps samples of these columns' values out of the planner's statistics.

    Nothing is planned by them: they are shown, or looked up by a unique index.
    """
    return f"alter table {table} " + ", ".join(
        f"alter column {column} set statistics 0" for column in columns
    )


CREATE = (
    """
    create table erased_users (
        user_id   uuid primary key,
        erased_at timestamptz not null default now()
    )
    """,
    f"""
    create function refuse_erased_user() returns trigger language plpgsql volatile as $$
    begin
        perform pg_advisory_xact_lock_shared({USER_LOCK}, hashtext(new.user_id::text));
        if exists (select from erased_users where user_id = new.user_id) then
            raise exception using errcode = 'unique_violation',
                constraint = '{ERASED_USER_CONSTRAINT}', message = 'the user is erased';
        end if;
        return new;
    end $$
    """,
    """
    create trigger streams_of_living_users before insert on streams
    for each row when (new.state is not null) execute function refuse_erased_user()
    """,
    """
    create table erasures (
        stream_id   uuid primary key,
        user_id     uuid        not null,
        version     int         not null check (version >= 1),
        stage       text        not null default 'blank' check (stage in ('blank', 'purge')),
        tries       int         not null default 0 check (tries >= 0),
        not_before  timestamptz not null default now(),
        lease_until timestamptz
    )
    """,
    # The claim of what nobody works on, oldest first.
    "create index erasures_waiting on erasures (not_before)",
    without_statistics("events", "data", "metadata"),
    without_statistics("streams", "state"),
    # Streams that were erased before there was this job.
    """
    insert into erasures (stream_id, user_id, version)
    select stream_id, user_id, version from streams where state is null
    """,
)
