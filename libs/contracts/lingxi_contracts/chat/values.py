"""The bounds and the words that chat's events, views and requests share."""

from typing import Literal

from pydantic import Field

from lingxi_contracts.base import Frozen

OWNER = "chat"

MESSAGE_CHARS_MAX = 32_000
TITLE_CHARS_MAX = 60
SEARCH_CHARS_MAX = 200
PAGE_SIZE_MAX = 100
MESSAGES_PAGE_MAX = 200
HISTORY_MESSAGES_MAX = 20
"""Messages of each session in a history of many sessions."""
SUMMARY_CHARS_MAX = 1_000
SUMMARY_EVERY_MESSAGES = 10
REVIEW_EVERY_MESSAGES = 20
SUMMARY_WORK_MESSAGES_MAX = 50
SUMMARY_WORK_CHARS_MAX = 24_000
REVIEW_MESSAGES_MAX = 30
PROACTIVE_MESSAGES_MAX = 20

FailureCode = Literal[
    "model_rate_limited",
    "model_timeout",
    "model_unavailable",
    "model_auth",
    "model_not_found",
    "model_refused",
    "context_too_long",
    "bad_answer",
    "abandoned",
    "stopped",
]
Author = Literal["user", "agent"]
News = Literal["summary", "personality", "suggestion"]
"""What came since the session's previous answer: a summary, another version of the agent's
personality, or a suggestion of one that waits for the user."""


class Critical(Frozen):
    """A message needs care: of which kind, and the operator's text and links about it."""

    critical_type: str
    text: str
    links: tuple[str, ...] = ()


class Usage(Frozen):
    """What a model call cost, in the provider's tokens."""

    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)
