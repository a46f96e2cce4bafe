"""Making agents, and deleting them, sessions, and the account: once asked for, it stays so."""

from http import HTTPStatus

from tests.chaos.controls import EAGER
from tests.chaos.somebody import Somebody
from tests.e2e.client import PASSWORD


async def create_agent(me: Somebody) -> None:
    """Another agent."""
    number, text = me.new_text()
    body = {
        "name": f"{me.journal.marker} agent {number}",
        "parameters": {"personality_prompt": text, **EAGER},
    }
    answer = await me.request("POST", "/api/agents/", json=body)
    if answer is None:
        return
    if answer.status_code == HTTPStatus.CREATED:
        me.journal.agents[answer.json()["id"]] = set()
        me.journal.done["agent"] += 1
    else:
        me.complain("making an agent", answer)


async def delete_some_session(me: Somebody) -> None:
    """A session, if it is known of all posts where they are."""
    if me.journal.living and not me.journal.open_posts:
        await delete_session(me, me.chance.choice(me.journal.living))


async def delete_session(me: Somebody, session_id: str) -> bool:
    """Ask for it; whether it is gone."""
    asked_before = session_id in me.journal.deleting
    me.journal.deleting.add(session_id)
    if await _delete(me, f"/api/sessions/{session_id}/", asked_before):
        me.journal.deleted.add(session_id)
    return session_id in me.journal.deleted


async def delete_some_agent(me: Somebody) -> None:
    """An agent of ours, with all of its sessions."""
    known = sorted(me.journal.agents.keys() - me.journal.agents_deleting)
    if known and not me.journal.open_posts:
        await delete_agent(me, me.chance.choice(known))


async def delete_agent(me: Somebody, agent_id: str) -> bool:
    """Ask for it; whether it is gone. Its sessions follow."""
    asked_before = agent_id in me.journal.agents_deleting
    me.journal.agents_deleting.add(agent_id)
    me.journal.deleting |= me.journal.agents[agent_id]
    if await _delete(me, f"/api/agents/{agent_id}/", asked_before):
        me.journal.agents_deleted.add(agent_id)
    return agent_id in me.journal.agents_deleted


async def _delete(me: Somebody, path: str, asked_before: bool) -> bool:
    answer = await me.request("DELETE", path)
    if answer is None:
        return False
    gone = answer.status_code == HTTPStatus.NOT_FOUND and asked_before
    if answer.status_code == HTTPStatus.NO_CONTENT or gone:
        me.journal.done["deletion"] += 1
        return True
    me.complain("deletion", answer)
    return False


async def leave(me: Somebody) -> bool:
    """Delete the account; whether it is gone."""
    journal = me.journal
    asked_before, journal.leaving = journal.leaving, True
    journal.deleting |= journal.sessions
    for post in journal.posts:
        if post.open:
            post.told = "refused"
    answer = await me.request("DELETE", "/api/me/", json={"password": PASSWORD})
    if answer is None:
        return False
    gone = answer.status_code == HTTPStatus.UNAUTHORIZED and asked_before
    if answer.status_code == HTTPStatus.NO_CONTENT or gone:
        journal.left = True
        journal.deleted |= journal.sessions
    else:
        me.complain("leaving", answer)
    return journal.left
