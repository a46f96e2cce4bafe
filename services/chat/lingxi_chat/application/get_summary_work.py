"""GetSummaryWork: what is to be summarised next in a session."""

from collections.abc import Sequence

from lingxi_chat.application.parts import SessionLog, load
from lingxi_chat.projections.messages import message_view
from lingxi_chat.projections.summaries import standing_summary
from lingxi_chat.projections.work_messages import messages_between
from lingxi_contracts.chat import (
    SUMMARY_WORK_CHARS_MAX,
    SUMMARY_WORK_MESSAGES_MAX,
    GetSummaryWork,
    MessageView,
    SummaryWork,
)


async def get_summary_work(question: GetSummaryWork, log: SessionLog) -> SummaryWork:
    """The summary that stands, and what came since, as far as it is due: what was said after the
    newest multiple of ten waits for the next.

    Raises:
        SessionNotFound: unknown, deleted or another user's.
    """
    snapshot = await load(log, question.session_id, question.user_id)
    session, marks = snapshot.state, snapshot.state.marks
    rows = await messages_between(
        log.pool,
        snapshot.stream_id,
        marks.covers_up_to,
        marks.summary_due_up_to,
        SUMMARY_WORK_MESSAGES_MAX + 1,
    )
    views = [message_view(row, session) for row in rows]
    messages = fitting(views)
    whole = len(messages) == len(views)
    return SummaryWork(
        agent_id=session.agent_id,
        version=snapshot.version,
        covers_from=marks.covers_up_to + 1,
        covers_up_to=marks.summary_due_up_to if whole else messages[-1].seq,
        superseded_count=session.superseded_count,
        title=session.title,
        summary=await standing_summary(log.pool, snapshot.stream_id, marks.covers_up_to),
        messages=messages,
    )


def fitting(views: Sequence[MessageView]) -> tuple[MessageView, ...]:
    """The first that fit one piece of work; the first of all is cut to that."""
    left = SUMMARY_WORK_CHARS_MAX
    kept: list[MessageView] = []
    for view in views[:SUMMARY_WORK_MESSAGES_MAX]:
        if kept and len(view.text) > left:
            break
        fits = len(view.text) <= left
        kept.append(view if fits else view.model_copy(update={"text": view.text[:left]}))
        left -= len(view.text)
    return tuple(kept)
