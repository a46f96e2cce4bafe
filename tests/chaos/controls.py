"""Steering: stop, try again, make again, say otherwise, name, type; how an agent writes first."""

from http import HTTPStatus

from tests.chaos.journal import Edit
from tests.chaos.somebody import Somebody

MAY_NOT = (HTTPStatus.CONFLICT,)
EAGER = {"proactive_behavior": "aggressive"}
MANNERS = (EAGER, EAGER, EAGER, {"proactive_behavior": "off"})
DAILY_CAPS = (3, 100)


async def stop(me: Somebody, session_id: str) -> None:
    """Have the agent stop."""
    await me.control("stop", "POST", f"/api/sessions/{session_id}/stop/", ())


async def retry(me: Somebody, session_id: str) -> None:
    """Try the newest turn again."""
    await me.control("retry", "POST", f"/api/sessions/{session_id}/retry/", MAY_NOT)


async def regenerate(me: Somebody, session_id: str) -> None:
    """Have the newest answer made again."""
    me.journal.redone.add(session_id)
    await me.control("regenerate", "POST", f"/api/sessions/{session_id}/regenerate/", MAY_NOT)


async def edit(me: Somebody, session_id: str) -> None:
    """Say the newest message that we know of in other words."""
    known = [post.message_id for post in me.journal.posts if post.in_session == session_id]
    if not known or known[-1] is None:
        return
    one = Edit(session_id, me.new_text()[1])
    me.journal.edits.append(one)
    me.journal.redone.add(session_id)
    path = f"/api/sessions/{session_id}/messages/{known[-1]}/"
    one.accepted = await me.control("edit", "PATCH", path, MAY_NOT, json={"message": one.text})


async def rename(me: Somebody, session_id: str) -> None:
    """Give it a title."""
    title = f"title {me.chance.randrange(10)}"
    await me.control("rename", "PATCH", f"/api/sessions/{session_id}/", (), json={"title": title})


async def be_typing(me: Somebody, session_id: str) -> None:
    """Tell the other devices."""
    await me.control("typing", "POST", f"/api/sessions/{session_id}/typing/", ())


async def read(me: Somebody, session_id: str) -> None:
    """Look at the newest messages."""
    answer = await me.request("GET", f"/api/sessions/{session_id}/messages/")
    if answer is None:
        return
    if answer.status_code != HTTPStatus.OK:
        me.complain("reading", answer)
        return
    for message in answer.json()["results"]:
        me.journal.show(session_id, message["seq"], message["id"], message["message"])


async def is_quiet(me: Somebody, session_id: str) -> bool:
    """Whether no turn is open."""
    answer = await me.request("GET", f"/api/sessions/{session_id}/?mark_read=false")
    if answer is None or answer.status_code != HTTPStatus.OK:
        return False
    turn = answer.json()["turn"]
    return turn is None or turn["status"] != "open"


async def set_manners(me: Somebody) -> None:
    """Have one of the agents write first, or not any more."""
    listed = await me.request("GET", "/api/agents/")
    if listed is None:
        return
    if listed.status_code != HTTPStatus.OK:
        me.complain("listing agents", listed)
        return
    known = sorted(agent["id"] for agent in listed.json()["results"])
    if known:
        agent_id = me.chance.choice(known)
        may_be = (HTTPStatus.NOT_FOUND,) if agent_id in me.journal.agents_deleting else ()
        body = {
            "parameters": me.chance.choice(MANNERS),
            "timings": {"daily_cap": me.chance.choice(DAILY_CAPS)},
        }
        await me.control("manners", "PATCH", f"/api/agents/{agent_id}/", may_be, json=body)
