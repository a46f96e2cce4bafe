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
from lingxi_summarizer.application.parts import Due
from lingxi_summarizer.application.review_personality import ReviewPersonalities
from lingxi_summarizer.application.write_summary import WriteSummaries

HANDLE_SECONDS_MAX = 600.0
"""A backlog is worked off question by question, each recorded."""
LIMITS = HandlerLimits(workers=256, ack_pending_max=1_024, handle_seconds_max=HANDLE_SECONDS_MAX)
"""Most of those under way wait for their session to settle; the model's calls have bounds of their
own."""


def listen(subscriptions: Subscriptions, dues: "Dues") -> None:
    """Register summarizer's handlers."""
    for event, handler, handle in (
        ("summary_due", "write_summary", dues.write_summary),
        ("personality_review_due", "review_personality", dues.review_personality),
    ):
        subscriptions.on(chat.OWNER, (event,), handler, handle, LIMITS)


class Dues:
    """Does what chat says is due."""

    def __init__(self, summaries: WriteSummaries, reviews: ReviewPersonalities) -> None:
        self._summaries = summaries
        self._reviews = reviews

    async def write_summary(self, event: Envelope) -> None:
        to_seq = chat.SummaryDue.model_validate(event.data).to_seq
        with _given_up():
            await self._summaries.write_summary(_due(event, to_seq))

    async def review_personality(self, event: Envelope) -> None:
        to_seq = chat.PersonalityReviewDue.model_validate(event.data).to_seq
        with _given_up():
            await self._reviews.review_personality(_due(event, to_seq))


def _due(event: Envelope, to_seq: int) -> Due:
    return Due(event.userid, event.subject, to_seq, event.sequence)


@contextmanager
def _given_up() -> Generator[None]:
    """The model was asked as often as makes sense. What is due next covers this, too."""
    try:
        yield
    except ModelFailure as failure:
        raise Permanent(failure.code) from failure
