"""The bounds and the values that agent's events, views and requests share."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from lingxi_contracts.base import Frozen, Text

OWNER = "agent"

NAME_CHARS_MAX = 100
PERSONALITY_CHARS_MAX = 16_000
MODEL_CHARS_MAX = 200
PARAMETERS_BYTES_MAX = 32_768
"""All parameters of an agent as JSON, unknown keys too."""
PAGE_SIZE_MAX = 100
INACTIVITY_CHECK_MINUTES_DEFAULT = 5
DEFAULT_AGENT_NAME = "default"
REASON_CHARS_MAX = 1_000
EVIDENCE_MAX = 30
"""Messages that one suggestion or memory rests on."""
MEMORY_CHARS_MAX = 500
MEMORIES_MAX = 200
"""Memories of an agent; the oldest that the user did not write give way."""
LEARNED_MAX = 20
"""Memories of one record."""
ABOUT_CHARS_MAX = 2_000
PROFILE_MEMORIES_CHARS_MAX = 4_000
"""Of the memories that come with a profile, in all."""

PersonalitySource = Literal["created", "manual", "suggestion", "auto", "rollback"]
SuggestionOutcome = Literal["applied", "dismissed", "lapsed"]
Name = Annotated[Text, StringConstraints(min_length=1, max_length=NAME_CHARS_MAX)]
PersonalityPrompt = Annotated[Text, StringConstraints(max_length=PERSONALITY_CHARS_MAX)]
Reason = Annotated[Text, StringConstraints(max_length=REASON_CHARS_MAX)]
MemoryText = Annotated[Text, StringConstraints(min_length=1, max_length=MEMORY_CHARS_MAX)]
TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class AgentParameters(Frozen):
    """How an agent speaks; keys it does not know are kept. The personality is in the ledger.

    `model` null means the operator's default model. `auto_apply_confidence` null means never.
    """

    model_config = ConfigDict(extra="allow")

    model: Annotated[Text, StringConstraints(min_length=1, max_length=MODEL_CHARS_MAX)] | None = (
        None
    )
    temperature: float | None = Field(default=None, ge=0, le=2, strict=True)
    max_tokens: int | None = Field(default=None, ge=1, le=32_768, strict=True)
    proactive_behavior: Literal["off", "conservative", "balanced", "aggressive"] = "balanced"
    auto_apply_confidence: float | None = Field(default=0.8, ge=0, le=1, strict=True)


class QuietHours(Frozen):
    """A span of the day in the user's time zone; it may pass midnight."""

    start: TimeOfDay
    end: TimeOfDay


class AgentTimings(Frozen):
    """When an agent may write first. `daily_cap` counts messages; null: the behaviour's own."""

    inactivity_check_minutes: int = Field(
        default=INACTIVITY_CHECK_MINUTES_DEFAULT, ge=1, le=525_600, strict=True
    )
    quiet_hours: QuietHours | None = None
    daily_cap: int | None = Field(default=None, ge=0, le=100, strict=True)


class Evidence(Frozen):
    """A message that something was concluded from."""

    session_id: UUID
    message_id: UUID
