"""Say a memory in the user's words."""

from datetime import datetime

from lingxi_agent.application.agent_log import AgentLog, StreamSnapshot, load_memory
from lingxi_agent.domain import memory
from lingxi_agent.domain.memory import Memory
from lingxi_chassis.eventlog import again_on_conflict
from lingxi_contracts.agent import ChangeMemory, MemoryView
from lingxi_contracts.errors import MemoryNotFound


async def change_memory(log: AgentLog, command: ChangeMemory, at: datetime) -> MemoryView:
    """The memory as it is now; the same text again is recorded once.

    Raises:
        AgentNotFound.
        MemoryNotFound: it is unknown, forgotten, or another agent's.
    """

    async def attempt() -> StreamSnapshot:
        snapshot, kept = await load_memory(
            log, command.memory_id, command.user_id, command.agent_id
        )
        return await log.append(snapshot, memory.change(kept, command.text), at)

    return _view(await again_on_conflict(attempt))


def _view(snapshot: StreamSnapshot) -> MemoryView:
    kept = snapshot.state
    if not isinstance(kept, Memory):
        raise MemoryNotFound
    return MemoryView(
        memory_id=snapshot.stream_id,
        agent_id=kept.agent_id,
        text=kept.text,
        evidence=kept.evidence,
        created_at=kept.recorded_at,
        updated_at=kept.changed_at,
        by_user=kept.by_user,
    )
