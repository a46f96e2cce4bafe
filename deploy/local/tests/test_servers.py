"""The embedded servers, as the test fixtures start them."""

import nats
import psycopg
import pytest

from lingxi_local.databases import ensure_databases, owner_url
from lingxi_local.nats import RunningNats
from lingxi_local.nats_configuration import ADMIN
from lingxi_local.postgres import PostgresServer, RunningPostgres
from tests.fixtures.servers import PASSWORD, Servers, reachable_folder


def test_a_fresh_database_is_empty(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "select current_setting('fsync'), current_setting('synchronous_commit'),"
            " (select count(*) from information_schema.tables where table_schema = 'public')"
        ).fetchone()
    assert row == ("on", "on", 0)


def test_postgres_logs_no_values_that_it_refuses(unused_port: int) -> None:
    """Guards `log_error_verbosity`: an error's detail names what a user wrote."""
    with reachable_folder() as folder:
        log_file = folder / "postgres.log"
        server = PostgresServer(folder / "postgres", unused_port, PASSWORD)
        with RunningPostgres(server, log_file), psycopg.connect(server.url) as connection:
            connection.execute("create table kept (text text primary key)")
            with pytest.raises(psycopg.errors.UniqueViolation, match="marker"):
                connection.execute("insert into kept values (%(a)s), (%(a)s)", {"a": "marker"})
        logged = log_file.read_text()
    assert "duplicate key value" in logged
    assert "marker" not in logged


def test_chat_may_keep_vectors(servers: Servers) -> None:
    """Guards the extension: an owner, who is no superuser, can't create it."""
    for _ in range(2):
        ensure_databases(servers.postgres_url, {"chat": PASSWORD})
    there = "select count(*) from pg_available_extensions where name = 'vector'"
    with psycopg.connect(owner_url(servers.postgres_url, "chat", PASSWORD)) as chat:
        created = chat.execute("select count(*) from pg_extension where extname = 'vector'")
        assert created.fetchone() == chat.execute(there).fetchone()
    with psycopg.connect(servers.postgres_url, autocommit=True) as admin:
        admin.execute("drop database lingxi_chat")
        admin.execute("drop role lingxi_chat")


async def test_a_stream_survives_a_killed_server(nats_server: RunningNats) -> None:
    url = nats_server.server.url(ADMIN)
    async with await nats.connect(url) as client:
        await client.jetstream().add_stream(name="KEPT", subjects=["kept.>"])
        await client.jetstream().publish("kept.one", b"1")
    nats_server.kill()
    nats_server.start()
    async with await nats.connect(url) as client:
        assert (await client.jetstream().stream_info("KEPT")).state.messages == 1


async def test_streams_of_one_test_do_not_reach_the_next(nats_url: str) -> None:
    await _sees_no_stream_and_leaves_one(nats_url)


async def test_streams_of_the_test_before_are_gone(nats_url: str) -> None:
    await _sees_no_stream_and_leaves_one(nats_url)


async def _sees_no_stream_and_leaves_one(nats_url: str) -> None:
    async with await nats.connect(nats_url) as client:
        assert await client.jetstream().streams_info() == []
        await client.jetstream().add_stream(name="LEFT", subjects=["left.>"])
