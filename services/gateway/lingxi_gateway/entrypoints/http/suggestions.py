"""`/api/sessions/{id}/personality-…/`: the change of its agent that a session suggests."""

from http import HTTPStatus
from uuid import UUID

from starlette.responses import Response

from lingxi_contracts.agent import ApplySuggestion, DismissSuggestion, GetSuggestion
from lingxi_contracts.chat import GetSession
from lingxi_gateway.entrypoints.http.answers import shown
from lingxi_gateway.entrypoints.http.auth import CurrentUser
from lingxi_gateway.entrypoints.http.ids import SessionId
from lingxi_gateway.entrypoints.http.parts import Parts, PartsOf
from lingxi_gateway.entrypoints.http.routers import router
from lingxi_gateway.entrypoints.http.wire.agents import PersonalityWritten
from lingxi_gateway.entrypoints.http.wire.suggestions import (
    SuggestionBody,
    SuggestionDismissed,
    SuggestionOfSession,
    suggestion,
)

routes = router(
    "/api/sessions/{session_id}", "suggestions", HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND
)


async def _agent_of(parts: Parts, user_id: UUID, session_id: UUID) -> UUID:
    """The session's agent. Raises SessionNotFound."""
    return (await parts.rpc.call(GetSession(user_id=user_id, session_id=session_id))).agent_id


@routes.get("/personality-suggestion/", response_model=SuggestionOfSession)
async def get_suggestion(session_id: SessionId, user_id: CurrentUser, parts: PartsOf) -> Response:
    """The change that this session suggests, if one waits. Any new version lapses it."""
    agent_id = await _agent_of(parts, user_id, session_id)
    question = GetSuggestion(user_id=user_id, agent_id=agent_id, session_id=session_id)
    waiting = (await parts.rpc.call(question)).suggestion
    shape = SuggestionOfSession(
        session_id=session_id,
        has_suggestion=waiting is not None,
        suggestion=waiting and suggestion(waiting),
    )
    return shown(shape)


@routes.post("/personality-update/", response_model=PersonalityWritten)
async def apply_suggestion(
    session_id: SessionId, body: SuggestionBody, user_id: CurrentUser, parts: PartsOf
) -> Response:
    """Make it the agent's newest version, in your words if you like. 404: none waits."""
    agent_id = await _agent_of(parts, user_id, session_id)
    command = ApplySuggestion(
        user_id=user_id,
        agent_id=agent_id,
        session_id=session_id,
        suggested_personality=body.suggested_personality,
    )
    view = await parts.rpc.call(command)
    return shown(PersonalityWritten(personality_prompt=view.personality_prompt))


@routes.post("/personality-dismiss/", response_model=SuggestionDismissed)
async def dismiss_suggestion(
    session_id: SessionId, user_id: CurrentUser, parts: PartsOf
) -> Response:
    """Not this one: for the next 100 messages this session suggests nothing. 404: none waits."""
    agent_id = await _agent_of(parts, user_id, session_id)
    command = DismissSuggestion(user_id=user_id, agent_id=agent_id, session_id=session_id)
    await parts.rpc.call(command)
    return shown(SuggestionDismissed())
