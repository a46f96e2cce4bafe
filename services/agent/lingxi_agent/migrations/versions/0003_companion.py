"""Suggestions of personalities, and memories."""

from alembic import op

from lingxi_agent.projections import (
    memories,
    personality_reviews,
    personality_suggestions,
    sessions,
)

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create their tables; keep samples of content out of the planner's statistics."""
    for statement in (
        *personality_suggestions.CREATE,
        personality_suggestions.WITHOUT_SAMPLES,
        *personality_reviews.CREATE,
        *memories.CREATE,
        memories.WITHOUT_SAMPLES,
        *sessions.CREATE,
    ):
        op.execute(statement)
