"""Make the text of an earlier version the newest version."""

from datetime import datetime

from lingxi_agent.application.agent_log import AgentLog, StreamSnapshot, load, view
from lingxi_agent.domain.agent import decide
from lingxi_agent.projections.personality_versions import find_text
from lingxi_chassis.eventlog import again_on_conflict
from lingxi_contracts.agent import AgentView, RollBackPersonality


async def roll_back_personality(
    log: AgentLog, command: RollBackPersonality, at: datetime
) -> AgentView:
    """The agent as it is now; a repeat is no further version.

    Raises:
        AgentNotFound, PersonalityVersionNotFound.
    """

    async def attempt() -> StreamSnapshot:
        snapshot, agent = await load(log, command.agent_id, command.user_id)
        # A version's text never changes: it need not be read together with the snapshot.
        restored = await find_text(log.pool, command.agent_id, command.version)
        return await log.append(snapshot, decide(agent, command, restored), at)

    return view(await again_on_conflict(attempt))
