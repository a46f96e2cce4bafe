"""The turns of a session: how they end, and how the user stops, repeats and redirects them.

The invariants are those of `session`. An answer that is made again stands until the other one is
there: it is superseded in the append that records its replacement, complete or stopped in the
middle. A failure, or a stop before a word, leaves it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from lingxi_chat.domain.conversation import flag, flagged
from lingxi_chat.domain.marks import withdrawn
from lingxi_chat.domain.session import Session, SessionEvent
from lingxi_chat.domain.summaries import fall_due, withdraw
from lingxi_contracts.chat import (
    Critical,
    FailureCode,
    MessagePosted,
    MessageSent,
    MessagesSuperseded,
    News,
    SummaryWithdrawn,
    TurnCompleted,
    TurnFailed,
    TurnStarted,
    TurnStopped,
    Usage,
)
from lingxi_contracts.errors import (
    NothingToRegenerate,
    NothingToRetry,
    NotNewestMessage,
    TurnOpen,
)

# Commands that carry more than their request


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message of a reply, as it will be sent."""

    message_id: UUID
    text: str
    delay_ms: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model said, what it cost, and what it knew of the agent's personality."""

    bubbles: tuple[Bubble, ...]
    model: str
    fallback_from: str | None
    usage: Usage
    latency_ms: int
    personality_version: int
    suggestion_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the model did not answer."""

    code: FailureCode
    detail: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """The user stopped the turn, after these words if any."""

    bubbles: tuple[Bubble, ...] = ()


@dataclass(frozen=True, slots=True)
class TurnEnd:
    """The outcome of one attempt at a turn, which saw the user's messages up to a seq."""

    turn_id: UUID
    attempt: int
    answers_up_to: int
    outcome: Reply | Failure | Stop
    next_turn_id: UUID
    """For the turn that starts at once if messages came meanwhile."""
    found: Mapping[int, Critical] = field(default_factory=dict[int, Critical])
    """What a moderation model found in the user's messages, by seq."""


# Decisions


def end_turn(session: Session, end: TurnEnd) -> Sequence[SessionEvent]:
    """Record a turn's outcome. It decides nothing if that turn is not open any more."""
    if session.open_turn != end.turn_id:
        return ()
    # A message whose answer is made again waits for nothing: it has the old one.
    waited = tuple(p.message_id for p in session.pending if p.seq <= end.answers_up_to)
    answers = tuple(p.message_id for p in session.waiting if p.seq <= end.answers_up_to)
    outcome: tuple[SessionEvent, ...]
    match end.outcome:
        case Reply() as reply:
            sent = _sent(session, end, reply.bubbles)
            completed = TurnCompleted(
                turn_id=end.turn_id,
                answers=answers,
                answers_up_to=end.answers_up_to,
                message_ids=tuple(message.message_id for message in sent),
                attempt=end.attempt,
                model=reply.model,
                fallback_from=reply.fallback_from,
                usage=reply.usage,
                latency_ms=reply.latency_ms,
                personality_version=reply.personality_version,
                news=_news(session, reply),
                suggestion_id=reply.suggestion_id,
            )
            outcome = (*_replaced(session, end), *sent, completed)
        case Stop() as stop:
            sent = _sent(session, end, stop.bubbles)
            stopped = TurnStopped(
                turn_id=end.turn_id,
                answers=answers if sent else waited,
                answers_up_to=end.answers_up_to,
                message_ids=tuple(message.message_id for message in sent),
                attempt=end.attempt,
            )
            outcome = (*(_replaced(session, end) if sent else ()), *sent, stopped)
        case Failure() as failure:
            failed = TurnFailed(
                turn_id=end.turn_id,
                answers=waited,
                answers_up_to=end.answers_up_to,
                attempt=end.attempt,
                code=failure.code,
                detail=failure.detail,
                retryable=failure.retryable,
            )
            outcome = (failed,)
    outcome = (*_flagged(session, end), *outcome, *_due(session, outcome))
    if len(waited) < len(session.pending):
        return (*outcome, TurnStarted(turn_id=end.next_turn_id))
    return outcome


def _flagged(session: Session, end: TurnEnd) -> Sequence[SessionEvent]:
    """What was found in messages that were not flagged already."""
    return tuple(
        flagged(placed.message_id, placed.seq, end.found[placed.seq])
        for placed in session.waiting
        if placed.seq in end.found and placed.seq not in session.flagged
    )


def _due(session: Session, outcome: Sequence[SessionEvent]) -> Sequence[SessionEvent]:
    """What falls due by this end, which may have withdrawn a summary."""
    last_seq = session.last_seq
    for event in outcome:
        match event:
            case SummaryWithdrawn():
                marks = withdrawn(session.marks, event.covers_up_to)
                session = replace(session, marks=marks)
            case MessageSent():
                last_seq = event.seq
            case _:
                pass
    return fall_due(session, last_seq)


def _news(session: Session, reply: Reply) -> tuple[News, ...]:
    """What came since the answer before this one."""
    before = session.told_personality_version
    news: list[News] = []
    if session.summary_is_news:
        news.append("summary")
    if before and reply.personality_version != before:
        news.append("personality")
    if reply.suggestion_id not in (None, session.told_suggestion_id):
        news.append("suggestion")
    return tuple(news)


def _replaced(session: Session, end: TurnEnd) -> tuple[SessionEvent, ...]:
    again = session.regenerated
    if again is None or not again.messages:
        return ()
    gone = tuple(message.message_id for message in again.messages)
    superseded = MessagesSuperseded(message_ids=gone, by_turn_id=end.turn_id)
    return (superseded, *withdraw(session, again.messages))


def _sent(session: Session, end: TurnEnd, bubbles: Sequence[Bubble]) -> tuple[MessageSent, ...]:
    return tuple(
        MessageSent(
            message_id=bubble.message_id,
            seq=session.last_seq + 1 + number,
            turn_id=end.turn_id,
            bubble=number,
            delay_ms=bubble.delay_ms,
            text=bubble.text,
        )
        for number, bubble in enumerate(bubbles)
    )


def retry(session: Session, turn_id: UUID) -> Sequence[SessionEvent]:
    """Try the newest turn again. A repeat decides nothing.

    Raises:
        TurnOpen: a turn is being worked on.
        NothingToRetry: the newest turn did not fail, and was not stopped before a word.
    """
    if session.newest_turn_id == turn_id:
        return ()
    if session.open_turn:
        raise TurnOpen
    if session.turn is None:
        raise NothingToRetry
    again = session.turn
    return (TurnStarted(turn_id=turn_id, retry_of=again.turn_id, regenerates=again.regenerates),)


def regenerate(session: Session, turn_id: UUID) -> Sequence[SessionEvent]:
    """Make the newest turn's answer again. A repeat decides nothing.

    Raises:
        TurnOpen: a turn is being worked on.
        NothingToRegenerate: the newest turn has no answer, or there is none yet.
    """
    if session.newest_turn_id == turn_id:
        return ()
    if session.open_turn:
        raise TurnOpen
    answered = session.answered
    if session.turn is not None or answered is None or not (answered.messages and answered.answers):
        raise NothingToRegenerate
    return (TurnStarted(turn_id=turn_id, regenerates=answered.turn_id),)


def edit(
    session: Session,
    message_id: UUID,
    *,
    new_message_id: UUID,
    text: str,
    request_hash: str,
    turn_id: UUID,
    critical: Critical | None = None,
) -> Sequence[SessionEvent]:
    """Say the user's newest message in other words. A repeat decides nothing.

    Its answer goes with it, and what the agent wrote by itself after it; an answer to earlier
    messages stays.

    Raises:
        TurnOpen: a turn is being worked on.
        NotNewestMessage: it is not the user's newest message, or none of this session's.
    """
    if session.newest_turn_id == turn_id:
        return ()
    if session.open_turn:
        raise TurnOpen
    newest = session.newest_user
    if newest is None or newest.message_id != message_id:
        raise NotNewestMessage
    answered = session.answered
    followed = answered.messages if answered and newest in answered.answers else ()
    gone = (newest, *followed, *session.by_itself)
    posted = MessagePosted(
        message_id=new_message_id, seq=session.last_seq + 1, text=text, request_hash=request_hash
    )
    superseded = MessagesSuperseded(
        message_ids=tuple(message.message_id for message in gone), by_turn_id=turn_id
    )
    return (
        posted,
        *flag(posted, critical),
        superseded,
        *withdraw(session, gone),
        TurnStarted(turn_id=turn_id),
    )
