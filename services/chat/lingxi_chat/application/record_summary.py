"""RecordSummary: what a session was about, up to a seq."""

from lingxi_chassis.clock import utc_now
from lingxi_chassis.eventlog import again_on_conflict
from lingxi_chat.application.parts import SessionLog, load
from lingxi_chat.domain import summaries
from lingxi_contracts.base import Nothing
from lingxi_contracts.chat import RecordSummary

TRIES_MAX = 20
"""A session that is talked in fast moves on under each of a few; to come again is to ask the model
once more. They take less than an owner is waited for."""


async def record_summary(command: RecordSummary, log: SessionLog) -> Nothing:
    """Write the summary. A repeat changes nothing.

    Raises:
        SessionNotFound: unknown, deleted or another user's.
        SummaryOutdated: ask for the work anew.
    """

    async def attempt() -> Nothing:
        snapshot = await load(log, command.session_id, command.user_id)
        events = summaries.record_summary(
            snapshot.state,
            covers_from=command.covers_from,
            covers_up_to=command.covers_up_to,
            superseded_count=command.superseded_count,
            title=command.title,
            summary=command.summary,
        )
        await log.append(snapshot, events, utc_now())
        return Nothing()

    return await again_on_conflict(attempt, TRIES_MAX)
