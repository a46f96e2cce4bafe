"""Migrations: they only expand, and bring the last release's tables to what a new database has."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from lingxi_chassis.migrations import migrate
from tests.upgrades.released import OWNERS, ROOT, newest, revisions, statements_of
from tests.upgrades.rules import faults

MARK = "CONTRACTS"

# Types, defaults, constraints and indexes by name; in which order columns came makes no difference.
SHAPE = """
    select 'column', format('%s.%s %s %s %s %s %s', c.relname, a.attname,
                            format_type(a.atttypid, a.atttypmod), a.attnotnull,
                            pg_get_expr(d.adbin, d.adrelid), a.attgenerated, a.attstattarget)
    from pg_attribute a join pg_class c on c.oid = a.attrelid and c.relkind = 'r'
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relnamespace = 'public'::regnamespace and a.attnum > 0 and not a.attisdropped
    union all
    select 'constraint', format('%s %s', conrelid::regclass, pg_get_constraintdef(oid))
    from pg_constraint where connamespace = 'public'::regnamespace
    union all
    select 'index', indexdef from pg_indexes where schemaname = 'public'
    union all
    select 'trigger', pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
    union all
    select 'function', proname || md5(prosrc)
    from pg_proc where pronamespace = 'public'::regnamespace
        and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e')
    order by 1, 2"""


def shape(url: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(SHAPE).fetchall()


@pytest.mark.parametrize("owner", OWNERS)
def test_what_came_since_the_last_release_only_expands(owner: str) -> None:
    released = (newest() / f"{owner}.sql").read_text()
    broken = {
        revision.revision: told
        for revision in revisions(owner)
        if f"-- {revision.revision}\n" not in released
        and not hasattr(revision.module, MARK)
        and (told := faults(statements_of(revision)))
    }
    assert broken == {}, f"do it in two releases, or say {MARK}: tests/upgrades/rules.py"


@pytest.mark.parametrize("owner", OWNERS)
def test_an_upgraded_database_is_as_a_new_one(owner: str, new_database: Callable[[], str]) -> None:
    """Guards the statements that revisions share with the code: a change needs a migration."""
    versions = ROOT / f"services/{owner}/lingxi_{owner}/migrations/versions"
    upgraded, new = new_database(), new_database()
    with psycopg.connect(upgraded, autocommit=True) as connection:
        connection.execute((newest() / f"{owner}.sql").read_bytes())
    for url in (upgraded, new):
        migrate(url, versions)
    assert shape(new) != []
    assert shape(upgraded) == shape(new)


@pytest.mark.parametrize(
    "sql",
    [
        "drop table messages",
        "alter table messages drop column text",
        "ALTER TABLE messages\n  RENAME COLUMN text TO body",
        "alter table messages rename text to body",
        "alter table messages rename to letters",
        "alter table messages alter column seq type bigint",
        "alter table messages alter seq set data type bigint",
        "alter table messages alter column text set not null",
        "alter table messages alter column text drop default",
        "alter table messages add column mood text not null",
        "alter table messages add column if not exists a int, add column b int not null",
        "alter table messages add constraint short check (length(text) < 3)",
        "alter table messages add unique (text)",
        "create unique index one on messages (text)",
        "create unique index concurrently one on messages (text)",
        "create index some on messages (text)",
        "create index if not exists some\n    on messages using gin (text)",
        "create table moods (mood text); create index some on messages (text)",
        "do $$ begin alter table messages drop constraint messages_check; end $$",
        "truncate messages",
        "create table a (b int); drop table c",
    ],
)
def test_what_contracts_is_noticed(sql: str) -> None:
    assert faults(sql) != []


@pytest.mark.parametrize(
    "sql",
    [
        "create table moods (mood text not null, check (mood <> ''))",
        "create table moods (mood text); create unique index one on moods (mood)",
        "create table moods (mood text); alter table moods add unique (mood)",
        "alter table messages add column mood text",
        "alter table messages add column mood text not null default ''",
        "create table moods (mood text);\ncreate index some\n    on moods (mood)",
        "create index concurrently some on messages (text)",
        "drop index some",
        "alter table messages alter column text drop not null",
        "alter table messages alter column text set statistics 0",
        "-- drop table messages\nselect 1",
    ],
)
def test_what_expands_is_let_through(sql: str) -> None:
    assert faults(sql) == []
