"""The rolling summary of a session: when it is due, written, and withdrawn.

The invariants are those of `session` and `marks`.
"""

from collections.abc import Sequence

from lingxi_chat.domain.session import Placed, Session, SessionEvent
from lingxi_contracts.chat import (
    REVIEW_EVERY_MESSAGES,
    SUMMARY_EVERY_MESSAGES,
    PersonalityReviewDue,
    SummaryDue,
    SummaryWithdrawn,
    SummaryWritten,
)
from lingxi_contracts.errors import SummaryOutdated


def fall_due(session: Session, last_seq: int) -> Sequence[SessionEvent]:
    """What a session that has reached `last_seq` owes: a multiple was passed, however far."""
    marks = session.marks
    due: list[SessionEvent] = []
    if last_seq // SUMMARY_EVERY_MESSAGES > marks.summary_due_up_to // SUMMARY_EVERY_MESSAGES:
        due.append(SummaryDue(to_seq=last_seq))
    if last_seq // REVIEW_EVERY_MESSAGES > marks.review_due_up_to // REVIEW_EVERY_MESSAGES:
        due.append(PersonalityReviewDue(to_seq=last_seq))
    return due


def withdraw(session: Session, gone: Sequence[Placed]) -> Sequence[SummaryWithdrawn]:
    """The summary that stands once these are superseded, if it is another one."""
    falls_to = session.marks.before([message.seq for message in gone])
    return () if falls_to is None else (SummaryWithdrawn(covers_up_to=falls_to),)


def record_summary(
    session: Session,
    *,
    covers_from: int,
    covers_up_to: int,
    superseded_count: int,
    title: str,
    summary: str,
) -> Sequence[SessionEvent]:
    """Write the summary up to a seq. A repeat decides nothing.

    Raises:
        SummaryOutdated: another one was recorded, something was superseded meanwhile, or it
            tells of more than was due.
    """
    marks = session.marks
    if marks.bounds and marks.covers_up_to == covers_up_to:
        return ()
    if (
        covers_from != marks.covers_up_to + 1
        or superseded_count != session.superseded_count
        or not covers_from <= covers_up_to <= marks.summary_due_up_to
    ):
        raise SummaryOutdated
    return (
        SummaryWritten(
            covers_from=covers_from, covers_up_to=covers_up_to, title=title, summary=summary
        ),
    )
