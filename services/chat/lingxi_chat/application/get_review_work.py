"""GetReviewWork: the newest messages of a session, for a look at the agent's personality."""

from lingxi_chassis.rpc import ANSWER_BYTES_MAX, within_bytes
from lingxi_chat.application.parts import SessionLog, load
from lingxi_chat.projections.messages import message_view
from lingxi_chat.projections.work_messages import newest_standing
from lingxi_contracts.chat import (
    REVIEW_MESSAGES_MAX,
    GetReviewWork,
    MessageView,
    ReviewWork,
)

MESSAGES_BYTES_MAX = ANSWER_BYTES_MAX - 16 * 1024
"""The rest is room for the answer around them."""


async def get_review_work(question: GetReviewWork, log: SessionLog) -> ReviewWork:
    """The newest messages but flagged ones, as many as one answer holds.

    Raises:
        SessionNotFound: unknown, deleted or another user's.
    """
    snapshot = await load(log, question.session_id, question.user_id)
    rows = await newest_standing(log.pool, snapshot.stream_id, REVIEW_MESSAGES_MAX, flagged=False)
    views = [message_view(row, snapshot.state) for row in rows]
    return ReviewWork(
        agent_id=snapshot.state.agent_id,
        version=snapshot.version,
        due_up_to=snapshot.state.marks.review_due_up_to,
        messages=newest_within(views),
    )


def newest_within(
    views: list[MessageView], bytes_max: int = MESSAGES_BYTES_MAX
) -> tuple[MessageView, ...]:
    """The newest that fit, of messages in order."""

    def size(view: MessageView) -> int:
        return len(view.model_dump_json().encode())

    return tuple(reversed(within_bytes(views[::-1], size, bytes_max)))
