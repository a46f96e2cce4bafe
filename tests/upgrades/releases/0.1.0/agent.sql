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

create table agents (
        agent_id            uuid primary key,
        user_id             uuid        not null,
        name                text        not null,
        parameters          jsonb       not null,
        timings             jsonb,
        personality_prompt  text        not null,
        personality_version int         not null check (personality_version >= 0),
        created_at          timestamptz not null,
        updated_at          timestamptz not null,
        constraint agents_user_name_key unique (user_id, name)
    );

create index agents_listed on agents (user_id, created_at, agent_id);

create table personality_versions (
        agent_id           uuid,
        version            int         check (version >= 1),
        personality_prompt text        not null,
        source             text        not null,
        reason             text,
        confidence         float8,
        evidence           jsonb       not null,
        restored_from      int,
        created_at         timestamptz not null,
        primary key (agent_id, version)
    );

-- 0002
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

alter table agents alter column name set statistics 0, alter column parameters set statistics 0, alter column timings set statistics 0, alter column personality_prompt set statistics 0;

alter table personality_versions alter column personality_prompt set statistics 0, alter column reason set statistics 0, alter column evidence set statistics 0;

-- 0003
create table personality_suggestions (
        suggestion_id         uuid primary key,
        session_id            uuid        not null,
        agent_id              uuid        not null,
        user_id               uuid        not null,
        reason                text        not null,
        suggested_personality text        not null,
        confidence            float8      not null,
        based_on_version      int         not null check (based_on_version >= 1),
        evidence              jsonb       not null,
        created_at            timestamptz not null
    );

create index personality_suggestions_session on personality_suggestions (session_id);

create index personality_suggestions_agent on personality_suggestions (agent_id);

alter table personality_suggestions alter column reason set statistics 0, alter column suggested_personality set statistics 0, alter column evidence set statistics 0;

create table personality_reviews (
        agent_id        uuid,
        session_id      uuid,
        up_to_seq       int not null,
        rests_until_seq int not null,
        primary key (agent_id, session_id)
    );

create table memories (
        memory_id  uuid primary key,
        agent_id   uuid        not null,
        user_id    uuid        not null,
        text       text        not null,
        evidence   jsonb       not null,
        by_user    bool        not null,
        created_at timestamptz not null,
        updated_at timestamptz not null
    );

create index memories_listed on memories (agent_id, created_at, memory_id);

create index memories_user on memories (user_id);

alter table memories alter column text set statistics 0, alter column evidence set statistics 0;

create table sessions (
        session_id    uuid primary key,
        learned_up_to int  not null default 0,
        deleted       bool not null default false
    );

create table alembic_version (version_num varchar(32) not null, constraint alembic_version_pkc primary key (version_num));
insert into alembic_version values ('0003');
