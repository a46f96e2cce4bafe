"""A session: one user's conversation with one agent, and the turns that answer it.

Invariants:
1. `seq` numbers all messages, the user's and the agent's, from 1 without gaps.
2. At most one turn is open. While a message waits for an answer, a turn is open or the newest one
   failed; a stopped one that said nothing counts as failed.
3. A turn ends once: its end refers to the open turn, or decides nothing.
4. A message is answered by one turn, completed or stopped while it spoke; another one answers it
   again only in its place. A turn without an answer leaves its messages waiting.
5. `unread_count` counts the agent's messages after `read_up_to` that were not superseded.
6. The newest message of all is never superseded, and what is superseded was the newest answer, or
   the user's newest message with its answer and what the agent wrote by itself after it.
7. The summary that stands tells nothing that was superseded after it was written. A title of the
   user's own stays.
8. What the agent writes by itself is no activity, and nobody's answer.

Here are state and fold. The decisions are in `conversation`, `turns`, `summaries` and `proactive`.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import assert_never
from uuid import UUID

from lingxi_chassis.records import changed
from lingxi_chat.domain import marks
from lingxi_chat.domain.marks import NO_MARKS, Marks
from lingxi_contracts.chat import (
    FailureCode,
    MessageFlagged,
    MessagePosted,
    MessageSent,
    MessagesRead,
    MessagesSuperseded,
    PersonalityReviewDue,
    SessionDeleted,
    SessionRenamed,
    SessionStarted,
    SummaryDue,
    SummaryWithdrawn,
    SummaryWritten,
    TurnCompleted,
    TurnFailed,
    TurnStarted,
    TurnStopped,
)

NOBODY = UUID(int=0)
STOPPED_DETAIL = "The turn was stopped before anything was said."
NEVER = datetime.min.replace(tzinfo=UTC)
BY_ITSELF_MAX = 10
"""The scheduler stops at three that nobody answers."""

type SessionEvent = (
    SessionStarted
    | SessionRenamed
    | SessionDeleted
    | MessagePosted
    | MessageSent
    | MessagesRead
    | TurnStarted
    | TurnCompleted
    | TurnFailed
    | TurnStopped
    | MessagesSuperseded
    | MessageFlagged
    | SummaryDue
    | SummaryWritten
    | SummaryWithdrawn
    | PersonalityReviewDue
)


# State


@dataclass(frozen=True, slots=True)
class Placed:
    """A message, and where it stands."""

    message_id: UUID
    seq: int


@dataclass(frozen=True, slots=True)
class Turn:
    """The newest turn, while it is open (`failure` is null), failed, or stopped without a word.

    `regenerates`: the turn whose answer it makes again.
    """

    turn_id: UUID
    failure: FailureCode | None = None
    detail: str | None = None
    retryable: bool | None = None
    regenerates: UUID | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The newest turn that has an answer: to what, and what it said."""

    turn_id: UUID
    answers: tuple[Placed, ...]
    messages: tuple[Placed, ...]


@dataclass(frozen=True)
class Session:
    """What decisions need, and the counters that every reader of a session asks for."""

    agent_id: UUID = NOBODY
    agent_name: str = ""
    title: str = ""
    titled_by_user: bool = False
    started_at: datetime = NEVER
    last_activity_at: datetime = NEVER
    last_seq: int = 0
    last_agent_seq: int = 0
    taken_up_to: int = 0
    read_up_to: int = 0
    unread_count: int = 0
    first_unread_id: UUID | None = None
    pending: tuple[Placed, ...] = ()
    """The user's messages without an answer yet."""
    answered: Answered | None = None
    newest_user: Placed | None = None
    first: Placed | None = None
    """The oldest message that was not superseded."""
    first_proactive: Placed | None = None
    by_itself: tuple[Placed, ...] = ()
    """What the agent wrote by itself since the user's newest message, `BY_ITSELF_MAX` at most."""
    superseded_count: int = 0
    turn: Turn | None = None
    newest_turn_id: UUID | None = None
    """Also when it is completed: a repeat of what started it is known by this."""
    marks: Marks = NO_MARKS
    flagged: tuple[int, ...] = ()
    """Seqs of flagged messages among the user's newest, and those that wait."""
    summary_is_news: bool = False
    """It was written after the newest answer."""
    told_personality_version: int = 0
    told_suggestion_id: UUID | None = None
    """What the newest answer knew of the agent's personality; version 0: there is none yet."""

    @property
    def open_turn(self) -> UUID | None:
        """The turn that is being worked on."""
        return self.turn.turn_id if self.turn and self.turn.failure is None else None

    @property
    def regenerated(self) -> Answered | None:
        """What the open or failed turn is to replace, if it makes an answer again."""
        return self.answered if self.turn and self.turn.regenerates else None

    @property
    def waiting(self) -> tuple[Placed, ...]:
        """The user's messages that the open or failed turn is about, in order."""
        again = self.regenerated
        return (*again.answers, *self.pending) if again else self.pending

    @property
    def may_go_from(self) -> int:
        """The seq of the oldest message that can still be superseded."""
        said = self.answered.messages if self.answered else ()
        candidates = (*said, *((self.newest_user,) if self.newest_user else ()))
        return min((one.seq for one in candidates), default=self.last_seq + 1)

    @property
    def newest_user_flagged(self) -> bool:
        """Whether the user's newest message needs care."""
        return self.newest_user is not None and self.newest_user.seq in self.flagged


NEW = Session()


def evolve(session: Session, event: SessionEvent, at: datetime) -> Session:
    """The session after one event of its stream. Total over `SessionEvent`."""
    match event:
        case SessionStarted():
            return changed(
                session,
                agent_id=event.agent_id,
                agent_name=event.agent_name,
                started_at=at,
                last_activity_at=at,
            )
        case SessionRenamed():
            return changed(session, title=event.title, titled_by_user=True)
        case SessionDeleted():
            return session
        case MessagePosted():
            posted = Placed(event.message_id, event.seq)
            return changed(
                session,
                last_seq=event.seq,
                last_activity_at=at,
                pending=(*session.pending, posted),
                newest_user=posted,
                first=session.first or posted,
            )
        case MessageSent():
            return _sent(session, event, at)
        case MessagesRead():
            return changed(
                session,
                read_up_to=event.up_to_seq,
                unread_count=event.unread_count,
                first_unread_id=event.first_unread_id,
            )
        case TurnStarted() | TurnCompleted() | TurnStopped() | TurnFailed():
            return _turned(session, event)
        case MessagesSuperseded():
            return _superseded(session, frozenset(event.message_ids))
        case MessageFlagged():
            since = min((p.seq for p in session.waiting), default=session.may_go_from)
            flagged = tuple(seq for seq in session.flagged if seq >= since)
            return changed(session, flagged=(*flagged, event.seq))
        case SummaryWritten():
            return _written(session, event)
        case SummaryDue() | SummaryWithdrawn() | PersonalityReviewDue():
            return changed(session, marks=_marked(session.marks, event))
        case _:
            assert_never(event)


def _sent(session: Session, event: MessageSent, at: datetime) -> Session:
    placed = Placed(event.message_id, event.seq)
    by_itself = event.proactive_id is not None
    return changed(
        session,
        last_seq=event.seq,
        last_agent_seq=event.seq,
        last_activity_at=session.last_activity_at if by_itself else at,
        unread_count=session.unread_count + 1,
        first_unread_id=session.first_unread_id or event.message_id,
        first=session.first or placed,
        first_proactive=session.first_proactive or (placed if by_itself else None),
        by_itself=(*session.by_itself, placed)[-BY_ITSELF_MAX:] if by_itself else session.by_itself,
    )


def _since(newest: Placed | None, by_itself: tuple[Placed, ...]) -> tuple[Placed, ...]:
    return tuple(one for one in by_itself if newest is None or one.seq > newest.seq)


def _written(session: Session, event: SummaryWritten) -> Session:
    own = session.titled_by_user or not event.title
    return changed(
        session,
        title=session.title if own else event.title,
        marks=marks.written(session.marks, event.covers_up_to, session.may_go_from),
        summary_is_news=True,
    )


def _marked(now: Marks, event: SummaryDue | SummaryWithdrawn | PersonalityReviewDue) -> Marks:
    match event:
        case SummaryDue():
            return replace(now, summary_due_up_to=event.to_seq)
        case PersonalityReviewDue():
            return replace(now, review_due_up_to=event.to_seq)
        case SummaryWithdrawn():
            return marks.withdrawn(now, event.covers_up_to)


def _turned(
    session: Session, event: TurnStarted | TurnCompleted | TurnStopped | TurnFailed
) -> Session:
    match event:
        case TurnStarted():
            taken = session.pending[-1].seq if session.pending else 0
            return changed(
                session,
                turn=Turn(event.turn_id, regenerates=event.regenerates),
                newest_turn_id=event.turn_id,
                by_itself=_since(session.newest_user, session.by_itself),
                taken_up_to=max(session.taken_up_to, taken),
            )
        case TurnCompleted():
            return _answered(session, event)
        case TurnStopped():
            return _stopped(session, event)
        case TurnFailed():
            failure = Turn(event.turn_id, event.code, event.detail, event.retryable)
            return _unanswered(session, failure, event.answers_up_to)


def _answered(session: Session, event: TurnCompleted | TurnStopped) -> Session:
    """The turn's messages are the newest there are: they are logged right before its end."""
    before = session.last_seq - len(event.message_ids)
    said = tuple(Placed(one, before + at) for at, one in enumerate(event.message_ids, 1))
    if isinstance(event, TurnCompleted):
        session = changed(
            session,
            summary_is_news=False,
            told_personality_version=event.personality_version,
            told_suggestion_id=event.suggestion_id,
        )
    return changed(
        session,
        turn=None,
        pending=tuple(p for p in session.pending if p.message_id not in event.answers),
        answered=Answered(
            event.turn_id,
            tuple(p for p in session.waiting if p.message_id in event.answers),
            said,
        ),
        taken_up_to=max(session.taken_up_to, event.answers_up_to),
    )


def _stopped(session: Session, event: TurnStopped) -> Session:
    if event.message_ids:
        return _answered(session, event)
    failure = Turn(event.turn_id, "stopped", STOPPED_DETAIL, True)
    return _unanswered(session, failure, event.answers_up_to)


def _unanswered(session: Session, failed: Turn, answers_up_to: int) -> Session:
    regenerates = session.turn.regenerates if session.turn else None
    return changed(
        session,
        turn=replace(failed, regenerates=regenerates),
        taken_up_to=max(session.taken_up_to, answers_up_to),
    )


def _superseded(session: Session, gone: frozenset[UUID]) -> Session:
    """What is left: of the agent's, only the newest answer and what it wrote by itself can go."""
    answered = session.answered
    said = answered.messages if answered else ()
    unread = sum(
        one.message_id in gone and one.seq > session.read_up_to
        for one in (*said, *session.by_itself)
    )
    first_proactive = session.first_proactive
    if first_proactive is not None and first_proactive.message_id in gone:
        first_proactive = None  # then all after it are gone, too
    first_unread_gone = session.first_unread_id in gone
    first = session.first
    if first is not None and first.message_id in gone:
        # Its answer goes with it: the first one left is the agent's own, or the one in its place.
        left = [one for one in (first_proactive, session.newest_user) if one]
        first = min(left, key=lambda one: one.seq, default=None)
    return changed(
        session,
        pending=tuple(p for p in session.pending if p.message_id not in gone),
        answered=answered
        and Answered(
            answered.turn_id,
            tuple(p for p in answered.answers if p.message_id not in gone),
            tuple(p for p in said if p.message_id not in gone),
        ),
        unread_count=session.unread_count - unread,
        first_unread_id=None if first_unread_gone else session.first_unread_id,
        first=first,
        first_proactive=first_proactive,
        by_itself=tuple(p for p in session.by_itself if p.message_id not in gone),
        superseded_count=session.superseded_count + len(gone),
    )
