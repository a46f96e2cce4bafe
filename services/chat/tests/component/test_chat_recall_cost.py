"""What a search for messages costs where a user and an agent have said 100,000 of them.

Each message has two terms of its own, one that a tenth has, and one that all have.
"""

from typing import Any
from uuid import UUID

import pytest

from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Pool, execute, fetch_all
from lingxi_chat.projections.recall_search import (
    COMMON_MESSAGES,
    FOUND_MAX,
    TERMS_SQL,
    Search,
    params_of,
    search_terms,
)
from services.chat.tests.component.harness import RunningChat
from services.chat.tests.component.talks import talked

pytestmark = pytest.mark.asyncio(loop_scope="module")

MESSAGES = 100_000
COMMON, IN_A_TENTH = 1, 2
FIRST_OWN = 1_000


async def said(chat: RunningChat) -> Search:
    """Search terms by number; the texts behind them are one short talk's."""
    agent_id = await chat.agent()
    session_id = await talked(chat, agent_id, ["Hello.", "Hello."])
    params = {"session": session_id, "user": chat.user_id, "agent": agent_id, "rows": MESSAGES}
    await execute(
        chat.pool,
        """
        insert into recall_progress (session_id, user_id, agent_id, terms_up_to)
        values (%(session)s, %(user)s, %(agent)s, %(rows)s)
        """,
        params,
    )
    await execute(
        chat.pool,
        f"""
        insert into message_terms (session_id, seq, user_id, terms)
        select %(session)s, n, %(user)s,
               array[{COMMON}, {IN_A_TENTH} + n %% 10, {FIRST_OWN} + n, -n]
        from generate_series(1, %(rows)s) n
        """,
        params,
    )
    await execute(chat.pool, "analyze message_terms", {})
    return Search(chat.user_id, agent_id, session_id, window_from=MESSAGES)


def index_reads(plan: dict[str, Any]) -> float:
    """How many rows of the index a plan read, those that it left out included."""
    own = 0.0
    if plan.get("Relation Name") == "message_terms":
        rows = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
        own = rows * plan["Actual Loops"]
    return own + sum(index_reads(part) for part in plan.get("Plans", []))


async def plan_of(pool: Pool, search: Search, terms: list[int]) -> dict[str, Any]:
    rows = await fetch_all(
        pool,
        f"explain (analyze, format json) {TERMS_SQL}",
        params_of(search) | {"terms": terms},
    )
    return rows[0][0][0]["Plan"]


async def test_a_search_reads_few_of_100_000_messages(chat: RunningChat) -> None:
    """Guards the plan: common terms are not counted to their end, and no table is read through."""
    search = await said(chat)
    terms = [COMMON, IN_A_TENTH, FIRST_OWN + 1, FIRST_OWN + 2, -2]

    plan = await plan_of(chat.pool, search, terms)
    assert "message_terms_terms" in str(plan)
    assert index_reads(plan) <= 2 * (COMMON_MESSAGES + 1) + 3

    answer = await search_terms(chat.pool, search, terms)
    assert [found.said.seq for found in answer.found] == [2, 1]  # both of its own, then one
    assert answer.behind == ()
    assert len(answer.found) <= FOUND_MAX


async def test_another_users_rows_are_not_found(chat: RunningChat) -> None:
    """Guards that terms which collide, or a user id that is not the session's, find nothing."""
    agent_id, session_id = await chat.agent(), UUID(int=7)
    search = Search(new_id(), agent_id, session_id, 1)
    assert (await search_terms(chat.pool, search, [FIRST_OWN + 1])).found == []
