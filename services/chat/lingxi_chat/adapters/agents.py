"""The owner of agents, over RPC: the newest profile, or the last known while agent is away."""

from uuid import UUID

from lingxi_chassis.rpc import RpcClient
from lingxi_contracts.agent import ABOUT_CHARS_MAX, AgentProfile, GetProfile
from lingxi_contracts.errors import AgentNotFound, Unavailable

TIMEOUT_SECONDS = 2.0
LAST_KNOWN_BYTES_MAX = 32 * 1024 * 1024
"""Of the profiles remembered, as JSON: one may have a hundred times the size of another. The least
recently used is forgotten first."""


class RemoteProfiles:
    """Asks agent for each turn, so that the very next reply speaks with a changed personality."""

    def __init__(self, rpc: RpcClient, last_known_bytes_max: int = LAST_KNOWN_BYTES_MAX) -> None:
        self._rpc = rpc
        self._bytes_max = last_known_bytes_max
        self._bytes = 0
        self._last_known: dict[UUID, tuple[UUID, bytes]] = {}

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
                self._forget(agent_id)
            raise
        except Unavailable:
            known = self._last_known.get(agent_id) if agent_id else None
            if known is None or known[0] != user_id:
                raise
            return AgentProfile.model_validate_json(known[1])
        self._remember(user_id, profile)
        return profile

    def _remember(self, user_id: UUID, profile: AgentProfile) -> None:
        self._forget(profile.agent_id)
        told = profile.model_dump_json().encode()
        self._last_known[profile.agent_id] = user_id, told
        self._bytes += len(told)
        while self._bytes > self._bytes_max:
            self._forget(next(iter(self._last_known)))

    def _forget(self, agent_id: UUID) -> None:
        _, told = self._last_known.pop(agent_id, (None, b""))
        self._bytes -= len(told)
