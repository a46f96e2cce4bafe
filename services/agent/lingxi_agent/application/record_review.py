"""Record what a look at a session found out about the agent's personality."""

from datetime import datetime

from lingxi_agent.application.agent_log import AgentLog, load
from lingxi_agent.domain import suggestions
from lingxi_agent.domain.agent import Events
from lingxi_agent.projections import sessions
from lingxi_agent.projections.personality_reviews import find_reviewed
from lingxi_chassis.eventlog import GuardLost, again_on_conflict
from lingxi_contracts.agent import (
    PersonalityChanged,
    PersonalitySuggested,
    RecordReview,
    ReviewRecorded,
)
from lingxi_contracts.errors import SessionNotFound


async def record_review(log: AgentLog, command: RecordReview, at: datetime) -> ReviewRecorded:
    """What came of it; a repeat changes nothing.

    Raises:
        AgentNotFound: it is unknown, deleted, or another user's.
        SessionNotFound: the session was deleted meanwhile.
    """
    await sessions.remember_session(log.pool, command.session_id)

    async def attempt() -> Events:
        snapshot, agent = await load(log, command.agent_id, command.user_id)
        # After the snapshot: what was reviewed since then makes the append a conflict.
        reviewed = await find_reviewed(log.pool, command.agent_id, command.session_id)
        events = suggestions.record_review(agent, command, reviewed)
        guard = sessions.living(command.agent_id, command.session_id)
        await log.append(snapshot, events, at, guard=guard)
        return events

    try:
        return _told(await again_on_conflict(attempt))
    except GuardLost as error:
        raise SessionNotFound from error


def _told(events: Events) -> ReviewRecorded:
    for event in events:
        if isinstance(event, PersonalityChanged):
            return ReviewRecorded(outcome="applied")
        if isinstance(event, PersonalitySuggested):
            return ReviewRecorded(outcome="suggested")
    return ReviewRecorded(outcome="unchanged")
