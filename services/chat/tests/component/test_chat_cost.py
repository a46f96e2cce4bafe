"""What a turn costs: statements, commits, requests and published messages, counted.

Connections are in autocommit mode, so each statement is one commit.
"""

from collections.abc import Generator
from typing import Any

import psycopg
import pytest
from nats.aio.msg import Msg

from lingxi_chassis.postgres import execute, fetch_all
from lingxi_chat.projections.messages import ANSWER_SQL, PROJECTIONS, answer_rows
from lingxi_chat.projections.prompt_material import asking_newest, newest_messages
from lingxi_contracts.chat import GetHistory, ListSessions, ReadMessages
from lingxi_contracts.subjects import stream_name
from services.chat.tests.component.harness import RunningChat
from services.chat.tests.component.talks import talked
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

BACKGROUND = ("relay", "sweep", "index", "named")
"""What no turn waits for: it comes when it comes."""
INDEXING = "chat-index_messages"
"""The consumer that starts last, in the background: a module's first tests are faster."""

REMEMBERED_CHARS_MAX = 4_096
"""Of a statement: the driver reads a longer one anew each time."""

type Statements = list[tuple[str, str]]


@pytest.fixture
def statements() -> Generator[Statements]:
    """`(database, first words)` of each statement of a pool, as psycopg is told them."""
    told: Statements = []
    execute: Any = psycopg.AsyncConnection.execute

    async def counting(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        text = query.decode() if isinstance(query, bytes) else str(query)
        told.append((self.info.dbname, " ".join(text.split())))
        return await execute(self, query, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(psycopg.AsyncConnection, "execute", counting)
        yield told


def kind(sql: str) -> str:
    """What a statement is, for the ones a turn is made of."""
    for name, mark in (
        ("append", "appended as ("),
        ("relay", "xid < pg_snapshot_xmin"),
        ("relay", "relay_checkpoint"),
        ("sweep", "skip locked"),
        ("sweep", "count(*) from erasures"),
        ("prompt", "select timezone from users"),
        ("named", "insert into agents"),
        ("index", "insert into message_terms"),
        ("index", "from recall_progress where session_id = s.session_id"),
        ("recall", "message_terms"),
        ("find", "left join messages m on m.message_id"),
        ("profile", "personality_prompt"),
    ):
        if mark in sql:
            return name
    return sql


async def requests_seen(chat: RunningChat) -> list[str]:
    seen: list[str] = []

    async def heard(message: Msg) -> None:
        seen.append(message.subject)

    await chat.nats.subscribe("*.rpc.>", cb=heard)
    await chat.nats.subscribe("chat.work", cb=heard)
    await chat.nats.flush()
    return seen


async def published(chat: RunningChat) -> int:
    info = await chat.nats.jetstream().stream_info(stream_name("chat"))
    return info.state.last_seq


async def settled(chat: RunningChat, session_id: Any, before: int) -> int:
    """Messages published since, once the session's last event is among them."""
    logged = len(await chat.logged(session_id))

    async def all_published() -> bool:
        return await published(chat) >= before + logged

    await eventually(all_published)
    return await published(chat) - before


async def is_named(chat: RunningChat, session_id: Any) -> bool:
    """Whether chat has heard of the agent that the user's first message made."""
    sql = "select 1 from agents join sessions using (agent_id) where session_id = %(id)s"
    return bool(await fetch_all(chat.pool, sql, {"id": session_id}))


async def is_heard(chat: RunningChat) -> bool:
    """Whether those who work on what is published have come, and are done with all of it."""
    jetstream = chat.nats.jetstream()
    consumers = [
        one
        for owner in ("chat", "agent")
        for one in await jetstream.consumers_info(stream_name(owner))
    ]
    return INDEXING in {one.name for one in consumers} and not any(
        one.num_pending or one.num_ack_pending for one in consumers
    )


async def test_a_turn_costs_two_statements_and_a_request(
    chat: RunningChat, statements: Statements
) -> None:
    await chat.model.fault("raw", contains="cost", content="One bubble.")
    first = await chat.say("cost 0")
    before = await settled(chat, first.session_id, 0)
    seen = await requests_seen(chat)
    statements.clear()

    posted = await chat.ask(chat.post("cost 1", first.session_id))
    await eventually(lambda: sum(kind(sql) == "append" for _, sql in statements) == 2)

    kinds = [kind(sql) for _, sql in statements if kind(sql) not in BACKGROUND]
    # The post decides on what this process appended last; another process looks first. Likewise it
    # knows the agent, of which no change was told since the turn before.
    assert kinds == ["append", "append"]
    assert all(len(sql) < REMEMBERED_CHARS_MAX for _, sql in statements)
    await chat.outcome(posted)
    assert seen[:1] == ["chat.rpc.post_message"]
    assert set(seen[1:]) == {"chat.rpc.get_answer"}
    names = (await chat.logged(first.session_id))[-5:]
    assert names == [
        "message_posted",
        "messages_read",
        "turn_started",
        "message_sent",
        "turn_completed",
    ]
    assert await settled(chat, first.session_id, 0) - before == len(names)


async def test_a_prompt_reads_no_more_messages_than_its_bound(chat: RunningChat) -> None:
    """Guards the limit in `asking_newest`: a turn costs the same in a long session."""
    session_id = (await chat.say("Number 0.")).session_id
    for number in range(1, 4):
        await chat.say(f"Number {number}.", session_id)
    last = (await chat.messages(session_id))[-1].seq
    agent_id = (await chat.session(session_id)).agent_id

    asked = asking_newest(session_id, chat.user_id, agent_id, limit=3)
    read = await newest_messages(chat.pool, asked)

    assert [said.seq for said in read.messages] == [last - 2, last - 1, last]


async def test_a_first_message_costs_a_look_and_a_profile_more(
    chat: RunningChat, statements: Statements
) -> None:
    await chat.say("Make the default agent first.")
    statements.clear()
    seen = await requests_seen(chat)

    await chat.ask(chat.post("How are you?"))  # small talk: nothing to recall
    await eventually(lambda: sum(kind(sql) == "append" for _, sql in statements) == 2)

    kinds = [kind(sql) for _, sql in statements if kind(sql) not in BACKGROUND]
    assert kinds[:2] == ["find", "profile"]
    assert kinds[2:] == ["append", "append"]
    assert seen.count("agent.rpc.get_profile") == 1
    databases = {database for database, sql in statements if kind(sql) == "profile"}
    assert databases.isdisjoint({db for db, sql in statements if kind(sql) == "append"})


async def test_recall_costs_a_statement_where_there_is_something_to_recall(
    chat: RunningChat, statements: Statements
) -> None:
    await chat.say("Odile keeps bees.")
    said = await chat.say("Elsewhere: bees and lighthouses.")
    statements.clear()

    await chat.ask(chat.post("Bees in a lighthouse?", said.session_id))
    await eventually(lambda: sum(kind(sql) == "append" for _, sql in statements) == 2)

    kinds = [kind(sql) for _, sql in statements if kind(sql) not in BACKGROUND]
    assert kinds == ["append", "recall", "append"]


async def test_questions_cost_a_statement_or_two(chat: RunningChat, statements: Statements) -> None:
    said = await chat.say("Asked about.")

    async def cost(asking: Any) -> int:
        statements.clear()
        await asking
        return sum(kind(sql) not in BACKGROUND for _, sql in statements)

    assert await cost(chat.session(said.session_id)) == 1
    assert await cost(chat.messages(said.session_id)) == 2
    assert await cost(chat.ask(ListSessions(user_id=chat.user_id, offset=0, limit=50))) == 1
    assert await cost(chat.ask(GetHistory(user_id=chat.user_id, limit=20))) == 2
    up_to = (await chat.messages(said.session_id))[-1].message_id
    read = ReadMessages(user_id=chat.user_id, session_id=said.session_id, up_to=up_to)
    assert await cost(chat.ask(read)) == 2
    assert await cost(chat.ask(read)) == 1


async def test_an_idle_service_asks_nothing_about_sessions(
    chat: RunningChat, statements: Statements
) -> None:
    before = await published(chat)
    said = await chat.say("And then silence.")
    await settled(chat, said.session_id, before)
    await eventually(lambda: is_named(chat, said.session_id))
    await eventually(lambda: is_heard(chat))
    statements.clear()
    await eventually(lambda: len(statements) >= 3)

    assert {kind(sql) for _, sql in statements} <= {"relay", "sweep"}


async def test_a_repeat_of_an_old_message_reads_its_answer_alone(chat: RunningChat) -> None:
    """Guards `messages_turn`: what came since does not make it dearer."""
    session_id = await talked(chat, await chat.agent(), ["Hello.", "Hello!"] * 1_000)
    first, answer = await chat.messages(session_id, after=0, limit=2)
    # As its turn leaves it that is not in one append with the message.
    await execute(
        chat.pool,
        "update messages set turn_id = %(turn_id)s where message_id = %(message_id)s",
        {"turn_id": answer.turn_id, "message_id": first.message_id},
    )
    await execute(chat.pool, "analyze messages", {})
    [(plan,)] = await fetch_all(
        chat.pool,
        f"explain (analyze, format json) {ANSWER_SQL}",
        {"session_id": session_id, "message_id": first.message_id},
    )

    def rows_read(node: dict[str, Any]) -> float:
        read = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        return read * node["Actual Loops"] + sum(map(rows_read, node.get("Plans", [])))

    assert rows_read(plan[0]["Plan"]) < 10
    (found,) = await answer_rows(chat.pool, session_id, first.message_id)
    assert found[0] == answer.message_id


@pytest.mark.parametrize("name", ["answered_or_flagged", "superseded"])
async def test_what_happens_to_a_message_is_noted_without_a_look_at_its_session(
    chat: RunningChat, name: str
) -> None:
    """Guards `_OF_THEIR_USERS`: with both keys in the question, a table that Postgres knows nothing
    of yet is read by both, and one of them holds the whole session."""
    session_id = await talked(chat, await chat.agent(), ["Hello.", "Hello!"] * 500)
    (fold,) = (one.sql for one in PROJECTIONS if one.name == name)
    [(plan,)] = await fetch_all(
        chat.pool,
        f"""
        explain (format json)
        with logged as materialized (
            select * from events where stream_id = %(session_id)s order by version desc limit 3
        )
        {fold}
        """,
        {"session_id": session_id},
    )

    def indexes(node: dict[str, Any]) -> set[str]:
        here = {node["Index Name"]} if "Index Name" in node else set[str]()
        return here.union(*map(indexes, node.get("Plans", [])))

    assert indexes(plan[0]["Plan"]) & {"messages_message_id_key", "messages_pkey"} == {
        "messages_message_id_key"
    }
