"""Long talks, written straight into a running chat's log, as its turns would have left them."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from lingxi_chassis.clock import utc_now
from lingxi_chassis.ids import new_id
from lingxi_chat import bootstrap
from lingxi_chat.domain.session import SessionEvent
from lingxi_contracts.chat import (
    MessagePosted,
    MessageSent,
    MessagesRead,
    SessionStarted,
    TurnCompleted,
    TurnStarted,
    Usage,
)
from services.chat.tests.component.harness import RunningChat

APPEND_TURNS = 250


async def talked(chat: RunningChat, agent_id: UUID, lines: Sequence[str]) -> UUID:
    """A session of these lines, an even number, said by the user and the agent in turn."""
    log = bootstrap.session_log(chat.pool)
    snapshot = log.new(new_id(), chat.user_id)
    began = utc_now() - timedelta(minutes=len(lines))
    turns = [_turn(at + 1, *lines[at : at + 2]) for at in range(0, len(lines), 2)]
    for at in range(0, len(turns), APPEND_TURNS):
        events: list[SessionEvent] = [
            event for turn in turns[at : at + APPEND_TURNS] for event in turn
        ]
        if at == 0:
            events.insert(0, SessionStarted(agent_id=agent_id, agent_name="Mo"))
        snapshot = await log.append(snapshot, events, began + timedelta(minutes=2 * at))
    return snapshot.stream_id


def _turn(seq: int, posted: str, sent: str) -> list[SessionEvent]:
    turn_id, message_id, answer_id = new_id(), new_id(), new_id()
    read = [MessagesRead(up_to_seq=seq - 1, unread_count=0)] if seq > 1 else []
    return [
        MessagePosted(message_id=message_id, seq=seq, text=posted, request_hash="hash"),
        *read,
        TurnStarted(turn_id=turn_id),
        MessageSent(
            message_id=answer_id, seq=seq + 1, turn_id=turn_id, bubble=0, delay_ms=0, text=sent
        ),
        TurnCompleted(
            turn_id=turn_id,
            answers=(message_id,),
            answers_up_to=seq,
            message_ids=(answer_id,),
            attempt=1,
            model="simulated",
            usage=Usage(prompt_tokens=1, completion_tokens=1),
            latency_ms=1,
            personality_version=1,
        ),
    ]
