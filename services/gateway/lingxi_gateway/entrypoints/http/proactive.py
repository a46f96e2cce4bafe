"""`/api/sessions/{id}/proactive/`: why the agent wrote first, and why it did not."""

from http import HTTPStatus

from starlette.responses import Response

from lingxi_contracts.chat import GetSession
from lingxi_contracts.scheduler import ListDecisions
from lingxi_gateway.entrypoints.http.answers import CurrentReader, shown
from lingxi_gateway.entrypoints.http.ids import SessionId
from lingxi_gateway.entrypoints.http.parts import PartsOf
from lingxi_gateway.entrypoints.http.problems import documented
from lingxi_gateway.entrypoints.http.routers import router
from lingxi_gateway.entrypoints.http.wire.proactive import Decisions, decision

routes = router("/api/sessions", "sessions", HTTPStatus.UNAUTHORIZED)


@routes.get(
    "/{session_id}/proactive/",
    response_model=Decisions,
    responses=documented(HTTPStatus.NOT_FOUND),
)
async def list_decisions(session_id: SessionId, user_id: CurrentReader, parts: PartsOf) -> Response:
    """Why the agent wrote of its own accord, and why it did not: newest first."""
    # Whose session it is, and whether there is one, is for chat to say.
    await parts.rpc.call(GetSession(user_id=user_id, session_id=session_id))
    page = await parts.rpc.call(ListDecisions(user_id=user_id, session_id=session_id))
    return shown(Decisions(results=[decision(view) for view in page.results]))
