"""Sessions, messages and turns as their readers see them."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from lingxi_contracts.base import Answer, Frozen
from lingxi_contracts.chat.values import Author, Critical, FailureCode, News


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
    proactive: bool = False
    """The agent wrote it on its own account, not as an answer."""
    critical_type: str | None = None
    """Of which kind a flagged message of the user's is."""


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
    suggestion_id: UUID | None = None
    """A suggestion of a personality that waits for the user; agent tells it."""
    personality_checked_at: datetime | None = None


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
    news: tuple[News, ...] = ()


class TurnFailure(Frozen):
    """Why a message has no answer."""

    turn_id: UUID
    code: FailureCode
    detail: str
    retryable: bool


class PostedMessage(Answer):
    """The recorded state of a user's message: pending, answered or failed. `critical`: it was
    flagged, and this is to be shown with whatever comes of it."""

    session_id: UUID
    message_id: UUID
    turn_id: UUID
    status: Literal["pending", "answered", "failed"]
    answer: TurnAnswer | None = None
    failure: TurnFailure | None = None
    critical: Critical | None = None


class TurnQueued(Answer):
    """A turn that was asked for."""

    turn_id: UUID


class TurnStopping(Answer):
    """Whether there was an open turn to stop."""

    turn_id: UUID | None


class SummaryWork(Answer):
    """What is to be summarised next. Without messages nothing is.

    `version`: the session's stream, as far as it was known to whoever answered. `messages` are
    those of `covers_from` .. `covers_up_to` that were not superseded, at most
    `SUMMARY_WORK_MESSAGES_MAX` of them and `SUMMARY_WORK_CHARS_MAX` characters in all (the first is
    cut to that).
    `superseded_count` is what the work rests on: `RecordSummary` gives it back.
    """

    agent_id: UUID
    version: int
    covers_from: int
    covers_up_to: int
    superseded_count: int
    title: str
    summary: str
    messages: tuple[MessageView, ...]


class ReviewWork(Answer):
    """The newest messages for a look at the personality, at most `REVIEW_MESSAGES_MAX`, without
    flagged ones. None: nothing to look at.

    `version`: the session's stream, as far as it was known to whoever answered; `due_up_to`: the
    newest seq at which a look was due by then.
    """

    agent_id: UUID
    version: int
    due_up_to: int
    messages: tuple[MessageView, ...]


class ProactiveWork(Answer):
    """A session as somebody sees it who wonders whether the agent should write first.

    `messages`: the newest ones, at most `PROACTIVE_MESSAGES_MAX`. `flagged`: the user's newest
    message was. `typing`: the user is.
    """

    agent_id: UUID
    message_count: int
    unread_count: int
    newest_user_seq: int
    turn_open: bool
    typing: bool
    flagged: bool
    summary: str
    messages: tuple[MessageView, ...]


class ProactiveSent(Answer):
    """The message that a proactive decision became."""

    message_id: UUID
    seq: int
