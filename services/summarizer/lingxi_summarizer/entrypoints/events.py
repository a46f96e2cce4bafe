"""Which events summarizer listens to, and what it does about them.

Guards: the owners' compare-and-set. A summary is recorded where the last one ended, a review once
by session and seq; whoever comes later finds nothing to do.
"""

from collections.abc import Generator
from contextlib import contextmanager

from lingxi_chassis.consumers import HandlerLimits, Permanent, Subscriptions
from lingxi_chassis.model.errors import ModelFailure
from lingxi_contracts import chat
from lingxi_contracts.envelope import Envelope
from lingxi_summarizer.application.review_personality import ReviewPersonalities
from lingxi_summarizer.application.write_summary import WriteSummaries

HANDLE_SECONDS_MAX = 600.0
"""A backlog is worked off question by question, each recorded."""


def listen(subscriptions: Subscriptions, dues: "Dues", workers: int) -> None:
    """Register summarizer's handlers, each for so many sessions at once."""
    limits = HandlerLimits(workers=workers, handle_seconds_max=HANDLE_SECONDS_MAX)
    for event, handler, handle in (
        ("summary_due", "write_summary", dues.write_summary),
        ("personality_review_due", "review_personality", dues.review_personality),
    ):
        subscriptions.on(chat.OWNER, (event,), handler, handle, limits)


class Dues:
    """Does what chat says is due."""

    def __init__(self, summaries: WriteSummaries, reviews: ReviewPersonalities) -> None:
        self._summaries = summaries
        self._reviews = reviews

    async def write_summary(self, event: Envelope) -> None:
        due = chat.SummaryDue.model_validate(event.data)
        with _given_up():
            await self._summaries.write_summary(event.userid, event.subject, due.to_seq)

    async def review_personality(self, event: Envelope) -> None:
        due = chat.PersonalityReviewDue.model_validate(event.data)
        with _given_up():
            await self._reviews.review_personality(event.userid, event.subject, due.to_seq)


@contextmanager
def _given_up() -> Generator[None]:
    """The model was asked as often as makes sense. What is due next covers this, too."""
    try:
        yield
    except ModelFailure as failure:
        raise Permanent(failure.code) from failure
