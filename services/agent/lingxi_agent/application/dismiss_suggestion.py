"""Turn a suggestion down, and leave its session alone for a while."""

from datetime import datetime

from lingxi_agent.application.agent_log import AgentLog, load
from lingxi_agent.domain import suggestions
from lingxi_agent.projections.personality_reviews import find_reviewed
from lingxi_chassis.eventlog import again_on_conflict
from lingxi_contracts.agent import DismissSuggestion
from lingxi_contracts.base import Nothing


async def dismiss_suggestion(log: AgentLog, command: DismissSuggestion, at: datetime) -> Nothing:
    """The suggestion does not wait any more.

    Raises:
        AgentNotFound, SuggestionNotFound.
    """

    async def attempt() -> None:
        snapshot, agent = await load(log, command.agent_id, command.user_id)
        reviewed = await find_reviewed(log.pool, command.agent_id, command.session_id)
        events = suggestions.dismiss(agent, command.session_id, reviewed)
        await log.append(snapshot, events, at)

    await again_on_conflict(attempt)
    return Nothing()
