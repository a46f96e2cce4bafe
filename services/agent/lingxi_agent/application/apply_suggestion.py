"""Make a suggestion that waits the newest version of the personality."""

from datetime import datetime

from lingxi_agent.application.agent_log import AgentLog, StreamSnapshot, load, view
from lingxi_agent.domain import suggestions
from lingxi_agent.projections.personality_suggestions import get_suggestion
from lingxi_chassis.eventlog import again_on_conflict
from lingxi_contracts.agent import AgentView, ApplySuggestion, GetSuggestion
from lingxi_contracts.errors import SuggestionNotFound


async def apply_suggestion(log: AgentLog, command: ApplySuggestion, at: datetime) -> AgentView:
    """The agent as it is now.

    Raises:
        AgentNotFound, SuggestionNotFound.
    """
    question = GetSuggestion(
        user_id=command.user_id, agent_id=command.agent_id, session_id=command.session_id
    )

    async def attempt() -> StreamSnapshot:
        # Before the snapshot: if it was closed since then, it does not wait in the snapshot.
        suggestion = (await get_suggestion(log.pool, question)).suggestion
        if suggestion is None:
            raise SuggestionNotFound
        snapshot, agent = await load(log, command.agent_id, command.user_id)
        return await log.append(snapshot, suggestions.apply(agent, command, suggestion), at)

    return view(await again_on_conflict(attempt))
