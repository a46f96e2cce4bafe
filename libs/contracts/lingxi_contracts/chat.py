"""What chat owns: sessions, their messages, and the turns that answer them.

Stream: one session. `seq` counts a session's messages from 1, users' and agents' alike. A user's
message is *posted*, an agent's is *sent*. A turn is the work of answering.
"""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from lingxi_contracts.base import Answer, Event, Frozen, Nothing, Request, Text, by_tag

OWNER = "chat"

MESSAGE_CHARS_MAX = 32_000
TITLE_CHARS_MAX = 60
SEARCH_CHARS_MAX = 200
PAGE_SIZE_MAX = 100
MESSAGES_PAGE_MAX = 200
HISTORY_MESSAGES_MAX = 20
"""Messages of each session in a history of many sessions."""

FailureCode = Literal[
    "model_rate_limited",
    "model_timeout",
    "model_unavailable",
    "model_auth",
    "model_not_found",
    "model_refused",
    "context_too_long",
    "bad_answer",
    "abandoned",
    "stopped",
]
Author = Literal["user", "agent"]


class Usage(Frozen):
    """What a model call cost, in the provider's tokens."""

    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)


# Events


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
    """The agent said something: one bubble of a turn. `delay_ms` suggests the rhythm."""

    tag = "message_sent.v1"
    message_id: UUID
    seq: int = Field(ge=1)
    turn_id: UUID
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
    """The turn has its answer: `message_ids` say it, to the messages in `answers`."""

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
    )
)


# Views


class MessageView(Frozen):
    """A message as its readers see it. `read`: by the user, or taken by a turn."""

    message_id: UUID
    seq: int
    sent_at: datetime
    author: Author
    text: str
    read: bool
    turn_id: UUID | None = None
    bubble: int | None = None
    delay_ms: int | None = None
    superseded_by: UUID | None = None


class TurnView(Frozen):
    """The newest turn while it is open or failed. A stopped one that said nothing counts as failed,
    with the code `stopped`."""

    turn_id: UUID
    status: Literal["open", "failed"]
    code: FailureCode | None = None
    detail: str | None = None
    retryable: bool | None = None


class SessionView(Answer):
    """A session without its messages. `first_unread_id` is the oldest one not read."""

    session_id: UUID
    agent_id: UUID
    agent_name: str
    title: str
    started_at: datetime
    last_activity_at: datetime
    message_count: int
    unread_count: int
    first_unread_id: UUID | None
    last_message: MessageView | None
    turn: TurnView | None
    summary: str = ""
    covers_up_to: int = 0


class SessionPage(Answer):
    """Sessions in the order asked for. `next_offset`: ask on from there; null at the end."""

    count: int
    results: tuple[SessionView, ...]
    next_offset: int | None


class SessionPlace(Frozen):
    """A session's place in the order of their starts."""

    started_at: datetime
    session_id: UUID


class SessionWalk(Answer):
    """The sessions after a place. `next_after`: walk on from there; null at the end."""

    results: tuple[SessionView, ...]
    next_after: SessionPlace | None


class MessagePage(Answer):
    """Messages ascending by seq. A page may end early at its byte bound."""

    results: tuple[MessageView, ...]
    older: bool
    newer: bool


class SessionHistory(Frozen):
    """A session with its newest messages."""

    session: SessionView
    messages: MessagePage


class HistoryPage(Answer):
    """Histories of the newest sessions. `next_offset`: ask on from there; null at the end."""

    results: tuple[SessionHistory, ...]
    next_offset: int | None


class TurnAnswer(Frozen):
    """The bubbles that answer a message."""

    turn_id: UUID
    messages: tuple[MessageView, ...]


class TurnFailure(Frozen):
    """Why a message has no answer."""

    turn_id: UUID
    code: FailureCode
    detail: str
    retryable: bool


class PostedMessage(Answer):
    """The recorded state of a user's message: pending, answered or failed."""

    session_id: UUID
    message_id: UUID
    turn_id: UUID
    status: Literal["pending", "answered", "failed"]
    answer: TurnAnswer | None = None
    failure: TurnFailure | None = None


class TurnQueued(Answer):
    """A turn that was asked for."""

    turn_id: UUID


class TurnStopping(Answer):
    """Whether there was an open turn to stop."""

    turn_id: UUID | None


# Commands and questions


class ChatRequest[A: Answer](Request[A]):
    """Any request to chat: always in the name of one user."""

    owner: ClassVar[str] = OWNER
    user_id: UUID


class StartSession(ChatRequest[SessionView]):
    """Open a session; without an agent, with the default one. Repeats answer the same."""

    name = "start_session"
    session_id: UUID
    agent_id: UUID | None


class PostMessage(ChatRequest[PostedMessage]):
    """Say something. A repeat (same message id) answers what was recorded."""

    name = "post_message"
    session_id: UUID
    message_id: UUID
    text: Text = Field(min_length=1, max_length=MESSAGE_CHARS_MAX)
    agent_id: UUID | None = None
    create_session: bool = False
    mark_read: bool = True
    request_hash: str


class GetAnswer(ChatRequest[PostedMessage]):
    """What became of a message."""

    name = "get_answer"
    session_id: UUID
    message_id: UUID


class GetSession(ChatRequest[SessionView]):
    """One session."""

    name = "get_session"
    session_id: UUID


class ListSessions(ChatRequest[SessionPage]):
    """The user's sessions, newest first. `query` matches the title, whatever the case."""

    name = "list_sessions"
    offset: int = Field(ge=0)
    limit: int = Field(ge=1, le=PAGE_SIZE_MAX)
    order: Literal["started", "activity"] = "started"
    agent_id: UUID | None = None
    query: Text = Field(default="", max_length=SEARCH_CHARS_MAX)


class WalkSessions(ChatRequest[SessionWalk]):
    """All of the user's sessions, oldest first, piece by piece: none is missed or told twice,
    whatever is started or deleted meanwhile."""

    name = "walk_sessions"
    after: SessionPlace | None = None
    limit: int = Field(default=PAGE_SIZE_MAX, ge=1, le=PAGE_SIZE_MAX)


class ListMessages(ChatRequest[MessagePage]):
    """Messages before or after a seq (exclusive); with neither, the newest."""

    name = "list_messages"
    session_id: UUID
    before: int | None = Field(default=None, ge=1)
    after: int | None = Field(default=None, ge=0)
    limit: int = Field(default=MESSAGES_PAGE_MAX, ge=1, le=MESSAGES_PAGE_MAX)
    superseded: bool = False
    """Show replaced messages too."""


class GetHistory(ChatRequest[HistoryPage]):
    """The newest sessions, each with its newest messages."""

    name = "get_history"
    offset: int = Field(default=0, ge=0)
    limit: int = Field(ge=1, le=PAGE_SIZE_MAX)


class ReadMessages(ChatRequest[Nothing]):
    """The user has seen the agent's messages up to this one; null: all there are."""

    name = "read_messages"
    session_id: UUID
    up_to: UUID | None


class RenameSession(ChatRequest[SessionView]):
    """Choose a title."""

    name = "rename_session"
    session_id: UUID
    title: Text = Field(min_length=1, max_length=TITLE_CHARS_MAX)


class DeleteSession(ChatRequest[Nothing]):
    """Delete a session for good."""

    name = "delete_session"
    session_id: UUID


class RetryTurn(ChatRequest[TurnQueued]):
    """Try the newest turn again after it failed. A repeat (same turn id) is a no-op."""

    name = "retry_turn"
    session_id: UUID
    turn_id: UUID


class StopTurn(ChatRequest[TurnStopping]):
    """Stop the open turn: what was said so far is kept. Repeats change nothing."""

    name = "stop_turn"
    session_id: UUID


class RegenerateTurn(ChatRequest[TurnQueued]):
    """Have the newest completed turn answered again; its answer stands until the other is there.

    A repeat (same turn id) is a no-op.
    """

    name = "regenerate_turn"
    session_id: UUID
    turn_id: UUID


class EditMessage(ChatRequest[TurnQueued]):
    """Say the newest message of the user in other words: it and what followed are superseded.

    The new words are a message of their own. A repeat (same turn id) is a no-op.
    """

    name = "edit_message"
    session_id: UUID
    message_id: UUID
    new_message_id: UUID
    turn_id: UUID
    text: Text = Field(min_length=1, max_length=MESSAGE_CHARS_MAX)


class SignalTyping(ChatRequest[Nothing]):
    """The user is typing; told live to the user's other devices, recorded nowhere."""

    name = "signal_typing"
    session_id: UUID
