"""`/api/agents/`: agents and the ledger of their personalities."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from lingxi_chassis.ids import new_id
from lingxi_contracts.agent import (
    AgentPage,
    AgentView,
    ChangeAgent,
    ChangePersonality,
    DeleteAgent,
    GetAgent,
    GetPersonalityHistory,
    ListAgents,
    PersonalityVersion,
    RollBackPersonality,
)
from lingxi_gateway.entrypoints.http.answers import OWNER_PAGES_MAX, done, shown
from lingxi_gateway.entrypoints.http.auth import CurrentUser
from lingxi_gateway.entrypoints.http.ids import AgentId
from lingxi_gateway.entrypoints.http.links import same_url
from lingxi_gateway.entrypoints.http.paging import Paging, page_of, whole_page
from lingxi_gateway.entrypoints.http.parts import Parts, PartsOf
from lingxi_gateway.entrypoints.http.problems import documented
from lingxi_gateway.entrypoints.http.routers import router
from lingxi_gateway.entrypoints.http.wire.agents import (
    VERSION_MAX,
    Agent,
    AgentBody,
    AgentPatch,
    Ledger,
    LedgerEntry,
    PersonalityBody,
    PersonalityWritten,
    RollbackBody,
    agent,
    ledger_entry,
)
from lingxi_gateway.entrypoints.http.wire.base import Page

NOT_FOUND = documented(HTTPStatus.NOT_FOUND)
CONFLICT = documented(HTTPStatus.CONFLICT)

routes = router("/api/agents", "agents", HTTPStatus.UNAUTHORIZED)


def _shown(parts: Parts, view: AgentView, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return shown(agent(view, parts.default_model), status)


@routes.get("/", response_model=Page[Agent])
async def list_agents(
    request: Request, user_id: CurrentUser, parts: PartsOf, query: Paging
) -> Response:
    """Your agents, oldest first."""

    async def ask(offset: int, limit: int) -> AgentPage:
        return await parts.rpc.call(ListAgents(user_id=user_id, offset=offset, limit=limit))

    count, views = await whole_page(ask, query)
    shapes = [agent(view, parts.default_model) for view in views]
    return shown(page_of(request, query, count, shapes))


@routes.post("/", status_code=201, response_model=Agent, responses=CONFLICT)
async def create_agent(body: AgentBody, user_id: CurrentUser, parts: PartsOf) -> Response:
    """Make an agent. 409 if another agent of yours has this name."""
    view = await parts.rpc.call(body.create(user_id, new_id()))
    return _shown(parts, view, HTTPStatus.CREATED)


@routes.get("/{agent_id}/", response_model=Agent, responses=NOT_FOUND)
async def get_agent(agent_id: AgentId, user_id: CurrentUser, parts: PartsOf) -> Response:
    """One agent."""
    return _shown(parts, await parts.rpc.call(GetAgent(user_id=user_id, agent_id=agent_id)))


@routes.put("/{agent_id}/", response_model=Agent, responses=NOT_FOUND | CONFLICT)
async def replace_agent(
    agent_id: AgentId, body: AgentBody, user_id: CurrentUser, parts: PartsOf
) -> Response:
    """Write the whole agent anew; a changed personality is a new version in its ledger."""
    document = body.model_dump(mode="json", exclude_unset=True)
    change = ChangeAgent(user_id=user_id, agent_id=agent_id, patch=document, replace=True)
    return _shown(parts, await parts.rpc.call(change))


@routes.patch("/{agent_id}/", response_model=Agent, responses=NOT_FOUND | CONFLICT)
async def change_agent(
    agent_id: AgentId, body: AgentPatch, user_id: CurrentUser, parts: PartsOf
) -> Response:
    """Change what the JSON merge patch names; null removes, `auto_apply_confidence: null` means
    never. A changed personality is a new version in its ledger."""
    change = ChangeAgent(user_id=user_id, agent_id=agent_id, patch=body)
    return _shown(parts, await parts.rpc.call(change))


@routes.delete("/{agent_id}/", status_code=204, responses=NOT_FOUND)
async def delete_agent(agent_id: AgentId, user_id: CurrentUser, parts: PartsOf) -> Response:
    """Delete an agent for good, and its sessions with it."""
    await parts.rpc.call(DeleteAgent(user_id=user_id, agent_id=agent_id))
    return done()


@routes.patch("/{agent_id}/personality/", response_model=PersonalityWritten, responses=NOT_FOUND)
@routes.put("/{agent_id}/personality/", response_model=PersonalityWritten, responses=NOT_FOUND)
async def change_personality(
    agent_id: AgentId, body: PersonalityBody, user_id: CurrentUser, parts: PartsOf
) -> Response:
    """Write a new personality; the very next reply has it."""
    change = ChangePersonality(
        user_id=user_id, agent_id=agent_id, personality_prompt=body.personality_prompt
    )
    view = await parts.rpc.call(change)
    return shown(PersonalityWritten(personality_prompt=view.personality_prompt))


@routes.get("/{agent_id}/personality/history/", response_model=Ledger, responses=NOT_FOUND)
async def personality_history(
    request: Request,
    agent_id: AgentId,
    user_id: CurrentUser,
    parts: PartsOf,
    before: Annotated[int | None, Query(ge=1, le=VERSION_MAX, description="A version.")] = None,
) -> Response:
    """Every version of the personality, newest first, and where it came from."""
    results: list[LedgerEntry] = []
    for _ in range(OWNER_PAGES_MAX):
        question = GetPersonalityHistory(user_id=user_id, agent_id=agent_id, before=before)
        page = await parts.rpc.call(question)
        results += map(ledger_entry, page.results)
        before = page.next_before
        if before is None:
            break
    more = same_url(request, before=before) if before is not None else None
    return shown(Ledger(results=results, next=more))


@routes.post("/{agent_id}/personality/rollback/", response_model=LedgerEntry, responses=NOT_FOUND)
async def roll_back_personality(
    agent_id: AgentId,
    body: RollbackBody,
    user_id: CurrentUser,
    parts: PartsOf,
) -> Response:
    """Make the text of an earlier version the newest version, which is answered."""
    command = RollBackPersonality(user_id=user_id, agent_id=agent_id, version=body.version)
    view = await parts.rpc.call(command)
    return shown(ledger_entry(await _version(parts, user_id, view)))


async def _version(parts: Parts, user_id: UUID, view: AgentView) -> PersonalityVersion:
    question = GetPersonalityHistory(
        user_id=user_id, agent_id=view.agent_id, before=view.personality_version + 1
    )
    return (await parts.rpc.call(question)).results[0]
