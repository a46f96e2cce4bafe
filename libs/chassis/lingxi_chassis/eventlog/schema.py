"""The tables of an event log. Every owner has the same, in its own database.

`events` is the truth and the outbox; `(xid, position)` is the order of publication. `streams` holds
the snapshot that commands decide on; a null state means erased. `relay_checkpoint` is one row.
"""

PUBLISHED_BYTES_MAX = 768 * 1024
"""Of one event's data as it is published. Postgres writes JSON with more spaces than it was given,
and numbers without an exponent: 1e308 has 309 digits. A row that NATS refuses (1 MiB) would stop
the relay for good."""
FITS_CONSTRAINT = "events_data_fits"

CREATE = (
    f"""
    create table events (
        position    bigint generated always as identity,
        xid         xid8        not null default pg_current_xact_id(),
        event_id    uuid        not null unique,
        stream_id   uuid        not null,
        version     int         not null check (version >= 1),
        type        text        not null,
        user_id     uuid        not null,
        occurred_at timestamptz not null,
        data        jsonb constraint {FITS_CONSTRAINT}
                          check (octet_length(data::text) <= {PUBLISHED_BYTES_MAX}),
        metadata    jsonb,
        primary key (stream_id, version)
    )
    """,
    # The relay: rows after its checkpoint, in the order of publication.
    "create index events_tail on events (xid, position)",
    """
    create table streams (
        stream_id uuid primary key,
        user_id   uuid not null,
        version   int  not null check (version >= 1),
        xid       xid8 not null default pg_current_xact_id(),
        state     jsonb
    )
    """,
    # Erasure of an account: all streams of a user.
    "create index streams_user on streams (user_id)",
    """
    create table relay_checkpoint (
        one_row        boolean primary key default true check (one_row),
        stream_created text    not null default '',
        stream_seq     bigint  not null default 0 check (stream_seq >= 0),
        xid            xid8    not null default '0',
        position       bigint  not null default 0
    )
    """,
    "insert into relay_checkpoint default values",
)
