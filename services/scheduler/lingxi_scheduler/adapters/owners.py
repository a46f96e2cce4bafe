"""The owners of sessions and agents, over RPC."""

from datetime import datetime
from uuid import UUID

from lingxi_chassis.rpc import RpcClient
from lingxi_contracts.agent import AgentProfile, GetAgent, GetProfile
from lingxi_contracts.chat import GetProactiveWork, ProactiveSent, ProactiveWork, SendProactive
from lingxi_contracts.scheduler import ProactiveDecided
from lingxi_scheduler.domain.manners import Manners, manners_of


class RemoteSessions:
    """Asks chat."""

    def __init__(self, rpc: RpcClient) -> None:
        self._rpc = rpc

    async def work(self, user_id: UUID, session_id: UUID) -> ProactiveWork:
        """How a session stands. Raises SessionNotFound, Unavailable."""
        return await self._rpc.call(GetProactiveWork(user_id=user_id, session_id=session_id))

    async def send(
        self, user_id: UUID, session_id: UUID, decided: ProactiveDecided, expires_at: datetime
    ) -> ProactiveSent:
        """Send what was decided. Raises chat's refusals, Unavailable."""
        assert decided.text is not None
        assert decided.based_on_user_seq is not None
        return await self._rpc.call(
            SendProactive(
                user_id=user_id,
                session_id=session_id,
                decision_id=decided.decision_id,
                text=decided.text,
                based_on_user_seq=decided.based_on_user_seq,
                expires_at=expires_at,
            )
        )


class RemoteAgents:
    """Asks agent."""

    def __init__(self, rpc: RpcClient) -> None:
        self._rpc = rpc

    async def manners(self, user_id: UUID, agent_id: UUID) -> Manners:
        """How the agent writes first. Raises AgentNotFound, Unavailable."""
        agent = await self._rpc.call(GetAgent(user_id=user_id, agent_id=agent_id))
        return manners_of(agent.parameters, agent.timings)

    async def profile(self, user_id: UUID, agent_id: UUID, about: str) -> AgentProfile:
        """Who the agent is. Raises AgentNotFound, Unavailable."""
        question = GetProfile(user_id=user_id, agent_id=agent_id, about=about)
        return await self._rpc.call(question)
