"""`/api/agents/{id}/memories/`: what an agent knows about its user."""

from http import HTTPStatus

from starlette.responses import Response

from lingxi_contracts.agent import ChangeMemory, ForgetMemory, ListMemories
from lingxi_gateway.entrypoints.http.answers import done, shown
from lingxi_gateway.entrypoints.http.auth import CurrentUser
from lingxi_gateway.entrypoints.http.ids import AgentId, MemoryId
from lingxi_gateway.entrypoints.http.parts import PartsOf
from lingxi_gateway.entrypoints.http.routers import router
from lingxi_gateway.entrypoints.http.wire.memories import Memories, Memory, MemoryBody, memory

routes = router(
    "/api/agents/{agent_id}/memories", "memories", HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND
)


@routes.get("/", response_model=Memories)
async def list_memories(agent_id: AgentId, user_id: CurrentUser, parts: PartsOf) -> Response:
    """All that the agent knows about you, oldest first, and the messages that say so."""
    results: list[Memory] = []
    question = ListMemories(user_id=user_id, agent_id=agent_id)
    while True:
        page = await parts.rpc.call(question)
        results += map(memory, page.results)
        if page.next_after is None:
            return shown(Memories(results=results))
        question = question.model_copy(update={"after": page.next_after})


@routes.patch("/{memory_id}/", response_model=Memory)
async def change_memory(
    agent_id: AgentId,
    memory_id: MemoryId,
    body: MemoryBody,
    user_id: CurrentUser,
    parts: PartsOf,
) -> Response:
    """Say it in your words. Nothing that the agent learns changes it from then on."""
    command = ChangeMemory(user_id=user_id, agent_id=agent_id, memory_id=memory_id, text=body.text)
    return shown(memory(await parts.rpc.call(command)))


@routes.delete("/{memory_id}/", status_code=204)
async def forget_memory(
    agent_id: AgentId, memory_id: MemoryId, user_id: CurrentUser, parts: PartsOf
) -> Response:
    """Have the agent forget it, for good."""
    command = ForgetMemory(user_id=user_id, agent_id=agent_id, memory_id=memory_id)
    await parts.rpc.call(command)
    return done()
