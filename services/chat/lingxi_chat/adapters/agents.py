"""The owner of agents, over RPC: the profile as it is now, or the last known while agent is away.

Agent tells of each change before it answers whoever made it (`PROFILES_CHANGED`). So a profile that
was asked for since the last word is what agent would answer, and each turn is spared the question.

What keeps an old personality from speaking on:

1. A word that has come counts, even if nobody has taken it yet.
2. An answer that a word came in while it was waited for is used once, and not kept.
3. Words may be lost: with our connection or agent's, or with agent's process. Then all is asked for
   anew, as agent tells of a new beginning of its own; and in any case after `KEPT_SECONDS`.
"""

from dataclasses import dataclass
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from lingxi_chassis.clock import monotonic
from lingxi_chassis.fitting import fitting
from lingxi_chassis.rpc import RpcClient
from lingxi_contracts.agent import (
    ABOUT_CHARS_MAX,
    PROFILE_MEMORIES_CHARS_MAX,
    AgentProfile,
    GetProfile,
)
from lingxi_contracts.errors import AgentNotFound, Unavailable
from lingxi_contracts.subjects import PROFILES_CHANGED, profiles_changed

TIMEOUT_SECONDS = 2.0
KEPT_SECONDS = 30.0
"""Without another question."""
LAST_KNOWN_BYTES_MAX = 32 * 1024 * 1024
"""Of the profiles remembered, as JSON: one may have a hundred times the size of another. The least
recently asked for is forgotten first."""


@dataclass(slots=True)
class _Known:
    """A profile, with all memories if `profile.memories_complete`; `until`: good without asking."""

    user_id: UUID
    profile: AgentProfile
    bytes: int
    until: float


class RemoteProfiles:
    """The profiles of agents; asks for each unless it `listen`s."""

    def __init__(self, rpc: RpcClient, last_known_bytes_max: int = LAST_KNOWN_BYTES_MAX) -> None:
        self._rpc = rpc
        self._bytes_max = last_known_bytes_max
        self._bytes = 0
        self._known: dict[UUID, _Known] = {}
        self._of_user: dict[UUID, set[UUID]] = {}
        self._words = 0
        self._listening: Subscription | None = None

    async def listen(self, nats: Client) -> None:
        """Hear of changes from now on. Whoever calls this calls `doubt` when `nats` was lost."""
        self._listening = await nats.subscribe(PROFILES_CHANGED, cb=self._changed)

    async def _changed(self, message: Msg) -> None:
        if message.subject == profiles_changed(None):
            self.doubt()
        else:
            self._words += 1
            for agent_id in self._of_user.get(UUID(message.subject.rpartition(".")[2]), ()):
                self._known[agent_id].until = 0.0

    def doubt(self) -> None:
        """Any profile may have changed."""
        self._words += 1
        for known in self._known.values():
            known.until = 0.0

    async def profile(self, user_id: UUID, agent_id: UUID | None, about: str = "") -> AgentProfile:
        """The profile, with the memories that fit what is talked `about`; without an id, of the
        default agent.

        Raises:
            AgentNotFound: the user has no such agent.
            Unavailable: agent is away, and the profile was never seen here.
        """
        known = self._known.get(agent_id) if agent_id else None
        if known is not None and known.user_id != user_id:
            known = None
        if known is not None and monotonic() < known.until and self._hears_all:
            return _about(known.profile, about)
        try:
            if known is None or known.profile.memories_complete:
                profile = await self._asked(user_id, agent_id, "")
                if profile.memories_complete:
                    return _about(profile, about)
            return await self._asked(user_id, agent_id, about)
        except AgentNotFound:
            if agent_id is not None:
                self._forget(agent_id)
            raise
        except Unavailable:
            if known is None:
                raise
            return _about(known.profile, about)

    @property
    def _hears_all(self) -> bool:
        return self._listening is not None and not self._listening.pending_msgs

    async def _asked(self, user_id: UUID, agent_id: UUID | None, about: str) -> AgentProfile:
        question = GetProfile(user_id=user_id, agent_id=agent_id, about=about[-ABOUT_CHARS_MAX:])
        words, at = self._words, monotonic()
        profile = await self._rpc.call(question, TIMEOUT_SECONDS)
        keeps = profile.memories_complete and words == self._words
        self._remember(user_id, profile, at + KEPT_SECONDS if keeps else 0.0)
        return profile

    def _remember(self, user_id: UUID, profile: AgentProfile, until: float) -> None:
        agent_id = profile.agent_id
        self._forget(agent_id)
        size = len(profile.model_dump_json().encode())
        self._known[agent_id] = _Known(user_id, profile, size, until)
        self._of_user.setdefault(user_id, set()).add(agent_id)
        self._bytes += size
        while self._bytes > self._bytes_max:
            self._forget(next(iter(self._known)))

    def _forget(self, agent_id: UUID) -> None:
        known = self._known.pop(agent_id, None)
        if known is None:
            return
        self._bytes -= known.bytes
        of_user = self._of_user[known.user_id]
        of_user.discard(agent_id)
        if not of_user:
            del self._of_user[known.user_id]


def _about(profile: AgentProfile, about: str) -> AgentProfile:
    """With all its memories, what fits best first."""
    if not about or len(profile.memories) <= 1 or not profile.memories_complete:
        return profile
    best = fitting(profile.memories, about[-ABOUT_CHARS_MAX:], PROFILE_MEMORIES_CHARS_MAX)
    return profile.model_copy(update={"memories": best})
