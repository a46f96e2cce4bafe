"""Which events summarizer listens to, and what it does about them.

Guards: the owners' compare-and-set. A summary is recorded where the last one ended, a review once
by session and seq; whoever comes later finds nothing to do.
"""

from lingxi_chassis.consumers import HandlerLimits, Subscriptions
from lingxi_contracts import chat
from lingxi_contracts.envelope import Envelope
from lingxi_summarizer.application.review_personality import ReviewPersonalities
from lingxi_summarizer.application.write_summary import WriteSummaries

HANDLE_SECONDS_MAX = 600.0
"""A backlog is worked off question by question, each recorded."""


def listen(
    subscriptions: Subscriptions,
    summaries: WriteSummaries,
    reviews: ReviewPersonalities,
    workers: int,
) -> None:
    """Register summarizer's handlers, each for so many sessions at once."""
    limits = HandlerLimits(workers=workers, handle_seconds_max=HANDLE_SECONDS_MAX)

    async def summary_due(event: Envelope) -> None:
        due = chat.SummaryDue.model_validate(event.data)
        await summaries.write_summary(event.userid, event.subject, due.to_seq)

    async def personality_review_due(event: Envelope) -> None:
        due = chat.PersonalityReviewDue.model_validate(event.data)
        await reviews.review_personality(event.userid, event.subject, due.to_seq)

    subscriptions.on(chat.OWNER, ("summary_due",), "write_summary", summary_due, limits)
    subscriptions.on(
        chat.OWNER,
        ("personality_review_due",),
        "review_personality",
        personality_review_due,
        limits,
    )
