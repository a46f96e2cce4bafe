"""Commands and questions to chat."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from lingxi_contracts.base import Answer, Nothing, Request, Text
from lingxi_contracts.chat.values import (
    MESSAGE_CHARS_MAX,
    MESSAGES_PAGE_MAX,
    OWNER,
    PAGE_SIZE_MAX,
    SEARCH_CHARS_MAX,
    SUMMARY_CHARS_MAX,
    TITLE_CHARS_MAX,
)
from lingxi_contracts.chat.views import (
    HistoryPage,
    MessagePage,
    PostedMessage,
    ProactiveSent,
    ProactiveWork,
    ReviewWork,
    SessionPage,
    SessionPlace,
    SessionView,
    SessionWalk,
    SummaryWork,
    TurnQueued,
    TurnStopping,
)


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


# Of the summarizer and the scheduler


class GetSummaryWork(ChatRequest[SummaryWork]):
    """What is to be summarised next in a session."""

    name = "get_summary_work"
    session_id: UUID


class RecordSummary(ChatRequest[Nothing]):
    """The summary up to a seq, of work that began at `covers_from`; it may cover less than it.

    Refused: SummaryOutdated, when another one was recorded or something was superseded meanwhile.
    """

    name = "record_summary"
    session_id: UUID
    covers_from: int = Field(ge=1)
    covers_up_to: int = Field(ge=1)
    superseded_count: int = Field(ge=0)
    title: Text = Field(max_length=TITLE_CHARS_MAX)
    summary: Text = Field(min_length=1, max_length=SUMMARY_CHARS_MAX)


class GetReviewWork(ChatRequest[ReviewWork]):
    """The newest messages of a session, for a review of the agent's personality."""

    name = "get_review_work"
    session_id: UUID


class GetProactiveWork(ChatRequest[ProactiveWork]):
    """How a session stands, for a decision whether the agent writes first."""

    name = "get_proactive_work"
    session_id: UUID


class SendProactive(ChatRequest[ProactiveSent]):
    """Send what was decided. A repeat (same decision) answers the same.

    Refused: ProactiveExpired, ProactiveOutdated (the user's newest message is another one, or was
    flagged), TurnOpen, UnreadMessages, SessionNotFound.
    """

    name = "send_proactive"
    session_id: UUID
    decision_id: UUID
    text: Text = Field(min_length=1, max_length=MESSAGE_CHARS_MAX)
    based_on_user_seq: int = Field(ge=0)
    expires_at: AwareDatetime
