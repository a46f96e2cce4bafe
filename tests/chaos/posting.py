"""Posting: as one answer or as a stream, again under the same key, and interrupted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from http import HTTPStatus
from typing import Any

import httpx

from tests.chaos import controls
from tests.chaos.journal import Post, Told
from tests.chaos.somebody import Somebody
from tests.chaos.telling import MARK
from tests.e2e.feed import Frame, frames

SLOWLY = "slowly"
"""In a text: the model takes its time, so that its turn can be interrupted."""
REPEATED_MAX = 10
UNKNOWN_MAX = 3
INTERRUPT_SECONDS_MAX = 0.8


async def say(me: Somebody) -> None:
    """Something new; with too much unknown, that first."""
    if len(me.journal.open_posts) >= UNKNOWN_MAX:
        await repeat(me)
    else:
        await post(me, _new_post(me))


async def say_streamed(me: Somebody) -> None:
    """The same, but its answer comes as a stream."""
    if len(me.journal.open_posts) >= UNKNOWN_MAX:
        await repeat(me)
    else:
        await post_streamed(me, _new_post(me))


async def say_and_interrupt(me: Somebody) -> None:
    """The same, and before it is answered a control of its session."""
    if len(me.journal.open_posts) >= UNKNOWN_MAX:
        await repeat(me)
        return
    one = _new_post(me, f" {SLOWLY}")
    posting = asyncio.create_task(post_streamed(me, one))
    await asyncio.wait([posting], timeout=me.chance.uniform(0, INTERRUPT_SECONDS_MAX))
    session_id = one.in_session or one.session_id
    if session_id is not None:
        await me.chance.choice((controls.stop, controls.stop, controls.regenerate, controls.edit))(
            me, session_id
        )
    await posting


async def repeat(me: Somebody) -> None:
    """One of the newest, or one whose outcome is not known, again."""
    repeated = me.journal.open_posts or me.journal.posts[-REPEATED_MAX:]
    if repeated:
        await post(me, me.chance.choice(repeated))


def _new_post(me: Somebody, more: str = "") -> Post:
    number, text = me.new_text()
    one = Post(f"{me.journal.marker}-{number}", text + more, me.a_session())
    agents = sorted(me.journal.agents.keys() - me.journal.agents_deleting)
    if one.session_id is None and agents:
        one.agent_id = me.chance.choice(agents)
    me.journal.posts.append(one)
    return one


def _request(one: Post) -> dict[str, Any]:
    body = {"message": one.text}
    if one.session_id:
        body["session_id"] = one.session_id
    if one.agent_id:
        body["agent_id"] = one.agent_id
    return {"json": body, "headers": {"Idempotency-Key": one.key}}


async def post(me: Somebody, one: Post) -> None:
    """Post it, for the first time or again, and note what was told."""
    answer = await me.request("POST", "/api/chat/", **_request(one))
    if answer is not None:
        _note(me, one, answer.status_code, answer.json())


async def post_streamed(me: Somebody, one: Post) -> None:
    """The same as a stream; what breaks off leaves the outcome unknown."""
    asking = _request(one)
    asking["json"]["stream"] = True
    try:
        async with me.http.stream("POST", "/api/chat/", **asking) as answer:
            if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
                return
            if answer.status_code != HTTPStatus.OK:
                await answer.aread()
                _note(me, one, answer.status_code, answer.json())
                return
            await _follow(me, one, answer.aiter_lines())
    except httpx.HTTPError:
        return


async def _follow(me: Somebody, one: Post, lines: AsyncIterator[str]) -> None:
    messages: dict[str, str] = {}
    async with aclosing(frames(lines)) as told:
        async for frame in told:
            data = frame.data
            match frame.event:
                case "accepted":
                    _recorded(me, one, data, one.told if one.answer else "pending")
                case "delta":
                    _mine(me, frame)
                case "message":
                    messages[data["message"]["id"]] = data["message"]["message"]
                case "done" if "status" in data:
                    _note(me, one, HTTPStatus.ACCEPTED, data)
                case "done":
                    if messages != _bubbles(data):
                        me.journal.complaints.append(f"{one.key}: done is not its messages")
                    _note(me, one, HTTPStatus.OK, data)
                    me.journal.done["stream"] += 1
                case "error":
                    _note(me, one, data["status"], data)
                case _:
                    me.journal.complaints.append(f"{one.key}: a frame {frame.event}")


def _mine(me: Somebody, frame: Frame) -> None:
    if set(MARK.findall(frame.data["text"])) - {me.journal.marker}:
        me.journal.complaints.append(f"words of somebody else: {frame.data}")


def _bubbles(told: dict[str, Any]) -> dict[str, str]:
    bubbles = told.get("messages") or [{"id": told["ai_message_id"], "message": told["response"]}]
    return {bubble["id"]: bubble["message"] for bubble in bubbles}


def _note(me: Somebody, one: Post, status: int, told: dict[str, Any]) -> None:
    match status:
        case HTTPStatus.OK:
            said = _bubbles(told)
            if one.answer and one.answer != said and one.in_session not in me.journal.redone:
                me.journal.complaints.append(f"another answer to {one.key}: {said}")
            one.answer = said
            _recorded(me, one, told, "answered")
        case HTTPStatus.ACCEPTED:
            _recorded(me, one, told, "pending")
        case HTTPStatus.BAD_GATEWAY:
            _recorded(me, one, told, "failed")
        case HTTPStatus.NOT_FOUND if _may_be_gone(me, one):
            if one.open:
                one.told, one.refusal = "refused", told["code"]
        case HTTPStatus.TOO_MANY_REQUESTS | HTTPStatus.SERVICE_UNAVAILABLE:
            pass
        case _:
            me.journal.complaints.append(f"post answered {status}: {told}")


def _may_be_gone(me: Somebody, one: Post) -> bool:
    gone = me.journal.deleting | me.journal.agents_deleting
    return bool({one.in_session, one.session_id, one.agent_id} & gone)


def _recorded(me: Somebody, one: Post, told: dict[str, Any], state: Told) -> None:
    journal = me.journal
    if one.message_id not in (None, told["user_message_id"]):
        journal.complaints.append(f"{one.key} has two message ids")
    if one.answer and state != "answered":
        journal.complaints.append(f"{one.key} was answered, and is {state} now")
    one.message_id, one.turn_id = told["user_message_id"], told["turn_id"]
    one.in_session = told["session_id"]
    journal.sessions.add(told["session_id"])
    if one.agent_id:
        journal.agents.setdefault(one.agent_id, set()).add(told["session_id"])
    one.told = state
