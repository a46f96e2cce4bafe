"""`/api/sessions/{id}/retry/`, `regenerate/`, `stop/`, `typing/`: steering the agent's answers."""

from http import HTTPStatus

from starlette.responses import Response

from lingxi_chassis.ids import new_id
from lingxi_contracts.chat import RegenerateTurn, RetryTurn, SignalTyping, StopTurn
from lingxi_gateway.entrypoints.http.answers import done, shown
from lingxi_gateway.entrypoints.http.auth import CurrentUser
from lingxi_gateway.entrypoints.http.ids import SessionId
from lingxi_gateway.entrypoints.http.model_calls import ModelCaller
from lingxi_gateway.entrypoints.http.parts import PartsOf
from lingxi_gateway.entrypoints.http.problems import documented
from lingxi_gateway.entrypoints.http.routers import router
from lingxi_gateway.entrypoints.http.wire.sessions import TurnAccepted

MAY_NOT = documented(HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS)

routes = router(
    "/api/sessions/{session_id}", "turns", HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND
)


@routes.post(
    "/retry/",
    status_code=202,
    response_model=TurnAccepted,
    responses=MAY_NOT,
)
async def retry_turn(session_id: SessionId, caller: ModelCaller, parts: PartsOf) -> Response:
    """Try the newest turn again after it failed; 409 where there is nothing to retry."""
    command = RetryTurn(user_id=caller.user_id, session_id=session_id, turn_id=new_id())
    queued = await parts.rpc.call(command)
    return shown(TurnAccepted(turn_id=queued.turn_id), HTTPStatus.ACCEPTED)


@routes.post(
    "/regenerate/",
    status_code=202,
    response_model=TurnAccepted,
    responses=MAY_NOT,
)
async def regenerate_turn(session_id: SessionId, caller: ModelCaller, parts: PartsOf) -> Response:
    """Have the newest answer made again; the old one stands until the new one is there.

    409 where there is none, or the agent is answering right now.
    """
    command = RegenerateTurn(user_id=caller.user_id, session_id=session_id, turn_id=new_id())
    queued = await parts.rpc.call(command)
    return shown(TurnAccepted(turn_id=queued.turn_id), HTTPStatus.ACCEPTED)


@routes.post(
    "/stop/",
    status_code=202,
    response_model=TurnAccepted,
    responses={204: {"description": "The agent isn't answering."}},
)
async def stop_turn(session_id: SessionId, user_id: CurrentUser, parts: PartsOf) -> Response:
    """Have the agent stop; what it said so far stays. The feed tells when it has."""
    stopping = await parts.rpc.call(StopTurn(user_id=user_id, session_id=session_id))
    if stopping.turn_id is None:
        return done()
    return shown(TurnAccepted(turn_id=stopping.turn_id), HTTPStatus.ACCEPTED)


@routes.post("/typing/", status_code=204)
async def signal_typing(session_id: SessionId, user_id: CurrentUser, parts: PartsOf) -> Response:
    """You are typing; your other devices are told. Say it again every few seconds."""
    await parts.rpc.call(SignalTyping(user_id=user_id, session_id=session_id))
    return done()
