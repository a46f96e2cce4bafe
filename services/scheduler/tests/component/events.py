"""Events of other owners, as they come to scheduler's handlers."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from lingxi_chassis.ids import new_id
from lingxi_contracts import agent, chat, gateway
from lingxi_contracts.base import Event
from lingxi_contracts.envelope import Envelope

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass
class Stream:
    """One stream of an owner's: its events get the next versions, a minute after one another."""

    owner: str
    user_id: UUID
    stream_id: UUID = field(default_factory=new_id)
    told: list[Envelope] = field(default_factory=list[Envelope])
    begins_at: datetime = NOON

    def tell(self, *events: Event) -> None:
        """These happen next."""
        for event in events:
            at = self.begins_at + timedelta(minutes=len(self.told))
            self.told.append(
                Envelope(
                    id=new_id(),
                    source=self.owner,
                    type=event.tag,
                    subject=self.stream_id,
                    time=at,
                    userid=self.user_id,
                    sequence=len(self.told) + 1,
                    position=len(self.told) + 1,
                    data=event.model_dump(mode="json"),
                )
            )


def user(user_id: UUID, *zones: str) -> Stream:
    """A user who lives in one zone after another."""
    stream = Stream(gateway.OWNER, user_id, user_id)
    first, *later = zones
    stream.tell(gateway.UserRegistered(username="lin", email=None, timezone=first))
    stream.tell(*(gateway.UserChanged(email=None, timezone=zone) for zone in later))
    return stream


def companion(user_id: UUID, *timings: agent.AgentTimings) -> Stream:
    """An agent whose timings change from one to the next."""
    stream = Stream(agent.OWNER, user_id)
    parameters = agent.AgentParameters()
    first, *later = timings or (agent.AgentTimings(),)
    stream.tell(agent.AgentCreated(name="Mo", parameters=parameters, timings=first))
    stream.tell(
        *(agent.AgentChanged(name="Mo", parameters=parameters, timings=one) for one in later)
    )
    return stream


def posted(seq: int) -> Event:
    return chat.MessagePosted(message_id=new_id(), seq=seq, text="Hello.", request_hash="hash")


def sent(seq: int, *, proactive: bool = False) -> Event:
    return chat.MessageSent(
        message_id=new_id(),
        seq=seq,
        turn_id=None if proactive else new_id(),
        proactive_id=new_id() if proactive else None,
        bubble=0,
        delay_ms=0,
        text="Hello!",
    )


def read(up_to_seq: int) -> Event:
    return chat.MessagesRead(up_to_seq=up_to_seq, unread_count=0)


def began() -> Event:
    return chat.TurnStarted(turn_id=new_id())


def failed(answers_up_to: int) -> Event:
    return chat.TurnFailed(
        turn_id=new_id(),
        answers=(),
        answers_up_to=answers_up_to,
        attempt=1,
        code="model_timeout",
        detail="too slow",
        retryable=True,
    )


def completed(answers_up_to: int) -> Event:
    return chat.TurnCompleted(
        turn_id=new_id(),
        answers=(),
        answers_up_to=answers_up_to,
        message_ids=(),
        attempt=1,
        model="simulated",
        usage=chat.Usage(prompt_tokens=1, completion_tokens=1),
        latency_ms=1,
        personality_version=1,
    )


def stopped(answers_up_to: int) -> Event:
    return chat.TurnStopped(
        turn_id=new_id(), answers=(), answers_up_to=answers_up_to, message_ids=(), attempt=1
    )


def flagged(seq: int) -> Event:
    return chat.MessageFlagged(
        message_id=new_id(), seq=seq, critical_type="self_harm", text="Help is there."
    )


def session(user_id: UUID, agent_id: UUID, *events: Event) -> Stream:
    """A session with an agent, in which this happens."""
    stream = Stream(chat.OWNER, user_id)
    stream.tell(chat.SessionStarted(agent_id=agent_id, agent_name="Mo"), *events)
    return stream
