"""The public shapes: what clients of the original product read, and nothing else."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from lingxi_chassis.ids import new_id
from lingxi_contracts.agent import (
    AgentParameters,
    AgentTimings,
    AgentView,
    PersonalitySuggestion,
    PersonalityVersion,
)
from lingxi_contracts.chat import Critical, MessageView, SessionView, TurnView
from lingxi_contracts.errors import AgentNotFound, MessageNotFound, SessionNotFound
from lingxi_gateway.application.news import Texts
from lingxi_gateway.application.outcome import Answered, Bubble, Failed, Pending
from lingxi_gateway.entrypoints.http.wire import agents, chat, sessions
from lingxi_gateway.entrypoints.http.wire.agents import AgentBody
from lingxi_gateway.entrypoints.http.wire.base import JSON_DEPTH_MAX
from lingxi_gateway.entrypoints.http.wire.chat import ChatAnswer, ChatBody, ChatPending
from lingxi_gateway.entrypoints.http.wire.sessions import NOTICE, ReadBody, SessionBody

USER, AGENT, SESSION, MESSAGE, TURN = (new_id() for _ in range(5))
AT = datetime(2026, 11, 22, 14, 30, 5, 120000, UTC)
AT_TEXT = "2026-11-22T14:30:05.120000Z"
POSTED = MessageView(message_id=MESSAGE, seq=1, sent_at=AT, author="user", text="你好", read=True)
SENT = MessageView(
    message_id=MESSAGE,
    seq=2,
    sent_at=AT,
    author="agent",
    text="Hello.",
    read=False,
    turn_id=TURN,
    bubble=0,
    delay_ms=0,
)


def shown(shape: BaseModel) -> Any:
    return json.loads(shape.model_dump_json())


def bubble(text: str) -> Bubble:
    return Bubble(str(new_id()), text, seq=2, place=0, delay_ms=0, sent_at=AT)


def test_a_message_of_the_user() -> None:
    assert shown(sessions.message(POSTED)) == {
        "id": str(MESSAGE),
        "seq": 1,
        "chat_date": AT_TEXT,
        "message": "你好",
        "is_user": True,
        "is_agent": False,
        "is_agent_growth": False,
        "is_read": True,
        "metadata": {},
        "critical": False,
        "critical_type": None,
    }


def test_a_message_of_the_agent_has_its_place_in_the_turn() -> None:
    message = shown(sessions.message(SENT))
    assert (message["is_user"], message["is_agent"], message["is_read"]) == (False, True, False)
    assert (message["turn_id"], message["bubble"], message["delay_ms"]) == (str(TURN), 0, 0)


def session_view(**more: Any) -> SessionView:
    fields: dict[str, Any] = {
        "session_id": SESSION,
        "agent_id": AGENT,
        "agent_name": "Lin",
        "title": "",
        "started_at": AT,
        "last_activity_at": AT,
        "message_count": 2,
        "unread_count": 1,
        "first_unread_id": MESSAGE,
        "last_message": SENT,
        "turn": None,
    }
    return SessionView(**(fields | more))


def test_a_session() -> None:
    session = shown(sessions.session(session_view(), [POSTED, SENT]))
    assert session == {
        "id": str(SESSION),
        "agent_configuration": str(AGENT),
        "agent_name": "Lin",
        "title": "",
        "started_at": AT_TEXT,
        "summary": "",
        "message_count": 2,
        "unread_count": 1,
        "first_unread_id": str(MESSAGE),
        "last_message": shown(sessions.message(SENT)),
        "last_activity_at": AT_TEXT,
        "current_state": None,
        "turn": None,
        "notice": NOTICE,
        "messages": [shown(sessions.message(POSTED)), shown(sessions.message(SENT))],
    }
    sessions.Session.model_validate(session)  # what is written fits what is documented


@pytest.mark.parametrize(
    ("turn", "told"),
    [
        (TurnView(turn_id=TURN, status="open"), {"id": str(TURN), "status": "open"}),
        (
            TurnView(
                turn_id=TURN, status="failed", code="bad_answer", detail="Empty.", retryable=True
            ),
            {
                "id": str(TURN),
                "status": "failed",
                "code": "bad_answer",
                "detail": "Empty.",
                "retryable": True,
            },
        ),
    ],
)
def test_a_turn_tells_why_it_failed(turn: TurnView, told: dict[str, Any]) -> None:
    assert shown(sessions.session(session_view(turn=turn)))["turn"] == told


def agent_view(parameters: AgentParameters, **more: Any) -> AgentView:
    fields: dict[str, Any] = {
        "agent_id": AGENT,
        "name": "Lin",
        "parameters": parameters,
        "timings": None,
        "personality_prompt": "Calm.",
        "personality_version": 3,
        "created_at": AT,
        "updated_at": AT,
    }
    return AgentView(**(fields | more))


def test_an_agent_always_names_a_model_and_keeps_its_own_keys() -> None:
    own = AgentParameters.model_validate({"voice": {"pitch": [1, 2.5, None]}})
    assert shown(agents.agent(agent_view(own), "the-default")) == {
        "id": str(AGENT),
        "name": "Lin",
        "parameters": {
            "model": "the-default",
            "personality_prompt": "Calm.",
            "proactive_behavior": "balanced",
            "auto_apply_confidence": 0.8,
            "voice": {"pitch": [1, 2.5, None]},
        },
        "timings": None,
        "personality_version": 3,
        "created_at": AT_TEXT,
        "updated_at": AT_TEXT,
    }


def test_an_agent_s_own_values_are_shown() -> None:
    given = AgentParameters(model="m", temperature=0, max_tokens=5, auto_apply_confidence=None)
    view = agent_view(given, timings=AgentTimings())
    agent = shown(agents.agent(view, "the-default"))
    assert agent["parameters"] == {
        "model": "m",
        "personality_prompt": "Calm.",
        "temperature": 0,
        "max_tokens": 5,
        "proactive_behavior": "balanced",
        "auto_apply_confidence": None,
    }
    assert agent["timings"] == {
        "inactivity_check_minutes": 5,
        "quiet_hours": None,
        "daily_cap": None,
    }


def test_an_agent_s_body_becomes_a_command() -> None:
    parameters = {"personality_prompt": "Calm.", "temperature": 1, "voice": "low"}
    body = AgentBody.model_validate({"name": "Lin", "parameters": parameters, "id": "ignored"})
    command = body.create(USER, AGENT)
    assert (command.user_id, command.agent_id, command.agent_name) == (USER, AGENT, "Lin")
    assert command.personality_prompt == "Calm."
    assert command.parameters.model_dump(exclude_unset=True) == {"temperature": 1, "voice": "low"}


@pytest.mark.parametrize("depth", [JSON_DEPTH_MAX, 200])
def test_what_nests_too_deep_is_refused(depth: int) -> None:
    nested: Any = 1
    for _ in range(depth):
        nested = [{"in": nested}]
    with pytest.raises(ValidationError, match="must not nest deeper"):
        AgentBody.model_validate({"name": "Lin", "parameters": {"own": nested}})


def test_a_version_of_a_personality() -> None:
    version = PersonalityVersion(
        version=2, personality_prompt="Calm.", source="manual", created_at=AT
    )
    assert shown(agents.ledger_entry(version)) == {
        "version": 2,
        "personality_prompt": "Calm.",
        "source": "manual",
        "evidence": [],
        "created_at": AT_TEXT,
    }


def test_an_answer_of_one_bubble_and_of_several() -> None:
    first, second = bubble("One."), bubble("Two.")
    one = chat.answer(SESSION, MESSAGE, Answered(str(TURN), (first,)))
    assert one == {
        "session_id": SESSION,
        "user_message_id": MESSAGE,
        "turn_id": str(TURN),
        "response": "One.",
        "ai_message_id": first.message_id,
    }
    both = chat.answer(SESSION, MESSAGE, Answered(str(TURN), (first, second)))
    assert both["response"] == "One.\n\nTwo."
    assert both["ai_message_id"] == second.message_id
    assert both["messages"] == [
        {"id": first.message_id, "message": "One."},
        {"id": second.message_id, "message": "Two."},
    ]
    for shape in (one, both):  # what is written by hand is what is documented
        documented = ChatAnswer.model_validate(shape).model_dump(mode="json")
        assert documented == json.loads(json.dumps(shape, default=str))


def test_an_answer_tells_the_news_and_what_needs_care() -> None:
    care = Critical(critical_type="self_harm", text="Call.", links=("https://x.example",))
    said = Answered(str(TURN), (bubble("One."),), ("summary", "personality", "suggestion"), care)
    told = chat.answer(SESSION, MESSAGE, said, Texts("They met.", "Calm."))
    assert (
        told
        | {
            "summary_updated": True,
            "summary": "They met.",
            "personality_updated": True,
            "personality_prompt": "Calm.",
            "personality_suggestion_available": True,
            "critical": {
                "critical_type": "self_harm",
                "text": "Call.",
                "links": ("https://x.example",),
            },
        }
        == told
    )
    documented = ChatAnswer.model_validate(told).model_dump(mode="json")
    assert documented == json.loads(json.dumps(told, default=str))
    only = chat.answer(SESSION, MESSAGE, Answered(str(TURN), (bubble("One."),), ("summary",)))
    assert "summary" not in only  # it could not be had
    assert only["summary_updated"] is True
    waits = chat.pending(SESSION, MESSAGE, Pending(str(TURN), care))
    failed = Failed(str(TURN), "bad_answer", "No.", retryable=True, critical=care)
    assert waits["critical"]["text"] == "Call."
    assert chat.failure(SESSION, MESSAGE, failed)["critical"]["text"] == "Call."


def test_what_the_agent_says_by_itself_and_what_needs_care() -> None:
    grown = shown(sessions.message(SENT.model_copy(update={"proactive": True, "turn_id": None})))
    assert grown["is_agent_growth"] is True
    flagged = shown(sessions.message(POSTED.model_copy(update={"critical_type": "self_harm"})))
    assert (flagged["critical"], flagged["critical_type"]) == (True, "self_harm")


def test_a_session_tells_what_waits_for_the_user() -> None:
    suggestion_id = new_id()
    view = session_view(suggestion_id=suggestion_id, personality_checked_at=AT)
    assert shown(sessions.session(view))["current_state"] == {
        "personality_update_suggestion": {"id": str(suggestion_id)},
        "last_personality_check": AT_TEXT,
    }
    waiting = PersonalitySuggestion(
        suggestion_id=suggestion_id,
        session_id=SESSION,
        reason="They asked.",
        suggested_personality="Brief.",
        confidence=0.5,
        based_on_version=3,
        created_at=AT,
    )
    whole = shown(sessions.session(view, waiting=waiting))["current_state"]
    assert whole["personality_update_suggestion"]["suggested_personality"] == "Brief."
    looked = session_view(personality_checked_at=AT)
    assert shown(sessions.session(looked))["current_state"] == {"last_personality_check": AT_TEXT}


def test_pending_and_failed() -> None:
    waits = chat.pending(SESSION, MESSAGE, Pending(str(TURN)))
    assert ChatPending.model_validate(waits).model_dump() == waits | {"turn_id": TURN}
    failed = Failed(str(TURN), "model_timeout", "No answer.", retryable=True)
    assert chat.failure(SESSION, MESSAGE, failed) == {
        "session_id": SESSION,
        "user_message_id": MESSAGE,
        "turn_id": str(TURN),
        "retryable": True,
    }


def test_ids_that_are_none_are_not_found() -> None:
    with pytest.raises(SessionNotFound):
        ChatBody.model_validate({"message": "Hi.", "session_id": "no-id"})
    with pytest.raises(AgentNotFound):
        ChatBody.model_validate({"message": "Hi.", "agent_id": ""})
    with pytest.raises(AgentNotFound):
        SessionBody.model_validate({"agent_configuration": str(AGENT) + "0"})
    with pytest.raises(MessageNotFound):
        ReadBody.model_validate({"up_to": "no-id"})
