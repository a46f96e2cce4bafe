"""What happens in a session.

Stream: one session. `seq` counts a session's messages from 1, users' and agents' alike. A user's
message is *posted*, an agent's is *sent*. A turn is the work of answering.
"""

from uuid import UUID

from pydantic import Field

from lingxi_contracts.base import Event, Text, by_tag
from lingxi_contracts.chat.values import FailureCode, News, Usage


class SessionStarted(Event):
    """A user opened a conversation with an agent."""

    tag = "session_started.v1"
    agent_id: UUID
    agent_name: Text


class SessionRenamed(Event):
    """The user chose a title; a summary never overwrites it."""

    tag = "session_renamed.v1"
    title: Text


class SessionDeleted(Event):
    """The session is gone for good; its content is erased."""

    tag = "session_deleted.v1"


class MessagePosted(Event):
    """The user said something. `request_hash` tells a repeat from another request."""

    tag = "message_posted.v1"
    message_id: UUID
    seq: int = Field(ge=1)
    text: Text
    request_hash: str


class MessageSent(Event):
    """The agent said something: one bubble of a turn, or, proactively, the text of a decision.

    Either `turn_id` or `proactive_id` (the decision's) is set. `delay_ms` suggests the rhythm.
    """

    tag = "message_sent.v1"
    message_id: UUID
    seq: int = Field(ge=1)
    turn_id: UUID | None = None
    proactive_id: UUID | None = None
    bubble: int = Field(ge=0)
    delay_ms: int = Field(ge=0)
    text: Text


class MessagesRead(Event):
    """The user has seen the agent's messages up to a seq; so many are left."""

    tag = "messages_read.v1"
    up_to_seq: int = Field(ge=1)
    unread_count: int = Field(ge=0)
    first_unread_id: UUID | None = None


class TurnStarted(Event):
    """Work on an answer began. Until its end no other turn starts in this session.

    It may try a failed or stopped turn again (`retry_of`), or make another answer in the place of
    a completed turn's (`regenerates`), which stands until this one is completed.
    """

    tag = "turn_started.v1"
    turn_id: UUID
    retry_of: UUID | None = None
    regenerates: UUID | None = None


class TurnCompleted(Event):
    """The turn has its answer: `message_ids` say it, to the messages in `answers`.

    `suggestion_id`: the suggestion of a personality that waited for the user by then.
    """

    tag = "turn_completed.v1"
    turn_id: UUID
    answers: tuple[UUID, ...]
    answers_up_to: int = Field(ge=1)
    message_ids: tuple[UUID, ...]
    attempt: int = Field(ge=1)
    model: str
    fallback_from: str | None = None
    usage: Usage
    latency_ms: int = Field(ge=0)
    personality_version: int = Field(ge=1)
    news: tuple[News, ...] = ()
    suggestion_id: UUID | None = None


class TurnFailed(Event):
    """The turn ended without an answer. The messages in `answers` still wait for one."""

    tag = "turn_failed.v1"
    turn_id: UUID
    answers: tuple[UUID, ...]
    answers_up_to: int = Field(ge=1)
    attempt: int = Field(ge=1)
    code: FailureCode
    detail: Text
    retryable: bool


class TurnStopped(Event):
    """The user stopped the turn; `message_ids` is what the agent had said by then, if anything.

    The messages in `answers` have had their answer if there is one, else they still wait.
    """

    tag = "turn_stopped.v1"
    turn_id: UUID
    answers: tuple[UUID, ...]
    answers_up_to: int = Field(ge=1)
    message_ids: tuple[UUID, ...]
    attempt: int = Field(ge=1)


class MessagesSuperseded(Event):
    """These messages were replaced, by a turn's other answer or after an edit; they are kept."""

    tag = "messages_superseded.v1"
    message_ids: tuple[UUID, ...]
    by_turn_id: UUID


class MessageFlagged(Event):
    """A user's message needs care: of which kind, and the operator's text and links about it."""

    tag = "message_flagged.v1"
    message_id: UUID
    seq: int = Field(ge=1)
    critical_type: Text
    text: Text
    links: tuple[Text, ...] = ()


class SummaryDue(Event):
    """A multiple of ten messages was passed: there is something to summarise up to this seq."""

    tag = "summary_due.v1"
    to_seq: int = Field(ge=1)


class SummaryWritten(Event):
    """The rolling summary now covers all messages up to a seq; `covers_from` on they were new.

    `title` is the session's from now on, unless the user chose one.
    """

    tag = "summary_written.v1"
    covers_from: int = Field(ge=1)
    covers_up_to: int = Field(ge=1)
    title: Text
    summary: Text


class SummaryWithdrawn(Event):
    """Some of what the summary told was superseded: the one up to this seq (0: none) stands."""

    tag = "summary_withdrawn.v1"
    covers_up_to: int = Field(ge=0)


class PersonalityReviewDue(Event):
    """A multiple of twenty messages was passed: the agent's personality may want to adapt."""

    tag = "personality_review_due.v1"
    to_seq: int = Field(ge=1)


EVENTS = by_tag(
    (
        SessionStarted,
        SessionRenamed,
        SessionDeleted,
        MessagePosted,
        MessageSent,
        MessagesRead,
        TurnStarted,
        TurnCompleted,
        TurnFailed,
        TurnStopped,
        MessagesSuperseded,
        MessageFlagged,
        SummaryDue,
        SummaryWritten,
        SummaryWithdrawn,
        PersonalityReviewDue,
    )
)
