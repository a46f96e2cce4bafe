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

create table messages (
        session_id   uuid        not null,
        seq          int         not null check (seq >= 1),
        message_id   uuid        not null,
        user_id      uuid        not null,
        author       text        not null check (author in ('user', 'agent')),
        sent_at      timestamptz not null,
        text         text        not null,
        request_hash text        check ((request_hash is not null) = (author = 'user')),
        turn_id      uuid,
        proactive_id uuid,
        bubble       int         check ((bubble is not null) = (author = 'agent')),
        delay_ms     int         check ((delay_ms is not null) = (author = 'agent')),
        superseded_by uuid,
        news         text[],
        critical     jsonb,
        primary key (session_id, seq),
        constraint messages_said_because check (
            case author when 'agent' then (turn_id is null) <> (proactive_id is null)
                        else proactive_id is null end
        ),
        constraint messages_critical check (critical is null or author = 'user')
    );

create unique index messages_message_id_key on messages (message_id, user_id);

create table sessions (
        session_id       uuid primary key,
        user_id          uuid        not null,
        agent_id         uuid        not null,
        title            text        not null,
        started_at       timestamptz not null,
        last_activity_at timestamptz not null
    );

create index sessions_started on sessions (user_id, started_at, session_id);

create index sessions_activity on sessions (user_id, last_activity_at, session_id);

create index sessions_agent on sessions (agent_id);

create table turn_work (
        turn_id     uuid primary key,
        session_id  uuid        not null,
        user_id     uuid        not null,
        claim_id    uuid,
        attempt     int         not null check (attempt between 0 and 6),
        lease_until timestamptz check ((lease_until is null) = (claim_id is null)),
        not_before  timestamptz not null default now(),
        correlation_id text,
        stop_requested bool     not null default false,
        claims      int         not null default 0,
        traceparent text,
        -- Checked at the end of a statement: one append ends a turn and starts the next.
        unique (session_id) deferrable
    );

create index turn_work_waiting on turn_work (not_before);

create table agents (
        agent_id uuid primary key,
        name     text,
        sequence int  not null,
        deleted  bool not null default false check (not deleted or name is null)
    );

create table users (
        user_id  uuid primary key,
        timezone text not null,
        sequence int  not null
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

create trigger users_who_live before insert on users
    for each row execute function refuse_erased_user();

alter table messages alter column text set statistics 0, alter column critical set statistics 0;

alter table sessions alter column title set statistics 0;

alter table agents alter column name set statistics 0;

-- 0003
alter table messages add column if not exists superseded_by uuid;

alter table turn_work add column if not exists stop_requested bool not null default false;

alter table turn_work add column if not exists claims int not null default 0;

-- 0004
alter table messages
        add column if not exists proactive_id uuid,
        add column if not exists news text[],
        add column if not exists critical jsonb;

do $$ begin
        if not exists (select from pg_constraint where conname = 'messages_said_because') then
            alter table messages
                drop constraint messages_check1,
                add constraint messages_said_because check (
                    case author when 'agent' then (turn_id is null) <> (proactive_id is null)
                                else proactive_id is null end
                ),
                add constraint messages_critical check (critical is null or author = 'user');
        end if;
    end $$;

alter table messages alter column text set statistics 0, alter column critical set statistics 0;

create table summaries (
        session_id   uuid        not null,
        covers_up_to int         not null,
        covers_from  int         not null check (covers_from between 1 and covers_up_to),
        version      int         not null,
        written_at   timestamptz not null,
        title        text        not null,
        summary      text        not null,
        primary key (session_id, covers_up_to)
    );

alter table summaries alter column title set statistics 0, alter column summary set statistics 0;

create table reviews (
        session_id    uuid primary key,
        suggestion_id uuid,
        sequence      int not null,
        checked_at    timestamptz
    );

-- 0005
create table recall_progress (
        session_id      uuid primary key,
        user_id         uuid not null,
        agent_id        uuid not null,
        terms_up_to     int  not null default 0 check (terms_up_to >= 0),
        embedded_up_to  int  not null default 0 check (embedded_up_to >= 0),
        embedding_model text check (embedding_model is not null or embedded_up_to = 0)
    );

create index recall_progress_pair on recall_progress (agent_id, user_id);

create table message_terms (
        session_id uuid     not null,
        seq        int      not null,
        user_id    uuid     not null,
        terms      bigint[] not null,
        primary key (session_id, seq)
    );

create index message_terms_terms on message_terms using gin (terms) with (fastupdate = off);

alter table message_terms alter column terms set statistics 0;

create function forget_recall() returns trigger language plpgsql as $$
    begin
        delete from message_terms where session_id = new.stream_id;
        delete from recall_progress where session_id = new.stream_id;
        if to_regclass('message_embeddings') is not null then
            execute 'delete from message_embeddings where session_id = $1' using new.stream_id;
        end if;
        return null;
    end $$;

create trigger streams_forget_recall after update on streams
    for each row when (old.state is not null and new.state is null)
    execute function forget_recall();

do $$ begin
        if to_regclass('message_embeddings') is not null then
            return;
        end if;
        if to_regtype('halfvec') is null
           and exists (select from pg_available_extensions where name = 'vector') then
            begin
                create extension vector;
            exception when insufficient_privilege then
                raise notice 'the extension vector is there, but not ours to create';
            end;
        end if;
        if to_regtype('halfvec') is null then
            return;
        end if;
        create table message_embeddings (
            session_id uuid    not null,
            seq        int     not null,
            user_id    uuid    not null,
            agent_id   uuid    not null,
            model      text    not null,
            embedding  halfvec not null,
            primary key (session_id, seq)
        );
        -- In the row while it fits: a search reads them all.
        alter table message_embeddings
            alter column embedding set storage main, alter column embedding set statistics 0;
        -- All of a pair, for the search.
        create index message_embeddings_pair on message_embeddings (agent_id, user_id, model);
    end $$;

-- 0006
alter table turn_work add column if not exists traceparent text;

create table alembic_version (version_num varchar(32) not null, constraint alembic_version_pkc primary key (version_num));
insert into alembic_version values ('0006');
