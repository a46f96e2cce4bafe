"""GetProactiveWork: how a session stands, for a decision whether the agent writes first."""

from lingxi_chat.application.get_review_work import newest_within
from lingxi_chat.application.parts import Live, SessionLog, load
from lingxi_chat.projections.messages import message_view
from lingxi_chat.projections.summaries import standing_summary
from lingxi_chat.projections.work_messages import newest_standing
from lingxi_contracts.chat import (
    PROACTIVE_MESSAGES_MAX,
    GetProactiveWork,
    ProactiveWork,
)


async def get_proactive_work(
    question: GetProactiveWork, log: SessionLog, live: Live
) -> ProactiveWork:
    """The newest messages, and what may keep the agent from writing.

    Raises:
        SessionNotFound: unknown, deleted or another user's.
    """
    snapshot = await load(log, question.session_id, question.user_id)
    session = snapshot.state
    rows = await newest_standing(log.pool, snapshot.stream_id, PROACTIVE_MESSAGES_MAX)
    covers_up_to = session.marks.covers_up_to
    return ProactiveWork(
        agent_id=session.agent_id,
        message_count=session.last_seq - session.superseded_count,
        unread_count=session.unread_count,
        newest_user_seq=session.newest_user.seq if session.newest_user else 0,
        turn_open=session.open_turn is not None,
        typing=await live.user_types(question.user_id, question.session_id),
        flagged=session.newest_user_flagged,
        summary=await standing_summary(log.pool, snapshot.stream_id, covers_up_to),
        messages=newest_within([message_view(row, session) for row in rows]),
    )
