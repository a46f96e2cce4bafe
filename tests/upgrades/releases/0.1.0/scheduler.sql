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
    );

create index watches_due on watches (due_at) where due_at is not null;

create index watches_agent on watches (agent_id, session_id);

create index watches_user on watches (user_id, session_id);

create trigger watches_of_living_users before insert on watches
    for each row execute function refuse_erased_user();

create table agents (
        agent_id   uuid primary key,
        user_id    uuid        not null,
        sequence   int         not null,
        changed_at timestamptz not null,
        manners    jsonb
    );

create index agents_user on agents (user_id);

create table users (
        user_id    uuid primary key,
        sequence   int         not null,
        changed_at timestamptz not null,
        timezone   text        not null
    );

create trigger agents_of_living_users before insert on agents
        for each row execute function refuse_erased_user();

create trigger users_of_living_users before insert on users
        for each row execute function refuse_erased_user();

create table decisions (
        decision_id uuid primary key,
        session_id  uuid        not null,
        user_id     uuid        not null,
        version     int         not null,
        decided_at  timestamptz not null,
        outcome     text,
        reason      text        not null,
        gate        text,
        message_id  uuid,
        next_at     timestamptz
    );

create index decisions_listed on decisions (session_id, version);

create table caps (
        user_id uuid,
        day     date,
        sent    int not null check (sent >= 0),
        primary key (user_id, day)
    );

alter table decisions alter column reason set statistics 0;

create trigger caps_of_living_users before insert on caps
    for each row execute function refuse_erased_user();

-- 0002
create table heard_logs (
        owner    text    primary key,
        xid      xid8    not null default '0',
        position bigint  not null default 0,
        done     boolean not null default false,
        round    int     not null default 1
    );

insert into heard_logs (owner, done) select 'chat', true where exists (select from watches);

insert into heard_logs (owner, done) select 'agent', true where exists (select from watches);

insert into heard_logs (owner, done) select 'gateway', true where exists (select from watches);

create table alembic_version (version_num varchar(32) not null, constraint alembic_version_pkc primary key (version_num));
insert into alembic_version values ('0002');
