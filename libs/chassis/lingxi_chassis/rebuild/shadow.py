"""The tables that a rebuild fills, in a schema of their own, until they take the live ones' place.

Names of indexes and constraints belong to a schema and to a table, so those of the shadow tables
are the live ones' from the start. Unique constraints other than primary keys are taken off while
many events are folded at a time: two streams may have swapped names between them. In their place
stands an index that is not unique, since folds look rows up by it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import LiteralString

from psycopg import sql

from lingxi_chassis.postgres import Connection

SCHEMA = "rebuild"

_UNIQUE = """
    select t.relname, x.relname, pg_get_indexdef(i.indexrelid), pg_get_constraintdef(c.oid)
    from pg_index i
    join pg_class t on t.oid = i.indrelid
    join pg_class x on x.oid = i.indexrelid
    left join pg_constraint c on c.conindid = i.indexrelid and c.contype = 'u'
    where t.relnamespace = to_regnamespace(%(schema)s) and i.indisunique and not i.indisprimary
    order by x.relname
"""


@dataclass(frozen=True, slots=True)
class Unique:
    """A unique index of a shadow table; `constraint` defines the constraint it stands for."""

    table: str
    name: str
    index: str
    constraint: str | None


@dataclass(slots=True)
class Shadow:
    """The shadow tables, on the one connection that sees them."""

    connection: Connection
    live: str
    tables: list[str] = field(default_factory=list[str])
    taken_off: list[Unique] = field(default_factory=list[Unique])

    async def create(self, create: Sequence[str]) -> None:
        """Empty tables, in place of what an earlier rebuild may have left."""
        await self.discard()
        await self._run("create schema {schema}")
        await self._run("set search_path to {schema}, {live}")
        for statement in create:
            await self.connection.execute(statement.encode())
        cursor = await self.connection.execute(
            "select tablename from pg_tables where schemaname = %(schema)s order by tablename",
            {"schema": SCHEMA},
        )
        self.tables = [row[0] for row in await cursor.fetchall()]

    async def discard(self) -> None:
        """Drop whatever is in the schema."""
        await self._run("drop schema if exists {schema} cascade")

    async def take_off_unique(self) -> None:
        """Let rows of the same key stand beside each other for a while."""
        cursor = await self.connection.execute(_UNIQUE.encode(), {"schema": SCHEMA})
        for unique in [Unique(*row) for row in await cursor.fetchall()]:
            what = "alter table {table} drop constraint {name}"
            await self._run(what if unique.constraint else "drop index {schema}.{name}", unique)
            plain = re.sub(r"^CREATE UNIQUE INDEX .+? ON ", "", unique.index)
            await self.connection.execute(
                sql.SQL("create index {} on ").format(_plain_name(unique)).as_string().encode()
                + plain.encode()
            )
            self.taken_off.append(unique)

    async def put_back_unique(self) -> None:
        """Make unique again what was. Raises UniqueViolation, and leaves all as it is, if two rows
        have one key.
        """
        async with self.connection.transaction():
            for unique in self.taken_off:
                await self._run("drop index {schema}.{plain}", unique)
                if unique.constraint is None:
                    await self.connection.execute(unique.index.encode())
                    continue
                add = sql.SQL("alter table {}.{} add constraint {} ").format(
                    sql.Identifier(SCHEMA),
                    sql.Identifier(unique.table),
                    sql.Identifier(unique.name),
                )
                await self.connection.execute(add.as_string().encode() + unique.constraint.encode())
        self.taken_off.clear()

    async def analyze(self) -> None:
        """Tell the planner what is in them, before anybody queries them."""
        for table in self.tables:
            await self._run("analyze {table}", table=table)

    async def swap(self) -> None:
        """Take the live tables' place, in the caller's transaction."""
        for table in self.tables:
            await self._run("drop table if exists {live}.{name}", name=table)
            await self._run("alter table {table} set schema {live}", table=table)
        await self._run("drop schema {schema}")

    async def _run(
        self, text: LiteralString, unique: Unique | None = None, *, table: str = "", name: str = ""
    ) -> None:
        statement = sql.SQL(text).format(
            schema=sql.Identifier(SCHEMA),
            live=sql.Identifier(self.live),
            table=sql.Identifier(SCHEMA, unique.table if unique else table),
            name=sql.Identifier(unique.name if unique else name),
            plain=_plain_name(unique) if unique else sql.SQL(""),
        )
        await self.connection.execute(statement)


def _plain_name(unique: Unique) -> sql.Identifier:
    return sql.Identifier(f"plain_{unique.name}"[:63])
