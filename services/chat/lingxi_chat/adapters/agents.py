"""The owner of agents, over RPC: the newest profile, or the last known while agent is away."""

from uuid import UUID

from lingxi_chassis.rpc import RpcClient
from lingxi_contracts.agent import ABOUT_CHARS_MAX, AgentProfile, GetProfile
from lingxi_contracts.errors import AgentNotFound, Unavailable

TIMEOUT_SECONDS = 2.0
LAST_KNOWN_MAX = 10_000
"""Profiles remembered; the least recently used one is forgotten first."""


class RemoteProfiles:
    """Asks agent for each turn, so that the very next reply speaks with a changed personality."""

    def __init__(self, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._last_known: dict[UUID, tuple[UUID, AgentProfile]] = {}

    async def profile(self, user_id: UUID, agent_id: UUID | None, about: str = "") -> AgentProfile:
        """The newest profile, with the memories that fit what is talked `about`; without an id, of
        the default agent.

        Raises:
            AgentNotFound: the user has no such agent.
            Unavailable: agent is away, and the profile was never seen here.
        """
        question = GetProfile(user_id=user_id, agent_id=agent_id, about=about[-ABOUT_CHARS_MAX:])
        try:
            profile = await self._rpc.call(question, TIMEOUT_SECONDS)
        except AgentNotFound:
            if agent_id is not None:
                self._last_known.pop(agent_id, None)
            raise
        except Unavailable:
            owner, known = (
                self._last_known.get(agent_id, (None, None)) if agent_id else (None, None)
            )
            if known is None or owner != user_id:
                raise
            return known
        self._last_known.pop(profile.agent_id, None)
        self._last_known[profile.agent_id] = (user_id, profile)
        if len(self._last_known) > LAST_KNOWN_MAX:
            del self._last_known[next(iter(self._last_known))]
        return profile
