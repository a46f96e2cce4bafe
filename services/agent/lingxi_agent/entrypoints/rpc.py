"""Commands and questions to agent, by request/reply."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from lingxi_agent.application.agent_log import AgentLog
from lingxi_agent.application.apply_suggestion import apply_suggestion
from lingxi_agent.application.change_agent import change_agent
from lingxi_agent.application.change_memory import change_memory
from lingxi_agent.application.change_personality import change_personality
from lingxi_agent.application.create_agent import create_agent
from lingxi_agent.application.delete_agent import delete_agent
from lingxi_agent.application.dismiss_suggestion import dismiss_suggestion
from lingxi_agent.application.forget_memory import forget_memory
from lingxi_agent.application.get_profile import get_profile
from lingxi_agent.application.record_memories import one_by_one
from lingxi_agent.application.record_review import record_review
from lingxi_agent.application.roll_back_personality import roll_back_personality
from lingxi_agent.projections.agents import get_agent, list_agents, walk_agents
from lingxi_agent.projections.memories import list_memories
from lingxi_agent.projections.personality_reviews import get_personality_review
from lingxi_agent.projections.personality_suggestions import get_suggestion
from lingxi_agent.projections.personality_versions import get_personality_history
from lingxi_chassis.clock import utc_now
from lingxi_chassis.postgres import Pool
from lingxi_chassis.rpc import RpcServer
from lingxi_contracts.agent import (
    AgentRequest,
    ApplySuggestion,
    ChangeAgent,
    ChangeMemory,
    ChangePersonality,
    CreateAgent,
    DeleteAgent,
    DismissSuggestion,
    ForgetMemory,
    GetAgent,
    GetPersonalityHistory,
    GetPersonalityReview,
    GetProfile,
    GetSuggestion,
    ListAgents,
    ListMemories,
    RecordMemories,
    RecordReview,
    RollBackPersonality,
    WalkAgents,
)
from lingxi_contracts.base import Answer


async def serve(server: RpcServer, log: AgentLog) -> None:
    """Answer all of agent's requests."""

    async def verb[R: AgentRequest[Answer], A: Answer](
        request_type: type[R], do: Callable[[AgentLog, R, datetime], Awaitable[A]]
    ) -> None:
        await server.serve(request_type, lambda request: do(log, request, utc_now()))

    async def question[R: AgentRequest[Answer], A: Answer](
        request_type: type[R], ask: Callable[[Pool, R], Awaitable[A]]
    ) -> None:
        await server.serve(request_type, lambda request: ask(log.pool, request))

    await verb(CreateAgent, create_agent)
    await verb(ChangeAgent, change_agent)
    await verb(ChangePersonality, change_personality)
    await verb(RollBackPersonality, roll_back_personality)
    await verb(DeleteAgent, delete_agent)
    await verb(GetProfile, get_profile)
    await verb(RecordReview, record_review)
    await verb(ApplySuggestion, apply_suggestion)
    await verb(DismissSuggestion, dismiss_suggestion)
    await verb(RecordMemories, one_by_one())
    await verb(ChangeMemory, change_memory)
    await verb(ForgetMemory, forget_memory)
    await question(GetAgent, get_agent)
    await question(ListAgents, list_agents)
    await question(WalkAgents, walk_agents)
    await question(GetPersonalityHistory, get_personality_history)
    await question(GetPersonalityReview, get_personality_review)
    await question(GetSuggestion, get_suggestion)
    await question(ListMemories, list_memories)
