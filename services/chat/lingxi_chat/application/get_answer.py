"""GetAnswer: what became of a user's message."""

from functools import partial
from uuid import UUID

from lingxi_chassis.postgres import Pool
from lingxi_chat.application.parts import SessionLog, SessionSnapshot, load
from lingxi_chat.projections.messages import answer_rows, message_view, posted_message
from lingxi_contracts.chat import GetAnswer, PostedMessage, TurnAnswer, TurnFailure
from lingxi_contracts.errors import MessageNotFound

EDITED = "The message was edited before it had an answer."


async def get_answer(question: GetAnswer, log: SessionLog) -> PostedMessage:
    """The recorded state of a message.

    Raises:
        SessionNotFound, MessageNotFound: unknown, deleted or another user's.
    """
    snapshot = await load(log, question.session_id, question.user_id)
    return await recorded_state(log.pool, snapshot, question.message_id)


async def recorded_state(pool: Pool, snapshot: SessionSnapshot, message_id: UUID) -> PostedMessage:
    """A message is answered once it waits no more; it failed if it waits and the turn failed."""
    session = snapshot.state
    turn = session.turn
    posted = await posted_message(pool, snapshot.user_id, snapshot.stream_id, message_id)
    if posted is None:
        raise MessageNotFound
    state = partial(
        PostedMessage,
        session_id=snapshot.stream_id,
        message_id=message_id,
        critical=posted.critical,
    )
    if turn is not None and any(p.message_id == message_id for p in session.pending):
        if turn.failure is None:
            return state(turn_id=turn.turn_id, status="pending")
        failure = TurnFailure(
            turn_id=turn.turn_id,
            code=turn.failure,
            detail=turn.detail or "",
            retryable=bool(turn.retryable),
        )
        return state(turn_id=turn.turn_id, status="failed", failure=failure)
    turn_id = posted.turn_id
    if turn_id is None:
        raise MessageNotFound
    rows = await answer_rows(pool, snapshot.stream_id, message_id)
    if not rows:
        failure = TurnFailure(turn_id=turn_id, code="stopped", detail=EDITED, retryable=False)
        return state(turn_id=turn_id, status="failed", failure=failure)
    messages = tuple(message_view(row, session) for row in rows)
    answer = TurnAnswer(turn_id=turn_id, messages=messages, news=posted.news)
    return state(turn_id=turn_id, status="answered", answer=answer)
