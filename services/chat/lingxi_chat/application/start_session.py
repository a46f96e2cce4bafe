"""StartSession: open a conversation with an agent."""

from lingxi_chassis.clock import utc_now
from lingxi_chassis.eventlog import GuardLost, again_on_conflict
from lingxi_chat.application.parts import Profiles, SessionLog
from lingxi_chat.domain import conversation
from lingxi_chat.projections.neighbours import living
from lingxi_chat.projections.sessions import get_session
from lingxi_contracts.chat import SessionView, StartSession
from lingxi_contracts.errors import AgentNotFound, SessionNotFound


async def start_session(command: StartSession, log: SessionLog, profiles: Profiles) -> SessionView:
    """Open a session; a repeat with the same id answers the same.

    Raises:
        AgentNotFound: the user has no such agent.
        SessionNotFound: the id is another user's, or of a deleted session.
    """
    profile = await profiles.profile(command.user_id, command.agent_id)

    async def attempt() -> None:
        if await log.load(command.session_id, command.user_id) is not None:
            return
        if await log.exists(command.session_id):
            raise SessionNotFound
        snapshot = log.new(command.session_id, command.user_id)
        events = conversation.start(snapshot.state, profile.agent_id, profile.name)
        try:
            await log.append(snapshot, events, utc_now(), guard=living(profile.agent_id))
        except GuardLost:
            raise AgentNotFound from None

    await again_on_conflict(attempt)
    view = await get_session(log.pool, command.user_id, command.session_id)
    if view is None:
        raise SessionNotFound
    return view
