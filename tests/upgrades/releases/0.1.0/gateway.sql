-- 0001
create table events (
        position    bigint generated always as identity,
        xid         xid8        not null default pg_current_xact_id(),
        event_id    uuid        not null unique,
        stream_id   uuid        not null,
        version     int         not null check (version >= 1),
        type        text        not null,
        user_id     uuid        not null,
        occurred_at timestamptz not null,
        data        jsonb constraint events_data_fits
                          check (octet_length(data::text) <= 786432),
        metadata    jsonb,
        primary key (stream_id, version)
    );

create index events_tail on events (xid, position);

create table streams (
        stream_id uuid primary key,
        user_id   uuid not null,
        version   int  not null check (version >= 1),
        xid       xid8 not null default pg_current_xact_id(),
        state     jsonb
    );

create index streams_user on streams (user_id);

create table relay_checkpoint (
        one_row        boolean primary key default true check (one_row),
        stream_created text    not null default '',
        stream_seq     bigint  not null default 0 check (stream_seq >= 0),
        xid            xid8    not null default '0',
        position       bigint  not null default 0
    );

insert into relay_checkpoint default values;

create table users (
        user_id      uuid primary key,
        username     text        not null,
        username_key text        not null generated always as (lower(normalize(username, NFKC) collate "pg_c_utf8")) stored,
        email        text,
        timezone     text        not null,
        created_at   timestamptz not null,
        constraint users_username_key unique (username_key)
    );

create table credentials (
        user_id       uuid primary key,
        password_hash text not null,
        token_epoch   int  not null default 0 check (token_epoch >= 0)
    );

create table refresh_families (
        family_id    uuid primary key,
        user_id      uuid        not null,
        key_hash     bytea       not null check (length(key_hash) = 32),
        generation   int         not null default 0 check (generation >= 0),
        exempt_epoch int,
        created_at   timestamptz not null,
        expires_at   timestamptz not null
    );

create index refresh_families_user on refresh_families (user_id, created_at);

create table login_failures (
        key            bytea primary key check (length(key) = 32),
        window_started timestamptz not null,
        failures       int         not null check (failures >= 1)
    );

create index login_failures_old on login_failures (window_started);

-- 0002
alter table credentials add column disabled boolean not null default false;

-- 0003
create table erased_users (
        user_id   uuid primary key,
        erased_at timestamptz not null default now()
    );

create function refuse_erased_user() returns trigger language plpgsql volatile as $$
    begin
        perform pg_advisory_xact_lock_shared(1819829621, hashtext(new.user_id::text));
        if exists (select from erased_users where user_id = new.user_id) then
            raise exception using errcode = 'unique_violation',
                constraint = 'erased_users', message = 'the user is erased';
        end if;
        return new;
    end $$;

create trigger streams_of_living_users before insert on streams
    for each row when (new.state is not null) execute function refuse_erased_user();

create table erasures (
        stream_id   uuid primary key,
        user_id     uuid        not null,
        version     int         not null check (version >= 1),
        stage       text        not null default 'blank' check (stage in ('blank', 'purge')),
        tries       int         not null default 0 check (tries >= 0),
        not_before  timestamptz not null default now(),
        lease_until timestamptz
    );

create index erasures_waiting on erasures (not_before);

alter table events alter column data set statistics 0, alter column metadata set statistics 0;

alter table streams alter column state set statistics 0;

insert into erasures (stream_id, user_id, version)
    select stream_id, user_id, version from streams where state is null;

alter table users alter column username set statistics 0, alter column username_key set statistics 0, alter column email set statistics 0;

-- 0004
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
    );

create index audit_user on audit (user_id, entry_id);

create index audit_old on audit (at);

create table alembic_version (version_num varchar(32) not null, constraint alembic_version_pkc primary key (version_num));
insert into alembic_version values ('0004');
